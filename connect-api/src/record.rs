//! [`Record`]: what travels through transformations.

use crate::data::{SchemaAndValue, Str};
use crate::header::Headers;

/// What a record's timestamp means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// There is none.
    #[default]
    NoTimestampType,
    /// The producer's clock.
    CreateTime,
    /// The broker's clock.
    LogAppendTime,
}

impl TimestampType {
    /// Kafka's name of it: `NoTimestampType`, `CreateTime`, `LogAppendTime`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoTimestampType => "NoTimestampType",
            Self::CreateTime => "CreateTime",
            Self::LogAppendTime => "LogAppendTime",
        }
    }
}

/// Where Kafka put a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordMetadata {
    /// The topic.
    pub topic: Str,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The timestamp in milliseconds since the epoch, where known.
    pub timestamp: Option<i64>,
}

impl RecordMetadata {
    /// Coordinates of a record.
    #[inline]
    pub fn new(topic: impl Into<Str>, partition: i32, offset: i64, timestamp: Option<i64>) -> Self {
        Self { topic: topic.into(), partition, offset, timestamp }
    }
}

/// A record between two systems: what a transformation may see and edit.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[doc(alias = "org.apache.kafka.connect.connector.ConnectRecord")]
pub struct Record {
    /// The topic that it is written to, or was read from.
    pub topic: Str,
    /// The partition; `None` lets the partitioner choose.
    pub kafka_partition: Option<i32>,
    /// The key.
    pub key: SchemaAndValue,
    /// The value.
    pub value: SchemaAndValue,
    /// Milliseconds since the epoch. `None` lets the producer take its clock.
    pub timestamp: Option<i64>,
    /// The headers, in order.
    pub headers: Headers,
    kafka_offset: Option<i64>,
}

impl Record {
    /// A record with a value and no key.
    #[inline]
    pub fn new(topic: impl Into<Str>, value: SchemaAndValue) -> Self {
        Self {
            topic: topic.into(),
            kafka_partition: None,
            key: SchemaAndValue::NULL,
            value,
            timestamp: None,
            headers: Headers::new(),
            kafka_offset: None,
        }
    }

    /// The same with a key.
    #[must_use]
    #[inline]
    pub fn with_key(mut self, key: SchemaAndValue) -> Self {
        self.key = key;
        self
    }

    /// The same with a timestamp, in milliseconds since the epoch.
    #[must_use]
    #[inline]
    pub fn with_timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// The same for a certain partition of the topic.
    #[must_use]
    #[inline]
    pub fn with_kafka_partition(mut self, partition: i32) -> Self {
        self.kafka_partition = Some(partition);
        self
    }

    /// The same with headers.
    #[must_use]
    #[inline]
    pub fn with_headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// The offset that it was read from: `Some` on the sink side only.
    #[inline]
    pub fn kafka_offset(&self) -> Option<i64> {
        self.kafka_offset
    }

    #[doc(hidden)]
    #[must_use]
    #[inline]
    pub fn with_kafka_offset(mut self, offset: i64) -> Self {
        self.kafka_offset = Some(offset);
        self
    }
}
