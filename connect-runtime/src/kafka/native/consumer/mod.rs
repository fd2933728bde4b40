//! The native consumer: it fetches by itself, and leaves membership in a group to the client of `krafka`.
//!
//! Each broker has a lane, a task that keeps one request under way while the caller works on what came before, up to a
//! number of bytes. An answer is checked and sorted out by its lane: transaction markers and records of aborted
//! transactions never reach the caller. Records are made when the caller takes them, as slices of the answer.

mod batches;
mod fetch;
mod keeper;
mod lane;
mod list_offsets;
mod partition;
mod settings;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connect_api::{Offsets, TopicPartition};
use futures::FutureExt;
use futures::future::BoxFuture;
use krafka::consumer::AutoOffsetReset;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use self::partition::Position;
use self::state::Shared;
use crate::kafka::krafka::{Committed, Membership};
use crate::kafka::native::keeper::keep;
use crate::kafka::net::{Connector, Contact, Metadata, timed_out};
use crate::kafka::properties::Reader;
use crate::kafka::{
    ClientProperties, Consumer, ConsumerEvent, KafkaError, KafkaErrorKind, PartitionRecords, Result,
    Subscription,
};

/// A consumer that fetches by itself.
pub(super) struct NativeConsumer {
    shared: Arc<Shared>,
    mode: Mode,
    /// Where `group.id` is set.
    membership: Option<Membership>,
    /// The keeper, with the lanes, and whoever looks up committed offsets.
    tasks: JoinSet<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    New,
    Member,
    Assigned,
}

impl NativeConsumer {
    /// Reads the settings and reaches the cluster: whoever starts a consumer hears soon that no broker is there, or that
    /// it refuses the user.
    pub(super) async fn connect(properties: &ClientProperties) -> Result<Self> {
        let mut reader = Reader::new(properties);
        let membership = Membership::read(&mut reader).await?;
        let settings = settings::read(&mut reader, membership.settings())?;
        let connector = Arc::new(Connector::read(&mut reader, settings.request_timeout).await?);
        reader.warn_about_unread("consumer");
        let mut contact = Contact::new(Arc::clone(&connector), settings.servers.clone());
        let cluster = contact.call(&Metadata { topics: Vec::new(), create: false }).await?;
        contact.learn(&cluster.brokers);
        let membership = membership.connect().await?;
        let shared = Arc::new(Shared::new(settings));
        shared.lock().learn(cluster);
        let mut tasks = JoinSet::new();
        tasks.spawn(keep(Arc::clone(&shared), connector, contact));
        Ok(Self { shared, mode: Mode::New, membership, tasks })
    }

    fn group(&self) -> Result<&Membership> {
        self.membership.as_ref().ok_or_else(no_group)
    }

    fn used(&self) -> Result<()> {
        if self.mode == Mode::New {
            return Err(misused(
                "the consumer has neither subscribed to topics nor been assigned partitions",
            ));
        }
        Ok(())
    }

    /// Does what a change of the assignment means here, before the caller hears of it.
    fn follow(&mut self, event: &ConsumerEvent) {
        match event {
            ConsumerEvent::Assigned(added) => {
                self.shared.lock().add(added, Position::Unknown);
                self.shared.wanted.notify_one();
                if let Some(membership) = &self.membership {
                    let committed = membership.committed();
                    self.tasks.spawn(find_committed(Arc::clone(&self.shared), committed, added.clone()));
                }
            }
            ConsumerEvent::Revoked(gone) | ConsumerEvent::Lost(gone) => {
                self.shared.lock().keep(|partition| !gone.contains(partition));
            }
            ConsumerEvent::Records(_) => {}
        }
    }
}

/// Waits for records.
async fn records(shared: &Shared, tasks: &mut JoinSet<()>) -> Result<Vec<PartitionRecords>> {
    loop {
        let arrived = shared.arrived.notified();
        tokio::pin!(arrived);
        arrived.as_mut().enable();
        let records = shared.take()?;
        if !records.is_empty() {
            return Ok(records);
        }
        tokio::select! {
            () = arrived => {}
            Some(Err(ended)) = tasks.join_next() => {
                let message = format!("the consumer broke down: {ended}");
                return Err(KafkaError::new(KafkaErrorKind::Other, message));
            }
        }
    }
}

fn misused(message: &str) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Other, message)
}

fn no_group() -> KafkaError {
    KafkaError::new(KafkaErrorKind::Config, "`group.id` is missing: without it there is no group")
}

