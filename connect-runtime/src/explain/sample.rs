//! [`Sample`]: the record that is taken through.

use bytes::{Bytes, BytesMut};
use connect_api::data::java;
use connect_api::header::Header;
use connect_api::{
    Converter, ConverterType, Encoded, Error, Headers, RawHeaders, Record, Result, Schema, SchemaAndValue,
    Str, Struct, Value,
};
use serde_json::{Map as Object, Value as Json};

use super::bad_sample;
use crate::converters::{JsonConverter, JsonConverterConfig};
use crate::pipeline::Converters;

const MEMBERS: [&str; 7] = ["topic", "partition", "offset", "timestamp", "key", "value", "headers"];
/// 2023-11-14T22:13:20Z: any time would do.
const TIMESTAMP: i64 = 1_700_000_000_000;

/// A record to try stages on: given as JSON, or made up.
///
/// # The JSON
///
/// ```json
/// {
///   "topic": "orders", "partition": 0, "offset": 42, "timestamp": 1700000000000,
///   "key": "7",
///   "value": {"id": 7, "name": "Ada"},
///   "headers": [{"key": "trace", "value": "a1"}]
/// }
/// ```
///
/// Every member may be left out. The topic is then that of the connector, or `topic`; `offset` is for sinks only.
///
/// For a *source*, key, value and header values are data as the task would give them: plain JSON is data without
/// schema, and an object with exactly `schema` and `payload` is data with one, as `JsonConverter` writes it.
///
/// For a *sink* they are what stands in Kafka: a text is its UTF-8 bytes, an object with `base64` alone is those
/// bytes, and any other JSON is its own text, as `JsonConverter` reads it.
///
/// ```
/// use connect_runtime::explain::Sample;
/// assert!(Sample::parse(r#"{"value": {"id": 7}}"#).is_ok());
/// let error = Sample::parse(r#"{"values": 7}"#).unwrap_err();
/// assert!(error.to_string().contains("there is no member `values`"), "{error}");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sample {
    json: Option<Object<String, Json>>,
    origin: String,
}

/// A record as Kafka carries it.
#[derive(Clone, Debug)]
pub(super) struct RawRecord {
    pub(super) topic: Str,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) timestamp: Option<i64>,
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    pub(super) headers: RawHeaders,
}

impl Sample {
    /// None is given: the source connector says what its records look like, or one is made up.
    pub fn made_up() -> Self {
        Self::default()
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    ///
    /// A config error that says what is wrong, and where.
    pub fn parse(text: &str) -> Result<Self> {
        let json: Json = serde_json::from_str(text)
            .map_err(|error| bad_sample(format_args!("it is not valid JSON: {error}")))?;
        let Json::Object(object) = json else {
            return Err(bad_sample("it is not a JSON object with `topic`, `key`, `value` and so on"));
        };
        if let Some(name) = object.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            let known = MEMBERS.join(", ");
            return Err(bad_sample(format_args!("there is no member `{name}`; there are {known}")));
        }
        let sample = Self { json: Some(object), origin: "as given".to_owned() };
        sample.check()?;
        Ok(sample)
    }

