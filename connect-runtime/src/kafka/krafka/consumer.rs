//! Consuming: the client's `poll` runs as a stored future, so that a dropped call of ours loses nothing.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use connect_api::{Offsets, TopicPartition};
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use krafka::CloseOptions;
use krafka::admin::AdminClient;
use krafka::consumer::{AutoOffsetReset, Consumer as Client, ConsumerBuilder};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;

use super::error::{failed, timed_out};
use super::membership::{commit_as_member, commit_as_stranger, leave};
use super::positions::Positions;
use super::reading::Reading;
use super::rebalance::{Handover, Listener};
use super::settings::ConsumerSettings;
use super::subscription::Upkeep;
use super::{Consumer, Result, admin};
use crate::kafka::{ConsumerEvent, KafkaError, KafkaErrorKind, PartitionRecords, Subscription};

/// Between attempts to find out a position.
const POSITION_PAUSE: Duration = Duration::from_millis(50);

type Poll = BoxFuture<'static, Result<Vec<PartitionRecords>>>;

/// A consumer. Whether it belongs to a group is decided by the first `subscribe` or `assign`, and so the client is
/// made there.
pub(super) struct KrafkaConsumer {
    kafka: krafka::Kafka,
    admin: Arc<AdminClient>,
    settings: ConsumerSettings,
    metadata_max_age: Duration,
    mode: Mode,
    positions: Arc<Positions>,
    closing: Arc<AtomicBool>,
    handovers: mpsc::Receiver<Handover>,
    listener: Option<Listener>,
    /// The event that the caller deals with; the next `poll` lets the client go on.
    open_event: Option<oneshot::Sender<()>>,
    polling: Option<Poll>,
}

enum Mode {
    New,
    Member { client: Arc<Client>, upkeep: Arc<Mutex<Upkeep>> },
    Assigned { client: Arc<Client>, partitions: Arc<Vec<TopicPartition>> },
}

impl KrafkaConsumer {
    pub(super) fn new(kafka: krafka::Kafka, settings: ConsumerSettings, metadata_max_age: Duration) -> Self {
        let closing = Arc::new(AtomicBool::new(false));
        let positions = Arc::new(Positions::default());
        let admin = Arc::new(kafka.admin().metrics_push(false).default_api_timeout(settings.api_timeout));
        let committed = settings.group.clone().map(|group| (Arc::clone(&admin), group));
        let (listener, handovers) = Listener::new(Arc::clone(&closing), Arc::clone(&positions), committed);
        Self {
            kafka,
            admin,
            settings,
            metadata_max_age,
            mode: Mode::New,
            positions,
            closing,
            handovers,
            listener: Some(listener),
            open_event: None,
            polling: None,
        }
    }

    async fn client(&mut self, group: Option<String>) -> Result<Arc<Client>> {
        let builder = match group {
            Some(group) => self.kafka.consumer(group),
            None => self.kafka.consumer_without_group(),
        };
        let mut builder = configure(builder, self.settings.clone());
        if let Some(listener) = self.listener.take() {
            builder = builder.rebalance_listener(listener);
        }
        let client = builder.build().await.map_err(|error| failed("starting a consumer", error))?;
        Ok(Arc::new(client))
    }

    fn current(&self) -> Result<&Arc<Client>> {
        match &self.mode {
            Mode::New => {
                Err(misused("the consumer has neither subscribed to topics nor been assigned partitions"))
            }
            Mode::Member { client, .. } | Mode::Assigned { client, .. } => Ok(client),
        }
    }

    fn group(&self) -> Result<&str> {
        self.settings.group.as_deref().ok_or_else(|| {
            KafkaError::new(KafkaErrorKind::Config, "`group.id` is missing: without it there is no group")
        })
    }

    fn start_poll(&self) -> Result<Poll> {
        let reading = Reading {
            client: Arc::clone(self.current()?),
            admin: Arc::clone(&self.admin),
            positions: Arc::clone(&self.positions),
            reset: self.settings.reset,
        };
        Ok(match &self.mode {
            Mode::Member { upkeep, .. } => {
                let upkeep = Arc::clone(upkeep);
                async move {
                    upkeep.lock().await.keep_up(&reading.client, &reading.admin).await;
                    reading.poll().await
                }
                .boxed()
            }
            Mode::Assigned { partitions, .. } => {
                let partitions = Arc::clone(partitions);
                async move {
                    reading.find_first_positions(&partitions).await;
                    reading.poll().await
                }
                .boxed()
            }
            Mode::New => async move { reading.poll().await }.boxed(),
        })
    }

