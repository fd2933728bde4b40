//! The records of the config topic: configurations of connectors and tasks, wanted states, keys of the cluster.
//!
//! Java's workers read and write the same. Spec 3.2.

use std::fmt::Write as _;

use bytes::Bytes;
use connect_api::{Error, Properties, Result, ResultExt};
use serde_json::{Map, Value as Json};

use super::json::{kind, string};

/// The state that a connector, and with it each task, shall be in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetState {
    /// Moving data.
    #[default]
    Started,
    /// Keeping its resources and partitions, moving nothing.
    Paused,
    /// Not running.
    Stopped,
}

impl TargetState {
    /// Kafka's spelling: `STARTED`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Started, Self::Paused, Self::Stopped].into_iter().find(|state| state.as_str() == name)
    }
}

/// What signs the requests between workers (KIP-507).
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey {
    /// The key, as base64.
    pub key: String,
    /// What it is for: `HmacSHA256`.
    pub algorithm: String,
    /// When it was made, in milliseconds since the epoch.
    pub creation_timestamp: i64,
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionKey")
            .field("key", &"[hidden]")
            .field("algorithm", &self.algorithm)
            .field("creation_timestamp", &self.creation_timestamp)
            .finish()
    }
}

/// A record of the config topic.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigRecord {
    /// `connector-<name>`; without configuration the connector is deleted.
    Connector {
        /// The connector.
        name: String,
        /// Its configuration as the user wrote it.
        config: Option<Properties>,
    },
    /// `task-<name>-<number>`: takes effect with the next [`Commit`](Self::Commit). A tombstone means nothing.
    Task {
        /// The connector.
        connector: String,
        /// The number of the task.
        task: usize,
        /// Its configuration; references to config providers stand as they were written.
        config: Option<Properties>,
    },
    /// `commit-<name>`: the tasks of a connector are complete. A tombstone means nothing.
    Commit {
        /// The connector.
        connector: String,
        /// How many tasks it has.
        tasks: Option<usize>,
    },
    /// `target-state-<name>`.
    TargetState {
        /// The connector.
        connector: String,
        /// The state wanted; `None` is forgotten.
        state: Option<TargetState>,
    },
    /// `tasks-fencing-<name>`: how many tasks may have had transactional producers when the older ones were fenced.
    TasksFencing {
        /// The connector.
        connector: String,
        /// How many tasks.
        task_count: i64,
    },
    /// `session-key`.
    SessionKey(SessionKey),
    /// `restart-connector-<name>`: whoever runs it shall restart it (KIP-745).
    Restart {
        /// The connector.
        connector: String,
        /// Tasks too.
        include_tasks: bool,
        /// Only what has failed.
        only_failed: bool,
    },
    /// `logger-cluster-<logger>` (KIP-976).
    Logger {
        /// The logger.
        logger: String,
        /// The level.
        level: String,
    },
    /// A key that no version known here writes.
    Unknown,
}

const CONNECTOR: &str = "connector-";
const TASK: &str = "task-";
const COMMIT: &str = "commit-";
const TARGET_STATE: &str = "target-state-";
const FENCING: &str = "tasks-fencing-";
const SESSION_KEY: &str = "session-key";
const RESTART: &str = "restart-connector-";
const LOGGER: &str = "logger-cluster-";

