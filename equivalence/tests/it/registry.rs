//! The vectors of converters with a schema registry. Schemas are compared by content, errors by being there.

use std::collections::BTreeMap;
use std::path::Path;

use connect_api::data::java;
use equivalence::{Json, Program};

/// Schemas and members without order, so that equal answers are equal.
fn canonical(json: &Json) -> Json {
    match json {
        Json::Integer(number) | Json::Decimal(number) => {
            Json::Text(format!("number {}", number.strip_trailing_zeros()))
        }
        Json::Array(elements) => elements.iter().map(canonical).collect(),
        Json::Object(members) => {
            let mut members: Vec<_> = members
                .iter()
                .map(|(name, value)| {
                    let value = match (name.as_str(), value) {
                        ("map", Json::Array(entries)) => sorted(entries.iter().map(canonical).collect()),
                        ("schema", Json::Text(text)) => schema_text(text),
                        ("references" | "written", Json::Array(list)) => {
                            sorted(list.iter().map(canonical).collect())
                        }
                        (_, value) => canonical(value),
                    };
                    (name.clone(), value)
                })
                .collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Json::Object(members)
        }
        other => other.clone(),
    }
}

fn sorted(mut list: Vec<Json>) -> Json {
    list.sort_by_cached_key(ToString::to_string);
    Json::Array(list)
}

/// Avro by content; Protobuf without white space.
fn schema_text(text: &str) -> Json {
    match Json::parse(text) {
        Ok(json) if text.starts_with(['{', '[', '"']) => canonical(&json),
        _ => Json::Text(text.split_whitespace().collect::<Vec<_>>().join(" ")),
    }
}

/// Whether a value has a map of several entries, whose order in the payload is open.
fn has_many(json: Option<&Json>) -> bool {
    match json {
        Some(Json::Array(items)) => items.iter().any(|item| has_many(Some(item))),
        Some(Json::Object(members)) => members
            .iter()
            .any(|(name, value)| (name == "map" && value.children().len() > 1) || has_many(Some(value))),
        _ => false,
    }
}

fn same(case: &Json, ours: &Json, expected: &Json) -> bool {
    let (Some(theirs), Some(ours)) = (expected.get("ok"), ours.get("ok")) else {
        return expected.get("error").is_some() && ours.get("error").is_some();
    };
    let (mut theirs, mut ours) = (canonical(theirs), canonical(ours));
    if has_many(case.get("value")) {
        for answer in [&mut theirs, &mut ours] {
            if let Some(payload) = answer.text("payload") {
                let mut bytes = java::base64_decode(payload.as_bytes()).unwrap();
                bytes.sort_unstable();
                answer.set("payload", java::base64_encode(&bytes));
            }
        }
    }
    theirs == ours
}

#[test]
fn registry_converters_answer_as_javas() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/registry.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let mut program = Program::new();
    let (mut wrong, mut skipped) = (Vec::new(), BTreeMap::<String, usize>::new());
    for line in text.lines() {
        let line = Json::parse(line).unwrap();
        let (case, expected) = (line.get("case").unwrap(), line.get("expected").unwrap());
        let ours = program.answer(&case.to_string());
        if let Some(why) = ours.text("skip") {
            *skipped.entry(why).or_default() += 1;
        } else if !same(case, &ours, expected) {
            wrong.push(format!("{case}\n  expected {expected}\n  ours     {ours}"));
        }
    }
    let count = text.lines().count();
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
    // Each reason is in `docs/src/deviations.md`.
    let expected = [
        ("a Protobuf message is no date, time, decimal or enum by itself", 20),
        ("bytes are one type here", 2),
        ("the schema of a struct that is a default does not contain itself", 3),
        ("what is longer than a fixed is refused here", 2),
    ];
    let skipped: Vec<_> = skipped.iter().map(|(why, count)| (why.as_str(), *count)).collect();
    assert_eq!(skipped, expected);
}
