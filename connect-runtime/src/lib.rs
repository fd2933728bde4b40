//! The Kafka Connect engine for Rust: runs connectors against Kafka, inside any tokio application.

#[doc(hidden)]
pub mod kafka;
mod time;
