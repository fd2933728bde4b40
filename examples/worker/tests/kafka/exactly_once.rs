//! Workers that are killed while they write exactly once: a reader of committed records sees each number once, in
//! order.

use std::collections::BTreeMap;
use std::env;
use std::hash::{BuildHasher as _, RandomState};
use std::process::Command;
use std::time::Duration;

use connect_api::TopicPartition;
use connect_runtime::kafka::krafka::KrafkaClients;
use connect_runtime::kafka::{Admin, Consumer, ConsumerEvent, IsolationLevel, Kafka as _};

use crate::broker;
use crate::process::Place;

const PARTITIONS: i32 = 4;
/// How long a whole run may take.
const PATIENCE: Duration = Duration::from_secs(1500);

/// What is killed, and when, is random; how often is not.
struct Run {
    records: u64,
    workers_killed: u64,
    brokers_killed: u64,
    /// `producer.client`; empty for the default.
    client: String,
    boundary: &'static str,
}

impl Run {
    fn place(&self, broker: &str) -> Place {
        let place = Place::new(broker, "once");
        let (name, client) = (&place.name, &self.client);
        let client = if client.is_empty() { String::new() } else { format!("producer.client={client}\n") };
        place.write(
            "worker.properties",
            &format!(
                "bootstrap.servers={broker}\n\
                 key.converter=org.apache.kafka.connect.storage.StringConverter\n\
                 value.converter=org.apache.kafka.connect.storage.StringConverter\n\
                 exactly.once.source.id={name}\n\
                 offset.storage.topic={name}-offsets\n\
                 offset.storage.partitions=5\noffset.storage.replication.factor=1\n{client}"
            ),
        );
        let (records, boundary) = (self.records, self.boundary);
        let schema = r#"{"type":"record","name":"numbered","fields":[{"name":"n","type":{"type":"long","arg.properties":{"iteration":{"start":0}}}}]}"#;
        place.write(
            "source.properties",
            &format!(
                "name={name}\nconnector.class=DatagenSource\nkafka.topic={name}\niterations={records}\n\
                 max.interval=0\nschema.string={schema}\nschema.keyfield=n\n\
                 exactly.once.support=required\n{boundary}\n\
                 errors.restart.mode=all\nerrors.restart.backoff.ms=200\n\
                 topic.creation.default.partitions={PARTITIONS}\ntopic.creation.default.replication.factor=1\n\
                 transforms=number\ntransforms.number.type=org.apache.kafka.connect.transforms.ExtractField$Value\n\
                 transforms.number.field=n\n"
            ),
        );
        place
    }

    async fn check(&self, broker: &str) {
        let place = self.place(broker);
        let kafka = Kafka::reach(broker, &place.name).await;
        // A worker dies when the log has grown so far; what was aborted counts, so that all of them do.
        let mut deaths = random_numbers(self.workers_killed, self.records * 9 / 10);
        let mut outages = random_numbers(self.brokers_killed, self.records * 9 / 10);
        let mut worker = place.start(&["source.properties"]);
        let (mut kills, mut failures) = (0, 0);
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert!(worker.runs(), "the worker has ended:\n{}", worker.log());
            let Some(written) = kafka.end(IsolationLevel::ReadUncommitted).await else { continue };
            if deaths.first().is_some_and(|death| written >= *death) {
                deaths.remove(0);
                kills += 1;
                failures += failed_tasks(&worker.log());
                worker.kill();
                worker = place.start(&["source.properties"]);
                continue;
            }
            if outages.first().is_some_and(|outage| written >= *outage) {
                outages.remove(0);
                restart_broker(broker);
                continue;
            }
            if deaths.is_empty() && kafka.is_complete(self.records).await {
                break;
            }
        }
        let (code, log) = worker.terminate();
        assert_eq!(code, 0, "{log}");
        failures += failed_tasks(&log);
        let seen = kafka.read().await;
        let mut all: Vec<u64> = seen.values().flatten().copied().collect();
        for (partition, numbers) in &seen {
            assert!(numbers.is_sorted_by(|a, b| a < b), "{partition} is not in order");
        }
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..self.records), "{} of {} records", all.len(), self.records);
        let written = kafka.end(IsolationLevel::ReadUncommitted).await.unwrap();
        println!(
            "{}: {} records once and in order after {kills} killed workers, {} killed brokers and {failures} failed tasks; \
             {written} positions in the log",
            place.name, self.records, self.brokers_killed
        );
    }
}

/// How often a task failed and was started again.
fn failed_tasks(log: &str) -> usize {
    log.matches("the task failed").count()
}

