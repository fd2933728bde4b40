//! Clauses about writing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connect_api::{RawHeaders, TimestampType};
use connect_runtime::kafka::{KafkaErrorKind, NewTopic, ProducerRecord, RecordPosition};
use futures::future::join_all;

use super::Fixture;
use super::tools::*;

pub(crate) async fn acked_means_written(fixture: &dyn Fixture) {
    let topic = unique("acked");
    create(fixture, &topic, 3).await;
    let mut producer = producer(fixture, &[]).await;
    let batch: Vec<_> =
        (0..999).map(|number| record(&topic, number % 3, Some("k"), Some(&number.to_string()))).collect();
    let report = send(&mut *producer, batch.clone()).await;
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_eq!(report.positions.len(), batch.len());

    let read = read_both(fixture, &topic).await;
    assert_eq!(read.len(), batch.len());
    for (partition, found) in &read {
        let at = RecordPosition { partition: *partition, offset: found.offset };
        let index = report
            .positions
            .iter()
            .position(|position| *position == Some(at))
            .expect("the position is known");
        assert_eq!(
            (found.key.clone(), found.value.clone()),
            (batch[index].key.clone(), batch[index].value.clone())
        );
    }
    if let Some(lines) = fixture.genuine_lines(&topic, "read_committed").await {
        assert_eq!(lines.len(), batch.len(), "Kafka's own tools see as many records");
    }

    let delivery = producer.send(Arc::new(numbers(&topic, 0, 0..10)), false).await.unwrap();
    let report = soon("the batch is settled", delivery).await;
    assert!(report.positions.is_empty(), "positions only where they are asked for");
}

pub(crate) async fn order_within_a_partition_survives_many_batches_in_flight(fixture: &dyn Fixture) {
    let topic = unique("order");
    create(fixture, &topic, 2).await;
    let mut producer = producer(fixture, &[("linger.ms", "0"), ("batch.size", "4096")]).await;
    let mut deliveries = Vec::new();
    for batch in 0..200 {
        let range = batch * 50..(batch + 1) * 50;
        let mut records = numbers(&topic, 0, range.clone());
        records.extend(numbers(&topic, 1, range));
        deliveries.push(producer.send(Arc::new(records), false).await.unwrap());
    }
    for report in soon("all batches are settled", join_all(deliveries)).await {
        assert!(report.failed.is_empty(), "{:?}", report.failed);
    }
    let read = read_both(fixture, &topic).await;
    for partition in 0..2 {
        let of_partition = read.iter().filter(|(number, _)| *number == partition).cloned().collect();
        assert_eq!(texts(&of_partition), counted(0..10_000), "partition {partition}");
    }
}

pub(crate) async fn headers_keep_order_duplicates_nulls_and_bytes(fixture: &dyn Fixture) {
    let topic = unique("headers");
    create(fixture, &topic, 1).await;
    let mut simple = RawHeaders::new();
    simple.push("first", bytes("1"));
    simple.push("second", bytes("2"));
    let mut producer = producer(fixture, &[]).await;
    let plain = record(&topic, 0, Some("k"), Some("v"));
    write(&mut *producer, vec![ProducerRecord { headers: simple.clone(), ..plain.clone() }, plain.clone()])
        .await;
    let read = read_topic(fixture.kafka(), &fixture.properties(), &topic, false).await;
    assert_eq!(read[0].1.headers, simple);
    assert!(read[1].1.headers.is_empty());
    if !can(fixture, Need::ExactHeaders).await {
        return;
    }

    let mut headers = RawHeaders::new();
    headers.push("z", bytes("last letter first"));
    headers.push("twice", bytes("1"));
    headers.push("a", Bytes::from_static(&[0, 0xff, 0xfe]));
    headers.push("twice", None);
    headers.push("twice", Bytes::new());
    headers.push("", bytes("without a name"));
    headers.push("schlüssel", bytes("wert"));
    write(&mut *producer, vec![ProducerRecord { headers: headers.clone(), ..plain }]).await;
    let read = read_both(fixture, &topic).await;
    assert_eq!(read[2].1.headers, headers);
    if let Some(lines) = fixture.genuine_lines(&topic, "read_committed").await {
        let seen = "z:last letter first,twice:1,a:";
        assert!(lines[2].contains(seen), "Kafka's own tools see {} instead of {seen}", lines[2]);
        let seen = ",twice:NULL,twice:,:without a name,schlüssel:wert";
        assert!(lines[2].contains(seen), "Kafka's own tools see {} instead of {seen}", lines[2]);
    }
}

