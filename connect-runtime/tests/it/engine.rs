//! Pipelines on Kafka in memory, driven through the handle that applications hold.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use connect_api::config::{NoConfig, Properties};
use connect_api::{
    Error, Outcome, Plugins, Record, Schema, SchemaAndValue, SinkConnector, SinkConnectorContext, SinkRecord,
    SinkTask, SinkTaskContext, Transformation, async_trait,
};
use connect_runtime::application::{self, Delivered, RecordSender};
use connect_runtime::kafka::KafkaErrorKind;
use connect_runtime::kafka::memory::Operation;
use connect_runtime::{Connect, ConnectBuilder, MemoryKafka, State};
use tokio::sync::{Notify, mpsc};

const SOON: Duration = Duration::from_secs(30);

fn text(value: &str) -> SchemaAndValue {
    SchemaAndValue::new(Schema::STRING, value)
}

fn builder(kafka: &MemoryKafka) -> ConnectBuilder {
    Connect::builder()
        .memory(kafka.clone())
        .property("key.converter", "StringConverter")
        .property("value.converter", "StringConverter")
        .property("offset.flush.interval.ms", "1000")
}

/// A source `Orders` and a sink `Collect`.
fn ends(capacity: usize) -> (RecordSender, mpsc::Receiver<Vec<SinkRecord>>, impl FnOnce(&mut Plugins)) {
    let (sender, receiver) = application::channel(capacity);
    let (seen, collected) = mpsc::channel(1000);
    let register = move |plugins: &mut Plugins| {
        receiver.register(plugins, "Orders");
        application::sink(plugins, "Collect", move |batch: Vec<SinkRecord>| {
            let seen = seen.clone();
            async move {
                seen.send(batch).await.map_err(|_| Error::connect("the test is over"))?;
                Ok(())
            }
        });
    };
    (sender, collected, register)
}

async fn collect(collected: &mut mpsc::Receiver<Vec<SinkRecord>>, count: usize) -> Vec<String> {
    let mut values = Vec::new();
    while values.len() < count {
        let batch = tokio::time::timeout(SOON, collected.recv()).await.unwrap().unwrap();
        values.extend(batch.into_iter().map(|record| record.record.value.value.to_string()));
    }
    values
}

