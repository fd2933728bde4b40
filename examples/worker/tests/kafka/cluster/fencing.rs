//! Sources that write exactly once, in clusters: tasks move, workers freeze and come back, and a reader of committed
//! records sees each record once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::mixed::append;
use super::site::{Kind, Site};
use super::topics::Topics;
use super::trail::Watch;

const SETTINGS: &str = "exactly.once.source.support=enabled\nscheduled.rebalance.max.delay.ms=2000\n\
                        session.timeout.ms=6000\nheartbeat.interval.ms=1000\n";
const RECORDS: i64 = 8_000;
const TASKS: usize = 4;

fn numbered(name: &str, tasks: usize) -> Json {
    json!({
        "connector.class": "DatagenSource",
        "tasks.max": tasks.to_string(),
        "kafka.topic": name,
        "iterations": RECORDS.to_string(),
        "max.interval": "20",
        "random.seed": "7",
        "exactly.once.support": "required",
        "schema.string": r#"{"type":"record","name":"r","fields":[{"name":"n","type":{"type":"long","arg.properties":{"iteration":{"start":0}}}},{"name":"r","type":"long"}]}"#,
        "topic.creation.default.partitions": "1",
        "topic.creation.default.replication.factor": "1",
    })
}

/// Restarts what failed: a task whose producer was fenced fails, as in Java.
async fn heal(site: &Site, connectors: &BTreeMap<String, usize>) {
    for name in connectors.keys() {
        site.ask(
            site.live()[0],
            "POST",
            &format!("/connectors/{name}/restart?includeTasks=true&onlyFailed=true"),
            None,
        )
        .await;
    }
}

/// Where the first task of a connector runs.
async fn owner(site: &Site, name: &str) -> Option<u16> {
    let answer = site.get(site.live()[0], &format!("/connectors/{name}/status")).await.ok()?;
    let worker = answer.json()["tasks"][0]["worker_id"].as_str()?.to_owned();
    site.live().into_iter().find(|node| site.worker_id(*node) == worker)
}

