//! The herder of one process: desired state in memory, one supervisor per connector.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use connect_api::Plugins;
use connect_api::config::Properties;
use connect_api::plugins::ConnectorPlugin;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::metrics::{self, Measured};
use super::supervisor::{Command, Reply, Shared, Supervisor};
use super::{Abandoned, ConnectorInfo, ConnectorStatus, ConnectorType, Herder, Restart, configs};
use crate::config::{ConfigInfos, WorkerConfig};
use crate::error::{Error, Result};
use crate::ledger::TaskLedger;
use crate::loggers::Loggers;
use crate::metrics::{Metrics, TaskMetrics};
use crate::storage::Status;
use crate::task::control::TargetState;
use crate::worker::Worker;
use crate::worker::offsets::{ConnectorOffsets, OffsetsPreview};

/// How long a call waits for its effect: Kafka's limit for a REST request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);
/// Commands that may wait for one supervisor.
const INBOX: usize = 16;

struct Entry {
    inbox: mpsc::Sender<Command>,
    shared: Arc<Mutex<Shared>>,
}

/// See the module.
pub(crate) struct StandaloneHerder {
    worker: Arc<Worker>,
    connectors: Mutex<Connectors>,
}

#[derive(Default)]
struct Connectors {
    entries: BTreeMap<String, Entry>,
    supervisors: JoinSet<()>,
    stopping: bool,
}

