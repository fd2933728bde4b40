//! The writer.

use std::fmt::{Formatter, Result, Write as _};

use connect_api::data::Decimal;

use super::Json;

pub(super) fn write(json: &Json, f: &mut Formatter<'_>) -> Result {
    match json {
        Json::Null => f.write_str("null"),
        Json::Bool(value) => write!(f, "{value}"),
        Json::Integer(number) | Json::Decimal(number) => plain(number, f),
        Json::Text(text) => string(text, f),
        Json::Array(elements) => {
            f.write_char('[')?;
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    f.write_char(',')?;
                }
                write(element, f)?;
            }
            f.write_char(']')
        }
        Json::Object(members) => {
            f.write_char('{')?;
            for (at, (name, value)) in members.iter().enumerate() {
                if at > 0 {
                    f.write_char(',')?;
                }
                string(name, f)?;
                f.write_char(':')?;
                write(value, f)?;
            }
            f.write_char('}')
        }
    }
}

/// In plain digits, unless that were thousands of zeros.
fn plain(number: &Decimal, f: &mut Formatter<'_>) -> Result {
    match number.scale().unsigned_abs() <= 9999 {
        true => f.write_str(&number.to_plain_string()),
        false => write!(f, "{number}"),
    }
}

fn string(text: &str, f: &mut Formatter<'_>) -> Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\u{8}' => f.write_str("\\b")?,
            '\u{c}' => f.write_str("\\f")?,
            c if c < ' ' => write!(f, "\\u{:04X}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}
