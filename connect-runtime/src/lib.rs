//! The Kafka Connect engine for Rust: runs connectors against Kafka, inside any tokio application.

pub mod config;
pub mod converters;
mod error;
#[doc(hidden)]
pub mod kafka;
mod metrics;
mod pipeline;
mod storage;
mod task;
mod time;
mod wire;

pub use error::{Error, Result};
pub use metrics::TaskMetrics;
