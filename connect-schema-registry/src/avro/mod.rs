//! [`AvroConverter`]: Avro with schemas in a registry.

mod anything;
pub(crate) mod compatibility;
mod compile;
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

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use connect_api::{Error, Result, Schema, SchemaAndValue, Value};

pub use config::AvroConverterConfig;

use self::encode::Failure;
use self::print::Form;
use self::schema::{AvroSchema, Name};
use crate::client::{RegistryClient, ResolvedSchema, WriterSchema};
use crate::frame::{Format, Frame, Own, converter, not_written};
use crate::registry::{RegistrySchema, SchemaType};
use crate::wire::{self, SchemaId};

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
pub struct AvroConverter(Frame<Avro>);

converter!(AvroConverter, AvroConverterConfig, Avro);

/// Data in Avro's binary form, without the schema that a file has.
#[derive(Debug)]
struct Avro {
    config: AvroConverterConfig,
}

impl Avro {
    fn new(config: AvroConverterConfig) -> Self {
        Self { config }
    }
}

#[async_trait]
impl Format for Avro {
    const TYPE: SchemaType = SchemaType::Avro;
    const BARE_ERRORS: bool = true;

    type Place = ();
    type Parsed = AvroSchema;
    type Reader = decode::Plan;
    type Own = AvroSchema;
    type Writer = encode::Plan;

    fn not_read(topic: &str) -> String {
        format!("Failed to deserialize data for topic {topic} to Avro: ")
    }

    fn not_written(topic: &str) -> String {
        format!("Failed to serialize Avro data from topic {topic} :")
    }

    #[inline]
    fn place<'a>(&self, frame: &wire::Frame<'a>) -> Result<((), &'a [u8])> {
        Ok(((), frame.payload))
    }

    fn parse(&self, resolved: &ResolvedSchema) -> Result<AvroSchema> {
        let references = resolved.references.iter().map(|(_, text)| &**text);
        parse::parse(&resolved.schema.text, references, false).map_err(|why| {
            serialization("Could not parse the registry's Avro schema").with_source(Error::data(why))
        })
    }

    fn record(&self, parsed: &AvroSchema, (): &()) -> Result<Option<String>> {
        Ok(record_name(parsed))
    }

    fn reader(&self, parsed: &AvroSchema, _: &ResolvedSchema, (): &(), version: i32) -> Result<decode::Plan> {
        to_connect::compile(parsed, Some(version), &self.config)
    }

    #[inline]
    fn read(
        &self,
        reader: &decode::Plan,
        id: SchemaId,
        payload: &[u8],
        whole: &Bytes,
    ) -> Result<SchemaAndValue> {
        reader.read(payload, whole).map_err(|error| {
            serialization(format!("Error deserializing Avro message for id {id}")).with_source(error)
        })
    }

    fn is_tombstone(&self, data: &SchemaAndValue) -> bool {
        let Some(schema) = &data.schema else { return data.value.is_null() };
        if !schema.is_optional() {
            return false;
        }
        match &data.value {
            Value::Null => true,
            Value::Struct(value) => names::is_union(schema) && value.values().iter().all(Value::is_null),
            _ => false,
        }
    }

    /// A value that does not fit its schema must not register the schema.
    fn check(&self, _: &str, data: &SchemaAndValue) -> Result<()> {
        let own = from_connect::schema(data.schema.as_ref(), &self.config)?;
        let plan = compile::compile(data.schema.as_ref(), &own, &own, &self.config)?;
        match plan.write(&data.value, &mut Vec::new()) {
            Err(Failure::Value(error)) => Err(error),
            _ => Ok(()),
        }
    }

    async fn own(&self, _: &RegistryClient, schema: Option<&Schema>) -> Result<Own<AvroSchema>> {
        let form = from_connect::schema(schema, &self.config)?;
        let text = print::print(&form, Form::Plain).map_err(|why| not_serialized(&why))?;
        let schema = RegistrySchema::new(SchemaType::Avro, text);
        let resolved = Arc::new(ResolvedSchema { schema, references: Vec::new() });
        Ok(Own { resolved, record: record_name(&form), form })
    }

    fn compatible(&self, theirs: &ResolvedSchema, own: &Own<AvroSchema>) -> Result<()> {
        compatibility::reads(&self.parse(theirs)?, &own.form).map_err(|why| {
            let (theirs, own) = (&theirs.schema.text, &own.resolved.schema.text);
            not_serialized(&format!("Incompatible schema {theirs} with refs [] of schema {own}: {why}"))
        })
    }

    fn writer(
        &self,
        schema: Option<&Schema>,
        own: Own<AvroSchema>,
        chosen: &WriterSchema,
    ) -> Result<(encode::Plan, Vec<u8>)> {
        let plan = match chosen.own {
            true => compile::compile(schema, &own.form, &own.form, &self.config)?,
            false => compile::compile(schema, &own.form, &self.parse(&chosen.schema)?, &self.config)?,
        };
        Ok((plan, Vec::new()))
    }

    #[inline]
    fn write(
        &self,
        topic: &str,
        writer: &encode::Plan,
        data: &SchemaAndValue,
        scratch: &mut Vec<u8>,
        out: &mut BytesMut,
    ) -> Result<bool> {
        let written = writer.write(&data.value, scratch).map_err(|failure| match failure {
            Failure::Value(error) => error,
            Failure::Write(why) => not_written::<Self>(topic, not_serialized(&why)),
        })?;
        out.extend_from_slice(scratch);
        Ok(written)
    }
}

/// The full name of a schema that is a record.
fn record_name(avro: &AvroSchema) -> Option<String> {
    match &avro.root().kind {
        schema::Kind::Record(record) => Some(Name::full(&record.name)),
        _ => None,
    }
}

#[cold]
fn serialization(message: impl Into<String>) -> Error {
    Error::data(message).with_java_class("org.apache.kafka.common.errors.SerializationException")
}

#[cold]
fn not_serialized(why: &str) -> Error {
    serialization("Error serializing Avro message").with_source(Error::data(why))
}
