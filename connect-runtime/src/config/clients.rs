//! The settings of every client that the worker makes for itself and its connectors, put together as Kafka does.
//!
//! Later ones win:
//!
//! * producers and consumers: what the runtime needs, with the worker's `bootstrap.servers`; the worker's `producer.`
//!   or `consumer.` keys; the connector's `producer.override.` or `consumer.override.`. Nothing else of the worker
//!   reaches them: security settings are repeated under the prefixes.
//! * admin clients: `bootstrap.servers`; all keys of the worker that begin with none of `admin.`, `producer.`,
//!   `consumer.` and are not for the worker alone; the worker's `admin.`; the connector's `admin.override.`.
//!
//! All functions are pure.

use std::collections::BTreeMap;

use connect_api::{Properties, Result};

use super::worker::{WorkerConfig, is_for_the_worker_only};

/// Settings of one client under Kafka's names, and what to say about them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClientSettings {
    /// The settings.
    pub properties: BTreeMap<String, String>,
    /// Sentences to be logged: settings of the user that are replaced.
    pub warnings: Vec<String>,
}

impl std::fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSettings")
            .field("keys", &self.properties.keys().collect::<Vec<_>>())
            .field("warnings", &self.warnings)
            .finish()
    }
}

impl ClientSettings {
    /// Sets what must be so. Another value of the user is replaced, with a warning.
    fn ensure(&mut self, user: &Properties, key: &str, value: &str, why: &str) {
        if let Some(other) = user.get(key).filter(|other| *other != value) {
            self.warnings.push(format!(
                "The value '{other}' for the '{key}' property will be ignored as it cannot be overridden {why}. The \
                 value '{value}' will be used instead."
            ));
        }
        self.properties.insert(key.to_owned(), value.to_owned());
    }

    /// What follows from the memory of a task, unless the user says otherwise.
    fn limit(&mut self, budget: &[(&str, u64)]) {
        self.properties.extend(budget.iter().map(|(key, bytes)| ((*key).to_owned(), bytes.to_string())));
    }

