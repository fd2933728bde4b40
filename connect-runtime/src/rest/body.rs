//! Request bodies: JSON as Kafka's server takes it, where every scalar is as good as its text.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::Value as Json;

use super::error::Failure;

/// A configuration in which a key may be `null`.
pub(super) type NullableMap = BTreeMap<String, Option<String>>;

const REQUEST: &str = "org.apache.kafka.connect.runtime.rest.entities.CreateConnectorRequest";
const MAP: &str = "java.util.LinkedHashMap<java.lang.String,java.lang.String>";

/// Kafka answers a body that it cannot read with 500.
fn unreadable(message: impl Into<String>) -> Failure {
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, message)
}

/// Parses a body. `None`: there is nothing, or `null`.
pub(super) fn json(body: &[u8]) -> Result<Option<Json>, Failure> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    match serde_json::from_slice(body) {
        Ok(Json::Null) => Ok(None),
        Ok(json) => Ok(Some(json)),
        Err(error) => Err(unreadable(format!("The request body is not JSON: {error}"))),
    }
}

/// A body that must be there.
pub(super) fn required(body: &[u8]) -> Result<Json, Failure> {
    json(body)?.ok_or_else(|| unreadable("The request has no body"))
}

/// What Jackson says of a value that has another shape.
fn mismatch(expected: &str, found: &Json) -> Failure {
    unreadable(match found {
        Json::Array(_) => {
            format!(
                "Cannot deserialize value of type `{expected}` from Array value (token `JsonToken.START_ARRAY`)"
            )
        }
        Json::Object(_) => {
            format!(
                "Cannot deserialize value of type `{expected}` from Object value (token `JsonToken.START_OBJECT`)"
            )
        }
        scalar => {
            let class = expected.split('<').next().unwrap_or(expected);
            let what = match scalar {
                Json::String(text) => {
                    format!(
                        "no String-argument constructor/factory method to deserialize from String value ('{text}')"
                    )
                }
                Json::Bool(value) => format!(
                    "no boolean/Boolean-argument constructor/factory method to deserialize from boolean value ({value})"
                ),
                Json::Number(number) if number.is_f64() => format!(
                    "no double/Double-argument constructor/factory method to deserialize from Number value ({number})"
                ),
                other => format!(
                    "no int/Int-argument constructor/factory method to deserialize from Number value ({other})"
                ),
            };
            format!("Cannot construct instance of `{class}` (although at least one Creator exists): {what}")
        }
    })
}

/// The text of a scalar.
fn text(value: &Json) -> Result<Option<String>, Failure> {
    match value {
        Json::Null => Ok(None),
        Json::String(text) => Ok(Some(text.clone())),
        Json::Bool(value) => Ok(Some(value.to_string())),
        Json::Number(number) => Ok(Some(number.to_string())),
        other => Err(mismatch("java.lang.String", other)),
    }
}

/// A JSON object of scalars.
pub(super) fn map(json: &Json) -> Result<NullableMap, Failure> {
    let Json::Object(members) = json else { return Err(mismatch(MAP, json)) };
    members.iter().map(|(key, value)| Ok((key.clone(), text(value)?))).collect()
}

/// A list of configurations: what a worker sends to another.
pub(super) fn maps(body: &[u8]) -> Result<Vec<NullableMap>, Failure> {
    let json = json(body)?.ok_or_else(|| unreadable("No content to map due to end-of-input"))?;
    let Json::Array(list) = &json else {
        return Err(mismatch("java.util.ArrayList<java.util.Map<java.lang.String,java.lang.String>>", &json));
    };
    list.iter().map(map).collect()
}

/// The body that creates a connector.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CreateRequest {
    pub(super) name: String,
    pub(super) config: NullableMap,
    pub(super) initial_state: Option<crate::task::control::TargetState>,
}

