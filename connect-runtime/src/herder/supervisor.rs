//! One connector with its tasks: an actor that takes commands in order and never waits for connector code longer
//! than somebody else wants something of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use connect_api::config::Properties;
use connect_api::{Error, Result};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;
use tracing::Instrument;

use super::{Abandoned, ConnectorType, Restart};
use crate::config::Resolved;
use crate::metrics::TaskCounters;
use crate::storage::State;
use crate::task::TaskId;
use crate::task::control::{Control, TargetState};
use crate::worker::{Connector, Host, Signal, TaskStart, Worker};

/// What a caller wants. The answer comes when it is done.
pub(super) enum Command {
    Configure {
        config: Properties,
        target: Option<TargetState>,
        reply: Reply,
    },
    Target {
        state: TargetState,
        reply: Reply,
    },
    Restart {
        what: Restart,
        reply: Reply,
    },
    RestartTask {
        task: usize,
        reply: Reply,
    },
    /// Stops everything and ends the actor.
    Stop {
        forget: bool,
        deadline: Instant,
        reply: oneshot::Sender<Vec<Abandoned>>,
    },
}

pub(super) type Reply = oneshot::Sender<Result<()>>;

/// What others may read without asking the actor.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) config: Properties,
    pub(super) target: TargetState,
    pub(super) ty: Option<ConnectorType>,
    pub(super) task_configs: Vec<Properties>,
    pub(super) counters: BTreeMap<usize, Arc<TaskCounters>>,
}

struct RunningTask {
    control: watch::Sender<TargetState>,
    abort: AbortHandle,
    counters: Arc<TaskCounters>,
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
    tasks: BTreeMap<usize, RunningTask>,
    running: JoinSet<Result<()>>,
    ids: HashMap<Id, usize>,
    /// When a config provider says that its values may have changed.
    reload_at: Option<Instant>,
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
            tasks: BTreeMap::new(),
            running: JoinSet::new(),
            ids: HashMap::new(),
            reload_at: None,
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
                Command::Target { state, reply } => {
                    self.shared().target = state;
                    let _ = reply.send(self.apply_target().await);
                }
                Command::Restart { what, reply } => {
                    let _ = reply.send(self.restart(what).await);
                }
                Command::RestartTask { task, reply } => {
                    let _ = reply.send(self.restart_tasks(&[task]).await);
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
                    } else if !self.failed {
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
        self.worker.statuses.remove_tasks(&self.name, from);
        let mut shared = self.shared();
        shared.task_configs.truncate(from);
        shared.counters.retain(|task, _| *task < from);
    }

