//! Protobuf: [`ProtobufConverter`].
//!
//! Behind the schema id stand the indexes that say which message of the schema the data is, then the message. Structs
//! are messages, lists repeated fields, maps messages with the fields `key` and `value`, structs named
//! `io.confluent.connect.protobuf.Union.X` oneofs, and dates, times and decimals Google's and Confluent's common types.
//! The mapping is that of Confluent's converter, in both directions.
//!
//! Schemas are parsed by `protox-parse`; data is read and written by plans that are compiled once per schema.

mod check;
mod compatible;
mod config;
mod definition;
mod indexes;
mod known;
#[cfg(feature = "memory")]
pub(crate) mod language;
mod mapping;
mod meta;
mod names;
mod own;
mod plan;
mod print;
mod read;
mod schema;
mod temporal;
mod to_connect;
mod wire;
mod write;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use connect_api::data::{SchemaAndValue, Value};
use connect_api::{Converter, ConverterType, Encoded, Error, RawHeaders, Result, Schema};

pub use config::ProtobufConverterConfig;

use self::mapping::Mapping;
use self::own::Own;
use self::plan::Reader;
use self::schema::{ProtoSchema, Scalar};
use self::wire::Input;
use self::write::Writer;
use crate::cache::Cache;
use crate::client::{RegistryClient, ResolvedSchema};
use crate::registry::{RegistryError, RegistrySchema, SchemaReference, SchemaRegistry, SchemaType};
use crate::wire::SchemaId;

/// The converter between Connect data and Protobuf with schemas in a registry:
/// `io.confluent.connect.protobuf.ProtobufConverter`.
///
/// ```
/// use std::sync::Arc;
///
/// use connect_api::{Bytes, BytesMut, Converter, ConverterType, Encoded, RawHeaders, Schema, SchemaAndValue, Struct};
/// use connect_schema_registry::protobuf::{ProtobufConverter, ProtobufConverterConfig};
/// use connect_schema_registry::registry::MemoryRegistry;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let config = ProtobufConverterConfig::of_url("http://registry")?;
/// let registry = Arc::new(MemoryRegistry::new());
/// let converter = ProtobufConverter::new(config, ConverterType::Value, registry);
///
/// let schema = Schema::structure().name("shop.Order").field("id", Schema::INT64).build()?;
/// let order = SchemaAndValue::from(Struct::new(schema)?.with("id", 7_i64)?);
/// let (mut headers, mut out) = (RawHeaders::new(), BytesMut::new());
/// // What the registry knows is asked once; the runtime does this.
/// let missing = converter.from_connect_data("orders", &mut headers, &order, &mut out).unwrap_err();
/// converter.resolve(missing).await?;
/// assert_eq!(converter.from_connect_data("orders", &mut headers, &order, &mut out)?, Encoded::Appended);
/// assert_eq!(&out[..], [0, 0, 0, 0, 1, 0, 8, 7]);
/// # Ok::<(), connect_api::Error>(())
/// # }).unwrap();
/// ```
pub struct ProtobufConverter {
    client: RegistryClient,
    config: ProtobufConverterConfig,
    mapping: Mapping,
    readers: Cache<ReadKey, Arc<Reader>>,
    writers: Cache<WriteKey, Arc<Prepared>>,
    /// What was used last, which most records use again.
    last_read: Last<ReadKey, Reader>,
    last_written: Last<WriteKey, Prepared>,
}

impl fmt::Debug for ProtobufConverter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtobufConverter").field("client", &self.client).finish_non_exhaustive()
    }
}

/// What was used last.
type Used<K, V> = Option<(K, Arc<V>)>;

struct Last<K, V>(Mutex<Used<K, V>>);

impl<K, V> Default for Last<K, V> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<K, V> Last<K, V> {
    fn get(&self, same: impl Fn(&K) -> bool) -> Option<Arc<V>> {
        let used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.as_ref().filter(|(key, _)| same(key)).map(|(_, value)| Arc::clone(value))
    }

    fn set(&self, key: K, value: &Arc<V>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((key, Arc::clone(value)));
    }
}

/// Which message of which schema in which topic, whose subject gives the version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ReadKey {
    id: SchemaId,
    topic: String,
    path: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct WriteKey {
    topic: String,
    schema: Schema,
}

