//! A batch on its way: records of one partition, and who waits for them.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::compression::Compression;
use super::records::{HEADER, Records, Stamp};
use super::ticket::Ticket;
use crate::kafka::{KafkaError, ProducerRecord, Result};

/// Records that go to one partition together.
#[derive(Debug)]
pub(super) struct Batch {
    records: Records,
    /// The bytes that are sent, from the first attempt on; a repetition sends the same.
    wire: Option<Bytes>,
    pub(super) stamp: Option<Stamp>,
    tickets: Vec<Arc<Ticket>>,
    runs: Vec<Run>,
    pub(super) created: Instant,
    /// How often it was sent.
    pub(super) attempts: u32,
    /// Takes no more records.
    pub(super) closed: bool,
    /// Its length without compression, which is what it takes of the producer's memory.
    pub(super) size: usize,
}

/// Consecutive records of one call of `send`.
#[derive(Clone, Copy, Debug)]
struct Run {
    ticket: usize,
    first: usize,
    count: usize,
}

impl Batch {
    pub(super) fn new(buffer: Vec<u8>, created: Instant) -> Self {
        let records = Records::new(buffer);
        Self::of(records, created)
    }

    fn of(records: Records, created: Instant) -> Self {
        Self {
            size: records.len(),
            records,
            wire: None,
            stamp: None,
            tickets: Vec::new(),
            runs: Vec::new(),
            created,
            attempts: 0,
            closed: false,
        }
    }

    pub(super) fn count(&self) -> i32 {
        self.records.count()
    }

    /// Appends the record with this index of a call.
    pub(super) fn push(
        &mut self,
        record: &ProducerRecord,
        now_millis: i64,
        ticket: &Arc<Ticket>,
        index: usize,
    ) {
        self.records.push(record, now_millis);
        self.size = self.records.len();
        if !self.tickets.last().is_some_and(|last| Arc::ptr_eq(last, ticket)) {
            self.tickets.push(Arc::clone(ticket));
        }
        self.note(self.tickets.len() - 1, index);
    }

    fn note(&mut self, ticket: usize, index: usize) {
        match self.runs.last_mut() {
            Some(run) if run.ticket == ticket && run.first + run.count == index => run.count += 1,
            _ => self.runs.push(Run { ticket, first: index, count: 1 }),
        }
    }

    /// The bytes to send. They are made once for a stamp.
    pub(super) fn seal(&mut self, compression: Compression) -> Result<Bytes> {
        if let Some(wire) = &self.wire {
            return Ok(wire.clone());
        }
        let Some(stamp) = self.stamp else {
            return Err(KafkaError::new(
                crate::kafka::KafkaErrorKind::Other,
                "a batch has no sequence number",
            ));
        };
        let wire = match compression {
            Compression::None => {
                self.records.seal(stamp);
                Bytes::from(self.records.take_bytes())
            }
            compression => {
                let mut bytes = compression.compress(self.records.body(), HEADER)?;
                self.records.seal_compressed(stamp, compression.codec(), &mut bytes);
                Bytes::from(bytes)
            }
        };
        self.wire = Some(wire.clone());
        Ok(wire)
    }

    /// Forgets the sealed bytes, so that it can have another stamp.
    pub(super) fn unseal(&mut self) {
        self.stamp = None;
        if let Some(wire) = self.wire.take()
            && self.records.len() == 0
        {
            self.records = self.records.with_bytes(Vec::from(wire));
        }
    }

    /// Divides it in the middle. `None` when there is nothing to divide.
    pub(super) fn split(&mut self) -> Option<(Self, Self)> {
        self.unseal();
        let at = self.count() / 2;
        if at == 0 {
            return None;
        }
        let (first, second) = self.records.split(at)?;
        let mut halves = [first, second].map(|records| Self {
            tickets: self.tickets.clone(),
            closed: true,
            ..Self::of(records, self.created)
        });
        let mut number = 0;
        let at = usize::try_from(at).ok()?;
        for run in &self.runs {
            for index in run.first..run.first + run.count {
                halves[usize::from(number >= at)].note(run.ticket, index);
                number += 1;
            }
        }
        Some(halves.into())
    }

