//! A sink under test: [`SinkHarness`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use connect_api::host::{ConnectorHost, OffsetHost, SinkTaskHost};
use connect_api::sink::Report;
use connect_api::{
    Config, Error, Offsets, Properties, Record, Result, SchemaAndValue, SinkConnector, SinkConnectorContext,
    SinkRecord, SinkTask, SinkTaskContext, SourceOffset, SourcePartition, TimestampType, TopicPartition,
    Value,
};

use crate::latch::{Latch, PATIENCE};

/// The pause before a refused batch is put again when the task named none.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// A sink connector with one of its tasks, driven by a test as the engine drives it, without the engine.
///
/// The harness holds a log per partition, as Kafka does: [`produce`](Self::produce) appends to it and
/// [`deliver`](Self::deliver) gives the task what it has not taken, so a rewind brings records again. There are no
/// transformations, no converters and no Kafka.
///
/// ```
/// # use connect_testkit::doc::ListSink;
/// use connect_testkit::SinkHarness;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> connect_api::Result<()> {
/// let mut sink = SinkHarness::<ListSink>::start([("list", "harness")]).await?;
/// sink.open("orders", 0).await?;
/// sink.produce("orders", 0, "one coffee");
/// sink.produce("orders", 0, "two cakes");
/// sink.deliver().await?;
/// sink.commit().await?;
/// assert_eq!(sink.committed("orders", 0), Some(2));
/// sink.stop().await?;
/// # assert_eq!(ListSink::taken("harness"), ["one coffee", "two cakes"]);
/// # Ok(())
/// # }
/// ```
pub struct SinkHarness<C: SinkConnector> {
    options: SinkOptions,
    connector: C,
    task: C::Task,
    host: Arc<Host>,
    logs: BTreeMap<TopicPartition, Vec<SinkRecord>>,
    /// Given to the task and refused for now.
    pending: Vec<SinkRecord>,
    /// Taken by the task: the next offset.
    current: Offsets,
    committed: Offsets,
}

/// How a [`SinkHarness`] is started.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    config: Properties,
    max_tasks: usize,
    task: usize,
    reporter: bool,
}

impl SinkOptions {
    /// The first of at most one task, with an errant record reporter.
    pub fn new(config: impl Into<Properties>) -> Self {
        Self { config: config.into(), max_tasks: 1, task: 0, reporter: true }
    }

    /// Asks the connector for at most so many tasks, and starts the one with this number, from 0.
    #[must_use]
    pub fn task(mut self, task: usize, max_tasks: usize) -> Self {
        self.task = task;
        self.max_tasks = max_tasks;
        self
    }

    /// Gives the task no errant record reporter, as the default configuration of the engine.
    #[must_use]
    pub fn without_reporter(mut self) -> Self {
        self.reporter = false;
        self
    }
}

impl<C: SinkConnector> SinkHarness<C> {
    /// Starts the connector, asks it for one task configuration, and starts that task. No partition is open.
    ///
    /// # Errors
    ///
    /// Those of the connector and the task; when the configuration does not parse; when the connector answers no
    /// task, or more than it may.
    pub async fn start(config: impl Into<Properties>) -> Result<Self> {
        Self::start_with(SinkOptions::new(config)).await
    }

