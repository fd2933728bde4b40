//! Conversions between types.

use super::super::logical::{self, Logical, MILLIS_PER_DAY};
use super::super::{Array, Date, Decimal, Map, Schema, Struct, Type, Value, java};
use super::{convert_to_string, parse_string};
use crate::{Error, Result};

/// Converts to a truth value. `None`: the value is null. Numbers are true unless their whole part is zero.
///
/// # Errors
///
/// A data error when the value is neither a truth value nor a number, nor text that reads as one.
///
/// ```
/// use connect_api::Value;
/// use connect_api::data::values;
/// assert_eq!(values::convert_to_boolean(None, &Value::from("true"))?, Some(true));
/// assert_eq!(values::convert_to_boolean(None, &Value::from(0))?, Some(false));
/// assert!(values::convert_to_boolean(None, &Value::from("yes")).is_err());
/// # Ok::<(), connect_api::Error>(())
/// ```
pub fn convert_to_boolean(schema: Option<&Schema>, value: &Value) -> Result<Option<bool>> {
    match value {
        Value::Null => return Ok(None),
        Value::Boolean(value) => return Ok(Some(*value)),
        Value::String(text) => {
            if let Some(value) = parse_string(text)?.and_then(|parsed| parsed.value.as_bool()) {
                return Ok(Some(value));
            }
        }
        _ => {}
    }
    Ok(Some(as_long(value, schema)? != 0))
}

macro_rules! integers {
    ($($name:ident, $int:ident, $variant:ident, $text:literal;)*) => {$(
        #[doc = concat!("Converts to ", $text, ". `None`: the value is null.")]
        ///
        /// Fractions are cut off, and numbers that are too large lose their high bits, as in Java. Text is read as a
        /// decimal number. Dates give their encoded number, if the schema says which logical type they are.
        ///
        /// # Errors
        ///
        /// A data error when the value is no number.
        pub fn $name(schema: Option<&Schema>, value: &Value) -> Result<Option<$int>> {
            match value {
                Value::Null => Ok(None),
                Value::$variant(value) => Ok(Some(*value)),
                _ => Ok(Some(as_long(value, schema)? as $int)),
            }
        }
    )*};
}
integers! {
    convert_to_byte, i8, Int8, "an 8-bit integer";
    convert_to_short, i16, Int16, "a 16-bit integer";
    convert_to_integer, i32, Int32, "a 32-bit integer";
    convert_to_long, i64, Int64, "a 64-bit integer";
}

/// Converts to a float of single precision. `None`: the value is null. Otherwise as [`convert_to_double`].
///
/// # Errors
///
/// A data error when the value is no number.
pub fn convert_to_float(schema: Option<&Schema>, value: &Value) -> Result<Option<f32>> {
    match value {
        Value::Null => Ok(None),
        Value::Float32(value) => Ok(Some(*value)),
        _ => Ok(Some(as_double(value, schema)? as f32)),
    }
}

/// Converts to a float of double precision. `None`: the value is null. Text is read as a decimal number.
///
/// # Errors
///
/// A data error when the value is no number.
pub fn convert_to_double(schema: Option<&Schema>, value: &Value) -> Result<Option<f64>> {
    match value {
        Value::Null => Ok(None),
        Value::Float64(value) => Ok(Some(*value)),
        _ => Ok(Some(as_double(value, schema)?)),
    }
}

/// Converts to a list: a list as it is, text that reads as one.
///
/// # Errors
///
/// A data error for everything else, also for null.
pub fn convert_to_list(_schema: Option<&Schema>, value: &Value) -> Result<Array> {
    match parsed(value)? {
        Value::Array(list) => Ok(list),
        other => Err(not_convertible(&other, "Schema{ARRAY}")),
    }
}

/// Converts to a map: a map as it is, text that reads as one.
///
/// # Errors
///
/// A data error for everything else, also for null.
pub fn convert_to_map(_schema: Option<&Schema>, value: &Value) -> Result<Map> {
    match parsed(value)? {
        Value::Map(map) => Ok(map),
        other => Err(not_convertible(&other, "Schema{MAP}")),
    }
}

/// Takes a struct as it is.
///
/// # Errors
///
/// A data error for everything else, also for null.
pub fn convert_to_struct(_schema: Option<&Schema>, value: &Value) -> Result<Struct> {
    match value {
        Value::Null => Err(null_value()),
        Value::Struct(value) => Ok(value.clone()),
        other => Err(not_convertible(other, "Schema{STRUCT}")),
    }
}

