//! The producer: writes at once, and settles when latches, delays and the broker allow it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::MemoryKafkaConfig;
use super::faults::{Latch, Operation, injected, timed_out};
use super::log::{TransactionNumber, index, size_of_record, unknown_partition, unknown_topic};
use super::settings::Settings;
use super::state::{Shared, State, after};
use super::transactions::Epoch;
use crate::kafka::partitioner::partition_for_key;
use crate::kafka::{
    ClientProperties, Delivery, KafkaError, KafkaErrorKind, NewTopic, Producer, ProducerRecord,
    RecordPosition, Result, SendReport,
};
use connect_api::{Str, TopicPartition};

pub(super) struct MemoryProducer {
    shared: Arc<Shared>,
    max_block: Duration,
    delivery_timeout: Duration,
    buffer: usize,
    writer: Writer,
    /// Batches that are not settled yet, with their sizes.
    in_flight: VecDeque<(Arc<Slot>, usize)>,
    stage: Stage,
}

/// How far the transactional protocol got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    NotTransactional,
    Uninitialized,
    Ready,
    Open,
    /// A record of the open transaction failed: it can only be aborted.
    Broken,
}

/// Who writes a batch, and how.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    transactional: Option<TransactionalWriter>,
    max_request_size: usize,
    /// Where records without a key go: the next partition with every batch.
    sticky: usize,
}

#[derive(Clone, Debug)]
struct TransactionalWriter {
    id: Arc<str>,
    epoch: Epoch,
    timeout: Duration,
}

impl MemoryProducer {
    pub(super) fn new(shared: Arc<Shared>, properties: &ClientProperties) -> Result<Self> {
        let settings = Settings(properties);
        settings.choice("acks", &["all", "-1", "0", "1"], 0)?;
        let idempotent = settings.choice("enable.idempotence", &["true", "false"], 0)? == 0;
        let timeout = settings.millis("transaction.timeout.ms", 60_000)?;
        let transactional = match settings.text("transactional.id") {
            None => None,
            Some(_) if !idempotent => {
                let message =
                    "invalid value false for setting enable.idempotence: transactional.id needs true";
                return Err(KafkaError::new(KafkaErrorKind::Config, message));
            }
            Some(id) => Some(TransactionalWriter { id: id.into(), epoch: 0, timeout }),
        };
        Ok(Self {
            stage: if transactional.is_some() { Stage::Uninitialized } else { Stage::NotTransactional },
            max_block: settings.millis("max.block.ms", 60_000)?,
            delivery_timeout: settings.millis("delivery.timeout.ms", 120_000)?,
            buffer: settings.number("buffer.memory", 32 << 20)?,
            writer: Writer {
                transactional,
                max_request_size: settings.number("max.request.size", 1 << 20)?,
                sticky: 0,
            },
            in_flight: VecDeque::new(),
            shared,
        })
    }

    pub(super) fn patience(&self) -> Duration {
        self.max_block
    }

    /// Forgets settled batches.
    fn reap(&mut self) {
        let now = Instant::now();
        let mut failed = false;
        self.in_flight.retain(|(slot, _)| {
            let settled = slot.settle(now);
            failed |= settled && slot.lock().failed;
            !settled
        });
        if failed && self.stage == Stage::Open {
            self.stage = Stage::Broken;
        }
    }

    /// Waits until `buffer.memory` has room. A batch that is larger than all of it goes alone.
    async fn make_room(&mut self, bytes: usize) -> Result<()> {
        let deadline = after(Instant::now(), self.max_block);
        loop {
            self.reap();
            let taken: usize = self.in_flight.iter().map(|(_, size)| size).sum();
            let Some((first, _)) = self.in_flight.front() else { return Ok(()) };
            if taken + bytes <= self.buffer {
                return Ok(());
            }
            let now = Instant::now();
            if now >= deadline {
                let message = format!(
                    "no room in buffer.memory within {} ms: {} batches are not acknowledged",
                    self.max_block.as_millis(),
                    self.in_flight.len()
                );
                return Err(KafkaError::new(KafkaErrorKind::Timeout, message));
            }
            let wake = first.wake().min(deadline);
            let first = Arc::clone(first);
            self.shared.wait_for(Some(wake), |_| first.settle(Instant::now()).then_some(())).await;
        }
    }

    async fn settle_all(&mut self) {
        while let Some((first, _)) = self.in_flight.front() {
            let first = Arc::clone(first);
            await_settled(&self.shared, &first).await;
            self.reap();
        }
    }

    fn transactional(&self, action: &str) -> Result<(Arc<str>, Epoch)> {
        match &self.writer.transactional {
            Some(writer) => Ok((Arc::clone(&writer.id), writer.epoch)),
            None => Err(wrong_stage(format!("{action} needs the setting transactional.id"))),
        }
    }

