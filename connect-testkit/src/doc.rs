//! The small plugins that the examples of this crate test.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use connect_api::{
    Bytes, BytesMut, Config, Converter, ConverterType, Encoded, Error, Outcome, Properties, RawHeaders,
    Record, Result, ResultExt, Schema, SchemaAndValue, SinkConnector, SinkConnectorContext, SinkRecord,
    SinkTask, SinkTaskContext, SourceConnector, SourceConnectorContext, SourceOffset, SourcePartition,
    SourceRecord, SourceTask, SourceTaskContext, Str, Transformation, Value, async_trait,
};

/// What [`CounterSource`] is told.
#[derive(Clone, Debug, Config)]
pub struct CounterConfig {
    /// The topic to publish data to.
    #[config(importance = High)]
    pub topic: String,

    /// How many numbers to emit.
    #[config(default = 100)]
    pub count: i64,
}

/// Emits 0, 1, 2, … up to a count.
#[derive(Debug)]
pub struct CounterSource {
    config: CounterConfig,
}

#[async_trait]
impl SourceConnector for CounterSource {
    type Config = CounterConfig;
    type Task = CounterTask;

    async fn start(config: CounterConfig, _: SourceConnectorContext) -> Result<Self> {
        Ok(Self { config })
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.config.to_properties()])
    }
}

/// The task of [`CounterSource`].
#[derive(Debug)]
pub struct CounterTask {
    config: CounterConfig,
    partition: SourcePartition,
    next: i64,
}

#[async_trait]
impl SourceTask for CounterTask {
    type Config = CounterConfig;

    async fn start(config: CounterConfig, context: SourceTaskContext) -> Result<Self> {
        let partition = SourcePartition::of("counter", "main");
        let stored = context.offset_storage_reader().offset(&partition).await?;
        Ok(Self { config, partition, next: stored.and_then(|offset| offset.i64("next")).unwrap_or(0) })
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        if self.next >= self.config.count {
            tokio::time::sleep(max_wait).await;
            return Ok(vec![]);
        }
        let value = SchemaAndValue::new(Schema::INT64, self.next);
        self.next += 1;
        let record = Record::new(self.config.topic.as_str(), value);
        Ok(vec![SourceRecord::new(self.partition.clone(), SourceOffset::of("next", self.next), record)])
    }
}

/// What [`ListSink`] is told.
#[derive(Clone, Debug, Config)]
pub struct ListConfig {
    /// The list to write to.
    #[config(importance = High)]
    pub list: String,
}

static LISTS: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());

/// Writes the text of every value to a list of this process.
#[derive(Debug)]
pub struct ListSink {
    config: ListConfig,
}

impl ListSink {
    /// What was written to a list.
    pub fn taken(list: &str) -> Vec<String> {
        LISTS.lock().unwrap_or_else(PoisonError::into_inner).get(list).cloned().unwrap_or_default()
    }
}

#[async_trait]
impl SinkConnector for ListSink {
    type Config = ListConfig;
    type Task = ListTask;

    async fn start(config: ListConfig, _: SinkConnectorContext) -> Result<Self> {
        Ok(Self { config })
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.config.to_properties(); max_tasks])
    }
}

/// The task of [`ListSink`]. It refuses null values.
#[derive(Debug)]
pub struct ListTask {
    config: ListConfig,
    context: SinkTaskContext,
}

#[async_trait]
impl SinkTask for ListTask {
    type Config = ListConfig;

    async fn start(config: ListConfig, context: SinkTaskContext) -> Result<Self> {
        Ok(Self { config, context })
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let reporter = self.context.errant_record_reporter();
        let mut texts = Vec::new();
        for record in records {
            match (record.record.value.value.as_str(), &reporter) {
                (Some(text), _) => texts.push(text.to_owned()),
                (None, Some(reporter)) => {
                    drop(reporter.report(record, Error::data("a list takes text only"))?)
                }
                (None, None) => return Err(Error::data("a list takes text only")),
            }
        }
        let mut lists = LISTS.lock().unwrap_or_else(PoisonError::into_inner);
        lists.entry(self.config.list.clone()).or_default().extend(texts);
        Ok(())
    }
}

/// What [`Shout`] is told.
#[derive(Clone, Debug, Config)]
pub struct ShoutConfig {
    /// What is written behind the topic.
    #[config(default = "")]
    pub suffix: String,
}

/// Writes topics in capital letters.
#[derive(Debug)]
pub struct Shout(ShoutConfig);

impl Transformation for Shout {
    type Config = ShoutConfig;

    fn configure(config: ShoutConfig) -> Result<Self> {
        Ok(Self(config))
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        record.topic = format!("{}{}", record.topic.to_uppercase(), self.0.suffix).into();
        Ok(Outcome::Keep)
    }
}

/// What [`Plain`] is told.
#[derive(Clone, Debug, Config)]
pub struct PlainConfig {
    /// The encoding of the text.
    #[config(default = "utf-8")]
    pub encoding: String,
}

/// Writes text as it is.
#[derive(Debug)]
pub struct Plain;

impl Converter for Plain {
    type Config = PlainConfig;

    fn configure(_: PlainConfig, _: ConverterType) -> Result<Self> {
        Ok(Self)
    }

    fn to_connect_data(&self, _: &str, _: &RawHeaders, bytes: Option<&Bytes>) -> Result<SchemaAndValue> {
        let Some(bytes) = bytes else { return Ok(SchemaAndValue::NULL) };
        Ok(SchemaAndValue::schemaless(Str::from_utf8(bytes.clone()).data_err("read text")?))
    }

    fn from_connect_data(
        &self,
        _: &str,
        _: &mut RawHeaders,
        data: &SchemaAndValue,
        out: &mut BytesMut,
    ) -> Result<Encoded> {
        match &data.value {
            Value::Null => Ok(Encoded::Null),
            Value::String(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(Encoded::Appended)
            }
            _ => Err(Error::data("this converter writes text only")),
        }
    }
}
