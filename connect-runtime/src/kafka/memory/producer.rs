//! The producer: writes at once, and settles when latches, delays and the broker allow it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::faults::{Operation, injected, timed_out};
use super::log::size_of_record;
use super::settings::Settings;
use super::slot::{Slot, all_failed, await_settled};
use super::state::{Shared, after};
use super::transactions::Epoch;
use super::write::{PendingBatch, TransactionalWriter, Writer};
use crate::kafka::{
    ClientProperties, Delivery, KafkaError, KafkaErrorKind, Producer, ProducerRecord, Result,
};

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
            failed |= settled && slot.has_failed();
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
            if slot.has_failed() && self.stage == Stage::Open {
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
