//! [`SimpleHeaderConverter`]: headers as text.

use bytes::Bytes;
use connect_api::config::NoConfig;
use connect_api::data::values;
use connect_api::{HeaderConverter, Result, Schema, SchemaAndValue, Str, Value};

use super::charset;

/// Writes header values as text, and guesses the type of text when it reads: what looks like a number, a truth value,
/// a date, a list or a map becomes one; everything else is text. Kafka Connect uses it unless told otherwise.
///
/// ```
/// use bytes::Bytes;
/// use connect_api::{HeaderConverter, Schema, SchemaAndValue};
/// use connect_runtime::converters::SimpleHeaderConverter;
///
/// let converter = SimpleHeaderConverter;
/// let data = converter.to_connect_header("orders", "attempt", Some(&Bytes::from_static(b"3")))?;
/// assert_eq!(data, SchemaAndValue::new(Schema::INT8, 3_i8));
/// assert_eq!(converter.from_connect_header("orders", "attempt", &data)?, Some(Bytes::from_static(b"3")));
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "org.apache.kafka.connect.storage.SimpleHeaderConverter")]
pub struct SimpleHeaderConverter;

impl HeaderConverter for SimpleHeaderConverter {
    type Config = NoConfig;

    fn configure(_config: NoConfig) -> Result<Self> {
        Ok(Self)
    }

    fn to_connect_header(&self, _topic: &str, _key: &str, bytes: Option<&Bytes>) -> Result<SchemaAndValue> {
        let Some(bytes) = bytes else { return Ok(SchemaAndValue::NULL) };
        Ok(match values::parse_string(&charset::utf8(bytes)) {
            Ok(parsed) => parsed.unwrap_or(SchemaAndValue::NULL),
            // What cannot be parsed is handed on as it is.
            Err(_) => SchemaAndValue::new(Schema::BYTES, bytes.clone()),
        })
    }

    fn from_connect_header(&self, _topic: &str, _key: &str, data: &SchemaAndValue) -> Result<Option<Bytes>> {
        if let Value::Null = data.value {
            return Ok(None);
        }
        Ok(values::convert_to_string(data.schema.as_ref(), &data.value)?.as_ref().map(Str::to_bytes))
    }
}
