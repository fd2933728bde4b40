//! The Avro converter: any schema with any data. The first line is the schema, the rest the data; what was read is
//! written, and read again as the same values. Two settings are on: without them enumerations are written as texts, and
//! a default in the place of null.
#![no_main]

use connect_fuzz::{Case, leaves};
use connect_schema_registry::avro::{AvroConverter, AvroConverterConfig};

connect_fuzz::converter_target!(
    |input| Case::split(input, b'\n'),
    Avro,
    AvroConverter,
    |url| {
        let config = AvroConverterConfig::of_url(url);
        config.map(|config| AvroConverterConfig {
            enhanced_avro_schema_support: true,
            ignore_default_for_nullables: true,
            ..config
        })
    },
    |value, again| assert_eq!(leaves(&again.value), leaves(&value.value))
);
