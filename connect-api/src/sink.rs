//! Sinks: connectors that read topics and write a system.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;

use crate::config::{Config, ConfigValue, Properties};
use crate::data::Str;
use crate::host::{ConnectorHost, RawBatch, SinkTaskHost};
use crate::record::{Record, TimestampType};
use crate::{Error, Result};

/// A partition of a topic.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Str,
    /// The partition, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// A partition of a topic.
    pub fn new(topic: impl Into<Str>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Kafka offsets by partition. An offset is that of the *next* record: "everything below is done".
pub type Offsets = BTreeMap<TopicPartition, i64>;

/// A connector that writes another system. It decides which tasks there are; the tasks move the data.
///
/// Lifecycle, threads and errors are those of [`SourceConnector`](crate::SourceConnector).
#[async_trait]
#[doc(alias = "org.apache.kafka.connect.sink.SinkConnector")]
pub trait SinkConnector: Send + 'static {
    /// The connector's configuration; `#[derive(Config)]` on a struct.
    type Config: Config
    where
        Self: Sized;
    /// The task that moves the data.
    type Task: SinkTask
    where
        Self: Sized;

    /// Starts the connector. An error makes it `FAILED`.
    async fn start(config: Self::Config, context: SinkConnectorContext) -> Result<Self>
    where
        Self: Sized;

    /// At most `max_tasks` configurations. The tasks share the topic-partitions through one consumer group, so a
    /// sink usually answers `max_tasks` copies of its own configuration.
    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>>;

    /// Releases what `start` took. Errors are logged.
    async fn stop(&mut self) -> Result<()> {
        Ok(())
    }

    /// Checks a configuration key by key. The default checks [`Config::def`].
    fn validate(config: &Properties) -> Vec<ConfigValue>
    where
        Self: Sized,
    {
        Self::Config::def().validate(config)
    }

    /// Called when somebody alters (`Some`) or resets (`None`) offsets while the connector is stopped; see
    /// [`SourceConnector::alter_offsets`](crate::SourceConnector::alter_offsets).
    async fn alter_offsets(_config: Self::Config, _offsets: &[(TopicPartition, Option<i64>)]) -> Result<bool>
    where
        Self: Sized,
    {
        Ok(false)
    }
}

/// The part of a sink that moves data. One instance per task configuration.
///
/// # Lifecycle
///
/// 1. [`start`](Self::start): a task that exists is a started task.
/// 2. [`open`](Self::open) with partitions newly assigned, before any of their records.
/// 3. [`put`](Self::put) again and again, also with no records at all.
/// 4. [`pre_commit`](Self::pre_commit) before offsets are committed: every `offset.flush.interval.ms`, when asked with
///    [`SinkTaskContext::request_commit`], before partitions are taken away, and at the end.
/// 5. [`close`](Self::close) with partitions that are taken away, after their `pre_commit`.
/// 6. [`stop`](Self::stop).
///
/// # Delivery
///
/// At least once: after a crash, records since the last commit come again. A sink that must not repeat keeps the
/// offsets in its own system and calls [`SinkTaskContext::offset`] in `open`.
#[async_trait]
#[doc(alias = "org.apache.kafka.connect.sink.SinkTask")]
pub trait SinkTask: Send + 'static {
    /// The task's configuration, parsed from what [`SinkConnector::task_configs`] answered.
    type Config: Config
    where
        Self: Sized;

    /// Starts the task. No partition is assigned yet.
    async fn start(config: Self::Config, context: SinkTaskContext) -> Result<Self>
    where
        Self: Sized;

    /// Partitions were assigned: only the new ones. An error fails the task.
    async fn open(&mut self, _partitions: &[TopicPartition]) -> Result<()> {
        Ok(())
    }

    /// Writes records, or takes them into a buffer that [`pre_commit`](Self::pre_commit) accounts for.
    ///
    /// After a retriable error the runtime pauses all partitions and passes the *same* slice again, after the time
    /// said with [`SinkTaskContext::timeout`]. Any other error fails the task. For one bad record among good ones
    /// use [`SinkTaskContext::errant_record_reporter`].
    async fn put(&mut self, records: &[SinkRecord]) -> Result<()>;

    /// Makes everything up to `offsets` durable. An error rewinds the task to the last committed offsets.
    async fn flush(&mut self, _offsets: &Offsets) -> Result<()> {
        Ok(())
    }

    /// What may be committed, at most `offsets` (what was delivered to `put`, in original coordinates). The default
    /// flushes, then says: all of it. A partition that is left out keeps its last commit. An error rewinds the task
    /// to the last committed offsets; the task goes on.
    async fn pre_commit(&mut self, offsets: &Offsets) -> Result<Offsets> {
        self.flush(offsets).await?;
        Ok(offsets.clone())
    }

    /// Partitions are taken away. After the call the task must not write for them. An error fails the task.
    async fn close(&mut self, _partitions: &[TopicPartition]) -> Result<()> {
        Ok(())
    }

    /// Releases what `start` took. Errors are logged.
    async fn stop(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A record that came out of Kafka, as the transformations left it, with its original coordinates.
#[derive(Clone, Debug)]
#[doc(alias = "org.apache.kafka.connect.sink.SinkRecord")]
pub struct SinkRecord {
    /// The transformed record.
    pub record: Record,
    original_topic: Str,
    original_partition: i32,
    original_offset: i64,
    timestamp_type: TimestampType,
    raw: Option<Arc<RawBatch>>,
}

/// What it was made of does not count.
impl PartialEq for SinkRecord {
    fn eq(&self, other: &Self) -> bool {
        self.record == other.record
            && self.original_topic == other.original_topic
            && self.original_partition == other.original_partition
            && self.original_offset == other.original_offset
            && self.timestamp_type == other.timestamp_type
    }
}

impl SinkRecord {
    /// A record with the coordinates that it was consumed from.
    #[inline]
    pub fn new(
        record: Record,
        original_topic: impl Into<Str>,
        original_partition: i32,
        original_offset: i64,
        timestamp_type: TimestampType,
    ) -> Self {
        Self {
            record,
            original_topic: original_topic.into(),
            original_partition,
            original_offset,
            timestamp_type,
            raw: None,
        }
    }

    #[doc(hidden)]
    #[inline]
    pub fn set_raw(&mut self, raw: Arc<RawBatch>) {
        self.raw = Some(raw);
    }

    #[doc(hidden)]
    pub fn raw(&self) -> Option<&RawBatch> {
        self.raw.as_deref()
    }

    /// The topic it was consumed from, whatever a transformation made of [`Record::topic`].
    #[inline]
    pub fn original_topic(&self) -> &str {
        self.original_topic.as_str()
    }

    /// The partition it was consumed from.
    #[inline]
    pub fn original_partition(&self) -> i32 {
        self.original_partition
    }

    /// The offset it was consumed from.
    #[inline]
    pub fn original_offset(&self) -> i64 {
        self.original_offset
    }

    /// Topic and partition that it was consumed from: what offsets are committed by.
    pub fn original(&self) -> TopicPartition {
        TopicPartition { topic: self.original_topic.clone(), partition: self.original_partition }
    }

    /// What [`Record::timestamp`] means.
    #[inline]
    pub fn timestamp_type(&self) -> TimestampType {
        self.timestamp_type
    }
}

/// What a sink connector may ask of the runtime. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct SinkConnectorContext {
    host: Arc<dyn ConnectorHost>,
}

