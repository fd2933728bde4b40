//! How often the group has formed and how long it took: Kafka's `connect-worker-rebalance-metrics`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::config::ConnectProtocol;
use crate::metrics::{Metrics, Sampling, Timing};

const GROUP: &str = "connect-worker-rebalance-metrics";

/// See the module.
#[derive(Debug)]
pub(super) struct Rebalances {
    state: Mutex<State>,
    times: Timing,
}

#[derive(Debug, Default)]
struct State {
    /// Since when the group is forming.
    began: Option<Instant>,
    ended: Option<Instant>,
    completed: u64,
    generation: i32,
    protocol: ConnectProtocol,
}

impl Default for Rebalances {
    fn default() -> Self {
        Self::new(Sampling::default())
    }
}

impl Rebalances {
    pub(super) fn new(sampling: Sampling) -> Self {
        Self { state: Mutex::default(), times: Timing::new(sampling) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The group forms anew.
    pub(super) fn began(&self) {
        self.lock().began.get_or_insert_with(Instant::now);
    }

    /// It has formed; this worker still has to do what it was told.
    pub(super) fn formed(&self, generation: i32, protocol: ConnectProtocol) {
        let mut state = self.lock();
        state.generation = generation;
        state.protocol = protocol;
    }

    /// This worker has done what it was told.
    pub(super) fn ended(&self) {
        let mut state = self.lock();
        if let Some(began) = state.began.take() {
            state.completed += 1;
            state.ended = Some(Instant::now());
            self.times.record(began.elapsed());
        }
    }

    pub(super) fn write(&self, metrics: &mut Metrics, leader_url: Option<&str>) {
        let state = self.lock();
        let times = self.times.seen();
        let since = state.ended.map_or(f64::INFINITY, |ended| ended.elapsed().as_secs_f64() * 1000.0);
        metrics.text(GROUP, "leader-name", &[], leader_url.unwrap_or_default());
        metrics.text(GROUP, "connect-protocol", &[], name(state.protocol));
        for (name, value) in [
            ("epoch", f64::from(state.generation)),
            ("completed-rebalances-total", state.completed as f64),
            ("rebalancing", f64::from(u8::from(state.began.is_some()))),
            ("rebalance-max-time-ms", times.max),
            ("rebalance-avg-time-ms", times.avg),
            ("time-since-last-rebalance-ms", since),
        ] {
            metrics.number(GROUP, name, &[], value);
        }
    }
}

fn name(protocol: ConnectProtocol) -> &'static str {
    match protocol {
        ConnectProtocol::Eager => "EAGER",
        ConnectProtocol::Compatible => "COMPATIBLE",
        ConnectProtocol::Sessioned => "SESSIONED",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn number(rebalances: &Rebalances, name: &str) -> f64 {
        let mut metrics = Metrics::default();
        rebalances.write(&mut metrics, Some("http://a:1/"));
        metrics.find(GROUP, name, &[]).and_then(|metric| metric.number()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_rebalance_lasts_until_the_worker_has_done_what_it_was_told() {
        let rebalances = Rebalances::default();
        assert_eq!(number(&rebalances, "time-since-last-rebalance-ms"), f64::INFINITY);
        rebalances.began();
        tokio::time::advance(Duration::from_secs(1)).await;
        // It failed once and begins again: this is one rebalance.
        rebalances.began();
        rebalances.formed(7, ConnectProtocol::Compatible);
        assert_eq!((number(&rebalances, "rebalancing"), number(&rebalances, "epoch")), (1.0, 7.0));
        tokio::time::advance(Duration::from_secs(2)).await;
        rebalances.ended();
        rebalances.ended();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(number(&rebalances, "completed-rebalances-total"), 1.0);
        assert_eq!(number(&rebalances, "rebalance-max-time-ms"), 3000.0);
        assert_eq!(number(&rebalances, "time-since-last-rebalance-ms"), 5000.0);
        assert_eq!(number(&rebalances, "rebalancing"), 0.0);
    }
}
