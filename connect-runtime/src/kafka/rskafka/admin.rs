//! Asking and changing the cluster, as far as the client goes.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use connect_api::{Offsets, Str, TopicPartition};
use rskafka::chrono::DateTime;
use rskafka::client::Client;
use rskafka::client::error::Error;
use rskafka::client::partition::{OffsetAt, UnknownTopicHandling};

use super::consumer::check_exists;
use super::error::{failed, timed_out};
use super::{Admin, Result, unsupported};
use crate::kafka::properties::invalid;
use crate::kafka::{IsolationLevel, NewTopic, TopicDescription};

/// An admin client.
pub(super) struct RskafkaAdmin {
    client: Client,
    timeout: Duration,
}

impl RskafkaAdmin {
    pub(super) fn new(client: Client, timeout: Duration) -> Self {
        Self { client, timeout }
    }

    async fn within<T>(&self, tried: &str, call: impl Future<Output = Result<T, Error>> + Send) -> Result<T> {
        let done = tokio::time::timeout(self.timeout, Box::pin(call)).await;
        done.map_err(|_| timed_out(tried))?.map_err(|error| failed(tried, error))
    }

    fn timeout_millis(&self) -> i32 {
        i32::try_from(self.timeout.as_millis()).unwrap_or(i32::MAX)
    }

    async fn offsets(&self, partitions: &[TopicPartition], at: OffsetAt) -> Result<Offsets> {
        let topics = self.within("listing topics", self.client.list_topics()).await?;
        let mut offsets = Offsets::new();
        for partition in partitions {
            check_exists(&topics, partition)?;
            let look = async {
                let (topic, number) = (partition.topic.as_str(), partition.partition);
                let client = self.client.partition_client(topic, number, UnknownTopicHandling::Error).await?;
                client.get_offset(at).await
            };
            let offset = self.within(&format!("looking up an offset of {partition}"), look).await?;
            // -1: no record is that young.
            if offset >= 0 {
                offsets.insert(partition.clone(), offset);
            }
        }
        Ok(offsets)
    }
}

#[async_trait]
impl Admin for RskafkaAdmin {
    async fn cluster_id(&self) -> Result<Option<String>> {
        // The client does not tell it, but that a broker answers is worth knowing.
        self.within("describing the cluster", self.client.list_topics()).await?;
        Ok(None)
    }

    async fn list_topics(&self) -> Result<Vec<TopicDescription>> {
        let topics = self.within("listing topics", self.client.list_topics()).await?;
        Ok(topics
            .into_iter()
            .map(|topic| TopicDescription {
                name: Str::from(topic.name),
                partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
            })
            .collect())
    }

    async fn describe_topic(&self, topic: &str) -> Result<Option<TopicDescription>> {
        Ok(self.list_topics().await?.into_iter().find(|description| description.name.as_str() == topic))
    }

    async fn describe_topic_config(&self, _topic: &str) -> Result<BTreeMap<String, String>> {
        Err(unsupported("topic settings"))
    }

    async fn create_topic(&self, topic: &NewTopic) -> Result<()> {
        if !topic.configs.is_empty() {
            return Err(unsupported("topic settings"));
        }
        let tried = format!("creating topic `{}`", topic.name);
        let controller = self.client.controller_client().map_err(|error| failed(&tried, error))?;
        let (partitions, replicas) = (topic.partitions.unwrap_or(-1), topic.replication_factor.unwrap_or(-1));
        let create =
            controller.create_topic(topic.name.as_str(), partitions, replicas, self.timeout_millis());
        self.within(&tried, create).await
    }

    async fn delete_topic(&self, topic: &str) -> Result<()> {
        let tried = format!("deleting topic `{topic}`");
        let controller = self.client.controller_client().map_err(|error| failed(&tried, error))?;
        self.within(&tried, controller.delete_topic(topic, self.timeout_millis())).await
    }

    async fn beginning_offsets(&self, partitions: &[TopicPartition]) -> Result<Offsets> {
        self.offsets(partitions, OffsetAt::Earliest).await
    }

    async fn end_offsets(&self, partitions: &[TopicPartition], isolation: IsolationLevel) -> Result<Offsets> {
        match isolation {
            IsolationLevel::ReadUncommitted => self.offsets(partitions, OffsetAt::Latest).await,
            IsolationLevel::ReadCommitted => {
                Err(unsupported("last stable offset, as it has no transactions"))
            }
        }
    }

    async fn offsets_for_times(&self, partitions: &[TopicPartition], timestamp: i64) -> Result<Offsets> {
        let Some(time) = DateTime::from_timestamp_millis(timestamp) else {
            return Err(invalid("timestamp", timestamp, "a time of this age"));
        };
        self.offsets(partitions, OffsetAt::Timestamp(time)).await
    }

    async fn list_group_offsets(&self, _group: &str) -> Result<Offsets> {
        Err(unsupported("consumer groups"))
    }

    async fn alter_group_offsets(&self, _group: &str, _offsets: &Offsets) -> Result<()> {
        Err(unsupported("consumer groups"))
    }

    async fn delete_group_offsets(&self, _group: &str, _partitions: &[TopicPartition]) -> Result<()> {
        Err(unsupported("consumer groups"))
    }

    async fn delete_group(&self, _group: &str) -> Result<()> {
        Err(unsupported("consumer groups"))
    }

    async fn fence_producers(&self, _transactional_ids: &[String]) -> Result<()> {
        Err(unsupported("transactions"))
    }
}
