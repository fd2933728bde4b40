//! How often connectors and tasks were started, and what came of it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::registry::Metrics;

/// The startups of connectors, or of tasks.
#[derive(Debug, Default)]
pub(crate) struct Startups {
    attempts: AtomicU64,
    success: AtomicU64,
    failure: AtomicU64,
}

impl Startups {
    pub(crate) fn attempted(&self) {
        self.attempts.fetch_add(1, Relaxed);
    }

    pub(crate) fn succeeded(&self) {
        self.success.fetch_add(1, Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failure.fetch_add(1, Relaxed);
    }

    /// `names`: attempts, success, success percentage, failure, failure percentage.
    pub(crate) fn write(&self, metrics: &mut Metrics, names: [&'static str; 5]) {
        let attempts = self.attempts.load(Relaxed) as f64;
        let (success, failure) = (self.success.load(Relaxed) as f64, self.failure.load(Relaxed) as f64);
        let share = |part: f64| if part == 0.0 { 0.0 } else { part / (success + failure) };
        let values = [attempts, success, share(success), failure, share(failure)];
        for (name, value) in names.into_iter().zip(values) {
            metrics.number("connect-worker-metrics", name, &[], value);
        }
    }
}

/// The startups of a worker.
#[derive(Debug, Default)]
pub(crate) struct WorkerStartups {
    pub(crate) connectors: Startups,
    pub(crate) tasks: Startups,
}
