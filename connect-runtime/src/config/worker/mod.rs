//! [`WorkerConfig`]: what the worker is told, in its three modes.

mod checks;
mod common_keys;
mod distributed;
mod distributed_keys;
mod ignored;

use std::path::PathBuf;
use std::time::Duration;

use connect_api::config::{ConfigDef, ConfigField, ConfigKey, Importance, ParsedConfig, Type, Validator};
use connect_api::{ConfigEnum, Properties, Result};

pub(crate) use self::checks::{partitions, replication_factor};
use self::common_keys::{COMMON_KEYS, EXTENSION_KEYS};
pub use self::distributed::{ConnectProtocol, DistributedConfig, InternalTopic, SourceExactlyOnce};
use self::distributed_keys::DISTRIBUTED_KEYS;
pub use self::ignored::Ignored;
pub(super) use self::ignored::is_for_the_worker_only;
use super::connector::ConverterSpec;
use super::keys::{define, key};
use super::policy::OverridePolicy;
use super::problems::Problems;
use crate::metrics::Sampling;

/// How the worker runs.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkerMode {
    /// Inside an application, which builds the configuration itself. Converters and offset storage have defaults.
    Embedded,
    /// Alone, offsets in a file.
    Standalone,
    /// In a group that shares connectors, offsets and configurations in topics.
    Distributed(Box<DistributedConfig>),
}

/// Where source offsets are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OffsetStorage {
    /// In memory: a restart of the process begins anew. Embedded mode only.
    Memory,
    /// In a file: `offset.storage.file.filename`.
    File(PathBuf),
    /// In a compacted topic: `offset.storage.topic` and the keys beside it.
    Topic(InternalTopic),
}

/// The keys of the REST API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestConfig {
    /// `listeners`.
    pub listeners: Vec<String>,
    /// `rest.advertised.host.name`.
    pub advertised_host_name: Option<String>,
    /// `rest.advertised.port`.
    pub advertised_port: Option<u16>,
    /// `rest.advertised.listener`.
    pub advertised_listener: Option<String>,
    /// `access.control.allow.origin`; empty for none.
    pub access_control_allow_origin: String,
    /// `access.control.allow.methods`.
    pub access_control_allow_methods: String,
    /// `response.http.headers.config`.
    pub response_http_headers_config: String,
    /// `admin.listeners`: `None` for the same as `listeners`, empty for no administrative part.
    pub admin_listeners: Option<Vec<String>>,
}

impl RestConfig {
    /// `host:port` under which other workers find this one, and which stands in statuses: what is advertised,
    /// otherwise the first listener, otherwise `localhost:8083`.
    ///
    /// ```
    /// use connect_api::Properties;
    /// use connect_runtime::config::WorkerConfig;
    /// let worker = WorkerConfig::embedded(&Properties::from([("listeners", "http://node1:8090")]))?;
    /// assert_eq!(worker.rest.advertised_address(), "node1:8090");
    /// # Ok::<(), connect_api::Error>(())
    /// ```
    pub fn advertised_address(&self) -> String {
        let wanted = self.advertised_listener.as_deref().map(|protocol| format!("{protocol}://"));
        let listener =
            self.listeners.iter().find(|one| wanted.as_ref().is_none_or(|start| one.starts_with(start)));
        let address =
            listener.and_then(|listener| listener.split_once("://")).map_or("", |(_, address)| address);
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let host = match (&self.advertised_host_name, host) {
            (Some(host), _) => host,
            (None, "" | "0.0.0.0" | "[::]") => "localhost",
            (None, host) => host,
        };
        let port = self.advertised_port.or_else(|| port.parse().ok()).unwrap_or(8083);
        format!("{host}:{port}")
    }
}

