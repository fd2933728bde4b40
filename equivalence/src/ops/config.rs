//! Definitions of configurations, parsing by them, and validation of a connector's configuration.

use connect_api::config::{ConfigDef, ConfigKey, DefaultValue, ParsedConfig, ParsedValue};
use connect_api::plugins::{PluginInfo, PluginKind};
use connect_api::{Plugins, Properties};
use connect_runtime::config::{
    ConfigInfo, ConfigInfos, ConnectorConfig, SinkConnectorConfig, SourceConnectorConfig, WorkerConfig,
    validate_connector,
};
use connect_transforms::EXTENSION_KEYS;

use super::{PACKAGES, Program, members};
use crate::Json;
use crate::failure::{Answer, Failure, bad_case, staged, thrown};

/// The keys of what a case names: a plugin, or one of the runtime's own configurations.
fn def_of(program: &Program, case: &Json) -> Answer<ConfigDef> {
    let name = case.text("class").unwrap_or_else(|| "null".to_owned());
    for package in PACKAGES {
        let class = format!("{package}{name}");
        // A class that says the keys of both its variants, or those of a converter.
        let variant = format!("{class}$Value");
        let converter = class.strip_suffix("ConverterConfig").map(|stem| format!("{stem}Converter"));
        let def = [Some(class.clone()), Some(variant), converter]
            .into_iter()
            .flatten()
            .find_map(|class| plugin_def(&program.plugins, &class));
        if let Some(def) = def.or_else(|| runtime_def(&class)) {
            return Ok(def);
        }
    }
    let simple = name.rsplit('.').next().unwrap_or_default();
    match simple.starts_with("Mirror") || simple == "TaskConfig" {
        true => Err(Failure::Skip("there is no such class here")),
        false => bad_case(format!("no class {name}")),
    }
}

fn plugin_def(plugins: &Plugins, class: &str) -> Option<ConfigDef> {
    let is = |info: &PluginInfo| info.aliases.contains(&class);
    let kind = plugins.iter().find(|info| is(info))?.kind;
    match kind {
        PluginKind::Source | PluginKind::Sink => {
            plugins.find_connector(class).ok().map(|one| one.config_def())
        }
        PluginKind::Converter => plugins.find_converter(class).ok().map(|one| one.config_def()),
        PluginKind::HeaderConverter => plugins.find_header_converter(class).ok().map(|one| one.config_def()),
        PluginKind::Transformation => plugins.find_transformation(class).ok().map(|one| one.config_def()),
        PluginKind::Predicate => plugins.find_predicate(class).ok().map(|one| one.config_def()),
        PluginKind::ConfigProvider => plugins.find_config_provider(class).ok().map(|one| one.config_def()),
    }
}

fn runtime_def(class: &str) -> Option<ConfigDef> {
    Some(match class.strip_prefix("org.apache.kafka.connect.runtime.")? {
        "ConnectorConfig" => ConnectorConfig::def(),
        "SourceConnectorConfig" => SourceConnectorConfig::def(),
        "SinkConnectorConfig" => SinkConnectorConfig::def(),
        "standalone.StandaloneConfig" => WorkerConfig::standalone_def(),
        "distributed.DistributedConfig" => WorkerConfig::distributed_def(),
        _ => return None,
    })
}

fn plain(value: &ParsedValue) -> Json {
    match value {
        ParsedValue::Boolean(value) => (*value).into(),
        ParsedValue::Int(value) => (*value).into(),
        ParsedValue::Short(value) => (*value).into(),
        ParsedValue::Long(value) => (*value).into(),
        ParsedValue::Double(value) => match value.to_string().parse() {
            Ok(number) => Json::Decimal(number),
            Err(_) => value.to_string().into(),
        },
        ParsedValue::List(items) => items.iter().map(String::as_str).collect(),
        other => other.to_text().into(),
    }
}

/// Whether a key is one that transformations have here and not in Kafka, which nobody compares.
fn is_extension(case: &Json, key: &str) -> bool {
    let class = case.text("class").unwrap_or_default();
    let class = class.rsplit('.').next().unwrap_or_default().split('$').next().unwrap_or_default();
    EXTENSION_KEYS.contains(&(class, key))
}

