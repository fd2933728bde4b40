//! [`SetSchemaMetadata`]: gives a struct's schema another name or version.

use std::marker::PhantomData;

use connect_api::transform::Target;
use connect_api::{Config, Error, Outcome, Record, Result, Schema, Struct, Transformation};

use crate::requirements::field_value;
use crate::schema_cache::SchemaCache;

/// The configuration of [`SetSchemaMetadata`].
#[derive(Clone, Debug, Config)]
pub struct SetSchemaMetadataConfig {
    /// Schema name to set.
    #[config(importance = High)]
    pub schema_name: Option<String>,
    /// Schema version to set.
    #[config(importance = High)]
    pub schema_version: Option<i32>,
    /// Whether to replace fields that have a default value and that are null to the default value. When set to true,
    /// the default value is used, otherwise null is used.
    #[config(default = true)]
    pub replace_null_with_default: bool,
}

/// Sets the name, the version or both of the schema of the key or value.
///
/// Everything else of the schema stays, and so do the values, except that null fields take their defaults.
/// A record without schema and value passes. A schema that is not of a struct is an error, as in Kafka.
///
/// ```
/// use connect_api::{Plugins, Properties, Record, Schema, Struct};
///
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let config = Properties::from([("schema.name", "shop.Order"), ("schema.version", "2")]);
/// let set = plugins.find_transformation("SetSchemaMetadata$Value")?.configure(&config)?;
///
/// let row = Struct::new(Schema::structure().field("id", Schema::INT64).build()?)?.with("id", 1_i64)?;
/// let mut record = Record::new("orders", row.into());
/// let _ = set.apply(&mut record)?;
/// let schema = record.value.schema.ok_or("it is a struct")?;
/// assert_eq!((schema.name(), schema.version()), (Some("shop.Order"), Some(2)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.SetSchemaMetadata")]
pub struct SetSchemaMetadata<T> {
    name: Option<String>,
    version: Option<i32>,
    replace_null_with_default: bool,
    schemas: SchemaCache<Schema>,
    target: PhantomData<T>,
}

impl<T: Target> Transformation for SetSchemaMetadata<T> {
    type Config = SetSchemaMetadataConfig;

    fn configure(config: SetSchemaMetadataConfig) -> Result<Self> {
        if config.schema_name.is_none() && config.schema_version.is_none() {
            return Err(Error::config("schema.name", "Neither schema name nor version configured"));
        }
        Ok(Self {
            name: config.schema_name,
            version: config.schema_version,
            replace_null_with_default: config.replace_null_with_default,
            schemas: SchemaCache::default(),
            target: PhantomData,
        })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let data = T::of(record);
        let Some(schema) = &data.schema else {
            return match data.value.is_null() {
                true => Ok(Outcome::Keep),
                false => Err(Error::data("Schema required for [updating schema metadata]")),
            };
        };
        let updated = self.schemas.get(schema, |schema| {
            schema.fields()?;
            Ok(schema.with_metadata(self.name.as_deref(), self.version))
        })?;
        if let Some(before) = data.value.as_struct() {
            let fields = before.schema().fields()?;
            let mut values = Vec::with_capacity(fields.len());
            for field in fields {
                values.push(field_value(before, field, self.replace_null_with_default)?);
            }
            data.value = Struct::from_checked_values(Schema::clone(&updated), values)?.into();
        }
        data.schema = Some(Schema::clone(&updated));
        Ok(Outcome::Keep)
    }
}
