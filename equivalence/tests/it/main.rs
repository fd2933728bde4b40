//! Tests of the answers from the outside, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod misuse;
mod registry;
mod vectors;
