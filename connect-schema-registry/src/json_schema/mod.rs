//! JSON Schema: [`JsonSchemaConverter`].
//!
//! Behind the schema id stands JSON. Structs are objects, lists arrays, maps objects or arrays of pairs, and what JSON
//! has no type for is said by members of the schema named `connect.…`. References between schemas are resolved through
//! the registry and nowhere else.

mod config;
mod data;
mod from_connect;
mod mapping;
mod to_connect;
mod validate;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use connect_api::{
    Converter, ConverterType, Encoded, Error, ErrorKind, RawHeaders, Result, Schema, SchemaAndValue,
};

pub use config::{DecimalFormat, JsonSchemaConverterConfig, SpecVersion};

use self::mapping::Mapping;
use self::validate::Validator;
use crate::cache::Cache;
use crate::client::{RegistryClient, ResolvedSchema};
use crate::json::Json;
use crate::registry::{RegistrySchema, SchemaRegistry, SchemaType};
use crate::wire::SchemaId;

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
pub struct JsonSchemaConverter {
    client: RegistryClient,
    config: JsonSchemaConverterConfig,
    mapping: Mapping,
    readers: Cache<ReadKey, Arc<Reader>>,
    writers: Cache<WriteKey, Arc<Writer>>,
}

impl fmt::Debug for JsonSchemaConverter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonSchemaConverter").field("client", &self.client).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ReadKey {
    id: SchemaId,
    topic: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct WriteKey {
    topic: String,
    schema: Schema,
}

#[derive(Debug)]
struct Reader {
    schema: Option<Schema>,
    validator: Option<Validator>,
}

#[derive(Debug)]
struct Writer {
    id: i32,
    validator: Option<Validator>,
}

/// What a conversion was missing.
#[derive(Clone, Debug, thiserror::Error)]
enum Missing {
    #[error("the schema {:?} of the topic {}", .0.id, .0.topic)]
    Reader(ReadKey),
    #[error("the id of a schema for the topic {}", .0.topic)]
    Writer(WriteKey),
}

impl JsonSchemaConverter {
    /// A converter with a registry of the caller's choice; the keys that say how to reach one have no effect.
    pub fn new(
        config: JsonSchemaConverterConfig,
        ty: ConverterType,
        registry: Arc<dyn SchemaRegistry>,
    ) -> Self {
        let client = RegistryClient::new(registry, config.serde.clone(), ty == ConverterType::Key);
        let size = usize::try_from(config.schemas_cache_config).unwrap_or(0);
        let mapping = config.mapping();
        Self { client, config, mapping, readers: Cache::new(size), writers: Cache::new(size) }
    }

    async fn load_reader(&self, key: ReadKey) -> Result<()> {
        let needs_record = self.client.strategy().needs_record();
        let first = if needs_record { String::new() } else { self.client.subject(&key.topic, None)? };
        let mut resolved = self.client.reader_schema(key.id, Some(&first), SchemaType::Json).await?;
        let json = parse(&resolved.schema.text)?;
        let subject = if needs_record {
            let title = json.get("title").and_then(Json::as_text);
            let subject = self.client.subject(&key.topic, title)?;
            resolved = self.client.reader_schema(key.id, Some(&subject), SchemaType::Json).await?;
            subject
        } else {
            first
        };
        let version = self.client.reader_version(key.id, &subject, &resolved.schema).await?;
        let schema = to_connect::schema(&json, &resolved.references, Some(version), &self.mapping)?;
        let validator =
            self.config.json_fail_invalid_schema.then(|| self.validator(&resolved)).transpose()?;
        self.readers.insert(key, Arc::new(Reader { schema, validator }), None);
        Ok(())
    }

    async fn load_writer(&self, key: WriteKey) -> Result<()> {
        let text = from_connect::schema(&key.schema, &self.mapping)?.to_string();
        let schema = RegistrySchema::new(SchemaType::Json, text);
        let own = Arc::new(ResolvedSchema { schema, references: Vec::new() });
        let subject = self.client.subject(&key.topic, key.schema.name())?;
        // What is written is checked against their schema, value by value.
        let chosen = self.client.writer_schema(&subject, &own, &|_| Ok(())).await?;
        let check = !chosen.own || self.config.json_fail_invalid_schema;
        let validator = check.then(|| self.validator(&chosen.schema)).transpose()?;
        self.writers.insert(key, Arc::new(Writer { id: chosen.id, validator }), chosen.ttl);
        Ok(())
    }

