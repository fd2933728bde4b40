//! The port's producer: takes batches, and waits for what must be waited for.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::keeper::keep;
use super::state::Shared;
use super::ticket::Ticket;
use super::topics::unknown;
use super::upkeep::reap;
use super::{identity, settings::Settings};
use crate::kafka::net::{Connection, Connector, Contact, Metadata, again, timed_out};
use crate::kafka::{Delivery, KafkaError, KafkaErrorKind, Producer, ProducerRecord, Result};
use crate::time::now_millis;

/// A producer without transactions.
#[derive(Debug)]
pub(super) struct NativeProducer {
    pub(super) shared: Arc<Shared>,
    /// The level of the cluster's feature `transaction.version`.
    pub(super) transaction_version: i16,
    /// The keeper, with the lanes, and the reaper.
    tasks: JoinSet<()>,
}

impl NativeProducer {
    /// Reaches the cluster: whoever starts a producer hears soon that no broker is there, or that it refuses the user.
    pub(super) async fn connect(settings: Settings, connector: Arc<Connector>) -> Result<Self> {
        let mut contact = Contact::new(Arc::clone(&connector), settings.servers.clone());
        let cluster = contact.call(&Metadata { topics: Vec::new(), create: false }).await?;
        contact.learn(&cluster.brokers);
        let transaction_version = contact.connection().map_or(0, Connection::transaction_version);
        // The identity of a transactional producer comes from its coordinator.
        let identity = if settings.idempotent && settings.transactional_id.is_none() {
            identity::identity(&mut contact, &settings).await?
        } else {
            super::records::Identity::NONE
        };
        let shared = Arc::new(Shared::new(settings, identity));
        shared.lock().learn(cluster, &shared.settings);
        let mut tasks = JoinSet::new();
        tasks.spawn(keep(Arc::clone(&shared), connector, contact));
        tasks.spawn(reap(Arc::clone(&shared)));
        Ok(Self { shared, transaction_version, tasks })
    }

    /// Waits until all topics of a batch are known.
    async fn know_topics(&self, batch: &[ProducerRecord], deadline: Instant) -> Result<()> {
        loop {
            let learned = self.shared.learned.notified();
            tokio::pin!(learned);
            learned.as_mut().enable();
            let missing = {
                let mut state = self.shared.lock();
                if let Some(fatal) = &state.fatal {
                    return Err(again(fatal));
                }
                let mut missing = None;
                let mut known = None;
                for record in batch {
                    if known == Some(&record.topic) {
                        continue;
                    }
                    match state.topics.get(&record.topic) {
                        Some(topic) if topic.is_known() => known = Some(&record.topic),
                        Some(_) => missing = Some(&record.topic),
                        None => {
                            state.topics.insert(record.topic.clone(), unknown(&record.topic));
                            missing = Some(&record.topic);
                        }
                    }
                }
                missing
            };
            let Some(topic) = missing else { return Ok(()) };
            self.shared.wanted.notify_one();
            if timeout_at(deadline, learned).await.is_err() {
                let mut state = self.shared.lock();
                // Nobody asks for it any more.
                state.topics.retain(|_, topic| topic.is_known());
                let tried = format!("looking up topic `{topic}`");
                return Err(match &state.unreachable {
                    Some(unreachable) => {
                        KafkaError::new(KafkaErrorKind::Timeout, format!("{tried}: {unreachable}"))
                    }
                    None => {
                        let message = format!("{tried}: it does not exist, or has no leader");
                        KafkaError::new(KafkaErrorKind::UnknownTopic, message).with_retriable(true)
                    }
                });
            }
        }
    }

    /// Waits until a condition holds; it is looked at whenever batches were settled.
    async fn until(&self, deadline: Option<Instant>, holds: impl Fn(&Shared) -> bool) -> bool {
        loop {
            let settled = self.shared.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if holds(&self.shared) {
                return true;
            }
            match deadline {
                None => settled.await,
                Some(deadline) => {
                    if timeout_at(deadline, settled).await.is_err() {
                        return false;
                    }
                }
            }
        }
    }
}

#[async_trait]
impl Producer for NativeProducer {
    async fn send(&mut self, batch: Arc<Vec<ProducerRecord>>, positions: bool) -> Result<Delivery> {
        // Until the records are in batches nothing is taken, and then there is nothing to wait for: a call that is
        // dropped takes all of them or none.
        if let Some(ended) = self.tasks.try_join_next() {
            let why = ended.err().map_or_else(String::new, |error| format!(": {error}"));
            let error = KafkaError::new(KafkaErrorKind::Other, format!("the producer broke down{why}"));
            self.shared.lock().fatal.get_or_insert(error);
        }
        let now = Instant::now();
        let deadline = now + self.shared.settings.max_block;
        self.know_topics(&batch, deadline).await?;
        if !self.until(Some(deadline), |shared| shared.lock().has_room()).await {
            return Err(timed_out("waiting for room in `buffer.memory`"));
        }
        let (ticket, delivery) = Ticket::new(batch.len(), positions);
        {
            let mut state = self.shared.lock();
            if let Some(fatal) = &state.fatal {
                return Err(again(fatal));
            }
            state.flushing = false;
            state.append(&batch, &ticket, Instant::now(), now_millis());
            if state.stale {
                // A partition that does not exist, or a topic that was refused: the next look may find it.
                self.shared.wanted.notify_one();
            }
        }
        ticket.finish_if_empty();
        self.shared.busy.notify_one();
        Ok(delivery)
    }

    async fn flush(&mut self) -> Result<()> {
        {
            let mut state = self.shared.lock();
            state.flushing = true;
            state.wake_all();
        }
        self.until(None, |shared| shared.lock().unsettled == 0).await;
        Ok(())
    }

    async fn close(mut self: Box<Self>, patience: Duration) -> Result<()> {
        match timeout(patience, self.flush()).await {
            Ok(flushed) => flushed,
            Err(_) => Err(timed_out("closing the producer")),
        }
    }
}
