//! The byte formats of Connect's own topics and files. Pure: no I/O, no clock, no logging.

pub(crate) mod offset;
pub(crate) mod offset_file;
