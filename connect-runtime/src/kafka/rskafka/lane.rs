//! A partition's lane: writes what comes along it in order, one request at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use connect_api::TopicPartition;
use rskafka::chrono::DateTime;
use rskafka::client::Client;
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::record::Record;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::Result;
use super::error::{failed, is_too_large, timed_out};
use crate::kafka::{KafkaError, KafkaErrorKind, ProducerRecord};
use crate::time::now_millis;

/// The records of one batch that go to one partition.
pub(super) struct Job {
    pub(super) batch: Arc<Vec<ProducerRecord>>,
    pub(super) indexes: Vec<usize>,
    pub(super) done: oneshot::Sender<Outcome>,
    /// Their share of the producer's memory.
    pub(super) room: OwnedSemaphorePermit,
}

/// What became of the records of a job: by index the offset, or why there is none.
pub(super) type Outcome = Vec<(usize, Result<i64>)>;

/// Where a lane leads, and how.
pub(super) struct Lane {
    pub(super) client: Arc<Client>,
    pub(super) partition: TopicPartition,
    pub(super) compression: Compression,
    pub(super) max_request_size: usize,
    pub(super) delivery_timeout: Duration,
}

/// A job at work.
struct Open {
    job: Job,
    outcome: Outcome,
    /// A record failed for now: one that follows it must not overtake it.
    failure: Option<(KafkaErrorKind, String)>,
}

/// A record of an open job.
#[derive(Clone, Copy)]
struct Item {
    job: usize,
    index: usize,
}

impl Lane {
    /// Works until nobody sends jobs any more.
    pub(super) async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut connection = None;
        while let Some(job) = jobs.recv().await {
            let mut size = job.room.num_permits();
            let mut open = vec![Open::new(job)];
            // What came while the last request was under way shares the next one.
            while size < self.max_request_size
                && let Ok(job) = jobs.try_recv()
            {
                size += job.room.num_permits();
                open.push(Open::new(job));
            }
            self.work(&mut connection, &mut open).await;
            for done in open {
                // Nobody may be interested.
                let _ = done.job.done.send(done.outcome);
                drop(done.job.room);
            }
        }
    }

    async fn work(&self, connection: &mut Option<PartitionClient>, open: &mut [Open]) {
        let mut requests = self.requests(open);
        while let Some(mut request) = requests.pop_front() {
            request.retain(|item| !open[item.job].skip(item.index));
            if request.is_empty() {
                continue;
            }
            let records =
                request.iter().map(|item| client_record(&open[item.job].job.batch[item.index])).collect();
            match self.produce(connection, records).await {
                Ok(offsets) => {
                    for (item, offset) in request.iter().zip(offsets) {
                        open[item.job].outcome.push((item.index, Ok(offset)));
                    }
                }
                // The broker refuses the whole request for one of its records: find out which.
                Err(error) if request.len() > 1 && is_about_a_record(&error) => {
                    let second = request.split_off(request.len() / 2);
                    requests.push_front(second);
                    requests.push_front(request);
                }
                Err(error) => {
                    for item in request {
                        open[item.job].fail(item.index, &error);
                    }
                }
            }
        }
    }

    /// Cuts the jobs into requests that a broker takes.
    fn requests(&self, open: &[Open]) -> VecDeque<Vec<Item>> {
        let mut requests = VecDeque::new();
        let mut request = Vec::new();
        let mut size = 0;
        for (number, open) in open.iter().enumerate() {
            for index in &open.job.indexes {
                let more = size_of_record(&open.job.batch[*index]);
                if !request.is_empty() && size + more > self.max_request_size {
                    requests.push_back(std::mem::take(&mut request));
                    size = 0;
                }
                size += more;
                request.push(Item { job: number, index: *index });
            }
        }
        requests.push_back(request);
        requests
    }

    async fn produce(
        &self,
        connection: &mut Option<PartitionClient>,
        records: Vec<Record>,
    ) -> Result<Vec<i64>> {
        let tried = format!("writing to partition {}", self.partition);
        let attempt = async {
            let client = match connection.take() {
                Some(client) => client,
                None => {
                    let (topic, partition) = (self.partition.topic.as_str(), self.partition.partition);
                    self.client.partition_client(topic, partition, UnknownTopicHandling::Error).await?
                }
            };
            let offsets = client.produce(records, self.compression).await;
            // After an error it starts anew, with new metadata.
            if offsets.as_ref().err().is_none_or(is_too_large) {
                *connection = Some(client);
            }
            offsets
        };
        let outcome = tokio::time::timeout(self.delivery_timeout, Box::pin(attempt)).await;
        outcome.map_err(|_| timed_out(&tried))?.map_err(|error| failed(tried, error))
    }
}

impl Open {
    fn new(job: Job) -> Self {
        Self { outcome: Vec::with_capacity(job.indexes.len()), job, failure: None }
    }

    fn fail(&mut self, index: usize, error: &KafkaError) {
        let copy = KafkaError::new(error.kind(), error.to_string()).with_retriable(error.is_retriable());
        self.outcome.push((index, Err(copy)));
        if error.is_retriable() {
            self.failure.get_or_insert_with(|| (error.kind(), error.to_string()));
        }
    }

    fn skip(&mut self, index: usize) -> bool {
        let Some((kind, reason)) = &self.failure else { return false };
        let message = format!("not written, because an earlier record of the batch failed: {reason}");
        self.outcome.push((index, Err(KafkaError::new(*kind, message).with_retriable(true))));
        true
    }
}

fn is_about_a_record(error: &KafkaError) -> bool {
    matches!(error.kind(), KafkaErrorKind::RecordTooLarge | KafkaErrorKind::InvalidRecord)
}

/// About what the record takes in a request.
pub(super) fn size_of_record(record: &ProducerRecord) -> usize {
    let payload = |bytes: Option<&bytes::Bytes>| bytes.map_or(0, bytes::Bytes::len);
    let headers: usize = record.headers.iter().map(|(key, value)| key.len() + payload(value) + 8).sum();
    payload(record.key.as_ref()) + payload(record.value.as_ref()) + headers + 24
}

/// A record that the producer has checked.
fn client_record(record: &ProducerRecord) -> Record {
    let timestamp = record.timestamp.unwrap_or_else(now_millis);
    Record {
        key: record.key.as_deref().map(<[u8]>::to_vec),
        value: record.value.as_deref().map(<[u8]>::to_vec),
        headers: record
            .headers
            .iter()
            .map(|(key, value)| {
                (key.as_str().to_owned(), value.map(|value| value.to_vec()).unwrap_or_default())
            })
            .collect(),
        timestamp: DateTime::from_timestamp_millis(timestamp).unwrap_or_default(),
    }
}
