//! Simulation: a whole pipeline on Kafka in memory, under virtual time, with everything that may go wrong.
//!
//! A [`Simulation`] runs a connector on the real engine. One seed decides when the worker crashes, which batches are
//! torn, which acknowledgements are lost, when the group rebalances, and in which order calls are answered. Kafka and
//! the system behind the connector outlive all workers. After some lives the faults end, the rest arrives, and the run
//! is checked:
//!
//! | check | when |
//! | --- | --- |
//! | nothing is committed beyond what is durable | at every commit |
//! | a sink is given its records in order, and after a refusal the same ones again | at every `put` |
//! | the ledger adds up | every second, and at the end against counts of its own |
//! | nothing is lost; what was dropped or given up does not arrive | at the end |
//! | order: without repeats, the records of each partition are in order; a repeat goes back and proceeds in order | at the end |
//! | exactly once, where that is promised: no record is there twice | at the end |
//! | dead letters have their ten headers, and tell what happened | at the end |
//! | nothing of a worker outlives it | after every life |
//!
//! A failure prints its seed, the shortest schedule of faults that still fails, and the last steps; the schedule, as
//! text, replays the run exactly.
//!
//! The author of a connector writes a model of the other system: [`SourceModel`] or [`SinkModel`]. The system's state
//! lives in the model, and each call to it goes through [`Outside::call`], which is where crashes and failures get in.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//!
//! use connect_api::config::NoConfig;
//! use connect_api::plugins::PluginFuture;
//! use connect_api::{
//!     Properties, Result, SinkConnector, SinkConnectorContext, SinkRecord, SinkTask, SinkTaskContext, async_trait,
//! };
//! use connect_testkit::simulation::{Item, Outside, Simulation, SinkModel};
//!
//! // The system: a table that survives every crash.
//! struct Table {
//!     outside: Outside,
//!     rows: Mutex<Vec<Item>>,
//! }
//!
//! // The connector under test. Its task writes to the table.
//! struct TableSink;
//! struct TableTask(Arc<Table>);
//!
//! #[async_trait]
//! impl SinkTask for TableTask {
//!     type Config = NoConfig;
//!
//!     async fn start(_: NoConfig, _: SinkTaskContext) -> Result<Self> {
//!         unreachable!("the model starts the task")
//!     }
//!
//!     async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
//!         let items = records.iter().filter_map(|record| Item::parse(record.record.value.value.as_str()?));
//!         self.0.outside.call("insert", || self.0.rows.lock().unwrap().extend(items)).await
//!     }
//! }
//! # #[async_trait]
//! # impl SinkConnector for TableSink {
//! #     type Config = NoConfig;
//! #     type Task = TableTask;
//! #     async fn start(_: NoConfig, _: SinkConnectorContext) -> Result<Self> {
//! #         Ok(Self)
//! #     }
//! #     async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
//! #         Ok(vec![Properties::default(); max_tasks])
//! #     }
//! # }
//!
//! impl SinkModel for Table {
//!     type Connector = TableSink;
//!
//!     fn config(&self) -> Properties {
//!         Properties::default()
//!     }
//!
//!     fn start_task(self: Arc<Self>, _: Properties, _: SinkTaskContext) -> PluginFuture<Box<dyn SinkTask>> {
//!         Box::pin(async move { Ok(Box::new(TableTask(self)) as Box<dyn SinkTask>) })
//!     }
//!
//!     fn rows(&self) -> Vec<Item> {
//!         self.rows.lock().unwrap().clone()
//!     }
//! }
//!
//! let simulation =
//!     Simulation::sink(|outside| Table { outside: outside.clone(), rows: Mutex::default() });
//! for seed in 0..10 {
//!     simulation.run(seed).unwrap_or_else(|failure| panic!("{failure}"));
//! }
//! ```

mod call;
mod checks;
mod drive;
mod fates;
mod hooks;
mod model;
mod numbers;
mod outcome;
mod pipeline;
mod port;
mod producer;
mod random;
mod scenario;
mod schedule;
mod shrink;
mod target;
mod world;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use connect_api::Properties;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use self::model::{Item, Outside, SinkModel, SourceModel};
pub use self::outcome::{Failure, Summary};
pub use self::scenario::Scenario;
pub use self::schedule::{Fault, FaultKind, Schedule};

use self::drive::{Drive, Pipeline};
use self::fates::{Fates, Running};
use self::schedule::Shape;
use self::world::World;

type Build = Box<dyn Fn(&Simulation, &Arc<World>) -> Pipeline>;