pub(crate) async fn null_and_empty_differ_in_key_and_value(fixture: &dyn Fixture) {
    let topic = unique("null");
    create(fixture, &topic, 1).await;
    let cases = [(None, None), (None, Some("")), (Some(""), None), (Some(""), Some("")), (Some("k"), None)];
    let mut producer = producer(fixture, &[]).await;
    write(&mut *producer, cases.iter().map(|(key, value)| record(&topic, 0, *key, *value)).collect()).await;
    let read = read_both(fixture, &topic).await;
    let read: Vec<_> = read.into_iter().map(|(_, record)| (record.key, record.value)).collect();
    assert_eq!(read, cases.map(|(key, value)| (key.map(bytes), value.map(bytes))));
}

pub(crate) async fn timestamps_are_those_given_or_now(fixture: &dyn Fixture) {
    let topic = unique("timestamps");
    create(fixture, &topic, 1).await;
    let given = [Some(0), Some(1_234_567_890_123), None, Some(1)];
    let mut producer = producer(fixture, &[]).await;
    let plain = record(&topic, 0, None, Some("v"));
    let batch =
        given.iter().map(|timestamp| ProducerRecord { timestamp: *timestamp, ..plain.clone() }).collect();
    write(&mut *producer, batch).await;
    for ((_, read), given) in read_both(fixture, &topic).await.iter().zip(given) {
        assert_eq!(read.timestamp_type, TimestampType::CreateTime);
        match given {
            Some(given) => assert_eq!(read.timestamp, given),
            None => assert!((read.timestamp - now()).abs() < 600_000, "{} is not now", read.timestamp),
        }
    }
}

fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the test compares with the real clock")]
    let now = std::time::SystemTime::now();
    i64::try_from(now.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

pub(crate) async fn the_topic_may_set_timestamps(fixture: &dyn Fixture) {
    if !can(fixture, Need::TopicConfigs).await {
        return;
    }
    let topic = unique("append-time");
    let configs = [("message.timestamp.type".to_owned(), "LogAppendTime".to_owned())].into();
    create_with(fixture, NewTopic { configs, ..new_topic(&topic, 1) }).await;
    let mut producer = producer(fixture, &[]).await;
    let record = ProducerRecord { timestamp: Some(1), ..record(&topic, 0, None, Some("v")) };
    write(&mut *producer, vec![record]).await;
    let (_, read) = &read_topic(fixture.kafka(), &fixture.properties(), &topic, false).await[0];
    if !fixture.kafka().capabilities().append_time {
        assert_eq!((read.timestamp, read.timestamp_type), (1, TimestampType::CreateTime));
        return;
    }
    assert_eq!(read.timestamp_type, TimestampType::LogAppendTime);
    assert!((read.timestamp - now()).abs() < 600_000, "{} is not now", read.timestamp);
}

pub(crate) async fn keys_go_where_javas_partitioner_puts_them(fixture: &dyn Fixture) {
    // Keys with their murmur2 hashes, from the tests of Kafka's own `Utils`.
    const HASHES: [(&str, i32); 6] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];
    let topic = unique("partitioner");
    create(fixture, &topic, 7).await;
    let mut producer = producer(fixture, &[]).await;
    let keyed = |key| ProducerRecord { partition: None, ..record(&topic, 0, Some(key), Some("v")) };
    let report = send(&mut *producer, HASHES.iter().map(|(key, _)| keyed(key)).collect()).await;
    let partitions: Vec<_> = report.positions.iter().flatten().map(|position| position.partition).collect();
    assert_eq!(partitions, HASHES.map(|(_, hash)| (hash & 0x7fff_ffff) % 7));
}

pub(crate) async fn an_explicit_partition_wins_over_the_key(fixture: &dyn Fixture) {
    let topic = unique("explicit");
    create(fixture, &topic, 4).await;
    let mut producer = producer(fixture, &[]).await;
    write(&mut *producer, (0..4).map(|number| record(&topic, number, Some("same"), Some("v"))).collect())
        .await;
    let mut partitions: Vec<_> = read_both(fixture, &topic).await.iter().map(|(number, _)| *number).collect();
    partitions.sort_unstable();
    assert_eq!(partitions, [0, 1, 2, 3]);
}

pub(crate) async fn a_record_without_key_goes_to_some_partition(fixture: &dyn Fixture) {
    let topic = unique("keyless");
    create(fixture, &topic, 3).await;
    let mut producer = producer(fixture, &[]).await;
    let batch =
        numbers(&topic, 0, 0..30).into_iter().map(|record| ProducerRecord { partition: None, ..record });
    let report = send(&mut *producer, batch.collect()).await;
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_eq!(report.positions.iter().flatten().count(), 30);
    let mut read = texts(&read_both(fixture, &topic).await);
    read.sort_by_key(|number| number.parse::<usize>().unwrap());
    assert_eq!(read, counted(0..30));
}

