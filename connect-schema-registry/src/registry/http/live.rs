//! The HTTP clients, made anew when a token is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connect_api::{Error, Result};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use schema_registry_converter::async_impl::schema_registry::SrSettings;
use tokio::time::Instant;

use super::auth::Authorization;
use super::tls;
use crate::config::SerdeConfig;
use crate::registry::{RegistryError, RegistryResult};

/// What makes clients.
pub(super) struct Source {
    /// Without credentials.
    pub(super) urls: Vec<String>,
    config: SerdeConfig,
    tls: rustls::ClientConfig,
    headers: HeaderMap,
    authorization: Authorization,
    live: Mutex<Option<Arc<Live>>>,
    /// One asks for a token at a time.
    asking: tokio::sync::Mutex<()>,
}

/// Clients that carry the authorization of their time.
pub(super) struct Live {
    pub(super) urls: Vec<String>,
    pub(super) client: reqwest::Client,
    /// The same for the calls that the library does, one for each URL.
    pub(super) settings: Vec<SrSettings>,
    expires: Option<Instant>,
}

impl Source {
    pub(super) fn new(config: &SerdeConfig) -> Result<Self> {
        let key = "schema.registry.url";
        let mut urls = Vec::new();
        let mut credentials = None;
        for text in &config.schema_registry_url {
            let text = text.trim();
            let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
            let mut url = reqwest::Url::parse(&text)
                .map_err(|error| Error::config(key, "A URL of the registry is none").with_source(error))?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(Error::config(key, format!("{} is no scheme of a registry", url.scheme())));
            }
            if !url.username().is_empty() && credentials.is_none() {
                let password = url.password().unwrap_or_default();
                credentials = Some((unescaped(url.username()), unescaped(password)));
            }
            let cleared = url.set_username("").and_then(|()| url.set_password(None));
            cleared.map_err(|()| Error::config(key, "A URL of the registry cannot be used"))?;
            urls.push(url.as_str().trim_end_matches('/').to_owned());
        }
        let mut headers = HeaderMap::new();
        for (name, value) in config.request_headers.iter() {
            let key = format!("request.header.{name}");
            let bad = |_| Error::config(key.clone(), "This is no HTTP header");
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad(()))?;
            headers.insert(name, HeaderValue::from_str(value).map_err(|_| bad(()))?);
        }
        Ok(Self {
            authorization: Authorization::new(config, credentials, &mut headers)?,
            urls,
            tls: tls::config(&config.ssl)?,
            headers,
            config: config.clone(),
            live: Mutex::default(),
            asking: tokio::sync::Mutex::new(()),
        })
    }

    fn slot(&self) -> MutexGuard<'_, Option<Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self) -> Option<Arc<Live>> {
        let slot = self.slot();
        let live = slot.as_ref()?;
        let fresh = live.expires.is_none_or(|expires| Instant::now() < expires);
        fresh.then(|| Arc::clone(live))
    }

    /// Clients whose token, if they need one, is valid.
    pub(super) async fn live(&self) -> RegistryResult<Arc<Live>> {
        if let Some(live) = self.usable() {
            return Ok(live);
        }
        let _turn = self.asking.lock().await;
        if let Some(live) = self.usable() {
            return Ok(live);
        }
        let (header, expires) = match &self.authorization {
            Authorization::Fixed(header) => (header.clone(), None),
            Authorization::OAuth(oauth) => {
                let (header, expires) = oauth.token(&self.client(None)?).await?;
                (Some(header), Some(expires))
            }
        };
        let live = Arc::new(Live {
            urls: self.urls.clone(),
            client: self.client(header.as_ref())?,
            settings: self
                .urls
                .iter()
                .map(|url| self.settings(url, header.as_ref()))
                .collect::<Result<_, _>>()?,
            expires,
        });
        *self.slot() = Some(Arc::clone(&live));
        Ok(live)
    }

    /// Forgets clients whose token was refused. `false`: it is none that could be renewed.
    pub(super) fn renew(&self, refused: &Arc<Live>) -> bool {
        if refused.expires.is_none() {
            return false;
        }
        let mut slot = self.slot();
        if slot.as_ref().is_some_and(|live| Arc::ptr_eq(live, refused)) {
            *slot = None;
        }
        true
    }

    fn builder(&self, header: Option<&HeaderValue>) -> RegistryResult<reqwest::ClientBuilder> {
        let mut headers = self.headers.clone();
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, header.clone());
        }
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.config.http_connect_timeout_ms)
            .timeout(self.config.http_read_timeout_ms);
        builder = match (&self.config.proxy_host, self.config.proxy_port) {
            (Some(host), port) => {
                let url = format!("http://{host}:{}", port.unwrap_or(80));
                let proxy = reqwest::Proxy::all(url).map_err(|error| unusable(&error))?;
                builder.proxy(proxy)
            }
            (None, _) => builder.no_proxy(),
        };
        Ok(builder)
    }

    fn client(&self, header: Option<&HeaderValue>) -> RegistryResult<reqwest::Client> {
        self.builder(header)?.build().map_err(|error| unusable(&error))
    }

    fn settings(&self, url: &str, header: Option<&HeaderValue>) -> RegistryResult<SrSettings> {
        let mut settings = SrSettings::new_builder(url.to_owned());
        settings.set_timeout(self.config.http_read_timeout_ms);
        settings.build_with(self.builder(header)?).map_err(|error| unusable(&error))
    }
}

fn unusable(error: &dyn std::error::Error) -> RegistryError {
    RegistryError::new(0, 0, format!("The HTTP client cannot be made: {error}"))
}

/// Takes back what a URL escapes.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