/// The configuration of a worker, typed and checked.
///
/// References to config providers have to be resolved before.
///
/// ```
/// use connect_api::Properties;
/// use connect_runtime::config::WorkerConfig;
///
/// let worker = WorkerConfig::standalone(&Properties::from([
///     ("bootstrap.servers", "localhost:9092"),
///     ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
///     ("value.converter", "JsonConverter"),
///     ("value.converter.schemas.enable", "false"),
///     ("offset.storage.file.filename", "connect.offsets"),
///     ("plugin.path", "/usr/share/java"),
/// ]))?;
/// assert_eq!(worker.offset_flush_interval.as_secs(), 60);
/// assert_eq!(worker.value_converter.properties.get("schemas.enable"), Some("false"));
/// assert_eq!(worker.ignored()[0].key, "plugin.path");
///
/// let error = WorkerConfig::standalone(&Properties::from([("offset.flush.interval.ms", "soon")])).unwrap_err();
/// assert_eq!(error.to_string().lines().count(), 5, "every problem has its line");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone)]
pub struct WorkerConfig {
    /// How the worker runs.
    pub mode: WorkerMode,
    /// `bootstrap.servers`. Empty only in embedded mode, where Kafka may be in memory.
    pub bootstrap_servers: Vec<String>,
    /// `key.converter` with its settings, for connectors that name none.
    pub key_converter: ConverterSpec,
    /// `value.converter` with its settings, for connectors that name none.
    pub value_converter: ConverterSpec,
    /// `header.converter` with its settings, for connectors that name none.
    pub header_converter: ConverterSpec,
    /// Where source offsets are kept.
    pub offset_storage: OffsetStorage,
    /// `exactly.once.source.id` of a standalone or embedded worker. See [`exactly_once`](Self::exactly_once).
    pub exactly_once_source_id: Option<String>,
    /// `task.shutdown.graceful.timeout.ms`: the time that all tasks together have for stopping.
    pub task_shutdown_graceful_timeout: Duration,
    /// `offset.flush.interval.ms`.
    pub offset_flush_interval: Duration,
    /// `offset.flush.timeout.ms`.
    pub offset_flush_timeout: Duration,
    /// `config.providers`: their names. Their settings are in [`properties`](Self::properties).
    pub config_providers: Vec<String>,
    /// `connector.client.config.override.policy`.
    pub override_policy: OverridePolicy,
    /// `topic.creation.enable`.
    pub topic_creation_enable: bool,
    /// `topic.tracking.enable`.
    pub topic_tracking_enable: bool,
    /// `topic.tracking.allow.reset`.
    pub topic_tracking_allow_reset: bool,
    /// `tasks.conversion.parallelism`, for connectors that set none: how many lanes convert the records of a task.
    pub conversion_parallelism: usize,
    /// `tasks.buffer.memory`, for connectors that set none: how many bytes of records a task holds at most.
    pub task_buffer_memory: Option<u64>,
    /// The keys of the REST API.
    pub rest: RestConfig,
    properties: Properties,
    ignored: Vec<Ignored>,
}

impl WorkerConfig {
    /// The keys of a standalone worker: Kafka's `StandaloneConfig`.
    pub fn standalone_def() -> ConfigDef {
        define(ConfigDef::new(), COMMON_KEYS).define(offset_file_key())
    }

    /// The keys of a standalone worker that Kafka does not have, or has on distributed workers only.
    pub fn standalone_extension_def() -> ConfigDef {
        with_offset_topic(Self::extension_def().define(exactly_once_key()))
    }

    /// The keys that Kafka does not have, of a worker in any mode.
    pub fn extension_def() -> ConfigDef {
        define(ConfigDef::new(), EXTENSION_KEYS)
    }

    /// The keys of a distributed worker: Kafka's `DistributedConfig`.
    pub fn distributed_def() -> ConfigDef {
        define(define(ConfigDef::new(), COMMON_KEYS), DISTRIBUTED_KEYS)
    }

