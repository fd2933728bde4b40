//! Everything that the engine does, tested from outside, without a network.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it cannot go on")]

mod engine;
mod config;
mod port;
mod port_faults;
