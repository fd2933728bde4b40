//! The delivery ledger: for every partition that a task reads, where its records ended.
//!
//! The loops book whole batches: one lock and one look-up per batch and partition, none per record.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use connect_api::{SourcePartition, TopicPartition};

/// What a line of the ledger is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LedgerPartition {
    /// Of a sink: the topic partition that records were consumed from, whatever transformations made of it.
    Topic(TopicPartition),
    /// Of a source: the source partition of the records.
    Source(SourcePartition),
}

impl fmt::Display for LedgerPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(partition) => partition.fmt(f),
            Self::Source(partition) => write!(f, "{partition:?}"),
        }
    }
}

/// A line of the ledger.
///
/// Every number is counted by itself, and at every moment
/// `read = delivered + filtered + dead_lettered + tolerated + in_flight`; see [`is_balanced`](Self::is_balanced).
/// Records that a sink gives back before they were delivered (a rebalance, a rewind) leave `read` again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LedgerCounts {
    /// Polled from the source, or consumed from Kafka.
    pub read: u64,
    /// Acknowledged by Kafka, or taken by `put`.
    pub delivered: u64,
    /// Dropped by a transformation.
    pub filtered: u64,
    /// Given up, and handed to the dead letter queue. No offset is committed before the queue has them.
    pub dead_lettered: u64,
    /// Given up under `errors.tolerance=all` without a dead letter: no queue is configured, or Kafka refused the
    /// dead letter for good.
    pub tolerated: u64,
    /// Not at their end. When the task has failed they are read again by the next one.
    pub in_flight: u64,
}

impl LedgerCounts {
    /// Whether every record that was read is accounted for.
    pub fn is_balanced(&self) -> bool {
        self.read == self.delivered + self.filtered + self.dead_lettered + self.tolerated + self.in_flight
    }

    fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.delivered += other.delivered;
        self.filtered += other.filtered;
        self.dead_lettered += other.dead_lettered;
        self.tolerated += other.tolerated;
        self.in_flight += other.in_flight;
    }
}

/// A reading of one task's ledger, in the order in which the task met the partitions. All lines are of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskLedger {
    /// The lines.
    pub partitions: Vec<(LedgerPartition, LedgerCounts)>,
}

impl TaskLedger {
    /// The sum of all lines.
    pub fn total(&self) -> LedgerCounts {
        let mut total = LedgerCounts::default();
        for (_, counts) in &self.partitions {
            total.add(counts);
        }
        total
    }

    /// The line of a partition of a topic, of a sink's ledger.
    pub fn topic(&self, topic: &str, partition: i32) -> Option<LedgerCounts> {
        let wanted = LedgerPartition::Topic(TopicPartition::new(topic, partition));
        self.partitions.iter().find(|(partition, _)| *partition == wanted).map(|(_, counts)| *counts)
    }
}

/// Where a partition's line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line(usize);

/// How records of one partition ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ends {
    pub(crate) delivered: usize,
    pub(crate) filtered: usize,
    pub(crate) dead_lettered: usize,
    pub(crate) tolerated: usize,
}

/// The ledger of a running task.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Books>);

#[derive(Debug, Default)]
struct Books {
    lines: HashMap<LedgerPartition, usize>,
    counts: Vec<(LedgerPartition, LedgerCounts)>,
}

impl Books {
    fn line(&mut self, partition: LedgerPartition) -> usize {
        let Self { lines, counts } = self;
        *lines.entry(partition).or_insert_with_key(|partition| {
            counts.push((partition.clone(), LedgerCounts::default()));
            counts.len() - 1
        })
    }

    fn change(&mut self, line: Line, change: impl FnOnce(&mut LedgerCounts)) {
        if let Some((_, counts)) = self.counts.get_mut(line.0) {
            change(counts);
        }
    }
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records of a partition were read.
    pub(crate) fn read(&self, partition: LedgerPartition, records: usize) -> Line {
        let mut books = self.lock();
        let line = Line(books.line(partition));
        books.change(line, |counts| {
            counts.read += records as u64;
            counts.in_flight += records as u64;
        });
        line
    }

