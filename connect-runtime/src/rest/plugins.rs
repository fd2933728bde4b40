//! What the API says of plugins: their keys, and whether a configuration names one.

use axum::http::StatusCode;
use connect_api::config::{ConfigDef, Properties};
use connect_api::plugins::{ConnectorPlugin, PluginInfo};
use connect_api::{Error, Plugins};

use super::entities::KeyInfo;
use super::error::{Failure, Refusal};
use crate::config::{SinkConnectorConfig, SourceConnectorConfig, plugin_version_matches};

/// The connector that a configuration names.
///
/// # Errors
///
/// Kafka's words for a configuration without class, or with one that does not exist.
pub(super) fn connector(plugins: &Plugins, properties: &Properties) -> Result<ConnectorPlugin, String> {
    let Some(class) = properties.get("connector.class") else {
        // Kafka prints all values; they may be secrets, other than the name.
        let shown = properties.iter().map(|(key, value)| match key {
            "name" => format!("name={value}"),
            key => key.to_owned(),
        });
        let shown = shown.collect::<Vec<_>>().join(", ");
        return Err(format!("Connector config {{{shown}}} contains no connector type"));
    };
    plugins.find_connector(class.trim()).map_err(|error: Error| {
        error
            .message()
            .replacen(
                "Failed to find any connector which",
                "Failed to find any class that implements Connector and which",
                1,
            )
            .replacen(", available are: ", ", available connectors are: ", 1)
    })
}

/// The keys of a plugin of any kind that connectors name. A connector's own keys come with those that every connector
/// has and that the connector does not define itself.
pub(super) fn keys(plugins: &Plugins, name: &str, version: Option<&str>) -> Result<Vec<KeyInfo>, Refusal> {
    let unknown = || Failure::new(StatusCode::NOT_FOUND, format!("Unknown plugin {name}."));
    let (info, def) = find(plugins, name).ok_or_else(unknown)?;
    if let Some(version) = version.filter(|version| *version != "latest") {
        if version.starts_with(['[', '(']) != version.ends_with([']', ')']) {
            let message = format!("Invalid version specification: {version}");
            return Err(Failure::new(StatusCode::BAD_REQUEST, message).into());
        }
        if !plugin_version_matches(version, info.version) {
            let range = match version.starts_with(['[', '(']) {
                true => version.to_owned(),
                false => format!("[{version},{version}]"),
            };
            return Err(Failure::new(
                StatusCode::BAD_REQUEST,
                format!(
                    "Plugin {} not found that matches the version range {range}, available versions: [{}]",
                    info.class(),
                    info.version
                ),
            )
            .into());
        }
    }
    Ok(def.keys().iter().filter(|key| !key.internal).map(KeyInfo::from).collect())
}

fn find(plugins: &Plugins, name: &str) -> Option<(PluginInfo, ConfigDef)> {
    if let Ok(plugin) = plugins.find_connector(name) {
        let framework = match &plugin {
            ConnectorPlugin::Source(_) => SourceConnectorConfig::def(),
            ConnectorPlugin::Sink(_) => SinkConnectorConfig::def(),
        };
        let mut def = plugin.config_def();
        for key in framework.keys().iter().filter(|key| plugin.config_def().key(&key.name).is_none()) {
            def.add(key.clone());
        }
        if let Some(key) = def.key_mut("connector.plugin.version") {
            *key = key.clone().default(plugin.info().version);
        }
        return Some((plugin.info().clone(), def));
    }
    macro_rules! of {
        ($find:ident) => {
            if let Ok(plugin) = plugins.$find(name) {
                return Some((plugin.info().clone(), plugin.config_def()));
            }
        };
    }
    of!(find_converter);
    of!(find_header_converter);
    of!(find_transformation);
    of!(find_predicate);
    None
}
