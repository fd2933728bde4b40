//! The sink loop: consume, convert and transform, put, commit.

mod context;
mod partitions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use connect_api::config::Properties;
use connect_api::{Error, Offsets, Result, SinkRecord, SinkTask, SinkTaskContext, TopicPartition};
use futures::future::BoxFuture;
use tokio::time::Instant;

use self::context::{Host, Requests};
use self::partitions::Positions;
use super::control::TargetState;
use super::dead_letters::{self, DeadLetterSpec};
use super::{TaskCommon, try_later};
use crate::kafka::{
    ClientProperties, Consumer, ConsumerEvent, Kafka, KafkaErrorKind, PartitionRecords, Subscription,
};
use crate::ledger::{Ends, LedgerPartition, Line};
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
    let consumer = loop {
        let joined = async {
            let mut consumer = spec.kafka.consumer(&spec.consumer).await?;
            consumer.subscribe(spec.subscription.clone()).await?;
            Ok(consumer)
        };
        let joined = tokio::select! {
            joined = joined => joined,
            () = control.stopped() => return Ok(()),
        };
        match joined {
            Ok(consumer) => break consumer,
            Err(error) => {
                if !try_later(&mut control, "join the consumer group", error).await? {
                    return Ok(());
                }
            }
        }
    };
    let context = SinkTaskContext::new(Arc::clone(&host) as _);
    let started = tokio::select! {
        task = (spec.start)(spec.config, context) => task.map(Some),
        () = control.stopped() => Ok(None),
    };
    let mut task = match started {
        Ok(Some(task)) => task,
        not_started => {
            // It is a member of its group already, which would hold the partitions back for a whole session.
            close(consumer).await;
            return not_started.map(drop);
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

async fn close(consumer: Box<dyn Consumer>) {
    if let Err(error) = consumer.close(CLOSE_TIMEOUT).await {
        tracing::warn!(%error, "the consumer did not close cleanly");
    }
}

/// An offset commit under way.
struct Commit {
    future: BoxFuture<'static, crate::kafka::Result<()>>,
    offsets: Offsets,
    deadline: Instant,
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
            let wait = self.wait_time();
            match self.wait(wait).await {
                Woken::Control => continue,
                Woken::LagDue => {
                    self.look_up_lag().await;
                    continue;
                }
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
        tokio::select! {
            () = async {
                match lag_due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            } => Woken::LagDue,
            _ = self.common.control.changed_from(target) => Woken::Control,
            event = self.consumer.poll(deadline.saturating_duration_since(Instant::now())) => match event {
                Ok(event) => Woken::Event(event),
                Err(error) => Woken::Failed(error),
            },
            ended = commit_result(&mut self.commit) => match ended {
                Some(result) => Woken::Committed(result),
                None => Woken::CommitLate,
            },
        }
    }

    async fn consumer_failed(&mut self, error: crate::kafka::KafkaError) -> Result<()> {
        if !error.is_retriable() {
            return Err(Error::connect("the consumer failed").with_source(error));
        }
        tracing::warn!(%error, "Kafka cannot be read now and is asked again");
        tokio::select! {
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

    async fn convert(&mut self, batches: Vec<PartitionRecords>) -> Result<()> {
        if !batches.is_empty() {
            self.lag_due.get_or_insert_with(|| Instant::now() + LAG_PERIOD);
        }
        for records in batches {
            let (partition, count, next) =
                (records.partition.clone(), records.records.len(), records.next_offset);
            let counters = &self.common.counters;
            add(&counters.read, count);
            let line = counters.ledger.read(LedgerPartition::Topic(partition.clone()), count);
            let tally = self.pipeline.process(records, &mut self.batch).await?;
            let given_up = self.pipeline.operator.given_up(tally.given_up);
            if tally.filtered + tally.given_up > 0 {
                counters.ledger.ended([(line, Ends { filtered: tally.filtered, ..given_up })]);
            }
            self.positions.delivered(&partition, next);
            self.booked.push((partition, line, count - tally.filtered - tally.given_up));
        }
        // A topic of bad records must not fill the memory with letters.
        if let Some(letters) = &self.letters {
            tokio::select! {
                () = letters.room() => {}
                () = self.common.control.stopped() => {}
            }
        }
        Ok(())
    }

    async fn put(&mut self, task: &mut dyn SinkTask) -> Result<()> {
        self.host.lock().putting = true;
        let result = task.put(&self.batch).await;
        let (fatal, reported) = {
            let mut requests = self.host.lock();
            requests.putting = false;
            (requests.fatal.take(), std::mem::take(&mut requests.reported))
        };
        // What is worse than the report says more.
        let passes = result.as_ref().err().is_none_or(Error::is_retriable);
        if let Some(error) = fatal.filter(|_| passes) {
            return Err(error);
        }
        match result {
            Ok(()) => {
                self.positions.taken();
                self.book_delivered(reported);
                self.batch.clear();
                if self.redelivering {
                    self.redelivering = false;
                    if !self.paused {
                        self.resume_all().await?;
                    }
                }
                Ok(())
            }
            Err(error) if error.is_retriable() => {
                tracing::warn!(error = %self.common.trace(&error), records = self.batch.len(), "the task will be given these records again");
                if !self.redelivering {
                    self.redelivering = true;
                    self.pause_all().await?;
                }
                Ok(())
            }
            Err(error) => {
                Err(Error::connect("Exiting WorkerSinkTask due to unrecoverable exception.")
                    .with_source(error))
            }
        }
    }

    /// The task took the batch, but for the records that it reported.
    fn book_delivered(&mut self, mut reported: BTreeMap<TopicPartition, usize>) {
        let (operator, counters) = (&self.host.operator, &self.common.counters);
        let (mut delivered, mut bad) = (0, 0);
        let ends = self.booked.drain(..).map(|(partition, line, records)| {
            let left = reported.get_mut(&partition);
            let of_these = left.as_ref().map_or(0, |left| records.min(**left));
            if let Some(left) = left {
                *left -= of_these;
            }
            delivered += records - of_these;
            bad += of_these;
            (line, Ends { delivered: records - of_these, ..operator.given_up(of_these) })
        });
        counters.ledger.ended(ends);
        add(&counters.delivered, delivered);
        add(&counters.skipped, bad);
        // What is left was part of an earlier batch.
        for (partition, left) in reported {
            for _ in 0..left {
                let partition = LedgerPartition::Topic(partition.clone());
                counters.reported_late(partition, operator.letters().is_some());
            }
        }
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

    fn drop_from_batch(&mut self, partitions: &[TopicPartition]) {
        self.batch.retain(|record| !partitions.contains(&record.original()));
        // They are read, and counted, again by whoever owns the partition next.
        let counters = &self.common.counters;
        self.booked.retain(|(partition, line, records)| {
            let gone = partitions.contains(partition);
            if gone {
                counters.ledger.given_back(*line, *records);
                counters.read.fetch_sub(*records as u64, std::sync::atomic::Ordering::Relaxed);
            }
            !gone
        });
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

    async fn assigned(&mut self, task: &mut dyn SinkTask, partitions: Vec<TopicPartition>) -> Result<()> {
        for partition in &partitions {
            let position = loop {
                match self.consumer.position(partition).await {
                    Ok(position) => break position,
                    Err(error) => {
                        if !try_later(&mut self.common.control, "look up where to begin", error).await? {
                            return Ok(());
                        }
                    }
                }
            };
            self.positions.assigned(partition, position);
            self.assignment.insert(partition.clone());
        }
        self.host.lock().assignment = Some(self.assignment.clone());
        if self.paused || self.redelivering {
            self.consumer.pause(&partitions).await?;
        }
        task.open(&partitions).await?;
        self.serve_requests().await
    }

    async fn revoked(&mut self, task: &mut dyn SinkTask, partitions: Vec<TopicPartition>) -> Result<()> {
        self.commit(task, &partitions, true).await?;
        self.forget(&partitions);
        Ok(())
    }

    async fn lost(&mut self, task: &mut dyn SinkTask, partitions: Vec<TopicPartition>) {
        if let Err(error) = task.close(&partitions).await {
            tracing::error!(error = %self.common.trace(&error), "close failed for partitions that were lost");
        }
        if let Some(letters) = &self.letters {
            letters.forget(&partitions);
        }
        self.forget(&partitions);
    }

    fn forget(&mut self, partitions: &[TopicPartition]) {
        self.lag_due.get_or_insert_with(|| Instant::now() + LAG_PERIOD);
        for partition in partitions {
            self.positions.forget(partition);
            self.assignment.remove(partition);
        }
        self.drop_from_batch(partitions);
        let mut requests = self.host.lock();
        requests.paused.retain(|partition| !partitions.contains(partition));
        requests.assignment = Some(self.assignment.clone());
    }

    /// Asks the task what may be committed and commits it; when `closing`, takes the partitions away from it and
    /// waits for the commit.
    async fn commit(
        &mut self,
        task: &mut dyn SinkTask,
        partitions: &[TopicPartition],
        closing: bool,
    ) -> Result<()> {
        if closing && self.commit.is_some() {
            // Two commits under way could arrive in either order, and the older one must not win.
            match commit_result(&mut self.commit).await {
                Some(result) => self.commit_ended(result),
                None => self.commit = None,
            }
        }
        let current = self.positions.current(partitions);
        if current.is_empty() {
            return Ok(());
        }
        match self.letters_settled(closing).await {
            Ok(true) => {}
            unsettled => {
                add(&self.common.counters.commit_failures, 1);
                let closed = if closing { task.close(partitions).await } else { Ok(()) };
                return unsettled.and(closed);
            }
        }
        let answered = match task.pre_commit(&current).await {
            Ok(offsets) => Some(offsets),
            Err(error) if closing => {
                tracing::warn!(error = %self.common.trace(&error), "pre_commit failed while partitions are closed; their offsets stay");
                None
            }
            Err(error) => {
                tracing::error!(error = %self.common.trace(&error), "pre_commit failed; going back to the last committed offsets");
                add(&self.common.counters.commit_failures, 1);
                for (partition, offset) in self.positions.committed(partitions) {
                    self.consumer.seek(&partition, offset).await?;
                    self.positions.rewound(&partition, offset);
                }
                self.drop_from_batch(partitions);
                None
            }
        };
        if closing {
            task.close(partitions).await?;
        }
        let Some(answered) = answered else { return Ok(()) };
        let (changed, ignored) = self.positions.committable(&answered);
        for (partition, offset) in ignored {
            tracing::warn!(%partition, offset, "pre_commit answered an offset beyond what the task was given, or of a partition that is not assigned; it is ignored");
        }
        if changed.is_empty() {
            add(&self.common.counters.commits, 1);
            return Ok(());
        }
        let future = self.consumer.commit(changed.clone());
        let deadline = Instant::now() + self.common.offset_flush_timeout;
        self.commit = Some(Commit { future, offsets: changed, deadline });
        if closing {
            match commit_result(&mut self.commit).await {
                Some(result) => self.commit_ended(result),
                None => {
                    tracing::warn!(
                        "the last offset commit of closed partitions took too long; records come again"
                    );
                    add(&self.common.counters.commit_failures, 1);
                    self.commit = None;
                }
            }
        }
        Ok(())
    }

    /// Waits until Kafka has the dead letters of everything that was read: an offset that is committed says that
    /// nothing before it is needed again. `false`: that takes too long, and nothing can be committed now.
    async fn letters_settled(&mut self, closing: bool) -> Result<bool> {
        let Some(letters) = &self.letters else { return Ok(true) };
        let timeout = self.common.offset_flush_timeout;
        // While the task is being stopped the commit, too, needs some of the time.
        let timeout = if closing { timeout * 4 / 5 } else { timeout };
        let settled = tokio::select! {
            settled = tokio::time::timeout(timeout, letters.settled()) => settled.is_ok(),
            () = self.common.control.stopped(), if !closing => false,
        };
        if !settled {
            tracing::warn!(
                letters = letters.pending(),
                topic = %letters.topic(),
                "offsets are not committed now: dead letters of records before them are not written yet"
            );
            return Ok(false);
        }
        match letters.failed() {
            Some(error) => Err(error),
            None => Ok(true),
        }
    }

    fn commit_ended(&mut self, result: crate::kafka::Result<()>) {
        let Some(commit) = self.commit.take() else { return };
        match result {
            Ok(()) => {
                self.positions.commit_done(&commit.offsets);
                add(&self.common.counters.commits, 1);
            }
            Err(error) => {
                add(&self.common.counters.commit_failures, 1);
                if error.kind() == KafkaErrorKind::Rebalance {
                    tracing::warn!(%error, "offsets were not committed because the group is rebalancing; records may come again");
                } else if error.is_retriable() {
                    tracing::warn!(%error, "offsets could not be committed now; they are tried again in the next round");
                } else {
                    tracing::error!(%error, "offsets could not be committed; they are tried again in the next round");
                }
            }
        }
    }

    /// The end: what the task took is committed, all partitions are closed.
    async fn finish(&mut self, task: &mut dyn SinkTask, result: Result<()>) -> Result<()> {
        let all: Vec<_> = self.assignment.iter().cloned().collect();
        let closed = self.commit(task, &all, true).await;
        match (result, closed) {
            (Err(first), Err(second)) => {
                tracing::error!(error = %self.common.trace(&second), "closing failed too");
                Err(first)
            }
            (first, second) => first.and(second),
        }
    }
}

/// The result of the commit under way; `None` when its time is over. Never resolves without one.
async fn commit_result(commit: &mut Option<Commit>) -> Option<crate::kafka::Result<()>> {
    match commit {
        Some(commit) => tokio::time::timeout_at(commit.deadline, &mut commit.future).await.ok(),
        None => std::future::pending().await,
    }
}
