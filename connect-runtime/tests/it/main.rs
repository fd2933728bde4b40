//! Everything that the engine does, tested from outside, without a network.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it cannot go on")]

mod cluster;
mod config;
#[cfg(feature = "json")]
mod converter_contract;
#[cfg(feature = "json")]
mod converters;
#[cfg(feature = "json")]
mod converters_json;
#[cfg(feature = "json")]
mod converters_speed;
mod dead_letters;
mod dlq;
mod engine;
mod exactly_once;
#[cfg(feature = "json")]
mod explain;
mod lifecycle;
mod offsets;
#[cfg(feature = "rest")]
mod poison;
mod port;
mod port_faults;
#[cfg(feature = "rest")]
mod rest;
mod restarts;
mod scripted;
mod sink_loop;
mod source_dead_letters;
mod source_loop;
#[cfg(feature = "opentelemetry")]
mod telemetry;
mod topics;
