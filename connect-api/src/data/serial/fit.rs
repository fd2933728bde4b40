//! A schemaless value into what a schema asks for.

use num_bigint::BigInt;

use super::super::logical::{self, Logical};
use super::super::{Array, Decimal, Map, Schema, Struct, Type, Value};
use super::path::{PathError, PathResult};

/// Brings a value into the form that a schema describes.
pub(super) fn fit(schema: &Schema, value: Value) -> PathResult<Value> {
    if value.is_null() {
        return if schema.is_optional() || schema.default_value().is_some() {
            Ok(Value::Null)
        } else {
            Err(PathError::new(format!("null does not fit in {schema}, which is required")))
        };
    }
    if let Some(logical) = schema.logical() {
        return fit_logical(schema, logical, value);
    }
    match (schema.ty(), value) {
        (Type::Boolean, value @ Value::Boolean(_))
        | (Type::String, value @ Value::String(_))
        | (Type::Bytes, value @ Value::Bytes(_))
        | (Type::Float32, value @ Value::Float32(_))
        | (Type::Float64, value @ Value::Float64(_)) => Ok(value),
        (Type::Bytes, Value::Array(list)) => fit_bytes(schema, &list),
        (Type::Array, Value::Array(list)) => fit_array(schema, list),
        (Type::Map, Value::Map(map)) => fit_map(schema, map),
        (Type::Struct, Value::Struct(value)) if value.schema() == schema => Ok(value.into()),
        (Type::Struct, Value::Struct(value)) => {
            let entries = value.iter().map(|(field, value)| (field.name().clone(), value.clone()));
            fit_struct(schema, entries.collect())
        }
        (Type::Struct, Value::Map(map)) => fit_struct(schema, map),
        (ty, value) => fit_number(ty, &value).ok_or_else(|| misfit(schema, &value)),
    }
}

fn misfit(schema: &Schema, value: &Value) -> PathError {
    match value {
        Value::Array(_) | Value::Map(_) | Value::Struct(_) | Value::Bytes(_) => {
            PathError::new(format!("a {} does not fit in {schema}", value.java_class_name()))
        }
        _ => PathError::new(format!("{value} does not fit in {schema}")),
    }
}

fn fit_number(ty: Type, value: &Value) -> Option<Value> {
    let (integer, float) = (value.as_i64(), value.as_f64());
    Some(match ty {
        Type::Int8 => Value::Int8(integer?.try_into().ok()?),
        Type::Int16 => Value::Int16(integer?.try_into().ok()?),
        Type::Int32 => Value::Int32(integer?.try_into().ok()?),
        Type::Int64 => Value::Int64(integer?),
        Type::Float32 => Value::Float32(float.or(integer.map(|integer| integer as f64))? as f32),
        Type::Float64 => Value::Float64(float.or(integer.map(|integer| integer as f64))?),
        _ => return None,
    })
}

fn fit_logical(schema: &Schema, logical: Logical, value: Value) -> PathResult<Value> {
    let small = value.as_i64().and_then(|number| i32::try_from(number).ok());
    Ok(match (logical, &value) {
        (Logical::Decimal, _) => {
            let number = match &value {
                Value::Decimal(number) => number.clone(),
                Value::String(text) => text.parse()?,
                _ => Decimal::from(value.as_i64().ok_or_else(|| misfit(schema, &value))?),
            };
            rescale(&number, logical::decimal_scale(schema)?).ok_or_else(|| misfit(schema, &value))?.into()
        }
        (_, Value::Date(_)) => value,
        (Logical::Date, _) => {
            logical::date_to_logical(schema, small.ok_or_else(|| misfit(schema, &value))?)?.into()
        }
        (Logical::Time, _) => {
            logical::time_to_logical(schema, small.ok_or_else(|| misfit(schema, &value))?)?.into()
        }
        (Logical::Timestamp, _) => {
            let millis = value.as_i64().ok_or_else(|| misfit(schema, &value))?;
            logical::timestamp_to_logical(schema, millis)?.into()
        }
    })
}

/// The same number at another scale, if that is possible without rounding.
fn rescale(number: &Decimal, scale: i32) -> Option<Decimal> {
    if number.scale() == scale {
        return Some(number.clone());
    }
    let stripped = number.strip_trailing_zeros();
    let more =
        u32::try_from(i64::from(scale) - i64::from(stripped.scale())).ok().filter(|more| *more <= 10_000)?;
    Some(Decimal::from_big(stripped.unscaled().as_ref() * BigInt::from(10).pow(more), scale))
}

fn fit_bytes(schema: &Schema, list: &Array) -> PathResult<Value> {
    let byte = |value: &Value| value.as_i64().and_then(|number| u8::try_from(number).ok());
    let bytes: Option<Vec<u8>> = list.values().iter().map(byte).collect();
    bytes.map(Value::from).ok_or_else(|| PathError::new(format!("a list does not fit in {schema}")))
}

fn fit_array(schema: &Schema, list: Array) -> PathResult<Value> {
    let Some(element) = schema.value_schema()? else {
        return Ok(list.into());
    };
    let fitted = list
        .into_iter()
        .enumerate()
        .map(|(at, value)| fit(element, value).map_err(|error| error.in_element(at)));
    Ok(Array::from(fitted.collect::<PathResult<Vec<Value>>>()?).into())
}

fn fit_map(schema: &Schema, map: Map) -> PathResult<Value> {
    let (Some(keys), Some(values)) = (schema.key_schema()?, schema.value_schema()?) else {
        return Ok(map.into());
    };
    let mut entries = Vec::with_capacity(map.len());
    for (key, value) in map {
        let value = fit(values, value).map_err(|error| error.in_field(&key))?;
        entries.push((fit(keys, key)?, value));
    }
    Ok(Map::from_entries(entries).into())
}

fn fit_struct(schema: &Schema, mut map: Map) -> PathResult<Value> {
    if let Some((unknown, _)) = map.iter().find(|(name, _)| schema.find_field(name).is_none()) {
        return Err(PathError::new(format!("{schema} has no such field")).in_field(unknown));
    }
    let fields = schema.fields()?;
    let mut values = Vec::with_capacity(fields.len());
    for field in fields {
        let value = map.take_value(field.name());
        values.push(fit(field.schema(), value).map_err(|error| error.in_field(field.name()))?);
    }
    Ok(Struct::from_checked_values(schema.clone(), values)?.into())
}
