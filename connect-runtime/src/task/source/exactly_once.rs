//! Exactly once (KIP-618): records and their offsets in one transaction, by one transactional producer.
//!
//! What is to be done with the producer stands in a queue, in order: records to be sent, transactions to be ended. One
//! operation runs at a time and owns the producer as long as it lasts. So the source is polled, and its records are
//! transformed and converted, while a transaction is being committed; one batch may wait for the next transaction.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::{
    Error, RawHeaders, RecordMetadata, Result, SourceOffset, SourcePartition, SourceRecord, Str,
};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use tokio::time::Instant;

use super::copies::{Copies, Entry};
use super::drain_time;
use super::guarantee::{End, Guarantee, MAX_IN_FLIGHT_BATCHES, MAX_IN_FLIGHT_RECORDS, News, Outgoing};
use super::requests::Requests;
use super::writer::{Ack, Acks, Ending, Writer, written};
use crate::kafka::{Delivery, KafkaError, KafkaErrorKind, ProducerRecord, SendReport};
use crate::ledger::{Ends, Line};
use crate::metrics::{TaskCounters, add};
use crate::pipeline::{LetterQueue, Operator};
use crate::storage::OffsetBackingStore;
use crate::storage::status::TopicTracker;
use crate::task::control::Control;
use crate::task::{TaskCommon, TaskId};
use crate::wire;

/// Where transactions end.
pub(super) enum Boundary {
    /// Behind every poll.
    Poll,
    /// When so much time has passed since the last one.
    Interval(Duration),
    /// Where the task says.
    Connector(Arc<Requests>),
}

/// Something to be done with the producer.
enum Step {
    Send(Outgoing),
    End(End),
}

/// An operation that is over.
enum Done {
    Sent(Outgoing, Arc<Vec<ProducerRecord>>, Result<Delivery>),
    Ended(Transaction, End, Vec<Entry>, Result<Vec<Ack>, KafkaError>),
}

/// The records between the beginning and the end of a transaction.
#[derive(Default)]
struct Transaction {
    records: usize,
    /// Whose they are: lines of the ledger.
    booked: Vec<(Line, usize)>,
    /// Settled records, where the task wants to hear of each, and where they are in Kafka.
    settled: Vec<(SourceRecord, Option<RecordMetadata>)>,
    /// Where they went.
    topics: BTreeSet<Str>,
}

/// See the module.
pub(super) struct ExactlyOnce {
    id: TaskId,
    control: Control,
    counters: Arc<TaskCounters>,
    offset_flush_timeout: Duration,
    boundary: Boundary,
    offsets_topic: Str,
    copies: Copies,
    letters: Option<Arc<LetterQueue>>,
    /// Hears of topics that have taken records.
    topics: Option<TopicTracker>,
    queue: VecDeque<Step>,
    /// `None` while an operation has it.
    writer: Option<Writer>,
    running: Option<BoxFuture<'static, (Writer, Done)>>,
    transaction: Transaction,
    /// The offsets of all records that were sent since the last commit, and of those that were discarded.
    offsets: BTreeMap<SourcePartition, SourceOffset>,
    /// Batches of the transaction that are not acknowledged, and how many records they have.
    acks: Acks,
    unacknowledged: usize,
    /// When the transaction ends (`transaction.boundary=interval`).
    next: Option<Instant>,
    news: News,
    failed: Option<Error>,
    /// It has failed, whether somebody has taken the failure or not.
    over: bool,
}

impl ExactlyOnce {
    pub(super) fn new(
        common: &TaskCommon,
        writer: Writer,
        boundary: Boundary,
        offsets_topic: Str,
        second: Option<Arc<dyn OffsetBackingStore>>,
        letters: Option<Arc<LetterQueue>>,
    ) -> Self {
        let mut made = Self {
            id: common.id.clone(),
            control: common.control.clone(),
            counters: Arc::clone(&common.counters),
            offset_flush_timeout: common.offset_flush_timeout,
            boundary,
            offsets_topic,
            copies: Copies::of(second),
            letters,
            topics: common.topics.clone(),
            queue: VecDeque::new(),
            writer: Some(writer),
            running: None,
            transaction: Transaction::default(),
            offsets: BTreeMap::new(),
            acks: Acks::new(),
            unacknowledged: 0,
            next: None,
            news: News::default(),
            failed: None,
            over: false,
        };
        made.rearm();
        made
    }

