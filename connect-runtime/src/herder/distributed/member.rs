//! A worker's membership: joins its group, shares out the work where it leads, and tells the worker what it has to run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::assignor::{Incremental, Shares, Work, assign_eagerly};
use super::view::View;
use crate::config::ConnectProtocol;
use crate::kafka::membership::{GroupMember, Joined, MemberError};
use crate::kafka::{KafkaError, KafkaErrorKind};
use crate::storage::cluster::{ClusterConfig, ConfigStore};
use crate::wire::group::{self, Assignment, WorkerState};

/// The pause before an unreachable coordinator is asked again.
const PAUSE: Duration = Duration::from_millis(200);
/// The leader could not use the configurations that all members know.
const CONFIG_MISMATCH: i16 = 1;

/// What the worker wants.
#[derive(Debug)]
pub(super) enum Order {
    /// The group shall form anew.
    Rejoin,
    /// Leaves the group and ends.
    Leave(oneshot::Sender<()>),
}

/// What the group says. The worker answers when it has done it.
#[derive(Debug)]
pub(super) enum News {
    /// Stop everything: the group forms anew, or was lost.
    Stop(oneshot::Sender<Outcome>),
    /// The group has formed.
    Formed(Box<Formed>, oneshot::Sender<Outcome>),
}

#[derive(Debug)]
pub(super) struct Formed {
    /// Everything that this worker has to run.
    pub(super) work: Work,
    pub(super) generation: i32,
    /// The offset of the config topic that the work was shared out with.
    pub(super) config_offset: i64,
    /// The leader could not share out.
    pub(super) failed: bool,
    /// Whether something was taken from this worker, which others get in the next round.
    pub(super) revoked: bool,
    pub(super) leads: bool,
}

/// What the worker made of the news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It runs what it shall run.
    Settled,
    /// The group has to form anew.
    Rejoin,
    /// The worker cannot keep up, and stays away for a while; `true`: it has stopped everything.
    StayAway(Duration, bool),
}

pub(super) struct Settings {
    pub(super) protocol: ConnectProtocol,
    pub(super) url: String,
    pub(super) heartbeat_interval: Duration,
    pub(super) session_timeout: Duration,
    pub(super) max_delay: Duration,
}

pub(super) struct Member {
    group: Box<dyn GroupMember>,
    settings: Settings,
    configs: Arc<ConfigStore>,
    view: Arc<View>,
    orders: mpsc::Receiver<Order>,
    news: mpsc::Sender<News>,
    assignor: Incremental,
    /// What this worker has, by the incremental protocol.
    work: Work,
    /// What it got last; `None` before it was ever in the group, or after it was lost.
    last: Option<Assignment>,
    last_completed: i32,
    /// Since when no broker answers for the group.
    unreachable_since: Option<Instant>,
    /// When the call was made that the group answered last.
    heard: Instant,
}

/// Why a stay in the group ended.
enum End {
    Rejoin,
    StayAway(Duration),
    Leave(Option<oneshot::Sender<()>>),
}

