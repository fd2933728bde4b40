//! A source under test: [`SourceHarness`].

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use connect_api::host::{ConnectorHost, OffsetHost, SourceTaskHost, TransactionRequests};
use connect_api::{
    Config, Error, Properties, RecordMetadata, Result, SourceConnector, SourceConnectorContext, SourceOffset,
    SourcePartition, SourceRecord, SourceTask, SourceTaskContext,
};
use tokio::time::Instant;

use crate::latch::{Latch, PATIENCE};

/// The wait that [`SourceHarness::poll`] gives to the source: that of the engine.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// A source connector with one of its tasks, driven by a test as the engine drives it, without the engine.
///
/// Offsets live in memory: [`commit`](Self::commit) writes them, [`restart`](Self::restart) begins from them. Records
/// reach the test as the task made them; there are no transformations, no converters and no Kafka.
///
/// ```
/// # use connect_testkit::doc::CounterSource;
/// use connect_testkit::{SourceHarness, values};
/// use connect_api::Value;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> connect_api::Result<()> {
/// let mut source = SourceHarness::<CounterSource>::start([("topic", "t"), ("count", "5")]).await?;
/// source.poll_until(3).await?;
/// source.commit().await?;
/// source.poll_until(1).await?; // polled, never committed
///
/// let mut source = source.restart().await?;
/// let got = source.poll_until(2).await?;
/// assert_eq!(values(&got), [Value::Int64(3), Value::Int64(4)]);
/// # Ok(())
/// # }
/// ```
pub struct SourceHarness<C: SourceConnector> {
    options: SourceOptions,
    connector: C,
    task: C::Task,
    task_configs: Vec<Properties>,
    host: Arc<Host>,
    /// Polled beyond what the test asked for.
    held_back: VecDeque<SourceRecord>,
    /// Given to the test and not committed.
    uncommitted: Vec<SourceRecord>,
    written: HashMap<(String, i32), i64>,
}

/// How a [`SourceHarness`] is started.
///
/// ```
/// # use connect_testkit::doc::CounterSource;
/// use connect_api::{SourceOffset, SourcePartition};
/// use connect_testkit::{SourceHarness, SourceOptions, values};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> connect_api::Result<()> {
/// let options = SourceOptions::new([("topic", "t")])
///     .offset(SourcePartition::of("counter", "main"), SourceOffset::of("next", 7));
/// let mut source = SourceHarness::<CounterSource>::start_with(options).await?;
/// assert_eq!(values(&source.poll_until(1).await?), [connect_api::Value::Int64(7)]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SourceOptions {
    config: Properties,
    max_tasks: usize,
    task: usize,
    offsets: HashMap<SourcePartition, SourceOffset>,
    transactions: bool,
    unreadable: bool,
}

impl SourceOptions {
    /// The first of at most one task, no offsets.
    pub fn new(config: impl Into<Properties>) -> Self {
        Self {
            config: config.into(),
            max_tasks: 1,
            task: 0,
            offsets: HashMap::new(),
            transactions: false,
            unreadable: false,
        }
    }

    /// Asks the connector for at most so many tasks, and starts the one with this number, from 0.
    #[must_use]
    pub fn task(mut self, task: usize, max_tasks: usize) -> Self {
        self.task = task;
        self.max_tasks = max_tasks;
        self
    }

    /// An offset that is committed already.
    #[must_use]
    pub fn offset(mut self, partition: SourcePartition, offset: SourceOffset) -> Self {
        self.offsets.insert(partition, offset);
        self
    }

    /// The offsets that these records leave behind.
    #[must_use]
    pub fn after<'r>(mut self, records: impl IntoIterator<Item = &'r SourceRecord>) -> Self {
        for record in records {
            self.offsets.insert(record.source_partition.clone(), record.source_offset.clone());
        }
        self
    }

    /// Gives the task a transaction context; see [`SourceHarness::boundaries`].
    #[must_use]
    pub fn transactions(mut self) -> Self {
        self.transactions = true;
        self
    }

    /// Lets every look at the offset store fail with a retriable error.
    #[must_use]
    pub fn unreadable_offsets(mut self) -> Self {
        self.unreadable = true;
        self
    }
}

