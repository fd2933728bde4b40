//! What `explain` says about a connector's stages.

use connect_api::config::NoConfig;
use connect_api::{
    Config, Outcome, Password, Plugins, Predicate, Properties, Record, Result, SinkRecord, Transformation,
    Value,
};
use connect_runtime::config::WorkerConfig;
use connect_runtime::explain::{Explanation, Sample, StageOutcome, explain};

/// Puts `a` into `b`, removes `c`, overwrites `d`, leaves the others.
struct Shuffle;

impl Transformation for Shuffle {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self> {
        Ok(Self)
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let class = record.value.value.java_class_name();
        let Some(map) = record.value.value.as_map_mut() else {
            return Err(connect_api::Error::data(format!("no map but {class}")));
        };
        let a = map.remove("a").unwrap_or_default();
        map.insert("b", a);
        map.remove("c");
        map.insert("d", Value::from("fixed"));
        Ok(Outcome::Keep)
    }
}

#[derive(Debug, Clone, Config)]
struct Seal {
    /// What is put in.
    secret: Password,
}

impl Transformation for Seal {
    type Config = Self;

    fn configure(config: Self) -> Result<Self> {
        Ok(config)
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let secret = self.secret.value();
        match record.value.value.as_map_mut() {
            Some(map) => {
                map.insert("seal", format!("<{secret}>"));
                Ok(Outcome::Keep)
            }
            None => Err(connect_api::Error::data(format!("{secret} cannot be put in"))),
        }
    }
}

struct Big;

impl Predicate for Big {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self> {
        Ok(Self)
    }

    fn test(&self, record: &Record) -> Result<bool> {
        let a = record.value.value.as_map().and_then(|map| map.get("a")).and_then(|a| a.as_i64());
        Ok(a.is_some_and(|a| a > 100))
    }
}

fn plugins() -> Plugins {
    let mut plugins = Plugins::new();
    connect_runtime::converters::register(&mut plugins);
    connect_runtime::config::providers::register(&mut plugins);
    connect_runtime::application::sink(&mut plugins, "Print", |_: Vec<SinkRecord>| async { Ok(()) });
    let (_, source) = connect_runtime::application::channel(1);
    source.register(&mut plugins, "Orders");
    plugins
        .bundle("1")
        .transformation::<Shuffle>("Shuffle")
        .transformation::<Seal>("Seal")
        .predicate::<Big>("Big");
    plugins
}

async fn run(config: &[(&str, &str)], sample: &str) -> Explanation {
    let worker =
        Properties::from([("value.converter.schemas.enable", "false"), ("value.converter", "JsonConverter")]);
    let worker = WorkerConfig::embedded(&worker).unwrap();
    let common =
        [("name", "x"), ("connector.class", "Print"), ("topics", "t"), ("key.converter", "StringConverter")];
    let connector: Properties = common.iter().chain(config).copied().collect();
    let sample = if sample.is_empty() { Sample::made_up() } else { Sample::parse(sample).unwrap() };
    explain(&plugins(), &worker, &connector, &sample).await.unwrap()
}

