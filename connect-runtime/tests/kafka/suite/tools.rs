//! What clauses are made of: clients, records, reading to the end.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connect_api::{RawHeaders, TopicPartition};
use connect_runtime::kafka::{
    Admin, ClientProperties, Consumer, ConsumerEvent, ConsumerRecord, IsolationLevel, Kafka, KafkaError,
    KafkaErrorKind, NewTopic, PartitionRecords, Producer, ProducerRecord, Result, SendReport,
};
use tokio::time::{Instant, timeout};

use super::Fixture;

/// No clause waits longer for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a poll waits here.
pub(crate) const WAIT: Duration = Duration::from_millis(500);

/// A name that no other test and no earlier run has used.
pub(crate) fn unique(prefix: &str) -> String {
    format!("{prefix}-{:016x}", RandomState::new().build_hasher().finish())
}

/// What a clause may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Groups,
    Transactions,
    Idempotence,
    ExactHeaders,
    ReadsPastMarkers,
    TopicConfigs,
    GroupAdmin,
    Security,
}

/// Whether the implementation declares a capability. If it does not, checks that asking for it is refused clearly.
pub(crate) async fn can(fixture: &dyn Fixture, need: Need) -> bool {
    let can = fixture.kafka().capabilities();
    let declared = match need {
        Need::Groups => can.groups,
        Need::Transactions => can.transactions,
        Need::Idempotence => can.idempotence,
        Need::ExactHeaders => can.exact_headers,
        Need::ReadsPastMarkers => can.reads_past_markers,
        Need::TopicConfigs => can.topic_configs,
        Need::GroupAdmin => can.group_admin,
        Need::Security => can.security,
    };
    if !declared {
        let refusal = ask_for(fixture, need).await;
        // Headers are refused record by record: those that it can write are welcome.
        let kind = if need == Need::ExactHeaders {
            KafkaErrorKind::InvalidRecord
        } else {
            KafkaErrorKind::Unsupported
        };
        let refused = matches!(&refusal, Err(error) if error.kind() == kind);
        assert!(refused, "{} lacks {need:?}, yet asking for it gives {refusal:?}", can.name);
    }
    declared
}

/// Uses a capability in the simplest way.
async fn ask_for(fixture: &dyn Fixture, need: Need) -> Result<()> {
    let topic = unique("capability");
    match need {
        Need::Groups => {
            let consumer = fixture.kafka().consumer(&with(fixture, &[("group.id", &topic)])).await?;
            subscribe(consumer, &topic).await
        }
        Need::Transactions => {
            let mut producer =
                fixture.kafka().producer(&with(fixture, &[("transactional.id", &topic)])).await?;
            producer.init_transactions().await
        }
        Need::Idempotence => {
            fixture.kafka().producer(&with(fixture, &[("enable.idempotence", "true")])).await.map(drop)
        }
        Need::ExactHeaders => {
            create(fixture, &topic, 1).await;
            let mut producer = producer(fixture, &[]).await;
            let mut record = record(&topic, 0, Some("k"), Some("v"));
            record.headers.push("twice", Bytes::from_static(b"1"));
            record.headers.push("twice", None);
            let mut report = send(&mut *producer, vec![record]).await;
            report.failed.pop().map_or(Ok(()), |(_, error)| Err(error))
        }
        Need::ReadsPastMarkers => {
            create(fixture, &topic, 1).await;
            let Some(mut writer) = transactional_producer(fixture, &topic).await else {
                panic!("nobody here can write a transaction, so the refusal cannot be tested")
            };
            commit_one(&mut *writer, &topic).await;
            let mut consumer = reader(fixture, &topic, 1, &[]).await;
            let start = Instant::now();
            while start.elapsed() < PATIENCE {
                consumer.poll(WAIT).await?;
            }
            Ok(())
        }
        Need::TopicConfigs => {
            let configs = BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
            let topic = NewTopic { configs, ..new_topic(&topic, 1) };
            admin(fixture).await.create_topic(&topic).await
        }
        Need::GroupAdmin => admin(fixture).await.list_group_offsets(&topic).await.map(drop),
        Need::Security => {
            let tls = with(fixture, &[("security.protocol", "SSL")]);
            fixture.kafka().producer(&tls).await.map(drop)
        }
    }
}

async fn subscribe(mut consumer: Box<dyn Consumer>, topic: &str) -> Result<()> {
    consumer.subscribe(connect_runtime::kafka::Subscription::Topics(vec![topic.into()])).await
}

/// The fixture's settings and some more.
pub(crate) fn with(fixture: &dyn Fixture, more: &[(&str, &str)]) -> ClientProperties {
    let mut properties = fixture.properties();
    properties.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    properties
}

/// A producer of the implementation under test: idempotent where it can be.
pub(crate) async fn producer(fixture: &dyn Fixture, more: &[(&str, &str)]) -> Box<dyn Producer> {
    let kafka = fixture.kafka();
    let idempotence = if kafka.capabilities().idempotence { "true" } else { "false" };
    let mut properties = with(fixture, &[("acks", "all"), ("enable.idempotence", idempotence)]);
    properties.extend(with(fixture, more));
    kafka.producer(&properties).await.unwrap()
}