/// Everything to write values of a schema.
#[derive(Debug)]
struct Prepared {
    id: i32,
    path: Vec<usize>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Struct(Writer),
    Wrapper(Scalar),
}

/// What a conversion was missing.
#[derive(Clone, Debug, thiserror::Error)]
enum Missing {
    #[error("the schema {:?} of the topic {}", .0.id, .0.topic)]
    Reader(ReadKey),
    #[error("the id of a schema for the topic {}", .0.topic)]
    Writer(WriteKey),
}

impl ProtobufConverter {
    /// A converter with a registry of the caller's choice; the keys that say how to reach one have no effect.
    pub fn new(
        config: ProtobufConverterConfig,
        ty: ConverterType,
        registry: Arc<dyn SchemaRegistry>,
    ) -> Self {
        let client = RegistryClient::new(registry, config.serde.clone(), ty == ConverterType::Key);
        let size = usize::try_from(config.schemas_cache_config).unwrap_or(0);
        Self {
            client,
            mapping: config.mapping(),
            config,
            readers: Cache::new(size),
            writers: Cache::new(size),
            last_read: Last::default(),
            last_written: Last::default(),
        }
    }

    /// The reader of a message, if it is there.
    fn reader(&self, id: SchemaId, topic: &str, path: &[usize]) -> Result<Arc<Reader>> {
        let same = |key: &ReadKey| (key.id, key.topic.as_str(), key.path.as_slice()) == (id, topic, path);
        if let Some(reader) = self.last_read.get(same) {
            return Ok(reader);
        }
        let key = ReadKey { id, topic: topic.to_owned(), path: path.to_vec() };
        match self.readers.get(&key) {
            Some(reader) => {
                self.last_read.set(key, &reader);
                Ok(reader)
            }
            None => Err(Error::unresolved("A schema is not loaded").with_source(Missing::Reader(key))),
        }
    }

    fn writer(&self, topic: &str, schema: &Schema) -> Result<Arc<Prepared>> {
        // What is registered stays; what is the latest does not.
        if self.config.serde.auto_register_schemas {
            let same = |key: &WriteKey| key.schema.is_same(schema) && key.topic == topic;
            if let Some(writer) = self.last_written.get(same) {
                return Ok(writer);
            }
        }
        let key = WriteKey { topic: topic.to_owned(), schema: schema.clone() };
        match self.writers.get(&key) {
            Some(writer) => {
                self.last_written.set(key, &writer);
                Ok(writer)
            }
            None => Err(Error::unresolved("A schema is not registered").with_source(Missing::Writer(key))),
        }
    }

    async fn load_reader(&self, key: ReadKey) -> Result<()> {
        let needs_record = self.client.strategy().needs_record();
        let subject = if needs_record { String::new() } else { self.client.subject(&key.topic, None)? };
        let ty = SchemaType::Protobuf;
        let mut resolved = self.client.reader_schema(key.id, Some(&subject), ty).await?;
        let parsed = ProtoSchema::parse(&resolved.schema.text, &resolved.references)?;
        let message = parsed.at(&key.path)?;
        let subject = if needs_record {
            let subject = self.client.subject(&key.topic, Some(&parsed.messages[message].full_name))?;
            resolved = self.client.reader_schema(key.id, Some(&subject), ty).await?;
            subject
        } else {
            subject
        };
        let version = self.client.reader_version(key.id, &subject, &resolved.schema).await?;
        let reader = to_connect::reader(&parsed, message, Some(version), &self.mapping)?;
        self.readers.insert(key, Arc::new(reader), None);
        Ok(())
    }

    async fn load_writer(&self, key: WriteKey) -> Result<()> {
        let own = Own::of(&key.schema, &self.mapping)?;
        let mut schema = RegistrySchema::new(SchemaType::Protobuf, own.text.as_str());
        let mut references = Vec::new();
        if !self.config.skip_known_types {
            for import in &own.imports {
                schema.references.push(self.reference(import).await?);
                let text = known::text(import).unwrap_or_default();
                references.push(((*import).to_owned(), Arc::from(text)));
            }
        }
        let resolved = Arc::new(ResolvedSchema { schema, references });
        let subject = self.client.subject(&key.topic, Some(&own.full_name))?;
        let compatible = |theirs: &ResolvedSchema| self.compatible(theirs, &resolved);
        let chosen = self.client.writer_schema(&subject, &resolved, &compatible).await?;
        let path = if chosen.own {
            own.path
        } else {
            let theirs = ProtoSchema::parse(&chosen.schema.schema.text, &chosen.schema.references)?;
            theirs.path_to(&own.full_name).unwrap_or_else(|| vec![0])
        };
        let prepared = Prepared { id: chosen.id, path, body: own.body };
        self.writers.insert(key, Arc::new(prepared), chosen.ttl);
        Ok(())
    }

