//! Who is told about a record that failed: the log, then the dead letter queue.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use connect_api::{
    Encoded, Error, RawHeaders, Record, Result, SchemaAndValue, SinkRecord, SourceOffset, SourcePartition,
    SourceRecord, TimestampType, TopicPartition,
};
use tokio::sync::oneshot;

use super::letters::{Letter, LetterQueue};
use super::{Converters, Stage};
use crate::config::Resolved;
use crate::kafka::{ConsumerRecord, PartitionRecords, ProducerRecord};
use crate::ledger::LedgerPartition;
use crate::wire;
use crate::wire::dead_letter::{Context, Place};

/// The record that failed, as it was before anything was done to it.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// What the source polled.
    Source(Polled<'a>),
    /// What Kafka would not take of a source.
    Produced { polled: Polled<'a>, record: &'a ProducerRecord },
    /// What Kafka delivered.
    Sink { topic: &'a str, partition: i32, record: &'a ConsumerRecord },
    /// What a sink task reported by hand.
    Reported(&'a SinkRecord),
}

/// A record of a source: where it came from, and what it was where the caller keeps that.
#[derive(Clone, Copy)]
pub(crate) struct Polled<'a> {
    pub(crate) place: Option<&'a (SourcePartition, SourceOffset)>,
    pub(crate) record: Option<&'a SourceRecord>,
}

/// A record that will not go on.
pub(crate) struct Failure<'a> {
    pub(crate) stage: Stage,
    /// The class that was executing.
    pub(crate) class: &'a str,
    pub(crate) error: &'a Error,
    pub(crate) subject: Subject<'a>,
}

/// What was consumed as this record, if it came from the runtime.
fn consumed(record: &SinkRecord) -> Option<&ConsumerRecord> {
    let records = &record.raw()?.0.downcast_ref::<PartitionRecords>()?.records;
    let index = records.binary_search_by_key(&record.original_offset(), |raw| raw.offset).ok()?;
    records.get(index)
}

impl Subject<'_> {
    /// Adds to an error which record it is about.
    pub(super) fn name(&self, error: Error) -> Error {
        match self {
            Self::Source(polled) => polled.name(error),
            Self::Produced { polled, record } => polled.name(error.with("topic", &record.topic)),
            Self::Sink { topic, partition, record } => {
                error.with("topic", topic).with("partition", partition).with("offset", record.offset)
            }
            Self::Reported(record) => error
                .with("topic", record.original_topic())
                .with("partition", record.original_partition())
                .with("offset", record.original_offset()),
        }
    }

    /// The text that `errors.log.include.messages` adds.
    fn describe(&self) -> String {
        let consumed = |topic: &str, partition: i32, offset: i64, timestamp: Option<(i64, TimestampType)>| {
            let time = match timestamp {
                None | Some((_, TimestampType::NoTimestampType)) => String::new(),
                Some((timestamp, ty)) => format!(", timestamp={timestamp}, timestampType={}", ty.as_str()),
            };
            format!(
                ", where consumed record is {{topic='{topic}', partition={partition}, offset={offset}{time}}}"
            )
        };
        match self {
            Self::Source(Polled { record: Some(record), .. })
            | Self::Produced { polled: Polled { record: Some(record), .. }, .. } => {
                format!(", where source record is = {record:?}")
            }
            Self::Source(Polled { record: None, .. }) => String::new(),
            Self::Produced { record, .. } => format!(", where source record is = {record:?}"),
            Self::Sink { topic, partition, record } => {
                consumed(topic, *partition, record.offset, Some((record.timestamp, record.timestamp_type)))
            }
            Self::Reported(record) => consumed(
                record.original_topic(),
                record.original_partition(),
                record.original_offset(),
                record.record.timestamp.map(|timestamp| (timestamp, record.timestamp_type())),
            ),
        }
    }

    /// Whose line of the ledger it stands in.
    fn partition(&self) -> Option<LedgerPartition> {
        match self {
            Self::Source(polled) | Self::Produced { polled, .. } => {
                polled.place.map(|(partition, _)| LedgerPartition::Source(partition.clone()))
            }
            Self::Sink { topic, partition, .. } => {
                Some(LedgerPartition::Topic(TopicPartition::new(*topic, *partition)))
            }
            Self::Reported(record) => Some(LedgerPartition::Topic(record.original())),
        }
    }
}

impl Polled<'_> {
    fn name(&self, error: Error) -> Error {
        match self.place {
            Some((partition, offset)) => error
                .with("source_partition", format_args!("{partition:?}"))
                .with("source_offset", format_args!("{offset:?}")),
            None => error,
        }
    }
}

/// Writes the failure to the log, in Kafka's words.
pub(crate) fn log(task: &str, failure: &Failure<'_>, include_message: bool, secrets: &Resolved) {
    let message = if include_message { failure.subject.describe() } else { String::new() };
    tracing::error!(
        error = %secrets.redact(&failure.error.trace()),
        "Error encountered in task {task}. Executing stage '{}' with class '{}'{message}.",
        failure.stage.as_str(),
        failure.class,
    );
}

/// Makes dead letters of failures.
pub(crate) struct DeadLetters {
    pub(crate) queue: Arc<LetterQueue>,
    /// `errors.deadletterqueue.context.headers.enable`.
    pub(crate) context_headers: bool,
    pub(crate) connector: Arc<str>,
    pub(crate) task: usize,
    /// Those of the task: for records whose bytes are not at hand.
    pub(crate) converters: Arc<Converters>,
}

