//! The sink loop: consume, convert and transform, put, commit.

mod commit;
mod context;
mod deliver;
mod partitions;
mod rebalance;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use connect_api::config::Properties;
use connect_api::{Error, Result, SinkRecord, SinkTask, SinkTaskContext, TopicPartition};
use futures::future::BoxFuture;
use tokio::time::Instant;

use self::commit::{Commit, commit_result};
use self::context::{Host, Requests};
use self::partitions::Positions;
use super::control::{Control, TargetState};
use super::dead_letters::{self, DeadLetterSpec};
use super::{TaskCommon, try_later};
use crate::kafka::{ClientProperties, Consumer, ConsumerEvent, Kafka, Subscription};
use crate::ledger::Line;
use crate::metrics::add;
use crate::pipeline::{LetterQueue, Operator, SinkPipeline};
use crate::storage::status::State;

/// How long leaving the group may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause before a consumer that failed for now is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Builds a started task.
pub(crate) type StartSinkTask =
    Box<dyn FnOnce(Properties, SinkTaskContext) -> BoxFuture<'static, Result<Box<dyn SinkTask>>> + Send>;

/// Everything a sink task is made of.
pub(crate) struct SinkTaskSpec {
    pub(crate) common: TaskCommon,
    pub(crate) start: StartSinkTask,
    pub(crate) config: Properties,
    /// Resolves the latest configuration anew.
    pub(crate) configs: Arc<dyn Fn() -> BoxFuture<'static, Result<Properties>> + Send + Sync>,
    pub(crate) pipeline: SinkPipeline,
    /// For records that the task reports by hand.
    pub(crate) reporter: Operator,
    /// Where records go that are given up.
    pub(crate) dead_letters: Option<DeadLetterSpec>,
    pub(crate) kafka: Arc<dyn Kafka>,
    pub(crate) consumer: ClientProperties,
    pub(crate) subscription: Subscription,
}

/// Runs the task until it is stopped or fails. An error makes it `FAILED`.
pub(crate) async fn run(mut spec: SinkTaskSpec) -> Result<()> {
    if !spec.common.wait_to_start().await {
        return Ok(());
    }
    let mut control = spec.common.control.clone();
    let reports = spec.reporter.settings.log_enable || spec.dead_letters.is_some();
    let letters = spec.dead_letters.as_ref().map(|letters| Arc::clone(&letters.queue));
    let writer = match spec.dead_letters {
        None => None,
        Some(letters) => match dead_letters::open(&*spec.kafka, letters, &mut control).await? {
            None => return Ok(()),
            writer => writer,
        },
    };
    let host = Arc::new(Host {
        requests: std::sync::Mutex::new(Requests::default()),
        configs: spec.configs,
        operator: spec.reporter,
        reports,
    });
    let Some(consumer) = connect(&*spec.kafka, &spec.consumer, &mut control).await? else { return Ok(()) };
    let context = SinkTaskContext::new(Arc::clone(&host) as _);
    let started = tokio::select! {
        biased;
        task = (spec.start)(spec.config, context) => task.map(Some),
        () = control.stopped() => Ok(None),
    };
    let mut task = match started {
        Ok(Some(task)) => task,
        not_started => {
            close(consumer).await;
            return not_started.map(drop);
        }
    };
    // Only now: as a member of its group a task that does not start would hold back partitions from the others.
    let joined = join(&*spec.kafka, &spec.consumer, &spec.subscription, consumer, &mut control).await;
    let consumer = match joined {
        Ok(Some(consumer)) => consumer,
        not_joined => {
            if let Err(error) = task.stop().await {
                tracing::warn!(error = %spec.common.trace(&error), "the task did not stop cleanly");
            }
            return not_joined.map(drop);
        }
    };
    spec.common.status(State::Running);
    let mut sink = SinkLoop {
        next_commit: Instant::now() + spec.common.offset_flush_interval,
        common: spec.common,
        pipeline: spec.pipeline,
        consumer,
        host,
        assignment: BTreeSet::new(),
        positions: Positions::default(),
        batch: Vec::new(),
        booked: Vec::new(),
        letters,
        redelivering: false,
        paused: false,
        commit: None,
        wait_until: None,
        lag_due: None,
    };
    let result = sink.run(&mut *task).await;
    let result = sink.finish(&mut *task, result).await;
    if let Some(writer) = writer {
        writer.close().await;
    }
    if let Err(error) = task.stop().await {
        tracing::warn!(error = %sink.common.trace(&error), "the task did not stop cleanly");
    }
    close(sink.consumer).await;
    result
}

