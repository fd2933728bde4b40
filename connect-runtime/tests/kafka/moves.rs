//! Several brokers, and leaders that move between them while records are written and read.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use connect_api::TopicPartition;
use connect_runtime::kafka::{ClientProperties, ConsumerEvent, Kafka, NewTopic, Producer};
use tokio::process::Command;

use super::broker::{free_port, script};
use super::suite::tools::{WAIT, counted, eventually, numbers, read_topic, soon, text, texts, unique};

/// Three brokers; the first one is the controller, too, and stays.
struct Cluster {
    script: PathBuf,
    ports: [u16; 3],
}

/// Sixteen bytes in base 64, as every cluster id.
const CLUSTER: &str = "AconnectTestCluster01w";

impl Cluster {
    async fn start() -> Option<Self> {
        std::env::var_os("CONNECT_TEST_KAFKA")?;
        let script = script()?;
        let first = free_port(6);
        let cluster = Self { script, ports: [first, first + 2, first + 4] };
        for number in 0..3 {
            cluster.tell(number, "start").await;
        }
        Some(cluster)
    }

    fn address(&self) -> String {
        self.ports.map(|port| format!("127.0.0.1:{port}")).join(",")
    }

    async fn tell(&self, number: usize, command: &str) {
        let port = self.ports[number];
        let mut settings = vec![
            format!("controller.quorum.voters=1@127.0.0.1:{}", self.ports[0] + 1),
            // A broker that is killed is missed soon.
            "broker.session.timeout.ms=3000".to_owned(),
            "broker.heartbeat.interval.ms=500".to_owned(),
            "replica.lag.time.max.ms=5000".to_owned(),
        ];
        if number > 0 {
            settings.push("process.roles=broker".to_owned());
            settings.push(format!("node.id={}", number + 1));
            settings.push(format!("listeners=PLAINTEXT://127.0.0.1:{port}"));
        }
        let mut tool = Command::new(&self.script);
        tool.args([command, "--port", &port.to_string()]).env("KAFKA_CLUSTER_ID", CLUSTER);
        tool.env("KAFKA_HEAP_OPTS", "-Xms128m -Xmx512m");
        for setting in settings.iter().filter(|_| command == "start") {
            tool.args(["--set", setting]);
        }
        let status = tool.stdin(Stdio::null()).stdout(Stdio::null()).status().await.unwrap();
        assert!(status.success(), "{command} of broker {}: {status}", number + 1);
    }

    /// Brings leaders back to where the topic was made: a move without a failure.
    async fn elect(&self) {
        let class = "org.apache.kafka.tools.LeaderElectionCommand";
        let output = Command::new(&self.script)
            .args(["java", class, "--bootstrap-server", &self.address()])
            .args(["--election-type", "preferred", "--all-topic-partitions"])
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for port in self.ports {
            let _ =
                std::process::Command::new(&self.script).args(["stop", "--port", &port.to_string()]).status();
        }
    }
}

