//! Converters whose schemas are in a registry, against a registry in memory that is empty for each case.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use connect_api::data::{Type, java};
use connect_api::{
    Config, Converter, ConverterType, Encoded, Error, ErrorKind, Properties, RawHeaders, Result, Schema,
    SchemaAndValue,
};
use connect_schema_registry::avro::{AvroConverter, AvroConverterConfig};
use connect_schema_registry::protobuf::{ProtobufConverter, ProtobufConverterConfig};
use connect_schema_registry::registry::{
    Compatibility, MemoryRegistry, Registered, RegistryError, RegistrySchema, SchemaReference, SchemaType,
};

use super::{converters, properties};
use crate::Json;
use crate::failure::{Answer, Failure, Thrown, bad_case, staged};
use crate::notation::{base64, read_data, write_data};

/// What the cases name by its Java class.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    Avro,
    Protobuf,
}

/// Answers a case of the operation.
pub(super) fn run(case: &Json, op: &str) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| Thrown::new("java.io.IOException", error.to_string()))?;
    let setting = Setting::of(case)?;
    let answer = runtime.block_on(async {
        match op {
            "registry_from_connect" => setting.written(case).await,
            "registry_to_connect" => setting.to_connect(case).await,
            _ => setting.round_trip(case).await,
        }
    });
    match answer {
        Err(Failure::Thrown(thrown)) if is_bare(&thrown) => Err(Failure::Skip(BARE)),
        other => other,
    }
}

/// What Java's Protobuf converter writes and nobody can read.
const BARE: &str = "a Protobuf message is no date, time, decimal or enum by itself";

fn is_bare(thrown: &Thrown) -> bool {
    thrown.message.as_ref().is_some_and(|message| message.contains("cannot be a message by itself"))
        || thrown.cause.as_deref().is_some_and(is_bare)
}

struct Setting {
    class: Class,
    registry: Arc<MemoryRegistry>,
    converter: Box<dyn Converter>,
    topic: String,
    is_key: bool,
}

impl Setting {
    fn of(case: &Json) -> Answer<Self> {
        let name = case.text("class").unwrap_or_default();
        let class = match name.rsplit('.').next() {
            Some("AvroConverter") => Class::Avro,
            Some("ProtobufConverter") => Class::Protobuf,
            _ => return bad_case(format!("no class {name}")),
        };
        let is_key = case.flag("is_key").unwrap_or(false);
        let ty = if is_key { ConverterType::Key } else { ConverterType::Value };
        let mut config = properties(case);
        let url = "schema.registry.url";
        if case.get("config").and_then(|config| config.get(url)).is_none() {
            config.insert(url, "mock://case");
        }
        let registry = Arc::new(MemoryRegistry::new());
        let made = converter(class, &config, ty, &registry);
        let converter = staged("configure", made)?;
        let topic = case.text("topic").unwrap_or_else(|| "topic".to_owned());
        Ok(Self { class, registry, converter, topic, is_key })
    }
}

/// A converter around the registry of the case.
fn converter(
    class: Class,
    config: &Properties,
    ty: ConverterType,
    registry: &Arc<MemoryRegistry>,
) -> Answer<Box<dyn Converter>> {
    let registry = Arc::clone(registry);
    Ok(match class {
        Class::Avro => Box::new(AvroConverter::new(AvroConverterConfig::parse(config)?, ty, registry)),
        Class::Protobuf => {
            Box::new(ProtobufConverter::new(ProtobufConverterConfig::parse(config)?, ty, registry))
        }
    })
}

impl Setting {
    async fn prepare(&self, case: &Json) -> Answer<()> {
        let level = case.text("compatibility").unwrap_or_else(|| "NONE".to_owned());
        let Some(level) = Compatibility::of_name(&level) else { return bad_case("unknown compatibility") };
        self.registry.set_compatibility(level);
        for entry in case.get("registered").map(Json::children).unwrap_or_default() {
            let ty = self.schema_type(entry)?;
            let subject = entry.text("subject").unwrap_or_default();
            self.put(&subject, ty, entry, 0).await?;
        }
        Ok(())
    }

