//! Clauses about reading without a group.

use std::time::Duration;

use connect_api::TopicPartition;
use connect_runtime::kafka::{ConsumerEvent, IsolationLevel, KafkaErrorKind};
use tokio::time::{Instant, timeout};

use super::Fixture;
use super::tools::*;

pub(crate) async fn a_topic_is_read_from_the_beginning_to_its_end_offsets(fixture: &dyn Fixture) {
    let topic = unique("to-the-end");
    create(fixture, &topic, 3).await;
    let mut producer = producer(fixture, &[]).await;
    write(&mut *producer, numbers(&topic, 0, 0..700)).await;
    write(&mut *producer, numbers(&topic, 1, 0..5)).await;
    let admin = admin(fixture).await;
    let partitions = partitions_of(&topic, 3);
    let beginnings = admin.beginning_offsets(&partitions).await.unwrap();
    assert_eq!(beginnings.into_values().collect::<Vec<_>>(), [0, 0, 0]);
    let ends = admin.end_offsets(&partitions, IsolationLevel::ReadUncommitted).await.unwrap();
    assert_eq!(ends.into_values().collect::<Vec<_>>(), [700, 5, 0]);

    let mut consumer = reader(fixture, &topic, 3, &[("max.poll.records", "100")]).await;
    let mut positions = [0; 3];
    soon("all records are read", async {
        while positions != [700, 5, 0] {
            let batches = poll(&mut *consumer).await;
            assert!(
                batches.iter().map(|batch| batch.records.len()).sum::<usize>() <= 100,
                "max.poll.records"
            );
            for batch in batches {
                let position = &mut positions[usize::try_from(batch.partition.partition).unwrap()];
                assert_eq!(batch.records.first().map(|record| record.offset), Some(*position));
                *position = batch.next_offset;
            }
        }
    })
    .await;
    for (partition, position) in partitions.iter().zip(positions) {
        assert_eq!(consumer.position(partition).await.unwrap(), position);
    }
}

pub(crate) async fn auto_offset_reset_says_where_reading_starts(fixture: &dyn Fixture) {
    let topic = unique("reset");
    create(fixture, &topic, 1).await;
    let at = TopicPartition::new(topic.as_str(), 0);
    let mut producer = producer(fixture, &[]).await;
    write(&mut *producer, numbers(&topic, 0, 0..3)).await;

    let mut latest = reader(fixture, &topic, 1, &[("auto.offset.reset", "latest")]).await;
    assert_eq!(soon("the position is known", latest.position(&at)).await.unwrap(), 3);
    let mut earliest = reader(fixture, &topic, 1, &[("auto.offset.reset", "earliest")]).await;
    assert_eq!(soon("the position is known", earliest.position(&at)).await.unwrap(), 0);
    write(&mut *producer, numbers(&topic, 0, 3..5)).await;
    assert_eq!(texts(&read(&mut *latest, 2).await), ["3", "4"]);
    assert_eq!(texts(&read(&mut *earliest, 5).await), counted(0..5));

    let mut none = reader(fixture, &topic, 1, &[("auto.offset.reset", "none")]).await;
    assert_eq!(first_error(&mut *none).await, KafkaErrorKind::OffsetOutOfRange);
}

/// The kind of the first error that a poll gives.
async fn first_error(consumer: &mut dyn connect_runtime::kafka::Consumer) -> KafkaErrorKind {
    soon("a poll fails", async {
        loop {
            match poll_event(consumer).await {
                Ok(ConsumerEvent::Records(batches)) => {
                    assert!(batches.iter().all(|batch| batch.records.is_empty()))
                }
                Ok(event) => panic!("{event:?}"),
                Err(error) => return error.kind(),
            }
        }
    })
    .await
}