    async fn end_transaction(&mut self, commit: bool) -> Result<()> {
        let operation = if commit { Operation::CommitTransaction } else { Operation::AbortTransaction };
        let (id, epoch) =
            self.transactional(if commit { "commit_transaction" } else { "abort_transaction" })?;
        if !matches!(self.stage, Stage::Open | Stage::Broken) {
            return Err(wrong_stage(format!(
                "producer {id} has no open transaction: call begin_transaction first"
            )));
        }
        self.settle_all().await;
        self.shared.gate(operation, self.max_block).await?;
        if commit && self.stage == Stage::Broken {
            // A fenced producer learns that, rather than that its records failed.
            self.shared.lock_now().transactions.check(&id, epoch)?;
            let message = format!("a record of the transaction of producer {id} was not written: abort it");
            return Err(KafkaError::new(KafkaErrorKind::TransactionAborted, message));
        }
        self.shared.change(|state| state.transactions.end(&mut state.log, &id, epoch, commit))?;
        self.stage = Stage::Ready;
        Ok(())
    }
}

fn wrong_stage(message: String) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Other, message)
}

async fn await_settled(shared: &Arc<Shared>, slot: &Slot) {
    while shared.wait_for(Some(slot.wake()), |_| slot.settle(Instant::now()).then_some(())).await.is_none() {}
}

#[async_trait]
impl Producer for MemoryProducer {
    async fn send(&mut self, batch: Arc<Vec<ProducerRecord>>, positions: bool) -> Result<Delivery> {
        self.shared.local_gate(Operation::Send, self.max_block).await?;
        let bytes = || batch.iter().map(size_of_record).sum::<usize>();
        if !self.in_flight.is_empty() {
            self.make_room(bytes()).await?;
        }
        match (&self.writer.transactional, self.stage) {
            (None, _) | (_, Stage::Open | Stage::Broken) => {}
            (Some(writer), _) => {
                let message =
                    format!("producer {} has no open transaction: call begin_transaction first", writer.id);
                return Err(wrong_stage(message));
            }
        }
        self.writer.sticky = self.writer.sticky.wrapping_add(1);
        let now = Instant::now();
        let deadline = after(now, self.delivery_timeout);
        let slot = self.shared.change(|state| {
            let fate = state.faults.produce(now);
            let slot = Slot::new(batch.len(), positions, deadline, fate.latch, fate.ready_at);
            if let Some(kind) = fate.failure {
                slot.fill(all_failed(batch.len(), positions, || injected(Operation::Produce, kind)));
            } else if state.faults.broker_stopped() {
                let batch = PendingBatch {
                    slot: Arc::clone(&slot),
                    records: Arc::clone(&batch),
                    positions,
                    writer: self.writer.clone(),
                    lose_ack: fate.lose_ack,
                };
                state.pending.push_back(batch);
            } else {
                let report = state.write(&self.shared.config, &self.writer, &batch, positions, now);
                slot.fill_unless_lost(report, fate.lose_ack);
            }
            slot
        });
        if slot.settle(now) {
            if slot.lock().failed && self.stage == Stage::Open {
                self.stage = Stage::Broken;
            }
            return Ok(Box::pin(std::future::ready(slot.take())));
        }
        self.in_flight.push_back((Arc::clone(&slot), bytes()));
        let shared = Arc::clone(&self.shared);
        Ok(Box::pin(async move {
            await_settled(&shared, &slot).await;
            slot.take()
        }))
    }

    async fn flush(&mut self) -> Result<()> {
        self.settle_all().await;
        Ok(())
    }

    async fn init_transactions(&mut self) -> Result<()> {
        self.transactional("init_transactions")?;
        if self.stage != Stage::Uninitialized {
            return Err(wrong_stage("init_transactions was called already".to_owned()));
        }
        self.shared.gate(Operation::InitTransactions, self.max_block).await?;
        let Some(writer) = &mut self.writer.transactional else { return Ok(()) };
        let id = Arc::clone(&writer.id);
        writer.epoch = self.shared.change(|state| state.transactions.fence(&mut state.log, &id));
        self.stage = Stage::Ready;
        Ok(())
    }

    async fn begin_transaction(&mut self) -> Result<()> {
        let (id, _) = self.transactional("begin_transaction")?;
        match self.stage {
            Stage::Ready => {
                self.stage = Stage::Open;
                Ok(())
            }
            Stage::Uninitialized => Err(wrong_stage(format!("producer {id}: call init_transactions first"))),
            Stage::NotTransactional | Stage::Open | Stage::Broken => {
                Err(wrong_stage(format!("producer {id} has an open transaction already")))
            }
        }
    }

    async fn commit_transaction(&mut self) -> Result<()> {
        self.end_transaction(true).await
    }

