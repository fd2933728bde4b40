//! [`HoistField`]: makes the whole a field.

use std::marker::PhantomData;

use connect_api::data::{Map, Shape};
use connect_api::transform::Target;
use connect_api::{Config, Outcome, Record, Result, Schema, Str, Struct, Transformation};

use crate::schema_cache::SchemaCache;

/// The configuration of [`HoistField`].
#[derive(Clone, Debug, Config)]
pub struct HoistFieldConfig {
    /// Field name for the single field that will be created in the resulting Struct or Map.
    pub field: String,
}

/// Makes the whole key or value the only field of a new struct, or of a map where there is no schema.
///
/// A null without schema becomes a map too, so a tombstone is none afterwards. Null with a schema that requires a value
/// is an error.
///
/// ```
/// use connect_api::{Plugins, Properties, Record, Schema, SchemaAndValue};
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let hoist = plugins.find_transformation("HoistField$Value")?.configure(&Properties::from([("field", "line")]))?;
///
/// let mut record = Record::new("lines", SchemaAndValue::new(Some(Schema::STRING), "one"));
/// let _ = hoist.apply(&mut record)?;
/// assert_eq!(record.value.value.to_string(), "Struct{line=one}");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.HoistField")]
pub struct HoistField<T> {
    field: Str,
    shape: Shape,
    schemas: SchemaCache<Schema>,
    target: PhantomData<T>,
}

impl<T: Target> Transformation for HoistField<T> {
    type Config = HoistFieldConfig;

    fn configure(config: HoistFieldConfig) -> Result<Self> {
        let field = Str::from(config.field);
        let shape = Shape::new([&field]);
        Ok(Self { field, shape, schemas: SchemaCache::default(), target: PhantomData })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let data = T::of(record);
        let value = data.value.take();
        let Some(schema) = &data.schema else {
            data.value = Map::with_shape(self.shape.clone(), vec![value]).into();
            return Ok(Outcome::Keep);
        };
        let hoisted = self
            .schemas
            .get(schema, |schema| Schema::structure().field(&self.field, schema.clone()).build())?;
        data.value = Struct::new(Schema::clone(&hoisted))?.with(0, value)?.into();
        data.schema = Some(Schema::clone(&hoisted));
        Ok(Outcome::Keep)
    }
}
