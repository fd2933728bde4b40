//! [`MemoryRegistry`]: a strict registry in the process.

mod compatibility;
mod language;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

pub use compatibility::Compatibility;

use super::{Registered, RegistryError, RegistryResult, RegistrySchema, SchemaRegistry, Version};
use crate::wire::SchemaId;

/// What a registry takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    #[default]
    ReadWrite,
    /// No new schemas.
    ReadOnly,
}

/// One call that a [`MemoryRegistry`] got, for tests that count them. `Display` is as `POST subject`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method of [`SchemaRegistry`].
    pub call: &'static str,
    /// Its subject, or its id.
    pub about: String,
}

/// A registry in the process, as strict as Confluent's: it parses schemas and their references, gives equal schemas one
/// id, checks compatibility, and answers with Confluent's codes. Nothing is kept beyond the process.
///
/// Subjects may be in a context, as `:.context:subject`; each context has ids of its own.
///
/// ```
/// use connect_schema_registry::registry::{MemoryRegistry, RegistrySchema, SchemaRegistry, SchemaType, Version};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let registry = MemoryRegistry::new();
/// let schema = RegistrySchema::new(SchemaType::Avro, r#"{"type": "int"}"#);
/// assert_eq!(registry.register("numbers-value", &schema, false).await?, 1);
/// assert_eq!(registry.by_version("numbers-value", Version::Latest, false).await?.version, 1);
/// let unknown = registry.by_version("texts-value", Version::Latest, false).await.unwrap_err();
/// assert_eq!(unknown.code, 40401);
/// # Ok::<(), connect_schema_registry::registry::RegistryError>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct MemoryRegistry {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    subjects: BTreeMap<String, Vec<Kept>>,
    contexts: HashMap<String, Context>,
    compatibility: Compatibility,
    subject_compatibility: HashMap<String, Compatibility>,
    mode: Mode,
    outage: Option<RegistryError>,
    requests: Vec<Request>,
}

/// The schemas of a context by id, from 1: language and canonical text, and as registered.
#[derive(Debug, Default)]
struct Context {
    schemas: Vec<RegistrySchema>,
}

#[derive(Debug, Clone)]
struct Kept {
    version: i32,
    id: i32,
    deleted: bool,
}

impl MemoryRegistry {
    /// An empty registry with the compatibility `BACKWARD`, as Confluent's begins.
    pub fn new() -> Self {
        Self::default()
    }

    /// The registry of a name, the same for everybody in this process who asks for it.
    pub fn of_scope(name: &str) -> Arc<Self> {
        static SCOPES: LazyLock<Mutex<HashMap<String, Arc<MemoryRegistry>>>> = LazyLock::new(Mutex::default);
        let mut scopes = SCOPES.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(scopes.entry(name.to_owned()).or_default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the compatibility of all subjects that have none of their own.
    pub fn set_compatibility(&self, compatibility: Compatibility) {
        self.state().compatibility = compatibility;
    }

    /// Sets the compatibility of a subject.
    pub fn set_subject_compatibility(&self, subject: &str, compatibility: Compatibility) {
        self.state().subject_compatibility.insert(subject.to_owned(), compatibility);
    }

    /// Sets what the registry takes.
    pub fn set_mode(&self, mode: Mode) {
        self.state().mode = mode;
    }

    /// Makes every call fail with this error, until `None` ends it.
    pub fn set_outage(&self, error: Option<RegistryError>) {
        self.state().outage = error;
    }

    /// The calls since the last time that this was asked.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.state().requests)
    }

    /// The subjects, those without deleted ones, in order.
    pub fn subjects(&self) -> Vec<String> {
        let state = self.state();
        let alive = state.subjects.iter().filter(|(_, versions)| versions.iter().any(|kept| !kept.deleted));
        alive.map(|(subject, _)| subject.clone()).collect()
    }

    /// Everything that is registered, by subject and version.
    pub fn all(&self) -> Vec<Registered> {
        let state = self.state();
        let mut all = Vec::new();
        for (subject, versions) in &state.subjects {
            for kept in versions.iter().filter(|kept| !kept.deleted) {
                all.extend(state.registered(subject, kept));
            }
        }
        all
    }

    /// Puts a schema in under a version, 0 for the next; a registry that is fed by another one has no order to keep.
    /// Answers its id.
    ///
    /// # Errors
    ///
    /// Those of [`register`](SchemaRegistry::register).
    pub fn import(&self, subject: &str, version: i32, schema: &RegistrySchema) -> RegistryResult<i32> {
        self.state().add(subject, version, schema, false)
    }

    /// Deletes a subject softly: it is gone, except for those who ask for deleted ones. Answers how many versions it had.
    pub fn delete_subject(&self, subject: &str) -> usize {
        let mut state = self.state();
        let versions = state.subjects.get_mut(subject).map(Vec::as_mut_slice).unwrap_or_default();
        let alive = versions.iter_mut().filter(|kept| !kept.deleted);
        alive.map(|kept| kept.deleted = true).count()
    }
}

fn context_of(subject: &str) -> &str {
    let context = subject.strip_prefix(":.").and_then(|rest| rest.split_once(':'));
    context.map_or("", |(context, _)| context)
}

impl State {
    fn enter(&mut self, call: &'static str, about: impl Into<String>) -> RegistryResult<()> {
        self.requests.push(Request { call, about: about.into() });
        self.outage.clone().map_or(Ok(()), Err)
    }

