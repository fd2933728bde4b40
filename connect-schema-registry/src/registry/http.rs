//! [`HttpRegistry`]: a registry that is reached over HTTP.
//!
//! `schema_registry_converter` reads schemas by id and finds the latest of a subject. Registering, looking up and reading
//! one version need parameters that it has not, and go through the same HTTP client.

mod auth;
mod live;
mod tls;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use connect_api::Result;
use schema_registry_converter::async_impl::schema_registry::perform_sr_call;
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{RawError, RawRegisteredSchema, SrCall};
use serde_json::json;

use self::live::{Live, Source};
use super::{
    Registered, RegistryError, RegistryResult, RegistrySchema, SchemaReference, SchemaRegistry, Version,
};
use crate::config::SerdeConfig;

/// The type of what is sent and of what is answered.
const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// No answer that is longer is read.
const MAX_ANSWER: usize = 64 << 20;

/// A registry behind one or several URLs of one cluster.
///
/// Each call begins at the URL that answered last. Where a URL is not reached or is overloaded, the next one is tried at
/// once; when none answered, all are tried again after a wait, `max.retries` times. `Debug` shows no credentials.
pub struct HttpRegistry {
    source: Source,
    /// The URL that answered last.
    current: AtomicUsize,
    retries: usize,
    wait: Duration,
    max_wait: Duration,
}

impl fmt::Debug for HttpRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRegistry").field("urls", &self.source.urls).finish_non_exhaustive()
    }
}

/// One request.
enum Call<'a> {
    /// One that the library does.
    Library(SrCall<'a>),
    Get {
        path: &'a str,
    },
    Post {
        path: &'a str,
        body: &'a str,
    },
}

impl HttpRegistry {
    /// A registry of a configuration. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// A configuration error that names the key: a URL that is none, credentials that are incomplete, certificates that
    /// cannot be read.
    pub fn new(config: &SerdeConfig) -> Result<Self> {
        Ok(Self {
            source: Source::new(config)?,
            current: AtomicUsize::new(0),
            retries: config.max_retries,
            wait: config.retries_wait_ms,
            max_wait: config.retries_max_wait_ms,
        })
    }

