//! Everything that is in a topic.

use std::time::Duration;

use bytes::Bytes;
use connect_api::data::java;
use connect_api::{Error, TopicPartition};
use connect_runtime::kafka::krafka::KrafkaClients;
use connect_runtime::kafka::{
    ClientProperties, Consumer, ConsumerEvent, ConsumerRecord, IsolationLevel, Kafka,
};

use super::members;
use crate::Json;
use crate::failure::{Answer, Failure};

/// How long a broker may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn dump(case: &Json) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::connect("start a runtime").with_source(error))?;
    runtime.block_on(async {
        match tokio::time::timeout(PATIENCE, read(case)).await {
            Ok(answer) => answer.map_err(Failure::from),
            Err(_) => Err(Error::connect("Timeout expired while reading the topic")
                .with_java_class("org.apache.kafka.common.errors.TimeoutException")
                .into()),
        }
    })
}

async fn read(case: &Json) -> Result<Json, Error> {
    let mut properties: ClientProperties =
        members(case.get("client")).iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    properties.insert("bootstrap.servers".to_owned(), case.text("bootstrap").unwrap_or_default());
    if let Some(isolation) = case.text("isolation") {
        properties.insert("isolation.level".to_owned(), isolation);
    }
    let isolation = match properties.get("isolation.level").map(String::as_str) {
        Some("read_committed") => IsolationLevel::ReadCommitted,
        _ => IsolationLevel::ReadUncommitted,
    };
    let topic = case.text("topic").unwrap_or_default();
    let kafka = KrafkaClients::new();
    let admin = kafka.admin(&properties).await?;
    let mut consumer = kafka.consumer(&properties).await?;
    let partitions = admin.describe_topic(&topic).await?.map_or(0, |topic| topic.partitions);
    let mut records = Vec::new();
    for partition in 0..partitions {
        let partition = TopicPartition::new(topic.as_str(), partition);
        let one = std::slice::from_ref(&partition);
        let offset = |offsets: connect_api::Offsets| offsets.get(&partition).copied().unwrap_or(0);
        let start = offset(admin.beginning_offsets(one).await?);
        let end = offset(admin.end_offsets(one, isolation).await?);
        read_partition(consumer.as_mut(), &partition, start, end, &mut records).await?;
    }
    consumer.close(Duration::from_secs(5)).await?;
    Ok(records.into())
}

async fn read_partition(
    consumer: &mut dyn Consumer,
    partition: &TopicPartition,
    start: i64,
    end: i64,
    records: &mut Vec<Json>,
) -> Result<(), Error> {
    if start >= end {
        return Ok(());
    }
    consumer.assign(std::slice::from_ref(partition)).await?;
    consumer.seek(partition, start).await?;
    let mut position = start;
    while position < end {
        let ConsumerEvent::Records(batches) = consumer.poll(Duration::from_millis(200)).await? else {
            continue;
        };
        for batch in batches.into_iter().filter(|batch| batch.partition == *partition) {
            records.extend(batch.records.iter().map(|record| written(partition.partition, record)));
            position = batch.next_offset;
        }
    }
    Ok(())
}

fn written(partition: i32, record: &ConsumerRecord) -> Json {
    let header = |(name, value): (&connect_api::Str, Option<&Bytes>)| {
        Json::from(vec![Json::from(name.as_str()), text(value)])
    };
    Json::object([
        ("partition", partition.into()),
        ("offset", record.offset.into()),
        ("timestamp", record.timestamp.into()),
        ("key", text(record.key.as_ref())),
        ("value", text(record.value.as_ref())),
        ("headers", record.headers.iter().map(header).collect()),
    ])
}

/// Text where the bytes are UTF-8, Base64 otherwise, and where the text could be taken for Base64.
fn text(bytes: Option<&Bytes>) -> Json {
    let text = |bytes: &Bytes| match std::str::from_utf8(bytes) {
        Ok(text) if !text.starts_with("base64:") => text.to_owned(),
        _ => format!("base64:{}", java::base64_encode(bytes)),
    };
    bytes.map(text).into()
}
