//! [`Metrics`]: everything that is measured, under Kafka's names, at one moment.

use std::collections::HashMap;
use std::fmt::Write as _;

/// The value of a metric.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MetricValue {
    /// A number. NaN and infinity mean what they mean in Kafka: nothing was recorded, or never.
    Number(f64),
    /// A text: a class, a version, a state.
    Text(String),
    /// A distribution of durations in seconds.
    Histogram(Histogram),
}

/// A distribution.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Histogram {
    /// Upper bounds, with how many values were not above them.
    pub buckets: Vec<(f64, u64)>,
    /// How many values there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

/// One metric at a moment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// Kafka's group, `source-task-metrics` for instance: the `type` of the MBean.
    pub group: &'static str,
    /// Kafka's attribute, `source-record-poll-total` for instance.
    pub name: &'static str,
    /// What it is about: `connector`, `task` and so on, in Kafka's order.
    pub tags: Vec<(&'static str, String)>,
    /// Its value.
    pub value: MetricValue,
}

impl Metric {
    /// The value of a tag.
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The value as a number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self.value {
            MetricValue::Number(number) => Some(number),
            MetricValue::Text(_) | MetricValue::Histogram(_) => None,
        }
    }
}

/// All metrics of a worker at a moment, under the groups and names that Kafka Connect gives them in JMX.
///
/// ```
/// use connect_runtime::Connect;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connect = Connect::builder().in_memory().start().await?;
/// let metrics = connect.worker_metrics();
/// let count = metrics.find("connect-worker-metrics", "connector-count", &[]);
/// assert_eq!(count.and_then(|metric| metric.number()), Some(0.0));
/// assert!(metrics.prometheus().contains("kafka_connect_worker_connector_count 0"));
/// # connect.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Metrics {
    /// The metrics, those of one group, name and order of tags together.
    pub metrics: Vec<Metric>,
}

impl Metrics {
    /// The first metric of this group and name that has these tags.
    pub fn find(&self, group: &str, name: &str, tags: &[(&str, &str)]) -> Option<&Metric> {
        self.metrics.iter().find(|metric| {
            metric.group == group
                && metric.name == name
                && tags.iter().all(|(tag, value)| metric.tag(tag) == Some(value))
        })
    }

