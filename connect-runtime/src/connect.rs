//! [`Connect`]: the handle that applications hold.

mod builder;

use std::sync::Arc;
use std::time::Duration;

use connect_api::config::{Config, Properties};
use connect_api::{SinkConnector, SourceConnector};

use crate::dead_letters::DeadLetterTopic;
use crate::error::{Error, Result};
use crate::herder::{Abandoned, ConnectorStatus, Herder, Restart};
use crate::kafka::memory::MemoryKafka;
use crate::ledger::TaskLedger;
use crate::metrics::{Metrics, TaskMetrics};
use crate::storage::State;
use crate::task::control::TargetState;
use crate::worker::Worker;
use crate::worker::offsets::{ConnectorOffsets, OffsetsPreview};

pub use self::builder::ConnectBuilder;

/// A running worker inside this process: create connectors on it, look at them, shut it down.
///
/// It spawns tasks on the tokio runtime that it was started on, and nothing else: no port is opened, no logger, no
/// metrics exporter and no signal handler is installed. Clones are handles to the same worker.
///
/// Dropping the last handle without [`shutdown`](Self::shutdown) stops all tasks where they are and logs a warning.
/// Delivery is still at least once: what was not committed is read again after the next start.
///
/// ```
/// use connect_runtime::Connect;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connect = Connect::builder().in_memory().start().await?;
/// assert!(connect.connectors().is_empty());
/// connect.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Connect {
    inner: Arc<Inner>,
}

struct Inner {
    herder: Arc<dyn Herder>,
    worker: Arc<Worker>,
    memory: Option<MemoryKafka>,
    stopped: std::sync::atomic::AtomicBool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.stopped.load(std::sync::atomic::Ordering::Relaxed) && !self.herder.connectors().is_empty() {
            tracing::warn!(
                "Connect was dropped without shutdown(): its tasks are cut off; what they had not committed comes again"
            );
        }
    }
}

impl std::fmt::Debug for Connect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connect").field("connectors", &self.connectors()).finish()
    }
}

impl Connect {
    /// Begins the description of a worker.
    pub fn builder() -> ConnectBuilder {
        ConnectBuilder::new()
    }

    /// Creates a connector and starts its tasks. The keys are those of Kafka Connect; `name` need not be given again.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with every problem of the configuration, [`Error::Conflict`] when the name is taken,
    /// [`Error::Plugin`] when the connector itself fails to start (it stays, `FAILED`). A *task* that fails to start
    /// shows in [`status`](Self::status).
    pub async fn create(&self, name: &str, config: impl Into<Properties>) -> Result<()> {
        self.inner.herder.put_connector(name, config.into(), None, false).await.map(drop)
    }

    /// Creates a source connector from a typed configuration. `extra` holds what belongs to the framework:
    /// `transforms`, converters, `tasks.max`.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create); also when no registered plugin is of this type.
    pub async fn create_source<C: SourceConnector>(
        &self,
        name: &str,
        config: &C::Config,
        extra: impl Into<Properties>,
    ) -> Result<()> {
        let class = self.inner.worker.plugins.source_name::<C>()?;
        self.create(name, typed(class, config, extra.into())).await
    }

    /// Creates a sink connector from a typed configuration. `extra` holds what belongs to the framework: `topics`,
    /// `transforms`, converters, `tasks.max`.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create); also when no registered plugin is of this type.
    pub async fn create_sink<C: SinkConnector>(
        &self,
        name: &str,
        config: &C::Config,
        extra: impl Into<Properties>,
    ) -> Result<()> {
        let class = self.inner.worker.plugins.sink_name::<C>()?;
        self.create(name, typed(class, config, extra.into())).await
    }

    /// Creates a connector or replaces the configuration of an existing one, which restarts it.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), but for the name being taken.
    pub async fn create_or_replace(&self, name: &str, config: impl Into<Properties>) -> Result<()> {
        self.inner.herder.put_connector(name, config.into(), None, true).await.map(drop)
    }

    /// The names of all connectors, sorted.
    pub fn connectors(&self) -> Vec<String> {
        self.inner.herder.connectors()
    }