#[tokio::test]
async fn a_stage_says_what_it_reads_writes_and_drops() {
    let config = [("transforms", "s"), ("transforms.s.type", "Shuffle")];
    let explanation =
        run(&config, r#"{"key": "k", "value": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}}"#).await;
    let stages: Vec<_> = explanation.stages.iter().map(|stage| stage.stage).collect();
    assert_eq!(stages, ["KEY_CONVERTER", "VALUE_CONVERTER", "TRANSFORMATION"]);
    let stage = &explanation.stages[2];
    assert_eq!(stage.key, "transforms.s");
    assert_eq!(stage.reads, ["value.a"], "what is overwritten or carried along is not read");
    let writes: Vec<_> = stage.writes.iter().map(|change| change.after.path.as_str()).collect();
    assert_eq!(writes, ["value.b", "value.d"]);
    assert_eq!(stage.drops, ["value.a", "value.c"]);
    assert!(stage.nanos_per_record.is_some());
    let text = explanation.to_string();
    assert!(text.contains("writes  value.b = int64 1, was int64 2"), "{text}");
}

#[tokio::test]
async fn a_predicate_is_shown_with_its_answer_and_what_it_looked_at() {
    let config = [
        ("transforms", "s"),
        ("transforms.s.type", "Shuffle"),
        ("transforms.s.predicate", "big"),
        ("predicates", "big"),
        ("predicates.big.type", "Big"),
    ];
    let explanation = run(&config, r#"{"value": {"a": 1, "e": 5}}"#).await;
    let stage = &explanation.stages[2];
    assert_eq!(stage.outcome, StageOutcome::Passed);
    assert_eq!(stage.predicate.as_ref().unwrap().holds, Some(false));
    assert_eq!(stage.reads, ["value.a"]);
    assert!(stage.writes.is_empty());
}

#[tokio::test]
async fn a_stage_that_refuses_the_record_is_named_with_its_error_and_what_to_do() {
    let config = [("transforms", "s,z"), ("transforms.s.type", "Shuffle"), ("transforms.z.type", "Shuffle")];
    let explanation = run(&config, r#"{"value": "5"}"#).await;
    assert!(explanation.is_failed());
    assert_eq!(explanation.stages.len(), 3, "nothing runs after it");
    let text = explanation.to_string();
    for words in [
        "TRANSFORMATION transforms.s: Shuffle",
        "fails   no map but java.lang.Long",
        "predicate",
        "errors.tolerance",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let explanation = run(&[], r#"{"value": "{"}"#).await;
    let text = explanation.to_string();
    assert!(text.contains("VALUE_CONVERTER value.converter: JsonConverter"), "{text}");
    assert!(text.contains("Set `value.converter`"), "{text}");
}

#[tokio::test]
async fn a_source_ends_with_bytes() {
    let config = [("connector.class", "Orders")];
    let sample = r#"{"topic": "orders", "value": {"schema": {"type": "int32"}, "payload": 5}, "headers": [{"key": "h", "value": 1}]}"#;
    let explanation = run(&config, sample).await;
    let stages: Vec<_> = explanation.stages.iter().map(|stage| stage.stage).collect();
    assert_eq!(stages, ["HEADER_CONVERTER", "KEY_CONVERTER", "VALUE_CONVERTER"]);
    let value = explanation.after.iter().find(|part| part.path == "value bytes").unwrap();
    assert_eq!((value.ty.as_str(), value.text.as_str()), ("1 byte", "5"));
}

#[tokio::test]
async fn without_a_sample_one_is_made_up_that_the_converters_read() {
    for converter in
        ["JsonConverter", "StringConverter", "ByteArrayConverter", "IntegerConverter", "BooleanConverter"]
    {
        let explanation = run(&[("value.converter", converter)], "").await;
        assert!(!explanation.is_failed(), "{explanation}");
        assert!(explanation.sample.starts_with("made up"), "{explanation}");
    }
    let explanation = run(&[("connector.class", "Orders")], "").await;
    assert!(explanation.sample.starts_with("made up"), "{explanation}");
    assert!(!explanation.is_failed(), "{explanation}");
}

#[tokio::test]
async fn secrets_are_hidden_wherever_they_turn_up() {
    let secret = r#"pa"ss-word"#;
    for value in ["{}", "5"] {
        let config = [
            ("connector.class", "Orders"),
            ("transforms", "s"),
            ("transforms.s.type", "Seal"),
            ("transforms.s.secret", secret),
        ];
        let explanation = run(&config, &format!(r#"{{"value": {value}}}"#)).await;
        for text in [explanation.to_string(), explanation.to_json().to_string(), format!("{explanation:?}")] {
            assert!(text.contains("[hidden]"), "{text}");
            assert!(!text.contains("ss-word"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_wrong_configuration_or_sample_is_an_error_that_names_the_place() {
    let worker = WorkerConfig::embedded(&Properties::new()).unwrap();
    let connector = Properties::from([
        ("name", "x"),
        ("connector.class", "Print"),
        ("topics", "t"),
        ("transforms", "a"),
        ("transforms.a.type", "Shufle"),
    ]);
    let error = explain(&plugins(), &worker, &connector, &Sample::made_up()).await.unwrap_err().to_string();
    assert!(error.contains("transforms.a.type") && error.contains("Did you mean Shuffle?"), "{error}");
    for (sample, words) in [
        ("[]", "not a JSON object"),
        ("{", "not valid JSON"),
        (r#"{"partition": "1"}"#, "`partition` must be an integer"),
        (r#"{"headers": {"a": 1}}"#, "`headers` must be a list"),
        (r#"{"headers": [{"name": "a"}]}"#, "a header is"),
    ] {
        let error = Sample::parse(sample).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
