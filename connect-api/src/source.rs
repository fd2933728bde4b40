//! Sources: connectors that read a system and write topics.

mod offset;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use offset::{OffsetStorageReader, OffsetValue, SourceOffset, SourcePartition};

use crate::config::{Config, ConfigValue, Properties};
use crate::host::{ConnectorHost, SourceTaskHost};
use crate::record::{Record, RecordMetadata};
use crate::{Error, Result};

/// Whether a source can be run with exactly-once delivery under a given configuration (KIP-618).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExactlyOnceSupport {
    /// Every record has its own source offset, and the source can resume from any of them.
    Supported,
    /// It cannot, with this configuration.
    Unsupported,
    /// The connector says nothing. Kafka Connect's `null`: treated as not supported where support is required.
    #[default]
    Unknown,
}

/// Whether a source can define its own transaction boundaries under a given configuration (KIP-618).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectorTransactionBoundaries {
    /// Its tasks call [`TransactionContext`].
    Supported,
    /// They do not.
    #[default]
    Unsupported,
}

/// A connector that reads another system. It decides which tasks there are; the tasks move the data.
///
/// # Lifecycle
///
/// 1. [`start`](Self::start), with the parsed configuration: a connector that exists is a started connector.
/// 2. [`task_configs`](Self::task_configs), after every start and whenever the connector asked for it with
///    [`SourceConnectorContext::request_task_reconfiguration`].
/// 3. [`stop`](Self::stop), when it is paused, stopped, reconfigured or deleted. A connector is never started
///    twice: the runtime makes a new one.
///
/// All calls come from one place, one after the other. An error from `start` or a
/// [`raise_error`](SourceConnectorContext::raise_error) makes the connector `FAILED` (its tasks go on); an error
/// from `stop` is logged.
///
/// # Example
///
/// The crate documentation builds a [complete source](crate#a-complete-source).
#[async_trait]
#[doc(alias = "org.apache.kafka.connect.source.SourceConnector")]
pub trait SourceConnector: Send + 'static {
    /// The connector's configuration; `#[derive(Config)]` on a struct.
    type Config: Config
    where
        Self: Sized;
    /// The task that moves the data.
    type Task: SourceTask
    where
        Self: Sized;

    /// Starts the connector. An error makes it `FAILED`.
    async fn start(config: Self::Config, context: SourceConnectorContext) -> Result<Self>
    where
        Self: Sized;

    /// At most `max_tasks` configurations; each becomes one task, possibly on another worker. No configuration
    /// means no task. More than `max_tasks` fails the connector (`tasks.max.enforce`). Called again later, it may
    /// answer differently; the runtime restarts the tasks when it does.
    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>>;

    /// Releases what `start` took. Errors are logged.
    async fn stop(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether exactly-once delivery works with this configuration. Called before `start`.
    fn exactly_once_support(_config: &Self::Config) -> ExactlyOnceSupport
    where
        Self: Sized,
    {
        ExactlyOnceSupport::Unknown
    }

    /// Whether tasks define transaction boundaries. Called before `start`, only with `transaction.boundary=connector`.
    fn can_define_transaction_boundaries(_config: &Self::Config) -> ConnectorTransactionBoundaries
    where
        Self: Sized,
    {
        ConnectorTransactionBoundaries::Unsupported
    }

    /// Checks a configuration key by key; what `PUT /connector-plugins/…/config/validate` answers. The default
    /// checks [`Config::def`]. It must not keep state and may be called without any `start`.
    fn validate(config: &Properties) -> Vec<ConfigValue>
    where
        Self: Sized,
    {
        Self::Config::def().validate(config)
    }

    /// A record as a task would give it under this configuration, for somebody who wants to see what transformations
    /// and converters make of it. It may read what describes the records, a schema file say, but not the system that
    /// the connector reads. `None`, the default: it cannot say. Called without any `start`.
    ///
    /// # Errors
    ///
    /// Whatever makes the description unusable; it is shown to the person who asked.
    async fn sample(_config: Self::Config) -> Result<Option<Record>>
    where
        Self: Sized,
    {
        Ok(None)
    }

    /// Called when somebody alters (`Some`) or resets (`None`) offsets while the connector is stopped, before they
    /// are written. `true`: this connector takes care of offsets that it keeps elsewhere. An
    /// [unsupported](Error::unsupported) error forbids it, any other rejects these offsets. May run before `start`;
    /// must be idempotent.
    async fn alter_offsets(
        _config: Self::Config,
        _offsets: &[(SourcePartition, Option<SourceOffset>)],
    ) -> Result<bool>
    where
        Self: Sized,
    {
        Ok(false)
    }
}

