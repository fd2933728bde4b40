//! The contract that connectors, converters and transformations for Kafka Connect in Rust implement.
//!
//! # What a connector is
//!
//! A connector moves records between Kafka and another system. A *source* reads the other system and hands records
//! to the runtime, which writes them to Kafka; a *sink* gets records that the runtime read from Kafka and writes them
//! to the other system.
//!
//! Each comes in two parts. The [connector](SourceConnector) looks at the whole job and divides it: it answers one
//! configuration per task. The [tasks](SourceTask) move the data, each on its own, maybe on different machines.
//! Between a task and Kafka stand [transformations](Transformation), which edit single records, and
//! [converters](Converter), which turn typed data into bytes and back.
//!
//! The runtime does the rest: it starts and stops, retries, keeps offsets, reports bad records, spreads tasks over
//! workers and answers the REST API. What is written against this crate runs unchanged in a test, embedded in an
//! application, and on a cluster.
//!
//! # A complete source
//!
//! It emits 0, 1, 2, … up to a count, and continues after a restart where it was.
//!
//! ```
//! use std::time::Duration;
//!
//! use connect_api::{
//!     Config, Plugins, Properties, Record, Result, Schema, SchemaAndValue, SourceConnector, SourceConnectorContext,
//!     SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext, async_trait,
//! };
//!
//! /// One field is one key; its comment is the documentation of the key.
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
//! /// Decides which tasks there are: one.
//! pub struct CounterSource {
//!     config: CounterConfig,
//! }
//!
//! #[async_trait]
//! impl SourceConnector for CounterSource {
//!     type Config = CounterConfig;
//!     type Task = CounterTask;
//!
//!     async fn start(config: CounterConfig, _context: SourceConnectorContext) -> Result<Self> {
//!         Ok(Self { config })
//!     }
//!
//!     async fn task_configs(&mut self, _max_tasks: usize) -> Result<Vec<Properties>> {
//!         Ok(vec![self.config.to_properties()])
//!     }
//! }
//!
//! /// Moves the data.
//! pub struct CounterTask {
//!     config: CounterConfig,
//!     partition: SourcePartition,
//!     next: i64,
//! }
//!
//! #[async_trait]
//! impl SourceTask for CounterTask {
//!     type Config = CounterConfig;
//!
//!     async fn start(config: CounterConfig, context: SourceTaskContext) -> Result<Self> {
//!         let partition = SourcePartition::of("counter", "main");
//!         let stored = context.offset_storage_reader().offset(&partition).await?;
//!         let next = stored.and_then(|offset| offset.i64("next")).unwrap_or(0);
//!         Ok(Self { config, partition, next })
//!     }
//!
//!     async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
//!         if self.next >= self.config.count {
//!             tokio::time::sleep(max_wait).await;
//!             return Ok(vec![]);
//!         }
//!         let value = SchemaAndValue::new(Schema::INT64, self.next);
//!         self.next += 1;
//!         Ok(vec![SourceRecord::new(
//!             self.partition.clone(),
//!             SourceOffset::of("next", self.next),
//!             Record::new(self.config.topic.as_str(), value),
//!         )])
//!     }
//! }
//!
//! /// Says what is in this crate. An application calls it for its runtime.
//! pub fn register(plugins: &mut Plugins) {
//!     plugins
//!         .bundle(env!("CARGO_PKG_VERSION"))
//!         .source::<CounterSource>("CounterSource")
//!         .alias("org.example.CounterSourceConnector");
//! }
//!
//! let mut plugins = Plugins::default();
//! register(&mut plugins);
//! let source = plugins.find_source("org.example.CounterSourceConnector")?;
//! let values = source.validate(&Properties::from([("count", "many")]));
//! assert_eq!(values[0].error_messages, ["Missing required configuration \"topic\" which has no default value."]);
//! assert_eq!(values[1].error_messages, ["Invalid value many for configuration count: Not a number of type LONG"]);
//! #
//! # struct Host;
//! # #[async_trait]
//! # impl connect_api::host::OffsetHost for Host {
//! #     async fn offsets(&self, partitions: &[SourcePartition]) -> Result<Vec<Option<SourceOffset>>> {
//! #         Ok(vec![Some(SourceOffset::of("next", 7)); partitions.len()])
//! #     }
//! # }
//! # #[async_trait]
//! # impl connect_api::host::SourceTaskHost for Host {
//! #     async fn configs(&self) -> Result<Properties> {
//! #         Ok(Properties::new())
//! #     }
//! #     fn transactions(&self) -> Option<std::sync::Arc<dyn connect_api::host::TransactionRequests>> {
//! #         None
//! #     }
//! # }
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # let records = runtime.block_on(async {
//! #     let context = SourceTaskContext::new(std::sync::Arc::new(Host));
//! #     let mut task = source.start_task(Properties::from([("topic", "numbers")]), context).await?;
//! #     task.poll(Duration::ZERO).await
//! # })?;
//! # assert_eq!(records[0].source_offset, SourceOffset::of("next", 8));
//! # assert_eq!(records[0].record.topic.as_str(), "numbers");
//! # Ok::<(), connect_api::Error>(())
//! ```
//!
//! # The modules
//!
//! | module | what is there |
//! | --- | --- |
//! | [`source`] | [`SourceConnector`], [`SourceTask`], source partitions and offsets |
//! | [`sink`] | [`SinkConnector`], [`SinkTask`], [`ErrantRecordReporter`] |
//! | [`data`] | [`Schema`], [`Value`], [`Struct`]: typed data as Kafka Connect knows it |
//! | [`header`] | [`Headers`], typed and raw |
//! | [`transform`] | [`Transformation`], [`Predicate`] |
//! | [`config`] | [`Config`] and its derive, [`ConfigDef`], [`Password`], [`ConfigProvider`] |
//! | [`plugins`] | [`Plugins`]: names, aliases, versions |
//! | crate root | [`Converter`], [`HeaderConverter`], [`Record`], [`Error`] and everything above that most authors need |
//!
//! All kinds of plugins have one shape: a typed half that makes an instance from its configuration (`where Self:
//! Sized`) and a half that works behind a pointer. Errors say by their [kind](ErrorKind) what shall happen; there is
//! no other channel.
//!
//! # What this SDK refuses to do
//!
//! * It performs no I/O, spawns nothing, reads no clock and no environment, and has no opinion on an async runtime.
//! * It registers nothing behind your back: a plugin exists for a process because its `main` says so.
//! * It does not turn foreign errors into its own by `?`: whether a pipeline stops or tries again is decided in the
//!   open, with [`ResultExt`].
//! * It does not let a transformation see or change the offset that a record came with.
//! * It has no string-keyed getters for configurations: a task never parses text.
//! * It shows no [`Password`] in any `Debug`, message or answer.
//!
//! # Features
//!
//! | feature | default | effect |
//! | --- | --- | --- |
//! | `derive` | yes | `#[derive(Config)]` and `#[derive(ConfigEnum)]` |
//! | `serde` | no | `Serialize` and `Deserialize` for data and [`Properties`] |

