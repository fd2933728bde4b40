//! What stands behind a sink task's context: requests that the loop serves between two calls into the task.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use connect_api::config::Properties;
use connect_api::host::SinkTaskHost;
use connect_api::sink::Report;
use connect_api::{Error, Offsets, Result, SinkRecord, TopicPartition};
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::ledger::LedgerPartition;
use crate::pipeline::{Failure, Operator, Stage, Subject};

/// What the task asked for and the loop has not done yet.
#[derive(Default)]
pub(super) struct Requests {
    pub(super) rewinds: Offsets,
    pub(super) timeout: Option<Duration>,
    pub(super) commit: bool,
    /// Partitions that the task wants paused; kept, so that a resume of the whole task leaves them paused.
    pub(super) paused: BTreeSet<TopicPartition>,
    /// Paused or resumed since the loop looked.
    pub(super) pause_changes: Vec<(TopicPartition, bool)>,
    /// `None` until the first assignment.
    pub(super) assignment: Option<BTreeSet<TopicPartition>>,
    /// The first report that `errors.tolerance=none` makes fatal.
    pub(super) fatal: Option<Error>,
    /// How many records of the current `put` were reported, by the partition they came from.
    pub(super) reported: BTreeMap<TopicPartition, usize>,
    /// `put` is running: what is reported now is not delivered by it.
    pub(super) putting: bool,
}

/// Shared between the loop and the context that the task holds.
pub(super) struct Host {
    pub(super) requests: Mutex<Requests>,
    pub(super) configs: Arc<dyn Fn() -> BoxFuture<'static, Result<Properties>> + Send + Sync>,
    /// Reports go through the same operator settings as the pipeline's failures.
    pub(super) operator: Operator,
    /// `errors.log.enable`, or a dead letter queue.
    pub(super) reports: bool,
}

impl Host {
    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_paused(&self, partitions: &[TopicPartition], paused: bool) -> Result<()> {
        let word = if paused { "pause" } else { "resume" };
        let mut requests = self.lock();
        let assigned = requests.assignment.as_ref().ok_or_else(|| {
            Error::illegal_state(format!(
                "SinkTaskContext may not be used to {word} consumption until the task is initialized"
            ))
        })?;
        if let Some(partition) = partitions.iter().find(|partition| !assigned.contains(*partition)) {
            return Err(Error::illegal_state(format!(
                "SinkTasks may not {word} partitions that are not currently assigned to them."
            ))
            .with("partition", partition));
        }
        for partition in partitions {
            if paused {
                requests.paused.insert(partition.clone());
            } else {
                requests.paused.remove(partition);
            }
            requests.pause_changes.push((partition.clone(), paused));
        }
        Ok(())
    }
}

#[async_trait]
impl SinkTaskHost for Host {
    async fn configs(&self) -> Result<Properties> {
        (self.configs)().await
    }

    fn assignment(&self) -> Result<Vec<TopicPartition>> {
        match &self.lock().assignment {
            Some(assigned) => Ok(assigned.iter().cloned().collect()),
            None => Err(Error::illegal_state(
                "SinkTaskContext may not be used to look up partition assignment until the task is initialized",
            )),
        }
    }

    fn offset(&self, offsets: &Offsets) {
        self.lock().rewinds.extend(offsets.iter().map(|(partition, offset)| (partition.clone(), *offset)));
    }

    fn timeout(&self, wait: Duration) {
        self.lock().timeout = Some(wait);
    }

    fn pause(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.set_paused(partitions, true)
    }

    fn resume(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.set_paused(partitions, false)
    }

    fn request_commit(&self) {
        self.lock().commit = true;
    }

    fn has_reporter(&self) -> bool {
        self.reports
    }

    fn report(&self, record: &SinkRecord, error: Error) -> Result<Report> {
        let failure = Failure {
            stage: Stage::TaskPut,
            class: "org.apache.kafka.connect.sink.SinkTask",
            error: &error,
            subject: Subject::Reported(record),
        };
        let queued = self.operator.letters().is_some();
        let (reply, answer) = oneshot::channel();
        match self.operator.reported(&failure, reply) {
            Ok(()) => {
                let mut requests = self.lock();
                if requests.putting {
                    *requests.reported.entry(record.original()).or_default() += 1;
                } else {
                    let partition = LedgerPartition::Topic(record.original());
                    self.operator.counters().reported_late(partition, queued);
                }
                drop(requests);
                if !queued {
                    return Ok(Report::new(async { Ok(()) }));
                }
                Ok(Report::new(async move {
                    answer.await.unwrap_or_else(|_| {
                        Err(Error::retriable("the task was cut off before the dead letter was written"))
                    })
                }))
            }
            Err(fatal) => {
                let answer = Error::connect(fatal.to_string());
                self.lock().fatal.get_or_insert(fatal);
                Err(answer)
            }
        }
    }
}
