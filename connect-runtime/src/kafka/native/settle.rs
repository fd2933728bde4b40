//! Settling batches after an answer, or after a connection broke.

use tokio::time::Instant;

use super::batch::Batch;
use super::outcome::{Verdict, judge};
use super::settings::Settings;
use super::state::State;
use crate::kafka::KafkaError;
use crate::kafka::net::{Code, again};

/// What a broker said about a batch.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) code: Code,
    pub(super) base_offset: i64,
    pub(super) said: Option<&'a str>,
}

/// No batch grows smaller than this because a topic refused one.
const SMALLEST_LIMIT: usize = 1 << 10;

impl State {
    /// A broker has answered for a batch.
    pub(super) fn answered(
        &mut self,
        at: usize,
        mut batch: Batch,
        answer: &Answer<'_>,
        settings: &Settings,
        now: Instant,
    ) {
        let Some(partition) = self.partitions.get_mut(at) else { return };
        partition.in_flight = false;
        let number = partition.index;
        let failed = |partition: &super::partition::Partition| {
            let tried = format!("writing to partition {}-{}", partition.topic, partition.index);
            answer.code.failed(tried, answer.said)
        };
        match judge(answer.code, batch.count(), settings.transactional_id.is_some()) {
            Verdict::Written => {
                partition.count_up(batch.count());
                batch.written(number, (answer.base_offset >= 0).then_some(answer.base_offset));
                self.release(batch);
            }
            Verdict::WrittenBefore => {
                partition.count_up(batch.count());
                batch.written(number, None);
                self.release(batch);
            }
            Verdict::Again => {
                let error = failed(partition);
                self.stale |= answer.code.is_about_leaders();
                self.again(at, batch, &error, settings, now);
            }
            Verdict::Divide => {
                let (error, size) = (failed(partition), batch.size);
                if batch.size > SMALLEST_LIMIT && answer.code != Code::INVALID_RECORD {
                    partition.limit = partition.limit.min((batch.size / 2).max(SMALLEST_LIMIT));
                }
                match batch.split() {
                    Some(halves) => self.replace(at, size, halves),
                    None => self.refuse(batch, &error),
                }
            }
            Verdict::Afresh => {
                let error = failed(partition);
                tracing::warn!(topic = %partition.topic, partition = number, "{error}; going on with a new epoch");
                if partition.begin_epoch() {
                    batch.unseal();
                }
                self.again(at, batch, &error, settings, now);
            }
            Verdict::Gap => {
                let error = failed(partition);
                if !partition.begin_epoch() {
                    self.fatal = Some(again(&error));
                }
                self.refuse(batch, &error);
            }
            Verdict::Refused => {
                let error = failed(partition);
                self.refuse(batch, &error);
            }
            Verdict::Fenced => {
                let error = failed(partition);
                self.refuse(batch, &error);
                self.fail_all(&error);
                self.fatal = Some(error);
            }
        }
    }

    /// Nobody knows whether a batch has arrived, or it certainly has not: it goes again, or is given up.
    pub(super) fn again(
        &mut self,
        at: usize,
        batch: Batch,
        error: &KafkaError,
        settings: &Settings,
        now: Instant,
    ) {
        let Some(partition) = self.partitions.get_mut(at) else { return };
        partition.in_flight = false;
        let over = batch.created + settings.delivery_timeout <= now || batch.attempts > settings.retries;
        partition.retry_at = Some(now + settings.retry_backoff.after(batch.attempts));
        partition.queue.push_front(batch);
        if over || self.fatal.is_some() {
            self.give_up(at, error);
        }
    }

    /// A batch fails for good.
    fn refuse(&mut self, batch: Batch, error: &KafkaError) {
        batch.failed(error);
        self.failure.get_or_insert_with(|| again(error));
        self.release(batch);
    }

    /// Fails for good what waits for a broker that refuses this user.
    pub(super) fn refuse_broker(&mut self, broker: i32, error: &KafkaError) {
        let mut refused = Vec::new();
        for partition in self.partitions.iter_mut().filter(|partition| partition.leader == Some(broker)) {
            refused.extend(partition.queue.drain(..));
        }
        for batch in refused {
            self.refuse(batch, error);
        }
    }
}
