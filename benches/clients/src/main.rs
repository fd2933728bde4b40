//! The producers of several Kafka clients on the same work: one process, one producer, the same records of 100 bytes.
//!
//! `connect-bench-clients CLIENT SERVERS` measures one client; with `all` in the place of its name it runs every one in
//! turn, each in a process of its own, and prints a table.

#[path = "../../src/measure.rs"]
mod measure;

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use confluent_kafka::common::serialization::ByteArraySerializer;
use confluent_kafka::producer::{
    KafkaProducer, Producer as _, ProducerConfig, ProducerRecord as Record, ProducerRecordOptionsBuilder,
};
use connect_api::RawHeaders;
use connect_runtime::kafka::native::NativeClients;
use connect_runtime::kafka::{Kafka as _, ProducerRecord};
use rskafka::client::ClientBuilder;
use rskafka::client::partition::{Compression, UnknownTopicHandling};

use measure::{Figures, Watch};

type Failed = Box<dyn Error + Send + Sync>;

const CLIENTS: [&str; 4] = ["krafka", "confluent-kafka", "rskafka", "native"];
const TOPIC: &str = "bench-clients";
const BATCH: usize = 128 * 1024;
const LINGER_MS: u64 = 5;
const MEMORY: usize = 64 * 1024 * 1024;
/// How many records one call hands to a client that takes batches.
const TOGETHER: usize = 2_000;
const USAGE: &str = "connect-bench-clients all|CLIENT SERVERS [RECORDS [none|lz4 [RUNS]]]";

fn main() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let argument = |at: usize, default: &str| args.get(at).cloned().unwrap_or_else(|| default.to_owned());
    let (client, servers) = (argument(0, ""), argument(1, ""));
    if client.is_empty() || servers.is_empty() {
        return Err(USAGE.into());
    }
    let records: usize = argument(2, "3000000").parse()?;
    let (compression, runs) = (argument(3, "none"), argument(4, "3").parse()?);
    if client == "all" {
        return table(&servers, records, &compression, runs);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let figures = runtime.block_on(async move {
        // On a worker thread of the runtime, where every client's own tasks run too.
        tokio::spawn(async move { produce(&client, &servers, records, &compression).await }).await?
    })?;
    println!("{}", figures.to_line());
    Ok(())
}

fn table(servers: &str, records: usize, compression: &str, runs: usize) -> Result<(), Failed> {
    let program = std::env::current_exe()?;
    let mut all = CLIENTS.map(|_| Vec::new());
    for _ in 0..runs {
        for (client, figures) in CLIENTS.iter().zip(&mut all) {
            let output =
                Command::new(&program).args([client, servers, &records.to_string(), compression]).output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            let measured = text
                .lines()
                .last()
                .and_then(Figures::from_line)
                .ok_or_else(|| format!("{client}: {}", String::from_utf8_lossy(&output.stderr)))?;
            figures.push(measured);
        }
    }
    println!("| client, {compression} | records/s: median (min–max) | CPU µs per record | peak RSS MB |");
    println!("| --- | ---: | ---: | ---: |");
    for (client, figures) in CLIENTS.iter().zip(&mut all) {
        figures.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
        let median = figures[figures.len() / 2];
        println!(
            "| {client} | {:.0}k ({:.0}–{:.0}k) | {:.2} | {:.0} |",
            median.rate() / 1e3,
            figures[0].rate() / 1e3,
            figures[figures.len() - 1].rate() / 1e3,
            median.cpu_micros_per_record(),
            median.peak_mb,
        );
    }
    Ok(())
}

/// A hundred bytes each, two thousand different ones.
fn payloads() -> Vec<Bytes> {
    let text = |n: usize| {
        let mut text = format!("{{\"id\":{n},\"name\":\"customer {}\",\"city\":\"", n * 7919 % 10_007);
        while text.len() < 98 {
            text.push(char::from(b'a' + (text.len() * 31 + n * 17) as u8 % 26));
        }
        text + "\"}"
    };
    (0..TOGETHER).map(|n| Bytes::from(text(n))).collect()
}

async fn produce(client: &str, servers: &str, records: usize, compression: &str) -> Result<Figures, Failed> {
    let payloads = payloads();
    match client {
        "krafka" => krafka_client(servers, records, compression, &payloads).await,
        "confluent-kafka" => confluent(servers, records, compression, &payloads).await,
        "rskafka" => rskafka_client(servers, records, compression, &payloads).await,
        "native" => native(servers, records, compression, &payloads).await,
        other => Err(format!("no client {other}; there are {}", CLIENTS.join(", ")).into()),
    }
}