/// Finds out where a member begins. It must know: where nothing is committed, `auto.offset.reset` decides.
async fn find_committed(shared: Arc<Shared>, committed: Committed, added: Vec<TopicPartition>) {
    let versions: Vec<_> = {
        let state = shared.lock();
        let unknown = state.partitions.iter().filter(|partition| partition.position == Position::Unknown);
        let added = unknown.filter(|partition| added.contains(&partition.name));
        added.map(|partition| (partition.name.clone(), partition.version)).collect()
    };
    let mut failures = 0;
    let found = loop {
        match committed.of(&added).await {
            Ok(found) => break Ok(found),
            Err(error) if error.is_retriable() => {
                tracing::warn!(%error, "the committed offsets cannot be looked up now and are asked for again");
                failures += 1;
                sleep(shared.settings.retry_backoff.after(failures)).await;
            }
            Err(error) => break Err(error),
        }
    };
    let mut state = shared.lock();
    for (name, version) in versions {
        // A seek, or the end of the assignment, came first.
        let Some(partition) = state.of_version(&name, version) else { continue };
        match &found {
            Ok(found) => match found.get(&name) {
                Some(offset) => partition.begin(*offset),
                None => {
                    let why = format!("looking up the position of {name}: the group has committed none");
                    state.reset(&name, &why);
                }
            },
            Err(error) => partition.error = Some(crate::kafka::net::again(error)),
        }
    }
    state.wake_all();
    drop(state);
    shared.arrived.notify_waiters();
}

#[async_trait]
impl Consumer for NativeConsumer {
    async fn subscribe(&mut self, subscription: Subscription) -> Result<()> {
        self.group()?;
        if self.mode == Mode::Assigned {
            return Err(misused(
                "the consumer was assigned partitions and cannot subscribe to topics as well",
            ));
        }
        self.membership.as_mut().ok_or_else(no_group)?.subscribe(subscription).await?;
        self.mode = Mode::Member;
        Ok(())
    }

    async fn assign(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        if self.mode == Mode::Member {
            return Err(misused(
                "the consumer subscribed to topics and cannot be assigned partitions as well",
            ));
        }
        self.mode = Mode::Assigned;
        let none = self.shared.settings.reset == AutoOffsetReset::None;
        let mut state = self.shared.lock();
        state.keep(|partition| partitions.contains(partition));
        state.add(partitions, Position::Reset);
        for partition in &mut state.partitions {
            if none && partition.position == Position::Reset && partition.error.is_none() {
                let message = format!(
                    "looking up the position of {}: there is none, and `auto.offset.reset` is `none`",
                    partition.name
                );
                partition.error = Some(KafkaError::new(KafkaErrorKind::OffsetOutOfRange, message));
            }
        }
        drop(state);
        self.shared.wanted.notify_one();
        Ok(())
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<ConsumerEvent> {
        self.used()?;
        let deadline = Instant::now() + max_wait;
        if let Some(membership) = &mut self.membership {
            membership.go_on();
        }
        let event = {
            let Self { shared, membership, tasks, .. } = self;
            let next = async {
                match membership {
                    Some(membership) => membership.next().await,
                    None => std::future::pending().await,
                }
            };
            // Nothing is awaited between an outcome and its return: that is what makes dropping this call harmless.
            tokio::select! {
                biased;
                event = next => event?,
                records = records(shared, tasks) => ConsumerEvent::Records(records?),
                () = sleep_until(deadline) => ConsumerEvent::Records(Vec::new()),
            }
        };
        self.follow(&event);
        Ok(event)
    }

    async fn lag(&mut self) -> Option<u64> {
        self.shared.lock().lag()
    }

    async fn position(&mut self, partition: &TopicPartition) -> Result<i64> {
        self.used()?;
        let deadline = Instant::now() + self.shared.settings.api_timeout;
        loop {
            let arrived = self.shared.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            if let Some(position) = self.shared.lock().position(partition)? {
                return Ok(position);
            }
            if timeout_at(deadline, arrived).await.is_err() {
                return Err(timed_out(format_args!("looking up the position of {partition}")));
            }
        }
    }

    async fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<()> {
        self.used()?;
        if !self.shared.lock().go(partition, Position::At(offset)) {
            let message =
                format!("moving to offset {offset} of {partition}: it is not assigned to this consumer");
            return Err(misused(&message));
        }
        Ok(())
    }

    async fn pause(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.used()?;
        self.shared.lock().set_paused(partitions, true);
        Ok(())
    }

    async fn resume(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.used()?;
        self.shared.lock().set_paused(partitions, false);
        Ok(())
    }

    fn commit(&mut self, offsets: Offsets) -> BoxFuture<'static, Result<()>> {
        match self.group() {
            Ok(membership) => membership.commit(offsets),
            Err(error) => std::future::ready(Err(error)).boxed(),
        }
    }

    async fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Offsets> {
        let committed = self.group()?.committed();
        committed.of(partitions).await
    }

    async fn close(mut self: Box<Self>, timeout: Duration) -> Result<()> {
        self.tasks.abort_all();
        match self.membership.take() {
            Some(membership) => membership.close(timeout).await,
            None => Ok(()),
        }
    }
}
