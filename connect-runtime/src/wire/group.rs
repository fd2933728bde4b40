//! What workers of a group tell each other through Kafka's group protocol, byte by byte as Java's workers do: the
//! metadata of a member, and what the leader assigns to it.
//!
//! Spec 2.4; KIP-415 (incremental rebalancing), KIP-507 (sessions).

use bytes::{BufMut, Bytes, BytesMut};
use connect_api::{Error, Result};

use crate::config::ConnectProtocol;

impl ConnectProtocol {
    /// The name under which it is offered to the group.
    pub fn group_name(self) -> &'static str {
        match self {
            Self::Eager => "default",
            Self::Compatible => "compatible",
            Self::Sessioned => "sessioned",
        }
    }

    /// The version in front of every message: 0, 1 or 2.
    pub fn version(self) -> i16 {
        self as i16
    }

    /// The protocols that a worker offers to its group: this one, then all before it.
    pub fn offered(self) -> impl Iterator<Item = Self> {
        [Self::Sessioned, Self::Compatible, Self::Eager].into_iter().filter(move |one| *one <= self)
    }
}

/// A task of a connector.
pub type Task = (String, i32);

/// What the leader assigns to a member, or what a member has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The version in front of the message that it was read from.
    pub version: i16,
    /// 0, or 1 when the member's configuration is behind the leader's.
    pub error: i16,
    /// The member id of the leader.
    pub leader: Option<String>,
    /// The URL of the leader's REST API.
    pub leader_url: Option<String>,
    /// The offset of the configuration topic that the assignment was made with.
    pub config_offset: i64,
    /// Connectors to run.
    pub connectors: Vec<String>,
    /// Tasks to run.
    pub tasks: Vec<Task>,
    /// Connectors to stop; not part of the eager protocol.
    pub revoked_connectors: Vec<String>,
    /// Tasks to stop; not part of the eager protocol.
    pub revoked_tasks: Vec<Task>,
    /// After how many milliseconds the next rebalance comes; not part of the eager protocol.
    pub delay: i32,
}

impl Default for Assignment {
    /// That of a member which has none yet.
    fn default() -> Self {
        Self {
            version: 1,
            error: 0,
            leader: None,
            leader_url: None,
            config_offset: -1,
            connectors: Vec::new(),
            tasks: Vec::new(),
            revoked_connectors: Vec::new(),
            revoked_tasks: Vec::new(),
            delay: 0,
        }
    }
}

/// What a member tells the group when it joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerState {
    /// The URL of its REST API.
    pub url: Option<String>,
    /// How far it has read the configuration topic.
    pub config_offset: i64,
    /// What it runs; `None` is nothing yet. Not part of the eager protocol.
    pub assignment: Option<Assignment>,
}

/// Writes a member's metadata.
///
/// # Errors
///
/// When there is no URL, or a text is longer than 32767 bytes.
pub fn encode_metadata(state: &WorkerState, protocol: ConnectProtocol) -> Result<Bytes> {
    let mut out = BytesMut::new();
    out.put_i16(protocol.version());
    let assignment = match protocol {
        ConnectProtocol::Eager => None,
        ConnectProtocol::Compatible | ConnectProtocol::Sessioned => {
            state.assignment.as_ref().map(|assignment| encode_assignment(assignment, protocol)).transpose()?
        }
    };
    string(&mut out, "url", state.url.as_deref())?;
    out.put_i64(state.config_offset);
    if protocol != ConnectProtocol::Eager {
        out.put_i32(assignment.as_ref().map_or(Ok(-1), |bytes| length(bytes.len()))?);
        out.put_slice(&assignment.unwrap_or_default());
    }
    Ok(out.freeze())
}

/// Reads a member's metadata. In the eager protocol nothing follows the offset, whatever the version says.
///
/// # Errors
///
/// When the bytes end too early, or their version is negative.
pub fn decode_metadata(bytes: &[u8], protocol: ConnectProtocol) -> Result<WorkerState> {
    let mut reader = Reader { rest: bytes };
    reader.version(ConnectProtocol::Eager)?;
    let url = Some(reader.string("url")?);
    let config_offset = reader.i64("config-offset")?;
    let assignment = match protocol {
        ConnectProtocol::Eager => None,
        // Whoever speaks the eager protocol ends here.
        ConnectProtocol::Compatible | ConnectProtocol::Sessioned if reader.rest.is_empty() => None,
        ConnectProtocol::Compatible | ConnectProtocol::Sessioned => {
            let payload = reader.bytes("allocation")?;
            payload.map(|payload| decode_assignment(payload, protocol)).transpose()?
        }
    };
    Ok(WorkerState { url, config_offset, assignment })
}

