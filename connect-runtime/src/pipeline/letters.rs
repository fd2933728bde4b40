//! The dead letter queue: records that were given up, on their way into a topic.
//!
//! Whoever gives up a record puts a letter in, which never waits. One writer sends them, in order, again and again
//! until Kafka has them or refuses them for good. The loops wait for the queue where order or memory ask for it:
//! before offsets are committed, and when too many letters are waiting.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connect_api::{Error, Result, Str, TopicPartition};
use tokio::sync::{Notify, oneshot, watch};

use crate::kafka::{KafkaError, Producer, ProducerRecord};
use crate::ledger::LedgerPartition;
use crate::metrics::{TaskCounters, add};

/// Letters that may wait before the loop reads on.
const ROOM: usize = 1000;
/// Letters in one batch.
const BATCH: usize = 500;
/// The pause before Kafka is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// How long the producer may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A dead letter.
pub(crate) struct Letter {
    pub(crate) record: ProducerRecord,
    /// Whose line of the ledger it stands in.
    pub(crate) partition: Option<LedgerPartition>,
    /// For a report of a sink task: who waits for the letter. Its failure is an error of the task.
    pub(crate) reply: Option<oneshot::Sender<Result<()>>>,
}

#[derive(Default)]
struct Waiting {
    letters: VecDeque<Letter>,
    /// Reports that could not be written, with the partition of their record.
    failed: Vec<(TopicPartition, String)>,
    closed: bool,
}

/// The letters of one task that Kafka does not have yet.
pub(crate) struct LetterQueue {
    topic: Str,
    counters: Arc<TaskCounters>,
    waiting: Mutex<Waiting>,
    wake: Notify,
    /// How many letters Kafka does not have.
    pending: watch::Sender<usize>,
}

impl LetterQueue {
    pub(crate) fn new(topic: Str, counters: Arc<TaskCounters>) -> Self {
        Self {
            topic,
            counters,
            waiting: Mutex::default(),
            wake: Notify::new(),
            pending: watch::Sender::new(0),
        }
    }

    pub(crate) fn topic(&self) -> &Str {
        &self.topic
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a letter in.
    pub(crate) fn push(&self, letter: Letter) {
        add(&self.counters.dead_letters, 1);
        // Counted first: a writer that is quick must not count it out before it was counted in.
        self.pending.send_modify(|pending| *pending += 1);
        self.lock().letters.push_back(letter);
        self.wake.notify_one();
    }

    /// How many letters Kafka does not have.
    pub(crate) fn pending(&self) -> usize {
        *self.pending.borrow()
    }

    /// Waits until the writer has caught up. Cancel-safe.
    pub(crate) async fn room(&self) {
        self.below(ROOM).await;
    }

    /// Waits until Kafka has all letters, or has refused them. Cancel-safe.
    pub(crate) async fn settled(&self) {
        self.below(0).await;
    }

    async fn below(&self, limit: usize) {
        if self.pending() > limit {
            // The sender is in `self`: it cannot be gone.
            let _ = self.pending.subscribe().wait_for(|pending| *pending <= limit).await;
        }
    }

    /// The first report that could not be written, as the error that it is for the task. It stays: nothing may be
    /// committed after it, also not when the task closes.
    pub(crate) fn failed(&self) -> Option<Error> {
        let (partition, why) = self.lock().failed.first().cloned()?;
        Some(
            Error::connect("Encountered an error while awaiting an errant record future's completion.")
                .with("topic", &partition.topic)
                .with("partition", partition.partition)
                .with_source(Error::connect(why)),
        )
    }

    /// Partitions were lost: what became of their reports is no longer this task's business.
    pub(crate) fn forget(&self, partitions: &[TopicPartition]) {
        self.lock().failed.retain(|(partition, _)| !partitions.contains(partition));
    }

    /// Ends the writer when it has nothing left to write.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// The writer: sends letters until the queue is closed and empty.
    pub(crate) async fn write(self: Arc<Self>, mut producer: Box<dyn Producer>) {
        loop {
            let woken = self.wake.notified();
            let (mut letters, closed) = {
                let mut waiting = self.lock();
                let count = waiting.letters.len().min(BATCH);
                (waiting.letters.drain(..count).collect::<Vec<_>>(), waiting.closed)
            };
            if letters.is_empty() {
                if closed {
                    break;
                }
                woken.await;
                continue;
            }
            loop {
                letters = self.send(&mut *producer, letters).await;
                if letters.is_empty() {
                    break;
                }
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
        if let Err(error) = producer.close(CLOSE_TIMEOUT).await {
            tracing::warn!(%error, "the producer of the dead letter queue did not close cleanly");
        }
    }

    /// Sends letters; answers those that have to go again.
    async fn send(&self, producer: &mut dyn Producer, letters: Vec<Letter>) -> Vec<Letter> {
        let batch = Arc::new(letters.iter().map(|letter| letter.record.clone()).collect());
        let failed = match producer.send(batch, false).await {
            Ok(delivery) => delivery.await.failed,
            Err(error) if error.is_retriable() => {
                tracing::warn!(%error, topic = %self.topic, "dead letters cannot be written now and are sent again");
                return letters;
            }
            Err(error) => {
                for letter in letters {
                    self.done(letter, Some(&error));
                }
                return Vec::new();
            }
        };
        let mut failed = failed.into_iter().peekable();
        let mut again = Vec::new();
        for (index, letter) in letters.into_iter().enumerate() {
            match failed.next_if(|(other, _)| *other == index) {
                None => self.done(letter, None),
                Some((_, error)) if error.is_retriable() => again.push(letter),
                Some((_, error)) => self.done(letter, Some(&error)),
            }
        }
        if !again.is_empty() {
            tracing::warn!(letters = again.len(), topic = %self.topic, "dead letters cannot be written now and are sent again");
        }
        again
    }

    /// A letter is at its end.
    fn done(&self, letter: Letter, error: Option<&KafkaError>) {
        let result = match error {
            None => Ok(()),
            Some(error) => {
                tracing::error!(%error, "Could not produce message to dead letter queue. topic={}", self.topic);
                add(&self.counters.dead_letter_failures, 1);
                if let Some(partition) = &letter.partition {
                    self.counters.ledger.letter_refused(partition.clone());
                }
                if let (Some(LedgerPartition::Topic(partition)), true) =
                    (&letter.partition, letter.reply.is_some())
                {
                    self.lock().failed.push((partition.clone(), error.to_string()));
                }
                Err(Error::connect(format!(
                    "Could not produce message to dead letter queue. topic={}",
                    self.topic
                ))
                .with_source(Error::connect(error.to_string())))
            }
        };
        if let Some(reply) = letter.reply {
            // Most sinks do not wait for it.
            let _ = reply.send(result);
        }
        self.pending.send_modify(|pending| *pending -= 1);
    }
}

impl std::fmt::Debug for LetterQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let failures = self.counters.dead_letter_failures.load(Relaxed);
        f.debug_struct("LetterQueue")
            .field("topic", &self.topic)
            .field("pending", &self.pending())
            .field("failures", &failures)
            .finish()
    }
}