pub(crate) async fn a_large_record_is_too_large_and_only_it_fails(fixture: &dyn Fixture) {
    let topic = unique("large");
    create(fixture, &topic, 1).await;
    let mut producer = producer(fixture, &[]).await;
    let large = "x".repeat(2 << 20);
    let batch = [Some("before"), Some(&large), Some("after")].map(|value| record(&topic, 0, None, value));
    let report = send(&mut *producer, batch.into()).await;
    let failed: Vec<_> = report.failed.iter().map(|(index, error)| (*index, error.kind())).collect();
    assert_eq!(failed, [(1, KafkaErrorKind::RecordTooLarge)], "{:?}", report.failed);
    assert!(!report.failed[0].1.is_retriable());
    assert_eq!(report.positions.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(texts(&read_both(fixture, &topic).await), ["before", "after"]);
}

pub(crate) async fn a_record_too_large_for_its_topic_fails_alone(fixture: &dyn Fixture) {
    if !can(fixture, Need::TopicConfigs).await {
        return;
    }
    let topic = unique("large-for-topic");
    let configs = [("max.message.bytes".to_owned(), "2000".to_owned())].into();
    create_with(fixture, NewTopic { configs, ..new_topic(&topic, 1) }).await;
    let mut producer = producer(fixture, &[]).await;
    let large = "x".repeat(5000);
    let batch = [Some("before"), Some(&large), Some("after")].map(|value| record(&topic, 0, None, value));
    let report = send(&mut *producer, batch.into()).await;
    let failed: Vec<_> = report.failed.iter().map(|(index, error)| (*index, error.kind())).collect();
    assert_eq!(failed, [(1, KafkaErrorKind::RecordTooLarge)], "{:?}", report.failed);
    assert_eq!(texts(&read_both(fixture, &topic).await), ["before", "after"]);
}

pub(crate) async fn a_partition_that_does_not_exist_fails_the_record(fixture: &dyn Fixture) {
    let topic = unique("partition-99");
    create(fixture, &topic, 1).await;
    let timeouts =
        [("max.block.ms", "3000"), ("delivery.timeout.ms", "6000"), ("request.timeout.ms", "3000")];
    let mut producer = producer(fixture, &timeouts).await;
    let report =
        send(&mut *producer, vec![record(&topic, 0, None, Some("a")), record(&topic, 99, None, Some("b"))])
            .await;
    assert_eq!(report.failed.len(), 1, "{:?}", report.failed);
    let (index, error) = &report.failed[0];
    assert_eq!(*index, 1);
    // Java's client waits for the partition to appear and then times out; others know at once.
    let kinds = [KafkaErrorKind::UnknownTopic, KafkaErrorKind::InvalidRecord, KafkaErrorKind::Timeout];
    assert!(kinds.contains(&error.kind()), "{error:?}");
    assert_eq!(texts(&read_both(fixture, &topic).await), ["a"]);
}

pub(crate) async fn flush_settles_everything(fixture: &dyn Fixture) {
    let topic = unique("flush");
    create(fixture, &topic, 1).await;
    let mut producer = producer(fixture, &[("linger.ms", "100")]).await;
    let mut deliveries = Vec::new();
    for batch in 0..10 {
        let records = numbers(&topic, 0, batch * 10..(batch + 1) * 10);
        deliveries.push(producer.send(Arc::new(records), false).await.unwrap());
    }
    soon("the producer is flushed", producer.flush()).await.unwrap();
    assert_eq!(texts(&read_both(fixture, &topic).await), counted(0..100));
    for delivery in deliveries {
        let report =
            tokio::time::timeout(Duration::from_secs(1), delivery).await.expect("flushed means settled");
        assert!(report.failed.is_empty(), "{:?}", report.failed);
    }
}

pub(crate) async fn close_writes_what_was_taken(fixture: &dyn Fixture) {
    let topic = unique("close");
    create(fixture, &topic, 1).await;
    let mut producer = producer(fixture, &[("linger.ms", "100")]).await;
    // Dropping the delivery does not withdraw the records.
    drop(producer.send(Arc::new(numbers(&topic, 0, 0..100)), false).await.unwrap());
    producer.close(PATIENCE).await.unwrap();
    assert_eq!(texts(&read_both(fixture, &topic).await), counted(0..100));
}

pub(crate) async fn a_malformed_setting_is_named(fixture: &dyn Fixture) {
    let producer = fixture.kafka().producer(&with(fixture, &[("max.block.ms", "soon")])).await.err();
    let consumer = fixture.kafka().consumer(&with(fixture, &[("auto.offset.reset", "middle")])).await.err();
    for (error, key) in [(producer, "max.block.ms"), (consumer, "auto.offset.reset")] {
        let error = error.unwrap_or_else(|| panic!("a malformed {key} was accepted"));
        assert_eq!(error.kind(), KafkaErrorKind::Config, "{error}");
        assert!(error.to_string().contains(key), "{error} does not name {key}");
    }
}

pub(crate) async fn an_empty_batch_is_settled_at_once(fixture: &dyn Fixture) {
    let mut producer = producer(fixture, &[]).await;
    let report = send(&mut *producer, Vec::new()).await;
    assert!(report.failed.is_empty() && report.positions.is_empty());
}
