//! [`Conversion`]: fields converted one by one, wherever their paths lead, in a schema of the same fields.

use connect_api::data::{Field, Map, SchemaBuilder, ValueRef};
use connect_api::{Result, Schema, Struct, Value};

use crate::field_path::NESTED;
use crate::field_tree::{Branch, FieldTree};
use crate::requirements::{not_a_struct, require_map, require_struct};

/// The schema that structs of one schema get.
#[derive(Debug)]
pub(crate) struct Rebuilt {
    pub(crate) schema: Schema,
    /// Whether any field is converted. Otherwise the schema is equal to the old one.
    pub(crate) converts: bool,
}

/// What becomes of the fields at the ends of paths.
pub(crate) trait Conversion {
    /// What they are converted to.
    type To;

    /// What the transformation does, for messages.
    const PURPOSE: &'static str;

    /// Whether a field that is null is read as its default.
    fn replaces_null_with_default(&self) -> bool;

    /// The schema that a field of this schema gets.
    fn convert_schema(&self, schema: &Schema, to: &Self::To) -> Result<Schema>;

    /// The value in the new schema: of the class that it takes, or null.
    fn convert_value(&self, schema: Option<&Schema>, value: &Value, to: &Self::To) -> Result<Value>;

    /// A copy of a struct's schema, but for its default, with the fields converted.
    fn convert_fields(&self, schema: &Schema, fields: &FieldTree<Self::To>) -> Result<SchemaBuilder> {
        let mut builder = SchemaBuilder::copy_basics(schema);
        for field in schema.fields()? {
            let new = match fields.get(field.name()) {
                None => field.schema().clone(),
                Some(Branch { here: Some(to), .. }) => self.convert_schema(field.schema(), to)?,
                Some(Branch { below, .. }) => {
                    field.schema().fields().map_err(|_| not_a_struct())?;
                    let inner = self.rebuild_schema(field.schema(), below)?;
                    if below.reaches(field.schema()) { inner } else { field.schema().clone() }
                }
            };
            builder = builder.field(field.name(), new);
        }
        if schema.is_optional() {
            builder = builder.optional();
        }
        Ok(builder)
    }

    /// The whole schema, its default converted, too.
    fn rebuild_schema(&self, schema: &Schema, fields: &FieldTree<Self::To>) -> Result<Schema> {
        let mut builder = self.convert_fields(schema, fields)?;
        if let Some(default) = schema.default_value() {
            let frame = builder.clone().build()?;
            let default = require_struct(default, Self::PURPOSE)?;
            builder = builder.default_value(self.rebuild(default, schema, &frame, fields)?);
        }
        builder.build()
    }

    /// A struct of the schema `updated`, which was made from `schema` and has its fields by name.
    fn rebuild(
        &self,
        before: &Struct,
        schema: &Schema,
        updated: &Schema,
        fields: &FieldTree<Self::To>,
    ) -> Result<Struct> {
        let old = |field: &Field| match self.replaces_null_with_default() {
            true => before.get(field),
            false => before.get_without_default(field),
        };
        // A struct of another schema than the record says goes by names.
        if !before.schema().is_same(schema) && before.schema() != schema {
            let mut after = Struct::new(updated.clone())?;
            for field in before.schema().fields()? {
                let name = field.name();
                let schemas = schema.field(name)?.zip(updated.field(name)?);
                after.put(name, self.rebuild_field(field, old(field)?, schemas, fields)?)?;
            }
            return Ok(after);
        }
        let old_fields = before.schema().fields()?;
        let mut values = Vec::with_capacity(old_fields.len());
        for (field, new) in old_fields.iter().zip(updated.fields()?) {
            let value = self.rebuild_field(field, old(field)?, Some((field, new)), fields)?;
            if value.is_null() && !new.schema().is_optional() {
                Struct::new(updated.clone())?.put(new, Value::Null)?;
            }
            values.push(value);
        }
        Struct::from_checked_values(updated.clone(), values)
    }

    /// What a field of a rebuilt struct has. `schemas` are the fields of its name in the schema before and after.
    fn rebuild_field(
        &self,
        field: &Field,
        value: &Value,
        schemas: Option<(&Field, &Field)>,
        fields: &FieldTree<Self::To>,
    ) -> Result<Value> {
        match (fields.get(field.name()), schemas) {
            (None, _) => Ok(value.clone()),
            (Some(Branch { here: Some(to), .. }), _) => self.convert_value(Some(field.schema()), value, to),
            // A struct in which no path ends stays as it is.
            (Some(Branch { below, .. }), Some((before, after)))
                if !value.is_null() && below.reaches(before.schema()) =>
            {
                let inner = require_struct(value, NESTED)?;
                Ok(self.rebuild(inner, before.schema(), after.schema(), below)?.into())
            }
            (Some(_), _) => Ok(value.clone()),
        }
    }

    /// Converts entries of a map without schema.
    fn convert_entries(&self, map: &mut Map, fields: &FieldTree<Self::To>) -> Result<()> {
        for branch in fields.branches() {
            let name = &branch.name;
            if let Some(to) = &branch.here {
                // A field that is not there is added with null, as in Kafka.
                let before = map.get_owned(name).unwrap_or_default();
                map.insert(name, self.convert_value(None, &before, to)?);
                continue;
            }
            if map.get(name).is_none_or(|value| matches!(value, ValueRef::Null)) {
                continue;
            }
            // Taken out, it is not copied unless others share it.
            let mut inner = map.set(name, Value::Null).unwrap_or_default();
            let result =
                require_map(&mut inner, NESTED).and_then(|map| self.convert_entries(map, &branch.below));
            map.insert(name, inner);
            result?;
        }
        Ok(())
    }
}
