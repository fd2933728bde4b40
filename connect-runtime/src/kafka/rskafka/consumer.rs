//! Consuming assigned partitions: one fetch at a time for each, all of them at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::{Offsets, TimestampType, TopicPartition};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use rskafka::client::Client;
use rskafka::client::partition::{OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::record::RecordAndOffset;
use rskafka::topic::Topic;
use tokio::time::Instant;

use super::error::{failed, timed_out};
use super::settings::{ConsumerSettings, Reset};
use super::{Consumer, Result, unsupported};
use crate::kafka::{
    ConsumerEvent, ConsumerRecord, KafkaError, KafkaErrorKind, PartitionRecords, Subscription,
};

/// Between attempts while a partition cannot be read.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

type Fetch = BoxFuture<'static, (u64, Result<Fetched>)>;

/// A consumer.
pub(super) struct RskafkaConsumer {
    client: Arc<Client>,
    settings: ConsumerSettings,
    slots: Vec<Slot>,
    fetches: FuturesUnordered<Fetch>,
    /// Numbers fetches, so that the outcome of an outdated one is recognized.
    next_fetch: u64,
    /// The slot whose turn it is.
    turn: usize,
}

/// An assigned partition.
struct Slot {
    partition: TopicPartition,
    connection: Option<Arc<PartitionClient>>,
    /// The offset of the next record to hand out.
    position: Option<i64>,
    paused: bool,
    fetch: Option<u64>,
    buffered: VecDeque<RecordAndOffset>,
}

struct Fetched {
    connection: Arc<PartitionClient>,
    position: i64,
    records: Vec<RecordAndOffset>,
}

impl RskafkaConsumer {
    pub(super) fn new(client: Arc<Client>, settings: ConsumerSettings) -> Self {
        Self { client, settings, slots: Vec::new(), fetches: FuturesUnordered::new(), next_fetch: 0, turn: 0 }
    }

    fn slot(&mut self, partition: &TopicPartition) -> Result<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.partition == *partition).ok_or_else(|| {
            let message = format!("partition {partition} is not assigned to this consumer");
            KafkaError::new(KafkaErrorKind::Other, message)
        })
    }

    fn start_fetches(&mut self) {
        for slot in &mut self.slots {
            if slot.paused || slot.fetch.is_some() || !slot.buffered.is_empty() {
                continue;
            }
            let number = self.next_fetch;
            self.next_fetch += 1;
            slot.fetch = Some(number);
            let fetch = fetch(
                Arc::clone(&self.client),
                slot.partition.clone(),
                slot.connection.clone(),
                slot.position,
                self.settings,
            );
            self.fetches.push(fetch.map(move |fetched| (number, fetched)).boxed());
        }
    }

    /// Takes what a fetch brought, unless its partition was moved or given up meanwhile.
    fn settle(&mut self, number: u64, fetched: Result<Fetched>) -> Result<()> {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.fetch == Some(number)) else { return Ok(()) };
        slot.fetch = None;
        match fetched {
            Ok(fetched) => {
                slot.connection = Some(fetched.connection);
                slot.position = Some(fetched.position);
                slot.buffered = fetched.records.into();
                Ok(())
            }
            Err(error)
                if error.kind() == KafkaErrorKind::OffsetOutOfRange && self.settings.reset != Reset::None =>
            {
                tracing::warn!(%error, "the position does not exist any more and is reset");
                slot.position = None;
                Ok(())
            }
            Err(error) if error.is_retriable() => {
                tracing::warn!(%error, "reading records failed; trying again");
                slot.connection = None;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Hands out what is there, each time beginning with another partition.
    fn hand_out(&mut self) -> Vec<PartitionRecords> {
        let mut partitions = Vec::new();
        let mut left = self.settings.max_poll_records;
        let count = self.slots.len();
        let ready = self.slots.iter().filter(|slot| !slot.paused && !slot.buffered.is_empty()).count();
        let share = left.div_ceil(ready.max(1));
        for number in 0..count {
            let Some(slot) = self.slots.get_mut((self.turn + number) % count) else { continue };
            if slot.paused || slot.buffered.is_empty() || left == 0 {
                continue;
            }
            let take = slot.buffered.len().min(share).min(left);
            left -= take;
            let records: Vec<_> = slot.buffered.drain(..take).map(consumer_record).collect();
            if let Some(last) = records.last() {
                let next_offset = last.offset + 1;
                slot.position = Some(next_offset);
                partitions.push(PartitionRecords { partition: slot.partition.clone(), records, next_offset });
            }
        }
        self.turn = self.turn.wrapping_add(1) % count.max(1);
        partitions
    }
}

async fn connect(client: &Client, partition: &TopicPartition) -> Result<Arc<PartitionClient>> {
    let tried = format!("looking up partition {partition}");
    let topics = client.list_topics().await.map_err(|error| failed(&tried, error))?;
    check_exists(&topics, partition)?;
    let connecting =
        client.partition_client(partition.topic.as_str(), partition.partition, UnknownTopicHandling::Error);
    Ok(Arc::new(connecting.await.map_err(|error| failed(tried, error))?))
}

/// Asking for a partition by name would create its topic.
pub(super) fn check_exists(topics: &[Topic], partition: &TopicPartition) -> Result<()> {
    let topic = topics.iter().find(|topic| topic.name == partition.topic.as_str());
    if topic.is_some_and(|topic| topic.partitions.contains(&partition.partition)) {
        return Ok(());
    }
    let message = format!("partition {partition} does not exist");
    Err(KafkaError::new(KafkaErrorKind::UnknownTopic, message).with_retriable(true))
}

async fn start_position(
    connection: &PartitionClient,
    partition: &TopicPartition,
    reset: Reset,
) -> Result<i64> {
    let tried = format!("looking up the position of {partition}");
    let at = match reset {
        Reset::Earliest => OffsetAt::Earliest,
        Reset::Latest => OffsetAt::Latest,
        Reset::None => {
            let message = format!("{tried}: there is none, and `auto.offset.reset` is `none`");
            return Err(KafkaError::new(KafkaErrorKind::OffsetOutOfRange, message));
        }
    };
    connection.get_offset(at).await.map_err(|error| failed(tried, error))
}

async fn fetch(
    client: Arc<Client>,
    partition: TopicPartition,
    connection: Option<Arc<PartitionClient>>,
    position: Option<i64>,
    settings: ConsumerSettings,
) -> Result<Fetched> {
    let attempt = async {
        let connection = match connection {
            Some(connection) => connection,
            None => connect(&client, &partition).await?,
        };
        let position = match position {
            Some(position) => position,
            None => start_position(&connection, &partition, settings.reset).await?,
        };
        let bytes = settings.fetch_min_bytes..settings.max_partition_fetch_bytes;
        let wait = i32::try_from(settings.fetch_max_wait.as_millis()).unwrap_or(i32::MAX);
        let fetched = connection.fetch_records(position, bytes, wait).await;
        let (records, _) = fetched
            .map_err(|error| failed(format_args!("reading {partition} at offset {position}"), error))?;
        Ok(Fetched { connection, position, records })
    };
    let fetched = attempt.await;
    if fetched.as_ref().err().is_some_and(KafkaError::is_retriable) {
        tokio::time::sleep(RETRY_PAUSE).await;
    }
    fetched
}

fn consumer_record(read: RecordAndOffset) -> ConsumerRecord {
    let record = read.record;
    let timestamp = record.timestamp.timestamp_millis();
    ConsumerRecord {
        offset: read.offset,
        timestamp,
        timestamp_type: if timestamp < 0 {
            TimestampType::NoTimestampType
        } else {
            TimestampType::CreateTime
        },
        key: record.key.map(Bytes::from),
        value: record.value.map(Bytes::from),
        headers: record.headers.into_iter().map(|(key, value)| (key, Some(Bytes::from(value)))).collect(),
    }
}

#[async_trait]
impl Consumer for RskafkaConsumer {
    async fn subscribe(&mut self, _subscription: Subscription) -> Result<()> {
        Err(unsupported("consumer groups"))
    }

    async fn assign(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let mut before = std::mem::take(&mut self.slots);
        for partition in partitions {
            let kept =
                before.iter().position(|slot| slot.partition == *partition).map(|at| before.swap_remove(at));
            self.slots.push(kept.unwrap_or_else(|| Slot {
                partition: partition.clone(),
                connection: None,
                position: None,
                paused: false,
                fetch: None,
                buffered: VecDeque::new(),
            }));
        }
        Ok(())
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<ConsumerEvent> {
        let deadline = Instant::now() + max_wait;
        loop {
            self.start_fetches();
            // A caller that finds records every time never waits, and then no other connection gets its turn.
            tokio::task::yield_now().await;
            // Partitions that have answered meanwhile take part.
            let mut answered = false;
            while let Some(Some((number, fetched))) = self.fetches.next().now_or_never() {
                self.settle(number, fetched)?;
                answered = true;
            }
            let partitions = self.hand_out();
            if !partitions.is_empty() {
                return Ok(ConsumerEvent::Records(partitions));
            }
            if answered {
                // They had nothing, and nobody asks them while this waits.
                continue;
            }
            // Nothing is awaited between an outcome and its place in a slot, so that dropping this call is harmless.
            tokio::select! {
                biased;
                Some((number, fetched)) = self.fetches.next() => self.settle(number, fetched)?,
                () = tokio::time::sleep_until(deadline) => return Ok(ConsumerEvent::Records(Vec::new())),
            }
        }
    }

    async fn position(&mut self, partition: &TopicPartition) -> Result<i64> {
        let (client, settings) = (Arc::clone(&self.client), self.settings);
        let slot = self.slot(partition)?;
        if let Some(position) = slot.position {
            return Ok(position);
        }
        let look = async {
            let connection = connect(&client, partition).await?;
            let position = start_position(&connection, partition, settings.reset).await?;
            Ok((connection, position))
        };
        let found = tokio::time::timeout(settings.api_timeout, Box::pin(look)).await;
        let (connection, position) =
            found.map_err(|_| timed_out(format_args!("looking up the position of {partition}")))??;
        // A fetch under way would start from a position of its own.
        slot.fetch = None;
        slot.connection = Some(connection);
        slot.position = Some(position);
        Ok(position)
    }

    async fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<()> {
        let slot = self.slot(partition)?;
        slot.position = Some(offset);
        slot.fetch = None;
        slot.buffered.clear();
        Ok(())
    }

    async fn pause(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        for partition in partitions {
            self.slot(partition)?.paused = true;
        }
        Ok(())
    }

    async fn resume(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        for partition in partitions {
            self.slot(partition)?.paused = false;
        }
        Ok(())
    }

    fn commit(&mut self, _offsets: Offsets) -> BoxFuture<'static, Result<()>> {
        std::future::ready(Err(unsupported("consumer groups"))).boxed()
    }

    async fn committed(&mut self, _partitions: &[TopicPartition]) -> Result<Offsets> {
        Err(unsupported("consumer groups"))
    }

    async fn close(self: Box<Self>, _timeout: Duration) -> Result<()> {
        Ok(())
    }
}
