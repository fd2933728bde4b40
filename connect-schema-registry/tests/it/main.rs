//! Tests from the outside, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod avro;
#[cfg(all(feature = "json-schema", feature = "protobuf"))]
mod either;
mod http;
#[cfg(feature = "json-schema")]
mod json_schema;
#[cfg(all(feature = "json-schema", feature = "protobuf"))]
mod keys;
#[cfg(all(feature = "json-schema", feature = "protobuf"))]
mod pipeline;
#[cfg(all(feature = "json-schema", feature = "protobuf"))]
mod places;
#[cfg(feature = "protobuf")]
mod protobuf;
mod runtime;
mod server;
mod support;
mod tls;
