//! The stock converters against the answers of Kafka Connect's own classes.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use connect_api::data::java;
use connect_api::{ConverterType, Encoded, Plugins, Properties, RawHeaders, Result, SchemaAndValue};
use serde_json::{Value as Json, json};

use crate::notation::{read_data, write_data};

fn plugins() -> Plugins {
    let mut plugins = Plugins::new();
    connect_runtime::converters::register(&mut plugins);
    plugins
}

/// What a converter made of a case.
#[derive(Debug, PartialEq)]
enum Answer {
    Data(SchemaAndValue),
    Bytes(Option<Bytes>),
    Error { class: String, message: String },
}

fn input(case: &Json) -> Option<Bytes> {
    match (case["bytes"].as_str(), case["text"].as_str()) {
        (Some(base64), _) => Some(java::base64_decode(base64.as_bytes()).unwrap().into()),
        (None, Some(text)) => Some(Bytes::copy_from_slice(text.as_bytes())),
        (None, None) => None,
    }
}

fn run(plugins: &Plugins, case: &Json) -> Result<Answer> {
    let op = case["op"].as_str().unwrap();
    let mut config: Properties = case["config"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .collect();
    let name = case["class"].as_str().unwrap_or("SimpleHeaderConverter");
    if op.starts_with("header") {
        config.insert("converter.type", "header");
        let converter = plugins.find_header_converter(name)?.configure(&config)?;
        return if op == "header_to_connect" {
            converter.to_connect_header("t", "h", input(case).as_ref()).map(Answer::Data)
        } else {
            converter.from_connect_header("t", "h", &read_data(case)).map(Answer::Bytes)
        };
    }
    let ty = if case["is_key"] == json!(true) { ConverterType::Key } else { ConverterType::Value };
    config.insert("converter.type", ty.as_str());
    let converter = plugins.find_converter(name)?.configure(&config, ty)?;
    if op == "to_connect" {
        return converter.to_connect_data("t", &RawHeaders::new(), input(case).as_ref()).map(Answer::Data);
    }
    let mut out = BytesMut::from("before");
    let encoded = converter.from_connect_data("t", &mut RawHeaders::new(), &read_data(case), &mut out)?;
    Ok(Answer::Bytes(match encoded {
        Encoded::Null => None,
        Encoded::Appended => Some(out.freeze().slice("before".len()..)),
        Encoded::Shared(bytes) => Some(bytes),
    }))
}

fn answer(plugins: &Plugins, case: &Json) -> Answer {
    run(plugins, case).unwrap_or_else(|error| Answer::Error {
        class: error.java_class().to_owned(),
        message: error.message().to_owned(),
    })
}

fn expected(expected: &Json) -> Answer {
    if let Some(error) = expected.get("error") {
        let text = |name: &str| error[name].as_str().unwrap_or("null").to_owned();
        return Answer::Error { class: text("class"), message: text("message") };
    }
    match expected["ok"].get("bytes") {
        Some(bytes) => {
            Answer::Bytes(bytes.as_str().map(|base64| java::base64_decode(base64.as_bytes()).unwrap().into()))
        }
        None => Answer::Data(read_data(&expected["ok"])),
    }
}

/// Why an answer may differ from Java's.
fn exception(case: &Json, theirs: &Answer) -> Option<&'static str> {
    let text = case.to_string();
    match theirs {
        Answer::Error { message, .. } if message.contains("LinkedHashMap") => Some(
            "all maps are one type here; the class in the text is that of Java's own converters, HashMap",
        ),
        Answer::Error { message, .. } if text.contains("bigint") && message.contains("BigInteger") => {
            Some("there is no integer of any size here but in a decimal")
        }
        Answer::Error { class, .. } if class == "java.lang.NullPointerException" => {
            Some("the message is that of Java's runtime")
        }
        _ if case["schema"]["parameters"].as_object().is_some_and(|parameters| parameters.len() > 1) => {
            Some("the notation's reader sorts parameters; that their order is kept is tested below")
        }
        _ => None,
    }
}

fn compare(vectors: &str) -> (usize, BTreeMap<&'static str, usize>) {
    let plugins = plugins();
    let (mut wrong, mut excepted, mut count) = (Vec::new(), BTreeMap::new(), 0);
    for line in vectors.lines() {
        let vector: Json = serde_json::from_str(line).unwrap();
        let case = &vector["case"];
        let (ours, theirs) = (answer(&plugins, case), expected(&vector["expected"]));
        count += 1;
        if ours == theirs {
            continue;
        }
        match exception(case, &theirs) {
            Some(reason) => *excepted.entry(reason).or_insert(0) += 1,
            None => wrong.push(format!("{case}\n  ours   {ours:?}\n  theirs {theirs:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
    (count, excepted)
}

#[test]
fn every_converter_has_its_java_name() {
    let plugins = plugins();
    plugins.check().unwrap();
    for (class, name) in [
        ("org.apache.kafka.connect.json.JsonConverter", "JsonConverter"),
        ("org.apache.kafka.connect.storage.StringConverter", "StringConverter"),
        ("org.apache.kafka.connect.converters.LongConverter", "LongConverter"),
    ] {
        assert_eq!(plugins.find_converter(class).unwrap().name(), name);
        assert_eq!(plugins.find_header_converter(class).unwrap().name(), name);
    }
    let simple = "org.apache.kafka.connect.storage.SimpleHeaderConverter";
    assert_eq!(plugins.find_header_converter(simple).unwrap().name(), "SimpleHeaderConverter");
    assert!(plugins.find_converter(simple).is_err());
}

#[test]
fn every_converter_answers_as_kafka_connects_does() {
    let (count, excepted) = compare(include_str!("../vectors/converters.jsonl"));
    assert!(count >= 381, "vectors are missing");
    assert!(excepted.len() <= 4, "{excepted:?}");
}

#[test]
fn every_header_converter_answers_as_kafka_connects_does() {
    let (count, excepted) = compare(include_str!("../vectors/headers.jsonl"));
    assert!(count >= 123, "vectors are missing");
    assert!(excepted.is_empty(), "{excepted:?}");
}

#[test]
fn mutated_json_is_accepted_or_refused_as_kafka_connect_does() {
    let (count, excepted) = compare(include_str!("../vectors/json.jsonl"));
    assert!(count >= 450, "vectors are missing");
    assert!(excepted.len() <= 1, "{excepted:?}");
}

/// For the comparison with a live oracle: cases on standard input, answers on standard error.
#[test]
#[ignore = "speaks the oracle's protocol on standard input and error"]
fn converter_oracle_protocol() {
    use std::io::Write;
    let plugins = plugins();
    for line in std::io::stdin().lines() {
        let case: Json = serde_json::from_str(&line.unwrap()).unwrap();
        let answer = match answer(&plugins, &case) {
            Answer::Data(data) => json!({"ok": write_data(&data)}),
            Answer::Bytes(bytes) => json!({"ok": {"bytes": bytes.map(|bytes| java::base64_encode(&bytes))}}),
            Answer::Error { class, message } => json!({"error": {"class": class, "message": message}}),
        };
        writeln!(std::io::stderr(), "{answer}").unwrap();
    }
}
