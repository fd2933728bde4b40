//! [`Frame`]: what is around the data of a message, alike for all formats.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use connect_api::{
    ConverterType, Encoded, Error, ErrorKind, RawHeaders, RawItem, Result, Schema, SchemaAndValue,
};

use crate::cache::Cache;
use crate::client::{RegistryClient, ResolvedSchema, WriterSchema};
use crate::config::SerdeConfig;
use crate::registry::{SchemaRegistry, SchemaType};
use crate::wire::{self, SchemaId};

/// A buffer that grew beyond this is given back after the message.
const KEPT_BUFFER: usize = 1 << 20;

/// A format of data with its language of schemas: what a converter adds to the [`Frame`].
#[async_trait]
pub(crate) trait Format: fmt::Debug + Send + Sync + 'static {
    /// What the registry calls its schemas.
    const TYPE: SchemaType;
    /// Whether schemas without a counterpart, and messages too short for an id, are reported without the topic, as Java's
    /// converter does it.
    const BARE_ERRORS: bool = false;

    /// Which part of a schema a message is of, where messages say so.
    type Place: Clone + fmt::Debug + Eq + Hash + Send + Sync + 'static;
    /// A schema of the registry.
    type Parsed: Send + Sync;
    /// How to read the data of a schema.
    type Reader: Send + Sync;
    /// The schema that was made of a Connect schema.
    type Own: Send + Sync;
    /// How to write the values of a Connect schema.
    type Writer: Send + Sync;

    /// How an error about a message of this topic begins.
    fn not_read(topic: &str) -> String;

    /// How an error about data for this topic begins.
    fn not_written(topic: &str) -> String;

    /// Which part of its schema a message is of, and its data.
    fn place<'a>(&self, frame: &wire::Frame<'a>) -> Result<(Self::Place, &'a [u8])>;

    fn parse(&self, resolved: &ResolvedSchema) -> Result<Self::Parsed>;

    /// The name of the record, for subjects that have it in their names.
    fn record(&self, parsed: &Self::Parsed, place: &Self::Place) -> Result<Option<String>>;

    fn reader(
        &self,
        parsed: &Self::Parsed,
        resolved: &ResolvedSchema,
        place: &Self::Place,
        version: i32,
    ) -> Result<Self::Reader>;

    /// Reads data, which is a part of `whole`.
    fn read(
        &self,
        reader: &Self::Reader,
        id: SchemaId,
        payload: &[u8],
        whole: &Bytes,
    ) -> Result<SchemaAndValue>;

    /// Whether nothing is written, and nothing registered.
    fn is_tombstone(&self, data: &SchemaAndValue) -> bool {
        data.value.is_null()
    }

    /// Refuses data whose schema is not known yet, before it is registered.
    fn check(&self, topic: &str, data: &SchemaAndValue) -> Result<()>;

    /// Makes the schema of a Connect schema.
    async fn own(&self, client: &RegistryClient, schema: Option<&Schema>) -> Result<Own<Self::Own>>;

    /// Whether a schema of the registry can read what the own one writes.
    fn compatible(&self, theirs: &ResolvedSchema, own: &Own<Self::Own>) -> Result<()>;

    /// How to write with the schema that was chosen; and what stands behind the id in each message.
    fn writer(
        &self,
        schema: Option<&Schema>,
        own: Own<Self::Own>,
        chosen: &WriterSchema,
    ) -> Result<(Self::Writer, Vec<u8>)>;

    /// Appends data; `false` if it is null after all. `scratch` is an empty buffer to be used at will.
    fn write(
        &self,
        topic: &str,
        writer: &Self::Writer,
        data: &SchemaAndValue,
        scratch: &mut Vec<u8>,
        out: &mut BytesMut,
    ) -> Result<bool>;
}

/// The schema of a Connect schema.
pub(crate) struct Own<T> {
    /// As the registry takes it.
    pub(crate) resolved: Arc<ResolvedSchema>,
    /// The name of the record, for subjects that have it in their names.
    pub(crate) record: Option<String>,
    pub(crate) form: T,
}

