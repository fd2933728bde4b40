//! The parser of JSON Schema and the compiler of its schemas: the whole input is a schema, the data is empty.
#![no_main]

use connect_fuzz::Case;
use connect_schema_registry::json_schema::{JsonSchemaConverter, JsonSchemaConverterConfig};

connect_fuzz::converter_target!(
    Case::of_schema,
    Json,
    JsonSchemaConverter,
    JsonSchemaConverterConfig::of_url,
    |_, _| {}
);
