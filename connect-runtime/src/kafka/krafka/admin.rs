//! Asking and changing the cluster.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use connect_api::{Offsets, Str, TopicPartition};
use krafka::KrafkaError;
use krafka::admin::{
    AdminClient, AlterConsumerGroupOffsetsOptions, ConfigResource, CreateTopicsOptions,
    DeleteConsumerGroupOffsetsOptions, DeleteConsumerGroupsOptions, DeleteTopicsOptions,
    DescribeClusterOptions, DescribeConfigsOptions, DescribeTopicsOptions, ListConsumerGroupOffsetsOptions,
    ListOffsetsOptions, ListTopicsOptions, OffsetSpec,
};
use krafka::error::ErrorCode;

use super::error::{failed, timed_out};
use super::fence::fence;
use super::{Admin, Result};
use crate::kafka::{IsolationLevel, KafkaError, KafkaErrorKind, NewTopic, TopicDescription};

/// An admin client.
pub(super) struct KrafkaAdmin {
    kafka: krafka::Kafka,
    client: AdminClient,
    timeout: Duration,
}

impl KrafkaAdmin {
    pub(super) fn new(kafka: krafka::Kafka, timeout: Duration) -> Self {
        let client = kafka.admin().metrics_push(false).default_api_timeout(timeout);
        Self { kafka, client, timeout }
    }

    async fn offsets(
        &self,
        partitions: &[TopicPartition],
        spec: OffsetSpec,
        isolation: IsolationLevel,
    ) -> Result<Offsets> {
        let options =
            ListOffsetsOptions::default().read_committed(isolation == IsolationLevel::ReadCommitted);
        let specs = partitions.iter().map(|partition| (client_partition(partition), spec));
        let listed = self.client.list_offsets(specs, options).await;
        let mut listed = listed.map_err(|error| failed("looking up offsets", error))?;
        let mut offsets = Offsets::new();
        for partition in partitions {
            let tried = format!("looking up an offset of {partition}");
            let offset = single(&tried, listed.remove(&client_partition(partition)))?.offset;
            if offset >= 0 {
                offsets.insert(partition.clone(), offset);
            }
        }
        Ok(offsets)
    }
}

/// The client's name of a partition.
pub(super) fn client_partition(partition: &TopicPartition) -> krafka::consumer::TopicPartition {
    krafka::consumer::TopicPartition::new(partition.topic.as_str(), partition.partition)
}

/// The one answer that a call for one thing must bring.
fn single<T>(tried: &str, answer: Option<krafka::Result<T>>) -> Result<T> {
    match answer {
        Some(answer) => answer.map_err(|error| failed(tried, error)),
        None => {
            Err(KafkaError::new(KafkaErrorKind::Other, format!("{tried}: the broker did not answer for it")))
        }
    }
}

fn has_code(error: &KrafkaError, code: ErrorCode) -> bool {
    matches!(error, KrafkaError::Broker { code: given, .. } if *given == code)
}

/// A group's committed offsets: of these partitions, or all.
pub(super) async fn group_offsets(
    client: &AdminClient,
    group: &str,
    partitions: Option<&[TopicPartition]>,
) -> Result<Offsets> {
    let tried = format!("listing the offsets of group `{group}`");
    let mut options = ListConsumerGroupOffsetsOptions::default().require_stable(true);
    if let Some(partitions) = partitions {
        options = options.partitions(partitions.iter().map(client_partition).collect());
    }
    let listed = match client.list_consumer_group_offsets(group, options).await {
        Err(error) if has_code(&error, ErrorCode::GroupIdNotFound) => HashMap::new(),
        listed => listed.map_err(|error| failed(&tried, error))?,
    };
    let mut offsets = Offsets::new();
    for (partition, offset) in listed {
        let offset = single(&tried, Some(offset))?.offset;
        let partition = TopicPartition::new(partition.topic(), partition.partition());
        offsets.extend(offset.map(|offset| (partition, offset)));
    }
    Ok(offsets)
}