    /// Begins the next interval.
    fn rearm(&mut self) {
        if let Boundary::Interval(interval) = self.boundary {
            self.next = Instant::now().checked_add(interval);
        }
    }

    fn fail(&mut self, error: Error) {
        self.over = true;
        self.queue.clear();
        self.failed.get_or_insert(error);
    }

    /// No further batch: one waits for the end of a transaction, or the producer has enough.
    fn is_full(&self) -> bool {
        self.queue.iter().any(|step| matches!(step, Step::Send(_)))
            || self.unacknowledged >= MAX_IN_FLIGHT_RECORDS
            || self.acks.len() >= MAX_IN_FLIGHT_BATCHES
    }

    fn is_idle(&self) -> bool {
        self.over || (self.running.is_none() && self.queue.is_empty() && self.copies.is_idle())
    }

    /// Starts what can be started, and lets it run as far as it goes without waiting. Answers whether something moved.
    fn kick(&mut self) -> bool {
        let mut moved = false;
        loop {
            let waiting = self.queue.len();
            self.start();
            moved |= self.queue.len() != waiting;
            match self.running.as_mut().and_then(FutureExt::now_or_never) {
                Some((writer, done)) => {
                    self.done(writer, done);
                    moved = true;
                }
                None => return moved,
            }
        }
    }

    /// Starts the next operation, if none is running.
    fn start(&mut self) {
        while self.running.is_none() && !self.over {
            match self.queue.pop_front() {
                None => return,
                Some(Step::Send(out)) => self.start_sending(out),
                Some(Step::End(end)) => self.start_ending(end),
            }
        }
    }

    fn start_sending(&mut self, mut out: Outgoing) {
        let dropped = std::mem::take(&mut out.dropped);
        self.transaction.settled.extend(dropped.into_iter().map(|original| (original, None)));
        if out.records.is_empty() {
            return;
        }
        if out.records.iter().any(|record| record.topic == self.offsets_topic) {
            return self.fail(
                Error::connect(
                    "Source tasks may not produce to their own offsets topics when exactly-once support is enabled",
                )
                .with("topic", &self.offsets_topic),
            );
        }
        let Some(mut writer) = self.writer.take() else { return };
        let records = Arc::new(std::mem::take(&mut out.records));
        self.running = Some(Box::pin(async move {
            let sent = writer.send(Arc::clone(&records)).await;
            (writer, Done::Sent(out, records, sent))
        }));
    }

    fn start_ending(&mut self, end: End) {
        let Some(mut writer) = self.writer.take() else { return };
        if end == End::Abort && !writer.open {
            tracing::warn!(
                "the task asked for an abort of a transaction that has no records; there is nothing to abort"
            );
        }
        if !writer.open && self.offsets.is_empty() {
            self.writer = Some(writer);
            add(&self.counters.commits, 1);
            self.news.settled.append(&mut self.transaction.settled);
            self.news.committed = true;
            return;
        }
        let offsets = self.offset_records();
        let copy = self.copies.entries(&offsets);
        let ending =
            Ending { end, acks: std::mem::take(&mut self.acks), offsets, letters: self.letters.clone() };
        self.unacknowledged = 0;
        let transaction = std::mem::take(&mut self.transaction);
        self.running = Some(Box::pin(async move {
            let ended = writer.end(ending).await;
            (writer, Done::Ended(transaction, end, copy, ended))
        }));
    }

    /// Takes the offsets as records of the offsets topic.
    fn offset_records(&mut self) -> Vec<ProducerRecord> {
        let record = |(partition, offset)| {
            let key = wire::offset::encode_key(&self.id.connector, &partition);
            offset_record(&self.offsets_topic, key, Some(wire::offset::encode_value(&offset)))
        };
        std::mem::take(&mut self.offsets).into_iter().map(record).collect()
    }

    fn done(&mut self, writer: Writer, done: Done) {
        self.writer = Some(writer);
        self.running = None;
        match done {
            Done::Sent(_, _, Err(error)) => self.fail(error),
            Done::Sent(out, records, Ok(delivery)) => self.sent(out, &records, delivery),
            Done::Ended(transaction, end, copy, Ok(acks)) => {
                self.copies.add(copy);
                self.ended(transaction, end, acks);
            }
            Done::Ended(_, _, _, Err(error)) => {
                add(&self.counters.commit_failures, 1);
                self.fail(self.not_committed(error));
            }
        }
    }

