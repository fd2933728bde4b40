//! Makes a case smaller while the two programs still differ in the same way.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::compare::{Verdict, compare};
use crate::line::line;
use crate::program::{Program, WINDOW};

/// How often a smaller case is looked for.
const ROUNDS: usize = 150;

/// The two sides.
#[derive(Debug)]
pub(crate) struct Sides<'a> {
    pub(crate) java: &'a Program,
    pub(crate) ours: &'a Program,
}

impl Sides<'_> {
    /// The answers of both to all cases, of which there may be no more than fit into the window.
    pub(crate) fn answers(&self, cases: &[Value]) -> Result<Vec<(Value, Value)>, String> {
        for case in cases {
            let line = line(case);
            self.java.send(&line)?;
            self.ours.send(&line)?;
        }
        cases.iter().map(|case| Ok((self.java.receive(case)?, self.ours.receive(case)?))).collect()
    }
}

/// The smallest case that was found, with the answers of both.
pub(crate) fn shrink(
    sides: &Sides<'_>,
    case: &Value,
    difference: &str,
) -> Result<(Value, Value, Value), String> {
    let mut best = case.clone();
    let mut from = 0;
    for _ in 0..ROUNDS {
        let candidates = candidates(&best);
        if candidates.is_empty() {
            break;
        }
        // Goes on where the last round found something, since what was refused before it is mostly refused again.
        let mut found = None;
        let mut tried = 0;
        while tried < candidates.len() && found.is_none() {
            let count = (WINDOW / 4).min(candidates.len() - tried);
            let batch: Vec<Value> = (tried..tried + count)
                .map(|place| candidates[(from + place) % candidates.len()].clone())
                .collect();
            let answers = sides.answers(&batch)?;
            found = batch.iter().zip(&answers).position(|(case, (java, ours))| {
                compare(case, java, ours) == Verdict::Different(difference.to_owned())
            });
            if let Some(place) = found {
                best = batch[place].clone();
                from = (from + tried + place) % candidates.len();
            }
            tried += count;
        }
        if found.is_none() {
            break;
        }
    }
    let answers = sides.answers(std::slice::from_ref(&best))?.pop();
    let (java, ours) = answers.ok_or("no answer")?;
    Ok((best, java, ours))
}

/// Smaller cases, those first that take away most.
fn candidates(case: &Value) -> Vec<Value> {
    let mut list = Vec::new();
    let mut names = BTreeSet::new();
    field_names(case, &mut names);
    for name in names {
        let mut smaller = case.clone();
        without_field(&mut smaller, &name);
        list.push(smaller);
    }
    let mut places = Vec::new();
    walk(case, String::new(), &mut places);
    for (pointer, size) in &places {
        if pointer.is_empty() || matches!(pointer.as_str(), "/op" | "/class" | "/record" | "/to" | "/payload")
        {
            continue;
        }
        // Without a value a converter with a registry is asked something else.
        if pointer == "/value" && case["op"] == "registry_from_connect" {
            continue;
        }
        let Some(now) = case.pointer(pointer) else { continue };
        for simpler in simpler(now) {
            let mut smaller = case.clone();
            if let Some(place) = smaller.pointer_mut(pointer) {
                *place = simpler;
                list.push(smaller);
            }
        }
        let mut smaller = case.clone();
        if remove(&mut smaller, pointer) {
            list.push(smaller);
        }
        debug_assert!(*size > 0);
    }
    list.retain(|smaller| weight(smaller) < weight(case));
    list.sort_by_cached_key(weight);
    list
}

/// What a case costs to read.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null => 1,
        Value::Bool(_) => 2,
        Value::Number(number) => 2 + number.to_string().len(),
        Value::String(text) => {
            2 + text.chars().map(|letter| if letter.is_ascii_alphanumeric() { 2 } else { 3 }).sum::<usize>()
        }
        Value::Array(items) => 2 + items.iter().map(weight).sum::<usize>(),
        Value::Object(members) => {
            2 + members.iter().map(|(name, value)| 2 + name.len() + weight(value)).sum::<usize>()
        }
    }
}

