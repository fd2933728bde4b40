//! The admin client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connect_api::{Offsets, TopicPartition};

use super::faults::Operation;
use super::log::{Topic, unknown_topic};
use super::settings::Settings;
use super::state::{Shared, State};
use crate::kafka::{Admin, ClientProperties, IsolationLevel, NewTopic, Result, TopicDescription};
use connect_api::Str;

pub(super) struct MemoryAdmin {
    shared: Arc<Shared>,
    api_timeout: Duration,
}

impl MemoryAdmin {
    pub(super) fn new(shared: Arc<Shared>, properties: &ClientProperties) -> Result<Self> {
        let api_timeout = Settings(properties).millis("default.api.timeout.ms", 60_000)?;
        Ok(Self { shared, api_timeout })
    }

    pub(super) fn patience(&self) -> Duration {
        self.api_timeout
    }

    async fn ask<T>(&self, operation: Operation, ask: impl FnOnce(&State) -> T + Send) -> Result<T> {
        self.shared.gate(operation, self.api_timeout).await?;
        Ok(ask(&self.shared.lock_now()))
    }

    async fn change<T: Send>(
        &self,
        operation: Operation,
        change: impl FnOnce(&mut State) -> Result<T> + Send,
    ) -> Result<T> {
        self.shared.gate(operation, self.api_timeout).await?;
        self.shared.change(change)
    }
}

pub(super) fn describe(name: &Str, topic: &Topic) -> TopicDescription {
    let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    TopicDescription { name: name.clone(), partitions }
}

#[async_trait]
impl Admin for MemoryAdmin {
    async fn cluster_id(&self) -> Result<Option<String>> {
        let id = self.shared.config.cluster_id.clone();
        self.ask(Operation::DescribeCluster, |_| id).await
    }

    async fn list_topics(&self) -> Result<Vec<TopicDescription>> {
        self.ask(Operation::DescribeTopics, |state| {
            state.log.topics.iter().map(|(name, topic)| describe(name, topic)).collect()
        })
        .await
    }

    async fn describe_topic(&self, topic: &str) -> Result<Option<TopicDescription>> {
        self.ask(Operation::DescribeTopics, |state| {
            state.log.topics.get_key_value(topic).map(|(name, topic)| describe(name, topic))
        })
        .await
    }

    async fn describe_topic_config(&self, topic: &str) -> Result<BTreeMap<String, String>> {
        self.ask(Operation::DescribeConfigs, |state| {
            let found = state.log.topics.get(topic).ok_or_else(|| unknown_topic(topic))?;
            Ok(found.config.describe())
        })
        .await?
    }

    async fn create_topic(&self, topic: &NewTopic) -> Result<()> {
        let default_partitions = self.shared.config.num_partitions;
        self.change(Operation::CreateTopics, |state| {
            state.log.create(topic, default_partitions)?;
            state.topics_changed();
            Ok(())
        })
        .await
    }

    async fn delete_topic(&self, topic: &str) -> Result<()> {
        self.change(Operation::DeleteTopics, |state| {
            state.log.topics.remove(topic).ok_or_else(|| unknown_topic(topic))?;
            for group in state.groups.values_mut() {
                group.offsets.retain(|partition, _| partition.topic != *topic);
            }
            state.topics_changed();
            Ok(())
        })
        .await
    }

    async fn beginning_offsets(&self, partitions: &[TopicPartition]) -> Result<Offsets> {
        self.ask(Operation::ListOffsets, |state| {
            partitions.iter().map(|at| Ok((at.clone(), state.log.partition(at)?.beginning()))).collect()
        })
        .await?
    }

    async fn end_offsets(&self, partitions: &[TopicPartition], isolation: IsolationLevel) -> Result<Offsets> {
        self.ask(Operation::ListOffsets, |state| {
            partitions.iter().map(|at| Ok((at.clone(), state.log.partition(at)?.end(isolation)))).collect()
        })
        .await?
    }

    async fn offsets_for_times(&self, partitions: &[TopicPartition], timestamp: i64) -> Result<Offsets> {
        self.ask(Operation::ListOffsets, |state| {
            let mut offsets = Offsets::new();
            for at in partitions {
                if let Some(offset) = state.log.partition(at)?.offset_for_time(timestamp) {
                    offsets.insert(at.clone(), offset);
                }
            }
            Ok(offsets)
        })
        .await?
    }

    async fn list_group_offsets(&self, group: &str) -> Result<Offsets> {
        self.ask(Operation::ListGroupOffsets, |state| {
            state.groups.get(group).map(|group| group.offsets.clone()).unwrap_or_default()
        })
        .await
    }

    async fn alter_group_offsets(&self, group: &str, offsets: &Offsets) -> Result<()> {
        self.change(Operation::AlterGroupOffsets, |state| {
            state.groups.entry(group.to_owned()).or_default().alter(&state.log, group, offsets)
        })
        .await
    }

    async fn delete_group_offsets(&self, group: &str, partitions: &[TopicPartition]) -> Result<()> {
        self.change(Operation::AlterGroupOffsets, |state| {
            let Some(found) = state.groups.get_mut(group) else { return Ok(()) };
            found.must_be_empty(group)?;
            found.offsets.retain(|partition, _| !partitions.contains(partition));
            Ok(())
        })
        .await
    }

    async fn delete_group(&self, group: &str) -> Result<()> {
        self.change(Operation::AlterGroupOffsets, |state| {
            if let Some(found) = state.groups.get(group) {
                found.must_be_empty(group)?;
                state.groups.remove(group);
            }
            Ok(())
        })
        .await
    }

    async fn fence_producers(&self, transactional_ids: &[String]) -> Result<()> {
        self.change(Operation::FenceProducers, |state| {
            for id in transactional_ids {
                state.transactions.fence(&mut state.log, id);
            }
            Ok(())
        })
        .await
    }
}