/// Sets offsets of a group without being a member of it.
pub(super) async fn alter_group_offsets(client: &AdminClient, group: &str, offsets: &Offsets) -> Result<()> {
    if offsets.is_empty() {
        return Ok(());
    }
    let offsets = offsets.iter().map(|(partition, offset)| (client_partition(partition), *offset));
    let options = AlterConsumerGroupOffsetsOptions::default();
    let altered = client.alter_consumer_group_offsets(group, offsets, options).await;
    each_partition(&format!("altering the offsets of group `{group}`"), altered)
}

fn each_partition(
    tried: &str,
    answer: krafka::Result<HashMap<krafka::consumer::TopicPartition, krafka::Result<()>>>,
) -> Result<()> {
    let answer = answer.map_err(|error| failed(tried, error))?;
    for (partition, result) in answer {
        let Err(error) = result else { continue };
        let tried = format!("{tried} for {}-{}", partition.topic(), partition.partition());
        // This is how a coordinator says to a stranger that the group has members.
        if has_code(&error, ErrorCode::UnknownMemberId) || has_code(&error, ErrorCode::RebalanceInProgress) {
            let message = format!("{tried}: the group has members; stop them first");
            return Err(KafkaError::new(KafkaErrorKind::GroupNotEmpty, message).with_source(error));
        }
        return Err(failed(tried, error));
    }
    Ok(())
}

fn count(partitions: usize) -> i32 {
    i32::try_from(partitions).unwrap_or(i32::MAX)
}