    fn validator(&self, schema: &ResolvedSchema) -> Result<Validator> {
        Validator::new(&schema.schema.text, &schema.references, self.config.json_schema_spec_version)
    }

    fn read(&self, topic: &str, headers: &RawHeaders, bytes: &Bytes) -> Result<SchemaAndValue> {
        let frame = crate::wire::read(headers, self.client.is_key(), bytes)?;
        let key = ReadKey { id: frame.id, topic: topic.to_owned() };
        let Some(reader) = self.readers.get(&key) else {
            return Err(Error::unresolved("A schema is not loaded").with_source(Missing::Reader(key)));
        };
        if let Some(validator) = &reader.validator {
            validator.check(frame.payload)?;
        }
        let text = std::str::from_utf8(frame.payload)
            .map_err(|error| Error::data(format!("The data is no text: {error}")))?;
        let value = data::read(reader.schema.as_ref(), &parse(text)?)?;
        Ok(match &reader.schema {
            Some(schema) => SchemaAndValue::new(schema.clone(), value),
            None => SchemaAndValue::schemaless(value),
        })
    }

    fn write(&self, topic: &str, data: &SchemaAndValue, out: &mut BytesMut) -> Result<()> {
        let Some(schema) = &data.schema else {
            return Err(Error::data(
                "JSON Schema needs a schema, and the value has none. Give it one, with a \
                                    transformation for instance, or use JsonConverter",
            ));
        };
        let key = WriteKey { topic: topic.to_owned(), schema: schema.clone() };
        let Some(writer) = self.writers.get(&key) else {
            return Err(Error::unresolved("A schema is not registered").with_source(Missing::Writer(key)));
        };
        let text = data::write(schema, data.value.as_ref(), &self.mapping)?.to_string();
        if let Some(validator) = &writer.validator {
            validator.check(text.as_bytes())?;
        }
        crate::wire::put_prefix(writer.id, out);
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

fn parse(text: &str) -> Result<Json> {
    Json::parse(text).map_err(|error| Error::data(format!("This is no JSON: {error}")))
}

/// The error with its place, which is as retriable as it was.
fn placed(error: Error, place: String) -> Error {
    if error.kind() == ErrorKind::Unresolved {
        return error;
    }
    let outer = Error::data(place);
    let outer = if error.is_retriable() { outer.into_retriable() } else { outer };
    outer.with_source(error)
}

fn not_read(topic: &str, error: Error) -> Error {
    placed(
        error,
        format!(
            "Converting byte[] to Kafka Connect data failed due to serialization error of topic {topic}: "
        ),
    )
}

fn not_written(topic: &str, error: Error) -> Error {
    placed(
        error,
        format!(
            "Converting Kafka Connect data to byte[] failed due to serialization error of topic {topic}: "
        ),
    )
}

#[async_trait]
impl Converter for JsonSchemaConverter {
    type Config = JsonSchemaConverterConfig;

    fn configure(config: Self::Config, ty: ConverterType) -> Result<Self> {
        let registry = crate::registry::connect(&config.serde)?;
        Ok(Self::new(config, ty, registry))
    }

    fn to_connect_data(
        &self,
        topic: &str,
        headers: &RawHeaders,
        bytes: Option<&Bytes>,
    ) -> Result<SchemaAndValue> {
        let Some(bytes) = bytes else { return Ok(SchemaAndValue::NULL) };
        self.read(topic, headers, bytes).map_err(|error| not_read(topic, error))
    }

    fn from_connect_data(
        &self,
        topic: &str,
        _headers: &mut RawHeaders,
        data: &SchemaAndValue,
        out: &mut BytesMut,
    ) -> Result<Encoded> {
        if data.value.is_null() {
            return Ok(Encoded::Null);
        }
        self.write(topic, data, out).map_err(|error| not_written(topic, error))?;
        Ok(Encoded::Appended)
    }

    async fn resolve(&self, error: Error) -> Result<()> {
        let missing = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Missing>());
        match missing.cloned() {
            Some(Missing::Reader(key)) => {
                let topic = key.topic.clone();
                self.load_reader(key).await.map_err(|error| not_read(&topic, error))
            }
            Some(Missing::Writer(key)) => {
                let topic = key.topic.clone();
                self.load_writer(key).await.map_err(|error| not_written(&topic, error))
            }
            None => Err(error),
        }
    }
}
