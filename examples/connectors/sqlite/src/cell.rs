//! What a column holds of a Connect value.

use std::fmt::Write as _;

use connect_api::Value;
use connect_api::data::ValueRef;
use rusqlite::types::Value as Cell;

/// Scalars become SQLite's own; decimals and large integers, which it has not, become text; dates become
/// milliseconds; lists, maps and structs become JSON.
pub(crate) fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Boolean(value) => Cell::Integer(i64::from(*value)),
        Value::Int8(value) => Cell::Integer(i64::from(*value)),
        Value::Int16(value) => Cell::Integer(i64::from(*value)),
        Value::Int32(value) => Cell::Integer(i64::from(*value)),
        Value::Int64(value) => Cell::Integer(*value),
        Value::Float32(value) => Cell::Real(f64::from(*value)),
        Value::Float64(value) => Cell::Real(*value),
        Value::String(value) => Cell::Text(value.as_str().to_owned()),
        Value::Bytes(value) => Cell::Blob(value.to_vec()),
        Value::Decimal(value) => Cell::Text(value.to_string()),
        Value::BigInteger(value) => Cell::Text(value.to_string()),
        Value::Date(value) => Cell::Integer(value.0),
        container => {
            let mut text = String::new();
            json(&mut text, container.as_ref());
            Cell::Text(text)
        }
    }
}

fn json(text: &mut String, value: ValueRef<'_>) {
    // Writing to a string does not fail.
    let _ = match value {
        ValueRef::Boolean(value) => write!(text, "{value}"),
        ValueRef::Int8(value) => write!(text, "{value}"),
        ValueRef::Int16(value) => write!(text, "{value}"),
        ValueRef::Int32(value) => write!(text, "{value}"),
        ValueRef::Int64(value) => write!(text, "{value}"),
        ValueRef::Float32(value) if value.is_finite() => write!(text, "{value}"),
        ValueRef::Float64(value) if value.is_finite() => write!(text, "{value}"),
        ValueRef::String(value) => {
            string(text, value);
            Ok(())
        }
        ValueRef::Bytes(value) => {
            text.push('"');
            for byte in value {
                let _ = write!(text, "{byte:02x}");
            }
            text.push('"');
            Ok(())
        }
        ValueRef::Decimal(value) => write!(text, "\"{value}\""),
        ValueRef::BigInteger(value) => write!(text, "{value}"),
        ValueRef::Date(value) => write!(text, "{}", value.0),
        ValueRef::Array(list) => {
            sequence(text, ['[', ']'], list.iter(), json);
            Ok(())
        }
        ValueRef::Map(map) => {
            sequence(text, ['{', '}'], map.entries(), |text, (key, value)| {
                match key.as_str() {
                    Some(key) => string(text, key),
                    // JSON has no other keys.
                    None => string(text, &key.to_value().to_string()),
                }
                text.push(':');
                json(text, value);
            });
            Ok(())
        }
        ValueRef::Struct(fields) => {
            sequence(text, ['{', '}'], fields.iter(), |text, (field, value)| {
                string(text, field.name());
                text.push(':');
                json(text, value.as_ref());
            });
            Ok(())
        }
        // Null, and numbers that JSON has not.
        _ => write!(text, "null"),
    };
}

fn sequence<T>(
    text: &mut String,
    [open, close]: [char; 2],
    items: impl Iterator<Item = T>,
    mut item: impl FnMut(&mut String, T),
) {
    text.push(open);
    for (index, next) in items.enumerate() {
        if index > 0 {
            text.push(',');
        }
        item(text, next);
    }
    text.push(close);
}

fn string(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use connect_api::Schema;
    use connect_api::data::{Array, Map, Struct};

    use super::*;

    #[test]
    fn scalars_are_sqlites_own() {
        assert_eq!(cell(&Value::Boolean(true)), Cell::Integer(1));
        assert_eq!(cell(&Value::Int8(-1)), Cell::Integer(-1));
        assert_eq!(cell(&Value::Float32(0.5)), Cell::Real(0.5));
        assert_eq!(cell(&Value::from("ü")), Cell::Text("ü".to_owned()));
        assert_eq!(cell(&Value::from(b"\x00\xff".to_vec())), Cell::Blob(vec![0, 255]));
        assert_eq!(cell(&Value::Null), Cell::Null);
    }

    #[test]
    fn containers_are_json() {
        let schema = Schema::structure().field("a\"b", Schema::INT32).build().unwrap();
        let inner = Struct::new(schema).unwrap().with("a\"b", 7).unwrap();
        let list = Array::from(vec![
            Value::Null,
            Value::from(1.5_f64),
            Value::from(b"\x0f".to_vec()),
            Value::from("\n"),
        ]);
        let map = Map::from_entries(vec![
            (Value::from("list"), Value::Array(list)),
            (Value::from(3_i64), Value::Struct(inner)),
        ]);
        let expected = r#"{"list":[null,1.5,"0f","\u000a"],"3":{"a\"b":7}}"#;
        assert_eq!(cell(&Value::Map(map)), Cell::Text(expected.to_owned()));
    }
}
