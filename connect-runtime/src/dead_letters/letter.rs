//! [`DeadLetter`]: a record that failed, and what its headers tell about it.

use bytes::Bytes;
use connect_api::{RawHeaders, TopicPartition};

use crate::kafka::{ConsumerRecord, ProducerRecord};
use crate::wire::dead_letter::{Told, without_context};

/// A record of a dead letter topic. What its headers tell is there with
/// `errors.deadletterqueue.context.headers.enable=true` only.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The partition of the dead letter topic.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
    /// That of the original record where it had one, in milliseconds since the epoch.
    pub timestamp: i64,
    /// The original key.
    pub key: Option<Bytes>,
    /// The original value.
    pub value: Option<Bytes>,
    /// All headers, the original ones first.
    pub headers: RawHeaders,
    told: Told,
}

impl DeadLetter {
    pub(super) fn new(partition: &TopicPartition, record: ConsumerRecord) -> Self {
        Self {
            partition: partition.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key,
            value: record.value,
            told: Told::read(&record.headers),
            headers: record.headers,
        }
    }

    /// The topic that the record was consumed from, or that a source wanted to write it to.
    pub fn origin_topic(&self) -> Option<&str> {
        self.told.topic.as_deref()
    }

    /// The partition that the record was consumed from. `None` for a record of a source.
    pub fn origin_partition(&self) -> Option<i32> {
        self.told.partition
    }

    /// The offset that the record was consumed from. `None` for a record of a source.
    pub fn origin_offset(&self) -> Option<i64> {
        self.told.offset
    }

    /// For a record of a source, the source partition as JSON.
    pub fn source_partition(&self) -> Option<&str> {
        self.told.source_partition.as_deref()
    }

    /// For a record of a source, the source offset as JSON.
    pub fn source_offset(&self) -> Option<&str> {
        self.told.source_offset.as_deref()
    }

    /// The connector that gave the record up.
    pub fn connector(&self) -> Option<&str> {
        self.told.connector.as_deref()
    }

    /// The number of its task.
    pub fn task(&self) -> Option<usize> {
        self.told.task
    }

    /// Where it failed: `VALUE_CONVERTER`, `TRANSFORMATION`, `TASK_PUT` and so on.
    pub fn stage(&self) -> Option<&str> {
        self.told.stage.as_deref()
    }

    /// The class that was executing.
    pub fn class(&self) -> Option<&str> {
        self.told.class.as_deref()
    }

    /// The Java class of the error.
    pub fn exception(&self) -> Option<&str> {
        self.told.exception.as_deref()
    }

    /// What the error said.
    pub fn message(&self) -> Option<&str> {
        self.told.message.as_deref()
    }

    /// The error with its causes.
    pub fn stack_trace(&self) -> Option<&str> {
        self.told.stack_trace.as_deref()
    }

    /// The headers that the record had before it failed.
    pub fn original_headers(&self) -> RawHeaders {
        without_context(&self.headers)
    }

    /// The record as it goes back; `None` when nothing says where to.
    pub(super) fn to_replay(&self, topic: Option<&str>) -> Option<ProducerRecord> {
        let (topic, partition) = match topic {
            Some(other) => (other, None),
            None => (self.origin_topic().filter(|topic| !topic.is_empty())?, self.origin_partition()),
        };
        Some(ProducerRecord {
            topic: topic.into(),
            partition,
            timestamp: (self.timestamp >= 0).then_some(self.timestamp),
            key: self.key.clone(),
            value: self.value.clone(),
            headers: self.original_headers(),
        })
    }
}
