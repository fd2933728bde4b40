//! Builds a task: its converters, transformations, clients and settings, out of the connector's configuration.

use std::sync::Arc;

use connect_api::config::Properties;
use connect_api::plugins::{ConnectorPlugin, SinkPlugin, SourcePlugin};
use connect_api::{Error, Result, Str};
use futures::future::BoxFuture;

use super::{TaskStart, Worker, stages};
use crate::config::clients::{ClientSettings, Store};
use crate::config::{
    self, ConnectorConfig, DeadLetterQueue, InternalTopic, SinkConnectorConfig, SourceConnectorConfig,
    TopicSelection, WorkerConfig,
};
use crate::kafka::{ClientProperties, NewTopic, Subscription};
use crate::pipeline::{DeadLetters, LetterQueue, Operator, SinkPipeline, SourcePipeline, Stages};
use crate::storage::TopicSettings;
use crate::storage::status::TopicTracker;
use crate::task::dead_letters::DeadLetterSpec;
use crate::task::sink::SinkTaskSpec;
use crate::task::source::{SourceTaskSpec, TopicCreator};
use crate::task::{TaskCommon, sink, source};

impl Worker {
    /// Builds a task and runs it to its end. An error makes it `FAILED`.
    pub(crate) async fn run_task(self: Arc<Self>, start: TaskStart) -> Result<()> {
        match self.plugin(&start.connector.properties)? {
            ConnectorPlugin::Source(plugin) => {
                let spec = self.source_task(start, plugin).await?;
                source::run(spec).await
            }
            ConnectorPlugin::Sink(plugin) => {
                let spec = self.sink_task(start, plugin)?;
                sink::run(spec).await
            }
        }
    }
}

pub(super) fn new_topic(topic: &InternalTopic) -> NewTopic {
    NewTopic {
        name: Str::from(topic.name.as_str()),
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        configs: topic.configs.clone(),
    }
}

/// What the offsets topic looks like, and the clients that reach it.
pub(super) fn offset_topic(config: &WorkerConfig, topic: &InternalTopic) -> TopicSettings {
    TopicSettings {
        key: "offset.storage.topic",
        topic: new_topic(topic),
        producer: Some(config::clients::store_producer(config, Store::Offsets).properties),
        consumer: config::clients::store_consumer(config, Store::Offsets).properties,
        admin: config::clients::shared_admin(config).properties,
    }
}

impl Worker {
    async fn source_task(self: &Arc<Self>, start: TaskStart, plugin: SourcePlugin) -> Result<SourceTaskSpec> {
        let config = SourceConnectorConfig::parse(&start.connector.properties, &self.config)?;
        let task = start.id.task;
        let (name, properties) = (&config.common.name, &start.connector.properties);
        let producer = self.source_producer(&config, properties, task)?;
        let own_offsets = self.own_offsets(name, properties, Some(task))?;
        let offsets = match &own_offsets {
            Some(own) => Arc::clone(own) as _,
            None => Arc::clone(&self.offsets),
        };
        let exactly_once = self.exactly_once(&config, own_offsets.as_ref(), start.checks.clone());
        let lanes = stages::lanes(&self.plugins, &config.common)?;
        let (letters, dead_letters) =
            self.dead_letters(&start, &config.common, config.dead_letter_queue.as_ref(), &lanes)?;
        let operator = self.operator(&config.common, &start, letters);
        let pipeline = SourcePipeline::new(lanes, operator);
        let topics = match &config.topic_creation {
            Some(creation) => {
                let creation = creation.clone();
                let admin = self.client(config::clients::admin(
                    &self.config,
                    &config.common.name,
                    &start.connector.properties,
                    Some(task),
                )?);
                let settings = move |topic: &str| {
                    let settings = creation.for_topic(topic);
                    NewTopic {
                        name: Str::from(topic),
                        partitions: settings.partitions,
                        replication_factor: settings.replication_factor,
                        configs: settings.configs.clone(),
                    }
                };
                Some(TopicCreator::new(self.kafka.admin(&admin).await?, Box::new(settings)))
            }
            None => None,
        };
        Ok(SourceTaskSpec {
            configs: self.latest(&start),
            common: self.common(&start),
            start: Box::new(move |config, context| plugin.start_task(config, context)),
            config: start.config,
            pipeline,
            kafka: Arc::clone(&self.kafka),
            producer,
            exactly_once,
            topics,
            dead_letters,
            offsets,
            own_offsets,
        })
    }

