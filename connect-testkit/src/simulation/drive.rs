//! One run: workers live and end, things go wrong, then calm, the rest arrives, and everything is checked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connect_api::{Plugins, Properties, RawHeaders};
use connect_runtime::kafka::memory::MemoryKafkaConfig;
use connect_runtime::kafka::{Kafka, ProducerRecord, Subscription};
use connect_runtime::{Connect, LedgerCounts, MemoryKafka, Restart, State};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::checks::Checks;
use super::fates::SimulatedFates;
use super::model::Item;
use super::port::Port;
use super::world::{CONNECTOR, GROUP, INPUT, Order, World};

/// How often the driver looks.
const TICK: Duration = Duration::from_secs(1);
/// When things go wrong no longer.
const TROUBLE: Duration = Duration::from_secs(240);
/// How many ticks after everything has arrived the calm begins.
const QUIET: u32 = 4;
/// How long the rest may take to arrive in calm.
const PATIENCE: Duration = Duration::from_secs(1_800);
/// How long a worker goes on that others took for dead.
const AFTERLIFE: Duration = Duration::from_secs(5);
/// How long a dead worker may take to be dropped.
const FUNERAL: u32 = 1_000;

/// Registers the connector for a worker of a life.
pub(super) type Register = Box<dyn Fn(&mut Plugins, u64)>;

/// What a run is made of.
pub(super) struct Pipeline {
    pub(super) register: Register,
    pub(super) worker: Properties,
    pub(super) connector: Properties,
    pub(super) checks: Arc<dyn Checks>,
    /// What a sink reads: by partition, the values in order.
    pub(super) input: Vec<Vec<(Item, Option<Bytes>)>>,
    pub(super) source: bool,
    pub(super) letters: bool,
}

enum Over {
    /// The worker crashed, was shut down, or did not start.
    Ended,
    /// Everything has arrived in calm.
    Done,
}

pub(super) struct Drive<'a> {
    pub(super) world: &'a Arc<World>,
    pub(super) pipeline: &'a Pipeline,
    pub(super) disturbances: JoinSet<()>,
    /// How much of the input was written.
    pub(super) written: usize,
    pub(super) began: Instant,
    pub(super) calm_since: Option<Instant>,
    /// The worker that lives.
    pub(super) connect: Option<Connect>,
}

