//! A source and a sink that do what a test says and write down every call.
//!
//! What a test says lives in a [`World`] of its thread: such a test runs on one thread, connectors and tasks included.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connect_api::{
    ConnectorTransactionBoundaries, Error, ExactlyOnceSupport, Offsets, Outcome, Plugins, Predicate,
    Properties, Record, RecordMetadata, Result, Schema, SchemaAndValue, SinkConnector, SinkConnectorContext,
    SinkRecord, SinkTask, SinkTaskContext, SourceConnector, SourceConnectorContext, SourceOffset,
    SourcePartition, SourceRecord, SourceTask, SourceTaskContext, TopicPartition, TransactionContext,
    Transformation, Value, async_trait,
};
use connect_testkit::{Journal, MemoryKafka, TestConnectBuilder};
use tokio::sync::Notify;

/// A call into a connector or task. The first number is the task's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Call {
    StartConnector,
    StopConnector,
    Start(usize),
    Poll(usize, usize),
    CommitRecord(String, Option<i64>),
    Commit(usize),
    /// With what the group had committed at that moment.
    Open(usize, Vec<TopicPartition>, Offsets),
    /// The offsets by partition.
    Put(usize, BTreeMap<TopicPartition, Vec<i64>>),
    PreCommit(usize, Offsets),
    Close(usize, Vec<TopicPartition>),
    Stop(usize),
    AlterSource(Vec<(SourcePartition, Option<SourceOffset>)>),
    AlterSink(Vec<(TopicPartition, Option<i64>)>),
}

/// What the next call of a kind does instead of succeeding.
pub(crate) enum Step {
    Fail(Error),
    Panic,
    Hang,
    /// `put` asks to be left alone so long, and for the same records again.
    Again(Duration),
    /// `put` takes the records and rewinds.
    Rewind(Offsets),
    /// `pre_commit` answers this.
    Answer(Offsets),
}

pub(crate) type Boundaries = Box<dyn Fn(&TransactionContext, &[SourceRecord]) + Send>;

/// What the connectors of one test do.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) calls: Journal<Call>,
    /// How many records each source task gives.
    pub(crate) limit: AtomicI64,
    pub(crate) grown: Notify,
    /// How many records one poll gives.
    pub(crate) batch: AtomicI64,
    /// How many tasks connectors ask for.
    pub(crate) tasks: AtomicUsize,
    pub(crate) hooks: AtomicBool,
    pub(crate) start_connector: Mutex<VecDeque<Step>>,
    pub(crate) stop_connector: Mutex<VecDeque<Step>>,
    /// By task number.
    pub(crate) start: Mutex<BTreeMap<usize, VecDeque<Step>>>,
    pub(crate) poll: Mutex<BTreeMap<usize, VecDeque<Step>>>,
    pub(crate) put: Mutex<BTreeMap<usize, VecDeque<Step>>>,
    pub(crate) pre_commit: Mutex<BTreeMap<usize, VecDeque<Step>>>,
    pub(crate) stop: Mutex<BTreeMap<usize, VecDeque<Step>>>,
    /// What connectors answer to a change of their offsets.
    pub(crate) alter: Mutex<VecDeque<Result<bool>>>,
    pub(crate) sources: Mutex<Vec<SourceConnectorContext>>,
    /// What a source task says about its transactions when it has polled these records.
    pub(crate) boundaries: Mutex<Option<Boundaries>>,
    pub(crate) sinks: Mutex<BTreeMap<usize, SinkTaskContext>>,
    pub(crate) kafka: MemoryKafka,
}

thread_local! {
    static WORLD: Arc<World> = Arc::new(World {
        batch: AtomicI64::new(1000),
        tasks: AtomicUsize::new(1),
        ..World::default()
    });
}

pub(crate) fn world() -> Arc<World> {
    WORLD.with(Arc::clone)
}

/// A runtime with the connectors `Source` and `Sink`, the transformations `Tag` and `FailOn` and the predicate `Is`.
pub(crate) fn connect() -> TestConnectBuilder {
    connect_testkit::connect().kafka(&world().kafka).plugins(register)
}

