//! [`DatagenSource`] and its task.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use connect_api::Config as _;
use connect_api::{
    Error, ExactlyOnceSupport, OffsetValue, Properties, Record, Result, SourceConnector,
    SourceConnectorContext, SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext, Str,
    async_trait,
};
use tokio::time::{Instant, sleep};

use crate::config::Template;
use crate::random::Random;
use crate::{DatagenConfig, DatagenTaskConfig};

const TASK_ID: &str = "task.id";
const CURRENT_ITERATION: &str = "current.iteration";
const RANDOM_SEED: &str = "random.seed";
/// The largest number of records that one poll gives.
const BATCH: usize = 1000;

/// Makes up records of a schema. Each of `tasks.max` tasks makes its own.
#[derive(Debug)]
#[doc(alias = "io.confluent.kafka.connect.datagen.DatagenConnector")]
pub struct DatagenSource {
    config: DatagenConfig,
}

#[async_trait]
impl SourceConnector for DatagenSource {
    type Config = DatagenConfig;
    type Task = DatagenTask;

    async fn start(config: DatagenConfig, _context: SourceConnectorContext) -> Result<Self> {
        // A schema file that cannot be used fails the connector rather than each task.
        Template::load(&config).await?;
        Ok(Self { config })
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        let config = self.config.to_properties();
        Ok((0..max_tasks).map(|task| config.clone().with(TASK_ID, task.to_string())).collect())
    }

    /// A record depends on its number alone, so any offset can be resumed from.
    fn exactly_once_support(_config: &DatagenConfig) -> ExactlyOnceSupport {
        ExactlyOnceSupport::Supported
    }

    async fn sample(config: DatagenConfig) -> Result<Option<Record>> {
        let template = Template::load(&config).await?;
        let mut random = Random::of_record(config.random_seed.unwrap_or_default(), 0, 0);
        Ok(Some(template.record(config.kafka_topic.into(), 0, &mut random)?))
    }

    async fn alter_offsets(
        _config: DatagenConfig,
        offsets: &[(SourcePartition, Option<SourceOffset>)],
    ) -> Result<bool> {
        for (partition, offset) in offsets {
            let Some(offset) = offset else { continue };
            iteration(offset)?;
            if partition.i64(TASK_ID).is_none() {
                return Err(Error::connect(format!(
                    "Partition objects should contain the number '{TASK_ID}'"
                )));
            }
        }
        Ok(true)
    }
}

fn iteration(offset: &SourceOffset) -> Result<i64> {
    offset.i64(CURRENT_ITERATION).filter(|iteration| *iteration >= 0).ok_or_else(|| {
        Error::connect(format!("Offset objects should contain '{CURRENT_ITERATION}', a non-negative number"))
            .with("offset", format_args!("{offset:?}"))
    })
}

/// The task of [`DatagenSource`].
#[derive(Debug)]
pub struct DatagenTask {
    template: Template,
    topic: Str,
    partition: SourcePartition,
    seed: i64,
    task: i64,
    next: i64,
    /// The number of the last record and one; `None` for no end.
    end: Option<i64>,
    max_interval: Duration,
    /// When the next record is due, with an interval.
    due: Option<Instant>,
    timeout: Option<Duration>,
}

impl DatagenTask {
    fn record(&mut self) -> Result<SourceRecord> {
        let began = self.timeout.map(|timeout| (timeout, Instant::now()));
        let mut random = Random::of_record(self.seed, self.task, self.next);
        let record = self.template.record(self.topic.clone(), self.next, &mut random)?;
        if let Some((timeout, began)) = began
            && began.elapsed() > timeout
        {
            return Err(
                Error::connect("Making a record took longer than generate.timeout").with("record", self.next)
            );
        }
        self.next += 1;
        let offset = SourceOffset::from_entries([(CURRENT_ITERATION, self.next), (RANDOM_SEED, self.seed)]);
        Ok(SourceRecord::new(self.partition.clone(), offset, record))
    }

    /// The random interval before the next record, which is the same again after a restart.
    fn interval(&self) -> Duration {
        self.max_interval.mul_f64(Random::of_record(!self.seed, self.task, self.next).unit())
    }

    fn is_at_end(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }
}

#[async_trait]
impl SourceTask for DatagenTask {
    type Config = DatagenTaskConfig;

    async fn start(config: DatagenTaskConfig, context: SourceTaskContext) -> Result<Self> {
        let DatagenTaskConfig { connector: config, task_id: task } = config;
        let template = Template::load(&config).await?;
        let partition = SourcePartition::of(TASK_ID, task);
        let stored = context.offset_storage_reader().offset(&partition).await?;
        let next = stored.as_ref().map_or(Ok(0), iteration)?;
        let stored_seed = stored.as_ref().and_then(|offset| match offset.get(RANDOM_SEED) {
            Some(OffsetValue::Int64(seed)) => Some(*seed),
            _ => None,
        });
        // The standard library's hasher is seeded by the operating system.
        let seed =
            config.random_seed.or(stored_seed).unwrap_or_else(|| RandomState::new().hash_one(task) as i64);
        Ok(Self {
            template,
            topic: config.kafka_topic.into(),
            partition,
            seed,
            task,
            next,
            end: (config.iterations >= 0).then_some(config.iterations),
            max_interval: config.max_interval,
            due: None,
            timeout: config.generate_timeout,
        })
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        if self.is_at_end() {
            sleep(max_wait).await;
            return Ok(vec![]);
        }
        let mut records = Vec::new();
        if self.max_interval.is_zero() {
            records.reserve(BATCH);
            while records.len() < BATCH && !self.is_at_end() {
                records.push(self.record()?);
            }
            return Ok(records);
        }
        let now = Instant::now();
        let mut due = self.due.unwrap_or_else(|| now + self.interval());
        self.due = Some(due);
        tokio::time::sleep_until(due.min(now + max_wait)).await;
        let now = Instant::now();
        while due <= now && records.len() < BATCH && !self.is_at_end() {
            records.push(self.record()?);
            due += self.interval();
        }
        // After a long pause the missed records are not made up for.
        self.due = Some(if records.len() < BATCH { due } else { due.max(now) });
        Ok(records)
    }
}