impl fmt::Debug for SourceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceOptions")
            .field("config", &self.config)
            .field("task", &self.task)
            .field("max_tasks", &self.max_tasks)
            .field("offsets", &self.offsets)
            .finish_non_exhaustive()
    }
}

/// Something that a task said about its transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Boundary {
    /// Commit after the batch that is being polled.
    CommitBatch,
    /// Commit after the record with this offset.
    CommitRecord(SourcePartition, SourceOffset),
    /// Abort after the batch that is being polled.
    AbortBatch,
    /// Abort after the record with this offset.
    AbortRecord(SourcePartition, SourceOffset),
}

impl<C: SourceConnector> SourceHarness<C> {
    /// Starts the connector, asks it for one task configuration, and starts that task, without offsets.
    ///
    /// # Errors
    ///
    /// Those of the connector and the task; when the configuration does not parse; when the connector answers no
    /// task, or more than it may.
    pub async fn start(config: impl Into<Properties>) -> Result<Self> {
        Self::start_with(SourceOptions::new(config)).await
    }

    /// The same with everything said.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_with(options: SourceOptions) -> Result<Self> {
        let host = Arc::new(Host {
            offsets: Mutex::new(options.offsets.clone()),
            unreadable: options.unreadable,
            boundaries: options.transactions.then(Arc::default),
            ..Host::default()
        });
        let config = C::Config::parse(&options.config)?;
        let mut connector = C::start(config, SourceConnectorContext::new(Arc::clone(&host) as _)).await?;
        let task_configs = connector.task_configs(options.max_tasks).await?;
        if task_configs.len() > options.max_tasks {
            return Err(Error::illegal_state(format!(
                "the connector answered {} task configurations and may answer {}",
                task_configs.len(),
                options.max_tasks
            )));
        }
        let task_config = task_configs.get(options.task).ok_or_else(|| {
            Error::illegal_state(format!(
                "the connector answered {} task configurations; there is no task {}",
                task_configs.len(),
                options.task
            ))
        })?;
        *host.lock(&host.configs) = task_config.clone();
        let config = <C::Task as SourceTask>::Config::parse(task_config)?;
        let task = C::Task::start(config, SourceTaskContext::new(Arc::clone(&host) as _)).await?;
        Ok(Self {
            options,
            connector,
            task,
            task_configs,
            host,
            held_back: VecDeque::new(),
            uncommitted: Vec::new(),
            written: HashMap::new(),
        })
    }

    /// One poll, with a wait of at most one second. Empty when the source has nothing.
    ///
    /// # Errors
    ///
    /// That of the task; also when it was told to be retriable, which the engine would try again.
    pub async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let mut records: Vec<_> = self.held_back.drain(..).collect();
        if records.is_empty() {
            records = self.task.poll(MAX_WAIT).await?;
        }
        self.uncommitted.extend(records.iter().cloned());
        Ok(records)
    }

    /// Polls until there are `count` records and returns exactly these. What the source gave beyond them is kept for
    /// the next call, and not committed before.
    ///
    /// # Errors
    ///
    /// That of the task; when the records do not come within [`PATIENCE`].
    pub async fn poll_until(&mut self, count: usize) -> Result<Vec<SourceRecord>> {
        let deadline = Instant::now() + PATIENCE;
        while self.held_back.len() < count {
            if Instant::now() >= deadline {
                return Err(Error::connect(format!(
                    "the source gave {} of {count} records within {PATIENCE:?}",
                    self.held_back.len()
                )));
            }
            let began = Instant::now();
            let records = self.task.poll(MAX_WAIT).await?;
            if records.is_empty() && began.elapsed().is_zero() {
                // A source that answers at once must not keep a paused clock from going on.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            self.held_back.extend(records);
        }
        let records: Vec<_> = self.held_back.drain(..count).collect();
        self.uncommitted.extend(records.iter().cloned());
        Ok(records)
    }

    /// Does what the engine does when all records given so far were written to Kafka: calls
    /// [`commit_record`](SourceTask::commit_record) for each, if the task
    /// [wants it](SourceTask::wants_record_commits), stores their offsets, calls [`commit`](SourceTask::commit).
    ///
    /// # Errors
    ///
    /// Those of the two hooks. The engine would log them and go on.
    pub async fn commit(&mut self) -> Result<()> {
        let hooks = self.task.wants_record_commits();
        for record in std::mem::take(&mut self.uncommitted) {
            if hooks {
                let partition = record.record.kafka_partition.unwrap_or(0);
                let next = self.written.entry((record.record.topic.to_string(), partition)).or_default();
                let topic = record.record.topic.clone();
                let metadata = RecordMetadata::new(topic, partition, *next, record.record.timestamp);
                *next += 1;
                self.task.commit_record(&record, Some(&metadata)).await?;
            }
            self.host.lock(&self.host.offsets).insert(record.source_partition, record.source_offset);
        }
        self.task.commit().await
    }

    /// Stops the task and the connector and starts new ones from the committed offsets. Records that were given and
    /// not committed are forgotten, as after a failed send.
    ///
    /// # Errors
    ///
    /// Those of the new connector and task; those of `stop`.
    pub async fn restart(self) -> Result<Self> {
        let options = self.next();
        self.stop().await?;
        Self::start_with(options).await
    }

    /// Drops the task and the connector without a word and starts new ones from the committed offsets, as after a
    /// crash of the process.
    ///
    /// # Errors
    ///
    /// Those of the new connector and task.
    pub async fn crash(self) -> Result<Self> {
        let options = self.next();
        drop(self);
        Self::start_with(options).await
    }

    fn next(&self) -> SourceOptions {
        SourceOptions { offsets: self.offsets(), ..self.options.clone() }
    }

    /// Stops the task, then the connector.
    ///
    /// # Errors
    ///
    /// Those of the two. The engine would log them.
    pub async fn stop(mut self) -> Result<()> {
        self.task.stop().await?;
        self.connector.stop().await
    }

    /// The committed offsets.
    pub fn offsets(&self) -> HashMap<SourcePartition, SourceOffset> {
        self.host.lock(&self.host.offsets).clone()
    }

    /// The task configurations that the connector answered.
    pub fn task_configs(&self) -> &[Properties] {
        &self.task_configs
    }

    /// Asks the connector for its task configurations again, as the engine does after a request.
    ///
    /// # Errors
    ///
    /// That of the connector.
    pub async fn reconfigure(&mut self, max_tasks: usize) -> Result<&[Properties]> {
        self.task_configs = self.connector.task_configs(max_tasks).await?;
        Ok(&self.task_configs)
    }

    /// How often the connector asked for a reconfiguration of its tasks: a latch to read or to wait for.
    pub fn reconfigurations(&self) -> &Latch {
        &self.host.reconfigurations
    }

    /// How often the connector raised an error: a latch to read or to wait for.
    pub fn errors_raised(&self) -> &Latch {
        &self.host.raised
    }

    /// Takes the errors that the connector raised.
    pub fn take_errors(&self) -> Vec<Error> {
        std::mem::take(&mut *self.host.lock(&self.host.errors))
    }

    /// Takes what the task said about its transactions, in order. Empty without [`SourceOptions::transactions`].
    pub fn boundaries(&self) -> Vec<Boundary> {
        let boundaries = self.host.boundaries.as_ref();
        boundaries.map(|boundaries| std::mem::take(&mut *boundaries.lock())).unwrap_or_default()
    }

    /// The connector, for what only the test knows of it.
    pub fn connector(&mut self) -> &mut C {
        &mut self.connector
    }

    /// The task, for what only the test knows of it.
    pub fn task(&mut self) -> &mut C::Task {
        &mut self.task
    }
}

