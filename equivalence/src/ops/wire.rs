//! The bytes that workers exchange in their group, and the offset file of a standalone worker.

use bytes::Bytes;
use connect_runtime::config::ConnectProtocol;
use connect_runtime::wire::group::{
    Assignment, WorkerState, decode_assignment, decode_metadata, encode_assignment, encode_metadata,
};
use connect_runtime::wire::offset_file;

use super::converters::{input, output};
use crate::Json;
use crate::failure::{Answer, Failure, Thrown, null_pointer, thrown};

fn protocol(case: &Json) -> ConnectProtocol {
    match case.text("protocol").as_deref() {
        Some("eager") => ConnectProtocol::Eager,
        Some("sessioned") => ConnectProtocol::Sessioned,
        _ => ConnectProtocol::Compatible,
    }
}

fn strings(json: Option<&Json>) -> Vec<String> {
    json.map(Json::children).unwrap_or_default().into_iter().map(Json::as_text).collect()
}

fn tasks(json: Option<&Json>) -> Answer<Vec<(String, i32)>> {
    let task = |json: &Json| match (json.at(0), json.at(1)) {
        (Some(connector), Some(task)) => Ok((connector.as_text(), task.as_int())),
        (connector, _) => {
            let method = if connector.is_none() { "asText" } else { "asInt" };
            null_pointer(format!("{NODE}.{method}()\" because the return value of {GET}(int)\" is null"))
        }
    };
    json.map(Json::children).unwrap_or_default().into_iter().map(task).collect()
}

const NODE: &str = "Cannot invoke \"com.fasterxml.jackson.databind.JsonNode";
const GET: &str = "\"com.fasterxml.jackson.databind.JsonNode.get";

fn assignment_in(json: &Json) -> Answer<Assignment> {
    let int = |name: &str, or: i32| json.get(name).and_then(Json::number).map_or(or, |number| number as i32);
    Ok(Assignment {
        version: int("version", 1) as i16,
        error: int("error", 0) as i16,
        leader: json.text("leader"),
        leader_url: json.text("leader_url"),
        config_offset: json.get("config_offset").and_then(Json::number).unwrap_or(-1),
        connectors: strings(json.get("connectors")),
        tasks: tasks(json.get("tasks"))?,
        revoked_connectors: strings(json.get("revoked_connectors")),
        revoked_tasks: tasks(json.get("revoked_tasks"))?,
        delay: int("delay", 0),
    })
}

fn assignment_out(assignment: &Assignment, protocol: ConnectProtocol) -> Json {
    let ids = |tasks: &[(String, i32)]| {
        let id = |(connector, task): &(String, i32)| {
            Json::from(vec![Json::from(connector.as_str()), (*task).into()])
        };
        tasks.iter().map(id).collect::<Json>()
    };
    let names = |names: &[String]| names.iter().map(String::as_str).collect::<Json>();
    let mut json = Json::Object(Vec::new());
    if protocol != ConnectProtocol::Eager {
        json.set("version", assignment.version);
    }
    json.set("error", assignment.error);
    json.set("leader", assignment.leader.as_deref());
    json.set("leader_url", assignment.leader_url.as_deref());
    json.set("config_offset", assignment.config_offset);
    json.set("connectors", names(&assignment.connectors));
    json.set("tasks", ids(&assignment.tasks));
    if protocol != ConnectProtocol::Eager {
        json.set("revoked_connectors", names(&assignment.revoked_connectors));
        json.set("revoked_tasks", ids(&assignment.revoked_tasks));
        json.set("delay", assignment.delay);
    }
    json
}

