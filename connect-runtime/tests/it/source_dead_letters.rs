//! The dead letter queue of sources, which Kafka does not have, and their ledger.

use std::time::Duration;

use connect_api::{Properties, SourceOffset, SourcePartition};
use connect_runtime::{LedgerCounts, LedgerPartition, State};
use connect_testkit::{KafkaErrorKind, Operation};

use crate::scripted::{connect, source, world};

fn with_queue() -> Properties {
    source()
        .with("errors.tolerance", "all")
        .with("errors.deadletterqueue.topic.name", "dead")
        .with("errors.deadletterqueue.topic.replication.factor", "1")
        .with("errors.deadletterqueue.context.headers.enable", "true")
        .with("transforms", "fail")
        .with("transforms.fail.type", "FailOn")
        .with("transforms.fail.value", "2")
}

fn counts(connect: &connect_runtime::Connect) -> LedgerCounts {
    let ledger = connect.ledger("source").unwrap().remove(0).1;
    let partition = LedgerPartition::Source(SourcePartition::of("task", 0_i64));
    let counts = ledger.partitions.iter().find(|(other, _)| *other == partition).unwrap().1;
    assert!(counts.is_balanced(), "{counts:?}");
    counts
}

#[tokio::test(start_paused = true)]
async fn a_record_that_a_transformation_refuses_is_in_the_queue_as_it_was_polled() {
    let connect = connect().start().await;
    world().grow(4);
    connect.create("source", with_queue()).await.unwrap();
    connect.expect_records("t", 3).await;
    let dead = connect.expect_records("dead", 1).await;
    assert_eq!(dead[0].value_text(), Some("2"));
    let header = |name: &str| {
        let bytes = dead[0].headers.last(&format!("__connect.errors.{name}")).flatten().unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    assert_eq!(header("topic"), "t");
    assert_eq!(header("stage"), "TRANSFORMATION");
    assert_eq!(header("source.partition"), r#"{"task":0}"#);
    assert_eq!(header("source.offset"), r#"{"next":3}"#);
    connect.expect_settled("source", 4).await;
    let counts = counts(&connect);
    assert_eq!((counts.read, counts.delivered, counts.dead_lettered), (4, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_source_offset_waits_for_the_dead_letter_before_it() {
    let connect = connect().property("offset.storage.topic", "offsets").start().await;
    let kafka = connect.kafka();
    for topic in ["t", "dead"] {
        kafka.create_topic(topic, 1, &[]).unwrap();
    }
    kafka.refuse_records(|record| (record.topic == "dead").then_some(KafkaErrorKind::Unavailable));
    world().grow(4);
    connect.create("source", with_queue()).await.unwrap();
    connect.expect_records("t", 3).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(kafka.count_records("offsets"), 0);
    kafka.refuse_records(|_| None);
    connect.expect_records("dead", 1).await;
    let offsets = connect.expect_records("offsets", 1).await;
    assert_eq!(offsets[0].value_text(), Some(r#"{"next":4}"#));
    assert_eq!(SourceOffset::of("next", 4_i64).i64("next"), Some(4));
}

#[tokio::test(start_paused = true)]
async fn what_kafka_refuses_of_a_source_is_kept_with_its_bytes() {
    let connect = connect().start().await;
    let kafka = connect.kafka();
    kafka.refuse_records(|record| {
        (record.topic == "t" && record.value.as_deref() == Some(b"1"))
            .then_some(KafkaErrorKind::InvalidRecord)
    });
    world().grow(2);
    connect.create("source", with_queue()).await.unwrap();
    let dead = connect.expect_records("dead", 1).await;
    assert_eq!(dead[0].value_text(), Some("1"));
    let stage = dead[0].headers.last("__connect.errors.stage").flatten().unwrap();
    assert_eq!(&stage[..], b"KAFKA_PRODUCE");
    connect.expect_settled("source", 2).await;
    assert_eq!(counts(&connect).dead_lettered, 1);
}

#[tokio::test(start_paused = true)]
async fn the_ledger_of_a_source_adds_up_at_every_moment() {
    let connect = connect().start().await;
    let kafka = connect.kafka();
    let config = source()
        .with("errors.tolerance", "all")
        .with("transforms", "fail,drop")
        .with("transforms.fail.type", "FailOn")
        .with("transforms.fail.value", "2")
        .with("transforms.drop.type", "Drops")
        .with("transforms.drop.predicate", "three")
        .with("predicates", "three")
        .with("predicates.three.type", "Is")
        .with("predicates.three.value", "3");
    kafka.create_topic("t", 1, &[]).unwrap();
    kafka.hold(Operation::Produce);
    world().grow(6);
    connect.create("source", config).await.unwrap();
    kafka.wait_until_held(Operation::Produce, 1).await;
    let held = counts(&connect);
    assert_eq!((held.read, held.filtered, held.tolerated, held.in_flight), (6, 1, 1, 4));
    kafka.release(Operation::Produce);
    connect.expect_settled("source", 6).await;
    let done = counts(&connect);
    assert_eq!((done.delivered, done.in_flight), (4, 0));
    connect.expect_state("source", State::Running).await;
    let report = connect.shutdown().await.unwrap();
    assert_eq!(report.ledgers[0].2.total(), done);
}
