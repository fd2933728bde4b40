//! A source that always has records and a sink that counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::config::NoConfig;
use connect_api::{
    Config, Plugins, Properties, Record, Result, Schema, SchemaAndValue, SinkConnector, SinkConnectorContext,
    SinkRecord, SinkTask, SinkTaskContext, SourceConnector, SourceConnectorContext, SourceOffset,
    SourcePartition, SourceRecord, SourceTask, SourceTaskContext, Str, Value,
};

/// How many records the sinks of this process were given.
pub(crate) static TAKEN: AtomicU64 = AtomicU64::new(0);

/// One 100-byte payload of the kind that a cell moves.
pub(crate) fn payload(n: u64) -> String {
    // Six flat members, as a small event has them; 100 bytes with the digits filled up.
    format!(
        r#"{{"id":{n:010},"user":"u{:06}","amount":{}.25,"ok":true,"tag":"abcdefgh","note":"{:0>21}"}}"#,
        n % 1_000_000,
        100 + n % 900,
        n % 1000,
    )
}

#[derive(Debug, Clone, Config)]
pub(crate) struct BenchSourceConfig {
    /// The topic to write to.
    #[config(importance = High)]
    pub(crate) topic: String,
    /// How many records to make.
    #[config(importance = High)]
    pub(crate) count: i64,
    /// `bytes`, `string` or `json`.
    #[config(importance = High)]
    pub(crate) shape: String,
}

pub(crate) struct BenchSource(Properties);

#[async_trait]
impl SourceConnector for BenchSource {
    type Config = BenchSourceConfig;
    type Task = BenchSourceTask;

    async fn start(config: BenchSourceConfig, _: SourceConnectorContext) -> Result<Self> {
        Ok(Self(config.to_properties()))
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.0.clone()])
    }
}

pub(crate) struct BenchSourceTask {
    topic: Str,
    count: i64,
    next: i64,
    partition: SourcePartition,
    /// Made once: the benchmark is about the engine, not about making records.
    values: Vec<SchemaAndValue>,
}

#[async_trait]
impl SourceTask for BenchSourceTask {
    type Config = BenchSourceConfig;

    async fn start(config: BenchSourceConfig, _: SourceTaskContext) -> Result<Self> {
        let values = (0..2000)
            .map(|n| {
                let text = payload(n);
                match config.shape.as_str() {
                    "bytes" => SchemaAndValue::new(Schema::BYTES, Value::Bytes(Bytes::from(text))),
                    "json" => SchemaAndValue::new(None, map(n)),
                    _ => SchemaAndValue::new(Schema::STRING, text),
                }
            })
            .collect();
        Ok(Self {
            topic: config.topic.into(),
            count: config.count,
            next: 0,
            partition: SourcePartition::of("bench", "0"),
            values,
        })
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        let batch = (self.count - self.next).min(2000);
        if batch == 0 {
            tokio::time::sleep(max_wait).await;
            return Ok(Vec::new());
        }
        let records = self.values[..usize::try_from(batch).unwrap_or_default()]
            .iter()
            .enumerate()
            .map(|(i, value)| {
                SourceRecord::new(
                    self.partition.clone(),
                    SourceOffset::of("n", self.next + i as i64),
                    Record::new(self.topic.clone(), value.clone()),
                )
            })
            .collect();
        self.next += batch;
        Ok(records)
    }
}

fn map(n: u64) -> Value {
    let mut map = connect_api::data::Map::new();
    map.insert("id", n as i64);
    map.insert("user", format!("u{n:06}"));
    map.insert("amount", 100.25 + (n % 900) as f64);
    map.insert("ok", true);
    map.insert("tag", "abcdefgh");
    map.insert("note", format!("{n:0>21}"));
    map.into()
}

pub(crate) struct CountSink;

#[async_trait]
impl SinkConnector for CountSink {
    type Config = NoConfig;
    type Task = CountSinkTask;

    async fn start(_: NoConfig, _: SinkConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![Properties::new()])
    }
}

pub(crate) struct CountSinkTask;

#[async_trait]
impl SinkTask for CountSinkTask {
    type Config = NoConfig;

    async fn start(_: NoConfig, _: SinkTaskContext) -> Result<Self> {
        Ok(Self)
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        TAKEN.fetch_add(records.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

pub(crate) fn register(plugins: &mut Plugins) {
    plugins
        .bundle(env!("CARGO_PKG_VERSION"))
        .source::<BenchSource>("BenchSource")
        .sink::<CountSink>("CountSink");
}

/// Shared by the raw producer: the same payloads.
pub(crate) fn payloads() -> Arc<Vec<Bytes>> {
    Arc::new((0..2000).map(|n| Bytes::from(payload(n))).collect())
}
