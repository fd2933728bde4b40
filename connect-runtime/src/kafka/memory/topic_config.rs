//! Topic settings: which there are, their defaults, and the few that mean something here.

use std::collections::BTreeMap;

use crate::kafka::{KafkaError, KafkaErrorKind, Result};

/// Every topic setting of Kafka with the broker's default.
const DEFAULTS: &[(&str, &str)] = &[
    ("cleanup.policy", "delete"),
    ("compression.gzip.level", "-1"),
    ("compression.lz4.level", "9"),
    ("compression.type", "producer"),
    ("compression.zstd.level", "3"),
    ("delete.retention.ms", "86400000"),
    ("file.delete.delay.ms", "60000"),
    ("flush.messages", "9223372036854775807"),
    ("flush.ms", "9223372036854775807"),
    ("follower.replication.throttled.replicas", ""),
    ("index.interval.bytes", "4096"),
    ("leader.replication.throttled.replicas", ""),
    ("local.retention.bytes", "-2"),
    ("local.retention.ms", "-2"),
    ("max.compaction.lag.ms", "9223372036854775807"),
    ("max.message.bytes", "1048588"),
    ("message.timestamp.after.max.ms", "3600000"),
    ("message.timestamp.before.max.ms", "9223372036854775807"),
    ("message.timestamp.type", "CreateTime"),
    ("min.cleanable.dirty.ratio", "0.5"),
    ("min.compaction.lag.ms", "0"),
    ("min.insync.replicas", "1"),
    ("preallocate", "false"),
    ("remote.log.copy.disable", "false"),
    ("remote.log.delete.on.disable", "false"),
    ("remote.storage.enable", "false"),
    ("retention.bytes", "-1"),
    ("retention.ms", "604800000"),
    ("segment.bytes", "1073741824"),
    ("segment.index.bytes", "10485760"),
    ("segment.jitter.ms", "0"),
    ("segment.ms", "604800000"),
    ("unclean.leader.election.enable", "false"),
];

/// The settings of a topic.
#[derive(Debug)]
pub(super) struct TopicConfig {
    given: BTreeMap<String, String>,
    pub(super) compact: bool,
    pub(super) log_append_time: bool,
    pub(super) max_message_bytes: usize,
    pub(super) keep_tombstones: bool,
}

impl TopicConfig {
    /// Checks settings as the broker does when a topic is created.
    pub(super) fn new(given: BTreeMap<String, String>) -> Result<Self> {
        if let Some(key) = given.keys().find(|key| !DEFAULTS.iter().any(|(name, _)| name == key)) {
            return Err(KafkaError::new(KafkaErrorKind::Config, format!("unknown topic config name: {key}")));
        }
        let value = |key: &str| effective(&given, key);
        let mut compact = false;
        for policy in value("cleanup.policy").split(',').map(str::trim) {
            match policy {
                "compact" => compact = true,
                "delete" => {}
                _ => return Err(invalid(&given, "cleanup.policy", "compact, delete, or both")),
            }
        }
        let log_append_time = match value("message.timestamp.type") {
            "CreateTime" => false,
            "LogAppendTime" => true,
            _ => return Err(invalid(&given, "message.timestamp.type", "CreateTime or LogAppendTime")),
        };
        let number = |key: &str| value(key).parse::<i64>().map_err(|_| invalid(&given, key, "a number"));
        for key in ["retention.ms", "retention.bytes", "segment.bytes", "min.insync.replicas"] {
            number(key)?;
        }
        let max_message_bytes = usize::try_from(number("max.message.bytes")?)
            .map_err(|_| invalid(&given, "max.message.bytes", "a number of at least 0"))?;
        let keep_tombstones = number("delete.retention.ms")? > 0;
        Ok(Self { compact, log_append_time, max_message_bytes, keep_tombstones, given })
    }

    /// All settings with their effective values.
    pub(super) fn describe(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<_, _> =
            DEFAULTS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        all.extend(self.given.clone());
        all
    }
}

fn effective<'a>(given: &'a BTreeMap<String, String>, key: &str) -> &'a str {
    given
        .get(key)
        .map(String::as_str)
        .unwrap_or_else(|| DEFAULTS.iter().find(|(name, _)| *name == key).map_or("", |(_, default)| *default))
}

fn invalid(given: &BTreeMap<String, String>, key: &str, expected: &str) -> KafkaError {
    let value = effective(given, key);
    KafkaError::new(
        KafkaErrorKind::Config,
        format!("invalid value {value} for topic config {key}: expected {expected}"),
    )
}
