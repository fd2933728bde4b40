//! The config topic of a cluster: read by every worker, written by the leader.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connect_api::{Error, Properties, Result};
use tokio::sync::Notify;

use super::state::{Changes, ClusterConfig, Reader};
use crate::kafka::{ClientProperties, IsolationLevel, Kafka};
use crate::storage::internal;
use crate::storage::log::{LogRecord, LogSettings, LogTopic, TopicLog};
use crate::wire::config_topic::{ConfigRecord, SessionKey, TargetState};

/// How long a write may take until it is read back.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How the store is opened.
pub(crate) struct ConfigStoreSettings {
    pub(crate) topic: LogTopic,
    /// Whether the topic is made when it is missing.
    pub(crate) create: bool,
    /// The leader's transactional producer, where exactly-once support asks for it.
    pub(crate) privileged: Option<ClientProperties>,
}

/// See the module.
pub(crate) struct ConfigStore {
    log: TopicLog,
    shared: Arc<Shared>,
    privileged: Option<ClientProperties>,
}

#[derive(Default)]
struct Shared {
    reader: Mutex<Reader>,
    changed: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, record: &LogRecord) {
        let Some(key) = &record.key else { return record.skipped("it has no key") };
        match ConfigRecord::decode(key, record.value.as_deref()) {
            Ok(decoded) => {
                let mut reader = self.lock();
                reader.apply(record.offset, decoded);
                if !reader.changes.is_empty() {
                    self.changed.notify_one();
                }
            }
            Err(error) => record.skipped(&error.trace()),
        }
    }
}

