//! The worker's configuration from file to typed value.

use std::time::Duration;

use connect_api::Properties;
use connect_runtime::config::{
    ConnectProtocol, OffsetStorage, OverridePolicy, SourceExactlyOnce, WorkerConfig, WorkerMode,
    parse_properties,
};

const STANDALONE: &str = "\
# Kafka's own example, without its comments
bootstrap.servers=localhost:9092
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=true
value.converter.schemas.enable=true
offset.storage.file.filename=/tmp/connect.offsets
offset.flush.interval.ms=10000
";

const DISTRIBUTED: &str = "\
bootstrap.servers=a:9092, b:9092
group.id=connect-cluster
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
offset.storage.topic=connect-offsets
offset.storage.replication.factor=1
offset.storage.min.insync.replicas=1
config.storage.topic=connect-configs
config.storage.replication.factor=-1
status.storage.topic=connect-status
status.storage.replication.factor=1
exactly.once.source.support=ENABLED
connect.protocol=compatible
";

#[test]
fn kafkas_standalone_example_needs_no_change() {
    let worker = WorkerConfig::standalone(&parse_properties(STANDALONE).unwrap()).unwrap();
    assert_eq!(worker.mode, WorkerMode::Standalone);
    assert_eq!(worker.bootstrap_servers, ["localhost:9092"]);
    assert_eq!(worker.offset_storage, OffsetStorage::File("/tmp/connect.offsets".into()));
    assert_eq!(worker.offset_flush_interval, Duration::from_secs(10));
    let settings = &worker.key_converter.properties;
    assert_eq!(*settings, Properties::from([("schemas.enable", "true"), ("converter.type", "key")]));
    assert_eq!(worker.header_converter.class, "org.apache.kafka.connect.storage.SimpleHeaderConverter");
    assert_eq!(worker.override_policy, OverridePolicy::All);
    assert_eq!(worker.rest.listeners, ["http://:8083"]);
    assert_eq!(worker.ignored(), []);
    assert_eq!(worker.client_id_base(), "connect-");
}

#[test]
fn a_standalone_worker_that_writes_exactly_once_keeps_offsets_in_a_topic() {
    let standalone = parse_properties(STANDALONE).unwrap().with("offset.storage.topic", "offsets");
    let java = WorkerConfig::standalone(&standalone).unwrap();
    assert_eq!(java.exactly_once(), None);
    assert_eq!(java.ignored()[0].key, "offset.storage.topic", "as in Kafka");
    let both = standalone.with("exactly.once.source.id", "orders");
    let error = WorkerConfig::standalone(&both).unwrap_err().to_string();
    assert!(error.contains("offset.storage.file.filename are mutually exclusive"), "{error}");
    let mut own = both.with("offset.storage.min.insync.replicas", "1");
    own.remove("offset.storage.file.filename");
    let worker = WorkerConfig::standalone(&own).unwrap();
    assert_eq!((worker.exactly_once(), worker.ignored()), (Some("orders"), &[][..]));
    assert!(matches!(&worker.offset_storage, OffsetStorage::Topic(topic) if topic.name == "offsets"));
    own.remove("offset.storage.topic");
    let error = WorkerConfig::standalone(&own).unwrap_err().to_string();
    assert!(error.contains("exactly.once.source.id is set, and offset.storage.topic is not"), "{error}");
}

#[test]
fn kafkas_distributed_example_needs_no_change() {
    let worker = WorkerConfig::distributed(&parse_properties(DISTRIBUTED).unwrap()).unwrap();
    let WorkerMode::Distributed(config) = &worker.mode else { panic!("distributed") };
    assert_eq!(config.exactly_once_source_support, SourceExactlyOnce::Enabled);
    assert_eq!(config.connect_protocol, ConnectProtocol::Compatible);
    assert_eq!((config.config_topic.partitions, config.config_topic.replication_factor), (Some(1), None));
    assert_eq!((config.status_topic.partitions, config.status_topic.replication_factor), (Some(5), Some(1)));
    let OffsetStorage::Topic(offsets) = &worker.offset_storage else { panic!("topic") };
    assert_eq!((offsets.name.as_str(), offsets.partitions), ("connect-offsets", Some(25)));
    assert_eq!(offsets.configs["min.insync.replicas"], "1");
    assert_eq!(offsets.configs["cleanup.policy"], "compact");
    assert_eq!(worker.client_id_base(), "connect-cluster-");
    assert_eq!(worker.ignored(), []);
}

