//! Tests of the datagen connector, from the outside.
#![allow(clippy::unwrap_used, reason = "test code")]

mod host;
mod readme;
mod source;
