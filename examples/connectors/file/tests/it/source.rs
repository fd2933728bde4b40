//! The source: what it reads, where it continues, what it refuses.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use connect_api::{
    Config, Error, ErrorKind, ExactlyOnceSupport, Plugins, Properties, Schema, SourceConnector, SourceOffset,
    SourcePartition, SourceRecord, SourceTask,
};
use connect_file::{FileStreamSource, FileStreamSourceConfig};
use connect_testkit::{SourceHarness, SourceOptions};

const WAIT: Duration = Duration::from_millis(500);

fn config(file: &Path) -> Properties {
    Properties::from([("file", file.to_str().unwrap()), ("topic", "lines")])
}

type Source = SourceHarness<FileStreamSource>;

async fn start(file: &Path, offset: Option<SourceOffset>) -> Source {
    let options = SourceOptions::new(config(file));
    let options = match offset {
        Some(offset) => options.offset(SourcePartition::of("filename", file.to_str().unwrap()), offset),
        None => options,
    };
    Source::start_with(options).await.unwrap()
}

async fn poll(source: &mut Source) -> Vec<SourceRecord> {
    source.task().poll(WAIT).await.unwrap()
}

fn texts(records: &[SourceRecord]) -> Vec<&str> {
    records.iter().map(|record| record.record.value.value.as_str().unwrap()).collect()
}

fn append(file: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(file).unwrap().write_all(text.as_bytes()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_line_becomes_a_record_without_key_partition_and_timestamp() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("in.txt");
    fs::write(&file, "grüße\nzwei\n").unwrap();
    let records = poll(&mut start(&file, None).await).await;
    assert_eq!(texts(&records), ["grüße", "zwei"]);
    let first = &records[0];
    assert_eq!(first.source_partition, SourcePartition::of("filename", file.to_str().unwrap()));
    assert_eq!(first.source_offset, SourceOffset::of("position", 8), "bytes, not characters");
    assert_eq!(first.record.topic, "lines");
    assert_eq!(first.record.value.schema, Some(Schema::STRING));
    assert!(first.record.key.is_null());
    assert_eq!((first.record.kafka_partition, first.record.timestamp), (None, None));
}

#[tokio::test(start_paused = true)]
async fn it_follows_a_growing_file_and_waits_for_the_line_end() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("in.txt");
    fs::write(&file, "one\ntw").unwrap();
    let mut task = start(&file, None).await;
    assert_eq!(texts(&poll(&mut task).await), ["one"]);
    assert!(poll(&mut task).await.is_empty());
    append(&file, "o\nthree\n");
    assert_eq!(texts(&poll(&mut task).await), ["two", "three"]);
}