#[test]
fn rules_between_keys_are_reported_together() {
    let mut properties = parse_properties(DISTRIBUTED).unwrap();
    properties.insert("inter.worker.signature.algorithm", "HmacSHA512");
    properties.insert("heartbeat.interval.ms", "10000");
    properties.insert("connector.client.config.override.policy", "Some");
    let error = WorkerConfig::distributed(&properties).unwrap_err().to_string();
    for part in
        ["must be present in inter.worker.verification.algorithms", "below session.timeout.ms", "Allowlist"]
    {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert_eq!(error.lines().count(), 3);
}

#[test]
fn every_bad_number_of_a_worker_is_named() {
    let mut properties = parse_properties(DISTRIBUTED).unwrap();
    properties.insert("offset.storage.partitions", "0");
    properties.insert("status.storage.replication.factor", "many");
    properties.insert("inter.worker.verification.algorithms", "ROT13");
    properties.remove("group.id");
    let error = WorkerConfig::distributed(&properties).unwrap_err().to_string();
    for key in [
        "offset.storage.partitions",
        "status.storage.replication.factor",
        "ROT13",
        "\"group.id\" which has no default",
    ] {
        assert!(error.contains(key), "{key} in {error}");
    }
}

#[test]
fn keys_without_effect_are_listed_once_with_a_reason() {
    let mut properties = parse_properties(STANDALONE).unwrap();
    for (key, value) in [
        ("plugin.path", "/usr/share/java"),
        ("metric.reporters", ""),
        ("metrics.context.a", "b"),
        ("group.id", "g"),
        ("offset.storage.topic", "t"),
        ("internal.key.converter", "x"),
        ("ofset.flush.interval.ms", "1"),
        ("sasl.mechanism", "PLAIN"),
        ("producer.linger.ms", "5"),
        ("config.providers.file.param.x", "y"),
        ("listeners.https.ssl.protocol", "TLSv1.3"),
    ] {
        properties.insert(key, value);
    }
    let worker = WorkerConfig::standalone(&properties).unwrap();
    let keys: Vec<&str> = worker.ignored().iter().map(|ignored| ignored.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "group.id",
            "internal.key.converter",
            "metric.reporters",
            "metrics.context.a",
            "offset.storage.topic",
            "ofset.flush.interval.ms",
            "plugin.path",
        ]
    );
    assert!(worker.ignored().iter().all(|ignored| ignored.why.ends_with('.')));
}

#[test]
fn an_embedded_worker_needs_nothing_and_keeps_offsets_where_it_is_told() {
    let embedded = |entries: &[(&str, &str)]| WorkerConfig::embedded(&entries.iter().copied().collect());
    assert_eq!(embedded(&[]).unwrap().offset_storage, OffsetStorage::Memory);
    assert_eq!(embedded(&[]).unwrap().value_converter.class, "JsonConverter");
    assert!(embedded(&[]).unwrap().bootstrap_servers.is_empty());
    let file = embedded(&[("offset.storage.file.filename", "o")]).unwrap();
    assert_eq!(file.offset_storage, OffsetStorage::File("o".into()));
    let topic = embedded(&[("offset.storage.topic", "o"), ("offset.storage.partitions", "1")]).unwrap();
    let OffsetStorage::Topic(topic) = topic.offset_storage else { panic!("topic") };
    assert_eq!((topic.partitions, topic.replication_factor), (Some(1), Some(3)));
    let error =
        embedded(&[("offset.storage.topic", "o"), ("offset.storage.file.filename", "o")]).unwrap_err();
    assert!(error.to_string().contains("mutually exclusive"), "{error}");
}

#[test]
fn secrets_of_the_worker_do_not_show_in_debug() {
    let mut properties = parse_properties(STANDALONE).unwrap();
    properties.insert("producer.sasl.jaas.config", "hunter2");
    properties.insert("ssl.key.password", "hunter2");
    let worker = WorkerConfig::standalone(&properties).unwrap();
    assert!(!format!("{worker:?} {:?}", worker.key_converter).contains("hunter2"));
}

#[cfg(feature = "json")]
#[tokio::test]
async fn files_are_read_and_named_in_errors() {
    use std::path::Path;

    use connect_runtime::config::{read_connector_file, read_properties_file};

    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let worker = write("worker.properties", STANDALONE);
    assert!(WorkerConfig::standalone(&read_properties_file(&worker).await.unwrap()).is_ok());
    let connector = write("c.json", r#"{"name": "c", "config": {"connector.class": "X"}}"#);
    assert_eq!(read_connector_file(&connector).await.unwrap().name, "c");
    let broken = write("b.properties", "a=\\u12");
    let error = read_properties_file(&broken).await.unwrap_err().to_string();
    assert!(error.contains("b.properties") && error.contains("Line 1"), "{error}");
    assert!(read_properties_file(Path::new("nowhere")).await.unwrap_err().to_string().contains("'nowhere'"));
}

#[test]
fn converters_of_the_worker_that_do_not_exist_are_named_with_those_that_do() {
    let plugins = super::plugins::all();
    let mut properties = parse_properties(STANDALONE).unwrap();
    assert!(WorkerConfig::standalone(&properties).unwrap().check_plugins(&plugins).is_ok());
    properties.insert("key.converter", "org.example.AvroConverter");
    properties.insert("header.converter", "Nothing");
    let error =
        WorkerConfig::standalone(&properties).unwrap().check_plugins(&plugins).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0]
            .starts_with("Invalid value org.example.AvroConverter for configuration key.converter: Class")
    );
    assert!(lines[0].contains("Available are: JsonConverter, StringConverter"), "{error}");
    assert!(lines[1].contains("header.converter"));
}