impl SinkConnectorContext {
    #[doc(hidden)]
    pub fn new(host: Arc<dyn ConnectorHost>) -> Self {
        Self { host }
    }

    /// Asks for a call of [`SinkConnector::task_configs`]. Ignored when the connector has failed or is stopping.
    pub fn request_task_reconfiguration(&self) {
        self.host.request_task_reconfiguration();
    }

    /// Makes the connector `FAILED`. Its tasks go on.
    pub fn raise_error(&self, error: Error) {
        self.host.raise_error(error);
    }
}

impl fmt::Debug for SinkConnectorContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SinkConnectorContext")
    }
}

/// What a sink task may ask of the runtime. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct SinkTaskContext {
    host: Arc<dyn SinkTaskHost>,
}

impl SinkTaskContext {
    #[doc(hidden)]
    pub fn new(host: Arc<dyn SinkTaskHost>) -> Self {
        Self { host }
    }

    /// The task's latest configuration, with references to config providers resolved anew.
    pub async fn configs(&self) -> Result<Properties> {
        self.host.configs().await
    }

    /// The partitions assigned now. An [illegal state](Error::illegal_state) error before the first assignment.
    pub fn assignment(&self) -> Result<Vec<TopicPartition>> {
        self.host.assignment()
    }

    /// Rewinds (or forwards) to these offsets before the next records are fetched.
    pub fn offset(&self, offsets: &Offsets) {
        self.host.offset(offsets);
    }

    /// How long to wait before the next retry of [`SinkTask::put`]. Holds once.
    pub fn timeout(&self, wait: Duration) {
        self.host.timeout(wait);
    }

    /// Fetches nothing from these partitions until [`resume`](Self::resume). An
    /// [illegal state](Error::illegal_state) error when one is not assigned.
    pub fn pause(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.host.pause(partitions)
    }

    /// Undoes [`pause`](Self::pause).
    pub fn resume(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.host.resume(partitions)
    }

    /// Asks for an offset commit soon, after the current [`SinkTask::put`].
    pub fn request_commit(&self) {
        self.host.request_commit();
    }

    /// Takes single records that the target refuses; `None` unless a dead letter queue is configured or
    /// `errors.log.enable` is set (KIP-610).
    pub fn errant_record_reporter(&self) -> Option<ErrantRecordReporter> {
        self.host.has_reporter().then(|| ErrantRecordReporter { host: Arc::clone(&self.host) })
    }
}

impl fmt::Debug for SinkTaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SinkTaskContext")
    }
}

/// Takes records that the target refuses, so that the others can go on (KIP-610).
#[derive(Clone)]
pub struct ErrantRecordReporter {
    host: Arc<dyn SinkTaskHost>,
}

impl ErrantRecordReporter {
    /// Reports a record that was passed to [`SinkTask::put`]. The returned [`Report`] need not be awaited: the
    /// runtime does so before offsets are committed. With `errors.tolerance=none` the call is an error, which
    /// `put` should pass on.
    pub fn report(&self, record: &SinkRecord, error: Error) -> Result<Report> {
        self.host.report(record, error)
    }
}

impl fmt::Debug for ErrantRecordReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErrantRecordReporter")
    }
}

/// A report on its way: a future that is done when the dead letter is durable.
#[must_use = "the runtime awaits it before the next commit; await it here only to know earlier"]
pub struct Report(Pin<Box<dyn Future<Output = Result<()>> + Send>>);

impl Report {
    #[doc(hidden)]
    pub fn new(future: impl Future<Output = Result<()>> + Send + 'static) -> Self {
        Self(Box::pin(future))
    }
}

impl Future for Report {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Report")
    }
}