    fn registered(&self, subject: &str, kept: &Kept) -> Option<Registered> {
        let schema = self.schema(context_of(subject), kept.id)?;
        let schema = schema.clone();
        Some(Registered { subject: subject.to_owned(), version: kept.version, id: kept.id, schema })
    }

    fn schema(&self, context: &str, id: i32) -> Option<&RegistrySchema> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        self.contexts.get(context)?.schemas.get(index)
    }

    /// The texts of all references, each after those that it needs.
    fn references(&self, schema: &RegistrySchema) -> RegistryResult<Vec<(String, Arc<str>)>> {
        let mut found = Vec::new();
        self.collect(schema, &mut found, 0)?;
        Ok(found)
    }

    fn collect(
        &self,
        schema: &RegistrySchema,
        found: &mut Vec<(String, Arc<str>)>,
        depth: usize,
    ) -> RegistryResult<()> {
        if depth > 100 {
            return Err(RegistryError::new(422, 42201, "References are nested too deeply"));
        }
        for reference in &schema.references {
            if found.iter().any(|(name, _)| *name == reference.name) {
                continue;
            }
            let versions = self.subjects.get(&reference.subject).map(Vec::as_slice).unwrap_or_default();
            let kept = versions.iter().find(|kept| kept.version == reference.version);
            let Some(registered) = kept.and_then(|kept| self.registered(&reference.subject, kept)) else {
                let (subject, version) = (&reference.subject, reference.version);
                let message = format!(
                    "Invalid schema {}, details: No schema reference found for subject \"{subject}\" and version \
                     {version}",
                    schema.text
                );
                return Err(RegistryError::new(422, 42201, message));
            };
            self.collect(&registered.schema, found, depth + 1)?;
            found.push((reference.name.clone(), Arc::clone(&registered.schema.text)));
        }
        Ok(())
    }

    /// A schema as the registry keeps it.
    fn canonical(&self, schema: &RegistrySchema, normalize: bool) -> RegistryResult<RegistrySchema> {
        let references = self.references(schema)?;
        let text = language::canonical(schema, &references, normalize).map_err(|why| {
            let message = format!("Invalid schema {}, details: {why}", schema.text);
            RegistryError::new(422, 42201, message)
        })?;
        let mut kept = schema.references.clone();
        if normalize {
            kept.sort();
            kept.dedup();
        }
        Ok(RegistrySchema::new(schema.ty, text).with_references(kept))
    }

    fn find(&self, subject: &str, schema: &RegistrySchema, deleted: bool) -> Option<Kept> {
        let versions = self.subjects.get(subject)?;
        let same = |kept: &&Kept| {
            (deleted || !kept.deleted) && self.schema(context_of(subject), kept.id) == Some(schema)
        };
        versions.iter().rev().find(same).cloned()
    }

    fn check(&self, subject: &str, schema: &RegistrySchema) -> RegistryResult<()> {
        let compatibility = self.subject_compatibility.get(subject).copied().unwrap_or(self.compatibility);
        let versions = self.subjects.get(subject).map(Vec::as_slice).unwrap_or_default();
        let mut earlier = Vec::new();
        for kept in versions.iter().filter(|kept| !kept.deleted) {
            if let Some(registered) = self.registered(subject, kept) {
                let references = self.references(&registered.schema)?;
                earlier.push((registered.schema, references));
            }
        }
        let references = self.references(schema)?;
        compatibility.check(schema, &references, &earlier).map_err(|why| {
            let message = format!(
                "Schema being registered is incompatible with an earlier schema for subject \"{subject}\", details: \
                 [{why}]"
            );
            RegistryError::new(409, 409, message)
        })
    }

