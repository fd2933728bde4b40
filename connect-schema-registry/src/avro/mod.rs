//! [`AvroConverter`]: Avro with schemas in a registry.

mod anything;
pub(crate) mod compatibility;
mod config;
mod decode;
mod defaults;
mod encode;
mod from_connect;
mod names;
pub(crate) mod parse;
pub(crate) mod print;
pub(crate) mod schema;
mod to_connect;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use connect_api::{
    Converter, ConverterType, Encoded, Error, RawHeaders, Result, Schema, SchemaAndValue, Value,
};

pub use config::AvroConverterConfig;

use self::decode::Plan as ReadPlan;
use self::encode::{Failure, Plan as WritePlan};
use self::print::Form;
use self::schema::{AvroSchema, Name};
use crate::cache::Cache;
use crate::client::{RegistryClient, ResolvedSchema};
use crate::registry::{RegistrySchema, SchemaRegistry, SchemaType};
use crate::wire::{self, SchemaId};

/// A buffer that grew beyond this is given back after the message.
const KEPT_BUFFER: usize = 1 << 20;

/// Avro as Confluent's `AvroConverter` writes and reads it.
///
/// What Connect knows of a schema and Avro does not is kept in properties of the Avro schema (`connect.name`,
/// `connect.parameters` and so on), so that it comes back. Data is read with its writer's schema; the version under
/// which the registry has it becomes the version of the Connect schema.
///
/// # Errors
///
/// A data error when a message is no Avro, when the registry does not know its schema or refuses a new one (its own
/// message is the cause), or when a value does not fit its schema. A retriable error when the registry is not reached.
///
/// ```
/// use std::sync::Arc;
/// use bytes::BytesMut;
/// use connect_api::{Converter, ConverterType, ErrorKind, RawHeaders, Schema, SchemaAndValue};
/// use connect_schema_registry::avro::{AvroConverter, AvroConverterConfig};
/// # #[cfg(feature = "memory")]
/// use connect_schema_registry::registry::MemoryRegistry;
///
/// # #[cfg(feature = "memory")]
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let config = AvroConverterConfig::of_url("mock://example")?;
/// let converter = AvroConverter::new(config, ConverterType::Value, Arc::new(MemoryRegistry::new()));
/// let (data, mut out) = (SchemaAndValue::new(Schema::INT32, 1), BytesMut::new());
///
/// // The first time, the registry has to be asked. The runtime does this.
/// let error = converter.from_connect_data("numbers", &mut RawHeaders::new(), &data, &mut out).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unresolved);
/// converter.resolve(error).await?;
///
/// converter.from_connect_data("numbers", &mut RawHeaders::new(), &data, &mut out)?;
/// assert_eq!(out[..], [0, 0, 0, 0, 1, 2]);
/// # Ok::<(), connect_api::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[doc(alias = "io.confluent.connect.avro.AvroConverter")]
pub struct AvroConverter {
    config: AvroConverterConfig,
    client: RegistryClient,
    readers: Cache<(SchemaId, String), Arc<ReadPlan>>,
    writers: Cache<(Option<Schema>, String), Arc<Writer>>,
    state: Mutex<State>,
}

/// What one conversion leaves for the next.
#[derive(Debug, Default)]
struct State {
    buffer: Vec<u8>,
    last_read: Option<(SchemaId, String, Arc<ReadPlan>)>,
    last_written: Option<(Option<Schema>, String, Arc<Writer>)>,
}

/// How to write the values of a Connect schema to a topic.
#[derive(Debug)]
struct Writer {
    id: i32,
    plan: WritePlan,
    ttl: Option<Duration>,
}

/// What a conversion lacked.
#[derive(Debug, thiserror::Error)]
enum Missing {
    #[error("schema {id:?}")]
    Reader { id: SchemaId, topic: String },
    #[error("the id of a schema")]
    Writer { schema: Option<Schema>, topic: String, own: Arc<AvroSchema> },
}

