//! The dead letter queue of sinks: what stands in it, and that nothing is committed before it does.

use std::time::Duration;

use bytes::Bytes;
use connect_api::{Error, RawHeaders, TopicPartition};
use connect_runtime::kafka::memory::TopicRecord;
use connect_runtime::{LedgerCounts, State};
use connect_testkit::{KafkaErrorKind, Operation};

use crate::scripted::{Call, Step, connect, plan, sink, world};

fn with_queue() -> connect_api::Properties {
    sink()
        .with("errors.tolerance", "all")
        .with("errors.deadletterqueue.topic.name", "dead")
        .with("errors.deadletterqueue.topic.replication.factor", "1")
        .with("errors.deadletterqueue.context.headers.enable", "true")
}

/// Fails on the record whose value is `broken`.
fn failing() -> connect_api::Properties {
    with_queue()
        .with("transforms", "fail")
        .with("transforms.fail.type", "FailOn")
        .with("transforms.fail.value", "broken")
}

fn header<'a>(record: &'a TopicRecord, name: &str) -> Option<&'a str> {
    let bytes = record.headers.last(&format!("__connect.errors.{name}")).flatten()?;
    std::str::from_utf8(bytes).ok()
}

fn counts(connect: &connect_runtime::Connect) -> LedgerCounts {
    let counts = connect.ledger("sink").unwrap()[0].1.topic("t", 0).unwrap();
    assert!(counts.is_balanced(), "{counts:?}");
    counts
}

#[tokio::test(start_paused = true)]
async fn a_refused_record_is_in_the_queue_with_its_bytes_and_its_story() {
    let connect = connect().start().await;
    let kafka = connect.kafka();
    let mut headers = RawHeaders::new();
    headers.push("trace", Bytes::from_static(b"a1"));
    headers.push("none", None);
    let broken = connect_runtime::kafka::ProducerRecord {
        topic: "t".into(),
        partition: None,
        timestamp: Some(1234),
        key: Some("k".into()),
        value: Some("broken".into()),
        headers,
    };
    kafka.produce("t", None::<&str>, "good");
    kafka.try_produce(&broken).unwrap();
    kafka.produce("t", None::<&str>, "good");
    connect.create("sink", failing()).await.unwrap();
    connect.expect_committed("sink", "t", 0, 3).await;

    let dead = connect.expect_records("dead", 1).await;
    assert_eq!(dead.len(), 1);
    let letter = &dead[0];
    assert_eq!((letter.key_text(), letter.value_text()), (Some("k"), Some("broken")));
    assert_eq!(letter.timestamp, 1234);
    let names: Vec<&str> = letter.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..2], ["trace", "none"]);
    assert_eq!(names.len(), 12);
    let expected = [
        ("topic", "t"),
        ("partition", "0"),
        ("offset", "1"),
        ("connector.name", "sink"),
        ("task.id", "0"),
        ("stage", "TRANSFORMATION"),
        ("class.name", "FailOn"),
        ("exception.class.name", "org.apache.kafka.connect.errors.DataException"),
        ("exception.message", "it does not like this value"),
        (
            "exception.stacktrace",
            "org.apache.kafka.connect.errors.DataException: it does not like this value\n",
        ),
    ];
    for (name, value) in expected {
        assert_eq!(header(letter, name), Some(value), "{name}");
    }
    let counts = counts(&connect);
    assert_eq!((counts.read, counts.delivered, counts.dead_lettered), (3, 2, 1));
    let metrics = connect.metrics("sink").unwrap()[0].1;
    assert_eq!((metrics.dead_letter_requests, metrics.dead_letter_failures), (1, 0));
    assert_eq!((metrics.records_skipped, metrics.record_errors, metrics.record_failures), (1, 1, 1));
    assert!(metrics.last_error_timestamp > 0);
}

