//! The herder of a cluster: workers that share connectors and tasks through Kafka's group protocol and topics, beside
//! Java's workers or without them.
//!
//! Two actors belong to each worker. The *member* keeps it in the group and, on the leader, shares out the work
//! (`member.rs`, `assignor/`). The other one, `actor.rs`, brings the supervisors of connectors to what the group and the
//! config topic want, and writes what callers want. Calls that only look read what the topics said last.

mod actor;
mod assignor;
mod fence;
#[cfg(feature = "rest")]
mod http;
mod member;
#[doc(hidden)]
pub mod peers;
mod rebalances;
mod request;
mod view;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use connect_api::Plugins;
use connect_api::config::Properties;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use self::actor::{Actor, Common, Entry};
use self::member::Member;
use self::peers::Peers;
use self::request::{Reply, Request, not_found};
use super::metrics::{self, Measured};
use super::{Abandoned, ConnectorInfo, ConnectorStatus, ConnectorType, Herder, Restart, configs};
use crate::config::clients::{self, Store};
use crate::config::{ConfigInfos, DistributedConfig, InternalTopic, SourceExactlyOnce, WorkerConfig};
use crate::error::{Error, Result};
use crate::kafka::membership::GroupSettings;
use crate::kafka::{ClientProperties, NewTopic};
use crate::ledger::TaskLedger;
use crate::loggers::Loggers;
use crate::metrics::{Metrics, TaskMetrics};
use crate::storage::Status;
use crate::storage::cluster::{ConfigStore, ConfigStoreSettings};
use crate::storage::log::LogTopic;
use crate::storage::status_log::StatusLog;
use crate::task::control::TargetState;
use crate::wire::request_signature::RequestSignature;
use crate::worker::Worker;
use crate::worker::offsets::{ConnectorOffsets, OffsetsPreview};

/// How long a call waits for its effect: Kafka's limit for a REST request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);
/// How long a request waits for a group that is forming.
const REBALANCE_PATIENCE: Duration = Duration::from_secs(5);
/// Requests that may wait.
const INBOX: usize = 64;
/// What the member and the worker may have to tell each other at a time.
const NEWS: usize = 4;

/// See the module.
pub(crate) struct DistributedHerder {
    common: Arc<Common>,
    requests: mpsc::Sender<Request>,
    actors: Mutex<JoinSet<()>>,
}

impl DistributedHerder {
    /// Opens the topics of the cluster and joins it. `worker` was started with the configuration of a distributed
    /// worker, of which `settings` is a part; `url` is where the other workers find its REST API.
    pub(crate) async fn start(
        worker: Arc<Worker>,
        settings: DistributedConfig,
        peers: Arc<dyn Peers>,
    ) -> Result<Self> {
        let kafka = Arc::clone(&worker.kafka);
        let create = settings.internal_topics_automatic_creation_enable;
        let exactly_once = settings.exactly_once_source_support != SourceExactlyOnce::Disabled;
        let topic = log_topic(&worker.config, &settings.config_topic, Store::Configs);
        let privileged =
            exactly_once.then(|| leader_producer(&topic.producer, &worker.config, &settings.group_id));
        let configs =
            Arc::new(ConfigStore::open(&kafka, ConfigStoreSettings { topic, create, privileged }).await?);
        let topic = log_topic(&worker.config, &settings.status_topic, Store::Statuses);
        let statuses = StatusLog::open(&kafka, topic, create, Arc::clone(&worker.statuses)).await?;

        let mut properties = clients::shared_admin(&worker.config).properties;
        let id = worker.config.client_id_base();
        properties.insert("client.id".to_owned(), id.trim_end_matches('-').to_owned());
        let group = kafka
            .group_member(
                &properties,
                GroupSettings {
                    group_id: settings.group_id.clone(),
                    protocol_type: "connect".to_owned(),
                    session_timeout: settings.session_timeout,
                    rebalance_timeout: settings.rebalance_timeout,
                },
            )
            .await
            .map_err(|error| Error::kafka("become a member of the workers' group", error))?;
        let membership = member::Settings {
            protocol: settings.connect_protocol,
            url: advertised_url(&worker.config),
            heartbeat_interval: settings.heartbeat_interval,
            session_timeout: settings.session_timeout,
            max_delay: settings.scheduled_rebalance_max_delay,
        };
        let common = Arc::new(Common::new(worker, Arc::clone(&configs), statuses, settings));
        let (orders, orders_inbox) = mpsc::channel(NEWS);
        let (news, news_inbox) = mpsc::channel(NEWS);
        let (requests, requests_inbox) = mpsc::channel(INBOX);
        let member = Member::new(group, membership, configs, Arc::clone(&common.view), orders_inbox, news);
        let ask = requests.downgrade();
        let actor = Actor::new(Arc::clone(&common), peers, orders, news_inbox, requests_inbox, ask);
        let mut actors = JoinSet::new();
        actors.spawn(member.run());
        actors.spawn(actor.run());
        Ok(Self { common, requests, actors: Mutex::new(actors) })
    }

