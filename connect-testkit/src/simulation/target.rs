//! A sink's target: rows in the order in which they were written, and where the sink wants it, offsets beside them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use connect_api::plugins::PluginFuture;
use connect_api::{
    Error, Offsets, Properties, Result, SinkConnector, SinkConnectorContext, SinkRecord, SinkTask,
    SinkTaskContext, TopicPartition,
};

use super::fates::{Fate, Fates};
use super::model::{Item, Outside, SinkModel};

pub(super) struct Target {
    outside: Outside,
    state: Mutex<State>,
    style: Style,
}

#[derive(Default)]
struct State {
    rows: Vec<Item>,
    offsets: Offsets,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// It writes in `put`.
    Direct,
    /// It collects in `put` and writes in `pre_commit`.
    Buffered,
    /// It writes rows and offsets in one transaction.
    Offsets,
}

impl Target {
    fn new(outside: &Outside, style: Style) -> Self {
        Self { outside: outside.clone(), state: Mutex::default(), style }
    }

    pub(super) fn plain(outside: &Outside) -> Self {
        let style = if outside.below(3) == 0 { Style::Buffered } else { Style::Direct };
        Self::new(outside, style)
    }

    pub(super) fn with_offsets(outside: &Outside) -> Self {
        Self::new(outside, Style::Offsets)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SinkModel for Target {
    type Connector = TargetSink;

    fn config(&self) -> Properties {
        Properties::default()
    }

    fn start_task(
        self: Arc<Self>,
        _: Properties,
        context: SinkTaskContext,
    ) -> PluginFuture<Box<dyn SinkTask>> {
        Box::pin(async move {
            let task = TargetTask {
                target: self,
                context,
                next: Offsets::new(),
                uncertain: false,
                buffer: BTreeMap::new(),
            };
            Ok(Box::new(task) as Box<dyn SinkTask>)
        })
    }

    fn rows(&self) -> Vec<Item> {
        self.lock().rows.clone()
    }
}

pub(super) struct TargetSink;

#[async_trait]
impl SinkConnector for TargetSink {
    type Config = Properties;
    type Task = TargetTask;

    async fn start(_: Properties, _: SinkConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        Ok(vec![Properties::default(); max_tasks])
    }
}

pub(super) struct TargetTask {
    target: Arc<Target>,
    context: SinkTaskContext,
    /// Where the target is, of partitions whose offsets it keeps.
    next: Offsets,
    /// A transaction may or may not have been committed.
    uncertain: bool,
    buffer: BTreeMap<TopicPartition, Vec<(i64, Item)>>,
}

fn item(record: &SinkRecord) -> Result<Item> {
    let text = record.record.value.value.as_str().and_then(Item::parse);
    text.ok_or_else(|| Error::data("the value is no item"))
}

impl TargetTask {
    /// Rows and offsets in one transaction, from where the target is. It fails when somebody else has written.
    async fn transaction(&mut self, records: &[SinkRecord]) -> Result<()> {
        let target = &*self.target;
        if self.uncertain {
            let stored = target.outside.call("look up", || target.lock().offsets.clone()).await?;
            for (partition, next) in &mut self.next {
                *next = stored.get(partition).copied().unwrap_or(0);
            }
            self.uncertain = false;
        }
        let mut next = self.next.clone();
        let mut rows = Vec::new();
        for record in records {
            let at = next.entry(record.original()).or_insert(0);
            if record.original_offset() >= *at {
                *at = record.original_offset() + 1;
                rows.push(item(record)?);
            }
        }
        let before = &self.next;
        let commit = || {
            let mut state = target.lock();
            let unchanged = |(partition, at): (&TopicPartition, &i64)| {
                state.offsets.get(partition).copied().unwrap_or(0) == *at
            };
            if !before.iter().all(unchanged) {
                return false;
            }
            state.rows.extend(rows);
            state.offsets.extend(next.iter().map(|(partition, at)| (partition.clone(), *at)));
            true
        };
        match target.outside.call("transaction", commit).await {
            Ok(true) => {
                self.next = next;
                Ok(())
            }
            Ok(false) => {
                self.uncertain = true;
                Err(Error::retriable("simulated: somebody else has written to the target"))
            }
            Err(error) => {
                self.uncertain = true;
                Err(error)
            }
        }
    }
}

#[async_trait]
impl SinkTask for TargetTask {
    type Config = Properties;

    async fn start(_: Properties, _: SinkTaskContext) -> Result<Self> {
        Err(Error::illegal_state("the model starts the task"))
    }

    async fn open(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        if self.target.style == Style::Offsets {
            let target = &*self.target;
            let stored = target.outside.call("look up", || target.lock().offsets.clone()).await?;
            for partition in partitions {
                let at = stored.get(partition).copied();
                self.next.insert(partition.clone(), at.unwrap_or(0));
                if let Some(at) = at {
                    self.context.offset(&Offsets::from([(partition.clone(), at)]));
                }
            }
        }
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        if self.target.style == Style::Offsets {
            return self.transaction(records).await;
        }
        let reporter = self.context.errant_record_reporter();
        let fates = Fates { reports: reporter.is_some(), ..Fates::default() };
        let mut taken = Vec::new();
        for record in records {
            let item = item(record)?;
            match (fates.of(&item), &reporter) {
                (Fate::Report, Some(reporter)) => {
                    // The engine waits for it before it commits.
                    drop(reporter.report(record, Error::data("simulated: the target takes no such record"))?);
                }
                _ => taken.push((record.original(), record.original_offset(), item)),
            }
        }
        if self.target.style == Style::Buffered {
            for (partition, offset, item) in taken {
                self.buffer.entry(partition).or_default().push((offset, item));
            }
            return Ok(());
        }
        let target = &*self.target;
        let rows = taken.into_iter().map(|(_, _, item)| item);
        target.outside.call("insert", || target.lock().rows.extend(rows)).await
    }

    async fn pre_commit(&mut self, offsets: &Offsets) -> Result<Offsets> {
        let mut answer = offsets.clone();
        for (partition, answered) in &mut answer {
            let Some(first) = self.buffer.get(partition).and_then(|buffered| buffered.first()) else {
                continue;
            };
            let first = first.0;
            let buffered = self.buffer.get(partition).cloned().unwrap_or_default();
            let target = &*self.target;
            let rows = buffered.into_iter().map(|(_, item)| item);
            match target.outside.call("insert", || target.lock().rows.extend(rows)).await {
                Ok(()) => drop(self.buffer.remove(partition)),
                // The next round tries again; until then these are not durable.
                Err(_) => *answered = first.min(*answered),
            }
        }
        Ok(answer)
    }

    async fn close(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        for partition in partitions {
            self.buffer.remove(partition);
            self.next.remove(partition);
        }
        Ok(())
    }
}
