//! At least once: offsets are committed beside their records, after those were acknowledged.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connect_api::{Error, Result};
use tokio::time::Instant;

use super::delivery::{Batch, Deliveries};
use super::guarantee::{Guarantee, MAX_IN_FLIGHT_BATCHES, MAX_IN_FLIGHT_RECORDS, News, Outgoing};
use super::offsets::OffsetCommits;
use super::topics::TopicCreator;
use super::{CLOSE_TIMEOUT, RETRY_PAUSE, drain_time};
use crate::config::Resolved;
use crate::kafka::Producer;
use crate::pipeline::Operator;
use crate::task::TaskCommon;
use crate::task::control::Control;

/// See the module.
pub(super) struct AtLeastOnce {
    control: Control,
    secrets: Arc<Resolved>,
    offset_flush_timeout: Duration,
    producer: Box<dyn Producer>,
    topics: Option<TopicCreator>,
    /// Whether the task wants `commit_record`.
    hooks: bool,
    deliveries: Deliveries,
    offsets: OffsetCommits,
    /// When waiting for the producer ends, once the task was told to stop while it sent.
    stop_by: Option<Instant>,
}

impl AtLeastOnce {
    pub(super) fn new(
        common: &TaskCommon,
        producer: Box<dyn Producer>,
        topics: Option<TopicCreator>,
        hooks: bool,
        offsets: OffsetCommits,
    ) -> Self {
        let mut deliveries = Deliveries::default();
        deliveries.topics.clone_from(&common.topics);
        Self {
            control: common.control.clone(),
            secrets: Arc::clone(&common.secrets),
            offset_flush_timeout: common.offset_flush_timeout,
            producer,
            topics,
            hooks,
            deliveries,
            offsets,
            stop_by: None,
        }
    }

    /// Moves settled offsets to those that are committed next. Not while dead letters are on their way: an offset
    /// says that no record before it is needed again.
    fn committable(&mut self, operator: &Operator) {
        if operator.letters().is_none_or(|letters| letters.queue.pending() == 0) {
            self.deliveries.committable(&mut self.offsets.committable);
        }
    }

    /// Hands a batch to the producer, waiting for room. When the task is stopped meanwhile, the producer gets
    /// most of `offset.flush.timeout.ms` to take the rest: what it took already is on its way and would come again.
    /// After that the batch stays unsettled and its offsets uncommitted.
    async fn send(&mut self, batch: Batch) -> Result<()> {
        if let Some(topics) = &mut self.topics
            && let Err(error) = topics.ensure_all(&batch.records).await
        {
            return self.send_failed(batch, error);
        }
        let mut control = self.control.clone();
        tokio::select! {
            biased;
            sent = self.producer.send(Arc::clone(&batch.records), self.hooks) => match sent {
                Ok(delivery) => self.deliveries.sent(batch, delivery),
                Err(error) => return self.send_failed(batch, error.into()),
            },
            () = async {
                control.stopped().await;
                let stop_by = Instant::now() + drain_time(self.offset_flush_timeout);
                self.stop_by = Some(stop_by);
                tokio::time::sleep_until(stop_by).await;
            } => {}
        }
        Ok(())
    }

    fn send_failed(&mut self, batch: Batch, error: Error) -> Result<()> {
        if error.is_retriable() {
            let error = self.secrets.redact(&error.trace());
            tracing::warn!(%error, "records cannot be sent now and will be sent again");
            self.deliveries.again(batch);
            return Ok(());
        }
        Err(Error::connect("Unrecoverable exception trying to send").with_source(error))
    }

    /// One step, unless the task shall stop.
    async fn step_or_stop(&mut self, operator: &Operator) {
        let mut control = self.control.clone();
        tokio::select! {
            biased;
            () = control.stopped() => {}
            () = self.step(operator) => {}
        }
    }
}

#[async_trait]
impl Guarantee for AtLeastOnce {
    async fn make_room(&mut self, operator: &Operator) -> Result<bool> {
        if operator.letters().is_some() {
            // What waited for a dead letter waits no longer, and no further delivery may come to say so.
            self.committable(operator);
        }
        if self.deliveries.has_again() {
            if std::mem::take(&mut self.deliveries.failed_for_now) {
                tokio::select! {
                    biased;
                    () = self.control.stopped() => {}
                    () = tokio::time::sleep(RETRY_PAUSE) => {}
                }
                return Ok(false);
            }
            match self.deliveries.next_again() {
                Some(batch) => self.send(batch).await?,
                None => self.step_or_stop(operator).await,
            }
            return Ok(false);
        }
        if self.deliveries.pending() >= MAX_IN_FLIGHT_RECORDS
            || self.deliveries.batches() >= MAX_IN_FLIGHT_BATCHES
        {
            self.step_or_stop(operator).await;
            return Ok(false);
        }
        Ok(true)
    }

    async fn take(&mut self, out: Outgoing) -> Result<()> {
        // Their offsets are not recorded: a later record of the partition carries one.
        self.deliveries.settled.extend(out.dropped.into_iter().map(|original| (original, None)));
        if out.records.is_empty() {
            return Ok(());
        }
        let batch = self.deliveries.submit(out.offsets, out.records, out.originals, out.booked);
        if self.deliveries.has_again() {
            // Records failed while these were polled, and go first.
            self.deliveries.behind(batch);
            return Ok(());
        }
        self.send(batch).await
    }

    async fn step(&mut self, operator: &Operator) {
        tokio::select! {
            biased;
            true = self.deliveries.next(operator) => self.committable(operator),
            () = self.offsets.drive() => {}
        }
    }

    fn news(&mut self) -> News {
        News {
            settled: std::mem::take(&mut self.deliveries.settled),
            committed: std::mem::take(&mut self.offsets.committed),
        }
    }

    fn failure(&mut self) -> Option<Error> {
        self.deliveries.failed.take()
    }

    /// Waits for what the producer has and commits once more, also after a failure.
    async fn finish(&mut self, _clean: bool, operator: &Operator) {
        let drain_time = drain_time(self.offset_flush_timeout);
        let stop_by = self.stop_by.unwrap_or_else(|| Instant::now() + drain_time);
        let drained =
            tokio::time::timeout_at(stop_by, async { while self.deliveries.next(operator).await {} }).await;
        if drained.is_err() {
            tracing::warn!(
                records = self.deliveries.pending(),
                "records were not acknowledged in time; they are read again after the next start"
            );
        }
        if let Some(letters) = operator.letters()
            && tokio::time::timeout_at(stop_by, letters.queue.settled()).await.is_err()
        {
            tracing::warn!(
                letters = letters.queue.pending(),
                topic = %letters.queue.topic(),
                "dead letters were not written in time; their records are read again after the next start"
            );
        }
        self.committable(operator);
        self.offsets.flush().await;
    }

    async fn close(self: Box<Self>) {
        if let Err(error) = self.producer.close(CLOSE_TIMEOUT).await {
            tracing::warn!(%error, "the producer did not close cleanly");
        }
    }
}
