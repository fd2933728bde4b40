//! The transaction coordinator: epochs, open transactions, markers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use connect_api::TopicPartition;
use tokio::time::Instant;

use super::log::{Log, TransactionNumber};
use super::state::{after, earliest};
use crate::kafka::{KafkaError, KafkaErrorKind, Result};

/// Which producer of a transactional id is the current one.
pub(super) type Epoch = u64;

#[derive(Debug, Default)]
pub(super) struct Transactions {
    producers: BTreeMap<String, Transactional>,
    numbers: TransactionNumber,
}

#[derive(Debug, Default)]
struct Transactional {
    epoch: Epoch,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    number: TransactionNumber,
    partitions: BTreeSet<TopicPartition>,
    expires: Instant,
}

impl Transactions {
    /// Makes every older producer of this id a zombie, aborts what it left open, and returns the new epoch.
    pub(super) fn fence(&mut self, log: &mut Log, id: &str) -> Epoch {
        let producer = self.producers.entry(id.to_owned()).or_default();
        if let Some(open) = producer.open.take() {
            open.end(log, false);
        }
        producer.epoch += 1;
        producer.epoch
    }

    /// Fails when a newer producer has taken over.
    pub(super) fn check(&self, id: &str, epoch: Epoch) -> Result<()> {
        match self.producers.get(id) {
            Some(producer) if producer.epoch == epoch => Ok(()),
            _ => Err(KafkaError::new(
                KafkaErrorKind::Fenced,
                format!(
                    "producer with transactional id {id} is fenced: a newer one took over, or its transaction timed out"
                ),
            )),
        }
    }

    /// The number of the open transaction, which is opened if there is none. Call [`check`](Self::check) before.
    pub(super) fn open(&mut self, id: &str, timeout: Duration, now: Instant) -> (TransactionNumber, Instant) {
        let producer = self.producers.entry(id.to_owned()).or_default();
        let open = producer.open.get_or_insert_with(|| {
            self.numbers += 1;
            Open { number: self.numbers, partitions: BTreeSet::new(), expires: after(now, timeout) }
        });
        (open.number, open.expires)
    }

    /// Adds a partition to the open transaction.
    pub(super) fn touch(&mut self, id: &str, partition: &TopicPartition) {
        if let Some(open) = self.producers.get_mut(id).and_then(|producer| producer.open.as_mut())
            && !open.partitions.contains(partition)
        {
            open.partitions.insert(partition.clone());
        }
    }

    /// Commits or aborts the open transaction, if there is one.
    pub(super) fn end(&mut self, log: &mut Log, id: &str, epoch: Epoch, committed: bool) -> Result<()> {
        self.check(id, epoch)?;
        if let Some(open) = self.producers.get_mut(id).and_then(|producer| producer.open.take()) {
            open.end(log, committed);
        }
        Ok(())
    }

    /// Aborts transactions that have been open for longer than `transaction.timeout.ms` and fences their producers.
    pub(super) fn expire(&mut self, log: &mut Log, now: Instant, next: &mut Option<Instant>) -> bool {
        let mut expired = false;
        for producer in self.producers.values_mut() {
            if let Some(open) = producer.open.take_if(|open| now >= open.expires) {
                open.end(log, false);
                producer.epoch += 1;
                expired = true;
            } else if let Some(open) = &producer.open {
                *next = earliest(*next, Some(open.expires));
            }
        }
        expired
    }
}

impl Open {
    fn end(self, log: &mut Log, committed: bool) {
        for partition in &self.partitions {
            if let Some(partition) = log.partition_mut(partition) {
                partition.end_transaction(self.number, committed);
            }
        }
    }
}
