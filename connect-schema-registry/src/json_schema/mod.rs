//! JSON Schema: [`JsonSchemaConverter`].
//!
//! Behind the schema id stands JSON. Structs are objects, lists arrays, maps objects or arrays of pairs, and what JSON
//! has no type for is said by members of the schema named `connect.…`. References between schemas are resolved through
//! the registry and nowhere else.

mod config;
mod from_connect;
mod mapping;
mod pointer;
mod read;
mod to_connect;
mod validate;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use connect_api::{Error, Result, Schema, SchemaAndValue};

pub use config::{DecimalFormat, JsonSchemaConverterConfig, SpecVersion};

use self::mapping::Mapping;
use self::validate::Validator;
use crate::client::{RegistryClient, ResolvedSchema, WriterSchema};
use crate::frame::{Format, Frame, Own, converter, not_written};
use crate::json::Json;
use crate::registry::{RegistrySchema, SchemaType};
use crate::wire::{self, SchemaId};

/// The converter between Connect data and JSON with schemas in a registry:
/// `io.confluent.connect.json.JsonSchemaConverter`.
///
/// ```
/// use std::sync::Arc;
///
/// use connect_api::{BytesMut, Converter, ConverterType, Encoded, RawHeaders, Schema, SchemaAndValue};
/// use connect_schema_registry::json_schema::{JsonSchemaConverter, JsonSchemaConverterConfig};
/// use connect_schema_registry::registry::MemoryRegistry;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let config = JsonSchemaConverterConfig::of_url("http://registry")?;
/// let converter = JsonSchemaConverter::new(config, ConverterType::Value, Arc::new(MemoryRegistry::new()));
///
/// let data = SchemaAndValue::new(Schema::INT32, 7);
/// let (mut headers, mut out) = (RawHeaders::new(), BytesMut::new());
/// // What the registry knows is asked once; the runtime does this.
/// let missing = converter.from_connect_data("numbers", &mut headers, &data, &mut out).unwrap_err();
/// converter.resolve(missing).await?;
/// assert_eq!(converter.from_connect_data("numbers", &mut headers, &data, &mut out)?, Encoded::Appended);
/// assert_eq!(&out[..], b"\0\0\0\0\x017");
/// # Ok::<(), connect_api::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct JsonSchemaConverter(Frame<JsonSchema>);

converter!(JsonSchemaConverter, JsonSchemaConverterConfig, JsonSchema);

/// JSON.
#[derive(Debug)]
struct JsonSchema {
    config: JsonSchemaConverterConfig,
    mapping: Mapping,
}

/// How to read data: its Connect schema, none where everything is allowed.
#[derive(Debug)]
struct Reader {
    schema: Option<Schema>,
    validator: Option<Validator>,
}

/// How to write data.
#[derive(Debug)]
struct Writer {
    schema: Schema,
    validator: Option<Validator>,
}

impl JsonSchema {
    fn new(config: JsonSchemaConverterConfig) -> Self {
        Self { mapping: config.mapping(), config }
    }

    fn validator(&self, schema: &ResolvedSchema) -> Result<Validator> {
        Validator::new(&schema.schema.text, &schema.references, self.config.json_schema_spec_version)
    }
}

#[async_trait]
impl Format for JsonSchema {
    const TYPE: SchemaType = SchemaType::Json;

    type Place = ();
    type Parsed = Json;
    type Reader = Reader;
    type Own = Schema;
    type Writer = Writer;

    fn not_read(topic: &str) -> String {
        format!(
            "Converting byte[] to Kafka Connect data failed due to serialization error of topic {topic}: "
        )
    }

    fn not_written(topic: &str) -> String {
        format!(
            "Converting Kafka Connect data to byte[] failed due to serialization error of topic {topic}: "
        )
    }

    fn place<'a>(&self, frame: &wire::Frame<'a>) -> Result<((), &'a [u8])> {
        Ok(((), frame.payload))
    }

    fn parse(&self, resolved: &ResolvedSchema) -> Result<Json> {
        parse(&resolved.schema.text)
    }

    fn record(&self, parsed: &Json, (): &()) -> Result<Option<String>> {
        Ok(parsed.get("title").and_then(Json::as_text).map(str::to_owned))
    }

    fn reader(&self, parsed: &Json, resolved: &ResolvedSchema, (): &(), version: i32) -> Result<Reader> {
        let schema = to_connect::schema(parsed, &resolved.references, Some(version), &self.mapping)?;
        let validator = self.config.json_fail_invalid_schema.then(|| self.validator(resolved)).transpose()?;
        Ok(Reader { schema, validator })
    }

    fn read(&self, reader: &Reader, _: SchemaId, payload: &[u8], whole: &Bytes) -> Result<SchemaAndValue> {
        if let Some(validator) = &reader.validator {
            validator.check(payload)?;
        }
        let text = std::str::from_utf8(payload)
            .map_err(|error| Error::data(format!("The data is no text: {error}")))?;
        let value = read::read(reader.schema.as_ref(), text, whole)?;
        Ok(match &reader.schema {
            Some(schema) => SchemaAndValue::new(schema.clone(), value),
            None => SchemaAndValue::schemaless(value),
        })
    }

    fn check(&self, topic: &str, data: &SchemaAndValue) -> Result<()> {
        if data.schema.is_some() {
            return Ok(());
        }
        let error = Error::data(
            "JSON Schema needs a schema, and the value has none. Give it one, with a transformation for instance, or \
             use JsonConverter",
        );
        Err(not_written::<Self>(topic, error))
    }

    async fn own(&self, _: &RegistryClient, schema: Option<&Schema>) -> Result<Own<Schema>> {
        let schema = schema.ok_or_else(|| Error::illegal_state("A value without schema was not refused"))?;
        let text = from_connect::schema(schema, &self.mapping)?.to_string();
        let own = RegistrySchema::new(SchemaType::Json, text);
        let resolved = Arc::new(ResolvedSchema { schema: own, references: Vec::new() });
        Ok(Own { resolved, record: schema.name().map(str::to_owned), form: schema.clone() })
    }

    /// What is written is checked against their schema, value by value.
    fn compatible(&self, _: &ResolvedSchema, _: &Own<Schema>) -> Result<()> {
        Ok(())
    }

    fn writer(
        &self,
        _: Option<&Schema>,
        own: Own<Schema>,
        chosen: &WriterSchema,
    ) -> Result<(Writer, Vec<u8>)> {
        let check = !chosen.own || self.config.json_fail_invalid_schema;
        let validator = check.then(|| self.validator(&chosen.schema)).transpose()?;
        Ok((Writer { schema: own.form, validator }, Vec::new()))
    }

    fn write(
        &self,
        topic: &str,
        writer: &Writer,
        data: &SchemaAndValue,
        scratch: &mut Vec<u8>,
        out: &mut BytesMut,
    ) -> Result<bool> {
        let written = write::write(&writer.schema, data.value.as_ref(), &self.mapping, scratch);
        let checked = written.and_then(|()| match &writer.validator {
            Some(validator) => validator.check(scratch),
            None => Ok(()),
        });
        checked.map_err(|error| not_written::<Self>(topic, error))?;
        out.extend_from_slice(scratch);
        Ok(true)
    }
}

fn parse(text: &str) -> Result<Json> {
    Json::parse(text).map_err(|error| Error::data(format!("This is no JSON: {error}")))
}
