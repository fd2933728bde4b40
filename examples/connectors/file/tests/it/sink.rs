//! The sink: what it writes and what happens when it cannot.

use std::fs;
use std::path::Path;

use connect_api::data::{Array, Map};
use connect_api::{Offsets, Properties, Record, SchemaAndValue, SinkRecord, SinkTask, TimestampType, Value};
use connect_file::FileStreamSink;
use connect_testkit::SinkHarness;

type Sink = SinkHarness<FileStreamSink>;

fn config(file: &Path) -> Properties {
    Properties::from([("file", file.to_str().unwrap())])
}

fn records(values: impl IntoIterator<Item = Value>) -> Vec<SinkRecord> {
    let record = |(offset, value)| {
        SinkRecord::new(
            Record::new("t", SchemaAndValue::schemaless(value)),
            "t",
            0,
            offset,
            TimestampType::CreateTime,
        )
    };
    (0..).zip(values).map(record).collect()
}

#[tokio::test]
async fn each_record_is_a_line_with_the_text_that_java_prints() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out.txt");
    fs::write(&file, "old\n").unwrap();
    let mut sink = Sink::start(config(&file)).await.unwrap();
    let task = sink.task();
    let list = Value::from(Array::from(vec![Value::from(1.0_f64), Value::from("x")]));
    let map = Value::from(Map::from([("k", 1)]));
    task.put(&records([Value::from("grüße"), Value::Null, list, map, Value::from(b"\xff\x00".to_vec())]))
        .await
        .unwrap();
    assert_eq!(
        fs::read(&file).unwrap(),
        "old\ngrüße\nnull\n[1.0, x]\n{k=1}\n".bytes().chain(*b"\xff\x00\n").collect::<Vec<_>>()
    );
    task.put(&[]).await.unwrap();
    assert!(task.pre_commit(&Offsets::new()).await.is_ok());
}

#[tokio::test]
async fn a_half_line_of_an_earlier_run_does_not_swallow_the_next_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out.txt");
    fs::write(&file, "one\nha").unwrap();
    let mut sink = Sink::start(config(&file)).await.unwrap();
    let task = sink.task();
    task.put(&records(["half".into(), "two".into()])).await.unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "one\nha\nhalf\ntwo\n");
}

#[tokio::test]
async fn a_file_that_cannot_be_made_fails_the_start_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for file in [dir.path().join("missing/out.txt"), dir.path().to_owned()] {
        let error = Sink::start(config(&file)).await.err().unwrap();
        let text = format!("Couldn't find or create file '{}' for FileStreamSinkTask", file.display());
        assert!(error.to_string().starts_with(&text), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_fails_the_put_by_name() {
    let mut sink = Sink::start(config(Path::new("/dev/full"))).await.unwrap();
    let task = sink.task();
    let error = task.put(&records(["one".into(), "two".into()])).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("Could not write 2 records to '/dev/full': No space left on device"), "{text}");
    assert!(task.pre_commit(&Offsets::new()).await.is_ok(), "a device has nothing to flush");
}
