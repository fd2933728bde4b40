//! The sink loop: what `put` is given when, what is committed, what a rebalance does.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use connect_api::{Error, Offsets, TopicPartition};
use connect_runtime::{MemoryKafka, State};
use connect_testkit::{KafkaErrorKind, Operation};
use tokio::time::Instant;

use crate::scripted::{Call, Step, connect, plan, sink, world};

fn tp(partition: i32) -> TopicPartition {
    TopicPartition::new("t", partition)
}

fn produce(kafka: &MemoryKafka, values: &[&str]) {
    for value in values {
        kafka.produce("t", None::<&str>, *value);
    }
}

/// One record per partition of a topic with so many.
fn produce_everywhere(kafka: &MemoryKafka, partitions: i32) {
    for partition in 0..partitions {
        kafka
            .try_produce(&connect_runtime::kafka::ProducerRecord {
                topic: "t".into(),
                partition: Some(partition),
                timestamp: None,
                key: None,
                value: Some("x".into()),
                headers: connect_api::RawHeaders::default(),
            })
            .unwrap();
    }
}

/// The offsets of partition 0 in every non-empty put.
fn offsets() -> Vec<Vec<i64>> {
    world().puts().into_iter().filter_map(|(_, mut records)| records.remove(&tp(0))).collect()
}

fn committed(kafka: &MemoryKafka, partition: i32) -> Option<i64> {
    kafka.committed("connect-sink").get(&tp(partition)).copied()
}