#[async_trait]
impl Admin for KrafkaAdmin {
    async fn cluster_id(&self) -> Result<Option<String>> {
        let cluster = self.client.describe_cluster(DescribeClusterOptions::default()).await;
        match cluster.map_err(|error| failed("describing the cluster", error)) {
            Ok(cluster) => Ok(Some(cluster.cluster_id).filter(|id| !id.is_empty())),
            // Before Kafka 2.8 brokers do not know the question.
            Err(error) if error.kind() == KafkaErrorKind::Unsupported => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list_topics(&self) -> Result<Vec<TopicDescription>> {
        let names = self.client.list_topics(ListTopicsOptions::default()).await;
        let names = names.map_err(|error| failed("listing topics", error))?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let described = self.client.describe_topics(&names, DescribeTopicsOptions::default()).await;
        let mut described = described.map_err(|error| failed("describing topics", error))?;
        let mut topics = Vec::with_capacity(names.len());
        for name in names {
            match single(&format!("describing topic `{name}`"), described.remove(&name)) {
                Ok(topic) => {
                    topics.push(TopicDescription {
                        name: Str::from(name),
                        partitions: count(topic.partitions.len()),
                    });
                }
                // Deleted a moment ago.
                Err(error) if error.kind() == KafkaErrorKind::UnknownTopic => {}
                Err(error) => return Err(error),
            }
        }
        Ok(topics)
    }

    async fn describe_topic(&self, topic: &str) -> Result<Option<TopicDescription>> {
        let tried = format!("describing topic `{topic}`");
        let described = self.client.describe_topics([topic], DescribeTopicsOptions::default()).await;
        let mut described = described.map_err(|error| failed(&tried, error))?;
        match single(&tried, described.remove(topic)) {
            Ok(topic) => Ok(Some(TopicDescription {
                partitions: count(topic.partitions.len()),
                name: Str::from(topic.name),
            })),
            Err(error) if error.kind() == KafkaErrorKind::UnknownTopic => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn describe_topic_config(&self, topic: &str) -> Result<BTreeMap<String, String>> {
        let tried = format!("describing the settings of topic `{topic}`");
        let resource = ConfigResource::topic(topic);
        let described =
            self.client.describe_configs([resource.clone()], DescribeConfigsOptions::default()).await;
        let entries = single(&tried, described.map_err(|error| failed(&tried, error))?.remove(&resource))?;
        Ok(entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect())
    }

    async fn create_topic(&self, topic: &NewTopic) -> Result<()> {
        let tried = format!("creating topic `{}`", topic.name);
        let (partitions, replicas) = (topic.partitions.unwrap_or(-1), topic.replication_factor.unwrap_or(-1));
        let new = krafka::admin::NewTopic::new(topic.name.as_str(), partitions, replicas);
        let mut new = new.map_err(|error| failed(&tried, error))?;
        for (key, value) in &topic.configs {
            new = new.with_config(key, value);
        }
        let created = self.client.create_topics([new], CreateTopicsOptions::default()).await;
        single(&tried, created.map_err(|error| failed(&tried, error))?.remove(topic.name.as_str()))
    }

    async fn delete_topic(&self, topic: &str) -> Result<()> {
        let tried = format!("deleting topic `{topic}`");
        let deleted = self.client.delete_topics([topic], DeleteTopicsOptions::default()).await;
        single(&tried, deleted.map_err(|error| failed(&tried, error))?.remove(topic))
    }

    async fn beginning_offsets(&self, partitions: &[TopicPartition]) -> Result<Offsets> {
        self.offsets(partitions, OffsetSpec::Earliest, IsolationLevel::ReadUncommitted).await
    }

    async fn end_offsets(&self, partitions: &[TopicPartition], isolation: IsolationLevel) -> Result<Offsets> {
        self.offsets(partitions, OffsetSpec::Latest, isolation).await
    }

    async fn offsets_for_times(&self, partitions: &[TopicPartition], timestamp: i64) -> Result<Offsets> {
        // The admin client takes "no record is that young" for a failure and tries again until its time is over; a
        // consumer does not.
        let consumer = self.kafka.consumer_without_group().metrics_push(false).build().await;
        let consumer = consumer.map_err(|error| failed("looking up offsets", error))?;
        let wanted: Vec<_> = partitions.iter().map(|tp| (tp.topic.as_str(), tp.partition)).collect();
        let found = tokio::time::timeout(self.timeout, consumer.offsets_for_times(&wanted, timestamp)).await;
        consumer.close().await.map_err(|error| failed("looking up offsets", error))?;
        let mut found = found.map_err(|_| timed_out("looking up offsets"))?;
        let mut offsets = Offsets::new();
        for partition in partitions {
            let answer = found.remove(&(partition.topic.as_str().to_owned(), partition.partition));
            let offset = single(&format!("looking up an offset of {partition}"), answer)?;
            if offset >= 0 {
                offsets.insert(partition.clone(), offset);
            }
        }
        Ok(offsets)
    }

    async fn list_group_offsets(&self, group: &str) -> Result<Offsets> {
        group_offsets(&self.client, group, None).await
    }

    async fn alter_group_offsets(&self, group: &str, offsets: &Offsets) -> Result<()> {
        alter_group_offsets(&self.client, group, offsets).await
    }

    async fn delete_group_offsets(&self, group: &str, partitions: &[TopicPartition]) -> Result<()> {
        if partitions.is_empty() {
            return Ok(());
        }
        let options = DeleteConsumerGroupOffsetsOptions::default();
        let partitions = partitions.iter().map(client_partition);
        let deleted = self.client.delete_consumer_group_offsets(group, partitions, options).await;
        // A group that does not exist has no offsets.
        let deleted = deleted.map(|mut deleted| {
            deleted.retain(
                |_, result| !matches!(result, Err(error) if has_code(error, ErrorCode::GroupIdNotFound)),
            );
            deleted
        });
        each_partition(&format!("deleting offsets of group `{group}`"), deleted)
    }

    async fn delete_group(&self, group: &str) -> Result<()> {
        let tried = format!("deleting group `{group}`");
        let deleted =
            self.client.delete_consumer_groups([group], DeleteConsumerGroupsOptions::default()).await;
        match deleted.map_err(|error| failed(&tried, error))?.remove(group) {
            Some(Err(error)) if has_code(&error, ErrorCode::GroupIdNotFound) => Ok(()),
            answer => single(&tried, answer),
        }
    }

    async fn fence_producers(&self, transactional_ids: &[String]) -> Result<()> {
        fence(&self.kafka, transactional_ids, self.timeout).await
    }
}