impl ConfigRecord {
    /// Key and value as they stand in the topic.
    pub fn encode(&self) -> (Bytes, Option<Bytes>) {
        let (key, value) = match self {
            Self::Connector { name, config } => {
                (format!("{CONNECTOR}{name}"), config.as_ref().map(properties))
            }
            Self::Task { connector, task, config } => {
                (format!("{TASK}{connector}-{task}"), config.as_ref().map(properties))
            }
            Self::Commit { connector, tasks } => {
                (format!("{COMMIT}{connector}"), tasks.map(|tasks| format!("{{\"tasks\":{tasks}}}")))
            }
            Self::TargetState { connector, state } => {
                (format!("{TARGET_STATE}{connector}"), state.map(target_state))
            }
            Self::TasksFencing { connector, task_count } => {
                (format!("{FENCING}{connector}"), Some(format!("{{\"task-count\":{task_count}}}")))
            }
            Self::SessionKey(key) => (SESSION_KEY.to_owned(), Some(session_key(key))),
            Self::Restart { connector, include_tasks, only_failed } => (
                format!("{RESTART}{connector}"),
                Some(format!("{{\"include-tasks\":{include_tasks},\"only-failed\":{only_failed}}}")),
            ),
            Self::Logger { logger, level } => {
                let mut value = String::from("{\"level\":");
                string(&mut value, level);
                value.push('}');
                (format!("{LOGGER}{logger}"), Some(value))
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
        let key = std::str::from_utf8(key).data_err("read the key of a config record as UTF-8")?;
        decode(key, value).map_err(|error| error.with("key", key))
    }
}

fn decode(key: &str, value: Option<&[u8]>) -> Result<ConfigRecord> {
    let object = value.map(Object::read).transpose()?;
    let object = object.as_ref();
    if let Some(connector) = key.strip_prefix(TARGET_STATE) {
        let state = match object {
            None => None,
            // A state that a newer version has: the record says nothing to this one.
            Some(object) => match object.target_state()? {
                None => return Ok(ConfigRecord::Unknown),
                known => known,
            },
        };
        return Ok(ConfigRecord::TargetState { connector: connector.to_owned(), state });
    }
    if let Some(name) = key.strip_prefix(CONNECTOR) {
        let config = object.map(Object::properties).transpose()?;
        return Ok(ConfigRecord::Connector { name: name.to_owned(), config });
    }
    if let Some(rest) = key.strip_prefix(FENCING) {
        let Some(object) = object else { return Ok(ConfigRecord::Unknown) };
        let task_count = object.count("task-count")?;
        return Ok(ConfigRecord::TasksFencing { connector: rest.to_owned(), task_count });
    }
    if let Some(rest) = key.strip_prefix(TASK) {
        let parsed = rest.rsplit_once('-').and_then(|(name, task)| Some((name, task.parse::<usize>().ok()?)));
        let Some((connector, task)) = parsed else {
            return Err(Error::data("a task's configuration has a key without a task number"));
        };
        let config = object.map(Object::properties).transpose()?;
        return Ok(ConfigRecord::Task { connector: connector.to_owned(), task, config });
    }
    if let Some(connector) = key.strip_prefix(COMMIT) {
        let tasks = object.map(|object| object.count("tasks")).transpose()?;
        let tasks = tasks.map(usize::try_from).transpose().data_err("read the number of tasks")?;
        return Ok(ConfigRecord::Commit { connector: connector.to_owned(), tasks });
    }
    let Some(object) = object else { return Ok(ConfigRecord::Unknown) };
    if let Some(connector) = key.strip_prefix(RESTART) {
        return Ok(ConfigRecord::Restart {
            connector: connector.to_owned(),
            include_tasks: object.flag("include-tasks")?,
            only_failed: object.flag("only-failed")?,
        });
    }
    if let Some(logger) = key.strip_prefix(LOGGER) {
        return Ok(ConfigRecord::Logger {
            logger: logger.to_owned(),
            level: object.text("level")?.to_owned(),
        });
    }
    if key == SESSION_KEY {
        return Ok(ConfigRecord::SessionKey(SessionKey {
            key: object.text("key")?.to_owned(),
            algorithm: object.text("algorithm")?.to_owned(),
            creation_timestamp: object.integer("creation-timestamp")?,
        }));
    }
    Ok(ConfigRecord::Unknown)
}

fn properties(config: &Properties) -> String {
    let mut text = String::from("{\"properties\":{");
    for (index, (key, value)) in config.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        string(&mut text, key);
        text.push(':');
        string(&mut text, value);
    }
    text.push_str("}}");
    text
}

/// Workers before KIP-875 read `state` and know no `STOPPED`: to them it is paused.
fn target_state(state: TargetState) -> String {
    let old = if state == TargetState::Stopped { TargetState::Paused } else { state };
    format!("{{\"state\":\"{}\",\"state.v2\":\"{}\"}}", old.as_str(), state.as_str())
}

fn session_key(key: &SessionKey) -> String {
    let mut text = String::from("{\"key\":");
    string(&mut text, &key.key);
    text.push_str(",\"algorithm\":");
    string(&mut text, &key.algorithm);
    let _ = write!(text, ",\"creation-timestamp\":{}}}", key.creation_timestamp);
    text
}

struct Object(Map<String, Json>);

impl Object {
    fn read(bytes: &[u8]) -> Result<Self> {
        match serde_json::from_slice(bytes).data_err("read a config record as JSON")? {
            Json::Object(object) => Ok(Self(object)),
            other => Err(Error::data(format!("a config record must be a map, but is {}", kind(&other)))),
        }
    }

    fn member(&self, name: &str) -> Result<&Json> {
        self.0.get(name).ok_or_else(|| Error::data(format!("a config record has no member \"{name}\"")))
    }

    fn integer(&self, name: &str) -> Result<i64> {
        let value = self.member(name)?;
        value.as_i64().ok_or_else(|| wrong(name, "an integer", value))
    }

    /// A number of tasks: what Java's `int` holds.
    fn count(&self, name: &str) -> Result<i64> {
        let count = self.integer(name)?;
        match i32::try_from(count) {
            Ok(0..) => Ok(count),
            _ => Err(Error::data(format!("\"{name}\" of a config record is no number of tasks: {count}"))),
        }
    }

