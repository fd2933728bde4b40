//! The Avro converter: any schema with any data. The first line is the schema, the rest the data; what was read is
//! written, and read again as the same values. With the setting that keeps enumerations: without it they are written as
//! texts, so that the branch of a union has another name when it comes back.
#![no_main]

use connect_fuzz::{Case, leaves};
use connect_schema_registry::avro::{AvroConverter, AvroConverterConfig};

connect_fuzz::converter_target!(
    |input| Case::split(input, b'\n'),
    Avro,
    AvroConverter,
    |url| {
        let config = AvroConverterConfig::of_url(url);
        config.map(|config| AvroConverterConfig { enhanced_avro_schema_support: true, ..config })
    },
    |value, again| assert_eq!(leaves(&again.value), leaves(&value.value))
);