impl StandaloneHerder {
    pub(crate) fn new(worker: Arc<Worker>) -> Self {
        Self { worker, connectors: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Connectors> {
        self.connectors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shared<T>(&self, name: &str, read: impl FnOnce(&Shared) -> T) -> Result<T> {
        let connectors = self.lock();
        let entry = connectors.entries.get(name).ok_or_else(|| not_found(name))?;
        let shared = entry.shared.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(read(&shared))
    }

    /// What kind of connector it is. One that was never started says so by its class.
    fn type_of(&self, shared: &Shared) -> Option<ConnectorType> {
        let by_class = || {
            let class = shared.config.get("connector.class")?;
            let plugin = self.worker.plugins.find_connector(class.trim()).ok()?;
            Some(match plugin {
                ConnectorPlugin::Source(_) => ConnectorType::Source,
                ConnectorPlugin::Sink(_) => ConnectorType::Sink,
            })
        };
        shared.ty.or_else(by_class)
    }

    fn inbox(&self, name: &str) -> Result<mpsc::Sender<Command>> {
        self.lock().entries.get(name).map(|entry| entry.inbox.clone()).ok_or_else(|| not_found(name))
    }

    async fn ask(&self, name: &str, command: impl FnOnce(Reply) -> Command) -> Result<()> {
        let inbox = self.inbox(name)?;
        let (reply, answer) = oneshot::channel();
        let asked = async {
            inbox.send(command(reply)).await.map_err(|_| not_found(name))?;
            answer.await.map_err(|_| not_found(name))?.map_err(Error::from)
        };
        in_time(asked, || format!("connector {name} did not reach the state within {REQUEST_TIMEOUT:?}"))
            .await
    }

    async fn modify_offsets(&self, name: &str, change: Option<ConnectorOffsets>) -> Result<String> {
        let inbox = self.inbox(name)?;
        let (reply, answer) = oneshot::channel();
        let asked = async {
            inbox.send(Command::Offsets { change, reply }).await.map_err(|_| not_found(name))?;
            answer.await.map_err(|_| not_found(name))?
        };
        in_time(asked, || {
            format!("the offsets of connector {name} were not modified within {REQUEST_TIMEOUT:?}")
        })
        .await
    }

    fn config(&self, name: &str) -> Result<Properties> {
        self.shared(name, |shared| shared.config.clone())
    }

    /// Stops one connector's supervisor.
    async fn end(&self, name: &str, inbox: &mpsc::Sender<Command>, forget: bool) -> Vec<Abandoned> {
        let graceful = self.worker.graceful_timeout();
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + graceful;
        // The supervisor keeps the deadline itself; some time on top of it covers its own work.
        let asked = async {
            inbox.send(Command::Stop { forget, deadline, reply }).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(graceful + Duration::from_secs(5), asked).await {
            Ok(abandoned) => abandoned.unwrap_or_default(),
            Err(_) => vec![Abandoned { connector: name.to_owned(), task: None, records_in_flight: 0 }],
        }
    }
}

/// Kafka Connect's limit on a request, and what it was about.
async fn in_time<T>(asked: impl Future<Output = Result<T>>, late: impl Fn() -> String) -> Result<T> {
    tokio::time::timeout(REQUEST_TIMEOUT, asked).await.unwrap_or_else(|_| Err(Error::Timeout(late())))
}

fn not_found(name: &str) -> Error {
    Error::NotFound(format!("Connector {name} not found"))
}

#[async_trait]
impl Herder for StandaloneHerder {
    fn worker_config(&self) -> &WorkerConfig {
        &self.worker.config
    }

    fn plugins(&self) -> &Plugins {
        &self.worker.plugins
    }

    fn kafka_cluster_id(&self) -> Option<&str> {
        self.worker.cluster_id()
    }

    fn worker_id(&self) -> &str {
        self.worker.id()
    }

    fn loggers(&self) -> Option<&Loggers> {
        self.worker.loggers.as_ref()
    }

    fn connectors(&self) -> Vec<String> {
        self.lock().entries.keys().cloned().collect()
    }

    fn connector_info(&self, name: &str) -> Result<ConnectorInfo> {
        self.shared(name, |shared| ConnectorInfo {
            name: name.to_owned(),
            config: shared.config.clone(),
            tasks: (0..shared.task_configs.len()).collect(),
            ty: self.type_of(shared),
        })
    }

    fn connector_status(&self, name: &str) -> Result<ConnectorStatus> {
        let (tasks, ty) = self.shared(name, |shared| (shared.task_configs.len(), self.type_of(shared)))?;
        let unassigned = || Status::unassigned(self.worker.id());
        let status = |task| self.worker.statuses.get(name, task).unwrap_or_else(unassigned);
        Ok(ConnectorStatus {
            name: name.to_owned(),
            connector: status(None),
            tasks: (0..tasks).map(|task| (task, status(Some(task)))).collect(),
            ty,
        })
    }

    fn task_configs(&self, name: &str) -> Result<Vec<Properties>> {
        self.shared(name, |shared| shared.task_configs.clone())
    }

    fn task_metrics(&self, name: &str) -> Result<Vec<(usize, TaskMetrics)>> {
        self.shared(name, |shared| {
            shared.counters.iter().map(|(task, counters)| (*task, counters.snapshot())).collect()
        })
    }

    fn metrics(&self) -> Metrics {
        let connectors: Vec<Measured> = {
            let connectors = self.lock();
            let measured = connectors.entries.iter().map(|(name, entry)| {
                let shared = entry.shared.lock().unwrap_or_else(PoisonError::into_inner);
                Measured {
                    name: name.clone(),
                    config: shared.config.clone(),
                    ty: self.type_of(&shared),
                    tasks: shared.counters.clone(),
                }
            });
            measured.collect()
        };
        metrics::collect(&self.worker, &connectors)
    }

    fn task_ledgers(&self, name: &str) -> Result<Vec<(usize, TaskLedger)>> {
        self.shared(name, |shared| {
            shared.counters.iter().map(|(task, counters)| (*task, counters.ledger.snapshot())).collect()
        })
    }

    fn active_topics(&self, name: &str) -> Result<Vec<String>> {
        self.worker.check_topic_tracking(false)?;
        Ok(self.worker.statuses.topics(name))
    }

    async fn reset_active_topics(&self, name: &str) -> Result<()> {
        self.worker.check_topic_tracking(true)?;
        self.worker.statuses.reset_topics(name);
        Ok(())
    }

    async fn validate(&self, config: &Properties) -> Result<ConfigInfos> {
        self.worker.validate(config).await
    }

    async fn patch_connector(&self, name: &str, patch: BTreeMap<String, Option<String>>) -> Result<()> {
        let config = self.shared(name, |shared| shared.config.clone())?;
        self.put_connector(name, configs::patched(config, patch), None, true).await.map(drop)
    }

    async fn put_connector(
        &self,
        name: &str,
        config: Properties,
        initial_state: Option<TargetState>,
        replace: bool,
    ) -> Result<bool> {
        let config = configs::named(name, config)?;
        self.worker.check_valid(&config).await?;
        let created = {
            let mut connectors = self.lock();
            if connectors.stopping {
                return Err(Error::ShuttingDown);
            }
            let exists = connectors.entries.contains_key(name);
            if exists && !replace {
                return Err(Error::Conflict(format!("Connector {name} already exists")));
            }
            if !exists {
                let shared = Arc::new(Mutex::new(Shared { config: config.clone(), ..Shared::default() }));
                let (inbox, commands) = mpsc::channel(INBOX);
                let supervisor =
                    Supervisor::new(Arc::clone(&self.worker), name, Arc::clone(&shared), commands);
                connectors.supervisors.spawn(supervisor.run());
                connectors.entries.insert(name.to_owned(), Entry { inbox, shared });
            }
            !exists
        };
        self.ask(name, |reply| Command::Configure { config, target: initial_state, reply }).await?;
        Ok(created)
    }

    async fn delete_connector(&self, name: &str) -> Result<()> {
        let inbox = self.inbox(name)?;
        self.end(name, &inbox, true).await;
        let mut connectors = self.lock();
        connectors.entries.remove(name);
        while connectors.supervisors.try_join_next().is_some() {}
        Ok(())
    }

    async fn set_target_state(&self, name: &str, state: TargetState) -> Result<()> {
        self.ask(name, |reply| Command::Target { state, reply }).await
    }

    async fn restart_connector(&self, name: &str, what: Restart) -> Result<ConnectorStatus> {
        let plan = what.plan(self.connector_status(name)?);
        self.ask(name, |reply| Command::Restart { what, reply }).await?;
        Ok(plan)
    }

    async fn restart_task(&self, name: &str, task: usize) -> Result<()> {
        self.ask(name, |reply| Command::RestartTask { task, reply }).await
    }

    async fn connector_offsets(&self, name: &str) -> Result<ConnectorOffsets> {
        let config = self.config(name)?;
        let read = self.worker.connector_offsets(name, &config);
        in_time(read, || format!("the offsets of connector {name} were not read in time")).await
    }

    async fn alter_connector_offsets(&self, name: &str, offsets: ConnectorOffsets) -> Result<String> {
        offsets.must_not_be_empty()?;
        self.modify_offsets(name, Some(offsets)).await
    }

    async fn reset_connector_offsets(&self, name: &str) -> Result<String> {
        self.modify_offsets(name, None).await
    }

    async fn preview_connector_offsets(
        &self,
        name: &str,
        offsets: Option<&ConnectorOffsets>,
    ) -> Result<OffsetsPreview> {
        let config = self.config(name)?;
        let looked = self.worker.preview_offsets(name, &config, offsets);
        in_time(looked, || format!("the offsets of connector {name} were not read in time")).await
    }

    async fn connector_offsets_at(&self, name: &str, timestamp: i64) -> Result<ConnectorOffsets> {
        let config = self.config(name)?;
        let looked = self.worker.offsets_at(name, &config, timestamp);
        in_time(looked, || format!("the offsets of connector {name} were not looked up in time")).await
    }

    async fn stop(&self) -> Vec<Abandoned> {
        let entries: Vec<_> = {
            let mut connectors = self.lock();
            connectors.stopping = true;
            connectors.entries.iter().map(|(name, entry)| (name.clone(), entry.inbox.clone())).collect()
        };
        // All at once: they share the graceful time.
        let ends = entries.iter().map(|(name, inbox)| self.end(name, inbox, false));
        let abandoned = futures::future::join_all(ends).await.into_iter().flatten().collect();
        let mut supervisors = std::mem::take(&mut self.lock().supervisors);
        supervisors.shutdown().await;
        abandoned
    }
}
