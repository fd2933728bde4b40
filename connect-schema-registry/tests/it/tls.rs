//! The registry over TLS: who is trusted, and who we are.

use std::sync::Arc;

use connect_api::{Config, Properties};
use connect_schema_registry::config::SerdeConfig;
use connect_schema_registry::registry::{
    HttpRegistry, RegistryError, RegistrySchema, SchemaRegistry, SchemaType,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;

use crate::server::{self, Server};

/// An authority of our own.
struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
struct Identity {
    pem: String,
    key_pem: String,
    der: CertificateDer<'static>,
    key: KeyPair,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    let (pem, der) = (certificate.pem(), certificate.der().clone());
    Authority { pem, der, issuer: Issuer::new(params, key) }
}

impl Authority {
    fn identity(&self, name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { pem: certificate.pem(), key_pem: key.serialize_pem(), der: certificate.der().clone(), key }
    }
}

/// A registry with this certificate, which wants one of the clients' authority if there is such.
async fn serve(identity: &Identity, clients: Option<&Authority>) -> Server {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.der.clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
    server::with_tls(builder.with_single_cert(vec![identity.der.clone()], key).unwrap()).await
}

/// Registers a schema with these keys below `schema.registry.ssl.`.
async fn register(server: &Server, ssl: &[(&str, &str)]) -> Result<i32, RegistryError> {
    let mut properties =
        Properties::from([("schema.registry.url", server.url.as_str()), ("max.retries", "0")]);
    for (key, value) in ssl {
        properties.insert(format!("schema.registry.ssl.{key}"), *value);
    }
    let registry = HttpRegistry::new(&SerdeConfig::parse(&properties).unwrap()).unwrap();
    let id = registry.register("s", &RegistrySchema::new(SchemaType::Avro, "\"int\""), false).await?;
    // The library's calls go through the same TLS.
    registry.by_id(id, None).await?;
    Ok(id)
}

/// The whole chain of causes.
fn told(error: &RegistryError) -> String {
    let mut text = format!("{error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_named_inline_or_in_a_file() {
    let authority = authority();
    let server = serve(&authority.identity("localhost"), None).await;
    let inline = [("truststore.type", "PEM"), ("truststore.certificates", authority.pem.as_str())];
    assert_eq!(register(&server, &inline).await.unwrap(), 1);
    let file = std::env::temp_dir().join(format!("connect-registry-ca-{}.pem", std::process::id()));
    std::fs::write(&file, &authority.pem).unwrap();
    let located = [("truststore.type", "PEM"), ("truststore.location", file.to_str().unwrap())];
    let registered = register(&server, &located).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(registered.unwrap(), 1);
}

#[tokio::test]
async fn a_registry_of_another_authority_or_name_is_not_talked_to() {
    let (ours, other) = (authority(), authority());
    let trusted = [("truststore.type", "PEM"), ("truststore.certificates", ours.pem.as_str())];
    for (identity, ssl, why) in [
        (other.identity("localhost"), &trusted[..], "InvalidCertificate"),
        // The well-known authorities, where none is named.
        (ours.identity("localhost"), &[], "UnknownIssuer"),
        (ours.identity("elsewhere.example"), &trusted, "NotValidForName"),
    ] {
        let server = serve(&identity, None).await;
        let error = register(&server, ssl).await.unwrap_err();
        assert!(told(&error).contains(why), "{}", told(&error));
        assert!(error.message.contains("was not reached"), "{error}");
        assert_eq!(server.requests.lock().unwrap().len(), 0);
    }
}

#[tokio::test]
async fn a_registry_that_wants_a_certificate_gets_ours() {
    let (authority, clients, strangers) = (authority(), authority(), authority());
    let server = serve(&authority.identity("localhost"), Some(&clients)).await;
    let client = clients.identity("client");
    let trusted = [("truststore.type", "PEM"), ("truststore.certificates", authority.pem.as_str())];
    let with = |identity: &Identity| {
        let keys = [
            ("keystore.certificate.chain", identity.pem.clone()),
            ("keystore.key", identity.key_pem.clone()),
        ];
        keys.to_vec()
    };
    let ask = async |keys: &[(&str, String)]| {
        let mut ssl = trusted.to_vec();
        ssl.extend(keys.iter().map(|(key, value)| (*key, value.as_str())));
        register(&server, &ssl).await
    };
    assert_eq!(ask(&with(&client)).await.unwrap(), 1);

    // Certificate and key in one file, as Kafka's own clients take them.
    let file = std::env::temp_dir().join(format!("connect-registry-client-{}.pem", std::process::id()));
    std::fs::write(&file, format!("{}{}", client.key_pem, client.pem)).unwrap();
    let located =
        [("keystore.type", "PEM".to_owned()), ("keystore.location", file.to_str().unwrap().to_owned())];
    let registered = ask(&located).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(registered.unwrap(), 1);

    let before = server.requests.lock().unwrap().len();
    assert!(ask(&[]).await.unwrap_err().retriable);
    let stranger = strangers.identity("client");
    let error = ask(&with(&stranger)).await.unwrap_err();
    assert!(!told(&error).contains("PRIVATE KEY"));
    assert_eq!(server.requests.lock().unwrap().len(), before);
}
