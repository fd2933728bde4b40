//! At-least-once delivery: what the producer has, what came back, what must go again.

use std::collections::BTreeMap;
use std::sync::Arc;

use connect_api::{Error, RecordMetadata, SourceOffset, SourcePartition, SourceRecord};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

use super::submitted::{SubmittedRecords, Ticket};
use crate::kafka::{Delivery, KafkaError, ProducerRecord, RecordPosition, SendReport};
use crate::ledger::{Ends, Line};
use crate::metrics::add;
use crate::pipeline::{Failure, Operator, Polled, Stage, Subject};
use crate::storage::status::TopicTracker;

/// A batch on its way: all records of a ticket, or those that are sent again.
pub(super) struct Batch {
    ticket: Ticket,
    pub(super) records: Arc<Vec<ProducerRecord>>,
    /// For a batch sent again: which records of the ticket these are.
    part: Option<Vec<usize>>,
    /// The polled records, where the task wants to hear of each.
    originals: Vec<SourceRecord>,
    positions: Vec<Option<RecordPosition>>,
    /// Whose records these are, in order: lines of the ledger.
    booked: Vec<(Line, usize)>,
    /// Records that Kafka will not take.
    lost: Vec<usize>,
    /// A loss that is not tolerated.
    fatal: bool,
}

impl Batch {
    fn index(&self, sent: usize) -> usize {
        self.part.as_ref().map_or(sent, |part| part[sent])
    }
}

/// Everything between the producer and the offsets.
#[derive(Default)]
pub(super) struct Deliveries {
    submitted: SubmittedRecords,
    in_flight: FuturesUnordered<BoxFuture<'static, (Batch, SendReport)>>,
    /// Batches that must go again before anything new, by their place in the order of the records.
    resend: BTreeMap<u64, Batch>,
    /// The last attempt failed, and the next one should wait a little.
    pub(super) failed_for_now: bool,
    /// Settled records that the task has not heard of.
    pub(super) settled: Vec<(SourceRecord, Option<RecordMetadata>)>,
    /// The first failure that ends the task.
    pub(super) failed: Option<Error>,
    /// Hears of topics that have taken records.
    pub(super) topics: Option<TopicTracker>,
}

impl Deliveries {
    /// Enters records into the books, before they are sent.
    pub(super) fn submit(
        &mut self,
        offsets: Vec<(SourcePartition, SourceOffset)>,
        records: Vec<ProducerRecord>,
        originals: Vec<SourceRecord>,
        booked: Vec<(Line, usize)>,
    ) -> Batch {
        let positions = if originals.is_empty() { Vec::new() } else { vec![None; records.len()] };
        Batch {
            ticket: self.submitted.submit(offsets),
            records: Arc::new(records),
            part: None,
            originals,
            positions,
            booked,
            lost: Vec::new(),
            fatal: false,
        }
    }

    /// The producer took the batch.
    pub(super) fn sent(&mut self, batch: Batch, delivery: Delivery) {
        self.in_flight.push(Box::pin(async move { (batch, delivery.await) }));
    }

    /// The batch could not be sent now.
    pub(super) fn again(&mut self, batch: Batch) {
        self.failed_for_now = true;
        self.resend.insert(batch.ticket.number(), batch);
    }

    /// The batch has its turn after those that wait to be sent again.
    pub(super) fn behind(&mut self, batch: Batch) {
        self.resend.insert(batch.ticket.number(), batch);
    }

    /// Whether batches wait to be sent again.
    pub(super) fn has_again(&self) -> bool {
        !self.resend.is_empty()
    }

    /// The batch to send again now, the oldest. Only when nothing is under way: a batch that was sent after it and
    /// fails too must not overtake it.
    pub(super) fn next_again(&mut self) -> Option<Batch> {
        if !self.in_flight.is_empty() {
            return None;
        }
        self.resend.pop_first().map(|(_, batch)| batch)
    }

    /// How many records are not settled.
    pub(super) fn pending(&self) -> usize {
        self.submitted.pending()
    }

