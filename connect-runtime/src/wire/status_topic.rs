//! The records of the status topic: states of connectors and tasks, and the topics that a connector uses.
//!
//! Java's workers read and write the same. Spec 3.3.

use std::fmt::Write as _;

use bytes::Bytes;
use connect_api::{Error, Result, ResultExt};
use serde_json::{Map, Value as Json};

use super::json::{kind, nullable, string};

/// The state of a connector or task, under Kafka's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nobody runs it now.
    Unassigned,
    /// It runs.
    Running,
    /// It waits to be resumed.
    Paused,
    /// It ended with an error; the status has the trace.
    Failed,
    /// It is about to start again.
    Restarting,
    /// It was stopped; its tasks are gone, its offsets stay.
    Stopped,
}

impl State {
    const ALL: [Self; 6] =
        [Self::Unassigned, Self::Running, Self::Paused, Self::Failed, Self::Restarting, Self::Stopped];

    /// Kafka's spelling: `RUNNING`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unassigned => "UNASSIGNED",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Failed => "FAILED",
            Self::Restarting => "RESTARTING",
            Self::Stopped => "STOPPED",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a worker says of a connector or task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusValue {
    /// The state.
    pub state: State,
    /// For `FAILED`: the error with all its causes.
    pub trace: Option<String>,
    /// Who says so: `host:port`.
    pub worker_id: String,
    /// The generation of the group in which it was said.
    pub generation: i32,
    /// The version of the connector or task.
    pub version: Option<String>,
}

/// A topic that a connector uses (KIP-558).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicUse {
    /// The topic.
    pub topic: String,
    /// The connector.
    pub connector: String,
    /// The task that used it first.
    pub task: i64,
    /// When, in milliseconds since the epoch.
    pub discover_timestamp: i64,
}

/// A record of the status topic. Without value it is forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusRecord {
    /// `status-connector-<name>`.
    Connector {
        /// The connector.
        name: String,
        /// Its state.
        status: Option<StatusValue>,
    },
    /// `status-task-<name>-<number>`.
    Task {
        /// The connector.
        connector: String,
        /// The number of the task.
        task: usize,
        /// Its state.
        status: Option<StatusValue>,
    },
    /// `status-topic-<topic>:connector-<name>`.
    Topic {
        /// The topic.
        topic: String,
        /// The connector.
        connector: String,
        /// The rest.
        topic_use: Option<TopicUse>,
    },
    /// A key that no version known here writes.
    Unknown,
}

const CONNECTOR: &str = "status-connector-";
const TASK: &str = "status-task-";
const TOPIC: &str = "status-topic-";
const OF_CONNECTOR: &str = ":connector-";

impl StatusRecord {
    /// Key and value as they stand in the topic.
    pub fn encode(&self) -> (Bytes, Option<Bytes>) {
        let (key, value) = match self {
            Self::Connector { name, status } => {
                (format!("{CONNECTOR}{name}"), status.as_ref().map(status_value))
            }
            Self::Task { connector, task, status } => {
                (format!("{TASK}{connector}-{task}"), status.as_ref().map(status_value))
            }
            Self::Topic { topic, connector, topic_use } => {
                (format!("{TOPIC}{topic}{OF_CONNECTOR}{connector}"), topic_use.as_ref().map(topic_value))
            }
            Self::Unknown => (String::new(), None),
        };
        (Bytes::from(key), value.map(Bytes::from))
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// A data error that says what is wrong with it. Its reader goes on with the next record.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Self> {
        let key = std::str::from_utf8(key).data_err("read the key of a status record as UTF-8")?;
        decode(key, value).map_err(|error| error.with("key", key))
    }
}

fn decode(key: &str, value: Option<&[u8]>) -> Result<StatusRecord> {
    if let Some(name) = key.strip_prefix(CONNECTOR) {
        return Ok(StatusRecord::Connector {
            name: name.to_owned(),
            status: value.map(read_status).transpose()?,
        });
    }
    if let Some(rest) = key.strip_prefix(TASK) {
        let parsed = rest.rsplit_once('-').and_then(|(name, task)| Some((name, task.parse::<usize>().ok()?)));
        let Some((connector, task)) = parsed else {
            return Err(Error::data("a task's status has a key without a task number"));
        };
        let status = value.map(read_status).transpose()?;
        return Ok(StatusRecord::Task { connector: connector.to_owned(), task, status });
    }
    if let Some(rest) = key.strip_prefix(TOPIC) {
        let parsed = rest.find(':').map(|at| rest.split_at(at));
        let parsed = parsed.and_then(|(topic, rest)| Some((topic, rest.strip_prefix(OF_CONNECTOR)?)));
        let Some((topic, connector)) = parsed else {
            return Err(Error::data("a topic's status has a key without topic or connector"));
        };
        let topic_use = value.map(read_topic).transpose()?;
        return Ok(StatusRecord::Topic {
            topic: topic.to_owned(),
            connector: connector.to_owned(),
            topic_use,
        });
    }
    Ok(StatusRecord::Unknown)
}

