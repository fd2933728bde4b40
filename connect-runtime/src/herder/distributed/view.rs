//! What a worker knows of its group at this moment.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::rebalances::Rebalances;
use crate::error::{Error, Result};
use crate::metrics::Sampling;

/// Shared between the actors of a worker and the calls that look.
#[derive(Debug, Default)]
pub(super) struct View {
    seen: Mutex<Seen>,
    pub(super) has_formed: Notify,
    pub(super) rebalances: Rebalances,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Whether this worker is in the group and knows what it has to do.
    pub(super) member: bool,
    pub(super) leader: bool,
    /// Where the leader's REST API is.
    pub(super) leader_url: Option<String>,
    /// Whether requests between workers are signed.
    pub(super) signed: bool,
    /// The group is about to form anew, so that what is known of leader and owners is out of date.
    pub(super) rebalancing: bool,
    /// For the leader: where connectors (`None`) and tasks run.
    pub(super) owners: BTreeMap<(String, Option<usize>), String>,
}

impl View {
    pub(super) fn new(sampling: Sampling) -> Self {
        Self { seen: Mutex::default(), has_formed: Notify::new(), rebalances: Rebalances::new(sampling) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Waits until the group has formed, but not for long.
    pub(super) async fn formed(&self, patience: Duration) {
        let formed = async {
            loop {
                let news = self.has_formed.notified();
                if self.lock().must_be_settled().is_ok() {
                    return;
                }
                news.await;
            }
        };
        // Whoever asks in vain is told so by what follows.
        let _ = tokio::time::timeout(patience, formed).await;
    }
}

impl Seen {
    /// Refuses what will be out of date at once.
    pub(super) fn must_be_settled(&self) -> Result<()> {
        if self.rebalancing || !self.member {
            return Err(Error::Conflict(
                "Request cannot be completed because a rebalance is expected".to_owned(),
            ));
        }
        Ok(())
    }

    /// Sends what only the leader can do to the leader.
    pub(super) fn must_lead(&self, message: &str) -> Result<()> {
        if self.leader {
            return Ok(());
        }
        Err(Error::RequestTarget { message: message.to_owned(), forward_url: self.leader_url.clone() })
    }
}
