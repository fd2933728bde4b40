//! Where the offsets of a source connector are kept, and the producer that writes them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connect_api::config::Properties;
use connect_api::plugins::ConnectorPlugin;
use connect_api::{Result, Str};

use super::Worker;
use super::build::new_topic;
use crate::config::clients::{self, ClientSettings};
use crate::config::{InternalTopic, OffsetStorage, SourceConnectorConfig, TransactionBoundary};
use crate::kafka::{self, ClientProperties, Producer, ProducerRecord};
use crate::storage::{self, ConnectorOffsets, OffsetBackingStore, TopicOffsets, TopicSettings};
use crate::task::source::{ExactlyOnceSpec, ProducerChecks, offset_record};

/// What a transaction may take beyond its interval before a broker aborts it: Kafka's default for the whole.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the producer of altered offsets may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

impl Worker {
    /// The store of a connector's offsets.
    pub(crate) fn offset_store(
        &self,
        name: &str,
        connector: &Properties,
    ) -> Result<Arc<dyn OffsetBackingStore>> {
        Ok(match self.own_offsets(name, connector, None)? {
            Some(own) => own,
            None => Arc::clone(&self.offsets),
        })
    }

    /// Writes offsets of a connector that has no tasks: where it writes exactly once, in a transaction of its first
    /// task, after all producers of its tasks were fenced.
    pub(super) async fn write_offsets(
        &self,
        name: &str,
        connector: &Properties,
        store: &dyn OffsetBackingStore,
        entries: Vec<(Bytes, Option<Bytes>)>,
    ) -> Result<()> {
        let Some(fence) = self.fence(name, connector, 1)? else { return store.set(entries).await };
        let own = self.own_offsets(name, connector, None)?;
        let config = SourceConnectorConfig::parse(connector, &self.config)?;
        let Some(spec) = self.exactly_once(&config, own.as_ref(), None) else {
            return store.set(entries).await;
        };
        fence.before().await?;
        let (kept, removed): (Vec<_>, Vec<_>) =
            entries.iter().cloned().partition(|(_, value)| value.is_some());
        if let Some(copy) = &spec.copy
            && !removed.is_empty()
        {
            // First, and for certain: what only the connector's topic forgot would come back from here.
            copy.set(removed).await?;
        }
        let records = entries.into_iter().map(|(key, value)| offset_record(&spec.offsets_topic, key, value));
        let producer = self.kafka.producer(&self.source_producer(&config, connector, 0)?).await?;
        in_a_transaction(producer, records.collect()).await?;
        if let Some(copy) = spec.copy {
            storage::copy(copy, kept).await;
        }
        Ok(())
    }

    /// The store of a connector that keeps its offsets apart from the worker's: in a topic that it names, or in the
    /// cluster that it writes to when it does so exactly once. `None`: the worker's store is its store.
    pub(super) fn own_offsets(
        &self,
        name: &str,
        connector: &Properties,
        task: Option<usize>,
    ) -> Result<Option<Arc<ConnectorOffsets>>> {
        if !matches!(self.plugin(connector)?, ConnectorPlugin::Source(_)) {
            return Ok(None);
        }
        let config = SourceConnectorConfig::parse(connector, &self.config)?;
        let OffsetStorage::Topic(worker) = &self.config.offset_storage else {
            if config.offsets_storage_topic.is_some() {
                tracing::warn!(
                    connector = name,
                    "offsets.storage.topic has no effect: this worker keeps source offsets in no topic"
                );
            }
            return Ok(None);
        };
        let exactly_once = self.config.exactly_once().is_some();
        let producer = clients::source_producer(&self.config, name, connector, task.unwrap_or_default())?;
        let elsewhere = servers(producer.properties.get("bootstrap.servers"))
            != servers(Some(&self.config.bootstrap_servers.join(",")));
        let topic = match &config.offsets_storage_topic {
            Some(topic) if elsewhere || *topic != worker.name => topic,
            None if elsewhere && exactly_once => &worker.name,
            _ => return Ok(None),
        };
        let settings = TopicSettings {
            key: "offsets.storage.topic",
            topic: new_topic(&InternalTopic { name: topic.clone(), ..worker.clone() }),
            producer: (!exactly_once).then_some(producer.properties),
            consumer: without_group(clients::connector_offset_consumer(
                &self.config,
                name,
                connector,
                task,
                exactly_once,
            )?),
            admin: clients::admin(&self.config, name, connector, task)?.properties,
        };
        let own = TopicOffsets::new(Arc::clone(&self.kafka), settings);
        Ok(Some(Arc::new(ConnectorOffsets::new(own, Arc::clone(&self.offsets)))))
    }

    /// The settings of a source task's producer.
    pub(super) fn source_producer(
        &self,
        config: &SourceConnectorConfig,
        connector: &Properties,
        task: usize,
    ) -> Result<ClientProperties> {
        let name = &config.common.name;
        if self.config.exactly_once().is_none() {
            return Ok(self.client(clients::source_producer(&self.config, name, connector, task)?));
        }
        let mut producer =
            self.client(clients::exactly_once_source_producer(&self.config, name, connector, task)?);
        if config.transaction_boundary == TransactionBoundary::Interval {
            // With Kafka's defaults the interval is as long as a broker waits for the end of a transaction.
            let timeout = config.transaction_boundary_interval + TRANSACTION_TIMEOUT;
            producer
                .entry("transaction.timeout.ms".to_owned())
                .or_insert_with(|| timeout.as_millis().to_string());
        }
        Ok(producer)
    }

    /// What a task needs to write exactly once; `None` where the worker does not.
    pub(super) fn exactly_once(
        &self,
        config: &SourceConnectorConfig,
        own: Option<&Arc<ConnectorOffsets>>,
        checks: Option<Arc<dyn ProducerChecks>>,
    ) -> Option<ExactlyOnceSpec> {
        self.config.exactly_once()?;
        let OffsetStorage::Topic(worker) = &self.config.offset_storage else { return None };
        let topic = config.offsets_storage_topic.as_ref().unwrap_or(&worker.name);
        Some(ExactlyOnceSpec {
            offsets_topic: Str::from(topic.as_str()),
            copy: own.map(|own| Arc::clone(own.worker())),
            boundary: config.transaction_boundary,
            interval: config.transaction_boundary_interval,
            checks,
        })
    }
}

async fn in_a_transaction(
    mut producer: Box<dyn Producer>,
    records: Vec<ProducerRecord>,
) -> kafka::Result<()> {
    let write = async {
        producer.init_transactions().await?;
        producer.begin_transaction().await?;
        let mut report = producer.send(Arc::new(records), false).await?.await;
        match report.failed.is_empty() {
            true => producer.commit_transaction().await,
            false => Err(report.failed.swap_remove(0).1),
        }
    };
    let written = write.await;
    // What was not committed is aborted with it.
    let closed = producer.close(CLOSE_TIMEOUT).await;
    written.and(closed)
}

/// Bootstrap servers, whatever their order.
fn servers(list: Option<&String>) -> BTreeSet<&str> {
    list.map(|list| list.split(',').map(str::trim).filter(|server| !server.is_empty()).collect())
        .unwrap_or_default()
}

/// It reads all partitions by itself.
fn without_group(settings: ClientSettings) -> ClientProperties {
    let mut properties = settings.properties;
    properties.remove("group.id");
    properties
}
