//! Tests from the outside, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod apicurio;
mod avro;
mod http;
mod runtime;
mod support;
