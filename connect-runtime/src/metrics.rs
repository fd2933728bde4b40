//! What a task counts. Every record that was read is counted once more where it ended.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::ledger::{Ledger, LedgerPartition};

/// A reading of a task's counters.
///
/// Records that a sink gives back before it delivered them (a rebalance, a rewind) leave `records_read` again:
/// whoever reads them next counts them.
///
/// `records_read = records_delivered + records_filtered + records_skipped + records_in_flight`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskMetrics {
    /// Records polled from the source (`source-record-poll-total`) or consumed from Kafka
    /// (`sink-record-read-total`).
    pub records_read: u64,
    /// Records acknowledged by Kafka (`source-record-write-total`) or taken by `put` (`sink-record-send-total`).
    pub records_delivered: u64,
    /// Records that a transformation dropped.
    pub records_filtered: u64,
    /// Records given up under `errors.tolerance=all` (`total-records-skipped`).
    pub records_skipped: u64,
    /// Records read and not yet at their end.
    pub records_in_flight: u64,
    /// Records that failed in a stage for good, tolerated or not (`total-record-errors`).
    pub record_errors: u64,
    /// Failed attempts, retried ones included (`total-record-failures`).
    pub record_failures: u64,
    /// Repeated attempts (`total-retries`).
    pub retries: u64,
    /// Errors written to the log (`total-errors-logged`).
    pub errors_logged: u64,
    /// Records handed to the dead letter queue, those that failed their task included
    /// (`deadletterqueue-produce-requests`).
    pub dead_letter_requests: u64,
    /// Dead letters that Kafka refused for good (`deadletterqueue-produce-failures`).
    pub dead_letter_failures: u64,
    /// When a record failed last, in milliseconds since the epoch; 0 for never (`last-error-timestamp`).
    pub last_error_timestamp: i64,
    /// Successful offset commits.
    pub offset_commits: u64,
    /// Offset commits that failed or took too long.
    pub offset_commit_failures: u64,
    /// For a sink, how many records the partitions assigned to it still hold, as far as known.
    pub lag: Option<u64>,
}

/// The counters themselves, shared between the task and its readers.
#[derive(Debug)]
pub(crate) struct TaskCounters {
    pub(crate) read: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) filtered: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) errors: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) logged: AtomicU64,
    pub(crate) dead_letters: AtomicU64,
    pub(crate) dead_letter_failures: AtomicU64,
    /// Milliseconds since the epoch.
    pub(crate) last_error: AtomicI64,
    pub(crate) commits: AtomicU64,
    pub(crate) commit_failures: AtomicU64,
    /// Negative while unknown.
    pub(crate) lag: AtomicI64,
    /// The same by partition.
    pub(crate) ledger: Ledger,
}

impl Default for TaskCounters {
    fn default() -> Self {
        let zero = AtomicU64::default;
        Self {
            read: zero(),
            delivered: zero(),
            filtered: zero(),
            skipped: zero(),
            errors: zero(),
            failures: zero(),
            retries: zero(),
            logged: zero(),
            dead_letters: zero(),
            dead_letter_failures: zero(),
            last_error: AtomicI64::new(0),
            commits: zero(),
            commit_failures: zero(),
            lag: AtomicI64::new(-1),
            ledger: Ledger::default(),
        }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Relaxed);
}

impl TaskCounters {
    /// A record that counts as delivered was reported afterwards. `queued`: there is a dead letter queue.
    pub(crate) fn reported_late(&self, partition: LedgerPartition, queued: bool) {
        if self.ledger.reported_late(partition, queued) {
            self.delivered.fetch_sub(1, Relaxed);
            add(&self.skipped, 1);
        }
    }

    pub(crate) fn snapshot(&self) -> TaskMetrics {
        // The ends are read before the beginning, so that the difference is never negative.
        let delivered = self.delivered.load(Relaxed);
        let filtered = self.filtered.load(Relaxed);
        let skipped = self.skipped.load(Relaxed);
        let read = self.read.load(Relaxed);
        TaskMetrics {
            records_read: read,
            records_delivered: delivered,
            records_filtered: filtered,
            records_skipped: skipped,
            records_in_flight: read.saturating_sub(delivered + filtered + skipped),
            record_errors: self.errors.load(Relaxed),
            record_failures: self.failures.load(Relaxed),
            retries: self.retries.load(Relaxed),
            errors_logged: self.logged.load(Relaxed),
            dead_letter_requests: self.dead_letters.load(Relaxed),
            dead_letter_failures: self.dead_letter_failures.load(Relaxed),
            last_error_timestamp: self.last_error.load(Relaxed),
            offset_commits: self.commits.load(Relaxed),
            offset_commit_failures: self.commit_failures.load(Relaxed),
            lag: u64::try_from(self.lag.load(Relaxed)).ok(),
        }
    }
}
