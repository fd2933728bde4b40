//! Which operation a path means: Kafka Connect's routes, in one table.

/// What a path stands for, with its parameters decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Root,
    Health,
    Metrics,
    Connectors,
    Connector(String),
    Config(String),
    Status(String),
    Topics(String),
    ResetTopics(String),
    Restart(String),
    Stop(String),
    Pause(String),
    Resume(String),
    Tasks(String),
    TaskStatus(String, i32),
    RestartTask(String, i32),
    Offsets(String),
    Fence(String),
    Plugins,
    PluginConfig(String),
    Validate(String),
    Loggers,
    Logger(String),
}

/// Which part of the API a resource belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Public,
    Admin,
}

impl Resource {
    /// The resource of a path; `None` where there is none. A trailing slash does not count.
    pub(super) fn find(segments: &[&str]) -> Option<Self> {
        let owned = |name: &&str| (*name).to_owned();
        Some(match segments {
            [] => Self::Root,
            ["health"] => Self::Health,
            ["metrics"] => Self::Metrics,
            ["connectors"] => Self::Connectors,
            ["connectors", name] => Self::Connector(owned(name)),
            ["connectors", name, "config"] => Self::Config(owned(name)),
            ["connectors", name, "status"] => Self::Status(owned(name)),
            ["connectors", name, "topics"] => Self::Topics(owned(name)),
            ["connectors", name, "topics", "reset"] => Self::ResetTopics(owned(name)),
            ["connectors", name, "restart"] => Self::Restart(owned(name)),
            ["connectors", name, "stop"] => Self::Stop(owned(name)),
            ["connectors", name, "pause"] => Self::Pause(owned(name)),
            ["connectors", name, "resume"] => Self::Resume(owned(name)),
            ["connectors", name, "tasks"] => Self::Tasks(owned(name)),
            ["connectors", name, "tasks", task, "status"] => {
                Self::TaskStatus(owned(name), task.parse().ok()?)
            }
            ["connectors", name, "tasks", task, "restart"] => {
                Self::RestartTask(owned(name), task.parse().ok()?)
            }
            ["connectors", name, "offsets"] => Self::Offsets(owned(name)),
            ["connectors", name, "fence"] => Self::Fence(owned(name)),
            ["connector-plugins"] => Self::Plugins,
            ["connector-plugins", plugin, "config"] => Self::PluginConfig(owned(plugin)),
            ["connector-plugins", plugin, "config", "validate"] => Self::Validate(owned(plugin)),
            ["admin", "loggers"] => Self::Loggers,
            ["admin", "loggers", logger] => Self::Logger(owned(logger)),
            _ => return None,
        })
    }

    /// What may be done with it. `HEAD` goes with `GET`, and `OPTIONS` with everything.
    pub(super) fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Root
            | Self::Health
            | Self::Metrics
            | Self::Status(_)
            | Self::Topics(_)
            | Self::TaskStatus(..)
            | Self::Plugins
            | Self::PluginConfig(_)
            | Self::Loggers => &["GET"],
            Self::Connectors | Self::Tasks(_) => &["GET", "POST"],
            Self::Connector(_) => &["GET", "DELETE"],
            Self::Config(_) => &["GET", "PUT", "PATCH"],
            Self::ResetTopics(_)
            | Self::Stop(_)
            | Self::Pause(_)
            | Self::Resume(_)
            | Self::Fence(_)
            | Self::Validate(_) => &["PUT"],
            Self::Restart(_) | Self::RestartTask(..) => &["POST"],
            Self::Offsets(_) => &["GET", "PATCH", "DELETE"],
            Self::Logger(_) => &["GET", "PUT"],
        }
    }

    pub(super) fn part(&self) -> Part {
        match self {
            Self::Loggers | Self::Logger(_) => Part::Admin,
            _ => Part::Public,
        }
    }

    /// The two requests that only workers send each other.
    pub(super) fn is_internal(&self, method: &str) -> bool {
        matches!((self, method), (Self::Tasks(_), "POST") | (Self::Fence(_), "PUT"))
    }
}

/// Splits a path into decoded segments. Kafka's server refuses paths whose meaning is unclear: an empty segment, and
/// what is no UTF-8.
pub(super) fn segments(path: &str) -> Result<Vec<String>, &'static str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    path.split('/')
        .map(|segment| match decode(segment, false) {
            Ok(text) if text.is_empty() => Err("Ambiguous URI empty segment"),
            other => other,
        })
        .collect()
}

/// The parameters behind `?`, decoded. What cannot be decoded is left as it is.
pub(super) fn parameters(query: &str) -> Vec<(String, String)> {
    let text = |raw: &str| decode(raw, true).unwrap_or_else(|_| raw.to_owned());
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (text(name), text(value))
        })
        .collect()
}

fn decode(raw: &str, plus: bool) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => (high * 16 + low) as u8,
                    _ => return Err("Bad Request"),
                }
            }
            b'+' if plus => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| "Bad UTF-8 encoding")
}

/// A name as it stands in a path.
pub(super) fn encode(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => path.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b','
            | b';' | b'=' | b':' | b'@' => path.push(char::from(byte)),
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(path: &str) -> Option<Resource> {
        let segments = segments(path).ok()?;
        Resource::find(&segments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn names_are_decoded_and_may_hold_slashes() {
        assert_eq!(find("/connectors/a%2Fb%20c%C3%A9"), Some(Resource::Connector("a/b cé".to_owned())));
        assert_eq!(find("/connectors/a+b/status/"), Some(Resource::Status("a+b".to_owned())));
    }

    #[test]
    fn what_is_no_route_is_nothing() {
        for path in [
            "/nope",
            "/connectors/a/b",
            "/connectors/a/tasks/x/status",
            "/connectors/a/tasks/99999999999/status",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
        assert_eq!(segments("//connectors"), Err("Ambiguous URI empty segment"));
        assert_eq!(segments("/%ff"), Err("Bad UTF-8 encoding"));
        assert_eq!(segments("/%zz"), Err("Bad Request"));
    }

    #[test]
    fn encoding_is_undone_by_decoding() {
        for name in ["a/b cé", "a+b?c#d", "%", "ä"] {
            assert_eq!(decode(&encode(name), false).as_deref(), Ok(name));
        }
    }

    #[test]
    fn parameters_are_those_of_forms() {
        let expected = [("a", "b c"), ("d", ""), ("e", "%zz")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(parameters("a=b+c&d&&e=%zz"), expected);
    }
}
