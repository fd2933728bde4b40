//! Tests of the transformations and predicates, from the outside.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod field_paths;
#[path = "../../../connect-api/tests/it/notation.rs"]
#[allow(dead_code, unreachable_pub, clippy::all, reason = "shared with the tests of connect-api")]
mod notation;
mod plugins;
mod vectors;
