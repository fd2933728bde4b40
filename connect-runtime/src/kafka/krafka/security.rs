//! Security settings for the client.

use std::time::Duration;

use krafka::auth::{AuthConfig, ClientCredentials, OAuthBearerToken, OidcTokenProvider, TlsConfig};
use krafka::error::KrafkaError;

use super::error::failed;
use crate::kafka::Result;
use crate::kafka::security::{Oauth, Sasl, Security, Tls, token_from_file, unsecured_token};
use crate::time::now_millis;

/// What the client logs in with; `None` on a plain connection.
pub(super) fn auth(security: Security) -> Result<Option<AuthConfig>> {
    let tls = security.tls.map(tls_config);
    let Some(sasl) = security.sasl else { return Ok(tls.map(AuthConfig::ssl)) };
    let auth = match sasl {
        Sasl::Plain(login) => AuthConfig::sasl_plain(login.username, login.password),
        Sasl::ScramSha256(login) => AuthConfig::sasl_scram_sha256(login.username, login.password),
        Sasl::ScramSha512(login) => AuthConfig::sasl_scram_sha512(login.username, login.password),
        Sasl::OauthBearer(oauth) => oauth_bearer(oauth)?,
    };
    Ok(Some(match tls {
        Some(tls) => auth.with_tls(tls),
        None => auth,
    }))
}

fn tls_config(tls: Tls) -> TlsConfig {
    let mut config = TlsConfig::new();
    if let Some(roots) = tls.roots {
        config = config.with_ca_cert_pem(roots);
    }
    if let Some(identity) = tls.identity {
        config = config.with_client_cert_pem(identity.chain, identity.key);
    }
    config
}

fn oauth_bearer(oauth: Oauth) -> Result<AuthConfig> {
    match oauth {
        Oauth::Unsecured { subject, lifetime_seconds, extensions } => {
            Ok(AuthConfig::sasl_oauthbearer_provider(move || {
                let token = unsecured(&subject, lifetime_seconds, &extensions);
                async move { Ok(token) }
            }))
        }
        Oauth::File(path) => Ok(AuthConfig::sasl_oauthbearer_provider(move || {
            let path = path.clone();
            async move {
                let token = token_from_file(&path).await;
                token.map(OAuthBearerToken::new).map_err(|error| KrafkaError::auth(error.to_string()))
            }
        })),
        Oauth::Endpoint { url, client_id, client_secret, scope, extensions, roots } => {
            let mut provider = OidcTokenProvider::builder(url.as_str())
                .credentials(ClientCredentials::secret(client_id, client_secret))
                .request_timeout(Duration::from_secs(10));
            if let Some(scope) = scope {
                provider = provider.scope(scope);
            }
            if let Some(roots) = roots {
                provider = provider.ca_cert_pem(roots);
            }
            for (key, value) in extensions {
                provider = provider.sasl_extension(key, value);
            }
            let provider = provider.build().map_err(|error| {
                failed(format!("reading `sasl.oauthbearer.token.endpoint.url` `{url}`"), error)
            })?;
            Ok(AuthConfig::sasl_oauthbearer_provider(provider))
        }
    }
}

fn unsecured(subject: &str, lifetime_seconds: u64, extensions: &[(String, String)]) -> OAuthBearerToken {
    let now = now_millis();
    let issued = u64::try_from(now / 1000).unwrap_or_default();
    let lifetime = i64::try_from(lifetime_seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    let token = unsecured_token(subject, issued, lifetime_seconds);
    let mut token = OAuthBearerToken::new(token).with_lifetime_ms(now.saturating_add(lifetime));
    for (key, value) in extensions {
        token = token.with_extension(key, value);
    }
    token
}
