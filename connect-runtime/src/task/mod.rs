//! The loops that drive tasks: one for sources, one for sinks.

pub(crate) mod control;
pub(crate) mod dead_letters;
pub(crate) mod sink;
pub(crate) mod source;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Resolved;
use crate::metrics::{Phase, TaskCounters};
use crate::storage::status::{State, StatusStore, TopicTracker};

/// Which task: `connector-0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TaskId {
    pub(crate) connector: Arc<str>,
    pub(crate) task: usize,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.connector, self.task)
    }
}

/// What both loops need, whatever they move.
pub(crate) struct TaskCommon {
    pub(crate) id: TaskId,
    pub(crate) control: control::Control,
    pub(crate) statuses: Arc<StatusStore>,
    pub(crate) counters: Arc<TaskCounters>,
    /// Notes the topics in use, unless `topic.tracking.enable` is false.
    pub(crate) topics: Option<TopicTracker>,
    /// What must not be logged.
    pub(crate) secrets: Arc<Resolved>,
    /// `offset.flush.interval.ms`.
    pub(crate) offset_flush_interval: Duration,
    /// `offset.flush.timeout.ms`.
    pub(crate) offset_flush_timeout: Duration,
}

impl TaskCommon {
    /// An error as it may be logged.
    pub(crate) fn trace(&self, error: &connect_api::Error) -> String {
        self.secrets.redact(&error.trace())
    }

    /// Waits while the task shall be paused. `false`: it shall stop instead of starting.
    pub(crate) async fn wait_to_start(&mut self) -> bool {
        if self.control.target() == control::TargetState::Paused {
            self.status(State::Paused);
            self.control.changed_from(control::TargetState::Paused).await;
        }
        self.control.target() != control::TargetState::Stopped
    }

    pub(crate) fn status(&self, state: State) {
        self.counters.entered(match state {
            State::Running => Phase::Running,
            State::Paused => Phase::Paused,
            _ => Phase::Other,
        });
        self.statuses.put(&self.id.connector, Some(self.id.task), state, None);
    }
}

/// After a call to Kafka that failed: waits a moment when it may succeed later, and passes the error on when not.
/// `false`: the task was told to stop meanwhile.
pub(crate) async fn try_later(
    control: &mut control::Control,
    doing: &'static str,
    error: crate::kafka::KafkaError,
) -> connect_api::Result<bool> {
    if !error.is_retriable() {
        return Err(connect_api::Error::connect(doing).with_source(error));
    }
    try_again(control, doing, error.into()).await
}

/// The same for an error that says already what was tried.
pub(crate) async fn try_again(
    control: &mut control::Control,
    doing: &'static str,
    error: connect_api::Error,
) -> connect_api::Result<bool> {
    if !error.is_retriable() {
        return Err(error);
    }
    tracing::warn!(%error, doing, "Kafka cannot be reached now and is asked again");
    tokio::select! {
        biased;
        () = control.stopped() => Ok(false),
        () = tokio::time::sleep(RETRY_PAUSE) => Ok(true),
    }
}

/// The pause before Kafka is asked again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
