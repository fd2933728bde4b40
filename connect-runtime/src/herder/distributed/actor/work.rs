//! What a worker runs: supervisors are made, told and ended until exactly that runs which the group gave to it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connect_api::config::Properties;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Actor, Entry, GRACE, INBOX};
use crate::herder::distributed::fence::Fence;
use crate::herder::supervisor::{Command, Portion, Shared, Supervisor};
use crate::herder::{Abandoned, Restart};
use crate::storage::cluster::RestartRequest;
use crate::task::source::ProducerChecks;

impl Actor {
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
    pub(super) async fn stop_unwanted(&mut self) {
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
    pub(super) async fn reconcile(&mut self) {
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

    pub(super) async fn assign(&mut self, connector: &str, without_tasks: bool) {
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

    pub(super) async fn target(&self, connector: &str) {
        let state = self.config.target(connector);
        self.tell(connector, |reply| Command::Target { state, reply }).await;
    }

    pub(super) async fn restart(&self, connector: &str, request: RestartRequest) {
        let what = Restart { include_tasks: request.include_tasks, only_failed: request.only_failed };
        self.tell(connector, |reply| Command::Restart { what, reply }).await;
    }

    /// Restarts a task of this worker; `false`: it runs elsewhere.
    pub(in super::super) async fn restart_task(&self, connector: &str, task: usize) -> bool {
        let number = i32::try_from(task).unwrap_or(i32::MAX);
        if !self.work.tasks.contains(&(connector.to_owned(), number)) {
            return false;
        }
        self.tell(connector, |reply| Command::RestartTask { task, reply }).await;
        true
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
