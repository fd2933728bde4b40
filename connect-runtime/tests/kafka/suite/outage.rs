//! Clauses that kill the broker.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connect_api::{Offsets, TopicPartition};
use connect_runtime::kafka::{ConsumerEvent, ProducerRecord, Subscription};
use futures::future::join_all;
use tokio::time::Instant;

use super::Fixture;
use super::groups::assigned;
use super::tools::*;

/// How long everything may take after the broker is back.
const RECOVERY: Duration = Duration::from_secs(120);

async fn outage(fixture: &dyn Fixture) {
    fixture.kill_broker().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    fixture.start_broker().await;
}

pub(crate) async fn producer_and_consumer_survive_a_broker_restart(fixture: &dyn Fixture) {
    let topic = unique("restart");
    create(fixture, &topic, 1).await;
    let mut producer =
        producer(fixture, &[("delivery.timeout.ms", "120000"), ("max.block.ms", "60000")]).await;
    let mut consumer = reader(fixture, &topic, 1, &[]).await;
    let (sent, repeated) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let writing = async {
        for number in 0..60 {
            let mut left = numbers(&topic, 0, number * 10..(number + 1) * 10);
            while !left.is_empty() {
                left = attempt(&mut *producer, left, &repeated).await;
            }
            sent.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let breaking = async {
        eventually("some batches are written", async || sent.load(Ordering::SeqCst) >= 20).await;
        outage(fixture).await;
    };
    let reading = async {
        let mut texts = Vec::new();
        let mut seen = BTreeSet::new();
        while seen.len() < 600 {
            match poll_event(&mut *consumer).await {
                Ok(ConsumerEvent::Records(batches)) => {
                    for text in batches.iter().flat_map(|batch| &batch.records).map(text) {
                        seen.insert(text.clone());
                        texts.push(text);
                    }
                }
                Ok(event) => panic!("{event:?}"),
                Err(error) => {
                    assert!(error.is_retriable(), "{error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        texts
    };
    let all = async { tokio::join!(writing, breaking, reading).2 };
    let mut texts = tokio::time::timeout(RECOVERY, all).await.expect("everybody recovers");
    if fixture.kafka().capabilities().idempotence && repeated.load(Ordering::SeqCst) == 0 {
        assert_eq!(texts, counted(0..600), "exactly once and in order");
    } else {
        let mut seen = BTreeSet::new();
        texts.retain(|text| seen.insert(text.clone()));
        assert_eq!(texts, counted(0..600), "at least once, first sightings in order");
    }
}

/// Sends a batch and returns what has to be sent again.
async fn attempt(
    producer: &mut dyn connect_runtime::kafka::Producer,
    batch: Vec<ProducerRecord>,
    repeated: &AtomicUsize,
) -> Vec<ProducerRecord> {
    let batch = Arc::new(batch);
    let delivery = match producer.send(Arc::clone(&batch), false).await {
        Ok(delivery) => delivery,
        Err(error) => {
            assert!(error.is_retriable(), "{error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            return batch.to_vec();
        }
    };
    let report = delivery.await;
    for (_, error) in &report.failed {
        assert!(error.is_retriable(), "{error}");
    }
    repeated.fetch_add(report.failed.len(), Ordering::SeqCst);
    report.failed.iter().map(|(index, _)| batch[*index].clone()).collect()
}

pub(crate) async fn retries_of_an_idempotent_producer_double_nothing(fixture: &dyn Fixture) {
    if !can(fixture, Need::Idempotence).await {
        return;
    }
    let topic = unique("idempotent");
    create(fixture, &topic, 2).await;
    let settings = [("delivery.timeout.ms", "120000"), ("max.block.ms", "60000"), ("linger.ms", "1")];
    let mut producer = producer(fixture, &settings).await;
    let sent = AtomicUsize::new(0);
    let writing = async {
        let mut deliveries = Vec::new();
        for number in 0..400 {
            let range = number * 25..(number + 1) * 25;
            let batch = [numbers(&topic, 0, range.clone()), numbers(&topic, 1, range)].concat();
            deliveries.push(producer.send(Arc::new(batch), false).await.unwrap());
            sent.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for report in join_all(deliveries).await {
            assert!(report.failed.is_empty(), "the producer gave up: {:?}", report.failed);
        }
    };
    let breaking = async {
        eventually("some batches are on their way", async || sent.load(Ordering::SeqCst) >= 100).await;
        outage(fixture).await;
    };
    tokio::time::timeout(RECOVERY, async { tokio::join!(writing, breaking) })
        .await
        .expect("everybody recovers");
    let read = read_topic(fixture.kafka(), &fixture.properties(), &topic, false).await;
    for partition in 0..2 {
        let of_partition = read.iter().filter(|(number, _)| *number == partition).cloned().collect();
        assert_eq!(texts(&of_partition), counted(0..10_000), "partition {partition}");
    }
}

pub(crate) async fn a_group_survives_a_broker_restart(fixture: &dyn Fixture) {
    if !can(fixture, Need::Groups).await {
        return;
    }
    let (topic, group) = (unique("group-restart"), unique("group"));
    create(fixture, &topic, 1).await;
    let at = TopicPartition::new(topic.as_str(), 0);
    let mut producer = producer(fixture, &[]).await;
    write(&mut *producer, numbers(&topic, 0, 0..10)).await;
    let mut consumer = member(fixture, &group, &[]).await;
    consumer.subscribe(Subscription::Topics(vec![topic.as_str().into()])).await.unwrap();
    assigned(&mut *consumer).await;
    read(&mut *consumer, 10).await;
    soon("the commit is done", consumer.commit(Offsets::from([(at.clone(), 5)]))).await.unwrap();

    fixture.kill_broker().await;
    fixture.start_broker().await;
    let writing = async {
        let mut left = numbers(&topic, 0, 10..20);
        while !left.is_empty() {
            left = attempt(&mut *producer, left, &AtomicUsize::new(0)).await;
        }
    };
    let reading = async {
        let mut seen = BTreeSet::new();
        while !counted(10..20).iter().all(|text| seen.contains(text)) {
            // Losing the partitions and getting them again is allowed, and so are passing errors.
            match poll_event(&mut *consumer).await {
                Ok(ConsumerEvent::Records(batches)) => {
                    seen.extend(batches.iter().flat_map(|batch| &batch.records).map(text));
                }
                Ok(_) => {}
                Err(error) => {
                    assert!(error.is_retriable(), "{error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        let committed = consumer.committed(std::slice::from_ref(&at)).await.unwrap();
        assert_eq!(committed, Offsets::from([(at.clone(), 5)]), "what was committed before is there");
        // A commit may meet the rebalance that follows the restart.
        let start = Instant::now();
        while let Err(error) = consumer.commit(Offsets::from([(at.clone(), 20)])).await {
            assert!(error.is_retriable() && start.elapsed() < PATIENCE, "{error}");
            let _ = poll_event(&mut *consumer).await;
        }
    };
    let all = async { tokio::join!(writing, reading) };
    tokio::time::timeout(RECOVERY, all).await.expect("everybody recovers");
}

pub(crate) async fn calls_wait_or_fail_as_retriable_while_the_broker_is_away(fixture: &dyn Fixture) {
    let topic = unique("away");
    create(fixture, &topic, 1).await;
    let timeouts = [
        ("max.block.ms", "2000"),
        ("request.timeout.ms", "1000"),
        ("delivery.timeout.ms", "3000"),
        ("default.api.timeout.ms", "3000"),
    ];
    let mut producer = producer(fixture, &timeouts).await;
    let mut consumer = reader(fixture, &topic, 1, &timeouts).await;
    // A busy machine may not answer a new connection within the time-outs that the clause is about.
    let admin = soon("an admin client connects", async {
        loop {
            match fixture.kafka().admin(&with(fixture, &timeouts)).await {
                Ok(admin) => break admin,
                Err(error) => assert!(error.is_retriable(), "{error}"),
            }
        }
    })
    .await;
    write(&mut *producer, numbers(&topic, 0, 0..1)).await;
    read(&mut *consumer, 1).await;
    fixture.kill_broker().await;

    let start = Instant::now();
    match producer.send(Arc::new(numbers(&topic, 0, 1..2)), false).await {
        Err(error) => assert!(error.is_retriable(), "{error}"),
        Ok(delivery) => {
            let report = soon("the batch is settled", delivery).await;
            assert_eq!(report.failed.len(), 1);
            assert!(report.failed[0].1.is_retriable(), "{}", report.failed[0].1);
        }
    }
    let polled = start.elapsed();
    match consumer.poll(WAIT).await {
        Ok(ConsumerEvent::Records(batches)) => assert!(batches.is_empty()),
        Ok(event) => panic!("{event:?}"),
        Err(error) => assert!(error.is_retriable(), "{error}"),
    }
    assert!(start.elapsed() - polled < Duration::from_secs(5), "poll does not wait for the broker");
    let error = soon("the call fails", admin.describe_topic(&topic)).await.unwrap_err();
    assert!(error.is_retriable(), "{error}");
    assert!(start.elapsed() < Duration::from_secs(30), "it took {:?}", start.elapsed());

    fixture.start_broker().await;
    soon("the admin client is back", async {
        while admin.describe_topic(&topic).await.is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await;
    let mut left = numbers(&topic, 0, 1..2);
    soon("the producer is back", async {
        while !left.is_empty() {
            left = attempt(&mut *producer, left.clone(), &AtomicUsize::new(0)).await;
        }
    })
    .await;
}
