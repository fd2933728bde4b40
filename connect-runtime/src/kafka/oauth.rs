//! OAUTHBEARER tokens: fetched from where the settings say, and used until four fifths of their time are over.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use super::jaas::Jaas;
use super::properties::{Reader, invalid, refused};
use super::security::Tls;
use super::{KafkaError, KafkaErrorKind, Result, tls};
use crate::time::now_millis;

/// An answer of a token endpoint has a token and little else.
const LONGEST_ANSWER: usize = 1 << 20;

/// Gives tokens. It is shared by all connections of a client.
pub(super) struct Tokens {
    source: Source,
    /// SASL extensions, which the broker gets beside the token.
    pub(super) extensions: Vec<(String, String)>,
    kept: Mutex<Option<Kept>>,
}

/// Where tokens come from.
enum Source {
    /// Tokens without a signature, for development.
    Unsecured { subject: String, lifetime: Duration },
    /// A file that somebody else keeps fresh.
    File(String),
    /// An OAuth 2 token endpoint, with client credentials.
    Endpoint(Box<Endpoint>),
}

struct Endpoint {
    url: Uri,
    /// The value of the header `Authorization`.
    authorization: String,
    form: String,
    tls: Option<Arc<ClientConfig>>,
    connect_timeout: Duration,
    read_timeout: Duration,
}

/// A token.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) value: String,
    /// Until when it is good, in milliseconds since 1970, where that is known.
    pub(super) expires: Option<i64>,
}

struct Kept {
    token: Token,
    refresh_at: i64,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// Reads `sasl.oauthbearer.*` and the options of `sasl.jaas.config`; `trust` is that of the brokers.
    pub(super) fn read(reader: &mut Reader<'_>, jaas: &Jaas, trust: Option<&Tls>) -> Result<Self> {
        // The handlers of Java's own client are what the other settings choose here.
        reader.accept(&["sasl.login.callback.handler.class"]);
        let extensions = jaas.options_with_prefix("extension_");
        let extensions = extensions.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let source = match reader.text("sasl.oauthbearer.token.endpoint.url") {
            Some(url) => match url.strip_prefix("file:") {
                Some(path) => Source::File(format!("/{}", path.trim_start_matches('/'))),
                None => Source::Endpoint(Box::new(Endpoint::read(reader, jaas, url, trust)?)),
            },
            None => unsecured(jaas)?,
        };
        Ok(Self { source, extensions, kept: Mutex::new(None) })
    }

    /// A token that is good for a while.
    pub(super) async fn token(&self) -> Result<Token> {
        // Those who come meanwhile wait for the same token.
        let mut kept = self.kept.lock().await;
        let now = now_millis();
        if let Some(kept) = &*kept
            && now < kept.refresh_at
        {
            return Ok(kept.token.clone());
        }
        match self.source.fetch(now).await {
            Ok(token) => {
                *kept = token.expires.map(|expires| Kept {
                    token: token.clone(),
                    refresh_at: now.saturating_add(expires.saturating_sub(now).saturating_mul(4) / 5),
                });
                Ok(token)
            }
            Err(error) => match &*kept {
                Some(kept) if kept.token.expires.is_some_and(|expires| now < expires) => {
                    tracing::warn!(%error, "there is no new OAUTHBEARER token; the old one is good for a while");
                    Ok(kept.token.clone())
                }
                _ => Err(error),
            },
        }
    }
}

fn unsecured(jaas: &Jaas) -> Result<Source> {
    let Some(subject) = jaas.option("unsecuredLoginStringClaim_sub") else {
        return Err(refused(
            "OAUTHBEARER needs `sasl.oauthbearer.token.endpoint.url`, or for development the option \
             `unsecuredLoginStringClaim_sub` in `sasl.jaas.config`",
        ));
    };
    let lifetime = jaas.option("unsecuredLoginLifetimeSeconds").unwrap_or("3600");
    let seconds = lifetime
        .parse()
        .map_err(|_| invalid("unsecuredLoginLifetimeSeconds", lifetime, "a number of seconds"))?;
    Ok(Source::Unsecured { subject: subject.to_owned(), lifetime: Duration::from_secs(seconds) })
}

impl Source {
    async fn fetch(&self, now: i64) -> Result<Token> {
        match self {
            Self::Unsecured { subject, lifetime } => {
                let lifetime = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
                let expires = now.saturating_add(lifetime);
                Ok(Token { value: unsecured_token(subject, now, expires), expires: Some(expires) })
            }
            // Whoever writes the file knows when a token ends.
            Self::File(path) => Ok(Token { value: token_from_file(path).await?, expires: None }),
            Self::Endpoint(endpoint) => endpoint.fetch(now).await,
        }
    }
}

/// A token without a signature, as Java's development handler makes it. Times are milliseconds.
fn unsecured_token(subject: &str, issued: i64, expires: i64) -> String {
    let claims = serde_json::json!({ "sub": subject, "iat": issued / 1000, "exp": expires / 1000 });
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&claims.to_string()))
}

async fn token_from_file(path: &str) -> Result<String> {
    let token = tokio::fs::read_to_string(path).await.map_err(|error| {
        KafkaError::new(KafkaErrorKind::Authentication, format!("the token file `{path}` cannot be read"))
            .with_source(error)
    })?;
    Ok(token.trim().to_owned())
}

