//! The Protobuf converter: any schema with any data. The text up to the first zero byte is the schema, the rest the data;
//! what was read is written, and read again as the same value where the schema can be written.
#![no_main]

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use connect_api::{Converter, ConverterType, Encoded, ErrorKind, RawHeaders, SchemaAndValue};
use connect_schema_registry::protobuf::{ProtobufConverter, ProtobufConverterConfig};
use connect_schema_registry::registry::{MemoryRegistry, RegistrySchema, SchemaType};
use libfuzzer_sys::fuzz_target;

async fn read(converter: &ProtobufConverter, topic: &str, bytes: &Bytes) -> Option<SchemaAndValue> {
    loop {
        match converter.to_connect_data(topic, &RawHeaders::new(), Some(bytes)) {
            Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await.ok()?,
            other => return other.ok(),
        }
    }
}

async fn write(converter: &ProtobufConverter, data: &SchemaAndValue) -> Option<Bytes> {
    loop {
        let mut out = BytesMut::new();
        match converter.from_connect_data("u", &mut RawHeaders::new(), data, &mut out) {
            Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await.ok()?,
            Ok(Encoded::Appended) => return Some(out.freeze()),
            _ => return None,
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|byte| *byte == 0) else { return };
    let Ok(text) = std::str::from_utf8(&data[..end]) else { return };
    let registry = Arc::new(MemoryRegistry::new());
    let schema = RegistrySchema::new(SchemaType::Protobuf, text);
    let Ok(id) = registry.import("t-value", 0, &schema) else { return };
    let config = ProtobufConverterConfig::of_url("mock://fuzz").expect("the URL is right");
    let converter = ProtobufConverter::new(config, ConverterType::Value, registry);
    let mut message = BytesMut::new();
    message.put_u8(0);
    message.put_i32(id);
    message.extend_from_slice(&data[end + 1..]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let Some(value) = read(&converter, "t", &message.freeze()).await else { return };
        // Not every name can be written again, and zeros stand for what was not there.
        let Some(written) = write(&converter, &value).await else { return };
        read(&converter, "u", &written).await.expect("what was written can be read");
    });
});
