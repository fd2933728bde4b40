//! Tests of the contract from the outside, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]
#![allow(unreachable_pub, reason = "modules are shared with other test binaries")]

mod config_def;
#[cfg(feature = "derive")]
mod derive;
mod notation;
mod plugins;
mod values;
