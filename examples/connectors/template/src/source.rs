//! [`CounterSource`] and its task.

use std::time::Duration;

use connect_api::{
    Config, Error, ExactlyOnceSupport, Properties, Record, Result, Schema, SchemaAndValue, SourceConnector,
    SourceConnectorContext, SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext, Str,
    async_trait,
};

use crate::CounterSourceConfig;

/// Decides which tasks there are. A counter needs one; a database would divide its tables among `max_tasks`.
#[derive(Debug)]
pub struct CounterSource {
    config: CounterSourceConfig,
}

#[async_trait]
impl SourceConnector for CounterSource {
    type Config = CounterSourceConfig;
    type Task = CounterTask;

    async fn start(config: CounterSourceConfig, _context: SourceConnectorContext) -> Result<Self> {
        Ok(Self { config })
    }

    async fn task_configs(&mut self, _max_tasks: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.config.to_properties()])
    }

    /// Say so when every record has its own offset and the task can resume from any of them.
    fn exactly_once_support(_config: &CounterSourceConfig) -> ExactlyOnceSupport {
        ExactlyOnceSupport::Supported
    }

    /// Somebody wants to set or remove offsets by hand: refuse what `start` of the task could not use.
    async fn alter_offsets(
        _config: CounterSourceConfig,
        offsets: &[(SourcePartition, Option<SourceOffset>)],
    ) -> Result<bool> {
        for (_, offset) in offsets {
            if let Some(offset) = offset
                && offset.i64(NEXT).is_none_or(|next| next < 0)
            {
                return Err(Error::connect("An offset must contain `next`, a number of at least 0"));
            }
        }
        Ok(true)
    }
}

/// The key in the source offset: the number that comes after the record.
const NEXT: &str = "next";

/// Moves the data: emits 0, 1, 2, …
#[derive(Debug)]
pub struct CounterTask {
    config: CounterSourceConfig,
    topic: Str,
    partition: SourcePartition,
    next: i64,
}

#[async_trait]
impl SourceTask for CounterTask {
    type Config = CounterSourceConfig;

    /// Connect to the other system here, and find out where to continue.
    async fn start(config: CounterSourceConfig, context: SourceTaskContext) -> Result<Self> {
        let partition = SourcePartition::of("counter", "main");
        let stored = context.offset_storage_reader().offset(&partition).await?;
        let next = stored.and_then(|offset| offset.i64(NEXT)).unwrap_or(0);
        let topic = Str::from(config.topic.as_str());
        Ok(Self { config, topic, partition, next })
    }

    /// Await the other system here, for `max_wait` at most. The future is dropped only when the task stops, so
    /// nothing is lost between two awaits.
    async fn poll(&mut self, _max_wait: Duration) -> Result<Vec<SourceRecord>> {
        let end = self.config.count.unwrap_or(i64::MAX).min(self.next.saturating_add(self.batch_size()));
        let mut records = Vec::new();
        while self.next < end {
            let value = SchemaAndValue::new(Schema::INT64, self.next);
            self.next += 1;
            // The offset says where to continue *after* this record.
            records.push(SourceRecord::new(
                self.partition.clone(),
                SourceOffset::of(NEXT, self.next),
                Record::new(self.topic.clone(), value),
            ));
        }
        Ok(records)
    }
}

impl CounterTask {
    fn batch_size(&self) -> i64 {
        i64::try_from(self.config.batch_size.get()).unwrap_or(i64::MAX)
    }
}