/// Everything of a converter but its format: which schema a message has, what was compiled for it, and how the registry
/// is asked when something is missing.
pub(crate) struct Frame<F: Format> {
    format: F,
    client: RegistryClient,
    readers: Cache<ReadKey<F::Place>, Arc<F::Reader>>,
    writers: Cache<WriteKey, Arc<Prepared<F::Writer>>>,
    state: Mutex<State<F>>,
}

/// What one conversion leaves for the next, which mostly needs the same.
struct State<F: Format> {
    scratch: Vec<u8>,
    last_read: Last<ReadKey<F::Place>, F::Reader>,
    last_written: Last<WriteKey, Prepared<F::Writer>>,
}

type Last<K, V> = Option<(K, Arc<V>)>;

/// Which part of which schema; the topic's subject gives the version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ReadKey<P> {
    id: SchemaId,
    place: P,
    topic: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct WriteKey {
    schema: Option<Schema>,
    topic: String,
}

/// Everything to write the values of a Connect schema to a topic.
struct Prepared<W> {
    /// What is in front of the data, or the header beside it.
    start: Start,
    writer: W,
    ttl: Option<Duration>,
}

enum Start {
    Prefix(Vec<u8>),
    Header(&'static str, Bytes),
}

/// What a conversion lacked.
#[derive(Clone, Debug, thiserror::Error)]
enum Missing<P: fmt::Debug> {
    #[error("the schema {} for messages of the topic {}", .0.id, .0.topic)]
    Reader(ReadKey<P>),
    #[error("the id of the schema of data for the topic {}", .0.topic)]
    Writer(WriteKey),
}

impl<F: Format> fmt::Debug for Frame<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("format", &self.format)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl<F: Format> Frame<F> {
    pub(crate) fn new(
        format: F,
        serde: &SerdeConfig,
        cache: i32,
        ty: ConverterType,
        registry: Arc<dyn SchemaRegistry>,
    ) -> Self {
        let size = usize::try_from(cache).unwrap_or(0);
        Self {
            format,
            client: RegistryClient::new(registry, serde.clone(), ty == ConverterType::Key),
            readers: Cache::new(size),
            writers: Cache::new(size),
            state: Mutex::new(State { scratch: Vec::new(), last_read: None, last_written: None }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read_one(
        &self,
        topic: &str,
        headers: &RawHeaders,
        bytes: Option<&Bytes>,
    ) -> Result<SchemaAndValue> {
        self.read(&mut self.state(), topic, headers, bytes)
    }

    pub(crate) fn read_batch(
        &self,
        items: &mut dyn Iterator<Item = RawItem<'_>>,
        results: &mut Vec<Result<SchemaAndValue>>,
    ) {
        let mut state = self.state();
        for item in items {
            results.push(self.read(&mut state, item.topic.as_str(), item.headers, item.bytes));
        }
    }

    fn read(
        &self,
        state: &mut State<F>,
        topic: &str,
        headers: &RawHeaders,
        bytes: Option<&Bytes>,
    ) -> Result<SchemaAndValue> {
        let Some(bytes) = bytes else { return Ok(SchemaAndValue::NULL) };
        let none = RawHeaders::new();
        let headers = if self.client.reads_headers() { headers } else { &none };
        let frame = wire::read(headers, self.client.is_key(), bytes).map_err(|error| {
            let bare = F::BARE_ERRORS && error.java_class() == wire::UNDERFLOW;
            if bare { error } else { not_read::<F>(topic, error) }
        })?;
        let (place, payload) = self.format.place(&frame).map_err(|error| not_read::<F>(topic, error))?;
        let same = |key: &ReadKey<F::Place>| key.id == frame.id && key.place == place && key.topic == topic;
        let reader = match &state.last_read {
            Some((key, reader)) if same(key) => reader,
            _ => {
                let key = ReadKey { id: frame.id, place, topic: topic.to_owned() };
                let Some(reader) = self.readers.get(&key) else {
                    return Err(unresolved(Missing::Reader(key)));
                };
                &state.last_read.insert((key, reader)).1
            }
        };
        self.format.read(reader, frame.id, payload, bytes).map_err(|error| not_read::<F>(topic, error))
    }

    pub(crate) fn write_one(
        &self,
        topic: &str,
        headers: &mut RawHeaders,
        data: &SchemaAndValue,
        out: &mut BytesMut,
    ) -> Result<Encoded> {
        if self.format.is_tombstone(data) {
            return Ok(Encoded::Null);
        }
        let mut state = self.state();
        let State { scratch, last_written, .. } = &mut *state;
        let found;
        let prepared = match &*last_written {
            Some((key, prepared))
                if key.topic == topic && same(key.schema.as_ref(), data.schema.as_ref()) =>
            {
                prepared
            }
            _ => {
                let key = WriteKey { schema: data.schema.clone(), topic: topic.to_owned() };
                let Some(prepared) = self.writers.get(&key) else {
                    self.format.check(topic, data)?;
                    return Err(unresolved(Missing::<F::Place>::Writer(key)));
                };
                // What is registered stays; what is the latest does not.
                if prepared.ttl.is_some() {
                    found = prepared;
                    &found
                } else {
                    &last_written.insert((key, prepared)).1
                }
            }
        };
        let start = out.len();
        if let Start::Prefix(prefix) = &prepared.start {
            out.extend_from_slice(prefix);
        }
        scratch.clear();
        let written = self.format.write(topic, &prepared.writer, data, scratch, out);
        if !matches!(written, Ok(true)) {
            out.truncate(start);
        } else if let Start::Header(name, id) = &prepared.start {
            headers.push(*name, id.clone());
        }
        if scratch.capacity() > KEPT_BUFFER {
            *scratch = Vec::new();
        }
        Ok(if written? { Encoded::Appended } else { Encoded::Null })
    }

    pub(crate) async fn resolve(&self, error: Error) -> Result<()> {
        let source = std::error::Error::source(&error);
        match source.and_then(|source| source.downcast_ref::<Missing<F::Place>>()).cloned() {
            Some(Missing::Reader(key)) => {
                self.readers.get_or_load(&key, self.load_reader(&key)).await.map(drop)
            }
            Some(Missing::Writer(key)) => {
                self.writers.get_or_load(&key, self.load_writer(&key)).await.map(drop)
            }
            None => Err(error),
        }
    }

    async fn load_reader(&self, key: &ReadKey<F::Place>) -> Result<(Arc<F::Reader>, Option<Duration>)> {
        let failed = |error| not_read::<F>(&key.topic, error);
        let load =
            |subject: String| async move { self.client.reader_schema(key.id, Some(&subject), F::TYPE).await };
        let needs_record = self.client.strategy().needs_record();
        let mut subject = match needs_record {
            true => String::new(),
            false => self.client.subject(&key.topic, None).map_err(failed)?,
        };
        let mut resolved = load(subject.clone()).await.map_err(failed)?;
        let parsed = self.format.parse(&resolved).map_err(failed)?;
        if needs_record {
            let record = self.format.record(&parsed, &key.place).map_err(failed)?;
            subject = self.client.subject(&key.topic, record.as_deref()).map_err(failed)?;
            resolved = load(subject.clone()).await.map_err(failed)?;
        }
        let version = self.client.reader_version(key.id, &subject, &resolved.schema).await;
        let reader = self.format.reader(&parsed, &resolved, &key.place, version.map_err(failed)?);
        let reader = reader.map_err(|error| if F::BARE_ERRORS { error } else { failed(error) })?;
        Ok((Arc::new(reader), None))
    }

    async fn load_writer(&self, key: &WriteKey) -> Result<(Arc<Prepared<F::Writer>>, Option<Duration>)> {
        self.prepare(key).await.map_err(|error| not_written::<F>(&key.topic, error))
    }

    async fn prepare(&self, key: &WriteKey) -> Result<(Arc<Prepared<F::Writer>>, Option<Duration>)> {
        let own = self.format.own(&self.client, key.schema.as_ref()).await?;
        let subject = self.client.subject(&key.topic, own.record.as_deref())?;
        let compatible = |theirs: &ResolvedSchema| self.format.compatible(theirs, &own);
        let chosen = self.client.writer_schema(&subject, &own.resolved, &compatible).await?;
        let (writer, place) = self.format.writer(key.schema.as_ref(), own, &chosen)?;
        let start = match self.client.writes_headers() {
            false => Start::Prefix(wire::prefix(chosen.id, &place)),
            true => {
                let guid = self.client.guid(chosen.id, &subject).await?;
                Start::Header(wire::header_name(self.client.is_key()), wire::header(guid, &place))
            }
        };
        Ok((Arc::new(Prepared { start, writer, ttl: chosen.ttl }), chosen.ttl))
    }
}

fn same(a: Option<&Schema>, b: Option<&Schema>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.is_same(b) || a == b,
        (None, None) => true,
        _ => false,
    }
}

#[cold]
fn unresolved<P: fmt::Debug + Send + Sync + 'static>(missing: Missing<P>) -> Error {
    Error::unresolved(format!("The registry was not asked yet for {missing}")).with_source(missing)
}

/// The error with its place, which is as retriable as it was.
#[cold]
fn placed(place: String, error: Error) -> Error {
    if error.kind() == ErrorKind::Unresolved {
        return error;
    }
    let outer = Error::data(place);
    let outer = if error.is_retriable() { outer.into_retriable() } else { outer };
    outer.with_source(error)
}

#[cold]
pub(crate) fn not_read<F: Format>(topic: &str, error: Error) -> Error {
    placed(F::not_read(topic), error)
}

#[cold]
pub(crate) fn not_written<F: Format>(topic: &str, error: Error) -> Error {
    placed(F::not_written(topic), error)
}

/// Makes a converter of a [`Frame`] and a [`Format`], which is made of a configuration.
macro_rules! converter {
    ($name:ident, $config:ty, $format:ty) => {
        impl $name {
            /// A converter with a registry of the caller's choice; the keys that say how to reach one have no effect.
            /// Through configuration, use [`configure`](connect_api::Converter::configure).
            pub fn new(
                config: $config,
                ty: connect_api::ConverterType,
                registry: std::sync::Arc<dyn crate::registry::SchemaRegistry>,
            ) -> Self {
                let (serde, cache) = (config.serde.clone(), config.schemas_cache_config);
                Self(crate::frame::Frame::new(<$format>::new(config), &serde, cache, ty, registry))
            }
        }

        #[async_trait::async_trait]
        impl connect_api::Converter for $name {
            type Config = $config;

            fn configure(config: $config, ty: connect_api::ConverterType) -> connect_api::Result<Self> {
                let registry = crate::registry::connect(&config.serde)?;
                Ok(Self::new(config, ty, registry))
            }

            fn to_connect_data(
                &self,
                topic: &str,
                headers: &connect_api::RawHeaders,
                bytes: Option<&bytes::Bytes>,
            ) -> connect_api::Result<connect_api::SchemaAndValue> {
                self.0.read_one(topic, headers, bytes)
            }

            fn to_connect_batch(
                &self,
                items: &mut dyn Iterator<Item = connect_api::RawItem<'_>>,
                results: &mut Vec<connect_api::Result<connect_api::SchemaAndValue>>,
            ) {
                self.0.read_batch(items, results);
            }

            fn from_connect_data(
                &self,
                topic: &str,
                headers: &mut connect_api::RawHeaders,
                data: &connect_api::SchemaAndValue,
                out: &mut bytes::BytesMut,
            ) -> connect_api::Result<connect_api::Encoded> {
                self.0.write_one(topic, headers, data, out)
            }

            async fn resolve(&self, error: connect_api::Error) -> connect_api::Result<()> {
                self.0.resolve(error).await
            }
        }
    };
}

pub(crate) use converter;