/// Makes a consumer, as soon as Kafka is there. `None`: the task was told to stop.
async fn connect(
    kafka: &dyn Kafka,
    properties: &ClientProperties,
    control: &mut Control,
) -> Result<Option<Box<dyn Consumer>>> {
    loop {
        let made = tokio::select! {
            biased;
            made = kafka.consumer(properties) => made,
            () = control.stopped() => return Ok(None),
        };
        match made {
            Ok(consumer) => return Ok(Some(consumer)),
            Err(error) => {
                if !try_later(control, "make a consumer", error).await? {
                    return Ok(None);
                }
            }
        }
    }
}

/// Joins the group, as soon as that is possible; each attempt after the first one has a consumer of its own. `None`: the
/// task was told to stop.
async fn join(
    kafka: &dyn Kafka,
    properties: &ClientProperties,
    subscription: &Subscription,
    mut consumer: Box<dyn Consumer>,
    control: &mut Control,
) -> Result<Option<Box<dyn Consumer>>> {
    loop {
        let joined = tokio::select! {
            biased;
            joined = consumer.subscribe(subscription.clone()) => Some(joined),
            () = control.stopped() => None,
        };
        match joined {
            Some(Ok(())) => return Ok(Some(consumer)),
            None => {
                close(consumer).await;
                return Ok(None);
            }
            Some(Err(error)) => {
                close(consumer).await;
                if !try_later(control, "join the consumer group", error).await? {
                    return Ok(None);
                }
            }
        }
        match connect(kafka, properties, control).await? {
            Some(another) => consumer = another,
            None => return Ok(None),
        }
    }
}

async fn close(consumer: Box<dyn Consumer>) {
    if let Err(error) = consumer.close(CLOSE_TIMEOUT).await {
        tracing::warn!(%error, "the consumer did not close cleanly");
    }
}

struct SinkLoop {
    common: TaskCommon,
    pipeline: SinkPipeline,
    consumer: Box<dyn Consumer>,
    host: Arc<Host>,
    assignment: BTreeSet<TopicPartition>,
    positions: Positions,
    /// Records for the next `put`; kept while the task asks for them again.
    batch: Vec<SinkRecord>,
    /// Whose records the batch holds: partition, line of the ledger, how many.
    booked: Vec<(TopicPartition, Line, usize)>,
    /// Where records go that are given up.
    letters: Option<Arc<LetterQueue>>,
    /// The task refused the batch for now; all partitions are paused until it takes it.
    redelivering: bool,
    /// The whole task is paused.
    paused: bool,
    commit: Option<Commit>,
    next_commit: Instant,
    /// Until when the task wants to be left alone, if it said so; whatever else happens meanwhile.
    wait_until: Option<Instant>,
    /// When the lag is looked up; `None` while nothing has changed.
    lag_due: Option<Instant>,
}

/// How old the lag may be.
const LAG_PERIOD: Duration = Duration::from_millis(500);

/// Why waiting ended.
enum Woken {
    Event(ConsumerEvent),
    Failed(crate::kafka::KafkaError),
    Committed(crate::kafka::Result<()>),
    CommitLate,
    LagDue,
    Control,
}

impl SinkLoop {
    async fn run(&mut self, task: &mut dyn SinkTask) -> Result<()> {
        loop {
            match self.common.control.target() {
                TargetState::Stopped => return Ok(()),
                TargetState::Paused if !self.paused => self.pause().await?,
                TargetState::Started if self.paused => self.unpause().await?,
                TargetState::Paused | TargetState::Started => {}
            }
            let requested = std::mem::take(&mut self.host.lock().commit);
            if self.commit.is_none() && (requested || Instant::now() >= self.next_commit) {
                self.next_commit = Instant::now() + self.common.offset_flush_interval;
                let all: Vec<_> = self.assignment.iter().cloned().collect();
                self.commit(task, &all, false).await?;
            } else if requested {
                // One is under way: do it after that.
                self.host.lock().commit = true;
            }
            self.serve_requests().await?;
            if self.lag_due.is_some_and(|due| due <= Instant::now()) {
                self.look_up_lag().await;
            }
            let wait = self.wait_time();
            match self.wait(wait).await {
                Woken::Control => continue,
                Woken::LagDue => continue,
                Woken::Committed(result) => {
                    self.commit_ended(result);
                    continue;
                }
                Woken::CommitLate => {
                    tracing::warn!(
                        "an offset commit took longer than offset.flush.timeout.ms and is forgotten"
                    );
                    add(&self.common.counters.commit_failures, 1);
                    self.commit = None;
                    continue;
                }
                Woken::Failed(error) => {
                    self.consumer_failed(error).await?;
                    continue;
                }
                Woken::Event(event) => match event {
                    ConsumerEvent::Records(records) => self.convert(records).await?,
                    ConsumerEvent::Assigned(partitions) => {
                        self.assigned(task, partitions).await?;
                        continue;
                    }
                    ConsumerEvent::Revoked(partitions) => {
                        self.revoked(task, partitions).await?;
                        continue;
                    }
                    ConsumerEvent::Lost(partitions) => {
                        self.lost(task, partitions).await;
                        continue;
                    }
                },
            }
            self.wait_until = None;
            self.put(task).await?;
        }
    }

