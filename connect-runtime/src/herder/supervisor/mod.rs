//! One connector with its tasks: an actor that takes commands in order and never waits for connector code longer
//! than somebody else wants something of it.

mod assigned;
mod command;
mod guard;
mod restarts;
mod tasks;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use connect_api::config::Properties;
use connect_api::{Error, Result};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::Instant;

use self::assigned::Assigned;
pub(super) use self::assigned::{Portion, Proposal, Proposals};
pub(super) use self::command::{Command, Reply, Shared};
use self::guard::guarded;
use self::restarts::Restarts;
use super::{Abandoned, ConnectorType, Restart};
use crate::config::{Resolved, RestartPolicy};
use crate::metrics::TaskCounters;
use crate::storage::State;
use crate::task::control::TargetState;
use crate::task::source::ProducerChecks;
use crate::worker::offsets::ConnectorOffsets;
use crate::worker::{Connector, Host, Signal, Worker};

struct RunningTask {
    control: watch::Sender<TargetState>,
    abort: AbortHandle,
    counters: Arc<TaskCounters>,
    started: Instant,
}

pub(super) struct Supervisor {
    worker: Arc<Worker>,
    name: Arc<str>,
    shared: Arc<Mutex<Shared>>,
    inbox: mpsc::Receiver<Command>,
    /// A command that came while connector code was running.
    next: Option<Command>,
    connector: Option<(Connector, Arc<Host>)>,
    /// The connector has failed; only a restart or a new configuration helps.
    failed: bool,
    /// The configuration with references resolved, as the running connector got it.
    resolved: Arc<Resolved>,
    /// Outside a cluster: the configurations of the tasks as the connector made them, references resolved.
    made: Vec<Properties>,
    tasks: BTreeMap<usize, RunningTask>,
    running: JoinSet<Result<()>>,
    ids: HashMap<Id, usize>,
    /// When a config provider says that its values may have changed.
    reload_at: Option<Instant>,
    /// What happens to a task that failed.
    policy: RestartPolicy,
    restarts: Restarts,
    /// What the producers of this set of tasks have to pass.
    checks: Option<Arc<dyn ProducerChecks>>,
    /// In a cluster: what this worker runs of the connector.
    assigned: Option<Assigned>,
}

impl Supervisor {
    pub(super) fn new(
        worker: Arc<Worker>,
        name: &str,
        shared: Arc<Mutex<Shared>>,
        inbox: mpsc::Receiver<Command>,
    ) -> Self {
        Self {
            worker,
            name: Arc::from(name),
            shared,
            inbox,
            next: None,
            connector: None,
            failed: false,
            resolved: Arc::new(Resolved::plain(Properties::new())),
            made: Vec::new(),
            tasks: BTreeMap::new(),
            running: JoinSet::new(),
            ids: HashMap::new(),
            reload_at: None,
            policy: RestartPolicy::default(),
            restarts: Restarts::default(),
            checks: None,
            assigned: None,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let Some(command) = self.next_command().await else { return };
            match command {
                Command::Configure { config, target, reply } => {
                    {
                        let mut shared = self.shared();
                        shared.config = config;
                        shared.target = target.unwrap_or(shared.target);
                    }
                    self.stop_everything().await;
                    let _ = reply.send(self.apply_target().await);
                }
                Command::Assign { portion, stopped } => self.assign(*portion, stopped).await,
                Command::Target { state, reply } => {
                    self.shared().target = state;
                    let _ = reply.send(self.apply_target().await);
                }
                Command::Restart { what, reply } => {
                    let _ = reply.send(self.restart(what).await);
                }
                Command::RestartTask { task, reply } => {
                    self.restarts.forget(task);
                    self.worker.statuses.put_restart(&self.name, task, None);
                    let _ = reply.send(self.restart_tasks(&[task]).await);
                }
                Command::Offsets { change, reply } => {
                    let _ = reply.send(self.modify_offsets(change).await);
                }
                Command::Stop { forget, deadline, reply } => {
                    let all: Vec<_> = self.tasks.keys().copied().collect();
                    let mut abandoned = self.stop_tasks(&all, deadline).await;
                    if !self.stop_connector(deadline).await {
                        abandoned.push(Abandoned {
                            connector: self.name.to_string(),
                            task: None,
                            records_in_flight: 0,
                        });
                    }
                    if forget {
                        self.worker.statuses.remove(&self.name);
                    } else if !self.failed && self.has_connector() {
                        self.worker.statuses.put(&self.name, None, State::Unassigned, None);
                    }
                    let _ = reply.send(abandoned);
                    return;
                }
            }
        }
    }

