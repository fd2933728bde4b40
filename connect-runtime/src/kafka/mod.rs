//! The client port: what the engine needs of Kafka, a batch at a time, whoever provides it.
//!
//! Four implementations stand behind it: [`memory`] (always there), `native` (producers and consumers of our own, the
//! default), `krafka` (all else, and those where a setting asks for them) and `rskafka` (declared limits). The engine
//! asks for capabilities before it starts, so that a limit is an error at start and never wrong data. Nothing of a client
//! crate is visible above this module.
//!
//! It is hidden from the documentation: only the conformance suite and the benchmarks reach it from outside.

mod error;
#[cfg(any(feature = "krafka", feature = "rskafka"))]
mod jaas;
#[cfg(feature = "krafka")]
pub mod krafka;
pub mod membership;
pub mod memory;
#[cfg(feature = "native")]
pub mod native;
#[cfg(feature = "native")]
mod net;
#[cfg(any(feature = "krafka", feature = "rskafka"))]
mod oauth;
mod partitioner;
#[cfg(any(feature = "krafka", feature = "rskafka"))]
mod properties;
#[cfg(feature = "rskafka")]
pub mod rskafka;
#[cfg(any(feature = "krafka", feature = "rskafka"))]
mod security;
#[cfg(any(feature = "krafka", feature = "rskafka"))]
mod tls;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::{Offsets, RawHeaders, Str, TimestampType, TopicPartition};
use futures::future::BoxFuture;

pub use error::{KafkaError, KafkaErrorKind};
use membership::{GroupMember, GroupSettings};

/// The result of a client call.
pub type Result<T, E = KafkaError> = std::result::Result<T, E>;

/// Settings of one client under Kafka's own names (`linger.ms`, `sasl.jaas.config`).
pub type ClientProperties = BTreeMap<String, String>;

/// What an implementation can do. The engine compares it with what a pipeline needs before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The implementation's name, for messages.
    pub name: &'static str,
    /// Consumer groups: `subscribe`, `commit`, `committed`, rebalances.
    pub groups: bool,
    /// Transactions, `read_committed` and fencing.
    pub transactions: bool,
    /// Idempotent producing.
    pub idempotence: bool,
    /// Headers keep their order, duplicates and null values.
    pub exact_headers: bool,
    /// It can read a partition that holds transaction markers.
    pub reads_past_markers: bool,
    /// Topics can be created with configurations, and configurations be read.
    pub topic_configs: bool,
    /// Group offsets can be listed, altered and deleted.
    pub group_admin: bool,
    /// Broker connections may use TLS and SASL.
    pub security: bool,
    /// Records of topics with `message.timestamp.type=LogAppendTime` carry the broker's time. Without it they carry
    /// the producer's, and say so.
    pub append_time: bool,
}

/// A record to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerRecord {
    /// The topic.
    pub topic: Str,
    /// The partition; `None`: Java's partitioner (murmur2 of the key, sticky without one).
    pub partition: Option<i32>,
    /// Milliseconds since the epoch; `None`: now.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// The headers.
    pub headers: RawHeaders,
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerRecord {
    /// The offset.
    pub offset: i64,
    /// Milliseconds since the epoch, if `timestamp_type` says that there is one.
    pub timestamp: i64,
    /// What the timestamp means.
    pub timestamp_type: TimestampType,
    /// The key.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// The headers.
    pub headers: RawHeaders,
}

/// Consecutive records of one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionRecords {
    /// Where they come from.
    pub partition: TopicPartition,
    /// The records, in offset order. May be empty when only the position moved (past transaction markers).
    pub records: Vec<ConsumerRecord>,
    /// The position after them: at least the last offset + 1.
    pub next_offset: i64,
}

/// What a [`Consumer::poll`] brought.
#[derive(Debug)]
pub enum ConsumerEvent {
    /// Records, possibly none (the wait is over).
    Records(Vec<PartitionRecords>),
    /// Partitions were added to the assignment (only the new ones). None of their records came before this.
    Assigned(Vec<TopicPartition>),
    /// Partitions will be given up when `poll` is called the next time. Until then this member still owns them and
    /// may commit their offsets. None of their records comes after this.
    Revoked(Vec<TopicPartition>),
    /// Partitions are gone already, somebody else may own them. A commit for them would fail or do harm.
    Lost(Vec<TopicPartition>),
}

/// Where a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPosition {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