    fn text(&self, name: &str) -> Result<&str> {
        let value = self.member(name)?;
        value.as_str().ok_or_else(|| wrong(name, "a text", value))
    }

    fn flag(&self, name: &str) -> Result<bool> {
        let value = self.member(name)?;
        value.as_bool().ok_or_else(|| wrong(name, "true or false", value))
    }

    /// `state.v2` where it is, else `state`; `None` for a state that is not known here.
    fn target_state(&self) -> Result<Option<TargetState>> {
        let name = if self.0.contains_key("state.v2") { "state.v2" } else { "state" };
        Ok(TargetState::from_name(self.text(name)?))
    }

    /// Values that are null say nothing and are left out.
    fn properties(&self) -> Result<Properties> {
        let Json::Object(object) = self.member("properties")? else {
            return Err(wrong("properties", "a map", self.member("properties")?));
        };
        let mut properties = Properties::new();
        for (key, value) in object {
            match value {
                Json::String(value) => {
                    properties.insert(key, value);
                }
                Json::Null => {}
                other => return Err(wrong(key, "a text", other)),
            }
        }
        Ok(properties)
    }
}

/// Says no more of a value than its kind: it may be a secret.
fn wrong(name: &str, expected: &str, found: &Json) -> Error {
    Error::data(format!("\"{name}\" of a config record must be {expected}, but is {}", kind(found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, value: &str) -> Result<ConfigRecord> {
        ConfigRecord::decode(key.as_bytes(), Some(value.as_bytes()))
    }

    #[test]
    fn every_record_is_read_as_it_was_written() {
        let config = || Some(Properties::from([("file", "a\"b"), ("tasks.max", "1")]));
        let name = || "my-sink-0".to_owned();
        for record in [
            ConfigRecord::Connector { name: name(), config: config() },
            ConfigRecord::Connector { name: name(), config: None },
            ConfigRecord::Task { connector: name(), task: 12, config: config() },
            ConfigRecord::Commit { connector: name(), tasks: Some(0) },
            ConfigRecord::TargetState { connector: name(), state: Some(TargetState::Stopped) },
            ConfigRecord::TargetState { connector: name(), state: None },
            ConfigRecord::TasksFencing { connector: name(), task_count: 3 },
            ConfigRecord::SessionKey(SessionKey {
                key: "a2V5".to_owned(),
                algorithm: "HmacSHA256".to_owned(),
                creation_timestamp: 7,
            }),
            ConfigRecord::Restart { connector: name(), include_tasks: true, only_failed: false },
            ConfigRecord::Logger { logger: "org.x".to_owned(), level: "DEBUG".to_owned() },
        ] {
            let (key, value) = record.encode();
            assert_eq!(ConfigRecord::decode(&key, value.as_deref()).unwrap(), record);
        }
    }

    #[test]
    fn a_worker_without_the_stopped_state_reads_paused() {
        let (_, value) =
            ConfigRecord::TargetState { connector: "c".to_owned(), state: Some(TargetState::Stopped) }
                .encode();
        assert_eq!(value.unwrap(), r#"{"state":"PAUSED","state.v2":"STOPPED"}"#);
        let old = read("target-state-c", r#"{"state":"PAUSED"}"#).unwrap();
        assert_eq!(
            old,
            ConfigRecord::TargetState { connector: "c".to_owned(), state: Some(TargetState::Paused) }
        );
        assert_eq!(read("target-state-c", r#"{"state":"NEW"}"#).unwrap(), ConfigRecord::Unknown);
    }

    #[test]
    fn a_poisoned_record_says_what_is_wrong_and_shows_no_value() {
        for (key, value, why) in [
            (
                "connector-c",
                r#"{"properties":{"password":["s3cret"]}}"#,
                "\"password\" of a config record must be a text",
            ),
            ("connector-c", r#"["s3cret"]"#, "must be a map"),
            ("connector-c", "{s3cret", "JSON"),
            ("connector-c", r#"{"s3cret":1}"#, "no member \"properties\""),
            ("commit-c", r#"{"tasks":1.5}"#, "must be an integer"),
            ("commit-c", r#"{"tasks":-1}"#, "number of tasks"),
            ("commit-c", r#"{"tasks":9223372036854775807}"#, "number of tasks"),
            ("tasks-fencing-c", r#"{"task-count":4294967296}"#, "number of tasks"),
            ("task-c", r#"{"properties":{}}"#, "task number"),
            ("session-key", r#"{"key":"s3cret"}"#, "no member \"algorithm\""),
        ] {
            let error = read(key, value).unwrap_err().trace();
            assert!(error.contains(why) && error.contains(key), "{key} {value}: {error}");
            assert!(!error.contains("[\"s3cret"), "{error}");
        }
        assert_eq!(read("something-else", "{}").unwrap(), ConfigRecord::Unknown);
    }
}
