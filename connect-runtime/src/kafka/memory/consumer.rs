//! The consumer: group events, then records, fairly from all partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connect_api::{Offsets, TopicPartition};
use connect_regex::JavaRegex;
use futures::future::BoxFuture;
use tokio::time::Instant;

use super::faults::{Operation, injected};
use super::groups::{Change, Interest, Patience};
use super::settings::Settings;
use super::state::{Shared, State, after};
use crate::kafka::{
    ClientProperties, Consumer, ConsumerEvent, IsolationLevel, KafkaError, KafkaErrorKind, PartitionRecords,
    Result, Subscription,
};

pub(super) struct MemoryConsumer {
    shared: Arc<Shared>,
    group: Option<String>,
    reset: Reset,
    isolation: IsolationLevel,
    max_poll_records: usize,
    api_timeout: Duration,
    patience: Patience,
    membership: Option<Membership>,
    assigned: BTreeMap<TopicPartition, Reading>,
    /// Where the next round of reading starts, so that no partition is always last.
    turn: usize,
    /// While a fetch is delayed: when it is answered.
    fetch_ready_at: Option<Instant>,
}

struct Membership {
    id: u64,
    interest: Interest,
}

#[derive(Clone, Copy)]
enum Reset {
    Earliest,
    Latest,
    None,
}

/// How far a partition is read.
#[derive(Clone, Copy, Default)]
struct Reading {
    position: Option<i64>,
    paused: bool,
}

impl MemoryConsumer {
    pub(super) fn new(shared: Arc<Shared>, properties: &ClientProperties) -> Result<Self> {
        let settings = Settings(properties);
        let reset = match settings.choice("auto.offset.reset", &["earliest", "latest", "none"], 1)? {
            0 => Reset::Earliest,
            1 => Reset::Latest,
            _ => Reset::None,
        };
        let isolation =
            match settings.choice("isolation.level", &["read_uncommitted", "read_committed"], 0)? {
                0 => IsolationLevel::ReadUncommitted,
                _ => IsolationLevel::ReadCommitted,
            };
        let max_poll_records = settings.number("max.poll.records", 500)?;
        if max_poll_records == 0 {
            let message = "invalid value 0 for setting max.poll.records: at least 1";
            return Err(KafkaError::new(KafkaErrorKind::Config, message));
        }
        Ok(Self {
            group: settings.text("group.id").map(str::to_owned),
            reset,
            isolation,
            max_poll_records,
            api_timeout: settings.millis("default.api.timeout.ms", 60_000)?,
            patience: Patience {
                poll_interval: settings.millis("max.poll.interval.ms", 300_000)?,
                session: settings.millis("session.timeout.ms", 45_000)?,
            },
            membership: None,
            assigned: BTreeMap::new(),
            turn: 0,
            fetch_ready_at: None,
            shared,
        })
    }

    pub(super) fn patience(&self) -> Duration {
        self.api_timeout
    }

    fn group(&self) -> Result<&str> {
        self.group.as_deref().ok_or_else(|| {
            KafkaError::new(
                KafkaErrorKind::Config,
                "setting group.id is missing: only a member of a group can do this",
            )
        })
    }

    fn reading(&mut self, partition: &TopicPartition) -> Result<&mut Reading> {
        self.assigned.get_mut(partition).ok_or_else(|| {
            KafkaError::new(
                KafkaErrorKind::Other,
                format!("partition {partition} is not assigned to this consumer"),
            )
        })
    }

    fn set_paused(&mut self, partitions: &[TopicPartition], paused: bool) -> Result<()> {
        for partition in partitions {
            self.reading(partition)?;
        }
        for partition in partitions {
            self.reading(partition)?.paused = paused;
        }
        self.shared.changed.notify_waiters();
        Ok(())
    }

    /// What there is to tell at this moment.
    fn step(&mut self, state: &mut State, now: Instant) -> Result<Option<ConsumerEvent>> {
        if state.faults.broker_stopped() {
            return Ok(None);
        }
        if let Some(event) = self.group_event(state, now) {
            return Ok(Some(event));
        }
        // A group that loses this member meanwhile is noticed first; a held fetch must not hide that.
        if state.faults.is_held(Operation::Fetch) {
            return Ok(None);
        }
        if let Some(kind) = state.faults.failure(Operation::Fetch) {
            return Err(injected(Operation::Fetch, kind));
        }
        let delay = state.faults.delay(Operation::Fetch);
        if !delay.is_zero() {
            let ready = *self.fetch_ready_at.get_or_insert_with(|| after(now, delay));
            if now < ready {
                state.expires_at(ready);
                return Ok(None);
            }
        }
        let fetched = self.fetch(state)?;
        if fetched.is_empty() {
            return Ok(None);
        }
        self.fetch_ready_at = None;
        Ok(Some(ConsumerEvent::Records(fetched)))
    }

