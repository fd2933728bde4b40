//! A log over a compacted topic: everything that is in it is read and applied in order, what is written comes back by
//! reading.
//!
//! One actor owns the clients. It reads all the time; it writes, and waits for the end of the topic, when it is asked.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connect_api::{Error, Offsets, RawHeaders, Result, Str, TopicPartition};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::internal::{self, Purpose};
use crate::kafka::{
    Admin, ClientProperties, Consumer, ConsumerEvent, IsolationLevel, Kafka, NewTopic, Producer,
    ProducerRecord,
};

/// How long the topic may take for a write, and for being read to its end.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest wait for records in between.
const POLL_WAIT: Duration = Duration::from_millis(500);
/// The pause after a failed call that may succeed later.
const PAUSE: Duration = Duration::from_millis(200);
/// Commands that may wait.
const INBOX: usize = 64;

/// A record as it was read.
#[derive(Debug)]
pub(crate) struct LogRecord {
    pub(crate) topic: Str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Option<Bytes>,
}

/// How much of a key stands in the log.
const SHOWN: usize = 200;

impl LogRecord {
    /// Says in the log that the record means nothing here. It is skipped; its value may be a secret and is not shown.
    pub(crate) fn skipped(&self, why: &str) {
        let key = self.key.as_deref().map(|key| String::from_utf8_lossy(&key[..key.len().min(SHOWN)]));
        tracing::error!(
            topic = %self.topic,
            partition = self.partition,
            offset = self.offset,
            key = key.as_deref().unwrap_or("(none)"),
            why,
            "a record of an internal topic cannot be read and is skipped"
        );
    }
}

/// What a record is handed to. It must not block.
pub(crate) type Apply = Box<dyn FnMut(LogRecord) + Send>;
/// What is written: key and value.
pub(crate) type Entry = (Bytes, Option<Bytes>);

type Reply = oneshot::Sender<Result<()>>;

enum Command {
    ReadToEnd(Reply),
    Write(Vec<Entry>, Reply),
    /// Takes over the right to write in transactions.
    Claim(Box<ClientProperties>, Reply),
    WriteInTransaction(Vec<Entry>, Reply),
}

/// Which topic, and the clients that reach it.
#[derive(Clone, Debug)]
pub(crate) struct LogTopic {
    /// Made when it is missing.
    pub(crate) topic: NewTopic,
    pub(crate) producer: ClientProperties,
    pub(crate) consumer: ClientProperties,
    pub(crate) admin: ClientProperties,
}

/// How the log is opened.
pub(crate) struct LogSettings {
    pub(crate) topic: LogTopic,
    pub(crate) purpose: Purpose,
    /// Whether the topic is made when it is missing.
    pub(crate) create: bool,
    pub(crate) isolation: IsolationLevel,
}

/// See the module. Dropping it ends the actor.
pub(crate) struct TopicLog {
    commands: mpsc::Sender<Command>,
    partitions: i32,
    _actor: JoinSet<()>,
}

impl TopicLog {
    /// Opens the topic and reads it to its end.
    pub(crate) async fn open(kafka: &Arc<dyn Kafka>, settings: LogSettings, apply: Apply) -> Result<Self> {
        let LogSettings { topic: settings, purpose, create, isolation } = settings;
        let topic = settings.topic.name.clone();
        let admin = kafka.admin(&settings.admin).await?;
        let count = internal::ensure(&*admin, kafka.capabilities(), &settings.topic, purpose, create).await?;
        let partitions: Vec<_> =
            (0..count).map(|partition| TopicPartition::new(topic.clone(), partition)).collect();
        let mut properties = settings.consumer;
        if isolation == IsolationLevel::ReadCommitted {
            properties.insert("isolation.level".to_owned(), "read_committed".to_owned());
        }
        let mut consumer = kafka.consumer(&properties).await?;
        consumer.assign(&partitions).await?;
        let starts = admin.beginning_offsets(&partitions).await?;
        for (partition, offset) in &starts {
            consumer.seek(partition, *offset).await?;
        }
        let producer = kafka.producer(&settings.producer).await?;
        let (commands, inbox) = mpsc::channel(INBOX);
        let actor = Actor {
            kafka: Arc::clone(kafka),
            topic,
            inbox,
            producer,
            transactional: None,
            consumer,
            admin,
            isolation,
            positions: starts,
            partitions,
            waiting: Vec::new(),
            deliveries: FuturesUnordered::new(),
            apply,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(actor.run());
        let log = Self { commands, partitions: count, _actor: tasks };
        log.read_to_end(TIMEOUT).await?;
        Ok(log)
    }

    pub(crate) fn partitions(&self) -> i32 {
        self.partitions
    }

    /// Waits until everything that was in the topic when this was called is applied.
    pub(crate) async fn read_to_end(&self, timeout: Duration) -> Result<()> {
        self.ask(timeout, "read an internal topic to its end", Command::ReadToEnd).await
    }

    /// Writes; answers when Kafka has it. What was written is applied later, when it was read.
    pub(crate) async fn write(&self, entries: Vec<Entry>) -> Result<()> {
        self.ask(TIMEOUT, "write to an internal topic", |reply| Command::Write(entries, reply)).await
    }

    /// Takes over the right to write in transactions from whoever had it.
    pub(crate) async fn claim(&self, properties: ClientProperties) -> Result<()> {
        self.ask(TIMEOUT, "become the writer of an internal topic", |reply| {
            Command::Claim(Box::new(properties), reply)
        })
        .await
    }

    /// Writes everything or nothing. After an error the right to do so is gone and must be claimed again.
    pub(crate) async fn write_in_transaction(&self, entries: Vec<Entry>) -> Result<()> {
        self.ask(TIMEOUT, "write to an internal topic", |reply| Command::WriteInTransaction(entries, reply))
            .await
    }

    async fn ask(
        &self,
        timeout: Duration,
        doing: &str,
        command: impl FnOnce(Reply) -> Command,
    ) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.commands.send(command(reply)).await.map_err(|_| closed())?;
            answer.await.map_err(|_| closed())?
        };
        tokio::time::timeout(timeout, asked)
            .await
            .unwrap_or_else(|_| Err(Error::retriable(format!("{doing}: it was not done within {timeout:?}"))))
    }
}