    fn schema_type(&self, json: &Json) -> Answer<SchemaType> {
        let stated = json.text("schema_type").or_else(|| json.text("schemaType"));
        match stated {
            Some(stated) => stated.parse().map_err(|error| refused(&error)),
            None if self.class == Class::Protobuf => Ok(SchemaType::Protobuf),
            None => Ok(SchemaType::Avro),
        }
    }

    /// Puts the schema of a case's object into the registry, after its references, and answers its id.
    async fn put(&self, subject: &str, ty: SchemaType, json: &Json, version: i32) -> Answer<i32> {
        let mut references = Vec::new();
        for reference in json.get("references").map(Json::children).unwrap_or_default() {
            let version = reference.get("version").map_or(1, Json::as_int);
            let subject = reference.text("subject").unwrap_or_default();
            let is_there = |other: &Registered| other.subject == subject && other.version == version;
            if reference.get("schema").is_some() && !self.registry.all().iter().any(is_there) {
                Box::pin(self.put(&subject, ty, reference, version)).await?;
            }
            references.push(SchemaReference {
                name: reference.text("name").unwrap_or_default(),
                subject,
                version,
            });
        }
        let text = match json.get("schema") {
            Some(Json::Text(text)) if !text.bytes().all(|byte| byte.is_ascii_lowercase()) => text.clone(),
            Some(schema) => schema.to_string(),
            None => return bad_case("no schema"),
        };
        let schema = RegistrySchema::new(ty, text).with_references(references);
        self.registry.import(subject, version, &schema).map_err(|error| refused(&error))
    }

    async fn write(&self, case: &Json) -> Answer<Option<Bytes>> {
        let data = staged("input", read_data(case))?;
        let written = resolving(&*self.converter, || {
            let mut out = BytesMut::new();
            let encoded =
                self.converter.from_connect_data(&self.topic, &mut RawHeaders::new(), &data, &mut out)?;
            Ok(match encoded {
                Encoded::Null => None,
                Encoded::Appended => Some(out.freeze()),
                Encoded::Shared(bytes) => Some(bytes),
            })
        });
        staged("apply", written.await.map_err(Failure::from))
    }

    async fn read(&self, case: &Json, bytes: Option<&Bytes>) -> Answer {
        let headers = RawHeaders::new();
        let read =
            resolving(&*self.converter, || self.converter.to_connect_data(&self.topic, &headers, bytes));
        let data: SchemaAndValue = read.await?;
        let schemaless = case.get("schema").and_then(|schema| schema.text("name"));
        if bytes.is_some() && data == SchemaAndValue::NULL && schemaless.as_deref() != Some("Anything") {
            // Java's answer is no pair at all, which its worker takes for a pair of nulls.
            return Ok(Json::Null);
        }
        if data.schema.as_ref().is_some_and(has_struct_default) {
            return Err(Failure::Skip("the schema of a struct that is a default does not contain itself"));
        }
        let mut json = write_data(&data);
        buffers(&mut json);
        Ok(json)
    }

    async fn written(&self, case: &Json) -> Answer {
        no_buffer(case)?;
        self.prepare(case).await?;
        let before = self.registry.all();
        let bytes = not_cut_off(self.write(case).await)?;
        let Some(bytes) = bytes else { return Ok(Json::object([("payload", Json::Null)])) };
        let Some((prefix, payload)) = bytes.split_first_chunk::<5>() else { return bad_case("no frame") };
        let id = i32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
        let all = self.registry.all();
        let fresh: Vec<&Registered> = all.iter().filter(|entry| !before.contains(entry)).collect();
        let main = fresh.iter().rev().find(|entry| entry.id == id).copied();
        let main = main.or_else(|| all.iter().find(|entry| entry.id == id));
        let mut json = main.map_or_else(|| Json::object([("id", id.into())]), entry);
        json.set("payload", java::base64_encode(payload));
        let written = fresh.iter().map(|other| match Some(*other) == main {
            true => Json::from(other.subject.as_str()),
            false => entry(other),
        });
        json.set("written", written.collect::<Json>());
        Ok(json)
    }

