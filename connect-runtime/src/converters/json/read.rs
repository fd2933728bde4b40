//! Reading JSON by a schema.

use bytes::Bytes;
use connect_api::data::{Array, Decimal, Map, Shape, Type, logical};
use connect_api::{Error, Result, Schema, Struct, Value};

use super::tree::{Kind, Node};
use super::{base64, value};

/// Reads the nodes of one document.
#[derive(Debug)]
pub(super) struct Typed<'a> {
    doc: &'a str,
    /// Holds the document at offset 0, so that long strings can share it.
    payload: &'a Bytes,
    /// Whether null becomes the default of its schema.
    replace_null: bool,
    /// Whether a null was made for a schema that does not allow it. A struct refuses that; outside of one it passes.
    forbidden_null: bool,
}

impl<'a> Typed<'a> {
    pub(super) fn new(doc: &'a str, payload: &'a Bytes, replace_null: bool) -> Self {
        Self { doc, payload, replace_null, forbidden_null: false }
    }

    /// Reads a node, or the null that stands for a missing one.
    pub(super) fn read(&mut self, schema: &Schema, node: Option<Node<'_>>) -> Result<Value> {
        let node = match node {
            Some(node) if !node.is_null() => node,
            _ => return self.null(schema),
        };
        if let Some(name) = schema.name()
            && let Some(value) = logical_value(name, schema, node)
        {
            return value;
        }
        Ok(match schema.ty() {
            Type::Boolean => Value::Boolean(node.kind() == Kind::Boolean(true)),
            Type::Int8 => Value::Int8(node.to_i64() as i8),
            Type::Int16 => Value::Int16(node.to_i64() as i16),
            Type::Int32 => Value::Int32(node.to_i64() as i32),
            Type::Int64 => Value::Int64(node.to_i64()),
            Type::Float32 => Value::Float32(node.to_f32()),
            Type::Float64 => Value::Float64(node.to_f64()),
            Type::String => match node.as_token() {
                Some(token) => Value::String(value::str_of(self.doc, self.payload, token)),
                None => self.nothing(schema),
            },
            Type::Bytes => match node.as_text() {
                Some(text) => {
                    Value::from(base64::read(&text).ok_or_else(|| Error::data("Invalid bytes field"))?)
                }
                None => self.nothing(schema),
            },
            Type::Array => {
                let element = inner(schema.value_schema()?)?;
                let mut values = Vec::new();
                node.try_for_each_element(|node| {
                    values.push(self.read(element, Some(node))?);
                    Ok::<(), Error>(())
                })?;
                Value::Array(Array::from(values))
            }
            Type::Map => self.map(schema, node)?,
            Type::Struct => self.structure(schema, node)?,
        })
    }

    fn null(&self, schema: &Schema) -> Result<Value> {
        match schema.default_value() {
            Some(default) if self.replace_null => Ok(default.clone()),
            _ if schema.is_optional() => Ok(Value::Null),
            _ => Err(Error::data(format!("Invalid null value for required {} field", schema.ty()))),
        }
    }

    /// What a node of the wrong kind reads as.
    fn nothing(&mut self, schema: &Schema) -> Value {
        self.forbidden_null |= !schema.is_optional();
        Value::Null
    }

