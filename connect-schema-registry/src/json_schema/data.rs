//! Values to JSON and back, by their Connect schema.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connect_api::data::{Date, Decimal, Map, Type, ValueRef, logical};
use connect_api::{Bytes, Error, Result, Schema, Struct, Value};

use super::mapping::{self, Mapping};
use crate::json::Json;

/// A value as JSON.
pub(super) fn write(schema: &Schema, value: ValueRef<'_>, mapping: &Mapping) -> Result<Json> {
    let wrong = || {
        let class = value.to_value().java_class_name();
        Error::data(format!("Invalid type for {}: class {class}", schema.ty()))
    };
    if value.is_null() {
        if let Some(default) = schema.default_value().filter(|_| mapping.use_defaults) {
            return write(schema, default.as_ref(), mapping);
        }
        if schema.is_optional() {
            return Ok(Json::Null);
        }
        return Err(Error::data(format!(
            "Conversion error: null value for field that is required: {schema}"
        )));
    }
    match (schema.name(), value) {
        (Some(logical::DATE), ValueRef::Date(date)) => {
            return Ok(Json::Int(logical::date_from_logical(&schema_of(schema, Schema::date), date)?.into()));
        }
        (Some(logical::TIME), ValueRef::Date(date)) => {
            return Ok(Json::Int(logical::time_from_logical(&schema_of(schema, Schema::time), date)?.into()));
        }
        (Some(logical::TIMESTAMP), ValueRef::Date(date)) => return Ok(Json::Int(date.0)),
        (Some(logical::DECIMAL), ValueRef::Decimal(decimal)) => {
            let bytes = logical::decimal_from_logical(schema, decimal)?;
            return Ok(if mapping.numeric_decimals {
                number(decimal)
            } else {
                Json::Text(STANDARD.encode(bytes))
            });
        }
        _ => {}
    }
    Ok(match schema.ty() {
        Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64 => Json::Int(value.as_i64().ok_or_else(wrong)?),
        Type::Float32 => match value {
            ValueRef::Float32(value) => Json::Single(value),
            _ => return Err(wrong()),
        },
        Type::Float64 => Json::Double(value.as_f64().ok_or_else(wrong)?),
        Type::Boolean => Json::Bool(value.as_bool().ok_or_else(wrong)?),
        Type::String => Json::from(value.as_str().ok_or_else(wrong)?),
        Type::Bytes => Json::Text(STANDARD.encode(value.as_bytes().ok_or_else(wrong)?)),
        Type::Array => {
            let items = inner(schema.value_schema()?)?;
            let list = value.as_array().ok_or_else(wrong)?;
            Json::Array(list.iter().map(|value| write(items, value, mapping)).collect::<Result<_>>()?)
        }
        Type::Map => {
            let map = value.as_map().ok_or_else(wrong)?;
            let (keys, values) = (inner(schema.key_schema()?)?, inner(schema.value_schema()?)?);
            let entries = map.entries();
            if keys.ty() == Type::String && !keys.is_optional() {
                let member = |(key, value): (ValueRef<'_>, ValueRef<'_>)| {
                    let key = key.as_str().ok_or_else(|| Error::data("A map's key is no text"))?;
                    Ok((key.to_owned(), write(values, value, mapping)?))
                };
                Json::Object(entries.map(member).collect::<Result<_>>()?)
            } else {
                let pair = |(key, value)| {
                    let key = ("key".to_owned(), write(keys, key, mapping)?);
                    Ok(Json::Object(vec![key, ("value".to_owned(), write(values, value, mapping)?)]))
                };
                Json::Array(entries.map(pair).collect::<Result<_>>()?)
            }
        }
        Type::Struct => {
            let value = value.as_struct().ok_or_else(wrong)?;
            if value.schema().fields()?.len() != schema.fields()?.len() {
                return Err(Error::data("Mismatching struct schema"));
            }
            if schema.name() == Some(mapping::ONE_OF) {
                let chosen = value.iter().find(|(_, value)| !value.is_null());
                return chosen
                    .map_or(Ok(Json::Null), |(field, value)| write(field.schema(), value.as_ref(), mapping));
            }
            let mut members = Vec::new();
            for field in schema.fields()? {
                let found = value.get_without_default(field.index())?;
                let json = write(field.schema(), found.as_ref(), mapping)?;
                // A member that is not required is left out.
                if !(mapping.optional_for_nonrequired && json == Json::Null) {
                    members.push((field.name().to_string(), json));
                }
            }
            Json::Object(members)
        }
    })
}

