//! [`ConnectBuilder`]: what a worker is before it runs.

use std::path::Path;
use std::sync::Arc;

use connect_api::Plugins;
use connect_api::config::Properties;

use super::{Connect, Inner};
use crate::config::{WorkerConfig, WorkerMode};
use crate::dead_letters::DeadLetterTopic;
use crate::error::{Error, Result};
use crate::herder::Herder;
use crate::herder::distributed::{DistributedHerder, peers, peers::Peers};
use crate::herder::standalone::StandaloneHerder;
use crate::kafka::Kafka;
use crate::kafka::memory::MemoryKafka;
use crate::loggers::Loggers;
use crate::worker::Worker;

/// Describes a worker; made by [`Connect::builder`].
pub struct ConnectBuilder {
    properties: Properties,
    plugins: Plugins,
    kafka: Option<Arc<dyn Kafka>>,
    memory: Option<MemoryKafka>,
    config: Option<WorkerConfig>,
    mode: Mode,
    peers: Option<Arc<dyn Peers>>,
    loggers: Option<Loggers>,
}

/// As what the properties are read.
#[derive(Clone, Copy)]
enum Mode {
    Embedded,
    Standalone,
    Distributed,
}

impl std::fmt::Debug for ConnectBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectBuilder").field("plugins", &self.plugins).finish_non_exhaustive()
    }
}

impl ConnectBuilder {
    pub(super) fn new() -> Self {
        Self {
            properties: Properties::new(),
            plugins: Plugins::default(),
            kafka: None,
            memory: None,
            config: None,
            mode: Mode::Embedded,
            peers: None,
            loggers: None,
        }
    }

    /// Where Kafka is: `host:port`, several separated by commas.
    #[must_use]
    pub fn bootstrap_servers(self, servers: impl Into<String>) -> Self {
        self.property("bootstrap.servers", servers)
    }

    /// Runs on a Kafka in memory of its own: for tests, examples and trying things out.
    #[must_use]
    pub fn in_memory(self) -> Self {
        self.memory(MemoryKafka::new())
    }

    /// Runs on this Kafka in memory, which may outlive the worker.
    #[must_use]
    pub fn memory(mut self, kafka: MemoryKafka) -> Self {
        self.memory = Some(kafka);
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub fn kafka(mut self, kafka: Arc<dyn Kafka>) -> Self {
        self.kafka = Some(kafka);
        self
    }

    /// Keeps source offsets in a compacted topic, which is made if it is missing.
    #[must_use]
    pub fn offset_storage_topic(self, topic: impl Into<String>) -> Self {
        self.property("offset.storage.topic", topic)
    }

    /// Keeps source offsets in a file, in the format of Kafka's standalone worker. Without this or a topic, they are
    /// kept in memory, and a restart of the process begins anew.
    #[must_use]
    pub fn offset_storage_file(self, file: impl AsRef<Path>) -> Self {
        self.property("offset.storage.file.filename", file.as_ref().to_string_lossy())
    }

    /// Sets one of Kafka's worker keys, `producer.compression.type` for instance.
    #[must_use]
    pub fn property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(key, value);
        self
    }

    /// Sets many of Kafka's worker keys.
    #[must_use]
    pub fn properties(mut self, properties: impl Into<Properties>) -> Self {
        self.properties.extend(properties.into());
        self
    }

    /// Takes a worker configuration that was read already, and with it its mode; other properties are ignored.
    #[must_use]
    pub fn worker_config(mut self, config: WorkerConfig) -> Self {
        self.config = Some(config);
        self
    }

    /// Takes the properties as Kafka's standalone worker does: converters, `bootstrap.servers` and
    /// `offset.storage.file.filename` have to be set.
    #[must_use]
    pub fn standalone(mut self) -> Self {
        self.mode = Mode::Standalone;
        self
    }

    /// Takes the properties as Kafka's distributed worker does: converters, `bootstrap.servers`, `group.id` and the three
    /// topics have to be set. The worker joins the group, and shares its connectors and tasks with all workers in it,
    /// Java's included.
    ///
    /// Calls that change something are for the leader of the group; the others refuse with
    /// [`Error::RequestTarget`], which says where the leader is. The REST API forwards them by itself.
    #[must_use]
    pub fn distributed(mut self) -> Self {
        self.mode = Mode::Distributed;
        self
    }

    /// The way to the REST API of other workers, where it is not HTTP.
    #[doc(hidden)]
    #[must_use]
    pub fn peers(mut self, peers: Arc<dyn Peers>) -> Self {
        self.peers = Some(peers);
        self
    }

    /// Registers plugins: pass the `register` function of a plugin crate. The stock converters and config providers
    /// are registered already.
    #[must_use]
    pub fn plugins(mut self, register: impl FnOnce(&mut Plugins)) -> Self {
        register(&mut self.plugins);
        self
    }

