//! The internal topics of a genuine cluster: every record is understood, and written again as it was.

use connect_runtime::wire::config_topic::ConfigRecord;
use connect_runtime::wire::status_topic::StatusRecord;
use serde_json::Value;

const VECTORS: &str = include_str!("../../../equivalence/vectors/topics.jsonl");

/// Key and value of all records of the topics of one kind.
fn records(topic: &str) -> Vec<(String, Option<String>)> {
    let lines = VECTORS.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let topics = lines.filter(|line| line["case"]["topic"] == topic);
    let records = topics.flat_map(|line| line["expected"].as_array().unwrap().clone());
    records
        .map(|record| {
            (record["key"].as_str().unwrap().to_owned(), record["value"].as_str().map(str::to_owned))
        })
        .collect()
}

/// Members in another order are the same configuration; everything else is the same byte by byte.
fn assert_same(key: &str, written: Option<&[u8]>, java: Option<&str>) {
    let written = written.map(|bytes| std::str::from_utf8(bytes).unwrap());
    if key.starts_with("connector-") || key.starts_with("task-") {
        let read = |text: Option<&str>| text.map(|text| serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(read(written), read(java), "{key}");
    } else {
        assert_eq!(written, java, "{key}");
    }
}

#[test]
fn the_records_of_a_config_topic_are_those_of_java() {
    let records = records("configs");
    for (key, value) in &records {
        let record = ConfigRecord::decode(key.as_bytes(), value.as_ref().map(String::as_bytes)).unwrap();
        assert_ne!(record, ConfigRecord::Unknown, "{key}");
        let (again, written) = record.encode();
        assert_eq!(again, key.as_bytes());
        assert_same(key, written.as_deref(), value.as_deref());
    }
    for kind in [
        "connector-",
        "task-",
        "commit-",
        "target-state-",
        "tasks-fencing-",
        "session-key",
        "restart-",
        "logger-",
    ] {
        assert!(records.iter().any(|(key, _)| key.starts_with(kind)), "the vectors have no {kind}");
    }
}

#[test]
fn the_records_of_a_status_topic_are_those_of_java() {
    let records = records("status");
    for (key, value) in &records {
        let record = StatusRecord::decode(key.as_bytes(), value.as_ref().map(String::as_bytes)).unwrap();
        assert_ne!(record, StatusRecord::Unknown, "{key}");
        let (again, written) = record.encode();
        assert_eq!(again, key.as_bytes());
        assert_same(key, written.as_deref(), value.as_deref());
    }
    for kind in ["status-connector-", "status-task-", "status-topic-"] {
        assert!(records.iter().any(|(key, _)| key.starts_with(kind)), "the vectors have no {kind}");
    }
}
