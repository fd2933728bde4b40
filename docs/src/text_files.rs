//! A sink: every topic partition becomes a text file.

use std::collections::HashMap;
use std::path::PathBuf;

use connect_api::{
    Config, Error, Offsets, Plugins, Properties, Result, ResultExt, SinkConnector, SinkConnectorContext,
    SinkRecord, SinkTask, SinkTaskContext, TopicPartition, async_trait,
};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;

/// What the user sets.
#[derive(Debug, Clone, Config)]
pub struct TextFilesConfig {
    /// The directory to write to; it must exist.
    #[config(importance = High)]
    pub directory: PathBuf,
}

/// Divides the work: as many tasks as the user allows share the partitions.
#[derive(Debug)]
pub struct TextFilesSink {
    config: TextFilesConfig,
}

#[async_trait]
impl SinkConnector for TextFilesSink {
    type Config = TextFilesConfig;
    type Task = TextFilesTask;

    async fn start(config: TextFilesConfig, _context: SinkConnectorContext) -> Result<Self> {
        Ok(Self { config })
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.config.to_properties(); max_tasks])
    }
}

/// Writes the files of the partitions that it owns.
#[derive(Debug)]
pub struct TextFilesTask {
    config: TextFilesConfig,
    context: SinkTaskContext,
    files: HashMap<TopicPartition, File>,
}

#[async_trait]
impl SinkTask for TextFilesTask {
    type Config = TextFilesConfig;

    async fn start(config: TextFilesConfig, context: SinkTaskContext) -> Result<Self> {
        Ok(Self { config, context, files: HashMap::new() })
    }

    async fn open(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        for partition in partitions {
            let path = self.config.directory.join(format!("{partition}.txt"));
            let file = OpenOptions::new().create(true).append(true).open(&path).await;
            let file = file.fatal("open a file").map_err(|error| error.with("file", path.display()))?;
            self.files.insert(partition.clone(), file);
        }
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        for record in records {
            let Some(text) = record.record.value.value.as_str() else {
                // One bad record must not stop the others, if somebody takes care of it.
                let error = Error::data("the value is no text").with("offset", record.original_offset());
                match self.context.errant_record_reporter() {
                    Some(reporter) => drop(reporter.report(record, error)?),
                    None => return Err(error),
                }
                continue;
            };
            let file = self.files.get_mut(&record.original());
            let file =
                file.ok_or_else(|| Error::illegal_state("a record of a partition that is not open"))?;
            file.write_all(format!("{text}\n").as_bytes()).await.fatal("write a line")?;
        }
        Ok(())
    }

    async fn flush(&mut self, offsets: &Offsets) -> Result<()> {
        for partition in offsets.keys() {
            if let Some(file) = self.files.get_mut(partition) {
                file.flush().await.retriable("write the last lines")?;
                file.sync_data().await.retriable("force the file to the disk")?;
            }
        }
        Ok(())
    }

    async fn close(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.files.retain(|partition, _| !partitions.contains(partition));
        Ok(())
    }
}

/// Says what is in this crate.
pub fn register(plugins: &mut Plugins) {
    plugins.bundle(env!("CARGO_PKG_VERSION")).sink::<TextFilesSink>("TextFilesSink");
}
