//! Membership in a group for a consumer that fetches by itself: the client joins, beats, rebalances and commits, and all
//! its partitions are paused.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use connect_api::{Offsets, TopicPartition};
use futures::FutureExt;
use futures::future::BoxFuture;
use krafka::CloseOptions;
use krafka::admin::AdminClient;
use krafka::consumer::{Consumer as Client, ConsumerRebalanceListener, GroupProtocol, OffsetAndMetadata};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use super::error::failed;
use super::rebalance::{Handover, Listener};
use super::settings::{self, Connection, ConsumerSettings};
use super::subscription::Upkeep;
use super::{Result, admin, consumer};
use crate::kafka::properties::Reader;
use crate::kafka::{ConsumerEvent, KafkaError, KafkaErrorKind, Subscription};

/// How often the client looks whether the group wants something of it.
const LOOK: Duration = Duration::from_millis(100);
/// How often a client that is to leave is looked at while it joins.
const GLANCE: Duration = Duration::from_millis(20);
/// Between attempts while the coordinator cannot be reached.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The settings of a membership, not yet connected.
pub(in crate::kafka) struct Unconnected {
    settings: ConsumerSettings,
    connection: Connection,
}

impl Unconnected {
    pub(in crate::kafka) fn settings(&self) -> &ConsumerSettings {
        &self.settings
    }

    /// Connects, where there is a group.
    pub(in crate::kafka) async fn connect(self) -> Result<Option<Membership>> {
        let Some(group) = self.settings.group.clone() else { return Ok(None) };
        let metadata_max_age = self.connection.metadata_max_age;
        let kafka = self.connection.connect().await?;
        let admin = kafka.admin().metrics_push(false).default_api_timeout(self.settings.api_timeout);
        let closing = Arc::new(AtomicBool::new(false));
        let (listener, handovers) = Listener::new(Arc::clone(&closing), Arc::default(), None);
        Ok(Some(Membership {
            kafka,
            admin: Arc::new(admin),
            settings: self.settings,
            group,
            metadata_max_age,
            member: None,
            closing,
            listener: Some(listener),
            handovers,
            open_event: None,
            polling: None,
        }))
    }
}

/// A place in a group.
pub(in crate::kafka) struct Membership {
    kafka: krafka::Kafka,
    admin: Arc<AdminClient>,
    settings: ConsumerSettings,
    group: String,
    metadata_max_age: Duration,
    member: Option<(Arc<Client>, Arc<Mutex<Upkeep>>)>,
    closing: Arc<AtomicBool>,
    listener: Option<Listener>,
    handovers: mpsc::Receiver<Handover>,
    /// The event that the caller deals with.
    open_event: Option<oneshot::Sender<()>>,
    polling: Option<BoxFuture<'static, Result<()>>>,
}

impl Membership {
    /// Reads the settings of a consumer.
    pub(in crate::kafka) async fn read(reader: &mut Reader<'_>) -> Result<Unconnected> {
        let settings = settings::consumer(reader)?;
        let connection = settings::connection(reader, settings.connection_limits()).await?;
        Ok(Unconnected { settings, connection })
    }

    /// Joins the group, or changes what this member wants to read.
    pub(in crate::kafka) async fn subscribe(&mut self, subscription: Subscription) -> Result<()> {
        let mut upkeep = Upkeep::new(subscription, self.group.clone(), self.metadata_max_age)?;
        let client = match &self.member {
            Some((client, _)) => Arc::clone(client),
            None => self.client().await?,
        };
        upkeep.start(&client, &self.admin).await?;
        self.member = Some((client, Arc::new(Mutex::new(upkeep))));
        Ok(())
    }