pub(crate) fn register(plugins: &mut Plugins) {
    plugins
        .bundle("1")
        .source::<Source>("Source")
        .sink::<Sink>("Sink")
        .transformation::<Tag>("Tag")
        .transformation::<FailOn>("FailOn")
        .transformation::<Drops>("Drops")
        .predicate::<Is>("Is");
}

/// The configuration of a source that writes to `t`.
pub(crate) fn source() -> Properties {
    Properties::from([("connector.class", "Source"), ("topic", "t"), ("tasks.max", "9")])
}

/// The configuration of a sink that reads `t`.
pub(crate) fn sink() -> Properties {
    Properties::from([("connector.class", "Sink"), ("topics", "t"), ("tasks.max", "9")])
}

impl World {
    /// Lets each source task give `count` more records.
    pub(crate) fn grow(&self, count: i64) {
        self.limit.fetch_add(count, SeqCst);
        self.grown.notify_waiters();
    }

    pub(crate) fn count(&self, matches: impl Fn(&Call) -> bool) -> usize {
        self.calls.entries().iter().filter(|call| matches(call)).count()
    }

    /// Waits for the `nth` call that matches, from 1.
    pub(crate) async fn wait_for(&self, nth: usize, matches: impl Fn(&Call) -> bool) -> Call {
        self.calls.wait_until(|calls| calls.iter().filter(|call| matches(call)).nth(nth - 1).cloned()).await
    }

    /// All non-empty puts so far: task and offsets by partition.
    pub(crate) fn puts(&self) -> Vec<(usize, BTreeMap<TopicPartition, Vec<i64>>)> {
        let put = |call| match call {
            Call::Put(task, records) if !records.is_empty() => Some((task, records)),
            _ => None,
        };
        self.calls.entries().into_iter().filter_map(put).collect()
    }
}

pub(crate) fn plan(steps: &Mutex<BTreeMap<usize, VecDeque<Step>>>, task: usize, step: Step) {
    steps.lock().unwrap().entry(task).or_default().push_back(step);
}

fn next(steps: &Mutex<BTreeMap<usize, VecDeque<Step>>>, task: usize) -> Option<Step> {
    steps.lock().unwrap().get_mut(&task)?.pop_front()
}

/// Does what every kind of call can do.
async fn perform(step: Option<Step>) -> Result<Option<Step>> {
    match step {
        Some(Step::Fail(error)) => Err(error),
        Some(Step::Panic) => panic!("as planned"),
        Some(Step::Hang) => std::future::pending().await,
        other => Ok(other),
    }
}

fn task_configs(config: &Properties) -> Vec<Properties> {
    let tasks = world().tasks.load(SeqCst);
    (0..tasks)
        .map(|task| config.clone().with("task", task.to_string()).with("of", tasks.to_string()))
        .collect()
}

fn number(config: &Properties) -> usize {
    config.get("task").unwrap().parse().unwrap()
}

pub(crate) struct Source(Properties);

#[async_trait]
impl SourceConnector for Source {
    type Config = Properties;
    type Task = Numbers;

    async fn start(config: Properties, context: SourceConnectorContext) -> Result<Self> {
        world().calls.push(Call::StartConnector);
        let step = world().start_connector.lock().unwrap().pop_front();
        perform(step).await?;
        world().sources.lock().unwrap().push(context);
        Ok(Self(config))
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(task_configs(&self.0))
    }

    async fn stop(&mut self) -> Result<()> {
        world().calls.push(Call::StopConnector);
        let step = world().stop_connector.lock().unwrap().pop_front();
        perform(step).await.map(drop)
    }

    async fn alter_offsets(
        _: Properties,
        offsets: &[(SourcePartition, Option<SourceOffset>)],
    ) -> Result<bool> {
        world().calls.push(Call::AlterSource(offsets.to_vec()));
        world().alter.lock().unwrap().pop_front().unwrap_or(Ok(false))
    }

