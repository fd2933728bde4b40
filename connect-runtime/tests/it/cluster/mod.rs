//! Workers that share connectors and tasks, on a Kafka in memory and a clock that never waits.

mod faults;
mod work;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use connect_api::{
    Plugins, Properties, Result, SourceConnector, SourceConnectorContext, SourceRecord, SourceTask,
    SourceTaskContext, async_trait,
};
use connect_runtime::peers::{PeerRequest, Peers};
use connect_runtime::{Connect, ConnectorStatus, Error, Herder, MemoryKafka, RequestSignature, State};

const LONG: Duration = Duration::from_secs(120);
/// `scheduled.rebalance.max.delay.ms` of the tests.
const DELAY: Duration = Duration::from_secs(20);

/// The tasks that run at this moment, wherever; and those that ever ran twice.
#[derive(Default)]
struct Running {
    now: Mutex<BTreeMap<String, usize>>,
    twice: Mutex<Vec<String>>,
}

thread_local! {
    static RUNNING: Arc<Running> = Arc::default();
}

fn running() -> Arc<Running> {
    RUNNING.with(Arc::clone)
}

impl Running {
    fn tasks(&self) -> Vec<String> {
        self.now.lock().unwrap().keys().cloned().collect()
    }

    fn assert_never_twice(&self) {
        assert_eq!(self.twice.lock().unwrap().as_slice(), [] as [&str; 0]);
    }
}

/// A task that is dropped runs no more, however it ended.
struct Ticket(String, Arc<Running>);

impl Ticket {
    fn new(task: String) -> Self {
        let running = running();
        let mut now = running.now.lock().unwrap();
        let count = now.entry(task.clone()).or_default();
        *count += 1;
        if *count > 1 {
            running.twice.lock().unwrap().push(task.clone());
        }
        drop(now);
        Self(task, running)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut now = self.1.now.lock().unwrap();
        if let Some(count) = now.get_mut(&self.0) {
            *count -= 1;
            if *count == 0 {
                now.remove(&self.0);
            }
        }
    }
}

/// Makes as many tasks as its configuration says; they have nothing to do.
struct Idle(Properties);

#[async_trait]
impl SourceConnector for Idle {
    type Config = Properties;
    type Task = IdleTask;

    async fn start(config: Properties, _: SourceConnectorContext) -> Result<Self> {
        Ok(Self(config))
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        let count: usize = self.0.get("tasks").unwrap().parse().unwrap();
        let config =
            |task: usize| self.0.clone().with("task", format!("{}-{task}", self.0.get("name").unwrap()));
        Ok((0..count).map(config).collect())
    }

    async fn stop(&mut self) -> Result<()> {
        Ok(())
    }
}

struct IdleTask(Option<Ticket>);

#[async_trait]
impl SourceTask for IdleTask {
    type Config = Properties;

    async fn start(config: Properties, _: SourceTaskContext) -> Result<Self> {
        Ok(Self(Some(Ticket::new(config.get("task").unwrap().to_owned()))))
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        tokio::time::sleep(max_wait).await;
        Ok(Vec::new())
    }

    async fn stop(&mut self) -> Result<()> {
        self.0 = None;
        Ok(())
    }
}

/// The REST APIs of the workers, without the network: what matters here is who asks whom, and the signatures.
#[derive(Default)]
struct InProcess {
    herders: Mutex<BTreeMap<String, Weak<dyn Herder>>>,
    /// Requests get no answer before their time has run out.
    hang: AtomicBool,
    asked: AtomicUsize,
}

#[async_trait]
impl Peers for InProcess {
    async fn send(&self, request: PeerRequest) -> Result<(u16, Bytes)> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.hang.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_secs(60)).await;
            return Err(connect_api::Error::retriable("nobody answers"));
        }
        let (worker, path) = request.url.trim_start_matches("http://").split_once('/').unwrap();
        let herder = self.herders.lock().unwrap().get(worker).and_then(Weak::upgrade);
        let herder = herder.ok_or_else(|| connect_api::Error::retriable("nobody answers there"))?;
        let parts: Vec<_> = path.split(['/', '?']).collect();
        let (name, what) = (parts[1], parts[2]);
        let signature = request.signature.as_ref();
        let signature = RequestSignature::from_headers(
            request.body.clone(),
            signature.map(|signature| signature.mac.as_str()),
            signature.map(|signature| signature.algorithm),
        )
        .unwrap();
        let done = match (request.method, what) {
            ("POST", "tasks") => {
                let configs: Vec<BTreeMap<String, String>> = serde_json::from_slice(&request.body).unwrap();
                let configs = configs.into_iter().map(Properties::from).collect();
                herder.put_task_configs(name, configs, signature).await
            }
            ("PUT", "fence") => herder.fence_zombie_source_tasks(name, signature).await,
            other => panic!("{other:?}"),
        };
        Ok(match done {
            Ok(()) => (200, Bytes::new()),
            Err(Error::Forbidden(message)) => (403, message.into()),
            Err(error) => (409, error.to_string().into()),
        })
    }
}

