//! The store of source offsets: bytes by bytes, as the offsets topic has them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::host::OffsetHost;
use connect_api::{Result, SourceOffset, SourcePartition};

use crate::wire;

/// Keeps source offsets. What `set` has answered `Ok` for survives whatever the implementation promises to survive.
#[async_trait]
pub(crate) trait OffsetBackingStore: Send + Sync {
    /// Opens the store and reads what is there. Called once before anything else.
    async fn start(&self) -> Result<()>;

    /// The values of keys, in the order asked, as of now.
    async fn get(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>>;

    /// All entries as of now, of all connectors, in any order.
    async fn entries(&self) -> Result<Vec<(Bytes, Bytes)>>;

    /// Writes all entries durably, or fails; `None` removes. After a failure some may have been written.
    async fn set(&self, entries: Vec<(Bytes, Option<Bytes>)>) -> Result<()>;

    /// Gives up what is on its way to the store and not there. Called when the tasks that wrote it may have been
    /// started elsewhere: what comes late would take their offsets back.
    async fn forget_unwritten(&self) {}

    /// Closes the store.
    async fn stop(&self) -> Result<()>;
}

/// Offsets that live as long as the process.
#[derive(Default)]
pub(crate) struct MemoryOffsets(Mutex<HashMap<Bytes, Bytes>>);

#[async_trait]
impl OffsetBackingStore for MemoryOffsets {
    async fn start(&self) -> Result<()> {
        Ok(())
    }

    async fn get(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.iter().map(|key| map.get(key).cloned()).collect())
    }

    async fn entries(&self) -> Result<Vec<(Bytes, Bytes)>> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(map.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    async fn set(&self, entries: Vec<(Bytes, Option<Bytes>)>) -> Result<()> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in entries {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
        Ok(())
    }

    async fn stop(&self) -> Result<()> {
        Ok(())
    }
}

/// One connector's view of the store.
#[derive(Clone)]
pub(crate) struct OffsetReader {
    pub(crate) connector: Arc<str>,
    pub(crate) store: Arc<dyn OffsetBackingStore>,
}

#[async_trait]
impl OffsetHost for OffsetReader {
    async fn offsets(&self, partitions: &[SourcePartition]) -> Result<Vec<Option<SourceOffset>>> {
        let keys: Vec<Bytes> =
            partitions.iter().map(|partition| wire::offset::encode_key(&self.connector, partition)).collect();
        let values = self.store.get(&keys).await?;
        Ok(values
            .into_iter()
            .zip(keys)
            .map(|(value, key)| {
                let value = value?;
                wire::offset::decode_value(&value)
                    .inspect_err(|error| {
                        let key = String::from_utf8_lossy(&key);
                        tracing::error!(%error, %key, "a stored source offset cannot be read and is taken for none");
                    })
                    .ok()
            })
            .collect())
    }
}