    async fn to_connect(&self, case: &Json) -> Answer {
        self.prepare(case).await?;
        let mut id = 0;
        if case.some("schema").is_some() {
            let half = if self.is_key { "key" } else { "value" };
            let subject = case.text("subject").unwrap_or_else(|| format!("{}-{half}", self.topic));
            id = self.put(&subject, self.schema_type(case)?, case, 0).await?;
        }
        let bytes = match case.text("payload") {
            Some(payload) => {
                let mut bytes = BytesMut::new();
                bytes.put_u8(0);
                bytes.put_i32(id);
                bytes.extend_from_slice(&base64(&payload)?);
                Some(bytes.freeze())
            }
            None => converters::input(case)?,
        };
        staged("apply", self.read(case, bytes.as_ref()).await)
    }

    async fn round_trip(&self, case: &Json) -> Answer {
        no_buffer(case)?;
        self.prepare(case).await?;
        let bytes = not_cut_off(self.write(case).await)?;
        staged("back", self.read(case, bytes.as_ref()).await)
    }
}

/// Converts as the runtime does: what is missing is resolved, and the conversion repeated.
async fn resolving<T>(converter: &dyn Converter, convert: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 0..8 {
        match convert() {
            Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await?,
            other => return other,
        }
    }
    Err(Error::illegal_state("The converter does not find what it resolved"))
}

fn entry(registered: &Registered) -> Json {
    let references = registered.schema.references.iter().map(|reference| {
        Json::object([
            ("name", reference.name.as_str().into()),
            ("subject", reference.subject.as_str().into()),
            ("version", reference.version.into()),
        ])
    });
    Json::object([
        ("subject", registered.subject.as_str().into()),
        ("version", registered.version.into()),
        ("schema_type", registered.schema.ty.as_str().into()),
        ("schema", (*registered.schema.text).into()),
        ("references", references.collect::<Json>()),
    ])
}

/// Java tells two classes of bytes apart where there is no schema, and takes only one.
fn no_buffer(case: &Json) -> Answer<()> {
    let schemaless = case.some("schema").is_none();
    match case.get("value").is_some_and(|value| value.to_string().contains("\"bytebuffer\"")) && schemaless {
        true => Err(Failure::Skip("bytes are one type here")),
        false => Ok(()),
    }
}

/// Java cuts off what is longer than a fixed, and says nothing.
fn not_cut_off<T>(answer: Answer<T>) -> Answer<T> {
    let too_long = |error: &str| {
        error.split("A fixed of ").skip(1).any(|rest| {
            let words = rest.split(|letter: char| !letter.is_ascii_digit());
            let mut numbers = words.filter_map(|word| word.parse::<usize>().ok());
            numbers.next().zip(numbers.next()).is_some_and(|(size, length)| length > size)
        })
    };
    match answer {
        Err(Failure::Thrown(thrown)) if too_long(&format!("{thrown:?}")) => {
            Err(Failure::Skip("what is longer than a fixed is refused here"))
        }
        other => other,
    }
}

/// Java's default of a struct has the schema that has the default.
fn has_struct_default(schema: &Schema) -> bool {
    if schema.is_recursive() {
        return false;
    }
    let below = |schema: Option<&Schema>| schema.is_some_and(has_struct_default);
    match schema.ty() {
        Type::Struct => {
            let fields = schema.fields().unwrap_or_default();
            schema.default_value().is_some() || fields.iter().any(|field| has_struct_default(field.schema()))
        }
        Type::Array => below(schema.value_schema().ok().flatten()),
        Type::Map => below(schema.key_schema().ok().flatten()) || below(schema.value_schema().ok().flatten()),
        _ => false,
    }
}

/// Java's converters answer bytes in another class than other converters do.
fn buffers(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(buffers),
        Json::Object(members) => {
            let is_tag = members.len() == 1 && matches!(members[0].1, Json::Text(_));
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("bytes", Json::Text(_)) if is_tag => *name = "bytebuffer".to_owned(),
                    ("struct", Json::Object(fields)) => {
                        fields.iter_mut().for_each(|(_, value)| buffers(value))
                    }
                    (_, value) => buffers(value),
                }
            }
        }
        _ => {}
    }
}

fn refused(error: &RegistryError) -> Failure {
    Failure::Thrown(Thrown::new("RestClientException", error.to_string()))
}
