//! What the author of a connector brings: a model of the other system, and how its records are recognised.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use connect_api::plugins::PluginFuture;
use connect_api::{
    Config, Error, Properties, Result, SinkConnector, SinkTask, SinkTaskContext, SourceConnector,
    SourceOffset, SourcePartition, SourceTask, SourceTaskContext,
};
use connect_runtime::kafka::memory::{Payload, TopicRecord};

use super::call::Call;
use super::hooks::LIFE;
use super::schedule::FaultKind;
use super::world::World;

/// Which record: its partition, and its number in it, counted from 0.
///
/// Of a source, partition means source partition, under a name that the model chooses; of a sink, the number of the
/// topic partition and the offset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    /// The partition.
    pub partition: String,
    /// Which of its records.
    pub number: u64,
}

impl Item {
    /// The record of a partition with this number.
    pub fn new(partition: impl Into<String>, number: u64) -> Self {
        Self { partition: partition.into(), number }
    }

    /// Reads what `to_string` wrote: `partition/number`.
    ///
    /// ```
    /// use connect_testkit::simulation::Item;
    ///
    /// let item = Item::new("orders", 17);
    /// assert_eq!(item.to_string(), "orders/17");
    /// assert_eq!(Item::parse("orders/17"), Some(item));
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (partition, number) = text.rsplit_once('/')?;
        Some(Self::new(partition, number.parse().ok()?))
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.number)
    }
}

/// How a model passes calls to the simulated system on. Clones are handles of the same.
///
/// A worker may end before the call has an effect and after it; the call may be late, fail without an effect, or have
/// its effect and lose its answer.
#[derive(Clone)]
pub struct Outside(Arc<World>);

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outside")
    }
}

impl Outside {
    pub(super) fn new(world: &Arc<World>) -> Self {
        Self(Arc::clone(world))
    }

    /// A number below `limit` that the seed chose: for sizes and settings of the model.
    pub fn below(&self, limit: u64) -> u64 {
        self.0.below(limit)
    }

    /// Makes a call to the simulated system: `effect` changes or reads it in one step.
    ///
    /// # Errors
    ///
    /// A retriable one when a fault hit the call. As with a real system, the caller cannot tell whether it had its
    /// effect.
    pub async fn call<T>(&self, what: &str, effect: impl FnOnce() -> T) -> Result<T> {
        let life = LIFE.try_with(|life| *life).unwrap_or_else(|_| self.0.life());
        let hit = self.0.enter(life, Call::Outside, what.to_owned()).await;
        if hit == Some(FaultKind::FailOutside) {
            return Err(Error::retriable(format!("simulated: {what} failed")));
        }
        let done = effect();
        self.0.leave(life, Call::Outside, format!("{what} done")).await;
        if hit == Some(FaultKind::LoseOutside) {
            return Err(Error::retriable(format!("simulated: the answer to {what} was lost")));
        }
        Ok(done)
    }
}

/// A source connector and the system that it reads. The model outlives all workers of a run.
pub trait SourceModel: Send + Sync + 'static {
    /// The connector.
    type Connector: SourceConnector;

    /// Its configuration; `name` and `connector.class` are added.
    fn config(&self) -> Properties;

    /// Starts a task. Override it to hand the task this model; otherwise the task starts from its configuration alone.
    ///
    /// # Errors
    ///
    /// Those of the task's start; they fail the task, which is restarted.
    fn start_task(
        self: Arc<Self>,
        config: Properties,
        context: SourceTaskContext,
    ) -> PluginFuture<Box<dyn SourceTask>> {
        Box::pin(async move {
            let config = <<Self::Connector as SourceConnector>::Task as SourceTask>::Config::parse(&config)?;
            let task = <Self::Connector as SourceConnector>::Task::start(config, context).await?;
            Ok(Box::new(task) as Box<dyn SourceTask>)
        })
    }

    /// How many records the system holds, by partition. Each has to arrive.
    fn records(&self) -> BTreeMap<String, u64>;

    /// The topic that they go to.
    fn topic(&self) -> String;

    /// Which record this is. `None`: none of the system, which is a violation.
    fn identify(&self, record: &TopicRecord) -> Option<Item>;

    /// Where an offset of the connector points: the first record of the partition that comes after it.
    fn position(&self, partition: &SourcePartition, offset: &SourceOffset) -> Option<Item>;
}

/// A sink connector and the system that it writes. The model outlives all workers of a run.
pub trait SinkModel: Send + Sync + 'static {
    /// The connector.
    type Connector: SinkConnector;

    /// Its configuration; `name`, `connector.class` and `topics` are added.
    fn config(&self) -> Properties;

    /// Starts a task. Override it to hand the task this model; otherwise the task starts from its configuration alone.
    ///
    /// # Errors
    ///
    /// Those of the task's start; they fail the task, which is restarted.
    fn start_task(
        self: Arc<Self>,
        config: Properties,
        context: SinkTaskContext,
    ) -> PluginFuture<Box<dyn SinkTask>> {
        Box::pin(async move {
            let config = <<Self::Connector as SinkConnector>::Task as SinkTask>::Config::parse(&config)?;
            let task = <Self::Connector as SinkConnector>::Task::start(config, context).await?;
            Ok(Box::new(task) as Box<dyn SinkTask>)
        })
    }

    /// The value of the record that a sink shall deliver. The default is the item as text.
    fn value(&self, item: &Item) -> Payload {
        item.to_string().into()
    }

    /// What the system holds durably, in the order in which it was written, repeats included.
    fn rows(&self) -> Vec<Item>;
}