/// The functions of logical types look at the name only, which this schema has.
fn schema_of(schema: &Schema, or: impl Fn() -> Schema) -> Schema {
    if schema.name().is_some() { schema.clone() } else { or() }
}

fn number(decimal: &Decimal) -> Json {
    match (decimal.scale(), decimal.unscaled_i64()) {
        (0, Some(whole)) => Json::Int(whole),
        _ => Json::Number(decimal.to_plain_string()),
    }
}

fn inner(schema: Option<&Schema>) -> Result<&Schema> {
    schema.ok_or_else(|| Error::data("A list or map does not say what is in it"))
}

/// A value from JSON; without a schema, as plain data.
pub(super) fn read(schema: Option<&Schema>, json: &Json) -> Result<Value> {
    let Some(schema) = schema else { return Ok(plain(json)) };
    let wrong = || {
        let shown: String = json.to_string().chars().take(60).collect();
        Error::data(format!("{shown} does not fit the schema {schema}"))
    };
    if *json == Json::Null {
        return match schema.default_value() {
            Some(default) => Ok(default.clone()),
            None if schema.is_optional() => Ok(Value::Null),
            None => Err(Error::data(format!("Invalid null value for required {} field", schema.ty()))),
        };
    }
    let integer = || match json {
        Json::Int(value) => Ok(*value),
        Json::Double(value) if value.fract() == 0.0 && value.abs() < 9e18 => Ok(*value as i64),
        _ => Err(wrong()),
    };
    match schema.name() {
        Some(logical::DATE) => return Ok(Value::Date(logical::date_to_logical(schema, integer()? as i32)?)),
        Some(logical::TIME) => return Ok(Value::Date(logical::time_to_logical(schema, integer()? as i32)?)),
        Some(logical::TIMESTAMP) => return Ok(Value::Date(Date(integer()?))),
        Some(logical::DECIMAL) => return decimal(schema, json).ok_or_else(wrong),
        _ => {}
    }
    Ok(match schema.ty() {
        // Cut without a check, as Java does it.
        Type::Int8 => Value::Int8(integer()? as i8),
        Type::Int16 => Value::Int16(integer()? as i16),
        Type::Int32 => Value::Int32(integer()? as i32),
        Type::Int64 => Value::Int64(integer()?),
        Type::Float32 => Value::Float32(float(json).ok_or_else(wrong)? as f32),
        Type::Float64 => Value::Float64(float(json).ok_or_else(wrong)?),
        Type::Boolean => match json {
            Json::Bool(value) => Value::Boolean(*value),
            _ => return Err(wrong()),
        },
        Type::String => Value::from(json.as_text().ok_or_else(wrong)?),
        Type::Bytes => Value::Bytes(bytes(json).ok_or_else(wrong)?),
        Type::Array => {
            let items = json.as_array().ok_or_else(wrong)?;
            let element = schema.value_schema()?;
            Value::from(items.iter().map(|item| read(element, item)).collect::<Result<Vec<_>>>()?)
        }
        Type::Map => {
            let (keys, values) = (schema.key_schema()?, schema.value_schema()?);
            let entries: Result<Vec<_>> = match json {
                Json::Object(members) => members
                    .iter()
                    .map(|(key, value)| Ok((Value::from(key.as_str()), read(values, value)?)))
                    .collect(),
                Json::Array(items) => items
                    .iter()
                    .map(|item| {
                        let part = |name| item.get(name).unwrap_or(&Json::Null);
                        Ok((read(keys, part("key"))?, read(values, part("value"))?))
                    })
                    .collect(),
                _ => return Err(wrong()),
            };
            Value::Map(Map::from_entries(entries?))
        }
        Type::Struct if schema.name() == Some(mapping::ONE_OF) => {
            let fields = schema.fields()?;
            let (place, value) = fields
                .iter()
                .enumerate()
                .find_map(|(place, field)| {
                    let value = fits(field.schema(), json).then(|| read(Some(field.schema()), json));
                    value.and_then(Result::ok).map(|value| (place, value))
                })
                .ok_or_else(wrong)?;
            let mut values = vec![Value::Null; fields.len()];
            values[place] = value;
            Value::from(Struct::from_values(schema.clone(), values)?)
        }
        Type::Struct => {
            if !matches!(json, Json::Object(_)) {
                return Err(wrong());
            }
            let values: Result<Vec<Value>> = schema
                .fields()?
                .iter()
                .map(|field| {
                    read(Some(field.schema()), json.get(field.name()).unwrap_or(&Json::Null)).map_err(
                        |error| Error::data(format!("the member {}", field.name())).with_source(error),
                    )
                })
                .collect();
            Value::from(Struct::from_values(schema.clone(), values?)?)
        }
    })
}

