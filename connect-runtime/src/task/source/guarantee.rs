//! What is promised about the delivery of records: at least once, or exactly once.
//!
//! The loop polls and converts. What happens between the producer and the offsets is a [`Guarantee`]: offsets that are
//! committed beside their records once those are acknowledged ([`AtLeastOnce`](super::at_least_once::AtLeastOnce)), or
//! in one transaction with them ([`ExactlyOnce`](super::exactly_once::ExactlyOnce)).

use async_trait::async_trait;
use connect_api::{Error, RecordMetadata, Result, SourceOffset, SourcePartition, SourceRecord};

use crate::kafka::ProducerRecord;
use crate::ledger::Line;
use crate::pipeline::Operator;

/// How many records may be between `poll` and their acknowledgement: enough to keep a producer busy for some tens of
/// milliseconds, and a bound on memory.
pub(super) const MAX_IN_FLIGHT_RECORDS: usize = 20_000;
/// And how many batches, for sources that poll single large records.
pub(super) const MAX_IN_FLIGHT_BATCHES: usize = 64;

/// Records that leave the pipeline: what one poll brought, or a part of it.
#[derive(Default)]
pub(super) struct Outgoing {
    pub(super) records: Vec<ProducerRecord>,
    /// Where each of the records came from.
    pub(super) offsets: Vec<(SourcePartition, SourceOffset)>,
    /// The records as they were polled, where the task wants to hear of each.
    pub(super) originals: Vec<SourceRecord>,
    /// Whose records these are, in order: lines of the ledger.
    pub(super) booked: Vec<(Line, usize)>,
    /// Polled records that end here, where the task wants to hear of each.
    pub(super) dropped: Vec<SourceRecord>,
}

impl Outgoing {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.dropped.is_empty()
    }

    /// One more record of a line.
    pub(super) fn book(&mut self, line: Line) {
        match self.booked.last_mut() {
            Some((last, records)) if *last == line => *records += 1,
            _ => self.booked.push((line, 1)),
        }
    }
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    /// The records are discarded, their offsets are committed.
    Abort,
}

/// What the task has not heard of yet.
#[derive(Default)]
pub(super) struct News {
    /// Settled records, with where they are in Kafka.
    pub(super) settled: Vec<(SourceRecord, Option<RecordMetadata>)>,
    /// Offsets became durable, or there were none to commit.
    pub(super) committed: bool,
}

/// See the module.
#[async_trait]
pub(super) trait Guarantee: Send {
    /// Where transactions end inside of a polled batch: behind which records, ascending.
    fn ends(&mut self, _polled: &[(SourcePartition, SourceOffset)]) -> Result<Vec<(usize, End)>> {
        Ok(Vec::new())
    }

    /// `true` when another batch may be polled. Otherwise makes one step towards it; the caller looks at the state
    /// that is wanted and asks again.
    async fn make_room(&mut self, operator: &Operator) -> Result<bool>;

    /// Takes records.
    async fn take(&mut self, records: Outgoing) -> Result<()>;

    /// A transaction ends behind the records that were taken.
    fn end(&mut self, _end: End) {}

    /// All that a poll brought was taken, if it brought something.
    fn polled(&mut self) -> Result<()> {
        Ok(())
    }

    /// Waits for the next step of what is under way, and takes it. Cancel-safe.
    async fn step(&mut self, operator: &Operator);

    /// Nothing more is polled for a while.
    fn pausing(&mut self) -> Result<()> {
        Ok(())
    }

    /// Polling goes on.
    fn resumed(&mut self) {}

    /// Takes what the task has not heard of.
    fn news(&mut self) -> News;

    /// Takes the failure that ends the task.
    fn failure(&mut self) -> Option<Error>;

    /// Nothing more comes: waits for what is under way, as long as a task that stops may take, and commits what may
    /// be committed. `clean`: the task was stopped, nothing has failed.
    async fn finish(&mut self, clean: bool, operator: &Operator);

    /// Closes the producer.
    async fn close(self: Box<Self>);
}
