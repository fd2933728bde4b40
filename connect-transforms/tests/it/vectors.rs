//! What Apache Kafka Connect's own classes answered, case by case; see `tests/vectors/README.md`.

use connect_api::config::{ConfigDef, DefaultValue};
use connect_api::{Error, Outcome, Plugins, Properties};
use connect_transforms::EXTENSION_KEYS;
use serde_json::Value as Json;

use crate::notation::{read_record, write_record};

pub(crate) fn plugins() -> Plugins {
    let mut plugins = Plugins::default();
    connect_transforms::register(&mut plugins);
    plugins
}

fn cases(text: &str) -> Vec<(Json, Json)> {
    let parse = |line: &str| {
        let mut line: Json = serde_json::from_str(line).unwrap();
        (line["case"].take(), line["expected"].take())
    };
    text.lines().map(parse).collect()
}

/// What our plugin answers: `Ok` as a record or truth value, or the error with its stage.
fn run(plugins: &Plugins, case: &Json) -> Result<Json, (Error, &'static str)> {
    let class = case["class"].as_str().unwrap();
    let config: Properties = case["config"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let mut record = read_record(&case["record"]);
    if case["op"] == "predicate" {
        let predicate = plugins.find_predicate(class).unwrap().configure(&config);
        let predicate = predicate.map_err(|error| (error, "configure"))?;
        return predicate.test(&record).map(Json::from).map_err(|error| (error, "apply"));
    }
    let transformation = plugins.find_transformation(class).unwrap().configure(&config);
    let transformation = transformation.map_err(|error| (error, "configure"))?;
    match transformation.apply(&mut record).map_err(|error| (error, "apply"))? {
        Outcome::Keep => Ok(write_record(&record)),
        Outcome::Drop => Ok(Json::Null),
    }
}

const NO_TIMESTAMP: &str = "Timestamp missing on record: ";

/// Kafka's message as ours would be where the difference is wanted.
fn expected_message(message: &str) -> String {
    message
        .replace("java.util.LinkedHashMap", "java.util.HashMap")
        .replace("org.apache.kafka.connect.transforms.InsertField$InsertionSpec@HASH", "s")
}

/// Whether the records are equal; the order of map entries does not count.
fn same(answer: &Json, expected: &Json) -> bool {
    match (answer.is_object(), expected.is_object()) {
        (true, true) => read_record(answer) == read_record(expected),
        _ => answer == expected,
    }
}

/// Cases that cannot be the same here, with the reason.
fn exempt(case: &Json) -> Option<&'static str> {
    if case["record"]["topic"].is_null() {
        return Some("a topic is never null here");
    }
    None
}

/// How our answer differs from Kafka's.
pub(crate) fn problem(plugins: &Plugins, case: &Json, expected: &Json) -> Option<String> {
    match (run(plugins, case), &expected["error"]) {
        (Ok(answer), Json::Null) if same(&answer, &expected["ok"]) => None,
        (Ok(answer), _) => Some(format!("answered {answer}")),
        (Err((error, stage)), kafkas) => {
            let message = expected_message(kafkas["message"].as_str().unwrap_or_default());
            // How an expression is wrong is said in words of our own.
            let words = message.split_once("Invalid regex: ").map_or(&*message, |(before, _)| before);
            // Kafka prints the whole record, data included.
            let words = if words.starts_with(NO_TIMESTAMP) { NO_TIMESTAMP } else { words };
            let same_words = if kafkas["class"] == "java.lang.NullPointerException" {
                // Kafka's message speaks of its own code, ours of the data.
                !error.message().is_empty()
            } else if words.len() < message.len() {
                error.message().starts_with(words)
            } else {
                // Kafka stops at the first bad key; ours follow, one per line.
                error
                    .message()
                    .strip_prefix(words)
                    .is_some_and(|more| more.is_empty() || more.starts_with('\n'))
            };
            if same_words && kafkas["stage"] == stage && kafkas["class"] == error.java_class() {
                return None;
            }
            Some(format!("failed in {stage} with {}: {}", error.java_class(), error.message()))
        }
    }
}

#[test]
fn every_transformation_and_predicate_answers_as_kafkas_own_class() {
    assert_eq!(compare(include_str!("../vectors/transforms.jsonl")), (327, 1));
}

#[test]
fn odd_fields_are_treated_as_by_kafkas_own_classes() {
    assert_eq!(compare(include_str!("../vectors/fields.jsonl")), (914, 0));
}

#[test]
fn headers_and_schema_metadata_are_as_by_kafkas_own_classes() {
    assert_eq!(compare(include_str!("../vectors/headers.jsonl")), (339, 0));
}

#[test]
fn casts_and_times_are_as_by_kafkas_own_classes() {
    assert_eq!(compare(include_str!("../vectors/casts_and_times.jsonl")), (726, 1));
}

#[test]
fn topics_are_matched_and_renamed_as_by_kafkas_own_classes() {
    assert_eq!(compare(include_str!("../vectors/regexes.jsonl")), (43, 0));
}

/// How many cases were compared, and how many left out.
fn compare(text: &str) -> (usize, usize) {
    let plugins = plugins();
    let (mut compared, mut exempted) = (0, 0);
    let mut wrong = Vec::new();
    for (case, expected) in cases(text) {
        if exempt(&case).is_some() {
            exempted += 1;
            continue;
        }
        compared += 1;
        if let Some(problem) = problem(&plugins, &case, &expected) {
            wrong.push(format!("{case}\n  expected {expected}\n  {problem}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    (compared, exempted)
}

/// A key as the vectors describe it.
fn describe(def: &ConfigDef) -> Vec<Json> {
    let default = |default: &DefaultValue| match default {
        DefaultValue::Value(value) => Json::from(value.to_text()),
        _ => Json::Null,
    };
    def.keys()
        .iter()
        .map(|key| {
            serde_json::json!({
                "name": key.name, "type": key.ty.as_str(), "required": key.is_required(),
                "default_text": default(&key.default), "importance": key.importance.as_str(),
                "validator": key.validator.as_ref().map(ToString::to_string),
            })
        })
        .collect()
}

#[test]
fn every_plugin_has_the_keys_of_kafkas_own_class() {
    let plugins = plugins();
    for (case, expected) in cases(include_str!("../vectors/configdef.jsonl")) {
        let class = case["class"].as_str().unwrap();
        let def = match plugins.find_transformation(class) {
            Ok(plugin) => plugin.config_def(),
            Err(_) => plugins.find_predicate(class).unwrap().config_def(),
        };
        let expected: Vec<Json> = expected["ok"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| {
                let parts = ["name", "type", "required", "default_text", "importance", "validator"];
                parts
                    .iter()
                    .map(|part| ((*part).to_owned(), key[part].clone()))
                    .collect::<serde_json::Map<_, _>>()
            })
            .map(Json::Object)
            .collect();
        let name = class.split('$').next().unwrap();
        let extra: Vec<&str> =
            EXTENSION_KEYS.iter().filter(|(owner, _)| *owner == name).map(|(_, key)| *key).collect();
        let (more, ours): (Vec<Json>, Vec<Json>) =
            describe(&def).into_iter().partition(|key| extra.contains(&key["name"].as_str().unwrap()));
        assert_eq!(more.len(), extra.len(), "{class} has every key that it is said to have");
        assert!(more.iter().all(|key| key["required"] == false), "{class}");
        assert_eq!(ours, expected, "{class}");
    }
}