    fn group_event(&mut self, state: &mut State, now: Instant) -> Option<ConsumerEvent> {
        let membership = self.membership.as_mut()?;
        let name = self.group.as_deref()?;
        let group = state.groups.entry(name.to_owned()).or_default();
        let Some((change, released)) = group.poll(membership.id, now) else {
            let lost: Vec<_> = std::mem::take(&mut self.assigned).into_keys().collect();
            membership.id = state.next_member;
            state.next_member += 1;
            group.join(&state.log, membership.id, &membership.interest, self.patience, now);
            state.expires_at(after(now, self.patience.poll_interval));
            self.shared.changed.notify_waiters();
            return if lost.is_empty() {
                self.group_event(state, now)
            } else {
                Some(ConsumerEvent::Lost(lost))
            };
        };
        if released {
            // Those that were told last time are given up now.
            self.assigned.retain(|partition, _| group.members[&membership.id].owned.contains(partition));
            self.shared.changed.notify_waiters();
        }
        match change {
            Change::Nothing => None,
            Change::Revoked(partitions) => Some(ConsumerEvent::Revoked(partitions)),
            Change::Assigned(partitions) => {
                self.assigned
                    .extend(partitions.iter().map(|partition| (partition.clone(), Reading::default())));
                Some(ConsumerEvent::Assigned(partitions))
            }
        }
    }

    /// Where reading of a partition starts: at the committed offset, else where `auto.offset.reset` says.
    fn start(&self, state: &State, partition: &TopicPartition) -> Result<i64> {
        let group = self.group.as_ref().and_then(|name| state.groups.get(name));
        match group.and_then(|group| group.offsets.get(partition)) {
            Some(committed) => Ok(*committed),
            None => self.reset(state, partition, "has no committed offset"),
        }
    }

    fn reset(&self, state: &State, partition: &TopicPartition, why: &str) -> Result<i64> {
        let log = state.log.partition(partition)?;
        match self.reset {
            Reset::Earliest => Ok(log.beginning()),
            Reset::Latest => Ok(log.end(self.isolation)),
            Reset::None => Err(KafkaError::new(
                KafkaErrorKind::OffsetOutOfRange,
                format!("partition {partition} {why}, and auto.offset.reset is none"),
            )),
        }
    }

    fn fetch(&mut self, state: &State) -> Result<Vec<PartitionRecords>> {
        let mut ready = Vec::new();
        let unread: Vec<_> = self.assigned.iter().filter(|(_, reading)| !reading.paused).collect();
        let mut moved = BTreeMap::new();
        for (partition, reading) in unread {
            // A topic that does not exist, or not any more, brings nothing.
            let Ok(log) = state.log.partition(partition) else { continue };
            let mut position = match reading.position {
                Some(position) => position,
                None => self.start(state, partition)?,
            };
            if position < log.beginning() || position > log.end(IsolationLevel::ReadUncommitted) {
                position = self.reset(state, partition, &format!("has no offset {position}"))?;
            }
            if reading.position != Some(position) {
                moved.insert(partition.clone(), position);
            }
            if position < log.end(self.isolation) {
                ready.push((partition.clone(), position));
            }
        }
        for (partition, position) in moved {
            self.reading(&partition)?.position = Some(position);
        }
        let mut fetched = Vec::with_capacity(ready.len());
        let mut left = self.max_poll_records;
        if !ready.is_empty() {
            self.turn = self.turn.wrapping_add(1);
            let turn = self.turn % ready.len();
            ready.rotate_left(turn);
        }
        let count = ready.len();
        for (index, (partition, position)) in ready.into_iter().enumerate() {
            if left == 0 {
                break;
            }
            let share = left.div_ceil(count - index);
            let (records, next_offset) =
                state.log.partition(&partition)?.read(position, share, self.isolation);
            left -= records.len();
            self.reading(&partition)?.position = Some(next_offset);
            fetched.push(PartitionRecords { partition, records, next_offset });
        }
        Ok(fetched)
    }

    fn leave(&mut self) {
        if let (Some(membership), Some(name)) = (self.membership.take(), &self.group) {
            self.shared.change(|state| {
                if let Some(group) = state.groups.get_mut(name) {
                    group.leave(&state.log, membership.id);
                }
            });
        }
    }
}

