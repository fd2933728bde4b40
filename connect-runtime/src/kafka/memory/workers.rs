//! Groups whose members share out something of their own, by the classic group protocol.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use super::faults::Operation;
use super::state::{Shared, after, earliest};
use crate::kafka::membership::{GroupMember, GroupSettings, Joined, MemberError};
use crate::kafka::{KafkaError, KafkaErrorKind};

/// How long a call waits for a broker that is down.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
pub(super) struct Workers(BTreeMap<String, Group>);

#[derive(Debug)]
struct Group {
    protocol_type: String,
    phase: Phase,
    generation: i32,
    protocol: String,
    leader: String,
    members: BTreeMap<String, Member>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waits for the members to join, at most until then.
    Joining(Instant),
    /// Waits for what the leader assigns.
    Syncing,
    Stable,
}

#[derive(Debug)]
struct Member {
    protocols: Vec<(String, Bytes)>,
    /// Whether it has joined since the group began to form.
    joined: bool,
    assignment: Bytes,
    session: Duration,
    rebalance: Duration,
    /// When it is taken for dead; not while it waits for the others.
    expires: Instant,
}

impl Workers {
    /// Ends what has run out; notes when the next does.
    pub(super) fn expire(&mut self, now: Instant, next: &mut Option<Instant>) -> bool {
        let mut changed = false;
        for group in self.0.values_mut() {
            changed |= group.expire(now);
            *next = earliest(*next, group.next());
        }
        self.0.retain(|_, group| !group.members.is_empty());
        changed
    }

    pub(super) fn restart_sessions(&mut self, now: Instant) {
        for member in self.0.values_mut().flat_map(|group| group.members.values_mut()) {
            member.expires = after(now, member.session);
        }
    }

    pub(super) fn expel_all(&mut self, group: &str) {
        self.0.remove(group);
    }
}

impl Group {
    fn next(&self) -> Option<Instant> {
        let sessions =
            self.members.values().filter(|member| !self.waits(member)).map(|member| member.expires);
        let deadline = match self.phase {
            Phase::Joining(deadline) => Some(deadline),
            Phase::Syncing | Phase::Stable => None,
        };
        earliest(sessions.min(), deadline)
    }

    /// A member that waits for the others gives no heartbeats.
    fn waits(&self, member: &Member) -> bool {
        matches!(self.phase, Phase::Joining(_)) && member.joined
    }

    fn expire(&mut self, now: Instant) -> bool {
        let dead: Vec<_> = self
            .members
            .iter()
            .filter(|(_, member)| !self.waits(member) && member.expires <= now)
            .map(|(id, _)| id.clone())
            .collect();
        let mut changed = false;
        for id in dead {
            self.remove(&id, now);
            changed = true;
        }
        if let Phase::Joining(deadline) = self.phase {
            if deadline <= now {
                self.members.retain(|_, member| member.joined);
                changed = true;
            }
            changed |= self.form(now);
        }
        changed
    }

    fn remove(&mut self, id: &str, now: Instant) {
        if self.members.remove(id).is_some() {
            self.rejoin(now);
            self.form(now);
        }
    }

    /// The group begins to form anew.
    fn rejoin(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Joining(_)) {
            return;
        }
        let longest = self.members.values().map(|member| member.rebalance).max().unwrap_or_default();
        self.phase = Phase::Joining(after(now, longest));
        for member in self.members.values_mut() {
            member.joined = false;
        }
    }

    /// Completes the forming when all members are there.
    fn form(&mut self, now: Instant) -> bool {
        if !matches!(self.phase, Phase::Joining(_)) || self.members.values().any(|member| !member.joined) {
            return false;
        }
        let Some(first) = self.members.keys().next().cloned() else { return false };
        if !self.members.contains_key(&self.leader) {
            self.leader = first;
        }
        let offers =
            |member: &Member, name: &str| member.protocols.iter().any(|(offered, _)| offered == name);
        let best = self.members[&self.leader]
            .protocols
            .iter()
            .find(|(name, _)| self.members.values().all(|member| offers(member, name)));
        self.protocol = best.map(|(name, _)| name.clone()).unwrap_or_default();
        self.generation += 1;
        self.phase = Phase::Syncing;
        for member in self.members.values_mut() {
            member.expires = after(now, member.session);
            member.assignment = Bytes::new();
        }
        true
    }

    fn joined(&self, id: &str) -> Joined {
        let said = |member: &Member| {
            let said = member.protocols.iter().find(|(name, _)| *name == self.protocol);
            said.map(|(_, said)| said.clone()).unwrap_or_default()
        };
        let members = self.members.iter().map(|(id, member)| (id.clone(), said(member)));
        Joined {
            member_id: id.to_owned(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            members: if self.leader == id { members.collect() } else { Vec::new() },
        }
    }
}

/// A member of such a group.
#[derive(Debug)]
pub(super) struct MemoryMember {
    shared: Arc<Shared>,
    settings: GroupSettings,
    id: String,
    generation: i32,
}

impl MemoryMember {
    pub(super) fn new(shared: Arc<Shared>, settings: GroupSettings) -> Self {
        Self { shared, settings, id: String::new(), generation: -1 }
    }

    async fn gate(&self) -> Result<(), MemberError> {
        self.shared.gate(Operation::Membership, PATIENCE).await.map_err(MemberError::Kafka)
    }

