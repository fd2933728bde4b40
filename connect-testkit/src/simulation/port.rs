//! Kafka as a worker of one life sees it: the Kafka in memory, with steps and faults around every call.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connect_api::{Offsets, TopicPartition};
use connect_runtime::kafka::{
    Admin, Capabilities, ClientProperties, Consumer, ConsumerEvent, IsolationLevel, Kafka, KafkaError,
    KafkaErrorKind, NewTopic, Producer, Result, Subscription, TopicDescription,
};

use super::call::Call;
use super::producer::SimulatedProducer;
use super::schedule::FaultKind;
use super::world::World;

/// A worker's way to Kafka. It ends with the worker's life.
#[derive(Clone)]
pub(super) struct Port {
    pub(super) world: Arc<World>,
    pub(super) life: u64,
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Port of life {}", self.life)
    }
}

/// A client of a life: counted until it is dropped.
pub(super) struct Client {
    pub(super) port: Port,
}

impl Client {
    pub(super) fn new(port: &Port) -> Self {
        port.world.client_made(port.life);
        Self { port: port.clone() }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.port.world.client_gone(self.port.life);
    }
}

/// The error of a call that failed for now.
pub(super) fn failed(what: &str) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Unavailable, format!("simulated: {what} failed"))
}

/// The error of a call whose answer was lost.
pub(super) fn lost(what: &str) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Timeout, format!("simulated: the answer to {what} was lost"))
}

impl Port {
    pub(super) async fn enter(&self, call: Call, what: String) -> Option<FaultKind> {
        self.world.enter(self.life, call, what).await
    }

    pub(super) async fn leave(&self, call: Call, what: String) {
        self.world.leave(self.life, call, what).await;
    }

    /// A call with a step before and a step after it, which may fail before or lose its answer after.
    pub(super) async fn call<T>(
        &self,
        call: Call,
        what: &str,
        effect: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let hit = self.enter(call, what.to_owned()).await;
        if hit == Some(FaultKind::FailCall) {
            return Err(failed(what));
        }
        let result = effect.await;
        if matches!(call, Call::Commit | Call::CommitTransaction) {
            self.world.look();
        }
        self.leave(call, format!("{what}: {}", outcome(&result))).await;
        if hit == Some(FaultKind::LoseAnswer) {
            return Err(lost(what));
        }
        result
    }
}

pub(super) fn outcome<T>(result: &Result<T>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(error) if error.is_retriable() => "failed for now",
        Err(_) => "failed",
    }
}

#[async_trait]
impl Kafka for Port {
    fn capabilities(&self) -> Capabilities {
        self.world.kafka.capabilities()
    }

    async fn producer(&self, properties: &ClientProperties) -> Result<Box<dyn Producer>> {
        let inner = self.call(Call::Connect, "producer", self.world.kafka.producer(properties)).await?;
        if let Some(id) = properties.get("transactional.id") {
            self.world.transactional_id(id);
        }
        let transactional = properties.contains_key("transactional.id");
        Ok(Box::new(SimulatedProducer::new(Client::new(self), inner, transactional)))
    }

    async fn consumer(&self, properties: &ClientProperties) -> Result<Box<dyn Consumer>> {
        let inner = self.call(Call::Connect, "consumer", self.world.kafka.consumer(properties)).await?;
        Ok(Box::new(SimulatedConsumer { inner: Some(inner), client: Client::new(self), event: None }))
    }

    async fn admin(&self, properties: &ClientProperties) -> Result<Box<dyn Admin>> {
        let inner = self.call(Call::Connect, "admin", self.world.kafka.admin(properties)).await?;
        Ok(Box::new(SimulatedAdmin { inner, client: Client::new(self) }))
    }
}

struct SimulatedConsumer {
    /// There until it is closed.
    inner: Option<Box<dyn Consumer>>,
    client: Client,
    /// An event that no poll has brought: the worker hung, and the poll was dropped.
    event: Option<Result<ConsumerEvent>>,
}

impl SimulatedConsumer {
    fn parts(&mut self) -> Result<(&Port, &mut Box<dyn Consumer>)> {
        let inner = self.inner.as_mut().ok_or_else(closed)?;
        Ok((&self.client.port, inner))
    }
}

fn closed() -> KafkaError {
    KafkaError::new(KafkaErrorKind::Other, "the consumer is closed")
}

#[async_trait]
impl Consumer for SimulatedConsumer {
    async fn subscribe(&mut self, subscription: Subscription) -> Result<()> {
        let (port, inner) = self.parts()?;
        port.call(Call::Subscribe, "subscribe", inner.subscribe(subscription)).await
    }

