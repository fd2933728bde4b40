//! The API over TLS: who is let in, what is refused, and workers that reach each other over `https`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use connect_api::Properties;
use connect_runtime::{Connect, MemoryKafka, rest};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Answer, answer};

/// An authority, and what it vouches for.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Certificate and key in PEM.
struct Identity {
    certificate: String,
    key: String,
}

impl Identity {
    fn both(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn identity(&self, names: &[&str]) -> Identity {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

fn file(directory: &Path, name: &str, text: &str) -> String {
    let path: PathBuf = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}

struct Secure {
    connect: Connect,
    server: rest::RestServer,
    port: u16,
}

impl Secure {
    async fn new(settings: &[(&str, &str)]) -> Self {
        let mut builder = Connect::builder().in_memory().property("listeners", "https://127.0.0.1:0");
        for (key, value) in settings {
            builder = builder.property(format!("listeners.https.{key}"), *value);
        }
        let connect = builder.start().await.unwrap();
        let server = rest::serve(connect.herder()).await.unwrap();
        let port = server.addresses()[0].rsplit(':').next().unwrap().parse().unwrap();
        assert!(server.addresses()[0].starts_with("https://"));
        Self { connect, server, port }
    }

    /// A request by a client that trusts an authority, with a certificate of its own or none.
    async fn send(
        &self,
        trusted: &Authority,
        own: Option<&Identity>,
        request: &str,
    ) -> std::io::Result<Answer> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(trusted.pem().as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        Ok(answer(&bytes))
    }

    async fn post(&self, trusted: &Authority, own: &Identity, body: &str) -> Answer {
        let length = body.len();
        let head =
            "POST /connectors HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json";
        let request = format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}");
        self.send(trusted, Some(own), &request).await.unwrap()
    }

    async fn admits(&self, trusted: &Authority, own: Option<&Identity>) -> bool {
        const GET: &str = "GET /connectors HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let called =
            tokio::time::timeout(Duration::from_secs(20), self.send(trusted, own, GET)).await.unwrap();
        match called {
            Ok(answer) => {
                assert_eq!((answer.status, answer.body.as_str()), (200, "[]"));
                true
            }
            Err(_) => false,
        }
    }

    async fn end(self) {
        self.server.shutdown().await;
        self.connect.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_knows_the_authority_is_answered_over_tls() {
    let (known, other) = (Authority::new(), Authority::new());
    let own = known.identity(&["localhost"]);
    let directory = tempfile::tempdir().unwrap();
    let store = file(directory.path(), "server.pem", &own.both());
    let from_file = [("ssl.keystore.type", "PEM"), ("ssl.keystore.location", store.as_str())];
    let inline = [
        ("ssl.keystore.type", "PEM"),
        ("ssl.keystore.certificate.chain", own.certificate.as_str()),
        ("ssl.keystore.key", own.key.as_str()),
    ];
    for settings in [&from_file[..], &inline[..]] {
        let server = Secure::new(settings).await;
        assert!(server.admits(&known, None).await);
        assert!(!server.admits(&other, None).await, "it does not know who vouches for the server");
        // Who does not speak TLS harms nobody.
        let mut plain = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut bytes = Vec::new();
        let _ = plain.read_to_end(&mut bytes).await;
        assert!(!String::from_utf8_lossy(&bytes).contains("200"));
        let silent = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
        assert!(server.admits(&known, None).await, "a handshake that hangs holds up nobody");
        drop(silent);
        server.end().await;
    }
}

#[tokio::test]
async fn client_certificates_are_asked_for_as_configured() {
    let (known, other) = (Authority::new(), Authority::new());
    let directory = tempfile::tempdir().unwrap();
    let store = file(directory.path(), "server.pem", &known.identity(&["localhost"]).both());
    let trust = file(directory.path(), "trust.pem", &known.pem());
    let (member, stranger) = (known.identity(&["member"]), other.identity(&["stranger"]));
    for (asked, nobody, unknown) in
        [("required", false, false), ("requested", true, false), ("none", true, true)]
    {
        let server = Secure::new(&[
            ("ssl.keystore.type", "PEM"),
            ("ssl.keystore.location", &store),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", &trust),
            ("ssl.client.auth", asked),
        ])
        .await;
        assert!(server.admits(&known, Some(&member)).await, "{asked}");
        assert_eq!(server.admits(&known, None).await, nobody, "{asked}, no certificate");
        assert_eq!(server.admits(&known, Some(&stranger)).await, unknown, "{asked}, of another authority");
        server.end().await;
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_the_way_out() {
    let authority = Authority::new();
    let directory = tempfile::tempdir().unwrap();
    let own = authority.identity(&["localhost"]);
    let store = file(directory.path(), "server.pem", &own.both());
    let keyless = file(directory.path(), "keyless.pem", &own.certificate);
    let pem = [("ssl.keystore.type", "PEM"), ("ssl.keystore.location", store.as_str())];
    let with = |more: &[(&'static str, &str)]| {
        pem.iter().chain(more).map(|(key, value)| (*key, (*value).to_owned())).collect::<Vec<_>>()
    };
    for (settings, expected) in [
        (vec![("ssl.keystore.location", "a.jks".to_owned())], "keytool -importkeystore"),
        (
            vec![("ssl.keystore.type", "PKCS12".to_owned()), ("ssl.keystore.location", "a.p12".to_owned())],
            "openssl pkcs12",
        ),
        (
            with(&[("ssl.truststore.location", "a.jks"), ("ssl.client.auth", "required")]),
            "ssl.truststore.type=PEM",
        ),
        (with(&[("ssl.client.auth", "required")]), "needs a truststore"),
        (with(&[("ssl.keystore.location", &keyless)]), "private key"),
        (with(&[("ssl.keystore.location", "/nowhere.pem")]), "/nowhere.pem cannot be read"),
        (with(&[("ssl.enabled.protocols", "TLSv1.1")]), "ssl.enabled.protocols"),
        (Vec::new(), "needs a certificate"),
    ] {
        let mut builder = connect_testkit::connect().property("listeners", "https://127.0.0.1:0");
        for (key, value) in &settings {
            builder = builder.property(format!("listeners.https.{key}"), value.as_str());
        }
        let connect = builder.start().await;
        let error = rest::serve(connect.herder()).await.expect_err(expected).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        let _ = connect.shutdown().await;
    }
}

/// A port below the range from which the system gives ports to connections.
fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let at = std::process::id().wrapping_mul(89).wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = 10_000 + (at % 2_000) as u16;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A worker of a cluster whose API asks for certificates.
async fn member(kafka: &MemoryKafka, store: &str, trust: &str) -> (Connect, rest::RestServer, u16) {
    let port = free_port();
    let connect = Connect::builder()
        .memory(kafka.clone())
        .distributed()
        .properties(Properties::from([
            ("bootstrap.servers", "memory:9092"),
            ("group.id", "secure"),
            ("key.converter", "StringConverter"),
            ("value.converter", "StringConverter"),
            ("config.storage.topic", "configs"),
            ("offset.storage.topic", "offsets"),
            ("status.storage.topic", "status"),
            ("listeners.https.ssl.keystore.type", "PEM"),
            ("listeners.https.ssl.keystore.location", store),
            ("listeners.https.ssl.truststore.type", "PEM"),
            ("listeners.https.ssl.truststore.location", trust),
            ("listeners.https.ssl.client.auth", "required"),
            ("rest.advertised.host.name", "localhost"),
        ]))
        .property("listeners", format!("https://127.0.0.1:{port}"))
        .property("rest.advertised.port", port.to_string())
        .plugins(crate::scripted::register)
        .start()
        .await
        .unwrap();
    let server = rest::serve(connect.herder()).await.unwrap();
    (connect, server, port)
}

#[tokio::test]
async fn workers_forward_to_each_other_over_mutual_tls() {
    let authority = Authority::new();
    let directory = tempfile::tempdir().unwrap();
    let store = file(directory.path(), "server.pem", &authority.identity(&["localhost"]).both());
    let trust = file(directory.path(), "trust.pem", &authority.pem());
    let kafka = crate::scripted::world().kafka.clone();
    let (first, first_server, _) = member(&kafka, &store, &trust).await;
    let (second, server, port) = member(&kafka, &store, &trust).await;
    let second = Secure { connect: second, server, port };
    let own = authority.identity(&["client"]);
    let body = serde_json::json!({"name": "forwarded", "config": {
        "connector.class": "Source", "topic": "t", "tasks.max": "1",
    }});
    // The second one does not lead, so it forwards; while the group forms anew it answers 409.
    let created = async {
        loop {
            let answer = second.post(&authority, &own, &body.to_string()).await;
            if answer.status != 409 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let created = tokio::time::timeout(Duration::from_secs(60), created).await.unwrap();
    assert_eq!(created.status, 201, "{}", created.body);
    let running = async {
        while !first.status("forwarded").is_ok_and(|status| status.tasks.len() == 1) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // Whoever runs the connector, its tasks come to the leader, over TLS where that is another worker.
    tokio::time::timeout(Duration::from_secs(60), running).await.expect("its task runs");
    second.end().await;
    first_server.shutdown().await;
    first.shutdown().await.unwrap();
}