/// An initialised transactional producer of whoever can make one.
pub(crate) async fn transactional_producer(fixture: &dyn Fixture, id: &str) -> Option<Box<dyn Producer>> {
    let able = [Some(fixture.kafka()), fixture.other()];
    let kafka = able.into_iter().flatten().find(|kafka| kafka.capabilities().transactions)?;
    let properties =
        with(fixture, &[("acks", "all"), ("enable.idempotence", "true"), ("transactional.id", id)]);
    let mut producer = kafka.producer(&properties).await.unwrap();
    producer.init_transactions().await.unwrap();
    Some(producer)
}

pub(crate) async fn consumer(fixture: &dyn Fixture, more: &[(&str, &str)]) -> Box<dyn Consumer> {
    let mut properties = with(fixture, &[("auto.offset.reset", "earliest")]);
    properties.extend(with(fixture, more));
    fixture.kafka().consumer(&properties).await.unwrap()
}

/// A consumer of a group that notices changes fast.
pub(crate) async fn member(fixture: &dyn Fixture, group: &str, more: &[(&str, &str)]) -> Box<dyn Consumer> {
    let mut all = vec![
        ("group.id", group),
        ("enable.auto.commit", "false"),
        ("session.timeout.ms", "10000"),
        ("heartbeat.interval.ms", "500"),
    ];
    all.extend_from_slice(more);
    consumer(fixture, &all).await
}

/// A consumer without a group at the beginning of all partitions of a topic.
pub(crate) async fn reader(
    fixture: &dyn Fixture,
    topic: &str,
    partitions: i32,
    more: &[(&str, &str)],
) -> Box<dyn Consumer> {
    let mut consumer = consumer(fixture, more).await;
    consumer.assign(&partitions_of(topic, partitions)).await.unwrap();
    consumer
}

pub(crate) async fn admin(fixture: &dyn Fixture) -> Box<dyn Admin> {
    fixture.kafka().admin(&fixture.properties()).await.unwrap()
}

pub(crate) fn partitions_of(topic: &str, partitions: i32) -> Vec<TopicPartition> {
    (0..partitions).map(|partition| TopicPartition::new(topic, partition)).collect()
}

pub(crate) fn new_topic(name: &str, partitions: i32) -> NewTopic {
    let partitions = Some(partitions);
    NewTopic { name: name.into(), partitions, replication_factor: Some(1), configs: BTreeMap::new() }
}

/// Creates a topic and waits until it can be seen.
pub(crate) async fn create(fixture: &dyn Fixture, name: &str, partitions: i32) {
    create_with(fixture, new_topic(name, partitions)).await;
}

pub(crate) async fn create_with(fixture: &dyn Fixture, topic: NewTopic) {
    let admin = admin(fixture).await;
    admin.create_topic(&topic).await.unwrap();
    eventually("the new topic can be seen", async || {
        // The leader may still be on its way although the topic is known.
        let known = admin.describe_topic(&topic.name).await.ok().flatten().map(|found| found.partitions);
        known == topic.partitions
            && admin.beginning_offsets(&partitions_of(&topic.name, known.unwrap_or(0))).await.is_ok()
    })
    .await;
}

/// Asks until the answer is yes.
pub(crate) async fn eventually(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !ask().await {
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits for something that must happen.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("not within {PATIENCE:?}: {what}"),
    }
}

pub(crate) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn record(topic: &str, partition: i32, key: Option<&str>, value: Option<&str>) -> ProducerRecord {
    ProducerRecord {
        topic: topic.into(),
        partition: Some(partition),
        timestamp: None,
        key: key.map(bytes),
        value: value.map(bytes),
        headers: RawHeaders::new(),
    }
}

/// Records with these numbers as values, all for one partition.
pub(crate) fn numbers(topic: &str, partition: i32, range: std::ops::Range<usize>) -> Vec<ProducerRecord> {
    range.map(|number| record(topic, partition, None, Some(&number.to_string()))).collect()
}

/// Sends a batch and waits for its fate.
pub(crate) async fn send(producer: &mut dyn Producer, batch: Vec<ProducerRecord>) -> SendReport {
    let delivery = soon("the batch is taken", producer.send(Arc::new(batch), true)).await.unwrap();
    soon("the batch is settled", delivery).await
}

/// Sends a batch that must be written.
pub(crate) async fn write(producer: &mut dyn Producer, batch: Vec<ProducerRecord>) {
    let report = send(producer, batch).await;
    assert!(report.failed.is_empty(), "not written: {:?}", report.failed);
}

/// Writes one record in a transaction of its own.
pub(crate) async fn commit_one(producer: &mut dyn Producer, topic: &str) {
    producer.begin_transaction().await.unwrap();
    write(producer, numbers(topic, 0, 0..1)).await;
    soon("the transaction is committed", producer.commit_transaction()).await.unwrap();
}