/// Sorted numbers below a bound.
fn random_numbers(count: u64, bound: u64) -> Vec<u64> {
    let random = RandomState::new();
    let mut numbers: Vec<u64> = (0..count).map(|index| random.hash_one(index) % bound).collect();
    numbers.sort_unstable();
    numbers
}

fn restart_broker(address: &str) {
    let script = env::var("CONNECT_TEST_KAFKA_SCRIPT").unwrap();
    let port = address.rsplit(':').next().unwrap();
    for command in ["kill9", "start"] {
        let done = Command::new(&script).args([command, "--port", port]).status().unwrap();
        assert!(done.success(), "{command}");
    }
}

/// The topic, seen from outside.
struct Kafka {
    admin: Box<dyn Admin>,
    consumer: tokio::sync::Mutex<Box<dyn Consumer>>,
    partitions: Vec<TopicPartition>,
}

impl Kafka {
    async fn reach(broker: &str, topic: &str) -> Self {
        let properties = BTreeMap::from([
            ("bootstrap.servers".to_owned(), broker.to_owned()),
            ("isolation.level".to_owned(), "read_committed".to_owned()),
            ("auto.offset.reset".to_owned(), "earliest".to_owned()),
        ]);
        let clients = KrafkaClients::new();
        Self {
            admin: clients.admin(&properties).await.unwrap(),
            consumer: tokio::sync::Mutex::new(clients.consumer(&properties).await.unwrap()),
            partitions: (0..PARTITIONS).map(|partition| TopicPartition::new(topic, partition)).collect(),
        }
    }

    /// The sum of the ends; `None` while nobody answers.
    async fn end(&self, isolation: IsolationLevel) -> Option<u64> {
        let ends = self.admin.end_offsets(&self.partitions, isolation).await.ok()?;
        Some(ends.values().map(|end| u64::try_from(*end).unwrap()).sum())
    }

    /// Nothing more comes: nothing is open, and the log has not grown for a while.
    async fn is_complete(&self, records: u64) -> bool {
        let Some(before) = self.end(IsolationLevel::ReadUncommitted).await else { return false };
        if before < records {
            return false;
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.end(IsolationLevel::ReadUncommitted).await == Some(before)
            && self.end(IsolationLevel::ReadCommitted).await == Some(before)
    }

    /// The numbers of each partition.
    async fn read(&self) -> BTreeMap<TopicPartition, Vec<u64>> {
        let ends = self.admin.end_offsets(&self.partitions, IsolationLevel::ReadCommitted).await.unwrap();
        let mut consumer = self.consumer.lock().await;
        consumer.assign(&self.partitions).await.unwrap();
        let mut seen = BTreeMap::<_, Vec<u64>>::new();
        let mut open: Vec<_> = self.partitions.clone();
        while !open.is_empty() {
            if let ConsumerEvent::Records(batches) = consumer.poll(Duration::from_millis(200)).await.unwrap()
            {
                for batch in batches {
                    let numbers = batch.records.iter().map(|record| {
                        std::str::from_utf8(record.value.as_deref().unwrap()).unwrap().parse::<u64>().unwrap()
                    });
                    seen.entry(batch.partition).or_default().extend(numbers);
                }
            }
            let mut left = Vec::new();
            for partition in open {
                if consumer.position(&partition).await.unwrap() < ends[&partition] {
                    left.push(partition);
                }
            }
            open = left;
        }
        seen
    }
}

fn run(run: &Run) {
    let Some(broker) = broker() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, run.check(&broker)).await.unwrap();
    });
}

#[test]
fn killed_workers_leave_each_record_exactly_once_with_the_client_krafka() {
    run(&Run {
        records: 30_000,
        workers_killed: 3,
        brokers_killed: 0,
        client: "krafka".to_owned(),
        boundary: "transaction.boundary=poll",
    });
}

#[test]
fn killed_workers_leave_each_record_exactly_once_with_longer_transactions() {
    run(&Run {
        records: 100_000,
        workers_killed: 3,
        brokers_killed: 0,
        client: String::new(),
        boundary: "transaction.boundary=interval\ntransaction.boundary.interval.ms=100",
    });
}

/// `CONNECT_TEST_CLIENT=krafka` for the other producer. It needs a broker that may be killed: start one with
/// `xtask/kafka/kafka start --port P`, and set `CONNECT_TEST_KAFKA` and `CONNECT_TEST_KAFKA_SCRIPT`.
#[test]
#[ignore = "takes minutes and kills the broker that it runs on"]
fn a_million_records_survive_killed_workers_and_brokers() {
    run(&Run {
        records: 1_000_000,
        workers_killed: 10,
        brokers_killed: 2,
        client: env::var("CONNECT_TEST_CLIENT").unwrap_or_default(),
        boundary: "transaction.boundary=poll",
    });
}
