//! What a transformation requires of the data that it is given, with Kafka's words when it is not so.

use connect_api::data::{Field, Map};
use connect_api::{Error, Result, Struct, Value};

/// The map that schemaless data must be.
pub(crate) fn require_map<'a>(value: &'a mut Value, purpose: &str) -> Result<&'a mut Map> {
    let class = value.java_class_name();
    value.as_map_mut().ok_or_else(|| not_a_map(class, purpose))
}

/// The error for a value of another class where a map is wanted.
#[cold]
pub(crate) fn not_a_map(class: &str, purpose: &str) -> Error {
    Error::data(format!("Only Map objects supported in absence of schema for [{purpose}], found: {class}"))
}

/// The error for a map whose keys are no text. Kafka finds out when it casts the key.
#[cold]
pub(crate) fn not_a_text_key(key: &Value) -> Error {
    let class = key.java_class_name();
    Error::data(format!(
        "class {class} cannot be cast to class java.lang.String ({class} and java.lang.String are in module java.base \
         of loader 'bootstrap')"
    ))
    .with_java_class("java.lang.ClassCastException")
}

/// The struct that data with a schema must be.
pub(crate) fn require_struct<'a>(value: &'a Value, purpose: &str) -> Result<&'a Struct> {
    value.as_struct().ok_or_else(|| {
        let class = value.java_class_name();
        Error::data(format!("Only Struct objects supported for [{purpose}], found: {class}"))
    })
}

/// The same, to be edited.
pub(crate) fn require_struct_mut<'a>(value: &'a mut Value, purpose: &str) -> Result<&'a mut Struct> {
    require_struct(value, purpose)?;
    value.as_struct_mut().ok_or_else(not_a_struct)
}

/// The error for a path through a schema that is no struct, in the words of looking up a field there.
#[cold]
pub(crate) fn not_a_struct() -> Error {
    Error::data("Cannot look up fields on non-struct type")
}

/// The value of a field, as it may be put into the same field of another struct: null is refused where the field is
/// required, even if it has a default.
pub(crate) fn field_value(value: &Struct, field: &Field, replace_null_with_default: bool) -> Result<Value> {
    let found = match replace_null_with_default {
        true => value.get(field)?,
        false => value.get_without_default(field)?,
    };
    if found.is_null() && !field.schema().is_optional() {
        value.clone().put(field, Value::Null)?;
    }
    Ok(found.clone())
}

/// Whether no field is null that [`field_value`] would refuse, or read as something else.
pub(crate) fn is_settled(value: &Struct, replace_null_with_default: bool) -> bool {
    value.iter().all(|(field, value)| {
        let schema = field.schema();
        !value.is_null()
            || (schema.is_optional() && !(replace_null_with_default && schema.default_value().is_some()))
    })
}

/// The values of all fields, each as [`field_value`] gives it. They are moved where nobody shares the struct.
pub(crate) fn into_field_values(value: Struct, replace_null_with_default: bool) -> Result<Vec<Value>> {
    if is_settled(&value, replace_null_with_default) {
        return Ok(value.into_values());
    }
    let fields = value.schema().fields()?;
    fields.iter().map(|field| field_value(&value, field, replace_null_with_default)).collect()
}

/// The struct that data with a schema must be, taken out.
pub(crate) fn take_struct(value: &mut Value, purpose: &str) -> Result<Struct> {
    require_struct(value, purpose)?;
    match value.take() {
        Value::Struct(value) => Ok(value),
        _ => Err(not_a_struct()),
    }
}