    /// The same with everything said.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_with(options: SinkOptions) -> Result<Self> {
        let host = Arc::new(Host { reporter: options.reporter, ..Host::default() });
        let config = C::Config::parse(&options.config)?;
        let mut connector = C::start(config, SinkConnectorContext::new(Arc::clone(&host) as _)).await?;
        let task_configs = connector.task_configs(options.max_tasks).await?;
        if task_configs.len() > options.max_tasks {
            return Err(Error::illegal_state(format!(
                "the connector answered {} task configurations and may answer {}",
                task_configs.len(),
                options.max_tasks
            )));
        }
        let task_config = task_configs.into_iter().nth(options.task).ok_or_else(|| {
            Error::illegal_state(format!("the connector answered no configuration for task {}", options.task))
        })?;
        let config = <C::Task as SinkTask>::Config::parse(&task_config)?;
        host.lock().config = task_config;
        let task = C::Task::start(config, SinkTaskContext::new(Arc::clone(&host) as _)).await?;
        Ok(Self {
            options,
            connector,
            task,
            host,
            logs: BTreeMap::new(),
            pending: Vec::new(),
            current: Offsets::new(),
            committed: Offsets::new(),
        })
    }

    /// Assigns a partition to the task, where its last commit or, without one, its beginning is. An open one is
    /// left alone.
    ///
    /// # Errors
    ///
    /// That of the task, which the engine would let fail.
    pub async fn open(&mut self, topic: &str, partition: i32) -> Result<()> {
        let partition = TopicPartition::new(topic, partition);
        let new = self.host.lock().assignment.get_or_insert_default().insert(partition.clone());
        if !new {
            return Ok(());
        }
        let start = self.committed.get(&partition).copied().unwrap_or(0);
        self.current.insert(partition.clone(), start);
        self.committed.entry(partition.clone()).or_insert(start);
        self.task.open(&[partition]).await?;
        self.rewind();
        Ok(())
    }

    /// Appends a value without schema to the log of a partition and returns its offset. Nothing reaches the task yet.
    pub fn produce(&mut self, topic: &str, partition: i32, value: impl Into<Value>) -> i64 {
        self.produce_record(partition, Record::new(topic, SchemaAndValue::schemaless(value)))
    }

    /// Appends a record to the log of a partition of its topic and returns its offset.
    pub fn produce_record(&mut self, partition: i32, record: Record) -> i64 {
        let original = TopicPartition::new(record.topic.clone(), partition);
        let log = self.logs.entry(original.clone()).or_default();
        let offset = i64::try_from(log.len()).unwrap_or(i64::MAX);
        let record = record.with_kafka_partition(partition).with_kafka_offset(offset);
        log.push(SinkRecord::new(record, original.topic, partition, offset, TimestampType::CreateTime));
        offset
    }

    /// Gives the task everything that open partitions hold and it has not taken, as one batch; an empty batch when
    /// there is nothing. Partitions that it paused give nothing. A batch that it refused for now comes again first,
    /// as it was.
    ///
    /// # Errors
    ///
    /// That of the task. After a [retriable](Error::is_retriable) one the same records are
    /// [pending](Self::pending) and the next call passes them again; any other would fail the task.
    pub async fn deliver(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            let paused = self.host.lock().paused.clone();
            for (partition, position) in &self.current {
                if paused.contains(partition) {
                    continue;
                }
                let log = self.logs.get(partition).map(Vec::as_slice).unwrap_or_default();
                let from = usize::try_from(*position).unwrap_or(0).min(log.len());
                self.pending.extend(log[from..].iter().cloned());
            }
        }
        match self.task.put(&self.pending).await {
            Ok(()) => {
                for record in self.pending.drain(..) {
                    self.current.insert(record.original(), record.original_offset() + 1);
                }
                self.rewind();
                Ok(())
            }
            Err(error) => {
                if !error.is_retriable() {
                    self.pending.clear();
                }
                self.rewind();
                Err(error)
            }
        }
    }

    /// [`deliver`](Self::deliver), and again as long as the task answers retriable errors, after the pause that it
    /// asked for.
    ///
    /// # Errors
    ///
    /// One that is not retriable; the last one when the task did not take the batch within [`PATIENCE`].
    pub async fn deliver_until_taken(&mut self) -> Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match self.deliver().await {
                Err(error) if error.is_retriable() && tokio::time::Instant::now() < deadline => {
                    let wait = self.host.lock().timeout.take();
                    tokio::time::sleep(wait.unwrap_or(RETRY_PAUSE)).await;
                }
                result => return result,
            }
        }
    }

    /// Records that the task refused for now.
    pub fn pending(&self) -> &[SinkRecord] {
        &self.pending
    }

    /// Asks the task what may be committed of all open partitions, and commits it.
    ///
    /// # Errors
    ///
    /// That of `pre_commit` or `flush`, after going back to the last committed offsets, as the engine does.
    pub async fn commit(&mut self) -> Result<Offsets> {
        let all: Vec<_> = self.current.keys().cloned().collect();
        self.host.lock().commits_requested = 0;
        match self.pre_commit(&all).await {
            Ok(answered) => {
                self.committed.extend(answered.clone());
                Ok(answered)
            }
            Err(error) => {
                self.pending.clear();
                let committed = self.committed.iter().map(|(partition, offset)| (partition.clone(), *offset));
                self.current =
                    committed.filter(|(partition, _)| self.current.contains_key(partition)).collect();
                Err(error)
            }
        }
    }

    /// What the task says may be committed of these partitions; an offset beyond what it took is an error here, where
    /// the engine would ignore it.
    async fn pre_commit(&mut self, partitions: &[TopicPartition]) -> Result<Offsets> {
        let offsets: Offsets = partitions
            .iter()
            .filter_map(|partition| self.current.get(partition).map(|offset| (partition.clone(), *offset)))
            .collect();
        let answered = self.task.pre_commit(&offsets).await?;
        for (partition, offset) in &answered {
            if offsets.get(partition).is_none_or(|taken| offset > taken) {
                return Err(Error::illegal_state(
                    "pre_commit answered an offset that the task was not given",
                )
                .with("partition", partition)
                .with("offset", offset));
            }
        }
        Ok(answered)
    }

    /// Takes a partition away: asks what may be committed, closes it, commits.
    ///
    /// # Errors
    ///
    /// Those of the task.
    pub async fn close(&mut self, topic: &str, partition: i32) -> Result<()> {
        let partition = TopicPartition::new(topic, partition);
        let one = std::slice::from_ref(&partition);
        let answered = self.pre_commit(one).await?;
        self.task.close(one).await?;
        self.committed.extend(answered);
        self.current.remove(&partition);
        self.pending.retain(|record| record.original() != partition);
        let mut state = self.host.lock();
        state.paused.remove(&partition);
        if let Some(assignment) = &mut state.assignment {
            assignment.remove(&partition);
        }
        Ok(())
    }

    /// Closes every open partition, stops the task, then the connector.
    ///
    /// # Errors
    ///
    /// The first of the task or connector.
    pub async fn stop(mut self) -> Result<()> {
        let all: Vec<_> = self.current.keys().cloned().collect();
        for partition in all {
            self.close(partition.topic.as_str(), partition.partition).await?;
        }
        self.task.stop().await?;
        self.connector.stop().await
    }

    /// Drops task and connector without a word, and starts new ones that know the same log and commits. No partition
    /// is open.
    ///
    /// # Errors
    ///
    /// Those of the new connector and task.
    pub async fn crash(self) -> Result<Self> {
        let Self { options, connector, task, logs, committed, .. } = self;
        drop((connector, task));
        Ok(Self { logs, committed, ..Self::start_with(options).await? })
    }

    /// The offset that is committed for a partition.
    pub fn committed(&self, topic: &str, partition: i32) -> Option<i64> {
        self.committed.get(&TopicPartition::new(topic, partition)).copied()
    }

    /// The next offset that the task will be given of an open partition.
    pub fn position(&self, topic: &str, partition: i32) -> Option<i64> {
        self.current.get(&TopicPartition::new(topic, partition)).copied()
    }

    /// The offset that the next record of a partition will get.
    pub fn end(&self, topic: &str, partition: i32) -> i64 {
        let log = self.logs.get(&TopicPartition::new(topic, partition));
        log.map_or(0, |log| i64::try_from(log.len()).unwrap_or(i64::MAX))
    }

    /// Goes back to the last commit of a partition: what the task took since then comes again.
    pub fn give_back(&mut self, topic: &str, partition: i32) {
        let partition = TopicPartition::new(topic, partition);
        if let (Some(position), Some(committed)) =
            (self.current.get_mut(&partition), self.committed.get(&partition))
        {
            *position = *committed;
        }
    }

    /// All rewinds that the task asked for so far.
    pub fn rewinds(&self) -> Vec<(TopicPartition, i64)> {
        self.host.lock().rewinds.clone()
    }

    /// Takes the pause that the task asked for before its next retry.
    pub fn take_timeout(&self) -> Option<Duration> {
        self.host.lock().timeout.take()
    }

    /// The partitions that the task paused.
    pub fn paused(&self) -> Vec<TopicPartition> {
        self.host.lock().paused.iter().cloned().collect()
    }

    /// How often the task asked for a commit since the last one.
    pub fn commits_requested(&self) -> usize {
        self.host.lock().commits_requested
    }

    /// The records that the task reported, with the text of the error of each.
    pub fn reported(&self) -> Vec<(SinkRecord, String)> {
        self.host.lock().reported.clone()
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
        std::mem::take(&mut self.host.lock().errors)
    }

    /// The connector, for what only the test knows of it.
    pub fn connector(&mut self) -> &mut C {
        &mut self.connector
    }

    /// The task, for what only the test knows of it.
    pub fn task(&mut self) -> &mut C::Task {
        &mut self.task
    }

    /// Does the rewinds that were asked for.
    fn rewind(&mut self) {
        let mut state = self.host.lock();
        let rewinds = std::mem::take(&mut state.new_rewinds);
        state.rewinds.extend(rewinds.iter().map(|(partition, offset)| (partition.clone(), *offset)));
        drop(state);
        for (partition, offset) in rewinds {
            if self.current.contains_key(&partition) {
                self.pending.retain(|record| record.original() != partition);
                self.current.insert(partition.clone(), offset);
                self.committed.insert(partition, offset);
            }
        }
    }
}

