//! The keys of connectors: Kafka's `ConnectorConfig`, `SourceConnectorConfig`, `SinkConnectorConfig`.

use std::collections::BTreeSet;

use connect_api::config::Importance::{High, Low, Medium};
use connect_api::config::Type::{Boolean, Class, Int, List, Long, Short, String};
use connect_api::config::{ConfigDef, ParsedValue, Validator, Width, invalid};

use crate::config::keys::Check::{
    Any, AtLeast, Between, Custom, Distinct, NonEmpty, OneOf, OneOfIgnoringCase,
};
use crate::config::keys::Unset::{Is, Null, Required};
use crate::config::keys::{Row, key};

/// Where user interfaces show the key.
type Place = (&'static str, i32, Width, &'static str);

const COMMON: &str = "Common";
const ERRORS: &str = "Error Handling";
const EXACTLY_ONCE: &str = "Exactly Once Support";

#[rustfmt::skip]
const CONNECTOR_KEYS: &[(Row, Place)] = &[
    (("name", String, Required, High, Custom(Validator::non_empty_string_without_control_chars), "The connector's name, which no other connector of the worker or cluster has."), (COMMON, 1, Width::Medium, "Connector name")),
    (("connector.class", String, Required, High, Any, "The connector's plugin: its name, with or without the suffix Connector, or its Java class name."), (COMMON, 2, Width::Long, "Connector class")),
    (("connector.plugin.version", String, Null, Medium, Custom(plugin_version), "The version that the plugin must have: a version, or a range such as [1.0,2.0)."), (COMMON, 3, Width::Medium, "Connector version")),
    (("tasks.max", Int, Is("1"), High, AtLeast(1), "The largest number of tasks of this connector."), (COMMON, 4, Width::Short, "Tasks max")),
    (("tasks.max.enforce", Boolean, Is("true"), Low, Any, "Whether a connector that makes more tasks than tasks.max fails."), (COMMON, 5, Width::Short, "Enforce tasks max")),
    (("key.converter", Class, Null, Low, Custom(converter), "The converter of record keys. Unset means the worker's, with the worker's settings."), (COMMON, 6, Width::Short, "Key converter class")),
    (("key.converter.plugin.version", String, Null, Low, Custom(plugin_version), "The version that the key converter must have."), (COMMON, 7, Width::Short, "Key converter version")),
    (("value.converter", Class, Null, Low, Custom(converter), "The converter of record values. Unset means the worker's, with the worker's settings."), (COMMON, 8, Width::Short, "Value converter class")),
    (("value.converter.plugin.version", String, Null, Low, Custom(plugin_version), "The version that the value converter must have."), (COMMON, 9, Width::Short, "Value converter version")),
    (("header.converter", Class, Null, Low, Custom(header_converter), "The converter of header values. Unset means the worker's, with the worker's settings."), (COMMON, 10, Width::Short, "Header converter class")),
    (("header.converter.plugin.version", String, Null, Low, Custom(plugin_version), "The version that the header converter must have."), (COMMON, 11, Width::Short, "Header converter version")),
    (("transforms", List, Is(""), Low, Custom(transform_aliases), "The aliases of the transformations, in the order in which they are applied."), ("Transforms", 12, Width::Long, "Transforms")),
    (("predicates", List, Is(""), Low, Custom(predicate_aliases), "The aliases of the predicates that transformations refer to."), ("Predicates", 13, Width::Long, "Predicates")),
    (("config.action.reload", String, Is("restart"), Low, OneOf(&["none", "restart"]), "What happens when a value from a config provider expires: the connector is restarted, or nothing."), (COMMON, 14, Width::Medium, "Reload Action")),
    (("errors.retry.timeout", Long, Is("0"), Medium, Any, "How long a failed operation is tried again, in milliseconds: 0 for not at all, -1 for ever."), (ERRORS, 1, Width::Medium, "Retry Timeout for Errors")),
    (("errors.retry.delay.max.ms", Long, Is("60000"), Medium, Any, "The longest pause between two attempts, in milliseconds."), (ERRORS, 2, Width::Medium, "Maximum Delay Between Retries for Errors")),
    (("errors.tolerance", String, Is("none"), Medium, OneOf(&["none", "all"]), "Whether a bad record fails the task (none) or is skipped (all)."), (ERRORS, 3, Width::Short, "Error Tolerance")),
    (("errors.log.enable", Boolean, Is("false"), Medium, Any, "Whether every error and the failed operation are logged."), (ERRORS, 4, Width::Short, "Log Errors")),
    (("errors.log.include.messages", Boolean, Is("false"), Medium, Any, "Whether the log shows the record, too."), (ERRORS, 5, Width::Short, "Log Error Details")),
];