pub(super) fn metadata(case: &Json) -> Answer {
    let Some(config_offset) = case.get("config_offset").map(Json::as_long) else {
        return null_pointer(format!(
            "{NODE}.asLong()\" because the return value of {GET}(String)\" is null"
        ));
    };
    let protocol = protocol(case);
    let assignment = match case.some("assignment") {
        Some(assignment) if protocol != ConnectProtocol::Eager => Some(assignment_in(assignment)?),
        _ => None,
    };
    let state = WorkerState { url: case.text("url"), config_offset, assignment };
    let mut json = output(Some(&encode_metadata(&state, protocol)?));
    let mut join = Vec::new();
    for offered in protocol.offered() {
        let mut entry = output(Some(&encode_metadata(&state, offered)?));
        entry.set("name", offered.group_name());
        join.push(entry);
    }
    json.set("join", join);
    Ok(json)
}

pub(super) fn assignment(case: &Json) -> Answer {
    let protocol = protocol(case);
    let json = match (case.get("assignment"), protocol) {
        (None, ConnectProtocol::Eager) => {
            return null_pointer(format!("{NODE}.path(String)\" because \"<local5>\" is null"));
        }
        (None | Some(Json::Null), ConnectProtocol::Compatible | ConnectProtocol::Sessioned) => {
            return Ok(output(None));
        }
        (Some(json), _) => json,
    };
    Ok(output(Some(&encode_assignment(&assignment_in(json)?, protocol)?)))
}

fn bytes(case: &Json, name: &str) -> Answer<Bytes> {
    match input(case)? {
        Some(bytes) => Ok(bytes),
        None => null_pointer(format!("Cannot read the array length because \"{name}\" is null")),
    }
}

pub(super) fn metadata_decode(case: &Json) -> Answer {
    let protocol = protocol(case);
    let state = decode_metadata(&bytes(case, "array")?, protocol)?;
    let mut json =
        Json::object([("url", state.url.as_deref().into()), ("config_offset", state.config_offset.into())]);
    if protocol != ConnectProtocol::Eager {
        json.set("assignment", assignment_out(&state.assignment.unwrap_or_default(), protocol));
    }
    Ok(json)
}

pub(super) fn assignment_decode(case: &Json) -> Answer {
    let protocol = protocol(case);
    Ok(assignment_out(&decode_assignment(&bytes(case, "array")?, protocol)?, protocol))
}

pub(super) fn offset_file(case: &Json) -> Answer {
    let Some(entries) = case.get("entries") else {
        return null_pointer(format!(
            "{NODE}.iterator()\" because the return value of {GET}(String)\" is null"
        ));
    };
    let text = |json: Option<&Json>| match json {
        None | Some(Json::Null) => None,
        Some(text) => Some(Bytes::from(text.as_text())),
    };
    let entry = |entry: &Json| match text(entry.at(0)) {
        Some(key) => Ok((key, text(entry.at(1)))),
        None => Err(Failure::Skip("a key of an offset file is never null here")),
    };
    let entries: Vec<_> = entries.children().into_iter().map(entry).collect::<Answer<_>>()?;
    Ok(output(Some(&offset_file::encode(&entries)?)))
}

pub(super) fn offset_file_decode(case: &Json) -> Answer {
    let bytes = bytes(case, "buf")?;
    if bytes.len() < 4 {
        // A worker takes an empty file for one without offsets.
        let ended = Thrown { message: None, ..Thrown::new("java.io.EOFException", "") };
        return Err(ended.into());
    }
    let entries = match offset_file::decode(&bytes) {
        Ok(entries) => entries,
        Err(error) => match Thrown::from(&error) {
            Thrown { cause: Some(cause), .. } => {
                return thrown(&cause.class, cause.message.unwrap_or_default());
            }
            thrown => return Err(thrown.into()),
        },
    };
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let mut texts: Vec<(String, Option<String>)> =
        entries.iter().map(|(key, value)| (text(key), value.as_ref().map(text))).collect();
    texts.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    let entry = |(key, value): (String, Option<String>)| Json::from(vec![Json::from(key), value.into()]);
    Ok(Json::tagged("entries", texts.into_iter().map(entry).collect::<Json>()))
}
