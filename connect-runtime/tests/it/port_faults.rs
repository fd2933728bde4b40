//! Kafka in memory: faults on demand, and what only it can show because it owns the clock.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connect_api::{Offsets, RawHeaders, TopicPartition};
use connect_runtime::kafka::memory::{MemoryKafka, MemoryKafkaConfig, Operation};
use connect_runtime::kafka::{
    ClientProperties, Consumer, ConsumerEvent, Kafka, KafkaErrorKind, Producer, ProducerRecord, Subscription,
};
use futures::FutureExt;
use tokio::time::{Instant, advance, timeout};

const SECOND: Duration = Duration::from_secs(1);

fn properties(entries: &[(&str, &str)]) -> ClientProperties {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

async fn producer(kafka: &MemoryKafka, entries: &[(&str, &str)]) -> Box<dyn Producer> {
    kafka.producer(&properties(entries)).await.unwrap()
}

async fn member(kafka: &MemoryKafka, topic: &str, entries: &[(&str, &str)]) -> Box<dyn Consumer> {
    let mut all = properties(&[("group.id", "g"), ("auto.offset.reset", "earliest")]);
    all.extend(properties(entries));
    let mut consumer = kafka.consumer(&all).await.unwrap();
    consumer.subscribe(Subscription::Topics(vec![topic.into()])).await.unwrap();
    consumer
}

fn batch(topic: &str, values: &[&str]) -> Arc<Vec<ProducerRecord>> {
    let record = |value: &&str| ProducerRecord {
        topic: topic.into(),
        partition: None,
        timestamp: None,
        key: Some(Bytes::from_static(b"k")),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: RawHeaders::new(),
    };
    Arc::new(values.iter().map(record).collect())
}

fn values(kafka: &MemoryKafka, topic: &str) -> Vec<String> {
    kafka.records(topic).iter().map(|record| record.value_text().unwrap().to_owned()).collect()
}

fn at(partition: i32) -> TopicPartition {
    TopicPartition::new("t", partition)
}

#[tokio::test(start_paused = true)]
async fn an_injected_failure_hits_so_many_calls() {
    let kafka = MemoryKafka::new();
    let mut producer = producer(&kafka, &[]).await;
    kafka.fail_next(Operation::Send, 1, KafkaErrorKind::Timeout);
    kafka.fail_next(Operation::Produce, 2, KafkaErrorKind::Authorization);
    assert!(producer.send(batch("t", &["a"]), false).await.err().unwrap().is_retriable());
    for _ in 0..2 {
        let report = producer.send(batch("t", &["a", "b"]), true).await.unwrap().await;
        assert_eq!(report.failed.len(), 2);
        assert_eq!(report.failed[1].1.kind(), KafkaErrorKind::Authorization);
        assert_eq!(report.positions, [None, None]);
    }
    assert!(values(&kafka, "t").is_empty());
    assert!(producer.send(batch("t", &["c"]), false).await.unwrap().await.failed.is_empty());
    assert_eq!(values(&kafka, "t"), ["c"]);
    assert_eq!((kafka.calls(Operation::Send), kafka.calls(Operation::Produce)), (4, 3));
}

#[tokio::test(start_paused = true)]
async fn held_acknowledgements_wait_for_the_release_and_so_does_flush() {
    let kafka = MemoryKafka::new();
    let mut producer = producer(&kafka, &[]).await;
    kafka.hold(Operation::Produce);
    let mut delivery = producer.send(batch("t", &["a"]), false).await.unwrap();
    kafka.wait_until_held(Operation::Produce, 1).await;
    assert_eq!(values(&kafka, "t"), ["a"], "it is written, only the acknowledgement waits");
    assert!((&mut delivery).now_or_never().is_none());
    assert!(timeout(SECOND, producer.flush()).await.is_err());
    kafka.release(Operation::Produce);
    assert!(delivery.now_or_never().unwrap().failed.is_empty());
    assert!(producer.flush().now_or_never().unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_delayed_acknowledgement_comes_when_its_time_has_come() {
    let kafka = MemoryKafka::new();
    let mut producer = producer(&kafka, &[]).await;
    kafka.delay(Operation::Produce, 3 * SECOND);
    let start = Instant::now();
    assert!(producer.send(batch("t", &["a"]), false).await.unwrap().await.failed.is_empty());
    assert_eq!(start.elapsed(), 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn sending_waits_for_room_in_the_buffer() {
    let kafka = MemoryKafka::new();
    let mut producer = producer(&kafka, &[("buffer.memory", "250"), ("max.block.ms", "5000")]).await;
    kafka.hold(Operation::Produce);
    for value in ["a", "b"] {
        drop(producer.send(batch("t", &[value]), false).await.unwrap());
    }
    let start = Instant::now();
    let error = producer.send(batch("t", &["c"]), false).await.err().expect("the buffer is full");
    assert!(error.kind() == KafkaErrorKind::Timeout && error.is_retriable());
    assert_eq!(start.elapsed(), 5 * SECOND);
    assert_eq!(values(&kafka, "t"), ["a", "b"], "nothing of the refused batch was taken");

    let released = async {
        tokio::time::sleep(SECOND).await;
        kafka.release(Operation::Produce);
    };
    let (sent, ()) = tokio::join!(producer.send(batch("t", &["c"]), false), released);
    sent.unwrap().await;
    assert_eq!(values(&kafka, "t"), ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_acknowledgement_means_written_and_reported_as_retriable() {
    let kafka = MemoryKafka::new();
    let mut producer = producer(&kafka, &[]).await;
    kafka.lose_ack_next(1);
    let records = batch("t", &["a"]);
    let report = producer.send(Arc::clone(&records), false).await.unwrap().await;
    assert!(report.failed[0].1.is_retriable());
    assert!(producer.send(records, false).await.unwrap().await.failed.is_empty());
    assert_eq!(values(&kafka, "t"), ["a", "a"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_record_leaves_the_others_alone() {
    let kafka = MemoryKafka::new();
    let mut producer = producer(&kafka, &[]).await;
    kafka.refuse_records(|record| {
        (record.value.as_deref() == Some(b"bad")).then_some(KafkaErrorKind::InvalidRecord)
    });
    let report = producer.send(batch("t", &["a", "bad", "b"]), true).await.unwrap().await;
    assert_eq!(report.failed.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1]);
    assert_eq!(values(&kafka, "t"), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn batches_sent_during_an_outage_are_written_in_order_when_it_is_over() {
    let kafka = MemoryKafka::new();
    let mut producer = producer(&kafka, &[("delivery.timeout.ms", "10000")]).await;
    kafka.stop_broker();
    let early = producer.send(batch("t", &["a"]), false).await.unwrap();
    advance(6 * SECOND).await;
    let late = producer.send(batch("t", &["b"]), true).await.unwrap();
    let later = producer.send(batch("t", &["c"]), false).await.unwrap();
    advance(5 * SECOND).await;
    let report = early.await;
    assert_eq!(report.failed[0].1.kind(), KafkaErrorKind::Timeout);
    kafka.start_broker();
    assert_eq!(late.await.positions[0].unwrap().offset, 0);
    assert!(later.await.failed.is_empty());
    assert_eq!(values(&kafka, "t"), ["b", "c"], "what timed out is not written later");
}

#[tokio::test(start_paused = true)]
async fn nobody_polls_and_still_a_delivery_makes_progress() {
    let kafka = MemoryKafka::new();
    let mut producer = producer(&kafka, &[]).await;
    kafka.stop_broker();
    drop(producer.send(batch("t", &["a"]), false).await.unwrap());
    kafka.start_broker();
    assert_eq!(values(&kafka, "t"), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_does_not_poll_loses_its_partitions_to_the_others() {
    let kafka = MemoryKafka::new();
    kafka.create_topic("t", 2, &[]).unwrap();
    let mut slow = member(&kafka, "t", &[("max.poll.interval.ms", "60000")]).await;
    assert!(
        matches!(slow.poll(SECOND).await.unwrap(), ConsumerEvent::Assigned(got) if got == [at(0), at(1)])
    );
    let mut quick = member(&kafka, "t", &[]).await;
    let start = Instant::now();
    let ConsumerEvent::Assigned(got) = quick.poll(100 * SECOND).await.unwrap() else { panic!() };
    assert_eq!((got, start.elapsed()), (vec![at(0), at(1)], 60 * SECOND));

    let error = slow.commit(Offsets::from([(at(0), 1)])).await.unwrap_err();
    assert_eq!(error.kind(), KafkaErrorKind::Rebalance);
    assert!(matches!(slow.poll(SECOND).await.unwrap(), ConsumerEvent::Lost(lost) if lost == [at(0), at(1)]));
    // It has joined again, and the other one hands a partition over.
    assert!(matches!(quick.poll(SECOND).await.unwrap(), ConsumerEvent::Revoked(got) if got == [at(1)]));
    quick.poll(SECOND).await.unwrap();
    assert!(matches!(slow.poll(SECOND).await.unwrap(), ConsumerEvent::Assigned(got) if got == [at(1)]));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_consumer_is_missed_after_its_session_and_a_closed_one_at_once() {
    let kafka = MemoryKafka::new();
    kafka.create_topic("t", 1, &[]).unwrap();
    for (close, wait) in [(false, 10), (true, 0)] {
        let mut first = member(&kafka, "t", &[("session.timeout.ms", "10000")]).await;
        assert!(matches!(first.poll(SECOND).await.unwrap(), ConsumerEvent::Assigned(_)));
        let mut second = member(&kafka, "t", &[]).await;
        let start = Instant::now();
        if close {
            first.close(SECOND).await.unwrap();
        } else {
            drop(first);
        }
        assert!(matches!(second.poll(60 * SECOND).await.unwrap(), ConsumerEvent::Assigned(_)));
        assert_eq!(start.elapsed(), wait * SECOND);
        second.close(SECOND).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_poll_keeps_the_member_alive() {
    let kafka = MemoryKafka::new();
    kafka.create_topic("t", 1, &[]).unwrap();
    let mut consumer = member(&kafka, "t", &[("max.poll.interval.ms", "10000")]).await;
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Assigned(_)));
    assert!(
        matches!(consumer.poll(100 * SECOND).await.unwrap(), ConsumerEvent::Records(none) if none.is_empty())
    );
    consumer.commit(Offsets::from([(at(0), 0)])).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_member_survives_an_outage_of_any_length() {
    let kafka = MemoryKafka::new();
    kafka.create_topic("t", 1, &[]).unwrap();
    let mut consumer = member(&kafka, "t", &[("max.poll.interval.ms", "10000")]).await;
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Assigned(_)));
    kafka.stop_broker();
    assert!(
        matches!(consumer.poll(60 * SECOND).await.unwrap(), ConsumerEvent::Records(none) if none.is_empty())
    );
    kafka.start_broker();
    consumer.commit(Offsets::from([(at(0), 0)])).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_comes_too_late_finds_the_partitions_lost() {
    let kafka = MemoryKafka::new();
    kafka.create_topic("t", 1, &[]).unwrap();
    let mut consumer = member(&kafka, "t", &[("max.poll.interval.ms", "10000")]).await;
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Assigned(_)));
    advance(11 * SECOND).await;
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Lost(lost) if lost == [at(0)]));
}

#[tokio::test(start_paused = true)]
async fn expired_sessions_are_told_as_lost_and_the_member_comes_back() {
    let kafka = MemoryKafka::new();
    kafka.produce("t", "k", "v");
    let mut consumer = member(&kafka, "t", &[]).await;
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Assigned(_)));
    kafka.expire_sessions("g");
    let refused = consumer.commit(Offsets::from([(at(0), 1)])).await.unwrap_err();
    assert_eq!(refused.kind(), KafkaErrorKind::Rebalance);
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Lost(lost) if lost == [at(0)]));
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Assigned(got) if got == [at(0)]));
    consumer.commit(Offsets::from([(at(0), 1)])).await.unwrap();
    assert_eq!(kafka.committed("g"), Offsets::from([(at(0), 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_topic_is_revoked() {
    let kafka = MemoryKafka::new();
    kafka.produce("t", "k", "v");
    let mut consumer = member(&kafka, "t", &[]).await;
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Assigned(_)));
    kafka.admin(&ClientProperties::new()).await.unwrap().delete_topic("t").await.unwrap();
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Revoked(got) if got == [at(0)]));
    kafka.produce("t", "k", "anew");
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Assigned(got) if got == [at(0)]));
    let ConsumerEvent::Records(batches) = consumer.poll(SECOND).await.unwrap() else { panic!() };
    assert_eq!(batches[0].records[0].value.as_deref(), Some(&b"anew"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced() {
    let kafka = MemoryKafka::new();
    let settings = [("transactional.id", "x"), ("transaction.timeout.ms", "30000")];
    let mut producer = producer(&kafka, &settings).await;
    producer.init_transactions().await.unwrap();
    producer.begin_transaction().await.unwrap();
    producer.send(batch("t", &["a"]), false).await.unwrap().await;
    kafka.produce("t", "k", "behind");
    assert!(values(&kafka, "t").is_empty(), "an open transaction hides what follows");
    let (seen, ()) = tokio::join!(kafka.wait_for_records("t", 1), async {
        advance(29 * SECOND).await;
        assert!(values(&kafka, "t").is_empty());
        advance(2 * SECOND).await;
        assert_eq!(values(&kafka, "t"), ["behind"]);
    });
    assert_eq!(seen.len(), 1);
    assert_eq!(producer.commit_transaction().await.unwrap_err().kind(), KafkaErrorKind::Fenced);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_with_a_failed_record_can_only_be_aborted() {
    let kafka = MemoryKafka::new();
    let mut producer = producer(&kafka, &[("transactional.id", "x")]).await;
    producer.init_transactions().await.unwrap();
    producer.begin_transaction().await.unwrap();
    producer.send(batch("t", &["a"]), false).await.unwrap().await;
    kafka.fail_next(Operation::Produce, 1, KafkaErrorKind::Timeout);
    producer.send(batch("t", &["b"]), false).await.unwrap().await;
    let error = producer.commit_transaction().await.unwrap_err();
    assert_eq!(error.kind(), KafkaErrorKind::TransactionAborted);
    producer.abort_transaction().await.unwrap();
    assert!(kafka.records("t").is_empty() && kafka.uncommitted_records("t").len() == 1);

    producer.begin_transaction().await.unwrap();
    producer.send(batch("t", &["c"]), false).await.unwrap().await;
    kafka.fence("x");
    assert_eq!(producer.commit_transaction().await.unwrap_err().kind(), KafkaErrorKind::Fenced);
    assert!(kafka.records("t").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_compacted_topic_keeps_the_last_record_of_each_key_and_takes_none_without() {
    let kafka =
        MemoryKafka::with_config(MemoryKafkaConfig { compact_after: Some(100), ..Default::default() });
    kafka.create_topic("t", 1, &[("cleanup.policy", "compact")]).unwrap();
    for number in 0..250 {
        kafka.produce("t", format!("key-{}", number % 3), number.to_string());
    }
    assert!(kafka.count_records("t") < 60, "it compacts itself");
    kafka.compact("t");
    assert_eq!(values(&kafka, "t"), ["247", "248", "249"]);
    assert_eq!(kafka.records("t")[0].offset, 247);
    let keyless = ProducerRecord { key: None, ..batch("t", &["a"])[0].clone() };
    assert_eq!(kafka.try_produce(&keyless).unwrap_err().kind(), KafkaErrorKind::InvalidRecord);
}

#[tokio::test(start_paused = true)]
async fn without_auto_creation_a_record_for_an_unknown_topic_fails() {
    let kafka =
        MemoryKafka::with_config(MemoryKafkaConfig { auto_create_topics: false, ..Default::default() });
    let report = producer(&kafka, &[]).await.send(batch("t", &["a"]), false).await.unwrap().await;
    assert_eq!(report.failed[0].1.kind(), KafkaErrorKind::UnknownTopic);
    assert!(kafka.topics().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_held_fetch_holds_records_back_but_not_group_events() {
    let kafka = MemoryKafka::new();
    kafka.produce("t", "k", "v");
    kafka.hold(Operation::Fetch);
    let mut consumer = member(&kafka, "t", &[]).await;
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Assigned(_)));
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Records(none) if none.is_empty()));
    kafka.release(Operation::Fetch);
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Records(some) if some.len() == 1));
}

#[tokio::test(start_paused = true)]
async fn a_held_commit_is_not_done_before_the_release() {
    let kafka = MemoryKafka::new();
    kafka.produce("t", "k", "v");
    let mut consumer = member(&kafka, "t", &[]).await;
    assert!(matches!(consumer.poll(SECOND).await.unwrap(), ConsumerEvent::Assigned(_)));
    kafka.hold(Operation::Commit);
    let commit = consumer.commit(Offsets::from([(at(0), 1)]));
    let watching = async {
        kafka.wait_until_held(Operation::Commit, 1).await;
        assert!(kafka.committed("g").is_empty());
        kafka.release(Operation::Commit);
    };
    let (done, ()) = tokio::join!(commit, watching);
    done.unwrap();
    assert_eq!(kafka.committed("g"), Offsets::from([(at(0), 1)]));
}