    /// The keys of a worker inside an application: those of a standalone one, of which none has to be set, and
    /// `offset.storage.topic` with its companions, `group.id`, `client.id` and `exactly.once.source.id`.
    pub fn embedded_def() -> ConfigDef {
        let def = define(define(ConfigDef::new(), COMMON_KEYS), EXTENSION_KEYS);
        let mut def = def.define(offset_file_key().optional());
        for (name, default) in [
            ("bootstrap.servers", ""),
            ("key.converter", "JsonConverter"),
            ("value.converter", "JsonConverter"),
        ] {
            if let Some(key) = def.key_mut(name) {
                key.validator = None;
                *key = key.clone().default(default);
            }
        }
        for row in DISTRIBUTED_KEYS.iter().filter(|row| ["group.id", "client.id"].contains(&row.0)) {
            let key = key(row);
            def.add(if key.is_required() { key.optional() } else { key });
        }
        with_offset_topic(def.define(exactly_once_key()))
    }

    /// Reads the configuration of a standalone worker.
    ///
    /// # Errors
    ///
    /// One config error that says everything that is wrong, one problem per line.
    pub fn standalone(properties: &Properties) -> Result<Self> {
        // Kafka's standalone worker has neither key and ignores both; only the first makes ours look at the second.
        let exactly_once = properties.contains_key(EXACTLY_ONCE_ID);
        let mut def = define(Self::standalone_def(), EXTENSION_KEYS);
        if exactly_once {
            def = with_offset_topic(def.define(exactly_once_key()));
            if let Some(file) = def.key_mut("offset.storage.file.filename") {
                *file = file.clone().optional();
            }
        }
        let mut reader = Reader::new(def, properties);
        let storage = match exactly_once {
            true => offsets_beside_an_application(&mut reader),
            false => reader.read("offset.storage.file.filename").map(OffsetStorage::File),
        };
        reader.worker(Some(WorkerMode::Standalone), storage)
    }

    /// Reads the configuration of a distributed worker.
    ///
    /// # Errors
    ///
    /// One config error that says everything that is wrong, one problem per line.
    pub fn distributed(properties: &Properties) -> Result<Self> {
        let mut reader = Reader::new(define(Self::distributed_def(), EXTENSION_KEYS), properties);
        let topic = InternalTopic::read(&mut reader, "offset", None).map(OffsetStorage::Topic);
        let mode =
            DistributedConfig::read(&mut reader).map(|config| WorkerMode::Distributed(Box::new(config)));
        reader.worker(mode, topic)
    }

    /// Reads the configuration of a worker inside an application.
    ///
    /// # Errors
    ///
    /// One config error that says everything that is wrong, one problem per line.
    pub fn embedded(properties: &Properties) -> Result<Self> {
        let mut reader = Reader::new(Self::embedded_def(), properties);
        let storage = offsets_beside_an_application(&mut reader);
        reader.worker(Some(WorkerMode::Embedded), storage)
    }

    /// What the user said, resolved: every key, also those that are not defined.
    pub fn properties(&self) -> &Properties {
        &self.properties
    }

    /// The keys that the user set and that have no effect, each with the reason. To be reported once, at start.
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// Whether source tasks write exactly once (KIP-618), and what their transactional ids begin with: `group.id` of a
    /// distributed worker with `exactly.once.source.support=enabled`, `exactly.once.source.id` of any other.
    pub fn exactly_once(&self) -> Option<&str> {
        match &self.mode {
            WorkerMode::Distributed(config) => (config.exactly_once_source_support
                == SourceExactlyOnce::Enabled)
                .then_some(config.group_id.as_str()),
            WorkerMode::Embedded | WorkerMode::Standalone => self.exactly_once_source_id.as_deref(),
        }
    }

    /// The group of a distributed worker, or the one that an embedded worker was given.
    pub fn group_id(&self) -> Option<&str> {
        match &self.mode {
            WorkerMode::Distributed(config) => Some(&config.group_id),
            WorkerMode::Embedded => self.properties.get("group.id"),
            WorkerMode::Standalone => None,
        }
    }

    /// `metrics.sample.window.ms` and `metrics.num.samples`.
    pub(crate) fn sampling(&self) -> Sampling {
        let default = Sampling::default();
        let number = |key: &str| self.properties.get(key).and_then(|text| text.trim().parse::<u64>().ok());
        Sampling {
            window: number("metrics.sample.window.ms")
                .filter(|ms| *ms > 0)
                .map_or(default.window, Duration::from_millis),
            samples: number("metrics.num.samples")
                .and_then(|n| usize::try_from(n).ok())
                .map_or(default.samples, |n| n.clamp(1, 1000)),
        }
    }

