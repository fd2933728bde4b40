//! [`RegistryClient`]: which schema and id a converter uses, asked once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use connect_api::{Error, Result};

use crate::cache::Cache;
use crate::config::SerdeConfig;
use crate::registry::{
    Registered, RegistryError, RegistryResult, RegistrySchema, SchemaRegistry, SchemaType, Version,
};
use crate::subject::SubjectNameStrategy;
use crate::wire::SchemaId;

/// How deep references may refer to references.
const MAX_REFERENCES: usize = 1000;

/// A schema with everything that it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedSchema {
    /// The schema.
    pub schema: RegistrySchema,
    /// The names and texts of all schemas that it refers to, each after those that it needs itself, each name once.
    pub references: Vec<(String, Arc<str>)>,
}

/// What a converter writes with.
#[derive(Clone, Debug)]
pub struct WriterSchema {
    /// The id to put in front of the data.
    pub id: i32,
    /// The schema to write the data with: the own one, or what the registry has.
    pub schema: Arc<ResolvedSchema>,
    /// Whether that is the own one.
    pub own: bool,
    /// How long this holds; `None` is for ever.
    pub ttl: Option<Duration>,
}

/// A registry together with the shared settings and caches. One per converter; every answer is asked for once.
pub struct RegistryClient {
    registry: Arc<dyn SchemaRegistry>,
    config: SerdeConfig,
    is_key: bool,
    strategy: SubjectNameStrategy,
    by_id: Cache<(SchemaId, Option<String>), Arc<ResolvedSchema>>,
    by_version: Cache<(String, i32), Arc<Registered>>,
    latest: Cache<String, Arc<Registered>>,
    registered: Cache<(String, RegistrySchema), i32>,
    looked_up: Cache<(String, RegistrySchema, bool), Arc<Registered>>,
}

impl fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryClient").field("registry", &self.registry).finish_non_exhaustive()
    }
}

impl RegistryClient {
    /// A client for keys or values.
    pub fn new(registry: Arc<dyn SchemaRegistry>, config: SerdeConfig, is_key: bool) -> Self {
        let size = config.cache_size();
        Self {
            registry,
            strategy: config.strategy(is_key),
            config,
            is_key,
            by_id: Cache::new(size),
            by_version: Cache::new(size),
            latest: Cache::new(size),
            registered: Cache::new(size),
            looked_up: Cache::new(size),
        }
    }

    /// The shared settings.
    pub fn config(&self) -> &SerdeConfig {
        &self.config
    }

    /// Whether it serves keys.
    pub fn is_key(&self) -> bool {
        self.is_key
    }

    /// The subject name strategy of its side.
    pub fn strategy(&self) -> SubjectNameStrategy {
        self.strategy
    }

    /// Whether messages have the id of their schema in a header.
    pub(crate) fn writes_headers(&self) -> bool {
        self.config.id_in_header(self.is_key)
    }

    /// Whether ids in headers count.
    pub(crate) fn reads_headers(&self) -> bool {
        self.config.reads_headers(self.is_key)
    }

    /// The globally unique id of an id.
    ///
    /// # Errors
    ///
    /// Retriable when the registry is not reached; else a data error, also when the registry has no such ids.
    pub(crate) async fn guid(&self, id: i32, subject: &str) -> Result<[u8; 16]> {
        let asked = self.registry.guid(id, Some(subject)).await;
        let guid =
            asked.map_err(|error| error.into_error(format!("Error retrieving the GUID of schema {id}")))?;
        match guid.as_deref().and_then(SchemaId::of_guid) {
            Some(SchemaId::Guid(guid)) => Ok(guid),
            _ => {
                let half = if self.is_key { "key" } else { "value" };
                Err(Error::data(format!(
                    "The registry gives schema {id} no GUID, which {half}.schema.id.serializer needs for headers. Use \
                     PrefixSchemaIdSerializer, or a registry with GUIDs (Confluent 8 and later)"
                )))
            }
        }
    }

    /// The subject of a topic and, where the strategy needs it, of a record; see [`SubjectNameStrategy::subject`].
    ///
    /// # Errors
    ///
    /// A data error when the strategy needs a record and there is none.
    pub fn subject(&self, topic: &str, record: Option<&str>) -> Result<String> {
        self.strategy.subject(topic, self.is_key, record)
    }

