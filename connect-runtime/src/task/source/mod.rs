//! The source loop: poll, transform and convert, hand over to what guarantees delivery, tell the task.

mod at_least_once;
mod context;
mod copies;
mod delivery;
mod exactly_once;
mod guarantee;
mod offsets;
mod requests;
mod start;
mod submitted;
mod topics;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use connect_api::config::Properties;
use connect_api::{Result, SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext};
use futures::future::BoxFuture;
use tokio::time::Instant;

pub(crate) use self::exactly_once::offset_record;
use self::guarantee::{End, Guarantee, Outgoing};
pub(crate) use self::start::{ExactlyOnceSpec, ProducerChecks};
pub(crate) use self::topics::TopicCreator;
use super::TaskCommon;
use super::control::TargetState;
use super::dead_letters::{self, DeadLetterSpec};
use crate::kafka::{ClientProperties, Kafka};
use crate::ledger::{Ends, Line};
use crate::metrics::add;
use crate::pipeline::{Ended, Fates, Operator, SourcePipeline};
use crate::storage::status::State;
use crate::storage::{ConnectorOffsets, OffsetBackingStore, OffsetReader};

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
    /// `None` for at least once.
    pub(crate) exactly_once: Option<ExactlyOnceSpec>,
    pub(crate) topics: Option<TopicCreator>,
    /// Where records go that are given up.
    pub(crate) dead_letters: Option<DeadLetterSpec>,
    pub(crate) offsets: Arc<dyn OffsetBackingStore>,
    /// The same, where the connector has a topic of its own: opened and closed with the task.
    pub(crate) own_offsets: Option<Arc<ConnectorOffsets>>,
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
    // A transactional producer comes first: what it makes its predecessor abort must not be read as an offset.
    let ready = start::producer(&*spec.kafka, &spec.producer, spec.exactly_once.take(), &mut control).await?;
    let Some(ready) = ready else { return Ok(()) };
    if let Some(own) = &spec.own_offsets
        && !start::checked(&mut control, "open the connector's offsets topic", || Box::pin(own.open()))
            .await?
    {
        return Ok(());
    }
    let reader =
        OffsetReader { connector: Arc::clone(&spec.common.id.connector), store: Arc::clone(&spec.offsets) };
    let host = context::Host { reader, configs: spec.configs, transactions: ready.requests() };
    let context = SourceTaskContext::new(Arc::new(host));
    let mut task = tokio::select! {
        biased;
        task = (spec.start)(spec.config, context) => task?,
        () = control.stopped() => return Ok(()),
    };
    spec.common.status(State::Running);
    let hooks = task.wants_record_commits();
    let letters = spec.pipeline.operator.letters().map(|letters| Arc::clone(&letters.queue));
    let mut source = SourceLoop {
        hooks,
        guarantee: ready.guarantee(&spec.common, spec.topics.take(), hooks, spec.offsets, letters),
        common: spec.common,
        pipeline: spec.pipeline,
    };
    let result = source.run(&mut *task).await;
    source.finish(&mut *task, result.is_ok()).await;
    if let Some(writer) = writer {
        writer.close().await;
    }
    if let Err(error) = task.stop().await {
        tracing::warn!(error = %source.common.trace(&error), "the task did not stop cleanly");
    }
    source.guarantee.close().await;
    if let Some(own) = spec.own_offsets
        && let Err(error) = own.stop().await
    {
        tracing::warn!(%error, "the connector's offset store did not close cleanly");
    }
    result
}

/// How long a task that stops waits for the producer. Less than `offset.flush.timeout.ms`, whose default is that of
/// `task.shutdown.graceful.timeout.ms`: what was acknowledged has to be committed before the task is cut off.
fn drain_time(offset_flush_timeout: Duration) -> Duration {
    offset_flush_timeout * 4 / 5
}

/// Runs code of the task, while deliveries and commits go on.
async fn beside<T>(
    guarantee: &mut dyn Guarantee,
    operator: &Operator,
    code: impl Future<Output = T> + Send,
) -> T {
    tokio::pin!(code);
    // In this order, a source that always has records holds up neither deliveries nor commits.
    loop {
        tokio::select! {
            biased;
            () = guarantee.step(operator) => {}
            done = &mut code => return done,
        }
    }
}

