//! The keeper: asks for news of the cluster and has a lane for every broker.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::lane::Lane;
use super::state::Shared;
use crate::kafka::net::{Connector, Contact, Metadata};
use crate::kafka::{KafkaError, KafkaErrorKind};

/// Keeps what is known of the cluster fresh, for as long as the consumer lives.
pub(super) async fn keep(shared: Arc<Shared>, connector: Arc<Connector>, mut contact: Contact) {
    // Lanes end with this task, and this task with the consumer.
    let mut lanes = JoinSet::new();
    let mut failures = 0;
    let settings = &shared.settings;
    let mut refresh_at = Instant::now() + settings.metadata_max_age;
    start_lanes(&shared, &connector, &mut lanes);
    loop {
        let wants_news = shared.lock().wants_news();
        if !wants_news && Instant::now() < refresh_at {
            failures = 0;
            tokio::select! {
                () = shared.wanted.notified() => {}
                () = sleep_until(refresh_at) => {}
                Some(ended) = lanes.join_next() => check(&shared, &ended),
            }
            continue;
        }
        let topics: Vec<_> = {
            let mut state = shared.lock();
            // What becomes out of date from here on asks again.
            state.stale = false;
            let mut topics: Vec<_> =
                state.partitions.iter().map(|partition| partition.name.topic.as_str().to_owned()).collect();
            topics.dedup();
            topics
        };
        match contact.call(&Metadata { topics, create: settings.create_topics }).await {
            Ok(cluster) => {
                contact.learn(&cluster.brokers);
                shared.lock().learn(cluster);
                refresh_at = Instant::now() + settings.metadata_max_age;
                start_lanes(&shared, &connector, &mut lanes);
            }
            Err(error) => {
                tracing::debug!("asking for the brokers: {error}");
                let mut state = shared.lock();
                state.stale = true;
                if !error.is_retriable() {
                    state.failure = Some(crate::kafka::net::again(&error));
                }
                state.unreachable = Some(error);
            }
        }
        shared.lock().wake_all();
        shared.arrived.notify_waiters();
        if !shared.lock().wants_news() {
            continue;
        }
        // Leaders need a moment to move; asking without a pause would only add to the load.
        failures += 1;
        let pause = sleep(settings.retry_backoff.after(failures));
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                Some(ended) = lanes.join_next() => check(&shared, &ended),
            }
        }
    }
}

fn start_lanes(shared: &Arc<Shared>, connector: &Arc<Connector>, lanes: &mut JoinSet<()>) {
    let mut state = shared.lock();
    let missing: Vec<_> =
        state.brokers.keys().filter(|broker| !state.lanes.contains_key(broker)).copied().collect();
    for broker in missing {
        let wake = Arc::new(Notify::new());
        state.lanes.insert(broker, Arc::clone(&wake));
        let lane = Lane { broker, shared: Arc::clone(shared), connector: Arc::clone(connector), wake };
        lanes.spawn(lane.run());
    }
}

/// A lane that panicked reads no more, and nobody would notice.
fn check(shared: &Shared, ended: &Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        let error = KafkaError::new(KafkaErrorKind::Other, format!("the consumer broke down: {error}"));
        shared.lock().failure = Some(error);
        shared.arrived.notify_waiters();
    }
}