    async fn client(&mut self) -> Result<Arc<Client>> {
        let builder = self.kafka.consumer(&self.group);
        let mut builder = consumer::configure(builder, self.settings.clone()).idle_poll_backoff(LOOK);
        let paused = Arc::new(OnceLock::new());
        if let Some(listener) = self.listener.take() {
            builder = builder.rebalance_listener(Pausing { listener, client: Arc::clone(&paused) });
        }
        let client = builder.build().await.map_err(|error| failed("starting a consumer", error))?;
        let client = Arc::new(client);
        // It is the first one: the listener was there only once.
        let _ = paused.set(Arc::downgrade(&client));
        Ok(client)
    }

    /// The caller is done with the last event.
    pub(in crate::kafka) fn go_on(&mut self) {
        if let Some(done) = self.open_event.take() {
            let _ = done.send(());
        }
    }

    /// Waits for an event of the group. Cancel-safe.
    pub(in crate::kafka) async fn next(&mut self) -> Result<ConsumerEvent> {
        loop {
            let Some((client, upkeep)) = &self.member else { return std::future::pending().await };
            let polling = self.polling.get_or_insert_with(|| {
                poll(Arc::clone(client), Arc::clone(upkeep), Arc::clone(&self.admin)).boxed()
            });
            tokio::select! {
                biased;
                Some(handover) = self.handovers.recv() => {
                    self.open_event = Some(handover.done);
                    return Ok(handover.event);
                }
                outcome = polling => {
                    self.polling = None;
                    outcome?;
                }
            }
        }
    }

    /// Commits offsets, as a member or, before it is one, to a group without members.
    pub(in crate::kafka) fn commit(&self, offsets: Offsets) -> BoxFuture<'static, Result<()>> {
        match &self.member {
            Some((client, _)) => commit_as_member(Arc::clone(client), self.group.clone(), offsets),
            None => commit_as_stranger(Arc::clone(&self.admin), self.group.clone(), offsets),
        }
    }

    /// Where the group stands.
    pub(in crate::kafka) fn committed(&self) -> Committed {
        Committed { admin: Arc::clone(&self.admin), group: self.group.clone() }
    }

    /// Leaves the group.
    pub(in crate::kafka) async fn close(self, timeout: Duration) -> Result<()> {
        let Self { member, closing, handovers, open_event, polling, settings, .. } = self;
        closing.store(true, Ordering::Release);
        drop((open_event, handovers));
        let Some((client, _)) = member else { return Ok(()) };
        leave(client, settings.protocol, polling, timeout).await
    }
}

/// Leaves the group and closes the client.
///
/// `subscribe` makes the client join, which goes on by itself until the coordinator has told it its name. A client that
/// is closed before that has nobody to sign off, and its member would hold partitions back for a whole session. So what
/// has begun is brought that far first. Nobody may listen to the client any more.
pub(super) async fn leave(
    client: Arc<Client>,
    protocol: GroupProtocol,
    polling: Option<BoxFuture<'static, Result<()>>>,
    timeout: Duration,
) -> Result<()> {
    let deadline = Instant::now() + timeout;
    // Half of the time is left for leaving.
    let _ = timeout_at(deadline - timeout / 2, become_known(&client, protocol, polling)).await;
    let left = deadline.saturating_duration_since(Instant::now());
    let closed = client.close_with(CloseOptions::new().timeout(left)).await;
    closed.map_err(|error| failed("closing the consumer", error))
}

/// Goes on with joining until the coordinator knows the member by a name that the client knows.
async fn become_known(
    client: &Arc<Client>,
    protocol: GroupProtocol,
    mut polling: Option<BoxFuture<'static, Result<()>>>,
) {
    while !is_known(client, protocol).await && !client.subscription().await.is_empty() {
        let poll = polling.get_or_insert_with(|| join_on(Arc::clone(client)).boxed());
        tokio::select! {
            biased;
            outcome = poll => {
                polling = None;
                if outcome.is_err() {
                    return;
                }
            }
            () = sleep(GLANCE) => {}
        }
    }
}

async fn is_known(client: &Client, protocol: GroupProtocol) -> bool {
    // In the newer protocol the client makes the name, and the coordinator's first answer has a generation.
    let named = |generation| protocol == GroupProtocol::Classic || generation > 0;
    client.group_metadata().await.is_some_and(|member| named(member.generation_id()))
}

