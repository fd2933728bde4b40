//! [`Rebuilt`] and [`rebuild`]: structs with some fields converted, in a schema of the same fields.

use connect_api::data::Field;
use connect_api::{Result, Schema, Struct, Value};

/// The schema that structs of one schema get.
#[derive(Debug)]
pub(crate) struct Rebuilt {
    pub(crate) schema: Schema,
    /// Whether any field is converted. Otherwise the schema is equal to the old one.
    pub(crate) converts: bool,
}

/// A struct of the schema `updated`, which was made from `schema` and has its fields by name. `convert` gets each field
/// and its value, and answers one of the class that the new field takes, or null.
pub(crate) fn rebuild(
    before: &Struct,
    schema: &Schema,
    updated: &Schema,
    replace_null_with_default: bool,
    mut convert: impl FnMut(&Field, &Value) -> Result<Value>,
) -> Result<Struct> {
    let old = |field: &Field| match replace_null_with_default {
        true => before.get(field),
        false => before.get_without_default(field),
    };
    // A struct of another schema than the record says goes by names.
    if !before.schema().is_same(schema) && before.schema() != schema {
        let mut after = Struct::new(updated.clone())?;
        for field in before.schema().fields()? {
            after.put(field.name(), convert(field, old(field)?)?)?;
        }
        return Ok(after);
    }
    let fields = before.schema().fields()?;
    let mut values = Vec::with_capacity(fields.len());
    for (field, new) in fields.iter().zip(updated.fields()?) {
        let value = convert(field, old(field)?)?;
        if value.is_null() && !new.schema().is_optional() {
            Struct::new(updated.clone())?.put(new, Value::Null)?;
        }
        values.push(value);
    }
    Struct::from_checked_values(updated.clone(), values)
}
