//! What runs connectors and tasks on this process: builds them out of configuration, plugins and clients.

mod build;
mod connector;
mod exactly_once;
mod fence;
pub(crate) mod offsets;
pub(crate) mod stages;

use std::sync::Arc;
use std::time::Duration;

use connect_api::config::Properties;
use connect_api::plugins::ConnectorPlugin;
use connect_api::{Error, Plugins, Result, SinkConnectorContext, SourceConnectorContext};

pub(crate) use self::connector::{Connector, Host, Signal};
use crate::config::{
    self, ConfigInfos, ConfigTransformer, ConnectorConfig, OffsetStorage, Resolved, RestartPolicy,
    WorkerConfig, WorkerMode,
};
use crate::kafka::Kafka;
use crate::loggers::Loggers;
use crate::metrics::{Sampling, TaskCounters, WorkerStartups};
use crate::storage::status::StatusStore;
use crate::storage::{FileOffsets, MemoryOffsets, OffsetBackingStore, OffsetReader, TopicOffsets};
use crate::task::TaskId;
use crate::task::control::Control;
use crate::task::source::ProducerChecks;

/// See the module.
pub(crate) struct Worker {
    pub(crate) kafka: Arc<dyn Kafka>,
    pub(crate) config: WorkerConfig,
    pub(crate) plugins: Plugins,
    pub(crate) offsets: Arc<dyn OffsetBackingStore>,
    pub(crate) statuses: Arc<StatusStore>,
    /// How often connectors and tasks were started.
    pub(crate) startups: Arc<WorkerStartups>,
    /// The log levels of the process, if the application handed them over.
    pub(crate) loggers: Option<Loggers>,
    transformer: ConfigTransformer,
    id: String,
    cluster_id: Option<String>,
}

/// How many tasks a connector may have.
#[derive(Clone, Copy)]
pub(crate) struct TasksMax {
    pub(crate) tasks: usize,
    enforce: bool,
}

/// Everything that one task is started with.
pub(crate) struct TaskStart {
    pub(crate) id: TaskId,
    /// The connector's configuration, resolved.
    pub(crate) connector: Arc<Resolved>,
    /// The connector's configuration as it was given.
    pub(crate) raw: Properties,
    /// The task's own configuration.
    pub(crate) config: Properties,
    pub(crate) control: Control,
    pub(crate) counters: Arc<TaskCounters>,
    /// What the producer of an exactly-once source has to pass.
    pub(crate) checks: Option<Arc<dyn ProducerChecks>>,
}

impl Worker {
    /// Resolves the references in a worker's configuration with the worker's own config providers.
    pub(crate) async fn resolve_worker(plugins: &Plugins, properties: &Properties) -> Result<Properties> {
        let transformer = ConfigTransformer::new(plugins, properties)?;
        Ok(transformer.resolve(properties).await?.properties)
    }

    /// Reaches Kafka and opens the offset store.
    pub(crate) async fn start(
        kafka: Arc<dyn Kafka>,
        config: WorkerConfig,
        plugins: Plugins,
        loggers: Option<Loggers>,
    ) -> crate::error::Result<Arc<Self>> {
        let transformer = ConfigTransformer::new(&plugins, config.properties())?;
        let admin = kafka
            .admin(&config::clients::shared_admin(&config).properties)
            .await
            .map_err(|error| crate::Error::kafka("could not reach Kafka", error))?;
        let cluster_id = admin.cluster_id().await.map_err(|error| {
            crate::Error::kafka(
                "Failed to connect to and describe Kafka cluster. Check worker's broker connection and security \
                 properties.",
                error,
            )
        })?;
        drop(admin);
        let capabilities = kafka.capabilities();
        if config.exactly_once().is_some() && !(capabilities.transactions && capabilities.reads_past_markers)
        {
            return Err(crate::Error::Config(format!(
                "Exactly-once delivery needs transactions, which the Kafka client {} cannot provide; run this worker \
                 with the client krafka, or without exactly.once.source.support and exactly.once.source.id",
                capabilities.name
            )));
        }
        let offsets: Arc<dyn OffsetBackingStore> = match &config.offset_storage {
            OffsetStorage::Memory => Arc::new(MemoryOffsets::default()),
            OffsetStorage::File(file) => Arc::new(FileOffsets::new(file)),
            OffsetStorage::Topic(topic) => {
                let settings = build::offset_topic(&config, topic);
                Arc::new(TopicOffsets::new(Arc::clone(&kafka), settings))
            }
        };
        offsets.start().await?;
        let id = config.rest.advertised_address();
        let statuses = Arc::new(match config.mode {
            WorkerMode::Distributed(_) => StatusStore::of_cluster(id.clone()),
            WorkerMode::Embedded | WorkerMode::Standalone => StatusStore::new(id.clone()),
        });
        Ok(Arc::new(Self {
            kafka,
            config,
            plugins,
            offsets,
            statuses,
            startups: Arc::default(),
            loggers,
            transformer,
            id,
            cluster_id,
        }))
    }

