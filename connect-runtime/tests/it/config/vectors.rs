//! Definitions, parsing and validation compared with Kafka Connect's own answers.

use connect_api::Properties;
use connect_api::config::{ConfigDef, ConfigKey, DefaultValue, ParsedValue};
use connect_runtime::config::{
    ConfigInfos, ConnectorConfig, SinkConnectorConfig, SourceConnectorConfig, WorkerConfig,
    validate_connector,
};
use serde_json::{Value, json};

/// What the crate `equivalence` compares as a whole is compared key by key here, where more can be told apart.
const VECTORS: &str = include_str!("../../../../equivalence/vectors/configdef.jsonl");

fn cases(op: &str) -> Vec<(Value, Value)> {
    let lines = VECTORS.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut cases: Vec<_> = lines.map(|line| (line["case"].clone(), line["expected"].clone())).collect();
    cases.retain(|(case, _)| case["op"] == op);
    assert!(!cases.is_empty(), "there are vectors of {op}");
    cases
}

/// Definitions that came after the version that answered.
const NEWER: [&str; 5] = [
    "internal.topics.automatic.creation.enable",
    "bootstrap.resolve.timeout.ms",
    "metadata.cluster.check.enable",
    "sasl.oauthbearer.allow.unverified.audience",
    "sasl.oauthbearer.allow.unverified.issuer",
];

/// Valid values that Java describes in terms of classes, or of an object's address.
fn described_otherwise(key: &str) -> bool {
    key.ends_with("plugin.version") || ["key.converter", "value.converter", "header.converter"].contains(&key)
}

fn default(key: &ConfigKey) -> Value {
    let DefaultValue::Value(value) = &key.default else { return Value::Null };
    match value {
        ParsedValue::Boolean(value) => json!(value),
        ParsedValue::Int(value) => json!(value),
        ParsedValue::Short(value) => json!(value),
        ParsedValue::Long(value) => json!(value),
        ParsedValue::Double(value) => json!(value),
        ParsedValue::List(items) => json!(items),
        other => json!(other.to_text()),
    }
}

