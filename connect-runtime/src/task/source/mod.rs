//! The source loop: poll, transform and convert, produce, settle, commit offsets.

mod context;
mod delivery;
mod offsets;
mod submitted;
mod topics;

use std::sync::Arc;
use std::time::Duration;

use connect_api::config::Properties;
use connect_api::{Error, Result, SourceRecord, SourceTask, SourceTaskContext};
use futures::future::BoxFuture;
use tokio::time::Instant;

use self::delivery::{Batch, Deliveries};
use self::offsets::OffsetCommits;
pub(crate) use self::topics::TopicCreator;
use super::control::TargetState;
use super::dead_letters::{self, DeadLetterSpec};
use super::{TaskCommon, try_later};
use crate::kafka::{ClientProperties, Kafka, Producer};
use crate::ledger::{Ends, Line};
use crate::metrics::add;
use crate::pipeline::{Fate, Origins, SourcePipeline};
use crate::storage::status::State;
use crate::storage::{OffsetBackingStore, OffsetReader};

/// How many records may be between `poll` and their acknowledgement: enough to keep a producer busy for some tens of
/// milliseconds, and a bound on memory.
const MAX_IN_FLIGHT_RECORDS: usize = 20_000;
/// And how many batches, for sources that poll single large records.
const MAX_IN_FLIGHT_BATCHES: usize = 64;
/// The longest wait of one `poll`. Hooks of the task run between polls.
const MAX_POLL_WAIT: Duration = Duration::from_secs(1);
/// How long a source that had nothing, and said so at once, is left alone.
const IDLE_PAUSE: Duration = Duration::from_millis(10);
/// Kafka's pause before something that failed for now is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// How long the producer may take to close. The worker's own deadline is usually shorter and drops the task.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Builds a started task.
pub(crate) type StartSourceTask =
    Box<dyn FnOnce(Properties, SourceTaskContext) -> BoxFuture<'static, Result<Box<dyn SourceTask>>> + Send>;

/// Everything a source task is made of.
pub(crate) struct SourceTaskSpec {
    pub(crate) common: TaskCommon,
    pub(crate) start: StartSourceTask,
    pub(crate) config: Properties,
    /// Resolves the latest configuration anew.
    pub(crate) configs: Arc<dyn Fn() -> BoxFuture<'static, Result<Properties>> + Send + Sync>,
    pub(crate) pipeline: SourcePipeline,
    pub(crate) kafka: Arc<dyn Kafka>,
    pub(crate) producer: ClientProperties,
    pub(crate) topics: Option<TopicCreator>,
    /// Where records go that are given up.
    pub(crate) dead_letters: Option<DeadLetterSpec>,
    pub(crate) offsets: Arc<dyn OffsetBackingStore>,
}

/// Runs the task until it is stopped or fails. An error makes it `FAILED`.
pub(crate) async fn run(mut spec: SourceTaskSpec) -> Result<()> {
    if !spec.common.wait_to_start().await {
        return Ok(());
    }
    let mut control = spec.common.control.clone();
    let writer = match spec.dead_letters {
        None => None,
        Some(letters) => match dead_letters::open(&*spec.kafka, letters, &mut control).await? {
            None => return Ok(()),
            writer => writer,
        },
    };
    let producer = loop {
        let made = tokio::select! {
            biased;
            made = spec.kafka.producer(&spec.producer) => made,
            () = control.stopped() => return Ok(()),
        };
        match made {
            Ok(producer) => break producer,
            Err(error) => {
                if !try_later(&mut control, "make the producer", error).await? {
                    return Ok(());
                }
            }
        }
    };
    let reader =
        OffsetReader { connector: Arc::clone(&spec.common.id.connector), store: Arc::clone(&spec.offsets) };
    let context = SourceTaskContext::new(Arc::new(context::Host { reader, configs: spec.configs }));
    let mut task = tokio::select! {
        biased;
        task = (spec.start)(spec.config, context) => task?,
        () = control.stopped() => return Ok(()),
    };
    spec.common.status(State::Running);
    let offsets = OffsetCommits::new(
        Arc::clone(&spec.common.id.connector),
        spec.offsets,
        spec.common.offset_flush_interval,
        spec.common.offset_flush_timeout,
        Arc::clone(&spec.common.counters),
    );
    let mut deliveries = Deliveries::default();
    deliveries.topics.clone_from(&spec.common.topics);
    let mut source = SourceLoop {
        hooks: task.wants_record_commits(),
        common: spec.common,
        pipeline: spec.pipeline,
        producer,
        topics: spec.topics.take(),
        deliveries,
        offsets,
        stop_by: None,
    };
    let result = source.run(&mut *task).await;
    source.finish(&mut *task, result.is_ok()).await;
    if let Some(writer) = writer {
        writer.close().await;
    }
    if let Err(error) = task.stop().await {
        tracing::warn!(error = %source.common.trace(&error), "the task did not stop cleanly");
    }
    if let Err(error) = source.producer.close(CLOSE_TIMEOUT).await {
        tracing::warn!(%error, "the producer did not close cleanly");
    }
    result
}

