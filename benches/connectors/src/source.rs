//! [`PerfSource`]: the same records again and again.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::config::Validator;
use connect_api::data::Struct;
use connect_api::{
    Config, ExactlyOnceSupport, Properties, Record, Result, Schema, SchemaAndValue, SourceConnector,
    SourceConnectorContext, SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext, Str,
};

/// The configuration of [`PerfSource`].
#[derive(Clone, Debug, Config)]
pub struct PerfSourceConfig {
    /// The topic to write to.
    #[config(importance = High)]
    pub topic: String,
    /// How many records each task emits; the last batch is a whole one.
    #[config(importance = High, default = 1_000_000)]
    pub records: i64,
    /// How many records one call of `poll` brings.
    #[config(importance = High, default = 2000, validate = Validator::at_least(1))]
    pub batch: i32,
    /// How long a record of the shape `bytes` is.
    #[config(importance = High, default = 100, validate = Validator::at_least(0))]
    pub size: i32,
    /// `bytes` or `struct`.
    #[config(importance = High, default = "bytes")]
    pub shape: String,
}

/// Emits records as fast as the runtime polls. The batch is built once and handed out again and again.
#[derive(Debug)]
pub struct PerfSource(Properties);

#[async_trait]
impl SourceConnector for PerfSource {
    type Config = PerfSourceConfig;
    type Task = PerfSourceTask;

    async fn start(config: PerfSourceConfig, _: SourceConnectorContext) -> Result<Self> {
        Ok(Self(config.to_properties()))
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.0.clone(); max_tasks])
    }

    fn exactly_once_support(_: &PerfSourceConfig) -> ExactlyOnceSupport {
        ExactlyOnceSupport::Supported
    }
}

/// The task of [`PerfSource`].
#[derive(Debug)]
pub struct PerfSourceTask {
    batch: Vec<SourceRecord>,
    left: i64,
}

#[async_trait]
impl SourceTask for PerfSourceTask {
    type Config = PerfSourceConfig;

    async fn start(config: PerfSourceConfig, _: SourceTaskContext) -> Result<Self> {
        let topic = Str::from(config.topic);
        let size = usize::try_from(config.size).unwrap_or_default();
        let partition = SourcePartition::of("task", "0");
        let row = row_schema()?;
        let mut batch = Vec::new();
        for number in 0..i64::from(config.batch) {
            let value = match config.shape.as_str() {
                "struct" => SchemaAndValue::new(row.clone(), row_of(&row, number)?),
                _ => SchemaAndValue::new(Schema::BYTES, letters(number, size)),
            };
            let record = Record::new(topic.clone(), value);
            batch.push(SourceRecord::new(partition.clone(), SourceOffset::of("n", number), record));
        }
        Ok(Self { batch, left: config.records })
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        if self.left <= 0 {
            tokio::time::sleep(max_wait.min(Duration::from_millis(200))).await;
            return Ok(Vec::new());
        }
        self.left -= self.batch.len() as i64;
        Ok(self.batch.clone())
    }
}

fn row_schema() -> Result<Schema> {
    Schema::structure()
        .name("perf.Row")
        .field("id", Schema::INT64)
        .field("name", Schema::STRING)
        .field("email", Schema::OPTIONAL_STRING)
        .field("amount", Schema::FLOAT64)
        .field("active", Schema::BOOLEAN)
        .build()
}

fn row_of(schema: &Schema, number: i64) -> Result<Struct> {
    let mut row = Struct::new(schema.clone())?;
    row.put("id", 1_000_000 + number)?;
    row.put("name", format!("customer-{number}"))?;
    row.put("email", format!("customer{number}@example.org"))?;
    row.put("amount", number as f64 * 1.25)?;
    row.put("active", number % 2 == 0)?;
    Ok(row)
}

/// Letters from `a` to `p` in an order that hardly compresses, other ones for each number.
fn letters(number: i64, size: usize) -> Bytes {
    let mut state = number.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let letter = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b'a' + (state >> 32).to_le_bytes()[0] % 16
    };
    (0..size).map(letter).collect::<Vec<_>>().into()
}