    /// The same, with words for where it was read from; they stand in the report.
    #[must_use]
    pub fn from_where(mut self, origin: impl Into<String>) -> Self {
        self.origin = origin.into();
        self
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    fn check(&self) -> Result<()> {
        self.text("topic")?;
        for name in ["partition", "offset", "timestamp"] {
            self.integer(name)?;
        }
        self.headers().map(drop)
    }

    fn get(&self, name: &str) -> Option<&Json> {
        self.json.as_ref()?.get(name).filter(|json| !json.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(bad_sample(format_args!("`{name}` must be a text, not {other}"))),
        }
    }

    fn integer(&self, name: &str) -> Result<Option<i64>> {
        let Some(json) = self.get(name) else { return Ok(None) };
        let integer = json.as_i64().filter(|value| name != "partition" || i32::try_from(*value).is_ok());
        integer.map(Some).ok_or_else(|| bad_sample(format_args!("`{name}` must be an integer, not {json}")))
    }

    fn partition(&self) -> Result<Option<i32>> {
        Ok(self.integer("partition")?.and_then(|partition| i32::try_from(partition).ok()))
    }

    fn headers(&self) -> Result<Vec<(&str, &Json)>> {
        let Some(json) = self.get("headers") else { return Ok(Vec::new()) };
        let list = json
            .as_array()
            .ok_or_else(|| bad_sample(r#"`headers` must be a list: [{"key": "trace", "value": "a1"}]"#))?;
        list.iter()
            .map(|header| match (header.get("key").and_then(Json::as_str), header.as_object()) {
                (Some(key), Some(members)) if members.keys().all(|name| name == "key" || name == "value") => {
                    Ok((key, header.get("value").unwrap_or(&Json::Null)))
                }
                _ => Err(bad_sample(format_args!(
                    r#"a header is {{"key": "trace", "value": "a1"}}, not {header}"#
                ))),
            })
            .collect()
    }

    /// What a source gives. `None`: no sample was given.
    pub(super) fn record(&self) -> Result<Option<Record>> {
        if self.json.is_none() {
            return Ok(None);
        }
        if self.get("offset").is_some() {
            return Err(bad_sample("a record of a source has no `offset` yet; remove it"));
        }
        let data = |name: &str| {
            self.get(name).map_or(Ok(SchemaAndValue::NULL), |json| {
                data(json).map_err(|error| bad_sample(format_args!("`{name}`: {error}")))
            })
        };
        let mut record =
            Record::new(self.text("topic")?.unwrap_or("topic"), data("value")?).with_key(data("key")?);
        record.kafka_partition = self.partition()?;
        record.timestamp = self.integer("timestamp")?;
        let mut headers = Headers::new();
        for (key, json) in self.headers()? {
            let data =
                self::data(json).map_err(|error| bad_sample(format_args!("header `{key}`: {error}")))?;
            headers.add_header(Header::new(key, data));
        }
        record.headers = headers;
        Ok(Some(record))
    }

    /// What Kafka delivers to a sink. `None`: no sample was given.
    pub(super) fn raw(&self, topic: &str) -> Result<Option<RawRecord>> {
        if self.json.is_none() {
            return Ok(None);
        }
        let bytes = |name: &str| self.get(name).map_or(Ok(None), |json| bytes(name, json));
        let mut headers = RawHeaders::new();
        for (key, json) in self.headers()? {
            headers.push(key, self::bytes(key, json)?);
        }
        Ok(Some(RawRecord {
            topic: self.text("topic")?.unwrap_or(topic).into(),
            partition: self.partition()?.unwrap_or_default(),
            offset: self.integer("offset")?.unwrap_or_default(),
            timestamp: self.integer("timestamp")?,
            key: bytes("key")?,
            value: bytes("value")?,
            headers,
        }))
    }
}

/// Data as `JsonConverter` reads it: with a schema where there is an envelope.
fn data(json: &Json) -> Result<SchemaAndValue> {
    let envelope = json.as_object().is_some_and(|object| {
        object.len() == 2 && object.contains_key("schema") && object.contains_key("payload")
    });
    let config = JsonConverterConfig { schemas_enable: envelope, ..JsonConverterConfig::default() };
    let converter = JsonConverter::configure(config, ConverterType::Value)?;
    converter.to_connect_data("sample", &RawHeaders::new(), Some(&json.to_string().into()))
}

fn bytes(name: &str, json: &Json) -> Result<Option<Bytes>> {
    let base64 = json.as_object().filter(|object| object.len() == 1).and_then(|object| object.get("base64"));
    match (json, base64) {
        (Json::Null, _) => Ok(None),
        (Json::String(text), _) => Ok(Some(text.clone().into())),
        (_, Some(base64)) => base64
            .as_str()
            .and_then(|text| java::base64_decode(text.as_bytes()))
            .map(|bytes| Some(bytes.into()))
            .ok_or_else(|| bad_sample(format_args!("`{name}`: {base64} is not Base64"))),
        (other, None) => Ok(Some(other.to_string().into())),
    }
}

/// A row that nobody described.
fn row() -> Result<Struct> {
    let schema = Schema::structure()
        .field("id", Schema::INT64)
        .field("name", Schema::STRING)
        .field("amount", Schema::OPTIONAL_FLOAT64)
        .build()?;
    Struct::from_values(schema, vec![7_i64.into(), "Ada".into(), 12.5.into()])
}

/// A record of a source that does not say what its records look like.
pub(super) fn made_up_record() -> Record {
    let value = row().map_or(SchemaAndValue::NULL, SchemaAndValue::from);
    let mut headers = Headers::new();
    headers.add_string("trace", "a1");
    Record::new("topic", value)
        .with_key(SchemaAndValue::new(Schema::STRING, "7"))
        .with_timestamp(TIMESTAMP)
        .with_headers(headers)
}

/// What the sink's own converters would have written.
pub(super) fn made_up_bytes(converters: &Converters, topic: &str) -> Result<RawRecord> {
    let simple = [
        SchemaAndValue::new(Schema::STRING, "7"),
        SchemaAndValue::new(Schema::INT64, 7_i64),
        SchemaAndValue::new(Schema::INT32, 7_i32),
        SchemaAndValue::new(Schema::INT16, 7_i16),
        SchemaAndValue::new(Schema::FLOAT64, 7.5_f64),
        SchemaAndValue::new(Schema::FLOAT32, 7.5_f32),
        SchemaAndValue::new(Schema::BOOLEAN, true),
        SchemaAndValue::new(Schema::BYTES, Bytes::from_static(b"7")),
    ];
    let row = [SchemaAndValue::from(row()?)];
    let mut headers = RawHeaders::new();
    let trace = SchemaAndValue::new(Schema::STRING, "a1");
    if let Ok(bytes) = converters.header.from_connect_header(topic, "trace", &trace) {
        headers.push("trace", bytes);
    }
    Ok(RawRecord {
        topic: topic.into(),
        partition: 0,
        offset: 42,
        timestamp: Some(TIMESTAMP),
        key: written(&*converters.key, &converters.key_class, topic, simple.iter())?,
        value: written(&*converters.value, &converters.value_class, topic, row.iter().chain(&simple))?,
        headers,
    })
}

/// The bytes of the first candidate that the converter writes and reads again as what it was.
fn written<'a>(
    converter: &dyn Converter,
    class: &str,
    topic: &str,
    mut candidates: impl Iterator<Item = &'a SchemaAndValue>,
) -> Result<Option<Bytes>> {
    let write = |data: &SchemaAndValue| {
        let mut out = BytesMut::new();
        let bytes = match converter.from_connect_data(topic, &mut RawHeaders::new(), data, &mut out).ok()? {
            Encoded::Null => return None,
            Encoded::Appended => out.freeze(),
            Encoded::Shared(bytes) => bytes,
        };
        let read = converter.to_connect_data(topic, &RawHeaders::new(), Some(&bytes)).ok()?;
        let same = match (&data.value, &read.value) {
            (Value::Struct(_), Value::Struct(_) | Value::Map(_)) => true,
            (written, read) => written.to_string() == read.to_string(),
        };
        same.then_some(bytes)
    };
    candidates.find_map(write).map(Some).ok_or_else(|| none_fits(class))
}

fn none_fits(class: &str) -> Error {
    bad_sample(format_args!("none is given, and {class} reads nothing that could be made up; give one"))
}
