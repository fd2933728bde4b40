//! The examples of the reference pages: `docs/examples/*.jsonl`, one for each line. A test runs them all.

use std::fmt::Write as _;

use connect_api::data::java::base64_decode;
use connect_api::plugins::PluginKind;
use serde_json::Value as Json;

const FILES: [(PluginKind, &str); 4] = [
    (PluginKind::Transformation, include_str!("../../../docs/examples/transformations.jsonl")),
    (PluginKind::Predicate, include_str!("../../../docs/examples/predicates.jsonl")),
    (PluginKind::Converter, include_str!("../../../docs/examples/converters.jsonl")),
    (PluginKind::HeaderConverter, include_str!("../../../docs/examples/header-converters.jsonl")),
];

/// All examples of a kind of plugin: each an object with `plugin`, `about`, `case` and `expected`.
pub(crate) fn of_kind(kind: PluginKind) -> Vec<Json> {
    let text = FILES.iter().find(|(of, _)| *of == kind).map_or("", |(_, text)| text);
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The examples of one plugin, as Markdown.
pub(crate) fn markdown(kind: PluginKind, name: &str) -> String {
    let mut text = String::new();
    let examples = of_kind(kind);
    for (index, example) in examples.iter().filter(|example| example["plugin"] == name).enumerate() {
        let case = &example["case"];
        let about = example["about"].as_str().unwrap_or_default();
        let _ = writeln!(text, "\n{}{about}\n", if index == 0 { "*For example:* " } else { "" });
        let (before, after) = match case["op"].as_str().unwrap_or_default() {
            "transform" => (record(&case["record"]), record(&example["expected"]["ok"])),
            "predicate" => (record(&case["record"]), holds(&example["expected"]["ok"])),
            op if op.ends_with("from_connect") => (data(case), bytes(&example["expected"]["ok"]["bytes"])),
            _ => (bytes(&case["bytes"]), data(&example["expected"]["ok"])),
        };
        if about != "And back." {
            let _ = writeln!(text, "```properties\n{}```\n", properties(kind, case));
        }
        let [first, second] = match kind {
            PluginKind::Predicate => ["record", "answer"],
            _ => ["before", "after"],
        };
        let (before, after) = (indented(&before), indented(&after));
        let _ = writeln!(text, "```text\n{first:6}  {before}\n{second:6}  {after}\n```");
    }
    text
}

fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n        ")
}

/// The settings as they stand in a connector's file.
fn properties(kind: PluginKind, case: &Json) -> String {
    let (list, prefix) = match kind {
        PluginKind::Transformation => ("transforms=example\n", "transforms.example"),
        PluginKind::Predicate => ("predicates=example\n", "predicates.example"),
        PluginKind::HeaderConverter => ("", "header.converter"),
        _ => ("", "value.converter"),
    };
    let own = if list.is_empty() { "" } else { ".type" };
    let mut text = format!("{list}{prefix}{own}={}\n", case["class"].as_str().unwrap_or_default());
    for (key, value) in case["config"].as_object().into_iter().flatten() {
        let _ = writeln!(text, "{prefix}.{key}={}", value.as_str().unwrap_or_default().replace('\\', "\\\\"));
    }
    text
}

fn holds(answer: &Json) -> String {
    if answer == &Json::Bool(true) { "it holds" } else { "it does not hold" }.to_owned()
}

/// Each part that is there on a line.
fn record(record: &Json) -> String {
    if record.is_null() {
        return "nothing: the record is dropped".to_owned();
    }
    let mut text = format!("topic      {}\n", record["topic"].as_str().unwrap_or_default());
    if !record["timestamp"].is_null() {
        let _ = writeln!(text, "timestamp  {}", record["timestamp"]);
    }
    for half in ["key", "value"] {
        let _ = writeln!(text, "{half:9}  {}", data(&record[half]).replace('\n', "\n           "));
    }
    for header in record["headers"].as_array().into_iter().flatten() {
        let _ =
            writeln!(text, "header     {} = {}", header["name"].as_str().unwrap_or_default(), data(header));
    }
    text
}

fn bytes(base64: &Json) -> String {
    let Some(bytes) = base64.as_str().and_then(|text| base64_decode(text.as_bytes())) else {
        return "null".to_owned();
    };
    match String::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text,
        Ok(text) => hex(text.as_bytes()),
        Err(error) => hex(error.as_bytes()),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("bytes {}", digits.join(" "))
}

/// A value, and below it its schema unless that says no more than the value does.
fn data(data: &Json) -> String {
    let shown = value(&data["value"], &data["schema"]);
    match &data["schema"] {
        Json::Null => shown,
        Json::String(short) if short == "string" => shown,
        schema @ Json::String(_) => format!("{shown} ({})", self::schema(schema)),
        full => format!("{shown}\n{}", self::schema(full)),
    }
}

