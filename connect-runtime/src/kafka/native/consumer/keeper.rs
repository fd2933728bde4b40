//! What the keeper does for a consumer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::lane::Lane;
use super::state::Shared;
use crate::kafka::KafkaError;
use crate::kafka::native::keeper::{Kept, missing_lanes};
use crate::kafka::native::settings::Backoff;
use crate::kafka::net::{Cluster, Connector, Metadata, again};

impl Kept for Shared {
    const NAME: &'static str = "consumer";

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
        let topics = state.partitions.iter().map(|partition| partition.name.topic.as_str().to_owned());
        let mut topics: Vec<_> = topics.collect();
        topics.dedup();
        Metadata { topics, create: self.settings.create_topics }
    }

    fn learn(&self, cluster: Cluster) {
        self.lock().learn(cluster);
    }

    fn unanswered(&self, error: KafkaError) {
        let mut state = self.lock();
        state.stale = true;
        if !error.is_retriable() {
            state.failure = Some(again(&error));
        }
        state.unreachable = Some(error);
    }

    fn spread(&self) {
        self.lock().wake_all();
        self.arrived.notify_waiters();
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

    fn broke_down(&self, error: KafkaError) {
        self.lock().failure = Some(error);
        self.arrived.notify_waiters();
    }
}
