//! [`JsonConverter`]: JSON, with the schema in each message or without.

mod base64;
mod encoding;
mod number;
mod parse;
mod read;
mod scan;
mod schema;
mod text;
mod tree;
mod value;
mod write;

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use connect_api::{
    Config, ConfigEnum, Converter, ConverterType, DataItem, Encoded, Error, HeaderConverter, RawHeaders,
    RawItem, Result, Schema, SchemaAndValue, Value,
};

use self::parse::{Malformed, Source};
use self::read::Typed;
use self::schema::Cache;
use self::tree::{Kind, Node, Tree};
use self::value::Reader;
use self::write::Writer;

/// A buffer that grew beyond this is given back after the message.
const KEPT_BUFFER: usize = 1 << 20;

/// How decimals are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ConfigEnum)]
#[config(ignore_case)]
pub enum DecimalFormat {
    /// As a JSON number.
    #[config(name = "NUMERIC")]
    Numeric,
    /// As the Base64 text of the unscaled integer, big-endian.
    #[default]
    #[config(name = "BASE64")]
    Base64,
}

/// The configuration of [`JsonConverter`].
#[derive(Clone, Debug, Config)]
pub struct JsonConverterConfig {
    /// How this converter will be used.
    #[config(importance = Low, validate = super::converter_type_names())]
    pub converter_type: String,

    /// Include schemas within each of the serialized values and keys.
    #[config(default = true, importance = High, group = "Schemas", width = Medium, display = "Enable Schemas")]
    pub schemas_enable: bool,

    /// The maximum number of schemas that can be cached in this converter instance.
    #[config(default = 1000, importance = High, group = "Schemas", width = Medium, display = "Schema Cache Size")]
    pub schemas_cache_size: i32,

    /// When set, this is used as the schema for all messages, and the schemas within each of the messages are not
    /// needed. This applies to reading only, and has no effect when schemas are disabled.
    #[config(importance = High, group = "Schemas", width = Medium, display = "Schema Content")]
    pub schema_content: Option<String>,

    /// Controls which format this converter will serialize decimals in. This value is case insensitive and can be
    /// either BASE64 (default) or NUMERIC.
    #[config(
        default = DecimalFormat::Base64,
        importance = Low,
        group = "Serialization",
        width = Medium,
        display = "Decimal Format"
    )]
    pub decimal_format: DecimalFormat,

    /// Whether to replace fields that have a default value and that are null to the default value. When set to true,
    /// the default value is used, otherwise null is used.
    #[config(
        default = true,
        importance = Low,
        group = "Serialization",
        width = Medium,
        display = "Replace null with default"
    )]
    pub replace_null_with_default: bool,
}

impl Default for JsonConverterConfig {
    fn default() -> Self {
        Self {
            converter_type: "value".to_owned(),
            schemas_enable: true,
            schemas_cache_size: 1000,
            schema_content: None,
            decimal_format: DecimalFormat::Base64,
            replace_null_with_default: true,
        }
    }
}

/// JSON as Kafka Connect writes and reads it.
///
/// With `schemas.enable=true`, the default, each message is an object of two members, `schema` and `payload`. Without,
/// it is the payload alone: reading gives integers of 64 bits, doubles, text, lists and maps.
///
/// Reading keeps the order of members; maps of one form share their list of keys; texts longer than 24 bytes are
/// slices of the message. Documents may be nested 1000 levels deep, schemas in them 200.
///
/// # Errors
///
/// A data error when a message is not JSON, or does not fit its schema, or when a value cannot be written.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use connect_api::{Converter, RawHeaders};
/// use connect_runtime::converters::{JsonConverter, JsonConverterConfig};
///
/// let config = JsonConverterConfig { schemas_enable: false, ..Default::default() };
/// let converter = JsonConverter::new(config)?;
/// let order = Bytes::from(r#"{"id": 7, "price": 1.50, "tags": ["new"]}"#);
/// let data = converter.to_connect_data("orders", &RawHeaders::new(), Some(&order))?;
/// assert_eq!(data.value.to_string(), "{id=7, price=1.5, tags=[new]}");
///
/// let mut out = BytesMut::new();
/// converter.from_connect_data("orders", &mut RawHeaders::new(), &data, &mut out)?;
/// assert_eq!(&out[..], br#"{"id":7,"price":1.5,"tags":["new"]}"#);
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.json.JsonConverter")]
pub struct JsonConverter {
    config: JsonConverterConfig,
    /// The schema of all messages, when one is configured.
    schema: Option<Schema>,
    state: Mutex<State>,
}

/// What one conversion leaves for the next.
#[derive(Debug)]
struct State {
    tree: Tree,
    reader: Reader,
    /// The schema of the last message, and its JSON.
    last_read: (Bytes, Option<Schema>),
    read: Cache<Bytes, (Bytes, Schema)>,
    /// What is being written.
    buffer: Vec<u8>,
    last_written: Option<(Schema, Bytes)>,
    written: Cache<Schema, Bytes>,
}

