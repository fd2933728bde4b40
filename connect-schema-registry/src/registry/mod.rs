//! [`SchemaRegistry`]: what a schema registry can do, and what it answers.

mod http;
#[cfg(feature = "memory")]
mod memory;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use connect_api::{BoxError, Error, Result};

use crate::config::SerdeConfig;

pub use http::HttpRegistry;
#[cfg(feature = "memory")]
pub use memory::{Compatibility, MemoryRegistry, Mode, Request};

/// The language of a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaType {
    /// Apache Avro, which registries take for granted where nothing is said.
    #[default]
    Avro,
    /// Protocol Buffers.
    Protobuf,
    /// JSON Schema.
    Json,
}

impl SchemaType {
    /// As the registry's API writes it: `AVRO`, `PROTOBUF`, `JSON`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::Protobuf => "PROTOBUF",
            Self::Json => "JSON",
        }
    }
}

impl fmt::Display for SchemaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SchemaType {
    type Err = RegistryError;

    fn from_str(text: &str) -> RegistryResult<Self> {
        match text {
            "AVRO" => Ok(Self::Avro),
            "PROTOBUF" => Ok(Self::Protobuf),
            "JSON" => Ok(Self::Json),
            other => Err(RegistryError::new(422, 42201, format!("Unknown schema type {other}"))),
        }
    }
}

/// That a schema uses another one, which is kept under a subject of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaReference {
    /// How the schema calls the other one: a full name in Avro, a path in Protobuf, a URL in JSON Schema.
    pub name: String,
    /// The subject of the other one.
    pub subject: String,
    /// Its version there.
    pub version: i32,
}

/// A schema as a registry keeps it: text in some language, and what it refers to.
///
/// Equal texts are equal schemas here; whether two texts mean the same is for the registry to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegistrySchema {
    /// The language.
    pub ty: SchemaType,
    /// The text.
    pub text: Arc<str>,
    /// What it refers to.
    pub references: Vec<SchemaReference>,
}

impl RegistrySchema {
    /// A schema without references.
    pub fn new(ty: SchemaType, text: impl Into<Arc<str>>) -> Self {
        Self { ty, text: text.into(), references: Vec::new() }
    }

    /// The same with references.
    #[must_use]
    pub fn with_references(mut self, references: Vec<SchemaReference>) -> Self {
        self.references = references;
        self
    }
}

/// A schema at its place in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The subject.
    pub subject: String,
    /// The version under the subject, from 1.
    pub version: i32,
    /// The id, which equal schemas share across subjects.
    pub id: i32,
    /// The schema.
    pub schema: RegistrySchema,
}

/// Which version of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// The newest.
    Latest,
    /// This one, from 1.
    Number(i32),
}

/// What a registry answers.
pub type RegistryResult<T> = std::result::Result<T, RegistryError>;

/// Why a registry did not do what it was asked, or was not reached.
///
/// | code | meaning |
/// | --- | --- |
/// | 40401, 40402, 40403 | there is no such subject, version, schema |
/// | 409 | the schema is incompatible with earlier ones |
/// | 42201 | the schema is invalid |
/// | 42205 | the subject takes no schemas now |
/// | 0 | the registry was not reached, or its answer was none of a registry |
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}; error code: {code}")]
pub struct RegistryError {
    /// The HTTP status; 0 where there was none.
    pub status: u16,
    /// Confluent's error code.
    pub code: i32,
    /// What the registry said, word for word.
    pub message: String,
    /// Whether the same request may succeed later.
    pub retriable: bool,
    #[source]
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl RegistryError {
    /// An answer of the registry. Those of the status 408, 429 and 5xx are retriable.
    pub fn new(status: u16, code: i32, message: impl Into<String>) -> Self {
        let retriable = status == 408 || status == 429 || status >= 500;
        Self { status, code, message: message.into(), retriable, source: None }
    }

    /// The registry was not reached.
    pub fn unreachable(message: impl Into<String>, source: impl Into<BoxError>) -> Self {
        let source: BoxError = source.into();
        Self { status: 0, code: 0, message: message.into(), retriable: true, source: Some(Arc::from(source)) }
    }

    /// Subject, version or schema do not exist.
    pub fn is_not_found(&self) -> bool {
        self.status == 404 || matches!(self.code, 40401..=40403)
    }

    /// As an error of a converter: retriable when the registry may answer later, else a data error of this record. The
    /// registry's own message and code are its cause.
    pub fn into_error(self, doing: impl Into<String>) -> Error {
        let error = Error::data(doing);
        let error = if self.retriable { error.into_retriable() } else { error };
        error.with_source(self)
    }
}

/// What a schema registry can do, as far as converters need it.
///
/// Implementations answer each call with at least one request and cache nothing: that is done by
/// [`RegistryClient`](crate::client::RegistryClient).
///
/// # Errors
///
/// All calls: what the registry answered, with its code; retriable where it was not reached or is overloaded. A
/// converter turns a retriable one into a retriable error, which `errors.retry.timeout` bounds, and any other into a
/// data error of the record.
#[async_trait]
pub trait SchemaRegistry: fmt::Debug + Send + Sync + 'static {
    /// Registers a schema under a subject, unless it is there, and answers its id. With `normalize` the registry
    /// compares meanings instead of texts.
    async fn register(&self, subject: &str, schema: &RegistrySchema, normalize: bool) -> RegistryResult<i32>;

    /// Looks a schema up under a subject without registering it. With `deleted` also among those that were deleted.
    async fn lookup(
        &self,
        subject: &str,
        schema: &RegistrySchema,
        normalize: bool,
        deleted: bool,
    ) -> RegistryResult<Registered>;

    /// The schema of an id. The subject, if given, tells registries with several contexts which one is meant.
    async fn by_id(&self, id: i32, subject: Option<&str>) -> RegistryResult<RegistrySchema>;

    /// The schema of a globally unique id, 36 characters with dashes, and its id if the registry says it. Registries
    /// before Confluent 8 have none.
    async fn by_guid(&self, guid: &str) -> RegistryResult<RegistrySchema>;

    /// The globally unique id of a schema's id, if the registry has such ones.
    async fn guid(&self, id: i32, subject: Option<&str>) -> RegistryResult<Option<String>> {
        let _ = (id, subject);
        Ok(None)
    }

    /// One version of a subject. With `deleted` also one that was deleted.
    async fn by_version(&self, subject: &str, version: Version, deleted: bool) -> RegistryResult<Registered>;
}

/// The registry of a configuration. Nothing is sent yet.
///
/// # Errors
///
/// A configuration error that names the key.
pub fn connect(config: &SerdeConfig) -> Result<Arc<dyn SchemaRegistry>> {
    if let [url] = config.schema_registry_url.as_slice()
        && let Some(scope) = url.strip_prefix("mock://")
    {
        return mock(scope);
    }
    Ok(Arc::new(HttpRegistry::new(config)?))
}

#[cfg(feature = "memory")]
fn mock(scope: &str) -> Result<Arc<dyn SchemaRegistry>> {
    Ok(MemoryRegistry::of_scope(scope))
}

#[cfg(not(feature = "memory"))]
fn mock(_: &str) -> Result<Arc<dyn SchemaRegistry>> {
    Err(Error::config("schema.registry.url", "This program has no registry for mock:// (feature `memory`)"))
}