    fn extend(&mut self, properties: &Properties) {
        self.properties.extend(properties.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    fn defaults(worker: &WorkerConfig, rest: &[(&str, &str)], client_id: String) -> Self {
        let mut settings = Self::default();
        settings.properties.insert("bootstrap.servers".to_owned(), worker.bootstrap_servers.join(","));
        settings.properties.extend(rest.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        settings.properties.insert("client.id".to_owned(), client_id);
        settings
    }
}

const BYTE_SERIALIZER: &str = "org.apache.kafka.common.serialization.ByteArraySerializer";
const BYTE_DESERIALIZER: &str = "org.apache.kafka.common.serialization.ByteArrayDeserializer";

/// No record is lost, none is reordered, and the producer gives up on nothing by itself. Idempotence is left to the client,
/// which has it by default where it can: with `acks=all`.
const PRODUCER: [(&str, &str); 6] = [
    ("key.serializer", BYTE_SERIALIZER),
    ("value.serializer", BYTE_SERIALIZER),
    ("max.block.ms", "9223372036854775807"),
    ("acks", "all"),
    ("max.in.flight.requests.per.connection", "1"),
    ("delivery.timeout.ms", "2147483647"),
];

const CONSUMER: [(&str, &str); 4] = [
    ("enable.auto.commit", "false"),
    ("auto.offset.reset", "earliest"),
    ("key.deserializer", BYTE_DESERIALIZER),
    ("value.deserializer", BYTE_DESERIALIZER),
];

/// Kafka's defaults, which a budget does not raise.
const FETCH_MAX_BYTES: u64 = 50 << 20;
const MAX_PARTITION_FETCH_BYTES: u64 = 1 << 20;

/// The producer of a source task. `connector` is the whole configuration of the connector.
///
/// # Errors
///
/// A config error when the worker's policy does not allow an override.
///
/// ```
/// use connect_api::Properties;
/// use connect_runtime::config::{WorkerConfig, clients};
///
/// let worker = WorkerConfig::embedded(&Properties::from([
///     ("bootstrap.servers", "kafka:9092"),
///     ("producer.linger.ms", "5"),
///     ("sasl.mechanism", "PLAIN"),
/// ]))?;
/// let connector = Properties::from([("producer.override.acks", "1")]);
/// let producer = clients::source_producer(&worker, "orders", &connector, 0)?.properties;
/// assert_eq!(producer["bootstrap.servers"], "kafka:9092");
/// assert_eq!(producer["client.id"], "connector-producer-orders-0");
/// assert_eq!((producer["linger.ms"].as_str(), producer["acks"].as_str()), ("5", "1"));
/// assert!(!producer.contains_key("sasl.mechanism"), "security settings need the prefix");
/// # Ok::<(), connect_api::Error>(())
/// ```
pub fn source_producer(
    worker: &WorkerConfig,
    name: &str,
    connector: &Properties,
    task: usize,
) -> Result<ClientSettings> {
    // Half of it is for records that wait in the producer, half for the task's own, which it would send again.
    let memory = buffer_memory(worker, connector).map(|bytes| ("buffer.memory", bytes / 2));
    producer(worker, connector, format!("connector-producer-{name}-{task}"), memory.as_slice())
}

/// `tasks.buffer.memory` of a connector or its worker.
fn buffer_memory(worker: &WorkerConfig, connector: &Properties) -> Option<u64> {
    let own = connector.get("tasks.buffer.memory").and_then(|text| text.trim().parse().ok());
    own.or(worker.task_buffer_memory)
}

/// The transactional producer of a source task that writes exactly once (KIP-618).
///
/// # Errors
///
/// A config error when the worker's policy does not allow an override.
pub fn exactly_once_source_producer(
    worker: &WorkerConfig,
    name: &str,
    connector: &Properties,
    task: usize,
) -> Result<ClientSettings> {
    let mut settings = source_producer(worker, name, connector, task)?;
    let mut user = worker.properties().with_prefix("producer.");
    user.extend(&connector.with_prefix("producer.override."));
    let why = "when exactly-once source support is enabled";
    settings.ensure(&user, "enable.idempotence", "true", why);
    settings.ensure(&user, "transactional.id", &transactional_id(worker, name, task), why);
    Ok(settings)
}

/// The transactional id of a source task: `<group.id>-<name>-<task>`, with `exactly.once.source.id` in the place of the
/// group where there is none.
pub fn transactional_id(worker: &WorkerConfig, name: &str, task: usize) -> String {
    let prefix = worker.exactly_once().or_else(|| worker.group_id()).unwrap_or("connect");
    format!("{prefix}-{name}-{task}")
}

/// The producer of a sink task's dead letter queue. The connector's `producer.override.` keys reach it, too.
///
/// # Errors
///
/// A config error when the worker's policy does not allow an override.
pub fn dlq_producer(
    worker: &WorkerConfig,
    name: &str,
    connector: &Properties,
    task: usize,
) -> Result<ClientSettings> {
    producer(worker, connector, format!("connector-dlq-producer-{name}-{task}"), &[])
}

/// The producer that writes the records of dead letters back.
pub(crate) fn dlq_tool_producer(worker: &WorkerConfig) -> ClientSettings {
    let mut settings = ClientSettings::defaults(worker, &PRODUCER, "connector-dlq-replay".to_owned());
    settings.extend(&worker.properties().with_prefix("producer."));
    settings
}

/// The consumer that looks into a dead letter topic, outside of any group.
pub(crate) fn dlq_tool_consumer(worker: &WorkerConfig) -> ClientSettings {
    let mut settings = ClientSettings::defaults(worker, &CONSUMER, "connector-dlq-reader".to_owned());
    settings.extend(&worker.properties().with_prefix("consumer."));
    settings.properties.remove("group.id");
    settings
}

/// The producer that alters the offsets of a stopped source connector.
///
/// # Errors
///
/// A config error when the worker's policy does not allow an override.
pub fn offset_producer(worker: &WorkerConfig, name: &str, connector: &Properties) -> Result<ClientSettings> {
    producer(worker, connector, format!("connector-offset-producer-{name}"), &[])
}

fn producer(
    worker: &WorkerConfig,
    connector: &Properties,
    client_id: String,
    budget: &[(&str, u64)],
) -> Result<ClientSettings> {
    let overrides = overrides(worker, connector, "producer.override.")?;
    let mut settings = ClientSettings::defaults(worker, &PRODUCER, client_id);
    settings.limit(budget);
    settings.extend(&worker.properties().with_prefix("producer."));
    settings.extend(&overrides);
    Ok(settings)
}

/// The consumer of a sink task.
///
/// # Errors
///
/// A config error when the worker's policy does not allow an override.
pub fn sink_consumer(
    worker: &WorkerConfig,
    name: &str,
    connector: &Properties,
    task: usize,
) -> Result<ClientSettings> {
    // A part waits, a part comes, a part is with the task; converted records are larger than their bytes.
    let budget = buffer_memory(worker, connector).map(|bytes| {
        let fetch = (bytes / 4).min(FETCH_MAX_BYTES);
        [("fetch.max.bytes", fetch), ("max.partition.fetch.bytes", fetch.min(MAX_PARTITION_FETCH_BYTES))]
    });
    let client_id = format!("connector-consumer-{name}-{task}");
    consumer(worker, name, connector, client_id, budget.as_ref().map_or(&[], |budget| budget))
}

/// The consumer group of a sink connector: `connect-<name>`, or what `consumer.override.group.id` says.
///
/// # Errors
///
/// A config error when the worker's policy does not allow an override.
pub fn sink_group(worker: &WorkerConfig, name: &str, connector: &Properties) -> Result<String> {
    let settings = sink_consumer(worker, name, connector, 0)?;
    Ok(settings.properties.get("group.id").cloned().unwrap_or_default())
}

/// The consumer that reads the offsets topic of one source connector. `task` is `None` for the connector itself,
/// `exactly_once` whether it may see committed records only.
///
/// # Errors
///
/// A config error when the worker's policy does not allow an override.
pub fn connector_offset_consumer(
    worker: &WorkerConfig,
    name: &str,
    connector: &Properties,
    task: Option<usize>,
    exactly_once: bool,
) -> Result<ClientSettings> {
    let id = task.map_or_else(String::new, |task| format!("-{task}"));
    let mut settings = consumer(worker, name, connector, format!("connector-consumer-{name}{id}"), &[])?;
    if exactly_once {
        let mut user = worker.properties().with_prefix("consumer.");
        user.extend(&connector.with_prefix("consumer.override."));
        let why = "when exactly-once source support is enabled";
        settings.ensure(&user, "isolation.level", "read_committed", why);
    } else {
        settings
            .properties
            .entry("isolation.level".to_owned())
            .or_insert_with(|| "read_committed".to_owned());
    }
    Ok(settings)
}

fn consumer(
    worker: &WorkerConfig,
    name: &str,
    connector: &Properties,
    client_id: String,
    budget: &[(&str, u64)],
) -> Result<ClientSettings> {
    let overrides = overrides(worker, connector, "consumer.override.")?;
    let mut settings = ClientSettings::defaults(worker, &CONSUMER, client_id);
    settings.limit(budget);
    settings.properties.insert("group.id".to_owned(), format!("connect-{name}"));
    settings.extend(&worker.properties().with_prefix("consumer."));
    settings.extend(&overrides);
    Ok(settings)
}

/// The admin client of a task or, without one, of a connector: for creating topics.
///
/// # Errors
///
/// A config error when the worker's policy does not allow an override.
pub fn admin(
    worker: &WorkerConfig,
    name: &str,
    connector: &Properties,
    task: Option<usize>,
) -> Result<ClientSettings> {
    let client_id = match task {
        Some(task) => format!("connector-adminclient-{name}-{task}"),
        None => format!("connector-worker-adminclient-{name}"),
    };
    connector_admin(worker, connector, client_id)
}

/// The admin client that creates the dead letter queue of a sink task.
///
/// # Errors
///
/// A config error when the worker's policy does not allow an override.
pub fn dlq_admin(
    worker: &WorkerConfig,
    name: &str,
    connector: &Properties,
    task: usize,
) -> Result<ClientSettings> {
    connector_admin(worker, connector, format!("connector-dlq-adminclient-{name}-{task}"))
}

fn connector_admin(
    worker: &WorkerConfig,
    connector: &Properties,
    client_id: String,
) -> Result<ClientSettings> {
    let overrides = overrides(worker, connector, "admin.override.")?;
    let mut settings = worker_wide(worker, client_id);
    settings.extend(&worker.properties().with_prefix("admin."));
    settings.extend(&overrides);
    Ok(settings)
}

/// All keys of the worker that are for its own clients, security settings among them.
fn worker_wide(worker: &WorkerConfig, client_id: String) -> ClientSettings {
    let mut settings = ClientSettings::defaults(worker, &[], client_id.clone());
    let mut own = worker.properties().clone();
    own.retain(|key, _| !is_for_the_worker_only(key));
    settings.extend(&own);
    // In embedded mode the worker may have none.
    settings.properties.insert("bootstrap.servers".to_owned(), worker.bootstrap_servers.join(","));
    settings.properties.entry("client.id".to_owned()).or_insert(client_id);
    settings
}

/// The worker's own admin client, which all its stores share.
pub fn shared_admin(worker: &WorkerConfig) -> ClientSettings {
    let mut settings = worker_wide(worker, String::new());
    settings.extend(&worker.properties().with_prefix("admin."));
    settings.properties.insert("client.id".to_owned(), format!("{}shared-admin", worker.client_id_base()));
    settings
}

/// An internal topic of the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Source offsets.
    Offsets,
    /// Connector configurations.
    Configs,
    /// States of connectors and tasks.
    Statuses,
}

impl Store {
    fn suffix(self) -> &'static str {
        match self {
            Self::Offsets => "offsets",
            Self::Configs => "configs",
            Self::Statuses => "statuses",
        }
    }
}

/// The producer of one of the worker's own topics.
pub fn store_producer(worker: &WorkerConfig, store: Store) -> ClientSettings {
    let mut settings = worker_wide(worker, String::new());
    settings.extend(&Properties::from(PRODUCER));
    settings
        .properties
        .insert("client.id".to_owned(), format!("{}{}", worker.client_id_base(), store.suffix()));
    settings
}

/// The consumer of one of the worker's own topics. It has no group: it reads all partitions from the beginning.
pub fn store_consumer(worker: &WorkerConfig, store: Store) -> ClientSettings {
    let mut settings = worker_wide(worker, String::new());
    settings.extend(&Properties::from(CONSUMER));
    settings.properties.remove("group.id");
    if store == Store::Offsets && worker.exactly_once().is_some() {
        let why = "for the worker offsets topic consumer when exactly-once source support is enabled";
        settings.ensure(worker.properties(), "isolation.level", "read_committed", why);
    }
    settings
        .properties
        .insert("client.id".to_owned(), format!("{}{}", worker.client_id_base(), store.suffix()));
    settings
}

fn overrides(worker: &WorkerConfig, connector: &Properties, prefix: &str) -> Result<Properties> {
    let overrides = connector.with_prefix(prefix);
    worker.override_policy.check(&overrides)?;
    Ok(overrides)
}