    fn map(&mut self, schema: &Schema, node: Node<'_>) -> Result<Value> {
        let key_schema = inner(schema.key_schema()?)?;
        let value_schema = inner(schema.value_schema()?)?;
        if key_schema.ty() == Type::String {
            if !matches!(node.kind(), Kind::Object { .. }) {
                let found = node.kind().name();
                return Err(Error::data(format!(
                    "Maps with string fields should be encoded as JSON objects, but found {found}"
                )));
            }
            let members = node.members();
            let mut values = Vec::with_capacity(members.len());
            for (_, node) in &members {
                values.push(self.read(value_schema, Some(*node))?);
            }
            let shape = Shape::new(members.into_iter().map(|(key, _)| key));
            return Ok(Value::Map(Map::with_shape(shape, values)));
        }
        if node.kind() != Kind::Array {
            let found = node.kind().name();
            return Err(Error::data(format!(
                "Maps with non-string fields should be encoded as JSON array of tuples, but found {found}"
            )));
        }
        let mut entries = Vec::new();
        node.try_for_each_element(|entry| {
            if entry.kind() != Kind::Array {
                let found = entry.kind().name();
                return Err(Error::data(format!("Found invalid map entry instead of array tuple: {found}")));
            }
            match entry.elements()[..] {
                [key, value] => {
                    entries.push((self.read(key_schema, Some(key))?, self.read(value_schema, Some(value))?));
                    Ok(())
                }
                ref parts => {
                    let length = parts.len();
                    Err(Error::data(format!(
                        "Found invalid map entry, expected length 2 but found :{length}"
                    )))
                }
            }
        })?;
        Ok(Value::Map(Map::from_entries(entries)))
    }

    fn structure(&mut self, schema: &Schema, node: Node<'_>) -> Result<Value> {
        if !matches!(node.kind(), Kind::Object { .. }) {
            let found = node.kind().name();
            return Err(Error::data(format!("Structs should be encoded as JSON objects, but found {found}")));
        }
        let fields = schema.fields()?;
        let mut values = Vec::with_capacity(fields.len());
        let mut members = node.lookup();
        for field in fields {
            let value = self.read(field.schema(), members.get(field.name()))?;
            if std::mem::take(&mut self.forbidden_null) {
                Struct::new(schema.clone())?.put(field, value.clone())?;
            }
            values.push(value);
        }
        Ok(Value::Struct(Struct::from_checked_values(schema.clone(), values)?))
    }
}

/// A schema that was read from JSON always says what its elements are.
fn inner(schema: Option<&Schema>) -> Result<&Schema> {
    schema.ok_or_else(|| {
        Error::illegal_state("The schema of a list or map that was read from JSON lacks its elements")
    })
}

/// Reads a node by the logical type that the schema names, if it names one, whatever the schema's own type is.
fn logical_value(name: &str, schema: &Schema, node: Node<'_>) -> Option<Result<Value>> {
    Some(match name {
        logical::DECIMAL => decimal(schema, node).map(Value::Decimal),
        logical::DATE => {
            int(node, "Date").and_then(|days| logical::date_to_logical(schema, days)).map(Value::Date)
        }
        logical::TIME => {
            int(node, "Time").and_then(|time| logical::time_to_logical(schema, time)).map(Value::Date)
        }
        logical::TIMESTAMP if node.kind() == Kind::Integer => {
            logical::timestamp_to_logical(schema, node.to_i64()).map(Value::Date)
        }
        logical::TIMESTAMP => {
            let found = node.kind().name();
            Err(Error::data(format!(
                "Invalid type for Timestamp, underlying representation should be integral but was {found}"
            )))
        }
        _ => return None,
    })
}

fn int(node: Node<'_>, what: &str) -> Result<i32> {
    let int = if node.kind() == Kind::Integer { super::number::exact_i32(node.raw()) } else { None };
    int.ok_or_else(|| {
        let found = node.kind().name();
        Error::data(format!(
            "Invalid type for {what}, underlying representation should be integer but was {found}"
        ))
    })
}

fn decimal(schema: &Schema, node: Node<'_>) -> Result<Decimal> {
    if let Some(number) = node.as_decimal() {
        return Ok(number);
    }
    let Some(text) = node.as_text() else {
        let found = node.kind().name();
        return Err(Error::data(format!(
            "Invalid type for Decimal, underlying representation should be numeric or bytes but was {found}"
        )));
    };
    match base64::read(&text) {
        Some(bytes) => logical::decimal_to_logical(schema, &bytes)
            .map_err(|error| Error::data("Invalid bytes for Decimal field").with_source(error)),
        None => Err(Error::data("Invalid bytes for Decimal field")),
    }
}
