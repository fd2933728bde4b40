//! Puts a pipeline together out of a model, a simulation's settings and the seed's choices.

use std::sync::{Arc, Mutex};

use connect_api::{Plugins, Properties};

use super::Simulation;
use super::checks::{SinkChecks, SourceChecks};
use super::drive::Pipeline;
use super::hooks::{WatchedSink, WatchedSource};
use super::model::{Item, Outside, SinkModel, SourceModel};
use super::world::{DEAD, INPUT, OFFSETS, World};

/// The connector's class in the simulated worker.
const CLASS: &str = "Simulated";

impl Simulation {
    /// The worker's settings: some are the seed's choice.
    fn worker_settings(&self, outside: &Outside) -> Properties {
        let pick = |choices: &[&str]| {
            let index = usize::try_from(outside.below(choices.len() as u64)).unwrap_or(0);
            choices.get(index).copied().unwrap_or_default().to_owned()
        };
        let mut worker = Properties::from([
            ("key.converter", "StringConverter"),
            ("value.converter", "StringConverter"),
            ("consumer.session.timeout.ms", "10000"),
        ]);
        worker.insert("offset.storage.topic", OFFSETS);
        worker.insert("offset.flush.interval.ms", pick(&["60", "250", "1000", "4000"]));
        worker.insert("offset.flush.timeout.ms", pick(&["500", "2000", "5000"]));
        worker.insert("consumer.max.poll.records", pick(&["1", "2", "5", "50"]));
        if self.exactly_once && !self.sink {
            worker.insert("exactly.once.source.id", "simulated");
        }
        worker.extend(self.worker.clone());
        worker
    }

    fn connector_settings(&self, config: Properties) -> Properties {
        let mut connector = config;
        connector.insert("connector.class", CLASS);
        if self.fates.filter || self.fates.letters {
            connector.insert("transforms", "fates");
            connector.insert("transforms.fates.type", "SimulatedFates");
        }
        if self.fates.letters {
            connector.insert("errors.tolerance", "all");
            connector.insert("errors.deadletterqueue.topic.name", DEAD);
            connector.insert("errors.deadletterqueue.topic.replication.factor", "1");
            connector.insert("errors.deadletterqueue.context.headers.enable", "true");
        }
        connector.extend(self.connector.clone());
        connector
    }

    pub(super) fn source_pipeline<M: SourceModel>(
        &self,
        make: &dyn Fn(&Outside) -> M,
        world: &Arc<World>,
    ) -> Pipeline {
        let outside = Outside::new(world);
        let worker = self.worker_settings(&outside);
        let model = Arc::new(make(&outside));
        let register = {
            let (world, model) = (Arc::clone(world), Arc::clone(&model));
            move |plugins: &mut Plugins, life: u64| {
                let (world, model) = (Arc::clone(&world), Arc::clone(&model));
                plugins.bundle("simulated").source_with::<M::Connector>(CLASS, move |config, context| {
                    let (world, model) = (Arc::clone(&world), Arc::clone(&model));
                    Box::pin(async move {
                        WatchedSource::make(&world, life, model.start_task(config, context)).await
                    })
                });
            }
        };
        Pipeline {
            register: Box::new(register),
            worker,
            connector: self.connector_settings(model.config()),
            checks: Arc::new(SourceChecks {
                world: Arc::clone(world),
                model,
                fates: self.fates,
                exactly_once: self.exactly_once,
                looked: Mutex::new(0),
            }),
            input: Vec::new(),
            source: true,
            letters: false,
        }
    }

    pub(super) fn sink_pipeline<M: SinkModel>(
        &self,
        make: &dyn Fn(&Outside) -> M,
        world: &Arc<World>,
    ) -> Pipeline {
        let outside = Outside::new(world);
        let worker = self.worker_settings(&outside);
        let partitions = 1 + outside.below(3);
        let counts: Vec<_> = (0..partitions).map(|_| 6 + outside.below(24)).collect();
        let tasks = 1 + outside.below(2);
        let model = Arc::new(make(&outside));
        let register = {
            let (world, model) = (Arc::clone(world), Arc::clone(&model));
            move |plugins: &mut Plugins, life: u64| {
                let (world, model) = (Arc::clone(&world), Arc::clone(&model));
                plugins.bundle("simulated").sink_with::<M::Connector>(CLASS, move |config, context| {
                    let (world, model) = (Arc::clone(&world), Arc::clone(&model));
                    Box::pin(async move {
                        let start = move |context| model.start_task(config, context);
                        WatchedSink::make(&world, life, context, start).await
                    })
                });
            }
        };
        let created = world.kafka.create_topic(INPUT, i32::try_from(partitions).unwrap_or(1), &[]);
        if let Err(error) = created {
            world.violate(format!("the input topic was not made: {error}"));
        }
        let input = (0..partitions).zip(&counts).map(|(partition, count)| {
            let items = (0..*count).map(|number| Item::new(partition.to_string(), number));
            items.map(|item| (item.clone(), model.value(&item).into())).collect()
        });
        let input = input.collect();
        let mut connector = self.connector_settings(model.config());
        connector.insert("topics", INPUT);
        if connector.get("tasks.max").is_none() {
            connector.insert("tasks.max", tasks.to_string());
        }
        Pipeline {
            register: Box::new(register),
            worker,
            connector,
            checks: Arc::new(SinkChecks {
                world: Arc::clone(world),
                model,
                fates: self.fates,
                exactly_once: self.exactly_once,
                input: counts,
                looked: Mutex::default(),
            }),
            input,
            source: false,
            letters: self.fates.letters,
        }
    }
}
