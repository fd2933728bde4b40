//! The parser of Protobuf and the compiler of its schemas: the whole input is a schema, the data is empty.
#![no_main]

use connect_fuzz::Case;
use connect_schema_registry::protobuf::{ProtobufConverter, ProtobufConverterConfig};

connect_fuzz::converter_target!(
    Case::of_schema,
    Protobuf,
    ProtobufConverter,
    ProtobufConverterConfig::of_url,
    |_, _| {}
);
