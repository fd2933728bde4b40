//! The lane of one broker: its connection, and the requests under way on it.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::batch::Batch;
use super::produce::{Part, Produce, Produced};
use super::settle::Answer;
use super::state::{Ready, Shared};
use crate::kafka::net::{Code, Connection, Connector, Sent, decode, timed_out};
use crate::kafka::{KafkaError, KafkaErrorKind, Result};

/// Requests under way on one connection. Each holds other partitions, so order is not at stake.
const UNDER_WAY: usize = 5;

/// Sends to one broker what is ready for it.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) broker: i32,
    pub(super) shared: Arc<Shared>,
    pub(super) connector: Arc<Connector>,
    pub(super) wake: Arc<Notify>,
}

/// A connection with what is under way on it.
struct Link {
    connection: Connection,
    requests: VecDeque<UnderWay>,
    /// The broker asks for silence until then.
    silent_until: Option<Instant>,
}

struct UnderWay {
    sent: Sent,
    deadline: Instant,
    batches: Vec<(usize, Part, Batch)>,
}

impl Lane {
    /// Works until the cluster has no such broker any more.
    pub(super) async fn run(self) {
        let mut link: Option<Link> = None;
        let mut failures = 0;
        loop {
            let now = Instant::now();
            let open = link.as_ref().is_none_or(|link| link.requests.len() < UNDER_WAY);
            let silent = link.as_ref().and_then(|link| link.silent_until).filter(|until| *until > now);
            let ready = if open && silent.is_none() {
                match self.ready(now, link.as_ref()) {
                    Some(ready) => ready,
                    None => return,
                }
            } else {
                Ready::Later(silent)
            };
            match (ready, &mut link) {
                // A login that ends soon: a new connection as soon as nothing is under way.
                (Ready::Now, Some(stale)) if stale.connection.is_stale(now) => {
                    if stale.requests.is_empty() {
                        link = None;
                    } else if let Err(error) = self.wait(stale, None).await {
                        self.broke(link.take(), &error);
                    }
                }
                (Ready::Now, Some(there)) => {
                    if let Err(error) = self.send(there).await {
                        self.broke(link.take(), &error);
                    }
                }
                (Ready::Now, None) => match self.connect().await {
                    Ok(connection) => {
                        failures = 0;
                        link = Some(Link { connection, requests: VecDeque::new(), silent_until: None });
                    }
                    Err(error) => {
                        failures += 1;
                        self.unreachable(&error);
                        sleep(self.shared.settings.reconnect_backoff.after(failures)).await;
                    }
                },
                (Ready::Later(until), Some(there)) => {
                    if let Err(error) = self.wait(there, until).await {
                        self.broke(link.take(), &error);
                    }
                }
                (Ready::Later(until), None) => self.idle(until).await,
            }
        }
    }

    /// What there is to do; `None` when the broker is gone and nothing is under way.
    fn ready(&self, now: Instant, link: Option<&Link>) -> Option<Ready> {
        let mut state = self.shared.lock();
        let idle = link.is_none_or(|link| link.requests.is_empty());
        if idle && !state.brokers.contains_key(&self.broker) {
            state.lanes.remove(&self.broker);
            return None;
        }
        Some(state.ready(self.broker, now, self.shared.settings.linger))
    }

    async fn connect(&self) -> Result<Connection> {
        let address = self.shared.lock().brokers.get(&self.broker).cloned();
        let Some(address) = address else {
            return Err(KafkaError::new(
                KafkaErrorKind::Unavailable,
                format!("broker {} is gone", self.broker),
            ));
        };
        let connection = self.connector.connect(&address).await?;
        // A version that nobody speaks is told now and not with every batch.
        connection.version::<Produce<'_>>()?;
        Ok(connection)
    }

    /// The broker cannot be reached, or refuses this user.
    fn unreachable(&self, error: &KafkaError) {
        tracing::debug!(broker = self.broker, "{error}");
        let mut state = self.shared.lock();
        if !error.is_retriable() {
            state.refuse_broker(self.broker, error);
        }
        state.stale = true;
        drop(state);
        self.shared.wanted.notify_one();
        self.shared.settled.notify_waiters();
    }

