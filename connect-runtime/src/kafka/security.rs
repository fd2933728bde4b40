//! `security.protocol`, `sasl.*` and `ssl.*` as Java users write them, read into what an adapter needs.

use std::sync::Arc;

use super::Result;
use super::jaas::Jaas;
use super::oauth::Tokens;
use super::properties::{Reader, invalid, refused};

/// How to reach the brokers. No part of it has `Debug`: it holds passwords and keys.
#[derive(Default)]
pub(super) struct Security {
    pub(super) tls: Option<Tls>,
    pub(super) sasl: Option<Sasl>,
}

/// TLS material, all of it PEM.
#[derive(Default)]
pub(super) struct Tls {
    /// Certificates to trust; `None`: the well-known authorities.
    pub(super) roots: Option<Vec<u8>>,
    pub(super) identity: Option<Identity>,
}

/// The client's certificate chain and private key.
pub(super) struct Identity {
    pub(super) chain: Vec<u8>,
    pub(super) key: Vec<u8>,
}

/// Who logs in, and how.
pub(super) enum Sasl {
    Plain(Login),
    ScramSha256(Login),
    ScramSha512(Login),
    OauthBearer(Arc<Tokens>),
}

/// A user with a password.
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: String,
}

/// Reads all of it; touches the disk for PEM files.
pub(super) async fn read(reader: &mut Reader<'_>) -> Result<Security> {
    let protocols = [
        ("PLAINTEXT", (false, false)),
        ("SSL", (true, false)),
        ("SASL_PLAINTEXT", (false, true)),
        ("SASL_SSL", (true, true)),
    ];
    let (tls, sasl) = reader.choice("security.protocol", &protocols)?.unwrap_or_default();
    let tls = if tls {
        Some(read_tls(reader).await?)
    } else {
        reader.accept(&TLS_KEYS);
        None
    };
    let sasl = if sasl {
        Some(read_sasl(reader, tls.as_ref())?)
    } else {
        reader.accept(&SASL_KEYS);
        None
    };
    Ok(Security { tls, sasl })
}

/// Meaningful only with TLS; without it Java does not complain either.
const TLS_KEYS: [&str; 15] = [
    "ssl.cipher.suites",
    "ssl.enabled.protocols",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.protocol",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
    "ssl.client.auth",
];

/// The same for SASL.
const SASL_KEYS: [&str; 12] = [
    "sasl.client.callback.handler.class",
    "sasl.jaas.config",
    "sasl.login.callback.handler.class",
    "sasl.login.class",
    "sasl.login.connect.timeout.ms",
    "sasl.login.read.timeout.ms",
    "sasl.mechanism",
    "sasl.oauthbearer.client.credentials.client.id",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.header.urlencode",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.token.endpoint.url",
];

async fn read_tls(reader: &mut Reader<'_>) -> Result<Tls> {
    reader.accept(&["ssl.protocol", "ssl.enabled.protocols", "ssl.client.auth", "ssl.truststore.password"]);
    if let Some("") = reader.raw("ssl.endpoint.identification.algorithm") {
        tracing::warn!(
            key = "ssl.endpoint.identification.algorithm",
            "the broker's name is checked although the setting is empty: the Kafka client cannot check a \
             certificate without its name"
        );
    }
    let mut roots = reader.text("ssl.truststore.certificates").map(|pem| pem.as_bytes().to_vec());
    let kind = reader.text("ssl.truststore.type");
    if let Some(path) = reader.text("ssl.truststore.location") {
        roots = Some(pem_file("ssl.truststore.location", path, "ssl.truststore.type", kind).await?);
    }

    let chain = reader.text("ssl.keystore.certificate.chain");
    let key = reader.text("ssl.keystore.key");
    let kind = reader.text("ssl.keystore.type");
    reader.accept(&["ssl.keystore.password", "ssl.key.password"]);
    let identity = match (reader.text("ssl.keystore.location"), chain, key) {
        (Some(path), _, _) => {
            let pem = pem_file("ssl.keystore.location", path, "ssl.keystore.type", kind).await?;
            Some(Identity { chain: pem.clone(), key: pem })
        }
        (None, Some(chain), Some(key)) => {
            Some(Identity { chain: chain.as_bytes().to_vec(), key: key.as_bytes().to_vec() })
        }
        (None, None, None) => None,
        (None, Some(_), None) => {
            return Err(refused("`ssl.keystore.certificate.chain` needs `ssl.keystore.key`"));
        }
        (None, None, Some(_)) => {
            return Err(refused("`ssl.keystore.key` needs `ssl.keystore.certificate.chain`"));
        }
    };
    if identity.as_ref().is_some_and(|identity| contains(&identity.key, b"ENCRYPTED PRIVATE KEY")) {
        return Err(refused(
            "the private key of the keystore is encrypted, which the Kafka client cannot open; decrypt it with \
             `openssl pkcs8 -topk8 -nocrypt` and protect the file instead",
        ));
    }
    Ok(Tls { roots, identity })
}