    /// A batch of a source was read: runs of records of one partition.
    pub(crate) fn read_runs<'a>(
        &self,
        runs: impl Iterator<Item = (&'a SourcePartition, usize)>,
    ) -> Vec<(Line, usize)> {
        let mut books = self.lock();
        let book = |(partition, records): (&SourcePartition, usize)| {
            let line = Line(books.line(LedgerPartition::Source(partition.clone())));
            books.change(line, |counts| {
                counts.read += records as u64;
                counts.in_flight += records as u64;
            });
            (line, records)
        };
        runs.map(book).collect()
    }

    /// Records of some partitions are at their end.
    pub(crate) fn ended(&self, all: impl IntoIterator<Item = (Line, Ends)>) {
        let mut books = self.lock();
        for (line, ends) in all {
            books.change(line, |counts| {
                let Ends { delivered, filtered, dead_lettered, tolerated } = ends;
                counts.delivered += delivered as u64;
                counts.filtered += filtered as u64;
                counts.dead_lettered += dead_lettered as u64;
                counts.tolerated += tolerated as u64;
                counts.in_flight -= (delivered + filtered + dead_lettered + tolerated) as u64;
            });
        }
    }

    /// Records were not delivered and will be read again.
    pub(crate) fn given_back(&self, line: Line, records: usize) {
        self.lock().change(line, |counts| {
            counts.read -= records as u64;
            counts.in_flight -= records as u64;
        });
    }

    /// The task reported a record after `put` had taken it. `queued`: there is a dead letter queue. `false`: no
    /// record of the partition counts as delivered, so that it was reported twice, or is none of this task.
    pub(crate) fn reported_late(&self, partition: LedgerPartition, queued: bool) -> bool {
        let mut books = self.lock();
        let line = Line(books.line(partition));
        let mut moved = false;
        books.change(line, |counts| {
            if counts.delivered > 0 {
                moved = true;
                counts.delivered -= 1;
                if queued { counts.dead_lettered += 1 } else { counts.tolerated += 1 }
            }
        });
        moved
    }

    /// Kafka refused a dead letter for good.
    pub(crate) fn letter_refused(&self, partition: LedgerPartition) {
        let mut books = self.lock();
        let line = Line(books.line(partition));
        books.change(line, |counts| {
            if counts.dead_lettered > 0 {
                counts.dead_lettered -= 1;
                counts.tolerated += 1;
            }
        });
    }

    pub(crate) fn snapshot(&self) -> TaskLedger {
        TaskLedger { partitions: self.lock().counts.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(partition: i32) -> LedgerPartition {
        LedgerPartition::Topic(TopicPartition::new("t", partition))
    }

    #[test]
    fn every_booking_keeps_the_balance() {
        let ledger = Ledger::default();
        let line = ledger.read(topic(0), 10);
        ledger.ended([(line, Ends { delivered: 3, filtered: 2, dead_lettered: 1, tolerated: 1 })]);
        ledger.given_back(line, 2);
        ledger.letter_refused(topic(0));
        ledger.reported_late(topic(0), true);
        ledger.read(topic(1), 5);
        let counts = ledger.snapshot().topic("t", 0).unwrap();
        let expected =
            LedgerCounts { read: 8, delivered: 2, filtered: 2, dead_lettered: 1, tolerated: 2, in_flight: 1 };
        assert_eq!(counts, expected);
        assert!(counts.is_balanced());
        assert_eq!(ledger.snapshot().total().in_flight, 6);
        assert_eq!(ledger.snapshot().total().read, 13);
    }

    #[test]
    fn reports_and_refusals_out_of_nowhere_change_nothing() {
        let ledger = Ledger::default();
        ledger.letter_refused(topic(0));
        ledger.reported_late(topic(0), true);
        assert_eq!(ledger.snapshot().total(), LedgerCounts::default());
    }
}
