//! The JSON Schema converter: any schema with any data. The text up to the first zero byte is the schema, the rest the
//! data; what was read is written where the schema can be written, and can be read again.
#![no_main]

use connect_fuzz::Case;
use connect_schema_registry::json_schema::{JsonSchemaConverter, JsonSchemaConverterConfig};

connect_fuzz::converter_target!(
    |input| Case::split(input, 0),
    Json,
    JsonSchemaConverter,
    JsonSchemaConverterConfig::of_url,
    |_, _| {}
);
