//! When two answers are the same: results by content, errors by class.

use serde_json::{Value, json};

use crate::scalar;

/// How two answers relate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Equal, and whether both are errors, and whether their messages agree.
    Equal { error: bool, message: bool },
    /// Not equal, in this way.
    Different(String),
    /// The case makes no sense, says one of the programs.
    Unusable(String),
}

/// Compares the answers of Java and ours to a case.
pub(crate) fn compare(case: &Value, java: &Value, ours: &Value) -> Verdict {
    if let Some(why) = java.get("bad_case") {
        return Verdict::Unusable(why.to_string());
    }
    if let Some(why) = ours.get("bad_case") {
        return Verdict::Different(format!("refused: {why}"));
    }
    match (java.get("error"), ours.get("error")) {
        (Some(java), Some(ours)) if java["class"] == ours["class"] || with_registry(case) => {
            Verdict::Equal { error: true, message: java["message"] == ours["message"] }
        }
        (Some(java), Some(ours)) => Verdict::Different(format!("{} instead of {}", short(ours), short(java))),
        (Some(java), None) => Verdict::Different(format!("no {}", short(java))),
        (None, Some(ours)) => Verdict::Different(format!("{} instead of a result", short(ours))),
        (None, None) => match (java.get("ok"), ours.get("ok")) {
            (Some(java), Some(ours)) if same(case, java, ours) => {
                Verdict::Equal { error: false, message: true }
            }
            (Some(_), Some(_)) => Verdict::Different("another result".to_owned()),
            _ if ours.get("skip").is_some() => Verdict::Different("skipped".to_owned()),
            _ => Verdict::Different("no answer".to_owned()),
        },
    }
}

/// Converters with a registry are compared by whether there is an error, since classes of Avro's and Protobuf's
/// libraries are among them.
fn with_registry(case: &Value) -> bool {
    case["op"].as_str().is_some_and(|op| op.starts_with("registry_"))
}

fn short(error: &Value) -> &str {
    let class = error["class"].as_str().unwrap_or("an error without class");
    class.rsplit('.').next().unwrap_or(class)
}

/// Whether two results have the same content.
pub(crate) fn same(case: &Value, java: &Value, ours: &Value) -> bool {
    if java == ours {
        return true;
    }
    let (mut java, mut ours) = (canonical(java), canonical(ours));
    if with_registry(case) {
        for answer in [&mut java, &mut ours] {
            registered(answer, has_big_map(case));
        }
    }
    java == ours || has_big_map(case) && written(&java).is_some_and(|text| Some(text) == written(&ours))
}

/// Schemas by content, and the bytes of maps in no order.
fn registered(answer: &mut Value, big_map: bool) {
    let Some(members) = answer.as_object_mut() else { return };
    if let Some(Value::String(text)) = members.get("schema")
        && members.contains_key("schema_type")
    {
        let content = match serde_json::from_str::<Value>(text) {
            Ok(json) => canonical(&json),
            Err(_) => json!(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        };
        members.insert("schema".to_owned(), content);
    }
    for name in ["written", "references"] {
        if let Some(Value::Array(entries)) = members.get_mut(name) {
            entries.iter_mut().for_each(|entry| registered(entry, false));
            entries.sort_by_cached_key(ToString::to_string);
        }
    }
    if big_map && let Some(mut bytes) = members.get("payload").and_then(|p| scalar::from_base64(p.as_str()?))
    {
        bytes.sort_unstable();
        members.insert("payload".to_owned(), json!(bytes));
    }
}

/// Map entries in an order of their own, floats by their bits.
pub(crate) fn canonical(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Object(members) if members.len() == 1 => {
            let (tag, content) =
                members.iter().next().map_or(("", &Value::Null), |(tag, content)| (tag.as_str(), content));
            match (tag, content) {
                ("map", Value::Array(entries)) => {
                    let mut entries: Vec<Value> = entries.iter().map(canonical).collect();
                    entries.sort_by_cached_key(ToString::to_string);
                    json!({"map": entries})
                }
                ("f32", Value::Number(number)) => {
                    json!({"f32": number.as_f64().map(|number| (number as f32).to_bits())})
                }
                ("f64", Value::Number(number)) => json!({"f64": number.as_f64().map(f64::to_bits)}),
                _ => json!({tag: canonical(content)}),
            }
        }
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, content)| (name.clone(), canonical(content))).collect())
        }
        _ => value.clone(),
    }
}

/// Whether the order of a map's entries could show in a text written from it.
fn has_big_map(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_big_map),
        Value::Object(members) => {
            members.get("map").and_then(Value::as_array).is_some_and(|entries| entries.len() > 1)
                || members.values().any(has_big_map)
        }
        _ => false,
    }
}

/// The bytes or text of a result, in no order, since a map has none.
fn written(result: &Value) -> Option<Vec<u8>> {
    let mut bytes = match result {
        Value::String(text) => text.clone().into_bytes(),
        _ => scalar::from_base64(result.get("bytes")?.as_str()?)?,
    };
    bytes.sort_unstable();
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn different(case: &Value, java: &Value, ours: &Value) -> bool {
        matches!(compare(case, java, ours), Verdict::Different(_))
    }

    #[test]
    fn errors_are_compared_by_class() {
        let error = |class: &str, message: &str| json!({"error": {"class": class, "message": message}});
        assert_eq!(
            compare(&json!({}), &error("a.B", "x"), &error("a.B", "y")),
            Verdict::Equal { error: true, message: false }
        );
        assert!(different(&json!({}), &error("a.B", "x"), &error("a.C", "x")));
        assert!(different(&json!({}), &error("a.B", "x"), &json!({"ok": null})));
        assert!(different(&json!({}), &json!({"ok": null}), &error("a.B", "x")));
    }

    #[test]
    fn map_entries_have_no_order_and_lists_have_one() {
        let ok = |value: Value| json!({"ok": value});
        let case = json!({});
        assert!(!different(
            &case,
            &ok(json!({"map": [["a", true], ["b", null]]})),
            &ok(json!({"map": [["b", null], ["a", true]]}))
        ));
        assert!(different(&case, &ok(json!({"list": ["a", "b"]})), &ok(json!({"list": ["b", "a"]}))));
        assert!(!different(&case, &ok(json!({"f32": 0.1})), &ok(json!({"f32": 0.100_000_001}))));
        assert!(different(&case, &ok(json!({"f64": 0.1})), &ok(json!({"f64": 0.100_000_001}))));
    }

    #[test]
    fn members_written_from_a_map_have_no_order() {
        let bytes = |text: &str| json!({"ok": {"bytes": scalar::base64(text.as_bytes())}});
        let with_map = json!({"value": {"map": [["a", null], ["b", null]]}});
        assert!(!different(&with_map, &bytes("{\"a\":1,\"b\":2}"), &bytes("{\"b\":2,\"a\":1}")));
        assert!(different(&with_map, &bytes("{\"a\":1,\"b\":2}"), &bytes("{\"b\":2,\"a\":2}")));
        assert!(different(&json!({}), &bytes("{\"a\":1,\"b\":2}"), &bytes("{\"b\":2,\"a\":1}")));
    }
}