/// Writes numbers to all partitions until told to stop, and answers how many each has.
async fn write(producer: &mut dyn Producer, topic: &str, acked: &AtomicUsize, stop: &AtomicBool) -> usize {
    let mut deliveries = std::collections::VecDeque::new();
    let mut next = 0;
    while !stop.load(Ordering::SeqCst) || next < 5_000 {
        let batch: Vec<_> = (0..3).flat_map(|partition| numbers(topic, partition, next..next + 20)).collect();
        let delivery = soon("there is room", producer.send(Arc::new(batch), false)).await.unwrap();
        deliveries.push_back(delivery);
        next += 20;
        if deliveries.len() > 100
            && let Some(delivery) = deliveries.pop_front()
        {
            let report = soon("a batch is settled", delivery).await;
            assert!(report.failed.is_empty(), "the producer gave up: {:?}", report.failed.first());
            acked.fetch_add(1, Ordering::SeqCst);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for delivery in deliveries {
        let report = soon("a batch is settled", delivery).await;
        assert!(report.failed.is_empty(), "the producer gave up: {:?}", report.failed.first());
    }
    next
}

/// Reads while leaders move, until all that was written is there: everything, once, in order.
async fn follow(kafka: &dyn Kafka, servers: &ClientProperties, topic: &str, count: &AtomicUsize) {
    let mut properties = servers.clone();
    properties.insert("auto.offset.reset".to_owned(), "earliest".to_owned());
    let mut consumer = kafka.consumer(&properties).await.unwrap();
    let partitions = [0, 1, 2].map(|number| TopicPartition::new(topic, number));
    soon("partitions are assigned", consumer.assign(&partitions)).await.unwrap();
    let mut next = [0; 3];
    while next.iter().any(|next| *next < count.load(Ordering::SeqCst)) {
        let event = soon("a poll comes back", consumer.poll(WAIT)).await.unwrap();
        let ConsumerEvent::Records(batches) = event else { panic!("{event:?}") };
        for batch in batches {
            let next = &mut next[usize::try_from(batch.partition.partition).unwrap()];
            for record in &batch.records {
                assert_eq!(text(record), next.to_string(), "{}", batch.partition);
                *next += 1;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_follow_leaders_that_move_and_none_is_lost_doubled_or_overtaken() {
    let (Some(kafka), Some(cluster)) = (super::native(), Cluster::start().await) else {
        eprintln!("skipped: no broker, run cargo xtask kafka");
        return;
    };
    follows_leaders(&*kafka, &cluster).await;
}

async fn follows_leaders(kafka: &dyn Kafka, cluster: &Cluster) {
    let topic = unique("moves");
    let mut properties = ClientProperties::from([
        ("bootstrap.servers".to_owned(), cluster.address()),
        ("enable.idempotence".to_owned(), "true".to_owned()),
        ("acks".to_owned(), "all".to_owned()),
        ("delivery.timeout.ms".to_owned(), "180000".to_owned()),
        ("request.timeout.ms".to_owned(), "10000".to_owned()),
    ]);
    let admin = kafka.admin(&properties).await.unwrap();
    let new = NewTopic {
        name: topic.as_str().into(),
        partitions: Some(3),
        replication_factor: Some(3),
        configs: [("min.insync.replicas".to_owned(), "2".to_owned())].into(),
    };
    eventually("all brokers have registered", async || admin.create_topic(&new).await.is_ok()).await;

    let mut producer = kafka.producer(&properties).await.unwrap();
    let (acked, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let writing = write(&mut *producer, &topic, &acked, &stop);
    let moving = async {
        let more = async |what: &str| {
            let before = acked.load(Ordering::SeqCst);
            eventually(what, async || acked.load(Ordering::SeqCst) > before + 20).await;
        };
        more("records are written").await;
        for number in [1, 2] {
            cluster.tell(number, "kill9").await;
            more("the others take over").await;
            cluster.tell(number, "start").await;
            more("records are written after the broker is back").await;
        }
        cluster.elect().await;
        more("records are written after leaders moved back").await;
        // Stopped in order: leaders leave before it goes.
        cluster.tell(1, "stop").await;
        more("records are written after a broker left").await;
        cluster.tell(1, "start").await;
        cluster.elect().await;
        stop.store(true, Ordering::SeqCst);
    };
    let done = AtomicUsize::new(usize::MAX);
    let writing = async {
        let count = writing.await;
        done.store(count, Ordering::SeqCst);
        count
    };
    let servers = ClientProperties::from([("bootstrap.servers".to_owned(), cluster.address())]);
    let following = follow(kafka, &servers, &topic, &done);
    let (count, (), ()) = tokio::join!(writing, moving, following);
    soon("the producer closes", producer.close(Duration::from_secs(30))).await.unwrap();

    properties.retain(|key, _| key == "bootstrap.servers");
    let read = read_topic(kafka, &properties, &topic, false).await;
    for partition in 0..3 {
        let of_partition = read.iter().filter(|(number, _)| *number == partition).cloned().collect();
        assert_eq!(texts(&of_partition), counted(0..count), "partition {partition}");
    }
}
