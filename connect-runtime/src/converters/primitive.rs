//! Converters for single numbers and truth values.

use bytes::{Bytes, BytesMut};
use connect_api::data::Type;
use connect_api::{
    Converter, ConverterType, Encoded, Error, HeaderConverter, RawHeaders, Result, Schema, SchemaAndValue,
    Value,
};

use super::ConverterConfig;

/// Writes both traits for a type that has `read` and `write`.
macro_rules! both_traits {
    ($converter:ident) => {
        impl Converter for $converter {
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
                self.read(bytes)
            }

            fn from_connect_data(
                &self,
                _topic: &str,
                _headers: &mut RawHeaders,
                data: &SchemaAndValue,
                out: &mut BytesMut,
            ) -> Result<Encoded> {
                self.write(data, out)
            }
        }

        impl HeaderConverter for $converter {
            type Config = ConverterConfig;

            fn configure(_config: ConverterConfig) -> Result<Self> {
                Ok(Self)
            }

            fn to_connect_header(
                &self,
                _topic: &str,
                _key: &str,
                bytes: Option<&Bytes>,
            ) -> Result<SchemaAndValue> {
                self.read(bytes)
            }

            fn from_connect_header(
                &self,
                _topic: &str,
                _key: &str,
                data: &SchemaAndValue,
            ) -> Result<Option<Bytes>> {
                super::header_bytes(|out| self.write(data, out))
            }
        }
    };
}

macro_rules! number {
    ($(#[$doc:meta])* $converter:ident, $number:ty, $variant:ident, $schema:ident, $name:literal, $class:literal) => {
        $(#[$doc])*
        ///
        /// Null stands for null. What it reads has the optional schema of the type; when it writes, only the value
        /// counts.
        ///
        /// # Errors
        ///
        /// Bytes of another length, and values of another type, are data errors.
        #[derive(Clone, Copy, Debug, Default)]
        #[doc(alias = $class)]
        pub struct $converter;

        impl $converter {
            fn read(self, bytes: Option<&Bytes>) -> Result<SchemaAndValue> {
                let value = match bytes {
                    None => None,
                    Some(bytes) => match <[u8; size_of::<$number>()]>::try_from(&bytes[..]) {
                        Ok(bytes) => Some(<$number>::from_be_bytes(bytes)),
                        Err(_) => return Err(length(concat!("Failed to deserialize ", $name, ": "), bytes)),
                    },
                };
                Ok(SchemaAndValue::new(Schema::$schema, value))
            }

            fn write(self, data: &SchemaAndValue, out: &mut BytesMut) -> Result<Encoded> {
                match &data.value {
                    Value::Null => Ok(Encoded::Null),
                    Value::$variant(value) => {
                        out.extend_from_slice(&value.to_be_bytes());
                        Ok(Encoded::Appended)
                    }
                    other => {
                        let class = other.java_class_name();
                        Err(Error::data(format!(
                            concat!("Failed to serialize to ", $name, " (was class {}): "),
                            class
                        )))
                    }
                }
            }
        }

        both_traits!($converter);
    };
}

#[cold]
fn length(message: &str, bytes: &Bytes) -> Error {
    Error::data(message).with_source(format!("the length is {}", bytes.len()))
}

number!(
    /// Integers of 16 bits.
    ShortConverter, i16, Int16, OPTIONAL_INT16, "short", "org.apache.kafka.connect.converters.ShortConverter"
);
number!(
    /// Integers of 32 bits.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use connect_api::{HeaderConverter, Value};
    /// use connect_runtime::converters::IntegerConverter;
    ///
    /// let data = IntegerConverter.to_connect_header("topic", "key", Some(&Bytes::from_static(&[0, 0, 1, 0])))?;
    /// assert_eq!(data.value, Value::from(256));
    /// # Ok::<(), connect_api::Error>(())
    /// ```
    IntegerConverter, i32, Int32, OPTIONAL_INT32, "integer", "org.apache.kafka.connect.converters.IntegerConverter"
);
number!(
    /// Integers of 64 bits.
    LongConverter, i64, Int64, OPTIONAL_INT64, "long", "org.apache.kafka.connect.converters.LongConverter"
);
number!(
    /// Floats of single precision.
    FloatConverter, f32, Float32, OPTIONAL_FLOAT32, "float", "org.apache.kafka.connect.converters.FloatConverter"
);
number!(
    /// Floats of double precision.
    DoubleConverter, f64, Float64, OPTIONAL_FLOAT64, "double", "org.apache.kafka.connect.converters.DoubleConverter"
);

/// Truth values: one byte, 1 or 0.
///
/// # Errors
///
/// Other bytes are a data error; so are writing anything else, and a schema of another type.
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "org.apache.kafka.connect.converters.BooleanConverter")]
pub struct BooleanConverter;

impl BooleanConverter {
    fn read(self, bytes: Option<&Bytes>) -> Result<SchemaAndValue> {
        let value = match bytes.map(|bytes| &bytes[..]) {
            None => None,
            Some([0]) => Some(false),
            Some([1]) => Some(true),
            Some(_) => return Err(Error::data("Failed to deserialize boolean: ")),
        };
        Ok(SchemaAndValue::new(Schema::OPTIONAL_BOOLEAN, value))
    }

    fn write(self, data: &SchemaAndValue, out: &mut BytesMut) -> Result<Encoded> {
        if let Some(schema) = &data.schema
            && schema.ty() != Type::Boolean
        {
            return Err(Error::data(format!("Invalid schema type for BooleanConverter: {}", schema.ty())));
        }
        match &data.value {
            Value::Null => Ok(Encoded::Null),
            Value::Boolean(value) => {
                out.extend_from_slice(&[u8::from(*value)]);
                Ok(Encoded::Appended)
            }
            other => Err(Error::data(format!(
                "BooleanConverter is not compatible with objects of type class {}",
                other.java_class_name()
            ))),
        }
    }
}

both_traits!(BooleanConverter);
