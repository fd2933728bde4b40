//! What the keeper does for a producer, and the reaper, which gives up what is too old.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep};

use super::keeper::{Kept, missing_lanes};
use super::lane::Lane;
use super::settings::Backoff;
use super::state::Shared;
use crate::kafka::KafkaError;
use crate::kafka::net::{Cluster, Connector, Metadata, again};

impl Kept for Shared {
    const NAME: &'static str = "producer";

    fn max_age(&self) -> Duration {
        self.settings.metadata_max_age
    }

    fn backoff(&self) -> Backoff {
        self.settings.retry_backoff
    }

    fn wanted(&self) -> &Notify {
        &self.wanted
    }

    fn wants_news(&self) -> bool {
        self.lock().wants_news()
    }

    fn question(&self) -> Metadata {
        let mut state = self.lock();
        state.stale = false;
        let topics = state.topics.keys().map(|topic| topic.as_str().to_owned()).collect();
        Metadata { topics, create: true }
    }

    fn learn(&self, cluster: Cluster) {
        self.lock().learn(cluster, &self.settings);
    }

    fn unanswered(&self, error: KafkaError) {
        let mut state = self.lock();
        state.stale = true;
        if !error.is_retriable() {
            state.fail_all(&error);
        }
        state.unreachable = Some(error);
    }

    fn spread(&self) {
        self.lock().wake_all();
        self.learned.notify_waiters();
        self.settled.notify_waiters();
    }

    fn new_lanes(&self) -> Vec<(i32, Arc<Notify>)> {
        let mut state = self.lock();
        let state = &mut *state;
        missing_lanes(&state.brokers, &mut state.lanes)
    }

    fn lane(
        self: Arc<Self>,
        broker: i32,
        connector: Arc<Connector>,
        wake: Arc<Notify>,
    ) -> impl Future<Output = ()> + Send + 'static {
        Lane { broker, shared: self, connector, wake }.run()
    }

    /// The lane has taken batches with it, so nothing after them may be written.
    fn broke_down(&self, error: KafkaError) {
        let mut state = self.lock();
        state.fail_all(&error);
        state.fatal = Some(again(&error));
        drop(state);
        self.settled.notify_waiters();
        self.learned.notify_waiters();
    }
}

/// Gives up what could not be written within `delivery.timeout.ms`. It sleeps while there is nothing to write.
pub(super) async fn reap(shared: Arc<Shared>) {
    let timeout = shared.settings.delivery_timeout;
    let tick = (timeout / 20).clamp(Duration::from_millis(10), Duration::from_secs(1));
    loop {
        let busy = shared.lock().expire(Instant::now(), timeout);
        shared.settled.notify_waiters();
        if busy {
            sleep(tick).await;
        } else {
            shared.busy.notified().await;
        }
    }
}