#[test]
fn definitions_are_kafkas_key_by_key() {
    let mut compared = 0;
    for (case, expected) in cases("configdef") {
        let class = case["class"].as_str().unwrap();
        let def: ConfigDef = match class {
            "StandaloneConfig" => WorkerConfig::standalone_def(),
            "DistributedConfig" => WorkerConfig::distributed_def(),
            "ConnectorConfig" => ConnectorConfig::def(),
            "SourceConnectorConfig" => SourceConnectorConfig::def(),
            "SinkConnectorConfig" => SinkConnectorConfig::def(),
            // A plugin of another crate.
            _ => continue,
        };
        def.check().unwrap();
        let keys: Vec<&ConfigKey> =
            def.keys().iter().filter(|key| !NEWER.contains(&key.name.as_str())).collect();
        let expected = expected["ok"].as_array().unwrap();
        let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        let expected_names: Vec<&str> = expected.iter().map(|key| key["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected_names, "{class}");
        for (key, expected) in keys.into_iter().zip(expected) {
            let validator = key.validator.as_ref().map(ToString::to_string);
            let mut ours = json!({
                "name": key.name,
                "type": key.ty.as_str(),
                "required": key.is_required(),
                "default": default(key),
                "default_text": key.default_text(),
                "importance": key.importance.as_str(),
                "group": key.group,
                "order": key.order,
                "width": key.width.as_str(),
                "display_name": key.display_name,
                "dependents": key.dependents,
                "validator": validator,
                "internal": key.internal,
            });
            let mut theirs = expected.clone();
            // What is recommended depends on the plugins that there are.
            theirs.as_object_mut().unwrap().remove("recommended");
            if described_otherwise(&key.name) {
                ours.as_object_mut().unwrap().remove("validator");
                theirs.as_object_mut().unwrap().remove("validator");
            }
            assert_eq!(ours, theirs, "{class} {}", key.name);
            assert!(key.documentation.ends_with('.'), "{} is documented", key.name);
            compared += 1;
        }
    }
    assert_eq!(compared, 52 + 133 + 19 + 24 + 24);
}

fn properties(case: &Value) -> Properties {
    let config = case["config"].as_object().unwrap();
    config.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
}

#[test]
fn connector_configurations_parse_as_in_kafka() {
    for (case, expected) in cases("config_parse") {
        let parsed = ConnectorConfig::def().parse(&properties(&case));
        match expected.get("ok") {
            None => {
                assert_eq!(
                    parsed.unwrap_err().message(),
                    expected["error"]["message"].as_str().unwrap(),
                    "{case}"
                );
            }
            Some(expected) => {
                let parsed = parsed.unwrap();
                for (key, value) in expected.as_object().unwrap() {
                    let ours = parsed.get(key).map(ParsedValue::to_text);
                    let theirs = match value {
                        Value::Null => None,
                        Value::Array(items) => Some(
                            items.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(","),
                        ),
                        Value::String(text) => Some(text.clone()),
                        other => Some(other.to_string()),
                    };
                    assert_eq!(ours, theirs, "{case} {key}");
                }
            }
        }
    }
}

/// Where we find more than Kafka, which finds it when the connector or its tasks start, or never.
fn reported_earlier(config: &Properties) -> Option<(&'static str, &'static str)> {
    if config.get("transforms.a.predicate") == Some("p") {
        return Some(("transforms.a.predicate", "there is no predicate of this alias"));
    }
    if config.contains_key("topic.creation.default.replication.factor")
        && !config.contains_key("topic.creation.default.partitions")
    {
        return Some(("topic.creation.default.partitions", "Missing required configuration"));
    }
    if config.get("exactly.once.support") == Some("required") {
        return Some((
            "exactly.once.support",
            "This worker does not have exactly-once source support enabled.",
        ));
    }
    None
}

/// Regular expressions are those of another engine, and a missing plugin comes with a list of those that there are.
fn comparable(message: &str) -> &str {
    let end = ["Invalid regex: ", "could not be found."]
        .iter()
        .find_map(|end| Some(message.find(end)? + end.len()));
    &message[..end.unwrap_or(message.len())]
}

fn check(config: &Properties, ours: &ConfigInfos, theirs: &Value) {
    let context = config.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    assert_eq!(ours.name, theirs["name"].as_str().unwrap(), "{context}");
    assert_eq!(json!(ours.groups), theirs["groups"], "{context}");
    let earlier = reported_earlier(config);
    let expected_errors = theirs["error_count"].as_u64().unwrap() + u64::from(earlier.is_some());
    assert_eq!(ours.error_count() as u64, expected_errors, "{context}: {:?}", ours.clone().into_result());
    if let Some((key, message)) = earlier {
        assert!(ours.value(key).unwrap().error_messages[0].contains(message), "{context}");
    }
    let names: Vec<&str> =
        theirs["configs"].as_array().unwrap().iter().map(|c| c["value"]["name"].as_str().unwrap()).collect();
    let mut our_names: Vec<&str> = ours.configs.iter().map(|config| config.value.name.as_str()).collect();
    our_names.retain(|name| names.contains(name) || earlier.is_none_or(|(key, _)| key != *name));
    assert_eq!(our_names, names, "{context}");
    for theirs in theirs["configs"].as_array().unwrap() {
        let (definition, value) = (&theirs["definition"], &theirs["value"]);
        let name = value["name"].as_str().unwrap();
        let ours = ours.configs.iter().find(|config| config.value.name == name).unwrap();
        let key = ours.definition.as_ref().unwrap();
        let our_definition = json!({
            "name": key.name,
            "type": key.ty.as_str(),
            "required": key.is_required(),
            "default_value": key.default_text(),
            "importance": key.importance.as_str(),
            "group": key.group,
            "order_in_group": key.order,
            "width": key.width.as_str(),
            "display_name": key.display_name,
            "dependents": key.dependents,
        });
        if name.contains(".override.") {
            // Kafka knows the definitions of its client's settings, we do not.
            assert_eq!(key.display_name, definition["display_name"].as_str().unwrap(), "{context} {name}");
        } else {
            assert_eq!(our_definition, *definition, "{context} {name}");
        }
        let theirs: Vec<&str> =
            value["errors"].as_array().unwrap().iter().map(|e| comparable(e.as_str().unwrap())).collect();
        let mut errors: Vec<&str> = ours.value.error_messages.iter().map(|e| comparable(e)).collect();
        if earlier.is_some_and(|(key, _)| key == name) {
            errors.clear();
        }
        assert_eq!(errors, theirs, "{context} {name}");
        let missing_class = theirs.iter().any(|error| error.ends_with("could not be found."));
        if !missing_class {
            // Of a class that does not exist Java has no value; here the name is the value.
            assert_eq!(json!(ours.value.value), value["value"], "{context} {name}");
        }
    }
}

#[test]
fn validation_finds_what_kafka_finds() {
    let plugins = super::plugins::all();
    let worker = WorkerConfig::embedded(&Properties::from([
        ("bootstrap.servers", "localhost:9092"),
        ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
    ]))
    .unwrap();
    for (case, expected) in cases("validate") {
        let config = properties(&case);
        let ours = validate_connector(&plugins, &worker, &config);
        match expected.get("ok") {
            None => assert!(
                ours.unwrap_err().message().ends_with("contains no connector type; set connector.class")
            ),
            Some(expected) => check(&config, &ours.unwrap(), expected),
        }
    }
}
