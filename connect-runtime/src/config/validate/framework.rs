//! The keys that every connector has, with what the registered plugins add to them.

use connect_api::config::{
    ConfigDef, ConfigKey, DefaultValue, Importance, ParsedConfig, ParsedValue, Recommender, Type, Validator,
    Width, invalid,
};
use connect_api::plugins::{ConnectorPlugin, PluginInfo, PluginKind};
use connect_api::{Plugins, Properties, Result};

use super::version;
use crate::config::connector::parse_list;
use crate::config::problems::Problems;
use crate::config::worker::WorkerConfig;

/// Offers a fixed list.
struct Offer(Vec<String>);

impl Recommender for Offer {
    fn valid_values(&self, _name: &str, _parsed: &ParsedConfig) -> Result<Vec<ParsedValue>> {
        Ok(self.0.iter().cloned().map(ParsedValue::String).collect())
    }

    fn visible(&self, _name: &str, _parsed: &ParsedConfig) -> Result<bool> {
        Ok(true)
    }
}

/// Offers nothing and hides the key: the version of a plugin that does not exist.
struct Hide;

impl Recommender for Hide {
    fn valid_values(&self, _name: &str, _parsed: &ParsedConfig) -> Result<Vec<ParsedValue>> {
        Ok(Vec::new())
    }

    fn visible(&self, _name: &str, _parsed: &ParsedConfig) -> Result<bool> {
        Ok(false)
    }
}

fn classes(plugins: &Plugins, kind: PluginKind) -> Vec<String> {
    let mut names: Vec<String> = plugins.of_kind(kind).iter().map(|info| info.class().to_owned()).collect();
    names.sort_unstable();
    names
}

/// What `find` answers for a name, with Kafka's words for a missing class.
fn find(plugins: &Plugins, kind: PluginKind, name: &str) -> Result<PluginInfo, String> {
    let found = match kind {
        PluginKind::Converter => plugins.find_converter(name).map(|plugin| plugin.info().clone()),
        PluginKind::HeaderConverter => {
            plugins.find_header_converter(name).map(|plugin| plugin.info().clone())
        }
        PluginKind::Transformation => plugins.find_transformation(name).map(|plugin| plugin.info().clone()),
        PluginKind::Predicate => plugins.find_predicate(name).map(|plugin| plugin.info().clone()),
        PluginKind::ConfigProvider => plugins.find_config_provider(name).map(|plugin| plugin.info().clone()),
        PluginKind::Source | PluginKind::Sink => {
            plugins.find_connector(name).map(|plugin| plugin.info().clone())
        }
    };
    found.map_err(|error| match error.message().split_once(", available are: ") {
        Some((_, known)) => format!("Class {name} could not be found. Available are: {known}"),
        None => error.message().to_owned(),
    })
}

/// A plugin of this name is registered. Kafka's `null` passes.
fn registered(plugins: &Plugins, kind: PluginKind, text: impl Into<String>) -> Validator {
    let plugins = plugins.clone();
    Validator::custom(text, move |name, value| match value.and_then(ParsedValue::as_str) {
        Some(class) => find(&plugins, kind, class).map(drop).map_err(|why| invalid(name, class, why)),
        None => Ok(()),
    })
}

/// The one version that there is becomes the default and the only one on offer.
fn version_key(key: &mut ConfigKey, version: &str) {
    key.default = DefaultValue::Value(ParsedValue::String(version.to_owned()));
    let own = version.to_owned();
    *key = key.clone().recommender(Offer(vec![version.to_owned()])).validator(Validator::custom("", {
        move |name, value| match value.and_then(ParsedValue::as_str) {
            Some(wanted) if !version::matches(wanted, &own) => Err(invalid(
                name,
                wanted,
                format_args!("no such version of the plugin is compiled in; there is {own}"),
            )),
            _ => Ok(()),
        }
    }));
}

/// Adds to `def` what depends on the plugins: defaults, lists of choices, whether they exist, and the keys of the
/// connector's transformations and predicates.
pub(super) fn with_plugins(
    mut def: ConfigDef,
    plugins: &Plugins,
    worker: &WorkerConfig,
    properties: &Properties,
    connector: Option<&ConnectorPlugin>,
) -> ConfigDef {
    if let (Some(connector), Some(key)) = (connector, def.key_mut("connector.plugin.version")) {
        version_key(key, connector.info().version);
    }
    let converters = [
        ("key.converter", PluginKind::Converter, &worker.key_converter),
        ("value.converter", PluginKind::Converter, &worker.value_converter),
        ("header.converter", PluginKind::HeaderConverter, &worker.header_converter),
    ];
    for (name, kind, default) in converters {
        if let Some(key) = def.key_mut(name) {
            let text = key.validator.as_ref().map(ToString::to_string).unwrap_or_default();
            let offer = Offer(classes(plugins, kind));
            *key = key.clone().recommender(offer);
            key.default = DefaultValue::Value(ParsedValue::Class(default.class.clone()));
            key.validator = Some(registered(plugins, kind, text));
        }
        let class = properties.get(name).map_or(default.class.as_str(), str::trim);
        let found = find(plugins, kind, class);
        match (found, def.key_mut(&format!("{name}.plugin.version"))) {
            (Ok(info), Some(key)) => version_key(key, info.version),
            (Err(_), Some(key)) => *key = key.clone().recommender(Hide),
            (_, None) => {}
        }
    }
    for alias in unique(properties, "transforms") {
        def = alias_block(def, plugins, properties, &alias, PluginKind::Transformation);
    }
    for alias in unique(properties, "predicates") {
        def = alias_block(def, plugins, properties, &alias, PluginKind::Predicate);
    }
    def
}