/// Converts to a day. A timestamp, by its schema, loses its time of day; a date without schema is taken as it is; text
/// is parsed; a number means days since the epoch.
///
/// # Errors
///
/// A data error when the value is null or cannot be converted.
pub fn convert_to_date(schema: Option<&Schema>, value: &Value) -> Result<Date> {
    to_date(&Schema::date(), schema, value)
}

fn to_date(to: &Schema, from: Option<&Schema>, value: &Value) -> Result<Date> {
    let value = parsed(value)?;
    if let Value::Date(date) = value {
        match from.map(Schema::logical) {
            None | Some(Some(Logical::Date)) => return Ok(date),
            Some(Some(Logical::Timestamp)) => {
                return logical::date_to_logical(to, (date.0 / MILLIS_PER_DAY) as i32);
            }
            _ => {}
        }
    }
    logical::date_to_logical(to, as_long(&value, from)? as i32)
}

/// Converts to a time of day. A timestamp, by its schema, loses its day; otherwise as [`convert_to_date`], with numbers
/// meaning milliseconds since midnight.
///
/// # Errors
///
/// A data error when the value is null or cannot be converted, or a number is not within a day.
pub fn convert_to_time(schema: Option<&Schema>, value: &Value) -> Result<Date> {
    to_time(&Schema::time(), schema, value)
}

fn to_time(to: &Schema, from: Option<&Schema>, value: &Value) -> Result<Date> {
    let value = parsed(value)?;
    if let Value::Date(date) = value {
        match from.map(Schema::logical) {
            None | Some(Some(Logical::Time)) => return Ok(date),
            Some(Some(Logical::Timestamp)) => {
                return logical::time_to_logical(to, date.0.rem_euclid(MILLIS_PER_DAY) as i32);
            }
            _ => {}
        }
    }
    logical::time_to_logical(to, as_long(&value, from)? as i32)
}

/// Converts to an instant. A day, by its schema, gives its midnight; a time of day gives that time on the first day;
/// otherwise as [`convert_to_date`], with numbers meaning milliseconds since the epoch.
///
/// # Errors
///
/// A data error when the value is null or cannot be converted.
pub fn convert_to_timestamp(schema: Option<&Schema>, value: &Value) -> Result<Date> {
    to_timestamp(&Schema::timestamp(), schema, value)
}

fn to_timestamp(to: &Schema, from: Option<&Schema>, value: &Value) -> Result<Date> {
    let value = parsed(value)?;
    if let (Value::Date(date), from) = (&value, from) {
        match (from, from.map(Schema::logical)) {
            (None, _) | (_, Some(Some(Logical::Timestamp))) => return Ok(*date),
            (Some(from), Some(Some(Logical::Date))) => {
                let days = logical::date_from_logical(from, *date)?;
                return logical::timestamp_to_logical(to, i64::from(days) * MILLIS_PER_DAY);
            }
            (Some(from), Some(Some(Logical::Time))) => {
                let millis = logical::time_from_logical(from, *date)?;
                return logical::timestamp_to_logical(to, millis.into());
            }
            _ => {}
        }
    }
    logical::timestamp_to_logical(to, as_long(&value, from)?)
}

/// Converts to a decimal. Bytes are an unscaled number of this scale; a decimal is taken as it is, whatever its scale;
/// other numbers pass through a double; text is read as a decimal number.
///
/// # Errors
///
/// A data error when the value is null or no number.
pub fn convert_to_decimal(_schema: Option<&Schema>, value: &Value, scale: i32) -> Result<Decimal> {
    to_decimal(&Schema::decimal(scale), value)
}

fn to_decimal(to: &Schema, value: &Value) -> Result<Decimal> {
    match value {
        Value::Null => Err(null_value()),
        Value::Bytes(bytes) => logical::decimal_to_logical(to, bytes),
        Value::Decimal(value) => Ok(value.clone()),
        Value::String(text) => text.parse(),
        _ => match number_as_double(value) {
            Some(number) => java::double_to_string(number).parse(),
            None => Err(not_convertible(value, &to.to_string())),
        },
    }
}

