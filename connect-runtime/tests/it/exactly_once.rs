//! Exactly-once sources: records and their offsets in one transaction.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use connect_runtime::{Restart, State};
use connect_testkit::{
    KafkaErrorKind, MemoryKafka, MemoryKafkaConfig, Operation, TestConnect, TestConnectBuilder,
};

use crate::scripted::{Boundaries, Call, Step, connect, plan, source, world};

fn exactly_once() -> TestConnectBuilder {
    connect().property("exactly.once.source.id", "worker").property("offset.storage.topic", "offsets")
}

/// The offset of task 0 that a reader of committed records finds.
fn committed_in(kafka: &MemoryKafka, topic: &str) -> Option<String> {
    let records = kafka.records(topic);
    let last = records.iter().rfind(|record| record.key_text() == Some(r#"["numbers",{"task":0}]"#))?;
    last.value_text().map(str::to_owned)
}

fn committed(kafka: &MemoryKafka) -> Option<String> {
    committed_in(kafka, "offsets")
}

/// What a reader of committed records finds.
fn texts(kafka: &MemoryKafka) -> Vec<String> {
    kafka.records("t").iter().map(|record| record.value_text().unwrap().to_owned()).collect()
}

fn numbers(range: std::ops::Range<i64>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

async fn expect_offset(connect: &TestConnect, offset: i64) {
    let wanted = format!(r#"{{"next":{offset}}}"#);
    connect.expect(&wanted, || (committed(connect.kafka())? == wanted).then_some(())).await;
}

fn boundaries(say: impl Fn(&connect_api::TransactionContext, &[connect_api::SourceRecord]) + Send + 'static) {
    let say: Boundaries = Box::new(say);
    *world().boundaries.lock().unwrap() = Some(say);
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_committed_records_sees_records_and_offsets_at_once() {
    let connect = exactly_once().start().await;
    let kafka = connect.kafka().clone();
    kafka.hold(Operation::CommitTransaction);
    world().batch.store(3, SeqCst);
    world().grow(7);
    connect.create("numbers", source()).await.unwrap();
    kafka.wait_until_held(Operation::CommitTransaction, 1).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!((texts(&kafka).len(), committed(&kafka)), (0, None));
    assert_eq!(kafka.uncommitted_records("t").len(), 3, "one transaction is open, with one poll");
    kafka.release(Operation::CommitTransaction);
    expect_offset(&connect, 7).await;
    assert_eq!(texts(&kafka), numbers(0..7));
    assert_eq!(kafka.calls(Operation::CommitTransaction), 3, "one transaction for each poll");
    let ledger = connect.ledger("numbers").unwrap()[0].1.total();
    assert_eq!((ledger.read, ledger.delivered, ledger.in_flight), (7, 7, 0));
    assert!(connect.shutdown().await.unwrap().is_clean());
}

#[tokio::test(start_paused = true)]
async fn the_source_is_polled_and_converted_while_a_transaction_is_committed() {
    let connect = exactly_once().start().await;
    let kafka = connect.kafka().clone();
    kafka.hold(Operation::CommitTransaction);
    world().batch.store(1, SeqCst);
    world().grow(10);
    connect.create("numbers", source()).await.unwrap();
    kafka.wait_until_held(Operation::CommitTransaction, 1).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(world().count(|call| matches!(call, Call::Poll(..))), 2, "one batch ahead, no more");
    kafka.release(Operation::CommitTransaction);
    expect_offset(&connect, 10).await;
    assert_eq!(texts(&kafka), numbers(0..10));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_between_send_and_commit_leaves_nothing_behind() {
    let kafka = world().kafka.clone();
    world().batch.store(2, SeqCst);
    world().grow(4);
    let connect = exactly_once().start().await;
    kafka.hold(Operation::CommitTransaction);
    connect.create("numbers", source()).await.unwrap();
    kafka.wait_until_held(Operation::CommitTransaction, 1).await;
    drop(connect);
    kafka.release(Operation::CommitTransaction);
    assert_eq!(kafka.uncommitted_records("t").len(), 2, "the dead worker's transaction");

    let connect = exactly_once().start().await;
    connect.create("numbers", source()).await.unwrap();
    expect_offset(&connect, 4).await;
    assert_eq!(texts(&kafka), numbers(0..4));
    assert_eq!(kafka.uncommitted_records("t").len(), 6);
    assert!(connect.shutdown().await.unwrap().is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_is_fenced_fails_its_task_and_the_next_start_goes_on() {
    let connect = exactly_once().start().await;
    let kafka = connect.kafka().clone();
    world().grow(3);
    connect.create("numbers", source()).await.unwrap();
    expect_offset(&connect, 3).await;
    kafka.fence("worker-numbers-0");
    world().grow(3);
    let trace = connect.expect_task_state("numbers", 0, State::Failed).await.trace.unwrap();
    assert!(trace.contains("numbers-0 was unable to finish writing records to Kafka"), "{trace}");
    assert!(trace.contains("is fenced"), "{trace}");
    assert_eq!(texts(&kafka), numbers(0..3));
    connect.herder().restart_task("numbers", 0).await.unwrap();
    expect_offset(&connect, 6).await;
    assert_eq!(texts(&kafka), numbers(0..6));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_kafka_refuses_fails_the_task_even_with_tolerance() {
    let connect = exactly_once().start().await;
    let kafka = connect.kafka().clone();
    kafka.refuse_records(|record| {
        (record.value.as_deref() == Some(b"2")).then_some(KafkaErrorKind::RecordTooLarge)
    });
    world().grow(5);
    connect.create("numbers", source().with("errors.tolerance", "all")).await.unwrap();
    let trace = connect.expect_task_state("numbers", 0, State::Failed).await.trace.unwrap();
    assert!(trace.starts_with("Failed to flush offsets and/or records for task numbers-0"), "{trace}");
    assert_eq!((texts(&kafka), committed(&kafka)), (vec![], None));
    kafka.refuse_records(|_| None);
    connect.restart("numbers", Restart { include_tasks: true, only_failed: true }).await.unwrap();
    expect_offset(&connect, 5).await;
    assert_eq!(texts(&kafka), numbers(0..5));
}

#[tokio::test(start_paused = true)]
async fn sends_that_fail_for_now_are_repeated_in_the_transaction() {
    let connect = exactly_once().start().await;
    let kafka = connect.kafka().clone();
    kafka.fail_next(Operation::Send, 3, KafkaErrorKind::Unavailable);
    world().batch.store(2, SeqCst);
    world().grow(10);
    connect.create("numbers", source()).await.unwrap();
    expect_offset(&connect, 10).await;
    assert_eq!(texts(&kafka), numbers(0..10));
}

#[tokio::test(start_paused = true)]
async fn with_an_interval_a_transaction_ends_by_the_clock_also_when_the_source_is_idle() {
    let connect = exactly_once().start().await;
    let kafka = connect.kafka().clone();
    world().batch.store(1, SeqCst);
    world().grow(5);
    let config =
        source().with("transaction.boundary", "interval").with("transaction.boundary.interval.ms", "10000");
    connect.create("numbers", config).await.unwrap();
    tokio::time::sleep(Duration::from_millis(9900)).await;
    assert_eq!((texts(&kafka).len(), kafka.uncommitted_records("t").len()), (0, 5));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((texts(&kafka), committed(&kafka).as_deref()), (numbers(0..5), Some(r#"{"next":5}"#)));
    world().grow(1);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(texts(&kafka).len(), 5);
    connect.pause("numbers").await.unwrap();
    expect_offset(&connect, 6).await;
    connect.resume("numbers").await.unwrap();
    world().grow(1);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(connect.shutdown().await.unwrap().is_clean());
    assert_eq!(texts(&kafka), numbers(0..7), "a clean stop commits what was sent");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_commits_nothing_of_its_open_transaction() {
    let connect = exactly_once().start().await;
    let kafka = connect.kafka().clone();
    world().grow(2);
    let config = source().with("transaction.boundary", "interval");
    connect.create("numbers", config).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    plan(&world().poll, 0, Step::Fail(connect_api::Error::connect("the source is gone")));
    world().grow(1);
    connect.expect_task_state("numbers", 0, State::Failed).await;
    assert_eq!((texts(&kafka).len(), committed(&kafka)), (0, None));
    let report = connect.metrics("numbers").unwrap()[0].1;
    assert!(report.records_delivered == 0 && report.records_in_flight >= 2, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_transactions_behind_batches_and_records() {
    let connect = exactly_once().start().await;
    let kafka = connect.kafka().clone();
    world().hooks.store(true, SeqCst);
    world().batch.store(4, SeqCst);
    // 0 1 | 2 3, then 4 5 6 7 |
    boundaries(|transactions, records| {
        if records[0].source_offset.i64("next") == Some(1) {
            transactions.commit_transaction_after(&records[1]);
        } else {
            transactions.commit_transaction();
        }
    });
    world().grow(4);
    connect.create("numbers", source().with("transaction.boundary", "connector")).await.unwrap();
    expect_offset(&connect, 2).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(texts(&kafka), numbers(0..2));
    assert_eq!(kafka.uncommitted_records("t").len(), 4);
    let told = || world().count(|call| matches!(call, Call::CommitRecord(_, Some(_))));
    assert_eq!(told(), 2, "only records of the transaction that was committed are settled");
    world().grow(4);
    expect_offset(&connect, 8).await;
    assert_eq!(texts(&kafka), numbers(0..8));
    connect.expect("the other hooks", || (told() == 8).then_some(())).await;
    assert_eq!(kafka.calls(Operation::CommitTransaction), 2);
}

#[tokio::test(start_paused = true)]
async fn the_offsets_of_discarded_records_are_committed() {
    let connect = exactly_once().start().await;
    let kafka = connect.kafka().clone();
    world().hooks.store(true, SeqCst);
    world().batch.store(4, SeqCst);
    // Of 0 1 2 3 the first two are discarded, of 4 5 6 7 all.
    boundaries(|transactions, records| {
        if records[0].source_offset.i64("next") == Some(1) {
            transactions.abort_transaction_after(&records[1]);
            transactions.commit_transaction();
        } else {
            transactions.abort_transaction();
        }
    });
    world().grow(8);
    connect.create("numbers", source().with("transaction.boundary", "connector")).await.unwrap();
    expect_offset(&connect, 8).await;
    assert_eq!(texts(&kafka), ["2", "3"]);
    assert_eq!(kafka.calls(Operation::AbortTransaction), 2);
    let ledger = connect.ledger("numbers").unwrap()[0].1.total();
    assert_eq!((ledger.read, ledger.delivered, ledger.filtered, ledger.in_flight), (8, 2, 6, 0));
    connect
        .expect("all hooks", || {
            (world().count(|call| matches!(call, Call::CommitRecord(..))) == 8).then_some(())
        })
        .await;
    let discarded = world().count(|call| matches!(call, Call::CommitRecord(_, None)));
    assert_eq!(discarded, 6);
    connect.restart("numbers", Restart { include_tasks: true, only_failed: false }).await.unwrap();
    world().grow(1);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let polled = world().count(|call| matches!(call, Call::Poll(_, 1)));
    assert_eq!(polled, 1, "the task goes on behind what was discarded");
}

#[tokio::test(start_paused = true)]
async fn commit_and_abort_of_one_transaction_fail_the_task() {
    let connect = exactly_once().start().await;
    boundaries(|transactions, _| {
        transactions.commit_transaction();
        transactions.abort_transaction();
    });
    world().grow(1);
    connect.create("numbers", source().with("transaction.boundary", "connector")).await.unwrap();
    let trace = connect.expect_task_state("numbers", 0, State::Failed).await.trace.unwrap();
    assert!(trace.contains("Connector requested both commit and abort of same transaction"), "{trace}");
    assert_eq!(texts(connect.kafka()).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connector_keeps_its_offsets_in_a_topic_of_its_own_and_a_copy_in_the_workers() {
    let connect = exactly_once().start().await;
    let kafka = connect.kafka().clone();
    world().grow(3);
    connect.create("numbers", source()).await.unwrap();
    expect_offset(&connect, 3).await;
    connect.create_or_replace("numbers", source().with("offsets.storage.topic", "own")).await.unwrap();
    world().grow(2);
    connect
        .expect("offsets in the own topic", || {
            (committed_in(&kafka, "own")? == r#"{"next":5}"#).then_some(())
        })
        .await;
    assert_eq!(texts(&kafka), numbers(0..5), "it went on where the worker's topic said");
    expect_offset(&connect, 5).await;
    let configs = kafka.topics();
    assert!(configs.iter().any(|topic| topic.name.as_str() == "own" && topic.partitions == 25));
}

#[tokio::test(start_paused = true)]
async fn a_topic_of_its_own_works_without_exactly_once_delivery_too() {
    let connect = connect().property("offset.storage.topic", "offsets").start().await;
    let kafka = connect.kafka().clone();
    world().grow(3);
    connect.create("numbers", source().with("offsets.storage.topic", "own")).await.unwrap();
    connect
        .expect("offsets in both topics", || {
            let both = [committed_in(&kafka, "own")?, committed(&kafka)?];
            both.iter().all(|offset| offset == r#"{"next":3}"#).then_some(())
        })
        .await;
    assert_eq!(kafka.calls(Operation::CommitTransaction), 0);
}

#[tokio::test(start_paused = true)]
async fn a_source_may_not_write_to_its_own_offsets_topic() {
    let connect = exactly_once().start().await;
    world().grow(1);
    connect.create("numbers", source().with("topic", "offsets")).await.unwrap();
    let trace = connect.expect_task_state("numbers", 0, State::Failed).await.trace.unwrap();
    let text =
        "Source tasks may not produce to their own offsets topics when exactly-once support is enabled";
    assert!(trace.starts_with(text), "{trace}");
}

#[tokio::test(start_paused = true)]
async fn a_transaction_waits_for_the_dead_letters_of_its_records() {
    let connect = exactly_once().start().await;
    let kafka = connect.kafka().clone();
    kafka.create_topic("dead", 1, &[]).unwrap();
    world().grow(3);
    let config = source()
        .with("errors.tolerance", "all")
        .with("transforms", "fail")
        .with("transforms.fail.type", "FailOn")
        .with("transforms.fail.value", "1")
        .with("errors.deadletterqueue.topic.name", "dead")
        .with("errors.deadletterqueue.topic.replication.factor", "1");
    // The letter is sent by a producer of its own, and only that one is refused.
    kafka.refuse_records(|record| (record.topic.as_str() == "dead").then_some(KafkaErrorKind::Timeout));
    connect.create("numbers", config).await.unwrap();
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!((texts(&kafka).len(), committed(&kafka)), (0, None));
    kafka.refuse_records(|_| None);
    expect_offset(&connect, 3).await;
    assert_eq!(texts(&kafka), ["0", "2"]);
    assert_eq!(kafka.count_records("dead"), 1);
}

#[tokio::test(start_paused = true)]
async fn producers_of_all_tasks_there_can_have_been_are_fenced_before_a_task_starts() {
    let connect = exactly_once().start().await;
    let kafka = connect.kafka().clone();
    kafka.hold(Operation::FenceProducers);
    world().tasks.store(3, SeqCst);
    connect.create("numbers", source()).await.unwrap();
    kafka.wait_until_held(Operation::FenceProducers, 1).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(
        world().count(|call| matches!(call, Call::Start(_))),
        0,
        "a task has started before the fence"
    );
    assert_eq!(kafka.calls(Operation::InitTransactions), 0);
    kafka.release(Operation::FenceProducers);
    connect.expect_state("numbers", State::Running).await;
    assert_eq!(kafka.calls(Operation::FenceProducers), 1, "once for all tasks");
    connect.herder().restart_task("numbers", 1).await.unwrap();
    connect.expect_state("numbers", State::Running).await;
    assert_eq!(kafka.calls(Operation::FenceProducers), 1, "a task that starts again fences itself");
    world().tasks.store(1, SeqCst);
    connect.create_or_replace("numbers", source().with("tasks.max", "1")).await.unwrap();
    connect.expect_state("numbers", State::Running).await;
    assert_eq!(kafka.calls(Operation::FenceProducers), 2);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_write_exactly_once_is_refused_at_the_start() {
    let error = connect().property("exactly.once.source.id", "w").try_start().await.unwrap_err().to_string();
    assert!(error.contains("offset.storage.topic is not"), "{error}");
    let mut config = MemoryKafkaConfig::default();
    config.capabilities.transactions = false;
    let kafka = MemoryKafka::with_config(config);
    let error = exactly_once().kafka(&kafka).try_start().await.unwrap_err().to_string();
    assert!(error.contains("Exactly-once delivery needs transactions"), "{error}");

    let connect = exactly_once().start().await;
    let required = source().with("exactly.once.support", "required");
    let error = connect.create("a", required.clone().with("supports", "no")).await.unwrap_err().to_string();
    assert!(error.contains("does not support exactly-once semantics with the provided"), "{error}");
    let error = connect.create("b", required.clone().with("supports", "?")).await.unwrap_err().to_string();
    assert!(error.contains("does not implement the API required for preflight validation"), "{error}");
    let own = source().with("transaction.boundary", "connector").with("supports", "no");
    let error = connect.create("c", own).await.unwrap_err().to_string();
    assert!(error.contains("does not support connector-defined transaction boundaries"), "{error}");
    connect.create("d", required).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn offsets_are_altered_in_a_transaction_and_behind_a_fence() {
    let connect = exactly_once().start().await;
    let kafka = connect.kafka().clone();
    world().grow(5);
    connect.create("numbers", source()).await.unwrap();
    expect_offset(&connect, 5).await;
    connect.stop("numbers").await.unwrap();
    let (fences, commits) =
        (kafka.calls(Operation::FenceProducers), kafka.calls(Operation::CommitTransaction));
    connect.herder().reset_connector_offsets("numbers").await.unwrap();
    assert_eq!(committed(&kafka), None);
    assert_eq!(kafka.calls(Operation::FenceProducers), fences + 1);
    assert_eq!(kafka.calls(Operation::CommitTransaction), commits + 1);
    connect.resume("numbers").await.unwrap();
    expect_offset(&connect, 5).await;
    assert_eq!(texts(&kafka).len(), 10);
}