pub(crate) async fn an_offset_out_of_range_follows_auto_offset_reset(fixture: &dyn Fixture) {
    let topic = unique("out-of-range");
    create(fixture, &topic, 1).await;
    let at = TopicPartition::new(topic.as_str(), 0);
    let mut producer = producer(fixture, &[]).await;
    write(&mut *producer, numbers(&topic, 0, 0..3)).await;

    let mut consumer = reader(fixture, &topic, 1, &[]).await;
    consumer.seek(&at, 1000).await.unwrap();
    assert_eq!(texts(&read(&mut *consumer, 3).await), counted(0..3));

    let mut none = reader(fixture, &topic, 1, &[("auto.offset.reset", "none")]).await;
    none.seek(&at, 1000).await.unwrap();
    assert_eq!(first_error(&mut *none).await, KafkaErrorKind::OffsetOutOfRange);
    none.seek(&at, 2).await.unwrap();
    assert_eq!(texts(&read(&mut *none, 1).await), ["2"], "a seek makes it good again");
}

pub(crate) async fn poll_returns_within_max_wait(fixture: &dyn Fixture) {
    let topic = unique("max-wait");
    create(fixture, &topic, 1).await;
    let mut consumer = reader(fixture, &topic, 1, &[]).await;
    poll(&mut *consumer).await;
    for wait in [0, 50, 700] {
        let wait = Duration::from_millis(wait);
        let start = Instant::now();
        let event = consumer.poll(wait).await.unwrap();
        assert!(matches!(&event, ConsumerEvent::Records(batches) if batches.is_empty()), "{event:?}");
        let took = start.elapsed();
        assert!(took < wait + Duration::from_secs(1), "a poll of {wait:?} took {took:?}");
    }
    // It does not wait longer than it has to, either.
    let mut producer = producer(fixture, &[]).await;
    let start = Instant::now();
    let (event, ()) = tokio::join!(consumer.poll(Duration::from_secs(30)), async {
        write(&mut *producer, numbers(&topic, 0, 0..1)).await;
    });
    assert!(matches!(event.unwrap(), ConsumerEvent::Records(batches) if batches.len() == 1));
    assert!(start.elapsed() < Duration::from_secs(10), "the record came after {:?}", start.elapsed());
}

pub(crate) async fn a_cancelled_poll_loses_nothing(fixture: &dyn Fixture) {
    let topic = unique("cancel");
    create(fixture, &topic, 2).await;
    let mut producer = producer(fixture, &[]).await;
    for partition in 0..2 {
        write(&mut *producer, numbers(&topic, partition, 0..2000)).await;
    }
    let mut consumer = reader(fixture, &topic, 2, &[("max.poll.records", "100")]).await;
    let mut read = [Vec::new(), Vec::new()];
    let mut waits = [0, 1, 2, 5, 20, 200].into_iter().cycle();
    soon("all records are read", async {
        while read.iter().map(Vec::len).sum::<usize>() < 4000 {
            let wait = Duration::from_millis(waits.next().unwrap());
            let Ok(event) = timeout(wait, consumer.poll(PATIENCE)).await else { continue };
            let ConsumerEvent::Records(batches) = event.unwrap() else { panic!("no group, no events") };
            for batch in batches {
                read[usize::try_from(batch.partition.partition).unwrap()]
                    .extend(batch.records.iter().map(text));
            }
        }
    })
    .await;
    for read in read {
        assert_eq!(read, counted(0..2000));
    }
}

