//! Dead letter topics: read, explained, and replayed to where their records came from.
//!
//! [`Connect::dead_letters`](crate::Connect::dead_letters) opens a topic from a running worker,
//! [`ConnectBuilder::dead_letters`](crate::ConnectBuilder::dead_letters) without one.
//!
//! ```
//! use connect_runtime::Connect;
//! use connect_runtime::dead_letters::Selection;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let connect = Connect::builder().in_memory().start().await?;
//! # let kafka = connect.memory().ok_or("in memory")?;
//! # kafka.create_topic("orders-dead", 1, &[])?;
//! let topic = connect.dead_letters("orders-dead");
//! for letter in topic.list(&Selection::all().stage("VALUE_CONVERTER")).await? {
//!     println!("{}-{}: {:?}", letter.partition, letter.offset, letter.message());
//! }
//! // The converter was repaired: these records have another chance.
//! let replayed = topic.replay(&Selection::all().stage("VALUE_CONVERTER"), None).await?;
//! println!("{} records are back in their topics", replayed.records);
//! # connect.shutdown().await?;
//! # Ok(())
//! # }
//! ```

mod letter;
mod replay;
mod selection;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use connect_api::TopicPartition;

pub use self::letter::DeadLetter;
pub use self::replay::Replayed;
pub use self::selection::Selection;
use crate::config::WorkerConfig;
use crate::config::clients::{self, ClientSettings};
use crate::error::{Error, Result};
use crate::kafka::{ConsumerEvent, IsolationLevel, Kafka, KafkaError};

/// How long one poll waits for the records that are known to be there.
const POLL: Duration = Duration::from_secs(1);
/// How long nothing may come before reading is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a client may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A topic of dead letters. Reading it commits no offsets and joins no group.
#[derive(Clone, Debug)]
pub struct DeadLetterTopic {
    kafka: Arc<dyn Kafka>,
    clients: Arc<Clients>,
    topic: String,
}

#[derive(Debug)]
struct Clients {
    consumer: ClientSettings,
    producer: ClientSettings,
    admin: ClientSettings,
}

impl DeadLetterTopic {
    pub(crate) fn new(kafka: Arc<dyn Kafka>, worker: &WorkerConfig, topic: impl Into<String>) -> Self {
        let clients = Clients {
            consumer: clients::dlq_tool_consumer(worker),
            producer: clients::dlq_tool_producer(worker),
            admin: clients::shared_admin(worker),
        };
        Self { kafka, clients: Arc::new(clients), topic: topic.into() }
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The selected letters that stand in the topic now, by partition and offset. All of them are held in memory:
    /// [`visit`](Self::visit) looks at one at a time.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such topic; [`Error::Kafka`] when it cannot be read.
    pub async fn list(&self, selection: &Selection) -> Result<Vec<DeadLetter>> {
        let mut letters = Vec::new();
        self.visit(selection, |letter| {
            letters.push(letter);
            ControlFlow::Continue(())
        })
        .await?;
        letters.sort_by_key(|letter| (letter.partition, letter.offset));
        Ok(letters)
    }

    /// Shows each selected letter that stands in the topic now, in order within each partition, until all have been
    /// seen or `look` breaks off.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such topic; [`Error::Kafka`] when it cannot be read.
    pub async fn visit(
        &self,
        selection: &Selection,
        mut look: impl FnMut(DeadLetter) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut reader = self.reader(selection).await?;
        let mut end = ControlFlow::Continue(());
        while end.is_continue() {
            let Some(letters) = reader.next().await? else { break };
            for letter in letters.into_iter().filter(|letter| selection.matches(letter)) {
                end = look(letter);
                if end.is_break() {
                    break;
                }
            }
        }
        reader.close().await;
        Ok(())
    }

    fn failed(&self, error: KafkaError) -> Error {
        Error::kafka(format!("could not read the dead letter topic {}", self.topic), error)
    }

    async fn reader(&self, selection: &Selection) -> Result<Reader<'_>> {
        let admin = self.kafka.admin(&self.clients.admin.properties).await.map_err(|e| self.failed(e))?;
        let described = admin.describe_topic(&self.topic).await.map_err(|error| self.failed(error))?;
        let Some(description) = described else {
            return Err(Error::NotFound(format!("There is no topic {}", self.topic)));
        };
        let partitions: Vec<_> = (0..description.partitions)
            .filter(|partition| selection.wants_partition(*partition))
            .map(|partition| TopicPartition::new(self.topic.as_str(), partition))
            .collect();
        let begins = admin.beginning_offsets(&partitions).await.map_err(|error| self.failed(error))?;
        let ends = admin.end_offsets(&partitions, IsolationLevel::ReadUncommitted).await;
        let ends = ends.map_err(|error| self.failed(error))?;
        // What comes later, a letter about a replayed record for instance, is not of this look.
        let left: Vec<_> = partitions
            .into_iter()
            .filter_map(|partition| {
                let begin = begins.get(&partition).copied().unwrap_or_default();
                let end = ends.get(&partition).copied().unwrap_or_default();
                let begin = begin.max(selection.first_offset(partition.partition).unwrap_or(begin));
                (begin < end).then_some((partition, begin, end))
            })
            .collect();
        let mut consumer =
            self.kafka.consumer(&self.clients.consumer.properties).await.map_err(|e| self.failed(e))?;
        let assigned: Vec<_> = left.iter().map(|(partition, ..)| partition.clone()).collect();
        consumer.assign(&assigned).await.map_err(|error| self.failed(error))?;
        for (partition, begin, _) in &left {
            consumer.seek(partition, *begin).await.map_err(|error| self.failed(error))?;
        }
        let left = left.into_iter().map(|(partition, _, end)| (partition, end)).collect();
        Ok(Reader { topic: self, consumer, left })
    }
}

/// Reads what stood in the topic when it began.
struct Reader<'a> {
    topic: &'a DeadLetterTopic,
    consumer: Box<dyn crate::kafka::Consumer>,
    /// Partitions that are not read to their end, with that end.
    left: Vec<(TopicPartition, i64)>,
}

impl Reader<'_> {
    /// The next letters; `None` after the last.
    async fn next(&mut self) -> Result<Option<Vec<DeadLetter>>> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !self.left.is_empty() {
            let event = match self.consumer.poll(POLL).await {
                Ok(event) => event,
                Err(error) if error.is_retriable() && tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(POLL / 10).await;
                    continue;
                }
                Err(error) => return Err(self.topic.failed(error)),
            };
            let ConsumerEvent::Records(batches) = event else { continue };
            let mut letters = Vec::new();
            for batch in batches {
                let Some(at) = self.left.iter().position(|(partition, _)| *partition == batch.partition)
                else {
                    continue;
                };
                let end = self.left[at].1;
                if batch.next_offset >= end {
                    self.left.swap_remove(at);
                }
                let records = batch.records.into_iter().filter(|record| record.offset < end);
                letters.extend(records.map(|record| DeadLetter::new(&batch.partition, record)));
            }
            if !letters.is_empty() {
                return Ok(Some(letters));
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(Error::Timeout(format!(
                    "nothing came from the dead letter topic {} within {PATIENCE:?}",
                    self.topic.topic
                )));
            }
        }
        Ok(None)
    }

    async fn close(self) {
        if let Err(error) = self.consumer.close(CLOSE_TIMEOUT).await {
            tracing::warn!(%error, "the consumer of the dead letter topic did not close cleanly");
        }
    }
}
