//! Every stock transformation, configured as in the Kafka documentation, gives what a Java worker gives: see
//! `stock/README.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use connect_api::{Record, Schema, SchemaAndValue, SinkRecord};
use connect_runtime::{Connect, application};
use serde_json::{Value as Json, json};

use crate::broker;
use crate::process::Place;

/// What sinks read: with schema, so that a struct is printed, whose fields have an order.
fn orders() -> Vec<(i64, String)> {
    let order = |id: i32, price: f64, name: &str, at: i64| {
        let field = |name: &str, ty: &str| json!({"type": ty, "optional": false, "field": name});
        let customer = json!({
            "type": "struct", "optional": false, "field": "customer",
            "fields": [field("first", "string"), {"type": "string", "optional": true, "field": "city"}],
        });
        json!({
            "schema": {"type": "struct", "optional": false, "fields": [
                field("id", "int32"), field("price", "double"), field("name", "string"), field("card", "string"),
                field("at", "int64"), customer,
            ]},
            "payload": {
                "id": id, "price": price, "name": name, "card": "4111 1111", "at": at,
                "customer": {"first": name, "city": if id == 1 { json!("London") } else { Json::Null }},
            },
        })
    };
    let times = [1_767_225_599_999_i64, 1_767_225_600_000, 1_751_371_200_123];
    let prices = [12.5, -0.75, 1e7];
    let names = ["Ada", "Grüße", ""];
    (0..3)
        .map(|at| (times[at], order(at as i32 + 1, prices[at], names[at], times[at] + 7).to_string()))
        .collect()
}

fn stock() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/stock")
}

/// The connectors in `stock`, by file name.
fn connectors() -> BTreeMap<String, String> {
    fs::read_dir(stock())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "properties"))
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn key<'a>(file: &'a str, key: &str) -> Option<&'a str> {
    file.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

async fn pass_through(broker: &str) -> connect_runtime::ConnectBuilder {
    let bytes = "org.apache.kafka.connect.converters.ByteArrayConverter";
    Connect::builder()
        .bootstrap_servers(broker)
        .property("key.converter", bytes)
        .property("value.converter", bytes)
        .property("header.converter", bytes)
        .property("consumer.metadata.max.age.ms", "500")
}

async fn feed(broker: &str, topics: &[String]) {
    let (sender, source) = application::channel(100);
    let connect =
        pass_through(broker).await.plugins(|plugins| source.register(plugins, "Feed")).start().await;
    let connect = connect.unwrap();
    let config = [
        ("connector.class", "Feed"),
        ("topic.creation.default.partitions", "1"),
        ("topic.creation.default.replication.factor", "1"),
        // The records are old: the broker would remove them when it next looks.
        ("topic.creation.default.retention.ms", "-1"),
    ];
    connect.create("feed", config).await.unwrap();
    for topic in topics {
        for (timestamp, value) in orders() {
            let value = SchemaAndValue::new(Schema::BYTES, value.into_bytes());
            let key = SchemaAndValue::new(Schema::BYTES, b"null".to_vec());
            let record = Record::new(topic.as_str(), value).with_key(key).with_timestamp(timestamp);
            sender.send(record).await.unwrap().await.unwrap();
        }
    }
    connect.shutdown().await.unwrap();
}

/// Text, or JSON where it is some.
fn content(data: &SchemaAndValue) -> Json {
    let Some(bytes) = data.value.as_bytes() else { return Json::Null };
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
}

type Topics = Arc<Mutex<BTreeMap<String, Vec<Json>>>>;

/// Reads topics to the end, as they grow.
async fn collect(broker: &str, name: &str, topics: &str, seen: &Topics) -> Connect {
    let seen = Arc::clone(seen);
    let put = move |batch: Vec<SinkRecord>| {
        let seen = Arc::clone(&seen);
        async move {
            let mut seen = seen.lock().unwrap();
            for SinkRecord { record, .. } in batch {
                let headers: Vec<Json> = record
                    .headers
                    .iter()
                    .map(|header| json!([header.key().as_str(), content(header.data())]))
                    .collect();
                let json =
                    json!({"key": content(&record.key), "value": content(&record.value), "headers": headers});
                seen.entry(record.topic.to_string()).or_default().push(json);
            }
            Ok(())
        }
    };
    let builder = pass_through(broker).await;
    let connect =
        builder.plugins(move |plugins| application::sink(plugins, "See", put)).start().await.unwrap();
    connect.create(name, [("connector.class", "See"), ("topics", topics)]).await.unwrap();
    connect
}

#[test]
fn every_stock_transformation_gives_what_a_java_worker_gives() {
    let Some(broker) = broker() else { return };
    let place = Place::new(&broker, "stock");
    let unique = place.name.trim_start_matches("stock-").to_lowercase();
    place.write(
        "worker.properties",
        &format!(
            "bootstrap.servers={broker}\n\
             listeners=http://127.0.0.1:0\n\
             key.converter=org.apache.kafka.connect.json.JsonConverter\nkey.converter.schemas.enable=false\n\
             value.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter.schemas.enable=false\n\
             offset.storage.file.filename=connect.offsets\noffset.flush.interval.ms=200\n\
             consumer.metadata.max.age.ms=500\n"
        ),
    );
    place.write("lines.txt", &fs::read_to_string(stock().join("lines.txt")).unwrap());
    let files: BTreeMap<String, String> =
        connectors().into_iter().map(|(name, text)| (name, text.replace("UNIQUE", &unique))).collect();
    assert_eq!(files.len(), 16, "one for each transformation");
    let mut sources = Vec::new();
    let mut outputs = Vec::new();
    for (name, text) in &files {
        place.write(name, text);
        match key(text, "topic") {
            // The router's topic is another one.
            Some(topic) if name == "regex-router.properties" => sources.push(topic.replacen("stock-", "", 1)),
            Some(topic) => sources.push(topic.to_owned()),
            None => outputs.push(key(text, "file").unwrap().to_owned()),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let inputs = ["orders", "foo", "bar"].map(|topic| format!("stock-{topic}-{unique}"));
    runtime.block_on(feed(&broker, &inputs));

    let mut worker = place.start(&files.keys().map(String::as_str).collect::<Vec<_>>());
    let seen = Topics::default();
    worker.until("all lines of the sinks", |_| {
        outputs.iter().all(|file| place.read(file).lines().count() >= 3)
    });
    let see = runtime.block_on(collect(&broker, &place.name, &sources.join(","), &seen));
    worker.until("all records of the sources", |_| {
        let count: usize = seen.lock().unwrap().values().map(Vec::len).sum();
        println!("{count} records of {}", 3 * sources.len());
        count >= 3 * sources.len()
    });
    runtime.block_on(see.shutdown()).unwrap();
    let (_, log) = worker.terminate();

    let outputs: BTreeMap<_, _> = outputs.iter().map(|file| (file, place.read(file))).collect();
    let answer =
        json!({"topics": *seen.lock().unwrap(), "files": outputs}).to_string().replace(&unique, "UNIQUE");
    let answer: Json = serde_json::from_str(&answer).unwrap();
    let expected = stock().join("expected.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(expected, format!("{answer:#}\n")).unwrap();
        return;
    }
    let expected: Json = serde_json::from_str(&fs::read_to_string(expected).unwrap()).unwrap();
    for (kind, of) in expected.as_object().unwrap() {
        for (name, content) in of.as_object().unwrap() {
            assert_eq!(&answer[kind][name], content, "{name}\n{log}");
        }
    }
    assert_eq!(answer, expected);
}
