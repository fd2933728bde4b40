//! The Kafka Connect engine for Rust: runs connectors against Kafka, inside any tokio application.

pub mod application;
pub mod config;
mod connect;
pub mod converters;
mod error;
mod herder;
#[doc(hidden)]
pub mod kafka;
mod metrics;
mod pipeline;
mod storage;
mod task;
mod time;
mod wire;
mod worker;

pub use connect::{Connect, ConnectBuilder, ShutdownReport};
pub use error::{Error, Result};
pub use herder::{Abandoned, ConnectorInfo, ConnectorStatus, ConnectorType, Herder, Restart};
pub use kafka::memory::MemoryKafka;
pub use metrics::TaskMetrics;
pub use storage::{State, Status};
pub use task::control::TargetState;