/// What became of a batch, once all of it is settled.
#[derive(Debug, Default)]
pub struct SendReport {
    /// Indexes of records that were not written, ascending, with the reason.
    pub failed: Vec<(usize, KafkaError)>,
    /// Where each record was written (`None` for failed ones), when the batch was sent with `positions`; else empty.
    pub positions: Vec<Option<RecordPosition>>,
}

/// The fate of a batch: resolves when every record of it is acknowledged or has failed for good. It needs no
/// polling to make progress, and dropping it does not withdraw the records.
pub type Delivery = BoxFuture<'static, SendReport>;

/// Writes records. Where it has no transactions, their calls are refused.
///
/// Order: records of one partition are written in the order of the calls. With `enable.idempotence=true` they are
/// neither lost nor doubled by the client's retries; without it a retry may double them.
#[async_trait]
pub trait Producer: Send {
    /// Takes a batch. Returns when there is room for it (back-pressure). An error means that *no* record of the
    /// batch was taken, and a retriable one that the same batch may be sent again; an implementation that runs out
    /// of time in the middle says so through the [`Delivery`], as retriable failures of the records not taken.
    ///
    /// Failures of single records come through the [`Delivery`].
    ///
    /// The batch is shared, so that the caller still has the records when some of them must be sent again.
    async fn send(&mut self, batch: Arc<Vec<ProducerRecord>>, positions: bool) -> Result<Delivery>;

    /// Waits until everything that was taken is settled. Time-outs come from the caller.
    async fn flush(&mut self) -> Result<()>;

    /// Fences older producers of this transactional id and aborts what they left open. Once, before anything else.
    async fn init_transactions(&mut self) -> Result<()> {
        Err(not_transactional())
    }

    /// Opens a transaction.
    async fn begin_transaction(&mut self) -> Result<()> {
        Err(not_transactional())
    }

    /// Commits: everything sent since `begin_transaction` becomes visible to `read_committed` readers. Flushes first;
    /// an error means that the transaction must be aborted, or that this producer is fenced.
    async fn commit_transaction(&mut self) -> Result<()> {
        Err(not_transactional())
    }

    /// Aborts.
    async fn abort_transaction(&mut self) -> Result<()> {
        Err(not_transactional())
    }

    /// Flushes within the time, then gives up what is left.
    async fn close(self: Box<Self>, timeout: Duration) -> Result<()>;
}

fn not_transactional() -> KafkaError {
    KafkaError::new(
        KafkaErrorKind::Config,
        "this producer has no transactions, because `transactional.id` is not set",
    )
}

/// What a consumer reads.
#[derive(Clone, Debug)]
pub enum Subscription {
    /// These topics, as a member of the group `group.id`.
    Topics(Vec<Str>),
    /// All topics whose whole name the regular expression matches (Java's syntax, see `connect-regex`), looked up again
    /// every `metadata.max.age.ms`, as a member of the group.
    Pattern(String),
}

/// Reads records, alone (`assign`) or as a member of a group (`subscribe`).
#[async_trait]
pub trait Consumer: Send {
    /// Joins the group. Partitions come as [`ConsumerEvent::Assigned`].
    async fn subscribe(&mut self, subscription: Subscription) -> Result<()>;

    /// Reads these partitions without a group; replaces an earlier assignment. No `Assigned` event comes.
    /// Positions start where `auto.offset.reset` says, or where `seek` puts them.
    async fn assign(&mut self, partitions: &[TopicPartition]) -> Result<()>;

    /// Waits at most `max_wait` for something to happen. Cancel-safe: a dropped call loses neither records nor events.
    /// Brings at most `max.poll.records` records.
    async fn poll(&mut self, max_wait: Duration) -> Result<ConsumerEvent>;

    /// The offset of the next record of an assigned partition, looked up where it is not known yet.
    async fn position(&mut self, partition: &TopicPartition) -> Result<i64>;

    /// Moves the position. Records that were fetched for the old one do not come any more.
    async fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<()>;

    /// Brings nothing from these partitions until resumed; membership goes on.
    async fn pause(&mut self, partitions: &[TopicPartition]) -> Result<()>;

    /// Undoes `pause`.
    async fn resume(&mut self, partitions: &[TopicPartition]) -> Result<()>;

    /// Commits offsets to the group. The future needs polling and does not borrow the consumer, so that it may run
    /// beside `poll`; it works also between a `Revoked` event and the next `poll`.
    fn commit(&mut self, offsets: Offsets) -> BoxFuture<'static, Result<()>>;

