//! The files that a worker is started with: its own properties, and connectors in three formats.

use std::path::Path;

use connect_api::{Error, ErrorKind, Properties, Result};

use super::properties::{decode_properties, parse_properties};

/// The state in which a connector is created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitialState {
    /// It starts at once.
    #[default]
    Running,
    /// Its tasks are created and wait.
    Paused,
    /// It has no tasks.
    Stopped,
}

impl InitialState {
    /// Reads `RUNNING`, `PAUSED` or `STOPPED`, in any case.
    ///
    /// # Errors
    ///
    /// A config error that lists the three.
    pub fn parse(text: &str) -> Result<Self> {
        match text.to_ascii_uppercase().as_str() {
            "RUNNING" => Ok(Self::Running),
            "PAUSED" => Ok(Self::Paused),
            "STOPPED" => Ok(Self::Stopped),
            _ => Err(Error::config(
                "initial_state",
                format!("Invalid value {text} for initial_state: must be one of RUNNING, PAUSED, STOPPED"),
            )),
        }
    }
}

/// A connector as a file, or the body of a create request, describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorFile {
    /// The connector's name.
    pub name: String,
    /// Its configuration; `name` is always part of it.
    pub config: Properties,
    /// The state to create it in. `None` where the file does not say: running.
    pub initial_state: Option<InitialState>,
}

/// Reads the `.properties` file of a worker, or any other.
///
/// # Errors
///
/// A config error that names the file: it cannot be read, or an escape in it is malformed.
pub async fn read_properties_file(path: &Path) -> Result<Properties> {
    let bytes = read(path).await?;
    parse_properties(&decode_properties(&bytes)).map_err(|error| in_file(path, &error))
}

/// Reads a connector file: a flat JSON object with `name`, a JSON create request (`name`, `config`, optionally
/// `initial_state`), or Java properties with `name`.
///
/// # Errors
///
/// A config error that names the file and what is wrong in it.
pub async fn read_connector_file(path: &Path) -> Result<ConnectorFile> {
    parse_connector_file(path, &read(path).await?)
}

/// What [`read_connector_file`] does once it has the bytes. `path` is for messages only.
///
/// ```
/// use std::path::Path;
/// use connect_runtime::config::parse_connector_file;
///
/// let file = parse_connector_file(Path::new("orders.properties"), b"name=orders\ntasks.max=2\n")?;
/// assert_eq!((file.name.as_str(), file.config.get("tasks.max")), ("orders", Some("2")));
/// # Ok::<(), connect_api::Error>(())
/// ```
///
/// # Errors
///
/// As for [`read_connector_file`].
pub fn parse_connector_file(path: &Path, bytes: &[u8]) -> Result<ConnectorFile> {
    let text = decode_properties(bytes);
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.starts_with('{') {
        return json(path, start);
    }
    let config = parse_properties(&text).map_err(|error| in_file(path, &error))?;
    named(path, config)
}

async fn read(path: &Path) -> Result<Vec<u8>> {
    tokio::fs::read(path).await.map_err(|error| {
        Error::new(ErrorKind::Config, format!("Could not read configuration file '{}'", path.display()))
            .with_source(error)
    })
}

fn in_file(path: &Path, error: &Error) -> Error {
    problem(path, error.message())
}

fn problem(path: &Path, message: &str) -> Error {
    Error::new(ErrorKind::Config, format!("Configuration file '{}': {message}", path.display()))
}

fn named(path: &Path, config: Properties) -> Result<ConnectorFile> {
    match config.get("name") {
        Some(name) => Ok(ConnectorFile { name: name.to_owned(), config, initial_state: None }),
        None => Err(Error::config(
            "name",
            format!(
                "Connector configuration at '{}' is missing the mandatory 'name' configuration",
                path.display()
            ),
        )),
    }
}

#[cfg(not(feature = "json"))]
fn json(path: &Path, _text: &str) -> Result<ConnectorFile> {
    Err(problem(
        path,
        "it is JSON, which this program was built without (feature `json`); use a properties file",
    ))
}