    /// The producer has taken records: they belong to the transaction, and so do their offsets.
    fn sent(&mut self, out: Outgoing, records: &[ProducerRecord], delivery: Delivery) {
        let first = self.transaction.settled.len();
        self.transaction.records += records.len();
        self.transaction.booked.extend(out.booked);
        let settled = out.originals.into_iter().map(|original| (original, None));
        self.transaction.settled.extend(settled);
        // One look-up per run of a partition: sources hand over clones of one handle.
        for run in out.offsets.chunk_by(|(a, _), (b, _)| a.is_same(b) || a == b) {
            if let Some((partition, offset)) = run.last() {
                self.offsets.insert(partition.clone(), offset.clone());
            }
        }
        if self.topics.is_some() {
            for run in records.chunk_by(|a, b| a.topic == b.topic) {
                if !self.transaction.topics.contains(&run[0].topic) {
                    self.transaction.topics.insert(run[0].topic.clone());
                }
            }
        }
        self.unacknowledged += records.len();
        let count = records.len();
        self.acks.push(Box::pin(async move { (first, count, delivery.await) }));
    }

    fn acknowledged(&mut self, first: usize, records: usize, report: SendReport) {
        self.unacknowledged = self.unacknowledged.saturating_sub(records);
        match written(report) {
            Ok(report) => locate(&mut self.transaction, first, report),
            Err(error) => self.fail(self.not_committed(error)),
        }
    }

    /// A transaction is over, and the offsets are committed.
    fn ended(&mut self, mut transaction: Transaction, end: End, acks: Vec<Ack>) {
        for (first, _, report) in acks {
            locate(&mut transaction, first, report);
        }
        add(&self.counters.commits, 1);
        let ends = |records| match end {
            End::Commit => Ends { delivered: records, ..Ends::default() },
            End::Abort => Ends { filtered: records, ..Ends::default() },
        };
        match end {
            End::Commit => {
                add(&self.counters.delivered, transaction.records);
                self.counters.transactions.record(transaction.records as f64);
                if let Some(topics) = &self.topics {
                    transaction.topics.iter().for_each(|topic| topics.used(topic));
                }
            }
            End::Abort => {
                add(&self.counters.filtered, transaction.records);
                // They are nowhere in Kafka, whatever was acknowledged.
                transaction.settled.iter_mut().for_each(|(_, metadata)| *metadata = None);
            }
        }
        let booked = transaction.booked.into_iter();
        self.counters.ledger.ended(booked.map(|(line, records)| (line, ends(records))));
        self.news.settled.append(&mut transaction.settled);
        self.news.committed = true;
    }

    /// Why the task fails when its transaction cannot be committed.
    fn not_committed(&self, error: KafkaError) -> Error {
        // A task that starts again settles what became of the transaction; a newer producer must be left alone.
        let passes = matches!(
            error.kind(),
            KafkaErrorKind::Timeout | KafkaErrorKind::Unavailable | KafkaErrorKind::TransactionAborted
        );
        let text = match error.kind() {
            KafkaErrorKind::Fenced => format!(
                "The task {} was unable to finish writing records to Kafka before its producer transaction expired, or \
                 another producer with its transactional id was started. For the former, it may be necessary to tune \
                 the connector's producer configuration for higher throughput, increase the transaction timeout for \
                 the connector's producers, decrease the offset commit interval (if using interval-based transaction \
                 boundaries), or use the 'poll' transaction boundary (if the connector is not already configured to \
                 use it)",
                self.id
            ),
            _ => format!("Failed to flush offsets and/or records for task {}", self.id),
        };
        let text = Error::connect(text).with_source(error);
        if passes { text.into_retriable() } else { text }
    }

    /// Ends the last transaction, where it need not be the task that says so.
    fn end_last(&mut self) -> Result<()> {
        let end = match &self.boundary {
            Boundary::Poll | Boundary::Interval(_) => Some(End::Commit),
            Boundary::Connector(requests) => requests.batch()?,
        };
        if let Some(end) = end {
            self.end(end);
        }
        Ok(())
    }
}

