//! All vectors, without Java: `vectors/README.md` says where they come from.

use std::collections::BTreeMap;
use std::path::Path;

use connect_api::data::java;
use equivalence::{Json, Program};

/// Why an answer is not Java's, if the case is one of those where that is meant. Each reason is in
/// `docs/src/deviations.md`.
fn exception(case: &Json) -> Option<&'static str> {
    let text = |name: &str| case.text(name).unwrap_or_default();
    let config = |name: &str| case.get("config").and_then(|config| config.text(name));
    let all = case.to_string();
    match text("op").as_str() {
        "transform" | "predicate"
            if case.get("record").is_some_and(|record| record.some("topic").is_none()) =>
        {
            Some("a topic is never null")
        }
        "configdef" => match text("class").as_str() {
            "MirrorSourceConnector"
            | "MirrorCheckpointConnector"
            | "MirrorHeartbeatConnector"
            | "TaskConfig" => Some("there is no such class"),
            "ConnectorConfig" | "SourceConnectorConfig" | "SinkConnectorConfig" => {
                Some("converters and versions are described by what they accept")
            }
            "DistributedConfig" => Some("keys of newer releases are known"),
            "FileStreamSourceConnector" => Some("a batch has at least one line"),
            _ => None,
        },
        "validate" if all.contains("\"bogus\"") && !all.contains("override") => {
            Some("the message about a missing class lists those that there are")
        }
        "validate" if all.contains(".override.") => Some("settings of clients are not described"),
        "validate" if config("topics.regex").as_deref() == Some("[") => {
            Some("what is wrong with a regular expression is said in other words")
        }
        "validate"
            if config("exactly.once.support").is_some()
                || config("transforms.a.predicate").is_some()
                || config("topic.creation.default.replication.factor").is_some()
                    && config("topic.creation.default.partitions").is_none() =>
        {
            Some("validation finds what Kafka finds later or never")
        }
        _ => None,
    }
}

/// Maps without order and numbers by value, so that equal answers are equal.
fn canonical(json: &Json) -> Json {
    match json {
        Json::Integer(number) | Json::Decimal(number) => {
            Json::Text(format!("number {}", number.strip_trailing_zeros()))
        }
        Json::Array(elements) => elements.iter().map(canonical).collect(),
        Json::Object(members) => {
            let entry = |(name, value): &(String, Json)| match (name.as_str(), value) {
                ("map", Json::Array(entries)) => {
                    let mut entries: Vec<Json> = entries.iter().map(canonical).collect();
                    entries.sort_by_cached_key(ToString::to_string);
                    (name.clone(), Json::Array(entries))
                }
                _ => (name.clone(), canonical(value)),
            };
            let mut members: Vec<(String, Json)> = members.iter().map(entry).collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Json::Object(members)
        }
        other => other.clone(),
    }
}

/// JSON that was written from maps without schema has no order of members.
fn same_json(case: &Json, ours: &Json, theirs: &Json) -> bool {
    let parsed = |json: &Json| {
        let bytes = java::base64_decode(json.text("bytes")?.as_bytes())?;
        Json::parse(&String::from_utf8(bytes).ok()?).ok().map(|json| canonical(&json))
    };
    case.some("schema").is_none() && parsed(ours).is_some() && parsed(ours) == parsed(theirs)
}

fn same(case: &Json, ours: &Json, expected: &Json) -> bool {
    // Some files do not say at what stage.
    let staged = expected.get("error").is_some_and(|error| error.get("stage").is_some());
    let error = |answer: &Json| {
        let error = answer.get("error")?;
        let stage = error.text("stage").filter(|_| staged);
        Some((error.text("class"), error.text("message"), stage))
    };
    match (expected.get("ok"), ours.get("ok")) {
        (Some(theirs), Some(ours)) => canonical(ours) == canonical(theirs) || same_json(case, ours, theirs),
        (None, None) => error(expected).is_some() && error(ours) == error(expected),
        _ => false,
    }
}

