//! The differences from Java that are meant, in `known.json`: what each covers, and why it is so.

use serde_json::Value;

use crate::{compare, scalar};

/// One difference on purpose.
#[derive(Debug)]
pub(crate) struct Known {
    /// Its name in reports.
    pub(crate) id: String,
    /// Why a user would accept it.
    pub(crate) reason: String,
    /// Operations that it can show in.
    ops: Vec<String>,
    /// Classes that it can show in, without `$Key` and `$Value`; empty for all.
    classes: Vec<String>,
    /// What the case holds, as text; empty for anything.
    case: String,
    /// What Java answers and what we answer: `ok`, or the class of an error and after a space its message.
    java: String,
    ours: String,
    /// A rule of this file that must hold, too.
    rule: Option<String>,
}

/// All of them.
pub(crate) fn all() -> Result<Vec<Known>, String> {
    read(include_str!("../known.json"))
}

/// Those of converters with a registry.
pub(crate) fn with_registry() -> Result<Vec<Known>, String> {
    read(include_str!("../known-registry.json"))
}

fn read(list: &str) -> Result<Vec<Known>, String> {
    let list: Value = serde_json::from_str(list).map_err(|error| format!("known.json: {error}"))?;
    let entries = list.as_array().ok_or("known.json is no list")?;
    entries.iter().map(Known::read).collect()
}

/// The first entry that covers a difference.
pub(crate) fn covering<'a>(
    known: &'a [Known],
    case: &Value,
    java: &Value,
    ours: &Value,
) -> Option<&'a Known> {
    known.iter().find(|entry| entry.covers(case, java, ours))
}

impl Known {
    fn read(entry: &Value) -> Result<Self, String> {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let list = |name: &str| -> Vec<String> {
            let items = entry[name].as_array().map(Vec::as_slice).unwrap_or_default();
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let known = Self {
            id: text("id"),
            reason: text("reason"),
            ops: list("ops"),
            classes: list("classes"),
            case: text("case"),
            java: text("java"),
            ours: text("ours"),
            rule: entry["rule"].as_str().map(str::to_owned),
        };
        let empty = [&known.id, &known.reason, &known.java, &known.ours].into_iter().any(String::is_empty);
        if empty || known.ops.is_empty() {
            return Err(format!("known.json: an entry needs id, reason, ops, java and ours: {entry}"));
        }
        if let Some(rule) = &known.rule
            && !RULES.iter().any(|(name, _)| name == rule)
        {
            return Err(format!("known.json: there is no rule {rule}"));
        }
        Ok(known)
    }

    fn covers(&self, case: &Value, java: &Value, ours: &Value) -> bool {
        let class = case["class"].as_str().unwrap_or_default().split('$').next().unwrap_or_default();
        self.ops.iter().any(|op| case["op"] == **op)
            && (self.classes.is_empty() || self.classes.iter().any(|known| known == class))
            && (self.case.is_empty() || like(&case.to_string(), &self.case))
            && like(&told(java), &self.java)
            && like(&told(ours), &self.ours)
            && self.rule.as_ref().is_none_or(|wanted| {
                RULES.iter().any(|(name, rule)| name == wanted && rule(case, java, ours))
            })
    }
}

/// `ok`, or class and message of an error.
fn told(answer: &Value) -> String {
    match answer.get("error") {
        Some(error) => {
            let class = error["class"].as_str().unwrap_or_default();
            format!(
                "{} {}",
                class.rsplit('.').next().unwrap_or_default(),
                error["message"].as_str().unwrap_or("null")
            )
        }
        None => answer
            .get("skip")
            .and_then(Value::as_str)
            .map_or_else(|| "ok".to_owned(), |why| format!("skip {why}")),
    }
}

/// Whether the text is the pattern, in which `*` stands for anything.
fn like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(place) = rest.find(part) else { return false };
        rest = &rest[place + part.len()..];
    }
    rest.ends_with(last)
}

type Rule = fn(&Value, &Value, &Value) -> bool;

const RULES: &[(&str, Rule)] = &[
    ("same_numbers", same_numbers),
    ("types_we_have", types_we_have),
    ("bytes_as_text", bytes_as_text),
    ("same_but_hash", same_but_hash),
    ("only_ours_equal", only_ours_equal),
    ("has_byte_ff", has_byte_ff),
    ("null_without_schema", null_without_schema),
    ("same_but_map_defaults", same_but_map_defaults),
    ("map_default_that_fits_not", map_default_that_fits_not),
    ("one_name_twice", one_name_twice),
    ("no_year_of_protobuf", no_year_of_protobuf),
];