    /// Asks the actor when the group has formed. Java lets requests wait for that, too: whoever deletes two connectors
    /// one after the other is not told to try again.
    async fn ask<T>(&self, what: impl FnOnce(Reply<T>) -> Request) -> Result<T> {
        self.common.view.formed(REBALANCE_PATIENCE).await;
        self.ask_now(what).await
    }

    /// Asks the actor at once: what workers ask of each other is part of what a group does when it forms.
    async fn ask_now<T>(&self, what: impl FnOnce(Reply<T>) -> Request) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.requests.send(what(reply)).await.map_err(|_| Error::ShuttingDown)?;
            answer.await.map_err(|_| Error::ShuttingDown)?
        };
        in_time(asked).await
    }

    fn config(&self, name: &str) -> Result<Properties> {
        let config = self.common.configs.snapshot();
        config.connector(name).map(|config| config.as_ref().clone()).ok_or_else(|| not_found(name))
    }

    fn connector_type(&self, config: &Properties) -> Option<ConnectorType> {
        match self.common.worker.is_sink(config) {
            Ok(true) => Some(ConnectorType::Sink),
            Ok(false) => Some(ConnectorType::Source),
            Err(_) => None,
        }
    }

    /// Whether a request came from a worker of the group; answers also where requests need no signature.
    fn check(&self, signature: Option<&RequestSignature>) -> Result<()> {
        if !self.common.view.seen().signed {
            return Ok(());
        }
        let key = peers::session_key(&self.common.configs.snapshot());
        let allowed = &self.common.settings.inter_worker_verification_algorithms;
        RequestSignature::check(signature, allowed, key.as_deref())
    }

    async fn modify_offsets(&self, name: &str, change: Option<ConnectorOffsets>) -> Result<String> {
        self.ask(|reply| Request::MayAlterOffsets { name: name.to_owned(), reply }).await?;
        let config = self.config(name)?;
        in_time(self.common.worker.modify_offsets(name, &config, change.as_ref())).await
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(REQUEST_TIMEOUT, asked).await.unwrap_or_else(|_| {
        Err(Error::Timeout(format!("the request was not done within {REQUEST_TIMEOUT:?}")))
    })
}

/// `http://host:port/`, as other workers find this one.
fn advertised_url(config: &WorkerConfig) -> String {
    let rest = &config.rest;
    let scheme = rest.advertised_listener.clone().or_else(|| {
        let first = rest.listeners.first()?;
        first.split_once("://").map(|(scheme, _)| scheme.to_lowercase())
    });
    format!("{}://{}/", scheme.as_deref().unwrap_or("http"), rest.advertised_address())
}

fn log_topic(config: &WorkerConfig, topic: &InternalTopic, store: Store) -> LogTopic {
    LogTopic {
        topic: NewTopic {
            name: topic.name.as_str().into(),
            partitions: topic.partitions,
            replication_factor: topic.replication_factor,
            configs: topic.configs.clone(),
        },
        producer: clients::store_producer(config, store).properties,
        consumer: clients::store_consumer(config, store).properties,
        admin: clients::shared_admin(config).properties,
    }
}

