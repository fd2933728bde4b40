//! One `poll` of the client, and what the port expects beyond it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connect_api::{Str, TimestampType, TopicPartition};
use krafka::admin::{AdminClient, ListOffsetsOptions, OffsetSpec};
use krafka::consumer::{AutoOffsetReset, Consumer as Client};

use super::error::failed;
use super::positions::Positions;
use super::{Result, admin, headers};
use crate::kafka::{ConsumerRecord, KafkaError, KafkaErrorKind, PartitionRecords};
use crate::time::now_millis;

/// How long one `poll` of the client runs. Only the upkeep of the subscription depends on it.
const INNER_POLL: Duration = Duration::from_secs(1);
/// The same while a position has to be checked.
const CHECKING_POLL: Duration = Duration::from_millis(100);
/// Between attempts while the brokers cannot be reached.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// How long a look for first positions may take: the client finds them by itself, if need be.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads with a client.
pub(super) struct Reading {
    pub(super) client: Arc<Client>,
    pub(super) admin: Arc<AdminClient>,
    pub(super) positions: Arc<Positions>,
    pub(super) reset: AutoOffsetReset,
}

impl Reading {
    /// One `poll` of the client. A failure that passes is waited out: Java's consumer does not tell of it either.
    pub(super) async fn poll(&self) -> Result<Vec<PartitionRecords>> {
        let time = if self.positions.any_told() { CHECKING_POLL } else { INNER_POLL };
        match self.client.poll(time).await {
            Ok(records) => self.complete(by_partition(records)).await,
            Err(error) => {
                let error = failed("reading records", error);
                if !error.is_retriable() {
                    return Err(error);
                }
                tracing::warn!(%error, "reading records failed; trying again");
                tokio::time::sleep(RETRY_PAUSE).await;
                Ok(Vec::new())
            }
        }
    }

    async fn complete(&self, mut partitions: Vec<PartitionRecords>) -> Result<Vec<PartitionRecords>> {
        let told = self.positions.any_told();
        if partitions.is_empty() || told {
            let current = self.client.lag().await.into_iter();
            let current: Vec<_> = current
                .filter_map(|(partition, lag)| {
                    Some((TopicPartition::new(partition.topic(), partition.partition()), lag.position?))
                })
                .collect();
            let findings = self.positions.compare(current);
            for (partition, offset) in findings.out_of_range {
                // Records of the place where the client went meanwhile are not those to come next.
                partitions.retain(|read| read.partition != partition);
                self.out_of_range(&partition, offset).await?;
            }
            for (partition, next_offset) in findings.moved {
                match partitions.iter_mut().find(|read| read.partition == partition) {
                    Some(read) => read.next_offset = next_offset,
                    None => partitions.push(PartitionRecords { partition, records: Vec::new(), next_offset }),
                }
            }
        }
        for read in &mut partitions {
            let partition = &read.partition;
            if !read.records.is_empty()
                && let Some(position) = self.client.position(&partition.topic, partition.partition).await
            {
                // Further than the last record when transaction markers follow it.
                read.next_offset = read.next_offset.max(position);
            }
            self.positions.handed_out(&read.partition, read.next_offset);
        }
        Ok(partitions)
    }

    /// Does what `auto.offset.reset` says.
    async fn out_of_range(&self, partition: &TopicPartition, offset: i64) -> Result<()> {
        let tried = format!("reading {partition} at offset {offset}, which does not exist");
        tracing::warn!(%partition, offset, reset = ?self.reset, "the position does not exist and is reset");
        let (topic, number) = (&partition.topic, partition.partition);
        let moved = match self.reset {
            AutoOffsetReset::Earliest => self.client.seek_to_beginning(topic, number).await,
            AutoOffsetReset::ByDuration(age) => {
                let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
                match self.client.seek_to_timestamp(topic, number, now_millis().saturating_sub(age)).await {
                    Err(krafka::KrafkaError::NoOffset { .. }) => self.client.seek_to_end(topic, number).await,
                    moved => moved,
                }
            }
            AutoOffsetReset::None => {
                let message = format!("{tried}, and `auto.offset.reset` is `none`");
                return Err(KafkaError::new(KafkaErrorKind::OffsetOutOfRange, message));
            }
            _ => self.client.seek_to_end(topic, number).await,
        };
        moved.map_err(|error| failed(tried, error))?;
        self.positions.forget(partition);
        Ok(())
    }