fn status_value(status: &StatusValue) -> String {
    let mut text = String::from("{\"state\":");
    string(&mut text, status.state.as_str());
    text.push_str(",\"trace\":");
    nullable(&mut text, status.trace.as_deref());
    text.push_str(",\"worker_id\":");
    string(&mut text, &status.worker_id);
    let _ = write!(text, ",\"generation\":{},\"version\":", status.generation);
    nullable(&mut text, status.version.as_deref());
    text.push('}');
    text
}

fn topic_value(topic: &TopicUse) -> String {
    let mut text = String::from("{\"topic\":{\"name\":");
    string(&mut text, &topic.topic);
    text.push_str(",\"connector\":");
    string(&mut text, &topic.connector);
    let _ = write!(text, ",\"task\":{},\"discoverTimestamp\":{}}}}}", topic.task, topic.discover_timestamp);
    text
}

fn object(json: Json) -> Result<Map<String, Json>> {
    match json {
        Json::Object(object) => Ok(object),
        other => Err(Error::data(format!("a status must be a map, but is {}", kind(&other)))),
    }
}

fn read(bytes: &[u8]) -> Result<Map<String, Json>> {
    object(serde_json::from_slice(bytes).data_err("read a status as JSON")?)
}

fn missing(name: &str) -> Error {
    Error::data(format!("a status has no usable member \"{name}\""))
}

fn text(object: &Map<String, Json>, name: &str) -> Option<String> {
    object.get(name).and_then(Json::as_str).map(str::to_owned)
}

fn integer(object: &Map<String, Json>, name: &str) -> Result<i64> {
    object.get(name).and_then(Json::as_i64).ok_or_else(|| missing(name))
}

fn read_status(bytes: &[u8]) -> Result<StatusValue> {
    let object = read(bytes)?;
    let name = text(&object, "state").ok_or_else(|| missing("state"))?;
    let state = State::ALL.into_iter().find(|state| state.as_str() == name);
    Ok(StatusValue {
        state: state.ok_or_else(|| {
            let name: String = name.chars().take(40).collect();
            Error::data(format!("a status has the unknown state {name}"))
        })?,
        trace: text(&object, "trace"),
        worker_id: text(&object, "worker_id").ok_or_else(|| missing("worker_id"))?,
        generation: i32::try_from(integer(&object, "generation")?).map_err(|_| missing("generation"))?,
        version: text(&object, "version"),
    })
}

fn read_topic(bytes: &[u8]) -> Result<TopicUse> {
    let mut outer = read(bytes)?;
    let object = object(outer.remove("topic").ok_or_else(|| missing("topic"))?)?;
    Ok(TopicUse {
        topic: text(&object, "name").ok_or_else(|| missing("name"))?,
        connector: text(&object, "connector").ok_or_else(|| missing("connector"))?,
        task: integer(&object, "task")?,
        discover_timestamp: integer(&object, "discoverTimestamp")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_the_bytes_that_java_writes() {
        let record = StatusRecord::Connector {
            name: "src".to_owned(),
            status: Some(StatusValue {
                state: State::Running,
                trace: None,
                worker_id: "127.0.0.1:8083".to_owned(),
                generation: 4,
                version: Some("4.3.1".to_owned()),
            }),
        };
        let (key, value) = record.encode();
        assert_eq!(key, "status-connector-src");
        let expected = r#"{"state":"RUNNING","trace":null,"worker_id":"127.0.0.1:8083","generation":4,"version":"4.3.1"}"#;
        assert_eq!(value.as_deref(), Some(expected.as_bytes()));
        assert_eq!(StatusRecord::decode(&key, value.as_deref()).unwrap(), record);
    }

    #[test]
    fn names_with_separators_are_found_in_keys() {
        let key = b"status-topic-a.b:connector-x:connector-y-0";
        let record = StatusRecord::decode(key, None).unwrap();
        assert_eq!(
            record,
            StatusRecord::Topic {
                topic: "a.b".to_owned(),
                connector: "x:connector-y-0".to_owned(),
                topic_use: None
            }
        );
        let task = StatusRecord::decode(b"status-task-my-sink-1", None).unwrap();
        assert_eq!(task, StatusRecord::Task { connector: "my-sink".to_owned(), task: 1, status: None });
        assert_eq!(StatusRecord::decode(b"other", None).unwrap(), StatusRecord::Unknown);
    }

    #[test]
    fn a_poisoned_record_says_what_is_wrong() {
        for (key, value, why) in [
            ("status-connector-c", "{", "JSON"),
            ("status-connector-c", "[]", "must be a map"),
            ("status-connector-c", r#"{"state":"ODD"}"#, "unknown state ODD"),
            ("status-connector-c", r#"{"state":"RUNNING"}"#, "worker_id"),
            ("status-task-c", "{}", "task number"),
            ("status-topic-c", "{}", "topic or connector"),
        ] {
            let error = StatusRecord::decode(key.as_bytes(), Some(value.as_bytes())).unwrap_err().trace();
            assert!(error.contains(why), "{key} {value}: {error}");
        }
    }
}
