//! Validation beyond Kafka's vectors.

use connect_api::Properties;
use connect_runtime::config::{ConfigInfos, WorkerConfig, validate_connector};

fn validate(worker: &[(&str, &str)], connector: &[(&str, &str)]) -> ConfigInfos {
    let distributed = worker.iter().any(|(key, _)| *key == "config.storage.topic");
    let worker = worker.iter().copied().collect();
    let worker = match distributed {
        true => WorkerConfig::distributed(&worker).unwrap(),
        false => WorkerConfig::embedded(&worker).unwrap(),
    };
    let properties: Properties = connector.iter().copied().collect();
    validate_connector(&super::plugins::all(), &worker, &properties).unwrap()
}

fn errors(infos: &ConfigInfos, key: &str) -> Vec<String> {
    infos.value(key).map(|value| value.error_messages.clone()).unwrap_or_default()
}

const SOURCE: [(&str, &str); 3] = [("name", "n"), ("connector.class", "FileStreamSource"), ("topic", "t")];
const SINK: [(&str, &str); 3] = [("name", "n"), ("connector.class", "FileStreamSink"), ("topics", "t")];
const DISTRIBUTED: [(&str, &str); 9] = [
    ("bootstrap.servers", "a:1"),
    ("key.converter", "StringConverter"),
    ("value.converter", "StringConverter"),
    ("group.id", "g"),
    ("offset.storage.topic", "o"),
    ("config.storage.topic", "c"),
    ("status.storage.topic", "s"),
    ("exactly.once.source.support", "enabled"),
    ("client.id", ""),
];

#[test]
fn errors_of_every_part_are_one_text() {
    let infos = validate(
        &[("connector.client.config.override.policy", "None")],
        &[
            ("name", "n"),
            ("connector.class", "FileStreamSource"),
            ("tasks.max", "x"),
            ("key.converter", "Missing"),
            ("value.converter", "StringConverter"),
            ("value.converter.converter.encoding", "UTF-8"),
            ("transforms", "h,m"),
            ("transforms.h.type", "HoistField$Value"),
            ("transforms.m.type", "HoistFeld$Value"),
            ("producer.override.acks", "1"),
        ],
    );
    let error = infos.into_result().unwrap_err().to_string();
    assert_eq!(
        error.lines().collect::<Vec<_>>(),
        [
            "Connector configuration is invalid and contains the following 7 error(s):",
            "Invalid value x for configuration tasks.max: Not a number of type INT",
            "Invalid value null for configuration tasks.max: Value must be non-null",
            "Invalid value Missing for configuration key.converter: Class Missing could not be found. Available are: \
             JsonConverter, StringConverter",
            "Missing required configuration \"transforms.h.field\" which has no default value.",
            "Invalid value HoistFeld$Value for configuration transforms.m.type: Class HoistFeld$Value could not be \
             found. Available are: Filter, HoistField$Value. Did you mean HoistField$Value?",
            "Missing required configuration \"topic\" which has no default value.",
            "The 'None' policy does not allow 'acks' to be overridden in the connector configuration.",
            "You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`",
        ]
    );
}

#[test]
fn keys_of_transformations_stand_in_their_own_group() {
    let mut connector = SOURCE.to_vec();
    connector.extend([
        ("transforms", "h"),
        ("transforms.h.type", "HoistField$Value"),
        ("transforms.h.field", "f"),
    ]);
    let infos = validate(&[], &connector);
    assert_eq!(infos.error_count(), 0);
    let group: Vec<(&str, i32)> = infos
        .configs
        .iter()
        .filter_map(|config| config.definition.as_ref())
        .filter(|key| key.group.as_deref() == Some("Transforms: h"))
        .map(|key| (key.name.as_str(), key.order))
        .collect();
    assert!(group.contains(&("transforms.h.type", 0)) && group.contains(&("transforms.h.plugin.version", 1)));
    assert!(group.contains(&("transforms.h.field", 2)), "{group:?}");
}

#[test]
fn a_version_that_is_not_there_is_refused() {
    let with = |version: &'static str| {
        let mut connector = SOURCE.to_vec();
        connector.push(("connector.plugin.version", version));
        errors(&validate(&[], &connector), "connector.plugin.version")
    };
    assert!(with("latest").is_empty() && with("[4.0,5.0)").is_empty() && with("4.3.1").is_empty());
    assert!(with("5.0")[0].contains("no such version of the plugin is compiled in; there is 4.3.1"));
    assert!(!with("[4,").is_empty());
}

#[test]
fn a_broken_expression_of_a_topic_group_is_found() {
    let mut connector = SOURCE.to_vec();
    connector.extend([
        ("topic.creation.groups", "g"),
        ("topic.creation.default.partitions", "1"),
        ("topic.creation.default.replication.factor", "1"),
        ("topic.creation.g.include", "("),
    ]);
    assert!(errors(&validate(&[], &connector), "topic.creation.g.include")[0].contains("Invalid regex"));
}

#[test]
fn a_sink_cannot_join_the_group_of_the_workers() {
    let mut connector = SINK.to_vec();
    connector.push(("consumer.override.group.id", "g"));
    let infos = validate(&DISTRIBUTED, &connector);
    assert_eq!(
        errors(&infos, "consumer.override.group.id"),
        ["Consumer group g conflicts with Connect worker group g"]
    );
    let mut worker = DISTRIBUTED.to_vec();
    worker.push(("group.id", "connect-n"));
    assert_eq!(
        errors(&validate(&worker, &SINK), "name"),
        ["Consumer group for sink connector named n conflicts with Connect worker group connect-n"]
    );
    assert_eq!(validate(&DISTRIBUTED, &SINK).error_count(), 0);
}

#[test]
fn exactly_once_has_to_be_proved_where_it_is_required() {
    let mut connector = SOURCE.to_vec();
    connector.push(("exactly.once.support", "required"));
    let unknown = errors(&validate(&DISTRIBUTED, &connector), "exactly.once.support");
    assert!(
        unknown[0].starts_with("The connector does not implement the API required for preflight validation")
    );
    let mut connector = SOURCE.to_vec();
    connector.push(("transaction.boundary", "connector"));
    let boundary = errors(&validate(&DISTRIBUTED, &connector), "transaction.boundary");
    assert!(
        boundary[0].starts_with("The connector does not support connector-defined transaction boundaries")
    );
}
