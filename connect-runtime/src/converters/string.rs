//! [`StringConverter`]: the text of a value.

use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};
use connect_api::{
    Config, Converter, ConverterType, Encoded, Error, HeaderConverter, RawHeaders, Result, Schema,
    SchemaAndValue, Value,
};

use super::charset::Charset;

/// The configuration of [`StringConverter`].
#[derive(Clone, Debug, Config)]
pub struct StringConverterConfig {
    /// How this converter will be used.
    #[config(importance = Low, validate = super::converter_type_names())]
    pub converter_type: String,

    /// The name of the character set to use for encoding and decoding strings.
    #[config(default = "UTF-8", importance = High, width = Medium, display = "Encoding")]
    pub converter_encoding: String,
}

impl Default for StringConverterConfig {
    /// UTF-8, for values.
    fn default() -> Self {
        Self { converter_type: "value".to_owned(), converter_encoding: "UTF-8".to_owned() }
    }
}

/// Writes the text of any value, as Java's `toString` has it, and reads text. What it reads has the schema of optional
/// text; malformed bytes read as U+FFFD. Null stands for null.
///
/// The encodings are UTF-8, UTF-16, UTF-16BE, UTF-16LE, ISO-8859-1 and US-ASCII, under all names that Java has for
/// them.
///
/// # Errors
///
/// An encoding that is not known is refused when the converter is made.
///
/// ```
/// use bytes::BytesMut;
/// use connect_api::{Converter, RawHeaders, SchemaAndValue};
/// use connect_runtime::converters::StringConverter;
///
/// let converter = StringConverter::default();
/// let mut out = BytesMut::new();
/// converter.from_connect_data("topic", &mut RawHeaders::new(), &SchemaAndValue::schemaless(1e10), &mut out)?;
/// assert_eq!(&out[..], b"1.0E10");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "org.apache.kafka.connect.storage.StringConverter")]
pub struct StringConverter {
    charset: Charset,
}

impl Default for StringConverter {
    fn default() -> Self {
        Self { charset: Charset::Utf8 }
    }
}

impl StringConverter {
    /// A converter.
    ///
    /// # Errors
    ///
    /// An error when the encoding is not known.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "all converters are made from a configuration by value"
    )]
    pub fn new(config: StringConverterConfig) -> Result<Self> {
        let name = &config.converter_encoding;
        match Charset::of_name(name) {
            Some(charset) => Ok(Self { charset }),
            None => {
                let cause =
                    Error::connect(name).with_java_class("java.nio.charset.UnsupportedCharsetException");
                Err(Error::connect(format!("Unsupported encoding {name}"))
                    .with_java_class("org.apache.kafka.common.errors.SerializationException")
                    .with_source(cause))
            }
        }
    }

    fn read(self, bytes: Option<&Bytes>) -> SchemaAndValue {
        SchemaAndValue::new(Schema::OPTIONAL_STRING, bytes.map(|bytes| self.charset.decode(bytes)))
    }

    fn write(self, data: &SchemaAndValue, out: &mut BytesMut) -> Encoded {
        match &data.value {
            Value::Null => return Encoded::Null,
            Value::String(text) => self.charset.encode(text, out),
            other if self.charset == Charset::Utf8 => {
                // Writing to a buffer that grows does not fail.
                let _ = write!(out, "{other}");
            }
            other => self.charset.encode(&other.to_string(), out),
        }
        Encoded::Appended
    }
}

impl Converter for StringConverter {
    type Config = StringConverterConfig;

    fn configure(config: StringConverterConfig, _ty: ConverterType) -> Result<Self> {
        Self::new(config)
    }

    fn to_connect_data(
        &self,
        _topic: &str,
        _headers: &RawHeaders,
        bytes: Option<&Bytes>,
    ) -> Result<SchemaAndValue> {
        Ok(self.read(bytes))
    }

    fn from_connect_data(
        &self,
        _topic: &str,
        _headers: &mut RawHeaders,
        data: &SchemaAndValue,
        out: &mut BytesMut,
    ) -> Result<Encoded> {
        Ok(self.write(data, out))
    }
}

impl HeaderConverter for StringConverter {
    type Config = StringConverterConfig;

    fn configure(config: StringConverterConfig) -> Result<Self> {
        Self::new(config)
    }

    fn to_connect_header(&self, _topic: &str, _key: &str, bytes: Option<&Bytes>) -> Result<SchemaAndValue> {
        Ok(self.read(bytes))
    }

    fn from_connect_header(&self, _topic: &str, _key: &str, data: &SchemaAndValue) -> Result<Option<Bytes>> {
        super::header_bytes(|out| Ok(self.write(data, out)))
    }
}