    /// Finds out where reading begins in assigned partitions, all of them at once, so that moves can be told from the
    /// beginning.
    pub(super) async fn find_first_positions(&self, partitions: &[TopicPartition]) {
        let spec = match self.reset {
            AutoOffsetReset::Earliest => OffsetSpec::Earliest,
            AutoOffsetReset::Latest => OffsetSpec::Latest,
            // The client does these by itself.
            _ => return,
        };
        let unknown: Vec<_> =
            partitions.iter().filter(|partition| !self.positions.knows(partition)).collect();
        if unknown.is_empty() {
            return;
        }
        let specs = unknown.iter().map(|partition| (admin::client_partition(partition), spec));
        let options = ListOffsetsOptions::default().timeout(LOOK_TIMEOUT);
        let found = match self.admin.list_offsets(specs, options).await {
            Ok(found) => found,
            Err(error) => return tracing::debug!(%error, "the first positions are left to the client"),
        };
        for partition in unknown {
            let Some(Ok(listed)) = found.get(&admin::client_partition(partition)) else { continue };
            if self.client.seek(&partition.topic, partition.partition, listed.offset).await.is_ok() {
                self.positions.handed_out(partition, listed.offset);
            }
        }
    }
}

/// Groups records, which come in runs of one partition.
fn by_partition(records: Vec<krafka::ConsumerRecord>) -> Vec<PartitionRecords> {
    let Some(first) = records.first() else { return Vec::new() };
    let (topic, partition) = (Arc::clone(&first.topic), first.partition);
    if records.iter().all(|record| same_partition(record, &topic, partition)) {
        // Most polls bring records of one partition; the vector is turned into ours where it is.
        let next_offset = records.last().map_or(0, |record| record.offset + 1);
        let partition = topic_partition(&topic, partition);
        let records = records.into_iter().map(ours).collect();
        return vec![PartitionRecords { partition, records, next_offset }];
    }
    let mut partitions: Vec<PartitionRecords> = Vec::new();
    let mut places: HashMap<(Arc<str>, i32), usize> = HashMap::new();
    let mut run: Option<(Arc<str>, i32, usize)> = None;
    for record in records {
        let place = match &run {
            Some((topic, partition, place)) if same_partition(&record, topic, *partition) => *place,
            _ => {
                let key = (Arc::clone(&record.topic), record.partition);
                let place = *places.entry(key).or_insert_with(|| {
                    let partition = topic_partition(&record.topic, record.partition);
                    partitions.push(PartitionRecords { partition, records: Vec::new(), next_offset: 0 });
                    partitions.len() - 1
                });
                run = Some((Arc::clone(&record.topic), record.partition, place));
                place
            }
        };
        if let Some(read) = partitions.get_mut(place) {
            read.next_offset = record.offset + 1;
            read.records.push(ours(record));
        }
    }
    partitions
}

fn same_partition(record: &krafka::ConsumerRecord, topic: &Arc<str>, partition: i32) -> bool {
    record.partition == partition && (Arc::ptr_eq(topic, &record.topic) || *topic == record.topic)
}

/// Every record gets a copy of the topic's name, so a long one is shared.
fn topic_partition(topic: &str, partition: i32) -> TopicPartition {
    let topic = Str::from_utf8(Bytes::copy_from_slice(topic.as_bytes())).unwrap_or_else(|_| topic.into());
    TopicPartition::new(topic, partition)
}

fn ours(record: krafka::ConsumerRecord) -> ConsumerRecord {
    ConsumerRecord {
        offset: record.offset,
        timestamp: record.timestamp,
        timestamp_type: timestamp_type(record.timestamp),
        key: record.key,
        value: record.value,
        headers: headers::from_client(record.headers),
    }
}

/// The client gives the producer's time also where the broker set another one, so that is what it is here.
fn timestamp_type(timestamp: i64) -> TimestampType {
    if timestamp < 0 { TimestampType::NoTimestampType } else { TimestampType::CreateTime }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(topic: &Arc<str>, partition: i32, offset: i64) -> krafka::ConsumerRecord {
        krafka::ConsumerRecord::new(Arc::clone(topic), partition, offset, None, None)
    }

    #[test]
    fn records_are_grouped_by_partition_in_order() {
        let (a, b): (Arc<str>, Arc<str>) = (Arc::from("a"), Arc::from("b"));
        let also_a: Arc<str> = Arc::from("a");
        let records = vec![
            record(&a, 0, 5),
            record(&a, 0, 7),
            record(&a, 1, 1),
            record(&b, 0, 3),
            record(&also_a, 0, 8),
        ];
        let grouped: Vec<_> = by_partition(records)
            .into_iter()
            .map(|read| {
                let offsets: Vec<_> = read.records.iter().map(|record| record.offset).collect();
                (read.partition.to_string(), offsets, read.next_offset)
            })
            .collect();
        let expected = [("a-0", vec![5, 7, 8], 9), ("a-1", vec![1], 2), ("b-0", vec![3], 4)];
        assert_eq!(grouped, expected.map(|(partition, offsets, next)| (partition.to_owned(), offsets, next)));
    }

    #[test]
    fn a_negative_timestamp_is_none() {
        assert_eq!(timestamp_type(-1), TimestampType::NoTimestampType);
        assert_eq!(timestamp_type(0), TimestampType::CreateTime);
    }
}
