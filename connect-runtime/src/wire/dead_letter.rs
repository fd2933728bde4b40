//! The headers of dead letters: what went wrong, and with which record (KIP-298).

use bytes::Bytes;
use connect_api::RawHeaders;

/// What the names of all these headers begin with.
const PREFIX: &str = "__connect.errors.";

const TOPIC: &str = "__connect.errors.topic";
const PARTITION: &str = "__connect.errors.partition";
const OFFSET: &str = "__connect.errors.offset";
const CONNECTOR: &str = "__connect.errors.connector.name";
const TASK: &str = "__connect.errors.task.id";
const STAGE: &str = "__connect.errors.stage";
const CLASS: &str = "__connect.errors.class.name";
const EXCEPTION: &str = "__connect.errors.exception.class.name";
const MESSAGE: &str = "__connect.errors.exception.message";
const STACK_TRACE: &str = "__connect.errors.exception.stacktrace";
/// Ours, on dead letters of sources.
const SOURCE_PARTITION: &str = "__connect.errors.source.partition";
const SOURCE_OFFSET: &str = "__connect.errors.source.offset";

/// Where the record of a dead letter came from.
pub(crate) enum Place<'a> {
    /// Consumed from there.
    Kafka { topic: &'a str, partition: i32, offset: i64 },
    /// Polled from there, as JSON, and meant for this topic.
    Source { topic: &'a str, partition: Option<Bytes>, offset: Option<Bytes> },
}

/// What is told about a failure.
pub(crate) struct Context<'a> {
    pub(crate) place: Place<'a>,
    pub(crate) connector: &'a str,
    pub(crate) task: usize,
    pub(crate) stage: &'static str,
    /// The class that was executing.
    pub(crate) class: &'a str,
    pub(crate) exception: &'static str,
    pub(crate) message: String,
    pub(crate) stack_trace: String,
}

impl Context<'_> {
    /// Appends the headers, in Kafka's order.
    pub(crate) fn append(self, headers: &mut RawHeaders) {
        let mut text = |key: &'static str, value: &str| {
            headers.push(key, Bytes::copy_from_slice(value.as_bytes()));
        };
        let mut source = None;
        match self.place {
            Place::Kafka { topic, partition, offset } => {
                text(TOPIC, topic);
                text(PARTITION, &partition.to_string());
                text(OFFSET, &offset.to_string());
            }
            Place::Source { topic, partition, offset } => {
                text(TOPIC, topic);
                source = Some((partition, offset));
            }
        }
        text(CONNECTOR, self.connector);
        text(TASK, &self.task.to_string());
        text(STAGE, self.stage);
        text(CLASS, self.class);
        text(EXCEPTION, self.exception);
        text(MESSAGE, &self.message);
        text(STACK_TRACE, &self.stack_trace);
        if let Some((partition, offset)) = source {
            headers.push(SOURCE_PARTITION, partition);
            headers.push(SOURCE_OFFSET, offset);
        }
    }
}

/// What the headers of a dead letter say. All of it may be missing: the headers are off by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) topic: Option<String>,
    pub(crate) partition: Option<i32>,
    pub(crate) offset: Option<i64>,
    pub(crate) connector: Option<String>,
    pub(crate) task: Option<usize>,
    pub(crate) stage: Option<String>,
    pub(crate) class: Option<String>,
    pub(crate) exception: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) stack_trace: Option<String>,
    pub(crate) source_partition: Option<String>,
    pub(crate) source_offset: Option<String>,
}

impl Told {
    /// Reads the headers. A record that failed again has them twice; the last ones count.
    pub(crate) fn read(headers: &RawHeaders) -> Self {
        let text = |key: &str| {
            let bytes = headers.last(key).flatten()?;
            Some(String::from_utf8_lossy(bytes).into_owned())
        };
        let number = |key: &str| text(key).and_then(|text| text.parse::<i64>().ok());
        Self {
            topic: text(TOPIC),
            partition: number(PARTITION).and_then(|number| i32::try_from(number).ok()),
            offset: number(OFFSET),
            connector: text(CONNECTOR),
            task: number(TASK).and_then(|number| usize::try_from(number).ok()),
            stage: text(STAGE),
            class: text(CLASS),
            exception: text(EXCEPTION),
            message: text(MESSAGE),
            stack_trace: text(STACK_TRACE),
            source_partition: text(SOURCE_PARTITION),
            source_offset: text(SOURCE_OFFSET),
        }
    }
}

/// The headers that the record had before it became a dead letter.
pub(crate) fn without_context(headers: &RawHeaders) -> RawHeaders {
    headers
        .iter()
        .filter(|(key, _)| !key.as_str().starts_with(PREFIX))
        .map(|(key, value)| (key.clone(), value.cloned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_context_counts_and_all_of_it_can_be_taken_off() {
        let mut headers = RawHeaders::new();
        headers.push("trace", Bytes::from_static(b"a1"));
        for offset in [7, 8] {
            let place = Place::Kafka { topic: "orders", partition: 3, offset };
            let context = Context {
                place,
                connector: "sink",
                task: 2,
                stage: "TRANSFORMATION",
                class: "Cast",
                exception: "org.apache.kafka.connect.errors.DataException",
                message: "no number".to_owned(),
                stack_trace: "no number\nCaused by: that".to_owned(),
            };
            context.append(&mut headers);
        }
        assert_eq!(headers.len(), 21);
        let told = Told::read(&headers);
        assert_eq!((told.topic.as_deref(), told.partition, told.offset), (Some("orders"), Some(3), Some(8)));
        assert_eq!((told.connector.as_deref(), told.task), (Some("sink"), Some(2)));
        assert_eq!(without_context(&headers).len(), 1);
        assert_eq!(Told::read(&RawHeaders::new()), Told::default());
    }
}