#[cfg(feature = "json")]
fn json(path: &Path, text: &str) -> Result<ConnectorFile> {
    use serde_json::Value;

    let value: Value =
        serde_json::from_str(text).map_err(|error| problem(path, &format!("not valid JSON: {error}")))?;
    let Value::Object(members) = value else {
        return Err(problem(path, "a connector is a JSON object with members of text"));
    };
    let Some(config) = members.get("config").filter(|config| config.is_object()) else {
        return named(path, texts(path, "", &members)?);
    };
    let Value::Object(config) = config else { return Err(problem(path, "'config' must be a JSON object")) };
    let mut config = texts(path, "config.", config)?;
    let name = match members.get("name") {
        Some(Value::String(name)) => name.clone(),
        None | Some(Value::Null) => match config.get("name") {
            Some(name) => name.to_owned(),
            None => return named(path, config),
        },
        Some(_) => return Err(problem(path, "'name' must be text")),
    };
    if let Some(inner) = config.get("name").filter(|inner| *inner != name) {
        return Err(problem(
            path,
            &format!(
                "Connector name configuration in 'config' ('{inner}') doesn't match the one specified in 'name' \
                 ('{name}'); leave one of them out"
            ),
        ));
    }
    config.insert("name", name.as_str());
    let initial_state = match members.get("initial_state") {
        None | Some(Value::Null) => None,
        Some(Value::String(state)) => {
            Some(InitialState::parse(state).map_err(|error| in_file(path, &error))?)
        }
        Some(_) => return Err(problem(path, "'initial_state' must be one of RUNNING, PAUSED, STOPPED")),
    };
    Ok(ConnectorFile { name, config, initial_state })
}

/// The members as text; numbers and truth values are taken by their text.
#[cfg(feature = "json")]
fn texts(path: &Path, at: &str, members: &serde_json::Map<String, serde_json::Value>) -> Result<Properties> {
    use serde_json::Value;

    let mut properties = Properties::new();
    for (key, value) in members {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Null => {
                return Err(problem(
                    path,
                    &format!("'{at}{key}' is null; leave the key out, or give it a text"),
                ));
            }
            Value::Array(_) | Value::Object(_) => {
                return Err(problem(
                    path,
                    &format!("'{at}{key}' must be text; a list is one text with commas between the items"),
                ));
            }
        };
        properties.insert(key.as_str(), text);
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConnectorFile> {
        parse_connector_file(Path::new("etc/c"), text.as_bytes())
    }

    fn error(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn properties_need_a_name() {
        assert_eq!(parse("name=n\na=1").unwrap().config, Properties::from([("name", "n"), ("a", "1")]));
        assert_eq!(
            error("a=1"),
            "Connector configuration at 'etc/c' is missing the mandatory 'name' configuration"
        );
        assert!(error("a=\\uzz").starts_with("Configuration file 'etc/c': Line 1: malformed"));
    }

    #[cfg(feature = "json")]
    #[test]
    fn flat_json_takes_scalars_by_their_text() {
        let file = parse(r#" {"name": "n", "tasks.max": 2, "x": true}"#).unwrap();
        assert_eq!(file.config, Properties::from([("name", "n"), ("tasks.max", "2"), ("x", "true")]));
        assert_eq!(file.initial_state, None);
        assert!(error(r#"{"tasks.max": "2"}"#).ends_with("is missing the mandatory 'name' configuration"));
    }

    #[cfg(feature = "json")]
    #[test]
    fn a_create_request_may_say_the_state_and_ignores_other_members() {
        let file =
            parse(r#"{"name": "n", "config": {"a": "1"}, "initial_state": "paused", "later": [1]}"#).unwrap();
        assert_eq!(file.config, Properties::from([("name", "n"), ("a", "1")]));
        assert_eq!(file.initial_state, Some(InitialState::Paused));
        assert!(error(r#"{"name": "n", "config": {"name": "m"}}"#).contains("'m'"));
        assert!(
            error(r#"{"name": "n", "config": {}, "initial_state": "GONE"}"#)
                .contains("RUNNING, PAUSED, STOPPED")
        );
    }

    #[cfg(feature = "json")]
    #[test]
    fn broken_json_says_where() {
        assert!(error("{\n\"name\": \"n\",\n}").contains("line 3"));
        assert!(error(r#"{"name": "n", "topics": ["a"]}"#).contains("'topics' must be text"));
        assert!(error(r#"{"name": "n", "topics": null}"#).contains("'topics' is null"));
    }

    #[tokio::test]
    async fn a_missing_file_is_named() {
        let error = read_connector_file(Path::new("no/such/file")).await.unwrap_err().to_string();
        assert!(error.starts_with("Could not read configuration file 'no/such/file': "), "{error}");
    }
}
