//! What the runtime remembers: source offsets and statuses.

pub(crate) mod offset;
pub(crate) mod status;

pub(crate) use offset::{MemoryOffsets, OffsetBackingStore, OffsetReader};
pub use status::{State, Status};