    /// Hands over the log levels of the process, so that REST's `/admin/loggers` can show and change them.
    #[must_use]
    pub fn loggers(mut self, loggers: Loggers) -> Self {
        self.loggers = Some(loggers);
        self
    }

    /// Starts the worker: checks the configuration, reaches Kafka, opens the offset store.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with every problem of the configuration, [`Error::Kafka`] when Kafka cannot be reached or
    /// lacks what the offset store needs, [`Error::Plugin`] when two plugins have one name.
    pub async fn start(mut self) -> Result<Connect> {
        let (config, kafka) = self.prepare().await?;
        for ignored in config.ignored() {
            tracing::warn!(key = %ignored.key, "{}", ignored.why);
        }
        let worker = Worker::start(kafka, config, self.plugins, self.loggers).await?;
        let herder: Arc<dyn Herder> = match &worker.config.mode {
            WorkerMode::Distributed(settings) => {
                let settings = settings.as_ref().clone();
                let peers = match self.peers {
                    Some(peers) => peers,
                    None => peers::http(&worker.config).await?,
                };
                Arc::new(DistributedHerder::start(Arc::clone(&worker), settings, peers).await?)
            }
            WorkerMode::Embedded | WorkerMode::Standalone => {
                Arc::new(StandaloneHerder::new(Arc::clone(&worker)))
            }
        };
        let inner = Inner { herder, worker, memory: self.memory, stopped: false.into() };
        Ok(Connect { inner: Arc::new(inner) })
    }

    /// Opens a topic of dead letters with the settings of a worker, without starting one: no offset store is opened,
    /// no connector runs.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with every problem of the configuration.
    pub async fn dead_letters(mut self, topic: impl Into<String>) -> Result<DeadLetterTopic> {
        let (config, kafka) = self.prepare().await?;
        Ok(DeadLetterTopic::new(kafka, &config, topic))
    }

    /// The configuration, checked, and the way to reach Kafka.
    async fn prepare(&mut self) -> Result<(WorkerConfig, Arc<dyn Kafka>)> {
        crate::converters::register(&mut self.plugins);
        crate::config::providers::register(&mut self.plugins);
        self.plugins.check()?;
        let config = match self.config.take() {
            Some(config) => config,
            None => {
                let resolved = Worker::resolve_worker(&self.plugins, &self.properties).await?;
                let config = match self.mode {
                    Mode::Embedded => WorkerConfig::embedded(&resolved),
                    Mode::Standalone => WorkerConfig::standalone(&resolved),
                    Mode::Distributed => WorkerConfig::distributed(&resolved),
                };
                config.map_err(|error| with_converter_problems(error, &resolved, &self.plugins))?
            }
        };
        config.check_plugins(&self.plugins)?;
        let kafka = match (&self.memory, self.kafka.take()) {
            (Some(memory), _) => Arc::new(memory.clone()) as Arc<dyn Kafka>,
            (None, Some(kafka)) => kafka,
            (None, None) => default_kafka(&config)?,
        };
        Ok((config, kafka))
    }
}

/// Adds what is wrong with the converters to what is wrong with other keys, so that all is said at once.
fn with_converter_problems(
    error: connect_api::Error,
    properties: &Properties,
    plugins: &Plugins,
) -> connect_api::Error {
    let mut converters = properties.clone();
    converters.retain(|key, _| {
        ["key.converter", "value.converter", "header.converter"].iter().any(|name| key.starts_with(name))
    });
    match WorkerConfig::embedded(&converters).and_then(|config| config.check_plugins(plugins)) {
        Ok(()) => error,
        Err(more) => connect_api::Error::new(
            connect_api::ErrorKind::Config,
            format!("{}\n{}", error.message(), more.message()),
        ),
    }
}

fn default_kafka(config: &WorkerConfig) -> Result<Arc<dyn Kafka>> {
    if config.bootstrap_servers.is_empty() {
        return Err(Error::Config(
            "Missing required configuration \"bootstrap.servers\" which has no default value. Say where Kafka is, or \
             in_memory() for a Kafka in this process."
                .to_owned(),
        ));
    }
    #[cfg(feature = "native")]
    return Ok(Arc::new(crate::kafka::native::NativeClients::new()));
    #[cfg(all(feature = "krafka", not(feature = "native")))]
    return Ok(Arc::new(crate::kafka::krafka::KrafkaClients::new()));
    #[cfg(all(feature = "rskafka", not(feature = "krafka")))]
    return Ok(Arc::new(crate::kafka::rskafka::RskafkaClients::new()));
    #[cfg(not(any(feature = "krafka", feature = "rskafka")))]
    Err(Error::Config(
        "bootstrap.servers is set, but this program was built without a Kafka client: enable the feature krafka of \
         connect-runtime"
            .to_owned(),
    ))
}