impl AvroConverter {
    /// A converter around a registry. Through configuration, use [`configure`](Converter::configure).
    pub fn new(config: AvroConverterConfig, ty: ConverterType, registry: Arc<dyn SchemaRegistry>) -> Self {
        let size = usize::try_from(config.schemas_cache_config).unwrap_or(0).max(1);
        let client = RegistryClient::new(registry, config.serde.clone(), ty == ConverterType::Key);
        Self { config, client, readers: Cache::new(size), writers: Cache::new(size), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self, state: &mut State, id: SchemaId, topic: &str) -> Result<Arc<ReadPlan>> {
        if let Some((last, of, plan)) = &state.last_read
            && *last == id
            && of == topic
        {
            return Ok(Arc::clone(plan));
        }
        let key = (id, topic.to_owned());
        match self.readers.get(&key) {
            Some(plan) => {
                state.last_read = Some((key.0, key.1, Arc::clone(&plan)));
                Ok(plan)
            }
            None => Err(unresolved(Missing::Reader { id, topic: key.1 })),
        }
    }

    fn writer(&self, state: &mut State, data: &SchemaAndValue, topic: &str) -> Result<Arc<Writer>> {
        if let Some((schema, of, writer)) = &state.last_written
            && of == topic
            && same(schema.as_ref(), data.schema.as_ref())
        {
            return Ok(Arc::clone(writer));
        }
        let key = (data.schema.clone(), topic.to_owned());
        if let Some(writer) = self.writers.get(&key) {
            if writer.ttl.is_none() {
                state.last_written = Some((key.0, key.1, Arc::clone(&writer)));
            }
            return Ok(writer);
        }
        // A value that does not fit its schema must not register the schema.
        let own = from_connect::schema(data.schema.as_ref(), &self.config)?;
        let plan = encode::compile(data.schema.as_ref(), &own, &own, &self.config)?;
        if let Err(Failure::Value(error)) = plan.write(&data.value, &mut Vec::new()) {
            return Err(error);
        }
        Err(unresolved(Missing::Writer { schema: key.0, topic: key.1, own: Arc::new(own) }))
    }

    async fn load_reader(&self, id: SchemaId, topic: &str) -> Result<(Arc<ReadPlan>, Option<Duration>)> {
        let failed = |error| not_read(topic, error);
        let strategy = self.client.strategy();
        let load = |subject: Option<String>| async move {
            self.client.reader_schema(id, subject.as_deref(), SchemaType::Avro).await
        };
        let (subject, resolved, avro) = if strategy.needs_record() {
            let resolved = load(Some(String::new())).await.map_err(failed)?;
            let avro = parse_resolved(&resolved).map_err(failed)?;
            let record = record_name(&avro);
            let subject = self.client.subject(topic, record.as_deref()).map_err(failed)?;
            (subject.clone(), load(Some(subject)).await.map_err(failed)?, avro)
        } else {
            let subject = self.client.subject(topic, None).map_err(failed)?;
            let resolved = load(Some(subject.clone())).await.map_err(failed)?;
            let avro = parse_resolved(&resolved).map_err(failed)?;
            (subject, resolved, avro)
        };
        let version = self.client.reader_version(id, &subject, &resolved.schema).await.map_err(failed)?;
        Ok((Arc::new(to_connect::compile(&avro, Some(version), &self.config)?), None))
    }

    async fn load_writer(
        &self,
        schema: Option<&Schema>,
        topic: &str,
        own: &AvroSchema,
    ) -> Result<(Arc<Writer>, Option<Duration>)> {
        let failed = |error| not_written(topic, error);
        let text = print::print(own, Form::Plain).map_err(|why| failed(not_serialized(&why)))?;
        let subject = self.client.subject(topic, record_name(own).as_deref()).map_err(failed)?;
        let resolved =
            ResolvedSchema { schema: RegistrySchema::new(SchemaType::Avro, text), references: Vec::new() };
        let compatible = |registered: &ResolvedSchema| {
            let target = parse_resolved(registered)?;
            compatibility::reads(&target, own).map_err(|why| {
                not_serialized(&format!(
                    "Incompatible schema {} with refs [] of schema {}: {why}",
                    registered.schema.text,
                    print::print(own, Form::Plain).unwrap_or_default()
                ))
            })
        };
        let writer = self.client.writer_schema(&subject, &Arc::new(resolved), &compatible).await;
        let writer = writer.map_err(failed)?;
        let plan = if writer.own {
            encode::compile(schema, own, own, &self.config)?
        } else {
            let target = parse_resolved(&writer.schema).map_err(failed)?;
            encode::compile(schema, own, &target, &self.config)?
        };
        Ok((Arc::new(Writer { id: writer.id, plan, ttl: writer.ttl }), writer.ttl))
    }
}

/// The full name of a schema that is a record.
fn record_name(avro: &AvroSchema) -> Option<String> {
    match &avro.root().kind {
        schema::Kind::Record(record) => Some(Name::full(&record.name)),
        _ => None,
    }
}

fn parse_resolved(resolved: &ResolvedSchema) -> Result<AvroSchema> {
    let references = resolved.references.iter().map(|(_, text)| &**text);
    parse::parse(&resolved.schema.text, references, false).map_err(|why| {
        serialization("Could not parse the registry's Avro schema").with_source(Error::data(why))
    })
}

fn same(a: Option<&Schema>, b: Option<&Schema>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.is_same(b) || a == b,
        (None, None) => true,
        _ => false,
    }
}

