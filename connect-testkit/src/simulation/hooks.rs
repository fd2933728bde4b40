//! Tasks as the engine sees them: the author's task, with steps and faults around every call into it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use connect_api::config::NoConfig;
use connect_api::host::SinkTaskHost;
use connect_api::sink::Report;
use connect_api::{
    Error, Offsets, Properties, RecordMetadata, Result, SinkRecord, SinkTask, SinkTaskContext, SourceRecord,
    SourceTask, SourceTaskContext, TopicPartition,
};

use super::call::Call;
use super::schedule::FaultKind;
use super::world::{Tally, World};

tokio::task_local! {
    /// Whose task is being called.
    pub(super) static LIFE: u64;
}

/// What both kinds of tasks have.
pub(super) struct Watch {
    world: Arc<World>,
    life: u64,
    tally: Arc<Tally>,
}

impl Watch {
    fn new(world: &Arc<World>, life: u64) -> Self {
        world.client_made(life);
        Self { world: Arc::clone(world), life, tally: world.tally() }
    }

    async fn call<T>(&self, call: Call, what: String, inner: impl Future<Output = Result<T>>) -> Result<T> {
        match self.world.enter(self.life, call, what).await {
            Some(FaultKind::FailHook) => return Err(Error::retriable("simulated: it fails for now")),
            Some(FaultKind::FailTask) => return Err(Error::connect("simulated: it fails for good")),
            _ => {}
        }
        let result = LIFE.scope(self.life, inner).await;
        match &result {
            Ok(_) => self.world.leave(self.life, call, "done".to_owned()).await,
            Err(error) => self.world.leave(self.life, call, format!("{error}")).await,
        }
        result
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.world.client_gone(self.life);
    }
}

fn never_started() -> Error {
    Error::illegal_state("a watched task is made around another one")
}

pub(super) struct WatchedSource {
    watch: Watch,
    inner: Box<dyn SourceTask>,
}

impl WatchedSource {
    pub(super) async fn make(
        world: &Arc<World>,
        life: u64,
        start: impl Future<Output = Result<Box<dyn SourceTask>>>,
    ) -> Result<Box<dyn SourceTask>> {
        let watch = Watch::new(world, life);
        let inner = watch.call(Call::StartTask, "start of a task".to_owned(), start).await?;
        Ok(Box::new(Self { watch, inner }))
    }
}

#[async_trait]
impl SourceTask for WatchedSource {
    type Config = NoConfig;

    async fn start(_: NoConfig, _: SourceTaskContext) -> Result<Self> {
        Err(never_started())
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        let polled = self.watch.call(Call::Poll, "poll".to_owned(), self.inner.poll(max_wait)).await?;
        self.watch.tally.polled.fetch_add(polled.len() as u64, Relaxed);
        Ok(polled)
    }

    async fn commit_record(
        &mut self,
        record: &SourceRecord,
        metadata: Option<&RecordMetadata>,
    ) -> Result<()> {
        let heard = self.inner.commit_record(record, metadata);
        self.watch.call(Call::Hook, "commit_record".to_owned(), heard).await
    }

    fn wants_record_commits(&self) -> bool {
        self.inner.wants_record_commits()
    }

    async fn commit(&mut self) -> Result<()> {
        self.watch.call(Call::Hook, "commit".to_owned(), self.inner.commit()).await
    }

    async fn stop(&mut self) -> Result<()> {
        self.watch.call(Call::StopTask, "stop".to_owned(), self.inner.stop()).await
    }
}

/// What a sink task must be given next of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Nothing is known: it was opened, or rewound.
    Any,
    /// Something after this offset.
    After(i64),
    /// The record that it refused for now.
    Again(i64),
}

#[derive(Default)]
struct Expectations {
    next: BTreeMap<TopicPartition, Next>,
    /// What the task rewound since the last `put` began.
    rewound: BTreeSet<TopicPartition>,
}

type Expected = Arc<Mutex<Expectations>>;

fn lock(expected: &Expected) -> MutexGuard<'_, Expectations> {
    expected.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) struct WatchedSink {
    watch: Watch,
    inner: Box<dyn SinkTask>,
    expected: Expected,
    /// Reports since the last `put` began.
    reports: Arc<AtomicU64>,
}

/// The context that the task gets: it tells us of rewinds and reports.
struct Host {
    context: SinkTaskContext,
    expected: Expected,
    reports: Arc<AtomicU64>,
}

#[async_trait]
impl SinkTaskHost for Host {
    async fn configs(&self) -> Result<Properties> {
        self.context.configs().await
    }

    fn assignment(&self) -> Result<Vec<TopicPartition>> {
        self.context.assignment()
    }

    fn offset(&self, offsets: &Offsets) {
        let mut expected = lock(&self.expected);
        for (partition, offset) in offsets {
            expected.next.insert(partition.clone(), Next::After(*offset - 1));
            expected.rewound.insert(partition.clone());
        }
        drop(expected);
        self.context.offset(offsets);
    }

    fn timeout(&self, wait: Duration) {
        self.context.timeout(wait);
    }

    fn pause(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.context.pause(partitions)
    }

    fn resume(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.context.resume(partitions)
    }

