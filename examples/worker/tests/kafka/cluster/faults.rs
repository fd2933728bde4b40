//! Workers die, come, go, lose their way to Kafka, and Kafka itself restarts: every task runs once, all run in the end,
//! nothing is lost. The times are printed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use connect_api::Properties;
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::site::{Kind, Site};
use super::topics::{self, Topics};
use super::trail::{self, Watch};

const CONNECTORS: usize = 20;
const TASKS: usize = 5;
const SETTINGS: &str = "scheduled.rebalance.max.delay.ms=10000\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    /// Sources, whose tasks leave a trail of numbers.
    Datagen,
    /// File sinks, which Java has as well.
    Sinks,
}

impl Load {
    fn config(self, site: &Site, name: &str) -> Json {
        let config = match self {
            Self::Datagen => Properties::from([
                ("connector.class", "DatagenSource"),
                ("kafka.topic", name),
                ("max.interval", "400"),
                ("random.seed", "7"),
                (
                    "schema.string",
                    r#"{"type":"record","name":"r","fields":[{"name":"n","type":{"type":"long","arg.properties":{"iteration":{"start":0}}}},{"name":"r","type":"long"}]}"#,
                ),
                ("topic.creation.default.partitions", "1"),
                ("topic.creation.default.replication.factor", "1"),
            ]),
            Self::Sinks => Properties::from([
                ("connector.class", "org.apache.kafka.connect.file.FileStreamSinkConnector"),
                ("topics", "lines"),
                ("file", site.path(&format!("{name}.txt")).as_str()),
            ]),
        };
        let members = config.iter().map(|(key, value)| (key.to_owned(), Json::from(value)));
        let mut config: serde_json::Map<String, Json> = members.collect();
        config.insert("tasks.max".to_owned(), TASKS.to_string().into());
        json!({ "name": name, "config": config })
    }
}

