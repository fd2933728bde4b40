//! Copies of the offsets of a connector that has a topic of its own for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::kafka::ProducerRecord;
use crate::storage::{self, OffsetBackingStore};

/// A key of the offsets topic and its value.
pub(super) type Entry = (Bytes, Option<Bytes>);

/// Offsets that are committed already, on their way into the worker's own store. Nobody waits for them but the end of
/// the task; newer ones replace those that wait.
#[derive(Default)]
pub(super) struct Copies {
    /// `None` where there is nothing to copy.
    store: Option<Arc<dyn OffsetBackingStore>>,
    waiting: BTreeMap<Bytes, Option<Bytes>>,
    running: Option<BoxFuture<'static, ()>>,
}

impl Copies {
    pub(super) fn of(store: Option<Arc<dyn OffsetBackingStore>>) -> Self {
        Self { store, ..Self::default() }
    }

    /// What is to be copied of these records when they are committed.
    pub(super) fn entries(&self, records: &[ProducerRecord]) -> Vec<Entry> {
        if self.store.is_none() {
            return Vec::new();
        }
        records.iter().filter_map(|record| Some((record.key.clone()?, record.value.clone()))).collect()
    }

    pub(super) fn add(&mut self, entries: Vec<Entry>) {
        self.waiting.extend(entries);
    }

    /// Takes the next step; waits for ever when there is nothing to copy. Cancel-safe.
    pub(super) async fn step(&mut self) {
        if self.running.is_none()
            && !self.waiting.is_empty()
            && let Some(store) = &self.store
        {
            let entries = std::mem::take(&mut self.waiting).into_iter().collect();
            self.running = Some(Box::pin(storage::copy(Arc::clone(store), entries)));
        }
        match &mut self.running {
            Some(running) => running.await,
            None => std::future::pending().await,
        }
        self.running = None;
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }
}