/// Whether JSON is of the kind that a schema wants: how a choice is made.
fn fits(schema: &Schema, json: &Json) -> bool {
    match (schema.ty(), json) {
        (Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64, Json::Int(_))
        | (Type::Float32 | Type::Float64, Json::Int(_) | Json::Double(_))
        | (Type::Boolean, Json::Bool(_))
        | (Type::String | Type::Bytes, Json::Text(_))
        | (Type::Array, Json::Array(_))
        | (Type::Map, Json::Object(_) | Json::Array(_)) => true,
        (Type::Bytes, Json::Int(_) | Json::Double(_)) => schema.name() == Some(logical::DECIMAL),
        (Type::Struct, json) if schema.name() == Some(mapping::ONE_OF) => {
            schema.fields().is_ok_and(|fields| fields.iter().any(|field| fits(field.schema(), json)))
        }
        (Type::Struct, Json::Object(members)) => {
            // Every member must have its field, so that the first struct of several does not take them all.
            members.iter().all(|(name, _)| matches!(schema.field(name), Ok(Some(_))))
        }
        _ => false,
    }
}

fn float(json: &Json) -> Option<f64> {
    match json {
        // Java writes what is not finite as text.
        Json::Text(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        json => json.as_f64(),
    }
}

fn bytes(json: &Json) -> Option<Bytes> {
    STANDARD.decode(json.as_text()?).ok().map(Bytes::from)
}

fn decimal(schema: &Schema, json: &Json) -> Option<Value> {
    let scale = logical::decimal_scale(schema).ok()?;
    let text = match json {
        Json::Text(_) => return logical::decimal_to_logical(schema, &bytes(json)?).ok().map(Value::from),
        Json::Int(value) => value.to_string(),
        json => json.to_string(),
    };
    // The number with as many digits behind the point as the schema says, if that loses none.
    let plain = text.parse::<Decimal>().ok()?.strip_trailing_zeros();
    let missing =
        usize::try_from(i64::from(scale) - i64::from(plain.scale())).ok().filter(|zeros| *zeros <= 400)?;
    let digits = plain.unscaled_text() + &"0".repeat(missing);
    let exact: Decimal = digits.parse().ok()?;
    Some(Value::from(Decimal::from_be_bytes(&exact.to_be_bytes(), scale)))
}

fn plain(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(*value),
        Json::Int(value) => Value::Int64(*value),
        Json::Single(value) => Value::Float32(*value),
        Json::Double(value) => Value::Float64(*value),
        Json::Number(text) | Json::Text(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(plain).collect::<Vec<_>>()),
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| (name.as_str(), plain(value)))
            .collect::<Vec<_>>()
            .into_iter()
            .fold(Map::new(), |mut map, (name, value)| {
                map.insert(name, value);
                map
            })
            .into(),
    }
}
