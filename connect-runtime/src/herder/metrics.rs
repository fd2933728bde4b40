//! Everything that a worker measures, put under Kafka's names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use connect_api::config::Properties;
use connect_api::plugins::PluginInfo;

use super::ConnectorType;
use crate::metrics::{MetricValue, Metrics, OWN_GROUP, TaskCounters};
use crate::storage::State;
use crate::worker::Worker;

type Tags = Vec<(&'static str, String)>;

/// A connector of this worker, as metrics need it.
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) config: Properties,
    pub(super) ty: Option<ConnectorType>,
    /// Its tasks on this worker.
    pub(super) tasks: BTreeMap<usize, Arc<TaskCounters>>,
}

/// The metrics of a worker and of what runs on it.
pub(super) fn collect(worker: &Worker, connectors: &[Measured]) -> Metrics {
    let mut metrics = Metrics::default();
    let tasks: usize = connectors.iter().map(|connector| connector.tasks.len()).sum();
    let group = "connect-worker-metrics";
    metrics.number(group, "connector-count", &[], connectors.len() as f64);
    metrics.number(group, "task-count", &[], tasks as f64);
    worker.startups.connectors.write(
        &mut metrics,
        [
            "connector-startup-attempts-total",
            "connector-startup-success-total",
            "connector-startup-success-percentage",
            "connector-startup-failure-total",
            "connector-startup-failure-percentage",
        ],
    );
    worker.startups.tasks.write(
        &mut metrics,
        [
            "task-startup-attempts-total",
            "task-startup-success-total",
            "task-startup-success-percentage",
            "task-startup-failure-total",
            "task-startup-failure-percentage",
        ],
    );
    for connector in connectors {
        write_connector(&mut metrics, worker, connector);
    }
    for connector in connectors {
        for (task, counters) in &connector.tasks {
            let tags = vec![("connector", connector.name.clone()), ("task", task.to_string())];
            write_task(&mut metrics, worker, connector, *task, counters, &tags);
        }
    }
    metrics
}

fn state(worker: &Worker, connector: &str, task: Option<usize>) -> State {
    worker.statuses.get(connector, task).map_or(State::Unassigned, |status| status.state)
}

fn text_of(state: State) -> String {
    state.as_str().to_lowercase()
}

fn write_connector(metrics: &mut Metrics, worker: &Worker, connector: &Measured) {
    let name = connector.name.as_str();
    let tags: Tags = vec![("connector", name.to_owned())];
    let group = "connector-metrics";
    let class = connector.config.get("connector.class").unwrap_or_default().trim();
    let info = worker.plugins.find_connector(class).ok().map(|plugin| plugin.info().clone());
    metrics.text(group, "connector-class", &tags, info.as_ref().map_or(class, |info| info.class()));
    metrics.text(group, "connector-type", &tags, connector.ty.map_or("unknown", ConnectorType::as_str));
    metrics.text(group, "connector-version", &tags, info.as_ref().map_or("unknown", |info| info.version));
    metrics.text(group, "status", &tags, text_of(state(worker, name, None)));
    if connector.tasks.is_empty() {
        return;
    }
    let count = |wanted: State| {
        connector.tasks.keys().filter(|task| state(worker, name, Some(**task)) == wanted).count() as f64
    };
    let group = "connect-worker-metrics";
    metrics.number(group, "connector-total-task-count", &tags, connector.tasks.len() as f64);
    metrics.number(group, "connector-running-task-count", &tags, count(State::Running));
    metrics.number(group, "connector-paused-task-count", &tags, count(State::Paused));
    metrics.number(group, "connector-failed-task-count", &tags, count(State::Failed));
    metrics.number(group, "connector-unassigned-task-count", &tags, count(State::Unassigned));
    metrics.number(group, "connector-destroyed-task-count", &tags, 0.0);
    metrics.number(group, "connector-restarting-task-count", &tags, count(State::Restarting));
}

