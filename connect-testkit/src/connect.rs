//! The whole runtime under test: worker, herder and Kafka in memory, in one process.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use connect_api::{Plugins, Properties};
use connect_runtime::kafka::memory::TopicRecord;
use connect_runtime::{Connect, ConnectBuilder, ConnectorStatus, MemoryKafka, Result, State, Status};

use crate::latch::PATIENCE;

/// The wait between two looks at something that announces no changes.
const LOOK: Duration = Duration::from_millis(10);

/// Begins the description of a runtime for tests.
///
/// Keys and values are text and offsets are flushed every second unless [`property`](TestConnectBuilder::property)
/// says otherwise; every other worker key has Kafka's default.
///
/// ```
/// # use connect_testkit::doc::CounterSource;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let connect = connect_testkit::connect()
///     .plugins(|plugins| {
///         plugins.bundle("1.0").source::<CounterSource>("CounterSource");
///     })
///     .start()
///     .await;
/// connect
///     .create("numbers", [("connector.class", "CounterSource"), ("topic", "t"), ("count", "3")])
///     .await
///     .unwrap();
/// let records = connect.expect_records("t", 3).await;
/// assert_eq!(records[2].value_text(), Some("2"));
/// connect.expect_commits("numbers", 1).await;
/// connect.shutdown().await.unwrap();
/// # }
/// ```
pub fn connect() -> TestConnectBuilder {
    let kafka = MemoryKafka::new();
    let builder = Connect::builder()
        .property("key.converter", "StringConverter")
        .property("value.converter", "StringConverter")
        .property("offset.flush.interval.ms", "1000");
    TestConnectBuilder { builder, kafka }
}

/// Describes a runtime for tests; made by [`connect`].
#[derive(Debug)]
pub struct TestConnectBuilder {
    builder: ConnectBuilder,
    kafka: MemoryKafka,
}

impl TestConnectBuilder {
    /// Runs on this Kafka in memory, which an earlier runtime may have used.
    #[must_use]
    pub fn kafka(mut self, kafka: &MemoryKafka) -> Self {
        self.kafka = kafka.clone();
        self
    }

    /// Registers plugins: pass the `register` function of a plugin crate.
    #[must_use]
    pub fn plugins(mut self, register: impl FnOnce(&mut Plugins)) -> Self {
        self.builder = self.builder.plugins(register);
        self
    }

    /// Sets one of Kafka's worker keys.
    #[must_use]
    pub fn property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.builder = self.builder.property(key, value);
        self
    }

    /// Starts the runtime.
    ///
    /// # Panics
    ///
    /// When it does not start; [`try_start`](Self::try_start) returns the error instead.
    pub async fn start(self) -> TestConnect {
        match self.try_start().await {
            Ok(connect) => connect,
            Err(error) => panic!("the runtime did not start: {error}"),
        }
    }

    /// Starts the runtime.
    ///
    /// # Errors
    ///
    /// Those of [`ConnectBuilder::start`].
    pub async fn try_start(self) -> Result<TestConnect> {
        let connect = self.builder.memory(self.kafka.clone()).start().await?;
        Ok(TestConnect { connect, kafka: self.kafka })
    }
}

/// A runtime for tests. Everything that [`Connect`] can do, and waiting for what should happen.
///
/// Each `expect_…` waits in tokio's time, at most [`PATIENCE`], and panics when it did not happen, with the statuses
/// of all connectors. With a paused clock the wait takes no time.
pub struct TestConnect {
    connect: Connect,
    kafka: MemoryKafka,
}

impl TestConnect {
    /// The Kafka in memory: its records, its groups, its faults.
    pub fn kafka(&self) -> &MemoryKafka {
        &self.kafka
    }

    /// Creates a connector; the answer is that of [`Connect::create`].
    ///
    /// # Errors
    ///
    /// Those of [`Connect::create`].
    pub async fn create(&self, name: &str, config: impl Into<Properties>) -> Result<()> {
        self.connect.create(name, config).await
    }

    /// Waits until a topic holds at least `count` records, and returns all of them.
    ///
    /// # Panics
    ///
    /// When they do not come.
    pub async fn expect_records(&self, topic: &str, count: usize) -> Vec<TopicRecord> {
        match tokio::time::timeout(PATIENCE, self.kafka.wait_for_records(topic, count)).await {
            Ok(records) => records,
            Err(_) => panic!(
                "topic {topic} has {} of {count} records after {PATIENCE:?}\n{}",
                self.kafka.count_records(topic),
                self.statuses()
            ),
        }
    }