struct SourceLoop {
    common: TaskCommon,
    pipeline: SourcePipeline,
    guarantee: Box<dyn Guarantee>,
    /// Whether the task wants `commit_record`.
    hooks: bool,
}

impl SourceLoop {
    async fn run(&mut self, task: &mut dyn SourceTask) -> Result<()> {
        loop {
            match self.common.control.target() {
                TargetState::Stopped => return Ok(()),
                TargetState::Paused => {
                    self.paused(task).await?;
                    continue;
                }
                TargetState::Started => {}
            }
            self.call_hooks(task).await;
            if let Some(error) = self.guarantee.failure() {
                return Err(error);
            }
            if !self.guarantee.make_room(&self.pipeline.operator).await? {
                continue;
            }
            let Some(records) = self.poll(task).await? else { continue };
            if !records.is_empty() {
                self.process(records).await?;
            }
            self.guarantee.polled()?;
        }
    }

    /// Waits for the next records, while deliveries and commits go on. `None`: the task was told to stop.
    async fn poll(&mut self, task: &mut dyn SourceTask) -> Result<Option<Vec<SourceRecord>>> {
        let counters = Arc::clone(&self.common.counters);
        let poll = async {
            let began = Instant::now();
            let polled = task.poll(MAX_POLL_WAIT).await;
            if polled.as_ref().is_ok_and(|records| !records.is_empty()) {
                counters.calls.record(began.elapsed());
            }
            // A source that answers "nothing" at once must not spin.
            if polled.as_ref().is_ok_and(Vec::is_empty) && began.elapsed() < IDLE_PAUSE {
                tokio::time::sleep(IDLE_PAUSE).await;
            }
            polled
        };
        let polled = tokio::select! {
            biased;
            () = self.common.control.stopped() => return Ok(None),
            polled = beside(&mut *self.guarantee, &self.pipeline.operator, poll) => polled,
        };
        match polled {
            Ok(records) => Ok(Some(records)),
            Err(error) if error.is_retriable() => {
                tracing::warn!(error = %self.common.trace(&error), "the source cannot be polled now and is asked again");
                // A source that fails at once must not spin.
                tokio::select! {
                    biased;
                    () = self.common.control.stopped() => {}
                    () = tokio::time::sleep(RETRY_PAUSE) => {}
                }
                Ok(Some(Vec::new()))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes polled records through the pipeline and hands them over.
    async fn process(&mut self, polled: Vec<SourceRecord>) -> Result<()> {
        add(&self.common.counters.read, polled.len());
        self.common.counters.batch(polled.len());
        let operator = &self.pipeline.operator;
        let reports = operator.settings.log_include_messages || operator.letters().is_some();
        let originals = if self.hooks || reports { polled.clone() } else { Vec::new() };
        let runs = polled.chunk_by(|record, next| {
            let (a, b) = (&record.source_partition, &next.source_partition);
            a.is_same(b) || a == b
        });
        let runs = runs.map(|run| (&run[0].source_partition, run.len()));
        let runs = self.common.counters.ledger.read_runs(runs);
        let originals = Arc::new(originals);
        let mut fates = self.pipeline.process(polled, Arc::clone(&originals)).await?;
        let offsets = std::mem::take(&mut fates.places);
        let ends = self.guarantee.ends(&offsets)?;
        // No lane holds them any more.
        let mut originals = Arc::unwrap_or_clone(originals);
        if !self.hooks {
            originals.clear();
        }
        self.book_ends(&runs, &fates.ended);
        if fates.ended.is_empty() && ends.is_empty() {
            // As a rule all of them go on, as they are.
            let dropped = Vec::new();
            self.guarantee
                .take(Outgoing { records: fates.records, offsets, originals, booked: runs, dropped })
                .await?;
        } else {
            self.take_apart(fates, offsets, originals, &runs, ends).await?;
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

    /// Hands records over of which some end here, or after which a transaction ends.
    async fn take_apart(
        &mut self,
        fates: Fates,
        offsets: Vec<(SourcePartition, SourceOffset)>,
        originals: Vec<SourceRecord>,
        runs: &[(Line, usize)],
        ends: Vec<(usize, End)>,
    ) -> Result<()> {
        let mut out = Outgoing::default();
        let (mut records, mut originals) = (fates.records.into_iter(), originals.into_iter());
        let (mut ended, mut ends) = (fates.ended.into_iter().peekable(), ends.into_iter().peekable());
        let lines = runs.iter().flat_map(|(line, records)| std::iter::repeat_n(*line, *records));
        for (index, (offset, line)) in offsets.into_iter().zip(lines).enumerate() {
            let original = originals.next();
            if ended.next_if(|(other, _)| *other == index).is_some() {
                out.dropped.extend(original);
            } else {
                out.records.extend(records.next());
                out.offsets.push(offset);
                out.originals.extend(original);
                out.book(line);
            }
            if let Some((_, end)) = ends.next_if(|(last, _)| *last == index) {
                if !out.is_empty() {
                    self.guarantee.take(std::mem::take(&mut out)).await?;
                }
                self.guarantee.end(end);
            }
        }
        if !out.is_empty() {
            self.guarantee.take(out).await?;
        }
        Ok(())
    }

    /// Books the records that end here.
    fn book_ends(&self, runs: &[(Line, usize)], ended: &[(usize, Ended)]) {
        let (mut rest, mut ends, mut behind) = (ended.iter().peekable(), Vec::new(), 0);
        for (line, records) in runs {
            let (mut filtered, mut given_up) = (0, 0);
            behind += records;
            while let Some((_, why)) = rest.next_if(|(index, _)| *index < behind) {
                match why {
                    Ended::Filtered => filtered += 1,
                    Ended::GivenUp => given_up += 1,
                }
            }
            if filtered + given_up > 0 {
                ends.push((*line, Ends { filtered, ..self.pipeline.operator.given_up(given_up) }));
            }
        }
        if !ends.is_empty() {
            self.common.counters.ledger.ended(ends);
        }
    }

    /// Deliveries and commits go on; the source is not asked.
    async fn paused(&mut self, task: &mut dyn SourceTask) -> Result<()> {
        self.common.status(State::Paused);
        self.guarantee.pausing()?;
        let mut control = self.common.control.clone();
        loop {
            self.call_hooks(task).await;
            if let Some(error) = self.guarantee.failure() {
                return Err(error);
            }
            tokio::select! {
                biased;
                target = control.changed_from(TargetState::Paused) => {
                    if target == TargetState::Started {
                        self.common.status(State::Running);
                        self.guarantee.resumed();
                    }
                    return Ok(());
                }
                () = self.guarantee.step(&self.pipeline.operator) => {}
            }
        }
    }

    /// Tells the task what was settled and committed. Its errors are its own matter.
    async fn call_hooks(&mut self, task: &mut dyn SourceTask) {
        let news = self.guarantee.news();
        let operator = &self.pipeline.operator;
        for (record, metadata) in news.settled {
            let told = task.commit_record(&record, metadata.as_ref());
            if let Err(error) = beside(&mut *self.guarantee, operator, told).await {
                tracing::error!(error = %self.common.trace(&error), "commit_record failed");
            }
        }
        if news.committed
            && let Err(error) = beside(&mut *self.guarantee, operator, task.commit()).await
        {
            tracing::error!(error = %self.common.trace(&error), "commit failed");
        }
    }

    /// The end: waits for what the producer has, commits once more.
    async fn finish(&mut self, task: &mut dyn SourceTask, clean: bool) {
        self.guarantee.finish(clean, &self.pipeline.operator).await;
        self.call_hooks(task).await;
        if clean && let Some(error) = self.guarantee.failure() {
            tracing::error!(error = %self.common.trace(&error), "a record could not be sent while the task was stopping");
        }
    }
}