/// A record of an offsets topic.
pub(crate) fn offset_record(topic: &Str, key: Bytes, value: Option<Bytes>) -> ProducerRecord {
    ProducerRecord {
        topic: topic.clone(),
        partition: None,
        timestamp: None,
        key: Some(key),
        value,
        headers: RawHeaders::default(),
    }
}

/// Notes where records were written.
fn locate(transaction: &mut Transaction, first: usize, report: SendReport) {
    for ((original, metadata), position) in transaction.settled.iter_mut().skip(first).zip(report.positions) {
        *metadata = position.map(|position| {
            let record = &original.record;
            RecordMetadata::new(record.topic.clone(), position.partition, position.offset, record.timestamp)
        });
    }
}

#[async_trait]
impl Guarantee for ExactlyOnce {
    fn ends(&mut self, polled: &[(SourcePartition, SourceOffset)]) -> Result<Vec<(usize, End)>> {
        match &self.boundary {
            Boundary::Connector(requests) => requests.inside(polled),
            Boundary::Poll | Boundary::Interval(_) => Ok(Vec::new()),
        }
    }

    async fn make_room(&mut self, operator: &Operator) -> Result<bool> {
        self.kick();
        if self.over {
            // The caller looks for the failure.
            return Ok(false);
        }
        if !self.is_full() {
            return Ok(true);
        }
        let mut control = self.control.clone();
        tokio::select! {
            biased;
            () = control.stopped() => {}
            () = self.step(operator) => {}
        }
        Ok(false)
    }

    async fn take(&mut self, out: Outgoing) -> Result<()> {
        self.queue.push_back(Step::Send(out));
        self.kick();
        Ok(())
    }

    fn end(&mut self, end: End) {
        self.queue.push_back(Step::End(end));
        self.rearm();
        self.kick();
    }

    fn polled(&mut self) -> Result<()> {
        match &self.boundary {
            Boundary::Poll => self.end(End::Commit),
            Boundary::Interval(_) => {
                if self.next.is_some_and(|next| next <= Instant::now()) {
                    self.end(End::Commit);
                }
            }
            Boundary::Connector(requests) => {
                if let Some(end) = requests.batch()? {
                    self.end(end);
                }
            }
        }
        Ok(())
    }

    async fn step(&mut self, _: &Operator) {
        if self.kick() {
            // There may be nothing left to wait for: the caller looks again.
            return;
        }
        if self.over {
            return std::future::pending().await;
        }
        tokio::select! {
            biased;
            (writer, done) = async { match &mut self.running {
                Some(running) => running.await,
                None => std::future::pending().await,
            } } => self.done(writer, done),
            Some((first, records, report)) = self.acks.next(), if !self.acks.is_empty() => {
                self.acknowledged(first, records, report);
            }
            () = async { match self.next {
                Some(next) => tokio::time::sleep_until(next).await,
                None => std::future::pending().await,
            } } => self.end(End::Commit),
            () = self.copies.step() => {}
        }
    }

    fn pausing(&mut self) -> Result<()> {
        self.end_last()?;
        self.next = None;
        Ok(())
    }

    fn resumed(&mut self) {
        self.rearm();
    }

    fn news(&mut self) -> News {
        std::mem::take(&mut self.news)
    }

    fn failure(&mut self) -> Option<Error> {
        self.failed.take()
    }

    /// A task that was stopped commits what it has sent. One that has failed does not; what it ended before is
    /// committed, as if it had failed a moment later.
    async fn finish(&mut self, clean: bool, operator: &Operator) {
        let stop_by = Instant::now() + drain_time(self.offset_flush_timeout);
        if clean && let Err(error) = self.end_last() {
            self.fail(error);
        }
        self.next = None;
        let finished = tokio::time::timeout_at(stop_by, async {
            self.kick();
            while !self.is_idle() {
                self.step(operator).await;
            }
        });
        if finished.await.is_err() {
            tracing::warn!(
                "the last transaction could not be committed in time; its records are read again after the next start"
            );
        }
    }

    async fn close(mut self: Box<Self>) {
        // An operation that is still running is dropped with its producer; the next start aborts what it left open.
        if let Some(writer) = self.writer.take() {
            writer.close().await;
        }
    }
}
