//! What the outside wants of a task.

use tokio::sync::watch;

/// The state that a connector, and with it each task, shall be in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetState {
    /// Moving data.
    #[default]
    Started,
    /// Keeping its resources and partitions, moving nothing.
    Paused,
    /// Not running.
    Stopped,
}

impl TargetState {
    /// Kafka's spelling: `STARTED`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
        }
    }
}

/// The receiving end of a task's control.
#[derive(Clone)]
pub(crate) struct Control(watch::Receiver<TargetState>);

impl Control {
    pub(crate) fn new(initial: TargetState) -> (watch::Sender<TargetState>, Self) {
        let (sender, receiver) = watch::channel(initial);
        (sender, Self(receiver))
    }

    /// The state wanted now. A task whose owner is gone is wanted stopped.
    pub(crate) fn target(&self) -> TargetState {
        if self.0.has_changed().is_err() { TargetState::Stopped } else { *self.0.borrow() }
    }

    /// Resolves when the state wanted is, or has become, another one than `state`.
    pub(crate) async fn changed_from(&mut self, state: TargetState) -> TargetState {
        match self.0.wait_for(|target| *target != state).await {
            Ok(target) => *target,
            Err(_) => TargetState::Stopped,
        }
    }

    /// Resolves when the task shall stop.
    pub(crate) async fn stopped(&mut self) {
        // An error means that the owner is gone, which is the same.
        let _ = self.0.wait_for(|target| *target == TargetState::Stopped).await;
    }
}