    /// Closes the offset store.
    pub(crate) async fn stop(&self) -> Result<()> {
        self.offsets.stop().await
    }

    /// `host:port`, as it stands in statuses.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// `metrics.sample.window.ms` and `metrics.num.samples`.
    pub(crate) fn sampling(&self) -> Sampling {
        self.config.sampling()
    }

    /// The id of the Kafka cluster.
    pub(crate) fn cluster_id(&self) -> Option<&str> {
        self.cluster_id.as_deref()
    }

    /// Whether the topics of connectors may be asked for, or forgotten.
    pub(crate) fn check_topic_tracking(&self, reset: bool) -> crate::error::Result<()> {
        let refused = match (self.config.topic_tracking_enable, self.config.topic_tracking_allow_reset) {
            (false, _) => "Topic tracking is disabled.",
            (true, false) if reset => "Topic tracking reset is disabled.",
            (true, _) => return Ok(()),
        };
        Err(crate::Error::Forbidden(refused.to_owned()))
    }

    /// `task.shutdown.graceful.timeout.ms`.
    pub(crate) fn graceful_timeout(&self) -> Duration {
        self.config.task_shutdown_graceful_timeout
    }

    /// Checks a configuration completely; the answer has no secrets.
    pub(crate) async fn validate(&self, config: &Properties) -> crate::error::Result<ConfigInfos> {
        let resolved = self.transformer.resolve(&config::without_providers(config)).await?;
        let mut infos = config::validate_connector(&self.plugins, &self.config, &resolved.properties)?;
        resolved.redact_infos(&mut infos);
        Ok(infos)
    }

    /// Checks a configuration completely; the error lists every problem.
    pub(crate) async fn check_valid(&self, config: &Properties) -> crate::error::Result<()> {
        let infos = self.validate(config).await?;
        infos.into_result().map_err(|error| crate::Error::Config(error.message().to_owned()))?;
        Ok(())
    }

    /// Resolves the references in a connector's configuration, and notes which values are secret.
    pub(crate) async fn resolve(&self, name: &str, config: &Properties) -> Result<Resolved> {
        let resolved = self
            .transformer
            .resolve(&config::without_providers(config))
            .await
            .map_err(|error| error.with("connector", name))?;
        let plugin = self.plugin(&resolved.properties)?;
        Ok(resolved.with_passwords_of(&plugin.config_def()).with_passwords_of(&plugin.task_config_def()))
    }

    /// Replaces the references in a task's configuration.
    pub(crate) async fn resolve_references(&self, config: &Properties) -> Result<Properties> {
        Ok(self.transformer.resolve(config).await?.properties)
    }

    /// Whether it is a sink.
    pub(crate) fn is_sink(&self, config: &Properties) -> Result<bool> {
        Ok(matches!(self.plugin(config)?, ConnectorPlugin::Sink(_)))
    }