// The derive macro writes `::connect_api::…`, also inside this crate.
#[allow(unused_extern_crates, reason = "used where the derive is, which may be tests only")]
extern crate self as connect_api;

pub mod config;
mod converter;
pub mod data;
mod error;
pub mod header;
#[doc(hidden)]
pub mod host;
pub mod plugins;
mod record;
pub mod sink;
pub mod source;
pub mod transform;

pub use async_trait::async_trait;
pub use bytes::{Bytes, BytesMut};

#[cfg(feature = "derive")]
pub use connect_derive::{Config, ConfigEnum};

pub use config::{
    Config, ConfigData, ConfigDef, ConfigEnum, ConfigKey, ConfigProvider, ConfigValue, Password, Properties,
};
pub use converter::{Converter, ConverterType, DataItem, Encoded, HeaderConverter, RawItem};
pub use data::{Schema, SchemaAndValue, Str, Struct, Value};
pub use error::{BoxError, Error, ErrorKind, Result, ResultExt};
pub use header::{Header, Headers, RawHeaders};
pub use plugins::{Bundle, Plugins};
pub use record::{Record, RecordMetadata, TimestampType};
pub use sink::{
    ErrantRecordReporter, Offsets, SinkConnector, SinkConnectorContext, SinkRecord, SinkTask,
    SinkTaskContext, TopicPartition,
};
pub use source::{
    ConnectorTransactionBoundaries, ExactlyOnceSupport, OffsetStorageReader, OffsetValue, SourceConnector,
    SourceConnectorContext, SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext,
    TransactionContext,
};
pub use transform::{Outcome, Predicate, Target, Transformation};
