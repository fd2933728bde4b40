//! The Avro converter: any schema with any data. The first line is the schema, the rest the data; what was read is
//! written, and read again as the same value.
#![no_main]

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use connect_api::{Converter, ConverterType, Encoded, ErrorKind, RawHeaders, SchemaAndValue};
use connect_schema_registry::avro::{AvroConverter, AvroConverterConfig};
use connect_schema_registry::registry::{MemoryRegistry, RegistrySchema, SchemaType};
use libfuzzer_sys::fuzz_target;

async fn read(converter: &AvroConverter, topic: &str, bytes: &Bytes) -> Option<SchemaAndValue> {
    loop {
        match converter.to_connect_data(topic, &RawHeaders::new(), Some(bytes)) {
            Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await.ok()?,
            other => return other.ok(),
        }
    }
}

async fn write(converter: &AvroConverter, data: &SchemaAndValue) -> Option<Bytes> {
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
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(text) = std::str::from_utf8(&data[..end]) else { return };
    let registry = Arc::new(MemoryRegistry::new());
    let Ok(id) = registry.import("t-value", 0, &RegistrySchema::new(SchemaType::Avro, text)) else { return };
    let config = AvroConverterConfig::of_url("mock://fuzz").expect("the URL is right");
    let converter = AvroConverter::new(config, ConverterType::Value, registry);
    let mut message = BytesMut::new();
    message.put_u8(0);
    message.put_i32(id);
    message.extend_from_slice(&data[end + 1..]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let Some(value) = read(&converter, "t", &message.freeze()).await else { return };
        let Some(written) = write(&converter, &value).await else { return };
        let again = read(&converter, "u", &written).await.expect("what was written can be read");
        assert_eq!(again.value.to_string(), value.value.to_string());
    });
});
