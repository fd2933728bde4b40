//! The offsets of a source, in the offset store.

use std::collections::BTreeMap;

use connect_api::config::Properties;
use connect_api::plugins::SourcePlugin;
use connect_api::{SourceOffset, SourcePartition};

use super::{ConnectorOffset, ConnectorOffsets, OffsetChange, OffsetsPreview, own_answer};
use crate::error::Result;
use crate::storage::OffsetBackingStore;
use crate::wire;
use crate::worker::Worker;

impl Worker {
    pub(super) async fn source_offsets(&self, name: &str, config: &Properties) -> Result<ConnectorOffsets> {
        let store = self.offset_store(name, config)?;
        let known = known(&*store, name).await?;
        let offsets = known
            .iter()
            .map(|(partition, offset)| ConnectorOffset::source(partition, Some(offset)))
            .collect();
        Ok(ConnectorOffsets { offsets })
    }

    /// `true`: the connector takes care of offsets of its own.
    pub(super) async fn modify_source_offsets(
        &self,
        name: &str,
        config: &Properties,
        plugin: &SourcePlugin,
        offsets: Option<&ConnectorOffsets>,
    ) -> Result<bool> {
        let store = self.offset_store(name, config)?;
        let wanted = wanted(&*store, name, offsets).await?;
        let list = wanted.clone().into_iter().collect();
        let own = own_answer(name, plugin.alter_offsets(config.clone(), list).await)?;
        let entries: Vec<_> = wanted
            .iter()
            .map(|(partition, offset)| {
                let key = wire::offset::encode_key(name, partition);
                (key, offset.as_ref().map(wire::offset::encode_value))
            })
            .collect();
        if !entries.is_empty() {
            self.write_offsets(name, config, &*store, entries).await.map_err(|error| {
                let tried = format!("Failed to modify offsets for source connector {name}");
                connect_api::Error::connect(tried).with_source(error)
            })?;
        }
        Ok(own)
    }

    pub(super) async fn preview_source_offsets(
        &self,
        name: &str,
        config: &Properties,
        offsets: Option<&ConnectorOffsets>,
    ) -> Result<OffsetsPreview> {
        let store = self.offset_store(name, config)?;
        let known = known(&*store, name).await?;
        let changes = wanted(&*store, name, offsets).await?.into_iter().map(|(partition, after)| {
            let before = ConnectorOffset::source(&partition, known.get(&partition));
            let after = ConnectorOffset::source(&partition, after.as_ref());
            OffsetChange {
                partition: before.partition.unwrap_or_default(),
                before: before.offset,
                after: after.offset,
                replayed: None,
                skipped: None,
            }
        });
        Ok(OffsetsPreview { changes: changes.collect() })
    }
}

/// The changes that were asked for; a reset names every partition that has an offset.
async fn wanted(
    store: &dyn OffsetBackingStore,
    name: &str,
    offsets: Option<&ConnectorOffsets>,
) -> Result<BTreeMap<SourcePartition, Option<SourceOffset>>> {
    match offsets {
        Some(offsets) => {
            offsets.must_not_be_empty()?;
            offsets.for_source()
        }
        None => Ok(known(store, name).await?.into_keys().map(|partition| (partition, None)).collect()),
    }
}

/// All offsets of a connector.
async fn known(
    store: &dyn OffsetBackingStore,
    name: &str,
) -> Result<BTreeMap<SourcePartition, SourceOffset>> {
    let mut known = BTreeMap::new();
    for (key, value) in store.entries().await? {
        // Other connectors' entries, and what others may have put into the topic.
        let Ok((connector, partition)) = wire::offset::decode_key(&key) else { continue };
        if connector != name {
            continue;
        }
        match wire::offset::decode_value(&value) {
            Ok(offset) => {
                known.insert(partition, offset);
            }
            Err(error) => {
                let key = String::from_utf8_lossy(&key);
                tracing::error!(%error, %key, "a stored source offset cannot be read and is taken for none");
            }
        }
    }
    Ok(known)
}
