//! The parser of Avro and the compiler of its schemas: the whole input is a schema, the data is empty.
#![no_main]

use connect_fuzz::Case;
use connect_schema_registry::avro::{AvroConverter, AvroConverterConfig};

connect_fuzz::converter_target!(Case::of_schema, Avro, AvroConverter, AvroConverterConfig::of_url, |_, _| {});