impl<C: SourceConnector> fmt::Debug for SourceHarness<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceHarness")
            .field("options", &self.options)
            .field("offsets", &self.offsets())
            .field("uncommitted", &self.uncommitted.len())
            .finish_non_exhaustive()
    }
}

/// Starts a task alone, without its connector. It finds this offset stored for whichever partition it asks for.
///
/// ```
/// # use connect_testkit::doc::CounterTask;
/// use std::time::Duration;
///
/// use connect_api::{SourceOffset, SourceTask};
/// use connect_testkit::{source_task, values};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> connect_api::Result<()> {
/// let config = [("topic", "t")].into();
/// let mut task = source_task::<CounterTask>(&config, Some(SourceOffset::of("next", 7))).await?;
/// assert_eq!(values(&task.poll(Duration::ZERO).await?), [connect_api::Value::Int64(7)]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// That of the task; when the configuration does not parse.
pub async fn source_task<T: SourceTask>(config: &Properties, stored: Option<SourceOffset>) -> Result<T> {
    let host = Host { everywhere: stored, configs: Mutex::new(config.clone()), ..Host::default() };
    T::start(T::Config::parse(config)?, SourceTaskContext::new(Arc::new(host))).await
}

/// What stands behind the contexts.
#[derive(Default)]
struct Host {
    offsets: Mutex<HashMap<SourcePartition, SourceOffset>>,
    /// The offset of every partition that has none of its own.
    everywhere: Option<SourceOffset>,
    unreadable: bool,
    configs: Mutex<Properties>,
    reconfigurations: Latch,
    errors: Mutex<Vec<Error>>,
    raised: Latch,
    boundaries: Option<Arc<Boundaries>>,
}