    /// Until the next commit, or as long as the task wants to be left alone.
    fn wait_time(&mut self) -> Duration {
        // While a commit is under way the next one cannot begin: its end, or its deadline, wakes the loop.
        let next = self.commit.as_ref().map_or(self.next_commit, |commit| commit.deadline);
        let until_commit = next.saturating_duration_since(Instant::now());
        if let Some(timeout) = self.host.lock().timeout.take() {
            self.wait_until = (!timeout.is_zero()).then(|| Instant::now() + timeout);
        }
        let until = self.wait_until.map(|until| until.saturating_duration_since(Instant::now()));
        until.map_or(until_commit, |until| until.min(until_commit))
    }

    async fn wait(&mut self, wait: Duration) -> Woken {
        let target = if self.paused { TargetState::Paused } else { TargetState::Started };
        let deadline = Instant::now() + wait;
        let lag_due = self.lag_due;
        // In this order, a topic that always has records holds up nothing that matters; `run` looks after the lag.
        tokio::select! {
            biased;
            _ = self.common.control.changed_from(target) => Woken::Control,
            ended = commit_result(&mut self.commit) => match ended {
                Some(result) => Woken::Committed(result),
                None => Woken::CommitLate,
            },
            event = self.consumer.poll(deadline.saturating_duration_since(Instant::now())) => match event {
                Ok(event) => Woken::Event(event),
                Err(error) => Woken::Failed(error),
            },
            () = async {
                match lag_due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            } => Woken::LagDue,
        }
    }

    async fn consumer_failed(&mut self, error: crate::kafka::KafkaError) -> Result<()> {
        if !error.is_retriable() {
            return Err(Error::connect("the consumer failed").with_source(error));
        }
        tracing::warn!(%error, "Kafka cannot be read now and is asked again");
        tokio::select! {
            biased;
            () = self.common.control.stopped() => {}
            () = tokio::time::sleep(RETRY_PAUSE) => {}
        }
        Ok(())
    }

    async fn look_up_lag(&mut self) {
        let lag = self.consumer.lag().await;
        self.lag_due = lag.filter(|lag| *lag > 0).map(|_| Instant::now() + LAG_PERIOD);
        let lag = lag.and_then(|lag| i64::try_from(lag).ok()).unwrap_or(-1);
        self.common.counters.lag.store(lag, std::sync::atomic::Ordering::Relaxed);
    }

    /// Rewinds, pauses and resumes that the task asked for.
    async fn serve_requests(&mut self) -> Result<()> {
        let (rewinds, changes) = {
            let mut requests = self.host.lock();
            (std::mem::take(&mut requests.rewinds), std::mem::take(&mut requests.pause_changes))
        };
        for (partition, offset) in rewinds {
            if self.assignment.contains(&partition) {
                self.consumer.seek(&partition, offset).await?;
                self.positions.rewound(&partition, offset);
                // Records of before the rewind must not follow it.
                self.drop_from_batch(std::slice::from_ref(&partition));
            } else {
                tracing::warn!(%partition, offset, "a rewind of a partition that is not assigned is ignored");
            }
        }
        for (partition, paused) in changes {
            if self.paused || self.redelivering || !self.assignment.contains(&partition) {
                continue;
            }
            let one = std::slice::from_ref(&partition);
            if paused { self.consumer.pause(one).await? } else { self.consumer.resume(one).await? }
        }
        Ok(())
    }

    async fn pause_all(&mut self) -> Result<()> {
        let all: Vec<_> = self.assignment.iter().cloned().collect();
        Ok(self.consumer.pause(&all).await?)
    }

    /// All but those that the task itself paused.
    async fn resume_all(&mut self) -> Result<()> {
        let paused = self.host.lock().paused.clone();
        let (rest, all): (Vec<_>, Vec<_>) =
            self.assignment.iter().cloned().partition(|partition| paused.contains(partition));
        self.consumer.resume(&all).await?;
        Ok(self.consumer.pause(&rest).await?)
    }

    async fn pause(&mut self) -> Result<()> {
        self.paused = true;
        self.pause_all().await?;
        self.common.status(State::Paused);
        self.host.lock().commit = true;
        Ok(())
    }

    async fn unpause(&mut self) -> Result<()> {
        self.paused = false;
        if !self.redelivering {
            self.resume_all().await?;
        }
        self.common.status(State::Running);
        Ok(())
    }
}
