//! Tests of the transformations and predicates, from the outside.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod field_paths;
mod idle;
mod plugins;
mod typed_paths;