    fn sink_task(self: &Arc<Self>, start: TaskStart, plugin: SinkPlugin) -> Result<SinkTaskSpec> {
        let config = SinkConnectorConfig::parse(&start.connector.properties, &self.config)?;
        let consumer = self.client(config::clients::sink_consumer(
            &self.config,
            &config.common.name,
            &start.connector.properties,
            start.id.task,
        )?);
        let capabilities = self.kafka.capabilities();
        if !capabilities.groups {
            return Err(Error::unsupported(format!(
                "A sink needs a consumer group, which the Kafka client {} cannot provide; run this worker with the \
                 client krafka",
                capabilities.name
            )));
        }
        let subscription = match &config.topics {
            TopicSelection::Topics(topics) => {
                Subscription::Topics(topics.iter().map(|topic| Str::from(topic.as_str())).collect())
            }
            TopicSelection::Pattern(pattern) => Subscription::Pattern(pattern.as_str().to_owned()),
        };
        let lanes = stages::lanes(&self.plugins, &config.common)?;
        let (letters, dead_letters) =
            self.dead_letters(&start, &config.common, config.dead_letter_queue.as_ref(), &lanes)?;
        Ok(SinkTaskSpec {
            configs: self.latest(&start),
            common: self.common(&start),
            start: Box::new(move |config, context| plugin.start_task(config, context)),
            pipeline: SinkPipeline::new(lanes, self.operator(&config.common, &start, letters.clone())),
            reporter: self.operator(&config.common, &start, letters),
            dead_letters,
            config: start.config,
            kafka: Arc::clone(&self.kafka),
            consumer,
            subscription,
        })
    }

    /// The settings of a client, after saying which of the user's do not hold.
    pub(super) fn client(&self, settings: ClientSettings) -> ClientProperties {
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        settings.properties
    }

    fn common(&self, start: &TaskStart) -> TaskCommon {
        TaskCommon {
            id: start.id.clone(),
            control: start.control.clone(),
            statuses: Arc::clone(&self.statuses),
            counters: Arc::clone(&start.counters),
            topics: self.config.topic_tracking_enable.then(|| TopicTracker {
                statuses: Arc::clone(&self.statuses),
                connector: Arc::clone(&start.id.connector),
                task: start.id.task,
            }),
            secrets: Arc::clone(&start.connector),
            offset_flush_interval: self.config.offset_flush_interval,
            offset_flush_timeout: self.config.offset_flush_timeout,
        }
    }

    fn operator(
        &self,
        config: &ConnectorConfig,
        start: &TaskStart,
        letters: Option<Arc<DeadLetters>>,
    ) -> Operator {
        let secrets = Arc::clone(&start.connector);
        let counters = Arc::clone(&start.counters);
        Operator::new(config.errors.clone(), start.id.to_string(), counters, secrets, letters)
    }

    /// What makes dead letters of a task's bad records, and the clients and the topic for them.
    fn dead_letters(
        &self,
        start: &TaskStart,
        common: &ConnectorConfig,
        queue: Option<&DeadLetterQueue>,
        lanes: &[Stages],
    ) -> Result<(Option<Arc<DeadLetters>>, Option<DeadLetterSpec>)> {
        let (Some(config), Some(lane)) = (queue, lanes.first()) else { return Ok((None, None)) };
        let topic = Str::from(config.topic.as_str());
        let (name, connector, task) = (&common.name, &start.connector.properties, start.id.task);
        let producer = config::clients::dlq_producer(&self.config, name, connector, task)?;
        let admin = config::clients::dlq_admin(&self.config, name, connector, task)?;
        let queue = Arc::new(LetterQueue::new(topic.clone(), Arc::clone(&start.counters)));
        let spec = DeadLetterSpec {
            queue: Arc::clone(&queue),
            topic: NewTopic {
                name: topic,
                partitions: Some(1),
                replication_factor: Some(config.replication_factor),
                configs: std::collections::BTreeMap::new(),
            },
            producer: self.client(producer),
            admin: self.client(admin),
        };
        let letters = DeadLetters {
            queue,
            context_headers: config.context_headers,
            connector: Arc::clone(&start.id.connector),
            task,
            converters: Arc::clone(&lane.converters),
        };
        Ok((Some(Arc::new(letters)), Some(spec)))
    }

    /// Resolves the task's configuration anew. What the connector made of resolved values stays as it was.
    fn latest(
        self: &Arc<Self>,
        start: &TaskStart,
    ) -> Arc<dyn Fn() -> BoxFuture<'static, Result<Properties>> + Send + Sync> {
        let (worker, raw, task) = (Arc::clone(self), start.raw.clone(), start.config.clone());
        Arc::new(move || {
            let (worker, raw, mut task) = (Arc::clone(&worker), raw.clone(), task.clone());
            Box::pin(async move {
                let latest = worker.transformer.resolve(&raw).await?.properties;
                for (key, value) in latest.iter() {
                    if task.contains_key(key) {
                        task.insert(key, value);
                    }
                }
                Ok(task)
            })
        })
    }
}
