//! `connect-worker explain`, from the command line.

use std::path::Path;

use crate::{Answer, run};

const SINK: &str = r#"{"name": "orders", "config": {
    "connector.class": "FileStreamSink", "topics": "orders", "file": "out",
    "value.converter": "JsonConverter", "value.converter.schemas.enable": "false",
    "transforms": "mask,route",
    "transforms.mask.type": "org.apache.kafka.connect.transforms.MaskField$Value", "transforms.mask.fields": "ssn",
    "transforms.route.type": "RegexRouter", "transforms.route.regex": "ord(.*)", "transforms.route.replacement": "$1",
    "key.converter": "StringConverter"}}"#;

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

fn explain(directory: &Path, args: &[&str]) -> Answer {
    run(directory, &[&["explain"], args].concat())
}

#[test]
fn a_sink_is_explained_from_bytes_to_the_record() {
    let sample = r#"{"key": "7", "value": {"id": 7, "ssn": "123-45"}}"#;
    let directory = directory(&[("c.json", SINK), ("s.json", sample)]);
    let answer = explain(directory.path(), &["c.json", "--sample", "s.json"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    for line in [
        "orders: sink FileStreamSink",
        "sample: s.json",
        "1. KEY_CONVERTER key.converter: StringConverter, about ",
        "2. VALUE_CONVERTER value.converter: JsonConverter, about ",
        "3. TRANSFORMATION transforms.mask: org.apache.kafka.connect.transforms.MaskField$Value, about ",
        "   writes  value.ssn = string \"\", was string \"123-45\"",
        "4. TRANSFORMATION transforms.route: RegexRouter, about ",
        "   reads   topic",
        "   writes  topic = string \"ers\", was string \"orders\"",
        "ns per record in all: an estimate",
    ] {
        assert!(answer.stdout.contains(line), "{line}: {}", answer.stdout);
    }
    assert!(!directory.path().join("out").exists(), "no connector is started");
}

#[test]
fn a_program_gets_json() {
    let directory = directory(&[("c.json", SINK)]);
    let answer = explain(directory.path(), &["c.json", "--json"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let json: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(json["type"], "sink");
    let outcomes: Vec<_> = json["stages"].as_array().unwrap().iter().map(|stage| &stage["outcome"]).collect();
    assert!(outcomes.iter().all(|outcome| *outcome == "kept"), "{json}");
    assert!(json["stages"][1]["nanos_per_record_estimate"].is_u64(), "{json}");
}

#[test]
fn a_source_without_a_sample_says_what_its_records_look_like() {
    let file = "name=f\nconnector.class=FileStreamSource\nfile=in\ntopic=lines\n\
                value.converter=org.apache.kafka.connect.storage.StringConverter\n";
    let datagen = "name=d\nconnector.class=DatagenSource\nkafka.topic=users\nquickstart=users\n";
    let directory = directory(&[("f.properties", file), ("d.properties", datagen)]);
    let answer = explain(directory.path(), &["f.properties"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.stdout.contains("a record as FileStreamSource gives it"), "{}", answer.stdout);
    assert!(answer.stdout.contains("a line of the file\n"), "{}", answer.stdout);
    let answer = explain(directory.path(), &["d.properties"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.stdout.contains("value.userid"), "{}", answer.stdout);
}

#[test]
fn a_stage_that_refuses_the_sample_ends_with_3_and_a_wrong_sample_with_1() {
    let refused = r#"{"value": "12"}"#;
    let directory = directory(&[("c.json", SINK), ("s.json", refused), ("w.json", "{")]);
    let answer = explain(directory.path(), &["c.json", "--sample", "s.json"]);
    assert_eq!(answer.code, 3, "{answer:?}");
    let words =
        "fails   Only Map objects supported in absence of schema for [mask fields], found: java.lang.Long";
    assert!(answer.stdout.contains(words), "{}", answer.stdout);
    let answer = explain(directory.path(), &["c.json", "--sample", "w.json"]);
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(
        answer.stderr.starts_with("w.json: The sample cannot be used: it is not valid JSON"),
        "{answer:?}"
    );
}

#[test]
fn the_workers_file_gives_converters_and_secrets_which_are_not_shown() {
    let worker = "bootstrap.servers=nowhere:1\noffset.storage.file.filename=o\n\
                  key.converter=StringConverter\nvalue.converter=StringConverter\n\
                  config.providers=file\n\
                  config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider\n";
    let connector = "name=f\nconnector.class=FileStreamSource\nfile=in\ntopic=lines\n\
                     value.converter=JsonConverter\nvalue.converter.schemas.enable=false\n\
                     transforms=i\ntransforms.i.type=InsertField$Value\n\
                     transforms.i.static.field=token\ntransforms.i.static.value=${file:secrets.properties:token}\n";
    let sample = r#"{"value": {"id": 1}}"#;
    let directory = directory(&[
        ("w.properties", worker),
        ("f.properties", connector),
        ("s.json", sample),
        ("secrets.properties", "token=hunter2\n"),
    ]);
    for json in [&[][..], &["--json"]] {
        let args = [&["f.properties", "--worker", "w.properties", "--sample", "s.json"], json].concat();
        let answer = explain(directory.path(), &args);
        assert_eq!(answer.code, 0, "{answer:?}");
        assert!(answer.stdout.contains("[hidden]"), "{}", answer.stdout);
        assert!(!answer.stdout.contains("hunter2"), "{}", answer.stdout);
    }
}