impl JsonConverter {
    /// A converter.
    ///
    /// # Errors
    ///
    /// A data error when the configured schema is not one.
    pub fn new(config: JsonConverterConfig) -> Result<Self> {
        let content = config.schema_content.as_deref().filter(|content| !content.trim().is_empty());
        let schema = match content {
            Some(content) if config.schemas_enable => {
                schema::read_text(content, config.replace_null_with_default).map_err(|error| {
                    Error::data("Failed to parse schema in converter config due to serialization error: ")
                        .with_source(error)
                })??
            }
            _ => None,
        };
        let size = usize::try_from(config.schemas_cache_size).unwrap_or(0);
        let state = State {
            tree: Tree::default(),
            reader: Reader::default(),
            last_read: (Bytes::new(), None),
            read: Cache::new(size),
            buffer: Vec::new(),
            last_written: None,
            written: Cache::new(size),
        };
        Ok(Self { config, schema, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, state: &mut State, bytes: Option<&Bytes>) -> Result<SchemaAndValue> {
        let Some(bytes) = bytes else { return Ok(SchemaAndValue::NULL) };
        let payload = encoding::utf8(bytes).map_err(not_json)?;
        let source = Source::new(&payload);
        if !self.config.schemas_enable {
            let read = state.reader.read(source, &payload, 0, 0).map_err(not_json)?;
            return Ok(SchemaAndValue::schemaless(read.map_or(Value::Null, |(value, _)| value)));
        }
        let replace_null = self.config.replace_null_with_default;
        if let Some(schema) = &self.schema {
            let (node, _) = state.tree.read(source, 0, 0).map_err(not_json)?;
            let value = Typed::new(source.text, &payload, replace_null).read(schema, Some(node))?;
            return Ok(SchemaAndValue::new(schema.clone(), value));
        }
        match state.read_same_schema(source, &payload, replace_null) {
            Some(read) => read,
            None => state.read_envelope(source, &payload, replace_null),
        }
    }

    fn write(&self, state: &mut State, data: &SchemaAndValue, out: &mut BytesMut) -> Result<Encoded> {
        if data.is_null() {
            return Ok(Encoded::Null);
        }
        let mut buffer = std::mem::take(&mut state.buffer);
        buffer.clear();
        let result = self.write_to(state, data, &mut buffer);
        if result.is_ok() {
            out.extend_from_slice(&buffer);
        }
        if buffer.capacity() <= KEPT_BUFFER {
            state.buffer = buffer;
        }
        result.map(|()| Encoded::Appended)
    }

    fn write_to(&self, state: &mut State, data: &SchemaAndValue, out: &mut Vec<u8>) -> Result<()> {
        let mut writer = Writer {
            out,
            replace_null: self.config.replace_null_with_default,
            numeric: self.config.decimal_format == DecimalFormat::Numeric,
            depth: 0,
        };
        if !self.config.schemas_enable {
            return writer.write(data.schema.as_ref(), data.value.as_ref());
        }
        writer.enter()?;
        writer.out.extend_from_slice(b"{\"schema\":");
        match &data.schema {
            Some(schema) => state.write_schema(&mut writer, schema)?,
            None => writer.out.extend_from_slice(b"null"),
        }
        writer.out.extend_from_slice(b",\"payload\":");
        writer.write(data.schema.as_ref(), data.value.as_ref())?;
        writer.out.push(b'}');
        Ok(())
    }
}

impl State {
    /// Reads an envelope that begins exactly as the one before, hence has its schema.
    fn read_same_schema(
        &mut self,
        source: Source<'_>,
        payload: &Bytes,
        replace_null: bool,
    ) -> Option<Result<SchemaAndValue>> {
        let (raw, schema) = &self.last_read;
        let rest = source.text.strip_prefix("{\"schema\":")?.as_bytes().strip_prefix(&**raw)?;
        let rest = rest.strip_prefix(b",\"payload\":")?;
        if raw.is_empty() {
            return None;
        }
        let start = source.text.len() - rest.len();
        let closed = |end: usize| {
            let doc = source.text.as_bytes();
            doc.get(parse::skip_space(doc, end)) == Some(&b'}')
        };
        match schema {
            Some(schema) => {
                let (node, end) = self.tree.read(source, start, 1).ok()?;
                closed(end).then(|| {
                    let value = Typed::new(source.text, payload, replace_null).read(schema, Some(node))?;
                    Ok(SchemaAndValue::new(schema.clone(), value))
                })
            }
            None => {
                let (value, end) = self.reader.read(source, payload, start, 1).ok()??;
                closed(end).then(|| Ok(SchemaAndValue::schemaless(value)))
            }
        }
    }

    fn read_envelope(
        &mut self,
        source: Source<'_>,
        payload: &Bytes,
        replace_null: bool,
    ) -> Result<SchemaAndValue> {
        let Self { tree, reader, last_read, read, .. } = self;
        let (node, _) = tree.read(source, 0, 0).map_err(not_json)?;
        let (Some(schema), Some(value), true) =
            (node.get("schema"), node.get("payload"), node.members().len() == 2)
        else {
            return Err(Error::data(
                "JsonConverter with schemas.enable requires \"schema\" and \"payload\" fields and may not contain \
                 additional fields. If you are trying to deserialize plain JSON data, set schemas.enable=false in \
                 your converter configuration.",
            ));
        };
        let schema = match schema.kind() {
            Kind::Null => {
                *last_read = (Bytes::from_static(b"null"), None);
                None
            }
            Kind::Object { .. } => {
                let raw = schema.raw();
                let known = match read.get(raw.as_bytes()) {
                    Some(known) => known.clone(),
                    None => {
                        let Some(schema) = schema::read_text(raw, replace_null).map_err(not_json)?? else {
                            return Err(Error::illegal_state(
                                "A JSON object was read as the absence of a schema",
                            ));
                        };
                        let raw = Bytes::copy_from_slice(raw.as_bytes());
                        read.insert(raw.clone(), (raw.clone(), schema.clone()));
                        (raw, schema)
                    }
                };
                *last_read = (known.0, Some(known.1.clone()));
                Some(known.1)
            }
            _ => return Err(Error::data("Schema must contain 'type' field")),
        };
        let value = match &schema {
            Some(schema) => Typed::new(source.text, payload, replace_null).read(schema, Some(value))?,
            None => untyped(reader, source, payload, value)?,
        };
        Ok(SchemaAndValue { schema, value })
    }

    fn write_schema(&mut self, writer: &mut Writer<'_>, schema: &Schema) -> Result<()> {
        if let Some((last, json)) = &self.last_written
            && last.is_same(schema)
        {
            writer.out.extend_from_slice(json);
            return Ok(());
        }
        let json = match self.written.get(schema) {
            Some(json) => json.clone(),
            None => {
                let mut json = Vec::new();
                let mut writer = Writer { out: &mut json, ..*writer };
                schema::write(&mut writer, Some(schema), None)?;
                let json = Bytes::from(json);
                self.written.insert(schema.clone(), json.clone());
                json
            }
        };
        writer.out.extend_from_slice(&json);
        self.last_written = Some((schema.clone(), json));
        Ok(())
    }
}

/// Reads a node without schema.
fn untyped(reader: &mut Reader, source: Source<'_>, payload: &Bytes, node: Node<'_>) -> Result<Value> {
    match node.kind() {
        Kind::Null | Kind::Missing => Ok(Value::Null),
        Kind::Boolean(value) => Ok(Value::Boolean(value)),
        Kind::String { .. } => Ok(node
            .as_token()
            .map_or(Value::Null, |token| Value::String(value::str_of(source.text, payload, token)))),
        Kind::Integer | Kind::Float | Kind::Array | Kind::Object { .. } => {
            let read = reader.read(source, payload, node.start(), 1).map_err(not_json)?;
            Ok(read.map_or(Value::Null, |(value, _)| value))
        }
    }
}

#[cold]
fn not_json(error: Malformed) -> Error {
    Error::data("Converting byte[] to Kafka Connect data failed due to serialization error: ")
        .with_source(error)
}

impl Converter for JsonConverter {
    type Config = JsonConverterConfig;

    fn configure(config: JsonConverterConfig, _ty: ConverterType) -> Result<Self> {
        Self::new(config)
    }

    fn to_connect_data(
        &self,
        _topic: &str,
        _headers: &RawHeaders,
        bytes: Option<&Bytes>,
    ) -> Result<SchemaAndValue> {
        self.read(&mut self.state(), bytes)
    }

    fn from_connect_data(
        &self,
        _topic: &str,
        _headers: &mut RawHeaders,
        data: &SchemaAndValue,
        out: &mut BytesMut,
    ) -> Result<Encoded> {
        self.write(&mut self.state(), data, out)
    }

    fn to_connect_batch(
        &self,
        items: &mut dyn Iterator<Item = RawItem<'_>>,
        results: &mut Vec<Result<SchemaAndValue>>,
    ) {
        let mut state = self.state();
        for item in items {
            results.push(self.read(&mut state, item.bytes));
        }
    }

    fn from_connect_batch(
        &self,
        items: &mut dyn Iterator<Item = DataItem<'_>>,
        out: &mut BytesMut,
        results: &mut Vec<Result<(Encoded, Range<usize>)>>,
    ) {
        let mut state = self.state();
        for item in items {
            let start = out.len();
            let result = self.write(&mut state, item.data, out);
            if !matches!(result, Ok(Encoded::Appended)) {
                out.truncate(start);
            }
            results.push(result.map(|encoded| (encoded, start..out.len())));
        }
    }
}

impl HeaderConverter for JsonConverter {
    type Config = JsonConverterConfig;

    fn configure(config: JsonConverterConfig) -> Result<Self> {
        Self::new(config)
    }

    fn to_connect_header(&self, _topic: &str, _key: &str, bytes: Option<&Bytes>) -> Result<SchemaAndValue> {
        self.read(&mut self.state(), bytes)
    }

    fn from_connect_header(&self, _topic: &str, _key: &str, data: &SchemaAndValue) -> Result<Option<Bytes>> {
        super::header_bytes(|out| self.write(&mut self.state(), data, out))
    }
}