#[rustfmt::skip]
const SOURCE_KEYS: &[(Row, Place)] = &[
    (("topic.creation.groups", List, Is(""), Low, Custom(topic_creation_groups), "Groups of topics that are created with settings of their own; the group default exists without being named."), ("Topic Creation", 1, Width::Long, "Topic Creation Groups")),
    (("exactly.once.support", String, Is("requested"), Medium, OneOfIgnoringCase(&["REQUIRED", "REQUESTED"]), "Whether the connector is refused (required) when it does not prove that it can write exactly once."), (EXACTLY_ONCE, 2, Width::Short, "Exactly once support")),
    (("transaction.boundary", String, Is("poll"), Medium, OneOfIgnoringCase(&["INTERVAL", "POLL", "CONNECTOR"]), "What ends a transaction: each poll, an interval, or the connector."), (EXACTLY_ONCE, 3, Width::Short, "Transaction Boundary")),
    (("transaction.boundary.interval.ms", Long, Null, Low, AtLeast(0), "The length of a transaction with transaction.boundary=interval, in milliseconds. Unset means the worker's offset.flush.interval.ms."), (EXACTLY_ONCE, 4, Width::Short, "Transaction boundary interval")),
    (("offsets.storage.topic", String, Null, Low, NonEmpty, "A topic of its own for this connector's source offsets. Distributed workers only."), ("offsets.topic", 1, Width::Long, "Offsets topic")),
];

#[rustfmt::skip]
const SINK_KEYS: &[(Row, Place)] = &[
    (("topics", List, Is(""), High, Distinct { empty: true, unset: false }, "The topics to read, separated by commas."), (COMMON, 4, Width::Long, "Topics")),
    (("topics.regex", String, Is(""), High, Custom(connect_regex::validator), "A regular expression; all topics whose whole name it matches are read."), (COMMON, 4, Width::Long, "Topics regex")),
    (("errors.deadletterqueue.topic.name", String, Is(""), Medium, Any, "The topic for records that could not be processed; empty for none."), (ERRORS, 6, Width::Medium, "Dead Letter Queue Topic Name")),
    (("errors.deadletterqueue.topic.replication.factor", Short, Is("3"), Medium, Any, "How many replicas that topic gets when it is created."), (ERRORS, 7, Width::Medium, "Dead Letter Queue Topic Replication Factor")),
    (("errors.deadletterqueue.context.headers.enable", Boolean, Is("false"), Medium, Any, "Whether dead letters get headers that say what went wrong and where."), (ERRORS, 8, Width::Medium, "Enable Error Context Headers")),
];

/// Ours, on all connectors: Kafka leaves a failed task to somebody who restarts it.
#[rustfmt::skip]
const RESTART_KEYS: &[(Row, Place)] = &[
    (("errors.restart.mode", String, Is("none"), Medium, OneOf(&["none", "retriable", "all"]), "Which failed tasks are started again by themselves: none of them, those whose error may pass (retriable), or all."), (ERRORS, 9, Width::Short, "Restart of Failed Tasks")),
    (("errors.restart.backoff.ms", Long, Is("1000"), Low, AtLeast(1), "The pause before the first restart, in milliseconds; each further one is twice as long."), (ERRORS, 10, Width::Medium, "Restart Backoff")),
    (("errors.restart.backoff.max.ms", Long, Is("300000"), Low, AtLeast(1), "The longest pause before a restart, in milliseconds."), (ERRORS, 11, Width::Medium, "Maximum Restart Backoff")),
    (("errors.restart.max.attempts", Int, Is("10"), Low, AtLeast(-1), "How many restarts in a row before the task stays failed; -1 for no limit."), (ERRORS, 12, Width::Short, "Maximum Restarts")),
    (("errors.restart.reset.ms", Long, Is("600000"), Low, AtLeast(0), "How long a task must have run, in milliseconds, for its next failure to count as the first."), (ERRORS, 13, Width::Medium, "Restart Reset")),
];

