//! A worker with a hundred busy tasks under a budget of memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::{
    Properties, Record, Result, Schema, SchemaAndValue, SinkConnector, SinkConnectorContext, SinkRecord,
    SinkTask, SinkTaskContext, SourceConnector, SourceConnectorContext, SourceOffset, SourcePartition,
    SourceRecord, SourceTask, SourceTaskContext,
};
use connect_runtime::kafka::{ClientProperties, NewTopic};
use connect_runtime::{Connect, State};

use super::broker::Broker;
use super::suite::tools::unique;

const TASKS: usize = 50;
/// Of all sinks together.
const BYTES: u64 = 150 << 20;
const LIMIT: u64 = 512 << 20;
/// One record in so many is large.
const LARGE: i64 = 40;

fn numbered(tasks: usize) -> Vec<Properties> {
    (0..tasks).map(|task| Properties::from([("task", task.to_string())])).collect()
}

struct Busy;

struct BusyTask {
    topic: String,
    task: i32,
    next: i64,
}

#[async_trait]
impl SourceConnector for Busy {
    type Config = Properties;
    type Task = BusyTask;

    async fn start(_: Properties, _: SourceConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, tasks: usize) -> Result<Vec<Properties>> {
        Ok(numbered(tasks))
    }
}

#[async_trait]
impl SourceTask for BusyTask {
    type Config = Properties;

    async fn start(_: Properties, _: SourceTaskContext) -> Result<Self> {
        unreachable!("the plugin makes it")
    }

    // It always has records, and waits for nothing but room in the producer.
    async fn poll(&mut self, _: Duration) -> Result<Vec<SourceRecord>> {
        let partition = SourcePartition::of("task", i64::from(self.task));
        let records = (self.next..self.next + 20).map(|n| {
            let length = if n % LARGE == 0 { 100 << 10 } else { 1 << 10 };
            let value = SchemaAndValue::new(Schema::BYTES, Bytes::from(vec![n as u8; length]));
            let record = Record::new(self.topic.as_str(), value).with_kafka_partition(self.task);
            SourceRecord::new(partition.clone(), SourceOffset::of("n", n), record)
        });
        let records = records.collect();
        self.next += 20;
        Ok(records)
    }
}

struct Slow;

struct SlowTask(Arc<AtomicU64>);

#[async_trait]
impl SinkConnector for Slow {
    type Config = Properties;
    type Task = SlowTask;

    async fn start(_: Properties, _: SinkConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, tasks: usize) -> Result<Vec<Properties>> {
        Ok(numbered(tasks))
    }
}

#[async_trait]
impl SinkTask for SlowTask {
    type Config = Properties;

    async fn start(_: Properties, _: SinkTaskContext) -> Result<Self> {
        unreachable!("the plugin makes it")
    }

    // Slow enough that whatever may be fetched ahead is.
    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let length =
            |record: &SinkRecord| record.record.value.value.as_bytes().map_or(0, |bytes| bytes.len());
        self.0.fetch_add(records.iter().map(length).sum::<usize>() as u64, Relaxed);
        Ok(())
    }
}

/// The most memory that this process has had.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// `CONNECT_TEST_BUFFER_MEMORY` is another `tasks.buffer.memory`; `none` for no budget.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it needs a process of its own and half a minute: … --test kafka a_hundred_busy_tasks -- --ignored"]
async fn a_hundred_busy_tasks_run_in_half_a_gigabyte() {
    let (Some(kafka), Some(broker)) = (super::native(), Broker::shared()) else {
        return super::skipped();
    };
    let topic = unique("memory");
    let properties = ClientProperties::from([("bootstrap.servers".to_owned(), broker.address().to_owned())]);
    let new = NewTopic {
        name: topic.as_str().into(),
        partitions: Some(TASKS as i32),
        replication_factor: Some(1),
        configs: [].into(),
    };
    kafka.admin(&properties).await.unwrap().create_topic(&new).await.unwrap();
    let taken = Arc::new(AtomicU64::new(0));
    let (to, counter) = (topic.clone(), Arc::clone(&taken));
    let mut builder = Connect::builder()
        .kafka(kafka)
        .property("bootstrap.servers", broker.address())
        .property("key.converter", "ByteArrayConverter")
        .property("value.converter", "ByteArrayConverter")
        .property("offset.flush.interval.ms", "1000")
        .plugins(move |plugins| {
            plugins
                .bundle("1.0")
                .source_with::<Busy>("Busy", move |config, _| {
                    let task = config.get("task").and_then(|task| task.parse().ok()).unwrap_or_default();
                    let task = BusyTask { topic: to.clone(), task, next: 0 };
                    Box::pin(async move { Ok(Box::new(task) as Box<dyn SourceTask>) })
                })
                .sink_with::<Slow>("Slow", move |_, _| {
                    let task = SlowTask(Arc::clone(&counter));
                    Box::pin(async move { Ok(Box::new(task) as Box<dyn SinkTask>) })
                });
        });
    match std::env::var("CONNECT_TEST_BUFFER_MEMORY").as_deref() {
        Ok("none") => {}
        Ok(other) => builder = builder.property("tasks.buffer.memory", other),
        Err(_) => builder = builder.property("tasks.buffer.memory", "2097152"),
    }
    let connect = builder.start().await.unwrap();
    let tasks = TASKS.to_string();
    let sink = [("connector.class", "Slow"), ("topics", topic.as_str()), ("tasks.max", tasks.as_str())];
    connect.create(&format!("{topic}-sink"), sink).await.unwrap();
    connect.create(&topic, [("connector.class", "Busy"), ("tasks.max", tasks.as_str())]).await.unwrap();
    let enough = async {
        while taken.load(Relaxed) < BYTES {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let moved = tokio::time::timeout(Duration::from_secs(300), enough).await;
    for name in [&topic, &format!("{topic}-sink")] {
        let status = connect.status(name).unwrap();
        assert_eq!(status.tasks.len(), TASKS);
        assert!(status.tasks.iter().all(|(_, task)| task.state == State::Running), "{status:?}");
    }
    let (peak, taken) = (peak().unwrap_or_default(), taken.load(Relaxed));
    eprintln!("peak {} MB, {} MB taken", peak >> 20, taken >> 20);
    moved.unwrap();
    assert!(peak < LIMIT, "{} MB", peak >> 20);
    connect.shutdown().await.unwrap();
}
