//! The broker's side of producing: checks, partitions, appends.

use std::sync::Arc;
use std::time::Duration;

use connect_api::{Str, TopicPartition};
use tokio::time::Instant;

use super::MemoryKafkaConfig;
use super::log::{TransactionNumber, index, unknown_partition, unknown_topic};
use super::slot::{Slot, all_failed};
use super::state::State;
use super::transactions::Epoch;
use crate::kafka::partitioner::partition_for_key;
use crate::kafka::{
    KafkaError, KafkaErrorKind, NewTopic, ProducerRecord, RecordPosition, Result, SendReport,
};

/// Who writes a batch, and how.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pub(super) transactional: Option<TransactionalWriter>,
    pub(super) max_request_size: usize,
    /// Where records without a key go: the next partition with every batch.
    pub(super) sticky: usize,
}

#[derive(Clone, Debug)]
pub(super) struct TransactionalWriter {
    pub(super) id: Arc<str>,
    pub(super) epoch: Epoch,
    pub(super) timeout: Duration,
}

/// A batch that waits for the broker.
#[derive(Debug)]
pub(super) struct PendingBatch {
    pub(super) slot: Arc<Slot>,
    pub(super) records: Arc<Vec<ProducerRecord>>,
    pub(super) positions: bool,
    pub(super) writer: Writer,
    pub(super) lose_ack: bool,
}

impl State {
    /// Writes what waited for the broker.
    pub(super) fn write_pending(&mut self, config: &MemoryKafkaConfig, now: Instant) {
        for batch in std::mem::take(&mut self.pending) {
            if !batch.slot.settle(now) {
                let report = self.write(config, &batch.writer, &batch.records, batch.positions, now);
                batch.slot.fill_unless_lost(report, batch.lose_ack);
            }
        }
    }

    /// Writes a batch as the broker does.
    pub(super) fn write(
        &mut self,
        config: &MemoryKafkaConfig,
        writer: &Writer,
        records: &[ProducerRecord],
        positions: bool,
        now: Instant,
    ) -> SendReport {
        let transaction = match &writer.transactional {
            None => None,
            Some(producer) => {
                if self.transactions.check(&producer.id, producer.epoch).is_err() {
                    return all_failed(records.len(), positions, || fenced(&producer.id));
                }
                let (number, expires) = self.transactions.open(&producer.id, producer.timeout, now);
                self.expires_at(expires);
                Some((number, &*producer.id))
            }
        };
        let mut report = SendReport::default();
        if positions {
            report.positions.reserve(records.len());
        }
        let mut first = 0;
        while let Some(record) = records.get(first) {
            let run = records[first..].iter().take_while(|next| next.topic == record.topic).count();
            self.write_run(config, writer, transaction, &records[first..first + run], |index, written| {
                if positions {
                    report.positions.push(written.as_ref().ok().copied());
                }
                if let Err(error) = written {
                    report.failed.push((first + index, error));
                }
            });
            first += run;
        }
        report
    }

    /// Writes consecutive records of one topic.
    fn write_run(
        &mut self,
        config: &MemoryKafkaConfig,
        writer: &Writer,
        transaction: Option<(TransactionNumber, &str)>,
        records: &[ProducerRecord],
        mut settle: impl FnMut(usize, Result<RecordPosition>),
    ) {
        let Some(name) = records.first().map(|record| &record.topic) else { return };
        if let Err(error) = self.ensure_topic(config, name) {
            for index in 0..records.len() {
                settle(index, Err(KafkaError::new(error.kind(), error.to_string())));
            }
            return;
        }
        let refusal = self.faults.refusal();
        let Some(topic) = self.log.topics.get_mut(name) else { return };
        let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        let mut touched = vec![false; topic.partitions.len()];
        for (position, record) in records.iter().enumerate() {
            if let Some(kind) = refusal.as_ref().and_then(|refusal| refusal(record)) {
                settle(
                    position,
                    Err(KafkaError::new(kind, format!("injected refusal of a record: {kind:?}"))),
                );
                continue;
            }
            if let Err(error) = topic.check(name, record, writer.max_request_size) {
                settle(position, Err(error));
                continue;
            }
            let number = match (record.partition, &record.key) {
                (Some(number), _) => number,
                (None, Some(key)) => partition_for_key(key, partitions),
                (None, None) => i32::try_from(writer.sticky % topic.partitions.len()).unwrap_or(0),
            };
            let Some(partition) = topic.partitions.get_mut(index(number)) else {
                settle(position, Err(unknown_partition(&TopicPartition::new(name.clone(), number))));
                continue;
            };
            let transaction = transaction.map_or(0, |(number, _)| number);
            let offset = partition.append(record, transaction, topic.config.log_append_time);
            if let Some(touched) = touched.get_mut(index(number)) {
                *touched = true;
            }
            settle(position, Ok(RecordPosition { partition: number, offset }));
        }
        for (number, partition) in (0..).zip(&mut topic.partitions) {
            if !touched.get(index(number)).is_some_and(|touched| *touched) {
                continue;
            }
            if let Some((_, id)) = transaction {
                self.transactions.touch(id, &TopicPartition::new(name.clone(), number));
            }
            if topic.config.compact
                && config.compact_after.is_some_and(|after| partition.wants_compaction(after))
            {
                partition.compact(topic.config.keep_tombstones);
            }
        }
    }

    /// Creates a topic that is written to, where that is allowed.
    fn ensure_topic(&mut self, config: &MemoryKafkaConfig, name: &Str) -> Result<()> {
        if self.log.topics.contains_key(name) {
            return Ok(());
        }
        if !config.auto_create_topics {
            return Err(unknown_topic(name));
        }
        let topic = NewTopic {
            name: name.clone(),
            partitions: None,
            replication_factor: None,
            configs: Default::default(),
        };
        self.log.create(&topic, config.num_partitions)?;
        self.topics_changed();
        Ok(())
    }

    /// Writes one record for nobody in particular.
    pub(super) fn write_one(
        &mut self,
        config: &MemoryKafkaConfig,
        record: &ProducerRecord,
    ) -> Result<RecordPosition> {
        let writer = Writer { transactional: None, max_request_size: usize::MAX, sticky: 0 };
        let mut result = Err(unknown_topic(&record.topic));
        self.write_run(config, &writer, None, std::slice::from_ref(record), |_, written| result = written);
        result
    }
}

fn fenced(id: &str) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Fenced, format!("producer with transactional id {id} is fenced"))
}
