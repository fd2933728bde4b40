//! Java's client properties as settings of the client: one place for the names, the defaults and the limits.
//!
//! The defaults differ from Java's where measurements say so: larger record batches, larger polls.

mod connection;
mod consumer;
mod producer;

use crate::kafka::Result;
use crate::kafka::properties::Reader;

pub(super) use connection::{Connection, ConnectionLimits, api_timeout, connection};
pub(in crate::kafka) use consumer::ConsumerSettings;
pub(super) use consumer::consumer;
pub(super) use producer::{ProducerSettings, producer};

/// The client backs off up to a second, which is Java's default as well.
fn accept_java_default_backoff(reader: &mut Reader<'_>) -> Result<()> {
    let longest = reader.number("retry.backoff.max.ms", 0..=i64::MAX)?;
    if longest.is_some_and(|millis| millis != 1000) {
        tracing::warn!(key = "retry.backoff.max.ms", "this setting has no effect here: it is 1000");
    }
    for (key, default) in [("reconnect.backoff.ms", 50), ("reconnect.backoff.max.ms", 1000)] {
        let given = reader.number(key, 0..=i64::MAX)?;
        if given.is_some_and(|millis| millis != default) {
            tracing::warn!(
                key,
                "this setting has no effect here: the Kafka client paces reconnecting itself"
            );
        }
    }
    Ok(())
}
