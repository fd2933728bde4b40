//! [`Struct`]: values by the fields of a schema.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{Array, Date, Decimal, Field, Map, Schema, Type, Value, print};
use crate::{Error, Result};

/// Values by the fields of a struct schema. Writing checks each value against its field. Cloning shares the values;
/// editing a shared struct copies them first.
///
/// ```
/// use connect_api::{Schema, Struct, Value};
/// let schema = Schema::structure().field("id", Schema::INT64).field("name", Schema::OPTIONAL_STRING).build()?;
/// let row = Struct::new(schema)?.with("id", 7_i64)?.with("name", "Ada")?;
/// assert_eq!(row.get("name")?, &Value::from("Ada"));
/// assert_eq!(row.to_string(), "Struct{id=7,name=Ada}");
/// assert!(row.clone().put("id", "seven").is_err());
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone)]
pub struct Struct {
    schema: Schema,
    values: Arc<[Value]>,
}

/// A way to name a field: its name, its index, or the [`Field`] itself.
pub trait FieldSelector: sealed::Sealed {
    #[doc(hidden)]
    fn select(self, schema: &Schema) -> Result<&Field>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for &str {}
    impl Sealed for &super::super::Str {}
    impl Sealed for usize {}
    impl Sealed for &super::Field {}
}

impl FieldSelector for &str {
    fn select(self, schema: &Schema) -> Result<&Field> {
        schema.find_field(self).ok_or_else(|| no_such_field(self))
    }
}

impl FieldSelector for &super::Str {
    fn select(self, schema: &Schema) -> Result<&Field> {
        self.as_str().select(schema)
    }
}

impl FieldSelector for usize {
    fn select(self, schema: &Schema) -> Result<&Field> {
        schema.field_list().get(self).ok_or_else(|| no_such_field(self))
    }
}

impl FieldSelector for &Field {
    fn select(self, schema: &Schema) -> Result<&Field> {
        schema.field_list().get(self.index()).ok_or_else(|| no_such_field(self.name()))
    }
}

#[cold]
fn no_such_field(field: impl fmt::Display) -> Error {
    Error::data(format!("{field} is not a valid field name"))
}

impl Struct {
    /// A struct with all fields null.
    ///
    /// # Errors
    ///
    /// A data error when the schema is not that of a struct.
    pub fn new(schema: Schema) -> Result<Self> {
        let count = check_struct(&schema)?;
        Ok(Self { schema, values: (0..count).map(|_| Value::Null).collect() })
    }

    /// A struct from the values of all fields, in their order. Each value is checked against its field once; null is
    /// accepted where the field is optional or has a default. This is the fast way to make one.
    ///
    /// # Errors
    ///
    /// A data error when the number of values differs, or a value does not fit.
    ///
    /// ```
    /// use connect_api::{Schema, Struct, Value};
    /// let schema = Schema::structure().field("id", Schema::INT64).field("name", Schema::STRING).build()?;
    /// let row = Struct::from_values(schema, vec![Value::from(7_i64), Value::from("Ada")])?;
    /// assert_eq!(row.get_int64("id")?, Some(7));
    /// # Ok::<(), connect_api::Error>(())
    /// ```
    pub fn from_values(schema: Schema, values: Vec<Value>) -> Result<Self> {
        let count = check_struct(&schema)?;
        if values.len() != count {
            let given = values.len();
            return Err(Error::data(format!("{schema} has {count} fields, but there are {given} values")));
        }
        let made = Self { schema, values: values.into() };
        made.validate()?;
        Ok(made)
    }

    /// The same without looking at the values, for converters that have just checked them themselves.
    #[doc(hidden)]
    pub fn from_checked_values(schema: Schema, values: Vec<Value>) -> Result<Self> {
        let count = check_struct(&schema)?;
        if values.len() != count {
            let given = values.len();
            return Err(Error::data(format!("{schema} has {count} fields, but there are {given} values")));
        }
        Ok(Self { schema, values: values.into() })
    }

    /// All values, to be set without a check.
    #[doc(hidden)]
    pub fn values_unchecked_mut(&mut self) -> &mut [Value] {
        Arc::make_mut(&mut self.values)
    }

