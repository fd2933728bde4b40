//! Partitions that come and go.

use connect_api::{Result, SinkTask, TopicPartition};
use tokio::time::Instant;

use super::{LAG_PERIOD, SinkLoop};
use crate::task::try_later;

impl SinkLoop {
    pub(super) async fn assigned(
        &mut self,
        task: &mut dyn SinkTask,
        partitions: Vec<TopicPartition>,
    ) -> Result<()> {
        for partition in &partitions {
            let position = loop {
                match self.consumer.position(partition).await {
                    Ok(position) => break position,
                    Err(error) => {
                        if !try_later(&mut self.common.control, "look up where to begin", error).await? {
                            return Ok(());
                        }
                    }
                }
            };
            self.positions.assigned(partition, position);
            self.assignment.insert(partition.clone());
        }
        self.host.lock().assignment = Some(self.assignment.clone());
        self.note_partitions();
        if self.paused || self.redelivering {
            self.consumer.pause(&partitions).await?;
        }
        task.open(&partitions).await?;
        self.serve_requests().await
    }

    pub(super) async fn revoked(
        &mut self,
        task: &mut dyn SinkTask,
        partitions: Vec<TopicPartition>,
    ) -> Result<()> {
        self.commit(task, &partitions, true).await?;
        self.forget(&partitions);
        Ok(())
    }

    pub(super) async fn lost(&mut self, task: &mut dyn SinkTask, partitions: Vec<TopicPartition>) {
        if let Err(error) = task.close(&partitions).await {
            tracing::error!(error = %self.common.trace(&error), "close failed for partitions that were lost");
        }
        if let Some(letters) = &self.letters {
            letters.forget(&partitions);
        }
        self.forget(&partitions);
    }

    fn note_partitions(&self) {
        let count = i64::try_from(self.assignment.len()).unwrap_or(i64::MAX);
        self.common.counters.partitions.store(count, std::sync::atomic::Ordering::Relaxed);
    }

    pub(super) fn forget(&mut self, partitions: &[TopicPartition]) {
        self.lag_due.get_or_insert_with(|| Instant::now() + LAG_PERIOD);
        for partition in partitions {
            self.positions.forget(partition);
            self.assignment.remove(partition);
        }
        self.note_partitions();
        self.drop_from_batch(partitions);
        let mut requests = self.host.lock();
        requests.paused.retain(|partition| !partitions.contains(partition));
        requests.assignment = Some(self.assignment.clone());
    }
}
