//! Defaults, which are JSON in a schema.

use connect_api::data::{Map, Type, logical};
use connect_api::{Error, Result, Schema, Struct, Value};

use super::names;
use super::schema::{AvroSchema, Id, Kind};
use crate::json::Json;

/// Whether a default may stand at a field of this schema, as Java's library sees it: that of a union must fit its first
/// branch.
pub(crate) fn is_valid_default(schema: &AvroSchema, id: Id, json: &Json) -> bool {
    is_valid(schema, id, json, 0)
}

fn is_valid(schema: &AvroSchema, id: Id, json: &Json, depth: usize) -> bool {
    if depth > 200 {
        return false;
    }
    let below = |id: Id, json: &Json| is_valid(schema, id, json, depth + 1);
    match &schema.node(id).kind {
        Kind::Null => *json == Json::Null,
        Kind::Boolean => matches!(json, Json::Bool(_)),
        Kind::Int => matches!(json, Json::Int(value) if i32::try_from(*value).is_ok()),
        Kind::Long => matches!(json, Json::Int(_)),
        Kind::Float | Kind::Double => number(json).is_some(),
        Kind::Bytes | Kind::String | Kind::Enum(_) | Kind::Fixed(_) => matches!(json, Json::Text(_)),
        Kind::Array(items) => json.as_array().is_some_and(|list| list.iter().all(|item| below(*items, item))),
        Kind::Map(values) => {
            matches!(json, Json::Object(members) if members.iter().all(|(_, value)| below(*values, value)))
        }
        Kind::Union(branches) => branches.first().is_some_and(|first| below(*first, json)),
        Kind::Record(record) => {
            matches!(json, Json::Object(_))
                && record.fields.iter().all(|field| {
                    json.get(&field.name)
                        .or(field.default.as_ref())
                        .is_some_and(|json| below(field.schema, json))
                })
        }
    }
}

/// A floating-point number, which may be text, as Java's library writes those that JSON does not have.
fn number(json: &Json) -> Option<f64> {
    match json {
        Json::Text(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" | "+Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            digits if digits.ends_with(|last: char| last.is_ascii_digit()) => digits.parse().ok(),
            _ => None,
        },
        json => json.as_f64(),
    }
}

/// The same as the default of a field, where Java's library has one type of numbers with a point only.
pub(crate) fn widened(json: Json) -> Json {
    match json {
        Json::Single(value) => Json::Double(value.into()),
        Json::Array(items) => Json::Array(items.into_iter().map(widened).collect()),
        Json::Object(members) => {
            Json::Object(members.into_iter().map(|(name, value)| (name, widened(value))).collect())
        }
        other => other,
    }
}

/// The JSON of a Connect value, for a default.
pub(crate) fn from_connect(schema: &Schema, value: &Value) -> Result<Json> {
    let logical_int = |value: i32| Ok(Json::Int(value.into()));
    match (schema.name(), value) {
        (Some(logical::DATE), Value::Date(date)) => {
            return logical_int(logical::date_from_logical(schema, *date)?);
        }
        (Some(logical::TIME), Value::Date(date)) => {
            return logical_int(logical::time_from_logical(schema, *date)?);
        }
        (Some(logical::TIMESTAMP), Value::Date(date)) => return Ok(Json::Int(date.0)),
        (_, Value::Decimal(decimal)) => {
            return Ok(Json::Text(latin(&logical::decimal_from_logical(schema, decimal)?)));
        }
        _ => {}
    }
    Ok(match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => Json::Bool(*value),
        Value::Int8(value) => Json::Int((*value).into()),
        Value::Int16(value) => Json::Int((*value).into()),
        Value::Int32(value) => Json::Int((*value).into()),
        Value::Int64(value) => Json::Int(*value),
        Value::Float32(value) => Json::Single(*value),
        Value::Float64(value) => Json::Double(*value),
        Value::String(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::Text(latin(bytes)),
        Value::Array(list) => {
            let element = schema.value_schema()?.ok_or_else(|| unusable(schema))?;
            let items = list.iter().map(|item| from_connect(element, &item.to_value()));
            Json::Array(items.collect::<Result<_>>()?)
        }
        Value::Map(map) => {
            let keys = schema.key_schema()?.ok_or_else(|| unusable(schema))?;
            let values = schema.value_schema()?.ok_or_else(|| unusable(schema))?;
            if keys.ty() == Type::String && !keys.is_optional() {
                let member =
                    |(key, value): (connect_api::data::ValueRef<'_>, connect_api::data::ValueRef<'_>)| {
                        let key = key.as_str().ok_or_else(|| unusable(schema))?;
                        Ok((key.to_owned(), from_connect(values, &value.to_value())?))
                    };
                Json::Object(map.entries().map(member).collect::<Result<_>>()?)
            } else {
                let entry =
                    |(key, value): (connect_api::data::ValueRef<'_>, connect_api::data::ValueRef<'_>)| {
                        Ok(Json::Array(vec![
                            from_connect(keys, &key.to_value())?,
                            from_connect(values, &value.to_value())?,
                        ]))
                    };
                Json::Array(map.entries().map(entry).collect::<Result<_>>()?)
            }
        }
        Value::Struct(value) => {
            let member = |(field, value): (&connect_api::data::Field, &Value)| {
                Ok((field.name().to_string(), from_connect(field.schema(), value)?))
            };
            Json::Object(value.iter().map(member).collect::<Result<_>>()?)
        }
        _ => return Err(unusable(schema)),
    })
}