/// The part of a source that moves data. One instance per task configuration.
///
/// # Lifecycle
///
/// 1. [`start`](Self::start): a task that exists is a started task. Not called while the connector is paused.
/// 2. [`poll`](Self::poll) again and again. Between polls, never during one, [`commit_record`](Self::commit_record)
///    once per polled record when it is settled, and [`commit`](Self::commit) after offsets became durable.
/// 3. [`stop`](Self::stop), also after a failure of `poll`.
///
/// # Cancellation
///
/// The runtime drops a `poll` future only when it is stopping the task; afterwards it calls `stop` and nothing else.
/// So `poll` need not be cancel-safe, and stopping a waiting source is immediate.
///
/// # Errors
///
/// A retriable error from `poll` is logged and polled again; any other fails the task. Errors of `commit_record`
/// and `commit` are logged only.
#[async_trait]
#[doc(alias = "org.apache.kafka.connect.source.SourceTask")]
pub trait SourceTask: Send + 'static {
    /// The task's configuration, parsed from what [`SourceConnector::task_configs`] answered.
    type Config: Config
    where
        Self: Sized;

    /// Starts the task. Read the last offset here, with [`SourceTaskContext::offset_storage_reader`].
    async fn start(config: Self::Config, context: SourceTaskContext) -> Result<Self>
    where
        Self: Sized;

    /// The next records; an empty vector means "nothing within `max_wait`". It should return within `max_wait`,
    /// because nothing else of this task happens meanwhile: offsets wait, a pause waits.
    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>>;

    /// The record is settled: written to Kafka (`Some`), or dropped by a transformation or tolerated as an error
    /// (`None`). Called in no particular order between partitions, in order within one. `metadata` is `None` too
    /// when the Kafka client gave no coordinates.
    ///
    /// Only called when [`wants_record_commits`](Self::wants_record_commits) answers `true`.
    async fn commit_record(
        &mut self,
        _record: &SourceRecord,
        _metadata: Option<&RecordMetadata>,
    ) -> Result<()> {
        Ok(())
    }

    /// Whether the runtime shall keep each polled record until it is settled and call
    /// [`commit_record`](Self::commit_record) for it. The default is `false`, which spares the copy of every record.
    fn wants_record_commits(&self) -> bool {
        false
    }

    /// Offsets up to some point were written durably, or there was nothing to write.
    async fn commit(&mut self) -> Result<()> {
        Ok(())
    }

    /// Releases what `start` took. Errors are logged.
    async fn stop(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A record on its way into Kafka, with the place in the source that it came from.
///
/// A transformation sees and edits [`record`](Self::record) only; it cannot touch the offset.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "org.apache.kafka.connect.source.SourceRecord")]
pub struct SourceRecord {
    /// Which part of the source: a file, a table, a shard.
    pub source_partition: SourcePartition,
    /// Where in it the source continues *after* this record.
    pub source_offset: SourceOffset,
    /// The record itself.
    pub record: Record,
}

impl SourceRecord {
    /// A record and its place.
    pub fn new(source_partition: SourcePartition, source_offset: SourceOffset, record: Record) -> Self {
        Self { source_partition, source_offset, record }
    }
}

/// What a source connector may ask of the runtime. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct SourceConnectorContext {
    host: Arc<dyn ConnectorHost>,
}

impl SourceConnectorContext {
    #[doc(hidden)]
    pub fn new(host: Arc<dyn ConnectorHost>) -> Self {
        Self { host }
    }

    /// Asks for a call of [`SourceConnector::task_configs`], because the source has changed: a new table, a new
    /// shard. Ignored when the connector has failed or is stopping.
    pub fn request_task_reconfiguration(&self) {
        self.host.request_task_reconfiguration();
    }

    /// Makes the connector `FAILED`. Its tasks go on.
    pub fn raise_error(&self, error: Error) {
        self.host.raise_error(error);
    }

    /// Reads offsets that tasks of this connector committed.
    pub fn offset_storage_reader(&self) -> OffsetStorageReader {
        OffsetStorageReader::new(Arc::clone(&self.host) as _)
    }
}

impl fmt::Debug for SourceConnectorContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SourceConnectorContext")
    }
}

/// What a source task may ask of the runtime. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct SourceTaskContext {
    host: Arc<dyn SourceTaskHost>,
}

impl SourceTaskContext {
    #[doc(hidden)]
    pub fn new(host: Arc<dyn SourceTaskHost>) -> Self {
        Self { host }
    }

    /// Reads the offsets that this connector committed.
    pub fn offset_storage_reader(&self) -> OffsetStorageReader {
        OffsetStorageReader::new(Arc::clone(&self.host) as _)
    }

    /// The transaction boundaries, when exactly-once delivery is on and `transaction.boundary=connector`.
    pub fn transaction_context(&self) -> Option<TransactionContext> {
        self.host.transactions().map(|requests| TransactionContext { requests })
    }

    /// The task's latest configuration, with references to config providers resolved anew.
    pub async fn configs(&self) -> Result<Properties> {
        self.host.configs().await
    }
}

impl fmt::Debug for SourceTaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SourceTaskContext")
    }
}

/// Where a transaction ends, said by the task (KIP-618). Each request holds once.
#[derive(Clone)]
pub struct TransactionContext {
    requests: Arc<dyn crate::host::TransactionRequests>,
}

impl TransactionContext {
    /// Commit after the batch that is being polled has been processed.
    pub fn commit_transaction(&self) {
        self.requests.commit_batch();
    }

    /// Commit right after this record.
    pub fn commit_transaction_after(&self, record: &SourceRecord) {
        self.requests.commit_record(&record.source_partition, &record.source_offset);
    }

    /// Abort after the batch that is being polled. The records are discarded, their source offsets are committed.
    pub fn abort_transaction(&self) {
        self.requests.abort_batch();
    }

    /// Abort right after this record. The records are discarded, their source offsets are committed.
    pub fn abort_transaction_after(&self, record: &SourceRecord) {
        self.requests.abort_record(&record.source_partition, &record.source_offset);
    }
}

impl fmt::Debug for TransactionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransactionContext")
    }
}