    /// Does a call at one URL after the other until one answers. An error that is the registry's answer is final.
    async fn call(&self, call: &Call<'_>) -> RegistryResult<RawRegisteredSchema> {
        let mut wait = self.wait;
        let mut attempt = 0;
        loop {
            let error = match self.everywhere(call).await {
                Err(error) if error.retriable && attempt < self.retries => error,
                other => return other,
            };
            attempt += 1;
            tracing::debug!(%error, attempt, "the schema registry did not answer and is asked again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(self.max_wait);
        }
    }

    async fn everywhere(&self, call: &Call<'_>) -> RegistryResult<RawRegisteredSchema> {
        let count = self.source.urls.len();
        let first = self.current.load(Ordering::Relaxed);
        let mut last = None;
        for offset in 0..count {
            let url = (first + offset) % count;
            let mut live = self.source.live().await?;
            let mut answer = once(&live, url, call).await;
            if answer.as_ref().is_err_and(|error| error.status == 401) && self.source.renew(&live) {
                // The token was withdrawn before its time; a new one is tried once.
                live = self.source.live().await?;
                answer = once(&live, url, call).await;
            }
            match answer {
                Err(error) if error.retriable => last = Some(error),
                other => {
                    self.current.store(url, Ordering::Relaxed);
                    return other;
                }
            }
        }
        Err(last.unwrap_or_else(|| RegistryError::new(503, 0, "There is no URL to ask")))
    }

    async fn versioned(
        &self,
        call: &Call<'_>,
        subject: &str,
        asked: Option<&RegistrySchema>,
    ) -> RegistryResult<Registered> {
        let raw = self.call(call).await?;
        let (version, id) = (number(raw.version, "version")?, number(raw.id, "id")?);
        let given = raw.subject.clone().unwrap_or_else(|| subject.to_owned());
        // Some registries leave the language out when they answer what they were asked for.
        let schema = match asked {
            Some(asked) => asked.clone(),
            None => schema_of(raw)?,
        };
        Ok(Registered { subject: given, version, id, schema })
    }
}

/// Does a call at one URL.
async fn once(live: &Live, url: usize, call: &Call<'_>) -> RegistryResult<RawRegisteredSchema> {
    let base = &live.urls[url];
    let request = match call {
        Call::Library(call) => {
            let answer = perform_sr_call(&live.settings[url], *call).await;
            return answer.map_err(|error| of_library(base, &error));
        }
        Call::Get { path } => live.client.get(format!("{base}{path}")),
        Call::Post { path, body } => live
            .client
            .post(format!("{base}{path}"))
            .header("Content-Type", MEDIA_TYPE)
            .body((*body).to_owned()),
    };
    let request = request.header("Accept", MEDIA_TYPE);
    let mut response = request.send().await.map_err(|error| unreachable(base, error))?;
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(base, error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER {
            return Err(RegistryError::new(0, 0, format!("The answer of {base} is too long")));
        }
    }
    if status.is_success() {
        return serde_json::from_slice(&bytes).map_err(|error| {
            RegistryError::new(0, 0, format!("The answer of {base} is none of a schema registry: {error}"))
        });
    }
    Err(match serde_json::from_slice::<RawError>(&bytes) {
        Ok(error) => RegistryError::new(status.as_u16(), error.error_code.cast_signed(), error.message),
        Err(_) => {
            let text: String = String::from_utf8_lossy(&bytes).chars().take(300).collect();
            RegistryError::new(status.as_u16(), 0, format!("{base} answered {status}: {text}"))
        }
    })
}

fn unreachable(url: &str, error: reqwest::Error) -> RegistryError {
    RegistryError::unreachable(format!("The schema registry at {url} was not reached"), error.without_url())
}

/// The library tells the status in its text only.
fn of_library(url: &str, error: &SRCError) -> RegistryError {
    let status = error.error.rsplit_once("status ").and_then(|(_, rest)| rest.get(..3)?.parse().ok());
    let source = std::error::Error::source(error);
    match (status, source.and_then(|source| source.downcast_ref::<RawError>())) {
        (Some(status), Some(raw)) => {
            RegistryError::new(status, raw.error_code.cast_signed(), raw.message.clone())
        }
        (Some(status), None) => RegistryError::new(status, 0, format!("{url} answered {status}")),
        (None, _) if error.retriable => {
            let cause = error.cause.clone().unwrap_or_default();
            RegistryError::unreachable(format!("The schema registry at {url} was not reached"), cause)
        }
        (None, _) => {
            let cause = error.cause.clone().unwrap_or_default();
            RegistryError::new(0, 0, format!("The answer of {url} is none of a schema registry: {cause}"))
        }
    }
}

fn number(value: Option<u32>, what: &str) -> RegistryResult<i32> {
    let number = value.and_then(|value| i32::try_from(value).ok());
    number.ok_or_else(|| RegistryError::new(0, 0, format!("The registry's answer has no {what}")))
}

fn schema_of(raw: RawRegisteredSchema) -> RegistryResult<RegistrySchema> {
    let ty = raw.schema_type.as_deref().unwrap_or("AVRO").parse()?;
    let text = raw.schema.ok_or_else(|| RegistryError::new(0, 0, "The registry's answer has no schema"))?;
    let mut references = Vec::new();
    for reference in raw.references.unwrap_or_default() {
        let version = number(Some(reference.version), "version")?;
        references.push(SchemaReference { name: reference.name, subject: reference.subject, version });
    }
    Ok(RegistrySchema::new(ty, text).with_references(references))
}

/// The body of a request about a schema. Avro goes without saying.
fn body(schema: &RegistrySchema) -> String {
    let mut body = json!({ "schema": &*schema.text });
    if schema.ty != super::SchemaType::Avro {
        body["schemaType"] = schema.ty.as_str().into();
    }
    if !schema.references.is_empty() {
        let reference = |reference: &SchemaReference| json!({ "name": reference.name, "subject": reference.subject, "version": reference.version });
        body["references"] = schema.references.iter().map(reference).collect();
    }
    body.to_string()
}

/// A subject as a part of a path.
fn escaped(subject: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

#[async_trait]
impl SchemaRegistry for HttpRegistry {
    async fn register(&self, subject: &str, schema: &RegistrySchema, normalize: bool) -> RegistryResult<i32> {
        let path = format!("/subjects/{}/versions?normalize={normalize}", escaped(subject));
        let raw = self.call(&Call::Post { path: &path, body: &body(schema) }).await?;
        number(raw.id, "id")
    }

    async fn lookup(
        &self,
        subject: &str,
        schema: &RegistrySchema,
        normalize: bool,
        deleted: bool,
    ) -> RegistryResult<Registered> {
        let path = format!("/subjects/{}?normalize={normalize}&deleted={deleted}", escaped(subject));
        self.versioned(&Call::Post { path: &path, body: &body(schema) }, subject, Some(schema)).await
    }

    async fn by_id(&self, id: i32, subject: Option<&str>) -> RegistryResult<RegistrySchema> {
        let Ok(number) = u32::try_from(id) else {
            return Err(RegistryError::new(404, 40403, format!("Schema {id} not found")));
        };
        let raw = match subject.filter(|subject| subject.starts_with(":.")) {
            None => self.call(&Call::Library(SrCall::GetById(number))).await?,
            Some(subject) => {
                let path = format!("/schemas/ids/{id}?fetchMaxId=false&subject={}", escaped(subject));
                self.call(&Call::Get { path: &path }).await?
            }
        };
        schema_of(raw)
    }

    async fn by_guid(&self, guid: &str) -> RegistryResult<RegistrySchema> {
        schema_of(self.call(&Call::Library(SrCall::GetByGuid(guid))).await?)
    }

    async fn guid(&self, id: i32, subject: Option<&str>) -> RegistryResult<Option<String>> {
        let mut path = format!("/schemas/ids/{id}?fetchMaxId=false");
        if let Some(subject) = subject {
            path = format!("{path}&subject={}", escaped(subject));
        }
        Ok(self.call(&Call::Get { path: &path }).await?.guid)
    }

    async fn by_version(&self, subject: &str, version: Version, deleted: bool) -> RegistryResult<Registered> {
        let name = escaped(subject);
        match version {
            Version::Latest => self.versioned(&Call::Library(SrCall::GetLatest(&name)), subject, None).await,
            Version::Number(number) => {
                let path = format!("/subjects/{name}/versions/{number}?deleted={deleted}");
                self.versioned(&Call::Get { path: &path }, subject, None).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::SchemaType;

    #[test]
    fn subjects_and_bodies_are_as_confluents_client_sends_them() {
        assert_eq!(escaped("google/type/date.proto"), "google%2Ftype%2Fdate.proto");
        assert_eq!(escaped(":.ctx:a b"), "%3A.ctx%3Aa%20b");
        assert_eq!(body(&RegistrySchema::new(SchemaType::Avro, "\"int\"")), r#"{"schema":"\"int\""}"#);
        let reference = SchemaReference { name: "a".into(), subject: "b".into(), version: 2 };
        let schema = RegistrySchema::new(SchemaType::Json, "{}").with_references(vec![reference]);
        let expected =
            r#"{"references":[{"name":"a","subject":"b","version":2}],"schema":"{}","schemaType":"JSON"}"#;
        assert_eq!(body(&schema), expected);
    }
}
