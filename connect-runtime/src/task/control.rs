//! What the outside wants of a task.

use tokio::sync::watch;

pub use crate::wire::config_topic::TargetState;

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
