//! Membership of a group as the group protocol has it: join, agree, stay. What members tell each other is bytes.
//!
//! Consumers have theirs inside of [`Consumer`](super::Consumer); this is for whoever shares out something else than
//! partitions, as the workers of a cluster do.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::KafkaError;

/// Which group, and how it treats its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSettings {
    /// `group.id`.
    pub group_id: String,
    /// What the group shares out: `connect`. All members have the same.
    pub protocol_type: String,
    /// How long the group waits for a heartbeat before it takes a member for dead.
    pub session_timeout: Duration,
    /// How long it waits for its members when it forms anew.
    pub rebalance_timeout: Duration,
}

/// What a member is told when the group has formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// This member.
    pub member_id: String,
    /// Grows each time the group forms.
    pub generation: i32,
    /// The protocol that all members offered, the one that they like best.
    pub protocol: String,
    /// The member that shares out.
    pub leader: String,
    /// For the leader: every member with what it said in this protocol. Empty for the others.
    pub members: Vec<(String, Bytes)>,
}

impl Joined {
    /// Whether this member shares out.
    pub fn is_leader(&self) -> bool {
        self.leader == self.member_id
    }
}

/// Why a member cannot go on.
#[derive(Debug)]
pub enum MemberError {
    /// The group forms anew: join again.
    Rebalance,
    /// The group does not know this member any more, and others may have what it had: join again, as a new one.
    Expelled,
    /// The coordinator was not reached or refused; a retriable error may pass.
    Kafka(KafkaError),
}

impl From<KafkaError> for MemberError {
    fn from(error: KafkaError) -> Self {
        Self::Kafka(error)
    }
}

impl std::fmt::Display for MemberError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rebalance => f.write_str("the group is rebalancing"),
            Self::Expelled => f.write_str("the group does not know this member any more"),
            Self::Kafka(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MemberError {}

/// One member of a group. A call that is dropped leaves a member that can join again.
///
/// A member that is dropped without [`leave`](Self::leave) is dead to the group when its session has run out.
#[async_trait]
pub trait GroupMember: Send {
    /// Joins, or joins again, and waits until the group has formed. `protocols` are the names that this member can
    /// work with, the best first, with what it tells the others in each.
    async fn join(&mut self, protocols: &[(String, Bytes)]) -> Result<Joined, MemberError>;

    /// Learns what the leader gave to this member. The leader brings what it gives to everybody.
    async fn sync(&mut self, assignments: &[(String, Bytes)]) -> Result<Bytes, MemberError>;

    /// Gives a sign of life.
    async fn heartbeat(&mut self) -> Result<(), MemberError>;

    /// Leaves, so that the others need not wait for the session to run out. Leaving twice is no error.
    async fn leave(&mut self) -> Result<(), MemberError>;
}