async fn pem_file(key: &str, path: &str, kind_key: &str, kind: Option<&str>) -> Result<Vec<u8>> {
    let is_pem = kind.is_none_or(|kind| kind.eq_ignore_ascii_case("PEM"));
    let content = tokio::fs::read(path)
        .await
        .map_err(|error| refused(format!("`{key}` is `{path}`, which cannot be read")).with_source(error))?;
    if is_pem && contains(&content, b"-----BEGIN ") {
        return Ok(content);
    }
    let kind = kind.unwrap_or("JKS or PKCS12");
    Err(refused(format!(
        "`{key}` is `{path}`, a store of type {kind}, but only PEM can be read; convert it with \
         `keytool -importkeystore -srckeystore {path} -destkeystore store.p12 -deststoretype PKCS12` (unless it is \
         PKCS12 already) and `openssl pkcs12 -in store.p12 -nodes -out store.pem`, then set `{kind_key}=PEM`"
    )))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn read_sasl(reader: &mut Reader<'_>, tls: Option<&Tls>) -> Result<Sasl> {
    // Java's default mechanism is Kerberos, so that a forgotten one must be told apart from a wrong one.
    let mechanism = reader.text("sasl.mechanism").unwrap_or("GSSAPI").to_ascii_uppercase();
    let text = reader.required("sasl.jaas.config")?;
    let jaas = Jaas::parse(text)?;
    match mechanism.as_str() {
        "PLAIN" => Ok(Sasl::Plain(login(&jaas, "PlainLoginModule")?)),
        "SCRAM-SHA-256" => Ok(Sasl::ScramSha256(login(&jaas, "ScramLoginModule")?)),
        "SCRAM-SHA-512" => Ok(Sasl::ScramSha512(login(&jaas, "ScramLoginModule")?)),
        "OAUTHBEARER" => {
            check_module(&jaas, "OAuthBearerLoginModule")?;
            Ok(Sasl::OauthBearer(Arc::new(Tokens::read(reader, &jaas, tls)?)))
        }
        other => {
            Err(invalid("sasl.mechanism", other, "one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER"))
        }
    }
}

fn check_module(jaas: &Jaas, module: &str) -> Result<()> {
    let given = jaas.module.rsplit('.').next().unwrap_or_default();
    if given == module {
        return Ok(());
    }
    Err(refused(format!(
        "`sasl.jaas.config` names the login module `{given}`, but `sasl.mechanism` needs `{module}`"
    )))
}

fn login(jaas: &Jaas, module: &str) -> Result<Login> {
    check_module(jaas, module)?;
    Ok(Login {
        username: jaas.required("username")?.to_owned(),
        password: jaas.required("password")?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{ClientProperties, KafkaErrorKind};

    const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"alice\" password=\"hush\";";

    fn properties(pairs: &[(&str, &str)]) -> ClientProperties {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    async fn failure(pairs: &[(&str, &str)]) -> String {
        let properties = properties(pairs);
        let error = read(&mut Reader::new(&properties)).await.err().expect("must be refused");
        assert_eq!(error.kind(), KafkaErrorKind::Config);
        error.to_string()
    }

    #[tokio::test]
    async fn a_login_is_read_from_the_jaas_text() {
        let properties = properties(&[
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.jaas.config", PLAIN),
        ]);
        let mut reader = Reader::new(&properties);
        let security = read(&mut reader).await.ok().unwrap();
        let Some(Sasl::Plain(login)) = security.sasl else { panic!("another mechanism") };
        assert_eq!((login.username.as_str(), login.password.as_str()), ("alice", "hush"));
        assert!(security.tls.is_none());
        assert!(reader.unread().is_empty());
    }

    #[tokio::test]
    async fn a_java_key_store_is_refused_with_the_way_to_convert_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("truststore.jks");
        std::fs::write(&path, b"\xfe\xed\xfe\xed").unwrap();
        let path = path.to_str().unwrap();
        for kind in [None, Some("JKS"), Some("PKCS12")] {
            let mut pairs = vec![("security.protocol", "SSL"), ("ssl.truststore.location", path)];
            pairs.extend(kind.map(|kind| ("ssl.truststore.type", kind)));
            let error = failure(&pairs).await;
            assert!(error.contains("keytool -importkeystore"), "{error}");
            assert!(error.contains("`ssl.truststore.type=PEM`"), "{error}");
        }
    }

    #[tokio::test]
    async fn what_cannot_work_is_refused_by_name_and_without_secrets() {
        let sasl = |mechanism| {
            [
                ("security.protocol", "SASL_PLAINTEXT"),
                ("sasl.mechanism", mechanism),
                ("sasl.jaas.config", PLAIN),
            ]
        };
        let error = failure(&sasl("GSSAPI")).await;
        assert!(error.contains("`sasl.mechanism` is `GSSAPI`"), "{error}");
        let error = failure(&sasl("SCRAM-SHA-256")).await;
        assert!(error.contains("`PlainLoginModule`") && error.contains("`ScramLoginModule`"), "{error}");
        assert!(!error.contains("hush"), "{error}");
        let error = failure(&[("security.protocol", "SASL_SSL"), ("sasl.mechanism", "PLAIN")]).await;
        assert_eq!(error, "`sasl.jaas.config` is missing");
        let error = failure(&[("security.protocol", "TLS")]).await;
        assert!(error.contains("SASL_PLAINTEXT"), "{error}");
        let error =
            failure(&[("security.protocol", "SSL"), ("ssl.truststore.location", "nowhere.pem")]).await;
        assert!(error.contains("`nowhere.pem`"), "{error}");
        let error = failure(&[
            ("security.protocol", "SSL"),
            ("ssl.keystore.certificate.chain", "-----BEGIN CERTIFICATE-----"),
            ("ssl.keystore.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----"),
        ])
        .await;
        assert!(error.contains("-nocrypt"), "{error}");
    }
}