/// Whether the results are the same once maps whose keys are not text have no default.
fn same_but_map_defaults(case: &Value, java: &Value, ours: &Value) -> bool {
    let other_keys =
        |map: &serde_json::Map<String, Value>| map.get("keys").is_some_and(|keys| keys != "string");
    same_without_defaults(case, java, ours, other_keys)
}

/// Whether a default in the schema of the case has null where the values of the map are not optional, or something in
/// place of a union or of a map with other keys, and the results are the same without the defaults of maps.
fn map_default_that_fits_not(case: &Value, java: &Value, ours: &Value) -> bool {
    fn has(schema: &Value) -> bool {
        let values = &schema["values"];
        let composed = values.is_array() || values["items"]["name"] == "MapEntry";
        let misfit = schema["type"] == "map"
            && schema["connect.default"]
                .as_object()
                .is_some_and(|default| composed || default.values().any(Value::is_null));
        misfit
            || match schema {
                Value::Array(items) => items.iter().any(has),
                Value::Object(members) => members.values().any(has),
                _ => false,
            }
    }
    has(&case["schema"]) && same_without_defaults(case, java, ours, |_| true)
}

/// Whether the results are the same once these maps have no default.
fn same_without_defaults(
    case: &Value,
    java: &Value,
    ours: &Value,
    maps: fn(&serde_json::Map<String, Value>) -> bool,
) -> bool {
    fn without(value: &Value, maps: fn(&serde_json::Map<String, Value>) -> bool) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| without(item, maps)).collect(),
            Value::Object(members) => {
                let drops = members.get("type").is_some_and(|ty| ty == "map") && maps(members);
                members
                    .iter()
                    .filter(|(name, _)| !(drops && *name == "default"))
                    .map(|(name, member)| (name.clone(), without(member, maps)))
                    .collect()
            }
            other => other.clone(),
        }
    }
    compare::same(case, &without(&java["ok"], maps), &without(&ours["ok"], maps))
}

/// Whether we refuse a date for its year.
fn no_year_of_protobuf(_: &Value, _: &Value, ours: &Value) -> bool {
    let cause = ours["error"]["cause"]["message"].as_str().unwrap_or_default();
    like(cause, "The year * does not fit into google.type.Date")
}

/// Whether two structs of the case have the same name but for their packages.
fn one_name_twice(case: &Value, _: &Value, _: &Value) -> bool {
    fn names(value: &Value, found: &mut Vec<String>) {
        if let Value::Object(members) = value
            && members.get("type").is_some_and(|ty| ty == "struct")
            && let Some(name) = members.get("name").and_then(Value::as_str)
        {
            found.push(name.rsplit('.').next().unwrap_or(name).to_owned());
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| names(item, found)),
            Value::Object(members) => members.values().for_each(|member| names(member, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    names(&case["schema"], &mut found);
    found.sort();
    found.windows(2).any(|pair| pair[0] == pair[1])
}

/// Whether we write null for null where Java fails.
fn null_without_schema(case: &Value, java: &Value, ours: &Value) -> bool {
    case["value"].is_null() && java.get("error").is_some() && ours["ok"]["payload"].is_null()
}

/// Whether the payload has the byte FF, which no text in UTF-8 has.
fn has_byte_ff(case: &Value, _: &Value, _: &Value) -> bool {
    case["bytes"].as_str().and_then(scalar::from_base64).is_some_and(|bytes| bytes.contains(&0xFF))
}

/// Whether the schemas are equal for us alone.
fn only_ours_equal(_: &Value, java: &Value, ours: &Value) -> bool {
    java["ok"]["equal"] == false && ours["ok"]["equal"] == true
}

/// Whether the schemas are equal, or not, for both.
fn same_but_hash(_: &Value, java: &Value, ours: &Value) -> bool {
    java["ok"]["equal"] == ours["ok"]["equal"]
}

/// Whether the results are the same but where Java prints the identity of bytes and we print Base64.
fn bytes_as_text(_: &Value, java: &Value, ours: &Value) -> bool {
    let (java, ours) = (mapped(&java["ok"]), &ours["ok"]);
    !agree(&java, ours, "", texts_agree) && agree(&java, ours, "", identities_agree)
}

/// Whether two texts are the same but for the identities of bytes, and the digits of numbers.
fn identities_agree(java: &str, ours: &str) -> bool {
    let parts = around_identities(java);
    if parts.len() == 1 {
        return texts_agree(java, ours);
    }
    // Numbers may have other digits besides.
    let (shorter, ours_shorter): (Vec<String>, _) =
        (parts.iter().map(|part| rounded(part)).collect(), rounded(ours));
    let shorter: Vec<&str> = shorter.iter().map(String::as_str).collect();
    base64_between(&parts, ours) || base64_between(&shorter, &ours_shorter)
}

/// The text with its numbers as a float knows them.
fn rounded(text: &str) -> String {
    let number = |token: String| match token.parse::<f32>() {
        Ok(number) if token.contains('.') => number.to_string(),
        _ => token,
    };
    tokens(text).into_iter().map(number).collect()
}

/// Every byte as a letter, so that any encoding will do once that of 16 bits is without its zeros and its mark.
fn letters(base64: &str) -> Option<String> {
    let bytes = scalar::from_base64(base64)?;
    let bytes = bytes.strip_prefix(&[0xFE, 0xFF]).unwrap_or(&bytes);
    Some(bytes.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect())
}

/// What stands before, between and after the identities of byte arrays and buffers.
fn around_identities(text: &str) -> Vec<&str> {
    const ARRAY: &str = "[B@";
    const BUFFER: &str = "java.nio.HeapByteBuffer[";
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let array = rest.find(ARRAY).map(|start| {
            let digits = rest[start + ARRAY.len()..].bytes().take_while(u8::is_ascii_hexdigit).count();
            (start, start + ARRAY.len() + digits)
        });
        let buffer = rest.find(BUFFER).and_then(|start| Some((start, start + rest[start..].find(']')? + 1)));
        let Some((start, end)) = array.into_iter().chain(buffer).min() else { break };
        parts.push(&rest[..start]);
        rest = &rest[end..];
    }
    parts.push(rest);
    parts
}

fn base64_between(parts: &[&str], text: &str) -> bool {
    let Some((first, others)) = parts.split_first() else { return text.is_empty() };
    let Some(rest) = text.strip_prefix(first) else { return false };
    if others.is_empty() {
        return rest.is_empty();
    }
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let most = rest.bytes().take_while(|byte| digit(*byte)).count();
    (0..=most).any(|length| base64_between(others, &rest[length..]))
}

/// Whether the results are the same once byte buffers are bytes.
fn types_we_have(case: &Value, java: &Value, ours: &Value) -> bool {
    compare::same(case, &mapped(&java["ok"]), &ours["ok"])
}

fn mapped(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(mapped).collect()),
        Value::Object(members) => members
            .iter()
            .map(|(name, content)| match name.as_str() {
                "bytebuffer" => ("bytes".to_owned(), content.clone()),
                _ => (name.clone(), mapped(content)),
            })
            .collect(),
        _ => value.clone(),
    }
}