#[tokio::test(start_paused = true)]
async fn no_offset_is_committed_while_a_dead_letter_is_on_its_way() {
    let connect = connect().start().await;
    let kafka = connect.kafka();
    kafka.produce("t", None::<&str>, "broken");
    kafka.create_topic("dead", 1, &[]).unwrap();
    kafka.hold(Operation::Produce);
    connect.create("sink", failing()).await.unwrap();
    kafka.wait_until_held(Operation::Produce, 1).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(kafka.committed("connect-sink").get(&TopicPartition::new("t", 0)), None);
    assert!(connect.metrics("sink").unwrap()[0].1.offset_commit_failures > 0);
    kafka.release(Operation::Produce);
    connect.expect_committed("sink", "t", 0, 1).await;
    assert_eq!(kafka.count_records("dead"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_fails_for_now_is_written_in_the_end_and_one_that_is_refused_is_counted() {
    let connect = connect().start().await;
    let kafka = connect.kafka();
    for value in ["broken", "good"] {
        kafka.produce("t", None::<&str>, value);
    }
    kafka.create_topic("dead", 1, &[]).unwrap();
    kafka.fail_next(Operation::Send, 3, KafkaErrorKind::Unavailable);
    connect.create("sink", failing()).await.unwrap();
    connect.expect_records("dead", 1).await;

    kafka.refuse_records(|record| (record.topic == "dead").then_some(KafkaErrorKind::RecordTooLarge));
    kafka.produce("t", None::<&str>, "broken");
    // As in Kafka, a letter of the runtime that cannot be written is no reason to stop.
    connect.expect_committed("sink", "t", 0, 3).await;
    let counts = counts(&connect);
    assert_eq!((counts.delivered, counts.dead_lettered, counts.tolerated), (1, 1, 1));
    let metrics = connect.metrics("sink").unwrap()[0].1;
    assert_eq!((metrics.dead_letter_requests, metrics.dead_letter_failures), (2, 1));
    assert_eq!(kafka.count_records("dead"), 1);
}

#[tokio::test(start_paused = true)]
async fn the_record_that_fails_its_task_is_in_the_queue_too() {
    let connect = connect().start().await;
    connect.kafka().produce("t", None::<&str>, "broken");
    connect.create("sink", failing().with("errors.tolerance", "none")).await.unwrap();
    let status = connect.expect_task_state("sink", 0, State::Failed).await;
    assert!(status.trace.unwrap().contains("Tolerance exceeded in error handler"));
    assert_eq!(connect.kafka().count_records("dead"), 1);
    let counts = counts(&connect);
    assert_eq!((counts.read, counts.in_flight), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_task_reports_is_in_the_queue_with_its_original_bytes() {
    let connect = connect().plugins(connect_transforms::register).start().await;
    for value in ["good", "bad", "good"] {
        connect.kafka().produce("t", "k", value);
    }
    // The transformation changes what the task sees, not what is kept.
    let config = with_queue().with("value.converter", "StringConverter").with("transforms", "to");
    let config = config
        .with("transforms.to.type", "org.apache.kafka.connect.transforms.RegexRouter")
        .with("transforms.to.regex", "t")
        .with("transforms.to.replacement", "elsewhere");
    connect.create("sink", config).await.unwrap();
    connect.expect_committed("sink", "t", 0, 3).await;
    let dead = connect.expect_records("dead", 1).await;
    assert_eq!((dead[0].key_text(), dead[0].value_text()), (Some("k"), Some("bad")));
    assert_eq!(header(&dead[0], "topic"), Some("t"));
    assert_eq!(header(&dead[0], "offset"), Some("1"));
    assert_eq!(header(&dead[0], "stage"), Some("TASK_PUT"));
    assert_eq!(header(&dead[0], "class.name"), Some("org.apache.kafka.connect.sink.SinkTask"));
    let counts = counts(&connect);
    assert_eq!((counts.delivered, counts.dead_lettered), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_reported_record_that_cannot_be_kept_fails_the_task_at_its_commit() {
    let connect = connect().start().await;
    let kafka = connect.kafka();
    kafka.produce("t", None::<&str>, "bad");
    kafka.create_topic("dead", 1, &[]).unwrap();
    kafka.refuse_records(|record| (record.topic == "dead").then_some(KafkaErrorKind::RecordTooLarge));
    connect.create("sink", with_queue()).await.unwrap();
    let status = connect.expect_task_state("sink", 0, State::Failed).await;
    let trace = status.trace.unwrap();
    assert!(
        trace.contains("Encountered an error while awaiting an errant record future's completion."),
        "{trace}"
    );
    assert!(matches!(kafka.committed("connect-sink").get(&TopicPartition::new("t", 0)), None | Some(0)));
}

#[tokio::test(start_paused = true)]
async fn a_sink_may_wait_for_its_reports_and_report_long_after_put() {
    let connect = connect().start().await;
    connect.kafka().produce("t", None::<&str>, "fine");
    connect.create("sink", with_queue()).await.unwrap();
    connect.expect_committed("sink", "t", 0, 1).await;
    let context = world().sinks.lock().unwrap()[&0].clone();
    let reporter = context.errant_record_reporter().unwrap();
    let record = connect_api::SinkRecord::new(
        connect_api::Record::new(
            "t",
            connect_api::SchemaAndValue::new(connect_api::Schema::STRING, "made by the task"),
        ),
        "t",
        0,
        0,
        connect_api::TimestampType::NoTimestampType,
    );
    let report = reporter.report(&record, Error::data("too late")).unwrap();
    report.await.unwrap();
    let dead = connect.kafka().records("dead");
    // The runtime does not know its bytes: they are those of the task's converters.
    assert_eq!(dead[0].value_text(), Some("made by the task"));
    let counts = counts(&connect);
    assert_eq!((counts.delivered, counts.dead_lettered), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_cannot_be_made_fails_the_task_with_the_topic() {
    let connect = connect().start().await;
    connect.kafka().fail_next(Operation::CreateTopics, 1, KafkaErrorKind::Authorization);
    connect.create("sink", with_queue()).await.unwrap();
    let status = connect.expect_task_state("sink", 0, State::Failed).await;
    assert!(status.trace.unwrap().contains("Could not initialize dead letter queue with topic=dead"));
}

#[tokio::test(start_paused = true)]
async fn a_topic_of_bad_records_does_not_outrun_the_queue() {
    let connect = connect().start().await;
    let kafka = connect.kafka();
    for _ in 0..5000 {
        kafka.produce("t", None::<&str>, "broken");
    }
    kafka.create_topic("dead", 1, &[]).unwrap();
    kafka.hold(Operation::Produce);
    connect.create("sink", failing().with("consumer.override.max.poll.records", "100")).await.unwrap();
    kafka.wait_until_held(Operation::Produce, 1).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let read = connect.metrics("sink").unwrap()[0].1.records_read;
    assert!(read <= 1100, "{read} records were read while no letter could be written");
    kafka.release(Operation::Produce);
    connect.expect_committed("sink", "t", 0, 5000).await;
    assert_eq!(kafka.count_records("dead"), 5000);
}

#[tokio::test(start_paused = true)]
async fn records_that_are_given_back_leave_the_ledger_in_balance() {
    let connect = connect().start().await;
    for value in ["a", "bad", "c"] {
        connect.kafka().produce("t", None::<&str>, value);
    }
    plan(&world().put, 0, Step::Again(Duration::from_secs(3600)));
    connect.create("sink", with_queue()).await.unwrap();
    world().wait_for(1, |call| matches!(call, Call::Put(_, records) if !records.is_empty())).await;
    assert_eq!(counts(&connect).in_flight, 3);
    connect.kafka().expire_sessions("connect-sink");
    connect.expect_committed("sink", "t", 0, 3).await;
    let counts = counts(&connect);
    assert_eq!((counts.read, counts.delivered, counts.dead_lettered, counts.in_flight), (3, 2, 1, 0));
    let report = connect.shutdown().await.unwrap();
    assert_eq!(report.ledgers[0].2.total(), counts);
}

/// What a Java worker wrote for the same records, with FileStreamSink and the same settings.
#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn the_queue_is_what_a_java_worker_writes_for_the_same_records() {
    use serde_json::Value as Json;

    const VECTORS: &str = include_str!("../vectors/dead-letters.jsonl");
    let dumps: Vec<Json> = VECTORS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let records = |index: usize| dumps[index]["expected"]["ok"].as_array().unwrap();
    let connect = connect()
        .plugins(connect_transforms::register)
        .property("key.converter", "JsonConverter")
        .property("key.converter.schemas.enable", "false")
        .property("value.converter", "JsonConverter")
        .property("value.converter.schemas.enable", "false")
        .property("header.converter", "JsonConverter")
        .property("header.converter.schemas.enable", "false")
        .start()
        .await;
    let bytes = |json: &Json| json.as_str().map(|text| Bytes::copy_from_slice(text.as_bytes()));
    for record in records(0) {
        let headers = record["headers"].as_array().unwrap().iter();
        connect
            .kafka()
            .try_produce(&connect_runtime::kafka::ProducerRecord {
                topic: "orders".into(),
                partition: Some(0),
                timestamp: record["timestamp"].as_i64(),
                key: bytes(&record["key"]),
                value: bytes(&record["value"]),
                headers: headers
                    .map(|pair| (connect_api::Str::from(pair[0].as_str().unwrap()), bytes(&pair[1])))
                    .collect(),
            })
            .unwrap();
    }
    let config = [
        ("connector.class", "Sink"),
        ("topics", "orders"),
        ("transforms", "tag"),
        ("transforms.tag.type", "org.apache.kafka.connect.transforms.InsertField$Value"),
        ("transforms.tag.static.field", "from"),
        ("transforms.tag.static.value", "orders"),
        ("errors.tolerance", "all"),
        ("errors.deadletterqueue.topic.name", "orders-dead"),
        ("errors.deadletterqueue.topic.replication.factor", "1"),
        ("errors.deadletterqueue.context.headers.enable", "true"),
    ];
    connect.create("orders-sink", config).await.unwrap();
    connect.expect_committed("orders-sink", "orders", 0, 100).await;
    assert_eq!(connect.metrics("orders-sink").unwrap()[0].1.records_delivered, 95);
    let ours = connect.kafka().records("orders-dead");
    let theirs = records(1);
    assert_eq!((ours.len(), theirs.len()), (5, 5));
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_eq!(Some(ours.timestamp), theirs["timestamp"].as_i64());
        assert_eq!((&ours.key, &ours.value), (&bytes(&theirs["key"]), &bytes(&theirs["value"])));
        let headers = theirs["headers"].as_array().unwrap();
        assert_eq!(ours.headers.len(), headers.len());
        for ((name, value), theirs) in ours.headers.iter().zip(headers) {
            assert_eq!(name, theirs[0].as_str().unwrap());
            if name == "__connect.errors.exception.stacktrace" {
                // The frames, and the words of the JSON parser, are Java's.
                let first = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().next().map(str::to_owned);
                assert_eq!(first(value.unwrap()), first(theirs[1].as_str().unwrap().as_bytes()));
            } else {
                assert_eq!(value, bytes(&theirs[1]).as_ref(), "{name}");
            }
        }
    }
}