    /// All of it was written, from this offset on if that is known.
    pub(super) fn written(&self, partition: i32, base: Option<i64>) {
        let mut offset = base;
        for run in &self.runs {
            if let Some(ticket) = self.tickets.get(run.ticket) {
                ticket.written(run.first, run.count, partition, offset);
            }
            offset = offset.map(|offset| offset + run.count as i64);
        }
    }

    /// None of it was written.
    pub(super) fn failed(&self, error: &KafkaError) {
        for run in &self.runs {
            if let Some(ticket) = self.tickets.get(run.ticket) {
                ticket.failed(run.first, run.count, error);
            }
        }
    }

    /// Who waits for it.
    pub(super) fn tickets(&self) -> &[Arc<Ticket>] {
        &self.tickets
    }

    /// Its buffer, to be used again; `None` while a request still holds it.
    pub(super) fn into_buffer(mut self) -> Option<Vec<u8>> {
        match self.wire.take() {
            Some(wire) if self.records.len() == 0 => wire.try_into_mut().ok().map(Vec::from),
            _ => Some(self.records.into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use connect_api::RawHeaders;

    use super::*;
    use crate::kafka::native::records::Identity;

    fn record(value: &str) -> ProducerRecord {
        ProducerRecord {
            topic: "t".into(),
            partition: None,
            timestamp: Some(0),
            key: None,
            value: Some(Bytes::copy_from_slice(value.as_bytes())),
            headers: RawHeaders::new(),
        }
    }

    fn stamp(sequence: i32) -> Stamp {
        Stamp { identity: Identity { id: 1, epoch: 0 }, sequence, transactional: false }
    }

    #[tokio::test]
    async fn offsets_and_failures_reach_the_calls_that_the_records_came_from() {
        let (first, first_done) = Ticket::new(3, true);
        let (second, second_done) = Ticket::new(2, true);
        let mut batch = Batch::new(Vec::new(), Instant::now());
        for (ticket, index) in [(&first, 0), (&first, 2), (&second, 0), (&second, 1)] {
            batch.push(&record("v"), 0, ticket, index);
        }
        first.failed(1, 1, &KafkaError::new(crate::kafka::KafkaErrorKind::RecordTooLarge, "large"));
        let (left, right) = batch.split().unwrap();
        left.written(9, Some(50));
        right.written(9, Some(70));
        let offsets = |report: crate::kafka::SendReport| {
            report
                .positions
                .iter()
                .map(|position| position.map(|position| position.offset))
                .collect::<Vec<_>>()
        };
        assert_eq!(offsets(first_done.await), [Some(50), None, Some(51)]);
        assert_eq!(offsets(second_done.await), [Some(70), Some(71)]);
    }

    #[test]
    fn a_repetition_sends_the_same_bytes_and_a_new_stamp_other_ones() {
        let (ticket, _delivery) = Ticket::new(1, false);
        for compression in [Compression::None, Compression::Lz4] {
            let mut batch = Batch::new(Vec::new(), Instant::now());
            batch.push(&record("value"), 0, &ticket, 0);
            batch.stamp = Some(stamp(5));
            let sent = batch.seal(compression).unwrap();
            assert_eq!(batch.seal(compression).unwrap(), sent);
            batch.unseal();
            batch.stamp = Some(stamp(0));
            let other = batch.seal(compression).unwrap();
            assert_eq!(other[HEADER..], sent[HEADER..]);
            assert_ne!(other[..HEADER], sent[..HEADER]);
        }
    }

    #[test]
    fn a_buffer_comes_back_when_no_request_holds_it() {
        let (ticket, _delivery) = Ticket::new(1, false);
        let mut batch = Batch::new(Vec::with_capacity(4096), Instant::now());
        batch.push(&record("value"), 0, &ticket, 0);
        batch.stamp = Some(stamp(0));
        drop(batch.seal(Compression::None).unwrap());
        assert!(batch.into_buffer().unwrap().capacity() >= 4096);
    }
}