/// Writes an assignment.
///
/// # Errors
///
/// When there is no leader or URL, or a text is longer than 32767 bytes.
pub fn encode_assignment(assignment: &Assignment, protocol: ConnectProtocol) -> Result<Bytes> {
    let mut out = BytesMut::new();
    out.put_i16(protocol.version());
    out.put_i16(assignment.error);
    string(&mut out, "leader", assignment.leader.as_deref())?;
    string(&mut out, "leader-url", assignment.leader_url.as_deref())?;
    out.put_i64(assignment.config_offset);
    let connectors = in_java_order(&assignment.connectors);
    work(&mut out, connectors.into_iter(), &assignment.tasks)?;
    if protocol != ConnectProtocol::Eager {
        work(&mut out, assignment.revoked_connectors.iter().map(String::as_str), &assignment.revoked_tasks)?;
        out.put_i32(assignment.delay);
    }
    Ok(out.freeze())
}

/// Reads an assignment.
///
/// # Errors
///
/// When the bytes end too early, or their version is negative.
pub fn decode_assignment(bytes: &[u8], protocol: ConnectProtocol) -> Result<Assignment> {
    let mut reader = Reader { rest: bytes };
    let version = reader.version(ConnectProtocol::Eager)?;
    let error = reader.i16("error")?;
    let leader = Some(reader.string("leader")?);
    let leader_url = Some(reader.string("leader-url")?);
    let config_offset = reader.i64("config-offset")?;
    let incremental = protocol != ConnectProtocol::Eager;
    let (connectors, tasks) = reader.work("assignment", incremental)?;
    let (mut revoked_connectors, mut revoked_tasks, mut delay) = (Vec::new(), Vec::new(), 0);
    if incremental {
        (revoked_connectors, revoked_tasks) = reader.work("revoked", true)?;
        delay = reader.i32("delay")?;
    }
    Ok(Assignment {
        version,
        error,
        leader,
        leader_url,
        config_offset,
        connectors,
        tasks,
        revoked_connectors,
        revoked_tasks,
        delay,
    })
}

/// Stands for the connector itself among the numbers of its tasks.
const CONNECTOR: i32 = -1;

/// Connectors and tasks, grouped by connector in the order of their first mention.
fn work<'a>(out: &mut BytesMut, connectors: impl Iterator<Item = &'a str>, tasks: &'a [Task]) -> Result<()> {
    let mentions = connectors.map(|name| (name, CONNECTOR));
    let mentions = mentions.chain(tasks.iter().map(|(name, task)| (name.as_str(), *task)));
    let mut groups: Vec<(&str, Vec<i32>)> = Vec::new();
    for (name, task) in mentions {
        match groups.iter_mut().find(|(other, _)| *other == name) {
            Some((_, tasks)) => tasks.push(task),
            None => groups.push((name, vec![task])),
        }
    }
    out.put_i32(length(groups.len())?);
    for (name, tasks) in groups {
        string(out, "connector", Some(name))?;
        out.put_i32(length(tasks.len())?);
        tasks.into_iter().for_each(|task| out.put_i32(task));
    }
    Ok(())
}

/// Distinct names in the order in which Java's `HashSet` has them: by bucket, then as they came.
fn in_java_order(names: &[String]) -> Vec<&str> {
    let mut distinct: Vec<&str> = Vec::new();
    for name in names {
        if !distinct.contains(&name.as_str()) {
            distinct.push(name);
        }
    }
    let buckets = (names.len() * 4 / 3 + 1).next_power_of_two().max(16);
    distinct.sort_by_key(|name| {
        let hash =
            name.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
        (hash ^ hash >> 16) as usize & (buckets - 1)
    });
    distinct
}

fn string(out: &mut BytesMut, field: &str, text: Option<&str>) -> Result<()> {
    let Some(text) = text else {
        let missing = format!("Missing value for field '{field}' which has no default value.");
        return Err(schema_error(format!("Error computing size for field '{field}': {missing}")));
    };
    let too_long = |_| {
        schema_error(format!(
            "Error computing size for field '{field}': String length {} is larger than the maximum string length.",
            text.len()
        ))
    };
    out.put_i16(i16::try_from(text.len()).map_err(too_long)?);
    out.put_slice(text.as_bytes());
    Ok(())
}

fn length(length: usize) -> Result<i32> {
    i32::try_from(length).map_err(|_| schema_error("an assignment is larger than 2 GiB".to_owned()))
}

/// What Kafka's classes throw for bytes that do not fit.
#[cold]
fn schema_error(message: String) -> Error {
    Error::connect(message).with_java_class("org.apache.kafka.common.protocol.types.SchemaException")
}

#[cold]
fn unreadable(field: &str, why: &str) -> Error {
    schema_error(format!("Error reading field '{field}': {why}"))
}

