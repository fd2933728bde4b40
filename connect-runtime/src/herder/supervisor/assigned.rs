//! The part of a connector that one worker of a cluster runs: perhaps the connector itself, perhaps some of its tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connect_api::config::Properties;
use connect_api::{Error, Result};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::Supervisor;
use crate::herder::ConnectorType;
use crate::storage::State;
use crate::task::control::TargetState;
use crate::task::source::ProducerChecks;

/// What this worker shall run of a connector.
#[derive(Clone, Default)]
pub(in crate::herder) struct Portion {
    /// The connector's configuration as it was given.
    pub(in crate::herder) config: Arc<Properties>,
    pub(in crate::herder) target: TargetState,
    /// Whether the connector itself runs here.
    pub(in crate::herder) connector: bool,
    /// The tasks that run here.
    pub(in crate::herder) tasks: BTreeSet<usize>,
    /// The configurations of all its tasks, wherever they run. References to config providers are not resolved.
    pub(in crate::herder) task_configs: Vec<Properties>,
    /// Changes with every set of tasks.
    pub(in crate::herder) generation: Option<u32>,
    /// What the producers of this set of tasks have to pass.
    pub(in crate::herder) checks: Option<Arc<dyn ProducerChecks>>,
}

/// The tasks that connectors made and nobody has written to the config topic yet, the newest of each.
#[derive(Debug, Default)]
pub(in crate::herder) struct Proposals {
    latest: Mutex<BTreeMap<String, Proposal>>,
    added: Notify,
}

/// The tasks of one connector.
#[derive(Clone, Debug)]
pub(in crate::herder) struct Proposal {
    pub(in crate::herder) configs: Vec<Properties>,
    /// The connector's configuration as it was given when it made them.
    pub(in crate::herder) config: Properties,
}

impl Proposals {
    fn put(&self, connector: &str, proposal: Proposal) {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).insert(connector.to_owned(), proposal);
        self.added.notify_one();
    }

    pub(in crate::herder) fn take(&self) -> BTreeMap<String, Proposal> {
        std::mem::take(&mut *self.latest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Resolves when there is one. Cancel-safe.
    pub(in crate::herder) async fn added(&self) {
        loop {
            if !self.latest.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return;
            }
            self.added.notified().await;
        }
    }
}

/// What a supervisor has when its worker is one of several.
pub(super) struct Assigned {
    pub(super) portion: Portion,
    proposals: Arc<Proposals>,
    /// When the connector is asked for its tasks again, after it failed to answer.
    pub(super) ask_again_at: Option<Instant>,
    failures: u32,
}

