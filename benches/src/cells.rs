//! The cells of the table.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::atomic::Ordering;
use std::time::Duration;

use connect_api::Properties;
use connect_runtime::kafka::native::NativeClients;
use connect_runtime::kafka::{ConsumerEvent, Kafka, Subscription};
use connect_runtime::{Connect, State};
use krafka::consumer::AutoOffsetReset;

use crate::connectors::{self, TAKEN};
use crate::measure::{Figures, Watch};

pub(crate) const NAMES: [&str; 21] = [
    "produce raw client",
    "produce raw client in a task",
    "source ByteArray",
    // The same with the native producer.
    "source native ByteArray",
    // The same exactly once: a transaction for each poll, of 2000 records, or for half a second.
    "source exactly once ByteArray",
    "source exactly once by interval ByteArray",
    "source native exactly once ByteArray",
    "source native exactly once by interval ByteArray",
    "source String",
    "source JSON",
    "consume raw client",
    "consume raw client in a task",
    // The port's consumer alone, without an engine above it.
    "consume port in a task",
    "consume port native in a task",
    "sink ByteArray",
    "sink String",
    "sink JSON",
    "sink native ByteArray",
    "sink native String",
    "sink native JSON",
    "start to RUNNING",
];

/// The topic that the sinks read from its beginning. Every run of the raw producer appends to it, so its cell must
/// run first. The broker makes topics with one partition.
const TOPIC: &str = "bench-input";

pub(crate) async fn run(name: &str, servers: &str, records: u64) -> Result<Figures, Failed> {
    let client = if name.contains("native") { "native" } else { "krafka" };
    let converter = |name: &str| match name.rsplit(' ').next() {
        Some("ByteArray") => ("ByteArrayConverter", "bytes"),
        Some("String") => ("StringConverter", "string"),
        _ => ("JsonConverter", "json"),
    };
    match name {
        "produce raw client" => produce(servers, records).await,
        "consume raw client" => consume(servers, records).await,
        // As the engine runs it: on a worker thread of the runtime instead of the program's main thread.
        "produce raw client in a task" => {
            let servers = servers.to_owned();
            in_a_task(async move { produce(&servers, records).await }).await
        }
        "consume raw client in a task" => {
            let servers = servers.to_owned();
            in_a_task(async move { consume(&servers, records).await }).await
        }
        "consume port in a task" | "consume port native in a task" => {
            let servers = servers.to_owned();
            in_a_task(async move { consume_port(&servers, records, client).await }).await
        }
        "start to RUNNING" => start(servers).await,
        _ if name.starts_with("source") => {
            let exactly_once = name.contains("exactly once").then(|| match name.contains("interval") {
                true => "interval",
                false => "poll",
            });
            source(servers, records, converter(name), client, exactly_once).await
        }
        _ if name.starts_with("sink") => sink(servers, records, converter(name).0, client).await,
        _ => Err(format!("no cell {name}; there are: {}", NAMES.join(", ")).into()),
    }
}

type Failed = Box<dyn Error + Send + Sync>;

async fn in_a_task(
    cell: impl Future<Output = Result<Figures, Failed>> + Send + 'static,
) -> Result<Figures, Failed> {
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(cell);
    match tasks.join_next().await {
        Some(figures) => Ok(figures??),
        None => Err("no task".into()),
    }
}

