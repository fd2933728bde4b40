//! The source: what it makes, how fast, and where it continues.

use std::time::Duration;

use connect_api::config::ConfigEnum;
use connect_api::{Config, Plugins, Properties, Schema, SourceRecord, SourceTask};
use connect_datagen::{DatagenConfig, DatagenSource, Quickstart};
use connect_testkit::{SourceHarness, SourceOptions};
use tokio::time::Instant;

const WAIT: Duration = Duration::from_secs(1);

fn config(quickstart: &str) -> Properties {
    Properties::from([
        ("kafka.topic", "t"),
        ("quickstart", quickstart),
        ("max.interval", "0"),
        ("random.seed", "42"),
    ])
}

type Source = SourceHarness<DatagenSource>;

async fn start(config: &Properties, after: Option<&SourceRecord>) -> Source {
    Source::start_with(SourceOptions::new(config.clone()).after(after)).await.unwrap()
}

async fn take(source: &mut Source, count: usize) -> Vec<SourceRecord> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(source.task().poll(WAIT).await.unwrap());
    }
    all.truncate(count);
    all
}

#[tokio::test(start_paused = true)]
async fn every_quickstart_makes_valid_records_with_keys() {
    for quickstart in Quickstart::NAMES {
        let records = take(&mut start(&config(quickstart), None).await, 1000).await;
        for record in &records {
            record.record.value.validate().unwrap();
            record.record.value.value.as_struct().unwrap().validate().unwrap();
            record.record.key.validate().unwrap();
            assert!(!record.record.key.is_null());
        }
        let distinct: std::collections::HashSet<String> =
            records.iter().map(|record| record.record.value.value.to_string()).collect();
        assert!(distinct.len() > 100, "{quickstart}: {}", distinct.len());
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_records_and_any_offset_resumes() {
    let all = take(&mut start(&config("orders"), None).await, 50).await;
    assert_eq!(take(&mut start(&config("ORDERS"), None).await, 50).await, all);
    for at in [0, 7, 48] {
        assert_eq!(all[at].source_offset.i64("current.iteration"), Some(at as i64 + 1));
        let rest = take(&mut start(&config("orders"), Some(&all[at])).await, 49 - at).await;
        assert_eq!(rest, all[at + 1..]);
    }
}

#[tokio::test(start_paused = true)]
async fn other_seeds_and_other_tasks_give_other_records() {
    let value =
        async |config: Properties| take(&mut start(&config, None).await, 1).await.remove(0).record.value;
    let first = value(config("users")).await;
    assert_ne!(value(config("users").with("random.seed", "43")).await, first);
    let options = SourceOptions::new(config("users")).task(1, 2);
    let second = take(&mut Source::start_with(options).await.unwrap(), 1).await.remove(0);
    assert_ne!(second.record.value, first);
    assert_eq!(second.source_partition.i64("task.id"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_seed_that_was_chosen_is_kept_with_the_offset() {
    let mut config = config("orders");
    config.remove("random.seed");
    let all = take(&mut start(&config, None).await, 10).await;
    assert_ne!(take(&mut start(&config, None).await, 10).await, all, "another start chooses another");
    let rest = take(&mut start(&config, Some(&all[3])).await, 6).await;
    assert_eq!(rest, all[4..]);
}

#[tokio::test(start_paused = true)]
async fn it_ends_after_its_iterations_also_across_a_restart() {
    let config = config("users").with("iterations", "1500");
    let mut task = start(&config, None).await;
    let all = take(&mut task, 1500).await;
    assert!(task.task().poll(WAIT).await.unwrap().is_empty());
    let mut task = start(&config, Some(&all[1490])).await;
    assert_eq!(task.task().poll(WAIT).await.unwrap().len(), 9);
    assert!(task.task().poll(WAIT).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn intervals_are_half_of_the_longest_on_average() {
    let mut task = start(&config("users").with("max.interval", "100"), None).await;
    let began = Instant::now();
    take(&mut task, 1000).await;
    let average = began.elapsed() / 1000;
    assert!((Duration::from_millis(45)..Duration::from_millis(55)).contains(&average), "{average:?}");
}

#[tokio::test(start_paused = true)]
async fn a_poll_ends_in_time_when_the_interval_is_longer() {
    let mut task = start(&config("users").with("max.interval", "3600000"), None).await;
    let began = Instant::now();
    assert!(task.task().poll(WAIT).await.unwrap().is_empty());
    assert_eq!(began.elapsed(), WAIT);
}

#[tokio::test(start_paused = true)]
async fn a_schema_of_ones_own_is_used() {
    let schema = r#"{"type":"record","name":"r","fields":[{"name":"n","type":{"type":"int","arg.properties":{"iteration":{"start":1}}}}]}"#;
    let properties = Properties::from([
        ("kafka.topic", "t"),
        ("max.interval", "0"),
        ("schema.keyfield", "n"),
        ("schema.string", schema),
    ]);
    let records = take(&mut start(&properties, None).await, 2).await;
    assert_eq!(records[1].record.value.value.to_string(), "Struct{n=2}");
    assert_eq!(records[1].record.key.schema, Some(Schema::INT32));
    let error = DatagenConfig::parse(&properties.with("schema.keyfield", "m")).unwrap_err();
    assert!(error.to_string().contains("The schema has no such field"), "{error}");
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_key() {
    for (config, part) in [
        (Properties::from([("kafka.topic", "t")]), "Exactly one of"),
        (config("orders").with("schema.string", "{}"), "`type` is missing"),
        (config("orders").with("schema.filename", "x"), "Exactly one of"),
        (config("oders"), "Invalid value oders for configuration quickstart"),
        (config("orders").with("iterations", "-2"), "Value must be at least -1"),
    ] {
        let error = DatagenConfig::parse(&config).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_schema_file_that_cannot_be_read_is_named() {
    let config = Properties::from([("kafka.topic", "t"), ("schema.filename", "/does/not/exist.json")]);
    let error = Source::start(config).await.err().unwrap();
    assert!(error.to_string().contains("/does/not/exist.json"), "{error}");
}

#[test]
fn the_connector_is_found_by_its_java_class() {
    let mut plugins = Plugins::default();
    connect_datagen::register(&mut plugins);
    assert!(plugins.find_source("io.confluent.kafka.connect.datagen.DatagenConnector").is_ok());
    assert!(plugins.find_source("Datagen").is_ok());
}
