//! Producing: a batch goes record by record into the client, which forms record batches of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use krafka::CloseOptions;
use krafka::KrafkaError;
use krafka::producer::{
    DeliveryHandle, Producer as Client, ProducerBuilder, Record, RoundRobinPartitioner, TransactionalProducer,
};

use super::error::failed;
use super::settings::ProducerSettings;
use super::{Producer, Result, headers};
use crate::kafka::{Delivery, KafkaError, KafkaErrorKind, ProducerRecord, RecordPosition, SendReport};

/// A producer without transactions.
pub(super) struct KrafkaProducer {
    client: Client,
}

impl KrafkaProducer {
    pub(super) async fn new(kafka: &krafka::Kafka, settings: &ProducerSettings) -> Result<Self> {
        let client = builder(kafka, settings).build().await;
        Ok(Self { client: client.map_err(|error| failed("starting a producer", error))? })
    }
}

/// The client's settings, as both kinds of producer need them.
pub(super) fn builder(kafka: &krafka::Kafka, settings: &ProducerSettings) -> ProducerBuilder {
    let mut builder = kafka
        .producer()
        .acks(settings.acks)
        .idempotent(settings.idempotent)
        .batch_size(settings.batch_size)
        .linger(settings.linger)
        .buffer_memory(settings.buffer_memory)
        .max_request_size(settings.max_request_size)
        .compression(settings.compression)
        .compression_level(settings.compression_level)
        .delivery_timeout(settings.delivery_timeout)
        .max_block(settings.max_block)
        .partitioner_rack_aware(settings.rack_aware)
        .metrics_push(settings.metrics_push);
    if let Some(backoff) = settings.retry_backoff {
        builder = builder.retry_backoff(backoff);
    }
    if let Some(rack) = &settings.client_rack {
        builder = builder.client_rack(rack.as_str());
    }
    if settings.round_robin {
        builder = builder.partitioner(RoundRobinPartitioner::new());
    }
    builder
}

/// Where records go.
pub(super) trait Enqueue: Sync {
    /// Puts a record into the client's buffers; waits for room.
    fn enqueue(&self, record: Record) -> impl Future<Output = Result<DeliveryHandle, KrafkaError>> + Send;
}

impl Enqueue for Client {
    fn enqueue(&self, record: Record) -> impl Future<Output = Result<DeliveryHandle, KrafkaError>> + Send {
        self.enqueue(record)
    }
}

impl Enqueue for TransactionalProducer {
    fn enqueue(&self, record: Record) -> impl Future<Output = Result<DeliveryHandle, KrafkaError>> + Send {
        self.enqueue(record)
    }
}

/// A batch on its way.
pub(super) struct Sent {
    pub(super) delivery: Delivery,
    /// Whether the client took any of it.
    pub(super) any: bool,
}

/// Puts a batch into the client and answers what will tell its fate.
pub(super) async fn send(
    to: &impl Enqueue,
    batch: Arc<Vec<ProducerRecord>>,
    positions: bool,
) -> Result<Sent> {
    let mut handles = Vec::with_capacity(batch.len());
    let mut refused = Vec::new();
    for (index, record) in batch.iter().enumerate() {
        match to.enqueue(client_record(record)).await {
            Ok(handle) => handles.push((index, handle)),
            Err(error) => {
                let error = write_failed(record, error);
                // Only this record is at fault: the next one may do.
                if matches!(error.kind(), KafkaErrorKind::RecordTooLarge | KafkaErrorKind::InvalidRecord) {
                    refused.push((index, error));
                    continue;
                }
                if handles.is_empty() && refused.is_empty() {
                    return Err(error);
                }
                // A record sent after one that must be sent again would overtake it.
                refused.extend((index + 1..batch.len()).map(|later| (later, not_tried(&error))));
                refused.insert(refused.len() - (batch.len() - index - 1), (index, error));
                break;
            }
        }
    }
    let any = !handles.is_empty();
    Ok(Sent { delivery: settle(batch, handles, refused, positions).boxed(), any })
}

/// Awaits the handles in order: their outcomes are there whether or not anybody looks.
async fn settle(
    batch: Arc<Vec<ProducerRecord>>,
    handles: Vec<(usize, DeliveryHandle)>,
    refused: Vec<(usize, KafkaError)>,
    positions: bool,
) -> SendReport {
    let mut report = SendReport { failed: refused, positions: Vec::new() };
    if positions {
        report.positions.resize(batch.len(), None);
    }
    for (index, handle) in handles {
        match handle.await {
            Ok(written) => {
                if let Some(position) = report.positions.get_mut(index) {
                    *position = Some(RecordPosition { partition: written.partition, offset: written.offset });
                }
            }
            Err(error) => {
                let error = batch.get(index).map(|record| write_failed(record, error));
                report.failed.extend(error.map(|error| (index, error)));
            }
        }
    }
    report.failed.sort_by_key(|(index, _)| *index);
    report
}

fn client_record(record: &ProducerRecord) -> Record {
    let mut client = Record::new(record.topic.as_str(), bytes::Bytes::new());
    client.partition = record.partition;
    client.timestamp = record.timestamp;
    client.key.clone_from(&record.key);
    client.value.clone_from(&record.value);
    client.headers = headers::to_client(&record.headers);
    client
}

fn write_failed(record: &ProducerRecord, error: KrafkaError) -> KafkaError {
    match record.partition {
        Some(partition) => failed(format_args!("writing to partition {}-{partition}", record.topic), error),
        None => failed(format_args!("writing to topic `{}`", record.topic), error),
    }
}

fn not_tried(earlier: &KafkaError) -> KafkaError {
    KafkaError::new(
        earlier.kind(),
        format!("not written, because an earlier record of the batch failed: {earlier}"),
    )
    .with_retriable(earlier.is_retriable())
}

#[async_trait]
impl Producer for KrafkaProducer {
    async fn send(&mut self, batch: Arc<Vec<ProducerRecord>>, positions: bool) -> Result<Delivery> {
        Ok(send(&self.client, batch, positions).await?.delivery)
    }

    async fn flush(&mut self) -> Result<()> {
        self.client.flush().await.map_err(|error| failed("flushing the producer", error))
    }

    async fn close(self: Box<Self>, timeout: Duration) -> Result<()> {
        let closed = self.client.close_with(CloseOptions::new().timeout(timeout)).await;
        closed.map_err(|error| failed("closing the producer", error))
    }
}