pub(super) fn configdef(program: &Program, case: &Json) -> Answer {
    let def = def_of(program, case)?;
    let documented = case.get("doc").is_none_or(|doc| doc.as_bool().unwrap_or(false));
    let key = |key: &ConfigKey| {
        let recommended = key.recommender.as_ref().map(|recommender| {
            match recommender.valid_values(&key.name, &ParsedConfig::default()) {
                Ok(values) => values.iter().map(plain).collect(),
                Err(error) => Json::from(format!("throws {}", error.java_class())),
            }
        });
        let default = match &key.default {
            DefaultValue::Value(value) => plain(value),
            DefaultValue::Null | DefaultValue::Required => Json::Null,
        };
        let mut json = Json::object([
            ("name", key.name.as_str().into()),
            ("type", key.ty.as_str().into()),
            ("required", key.is_required().into()),
            ("default", default),
            ("default_text", key.default_text().into()),
            ("importance", key.importance.as_str().into()),
            ("group", key.group.as_deref().into()),
            ("order", key.order.into()),
            ("width", key.width.as_str().into()),
            ("display_name", key.display_name.as_str().into()),
            ("dependents", key.dependents.iter().map(String::as_str).collect()),
            ("validator", key.validator.as_ref().map(ToString::to_string).into()),
            ("recommended", recommended.into()),
            ("internal", key.internal.into()),
        ]);
        if documented {
            json.set("doc", key.documentation.as_str());
        }
        json
    };
    let kafkas = |key: &&ConfigKey| !is_extension(case, &key.name);
    Ok(def.keys().iter().filter(kafkas).map(key).collect())
}

pub(super) fn parse(program: &Program, case: &Json) -> Answer {
    let def = staged("configure", def_of(program, case))?;
    staged("apply", parsed(program, &def, case))
}

fn parsed(program: &Program, def: &ConfigDef, case: &Json) -> Answer {
    let parsed = def.parse(&members(case.get("config")))?;
    let mut values = Vec::new();
    for (name, value) in parsed.iter().filter(|(name, _)| !is_extension(case, name)) {
        // Java looks for a class when it parses its name, here a plugin is looked for when it is needed.
        if let Some(ParsedValue::Class(class)) = value
            && !program.plugins.iter().any(|info| info.aliases.contains(&class.as_str()))
        {
            let why = format!("Class {class} could not be found.");
            let message = format!("Invalid value {class} for configuration {name}: {why}");
            return thrown("org.apache.kafka.common.config.ConfigException", message);
        }
        values.push((name.to_owned(), value.map_or(Json::Null, plain)));
    }
    Ok(Json::Object(values))
}

pub(super) fn validate(program: &mut Program, case: &Json) -> Answer {
    if program.worker.is_none() {
        let mut settings = Properties::from([
            ("bootstrap.servers", "127.0.0.1:1"),
            ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
            ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
            ("offset.storage.file.filename", "offsets"),
        ]);
        for (key, value) in &members(case.get("worker")) {
            settings.insert(key, value);
        }
        // Whatever the settings say, clients may be overridden.
        settings.insert("connector.client.config.override.policy", "All");
        program.worker = Some(WorkerConfig::standalone(&settings)?);
    }
    let Some(worker) = &program.worker else { return bad_case("no worker") };
    let infos = validate_connector(&program.plugins, worker, &members(case.get("config")))?;
    let documented = case.get("doc").is_none_or(|doc| doc.as_bool().unwrap_or(false));
    Ok(written(&infos, documented))
}

fn written(infos: &ConfigInfos, documented: bool) -> Json {
    let texts = |texts: &[String]| texts.iter().map(String::as_str).collect::<Json>();
    let definition = |key: &ConfigKey| {
        let mut json = Json::object([
            ("name", key.name.as_str().into()),
            ("type", key.ty.as_str().into()),
            ("required", key.is_required().into()),
            ("default_value", key.default_text().into()),
            ("importance", key.importance.as_str().into()),
        ]);
        if documented {
            json.set("documentation", key.documentation.as_str());
        }
        json.set("group", key.group.as_deref());
        json.set("order_in_group", key.order);
        json.set("width", key.width.as_str());
        json.set("display_name", key.display_name.as_str());
        json.set("dependents", texts(&key.dependents));
        json
    };
    let config = |info: &ConfigInfo| {
        let value = &info.value;
        let value = Json::object([
            ("name", value.name.as_str().into()),
            ("value", value.value.as_deref().into()),
            ("recommended_values", texts(&value.recommended_values)),
            ("errors", texts(&value.error_messages)),
            ("visible", value.visible.into()),
        ]);
        Json::object([("definition", info.definition.as_ref().map(definition).into()), ("value", value)])
    };
    let count = i64::try_from(infos.error_count()).unwrap_or(i64::MAX);
    Json::object([
        ("name", infos.name.as_str().into()),
        ("error_count", count.into()),
        ("groups", texts(&infos.groups)),
        ("configs", infos.configs.iter().map(config).collect()),
    ])
}
