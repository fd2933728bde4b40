//! Garbage for the internal topics of a cluster, and what a worker has to stand: for Kafka in memory and for a real
//! one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use connect_api::{
    Plugins, Properties, RawHeaders, Record, Result, Schema, SchemaAndValue, SourceConnector,
    SourceConnectorContext, SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext,
    async_trait,
};
use connect_runtime::kafka::{ClientProperties, Kafka, ProducerRecord};
use connect_runtime::{Connect, ConnectBuilder, State};

const LONG: Duration = Duration::from_secs(60);
const TOPICS: [&str; 3] = ["configs", "status", "offsets"];

/// Key and value.
type Entry = (Option<Vec<u8>>, Option<Vec<u8>>);

fn entry(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Entry {
    (Some(key.into()), Some(value.into()))
}

/// Records about `good` that must change nothing, and connectors that can only fail.
fn about_good(topic: &str) -> Vec<Entry> {
    let huge = || vec![b'['; 900_000];
    let text =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| entry(*key, *value)).collect::<Vec<_>>();
    let mut entries = match topic {
        "configs" => text(&[
            ("connector-good", "{garbage"),
            ("connector-good", "[]"),
            ("connector-good", ""),
            ("connector-good", r#"{"properties":{"connector.class":1}}"#),
            ("connector-good", r#"{"properties":null}"#),
            ("task-good-0", "nope"),
            ("task-good", r#"{"properties":{}}"#),
            ("task-good-99999999999999999999", r#"{"properties":{}}"#),
            ("commit-good", r#"{"tasks":-1}"#),
            ("commit-good", r#"{"tasks":"1"}"#),
            ("commit-good", r#"{"tasks":9223372036854775807}"#),
            ("target-state-good", "[]"),
            ("target-state-good", r#"{"state":"SLEEPING"}"#),
            ("session-key", "{}"),
            (
                "session-key",
                r#"{"key":"%%%","algorithm":"HmacSHA256","creation-timestamp":-9223372036854775808}"#,
            ),
            ("restart-connector-good", "{}"),
            ("restart-connector-good", r#"{"include-tasks":"yes","only-failed":null}"#),
            ("logger-cluster-x", r#"{"level":5}"#),
            ("logger-cluster-x", r#"{"level":"LOUD"}"#),
            ("tasks-fencing-good", r#"{"task-count":1e30}"#),
            ("nobody-knows", "{}"),
            ("", "x"),
            ("connector-poison", r#"{"properties":{}}"#),
            ("connector-poison2", r#"{"properties":{"connector.class":"Nope","tasks.max":"-1"}}"#),
        ]),
        "status" => text(&[
            ("status-connector-good", "{"),
            ("status-connector-good", r#"{"state":"NOPE","worker_id":"x","generation":1}"#),
            ("status-task-good-0", r#"{"state":5}"#),
            ("status-task-good-0", r#"{"state":"FAILED","worker_id":"x","generation":99999999999}"#),
            ("status-task-good-x", "{}"),
            ("status-topic-t", "{}"),
            ("status-topic-t:connector-good", "[]"),
            ("status-topic-t:connector-good", r#"{"topic":{"name":1}}"#),
            ("nobody-knows", "{}"),
        ]),
        _ => text(&[
            (r#"["good",{"n":1.5}]"#, "{}"),
            (r#"["good"]"#, "{}"),
            (r#"["good",[],{}]"#, "{}"),
            (r#"["good",{"other":1}]"#, "garbage"),
            (r#"["good",{"other":2}]"#, r#"{"n":[1]}"#),
            ("{}", "{}"),
            ("nope", "nope"),
        ]),
    };
    let first = match topic {
        "configs" => "connector-good",
        "status" => "status-connector-good",
        _ => r#"["good",{"other":3}]"#,
    };
    entries.push(entry(first, huge()));
    entries.push(entry(first, vec![0xff, 0xfe, b'{', b'}']));
    entries.push(entry(vec![0xff, 0x00, 0xfe], "{}"));
    entries.push(entry(vec![b'k'; 100_000], "{}"));
    entries
}

/// The same records every time: known and unknown keys of other connectors, with values that fit or do not, or none.
fn random(topic: &str, count: usize) -> Vec<Entry> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n as u64) as usize
    };
    let prefixes: &[&str] = match topic {
        "configs" => &[
            "connector-",
            "task-",
            "commit-",
            "target-state-",
            "restart-connector-",
            "tasks-fencing-",
            "logger-cluster-",
            "x-",
        ],
        "status" => &["status-connector-", "status-task-", "status-topic-", "status-", "x"],
        _ => &["[", "[\"a\",{\"b\":", "[\"a\",{}]", "\"", ""],
    };
    let names = ["p", "p-0", "p-1", "p-99999", "", "-", "ä", "\0", "t:connector-p", "1}]"];
    let values = [
        "",
        "{",
        "{}",
        "[]",
        "null",
        "true",
        "1e999",
        "\"x\"",
        r#"{"properties":{"connector.class":"Nope"}}"#,
        r#"{"properties":{"a":{}}}"#,
        r#"{"tasks":2}"#,
        r#"{"state":"PAUSED","state.v2":"STOPPED"}"#,
        r#"{"state":"RUNNING","trace":null,"worker_id":"gone:1","generation":2}"#,
        r#"{"level":"DEBUG","include-tasks":true,"only-failed":true,"task-count":3}"#,
        r#"{"topic":{"name":"t","connector":"p","task":0,"discoverTimestamp":1}}"#,
    ];
    (0..count)
        .map(|_| {
            let mut key =
                format!("{}{}", prefixes[below(prefixes.len())], names[below(names.len())]).into_bytes();
            if below(10) == 0 {
                key.push(below(256) as u8);
            }
            let value = match below(6) {
                0 => None,
                1 => Some((0..below(40)).map(|_| below(256) as u8).collect()),
                _ => Some(values[below(values.len())].as_bytes().to_vec()),
            };
            (Some(key), value)
        })
        .collect()
}

async fn write(kafka: &dyn Kafka, clients: &ClientProperties, topic: &str, entries: Vec<Entry>) {
    let mut producer = kafka.producer(clients).await.unwrap();
    for part in entries.chunks(100) {
        let record = |(key, value): &Entry| ProducerRecord {
            topic: topic.into(),
            partition: None,
            timestamp: None,
            key: key.clone().map(Bytes::from),
            value: value.clone().map(Bytes::from),
            headers: RawHeaders::default(),
        };
        let batch = Arc::new(part.iter().map(record).collect::<Vec<_>>());
        let failed = producer.send(batch, true).await.unwrap().await.failed;
        assert!(failed.is_empty(), "{failed:?}");
    }
    producer.close(Duration::from_secs(5)).await.unwrap();
}

/// How far the ticker is.
static TICKS: AtomicI64 = AtomicI64::new(0);
/// Where it began when it was started last.
static BEGAN: AtomicI64 = AtomicI64::new(-1);

/// A source that gives a number every few milliseconds.
struct Ticker(Properties);

#[async_trait]
impl SourceConnector for Ticker {
    type Config = Properties;
    type Task = Tick;

    async fn start(config: Properties, _: SourceConnectorContext) -> Result<Self> {
        Ok(Self(config))
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.0.clone()])
    }

    async fn stop(&mut self) -> Result<()> {
        Ok(())
    }
}

struct Tick(i64);

#[async_trait]
impl SourceTask for Tick {
    type Config = Properties;

    async fn start(_: Properties, context: SourceTaskContext) -> Result<Self> {
        let stored = context.offset_storage_reader().offset(&SourcePartition::of("ticker", 0_i64)).await?;
        let next = stored.and_then(|offset| offset.i64("n")).unwrap_or(0);
        BEGAN.store(next, SeqCst);
        Ok(Self(next))
    }

    async fn poll(&mut self, _: Duration) -> Result<Vec<SourceRecord>> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.0 += 1;
        TICKS.store(self.0, SeqCst);
        let record = Record::new("ticks", SchemaAndValue::new(Schema::STRING, self.0.to_string()));
        let (partition, offset) = (SourcePartition::of("ticker", 0_i64), SourceOffset::of("n", self.0));
        Ok(vec![SourceRecord::new(partition, offset, record)])
    }

    async fn stop(&mut self) -> Result<()> {
        Ok(())
    }
}

async fn start(kafka: ConnectBuilder) -> Connect {
    kafka
        .distributed()
        .properties(Properties::from([
            ("group.id", "poisoned"),
            ("key.converter", "StringConverter"),
            ("value.converter", "StringConverter"),
            ("config.storage.topic", TOPICS[0]),
            ("status.storage.topic", TOPICS[1]),
            ("offset.storage.topic", TOPICS[2]),
            ("offset.storage.partitions", "3"),
            ("status.storage.partitions", "2"),
            ("config.storage.replication.factor", "1"),
            ("status.storage.replication.factor", "1"),
            ("offset.storage.replication.factor", "1"),
            ("offset.flush.interval.ms", "200"),
            ("scheduled.rebalance.max.delay.ms", "0"),
            ("rest.advertised.host.name", "worker"),
            ("rest.advertised.port", "1"),
        ]))
        .plugins(|plugins: &mut Plugins| {
            plugins.bundle("1").source::<Ticker>("Ticker");
        })
        .start()
        .await
        .unwrap()
}

async fn runs(worker: &Connect, name: &str) {
    let wait = async {
        loop {
            let seen = worker.status(name);
            if seen.is_ok_and(|seen| {
                seen.connector.state == State::Running
                    && seen.tasks.len() == 1
                    && seen.tasks[0].1.state == State::Running
            }) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(LONG, wait).await;
    waited.unwrap_or_else(|_| panic!("{name} does not run: {:?}", worker.status(name)));
}

async fn ticks(further: i64) {
    let goal = TICKS.load(SeqCst) + further;
    let wait = async {
        while TICKS.load(SeqCst) < goal {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.expect("the ticker stands still");
}

/// Does what a worker refuses while its group forms anew.
async fn settled<T>(what: impl AsyncFn() -> connect_runtime::Result<T>) -> T {
    let done = async {
        loop {
            match what().await {
                Err(connect_runtime::Error::Conflict(_)) => {
                    tokio::time::sleep(Duration::from_millis(50)).await
                }
                done => return done.unwrap(),
            }
        }
    };
    tokio::time::timeout(LONG, done).await.expect("the group does not settle")
}

/// One worker hears garbage on all three topics while its connectors run, another one reads it when it starts: both
/// go on. `amount`: how many random records each topic gets.
pub(crate) async fn workers_stand_garbage(
    builder: impl Fn() -> ConnectBuilder,
    kafka: &dyn Kafka,
    clients: &ClientProperties,
    amount: usize,
) {
    let ticker = || Properties::from([("connector.class", "Ticker"), ("tasks.max", "1")]);
    let worker = start(builder()).await;
    settled(async || worker.create("good", ticker()).await).await;
    runs(&worker, "good").await;
    ticks(5).await;
    for topic in TOPICS {
        let mut entries = about_good(topic);
        entries.extend(random(topic, amount));
        write(kafka, clients, topic, entries).await;
    }
    // A write is acknowledged when everything before it was read.
    let late = || ticker().with("tasks.max", "2");
    settled(async || worker.create_or_replace("late", late()).await).await;
    runs(&worker, "late").await;
    settled(async || worker.delete("late").await).await;
    runs(&worker, "good").await;
    assert_eq!(worker.status("good").unwrap().connector.worker_id, "worker:1");
    settled(async || worker.pause("good").await).await;
    worker.wait_for("good", State::Paused, LONG).await.unwrap();
    settled(async || worker.resume("good").await).await;
    runs(&worker, "good").await;
    ticks(50).await;
    let offsets = worker.offsets("good").await.unwrap();
    assert!(format!("{offsets:?}").contains("ticker"), "{offsets:?}");
    assert!(worker.shutdown().await.unwrap().is_clean());

    let worker = start(builder()).await;
    runs(&worker, "good").await;
    ticks(5).await;
    assert!(BEGAN.load(SeqCst) > 5, "it goes on where it was: {}", BEGAN.load(SeqCst));
    assert!(worker.shutdown().await.unwrap().is_clean());
}
