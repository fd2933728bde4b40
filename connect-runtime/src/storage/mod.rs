//! What the runtime remembers: source offsets and statuses.

mod connector;
mod file;
pub(crate) mod offset;
pub(crate) mod status;
mod topic;

pub(crate) use connector::{ConnectorOffsets, copy};
pub(crate) use file::FileOffsets;
pub(crate) use offset::{MemoryOffsets, OffsetBackingStore, OffsetReader};
pub use status::{RestartStatus, State, Status};
pub(crate) use topic::{TopicOffsets, TopicSettings};