    /// Waits until a connector's tasks have committed offsets at least `count` times in total.
    ///
    /// # Panics
    ///
    /// When they do not.
    pub async fn expect_commits(&self, connector: &str, count: u64) {
        self.expect(&format!("{count} offset commits of {connector}"), || {
            let metrics = self.connect.metrics(connector).ok()?;
            let commits: u64 = metrics.iter().map(|(_, metrics)| metrics.offset_commits).sum();
            (commits >= count).then_some(())
        })
        .await;
    }

    /// Waits until a sink's consumer group has committed at least `offset` for a partition.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn expect_committed(&self, connector: &str, topic: &str, partition: i32, offset: i64) {
        let group = format!("connect-{connector}");
        let partition = connect_api::TopicPartition::new(topic, partition);
        let wait = self.kafka.wait_until(|kafka| {
            kafka
                .committed(&group)
                .get(&partition)
                .is_some_and(|committed| *committed >= offset)
                .then_some(())
        });
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!(
                "group {group} has committed {:?} and not {offset} of {partition} after {PATIENCE:?}\n{}",
                self.kafka.committed(&group),
                self.statuses()
            );
        }
    }

    /// Waits until a connector's tasks have settled at least `count` records in total: delivered, filtered or skipped.
    ///
    /// # Panics
    ///
    /// When they do not.
    pub async fn expect_settled(&self, connector: &str, count: u64) {
        self.expect(&format!("{count} settled records of {connector}"), || {
            let metrics = self.connect.metrics(connector).ok()?;
            let settled = |(_, metrics): &(usize, connect_runtime::TaskMetrics)| {
                metrics.records_delivered + metrics.records_filtered + metrics.records_skipped
            };
            (metrics.iter().map(settled).sum::<u64>() >= count).then_some(())
        })
        .await;
    }

    /// Waits until a connector and all its tasks are in a state.
    ///
    /// # Panics
    ///
    /// When they are not; at once when one of them fails, with its trace.
    pub async fn expect_state(&self, connector: &str, state: State) -> ConnectorStatus {
        match self.connect.wait_for(connector, state, PATIENCE).await {
            Ok(status) => status,
            Err(error) => panic!("{connector} is not {state}: {error}\n{}", self.statuses()),
        }
    }

    /// Waits until one task is in a state, and returns its status.
    ///
    /// # Panics
    ///
    /// When it is not.
    pub async fn expect_task_state(&self, connector: &str, task: usize, state: State) -> Status {
        self.expect(&format!("task {connector}-{task} to be {state}"), || {
            let status = self.connect.status(connector).ok()?;
            let found = status.tasks.into_iter().find(|(number, _)| *number == task);
            found.map(|(_, status)| status).filter(|status| status.state == state)
        })
        .await
    }

    /// Waits until the connector itself, whatever its tasks do, is in a state, and returns its status.
    ///
    /// # Panics
    ///
    /// When it is not.
    pub async fn expect_connector_state(&self, connector: &str, state: State) -> Status {
        self.expect(&format!("connector {connector} to be {state}"), || {
            let status = self.connect.status(connector).ok()?.connector;
            (status.state == state).then_some(status)
        })
        .await
    }

    /// Waits until `look` returns something. It is asked again and again, a hundredth of a second apart.
    ///
    /// # Panics
    ///
    /// When it does not within [`PATIENCE`].
    pub async fn expect<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let search = async {
            loop {
                match look() {
                    Some(found) => return found,
                    None => tokio::time::sleep(LOOK).await,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!("waited {PATIENCE:?} for {what}\n{}", self.statuses()),
        }
    }

    fn statuses(&self) -> String {
        let names = self.connect.connectors();
        let statuses = names.iter().filter_map(|name| self.connect.status(name).ok());
        statuses.map(|status| format!("{status:#?}\n")).collect()
    }
}

impl Deref for TestConnect {
    type Target = Connect;

    fn deref(&self) -> &Connect {
        &self.connect
    }
}

impl fmt::Debug for TestConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestConnect").field("connect", &self.connect).field("kafka", &self.kafka).finish()
    }
}
