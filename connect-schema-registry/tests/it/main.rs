//! Tests from the outside, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod apicurio;
mod avro;
mod http;
#[cfg(feature = "json-schema")]
mod json_schema;
#[cfg(all(feature = "json-schema", feature = "protobuf"))]
mod keys;
#[cfg(feature = "protobuf")]
mod protobuf;
mod runtime;
mod support;
