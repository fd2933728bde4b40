//! Who is told about a record that failed. The log today; the dead letter queue joins here.

use connect_api::{Error, SourceOffset, SourcePartition, SourceRecord, TimestampType};

use super::Stage;
use crate::kafka::ConsumerRecord;

/// The record that failed, as it was before anything was done to it.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// What the source polled.
    Source(Polled<'a>),
    /// What Kafka delivered.
    Sink { topic: &'a str, partition: i32, record: &'a ConsumerRecord },
    /// What a sink task reported by hand.
    Reported(&'a connect_api::SinkRecord),
}

/// A record of a source: where it came from, and what it was where the caller keeps that.
#[derive(Clone, Copy)]
pub(crate) struct Polled<'a> {
    pub(crate) place: Option<&'a (SourcePartition, SourceOffset)>,
    pub(crate) record: Option<&'a SourceRecord>,
}

/// The polled records of a batch, as reports need them.
#[derive(Clone, Copy)]
pub(crate) struct Origins<'a> {
    pub(crate) places: &'a [(SourcePartition, SourceOffset)],
    /// Empty where they are not kept.
    pub(crate) records: &'a [SourceRecord],
}

impl<'a> Origins<'a> {
    pub(crate) fn get(&self, index: usize) -> Polled<'a> {
        Polled { place: self.places.get(index), record: self.records.get(index) }
    }
}

/// A record that will not go on.
pub(crate) struct Failure<'a> {
    pub(crate) stage: Stage,
    /// The class that was executing.
    pub(crate) class: &'a str,
    pub(crate) error: &'a Error,
    pub(crate) subject: Subject<'a>,
}

impl Subject<'_> {
    /// Adds to an error which record it is about.
    pub(super) fn name(&self, error: Error) -> Error {
        match self {
            Self::Source(Polled { place: Some((partition, offset)), .. }) => error
                .with("source_partition", format_args!("{partition:?}"))
                .with("source_offset", format_args!("{offset:?}")),
            Self::Source(Polled { place: None, .. }) => error,
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
        match self {
            Self::Source(Polled { record: Some(record), .. }) => {
                format!(", where source record is = {record:?}")
            }
            Self::Source(Polled { record: None, .. }) => String::new(),
            Self::Sink { topic, partition, record } => {
                let time = match record.timestamp_type {
                    TimestampType::NoTimestampType => String::new(),
                    ty => format!(", timestamp={}, timestampType={}", record.timestamp, ty.as_str()),
                };
                format!(
                    ", where consumed record is {{topic='{topic}', partition={partition}, offset={}{time}}}",
                    record.offset
                )
            }
            Self::Reported(record) => format!(
                ", where consumed record is {{topic='{}', partition={}, offset={}}}",
                record.original_topic(),
                record.original_partition(),
                record.original_offset()
            ),
        }
    }
}

/// Writes the failure to the log, in Kafka's words.
pub(crate) fn log(task: &str, failure: &Failure<'_>, include_message: bool) {
    let message = if include_message { failure.subject.describe() } else { String::new() };
    tracing::error!(
        error = %failure.error.trace(),
        "Error encountered in task {task}. Executing stage '{}' with class '{}'{message}.",
        failure.stage.as_str(),
        failure.class,
    );
}