    fn hand_out(&mut self, handover: Handover) -> ConsumerEvent {
        self.open_event = Some(handover.done);
        handover.event
    }
}

/// Between half of an interval and all of it, another time for each member.
///
/// With equal intervals the members of a group beat at the same instants, since all of them begin when a generation
/// does. A round of cooperative rebalancing ends with the beat by which the last member learns of it, and the beat that
/// another sends at that instant still has the old generation: the coordinator refuses it, and the client takes its
/// partitions for lost, although it has just been given them anew.
fn at_odds(interval: Duration) -> Duration {
    let share = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
    interval / 2 + (interval / 2).mul_f64(share)
}

/// The client's settings, as a consumer needs them that fetches and one that does not.
pub(super) fn configure(builder: ConsumerBuilder, settings: ConsumerSettings) -> ConsumerBuilder {
    let mut builder = builder
        .enable_auto_commit(false)
        .auto_offset_reset(settings.reset)
        .isolation_level(settings.isolation)
        .max_poll_records(settings.max_poll_records)
        // Enough that the next polls need no round trip.
        .max_buffered_records(settings.max_poll_records.saturating_mul(10).max(50_000))
        .max_poll_interval(settings.max_poll_interval)
        .session_timeout(settings.session_timeout)
        .heartbeat_interval(at_odds(settings.heartbeat_interval))
        .fetch_min_bytes(settings.fetch_min_bytes)
        .fetch_max_bytes(settings.fetch_max_bytes)
        .max_partition_fetch_bytes(settings.max_partition_fetch_bytes)
        .fetch_max_wait(settings.fetch_max_wait)
        .group_protocol(settings.protocol)
        .partition_assignment_strategies(settings.strategies)
        .metrics_push(settings.metrics_push);
    if let Some(instance) = settings.group_instance {
        builder = builder.group_instance_id(instance);
    }
    if let Some(assignor) = settings.remote_assignor {
        builder = builder.group_remote_assignor(assignor);
    }
    if let Some(rack) = settings.client_rack {
        builder = builder.client_rack(rack);
    }
    builder
}

fn misused(message: &str) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Other, message)
}

fn by_topic(partitions: &[TopicPartition]) -> HashMap<&str, Vec<i32>> {
    let mut topics: HashMap<&str, Vec<i32>> = HashMap::new();
    for partition in partitions {
        topics.entry(&partition.topic).or_default().push(partition.partition);
    }
    topics
}

#[async_trait]
impl Consumer for KrafkaConsumer {
    async fn subscribe(&mut self, subscription: Subscription) -> Result<()> {
        let group = self.group()?.to_owned();
        if matches!(self.mode, Mode::Assigned { .. }) {
            return Err(misused(
                "the consumer was assigned partitions and cannot subscribe to topics as well",
            ));
        }
        let mut upkeep = Upkeep::new(subscription, group.clone(), self.metadata_max_age)?;
        let client = match &self.mode {
            Mode::Member { client, .. } => Arc::clone(client),
            Mode::New | Mode::Assigned { .. } => self.client(Some(group)).await?,
        };
        upkeep.start(&client, &self.admin).await?;
        self.mode = Mode::Member { client, upkeep: Arc::new(Mutex::new(upkeep)) };
        Ok(())
    }

