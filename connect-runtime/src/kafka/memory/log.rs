//! Topics and partitions: what is stored, where, and who may see it.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use connect_api::{Str, TimestampType, TopicPartition};

use super::topic_config::TopicConfig;
use crate::kafka::{
    ConsumerRecord, IsolationLevel, KafkaError, KafkaErrorKind, NewTopic, ProducerRecord, Result,
};
use crate::time::now_millis;

/// The number of a transaction; 0 stands for none.
pub(super) type TransactionNumber = u64;

/// All topics.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) topics: BTreeMap<Str, Topic>,
}

#[derive(Debug)]
pub(super) struct Topic {
    pub(super) config: TopicConfig,
    pub(super) partitions: Vec<Partition>,
}

impl Log {
    pub(super) fn create(&mut self, topic: &NewTopic, default_partitions: i32) -> Result<()> {
        check_name(&topic.name)?;
        if self.topics.contains_key(&topic.name) {
            let message = format!("topic {} already exists", topic.name);
            return Err(KafkaError::new(KafkaErrorKind::TopicExists, message));
        }
        let partitions = match topic.partitions {
            None | Some(-1) => default_partitions,
            Some(partitions) => partitions,
        };
        if partitions < 1 {
            let message = format!("topic {} cannot have {partitions} partitions: at least 1", topic.name);
            return Err(KafkaError::new(KafkaErrorKind::Config, message));
        }
        if let Some(factor) = topic.replication_factor.filter(|factor| *factor < 1 && *factor != -1) {
            let message = format!("topic {} cannot have replication factor {factor}: at least 1", topic.name);
            return Err(KafkaError::new(KafkaErrorKind::Config, message));
        }
        let config = TopicConfig::new(topic.configs.clone())?;
        let partitions = (0..partitions).map(|_| Partition::default()).collect();
        self.topics.insert(topic.name.clone(), Topic { config, partitions });
        Ok(())
    }

    pub(super) fn partition(&self, at: &TopicPartition) -> Result<&Partition> {
        self.topics
            .get(at.topic.as_str())
            .and_then(|topic| topic.partitions.get(index(at.partition)))
            .ok_or_else(|| unknown_partition(at))
    }

    pub(super) fn partition_mut(&mut self, at: &TopicPartition) -> Option<&mut Partition> {
        self.topics.get_mut(at.topic.as_str()).and_then(|topic| topic.partitions.get_mut(index(at.partition)))
    }

    /// All partitions of a topic, none when it does not exist.
    pub(super) fn partitions_of<'a>(&'a self, name: &'a Str) -> impl Iterator<Item = TopicPartition> + 'a {
        let count = self.topics.get(name).map_or(0, |topic| topic.partitions.len());
        (0..count)
            .filter_map(|partition| Some(TopicPartition::new(name.clone(), i32::try_from(partition).ok()?)))
    }
}

/// The index of a partition; a negative number is an index that does not exist.
pub(super) fn index(partition: i32) -> usize {
    usize::try_from(partition).unwrap_or(usize::MAX)
}

pub(super) fn unknown_topic(topic: &str) -> KafkaError {
    KafkaError::new(KafkaErrorKind::UnknownTopic, format!("topic {topic} does not exist"))
}

pub(super) fn unknown_partition(at: &TopicPartition) -> KafkaError {
    KafkaError::new(KafkaErrorKind::UnknownTopic, format!("topic or partition {at} does not exist"))
}

fn check_name(name: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name == "." || name == ".." || name.len() > 249 || !name.chars().all(legal) {
        let message = format!(
            "invalid topic name {name:?}: 1 to 249 ASCII letters, digits, '.', '_' and '-', not \".\" or \"..\""
        );
        return Err(KafkaError::new(KafkaErrorKind::Config, message));
    }
    Ok(())
}

impl Topic {
    /// Checks what the broker checks before it appends.
    pub(super) fn check(&self, name: &str, record: &ProducerRecord, max_request_size: usize) -> Result<()> {
        let size = size_of_record(record);
        let limit = max_request_size.min(self.config.max_message_bytes);
        if size > limit {
            let message = format!("the record for topic {name} takes {size} bytes, the limit is {limit}");
            return Err(KafkaError::new(KafkaErrorKind::RecordTooLarge, message));
        }
        if self.config.compact && record.key.is_none() {
            let message = format!("topic {name} is compacted and does not accept a record without key");
            return Err(KafkaError::new(KafkaErrorKind::InvalidRecord, message));
        }
        if let Some(timestamp) = record.timestamp.filter(|timestamp| *timestamp < 0) {
            let message = format!("the record for topic {name} has the negative timestamp {timestamp}");
            return Err(KafkaError::new(KafkaErrorKind::InvalidRecord, message));
        }
        Ok(())
    }
}

