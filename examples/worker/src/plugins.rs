//! What is built in, and `connect-worker plugins`.

use std::process::ExitCode;

use connect_api::Plugins;
use connect_api::config::{ConfigDef, ConfigKey, DefaultValue};
use connect_api::plugins::{PluginInfo, PluginKind};
use connect_runtime::config::{SinkConnectorConfig, SourceConnectorConfig, WorkerConfig};

use crate::table::{columns, wrap};
use crate::{Failure, output};

/// Registers what the worker can run besides the engine's own converters and config providers. Add yours here.
pub(crate) fn register(plugins: &mut Plugins) {
    connect_datagen::register(plugins);
    connect_file::register(plugins);
    #[cfg(feature = "bench")]
    connect_perf::register(plugins);
    #[cfg(feature = "schema-registry")]
    connect_schema_registry::register(plugins);
    connect_sqlite::register(plugins);
    connect_transforms::register(plugins);
}

/// Everything, also what the engine registers by itself.
pub(crate) fn all() -> Plugins {
    let mut plugins = Plugins::new();
    connect_runtime::converters::register(&mut plugins);
    connect_runtime::config::providers::register(&mut plugins);
    register(&mut plugins);
    plugins
}

/// A plugin and its keys.
pub(crate) struct Described {
    pub(crate) info: PluginInfo,
    pub(crate) def: ConfigDef,
}

/// The plugins of a kind, by name.
pub(crate) fn of_kind(plugins: &Plugins, kind: PluginKind) -> Vec<Described> {
    macro_rules! described {
        ($list:ident) => {
            plugins
                .$list()
                .map(|plugin| Described { info: plugin.info().clone(), def: plugin.config_def() })
                .collect()
        };
    }
    let mut list: Vec<Described> = match kind {
        PluginKind::Source => described!(sources),
        PluginKind::Sink => described!(sinks),
        PluginKind::Converter => described!(converters),
        PluginKind::HeaderConverter => described!(header_converters),
        PluginKind::Transformation => described!(transformations),
        PluginKind::Predicate => described!(predicates),
        PluginKind::ConfigProvider => described!(config_providers),
    };
    list.sort_by_key(|described| described.info.name);
    list
}

/// Lists all plugins, or prints the keys of one.
pub(crate) fn run(name: Option<&str>) -> ExitCode {
    let plugins = all();
    match name {
        None => output::print_and_end(list(&plugins)),
        Some(name) => match keys(&plugins, name) {
            Ok(text) => output::print_and_end(text),
            Err(text) => {
                eprintln!("{text}");
                Failure::Usage.into()
            }
        },
    }
}

fn list(plugins: &Plugins) -> String {
    let mut rows = vec![["KIND", "NAME", "VERSION", "ALSO KNOWN AS"].map(str::to_owned).to_vec()];
    for kind in PluginKind::ALL {
        for Described { info, .. } in of_kind(plugins, kind) {
            rows.push(vec![
                kind.to_string(),
                info.name.to_owned(),
                info.version.to_owned(),
                info.aliases.join(", "),
            ]);
        }
    }
    columns(&rows)
}

/// The keys of what the name means: of several plugins, if they are of different kinds.
fn keys(plugins: &Plugins, name: &str) -> Result<String, String> {
    let own = match name {
        "worker" => Some((
            "The keys of a standalone worker",
            with(WorkerConfig::standalone_def(), &WorkerConfig::standalone_extension_def()),
        )),
        "source" => Some((
            "The keys of every source connector",
            with(SourceConnectorConfig::def(), &SourceConnectorConfig::extension_def()),
        )),
        "sink" => Some((
            "The keys of every sink connector",
            with(SinkConnectorConfig::def(), &SinkConnectorConfig::extension_def()),
        )),
        _ => None,
    };
    if let Some((title, def)) = own {
        return Ok(format!("{title}\n\n{}", key_table(&def)));
    }
    let found: Vec<Described> =
        PluginKind::ALL.into_iter().filter_map(|kind| find(plugins, kind, name)).collect();
    if found.is_empty() {
        return Err(unknown(plugins, name));
    }
    let mut texts: Vec<String> = Vec::new();
    for one in &found {
        // A converter of headers is usually one of values too, with the same keys.
        let twin = |other: &&Described| other.info.name == one.info.name && other.info.kind != one.info.kind;
        match found.iter().find(twin).filter(|twin| key_table(&twin.def) == key_table(&one.def)) {
            Some(twin) if one.info.kind == PluginKind::HeaderConverter => {
                texts.insert(0, describe(twin, " for keys, values and headers"));
            }
            Some(_) => {}
            None => texts.push(describe(one, "")),
        }
    }
    Ok(texts.join("\n"))
}

/// Kafka's keys, then those that it does not have.
fn with(mut def: ConfigDef, ours: &ConfigDef) -> ConfigDef {
    for key in ours.keys() {
        def.add(key.clone());
    }
    def
}

