//! Records on their way into the task, and where they are booked.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use connect_api::{Error, Result, SinkTask, TopicPartition};
use tokio::time::Instant;

use super::{LAG_PERIOD, SinkLoop};
use crate::kafka::PartitionRecords;
use crate::ledger::{Ends, LedgerPartition};
use crate::metrics::add;

impl SinkLoop {
    pub(super) async fn convert(&mut self, batches: Vec<PartitionRecords>) -> Result<()> {
        if !batches.is_empty() {
            self.lag_due.get_or_insert_with(|| Instant::now() + LAG_PERIOD);
        }
        let counters = &self.common.counters;
        let mut read = Vec::with_capacity(batches.len());
        for records in &batches {
            let (partition, count) = (records.partition.clone(), records.records.len());
            add(&counters.read, count);
            let line = counters.ledger.read(LedgerPartition::Topic(partition.clone()), count);
            read.push((partition, line, count, records.next_offset));
        }
        let tallies = self.pipeline.process(batches, &mut self.batch).await?;
        for ((partition, line, count, next), tally) in read.into_iter().zip(tallies) {
            let given_up = self.pipeline.operator.given_up(tally.given_up);
            if tally.filtered + tally.given_up > 0 {
                counters.ledger.ended([(line, Ends { filtered: tally.filtered, ..given_up })]);
            }
            if let Some(topics) = &self.common.topics
                && tally.given_up < count
            {
                topics.used(&partition.topic);
            }
            self.positions.delivered(&partition, next);
            self.booked.push((partition, line, count - tally.filtered - tally.given_up));
        }
        // A topic of bad records must not fill the memory with letters.
        if let Some(letters) = &self.letters {
            tokio::select! {
                biased;
                () = letters.room() => {}
                () = self.common.control.stopped() => {}
            }
        }
        Ok(())
    }

    pub(super) async fn put(&mut self, task: &mut dyn SinkTask) -> Result<()> {
        self.host.lock().putting = true;
        let began = Instant::now();
        let result = task.put(&self.batch).await;
        if !self.batch.is_empty() {
            self.common.counters.calls.record(began.elapsed());
            self.common.counters.batch(self.batch.len());
        }
        let (fatal, reported) = {
            let mut requests = self.host.lock();
            requests.putting = false;
            (requests.fatal.take(), std::mem::take(&mut requests.reported))
        };
        // What is worse than the report says more.
        let passes = result.as_ref().err().is_none_or(Error::is_retriable);
        if let Some(error) = fatal.filter(|_| passes) {
            return Err(error);
        }
        match result {
            Ok(()) => {
                self.positions.taken();
                self.book_delivered(reported);
                self.batch.clear();
                if self.redelivering {
                    self.redelivering = false;
                    if !self.paused {
                        self.resume_all().await?;
                    }
                }
                Ok(())
            }
            Err(error) if error.is_retriable() => {
                tracing::warn!(error = %self.common.trace(&error), records = self.batch.len(), "the task will be given these records again");
                if !self.redelivering {
                    self.redelivering = true;
                    self.pause_all().await?;
                }
                Ok(())
            }
            Err(error) => {
                Err(Error::connect("Exiting WorkerSinkTask due to unrecoverable exception.")
                    .with_source(error))
            }
        }
    }

    /// The task took the batch, but for the records that it reported.
    pub(super) fn book_delivered(&mut self, mut reported: BTreeMap<TopicPartition, usize>) {
        let (operator, counters) = (&self.host.operator, &self.common.counters);
        let (mut delivered, mut bad) = (0, 0);
        let ends = self.booked.drain(..).map(|(partition, line, records)| {
            let left = reported.get_mut(&partition);
            let of_these = left.as_ref().map_or(0, |left| records.min(**left));
            if let Some(left) = left {
                *left -= of_these;
            }
            delivered += records - of_these;
            bad += of_these;
            (line, Ends { delivered: records - of_these, ..operator.given_up(of_these) })
        });
        counters.ledger.ended(ends);
        add(&counters.delivered, delivered);
        add(&counters.skipped, bad);
        // What is left was part of an earlier batch.
        for (partition, left) in reported {
            for _ in 0..left {
                let partition = LedgerPartition::Topic(partition.clone());
                counters.reported_late(partition, operator.letters().is_some());
            }
        }
    }

    pub(super) fn drop_from_batch(&mut self, partitions: &[TopicPartition]) {
        self.batch.retain(|record| !partitions.contains(&record.original()));
        // They are read, and counted, again by whoever owns the partition next.
        let counters = &self.common.counters;
        self.booked.retain(|(partition, line, records)| {
            let gone = partitions.contains(partition);
            if gone {
                counters.ledger.given_back(*line, *records);
                counters.read.fetch_sub(*records as u64, Relaxed);
            }
            !gone
        });
    }
}