impl<C: SinkConnector> fmt::Debug for SinkHarness<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkHarness")
            .field("options", &self.options)
            .field("current", &self.current)
            .field("committed", &self.committed)
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

/// Starts a task alone, without its connector. It has no partition and no errant record reporter.
///
/// # Errors
///
/// That of the task; when the configuration does not parse.
pub async fn sink_task<T: SinkTask>(config: &Properties) -> Result<T> {
    let host = Host::default();
    host.lock().config = config.clone();
    T::start(T::Config::parse(config)?, SinkTaskContext::new(Arc::new(host))).await
}

#[derive(Default)]
struct State {
    config: Properties,
    assignment: Option<BTreeSet<TopicPartition>>,
    new_rewinds: Offsets,
    rewinds: Vec<(TopicPartition, i64)>,
    timeout: Option<Duration>,
    paused: BTreeSet<TopicPartition>,
    commits_requested: usize,
    reported: Vec<(SinkRecord, String)>,
    errors: Vec<Error>,
}

/// What stands behind the contexts.
#[derive(Default)]
struct Host {
    state: Mutex<State>,
    reporter: bool,
    reconfigurations: Latch,
    raised: Latch,
}

impl Host {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pause_or_resume(&self, partitions: &[TopicPartition], pause: bool) -> Result<()> {
        let mut state = self.lock();
        let assigned = state.assignment.clone().unwrap_or_default();
        if let Some(foreign) = partitions.iter().find(|partition| !assigned.contains(*partition)) {
            return Err(Error::illegal_state(
                "SinkTasks may not pause or resume partitions that are not assigned",
            )
            .with("partition", foreign));
        }
        for partition in partitions {
            if pause {
                state.paused.insert(partition.clone());
            } else {
                state.paused.remove(partition);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl OffsetHost for Host {
    async fn offsets(&self, partitions: &[SourcePartition]) -> Result<Vec<Option<SourceOffset>>> {
        Ok(vec![None; partitions.len()])
    }
}

impl ConnectorHost for Host {
    fn request_task_reconfiguration(&self) {
        self.reconfigurations.count(1);
    }

    fn raise_error(&self, error: Error) {
        self.lock().errors.push(error);
        self.raised.count(1);
    }
}

#[async_trait]
impl SinkTaskHost for Host {
    async fn configs(&self) -> Result<Properties> {
        Ok(self.lock().config.clone())
    }

    fn assignment(&self) -> Result<Vec<TopicPartition>> {
        match &self.lock().assignment {
            Some(assigned) => Ok(assigned.iter().cloned().collect()),
            None => Err(Error::illegal_state("the assignment is not known before the first open")),
        }
    }

    fn offset(&self, offsets: &Offsets) {
        self.lock()
            .new_rewinds
            .extend(offsets.iter().map(|(partition, offset)| (partition.clone(), *offset)));
    }

    fn timeout(&self, wait: Duration) {
        self.lock().timeout = Some(wait);
    }

    fn pause(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.pause_or_resume(partitions, true)
    }

    fn resume(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.pause_or_resume(partitions, false)
    }

    fn request_commit(&self) {
        self.lock().commits_requested += 1;
    }

    fn has_reporter(&self) -> bool {
        self.reporter
    }

    fn report(&self, record: &SinkRecord, error: Error) -> Result<Report> {
        self.lock().reported.push((record.clone(), error.trace()));
        Ok(Report::new(async { Ok(()) }))
    }
}