    async fn abort_transaction(&mut self) -> Result<()> {
        self.end_transaction(false).await
    }

    async fn close(mut self: Box<Self>, timeout: Duration) -> Result<()> {
        let flushed = tokio::time::timeout(timeout, self.settle_all()).await;
        for (slot, _) in &self.in_flight {
            slot.give_up();
        }
        if let (Some(writer), Stage::Open | Stage::Broken) = (&self.writer.transactional, self.stage) {
            let (id, epoch) = (&writer.id, writer.epoch);
            // A fenced producer has nothing to abort.
            let _ = self.shared.change(|state| state.transactions.end(&mut state.log, id, epoch, false));
        }
        flushed.map_err(|_| timed_out(Operation::Produce, timeout))
    }
}

/// A batch that waits for the broker.
#[derive(Debug)]
pub(super) struct PendingBatch {
    slot: Arc<Slot>,
    records: Arc<Vec<ProducerRecord>>,
    positions: bool,
    writer: Writer,
    lose_ack: bool,
}

/// What becomes of one batch: shared by its delivery, its producer, and the queue of those not written yet.
#[derive(Debug)]
struct Slot(Mutex<Fate>);

#[derive(Debug)]
struct Fate {
    /// `None`: not written yet.
    report: Option<SendReport>,
    settled: bool,
    failed: bool,
    records: usize,
    positions: bool,
    latch: Option<Arc<Latch>>,
    ready_at: Option<Instant>,
    deadline: Instant,
}

impl Slot {
    fn new(
        records: usize,
        positions: bool,
        deadline: Instant,
        latch: Option<Arc<Latch>>,
        ready_at: Option<Instant>,
    ) -> Arc<Self> {
        let fate = Fate {
            report: None,
            settled: false,
            failed: false,
            records,
            positions,
            latch,
            ready_at,
            deadline,
        };
        Arc::new(Self(Mutex::new(fate)))
    }

    fn lock(&self) -> MutexGuard<'_, Fate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self, report: SendReport) {
        let mut fate = self.lock();
        if !fate.settled {
            fate.report = Some(report);
        }
    }

    fn fill_unless_lost(&self, report: SendReport, lost: bool) {
        if lost {
            let (records, positions) = {
                let fate = self.lock();
                (fate.records, fate.positions)
            };
            self.fill(all_failed(records, positions, || {
                KafkaError::new(KafkaErrorKind::Timeout, "injected: the acknowledgement was lost")
            }));
        } else {
            self.fill(report);
        }
    }

    /// Whether the fate is final; it becomes so when it can.
    fn settle(&self, now: Instant) -> bool {
        let mut fate = self.lock();
        if fate.settled {
            return true;
        }
        let acknowledged = fate.report.is_some()
            && fate.latch.as_ref().is_none_or(|latch| latch.is_open())
            && fate.ready_at.is_none_or(|ready| now >= ready);
        if !acknowledged {
            if now < fate.deadline {
                return false;
            }
            fate.time_out("delivery.timeout.ms is over: nobody knows whether the record was written");
        }
        fate.settled = true;
        fate.failed = fate.report.as_ref().is_some_and(|report| !report.failed.is_empty());
        true
    }

    fn give_up(&self) {
        let mut fate = self.lock();
        if !fate.settled {
            fate.time_out("the producer was closed before the record was acknowledged");
            fate.settled = true;
            fate.failed = true;
        }
    }

    /// When time alone may settle it.
    fn wake(&self) -> Instant {
        let fate = self.lock();
        let latched = fate.report.is_none() || fate.latch.as_ref().is_some_and(|latch| !latch.is_open());
        match fate.ready_at {
            Some(ready) if !latched => ready.min(fate.deadline),
            _ => fate.deadline,
        }
    }

    fn take(&self) -> SendReport {
        self.lock().report.take().unwrap_or_default()
    }
}

impl Fate {
    fn time_out(&mut self, message: &str) {
        let timeout = || KafkaError::new(KafkaErrorKind::Timeout, message);
        self.report = Some(all_failed(self.records, self.positions, timeout));
    }
}

fn all_failed(records: usize, positions: bool, error: impl Fn() -> KafkaError) -> SendReport {
    SendReport {
        failed: (0..records).map(|index| (index, error())).collect(),
        positions: if positions { vec![None; records] } else { Vec::new() },
    }
}

impl State {
    /// Writes what waited for the broker.
    pub(super) fn write_pending(&mut self, config: &MemoryKafkaConfig, now: Instant) {
        for batch in std::mem::take(&mut self.pending) {
            if !batch.slot.settle(now) {
                let report = self.write(config, &batch.writer, &batch.records, batch.positions, now);
                batch.slot.fill_unless_lost(report, batch.lose_ack);
            }
        }
    }

