//! A source of numbered records in several partitions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connect_api::plugins::PluginFuture;
use connect_api::{
    ConnectorTransactionBoundaries, Error, ExactlyOnceSupport, Properties, Record, RecordMetadata, Result,
    Schema, SchemaAndValue, SourceConnector, SourceConnectorContext, SourceOffset, SourcePartition,
    SourceRecord, SourceTask, SourceTaskContext, TransactionContext,
};
use connect_runtime::kafka::memory::TopicRecord;

use super::model::{Item, Outside, SourceModel};

const TOPIC: &str = "numbers";

pub(super) struct Numbers {
    outside: Outside,
    counts: BTreeMap<String, u64>,
    tasks: u64,
    hooks: bool,
    batch: u64,
    /// Of a source that writes exactly once: where its transactions end.
    boundary: Option<&'static str>,
}

impl Numbers {
    pub(super) fn exactly_once(outside: &Outside) -> Self {
        let boundary = match outside.below(3) {
            0 => "poll",
            1 => "interval",
            _ => "connector",
        };
        Self { boundary: Some(boundary), ..Self::new(outside) }
    }

    pub(super) fn new(outside: &Outside) -> Self {
        let partitions = 1 + outside.below(4);
        // The last record of a partition is delivered: a dropped one would leave its offset uncommitted.
        let count = || {
            let count = 8 + outside.below(24);
            if count % 7 == 4 { count + 1 } else { count }
        };
        Self {
            counts: (0..partitions).map(|partition| (format!("p{partition}"), count())).collect(),
            tasks: 1 + outside.below(2),
            hooks: outside.below(2) == 0,
            batch: 1 + outside.below(7),
            boundary: None,
            outside: outside.clone(),
        }
    }
}

impl SourceModel for Numbers {
    type Connector = NumbersSource;

    fn config(&self) -> Properties {
        let mut config = Properties::from([("tasks.max", self.tasks.to_string())]);
        if let Some(boundary) = self.boundary {
            config.insert("transaction.boundary", boundary);
            config.insert("exactly.once.support", "required");
        }
        config
    }

    fn start_task(
        self: Arc<Self>,
        config: Properties,
        context: SourceTaskContext,
    ) -> PluginFuture<Box<dyn SourceTask>> {
        Box::pin(async move {
            let number = |key: &str| config.get(key).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
            let (task, of) = (number("task"), number("of").max(1));
            let mine = self.counts.keys().enumerate().filter(|(index, _)| index % of == task);
            let mut positions = Vec::new();
            for (_, name) in mine {
                let partition = SourcePartition::of("partition", name.as_str());
                let stored = context.offset_storage_reader().offset(&partition).await?;
                let next = stored.and_then(|offset| offset.i64("next")).unwrap_or(0);
                positions.push((name.clone(), partition, u64::try_from(next).unwrap_or(0)));
            }
            let transactions = context.transaction_context();
            Ok(Box::new(NumbersTask { numbers: self, positions, transactions }) as Box<dyn SourceTask>)
        })
    }

    fn records(&self) -> BTreeMap<String, u64> {
        self.counts.clone()
    }

    fn topic(&self) -> String {
        TOPIC.to_owned()
    }

    fn identify(&self, record: &TopicRecord) -> Option<Item> {
        Item::parse(record.value_text()?).filter(|item| record.key_text() == Some(&item.partition))
    }

    fn position(&self, partition: &SourcePartition, offset: &SourceOffset) -> Option<Item> {
        let name = match partition.get("partition")? {
            connect_api::OffsetValue::String(name) => name.as_str().to_owned(),
            _ => return None,
        };
        Some(Item::new(name, u64::try_from(offset.i64("next")?).ok()?))
    }
}

pub(super) struct NumbersSource;

#[async_trait]
impl SourceConnector for NumbersSource {
    type Config = Properties;
    type Task = NumbersTask;

    async fn start(_: Properties, _: SourceConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        let of = max_tasks.to_string();
        Ok((0..max_tasks)
            .map(|task| Properties::from([("task", task.to_string()), ("of", of.clone())]))
            .collect())
    }

    fn exactly_once_support(_: &Properties) -> ExactlyOnceSupport {
        ExactlyOnceSupport::Supported
    }

    fn can_define_transaction_boundaries(_: &Properties) -> ConnectorTransactionBoundaries {
        ConnectorTransactionBoundaries::Supported
    }
}

pub(super) struct NumbersTask {
    numbers: Arc<Numbers>,
    /// Name, partition, next number.
    positions: Vec<(String, SourcePartition, u64)>,
    transactions: Option<TransactionContext>,
}

#[async_trait]
impl SourceTask for NumbersTask {
    type Config = Properties;

    async fn start(_: Properties, _: SourceTaskContext) -> Result<Self> {
        Err(Error::illegal_state("the model starts the task"))
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        let counts = &self.numbers.counts;
        let left = |(name, _, next): &(String, SourcePartition, u64)| {
            counts.get(name).copied().unwrap_or(0).saturating_sub(*next)
        };
        if self.positions.iter().all(|position| left(position) == 0) {
            tokio::time::sleep(max_wait).await;
            return Ok(Vec::new());
        }
        let read = || {
            let mut taken = Vec::new();
            for position in &self.positions {
                let (name, _, next) = position;
                let count = left(position).min(self.numbers.batch);
                taken.push(
                    (*next..next + count).map(|number| Item::new(name.as_str(), number)).collect::<Vec<_>>(),
                );
            }
            taken
        };
        let read = self.numbers.outside.call("read", read).await?;
        let mut records = Vec::new();
        for ((_, partition, next), items) in self.positions.iter_mut().zip(read) {
            for item in items {
                *next = item.number + 1;
                let offset = SourceOffset::of("next", i64::try_from(*next).unwrap_or(i64::MAX));
                let mut record = Record::new(TOPIC, SchemaAndValue::new(Schema::STRING, item.to_string()));
                record.key = SchemaAndValue::new(Schema::STRING, item.partition);
                records.push(SourceRecord::new(partition.clone(), offset, record));
            }
        }
        if let (Some(transactions), Some(last)) = (&self.transactions, records.last()) {
            let ended =
                self.positions.iter().all(|(name, _, next)| self.numbers.counts.get(name) == Some(next));
            match self.numbers.outside.below(3) {
                _ if ended => transactions.commit_transaction(),
                0 => transactions.commit_transaction_after(&records[records.len() / 2]),
                1 => transactions.commit_transaction_after(last),
                _ => {}
            }
        }
        Ok(records)
    }

    fn wants_record_commits(&self) -> bool {
        self.numbers.hooks
    }

    async fn commit_record(&mut self, _: &SourceRecord, _: Option<&RecordMetadata>) -> Result<()> {
        Ok(())
    }
}