impl CreateRequest {
    pub(super) fn read(json: &Json) -> Result<Self, Failure> {
        use crate::task::control::TargetState;
        let Json::Object(members) = json else { return Err(mismatch(REQUEST, json)) };
        if let Some(unknown) =
            members.keys().find(|key| !["config", "name", "initial_state"].contains(&key.as_str()))
        {
            return Err(unreadable(format!(
                "Unrecognized field \"{unknown}\" (class {REQUEST}), not marked as ignorable (3 known properties: \
                 \"config\", \"name\", \"initial_state\")"
            )));
        }
        let member = |name| members.get(name).filter(|value| !value.is_null());
        let name = member("name").map(text).transpose()?.flatten().unwrap_or_default().trim().to_owned();
        let config = member("config").ok_or_else(|| unreadable("The request has no member \"config\""));
        let initial_state = match member("initial_state").map(text).transpose()?.flatten() {
            None => None,
            Some(state) => Some(match state.to_uppercase().as_str() {
                "RUNNING" => TargetState::Started,
                "PAUSED" => TargetState::Paused,
                "STOPPED" => TargetState::Stopped,
                other => {
                    return Err(unreadable(format!(
                        "Cannot construct instance of `{REQUEST}$InitialState`, problem: No enum constant \
                         {REQUEST}.InitialState.{other}"
                    )));
                }
            }),
        };
        Ok(Self { name, config: map(config?)?, initial_state })
    }
}

/// Checks the members of a request about offsets; what they hold is for the connector to judge.
pub(super) fn offsets(json: &Json) -> Result<(), Failure> {
    const ENTITIES: &str = "org.apache.kafka.connect.runtime.rest.entities.";
    let members = |json: &Json, class: &str, known: &[&str], says: &str| {
        let Json::Object(members) = json else { return Err(mismatch(&format!("{ENTITIES}{class}"), json)) };
        match members.keys().find(|key| !known.contains(&key.as_str())) {
            Some(unknown) => Err(unreadable(format!(
                "Unrecognized field \"{unknown}\" (class {ENTITIES}{class}), not marked as ignorable ({says})"
            ))),
            None => Ok(()),
        }
    };
    members(json, "ConnectorOffsets", &["offsets"], "one known property: \"offsets\"")?;
    let list = match json.get("offsets") {
        Some(Json::Array(list)) => list,
        Some(Json::Null) | None => return Ok(()),
        Some(other) => {
            return Err(mismatch(&format!("java.util.ArrayList<{ENTITIES}ConnectorOffset>"), other));
        }
    };
    for entry in list.iter().filter(|entry| !entry.is_null()) {
        members(
            entry,
            "ConnectorOffset",
            &["partition", "offset"],
            "2 known properties: \"partition\", \"offset\"",
        )?;
        for member in ["partition", "offset"] {
            match entry.get(member) {
                None | Some(Json::Null | Json::Object(_)) => {}
                Some(other) => {
                    return Err(mismatch(
                        "java.util.LinkedHashMap<java.lang.String,java.lang.Object>",
                        other,
                    ));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_as_good_as_their_text() {
        let json = serde_json::json!({"a": 1, "b": true, "c": null, "d": "x"});
        let expected = [("a", Some("1")), ("b", Some("true")), ("c", None), ("d", Some("x"))]
            .map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
        assert_eq!(map(&json).unwrap(), BTreeMap::from(expected));
        assert_eq!(map(&serde_json::json!({"a": []})).unwrap_err().status, StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn a_name_is_trimmed_and_a_missing_one_is_empty() {
        let read = |json| CreateRequest::read(&json);
        assert_eq!(read(serde_json::json!({"name": " a ", "config": {}})).unwrap().name, "a");
        assert_eq!(read(serde_json::json!({"name": null, "config": {}})).unwrap().name, "");
        assert!(
            read(serde_json::json!({"name": "a", "config": {}, "x": 1}))
                .unwrap_err()
                .message
                .contains("\"x\"")
        );
        assert!(read(serde_json::json!({"name": "a", "config": {}, "initial_state": "paused"})).is_ok());
    }
}
