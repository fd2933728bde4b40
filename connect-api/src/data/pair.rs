//! [`SchemaAndValue`]: a value with its schema.

use std::fmt;

use super::{Schema, Struct, Value};
use crate::Result;

/// A value and the schema that describes it, if there is one.
///
/// ```
/// use connect_api::{Schema, SchemaAndValue, Value};
/// let typed = SchemaAndValue::new(Schema::INT64, 42_i64);
/// let schemaless = SchemaAndValue::schemaless("some text");
/// assert_eq!(typed.value, Value::Int64(42));
/// assert_eq!(schemaless.schema, None);
/// typed.validate()?;
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaAndValue {
    /// What describes the value; `None` for data that has no schema.
    pub schema: Option<Schema>,
    /// The value.
    pub value: Value,
}

impl SchemaAndValue {
    /// No schema and no value: a tombstone, or a record without key.
    pub const NULL: Self = Self { schema: None, value: Value::Null };

    /// A value with its schema. Nothing is checked; see [`validate`](Self::validate).
    #[inline]
    pub fn new(schema: impl Into<Option<Schema>>, value: impl Into<Value>) -> Self {
        Self { schema: schema.into(), value: value.into() }
    }

    /// A value without schema.
    #[inline]
    pub fn schemaless(value: impl Into<Value>) -> Self {
        Self { schema: None, value: value.into() }
    }

    /// Whether there is neither a schema nor a value.
    #[inline]
    pub fn is_null(&self) -> bool {
        self.schema.is_none() && self.value.is_null()
    }

    /// Checks that the schema describes the value. Without a schema there is nothing to check.
    ///
    /// # Errors
    ///
    /// A data error that names what does not fit.
    pub fn validate(&self) -> Result<()> {
        self.schema.as_ref().map_or(Ok(()), |schema| schema.validate_value(&self.value))
    }
}

impl From<Struct> for SchemaAndValue {
    fn from(value: Struct) -> Self {
        Self { schema: Some(value.schema().clone()), value: Value::Struct(value) }
    }
}

impl fmt::Display for SchemaAndValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "SchemaAndValue{{schema={schema}, value={}}}", self.value),
            None => write!(f, "SchemaAndValue{{schema=null, value={}}}", self.value),
        }
    }
}