impl Host {
    fn lock<'m, T>(&self, mutex: &'m Mutex<T>) -> MutexGuard<'m, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl OffsetHost for Host {
    async fn offsets(&self, partitions: &[SourcePartition]) -> Result<Vec<Option<SourceOffset>>> {
        if self.unreadable {
            return Err(Error::retriable("the offset store cannot be read: the test said so"));
        }
        let offsets = self.lock(&self.offsets);
        Ok(partitions
            .iter()
            .map(|partition| offsets.get(partition).or(self.everywhere.as_ref()).cloned())
            .collect())
    }
}

impl ConnectorHost for Host {
    fn request_task_reconfiguration(&self) {
        self.reconfigurations.count(1);
    }

    fn raise_error(&self, error: Error) {
        self.lock(&self.errors).push(error);
        self.raised.count(1);
    }
}

#[async_trait]
impl SourceTaskHost for Host {
    async fn configs(&self) -> Result<Properties> {
        Ok(self.lock(&self.configs).clone())
    }

    fn transactions(&self) -> Option<Arc<dyn TransactionRequests>> {
        self.boundaries.as_ref().map(|boundaries| Arc::clone(boundaries) as _)
    }
}

#[derive(Default)]
struct Boundaries(Mutex<Vec<Boundary>>);

impl Boundaries {
    fn lock(&self) -> MutexGuard<'_, Vec<Boundary>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TransactionRequests for Boundaries {
    fn commit_batch(&self) {
        self.lock().push(Boundary::CommitBatch);
    }

    fn commit_record(&self, partition: &SourcePartition, offset: &SourceOffset) {
        self.lock().push(Boundary::CommitRecord(partition.clone(), offset.clone()));
    }

    fn abort_batch(&self) {
        self.lock().push(Boundary::AbortBatch);
    }

    fn abort_record(&self, partition: &SourcePartition, offset: &SourceOffset) {
        self.lock().push(Boundary::AbortRecord(partition.clone(), offset.clone()));
    }
}
