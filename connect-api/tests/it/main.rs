//! Tests of the contract from the outside, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod config_def;
#[cfg(feature = "derive")]
mod derive;
mod plugins;