/// How long a task that stops waits for the producer. Less than `offset.flush.timeout.ms`, whose default is that of
/// `task.shutdown.graceful.timeout.ms`: what was acknowledged has to be committed before the task is cut off.
fn drain_time(offset_flush_timeout: Duration) -> Duration {
    offset_flush_timeout * 4 / 5
}

struct SourceLoop {
    common: TaskCommon,
    pipeline: SourcePipeline,
    producer: Box<dyn Producer>,
    topics: Option<TopicCreator>,
    /// Whether the task wants `commit_record`.
    hooks: bool,
    deliveries: Deliveries,
    offsets: OffsetCommits,
    /// When waiting for the producer ends, once the task was told to stop while it sent.
    stop_by: Option<Instant>,
}

impl SourceLoop {
    async fn run(&mut self, task: &mut dyn SourceTask) -> Result<()> {
        loop {
            match self.common.control.target() {
                TargetState::Stopped => return Ok(()),
                TargetState::Paused => {
                    self.paused(task).await;
                    continue;
                }
                TargetState::Started => {}
            }
            self.call_hooks(task).await;
            if let Some(error) = self.deliveries.failed.take() {
                return Err(error);
            }
            if self.pipeline.operator.letters().is_some() {
                // What waited for a dead letter waits no longer, and no further delivery may come to say so.
                self.committable();
            }
            if self.deliveries.has_again() {
                if std::mem::take(&mut self.deliveries.failed_for_now) {
                    self.pause_for(RETRY_PAUSE).await;
                    continue;
                }
                match self.deliveries.next_again() {
                    Some(batch) => self.send(batch).await?,
                    None => self.wait_for_delivery().await,
                }
            } else if self.deliveries.pending() >= MAX_IN_FLIGHT_RECORDS
                || self.deliveries.batches() >= MAX_IN_FLIGHT_BATCHES
            {
                self.wait_for_delivery().await;
            } else {
                let records = self.poll(task).await?;
                if !records.is_empty() {
                    self.process(records).await?;
                }
            }
        }
    }