/// Freezes a worker until the others have all that it had, and lets it go on.
async fn freeze(site: &Site, node: u16, connectors: &BTreeMap<String, usize>) {
    let others: Vec<u16> = site.live().into_iter().filter(|other| *other != node).collect();
    site.pause(node);
    site.settled("a worker is frozen", Instant::now(), &others, connectors).await;
    site.resume(node);
    tokio::time::sleep(Duration::from_secs(8)).await;
    heal(site, connectors).await;
    site.settled("it goes on", Instant::now(), &site.live(), connectors).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: cargo xtask cluster fencing"]
async fn tasks_that_move_and_workers_that_freeze_leave_each_record_once() {
    let Some(mut site) = Site::start(SETTINGS).await else { return };
    for node in 0..3 {
        site.add(node, Kind::Rust).await;
    }
    let watch = Watch::start((0..3).map(|node| (node, site.rest_port(node))));
    let names = ["a", "b", "c"];
    let mut connectors: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        let body = json!({ "name": name, "config": numbered(name, TASKS) });
        site.ask(0, "POST", "/connectors", Some(body)).await;
        connectors.insert(name.to_owned(), TASKS);
    }
    site.settled("three connectors are created", Instant::now(), &[0, 1, 2], &connectors).await;

    site.kill(1);
    site.settled("a worker is killed", Instant::now(), &[0, 2], &connectors).await;
    site.add(1, Kind::Rust).await;
    site.settled("it is back", Instant::now(), &[0, 1, 2], &connectors).await;
    freeze(&site, 2, &connectors).await;
    for tasks in [2, TASKS] {
        for name in names {
            site.ask(1, "PUT", &format!("/connectors/{name}/config"), Some(numbered(name, tasks))).await;
            connectors.insert(name.to_owned(), tasks);
        }
        site.settled("the number of tasks has changed", Instant::now(), &[0, 1, 2], &connectors).await;
    }
    // The leader, too: the others elect another one.
    let leader = site.leader().await;
    site.kill(leader);
    let others = site.live();
    site.settled("the leader is killed", Instant::now(), &others, &connectors).await;

    let topics = Topics::reach(&site.broker_address()).await;
    let expected = usize::try_from(RECORDS).unwrap() * TASKS;
    for name in names {
        site.until("all records are committed", async |_| {
            // The ends count aborted records and markers, too: only a look at the records tells.
            let size = usize::try_from(topics.size(name).await).unwrap();
            if size < expected {
                return Err(format!("{name}: not more than {size} of {expected}"));
            }
            let there: usize = topics.read(name).await.values().map(Vec::len).sum();
            if there >= expected { Ok(()) } else { Err(format!("{name}: {there} of {expected}")) }
        })
        .await;
    }
    // Let the last transactions end.
    tokio::time::sleep(Duration::from_secs(5)).await;
    for node in site.live() {
        site.terminate(node).await;
    }
    for name in names {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for (_, value) in topics.read(name).await.into_values().flatten() {
            *times.entry(value).or_default() += 1;
        }
        let more: Vec<_> = times.iter().filter(|(_, times)| **times > 1).take(5).collect();
        assert!(more.is_empty(), "{name} has records more than once: {more:?}");
        assert_eq!(times.len(), expected, "{name}");
    }
    assert!(watch.twice().is_empty(), "seen on two workers: {:?}", watch.twice());
    println!("{} records of {} connectors, each once", expected * names.len(), names.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes and needs Java workers: cargo xtask cluster mixed_cluster_writes_once"]
async fn a_mixed_cluster_writes_once() {
    let Some(mut site) = Site::start(SETTINGS).await else { return };
    for (node, kind) in [(0, Kind::Java), (2, Kind::Rust), (3, Kind::Rust)] {
        site.add(node, kind).await;
    }
    let names = ["a", "b", "c"];
    let mut connectors: BTreeMap<String, usize> = BTreeMap::new();
    let mut lines = 0;
    for name in names {
        append(&site, &format!("{name}.in"), 0..0);
        let config = json!({
            "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
            "tasks.max": "1",
            "file": site.path(&format!("{name}.in")),
            "topic": name,
            "exactly.once.support": "required",
        });
        site.ask(2, "POST", "/connectors", Some(json!({ "name": name, "config": config }))).await;
        connectors.insert(name.to_owned(), 1);
    }
    let topics = Topics::reach(&site.broker_address()).await;
    site.settled("three connectors are created", Instant::now(), &[0, 2, 3], &connectors).await;
    let mut moves = Vec::new();
    for node in [0, 2, 3, 0, 3] {
        for name in names {
            append(&site, &format!("{name}.in"), lines..lines + 500);
        }
        lines += 500;
        let kind = site.nodes[&node].kind;
        let had: Vec<&str> = {
            let mut had = Vec::new();
            for name in names {
                if owner(&site, name).await == Some(node) {
                    had.push(name);
                }
            }
            had
        };
        moves.push(format!("{had:?} off {kind:?}, led by {:?}", site.nodes[&site.leader().await].kind));
        site.kill(node);
        let others = site.live();
        site.settled(&format!("a {kind:?} worker is killed"), Instant::now(), &others, &connectors).await;
        site.add(node, kind).await;
        heal(&site, &connectors).await;
        site.settled("it is back", Instant::now(), &site.live(), &connectors).await;
    }
    for node in [3, 0] {
        freeze(&site, node, &connectors).await;
        for name in names {
            append(&site, &format!("{name}.in"), lines..lines + 500);
        }
        lines += 500;
    }
    let expected: Vec<String> = (0..lines).map(|line| format!("line {line}")).collect();
    for name in names {
        site.until("all lines are committed", async |_| {
            let seen: Vec<String> =
                topics.read(name).await.into_values().flatten().map(|(_, value)| value).collect();
            if seen.len() < expected.len() {
                return Err(format!("{name}: {} of {}", seen.len(), expected.len()));
            }
            assert!(seen == expected, "{name}: {} lines, not once and in order", seen.len());
            Ok(())
        })
        .await;
    }
    println!("{lines} lines of {} connectors, once and in order; moved: {moves:#?}", names.len());
}
