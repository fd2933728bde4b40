//! A window into a Kafka in memory, for tests and examples. Nothing here meets injected faults.

use std::collections::BTreeMap;

use bytes::Bytes;
use connect_api::{Offsets, RawHeaders, TimestampType, TopicPartition};

use super::MemoryKafka;
use super::admin::describe;
use crate::kafka::{
    ConsumerRecord, IsolationLevel, NewTopic, ProducerRecord, RecordPosition, Result, TopicDescription,
};

/// A key or a value to be written: text, bytes, or [`NULL`](Self::NULL).
///
/// ```
/// # use connect_runtime::kafka::memory::{MemoryKafka, Payload};
/// let kafka = MemoryKafka::new();
/// kafka.produce("t", "key", Payload::NULL); // a tombstone
/// kafka.produce("t", None::<String>, vec![1, 2, 3]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload(Option<Bytes>);

impl Payload {
    /// No key, or a tombstone.
    pub const NULL: Self = Self(None);
}

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        Self(Some(Bytes::copy_from_slice(text.as_bytes())))
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self(Some(text.into()))
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Self(Some(Bytes::copy_from_slice(bytes)))
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Some(bytes.into()))
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self(Some(bytes))
    }
}

impl<T: Into<Self>> From<Option<T>> for Payload {
    fn from(payload: Option<T>) -> Self {
        payload.map_or(Self::NULL, Into::into)
    }
}

impl From<Payload> for Option<Bytes> {
    fn from(payload: Payload) -> Self {
        payload.0
    }
}

/// A record as it stands in a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicRecord {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Whose clock that was.
    pub timestamp_type: TimestampType,
    /// The key.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// The headers.
    pub headers: RawHeaders,
}

impl TopicRecord {
    /// The key as text; `None` when there is no key or it is not UTF-8.
    pub fn key_text(&self) -> Option<&str> {
        self.key.as_deref().and_then(|key| std::str::from_utf8(key).ok())
    }

    /// The value as text; `None` when it is null or not UTF-8.
    pub fn value_text(&self) -> Option<&str> {
        self.value.as_deref().and_then(|value| std::str::from_utf8(value).ok())
    }
}

fn topic_record(partition: i32, record: ConsumerRecord) -> TopicRecord {
    TopicRecord {
        partition,
        offset: record.offset,
        timestamp: record.timestamp,
        timestamp_type: record.timestamp_type,
        key: record.key,
        value: record.value,
        headers: record.headers,
    }
}

/// The window: what is stored, and shortcuts to store it.
impl MemoryKafka {
    /// Writes a record, creating the topic if it does not exist, and returns where it is.
    ///
    /// # Panics
    ///
    /// When the topic refuses the record; [`try_produce`](Self::try_produce) returns the error instead.
    #[expect(clippy::expect_used, reason = "a test that cannot set its stage should stop there")]
    #[track_caller]
    pub fn produce(&self, topic: &str, key: impl Into<Payload>, value: impl Into<Payload>) -> RecordPosition {
        self.try_produce(&ProducerRecord {
            topic: topic.into(),
            partition: None,
            timestamp: None,
            key: key.into().0,
            value: value.into().0,
            headers: RawHeaders::default(),
        })
        .expect("the topic refused the record")
    }

    /// Writes a record, creating the topic if it does not exist and that is allowed.
    pub fn try_produce(&self, record: &ProducerRecord) -> Result<RecordPosition> {
        self.shared.change(|state| state.write_one(&self.shared.config, record))
    }

    /// Creates a topic. Fails as [`Admin::create_topic`](crate::kafka::Admin::create_topic) does.
    pub fn create_topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Result<()> {
        let topic = NewTopic {
            name: name.into(),
            partitions: Some(partitions),
            replication_factor: None,
            configs: configs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        };
        self.shared.change(|state| {
            state.log.create(&topic, self.shared.config.num_partitions)?;
            state.topics_changed();
            Ok(())
        })
    }

    /// All topics, by name.
    pub fn topics(&self) -> Vec<TopicDescription> {
        let state = self.shared.lock_now();
        state.log.topics.iter().map(|(name, topic)| describe(name, topic)).collect()
    }