async fn produce(servers: &str, records: u64) -> Result<Figures, Failed> {
    let kafka = krafka::Kafka::builder(servers).allow_auto_create_topics(true).connect().await?;
    // As the engine's adapter sets it by default.
    let producer = kafka
        .producer()
        .acks(krafka::producer::Acks::All)
        .idempotent(false)
        .batch_size(256 * 1024)
        .linger(Duration::from_millis(5))
        .build()
        .await?;
    let payloads = connectors::payloads();
    let watch = Watch::start();
    let mut handles = VecDeque::new();
    for n in 0..records {
        let record = krafka::Record::new(TOPIC, payloads[(n % 2000) as usize].clone());
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
    Ok(watch.stop(records))
}

async fn consume(servers: &str, records: u64) -> Result<Figures, Failed> {
    let kafka = krafka::Kafka::builder(servers).connect().await?;
    let consumer = kafka
        .consumer(format!("raw-{}", std::process::id()))
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .enable_auto_commit(false)
        .max_poll_records(500)
        .max_buffered_records(50_000)
        .fetch_max_wait(Duration::from_millis(50))
        .max_partition_fetch_bytes(1024 * 1024)
        .build()
        .await?;
    consumer.subscribe([TOPIC]).await?;
    let mut seen = 0;
    let mut watch = None;
    while seen < records {
        let batch = consumer.poll(Duration::from_secs(1)).await?;
        if !batch.is_empty() {
            watch.get_or_insert_with(Watch::start);
        }
        seen += batch.len() as u64;
    }
    consumer.close().await?;
    watch.map(|watch| watch.stop(seen)).ok_or_else(|| "nothing to consume".into())
}

/// The consumer as the engine uses it: every record's value is looked at.
async fn consume_port(servers: &str, records: u64, client: &str) -> Result<Figures, Failed> {
    let properties = [
        ("bootstrap.servers", servers),
        ("client", client),
        ("group.id", &format!("port-{}", std::process::id())),
        ("auto.offset.reset", "earliest"),
    ];
    let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let mut consumer = NativeClients::new().consumer(&properties).await?;
    consumer.subscribe(Subscription::Topics(vec![TOPIC.into()])).await?;
    let (mut seen, mut bytes) = (0, 0);
    let mut watch = None;
    while seen < records {
        let ConsumerEvent::Records(batches) = consumer.poll(Duration::from_secs(1)).await? else { continue };
        for batch in batches {
            watch.get_or_insert_with(Watch::start);
            seen += batch.records.len() as u64;
            bytes += batch.records.iter().filter_map(|record| record.value.as_ref()?.last()).count();
        }
    }
    let figures = watch.map(|watch| watch.stop(seen)).ok_or("nothing to consume")?;
    consumer.close(Duration::from_secs(5)).await?;
    if bytes as u64 == seen { Ok(figures) } else { Err("there are empty records".into()) }
}

async fn connect(
    servers: &str,
    converter: &str,
    client: &str,
    exactly_once: bool,
) -> Result<Connect, Failed> {
    // For trying settings: `BENCH_PROPERTIES="producer.batch.size=524288 offset.flush.interval.ms=1000"`.
    let extra = std::env::var("BENCH_PROPERTIES").unwrap_or_default();
    let extra: Properties = extra.split_whitespace().filter_map(|pair| pair.split_once('=')).collect();
    let mut builder = Connect::builder();
    if exactly_once {
        builder = builder
            .property("exactly.once.source.id", "bench")
            .property("offset.storage.topic", "bench-offsets")
            .property("offset.storage.replication.factor", "1");
    }
    Ok(builder
        .property("producer.client", client)
        .property("consumer.client", client)
        .properties(extra)
        .bootstrap_servers(servers)
        .property("key.converter", "ByteArrayConverter")
        .property("value.converter", converter)
        .property("value.converter.schemas.enable", "false")
        .plugins(connectors::register)
        .start()
        .await?)
}

async fn source(
    servers: &str,
    records: u64,
    (converter, shape): (&str, &str),
    client: &str,
    boundary: Option<&str>,
) -> Result<Figures, Failed> {
    let name = format!("bench-{shape}-{}", std::process::id());
    let connect = connect(servers, converter, client, boundary.is_some()).await?;
    let watch = Watch::start();
    connect
        .create(
            // Not one that an earlier run has left offsets of.
            &name,
            [
                ("connector.class", "BenchSource"),
                ("topic", &name),
                ("count", &records.to_string()),
                ("shape", shape),
                ("transaction.boundary", boundary.unwrap_or("poll")),
                ("transaction.boundary.interval.ms", "500"),
            ],
        )
        .await?;
    until(&connect, &name, || {
        connect
            .metrics(&name)
            .ok()
            .and_then(|tasks| tasks.first().map(|(_, metrics)| metrics.records_delivered))
            >= Some(records)
    })
    .await?;
    let figures = watch.stop(records);
    connect.shutdown().await?;
    Ok(figures)
}

async fn sink(servers: &str, records: u64, converter: &str, client: &str) -> Result<Figures, Failed> {
    let connect = connect(servers, converter, client, false).await?;
    let name = format!("sink-{}", std::process::id());
    connect.create(&name, [("connector.class", "CountSink"), ("topics", TOPIC)]).await?;
    until(&connect, &name, || TAKEN.load(Ordering::Relaxed) > 0).await?;
    let watch = Watch::start();
    let before = TAKEN.load(Ordering::Relaxed);
    until(&connect, &name, || TAKEN.load(Ordering::Relaxed) >= records).await?;
    let figures = watch.stop(TAKEN.load(Ordering::Relaxed) - before);
    connect.shutdown().await?;
    Ok(figures)
}

/// From nothing to a running task; the figure's seconds are the result.
async fn start(servers: &str) -> Result<Figures, Failed> {
    let watch = Watch::start();
    let connect = connect(servers, "ByteArrayConverter", "krafka", false).await?;
    connect
        .create(
            "source",
            [
                ("connector.class", "BenchSource"),
                ("topic", "bench-start"),
                ("count", "0"),
                ("shape", "bytes"),
            ],
        )
        .await?;
    connect.wait_for("source", State::Running, Duration::from_secs(10)).await?;
    let figures = watch.stop(1);
    connect.shutdown().await?;
    Ok(figures)
}

async fn until(connect: &Connect, name: &str, done: impl Fn() -> bool) -> Result<(), Failed> {
    while !done() {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let status = connect.status(name)?;
        let failed = std::iter::once(&status.connector)
            .chain(status.tasks.iter().map(|(_, status)| status))
            .find(|status| status.state == State::Failed);
        if let Some(failed) = failed {
            return Err(failed.trace.clone().unwrap_or_default().into());
        }
    }
    Ok(())
}
