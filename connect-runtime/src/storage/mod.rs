//! What the runtime remembers: source offsets and statuses.

pub(crate) mod cluster;
mod connector;
mod file;
pub(crate) mod internal;
pub(crate) mod log;
pub(crate) mod offset;
pub(crate) mod status;
pub(crate) mod status_log;
mod topic;

pub(crate) use connector::{ConnectorOffsets, copy};
pub(crate) use file::FileOffsets;
pub(crate) use offset::{MemoryOffsets, OffsetBackingStore, OffsetReader};
pub use status::{RestartStatus, State, Status};
pub(crate) use topic::{TopicOffsets, TopicSettings};
