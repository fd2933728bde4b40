//! [`Cast`]: changes the types of fields, or of the whole key or value.

mod convert;
mod spec;

use std::marker::PhantomData;

use connect_api::data::{SchemaBuilder, Type};
use connect_api::transform::Target;
use connect_api::{Config, Outcome, Record, Result, Schema, Transformation, Value};

use crate::field_path::FieldSyntaxVersion;
use crate::rebuild::{Conversion, Rebuilt};
use crate::requirements::{is_settled, require_map, require_struct};
use crate::schema_cache::SchemaCache;
use convert::cast;
use spec::Spec;

/// The configuration of [`Cast`].
#[derive(Clone, Debug, Config)]
#[config(validate = check)]
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
    /// Defines the version of the syntax to access fields: `V1` for names of fields of the key or value itself, `V2` for
    /// paths, where dots separate the steps and backticks wrap a step that has dots. In an item of `spec` the last colon
    /// parts the path and the type. Kafka Connect does not have this key here.
    #[config(default = "V1", importance = High)]
    pub field_syntax_version: FieldSyntaxVersion,
}

fn check(config: &CastConfig) -> Result<()> {
    Spec::parse(&config.spec, config.field_syntax_version).map(drop)
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
/// With `field.syntax.version=V2`, which Kafka Connect does not have here, fields are paths; a path through null, or
/// through something that is not there, changes nothing. The structs on the way keep everything but the schemas of the
/// fields that are cast, defaults included.
///
/// # Errors
///
/// A data error for a text that is no such number, for values of other types, and for a path through anything that is no
/// struct or, without a schema, no map.
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
///
/// // With paths: the age in the customer.
/// let cast = plugins.find_transformation("Cast$Value")?;
/// let config = Properties::from([("spec", "customer.age:int32"), ("field.syntax.version", "V2")]);
/// let customer = Map::from([("name", "Ada"), ("age", "36")]);
/// let mut record = Record::new("orders", SchemaAndValue::schemaless(Map::from([("customer", customer)])));
/// let _ = cast.configure(&config)?.apply(&mut record)?;
/// let customer = Map::from([("name", Value::from("Ada")), ("age", 36.into())]);
/// assert_eq!(record.value.value, Value::Map(Map::from([("customer", customer)])));
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

impl<T> Conversion for Cast<T> {
    type To = Type;
    const PURPOSE: &'static str = "cast types";

    fn replaces_null_with_default(&self) -> bool {
        self.replace_null_with_default
    }

    fn convert_schema(&self, schema: &Schema, to: &Type) -> Result<Schema> {
        let mut builder = SchemaBuilder::new(*to);
        if schema.is_optional() {
            builder = builder.optional();
        }
        if let Some(default) = schema.default_value() {
            builder = builder.default_value(cast(Some(schema), default, Some(*to))?);
        }
        builder.build()
    }

    fn convert_value(&self, schema: Option<&Schema>, value: &Value, to: &Type) -> Result<Value> {
        cast(schema, value, Some(*to))
    }
}

impl<T> Cast<T> {
    fn updated_schema(&self, schema: &Schema) -> Result<Rebuilt> {
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
                if schema.is_optional() {
                    builder = builder.optional();
                }
                builder.parameters(schema.parameters())
            }
            None => self.convert_fields(schema, &self.spec.fields)?,
        };
        // Kafka has no answer for the default of a struct whose fields are cast.
        if let Some(default) = schema.default_value() {
            builder = builder.default_value(cast(Some(schema), default, self.spec.whole)?);
        }
        let converts = self.spec.whole.is_some() || self.spec.fields.reaches(schema);
        Ok(Rebuilt { schema: builder.build()?, converts })
    }

    fn apply_schemaless(&self, value: &mut Value) -> Result<()> {
        if self.spec.whole.is_some() {
            *value = cast(None, value, self.spec.whole)?;
            return Ok(());
        }
        self.convert_entries(require_map(value, Self::PURPOSE)?, &self.spec.fields)
    }
}

impl<T: Target> Transformation for Cast<T> {
    type Config = CastConfig;

    fn configure(config: CastConfig) -> Result<Self> {
        Ok(Self {
            spec: Spec::parse(&config.spec, config.field_syntax_version)?,
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
            let before = require_struct(&data.value, Self::PURPOSE)?;
            let same = before.schema().is_same(&schema) && !updated.converts;
            if same && is_settled(before, self.replace_null_with_default) {
                return Ok(Outcome::Keep);
            }
            self.rebuild(before, &schema, &updated.schema, &self.spec.fields)?.into()
        };
        data.schema = Some(updated.schema.clone());
        Ok(Outcome::Keep)
    }
}
