//! The lane of one broker: its connection, and one request at a time, while the caller works on what came before.

use std::sync::Arc;

use bytes::Bytes;
use connect_api::TopicPartition;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};

use super::batches::scan;
use super::fetch::{Fetch, Fetched, Part, Target};
use super::list_offsets::{ListOffsets, Lookup};
use super::partition::Position;
use super::state::{Shared, State, Work};
use crate::kafka::net::{Code, Connection, Connector, Request, decode, timed_out};
use crate::kafka::{KafkaError, KafkaErrorKind, Result};

/// Reads from one broker.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) broker: i32,
    pub(super) shared: Arc<Shared>,
    pub(super) connector: Arc<Connector>,
    pub(super) wake: Arc<Notify>,
}

impl Lane {
    /// Works until the cluster has no such broker any more.
    pub(super) async fn run(self) {
        let mut link: Option<Connection> = None;
        let mut failures = 0;
        loop {
            let now = Instant::now();
            let work = {
                let mut state = self.shared.lock();
                let work = state.work(self.broker, now);
                if matches!(work, Work::End) {
                    state.lanes.remove(&self.broker);
                    return;
                }
                work
            };
            if let Work::Later(until) = work {
                self.rest(until).await;
                continue;
            }
            let connection = match link.take().filter(|connection| !connection.is_stale(now)) {
                Some(connection) => Ok(connection),
                None => self.connect().await,
            };
            let done = match connection {
                Ok(mut connection) => {
                    let done = self.work(&mut connection, &work).await;
                    link = done.is_ok().then_some(connection);
                    done
                }
                Err(error) => Err(error),
            };
            match done {
                Ok(Duration::ZERO) => failures = 0,
                // The broker asks for silence.
                Ok(pause) => sleep(pause).await,
                Err(error) => {
                    failures += 1;
                    self.failed(&error);
                    sleep(self.shared.settings.reconnect_backoff.after(failures)).await;
                }
            }
        }
    }

    async fn rest(&self, until: Option<Instant>) {
        match until {
            None => self.wake.notified().await,
            Some(until) => {
                tokio::select! {
                    () = self.wake.notified() => {}
                    () = sleep_until(until) => {}
                }
            }
        }
    }

    async fn connect(&self) -> Result<Connection> {
        let address = self.shared.lock().brokers.get(&self.broker).cloned();
        let Some(address) = address else {
            let message = format!("broker {} is gone", self.broker);
            return Err(KafkaError::new(KafkaErrorKind::Unavailable, message));
        };
        self.connector.connect(&address).await
    }

    /// The broker cannot be reached, or refuses this user.
    fn failed(&self, error: &KafkaError) {
        tracing::debug!(broker = self.broker, "{error}");
        let mut state = self.shared.lock();
        if !error.is_retriable() {
            state.failure = Some(crate::kafka::net::again(error));
        }
        state.stale = true;
        for partition in &mut state.partitions {
            // A replica that is away must not be waited for.
            if partition.replica.is_some_and(|(replica, _)| replica == self.broker) {
                partition.replica = None;
            }
        }
        drop(state);
        self.shared.wanted.notify_one();
        self.shared.arrived.notify_waiters();
    }

    /// Asks, and answers how long the broker wants to be left alone.
    async fn work(&self, connection: &mut Connection, work: &Work) -> Result<Duration> {
        match work {
            Work::LookUp(lookups) => self.look_up(connection, lookups).await,
            Work::Fetch(targets) => self.fetch(connection, targets).await,
            Work::Later(_) | Work::End => Ok(Duration::ZERO),
        }
    }

    async fn look_up(&self, connection: &mut Connection, lookups: &[Lookup]) -> Result<Duration> {
        let settings = &self.shared.settings;
        let request = ListOffsets { read_committed: settings.read_committed, lookups };
        let found = connection.call(&request, settings.request_timeout).await?;
        let mut state = self.shared.lock();
        for lookup in lookups {
            let name = &lookup.partition;
            let answer = found
                .iter()
                .find(|found| found.topic == name.topic.as_str() && found.partition == name.partition);
            let code = answer.map_or(Code::NETWORK_EXCEPTION, |found| found.code);
            let offset = answer.map_or(-1, |found| found.offset);
            match (code.is_ok(), state.of_version(name, lookup.version)) {
                (_, None) => {}
                (true, Some(partition)) if offset >= 0 => partition.begin(offset),
                (true, Some(partition)) => partition.position = Position::End,
                (false, Some(_)) => {
                    refused(&mut state, name, lookup.version, code, "looking up an offset of")
                }
            }
        }
        self.told(state);
        Ok(Duration::ZERO)
    }