fn find(plugins: &Plugins, kind: PluginKind, name: &str) -> Option<Described> {
    let found = match kind {
        PluginKind::Source => plugins.find_source(name).map(|plugin| plugin.info().name),
        PluginKind::Sink => plugins.find_sink(name).map(|plugin| plugin.info().name),
        PluginKind::Converter => plugins.find_converter(name).map(|plugin| plugin.info().name),
        PluginKind::HeaderConverter => plugins.find_header_converter(name).map(|plugin| plugin.info().name),
        PluginKind::Transformation => plugins.find_transformation(name).map(|plugin| plugin.info().name),
        PluginKind::Predicate => plugins.find_predicate(name).map(|plugin| plugin.info().name),
        PluginKind::ConfigProvider => plugins.find_config_provider(name).map(|plugin| plugin.info().name),
    };
    let found = found.ok()?;
    of_kind(plugins, kind).into_iter().find(|described| described.info.name == found)
}

/// `MaskField` alone means nothing, since there are `MaskField$Key` and `MaskField$Value`; so the names that contain
/// it are offered, and those that the registry thinks are near.
fn unknown(plugins: &Plugins, name: &str) -> String {
    let lower = name.to_lowercase();
    let mut near: Vec<&str> = plugins
        .iter()
        .filter(|info| info.name.to_lowercase().contains(&lower))
        .map(|info| info.name)
        .collect();
    let errors = [
        plugins.find_connector(name).err(),
        plugins.find_converter(name).err(),
        plugins.find_header_converter(name).err(),
        plugins.find_transformation(name).err(),
        plugins.find_predicate(name).err(),
        plugins.find_config_provider(name).err(),
    ];
    let texts: Vec<String> = errors.iter().flatten().map(|error| error.message().to_owned()).collect();
    for text in &texts {
        let meant = text.rsplit_once("Did you mean ").map(|(_, name)| name.trim_end_matches('?'));
        near.extend(meant);
    }
    near.sort_unstable();
    near.dedup();
    let hint = match near.as_slice() {
        [] => "`connect-worker plugins` lists those that there are.".to_owned(),
        near => format!("Did you mean {}?", near.join(" or ")),
    };
    format!("There is no plugin {name}. {hint}")
}

fn describe(Described { info, def }: &Described, uses: &str) -> String {
    let mut text = format!("{} ({}{uses}, version {})\n", info.name, info.kind, info.version);
    if !info.aliases.is_empty() {
        text.push_str(&format!("also known as {}\n", info.aliases.join(", ")));
    }
    text.push('\n');
    text.push_str(&key_table(def));
    if matches!(info.kind, PluginKind::Source | PluginKind::Sink) {
        text.push_str(&format!(
            "\n`connect-worker plugins {}` prints the keys that every {} connector has.\n",
            info.kind, info.kind
        ));
    }
    text
}

/// Each key on a line, with what it does below.
fn key_table(def: &ConfigDef) -> String {
    let keys: Vec<&ConfigKey> = def.sorted().into_iter().filter(|key| !key.internal).collect();
    if keys.is_empty() {
        return "It has no configuration keys.\n".to_owned();
    }
    let mut rows = vec![["KEY", "TYPE", "DEFAULT", "IMPORTANCE", "VALID VALUES"].map(str::to_owned).to_vec()];
    rows.extend(keys.iter().map(|key| {
        vec![
            key.name.clone(),
            key.ty.as_str().to_lowercase(),
            default(key),
            key.importance.as_str().to_lowercase(),
            key.validator.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]
    }));
    let table = columns(&rows);
    let mut lines = table.lines();
    let mut text = format!("{}\n", lines.next().unwrap_or_default());
    for (line, key) in lines.zip(keys) {
        text.push_str(&format!("{line}\n{}", wrap(&key.documentation, "    ", 96)));
    }
    text
}

fn default(key: &ConfigKey) -> String {
    match (&key.default, key.default_text()) {
        (DefaultValue::Required, _) => "(must be set)".to_owned(),
        (_, None) => "(none)".to_owned(),
        (_, Some(text)) if text.is_empty() => "(empty)".to_owned(),
        (_, Some(text)) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_means_one_plugin() {
        all().check().unwrap();
    }

    #[test]
    fn every_plugin_can_be_asked_for_under_every_name() {
        let plugins = all();
        for info in plugins.iter() {
            for name in std::iter::once(&info.name).chain(&info.aliases) {
                assert!(keys(&plugins, name).unwrap().contains(info.name), "{name}");
            }
        }
    }

    #[test]
    fn an_unknown_name_gets_the_near_ones() {
        let error = |name| keys(&all(), name).unwrap_err();
        assert_eq!(
            error("FileStreamSorce"),
            "There is no plugin FileStreamSorce. Did you mean FileStreamSource?"
        );
        assert_eq!(
            error("MaskField"),
            "There is no plugin MaskField. Did you mean MaskField$Key or MaskField$Value?"
        );
        assert!(error("Qwertyuiop").ends_with("lists those that there are."));
    }
}