fn field_names(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| field_names(item, names)),
        Value::Object(members) => {
            if let (Some(Value::String(name)), true) = (members.get("name"), members.contains_key("schema")) {
                names.insert(name.clone());
            }
            members.values().for_each(|member| field_names(member, names));
        }
        _ => {}
    }
}

/// Takes a field out of every schema and every struct at once.
fn without_field(value: &mut Value, field: &str) {
    match value {
        Value::Array(items) => {
            items.retain(|item| !(item["name"] == field && item.get("schema").is_some()));
            items.iter_mut().for_each(|item| without_field(item, field));
        }
        Value::Object(members) => {
            if let Some(Value::Object(fields)) = members.get_mut("struct") {
                fields.remove(field);
            }
            members.values_mut().for_each(|member| without_field(member, field));
        }
        _ => {}
    }
}

fn walk(value: &Value, pointer: String, places: &mut Vec<(String, usize)>) {
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                walk(item, format!("{pointer}/{place}"), places);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                walk(member, format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        _ => {}
    }
    places.push((pointer, weight(value)));
}

fn remove(case: &mut Value, pointer: &str) -> bool {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return false };
    match case.pointer_mut(parent) {
        Some(Value::Object(members)) => members.remove(&last.replace("~1", "/").replace("~0", "~")).is_some(),
        Some(Value::Array(items)) => {
            last.parse().is_ok_and(|place: usize| place < items.len() && !items.remove(place).is_null())
        }
        _ => false,
    }
}

fn simpler(value: &Value) -> Vec<Value> {
    let mut list = Vec::new();
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => {
            list.extend([json!(0), json!(1)]);
            if let Some(number) = number.as_i64() {
                list.extend([json!(number / 2), json!(number / 10)]);
            }
        }
        Value::String(text) => {
            list.extend([json!(""), json!("a"), json!("1"), json!("int8"), json!("string")]);
            let letters: Vec<char> = text.chars().collect();
            if letters.len() > 12 {
                let half = letters.len() / 2;
                list.push(json!(letters[..half].iter().collect::<String>()));
                list.push(json!(letters[half..].iter().collect::<String>()));
            }
            if letters.len() < 200 {
                for skip in 0..letters.len() {
                    let rest: String = letters
                        .iter()
                        .enumerate()
                        .filter(|(place, _)| *place != skip)
                        .map(|(_, letter)| *letter)
                        .collect();
                    list.push(json!(rest));
                }
            }
        }
        Value::Array(items) => {
            list.extend([Value::Null, json!([])]);
            list.extend(items.iter().cloned());
        }
        Value::Object(members) => {
            list.extend([Value::Null, json!("string"), json!("int8"), json!("int8?"), json!("x")]);
            list.push(json!({"schema": null, "value": null}));
            list.push(json!({"struct": {}}));
            if let Some(kind) = members.get("type") {
                list.push(kind.clone());
                if members.contains_key("optional") {
                    list.push(json!(format!("{}?", kind.as_str().unwrap_or_default())));
                }
            }
            list.extend(members.values().filter(|member| member.is_object()).cloned());
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_candidate_is_smaller_and_fields_leave_schema_and_value_together() {
        let case = json!({"op": "x", "schema": {"type": "struct", "fields": [{"name": "a", "schema": "int8"}, {"name": "b", "schema": "int8"}]},
            "value": {"struct": {"a": {"i8": 1}, "b": {"i8": 2}}}});
        let list = candidates(&case);
        assert!(list.iter().all(|smaller| weight(smaller) < weight(&case)));
        assert!(list.contains(
            &json!({"op": "x", "schema": {"type": "struct", "fields": [{"name": "b", "schema": "int8"}]},
            "value": {"struct": {"b": {"i8": 2}}}})
        ));
    }
}
