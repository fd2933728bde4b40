//! Logging in and TLS, against a broker that asks for them.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use connect_api::RawHeaders;
use connect_runtime::kafka::{
    ClientProperties, ConsumerEvent, Kafka, KafkaErrorKind, NewTopic, ProducerRecord,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::broker::Broker;
use super::suite::tools::{WAIT, soon, unique};

#[cfg(feature = "krafka")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn krafka_logs_in_every_way() {
    logs_in_every_way(super::krafka()).await;
}

#[cfg(feature = "rskafka")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rskafka_logs_in_every_way() {
    logs_in_every_way(super::rskafka()).await;
}

#[cfg(feature = "native")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_logs_in_every_way() {
    logs_in_every_way(super::native()).await;
}

const PLAIN: &str = "plain.PlainLoginModule";
const SCRAM: &str = "scram.ScramLoginModule";
const OAUTH: &str = "oauthbearer.OAuthBearerLoginModule";

async fn logs_in_every_way(kafka: Option<Arc<dyn Kafka>>) {
    let (Some(kafka), Some(broker)) = (kafka, Broker::secure().await) else {
        eprintln!("skipped: no broker, run cargo xtask kafka");
        return;
    };
    let facts = broker.facts().await;
    let certificates = &facts["KAFKA_TLS_DIR"];
    let tls = [
        ("ssl.truststore.location", format!("{certificates}/ca.crt")),
        ("ssl.truststore.type", "PEM".to_owned()),
        ("ssl.keystore.location", format!("{certificates}/client.pem")),
        ("ssl.keystore.type", "PEM".to_owned()),
    ];

    for (mechanism, module) in [("PLAIN", PLAIN), ("SCRAM-SHA-256", SCRAM), ("SCRAM-SHA-512", SCRAM)] {
        let password = &facts["KAFKA_SASL_PASSWORD"];
        let properties = login(&facts, "SASL_PLAINTEXT", mechanism, module, password);
        goes_both_ways(&*kafka, &properties).await;

        let mut encrypted = login(&facts, "SASL_SSL", mechanism, module, password);
        encrypted.extend(tls[..2].iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        goes_both_ways(&*kafka, &encrypted).await;

        let wrong = login(&facts, "SASL_PLAINTEXT", mechanism, module, "open sesame");
        let error = refusal(&*kafka, &wrong).await;
        assert_eq!(error.0, KafkaErrorKind::Authentication, "{mechanism}: {}", error.1);
        assert!(!error.1.contains("open sesame"), "{}", error.1);
    }

    bears_tokens(&*kafka, &facts).await;

    let mut certified = ClientProperties::from([
        ("bootstrap.servers".to_owned(), facts["KAFKA_SSL"].clone()),
        ("security.protocol".to_owned(), "SSL".to_owned()),
    ]);
    certified.extend(tls.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    goes_both_ways(&*kafka, &certified).await;

    // No well-known authority has signed the broker's certificate.
    let mut distrusting = certified;
    distrusting.retain(|key, _| !key.starts_with("ssl.truststore."));
    distrusting.insert("request.timeout.ms".to_owned(), "3000".to_owned());
    let (kind, text) = refusal(&*kafka, &distrusting).await;
    assert!(matches!(kind, KafkaErrorKind::Authentication | KafkaErrorKind::Config), "{kind:?} {text}");
}

/// Logs in with OAUTHBEARER: the broker believes tokens that nobody signed.
async fn bears_tokens(kafka: &dyn Kafka, facts: &HashMap<String, String>) {
    let mut unsigned = login(facts, "SASL_PLAINTEXT", "OAUTHBEARER", OAUTH, "");
    let module = format!("org.apache.kafka.common.security.{OAUTH} required");
    let jaas = |options: &str| ("sasl.jaas.config".to_owned(), format!("{module} {options};"));
    unsigned.extend([jaas("unsecuredLoginStringClaim_sub=\"alice\"")]);
    goes_both_ways(kafka, &unsigned).await;

    let issuer = Issuer::start().await;
    let from_issuer = |secret: &str| {
        let url = ("sasl.oauthbearer.token.endpoint.url".to_owned(), issuer.url.clone());
        let options = jaas(&format!("clientId=\"alice\" clientSecret=\"{secret}\" scope=\"kafka\""));
        let mut properties = unsigned.clone();
        properties.extend([url, options]);
        properties
    };
    goes_both_ways(kafka, &from_issuer(Issuer::SECRET)).await;

    let mut unknown = from_issuer("open sesame");
    unknown.insert("request.timeout.ms".to_owned(), "3000".to_owned());
    let refused = soon("the token is refused", kafka.producer(&unknown)).await;
    let error = refused.err().expect("must be refused");
    assert_eq!(error.kind(), KafkaErrorKind::Authentication, "{error}");
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    assert!(text.contains("invalid_client") && !text.contains("open sesame"), "{text}");
}

/// A token endpoint that gives tokens without a signature to those who know the secret.
struct Issuer {
    url: String,
    _task: JoinSet<()>,
}

impl Issuer {
    const SECRET: &str = "hush";

    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                Self::answer(stream).await;
            }
        });
        Self { url, _task: task }
    }

    async fn answer(mut stream: TcpStream) {
        let (mut request, mut some) = (Vec::new(), [0; 1024]);
        while !request.ends_with(b"grant_type=client_credentials&scope=kafka") {
            let count = stream.read(&mut some).await.unwrap();
            assert_ne!(count, 0, "the request is incomplete");
            request.extend_from_slice(&some[..count]);
        }
        let known = format!("Basic {}", STANDARD.encode(format!("alice:{}", Self::SECRET)));
        let (status, body) = if String::from_utf8(request).unwrap().contains(&known) {
            // Good until 2100.
            let claims = r#"{"sub":"alice","scope":"kafka","iat":1,"exp":4102444800}"#;
            let parts = [r#"{"alg":"none"}"#, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
            (200, format!(r#"{{"access_token":"{}.{}.","expires_in":600}}"#, parts[0], parts[1]))
        } else {
            (401, r#"{"error":"invalid_client"}"#.to_owned())
        };
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn login(
    facts: &HashMap<String, String>,
    protocol: &str,
    mechanism: &str,
    module: &str,
    password: &str,
) -> ClientProperties {
    let user = &facts["KAFKA_SASL_USER"];
    let module = format!("org.apache.kafka.common.security.{module}");
    ClientProperties::from([
        ("bootstrap.servers".to_owned(), facts[&format!("KAFKA_{protocol}")].clone()),
        ("security.protocol".to_owned(), protocol.to_owned()),
        ("sasl.mechanism".to_owned(), mechanism.to_owned()),
        (
            "sasl.jaas.config".to_owned(),
            format!("{module} required username=\"{user}\" password=\"{password}\";"),
        ),
    ])
}

/// Creates a topic, writes a record and reads it.
async fn goes_both_ways(kafka: &dyn Kafka, properties: &ClientProperties) {
    let topic = unique("secure");
    let admin = kafka.admin(properties).await.unwrap();
    admin
        .create_topic(&NewTopic {
            name: topic.as_str().into(),
            partitions: Some(1),
            replication_factor: Some(1),
            configs: ClientProperties::new(),
        })
        .await
        .unwrap();
    let mut producer = kafka.producer(properties).await.unwrap();
    let record = ProducerRecord {
        topic: topic.as_str().into(),
        partition: None,
        timestamp: None,
        key: None,
        value: Some(Bytes::from_static(b"secret")),
        headers: RawHeaders::new(),
    };
    let delivery = producer.send(Arc::new(vec![record]), false).await.unwrap();
    let report = soon("the record is written", delivery).await;
    assert!(report.failed.is_empty(), "{:?}", report.failed);

    let mut properties = properties.clone();
    properties.insert("auto.offset.reset".to_owned(), "earliest".to_owned());
    let mut consumer = kafka.consumer(&properties).await.unwrap();
    let partition = connect_api::TopicPartition::new(topic, 0);
    consumer.assign(&[partition]).await.unwrap();
    let value = soon("the record is read", async {
        loop {
            let ConsumerEvent::Records(read) = consumer.poll(WAIT).await.unwrap() else { continue };
            if let Some(record) = read.into_iter().flat_map(|read| read.records).next() {
                return record.value;
            }
        }
    })
    .await;
    assert_eq!(value.as_deref(), Some(&b"secret"[..]));
    consumer.close(WAIT).await.unwrap();
    producer.close(WAIT).await.unwrap();
}

async fn refusal(kafka: &dyn Kafka, properties: &ClientProperties) -> (KafkaErrorKind, String) {
    let refused = soon("the login is refused", kafka.admin(properties)).await;
    let error = refused.err().expect("must be refused");
    (error.kind(), error.to_string())
}
