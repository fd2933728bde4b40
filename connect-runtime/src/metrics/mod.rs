//! What a task counts and measures. Every record that was read is counted once more where it ended.

mod registry;
mod startups;
mod states;
mod templates;
mod window;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

#[cfg(feature = "opentelemetry")]
pub(crate) use self::registry::scope;
pub use self::registry::{Histogram, Metric, MetricValue, Metrics};
pub(crate) use self::startups::WorkerStartups;
pub(crate) use self::states::{Phase, StateTimes};
pub use self::templates::{MetricKind, MetricTemplate, metric_templates};
pub(crate) use self::window::{Counter, Sampling, Timing, Window};
use crate::ledger::{Ledger, LedgerPartition};

/// The group of what Kafka does not measure.
pub(crate) const OWN_GROUP: &str = "connect";

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
    pub(crate) read: Counter,
    pub(crate) delivered: Counter,
    pub(crate) filtered: Counter,
    pub(crate) skipped: Counter,
    pub(crate) errors: Counter,
    pub(crate) failures: Counter,
    pub(crate) retries: Counter,
    pub(crate) logged: Counter,
    pub(crate) dead_letters: Counter,
    pub(crate) dead_letter_failures: Counter,
    /// Milliseconds since the epoch.
    pub(crate) last_error: AtomicI64,
    pub(crate) commits: Counter,
    pub(crate) commit_failures: Counter,
    /// Negative while unknown.
    pub(crate) lag: AtomicI64,
    /// The same by partition.
    pub(crate) ledger: Ledger,
    /// How long `poll` took when it had records, or `put`.
    pub(crate) calls: Timing,
    /// How long successful offset commits took.
    pub(crate) commit_times: Timing,
    /// How many records a batch had.
    pub(crate) batches: Window,
    /// How many records were under way, seen at every batch.
    pub(crate) active: Window,
    /// Records of each committed transaction.
    pub(crate) transactions: Window,
    /// For a sink, how many partitions are assigned.
    pub(crate) partitions: AtomicI64,
    pub(crate) states: StateTimes,
    /// It has run.
    started: AtomicBool,
    startups: Arc<WorkerStartups>,
}

impl Default for TaskCounters {
    fn default() -> Self {
        Self::new(Sampling::default(), Arc::default())
    }
}

impl TaskCounters {
    pub(crate) fn new(sampling: Sampling, startups: Arc<WorkerStartups>) -> Self {
        let counter = || Counter::new(sampling);
        Self {
            read: counter(),
            delivered: counter(),
            filtered: counter(),
            skipped: counter(),
            errors: counter(),
            failures: counter(),
            retries: counter(),
            logged: counter(),
            dead_letters: counter(),
            dead_letter_failures: counter(),
            last_error: AtomicI64::new(0),
            commits: counter(),
            commit_failures: counter(),
            lag: AtomicI64::new(-1),
            ledger: Ledger::default(),
            calls: Timing::new(sampling),
            commit_times: Timing::new(sampling),
            batches: Window::new(sampling),
            active: Window::new(sampling),
            transactions: Window::new(sampling),
            partitions: AtomicI64::new(0),
            states: StateTimes::default(),
            started: AtomicBool::new(false),
            startups,
        }
    }

    /// The task is in a state now. The first time that it runs its startup has succeeded.
    pub(crate) fn entered(&self, phase: Phase) {
        self.states.enter(phase);
        if phase != Phase::Other && !self.started.swap(true, Relaxed) {
            self.startups.tasks.succeeded();
        }
    }

    /// The task ended with an error, which is a failed startup when it never ran.
    pub(crate) fn task_failed(&self) {
        self.states.enter(Phase::Other);
        if !self.started.swap(true, Relaxed) {
            self.startups.tasks.failed();
        }
    }

    /// A batch is under way.
    pub(crate) fn batch(&self, records: usize) {
        self.batches.record(records as f64);
        self.active.record(self.snapshot().records_in_flight as f64);
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &Counter, n: usize) {
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