    /// Sends what is ready in one request.
    async fn send(&self, link: &mut Link) -> Result<()> {
        let settings = &self.shared.settings;
        let now = Instant::now();
        let taken = self.shared.lock().take(self.broker, now, settings.linger);
        if taken.is_empty() {
            return Ok(());
        }
        let mut batches = Vec::with_capacity(taken.len());
        for (at, mut batch) in taken {
            // Outside the lock: compression and checksums take their time.
            match batch.seal(settings.compression) {
                Ok(bytes) => {
                    let state = self.shared.lock();
                    let Some(partition) = state.partitions.get(at) else { continue };
                    let part = Part {
                        topic: partition.topic.clone(),
                        topic_id: partition.topic_id,
                        partition: partition.index,
                        batch: bytes,
                    };
                    batches.push((at, part, batch));
                }
                Err(error) => {
                    let answer = Answer { code: Code(-1), base_offset: -1, said: Some(&error.to_string()) };
                    self.shared.lock().answered(at, batch, &answer, settings, now);
                }
            }
        }
        let request = Produce {
            transactional_id: settings.transactional_id.as_deref(),
            acks: settings.acks,
            timeout_millis: i32::try_from(settings.request_timeout.as_millis()).unwrap_or(i32::MAX),
            batches: batches.iter().map(|(_, part, _)| part.clone()).collect(),
        };
        // From now on the requests hold the bytes; the batches must be able to give their buffers back.
        for (_, part, _) in &mut batches {
            part.batch = bytes::Bytes::new();
        }
        let deadline = now + settings.request_timeout;
        let sent = match timeout(settings.request_timeout, link.connection.send(&request)).await {
            Ok(Ok(sent)) => sent,
            failed => {
                drop(request);
                let error = match failed {
                    Ok(Err(error)) => error,
                    _ => timed_out(format_args!("writing to the broker {}", link.connection.address())),
                };
                self.put_back(batches, &error);
                return Err(error);
            }
        };
        drop(request);
        if settings.acks == 0 {
            self.settle(batches, |_| Some(Answer { code: Code::NONE, base_offset: -1, said: None }));
        } else {
            link.requests.push_back(UnderWay { sent, deadline, batches });
        }
        Ok(())
    }

    /// Waits for an answer, for something to send, or for the time to look again.
    async fn wait(&self, link: &mut Link, until: Option<Instant>) -> Result<()> {
        let deadline = link.requests.front().map(|request| request.deadline);
        let full = link.requests.len() >= UNDER_WAY;
        tokio::select! {
            biased;
            answer = link.connection.read() => {
                let (correlation, body) = answer?;
                let Some(request) = link.requests.pop_front() else { return Err(link.connection.out_of_step()) };
                if request.sent.correlation != correlation {
                    let error = link.connection.out_of_step();
                    link.requests.push_front(request);
                    return Err(error);
                }
                match decode::<Produce<'_>>(request.sent, &body) {
                    Ok(produced) => self.answered(link, request.batches, &produced),
                    Err(error) => {
                        link.requests.push_front(request);
                        return Err(error.with_retriable(true));
                    }
                }
                Ok(())
            }
            () = self.wake.notified(), if !full => Ok(()),
            () = at(deadline) => {
                Err(timed_out(format_args!("writing to the broker {}", link.connection.address())))
            }
            () = at(until) => Ok(()),
        }
    }

    async fn idle(&self, until: Option<Instant>) {
        tokio::select! {
            () = self.wake.notified() => {}
            () = at(until) => {}
        }
    }

    fn answered(&self, link: &mut Link, batches: Vec<(usize, Part, Batch)>, produced: &Produced) {
        if let Ok(millis @ 1..) = u64::try_from(produced.throttle_millis) {
            link.silent_until = Some(Instant::now() + std::time::Duration::from_millis(millis));
        }
        self.settle(batches, |part| {
            let found =
                produced.parts.iter().find(|found| found.partition == part.partition && found.topic.is(part));
            found.map(|found| Answer {
                code: found.code,
                base_offset: found.base_offset,
                said: found.said.as_deref(),
            })
        });
    }

    fn settle<'a>(&self, batches: Vec<(usize, Part, Batch)>, answer: impl Fn(&Part) -> Option<Answer<'a>>) {
        let (settings, now) = (&self.shared.settings, Instant::now());
        let mut state = self.shared.lock();
        for (at, part, batch) in batches {
            // A broker that is silent about a partition says as little as one that does not answer.
            let answer = answer(&part);
            let answer =
                answer.unwrap_or(Answer { code: Code::NETWORK_EXCEPTION, base_offset: -1, said: None });
            state.answered(at, batch, &answer, settings, now);
        }
        let stale = state.stale;
        drop(state);
        self.shared.settled.notify_waiters();
        if stale {
            self.shared.wanted.notify_one();
        }
    }

    fn put_back(&self, batches: Vec<(usize, Part, Batch)>, error: &KafkaError) {
        let (settings, now) = (&self.shared.settings, Instant::now());
        let mut state = self.shared.lock();
        for (at, _, batch) in batches {
            state.again(at, batch, error, settings, now);
        }
    }

    /// A connection is of no use any more: what was under way goes again, with the same bytes, to whoever leads then.
    fn broke(&self, link: Option<Link>, error: &KafkaError) {
        tracing::debug!(broker = self.broker, "{error}");
        for request in link.into_iter().flat_map(|link| link.requests) {
            self.put_back(request.batches, error);
        }
        self.shared.lock().stale = true;
        self.shared.wanted.notify_one();
        self.shared.settled.notify_waiters();
    }
}

/// Waits until then, or for ever.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