async fn krafka_client(
    servers: &str,
    records: usize,
    compression: &str,
    payloads: &[Bytes],
) -> Result<Figures, Failed> {
    let kafka = krafka::Kafka::builder(servers).allow_auto_create_topics(true).connect().await?;
    let codec = match compression {
        "lz4" => krafka::Compression::Lz4,
        _ => krafka::Compression::None,
    };
    let producer = kafka
        .producer()
        .acks(krafka::producer::Acks::All)
        .idempotent(true)
        .compression(codec)
        .batch_size(BATCH)
        .linger(Duration::from_millis(LINGER_MS))
        .build()
        .await?;
    let _ = producer.send(krafka::Record::new(TOPIC, payloads[0].clone()).partition(0)).await?;
    let watch = Watch::start();
    let mut handles = VecDeque::new();
    for n in 0..records {
        let record = krafka::Record::new(TOPIC, payloads[n % TOGETHER].clone()).partition(0);
        handles.push_back(producer.enqueue(record).await?);
        if handles.len() > 50_000
            && let Some(handle) = handles.pop_front()
        {
            let _ = handle.await?;
        }
    }
    for handle in handles {
        let _ = handle.await?;
    }
    Ok(watch.stop(records as u64))
}

async fn confluent(
    servers: &str,
    records: usize,
    compression: &str,
    payloads: &[Bytes],
) -> Result<Figures, Failed> {
    let properties = [
        ("bootstrap.servers", servers),
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("compression.type", compression),
        ("batch.size", &BATCH.to_string()),
        ("linger.ms", &LINGER_MS.to_string()),
        ("buffer.memory", &MEMORY.to_string()),
    ];
    let properties: HashMap<_, _> =
        properties.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let producer: KafkaProducer<Vec<u8>, Vec<u8>> = KafkaProducer::new(
        ProducerConfig::new(&properties)?,
        ByteArraySerializer::new(),
        ByteArraySerializer::new(),
    )?;
    let record = |value: &'static [u8]| -> Result<Record<&'static [u8], &'static [u8]>, Failed> {
        let options = ProducerRecordOptionsBuilder::new()
            .set_topic(TOPIC.to_owned())
            .set_partition(Some(0))
            .set_value(Some(value))
            .build()?;
        Ok(Record::with_options(options)?)
    };
    let payloads: Vec<&'static [u8]> = payloads.iter().map(|payload| &*payload.to_vec().leak()).collect();
    producer.send(record(payloads[0])?, None).await?.get().await?;
    let watch = Watch::start();
    let mut handles = VecDeque::new();
    for n in 0..records {
        handles.push_back(producer.send(record(payloads[n % TOGETHER])?, None).await?);
        if handles.len() > 50_000
            && let Some(handle) = handles.pop_front()
        {
            handle.get().await?;
        }
    }
    for handle in handles {
        handle.get().await?;
    }
    let figures = watch.stop(records as u64);
    producer.close().await?;
    Ok(figures)
}

/// Calls with batches of the same size, one in flight, which is how that client keeps order.
async fn rskafka_client(
    servers: &str,
    records: usize,
    compression: &str,
    payloads: &[Bytes],
) -> Result<Figures, Failed> {
    let client = ClientBuilder::new(vec![servers.to_owned()]).build().await?;
    let partition = client.partition_client(TOPIC, 0, UnknownTopicHandling::Retry).await?;
    let codec = match compression {
        "lz4" => Compression::Lz4,
        _ => Compression::NoCompression,
    };
    let watch = Watch::start();
    let mut sent = 0;
    while sent < records {
        let now = Utc::now();
        let together = payloads
            .iter()
            .take(records - sent)
            .map(|payload| rskafka::record::Record {
                key: None,
                value: Some(payload.to_vec()),
                headers: Default::default(),
                timestamp: now,
            })
            .collect::<Vec<_>>();
        sent += together.len();
        partition.produce(together, codec).await?;
    }
    Ok(watch.stop(records as u64))
}

async fn native(
    servers: &str,
    records: usize,
    compression: &str,
    payloads: &[Bytes],
) -> Result<Figures, Failed> {
    let properties = [
        ("bootstrap.servers", servers),
        ("client", "native"),
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("compression.type", compression),
        ("batch.size", &BATCH.to_string()),
        ("buffer.memory", &MEMORY.to_string()),
    ];
    let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let mut producer = NativeClients::new().producer(&properties).await?;
    let watch = Watch::start();
    let mut deliveries = VecDeque::new();
    let mut sent = 0;
    while sent < records {
        let together: Vec<_> = payloads
            .iter()
            .take(records - sent)
            .map(|payload| ProducerRecord {
                topic: TOPIC.into(),
                partition: Some(0),
                timestamp: None,
                key: None,
                value: Some(payload.clone()),
                headers: RawHeaders::new(),
            })
            .collect();
        sent += together.len();
        deliveries.push_back(producer.send(Arc::new(together), false).await?);
        if deliveries.len() * TOGETHER > 50_000
            && let Some(delivery) = deliveries.pop_front()
        {
            settled(delivery.await)?;
        }
    }
    for delivery in deliveries {
        settled(delivery.await)?;
    }
    let figures = watch.stop(records as u64);
    producer.close(Duration::from_secs(5)).await?;
    Ok(figures)
}

fn settled(report: connect_runtime::kafka::SendReport) -> Result<(), Failed> {
    match report.failed.into_iter().next() {
        Some((_, error)) => Err(error.into()),
        None => Ok(()),
    }
}
