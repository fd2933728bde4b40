//! [`SqliteSink`]: records become rows, each exactly once.

use connect_api::Config as _;
use connect_api::{
    Error, Properties, Result, ResultExt, SinkConnector, SinkConnectorContext, SinkRecord, SinkTask,
    SinkTaskContext, TopicPartition, async_trait,
};

use crate::SqliteSinkConfig;
use crate::cell::cell;
use crate::store::{Place, Row, Store};

/// Writes records to tables of an SQLite database, and with them how far it has come.
#[derive(Debug)]
pub struct SqliteSink {
    config: SqliteSinkConfig,
}

#[async_trait]
impl SinkConnector for SqliteSink {
    type Config = SqliteSinkConfig;
    type Task = SqliteSinkTask;

    async fn start(config: Self::Config, _context: SinkConnectorContext) -> Result<Self> {
        Ok(Self { config })
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.config.to_properties(); max_tasks])
    }

    /// The offsets that count are in the database, so they are altered there, too.
    async fn alter_offsets(config: Self::Config, offsets: &[(TopicPartition, Option<i64>)]) -> Result<bool> {
        let offsets: Vec<_> =
            offsets.iter().map(|(partition, offset)| (place(&config, partition), *offset)).collect();
        let mut store = store(&config);
        blocking(move || store.alter(&offsets)).await??;
        Ok(true)
    }
}

/// The task of [`SqliteSink`].
pub struct SqliteSinkTask {
    config: SqliteSinkConfig,
    context: SinkTaskContext,
    /// `None` while a thread uses it, and after that was interrupted.
    store: Option<Store>,
}

impl std::fmt::Debug for SqliteSinkTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteSinkTask").field("config", &self.config).finish_non_exhaustive()
    }
}

fn store(config: &SqliteSinkConfig) -> Store {
    Store::new(config.database.clone(), &config.offsets_table, config.busy_timeout)
}

fn place(config: &SqliteSinkConfig, partition: &TopicPartition) -> Place {
    (config.table(partition.topic.as_str()), partition.clone())
}

/// Runs a call that blocks on a thread for such calls.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(call).await.fatal("use the database")
}

impl SqliteSinkTask {
    async fn with_store<T: Send + 'static>(
        &mut self,
        call: impl FnOnce(&mut Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Some(mut store) = self.store.take() else {
            return Err(Error::illegal_state("The task was stopped while it used the database"));
        };
        let (store, result) = blocking(move || {
            let result = call(&mut store);
            (store, result)
        })
        .await?;
        self.store = Some(store);
        if result.as_ref().is_err_and(Error::is_retriable) {
            self.context.timeout(self.config.retry_backoff);
        }
        result
    }
}

#[async_trait]
impl SinkTask for SqliteSinkTask {
    type Config = SqliteSinkConfig;

    async fn start(config: Self::Config, context: SinkTaskContext) -> Result<Self> {
        let store = Some(store(&config));
        let mut task = Self { config, context, store };
        task.with_store(Store::open).await?;
        Ok(task)
    }

    /// Goes back, or on, to where the database says: that is what has been written.
    async fn open(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let places: Vec<_> = partitions.iter().map(|partition| place(&self.config, partition)).collect();
        let stored = self.with_store(move |store| store.stored(&places)).await?;
        self.context.offset(&stored);
        Ok(())
    }

    /// Rows and offsets are durable when this returns, so the default `pre_commit` tells the truth: what was put may
    /// be committed.
    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = records
            .iter()
            .map(|record| Row {
                table: self.config.table(record.original_topic()),
                partition: record.original(),
                offset: record.original_offset(),
                timestamp: record.record.timestamp,
                key: cell(&record.record.key.value),
                value: cell(&record.record.value.value),
            })
            .collect();
        self.with_store(move |store| store.write(&rows)).await
    }
}
