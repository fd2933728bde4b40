//! Every metric that a worker may have: for reference pages, and for exporters that name metrics before they have a
//! value.

use super::OWN_GROUP;

/// What a metric holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// A number that only grows, until its task is started anew.
    Counter,
    /// A number.
    Gauge,
    /// A text: a class, a version, a state.
    Text,
    /// A distribution of durations in seconds.
    Histogram,
}

/// A metric that a worker may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricTemplate {
    /// Kafka's group; `connect` for what Kafka does not measure.
    pub group: &'static str,
    /// Kafka's attribute.
    pub name: &'static str,
    /// Its tags, in Kafka's order.
    pub tags: &'static [&'static str],
    /// What it holds.
    pub kind: MetricKind,
    /// What it means, in a sentence without its full stop.
    pub help: &'static str,
}

const WORKER: (&str, &[&str]) = ("connect-worker-metrics", &[]);
const WORKER_CONNECTOR: (&str, &[&str]) = ("connect-worker-metrics", &["connector"]);
const REBALANCE: (&str, &[&str]) = ("connect-worker-rebalance-metrics", &[]);
const CONNECTOR: (&str, &[&str]) = ("connector-metrics", &["connector"]);
const TASK: (&str, &[&str]) = ("connector-task-metrics", &["connector", "task"]);
const TRANSFORM: (&str, &[&str]) = ("connector-transform-metrics", &["connector", "task", "transform"]);
const PREDICATE: (&str, &[&str]) = ("connector-predicate-metrics", &["connector", "task", "predicate"]);
const SOURCE: (&str, &[&str]) = ("source-task-metrics", &["connector", "task"]);
const SINK: (&str, &[&str]) = ("sink-task-metrics", &["connector", "task"]);
const ERRORS: (&str, &[&str]) = ("task-error-metrics", &["connector", "task"]);
const OWN: (&str, &[&str]) = (OWN_GROUP, &["connector", "task"]);

use MetricKind::{Counter, Gauge, Histogram, Text};

