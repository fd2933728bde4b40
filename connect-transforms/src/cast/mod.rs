//! [`Cast`]: changes the types of fields, or of the whole key or value.

mod convert;
mod spec;

use std::marker::PhantomData;

use connect_api::data::SchemaBuilder;
use connect_api::transform::Target;
use connect_api::{Config, Outcome, Record, Result, Schema, Transformation, Value};

use crate::rebuild::{Rebuilt, rebuild};
use crate::requirements::{is_settled, require_map, require_struct};
use crate::schema_cache::SchemaCache;
use convert::cast;
use spec::Spec;

const PURPOSE: &str = "cast types";

/// The configuration of [`Cast`].
#[derive(Clone, Debug, Config)]
pub struct CastConfig {
    /// List of fields and the type to cast them to of the form field1:type,field2:type to cast fields of Maps or
    /// Structs. A single type to cast the entire value. Valid types are int8, int16, int32, int64, float32, float64,
    /// boolean, and string. Note that binary fields can only be cast to string.
    #[config(importance = High, validate = spec::validator())]
    pub spec: Vec<String>,
    /// Whether to replace fields that have a default value and that are null to the default value. When set to true,
    /// the default value is used, otherwise null is used.
    #[config(default = true)]
    pub replace_null_with_default: bool,
}

/// Changes the types of fields of the key or value, or of the key or value as a whole.
///
/// | from | to | result |
/// | --- | --- | --- |
/// | number | integer | the whole part; integers lose their high bits, floats stop at the limits of 32 or 64 bits first |
/// | number | float | the nearest |
/// | boolean | number | 1 or 0 |
/// | text | integer | a decimal number without spaces, within the limits |
/// | text | float | as Java's `Double.parseDouble` reads it |
/// | number | boolean | whether the whole part is not 0 |
/// | text | boolean | whether it is `true` in any case |
/// | Date, Time, Timestamp | number | days, or milliseconds |
/// | Date, Time, Timestamp | string | a date, a time, or both, by its value |
/// | bytes | string | Base64 |
///
/// Null stays null. A field that is not there is added with null to schemaless data. The new schema of a field keeps
/// only whether it is optional, and its default; that of a whole value keeps its name, too.
///
/// # Errors
///
/// A data error for a text that is no such number, and for values of other types.
///
/// # Example
///
/// ```
/// use connect_api::data::Map;
/// use connect_api::{Plugins, Properties, Record, SchemaAndValue, Value};
///
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let cast = plugins.find_transformation("Cast$Value")?;
/// let cast = cast.configure(&Properties::from([("spec", "amount:float64,paid:boolean,count:string")]))?;
///
/// let order = Map::from([("amount", Value::from("12.50")), ("paid", 1.into()), ("count", 3.into())]);
/// let mut record = Record::new("orders", SchemaAndValue::schemaless(order));
/// let _ = cast.apply(&mut record)?;
/// let cast = Map::from([("amount", Value::from(12.5)), ("paid", true.into()), ("count", "3".into())]);
/// assert_eq!(record.value.value, Value::Map(cast));
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.Cast")]
pub struct Cast<T> {
    spec: Spec,
    replace_null_with_default: bool,
    schemas: SchemaCache<Rebuilt>,
    target: PhantomData<T>,
}

impl<T> Cast<T> {
    fn updated_schema(&self, schema: &Schema) -> Result<Rebuilt> {
        let mut converts = self.spec.whole.is_some();
        let mut builder = match self.spec.whole {
            Some(ty) => {
                let mut builder = SchemaBuilder::new(ty);
                if let Some(name) = schema.name_str() {
                    builder = builder.name(name.clone());
                }
                if let Some(version) = schema.version() {
                    builder = builder.version(version);
                }
                if let Some(doc) = schema.doc() {
                    builder = builder.doc(doc);
                }
                builder.parameters(schema.parameters())
            }
            None => {
                let mut builder = SchemaBuilder::copy_basics(schema);
                for field in schema.fields()? {
                    converts |= self.spec.of_field(field.name()).is_some();
                    let new = self.field_schema(field.name(), field.schema())?;
                    builder = builder.field(field.name(), new);
                }
                builder
            }
        };
        if schema.is_optional() {
            builder = builder.optional();
        }
        if let Some(default) = schema.default_value() {
            builder = builder.default_value(cast(Some(schema), default, self.spec.whole)?);
        }
        Ok(Rebuilt { schema: builder.build()?, converts })
    }

    fn field_schema(&self, name: &str, schema: &Schema) -> Result<Schema> {
        let Some(ty) = self.spec.of_field(name) else { return Ok(schema.clone()) };
        let mut builder = SchemaBuilder::new(ty);
        if schema.is_optional() {
            builder = builder.optional();
        }
        if let Some(default) = schema.default_value() {
            builder = builder.default_value(cast(Some(schema), default, Some(ty))?);
        }
        builder.build()
    }

    fn apply_schemaless(&self, value: &mut Value) -> Result<()> {
        if self.spec.whole.is_some() {
            *value = cast(None, value, self.spec.whole)?;
            return Ok(());
        }
        let map = require_map(value, PURPOSE)?;
        for (field, ty) in &self.spec.fields {
            // A field that is not there is added with null, as in Kafka.
            let cast = cast(None, &map.get_owned(field).unwrap_or_default(), Some(*ty))?;
            map.insert(field, cast);
        }
        Ok(())
    }
}

impl<T: Target> Transformation for Cast<T> {
    type Config = CastConfig;

    fn configure(config: CastConfig) -> Result<Self> {
        Ok(Self {
            spec: Spec::parse(&config.spec)?,
            replace_null_with_default: config.replace_null_with_default,
            schemas: SchemaCache::default(),
            target: PhantomData,
        })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let data = T::of(record);
        if data.value.is_null() {
            return Ok(Outcome::Keep);
        }
        let Some(schema) = data.schema.clone() else {
            self.apply_schemaless(&mut data.value)?;
            return Ok(Outcome::Keep);
        };
        let updated = self.schemas.get(&schema, |schema| self.updated_schema(schema))?;
        data.value = if self.spec.whole.is_some() {
            cast(Some(&schema), &data.value, self.spec.whole)?
        } else {
            let before = require_struct(&data.value, PURPOSE)?;
            let replace = self.replace_null_with_default;
            if !updated.converts && before.schema().is_same(&schema) && is_settled(before, replace) {
                return Ok(Outcome::Keep);
            }
            rebuild(before, &schema, &updated.schema, replace, |field, value| {
                match self.spec.of_field(field.name()) {
                    Some(ty) => cast(Some(field.schema()), value, Some(ty)),
                    None => Ok(value.clone()),
                }
            })?
            .into()
        };
        data.schema = Some(updated.schema.clone());
        Ok(Outcome::Keep)
    }
}