    async fn assign(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let client = match &self.mode {
            Mode::Assigned { client, .. } => Arc::clone(client),
            Mode::New => self.client(None).await?,
            Mode::Member { .. } => {
                return Err(misused(
                    "the consumer subscribed to topics and cannot be assigned partitions as well",
                ));
            }
        };
        self.mode = Mode::Assigned { client: Arc::clone(&client), partitions: Arc::new(partitions.to_vec()) };
        self.positions.retain(partitions);
        // A poll under way is about the earlier assignment.
        self.polling = None;
        let mut topics: HashMap<String, Vec<i32>> = HashMap::new();
        for topic in client.assignment().await.into_keys() {
            topics.insert(topic, Vec::new());
        }
        for (topic, partitions) in by_topic(partitions) {
            topics.insert(topic.to_owned(), partitions);
        }
        for (topic, partitions) in topics {
            let assigned = client.assign(&topic, partitions).await;
            assigned.map_err(|error| failed(format_args!("looking up topic `{topic}`"), error))?;
        }
        Ok(())
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<ConsumerEvent> {
        if let Some(done) = self.open_event.take() {
            let _ = done.send(());
        }
        let deadline = Instant::now() + max_wait;
        loop {
            if self.polling.is_none() {
                self.polling = Some(self.start_poll()?);
            }
            let Some(polling) = self.polling.as_mut() else { continue };
            // Nothing is awaited between an outcome and its return, and what is unfinished stays in its place: that
            // is what makes dropping this call harmless.
            tokio::select! {
                biased;
                Some(handover) = self.handovers.recv() => return Ok(self.hand_out(handover)),
                outcome = polling => {
                    self.polling = None;
                    let partitions = outcome?;
                    if !partitions.is_empty() || Instant::now() >= deadline {
                        return Ok(ConsumerEvent::Records(partitions));
                    }
                }
                () = tokio::time::sleep_until(deadline) => return Ok(ConsumerEvent::Records(Vec::new())),
            }
        }
    }

    async fn lag(&mut self) -> Option<u64> {
        let partitions = self.current().ok()?.lag().await;
        partitions.values().filter_map(|partition| partition.lag).reduce(|all, lag| all + lag)
    }

    async fn position(&mut self, partition: &TopicPartition) -> Result<i64> {
        let client = Arc::clone(self.current()?);
        let deadline = Instant::now() + self.settings.api_timeout;
        let tried = format!("looking up the position of {partition}");
        loop {
            let position =
                tokio::time::timeout_at(deadline, client.position(&partition.topic, partition.partition));
            if let Some(position) = position.await.map_err(|_| timed_out(&tried))? {
                if !self.positions.knows(partition) {
                    self.positions.handed_out(partition, position);
                }
                return Ok(position);
            }
            let assignment = client.assignment().await;
            let assigned = assignment.get(partition.topic.as_str());
            if !assigned.is_some_and(|partitions| partitions.contains(&partition.partition)) {
                return Err(misused(&format!("{tried}: the partition is not assigned to this consumer")));
            }
            if self.settings.reset == AutoOffsetReset::None {
                let message = format!("{tried}: there is none, and `auto.offset.reset` is `none`");
                return Err(KafkaError::new(KafkaErrorKind::OffsetOutOfRange, message));
            }
            if Instant::now() + POSITION_PAUSE >= deadline {
                return Err(timed_out(&tried));
            }
            tokio::time::sleep(POSITION_PAUSE).await;
        }
    }

    async fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<()> {
        let sought = self.current()?.seek(&partition.topic, partition.partition, offset).await;
        sought.map_err(|error| failed(format_args!("moving to offset {offset} of {partition}"), error))?;
        self.positions.tell(partition.clone(), offset);
        Ok(())
    }

    async fn pause(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let client = self.current()?;
        for (topic, partitions) in by_topic(partitions) {
            client.pause(topic, &partitions).await;
        }
        Ok(())
    }

    async fn resume(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let client = self.current()?;
        for (topic, partitions) in by_topic(partitions) {
            client.resume(topic, &partitions).await;
        }
        Ok(())
    }

    fn commit(&mut self, offsets: Offsets) -> BoxFuture<'static, Result<()>> {
        let group = match self.group() {
            Ok(group) => group.to_owned(),
            Err(error) => return std::future::ready(Err(error)).boxed(),
        };
        match &self.mode {
            Mode::Member { client, .. } => commit_as_member(Arc::clone(client), group, offsets),
            Mode::New | Mode::Assigned { .. } => commit_as_stranger(Arc::clone(&self.admin), group, offsets),
        }
    }

    async fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Offsets> {
        let group = self.group()?.to_owned();
        let mut offsets = admin::group_offsets(&self.admin, &group, Some(partitions)).await?;
        offsets.retain(|partition, _| partitions.contains(partition));
        Ok(offsets)
    }

    async fn close(self: Box<Self>, timeout: Duration) -> Result<()> {
        let Self { mode, closing, handovers, open_event, polling, settings, .. } = *self;
        closing.store(true, Ordering::Release);
        drop((open_event, handovers));
        match mode {
            Mode::New => Ok(()),
            Mode::Member { client, .. } => {
                let polling = polling.map(|polling| polling.map_ok(drop).boxed());
                leave(client, settings.protocol, polling, timeout).await
            }
            Mode::Assigned { client, .. } => {
                let closed = client.close_with(CloseOptions::new().timeout(timeout)).await;
                closed.map_err(|error| failed("closing the consumer", error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_beat_at_times_of_their_own_and_never_too_late() {
        let interval = Duration::from_secs(3);
        let times: Vec<_> = (0..100).map(|_| at_odds(interval)).collect();
        assert!(times.iter().all(|time| (interval / 2..=interval).contains(time)), "{times:?}");
        assert!(times.iter().max() > times.iter().min().map(|least| *least + interval / 8).as_ref());
    }
}