/// The first pause before a connector is asked for its tasks again, and the longest.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Supervisor {
    /// Makes it the supervisor of a part of a connector.
    pub(in crate::herder) fn in_cluster(mut self, proposals: Arc<Proposals>) -> Self {
        self.assigned =
            Some(Assigned { portion: Portion::default(), proposals, ask_again_at: None, failures: 0 });
        self
    }

    /// Whether a task is this worker's.
    pub(super) fn has_task(&self, task: usize) -> bool {
        self.assigned.as_ref().is_none_or(|assigned| assigned.portion.tasks.contains(&task))
    }

    /// Whether the connector itself is this worker's.
    pub(super) fn has_connector(&self) -> bool {
        self.assigned.as_ref().is_none_or(|assigned| assigned.portion.connector)
    }

    /// Stops what is not wanted any more, says so, and starts what is new.
    pub(super) async fn assign(&mut self, portion: Portion, stopped: oneshot::Sender<()>) {
        let Some(assigned) = &mut self.assigned else { return };
        let before = std::mem::replace(&mut assigned.portion, portion.clone());
        let deadline = self.deadline();
        let renewed = before.generation != portion.generation;
        let goes = |task: &usize| renewed || !portion.tasks.contains(task);
        let leaving: Vec<usize> = self.tasks.keys().copied().filter(goes).collect();
        self.stop_tasks(&leaving, deadline).await;
        for task in before.tasks.iter().copied().filter(goes) {
            self.restarts.forget(task);
            self.shared().counters.remove(&task);
        }
        let changed = before.config != portion.config;
        if before.connector && (changed || !portion.connector) {
            self.stop_connector(deadline).await;
            if !self.failed {
                self.worker.statuses.put(&self.name, None, State::Unassigned, None);
            }
            self.failed = false;
        }
        let _ = stopped.send(());
        self.checks.clone_from(&portion.checks);
        self.worker.note_version(&self.name, &portion.config);

        {
            let mut shared = self.shared();
            shared.config = portion.config.as_ref().clone();
            shared.target = portion.target;
            shared.task_configs.clone_from(&portion.task_configs);
        }
        let starting: Vec<usize> = portion
            .tasks
            .iter()
            .copied()
            .filter(|task| (renewed || !before.tasks.contains(task)) && *task < portion.task_configs.len())
            .collect();
        if (changed || !starting.is_empty())
            && let Err(error) = self.learn().await
        {
            let trace = self.resolved.redact(&error.trace());
            for task in starting {
                self.worker.statuses.put(&self.name, Some(task), State::Failed, Some(trace.clone()));
            }
            if portion.connector && (changed || !before.connector) {
                self.connector_failed(&error);
            }
            return;
        }
        if portion.target != TargetState::Stopped {
            self.start_tasks(&starting);
        }
        if portion.connector && (changed || !before.connector) {
            // The failure stands in the status.
            let _ = self.apply_target().await;
        }
    }

    /// Resolves the configuration, for tasks whose connector may run elsewhere.
    async fn learn(&mut self) -> Result<()> {
        let config = self.shared().config.clone();
        let (worker, name) = (Arc::clone(&self.worker), Arc::clone(&self.name));
        let resolved = self.interruptible(async move { worker.resolve(&name, &config).await }).await?;
        self.policy = self.worker.restart_policy(&resolved.properties)?;
        let sink = self.worker.is_sink(&resolved.properties)?;
        self.shared().ty = Some(if sink { ConnectorType::Sink } else { ConnectorType::Source });
        self.resolved = Arc::new(resolved);
        Ok(())
    }

    /// Brings this worker's part to the state that is wanted.
    pub(super) async fn apply_target_to_part(&mut self) -> Result<()> {
        let target = self.shared().target;
        let owner = self.has_connector();
        match target {
            TargetState::Started => {
                for task in self.tasks.values() {
                    task.control.send_replace(TargetState::Started);
                }
                if !owner {
                    return Ok(());
                }
                if self.failed {
                    return Err(Error::connect("Cannot transition connector to STARTED since it has failed")
                        .with("connector", &self.name));
                }
                if self.connector.is_none() {
                    self.start_connector().await?;
                }
                self.reconfigure().await
            }
            TargetState::Paused => {
                for task in self.tasks.values() {
                    task.control.send_replace(TargetState::Paused);
                }
                if owner {
                    self.stop_connector(self.deadline()).await;
                    if !self.failed {
                        self.worker.statuses.put(&self.name, None, State::Paused, None);
                    }
                }
                Ok(())
            }
            TargetState::Stopped => {
                let all: Vec<_> = self.tasks.keys().copied().collect();
                self.stop_tasks(&all, self.deadline()).await;
                if owner {
                    self.stop_connector(self.deadline()).await;
                    self.failed = false;
                    self.worker.statuses.put(&self.name, None, State::Stopped, None);
                }
                Ok(())
            }
        }
    }

    /// The connector has made its tasks: the leader shall write them.
    pub(super) fn propose(&mut self, configs: Vec<Properties>) {
        let config = self.shared().config.clone();
        let name = Arc::clone(&self.name);
        if let Some(assigned) = &mut self.assigned {
            assigned.failures = 0;
            assigned.ask_again_at = None;
            assigned.proposals.put(&name, Proposal { configs, config });
        }
    }

    /// A connector that could not make its tasks is asked again.
    pub(super) fn ask_again(&mut self, error: &Error) {
        let trace = self.resolved.redact(&error.trace());
        let Some(assigned) = &mut self.assigned else { return };
        let pause =
            PAUSE.saturating_mul(1_u32.checked_shl(assigned.failures).unwrap_or(u32::MAX)).min(LONGEST_PAUSE);
        assigned.failures += 1;
        assigned.ask_again_at = Some(Instant::now() + pause);
        tracing::error!(connector = %self.name, error = %trace, ?pause, "the connector could not make its tasks and is asked again");
    }
}
