//! Under which subject a schema is kept.

use std::borrow::Cow;

use connect_api::{Error, Result};
use schema_registry_converter::schema_registry_common::SubjectNameStrategy as Named;

/// Where Confluent's strategies are.
const PACKAGE: &str = "io.confluent.kafka.serializers.subject.";

/// How the subject of a schema is named: the keys `key.subject.name.strategy` and `value.subject.name.strategy`.
///
/// ```
/// use connect_schema_registry::subject::SubjectNameStrategy;
/// let strategy = SubjectNameStrategy::of_class("io.confluent.kafka.serializers.subject.TopicRecordNameStrategy");
/// assert_eq!(strategy, Some(SubjectNameStrategy::TopicRecord));
/// assert_eq!(SubjectNameStrategy::TopicRecord.subject("orders", false, Some("com.acme.Order"))?, "orders-com.acme.Order");
/// assert_eq!(SubjectNameStrategy::Topic.subject("orders", true, None)?, "orders-key");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubjectNameStrategy {
    /// `TOPIC-key` or `TOPIC-value`.
    #[default]
    Topic,
    /// The full name of the record.
    Record,
    /// `TOPIC-` and the full name of the record.
    TopicRecord,
}

impl SubjectNameStrategy {
    /// The strategy of one of Confluent's classes, with or without its package.
    pub fn of_class(class: &str) -> Option<Self> {
        match class.trim().strip_prefix(PACKAGE).unwrap_or(class.trim()) {
            "TopicNameStrategy" | "DefaultSubjectNameStrategy" => Some(Self::Topic),
            "RecordNameStrategy" => Some(Self::Record),
            "TopicRecordNameStrategy" => Some(Self::TopicRecord),
            _ => None,
        }
    }

    /// Whether the subject depends on the name of the record, which a reader knows only when it has the schema.
    pub fn needs_record(self) -> bool {
        self != Self::Topic
    }

    /// The subject. `record` is the full name of the schema's record or message, `None` if it has none.
    ///
    /// # Errors
    ///
    /// A data error when the strategy needs a record and the schema is none.
    pub fn subject(self, topic: &str, is_key: bool, record: Option<&str>) -> Result<String> {
        let record = || {
            record.map(str::to_owned).ok_or_else(|| {
                let (what, key) = if is_key { ("key", "key") } else { ("value", "value") };
                Error::data(format!(
                    "In configuration {key}.subject.name.strategy, the message {what} must only be a record schema"
                ))
                .with_java_class("org.apache.kafka.common.errors.SerializationException")
            })
        };
        let named = match self {
            Self::Topic => Named::TopicNameStrategy(topic.to_owned(), is_key),
            Self::Record => Named::RecordNameStrategy(record()?),
            Self::TopicRecord => Named::TopicRecordNameStrategy(topic.to_owned(), record()?),
        };
        named.get_subject().map_err(|error| Error::data(error.error.clone()).with_source(error))
    }
}

/// Checks a strategy's name in a configuration.
pub(crate) fn check(name: &String) -> std::result::Result<(), Cow<'static, str>> {
    match SubjectNameStrategy::of_class(name) {
        Some(_) => Ok(()),
        None => Err(format!(
            "Class {name} could not be found; known are TopicNameStrategy, RecordNameStrategy and \
             TopicRecordNameStrategy of {PACKAGE}*"
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_that_needs_a_record_refuses_other_schemas() {
        for strategy in [SubjectNameStrategy::Record, SubjectNameStrategy::TopicRecord] {
            let error = strategy.subject("t", false, None).unwrap_err();
            assert!(error.message().contains("must only be a record schema"), "{error}");
        }
        assert_eq!(SubjectNameStrategy::Record.subject("t", false, Some("a.B")).unwrap(), "a.B");
        assert_eq!(SubjectNameStrategy::of_class("NoSuch"), None);
    }
}
