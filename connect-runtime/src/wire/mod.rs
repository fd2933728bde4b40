//! The byte formats of Connect's own topics and files. Pure: no I/O, no clock, no logging.

#[doc(hidden)]
pub mod config_topic;
pub(crate) mod dead_letter;
#[doc(hidden)]
pub mod group;
mod json;
pub(crate) mod offset;
#[doc(hidden)]
pub mod offset_file;
#[doc(hidden)]
pub mod request_signature;
#[doc(hidden)]
pub mod status_topic;