#[async_trait]
impl Consumer for MemoryConsumer {
    async fn subscribe(&mut self, subscription: Subscription) -> Result<()> {
        let name = self.group()?.to_owned();
        let interest = match subscription {
            Subscription::Topics(topics) => Interest::Topics(topics),
            Subscription::Pattern(pattern) => {
                Interest::Pattern(JavaRegex::new(&pattern).map_err(|error| {
                    let message = format!("invalid topic pattern {pattern}");
                    KafkaError::new(KafkaErrorKind::Config, message).with_source(error)
                })?)
            }
        };
        self.shared.gate(Operation::Subscribe, self.api_timeout).await?;
        let now = Instant::now();
        let patience = self.patience;
        let known = self.membership.as_ref().map(|membership| membership.id);
        if known.is_none() {
            self.assigned.clear();
        }
        let id = self.shared.change(|state| {
            let id = known.unwrap_or(state.next_member);
            state.next_member += u64::from(known.is_none());
            let group = state.groups.entry(name).or_default();
            // A member that was expelled learns it from its next poll.
            if known.is_none() || group.members.contains_key(&id) {
                group.join(&state.log, id, &interest, patience, now);
                state.expires_at(after(now, patience.poll_interval));
            }
            id
        });
        self.membership = Some(Membership { id, interest });
        Ok(())
    }

    async fn assign(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.leave();
        let wanted: BTreeSet<_> = partitions.iter().collect();
        self.assigned.retain(|partition, _| wanted.contains(partition));
        for partition in partitions {
            self.assigned.entry(partition.clone()).or_default();
        }
        Ok(())
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<ConsumerEvent> {
        let shared = Arc::clone(&self.shared);
        shared.lock().faults.count(Operation::Fetch);
        let deadline = after(Instant::now(), max_wait);
        loop {
            // A waiting member is alive, however long it waits.
            let wake = deadline.min(after(Instant::now(), self.patience.poll_interval / 2));
            let stepped =
                shared.wait_for(Some(wake), |state| self.step(state, Instant::now()).transpose()).await;
            match stepped {
                Some(event) => return event,
                None if Instant::now() >= deadline => return Ok(ConsumerEvent::Records(Vec::new())),
                None => {}
            }
        }
    }

    async fn lag(&mut self) -> Option<u64> {
        let state = self.shared.lock();
        let lags = self.assigned.iter().filter_map(|(partition, reading)| {
            let end = state.log.partition(partition).ok()?.end(self.isolation);
            Some(u64::try_from(end - reading.position?).unwrap_or_default())
        });
        lags.reduce(|all, lag| all + lag)
    }

    async fn position(&mut self, partition: &TopicPartition) -> Result<i64> {
        if let Some(position) = self.reading(partition)?.position {
            return Ok(position);
        }
        self.shared.gate(Operation::Position, self.api_timeout).await?;
        let position = self.start(&self.shared.lock_now(), partition)?;
        self.reading(partition)?.position = Some(position);
        Ok(position)
    }

    async fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<()> {
        if offset < 0 {
            let message = format!("cannot seek {partition} to the negative offset {offset}");
            return Err(KafkaError::new(KafkaErrorKind::Other, message));
        }
        self.reading(partition)?.position = Some(offset);
        Ok(())
    }

    async fn pause(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.set_paused(partitions, true)
    }

    async fn resume(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.set_paused(partitions, false)
    }

    fn commit(&mut self, offsets: Offsets) -> BoxFuture<'static, Result<()>> {
        let shared = Arc::clone(&self.shared);
        let group = self.group().map(str::to_owned);
        let member = self.membership.as_ref().map(|membership| membership.id);
        let patience = self.api_timeout;
        Box::pin(async move {
            let name = group?;
            shared.gate(Operation::Commit, patience).await?;
            shared.change(|state| {
                let group = state.groups.entry(name.clone()).or_default();
                group.commit(&state.log, &name, member, &offsets)
            })
        })
    }

    async fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Offsets> {
        let name = self.group()?.to_owned();
        self.shared.gate(Operation::Committed, self.api_timeout).await?;
        let state = self.shared.lock_now();
        let Some(group) = state.groups.get(&name) else { return Ok(Offsets::new()) };
        let committed = partitions.iter().filter_map(|partition| group.offsets.get_key_value(partition));
        Ok(committed.map(|(partition, offset)| (partition.clone(), *offset)).collect())
    }

    async fn close(mut self: Box<Self>, _timeout: Duration) -> Result<()> {
        self.leave();
        Ok(())
    }
}

impl Drop for MemoryConsumer {
    /// A consumer that was dropped without `close` is a crashed one: its group notices when its session runs out.
    fn drop(&mut self) {
        if let (Some(membership), Some(name)) = (&self.membership, &self.group) {
            let now = Instant::now();
            let mut state = self.shared.lock();
            let expires = state.groups.get_mut(name).and_then(|group| group.dropped(membership.id, now));
            if let Some(expires) = expires {
                state.expires_at(expires);
            }
            drop(state);
            self.shared.changed.notify_waiters();
        }
    }
}
