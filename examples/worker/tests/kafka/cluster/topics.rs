//! Topics, read and written from outside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use connect_api::{Bytes, RawHeaders, TopicPartition};
use connect_runtime::kafka::krafka::KrafkaClients;
use connect_runtime::kafka::{
    Admin, Consumer, ConsumerEvent, IsolationLevel, Kafka as _, Producer, ProducerRecord,
};

pub(super) struct Topics {
    properties: BTreeMap<String, String>,
    admin: Box<dyn Admin>,
}

/// Key and value as text, in the order of the log.
pub(super) type Records = BTreeMap<TopicPartition, Vec<(String, String)>>;

impl Topics {
    pub(super) async fn reach(broker: &str) -> Self {
        let properties = BTreeMap::from([
            ("bootstrap.servers".to_owned(), broker.to_owned()),
            ("isolation.level".to_owned(), "read_committed".to_owned()),
            ("auto.offset.reset".to_owned(), "earliest".to_owned()),
        ]);
        let admin = KrafkaClients::new().admin(&properties).await.unwrap();
        Self { properties, admin }
    }

    pub(super) async fn create(&self, name: &str, partitions: i32) {
        let topic = connect_runtime::kafka::NewTopic {
            name: name.into(),
            partitions: Some(partitions),
            replication_factor: Some(1),
            configs: BTreeMap::new(),
        };
        self.admin.create_topic(&topic).await.unwrap();
    }

    /// The ends of a topic's partitions, aborted and open records included.
    pub(super) async fn ends(&self, topic: &str) -> Option<BTreeMap<TopicPartition, i64>> {
        let description = self.admin.describe_topic(topic).await.ok()??;
        let partitions: Vec<_> =
            (0..description.partitions).map(|partition| TopicPartition::new(topic, partition)).collect();
        let ends = self.admin.end_offsets(&partitions, IsolationLevel::ReadUncommitted).await.ok()?;
        Some(ends.into_iter().collect())
    }

    pub(super) async fn size(&self, topic: &str) -> i64 {
        self.ends(topic).await.map_or(0, |ends| ends.values().sum())
    }

    /// All committed records.
    pub(super) async fn read(&self, topic: &str) -> Records {
        let ends = self.ends(topic).await.unwrap();
        let mut open: Vec<TopicPartition> = ends.keys().cloned().collect();
        let mut consumer: Box<dyn Consumer> = KrafkaClients::new().consumer(&self.properties).await.unwrap();
        consumer.assign(&open).await.unwrap();
        let mut seen = Records::new();
        let text = |bytes: &Option<Bytes>| {
            String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned()
        };
        while !open.is_empty() {
            if let ConsumerEvent::Records(batches) = consumer.poll(Duration::from_millis(200)).await.unwrap()
            {
                for batch in batches {
                    let records = batch.records.iter().map(|record| (text(&record.key), text(&record.value)));
                    seen.entry(batch.partition).or_default().extend(records);
                }
            }
            let mut left = Vec::new();
            for partition in open {
                if consumer.position(&partition).await.unwrap() < ends[&partition] {
                    left.push(partition);
                }
            }
            open = left;
        }
        seen
    }

    pub(super) async fn producer(&self) -> Box<dyn Producer> {
        KrafkaClients::new().producer(&self.properties).await.unwrap()
    }
}

/// Writes each of these, in order, and waits for it; `false`: some may be missing.
pub(super) async fn write(producer: &mut Box<dyn Producer>, topic: &str, values: &[String]) -> bool {
    let record = |value: &String| ProducerRecord {
        topic: topic.into(),
        partition: None,
        timestamp: None,
        key: Some(Bytes::from(value.clone().into_bytes())),
        value: Some(Bytes::from(value.clone().into_bytes())),
        headers: RawHeaders::default(),
    };
    match producer.send(Arc::new(values.iter().map(record).collect()), false).await {
        Ok(delivery) => delivery.await.failed.is_empty(),
        Err(_) => false,
    }
}
