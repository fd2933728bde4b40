//! Tests of the template's connectors, from the outside.
#![allow(clippy::unwrap_used, reason = "test code")]

mod connectors;
mod contract;
mod readme;
