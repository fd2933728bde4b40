//! Values from and into types of your own, by serde. Feature `serde`.

mod de;
mod fit;
mod impls;
mod path;
mod ser;

use serde::{Deserialize, Serialize};

use super::{Schema, SchemaAndValue, Struct, Value};
use crate::Result;

/// The names by which our own types recognise each other when they pass through serde. Other formats ignore them.
const DATE_TOKEN: &str = "connect_api::Date";
const DECIMAL_TOKEN: &str = "connect_api::Decimal";

/// Makes a value without schema: structs become maps, and so does an enum variant with content (`{"variant": …}`).
///
/// Unsigned integers take the next wider signed type; those beyond 64 bits become decimals. To get bytes from a
/// `Vec<u8>` use [`to_struct`], or a type that serializes as bytes: serde's own `Vec<u8>` is a list of numbers.
///
/// # Errors
///
/// A data error when the type refuses to be serialized.
///
/// ```
/// use connect_api::data::to_value;
/// #[derive(serde::Serialize)]
/// struct Order {
///     id: i64,
///     note: Option<String>,
/// }
/// let value = to_value(&Order { id: 7, note: None })?;
/// assert_eq!(value.to_string(), "{id=7, note=null}");
/// # Ok::<(), connect_api::Error>(())
/// ```
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    Ok(value.serialize(ser::ToValue { infer: false })?.value)
}

/// Makes a struct of a known schema. Fields are found by name; integers and floats take the width that the schema says,
/// as long as the number fits; lists of small numbers become bytes where the schema wants bytes.
///
/// # Errors
///
/// A data error that names the field which is unknown, missing or does not fit.
///
/// ```
/// use connect_api::Schema;
/// use connect_api::data::to_struct;
/// #[derive(serde::Serialize)]
/// struct Order {
///     id: u32,
///     blob: Vec<u8>,
/// }
/// let schema = Schema::structure().field("id", Schema::INT64).field("blob", Schema::BYTES).build()?;
/// let row = to_struct(&schema, &Order { id: 7, blob: vec![1, 2] })?;
/// assert_eq!(row.get_int64("id")?, Some(7));
///
/// let narrow = Schema::structure().field("id", Schema::INT8).field("blob", Schema::BYTES).build()?;
/// let error = to_struct(&narrow, &Order { id: 300, blob: vec![] }).unwrap_err();
/// assert_eq!(error.message(), "id: 300 does not fit in Schema{INT8}");
/// # Ok::<(), connect_api::Error>(())
/// ```
pub fn to_struct<T: Serialize + ?Sized>(schema: &Schema, value: &T) -> Result<Struct> {
    let value = value.serialize(ser::ToValue { infer: false })?.value;
    match fit::fit(schema, value)? {
        Value::Struct(value) => Ok(value),
        other => Err(crate::Error::data(format!("A {} is no struct", other.java_class_name()))),
    }
}

/// Makes a value with a schema read off the value: structs get the name of their type and a field per field.
///
/// Meant for tests and for types without optional parts: a `None` and an empty list say nothing about their type and
/// are an error, so the schema is better written down and given to [`to_struct`].
///
/// # Errors
///
/// A data error that names the field whose schema cannot be known.
///
/// ```
/// use connect_api::Schema;
/// use connect_api::data::to_data;
/// #[derive(serde::Serialize)]
/// struct Order {
///     id: i64,
/// }
/// let data = to_data(&Order { id: 7 })?;
/// assert_eq!(data.schema, Some(Schema::structure().name("Order").field("id", Schema::INT64).build()?));
/// # Ok::<(), connect_api::Error>(())
/// ```
pub fn to_data<T: Serialize + ?Sized>(value: &T) -> Result<SchemaAndValue> {
    let node = value.serialize(ser::ToValue { infer: true })?;
    Ok(SchemaAndValue { schema: node.schema, value: node.value })
}

/// Reads a type of your own from a value: from a struct, with the defaults of null fields, as well as from a map
/// without schema. Text can be borrowed.
///
/// # Errors
///
/// A data error that names the field that does not fit.
///
/// ```
/// use connect_api::Value;
/// use connect_api::data::{Map, from_value};
/// #[derive(serde::Deserialize)]
/// struct Order {
///     id: i64,
///     items: Vec<i32>,
/// }
/// let value = Value::from(Map::from([("id", Value::from(7)), ("items", Value::from(vec![Value::from("x")]))]));
/// let error = from_value::<Order>(&value).err().map(|error| error.message().to_owned());
/// assert_eq!(error.as_deref(), Some("items[0]: invalid type: string \"x\", expected i32"));
/// ```
pub fn from_value<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<T> {
    Ok(T::deserialize(de::FromValue(value))?)
}

/// The same from a struct.
///
/// # Errors
///
/// A data error that names the field that does not fit.
pub fn from_struct<'de, T: Deserialize<'de>>(value: &'de Struct) -> Result<T> {
    Ok(T::deserialize(de::FromStruct(value))?)
}

#[cfg(test)]
mod tests;
