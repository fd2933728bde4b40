//! Commits source offsets: every interval, and once at the end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use connect_api::{Error, Result, SourceOffset, SourcePartition};
use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::metrics::{TaskCounters, add};
use crate::storage::OffsetBackingStore;
use crate::wire;

type OffsetMap = HashMap<SourcePartition, SourceOffset>;

/// The offsets of one task on their way into the store.
pub(super) struct OffsetCommits {
    connector: Arc<str>,
    store: Arc<dyn OffsetBackingStore>,
    interval: Duration,
    timeout: Duration,
    counters: Arc<TaskCounters>,
    /// What the next flush writes.
    pub(super) committable: OffsetMap,
    flushing: Option<(BoxFuture<'static, Result<()>>, OffsetMap)>,
    /// When the round under way began.
    began: Instant,
    next: Instant,
    /// A round has ended well and the task has not heard of it.
    pub(super) committed: bool,
}

impl OffsetCommits {
    pub(super) fn new(
        connector: Arc<str>,
        store: Arc<dyn OffsetBackingStore>,
        interval: Duration,
        timeout: Duration,
        counters: Arc<TaskCounters>,
    ) -> Self {
        Self {
            connector,
            store,
            interval,
            timeout,
            counters,
            committable: HashMap::new(),
            flushing: None,
            began: Instant::now(),
            next: Instant::now() + interval,
            committed: false,
        }
    }

    /// Waits for the next step of the next round and takes it. Cancel-safe.
    pub(super) async fn drive(&mut self) {
        match &mut self.flushing {
            Some((write, _)) => {
                let result = write.await;
                self.end(result);
            }
            None => {
                tokio::time::sleep_until(self.next).await;
                self.begin();
            }
        }
    }

    /// A whole round, now.
    pub(super) async fn flush(&mut self) {
        if self.flushing.is_some() {
            self.drive().await;
        }
        self.begin();
        if self.flushing.is_some() {
            self.drive().await;
        }
    }

    fn begin(&mut self) {
        // Never at once: a round that is always due would leave no turn to anything else.
        self.next = Instant::now() + self.interval.max(Duration::from_millis(1));
        if self.committable.is_empty() {
            add(&self.counters.commits, 1);
            self.committed = true;
            return;
        }
        self.began = Instant::now();
        let taken = std::mem::take(&mut self.committable);
        let entries = taken
            .iter()
            .map(|(partition, offset)| {
                let key = wire::offset::encode_key(&self.connector, partition);
                (key, Some(wire::offset::encode_value(offset)))
            })
            .collect();
        let (store, timeout) = (Arc::clone(&self.store), self.timeout);
        let write = async move {
            match tokio::time::timeout(timeout, store.set(entries)).await {
                Ok(result) => result,
                Err(_) => {
                    Err(Error::retriable("the offset store did not answer within offset.flush.timeout.ms")
                        .with("offset.flush.timeout.ms", timeout.as_millis()))
                }
            }
        };
        self.flushing = Some((Box::pin(write), taken));
    }

    fn end(&mut self, result: Result<()>) {
        let Some((_, taken)) = self.flushing.take() else { return };
        match result {
            Ok(()) => {
                self.counters.commit_times.record(self.began.elapsed());
                add(&self.counters.commits, 1);
                self.committed = true;
            }
            Err(error) => {
                add(&self.counters.commit_failures, 1);
                tracing::error!(
                    error = %error.trace(),
                    "source offsets could not be committed; they are kept and tried again in the next round"
                );
                // Newer offsets win over those that could not be written.
                for (partition, offset) in taken {
                    self.committable.entry(partition).or_insert(offset);
                }
            }
        }
    }
}
