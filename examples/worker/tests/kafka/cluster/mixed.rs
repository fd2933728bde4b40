//! Java and Rust workers in one group: what one writes the other understands, whoever leads and whoever dies; and in
//! the end the Java workers leave.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::site::{Kind, Site};

const SETTINGS: &str = "scheduled.rebalance.max.delay.ms=5000\n";
/// Pairs of a source and a sink.
const PAIRS: usize = 4;

struct Mixed {
    site: Site,
    /// How many lines each source has got.
    lines: usize,
    connectors: BTreeMap<String, usize>,
}

fn source(site: &Site, name: &str) -> Json {
    json!({
        "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
        "tasks.max": "1",
        "file": site.path(&format!("{name}.in")),
        "topic": name,
    })
}

fn sink(site: &Site, name: &str, topic: &str) -> Json {
    json!({
        "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "tasks.max": "1",
        "topics": topic,
        "file": site.path(&format!("{name}.out")),
        "consumer.override.metadata.max.age.ms": "1000",
    })
}

pub(super) fn append(site: &Site, file: &str, lines: impl Iterator<Item = usize>) {
    let mut file = File::options().append(true).create(true).open(site.path(file)).unwrap();
    for line in lines {
        writeln!(file, "line {line}").unwrap();
    }
}

impl Mixed {
    fn nodes(&self, kind: Kind) -> Vec<u16> {
        self.site.nodes.iter().filter(|(_, node)| node.kind == kind).map(|(node, _)| *node).collect()
    }

    async fn create(&mut self, node: u16, name: &str, config: Json) {
        let body = json!({ "name": name, "config": config });
        self.site.ask(node, "POST", "/connectors", Some(body)).await;
        self.connectors.insert(name.to_owned(), 1);
    }

    async fn settled(&self, what: &str) {
        self.site.settled(what, Instant::now(), &self.site.live(), &self.connectors).await;
    }

    /// Lines that are written now arrive.
    async fn flows(&mut self) {
        let before = self.lines;
        self.lines += 20;
        for pair in 0..PAIRS {
            append(&self.site, &format!("source{pair}.in"), before..self.lines);
        }
        let lines = self.lines;
        self.site
            .until("lines arrive", async |site| {
                for pair in 0..PAIRS {
                    let text = site.read(&format!("sink{pair}.out"));
                    let seen: std::collections::BTreeSet<&str> = text.lines().collect();
                    if let Some(missing) =
                        (0..lines).find(|line| !seen.contains(format!("line {line}").as_str()))
                    {
                        return Err(format!("sink{pair} has {} of {lines} lines, not {missing}", seen.len()));
                    }
                }
                Ok(())
            })
            .await;
    }

    /// Every worker answers this alike.
    async fn agree(&self, path: &str, right: impl Fn(&Json) -> bool) {
        self.site
            .until(&format!("all workers answer {path} alike"), async |site| {
                let mut first: Option<Json> = None;
                for node in site.live() {
                    let answer = site.get(node, path).await?;
                    let json = answer.json();
                    if !answer.is_ok() || !right(&json) {
                        return Err(format!("worker {node}: {answer:?}"));
                    }
                    match &first {
                        Some(first) if *first != json => {
                            return Err(format!("worker {node}: {json}, before {first}"));
                        }
                        _ => first = Some(json),
                    }
                }
                Ok(())
            })
            .await;
    }

    async fn gone(&self, name: &str) {
        self.site
            .until(&format!("no worker knows {name}"), async |site| {
                for node in site.live() {
                    let answer = site.get(node, &format!("/connectors/{name}/status")).await?;
                    if answer.status != 404 {
                        return Err(format!("worker {node}: {answer:?}"));
                    }
                }
                Ok(())
            })
            .await;
    }

    async fn state(&self, name: &str, state: &str, tasks: usize) {
        self.agree(&format!("/connectors/{name}/status"), |status| {
            let all = status["tasks"].as_array().unwrap();
            status["connector"]["state"] == state
                && all.len() == tasks
                && all.iter().all(|task| task["state"] == state)
        })
        .await;
    }

