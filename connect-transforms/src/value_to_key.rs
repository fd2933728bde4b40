//! [`ValueToKey`]: makes a key of fields of the value.

use connect_api::config::Validator;
use connect_api::data::{Map, Shape};
use connect_api::{
    Config, Error, Outcome, Record, Result, Schema, SchemaAndValue, Struct, Transformation, Value,
};

use crate::field_path::{FieldPath, FieldSyntaxVersion};
use crate::requirements::{require_map, require_struct};
use crate::schema_cache::SchemaCache;

const PURPOSE: &str = "copying fields from value to key";

/// The configuration of [`ValueToKey`].
#[derive(Clone, Debug, Config)]
pub struct ValueToKeyConfig {
    /// Field names on the record value to extract as the record key.
    #[config(importance = High, validate = Validator::non_duplicate_list(false, false))]
    pub fields: Vec<String>,
    /// Whether to replace fields that have a default value and that are null to the default value. When set to true,
    /// the default value is used, otherwise null is used.
    #[config(default = true)]
    pub replace_null_with_default: bool,
    /// Defines the version of the syntax to access fields: `V1` for names of fields of the value itself, `V2` for
    /// paths, where dots separate the steps and backticks wrap a step that has dots. Kafka Connect has this key since
    /// 4.4.
    #[config(default = "V1", importance = High)]
    pub field_syntax_version: FieldSyntaxVersion,
}

/// Replaces the record's key by a struct, or a map where the value has no schema, of fields of the value.
///
/// The fields of the key are named as they are written in the configuration, paths included. Without a schema a field
/// that is not there is null in the key; with one it is an error. The value stays as it is; a null value is an error.
///
/// ```
/// use connect_api::{Plugins, Properties, Record, SchemaAndValue, data::Map};
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let to_key = plugins.find_transformation("ValueToKey")?.configure(&Properties::from([("fields", "id")]))?;
///
/// let order = Map::from([("id", "7"), ("item", "tea")]);
/// let mut record = Record::new("orders", SchemaAndValue::schemaless(order));
/// let _ = to_key.apply(&mut record)?;
/// assert_eq!(record.key.value.to_string(), "{id=7}");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.ValueToKey")]
pub struct ValueToKey {
    fields: Vec<FieldPath>,
    shape: Shape,
    replace_null_with_default: bool,
    schemas: SchemaCache<Schema>,
}

impl ValueToKey {
    fn key_schema(&self, schema: &Schema) -> Result<Schema> {
        let mut builder = Schema::structure();
        for path in &self.fields {
            let field = path.field_of(schema)?;
            let field = field.ok_or_else(|| Error::data(format!("Field does not exist: {}", path.text())))?;
            builder = builder.field(path.text(), field.schema().clone());
        }
        builder.build()
    }
}

impl Transformation for ValueToKey {
    type Config = ValueToKeyConfig;

    fn configure(config: ValueToKeyConfig) -> Result<Self> {
        let parse = |text: &String| FieldPath::parse(text, config.field_syntax_version);
        Ok(Self {
            fields: config.fields.iter().map(parse).collect::<Result<_>>()?,
            shape: Shape::new(&config.fields),
            replace_null_with_default: config.replace_null_with_default,
            schemas: SchemaCache::default(),
        })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        if record.value.schema.is_none() {
            let value = require_map(&mut record.value.value, PURPOSE)?;
            let values = self.fields.iter().map(|path| path.value_in_map(value)).collect::<Result<_>>()?;
            record.key = SchemaAndValue::schemaless(Map::with_shape(self.shape.clone(), values));
            return Ok(Outcome::Keep);
        }
        let value = require_struct(&record.value.value, PURPOSE)?;
        let schema = self.schemas.get(value.schema(), |schema| self.key_schema(schema))?;
        let mut values = Vec::with_capacity(self.fields.len());
        for (path, field) in self.fields.iter().zip(schema.fields()?) {
            let value = path.value_in_struct(value, self.replace_null_with_default)?;
            if value.is_null() && !field.schema().is_optional() {
                Struct::new(Schema::clone(&schema))?.put(field, Value::Null)?;
            }
            values.push(value.clone());
        }
        let value_schema = value.schema().clone();
        record.key = Struct::from_checked_values(Schema::clone(&schema), values)?.into();
        record.value.schema = Some(value_schema);
        Ok(Outcome::Keep)
    }
}