    fn exactly_once_support(config: &Properties) -> ExactlyOnceSupport {
        match config.get("supports") {
            None => ExactlyOnceSupport::Supported,
            Some("no") => ExactlyOnceSupport::Unsupported,
            Some(_) => ExactlyOnceSupport::Unknown,
        }
    }

    fn can_define_transaction_boundaries(config: &Properties) -> ConnectorTransactionBoundaries {
        match config.get("supports") {
            None => ConnectorTransactionBoundaries::Supported,
            Some(_) => ConnectorTransactionBoundaries::Unsupported,
        }
    }
}

/// Gives the texts of 0, 1, 2, …; its offsets say the next number.
pub(crate) struct Numbers {
    task: usize,
    topic: String,
    next: i64,
    transactions: Option<TransactionContext>,
}

#[async_trait]
impl SourceTask for Numbers {
    type Config = Properties;

    async fn start(config: Properties, context: SourceTaskContext) -> Result<Self> {
        let task = number(&config);
        world().calls.push(Call::Start(task));
        perform(next(&world().start, task)).await?;
        let stored =
            context.offset_storage_reader().offset(&SourcePartition::of("task", task as i64)).await?;
        let topic = config.get("topic").unwrap().to_owned();
        let transactions = context.transaction_context();
        let next = stored.and_then(|offset| offset.i64("next")).unwrap_or(0);
        Ok(Self { task, topic, next, transactions })
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        let world = world();
        perform(next(&world.poll, self.task)).await?;
        let grown = world.grown.notified();
        if self.next >= world.limit.load(SeqCst) {
            // How the wait ends does not matter.
            let _ = tokio::time::timeout(max_wait, grown).await;
        }
        let end = world.limit.load(SeqCst).min(self.next + world.batch.load(SeqCst));
        let records: Vec<_> = (self.next..end)
            .map(|number| {
                let value = SchemaAndValue::new(Schema::STRING, number.to_string());
                let partition = SourcePartition::of("task", self.task as i64);
                let offset = SourceOffset::of("next", number + 1);
                SourceRecord::new(partition, offset, Record::new(self.topic.as_str(), value))
            })
            .collect();
        self.next = self.next.max(end);
        if !records.is_empty() {
            world.calls.push(Call::Poll(self.task, records.len()));
            if let (Some(transactions), Some(boundaries)) =
                (&self.transactions, &*world.boundaries.lock().unwrap())
            {
                boundaries(transactions, &records);
            }
        }
        Ok(records)
    }

    fn wants_record_commits(&self) -> bool {
        world().hooks.load(SeqCst)
    }

    async fn commit_record(
        &mut self,
        record: &SourceRecord,
        metadata: Option<&RecordMetadata>,
    ) -> Result<()> {
        let value = record.record.value.value.to_string();
        world().calls.push(Call::CommitRecord(value, metadata.map(|metadata| metadata.offset)));
        Ok(())
    }

    async fn commit(&mut self) -> Result<()> {
        world().calls.push(Call::Commit(self.task));
        Ok(())
    }

    async fn stop(&mut self) -> Result<()> {
        world().calls.push(Call::Stop(self.task));
        perform(next(&world().stop, self.task)).await.map(drop)
    }
}

pub(crate) struct Sink(Properties);

#[async_trait]
impl SinkConnector for Sink {
    type Config = Properties;
    type Task = Takes;

    async fn start(config: Properties, _: SinkConnectorContext) -> Result<Self> {
        world().calls.push(Call::StartConnector);
        let step = world().start_connector.lock().unwrap().pop_front();
        perform(step).await?;
        Ok(Self(config))
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(task_configs(&self.0))
    }

    async fn stop(&mut self) -> Result<()> {
        world().calls.push(Call::StopConnector);
        Ok(())
    }

    async fn alter_offsets(_: Properties, offsets: &[(TopicPartition, Option<i64>)]) -> Result<bool> {
        world().calls.push(Call::AlterSink(offsets.to_vec()));
        world().alter.lock().unwrap().pop_front().unwrap_or(Ok(false))
    }
}