/// What a record takes on the wire in a batch of its own, rounded up.
pub(super) fn size_of_record(record: &ProducerRecord) -> usize {
    const BATCH_AND_RECORD: usize = 61 + 21;
    let length = |bytes: Option<&Bytes>| bytes.map_or(0, Bytes::len);
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + length(value) + 10).sum();
    BATCH_AND_RECORD + length(record.key.as_ref()) + length(record.value.as_ref()) + headers
}

/// One append-only log. Transaction markers take an offset and nothing else: they are gaps.
#[derive(Debug, Default)]
pub(super) struct Partition {
    entries: Vec<Entry>,
    end: i64,
    /// Open transactions with their first offset.
    open: BTreeMap<TransactionNumber, i64>,
    aborted: HashSet<TransactionNumber>,
    appended_since_compaction: usize,
}

#[derive(Debug)]
struct Entry {
    transaction: TransactionNumber,
    record: ConsumerRecord,
}

impl Partition {
    /// Appends a record and returns its offset.
    pub(super) fn append(
        &mut self,
        record: &ProducerRecord,
        transaction: TransactionNumber,
        log_append_time: bool,
    ) -> i64 {
        let offset = self.end;
        let (timestamp, timestamp_type) = match record.timestamp {
            Some(timestamp) if !log_append_time => (timestamp, TimestampType::CreateTime),
            None if !log_append_time => (now_millis(), TimestampType::CreateTime),
            _ => (now_millis(), TimestampType::LogAppendTime),
        };
        let record = ConsumerRecord {
            offset,
            timestamp,
            timestamp_type,
            key: record.key.clone(),
            value: record.value.clone(),
            headers: record.headers.clone(),
        };
        self.entries.push(Entry { transaction, record });
        if transaction != 0 {
            self.open.entry(transaction).or_insert(offset);
        }
        self.end += 1;
        self.appended_since_compaction += 1;
        offset
    }

    /// Ends a transaction with a marker.
    pub(super) fn end_transaction(&mut self, transaction: TransactionNumber, committed: bool) {
        if self.open.remove(&transaction).is_some() && !committed {
            self.aborted.insert(transaction);
        }
        self.end += 1;
    }

    /// The first offset. Nothing is ever removed from the front.
    pub(super) fn beginning(&self) -> i64 {
        0
    }

    pub(super) fn end(&self, isolation: IsolationLevel) -> i64 {
        match isolation {
            IsolationLevel::ReadUncommitted => self.end,
            IsolationLevel::ReadCommitted => self.open.values().copied().min().unwrap_or(self.end),
        }
    }

    /// At most `limit` visible records from `position` on, and the position after them.
    pub(super) fn read(
        &self,
        position: i64,
        limit: usize,
        isolation: IsolationLevel,
    ) -> (Vec<ConsumerRecord>, i64) {
        let end = self.end(isolation);
        let from = self.entries.partition_point(|entry| entry.record.offset < position);
        let committed_only = isolation == IsolationLevel::ReadCommitted && !self.aborted.is_empty();
        let mut records = Vec::with_capacity(limit.min(self.entries.len() - from));
        for entry in &self.entries[from..] {
            if entry.record.offset >= end {
                break;
            }
            if records.len() == limit {
                return match records.last().map(|last: &ConsumerRecord| last.offset + 1) {
                    Some(next) => (records, next),
                    None => (records, position),
                };
            }
            if !(committed_only && self.aborted.contains(&entry.transaction)) {
                records.push(entry.record.clone());
            }
        }
        // Only markers and aborted records may follow: step over them.
        (records, end.max(position))
    }

    /// What belongs to no open and to no aborted transaction.
    pub(super) fn committed(&self) -> impl Iterator<Item = &ConsumerRecord> {
        let unsettled = |entry: &&Entry| {
            self.aborted.contains(&entry.transaction) || self.open.contains_key(&entry.transaction)
        };
        self.entries.iter().filter(move |entry| !unsettled(entry)).map(|entry| &entry.record)
    }