    pub(crate) fn number(
        &mut self,
        group: &'static str,
        name: &'static str,
        tags: &[(&'static str, String)],
        value: f64,
    ) {
        self.put(group, name, tags, MetricValue::Number(value));
    }

    pub(crate) fn text(
        &mut self,
        group: &'static str,
        name: &'static str,
        tags: &[(&'static str, String)],
        value: impl Into<String>,
    ) {
        self.put(group, name, tags, MetricValue::Text(value.into()));
    }

    pub(crate) fn put(
        &mut self,
        group: &'static str,
        name: &'static str,
        tags: &[(&'static str, String)],
        value: MetricValue,
    ) {
        self.metrics.push(Metric { group, name, tags: tags.to_vec(), value });
    }

    /// The metrics in Prometheus' text format, under the names that the usual rules of the JMX exporter give them:
    /// `kafka_connect_source_task_source_record_poll_total{connector="a",task="0"}`. Texts become labels of a metric
    /// that is 1. What Kafka does not have begins with `connect_`.
    pub fn prometheus(&self) -> String {
        // Prometheus wants all lines of a name together.
        let mut families: Vec<(String, &'static str, Vec<String>)> = Vec::new();
        let mut places: HashMap<(&str, &str), usize> = HashMap::new();
        for metric in &self.metrics {
            let ty = match &metric.value {
                MetricValue::Histogram(_) => "histogram",
                MetricValue::Number(_) if metric.name.ends_with("-total") => "counter",
                MetricValue::Number(_) | MetricValue::Text(_) => "gauge",
            };
            let at = *places.entry((metric.group, metric.name)).or_insert_with(|| {
                families.push((prometheus_name(metric.group, metric.name), ty, Vec::new()));
                families.len() - 1
            });
            let (name, _, rows) = &mut families[at];
            lines(rows, name, metric);
        }
        let mut text = String::new();
        for (name, ty, lines) in families {
            let _ = writeln!(text, "# TYPE {name} {ty}");
            for line in lines {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }
}

/// What stands before the name of a metric, its group as the usual rules shorten it.
pub(crate) fn scope(group: &str) -> String {
    if group == super::OWN_GROUP {
        return "connect".to_owned();
    }
    let group = group.strip_suffix("-metrics").unwrap_or(group);
    format!("kafka.connect.{}", group.strip_prefix("connect-").unwrap_or(group))
}

pub(super) fn prometheus_name(group: &str, name: &str) -> String {
    format!("{}.{name}", scope(group)).replace(['-', '.'], "_")
}

fn lines(lines: &mut Vec<String>, name: &str, metric: &Metric) {
    let labels = |more: &[(&str, &str)]| {
        let own = metric.tags.iter().map(|(tag, value)| (*tag, value.as_str()));
        let all: Vec<String> = own
            .chain(more.iter().copied())
            .map(|(tag, value)| format!("{}=\"{}\"", tag.replace('-', "_"), escape(value)))
            .collect();
        if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
    };
    match &metric.value {
        MetricValue::Number(number) => lines.push(format!("{name}{} {}", labels(&[]), show(*number))),
        MetricValue::Text(text) => lines.push(format!("{name}{} 1", labels(&[(metric.name, text)]))),
        MetricValue::Histogram(histogram) => {
            for (bound, count) in &histogram.buckets {
                lines.push(format!("{name}_bucket{} {count}", labels(&[("le", &show(*bound))])));
            }
            lines.push(format!("{name}_bucket{} {}", labels(&[("le", "+Inf")]), histogram.count));
            lines.push(format!("{name}_sum{} {}", labels(&[]), show(histogram.sum)));
            lines.push(format!("{name}_count{} {}", labels(&[]), histogram.count));
        }
    }
}

fn show(number: f64) -> String {
    match number {
        number if number.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        number => number.to_string(),
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_usual_rules() {
        let task = [("connector", "a\"b".to_owned()), ("task", "0".to_owned())];
        let mut metrics = Metrics::default();
        metrics.number("source-task-metrics", "source-record-poll-total", &task, 5.0);
        metrics.number("connect-worker-metrics", "task-count", &[], 1.0);
        metrics.text("connector-task-metrics", "status", &task, "running");
        metrics.number(
            "connect-worker-rebalance-metrics",
            "time-since-last-rebalance-ms",
            &[],
            f64::INFINITY,
        );
        let expected = "\
# TYPE kafka_connect_source_task_source_record_poll_total counter
kafka_connect_source_task_source_record_poll_total{connector=\"a\\\"b\",task=\"0\"} 5
# TYPE kafka_connect_worker_task_count gauge
kafka_connect_worker_task_count 1
# TYPE kafka_connect_connector_task_status gauge
kafka_connect_connector_task_status{connector=\"a\\\"b\",task=\"0\",status=\"running\"} 1
# TYPE kafka_connect_worker_rebalance_time_since_last_rebalance_ms gauge
kafka_connect_worker_rebalance_time_since_last_rebalance_ms +Inf
";
        assert_eq!(metrics.prometheus(), expected);
    }

    #[test]
    fn a_histogram_has_buckets_sum_and_count() {
        let mut metrics = Metrics::default();
        let histogram = Histogram { buckets: vec![(0.5, 1)], count: 2, sum: 3.5 };
        metrics.put(super::super::OWN_GROUP, "poll-seconds", &[], MetricValue::Histogram(histogram));
        let expected = "\
# TYPE connect_poll_seconds histogram
connect_poll_seconds_bucket{le=\"0.5\"} 1
connect_poll_seconds_bucket{le=\"+Inf\"} 2
connect_poll_seconds_sum 3.5
connect_poll_seconds_count 2
";
        assert_eq!(metrics.prometheus(), expected);
    }
}
