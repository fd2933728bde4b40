//! Who runs what: the leader's computation, pure, by Java's rules (spec 6.10).

mod balance;
mod eager;
mod incremental;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

use std::collections::{BTreeMap, BTreeSet};

use crate::storage::cluster::ClusterConfig;
use crate::wire::group::Task;

pub(super) use eager::assign as assign_eagerly;
pub(super) use incremental::Incremental;

/// Connectors and tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) connectors: BTreeSet<String>,
    pub(super) tasks: BTreeSet<Task>,
}

impl Work {
    /// Everything that is configured.
    pub(super) fn configured(config: &ClusterConfig) -> Self {
        let mut work = Self::default();
        for connector in config.connectors() {
            work.connectors.insert(connector.to_owned());
            let count = i32::try_from(config.task_count(connector)).unwrap_or(i32::MAX);
            work.tasks.extend((0..count).map(|task| (connector.to_owned(), task)));
        }
        work
    }

    pub(super) fn is_empty(&self) -> bool {
        self.connectors.is_empty() && self.tasks.is_empty()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.connectors.extend(other.connectors.iter().cloned());
        self.tasks.extend(other.tasks.iter().cloned());
    }

    pub(super) fn remove(&mut self, other: &Self) {
        self.connectors.retain(|connector| !other.connectors.contains(connector));
        self.tasks.retain(|task| !other.tasks.contains(task));
    }

    fn without(mut self, other: &Self) -> Self {
        self.remove(other);
        self
    }

    fn shared_with(&self, other: &Self) -> Self {
        Self {
            connectors: self.connectors.intersection(&other.connectors).cloned().collect(),
            tasks: self.tasks.intersection(&other.tasks).cloned().collect(),
        }
    }
}

/// Work by member.
pub(super) type ByMember = BTreeMap<String, Work>;

/// What the members are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shares {
    /// What each member gets; in the incremental protocol only what is new to it.
    pub(super) assigned: ByMember,
    /// What each member has to give up.
    pub(super) revoked: ByMember,
    /// After how many milliseconds the group comes together again.
    pub(super) delay: i32,
}
