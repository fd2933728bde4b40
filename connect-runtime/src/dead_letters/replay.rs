//! Dead letters go back to where their records came from.

use std::sync::Arc;
use std::time::Duration;

use super::{CLOSE_TIMEOUT, DeadLetterTopic, Selection};
use crate::error::{Error, Result};
use crate::kafka::{KafkaError, Producer, ProducerRecord};

/// Attempts for records that could not be sent for now.
const ATTEMPTS: usize = 20;
/// The pause between two.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// What a replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// How many records Kafka has acknowledged.
    pub records: u64,
    /// Selected letters that stayed, by partition and offset: no header says where their records came from.
    pub without_origin: Vec<(i32, i64)>,
}

impl DeadLetterTopic {
    /// Writes the records of the selected letters to the topic and partition that they were consumed from, or that
    /// their source meant them for; with `to`, to that topic instead. Key, value, timestamp and headers are the
    /// original ones, without those that tell what went wrong.
    ///
    /// The letters stay where they are: a second replay writes the records again. All groups that read the origin
    /// get them. A record of a source goes out as it was before the transformations.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such topic; [`Error::Kafka`] when it cannot be read, or when a record is
    /// not taken; the text says how many were written before.
    pub async fn replay(&self, selection: &Selection, to: Option<&str>) -> Result<Replayed> {
        let mut replayed = Replayed::default();
        let mut reader = self.reader(selection).await?;
        let failed = |error: KafkaError, done: u64| {
            let doing = format!(
                "could not replay dead letters of {}; {done} records were written before this",
                self.topic
            );
            Error::kafka(doing, error)
        };
        let producer = self.kafka.producer(&self.clients.producer.properties).await;
        let mut producer = producer.map_err(|error| failed(error, 0))?;
        while let Some(letters) = reader.next().await? {
            let mut records = Vec::new();
            for letter in letters.iter().filter(|letter| selection.matches(letter)) {
                match letter.to_replay(to) {
                    Some(record) => records.push(record),
                    None => replayed.without_origin.push((letter.partition, letter.offset)),
                }
            }
            if !records.is_empty() {
                send(&mut *producer, records, &mut replayed.records)
                    .await
                    .map_err(|error| failed(error, replayed.records))?;
            }
        }
        reader.close().await;
        if let Err(error) = producer.close(CLOSE_TIMEOUT).await {
            tracing::warn!(%error, "the producer of the replay did not close cleanly");
        }
        Ok(replayed)
    }
}

/// Sends records until all are acknowledged, one refused for good, or the attempts are over.
async fn send(
    producer: &mut dyn Producer,
    mut records: Vec<ProducerRecord>,
    done: &mut u64,
) -> Result<(), KafkaError> {
    let mut attempts = 1;
    loop {
        let batch = Arc::new(records);
        let failed = match producer.send(Arc::clone(&batch), false).await {
            Ok(delivery) => delivery.await.failed,
            Err(error) if error.is_retriable() && attempts < ATTEMPTS => {
                attempts += 1;
                tokio::time::sleep(RETRY_PAUSE).await;
                records = Arc::unwrap_or_clone(batch);
                continue;
            }
            Err(error) => return Err(error),
        };
        *done += (batch.len() - failed.len()) as u64;
        let mut again = Vec::new();
        for (index, error) in failed {
            if !error.is_retriable() || attempts >= ATTEMPTS {
                return Err(error);
            }
            again.push(batch[index].clone());
        }
        if again.is_empty() {
            return Ok(());
        }
        attempts += 1;
        tokio::time::sleep(RETRY_PAUSE).await;
        records = again;
    }
}
