//! Dead letter topics as a tool: list, explain, replay.

use std::ops::ControlFlow;

use connect_api::Properties;
use connect_runtime::dead_letters::Selection;
use connect_runtime::{Connect, Error};
use connect_testkit::{KafkaErrorKind, Operation};

use crate::scripted::{connect, sink, world};

fn failing(value: &str, topic: &str) -> Properties {
    sink()
        .with("topics", topic)
        .with("errors.tolerance", "all")
        .with("errors.deadletterqueue.topic.name", "dead")
        .with("errors.deadletterqueue.context.headers.enable", "true")
        .with("transforms", "fail")
        .with("transforms.fail.type", "FailOn")
        .with("transforms.fail.value", value)
}

#[tokio::test(start_paused = true)]
async fn letters_are_explained_and_replayed_to_their_partition_after_a_fix() {
    let connect = connect().start().await;
    let kafka = connect.kafka();
    kafka.create_topic("t", 3, &[]).unwrap();
    let mut headers = connect_api::RawHeaders::new();
    headers.push("trace", connect_api::Bytes::from_static(b"a1"));
    for (partition, value) in [(2, "good"), (2, "broken"), (1, "bad")] {
        let record = connect_runtime::kafka::ProducerRecord {
            topic: "t".into(),
            partition: Some(partition),
            timestamp: Some(77),
            key: Some("key".into()),
            value: Some(value.into()),
            headers: headers.clone(),
        };
        kafka.try_produce(&record).unwrap();
    }
    connect.create("sink", failing("broken", "t")).await.unwrap();
    connect.expect_records("dead", 2).await;
    let topic = connect.dead_letters("dead");
    let letters = topic.list(&Selection::all().stage("transformation")).await.unwrap();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(
        (letter.origin_topic(), letter.origin_partition(), letter.origin_offset()),
        (Some("t"), Some(2), Some(1))
    );
    assert_eq!((letter.connector(), letter.task(), letter.class()), (Some("sink"), Some(0), Some("FailOn")));
    assert_eq!(letter.message(), Some("it does not like this value"));
    assert_eq!(letter.original_headers(), headers);
    let reported = topic.list(&Selection::all().stage("TASK_PUT").exception("DataException")).await.unwrap();
    assert_eq!(reported[0].stack_trace().unwrap().lines().count(), 1);
    assert!(topic.list(&Selection::all().connector("other")).await.unwrap().is_empty());

    // The fix: nothing fails any more.
    connect.create_or_replace("sink", failing("nothing", "t")).await.unwrap();
    let chosen = Selection::all().at(letter.partition, letter.offset);
    let replayed = topic.replay(&chosen, None).await.unwrap();
    assert_eq!((replayed.records, replayed.without_origin.len()), (1, 0));
    connect.expect_committed("sink", "t", 2, 3).await;
    let back =
        kafka.records("t").into_iter().find(|record| record.partition == 2 && record.offset == 2).unwrap();
    assert_eq!((back.key_text(), back.value_text(), back.timestamp), (Some("key"), Some("broken"), 77));
    assert_eq!(back.headers, headers);
    assert_eq!(kafka.count_records("dead"), 2);
}

#[tokio::test(start_paused = true)]
async fn without_context_headers_a_replay_needs_to_be_told_where_to() {
    let connect = connect().start().await;
    let kafka = connect.kafka();
    for value in ["one", "two"] {
        kafka.produce("dead", "k", value);
    }
    let topic = connect.dead_letters("dead");
    let replayed = topic.replay(&Selection::all(), None).await.unwrap();
    assert_eq!((replayed.records, replayed.without_origin), (0, vec![(0, 0), (0, 1)]));
    let replayed = topic.replay(&Selection::all().at(0, 1), Some("again")).await.unwrap();
    assert_eq!(replayed.records, 1);
    assert_eq!(kafka.records("again")[0].value_text(), Some("two"));
}

#[tokio::test(start_paused = true)]
async fn a_replay_goes_on_when_kafka_stumbles_and_says_how_far_it_came_when_it_falls() {
    let connect = connect().start().await;
    let kafka = connect.kafka();
    for number in 0..3 {
        kafka.produce("dead", None::<&str>, number.to_string());
    }
    let topic = connect.dead_letters("dead");
    kafka.fail_next(Operation::Send, 2, KafkaErrorKind::Unavailable);
    assert_eq!(topic.replay(&Selection::all(), Some("t")).await.unwrap().records, 3);
    kafka.refuse_records(|record| {
        (record.value.as_deref() == Some(b"2")).then_some(KafkaErrorKind::RecordTooLarge)
    });
    let error = topic.replay(&Selection::all(), Some("t")).await.unwrap_err().to_string();
    assert!(error.contains("2 records were written before this"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_read_without_a_worker_and_only_as_far_as_somebody_looks() {
    let kafka = world().kafka.clone();
    for number in 0..10 {
        kafka.produce("dead", None::<&str>, number.to_string());
    }
    // The default converter is that of JSON, a feature of its own.
    let builder = || {
        Connect::builder()
            .memory(kafka.clone())
            .property("key.converter", "StringConverter")
            .property("value.converter", "StringConverter")
    };
    let topic = builder().dead_letters("dead").await.unwrap();
    let mut seen = 0;
    let look = |_| {
        seen += 1;
        if seen == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    topic.visit(&Selection::all(), look).await.unwrap();
    assert_eq!(seen, 4);
    let missing = builder().dead_letters("no-such-topic").await.unwrap();
    assert!(matches!(missing.list(&Selection::all()).await, Err(Error::NotFound(_))));
    kafka.create_topic("empty", 2, &[]).unwrap();
    let empty = builder().dead_letters("empty").await.unwrap();
    assert!(empty.list(&Selection::all()).await.unwrap().is_empty());
}