/// The producer that only one worker of the group can have at a time.
fn leader_producer(plain: &ClientProperties, config: &WorkerConfig, group: &str) -> ClientProperties {
    let mut properties = plain.clone();
    for (key, value) in [
        ("client.id", format!("{}configs-leader", config.client_id_base())),
        ("transactional.id", format!("connect-cluster-{group}")),
        ("enable.idempotence", "true".to_owned()),
        ("max.in.flight.requests.per.connection", "5".to_owned()),
    ] {
        properties.insert(key.to_owned(), value);
    }
    properties
}

#[async_trait]
impl Herder for DistributedHerder {
    fn worker_config(&self) -> &WorkerConfig {
        &self.common.worker.config
    }

    fn plugins(&self) -> &Plugins {
        &self.common.worker.plugins
    }

    fn kafka_cluster_id(&self) -> Option<&str> {
        self.common.worker.cluster_id()
    }

    fn worker_id(&self) -> &str {
        self.common.worker.id()
    }

    fn loggers(&self) -> Option<&Loggers> {
        self.common.worker.loggers.as_ref()
    }

    async fn set_cluster_log_level(&self, logger: &str, level: &str) -> Result<()> {
        Ok(self.common.configs.put_logger_level(logger, level).await?)
    }

    async fn health_check(&self) -> Result<()> {
        if self.common.view.seen().member {
            return Ok(());
        }
        Err(Error::Unavailable("Worker is still starting up: it is not in its group yet.".to_owned()))
    }

    fn connectors(&self) -> Vec<String> {
        self.common.configs.snapshot().connectors().map(str::to_owned).collect()
    }

    fn connector_info(&self, name: &str) -> Result<ConnectorInfo> {
        let config = self.config(name)?;
        let tasks = self.common.configs.snapshot().task_count(name);
        let ty = self.connector_type(&config);
        Ok(ConnectorInfo { name: name.to_owned(), config, tasks: (0..tasks).collect(), ty })
    }

    fn connector_status(&self, name: &str) -> Result<ConnectorStatus> {
        let config = self.config(name)?;
        let statuses = &self.common.worker.statuses;
        let connector = statuses.get(name, None);
        let unassigned = || Status::unassigned(self.common.worker.id());
        let known = statuses.keys().into_iter().filter(|key| key.connector == name);
        let tasks = known.filter_map(|key| Some((key.task?, statuses.get(name, key.task)?)));
        Ok(ConnectorStatus {
            name: name.to_owned(),
            connector: connector.unwrap_or_else(unassigned),
            tasks: tasks.collect(),
            ty: self.connector_type(&config),
        })
    }

    fn task_configs(&self, name: &str) -> Result<Vec<Properties>> {
        let config = self.common.configs.snapshot();
        if !config.contains(name) {
            return Err(not_found(name));
        }
        Ok(config.tasks(name).into_iter().cloned().collect())
    }

    fn task_metrics(&self, name: &str) -> Result<Vec<(usize, TaskMetrics)>> {
        self.config(name)?;
        let entries = self.common.entries();
        let Some(entry) = entries.get(name) else { return Ok(Vec::new()) };
        let shared = entry.shared.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(shared.counters.iter().map(|(task, counters)| (*task, counters.snapshot())).collect())
    }

    fn metrics(&self) -> Metrics {
        let measured = {
            let entries = self.common.entries();
            let measure = |(name, entry): (&String, &Entry)| {
                let shared = entry.shared.lock().unwrap_or_else(PoisonError::into_inner);
                let ty = self.connector_type(&shared.config);
                Measured {
                    name: name.clone(),
                    config: shared.config.clone(),
                    ty,
                    tasks: shared.counters.clone(),
                }
            };
            entries.iter().map(measure).collect::<Vec<_>>()
        };
        let mut metrics = metrics::collect(&self.common.worker, &measured);
        let leader = self.common.view.seen().leader_url;
        self.common.view.rebalances.write(&mut metrics, leader.as_deref());
        metrics
    }