    /// How a connector and its tasks are doing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn status(&self, name: &str) -> Result<ConnectorStatus> {
        self.inner.herder.connector_status(name)
    }

    /// What each task of a connector has counted, by task number.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn metrics(&self, name: &str) -> Result<Vec<(usize, TaskMetrics)>> {
        self.inner.herder.task_metrics(name)
    }

    /// Everything that the worker measures, under the groups and names of Kafka Connect's metrics.
    pub fn worker_metrics(&self) -> Metrics {
        self.inner.herder.metrics()
    }

    /// Where the records of each task ended, by task number and partition: the delivery ledger. The counts begin
    /// anew when a task is restarted, as those of [`metrics`](Self::metrics).
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    ///
    /// ```
    /// # use connect_runtime::Connect;
    /// fn is_everything_accounted_for(connect: &Connect, connector: &str) -> connect_runtime::Result<bool> {
    ///     Ok(connect.ledger(connector)?.iter().all(|(_, task)| task.total().is_balanced()))
    /// }
    /// ```
    pub fn ledger(&self, name: &str) -> Result<Vec<(usize, TaskLedger)>> {
        self.inner.herder.task_ledgers(name)
    }

    /// A topic of dead letters: to look into, and to replay records from.
    pub fn dead_letters(&self, topic: impl Into<String>) -> DeadLetterTopic {
        let worker = &self.inner.worker;
        DeadLetterTopic::new(Arc::clone(&worker.kafka), &worker.config, topic)
    }

    /// Waits until the connector and all its tasks are in a state, `RUNNING` for instance.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Plugin`] with the trace as soon as one of them has failed while another state is
    /// waited for; [`Error::Timeout`] when the time is over.
    pub async fn wait_for(&self, name: &str, state: State, within: Duration) -> Result<ConnectorStatus> {
        let mut changes = self.inner.worker.statuses.watch();
        let wait = async {
            loop {
                changes.mark_unchanged();
                let status = self.status(name)?;
                let all = || {
                    std::iter::once(&status.connector).chain(status.tasks.iter().map(|(_, status)| status))
                };
                if all().all(|status| status.state == state) {
                    return Ok(status);
                }
                if let Some(failed) =
                    all().find(|status| status.state == State::Failed && state != State::Failed)
                {
                    let trace = failed.trace.clone().unwrap_or_default();
                    return Err(Error::Plugin(connect_api::Error::connect(trace).with("connector", name)));
                }
                if changes.changed().await.is_err() {
                    return Err(Error::ShuttingDown);
                }
            }
        };
        tokio::time::timeout(within, wait).await.unwrap_or_else(|_| {
            Err(Error::Timeout(format!("connector {name} was not {state} within {within:?}")))
        })
    }

    /// Pauses a connector and its tasks: they keep what they hold and move nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub async fn pause(&self, name: &str) -> Result<()> {
        self.inner.herder.set_target_state(name, TargetState::Paused).await
    }

    /// Goes on after a pause or stop.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Plugin`] when the connector has failed or fails to start.
    pub async fn resume(&self, name: &str) -> Result<()> {
        self.inner.herder.set_target_state(name, TargetState::Started).await
    }

    /// Stops a connector and ends its tasks. Configuration and offsets stay.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub async fn stop(&self, name: &str) -> Result<()> {
        self.inner.herder.set_target_state(name, TargetState::Stopped).await
    }

    /// Restarts a connector, and its tasks if asked.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Plugin`] when it fails to start.
    pub async fn restart(&self, name: &str, what: Restart) -> Result<()> {
        self.inner.herder.restart_connector(name, what).await.map(drop)
    }

    /// Stops a connector and forgets it. Its source offsets and consumer group stay.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub async fn delete(&self, name: &str) -> Result<()> {
        self.inner.herder.delete_connector(name).await
    }

    /// The committed offsets of a connector: of a source by its own partitions, of a sink by topic and partition.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Kafka`] or [`Error::Plugin`] when they cannot be read.
    pub async fn offsets(&self, name: &str) -> Result<ConnectorOffsets> {
        self.inner.herder.connector_offsets(name).await
    }

    /// Alters offsets of a connector that is [stopped](Self::stop); those of other partitions stay. An entry without
    /// an offset forgets that of its partition. Answers a message that says whether the connector takes care of
    /// offsets that it keeps elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::BadRequest`] when the connector is not stopped or an entry is malformed;
    /// [`Error::Plugin`] when the connector refuses the offsets, or Kafka does, because the sink's group has members
    /// still.
    ///
    /// ```
    /// # use connect_runtime::{Connect, ConnectorOffset, ConnectorOffsets};
    /// # use connect_api::TopicPartition;
    /// async fn again_from_the_start(connect: &Connect) -> connect_runtime::Result<()> {
    ///     let orders = TopicPartition::new("orders", 0);
    ///     let offsets = ConnectorOffsets { offsets: vec![ConnectorOffset::sink(&orders, Some(0))] };
    ///     println!("{}", connect.preview_offsets("lake", Some(&offsets)).await?);
    ///     connect.stop("lake").await?;
    ///     println!("{}", connect.alter_offsets("lake", offsets).await?);
    ///     connect.resume("lake").await
    /// }
    /// ```
    pub async fn alter_offsets(&self, name: &str, offsets: ConnectorOffsets) -> Result<String> {
        self.inner.herder.alter_connector_offsets(name, offsets).await
    }

    /// Forgets all offsets of a connector that is [stopped](Self::stop). Answers and errors are those of
    /// [`alter_offsets`](Self::alter_offsets).
    ///
    /// # Errors
    ///
    /// See there.
    pub async fn reset_offsets(&self, name: &str) -> Result<String> {
        self.inner.herder.reset_connector_offsets(name).await
    }

    /// What [altering](Self::alter_offsets) these offsets would do, or with `None` a [reset](Self::reset_offsets): how
    /// many records would come again. Works in every state and changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::BadRequest`] when an entry is malformed; [`Error::Kafka`] when Kafka cannot be
    /// asked or does not know a topic.
    pub async fn preview_offsets(
        &self,
        name: &str,
        offsets: Option<&ConnectorOffsets>,
    ) -> Result<OffsetsPreview> {
        self.inner.herder.preview_connector_offsets(name, offsets).await
    }

    /// The offsets that bring a sink back to the first records at or after a time, in milliseconds since 1970. Pass
    /// them to [`alter_offsets`](Self::alter_offsets) to rewind it. Partitions that have not come that far yet are
    /// left out, so the result may be empty: then there is nothing to rewind.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::BadRequest`] for a source; [`Error::Kafka`] when Kafka cannot be asked.
    pub async fn offsets_at(&self, name: &str, timestamp: i64) -> Result<ConnectorOffsets> {
        self.inner.herder.connector_offsets_at(name, timestamp).await
    }

    /// The control plane behind this handle.
    pub fn herder(&self) -> Arc<dyn Herder> {
        Arc::clone(&self.inner.herder)
    }

    /// The Kafka in memory that this worker runs on, if it does.
    pub fn memory(&self) -> Option<&MemoryKafka> {
        self.inner.memory.as_ref()
    }

    /// Stops polling, waits for records in flight, commits, closes everything, within
    /// `task.shutdown.graceful.timeout.ms`. What does not stop in time is cut off and named in the report.
    ///
    /// # Errors
    ///
    /// When the offset store cannot be closed.
    pub async fn shutdown(&self) -> Result<ShutdownReport> {
        self.inner.stopped.store(true, std::sync::atomic::Ordering::Relaxed);
        let abandoned = self.inner.herder.stop().await;
        let herder = &self.inner.herder;
        let (mut tasks, mut ledgers) = (Vec::new(), Vec::new());
        for name in herder.connectors() {
            for (task, metrics) in herder.task_metrics(&name).unwrap_or_default() {
                tasks.push((name.clone(), task, metrics));
            }
            for (task, ledger) in herder.task_ledgers(&name).unwrap_or_default() {
                ledgers.push((name.clone(), task, ledger));
            }
        }
        self.inner.worker.stop().await?;
        Ok(ShutdownReport { abandoned, tasks, ledgers })
    }
}

fn typed(class: &str, config: &impl Config, extra: Properties) -> Properties {
    let mut properties = config.to_properties();
    properties.extend(extra);
    properties.insert("connector.class", class);
    properties
}

/// What a shutdown left behind.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// What did not stop in time. Empty after a clean shutdown.
    pub abandoned: Vec<Abandoned>,
    /// The last counts of every task: connector, number, counts.
    pub tasks: Vec<(String, usize, TaskMetrics)>,
    /// The last ledger of every task: connector, number, where its records ended by partition.
    pub ledgers: Vec<(String, usize, TaskLedger)>,
}

impl ShutdownReport {
    /// Whether everything stopped by itself.
    pub fn is_clean(&self) -> bool {
        self.abandoned.is_empty()
    }
}
