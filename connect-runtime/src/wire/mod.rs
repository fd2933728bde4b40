//! The byte formats of Connect's own topics and files. Pure: no I/O, no clock, no logging.

pub(crate) mod dead_letter;
#[doc(hidden)]
pub mod group;
pub(crate) mod offset;
#[doc(hidden)]
pub mod offset_file;
#[doc(hidden)]
pub mod request_signature;
