//! The Kafka Connect engine for Rust: runs connectors against Kafka, inside any tokio application.
//!
//! It configures, starts and stops connectors, takes their records through transformations and converters, moves bytes
//! to and from Kafka, and keeps account of what was delivered. [`Connect`] is the handle to it.
//!
//! # A pipeline inside a program
//!
//! The program feeds one end and is the other. Kafka is in memory here; with
//! [`bootstrap_servers`](ConnectBuilder::bootstrap_servers) it is a real one.
//!
//! ```
//! use connect_api::{Record, Schema, SchemaAndValue, SinkRecord};
//! use connect_runtime::{Connect, application};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (orders, source) = application::channel(1000);
//! let (seen, mut values) = tokio::sync::mpsc::channel(10);
//! let connect = Connect::builder()
//!     .in_memory()
//!     .property("key.converter", "StringConverter")
//!     .property("value.converter", "StringConverter")
//!     .plugins(|plugins| source.register(plugins, "Orders"))
//!     .plugins(move |plugins| {
//!         application::sink(plugins, "Print", move |batch: Vec<SinkRecord>| {
//!             let seen = seen.clone();
//!             async move {
//!                 for record in batch {
//!                     let _ = seen.send(record.record.value.value.to_string()).await;
//!                 }
//!                 Ok(())
//!             }
//!         });
//!     })
//!     .start()
//!     .await?;
//! connect.create("in", [("connector.class", "Orders")]).await?;
//! connect.create("out", [("connector.class", "Print"), ("topics", "orders")]).await?;
//!
//! let order = SchemaAndValue::new(Schema::STRING, "one coffee");
//! let written = orders.send(Record::new("orders", order)).await?;
//! println!("durable: {:?}", written.await?);
//! assert_eq!(values.recv().await.as_deref(), Some("one coffee"));
//! assert!(connect.shutdown().await?.is_clean());
//! # Ok(())
//! # }
//! ```
//!
//! # What it guarantees
//!
//! | of | holds | and it costs |
//! | --- | --- | --- |
//! | delivery | at least once: an offset is committed only when everything before it in its partition is settled | duplicates after a crash: records since the last commit |
//! | delivery with `exactly.once.source.id` | of sources exactly once, for readers of committed records: records and offsets are in one transaction | the end of a transaction behind each poll, or after an interval |
//! | order | records of one topic partition are written in the order in which one task handed them over, also when some are sent again | records behind one that cannot be sent wait |
//! | every record | ends as delivered, dropped by a transformation, skipped under `errors.tolerance=all`, or it fails its task; [`TaskMetrics`] adds up | |
//! | memory | queues are bounded: a source has at most 20,000 records or 64 batches under way | a slow Kafka slows the source down |
//! | a bad connector | one that hangs, panics or fails does so alone; control calls have a deadline | a task that does not stop in time is cut off |
//! | shutdown | drains, commits and closes within `task.shutdown.graceful.timeout.ms`, and [reports](ShutdownReport) what it cut off | |
//! | your application | no port is opened; no logger, metrics exporter or signal handler is installed | |
//! | secrets | values from config providers are taken out of statuses and log lines; a `Password` never prints | |
//!
//! Configuration keys, record formats and error texts are Kafka Connect's. The book lists every deviation with its
//! reason, and has tutorials.
//!
//! # Modules
//!
//! | module | what is there |
//! | --- | --- |
//! | crate root | [`Connect`] and what its calls answer |
//! | [`application`] | a channel as a source, a closure as a sink |
//! | [`dead_letters`] | what stands in a dead letter topic, and its way back |
//! | [`converters`] | Kafka's stock converters, registered by themselves |
//! | [`config`] | worker and connector configuration, config providers, files |
//! | `rest` (feature `rest`) | Kafka Connect's REST API |
//! | `telemetry` (feature `opentelemetry`) | the metrics through OpenTelemetry |
//! | `explain` (feature `json`) | what each stage of a connector makes of one record |
//!
//! # Features
//!
//! | feature | default | effect |
//! | --- | --- | --- |
//! | `krafka` | yes | the Kafka client of the crate `krafka`, with everything the engine can use |
//! | `json` | yes | `JsonConverter` |
//! | `native` | yes | producers and consumers of our own, which workers use unless `producer.client=krafka` or `consumer.client=krafka` chooses the others: far less CPU per record |
//! | `opentelemetry` | no | the metrics as instruments of an OpenTelemetry meter |
//! | `rest` | no | Kafka Connect's REST API as an `axum` router, and a server for it |
//! | `rskafka` | no | the client of the crate `rskafka`, used when `krafka` is off. It has no consumer groups, so it runs sources only |
//! | `zstd` | no | compression with zstd, for the client |
//!
//! Without any of them there is an engine on Kafka in memory: no network, no JSON records.

pub mod application;
pub mod config;
mod connect;
pub mod converters;
pub mod dead_letters;
mod error;
#[cfg(feature = "json")]
pub mod explain;
mod herder;
#[doc(hidden)]
pub mod kafka;
mod ledger;
mod loggers;
mod metrics;
mod pipeline;
#[cfg(feature = "rest")]
pub mod rest;
mod storage;
mod task;
#[cfg(feature = "opentelemetry")]
pub mod telemetry;
mod time;
#[cfg(feature = "rest")]
mod tls;
#[doc(hidden)]
pub mod wire;
mod worker;

pub use connect::{Connect, ConnectBuilder, ShutdownReport};
pub use error::{Error, Result};
#[doc(hidden)]
pub use herder::distributed::peers;
pub use herder::{Abandoned, ConnectorInfo, ConnectorStatus, ConnectorType, Herder, Restart};
pub use kafka::memory::MemoryKafka;
pub use ledger::{LedgerCounts, LedgerPartition, TaskLedger};
pub use loggers::{LoggerLevel, Loggers};
pub use metrics::{
    Histogram, Metric, MetricKind, MetricTemplate, MetricValue, Metrics, TaskMetrics, metric_templates,
};
pub use storage::{RestartStatus, State, Status};
pub use task::control::TargetState;
pub use wire::request_signature::RequestSignature;
pub use worker::offsets::{ConnectorOffset, ConnectorOffsets, JsonMap, OffsetChange, OffsetsPreview};
