//! The engine, simulated; and the simulation itself.

use std::sync::{Arc, Mutex};

use connect_api::plugins::PluginFuture;
use connect_api::{
    Error, Offsets, Properties, Result, SinkConnector, SinkConnectorContext, SinkRecord, SinkTask,
    SinkTaskContext, async_trait,
};
use connect_testkit::simulation::{
    Fault, FaultKind, Item, Outside, Scenario, Schedule, Simulation, SinkModel,
};

/// How many seeds of each scenario every test run takes; `cargo xtask simulate` takes more.
const SEEDS: u64 = 60;

fn holds(scenario: Scenario) {
    let simulation = scenario.simulation();
    for seed in 0..SEEDS {
        simulation.run(seed).unwrap_or_else(|failure| panic!("{failure}"));
    }
}

#[test]
fn an_at_least_once_source_loses_nothing() {
    holds(Scenario::AtLeastOnceSource);
}

#[test]
fn an_exactly_once_source_shows_each_record_once() {
    holds(Scenario::ExactlyOnceSource);
}

#[test]
fn a_sink_loses_nothing() {
    holds(Scenario::Sink);
}

#[test]
fn a_sink_with_a_dead_letter_queue_loses_nothing() {
    holds(Scenario::SinkWithDeadLetters);
}

#[test]
fn a_sink_that_keeps_its_offsets_in_the_target_writes_each_row_once() {
    holds(Scenario::SinkWithOffsets);
}

/// With the conversion stage on: a task of three lanes.
fn in_lanes(scenario: Scenario) -> Simulation {
    scenario.simulation().connector("tasks.conversion.parallelism", "3")
}

#[test]
fn lanes_change_nothing_of_what_is_delivered() {
    for scenario in Scenario::ALL {
        let simulation = in_lanes(scenario);
        for seed in 0..SEEDS {
            simulation.run(seed).unwrap_or_else(|failure| panic!("{failure}"));
        }
    }
}

#[test]
fn a_seed_does_the_same_each_time() {
    let makes: [fn(Scenario) -> Simulation; 2] = [Scenario::simulation, in_lanes];
    for (scenario, make) in Scenario::ALL.into_iter().flat_map(|scenario| makes.map(|make| (scenario, make)))
    {
        for seed in 0..6 {
            let (one, other) = (make(scenario), make(scenario));
            let first = one.run(seed).unwrap();
            assert!(first.steps > 20, "{first:?}");
            // Also as text. The steps say where two runs part.
            let schedule: Schedule = one.schedule(seed).to_string().parse().unwrap();
            assert_eq!(one.steps(&schedule), other.steps(&schedule), "{scenario}, seed {seed}");
            assert_eq!(first, other.run(seed).unwrap(), "{scenario}, seed {seed}");
            assert_eq!(first, other.replay(&schedule).unwrap(), "{scenario}, seed {seed}");
        }
    }
}

#[test]
fn seeds_differ() {
    let simulation = Scenario::Sink.simulation();
    assert_ne!(simulation.schedule(1), simulation.schedule(2));
    assert_ne!(simulation.run(1).unwrap().trace, simulation.run(2).unwrap().trace);
}

#[test]
fn a_crash_ends_the_worker_and_the_next_one_goes_on() {
    let schedule: Schedule = "3 quiet crash@60 crash@140 crash@220".parse().unwrap();
    for scenario in [Scenario::AtLeastOnceSource, Scenario::Sink] {
        let summary = scenario.simulation().replay(&schedule).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!((summary.lives, summary.faults), (4, 3));
    }
}

#[test]
fn a_schedule_that_is_none_says_how_one_looks() {
    assert!("17 noisy late@3".parse::<Schedule>().unwrap_err().contains("late:500@33"));
    assert!("seventeen".parse::<Schedule>().unwrap_err().contains("17 noisy"));
    let fault: Fault = "late:20@3".parse().unwrap();
    assert_eq!(fault, Fault { step: 3, kind: FaultKind::Late(20) });
}

/// A sink that answers before it has written: its buffer is lost with the worker.
struct Forgetful {
    outside: Outside,
    rows: Mutex<Vec<Item>>,
}

struct ForgetfulSink;

struct ForgetfulTask {
    target: Arc<Forgetful>,
    buffer: Vec<Item>,
}

#[async_trait]
impl SinkConnector for ForgetfulSink {
    type Config = Properties;
    type Task = ForgetfulTask;

    async fn start(_: Properties, _: SinkConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        Ok(vec![Properties::default(); max_tasks])
    }
}

#[async_trait]
impl SinkTask for ForgetfulTask {
    type Config = Properties;

    async fn start(_: Properties, _: SinkTaskContext) -> Result<Self> {
        Err(Error::illegal_state("the model starts the task"))
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let items = records.iter().filter_map(|record| Item::parse(record.record.value.value.as_str()?));
        self.buffer.extend(items);
        if self.buffer.len() < 5 && !records.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.buffer);
        self.target.outside.call("insert", || self.target.rows.lock().unwrap().extend(rows)).await
    }

    // The fault: what is in the buffer is not written, yet its offsets may be committed.
    async fn pre_commit(&mut self, offsets: &Offsets) -> Result<Offsets> {
        Ok(offsets.clone())
    }
}

impl SinkModel for Forgetful {
    type Connector = ForgetfulSink;

    fn config(&self) -> Properties {
        Properties::default()
    }

    fn start_task(self: Arc<Self>, _: Properties, _: SinkTaskContext) -> PluginFuture<Box<dyn SinkTask>> {
        Box::pin(async move {
            Ok(Box::new(ForgetfulTask { target: self, buffer: Vec::new() }) as Box<dyn SinkTask>)
        })
    }

    fn rows(&self) -> Vec<Item> {
        self.rows.lock().unwrap().clone()
    }
}

#[test]
fn a_connector_that_loses_records_is_caught_and_its_shortest_schedule_replays() {
    let simulation =
        Simulation::sink(|outside| Forgetful { outside: outside.clone(), rows: Mutex::default() });
    let failure = (0..20).find_map(|seed| simulation.run(seed).err()).unwrap();
    assert!(failure.violation.contains("is not delivered"), "{failure}");
    assert!(failure.shortest.faults.len() <= 1, "{failure}");
    let again = simulation.replay(&failure.shortest).unwrap_err();
    assert_eq!((&again.violation, &again.steps), (&failure.violation, &failure.steps));
    assert!(failure.to_string().contains(&format!("shortest: {}", failure.shortest)));
}