async fn join_on(client: Arc<Client>) -> Result<()> {
    match client.poll(LOOK).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let error = failed("joining the group before leaving it", error);
            if !error.is_retriable() {
                return Err(error);
            }
            sleep(RETRY_PAUSE).await;
            Ok(())
        }
    }
}

/// Looks after the membership once.
async fn poll(client: Arc<Client>, upkeep: Arc<Mutex<Upkeep>>, admin: Arc<AdminClient>) -> Result<()> {
    upkeep.lock().await.keep_up(&client, &admin).await;
    let Err(error) = client.poll(LOOK).await else { return Ok(()) };
    let error = failed("being a member of the group", error);
    if !error.is_retriable() {
        return Err(error);
    }
    tracing::warn!(%error, "the group cannot be reached now and is asked again");
    sleep(RETRY_PAUSE).await;
    Ok(())
}

/// Pauses what is assigned before anybody hears of it, so that the client never fetches.
struct Pausing {
    listener: Listener,
    client: Arc<OnceLock<Weak<Client>>>,
}

impl ConsumerRebalanceListener for Pausing {
    async fn on_partitions_assigned(&self, partitions: &[krafka::consumer::TopicPartition]) {
        if let Some(client) = self.client.get().and_then(Weak::upgrade) {
            for partition in partitions {
                client.pause(partition.topic(), &[partition.partition()]).await;
                // With a position it does not look for one.
                let sought = client.seek(partition.topic(), partition.partition(), 0).await;
                if let Err(error) = sought {
                    tracing::debug!(%error, "a partition is gone before it was there");
                }
            }
        }
        self.listener.on_partitions_assigned(partitions).await;
    }

    async fn on_partitions_revoked(&self, partitions: &[krafka::consumer::TopicPartition]) {
        self.listener.on_partitions_revoked(partitions).await;
    }

    async fn on_partitions_lost(&self, partitions: &[krafka::consumer::TopicPartition]) {
        self.listener.on_partitions_lost(partitions).await;
    }
}

/// Looks up where a group stands.
pub(in crate::kafka) struct Committed {
    admin: Arc<AdminClient>,
    group: String,
}

impl Committed {
    /// The committed offsets of these partitions; those without one are left out.
    pub(in crate::kafka) async fn of(&self, partitions: &[TopicPartition]) -> Result<Offsets> {
        let mut offsets = admin::group_offsets(&self.admin, &self.group, Some(partitions)).await?;
        offsets.retain(|partition, _| partitions.contains(partition));
        Ok(offsets)
    }
}

/// Commits what a member of the group read.
pub(super) fn commit_as_member(
    client: Arc<Client>,
    group: String,
    offsets: Offsets,
) -> BoxFuture<'static, Result<()>> {
    async move {
        let committed = client.commit_offsets(offsets.iter().map(|(partition, offset)| {
            let partition = admin::client_partition(partition);
            (partition, OffsetAndMetadata::new(*offset))
        }));
        committed.await.map_err(|error| failed(format_args!("committing offsets of group `{group}`"), error))
    }
    .boxed()
}

/// Commits without being a member, which a group with members refuses.
pub(super) fn commit_as_stranger(
    admin: Arc<AdminClient>,
    group: String,
    offsets: Offsets,
) -> BoxFuture<'static, Result<()>> {
    async move {
        let committed = admin::alter_group_offsets(&admin, &group, &offsets).await;
        committed.map_err(|error| match error.kind() {
            // To the members this consumer is a stranger, as a member of an earlier generation is.
            KafkaErrorKind::GroupNotEmpty => {
                let message = "committing offsets without being a member of the group";
                KafkaError::new(KafkaErrorKind::Rebalance, message).with_retriable(false).with_source(error)
            }
            _ => error,
        })
    }
    .boxed()
}
