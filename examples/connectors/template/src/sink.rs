//! [`CollectingSink`] and its task.

use connect_api::{
    Config, ErrantRecordReporter, Error, Offsets, Properties, Result, SinkConnector, SinkConnectorContext,
    SinkRecord, SinkTask, SinkTaskContext, TopicPartition, Value, async_trait,
};

use crate::{CollectingSinkConfig, store};

/// Decides which tasks there are. The tasks of a sink share the partitions, so they are all alike.
#[derive(Debug)]
pub struct CollectingSink {
    config: CollectingSinkConfig,
}

#[async_trait]
impl SinkConnector for CollectingSink {
    type Config = CollectingSinkConfig;
    type Task = CollectingTask;

    async fn start(config: CollectingSinkConfig, _context: SinkConnectorContext) -> Result<Self> {
        Ok(Self { config })
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.config.to_properties(); max_tasks])
    }
}

/// Moves the data: values wait in a buffer, and are written before their offsets are committed.
#[derive(Debug)]
pub struct CollectingTask {
    collection: String,
    reporter: Option<ErrantRecordReporter>,
    buffer: Vec<(TopicPartition, Value)>,
}

#[async_trait]
impl SinkTask for CollectingTask {
    type Config = CollectingSinkConfig;

    /// Connect to the other system here.
    async fn start(config: CollectingSinkConfig, context: SinkTaskContext) -> Result<Self> {
        let reporter = context.errant_record_reporter();
        Ok(Self { collection: config.collection, reporter, buffer: Vec::new() })
    }

    /// Take the records over. When the other system is busy, answer a retriable error: the same records come again,
    /// so nothing of them may have been taken yet.
    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let taken = self.buffer.len();
        for record in records {
            let value = &record.record.value.value;
            if !value.is_null() {
                self.buffer.push((record.original(), value.clone()));
                continue;
            }
            // One bad record among good ones goes to the dead letter queue, if there is one.
            let error = Error::data("A collection takes no null").with("offset", record.original_offset());
            let reported = match &self.reporter {
                Some(reporter) => reporter.report(record, error).map(drop),
                None => Err(error),
            };
            if let Err(error) = reported {
                self.buffer.truncate(taken);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Make everything durable: after this call the offsets are committed, and the records never come again.
    async fn flush(&mut self, _offsets: &Offsets) -> Result<()> {
        store::append(&self.collection, self.buffer.drain(..).map(|(_, value)| value));
        Ok(())
    }

    /// These partitions go to another task, after a last flush. What is still here of them would come twice.
    async fn close(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.buffer.retain(|(partition, _)| !partitions.contains(partition));
        Ok(())
    }
}
