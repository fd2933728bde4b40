//! Writing values as JSON.

use connect_api::data::{MapRef, Type, ValueRef, logical};
use connect_api::{Error, Result, Schema, Struct};

use super::parse::MAX_DEPTH;
use super::{base64, number, text};

/// Writes one document.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut Vec<u8>,
    /// Whether null becomes the default of its schema.
    pub(super) replace_null: bool,
    /// Whether decimals are numbers instead of Base64.
    pub(super) numeric: bool,
    pub(super) depth: usize,
}

impl Writer<'_> {
    /// Enters a level of nesting. Java's writer has the same limit.
    #[inline]
    pub(super) fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(too_deep()) } else { Ok(()) }
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    #[inline]
    fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    /// Writes a value that its schema describes, or one without schema.
    pub(super) fn write(&mut self, schema: Option<&Schema>, value: ValueRef<'_>) -> Result<()> {
        match schema {
            Some(schema) => self.typed(schema, value),
            None => self.untyped(value),
        }
    }

    fn untyped(&mut self, value: ValueRef<'_>) -> Result<()> {
        match value {
            ValueRef::Null => self.out.extend_from_slice(b"null"),
            ValueRef::Boolean(value) => self.boolean(value),
            ValueRef::Int8(value) => number::write_int(self.out, value.into()),
            ValueRef::Int16(value) => number::write_int(self.out, value.into()),
            ValueRef::Int32(value) => number::write_int(self.out, value.into()),
            ValueRef::Int64(value) => number::write_int(self.out, value),
            ValueRef::Float32(value) => number::write_f32(self.out, value),
            ValueRef::Float64(value) => number::write_f64(self.out, value),
            ValueRef::String(value) => text::write(self.out, value),
            ValueRef::Bytes(value) => self.bytes(value),
            ValueRef::Array(list) => {
                self.enter()?;
                self.byte(b'[');
                for (index, value) in list.iter().enumerate() {
                    if index > 0 {
                        self.byte(b',');
                    }
                    self.untyped(value)?;
                }
                self.byte(b']');
                self.leave();
            }
            ValueRef::Map(map) => match map.text_entries() {
                Some(entries) => {
                    self.enter()?;
                    self.byte(b'{');
                    for (index, (key, value)) in entries.enumerate() {
                        if index > 0 {
                            self.byte(b',');
                        }
                        text::write(self.out, key);
                        self.byte(b':');
                        self.untyped(value)?;
                    }
                    self.byte(b'}');
                    self.leave();
                }
                None => {
                    let object = map.entries().all(|(key, _)| matches!(key, ValueRef::String(_)));
                    self.map(map, object, None, None)?;
                }
            },
            ValueRef::Struct(_) => return Err(Error::data("Mismatching schema.")),
            other => {
                let class = other.to_value().java_class_name();
                return Err(Error::data(format!(
                    "Java class class {class} does not have corresponding schema type."
                )));
            }
        }
        Ok(())
    }

    fn typed(&mut self, schema: &Schema, value: ValueRef<'_>) -> Result<()> {
        if value.is_null() {
            return match schema.default_value() {
                Some(default) if self.replace_null => self.typed(schema, default.as_ref()),
                _ if schema.is_optional() => {
                    self.out.extend_from_slice(b"null");
                    Ok(())
                }
                _ => Err(Error::data(
                    "Conversion error: null value for field that is required and has no default value",
                )),
            };
        }
        if let Some(name) = schema.name()
            && let Some(done) = self.logical(name, schema, value)
        {
            return done;
        }
        match (schema.ty(), value) {
            (Type::Int8, ValueRef::Int8(value)) => number::write_int(self.out, value.into()),
            (Type::Int16, ValueRef::Int16(value)) => number::write_int(self.out, value.into()),
            (Type::Int32, ValueRef::Int32(value)) => number::write_int(self.out, value.into()),
            (Type::Int64, ValueRef::Int64(value)) => number::write_int(self.out, value),
            (Type::Float32, ValueRef::Float32(value)) => number::write_f32(self.out, value),
            (Type::Float64, ValueRef::Float64(value)) => number::write_f64(self.out, value),
            (Type::Boolean, ValueRef::Boolean(value)) => self.boolean(value),
            (Type::String, ValueRef::String(value)) => text::write(self.out, value),
            (Type::Bytes, ValueRef::Bytes(value)) => self.bytes(value),
            (Type::Array, ValueRef::Array(list)) => {
                let element = schema.value_schema()?;
                self.enter()?;
                self.byte(b'[');
                for (index, value) in list.iter().enumerate() {
                    if index > 0 {
                        self.byte(b',');
                    }
                    self.write(element, value)?;
                }
                self.byte(b']');
                self.leave();
            }
            (Type::Map, ValueRef::Map(map)) => {
                let (keys, values) = (schema.key_schema()?, schema.value_schema()?);
                let Some(key) = keys else {
                    let error = Error::connect("The schema of the map does not say what its keys are");
                    return Err(error.with_java_class("java.lang.NullPointerException"));
                };
                self.map(map, key.ty() == Type::String, keys, values)?;
            }
            (Type::Struct, ValueRef::Struct(value)) => self.structure(schema, value)?,
            (ty, other) => return Err(mismatch(ty, other)),
        }
        Ok(())
    }

    fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn bytes(&mut self, value: &[u8]) {
        self.byte(b'"');
        base64::write(self.out, value);
        self.byte(b'"');
    }

    /// An object, or a list of pairs.
    fn map(
        &mut self,
        map: MapRef<'_>,
        object: bool,
        keys: Option<&Schema>,
        values: Option<&Schema>,
    ) -> Result<()> {
        self.enter()?;
        self.byte(if object { b'{' } else { b'[' });
        for (index, (key, value)) in map.entries().enumerate() {
            if index > 0 {
                self.byte(b',');
            }
            if object {
                self.name(keys, key)?;
                self.byte(b':');
                self.write(values, value)?;
            } else {
                self.enter()?;
                self.byte(b'[');
                self.write(keys, key)?;
                self.byte(b',');
                self.write(values, value)?;
                self.byte(b']');
                self.leave();
            }
        }
        self.byte(if object { b'}' } else { b']' });
        self.leave();
        Ok(())
    }

    /// The name of a member: the text of the key.
    fn name(&mut self, schema: Option<&Schema>, key: ValueRef<'_>) -> Result<()> {
        if let ValueRef::String(name) = key
            && schema.is_none_or(|schema| schema.name().is_none())
        {
            text::write(self.out, name);
            return Ok(());
        }
        let begin = self.out.len();
        self.write(schema, key)?;
        if self.out.get(begin) != Some(&b'"') {
            let name = self.out.split_off(begin);
            self.byte(b'"');
            self.out.extend_from_slice(&name);
            self.byte(b'"');
        }
        Ok(())
    }

    fn structure(&mut self, schema: &Schema, value: &Struct) -> Result<()> {
        if !value.schema().is_same(schema) && value.schema() != schema {
            return Err(Error::data("Mismatching schema."));
        }
        self.enter()?;
        self.byte(b'{');
        for (index, (field, value)) in value.iter().enumerate() {
            if index > 0 {
                self.byte(b',');
            }
            text::write(self.out, field.name());
            self.byte(b':');
            self.typed(field.schema(), value.as_ref())?;
        }
        self.byte(b'}');
        self.leave();
        Ok(())
    }

    /// Writes a value by the logical type that the schema names, if it names one.
    fn logical(&mut self, name: &str, schema: &Schema, value: ValueRef<'_>) -> Option<Result<()>> {
        let date = |what: &str| match value {
            ValueRef::Date(date) => Ok(date),
            other => {
                let class = other.to_value().java_class_name();
                Err(Error::data(format!("Invalid type for {what}, expected Date but was class {class}")))
            }
        };
        let number = match name {
            logical::DATE => {
                date("Date").and_then(|date| logical::date_from_logical(schema, date)).map(i64::from)
            }
            logical::TIME => {
                date("Time").and_then(|date| logical::time_from_logical(schema, date)).map(i64::from)
            }
            logical::TIMESTAMP => {
                date("Timestamp").and_then(|date| logical::timestamp_from_logical(schema, date))
            }
            logical::DECIMAL => return Some(self.decimal(schema, value)),
            _ => return None,
        };
        Some(number.map(|number| number::write_int(self.out, number)))
    }

    fn decimal(&mut self, schema: &Schema, value: ValueRef<'_>) -> Result<()> {
        let ValueRef::Decimal(decimal) = value else {
            let class = value.to_value().java_class_name();
            return Err(Error::data(format!(
                "Invalid type for Decimal, expected BigDecimal but was class {class}"
            )));
        };
        if self.numeric {
            self.out.extend_from_slice(decimal.to_string().as_bytes());
        } else {
            self.bytes(&logical::decimal_from_logical(schema, decimal)?);
        }
        Ok(())
    }
}

#[cold]
fn too_deep() -> Error {
    Error::data("Converting Kafka Connect data to byte[] failed due to serialization error: ")
        .with_source(format!("there are more than {MAX_DEPTH} levels of nesting"))
}

#[cold]
fn mismatch(ty: Type, value: ValueRef<'_>) -> Error {
    let class = value.to_value().java_class_name();
    match ty {
        Type::Bytes => Error::data(format!("Invalid type for bytes type: class {class}")),
        _ => Error::data(format!("Invalid type for {ty}: class {class}")),
    }
}