    /// How many records are visible.
    pub(super) fn count(&self, isolation: IsolationLevel) -> usize {
        let end = self.end(isolation);
        let visible = &self.entries[..self.entries.partition_point(|entry| entry.record.offset < end)];
        match isolation {
            IsolationLevel::ReadCommitted if !self.aborted.is_empty() => {
                visible.iter().filter(|entry| !self.aborted.contains(&entry.transaction)).count()
            }
            _ => visible.len(),
        }
    }

    /// The first record at or after a time.
    pub(super) fn offset_for_time(&self, timestamp: i64) -> Option<i64> {
        self.entries.iter().find(|entry| entry.record.timestamp >= timestamp).map(|entry| entry.record.offset)
    }

    /// Whether `after` records were appended since the last compaction.
    pub(super) fn wants_compaction(&self, after: usize) -> bool {
        self.appended_since_compaction >= after
    }

    /// Keeps the last record of each key below the last stable offset, and none that was aborted. Offsets stay.
    pub(super) fn compact(&mut self, keep_tombstones: bool) {
        let stable = self.end(IsolationLevel::ReadCommitted);
        let mut last = HashMap::<Option<Bytes>, i64>::new();
        for entry in self.entries.iter().filter(|entry| !self.aborted.contains(&entry.transaction)) {
            if entry.record.offset < stable {
                last.insert(entry.record.key.clone(), entry.record.offset);
            }
        }
        self.entries.retain(|entry| {
            let record = &entry.record;
            record.offset >= stable
                || (last.get(&record.key) == Some(&record.offset)
                    && (keep_tombstones || record.value.is_some()))
        });
        // Aborted records are gone below the last stable offset, and above it only open transactions remain unknown.
        let left: HashSet<_> = self.entries.iter().map(|entry| entry.transaction).collect();
        self.aborted.retain(|transaction| left.contains(transaction));
        self.appended_since_compaction = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, value: Option<&str>) -> ProducerRecord {
        ProducerRecord {
            topic: "t".into(),
            partition: None,
            timestamp: Some(1),
            key: Some(Bytes::copy_from_slice(key.as_bytes())),
            value: value.map(|value| Bytes::copy_from_slice(value.as_bytes())),
            headers: Default::default(),
        }
    }

    fn offsets(read: &(Vec<ConsumerRecord>, i64)) -> (Vec<i64>, i64) {
        (read.0.iter().map(|record| record.offset).collect(), read.1)
    }

    #[test]
    fn a_committed_reader_stops_before_the_first_open_transaction_and_skips_aborted_ones() {
        let mut log = Partition::default();
        log.append(&record("a", Some("0")), 0, false);
        log.append(&record("a", Some("1")), 7, false);
        log.append(&record("a", Some("2")), 8, false);
        log.end_transaction(8, false);
        log.append(&record("a", Some("4")), 0, false);
        let read = |log: &Partition, isolation| offsets(&log.read(0, 100, isolation));
        assert_eq!(read(&log, IsolationLevel::ReadCommitted), (vec![0], 1));
        assert_eq!(read(&log, IsolationLevel::ReadUncommitted), (vec![0, 1, 2, 4], 5));
        log.end_transaction(7, true);
        assert_eq!(read(&log, IsolationLevel::ReadCommitted), (vec![0, 1, 4], 6));
    }

    #[test]
    fn a_limited_read_leaves_the_rest_for_the_next() {
        let mut log = Partition::default();
        for _ in 0..5 {
            log.append(&record("a", Some("x")), 0, false);
        }
        assert_eq!(offsets(&log.read(0, 3, IsolationLevel::ReadCommitted)), (vec![0, 1, 2], 3));
        assert_eq!(offsets(&log.read(3, 3, IsolationLevel::ReadCommitted)), (vec![3, 4], 5));
        assert_eq!(offsets(&log.read(5, 3, IsolationLevel::ReadCommitted)), (vec![], 5));
    }

    #[test]
    fn compaction_keeps_the_last_of_each_key_and_every_offset() {
        let mut log = Partition::default();
        log.append(&record("a", Some("1")), 0, false);
        log.append(&record("b", Some("1")), 0, false);
        log.append(&record("a", Some("2")), 5, false);
        log.end_transaction(5, false);
        log.append(&record("b", None), 0, false);
        log.append(&record("c", Some("1")), 6, false);
        log.compact(true);
        assert_eq!(offsets(&log.read(0, 9, IsolationLevel::ReadUncommitted)), (vec![0, 4, 5], 6));
        log.compact(false);
        assert_eq!(offsets(&log.read(0, 9, IsolationLevel::ReadUncommitted)), (vec![0, 5], 6));
    }
}
