//! The JSON Schema converter: any schema with any data. The text up to the first zero byte is the schema, the rest the data;
//! nothing of it makes it panic.
#![no_main]

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use connect_api::{Converter, ConverterType, ErrorKind, RawHeaders, SchemaAndValue};
use connect_schema_registry::json_schema::{JsonSchemaConverter, JsonSchemaConverterConfig};
use connect_schema_registry::registry::{MemoryRegistry, RegistrySchema, SchemaType};
use libfuzzer_sys::fuzz_target;

async fn read(converter: &JsonSchemaConverter, topic: &str, bytes: &Bytes) -> Option<SchemaAndValue> {
    loop {
        match converter.to_connect_data(topic, &RawHeaders::new(), Some(bytes)) {
            Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await.ok()?,
            other => return other.ok(),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|byte| *byte == 0) else { return };
    let Ok(text) = std::str::from_utf8(&data[..end]) else { return };
    let registry = Arc::new(MemoryRegistry::new());
    let schema = RegistrySchema::new(SchemaType::Json, text);
    let Ok(id) = registry.import("t-value", 0, &schema) else { return };
    let config = JsonSchemaConverterConfig::of_url("mock://fuzz").expect("the URL is right");
    let converter = JsonSchemaConverter::new(config, ConverterType::Value, registry);
    let mut message = BytesMut::new();
    message.put_u8(0);
    message.put_i32(id);
    message.extend_from_slice(&data[end + 1..]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let _ = read(&converter, "t", &message.freeze()).await;
    });
});