    /// The group's committed offsets of these partitions; those without one are left out.
    async fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Offsets>;

    /// How many records the assigned partitions hold beyond the positions, as far as known without asking Kafka.
    async fn lag(&mut self) -> Option<u64> {
        None
    }

    /// Leaves the group and closes. Does not commit and brings no event.
    async fn close(self: Box<Self>, timeout: Duration) -> Result<()>;
}

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// The name.
    pub name: Str,
    /// `None`: the broker's default.
    pub partitions: Option<i32>,
    /// `None`: the broker's default.
    pub replication_factor: Option<i16>,
    /// Topic settings.
    pub configs: BTreeMap<String, String>,
}

/// What is known about a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// The name.
    pub name: Str,
    /// How many partitions it has.
    pub partitions: i32,
}

/// Which end an end offset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsolationLevel {
    /// The high watermark.
    ReadUncommitted,
    /// The last stable offset: before the first open transaction.
    ReadCommitted,
}

/// Asks and changes the cluster.
#[async_trait]
pub trait Admin: Send + Sync {
    /// The cluster's id, if it has one; fails when no broker answers.
    async fn cluster_id(&self) -> Result<Option<String>>;

    /// All topics, internal ones left out.
    async fn list_topics(&self) -> Result<Vec<TopicDescription>>;

    /// One topic; `None` when it does not exist. Never creates it.
    async fn describe_topic(&self, topic: &str) -> Result<Option<TopicDescription>>;

    /// The effective settings of a topic (`cleanup.policy`, `min.insync.replicas` …).
    async fn describe_topic_config(&self, topic: &str) -> Result<BTreeMap<String, String>>;

    /// Creates a topic. One that exists is [`KafkaErrorKind::TopicExists`].
    async fn create_topic(&self, topic: &NewTopic) -> Result<()>;

    /// Deletes a topic.
    async fn delete_topic(&self, topic: &str) -> Result<()>;

    /// The first offset of each partition.
    async fn beginning_offsets(&self, partitions: &[TopicPartition]) -> Result<Offsets>;

    /// The end offset of each partition.
    async fn end_offsets(&self, partitions: &[TopicPartition], isolation: IsolationLevel) -> Result<Offsets>;

    /// The offsets of the first records at or after a time; partitions without one are left out.
    async fn offsets_for_times(&self, partitions: &[TopicPartition], timestamp: i64) -> Result<Offsets>;

    /// A group's committed offsets, of all its partitions.
    async fn list_group_offsets(&self, group: &str) -> Result<Offsets>;

    /// Sets a group's offsets. A group with members is [`KafkaErrorKind::GroupNotEmpty`].
    async fn alter_group_offsets(&self, group: &str, offsets: &Offsets) -> Result<()>;

    /// Deletes a group's offsets of some partitions.
    async fn delete_group_offsets(&self, group: &str, partitions: &[TopicPartition]) -> Result<()>;

    /// Deletes a group. An unknown one is not an error.
    async fn delete_group(&self, group: &str) -> Result<()>;

    /// Fences the producers of these transactional ids.
    async fn fence_producers(&self, transactional_ids: &[String]) -> Result<()>;
}

/// A way to reach Kafka: makes clients.
///
/// Every call gets the complete settings of the new client, `bootstrap.servers` included. A setting that the
/// implementation cannot honour is a logged warning that names it; one that is malformed is a
/// [`KafkaErrorKind::Config`] error that names the key.
#[async_trait]
pub trait Kafka: Send + Sync + std::fmt::Debug {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// A producer; with `transactional.id` a transactional one.
    async fn producer(&self, properties: &ClientProperties) -> Result<Box<dyn Producer>>;

    /// A consumer; with `group.id` it may join that group.
    async fn consumer(&self, properties: &ClientProperties) -> Result<Box<dyn Consumer>>;

    /// An admin client.
    async fn admin(&self, properties: &ClientProperties) -> Result<Box<dyn Admin>>;

    /// A member of a group that shares out something else than partitions. Only some implementations can.
    async fn group_member(
        &self,
        properties: &ClientProperties,
        settings: GroupSettings,
    ) -> Result<Box<dyn GroupMember>> {
        let _ = (properties, settings);
        let name = self.capabilities().name;
        let message = format!(
            "the Kafka client {name} cannot be a member of a cluster of workers: build with the feature `native`"
        );
        Err(KafkaError::new(KafkaErrorKind::Unsupported, message))
    }
}
