//! The worker's side of a cluster: one actor that does what the group, the config topic, the connectors and callers
//! want, one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use connect_api::config::Properties;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::assignor::Work;
use super::fence::Fence;
use super::member::{Formed, News, Order, Outcome};
use super::peers::{self, Peers};
use super::request::Request;
use super::view::View;
use crate::config::{ConnectProtocol, DistributedConfig};
use crate::error::{Error, Result};
use crate::herder::supervisor::{Command, Portion, Proposal, Proposals, Shared, Supervisor};
use crate::herder::{Abandoned, Restart};
use crate::storage::cluster::{ClusterConfig, ConfigStore, RestartRequest};
use crate::storage::status_log::StatusLog;
use crate::task::control::TargetState;
use crate::task::source::ProducerChecks;
use crate::time::now_millis;
use crate::wire::config_topic::SessionKey;
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
    async fn requeue(&mut self, changes: crate::storage::cluster::Changes, latest: &Arc<ClusterConfig>) {
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
    async fn side_effects(&mut self, changes: &crate::storage::cluster::Changes) {
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

    /// The part of a connector that this worker runs.
    fn portion(&self, connector: &str, without_tasks: bool) -> Option<Portion> {
        let config = self.config.connector(connector)?;
        let tasks: BTreeSet<usize> = self
            .work
            .tasks
            .iter()
            .filter(|(name, _)| name == connector && !without_tasks)
            .filter_map(|(_, task)| usize::try_from(*task).ok())
            .filter(|task| *task < self.config.task_count(connector))
            .collect();
        let owner = self.work.connectors.contains(connector);
        if tasks.is_empty() && !owner {
            return None;
        }
        Some(Portion {
            config: Arc::clone(config),
            target: self.config.target(connector),
            connector: owner,
            tasks,
            task_configs: self.config.tasks(connector).into_iter().cloned().collect(),
            generation: self.config.task_generation(connector),
            checks: self.checks(connector, config),
        })
    }

    /// What a source's producers have to pass, where it writes exactly once.
    fn checks(&self, connector: &str, config: &Properties) -> Option<Arc<dyn ProducerChecks>> {
        let worker = &self.common.worker;
        if worker.config.exactly_once().is_none() || worker.is_sink(config).unwrap_or(true) {
            return None;
        }
        Some(Arc::new(Fence {
            common: Arc::clone(&self.common),
            peers: Arc::clone(&self.peers),
            ask: self.ask.clone(),
            connector: connector.to_owned(),
            generation: self.config.task_generation(connector),
        }))
    }

    /// Stops what is not this worker's any more, and nothing else.
    async fn stop_unwanted(&mut self) {
        let running: Vec<(String, Portion)> = {
            let entries = self.common.entries();
            entries.iter().map(|(connector, entry)| (connector.clone(), entry.given.clone())).collect()
        };
        let mut stops = Vec::new();
        for (connector, runs) in running {
            let mut less = runs.clone();
            less.connector &= self.work.connectors.contains(&connector);
            less.tasks.retain(|task| {
                let task = i32::try_from(*task).unwrap_or(i32::MAX);
                self.work.tasks.contains(&(connector.clone(), task))
            });
            if less.connector != runs.connector || less.tasks != runs.tasks {
                let nothing = !less.connector && less.tasks.is_empty();
                stops.push((connector, (!nothing).then_some(less)));
            }
        }
        self.give(stops).await;
    }

    /// Brings everything to what this worker shall run.
    async fn reconcile(&mut self) {
        let mut names: BTreeSet<String> = self.common.entries().keys().cloned().collect();
        names.extend(self.work.connectors.iter().cloned());
        names.extend(self.work.tasks.iter().map(|(connector, _)| connector.clone()));
        let portions = names.into_iter().map(|name| {
            let portion = self.portion(&name, false);
            (name, portion)
        });
        let portions = portions.collect();
        self.give(portions).await;
    }

    async fn assign(&mut self, connector: &str, without_tasks: bool) {
        if !self.common.entries().contains_key(connector) {
            return;
        }
        let portion = self.portion(connector, without_tasks);
        self.give(vec![(connector.to_owned(), portion)]).await;
    }

    /// Tells supervisors what they shall run, and waits until nothing else runs.
    async fn give(&mut self, portions: Vec<(String, Option<Portion>)>) {
        let mut waits = Vec::new();
        for (connector, portion) in portions {
            match portion {
                Some(portion) => {
                    let inbox = self.supervisor(&connector, &portion);
                    let (stopped, wait) = oneshot::channel();
                    let command = Command::Assign { portion: Box::new(portion), stopped };
                    waits.push(Wait { connector, inbox, command, done: Done::Stopped(wait) });
                }
                None => {
                    let Some(entry) = self.common.entries().remove(&connector) else { continue };
                    let deadline = Instant::now() + self.common.worker.graceful_timeout();
                    let (reply, wait) = oneshot::channel();
                    let command = Command::Stop { forget: false, deadline, reply };
                    waits.push(Wait { connector, inbox: entry.inbox, command, done: Done::Ended(wait) });
                }
            }
        }
        let limit = self.common.worker.graceful_timeout() + GRACE;
        futures::future::join_all(waits.into_iter().map(|wait| wait.run(limit))).await;
        while self.supervisors.try_join_next().is_some() {}
    }

    fn supervisor(&mut self, connector: &str, given: &Portion) -> mpsc::Sender<Command> {
        let mut entries = self.common.entries();
        if let Some(entry) = entries.get_mut(connector) {
            entry.given = given.clone();
            return entry.inbox.clone();
        }
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (inbox, commands) = mpsc::channel(INBOX);
        let supervisor =
            Supervisor::new(Arc::clone(&self.common.worker), connector, Arc::clone(&shared), commands)
                .in_cluster(Arc::clone(&self.proposals));
        self.supervisors.spawn(supervisor.run());
        entries.insert(connector.to_owned(), Entry { inbox: inbox.clone(), shared, given: given.clone() });
        inbox
    }

    fn inbox(&self, connector: &str) -> Option<mpsc::Sender<Command>> {
        self.common.entries().get(connector).map(|entry| entry.inbox.clone())
    }

    /// Tells a supervisor something whose effect shows in its status.
    async fn tell(
        &self,
        connector: &str,
        command: impl FnOnce(oneshot::Sender<connect_api::Result<()>>) -> Command,
    ) {
        let Some(inbox) = self.inbox(connector) else { return };
        let (reply, _) = oneshot::channel();
        // A supervisor takes commands while connector code runs, so there is room soon.
        let _ = tokio::time::timeout(GRACE, inbox.send(command(reply))).await;
    }

    async fn target(&self, connector: &str) {
        let state = self.config.target(connector);
        self.tell(connector, |reply| Command::Target { state, reply }).await;
    }

    async fn restart(&self, connector: &str, request: RestartRequest) {
        let what = Restart { include_tasks: request.include_tasks, only_failed: request.only_failed };
        self.tell(connector, |reply| Command::Restart { what, reply }).await;
    }

    /// Restarts a task of this worker; `false`: it runs elsewhere.
    pub(super) async fn restart_task(&self, connector: &str, task: usize) -> bool {
        let number = i32::try_from(task).unwrap_or(i32::MAX);
        if !self.work.tasks.contains(&(connector.to_owned(), number)) {
            return false;
        }
        self.tell(connector, |reply| Command::RestartTask { task, reply }).await;
        true
    }

    async fn retry(&mut self) {
        let now = Instant::now();
        let due: Vec<String> =
            self.retries.iter().filter(|(_, retry)| retry.at <= now).map(|(name, _)| name.clone()).collect();
        for connector in due {
            if let Some(retry) = self.retries.remove(&connector) {
                self.propose(connector, retry.proposal, retry.failures).await;
            }
        }
    }

    /// A connector of this worker has made its tasks: if they are new, they have to be written.
    async fn propose(&mut self, connector: String, proposal: Proposal, failures: u32) {
        self.retries.remove(&connector);
        let config = self.common.configs.snapshot();
        let stale = config.connector(&connector).is_none_or(|known| **known != proposal.config);
        if stale
            || !self.work.connectors.contains(&connector)
            || config.target(&connector) != TargetState::Started
        {
            return;
        }
        let same = !config.is_inconsistent(&connector)
            && config.applied(&connector) == Some(&proposal.config)
            && config.tasks(&connector).into_iter().eq(&proposal.configs);
        if same {
            return;
        }
        if let Err(error) = self.hand_over(&connector, &proposal.configs).await {
            let pause =
                PAUSE.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(LONGEST_PAUSE);
            tracing::warn!(connector, %error, ?pause, "the tasks of a connector could not be written and are tried again");
            let retry = Retry { at: Instant::now() + pause, failures: failures + 1, proposal };
            self.retries.insert(connector, retry);
        }
    }

    /// The leader writes them, whoever that is.
    async fn hand_over(&mut self, connector: &str, configs: &[Properties]) -> Result<()> {
        let seen = self.common.view.seen();
        if seen.leader {
            return self.write_tasks(connector, configs).await;
        }
        let leader = seen.leader_url.filter(|url| !url.is_empty());
        let leader = leader.ok_or_else(|| Error::Conflict("the leader is not known yet".to_owned()))?;
        let mut request = peers::put_tasks(&leader, connector, configs)?;
        if seen.signed {
            let algorithm = &self.common.settings.inter_worker_signature_algorithm;
            request = peers::sign(request, &self.common.configs.snapshot(), algorithm)?;
        }
        let peers = Arc::clone(&self.peers);
        let (status, body) = peers.send(request).await?;
        match status {
            200..300 => Ok(()),
            _ => Err(Error::Conflict(format!(
                "the leader at {leader} answered {status}: {}",
                String::from_utf8_lossy(&body)
            ))),
        }
    }

    /// Leader only.
    pub(super) async fn write_tasks(&mut self, connector: &str, configs: &[Properties]) -> Result<()> {
        self.claim().await?;
        let written = self.common.configs.put_tasks(connector, configs).await;
        self.wrote(written)
    }

    /// Takes the right to write from the leader before, once.
    pub(super) async fn claim(&mut self) -> Result<()> {
        if self.must_claim {
            self.common.configs.claim_write_privileges().await?;
            self.must_claim = false;
        }
        Ok(())
    }

    /// After a failed write the right has to be claimed again.
    pub(super) fn wrote(&mut self, written: connect_api::Result<()>) -> Result<()> {
        if written.is_err() {
            self.must_claim = true;
        }
        written.map_err(Error::from)
    }

    /// Gives the group a key where it has none, or an old one.
    async fn rotate_key(&mut self) {
        self.rotate_at = None;
        let common = Arc::clone(&self.common);
        if !self.leads || !common.view.lock().signed {
            return;
        }
        let settings = &common.settings;
        let (ttl, algorithm) =
            (settings.inter_worker_key_ttl, &settings.inter_worker_key_generation_algorithm);
        let size =
            settings.inter_worker_key_size.and_then(|bits| usize::try_from(bits / 8).ok()).unwrap_or(32);
        let known = common.configs.snapshot().session_key.clone();
        let usable = known.filter(|key| {
            let length =
                base64::engine::general_purpose::STANDARD.decode(&key.key).map_or(0, |key| key.len());
            key.algorithm == *algorithm && length == size
        });
        let age = usable.map(|key| {
            Duration::from_millis(
                u64::try_from(now_millis().saturating_sub(key.creation_timestamp)).unwrap_or_default(),
            )
        });
        if let Some(age) = age
            && (ttl.is_zero() || age < ttl)
        {
            self.rotate_at = (!ttl.is_zero()).then(|| Instant::now() + (ttl - age));
            return;
        }
        let mut key = vec![0; size];
        if SystemRandom::new().fill(&mut key).is_err() {
            tracing::error!("the system has no random numbers for a session key");
            return;
        }
        let key = SessionKey {
            key: base64::engine::general_purpose::STANDARD.encode(key),
            algorithm: algorithm.clone(),
            creation_timestamp: now_millis(),
        };
        let written = match self.claim().await {
            Ok(()) => {
                let written = common.configs.put_session_key(key).await;
                self.wrote(written)
            }
            Err(error) => Err(error),
        };
        let again = match written {
            Ok(()) => (!ttl.is_zero()).then_some(ttl),
            Err(error) => {
                tracing::warn!(%error, "a new session key could not be shared and is tried again");
                Some(PAUSE * 4)
            }
        };
        self.rotate_at = again.map(|after| Instant::now() + after);
    }

    /// The leader removes the statuses of what is not configured any more.
    fn forget_deleted(&self) {
        let statuses = &self.common.worker.statuses;
        for key in statuses.keys() {
            match key.task {
                None if !self.config.contains(&key.connector) => statuses.remove(&key.connector),
                Some(task) if task >= self.config.committed_tasks(&key.connector) => {
                    statuses.remove_tasks(&key.connector, self.config.committed_tasks(&key.connector));
                }
                _ => {}
            }
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

enum Done {
    Stopped(oneshot::Receiver<()>),
    Ended(oneshot::Receiver<Vec<Abandoned>>),
}

/// A supervisor that is told something.
struct Wait {
    connector: String,
    inbox: mpsc::Sender<Command>,
    command: Command,
    done: Done,
}

impl Wait {
    async fn run(self, limit: Duration) {
        let Self { connector, inbox, command, done } = self;
        let told = async {
            if inbox.send(command).await.is_err() {
                return;
            }
            match done {
                Done::Stopped(stopped) => drop(stopped.await),
                Done::Ended(ended) => drop(ended.await),
            }
        };
        if tokio::time::timeout(limit, told).await.is_err() {
            tracing::error!(connector, "a connector did not stop what was taken from this worker in time");
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
