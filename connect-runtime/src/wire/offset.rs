//! Keys and values of the offsets topic and file: schemaless JSON, compared byte by byte.

use std::fmt::Write as _;

use bytes::Bytes;
use connect_api::{Error, OffsetValue, Result, ResultExt, SourceOffset, SourcePartition};
use serde_json::Value as Json;

use super::json::string;

/// `["<connector>",{<partition>}]`.
pub(crate) fn encode_key(connector: &str, partition: &SourcePartition) -> Bytes {
    let mut text = String::from("[");
    string(&mut text, connector);
    text.push(',');
    map(&mut text, partition.iter());
    text.push(']');
    text.into()
}

/// `{<partition>}`.
pub(crate) fn encode_partition(partition: &SourcePartition) -> Bytes {
    let mut text = String::new();
    map(&mut text, partition.iter());
    text.into()
}

/// `{<offset>}`.
pub(crate) fn encode_value(offset: &SourceOffset) -> Bytes {
    let mut text = String::new();
    map(&mut text, offset.iter());
    text.into()
}

/// The connector and partition of a key. A key of another shape is an error that shows it.
pub(crate) fn decode_key(bytes: &[u8]) -> Result<(String, SourcePartition)> {
    let json: Json = serde_json::from_slice(bytes).data_err("read the key of a source offset as JSON")?;
    match json {
        Json::Array(mut parts) if parts.len() == 2 => match (parts.remove(0), parts.remove(0)) {
            (Json::String(connector), Json::Object(partition)) => {
                Ok((connector, SourcePartition::from_entries(entries(partition)?)))
            }
            (first, second) => Err(key_shape(&Json::Array(vec![first, second]))),
        },
        other => Err(key_shape(&other)),
    }
}

/// The offset in a value.
pub(crate) fn decode_value(bytes: &[u8]) -> Result<SourceOffset> {
    match serde_json::from_slice(bytes).data_err("read a source offset as JSON")? {
        Json::Object(offset) => Ok(SourceOffset::from_entries(entries(offset)?)),
        other => Err(Error::data(format!("Offsets must be specified as a Map, but found {other}"))),
    }
}

/// The key as this runtime writes it: Java's maps have their members in another order. A key that is none stays.
pub(crate) fn normalize_key(key: Bytes) -> Bytes {
    match decode_key(&key) {
        Ok((connector, partition)) => encode_key(&connector, &partition),
        Err(_) => key,
    }
}

fn key_shape(json: &Json) -> Error {
    Error::data(format!("the key of a source offset must be [\"connector\", {{partition}}], but is {json}"))
}

/// The members of an object; a value that an offset cannot have is an error that names it.
pub(crate) fn entries(object: serde_json::Map<String, Json>) -> Result<Vec<(String, OffsetValue)>> {
    object
        .into_iter()
        .map(|(key, value)| {
            let value = match value {
                Json::Null => OffsetValue::Null,
                Json::Bool(value) => OffsetValue::Boolean(value),
                Json::String(value) => OffsetValue::from(value),
                Json::Number(number) if number.is_i64() => OffsetValue::Int64(number.as_i64().unwrap_or_default()),
                other => {
                    return Err(Error::data(format!(
                        "Offsets may only contain null, booleans, 64-bit integers and strings as values, but field \
                         {key} contains {other}"
                    )));
                }
            };
            Ok((key, value))
        })
        .collect()
}

fn map<'a>(text: &mut String, entries: impl Iterator<Item = (&'a str, &'a OffsetValue)>) {
    text.push('{');
    for (index, (key, value)) in entries.enumerate() {
        if index > 0 {
            text.push(',');
        }
        string(text, key);
        text.push(':');
        match value {
            OffsetValue::Null => text.push_str("null"),
            OffsetValue::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
            OffsetValue::Int64(value) => {
                let _ = write!(text, "{value}");
            }
            OffsetValue::String(value) => string(text, value.as_str()),
        }
    }
    text.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_the_bytes_that_java_writes() {
        let partition = SourcePartition::of("filename", "a\"\u{1f}.txt");
        assert_eq!(encode_key("local-file", &partition), r#"["local-file",{"filename":"a\"\u001F.txt"}]"#);
        assert_eq!(encode_value(&SourceOffset::of("position", 42)), r#"{"position":42}"#);
    }

    #[test]
    fn what_was_written_is_read_back() {
        let partition = SourcePartition::from_entries([("a", OffsetValue::Null), ("b", true.into())]);
        let key = encode_key("c", &partition);
        assert_eq!(decode_key(&key).unwrap(), ("c".to_owned(), partition));
        let offset = SourceOffset::from_entries([("x", OffsetValue::from("ü\n")), ("y", (-1).into())]);
        assert_eq!(decode_value(&encode_value(&offset)).unwrap(), offset);
    }

    #[test]
    fn a_key_or_value_of_another_shape_is_shown() {
        assert!(decode_key(b"[1,{}]").unwrap_err().to_string().contains("but is [1,{}]"));
        assert!(decode_value(b"{\"a\":1.5}").unwrap_err().to_string().contains("field a contains 1.5"));
    }
}
