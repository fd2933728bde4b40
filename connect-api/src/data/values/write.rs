//! Values as text.

use super::super::map::KeyRef;
use super::super::{Str, Value, java};
use super::temporal;
use crate::Result;
use crate::data::Schema;

/// The text of a value, from which [`parse_string`](super::parse_string) reads it again as far as the grammar allows.
/// `None`: the value is null. Text stays as it is; inside lists, maps and structs it is quoted, with `\` and `"`
/// escaped. Bytes are Base64. Structs are written as maps, with the defaults of fields that are null.
///
/// The schema is not looked at; it is a parameter as in Kafka's `Values`.
///
/// # Errors
///
/// None at present.
///
/// ```
/// use connect_api::Value;
/// use connect_api::data::{Map, values};
/// let map = Map::from([("a", Value::from(1)), ("b", Value::from("x\"y"))]);
/// let text = values::convert_to_string(None, &map.into())?;
/// assert_eq!(text.as_deref(), Some(r#"{"a":1,"b":"x\"y"}"#));
/// # Ok::<(), connect_api::Error>(())
/// ```
pub fn convert_to_string(_schema: Option<&Schema>, value: &Value) -> Result<Option<Str>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => {
            let mut text = String::new();
            append(&mut text, value, false);
            Ok(Some(text.into()))
        }
    }
}

fn append(out: &mut String, value: &Value, embedded: bool) {
    match value {
        Value::String(text) if embedded => quote(out, text),
        Value::Bytes(bytes) if embedded => quote(out, &java::base64_encode(bytes)),
        Value::Date(date) => temporal::write(out, *date),
        Value::Array(list) => {
            out.push('[');
            for (at, value) in list.values().iter().enumerate() {
                separate(out, at);
                append(out, value, true);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (at, (key, value)) in map.slots().enumerate() {
                separate(out, at);
                match key {
                    KeyRef::Text(key) => quote(out, key),
                    KeyRef::Any(key) => append(out, key, true),
                }
                out.push(':');
                append(out, value, true);
            }
            out.push('}');
        }
        Value::Struct(value) => {
            out.push('{');
            for (at, (field, value)) in value.iter().enumerate() {
                separate(out, at);
                quote(out, field.name());
                out.push(':');
                let default = field.schema().default_value().filter(|_| value.is_null());
                append(out, default.unwrap_or(value), true);
            }
            out.push('}');
        }
        _ => out.push_str(&value.to_string()),
    }
}

fn separate(out: &mut String, at: usize) {
    if at > 0 {
        out.push(',');
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        if matches!(character, '\\' | '"') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}
