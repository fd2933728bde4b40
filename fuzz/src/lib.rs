//! What the fuzz targets of the converters with a registry share.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use connect_api::{Converter, Encoded, ErrorKind, RawHeaders, SchemaAndValue, Value};
use connect_schema_registry::registry::{MemoryRegistry, RegistrySchema, SchemaType};

/// A schema, and data that claims to be of it.
pub struct Case<'a> {
    schema: &'a str,
    data: &'a [u8],
}

impl<'a> Case<'a> {
    /// The schema is the text up to the first byte of this kind, the data what follows.
    pub fn split(input: &'a [u8], separator: u8) -> Option<Self> {
        let end = input.iter().position(|byte| *byte == separator)?;
        Some(Self { schema: std::str::from_utf8(&input[..end]).ok()?, data: &input[end + 1..] })
    }

    /// The whole input is a schema; there is no data.
    pub fn of_schema(input: &'a [u8]) -> Option<Self> {
        Some(Self { schema: std::str::from_utf8(input).ok()?, data: &[] })
    }

    /// Reads the data with the schema, writes what was read where that is possible, and reads it again: what the
    /// converter wrote it can read. Hands both values to `check`.
    pub fn round_trip<C: Converter>(
        &self,
        ty: SchemaType,
        make: impl FnOnce(Arc<MemoryRegistry>) -> C,
        check: impl FnOnce(&SchemaAndValue, &SchemaAndValue),
    ) {
        let registry = Arc::new(MemoryRegistry::new());
        let Ok(id) = registry.import("t-value", 0, &RegistrySchema::new(ty, self.schema)) else { return };
        let converter = make(registry);
        let mut message = BytesMut::new();
        message.put_u8(0);
        message.put_i32(id);
        message.extend_from_slice(self.data);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let Some(value) = read(&converter, "t", &message.freeze()).await else { return };
            let Some(written) = write(&converter, &value).await else { return };
            let again = read(&converter, "u", &written).await.expect("what was written can be read");
            check(&value, &again);
        });
    }
}

async fn read<C: Converter>(converter: &C, topic: &str, bytes: &Bytes) -> Option<SchemaAndValue> {
    loop {
        match converter.to_connect_data(topic, &RawHeaders::new(), Some(bytes)) {
            Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await.ok()?,
            other => return other.ok(),
        }
    }
}

async fn write<C: Converter>(converter: &C, data: &SchemaAndValue) -> Option<Bytes> {
    loop {
        let mut out = BytesMut::new();
        match converter.from_connect_data("u", &mut RawHeaders::new(), data, &mut out) {
            Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await.ok()?,
            Ok(Encoded::Appended) => return Some(out.freeze()),
            Ok(Encoded::Shared(bytes)) => return Some(bytes),
            _ => return None,
        }
    }
}

/// What is in a value, in order, without the names of fields: those of a union's branches follow the names of their
/// schemas, which need not be those that were read where a schema has a `connect.name` of its own.
pub fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Struct(fields) => fields.values().iter().flat_map(leaves).collect(),
        Value::Array(list) => list.iter().flat_map(|value| leaves(&value.to_value())).collect(),
        Value::Map(map) => map
            .entries()
            .flat_map(|(key, value)| [leaves(&key.to_value()), leaves(&value.to_value())].concat())
            .collect(),
        other => vec![other.to_string()],
    }
}

/// A fuzz target of a converter: how an input becomes a [`Case`], the schema's format, the converter with its
/// configuration for a URL, and what must hold of a value that went there and back.
#[macro_export]
macro_rules! converter_target {
    ($case:expr, $format:ident, $converter:ty, $config:expr, $check:expr) => {
        ::libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            let Some(case) = $case(data) else { return };
            let case: $crate::Case<'_> = case;
            case.round_trip(
                ::connect_schema_registry::registry::SchemaType::$format,
                |registry| {
                    let config = ($config)("mock://fuzz").expect("the URL is right");
                    <$converter>::new(config, ::connect_api::ConverterType::Value, registry)
                },
                $check,
            );
        });
    };
}
