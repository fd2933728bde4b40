//! A topic with bad records: what a Java worker would have kept is in the dead letter topic, and a replay after the
//! fix delivers it.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use connect_api::{Bytes, Str};
use connect_runtime::Connect;
use connect_runtime::dead_letters::{DeadLetter, Selection};
use connect_runtime::kafka::krafka::KrafkaClients;
use connect_runtime::kafka::{Kafka as _, ProducerRecord};
use serde_json::Value as Json;

use crate::broker;
use crate::process::Place;

/// The records, and what a Java worker made of them with the same settings.
const VECTORS: &str = include_str!("../../../../connect-runtime/tests/vectors/dead-letters.jsonl");

fn dump(line: usize) -> Vec<Json> {
    let json: Json = serde_json::from_str(VECTORS.lines().nth(line).unwrap()).unwrap();
    json["expected"]["ok"].as_array().unwrap().clone()
}

fn bytes(json: &Json) -> Option<Bytes> {
    json.as_str().map(|text| Bytes::copy_from_slice(text.as_bytes()))
}

async fn produce(broker: &str, topic: &str) {
    let properties = BTreeMap::from([("bootstrap.servers".to_owned(), broker.to_owned())]);
    let mut producer = KrafkaClients::new().producer(&properties).await.unwrap();
    let record = |record: &Json| ProducerRecord {
        topic: topic.into(),
        partition: Some(0),
        timestamp: record["timestamp"].as_i64(),
        key: bytes(&record["key"]),
        value: bytes(&record["value"]),
        headers: record["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (Str::from(pair[0].as_str().unwrap()), bytes(&pair[1])))
            .collect(),
    };
    let records = dump(0).iter().map(record).collect();
    let delivery = producer.send(Arc::new(records), false).await.unwrap();
    assert!(delivery.await.failed.is_empty());
}

async fn letters(broker: &str, topic: &str) -> Vec<DeadLetter> {
    let topic = Connect::builder().bootstrap_servers(broker).dead_letters(topic).await.unwrap();
    topic.list(&Selection::all()).await.unwrap()
}

fn assert_as_java(ours: &[DeadLetter], name: &str) {
    let theirs = dump(1);
    assert_eq!((ours.len(), theirs.len()), (5, 5));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(Some(ours.timestamp), theirs["timestamp"].as_i64());
        assert_eq!((&ours.key, &ours.value), (&bytes(&theirs["key"]), &bytes(&theirs["value"])));
        let headers = theirs["headers"].as_array().unwrap();
        assert_eq!(ours.headers.len(), headers.len());
        for ((key, value), pair) in ours.headers.iter().zip(headers) {
            assert_eq!(key, pair[0].as_str().unwrap());
            let expected = match key.as_str() {
                "__connect.errors.topic" => Some(Bytes::copy_from_slice(name.as_bytes())),
                "__connect.errors.connector.name" => Some(Bytes::from(format!("{name}-sink"))),
                "__connect.errors.exception.stacktrace" => continue,
                _ => bytes(&pair[1]),
            };
            assert_eq!(value, expected.as_ref(), "{key}");
        }
    }
}

fn dlq(place: &Place, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_connect-worker"))
        .arg("dlq")
        .args(args)
        .current_dir(place.path(""))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bad_records_are_kept_as_java_keeps_them_and_delivered_by_a_replay_after_the_fix() {
    let Some(broker) = broker() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let place = Place::new(&broker, "dead");
    let dead = format!("{}-dead", place.name);
    runtime.block_on(produce(&broker, &place.name));
    let json = "org.apache.kafka.connect.json.JsonConverter";
    let queue = format!(
        "errors.tolerance=all\n\
         errors.deadletterqueue.topic.name={dead}\n\
         errors.deadletterqueue.topic.replication.factor=1\n\
         errors.deadletterqueue.context.headers.enable=true\n"
    );
    let converters = format!(
        "key.converter={json}\nkey.converter.schemas.enable=false\n\
         value.converter={json}\nvalue.converter.schemas.enable=false\n\
         header.converter={json}\nheader.converter.schemas.enable=false\n\
         transforms=tag\n\
         transforms.tag.type=org.apache.kafka.connect.transforms.InsertField$Value\n\
         transforms.tag.static.field=from\ntransforms.tag.static.value=orders\n"
    );
    place.sink("output.txt", &format!("{converters}{queue}"));
    let mut worker = place.start(&["sink.properties"]);
    worker.until("the good records", |_| place.read("output.txt").lines().count() == 95);
    let (code, log) = worker.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("read=100 delivered=95 dropped=0 failed=5"), "{log}");
    assert_as_java(&runtime.block_on(letters(&broker, &dead)), &place.name);

    let list = dlq(&place, &["list", "worker.properties", &dead, "--stage", "VALUE_CONVERTER"]);
    assert_eq!(list.lines().count(), 3, "{list}");
    assert!(list.contains(&format!("{}-0@21", place.name)), "{list}");
    let story = dlq(&place, &["show", "worker.properties", &dead, "--at", "0:3"]);
    assert!(story.contains("TRANSFORMATION") && story.contains("Only Map objects supported"), "{story}");

    // The fix: text is good enough.
    place.sink("output.txt", &queue);
    let mut worker = place.start(&["sink.properties"]);
    let said = dlq(&place, &["replay", "worker.properties", &dead, "--all", "--dry-run"]);
    assert_eq!(said, "5 records would be written.\n");
    let said = dlq(&place, &["replay", "worker.properties", &dead, "--all"]);
    assert_eq!(said, "5 records were written.\n");
    worker.until("the replayed records", |_| place.read("output.txt").lines().count() == 100);
    let (code, log) = worker.terminate();
    assert_eq!(code, 0, "{log}");
    let output = place.read("output.txt");
    let last: Vec<&str> = output.lines().skip(95).collect();
    assert_eq!(
        last,
        ["{\"id\":3,", "not json", "{\"id\":42,\"amount\":42.5}", "[1,2]", "{\"id\":84,\"amount\":84.5}"]
    );
    assert_eq!(runtime.block_on(letters(&broker, &dead)).len(), 5);
}