    /// The id and schema to write with, as `auto.register.schemas`, `use.latest.version` and `use.schema.id` say.
    ///
    /// `compatible` answers whether a schema of the registry can read what the own one writes; its error says why not.
    /// It is asked where the settings demand it.
    ///
    /// # Errors
    ///
    /// Retriable when the registry is not reached; else a data error with the registry's message, or that of
    /// `compatible`.
    pub async fn writer_schema(
        &self,
        subject: &str,
        own: &Arc<ResolvedSchema>,
        compatible: &(dyn Fn(&ResolvedSchema) -> Result<()> + Send + Sync),
    ) -> Result<WriterSchema> {
        let ty = own.schema.ty;
        let failed = |error: RegistryError| {
            let action = match &self.config {
                config if config.auto_register_schemas => "registering",
                config if config.use_schema_id >= 0 => "retrieving schema ID for",
                config if config.use_latest_version => "retrieving latest version of",
                _ => "retrieving",
            };
            let error =
                error.into_error(format!("Error {action} {} schema{}", type_name(ty), own.schema.text));
            error.with_java_class("org.apache.kafka.common.errors.SerializationException")
        };
        if self.config.auto_register_schemas {
            let id = self.register(subject, &own.schema).await.map_err(failed)?;
            return Ok(WriterSchema { id, schema: Arc::clone(own), own: true, ttl: None });
        }
        let (schema, strict, ttl) = if self.config.use_schema_id >= 0 {
            let id = SchemaId::Id(self.config.use_schema_id);
            let schema = self.schema(id, Some(subject)).await.map_err(failed)?;
            (schema, self.config.id_compatibility_strict, None)
        } else if self.config.use_latest_version {
            let latest = self.latest(subject).await.map_err(failed)?;
            let schema = Arc::new(self.resolve(&latest.schema).await.map_err(failed)?);
            (schema, self.config.latest_compatibility_strict, self.latest_ttl())
        } else {
            let found = self.lookup(subject, &own.schema, false).await.map_err(failed)?;
            return Ok(WriterSchema { id: found.id, schema: Arc::clone(own), own: true, ttl: None });
        };
        if strict {
            compatible(&schema)?;
        }
        let found = self.lookup(subject, &schema.schema, false).await.map_err(failed)?;
        let id = if self.config.use_schema_id >= 0 { self.config.use_schema_id } else { found.id };
        Ok(WriterSchema { id, schema, own: false, ttl })
    }

    /// The schema of a message, with its references.
    ///
    /// # Errors
    ///
    /// Retriable when the registry is not reached; else a data error with the registry's message.
    pub async fn reader_schema(
        &self,
        id: SchemaId,
        subject: Option<&str>,
        ty: SchemaType,
    ) -> Result<Arc<ResolvedSchema>> {
        let schema = self.schema(id, subject).await.map_err(|error| self.not_read(id, ty, error))?;
        if schema.schema.ty != ty {
            let message = format!("The schema is {}, not {ty}", schema.schema.ty);
            return Err(self.not_read(id, ty, RegistryError::new(422, 42201, message)));
        }
        Ok(schema)
    }

    /// The version that a schema has under a subject: the version of the Connect schema.
    ///
    /// # Errors
    ///
    /// As [`reader_schema`](Self::reader_schema); also when the subject does not have the schema, which is so when a
    /// message was copied from another topic.
    pub async fn reader_version(&self, id: SchemaId, subject: &str, schema: &RegistrySchema) -> Result<i32> {
        let found = self.lookup(subject, schema, true).await;
        found.map(|found| found.version).map_err(|error| self.not_read(id, schema.ty, error))
    }

    fn not_read(&self, id: SchemaId, ty: SchemaType, error: RegistryError) -> Error {
        let half = if self.is_key { "key" } else { "value" };
        let error = error.into_error(format!("Error retrieving {} {half} schema for id {id}", type_name(ty)));
        error.with_java_class("org.apache.kafka.common.errors.SerializationException")
    }

