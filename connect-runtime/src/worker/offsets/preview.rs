//! What a change of offsets would do, before anybody does it.

use std::fmt;

use super::body::JsonMap;

/// What altering or resetting offsets would change, without changing it.
///
/// ```
/// # use connect_runtime::{Connect, ConnectorOffsets};
/// async fn ask(connect: &Connect, new: &ConnectorOffsets) -> connect_runtime::Result<()> {
///     let preview = connect.preview_offsets("orders-to-lake", Some(new)).await?;
///     println!("{preview}"); // this would replay 1200 records and skip 0 records
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct OffsetsPreview {
    /// One entry per partition that was asked about, also where nothing would change.
    pub changes: Vec<OffsetChange>,
}

/// What would become of one partition.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OffsetChange {
    /// The partition, as in [`ConnectorOffset`](crate::ConnectorOffset).
    pub partition: JsonMap,
    /// The committed offset.
    pub before: Option<JsonMap>,
    /// The offset afterwards; `None` means that there is none any more.
    pub after: Option<JsonMap>,
    /// How many records come again. `None` for a source, whose offsets only its connector understands. In a
    /// compacted or transactional topic it is an upper bound, since it counts offsets.
    pub replayed: Option<u64>,
    /// How many records are passed over; as `replayed`.
    pub skipped: Option<u64>,
}

impl OffsetsPreview {
    /// How many records come again; `None` when the kind of the connector does not tell.
    pub fn replayed(&self) -> Option<u64> {
        self.changes.iter().map(|change| change.replayed).sum()
    }

    /// How many records are passed over; `None` when the kind of the connector does not tell.
    pub fn skipped(&self) -> Option<u64> {
        self.changes.iter().map(|change| change.skipped).sum()
    }
}

impl fmt::Display for OffsetsPreview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.replayed(), self.skipped()) {
            (Some(replayed), Some(skipped)) => {
                write!(f, "this would replay {replayed} records and skip {skipped} records")
            }
            _ => {
                let changed = self.changes.iter().filter(|change| change.before != change.after).count();
                write!(f, "this would change the offsets of {changed} source partitions")
            }
        }
    }
}
