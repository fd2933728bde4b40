//! Whole pipelines on Kafka in memory, whose registry refuses, ends, is slow or wants to know who asks.

use std::sync::Mutex;
use std::time::Duration;

use connect_api::Properties;
use connect_runtime::{State, kafka::memory::TopicRecord};
use connect_schema_registry::registry::{RegistrySchema, SchemaRegistry, SchemaType};
use connect_testkit::TestConnect;
use connect_testkit::doc::{CounterSource, ListSink};
use serde_json::json;
use tokio::time::Instant;

use crate::places::{Place, fresh, places};
use crate::server::{self, Door};

/// Long for a test and short for a registry.
const HOUR: &str = "3600000";

async fn worker() -> TestConnect {
    let plugins = |plugins: &mut connect_api::Plugins| {
        plugins.bundle("1.0").source::<CounterSource>("CounterSource").sink::<ListSink>("ListSink");
        connect_schema_registry::register(plugins);
    };
    connect_testkit::connect().plugins(plugins).start().await
}

/// Writes three numbers to a topic in Avro.
fn numbers(url: &str, topic: &str) -> Properties {
    Properties::from([
        ("connector.class", "CounterSource"),
        ("topic", topic),
        ("count", "3"),
        ("value.converter", "AvroConverter"),
        ("value.converter.schema.registry.url", url),
        ("value.converter.max.retries", "0"),
        ("errors.retry.delay.max.ms", "300"),
    ])
}

/// Reads texts of a topic in Avro.
fn texts(url: &str, topic: &str, list: &str) -> Properties {
    Properties::from([
        ("connector.class", "ListSink"),
        ("topics", topic),
        ("list", list),
        ("value.converter", "AvroConverter"),
        ("value.converter.schema.registry.url", url),
        ("value.converter.max.retries", "0"),
        ("errors.retry.delay.max.ms", "300"),
    ])
}

fn with_queue(config: Properties, topic: &str) -> Properties {
    config
        .with("errors.tolerance", "all")
        .with("errors.deadletterqueue.topic.name", topic)
        .with("errors.deadletterqueue.topic.replication.factor", "1")
        .with("errors.deadletterqueue.context.headers.enable", "true")
}

fn header(record: &TopicRecord, name: &str) -> String {
    let bytes = record.headers.last(&format!("__connect.errors.{name}")).flatten().unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn message(id: i32, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len() * 2).unwrap();
    [&[0], &id.to_be_bytes()[..], &[length], text.as_bytes()].concat()
}