impl ConfigStore {
    /// Opens the topic and reads it to its end.
    pub(crate) async fn open(kafka: &Arc<dyn Kafka>, settings: ConfigStoreSettings) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let apply = Arc::clone(&shared);
        let isolation = match settings.privileged {
            Some(_) => IsolationLevel::ReadCommitted,
            None => IsolationLevel::ReadUncommitted,
        };
        let topic = settings.topic.topic.name.clone();
        let log = TopicLog::open(
            kafka,
            LogSettings {
                topic: settings.topic,
                purpose: internal::CONFIGS,
                create: settings.create,
                isolation,
            },
            Box::new(move |record| apply.apply(&record)),
        )
        .await?;
        if log.partitions() != 1 {
            return Err(Error::config(
                "config.storage.topic",
                format!(
                    "Topic '{topic}' supplied via the 'config.storage.topic' property is required to have a single \
                     partition in order to guarantee consistency of connector configurations, but found {} partitions.",
                    log.partitions()
                ),
            ));
        }
        shared.lock().started = true;
        Ok(Self { log, shared, privileged: settings.privileged })
    }

    /// Closes the clients of the topic. What is known stays; nothing can be written any more.
    pub(crate) async fn close(&self) {
        self.log.close().await;
    }

    /// What is known now.
    pub(crate) fn snapshot(&self) -> Arc<ClusterConfig> {
        Arc::clone(&self.shared.lock().config)
    }

    /// What has changed since the last call.
    pub(crate) fn take_changes(&self) -> Changes {
        std::mem::take(&mut self.shared.lock().changes)
    }

    /// Resolves when something has changed. Cancel-safe.
    pub(crate) async fn changed(&self) {
        loop {
            if !self.shared.lock().changes.is_empty() {
                return;
            }
            self.shared.changed.notified().await;
        }
    }

    /// Reads to the end of the topic.
    pub(crate) async fn refresh(&self, timeout: Duration) -> Result<()> {
        self.log.read_to_end(timeout).await
    }

    /// Takes the right to write from the leader before, where transactions are used. Called by a new leader.
    pub(crate) async fn claim_write_privileges(&self) -> Result<()> {
        match &self.privileged {
            Some(producer) => self.log.claim(producer.clone()).await,
            None => Ok(()),
        }
    }

    async fn write(&self, records: &[ConfigRecord]) -> Result<()> {
        let entries = records.iter().map(ConfigRecord::encode).collect();
        match self.privileged {
            Some(_) => self.log.write_in_transaction(entries).await,
            None => self.log.write(entries).await,
        }
    }

    async fn write_and_read(&self, records: &[ConfigRecord]) -> Result<()> {
        self.write(records).await?;
        self.refresh(TIMEOUT).await
    }

    /// Creates a connector or changes its configuration. Leader only.
    pub(crate) async fn put_connector(
        &self,
        name: &str,
        config: Properties,
        state: Option<TargetState>,
    ) -> Result<()> {
        let mut records = Vec::with_capacity(2);
        if state.is_some() {
            records.push(ConfigRecord::TargetState { connector: name.to_owned(), state });
        }
        records.push(ConfigRecord::Connector { name: name.to_owned(), config: Some(config) });
        self.write_and_read(&records).await
    }

    /// Deletes a connector. Leader only.
    pub(crate) async fn remove_connector(&self, name: &str) -> Result<()> {
        let connector = || name.to_owned();
        self.write_and_read(&[
            ConfigRecord::Connector { name: connector(), config: None },
            ConfigRecord::TargetState { connector: connector(), state: None },
        ])
        .await
    }

    /// Replaces the tasks of a connector. Leader only.
    pub(crate) async fn put_tasks(&self, connector: &str, configs: &[Properties]) -> Result<()> {
        self.refresh(TIMEOUT).await?;
        let name = || connector.to_owned();
        if !configs.is_empty() {
            let tasks = configs.iter().enumerate();
            let tasks: Vec<_> = tasks
                .map(|(task, config)| ConfigRecord::Task {
                    connector: name(),
                    task,
                    config: Some(config.clone()),
                })
                .collect();
            self.write_and_read(&tasks).await?;
        }
        self.write_and_read(&[ConfigRecord::Commit { connector: name(), tasks: Some(configs.len()) }]).await
    }

    /// Says in which state a connector shall be. Any worker may.
    pub(crate) async fn put_target_state(&self, connector: &str, state: TargetState) -> Result<()> {
        let record = ConfigRecord::TargetState { connector: connector.to_owned(), state: Some(state) };
        self.log.write(vec![record.encode()]).await
    }

    /// Asks for a restart. Leader only.
    pub(crate) async fn put_restart(
        &self,
        connector: &str,
        include_tasks: bool,
        only_failed: bool,
    ) -> Result<()> {
        self.write(&[ConfigRecord::Restart { connector: connector.to_owned(), include_tasks, only_failed }])
            .await
    }

    /// Gives the cluster a new key. Leader only.
    pub(crate) async fn put_session_key(&self, key: SessionKey) -> Result<()> {
        self.write_and_read(&[ConfigRecord::SessionKey(key)]).await
    }

    /// Notes how many producers a later fencing has to reach. Leader only.
    pub(crate) async fn put_task_count_record(&self, connector: &str, task_count: i64) -> Result<()> {
        self.write_and_read(&[ConfigRecord::TasksFencing { connector: connector.to_owned(), task_count }])
            .await
    }

    /// Sets the level of a logger on every worker. Any worker may.
    pub(crate) async fn put_logger_level(&self, logger: &str, level: &str) -> Result<()> {
        let record = ConfigRecord::Logger { logger: logger.to_owned(), level: level.to_owned() };
        self.log.write(vec![record.encode()]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::NewTopic;
    use crate::kafka::memory::MemoryKafka;

    fn settings() -> ConfigStoreSettings {
        let configs = std::collections::BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
        ConfigStoreSettings {
            topic: LogTopic {
                topic: NewTopic {
                    name: "configs".into(),
                    partitions: Some(1),
                    replication_factor: None,
                    configs,
                },
                producer: ClientProperties::new(),
                consumer: ClientProperties::from([("auto.offset.reset".to_owned(), "earliest".to_owned())]),
                admin: ClientProperties::new(),
            },
            create: true,
            privileged: None,
        }
    }

    async fn open(kafka: &MemoryKafka, settings: ConfigStoreSettings) -> ConfigStore {
        let kafka: Arc<dyn Kafka> = Arc::new(kafka.clone());
        ConfigStore::open(&kafka, settings).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_worker_writes_the_others_hear() {
        let kafka = MemoryKafka::new();
        let (writer, reader) = (open(&kafka, settings()).await, open(&kafka, settings()).await);
        let config = Properties::from([("name", "c")]);
        writer.put_connector("c", config.clone(), Some(TargetState::Paused)).await.unwrap();
        writer.put_tasks("c", &[Properties::from([("a", "1")])]).await.unwrap();
        assert_eq!(writer.snapshot().task_count("c"), 1, "a write is seen by whoever wrote it");
        reader.refresh(TIMEOUT).await.unwrap();
        let changes = reader.take_changes();
        assert!(changes.connectors.contains("c") && changes.tasks.contains("c"));
        let known = reader.snapshot();
        assert_eq!(known.connector("c").unwrap().as_ref(), &config);
        assert_eq!((known.target("c"), known.offset()), (TargetState::Paused, writer.snapshot().offset()));

        writer.remove_connector("c").await.unwrap();
        reader.changed().await;
        reader.refresh(TIMEOUT).await.unwrap();
        assert!(!reader.snapshot().contains("c"));
        let late = open(&kafka, settings()).await;
        assert!(late.take_changes().is_empty() && !late.snapshot().contains("c"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_poisoned_record_is_skipped_and_counts_for_no_offset() {
        let kafka = MemoryKafka::new();
        let store = open(&kafka, settings()).await;
        store.put_connector("c", Properties::from([("name", "c")]), None).await.unwrap();
        let offset = store.snapshot().offset();
        kafka.produce("configs", "connector-c", "{garbage");
        kafka.produce("configs", "commit-c", "[]");
        store.refresh(TIMEOUT).await.unwrap();
        assert_eq!(store.snapshot().offset(), offset);
        store.put_target_state("c", TargetState::Stopped).await.unwrap();
        store.refresh(TIMEOUT).await.unwrap();
        assert_eq!(store.snapshot().target("c"), TargetState::Stopped);
        assert_eq!(store.snapshot().offset(), offset + 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_that_was_replaced_cannot_write() {
        let kafka = MemoryKafka::new();
        let privileged = || {
            let producer =
                ClientProperties::from([("transactional.id".to_owned(), "connect-cluster-g".to_owned())]);
            ConfigStoreSettings { privileged: Some(producer), ..settings() }
        };
        let (old, new) = (open(&kafka, privileged()).await, open(&kafka, privileged()).await);
        let config = || Properties::from([("name", "c")]);
        assert!(old.put_connector("c", config(), None).await.is_err(), "nobody has claimed the right");
        old.claim_write_privileges().await.unwrap();
        old.put_connector("c", config(), None).await.unwrap();
        new.claim_write_privileges().await.unwrap();
        assert!(old.put_connector("d", config(), None).await.is_err());
        new.put_connector("e", config(), None).await.unwrap();
        let known = new.snapshot();
        assert_eq!(known.connectors().collect::<Vec<_>>(), ["c", "e"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_with_several_partitions_is_refused() {
        let kafka = MemoryKafka::new();
        let mut settings = settings();
        settings.topic.topic.partitions = Some(2);
        let kafka: Arc<dyn Kafka> = Arc::new(kafka);
        let error = ConfigStore::open(&kafka, settings).await.err().unwrap().to_string();
        assert!(
            error.contains("required to have a single partition") && error.contains("found 2"),
            "{error}"
        );
    }
}
