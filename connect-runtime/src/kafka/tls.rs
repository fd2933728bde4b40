//! TLS out of what the settings brought, for the clients that do it with `rustls`.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::Result;
use super::properties::refused;
use super::security::Tls;

/// Trusts the authorities of the truststore, or the well-known ones where there is none.
pub(super) fn config(tls: &Tls) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match &tls.roots {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in certificates("the truststore", pem)? {
                roots
                    .add(certificate)
                    .map_err(|error| refused("the truststore holds a bad certificate").with_source(error))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused("TLS cannot be used").with_source(error))?
        .with_root_certificates(roots);
    let config = match &tls.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = certificates("the keystore", &identity.chain)?;
            let key = PrivateKeyDer::from_pem_slice(&identity.key)
                .map_err(|error| refused("the keystore holds no readable private key").with_source(error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                refused("the certificate and the private key of the keystore do not work").with_source(error)
            })?
        }
    };
    Ok(Arc::new(config))
}

fn certificates(place: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(refused(format!("{place} holds no certificate"))),
        Err(error) => Err(refused(format!("{place} holds an unreadable certificate")).with_source(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truststore_must_hold_readable_certificates_and_may_be_left_out() {
        assert!(config(&Tls::default()).is_ok());
        let tls = Tls { roots: Some(b"nothing".to_vec()), identity: None };
        assert!(config(&tls).err().unwrap().to_string().contains("the truststore holds no certificate"));
    }
}
