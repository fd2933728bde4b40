//! The tasks of a connector: started, watched, stopped, and started again.

use std::sync::Arc;

use connect_api::{Error, Result};
use tokio::task::{Id, JoinError};
use tokio::time::Instant;
use tracing::Instrument;

use super::guard::panicked;
use super::{RunningTask, Supervisor};
use crate::config::RestartMode;
use crate::herder::{Abandoned, Restart};
use crate::metrics::TaskCounters;
use crate::storage::{RestartStatus, State};
use crate::task::TaskId;
use crate::task::control::{Control, TargetState};
use crate::time::now_millis;
use crate::worker::TaskStart;

impl Supervisor {
    pub(super) fn start_tasks(&mut self, tasks: &[usize]) {
        let target = self.shared().target;
        for task in tasks {
            let in_cluster = self.assigned.is_some();
            let config = if in_cluster {
                self.shared().task_configs.get(*task).cloned()
            } else {
                self.made.get(*task).cloned()
            };
            let Some(config) = config else { continue };
            let (control, receiver) = Control::new(target);
            let counters =
                Arc::new(TaskCounters::new(self.worker.sampling(), Arc::clone(&self.worker.startups)));
            self.worker.startups.tasks.attempted();
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
                checks: self.checks.clone(),
            };
            let worker = Arc::clone(&self.worker);
            let run = async move {
                let mut start = start;
                if in_cluster {
                    // The config topic has references, not what they stand for.
                    start.config = worker.resolve_references(&start.config).await?;
                }
                worker.run_task(start).await
            };
            let abort = self.running.spawn(run.instrument(span));
            self.ids.insert(abort.id(), *task);
            self.tasks.insert(*task, RunningTask { control, abort, counters, started: Instant::now() });
        }
    }

    pub(super) fn task_ended(&mut self, exit: Result<(Id, Result<()>), JoinError>) {
        let (id, result) = match exit {
            Ok((id, result)) => (id, result),
            Err(error) => (error.id(), Err(panicked(error))),
        };
        let Some(task) = self.ids.remove(&id) else { return };
        // A task that was cut off reports after a newer one has taken its number.
        if self.tasks.get(&task).is_none_or(|running| running.abort.id() != id) {
            return;
        }
        let started = self.tasks.remove(&task).map_or_else(Instant::now, |running| running.started);
        match result {
            Ok(()) => self.worker.statuses.put(&self.name, Some(task), State::Unassigned, None),
            Err(error) => {
                if let Some(counters) = self.shared().counters.get(&task) {
                    counters.task_failed();
                }
                self.task_failed(task, started, &error);
            }
        }
    }

    fn task_failed(&mut self, task: usize, started: Instant, error: &Error) {
        let trace = self.resolved.redact(&error.trace());
        let verdict = self.restarts.failed(task, started, error, &self.policy);
        match verdict.due {
            None => {
                tracing::error!(connector = %self.name, task, error = %trace, "the task failed and stays so until it is restarted");
            }
            Some(due) => {
                let pause = due.saturating_duration_since(Instant::now());
                tracing::error!(connector = %self.name, task, error = %trace, ?pause, restarts = verdict.attempts, "the task failed and is started again");
            }
        }
        self.worker.statuses.put(&self.name, Some(task), State::Failed, Some(trace));
        if self.policy.mode != RestartMode::None {
            let pause = verdict.due.map(|due| due.saturating_duration_since(Instant::now()));
            let next_at = pause.map(|pause| {
                now_millis().saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX))
            });
            let restart = RestartStatus {
                failures: verdict.failures,
                attempts: verdict.attempts,
                max_attempts: self.policy.max_attempts,
                next_at,
            };
            self.worker.statuses.put_restart(&self.name, task, Some(restart));
        }
    }

    /// Starts the tasks again whose pause is over.
    pub(super) async fn restart_due(&mut self) {
        let tasks = self.restarts.take_due();
        // One that was started meanwhile, with the whole connector say, needs nothing.
        let tasks: Vec<_> =
            tasks.into_iter().filter(|task| self.task_state(*task) == Some(State::Failed)).collect();
        for task in &tasks {
            self.worker.statuses.put(&self.name, Some(*task), State::Restarting, None);
        }
        if let Err(error) = self.restart_tasks(&tasks).await {
            tracing::error!(connector = %self.name, %error, "failed tasks could not be started again");
        }
    }

    /// Stops tasks until the deadline, then cuts them off; answers which.
    pub(super) async fn stop_tasks(&mut self, tasks: &[usize], deadline: Instant) -> Vec<Abandoned> {
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

    pub(super) async fn restart(&mut self, what: Restart) -> Result<()> {
        let restart_connector = self.has_connector() && (!what.only_failed || self.failed);
        let tasks: Vec<usize> = if what.include_tasks {
            (0..self.shared().task_configs.len())
                .filter(|task| self.has_task(*task))
                .filter(|task| !what.only_failed || self.task_state(*task) == Some(State::Failed))
                .collect()
        } else {
            Vec::new()
        };
        if restart_connector {
            self.worker.statuses.put(&self.name, None, State::Restarting, None);
        }
        for task in &tasks {
            self.restarts.forget(*task);
            self.worker.statuses.put_restart(&self.name, *task, None);
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

    pub(super) async fn restart_tasks(&mut self, tasks: &[usize]) -> Result<()> {
        self.stop_tasks(tasks, self.deadline()).await;
        let known = self.shared().task_configs.len();
        if let Some(task) = tasks.iter().find(|task| **task >= known) {
            return Err(Error::not_found(format!("Task {}-{task} not found", self.name)));
        }
        self.start_tasks(tasks);
        Ok(())
    }
}