impl Member {
    pub(super) fn new(
        group: Box<dyn GroupMember>,
        settings: Settings,
        configs: Arc<ConfigStore>,
        view: Arc<View>,
        orders: mpsc::Receiver<Order>,
        news: mpsc::Sender<News>,
    ) -> Self {
        let assignor = Incremental::new(settings.max_delay);
        Self {
            group,
            settings,
            configs,
            view,
            orders,
            news,
            assignor,
            work: Work::default(),
            last: None,
            last_completed: -1,
            unreachable_since: None,
            heard: Instant::now(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            match self.stay().await {
                End::Rejoin => {}
                End::StayAway(pause) => {
                    let _ = self.group.leave().await;
                    let wait = async {
                        while let Some(order) = self.orders.recv().await {
                            if let Order::Leave(left) = order {
                                return left;
                            }
                        }
                        std::future::pending().await
                    };
                    if let Ok(left) = tokio::time::timeout(pause, wait).await {
                        let _ = left.send(());
                        return;
                    }
                }
                End::Leave(left) => {
                    if let Err(error) = self.group.leave().await {
                        tracing::warn!(%error, "the worker could not leave its group: the others wait until its session has run out");
                    }
                    if let Some(left) = left {
                        let _ = left.send(());
                    }
                    return;
                }
            }
        }
    }

    /// Joins the group and stays until it forms anew.
    async fn stay(&mut self) -> End {
        self.view.lock().rebalancing = true;
        self.view.rebalances.began();
        if self.settings.protocol == ConnectProtocol::Eager && !self.work.is_empty() {
            self.stop_everything().await;
        }
        let formed = match self.form().await {
            Ok(formed) => formed,
            Err(end) => return end,
        };
        let delay = self.last.as_ref().map_or(0, |last| last.delay);
        let delay = u64::try_from(delay).ok().filter(|delay| *delay > 0).map(Duration::from_millis);
        let rejoin_at = delay.map(|delay| Instant::now() + delay);
        let (reply, mut outcome) = oneshot::channel();
        if self.news.send(News::Formed(Box::new(formed), reply)).await.is_err() {
            return End::Leave(None);
        }
        let (mut busy, mut rejoin) = (true, false);
        let mut beat = Instant::now() + self.settings.heartbeat_interval;
        loop {
            if rejoin && !busy {
                return End::Rejoin;
            }
            tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(Order::Rejoin) => rejoin = true,
                    Some(Order::Leave(left)) => return End::Leave(Some(left)),
                    None => return End::Leave(None),
                },
                done = &mut outcome, if busy => {
                    busy = false;
                    if matches!(done, Ok(Outcome::Settled | Outcome::Rejoin)) {
                        self.view.rebalances.ended();
                    }
                    match done {
                        Ok(Outcome::Settled) => {}
                        Ok(Outcome::Rejoin) => rejoin = true,
                        Ok(Outcome::StayAway(pause, stopped)) => {
                            if stopped {
                                self.work = Work::default();
                                self.last = None;
                            }
                            return End::StayAway(pause);
                        }
                        Err(_) => return End::Leave(None),
                    }
                }
                () = at(rejoin_at.filter(|_| !rejoin)) => rejoin = true,
                () = tokio::time::sleep_until(beat) => {
                    match self.heartbeat().await {
                        Ok(()) => {
                            // What was stopped meanwhile is shared out again.
                            rejoin |= self.last.is_none();
                            beat = Instant::now() + self.settings.heartbeat_interval;
                        }
                        Err(MemberError::Kafka(error)) => {
                            self.unreachable(&error).await;
                            beat = Instant::now() + PAUSE;
                        }
                        Err(told) => {
                            tracing::info!("{told}; joining again");
                            rejoin = true;
                            // Whoever is not known any more gains nothing by heartbeats.
                            beat = Instant::now() + self.settings.heartbeat_interval;
                        }
                    }
                }
            }
        }
    }

    /// An answer that does not come before the session has run out is none.
    async fn heartbeat(&mut self) -> Result<(), MemberError> {
        let now = Instant::now();
        // With nothing to lose there is time.
        let since = if self.last.is_some() { self.heard } else { now };
        let deadline = (since + self.settings.session_timeout).max(now + PAUSE);
        let beaten = tokio::time::timeout_at(deadline, self.group.heartbeat()).await;
        let beaten = beaten.unwrap_or_else(|_| {
            let silent = "the coordinator did not answer a heartbeat before the session ran out";
            Err(KafkaError::new(KafkaErrorKind::Timeout, silent).into())
        });
        let silent = now - self.heard;
        if !matches!(beaten, Err(MemberError::Kafka(_))) {
            self.heard(now);
        }
        // A process that was frozen for so long comes back to tasks that run elsewhere by now.
        let moved = silent >= self.settings.session_timeout + self.settings.max_delay;
        if matches!(beaten, Err(MemberError::Expelled)) && moved && self.last.is_some() {
            tracing::error!(?silent, "this worker was out of its group for too long: everything is stopped");
            self.stop_everything().await;
        }
        beaten
    }

    fn heard(&mut self, asked: Instant) {
        self.heard = asked;
        self.unreachable_since = None;
    }

    /// A worker that cannot reach its group must not run what others may have got meanwhile: at the latest when its
    /// session has run out it stops everything, however few of its calls have failed by then.
    async fn unreachable(&mut self, error: &KafkaError) {
        let since = *self.unreachable_since.get_or_insert_with(Instant::now);
        tracing::warn!(%error, "the coordinator of the workers' group cannot be reached");
        let too_long = since.elapsed() >= self.settings.heartbeat_interval
            || self.heard.elapsed() >= self.settings.session_timeout;
        if too_long && self.last.is_some() {
            tracing::error!(
                "the group was out of reach for too long: everything is stopped until it is back"
            );
            self.stop_everything().await;
        }
    }

    async fn stop_everything(&mut self) {
        self.work = Work::default();
        self.last = None;
        {
            let mut seen = self.view.lock();
            seen.leader = false;
            seen.member = false;
        }
        let (reply, done) = oneshot::channel();
        if self.news.send(News::Stop(reply)).await.is_ok() {
            let _ = done.await;
        }
    }

    /// Joins and learns what to do, as often as it takes.
    async fn form(&mut self) -> Result<Formed, End> {
        loop {
            let config = self.configs.snapshot();
            let protocols = match self.protocols(config.offset()) {
                Ok(protocols) => protocols,
                Err(error) => {
                    tracing::error!(error = %error.trace(), "the worker cannot tell its group what it runs");
                    self.wait(PAUSE * 10).await?;
                    continue;
                }
            };
            let joined = tokio::select! {
                biased;
                left = leave(&mut self.orders) => return Err(End::Leave(left)),
                joined = self.group.join(&protocols) => joined,
            };
            let joined = match joined {
                Ok(joined) => joined,
                Err(error) => {
                    self.failed(error).await?;
                    continue;
                }
            };
            let shares = self.share_out(&joined, config);
            let asked = Instant::now();
            let assigned = tokio::select! {
                biased;
                left = leave(&mut self.orders) => return Err(End::Leave(left)),
                assigned = self.group.sync(&shares) => assigned,
            };
            match assigned {
                Ok(bytes) => {
                    self.heard(asked);
                    if let Some(formed) = self.understand(&joined, &bytes) {
                        return Ok(formed);
                    }
                    self.wait(PAUSE).await?;
                }
                Err(error) => self.failed(error).await?,
            }
        }
    }

    async fn failed(&mut self, error: MemberError) -> Result<(), End> {
        match error {
            MemberError::Rebalance | MemberError::Expelled => Ok(()),
            MemberError::Kafka(error) => {
                self.unreachable(&error).await;
                let pause = if error.is_retriable() { PAUSE } else { PAUSE * 10 };
                self.wait(pause).await
            }
        }
    }

    async fn wait(&mut self, pause: Duration) -> Result<(), End> {
        match tokio::time::timeout(pause, leave(&mut self.orders)).await {
            Ok(left) => Err(End::Leave(left)),
            Err(_) => Ok(()),
        }
    }

    fn protocols(&self, config_offset: i64) -> connect_api::Result<Vec<(String, Bytes)>> {
        let assignment = self.last.as_ref().map(|last| Assignment {
            connectors: self.work.connectors.iter().cloned().collect(),
            tasks: self.work.tasks.iter().cloned().collect(),
            revoked_connectors: Vec::new(),
            revoked_tasks: Vec::new(),
            ..last.clone()
        });
        let state = WorkerState { url: Some(self.settings.url.clone()), config_offset, assignment };
        self.settings
            .protocol
            .offered()
            .map(|protocol| Ok((protocol.group_name().to_owned(), group::encode_metadata(&state, protocol)?)))
            .collect()
    }

    /// The leader's part: what every member gets. Empty for the others.
    fn share_out(&mut self, joined: &Joined, config: Arc<ClusterConfig>) -> Vec<(String, Bytes)> {
        if !joined.is_leader() {
            return Vec::new();
        }
        let protocol = protocol(&joined.protocol);
        let mut states: BTreeMap<String, WorkerState> = BTreeMap::new();
        for (member, bytes) in &joined.members {
            match group::decode_metadata(bytes, protocol) {
                Ok(state) => {
                    states.insert(member.clone(), state);
                }
                Err(error) => {
                    tracing::error!(member, error = %error.trace(), "a member of the group cannot be understood and gets no work");
                }
            }
        }
        let highest = states.values().map(|state| state.config_offset).max().unwrap_or(-1);
        let config = if config.offset() < highest { self.configs.snapshot() } else { config };
        let leader_url = states.get(&joined.leader).and_then(|state| state.url.clone());
        let mut failed = 0;
        let shares = if config.offset() < highest {
            tracing::warn!(
                ours = config.offset(),
                highest,
                "this leader has not read the config topic as far as another worker"
            );
            failed = CONFIG_MISMATCH;
            Shares::default()
        } else {
            self.compute(protocol, &config, &states, joined.generation)
        };
        let config_offset = highest.max(config.offset());
        self.note_owners(&states, &shares);
        let answers = joined.members.iter().map(|(member, _)| {
            let work = shares.assigned.get(member).cloned().unwrap_or_default();
            let revoked = shares.revoked.get(member).cloned().unwrap_or_default();
            let assignment = Assignment {
                version: protocol.version(),
                error: failed,
                leader: Some(joined.leader.clone()),
                leader_url: leader_url.clone(),
                config_offset,
                connectors: work.connectors.into_iter().collect(),
                tasks: work.tasks.into_iter().collect(),
                revoked_connectors: revoked.connectors.into_iter().collect(),
                revoked_tasks: revoked.tasks.into_iter().collect(),
                delay: shares.delay,
            };
            let bytes = group::encode_assignment(&assignment, protocol).unwrap_or_else(|error| {
                tracing::error!(member, error = %error.trace(), "what a member gets cannot be written");
                Bytes::new()
            });
            (member.clone(), bytes)
        });
        answers.collect()
    }

    fn compute(
        &mut self,
        protocol: ConnectProtocol,
        config: &ClusterConfig,
        states: &BTreeMap<String, WorkerState>,
        generation: i32,
    ) -> Shares {
        let configured = Work::configured(config);
        if protocol == ConnectProtocol::Eager {
            return assign_eagerly(&configured, states.keys().cloned());
        }
        let active = states.iter().map(|(member, state)| (member.clone(), owned(state))).collect();
        self.assignor.assign(&configured, &active, self.last_completed, generation, Instant::now())
    }

    /// Where things run once all members have done what they are told.
    fn note_owners(&self, states: &BTreeMap<String, WorkerState>, shares: &Shares) {
        let mut owners = BTreeMap::new();
        for (member, state) in states {
            let Some(url) = &state.url else { continue };
            let mut work = owned(state);
            if let Some(gone) = shares.revoked.get(member) {
                work.remove(gone);
            }
            if let Some(more) = shares.assigned.get(member) {
                work.add(more);
            }
            for connector in work.connectors {
                owners.insert((connector, None), url.clone());
            }
            for (connector, task) in work.tasks {
                owners.insert((connector, usize::try_from(task).ok()), url.clone());
            }
        }
        self.view.lock().owners = owners;
    }

    /// Takes over what the leader assigned. `None`: it cannot be understood.
    fn understand(&mut self, joined: &Joined, bytes: &[u8]) -> Option<Formed> {
        let protocol = protocol(&joined.protocol);
        let assignment = match group::decode_assignment(bytes, protocol) {
            Ok(assignment) => assignment,
            Err(error) => {
                tracing::error!(error = %error.trace(), "what the leader assigned cannot be understood; joining again");
                return None;
            }
        };
        let new = Work {
            connectors: assignment.connectors.iter().cloned().collect(),
            tasks: assignment.tasks.iter().cloned().collect(),
        };
        let gone = Work {
            connectors: assignment.revoked_connectors.iter().cloned().collect(),
            tasks: assignment.revoked_tasks.iter().cloned().collect(),
        };
        if protocol == ConnectProtocol::Eager {
            self.work = new;
        } else {
            self.work.remove(&gone);
            self.work.add(&new);
        }
        self.last_completed = joined.generation;
        {
            let mut seen = self.view.lock();
            seen.member = true;
            seen.leader = joined.is_leader();
            seen.leader_url.clone_from(&assignment.leader_url);
            seen.signed = protocol == ConnectProtocol::Sessioned;
            seen.rebalancing = false;
            if !seen.leader {
                seen.owners.clear();
            }
        }
        self.view.has_formed.notify_waiters();
        self.view.rebalances.formed(joined.generation, protocol);
        let formed = Formed {
            work: self.work.clone(),
            generation: joined.generation,
            config_offset: assignment.config_offset,
            failed: assignment.error != 0,
            revoked: !gone.is_empty(),
            leads: joined.is_leader(),
        };
        tracing::info!(
            generation = joined.generation,
            leader = joined.is_leader(),
            leader_url = assignment.leader_url.as_deref().unwrap_or_default(),
            connectors = self.work.connectors.len(),
            tasks = self.work.tasks.len(),
            delay = assignment.delay,
            "the group has formed"
        );
        self.last = Some(assignment);
        Some(formed)
    }
}

fn protocol(name: &str) -> ConnectProtocol {
    let known = ConnectProtocol::Sessioned.offered().find(|protocol| protocol.group_name() == name);
    known.unwrap_or(ConnectProtocol::Eager)
}

/// What a member runs.
fn owned(state: &WorkerState) -> Work {
    let Some(assignment) = &state.assignment else { return Work::default() };
    let connectors: BTreeSet<_> = assignment.connectors.iter().cloned().collect();
    Work { connectors, tasks: assignment.tasks.iter().cloned().collect() }
}

/// Resolves when the worker shall leave. Other orders mean nothing while the group forms.
async fn leave(orders: &mut mpsc::Receiver<Order>) -> Option<oneshot::Sender<()>> {
    loop {
        match orders.recv().await {
            Some(Order::Leave(left)) => return Some(left),
            Some(Order::Rejoin) => {}
            None => return None,
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