    /// The schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The value of a field; where it is null, the field's default if there is one.
    ///
    /// # Errors
    ///
    /// A data error when there is no such field.
    pub fn get(&self, field: impl FieldSelector) -> Result<&Value> {
        let field = field.select(&self.schema)?;
        let value = &self.values[field.index()];
        Ok(if value.is_null() { field.schema().default_value().unwrap_or(value) } else { value })
    }

    /// The value of a field as it was put, without the default.
    ///
    /// # Errors
    ///
    /// A data error when there is no such field.
    pub fn get_without_default(&self, field: impl FieldSelector) -> Result<&Value> {
        Ok(&self.values[field.select(&self.schema)?.index()])
    }

    /// Puts a value.
    ///
    /// # Errors
    ///
    /// A data error when there is no such field, or when the value does not fit. Null into a required field does not
    /// fit even if the field has a default.
    pub fn put(&mut self, field: impl FieldSelector, value: impl Into<Value>) -> Result<()> {
        let value = value.into();
        let field = field.select(&self.schema)?;
        field.schema().validate_field(field.name(), &value)?;
        let index = field.index();
        Arc::make_mut(&mut self.values)[index] = value;
        Ok(())
    }

    /// [`put`](Self::put), for building in one expression.
    pub fn with(mut self, field: impl FieldSelector, value: impl Into<Value>) -> Result<Self> {
        self.put(field, value)?;
        Ok(self)
    }

    /// The fields with their values as they were put, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Field, &Value)> + Clone {
        self.schema.field_list().iter().zip(self.values.iter())
    }

    /// The values of all fields as they were put, in order.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The values, to be moved into another struct. Nothing is copied when this was the only owner.
    pub fn into_values(mut self) -> Vec<Value> {
        match Arc::get_mut(&mut self.values) {
            Some(values) => values.iter_mut().map(std::mem::take).collect(),
            None => self.values.to_vec(),
        }
    }

    /// Checks every value. Null is accepted where the field is optional or has a default.
    ///
    /// # Errors
    ///
    /// A data error for the first value that does not fit.
    pub fn validate(&self) -> Result<()> {
        for (field, value) in self.iter() {
            let schema = field.schema();
            if !(value.is_null() && (schema.is_optional() || schema.default_value().is_some())) {
                schema.validate_field(field.name(), value)?;
            }
        }
        Ok(())
    }

    /// Checks that no field is null that requires a value and has no default.
    pub(super) fn check_unset(&self) -> Result<()> {
        for (field, value) in self.iter() {
            let schema = field.schema();
            if value.is_null() && !schema.is_optional() && schema.default_value().is_none() {
                schema.validate_field(field.name(), value)?;
            }
        }
        Ok(())
    }

    /// The raw value of a field that must be declared with this type.
    fn typed(&self, field: impl FieldSelector, ty: Type) -> Result<&Value> {
        let field = field.select(&self.schema)?;
        if field.schema().ty() != ty {
            return Err(Error::data(format!("Field '{}' is not of type {ty}", field.name())));
        }
        Ok(&self.values[field.index()])
    }
}

macro_rules! getters {
    ($($name:ident, $ty:ident, $text:literal -> $out:ty, $read:expr;)*) => {
        /// Getters by declared type. They give the value as it was put, without the default: `None` is null.
        ///
        /// # Errors
        ///
        /// Each gives a data error when there is no such field, or when it is declared with another type.
        impl Struct {
            $(
                #[doc = concat!("The value of a field that is declared as ", $text, ".")]
                pub fn $name(&self, field: impl FieldSelector) -> Result<Option<$out>> {
                    let read: fn(&Value) -> Option<$out> = $read;
                    Ok(read(self.typed(field, Type::$ty)?))
                }
            )*
        }
    };
}
getters! {
    get_int8, Int8, "`int8`" -> i8, Value::as_i8;
    get_int16, Int16, "`int16`" -> i16, Value::as_i16;
    get_int32, Int32, "`int32`" -> i32, Value::as_i32;
    get_int64, Int64, "`int64`" -> i64, |value| match value { Value::Int64(value) => Some(*value), _ => None };
    get_float32, Float32, "`float32`" -> f32, Value::as_f32;
    get_float64, Float64, "`float64`" -> f64, |value| match value { Value::Float64(value) => Some(*value), _ => None };
    get_boolean, Boolean, "`boolean`" -> bool, Value::as_bool;
    get_string, String, "`string`" -> &str, Value::as_str;
    get_bytes, Bytes, "`bytes`" -> &bytes::Bytes, Value::as_bytes;
    get_decimal, Bytes, "`bytes` with the logical type Decimal" -> &Decimal, Value::as_decimal;
    get_array, Array, "`array`" -> &Array, Value::as_array;
    get_map, Map, "`map`" -> &Map, Value::as_map;
    get_struct, Struct, "`struct`" -> &Struct, Value::as_struct;
}

