//! What the caller, the keeper and the lanes share: the partitions, and where everything is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connect_api::TopicPartition;
use krafka::consumer::AutoOffsetReset;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::fetch::Target;
use super::list_offsets::{EARLIEST, LATEST, Lookup};
use super::partition::{Partition, Position};
use super::settings::Settings;
use crate::kafka::net::{Cluster, Code, again};
use crate::kafka::{KafkaError, KafkaErrorKind, PartitionRecords, Result};
use crate::time::now_millis;

/// How many records are read at a time: a lane that has something to add waits no longer.
const AT_ONCE: usize = 512;

/// The state, and who is woken by what.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) settings: Settings,
    /// There may be something for the caller.
    pub(super) arrived: Notify,
    /// The keeper should look at the cluster.
    pub(super) wanted: Notify,
}

impl Shared {
    pub(super) fn new(settings: Settings) -> Self {
        let state = State::new(settings.clone());
        Self { state: Mutex::new(state), settings, arrived: Notify::new(), wanted: Notify::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere ends its task; what is in here stays consistent call by call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up to `max.poll.records` that are there.
    pub(super) fn take(&self) -> Result<Vec<PartitionRecords>> {
        let mut left = self.settings.max_poll_records;
        let mut all: Vec<PartitionRecords> = Vec::new();
        let names = {
            let mut state = self.lock();
            if let Some(failure) = state.failure.take() {
                return Err(failure);
            }
            state.ready()
        };
        for (done, name) in names.iter().enumerate() {
            // What one partition leaves of its share is for the next ones.
            let mut share = left.div_ceil(names.len() - done);
            while share > 0 {
                let limit = share.min(AT_ONCE);
                let Some(read) = self.lock().read(name, limit, all.is_empty())? else { break };
                let count = read.records.len();
                (left, share) = (left - count, share - count);
                match all.last_mut().filter(|last| last.partition == read.partition) {
                    Some(last) => {
                        last.records.extend(read.records);
                        last.next_offset = read.next_offset;
                    }
                    None => all.push(read),
                }
                if count < limit {
                    break;
                }
            }
        }
        Ok(all)
    }
}

/// Everything about partitions that are read.
#[derive(Debug)]
pub(super) struct State {
    /// By name, so that partitions of a topic stand together.
    pub(super) partitions: Vec<Partition>,
    pub(super) brokers: HashMap<i32, String>,
    /// Wakes the lane of a broker.
    pub(super) lanes: HashMap<i32, Arc<Notify>>,
    /// What is known of the cluster is out of date.
    pub(super) stale: bool,
    /// Why the cluster could not be asked.
    pub(super) unreachable: Option<KafkaError>,
    /// Told to the caller once.
    pub(super) failure: Option<KafkaError>,
    settings: Settings,
    versions: u64,
    turn: usize,
}

/// What a lane has to do.
#[derive(Debug)]
pub(super) enum Work {
    /// Look up offsets.
    LookUp(Vec<Lookup>),
    /// Ask for records.
    Fetch(Vec<Target>),
    /// Nothing until it is woken, or until then.
    Later(Option<Instant>),
    /// The broker is gone.
    End,
}

impl State {
    fn new(settings: Settings) -> Self {
        Self {
            partitions: Vec::new(),
            brokers: HashMap::new(),
            lanes: HashMap::new(),
            stale: false,
            unreachable: None,
            failure: None,
            settings,
            versions: 0,
            turn: 0,
        }
    }

    fn version(&mut self) -> u64 {
        self.versions += 1;
        self.versions
    }

    /// Reads these partitions as well.
    pub(super) fn add(&mut self, names: &[TopicPartition], position: Position) {
        for name in names {
            if self.find(name).is_none() {
                let version = self.version();
                self.partitions.push(Partition::new(name.clone(), version, position));
            }
        }
        self.partitions.sort_by(|a, b| a.name.cmp(&b.name));
        self.stale = true;
    }

    /// Reads only the partitions for which this holds.
    pub(super) fn keep(&mut self, holds: impl Fn(&TopicPartition) -> bool) {
        self.partitions.retain(|partition| holds(&partition.name));
        self.wake_all();
    }

    pub(super) fn find(&mut self, name: &TopicPartition) -> Option<&mut Partition> {
        self.partitions.iter_mut().find(|partition| partition.name == *name)
    }

    /// The partition that something under way was about, if that still counts.
    pub(super) fn of_version(&mut self, name: &TopicPartition, version: u64) -> Option<&mut Partition> {
        self.find(name).filter(|partition| partition.version == version)
    }

    /// Moves a partition. `false`: it is not read here.
    pub(super) fn go(&mut self, name: &TopicPartition, position: Position) -> bool {
        let version = self.version();
        let Some(partition) = self.find(name) else { return false };
        partition.go(position, version);
        self.wake_all();
        true
    }

    pub(super) fn set_paused(&mut self, names: &[TopicPartition], paused: bool) {
        for name in names {
            if let Some(partition) = self.find(name) {
                partition.paused = paused;
            }
        }
        self.wake_all();
    }

    /// Partitions that have something for the caller, another one first each time.
    fn ready(&mut self) -> Vec<TopicPartition> {
        let ready = self.partitions.iter().filter(|partition| partition.is_ready());
        let mut names: Vec<_> = ready.map(|partition| partition.name.clone()).collect();
        if names.len() > 1 {
            self.turn = self.turn.wrapping_add(1);
            let turn = self.turn % names.len();
            names.rotate_left(turn);
        }
        names
    }

    /// Reads records of a partition. An error is kept while records of others were read already.
    fn read(&mut self, name: &TopicPartition, limit: usize, first: bool) -> Result<Option<PartitionRecords>> {
        let full = self.is_full();
        let Some(partition) = self.find(name) else { return Ok(None) };
        let before = partition.buffered;
        let read = match partition.read(limit) {
            Err(_) if !first => return Ok(None),
            read => read?,
        };
        let (after, broker) = (partition.buffered, partition.broker(Instant::now()));
        if full && !self.is_full() {
            self.wake_all();
        } else if before > after
            && let Some(broker) = broker
        {
            let most = self.settings.max_partition_fetch_bytes;
            if (before > most && after <= most) || after == 0 {
                self.wake(broker);
            }
        }
        Ok(read)
    }

    fn is_full(&self) -> bool {
        // What waits in paused partitions must not keep the others from being read.
        let read = self.partitions.iter().filter(|partition| !partition.paused);
        let buffered: usize = read.map(|partition| partition.buffered).sum();
        buffered > self.settings.prefetch_bytes
    }

    pub(super) fn wake(&self, broker: i32) {
        if let Some(lane) = self.lanes.get(&broker) {
            lane.notify_one();
        }
    }

    pub(super) fn wake_all(&self) {
        self.lanes.values().for_each(|lane| lane.notify_one());
    }

    /// What there is to do at a broker.
    pub(super) fn work(&mut self, broker: i32, now: Instant) -> Work {
        if !self.brokers.contains_key(&broker) {
            return Work::End;
        }
        let mut later: Option<Instant> = None;
        let (mut lookups, mut targets) = (Vec::new(), Vec::new());
        let mut enough = self.is_full();
        let most = self.settings.max_partition_fetch_bytes;
        for partition in &self.partitions {
            if partition.waits(now) {
                later = earlier(later, partition.retry_at);
                continue;
            }
            match partition.position {
                Position::Unknown => {}
                Position::Reset | Position::End if partition.leader == Some(broker) => {
                    if partition.error.is_none()
                        && let Some(timestamp) = self.timestamp(partition.position)
                    {
                        lookups.push(Lookup {
                            partition: partition.name.clone(),
                            version: partition.version,
                            leader_epoch: partition.leader_epoch,
                            timestamp,
                        });
                    }
                }
                Position::At(_) if partition.broker(now) == Some(broker) => {
                    if partition.paused || partition.is_stuck() {
                        continue;
                    }
                    // A request that leaves out a partition with records would wait for the others, and this one
                    // would stand still meanwhile.
                    enough |= partition.buffered > most;
                    targets.push(self.target(partition, broker));
                }
                _ => {}
            }
        }
        if !lookups.is_empty() {
            return Work::LookUp(lookups);
        }
        if targets.is_empty() || enough {
            return Work::Later(later);
        }
        self.turn = self.turn.wrapping_add(1);
        // A full answer has what came first in the request. Partitions of a topic stay together but for one cut.
        let turn = self.turn % targets.len();
        targets.rotate_left(turn);
        Work::Fetch(targets)
    }

    fn target(&self, partition: &Partition, broker: i32) -> Target {
        Target {
            partition: partition.name.clone(),
            topic_id: partition.topic_id,
            version: partition.version,
            leader_epoch: partition.leader_epoch,
            offset: partition.fetch_at,
            last_epoch: partition.fetched_epoch,
            max_bytes: i32::try_from(self.settings.max_partition_fetch_bytes).unwrap_or(i32::MAX),
            from_replica: partition.leader != Some(broker),
        }
    }

    /// Which offset to ask the leader for.
    fn timestamp(&self, position: Position) -> Option<i64> {
        if position == Position::End {
            return Some(LATEST);
        }
        match self.settings.reset {
            AutoOffsetReset::Earliest => Some(EARLIEST),
            AutoOffsetReset::Latest => Some(LATEST),
            AutoOffsetReset::ByDuration(age) => {
                let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
                Some(now_millis().saturating_sub(age).max(0))
            }
            _ => None,
        }
    }

    /// Puts a partition where `auto.offset.reset` says. `why`: what was tried in vain.
    pub(super) fn reset(&mut self, name: &TopicPartition, why: &str) {
        let version = self.version();
        let none = self.settings.reset == AutoOffsetReset::None;
        let Some(partition) = self.find(name) else { return };
        partition.go(Position::Reset, version);
        if none {
            let message = format!("{why}, and `auto.offset.reset` is `none`");
            partition.error = Some(KafkaError::new(KafkaErrorKind::OffsetOutOfRange, message));
        }
    }

    /// A partition cannot be read now.
    pub(super) fn back_off(&mut self, name: &TopicPartition, version: u64) {
        let backoff = self.settings.retry_backoff;
        if let Some(partition) = self.of_version(name, version) {
            partition.failures += 1;
            partition.retry_at = Some(Instant::now() + backoff.after(partition.failures));
        }
    }

    /// Takes news of the cluster in.
    pub(super) fn learn(&mut self, cluster: Cluster) {
        self.unreachable = None;
        if !cluster.brokers.is_empty() {
            self.brokers = cluster.brokers.into_iter().map(|broker| (broker.id, broker.address)).collect();
        }
        for topic in cluster.topics {
            let known = topic.code.is_ok() || topic.code == Code::LEADER_NOT_AVAILABLE;
            for partition in &mut self.partitions {
                if partition.name.topic.as_str() != topic.name {
                    continue;
                }
                if !known {
                    // It may be about to be made, or a broker is behind: what is known stays.
                    if !topic.code.is_retriable() {
                        let error = topic.code.failed(format_args!("reading {}", partition.name), None);
                        partition.error = Some(error);
                    }
                    continue;
                }
                let found = topic.partitions.iter().find(|found| found.index == partition.name.partition);
                let Some(found) = found else {
                    partition.leader = None;
                    continue;
                };
                let same = partition.topic_id == topic.id;
                // A broker that is behind must not bring back the leader before.
                if same && found.leader_epoch >= 0 && found.leader_epoch < partition.leader_epoch {
                    continue;
                }
                if partition.error.as_ref().is_some_and(|error| error.kind() == KafkaErrorKind::Authorization)
                {
                    partition.error = None;
                }
                partition.topic_id = topic.id;
                partition.leader_epoch = found.leader_epoch;
                partition.leader = Some(found.leader).filter(|leader| *leader >= 0);
            }
        }
    }

    /// Whether somebody waits for news of the cluster.
    pub(super) fn wants_news(&self) -> bool {
        self.stale || self.partitions.iter().any(|partition| partition.leader.is_none())
    }

    /// How many records the partitions hold beyond the positions.
    pub(super) fn lag(&self) -> Option<u64> {
        let lags = self.partitions.iter().filter_map(|partition| match (partition.position, partition.end) {
            (Position::At(position), Some(end)) => Some(u64::try_from(end - position).unwrap_or(0)),
            _ => None,
        });
        lags.reduce(|all, lag| all + lag)
    }

    /// Where a partition is read, if that is known.
    pub(super) fn position(&mut self, name: &TopicPartition) -> Result<Option<i64>> {
        let Some(partition) = self.find(name) else {
            let message =
                format!("looking up the position of {name}: the partition is not assigned to this consumer");
            return Err(KafkaError::new(KafkaErrorKind::Other, message));
        };
        match (partition.position, &partition.error) {
            (Position::At(offset), _) => Ok(Some(offset)),
            (_, Some(error)) => Err(again(error)),
            (_, None) => Ok(None),
        }
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