pub(crate) async fn pause_resume_and_seek_are_obeyed(fixture: &dyn Fixture) {
    let topic = unique("pause");
    create(fixture, &topic, 2).await;
    let [first, second] = [0, 1].map(|partition| TopicPartition::new(topic.as_str(), partition));
    let mut producer = producer(fixture, &[]).await;
    let mut consumer = reader(fixture, &topic, 2, &[]).await;
    // With both being read, records of the one to be paused may be under way.
    poll(&mut *consumer).await;
    consumer.pause(std::slice::from_ref(&first)).await.unwrap();
    write(&mut *producer, numbers(&topic, 0, 0..100)).await;
    write(&mut *producer, numbers(&topic, 1, 0..100)).await;
    let only_second = read(&mut *consumer, 100).await;
    assert!(only_second.iter().all(|(partition, _)| *partition == 1), "a paused partition was read");
    assert_eq!(consumer.position(&first).await.unwrap(), 0);

    consumer.seek(&second, 90).await.unwrap();
    let again = read(&mut *consumer, 10).await;
    assert_eq!(texts(&again), counted(90..100));
    assert_eq!(consumer.position(&second).await.unwrap(), 100);

    consumer.seek(&first, 95).await.unwrap();
    consumer.resume(std::slice::from_ref(&first)).await.unwrap();
    assert_eq!(texts(&read(&mut *consumer, 5).await), counted(95..100));

    // Records that were fetched for the old position do not come any more.
    consumer.seek(&first, 0).await.unwrap();
    assert_eq!(texts(&read(&mut *consumer, 100).await), counted(0..100));
    consumer.seek(&first, 0).await.unwrap();
    poll(&mut *consumer).await;
    consumer.seek(&first, 99).await.unwrap();
    assert_eq!(consumer.position(&first).await.unwrap(), 99);
    assert_eq!(texts(&read(&mut *consumer, 1).await), ["99"]);
}

pub(crate) async fn partitions_are_read_fairly(fixture: &dyn Fixture) {
    const EACH: usize = 5000;
    let topic = unique("fair");
    create(fixture, &topic, 4).await;
    let mut producer = producer(fixture, &[]).await;
    // Small batches and small answers: fairness shows only where a partition needs many of them.
    const BATCH: usize = 100;
    for start in (0..EACH).step_by(BATCH) {
        for partition in 0..4 {
            write(&mut *producer, numbers(&topic, partition, start..start + BATCH)).await;
        }
    }
    let small = [("max.poll.records", "500"), ("max.partition.fetch.bytes", "8192")];
    let mut consumer = reader(fixture, &topic, 4, &small).await;
    let mut counts = [0; 4];
    soon("half of all is read", async {
        while counts.iter().sum::<usize>() < 2 * EACH {
            for batch in poll(&mut *consumer).await {
                counts[usize::try_from(batch.partition.partition).unwrap()] += batch.records.len();
            }
        }
    })
    .await;
    assert!(counts.iter().all(|count| *count >= EACH / 10), "when half of 4 × {EACH} was read: {counts:?}");
}

pub(crate) async fn a_new_assignment_replaces_the_old_one(fixture: &dyn Fixture) {
    let topic = unique("reassign");
    create(fixture, &topic, 3).await;
    let mut producer = producer(fixture, &[]).await;
    for partition in 0..3 {
        write(&mut *producer, numbers(&topic, partition, 0..10)).await;
    }
    let partitions = partitions_of(&topic, 3);
    let mut consumer = consumer(fixture, &[]).await;
    consumer.assign(&partitions[..1]).await.unwrap();
    assert_eq!(texts(&read(&mut *consumer, 10).await), counted(0..10));
    consumer.assign(&partitions[1..]).await.unwrap();
    let read = read(&mut *consumer, 20).await;
    assert!(read.iter().all(|(partition, _)| *partition != 0));
    write(&mut *producer, numbers(&topic, 0, 10..11)).await;
    assert!(poll(&mut *consumer).await.is_empty(), "partition 0 is not assigned any more");
    assert!(consumer.position(&partitions[0]).await.is_err());
}

pub(crate) async fn an_unknown_topic_brings_nothing(fixture: &dyn Fixture) {
    let topic = unique("nowhere");
    let mut consumer = reader(fixture, &topic, 1, &[]).await;
    let start = Instant::now();
    match consumer.poll(Duration::from_secs(1)).await {
        Ok(ConsumerEvent::Records(batches)) => assert!(batches.is_empty()),
        Ok(event) => panic!("{event:?}"),
        Err(error) => assert_eq!(error.kind(), KafkaErrorKind::UnknownTopic, "{error}"),
    }
    assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
}