impl Endpoint {
    fn read(reader: &mut Reader<'_>, jaas: &Jaas, text: &str, trust: Option<&Tls>) -> Result<Self> {
        const URL: &str = "sasl.oauthbearer.token.endpoint.url";
        let url: Uri = text.parse().map_err(|_| invalid(URL, text, "a URL"))?;
        let tls = match url.scheme_str() {
            Some("http") => None,
            Some("https") => {
                let roots = trust.and_then(|tls| tls.roots.clone());
                Some(tls::config(&Tls { roots, identity: None })?)
            }
            _ => return Err(invalid(URL, text, "a URL that begins with http://, https:// or file:")),
        };
        if url.host().is_none() {
            return Err(invalid(URL, text, "a URL with a host"));
        }
        // Errors name the URL.
        if url.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(refused(format!("`{URL}` must not have a user or password")));
        }
        let mut option = |key: &str, old: &str| {
            let value = reader.text(key).or(jaas.option(old)).map(str::to_owned);
            value.ok_or_else(|| {
                refused(format!("`{URL}` needs `{key}`, or the option `{old}` in `sasl.jaas.config`"))
            })
        };
        let id = option("sasl.oauthbearer.client.credentials.client.id", "clientId")?;
        let secret = option("sasl.oauthbearer.client.credentials.client.secret", "clientSecret")?;
        let encoded = reader.boolean("sasl.oauthbearer.header.urlencode")?.unwrap_or(false);
        let credentials = if encoded {
            format!("{}:{}", form_encoded(&id), form_encoded(&secret))
        } else {
            format!("{id}:{secret}")
        };
        let mut form = "grant_type=client_credentials".to_owned();
        if let Some(scope) = reader.text("sasl.oauthbearer.scope").or(jaas.option("scope")) {
            form.push_str("&scope=");
            form.push_str(&form_encoded(scope));
        }
        let ten_seconds = Duration::from_secs(10);
        Ok(Self {
            url,
            authorization: format!("Basic {}", STANDARD.encode(credentials)),
            form,
            tls,
            connect_timeout: reader.millis("sasl.login.connect.timeout.ms")?.unwrap_or(ten_seconds),
            read_timeout: reader.millis("sasl.login.read.timeout.ms")?.unwrap_or(ten_seconds),
        })
    }

    /// Fails as retriable where the endpoint cannot be reached or is in trouble, and for good where it refuses.
    async fn fetch(&self, now: i64) -> Result<Token> {
        let connected = tokio::time::timeout(self.connect_timeout, self.connect()).await;
        let stream = connected.map_err(|_| self.unavailable("it does not answer"))??;
        let answered = tokio::time::timeout(self.read_timeout, self.ask(stream)).await;
        let (status, body) = answered.map_err(|_| self.unavailable("it does not answer"))??;
        let body: Option<Value> = serde_json::from_slice(&body).ok();
        let text = |key: &str| body.as_ref()?.get(key)?.as_str();
        if !status.is_success() {
            let mut why = format!("it answers {status}");
            // RFC 6749, 5.2.
            for said in ["error", "error_description"].into_iter().filter_map(text) {
                why.push_str(": ");
                why.push_str(said);
            }
            let busy = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            return Err(if busy { self.unavailable(why) } else { self.refused(why) });
        }
        let value = text("access_token").filter(|token| !token.is_empty());
        let value = value.ok_or_else(|| self.refused("its answer has no `access_token`"))?;
        if !value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(self.refused("its `access_token` has characters that a token must not have"));
        }
        let seconds = body.as_ref().and_then(|body| body.get("expires_in")?.as_i64());
        let expires = seconds.map(|seconds| now.saturating_add(seconds.saturating_mul(1000)));
        Ok(Token { value: value.to_owned(), expires })
    }

    fn error(&self, kind: KafkaErrorKind, why: impl fmt::Display) -> KafkaError {
        KafkaError::new(kind, format!("fetching a token from {}: {why}", self.url))
    }

    fn unavailable(&self, why: impl fmt::Display) -> KafkaError {
        self.error(KafkaErrorKind::Unavailable, why)
    }

    fn refused(&self, why: impl fmt::Display) -> KafkaError {
        self.error(KafkaErrorKind::Authentication, why)
    }

    async fn connect(&self) -> Result<Box<dyn Stream>> {
        let host = self.url.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.url.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let plain = TcpStream::connect((host, port)).await;
        let plain = plain.map_err(|error| self.unavailable("no connection").with_source(error))?;
        let Some(tls) = &self.tls else { return Ok(Box::new(plain)) };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| self.refused("the host is no name for TLS").with_source(error))?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, plain).await;
        Ok(Box::new(stream.map_err(|error| self.refused("agreeing on TLS").with_source(error))?))
    }

    async fn ask(&self, stream: Box<dyn Stream>) -> Result<(StatusCode, Bytes)> {
        let broken = |error: hyper::Error| self.unavailable("the connection broke").with_source(error);
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        let host = self.url.authority().map_or("", |authority| authority.as_str());
        let request = Request::post(path)
            .header(HOST, host)
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(self.form.clone())))
            .map_err(|_| self.refused("the request cannot be written"))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let exchange = async move {
            let answer = sender.send_request(request).await.map_err(broken)?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
            Ok((status, body.map_err(|_| self.unavailable("its answer cannot be read"))?.to_bytes()))
        };
        // The connection is driven until the exchange is over and lets go of it.
        let (answered, _) = futures::join!(exchange, connection);
        answered
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// As forms have it (RFC 6749, appendix B).
fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => encoded.push(byte.into()),
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