    fn task_ledgers(&self, name: &str) -> Result<Vec<(usize, TaskLedger)>> {
        self.config(name)?;
        let entries = self.common.entries();
        let Some(entry) = entries.get(name) else { return Ok(Vec::new()) };
        let shared = entry.shared.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(shared.counters.iter().map(|(task, counters)| (*task, counters.ledger.snapshot())).collect())
    }

    fn active_topics(&self, name: &str) -> Result<Vec<String>> {
        self.common.worker.check_topic_tracking(false)?;
        Ok(self.common.worker.statuses.topics(name))
    }

    async fn reset_active_topics(&self, name: &str) -> Result<()> {
        self.common.worker.check_topic_tracking(true)?;
        self.common.worker.statuses.reset_topics(name);
        Ok(())
    }

    async fn validate(&self, config: &Properties) -> Result<ConfigInfos> {
        self.common.worker.validate(config).await
    }

    async fn patch_connector(&self, name: &str, patch: BTreeMap<String, Option<String>>) -> Result<()> {
        let seen = self.common.view.seen();
        seen.must_lead("Only the leader can patch connector configs.")?;
        let config = self.config(name)?;
        self.put_connector(name, configs::patched(config, patch), None, true).await.map(drop)
    }

    async fn put_task_configs(
        &self,
        name: &str,
        configs: Vec<Properties>,
        signature: Option<RequestSignature>,
    ) -> Result<()> {
        self.check(signature.as_ref())?;
        self.ask_now(|reply| Request::PutTasks { name: name.to_owned(), configs, reply }).await
    }

    async fn fence_zombie_source_tasks(&self, name: &str, signature: Option<RequestSignature>) -> Result<()> {
        self.check(signature.as_ref())?;
        self.ask_now(|reply| Request::Fence { name: name.to_owned(), reply }).await
    }

    async fn put_connector(
        &self,
        name: &str,
        config: Properties,
        initial_state: Option<TargetState>,
        replace: bool,
    ) -> Result<bool> {
        let config = configs::named(name, config)?;
        self.common.worker.check_valid(&config).await?;
        let name = name.to_owned();
        self.ask(|reply| Request::Put { name, config, state: initial_state, replace, reply }).await
    }

    async fn delete_connector(&self, name: &str) -> Result<()> {
        self.ask(|reply| Request::Delete { name: name.to_owned(), reply }).await
    }

    async fn set_target_state(&self, name: &str, state: TargetState) -> Result<()> {
        self.ask(|reply| Request::Target { name: name.to_owned(), state, reply }).await
    }

    async fn restart_connector(&self, name: &str, restart: Restart) -> Result<ConnectorStatus> {
        let plan = restart.plan(self.connector_status(name)?);
        self.ask(|reply| Request::Restart { name: name.to_owned(), what: restart, reply }).await?;
        Ok(plan)
    }

    async fn restart_task(&self, name: &str, task: usize) -> Result<()> {
        self.ask(|reply| Request::RestartTask { name: name.to_owned(), task, reply }).await
    }

    async fn connector_offsets(&self, name: &str) -> Result<ConnectorOffsets> {
        let config = self.config(name)?;
        in_time(self.common.worker.connector_offsets(name, &config)).await
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
        in_time(self.common.worker.preview_offsets(name, &config, offsets)).await
    }

    async fn connector_offsets_at(&self, name: &str, timestamp: i64) -> Result<ConnectorOffsets> {
        let config = self.config(name)?;
        in_time(self.common.worker.offsets_at(name, &config, timestamp)).await
    }

    async fn stop(&self) -> Vec<Abandoned> {
        let (reply, answer) = oneshot::channel();
        let abandoned = match self.requests.send(Request::Stop(reply)).await {
            Ok(()) => answer.await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let mut actors = std::mem::take(&mut *self.actors.lock().unwrap_or_else(PoisonError::into_inner));
        actors.shutdown().await;
        futures::future::join(self.common.statuses.close(), self.common.configs.close()).await;
        abandoned
    }
}
