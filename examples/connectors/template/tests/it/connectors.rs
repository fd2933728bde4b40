//! What the connectors do.

use std::time::Duration;

use connect_api::{
    Offsets, Plugins, Properties, Record, Schema, SchemaAndValue, SinkRecord, SinkTask, SourceOffset,
    SourceTask, TimestampType, TopicPartition, Value,
};
use connect_template::{CollectingTask, CounterTask, store};

use crate::host::{start_sink, start_source};

const WAIT: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn the_counter_resumes_after_any_record_and_stops_at_its_count() {
    let config = Properties::from([("topic", "numbers"), ("count", "5"), ("batch.size", "2")]);
    let mut task: CounterTask = start_source(&config, None).await.unwrap();
    let batch = task.poll(WAIT).await.unwrap();
    assert_eq!(batch.len(), 2);
    assert_eq!(batch[1].record.value, SchemaAndValue::new(Schema::INT64, 1_i64));

    let mut task: CounterTask = start_source(&config, Some(batch[0].source_offset.clone())).await.unwrap();
    let mut numbers = Vec::new();
    for _ in 0..3 {
        numbers.extend(task.poll(WAIT).await.unwrap().into_iter().map(|record| record.source_offset));
    }
    assert_eq!(numbers, [2_i64, 3, 4, 5].map(|next| SourceOffset::of("next", next)));
}

#[tokio::test]
async fn the_sink_writes_when_it_is_flushed_and_only_what_it_still_owns() {
    let config = Properties::from([("collection", "flushed")]);
    let mut task: CollectingTask = start_sink(&config).await.unwrap();
    let record = |partition, offset, value: &str| {
        let record = Record::new("t", SchemaAndValue::schemaless(value));
        SinkRecord::new(record, "t", partition, offset, TimestampType::CreateTime)
    };
    task.put(&[record(0, 0, "a"), record(1, 0, "b")]).await.unwrap();
    assert!(store::read("flushed").is_empty());
    task.close(&[TopicPartition::new("t", 1)]).await.unwrap();
    task.pre_commit(&Offsets::new()).await.unwrap();
    assert_eq!(store::read("flushed"), [Value::from("a")]);
}

#[tokio::test]
async fn without_a_dead_letter_queue_a_null_fails_the_batch_and_nothing_of_it_is_kept() {
    let mut task: CollectingTask = start_sink(&Properties::from([("collection", "nulls")])).await.unwrap();
    let record = |value: Value, offset| {
        SinkRecord::new(
            Record::new("t", SchemaAndValue::schemaless(value)),
            "t",
            0,
            offset,
            TimestampType::CreateTime,
        )
    };
    let error = task.put(&[record("a".into(), 0), record(Value::Null, 1)]).await.unwrap_err();
    assert_eq!(error.to_string(), "A collection takes no null (offset=1)");
    task.flush(&Offsets::new()).await.unwrap();
    assert!(store::read("nulls").is_empty());
}

#[test]
fn both_connectors_are_registered_once() {
    let mut plugins = Plugins::default();
    connect_template::register(&mut plugins);
    plugins.check().unwrap();
    assert!(plugins.find_connector("CollectingSink").is_ok());
}
