//! A partition that is read: where it stands, what is there of it, and who is asked for more.

use std::collections::VecDeque;

use connect_api::TopicPartition;
use tokio::time::Instant;

use super::batches::{Batch, Entry, Scanned};
use crate::kafka::net::{Uuid, again};
use crate::kafka::{ConsumerRecord, KafkaError, KafkaErrorKind, PartitionRecords, Result};

/// Where a partition is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// Somebody is looking up what the group committed.
    Unknown,
    /// Where `auto.offset.reset` says; its leader is to be asked for the offset.
    Reset,
    /// The end of the log, since no record is young enough.
    End,
    /// The offset of the next record for the caller.
    At(i64),
}

/// A partition that is read.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) name: TopicPartition,
    pub(super) topic_id: Uuid,
    pub(super) leader: Option<i32>,
    pub(super) leader_epoch: i32,
    /// A replica that is nearer, and until when it is asked.
    pub(super) replica: Option<(i32, Instant)>,
    pub(super) paused: bool,
    pub(super) position: Position,
    /// What the next request asks for.
    pub(super) fetch_at: i64,
    pub(super) fetched_epoch: i32,
    /// Changes with every assignment and seek: what was asked for before does not count.
    pub(super) version: u64,
    pub(super) retry_at: Option<Instant>,
    pub(super) failures: u32,
    /// The end of what may be read, as far as known.
    pub(super) end: Option<i64>,
    /// Why it cannot be read; until the next seek.
    pub(super) error: Option<KafkaError>,
    queue: VecDeque<Entry>,
    current: Option<Batch>,
    /// Bytes that were fetched and not read.
    pub(super) buffered: usize,
    /// Where the caller was told to be, for moves without records.
    told: Option<i64>,
}

impl Partition {
    pub(super) fn new(name: TopicPartition, version: u64, position: Position) -> Self {
        Self {
            name,
            topic_id: [0; 16],
            leader: None,
            leader_epoch: -1,
            replica: None,
            paused: false,
            position,
            fetch_at: -1,
            fetched_epoch: -1,
            version,
            retry_at: None,
            failures: 0,
            end: None,
            error: None,
            queue: VecDeque::new(),
            current: None,
            buffered: 0,
            told: None,
        }
    }

    /// Whom to ask.
    pub(super) fn broker(&self, now: Instant) -> Option<i32> {
        self.replica.filter(|(_, until)| *until > now).map(|(replica, _)| replica).or(self.leader)
    }

    /// Whether it waits after a failure.
    pub(super) fn waits(&self, now: Instant) -> bool {
        self.retry_at.is_some_and(|at| at > now)
    }

    /// Moves to another place and forgets what was fetched. Answers how many bytes that frees.
    pub(super) fn go(&mut self, position: Position, version: u64) -> usize {
        self.position = position;
        self.version = version;
        self.fetched_epoch = -1;
        self.retry_at = None;
        self.failures = 0;
        self.error = None;
        self.queue.clear();
        self.current = None;
        self.told = None;
        if let Position::At(offset) = position {
            self.fetch_at = offset;
            self.told = Some(offset);
        }
        std::mem::take(&mut self.buffered)
    }

    /// The place where reading begins was found.
    pub(super) fn begin(&mut self, offset: i64) {
        self.position = Position::At(offset);
        self.fetch_at = offset;
        self.told = Some(offset);
        self.retry_at = None;
        self.failures = 0;
    }

    /// Takes what was fetched.
    pub(super) fn arrived(&mut self, scanned: Scanned) {
        self.retry_at = None;
        self.failures = 0;
        self.fetch_at = scanned.next_offset;
        if scanned.last_epoch >= 0 {
            self.fetched_epoch = scanned.last_epoch;
        }
        self.buffered += scanned.size;
        self.queue.extend(scanned.entries);
    }

    /// Whether there is something for the caller.
    pub(super) fn is_ready(&self) -> bool {
        !self.paused && (self.error.is_some() || self.current.is_some() || !self.queue.is_empty())
    }

    /// Whether the caller has everything that came.
    pub(super) fn is_drained(&self) -> bool {
        self.current.is_none() && self.queue.is_empty()
    }

    /// Whether what stops it came while it was scanned.
    pub(super) fn is_stuck(&self) -> bool {
        self.error.is_some() || matches!(self.queue.back(), Some(Entry::Broken(_)))
    }

    /// Reads up to `limit` records. `None`: there is nothing new.
    pub(super) fn read(&mut self, limit: usize) -> Result<Option<PartitionRecords>> {
        let Position::At(mut position) = self.position else {
            return self.error.as_ref().map_or(Ok(None), |error| Err(again(error)));
        };
        let expected = self.current.as_ref().map_or(0, Batch::left);
        let mut records = Vec::with_capacity(expected.min(limit));
        while records.len() < limit {
            let Some(batch) = &mut self.current else {
                match self.queue.pop_front() {
                    None => break,
                    Some(Entry::Batch(batch)) => {
                        records.reserve(batch.left().min(limit - records.len()));
                        self.current = Some(batch);
                    }
                    Some(Entry::Nothing { next_offset }) => position = position.max(next_offset),
                    Some(Entry::Broken(why)) => {
                        let message = format!("reading {}: {why}", self.name);
                        self.error = Some(KafkaError::new(KafkaErrorKind::Other, message));
                        break;
                    }
                }
                continue;
            };
            if batch.read(position, limit, &mut records).is_none() {
                let message = format!("reading {}: a record after offset {position} is malformed", self.name);
                self.error = Some(KafkaError::new(KafkaErrorKind::Other, message));
                self.current = None;
                self.queue.clear();
                break;
            }
            let read = records.last().map_or(position, |record: &ConsumerRecord| record.offset + 1);
            position = position.max(read);
            if batch.is_done() {
                position = position.max(batch.next_offset);
                self.buffered = self.buffered.saturating_sub(batch.size());
                self.current = None;
            }
        }
        self.position = Position::At(position);
        if records.is_empty()
            && let Some(error) = &self.error
        {
            return Err(again(error));
        }
        if records.is_empty() && self.told == Some(position) {
            return Ok(None);
        }
        self.told = Some(position);
        Ok(Some(PartitionRecords { partition: self.name.clone(), records, next_offset: position }))
    }
}
