//! Offset commits: what the task allows, once its dead letters are written.

use connect_api::{Offsets, Result, SinkTask, TopicPartition};
use futures::future::BoxFuture;
use tokio::time::Instant;

use super::SinkLoop;
use crate::kafka::KafkaErrorKind;
use crate::metrics::add;

/// An offset commit under way.
pub(super) struct Commit {
    pub(super) future: BoxFuture<'static, crate::kafka::Result<()>>,
    pub(super) offsets: Offsets,
    pub(super) began: Instant,
    pub(super) deadline: Instant,
}

impl SinkLoop {
    /// Asks the task what may be committed and commits it; when `closing`, takes the partitions away from it and
    /// waits for the commit.
    pub(super) async fn commit(
        &mut self,
        task: &mut dyn SinkTask,
        partitions: &[TopicPartition],
        closing: bool,
    ) -> Result<()> {
        if closing && self.commit.is_some() {
            // Two commits under way could arrive in either order, and the older one must not win.
            match commit_result(&mut self.commit).await {
                Some(result) => self.commit_ended(result),
                None => self.commit = None,
            }
        }
        let current = self.positions.current(partitions);
        if current.is_empty() {
            return Ok(());
        }
        match self.letters_settled(closing).await {
            Ok(true) => {}
            unsettled => {
                add(&self.common.counters.commit_failures, 1);
                let closed = if closing { task.close(partitions).await } else { Ok(()) };
                return unsettled.and(closed);
            }
        }
        let answered = match task.pre_commit(&current).await {
            Ok(offsets) => Some(offsets),
            Err(error) if closing => {
                tracing::warn!(error = %self.common.trace(&error), "pre_commit failed while partitions are closed; their offsets stay");
                None
            }
            Err(error) => {
                tracing::error!(error = %self.common.trace(&error), "pre_commit failed; going back to the last committed offsets");
                add(&self.common.counters.commit_failures, 1);
                for (partition, offset) in self.positions.committed(partitions) {
                    self.consumer.seek(&partition, offset).await?;
                    self.positions.rewound(&partition, offset);
                }
                self.drop_from_batch(partitions);
                None
            }
        };
        if closing {
            task.close(partitions).await?;
        }
        let Some(answered) = answered else { return Ok(()) };
        let (changed, ignored) = self.positions.committable(&answered);
        for (partition, offset) in ignored {
            tracing::warn!(%partition, offset, "pre_commit answered an offset beyond what the task was given, or of a partition that is not assigned; it is ignored");
        }
        if changed.is_empty() {
            add(&self.common.counters.commits, 1);
            return Ok(());
        }
        let future = self.consumer.commit(changed.clone());
        let began = Instant::now();
        let deadline = began + self.common.offset_flush_timeout;
        self.commit = Some(Commit { future, offsets: changed, began, deadline });
        if closing {
            match commit_result(&mut self.commit).await {
                Some(result) => self.commit_ended(result),
                None => {
                    tracing::warn!(
                        "the last offset commit of closed partitions took too long; records come again"
                    );
                    add(&self.common.counters.commit_failures, 1);
                    self.commit = None;
                }
            }
        }
        Ok(())
    }

    /// Waits until Kafka has the dead letters of everything that was read: an offset that is committed says that
    /// nothing before it is needed again. `false`: that takes too long, and nothing can be committed now.
    pub(super) async fn letters_settled(&mut self, closing: bool) -> Result<bool> {
        let Some(letters) = &self.letters else { return Ok(true) };
        let timeout = self.common.offset_flush_timeout;
        // While the task is being stopped the commit, too, needs some of the time.
        let timeout = if closing { timeout * 4 / 5 } else { timeout };
        let settled = tokio::select! {
            biased;
            settled = tokio::time::timeout(timeout, letters.settled()) => settled.is_ok(),
            () = self.common.control.stopped(), if !closing => false,
        };
        if !settled {
            tracing::warn!(
                letters = letters.pending(),
                topic = %letters.topic(),
                "offsets are not committed now: dead letters of records before them are not written yet"
            );
            return Ok(false);
        }
        match letters.failed() {
            Some(error) => Err(error),
            None => Ok(true),
        }
    }

    pub(super) fn commit_ended(&mut self, result: crate::kafka::Result<()>) {
        let Some(commit) = self.commit.take() else { return };
        match result {
            Ok(()) => {
                self.positions.commit_done(&commit.offsets);
                self.common.counters.commit_times.record(commit.began.elapsed());
                add(&self.common.counters.commits, 1);
            }
            Err(error) => {
                add(&self.common.counters.commit_failures, 1);
                if error.kind() == KafkaErrorKind::Rebalance {
                    tracing::warn!(%error, "offsets were not committed because the group is rebalancing; records may come again");
                } else if error.is_retriable() {
                    tracing::warn!(%error, "offsets could not be committed now; they are tried again in the next round");
                } else {
                    tracing::error!(%error, "offsets could not be committed; they are tried again in the next round");
                }
            }
        }
    }

    /// The end: what the task took is committed, all partitions are closed.
    pub(super) async fn finish(&mut self, task: &mut dyn SinkTask, result: Result<()>) -> Result<()> {
        let all: Vec<_> = self.assignment.iter().cloned().collect();
        let closed = self.commit(task, &all, true).await;
        match (result, closed) {
            (Err(first), Err(second)) => {
                tracing::error!(error = %self.common.trace(&second), "closing failed too");
                Err(first)
            }
            (first, second) => first.and(second),
        }
    }
}

/// The result of the commit under way; `None` when its time is over. Never resolves without one.
pub(super) async fn commit_result(commit: &mut Option<Commit>) -> Option<crate::kafka::Result<()>> {
    match commit {
        Some(commit) => tokio::time::timeout_at(commit.deadline, &mut commit.future).await.ok(),
        None => std::future::pending().await,
    }
}