    /// What the client ids of the worker's own clients begin with: `connect-`, `<group.id>-`, and `client.id`.
    ///
    /// ```
    /// use connect_api::Properties;
    /// use connect_runtime::config::WorkerConfig;
    /// let worker = WorkerConfig::embedded(&Properties::from([("client.id", "orders")]))?;
    /// assert_eq!(worker.client_id_base(), "connect-orders-");
    /// # Ok::<(), connect_api::Error>(())
    /// ```
    pub fn client_id_base(&self) -> String {
        let group = self.group_id().unwrap_or("connect");
        match self.properties.get("client.id").filter(|id| !id.is_empty()) {
            Some(client) => format!("{group}-{client}-"),
            None => format!("{group}-"),
        }
    }
}

impl std::fmt::Debug for WorkerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerConfig")
            .field("mode", &self.mode)
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("offset_storage", &self.offset_storage)
            .field("properties", &self.properties)
            .finish_non_exhaustive()
    }
}

/// A file, a topic or memory, as the keys say. Exactly-once delivery needs a topic.
fn offsets_beside_an_application(reader: &mut Reader<'_>) -> Option<OffsetStorage> {
    let file: Option<PathBuf> = reader.read::<Option<_>>("offset.storage.file.filename").flatten();
    let topic: Option<String> = reader.read::<Option<_>>("offset.storage.topic").flatten();
    if file.is_some() && topic.is_some() {
        reader.problems.error(
            "offset.storage.topic",
            "offset.storage.topic and offset.storage.file.filename are mutually exclusive, but both are set; source \
             offsets are kept in one place",
        );
        return None;
    }
    if topic.is_none() && reader.properties.contains_key(EXACTLY_ONCE_ID) {
        reader.problems.error(
            "offset.storage.topic",
            "exactly.once.source.id is set, and offset.storage.topic is not: offsets are written in the transactions \
             of their records, so they have to be in a topic",
        );
        return None;
    }
    match (file, topic) {
        (Some(file), _) => Some(OffsetStorage::File(file)),
        (None, Some(_)) => InternalTopic::read(reader, "offset", None).map(OffsetStorage::Topic),
        (None, None) => Some(OffsetStorage::Memory),
    }
}

/// Ours: what makes source tasks of a worker without a group write exactly once.
const EXACTLY_ONCE_ID: &str = "exactly.once.source.id";

fn exactly_once_key() -> ConfigKey {
    ConfigKey::new(EXACTLY_ONCE_ID, Type::String)
        .optional()
        .importance(Importance::High)
        .validator(Validator::non_empty_string().or_null())
        .documentation(
            "Makes source connectors write exactly once: each task writes its records and their offsets in \
             transactions whose transactional id is this text, the connector's name and the task's number. It needs \
             offset.storage.topic, stays the same over restarts, and is the worker's own: a second worker with it \
             stops the tasks of the first.",
        )
}

/// Adds the topic for offsets to the keys of a worker that need not have one.
fn with_offset_topic(mut def: ConfigDef) -> ConfigDef {
    const KEYS: [&str; 3] =
        ["offset.storage.topic", "offset.storage.partitions", "offset.storage.replication.factor"];
    for row in DISTRIBUTED_KEYS.iter().filter(|row| KEYS.contains(&row.0)) {
        let key = key(row);
        def.add(if key.is_required() { key.optional() } else { key });
    }
    def
}

fn offset_file_key() -> ConfigKey {
    ConfigKey::new("offset.storage.file.filename", Type::String)
        .importance(Importance::High)
        .documentation("The file that holds source offsets.")
}

/// Reads key after key and remembers every problem.
struct Reader<'a> {
    def: ConfigDef,
    properties: &'a Properties,
    parsed: ParsedConfig,
    problems: Problems,
}