/// Whether the results differ only in how many digits texts have for the same floating-point number.
fn same_numbers(_: &Value, java: &Value, ours: &Value) -> bool {
    agree(&mapped(&java["ok"]), &ours["ok"], "", texts_agree)
}

/// Whether two results have the same content, once `texts` has said which of their texts are the same.
fn agree(java: &Value, ours: &Value, tag: &str, texts: fn(&str, &str) -> bool) -> bool {
    match (java, ours) {
        (Value::Array(java), Value::Array(ours)) if tag == "decimal" => {
            let number = |parts: &[Value]| match parts {
                [Value::String(unscaled), scale] => {
                    format!("{unscaled}e{}", -scale.as_i64()?).parse::<f64>().ok()
                }
                _ => None,
            };
            number(java).is_some_and(|java| Some(java) == number(ours))
        }
        (Value::String(java), Value::String(ours)) if tag == "bytes" => {
            match (letters(java), letters(ours)) {
                (Some(java), Some(ours)) => texts(&java, &ours),
                _ => java == ours,
            }
        }
        (Value::String(java), Value::String(ours)) => texts(java, ours),
        (Value::Array(java), Value::Array(ours)) if tag == "map" => {
            // Entries have no order.
            let mut left: Vec<&Value> = ours.iter().collect();
            java.len() == ours.len()
                && java.iter().all(|java| {
                    let found = left.iter().position(|ours| agree(java, ours, "", texts));
                    found.map(|place| left.swap_remove(place)).is_some()
                })
        }
        (Value::Array(java), Value::Array(ours)) => {
            java.len() == ours.len() && java.iter().zip(ours).all(|(java, ours)| agree(java, ours, "", texts))
        }
        (Value::Object(java), Value::Object(ours)) => {
            java.len() == ours.len()
                && java
                    .iter()
                    .all(|(name, java)| ours.get(name).is_some_and(|ours| agree(java, ours, name, texts)))
        }
        _ => java == ours,
    }
}

/// Whether two texts are the same but for the digits of numbers with a point.
fn texts_agree(java: &str, ours: &str) -> bool {
    let (java, ours) = (tokens(java), tokens(ours));
    java.len() == ours.len()
        && java.iter().zip(&ours).all(|(java, ours)| {
            java == ours
                || java.contains('.') && ours.contains('.') && {
                    let single = |text: &str| text.parse::<f32>().ok().map(f32::to_bits);
                    let double = |text: &str| text.parse::<f64>().ok().map(f64::to_bits);
                    // More than nine digits identify a double, fewer may be those of a float.
                    double(java).is_some()
                        && (double(java) == double(ours) || single(java) == single(ours) && ours.len() <= 14)
                }
        })
}

