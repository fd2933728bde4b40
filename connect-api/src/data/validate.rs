//! Whether a value fits a schema.

use super::logical::Logical;
use super::map::KeyRef;
use super::{Schema, Type, Value};
use crate::{Error, Result};

/// Where in the value we are. The text is made only for an error.
#[derive(Clone, Copy)]
enum Place<'a> {
    Value,
    Field(&'a str),
    Inside(&'static str, &'a Self),
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value => f.write_str("value"),
            Self::Field(name) => write!(f, "field: \"{name}\""),
            Self::Inside(what, place) => write!(f, "{what} {place}"),
        }
    }
}

impl Schema {
    /// Checks that a value fits this schema. Types must match exactly, no integer is widened, and a default does not
    /// make null acceptable.
    ///
    /// # Errors
    ///
    /// A data error that names what does not fit, in Kafka Connect's words.
    ///
    /// ```
    /// use connect_api::{Schema, Value};
    /// Schema::INT64.validate_value(&Value::from(1_i64))?;
    /// let error = Schema::INT64.validate_value(&Value::from(1_i32)).unwrap_err();
    /// assert_eq!(
    ///     error.message(),
    ///     "Invalid Java object for schema with type INT64: class java.lang.Integer for value",
    /// );
    /// # Ok::<(), connect_api::Error>(())
    /// ```
    pub fn validate_value(&self, value: &Value) -> Result<()> {
        check(self, value, Place::Value)
    }

    pub(super) fn validate_field(&self, name: &str, value: &Value) -> Result<()> {
        check(self, value, Place::Field(name))
    }
}

/// Whether the kind of value fits, without looking inside.
pub(crate) fn kind_fits(schema: &Schema, value: &Value) -> bool {
    if let Some(logical) = schema.logical() {
        return match logical {
            Logical::Decimal => matches!(value, Value::Decimal(_)),
            Logical::Date | Logical::Time | Logical::Timestamp => matches!(value, Value::Date(_)),
        };
    }
    matches!(
        (schema.ty(), value),
        (Type::Int8, Value::Int8(_))
            | (Type::Int16, Value::Int16(_))
            | (Type::Int32, Value::Int32(_))
            | (Type::Int64, Value::Int64(_))
            | (Type::Float32, Value::Float32(_))
            | (Type::Float64, Value::Float64(_))
            | (Type::Boolean, Value::Boolean(_))
            | (Type::String, Value::String(_))
            | (Type::Bytes, Value::Bytes(_))
            | (Type::Array, Value::Array(_))
            | (Type::Map, Value::Map(_))
            | (Type::Struct, Value::Struct(_))
    )
}

fn check(schema: &Schema, value: &Value, place: Place<'_>) -> Result<()> {
    if value.is_null() {
        if schema.is_optional() {
            return Ok(());
        }
        let ty = schema.ty();
        return Err(Error::data(format!("Invalid value: null used for required {place}, schema type: {ty}")));
    }
    if !kind_fits(schema, value) {
        return Err(mismatch(schema, value, place));
    }
    match (schema.ty(), value) {
        (Type::Struct, Value::Struct(value)) if value.schema() != schema => {
            Err(Error::data("Struct schemas do not match."))
        }
        // What was put into the struct was checked then. What was not put is null.
        (Type::Struct, Value::Struct(value)) => value.check_unset(),
        (Type::Array, Value::Array(list)) => {
            let inside = Place::Inside("element of array", &place);
            let element = described(schema.value_schema()?, inside)?;
            list.values().iter().try_for_each(|value| check(element, value, inside))
        }
        (Type::Map, Value::Map(map)) => {
            let (key_place, value_place) =
                (Place::Inside("key of map", &place), Place::Inside("value of map", &place));
            let key_schema = described(schema.key_schema()?, key_place)?;
            let value_schema = described(schema.value_schema()?, value_place)?;
            for (key, value) in map.slots() {
                if !(matches!(key, KeyRef::Text(_)) && takes_any_text(key_schema)) {
                    check(key_schema, &key.to_value(), key_place)?;
                }
                check(value_schema, value, value_place)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The usual schema of a map's keys, which there is nothing to check for.
fn takes_any_text(schema: &Schema) -> bool {
    schema.ty() == Type::String && schema.logical().is_none()
}

/// The schema of what is inside, which must be there even if nothing is.
fn described<'a>(schema: Option<&'a Schema>, place: Place<'_>) -> Result<&'a Schema> {
    schema.ok_or_else(|| Error::data(format!("No schema defined for {place}")))
}

#[cold]
fn mismatch(schema: &Schema, value: &Value, place: Place<'_>) -> Error {
    let named = schema.name().map(|name| format!(" \"{name}\"")).unwrap_or_default();
    let class = value.java_class_name();
    Error::data(format!(
        "Invalid Java object for schema{named} with type {}: class {class} for {place}",
        schema.ty()
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{Array, Date, Map, Struct};
    use super::*;

    fn message(schema: &Schema, value: impl Into<Value>) -> String {
        schema.validate_value(&value.into()).unwrap_err().message().to_owned()
    }

    #[test]
    fn messages_name_the_place() {
        let list = Schema::array(Schema::array(Schema::INT8));
        let inner = Value::from(Array::from(vec![1_i32]));
        assert_eq!(
            message(&list, vec![inner]),
            "Invalid Java object for schema with type INT8: class java.lang.Integer for element of array element of \
             array value"
        );
        let map = Schema::map(Schema::STRING, Schema::INT8);
        assert_eq!(
            message(&map, Map::from([("a", Value::Null)])),
            "Invalid value: null used for required value of map value, schema type: INT8"
        );
        assert_eq!(
            message(&Schema::array(None), vec![Value::Null]),
            "No schema defined for element of array value"
        );
        assert_eq!(
            message(&Schema::map(None, None), Map::from([("a", 1)])),
            "No schema defined for key of map value"
        );
    }

    #[test]
    fn a_logical_name_takes_the_logical_value_only() {
        assert!(Schema::date().validate_value(&Value::Date(Date(0))).is_ok());
        assert_eq!(
            message(&Schema::date(), 0),
            "Invalid Java object for schema \"org.apache.kafka.connect.data.Date\" with type INT32: class \
             java.lang.Integer for value"
        );
    }

    #[test]
    fn structs_must_have_an_equal_schema() {
        let schema = |name| Schema::structure().name(name).field("a", Schema::INT8).build().unwrap();
        let value = Struct::new(schema("x")).unwrap().with("a", 1_i8).unwrap();
        assert!(schema("x").validate_value(&Value::from(value.clone())).is_ok());
        assert_eq!(message(&schema("y"), value), "Struct schemas do not match.");
    }

    #[test]
    fn a_struct_inside_must_have_what_it_requires() {
        let schema = Schema::structure().field("a", Schema::INT8).build().unwrap();
        let value = Struct::new(schema.clone()).unwrap();
        assert_eq!(
            message(&schema, value.clone()),
            "Invalid value: null used for required field: \"a\", schema type: INT8"
        );
        assert!(schema.validate_value(&Value::from(value.with("a", 1_i8).unwrap())).is_ok());
    }
}
