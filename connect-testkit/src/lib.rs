//! Harnesses, contract suites and latches for authors of connectors, converters and transformations.
//!
//! A dev-dependency. Nothing here needs Kafka, a network or time: a paused tokio clock makes every wait free.
//!
//! # Three ways to test a connector
//!
//! | question | tool |
//! | --- | --- |
//! | Does my code do what I mean? | [`SourceHarness`], [`SinkHarness`], [`transform`], [`converter`] |
//! | Does it keep the contract that the runtime builds on? | [`source_contract!`], [`sink_contract!`], [`converter_contract!`], [`config_contract!`] |
//! | Does it work in a pipeline? | [`connect`], the whole runtime on Kafka in memory |
//!
//! Below is a tiny connector with a test of each kind.
//!
//! ```
//! use std::time::Duration;
//!
//! use connect_api::{
//!     Config, Plugins, Properties, Record, Result, Schema, SchemaAndValue, SourceConnector, SourceConnectorContext,
//!     SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext, Value, async_trait,
//! };
//! use connect_testkit::{SourceFixture, SourceHarness, values};
//!
//! // The connector: it emits 0, 1, 2, … up to a count.
//!
//! #[derive(Debug, Clone, Config)]
//! pub struct CounterConfig {
//!     /// The topic to publish data to.
//!     #[config(importance = High)]
//!     pub topic: String,
//!
//!     /// How many numbers to emit.
//!     #[config(default = 100)]
//!     pub count: i64,
//! }
//!
//! pub struct CounterSource(CounterConfig);
//!
//! #[async_trait]
//! impl SourceConnector for CounterSource {
//!     type Config = CounterConfig;
//!     type Task = CounterTask;
//!
//!     async fn start(config: CounterConfig, _: SourceConnectorContext) -> Result<Self> {
//!         Ok(Self(config))
//!     }
//!
//!     async fn task_configs(&mut self, _max_tasks: usize) -> Result<Vec<Properties>> {
//!         Ok(vec![self.0.to_properties()])
//!     }
//! }
//!
//! pub struct CounterTask {
//!     config: CounterConfig,
//!     next: i64,
//! }
//!
//! #[async_trait]
//! impl SourceTask for CounterTask {
//!     type Config = CounterConfig;
//!
//!     async fn start(config: CounterConfig, context: SourceTaskContext) -> Result<Self> {
//!         let stored = context.offset_storage_reader().offset(&SourcePartition::of("counter", 0)).await?;
//!         Ok(Self { config, next: stored.and_then(|offset| offset.i64("next")).unwrap_or(0) })
//!     }
//!
//!     async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
//!         if self.next >= self.config.count {
//!             tokio::time::sleep(max_wait).await;
//!             return Ok(vec![]);
//!         }
//!         let record = Record::new(self.config.topic.as_str(), SchemaAndValue::new(Schema::INT64, self.next));
//!         self.next += 1;
//!         let offset = SourceOffset::of("next", self.next);
//!         Ok(vec![SourceRecord::new(SourcePartition::of("counter", 0), offset, record)])
//!     }
//! }
//!
//! pub fn register(plugins: &mut Plugins) {
//!     plugins.bundle(env!("CARGO_PKG_VERSION")).source::<CounterSource>("CounterSource");
//! }
//!
//! // One question about this connector. In a test crate it is a `#[tokio::test(start_paused = true)]`.
//!
//! async fn resumes_after_the_last_committed_offset() -> Result<()> {
//!     let mut source = SourceHarness::<CounterSource>::start([("topic", "t"), ("count", "5")]).await?;
//!     source.poll_until(3).await?;
//!     source.commit().await?;
//!     source.poll_until(1).await?; // polled, never committed
//!
//!     let mut source = source.restart().await?;
//!     let got = source.poll_until(2).await?;
//!     assert_eq!(values(&got), [Value::Int64(3), Value::Int64(4)]);
//!     Ok(())
//! }
//!
//! // The contract, in one file of a connector crate, `tests/contract.rs`: a `#[test]` for each clause.
//!
//! struct Fixture;
//! impl SourceFixture for Fixture {
//!     type Connector = CounterSource;
//!
//!     fn config(&self) -> Properties {
//!         Properties::from([("topic", "t")])
//!     }
//!
//!     fn idle_config(&self) -> Properties {
//!         self.config().with("count", "0")
//!     }
//!
//!     async fn write(&self, n: usize) -> Vec<SchemaAndValue> {
//!         (0..n as i64).map(|number| SchemaAndValue::new(Schema::INT64, number)).collect()
//!     }
//! }
//! connect_testkit::source_contract!(Fixture);
//! connect_testkit::config_contract!(register);
//!
//! // A pipeline: worker, herder and Kafka in this process.
//!
//! async fn numbers_arrive_in_kafka() {
//!     let connect = connect_testkit::connect().plugins(register).start().await;
//!     let config = [("connector.class", "CounterSource"), ("topic", "numbers"), ("count", "10")];
//!     connect.create("counter", config).await.unwrap();
//!     let records = connect.expect_records("numbers", 10).await;
//!     assert_eq!(records[9].value_text(), Some("9"));
//!     assert!(connect.shutdown().await.unwrap().is_clean());
//! }
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<()> {
//! #     resumes_after_the_last_committed_offset().await?;
//! #     numbers_arrive_in_kafka().await;
//! #     Ok(())
//! # }
//! ```
//!
//! # Faults
//!
//! [`TestConnect::kafka`] is a Kafka that fails on command: [`fail_next`](MemoryKafka::fail_next) an
//! [`Operation`], [`hold`](MemoryKafka::hold) its answers, [`stop_broker`](MemoryKafka::stop_broker).
//!
//! # Waiting
//!
//! A test waits for what should happen, not for a time in which it should have happened: [`Latch`] counts events,
//! [`Journal`] keeps them, and every `expect_…` of [`TestConnect`] waits and says what it missed.

mod arbitrary;
mod connect;
pub mod contract;
mod converter;
#[doc(hidden)]
pub mod doc;
mod latch;
mod record;
pub mod simulation;
mod sink;
mod source;
mod transform;

pub use arbitrary::Arbitrary;
pub use connect::{TestConnect, TestConnectBuilder, connect};
pub use contract::{Clock, ConverterFixture, SinkFixture, SourceFixture};
pub use converter::{converter, decode, encode, round_trip};
pub use latch::{Journal, Latch, PATIENCE};
pub use record::{AsRecord, keys, values};
pub use sink::{SinkHarness, SinkOptions, sink_task};
pub use source::{Boundary, SourceHarness, SourceOptions, source_task};
pub use transform::{apply, predicate, transform};

pub use connect_runtime::kafka::KafkaErrorKind;
pub use connect_runtime::kafka::memory::{MemoryKafka, MemoryKafkaConfig, Operation, Payload, TopicRecord};
