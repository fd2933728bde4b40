//! Who we are to the registry.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connect_api::{Error, Password, Result};
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use crate::config::SerdeConfig;
use crate::registry::{RegistryError, RegistryResult};

/// How long a token is taken to be valid where its issuer does not say.
const DEFAULT_LIFE: u64 = 300;

/// What goes into the header `Authorization`.
pub(super) enum Authorization {
    /// This, or nothing.
    Fixed(Option<HeaderValue>),
    /// A token that is asked for.
    OAuth(OAuth),
}

/// The client credentials of OAuth.
pub(super) struct OAuth {
    issuer: String,
    client_id: String,
    client_secret: Password,
    scope: Option<String>,
    /// How long before its end a token is replaced.
    buffer: Duration,
}

impl Authorization {
    /// What the configuration says. `in_url` are the user and password of the registry's URL.
    pub(super) fn new(
        config: &SerdeConfig,
        in_url: Option<(String, String)>,
        headers: &mut HeaderMap,
    ) -> Result<Self> {
        let source = config.bearer_auth_credentials_source.as_str();
        if source.eq_ignore_ascii_case("OAUTHBEARER") {
            return OAuth::new(config, headers).map(Self::OAuth);
        }
        if let Some(token) = &config.bearer_auth_token {
            if !source.eq_ignore_ascii_case("STATIC_TOKEN") {
                let message = format!("{source} is none of STATIC_TOKEN, OAUTHBEARER");
                return Err(Error::config("bearer.auth.credentials.source", message));
            }
            return secret("bearer.auth.token", &format!("Bearer {}", token.value()))
                .map(Some)
                .map(Self::Fixed);
        }
        let pair = match config.basic_auth_credentials_source.to_ascii_uppercase().as_str() {
            "URL" => in_url,
            "USER_INFO" => {
                let key = "basic.auth.user.info";
                let info = config.basic_auth_user_info.as_ref().or(config.old_basic_auth_user_info.as_ref());
                let pair = info.and_then(|info| info.value().split_once(':'));
                let pair = pair.ok_or_else(|| Error::config(key, "It must be user:password"))?;
                Some((pair.0.to_owned(), pair.1.to_owned()))
            }
            "SASL_INHERIT" => {
                let jaas = config.sasl_jaas_config.as_ref().map_or("", |jaas| jaas.value());
                let pair = option(jaas, "username").zip(option(jaas, "password"));
                let message = "It must hold username and password for SASL_INHERIT";
                Some(pair.ok_or_else(|| Error::config("sasl.jaas.config", message))?)
            }
            other => {
                let message = format!("{other} is none of URL, USER_INFO, SASL_INHERIT");
                return Err(Error::config("basic.auth.credentials.source", message));
            }
        };
        let header = pair.map(|(user, password)| {
            let encoded = STANDARD.encode(format!("{user}:{password}"));
            secret("basic.auth.user.info", &format!("Basic {encoded}"))
        });
        header.transpose().map(Self::Fixed)
    }
}

/// The value of an option in a JAAS login, `username="alice"`.
fn option(jaas: &str, name: &str) -> Option<String> {
    let mut rest = jaas;
    while let Some((before, after)) = rest.split_once(name) {
        let after_name = after.trim_start();
        if before.ends_with(|last: char| last.is_whitespace())
            && let Some(value) = after_name.strip_prefix('=')
        {
            let value = value.trim_start();
            let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''));
            return match quote {
                Some(quote) => value[1..].split(quote).next().map(str::to_owned),
                None => value.split([' ', ';']).next().map(str::to_owned),
            };
        }
        rest = after;
    }
    None
}

fn secret(key: &str, text: &str) -> Result<HeaderValue> {
    let header = HeaderValue::from_str(text);
    let mut header =
        header.map_err(|_| Error::config(key, "It holds letters that no HTTP header may have"))?;
    header.set_sensitive(true);
    Ok(header)
}

impl OAuth {
    fn new(config: &SerdeConfig, headers: &mut HeaderMap) -> Result<Self> {
        fn required<T: Clone>(key: &str, value: Option<&T>) -> Result<T> {
            value
                .cloned()
                .ok_or_else(|| Error::config(key, "bearer.auth.credentials.source=OAUTHBEARER needs it"))
        }
        for (key, name, value) in [
            ("bearer.auth.logical.cluster", "target-sr-cluster", &config.bearer_auth_logical_cluster),
            (
                "bearer.auth.identity.pool.id",
                "confluent-identity-pool-id",
                &config.bearer_auth_identity_pool_id,
            ),
        ] {
            if let Some(value) = value {
                let value = HeaderValue::from_str(value);
                headers.insert(
                    name,
                    value.map_err(|_| Error::config(key, "This is no value of an HTTP header"))?,
                );
            }
        }
        Ok(Self {
            issuer: required(
                "bearer.auth.issuer.endpoint.url",
                config.bearer_auth_issuer_endpoint_url.as_ref(),
            )?,
            client_id: required("bearer.auth.client.id", config.bearer_auth_client_id.as_ref())?,
            client_secret: required("bearer.auth.client.secret", config.bearer_auth_client_secret.as_ref())?,
            scope: config.bearer_auth_scope.clone(),
            buffer: Duration::from_secs(config.bearer_auth_cache_expiry_buffer_seconds),
        })
    }

    /// Asks the issuer for a token, and answers when to ask again.
    pub(super) async fn token(&self, client: &reqwest::Client) -> RegistryResult<(HeaderValue, Instant)> {
        let mut form = "grant_type=client_credentials".to_owned();
        if let Some(scope) = &self.scope {
            form.push_str("&scope=");
            form.push_str(&super::escaped(scope));
        }
        let issuer = &self.issuer;
        let unreached = |error: reqwest::Error| {
            RegistryError::unreachable(
                format!("The issuer of tokens {issuer} was not reached"),
                error.without_url(),
            )
        };
        let request = client
            .post(issuer)
            .basic_auth(&self.client_id, Some(self.client_secret.value()))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form);
        let response = request.send().await.map_err(unreached)?;
        let status = response.status();
        if !status.is_success() {
            let message = format!("The issuer of tokens {issuer} answered {status}");
            return Err(RegistryError::new(status.as_u16(), 0, message));
        }
        let answer: serde_json::Value = response.json().await.map_err(unreached)?;
        let token = answer.get("access_token").and_then(serde_json::Value::as_str);
        let header = token.and_then(|token| secret("access_token", &format!("Bearer {token}")).ok());
        let header = header.ok_or_else(|| {
            RegistryError::new(
                0,
                0,
                format!("The answer of the issuer of tokens {issuer} has no access_token"),
            )
        })?;
        let life = answer.get("expires_in").and_then(serde_json::Value::as_u64).unwrap_or(DEFAULT_LIFE);
        let life = Duration::from_secs(life.min(365 * 86_400));
        // A token that lives shorter than the buffer is used for half its life.
        Ok((header, Instant::now() + life.saturating_sub(self.buffer).max(life / 2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_read_from_jaas() {
        let jaas = "org.apache.Plain required username=\"al ice\" password='s3;x' ;";
        assert_eq!(option(jaas, "username").as_deref(), Some("al ice"));
        assert_eq!(option(jaas, "password").as_deref(), Some("s3;x"));
        assert_eq!(option(jaas, "token"), None);
    }
}
