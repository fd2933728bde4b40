//! From one type to another.

use connect_api::data::{Type, logical, values};
use connect_api::{Error, Result, Schema, Value};

use crate::java_number::{parse_double, parse_float, parse_int};

/// A value as another type. `None`, for the default of a struct whose fields are cast, is no type that there is.
pub(super) fn cast(schema: Option<&Schema>, value: &Value, to: Option<Type>) -> Result<Value> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let from = match schema {
        Some(schema) => schema.ty(),
        None => type_of(value)?,
    };
    if matches!(from, Type::Array | Type::Map | Type::Struct) {
        return Err(Error::data(format!(
            "Cast transformation does not support casting from {from}; supported types are [INT8, INT16, INT32, INT64, \
             FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES]"
        )));
    }
    let encoded = match schema {
        Some(schema) if to != Some(Type::String) => encoded(schema, value)?,
        _ => None,
    };
    let value = encoded.as_ref().unwrap_or(value);
    Ok(match to {
        Some(Type::Int8) => Value::Int8(integer(value, 8)? as i8),
        Some(Type::Int16) => Value::Int16(integer(value, 16)? as i16),
        Some(Type::Int32) => Value::Int32(integer(value, 32)? as i32),
        Some(Type::Int64) => Value::Int64(integer(value, 64)?),
        Some(Type::Float32) => Value::Float32(float(value)?),
        Some(Type::Float64) => Value::Float64(double(value)?),
        Some(Type::Boolean) => Value::Boolean(boolean(value)?),
        Some(Type::String) => string(value)?,
        other => {
            let other = other.map_or_else(|| "null".to_owned(), |ty| ty.to_string());
            return Err(Error::data(format!("{other} is not supported in the Cast transformation.")));
        }
    })
}

/// The type that a value without schema has.
fn type_of(value: &Value) -> Result<Type> {
    Ok(match value {
        Value::Boolean(_) => Type::Boolean,
        Value::Int8(_) => Type::Int8,
        Value::Int16(_) => Type::Int16,
        Value::Int32(_) => Type::Int32,
        Value::Int64(_) => Type::Int64,
        Value::Float32(_) => Type::Float32,
        Value::Float64(_) => Type::Float64,
        Value::String(_) => Type::String,
        Value::Bytes(_) => Type::Bytes,
        Value::Array(_) => Type::Array,
        Value::Map(_) => Type::Map,
        Value::Struct(_) => Type::Struct,
        other => {
            let class = other.java_class_name();
            return Err(Error::data(format!(
                "Cast transformation was passed a value of type class {class} which is not supported by Connect's data \
                 API"
            )));
        }
    })
}

/// The number that stands for a date, time or timestamp.
fn encoded(schema: &Schema, value: &Value) -> Result<Option<Value>> {
    let date = || value.as_date().ok_or_else(|| not_a_date(value));
    Ok(match schema.name() {
        Some(logical::DATE) => Some(logical::date_from_logical(schema, date()?)?.into()),
        Some(logical::TIME) => Some(logical::time_from_logical(schema, date()?)?.into()),
        Some(logical::TIMESTAMP) => Some(logical::timestamp_from_logical(schema, date()?)?.into()),
        _ => None,
    })
}

/// Data that its schema does not allow. Kafka finds out when it casts the value.
#[cold]
fn not_a_date(value: &Value) -> Error {
    let class = value.java_class_name();
    Error::data(format!(
        "class {class} cannot be cast to class java.util.Date ({class} and java.util.Date are in module java.base of \
         loader 'bootstrap')"
    ))
    .with_java_class("java.lang.ClassCastException")
}

/// An integer, of which the caller takes the low bits. Only texts must be within the limits; floats stop at those of 32
/// bits on their way to less.
fn integer(value: &Value, bits: u32) -> Result<i64> {
    Ok(match value {
        Value::Boolean(value) => (*value).into(),
        Value::Float32(value) if bits < 64 => (*value as i32).into(),
        Value::Float64(value) if bits < 64 => (*value as i32).into(),
        Value::Float32(value) => *value as i64,
        Value::Float64(value) => *value as i64,
        Value::Decimal(value) => value.to_i64_wrapping(),
        Value::BigInteger(value) => value.to_decimal().to_i64_wrapping(),
        Value::String(text) => parse_int(text, bits).map_err(|message| out_of_range(text, message))?,
        other => other.as_i64().ok_or_else(|| unexpected(other))?,
    })
}

fn float(value: &Value) -> Result<f32> {
    Ok(match value {
        Value::Boolean(value) => f32::from(u8::from(*value)),
        Value::Float32(value) => *value,
        Value::Float64(value) => *value as f32,
        Value::Decimal(value) => value.to_f32(),
        Value::BigInteger(value) => value.to_decimal().to_f32(),
        Value::String(text) => parse_float(text).map_err(|message| out_of_range(text, message))?,
        other => other.as_i64().ok_or_else(|| unexpected(other))? as f32,
    })
}

fn double(value: &Value) -> Result<f64> {
    Ok(match value {
        Value::Boolean(value) => u8::from(*value).into(),
        Value::Float32(value) => (*value).into(),
        Value::Float64(value) => *value,
        Value::Decimal(value) => value.to_f64(),
        Value::BigInteger(value) => value.to_decimal().to_f64(),
        Value::String(text) => parse_double(text).map_err(|message| out_of_range(text, message))?,
        other => other.as_i64().ok_or_else(|| unexpected(other))? as f64,
    })
}

fn boolean(value: &Value) -> Result<bool> {
    match value {
        Value::Boolean(value) => Ok(*value),
        Value::String(text) => Ok(text.eq_ignore_ascii_case("true")),
        other => Ok(integer(other, 64)? != 0),
    }
}

fn string(value: &Value) -> Result<Value> {
    Ok(match value {
        Value::String(_) => value.clone(),
        Value::Date(_) => values::convert_to_string(None, value)?.into(),
        other => Value::String(other.to_string().into()),
    })
}

#[cold]
fn out_of_range(text: &str, message: String) -> Error {
    Error::data(format!("Value ({text}) was out of range for requested data type"))
        .with_source(Error::data(message).with_java_class("java.lang.NumberFormatException"))
}

#[cold]
fn unexpected(value: &Value) -> Error {
    Error::data(format!("Unexpected type in Cast transformation: class {}", value.java_class_name()))
}
