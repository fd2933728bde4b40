//! Producing: each batch is divided by partition, and each partition has a lane of its own.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connect_api::{Str, TopicPartition};
use futures::FutureExt;
use rskafka::chrono::DateTime;
use rskafka::client::Client;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::error::{failed, timed_out};
use super::lane::{Job, Lane, Outcome, size_of_record};
use super::settings::ProducerSettings;
use super::sticky::Sticky;
use super::{Producer, Result, unsupported};
use crate::kafka::partitioner::partition_for_key;
use crate::kafka::{Delivery, KafkaError, KafkaErrorKind, ProducerRecord, RecordPosition, SendReport};

/// Jobs that may wait in a lane. The memory limit binds first, unless batches are tiny.
const LANE: usize = 64;
/// How long the number of a topic's partitions is believed.
const BELIEVED: Duration = Duration::from_secs(300);
/// Between looks for a topic that is not there.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// A producer.
pub(super) struct RskafkaProducer {
    client: Arc<Client>,
    settings: ProducerSettings,
    topics: HashMap<Str, i32>,
    believed_until: Instant,
    sticky: Sticky,
    lanes: HashMap<TopicPartition, mpsc::Sender<Job>>,
    workers: JoinSet<()>,
    room: Arc<Semaphore>,
    whole_room: u32,
}

/// What goes to one partition.
struct Share {
    partition: TopicPartition,
    indexes: Vec<usize>,
    size: usize,
}

impl RskafkaProducer {
    pub(super) fn new(client: Arc<Client>, settings: ProducerSettings) -> Self {
        let whole_room = u32::try_from(settings.buffer_memory).unwrap_or(u32::MAX);
        Self {
            client,
            settings,
            topics: HashMap::new(),
            believed_until: Instant::now() + BELIEVED,
            sticky: Sticky::new(settings.batch_size),
            lanes: HashMap::new(),
            workers: JoinSet::new(),
            room: Arc::new(Semaphore::new(whole_room as usize)),
            whole_room,
        }
    }