impl<'a> Reader<'a> {
    fn new(def: ConfigDef, properties: &'a Properties) -> Self {
        let mut problems = Problems::default();
        // On problems the single keys are read below, for the sake of the checks between keys.
        let parsed = problems.take(def.parse_all(properties)).unwrap_or_default();
        Self { def, properties, parsed, problems }
    }

    /// The value of a key; `None` when there are problems, which are reported already.
    fn read<T: ConfigField>(&mut self, name: &str) -> Option<T> {
        // Nothing was parsed: the problems are known.
        self.parsed.iter().next()?;
        self.problems.take(self.parsed.read(name))
    }

    /// A text with a fixed set of values.
    fn choice<T: ConfigEnum>(&mut self, name: &str) -> Option<T> {
        let text: String = self.read(name)?;
        let found = T::from_name(&text).or_else(|| T::from_name(&text.to_lowercase()));
        if found.is_none() {
            let message = format!(
                "Invalid value {text} for configuration {name}: String must be one of: {}",
                T::NAMES.join(", ")
            );
            self.problems.error(name, message);
        }
        found
    }

    fn converter(&mut self, name: &str) -> Option<ConverterSpec> {
        let class: String = self.read(name)?;
        Some(ConverterSpec::of(name, class, self.properties, false))
    }

    fn rest(&mut self) -> Option<RestConfig> {
        Some(RestConfig {
            listeners: self.read("listeners")?,
            advertised_host_name: self.read("rest.advertised.host.name")?,
            advertised_port: self.read("rest.advertised.port")?,
            advertised_listener: self.read("rest.advertised.listener")?,
            access_control_allow_origin: self.read("access.control.allow.origin")?,
            access_control_allow_methods: self.read("access.control.allow.methods")?,
            response_http_headers_config: self.read("response.http.headers.config")?,
            admin_listeners: self.read("admin.listeners")?,
        })
    }

    fn worker(mut self, mode: Option<WorkerMode>, offsets: Option<OffsetStorage>) -> Result<WorkerConfig> {
        let policy = self.properties.get("connector.client.config.override.policy").unwrap_or("All");
        let policy = self.problems.take(OverridePolicy::parse(policy.trim(), self.properties));
        let worker = self.fields(mode, offsets, policy);
        match worker {
            Some(worker) => self.problems.finish().map(|()| worker),
            None => Err(self.problems.into_error()),
        }
    }

    fn fields(
        &mut self,
        mode: Option<WorkerMode>,
        offset_storage: Option<OffsetStorage>,
        override_policy: Option<OverridePolicy>,
    ) -> Option<WorkerConfig> {
        let ignored = ignored::find(&self.def, self.properties, mode.as_ref());
        Some(WorkerConfig {
            mode: mode?,
            bootstrap_servers: self.read("bootstrap.servers")?,
            key_converter: self.converter("key.converter")?,
            value_converter: self.converter("value.converter")?,
            header_converter: self.converter("header.converter")?,
            offset_storage: offset_storage?,
            exactly_once_source_id: match self.def.key(EXACTLY_ONCE_ID) {
                Some(_) => self.read(EXACTLY_ONCE_ID)?,
                None => None,
            },
            task_shutdown_graceful_timeout: self.read("task.shutdown.graceful.timeout.ms")?,
            offset_flush_interval: self.read("offset.flush.interval.ms")?,
            offset_flush_timeout: self.read("offset.flush.timeout.ms")?,
            config_providers: self.read("config.providers")?,
            override_policy: override_policy?,
            topic_creation_enable: self.read("topic.creation.enable")?,
            topic_tracking_enable: self.read("topic.tracking.enable")?,
            topic_tracking_allow_reset: self.read("topic.tracking.allow.reset")?,
            conversion_parallelism: self.read("tasks.conversion.parallelism")?,
            task_buffer_memory: self.read("tasks.buffer.memory")?,
            rest: self.rest()?,
            properties: self.properties.clone(),
            ignored,
        })
    }
}