    /// Everything that one kind writes and the other reads, both ways.
    async fn understand(&mut self, led_by: Kind) {
        let leader = self.site.leader().await;
        assert_eq!(self.site.nodes[&leader].kind, led_by, "worker {leader} leads");
        println!("a {led_by:?} worker leads");
        self.flows().await;
        for pair in 0..PAIRS {
            for name in [format!("source{pair}"), format!("sink{pair}")] {
                self.agree(&format!("/connectors/{name}"), |json| {
                    json["tasks"].as_array().unwrap().len() == 1
                })
                .await;
                self.agree(&format!("/connectors/{name}/tasks"), |json| !json[0]["config"].is_null()).await;
                self.agree(&format!("/connectors/{name}/topics"), |json| {
                    json[&name]["topics"] == json!([format!("source{pair}")])
                })
                .await;
                self.state(&name, "RUNNING", 1).await;
            }
            let size = self.site.read(&format!("source{pair}.in")).len();
            self.agree(&format!("/connectors/source{pair}/offsets"), |json| {
                json["offsets"][0]["offset"]["position"] == size
            })
            .await;
            let lines = self.lines;
            self.agree(&format!("/connectors/sink{pair}/offsets"), |json| {
                json["offsets"][0]["offset"]["kafka_offset"]
                    .as_u64()
                    .is_some_and(|offset| offset >= lines as u64)
            })
            .await;
        }
        let (java, rust) = (self.nodes(Kind::Java), self.nodes(Kind::Rust));
        for (one, other) in [(java[0], rust[0]), (rust[1], java[1])] {
            let kind = self.site.nodes[&one].kind;
            let name = format!("passing-{led_by:?}-{one}");
            append(&self.site, &format!("{name}.in"), 0..10);
            self.create(one, &name, source(&self.site, &name)).await;
            self.state(&name, "RUNNING", 1).await;
            let path = format!("/connectors/{name}");
            let (offsets, pause, resume) =
                (format!("{path}/offsets"), format!("{path}/pause"), format!("{path}/resume"));
            self.agree(&offsets, |json| json["offsets"][0]["offset"]["position"] == 70).await;
            self.site.ask(one, "PUT", &pause, None).await;
            self.state(&name, "PAUSED", 1).await;
            self.site.ask(other, "PUT", &resume, None).await;
            self.state(&name, "RUNNING", 1).await;
            self.site.ask(other, "POST", &format!("{path}/restart?includeTasks=true"), None).await;
            self.site.ask(one, "POST", &format!("{path}/tasks/0/restart"), None).await;
            self.state(&name, "RUNNING", 1).await;
            let mut config = source(&self.site, &name);
            config["batch.size"] = "7".into();
            self.site.ask(other, "PUT", &format!("{path}/config"), Some(config)).await;
            self.agree(&format!("{path}/tasks"), |json| json[0]["config"]["batch.size"] == "7").await;
            self.state(&name, "RUNNING", 1).await;
            self.site.ask(one, "PUT", &format!("{path}/stop"), None).await;
            self.state(&name, "STOPPED", 0).await;
            let partition = json!({ "filename": self.site.path(&format!("{name}.in")) });
            let altered = json!({ "offsets": [{ "partition": partition, "offset": { "position": 14 } }] });
            self.site.ask(other, "PATCH", &offsets, Some(altered)).await;
            self.agree(&offsets, |json| json["offsets"][0]["offset"]["position"] == 14).await;
            self.site.ask(one, "PUT", &resume, None).await;
            self.agree(&offsets, |json| json["offsets"][0]["offset"]["position"] == 70).await;
            self.state(&name, "RUNNING", 1).await;
            self.site.ask(other, "DELETE", &path, None).await;
            self.connectors.remove(&name);
            self.gone(&name).await;
            println!("created and stopped by {kind:?}, resumed, altered and deleted by the other");
        }
        self.settled("after all this").await;
    }

    async fn dies_and_comes_back(&mut self, node: u16) {
        let kind = self.site.nodes[&node].kind;
        let leads = self.site.leader().await == node;
        self.site.kill(node);
        self.settled(&format!("a {kind:?} worker is killed, leader: {leads}")).await;
        self.flows().await;
        self.site.add(node, kind).await;
        self.settled(&format!("a {kind:?} worker is back")).await;
        self.flows().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes and needs Java workers: cargo xtask cluster mixed"]
async fn java_and_rust_workers_are_one_mixed_cluster() {
    let Some(site) = Site::start(SETTINGS).await else { return };
    let mut mixed = Mixed { site, lines: 0, connectors: BTreeMap::new() };
    for (node, kind) in [(0, Kind::Java), (1, Kind::Java), (2, Kind::Rust), (3, Kind::Rust)] {
        mixed.site.add(node, kind).await;
    }
    for pair in 0..PAIRS {
        let node = u16::try_from(pair).unwrap();
        let name = format!("source{pair}");
        append(&mixed.site, &format!("{name}.in"), 0..0);
        let config = source(&mixed.site, &name);
        mixed.create(node, &name, config).await;
        let config = sink(&mixed.site, &format!("sink{pair}"), &name);
        mixed.create(3 - node, &format!("sink{pair}"), config).await;
    }
    mixed.settled("eight connectors are created").await;
    mixed.understand(Kind::Java).await;

    // Whoever has led for longest leads on; with the Java workers gone a Rust one does.
    mixed.site.kill(0);
    mixed.site.kill(1);
    mixed.settled("both Java workers are killed").await;
    mixed.flows().await;
    for node in [0, 1] {
        mixed.site.add(node, Kind::Java).await;
    }
    mixed.settled("the Java workers are back").await;
    mixed.understand(Kind::Rust).await;

    for node in 0..4 {
        mixed.dies_and_comes_back(node).await;
    }
    for node in [0, 1] {
        mixed.site.terminate(node).await;
        mixed.settled("a Java worker has left").await;
        mixed.flows().await;
    }
}