/// Waits until the task was given the offset `last` of partition 0.
async fn put_of(nth: usize, last: i64) {
    world()
        .wait_for(nth, |call| matches!(call, Call::Put(_, records) if records.get(&tp(0)).is_some_and(|offsets| offsets.contains(&last))))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_comes_again_alone_after_the_time_that_the_task_asked_for() {
    let connect = connect().property("offset.flush.interval.ms", "60000").start().await;
    produce(connect.kafka(), &["a", "b"]);
    plan(&world().put, 0, Step::Again(Duration::from_secs(7)));
    plan(&world().put, 0, Step::Again(Duration::from_secs(7)));
    connect.create("sink", sink()).await.unwrap();
    put_of(1, 1).await;
    produce(connect.kafka(), &["c"]);
    let began = Instant::now();
    put_of(3, 1).await;
    let waited = began.elapsed();
    assert!((Duration::from_secs(13)..Duration::from_secs(16)).contains(&waited), "{waited:?}");
    put_of(1, 2).await;
    assert_eq!(offsets(), [vec![0, 1], vec![0, 1], vec![0, 1], vec![2]]);
    assert_eq!(connect.status("sink").unwrap().tasks[0].1.state, State::Running);
}

#[tokio::test(start_paused = true)]
async fn what_a_task_has_not_taken_is_not_committed() {
    let connect = connect().start().await;
    produce(connect.kafka(), &["a", "b"]);
    for _ in 0..20 {
        plan(&world().put, 0, Step::Again(Duration::from_secs(1)));
    }
    connect.create("sink", sink()).await.unwrap();
    put_of(10, 1).await;
    assert!(matches!(committed(connect.kafka(), 0), None | Some(0)), "{:?}", committed(connect.kafka(), 0));
    put_of(21, 1).await;
    connect.expect_committed("sink", "t", 0, 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_rewind_brings_records_again() {
    let connect = connect().start().await;
    produce(connect.kafka(), &["a", "b", "c"]);
    plan(&world().put, 0, Step::Rewind(Offsets::from([(tp(0), 1)])));
    connect.create("sink", sink()).await.unwrap();
    put_of(2, 2).await;
    assert_eq!(offsets(), [vec![0, 1, 2], vec![1, 2]]);
    connect.expect_committed("sink", "t", 0, 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_the_task_paused_waits_and_the_others_go_on() {
    let connect = connect().start().await;
    connect.kafka().create_topic("t", 2, &[]).unwrap();
    produce_everywhere(connect.kafka(), 2);
    connect.create("sink", sink()).await.unwrap();
    connect.expect_settled("sink", 2).await;
    let context = world().sinks.lock().unwrap()[&0].clone();
    context.pause(&[tp(1)]).unwrap();
    assert!(context.pause(&[TopicPartition::new("other", 0)]).is_err());
    // The loop serves requests between two polls.
    tokio::time::sleep(Duration::from_secs(5)).await;
    produce_everywhere(connect.kafka(), 2);
    connect.expect_settled("sink", 3).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let puts = world().puts();
    assert_eq!(puts.last().unwrap().1, BTreeMap::from([(tp(0), vec![1])]));
    // A pause and resume of the whole connector leaves the partition as the task wants it.
    connect.pause("sink").await.unwrap();
    connect.expect_state("sink", State::Paused).await;
    connect.resume("sink").await.unwrap();
    connect.expect_state("sink", State::Running).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world().puts().len(), puts.len());
    context.resume(&[tp(1)]).unwrap();
    connect.expect_settled("sink", 4).await;
    assert_eq!(world().puts().last().unwrap().1, BTreeMap::from([(tp(1), vec![1])]));
}

#[tokio::test(start_paused = true)]
async fn a_failed_pre_commit_goes_back_to_the_last_commit() {
    let connect = connect().start().await;
    produce(connect.kafka(), &["a"]);
    connect.create("sink", sink()).await.unwrap();
    connect.expect_committed("sink", "t", 0, 1).await;
    plan(&world().pre_commit, 0, Step::Fail(Error::connect("the disk is full")));
    produce(connect.kafka(), &["b", "c"]);
    put_of(2, 2).await;
    let again = offsets().last().unwrap().clone();
    assert_eq!(again.first(), Some(&1), "it starts behind the last commit: {:?}", offsets());
    connect.expect_committed("sink", "t", 0, 3).await;
    assert_eq!(connect.metrics("sink").unwrap()[0].1.offset_commit_failures, 1);
    assert_eq!(connect.status("sink").unwrap().tasks[0].1.state, State::Running);
}

#[tokio::test(start_paused = true)]
async fn a_task_may_commit_less_but_not_more_than_it_was_given_nor_foreign_partitions() {
    let connect = connect().start().await;
    produce(connect.kafka(), &["a", "b"]);
    plan(&world().pre_commit, 0, Step::Answer(Offsets::new()));
    for answer in [(tp(0), 9), (tp(5), 1), (tp(0), 1)] {
        plan(&world().pre_commit, 0, Step::Answer(Offsets::from([answer])));
    }
    connect.create("sink", sink()).await.unwrap();
    world().wait_for(3, |call| matches!(call, Call::PreCommit(..))).await;
    assert!(matches!(committed(connect.kafka(), 0), None | Some(0)));
    world().wait_for(4, |call| matches!(call, Call::PreCommit(..))).await;
    connect.expect_committed("sink", "t", 0, 1).await;
    assert_eq!(committed(connect.kafka(), 0), Some(1));
    assert_eq!(committed(connect.kafka(), 5), None);
    connect.expect_committed("sink", "t", 0, 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_requested_commit_does_not_wait_for_its_time() {
    let connect = connect().property("offset.flush.interval.ms", "600000").start().await;
    produce(connect.kafka(), &["a"]);
    connect.create("sink", sink()).await.unwrap();
    connect.expect_settled("sink", 1).await;
    let began = Instant::now();
    world().sinks.lock().unwrap()[&0].request_commit();
    produce(connect.kafka(), &["b"]);
    connect.expect_committed("sink", "t", 0, 1).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_takes_too_long_is_forgotten_and_another_follows() {
    let connect = connect().property("offset.flush.timeout.ms", "2000").start().await;
    connect.kafka().hold(Operation::Commit);
    produce(connect.kafka(), &["a"]);
    connect.create("sink", sink()).await.unwrap();
    connect
        .expect("a failed commit", || {
            (connect.metrics("sink").ok()?.first()?.1.offset_commit_failures >= 2).then_some(())
        })
        .await;
    produce(connect.kafka(), &["b"]);
    connect.expect_settled("sink", 2).await;
    connect.kafka().release(Operation::Commit);
    connect.expect_committed("sink", "t", 0, 2).await;
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn broken_input_fails_the_task_with_the_records_coordinates() {
    let connect = connect().start().await;
    let config =
        sink().with("value.converter", "JsonConverter").with("value.converter.schemas.enable", "false");
    produce(connect.kafka(), &["1", "{", "3"]);
    connect.create("sink", config).await.unwrap();
    let trace = connect.expect_task_state("sink", 0, State::Failed).await.trace.unwrap();
    for part in ["Tolerance exceeded", "VALUE_CONVERTER", "topic=t", "partition=0", "offset=1"] {
        assert!(trace.contains(part), "`{part}` is not in: {trace}");
    }
    assert!(committed(connect.kafka(), 0).is_none_or(|offset| offset <= 1), "the broken record is committed");
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn tolerated_and_dropped_records_are_counted_and_their_offsets_pass() {
    let connect = connect().start().await;
    let config = sink()
        .with("value.converter", "JsonConverter")
        .with("value.converter.schemas.enable", "false")
        .with("errors.tolerance", "all")
        .with("transforms", "drop")
        .with("transforms.drop.type", "Drops")
        .with("transforms.drop.predicate", "three")
        .with("predicates", "three")
        .with("predicates.three.type", "Is")
        .with("predicates.three.value", "3");
    produce(connect.kafka(), &["1", "{", "3"]);
    connect.create("sink", config).await.unwrap();
    connect.expect_committed("sink", "t", 0, 3).await;
    assert_eq!(offsets(), [vec![0]]);
    let metrics = connect.metrics("sink").unwrap()[0].1;
    assert_eq!(
        (metrics.records_read, metrics.records_delivered, metrics.records_filtered, metrics.records_skipped),
        (3, 1, 1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_reported_record_is_skipped_and_counted_or_fails_the_task() {
    let connect = connect().start().await;
    produce(connect.kafka(), &["good", "bad"]);
    let config = sink().with("errors.log.enable", "true").with("errors.tolerance", "all");
    connect.create("sink", config).await.unwrap();
    connect.expect_committed("sink", "t", 0, 2).await;
    let metrics = connect.metrics("sink").unwrap()[0].1;
    assert_eq!((metrics.records_delivered, metrics.records_skipped, metrics.errors_logged), (1, 1, 1));

    connect.create("strict", sink().with("errors.log.enable", "true")).await.unwrap();
    let trace = connect.expect_task_state("strict", 0, State::Failed).await.trace.unwrap();
    for part in ["TASK_PUT", "topic=t", "offset=1", "the target refuses this"] {
        assert!(trace.contains(part), "`{part}` is not in: {trace}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_that_fails_ends_the_task_and_its_records_come_again_after_a_restart() {
    let connect = connect().start().await;
    produce(connect.kafka(), &["a"]);
    connect.create("sink", sink()).await.unwrap();
    connect.expect_committed("sink", "t", 0, 1).await;
    plan(&world().put, 0, Step::Fail(Error::connect("the table is gone")));
    produce(connect.kafka(), &["b"]);
    let trace = connect.expect_task_state("sink", 0, State::Failed).await.trace.unwrap();
    assert!(trace.starts_with("Exiting WorkerSinkTask due to unrecoverable exception."), "{trace}");
    assert!(trace.contains("the table is gone"), "{trace}");
    assert_eq!(committed(connect.kafka(), 0), Some(1));
    connect.herder().restart_task("sink", 0).await.unwrap();
    connect.expect_committed("sink", "t", 0, 2).await;
    assert_eq!(offsets(), [vec![0], vec![1], vec![1]]);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_fails_for_now_is_asked_again() {
    let connect = connect().start().await;
    connect.kafka().fail_next(Operation::Fetch, 5, KafkaErrorKind::Unavailable);
    produce(connect.kafka(), &["a"]);
    connect.create("sink", sink()).await.unwrap();
    connect.expect_committed("sink", "t", 0, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_rebalance_moves_only_the_difference_after_committing_it() {
    let connect = connect().property("offset.flush.interval.ms", "600000").start().await;
    connect.kafka().create_topic("t", 4, &[]).unwrap();
    world().tasks.store(2, SeqCst);
    connect.create("sink", sink()).await.unwrap();
    let group = || connect.kafka().assignment("connect-sink");
    let balanced = || {
        let mut sizes: Vec<_> = group().values().map(Vec::len).collect();
        sizes.sort_unstable();
        (sizes == [2, 2]).then_some(())
    };
    connect.expect("both tasks to have two partitions", balanced).await;
    produce_everywhere(connect.kafka(), 4);
    connect.expect_settled("sink", 4).await;

    // Task 1 crashes: when its session is over, task 0 gets its partitions, and only these are opened.
    let opened_before = world().count(|call| matches!(call, Call::Open(0, ..)));
    plan(&world().put, 1, Step::Panic);
    produce_everywhere(connect.kafka(), 4);
    connect.expect_task_state("sink", 1, State::Failed).await;
    let taken = world().wait_for(opened_before + 1, |call| matches!(call, Call::Open(0, ..))).await;
    let Call::Open(_, moved, committed) = taken else { panic!() };
    assert_eq!(moved.len(), 2, "{moved:?}");
    for partition in &moved {
        assert!(
            committed.get(partition).is_none_or(|offset| *offset == 0),
            "a crash committed {committed:?}"
        );
    }
    connect
        .expect("task 0 to have everything", || group().values().any(|owned| owned.len() == 4).then_some(()))
        .await;
    put_everything_again(&moved).await;

    // Task 1 comes back: task 0 flushes and closes only what it gives away, and its offsets are there when task 1
    // opens it.
    let is_close = |call: &Call| matches!(call, Call::Close(0, _));
    let (closed, opened) = (world().count(is_close), world().count(|call| matches!(call, Call::Open(1, ..))));
    connect.herder().restart_task("sink", 1).await.unwrap();
    connect.expect("both tasks to have two partitions", balanced).await;
    let Call::Close(_, given) = world().wait_for(closed + 1, is_close).await else { panic!() };
    assert_eq!(given.len(), 2, "{given:?}");
    let calls = world().calls.entries();
    let close = calls.iter().rposition(is_close).unwrap();
    let flush = Call::PreCommit(0, given.iter().map(|partition| (partition.clone(), 2)).collect());
    assert_eq!(calls[close - 1], flush, "the last call before close is pre_commit of the same partitions");
    let Call::Open(_, opened, committed) =
        world().wait_for(opened + 1, |call| matches!(call, Call::Open(1, ..))).await
    else {
        panic!()
    };
    assert_eq!(opened, given);
    for partition in &opened {
        assert_eq!(committed.get(partition), Some(&2), "{partition} was handed over before its commit");
    }
    let puts_of_one = |call: &Call| matches!(call, Call::Put(1, records) if !records.is_empty());
    let before = world().count(puts_of_one);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world().count(puts_of_one), before, "what was committed came again");
}

/// Waits until task 0 has been given offset 1 of all these partitions.
async fn put_everything_again(partitions: &[TopicPartition]) {
    for partition in partitions {
        world()
            .wait_for(1, |call| {
                matches!(call, Call::Put(0, records) if records.get(partition).is_some_and(|offsets| offsets.contains(&1)))
            })
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ran_out_closes_without_commit_and_reads_again_from_the_last_one() {
    let connect = connect().property("offset.flush.interval.ms", "600000").start().await;
    produce(connect.kafka(), &["a"]);
    connect.create("sink", sink()).await.unwrap();
    put_of(1, 0).await;
    connect.expect_settled("sink", 1).await;
    connect.kafka().expire_sessions("connect-sink");
    put_of(2, 0).await;
    assert_eq!(world().count(|call| matches!(call, Call::PreCommit(..))), 0);
    assert_eq!(world().count(|call| matches!(call, Call::Close(..))), 1);
    assert_eq!(world().count(|call| matches!(call, Call::Open(..))), 2);
}

#[tokio::test(start_paused = true)]
async fn a_clean_end_flushes_closes_and_commits() {
    let connect = connect().property("offset.flush.interval.ms", "600000").start().await;
    produce(connect.kafka(), &["a", "b"]);
    connect.create("sink", sink()).await.unwrap();
    connect.expect_settled("sink", 2).await;
    let report = connect.shutdown().await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(committed(connect.kafka(), 0), Some(2));
    let calls = world().calls.entries();
    let end: Vec<_> = calls.iter().rev().take(4).rev().cloned().collect();
    assert_eq!(
        end,
        [
            Call::PreCommit(0, Offsets::from([(tp(0), 2)])),
            Call::Close(0, vec![tp(0)]),
            Call::Stop(0),
            Call::StopConnector
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_paused_while_it_backs_off_gets_its_batch_again_and_nothing_new() {
    let connect = connect().start().await;
    produce(connect.kafka(), &["a"]);
    for _ in 0..3 {
        plan(&world().put, 0, Step::Again(Duration::from_secs(5)));
    }
    connect.create("sink", sink()).await.unwrap();
    put_of(1, 0).await;
    connect.pause("sink").await.unwrap();
    connect.expect_state("sink", State::Paused).await;
    produce(connect.kafka(), &["b"]);
    put_of(4, 0).await;
    // Taken now; what came meanwhile waits for the end of the pause.
    connect.expect_committed("sink", "t", 0, 1).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(offsets(), [vec![0], vec![0], vec![0], vec![0]]);
    assert_eq!(connect.status("sink").unwrap().tasks[0].1.state, State::Paused);
    connect.resume("sink").await.unwrap();
    put_of(1, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_resumed_while_it_backs_off_gets_nothing_new_before_it_took_its_batch() {
    let connect = connect().start().await;
    produce(connect.kafka(), &["a"]);
    for _ in 0..3 {
        plan(&world().put, 0, Step::Again(Duration::from_secs(5)));
    }
    connect.create("sink", sink()).await.unwrap();
    put_of(1, 0).await;
    connect.pause("sink").await.unwrap();
    connect.expect_state("sink", State::Paused).await;
    connect.resume("sink").await.unwrap();
    connect.expect_state("sink", State::Running).await;
    produce(connect.kafka(), &["b"]);
    put_of(1, 1).await;
    assert_eq!(offsets(), [vec![0], vec![0], vec![0], vec![0], vec![1]]);
}

#[tokio::test(start_paused = true)]
async fn a_pattern_reads_the_topics_that_match_it_as_a_whole_also_those_that_come_later() {
    let connect = connect().property("consumer.metadata.max.age.ms", "1000").start().await;
    for topic in ["orders", "orders-eu", "my-orders"] {
        connect.kafka().produce(topic, None::<&str>, "x");
    }
    let config: connect_api::Properties =
        [("connector.class", "Sink"), ("topics.regex", "orders(-.*)?"), ("tasks.max", "1")].into();
    connect.create("sink", config).await.unwrap();
    connect.expect_settled("sink", 2).await;
    connect.kafka().produce("orders-us", None::<&str>, "x");
    connect.expect_settled("sink", 3).await;
    let read: std::collections::BTreeSet<_> =
        world().puts().into_iter().flat_map(|(_, records)| records.into_keys()).collect();
    let expected = ["orders", "orders-eu", "orders-us"].map(|topic| TopicPartition::new(topic, 0));
    assert_eq!(read.into_iter().collect::<Vec<_>>(), expected);
}

#[tokio::test(start_paused = true)]
async fn offsets_are_those_of_the_original_topic_whatever_a_transformation_makes_of_it() {
    let connect = connect().plugins(connect_transforms::register).start().await;
    produce(connect.kafka(), &["a", "b"]);
    let config = sink()
        .with("transforms", "route")
        .with("transforms.route.type", "org.apache.kafka.connect.transforms.RegexRouter")
        .with("transforms.route.regex", ".*")
        .with("transforms.route.replacement", "elsewhere");
    plan(&world().put, 0, Step::Again(Duration::from_secs(1)));
    connect.create("sink", config).await.unwrap();
    connect.expect_committed("sink", "t", 0, 2).await;
    assert_eq!(offsets(), [vec![0, 1], vec![0, 1]]);
    let group = connect.kafka().committed("connect-sink");
    assert_eq!(group, Offsets::from([(tp(0), 2)]), "nothing is committed under the new name");
}

#[tokio::test(start_paused = true)]
async fn a_tombstone_is_put_like_any_record() {
    let connect = connect().start().await;
    connect.kafka().produce("t", Some("key"), "value");
    connect
        .kafka()
        .try_produce(&connect_runtime::kafka::ProducerRecord {
            topic: "t".into(),
            partition: Some(0),
            timestamp: None,
            key: Some("key".into()),
            value: None,
            headers: connect_api::RawHeaders::default(),
        })
        .unwrap();
    connect.create("sink", sink()).await.unwrap();
    connect.expect_committed("sink", "t", 0, 2).await;
    assert_eq!(offsets().concat(), [0, 1]);
    assert_eq!(connect.metrics("sink").unwrap()[0].1.records_delivered, 2);
}

#[tokio::test(start_paused = true)]
async fn a_rewind_while_a_batch_waits_replaces_it() {
    let connect = connect().start().await;
    produce(connect.kafka(), &["a", "b", "c"]);
    plan(&world().put, 0, Step::Again(Duration::from_secs(60)));
    connect.create("sink", sink()).await.unwrap();
    put_of(1, 2).await;
    world().sinks.lock().unwrap()[&0].offset(&Offsets::from([(tp(0), 2), (tp(7), 0)]));
    connect.expect_committed("sink", "t", 0, 3).await;
    assert_eq!(offsets(), [vec![0, 1, 2], vec![2]]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_away_for_ten_minutes_holds_one_batch_in_memory_and_goes_on_by_itself() {
    let connect = connect().property("offset.flush.interval.ms", "30000").start().await;
    produce(connect.kafka(), &["a", "b"]);
    for _ in 0..120 {
        plan(&world().put, 0, Step::Again(Duration::from_secs(5)));
    }
    connect.create("sink", sink()).await.unwrap();
    put_of(1, 1).await;
    // More than anybody wants to hold.
    for _ in 0..50 {
        produce(connect.kafka(), &["x"; 100]);
    }
    tokio::time::sleep(Duration::from_secs(400)).await;
    let metrics = connect.metrics("sink").unwrap()[0].1;
    assert_eq!((metrics.records_read, metrics.records_delivered), (2, 0), "nothing is read ahead");
    assert_eq!(connect.status("sink").unwrap().tasks[0].1.state, State::Running);
    tokio::time::sleep(Duration::from_secs(250)).await;
    connect.expect_committed("sink", "t", 0, 5002).await;
    assert_eq!(connect.metrics("sink").unwrap()[0].1.records_delivered, 5002);
}
