//! Who is told about a record that failed. The log today; the dead letter queue joins here.

use connect_api::{Error, SourceRecord, TimestampType};

use super::Stage;
use crate::kafka::ConsumerRecord;

/// The record that failed, as it was before anything was done to it.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// What the source polled; `None` where it is not kept.
    Source(Option<&'a SourceRecord>),
    /// What Kafka delivered.
    Sink { topic: &'a str, partition: i32, record: &'a ConsumerRecord },
    /// What a sink task reported by hand.
    Reported(&'a connect_api::SinkRecord),
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
    /// Topic, partition and offset, where there are any.
    pub(crate) fn coordinates(&self) -> Option<(&str, i32, i64)> {
        match self {
            Self::Source(_) => None,
            Self::Sink { topic, partition, record } => Some((topic, *partition, record.offset)),
            Self::Reported(record) => {
                Some((record.original_topic(), record.original_partition(), record.original_offset()))
            }
        }
    }

    /// The text that `errors.log.include.messages` adds.
    fn describe(&self) -> String {
        match self {
            Self::Source(Some(record)) => format!(", where source record is = {record:?}"),
            Self::Source(None) => String::new(),
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