impl DeadLetters {
    /// Puts the record of a failure into the queue.
    pub(super) fn send(
        &self,
        failure: &Failure<'_>,
        secrets: &Resolved,
        reply: Option<oneshot::Sender<Result<()>>>,
    ) {
        let Some(mut record) = self.record(&failure.subject) else { return };
        if self.context_headers {
            self.context(failure, secrets).append(&mut record.headers);
        }
        self.queue.push(Letter { record, partition: failure.subject.partition(), reply });
    }

    /// The record as it stands in the queue, without the headers that tell what went wrong.
    fn record(&self, subject: &Subject<'_>) -> Option<ProducerRecord> {
        let raw = |record: &ConsumerRecord| {
            let has_time = record.timestamp_type != TimestampType::NoTimestampType;
            (
                has_time.then_some(record.timestamp),
                record.key.clone(),
                record.value.clone(),
                record.headers.clone(),
            )
        };
        let (timestamp, key, value, headers) = match subject {
            Subject::Sink { record, .. } => raw(record),
            Subject::Reported(record) => match consumed(record) {
                Some(consumed) => raw(consumed),
                None => self.encode(&record.record),
            },
            Subject::Produced { record, .. } => {
                (record.timestamp, record.key.clone(), record.value.clone(), record.headers.clone())
            }
            Subject::Source(polled) => self.encode(&polled.record?.record),
        };
        Some(ProducerRecord {
            topic: self.queue.topic().clone(),
            partition: None,
            timestamp,
            key,
            value,
            headers,
        })
    }

    /// The bytes of a record that the runtime has none of: those of the task's converters, and what a converter
    /// refuses as JSON with its schema.
    fn encode(&self, record: &Record) -> (Option<i64>, Option<Bytes>, Option<Bytes>, RawHeaders) {
        let topic = record.topic.as_str();
        let mut headers = RawHeaders::new();
        for header in record.headers.iter() {
            let bytes = match self.converters.header.from_connect_header(topic, header.key(), header.data()) {
                Ok(bytes) => bytes,
                Err(_) => readable(header.data()),
            };
            headers.push(header.key().clone(), bytes);
        }
        let mut half = |converter: &dyn connect_api::Converter, data: &SchemaAndValue| {
            let mut out = BytesMut::new();
            match converter.from_connect_data(topic, &mut headers, data, &mut out) {
                Ok(Encoded::Null) => None,
                Ok(Encoded::Appended) => Some(out.freeze()),
                Ok(Encoded::Shared(bytes)) => Some(bytes),
                Err(_) => readable(data),
            }
        };
        let key = half(&*self.converters.key, &record.key);
        let value = half(&*self.converters.value, &record.value);
        (record.timestamp, key, value, headers)
    }

    fn context<'a>(&'a self, failure: &Failure<'a>, secrets: &Resolved) -> Context<'a> {
        let place = match failure.subject {
            Subject::Sink { topic, partition, record } => {
                Place::Kafka { topic, partition, offset: record.offset }
            }
            Subject::Reported(record) => Place::Kafka {
                topic: record.original_topic(),
                partition: record.original_partition(),
                offset: record.original_offset(),
            },
            Subject::Source(polled) => {
                polled.place(polled.record.map_or("", |polled| polled.record.topic.as_str()))
            }
            Subject::Produced { polled, record } => polled.place(record.topic.as_str()),
        };
        Context {
            place,
            connector: &self.connector,
            task: self.task,
            stage: failure.stage.as_str(),
            class: failure.class,
            exception: failure.error.java_class(),
            message: secrets.redact(failure.error.message()),
            stack_trace: secrets.redact(&stack_trace(failure.error)),
        }
    }
}

impl<'a> Polled<'a> {
    fn place(&self, topic: &'a str) -> Place<'a> {
        let (partition, offset) = match self.place {
            Some((partition, offset)) => {
                (Some(wire::offset::encode_partition(partition)), Some(wire::offset::encode_value(offset)))
            }
            None => (None, None),
        };
        Place::Source { topic, partition, offset }
    }
}

/// A value that the converter of its task refuses, for people to read.
fn readable(data: &SchemaAndValue) -> Option<Bytes> {
    if data.value.is_null() {
        return None;
    }
    #[cfg(feature = "json")]
    {
        use connect_api::{Converter as _, ConverterType};

        use crate::converters::{JsonConverter, JsonConverterConfig};

        let mut out = BytesMut::new();
        let converter = JsonConverter::configure(JsonConverterConfig::default(), ConverterType::Value);
        let written = converter
            .and_then(|converter| converter.from_connect_data("", &mut RawHeaders::new(), data, &mut out));
        if matches!(written, Ok(Encoded::Appended)) {
            return Some(out.freeze());
        }
    }
    Some(data.value.to_string().into())
}

/// The error with all causes, laid out as a Java stack trace without its frames.
fn stack_trace(error: &Error) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{}\n", with_class(error));
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let _ = match error.downcast_ref::<Error>() {
            Some(own) => writeln!(text, "Caused by: {}", with_class(own)),
            None => writeln!(text, "Caused by: {error}"),
        };
        cause = error.source();
    }
    text
}

/// One error of the chain: class, message, and what it was about.
fn with_class(error: &Error) -> String {
    let context: Vec<_> = error.context().map(|(name, value)| format!("{name}={value}")).collect();
    let context = if context.is_empty() { String::new() } else { format!(" ({})", context.join(", ")) };
    format!("{}: {}{context}", error.java_class(), error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_trace_names_every_cause_with_its_class() {
        let error = Error::data("no number")
            .with("field", "a")
            .with_source(Error::connect("outer").with_source("x".parse::<i32>().unwrap_err()));
        assert_eq!(
            stack_trace(&error),
            "org.apache.kafka.connect.errors.DataException: no number (field=a)\n\
             Caused by: org.apache.kafka.connect.errors.ConnectException: outer\n\
             Caused by: invalid digit found in string\n"
        );
    }
}