/// Ours, on all connectors: what a task may use.
#[rustfmt::skip]
const TASK_KEYS: &[(Row, Place)] = &[
    (("tasks.conversion.parallelism", Int, Null, Low, Between(1, 256), "How many lanes convert and transform the records of one task at the same time. Records and their deliveries stay in order. Each lane has transformations and converters of its own, so a transformation that remembers something sees the records of its lane only. Unset means the worker's."), (COMMON, 15, Width::Short, "Conversion parallelism")),
    (("tasks.buffer.memory", Long, Null, Low, AtLeast(65_536), "How many bytes of records a task holds at most: those of a source that Kafka has not acknowledged, those that were fetched for a sink and that it has not taken. Unset means the worker's. A client setting of your own, producer.override.buffer.memory or consumer.override.fetch.max.bytes, goes before it."), (COMMON, 16, Width::Medium, "Task buffer memory")),
];

fn add(mut def: ConfigDef, rows: &[(Row, Place)]) -> ConfigDef {
    for (row, (group, order, width, display)) in rows {
        def.add(key(row).group(*group).order(*order).width(*width).display_name(*display));
    }
    def
}

/// Kafka's `ConnectorConfig`.
pub(super) fn connector_def() -> ConfigDef {
    add(ConfigDef::new(), CONNECTOR_KEYS)
}

/// Kafka's `SourceConnectorConfig`.
pub(super) fn source_def() -> ConfigDef {
    add(connector_def(), SOURCE_KEYS)
}

/// Kafka's `SinkConnectorConfig`.
pub(super) fn sink_def() -> ConfigDef {
    add(connector_def(), SINK_KEYS)
}

/// What this runtime understands beyond Kafka's keys: on sinks.
pub(super) fn sink_extensions() -> ConfigDef {
    add(add(ConfigDef::new(), TASK_KEYS), RESTART_KEYS)
}

/// The same on sources, which may have a dead letter queue here.
pub(super) fn source_extensions() -> ConfigDef {
    add(add(source_queue(), TASK_KEYS), RESTART_KEYS)
}

/// The dead letter queue of a source: the keys of that of a sink.
pub(super) fn source_queue() -> ConfigDef {
    let of_queue = |(name, ..): &Row| name.starts_with("errors.deadletterqueue.");
    let rows: Vec<_> = SINK_KEYS.iter().filter(|(row, _)| of_queue(row)).copied().collect();
    add(ConfigDef::new(), &rows)
}

/// Which plugins exist is checked where they are known.
fn converter() -> Validator {
    Validator::custom("the name of a registered converter", |_, _| Ok(()))
}

fn header_converter() -> Validator {
    Validator::custom("the name of a registered header converter", |_, _| Ok(()))
}

fn plugin_version() -> Validator {
    Validator::custom("a version or a range of versions", |name, value| {
        let Some(text) = value.and_then(ParsedValue::as_str) else { return Ok(()) };
        let well_formed = match (text.starts_with(['[', '(']), text.ends_with([']', ')'])) {
            (true, true) => text.len() > 2,
            (false, false) => !text.is_empty() && !text.contains(char::is_whitespace) && !text.contains(','),
            _ => false,
        };
        match well_formed {
            true => Ok(()),
            false => Err(invalid(name, text, "must be a version (1.2.3), a range ([1.0,2.0)), or latest")),
        }
    })
}

fn transform_aliases() -> Validator {
    aliases("non-null string, unique transformation aliases")
}

fn predicate_aliases() -> Validator {
    aliases("non-null string, unique predicate aliases")
}

fn topic_creation_groups() -> Validator {
    aliases("non-null string, unique topic creation groups")
}

fn aliases(text: &str) -> Validator {
    Validator::custom(text, |name, value| {
        let Some(value) = value else { return Err(invalid(name, "null", "entry must be non null")) };
        let items = value.as_list().unwrap_or_default();
        let distinct: BTreeSet<&std::string::String> = items.iter().collect();
        match distinct.len() == items.len() {
            true => Ok(()),
            false => Err(invalid(name, value, "Duplicate alias provided.")),
        }
    })
}