impl Struct {
    /// The value of a field that holds a date, time or timestamp; as the other typed getters.
    ///
    /// # Errors
    ///
    /// A data error when there is no such field, or when it is not declared as `int32` or `int64`.
    pub fn get_date(&self, field: impl FieldSelector) -> Result<Option<Date>> {
        let field = field.select(&self.schema)?;
        match field.schema().ty() {
            Type::Int32 | Type::Int64 => Ok(self.values[field.index()].as_date()),
            _ => Err(Error::data(format!("Field '{}' is not a date, time or timestamp", field.name()))),
        }
    }
}

fn check_struct(schema: &Schema) -> Result<usize> {
    if schema.ty() == Type::Struct {
        Ok(schema.field_list().len())
    } else {
        Err(Error::data(format!("Not a struct schema: {schema}")))
    }
}

impl PartialEq for Struct {
    /// Equal schemas and equal values as they were put: a null and an explicit default differ.
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema && self.values == other.values
    }
}

impl Eq for Struct {}

impl Hash for Struct {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.schema.hash(state);
        self.values.hash(state);
    }
}

impl fmt::Debug for Struct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(self.schema.name().unwrap_or("Struct"));
        for (field, value) in self.iter() {
            shown.field(field.name(), value);
        }
        shown.finish()
    }
}

impl fmt::Display for Struct {
    /// As Java prints it: `Struct{a=1,b=x}`, without the fields that are null.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::display(f, |out| print::structure(out, self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let with_default = Schema::builder(Type::Int32).default_value(5).build().unwrap();
        Schema::structure().field("a", Schema::OPTIONAL_STRING).field("b", with_default).build().unwrap()
    }

    #[test]
    fn a_default_is_read_but_null_cannot_be_put() {
        let mut value = Struct::new(schema()).unwrap();
        assert_eq!(value.get("b").unwrap(), &Value::from(5));
        assert_eq!(value.get_without_default("b").unwrap(), &Value::Null);
        assert_eq!(value.get_int32("b").unwrap(), None);
        assert!(value.validate().is_ok());
        assert_eq!(
            value.put("b", Value::Null).unwrap_err().message(),
            "Invalid value: null used for required field: \"b\", schema type: INT32"
        );
        let unset = value.clone();
        value.put(1, 5).unwrap();
        assert_ne!(value, unset);
        assert_eq!(unset.get_without_default(1).unwrap(), &Value::Null);
    }

    #[test]
    fn errors_are_kafkas() {
        let value = Struct::new(schema()).unwrap();
        assert_eq!(value.get("x").unwrap_err().message(), "x is not a valid field name");
        assert_eq!(value.get_int8("b").unwrap_err().message(), "Field 'b' is not of type INT8");
        assert_eq!(Struct::new(Schema::INT8).unwrap_err().message(), "Not a struct schema: Schema{INT8}");
        assert_eq!(
            Struct::from_values(schema(), vec![Value::from(1), Value::from(1)]).unwrap_err().message(),
            "Invalid Java object for schema with type STRING: class java.lang.Integer for field: \"a\""
        );
        assert!(Struct::from_values(schema(), vec![]).is_err());
    }

    #[test]
    fn a_field_selects_by_its_index() {
        let schema = schema();
        let field = schema.field("a").unwrap().unwrap();
        let mut value = Struct::new(schema.clone()).unwrap();
        value.put(field, "x").unwrap();
        assert_eq!(value.get(field).unwrap().as_str(), Some("x"));
        assert_eq!(value.to_string(), "Struct{a=x}");
        assert_eq!(value.into_values(), [Value::from("x"), Value::Null]);
    }
}
