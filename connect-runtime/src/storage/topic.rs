//! Source offsets in a compacted topic, as the distributed worker keeps them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::{Error, Offsets, RawHeaders, Result, Str, TopicPartition};
use tokio::sync::Mutex;

use super::OffsetBackingStore;
use crate::kafka::{
    Admin, ClientProperties, Consumer, ConsumerEvent, IsolationLevel, Kafka, KafkaErrorKind, NewTopic,
    Producer, ProducerRecord,
};
use crate::wire;

/// How long reading the topic to its end may take. Longer than the default of `transaction.timeout.ms`, after which a
/// broker aborts what a producer left open when its process was killed.
const READ_TIMEOUT: Duration = Duration::from_secs(120);
/// The longest wait for records in between.
const POLL_WAIT: Duration = Duration::from_millis(500);
/// How long a client may take to close.
const CLOSING: Duration = Duration::from_secs(5);

/// How the topic is made and reached.
#[derive(Clone, Debug)]
pub(crate) struct TopicSettings {
    /// The key that names it.
    pub(crate) key: &'static str,
    /// The topic, made when it is missing.
    pub(crate) topic: NewTopic,
    /// `None` where offsets are written by others: in the transactions of their records.
    pub(crate) producer: Option<ClientProperties>,
    pub(crate) consumer: ClientProperties,
    pub(crate) admin: ClientProperties,
}

/// See the module.
pub(crate) struct TopicOffsets {
    kafka: Arc<dyn Kafka>,
    settings: TopicSettings,
    // Apart from the rest, so that it can be given up while a look-up waits for Kafka.
    writer: Mutex<Writer>,
    // Held across calls on purpose: a look-up sees all writes before it.
    open: Mutex<Option<Open>>,
}

#[derive(Default)]
enum Writer {
    #[default]
    Closed,
    /// The next write makes a producer.
    Idle,
    Ready(Box<dyn Producer>),
}

struct Open {
    consumer: Box<dyn Consumer>,
    admin: Box<dyn Admin>,
    partitions: Vec<TopicPartition>,
    positions: Offsets,
    map: HashMap<Bytes, Bytes>,
}

impl TopicOffsets {
    pub(crate) fn new(kafka: Arc<dyn Kafka>, settings: TopicSettings) -> Self {
        Self { kafka, settings, writer: Mutex::default(), open: Mutex::default() }
    }

    fn topic(&self) -> &Str {
        &self.settings.topic.name
    }

