//! [`ByteArrayConverter`]: bytes as they are.

use bytes::{Bytes, BytesMut};
use connect_api::data::Type;
use connect_api::{
    Converter, ConverterType, Encoded, Error, HeaderConverter, RawHeaders, Result, Schema, SchemaAndValue,
    Value,
};

use super::ConverterConfig;

/// Passes bytes through, in both directions and without copying them. What it reads has the schema of optional bytes.
///
/// # Errors
///
/// Writing anything but bytes is a data error; so is a schema of another type.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use connect_api::{Converter, Encoded, RawHeaders};
/// use connect_runtime::converters::ByteArrayConverter;
///
/// let converter = ByteArrayConverter::default();
/// let message = Bytes::from_static(b"\x01\x02");
/// let data = converter.to_connect_data("topic", &RawHeaders::new(), Some(&message))?;
/// let written = converter.from_connect_data("topic", &mut RawHeaders::new(), &data, &mut BytesMut::new())?;
/// assert_eq!(written, Encoded::Shared(message));
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "org.apache.kafka.connect.converters.ByteArrayConverter")]
pub struct ByteArrayConverter;

fn read(bytes: Option<&Bytes>) -> SchemaAndValue {
    SchemaAndValue::new(Schema::OPTIONAL_BYTES, bytes.cloned())
}

fn write(data: &SchemaAndValue) -> Result<Encoded> {
    if let Some(schema) = &data.schema
        && schema.ty() != Type::Bytes
    {
        return Err(Error::data(format!("Invalid schema type for ByteArrayConverter: {}", schema.ty())));
    }
    match &data.value {
        Value::Null => Ok(Encoded::Null),
        Value::Bytes(bytes) => Ok(Encoded::Shared(bytes.clone())),
        other => Err(Error::data(format!(
            "ByteArrayConverter is not compatible with objects of type class {}",
            other.java_class_name()
        ))),
    }
}

impl Converter for ByteArrayConverter {
    type Config = ConverterConfig;

    fn configure(_config: ConverterConfig, _ty: ConverterType) -> Result<Self> {
        Ok(Self)
    }

    fn to_connect_data(
        &self,
        _topic: &str,
        _headers: &RawHeaders,
        bytes: Option<&Bytes>,
    ) -> Result<SchemaAndValue> {
        Ok(read(bytes))
    }

    fn from_connect_data(
        &self,
        _topic: &str,
        _headers: &mut RawHeaders,
        data: &SchemaAndValue,
        _out: &mut BytesMut,
    ) -> Result<Encoded> {
        write(data)
    }
}

impl HeaderConverter for ByteArrayConverter {
    type Config = ConverterConfig;

    fn configure(_config: ConverterConfig) -> Result<Self> {
        Ok(Self)
    }

    fn to_connect_header(&self, _topic: &str, _key: &str, bytes: Option<&Bytes>) -> Result<SchemaAndValue> {
        Ok(read(bytes))
    }

    fn from_connect_header(&self, _topic: &str, _key: &str, data: &SchemaAndValue) -> Result<Option<Bytes>> {
        super::header_bytes(|_| write(data))
    }
}