/// Some workers on one Kafka.
struct Cluster {
    kafka: MemoryKafka,
    peers: Arc<InProcess>,
    protocol: &'static str,
    /// Settings on top of the usual ones.
    extra: &'static [(&'static str, &'static str)],
    workers: BTreeMap<u16, Connect>,
}

impl Cluster {
    async fn start(protocol: &'static str, workers: u16) -> Self {
        Self::start_with(protocol, workers, &[]).await
    }

    async fn start_with(
        protocol: &'static str,
        workers: u16,
        extra: &'static [(&'static str, &'static str)],
    ) -> Self {
        let mut cluster = Self {
            kafka: MemoryKafka::new(),
            peers: Arc::default(),
            protocol,
            extra,
            workers: BTreeMap::new(),
        };
        for port in 1..=workers {
            cluster.add(port).await;
        }
        cluster
    }

    async fn add(&mut self, port: u16) {
        let mut builder = Connect::builder()
            .memory(self.kafka.clone())
            .distributed()
            .properties(Properties::from([
                ("bootstrap.servers", "memory:9092"),
                ("group.id", "cluster"),
                ("key.converter", "StringConverter"),
                ("value.converter", "StringConverter"),
                ("config.storage.topic", "configs"),
                ("offset.storage.topic", "offsets"),
                ("status.storage.topic", "status"),
                ("rest.advertised.host.name", "worker"),
                ("scheduled.rebalance.max.delay.ms", "20000"),
            ]))
            .property("rest.advertised.port", port.to_string())
            .property("connect.protocol", self.protocol)
            .peers(Arc::clone(&self.peers) as _)
            .plugins(|plugins: &mut Plugins| {
                plugins.bundle("1").source::<Idle>("Idle");
            });
        for (key, value) in self.extra {
            builder = builder.property(*key, *value);
        }
        let worker = builder.start().await.unwrap();
        let herder = worker.herder();
        self.peers.herders.lock().unwrap().insert(format!("worker:{port}"), Arc::downgrade(&herder));
        self.workers.insert(port, worker);
    }

    fn any(&self) -> &Connect {
        self.workers.values().next().unwrap()
    }

    /// Lets the leader do something, as the REST API would find it.
    async fn lead<T>(&self, what: impl AsyncFn(&dyn Herder) -> connect_runtime::Result<T>) -> T {
        for _ in 0..500 {
            for worker in self.workers.values() {
                match what(&*worker.herder()).await {
                    Ok(done) => return done,
                    Err(Error::RequestTarget { .. } | Error::Conflict(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("nobody leads");
    }

    async fn put(&self, name: &str, tasks: usize) {
        let tasks = tasks.to_string();
        self.lead(async |herder| {
            let config = Properties::from([
                ("connector.class", "Idle"),
                ("tasks.max", "99"),
                ("tasks", tasks.as_str()),
            ]);
            herder.put_connector(name, config, None, true).await
        })
        .await;
    }

    /// Waits until every worker sees the same: these connectors with so many tasks, all running.
    async fn expect(&self, connectors: &[(&str, usize)]) {
        let wait = async {
            loop {
                if self.workers.values().all(|worker| is_running(worker, connectors)) && self.runs(connectors)
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        if tokio::time::timeout(LONG, wait).await.is_err() {
            let seen: Vec<_> = self
                .workers
                .values()
                .map(|worker| connectors.iter().map(|(name, _)| worker.status(name)).collect::<Vec<_>>())
                .collect();
            panic!("not running: {connectors:?}; running: {:?}; seen: {seen:#?}", running().tasks());
        }
    }

    fn runs(&self, connectors: &[(&str, usize)]) -> bool {
        let mut expected: Vec<String> = connectors
            .iter()
            .flat_map(|(name, tasks)| (0..*tasks).map(move |task| format!("{name}-{task}")))
            .collect();
        expected.sort();
        running().tasks() == expected
    }

    /// How many tasks each worker has.
    fn loads(&self, connectors: &[&str]) -> BTreeMap<String, usize> {
        let mut loads: BTreeMap<String, usize> =
            self.workers.keys().map(|port| (format!("worker:{port}"), 0)).collect();
        for name in connectors {
            for (_, task) in self.any().status(name).unwrap().tasks {
                *loads.entry(task.worker_id).or_default() += 1;
            }
        }
        loads
    }
}

fn is_running(worker: &Connect, connectors: &[(&str, usize)]) -> bool {
    let names: Vec<_> = connectors.iter().map(|(name, _)| (*name).to_owned()).collect();
    worker.connectors() == names
        && connectors.iter().all(|(name, tasks)| {
            let Ok(ConnectorStatus { connector, tasks: statuses, .. }) = worker.status(name) else {
                return false;
            };
            statuses.len() == *tasks
                && connector.version.as_deref() == Some("1")
                && statuses.iter().all(|(_, status)| status.version.as_deref() == Some("1"))
                && std::iter::once(&connector)
                    .chain(statuses.iter().map(|(_, status)| status))
                    .all(|status| status.state == State::Running)
        })
}
