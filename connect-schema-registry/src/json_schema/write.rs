//! Values to JSON, by their Connect schema.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connect_api::data::{Decimal, MapRef, Type, ValueRef, java, logical};
use connect_api::{Error, Result, Schema, Struct};

use super::mapping::{self, DEEPEST, Mapping};
use crate::json::{Json, put_text};

/// Appends a value as JSON.
pub(super) fn write(
    schema: &Schema,
    value: ValueRef<'_>,
    mapping: &Mapping,
    out: &mut Vec<u8>,
) -> Result<()> {
    Writer { mapping, out, depth: 0 }.value(schema, value)
}

/// A value as JSON in a tree, for a default in a schema.
pub(super) fn tree(schema: &Schema, value: ValueRef<'_>, mapping: &Mapping) -> Result<Json> {
    let mut out = Vec::new();
    write(schema, value, mapping, &mut out)?;
    let text = String::from_utf8_lossy(&out);
    // A number is taken over as it was written, with all its digits.
    match out.first() {
        Some(b'-' | b'0'..=b'9') => Ok(Json::Number(text.into_owned())),
        _ => Json::parse(&text).map_err(|error| Error::illegal_state(format!("{text} is no JSON: {error}"))),
    }
}

struct Writer<'a> {
    mapping: &'a Mapping,
    out: &'a mut Vec<u8>,
    depth: usize,
}

impl Writer<'_> {
    fn value(&mut self, schema: &Schema, value: ValueRef<'_>) -> Result<()> {
        if value.is_null() {
            if let Some(default) = schema.default_value().filter(|_| self.mapping.use_defaults) {
                return self.value(schema, default.as_ref());
            }
            if schema.is_optional() {
                self.out.extend_from_slice(b"null");
                return Ok(());
            }
            return Err(Error::data(format!(
                "Conversion error: null value for field that is required: {schema}"
            )));
        }
        match (schema.ty(), value) {
            (Type::String, ValueRef::String(text)) => put_text(text, self.out),
            (Type::Int8, ValueRef::Int8(value)) => self.integer(value.into()),
            (Type::Int16, ValueRef::Int16(value)) => self.integer(value.into()),
            (Type::Int32, ValueRef::Int32(value)) => self.integer(value.into()),
            (Type::Int64, ValueRef::Int64(value)) => self.integer(value),
            (Type::Float32, ValueRef::Float32(value)) => {
                self.float(&java::float_to_string(value), value.is_finite());
            }
            (Type::Float64, ValueRef::Float64(value)) => {
                self.float(&java::double_to_string(value), value.is_finite());
            }
            (Type::Boolean, ValueRef::Boolean(true)) => self.out.extend_from_slice(b"true"),
            (Type::Boolean, ValueRef::Boolean(false)) => self.out.extend_from_slice(b"false"),
            (Type::Bytes, ValueRef::Bytes(bytes)) => self.base64(bytes),
            (_, ValueRef::Date(date)) => match schema.name() {
                Some(logical::DATE) => self.integer(logical::date_from_logical(schema, date)?.into()),
                Some(logical::TIME) => self.integer(logical::time_from_logical(schema, date)?.into()),
                Some(logical::TIMESTAMP) => self.integer(date.0),
                _ => return Err(wrong(schema, value)),
            },
            (Type::Bytes, ValueRef::Decimal(decimal)) if schema.name() == Some(logical::DECIMAL) => {
                let bytes = logical::decimal_from_logical(schema, decimal)?;
                match self.mapping.numeric_decimals {
                    true => self.decimal(decimal),
                    false => self.base64(&bytes),
                }
            }
            (Type::Array, ValueRef::Array(list)) => {
                let items = inner(schema.value_schema()?)?;
                self.enter()?;
                self.out.push(b'[');
                for (index, value) in list.iter().enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    self.value(items, value)?;
                }
                self.out.push(b']');
                self.depth -= 1;
            }
            (Type::Map, ValueRef::Map(map)) => {
                self.enter()?;
                self.map(schema, map)?;
                self.depth -= 1;
            }
            (Type::Struct, ValueRef::Struct(value)) => {
                self.enter()?;
                self.structure(schema, value)?;
                self.depth -= 1;
            }
            _ => return Err(wrong(schema, value)),
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Error::data(format!("The value is nested more than {DEEPEST} levels deep")));
        }
        Ok(())
    }

    fn integer(&mut self, value: i64) {
        // Writing to memory does not fail.
        let _ = write!(self.out, "{value}");
    }

    /// Java writes what is not finite as text.
    fn float(&mut self, text: &str, finite: bool) {
        match finite {
            true => self.out.extend_from_slice(text.as_bytes()),
            false => put_text(text, self.out),
        }
    }

    fn decimal(&mut self, decimal: &Decimal) {
        self.out.extend_from_slice(decimal.to_plain_string().as_bytes());
    }

    fn base64(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        self.out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
        self.out.push(b'"');
    }

    fn map(&mut self, schema: &Schema, map: MapRef<'_>) -> Result<()> {
        let (keys, values) = (inner(schema.key_schema()?)?, inner(schema.value_schema()?)?);
        let object = keys.ty() == Type::String && !keys.is_optional();
        self.out.push(if object { b'{' } else { b'[' });
        for (index, (key, value)) in map.entries().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            if object {
                let key = key.as_str().ok_or_else(|| Error::data("A map's key is no text"))?;
                put_text(key, self.out);
                self.out.push(b':');
                self.value(values, value)?;
            } else {
                self.out.extend_from_slice(b"{\"key\":");
                self.value(keys, key)?;
                self.out.extend_from_slice(b",\"value\":");
                self.value(values, value)?;
                self.out.push(b'}');
            }
        }
        self.out.push(if object { b'}' } else { b']' });
        Ok(())
    }

    fn structure(&mut self, schema: &Schema, value: &Struct) -> Result<()> {
        let fields = schema.fields()?;
        if value.values().len() != fields.len() {
            return Err(Error::data("Mismatching struct schema"));
        }
        if mapping::is_choice(schema) {
            let chosen = fields.iter().zip(value.values()).find(|(_, value)| !value.is_null());
            return match chosen {
                Some((field, value)) => self.value(field.schema(), value.as_ref()),
                None => {
                    self.out.extend_from_slice(b"null");
                    Ok(())
                }
            };
        }
        self.out.push(b'{');
        let mut first = true;
        for (field, value) in fields.iter().zip(value.values()) {
            let before = self.out.len();
            if !first {
                self.out.push(b',');
            }
            put_text(field.name(), self.out);
            self.out.push(b':');
            let start = self.out.len();
            self.value(field.schema(), value.as_ref())?;
            // A member that is not required is left out.
            if self.mapping.optional_for_nonrequired && value.is_null() && self.out[start..] == *b"null" {
                self.out.truncate(before);
            } else {
                first = false;
            }
        }
        self.out.push(b'}');
        Ok(())
    }
}

#[cold]
fn wrong(schema: &Schema, value: ValueRef<'_>) -> Error {
    let class = value.to_value().java_class_name();
    Error::data(format!("Invalid type for {}: class {class}", schema.ty()))
}

fn inner(schema: Option<&Schema>) -> Result<&Schema> {
    schema.ok_or_else(|| Error::data("A list or map does not say what is in it"))
}
