//! TLS out of the keys `schema.registry.ssl.*`.

use std::borrow::Cow;
use std::sync::Arc;

use connect_api::{Error, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::config::SslConfig;

/// Trusts the authorities of the truststore, or the well-known ones where there is none.
pub(super) fn config(ssl: &SslConfig) -> Result<ClientConfig> {
    for (key, ty, used) in [
        ("truststore.type", &ssl.truststore_type, ssl.truststore_location.is_some()),
        ("keystore.type", &ssl.keystore_type, ssl.keystore_location.is_some()),
    ] {
        // Kafka's default is JKS, which only Java reads.
        let ty = ty.as_deref().unwrap_or(if used { "JKS" } else { "PEM" });
        if !ty.eq_ignore_ascii_case("PEM") {
            let message = format!("{ty} cannot be read here; convert it to PEM and set the type to PEM");
            return Err(Error::config(format!("schema.registry.ssl.{key}"), message));
        }
    }
    let mut roots = RootCertStore::empty();
    let truststore = ("truststore.location", "truststore.certificates");
    match text(&ssl.truststore_location, ssl.truststore_certificates.as_ref(), truststore)? {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some((key, pem)) => {
            for certificate in certificates(key, &pem)? {
                roots.add(certificate).map_err(|error| unusable(key, "a certificate", error))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("truststore.type", "TLS", error))?
        .with_root_certificates(roots);
    let keystore = ("keystore.location", "keystore.certificate.chain");
    let chain = text(&ssl.keystore_location, ssl.keystore_certificate_chain.as_ref(), keystore)?;
    let Some((key, pem)) = chain else { return Ok(builder.with_no_client_auth()) };
    let private = match &ssl.keystore_key {
        Some(private) => Cow::Borrowed(private.value().as_bytes()),
        None => Cow::Borrowed(&*pem),
    };
    let private =
        PrivateKeyDer::from_pem_slice(&private).map_err(|error| unusable(key, "a private key", error))?;
    builder
        .with_client_auth_cert(certificates(key, &pem)?, private)
        .map_err(|error| unusable(key, "the own certificate", error))
}

type Pem = (&'static str, Vec<u8>);

/// The text of a store and the key that it comes from.
fn text(
    location: &Option<String>,
    inline: Option<&connect_api::Password>,
    keys: (&'static str, &'static str),
) -> Result<Option<Pem>> {
    if let Some(inline) = inline {
        return Ok(Some((keys.1, inline.value().as_bytes().to_vec())));
    }
    let Some(path) = location else { return Ok(None) };
    match std::fs::read(path) {
        Ok(pem) => Ok(Some((keys.0, pem))),
        Err(error) => {
            let key = format!("schema.registry.ssl.{}", keys.0);
            Err(Error::config(key, format!("{path} cannot be read")).with_source(error))
        }
    }
}

fn certificates(key: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(Error::config(format!("schema.registry.ssl.{key}"), "It holds no certificate")),
        Err(error) => Err(unusable(key, "a certificate", error)),
    }
}

fn unusable(key: &str, what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let message = format!("It holds nothing that can be used as {what}");
    Error::config(format!("schema.registry.ssl.{key}"), message).with_source(error)
}
