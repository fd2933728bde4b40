//! The source loop: what is committed when, and what happens to records that fail on their way.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use connect_api::{Error, Record, SchemaAndValue};
use connect_runtime::application::{self, Delivered};
use connect_runtime::{Restart, State};
use connect_testkit::{KafkaErrorKind, MemoryKafka, MemoryKafkaConfig, Operation, TestConnect};

use crate::scripted::{Call, Step, connect, plan, source, world};

/// Runs on a worker that keeps its offsets in the topic `offsets`.
async fn with_offsets_topic() -> TestConnect {
    connect().property("offset.storage.topic", "offsets").start().await
}

/// The last committed offset of task 0, as it stands in the offsets topic.
fn committed(kafka: &MemoryKafka) -> Option<String> {
    let records = kafka.records("offsets");
    let last = records.iter().rfind(|record| record.key_text() == Some(r#"["numbers",{"task":0}]"#))?;
    last.value_text().map(str::to_owned)
}

fn texts(kafka: &MemoryKafka, topic: &str) -> Vec<String> {
    kafka.records(topic).iter().map(|record| record.value_text().unwrap().to_owned()).collect()
}

fn numbers(range: std::ops::Range<i64>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn offsets_are_committed_only_after_kafka_acknowledged_the_records() {
    let connect = with_offsets_topic().await;
    let kafka = connect.kafka().clone();
    kafka.hold(Operation::Produce);
    world().grow(5);
    connect.create("numbers", source()).await.unwrap();
    kafka.wait_until_held(Operation::Produce, 1).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(kafka.count_records("t"), 5, "the records are written, their acknowledgement is missing");
    assert_eq!(kafka.count_records("offsets"), 0, "an offset was written before the acknowledgement");
    kafka.release(Operation::Produce);
    connect.expect_records("offsets", 1).await;
    assert_eq!(committed(&kafka).as_deref(), Some(r#"{"next":5}"#));
    assert!(connect.shutdown().await.unwrap().is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_record_that_kafka_refuses_fails_the_task_and_nothing_after_it_is_committed() {
    let connect = with_offsets_topic().await;
    let kafka = connect.kafka().clone();
    kafka.refuse_records(|record| {
        (record.value.as_deref() == Some(b"2")).then_some(KafkaErrorKind::RecordTooLarge)
    });
    world().batch.store(1, SeqCst);
    world().grow(5);
    connect.create("numbers", source()).await.unwrap();
    let trace = connect.expect_task_state("numbers", 0, State::Failed).await.trace.unwrap();
    assert!(trace.starts_with("Unrecoverable exception from producer send callback"), "{trace}");
    assert!(trace.contains("topic=t"), "{trace}");
    assert_eq!(committed(&kafka).as_deref(), Some(r#"{"next":2}"#));
    assert_eq!(connect.status("numbers").unwrap().connector.state, State::Running);

    kafka.refuse_records(|_| None);
    connect.herder().restart_task("numbers", 0).await.unwrap();
    connect.expect("the refused record", || texts(&kafka, "t").contains(&"2".to_owned()).then_some(())).await;
    connect.expect("all offsets", || (committed(&kafka)? == r#"{"next":5}"#).then_some(())).await;
    for number in numbers(0..5) {
        assert!(texts(&kafka, "t").contains(&number), "{number} is lost");
    }
}

#[tokio::test(start_paused = true)]
async fn with_tolerance_a_record_that_kafka_refuses_is_skipped_and_counted() {
    let connect = with_offsets_topic().await;
    let kafka = connect.kafka().clone();
    kafka.refuse_records(|record| {
        (record.value.as_deref() == Some(b"2")).then_some(KafkaErrorKind::RecordTooLarge)
    });
    world().grow(5);
    connect.create("numbers", source().with("errors.tolerance", "all")).await.unwrap();
    connect
        .expect("the offset behind all records", || (committed(&kafka)? == r#"{"next":5}"#).then_some(()))
        .await;
    assert_eq!(texts(&kafka, "t"), ["0", "1", "3", "4"]);
    let metrics = connect.metrics("numbers").unwrap()[0].1;
    assert_eq!((metrics.records_read, metrics.records_delivered, metrics.records_skipped), (5, 4, 1));
    assert_eq!(metrics.records_in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_fails_for_now_is_repeated_and_the_order_is_kept() {
    let connect = with_offsets_topic().await;
    let kafka = connect.kafka().clone();
    kafka.fail_next(Operation::Send, 3, KafkaErrorKind::Unavailable);
    world().batch.store(2, SeqCst);
    world().grow(10);
    connect.create("numbers", source()).await.unwrap();
    connect.expect_records("t", 10).await;
    assert_eq!(texts(&kafka, "t"), numbers(0..10));
    connect.expect("all offsets", || (committed(&kafka)? == r#"{"next":10}"#).then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_times_out_on_its_way_is_sent_again() {
    let connect = with_offsets_topic().await;
    let kafka = connect.kafka().clone();
    kafka.fail_next(Operation::Produce, 2, KafkaErrorKind::Timeout);
    world().grow(10);
    connect.create("numbers", source()).await.unwrap();
    connect.expect_records("t", 10).await;
    assert_eq!(texts(&kafka, "t"), numbers(0..10));
    connect.expect("all offsets", || (committed(&kafka)? == r#"{"next":10}"#).then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_longer_than_the_delivery_timeout_loses_nothing_and_keeps_the_order() {
    let connect = connect()
        .property("offset.storage.topic", "offsets")
        .property("producer.delivery.timeout.ms", "5000")
        .property("producer.request.timeout.ms", "2000")
        .start()
        .await;
    let kafka = connect.kafka().clone();
    world().batch.store(1, SeqCst);
    world().grow(1);
    connect.create("numbers", source()).await.unwrap();
    connect.expect_records("t", 1).await;
    kafka.stop_broker();
    world().grow(19);
    tokio::time::sleep(Duration::from_secs(30)).await;
    kafka.start_broker();
    connect.expect_records("t", 20).await;
    assert_eq!(texts(&kafka, "t"), numbers(0..20));
    connect.expect("all offsets", || (committed(&kafka)? == r#"{"next":20}"#).then_some(())).await;
    assert_eq!(connect.expect_task_state("numbers", 0, State::Running).await.trace, None);
}

#[tokio::test(start_paused = true)]
async fn offsets_that_cannot_be_written_are_tried_again_in_the_next_round() {
    let connect = with_offsets_topic().await;
    let kafka = connect.kafka().clone();
    kafka.refuse_records(|record| (record.topic == "offsets").then_some(KafkaErrorKind::Unavailable));
    world().grow(3);
    connect.create("numbers", source()).await.unwrap();
    connect
        .expect("a failed commit", || {
            (connect.metrics("numbers").ok()?.first()?.1.offset_commit_failures > 0).then_some(())
        })
        .await;
    assert_eq!(committed(&kafka), None);
    kafka.refuse_records(|_| None);
    connect.expect("all offsets", || (committed(&kafka)? == r#"{"next":3}"#).then_some(())).await;
    assert_eq!(connect.expect_task_state("numbers", 0, State::Running).await.trace, None);
}

#[tokio::test(start_paused = true)]
async fn hooks_hear_of_each_record_once_it_is_settled_and_of_commits() {
    world().hooks.store(true, SeqCst);
    world().grow(3);
    let connect = connect().start().await;
    let config = source()
        .with("transforms", "drop")
        .with("transforms.drop.type", "Drops")
        .with("transforms.drop.predicate", "one")
        .with("predicates", "one")
        .with("predicates.one.type", "Is")
        .with("predicates.one.value", "1");
    connect.create("numbers", config).await.unwrap();
    world().wait_for(1, |call| *call == Call::Commit(0)).await;
    let mut settled: Vec<_> = world()
        .calls
        .entries()
        .into_iter()
        .filter(|call| matches!(call, Call::CommitRecord(..)))
        .map(|call| format!("{call:?}"))
        .collect();
    settled.sort();
    assert_eq!(
        settled,
        [r#"CommitRecord("0", Some(0))"#, r#"CommitRecord("1", None)"#, r#"CommitRecord("2", Some(1))"#]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_dropped_records_commits_no_offset() {
    world().grow(3);
    let connect = with_offsets_topic().await;
    let config = source().with("transforms", "drop").with("transforms.drop.type", "Drops");
    connect.create("numbers", config).await.unwrap();
    connect.expect_settled("numbers", 3).await;
    connect.expect_commits("numbers", 3).await;
    assert_eq!(committed(connect.kafka()), None);
    assert_eq!(connect.metrics("numbers").unwrap()[0].1.records_filtered, 3);
}

#[tokio::test(start_paused = true)]
async fn transformations_run_in_order_where_their_predicate_holds_or_does_not() {
    world().grow(2);
    let connect = connect().start().await;
    let config = source()
        .with("transforms", "a,b,c")
        .with("transforms.a.type", "Tag")
        .with("transforms.a.tag", "-every")
        .with("transforms.b.type", "Tag")
        .with("transforms.b.tag", "-zero")
        .with("transforms.b.predicate", "zero")
        .with("transforms.c.type", "Tag")
        .with("transforms.c.tag", "-other")
        .with("transforms.c.predicate", "tagged")
        .with("transforms.c.negate", "true")
        .with("predicates", "zero,tagged")
        .with("predicates.zero.type", "Is")
        .with("predicates.zero.value", "0-every")
        .with("predicates.tagged.type", "Is")
        .with("predicates.tagged.value", "0-every-zero");
    connect.create("numbers", config).await.unwrap();
    connect.expect_records("t", 2).await;
    assert_eq!(texts(connect.kafka(), "t"), ["0-every-zero", "1-every-other"]);
}

#[tokio::test(start_paused = true)]
async fn a_transformation_that_fails_ends_the_task_or_skips_the_record() {
    world().grow(5);
    let connect = connect().start().await;
    let config =
        source().with("transforms", "f").with("transforms.f.type", "FailOn").with("transforms.f.value", "3");
    connect.create("strict", config.clone()).await.unwrap();
    let trace = connect.expect_task_state("strict", 0, State::Failed).await.trace.unwrap();
    for part in
        ["Tolerance exceeded in error handler", "TRANSFORMATION", "class=FailOn", "does not like this value"]
    {
        assert!(trace.contains(part), "`{part}` is not in: {trace}");
    }
    let lenient = config.with("errors.tolerance", "all").with("topic", "lenient");
    connect.create("lenient", lenient).await.unwrap();
    connect.expect_records("lenient", 4).await;
    assert_eq!(texts(connect.kafka(), "lenient"), ["0", "1", "2", "4"]);
    connect.expect_settled("lenient", 5).await;
    let metrics = connect.metrics("lenient").unwrap()[0].1;
    assert_eq!((metrics.records_skipped, metrics.record_errors, metrics.record_failures), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_fails_for_now_is_repeated_and_another_failure_ends_the_task() {
    world().grow(2);
    plan(&world().poll, 0, Step::Fail(Error::retriable("the source is busy")));
    let connect = connect().start().await;
    connect.create("numbers", source()).await.unwrap();
    connect.expect_records("t", 2).await;
    plan(&world().poll, 0, Step::Fail(Error::connect("the table is gone")));
    let trace = connect.expect_task_state("numbers", 0, State::Failed).await.trace.unwrap();
    assert!(trace.contains("the table is gone"), "{trace}");
    assert_eq!(world().count(|call| *call == Call::Stop(0)), 1, "a failed task is stopped");
}

#[tokio::test(start_paused = true)]
async fn a_paused_source_is_not_polled_and_goes_on_where_it_was() {
    world().grow(2);
    let connect = connect().start().await;
    connect.create("numbers", source()).await.unwrap();
    connect.expect_records("t", 2).await;
    connect.pause("numbers").await.unwrap();
    connect.expect_state("numbers", State::Paused).await;
    world().grow(2);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(connect.kafka().count_records("t"), 2);
    connect.resume("numbers").await.unwrap();
    connect.expect_state("numbers", State::Running).await;
    connect.expect_records("t", 4).await;
    assert_eq!(texts(connect.kafka(), "t"), numbers(0..4));
    assert_eq!(world().count(|call| *call == Call::Start(0)), 1, "a pause does not restart the task");
}

#[tokio::test(start_paused = true)]
async fn topics_are_made_as_the_rules_of_the_connector_say() {
    let kafka =
        MemoryKafka::with_config(MemoryKafkaConfig { auto_create_topics: false, ..Default::default() });
    world().grow(1);
    let connect = connect().kafka(&kafka).start().await;
    let config = source()
        .with("topic.creation.groups", "wide")
        .with("topic.creation.default.partitions", "3")
        .with("topic.creation.default.replication.factor", "1")
        .with("topic.creation.wide.include", "wide.*")
        .with("topic.creation.wide.partitions", "7")
        .with("topic.creation.wide.cleanup.policy", "compact");
    connect.create("plain", config.clone()).await.unwrap();
    connect.create("wide", config.with("topic", "wide-one")).await.unwrap();
    connect.expect_records("t", 1).await;
    // A compacted topic takes no record without a key; that it was made is enough.
    let topics =
        connect.expect("both topics", || Some(kafka.topics()).filter(|topics| topics.len() == 2)).await;
    let partitions: Vec<_> = topics.iter().map(|topic| (topic.name.to_string(), topic.partitions)).collect();
    assert_eq!(partitions, [("t".to_owned(), 3), ("wide-one".to_owned(), 7)]);
}

#[tokio::test(start_paused = true)]
async fn offsets_in_a_file_and_in_a_topic_survive_the_runtime() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("connect.offsets").to_str().unwrap().to_owned();
    for (key, value, topic) in
        [("offset.storage.file.filename", file.as_str(), "f"), ("offset.storage.topic", "offsets", "t")]
    {
        world().limit.store(5, SeqCst);
        let first = connect().property(key, value).start().await;
        first.create("numbers", source().with("topic", topic)).await.unwrap();
        first.expect_records(topic, 5).await;
        assert!(first.shutdown().await.unwrap().is_clean());
        world().limit.store(8, SeqCst);
        let second = connect().property(key, value).start().await;
        second.create("numbers", source().with("topic", topic)).await.unwrap();
        second.expect_records(topic, 8).await;
        second.shutdown().await.unwrap();
        assert_eq!(texts(second.kafka(), topic), numbers(0..8), "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_applications_channel_sends_again_what_was_not_acknowledged() {
    let (sender, receiver) = application::channel(10);
    let connect = connect().plugins(|plugins| receiver.register(plugins, "Orders")).start().await;
    let kafka = connect.kafka().clone();
    kafka.hold(Operation::Produce);
    connect.create("orders", [("connector.class", "Orders")]).await.unwrap();
    let mut acks = Vec::new();
    for number in 0..3 {
        acks.push(
            sender.send(Record::new("t", SchemaAndValue::schemaless(number.to_string()))).await.unwrap(),
        );
    }
    kafka.wait_until_held(Operation::Produce, 1).await;
    let restart = Restart { include_tasks: true, only_failed: false };
    connect.restart("orders", restart).await.unwrap();
    kafka.release(Operation::Produce);
    for ack in acks {
        assert!(matches!(ack.await.unwrap(), Delivered::Written(_)));
    }
    // They were written before the restart, too: at least once.
    assert_eq!(texts(&kafka, "t"), [numbers(0..3), numbers(0..3)].concat());
}