pub(crate) struct Takes {
    task: usize,
    group: String,
    context: SinkTaskContext,
}

#[async_trait]
impl SinkTask for Takes {
    type Config = Properties;

    async fn start(config: Properties, context: SinkTaskContext) -> Result<Self> {
        let task = number(&config);
        world().calls.push(Call::Start(task));
        perform(next(&world().start, task)).await?;
        world().sinks.lock().unwrap().insert(task, context.clone());
        Ok(Self { task, group: format!("connect-{}", config.get("name").unwrap_or("sink")), context })
    }

    async fn open(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let committed = world().kafka.committed(&self.group);
        let mut partitions = partitions.to_vec();
        partitions.sort();
        world().calls.push(Call::Open(self.task, partitions, committed));
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let mut offsets = BTreeMap::<_, Vec<i64>>::new();
        for record in records {
            offsets.entry(record.original()).or_default().push(record.original_offset());
        }
        world().calls.push(Call::Put(self.task, offsets));
        if records.is_empty() {
            return Ok(());
        }
        match perform(next(&world().put, self.task)).await? {
            Some(Step::Again(wait)) => {
                self.context.timeout(wait);
                Err(Error::retriable("the target is busy"))
            }
            Some(Step::Rewind(offsets)) => {
                self.context.offset(&offsets);
                Ok(())
            }
            _ => match self.context.errant_record_reporter() {
                Some(reporter) => {
                    for record in
                        records.iter().filter(|record| record.record.value.value == Value::from("bad"))
                    {
                        drop(reporter.report(record, Error::data("the target refuses this"))?);
                    }
                    Ok(())
                }
                None => Ok(()),
            },
        }
    }

    async fn pre_commit(&mut self, offsets: &Offsets) -> Result<Offsets> {
        world().calls.push(Call::PreCommit(self.task, offsets.clone()));
        match perform(next(&world().pre_commit, self.task)).await? {
            Some(Step::Answer(offsets)) => Ok(offsets),
            _ => Ok(offsets.clone()),
        }
    }

    async fn close(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let mut partitions = partitions.to_vec();
        partitions.sort();
        world().calls.push(Call::Close(self.task, partitions));
        Ok(())
    }

    async fn stop(&mut self) -> Result<()> {
        world().calls.push(Call::Stop(self.task));
        perform(next(&world().stop, self.task)).await.map(drop)
    }
}

fn text(record: &Record) -> String {
    record.value.value.to_string()
}

/// Appends its `tag` to the value.
pub(crate) struct Tag(String);

impl Transformation for Tag {
    type Config = Properties;

    fn configure(config: Properties) -> Result<Self> {
        Ok(Self(config.get("tag").unwrap().to_owned()))
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        record.value.value = Value::from(format!("{}{}", text(record), self.0));
        Ok(Outcome::Keep)
    }
}

/// Fails on the record whose value is its `value`.
pub(crate) struct FailOn(String);

impl Transformation for FailOn {
    type Config = Properties;

    fn configure(config: Properties) -> Result<Self> {
        Ok(Self(config.get("value").unwrap().to_owned()))
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        if text(record) == self.0 {
            Err(Error::data("it does not like this value"))
        } else {
            Ok(Outcome::Keep)
        }
    }
}

/// Drops every record.
pub(crate) struct Drops;

impl Transformation for Drops {
    type Config = Properties;

    fn configure(_: Properties) -> Result<Self> {
        Ok(Self)
    }

    fn apply(&self, _: &mut Record) -> Result<Outcome> {
        Ok(Outcome::Drop)
    }
}

/// Whether the value is its `value`.
pub(crate) struct Is(String);

impl Predicate for Is {
    type Config = Properties;

    fn configure(config: Properties) -> Result<Self> {
        Ok(Self(config.get("value").unwrap().to_owned()))
    }

    fn test(&self, record: &Record) -> Result<bool> {
        Ok(text(record) == self.0)
    }
}
