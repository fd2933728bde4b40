//! Fencing: whoever initializes a transactional id takes it away from its earlier producers.

use std::time::Duration;

use futures::{FutureExt, StreamExt, TryStreamExt};
use krafka::CloseOptions;

use super::error::{failed, timed_out};
use crate::kafka::Result;

/// Enough to fence hundreds of tasks in a second, and few enough for any coordinator.
const AT_ONCE: usize = 16;

/// Fences the producers of these ids, several at once.
pub(super) async fn fence(kafka: &krafka::Kafka, ids: &[String], timeout: Duration) -> Result<()> {
    let each: Vec<_> = ids.iter().map(|id| fence_one(kafka.clone(), id.clone(), timeout).boxed()).collect();
    futures::stream::iter(each).buffer_unordered(AT_ONCE).try_collect().await
}

async fn fence_one(kafka: krafka::Kafka, id: String, timeout: Duration) -> Result<()> {
    let tried = format!("fencing the producers of `{id}`");
    let builder = kafka.producer().metrics_push(false).max_block(timeout);
    let producer = tokio::time::timeout(timeout, Box::pin(builder.build_transactional(id))).await;
    let producer = producer.map_err(|_| timed_out(&tried))?.map_err(|error| failed(&tried, error))?;
    producer.close_with(CloseOptions::new().timeout(timeout)).await.map_err(|error| failed(&tried, error))
}