    /// Writes a batch as the broker does.
    fn write(
        &mut self,
        config: &MemoryKafkaConfig,
        writer: &Writer,
        records: &[ProducerRecord],
        positions: bool,
        now: Instant,
    ) -> SendReport {
        let transaction = match &writer.transactional {
            None => None,
            Some(producer) => {
                if self.transactions.check(&producer.id, producer.epoch).is_err() {
                    return all_failed(records.len(), positions, || fenced(&producer.id));
                }
                let (number, expires) = self.transactions.open(&producer.id, producer.timeout, now);
                self.expires_at(expires);
                Some((number, &*producer.id))
            }
        };
        let mut report = SendReport::default();
        if positions {
            report.positions.reserve(records.len());
        }
        let mut first = 0;
        while let Some(record) = records.get(first) {
            let run = records[first..].iter().take_while(|next| next.topic == record.topic).count();
            self.write_run(config, writer, transaction, &records[first..first + run], |index, written| {
                if positions {
                    report.positions.push(written.as_ref().ok().copied());
                }
                if let Err(error) = written {
                    report.failed.push((first + index, error));
                }
            });
            first += run;
        }
        report
    }

    /// Writes consecutive records of one topic.
    fn write_run(
        &mut self,
        config: &MemoryKafkaConfig,
        writer: &Writer,
        transaction: Option<(TransactionNumber, &str)>,
        records: &[ProducerRecord],
        mut settle: impl FnMut(usize, Result<RecordPosition>),
    ) {
        let Some(name) = records.first().map(|record| &record.topic) else { return };
        if let Err(error) = self.ensure_topic(config, name) {
            for index in 0..records.len() {
                settle(index, Err(KafkaError::new(error.kind(), error.to_string())));
            }
            return;
        }
        let refusal = self.faults.refusal();
        let Some(topic) = self.log.topics.get_mut(name) else { return };
        let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        let mut touched = vec![false; topic.partitions.len()];
        for (position, record) in records.iter().enumerate() {
            if let Some(kind) = refusal.as_ref().and_then(|refusal| refusal(record)) {
                settle(
                    position,
                    Err(KafkaError::new(kind, format!("injected refusal of a record: {kind:?}"))),
                );
                continue;
            }
            if let Err(error) = topic.check(name, record, writer.max_request_size) {
                settle(position, Err(error));
                continue;
            }
            let number = match (record.partition, &record.key) {
                (Some(number), _) => number,
                (None, Some(key)) => partition_for_key(key, partitions),
                (None, None) => i32::try_from(writer.sticky % topic.partitions.len()).unwrap_or(0),
            };
            let Some(partition) = topic.partitions.get_mut(index(number)) else {
                settle(position, Err(unknown_partition(&TopicPartition::new(name.clone(), number))));
                continue;
            };
            let transaction = transaction.map_or(0, |(number, _)| number);
            let offset = partition.append(record, transaction, topic.config.log_append_time);
            if let Some(touched) = touched.get_mut(index(number)) {
                *touched = true;
            }
            settle(position, Ok(RecordPosition { partition: number, offset }));
        }
        for (number, partition) in (0..).zip(&mut topic.partitions) {
            if !touched.get(index(number)).is_some_and(|touched| *touched) {
                continue;
            }
            if let Some((_, id)) = transaction {
                self.transactions.touch(id, &TopicPartition::new(name.clone(), number));
            }
            if topic.config.compact
                && config.compact_after.is_some_and(|after| partition.wants_compaction(after))
            {
                partition.compact(topic.config.keep_tombstones);
            }
        }
    }

    /// Creates a topic that is written to, where that is allowed.
    fn ensure_topic(&mut self, config: &MemoryKafkaConfig, name: &Str) -> Result<()> {
        if self.log.topics.contains_key(name) {
            return Ok(());
        }
        if !config.auto_create_topics {
            return Err(unknown_topic(name));
        }
        let topic = NewTopic {
            name: name.clone(),
            partitions: None,
            replication_factor: None,
            configs: Default::default(),
        };
        self.log.create(&topic, config.num_partitions)?;
        self.topics_changed();
        Ok(())
    }

    /// Writes one record for nobody in particular.
    pub(super) fn write_one(
        &mut self,
        config: &MemoryKafkaConfig,
        record: &ProducerRecord,
    ) -> Result<RecordPosition> {
        let writer = Writer { transactional: None, max_request_size: usize::MAX, sticky: 0 };
        let mut result = Err(unknown_topic(&record.topic));
        self.write_run(config, &writer, None, std::slice::from_ref(record), |_, written| result = written);
        result
    }
}

fn fenced(id: &str) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Fenced, format!("producer with transactional id {id} is fenced"))
}
