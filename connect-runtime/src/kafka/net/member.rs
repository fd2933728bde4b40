//! A member of a group on real brokers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::connector::Connector;
use super::coordinator::{Coordinator, CoordinatorOf};
use super::error::Code;
use super::group::{Heartbeat, JoinGroup, LeaveGroup, SyncGroup};
use super::request::Request;
use crate::kafka::membership::{GroupMember, GroupSettings, Joined, MemberError};
use crate::kafka::properties::{Reader, bootstrap_servers};
use crate::kafka::{ClientProperties, Result};

/// How much longer than the group waits for its members this side waits for the answer.
const GRACE: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(in crate::kafka) struct NetMember {
    coordinator: Coordinator,
    settings: GroupSettings,
    request_timeout: Duration,
    /// Empty when the group does not know this member.
    member_id: String,
    generation: i32,
    protocol: String,
}

impl NetMember {
    pub(in crate::kafka) async fn new(
        properties: &ClientProperties,
        settings: GroupSettings,
    ) -> Result<Self> {
        let mut reader = Reader::new(properties);
        let servers = bootstrap_servers(&mut reader)?;
        let request_timeout = reader.millis("request.timeout.ms")?.unwrap_or(Duration::from_secs(40));
        let connector = Arc::new(Connector::read(&mut reader, request_timeout).await?);
        let coordinator = Coordinator::new(&connector, servers, CoordinatorOf::Group, &settings.group_id);
        Ok(Self {
            coordinator,
            settings,
            request_timeout,
            member_id: String::new(),
            generation: -1,
            protocol: String::new(),
        })
    }

    /// What a code means to a member.
    fn check(&mut self, code: Code, tried: &str) -> Result<(), MemberError> {
        match code {
            Code::NONE => Ok(()),
            Code::REBALANCE_IN_PROGRESS => Err(MemberError::Rebalance),
            Code::UNKNOWN_MEMBER_ID | Code::ILLEGAL_GENERATION => {
                self.member_id.clear();
                self.generation = -1;
                Err(MemberError::Expelled)
            }
            code => {
                if code.is_about_coordinators() {
                    self.coordinator.forget();
                }
                let tried = format!("{tried} the group {}", self.settings.group_id);
                Err(MemberError::Kafka(code.failed(tried, None)))
            }
        }
    }
}

/// Calls need `self` apart from the coordinator.
async fn call<R: Request>(
    coordinator: &mut Coordinator,
    request: &R,
    patience: Duration,
) -> Result<R::Response, MemberError> {
    coordinator.call_within(request, patience).await.map_err(MemberError::Kafka)
}

#[async_trait]
impl GroupMember for NetMember {
    async fn join(&mut self, protocols: &[(String, Bytes)]) -> Result<Joined, MemberError> {
        let patience = self.request_timeout.max(self.settings.rebalance_timeout + GRACE);
        loop {
            let request = JoinGroup {
                group_id: &self.settings.group_id,
                session_timeout: self.settings.session_timeout,
                rebalance_timeout: self.settings.rebalance_timeout,
                member_id: &self.member_id,
                protocol_type: &self.settings.protocol_type,
                protocols,
            };
            let answer = call(&mut self.coordinator, &request, patience).await?;
            if answer.code == Code::MEMBER_ID_REQUIRED {
                self.member_id = answer.member_id;
                continue;
            }
            self.check(answer.code, "joining")?;
            self.member_id.clone_from(&answer.member_id);
            self.generation = answer.generation;
            self.protocol.clone_from(&answer.protocol);
            return Ok(Joined {
                member_id: answer.member_id,
                generation: answer.generation,
                protocol: answer.protocol,
                leader: answer.leader,
                members: answer.members,
            });
        }
    }

    async fn sync(&mut self, assignments: &[(String, Bytes)]) -> Result<Bytes, MemberError> {
        let patience = self.request_timeout.max(self.settings.rebalance_timeout + GRACE);
        let request = SyncGroup {
            group_id: &self.settings.group_id,
            generation: self.generation,
            member_id: &self.member_id,
            protocol_type: &self.settings.protocol_type,
            protocol: &self.protocol,
            assignments,
        };
        let answer = call(&mut self.coordinator, &request, patience).await?;
        self.check(answer.code, "learning the assignment of")?;
        Ok(answer.assignment)
    }

    async fn heartbeat(&mut self) -> Result<(), MemberError> {
        let request = Heartbeat {
            group_id: &self.settings.group_id,
            generation: self.generation,
            member_id: &self.member_id,
        };
        let patience = self.request_timeout.min(self.settings.session_timeout);
        let code = call(&mut self.coordinator, &request, patience).await?;
        self.check(code, "sending a heartbeat to")
    }

    async fn leave(&mut self) -> Result<(), MemberError> {
        if self.member_id.is_empty() {
            return Ok(());
        }
        let request = LeaveGroup { group_id: &self.settings.group_id, member_id: &self.member_id };
        let code = call(&mut self.coordinator, &request, self.request_timeout.min(GRACE)).await?;
        match self.check(code, "leaving") {
            // Whoever is not known has left.
            Err(MemberError::Expelled) => Ok(()),
            left => {
                self.member_id.clear();
                self.generation = -1;
                left
            }
        }
    }
}