    /// The next command; until then, looks after what runs. `None`: the herder is gone.
    async fn next_command(&mut self) -> Option<Command> {
        if let Some(command) = self.next.take() {
            return Some(command);
        }
        loop {
            let host = self.connector.as_ref().map(|(_, host)| Arc::clone(host));
            tokio::select! {
                biased;
                command = self.inbox.recv() => return command,
                Some(exit) = self.running.join_next_with_id() => self.task_ended(exit),
                signal = signal(host) => match signal {
                    Signal::Failed(error) => self.connector_failed(&error),
                    Signal::Reconfigure => {
                        if let Err(error) = self.reconfigure().await {
                            self.connector_failed(&error);
                        }
                    }
                },
                () = at(self.assigned.as_ref().and_then(|assigned| assigned.ask_again_at)) => {
                    if let Some(assigned) = &mut self.assigned {
                        assigned.ask_again_at = None;
                    }
                    let _ = self.reconfigure().await;
                }
                () = at(self.restarts.next()) => self.restart_due().await,
                () = at(self.reload_at) => {
                    self.reload_at = None;
                    tracing::info!(connector = %self.name, "a value of a config provider has expired; restarting the connector");
                    // The failure stands in the status.
                    let _ = self.restart(Restart { include_tasks: true, only_failed: false }).await;
                }
            }
            if self.next.is_some() {
                return self.next.take();
            }
        }
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings connector and tasks to the state that is wanted.
    async fn apply_target(&mut self) -> Result<()> {
        if self.assigned.is_some() {
            return self.apply_target_to_part().await;
        }
        let target = self.shared().target;
        match target {
            TargetState::Started => {
                if self.failed {
                    return Err(Error::connect("Cannot transition connector to STARTED since it has failed")
                        .with("connector", &self.name));
                }
                if self.connector.is_none() {
                    self.start_connector().await?;
                }
                for task in self.tasks.values() {
                    task.control.send_replace(TargetState::Started);
                }
                self.reconfigure().await.inspect_err(|error| self.connector_failed(error))
            }
            TargetState::Paused => {
                self.stop_connector(self.deadline()).await;
                for task in self.tasks.values() {
                    task.control.send_replace(TargetState::Paused);
                }
                if !self.failed {
                    self.worker.statuses.put(&self.name, None, State::Paused, None);
                }
                Ok(())
            }
            TargetState::Stopped => {
                self.stop_everything().await;
                self.worker.statuses.put(&self.name, None, State::Stopped, None);
                Ok(())
            }
        }
    }

    /// Alters or resets the offsets, which nothing else may move meanwhile.
    async fn modify_offsets(&mut self, change: Option<ConnectorOffsets>) -> crate::error::Result<String> {
        let (target, config) = {
            let shared = self.shared();
            (shared.target, shared.config.clone())
        };
        if target != TargetState::Stopped || !self.tasks.is_empty() {
            return Err(crate::Error::BadRequest(format!(
                "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for \
                 the specified connector by issuing a 'PUT' request to the '/connectors/{}/stop' endpoint",
                self.name
            )));
        }
        let (worker, name) = (Arc::clone(&self.worker), Arc::clone(&self.name));
        self.interruptible(async move { Ok(worker.modify_offsets(&name, &config, change.as_ref()).await) })
            .await?
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.worker.graceful_timeout()
    }

    /// Stops tasks and connector and forgets the tasks; a failure is over.
    async fn stop_everything(&mut self) {
        let deadline = self.deadline();
        let all: Vec<_> = self.tasks.keys().copied().collect();
        self.stop_tasks(&all, deadline).await;
        self.stop_connector(deadline).await;
        self.forget_tasks_from(0);
        self.failed = false;
    }

    fn forget_tasks_from(&mut self, from: usize) {
        self.restarts.forget_from(from);
        self.worker.statuses.remove_tasks(&self.name, from);
        self.made.truncate(from);
        let mut shared = self.shared();
        shared.task_configs.truncate(from);
        shared.counters.retain(|task, _| *task < from);
    }

    async fn start_connector(&mut self) -> Result<()> {
        self.worker.startups.connectors.attempted();
        let config = self.shared().config.clone();
        self.worker.note_version(&self.name, &config);
        let worker = Arc::clone(&self.worker);
        let name = Arc::clone(&self.name);
        let started = self
            .interruptible(async move {
                let resolved = Arc::new(worker.resolve(&name, &config).await?);
                let host = worker.connector_host(&name, &resolved.properties)?;
                let connector = worker.start_connector(&resolved.properties, &host).await;
                Ok((resolved, connector, host))
            })
            .await;
        // The secrets are known before the connector can fail with one in its message.
        let started = match started {
            Ok((resolved, connector, host)) => {
                self.resolved = Arc::clone(&resolved);
                connector.map(|connector| (resolved, connector, host))
            }
            Err(error) => Err(error),
        };
        match started {
            Ok((resolved, connector, host)) => {
                self.shared().ty = Some(match connector {
                    Connector::Source(_) => ConnectorType::Source,
                    Connector::Sink(_) => ConnectorType::Sink,
                });
                self.reload_at = self.worker.reload_after(&resolved).map(|after| Instant::now() + after);
                self.connector = Some((connector, host));
                self.worker.startups.connectors.succeeded();
                self.worker.statuses.put(&self.name, None, State::Running, None);
                Ok(())
            }
            Err(error) => {
                self.worker.startups.connectors.failed();
                self.connector_failed(&error);
                Err(error)
            }
        }
    }

    /// `false`: it did not stop in time.
    async fn stop_connector(&mut self, deadline: Instant) -> bool {
        self.reload_at = None;
        let Some((mut connector, _)) = self.connector.take() else { return true };
        match tokio::time::timeout_at(deadline.max(Instant::now()), guarded(connector.stop())).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::error!(connector = %self.name, error = %self.resolved.redact(&error.trace()), "the connector did not stop cleanly");
                true
            }
            Err(_) => {
                tracing::error!(connector = %self.name, "the connector did not stop in time and was cut off");
                false
            }
        }
    }

    fn connector_failed(&mut self, error: &Error) {
        tracing::error!(connector = %self.name, error = %self.resolved.redact(&error.trace()), "the connector failed");
        self.failed = true;
        self.worker.statuses.put(&self.name, None, State::Failed, Some(self.resolved.redact(&error.trace())));
    }

    /// Asks the connector for its tasks and starts them, or leaves the running ones when nothing has changed. In a
    /// cluster the leader gets them, and a connector that fails to make them is asked again.
    async fn reconfigure(&mut self) -> Result<()> {
        match self.make_tasks().await {
            Err(error) if self.assigned.is_some() => {
                self.ask_again(&error);
                Ok(())
            }
            made => made,
        }
    }

    async fn make_tasks(&mut self) -> Result<()> {
        if self.failed || self.shared().target != TargetState::Started {
            return Ok(());
        }
        let Some((mut connector, host)) = self.connector.take() else { return Ok(()) };
        let max = self.worker.tasks_max(&self.resolved.properties)?;
        self.policy = self.worker.restart_policy(&self.resolved.properties)?;
        let result = self
            .interruptible(async move {
                let configs = connector.task_configs(max.tasks).await;
                Ok((connector, configs))
            })
            .await;
        let configs = match result {
            Ok((connector, configs)) => {
                self.connector = Some((connector, host));
                configs?
            }
            Err(error) => return Err(error),
        };
        let configs = self.worker.check_task_configs(&self.name, configs, max, &self.resolved.properties)?;
        let written = self.with_references(&configs);
        if self.assigned.is_some() {
            self.propose(written);
            return Ok(());
        }
        let unchanged = self.made == configs;
        if unchanged && self.tasks.len() == configs.len() {
            self.shared().task_configs = written;
            return Ok(());
        }
        if unchanged {
            self.shared().task_configs = written;
            // Some tasks have ended: they stay ended until somebody restarts them.
            let missing: Vec<_> = (0..configs.len())
                .filter(|task| self.worker.statuses.get(&self.name, Some(*task)).is_none())
                .collect();
            self.start_tasks(&missing);
            return Ok(());
        }
        let all: Vec<_> = self.tasks.keys().copied().collect();
        self.stop_tasks(&all, self.deadline()).await;
        let (earlier, count) = (self.made.len(), configs.len());
        self.forget_tasks_from(0);
        self.checks = self.worker.fence(&self.name, &self.resolved.properties, earlier.max(count))?;
        self.shared().task_configs = written;
        self.made = configs;
        self.start_tasks(&(0..count).collect::<Vec<_>>());
        Ok(())
    }

    /// What came from a config provider as the reference that the user wrote: so it is kept and shown.
    fn with_references(&self, configs: &[Properties]) -> Vec<Properties> {
        let mut written = configs.to_vec();
        for (key, raw) in &self.shared().config {
            if self.resolved.properties.get(key) == Some(raw) {
                continue;
            }
            for task in written.iter_mut().filter(|task| task.contains_key(key)) {
                task.insert(key, raw);
            }
        }
        written
    }

    /// Runs connector code; a command that arrives meanwhile ends it, and is done next.
    async fn interruptible<T>(&mut self, code: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            result = guarded(code) => result,
            command = self.inbox.recv() => {
                self.next = command;
                Err(Error::connect(
                    "Could not begin changing connector state before another request to change state was made; the new \
                     request has pre-empted this one",
                ))
            }
        }
    }
}

async fn signal(host: Option<Arc<Host>>) -> Signal {
    match host {
        Some(host) => host.signal().await,
        None => std::future::pending().await,
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
