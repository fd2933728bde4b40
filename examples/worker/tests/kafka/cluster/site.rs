//! A broker, a way to it for each worker, and the workers: Rust ones and Java ones.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::time::Instant;

use super::http::{self, Answer};
use super::proxy::Proxy;

/// How many workers a site has room for.
pub(super) const ROOM: u16 = 4;
/// How long anything may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(240);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rust,
    Java,
}

/// Worker processes are ended with the site.
pub(super) struct Site {
    pub(super) directory: TempDir,
    /// The broker's port; then its controller, a listener for each worker, and what these listeners are advertised as.
    port: u16,
    rest: u16,
    script: PathBuf,
    pub(super) proxies: Vec<Proxy>,
    pub(super) nodes: BTreeMap<u16, Node>,
    /// Settings of all workers on top of the usual ones.
    pub(super) settings: String,
}

pub(super) struct Node {
    pub(super) kind: Kind,
    child: Child,
}

/// A row of free ports below the range of the system; `CONNECT_TEST_PORTS=broker,rest` names others.
fn ports() -> (u16, u16) {
    if let Ok(given) = env::var("CONNECT_TEST_PORTS") {
        let (broker, rest) = given.split_once(',').unwrap();
        return (broker.parse().unwrap(), rest.parse().unwrap());
    }
    let count = 2 + 3 * ROOM;
    let blocks: Vec<u16> = (12_000..29_000).step_by(usize::from(count)).collect();
    let (before, after) = blocks.split_at(std::process::id() as usize % blocks.len());
    let free =
        |port: &&u16| (**port..**port + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    let port = *after.iter().chain(before).find(free).unwrap();
    (port, port + 2 + 2 * ROOM)
}

impl Site {
    /// `None` where there is no Kafka.
    pub(super) async fn start(settings: &str) -> Option<Self> {
        let Some(script) = env::var_os("CONNECT_TEST_KAFKA_SCRIPT") else {
            println!("skipped: no Kafka, run cargo xtask cluster");
            return None;
        };
        let (port, rest) = ports();
        let mut site = Self {
            directory: tempfile::tempdir().unwrap(),
            port,
            rest,
            script: script.into(),
            proxies: Vec::new(),
            nodes: BTreeMap::new(),
            settings: settings.to_owned(),
        };
        site.broker("start");
        for node in 0..ROOM {
            site.proxies.push(Proxy::start(site.door(node), site.port + 2 + node).await);
        }
        Some(site)
    }

    pub(super) fn broker_address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where a worker finds Kafka.
    fn door(&self, node: u16) -> u16 {
        self.port + 2 + ROOM + node
    }

    pub(super) fn rest_port(&self, node: u16) -> u16 {
        self.rest + node
    }

    pub(super) fn worker_id(&self, node: u16) -> String {
        format!("127.0.0.1:{}", self.rest_port(node))
    }

    /// `start`, `stop` or `kill9`.
    pub(super) fn broker(&self, command: &str) {
        let port = self.port;
        let mut listeners = format!("PLAINTEXT://127.0.0.1:{port}");
        let mut advertised = listeners.clone();
        let mut map = "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT".to_owned();
        for node in 0..ROOM {
            let _ = write!(listeners, ",W{node}://127.0.0.1:{}", port + 2 + node);
            let _ = write!(advertised, ",W{node}://127.0.0.1:{}", self.door(node));
            let _ = write!(map, ",W{node}:PLAINTEXT");
        }
        let mut run = Command::new("bash");
        run.arg(&self.script).args([command, "--port", &port.to_string()]);
        run.arg("--dir").arg(self.directory.path().join("kafka"));
        if command == "start" {
            for setting in [
                format!("listeners={listeners},CONTROLLER://127.0.0.1:{}", port + 1),
                format!("advertised.listeners={advertised}"),
                format!("listener.security.protocol.map={map}"),
            ] {
                run.args(["--set", &setting]);
            }
        }
        let done = run.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
        assert!(done.success(), "{command}: {done}");
    }

    pub(super) fn path(&self, file: &str) -> String {
        self.directory.path().join(file).to_string_lossy().into_owned()
    }

    pub(super) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_default()
    }

    /// Starts a worker; it need not answer yet.
    pub(super) fn launch(&mut self, node: u16, kind: Kind) {
        let rest = self.rest_port(node);
        let plugins = env::var("CONNECT_TEST_JAVA_PLUGINS").unwrap_or_default();
        let plugins = if kind == Kind::Java {
            format!("plugin.path={plugins}\nplugin.discovery=service_load\n")
        } else {
            String::new()
        };
        let properties = format!(
            "bootstrap.servers=127.0.0.1:{}\ngroup.id=cluster\n\
             config.storage.topic=cluster-configs\nconfig.storage.replication.factor=1\n\
             offset.storage.topic=cluster-offsets\noffset.storage.replication.factor=1\noffset.storage.partitions=5\n\
             status.storage.topic=cluster-status\nstatus.storage.replication.factor=1\nstatus.storage.partitions=5\n\
             key.converter=org.apache.kafka.connect.storage.StringConverter\n\
             value.converter=org.apache.kafka.connect.storage.StringConverter\n\
             listeners=http://127.0.0.1:{rest}\nrest.advertised.host.name=127.0.0.1\nrest.advertised.port={rest}\n\
             offset.flush.interval.ms=1000\n{plugins}{}",
            self.door(node),
            self.settings
        );
        let file = self.path(&format!("worker-{node}.properties"));
        fs::write(&file, properties).unwrap();
        let log = File::options().append(true).create(true).open(self.log_file(node)).unwrap();
        let mut command = match kind {
            Kind::Rust => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_connect-worker"));
                command.arg("distributed");
                command
            }
            Kind::Java => Command::new(env::var_os("CONNECT_TEST_JAVA_WORKER").unwrap()),
        };
        let child = command
            .arg(&file)
            .current_dir(self.directory.path())
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.nodes.insert(node, Node { kind, child });
    }

    fn log_file(&self, node: u16) -> String {
        self.path(&format!("worker-{node}.log"))
    }

    pub(super) fn log(&self, node: u16) -> String {
        fs::read_to_string(self.log_file(node)).unwrap_or_default()
    }

    /// Starts a worker and waits until it answers.
    pub(super) async fn add(&mut self, node: u16, kind: Kind) {
        self.launch(node, kind);
        self.answers(node).await;
    }

    pub(super) async fn answers(&self, node: u16) {
        self.until(&format!("worker {node} answers"), async |site| {
            let answer = site.get(node, "/connectors").await?;
            if answer.is_ok() { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
    }

    fn signal(&self, node: u16, signal: &str) {
        let id = self.nodes[&node].child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    pub(super) fn pause(&self, node: u16) {
        self.signal(node, "-STOP");
    }

    pub(super) fn resume(&self, node: u16) {
        self.signal(node, "-CONT");
    }

    pub(super) fn kill(&mut self, node: u16) {
        let mut node = self.nodes.remove(&node).unwrap();
        node.child.kill().unwrap();
        node.child.wait().unwrap();
    }

    /// SIGTERM; answers how long the worker took to end.
    pub(super) async fn terminate(&mut self, node: u16) -> Duration {
        self.signal(node, "-TERM");
        let began = Instant::now();
        let mut child = self.nodes.remove(&node).unwrap().child;
        while child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "worker {node} does not end:\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        began.elapsed()
    }

    pub(super) async fn get(&self, node: u16, path: &str) -> Result<Answer, String> {
        http::call(self.rest_port(node), "GET", path, None).await
    }

    /// A call that has to succeed, as soon as the group is settled.
    pub(super) async fn ask(&self, node: u16, method: &str, path: &str, body: Option<Json>) -> Answer {
        let began = Instant::now();
        loop {
            let answer = http::call(self.rest_port(node), method, path, body.as_ref()).await;
            match answer {
                Ok(answer) if answer.is_ok() => return answer,
                // It was done before the answer to an earlier attempt got lost.
                Ok(answer) if answer.text.contains("already exists") => return answer,
                // The group forms anew, or its leader has just gone.
                Ok(answer) if answer.status != 409 && answer.status < 500 => {
                    panic!("{method} {path} of worker {node}: {answer:?}\n{}", self.logs())
                }
                other => assert!(began.elapsed() < PATIENCE, "{method} {path} of worker {node}: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Looks until it holds; answers when it began to.
    pub(super) async fn until(
        &self,
        what: &str,
        condition: impl AsyncFn(&Self) -> Result<(), String>,
    ) -> Instant {
        let began = Instant::now();
        loop {
            let at = Instant::now();
            match condition(self).await {
                Ok(()) => return at,
                Err(why) => assert!(began.elapsed() < PATIENCE, "{what}: {why}\n{}", self.logs()),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Who leads, as the workers' logs tell it.
    pub(super) async fn leader(&self) -> u16 {
        let began = Instant::now();
        loop {
            let mut told: Vec<u16> = Vec::new();
            for (node, state) in &self.nodes {
                let (line, url) = match state.kind {
                    Kind::Rust => ("the group has formed", "leader_url="),
                    Kind::Java => ("Joined group at generation", "leaderUrl='"),
                };
                let log = self.log(*node);
                let last = log.lines().rfind(|text| text.contains(line)).unwrap_or_default();
                let url = last.split(url).nth(1).unwrap_or_default();
                let leads = |node: &u16| url.trim_start_matches('"').starts_with(&self.url(*node));
                told.extend(self.nodes.keys().find(|node| leads(node)));
            }
            if told.len() == self.nodes.len() && told.iter().all(|leader| *leader == told[0]) {
                return told[0];
            }
            assert!(began.elapsed() < PATIENCE, "nobody knows who leads: {told:?}\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn url(&self, node: u16) -> String {
        format!("http://{}/", self.worker_id(node))
    }

    /// The ends of all logs.
    pub(super) fn logs(&self) -> String {
        let mut text = String::new();
        for node in 0..ROOM {
            let log = self.log(node);
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(20)..].iter();
            let last: Vec<String> = last.map(|line| line.chars().take(300).collect()).collect();
            let last = last.join("\n");
            let _ = write!(text, "--- worker {node}\n{last}\n");
        }
        text
    }

    pub(super) fn live(&self) -> Vec<u16> {
        self.nodes.keys().copied().collect()
    }

    /// Whether everything runs, evenly, on these workers and nowhere else, as one of them tells it.
    pub(super) async fn placed(
        &self,
        live: &[u16],
        connectors: &BTreeMap<String, usize>,
    ) -> Result<(), String> {
        let answer = self.get(live[0], "/connectors?expand=status").await?;
        let json = answer.json();
        let json = json.as_object().ok_or_else(|| format!("{answer:?}"))?;
        if json.len() != connectors.len() {
            return Err(format!("{} of {} connectors", json.len(), connectors.len()));
        }
        let mut loads: BTreeMap<String, usize> = live.iter().map(|node| (self.worker_id(*node), 0)).collect();
        let java = self.nodes.values().all(|node| node.kind == Kind::Java);
        for (name, tasks) in connectors {
            let status = json.get(name).ok_or_else(|| format!("{name} is missing"))?;
            let status = &status["status"];
            let all = status["tasks"].as_array().ok_or("no tasks")?;
            if all.len() != *tasks {
                return Err(format!("{name} has {} of {tasks} tasks", all.len()));
            }
            for (at, part) in std::iter::once(&status["connector"]).chain(all).enumerate() {
                // A Java worker that was cut off says so late, and the status of its connectors stays so for ever.
                if at == 0 && part["state"] == "UNASSIGNED" && java {
                    continue;
                }
                let worker = part["worker_id"].as_str().unwrap_or_default();
                if part["state"] != "RUNNING" || !loads.contains_key(worker) {
                    return Err(format!("{name}: {part}"));
                }
                if at > 0 {
                    *loads.get_mut(worker).unwrap() += 1;
                }
            }
        }
        let total: usize = connectors.values().sum();
        let even = total / live.len()..=total.div_ceil(live.len());
        if loads.values().all(|load| even.contains(load)) { Ok(()) } else { Err(format!("{loads:?}")) }
    }

    /// Waits until everything runs evenly and stays so; answers how long after `since` that began.
    pub(super) async fn settled(
        &self,
        what: &str,
        since: Instant,
        live: &[u16],
        connectors: &BTreeMap<String, usize>,
    ) -> Duration {
        const CALM: Duration = Duration::from_secs(5);
        let mut held: Option<Instant> = None;
        loop {
            let at = Instant::now();
            match self.placed(live, connectors).await {
                Ok(()) => {
                    let began = *held.get_or_insert(at);
                    if at - began >= CALM {
                        let took = began.saturating_duration_since(since);
                        println!("{what}: everything runs after {:.1} s", took.as_secs_f64());
                        return took;
                    }
                }
                Err(why) => {
                    held = None;
                    assert!(since.elapsed() < PATIENCE, "{what}: {why}\n{}", self.logs());
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for node in self.nodes.values_mut() {
            let _ = node.child.kill();
            let _ = node.child.wait();
        }
        let mut stop = Command::new("bash");
        stop.arg(&self.script).args(["kill9", "--port", &self.port.to_string()]);
        let _ = stop.arg("--dir").arg(self.directory.path().join("kafka")).status();
        if std::thread::panicking()
            && let Some(keep) = env::var_os("CONNECT_TEST_KEEP")
        {
            let _ = fs::create_dir_all(&keep);
            for node in 0..ROOM {
                let to = PathBuf::from(&keep).join(format!("worker-{node}.log"));
                let _ = fs::copy(self.log_file(node), to);
            }
        }
    }
}