    /// The number of partitions of the topic, which is made if it is missing and refused if it is not compacted.
    async fn ensure(&self, admin: &dyn Admin) -> Result<i32> {
        if let Some(found) = admin.describe_topic(self.topic().as_str()).await? {
            if self.kafka.capabilities().topic_configs {
                let configs = admin.describe_topic_config(self.topic().as_str()).await?;
                let policy = configs.get("cleanup.policy").map_or("compact", String::as_str);
                if policy != "compact" {
                    let (key, topic) = (self.settings.key, self.topic());
                    return Err(Error::config(
                        key,
                        format!(
                            "Topic '{topic}' supplied via the '{key}' property is required to have \
                             'cleanup.policy=compact' to guarantee consistency and durability of source connector \
                             offsets, but found the topic currently has 'cleanup.policy={policy}'.",
                        ),
                    ));
                }
            }
            return Ok(found.partitions);
        }
        match admin.create_topic(&self.settings.topic).await {
            Ok(()) => {}
            Err(error) if error.kind() == KafkaErrorKind::TopicExists => {}
            Err(error) => {
                return Err(Error::connect("create the offsets topic")
                    .with("topic", self.topic())
                    .with_source(error));
            }
        }
        // The new topic shows up at the brokers a moment after it was made.
        for _ in 0..100 {
            if let Some(found) = admin.describe_topic(self.topic().as_str()).await? {
                return Ok(found.partitions);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(Error::retriable("the offsets topic was created but does not show up")
            .with("topic", self.topic()))
    }
}

impl Open {
    /// Reads everything up to an end. A consumer of committed records comes to the end of all records only when the
    /// transactions before it are over, and that is what a look-up has to wait for: behind a transaction that another
    /// connector left open may stand an offset that was committed.
    async fn read_to_end(&mut self, end: IsolationLevel) -> Result<()> {
        let ends = self.admin.end_offsets(&self.partitions, end).await?;
        let read = async {
            while ends.iter().any(|(partition, end)| self.positions.get(partition).is_none_or(|at| at < end))
            {
                match self.consumer.poll(POLL_WAIT).await {
                    Ok(ConsumerEvent::Records(batches)) => {
                        for batch in batches {
                            for record in batch.records {
                                let Some(key) = record.key else { continue };
                                let key = wire::offset::normalize_key(key);
                                match record.value {
                                    Some(value) => self.map.insert(key, value),
                                    None => self.map.remove(&key),
                                };
                            }
                            self.positions.insert(batch.partition, batch.next_offset);
                        }
                    }
                    Ok(_) => {}
                    Err(error) if error.is_retriable() => {
                        tracing::warn!(%error, "the offsets topic cannot be read now and is asked again");
                        tokio::time::sleep(POLL_WAIT).await;
                    }
                    Err(error) => return Err(error.into()),
                }
                for partition in &self.partitions {
                    // Markers and compacted records move the position without bringing a record.
                    if let Ok(at) = self.consumer.position(partition).await {
                        self.positions.insert(partition.clone(), at);
                    }
                }
            }
            Ok(())
        };
        tokio::time::timeout(READ_TIMEOUT, read).await.unwrap_or_else(|_| {
            Err(Error::retriable("the offsets topic could not be read to its end in time"))
        })
    }
}

fn closed() -> Error {
    Error::illegal_state("the offset store is not open")
}

#[async_trait]
impl OffsetBackingStore for TopicOffsets {
    async fn start(&self) -> Result<()> {
        let admin = self.kafka.admin(&self.settings.admin).await?;
        let count = self.ensure(&*admin).await?;
        let partitions: Vec<_> =
            (0..count).map(|partition| TopicPartition::new(self.topic().clone(), partition)).collect();
        let mut consumer = self.kafka.consumer(&self.settings.consumer).await?;
        consumer.assign(&partitions).await?;
        let starts = admin.beginning_offsets(&partitions).await?;
        for (partition, offset) in &starts {
            consumer.seek(partition, *offset).await?;
        }
        if let Some(producer) = &self.settings.producer {
            *self.writer.lock().await = Writer::Ready(self.kafka.producer(producer).await?);
        }
        let mut open = Open { consumer, admin, partitions, positions: starts, map: HashMap::new() };
        open.read_to_end(IsolationLevel::ReadCommitted).await?;
        *self.open.lock().await = Some(open);
        Ok(())
    }

    async fn get(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>> {
        let mut open = self.open.lock().await;
        let open = open.as_mut().ok_or_else(closed)?;
        open.read_to_end(IsolationLevel::ReadUncommitted).await?;
        Ok(keys.iter().map(|key| open.map.get(key).cloned()).collect())
    }

    async fn entries(&self) -> Result<Vec<(Bytes, Bytes)>> {
        let mut open = self.open.lock().await;
        let open = open.as_mut().ok_or_else(closed)?;
        open.read_to_end(IsolationLevel::ReadUncommitted).await?;
        Ok(open.map.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    async fn set(&self, entries: Vec<(Bytes, Option<Bytes>)>) -> Result<()> {
        let records = entries.into_iter().map(|(key, value)| ProducerRecord {
            topic: self.topic().clone(),
            partition: None,
            timestamp: None,
            key: Some(key),
            value,
            headers: RawHeaders::default(),
        });
        let records = Arc::new(records.collect());
        let delivery = {
            let settings = (self.settings.producer.as_ref())
                .ok_or_else(|| Error::illegal_state("the offsets are written in transactions only"))?;
            let mut writer = self.writer.lock().await;
            if matches!(*writer, Writer::Idle) {
                *writer = Writer::Ready(self.kafka.producer(settings).await?);
            }
            let Writer::Ready(producer) = &mut *writer else { return Err(closed()) };
            producer.send(records, false).await?
        };
        match delivery.await.failed.into_iter().next() {
            None => Ok(()),
            Some((_, error)) => {
                Err(Error::retriable("write source offsets").with("topic", self.topic()).with_source(error))
            }
        }
    }

    async fn forget_unwritten(&self) {
        // Whoever holds the lock for longer waits for Kafka in vain and has not handed over anything.
        let Ok(mut writer) = tokio::time::timeout(CLOSING, self.writer.lock()).await else { return };
        if matches!(*writer, Writer::Ready(_))
            && let Writer::Ready(producer) = std::mem::replace(&mut *writer, Writer::Idle)
        {
            // It says that it could not write everything, which is what is wanted.
            let _ = producer.close(Duration::ZERO).await;
        }
    }

    async fn stop(&self) -> Result<()> {
        let open = self.open.lock().await.take();
        if let Writer::Ready(producer) = std::mem::take(&mut *self.writer.lock().await) {
            producer.close(CLOSING).await?;
        }
        if let Some(open) = open {
            open.consumer.close(CLOSING).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kafka::ClientProperties;
    use crate::kafka::memory::MemoryKafka;

    fn store(kafka: &MemoryKafka) -> TopicOffsets {
        let configs = BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
        let settings = TopicSettings {
            key: "offset.storage.topic",
            topic: NewTopic {
                name: "offsets".into(),
                partitions: Some(1),
                replication_factor: None,
                configs,
            },
            producer: Some(ClientProperties::new()),
            consumer: ClientProperties::new(),
            admin: ClientProperties::new(),
        };
        TopicOffsets::new(Arc::new(kafka.clone()), settings)
    }

    fn entry(value: &'static str) -> Vec<(Bytes, Option<Bytes>)> {
        vec![(Bytes::from_static(b"[\"c\",{}]"), Some(Bytes::from_static(value.as_bytes())))]
    }

    #[tokio::test(start_paused = true)]
    async fn offsets_that_were_given_up_do_not_come_late_and_later_ones_are_written() {
        let kafka = MemoryKafka::new();
        let store = store(&kafka);
        store.start().await.unwrap();
        kafka.stop_broker();
        let late = tokio::time::timeout(Duration::from_secs(10), store.set(entry("1"))).await;
        assert!(late.is_err(), "{late:?}");
        store.forget_unwritten().await;
        kafka.start_broker();
        store.set(entry("2")).await.unwrap();
        let records = kafka.records("offsets");
        let values: Vec<_> = records.iter().map(|record| record.value_text().unwrap()).collect();
        assert_eq!(values, ["2"]);
        store.stop().await.unwrap();
        assert!(store.set(entry("3")).await.is_err());
    }
}