fn write_task(
    metrics: &mut Metrics,
    worker: &Worker,
    connector: &Measured,
    task: usize,
    counters: &TaskCounters,
    tags: &Tags,
) {
    let group = "connector-task-metrics";
    let (running, paused) = counters.states.ratios();
    let commits = counters.commit_times.seen();
    let (done, failed) = (counters.commits.seen().count as f64, counters.commit_failures.seen().count as f64);
    let share = |part: f64| if part == 0.0 { 0.0 } else { part / (done + failed) };
    let batches = counters.batches.seen();
    metrics.text(group, "status", tags, text_of(state(worker, &connector.name, Some(task))));
    for (name, value) in [
        ("running-ratio", running),
        ("pause-ratio", paused),
        ("offset-commit-max-time-ms", commits.max),
        ("offset-commit-avg-time-ms", commits.avg),
        ("offset-commit-success-percentage", share(done)),
        ("offset-commit-failure-percentage", share(failed)),
        ("batch-size-max", batches.max),
        ("batch-size-avg", batches.avg),
    ] {
        metrics.number(group, name, tags, value);
    }
    write_plugins(metrics, worker, connector, tags);
    let (read, delivered) = (counters.read.seen(), counters.delivered.seen());
    let (calls, active) = (counters.calls.seen(), counters.active.seen());
    let snapshot = counters.snapshot();
    let in_flight = snapshot.records_in_flight as f64;
    let totals = (snapshot.records_read as f64, snapshot.records_delivered as f64);
    if connector.ty == Some(ConnectorType::Sink) {
        let completed = counters.commits.seen();
        let skipped = counters.commit_failures.seen();
        for (name, value) in [
            ("sink-record-read-rate", read.rate),
            ("sink-record-read-total", totals.0),
            ("sink-record-send-rate", delivered.rate),
            ("sink-record-send-total", totals.1),
            ("partition-count", counters.partitions.load(Relaxed) as f64),
            ("offset-commit-seq-no", (snapshot.offset_commits + snapshot.offset_commit_failures) as f64),
            ("offset-commit-completion-rate", completed.rate),
            ("offset-commit-completion-total", snapshot.offset_commits as f64),
            ("offset-commit-skip-rate", skipped.rate),
            ("offset-commit-skip-total", snapshot.offset_commit_failures as f64),
            ("put-batch-max-time-ms", calls.max),
            ("put-batch-avg-time-ms", calls.avg),
            ("sink-record-active-count", in_flight),
            ("sink-record-active-count-max", active.max),
            ("sink-record-active-count-avg", active.avg),
        ] {
            metrics.number("sink-task-metrics", name, tags, value);
        }
    } else {
        for (name, value) in [
            ("source-record-poll-rate", read.rate),
            ("source-record-poll-total", totals.0),
            ("source-record-write-rate", delivered.rate),
            ("source-record-write-total", totals.1),
            ("poll-batch-max-time-ms", calls.max),
            ("poll-batch-avg-time-ms", calls.avg),
            ("source-record-active-count", in_flight),
            ("source-record-active-count-max", active.max),
            ("source-record-active-count-avg", active.avg),
        ] {
            metrics.number("source-task-metrics", name, tags, value);
        }
        let transactions = counters.transactions.seen();
        if transactions.count > 0 {
            for (name, value) in [
                ("transaction-size-avg", transactions.avg),
                ("transaction-size-min", transactions.min),
                ("transaction-size-max", transactions.max),
            ] {
                metrics.number("source-task-metrics", name, tags, value);
            }
        }
    }
    for (name, value) in [
        ("total-record-failures", snapshot.record_failures),
        ("total-record-errors", snapshot.record_errors),
        ("total-records-skipped", snapshot.records_skipped),
        ("total-retries", snapshot.retries),
        ("total-errors-logged", snapshot.errors_logged),
        ("deadletterqueue-produce-requests", snapshot.dead_letter_requests),
        ("deadletterqueue-produce-failures", snapshot.dead_letter_failures),
    ] {
        metrics.number("task-error-metrics", name, tags, value as f64);
    }
    metrics.number("task-error-metrics", "last-error-timestamp", tags, snapshot.last_error_timestamp as f64);
    write_own(metrics, connector, counters, tags);
}