    /// What the group says to a call of this member. `None` from `look` waits on.
    async fn ask<T>(
        &mut self,
        deadline: Option<Instant>,
        mut look: impl FnMut(&mut Group, &str, i32, Instant) -> Option<Result<T, MemberError>>,
    ) -> Result<T, MemberError> {
        let (name, id, generation) = (&self.settings.group_id, &self.id, self.generation);
        let answer = self
            .shared
            .wait_for(deadline, |state| {
                let now = Instant::now();
                let known = state.workers.0.get_mut(name).filter(|group| group.members.contains_key(id));
                let answer = match known {
                    Some(group) => look(group, id, generation, now),
                    None => Some(Err(MemberError::Expelled)),
                };
                let next = state.workers.0.get(name).and_then(Group::next);
                if let Some(next) = next {
                    state.expires_at(next);
                }
                answer
            })
            .await;
        self.shared.changed();
        match answer {
            Some(Err(MemberError::Expelled)) => {
                self.id.clear();
                Err(MemberError::Expelled)
            }
            Some(answer) => answer,
            None => Err(KafkaError::new(KafkaErrorKind::Timeout, "the group did not answer in time").into()),
        }
    }
}

#[async_trait]
impl GroupMember for MemoryMember {
    async fn join(&mut self, protocols: &[(String, Bytes)]) -> Result<Joined, MemberError> {
        self.gate().await?;
        let settings = self.settings.clone();
        let id = self.id.clone();
        let before = self.shared.change(|state| {
            let now = Instant::now();
            let id = match id.is_empty() {
                false => id,
                true => {
                    state.next_member += 1;
                    format!("member-{}", state.next_member)
                }
            };
            let group = state.workers.0.entry(settings.group_id.clone()).or_insert_with(|| Group {
                protocol_type: settings.protocol_type.clone(),
                phase: Phase::Joining(after(now, settings.rebalance_timeout)),
                generation: 0,
                protocol: String::new(),
                leader: String::new(),
                members: BTreeMap::new(),
            });
            if group.protocol_type != settings.protocol_type {
                let message = format!("the group {} shares out something else", settings.group_id);
                return Err(MemberError::Kafka(KafkaError::new(KafkaErrorKind::Config, message)));
            }
            let known = group.members.get(&id);
            let same = known.is_some_and(|member| member.protocols == protocols);
            // A follower that says nothing new changes nothing.
            if !(group.phase == Phase::Stable && same && group.leader != id) {
                group.rejoin(now);
            }
            let generation = if matches!(group.phase, Phase::Joining(_)) { group.generation } else { -1 };
            let member = Member {
                protocols: protocols.to_vec(),
                joined: true,
                assignment: group
                    .members
                    .get(&id)
                    .map(|member| member.assignment.clone())
                    .unwrap_or_default(),
                session: settings.session_timeout,
                rebalance: settings.rebalance_timeout,
                expires: after(now, settings.session_timeout),
            };
            group.members.insert(id.clone(), member);
            group.form(now);
            if let Some(next) = group.next() {
                state.expires_at(next);
            }
            Ok((id, generation))
        });
        let (id, before) = before?;
        self.id = id;
        let joined = self
            .ask(None, |group, id, _, _| {
                let formed = !matches!(group.phase, Phase::Joining(_)) && group.generation > before;
                formed.then(|| Ok(group.joined(id)))
            })
            .await?;
        self.generation = joined.generation;
        Ok(joined)
    }

    async fn sync(&mut self, assignments: &[(String, Bytes)]) -> Result<Bytes, MemberError> {
        self.gate().await?;
        let mut brought = Some(assignments.to_vec());
        let deadline = after(Instant::now(), self.settings.rebalance_timeout);
        let answer = self
            .ask(Some(deadline), |group, id, generation, now| {
                if group.generation != generation {
                    return Some(Err(MemberError::Expelled));
                }
                if matches!(group.phase, Phase::Joining(_)) {
                    return Some(Err(MemberError::Rebalance));
                }
                if group.phase == Phase::Syncing && group.leader == id {
                    for (id, assignment) in brought.take().unwrap_or_default() {
                        if let Some(member) = group.members.get_mut(&id) {
                            member.assignment = assignment;
                        }
                    }
                    group.phase = Phase::Stable;
                }
                let stable = group.phase == Phase::Stable;
                let member = group.members.get_mut(id)?;
                member.expires = after(now, member.session);
                stable.then(|| Ok(member.assignment.clone()))
            })
            .await?;
        Ok(answer)
    }

    async fn heartbeat(&mut self) -> Result<(), MemberError> {
        self.gate().await?;
        self.ask(None, |group, id, generation, now| {
            if group.generation != generation {
                return Some(Err(MemberError::Expelled));
            }
            let phase = group.phase;
            let member = group.members.get_mut(id)?;
            member.expires = after(now, member.session);
            Some(if matches!(phase, Phase::Joining(_)) { Err(MemberError::Rebalance) } else { Ok(()) })
        })
        .await
    }

    async fn leave(&mut self) -> Result<(), MemberError> {
        if self.id.is_empty() {
            return Ok(());
        }
        self.gate().await?;
        let id = std::mem::take(&mut self.id);
        self.shared.change(|state| {
            if let Some(group) = state.workers.0.get_mut(&self.settings.group_id) {
                group.remove(&id, Instant::now());
                if let Some(next) = group.next() {
                    state.expires_at(next);
                }
            }
        });
        Ok(())
    }
}

impl Drop for MemoryMember {
    /// It joins no more: a group that forms does not count on it, and its session runs out.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some(group) = state.workers.0.get_mut(&self.settings.group_id)
            && let Some(member) = group.members.get_mut(&self.id)
        {
            if matches!(group.phase, Phase::Joining(_)) {
                member.joined = false;
            }
            let expires = member.expires;
            state.expires_at(expires);
        }
    }
}
