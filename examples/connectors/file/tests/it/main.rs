//! Tests of the file connectors, from the outside.
#![allow(clippy::unwrap_used, reason = "test code")]

mod host;
mod readme;
mod sink;
mod source;