    fn request_commit(&self) {
        self.context.request_commit();
    }

    fn has_reporter(&self) -> bool {
        self.context.errant_record_reporter().is_some()
    }

    fn report(&self, record: &SinkRecord, error: Error) -> Result<Report> {
        let reporter = self
            .context
            .errant_record_reporter()
            .ok_or_else(|| Error::illegal_state("this task has no reporter"))?;
        self.reports.fetch_add(1, Relaxed);
        reporter.report(record, error)
    }
}

impl WatchedSink {
    pub(super) async fn make<F: Future<Output = Result<Box<dyn SinkTask>>>>(
        world: &Arc<World>,
        life: u64,
        context: SinkTaskContext,
        start: impl FnOnce(SinkTaskContext) -> F,
    ) -> Result<Box<dyn SinkTask>> {
        let watch = Watch::new(world, life);
        let (expected, reports) = (Expected::default(), Arc::default());
        let host = Host { context, expected: Arc::clone(&expected), reports: Arc::clone(&reports) };
        let context = SinkTaskContext::new(Arc::new(host));
        let inner = watch.call(Call::StartTask, "start of a task".to_owned(), start(context)).await?;
        Ok(Box::new(Self { watch, inner, expected, reports }))
    }

    /// The first and last offset of each partition; says what is wrong with them.
    fn check(&self, records: &[SinkRecord]) -> BTreeMap<TopicPartition, (i64, i64)> {
        let mut ranges = BTreeMap::<TopicPartition, (i64, i64)>::new();
        for record in records {
            let (partition, offset) = (record.original(), record.original_offset());
            let range = ranges.entry(partition.clone()).or_insert((offset, offset - 1));
            if offset <= range.1 {
                self.watch
                    .world
                    .violate(format!("a put has offset {offset} of {partition} after {}", range.1));
            }
            range.1 = offset;
        }
        let mut expected = lock(&self.expected);
        expected.rewound.clear();
        let expected = &expected.next;
        for (partition, (first, _)) in &ranges {
            match expected.get(partition) {
                Some(Next::After(last)) if first <= last => self.watch.world.violate(format!(
                    "a put begins at offset {first} of {partition}, though the task was given, or had skipped, \
                     everything up to {last}"
                )),
                Some(Next::Again(again)) if first != again => self.watch.world.violate(format!(
                    "a put begins at offset {first} of {partition}, though the task had refused {again} for now"
                )),
                Some(_) => {}
                None => self
                    .watch
                    .world
                    .violate(format!("a put has records of {partition}, which the task was not given")),
            }
        }
        let missed = expected.iter().find_map(|(partition, next)| match next {
            Next::Again(again) if !ranges.contains_key(partition) => Some((partition, again)),
            _ => None,
        });
        if let Some((partition, again)) = missed {
            self.watch.world.violate(format!(
                "a put has no records of {partition}, though the task had refused its offset {again} for now"
            ));
        }
        ranges
    }
}

#[async_trait]
impl SinkTask for WatchedSink {
    type Config = NoConfig;

    async fn start(_: NoConfig, _: SinkTaskContext) -> Result<Self> {
        Err(never_started())
    }

    async fn open(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        lock(&self.expected).next.extend(partitions.iter().map(|partition| (partition.clone(), Next::Any)));
        self.watch.call(Call::Hook, format!("open {partitions:?}"), self.inner.open(partitions)).await
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let ranges = self.check(records);
        self.reports.store(0, Relaxed);
        let put = self.watch.call(Call::Put, format!("put {ranges:?}"), self.inner.put(records)).await;
        let mut expected = lock(&self.expected);
        let again = match &put {
            Ok(()) => false,
            Err(error) if error.is_retriable() => true,
            Err(_) => return put,
        };
        for (partition, (first, last)) in ranges {
            if !expected.rewound.contains(&partition) {
                expected.next.insert(partition, if again { Next::Again(first) } else { Next::After(last) });
            }
        }
        drop(expected);
        if !again {
            self.watch.tally.put.fetch_add(records.len() as u64, Relaxed);
            self.watch.tally.reported.fetch_add(self.reports.swap(0, Relaxed), Relaxed);
        }
        put
    }

    async fn flush(&mut self, offsets: &Offsets) -> Result<()> {
        self.watch.call(Call::Hook, "flush".to_owned(), self.inner.flush(offsets)).await
    }

    async fn pre_commit(&mut self, offsets: &Offsets) -> Result<Offsets> {
        let asked = self.inner.pre_commit(offsets);
        let answer = self.watch.call(Call::Hook, format!("pre_commit {offsets:?}"), asked).await;
        if answer.is_err() {
            // The engine goes back to what is committed.
            lock(&self.expected).next.extend(offsets.keys().map(|partition| (partition.clone(), Next::Any)));
        }
        answer
    }

    async fn close(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        lock(&self.expected).next.retain(|partition, _| !partitions.contains(partition));
        self.watch.call(Call::Hook, format!("close {partitions:?}"), self.inner.close(partitions)).await
    }

    async fn stop(&mut self) -> Result<()> {
        self.watch.call(Call::StopTask, "stop".to_owned(), self.inner.stop()).await
    }
}
