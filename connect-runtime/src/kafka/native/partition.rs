//! One partition: its batches in order, at most one of them under way.

use std::collections::VecDeque;
use std::sync::Arc;

use connect_api::Str;
use tokio::time::Instant;

use super::batch::Batch;
use super::records::{Identity, Stamp};
use super::ticket::Ticket;
use crate::kafka::KafkaError;
use crate::kafka::net::{Uuid, again};

/// A partition that records are written to.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) topic: Str,
    pub(super) topic_id: Uuid,
    pub(super) index: i32,
    pub(super) leader: Option<i32>,
    pub(super) leader_epoch: i32,
    /// Oldest first. The last one may still take records.
    pub(super) queue: VecDeque<Batch>,
    /// The batch before the queue is under way. A second one could overtake it: a broker that does not know the
    /// producer yet, or not any more, takes any first sequence number.
    pub(super) in_flight: bool,
    pub(super) retry_at: Option<Instant>,
    /// Whether it is in the producer's list of partitions that have something to send.
    pub(super) listed: bool,
    /// Batches grow no further. It shrinks when the topic turns out to take less.
    pub(super) limit: usize,
    identity: Identity,
    sequence: i32,
    /// Calls whose records were given up, until the caller knows: what comes before would overtake them.
    given_up: Vec<Arc<Ticket>>,
}

impl Partition {
    pub(super) fn new(topic: Str, topic_id: Uuid, index: i32, limit: usize) -> Self {
        Self {
            topic,
            topic_id,
            index,
            leader: None,
            leader_epoch: -1,
            queue: VecDeque::new(),
            in_flight: false,
            retry_at: None,
            listed: false,
            limit,
            identity: Identity::NONE,
            sequence: 0,
            given_up: Vec::new(),
        }
    }

    /// Whether records of a call must be refused for now, so that they do not overtake others.
    pub(super) fn is_barred(&mut self, ticket: &Arc<Ticket>) -> bool {
        if self.given_up.is_empty() {
            return false;
        }
        self.given_up.retain(|ticket| !ticket.is_seen());
        let barred = !self.given_up.is_empty();
        if barred {
            self.bar(ticket);
        }
        barred
    }

    fn bar(&mut self, ticket: &Arc<Ticket>) {
        if !self.given_up.last().is_some_and(|last| Arc::ptr_eq(last, ticket)) {
            self.given_up.push(Arc::clone(ticket));
        }
    }

    /// The stamp of the next batch. A new identity begins to count anew.
    pub(super) fn stamp(&mut self, identity: Identity, transactional: bool) -> Stamp {
        if !identity.is_some() {
            return Stamp { identity, sequence: -1, transactional };
        }
        // An idempotent producer counts up its epoch by itself, partition by partition.
        if self.identity.id != identity.id || self.identity.epoch < identity.epoch {
            self.identity = identity;
            self.sequence = 0;
        }
        Stamp { identity: self.identity, sequence: self.sequence, transactional }
    }

    /// A batch of so many records is in the log.
    pub(super) fn count_up(&mut self, count: i32) {
        self.sequence = next_sequence(self.sequence, count);
    }

    /// Begins a new epoch, because nobody knows any more what the broker expects. `false` when there is none left.
    pub(super) fn begin_epoch(&mut self) -> bool {
        if !self.identity.is_some() {
            return true;
        }
        let Some(epoch) = self.identity.epoch.checked_add(1) else { return false };
        self.identity.epoch = epoch;
        self.sequence = 0;
        true
    }

    /// Gives up all batches for now and answers them. Whoever sent them hears of it and may send them again.
    pub(super) fn give_up(&mut self, error: &KafkaError) -> Vec<Batch> {
        let error = again(error).with_retriable(true);
        let batches: Vec<_> = self.queue.drain(..).collect();
        for batch in &batches {
            batch.tickets().iter().for_each(|ticket| self.bar(ticket));
        }
        batches.iter().for_each(|batch| batch.failed(&error));
        self.retry_at = None;
        batches
    }
}

/// Sequence numbers start again at 0 after the greatest number of 32 bits.
fn next_sequence(sequence: i32, count: i32) -> i32 {
    let next = i64::from(sequence) + i64::from(count);
    i32::try_from(next % (i64::from(i32::MAX) + 1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition() -> Partition {
        Partition::new("t".into(), [0; 16], 0, 1000)
    }

    #[test]
    fn sequence_numbers_wrap_as_brokers_expect() {
        assert_eq!(next_sequence(10, 5), 15);
        assert_eq!(next_sequence(i32::MAX, 1), 0);
        assert_eq!(next_sequence(i32::MAX - 1, 5), 3);
    }

    #[test]
    fn a_new_epoch_counts_from_zero_and_outlives_the_identity_it_came_from() {
        let (mut partition, identity) = (partition(), Identity { id: 9, epoch: 0 });
        partition.stamp(identity, false);
        partition.count_up(7);
        assert_eq!(partition.stamp(identity, false).sequence, 7);
        assert!(partition.begin_epoch());
        let stamp = partition.stamp(identity, false);
        assert_eq!((stamp.identity.epoch, stamp.sequence), (1, 0));
        partition.count_up(3);
        // A transaction ended: the coordinator gave a newer epoch to all.
        let stamp = partition.stamp(Identity { id: 9, epoch: 5 }, true);
        assert_eq!((stamp.identity.epoch, stamp.sequence), (5, 0));
    }

    #[test]
    fn without_idempotence_there_is_nothing_to_count() {
        let mut partition = partition();
        assert_eq!(partition.stamp(Identity::NONE, false).sequence, -1);
        assert!(partition.begin_epoch());
        assert_eq!(partition.stamp(Identity::NONE, false).identity, Identity::NONE);
    }
}
