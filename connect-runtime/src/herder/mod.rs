//! Desired state to actual state: the requests of Kafka Connect's REST API as calls.

mod configs;
pub(crate) mod distributed;
mod metrics;
pub(crate) mod standalone;
mod supervisor;

use std::collections::BTreeMap;

use async_trait::async_trait;
use connect_api::Plugins;
use connect_api::config::Properties;

use crate::config::{ConfigInfos, WorkerConfig};
use crate::error::Result;
use crate::ledger::TaskLedger;
use crate::loggers::Loggers;
use crate::metrics::{Metrics, TaskMetrics};
use crate::storage::{State, Status};
use crate::task::control::TargetState;
use crate::wire::request_signature::RequestSignature;
use crate::worker::offsets::{ConnectorOffsets, OffsetsPreview};

/// What kind of connector it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectorType {
    /// It writes topics.
    Source,
    /// It reads topics.
    Sink,
}

impl ConnectorType {
    /// `source` or `sink`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
        }
    }
}

/// A connector and its tasks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectorInfo {
    /// Its name.
    pub name: String,
    /// Its configuration as it was given; references to config providers are not resolved.
    pub config: Properties,
    /// The numbers of its tasks.
    pub tasks: Vec<usize>,
    /// Source or sink; `None` when its class is unknown.
    pub ty: Option<ConnectorType>,
}

/// How a connector and its tasks are doing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectorStatus {
    /// Its name.
    pub name: String,
    /// The connector itself.
    pub connector: Status,
    /// Its tasks, by number.
    pub tasks: Vec<(usize, Status)>,
    /// Source or sink; `None` when its class is unknown.
    pub ty: Option<ConnectorType>,
}

/// What a restart covers (KIP-745).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restart {
    /// Tasks too, not only the connector.
    pub include_tasks: bool,
    /// Only what has failed.
    pub only_failed: bool,
}

impl Restart {
    /// The status as it is while what this covers is started again.
    pub(crate) fn plan(self, mut status: ConnectorStatus) -> ConnectorStatus {
        let mark = |status: &mut Status| {
            if !self.only_failed || status.state == State::Failed {
                status.state = State::Restarting;
            }
        };
        mark(&mut status.connector);
        if self.include_tasks {
            status.tasks.iter_mut().for_each(|(_, status)| mark(status));
        }
        status
    }
}

/// The control plane: what the REST API, the command line and an embedding application may ask for.
///
/// No call waits for code of a connector without a deadline, and a connector that hangs delays only calls about
/// itself.
#[async_trait]
pub trait Herder: Send + Sync {
    /// What the worker was told.
    fn worker_config(&self) -> &WorkerConfig;

    /// The plugins that connectors may name.
    fn plugins(&self) -> &Plugins;

    /// The id of the Kafka cluster, if it has one.
    fn kafka_cluster_id(&self) -> Option<&str>;

    /// The worker as it stands in statuses: `host:port`.
    fn worker_id(&self) -> &str;

    /// The log levels of this process, if the application handed them over.
    fn loggers(&self) -> Option<&Loggers>;

    /// Sets a log level on all workers of the group (KIP-976). A worker that is alone is the group.
    ///
    /// # Errors
    ///
    /// When the other workers cannot be told.
    async fn set_cluster_log_level(&self, logger: &str, level: &str) -> Result<()> {
        if let Some(loggers) = self.loggers() {
            loggers.set(logger, level);
        }
        Ok(())
    }

