//! Settings of clients: who wins over whom.

use std::collections::BTreeMap;

use connect_api::Properties;
use connect_runtime::config::{WorkerConfig, clients};

fn worker(more: &[(&str, &str)]) -> WorkerConfig {
    let mut properties = Properties::from([
        ("bootstrap.servers", "a:1,b:2"),
        ("key.converter", "StringConverter"),
        ("value.converter", "StringConverter"),
        ("offset.storage.file.filename", "o"),
    ]);
    properties.extend(more.iter().copied());
    WorkerConfig::standalone(&properties).unwrap()
}

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_source_producer_has_kafkas_defaults() {
    let settings = clients::source_producer(&worker(&[]), "n", &Properties::new(), 3).unwrap();
    assert_eq!(
        settings.properties,
        map(&[
            ("bootstrap.servers", "a:1,b:2"),
            ("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"),
            ("value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"),
            ("max.block.ms", "9223372036854775807"),
            ("acks", "all"),
            ("max.in.flight.requests.per.connection", "1"),
            ("delivery.timeout.ms", "2147483647"),
            ("client.id", "connector-producer-n-3"),
        ])
    );
}

#[test]
fn a_sink_consumer_has_kafkas_defaults() {
    let settings = clients::sink_consumer(&worker(&[]), "n", &Properties::new(), 0).unwrap();
    assert_eq!(
        settings.properties,
        map(&[
            ("bootstrap.servers", "a:1,b:2"),
            ("group.id", "connect-n"),
            ("enable.auto.commit", "false"),
            ("auto.offset.reset", "earliest"),
            ("key.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer"),
            ("value.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer"),
            ("client.id", "connector-consumer-n-0"),
        ])
    );
}

#[test]
fn the_memory_of_a_task_limits_its_clients_unless_they_are_told_otherwise() {
    let budget = worker(&[("tasks.buffer.memory", "4194304")]);
    let none = Properties::new();
    let producer = clients::source_producer(&budget, "n", &none, 0).unwrap().properties;
    assert_eq!(producer["buffer.memory"], "2097152");
    let consumer = clients::sink_consumer(&budget, "n", &none, 0).unwrap().properties;
    assert_eq!(consumer["fetch.max.bytes"], "1048576");
    assert_eq!(consumer["max.partition.fetch.bytes"], "1048576");

    let own = Properties::from([
        ("tasks.buffer.memory", "1048576"),
        ("producer.override.buffer.memory", "77777"),
        ("consumer.override.fetch.max.bytes", "88888"),
    ]);
    let producer = clients::source_producer(&budget, "n", &own, 0).unwrap().properties;
    assert_eq!(producer["buffer.memory"], "77777");
    let consumer = clients::sink_consumer(&budget, "n", &own, 0).unwrap().properties;
    assert_eq!(consumer["fetch.max.bytes"], "88888");
    assert_eq!(consumer["max.partition.fetch.bytes"], "262144");

    let small = Properties::from([("tasks.buffer.memory", "1000"), ("name", "n"), ("connector.class", "C")]);
    let error = connect_runtime::config::ConnectorConfig::parse(&small, &worker(&[])).unwrap_err();
    assert!(error.to_string().contains("tasks.buffer.memory"), "{error}");
}

#[test]
fn the_lanes_of_a_task_are_the_connectors_or_the_workers() {
    use connect_runtime::config::ConnectorConfig;
    let connector = [("name", "n"), ("connector.class", "C")];
    let three = worker(&[("tasks.conversion.parallelism", "3")]);
    let lanes = |worker: &WorkerConfig, more: &[(&str, &str)]| {
        let properties: Properties = connector.iter().chain(more).copied().collect();
        ConnectorConfig::parse(&properties, worker).map(|config| config.conversion_parallelism)
    };
    assert_eq!(lanes(&worker(&[]), &[]).unwrap(), 1);
    assert_eq!(lanes(&three, &[]).unwrap(), 3);
    assert_eq!(lanes(&three, &[("tasks.conversion.parallelism", "2")]).unwrap(), 2);
    assert!(lanes(&three, &[("tasks.conversion.parallelism", "0")]).is_err());
}

#[test]
fn the_connector_wins_over_the_workers_prefix_and_that_over_the_defaults() {
    let worker =
        worker(&[("producer.acks", "1"), ("producer.linger.ms", "5"), ("linger.ms", "9"), ("acks", "0")]);
    let connector = Properties::from([("producer.override.linger.ms", "7"), ("linger.ms", "8")]);
    let settings = clients::source_producer(&worker, "n", &connector, 0).unwrap().properties;
    assert_eq!((settings["acks"].as_str(), settings["linger.ms"].as_str()), ("1", "7"));
}

