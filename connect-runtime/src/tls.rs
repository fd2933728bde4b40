//! TLS of the REST API, for its server and for workers that call each other: `listeners.https.ssl.*`, all of it PEM.

use std::sync::Arc;

use connect_api::config::Properties;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::config::WorkerConfig;
use crate::error::{Error, Result};

/// The keys below a prefix, or those without one when nothing stands below it: Kafka mixes neither.
pub(crate) fn settings(properties: &Properties, prefix: &str) -> Properties {
    let below = properties.with_prefix(prefix);
    let own = below.keys().any(|key| key.starts_with("ssl."));
    match own {
        true => below,
        false => properties.clone(),
    }
}

/// Accepts connections with the certificate of the keystore.
pub(crate) async fn acceptor(settings: &Properties) -> Result<TlsAcceptor> {
    let (chain, key) = identity(settings).await?.ok_or_else(|| {
        config(
            "ssl.keystore.location",
            "an https listener needs a certificate; set ssl.keystore.type=PEM and ssl.keystore.location, or \
             ssl.keystore.certificate.chain and ssl.keystore.key",
        )
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(settings)?)
        .map_err(|error| config("ssl.enabled.protocols", &error.to_string()))?;
    let wanted = settings.get("ssl.client.auth").unwrap_or("none").trim().to_lowercase();
    let builder = if wanted == "none" {
        builder.with_no_client_auth()
    } else {
        let roots = Arc::new(roots(settings).await?.ok_or_else(|| {
            config(
                "ssl.truststore.location",
                "ssl.client.auth needs a truststore in PEM to check certificates with",
            )
        })?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
        let verifier = if wanted == "requested" { verifier.allow_unauthenticated() } else { verifier };
        let verifier =
            verifier.build().map_err(|error| config("ssl.truststore.location", &error.to_string()))?;
        builder.with_client_cert_verifier(verifier)
    };
    let server = builder.with_single_cert(chain, key).map_err(|error| {
        config("ssl.keystore.location", &format!("the certificate and the key do not work: {error}"))
    })?;
    Ok(TlsAcceptor::from(Arc::new(server)))
}

/// The certificates of the keystore and their key; `None`: there is no keystore.
async fn identity(
    settings: &Properties,
) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>> {
    let Some(chain) = pem(settings, "ssl.keystore", "ssl.keystore.certificate.chain").await? else {
        return Ok(None);
    };
    let key = match settings.get("ssl.keystore.key") {
        Some(key) => key.as_bytes().to_vec(),
        None => chain.clone(),
    };
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| {
        config(
            "ssl.keystore.key",
            &format!(
                "there is no readable private key ({error}); an encrypted one has to be decrypted first"
            ),
        )
    })?;
    Ok(Some((certificates("ssl.keystore.location", &chain)?, key)))
}

/// What connects to the other workers of a cluster; `None` where they are reached over plain `http`.
pub(crate) async fn of_peers(worker: &WorkerConfig) -> Result<Option<TlsConnector>> {
    let rest = &worker.rest;
    let secure = |listener: &String| listener.trim().to_lowercase().starts_with("https://");
    let named = |listener: &String| listener.trim().eq_ignore_ascii_case("https");
    if !rest.listeners.iter().any(secure) && !rest.advertised_listener.as_ref().is_some_and(named) {
        // Without a listener of its own the keys `ssl.*` are those of the Kafka clients alone.
        return Ok(None);
    }
    connector(&settings(worker.properties(), "listeners.https.")).await
}

/// Connects to other workers, whose certificates the truststore vouches for, and shows them the certificate of the
/// keystore if they ask. `None`: there is no truststore.
async fn connector(settings: &Properties) -> Result<Option<TlsConnector>> {
    let Some(roots) = roots(settings).await? else { return Ok(None) };
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&versions(settings)?)
        .map_err(|error| config("ssl.enabled.protocols", &error.to_string()))?
        .with_root_certificates(roots);
    let client = match identity(settings).await? {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
            config("ssl.keystore.location", &format!("the certificate and the key do not work: {error}"))
        })?,
    };
    Ok(Some(TlsConnector::from(Arc::new(client))))
}

fn versions(settings: &Properties) -> Result<Vec<&'static rustls::SupportedProtocolVersion>> {
    let wanted = settings.get("ssl.enabled.protocols").unwrap_or("TLSv1.2,TLSv1.3");
    let versions: Vec<_> = wanted
        .split(',')
        .filter_map(|version| match version.trim() {
            "TLSv1.2" => Some(&rustls::version::TLS12),
            "TLSv1.3" => Some(&rustls::version::TLS13),
            _ => None,
        })
        .collect();
    match versions.is_empty() {
        true => Err(config("ssl.enabled.protocols", "of TLSv1.2 and TLSv1.3 at least one is needed")),
        false => Ok(versions),
    }
}

async fn roots(settings: &Properties) -> Result<Option<RootCertStore>> {
    let Some(text) = pem(settings, "ssl.truststore", "ssl.truststore.certificates").await? else {
        return Ok(None);
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("ssl.truststore.location", &text)? {
        roots
            .add(certificate)
            .map_err(|error| config("ssl.truststore.location", &format!("a certificate is bad: {error}")))?;
    }
    Ok(Some(roots))
}

/// The text of a store: in the key itself, or in a file.
async fn pem(settings: &Properties, store: &str, inline: &str) -> Result<Option<Vec<u8>>> {
    if let Some(text) = settings.get(inline) {
        return Ok(Some(text.as_bytes().to_vec()));
    }
    let key = format!("{store}.location");
    let Some(location) = settings.get(&key) else { return Ok(None) };
    let ty = settings.get(&format!("{store}.type")).unwrap_or("JKS").trim();
    if !ty.eq_ignore_ascii_case("PEM") {
        return Err(config(
            &format!("{store}.type"),
            &format!(
                "{ty} stores cannot be read. Convert it: keytool -importkeystore -srckeystore {location} -destkeystore \
                 store.p12 -deststoretype PKCS12, then openssl pkcs12 -in store.p12 -nodes -out store.pem, and set \
                 {store}.type=PEM and {key}=store.pem"
            ),
        ));
    }
    let text = tokio::fs::read(location.trim())
        .await
        .map_err(|error| config(&key, &format!("{location} cannot be read: {error}")))?;
    Ok(Some(text))
}

fn certificates(key: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(config(key, "there is no certificate in it")),
        Err(error) => Err(config(key, &format!("a certificate cannot be read: {error}"))),
    }
}

fn config(key: &str, problem: &str) -> Error {
    Error::Config(format!("Invalid value for configuration {key}: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_below_the_prefix_stand_alone() {
        let properties = Properties::from([("ssl.a", "1"), ("ssl.b", "2"), ("listeners.https.ssl.a", "3")]);
        let below = settings(&properties, "listeners.https.");
        assert_eq!((below.get("ssl.a"), below.get("ssl.b")), (Some("3"), None));
        assert_eq!(settings(&properties, "admin.listeners.https.").get("ssl.b"), Some("2"));
    }

    #[tokio::test]
    async fn a_java_key_store_is_refused_with_the_way_to_convert_it() {
        let settings = Properties::from([("ssl.keystore.location", "a.jks")]);
        let error = acceptor(&settings).await.err().unwrap().to_string();
        assert!(error.contains("keytool -importkeystore") && error.contains("ssl.keystore.type"), "{error}");
        let error = acceptor(&Properties::new()).await.err().unwrap().to_string();
        assert!(error.contains("needs a certificate"), "{error}");
    }
}
