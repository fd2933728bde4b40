//! A source: every file of a directory becomes a record, in the order of the names.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use connect_api::{
    Config, Plugins, Properties, Record, Result, ResultExt, Schema, SchemaAndValue, SourceConnector,
    SourceConnectorContext, SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext,
    async_trait,
};

/// What the user sets.
#[derive(Debug, Clone, Config)]
pub struct SpoolConfig {
    /// The topic to publish data to.
    #[config(importance = High)]
    pub topic: String,

    /// The directory to watch.
    #[config(importance = High)]
    pub directory: PathBuf,

    /// The largest number of files read at once.
    #[config(default = 100, importance = Low)]
    pub batch_size: NonZeroUsize,
}

/// Decides which tasks there are: one.
#[derive(Debug)]
pub struct SpoolSource {
    config: SpoolConfig,
}

#[async_trait]
impl SourceConnector for SpoolSource {
    type Config = SpoolConfig;
    type Task = SpoolTask;

    async fn start(config: SpoolConfig, _context: SourceConnectorContext) -> Result<Self> {
        Ok(Self { config })
    }

    async fn task_configs(&mut self, _max_tasks: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.config.to_properties()])
    }
}

/// Reads the files.
#[derive(Debug)]
pub struct SpoolTask {
    config: SpoolConfig,
    partition: SourcePartition,
    /// The name of the last file that was read.
    last: String,
}

impl SpoolTask {
    /// The names that come after the last one, in order.
    async fn new_files(&self) -> Result<Vec<String>> {
        let mut entries =
            tokio::fs::read_dir(&self.config.directory).await.retriable("list the directory")?;
        let mut names = Vec::new();
        while let Some(entry) = entries.next_entry().await.retriable("list the directory")? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name > self.last {
                names.push(name);
            }
        }
        names.sort();
        names.truncate(self.config.batch_size.get());
        Ok(names)
    }
}

#[async_trait]
impl SourceTask for SpoolTask {
    type Config = SpoolConfig;

    async fn start(config: SpoolConfig, context: SourceTaskContext) -> Result<Self> {
        let partition = SourcePartition::of("directory", config.directory.to_string_lossy().as_ref());
        let stored = context.offset_storage_reader().offset(&partition).await?;
        let last = stored.and_then(|offset| offset.str("file").map(str::to_owned)).unwrap_or_default();
        Ok(Self { config, partition, last })
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        let names = self.new_files().await?;
        if names.is_empty() {
            tokio::time::sleep(max_wait).await;
        }
        let mut records = Vec::with_capacity(names.len());
        for name in names {
            let text = tokio::fs::read_to_string(self.config.directory.join(&name)).await;
            let text = text.fatal("read a file").map_err(|error| error.with("file", &name))?;
            let record = Record::new(self.config.topic.as_str(), SchemaAndValue::new(Schema::STRING, text))
                .with_key(SchemaAndValue::new(Schema::STRING, name.as_str()));
            let offset = SourceOffset::of("file", name.as_str());
            records.push(SourceRecord::new(self.partition.clone(), offset, record));
            self.last = name;
        }
        Ok(records)
    }
}

/// Says what is in this crate.
pub fn register(plugins: &mut Plugins) {
    plugins.bundle(env!("CARGO_PKG_VERSION")).source::<SpoolSource>("SpoolSource");
}