    /// Answers when the worker has started and can do what it is asked (KIP-1017).
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable) while it is starting.
    async fn health_check(&self) -> Result<()> {
        Ok(())
    }

    /// The names of all connectors, sorted.
    fn connectors(&self) -> Vec<String>;

    /// A connector's configuration and tasks.
    fn connector_info(&self, name: &str) -> Result<ConnectorInfo>;

    /// A connector's status.
    fn connector_status(&self, name: &str) -> Result<ConnectorStatus>;

    /// The configurations of its tasks, as the connector made them.
    fn task_configs(&self, name: &str) -> Result<Vec<Properties>>;

    /// What its tasks have counted, by number.
    fn task_metrics(&self, name: &str) -> Result<Vec<(usize, TaskMetrics)>>;

    /// Everything that this worker measures, under Kafka's names.
    fn metrics(&self) -> Metrics;

    /// Where the records of its tasks ended, by task number and partition.
    fn task_ledgers(&self, name: &str) -> Result<Vec<(usize, TaskLedger)>>;

    /// The topics that a connector has written or read since it was created or the list was reset (KIP-558), sorted.
    /// Empty for an unknown connector.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`](crate::Error::Forbidden) when `topic.tracking.enable` is false.
    fn active_topics(&self, name: &str) -> Result<Vec<String>>;

    /// Forgets which topics a connector has used.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`](crate::Error::Forbidden) when `topic.tracking.enable` or `topic.tracking.allow.reset` is
    /// false.
    async fn reset_active_topics(&self, name: &str) -> Result<()>;

    /// Checks a configuration key by key, with everything that is wrong. Secrets are not in the answer.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) when there is no `connector.class`, or a reference to a config
    /// provider cannot be resolved.
    async fn validate(&self, config: &Properties) -> Result<ConfigInfos>;

    /// Changes some keys of a connector's configuration (KIP-477); `None` removes one.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound), and as [`put_connector`](Self::put_connector).
    async fn patch_connector(&self, name: &str, patch: BTreeMap<String, Option<String>>) -> Result<()>;

    /// Another worker hands over the task configurations that a connector made there: a request between the workers of
    /// a group, of which a worker that is alone knows nothing.
    ///
    /// # Errors
    ///
    /// For the signature, [`BadRequest`](crate::Error::BadRequest), [`Forbidden`](crate::Error::Forbidden) and
    /// [`Unavailable`](crate::Error::Unavailable).
    async fn put_task_configs(
        &self,
        _name: &str,
        _configs: Vec<Properties>,
        _signature: Option<RequestSignature>,
    ) -> Result<()> {
        Err(connect_api::Error::unsupported(
            "Kafka Connect in standalone mode does not support externally setting task configurations.",
        )
        .into())
    }

    /// Another worker asks the leader to fence the producers of a source connector's former tasks (KIP-618).
    ///
    /// # Errors
    ///
    /// As [`put_task_configs`](Self::put_task_configs).
    async fn fence_zombie_source_tasks(
        &self,
        _name: &str,
        _signature: Option<RequestSignature>,
    ) -> Result<()> {
        Err(connect_api::Error::unsupported(
            "Kafka Connect in standalone mode does not support exactly-once source connectors.",
        )
        .into())
    }

    /// Creates a connector, or replaces the configuration of one when `replace` is set. Answers when its tasks are
    /// started, or its failure stands in its status; `true` when it is new.
    async fn put_connector(
        &self,
        name: &str,
        config: Properties,
        initial_state: Option<TargetState>,
        replace: bool,
    ) -> Result<bool>;

    /// Stops a connector and forgets it. Its source offsets stay.
    async fn delete_connector(&self, name: &str) -> Result<()>;

    /// Pauses, resumes or stops a connector and its tasks.
    async fn set_target_state(&self, name: &str, state: TargetState) -> Result<()>;

    /// Restarts a connector, and its tasks if asked. Answers what that covers: the status with `RESTARTING` where
    /// something is started again.
    async fn restart_connector(&self, name: &str, restart: Restart) -> Result<ConnectorStatus>;

    /// Restarts one task.
    async fn restart_task(&self, name: &str, task: usize) -> Result<()>;

    /// The committed offsets of a connector: those of a source by its partitions, those of a sink's consumer group.
    async fn connector_offsets(&self, name: &str) -> Result<ConnectorOffsets>;

    /// Alters offsets of a stopped connector; those of partitions that are not named stay. Answers Kafka's message.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`](crate::Error::BadRequest) when the connector is not stopped or the offsets are malformed;
    /// [`Error::Plugin`](crate::Error::Plugin) when the connector refuses them, or its group still has members.
    async fn alter_connector_offsets(&self, name: &str, offsets: ConnectorOffsets) -> Result<String>;

    /// Forgets all offsets of a stopped connector. Answers Kafka's message; errors are those of
    /// [`alter_connector_offsets`](Self::alter_connector_offsets).
    async fn reset_connector_offsets(&self, name: &str) -> Result<String>;

    /// What altering these offsets would do, or with `None` a reset, in any state and without changing anything.
    async fn preview_connector_offsets(
        &self,
        name: &str,
        offsets: Option<&ConnectorOffsets>,
    ) -> Result<OffsetsPreview>;

    /// The offsets that bring a sink back to the first records at or after a time, in milliseconds since 1970; alter
    /// them to rewind it. Partitions that are not beyond that time are left out.
    async fn connector_offsets_at(&self, name: &str, timestamp: i64) -> Result<ConnectorOffsets>;

    /// Stops everything; answers what could not be stopped cleanly.
    async fn stop(&self) -> Vec<Abandoned>;
}

/// Something that was cut off at shutdown because it did not stop in time. What it had not committed comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Abandoned {
    /// The connector.
    pub connector: String,
    /// The task; `None` is the connector itself.
    pub task: Option<usize>,
    /// How many of its records were between source and target.
    pub records_in_flight: u64,
}
