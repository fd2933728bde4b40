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
/// How long the clients may take to close, each.
const CLOSING: Duration = Duration::from_secs(5);
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
    /// Ends the actor.
    Close(Reply),
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

/// See the module. Dropping it ends the actor and drops its clients; [`close`](TopicLog::close) closes them.
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
            positions: starts,
            partitions,
            waiting: Vec::new(),
            deliveries: FuturesUnordered::new(),
            apply,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(actor.run());
        let log = Self { commands, partitions: count, _actor: tasks };
        // A writer that died may have left a transaction open, which the brokers abort after a minute.
        log.read_to_end(if isolation == IsolationLevel::ReadCommitted { TIMEOUT * 3 } else { TIMEOUT })
            .await?;
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

    /// Closes the clients, when everything that was asked before is done. Afterwards every call fails.
    pub(crate) async fn close(&self) {
        if let Err(error) = self.ask(TIMEOUT, "close an internal topic", Command::Close).await {
            tracing::warn!(error = %error.trace(), "an internal topic was not closed properly");
        }
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
                    Some(Command::Close(reply)) => {
                        let _ = reply.send(self.close().await);
                        return;
                    }
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

    /// The first failure is told; the others are closed all the same.
    async fn close(mut self) -> Result<()> {
        // Whoever waits for a write is told how it ended.
        let settled = async { while self.deliveries.next().await.is_some() {} };
        let _ = tokio::time::timeout(CLOSING, settled).await;
        let mut closed = vec![self.producer.close(CLOSING).await];
        if let Some(producer) = self.transactional {
            closed.push(producer.close(CLOSING).await);
        }
        closed.push(self.consumer.close(CLOSING).await);
        closed.into_iter().collect::<crate::kafka::Result<()>>().map_err(Error::from)
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
            // To the end of everything, also where only what is committed is read: a transaction that was committed a
            // moment ago may count as open for a while.
            Command::ReadToEnd(reply) => {
                match self.admin.end_offsets(&self.partitions, IsolationLevel::ReadUncommitted).await {
                    Ok(ends) => self.waiting.push(Waiting { ends, reply }),
                    Err(error) => {
                        let _ = reply.send(Err(error.into()));
                    }
                }
            }
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
            // The loop itself looks after this one.
            Command::Close(reply) => drop(reply),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::kafka::memory::MemoryKafka;
    use crate::kafka::{Capabilities, Delivery, Result as KafkaResult};

    /// Counts the producers that are made and those that are closed.
    #[derive(Debug)]
    struct Counting {
        kafka: MemoryKafka,
        made: AtomicUsize,
        closed: Arc<AtomicUsize>,
    }

    struct CountedProducer(Box<dyn Producer>, Arc<AtomicUsize>);

    #[async_trait]
    impl Kafka for Counting {
        fn capabilities(&self) -> Capabilities {
            self.kafka.capabilities()
        }

        async fn producer(&self, properties: &ClientProperties) -> KafkaResult<Box<dyn Producer>> {
            self.made.fetch_add(1, Ordering::SeqCst);
            let producer = self.kafka.producer(properties).await?;
            Ok(Box::new(CountedProducer(producer, Arc::clone(&self.closed))))
        }

        async fn consumer(&self, properties: &ClientProperties) -> KafkaResult<Box<dyn Consumer>> {
            self.kafka.consumer(properties).await
        }

        async fn admin(&self, properties: &ClientProperties) -> KafkaResult<Box<dyn Admin>> {
            self.kafka.admin(properties).await
        }
    }

    #[async_trait]
    impl Producer for CountedProducer {
        async fn send(&mut self, batch: Arc<Vec<ProducerRecord>>, positions: bool) -> KafkaResult<Delivery> {
            self.0.send(batch, positions).await
        }

        async fn flush(&mut self) -> KafkaResult<()> {
            self.0.flush().await
        }

        async fn init_transactions(&mut self) -> KafkaResult<()> {
            self.0.init_transactions().await
        }

        async fn close(self: Box<Self>, timeout: Duration) -> KafkaResult<()> {
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.close(timeout).await
        }
    }

    fn settings(isolation: IsolationLevel) -> LogSettings {
        let configs = BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
        let topic = LogTopic {
            topic: NewTopic { name: "log".into(), partitions: Some(1), replication_factor: None, configs },
            producer: ClientProperties::new(),
            consumer: ClientProperties::from([("auto.offset.reset".to_owned(), "earliest".to_owned())]),
            admin: ClientProperties::new(),
        };
        LogSettings { topic, purpose: internal::CONFIGS, create: true, isolation }
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_is_closed_closes_its_producers_after_what_was_asked_before() {
        let memory = MemoryKafka::new();
        let counting = Arc::new(Counting {
            kafka: memory.clone(),
            made: AtomicUsize::default(),
            closed: Arc::default(),
        });
        let kafka: Arc<dyn Kafka> = Arc::clone(&counting) as _;
        let log = TopicLog::open(&kafka, settings(IsolationLevel::ReadUncommitted), Box::new(|_| {}))
            .await
            .unwrap();
        log.claim(ClientProperties::from([("transactional.id".to_owned(), "t".to_owned())])).await.unwrap();
        let entry = || vec![(Bytes::from("k"), Some(Bytes::from("v")))];
        let (written, ()) = futures::future::join(log.write(entry()), log.close()).await;
        written.unwrap();
        assert_eq!(counting.made.load(Ordering::SeqCst), 2);
        assert_eq!(counting.closed.load(Ordering::SeqCst), 2);
        assert_eq!(memory.count_records("log"), 1);
        assert!(log.write(entry()).await.is_err(), "nothing is written any more");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_log_that_reads_what_is_committed_is_behind_open_transactions() {
        let memory = MemoryKafka::new();
        let kafka: Arc<dyn Kafka> = Arc::new(memory.clone());
        let seen = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&seen);
        let apply = Box::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let log = TopicLog::open(&kafka, settings(IsolationLevel::ReadCommitted), apply).await.unwrap();
        let id = ClientProperties::from([("transactional.id".to_owned(), "t".to_owned())]);
        let mut producer = kafka.producer(&id).await.unwrap();
        producer.init_transactions().await.unwrap();
        producer.begin_transaction().await.unwrap();
        let record = ProducerRecord {
            topic: "log".into(),
            partition: None,
            timestamp: None,
            key: Some(Bytes::from("k")),
            value: None,
            headers: RawHeaders::default(),
        };
        producer.send(Arc::new(vec![record]), false).await.unwrap().await;
        assert!(log.read_to_end(Duration::from_secs(5)).await.is_err(), "it is not known yet what counts");
        producer.commit_transaction().await.unwrap();
        log.read_to_end(Duration::from_secs(5)).await.unwrap();
        assert_eq!(seen.load(Ordering::SeqCst), 1);
    }
}