fn closed() -> Error {
    Error::illegal_state("the internal topic is closed")
}

/// A caller who waits for the end that the topic had.
struct Waiting {
    ends: Offsets,
    reply: Reply,
}

struct Actor {
    kafka: Arc<dyn Kafka>,
    topic: Str,
    inbox: mpsc::Receiver<Command>,
    producer: Box<dyn Producer>,
    transactional: Option<Box<dyn Producer>>,
    consumer: Box<dyn Consumer>,
    admin: Box<dyn Admin>,
    isolation: IsolationLevel,
    partitions: Vec<TopicPartition>,
    positions: Offsets,
    waiting: Vec<Waiting>,
    deliveries: FuturesUnordered<BoxFuture<'static, ()>>,
    apply: Apply,
}

impl Actor {
    async fn run(mut self) {
        loop {
            tokio::select! {
                biased;
                command = self.inbox.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => break,
                },
                Some(()) = self.deliveries.next() => {}
                event = self.consumer.poll(POLL_WAIT) => match event {
                    Ok(ConsumerEvent::Records(batches)) => self.take(batches),
                    Ok(_) => {}
                    Err(error) if error.is_retriable() => {
                        tracing::warn!(topic = %self.topic, %error, "an internal topic cannot be read now and is asked again");
                        tokio::time::sleep(PAUSE).await;
                    }
                    Err(error) => {
                        tracing::error!(topic = %self.topic, %error, "an internal topic cannot be read");
                        tokio::time::sleep(POLL_WAIT).await;
                    }
                },
            }
            self.answer_waiting().await;
        }
    }

    fn take(&mut self, batches: Vec<crate::kafka::PartitionRecords>) {
        for batch in batches {
            for record in batch.records {
                (self.apply)(LogRecord {
                    topic: self.topic.clone(),
                    partition: batch.partition.partition,
                    offset: record.offset,
                    key: record.key,
                    value: record.value,
                });
            }
            self.positions.insert(batch.partition, batch.next_offset);
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::ReadToEnd(reply) => match self.admin.end_offsets(&self.partitions, self.isolation).await
            {
                Ok(ends) => self.waiting.push(Waiting { ends, reply }),
                Err(error) => {
                    let _ = reply.send(Err(error.into()));
                }
            },
            Command::Write(entries, reply) => {
                let batch = self.batch(entries);
                match self.producer.send(batch, false).await {
                    Ok(delivery) => self.deliveries.push(Box::pin(async move {
                        let failed = delivery.await.failed.into_iter().next();
                        let _ = reply.send(failed.map_or(Ok(()), |(_, error)| Err(error.into())));
                    })),
                    Err(error) => {
                        let _ = reply.send(Err(error.into()));
                    }
                }
            }
            Command::Claim(properties, reply) => {
                let claimed = self.claim(&properties).await;
                let _ = reply.send(claimed);
            }
            Command::WriteInTransaction(entries, reply) => {
                let written = self.write_in_transaction(entries).await;
                if written.is_err()
                    && let Some(producer) = self.transactional.take()
                {
                    let _ = producer.close(Duration::ZERO).await;
                }
                let _ = reply.send(written);
            }
        }
    }

    fn batch(&self, entries: Vec<Entry>) -> Arc<Vec<ProducerRecord>> {
        let records = entries.into_iter().map(|(key, value)| ProducerRecord {
            topic: self.topic.clone(),
            partition: None,
            timestamp: None,
            key: Some(key),
            value,
            headers: RawHeaders::default(),
        });
        Arc::new(records.collect())
    }

    async fn claim(&mut self, properties: &ClientProperties) -> Result<()> {
        if let Some(producer) = self.transactional.take() {
            let _ = producer.close(Duration::ZERO).await;
        }
        let mut producer = self.kafka.producer(properties).await?;
        producer.init_transactions().await?;
        self.transactional = Some(producer);
        Ok(())
    }

    async fn write_in_transaction(&mut self, entries: Vec<Entry>) -> Result<()> {
        let batch = self.batch(entries);
        let Some(producer) = &mut self.transactional else {
            return Err(Error::connect("this worker may not write to the config topic now"));
        };
        producer.begin_transaction().await?;
        let delivery = producer.send(batch, false).await?;
        producer.commit_transaction().await?;
        match delivery.await.failed.into_iter().next() {
            None => Ok(()),
            Some((_, error)) => Err(error.into()),
        }
    }

    async fn answer_waiting(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        for partition in &self.partitions {
            // Markers and compacted records move the position without bringing a record.
            if let Ok(at) = self.consumer.position(partition).await {
                self.positions.insert(partition.clone(), at);
            }
        }
        for at in (0..self.waiting.len()).rev() {
            let ends = &self.waiting[at].ends;
            if ends.iter().all(|(partition, end)| self.positions.get(partition).is_some_and(|at| at >= end)) {
                let waiting = self.waiting.swap_remove(at);
                let _ = waiting.reply.send(Ok(()));
            }
        }
    }
}