fn value(json: &Json, schema: &Json) -> String {
    let Some((tag, content)) =
        json.as_object().and_then(|object| object.iter().find(|(tag, _)| *tag != "schema"))
    else {
        return json.to_string();
    };
    let list = |list: &Json| list.as_array().cloned().unwrap_or_default();
    match tag.as_str() {
        "bytes" => bytes(content),
        "list" => {
            let items: Vec<String> = list(content).iter().map(|item| value(item, &schema["items"])).collect();
            format!("[{}]", items.join(", "))
        }
        "map" => {
            let entry = |entry: &Json| {
                format!("{}: {}", value(&entry[0], &schema["keys"]), value(&entry[1], &schema["values"]))
            };
            format!("{{{}}}", list(content).iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        "struct" => {
            let field = |field: &Json| {
                let name = field["name"].as_str().unwrap_or_default();
                format!("{name:?}: {}", value(&content[name], &field["schema"]))
            };
            format!("{{{}}}", list(&schema["fields"]).iter().map(field).collect::<Vec<_>>().join(", "))
        }
        _ => content.to_string(),
    }
}

fn schema(json: &Json) -> String {
    if let Some(short) = json.as_str() {
        return short.to_owned();
    }
    let mut text = json["type"].as_str().unwrap_or("any").to_owned();
    if let Some(name) = json["name"].as_str() {
        let _ = write!(text, " {name}");
    }
    if !json["version"].is_null() {
        let _ = write!(text, " version {}", json["version"]);
    }
    match text.split(' ').next() {
        Some("struct") => {
            let field = |field: &Json| {
                format!("{} {}", field["name"].as_str().unwrap_or_default(), schema(&field["schema"]))
            };
            let fields: Vec<String> = json["fields"].as_array().into_iter().flatten().map(field).collect();
            let _ = write!(text, " ({})", fields.join(", "));
        }
        Some("array") => text.push_str(&format!(" of {}", schema(&json["items"]))),
        Some("map") => {
            text.push_str(&format!(" of {} to {}", schema(&json["keys"]), schema(&json["values"])))
        }
        _ => {}
    }
    if json["optional"] == Json::Bool(true) {
        text.push('?');
    }
    text
}

#[cfg(test)]
mod tests {
    use connect_api::plugins::PluginInfo;

    use super::*;
    use crate::plugins::all;

    /// Map entries and the members of JSON have no order.
    fn sorted(json: &Json) -> Json {
        match json {
            Json::Array(list) => list.iter().map(sorted).collect(),
            Json::Object(object) => object
                .iter()
                .map(|(name, inner)| {
                    let mut inner = sorted(inner);
                    if let ("map", Json::Array(entries)) = (name.as_str(), &mut inner) {
                        entries.sort_by_key(ToString::to_string);
                    }
                    if let ("bytes", Some(text)) = (name.as_str(), inner.as_str())
                        && let Ok(json) =
                            serde_json::from_slice::<Json>(&base64_decode(text.as_bytes()).unwrap())
                    {
                        inner = json;
                    }
                    (name.clone(), inner)
                })
                .collect(),
            other => other.clone(),
        }
    }

    #[test]
    fn every_example_comes_out_as_the_page_says() {
        let mut program = equivalence::Program::new();
        for (kind, text) in FILES {
            assert_eq!(of_kind(kind).len(), text.lines().count(), "a line of {kind} is not JSON");
            for example in of_kind(kind) {
                let answer = program.answer(&example["case"].to_string()).to_string();
                let answer: Json = serde_json::from_str(&answer).unwrap();
                assert_eq!(sorted(&answer), sorted(&example["expected"]), "{example}");
            }
        }
    }

    /// Half of what these write is in a registry, which no example shows; the guide has a chapter on them.
    const WITH_REGISTRY: [&str; 3] = ["AvroConverter", "JsonSchemaConverter", "ProtobufConverter"];

    #[test]
    fn every_transformation_predicate_and_converter_has_one() {
        let plugins = all();
        let of = |kind, name: &str| {
            plugins.iter().find(|info: &&PluginInfo| info.kind == kind && info.name == name).cloned()
        };
        for (kind, _) in FILES {
            for example in of_kind(kind) {
                let info = of(kind, example["plugin"].as_str().unwrap()).expect("a plugin of that name");
                assert!(info.aliases.iter().any(|alias| example["case"]["class"] == *alias), "{example}");
            }
            let shown = |info: &&PluginInfo| info.kind == kind && !WITH_REGISTRY.contains(&info.name);
            for info in plugins.iter().filter(shown) {
                assert!(markdown(kind, info.name).contains("*For example:*"), "docs/examples: {}", info.name);
            }
        }
    }
}
