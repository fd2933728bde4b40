//! The testkit tested: suites accept plugins that keep the contract and refuse those that break it.
#![allow(clippy::unwrap_used, reason = "test code")]

mod accepts;
mod harness;
mod refuses;
mod simulation;
