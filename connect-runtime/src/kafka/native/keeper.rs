//! The keeper of a client: asks for news of the cluster and has a lane for every broker.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::settings::Backoff;
use crate::kafka::net::{Cluster, Connector, Contact, Metadata};
use crate::kafka::{KafkaError, KafkaErrorKind};

/// What a client shares with its lanes, as its keeper sees it.
pub(super) trait Kept: Send + Sync + 'static {
    /// What the client is called when it breaks down.
    const NAME: &'static str;

    /// How old news may become.
    fn max_age(&self) -> Duration;

    /// How long to wait after failures.
    fn backoff(&self) -> Backoff;

    /// Woken when somebody wants news.
    fn wanted(&self) -> &Notify;

    /// Whether somebody waits for news.
    fn wants_news(&self) -> bool;

    /// What to ask. What becomes out of date from here on asks again.
    fn question(&self) -> Metadata;

    /// Takes news in.
    fn learn(&self, cluster: Cluster);

    /// No broker told any news; the next time has to try again.
    fn unanswered(&self, error: KafkaError);

    /// Lets the lanes and all who wait look again.
    fn spread(&self);

    /// Brokers without a lane; they have one from here on.
    fn new_lanes(&self) -> Vec<(i32, Arc<Notify>)>;

    /// The work of a lane.
    fn lane(
        self: Arc<Self>,
        broker: i32,
        connector: Arc<Connector>,
        wake: Arc<Notify>,
    ) -> impl Future<Output = ()> + Send + 'static;

    /// A lane panicked: the client is of no use any more.
    fn broke_down(&self, error: KafkaError);
}

/// Gives the brokers a lane that have none, and answers those lanes.
pub(super) fn missing_lanes(
    brokers: &HashMap<i32, String>,
    lanes: &mut HashMap<i32, Arc<Notify>>,
) -> Vec<(i32, Arc<Notify>)> {
    let missing = brokers.keys().filter(|broker| !lanes.contains_key(broker));
    let new: Vec<_> = missing.map(|broker| (*broker, Arc::new(Notify::new()))).collect();
    lanes.extend(new.iter().cloned());
    new
}

/// Keeps what is known of the cluster fresh, for as long as the client lives.
pub(super) async fn keep<K: Kept>(kept: Arc<K>, connector: Arc<Connector>, mut contact: Contact) {
    // Lanes end with this task, and this task with the client.
    let mut lanes = JoinSet::new();
    let mut failures = 0;
    let mut refresh_at = Instant::now() + kept.max_age();
    start_lanes(&kept, &connector, &mut lanes);
    loop {
        if !kept.wants_news() && Instant::now() < refresh_at {
            failures = 0;
            tokio::select! {
                () = kept.wanted().notified() => {}
                () = sleep_until(refresh_at) => {}
                Some(ended) = lanes.join_next() => check(&*kept, &ended),
            }
            continue;
        }
        match contact.call(&kept.question()).await {
            Ok(cluster) => {
                contact.learn(&cluster.brokers);
                kept.learn(cluster);
                refresh_at = Instant::now() + kept.max_age();
                start_lanes(&kept, &connector, &mut lanes);
            }
            Err(error) => {
                tracing::debug!("asking for the brokers: {error}");
                kept.unanswered(error);
            }
        }
        kept.spread();
        if !kept.wants_news() {
            continue;
        }
        // Leaders need a moment to move; asking without a pause would only add to the load.
        failures += 1;
        let pause = sleep(kept.backoff().after(failures));
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                Some(ended) = lanes.join_next() => check(&*kept, &ended),
            }
        }
    }
}

fn start_lanes<K: Kept>(kept: &Arc<K>, connector: &Arc<Connector>, lanes: &mut JoinSet<()>) {
    for (broker, wake) in kept.new_lanes() {
        lanes.spawn(Arc::clone(kept).lane(broker, Arc::clone(connector), wake));
    }
}

fn check<K: Kept>(kept: &K, ended: &Result<(), JoinError>) {
    if let Err(error) = ended {
        let message = format!("the {} broke down: {error}", K::NAME);
        kept.broke_down(KafkaError::new(KafkaErrorKind::Other, message));
    }
}