impl Drive<'_> {
    /// Runs to the end; what is wrong is in the world.
    pub(super) async fn run(mut self) {
        self.write_input(2);
        while self.world.violation().is_none() {
            let life = self.world.begin_life();
            let world = Arc::clone(self.world);
            let over = tokio::select! {
                biased;
                () = world.died(life) => Over::Ended,
                over = Box::pin(self.live(life)) => over,
            };
            self.world.end_life();
            let connect = self.connect.take();
            match self.world.frozen(life) {
                Some(time) => {
                    let world = Arc::clone(self.world);
                    self.disturbances.spawn(async move {
                        tokio::time::sleep(time).await;
                        world.thaw(life);
                        tokio::time::sleep(AFTERLIFE).await;
                        world.kill(life);
                        drop(connect);
                    });
                }
                None => {
                    drop(connect);
                    self.bury(life).await;
                }
            }
            if matches!(over, Over::Done) {
                break;
            }
            tokio::time::sleep(TICK).await;
            self.grow_calm(false);
        }
        self.disturbances.shutdown().await;
        for life in 1..=self.world.lives() {
            self.bury(life).await;
        }
        if self.world.violation().is_none() {
            self.world.look();
            if let Err(what) = self.pipeline.checks.at_the_end() {
                self.world.violate(what);
            }
        }
    }

    /// Waits until nothing of the dead worker is left.
    async fn bury(&self, life: u64) {
        for _ in 0..FUNERAL {
            if self.world.clients(life) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.world.violate(format!(
            "{} clients and tasks of a worker that is gone still exist",
            self.world.clients(life)
        ));
    }

    async fn live(&mut self, life: u64) -> Over {
        let port = Port { world: Arc::clone(self.world), life };
        let builder = Connect::builder()
            .properties(self.pipeline.worker.clone())
            .plugins(|plugins| {
                plugins.bundle("simulated").transformation::<SimulatedFates>("SimulatedFates");
                (self.pipeline.register)(plugins, life);
            })
            .kafka(Arc::new(port));
        let Ok(connect) = builder.start().await else { return Over::Ended };
        self.connect = Some(connect.clone());
        if connect.create(CONNECTOR, self.pipeline.connector.clone()).await.is_err() {
            return Over::Ended;
        }
        let mut quiet = 0;
        loop {
            if self.obey(&connect).await {
                return Over::Ended;
            }
            tokio::select! {
                biased;
                () = self.world.ordered() => continue,
                () = tokio::time::sleep(TICK) => {}
            }
            self.write_input(1);
            if self.look_after(&connect).await.is_err() {
                return Over::Ended;
            }
            let complete = match self.written_all() {
                true => self.pipeline.checks.complete(),
                false => Err("the input is not written".to_owned()),
            };
            quiet = if complete.is_ok() { quiet + 1 } else { 0 };
            self.grow_calm(quiet >= QUIET);
            let Some(calm_since) = self.calm_since else { continue };
            // Workers that hung are dropped by then.
            if quiet >= 2 && calm_since.elapsed() >= TICK * 2 && self.is_settled(&connect) {
                self.check_ledger(&connect);
                let report = connect.shutdown().await;
                match report {
                    Ok(report) if report.is_clean() => {}
                    other => {
                        self.world.violate(format!("the last worker did not shut down cleanly: {other:?}"))
                    }
                }
                return Over::Done;
            }
            if calm_since.elapsed() > PATIENCE {
                let statuses = connect.status(CONNECTOR);
                let ledger = connect.ledger(CONNECTOR);
                self.world.violate(format!(
                    "it did not come to its end within {PATIENCE:?} of calm: {complete:?}\n{statuses:?}\n{ledger:?}"
                ));
                return Over::Ended;
            }
        }
    }

    fn written_all(&self) -> bool {
        self.pipeline.input.iter().all(|partition| self.written >= partition.len())
    }

    /// Writes some of what a sink reads.
    fn write_input(&mut self, share: usize) {
        let longest = self.pipeline.input.iter().map(Vec::len).max().unwrap_or(0);
        let upto = (self.written + longest.div_ceil(4) * share).min(longest);
        for (number, partition) in (0..).zip(&self.pipeline.input) {
            for (item, value) in partition.iter().take(upto).skip(self.written) {
                let mut headers = RawHeaders::new();
                headers.push("origin", Bytes::from(item.to_string()));
                let written = self.world.kafka.try_produce(&ProducerRecord {
                    topic: INPUT.into(),
                    partition: Some(number),
                    timestamp: None,
                    key: None,
                    value: value.clone(),
                    headers,
                });
                if let Err(error) = written {
                    self.world.violate(format!("the input was not written: {error}"));
                }
            }
        }
        self.written = upto;
    }

    /// Ends the trouble when it is time.
    fn grow_calm(&mut self, complete: bool) {
        if self.calm_since.is_none() && (complete || self.began.elapsed() > TROUBLE) {
            self.world.calm();
            self.disturbances.abort_all();
            self.world.kafka.start_broker();
            self.calm_since = Some(Instant::now());
        }
    }

    /// Does what faults ordered. `true`: the worker was shut down.
    async fn obey(&mut self, connect: &Connect) -> bool {
        while let Some(order) = self.world.next_order() {
            match order {
                Order::Shutdown => {
                    // What was cut off is no matter: it is as if it had crashed.
                    let _ = connect.shutdown().await;
                    return true;
                }
                Order::Restart => {
                    // It fails where the connector has; the next look restarts that.
                    let _ =
                        connect.restart(CONNECTOR, Restart { include_tasks: true, only_failed: false }).await;
                }
                Order::Pause(time) => {
                    let _ = connect.pause(CONNECTOR).await;
                    tokio::time::sleep(time).await;
                    let _ = connect.resume(CONNECTOR).await;
                }
                Order::Outage(time) => {
                    let kafka = self.world.kafka.clone();
                    self.disturbances.spawn(async move {
                        kafka.stop_broker();
                        tokio::time::sleep(time).await;
                        kafka.start_broker();
                    });
                }
                Order::Rebalance(time) => {
                    self.disturbances.spawn(visit(self.world.kafka.clone(), time));
                }
            }
        }
        false
    }

    /// Restarts what has failed and looks into the ledger.
    async fn look_after(&self, connect: &Connect) -> Result<(), connect_runtime::Error> {
        let status = connect.status(CONNECTOR)?;
        let all = std::iter::once(&status.connector).chain(status.tasks.iter().map(|(_, status)| status));
        let mut failed = false;
        for status in all.filter(|status| status.state == State::Failed) {
            failed = true;
            let trace = status.trace.as_deref().unwrap_or_default();
            if trace.contains("panicked") {
                self.world.violate(format!("a task panicked: {trace}"));
            }
        }
        for (task, ledger) in connect.ledger(CONNECTOR)? {
            if let Some((partition, counts)) =
                ledger.partitions.iter().find(|(_, counts)| !counts.is_balanced())
            {
                self.world.violate(format!(
                    "the ledger of task {task} does not add up for {partition}: {counts:?}"
                ));
            }
        }
        if failed {
            connect.restart(CONNECTOR, Restart { include_tasks: true, only_failed: true }).await?;
        }
        Ok(())
    }

    fn total(connect: &Connect) -> LedgerCounts {
        let ledgers = connect.ledger(CONNECTOR).unwrap_or_default();
        let mut total = LedgerCounts::default();
        for (_, ledger) in ledgers {
            let counts = ledger.total();
            total.read += counts.read;
            total.delivered += counts.delivered;
            total.filtered += counts.filtered;
            total.dead_lettered += counts.dead_lettered;
            total.tolerated += counts.tolerated;
            total.in_flight += counts.in_flight;
        }
        total
    }

    /// Whether all tasks run and nothing is under way.
    fn is_settled(&self, connect: &Connect) -> bool {
        let running = connect.status(CONNECTOR).is_ok_and(|status| {
            status.tasks.iter().all(|(_, status)| status.state == State::Running) && !status.tasks.is_empty()
        });
        running && Self::total(connect).in_flight == 0
    }

    /// The ledger says what the tasks themselves have counted.
    fn check_ledger(&self, connect: &Connect) {
        let (total, sum) = (Self::total(connect), self.world.sum());
        let lettered = if self.pipeline.letters { sum.refused + sum.reported } else { 0 };
        let mut expected = LedgerCounts::default();
        expected.filtered = sum.filtered;
        expected.dead_lettered = lettered;
        if self.pipeline.source {
            expected.read = sum.polled;
            expected.delivered = sum.polled.saturating_sub(sum.filtered + lettered);
        } else {
            expected.delivered = sum.put.saturating_sub(sum.reported);
            expected.read = expected.delivered + sum.filtered + lettered;
        }
        if total != expected {
            self.world.violate(format!("the ledger says {total:?}, but the tasks counted {expected:?}"));
        }
    }
}

/// Another member of the consumer group, for a while.
async fn visit(kafka: MemoryKafka, time: Duration) {
    let properties = BTreeMap::from([
        ("group.id".to_owned(), GROUP.to_owned()),
        ("session.timeout.ms".to_owned(), "10000".to_owned()),
    ]);
    let Ok(mut consumer) = kafka.consumer(&properties).await else { return };
    if consumer.subscribe(Subscription::Topics(vec![INPUT.into()])).await.is_err() {
        return;
    }
    let end = Instant::now() + time;
    while Instant::now() < end {
        if consumer.poll(Duration::from_millis(200)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    // It leaves as a member that is closed in order does; one that just went silent is covered by crashes.
    let _ = consumer.close(Duration::from_secs(1)).await;
}

/// The Kafka of a run.
pub(super) fn kafka() -> MemoryKafka {
    MemoryKafka::with_config(MemoryKafkaConfig { num_partitions: 3, ..MemoryKafkaConfig::default() })
}
