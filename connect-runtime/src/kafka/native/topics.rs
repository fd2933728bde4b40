//! Topics: which partitions they have, and which one a record goes to.

use std::collections::HashMap;

use connect_api::Str;

use crate::kafka::net::again;
use crate::kafka::partitioner::partition_for_key;
use crate::kafka::{KafkaError, KafkaErrorKind, ProducerRecord, Result};

/// A topic that records are written to.
#[derive(Debug, Default)]
pub(super) struct Topic {
    /// Where each partition stands in the producer's list, by its number.
    pub(super) partitions: Vec<usize>,
    /// Why nothing can be written to it, as the brokers said last.
    pub(super) refusal: Option<KafkaError>,
    next: Sticky,
}

/// For records without a key, as Java does it: one partition until about a batch went there, then the next.
#[derive(Debug, Default)]
struct Sticky {
    partition: usize,
    bytes: usize,
}

impl Topic {
    /// Whether the brokers have said anything about it.
    pub(super) fn is_known(&self) -> bool {
        !self.partitions.is_empty() || self.refusal.is_some()
    }

    /// Where a record of this size goes.
    pub(super) fn place(
        &mut self,
        record: &ProducerRecord,
        size: usize,
        batch_size: usize,
        round_robin: bool,
    ) -> Result<usize> {
        if let Some(refusal) = &self.refusal {
            return Err(again(refusal));
        }
        let count = self.partitions.len().max(1);
        let number = match (record.partition, &record.key) {
            (Some(partition), _) => usize::try_from(partition).unwrap_or(usize::MAX),
            (None, Some(key)) if !round_robin => {
                let count = i32::try_from(count).unwrap_or(i32::MAX);
                usize::try_from(partition_for_key(key, count)).unwrap_or_default()
            }
            (None, _) => self.next.partition(size, if round_robin { 1 } else { batch_size }, count),
        };
        self.partitions.get(number).copied().ok_or_else(|| {
            let (topic, partition) = (&record.topic, record.partition.unwrap_or_default());
            let message =
                format!("writing to partition {topic}-{partition}: the topic has {}", self.partitions.len());
            KafkaError::new(KafkaErrorKind::UnknownTopic, message).with_retriable(true)
        })
    }
}

impl Sticky {
    fn partition(&mut self, size: usize, batch_size: usize, count: usize) -> usize {
        if self.bytes >= batch_size {
            *self = Self { partition: self.partition + 1, bytes: 0 };
        }
        self.partition %= count;
        self.bytes = self.bytes.saturating_add(size);
        self.partition
    }
}

/// All topics of a producer, by name.
pub(super) type Topics = HashMap<Str, Topic>;

/// A topic that nobody knows yet. Different topics begin at different partitions, which spreads many small ones.
pub(super) fn unknown(name: &Str) -> Topic {
    let start = partition_for_key(name.as_str().as_bytes(), i32::MAX);
    let next = Sticky { partition: usize::try_from(start).unwrap_or_default(), bytes: 0 };
    Topic { next, ..Topic::default() }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use connect_api::RawHeaders;

    use super::*;

    fn record(partition: Option<i32>, key: Option<&'static [u8]>) -> ProducerRecord {
        ProducerRecord {
            topic: "t".into(),
            partition,
            timestamp: None,
            key: key.map(Bytes::from_static),
            value: None,
            headers: RawHeaders::new(),
        }
    }

    fn topic(partitions: usize) -> Topic {
        Topic { partitions: (10..10 + partitions).collect(), ..Topic::default() }
    }

    #[test]
    fn a_partition_wins_over_the_key_and_a_key_goes_where_java_puts_it() {
        let mut topic = topic(7);
        assert_eq!(topic.place(&record(Some(3), Some(b"k")), 10, 100, false).unwrap(), 13);
        let expected = 10 + usize::try_from(partition_for_key(b"k", 7)).unwrap();
        assert_eq!(topic.place(&record(None, Some(b"k")), 10, 100, false).unwrap(), expected);
    }

    #[test]
    fn records_without_a_key_stay_until_a_batch_is_full_and_then_move_on() {
        let mut topic = topic(2);
        let mut places = || topic.place(&record(None, None), 40, 100, false).unwrap();
        let places: Vec<_> = (0..9).map(|_| places()).collect();
        assert_eq!(places, [10, 10, 10, 11, 11, 11, 10, 10, 10]);
    }

    #[test]
    fn a_partition_that_does_not_exist_is_refused_for_now() {
        let error = topic(3).place(&record(Some(3), None), 10, 100, false).unwrap_err();
        assert_eq!(error.kind(), KafkaErrorKind::UnknownTopic);
        assert!(error.is_retriable(), "the topic may grow");
        assert!(topic(3).place(&record(Some(-1), None), 10, 100, false).is_err());
    }
}