fn unique(properties: &Properties, key: &str) -> Vec<String> {
    let mut seen = Vec::new();
    for alias in parse_list(properties, key) {
        if !alias.is_empty() && !seen.contains(&alias) {
            seen.push(alias);
        }
    }
    seen
}

/// The keys of one transformation or predicate.
fn alias_block(
    def: ConfigDef,
    plugins: &Plugins,
    properties: &Properties,
    alias: &str,
    kind: PluginKind,
) -> ConfigDef {
    let (list, word) = match kind {
        PluginKind::Predicate => ("predicates", "Predicate"),
        _ => ("transforms", "Transformation"),
    };
    let prefix = format!("{list}.{alias}.");
    let group = match kind {
        PluginKind::Predicate => format!("Predicates: {alias}"),
        _ => format!("Transforms: {alias}"),
    };
    let own = |name: &str, ty, order, what: &str| {
        ConfigKey::new(format!("{prefix}{name}"), ty)
            .importance(Importance::High)
            .group(group.as_str())
            .order(order)
            .width(Width::Long)
            .display_name(format!("{word} {what} for {alias}"))
    };
    let class = own("type", Type::Class, 0, "type")
        .documentation(format!("The plugin behind the alias {alias}."))
        .validator(registered(plugins, kind, ""))
        .recommender(Offer(classes(plugins, kind)));
    let mut version = own("plugin.version", Type::String, 1, "version")
        .optional()
        .documentation(format!("The version that the plugin behind the alias {alias} must have."));
    let found =
        properties.get(&format!("{prefix}type")).and_then(|class| find(plugins, kind, class.trim()).ok());
    if let Some(info) = &found {
        version_key(&mut version, info.version);
    }
    let def = def.define(class).define(version);
    let Some(child) = found.and_then(|info| plugin_def(plugins, kind, info.name)) else { return def };
    let child = match kind {
        PluginKind::Predicate => child,
        _ => with_predicate_keys(&child),
    };
    let mut def = def.embed(&prefix, &group, 2, &child);
    for key in child.keys() {
        if let Some(embedded) = def.key_mut(&format!("{prefix}{}", key.name)) {
            embedded.display_name.clone_from(&key.display_name);
        }
    }
    def
}

fn plugin_def(plugins: &Plugins, kind: PluginKind, name: &str) -> Option<ConfigDef> {
    match kind {
        PluginKind::Predicate => plugins.find_predicate(name).ok().map(|plugin| plugin.config_def()),
        _ => plugins.find_transformation(name).ok().map(|plugin| plugin.config_def()),
    }
}

/// The two keys that every transformation has beside its own; where a transformation has a key of the same name the
/// runtime's counts.
fn with_predicate_keys(child: &ConfigDef) -> ConfigDef {
    let mut all = ConfigDef::new()
        .define(ConfigKey::new("predicate", Type::String).optional().documentation(
            "The alias of the predicate that says to which records the transformation applies.",
        ))
        .define(
            ConfigKey::new("negate", Type::Boolean)
                .default("false")
                .documentation("Whether it applies to the records for which the predicate does not hold."),
        );
    for key in child.keys().iter().filter(|key| !["predicate", "negate"].contains(&key.name.as_str())) {
        all.add(key.clone());
    }
    all
}

/// What is wrong with the worker's converters: their names, and their settings.
pub(super) fn check_worker(plugins: &Plugins, worker: &WorkerConfig, problems: &mut Problems) {
    let converters = [
        ("key.converter", PluginKind::Converter, &worker.key_converter),
        ("value.converter", PluginKind::Converter, &worker.value_converter),
        ("header.converter", PluginKind::HeaderConverter, &worker.header_converter),
    ];
    for (name, kind, converter) in converters {
        if let Err(why) = find(plugins, kind, &converter.class) {
            problems.add(&invalid(name, &converter.class, why));
        }
    }
    let classes = converters.map(|(name, _, converter)| (name, converter.class.as_str()));
    let named = worker.properties().iter().chain(classes).collect();
    for (prefix, def) in self::converters(plugins, &named) {
        let def = ConfigDef::new().flatten(&prefix, &def);
        problems.take(def.parse_all(&with_converter_type(&named, &prefix)));
    }
}

/// The definitions of the converters that the connector names itself, each with its prefix.
pub(super) fn converters(plugins: &Plugins, properties: &Properties) -> Vec<(String, ConfigDef)> {
    let mut defs = Vec::new();
    for name in ["key.converter", "value.converter", "header.converter"] {
        let Some(class) = properties.get(name).map(str::trim) else { continue };
        let def = match name {
            "header.converter" => plugins.find_header_converter(class).ok().map(|plugin| plugin.config_def()),
            _ => plugins.find_converter(class).ok().map(|plugin| plugin.config_def()),
        };
        defs.extend(def.map(|def| (format!("{name}."), def)));
    }
    defs
}

/// What the runtime adds to a converter's settings.
pub(super) fn with_converter_type(properties: &Properties, prefix: &str) -> Properties {
    let ty = prefix.split('.').next().unwrap_or_default();
    properties.clone().with(format!("{prefix}converter.type"), ty)
}
