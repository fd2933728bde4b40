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

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use connect_api::data::{SchemaAndValue, Value};
use connect_api::{Error, Result, Schema};

pub use config::ProtobufConverterConfig;

use self::mapping::Mapping;
use self::plan::Reader;
use self::schema::{ProtoSchema, Scalar};
use self::wire::Input;
use self::write::Writer;
use crate::client::{RegistryClient, ResolvedSchema, WriterSchema};
use crate::frame::{Format, Frame, Own, converter, not_written};
use crate::registry::{RegistryError, RegistrySchema, SchemaReference, SchemaType};
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
#[derive(Debug)]
pub struct ProtobufConverter(Frame<Protobuf>);

converter!(ProtobufConverter, ProtobufConverterConfig, Protobuf);

/// Protobuf's binary form, behind the indexes of the message.
#[derive(Debug)]
struct Protobuf {
    config: ProtobufConverterConfig,
    mapping: Mapping,
}

/// How to write the values of a Connect schema.
#[derive(Debug)]
enum Body {
    Struct(Schema, Writer),
    Wrapper(Scalar),
}

impl Protobuf {
    fn new(config: ProtobufConverterConfig) -> Self {
        Self { mapping: config.mapping(), config }
    }

    /// Registers or looks up a common file that a schema imports.
    async fn reference(&self, client: &RegistryClient, import: &str) -> Result<SchemaReference> {
        let subject = self.config.reference_subject(import);
        let schema = RegistrySchema::new(SchemaType::Protobuf, known::text(import).unwrap_or_default());
        let failed =
            |error: RegistryError| error.into_error(format!("Error retrieving the schema of {import}"));
        if self.config.serde.auto_register_schemas && !self.config.reference_lookup_only {
            client.register(&subject, &schema).await.map_err(failed)?;
        }
        let found = client.lookup(&subject, &schema, true).await.map_err(failed)?;
        Ok(SchemaReference { name: import.to_owned(), subject, version: found.version })
    }
}

#[async_trait]
impl Format for Protobuf {
    const TYPE: SchemaType = SchemaType::Protobuf;

    /// The path of the message, empty for the first one, which most messages are.
    type Place = Vec<usize>;
    type Parsed = ProtoSchema;
    type Reader = Reader;
    type Own = own::Own;
    type Writer = Body;

    fn not_read(topic: &str) -> String {
        format!("Failed to deserialize data for topic {topic} to Protobuf: ")
    }

    fn not_written(topic: &str) -> String {
        format!("Failed to serialize Protobuf data from topic {topic} :")
    }

    #[inline]
    fn place<'a>(&self, frame: &crate::wire::Frame<'a>) -> Result<(Vec<usize>, &'a [u8])> {
        let mut payload = Input::new(frame.payload);
        let place = if frame.header_rest.is_empty() {
            indexes::read(&mut payload)?
        } else {
            indexes::read(&mut Input::new(frame.header_rest))?
        };
        Ok((place, payload.rest()))
    }

    fn parse(&self, resolved: &ResolvedSchema) -> Result<ProtoSchema> {
        ProtoSchema::parse(&resolved.schema.text, &resolved.references)
    }

    fn record(&self, parsed: &ProtoSchema, place: &Vec<usize>) -> Result<Option<String>> {
        let message = parsed.at(indexes::path(place))?;
        Ok(Some(parsed.messages[message].full_name.clone()))
    }

    fn reader(
        &self,
        parsed: &ProtoSchema,
        _: &ResolvedSchema,
        place: &Vec<usize>,
        version: i32,
    ) -> Result<Reader> {
        to_connect::reader(parsed, parsed.at(indexes::path(place))?, Some(version), &self.mapping)
    }

    #[inline]
    fn read(&self, reader: &Reader, id: SchemaId, payload: &[u8], whole: &Bytes) -> Result<SchemaAndValue> {
        reader.read(payload, whole).map_err(|error| {
            Error::data(format!("Error deserializing Protobuf message for id {id}")).with_source(error)
        })
    }

    fn check(&self, topic: &str, data: &SchemaAndValue) -> Result<()> {
        if data.schema.is_some() {
            return Ok(());
        }
        let error = Error::data(
            "Protobuf needs a schema, and the value has none. Give it one, with a transformation for instance, or use \
             another converter",
        );
        Err(not_written::<Self>(topic, error))
    }

    async fn own(&self, client: &RegistryClient, schema: Option<&Schema>) -> Result<Own<own::Own>> {
        let schema = schema.ok_or_else(|| Error::illegal_state("A value without schema was not refused"))?;
        let form = own::Own::of(schema, &self.mapping)?;
        let mut schema = RegistrySchema::new(SchemaType::Protobuf, form.text.as_str());
        let mut references = Vec::new();
        if !self.config.skip_known_types {
            for import in &form.imports {
                schema.references.push(self.reference(client, import).await?);
                let text = known::text(import).unwrap_or_default();
                references.push(((*import).to_owned(), Arc::from(text)));
            }
        }
        let resolved = Arc::new(ResolvedSchema { schema, references });
        Ok(Own { resolved, record: Some(form.full_name.clone()), form })
    }

    fn compatible(&self, theirs: &ResolvedSchema, own: &Own<own::Own>) -> Result<()> {
        let (reader, writer) = (self.parse(theirs)?, self.parse(&own.resolved)?);
        let Some(objection) = compatible::objection(&reader, &writer) else { return Ok(()) };
        let key = if self.config.serde.use_schema_id >= 0 { "id" } else { "latest" };
        let (theirs, own) = (&theirs.schema.text, &own.resolved.schema.text);
        Err(Error::data(format!(
            "Incompatible schema {theirs} for schema {own}. {objection}. Set {key}.compatibility.strict=false to \
             disable this check"
        )))
    }

    fn writer(
        &self,
        _: Option<&Schema>,
        own: Own<own::Own>,
        chosen: &WriterSchema,
    ) -> Result<(Body, Vec<u8>)> {
        let own = own.form;
        let path = match chosen.own {
            true => own.path,
            false => self.parse(&chosen.schema)?.path_to(&own.full_name).unwrap_or_else(|| vec![0]),
        };
        let mut place = BytesMut::new();
        indexes::write(&path, &mut place);
        Ok((own.body, place.to_vec()))
    }

    #[inline]
    fn write(
        &self,
        topic: &str,
        writer: &Body,
        data: &SchemaAndValue,
        _: &mut Vec<u8>,
        out: &mut BytesMut,
    ) -> Result<bool> {
        let written = match (writer, &data.value) {
            (Body::Struct(schema, writer), Value::Struct(value)) => {
                if value.schema().is_same(schema) || value.schema() == schema {
                    writer.write(value, out)
                } else {
                    Err(Error::data("Mismatching struct schema"))
                }
            }
            (Body::Struct(..), value) => {
                Err(Error::data(format!("Invalid type for STRUCT: class {}", value.java_class_name())))
            }
            (Body::Wrapper(scalar), value) => write::put_wrapped(*scalar, value.as_ref(), out),
        };
        written.map(|()| true).map_err(|error| not_written::<Self>(topic, error))
    }
}