/// A pipeline to be simulated. See the [module](self).
pub struct Simulation {
    name: String,
    sink: bool,
    exactly_once: bool,
    fates: Fates,
    worker: Properties,
    connector: Properties,
    build: Build,
    /// How many steps an undisturbed run takes; `0`: not known yet.
    span: AtomicU64,
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Simulation {
    fn new(name: &str, sink: bool, build: Build) -> Self {
        Self {
            name: name.to_owned(),
            sink,
            exactly_once: false,
            fates: Fates::default(),
            worker: Properties::new(),
            connector: Properties::new(),
            build,
            span: AtomicU64::new(0),
        }
    }

    /// Simulates a source. `make` is called for each run and makes a system in its first state.
    pub fn source<M: SourceModel>(make: impl Fn(&Outside) -> M + 'static) -> Self {
        let build = move |simulation: &Self, world: &Arc<World>| simulation.source_pipeline(&make, world);
        Self::new("source", false, Box::new(build))
    }

    /// Simulates a sink. `make` is called for each run and makes a system in its first state.
    pub fn sink<M: SinkModel>(make: impl Fn(&Outside) -> M + 'static) -> Self {
        let build = move |simulation: &Self, world: &Arc<World>| simulation.sink_pipeline(&make, world);
        Self::new("sink", true, Box::new(build))
    }

    /// How failures call it.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets a key of the worker. Keys that the seed chooses otherwise, `offset.flush.interval.ms` for instance, are
    /// fixed by it.
    #[must_use]
    pub fn worker(mut self, key: &str, value: &str) -> Self {
        self.worker.insert(key, value);
        self
    }

    /// Sets a key of the connector beside those of the model.
    #[must_use]
    pub fn connector(mut self, key: &str, value: &str) -> Self {
        self.connector.insert(key, value);
        self
    }

    /// No record may be there twice: for a `read_committed` reader of a source, in the rows of a sink. For a source
    /// the worker is told to write exactly once.
    #[must_use]
    pub fn exactly_once(mut self) -> Self {
        self.exactly_once = true;
        self
    }

    /// A transformation drops some of the records. It knows them by their value, which has to be the text of an
    /// [`Item`].
    #[must_use]
    pub fn filtered(mut self) -> Self {
        self.fates.filter = true;
        self
    }

    /// A transformation fails on some records, which have to be in the dead letter queue. For sinks; values as with
    /// [`filtered`](Self::filtered).
    #[must_use]
    pub fn dead_letters(mut self) -> Self {
        self.fates.letters = true;
        self
    }

    /// The task reports some records by itself, too.
    fn reports(mut self) -> Self {
        self.fates.reports = true;
        self.dead_letters()
    }

    /// Runs a seed.
    ///
    /// # Errors
    ///
    /// The violation, with the shortest schedule that was found.
    pub fn run(&self, seed: u64) -> Result<Summary, Box<Failure>> {
        let schedule = Schedule::of(seed, self.shape());
        self.once(&schedule, false).0.map_err(|violation| self.shrink(schedule, violation))
    }

    /// The schedule of a seed.
    pub fn schedule(&self, seed: u64) -> Schedule {
        Schedule::of(seed, self.shape())
    }

    /// Runs a schedule that a failure printed, or that somebody wrote.
    ///
    /// # Errors
    ///
    /// The violation. The schedule is not made shorter.
    pub fn replay(&self, schedule: &Schedule) -> Result<Summary, Box<Failure>> {
        let (result, steps) = self.once(schedule, true);
        result.map_err(|violation| {
            Box::new(Failure {
                simulation: self.name.clone(),
                schedule: schedule.clone(),
                shortest: schedule.clone(),
                violation,
                steps,
            })
        })
    }

    /// Every step of a schedule, as a failure shows them, whether it fails or not.
    pub fn steps(&self, schedule: &Schedule) -> Vec<String> {
        self.once(schedule, true).1
    }

    fn shape(&self) -> Shape {
        let mut span = self.span.load(Relaxed);
        if span == 0 {
            let undisturbed = Schedule { seed: 0, noisy: true, faults: Vec::new() };
            span = match self.once(&undisturbed, false).0 {
                Ok(summary) => summary.steps,
                Err(_) => 500,
            };
            self.span.store(span, Relaxed);
        }
        Shape { sink: self.sink, exactly_once: self.exactly_once && !self.sink, span }
    }

    fn once(&self, schedule: &Schedule, traced: bool) -> (Result<Summary, String>, Vec<String>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return (Err(format!("no runtime: {error}")), Vec::new()),
        };
        runtime.block_on(async {
            let world = World::new(schedule, drive::kafka(), traced);
            let _running = Running::new(&world, self.fates);
            let pipeline = (self.build)(self, &world);
            let checks = Arc::clone(&pipeline.checks);
            // Nobody set it before.
            let _ = world.check.set(Box::new(move || checks.committed()));
            let drive = Drive {
                world: &world,
                pipeline: &pipeline,
                disturbances: JoinSet::new(),
                written: 0,
                began: Instant::now(),
                calm_since: None,
                connect: None,
            };
            Box::pin(drive.run()).await;
            let (trace, steps) = world.trace();
            let summary =
                Summary { steps: world.steps(), lives: world.lives(), faults: world.fired(), trace };
            (world.violation().map_or(Ok(summary), Err), steps)
        })
    }
}