    /// Registers a schema and answers its id.
    ///
    /// # Errors
    ///
    /// Those of the registry; see [`SchemaRegistry`].
    pub async fn register(&self, subject: &str, schema: &RegistrySchema) -> RegistryResult<i32> {
        let key = (subject.to_owned(), schema.clone());
        let load = async {
            let normalize = self.config.normalize_schemas;
            Ok((self.registry.register(subject, schema, normalize).await?, None))
        };
        self.registered.get_or_load(&key, load).await
    }

    /// Looks a schema up under a subject, with `deleted` also among deleted ones.
    ///
    /// # Errors
    ///
    /// Those of the registry; see [`SchemaRegistry`].
    pub async fn lookup(
        &self,
        subject: &str,
        schema: &RegistrySchema,
        deleted: bool,
    ) -> RegistryResult<Arc<Registered>> {
        let key = (subject.to_owned(), schema.clone(), deleted);
        let load = async {
            let normalize = self.config.normalize_schemas;
            Ok((Arc::new(self.registry.lookup(subject, schema, normalize, deleted).await?), None))
        };
        self.looked_up.get_or_load(&key, load).await
    }

    /// The latest version of a subject, for as long as `latest.cache.ttl.sec` says.
    ///
    /// # Errors
    ///
    /// Those of the registry; see [`SchemaRegistry`].
    pub async fn latest(&self, subject: &str) -> RegistryResult<Arc<Registered>> {
        let load = async {
            let latest = self.registry.by_version(subject, Version::Latest, false).await?;
            Ok((Arc::new(latest), self.latest_ttl()))
        };
        self.latest.get_or_load(&subject.to_owned(), load).await
    }

    fn latest_ttl(&self) -> Option<Duration> {
        u64::try_from(self.config.latest_cache_ttl_sec).ok().map(Duration::from_secs)
    }

    /// The schema of an id, with its references.
    ///
    /// # Errors
    ///
    /// Those of the registry; see [`SchemaRegistry`].
    pub async fn schema(&self, id: SchemaId, subject: Option<&str>) -> RegistryResult<Arc<ResolvedSchema>> {
        let key = (id, subject.map(str::to_owned));
        let load = async {
            let schema = match id {
                SchemaId::Id(id) => self.registry.by_id(id, subject).await?,
                SchemaId::Guid(_) => self.registry.by_guid(&id.guid().unwrap_or_default()).await?,
            };
            Ok((Arc::new(self.resolve(&schema).await?), None))
        };
        self.by_id.get_or_load(&key, load).await
    }

    /// A schema with everything that it refers to, directly or not.
    ///
    /// # Errors
    ///
    /// Those of the registry; and when references are too many.
    pub async fn resolve(&self, schema: &RegistrySchema) -> RegistryResult<ResolvedSchema> {
        let mut references: Vec<(String, Arc<str>)> = Vec::new();
        // What is still to be done, the next at the end. `Done` puts a schema after all that it needs.
        enum Step {
            Load(crate::registry::SchemaReference),
            Done(String, Arc<str>),
        }
        let mut steps: Vec<Step> = schema.references.iter().rev().cloned().map(Step::Load).collect();
        let mut seen = std::collections::HashSet::new();
        while let Some(step) = steps.pop() {
            match step {
                Step::Done(name, text) => references.push((name, text)),
                Step::Load(reference) => {
                    if !seen.insert(reference.name.clone()) {
                        continue;
                    }
                    if seen.len() > MAX_REFERENCES {
                        let message = format!("A schema refers to more than {MAX_REFERENCES} others");
                        return Err(RegistryError::new(422, 42201, message));
                    }
                    let key = (reference.subject.clone(), reference.version);
                    let load = async {
                        let version = Version::Number(reference.version);
                        let found = self.registry.by_version(&reference.subject, version, true).await?;
                        Ok((Arc::new(found), None))
                    };
                    let found = self.by_version.get_or_load(&key, load).await?;
                    steps.push(Step::Done(reference.name, Arc::clone(&found.schema.text)));
                    steps.extend(found.schema.references.iter().rev().cloned().map(Step::Load));
                }
            }
        }
        Ok(ResolvedSchema { schema: schema.clone(), references })
    }
}

fn type_name(ty: SchemaType) -> &'static str {
    match ty {
        SchemaType::Avro => "Avro",
        SchemaType::Protobuf => "Protobuf",
        SchemaType::Json => "JSON",
    }
}