/// What a task is made of (KIP-1017's plug-in facts of 4.1).
fn write_plugins(metrics: &mut Metrics, worker: &Worker, connector: &Measured, tags: &Tags) {
    let group = "connector-task-metrics";
    let (config, plugins) = (&connector.config, &worker.plugins);
    let class = config.get("connector.class").unwrap_or_default().trim();
    let unknown = |class: &str| (class.to_owned(), "unknown".to_owned());
    let known = |info: &PluginInfo| (info.class().to_owned(), info.version.to_owned());
    let (class, version) =
        plugins.find_connector(class).map_or_else(|_| unknown(class), |plugin| known(plugin.info()));
    let task = match class.strip_suffix("Connector") {
        Some(stem) => format!("{stem}Task"),
        None => class.clone(),
    };
    metrics.text(group, "connector-class", tags, class);
    metrics.text(group, "connector-type", tags, connector.ty.map_or("unknown", ConnectorType::as_str));
    metrics.text(group, "connector-version", tags, version.clone());
    metrics.text(group, "task-class", tags, task);
    metrics.text(group, "task-version", tags, version);
    let of_worker = &worker.config;
    let named = |key: &str, default: &str| config.get(key).map_or(default, str::trim).to_owned();
    let key = named("key.converter", &of_worker.key_converter.class);
    let value = named("value.converter", &of_worker.value_converter.class);
    let header = named("header.converter", &of_worker.header_converter.class);
    let converter = |class: &str| {
        plugins.find_converter(class).map_or_else(|_| unknown(class), |plugin| known(plugin.info()))
    };
    let (key, key_version) = converter(&key);
    let (value, value_version) = converter(&value);
    let (header, header_version) = plugins
        .find_header_converter(&header)
        .map_or_else(|_| unknown(&header), |plugin| known(plugin.info()));
    for (name, text) in [
        ("key-converter-class", key),
        ("key-converter-version", key_version),
        ("value-converter-class", value),
        ("value-converter-version", value_version),
        ("header-converter-class", header),
        ("header-converter-version", header_version),
    ] {
        metrics.text(group, name, tags, text);
    }
    let aliases = |list: &str| -> Vec<String> {
        let list = config.get(list).unwrap_or_default();
        list.split(',').map(|alias| alias.trim().to_owned()).filter(|alias| !alias.is_empty()).collect()
    };
    for alias in aliases("transforms") {
        let class = named(&format!("transforms.{alias}.type"), "");
        let (class, version) = plugins
            .find_transformation(&class)
            .map_or_else(|_| unknown(&class), |plugin| known(plugin.info()));
        let tags: Tags = tags.iter().cloned().chain([("transform", alias)]).collect();
        metrics.text("connector-transform-metrics", "transform-class", &tags, class);
        metrics.text("connector-transform-metrics", "transform-version", &tags, version);
    }
    for alias in aliases("predicates") {
        let class = named(&format!("predicates.{alias}.type"), "");
        let (class, version) =
            plugins.find_predicate(&class).map_or_else(|_| unknown(&class), |plugin| known(plugin.info()));
        let tags: Tags = tags.iter().cloned().chain([("predicate", alias)]).collect();
        metrics.text("connector-predicate-metrics", "predicate-class", &tags, class);
        metrics.text("connector-predicate-metrics", "predicate-version", &tags, version);
    }
}

/// What Kafka does not have: the ledger, the lag, latencies as histograms.
fn write_own(metrics: &mut Metrics, connector: &Measured, counters: &TaskCounters, tags: &Tags) {
    let total = counters.ledger.snapshot().total();
    for (name, value) in [
        ("ledger-read-records-total", total.read),
        ("ledger-delivered-records-total", total.delivered),
        ("ledger-filtered-records-total", total.filtered),
        ("ledger-dead-lettered-records-total", total.dead_lettered),
        ("ledger-tolerated-records-total", total.tolerated),
        ("ledger-in-flight-records", total.in_flight),
    ] {
        metrics.number(OWN_GROUP, name, tags, value as f64);
    }
    if let Ok(lag) = u64::try_from(counters.lag.load(Relaxed)) {
        metrics.number(OWN_GROUP, "sink-lag-records", tags, lag as f64);
    }
    let calls = match connector.ty {
        Some(ConnectorType::Sink) => "put-seconds",
        Some(ConnectorType::Source) | None => "poll-seconds",
    };
    metrics.put(OWN_GROUP, calls, tags, MetricValue::Histogram(counters.calls.histogram()));
    let commits = MetricValue::Histogram(counters.commit_times.histogram());
    metrics.put(OWN_GROUP, "offset-commit-seconds", tags, commits);
}
