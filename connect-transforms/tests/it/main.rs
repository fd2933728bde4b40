//! Tests of the transformations and predicates, from the outside.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod field_paths;
mod idle;
#[allow(dead_code, unreachable_pub, clippy::all, reason = "not all of it is used")]
mod notation;
mod plugins;
mod typed_paths;
mod vectors;
