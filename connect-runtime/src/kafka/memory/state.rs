//! What all handles and clients share: one lock around everything, and one signal that something changed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::MemoryKafkaConfig;
use super::faults::Faults;
use super::groups::Group;
use super::log::Log;
use super::transactions::Transactions;
use super::workers::Workers;
use super::write::PendingBatch;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: MemoryKafkaConfig,
    state: Mutex<State>,
    /// Everybody who waits for anything waits here.
    pub(super) changed: Notify,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) log: Log,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) transactions: Transactions,
    pub(super) workers: Workers,
    pub(super) faults: Faults,
    /// Batches that wait for the broker to come back, in order.
    pub(super) pending: VecDeque<PendingBatch>,
    pub(super) next_member: u64,
    /// Nothing expires before this moment.
    pub(super) next_expiry: Option<Instant>,
}

impl Shared {
    pub(super) fn new(config: MemoryKafkaConfig) -> Self {
        let state = State {
            log: Log::default(),
            groups: BTreeMap::new(),
            transactions: Transactions::default(),
            workers: Workers::default(),
            faults: Faults::default(),
            pending: VecDeque::new(),
            next_member: 1,
            next_expiry: None,
        };
        Self { config, state: Mutex::new(state), changed: Notify::new() }
    }

    /// The state as it is. A panic of another holder leaves it usable: every change is made in one step.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state after what the time alone has changed: sessions and transactions that ran out.
    pub(super) fn lock_now(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if state.expire(Instant::now()) {
            self.changed.notify_waiters();
        }
        state
    }

    /// Changes the state and wakes everybody who waits.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock_now());
        self.changed.notify_waiters();
        result
    }

    /// Wakes everybody who waits, after a change that was made under the lock.
    pub(super) fn changed(&self) {
        self.changed.notify_waiters();
    }

    /// Waits until `look` sees what it waits for, at most until `deadline`. `look` runs under the lock, at every
    /// change and whenever something expires.
    pub(super) async fn wait_for<T>(
        self: &Arc<Self>,
        deadline: Option<Instant>,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let wake = {
                let mut state = self.lock_now();
                if let Some(found) = look(&mut state) {
                    return Some(found);
                }
                let now = Instant::now();
                if deadline.is_some_and(|deadline| now >= deadline) {
                    return None;
                }
                // While the broker is down nothing expires, however long ago it should have.
                let expiry = state.next_expiry.filter(|_| !state.faults.broker_stopped());
                earliest(deadline, expiry)
            };
            match wake {
                Some(wake) => {
                    let _ = tokio::time::timeout_at(wake, changed).await;
                }
                None => changed.await,
            }
        }
    }
}

pub(super) fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl State {
    /// Notes that something expires at a moment.
    pub(super) fn expires_at(&mut self, moment: Instant) {
        self.next_expiry = earliest(self.next_expiry, Some(moment));
    }

    /// Removes what has run out. Nothing runs out while the broker is down.
    fn expire(&mut self, now: Instant) -> bool {
        if self.faults.broker_stopped() || self.next_expiry.is_none_or(|next| now < next) {
            return false;
        }
        let mut next = None;
        let mut expired = self.transactions.expire(&mut self.log, now, &mut next);
        for group in self.groups.values_mut() {
            expired |= group.expire(&self.log, now, &mut next);
        }
        expired |= self.workers.expire(now, &mut next);
        self.next_expiry = next;
        expired
    }

    /// Gives every group the partitions of the topics that exist now.
    pub(super) fn topics_changed(&mut self) {
        for group in self.groups.values_mut() {
            group.rebalance(&self.log);
        }
    }

    /// After an outage every session starts anew.
    pub(super) fn restart_sessions(&mut self, now: Instant) {
        for group in self.groups.values_mut() {
            group.restart_sessions(now);
        }
        self.workers.restart_sessions(now);
        self.next_expiry = Some(now);
    }
}

/// A moment after a duration, also when the duration is absurdly long.
pub(super) fn after(now: Instant, duration: Duration) -> Instant {
    const LONG: Duration = Duration::from_secs(60 * 60 * 24 * 365);
    now + duration.min(LONG)
}