/// The Connect value of a default in a schema, for the Connect schema that was made of it.
pub(crate) fn to_connect(avro: &AvroSchema, id: Id, schema: &Schema, json: &Json) -> Result<Value> {
    if *json == Json::Null {
        return Ok(Value::Null);
    }
    let wrong = || Error::data(format!("Invalid default value {json} for schema {schema}"));
    let node = avro.node(id);
    let int = || json.as_int().filter(|_| !matches!(json, Json::Text(_))).ok_or_else(wrong);
    Ok(match &node.kind {
        Kind::Null => Value::Null,
        Kind::Boolean => match json {
            Json::Bool(value) => Value::Boolean(*value),
            _ => return Err(wrong()),
        },
        Kind::Int => {
            let value = i32::try_from(int()?).map_err(|_| wrong())?;
            match (schema.name(), schema.ty()) {
                (Some(logical::DATE), Type::Int32) => Value::Date(logical::date_to_logical(schema, value)?),
                (Some(logical::TIME), Type::Int32) => Value::Date(logical::time_to_logical(schema, value)?),
                (_, Type::Int8) => Value::Int8(value as i8),
                (_, Type::Int16) => Value::Int16(value as i16),
                _ => Value::Int32(value),
            }
        }
        Kind::Long => match (schema.name(), schema.ty()) {
            (Some(logical::TIMESTAMP), Type::Int64) => {
                Value::Date(logical::timestamp_to_logical(schema, int()?)?)
            }
            _ => Value::Int64(int()?),
        },
        Kind::Float => Value::Float32(number(json).ok_or_else(wrong)? as f32),
        Kind::Double => Value::Float64(number(json).ok_or_else(wrong)?),
        Kind::String | Kind::Enum(_) => Value::from(json.as_text().ok_or_else(wrong)?),
        Kind::Bytes | Kind::Fixed(_) => {
            let text = json.as_text().ok_or_else(wrong)?;
            let bytes: Vec<u8> = text.chars().map(|letter| u8::try_from(letter).unwrap_or(b'?')).collect();
            match schema.name() {
                Some(logical::DECIMAL) => Value::Decimal(logical::decimal_to_logical(schema, &bytes)?),
                _ => Value::from(bytes),
            }
        }
        Kind::Array(items) => {
            // As Java: no default, where it is none of a list or a map.
            let Some(list) = json.as_array() else { return Ok(Value::Null) };
            if let Type::Map = schema.ty() {
                return entries(avro, *items, schema, list).ok_or_else(wrong)?;
            }
            let element = schema.value_schema()?.ok_or_else(wrong)?;
            let list = list.iter().map(|item| to_connect(avro, *items, element, item));
            Value::Array(list.collect::<Result<Vec<_>>>()?.into())
        }
        Kind::Map(values) => {
            let element = schema.value_schema()?.ok_or_else(wrong)?;
            let member = |(key, value): &(String, Json)| {
                Ok((Value::from(key), to_connect(avro, *values, element, value)?))
            };
            let Json::Object(_) = json else { return Ok(Value::Null) };
            Value::Map(Map::from_entries(json.members().iter().map(member).collect::<Result<_>>()?))
        }
        Kind::Union(branches) => {
            let Some(first) = branches.first() else { return Err(wrong()) };
            if !names::is_union(schema) {
                return to_connect(avro, *first, schema, json);
            }
            let Some(field) = schema.fields()?.first() else { return Err(wrong()) };
            let value = to_connect(avro, *first, field.schema(), json)?;
            Value::from(Struct::new(schema.clone())?.with(field, value)?)
        }
        Kind::Record(record) => {
            let mut value = Struct::new(schema.clone())?;
            for field in &record.fields {
                let Some(own) = schema.field(&field.name)? else { continue };
                if let Some(json) = json.get(&field.name).or(field.default.as_ref()) {
                    let converted = to_connect(avro, field.schema, own.schema(), json)?;
                    if !converted.is_null() {
                        value.put(own, converted)?;
                    }
                }
            }
            Value::from(value)
        }
    })
}

/// The default of a map whose keys are no texts: pairs, or records of a key and a value.
fn entries(avro: &AvroSchema, items: Id, schema: &Schema, list: &[Json]) -> Option<Result<Value>> {
    let Kind::Record(record) = &avro.node(items).kind else { return None };
    let part = |name: &str| record.fields.iter().find(|field| field.name == name).map(|field| field.schema);
    let (key_id, value_id) = (part(names::KEY)?, part(names::VALUE)?);
    let (keys, values) = (schema.key_schema().ok()??, schema.value_schema().ok()??);
    let mut entries = Vec::new();
    for item in list {
        let (key, value) = match item {
            Json::Array(pair) => (pair.first()?, pair.get(1)?),
            object => (object.get(names::KEY)?, object.get(names::VALUE)?),
        };
        match (to_connect(avro, key_id, keys, key), to_connect(avro, value_id, values, value)) {
            (Ok(key), Ok(value)) => entries.push((key, value)),
            (Err(error), _) | (_, Err(error)) => return Some(Err(error)),
        }
    }
    Some(Ok(Value::Map(Map::from_entries(entries))))
}

/// Bytes as a text of the letters with these numbers.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn unusable(schema: &Schema) -> Error {
    Error::data(format!("The default value of {schema} cannot be written as JSON"))
}