#[tokio::test]
async fn a_record_with_an_incompatible_schema_is_in_the_dead_letter_queue_with_the_registrys_message() {
    for place in places().await {
        let (connect, topic) = (worker().await, fresh("refused"));
        let subject = format!("{topic}-value");
        place.register(&subject, SchemaType::Avro, "\"string\"").await;
        place.demand(&subject, true).await;
        let config = with_queue(numbers(&place.url, &topic), "dead");
        connect.create("numbers", config).await.unwrap();
        let dead = connect.expect_records("dead", 3).await;
        assert_eq!(header(&dead[0], "topic"), topic);
        assert_eq!(header(&dead[0], "stage"), "VALUE_CONVERTER");
        let said = header(&dead[0], "exception.stacktrace");
        assert!(said.contains("error code: 409"), "{said}");
        let (registry, schema) = (place.registry(), RegistrySchema::new(SchemaType::Avro, "\"long\""));
        let registrys = registry.register(&subject, &schema, false).await.unwrap_err().message;
        assert!(said.contains(&registrys), "{said} does not say {registrys}");
        assert_eq!(connect.kafka().count_records(&topic), 0);
        connect.expect_state("numbers", State::Running).await;
        connect.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_message_with_an_unknown_id_is_in_the_dead_letter_queue_and_the_next_one_is_not() {
    for place in places().await {
        let (connect, topic) = (worker().await, fresh("unknown"));
        let id = place.register(&format!("{topic}-value"), SchemaType::Avro, "\"string\"").await;
        let unknown = message(999_999, "a");
        connect.kafka().produce(&topic, "k", unknown.clone());
        connect.kafka().produce(&topic, "k", message(id, "b"));
        let config = with_queue(texts(&place.url, &topic, &topic), "dead");
        connect.create("texts", config).await.unwrap();
        let dead = connect.expect_records("dead", 1).await;
        assert_eq!(dead[0].value.as_deref(), Some(&unknown[..]));
        let said = header(&dead[0], "exception.stacktrace");
        assert!(said.contains("Error retrieving Avro value schema for id 999999"), "{said}");
        assert!(said.contains("error code: 40403"), "{said}");
        connect.expect("the text", || (ListSink::taken(&topic) == ["b"]).then_some(())).await;
        connect.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn messages_wait_while_the_registry_is_away_in_the_middle_of_a_pipeline() {
    let server = server::serve().await;
    let schema = |text: &str| RegistrySchema::new(SchemaType::Avro, text);
    let (connect, topic) = (worker().await, "restarted");
    let first = server.registry.register("restarted-value", &schema("\"string\""), false).await.unwrap();
    let second = schema(r#"{"type":"string","connect.doc":"another"}"#);
    let second = server.registry.register("restarted-value", &second, false).await.unwrap();
    connect.kafka().produce(topic, "k", message(first, "a"));
    let config = texts(&server.url, topic, topic).with("errors.retry.timeout", HOUR);
    connect.create("texts", config).await.unwrap();
    connect.expect("the first text", || (ListSink::taken(topic) == ["a"]).then_some(())).await;

    server.door.send_replace(Door::Shut);
    // What is known already needs no registry; what is not waits for it.
    connect.kafka().produce(topic, "k", message(first, "b"));
    connect.expect("the second text", || (ListSink::taken(topic) == ["a", "b"]).then_some(())).await;
    connect.kafka().produce(topic, "k", message(second, "c"));
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(500) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(ListSink::taken(topic), ["a", "b"]);
    }
    connect.expect_task_state("texts", 0, State::Running).await;
    server.door.send_replace(Door::Open);
    connect.expect("the third text", || (ListSink::taken(topic) == ["a", "b", "c"]).then_some(())).await;
    connect.shutdown().await.unwrap();
}

/// The real one, ended and started by the script in `CONNECT_TEST_REGISTRY_SCRIPT`, alone in this binary.
#[tokio::test]
#[ignore = "ends the registry that other tests use; `cargo xtask registry` runs it after them"]
async fn records_wait_while_a_real_registry_is_started_again() {
    let (Ok(url), Ok(script)) =
        (std::env::var("SCHEMA_REGISTRY_URL"), std::env::var("CONNECT_TEST_REGISTRY_SCRIPT"))
    else {
        eprintln!("skipped: there is no registry to start again");
        return;
    };
    let port = reqwest::Url::parse(&url).unwrap().port().unwrap().to_string();
    let run = |args: &[&str]| {
        let done = std::process::Command::new("bash").arg(&script).args(args).status().unwrap();
        assert!(done.success(), "{args:?}");
    };
    let connect = worker().await;
    let (before, during) = (fresh("before"), fresh("during"));
    let config = |topic: &str| numbers(&url, topic).with("errors.retry.timeout", HOUR);
    connect.create("before", config(&before)).await.unwrap();
    connect.expect_records(&before, 3).await;
    run(&["stop"]);
    connect.create("during", config(&during)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(connect.kafka().count_records(&during), 0);
    run(&["start", "--port", &port]);
    let records = connect.expect_records(&during, 3).await;
    assert_eq!(&records[2].value.as_deref().unwrap()[5..], [4]);
    connect.expect_state("during", State::Running).await;
    connect.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_slow_registry_delays_no_other_task_and_the_retry_timeout_ends_the_wait() {
    let (slow, other) = (server::serve().await, server::serve().await);
    slow.door.send_replace(Door::Slow);
    let connect = worker().await;
    let started = Instant::now();
    let config = numbers(&slow.url, "slow")
        .with("value.converter.http.read.timeout.ms", "400")
        .with("errors.retry.timeout", "1500");
    connect.create("slow", config).await.unwrap();
    slow.requested(1).await;
    connect.create("other", numbers(&other.url, "other")).await.unwrap();
    connect.expect_records("other", 3).await;
    let status = connect.expect_task_state("slow", 0, State::Failed).await;
    assert!(started.elapsed() >= Duration::from_millis(1500), "{:?}", started.elapsed());
    assert!(slow.requests.lock().unwrap().len() > 1);
    let trace = status.trace.unwrap_or_default();
    assert!(trace.contains("was not reached"), "{trace}");
    assert_eq!(connect.kafka().count_records("slow"), 0);
    connect.expect_state("other", State::Running).await;
    connect.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_told_once_and_not_shown() {
    let server = server::guarded(|request| {
        // user:right in Base64.
        let known = request.headers.contains("Basic dXNlcjpyaWdodA==");
        (!known).then(|| (401, json!({"error_code": 40101, "message": "User cannot access the resource."})))
    })
    .await;
    let config = |topic: &str, password: &str| {
        numbers(&server.url, topic)
            .with("value.converter.basic.auth.credentials.source", "USER_INFO")
            .with("value.converter.basic.auth.user.info", format!("user:{password}"))
            .with("errors.retry.timeout", HOUR)
    };
    let connect = worker().await;
    connect.create("wrong", config("wrong", "sesame")).await.unwrap();
    let status = connect.expect_task_state("wrong", 0, State::Failed).await;
    let trace = status.trace.unwrap_or_default();
    assert!(trace.contains("User cannot access the resource.; error code: 40101"), "{trace}");
    assert!(!trace.contains("sesame"), "{trace}");
    assert_eq!(server.requests.lock().unwrap().len(), 1);
    connect.create("right", config("right", "right")).await.unwrap();
    connect.expect_records("right", 3).await;
    connect.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_token_that_has_expired_is_replaced_before_a_request() {
    // Each token is good for one request, and says so.
    let issued = Mutex::new((0, true));
    let server = server::guarded(move |request| {
        let mut issued = issued.lock().unwrap();
        if request.path == "/token" {
            *issued = (issued.0 + 1, false);
            return Some((200, json!({"access_token": format!("token-{}", issued.0), "expires_in": 0})));
        }
        let good = request.headers.contains(&format!("Bearer token-{}", issued.0)) && !issued.1;
        issued.1 = true;
        (!good).then(|| (401, json!({"error_code": 40101, "message": "The token has expired"})))
    })
    .await;
    let connect = worker().await;
    for topic in ["first", "second"] {
        let config = numbers(&server.url, topic)
            .with("value.converter.bearer.auth.credentials.source", "OAUTHBEARER")
            .with("value.converter.bearer.auth.issuer.endpoint.url", format!("{}/token", server.url))
            .with("value.converter.bearer.auth.client.id", "id")
            .with("value.converter.bearer.auth.client.secret", "sesame");
        connect.create(topic, config).await.unwrap();
        connect.expect_records(topic, 3).await;
    }
    let config = |list: &str| {
        texts(&server.url, "both", list)
            .with("value.converter.bearer.auth.credentials.source", "OAUTHBEARER")
            .with("value.converter.bearer.auth.issuer.endpoint.url", format!("{}/token", server.url))
            .with("value.converter.bearer.auth.client.id", "id")
            .with("value.converter.bearer.auth.client.secret", "sesame")
    };
    // One converter, several requests: two for each schema that it reads.
    let mut texts = Vec::new();
    for text in ["\"string\"", r#"{"type":"string","connect.doc":"another"}"#] {
        let schema = RegistrySchema::new(SchemaType::Avro, text);
        let id = server.registry.register("both-value", &schema, false).await.unwrap();
        connect.kafka().produce("both", "k", message(id, "x"));
        texts.push("x".to_owned());
    }
    connect.create("both", config("both-tokens")).await.unwrap();
    connect.expect("the texts", || (ListSink::taken("both-tokens") == texts).then_some(())).await;
    let requests = server.requests.lock().unwrap().clone();
    let (tokens, others): (Vec<_>, Vec<_>) = requests.iter().partition(|request| request.path == "/token");
    assert_eq!(tokens.len(), others.len());
    assert!(others.len() >= 6 && !requests.iter().any(|request| request.body.contains("sesame")));
    connect.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_pipeline_through_three_formats_keeps_its_values() {
    for Place { url, strict } in places().await {
        let connect = worker().await;
        // Apicurio takes no JSON Schema that is not of an object.
        let formats = if strict.is_some() { 3 } else { 2 };
        for converter in &["AvroConverter", "ProtobufConverter", "JsonSchemaConverter"][..formats] {
            let converter = *converter;
            let topic = fresh(converter);
            connect.create(&topic, numbers(&url, &topic).with("value.converter", converter)).await.unwrap();
            let records = connect.expect_records(&topic, 3).await;
            let last = &records[2].value.as_deref().unwrap()[5..];
            let expected: &[u8] = match converter {
                "AvroConverter" => &[4],
                // Int64Value is the third message of its file; its field 1 is 2.
                "ProtobufConverter" => &[2, 4, 8, 2],
                _ => b"2",
            };
            assert_eq!(last, expected, "{converter} at {url}");
        }
        connect.shutdown().await.unwrap();
    }
}