#[tokio::test(start_paused = true)]
async fn it_resumes_after_any_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("in.txt");
    fs::write(&file, "ä\r\nb\n\nc and thirty more bytes of text\r😀\n").unwrap();
    let all = poll(&mut start(&file, None).await).await;
    assert_eq!(all.len(), 5);
    for (at, record) in all.iter().enumerate() {
        let rest = poll(&mut start(&file, Some(record.source_offset.clone())).await).await;
        assert_eq!(rest, all[at + 1..], "after line {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_at_most_the_configured_size_and_none_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("in.txt");
    let lines: Vec<String> = (0..10_000).map(|n| format!("line {n} {}", "x".repeat(n % 97))).collect();
    fs::write(&file, lines.join("\n") + "\n").unwrap();
    let mut task = Source::start(config(&file).with("batch.size", "300")).await.unwrap();
    let mut all = Vec::new();
    loop {
        let batch = poll(&mut task).await;
        assert!(batch.len() <= 300);
        if batch.is_empty() {
            break;
        }
        all.extend(batch);
    }
    assert_eq!(texts(&all), lines);
    assert_eq!(
        all.last().unwrap().source_offset.i64("position"),
        Some(fs::metadata(&file).unwrap().len() as i64)
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_file_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("later.txt");
    let mut task = start(&file, None).await;
    let began = tokio::time::Instant::now();
    assert!(poll(&mut task).await.is_empty());
    assert_eq!(began.elapsed(), WAIT);
    append(&file, "here\n");
    assert_eq!(texts(&poll(&mut task).await), ["here"]);
}

#[tokio::test(start_paused = true)]
async fn a_truncated_file_fails_the_task_whenever_it_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("in.txt");
    fs::write(&file, "one\ntwo\n").unwrap();
    let mut task = start(&file, None).await;
    assert_eq!(poll(&mut task).await.len(), 2);
    fs::write(&file, "x\n").unwrap();
    let while_running = task.task().poll(WAIT).await.unwrap_err();
    let after_restart =
        start(&file, Some(SourceOffset::of("position", 8))).await.task().poll(WAIT).await.unwrap_err();
    for error in [while_running, after_restart] {
        assert!(!error.is_retriable());
        let text = error.to_string();
        for part in [file.to_str().unwrap(), "byte 8", "2 bytes long", "reset its offsets"] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_a_file_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let error = start(dir.path(), None).await.task().poll(WAIT).await.unwrap_err();
    assert!(
        error.to_string().contains(&format!("'{}' is not a regular file", dir.path().display())),
        "{error}"
    );
}

#[tokio::test]
async fn an_offset_of_the_wrong_form_fails_the_start() {
    for offset in [SourceOffset::of("position", "8"), SourceOffset::of("position", -1)] {
        let options = SourceOptions::new(config(Path::new("in.txt")));
        let options = options.offset(SourcePartition::of("filename", "in.txt"), offset);
        assert!(Source::start_with(options).await.is_err());
    }
}

#[test]
fn the_topic_must_be_there_and_not_empty() {
    let error = FileStreamSourceConfig::parse(&Properties::from([("batch.size", "0")])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("Missing required configuration \"topic\""), "{error}");
    assert!(error.to_string().contains("Invalid value 0 for configuration batch.size"), "{error}");
    let error = FileStreamSourceConfig::parse(&Properties::from([("topic", "")])).unwrap_err();
    assert!(error.to_string().contains("String must be non-empty"), "{error}");
}

#[test]
fn exactly_once_needs_a_file() {
    for (file, support) in [("", ExactlyOnceSupport::Unsupported), ("in.txt", ExactlyOnceSupport::Supported)]
    {
        assert_eq!(
            FileStreamSource::exactly_once_support(
                &FileStreamSourceConfig::parse(&config(Path::new(file))).unwrap()
            ),
            support
        );
    }
}

#[tokio::test]
async fn offsets_are_altered_only_to_what_can_be_read() {
    let alter = async |file: &str, partition: SourcePartition, offset: Option<SourceOffset>| {
        let config = FileStreamSourceConfig::parse(&config(Path::new(file))).unwrap();
        FileStreamSource::alter_offsets(config, &[(partition, offset)])
            .await
            .map_err(|error: Error| error.to_string())
    };
    let partition = SourcePartition::of("filename", "in.txt");
    let at = |position: i64| Some(SourceOffset::of("position", position));
    assert_eq!(alter("in.txt", partition.clone(), at(0)).await, Ok(true));
    assert_eq!(alter("in.txt", SourcePartition::of("other", 1), None).await, Ok(true));
    for (file, partition, offset, part) in [
        ("", partition.clone(), at(0), "configuration is unspecified"),
        ("in.txt", partition.clone(), at(-1), "should be a non-negative value"),
        ("in.txt", partition.clone(), Some(SourceOffset::of("position", "1")), "expected to be a Long value"),
        ("in.txt", partition, Some(SourceOffset::of("line", 1)), "contain the key 'position'"),
        ("in.txt", SourcePartition::of("other", 1), at(0), "should contain the key 'filename'"),
    ] {
        let error = alter(file, partition, offset).await.unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn both_connectors_are_found_by_name_and_java_class() {
    let mut plugins = Plugins::default();
    connect_file::register(&mut plugins);
    plugins.check().unwrap();
    for name in
        ["FileStreamSource", "org.apache.kafka.connect.file.FileStreamSourceConnector", "FileStreamSink"]
    {
        assert!(plugins.find_connector(name).is_ok(), "{name}");
    }
}