    /// How many partitions the topic has; waits for a topic that does not exist.
    async fn partitions(&mut self, topic: &Str) -> Result<i32> {
        let now = Instant::now();
        if now >= self.believed_until {
            self.topics.clear();
            self.believed_until = now + BELIEVED;
        }
        let deadline = now + self.settings.max_block;
        loop {
            if let Some(partitions) = self.topics.get(topic) {
                return Ok(*partitions);
            }
            let tried = format!("looking up topic `{topic}`");
            let listed = tokio::time::timeout_at(deadline, Box::pin(self.client.list_topics())).await;
            let listed = listed.map_err(|_| timed_out(&tried))?.map_err(|error| failed(&tried, error))?;
            self.topics = listed
                .into_iter()
                .map(|topic| {
                    (Str::from(topic.name), i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX))
                })
                .collect();
            if self.topics.contains_key(topic) {
                continue;
            }
            if Instant::now() + LOOK_PAUSE >= deadline {
                let message = format!("topic `{topic}` does not exist");
                return Err(KafkaError::new(KafkaErrorKind::UnknownTopic, message).with_retriable(true));
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Divides a batch by partition; records that cannot be written go to `refused`.
    async fn divide(
        &mut self,
        batch: &[ProducerRecord],
        refused: &mut Vec<(usize, KafkaError)>,
    ) -> Result<Vec<Share>> {
        let mut shares: Vec<Share> = Vec::new();
        let mut places: HashMap<TopicPartition, usize> = HashMap::new();
        for (index, record) in batch.iter().enumerate() {
            let partitions = self.partitions(&record.topic).await?;
            if let Err(error) = check(record, partitions) {
                // The topic may have grown: the next attempt looks it up.
                if error.is_retriable() {
                    self.topics.remove(&record.topic);
                }
                refused.push((index, error));
                continue;
            }
            let size = size_of_record(record);
            let partition = match (record.partition, &record.key) {
                (Some(partition), _) => partition,
                (None, Some(key)) => partition_for_key(key, partitions),
                (None, None) => self.sticky.partition(&record.topic, size, partitions),
            };
            let partition = TopicPartition { topic: record.topic.clone(), partition };
            let place = match places.get(&partition) {
                Some(place) => *place,
                None => {
                    places.insert(partition.clone(), shares.len());
                    shares.push(Share { partition, indexes: Vec::new(), size: 0 });
                    shares.len() - 1
                }
            };
            if let Some(share) = shares.get_mut(place) {
                share.indexes.push(index);
                share.size += size;
            }
        }
        Ok(shares)
    }

    /// Puts a share into its lane; waits for room.
    async fn take(
        &mut self,
        batch: &Arc<Vec<ProducerRecord>>,
        share: Share,
    ) -> Result<oneshot::Receiver<Outcome>, (Share, KafkaError)> {
        let size = u32::try_from(share.size).unwrap_or(u32::MAX).clamp(1, self.whole_room);
        let waited =
            tokio::time::timeout(self.settings.max_block, Arc::clone(&self.room).acquire_many_owned(size));
        let Ok(Ok(room)) = waited.await else {
            let error = timed_out(format_args!("waiting for room to write to partition {}", share.partition));
            return Err((share, error));
        };
        let (done, outcome) = oneshot::channel();
        let job = Job { batch: Arc::clone(batch), indexes: share.indexes, done, room };
        let lane = self.lane(&share.partition);
        // A lane ends only with the producer; its jobs then answer that they are gone.
        let _ = lane.send(job).await;
        Ok(outcome)
    }

    fn lane(&mut self, partition: &TopicPartition) -> &mpsc::Sender<Job> {
        if !self.lanes.contains_key(partition) {
            let (sender, jobs) = mpsc::channel(LANE);
            let lane = Lane {
                client: Arc::clone(&self.client),
                partition: partition.clone(),
                compression: self.settings.compression,
                max_request_size: self.settings.max_request_size,
                delivery_timeout: self.settings.delivery_timeout,
            };
            self.workers.spawn(lane.run(jobs));
            self.lanes.insert(partition.clone(), sender);
        }
        &self.lanes[partition]
    }
}

/// Refuses what the client would change or cannot carry.
fn check(record: &ProducerRecord, partitions: i32) -> Result<()> {
    let refuse = |why: String| {
        let message = format!("writing to topic `{}`: {why}", record.topic);
        Err(KafkaError::new(KafkaErrorKind::InvalidRecord, message))
    };
    if let Some(partition) = record.partition
        && !(0..partitions).contains(&partition)
    {
        let message =
            format!("writing to partition {}-{partition}: the topic has {partitions}", record.topic);
        return Err(KafkaError::new(KafkaErrorKind::UnknownTopic, message).with_retriable(true));
    }
    if record.timestamp.is_some_and(|timestamp| DateTime::from_timestamp_millis(timestamp).is_none()) {
        return refuse("the timestamp is out of range".to_owned());
    }
    if record.headers.is_empty() {
        return Ok(());
    }
    let mut keys = BTreeSet::new();
    for (key, value) in record.headers.iter() {
        if value.is_none() {
            return refuse(format!(
                "the header `{key}` is null, which the Kafka client `rskafka` cannot write; use the client `krafka`"
            ));
        }
        if !keys.insert(key.as_str()) {
            return refuse(format!(
                "the header `{key}` comes twice, which the Kafka client `rskafka` cannot write; use the client `krafka`"
            ));
        }
    }
    Ok(())
}

async fn settle(
    count: usize,
    refused: Vec<(usize, KafkaError)>,
    shares: Vec<(TopicPartition, Vec<usize>, oneshot::Receiver<Outcome>)>,
    positions: bool,
) -> SendReport {
    let mut report = SendReport { failed: refused, positions: Vec::new() };
    if positions {
        report.positions.resize(count, None);
    }
    for (partition, indexes, outcome) in shares {
        let Ok(outcome) = outcome.await else {
            let gone = || {
                let message = format!("writing to partition {partition}: the producer was closed before");
                KafkaError::new(KafkaErrorKind::Timeout, message)
            };
            report.failed.extend(indexes.into_iter().map(|index| (index, gone())));
            continue;
        };
        for (index, result) in outcome {
            match result {
                Ok(offset) => {
                    if let Some(position) = report.positions.get_mut(index) {
                        *position = Some(RecordPosition { partition: partition.partition, offset });
                    }
                }
                Err(error) => report.failed.push((index, error)),
            }
        }
    }
    report.failed.sort_by_key(|(index, _)| *index);
    report
}

#[async_trait]
impl Producer for RskafkaProducer {
    async fn send(&mut self, batch: Arc<Vec<ProducerRecord>>, positions: bool) -> Result<Delivery> {
        let mut refused = Vec::new();
        let shares = self.divide(&batch, &mut refused).await?;
        let mut taken = Vec::with_capacity(shares.len());
        for share in shares {
            let (partition, indexes) = (share.partition.clone(), share.indexes.clone());
            match self.take(&batch, share).await {
                Ok(outcome) => taken.push((partition, indexes, outcome)),
                Err((_, error)) if taken.is_empty() && refused.is_empty() => return Err(error),
                Err((share, error)) => {
                    let copy = || KafkaError::new(error.kind(), error.to_string());
                    refused.extend(share.indexes.into_iter().map(|index| (index, copy())));
                }
            }
        }
        Ok(settle(batch.len(), refused, taken, positions).boxed())
    }

    async fn flush(&mut self) -> Result<()> {
        // The semaphore is fair: whoever gets all of the room comes after everybody who has some.
        let all = self.room.acquire_many(self.whole_room).await;
        all.map(drop)
            .map_err(|_| KafkaError::new(KafkaErrorKind::Other, "flushing the producer: it is closed"))
    }

    async fn init_transactions(&mut self) -> Result<()> {
        Err(unsupported("transactions"))
    }

    async fn begin_transaction(&mut self) -> Result<()> {
        Err(unsupported("transactions"))
    }

    async fn commit_transaction(&mut self) -> Result<()> {
        Err(unsupported("transactions"))
    }

    async fn abort_transaction(&mut self) -> Result<()> {
        Err(unsupported("transactions"))
    }

    async fn close(mut self: Box<Self>, timeout: Duration) -> Result<()> {
        match tokio::time::timeout(timeout, self.flush()).await {
            Ok(flushed) => flushed,
            Err(_) => Err(timed_out("closing the producer")),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use connect_api::RawHeaders;

    use super::*;

    fn record(headers: RawHeaders) -> ProducerRecord {
        ProducerRecord {
            topic: Str::from("t"),
            partition: None,
            timestamp: None,
            key: None,
            value: None,
            headers,
        }
    }

    #[test]
    fn headers_that_would_be_changed_are_refused() {
        let mut headers = RawHeaders::new();
        headers.push("a", Bytes::new());
        headers.push("b", Bytes::new());
        assert!(check(&record(headers.clone()), 1).is_ok());
        let mut twice = headers.clone();
        twice.push("a", Bytes::new());
        let error = check(&record(twice), 1).unwrap_err();
        assert_eq!(error.kind(), KafkaErrorKind::InvalidRecord);
        assert!(error.to_string().contains("`a` comes twice"), "{error}");
        headers.push("c", None);
        assert!(check(&record(headers), 1).unwrap_err().to_string().contains("`c` is null"));
    }

    #[test]
    fn a_partition_that_does_not_exist_is_refused() {
        let mut record = record(RawHeaders::new());
        record.partition = Some(3);
        assert!(check(&record, 4).is_ok());
        let error = check(&record, 3).unwrap_err();
        assert_eq!(error.kind(), KafkaErrorKind::UnknownTopic);
        assert!(error.is_retriable(), "the topic may grow");
    }
}