type Row = ((&'static str, &'static [&'static str]), &'static str, MetricKind, &'static str);

const ROWS: &[Row] = &[
    (WORKER, "connector-count", Gauge, "The connectors of this worker"),
    (WORKER, "task-count", Gauge, "The tasks of this worker"),
    (WORKER, "connector-startup-attempts-total", Counter, "How often a connector was to be started"),
    (WORKER, "connector-startup-success-total", Counter, "How often a connector came up"),
    (WORKER, "connector-startup-success-percentage", Gauge, "The share of connectors that came up"),
    (WORKER, "connector-startup-failure-total", Counter, "How often a connector did not come up"),
    (WORKER, "connector-startup-failure-percentage", Gauge, "The share of connectors that did not come up"),
    (WORKER, "task-startup-attempts-total", Counter, "How often a task was to be started"),
    (WORKER, "task-startup-success-total", Counter, "How often a task came up"),
    (WORKER, "task-startup-success-percentage", Gauge, "The share of tasks that came up"),
    (WORKER, "task-startup-failure-total", Counter, "How often a task did not come up"),
    (WORKER, "task-startup-failure-percentage", Gauge, "The share of tasks that did not come up"),
    (WORKER_CONNECTOR, "connector-total-task-count", Gauge, "The tasks of the connector on this worker"),
    (WORKER_CONNECTOR, "connector-running-task-count", Gauge, "Those of them that run"),
    (WORKER_CONNECTOR, "connector-paused-task-count", Gauge, "Those of them that are paused"),
    (WORKER_CONNECTOR, "connector-failed-task-count", Gauge, "Those of them that have failed"),
    (WORKER_CONNECTOR, "connector-unassigned-task-count", Gauge, "Those of them that nobody runs"),
    (WORKER_CONNECTOR, "connector-destroyed-task-count", Gauge, "Always 0; Kafka has it"),
    (
        WORKER_CONNECTOR,
        "connector-restarting-task-count",
        Gauge,
        "Those of them that are about to start again",
    ),
    (
        REBALANCE,
        "leader-name",
        Text,
        "Where the leader of the cluster is; only workers of a cluster have this group",
    ),
    (REBALANCE, "connect-protocol", Text, "`EAGER`, `COMPATIBLE` or `SESSIONED`"),
    (REBALANCE, "epoch", Gauge, "The generation of the workers' group"),
    (REBALANCE, "completed-rebalances-total", Counter, "How often the group has formed"),
    (REBALANCE, "rebalancing", Gauge, "1 while the group is forming"),
    (REBALANCE, "rebalance-max-time-ms", Gauge, "The longest rebalance"),
    (REBALANCE, "rebalance-avg-time-ms", Gauge, "How long rebalances take"),
    (
        REBALANCE,
        "time-since-last-rebalance-ms",
        Gauge,
        "The time since the last rebalance; infinite before the first",
    ),
    (CONNECTOR, "connector-class", Text, "The class of the connector"),
    (CONNECTOR, "connector-type", Text, "`source` or `sink`"),
    (CONNECTOR, "connector-version", Text, "The version of the connector"),
    (CONNECTOR, "status", Text, "The state of the connector"),
    (TASK, "status", Text, "The state of the task"),
    (TASK, "running-ratio", Gauge, "The share of its life that the task has run"),
    (TASK, "pause-ratio", Gauge, "The share of its life that the task was paused"),
    (TASK, "offset-commit-max-time-ms", Gauge, "The longest successful offset commit"),
    (TASK, "offset-commit-avg-time-ms", Gauge, "How long successful offset commits take"),
    (
        TASK,
        "offset-commit-success-percentage",
        Gauge,
        "The share of offset commits that succeeded, within the window",
    ),
    (
        TASK,
        "offset-commit-failure-percentage",
        Gauge,
        "The share of offset commits that failed, within the window",
    ),
    (TASK, "batch-size-max", Gauge, "The records of the largest batch"),
    (TASK, "batch-size-avg", Gauge, "The records of a batch"),
    (TASK, "connector-class", Text, "The class of the connector"),
    (TASK, "connector-type", Text, "`source` or `sink`"),
    (TASK, "connector-version", Text, "The version of the connector"),
    (TASK, "task-class", Text, "The class of the task"),
    (TASK, "task-version", Text, "The version of the task"),
    (TASK, "key-converter-class", Text, "The class of the key converter"),
    (TASK, "key-converter-version", Text, "The version of the key converter"),
    (TASK, "value-converter-class", Text, "The class of the value converter"),
    (TASK, "value-converter-version", Text, "The version of the value converter"),
    (TASK, "header-converter-class", Text, "The class of the header converter"),
    (TASK, "header-converter-version", Text, "The version of the header converter"),
    (TRANSFORM, "transform-class", Text, "The class of the transformation"),
    (TRANSFORM, "transform-version", Text, "The version of the transformation"),
    (PREDICATE, "predicate-class", Text, "The class of the predicate"),
    (PREDICATE, "predicate-version", Text, "The version of the predicate"),
    (SOURCE, "source-record-poll-rate", Gauge, "Records polled per second, before transformations"),
    (SOURCE, "source-record-poll-total", Counter, "Records polled, before transformations"),
    (SOURCE, "source-record-write-rate", Gauge, "Records acknowledged by Kafka per second"),
    (SOURCE, "source-record-write-total", Counter, "Records acknowledged by Kafka"),
    (SOURCE, "poll-batch-max-time-ms", Gauge, "The longest poll that had records"),
    (SOURCE, "poll-batch-avg-time-ms", Gauge, "How long polls that have records take"),
    (SOURCE, "source-record-active-count", Gauge, "Records under way"),
    (SOURCE, "source-record-active-count-max", Gauge, "The most records under way, seen at every batch"),
    (SOURCE, "source-record-active-count-avg", Gauge, "Records under way, seen at every batch"),
    (SOURCE, "transaction-size-avg", Gauge, "Records of a transaction, for sources that write exactly once"),
    (SOURCE, "transaction-size-min", Gauge, "Records of the smallest transaction"),
    (SOURCE, "transaction-size-max", Gauge, "Records of the largest transaction"),
    (SINK, "sink-record-read-rate", Gauge, "Records consumed per second, before transformations"),
    (SINK, "sink-record-read-total", Counter, "Records consumed, before transformations"),
    (SINK, "sink-record-send-rate", Gauge, "Records that `put` took, per second"),
    (SINK, "sink-record-send-total", Counter, "Records that `put` took"),
    (SINK, "partition-count", Gauge, "The assigned partitions"),
    (SINK, "offset-commit-seq-no", Gauge, "How many offset commits there were"),
    (SINK, "offset-commit-completion-rate", Gauge, "Offset commits that succeeded, per second"),
    (SINK, "offset-commit-completion-total", Counter, "Offset commits that succeeded"),
    (SINK, "offset-commit-skip-rate", Gauge, "Offset commits that failed, per second"),
    (SINK, "offset-commit-skip-total", Counter, "Offset commits that failed"),
    (SINK, "put-batch-max-time-ms", Gauge, "The longest `put`"),
    (SINK, "put-batch-avg-time-ms", Gauge, "How long `put` takes"),
    (SINK, "sink-record-active-count", Gauge, "Records under way"),
    (SINK, "sink-record-active-count-max", Gauge, "The most records under way, seen at every batch"),
    (SINK, "sink-record-active-count-avg", Gauge, "Records under way, seen at every batch"),
    (ERRORS, "total-record-failures", Gauge, "Failed attempts, those that were repeated included"),
    (ERRORS, "total-record-errors", Gauge, "Records that failed in a stage for good, tolerated or not"),
    (ERRORS, "total-records-skipped", Gauge, "Records given up under `errors.tolerance=all`"),
    (ERRORS, "total-retries", Gauge, "Repeated attempts"),
    (ERRORS, "total-errors-logged", Gauge, "Errors written to the log"),
    (ERRORS, "deadletterqueue-produce-requests", Gauge, "Records handed to the dead letter queue"),
    (ERRORS, "deadletterqueue-produce-failures", Gauge, "Dead letters that Kafka refused for good"),
    (
        ERRORS,
        "last-error-timestamp",
        Gauge,
        "When a record failed last, in milliseconds since the epoch; 0 for never",
    ),
    (OWN, "ledger-read-records-total", Counter, "The delivery ledger: all records; the sum of the following"),
    (OWN, "ledger-delivered-records-total", Counter, "Records delivered"),
    (OWN, "ledger-filtered-records-total", Counter, "Records that a transformation dropped"),
    (OWN, "ledger-dead-lettered-records-total", Counter, "Records in the dead letter queue"),
    (OWN, "ledger-tolerated-records-total", Counter, "Records that are lost: given up without a dead letter"),
    (OWN, "ledger-in-flight-records", Gauge, "Records under way"),
    (OWN, "sink-lag-records", Gauge, "The records that the partitions of a sink task still hold"),
    (OWN, "poll-seconds", Histogram, "How long `poll` took when it had records"),
    (OWN, "put-seconds", Histogram, "How long `put` took"),
    (OWN, "offset-commit-seconds", Histogram, "How long successful offset commits took"),
];

impl MetricTemplate {
    /// The name in Prometheus, without the endings of a histogram.
    pub fn prometheus_name(&self) -> String {
        super::registry::prometheus_name(self.group, self.name)
    }
}

/// Every metric that a worker may have, by group.
pub fn metric_templates() -> impl Iterator<Item = MetricTemplate> {
    ROWS.iter().map(|&((group, tags), name, kind, help)| MetricTemplate { group, name, tags, kind, help })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_grows_has_a_name_that_says_so() {
        for template in metric_templates() {
            let grows = template.name.ends_with("-total");
            assert_eq!(template.kind == Counter, grows, "{}", template.name);
            assert!(!template.help.ends_with('.'), "{}", template.name);
        }
    }
}
