//! The Protobuf converter: any schema with any data. The text up to the first zero byte is the schema, the rest the
//! data; what was read is written where the schema can be written, and can be read again. It need not be equal, since
//! zeros stand for what was not there.
#![no_main]

use connect_fuzz::Case;
use connect_schema_registry::protobuf::{ProtobufConverter, ProtobufConverterConfig};

connect_fuzz::converter_target!(
    |input| Case::split(input, 0),
    Protobuf,
    ProtobufConverter,
    ProtobufConverterConfig::of_url,
    |_, _| {}
);