    /// Everything in a topic that a `read_committed` reader may see, partition by partition in offset order. Empty
    /// when the topic does not exist.
    pub fn records(&self, topic: &str) -> Vec<TopicRecord> {
        self.read(topic, IsolationLevel::ReadCommitted)
    }

    /// The same with what belongs to open and aborted transactions.
    pub fn uncommitted_records(&self, topic: &str) -> Vec<TopicRecord> {
        self.read(topic, IsolationLevel::ReadUncommitted)
    }

    /// Everything in a topic that belongs to no open and to no aborted transaction. A `read_committed` reader sees what
    /// stands behind an open transaction only when that is over; here it is already.
    pub fn committed_records(&self, topic: &str) -> Vec<TopicRecord> {
        let state = self.shared.lock_now();
        let Some(found) = state.log.topics.get(topic) else { return Vec::new() };
        let records = (0..).zip(&found.partitions).flat_map(|(number, partition)| {
            partition.committed().map(move |record| topic_record(number, record.clone()))
        });
        records.collect()
    }

    fn read(&self, topic: &str, isolation: IsolationLevel) -> Vec<TopicRecord> {
        let state = self.shared.lock_now();
        let Some(found) = state.log.topics.get(topic) else { return Vec::new() };
        let records = (0..).zip(&found.partitions).flat_map(|(number, partition)| {
            let (records, _) = partition.read(0, usize::MAX, isolation);
            records.into_iter().map(move |record| topic_record(number, record))
        });
        records.collect()
    }

    /// How many records [`records`](Self::records) would return, without copying them.
    pub fn count_records(&self, topic: &str) -> usize {
        let state = self.shared.lock_now();
        let Some(found) = state.log.topics.get(topic) else { return 0 };
        found.partitions.iter().map(|partition| partition.count(IsolationLevel::ReadCommitted)).sum()
    }

    /// Waits until a topic holds at least `count` visible records, and returns all of them. Waits for ever if they
    /// do not come: put a `tokio::time::timeout` around it.
    pub async fn wait_for_records(&self, topic: &str, count: usize) -> Vec<TopicRecord> {
        self.wait_until(|kafka| (kafka.count_records(topic) >= count).then(|| kafka.records(topic))).await
    }

    /// Waits until `look` returns something; it is asked after every change. Waits for ever if it never does.
    ///
    /// ```
    /// # use connect_runtime::kafka::memory::MemoryKafka;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let kafka = MemoryKafka::new();
    /// # kafka.create_topic("t", 1, &[]).unwrap();
    /// let topics = kafka.wait_until(|kafka| Some(kafka.topics()).filter(|topics| !topics.is_empty())).await;
    /// assert_eq!(topics[0].name, "t");
    /// # }
    /// ```
    pub async fn wait_until<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = look(self) {
                return found;
            }
            changed.await;
        }
    }

    /// The committed offsets of a group; empty when there is no such group.
    pub fn committed(&self, group: &str) -> Offsets {
        self.shared.lock_now().groups.get(group).map(|group| group.offsets.clone()).unwrap_or_default()
    }

    /// What each member of a group reads, by member number. Members that wait for partitions have an empty list.
    pub fn assignment(&self, group: &str) -> BTreeMap<u64, Vec<TopicPartition>> {
        let state = self.shared.lock_now();
        let Some(group) = state.groups.get(group) else { return BTreeMap::new() };
        group.members.iter().map(|(id, member)| (*id, member.owned.iter().cloned().collect())).collect()
    }

    /// Compacts a topic now, whatever its `cleanup.policy`: of each key only the last record stays, in its place.
    /// Tombstones stay unless the topic has `delete.retention.ms=0`. Nothing happens when there is no such topic.
    pub fn compact(&self, topic: &str) {
        self.shared.change(|state| {
            if let Some(topic) = state.log.topics.get_mut(topic) {
                for partition in &mut topic.partitions {
                    partition.compact(topic.config.keep_tombstones);
                }
            }
        });
    }
}
