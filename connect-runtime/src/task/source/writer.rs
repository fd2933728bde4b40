//! The transactional producer of one task, and the operations that take it for as long as they last.

use std::sync::Arc;
use std::time::Duration;

use connect_api::{Error, Result};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

use super::guarantee::End;
use super::topics::TopicCreator;
use super::{CLOSE_TIMEOUT, RETRY_PAUSE};
use crate::kafka::{Delivery, KafkaError, Producer, ProducerRecord, SendReport};
use crate::pipeline::LetterQueue;

/// How long aborting the open transaction of a task that has failed may take.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);

/// What is known about a batch: from which record of its transaction on, how many, and the report.
pub(super) type Ack = (usize, usize, SendReport);

/// The batches of a transaction that are not acknowledged.
pub(super) type Acks = FuturesUnordered<BoxFuture<'static, Ack>>;

/// What a transaction ends with.
pub(super) struct Ending {
    pub(super) end: End,
    pub(super) acks: Acks,
    /// The records of the offsets topic.
    pub(super) offsets: Vec<ProducerRecord>,
    /// Dead letters that have to be written before.
    pub(super) letters: Option<Arc<LetterQueue>>,
}

/// See the module.
pub(super) struct Writer {
    pub(super) producer: Box<dyn Producer>,
    pub(super) topics: Option<TopicCreator>,
    /// Whether reports name positions.
    pub(super) positions: bool,
    /// A transaction is open.
    pub(super) open: bool,
}

impl Writer {
    /// Takes records into the open transaction, which is opened if there is none. What fails for now is tried again
    /// for as long as it takes.
    pub(super) async fn send(&mut self, records: Arc<Vec<ProducerRecord>>) -> Result<Delivery> {
        loop {
            let error = match self.try_send(&records).await {
                Ok(delivery) => return Ok(delivery),
                Err(error) => error,
            };
            if !error.is_retriable() {
                return Err(Error::connect("Unrecoverable exception trying to send").with_source(error));
            }
            tracing::warn!(%error, "records cannot be sent now and will be sent again");
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn try_send(&mut self, records: &Arc<Vec<ProducerRecord>>) -> Result<Delivery> {
        if let Some(topics) = &mut self.topics {
            topics.ensure_all(records).await?;
        }
        self.begin().await?;
        Ok(self.producer.send(Arc::clone(records), self.positions).await?)
    }

    async fn begin(&mut self) -> Result<(), KafkaError> {
        if !self.open {
            self.producer.begin_transaction().await?;
            self.open = true;
        }
        Ok(())
    }

    /// Ends the open transaction and commits the offsets: with the records, or after they were discarded in a
    /// transaction of their own. Answers the reports of batches that were not acknowledged before.
    pub(super) async fn end(&mut self, mut ending: Ending) -> Result<Vec<Ack>, KafkaError> {
        if ending.end == End::Abort && self.open {
            self.producer.abort_transaction().await?;
            self.open = false;
            // What was discarded has no report worth reading.
            ending.acks = Acks::new();
        }
        let mut reports = Vec::new();
        let offsets = match ending.offsets.is_empty() {
            true => None,
            false => {
                self.begin().await?;
                Some(self.send_offsets(Arc::new(ending.offsets)).await?)
            }
        };
        while let Some((first, records, report)) = ending.acks.next().await {
            reports.push((first, records, written(report)?));
        }
        if let Some(offsets) = offsets {
            written(offsets.await)?;
        }
        if let Some(letters) = ending.letters {
            // An offset says that no record before it is needed again.
            letters.settled().await;
        }
        if self.open {
            self.producer.commit_transaction().await?;
            self.open = false;
        }
        Ok(reports)
    }

    async fn send_offsets(&mut self, offsets: Arc<Vec<ProducerRecord>>) -> Result<Delivery, KafkaError> {
        loop {
            match self.producer.send(Arc::clone(&offsets), false).await {
                Err(error) if error.is_retriable() => {
                    tracing::warn!(%error, "source offsets cannot be sent now and will be sent again");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                sent => return sent,
            }
        }
    }

    /// Aborts what is open, so that readers need not wait for its time-out, and closes the producer.
    pub(super) async fn close(mut self) {
        if self.open {
            match tokio::time::timeout(ABORT_TIMEOUT, self.producer.abort_transaction()).await {
                Ok(Ok(())) => {}
                // A producer that was fenced has nothing to abort.
                Ok(Err(error)) => tracing::info!(%error, "the open transaction was not aborted"),
                Err(_) => tracing::warn!("the open transaction could not be aborted in time"),
            }
        }
        if let Err(error) = self.producer.close(CLOSE_TIMEOUT).await {
            tracing::warn!(%error, "the producer did not close cleanly");
        }
    }
}

/// In a transaction a record that was not written makes all of it worthless.
pub(super) fn written(mut report: SendReport) -> Result<SendReport, KafkaError> {
    match report.failed.is_empty() {
        true => Ok(report),
        false => Err(report.failed.swap_remove(0).1),
    }
}