    async fn start_connector(&mut self) -> Result<()> {
        let config = self.shared().config.clone();
        let worker = Arc::clone(&self.worker);
        let name = Arc::clone(&self.name);
        let started = self
            .interruptible(async move {
                let resolved = Arc::new(worker.resolve(&name, &config).await?);
                let host = worker.connector_host(&name);
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
                self.worker.statuses.put(&self.name, None, State::Running, None);
                Ok(())
            }
            Err(error) => {
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

    /// Asks the connector for its tasks and starts them, or leaves the running ones when nothing has changed.
    async fn reconfigure(&mut self) -> Result<()> {
        if self.failed || self.shared().target != TargetState::Started {
            return Ok(());
        }
        let Some((mut connector, host)) = self.connector.take() else { return Ok(()) };
        let max = self.worker.tasks_max(&self.resolved.properties)?;
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
        let unchanged = self.shared().task_configs == configs;
        if unchanged && self.tasks.len() == configs.len() {
            return Ok(());
        }
        if unchanged {
            // Some tasks have ended: they stay ended until somebody restarts them.
            let missing: Vec<_> = (0..configs.len())
                .filter(|task| self.worker.statuses.get(&self.name, Some(*task)).is_none())
                .collect();
            self.start_tasks(&missing);
            return Ok(());
        }
        let all: Vec<_> = self.tasks.keys().copied().collect();
        self.stop_tasks(&all, self.deadline()).await;
        self.forget_tasks_from(0);
        let count = configs.len();
        self.shared().task_configs = configs;
        self.start_tasks(&(0..count).collect::<Vec<_>>());
        Ok(())
    }

    fn start_tasks(&mut self, tasks: &[usize]) {
        let target = self.shared().target;
        for task in tasks {
            let Some(config) = self.shared().task_configs.get(*task).cloned() else { continue };
            let (control, receiver) = Control::new(target);
            let counters = Arc::new(TaskCounters::default());
            self.shared().counters.insert(*task, Arc::clone(&counters));
            let id = TaskId { connector: Arc::clone(&self.name), task: *task };
            let span = tracing::info_span!("task", connector = %id.connector, task = id.task);
            let start = TaskStart {
                id,
                connector: Arc::clone(&self.resolved),
                config,
                raw: self.shared().config.clone(),
                control: receiver,
                counters: Arc::clone(&counters),
            };
            let abort = self.running.spawn(Arc::clone(&self.worker).run_task(start).instrument(span));
            self.ids.insert(abort.id(), *task);
            self.tasks.insert(*task, RunningTask { control, abort, counters });
        }
    }

    fn task_ended(&mut self, exit: Result<(Id, Result<()>), JoinError>) {
        let (id, result) = match exit {
            Ok((id, result)) => (id, result),
            Err(error) => (error.id(), Err(panicked(error))),
        };
        let Some(task) = self.ids.remove(&id) else { return };
        // A task that was cut off reports after a newer one has taken its number.
        if self.tasks.get(&task).is_some_and(|running| running.abort.id() == id) {
            self.tasks.remove(&task);
        } else {
            return;
        }
        match result {
            Ok(()) => self.worker.statuses.put(&self.name, Some(task), State::Unassigned, None),
            Err(error) => {
                let trace = self.resolved.redact(&error.trace());
                tracing::error!(connector = %self.name, task, error = %trace, "the task failed and stays so until it is restarted");
                self.worker.statuses.put(&self.name, Some(task), State::Failed, Some(trace));
            }
        }
    }

    /// Stops tasks until the deadline, then cuts them off; answers which.
    async fn stop_tasks(&mut self, tasks: &[usize], deadline: Instant) -> Vec<Abandoned> {
        for task in tasks {
            if let Some(running) = self.tasks.get(task) {
                running.control.send_replace(TargetState::Stopped);
            }
        }
        while tasks.iter().any(|task| self.tasks.contains_key(task)) {
            match tokio::time::timeout_at(deadline, self.running.join_next_with_id()).await {
                Ok(Some(exit)) => self.task_ended(exit),
                Ok(None) | Err(_) => break,
            }
        }
        let mut abandoned = Vec::new();
        for task in tasks {
            if let Some(running) = self.tasks.remove(task) {
                running.abort.abort();
                tracing::error!(connector = %self.name, task, "Graceful stop of task {}-{task} failed.", self.name);
                self.worker.statuses.put(&self.name, Some(*task), State::Unassigned, None);
                abandoned.push(Abandoned {
                    connector: self.name.to_string(),
                    task: Some(*task),
                    records_in_flight: running.counters.snapshot().records_in_flight,
                });
            }
        }
        abandoned
    }

    async fn restart(&mut self, what: Restart) -> Result<()> {
        let restart_connector = !what.only_failed || self.failed;
        let tasks: Vec<usize> = if what.include_tasks {
            (0..self.shared().task_configs.len())
                .filter(|task| !what.only_failed || self.task_state(*task) == Some(State::Failed))
                .collect()
        } else {
            Vec::new()
        };
        if restart_connector {
            self.worker.statuses.put(&self.name, None, State::Restarting, None);
        }
        for task in &tasks {
            self.worker.statuses.put(&self.name, Some(*task), State::Restarting, None);
        }
        self.stop_tasks(&tasks, self.deadline()).await;
        if restart_connector {
            self.stop_connector(self.deadline()).await;
            self.failed = false;
            self.apply_target().await?;
        }
        self.restart_tasks(&tasks).await
    }

    fn task_state(&self, task: usize) -> Option<State> {
        self.worker.statuses.get(&self.name, Some(task)).map(|status| status.state)
    }

    async fn restart_tasks(&mut self, tasks: &[usize]) -> Result<()> {
        self.stop_tasks(tasks, self.deadline()).await;
        let known = self.shared().task_configs.len();
        if let Some(task) = tasks.iter().find(|task| **task >= known) {
            return Err(Error::not_found(format!("Task {}-{task} not found", self.name)));
        }
        self.start_tasks(tasks);
        Ok(())
    }

    /// Runs connector code; a command that arrives meanwhile ends it, and is done next.
    async fn interruptible<T>(&mut self, code: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
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

/// Turns a panic of connector code into an error.
async fn guarded<T>(code: impl Future<Output = Result<T>>) -> Result<T> {
    use futures::FutureExt;
    match std::panic::AssertUnwindSafe(code).catch_unwind().await {
        Ok(result) => result,
        Err(payload) => Err(Error::connect(panic_text(&*payload))),
    }
}

fn panicked(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(payload) => Error::connect(panic_text(&*payload)),
        Err(_) => Error::connect("the task was cut off"),
    }
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    format!("the plugin panicked: {}", text.unwrap_or_else(|| "(no message)".to_owned()))
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
