//! Opens the dead letter queue of a task: makes its topic, and starts the writer.

use std::sync::Arc;
use std::time::Duration;

use connect_api::{Error, Result};
use tokio::task::JoinSet;

use super::control::Control;
use super::try_later;
use crate::kafka::{self, ClientProperties, Kafka, KafkaError, KafkaErrorKind, NewTopic, Producer};
use crate::pipeline::LetterQueue;

/// How long the writer may take for its last letters. The worker's own deadline is usually shorter.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// What the queue of a task is made of.
pub(crate) struct DeadLetterSpec {
    pub(crate) queue: Arc<LetterQueue>,
    /// What its topic looks like if it has to be made.
    pub(crate) topic: NewTopic,
    pub(crate) producer: ClientProperties,
    pub(crate) admin: ClientProperties,
}

/// The writer of a dead letter queue. Dropping it ends the writer where it is.
pub(super) struct Writer {
    queue: Arc<LetterQueue>,
    tasks: JoinSet<()>,
}

impl Writer {
    /// Writes what is left and ends the writer.
    pub(super) async fn close(mut self) {
        self.queue.close();
        if tokio::time::timeout(CLOSE_TIMEOUT, self.tasks.join_next()).await.is_err() {
            tracing::warn!(
                topic = %self.queue.topic(),
                letters = self.queue.pending(),
                "dead letters were not written in time; their records are read again after the next start"
            );
        }
    }
}

/// Makes the topic if it is missing, and starts the writer. `None`: the task was told to stop meanwhile.
pub(super) async fn open(
    kafka: &dyn Kafka,
    spec: DeadLetterSpec,
    control: &mut Control,
) -> Result<Option<Writer>> {
    let producer = loop {
        let opened = tokio::select! {
            biased;
            opened = make(kafka, &spec) => opened,
            () = control.stopped() => return Ok(None),
        };
        match opened {
            Ok(producer) => break producer,
            Err(error) if error.is_retriable() => {
                if !try_later(control, "open the dead letter queue", error).await? {
                    return Ok(None);
                }
            }
            Err(error) => {
                let topic = spec.queue.topic();
                return Err(Error::connect(format!(
                    "Could not initialize dead letter queue with topic={topic}"
                ))
                .with_source(error));
            }
        }
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&spec.queue).write(producer));
    Ok(Some(Writer { queue: spec.queue, tasks }))
}

async fn make(kafka: &dyn Kafka, spec: &DeadLetterSpec) -> kafka::Result<Box<dyn Producer>> {
    let admin = kafka.admin(&spec.admin).await?;
    let topic = spec.queue.topic();
    if admin.describe_topic(topic.as_str()).await?.is_none() {
        tracing::warn!(%topic, "the topic of the dead letter queue does not exist and is created");
        match admin.create_topic(&spec.topic).await {
            Ok(()) => {}
            Err(error) if error.kind() == KafkaErrorKind::TopicExists => {}
            Err(error) => return Err(at_creation(error)),
        }
    }
    kafka.producer(&spec.producer).await
}

/// A topic that cannot be made, with fewer brokers than replicas for instance, is not made by asking again.
fn at_creation(error: KafkaError) -> KafkaError {
    match error.kind() {
        KafkaErrorKind::Timeout | KafkaErrorKind::Unavailable => error,
        _ => error.with_retriable(false),
    }
}
