//! Converters: bytes to typed data and back.

use std::ops::Range;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::config::Config;
use crate::data::{SchemaAndValue, Str};
use crate::header::RawHeaders;
use crate::{Error, Result};

/// What a converter is used for: the value of `converter.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConverterType {
    /// Record keys.
    Key,
    /// Record values.
    Value,
    /// Header values.
    Header,
}

impl ConverterType {
    /// `key`, `value` or `header`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
            Self::Header => "header",
        }
    }
}

/// What [`Converter::from_connect_data`] appended to the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// Nothing: the Kafka key or value is null.
    Null,
    /// What was appended to the buffer since the call began.
    Appended,
    /// Bytes that exist already; the buffer was not touched. For converters that pass payloads through.
    Shared(Bytes),
}

/// One item of a batch for [`Converter::to_connect_batch`].
#[derive(Debug)]
pub struct RawItem<'a> {
    /// The topic that the record was read from.
    pub topic: &'a Str,
    /// The record's headers.
    pub headers: &'a RawHeaders,
    /// Key or value; `None` is null.
    pub bytes: Option<&'a Bytes>,
}

/// One item of a batch for [`Converter::from_connect_batch`].
#[derive(Debug)]
pub struct DataItem<'a> {
    /// The topic that the record is written to.
    pub topic: &'a Str,
    /// The record's outgoing headers, to which a converter may add.
    pub headers: &'a mut RawHeaders,
    /// Key or value.
    pub data: &'a SchemaAndValue,
}

/// Turns bytes into typed data and back: JSON, text, Avro.
///
/// One instance serves the key or the value of one task, or of one of its lanes (`tasks.conversion.parallelism`). The
/// runtime passes the configuration with its prefix (`key.converter.` or `value.converter.`) taken off, and
/// `converter.type` added.
///
/// # Errors
///
/// Any error is subject to `errors.tolerance`: it fails the task (`none`) or drops and reports the record (`all`).
/// A retriable error is tried again within `errors.retry.timeout`. An [unresolved](Error::unresolved) error makes the
/// runtime await [`resolve`](Self::resolve) and convert again.
#[async_trait]
#[doc(alias = "org.apache.kafka.connect.storage.Converter")]
#[expect(clippy::wrong_self_convention, reason = "Kafka's names")]
pub trait Converter: Send + Sync + 'static {
    /// The converter's configuration.
    type Config: Config
    where
        Self: Sized;

    /// Makes a converter for keys, values or headers.
    fn configure(config: Self::Config, ty: ConverterType) -> Result<Self>
    where
        Self: Sized;

    /// Reads bytes from Kafka. `None` is a null key or value, for most converters [`SchemaAndValue::NULL`].
    fn to_connect_data(
        &self,
        topic: &str,
        headers: &RawHeaders,
        bytes: Option<&Bytes>,
    ) -> Result<SchemaAndValue>;

    /// Writes data for Kafka: appends to `out`, the batch's buffer, and says what it wrote. On an error the runtime
    /// takes back what was appended.
    fn from_connect_data(
        &self,
        topic: &str,
        headers: &mut RawHeaders,
        data: &SchemaAndValue,
        out: &mut BytesMut,
    ) -> Result<Encoded>;

    /// Reads a batch. Override it to borrow scratch state (key tables, shapes) once per batch. `results` gets exactly
    /// one entry per item, in order.
    fn to_connect_batch(
        &self,
        items: &mut dyn Iterator<Item = RawItem<'_>>,
        results: &mut Vec<Result<SchemaAndValue>>,
    ) {
        for item in items {
            results.push(self.to_connect_data(item.topic.as_str(), item.headers, item.bytes));
        }
    }

    /// Writes a batch into one buffer. `results` gets exactly one entry per item, in order, each with the range of
    /// `out` that it wrote (empty unless [`Encoded::Appended`]).
    fn from_connect_batch(
        &self,
        items: &mut dyn Iterator<Item = DataItem<'_>>,
        out: &mut BytesMut,
        results: &mut Vec<Result<(Encoded, Range<usize>)>>,
    ) {
        for item in items {
            let start = out.len();
            let result = self.from_connect_data(item.topic.as_str(), item.headers, item.data, out);
            if !matches!(result, Ok(Encoded::Appended)) {
                out.truncate(start);
            }
            results.push(result.map(|encoded| (encoded, start..out.len())));
        }
    }

    /// Loads what a conversion was missing, say a schema by its id. Called with the error of that conversion, which
    /// is then repeated. The default gives the error back.
    async fn resolve(&self, error: Error) -> Result<()> {
        Err(error)
    }
}

/// Turns header values into typed data and back.
#[doc(alias = "org.apache.kafka.connect.storage.HeaderConverter")]
#[expect(clippy::wrong_self_convention, reason = "Kafka's names")]
pub trait HeaderConverter: Send + Sync + 'static {
    /// The converter's configuration.
    type Config: Config
    where
        Self: Sized;

    /// Makes a header converter.
    fn configure(config: Self::Config) -> Result<Self>
    where
        Self: Sized;

    /// Reads one header value from Kafka.
    fn to_connect_header(&self, topic: &str, key: &str, bytes: Option<&Bytes>) -> Result<SchemaAndValue>;

    /// Writes one header value for Kafka.
    fn from_connect_header(&self, topic: &str, key: &str, data: &SchemaAndValue) -> Result<Option<Bytes>>;
}