    /// The Java class of a connector's tasks, which a Java worker needs to run one: by convention `XConnector` has
    /// `XTask`. `None` for a connector that has no Java name.
    fn task_class(&self, config: &Properties) -> Option<String> {
        let plugin = self.plugin(config).ok()?;
        Some(format!("{}Task", plugin.info().class().strip_suffix("Connector")?))
    }

    /// From now on the statuses of a connector name the version of its plugin, if there is one.
    pub(crate) fn note_version(&self, name: &str, config: &Properties) {
        if let Ok(plugin) = self.plugin(config) {
            self.statuses.set_version(name, plugin.info().version);
        }
    }

    /// When the values of a configuration may have changed, if the connector wants to be restarted then.
    pub(crate) fn reload_after(&self, resolved: &Resolved) -> Option<Duration> {
        let action = resolved.properties.get("config.action.reload").unwrap_or("restart");
        if action.trim().eq_ignore_ascii_case("restart") { resolved.ttl() } else { None }
    }

    /// The runtime's side of a connector.
    pub(crate) fn connector_host(&self, name: &str, config: &Properties) -> Result<Arc<Host>> {
        let store = self.offset_store(name, config)?;
        Ok(Host::new(OffsetReader { connector: Arc::from(name), store }))
    }

    /// Starts a connector's own code.
    pub(crate) async fn start_connector(&self, config: &Properties, host: &Arc<Host>) -> Result<Connector> {
        match self.plugin(config)? {
            ConnectorPlugin::Source(plugin) => {
                let context = SourceConnectorContext::new(Arc::clone(host) as _);
                Ok(Connector::Source(plugin.start(config.clone(), context).await?))
            }
            ConnectorPlugin::Sink(plugin) => {
                let context = SinkConnectorContext::new(Arc::clone(host) as _);
                Ok(Connector::Sink(plugin.start(config.clone(), context).await?))
            }
        }
    }

    fn plugin(&self, config: &Properties) -> Result<ConnectorPlugin> {
        let class = config.get("connector.class").ok_or_else(|| {
            Error::config(
                "connector.class",
                "Missing required configuration \"connector.class\" which has no default value.",
            )
        })?;
        self.plugins.find_connector(class.trim())
    }

    /// `tasks.max` and `tasks.max.enforce`.
    pub(crate) fn tasks_max(&self, config: &Properties) -> Result<TasksMax> {
        let common = ConnectorConfig::parse(config, &self.config)?;
        Ok(TasksMax { tasks: common.tasks_max, enforce: common.tasks_max_enforce })
    }

    /// `errors.restart.*`.
    pub(crate) fn restart_policy(&self, config: &Properties) -> Result<RestartPolicy> {
        Ok(ConnectorConfig::parse(config, &self.config)?.restart)
    }

    /// Completes what a connector answered, and refuses more tasks than allowed.
    pub(crate) fn check_task_configs(
        &self,
        name: &str,
        configs: Vec<Properties>,
        max: TasksMax,
        connector: &Properties,
    ) -> Result<Vec<Properties>> {
        if configs.len() > max.tasks {
            let message = format!(
                "The connector {name} has generated {} tasks, which is greater than {}, the maximum number of tasks it \
                 is configured to create.",
                configs.len(),
                max.tasks
            );
            if max.enforce {
                return Err(Error::connect(message));
            }
            tracing::warn!(connector = name, "{message}");
        }
        let topics: Vec<_> =
            ["topics", "topics.regex"].iter().filter_map(|key| Some((*key, connector.get(key)?))).collect();
        let sink = matches!(self.plugin(connector)?, ConnectorPlugin::Sink(_));
        let class = self.task_class(connector);
        Ok(configs
            .into_iter()
            .map(|mut config| {
                if sink {
                    for (key, value) in &topics {
                        config.insert(*key, *value);
                    }
                }
                if let Some(class) = &class {
                    config.insert("task.class", class.as_str());
                }
                config
            })
            .collect())
    }
}