    fn add(
        &mut self,
        subject: &str,
        version: i32,
        schema: &RegistrySchema,
        normalize: bool,
    ) -> RegistryResult<i32> {
        let schema = self.canonical(schema, normalize)?;
        if let Some(kept) = self.find(subject, &schema, false) {
            return Ok(kept.id);
        }
        if self.mode == Mode::ReadOnly {
            let message = format!("Subject {subject} is in read-only mode");
            return Err(RegistryError::new(422, 42205, message));
        }
        self.check(subject, &schema)?;
        let context = self.contexts.entry(context_of(subject).to_owned()).or_default();
        let index = match context.schemas.iter().position(|other| *other == schema) {
            Some(index) => index,
            None => {
                context.schemas.push(schema);
                context.schemas.len() - 1
            }
        };
        let id = i32::try_from(index + 1)
            .map_err(|_| RegistryError::new(500, 50001, "The registry has no more ids"))?;
        let versions = self.subjects.entry(subject.to_owned()).or_default();
        let next = versions.last().map_or(1, |last| last.version + 1);
        let version = if version > 0 { version } else { next };
        versions.push(Kept { version, id, deleted: false });
        Ok(id)
    }
}

/// An id that depends on nothing but the schema, so that it is the same in every registry.
fn guid_of(schema: &RegistrySchema) -> String {
    let text = format!("{}\0{}\0{:?}", schema.ty, schema.text, schema.references);
    // FNV-1a, with two beginnings.
    let hash = |begin: u64| {
        text.bytes().fold(begin, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let bytes = [hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4)].map(u64::to_be_bytes).concat();
    let guid = bytes.try_into().ok().and_then(|bytes| SchemaId::Guid(bytes).guid());
    guid.unwrap_or_default()
}

fn no_subject(subject: &str) -> RegistryError {
    RegistryError::new(404, 40401, format!("Subject '{subject}' not found."))
}

#[async_trait]
impl SchemaRegistry for MemoryRegistry {
    async fn register(&self, subject: &str, schema: &RegistrySchema, normalize: bool) -> RegistryResult<i32> {
        let mut state = self.state();
        state.enter("register", subject)?;
        state.add(subject, 0, schema, normalize)
    }

    async fn lookup(
        &self,
        subject: &str,
        schema: &RegistrySchema,
        normalize: bool,
        deleted: bool,
    ) -> RegistryResult<Registered> {
        let mut state = self.state();
        state.enter("lookup", subject)?;
        let versions = state.subjects.get(subject).map(Vec::as_slice).unwrap_or_default();
        if !versions.iter().any(|kept| deleted || !kept.deleted) {
            return Err(no_subject(subject));
        }
        let schema = state.canonical(schema, normalize)?;
        let found = state.find(subject, &schema, deleted);
        found
            .and_then(|kept| state.registered(subject, &kept))
            .ok_or_else(|| RegistryError::new(404, 40403, "Schema not found"))
    }

    async fn by_id(&self, id: i32, subject: Option<&str>) -> RegistryResult<RegistrySchema> {
        let mut state = self.state();
        state.enter("by_id", id.to_string())?;
        let found = state.schema(subject.map_or("", context_of), id).cloned();
        found.ok_or_else(|| RegistryError::new(404, 40403, format!("Schema {id} not found")))
    }

    async fn by_guid(&self, guid: &str) -> RegistryResult<RegistrySchema> {
        let mut state = self.state();
        state.enter("by_guid", guid)?;
        let mut all = state.contexts.values().flat_map(|context| &context.schemas);
        let found = all.find(|schema| guid_of(schema) == guid).cloned();
        found.ok_or_else(|| RegistryError::new(404, 40403, format!("Schema {guid} not found")))
    }

    async fn guid(&self, id: i32, subject: Option<&str>) -> RegistryResult<Option<String>> {
        Ok(Some(guid_of(&self.by_id(id, subject).await?)))
    }

    async fn by_version(&self, subject: &str, version: Version, deleted: bool) -> RegistryResult<Registered> {
        let mut state = self.state();
        state.enter("by_version", subject)?;
        let versions = state.subjects.get(subject).map(Vec::as_slice).unwrap_or_default();
        let mut visible = versions.iter().filter(|kept| deleted || !kept.deleted);
        let found = match version {
            Version::Latest => visible.next_back(),
            Version::Number(number) => visible.find(|kept| kept.version == number),
        };
        match (found.and_then(|kept| state.registered(subject, kept)), version) {
            (Some(registered), _) => Ok(registered),
            (None, Version::Number(number)) if versions.iter().any(|kept| deleted || !kept.deleted) => {
                Err(RegistryError::new(404, 40402, format!("Version {number} not found.")))
            }
            (None, _) => Err(no_subject(subject)),
        }
    }
}
