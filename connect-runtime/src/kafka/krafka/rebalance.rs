//! Rebalances: the client tells of them in the middle of its `poll`, the port as an answer of `poll`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use connect_api::TopicPartition;
use krafka::admin::AdminClient;
use krafka::consumer::ConsumerRebalanceListener;
use tokio::sync::{mpsc, oneshot};

use super::admin::group_offsets;
use super::positions::Positions;
use crate::kafka::ConsumerEvent;

/// An event on its way to the caller. The client goes on when `done` is used or dropped.
pub(super) struct Handover {
    pub(super) event: ConsumerEvent,
    pub(super) done: oneshot::Sender<()>,
}

/// Hands events over and waits until the caller comes back.
pub(super) struct Listener {
    handovers: mpsc::Sender<Handover>,
    closing: Arc<AtomicBool>,
    positions: Arc<Positions>,
    /// Where to look up the offsets of the group.
    group: Option<(Arc<AdminClient>, String)>,
}

impl Listener {
    /// A listener, and where its events arrive. Once `closing` is set it hands over nothing more.
    pub(super) fn new(
        closing: Arc<AtomicBool>,
        positions: Arc<Positions>,
        group: Option<(Arc<AdminClient>, String)>,
    ) -> (Self, mpsc::Receiver<Handover>) {
        let (handovers, arriving) = mpsc::channel(1);
        (Self { handovers, closing, positions, group }, arriving)
    }

    /// The committed offsets are where reading is to begin, if they still exist.
    async fn tell_committed(&self, partitions: &[krafka::consumer::TopicPartition]) {
        let Some((admin, group)) = &self.group else { return };
        let partitions: Vec<_> = partitions.iter().map(port_partition).collect();
        match group_offsets(admin, group, Some(&partitions)).await {
            Ok(offsets) => {
                for (partition, offset) in offsets {
                    self.positions.tell(partition, offset);
                }
            }
            Err(error) => tracing::debug!(%error, "the committed offsets are left to the client"),
        }
    }

    fn forget(&self, partitions: &[krafka::consumer::TopicPartition]) {
        for partition in partitions {
            self.positions.forget(&port_partition(partition));
        }
    }

    async fn hand_over(
        &self,
        event: fn(Vec<TopicPartition>) -> ConsumerEvent,
        partitions: &[krafka::consumer::TopicPartition],
    ) {
        if partitions.is_empty() || self.closing.load(Ordering::Acquire) {
            return;
        }
        let partitions =
            partitions.iter().map(|tp| TopicPartition::new(tp.topic(), tp.partition())).collect();
        let (done, wait) = oneshot::channel();
        if self.handovers.send(Handover { event: event(partitions), done }).await.is_ok() {
            // Dropped instead of used: the consumer is gone, and nobody needs the client to wait.
            let _ = wait.await;
        }
    }
}

fn port_partition(partition: &krafka::consumer::TopicPartition) -> TopicPartition {
    TopicPartition::new(partition.topic(), partition.partition())
}

impl ConsumerRebalanceListener for Listener {
    async fn on_partitions_assigned(&self, partitions: &[krafka::consumer::TopicPartition]) {
        if !partitions.is_empty() && !self.closing.load(Ordering::Acquire) {
            self.tell_committed(partitions).await;
        }
        self.hand_over(ConsumerEvent::Assigned, partitions).await;
    }

    async fn on_partitions_revoked(&self, partitions: &[krafka::consumer::TopicPartition]) {
        self.hand_over(ConsumerEvent::Revoked, partitions).await;
        self.forget(partitions);
    }

    async fn on_partitions_lost(&self, partitions: &[krafka::consumer::TopicPartition]) {
        self.hand_over(ConsumerEvent::Lost, partitions).await;
        self.forget(partitions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_client_waits_until_the_event_is_dealt_with() {
        let (listener, mut arriving) = Listener::new(Arc::default(), Arc::default(), None);
        let partitions = [krafka::consumer::TopicPartition::new("t", 3)];
        let mut waiting = Box::pin(listener.on_partitions_revoked(&partitions));
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        let Handover { event, done } = arriving.recv().await.unwrap();
        assert!(matches!(event, ConsumerEvent::Revoked(revoked) if revoked == [TopicPartition::new("t", 3)]));
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        done.send(()).unwrap();
        waiting.await;
    }

    #[tokio::test]
    async fn nothing_is_handed_over_when_nothing_changes_or_the_consumer_closes() {
        let closing = Arc::new(AtomicBool::new(false));
        let (listener, mut arriving) = Listener::new(Arc::clone(&closing), Arc::default(), None);
        listener.on_partitions_assigned(&[]).await;
        closing.store(true, Ordering::Release);
        listener.on_partitions_lost(&[krafka::consumer::TopicPartition::new("t", 0)]).await;
        assert!(arriving.try_recv().is_err());
    }
}
