//! Workers that share connectors and tasks, on a Kafka in memory and a clock that never waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use connect_api::{
    Plugins, Properties, Result, SourceConnector, SourceConnectorContext, SourceRecord, SourceTask,
    SourceTaskContext, async_trait,
};
use connect_runtime::peers::{PeerRequest, Peers};
use connect_runtime::{
    Connect, ConnectorStatus, Error, Herder, MemoryKafka, RequestSignature, Restart, State,
};

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
struct InProcess(Mutex<BTreeMap<String, Weak<dyn Herder>>>);

#[async_trait]
impl Peers for InProcess {
    async fn send(&self, request: PeerRequest) -> Result<(u16, Bytes)> {
        let (worker, path) = request.url.trim_start_matches("http://").split_once('/').unwrap();
        let herder = self.0.lock().unwrap().get(worker).and_then(Weak::upgrade);
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
    workers: BTreeMap<u16, Connect>,
}

impl Cluster {
    async fn start(protocol: &'static str, workers: u16) -> Self {
        let mut cluster =
            Self { kafka: MemoryKafka::new(), peers: Arc::default(), protocol, workers: BTreeMap::new() };
        for port in 1..=workers {
            cluster.add(port).await;
        }
        cluster
    }

    async fn add(&mut self, port: u16) {
        let worker = Connect::builder()
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
            })
            .start()
            .await
            .unwrap();
        let herder = worker.herder();
        self.peers.0.lock().unwrap().insert(format!("worker:{port}"), Arc::downgrade(&herder));
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

#[tokio::test(start_paused = true)]
async fn three_workers_share_tasks_evenly_and_one_that_joins_gets_its_part() {
    for protocol in ["sessioned", "compatible", "eager"] {
        let mut cluster = Cluster::start(protocol, 3).await;
        cluster.put("a", 4).await;
        cluster.put("b", 5).await;
        cluster.expect(&[("a", 4), ("b", 5)]).await;
        assert!(
            cluster.loads(&["a", "b"]).values().all(|load| *load == 3),
            "{:?}",
            cluster.loads(&["a", "b"])
        );
        cluster.add(4).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        cluster.expect(&[("a", 4), ("b", 5)]).await;
        let loads = cluster.loads(&["a", "b"]);
        assert!(loads.values().all(|load| (2..=3).contains(load)), "{protocol}: {loads:?}");
        running().assert_never_twice();
        let group = "connect-worker-rebalance-metrics";
        let epochs: std::collections::BTreeSet<_> = cluster
            .workers
            .values()
            .map(|worker| {
                let metrics = worker.worker_metrics();
                let number =
                    |name| metrics.find(group, name, &[]).and_then(|metric| metric.number()).unwrap();
                assert!(number("completed-rebalances-total") >= 1.0 && number("rebalancing") == 0.0);
                let text = |name, text: &str| {
                    let found = metrics.find(group, name, &[]).unwrap();
                    assert_eq!(found.value, connect_runtime::MetricValue::Text(text.to_owned()));
                };
                text("connect-protocol", protocol);
                text("leader-name", "http://worker:1/");
                number("epoch") as i64
            })
            .collect();
        assert_eq!(epochs.len(), 1, "all are in one generation: {epochs:?}");
        for worker in cluster.workers.into_values() {
            assert!(worker.shutdown().await.unwrap().is_clean());
        }
        assert!(running().tasks().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn the_work_of_a_worker_that_was_killed_moves_after_the_delay() {
    let mut cluster = Cluster::start("sessioned", 3).await;
    cluster.put("a", 6).await;
    cluster.expect(&[("a", 6)]).await;
    // The first one leads.
    drop(cluster.workers.remove(&2));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(running().tasks().len(), 4, "its tasks end with it");
    // The session of ten seconds runs out, and then nothing moves before the delay is over.
    tokio::time::sleep(DELAY).await;
    assert_eq!(running().tasks().len(), 4);
    cluster.expect(&[("a", 6)]).await;
    running().assert_never_twice();
}

#[tokio::test(start_paused = true)]
async fn when_the_leader_is_killed_another_leads_and_all_runs_again() {
    let mut cluster = Cluster::start("sessioned", 3).await;
    cluster.put("a", 6).await;
    cluster.expect(&[("a", 6)]).await;
    drop(cluster.workers.remove(&1));
    cluster.put("b", 2).await;
    cluster.expect(&[("a", 6), ("b", 2)]).await;
    running().assert_never_twice();
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_leaves_says_so_and_one_that_comes_back_gets_its_work_again() {
    let mut cluster = Cluster::start("sessioned", 3).await;
    cluster.put("a", 6).await;
    cluster.expect(&[("a", 6)]).await;
    let leaver = cluster.workers.remove(&2).unwrap();
    assert!(leaver.shutdown().await.unwrap().is_clean());
    drop(leaver);
    assert_eq!(running().tasks().len(), 4);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let states: Vec<_> =
        cluster.any().status("a").unwrap().tasks.into_iter().map(|(_, task)| task.state).collect();
    assert_eq!(states.iter().filter(|state| **state == State::Unassigned).count(), 2, "{states:?}");
    cluster.add(2).await;
    cluster.expect(&[("a", 6)]).await;
    assert_eq!(cluster.loads(&["a"])["worker:2"], 2);
    running().assert_never_twice();
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_its_coordinator_stops_and_goes_on_when_it_is_back() {
    let cluster = Cluster::start("sessioned", 3).await;
    cluster.put("a", 6).await;
    cluster.expect(&[("a", 6)]).await;
    cluster.kafka.stop_broker();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(running().tasks().is_empty(), "nothing runs outside of the group: {:?}", running().tasks());
    cluster.kafka.start_broker();
    cluster.expect(&[("a", 6)]).await;
    running().assert_never_twice();
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_of_one_worker_all_of_them_do() {
    let cluster = Cluster::start("sessioned", 3).await;
    cluster.put("a", 3).await;
    cluster.put("b", 2).await;
    cluster.expect(&[("a", 3), ("b", 2)]).await;

    let all = async |state: State, tasks: usize| {
        let wait = async {
            loop {
                let is = |worker: &Connect| {
                    let status = worker.status("a").unwrap();
                    status.connector.state == state
                        && status.tasks.len() == tasks
                        && status.tasks.iter().all(|(_, task)| task.state == state)
                };
                if cluster.workers.values().all(is) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("{:?}", cluster.any().status("a")));
    };
    for worker in cluster.workers.values() {
        worker.pause("a").await.unwrap();
        all(State::Paused, 3).await;
        worker.resume("a").await.unwrap();
        all(State::Running, 3).await;
    }
    cluster
        .lead(async |herder| herder.set_target_state("a", connect_runtime::TargetState::Stopped).await)
        .await;
    all(State::Stopped, 0).await;
    assert!(running().tasks().iter().all(|task| task.starts_with("b-")));
    cluster.any().resume("a").await.unwrap();
    all(State::Running, 3).await;

    cluster
        .lead(async |herder| {
            herder.restart_connector("a", Restart { include_tasks: true, only_failed: false }).await
        })
        .await;
    cluster.expect(&[("a", 3), ("b", 2)]).await;
    cluster.put("a", 5).await;
    cluster.expect(&[("a", 5), ("b", 2)]).await;
    cluster.lead(async |herder| herder.delete_connector("a").await).await;
    cluster.expect(&[("b", 2)]).await;
    for worker in cluster.workers.values() {
        assert!(matches!(worker.status("a"), Err(Error::NotFound(_))));
    }
    running().assert_never_twice();
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_does_not_lead_says_who_does_and_trusts_only_signed_requests() {
    let cluster = Cluster::start("sessioned", 2).await;
    cluster.put("a", 1).await;
    cluster.expect(&[("a", 1)]).await;
    let mut refused = Vec::new();
    for (port, worker) in &cluster.workers {
        match worker.delete("missing").await {
            Err(Error::NotFound(_)) => {}
            Err(Error::RequestTarget { forward_url, .. }) => refused.push((*port, forward_url.unwrap())),
            other => panic!("{other:?}"),
        }
    }
    let [(follower, leader)] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!(*leader, format!("http://worker:{}/", 3 - follower));
    let leader = cluster.workers[&(3 - follower)].herder();
    let unsigned = leader.put_task_configs("a", Vec::new(), None).await.unwrap_err();
    assert!(matches!(unsigned, Error::BadRequest(_)), "{unsigned}");
    let (mac, algorithm) = RequestSignature::sign(b"guessed", "HmacSHA256", b"[]").unwrap();
    let forged = RequestSignature::from_headers("[]".into(), Some(&mac), Some(algorithm)).unwrap();
    let forged = leader.put_task_configs("a", Vec::new(), forged).await.unwrap_err();
    assert!(matches!(forged, Error::Forbidden(_)), "{forged}");
    assert_eq!(cluster.any().status("a").unwrap().tasks.len(), 1);
}