/// Connectors and their tasks.
type Work = (Vec<String>, Vec<Task>);

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, field: &str, count: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(unreadable(field, "java.nio.BufferUnderflowException")),
        }
    }

    fn number(&mut self, field: &str, bytes: usize) -> Result<i64> {
        let taken = self.take(field, bytes)?;
        let sign = if taken[0] & 0x80 == 0 { 0 } else { -1 };
        Ok(taken.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte)))
    }

    fn i16(&mut self, field: &str) -> Result<i16> {
        self.number(field, 2).map(|number| number as i16)
    }

    fn i32(&mut self, field: &str) -> Result<i32> {
        self.number(field, 4).map(|number| number as i32)
    }

    fn i64(&mut self, field: &str) -> Result<i64> {
        self.number(field, 8)
    }

    fn version(&mut self, lowest: ConnectProtocol) -> Result<i16> {
        let version = self.i16("version")?;
        match version >= lowest.version() {
            true => Ok(version),
            false => Err(schema_error(format!("Unsupported subscription version: {version}"))),
        }
    }

    fn string(&mut self, field: &str) -> Result<String> {
        let length = self.i16(field)?;
        let Ok(count) = usize::try_from(length) else {
            return Err(unreadable(field, &format!("String length {length} cannot be negative")));
        };
        let left = self.rest.len();
        if count > left {
            let why = format!("Error reading string of length {length}, only {left} bytes available");
            return Err(unreadable(field, &why));
        }
        Ok(String::from_utf8_lossy(self.take(field, count)?).into_owned())
    }

    fn bytes(&mut self, field: &str) -> Result<Option<&'a [u8]>> {
        let length = self.i32(field)?;
        let Ok(count) = usize::try_from(length) else { return Ok(None) };
        let left = self.rest.len();
        if count > left {
            return Err(unreadable(
                field,
                &format!("Error reading bytes of size {length}, only {left} bytes available"),
            ));
        }
        self.take(field, count).map(Some)
    }

    /// The number of elements of a list, each of which has at least a byte.
    fn count(&mut self, nullable: bool) -> Result<usize> {
        let length = self.i32("length")?;
        let left = self.rest.len();
        match usize::try_from(length) {
            Ok(count) if count <= left => Ok(count),
            Ok(_) => Err(schema_error(format!(
                "Error reading array of size {length}, only {left} bytes available"
            ))),
            Err(_) if nullable => Ok(0),
            Err(_) => Err(schema_error(format!("Array size {length} cannot be negative"))),
        }
    }

    fn work(&mut self, field: &str, nullable: bool) -> Result<Work> {
        let (mut connectors, mut tasks) = (Vec::new(), Vec::new());
        let within = |error: Error| unreadable(field, error.message());
        for _ in 0..self.count(nullable).map_err(within)? {
            let name = self.string("connector").map_err(within)?;
            let count = self.count(false).map_err(|error| within(unreadable("tasks", error.message())))?;
            for _ in 0..count {
                match self.i32("tasks").map_err(within)? {
                    CONNECTOR => connectors.push(name.clone()),
                    task => tasks.push((name.clone(), task)),
                }
            }
        }
        Ok((connectors, tasks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment() -> Assignment {
        Assignment {
            leader: Some("worker-1".to_owned()),
            leader_url: Some("http://a:8083/".to_owned()),
            config_offset: 7,
            connectors: vec!["a".to_owned()],
            tasks: vec![("a".to_owned(), 0), ("b".to_owned(), 1)],
            revoked_tasks: vec![("c".to_owned(), 2)],
            delay: 5,
            ..Assignment::default()
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let state = WorkerState {
            url: Some("http://b:8083/".to_owned()),
            config_offset: 3,
            assignment: Some(assignment()),
        };
        let bytes = encode_metadata(&state, ConnectProtocol::Compatible).unwrap();
        assert_eq!(decode_metadata(&bytes, ConnectProtocol::Compatible).unwrap(), state);
        let eager = decode_metadata(
            &encode_metadata(&state, ConnectProtocol::Eager).unwrap(),
            ConnectProtocol::Compatible,
        )
        .unwrap();
        assert_eq!(eager, WorkerState { assignment: None, ..state });
    }

    #[test]
    fn every_cut_message_is_an_error() {
        let bytes = encode_assignment(&assignment(), ConnectProtocol::Sessioned).unwrap();
        for end in 0..bytes.len() {
            let error = decode_assignment(&bytes[..end], ConnectProtocol::Sessioned).unwrap_err();
            assert!(error.java_class().ends_with("SchemaException"), "cut at {end}: {error}");
        }
    }

    #[test]
    fn a_worker_offers_its_protocol_and_those_before_it() {
        let names = |protocol: ConnectProtocol| {
            protocol.offered().map(ConnectProtocol::group_name).collect::<Vec<_>>()
        };
        assert_eq!(names(ConnectProtocol::Sessioned), ["sessioned", "compatible", "default"]);
        assert_eq!(names(ConnectProtocol::Eager), ["default"]);
    }
}
