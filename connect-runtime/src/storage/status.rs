//! Statuses of connectors and tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// The state of a connector or task, under Kafka's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nobody runs it now.
    Unassigned,
    /// It runs.
    Running,
    /// It waits to be resumed.
    Paused,
    /// It ended with an error; the status has the trace.
    Failed,
    /// It is about to start again.
    Restarting,
    /// It was stopped; its tasks are gone, its offsets stay.
    Stopped,
}

impl State {
    /// Kafka's spelling: `RUNNING`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unassigned => "UNASSIGNED",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Failed => "FAILED",
            Self::Restarting => "RESTARTING",
            Self::Stopped => "STOPPED",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known about a connector or task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The state.
    pub state: State,
    /// For `FAILED`: the error with all its causes.
    pub trace: Option<String>,
    /// Which worker says so.
    pub worker_id: String,
    /// For a task under `errors.restart.*` that has failed since somebody started it: how often, and when it is
    /// started again.
    pub restart: Option<RestartStatus>,
}

impl Status {
    pub(crate) fn unassigned(worker_id: &str) -> Self {
        Self { state: State::Unassigned, trace: None, worker_id: worker_id.to_owned(), restart: None }
    }
}

/// What `errors.restart.*` made of a task's failures. It stays in the status while the task runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestartStatus {
    /// How often the task has failed since somebody started it.
    pub failures: u64,
    /// How many restarts in a row came before the last failure: those that count against the budget.
    pub attempts: u32,
    /// `errors.restart.max.attempts`; `None` for no limit.
    pub max_attempts: Option<u32>,
    /// When it is, or was, started again, in milliseconds since the epoch; `None` when it stays failed.
    pub next_at: Option<i64>,
}

/// Notes which topics one connector uses.
#[derive(Clone, Debug)]
pub(crate) struct TopicTracker {
    pub(crate) statuses: std::sync::Arc<StatusStore>,
    pub(crate) connector: std::sync::Arc<str>,
}

impl TopicTracker {
    /// Records of a topic were written or read. To be called by batch.
    pub(crate) fn used(&self, topic: &str) {
        self.statuses.add_topic(&self.connector, topic);
    }
}

/// Which status: a connector's, or that of one of its tasks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StatusKey {
    pub(crate) connector: String,
    /// `None` is the connector itself.
    pub(crate) task: Option<usize>,
}

/// The statuses of this worker, in memory.
#[derive(Debug)]
pub(crate) struct StatusStore {
    worker_id: String,
    map: Mutex<BTreeMap<StatusKey, Status>>,
    /// The topics that connectors have used (KIP-558).
    topics: Mutex<BTreeMap<String, BTreeSet<String>>>,
    changed: tokio::sync::watch::Sender<u64>,
}

impl StatusStore {
    pub(crate) fn new(worker_id: String) -> Self {
        Self {
            worker_id,
            map: Mutex::default(),
            topics: Mutex::default(),
            changed: tokio::sync::watch::Sender::new(0),
        }
    }

    pub(crate) fn put(&self, connector: &str, task: Option<usize>, state: State, trace: Option<String>) {
        let key = StatusKey { connector: connector.to_owned(), task };
        let mut map = self.lock();
        let restart = map.get(&key).and_then(|status| status.restart);
        map.insert(key, Status { state, trace, worker_id: self.worker_id.clone(), restart });
        drop(map);
        self.changed.send_modify(|version| *version += 1);
    }

    /// Says what becomes of a task that failed.
    pub(crate) fn put_restart(&self, connector: &str, task: usize, restart: Option<RestartStatus>) {
        let key = StatusKey { connector: connector.to_owned(), task: Some(task) };
        if let Some(status) = self.lock().get_mut(&key) {
            status.restart = restart;
        }
        self.changed.send_modify(|version| *version += 1);
    }

    pub(crate) fn get(&self, connector: &str, task: Option<usize>) -> Option<Status> {
        self.lock().get(&StatusKey { connector: connector.to_owned(), task }).cloned()
    }

    /// Forgets the tasks of a connector from a number on.
    pub(crate) fn remove_tasks(&self, connector: &str, from: usize) {
        self.lock().retain(|key, _| key.connector != connector || key.task.is_none_or(|task| task < from));
        self.changed.send_modify(|version| *version += 1);
    }

    /// A task of the connector has written or read a topic.
    pub(crate) fn add_topic(&self, connector: &str, topic: &str) {
        let mut topics = self.lock_topics();
        if !topics.get(connector).is_some_and(|known| known.contains(topic)) {
            topics.entry(connector.to_owned()).or_default().insert(topic.to_owned());
        }
    }

    /// The topics that a connector has used.
    pub(crate) fn topics(&self, connector: &str) -> Vec<String> {
        self.lock_topics().get(connector).map(|known| known.iter().cloned().collect()).unwrap_or_default()
    }

    /// Forgets the topics that a connector has used.
    pub(crate) fn reset_topics(&self, connector: &str) {
        self.lock_topics().remove(connector);
    }

    /// Forgets a connector and its tasks.
    pub(crate) fn remove(&self, connector: &str) {
        self.lock().retain(|key, _| key.connector != connector);
        self.reset_topics(connector);
        self.changed.send_modify(|version| *version += 1);
    }

    /// Changes whenever a status does.
    pub(crate) fn watch(&self) -> tokio::sync::watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock_topics(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, BTreeSet<String>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<StatusKey, Status>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
