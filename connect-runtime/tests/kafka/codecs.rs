//! What the native producer compresses, Kafka and its own tools can read.

use std::sync::Arc;

use bytes::Bytes;
use connect_api::RawHeaders;
use connect_runtime::kafka::{ClientProperties, NewTopic, ProducerRecord};

use super::broker::Broker;
use super::suite::tools::{read_topic, soon, unique};

/// Records of all kinds, enough for several blocks of every codec.
fn records(topic: &str) -> Vec<ProducerRecord> {
    let bytes = |text: String| Bytes::from(text.into_bytes());
    let record = |number: usize| {
        let mut headers = RawHeaders::new();
        if number.is_multiple_of(3) {
            headers.push("h", bytes(number.to_string()));
            headers.push("h", None);
        }
        ProducerRecord {
            topic: topic.into(),
            partition: Some(0),
            timestamp: Some(1_700_000_000_000 + (number as i64 * 7919) % 1000),
            key: number.is_multiple_of(2).then(|| bytes(format!("key-{number}"))),
            value: (!number.is_multiple_of(5))
                .then(|| bytes(format!("value-{number}-{}", "ab".repeat(number % 50)))),
            headers,
        }
    };
    (0..3000).map(record).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_batches_are_read_as_they_were_written() {
    let (Some(kafka), Some(broker)) = (super::native(), Broker::shared()) else {
        eprintln!("skipped: no broker, run cargo xtask kafka");
        return;
    };
    let plain = ClientProperties::from([("bootstrap.servers".to_owned(), broker.address().to_owned())]);
    let admin = kafka.admin(&plain).await.unwrap();
    let codecs = ["none", "gzip", "snappy", "lz4"];
    let zstd = cfg!(feature = "zstd").then_some("zstd");
    let codecs: Vec<_> = codecs.into_iter().chain(zstd).collect();
    // The producer compresses, or the broker does, which writes each batch anew.
    let by_producer = codecs.iter().map(|codec| (*codec, "producer"));
    let by_broker = codecs.iter().filter(|codec| **codec != "none").map(|codec| ("none", *codec));
    for (codec, at_broker) in by_producer.chain(by_broker) {
        let topic = unique(if at_broker == "producer" { codec } else { at_broker });
        let (partitions, replication_factor) = (Some(1), Some(1));
        // The records are old: the broker would soon remove them.
        let configs = [("retention.ms", "-1"), ("compression.type", at_broker)];
        let configs = configs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let new = NewTopic { name: topic.as_str().into(), partitions, replication_factor, configs };
        admin.create_topic(&new).await.unwrap();
        let mut properties = plain.clone();
        properties.insert("compression.type".to_owned(), codec.to_owned());
        // The log says how many batches there are: small ones, so that it is more than one.
        properties.insert("batch.size".to_owned(), "100000".to_owned());
        let mut producer = kafka.producer(&properties).await.unwrap();
        let records = records(&topic);
        let delivery = soon("there is room", producer.send(Arc::new(records.clone()), false)).await.unwrap();
        let report = soon("the batch is settled", delivery).await;
        assert!(report.failed.is_empty(), "{codec}, {at_broker}: {:?}", report.failed.first());

        let read = read_topic(&*kafka, &plain, &topic, false).await;
        assert_eq!(read.len(), records.len(), "{codec}, {at_broker}");
        for (record, (_, read)) in records.iter().zip(&read) {
            assert_eq!(
                (&read.key, &read.value, &read.headers),
                (&record.key, &record.value, &record.headers)
            );
            assert_eq!(Some(read.timestamp), record.timestamp, "{codec}, {at_broker}");
        }
        if let Some(lines) = broker.console_consumer(&topic, "read_committed").await {
            assert_eq!(lines.len(), records.len(), "Kafka's own consumer reads {codec}, {at_broker}");
            assert!(lines[2999].ends_with(&format!("value-2999-{}", "ab".repeat(49))), "{}", lines[2999]);
        }
    }
}