    /// How many batches the producer has.
    pub(super) fn batches(&self) -> usize {
        self.in_flight.len()
    }

    /// Moves what may be committed into `into`.
    pub(super) fn committable(
        &mut self,
        into: &mut std::collections::HashMap<SourcePartition, SourceOffset>,
    ) {
        self.submitted.committable(into);
    }

    /// Takes the next report; `false` when nothing is under way. Cancel-safe.
    pub(super) async fn next(&mut self, operator: &Operator) -> bool {
        match self.in_flight.next().await {
            Some((batch, report)) => {
                self.report(batch, report, operator);
                true
            }
            None => false,
        }
    }

    fn report(&mut self, mut batch: Batch, report: SendReport, operator: &Operator) {
        for (sent, position) in report.positions.into_iter().enumerate() {
            let index = batch.index(sent);
            if let Some(slot) = batch.positions.get_mut(index) {
                *slot = position;
            }
        }
        let mut again = Vec::new();
        if let Some(topics) = &self.topics
            && report.failed.len() < batch.records.len()
        {
            for run in batch.records.chunk_by(|a, b| a.topic == b.topic) {
                topics.used(&run[0].topic);
            }
        }
        for (sent, error) in report.failed {
            let index = batch.index(sent);
            if error.is_retriable() {
                again.push((sent, index));
            } else {
                self.refused(&mut batch, index, sent, error, operator);
            }
        }
        if again.is_empty() {
            self.close(batch, operator);
        } else {
            // Order: a client that gave up on one record of a partition takes none after it. All of them are reported
            // first, in any order, and then go again one by one, before anything new.
            tracing::warn!(records = again.len(), "records could not be sent now and will be sent again");
            let records = again.iter().map(|(sent, _)| batch.records[*sent].clone()).collect();
            batch.records = Arc::new(records);
            batch.part = Some(again.into_iter().map(|(_, index)| index).collect());
            self.again(batch);
        }
    }

    /// A record that Kafka will not take.
    fn refused(
        &mut self,
        batch: &mut Batch,
        index: usize,
        sent: usize,
        error: KafkaError,
        operator: &Operator,
    ) {
        let error = Error::from(error);
        let place = self.submitted.place(&batch.ticket, index);
        let failure = Failure {
            stage: Stage::KafkaProduce,
            class: "org.apache.kafka.clients.producer.KafkaProducer",
            error: &error,
            subject: Subject::Produced {
                polled: Polled { place: place.as_ref(), record: batch.originals.get(index) },
                record: &batch.records[sent],
            },
        };
        if let Err(error) = operator.refused(&failure) {
            batch.fatal = true;
            self.failed.get_or_insert_with(|| {
                Error::connect("Unrecoverable exception from producer send callback").with_source(error)
            });
        }
        batch.lost.push(index);
    }

    /// All records of the batch are at their end.
    fn close(&mut self, mut batch: Batch, operator: &Operator) {
        batch.lost.sort_unstable();
        let total = self.submitted.settle(&batch.ticket, if batch.fatal { &batch.lost } else { &[] });
        add(&operator.counters().delivered, total - batch.lost.len());
        let mut first = 0;
        let ends = batch.booked.iter().map(|(line, records)| {
            let run = first..first + records;
            first = run.end;
            let lost = batch.lost.iter().filter(|index| run.contains(index)).count();
            // What fails its task is read again by the next one.
            let given_up = operator.given_up(if batch.fatal { 0 } else { lost });
            (*line, Ends { delivered: records - lost, ..given_up })
        });
        operator.counters().ledger.ended(ends);
        for (index, (original, position)) in batch.originals.into_iter().zip(batch.positions).enumerate() {
            let metadata = position.map(|position| {
                RecordMetadata::new(
                    original.record.topic.clone(),
                    position.partition,
                    position.offset,
                    original.record.timestamp,
                )
            });
            if !batch.fatal || !batch.lost.contains(&index) {
                self.settled.push((original, metadata));
            }
        }
    }
}
