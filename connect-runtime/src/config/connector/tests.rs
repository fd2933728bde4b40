//! Connector configurations from text to typed value.

use super::*;
use connect_api::ErrorKind;

fn worker(more: &[(&str, &str)]) -> WorkerConfig {
    let mut properties = Properties::from([("value.converter.schemas.enable", "false")]);
    properties.extend(more.iter().copied());
    WorkerConfig::embedded(&properties).unwrap()
}

fn properties(more: &[(&str, &str)]) -> Properties {
    let mut properties = Properties::from([("name", "n"), ("connector.class", "C")]);
    properties.extend(more.iter().copied());
    properties
}

fn source(more: &[(&str, &str)]) -> Result<SourceConnectorConfig> {
    SourceConnectorConfig::parse(&properties(more), &worker(&[]))
}

fn sink(more: &[(&str, &str)]) -> Result<SinkConnectorConfig> {
    SinkConnectorConfig::parse(&properties(more), &worker(&[]))
}

fn lines(error: &connect_api::Error) -> Vec<String> {
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn what_is_not_set_has_kafkas_defaults() {
    let config = source(&[]).unwrap();
    assert_eq!((config.common.tasks_max, config.common.tasks_max_enforce), (1, true));
    assert_eq!(config.common.errors, ErrorHandling::default());
    assert_eq!(config.common.reload_action, ReloadAction::Restart);
    assert_eq!(config.exactly_once_support, ExactlyOnceRequirement::Requested);
    assert_eq!(config.transaction_boundary, TransactionBoundary::Poll);
    assert_eq!(config.transaction_boundary_interval, Duration::from_secs(60), "the worker's flush interval");
    assert!(config.topic_creation.is_none() && config.offsets_storage_topic.is_none());
}

#[test]
fn settings_of_a_converter_count_only_beside_its_class() {
    let config = source(&[("value.converter.schemas.enable", "true")]).unwrap().common;
    assert!(!config.value_converter.own);
    assert_eq!(config.value_converter.class, "JsonConverter");
    assert_eq!(config.value_converter.properties.get("schemas.enable"), Some("false"), "the worker's");

    let config = source(&[("value.converter", "Other"), ("value.converter.a", "1")]).unwrap().common;
    assert!(config.value_converter.own);
    assert_eq!(config.value_converter.class, "Other");
    assert_eq!(
        config.value_converter.properties,
        Properties::from([("a", "1"), ("converter.type", "value")])
    );
    assert_eq!(config.key_converter.properties, Properties::from([("converter.type", "key")]));
    assert_eq!(config.header_converter.properties, Properties::from([("converter.type", "header")]));
}

#[test]
fn transformations_come_in_order_with_their_predicates() {
    let config = source(&[
        ("transforms", "b, a"),
        ("transforms.a.type", "A"),
        ("transforms.a.predicate", "p"),
        ("transforms.a.negate", "true"),
        ("transforms.a.x.y", "1"),
        ("transforms.b.type", "B"),
        ("predicates", "p"),
        ("predicates.p.type", "P"),
        ("predicates.p.name", "h"),
    ])
    .unwrap();
    let predicate = PredicateSpec {
        alias: "p".to_owned(),
        class: "P".to_owned(),
        properties: Properties::from([("name", "h")]),
    };
    let expected = [
        TransformSpec {
            alias: "b".to_owned(),
            class: "B".to_owned(),
            properties: Properties::new(),
            predicate: None,
            negate: false,
        },
        TransformSpec {
            alias: "a".to_owned(),
            class: "A".to_owned(),
            properties: Properties::from([("x.y", "1")]),
            predicate: Some(predicate),
            negate: true,
        },
    ];
    assert_eq!(config.common.transforms, expected);
}

#[test]
fn all_problems_come_in_one_error() {
    let error = source(&[
        ("tasks.max", "0"),
        ("errors.tolerance", "some"),
        ("transforms", "a,b,c"),
        ("transforms.a.type", "A"),
        ("transforms.a.predicate", "q"),
        ("transforms.b.negate", "maybe"),
        ("transforms.c.type", "C"),
        ("transforms.c.negate", "true"),
        ("topic.creation.default.partitions", "1"),
    ])
    .unwrap_err();
    assert_eq!(
        lines(&error),
        [
            "Invalid value 0 for configuration tasks.max: Value must be at least 1",
            "Invalid value some for configuration errors.tolerance: String must be one of: none, all",
            "Missing required configuration \"topic.creation.default.replication.factor\" which has no default value.",
            "Invalid value q for configuration transforms.a.predicate: there is no predicate of this alias; 'predicates' \
             lists []",
            "Config 'transforms.b.negate' was provided but there is no config 'transforms.b.predicate' defining a \
             predicate to be negated.",
            "Invalid value maybe for configuration transforms.b.negate: Expected value to be either true or false",
            "Missing required configuration \"transforms.b.type\" which has no default value.",
            "Config 'transforms.c.negate' was provided but there is no config 'transforms.c.predicate' defining a \
             predicate to be negated.",
        ]
    );
}

#[test]
fn repeated_aliases_are_refused() {
    let error = source(&[("transforms", "a,a"), ("transforms.a.type", "A")]).unwrap_err();
    assert_eq!(
        lines(&error),
        ["Invalid value [a, a] for configuration transforms: Duplicate alias provided."]
    );
}

#[test]
fn retrying_for_ever_is_a_negative_number() {
    let config = source(&[("errors.retry.timeout", "-1"), ("errors.retry.delay.max.ms", "-5")]).unwrap();
    assert_eq!(config.common.errors.retry_timeout, None);
    assert_eq!(config.common.errors.retry_delay_max, Duration::ZERO);
    let config = source(&[("errors.retry.timeout", "1500"), ("errors.tolerance", "all")]).unwrap();
    assert_eq!(config.common.errors.retry_timeout, Some(Duration::from_millis(1500)));
    assert!(config.common.errors.tolerate);
}

#[test]
fn choices_of_sources_ignore_case() {
    let config = source(&[
        ("exactly.once.support", "REQUIRED"),
        ("transaction.boundary", "Interval"),
        ("transaction.boundary.interval.ms", "20"),
        ("offsets.storage.topic", "o"),
    ])
    .unwrap();
    assert_eq!(config.exactly_once_support, ExactlyOnceRequirement::Required);
    assert_eq!(config.transaction_boundary, TransactionBoundary::Interval);
    assert_eq!(config.transaction_boundary_interval, Duration::from_millis(20));
    assert_eq!(config.offsets_storage_topic.as_deref(), Some("o"));
}

#[test]
fn a_worker_may_forbid_the_creation_of_topics() {
    let properties = properties(&[
        ("topic.creation.default.partitions", "1"),
        ("topic.creation.default.replication.factor", "1"),
    ]);
    let parse =
        |worker: &WorkerConfig| SourceConnectorConfig::parse(&properties, worker).unwrap().topic_creation;
    assert!(parse(&worker(&[])).is_some());
    assert!(parse(&worker(&[("topic.creation.enable", "false")])).is_none());
}

#[test]
fn a_sink_reads_listed_topics_or_those_that_an_expression_matches() {
    let TopicSelection::Topics(topics) = sink(&[("topics", "a, b,a")]).unwrap().topics else {
        panic!("topics")
    };
    assert_eq!(topics, ["a", "b"]);
    let blank = sink(&[("topics", "a,")]).unwrap_err().to_string();
    assert_eq!(blank, "Configuration 'topics' values must not be empty.");
    let TopicSelection::Pattern(pattern) = sink(&[("topics.regex", "a|b.*")]).unwrap().topics else {
        panic!()
    };
    assert_eq!(pattern.as_str(), "a|b.*");
    assert!(pattern.matches("bcd") && pattern.matches("a") && !pattern.matches("ab"));
}

#[test]
fn rules_between_topics_are_kafkas() {
    let message = |more: &[(&str, &str)]| lines(&sink(more).unwrap_err());
    assert_eq!(
        message(&[("topics", "a"), ("topics.regex", "b")]),
        ["topics and topics.regex are mutually exclusive options, but both are set."]
    );
    assert_eq!(message(&[("topics", " ")]), ["Must configure one of topics or topics.regex"]);
    assert_eq!(
        message(&[("topics", "a,d"), ("errors.deadletterqueue.topic.name", "d")]),
        [
            "The DLQ topic 'd' may not be included in the list of topics ('topics=[a, d]') consumed by the connector"
        ]
    );
    assert_eq!(
        message(&[("topics.regex", "d.*"), ("errors.deadletterqueue.topic.name", "dlq")]),
        [
            "The DLQ topic 'dlq' may not be matched by the regex for the topics ('topics.regex=d.*') consumed by the \
          connector"
        ]
    );
    assert_eq!(
        message(&[("topics.regex", "[")]),
        [
            "Invalid value [ for configuration topics.regex: Invalid regex: Unclosed character class near index 1"
        ]
    );
}

#[test]
fn records_are_reported_to_the_dead_letter_queue_or_the_log() {
    let plain = sink(&[("topics", "a")]).unwrap();
    assert!(plain.dead_letter_queue.is_none() && !plain.reports_errant_records());
    assert!(sink(&[("topics", "a"), ("errors.log.enable", "true")]).unwrap().reports_errant_records());
    let dlq = sink(&[("topics", "a"), ("errors.deadletterqueue.topic.name", "d")]).unwrap();
    assert!(dlq.reports_errant_records());
    let expected = DeadLetterQueue { topic: "d".to_owned(), replication_factor: 3, context_headers: false };
    assert_eq!(dlq.dead_letter_queue, Some(expected));
}
