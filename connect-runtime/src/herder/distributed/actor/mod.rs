//! The worker's side of a cluster: one actor that does what the group, the config topic, the connectors and callers
//! want, one after the other.

mod lead;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::lead::Handed;
use super::assignor::Work;
use super::member::{Formed, News, Order, Outcome};
use super::peers::Peers;
use super::request::Request;
use super::view::View;
use crate::config::{ConnectProtocol, DistributedConfig};
use crate::herder::Abandoned;
use crate::herder::supervisor::{Command, Portion, Proposal, Proposals, Shared};
use crate::storage::cluster::{Changes, ClusterConfig, ConfigStore};
use crate::storage::status_log::StatusLog;
use crate::worker::Worker;

/// Commands that may wait for one supervisor.
const INBOX: usize = 16;
/// On top of the graceful time: what a supervisor needs for its own work.
const GRACE: Duration = Duration::from_secs(5);
/// How long statuses may take to be written before the group forms anew.
const FLUSH: Duration = Duration::from_secs(10);
/// How often a worker that cannot keep up tries again before it gives up its work.
const UNSYNCED_ROUNDS: u32 = 5;
/// The pause before a connector's tasks that could not be written are tried again, and the longest.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A supervisor, as the herder sees it.
pub(super) struct Entry {
    inbox: mpsc::Sender<Command>,
    pub(super) shared: Arc<Mutex<Shared>>,
    /// What it was told to run.
    given: Portion,
}

/// What the actor shares with the calls that only look.
pub(super) struct Common {
    pub(super) worker: Arc<Worker>,
    pub(super) configs: Arc<ConfigStore>,
    pub(super) statuses: StatusLog,
    pub(super) view: Arc<View>,
    pub(super) settings: DistributedConfig,
    entries: Mutex<BTreeMap<String, Entry>>,
}

impl Common {
    pub(super) fn new(
        worker: Arc<Worker>,
        configs: Arc<ConfigStore>,
        statuses: StatusLog,
        settings: DistributedConfig,
    ) -> Self {
        let view = Arc::new(View::new(worker.sampling()));
        Self { worker, configs, statuses, view, settings, entries: Mutex::default() }
    }

    pub(super) fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connector's tasks that could not be brought to the leader.
struct Retry {
    at: Instant,
    failures: u32,
    proposal: Proposal,
}

pub(super) struct Actor {
    pub(super) common: Arc<Common>,
    peers: Arc<dyn Peers>,
    orders: mpsc::Sender<Order>,
    news: mpsc::Receiver<News>,
    requests: mpsc::Receiver<Request>,
    /// For the tasks, which ask for the fencing of their forerunners.
    ask: mpsc::WeakSender<Request>,
    proposals: Arc<Proposals>,
    supervisors: JoinSet<()>,
    /// Tasks on their way to the leader.
    handing: JoinSet<Handed>,
    /// The connectors whose tasks are on their way, with newer ones that wait until these have arrived.
    in_hand: BTreeMap<String, Option<Proposal>>,
    /// What this worker shall run, once the group and the config topic agree.
    work: Work,
    /// Whether `work` runs: not while a round is not finished.
    settled: bool,
    /// The configurations that changes are compared with.
    config: Arc<ClusterConfig>,
    retries: BTreeMap<String, Retry>,
    leads: bool,
    /// The right to write must be claimed before the next write.
    must_claim: bool,
    unsynced: u32,
    rotate_at: Option<Instant>,
}

impl Actor {
    pub(super) fn new(
        common: Arc<Common>,
        peers: Arc<dyn Peers>,
        orders: mpsc::Sender<Order>,
        news: mpsc::Receiver<News>,
        requests: mpsc::Receiver<Request>,
        ask: mpsc::WeakSender<Request>,
    ) -> Self {
        let config = common.configs.snapshot();
        Self {
            common,
            peers,
            orders,
            news,
            requests,
            ask,
            proposals: Arc::default(),
            supervisors: JoinSet::new(),
            handing: JoinSet::new(),
            in_hand: BTreeMap::new(),
            work: Work::default(),
            settled: false,
            config,
            retries: BTreeMap::new(),
            leads: false,
            must_claim: true,
            unsynced: 0,
            rotate_at: None,
        }
    }

    pub(super) async fn run(mut self) {
        let common = Arc::clone(&self.common);
        let proposals = Arc::clone(&self.proposals);
        loop {
            let retry_at = self.retries.values().map(|retry| retry.at).min();
            tokio::select! {
                biased;
                news = self.news.recv() => match news {
                    Some(News::Formed(formed, reply)) => {
                        let outcome = self.formed(*formed).await;
                        let _ = reply.send(outcome);
                    }
                    Some(News::Stop(reply)) => {
                        self.lost().await;
                        let _ = reply.send(Outcome::Settled);
                    }
                    None => return,
                },
                request = self.requests.recv() => match request {
                    Some(Request::Stop(reply)) => {
                        let _ = reply.send(self.stop().await);
                        return;
                    }
                    Some(request) => self.answer(request).await,
                    None => return,
                },
                () = common.configs.changed() => self.apply_changes().await,
                () = proposals.added() => {
                    for (connector, proposal) in proposals.take() {
                        self.propose(connector, proposal, 0).await;
                    }
                }
                Some(Ok(handed)) = self.handing.join_next() => self.handed_over(handed),
                () = at(retry_at) => self.retry().await,
                () = at(self.rotate_at) => self.rotate_key().await,
            }
        }
    }

