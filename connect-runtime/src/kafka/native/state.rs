//! What the producer, its lanes and its keeper share: topics, batches, memory. Never locked across an await.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connect_api::Str;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::batch::Batch;
use super::partition::Partition;
use super::records::{Identity, size_of_record};
use super::settings::Settings;
use super::ticket::Ticket;
use super::topics::{Topic, Topics};
use crate::kafka::net::{again, timed_out};
use crate::kafka::{KafkaError, KafkaErrorKind, ProducerRecord};

/// Buffers that wait to be used again.
const POOL: usize = 8;

/// The state, and who is woken by what.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) settings: Settings,
    /// Batches were settled: there may be room, or nothing left to wait for.
    pub(super) settled: Notify,
    /// The keeper has news of the cluster.
    pub(super) learned: Notify,
    /// The keeper should ask for news.
    pub(super) wanted: Notify,
    /// There is something that may expire.
    pub(super) busy: Notify,
}

impl Shared {
    pub(super) fn new(settings: Settings, identity: Identity) -> Self {
        Self {
            state: Mutex::new(State::new(&settings, identity)),
            settings,
            settled: Notify::new(),
            learned: Notify::new(),
            wanted: Notify::new(),
            busy: Notify::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere ends its task; what is in here stays consistent call by call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything about records that are not settled.
#[derive(Debug)]
pub(super) struct State {
    pub(super) topics: Topics,
    pub(super) partitions: Vec<Partition>,
    /// Partitions that have something to send.
    listed: Vec<usize>,
    /// Where the next request begins to look, so that a full request does not favour the first partitions.
    cursor: usize,
    /// Bytes that are not settled.
    pub(super) used: usize,
    /// Batches that are not settled.
    pub(super) unsettled: usize,
    /// Whether batches go at once.
    pub(super) flushing: bool,
    pub(super) identity: Identity,
    pub(super) brokers: HashMap<i32, String>,
    /// Wakes the lane of a broker.
    pub(super) lanes: HashMap<i32, Arc<Notify>>,
    pool: Vec<Vec<u8>>,
    /// What is known of the cluster is out of date.
    pub(super) stale: bool,
    /// Why the cluster could not be asked.
    pub(super) unreachable: Option<KafkaError>,
    /// Why nothing can be written any more.
    pub(super) fatal: Option<KafkaError>,
    /// The first failure since the transaction began.
    pub(super) failure: Option<KafkaError>,
    /// Whether anything was sent since then.
    pub(super) wrote: bool,
    transactional: bool,
    idempotent: bool,
    batch_size: usize,
    max_request_size: usize,
    round_robin: bool,
    buffer_memory: usize,
}

impl State {
    fn new(settings: &Settings, identity: Identity) -> Self {
        Self {
            topics: Topics::new(),
            partitions: Vec::new(),
            listed: Vec::new(),
            cursor: 0,
            used: 0,
            unsettled: 0,
            flushing: false,
            identity,
            brokers: HashMap::new(),
            lanes: HashMap::new(),
            pool: Vec::new(),
            stale: false,
            unreachable: None,
            fatal: None,
            failure: None,
            wrote: false,
            transactional: settings.transactional_id.is_some(),
            idempotent: settings.idempotent,
            batch_size: settings.batch_size,
            max_request_size: settings.max_request_size,
            round_robin: settings.round_robin,
            buffer_memory: settings.buffer_memory,
        }
    }

    /// Whether more records may be taken.
    pub(super) fn has_room(&self) -> bool {
        self.used < self.buffer_memory
    }

    /// Puts the records of a call into batches and wakes whoever sends them. All topics must be known.
    pub(super) fn append(
        &mut self,
        records: &[ProducerRecord],
        ticket: &Arc<Ticket>,
        now: Instant,
        now_millis: i64,
    ) {
        let mut wake = Vec::new();
        let mut topics = std::mem::take(&mut self.topics);
        let mut current: Option<(&Str, &mut Topic)> = None;
        for (index, record) in records.iter().enumerate() {
            if current.as_ref().is_none_or(|(name, _)| **name != record.topic) {
                current = topics.get_mut(&record.topic).map(|topic| (&record.topic, topic));
            }
            let Some((_, topic)) = &mut current else {
                let error = KafkaError::new(KafkaErrorKind::UnknownTopic, "the topic is not known")
                    .with_retriable(true);
                ticket.failed(index, 1, &error);
                continue;
            };
            let size = size_of_record(record);
            let placed = topic.place(record, size, self.batch_size, self.round_robin);
            let placed = placed.inspect_err(|_| self.stale = true);
            let taken = placed
                .and_then(|at| self.put(at, record, size, (ticket, index), (now, now_millis), &mut wake));
            if let Err(error) = taken {
                self.failure.get_or_insert_with(|| again(&error));
                ticket.failed(index, 1, &error);
            }
        }
        self.topics = topics;
        for leader in wake {
            self.wake(leader);
        }
    }

    fn put(
        &mut self,
        at: usize,
        record: &ProducerRecord,
        size: usize,
        (ticket, index): (&Arc<Ticket>, usize),
        (now, now_millis): (Instant, i64),
        wake: &mut Vec<i32>,
    ) -> Result<(), KafkaError> {
        let Some(partition) = self.partitions.get_mut(at) else {
            return Err(KafkaError::new(KafkaErrorKind::Other, "a partition is not in the list"));
        };
        if size > self.max_request_size {
            let message = format!(
                "writing to partition {}-{}: the record takes {size} bytes, more than `max.request.size` ({})",
                partition.topic, partition.index, self.max_request_size
            );
            return Err(KafkaError::new(KafkaErrorKind::RecordTooLarge, message));
        }
        if partition.is_barred(ticket) {
            let message = format!(
                "not written to partition {}-{}, because an earlier record could not be written now",
                partition.topic, partition.index
            );
            return Err(KafkaError::new(KafkaErrorKind::Unavailable, message));
        }
        let fits = |batch: &Batch| !batch.closed && batch.size + size <= partition.limit;
        if !partition.queue.back().is_some_and(fits) {
            if let Some(full) = partition.queue.back_mut() {
                full.closed = true;
            }
            let batch = Batch::new(self.pool.pop().unwrap_or_default(), now);
            self.used += batch.size;
            self.unsettled += 1;
            partition.queue.push_back(batch);
            if !partition.in_flight
                && let Some(leader) = partition.leader
                && !wake.contains(&leader)
            {
                wake.push(leader);
            }
            if !partition.listed {
                partition.listed = true;
                self.listed.push(at);
            }
        }
        if let Some(batch) = partition.queue.back_mut() {
            let before = batch.size;
            batch.push(record, now_millis, ticket, index);
            self.used += batch.size - before;
            batch.closed = batch.size >= partition.limit;
        }
        Ok(())
    }

    pub(super) fn wake(&self, broker: i32) {
        if let Some(lane) = self.lanes.get(&broker) {
            lane.notify_one();
        }
    }

    pub(super) fn wake_all(&self) {
        self.lanes.values().for_each(|lane| lane.notify_one());
    }

    /// Whether there is something to send to a broker now, or from when on.
    pub(super) fn ready(&mut self, broker: i32, now: Instant, linger: std::time::Duration) -> Ready {
        self.forget_idle();
        let mut later: Option<Instant> = None;
        for at in &self.listed {
            match self.due(*at, broker, linger) {
                Some(due) if due <= now => return Ready::Now,
                Some(due) => later = Some(later.map_or(due, |later| later.min(due))),
                None => {}
            }
        }
        Ready::Later(later)
    }

    fn due(&self, at: usize, broker: i32, linger: std::time::Duration) -> Option<Instant> {
        let partition = self.partitions.get(at)?;
        if partition.in_flight || partition.leader != Some(broker) {
            return None;
        }
        let batch = partition.queue.front()?;
        let full = batch.closed || batch.attempts > 0 || partition.queue.len() > 1;
        let at_once = full || self.flushing || !self.has_room();
        let due = if at_once { batch.created } else { batch.created + linger };
        Some(partition.retry_at.map_or(due, |retry| retry.max(due)))
    }

    /// Takes what goes into the next request to a broker: one batch of each partition, up to the largest request.
    pub(super) fn take(
        &mut self,
        broker: i32,
        now: Instant,
        linger: std::time::Duration,
    ) -> Vec<(usize, Batch)> {
        let mut taken = Vec::new();
        let mut size = 0;
        let count = self.listed.len();
        self.cursor = self.cursor.checked_rem(count).unwrap_or_default();
        for step in 0..count {
            let at = self.listed[(self.cursor + step) % count];
            if self.due(at, broker, linger).is_none_or(|due| due > now) {
                continue;
            }
            let (identity, transactional) = (self.identity, self.transactional);
            let Some(partition) = self.partitions.get_mut(at) else { continue };
            let length = partition.queue.front().map_or(0, |batch| batch.size);
            if !taken.is_empty() && size + length > self.max_request_size {
                self.cursor += step;
                break;
            }
            let Some(mut batch) = partition.queue.pop_front() else { continue };
            size += length;
            batch.closed = true;
            batch.attempts += 1;
            if batch.stamp.is_none() {
                batch.stamp = Some(partition.stamp(identity, transactional));
            }
            partition.in_flight = true;
            partition.retry_at = None;
            self.wrote = true;
            taken.push((at, batch));
        }
        // Partitions of one topic stand together in a request.
        taken.sort_by(|(a, _), (b, _)| {
            let key =
                |at: &usize| self.partitions.get(*at).map(|partition| (&partition.topic, partition.index));
            key(a).cmp(&key(b))
        });
        taken
    }

    /// Lets a batch go: its memory is free again.
    pub(super) fn release(&mut self, batch: Batch) {
        self.used = self.used.saturating_sub(batch.size);
        self.unsettled = self.unsettled.saturating_sub(1);
        if self.pool.len() < POOL
            && let Some(buffer) = batch.into_buffer()
        {
            self.pool.push(buffer);
        }
    }

    /// Puts halves in the place of a batch.
    pub(super) fn replace(&mut self, at: usize, size: usize, halves: (Batch, Batch)) {
        self.used = self.used.saturating_sub(size) + halves.0.size + halves.1.size;
        self.unsettled += 1;
        if let Some(partition) = self.partitions.get_mut(at) {
            partition.queue.push_front(halves.1);
            partition.queue.push_front(halves.0);
        }
    }

    /// Gives up everything that a partition has for now.
    pub(super) fn give_up(&mut self, at: usize, error: &KafkaError) {
        // In a transaction the coordinator gives the next epoch.
        let idempotent = self.idempotent && !self.transactional;
        let Some(partition) = self.partitions.get_mut(at) else { return };
        // What was sent may be in the log, or come there: nobody knows what the broker expects next.
        let in_doubt = partition.queue.front().is_some_and(|batch| batch.attempts > 0);
        let exhausted = in_doubt && idempotent && !partition.begin_epoch();
        let batches = partition.give_up(error);
        if !batches.is_empty() {
            self.failure.get_or_insert_with(|| again(error));
        }
        batches.into_iter().for_each(|batch| self.release(batch));
        if exhausted {
            self.fatal = Some(KafkaError::new(
                KafkaErrorKind::Other,
                "the producer has used up its epochs: only a new one can go on",
            ));
        }
    }

    /// Gives up what is older than a record may become. Answers whether anything is left that may.
    pub(super) fn expire(&mut self, now: Instant, delivery_timeout: std::time::Duration) -> bool {
        self.forget_idle();
        for at in self.listed.clone() {
            let Some(partition) = self.partitions.get(at) else { continue };
            let old = partition.queue.front().is_some_and(|batch| batch.created + delivery_timeout <= now);
            if old && !partition.in_flight {
                let message = format!(
                    "writing to partition {}-{} within `delivery.timeout.ms`",
                    partition.topic, partition.index
                );
                let error = match (&partition.leader, &self.unreachable) {
                    (None, None) => timed_out(format_args!("{message}: it has no leader")),
                    (_, Some(unreachable)) => timed_out(format_args!("{message} ({unreachable})")),
                    _ => timed_out(message),
                };
                self.give_up(at, &error);
            }
        }
        self.unsettled > 0
    }

    /// Fails everything that is not under way, for good.
    pub(super) fn fail_all(&mut self, error: &KafkaError) {
        // Those with a batch under way stay in the list: it may come back.
        for at in self.listed.clone() {
            let Some(partition) = self.partitions.get_mut(at) else { continue };
            let batches: Vec<_> = partition.queue.drain(..).collect();
            for batch in batches {
                batch.failed(error);
                self.release(batch);
            }
        }
        self.failure.get_or_insert_with(|| again(error));
    }

    /// Whether somebody waits for news of the cluster.
    pub(super) fn wants_news(&self) -> bool {
        let leaderless =
            |at: &usize| self.partitions.get(*at).is_some_and(|partition| partition.leader.is_none());
        self.stale
            || self.topics.values().any(|topic| !topic.is_known())
            || self.listed.iter().any(leaderless)
    }

    fn forget_idle(&mut self) {
        let partitions = &mut self.partitions;
        self.listed.retain(|at| {
            let Some(partition) = partitions.get_mut(*at) else { return false };
            partition.listed = partition.in_flight || !partition.queue.is_empty();
            partition.listed
        });
    }
}

/// When a lane has something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Now,
    Later(Option<Instant>),
}
