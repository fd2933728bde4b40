//! What both herders do to a configuration before they take it.

use std::collections::BTreeMap;

use connect_api::config::Properties;

use crate::error::{Error, Result};

/// The configuration with the connector's name, which it may leave out and must not contradict.
pub(super) fn named(name: &str, mut config: Properties) -> Result<Properties> {
    match config.get("name") {
        None => {
            config.insert("name", name);
        }
        Some(other) if other == name => {}
        Some(other) => {
            return Err(Error::Config(format!(
                "Connector name configuration ({other}) doesn't match connector name in the request ({name})"
            )));
        }
    }
    Ok(config)
}

/// The configuration with the keys of a patch set, or taken away where it has no value for them.
pub(super) fn patched(mut config: Properties, patch: BTreeMap<String, Option<String>>) -> Properties {
    for (key, value) in patch {
        match value {
            Some(value) => drop(config.insert(key, value)),
            None => config.retain(|known, _| known != key),
        }
    }
    config
}
