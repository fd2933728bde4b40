//! [`SourceConnectorConfig`]: what only source connectors have.

use std::time::Duration;

use connect_api::config::ConfigDef;
use connect_api::{ConfigEnum, Properties, Result};

use super::{ConnectorConfig, DeadLetterQueue, TopicCreation, keys};
use crate::config::problems::Problems;
use crate::config::worker::WorkerConfig;

/// `exactly.once.support`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ConfigEnum)]
pub enum ExactlyOnceRequirement {
    /// The connector is refused unless it proves that it can write exactly once.
    Required,
    /// It is the user's business.
    #[default]
    Requested,
}

/// `transaction.boundary`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ConfigEnum)]
pub enum TransactionBoundary {
    /// A transaction ends with each poll.
    #[default]
    Poll,
    /// A transaction ends after a time.
    Interval,
    /// The connector says when a transaction ends.
    Connector,
}

/// The configuration of a source connector.
///
/// ```
/// use connect_api::Properties;
/// use connect_runtime::config::{SourceConnectorConfig, WorkerConfig};
///
/// let worker = WorkerConfig::embedded(&Properties::new())?;
/// let config = SourceConnectorConfig::parse(
///     &Properties::from([
///         ("name", "orders"),
///         ("connector.class", "FileStreamSource"),
///         ("transforms", "mask"),
///         ("transforms.mask.type", "MaskField$Value"),
///         ("transforms.mask.fields", "card"),
///     ]),
///     &worker,
/// )?;
/// assert_eq!(config.common.tasks_max, 1);
/// assert_eq!(config.common.transforms[0].properties, Properties::from([("fields", "card")]));
/// assert!(config.topic_creation.is_none());
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SourceConnectorConfig {
    /// What sinks have, too.
    pub common: ConnectorConfig,
    /// How missing topics are created; `None` where the broker creates them or nobody does: the worker forbids it,
    /// or there is no `topic.creation.` key.
    pub topic_creation: Option<TopicCreation>,
    /// `exactly.once.support`.
    pub exactly_once_support: ExactlyOnceRequirement,
    /// `transaction.boundary`.
    pub transaction_boundary: TransactionBoundary,
    /// `transaction.boundary.interval.ms`; where it is not set the worker's `offset.flush.interval.ms`.
    pub transaction_boundary_interval: Duration,
    /// `offsets.storage.topic`.
    pub offsets_storage_topic: Option<String>,
    /// Where bad records go; `None` for nowhere. Kafka has this for sinks only.
    pub dead_letter_queue: Option<DeadLetterQueue>,
}

impl SourceConnectorConfig {
    /// The keys of source connectors: Kafka's `SourceConnectorConfig`.
    pub fn def() -> ConfigDef {
        keys::source_def()
    }

    /// The keys of source connectors that Kafka does not have.
    pub fn extension_def() -> ConfigDef {
        keys::source_extensions()
    }

    /// Reads the configuration. References to config providers have to be resolved before.
    ///
    /// # Errors
    ///
    /// One config error that says everything that is wrong, one problem per line.
    pub fn parse(properties: &Properties, worker: &WorkerConfig) -> Result<Self> {
        let mut problems = Problems::default();
        let parsed = problems.take(Self::def().parse_all(properties));
        let topic_creation = problems.take(TopicCreation::parse(properties)).flatten();
        let queue = problems.take(keys::source_queue().parse_all(properties));
        let common = ConnectorConfig::read(parsed.as_ref(), properties, worker, problems)?;
        let parsed = parsed.unwrap_or_default();
        let text = |key: &str| parsed.read::<String>(key).map(|text| text.to_lowercase());
        let interval: Option<Duration> = parsed.read("transaction.boundary.interval.ms")?;
        Ok(Self {
            common,
            topic_creation: topic_creation.filter(|_| worker.topic_creation_enable),
            exactly_once_support: ExactlyOnceRequirement::from_name(&text("exactly.once.support")?)
                .unwrap_or_default(),
            transaction_boundary: TransactionBoundary::from_name(&text("transaction.boundary")?)
                .unwrap_or_default(),
            transaction_boundary_interval: interval.unwrap_or(worker.offset_flush_interval),
            offsets_storage_topic: parsed.read("offsets.storage.topic")?,
            dead_letter_queue: DeadLetterQueue::read(&queue.unwrap_or_default())?,
        })
    }
}
