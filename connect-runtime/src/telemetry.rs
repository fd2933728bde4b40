//! The metrics of a worker as instruments of an OpenTelemetry meter.
//!
//! The application has the exporter and its interval; this crate only answers when it is asked.
//! Names are Kafka's, as Prometheus would make of them what `/metrics` says: `source-record-poll-total` of
//! `source-task-metrics` is `kafka.connect.source-task.source-record-poll-total`, with the attributes `connector` and
//! `task`.
//!
//! * A text, a state for instance, is a gauge that is 1 and has the text as an attribute.
//! * A histogram is three counters, as in Prometheus: `….bucket` with the attribute `le`, `….sum` and `….count`.
//! * What is not a finite number (an average of nothing) is left out.
//!
//! ```
//! use connect_runtime::{Connect, telemetry};
//! use opentelemetry::metrics::MeterProvider as _;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // With a reader that exports somewhere, of course.
//! let provider = opentelemetry_sdk::metrics::SdkMeterProvider::builder().build();
//! let connect = Connect::builder().in_memory().start().await?;
//! telemetry::observe(&provider.meter("connect"), &connect.herder());
//! connect.shutdown().await?;
//! # Ok(())
//! # }
//! ```

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use crate::herder::Herder;
use crate::metrics::{Metric, MetricKind, MetricTemplate, MetricValue, Metrics, metric_templates, scope};

/// Makes an instrument for every metric that a worker may have.
///
/// They answer as long as the worker lives, and keep it not alive. To be called once for a meter: instruments cannot
/// be taken back.
pub fn observe(meter: &Meter, herder: &Arc<dyn Herder>) {
    let readings = Arc::new(Readings { herder: Arc::downgrade(herder), now: Mutex::default() });
    for (number, template) in metric_templates().enumerate() {
        let read = Reader { readings: Arc::clone(&readings), number, template };
        let name = format!("{}.{}", scope(template.group), template.name);
        match template.kind {
            MetricKind::Counter => {
                let counter = meter.f64_observable_counter(name).with_description(template.help);
                counter.with_callback(move |to| read.numbers(|value, tags| to.observe(value, tags))).build();
            }
            MetricKind::Gauge => {
                let gauge = meter.f64_observable_gauge(name).with_description(template.help);
                gauge.with_callback(move |to| read.numbers(|value, tags| to.observe(value, tags))).build();
            }
            MetricKind::Text => {
                let gauge = meter.u64_observable_gauge(name).with_description(template.help);
                gauge.with_callback(move |to| read.texts(|tags| to.observe(1, tags))).build();
            }
            MetricKind::Histogram => histogram(meter, &name, &read),
        }
    }
}

fn histogram(meter: &Meter, name: &str, read: &Reader) {
    let (buckets, sums, counts) = (read.part(0), read.part(1), read.part(2));
    meter
        .u64_observable_counter(format!("{name}.bucket"))
        .with_description(read.template.help)
        .with_callback(move |to| {
            buckets.each(|metric, tags| {
                let MetricValue::Histogram(histogram) = &metric.value else { return };
                let all = (f64::INFINITY, histogram.count);
                for (bound, count) in histogram.buckets.iter().copied().chain([all]) {
                    let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
                    let mut tags = tags.clone();
                    tags.push(KeyValue::new("le", bound));
                    to.observe(count, &tags);
                }
            });
        })
        .build();
    meter
        .f64_observable_counter(format!("{name}.sum"))
        .with_description(read.template.help)
        .with_callback(move |to| {
            sums.each(|metric, tags| {
                if let MetricValue::Histogram(histogram) = &metric.value {
                    to.observe(histogram.sum, &tags);
                }
            });
        })
        .build();
    meter
        .u64_observable_counter(format!("{name}.count"))
        .with_description(read.template.help)
        .with_callback(move |to| {
            counts.each(|metric, tags| {
                if let MetricValue::Histogram(histogram) = &metric.value {
                    to.observe(histogram.count, &tags);
                }
            });
        })
        .build();
}

/// One reading of the worker for all instruments: it is taken anew when an instrument asks for the second time.
struct Readings {
    herder: Weak<dyn Herder>,
    now: Mutex<(Arc<Metrics>, HashSet<usize>)>,
}

impl Readings {
    fn of(&self, instrument: usize) -> Arc<Metrics> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.1.is_empty() || !now.1.insert(instrument) {
            let metrics = self.herder.upgrade().map(|herder| herder.metrics()).unwrap_or_default();
            *now = (Arc::new(metrics), HashSet::from([instrument]));
        }
        Arc::clone(&now.0)
    }
}

/// What one instrument reads.
struct Reader {
    readings: Arc<Readings>,
    number: usize,
    template: MetricTemplate,
}

impl Reader {
    /// One of the three instruments of a histogram.
    fn part(&self, part: usize) -> Self {
        let number = self.number + (part + 1) * 10_000;
        Self { readings: Arc::clone(&self.readings), number, template: self.template }
    }

    fn each(&self, mut observe: impl FnMut(&Metric, Vec<KeyValue>)) {
        let metrics = self.readings.of(self.number);
        let (group, name) = (self.template.group, self.template.name);
        for metric in metrics.metrics.iter().filter(|metric| metric.group == group && metric.name == name) {
            observe(
                metric,
                metric.tags.iter().map(|(tag, value)| KeyValue::new(*tag, value.clone())).collect(),
            );
        }
    }

    fn numbers(&self, mut observe: impl FnMut(f64, &[KeyValue])) {
        self.each(|metric, tags| {
            if let Some(number) = metric.number().filter(|number| number.is_finite()) {
                observe(number, &tags);
            }
        });
    }

    fn texts(&self, mut observe: impl FnMut(&[KeyValue])) {
        self.each(|metric, mut tags| {
            if let MetricValue::Text(text) = &metric.value {
                tags.push(KeyValue::new(metric.name, text.clone()));
                observe(&tags);
            }
        });
    }
}