    /// Asks the group to form anew.
    pub(super) fn rejoin(&self) {
        self.common.view.lock().rebalancing = true;
        // When there is no room, somebody asked already.
        let _ = self.orders.try_send(Order::Rejoin);
    }

    async fn lost(&mut self) {
        self.work = Work::default();
        self.settled = true;
        self.leads = false;
        self.rotate_at = None;
        self.reconcile().await;
        self.common.worker.offsets.forget_unwritten().await;
        self.common.statuses.flush(FLUSH).await;
    }

    /// The group has formed: gives up what is revoked, catches up, and starts what is new.
    async fn formed(&mut self, formed: Formed) -> Outcome {
        let common = Arc::clone(&self.common);
        common.worker.statuses.set_generation(formed.generation);
        self.work = formed.work;
        self.settled = false;
        self.stop_unwanted().await;
        if formed.revoked {
            common.statuses.flush(FLUSH).await;
        }
        if formed.leads != self.leads {
            self.leads = formed.leads;
            self.must_claim = true;
            self.rotate_at = None;
        }
        // At once, since it ends what the leader before may have left open, which nobody could read past.
        if self.leads
            && let Err(error) = self.claim().await
        {
            tracing::warn!(%error, "the right to write to the config topic could not be taken yet");
        }
        let behind = common.configs.snapshot().offset() < formed.config_offset;
        if (behind || (formed.failed && formed.leads))
            && let Err(error) = common.configs.refresh(common.settings.worker_sync_timeout).await
        {
            tracing::warn!(error = %error.trace(), "the worker could not catch up with the config topic in time");
            return self.stay_away().await;
        }
        self.unsynced = 0;
        if formed.failed {
            return Outcome::Rejoin;
        }
        // What was read meanwhile is part of the round, unless it is more than the leader knew.
        let changes = common.configs.take_changes();
        let latest = common.configs.snapshot();
        if latest.offset() != formed.config_offset {
            tracing::info!(
                ours = latest.offset(),
                group = formed.config_offset,
                "the config topic has moved on since the work was shared out; joining again"
            );
            self.requeue(changes, &latest).await;
            return Outcome::Rejoin;
        }
        self.config = latest;
        self.settled = true;
        self.reconcile().await;
        self.side_effects(&changes).await;
        if self.leads {
            self.forget_deleted();
            self.rotate_key().await;
        }
        if formed.revoked { Outcome::Rejoin } else { Outcome::Settled }
    }

    /// Changes that came with a round that does not count: what they ask for at once is done now.
    async fn requeue(&mut self, changes: Changes, latest: &Arc<ClusterConfig>) {
        self.config = Arc::clone(latest);
        self.side_effects(&changes).await;
    }

    /// Java keeps its work for some rounds, and then gives it up.
    async fn stay_away(&mut self) -> Outcome {
        let settings = &self.common.settings;
        let left = UNSYNCED_ROUNDS.saturating_sub(self.unsynced);
        if settings.connect_protocol != ConnectProtocol::Eager && left > 0 {
            self.unsynced += 1;
            return Outcome::StayAway(settings.scheduled_rebalance_max_delay / 10 / left, false);
        }
        let pause = settings.worker_unsync_backoff;
        self.unsynced = 0;
        self.lost().await;
        Outcome::StayAway(pause, true)
    }

    /// What the config topic says besides who runs what.
    async fn side_effects(&mut self, changes: &Changes) {
        for (logger, level) in &changes.loggers {
            if let Some(loggers) = &self.common.worker.loggers {
                loggers.set(logger, level);
            }
        }
        for connector in &changes.targets {
            self.target(connector).await;
        }
        for (connector, request) in &changes.restarts {
            self.restart(connector, *request).await;
        }
    }

    async fn apply_changes(&mut self) {
        let changes = self.common.configs.take_changes();
        let before = std::mem::replace(&mut self.config, self.common.configs.snapshot());
        let mut rebalance = false;
        let mut changed = BTreeSet::new();
        for connector in &changes.connectors {
            if before.contains(connector) && self.config.contains(connector) {
                changed.insert(connector.clone());
            } else {
                rebalance = true;
            }
        }
        // New tasks wait for the round that shares them out, old ones stop now.
        for connector in &changes.tasks {
            rebalance = true;
            self.assign(connector, true).await;
        }
        if self.settled {
            for connector in changed {
                self.assign(&connector, false).await;
            }
        }
        self.side_effects(&changes).await;
        if rebalance {
            self.rejoin();
        }
    }

    /// Stops everything and leaves the group.
    async fn stop(mut self) -> Vec<Abandoned> {
        let entries: Vec<_> = std::mem::take(&mut *self.common.entries()).into_iter().collect();
        let graceful = self.common.worker.graceful_timeout();
        let deadline = Instant::now() + graceful;
        let ends = entries.into_iter().map(|(connector, entry)| async move {
            let (reply, answer) = oneshot::channel();
            let asked = async {
                entry.inbox.send(Command::Stop { forget: false, deadline, reply }).await.ok()?;
                answer.await.ok()
            };
            match tokio::time::timeout(graceful + GRACE, asked).await {
                Ok(abandoned) => abandoned.unwrap_or_default(),
                Err(_) => vec![Abandoned { connector, task: None, records_in_flight: 0 }],
            }
        });
        let abandoned = futures::future::join_all(ends).await.into_iter().flatten().collect();
        self.supervisors.shutdown().await;
        self.common.statuses.flush(FLUSH).await;
        self.news.close();
        let (left, leaving) = oneshot::channel();
        if self.orders.send(Order::Leave(left)).await.is_ok() {
            let _ = tokio::time::timeout(GRACE * 2, leaving).await;
        }
        abandoned
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
