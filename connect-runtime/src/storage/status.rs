//! Statuses of connectors and tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};

use super::status_log::Outbox;
use crate::time::now_millis;
pub use crate::wire::status_topic::State;
use crate::wire::status_topic::{StatusRecord, StatusValue, TopicUse};

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
    /// The version of the connector's plugin, as far as that worker knows it.
    pub version: Option<String>,
    /// In which generation of its group: of two workers that speak of one task the later one is right.
    pub(crate) generation: i32,
    /// For a task under `errors.restart.*` that has failed since somebody started it: how often, and when it is
    /// started again.
    pub restart: Option<RestartStatus>,
}

impl Status {
    pub(crate) fn unassigned(worker_id: &str) -> Self {
        Self {
            state: State::Unassigned,
            trace: None,
            worker_id: worker_id.to_owned(),
            version: None,
            generation: 0,
            restart: None,
        }
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
    pub(crate) task: usize,
}

impl TopicTracker {
    /// Records of a topic were written or read. To be called by batch.
    pub(crate) fn used(&self, topic: &str) {
        self.statuses.add_topic(&self.connector, self.task, topic);
    }
}

/// Which status: a connector's, or that of one of its tasks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StatusKey {
    pub(crate) connector: String,
    /// `None` is the connector itself.
    pub(crate) task: Option<usize>,
}

/// The statuses that this worker knows: its own, and in a cluster those of the other workers.
#[derive(Debug)]
pub(crate) struct StatusStore {
    worker_id: String,
    map: Mutex<BTreeMap<StatusKey, Status>>,
    /// The versions of the plugins of connectors that run here.
    versions: Mutex<BTreeMap<String, String>>,
    /// The topics that connectors have used (KIP-558).
    topics: Mutex<BTreeMap<String, BTreeSet<String>>>,
    changed: tokio::sync::watch::Sender<u64>,
    /// What the other workers have to be told; `None` where there are none.
    outbox: Option<Outbox>,
    generation: AtomicI32,
}

impl StatusStore {
    pub(crate) fn new(worker_id: String) -> Self {
        Self {
            worker_id,
            map: Mutex::default(),
            versions: Mutex::default(),
            topics: Mutex::default(),
            changed: tokio::sync::watch::Sender::new(0),
            outbox: None,
            generation: AtomicI32::new(0),
        }
    }

    /// That of a worker in a cluster: what is put here is to be written to the status topic.
    pub(crate) fn of_cluster(worker_id: String) -> Self {
        Self { outbox: Some(Outbox::default()), ..Self::new(worker_id) }
    }

    pub(crate) fn outbox(&self) -> Option<&Outbox> {
        self.outbox.as_ref()
    }

    /// Which version of its plugin a connector has: from now on its statuses say so.
    pub(crate) fn set_version(&self, connector: &str, version: &str) {
        self.lock_versions().insert(connector.to_owned(), version.to_owned());
    }

