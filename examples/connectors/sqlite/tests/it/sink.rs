//! What the sink promises beyond the contract: each record once.

use std::path::Path;

use connect_api::{Properties, SinkConnector, TopicPartition};
use connect_sqlite::{SqliteSink, SqliteSinkConfig};
use connect_testkit::SinkHarness;
use rusqlite::Connection;

type Sink = SinkHarness<SqliteSink>;

fn config(file: &Path) -> Properties {
    Properties::from([
        ("database", file.to_str().unwrap()),
        ("busy.timeout.ms", "0"),
        ("retry.backoff.ms", "70"),
    ])
}

fn produce(sink: &mut Sink, numbers: std::ops::Range<i64>) {
    for number in numbers {
        sink.produce("t", 0, number.to_string());
    }
}

/// Partition, offset and value of each row, in the order of writing.
fn rows(file: &Path, table: &str) -> Vec<(i32, i64, String)> {
    let database = Connection::open(file).unwrap();
    let mut rows = database
        .prepare(&format!("SELECT partition, \"offset\", value FROM \"{table}\" ORDER BY rowid"))
        .unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn stored(file: &Path) -> Vec<(String, String, i32, i64)> {
    let database = Connection::open(file).unwrap();
    let mut rows = database.prepare("SELECT * FROM kafka_connect_offsets").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test]
async fn rows_and_offsets_are_written_together() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rows.db");
    let mut sink = Sink::start(config(&file)).await.unwrap();
    sink.open("a \"b\"", 1).await.unwrap();
    for value in ["x", "y"] {
        sink.produce("a \"b\"", 1, value);
    }
    sink.deliver().await.unwrap();
    let name = "a \"b\"".to_owned();
    assert_eq!(stored(&file), [(name.clone(), name, 1, 2)]);
    let database = Connection::open(&file).unwrap();
    let count: i64 =
        database.query_row("SELECT count(*) FROM \"a \"\"b\"\"\"", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 2);
}

#[tokio::test]
async fn after_a_crash_the_database_says_where_to_go_on_and_not_the_group() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rows.db");
    let mut sink = Sink::start(config(&file)).await.unwrap();
    sink.open("t", 0).await.unwrap();
    produce(&mut sink, 0..3);
    sink.deliver().await.unwrap();
    // Nothing was committed to the group.
    let mut sink = sink.crash().await.unwrap();
    sink.open("t", 0).await.unwrap();
    assert_eq!(sink.rewinds(), [(TopicPartition::new("t", 0), 3)]);
    sink.produce("t", 0, "3");
    sink.deliver().await.unwrap();
    let expected: Vec<_> = (0..4).map(|number| (0, number, number.to_string())).collect();
    assert_eq!(rows(&file, "t"), expected);
}

#[tokio::test]
async fn a_task_that_lost_its_partition_writes_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rows.db");
    let mut old = Sink::start(config(&file)).await.unwrap();
    let mut new = Sink::start(config(&file)).await.unwrap();
    for sink in [&mut old, &mut new] {
        sink.open("t", 0).await.unwrap();
        produce(sink, 0..3);
    }
    new.deliver().await.unwrap();
    old.deliver().await.unwrap();
    assert_eq!(rows(&file, "t").len(), 3);
    old.produce("t", 0, "3");
    old.deliver().await.unwrap();
    produce(&mut new, 3..5);
    new.deliver().await.unwrap();
    let expected: Vec<_> = (0..5).map(|number| (0, number, number.to_string())).collect();
    assert_eq!(rows(&file, "t"), expected);
}

#[tokio::test]
async fn a_locked_database_is_tried_again_after_the_configured_time() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rows.db");
    let mut sink = Sink::start(config(&file)).await.unwrap();
    sink.open("t", 0).await.unwrap();
    sink.produce("t", 0, "x");
    let lock = Connection::open(&file).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = sink.deliver().await.unwrap_err();
    assert!(error.is_retriable(), "{error}");
    assert!(error.trace().contains("rows.db") && error.trace().contains("locked"), "{}", error.trace());
    assert_eq!(sink.take_timeout(), Some(std::time::Duration::from_millis(70)));
    drop(lock);
    sink.deliver().await.unwrap();
    assert_eq!(rows(&file, "t").len(), 1);
}

#[tokio::test]
async fn a_table_of_another_form_fails_the_task_and_moves_no_offset() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rows.db");
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE t (diary TEXT)").unwrap();
    let mut sink = Sink::start(config(&file)).await.unwrap();
    sink.open("t", 0).await.unwrap();
    sink.produce("t", 0, "x");
    let error = sink.deliver().await.unwrap_err();
    assert!(!error.is_retriable() && error.trace().contains("no column named topic"), "{}", error.trace());
    assert_eq!(stored(&file), []);
}

#[tokio::test]
async fn altered_offsets_are_altered_in_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rows.db");
    let mut sink = Sink::start(config(&file)).await.unwrap();
    sink.open("t", 0).await.unwrap();
    sink.produce("t", 0, "x");
    sink.deliver().await.unwrap();
    let config = || <SqliteSinkConfig as connect_api::Config>::parse(&config(&file)).unwrap();
    let partition = TopicPartition::new("t", 0);
    assert!(SqliteSink::alter_offsets(config(), &[(partition.clone(), Some(0))]).await.unwrap());
    assert_eq!(stored(&file), [("t".to_owned(), "t".to_owned(), 0, 0)]);
    assert!(SqliteSink::alter_offsets(config(), &[(partition, None)]).await.unwrap());
    assert_eq!(stored(&file), []);
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_fails_the_start_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let error = Sink::start(config(&dir.path().join("missing/rows.db"))).await.err().unwrap();
    assert!(error.trace().contains("missing/rows.db"), "{}", error.trace());
}