/// A poll that must bring records, possibly none; what it says of itself is checked.
pub(crate) async fn poll(consumer: &mut dyn Consumer) -> Vec<PartitionRecords> {
    match poll_event(consumer).await.unwrap() {
        ConsumerEvent::Records(batches) => batches,
        event => panic!("records were expected, not {event:?}"),
    }
}

pub(crate) async fn poll_event(consumer: &mut dyn Consumer) -> Result<ConsumerEvent, KafkaError> {
    let event = soon("the poll returns", consumer.poll(WAIT)).await;
    if let Ok(ConsumerEvent::Records(batches)) = &event {
        for batch in batches {
            check_batch(batch);
        }
    }
    event
}

fn check_batch(batch: &PartitionRecords) {
    let offsets: Vec<_> = batch.records.iter().map(|record| record.offset).collect();
    assert!(
        offsets.is_sorted_by(|a, b| a < b),
        "offsets of {} are not ascending: {offsets:?}",
        batch.partition
    );
    if let Some(last) = offsets.last() {
        assert!(
            batch.next_offset > *last,
            "{}: next offset {} after {last}",
            batch.partition,
            batch.next_offset
        );
    }
}

/// Records with the partition they came from.
pub(crate) type Read = Vec<(i32, ConsumerRecord)>;

/// Reads until `count` records have come, and a little longer for those that should not.
pub(crate) async fn read(consumer: &mut dyn Consumer, count: usize) -> Read {
    let mut read = Read::new();
    soon(&format!("{count} records are read"), async {
        while read.len() < count {
            take(&mut read, poll(consumer).await);
        }
    })
    .await;
    take(&mut read, poll(consumer).await);
    assert_eq!(read.len(), count, "more records than there should be: {:?}", texts(&read));
    read
}

fn take(read: &mut Read, batches: Vec<PartitionRecords>) {
    for batch in batches {
        read.extend(batch.records.into_iter().map(|record| (batch.partition.partition, record)));
    }
}

/// Everything in a topic up to its end offsets, read by an implementation from the beginning.
pub(crate) async fn read_topic(
    kafka: &dyn Kafka,
    properties: &ClientProperties,
    topic: &str,
    committed: bool,
) -> Read {
    let isolation = if committed { IsolationLevel::ReadCommitted } else { IsolationLevel::ReadUncommitted };
    let admin = kafka.admin(properties).await.unwrap();
    let partitions = admin.describe_topic(topic).await.unwrap().expect("the topic exists").partitions;
    let partitions = partitions_of(topic, partitions);
    let ends = admin.end_offsets(&partitions, isolation).await.unwrap();
    let mut properties = properties.clone();
    properties.insert("auto.offset.reset".to_owned(), "earliest".to_owned());
    if committed {
        properties.insert("isolation.level".to_owned(), "read_committed".to_owned());
    }
    let mut consumer = kafka.consumer(&properties).await.unwrap();
    consumer.assign(&partitions).await.unwrap();
    let mut read = Read::new();
    let mut left: BTreeMap<_, _> = ends.into_iter().filter(|(_, end)| *end > 0).collect();
    soon(&format!("{topic} is read to its end by {}", kafka.capabilities().name), async {
        while !left.is_empty() {
            let batches = poll(&mut *consumer).await;
            left.retain(|partition, end| {
                !batches.iter().any(|batch| batch.partition == *partition && batch.next_offset >= *end)
            });
            take(&mut read, batches);
        }
    })
    .await;
    let _ = consumer.close(PATIENCE).await;
    read
}

/// Everything in a topic, read by the implementation under test and compared with what another one reads.
pub(crate) async fn read_both(fixture: &dyn Fixture, topic: &str) -> Read {
    let properties = fixture.properties();
    let own = read_topic(fixture.kafka(), &properties, topic, false).await;
    let null_headers = own.iter().any(|(_, record)| record.headers.iter().any(|(_, value)| value.is_none()));
    let other = fixture.other().filter(|other| other.capabilities().exact_headers || !null_headers);
    if let Some(other) = other {
        let exact = other.capabilities().exact_headers && fixture.kafka().capabilities().exact_headers;
        let comparable = |read: &Read| {
            let mut read = read.clone();
            read.sort_by_key(|(partition, record)| (*partition, record.offset));
            if !exact {
                read.iter_mut().for_each(|(_, record)| record.headers = RawHeaders::new());
            }
            read
        };
        let others = read_topic(other, &properties, topic, false).await;
        assert_eq!(comparable(&own), comparable(&others), "two implementations read {topic} differently");
    }
    own
}

/// The values as text, in the order they were read.
pub(crate) fn texts(read: &Read) -> Vec<String> {
    read.iter().map(|(_, record)| text(record)).collect()
}

pub(crate) fn text(record: &ConsumerRecord) -> String {
    record.value.as_deref().map_or("(null)".to_owned(), |value| String::from_utf8_lossy(value).into_owned())
}

/// `0, 1, 2 …` as texts.
pub(crate) fn counted(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}
