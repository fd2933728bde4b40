//! A schema from a value.

use super::super::{Schema, SchemaBuilder, Type, Value};
use crate::{Error, ErrorKind, Result};

/// The schema that describes a value, where the value says enough; `None` otherwise.
///
/// Elements of a list, keys and values of a map must all have the same type. Of their schemas only the type is kept,
/// and that null occurs. Empty containers, dates and decimals say too little.
///
/// # Errors
///
/// A schema-builder error when all elements are null, as in Kafka Connect.
///
/// ```
/// use connect_api::data::values;
/// use connect_api::{Schema, Value};
/// let list = Value::from(vec![Value::from(1), Value::Null]);
/// assert_eq!(values::infer_schema(&list)?, Some(Schema::array(Schema::OPTIONAL_INT32)));
/// assert_eq!(values::infer_schema(&Value::from(vec![Value::from(1), Value::from("a")]))?, None);
/// # Ok::<(), connect_api::Error>(())
/// ```
pub fn infer_schema(value: &Value) -> Result<Option<Schema>> {
    let schema = match value {
        Value::Null | Value::Decimal(_) | Value::BigInteger(_) | Value::Date(_) => return Ok(None),
        Value::Boolean(_) => Schema::BOOLEAN,
        Value::Int8(_) => Schema::INT8,
        Value::Int16(_) => Schema::INT16,
        Value::Int32(_) => Schema::INT32,
        Value::Int64(_) => Schema::INT64,
        Value::Float32(_) => Schema::FLOAT32,
        Value::Float64(_) => Schema::FLOAT64,
        Value::String(_) => Schema::STRING,
        Value::Bytes(_) => Schema::BYTES,
        Value::Struct(value) => value.schema().clone(),
        Value::Array(list) => {
            let mut elements = Common::default();
            for element in list.values() {
                if !elements.take(element)? {
                    return Ok(None);
                }
            }
            if list.is_empty() {
                return Ok(None);
            }
            Schema::array(elements.schema()?)
        }
        Value::Map(map) => {
            let (mut keys, mut values) = (Common::default(), Common::default());
            for (key, value) in map.slots() {
                if !keys.take(&key.to_value())? || !values.take(value)? {
                    return Ok(None);
                }
            }
            if map.is_empty() {
                return Ok(None);
            }
            Schema::map(keys.schema()?, values.schema()?)
        }
    };
    Ok(Some(schema))
}

/// What elements have in common.
#[derive(Default)]
struct Common {
    ty: Option<Type>,
    optional: bool,
}

impl Common {
    /// `false`: there is nothing in common.
    fn take(&mut self, value: &Value) -> Result<bool> {
        if value.is_null() {
            self.optional = true;
            return Ok(true);
        }
        let Some(schema) = infer_schema(value)? else {
            return Ok(false);
        };
        Ok(*self.ty.get_or_insert(schema.ty()) == schema.ty())
    }

    fn schema(&self) -> Result<Schema> {
        let ty = self.ty.ok_or_else(|| Error::new(ErrorKind::SchemaBuilder, "type cannot be null"))?;
        let builder = SchemaBuilder::new(ty);
        if self.optional { builder.optional().build() } else { builder.build() }
    }
}