    async fn fetch(&self, connection: &mut Connection, targets: &[Target]) -> Result<Duration> {
        let settings = &self.shared.settings;
        let millis = i32::try_from(settings.max_wait.as_millis()).unwrap_or(i32::MAX);
        let request = Fetch {
            max_wait_millis: millis,
            min_bytes: settings.min_bytes,
            max_bytes: settings.max_bytes,
            read_committed: settings.read_committed,
            rack: &settings.rack,
            targets,
        };
        let version = request.version(connection.version::<Fetch<'_>>()?).max(Fetch::OLDEST);
        let patience = settings.request_timeout + settings.max_wait;
        let answered = timeout(patience, async {
            let sent = connection.send_version(&request, version).await?;
            let (correlation, body) = connection.read().await?;
            if correlation != sent.correlation {
                return Err(connection.out_of_step());
            }
            Ok((decode::<Fetch<'_>>(sent, &body).map_err(|error| error.with_retriable(true))?, body))
        });
        let Ok(answered) = answered.await else {
            return Err(timed_out(format_args!("reading from the broker {}", connection.address())));
        };
        let (fetched, body) = answered?;
        if !fetched.code.is_ok() {
            let error = fetched.code.failed(format_args!("reading from {}", connection.address()), None);
            return Err(error.with_retriable(true));
        }
        Ok(self.answered(targets, fetched, &body))
    }

    fn answered(&self, targets: &[Target], fetched: Fetched, body: &Bytes) -> Duration {
        let pause = Duration::from_millis(u64::try_from(fetched.throttle_millis).unwrap_or_default());
        for part in fetched.parts {
            let Some(target) = targets.iter().find(|target| part.is_about(target)) else { continue };
            self.part_answered(target, part, body);
        }
        self.told(self.shared.lock());
        pause
    }

    fn part_answered(&self, target: &Target, part: Part, body: &Bytes) {
        let settings = &self.shared.settings;
        let (name, version) = (&target.partition, target.version);
        let (from_end, length) = part.records;
        let start = body.len().saturating_sub(from_end);
        // Outside the lock: checksums and compression take their time.
        let scanned = (part.code.is_ok() && part.diverging.is_none())
            .then(|| scan(&body.slice(start..start + length), target.offset, part.aborted));
        let mut state = self.shared.lock();
        let Some(partition) = state.of_version(name, version) else { return };
        if let Some(cut) = part.diverging {
            let position = match partition.position {
                Position::At(position) => position.min(cut),
                _ => cut,
            };
            tracing::warn!(partition = %name, offset = position, "the log was cut; reading goes on where it was cut");
            state.go(name, Position::At(position));
            return;
        }
        let Some(scanned) = scanned else {
            return self.part_refused(&mut state, target, part.code);
        };
        partition.end = Some(if settings.read_committed { part.last_stable } else { part.high_watermark });
        if part.preferred_replica >= 0 {
            let until = Instant::now() + settings.metadata_max_age;
            partition.replica = Some((part.preferred_replica, until));
        }
        if scanned.entries.is_empty() && length > 0 {
            // Half a batch: brokers answer with a whole one, whatever the limit, so this is another kind of cut.
            tracing::debug!(partition = %name, length, "an answer holds no whole batch");
        }
        partition.arrived(scanned);
    }

    fn part_refused(&self, state: &mut State, target: &Target, code: Code) {
        let (name, version) = (&target.partition, target.version);
        if code == Code::OFFSET_OUT_OF_RANGE {
            let Some(partition) = state.of_version(name, version) else { return };
            if target.from_replica {
                // A replica that is behind: the leader knows better.
                partition.replica = None;
            } else if partition.is_drained() {
                let tried = format!("reading {name} at offset {}, which does not exist", target.offset);
                tracing::warn!(partition = %name, offset = target.offset, "the position does not exist and is reset");
                state.reset(name, &tried);
            } else {
                // What was read before it comes first.
                state.back_off(name, version);
            }
            return;
        }
        refused(state, name, version, code, "reading");
    }

    /// Lets everybody look at what changed.
    fn told(&self, state: std::sync::MutexGuard<'_, State>) {
        let stale = state.stale;
        drop(state);
        self.shared.arrived.notify_waiters();
        if stale {
            self.shared.wanted.notify_one();
        }
    }
}

/// The broker refused a partition: try again later, or elsewhere, or tell the caller.
fn refused(state: &mut State, name: &TopicPartition, version: u64, code: Code, tried: &str) {
    if code.is_about_leaders() {
        state.stale = true;
    }
    if code.is_retriable() {
        tracing::debug!(partition = %name, "{tried}: {}", code.name());
        state.back_off(name, version);
    } else if let Some(partition) = state.of_version(name, version) {
        partition.error = Some(code.failed(format_args!("{tried} {name}"), None));
    }
    if let Some(partition) = state.of_version(name, version) {
        partition.replica = None;
    }
}
