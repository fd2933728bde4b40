//! The source offsets of one connector in a topic of its own (`offsets.storage.topic`).

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::Result;
use tokio::sync::OnceCell;

use super::OffsetBackingStore;
use super::topic::TopicOffsets;

/// Two levels: the connector's topic counts, and what it does not have stands in the worker's store, from a time before
/// the connector had its topic. The worker's store gets a copy of everything, so that the topic can be given up again.
///
/// The topic is opened when it is needed first, or by [`open`](Self::open).
pub(crate) struct ConnectorOffsets {
    own: TopicOffsets,
    opened: OnceCell<()>,
    worker: Arc<dyn OffsetBackingStore>,
}

impl ConnectorOffsets {
    pub(crate) fn new(own: TopicOffsets, worker: Arc<dyn OffsetBackingStore>) -> Self {
        Self { own, opened: OnceCell::new(), worker }
    }

    /// Makes the topic if it is missing, and reads it.
    pub(crate) async fn open(&self) -> Result<()> {
        self.opened.get_or_try_init(|| self.own.start()).await.copied()
    }

    /// The worker's store.
    pub(crate) fn worker(&self) -> &Arc<dyn OffsetBackingStore> {
        &self.worker
    }
}

/// Writes a copy of offsets that are safe already. A failure harms nobody as long as the connector keeps its topic.
pub(crate) async fn copy(store: Arc<dyn OffsetBackingStore>, entries: Vec<(Bytes, Option<Bytes>)>) {
    if !entries.is_empty()
        && let Err(error) = store.set(entries).await
    {
        tracing::warn!(error = %error.trace(), "source offsets could not be copied to the worker's own offsets");
    }
}

#[async_trait]
impl OffsetBackingStore for ConnectorOffsets {
    async fn start(&self) -> Result<()> {
        self.open().await
    }

    async fn get(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>> {
        self.open().await?;
        let older = self.worker.get(keys).await?;
        let own = self.own.get(keys).await?;
        Ok(own.into_iter().zip(older).map(|(own, older)| own.or(older)).collect())
    }

    async fn entries(&self) -> Result<Vec<(Bytes, Bytes)>> {
        self.open().await?;
        let mut entries: BTreeMap<_, _> = self.worker.entries().await?.into_iter().collect();
        entries.extend(self.own.entries().await?);
        Ok(entries.into_iter().collect())
    }

    async fn set(&self, entries: Vec<(Bytes, Option<Bytes>)>) -> Result<()> {
        self.open().await?;
        let (kept, removed): (Vec<_>, Vec<_>) =
            entries.iter().cloned().partition(|(_, value)| value.is_some());
        if !removed.is_empty() {
            // First, and for certain: what only the connector's topic forgot would come back from here.
            self.worker.set(removed).await?;
        }
        self.own.set(entries).await?;
        copy(Arc::clone(&self.worker), kept).await;
        Ok(())
    }

    async fn stop(&self) -> Result<()> {
        self.own.stop().await
    }
}