/// Writes numbers until it is told to end; answers how many of them are surely there.
async fn feed(broker: String, mut stop: tokio::sync::watch::Receiver<bool>) -> u64 {
    let topics = Topics::reach(&broker).await;
    let mut producer = topics.producer().await;
    let mut next = 0_u64;
    while !*stop.borrow() {
        let numbers: Vec<String> = (next..next + 10).map(|number| number.to_string()).collect();
        while !topics::write(&mut producer, "lines", &numbers).await {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        next += 10;
        let _ = tokio::time::timeout(Duration::from_millis(500), stop.changed()).await;
    }
    next
}

async fn run(kind: Kind, load: Load) {
    let Some(mut site) = Site::start(SETTINGS).await else { return };
    let names: Vec<String> = (0..CONNECTORS).map(|number| format!("c{number}")).collect();
    let connectors: BTreeMap<String, usize> = names.iter().map(|name| (name.clone(), TASKS)).collect();
    let topics = Topics::reach(&site.broker_address()).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut feeder = JoinSet::new();
    if load == Load::Sinks {
        topics.create("lines", i32::try_from(TASKS).unwrap()).await;
        feeder.spawn(feed(site.broker_address(), stopped));
    }
    let since = Instant::now();
    for node in 0..3 {
        site.launch(node, kind);
    }
    for node in 0..3 {
        site.answers(node).await;
    }
    println!("{kind:?}, {load:?}: three workers answer after {:.1} s", since.elapsed().as_secs_f64());
    let watch = Watch::start((0..4).filter(|_| kind == Kind::Rust).map(|node| (node, site.rest_port(node))));

    let since = Instant::now();
    for (at, name) in names.iter().enumerate() {
        let node = u16::try_from(at % 3).unwrap();
        site.ask(node, "POST", "/connectors", Some(load.config(&site, name))).await;
    }
    site.settled("20 connectors are created", since, &[0, 1, 2], &connectors).await;

    let since = Instant::now();
    site.kill(1);
    site.settled("a worker is killed", since, &[0, 2], &connectors).await;

    let since = Instant::now();
    site.launch(1, kind);
    site.settled("a worker is added", since, &[0, 1, 2], &connectors).await;

    let since = Instant::now();
    let took = site.terminate(2).await;
    println!("a worker ends after {:.1} s", took.as_secs_f64());
    site.settled("a worker is stopped", since, &[0, 1], &connectors).await;

    let since = Instant::now();
    site.launch(2, kind);
    site.settled("it is back", since, &[0, 1, 2], &connectors).await;

    let since = Instant::now();
    site.proxies[1].cut();
    site.settled("a worker is cut off from Kafka", since, &[0, 2], &connectors).await;
    let since = Instant::now();
    site.proxies[1].heal();
    site.settled("it finds Kafka again", since, &[0, 1, 2], &connectors).await;

    site.broker("kill9");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let since = Instant::now();
    site.broker("start");
    println!("Kafka is back after {:.1} s", since.elapsed().as_secs_f64());
    let since = Instant::now();
    let topics = Topics::reach(&site.broker_address()).await;
    site.settled("Kafka has restarted", since, &[0, 1, 2], &connectors).await;
    flows(&site, &topics, load, &names, since).await;

    match load {
        Load::Datagen => {
            for node in 0..3 {
                site.terminate(node).await;
            }
            let mut total = 0;
            for name in &names {
                let records = topics.read(name).await;
                total += trail::gaps(&records, TASKS).unwrap_or_else(|why| panic!("{name}: {why}"));
            }
            let back = trail::steps_back(&topics.read("cluster-offsets").await);
            println!("{total} records, none missing");
            assert!(back.is_empty(), "offsets went back: {back:#?}");
        }
        Load::Sinks => {
            stop.send_replace(true);
            let written = feeder.join_next().await.unwrap().unwrap();
            site.until("all numbers are in all files", async |site| {
                for name in &names {
                    let text = site.read(&format!("{name}.txt"));
                    let seen: BTreeSet<u64> = text.lines().filter_map(|line| line.parse().ok()).collect();
                    if let Some(missing) = (0..written).find(|number| !seen.contains(number)) {
                        return Err(format!("{name} has {} of {written}, not {missing}", seen.len()));
                    }
                }
                Ok(())
            })
            .await;
            println!("{written} records in each of {CONNECTORS} files, none missing");
        }
    }
    if kind == Kind::Rust {
        let twice = watch.twice();
        println!("{} looks at the workers, {} tasks seen on two of them", watch.count(), twice.len());
        assert!(twice.is_empty(), "{twice:?}");
    }
}

/// Waits until every connector has moved something since now.
async fn flows(site: &Site, topics: &Topics, load: Load, names: &[String], since: Instant) {
    let size = async |site: &Site, name: &str| match load {
        Load::Datagen => usize::try_from(topics.size(name).await).unwrap(),
        Load::Sinks => site.read(&format!("{name}.txt")).len(),
    };
    let mut before = BTreeMap::new();
    for name in names {
        before.insert(name, size(site, name).await);
    }
    let flows = site
        .until("records flow", async |site| {
            for (name, before) in &before {
                if size(site, name).await <= *before {
                    return Err(format!("{name} stands still"));
                }
            }
            Ok(())
        })
        .await;
    println!("records flow in all connectors {:.1} s after Kafka was back", (flows - since).as_secs_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: cargo xtask cluster"]
async fn a_hundred_tasks_survive_whatever_happens_to_three_workers() {
    run(Kind::Rust, Load::Datagen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: cargo xtask cluster"]
async fn a_hundred_sink_tasks_survive_whatever_happens_to_three_workers() {
    run(Kind::Rust, Load::Sinks).await;
}

/// The same on genuine Java workers, to compare the times with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: cargo xtask cluster java_workers"]
async fn the_same_of_three_java_workers() {
    run(Kind::Java, Load::Sinks).await;
}
