//! A record taken apart into the parts that are compared and shown.

use bytes::Bytes;
use connect_api::data::{Type, java, logical};
use connect_api::header::Header;
use connect_api::{RawHeaders, Record, Schema, SchemaAndValue, Str, Value};

use super::{Change, Part};

impl Part {
    pub(super) fn new(path: impl Into<String>, ty: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), ty: ty.into(), text: text.into() }
    }

    /// What stands in Kafka.
    pub(super) fn bytes(path: impl Into<String>, bytes: Option<&Bytes>) -> Self {
        let Some(bytes) = bytes else { return Self::new(path, "null", "") };
        let ty = match bytes.len() {
            1 => "1 byte".to_owned(),
            count => format!("{count} bytes"),
        };
        let text = match std::str::from_utf8(bytes) {
            Ok(text) if !text.chars().any(|c| c.is_control() && !c.is_whitespace()) => text.to_owned(),
            _ => format!("base64:{}", java::base64_encode(bytes)),
        };
        Self::new(path, ty, text)
    }
}

/// The name of a field behind a path.
pub(super) fn join(path: &str, name: &str) -> String {
    match name.contains(['.', '`', ' ']) || name.is_empty() {
        true => format!("{path}.`{}`", name.replace('`', "\\`")),
        false => format!("{path}.{name}"),
    }
}

/// All parts of a record.
pub(super) fn of_record(record: &Record) -> Vec<Part> {
    let mut parts = coordinates(&record.topic, record.kafka_partition, record.timestamp);
    if let Some(offset) = record.kafka_offset() {
        parts.push(Part::new("offset", "int64", offset.to_string()));
    }
    of_data("key", &record.key, &mut parts);
    of_data("value", &record.value, &mut parts);
    for (header, path) in record.headers.iter().zip(header_paths(record.headers.iter().map(Header::key))) {
        of_data(&path, header.data(), &mut parts);
    }
    parts
}

/// Topic, partition and timestamp, those that are there.
pub(super) fn coordinates(topic: &Str, partition: Option<i32>, timestamp: Option<i64>) -> Vec<Part> {
    let mut parts = vec![Part::new("topic", "string", quoted(topic))];
    parts.extend(partition.map(|partition| Part::new("partition", "int32", partition.to_string())));
    parts.extend(timestamp.map(|timestamp| Part::new("timestamp", "int64", timestamp.to_string())));
    parts
}

/// The headers as Kafka carries them.
pub(super) fn of_raw_headers(headers: &RawHeaders) -> Vec<Part> {
    let paths = header_paths(headers.iter().map(|(key, _)| key));
    headers.iter().zip(paths).map(|((_, bytes), path)| Part::bytes(format!("{path} bytes"), bytes)).collect()
}

/// `header.trace`, one for each; the second of that name is `header.trace[1]`.
pub(super) fn header_paths<'a>(keys: impl Iterator<Item = &'a Str>) -> Vec<String> {
    let mut seen: Vec<&Str> = Vec::new();
    keys.map(|key| {
        let path = join("header", key);
        let before = seen.iter().filter(|other| **other == key).count();
        seen.push(key);
        if before == 0 { path } else { format!("{path}[{before}]") }
    })
    .collect()
}

/// Key, value or the value of a header: itself, and below it the fields of structs and of maps with text keys.
pub(super) fn of_data(path: &str, data: &SchemaAndValue, parts: &mut Vec<Part>) {
    walk(path, data.schema.as_ref(), &data.value, parts);
}

fn walk(path: &str, schema: Option<&Schema>, value: &Value, parts: &mut Vec<Part>) {
    match value {
        Value::Struct(row) => {
            parts.push(Part::new(path, type_text(Some(schema.unwrap_or_else(|| row.schema())), value), ""));
            for (field, value) in row.iter() {
                walk(&join(path, field.name()), Some(field.schema()), value, parts);
            }
        }
        Value::Map(map) if map.text_entries().is_some() => {
            let values = schema
                .filter(|schema| schema.ty() == Type::Map)
                .and_then(|schema| schema.value_schema().ok().flatten());
            parts.push(Part::new(path, type_text(schema, value), ""));
            for (name, value) in map.text_entries().into_iter().flatten() {
                walk(&join(path, name), values, &value.to_value(), parts);
            }
        }
        _ => parts.push(Part::new(path, type_text(schema, value), text(value))),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn type_text(schema: Option<&Schema>, value: &Value) -> String {
    let Some(schema) = schema else { return bare_type(value).to_owned() };
    let mut text = match schema.name() {
        Some(logical::DATE) => "date".to_owned(),
        Some(logical::TIME) => "time".to_owned(),
        Some(logical::TIMESTAMP) => "timestamp".to_owned(),
        Some(logical::DECIMAL) => {
            format!("decimal({})", schema.parameter(logical::SCALE).unwrap_or("?"))
        }
        Some(name) => format!("{} {name}", schema.ty().name()),
        None => schema.ty().name().to_owned(),
    };
    let own_version =
        matches!(schema.name(), Some(logical::DATE | logical::TIME | logical::TIMESTAMP | logical::DECIMAL));
    if let Some(version) = schema.version().filter(|_| !own_version) {
        text.push_str(&format!(" v{version}"));
    }
    for (key, value) in schema.parameters().filter(|(key, _)| *key != logical::SCALE) {
        text.push_str(&format!(" {key}={value}"));
    }
    if let Some(doc) = schema.doc() {
        text.push_str(&format!(" ({doc})"));
    }
    if schema.is_optional() {
        text.push('?');
    }
    if let Some(default) = schema.default_value() {
        text.push_str(&format!(" default {}", self::text(default)));
    }
    text
}

/// The type of a value without schema.
fn bare_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Boolean(_) => "boolean",
        Value::Int8(_) => "int8",
        Value::Int16(_) => "int16",
        Value::Int32(_) => "int32",
        Value::Int64(_) => "int64",
        Value::Float32(_) => "float32",
        Value::Float64(_) => "float64",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Decimal(_) => "decimal",
        Value::Date(_) => "java.util.Date",
        Value::Array(_) => "array",
        Value::Map(_) => "map",
        Value::Struct(_) => "struct",
        _ => "value",
    }
}

/// What is new or different, and what is gone.
pub(super) fn compare(before: &[Part], after: &[Part]) -> (Vec<Change>, Vec<String>) {
    let old = |path: &str| before.iter().find(|part| part.path == path);
    let writes = after
        .iter()
        .filter(|part| old(&part.path) != Some(part))
        .map(|part| Change { before: old(&part.path).cloned(), after: part.clone() })
        .collect();
    let gone = |part: &&Part| !after.iter().any(|other| other.path == part.path);
    (writes, before.iter().filter(gone).map(|part| part.path.clone()).collect())
}