#[test]
fn only_the_admin_client_inherits_the_workers_top_level() {
    let worker = worker(&[("sasl.mechanism", "PLAIN"), ("admin.retries", "2"), ("producer.acks", "1")]);
    let connector = Properties::from([("admin.override.retries", "3")]);
    let admin = clients::admin(&worker, "n", &connector, Some(1)).unwrap().properties;
    assert_eq!((admin["sasl.mechanism"].as_str(), admin["retries"].as_str()), ("PLAIN", "3"));
    assert_eq!(admin["client.id"], "connector-adminclient-n-1");
    assert!(!admin.keys().any(|key| key.starts_with("producer.") || key.starts_with("admin.")));
    let consumer = clients::sink_consumer(&worker, "n", &connector, 0).unwrap().properties;
    assert!(!consumer.contains_key("sasl.mechanism"));
}

#[test]
fn dead_letters_use_the_producers_overrides() {
    let connector = Properties::from([("producer.override.compression.type", "zstd")]);
    let settings = clients::dlq_producer(&worker(&[]), "n", &connector, 2).unwrap().properties;
    assert_eq!(settings["compression.type"], "zstd");
    assert_eq!(settings["client.id"], "connector-dlq-producer-n-2");
}

#[test]
fn the_policy_is_asked_for_every_client() {
    let worker = worker(&[("connector.client.config.override.policy", "None")]);
    let none = Properties::from([("topic", "t")]);
    assert!(clients::source_producer(&worker, "n", &none, 0).is_ok());
    for prefix in ["producer", "consumer", "admin"] {
        let connector = Properties::from([(format!("{prefix}.override.x"), "1")]);
        let results = [
            clients::source_producer(&worker, "n", &connector, 0),
            clients::sink_consumer(&worker, "n", &connector, 0),
            clients::admin(&worker, "n", &connector, None),
        ];
        let refused: Vec<String> =
            results.into_iter().filter_map(|result| Some(result.err()?.to_string())).collect();
        assert_eq!(refused.len(), 1);
        assert!(
            refused[0]
                .starts_with("Client Config Overrides not allowed [The 'None' policy does not allow 'x'")
        );
    }
}

#[test]
fn exactly_once_replaces_what_the_user_says_and_warns() {
    let worker = worker(&[("producer.enable.idempotence", "false")]);
    let settings = clients::exactly_once_source_producer(&worker, "n", &Properties::new(), 1).unwrap();
    assert_eq!(settings.properties["enable.idempotence"], "true");
    assert_eq!(settings.properties["transactional.id"], "connect-n-1");
    assert_eq!(settings.warnings.len(), 1);
    assert!(
        settings.warnings[0]
            .starts_with("The value 'false' for the 'enable.idempotence' property will be ignored")
    );
}

#[test]
fn a_sinks_group_can_be_overridden() {
    let connector = Properties::from([("consumer.override.group.id", "mine")]);
    assert_eq!(clients::sink_group(&worker(&[]), "n", &connector).unwrap(), "mine");
    assert_eq!(clients::sink_group(&worker(&[]), "n", &Properties::new()).unwrap(), "connect-n");
}

#[test]
fn the_workers_stores_have_ids_of_their_own_and_no_group() {
    let worker = worker(&[("client.id", "w"), ("group.id", "g"), ("request.timeout.ms", "7")]);
    let consumer = clients::store_consumer(&worker, clients::Store::Offsets).properties;
    assert_eq!(consumer["client.id"], "connect-w-offsets");
    assert_eq!(consumer["request.timeout.ms"], "7");
    assert!(!consumer.contains_key("group.id"));
    let producer = clients::store_producer(&worker, clients::Store::Statuses).properties;
    assert_eq!((producer["client.id"].as_str(), producer["acks"].as_str()), ("connect-w-statuses", "all"));
    assert_eq!(clients::shared_admin(&worker).properties["client.id"], "connect-w-shared-admin");
}

#[test]
fn settings_do_not_show_their_values_in_debug() {
    let connector = Properties::from([("producer.override.sasl.jaas.config", "hunter2")]);
    let settings = clients::source_producer(&worker(&[]), "n", &connector, 0).unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn keys_of_the_worker_itself_do_not_reach_its_clients() {
    let worker = worker(&[
        ("offset.flush.interval.ms", "7"),
        ("value.converter.schemas.enable", "false"),
        ("plugin.path", "/p"),
        ("config.providers", ""),
        ("group.id", "g"),
        ("sasl.mechanism", "PLAIN"),
        ("ssl.truststore.location", "/t"),
        ("some.setting", "1"),
    ]);
    let admin = clients::shared_admin(&worker).properties;
    let keys: Vec<&str> = admin.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["bootstrap.servers", "client.id", "sasl.mechanism", "some.setting", "ssl.truststore.location"]
    );
}