/// The text in pieces that are numbers and pieces that are not.
fn tokens(text: &str) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    let mut in_number = false;
    let mut before = ' ';
    for letter in text.chars() {
        let part = letter.is_ascii_digit()
            || in_number && (letter == '.' || letter == 'E' || letter == '-' && before == 'E');
        match list.last_mut() {
            Some(last) if part == in_number => last.push(letter),
            _ => list.push(letter.to_string()),
        }
        in_number = part;
        before = letter;
    }
    list
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_list_can_be_read_and_names_are_unique() {
        let known: Vec<Known> = all().unwrap().into_iter().chain(with_registry().unwrap()).collect();
        for (place, entry) in known.iter().enumerate() {
            assert!(known[..place].iter().all(|other| other.id != entry.id), "{} twice", entry.id);
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert!(like("DataException field a is wrong", "DataException * is wrong"));
        assert!(like("ok", "ok") && like("ok", "*") && like("abab", "ab*ab"));
        assert!(!like("ok ", "ok") && !like("aba", "ab*ab") && !like("xok", "ok*"));
    }

    #[test]
    fn only_a_default_that_does_not_fit_may_be_another_one() {
        let case = |values: Value, default: Value| {
            json!({"schema": {"type": "array", "items":
            {"type": "map", "values": values, "connect.default": default}}})
        };
        let answer = |default: Value| {
            json!({"ok": {"schema": {"type": "array", "values":
            {"type": "map", "keys": "string", "values": "int32", "default": default}}}})
        };
        let (zero, null) =
            (answer(json!({"map": [["a", {"i32": 0}]]})), answer(json!({"map": [["a", null]]})));
        let covered = |case| map_default_that_fits_not(&case, &zero, &null);
        assert!(covered(case(json!("int"), json!({"a": null}))));
        assert!(covered(case(json!(["boolean"]), json!({"a": true}))));
        let other_keys = json!({"type": "array", "items": {"type": "record", "name": "MapEntry"}});
        assert!(covered(case(other_keys, json!({"a": []}))));
        assert!(!covered(case(json!("int"), json!({"a": 1}))));
        let other = json!({"ok": {"schema": "int32"}});
        assert!(!map_default_that_fits_not(&case(json!("int"), json!({"a": null})), &other, &null));
    }

    #[test]
    fn only_identities_of_bytes_may_be_other_text() {
        let answer = |text: &str| json!({"ok": {"bytes": scalar::base64(text.as_bytes())}});
        let same = |java, ours| bytes_as_text(&Value::Null, &answer(java), &answer(ours));
        assert!(same("[B@1f2e, x]", "YWI=, x]") && same("a[B@1", "a"));
        assert!(same("{b=java.nio.HeapByteBuffer[pos=0 lim=1 cap=1], c=[B@ab}", "{b=YQ==, c=YWI=}"));
        assert!(!same("[B@1f2e, x]", "YWI=, y]") && !same("x", "x") && !same("[B@1", "a b"));
        let cast = |text: &str| json!({"ok": {"value": {"struct": {"a": text}}}});
        let buffer = cast("Struct{b=java.nio.HeapByteBuffer[pos=0 lim=1 cap=1]}");
        assert!(bytes_as_text(&Value::Null, &buffer, &cast("Struct{b=YQ==}")));
        assert!(!bytes_as_text(&Value::Null, &buffer, &cast("Struct{c=YQ==}")));
    }

    #[test]
    fn the_entries_of_a_map_have_no_order_where_digits_differ() {
        let answer = |entries: Value| json!({"ok": {"value": {"map": entries}}});
        let java = answer(json!([["a", "-4.5299999E9"], ["b", {"bytebuffer": "YQ=="}]]));
        assert!(same_numbers(
            &Value::Null,
            &java,
            &answer(json!([["b", {"bytes": "YQ=="}], ["a", "-4.53E9"]]))
        ));
        assert!(!same_numbers(
            &Value::Null,
            &java,
            &answer(json!([["b", {"bytes": "YQ=="}], ["a", "4.53E9"]]))
        ));
    }

    #[test]
    fn only_the_digits_of_one_number_may_differ() {
        assert!(texts_agree("{a=2.0E-3, b=1}", "{a=2.0E-3, b=1}"));
        assert!(texts_agree("[2.2250738585072014E-308]", "[2.2250738585072014E-308]"));
        assert!(texts_agree("x 2.0000000000000001E23", "x 2.0E23"));
        assert!(!texts_agree("x 2.1E23", "x 2.0E23"));
        assert!(!texts_agree("10", "10.0"));
    }
}
