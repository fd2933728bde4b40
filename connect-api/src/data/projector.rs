//! [`SchemaProjector`].

use super::{Array, Decimal, Map, Schema, Struct, Type, Value};
use crate::{Error, ErrorKind, Result};

/// Brings data written with one schema to another version of that schema. Sinks use it with the setting
/// `schema.compatibility`.
///
/// Fields may be added if they are optional or have a default, fields may go away, and numbers may become wider along
/// `int8`, `int16`, `int32`, `int64`, `float32`, `float64`. Names and parameters must be equal; documentation and
/// versions do not count.
///
/// ```
/// use connect_api::{Schema, Value};
/// use connect_api::data::SchemaProjector;
/// let wider = SchemaProjector::project(&Schema::INT32, &Value::from(7_i32), &Schema::INT64)?;
/// assert_eq!(wider, Value::from(7_i64));
/// assert!(SchemaProjector::project(&Schema::INT64, &Value::from(7_i64), &Schema::INT32).is_err());
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SchemaProjector;

impl SchemaProjector {
    /// Projects a value that `source` describes to what `target` describes.
    ///
    /// # Errors
    ///
    /// A schema-projector error when the schemas are not compatible.
    pub fn project(source: &Schema, value: &Value, target: &Schema) -> Result<Value> {
        check(source, target)?;
        if source.is_optional() && !target.is_optional() {
            let default = target.default_value().ok_or_else(|| {
                failure("Writer schema is optional, however, target schema does not provide a default value.")
            })?;
            return if value.is_null() { Ok(default.clone()) } else { required(source, value, target) };
        }
        if value.is_null() { Ok(Value::Null) } else { required(source, value, target) }
    }
}

fn required(source: &Schema, value: &Value, target: &Schema) -> Result<Value> {
    match (target.ty(), value) {
        (Type::Struct, Value::Struct(value)) => project_struct(source, value, target).map(Value::from),
        (Type::Array, Value::Array(list)) => {
            let (from, to) = (element(source.value_schema()?)?, element(target.value_schema()?)?);
            let list: Result<Vec<Value>> =
                list.values().iter().map(|value| SchemaProjector::project(from, value, to)).collect();
            Ok(Value::from(Array::from(list?)))
        }
        (Type::Map, Value::Map(map)) => {
            let (from_key, to_key) = (element(source.key_schema()?)?, element(target.key_schema()?)?);
            let (from, to) = (element(source.value_schema()?)?, element(target.value_schema()?)?);
            let mut entries = Vec::with_capacity(map.len());
            for (key, value) in map.slots() {
                let key = SchemaProjector::project(from_key, &key.to_value(), to_key)?;
                entries.push((key, SchemaProjector::project(from, value, to)?));
            }
            Ok(Value::from(Map::from_entries(entries)))
        }
        (Type::Struct, value) => Err(no_cast(value, "org.apache.kafka.connect.data.Struct")),
        (Type::Array, value) => Err(no_cast(value, "java.util.List")),
        (Type::Map, value) => Err(no_cast(value, "java.util.Map")),
        // What is no number stays what it is, whether or not the schema describes it.
        (ty, value) => {
            Ok(Number::of(value).and_then(|number| number.widen(ty)).unwrap_or_else(|| value.clone()))
        }
    }
}

/// Java fails here only because it has to cast.
#[cold]
fn no_cast(value: &Value, class: &str) -> Error {
    Error::data(format!("class {} cannot be cast to class {class}", value.java_class_name()))
        .with_java_class("java.lang.ClassCastException")
}

fn project_struct(source: &Schema, value: &Struct, target: &Schema) -> Result<Struct> {
    let fields = target.fields()?;
    let mut values = Vec::with_capacity(fields.len());
    for field in fields {
        let name = field.name();
        values.push(if let Some(from) = source.find_field(name) {
            let value = value.get(name)?;
            SchemaProjector::project(from.schema(), value, field.schema()).map_err(|cause| {
                let message = format!("Error projecting {name}");
                failure(message).with_source(cause)
            })?
        } else if field.schema().is_optional() {
            Value::Null
        } else if let Some(default) = field.schema().default_value() {
            default.clone()
        } else {
            return Err(failure(format!("Required field `{name}` is missing from source schema: {source}")));
        });
    }
    Struct::from_values(target.clone(), values)
}

fn check(source: &Schema, target: &Schema) -> Result<()> {
    let (from, to) = (source.ty(), target.ty());
    if from != to && !matches!((rank(from), rank(to)), (Some(from), Some(to)) if from < to) {
        return Err(failure(format!("Schema type mismatch. source type: {from} and target type: {to}")));
    }
    if source.name() != target.name() {
        let (from, to) = (source.name().unwrap_or("null"), target.name().unwrap_or("null"));
        return Err(failure(format!("Schema name mismatch. source name: {from} and target name: {to}")));
    }
    let equal = source.parameters().len() == target.parameters().len()
        && source.parameters().all(|(key, value)| target.parameter(key) == Some(value));
    if !equal {
        let (from, to) = (parameters(source), parameters(target));
        return Err(failure(format!(
            "Schema parameters not equal. source parameters: {from} and target parameters: {to}"
        )));
    }
    Ok(())
}

fn rank(ty: Type) -> Option<u8> {
    match ty {
        Type::Int8 => Some(0),
        Type::Int16 => Some(1),
        Type::Int32 => Some(2),
        Type::Int64 => Some(3),
        Type::Float32 => Some(4),
        Type::Float64 => Some(5),
        Type::Boolean | Type::String | Type::Bytes | Type::Array | Type::Map | Type::Struct => None,
    }
}

fn parameters(schema: &Schema) -> String {
    let entries: Vec<String> = schema.parameters().map(|(key, value)| format!("{key}={value}")).collect();
    if entries.is_empty() { "null".to_owned() } else { format!("{{{}}}", entries.join(", ")) }
}

/// A number of any type, as Java's `Number` converts it: integers are cut, floats go to the nearest integer that there
/// is.
enum Number {
    Integer(i64),
    Float(f64),
    Exact(Decimal),
}

impl Number {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Decimal(value) => Some(Self::Exact(value.clone())),
            Value::BigInteger(value) => Some(Self::Exact(value.to_decimal())),
            Value::Float32(value) => Some(Self::Float((*value).into())),
            Value::Float64(value) => Some(Self::Float(*value)),
            other => other.as_i64().map(Self::Integer),
        }
    }

    fn widen(&self, ty: Type) -> Option<Value> {
        let long = match self {
            Self::Integer(value) => *value,
            Self::Float(value) => *value as i64,
            Self::Exact(value) => value.to_i64_wrapping(),
        };
        let int = match self {
            Self::Float(value) => *value as i32,
            _ => long as i32,
        };
        Some(match ty {
            Type::Int8 => Value::Int8(int as i8),
            Type::Int16 => Value::Int16(int as i16),
            Type::Int32 => Value::Int32(int),
            Type::Int64 => Value::Int64(long),
            Type::Float32 => Value::Float32(match self {
                Self::Integer(value) => *value as f32,
                Self::Float(value) => *value as f32,
                Self::Exact(value) => value.to_f32(),
            }),
            Type::Float64 => Value::Float64(match self {
                Self::Integer(value) => *value as f64,
                Self::Float(value) => *value,
                Self::Exact(value) => value.to_f64(),
            }),
            _ => return None,
        })
    }
}

fn element(schema: Option<&Schema>) -> Result<&Schema> {
    schema.ok_or_else(|| failure("The schema says nothing about its elements"))
}

fn failure(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::SchemaProjector, message)
}