    /// Waits for the next records, while deliveries and offset commits go on. No records: look at the state again.
    async fn poll(&mut self, task: &mut dyn SourceTask) -> Result<Vec<SourceRecord>> {
        let polled = {
            let poll = async {
                let began = Instant::now();
                let polled = task.poll(MAX_POLL_WAIT).await;
                // A source that answers "nothing" at once must not spin.
                if polled.as_ref().is_ok_and(Vec::is_empty) && began.elapsed() < IDLE_PAUSE {
                    tokio::time::sleep(IDLE_PAUSE).await;
                }
                polled
            };
            tokio::pin!(poll);
            loop {
                // In this order, a source that always has records holds up neither deliveries nor commits.
                tokio::select! {
                    biased;
                    () = self.common.control.stopped() => return Ok(Vec::new()),
                    true = self.deliveries.next(&self.pipeline.operator) => {
                        self.committable();
                    }
                    () = self.offsets.drive() => {}
                    polled = &mut poll => break polled,
                }
            }
        };
        match polled {
            Ok(records) => Ok(records),
            Err(error) if error.is_retriable() => {
                tracing::warn!(error = %self.common.trace(&error), "the source cannot be polled now and is asked again");
                // A source that fails at once must not spin.
                self.pause_for(RETRY_PAUSE).await;
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    /// Takes polled records through the pipeline and hands them to the producer.
    async fn process(&mut self, polled: Vec<SourceRecord>) -> Result<()> {
        add(&self.common.counters.read, polled.len());
        let operator = &self.pipeline.operator;
        let reports = operator.settings.log_include_messages || operator.letters().is_some();
        let mut originals = if self.hooks || reports { polled.clone() } else { Vec::new() };
        let mut offsets = Vec::with_capacity(polled.len());
        let mut records = Vec::with_capacity(polled.len());
        for record in polled {
            offsets.push((record.source_partition, record.source_offset));
            records.push(record.record);
        }
        let runs =
            offsets.chunk_by(|(a, _), (b, _)| a.is_same(b) || a == b).map(|run| (&run[0].0, run.len()));
        let runs = self.common.counters.ledger.read_runs(runs);
        let fates = self.pipeline.process(records, Origins { places: &offsets, records: &originals }).await?;
        if !self.hooks {
            originals.clear();
        }
        let booked = self.book_ends(runs, &fates);
        let mut kept = Vec::with_capacity(fates.len());
        let mut kept_offsets = Vec::with_capacity(fates.len());
        let mut kept_originals = Vec::with_capacity(originals.len());
        let mut originals = originals.into_iter();
        for (fate, offset) in fates.into_iter().zip(offsets) {
            let original = originals.next();
            match fate {
                Fate::Send(record) => {
                    kept.push(record);
                    kept_offsets.push(offset);
                    kept_originals.extend(original);
                }
                // Its offset is not recorded: a later record of the partition carries one.
                Fate::Filtered | Fate::GivenUp => {
                    self.deliveries.settled.extend(original.map(|original| (original, None)))
                }
            }
        }
        if !kept.is_empty() {
            let batch = self.deliveries.submit(kept_offsets, kept, kept_originals, booked);
            self.send(batch).await?;
        }
        // A source of bad records must not fill the memory with letters.
        if let Some(letters) = self.pipeline.operator.letters() {
            tokio::select! {
                biased;
                () = letters.queue.room() => {}
                () = self.common.control.stopped() => {}
            }
        }
        Ok(())
    }

    /// Books the records that end here; answers how many of each line go to Kafka.
    fn book_ends(&self, runs: Vec<(Line, usize)>, fates: &[Fate]) -> Vec<(Line, usize)> {
        let (mut rest, mut ends, mut booked) = (fates.iter(), Vec::new(), Vec::with_capacity(runs.len()));
        for (line, records) in runs {
            let (mut filtered, mut given_up) = (0, 0);
            for fate in rest.by_ref().take(records) {
                match fate {
                    Fate::Send(_) => {}
                    Fate::Filtered => filtered += 1,
                    Fate::GivenUp => given_up += 1,
                }
            }
            if filtered + given_up > 0 {
                ends.push((line, Ends { filtered, ..self.pipeline.operator.given_up(given_up) }));
            }
            booked.push((line, records - filtered - given_up));
        }
        if !ends.is_empty() {
            self.common.counters.ledger.ended(ends);
        }
        booked
    }

    /// Moves settled offsets to those that are committed next. Not while dead letters are on their way: an offset
    /// says that no record before it is needed again.
    fn committable(&mut self) {
        if self.pipeline.operator.letters().is_none_or(|letters| letters.queue.pending() == 0) {
            self.deliveries.committable(&mut self.offsets.committable);
        }
    }

    /// Hands a batch to the producer, waiting for room. When the task is stopped meanwhile, the producer gets
    /// most of `offset.flush.timeout.ms` to take the rest: what it took already is on its way and would come again.
    /// After that the batch stays unsettled and its offsets uncommitted.
    async fn send(&mut self, batch: Batch) -> Result<()> {
        if let Err(error) = self.ensure_topics(&batch).await {
            return self.send_failed(batch, error);
        }
        let mut control = self.common.control.clone();
        tokio::select! {
            biased;
            sent = self.producer.send(Arc::clone(&batch.records), self.hooks) => match sent {
                Ok(delivery) => self.deliveries.sent(batch, delivery),
                Err(error) => return self.send_failed(batch, error.into()),
            },
            () = async {
                control.stopped().await;
                let stop_by = Instant::now() + drain_time(self.common.offset_flush_timeout);
                self.stop_by = Some(stop_by);
                tokio::time::sleep_until(stop_by).await;
            } => {}
        }
        Ok(())
    }

    fn send_failed(&mut self, batch: Batch, error: Error) -> Result<()> {
        if error.is_retriable() {
            tracing::warn!(error = %self.common.trace(&error), "records cannot be sent now and will be sent again");
            self.deliveries.again(batch);
            return Ok(());
        }
        Err(Error::connect("Unrecoverable exception trying to send").with_source(error))
    }

    async fn ensure_topics(&mut self, batch: &Batch) -> Result<()> {
        let Some(topics) = &mut self.topics else { return Ok(()) };
        let mut last = None;
        for record in batch.records.iter() {
            if last != Some(&record.topic) {
                topics.ensure(&record.topic).await?;
                last = Some(&record.topic);
            }
        }
        Ok(())
    }

    async fn wait_for_delivery(&mut self) {
        tokio::select! {
            biased;
            () = self.common.control.stopped() => {}
            true = self.deliveries.next(&self.pipeline.operator) => {
                self.committable();
            }
            () = self.offsets.drive() => {}
        }
    }

    /// `false`: the task was told to stop meanwhile.
    async fn pause_for(&mut self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.common.control.stopped() => false,
            () = tokio::time::sleep(time) => true,
        }
    }

    /// Deliveries and commits go on; the source is not asked.
    async fn paused(&mut self, task: &mut dyn SourceTask) {
        self.common.status(State::Paused);
        let mut control = self.common.control.clone();
        loop {
            self.call_hooks(task).await;
            tokio::select! {
                biased;
                target = control.changed_from(TargetState::Paused) => {
                    if target == TargetState::Started {
                        self.common.status(State::Running);
                    }
                    return;
                }
                true = self.deliveries.next(&self.pipeline.operator) => {
                    self.committable();
                }
                () = self.offsets.drive() => {}
            }
        }
    }

    /// Tells the task what was settled and committed. Its errors are its own matter.
    async fn call_hooks(&mut self, task: &mut dyn SourceTask) {
        for (record, metadata) in std::mem::take(&mut self.deliveries.settled) {
            if let Err(error) = task.commit_record(&record, metadata.as_ref()).await {
                tracing::error!(error = %self.common.trace(&error), "commit_record failed");
            }
        }
        if std::mem::take(&mut self.offsets.committed)
            && let Err(error) = task.commit().await
        {
            tracing::error!(error = %self.common.trace(&error), "commit failed");
        }
    }

    /// The end: waits for what the producer has, commits once more.
    async fn finish(&mut self, task: &mut dyn SourceTask, clean: bool) {
        let drain_time = drain_time(self.common.offset_flush_timeout);
        let stop_by = self.stop_by.unwrap_or_else(|| Instant::now() + drain_time);
        let drained = tokio::time::timeout_at(stop_by, async {
            while self.deliveries.next(&self.pipeline.operator).await {}
        })
        .await;
        if drained.is_err() {
            tracing::warn!(
                records = self.deliveries.pending(),
                "records were not acknowledged in time; they are read again after the next start"
            );
        }
        if let Some(letters) = self.pipeline.operator.letters()
            && tokio::time::timeout_at(stop_by, letters.queue.settled()).await.is_err()
        {
            tracing::warn!(
                letters = letters.queue.pending(),
                topic = %letters.queue.topic(),
                "dead letters were not written in time; their records are read again after the next start"
            );
        }
        self.committable();
        self.offsets.flush().await;
        self.call_hooks(task).await;
        if clean && let Some(error) = self.deliveries.failed.take() {
            tracing::error!(error = %self.common.trace(&error), "a record could not be sent while the task was stopping");
        }
    }
}
