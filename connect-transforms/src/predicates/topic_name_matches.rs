//! [`TopicNameMatches`]: records of certain topics.

use connect_api::config::Validator;
use connect_api::{Config, Predicate, Record, Result};
use connect_regex::{JavaRegex, validator};

/// The configuration of [`TopicNameMatches`].
#[derive(Clone, Debug, Config)]
pub struct TopicNameMatchesConfig {
    /// A Java regular expression for matching against the name of a record's topic.
    #[config(validate = Validator::all([Validator::non_empty_string(), validator()]))]
    pub pattern: String,
}

/// Holds for records whose topic matches the configured expression as a whole.
#[derive(Clone, Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.predicates.TopicNameMatches")]
pub struct TopicNameMatches {
    pattern: JavaRegex,
}

impl Predicate for TopicNameMatches {
    type Config = TopicNameMatchesConfig;

    fn configure(config: TopicNameMatchesConfig) -> Result<Self> {
        Ok(Self { pattern: JavaRegex::parse("pattern", &config.pattern)? })
    }

    fn test(&self, record: &Record) -> Result<bool> {
        self.pattern.matches(&record.topic)
    }
}