#[tokio::test(start_paused = true)]
async fn a_record_travels_from_the_application_through_kafka_and_back() {
    let kafka = MemoryKafka::new();
    let (sender, mut collected, register) = ends(10);
    let connect = builder(&kafka).plugins(register).start().await.unwrap();
    connect.create("in", [("connector.class", "Orders")]).await.unwrap();
    connect.create("out", [("connector.class", "Collect"), ("topics", "orders")]).await.unwrap();
    connect.wait_for("in", State::Running, SOON).await.unwrap();
    let mut acks = Vec::new();
    for i in 0..100 {
        acks.push(sender.send(Record::new("orders", text(&format!("order {i}")))).await.unwrap());
    }
    let values = collect(&mut collected, 100).await;
    assert_eq!(values, (0..100).map(|i| format!("order {i}")).collect::<Vec<_>>());
    for (i, ack) in acks.into_iter().enumerate() {
        let Delivered::Written(metadata) = ack.await.unwrap() else { panic!("dropped") };
        assert_eq!(metadata.offset, i as i64);
    }
    let report = connect.shutdown().await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    for (connector, _, metrics) in &report.tasks {
        assert_eq!((metrics.records_read, metrics.records_delivered), (100, 100), "{connector}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_asks_for_a_batch_again_gets_the_same_records() {
    let kafka = MemoryKafka::new();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    let connect = builder(&kafka)
        .plugins(move |plugins| {
            application::sink(plugins, "Moody", move |batch: Vec<SinkRecord>| {
                let seen = Arc::clone(&seen);
                async move {
                    let mut seen = seen.lock().unwrap();
                    seen.push(batch.iter().map(|record| record.original_offset()).collect::<Vec<_>>());
                    if seen.len() < 3 { Err(Error::retriable("busy")) } else { Ok(()) }
                }
            });
        })
        .start()
        .await
        .unwrap();
    for i in 0..5 {
        kafka.produce("t", None::<&str>, format!("{i}"));
    }
    connect.create("moody", [("connector.class", "Moody"), ("topics", "t")]).await.unwrap();
    let done = async {
        while connect
            .metrics("moody")
            .unwrap()
            .first()
            .is_none_or(|(_, metrics)| metrics.records_delivered < 5)
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(SOON, done).await.unwrap();
    let calls = calls.lock().unwrap();
    assert_eq!(calls[0], calls[1]);
    assert_eq!(calls[1], calls[2]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_waits_for_room_in_the_producer_still_goes_when_the_task_is_stopped() {
    let kafka = MemoryKafka::new();
    let (sender, _collected, register) = ends(10);
    let connect = builder(&kafka).plugins(register).start().await.unwrap();
    connect.create("in", [("connector.class", "Orders")]).await.unwrap();
    connect.wait_for("in", State::Running, SOON).await.unwrap();
    kafka.hold(Operation::Send);
    let ack = sender.send(Record::new("orders", text("late"))).await.unwrap();
    while connect.metrics("in").unwrap()[0].1.records_read == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let room = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        kafka.release(Operation::Send);
    };
    let (report, ()) = tokio::join!(connect.shutdown(), room);
    let report = report.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.tasks[0].2.records_delivered, 1);
    assert!(matches!(ack.await.unwrap(), Delivered::Written(_)));
}

#[tokio::test(start_paused = true)]
async fn the_lag_of_a_sink_is_what_its_partitions_still_hold() {
    let kafka = MemoryKafka::new();
    for i in 0..10 {
        kafka.produce("t", None::<&str>, format!("{i}"));
    }
    let (_sender, mut collected, register) = ends(10);
    let connect = builder(&kafka).plugins(register).start().await.unwrap();
    let config =
        [("connector.class", "Collect"), ("topics", "t"), ("consumer.override.max.poll.records", "1")];
    connect.create("sink", config).await.unwrap();
    let lag = || connect.metrics("sink").unwrap().first().and_then(|(_, metrics)| metrics.lag);
    assert_eq!(lag(), None);
    collect(&mut collected, 10).await;
    let none_left = async {
        while lag() != Some(0) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(SOON, none_left).await.unwrap();
    connect.shutdown().await.unwrap();
}

/// Its tasks do not start: they say so once they are allowed to.
struct Picky;

/// Whether a task of [`Picky`] began to start, and whether it may go on.
#[derive(Default)]
struct Door {
    reached: Notify,
    locked: Notify,
}

fn door() -> &'static Door {
    static DOOR: LazyLock<Door> = LazyLock::new(Door::default);
    &DOOR
}

#[async_trait]
impl SinkConnector for Picky {
    type Config = NoConfig;
    type Task = PickyTask;

    async fn start(_: NoConfig, _: SinkConnectorContext) -> connect_api::Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, _: usize) -> connect_api::Result<Vec<Properties>> {
        Ok(vec![Properties::new()])
    }
}

struct PickyTask;

#[async_trait]
impl SinkTask for PickyTask {
    type Config = NoConfig;

    async fn start(_: NoConfig, _: SinkTaskContext) -> connect_api::Result<Self> {
        door().reached.notify_one();
        door().locked.notified().await;
        Err(Error::connect("the door is locked"))
    }

    async fn put(&mut self, _: &[SinkRecord]) -> connect_api::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_task_that_does_not_start_never_joins_its_group() {
    let kafka = MemoryKafka::new();
    kafka.produce("t", None::<&str>, "record");
    let (_sender, mut collected, register) = ends(10);
    let connect = builder(&kafka)
        .plugins(register)
        .plugins(|plugins| {
            plugins.bundle("1").sink::<Picky>("Picky");
        })
        .start()
        .await
        .unwrap();
    connect.create("sink", [("connector.class", "Picky"), ("topics", "t")]).await.unwrap();
    door().reached.notified().await;
    // Long enough for a task that joins before it is started.
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(kafka.assignment("connect-sink").is_empty(), "a member before the task started");
    door().locked.notify_one();
    while connect.status("sink").unwrap().tasks.first().is_none_or(|(_, task)| task.state != State::Failed) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((kafka.calls(Operation::Subscribe), kafka.assignment("connect-sink").len()), (0, 0));
    connect.delete("sink").await.unwrap();

    // A connector of the same name has the same group; a dead member would hold the partition for 45 seconds.
    connect.create("sink", [("connector.class", "Collect"), ("topics", "t")]).await.unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(collect(&mut collected, 1).await, ["record"]);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    connect.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_finds_no_kafka_at_its_start_waits_for_it() {
    let kafka = MemoryKafka::new();
    let (sender, mut collected, register) = ends(10);
    let connect = builder(&kafka).plugins(register).start().await.unwrap();
    kafka.fail_next(Operation::Connect, 3, KafkaErrorKind::Unavailable);
    connect.create("in", [("connector.class", "Orders")]).await.unwrap();
    connect.create("out", [("connector.class", "Collect"), ("topics", "orders")]).await.unwrap();
    let ack = sender.send(Record::new("orders", text("late"))).await.unwrap();
    assert_eq!(collect(&mut collected, 1).await, ["late"]);
    assert!(matches!(ack.await.unwrap(), Delivered::Written(_)));
}

struct Refuse;

impl Transformation for Refuse {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> connect_api::Result<Self> {
        Ok(Self)
    }

    fn apply(&self, _: &mut Record) -> connect_api::Result<Outcome> {
        Err(Error::data("not this one"))
    }
}

#[tokio::test(start_paused = true)]
async fn the_trace_of_a_source_task_says_where_the_bad_record_came_from() {
    let (sender, _collected, register) = ends(10);
    let refuse = |plugins: &mut Plugins| {
        plugins.bundle("1").transformation::<Refuse>("Refuse");
    };
    let connect = builder(&MemoryKafka::new()).plugins(register).plugins(refuse).start().await.unwrap();
    let config = [("connector.class", "Orders"), ("transforms", "r"), ("transforms.r.type", "Refuse")];
    connect.create("in", config).await.unwrap();
    let _ack = sender.send(Record::new("orders", text("x"))).await.unwrap();
    let error = connect.wait_for("in", State::Paused, SOON).await.unwrap_err().to_string();
    for part in
        ["stage=TRANSFORMATION", "class=Refuse", "source_offset={\"sequence\": Int64(1)}", "not this one"]
    {
        assert!(error.contains(part), "{part} is not in {error}");
    }
}
