//! The Avro converter: any schema with any data. The first line is the schema, the rest the data; what was read is
//! written, and read again as the same value.
#![no_main]

use connect_fuzz::Case;
use connect_schema_registry::avro::{AvroConverter, AvroConverterConfig};

connect_fuzz::converter_target!(
    |input| Case::split(input, b'\n'),
    Avro,
    AvroConverter,
    AvroConverterConfig,
    |value, again| assert_eq!(again.value.to_string(), value.value.to_string())
);
