//! The requests of the group protocol, whatever the group shares out.

use std::time::Duration;

use bytes::Bytes;

use super::codec::{Decoder, Encoder};
use super::error::Code;
use super::request::Request;
use crate::kafka::Result;

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

/// Joins a group. The answer comes when the group has formed.
#[derive(Debug)]
pub(in crate::kafka) struct JoinGroup<'a> {
    pub(in crate::kafka) group_id: &'a str,
    pub(in crate::kafka) session_timeout: Duration,
    pub(in crate::kafka) rebalance_timeout: Duration,
    /// Empty for a new member.
    pub(in crate::kafka) member_id: &'a str,
    pub(in crate::kafka) protocol_type: &'a str,
    pub(in crate::kafka) protocols: &'a [(String, Bytes)],
}

#[derive(Debug)]
pub(in crate::kafka) struct JoinedGroup {
    pub(in crate::kafka) code: Code,
    pub(in crate::kafka) generation: i32,
    pub(in crate::kafka) protocol: String,
    pub(in crate::kafka) leader: String,
    /// Also set in the answer that only says which id to join with.
    pub(in crate::kafka) member_id: String,
    pub(in crate::kafka) members: Vec<(String, Bytes)>,
}

impl Request for JoinGroup<'_> {
    const KEY: i16 = 11;
    const NAME: &'static str = "JoinGroup";
    const OLDEST: i16 = 6;
    const NEWEST: i16 = 8;
    const FLEXIBLE: i16 = 6;
    const SINCE: &'static str = "2.4";
    type Response = JoinedGroup;

    fn encode(&self, version: i16, to: &mut Encoder) {
        to.string(self.group_id);
        to.i32(millis(self.session_timeout));
        to.i32(millis(self.rebalance_timeout));
        to.string(self.member_id);
        to.nullable_string(None);
        to.string(self.protocol_type);
        to.array(self.protocols, |to, (name, metadata)| {
            to.string(name);
            to.bytes(metadata);
            to.no_tags();
        });
        if version >= 8 {
            to.nullable_string(None);
        }
        to.no_tags();
    }

    fn decode(version: i16, from: &mut Decoder<'_>) -> Result<JoinedGroup> {
        from.i32()?;
        let code = Code(from.i16()?);
        let generation = from.i32()?;
        if version >= 7 {
            from.nullable_string()?;
        }
        let protocol = from.string()?.to_owned();
        let leader = from.string()?.to_owned();
        let member_id = from.string()?.to_owned();
        let members = from.array(|from| {
            let member = from.string()?.to_owned();
            from.nullable_string()?;
            let metadata = Bytes::copy_from_slice(from.bytes()?);
            from.skip_tags()?;
            Ok((member, metadata))
        })?;
        Ok(JoinedGroup { code, generation, protocol, leader, member_id, members })
    }
}

/// Asks for what the leader assigned; the leader's own brings it.
#[derive(Debug)]
pub(in crate::kafka) struct SyncGroup<'a> {
    pub(in crate::kafka) group_id: &'a str,
    pub(in crate::kafka) generation: i32,
    pub(in crate::kafka) member_id: &'a str,
    pub(in crate::kafka) protocol_type: &'a str,
    pub(in crate::kafka) protocol: &'a str,
    pub(in crate::kafka) assignments: &'a [(String, Bytes)],
}

#[derive(Debug)]
pub(in crate::kafka) struct SyncedGroup {
    pub(in crate::kafka) code: Code,
    pub(in crate::kafka) assignment: Bytes,
}

impl Request for SyncGroup<'_> {
    const KEY: i16 = 14;
    const NAME: &'static str = "SyncGroup";
    const OLDEST: i16 = 4;
    const NEWEST: i16 = 5;
    const FLEXIBLE: i16 = 4;
    const SINCE: &'static str = "2.4";
    type Response = SyncedGroup;

    fn encode(&self, version: i16, to: &mut Encoder) {
        to.string(self.group_id);
        to.i32(self.generation);
        to.string(self.member_id);
        to.nullable_string(None);
        if version >= 5 {
            to.string(self.protocol_type);
            to.string(self.protocol);
        }
        to.array(self.assignments, |to, (member, assignment)| {
            to.string(member);
            to.bytes(assignment);
            to.no_tags();
        });
        to.no_tags();
    }

    fn decode(version: i16, from: &mut Decoder<'_>) -> Result<SyncedGroup> {
        from.i32()?;
        let code = Code(from.i16()?);
        if version >= 5 {
            from.nullable_string()?;
            from.nullable_string()?;
        }
        Ok(SyncedGroup { code, assignment: Bytes::copy_from_slice(from.bytes()?) })
    }
}

/// A sign of life.
#[derive(Debug)]
pub(in crate::kafka) struct Heartbeat<'a> {
    pub(in crate::kafka) group_id: &'a str,
    pub(in crate::kafka) generation: i32,
    pub(in crate::kafka) member_id: &'a str,
}

impl Request for Heartbeat<'_> {
    const KEY: i16 = 12;
    const NAME: &'static str = "Heartbeat";
    const OLDEST: i16 = 4;
    const NEWEST: i16 = 4;
    const FLEXIBLE: i16 = 4;
    const SINCE: &'static str = "2.4";
    type Response = Code;

    fn encode(&self, _: i16, to: &mut Encoder) {
        to.string(self.group_id);
        to.i32(self.generation);
        to.string(self.member_id);
        to.nullable_string(None);
        to.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Code> {
        from.i32()?;
        Ok(Code(from.i16()?))
    }
}

/// Leaves.
#[derive(Debug)]
pub(in crate::kafka) struct LeaveGroup<'a> {
    pub(in crate::kafka) group_id: &'a str,
    pub(in crate::kafka) member_id: &'a str,
}

impl Request for LeaveGroup<'_> {
    const KEY: i16 = 13;
    const NAME: &'static str = "LeaveGroup";
    const OLDEST: i16 = 4;
    const NEWEST: i16 = 5;
    const FLEXIBLE: i16 = 4;
    const SINCE: &'static str = "2.4";
    type Response = Code;

    fn encode(&self, version: i16, to: &mut Encoder) {
        to.string(self.group_id);
        to.array(&[self.member_id], |to, member| {
            to.string(member);
            to.nullable_string(None);
            if version >= 5 {
                to.nullable_string(None);
            }
            to.no_tags();
        });
        to.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Code> {
        from.i32()?;
        let code = Code(from.i16()?);
        let members = from.array(|from| {
            from.string()?;
            from.nullable_string()?;
            let code = Code(from.i16()?);
            from.skip_tags()?;
            Ok(code)
        })?;
        Ok(members.into_iter().fold(code, |code, member| if code.is_ok() { member } else { code }))
    }
}