    /// Registers or looks up a common file that a schema imports.
    async fn reference(&self, import: &str) -> Result<SchemaReference> {
        let subject = self.config.reference_subject(import);
        let schema = RegistrySchema::new(SchemaType::Protobuf, known::text(import).unwrap_or_default());
        let failed =
            |error: RegistryError| error.into_error(format!("Error retrieving the schema of {import}"));
        if self.config.serde.auto_register_schemas && !self.config.reference_lookup_only {
            self.client.register(&subject, &schema).await.map_err(failed)?;
        }
        let found = self.client.lookup(&subject, &schema, true).await.map_err(failed)?;
        Ok(SchemaReference { name: import.to_owned(), subject, version: found.version })
    }

    fn compatible(&self, theirs: &ResolvedSchema, own: &ResolvedSchema) -> Result<()> {
        let reader = ProtoSchema::parse(&theirs.schema.text, &theirs.references)?;
        let writer = ProtoSchema::parse(&own.schema.text, &own.references)?;
        let Some(objection) = compatible::objection(&reader, &writer) else { return Ok(()) };
        let key = if self.config.serde.use_schema_id >= 0 { "id" } else { "latest" };
        let (theirs, own) = (&theirs.schema.text, &own.schema.text);
        Err(Error::data(format!(
            "Incompatible schema {theirs} for schema {own}. {objection}. Set {key}.compatibility.strict=false to \
             disable this check"
        )))
    }

    fn read(&self, topic: &str, headers: &RawHeaders, bytes: &Bytes) -> Result<SchemaAndValue> {
        let frame = crate::wire::read(headers, self.client.is_key(), bytes)?;
        let mut payload = Input::new(frame.payload);
        let indexes = if frame.header_rest.is_empty() {
            indexes::read(&mut payload)
        } else {
            indexes::read(&mut Input::new(frame.header_rest))
        };
        let reader = self.reader(frame.id, topic, &indexes?)?;
        reader.read(payload.rest(), bytes).map_err(|error| {
            Error::data(format!("Error deserializing Protobuf message for id {:?}", frame.id))
                .with_source(error)
        })
    }

    fn write(&self, topic: &str, data: &SchemaAndValue, out: &mut BytesMut) -> Result<()> {
        let Some(schema) = &data.schema else {
            return Err(Error::data(
                "Protobuf needs a schema, and the value has none. Give it one, with a transformation \
                                    for instance, or use another converter",
            ));
        };
        let prepared = self.writer(topic, schema)?;
        crate::wire::put_prefix(prepared.id, out);
        indexes::write(&prepared.path, out);
        match (&prepared.body, &data.value) {
            (Body::Struct(writer), Value::Struct(value)) => {
                if !value.schema().is_same(schema) && value.schema() != schema {
                    return Err(Error::data("Mismatching struct schema"));
                }
                writer.write(value, out)
            }
            (Body::Struct(_), value) => {
                Err(Error::data(format!("Invalid type for STRUCT: class {}", value.java_class_name())))
            }
            (Body::Wrapper(scalar), value) => write::put_wrapped(*scalar, value.as_ref(), out),
        }
    }
}

/// The error with its place, which is as retriable as it was.
fn placed(error: Error, place: String) -> Error {
    let outer = Error::data(place);
    let outer = if error.is_retriable() { outer.into_retriable() } else { outer };
    outer.with_source(error)
}

#[async_trait]
impl Converter for ProtobufConverter {
    type Config = ProtobufConverterConfig;

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

fn not_read(topic: &str, error: Error) -> Error {
    if error.kind() == connect_api::ErrorKind::Unresolved {
        return error;
    }
    placed(error, format!("Failed to deserialize data for topic {topic} to Protobuf: "))
}

fn not_written(topic: &str, error: Error) -> Error {
    if error.kind() == connect_api::ErrorKind::Unresolved {
        return error;
    }
    placed(error, format!("Failed to serialize Protobuf data from topic {topic} :"))
}
