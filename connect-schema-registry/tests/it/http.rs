//! The registry over HTTP, against a server that answers what the test says.

use std::sync::{Arc, Mutex};

use connect_api::{Config, Properties};
use connect_schema_registry::config::SerdeConfig;
use connect_schema_registry::registry::{
    HttpRegistry, RegistrySchema, SchemaReference, SchemaRegistry, SchemaType, Version,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Where nothing listens: a port that the system gives to nobody by itself.
const DOWN: &str = "127.0.0.1:1";

/// A server that answers each request by a function of its head and body.
struct Server {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

async fn serve(answer: impl Fn(&str, usize) -> (u16, String) + Send + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let read = stream.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let wanted = head.to_ascii_lowercase();
                let wanted = wanted.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
                if read == 0 || body.len() >= wanted.map_or(0, |length| length.parse().unwrap()) {
                    break;
                }
            }
            let text = String::from_utf8(request).unwrap();
            let count = {
                let mut log = log.lock().unwrap();
                log.push(text.clone());
                log.len()
            };
            let (status, body) = answer(&text, count);
            let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}", body.len());
            stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
        }
    });
    Server { url, seen, _tasks: tasks }
}

impl Server {
    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

fn registry(url: &str, config: &[(&str, &str)]) -> HttpRegistry {
    let mut properties = Properties::from([("schema.registry.url", url), ("retries.wait.ms", "1")]);
    for (key, value) in config {
        properties.insert(*key, *value);
    }
    HttpRegistry::new(&SerdeConfig::parse(&properties).unwrap()).unwrap()
}

fn int() -> RegistrySchema {
    RegistrySchema::new(SchemaType::Avro, "\"int\"")
}

#[tokio::test]
async fn requests_are_those_of_confluents_client() {
    let server =
        serve(|_, _| (200, r#"{"id":3,"version":1,"subject":"a/b","schema":"\"int\""}"#.into())).await;
    let registry = registry(&server.url, &[("request.header.X-Who", "me")]);
    assert_eq!(registry.register("a/b", &int(), true).await.unwrap(), 3);
    registry.lookup("a/b", &int(), false, true).await.unwrap();
    assert_eq!(registry.by_id(3, None).await.unwrap(), int());
    registry.by_version("a/b", Version::Latest, false).await.unwrap();
    registry.by_version("a/b", Version::Number(2), true).await.unwrap();
    let seen = server.seen();
    let lines: Vec<_> = seen.iter().map(|request| request.lines().next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "POST /subjects/a%2Fb/versions?normalize=true HTTP/1.1",
            "POST /subjects/a%2Fb?normalize=false&deleted=true HTTP/1.1",
            "GET /schemas/ids/3?deleted=true HTTP/1.1",
            "GET /subjects/a%2Fb/versions/latest HTTP/1.1",
            "GET /subjects/a%2Fb/versions/2?deleted=true HTTP/1.1",
        ]
    );
    assert!(seen.iter().all(|request| request.contains("x-who: me")));
    assert!(seen[0].to_ascii_lowercase().contains("content-type: application/vnd.schemaregistry.v1+json"));
    assert!(seen[0].ends_with(r#"{"schema":"\"int\""}"#));
}

#[tokio::test]
async fn an_answer_of_the_registry_is_final_and_says_its_code() {
    let body = r#"{"error_code":40403,"message":"Schema 9 not found"}"#;
    let server = serve(move |_, _| (404, body.into())).await;
    let registry = registry(&server.url, &[]);
    let error = registry.by_id(9, None).await.unwrap_err();
    assert_eq!((error.status, error.code, error.retriable), (404, 40403, false));
    assert_eq!(error.to_string(), "Schema 9 not found; error code: 40403");
    assert_eq!(registry.lookup("s", &int(), false, false).await.unwrap_err().code, 40403);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_survived() {
    let server = serve(|_, _| (400, "Bad request, plainly".into())).await;
    let error = registry(&server.url, &[]).register("s", &int(), false).await.unwrap_err();
    assert!(error.message.contains("Bad request, plainly") && !error.retriable, "{error}");
    let server = serve(|_, _| (200, "<html>".into())).await;
    let registry = registry(&server.url, &[]);
    assert!(
        registry
            .register("s", &int(), false)
            .await
            .unwrap_err()
            .message
            .contains("none of a schema registry")
    );
    assert!(registry.by_id(1, None).await.unwrap_err().message.contains("none of a schema registry"));
}

#[tokio::test]
async fn a_registry_that_is_overloaded_is_asked_again() {
    let server =
        serve(|_, count| if count < 3 { (503, "busy".into()) } else { (200, r#"{"id":1}"#.into()) }).await;
    assert_eq!(registry(&server.url, &[]).register("s", &int(), false).await.unwrap(), 1);
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn every_answer_that_may_be_another_one_later_is_asked_for_again() {
    for status in [408, 429, 500, 502, 503, 504] {
        let answer = move |_: &str, count| {
            if count < 2 { (status, "{}".into()) } else { (200, r#"{"id":1,"schema":"\"int\""}"#.into()) }
        };
        let server = serve(answer).await;
        assert_eq!(registry(&server.url, &[]).register("s", &int(), false).await.unwrap(), 1);
        assert_eq!(server.seen().len(), 2, "{status}");
        let server = serve(answer).await;
        assert_eq!(registry(&server.url, &[]).by_id(1, None).await.unwrap(), int());
        assert_eq!(server.seen().len(), 2, "{status}");
    }
}

#[tokio::test]
async fn requests_carry_no_null() {
    let server = serve(|_, _| (200, r#"{"id":1}"#.into())).await;
    let reference = SchemaReference { name: "n".into(), subject: "s".into(), version: 1 };
    let schema = int().with_references(vec![reference]);
    registry(&server.url, &[]).register("s", &schema, false).await.unwrap();
    let seen = server.seen().remove(0);
    assert!(seen.contains(r#"[{"name":"n","subject":"s","version":1}]"#) && !seen.contains("null"), "{seen}");
}

#[tokio::test]
async fn the_next_url_answers_where_one_is_down_and_is_remembered() {
    let server = serve(|_, _| (200, r#"{"id":1,"schema":"\"int\""}"#.into())).await;
    let registry = registry(&format!("http://{DOWN},{}", server.url), &[("max.retries", "0")]);
    assert_eq!(registry.register("s", &int(), false).await.unwrap(), 1);
    assert_eq!(registry.by_id(1, None).await.unwrap(), int());
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_a_retriable_error_without_secrets() {
    let registry = registry(&format!("http://user:sesame@{DOWN}"), &[("max.retries", "1")]);
    for error in
        [registry.register("s", &int(), false).await.unwrap_err(), registry.by_id(1, None).await.unwrap_err()]
    {
        assert!(error.retriable && error.message.contains("was not reached"), "{error:?}");
        assert!(!format!("{error:?} {registry:?}").contains("sesame"));
    }
}

#[tokio::test]
async fn credentials_come_from_where_the_configuration_says() {
    let server = serve(|_, _| (200, r#"{"id":1,"schema":"\"int\""}"#.into())).await;
    let in_url = server.url.replace("http://", "http://user:p%40ss@");
    // user:p@ss and u:p in Base64.
    let (in_url_header, user_info) = ("Basic dXNlcjpwQHNz", "Basic dTpw");
    for (url, config, header) in [
        (&in_url, vec![], in_url_header),
        (
            &server.url,
            vec![("basic.auth.credentials.source", "USER_INFO"), ("basic.auth.user.info", "u:p")],
            user_info,
        ),
        (
            &server.url,
            vec![
                ("basic.auth.credentials.source", "SASL_INHERIT"),
                ("sasl.jaas.config", "x.Plain required username=\"u\" password=\"p\";"),
            ],
            user_info,
        ),
        (&server.url, vec![("bearer.auth.token", "abc")], "Bearer abc"),
    ] {
        let registry = registry(url, &config);
        registry.register("s", &int(), false).await.unwrap();
        registry.by_id(1, None).await.unwrap();
        let seen = server.seen();
        assert_eq!(seen.len(), 2);
        assert!(
            seen.iter().all(|request| request.contains(&format!("authorization: {header}\r\n"))),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_again_when_it_is_refused() {
    let server = serve(|request, count| match request {
        token if token.starts_with("POST /token") => {
            (200, format!(r#"{{"access_token":"t{count}","expires_in":3600}}"#))
        }
        // The first token is withdrawn after two calls.
        old if old.contains("Bearer t1") && count > 3 => (401, r#"{"error_code":401,"message":"no"}"#.into()),
        _ => (200, r#"{"id":1,"schema":"\"int\""}"#.into()),
    })
    .await;
    let issuer = format!("{}/token", server.url);
    let registry = registry(
        &server.url,
        &[
            ("bearer.auth.credentials.source", "OAUTHBEARER"),
            ("bearer.auth.issuer.endpoint.url", &issuer),
            ("bearer.auth.client.id", "id"),
            ("bearer.auth.client.secret", "sesame"),
            ("bearer.auth.scope", "a b"),
        ],
    );
    for _ in 0..3 {
        registry.register("s", &int(), false).await.unwrap();
    }
    let seen = server.seen();
    let tokens: Vec<_> = seen.iter().filter(|request| request.starts_with("POST /token")).collect();
    assert_eq!((seen.len(), tokens.len()), (6, 2));
    assert!(tokens[0].contains("authorization: Basic aWQ6c2VzYW1l\r\n"), "{}", tokens[0]);
    assert!(tokens[0].ends_with("grant_type=client_credentials&scope=a%20b"));
}

#[test]
fn a_configuration_that_cannot_work_names_its_key() {
    for (config, key) in [
        (vec![("schema.registry.url", "ftp://x")], "schema.registry.url"),
        (vec![("basic.auth.credentials.source", "USER_INFO")], "basic.auth.user.info"),
        (vec![("basic.auth.credentials.source", "FILE")], "basic.auth.credentials.source"),
        (vec![("bearer.auth.credentials.source", "OAUTHBEARER")], "bearer.auth.issuer.endpoint.url"),
        (vec![("schema.registry.ssl.truststore.location", "a.jks")], "schema.registry.ssl.truststore.type"),
        (
            vec![
                ("schema.registry.ssl.truststore.type", "PEM"),
                ("schema.registry.ssl.truststore.certificates", "nothing"),
            ],
            "schema.registry.ssl.truststore.certificates",
        ),
    ] {
        let mut properties = Properties::from([("schema.registry.url", "http://localhost:8081")]);
        for (key, value) in config {
            properties.insert(key, value);
        }
        let error = HttpRegistry::new(&SerdeConfig::parse(&properties).unwrap()).unwrap_err();
        assert_eq!(error.key(), Some(key), "{error}");
    }
}