    async fn assign(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let (port, inner) = self.parts()?;
        port.call(Call::Local, "assign", inner.assign(partitions)).await
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<ConsumerEvent> {
        let port = self.client.port.clone();
        let inner = self.inner.as_mut().ok_or_else(closed)?;
        let hit = port.enter(Call::Fetch, "poll of a consumer".to_owned()).await;
        if hit == Some(FaultKind::FailCall) {
            return Err(failed("poll"));
        }
        let event = match self.event.take() {
            Some(event) => event,
            None => inner.poll(max_wait).await,
        };
        let what = match &event {
            Ok(ConsumerEvent::Records(batches)) if batches.is_empty() => "nothing".to_owned(),
            Ok(ConsumerEvent::Records(batches)) => {
                let next: Vec<_> =
                    batches.iter().map(|batch| (&batch.partition, batch.next_offset)).collect();
                format!("records up to {next:?}")
            }
            Ok(event) => format!("{event:?}"),
            Err(error) => error.to_string(),
        };
        self.event = Some(event);
        port.leave(Call::Fetch, what).await;
        self.event.take().unwrap_or_else(|| Err(closed()))
    }

    async fn position(&mut self, partition: &TopicPartition) -> Result<i64> {
        let (port, inner) = self.parts()?;
        port.call(Call::Position, "position", inner.position(partition)).await
    }

    async fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<()> {
        let (port, inner) = self.parts()?;
        port.call(Call::Local, "seek", inner.seek(partition, offset)).await
    }

    async fn pause(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let (port, inner) = self.parts()?;
        port.call(Call::Local, "pause", inner.pause(partitions)).await
    }

    async fn resume(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let (port, inner) = self.parts()?;
        port.call(Call::Local, "resume", inner.resume(partitions)).await
    }

    fn commit(&mut self, offsets: Offsets) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> {
        let port = self.client.port.clone();
        let Some(inner) = self.inner.as_mut() else { return Box::pin(async { Err(closed()) }) };
        let what = format!("commit of {offsets:?}");
        let effect = inner.commit(offsets);
        Box::pin(async move { port.call(Call::Commit, &what, effect).await })
    }

    async fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Offsets> {
        let (port, inner) = self.parts()?;
        port.call(Call::Committed, "committed", inner.committed(partitions)).await
    }

    async fn lag(&mut self) -> Option<u64> {
        match self.inner.as_mut() {
            Some(inner) => inner.lag().await,
            None => None,
        }
    }

    async fn close(mut self: Box<Self>, timeout: Duration) -> Result<()> {
        let inner = self.inner.take().ok_or_else(closed)?;
        self.client.port.call(Call::CloseConsumer, "close of a consumer", inner.close(timeout)).await
    }
}

struct SimulatedAdmin {
    inner: Box<dyn Admin>,
    client: Client,
}

#[async_trait]
impl Admin for SimulatedAdmin {
    async fn cluster_id(&self) -> Result<Option<String>> {
        self.client.port.call(Call::Ask, "cluster_id", self.inner.cluster_id()).await
    }

    async fn list_topics(&self) -> Result<Vec<TopicDescription>> {
        self.client.port.call(Call::Ask, "list_topics", self.inner.list_topics()).await
    }

    async fn describe_topic(&self, topic: &str) -> Result<Option<TopicDescription>> {
        self.client.port.call(Call::Ask, "describe_topic", self.inner.describe_topic(topic)).await
    }

    async fn describe_topic_config(&self, topic: &str) -> Result<std::collections::BTreeMap<String, String>> {
        self.client
            .port
            .call(Call::Ask, "describe_topic_config", self.inner.describe_topic_config(topic))
            .await
    }

    async fn create_topic(&self, topic: &NewTopic) -> Result<()> {
        self.client.port.call(Call::Change, "create_topic", self.inner.create_topic(topic)).await
    }

    async fn delete_topic(&self, topic: &str) -> Result<()> {
        self.client.port.call(Call::Change, "delete_topic", self.inner.delete_topic(topic)).await
    }

    async fn beginning_offsets(&self, partitions: &[TopicPartition]) -> Result<Offsets> {
        self.client.port.call(Call::Ask, "beginning_offsets", self.inner.beginning_offsets(partitions)).await
    }

    async fn end_offsets(&self, partitions: &[TopicPartition], isolation: IsolationLevel) -> Result<Offsets> {
        self.client.port.call(Call::Ask, "end_offsets", self.inner.end_offsets(partitions, isolation)).await
    }

    async fn offsets_for_times(&self, partitions: &[TopicPartition], timestamp: i64) -> Result<Offsets> {
        let asked = self.inner.offsets_for_times(partitions, timestamp);
        self.client.port.call(Call::Ask, "offsets_for_times", asked).await
    }

    async fn list_group_offsets(&self, group: &str) -> Result<Offsets> {
        self.client.port.call(Call::Ask, "list_group_offsets", self.inner.list_group_offsets(group)).await
    }

    async fn alter_group_offsets(&self, group: &str, offsets: &Offsets) -> Result<()> {
        let altered = self.inner.alter_group_offsets(group, offsets);
        self.client.port.call(Call::Change, "alter_group_offsets", altered).await
    }

    async fn delete_group_offsets(&self, group: &str, partitions: &[TopicPartition]) -> Result<()> {
        let deleted = self.inner.delete_group_offsets(group, partitions);
        self.client.port.call(Call::Change, "delete_group_offsets", deleted).await
    }

    async fn delete_group(&self, group: &str) -> Result<()> {
        self.client.port.call(Call::Change, "delete_group", self.inner.delete_group(group)).await
    }

    async fn fence_producers(&self, transactional_ids: &[String]) -> Result<()> {
        let fenced = self.inner.fence_producers(transactional_ids);
        self.client.port.call(Call::Change, "fence_producers", fenced).await
    }
}
