//! What a supervisor is told, and what others may read of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use connect_api::Result;
use connect_api::config::Properties;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::assigned::Portion;
use crate::herder::{Abandoned, ConnectorType, Restart};
use crate::metrics::TaskCounters;
use crate::task::control::TargetState;
use crate::worker::offsets::ConnectorOffsets;

/// What a caller wants. The answer comes when it is done.
pub(in crate::herder) enum Command {
    Configure {
        config: Properties,
        target: Option<TargetState>,
        reply: Reply,
    },
    /// In a cluster: this is what the worker shall run of the connector. `stopped` hears when it runs nothing else
    /// any more.
    Assign {
        portion: Box<Portion>,
        stopped: oneshot::Sender<()>,
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
    /// Alters the offsets of the stopped connector, or resets them.
    Offsets {
        change: Option<ConnectorOffsets>,
        reply: oneshot::Sender<crate::error::Result<String>>,
    },
    /// Stops everything and ends the actor.
    Stop {
        forget: bool,
        deadline: Instant,
        reply: oneshot::Sender<Vec<Abandoned>>,
    },
}

pub(in crate::herder) type Reply = oneshot::Sender<Result<()>>;

/// What others may read without asking the actor.
#[derive(Default)]
pub(in crate::herder) struct Shared {
    pub(in crate::herder) config: Properties,
    pub(in crate::herder) target: TargetState,
    pub(in crate::herder) ty: Option<ConnectorType>,
    pub(in crate::herder) task_configs: Vec<Properties>,
    pub(in crate::herder) counters: BTreeMap<usize, Arc<TaskCounters>>,
}
