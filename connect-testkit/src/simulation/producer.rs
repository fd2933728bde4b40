//! A producer with faults: lost and doubled acknowledgements, torn and failing batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use connect_runtime::kafka::{
    Delivery, KafkaError, KafkaErrorKind, Producer, ProducerRecord, Result, SendReport,
};

use super::call::Call;
use super::port::{Client, Port, failed};
use super::schedule::FaultKind;
use super::world::{DEAD, OFFSETS};

pub(super) struct SimulatedProducer {
    client: Client,
    /// There until it is closed.
    inner: Option<Box<dyn Producer>>,
    transactional: bool,
    /// Failed batches that nobody has heard of. A client that gives up on one record takes none after it, so what is
    /// sent meanwhile fails too.
    failing: Arc<AtomicU64>,
    /// Kafka has refused a batch for good, and refuses all others: the producer lost its authorization.
    refused: bool,
}

fn closed() -> KafkaError {
    KafkaError::new(KafkaErrorKind::Other, "the producer is closed")
}

/// What becomes of a batch.
enum Fate {
    Written,
    Twice,
    /// Records from here on are not written.
    Torn(usize),
    Failed,
    Refused,
}

impl SimulatedProducer {
    pub(super) fn new(client: Client, inner: Box<dyn Producer>, transactional: bool) -> Self {
        Self { client, inner: Some(inner), transactional, failing: Arc::default(), refused: false }
    }

    fn parts(&mut self) -> Result<(&Port, &mut Box<dyn Producer>)> {
        let inner = self.inner.as_mut().ok_or_else(closed)?;
        Ok((&self.client.port, inner))
    }
}

/// The batch as it is sent. Offsets are in no order of their own, and a run has to be the same each time.
fn sorted(call: Call, batch: Arc<Vec<ProducerRecord>>) -> Arc<Vec<ProducerRecord>> {
    if call != Call::SendOffsets {
        return batch;
    }
    let mut records = Vec::clone(&batch);
    records.sort_by(|a, b| a.key.cmp(&b.key));
    Arc::new(records)
}

fn all_failed(records: usize, positions: bool, error: impl Fn() -> KafkaError) -> SendReport {
    SendReport {
        failed: (0..records).map(|index| (index, error())).collect(),
        positions: if positions { vec![None; records] } else { Vec::new() },
    }
}

#[async_trait]
impl Producer for SimulatedProducer {
    async fn send(&mut self, batch: Arc<Vec<ProducerRecord>>, positions: bool) -> Result<Delivery> {
        let call = match batch.first() {
            Some(record) if record.topic.as_str() == OFFSETS => Call::SendOffsets,
            Some(record) if record.topic.as_str() == DEAD => Call::SendLetters,
            _ => Call::SendData,
        };
        let count = batch.len();
        let (transactional, failing) = (self.transactional, Arc::clone(&self.failing));
        let port = self.client.port.clone();
        let hit = port.enter(call, format!("send of {count} records, {call:?}")).await;
        let batch = sorted(call, batch);
        if hit == Some(FaultKind::FailCall) {
            return Err(failed("send"));
        }
        self.refused |= hit == Some(FaultKind::RefuseWrite);
        let refused = self.refused;
        let inner = self.inner.as_mut().ok_or_else(closed)?;
        let fate = match hit {
            _ if refused => Fate::Refused,
            _ if failing.load(SeqCst) > 0 && !transactional => Fate::Failed,
            Some(FaultKind::LoseAck) => {
                port.world.kafka.lose_ack_next(1);
                Fate::Written
            }
            Some(FaultKind::WriteTwice) if !transactional => Fate::Twice,
            Some(FaultKind::TearWrite) if !transactional && count > 1 => Fate::Torn(count / 2),
            Some(FaultKind::TearWrite | FaultKind::FailWrite) => Fate::Failed,
            _ => Fate::Written,
        };
        let bad = matches!(fate, Fate::Torn(_) | Fate::Failed | Fate::Refused);
        let delivery: Delivery = match fate {
            Fate::Written => inner.send(batch, positions).await?,
            Fate::Twice => {
                drop(inner.send(Arc::clone(&batch), false).await?);
                inner.send(batch, positions).await?
            }
            Fate::Torn(kept) => {
                let first = Arc::new(batch.iter().take(kept).cloned().collect());
                let delivery = inner.send(first, positions).await?;
                Box::pin(async move {
                    let mut report = delivery.await;
                    report.failed.extend((kept..count).map(|index| (index, failed("the rest of a batch"))));
                    if positions {
                        report.positions.resize(count, None);
                    }
                    report
                })
            }
            Fate::Failed | Fate::Refused => {
                let refused = matches!(fate, Fate::Refused);
                let kind = if refused { KafkaErrorKind::Authorization } else { KafkaErrorKind::Unavailable };
                if transactional {
                    // Kafka in memory has to know that a record of the transaction is missing.
                    port.world.kafka.fail_next(connect_runtime::kafka::memory::Operation::Produce, 1, kind);
                    inner.send(batch, positions).await?
                } else {
                    let report =
                        all_failed(count, positions, || KafkaError::new(kind, "simulated: not written"));
                    Box::pin(std::future::ready(report))
                }
            }
        };
        if call == Call::SendOffsets {
            port.world.look();
        }
        let told = if bad { Some(Unheard::new(failing)) } else { None };
        let delivery: Delivery = {
            let port = port.clone();
            Box::pin(async move {
                let report = delivery.await;
                port.enter(Call::Ack, format!("{call:?}: {} of {count} failed", report.failed.len())).await;
                drop(told);
                report
            })
        };
        port.leave(call, "taken".to_owned()).await;
        Ok(delivery)
    }

    async fn flush(&mut self) -> Result<()> {
        let (port, inner) = self.parts()?;
        port.call(Call::Flush, "flush", inner.flush()).await
    }

    async fn init_transactions(&mut self) -> Result<()> {
        let (port, inner) = self.parts()?;
        port.call(Call::InitTransactions, "init_transactions", inner.init_transactions()).await
    }

    async fn begin_transaction(&mut self) -> Result<()> {
        let (port, inner) = self.parts()?;
        port.call(Call::BeginTransaction, "begin_transaction", inner.begin_transaction()).await
    }

    async fn commit_transaction(&mut self) -> Result<()> {
        let (port, inner) = self.parts()?;
        port.call(Call::CommitTransaction, "commit_transaction", inner.commit_transaction()).await
    }

    async fn abort_transaction(&mut self) -> Result<()> {
        let (port, inner) = self.parts()?;
        port.call(Call::AbortTransaction, "abort_transaction", inner.abort_transaction()).await
    }

    async fn close(mut self: Box<Self>, timeout: Duration) -> Result<()> {
        let inner = self.inner.take().ok_or_else(closed)?;
        self.client.port.call(Call::CloseProducer, "close of a producer", inner.close(timeout)).await
    }
}

/// A failed batch that nobody has heard of.
struct Unheard(Arc<AtomicU64>);

impl Unheard {
    fn new(failing: Arc<AtomicU64>) -> Self {
        failing.fetch_add(1, SeqCst);
        Self(failing)
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}