/// Converts to whatever the schema says, for the elements of parsed lists and maps.
pub(super) fn convert_to(to: &Schema, value: &Value) -> Result<Value> {
    if value.is_null() {
        return if to.is_optional() { Ok(Value::Null) } else { Err(null_value()) };
    }
    Ok(match (to.ty(), to.logical()) {
        (Type::Bytes, Some(Logical::Decimal)) => to_decimal(to, value)?.into(),
        (Type::Bytes, _) => match value {
            Value::Bytes(_) => value.clone(),
            other => return Err(not_convertible(other, &to.to_string())),
        },
        (Type::Int32, Some(Logical::Date)) => to_date(to, None, value)?.into(),
        (Type::Int32, Some(Logical::Time)) => to_time(to, None, value)?.into(),
        (Type::Int64, Some(Logical::Timestamp)) => to_timestamp(to, None, value)?.into(),
        (Type::String, _) => convert_to_string(None, value)?.into(),
        (Type::Boolean, _) => convert_to_boolean(None, value)?.into(),
        (Type::Int8, _) => convert_to_byte(None, value)?.into(),
        (Type::Int16, _) => convert_to_short(None, value)?.into(),
        (Type::Int32, _) => convert_to_integer(None, value)?.into(),
        (Type::Int64, _) => convert_to_long(None, value)?.into(),
        (Type::Float32, _) => convert_to_float(None, value)?.into(),
        (Type::Float64, _) => convert_to_double(None, value)?.into(),
        (Type::Array, _) => convert_to_list(None, value)?.into(),
        (Type::Map, _) => convert_to_map(None, value)?.into(),
        (Type::Struct, _) => convert_to_struct(None, value)?.into(),
    })
}

/// Text is parsed, everything else taken as it is.
fn parsed(value: &Value) -> Result<Value> {
    let value = match value {
        Value::String(text) => parse_string(text)?.unwrap_or_default().value,
        other => other.clone(),
    };
    if value.is_null() { Err(null_value()) } else { Ok(value) }
}

fn as_long(value: &Value, from: Option<&Schema>) -> Result<i64> {
    let mut cause = None;
    match value {
        Value::Float32(value) => return Ok(*value as i64),
        Value::Float64(value) => return Ok(*value as i64),
        Value::Decimal(value) => return Ok(value.to_i64_wrapping()),
        Value::BigInteger(value) => return Ok(value.to_decimal().to_i64_wrapping()),
        Value::String(text) => match text.parse::<Decimal>() {
            Ok(number) => return Ok(number.to_i64_wrapping()),
            Err(error) => cause = Some(error),
        },
        _ => {}
    }
    if let Some(number) = value.as_i64() {
        return Ok(number);
    }
    if let (Value::Date(date), Some(schema)) = (value, from) {
        match schema.logical() {
            Some(Logical::Date) => return Ok(logical::date_from_logical(schema, *date)?.into()),
            Some(Logical::Time) => return Ok(logical::time_from_logical(schema, *date)?.into()),
            Some(Logical::Timestamp) => return logical::timestamp_from_logical(schema, *date),
            Some(Logical::Decimal) | None => {}
        }
    }
    let error = match from {
        Some(schema) => not_convertible(value, &schema.to_string()),
        None => not_convertible(value, "a number"),
    };
    Err(match cause {
        Some(cause) => error.with_source(cause),
        None => error,
    })
}

fn as_double(value: &Value, from: Option<&Schema>) -> Result<f64> {
    let number = match value {
        Value::Decimal(value) => Some(value.to_f64()),
        Value::String(text) => text.parse().ok().map(|number: Decimal| number.to_f64()),
        other => number_as_double(other),
    };
    // What is not a number gives the error, or the encoded date, of the integer conversion.
    number.map_or_else(|| as_long(value, from).map(|number| number as f64), Ok)
}

fn number_as_double(value: &Value) -> Option<f64> {
    match value {
        Value::BigInteger(value) => Some(value.to_decimal().to_f64()),
        _ => value.as_f64().or_else(|| value.as_i64().map(|number| number as f64)),
    }
}

fn null_value() -> Error {
    Error::data("Unable to convert a null value to a schema that requires a value")
}

fn not_convertible(value: &Value, to: &str) -> Error {
    let class = value.java_class_name();
    match value {
        // Java prints the identity of the array; its content does not belong into a message.
        Value::Bytes(_) => Error::data(format!("Unable to convert [B (class {class}) to {to}")),
        _ => Error::data(format!("Unable to convert {value} (class {class}) to {to}")),
    }
}
