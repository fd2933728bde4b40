//! The group coordinator: membership, cooperative hand-over, committed offsets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use connect_api::{Offsets, Str, TopicPartition};
use connect_regex::JavaRegex;
use tokio::time::Instant;

use super::assignor::{Candidate, assign};
use super::log::Log;
use super::state::{after, earliest};
use crate::kafka::{KafkaError, KafkaErrorKind, Result};

#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) offsets: Offsets,
    pub(super) members: BTreeMap<u64, Member>,
}

#[derive(Debug)]
pub(super) struct Member {
    interest: Interest,
    /// What it reads; nobody else gets these before it has given them up.
    pub(super) owned: BTreeSet<TopicPartition>,
    /// What of `owned` it was told to give up.
    revoking: BTreeSet<TopicPartition>,
    /// What it should read once the others have given it up.
    target: BTreeSet<TopicPartition>,
    patience: Patience,
    /// When it is taken for dead unless it polls before.
    expires: Instant,
}

/// What a member reads.
#[derive(Clone, Debug)]
pub(super) enum Interest {
    Topics(Vec<Str>),
    Pattern(JavaRegex),
}

/// How long a member may be silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// While its consumer exists: `max.poll.interval.ms`.
    pub(super) poll_interval: Duration,
    /// After its consumer was dropped: `session.timeout.ms`.
    pub(super) session: Duration,
}

/// What a poll tells a member.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    Assigned(Vec<TopicPartition>),
    Revoked(Vec<TopicPartition>),
}

impl Interest {
    fn partitions(&self, log: &Log) -> BTreeSet<TopicPartition> {
        match self {
            Self::Topics(topics) => topics.iter().flat_map(|topic| log.partitions_of(topic)).collect(),
            Self::Pattern(pattern) => log
                .topics
                .keys()
                .filter(|topic| pattern.is_match(topic))
                .flat_map(|topic| log.partitions_of(topic))
                .collect(),
        }
    }
}

impl Group {
    /// Adds a member, or changes what a member reads.
    pub(super) fn join(&mut self, log: &Log, id: u64, interest: &Interest, patience: Patience, now: Instant) {
        let member = self.members.entry(id).or_insert_with(|| Member {
            interest: interest.clone(),
            owned: BTreeSet::new(),
            revoking: BTreeSet::new(),
            target: BTreeSet::new(),
            patience,
            expires: now,
        });
        member.interest = interest.clone();
        member.expires = after(now, patience.poll_interval);
        self.rebalance(log);
    }

    pub(super) fn leave(&mut self, log: &Log, id: u64) {
        if self.members.remove(&id).is_some() {
            self.rebalance(log);
        }
    }

    /// Makes all members strangers, as if their sessions had run out.
    pub(super) fn expel_all(&mut self) {
        self.members.clear();
    }

    pub(super) fn rebalance(&mut self, log: &Log) {
        let candidates = self
            .members
            .iter()
            .map(|(id, member)| {
                let eligible = member.interest.partitions(log);
                (*id, Candidate { eligible, previous: member.target.clone() })
            })
            .collect();
        for (id, target) in assign(&candidates) {
            if let Some(member) = self.members.get_mut(&id) {
                member.target = target;
            }
        }
    }

    /// A member polls: it completes what it was told before, and learns what comes next. `None`: it is no member.
    pub(super) fn poll(&mut self, id: u64, now: Instant) -> Option<(Change, bool)> {
        let member = self.members.get_mut(&id)?;
        member.expires = after(now, member.patience.poll_interval);
        let released = !member.revoking.is_empty();
        for partition in std::mem::take(&mut member.revoking) {
            member.owned.remove(&partition);
        }
        let revoked: BTreeSet<_> = member.owned.difference(&member.target).cloned().collect();
        if !revoked.is_empty() {
            member.revoking = revoked.clone();
            return Some((Change::Revoked(revoked.into_iter().collect()), released));
        }
        let mut assigned: Vec<_> = member.target.difference(&member.owned).cloned().collect();
        assigned.retain(|partition| !self.members.values().any(|other| other.owned.contains(partition)));
        if assigned.is_empty() {
            return Some((Change::Nothing, released));
        }
        if let Some(member) = self.members.get_mut(&id) {
            member.owned.extend(assigned.iter().cloned());
        }
        Some((Change::Assigned(assigned), released))
    }

    /// The consumer of a member was dropped without leaving; returns when the group notices.
    pub(super) fn dropped(&mut self, id: u64, now: Instant) -> Option<Instant> {
        let member = self.members.get_mut(&id)?;
        member.expires = after(now, member.patience.session).min(member.expires);
        Some(member.expires)
    }

    pub(super) fn expire(&mut self, log: &Log, now: Instant, next: &mut Option<Instant>) -> bool {
        let before = self.members.len();
        self.members.retain(|_, member| now < member.expires);
        for member in self.members.values() {
            *next = earliest(*next, Some(member.expires));
        }
        let expired = self.members.len() < before;
        if expired {
            self.rebalance(log);
        }
        expired
    }

    pub(super) fn restart_sessions(&mut self, now: Instant) {
        for member in self.members.values_mut() {
            member.expires = after(now, member.patience.poll_interval);
        }
    }

    /// Stores offsets for a member, or for a stranger if the group has no members.
    pub(super) fn commit(
        &mut self,
        log: &Log,
        name: &str,
        member: Option<u64>,
        offsets: &Offsets,
    ) -> Result<()> {
        let refuse = |message: String| Err(KafkaError::new(KafkaErrorKind::Rebalance, message));
        match member {
            Some(id) if !self.members.contains_key(&id) => {
                return refuse(format!(
                    "the consumer is no member of group {name} any more: nothing was committed"
                ));
            }
            None if !self.members.is_empty() => {
                return refuse(format!("group {name} has members, and this consumer is none of them"));
            }
            _ => {}
        }
        let elsewhere = |partition: &TopicPartition| {
            self.members.iter().any(|(id, other)| Some(*id) != member && other.owned.contains(partition))
        };
        if let Some(partition) = offsets.keys().find(|partition| elsewhere(partition)) {
            return refuse(format!(
                "{partition} belongs to another member of group {name}: nothing was committed"
            ));
        }
        self.store(log, offsets)
    }

    /// Stores offsets for an administrator.
    pub(super) fn alter(&mut self, log: &Log, name: &str, offsets: &Offsets) -> Result<()> {
        self.must_be_empty(name)?;
        self.store(log, offsets)
    }

    pub(super) fn must_be_empty(&self, name: &str) -> Result<()> {
        if self.members.is_empty() {
            return Ok(());
        }
        let message = format!("group {name} has {} members: stop them first", self.members.len());
        Err(KafkaError::new(KafkaErrorKind::GroupNotEmpty, message))
    }

    fn store(&mut self, log: &Log, offsets: &Offsets) -> Result<()> {
        for partition in offsets.keys() {
            log.partition(partition)?;
        }
        self.offsets.extend(offsets.iter().map(|(partition, offset)| (partition.clone(), *offset)));
        Ok(())
    }
}
