//! Rebalances: the client tells of them in the middle of its `poll`, the port as an answer of `poll`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use connect_api::TopicPartition;
use krafka::consumer::ConsumerRebalanceListener;
use tokio::sync::{mpsc, oneshot};

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
}

impl Listener {
    /// A listener, and where its events arrive. Once `closing` is set it hands over nothing more.
    pub(super) fn new(closing: Arc<AtomicBool>) -> (Self, mpsc::Receiver<Handover>) {
        let (handovers, arriving) = mpsc::channel(1);
        (Self { handovers, closing }, arriving)
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

impl ConsumerRebalanceListener for Listener {
    async fn on_partitions_assigned(&self, partitions: &[krafka::consumer::TopicPartition]) {
        self.hand_over(ConsumerEvent::Assigned, partitions).await;
    }

    async fn on_partitions_revoked(&self, partitions: &[krafka::consumer::TopicPartition]) {
        self.hand_over(ConsumerEvent::Revoked, partitions).await;
    }

    async fn on_partitions_lost(&self, partitions: &[krafka::consumer::TopicPartition]) {
        self.hand_over(ConsumerEvent::Lost, partitions).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_client_waits_until_the_event_is_dealt_with() {
        let (listener, mut arriving) = Listener::new(Arc::default());
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
        let (listener, mut arriving) = Listener::new(Arc::clone(&closing));
        listener.on_partitions_assigned(&[]).await;
        closing.store(true, Ordering::Release);
        listener.on_partitions_lost(&[krafka::consumer::TopicPartition::new("t", 0)]).await;
        assert!(arriving.try_recv().is_err());
    }
}