/// Why only the text of an error is another one.
fn other_words(ours: &Json, expected: &Json) -> Option<&'static str> {
    let (ours, theirs) = (ours.get("error")?, expected.get("error")?);
    if ours.text("class") != theirs.text("class") {
        return None;
    }
    let message = theirs.text("message").unwrap_or_default();
    let class = theirs.text("class").unwrap_or_default();
    match () {
        () if message.contains("@HASH") => Some("Java prints the identity of an object"),
        () if message.contains("Invalid regex: ") => Some("regular expressions are explained in other words"),
        () if class == "java.lang.NullPointerException" => Some("Java says which of its variables is null"),
        () if message.contains("contains no connector type") => Some("the message says what to do"),
        () if message.starts_with("Timestamp missing on record: ") => Some("a record is not printed whole"),
        () if ours.text("message").is_some_and(|ours| ours.starts_with(&format!("{message}\n"))) => {
            Some("all problems of a configuration are reported together")
        }
        () => None,
    }
}

/// Compares a file and answers how many lines it has; the exceptions that were needed are counted by reason.
fn compare(file: &str) -> (usize, BTreeMap<&'static str, usize>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let mut program = Program::new();
    let (mut wrong, mut exceptions) = (Vec::new(), BTreeMap::new());
    for line in text.lines() {
        let line = Json::parse(line).unwrap();
        let (case, expected) = (line.get("case").unwrap(), line.get("expected").unwrap());
        let ours = program.answer(&case.to_string());
        match (same(case, &ours, expected), exception(case).or_else(|| other_words(&ours, expected))) {
            (true, _) => {}
            (false, Some(why)) => *exceptions.entry(why).or_insert(0) += 1,
            (false, None) => wrong.push(format!("{case}\n  expected {expected}\n  ours     {ours}")),
        }
    }
    let count = text.lines().count();
    assert!(wrong.is_empty(), "{file}: {} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
    (count, exceptions)
}

#[test]
fn transformations_and_predicates_answer_as_kafkas() {
    let expected = BTreeMap::from([
        ("a topic is never null", 2),
        ("Java prints the identity of an object", 4),
        ("Java says which of its variables is null", 3),
        ("regular expressions are explained in other words", 1),
        ("a record is not printed whole", 1),
        ("all problems of a configuration are reported together", 1),
    ]);
    assert_eq!(compare("transforms.jsonl"), (601, expected));
    let expected = BTreeMap::from([
        ("Java prints the identity of an object", 6),
        ("Java says which of its variables is null", 14),
        ("regular expressions are explained in other words", 6),
        ("a record is not printed whole", 2),
        ("all problems of a configuration are reported together", 6),
    ]);
    assert_eq!(compare("transforms-more.jsonl"), (1750, expected));
}

#[test]
fn converters_answer_as_kafkas() {
    assert_eq!(compare("converters.jsonl"), (381, BTreeMap::new()));
    let expected = BTreeMap::from([("Java says which of its variables is null", 2)]);
    assert_eq!(compare("json.jsonl"), (490, expected));
}

#[test]
fn header_converters_answer_as_kafkas() {
    assert_eq!(compare("headers.jsonl"), (123, BTreeMap::new()));
}

#[test]
fn values_and_schemas_behave_as_kafkas() {
    assert_eq!(compare("values.jsonl"), (373, BTreeMap::new()));
    assert_eq!(compare("values-random.jsonl"), (1184, BTreeMap::new()));
}

#[test]
fn what_random_cases_once_found_stays_as_kafkas() {
    assert_eq!(compare("found.jsonl"), (32, BTreeMap::new()));
}

#[test]
fn group_protocol_and_offset_file_have_kafkas_bytes() {
    assert_eq!(compare("wire.jsonl"), (64, BTreeMap::new()));
}

#[test]
fn configurations_are_defined_parsed_and_validated_as_kafkas() {
    let expected = BTreeMap::from([
        ("there is no such class", 4),
        ("converters and versions are described by what they accept", 3),
        ("keys of newer releases are known", 1),
        ("a batch has at least one line", 1),
        ("the message about a missing class lists those that there are", 3),
        ("settings of clients are not described", 2),
        ("what is wrong with a regular expression is said in other words", 1),
        ("validation finds what Kafka finds later or never", 3),
        ("the message says what to do", 1),
    ]);
    assert_eq!(compare("configdef.jsonl"), (71, expected));
}
