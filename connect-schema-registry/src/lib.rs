//! Converters for Kafka Connect whose schemas are kept in a schema registry.
//!
//! A message is a zero byte, the id of a schema in four bytes, and data that only makes sense with that schema. The
//! schemas are kept by a *schema registry*, a service beside Kafka with a REST API that Confluent defined.
//!
//! # How a converter works here
//!
//! [`Converter`](connect_api::Converter)s are synchronous. What a schema id or a Connect schema means is compiled once
//! and cached; a conversion whose schema is in the cache awaits nothing. On a miss the conversion fails with an
//! [unresolved](connect_api::Error::unresolved) error that says what is missing, the runtime awaits `resolve`, which asks
//! the registry, and converts again.
//!
//! # The modules
//!
//! | module | what is there |
//! | --- | --- |
//! | `avro`, `protobuf`, `json_schema` | the converters, each with a feature of its own |
//! | [`registry`] | [`SchemaRegistry`](registry::SchemaRegistry), what a registry can do, over HTTP and in memory |
//! | [`client`] | [`RegistryClient`](client::RegistryClient): which schema and id a converter uses; caches |
//! | [`config`] | [`SerdeConfig`](config::SerdeConfig): the keys that all converters share |
//! | [`subject`] | subject name strategies |
//! | [`wire`] | magic byte and schema id |

#![cfg_attr(
    not(any(feature = "avro", feature = "json-schema", feature = "protobuf")),
    expect(dead_code, reason = "what only converters use")
)]

#[cfg(feature = "avro")]
pub mod avro;
pub mod cache;
pub mod client;
pub mod config;
#[cfg(any(feature = "avro", feature = "json-schema", feature = "protobuf"))]
mod frame;
#[cfg(any(feature = "avro", feature = "json-schema"))]
mod json;
#[cfg(feature = "json-schema")]
pub mod json_schema;
#[cfg(feature = "protobuf")]
pub mod protobuf;
pub mod registry;
pub mod subject;
#[cfg(any(feature = "avro", feature = "json-schema", feature = "protobuf"))]
mod sum;
pub mod wire;

use connect_api::Plugins;

/// Registers the converters, with Confluent's names as aliases.
pub fn register(plugins: &mut Plugins) {
    let bundle = plugins.bundle(env!("CARGO_PKG_VERSION"));
    #[cfg(feature = "avro")]
    let bundle = bundle
        .converter::<avro::AvroConverter>("AvroConverter")
        .alias("io.confluent.connect.avro.AvroConverter");
    #[cfg(feature = "protobuf")]
    let bundle = bundle
        .converter::<protobuf::ProtobufConverter>("ProtobufConverter")
        .alias("io.confluent.connect.protobuf.ProtobufConverter");
    #[cfg(feature = "json-schema")]
    let bundle = bundle
        .converter::<json_schema::JsonSchemaConverter>("JsonSchemaConverter")
        .alias("io.confluent.connect.json.JsonSchemaConverter");
    let _ = bundle;
}
