//! The metrics through OpenTelemetry, into an exporter in memory.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::SeqCst;

use connect_runtime::{MetricValue, State, metric_templates, telemetry};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

use crate::scripted::{connect, sink, source, world};

fn attributes<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut all: Vec<_> = attributes.map(|known| format!("{}={}", known.key, known.value)).collect();
    all.sort();
    all.join(",")
}

/// Everything that was exported last: name and attributes, and the value.
fn exported(provider: &SdkMeterProvider, exporter: &InMemoryMetricExporter) -> BTreeMap<String, f64> {
    exporter.reset();
    provider.force_flush().unwrap();
    let mut all = BTreeMap::new();
    let resources = exporter.get_finished_metrics().unwrap();
    let scopes = resources.iter().flat_map(|resource| resource.scope_metrics());
    for metric in scopes.flat_map(|scope| scope.metrics()) {
        let mut put = |tags: String, value: f64| {
            all.insert(format!("{}{{{tags}}}", metric.name()), value);
        };
        match metric.data() {
            AggregatedMetrics::F64(MetricData::Gauge(gauge)) => {
                gauge.data_points().for_each(|point| put(attributes(point.attributes()), point.value()));
            }
            AggregatedMetrics::F64(MetricData::Sum(sum)) => {
                sum.data_points().for_each(|point| put(attributes(point.attributes()), point.value()));
            }
            AggregatedMetrics::U64(MetricData::Gauge(gauge)) => {
                gauge
                    .data_points()
                    .for_each(|point| put(attributes(point.attributes()), point.value() as f64));
            }
            AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                sum.data_points().for_each(|point| put(attributes(point.attributes()), point.value() as f64));
            }
            other => panic!("{}: {other:?}", metric.name()),
        }
    }
    all
}

#[tokio::test]
async fn every_metric_is_an_instrument_with_kafkas_tags() {
    world().limit.store(5, SeqCst);
    let connect = connect().start().await;
    let exporter = InMemoryMetricExporter::default();
    let provider =
        SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter.clone()).build()).build();
    telemetry::observe(&provider.meter("connect"), &connect.herder());
    connect.create("numbers", source()).await.unwrap();
    connect.expect_state("numbers", State::Running).await;
    connect.create("reads", sink()).await.unwrap();
    let poll = "kafka.connect.source-task.source-record-poll-total{connector=numbers,task=0}";
    let send = "kafka.connect.sink-task.sink-record-send-total{connector=reads,task=0}";
    let mut seen = BTreeMap::new();
    for _ in 0..500 {
        seen = exported(&provider, &exporter);
        if seen.get(poll) == Some(&5.0) && seen.get(send) == Some(&5.0) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for (name, value) in [
        (poll, 5.0),
        (send, 5.0),
        ("kafka.connect.worker.connector-count{}", 2.0),
        ("kafka.connect.connector.status{connector=numbers,status=running}", 1.0),
        ("kafka.connect.worker.connector-running-task-count{connector=numbers}", 1.0),
        ("connect.put-seconds.bucket{connector=reads,le=+Inf,task=0}", 1.0),
    ] {
        assert!(seen.get(name).is_some_and(|seen| *seen >= value), "{name}: {seen:#?}");
    }
    assert!(seen.values().all(|value| value.is_finite()));

    // What the worker measures and what the templates say are the same.
    let templates: Vec<_> = metric_templates().collect();
    for metric in connect.worker_metrics().metrics {
        let template =
            templates.iter().find(|known| known.group == metric.group && known.name == metric.name);
        let template = template.unwrap_or_else(|| panic!("{} {} has no template", metric.group, metric.name));
        assert_eq!(metric.tags.iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), template.tags);
        let kind = format!("{:?}", template.kind);
        let fits = match metric.value {
            MetricValue::Number(_) => kind == "Gauge" || kind == "Counter",
            MetricValue::Text(_) => kind == "Text",
            _ => kind == "Histogram",
        };
        assert!(fits, "{} is no {kind}", metric.name);
    }
    let _ = connect.shutdown().await;
    drop(connect);
    assert_eq!(exported(&provider, &exporter).len(), 0, "the worker is gone");
}
