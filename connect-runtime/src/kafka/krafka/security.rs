//! Security settings for the client.

use std::sync::Arc;

use krafka::auth::{AuthConfig, OAuthBearerToken, TlsConfig};
use krafka::error::KrafkaError;

use crate::kafka::oauth::Tokens;
use crate::kafka::security::{Sasl, Security, Tls};

/// What the client logs in with; `None` on a plain connection.
pub(super) fn auth(security: Security) -> Option<AuthConfig> {
    let tls = security.tls.map(tls_config);
    let Some(sasl) = security.sasl else { return tls.map(AuthConfig::ssl) };
    let auth = match sasl {
        Sasl::Plain(login) => AuthConfig::sasl_plain(login.username, login.password),
        Sasl::ScramSha256(login) => AuthConfig::sasl_scram_sha256(login.username, login.password),
        Sasl::ScramSha512(login) => AuthConfig::sasl_scram_sha512(login.username, login.password),
        Sasl::OauthBearer(tokens) => oauth_bearer(tokens),
    };
    Some(match tls {
        Some(tls) => auth.with_tls(tls),
        None => auth,
    })
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

fn oauth_bearer(tokens: Arc<Tokens>) -> AuthConfig {
    AuthConfig::sasl_oauthbearer_provider(move || {
        let tokens = Arc::clone(&tokens);
        async move {
            let token = tokens.token().await.map_err(|error| KrafkaError::auth(error.to_string()))?;
            let mut bearer = OAuthBearerToken::new(token.value);
            if let Some(expires) = token.expires {
                bearer = bearer.with_lifetime_ms(expires);
            }
            for (key, value) in &tokens.extensions {
                bearer = bearer.with_extension(key, value);
            }
            Ok(bearer)
        }
    })
}
