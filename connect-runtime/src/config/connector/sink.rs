//! [`SinkConnectorConfig`]: what only sink connectors have.

use connect_api::config::{ConfigDef, ParsedConfig};
use connect_api::{Error, Properties, Result};
use connect_regex::JavaRegex;

use super::{ConnectorConfig, keys, parse_list};
use crate::config::problems::Problems;
use crate::config::worker::WorkerConfig;

/// A regular expression that matches whole topic names.
#[derive(Clone, Debug)]
pub struct TopicPattern(JavaRegex);

impl TopicPattern {
    /// The expression as the user wrote it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it matches the whole name.
    pub fn matches(&self, topic: &str) -> bool {
        self.0.is_match(topic)
    }
}

/// Which topics a sink reads.
#[derive(Clone, Debug)]
pub enum TopicSelection {
    /// `topics`.
    Topics(Vec<String>),
    /// `topics.regex`.
    Pattern(TopicPattern),
}

/// Where bad records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterQueue {
    /// `errors.deadletterqueue.topic.name`.
    pub topic: String,
    /// `errors.deadletterqueue.topic.replication.factor`, for its creation.
    pub replication_factor: i16,
    /// `errors.deadletterqueue.context.headers.enable`.
    pub context_headers: bool,
}

impl DeadLetterQueue {
    /// `None` without a topic.
    pub(super) fn read(parsed: &ParsedConfig) -> Result<Option<Self>> {
        let topic: String = parsed.read("errors.deadletterqueue.topic.name")?;
        if topic.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            topic,
            replication_factor: parsed.read("errors.deadletterqueue.topic.replication.factor")?,
            context_headers: parsed.read("errors.deadletterqueue.context.headers.enable")?,
        }))
    }
}

/// The configuration of a sink connector.
///
/// ```
/// use connect_api::Properties;
/// use connect_runtime::config::{SinkConnectorConfig, WorkerConfig};
///
/// let worker = WorkerConfig::embedded(&Properties::new())?;
/// let sink = [("name", "archive"), ("connector.class", "FileStreamSink")];
/// let error = SinkConnectorConfig::parse(&Properties::from(sink), &worker).unwrap_err();
/// assert_eq!(error.to_string(), "Must configure one of topics or topics.regex");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SinkConnectorConfig {
    /// What sources have, too.
    pub common: ConnectorConfig,
    /// Which topics are read.
    pub topics: TopicSelection,
    /// Where bad records go; `None` for nowhere.
    pub dead_letter_queue: Option<DeadLetterQueue>,
}

impl SinkConnectorConfig {
    /// The keys of sink connectors: Kafka's `SinkConnectorConfig`.
    pub fn def() -> ConfigDef {
        keys::sink_def()
    }

    /// The keys of sink connectors that Kafka does not have.
    pub fn extension_def() -> ConfigDef {
        keys::sink_extensions()
    }

    /// Reads the configuration. References to config providers have to be resolved before.
    ///
    /// # Errors
    ///
    /// One config error that says everything that is wrong, one problem per line.
    pub fn parse(properties: &Properties, worker: &WorkerConfig) -> Result<Self> {
        let mut problems = Problems::default();
        let parsed = problems.take(Self::def().parse_all(properties));
        for error in check_topics(properties) {
            problems.add(&error);
        }
        let common = ConnectorConfig::read(parsed.as_ref(), properties, worker, problems)?;
        let parsed = parsed.unwrap_or_default();
        let dead_letter_queue = DeadLetterQueue::read(&parsed)?;
        let text: String = parsed.read("topics.regex")?;
        let topics = if text.is_empty() {
            TopicSelection::Topics(topics(properties))
        } else {
            TopicSelection::Pattern(TopicPattern(JavaRegex::parse("topics.regex", &text)?))
        };
        Ok(Self { common, topics, dead_letter_queue })
    }

    /// Whether records may be reported: there is a dead letter queue, or errors are logged.
    pub fn reports_errant_records(&self) -> bool {
        self.dead_letter_queue.is_some() || self.common.errors.log_enable
    }
}

/// The topics that are listed, without blanks and repetitions.
fn topics(properties: &Properties) -> Vec<String> {
    let mut topics: Vec<String> = Vec::new();
    for topic in parse_list(properties, "topics") {
        if !topic.is_empty() && !topics.contains(&topic) {
            topics.push(topic);
        }
    }
    topics
}

/// The rules between `topics`, `topics.regex` and the dead letter queue, in Kafka's words. Each error is for the key
/// that it names.
pub(in crate::config) fn check_topics(properties: &Properties) -> Vec<Error> {
    let text = |key: &str| properties.get(key).map(str::trim).unwrap_or_default();
    let (list, pattern, dlq) =
        (text("topics"), text("topics.regex"), text("errors.deadletterqueue.topic.name"));
    let both = |message: &str| vec![Error::config("topics", message), Error::config("topics.regex", message)];
    match (list.is_empty(), pattern.is_empty()) {
        (false, false) => {
            return both("topics and topics.regex are mutually exclusive options, but both are set.");
        }
        (true, true) => return both("Must configure one of topics or topics.regex"),
        _ => {}
    }
    if dlq.is_empty() {
        return Vec::new();
    }
    let topics = topics(properties);
    if topics.iter().any(|topic| topic == dlq) {
        let message = format!(
            "The DLQ topic '{dlq}' may not be included in the list of topics ('topics=[{}]') consumed by the connector",
            topics.join(", ")
        );
        return vec![Error::config("topics", message)];
    }
    if !pattern.is_empty() && JavaRegex::new(pattern).is_ok_and(|regex| regex.is_match(dlq)) {
        let message = format!(
            "The DLQ topic '{dlq}' may not be matched by the regex for the topics ('topics.regex={pattern}') consumed \
             by the connector"
        );
        return vec![Error::config("topics.regex", message)];
    }
    Vec::new()
}