#[cold]
fn unresolved(missing: Missing) -> Error {
    Error::unresolved(format!("The registry was not asked yet for {missing}")).with_source(missing)
}

#[cold]
fn serialization(message: impl Into<String>) -> Error {
    Error::data(message).with_java_class("org.apache.kafka.common.errors.SerializationException")
}

#[cold]
fn not_serialized(why: &str) -> Error {
    serialization("Error serializing Avro message").with_source(Error::data(why))
}

/// A wrapped error stays retriable.
#[cold]
fn wrapped(message: String, error: Error) -> Error {
    let outer = Error::data(message);
    let outer = if error.is_retriable() { outer.into_retriable() } else { outer };
    outer.with_source(error)
}

#[cold]
fn not_read(topic: &str, error: Error) -> Error {
    wrapped(format!("Failed to deserialize data for topic {topic} to Avro: "), error)
}

#[cold]
fn not_written(topic: &str, error: Error) -> Error {
    wrapped(format!("Failed to serialize Avro data from topic {topic} :"), error)
}

#[async_trait]
impl Converter for AvroConverter {
    type Config = AvroConverterConfig;

    fn configure(config: AvroConverterConfig, ty: ConverterType) -> Result<Self> {
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
        let frame = match wire::read(headers, self.client.is_key(), bytes) {
            Ok(frame) => frame,
            Err(error) if error.java_class() == "java.nio.BufferUnderflowException" => return Err(error),
            Err(error) => return Err(not_read(topic, error)),
        };
        let plan = self.reader(&mut self.state(), frame.id, topic)?;
        plan.read(&bytes.slice_ref(frame.payload)).map_err(|error| {
            let id = match frame.id {
                SchemaId::Id(id) => id.to_string(),
                SchemaId::Guid(_) => frame.id.guid().unwrap_or_default(),
            };
            let message = format!("Error deserializing Avro message for id {id}");
            not_read(topic, serialization(message).with_source(error))
        })
    }

    fn from_connect_data(
        &self,
        topic: &str,
        _headers: &mut RawHeaders,
        data: &SchemaAndValue,
        out: &mut BytesMut,
    ) -> Result<Encoded> {
        if data.value.is_null() && data.schema.as_ref().is_none_or(Schema::is_optional) {
            return Ok(Encoded::Null);
        }
        if let Some(schema) = &data.schema
            && schema.name() == Some(names::UNION)
            && schema.is_optional()
            && matches!(&data.value, Value::Struct(value) if value.values().iter().all(Value::is_null))
        {
            return Ok(Encoded::Null);
        }
        let mut state = self.state();
        let writer = self.writer(&mut state, data, topic)?;
        let mut buffer = std::mem::take(&mut state.buffer);
        buffer.clear();
        let written = writer.plan.write(&data.value, &mut buffer);
        let encoded = match written {
            Ok(true) => {
                wire::put_prefix(writer.id, out);
                out.extend_from_slice(&buffer);
                Ok(Encoded::Appended)
            }
            Ok(false) => Ok(Encoded::Null),
            Err(Failure::Value(error)) => Err(error),
            Err(Failure::Write(why)) => Err(not_written(topic, not_serialized(&why))),
        };
        if buffer.capacity() <= KEPT_BUFFER {
            state.buffer = buffer;
        }
        encoded
    }

    async fn resolve(&self, error: Error) -> Result<()> {
        let missing = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Missing>());
        match missing {
            Some(Missing::Reader { id, topic }) => {
                let key = (*id, topic.clone());
                self.readers.get_or_load(&key, self.load_reader(*id, topic)).await.map(drop)
            }
            Some(Missing::Writer { schema, topic, own }) => {
                let key = (schema.clone(), topic.clone());
                let load = self.load_writer(schema.as_ref(), topic, own);
                self.writers.get_or_load(&key, load).await.map(drop)
            }
            None => Err(error),
        }
    }
}