    fn lock_versions(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The group has formed anew.
    pub(crate) fn set_generation(&self, generation: i32) {
        self.generation.store(generation, Ordering::Relaxed);
    }

    pub(crate) fn put(&self, connector: &str, task: Option<usize>, state: State, trace: Option<String>) {
        let key = StatusKey { connector: connector.to_owned(), task };
        let generation = self.generation.load(Ordering::Relaxed);
        let mut map = self.lock();
        let known = map.get(&key);
        if self.outbox.is_some()
            && state == State::Unassigned
            && known.is_some_and(|known| known.worker_id != self.worker_id && known.generation > generation)
        {
            // Somebody else runs it already.
            return;
        }
        let restart = known.and_then(|status| status.restart);
        let version = self.lock_versions().get(connector).cloned();
        let status = Status { state, trace, worker_id: self.worker_id.clone(), version, generation, restart };
        // Under the lock, so that the last one told is the last one kept.
        self.tell(|| record(&key, Some(&status)));
        map.insert(key, status);
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

    /// Everything that has a status.
    pub(crate) fn keys(&self) -> Vec<StatusKey> {
        self.lock().keys().cloned().collect()
    }

    /// Forgets the tasks of a connector from a number on.
    pub(crate) fn remove_tasks(&self, connector: &str, from: usize) {
        self.forget(|key| key.connector == connector && key.task.is_some_and(|task| task >= from));
    }

    /// A task of the connector has written or read a topic.
    pub(crate) fn add_topic(&self, connector: &str, task: usize, topic: &str) {
        let mut topics = self.lock_topics();
        if !topics.get(connector).is_some_and(|known| known.contains(topic)) {
            topics.entry(connector.to_owned()).or_default().insert(topic.to_owned());
            self.tell(|| {
                let topic_use = TopicUse {
                    topic: topic.to_owned(),
                    connector: connector.to_owned(),
                    task: i64::try_from(task).unwrap_or(i64::MAX),
                    discover_timestamp: now_millis(),
                };
                topic_record(topic, connector, Some(topic_use))
            });
        }
    }

    /// The topics that a connector has used.
    pub(crate) fn topics(&self, connector: &str) -> Vec<String> {
        self.lock_topics().get(connector).map(|known| known.iter().cloned().collect()).unwrap_or_default()
    }

    /// Forgets the topics that a connector has used.
    pub(crate) fn reset_topics(&self, connector: &str) {
        for topic in self.lock_topics().remove(connector).unwrap_or_default() {
            self.tell(|| topic_record(&topic, connector, None));
        }
    }

    /// Forgets a connector and its tasks.
    pub(crate) fn remove(&self, connector: &str) {
        self.forget(|key| key.connector == connector);
        self.lock_versions().remove(connector);
        self.reset_topics(connector);
    }

    fn forget(&self, which: impl Fn(&StatusKey) -> bool) {
        self.lock().retain(|key, _| {
            let gone = which(key);
            if gone {
                self.tell(|| record(key, None));
            }
            !gone
        });
        self.changed.send_modify(|version| *version += 1);
    }

    fn tell(&self, record: impl FnOnce() -> StatusRecord) {
        if let Some(outbox) = &self.outbox {
            outbox.put(&record());
        }
    }

    /// Takes over what a worker of the cluster wrote, this one or another.
    pub(crate) fn apply(&self, record: StatusRecord) {
        let (key, _) = record.encode();
        if self.outbox.as_ref().is_some_and(|outbox| outbox.holds(&key)) {
            // What this worker has to say about it comes later.
            return;
        }
        match record {
            StatusRecord::Connector { name, status: None } => {
                self.lock().retain(|key, _| key.connector != name)
            }
            StatusRecord::Connector { name, status: Some(value) } => {
                self.take_over(StatusKey { connector: name, task: None }, value);
            }
            StatusRecord::Task { connector, task, status: None } => {
                self.lock().remove(&StatusKey { connector, task: Some(task) });
            }
            StatusRecord::Task { connector, task, status: Some(value) } => {
                self.take_over(StatusKey { connector, task: Some(task) }, value);
            }
            StatusRecord::Topic { topic, connector, topic_use: None } => {
                if let Some(known) = self.lock_topics().get_mut(&connector) {
                    known.remove(&topic);
                }
            }
            StatusRecord::Topic { topic, connector, topic_use: Some(_) } => {
                self.lock_topics().entry(connector).or_default().insert(topic);
            }
            StatusRecord::Unknown => {}
        }
        self.changed.send_modify(|version| *version += 1);
    }

    fn take_over(&self, key: StatusKey, value: StatusValue) {
        let mut map = self.lock();
        let known = map.get(&key);
        let late = known.filter(|known| {
            value.state == State::Unassigned
                && known.state == State::Running
                && known.generation >= value.generation
                && known.worker_id != value.worker_id
        });
        if let Some(known) = late {
            // Whoever had it before says so after the next one runs it: a worker that was cut off from Kafka, when it
            // is back. Workers of Java believe it where a connector is concerned, so its owner says it again.
            if known.worker_id == self.worker_id {
                self.tell(|| record(&key, Some(known)));
            }
            return;
        }
        let restart =
            known.filter(|known| known.worker_id == value.worker_id).and_then(|known| known.restart);
        let StatusValue { state, trace, worker_id, generation, version } = value;
        map.insert(key, Status { state, trace, worker_id, version, generation, restart });
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

fn record(key: &StatusKey, status: Option<&Status>) -> StatusRecord {
    let status = status.map(|status| StatusValue {
        state: status.state,
        trace: status.trace.clone(),
        worker_id: status.worker_id.clone(),
        generation: status.generation,
        version: status.version.clone(),
    });
    match key.task {
        None => StatusRecord::Connector { name: key.connector.clone(), status },
        Some(task) => StatusRecord::Task { connector: key.connector.clone(), task, status },
    }
}

fn topic_record(topic: &str, connector: &str, topic_use: Option<TopicUse>) -> StatusRecord {
    StatusRecord::Topic { topic: topic.to_owned(), connector: connector.to_owned(), topic_use }
}
