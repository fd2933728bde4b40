//! The share of time that a task has spent in a state.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What the ratios tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    Paused,
    Other,
}

#[derive(Debug)]
struct Times {
    created: Instant,
    phase: Phase,
    since: Instant,
    running: Duration,
    paused: Duration,
}

/// Sums up the times.
#[derive(Debug)]
pub(crate) struct StateTimes(Mutex<Option<Times>>);

impl Default for StateTimes {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl StateTimes {
    pub(crate) fn enter(&self, phase: Phase) {
        let now = Instant::now();
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = guard.get_or_insert_with(|| Times {
            created: now,
            phase,
            since: now,
            running: Duration::ZERO,
            paused: Duration::ZERO,
        });
        times.add(now);
        times.phase = phase;
        times.since = now;
    }

    /// The shares of running and of being paused.
    pub(crate) fn ratios(&self) -> (f64, f64) {
        let now = Instant::now();
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = guard.as_mut() else { return (0.0, 0.0) };
        times.add(now);
        times.since = now;
        let all = now.duration_since(times.created).as_secs_f64();
        match all > 0.0 {
            true => (times.running.as_secs_f64() / all, times.paused.as_secs_f64() / all),
            false => (0.0, 0.0),
        }
    }
}

impl Times {
    fn add(&mut self, now: Instant) {
        let passed = now.duration_since(self.since);
        match self.phase {
            Phase::Running => self.running += passed,
            Phase::Paused => self.paused += passed,
            Phase::Other => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ratios_are_shares_of_the_whole_life() {
        let times = StateTimes::default();
        times.enter(Phase::Running);
        tokio::time::advance(Duration::from_secs(30)).await;
        times.enter(Phase::Paused);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(times.ratios(), (0.75, 0.25));
    }
}
