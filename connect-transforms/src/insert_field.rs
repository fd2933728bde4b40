//! [`InsertField`]: adds attributes of the record, or a fixed text, as fields.

use std::marker::PhantomData;

use connect_api::config::invalid;
use connect_api::data::{Date, Map, SchemaBuilder, Shape};
use connect_api::transform::Target;
use connect_api::{
    Config, Error, ErrorKind, Outcome, Record, Result, Schema, Str, Struct, Transformation, Value,
};

use crate::field_path::{FieldPath, FieldSyntaxVersion, NESTED};
use crate::requirements::{into_field_values, require_map, require_struct, take_struct};
use crate::schema_cache::{SchemaCache, ShapeCache};

const PURPOSE: &str = "field insertion";

/// The configuration of [`InsertField`].
#[derive(Clone, Debug, Config)]
#[config(validate = check)]
pub struct InsertFieldConfig {
    /// Field name for Kafka topic. Suffix with `!` to make this a required field, or `?` to keep it optional (the
    /// default).
    pub topic_field: Option<String>,
    /// Field name for Kafka partition. Suffix with `!` to make this a required field, or `?` to keep it optional (the
    /// default).
    pub partition_field: Option<String>,
    /// Field name for Kafka offset. This is only applicable to sink connectors. Suffix with `!` to make this a
    /// required field, or `?` to keep it optional (the default).
    pub offset_field: Option<String>,
    /// Field name for record timestamp. Suffix with `!` to make this a required field, or `?` to keep it optional (the
    /// default).
    pub timestamp_field: Option<String>,
    /// Field name for static data field. Suffix with `!` to make this a required field, or `?` to keep it optional
    /// (the default).
    pub static_field: Option<String>,
    /// Static field value, if field name configured.
    pub static_value: Option<String>,
    /// Whether to replace fields that have a default value and that are null to the default value. When set to true,
    /// the default value is used, otherwise null is used.
    #[config(default = true)]
    pub replace_null_with_default: bool,
    /// Defines the version of the syntax to access fields: `V1` for names of fields of the key or value itself, `V2` for
    /// paths, where dots separate the steps and backticks wrap a step that has dots. Kafka Connect does not have this
    /// key here.
    #[config(default = "V1", importance = High)]
    pub field_syntax_version: FieldSyntaxVersion,
}

/// A name without the suffix that says whether the field is optional.
fn split_suffix(spec: &str) -> (&str, bool) {
    match (spec.strip_suffix('!'), spec.strip_suffix('?')) {
        (Some(name), _) => (name, false),
        (_, Some(name)) => (name, true),
        _ => (spec, true),
    }
}

fn check(config: &InsertFieldConfig) -> Result<()> {
    let fields = [
        &config.topic_field,
        &config.partition_field,
        &config.offset_field,
        &config.timestamp_field,
        &config.static_field,
    ];
    if fields.iter().all(|field| field.is_none()) {
        return Err(Error::new(ErrorKind::Config, "No field insertion configured"));
    }
    match (&config.static_field, &config.static_value) {
        (Some(field), None) => {
            let detail = format!("No value specified for static field: {}", split_suffix(field).0);
            Err(invalid("static.value", "null", detail))
        }
        _ => Ok(()),
    }
}

/// Where the value of an inserted field comes from, in the order of insertion.
#[derive(Clone, Debug)]
enum Source {
    Topic,
    Partition,
    Offset,
    Timestamp,
    Fixed(Str),
}

impl Source {
    /// What a record has for the field; null if it has nothing.
    fn value(&self, record: &Record, timestamp: fn(i64) -> Value) -> Result<Value> {
        Ok(match self {
            Self::Topic => Value::from(&record.topic),
            Self::Partition => record.kafka_partition.into(),
            Self::Offset => match record.kafka_offset() {
                Some(offset) => offset.into(),
                None => {
                    return Err(Error::data(format!(
                        "Only SinkRecord supported for [{PURPOSE}], found: \
                         org.apache.kafka.connect.source.SourceRecord"
                    )));
                }
            },
            Self::Timestamp => record.timestamp.map(timestamp).into(),
            Self::Fixed(text) => text.into(),
        })
    }

    fn schema(&self) -> Schema {
        match self {
            Self::Topic | Self::Fixed(_) => Schema::STRING,
            Self::Partition => Schema::INT32,
            Self::Offset => Schema::INT64,
            Self::Timestamp => Schema::timestamp(),
        }
    }
}

/// A field to add.
#[derive(Debug)]
struct Insertion {
    source: Source,
    /// The structs or maps that it goes into, from the outside.
    parents: Vec<Str>,
    name: Str,
    path: Str,
    optional: bool,
}

impl Insertion {
    fn parse(source: Source, spec: &str, version: FieldSyntaxVersion) -> Result<Self> {
        let (name, optional) = split_suffix(spec);
        let path = FieldPath::parse(name, version)?;
        let (last, before) = path.split().map_err(|_| {
            Error::new(ErrorKind::Config, "The empty path names no field; write `` for a field without name")
        })?;
        Ok(Self { source, parents: before.to_vec(), name: last.clone(), path: path.text().clone(), optional })
    }

    /// The schema with the new field inside one of its fields.
    fn nested_schema(&self, schema: &Schema, parents: &[Str]) -> Result<Schema> {
        let mut builder = SchemaBuilder::copy_basics(schema);
        let parent = parents.first();
        if let Some(parent) = parent
            && schema.field(parent)?.is_none()
        {
            let message = format!("Cannot insert the field {}: there is no field {parent}", self.path);
            return Err(Error::data(message));
        }
        for field in schema.fields()? {
            let inner = match parent {
                Some(parent) if field.name() == parent => {
                    let inner = self.nested_schema(field.schema(), &parents[1..])?;
                    inner.with_optional(field.schema().is_optional())
                }
                _ => field.schema().clone(),
            };
            builder = builder.field(field.name(), inner);
        }
        if parent.is_none() {
            builder = builder.field(&self.name, self.source.schema().with_optional(self.optional));
        }
        builder.build()
    }

    /// A struct of the schema that [`nested_schema`](Self::nested_schema) made.
    fn nested_struct(
        &self,
        before: &Struct,
        schema: &Schema,
        parents: &[Str],
        value: Value,
    ) -> Result<Struct> {
        let mut values = before.values().to_vec();
        match parents.split_first() {
            None => values.push(value),
            Some((parent, rest)) => {
                if let Some(field) = schema.field(parent)?
                    && !values[field.index()].is_null()
                {
                    let inner = require_struct(&values[field.index()], NESTED)?;
                    values[field.index()] = self.nested_struct(inner, field.schema(), rest, value)?.into();
                }
            }
        }
        Struct::from_checked_values(schema.clone(), values)
    }

    fn insert_nested(&self, map: &mut Map, parents: &[Str], value: Value) -> Result<()> {
        let Some((parent, rest)) = parents.split_first() else {
            map.insert(&self.name, value);
            return Ok(());
        };
        let mut inner = map.set(parent, Value::Null).unwrap_or_default();
        if inner.is_null() {
            return Ok(());
        }
        self.insert_nested(require_map(&mut inner, NESTED)?, rest, value)?;
        map.insert(parent, inner);
        Ok(())
    }
}

/// Adds the record's topic, partition, offset or timestamp, or a fixed text, as fields of its key or value.
///
/// With a schema new fields stand at the end, and a field of that name must not be there yet. Without a schema a field
/// of that name is overwritten, and nothing is added where the record has no partition or timestamp. A null key or value
/// stays as it is. Only records that a sink gets have an offset.
///
/// With `field.syntax.version=V2`, which Kafka Connect does not have here, names are paths into structs or maps that
/// exist; where they are null, or where a map has no such entry, nothing is added.
///
/// ```
/// use connect_api::{Plugins, Properties, Record, SchemaAndValue, data::Map};
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let config = Properties::from([("topic.field", "origin"), ("static.field", "site"), ("static.value", "Ulm")]);
/// let insert = plugins.find_transformation("InsertField$Value")?.configure(&config)?;
///
/// let mut record = Record::new("orders", SchemaAndValue::schemaless(Map::from([("id", 7)])));
/// let _ = insert.apply(&mut record)?;
/// assert_eq!(record.value.value.to_string(), "{id=7, origin=orders, site=Ulm}");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.InsertField")]
pub struct InsertField<T> {
    /// Fields of the key or value itself.
    fields: Vec<Insertion>,
    /// Fields deeper inside, which are added afterwards.
    nested: Vec<Insertion>,
    replace_null_with_default: bool,
    schemas: SchemaCache<Plan>,
    maps: ShapeCache<MapPlan>,
    target: PhantomData<T>,
}

/// The schemas with all fields of its own, and with each nested field more.
#[derive(Debug)]
struct Plan {
    schema: Schema,
    nested: Vec<Schema>,
}

/// What becomes of maps of one key list if there is a value for each field.
#[derive(Debug)]
struct MapPlan {
    shape: Shape,
    places: Vec<usize>,
}

impl<T> InsertField<T> {
    fn plan(&self, schema: &Schema) -> Result<Plan> {
        let mut builder = SchemaBuilder::copy_basics(schema);
        for field in schema.fields()? {
            builder = builder.field(field.name(), field.schema().clone());
        }
        for Insertion { source, name, optional, .. } in &self.fields {
            builder = builder.field(name, source.schema().with_optional(*optional));
        }
        let mut nested = Vec::with_capacity(self.nested.len());
        let schema = builder.build()?;
        for insertion in &self.nested {
            let before = nested.last().unwrap_or(&schema);
            nested.push(insertion.nested_schema(before, &insertion.parents)?);
        }
        Ok(Plan { schema, nested })
    }

    fn map_plan(&self, shape: &Shape) -> MapPlan {
        let mut keys = shape.keys().to_vec();
        let mut places = Vec::with_capacity(self.fields.len());
        for Insertion { name, .. } in &self.fields {
            let place = keys.iter().position(|key| key == name);
            places.push(place.unwrap_or(keys.len()));
            if place.is_none() {
                keys.push(name.clone());
            }
        }
        let shape = if keys.len() == shape.len() { shape.clone() } else { Shape::new(keys) };
        MapPlan { shape, places }
    }

    /// Adds to a map what the record has.
    fn insert_in_map(&self, map: &mut Map, record: &Record) -> Result<()> {
        let has_all = |insertion: &Insertion| match insertion.source {
            Source::Partition => record.kafka_partition.is_some(),
            Source::Timestamp => record.timestamp.is_some(),
            _ => true,
        };
        if let Some(shape) = map.shape()
            && self.fields.iter().all(has_all)
        {
            let plan = self.maps.get(shape, |shape| Ok(self.map_plan(shape)))?;
            let mut result: Result<()> = Ok(());
            map.reshape(&plan.shape, |values| {
                values.reserve_exact(plan.shape.len() - values.len());
                result = self.fields.iter().zip(&plan.places).try_for_each(|(insertion, place)| {
                    let value = insertion.source.value(record, Value::from)?;
                    match values.get_mut(*place) {
                        Some(slot) => *slot = value,
                        None => values.push(value),
                    }
                    Ok(())
                });
            });
            result?;
        } else {
            for insertion in &self.fields {
                let value = insertion.source.value(record, Value::from)?;
                if !value.is_null() {
                    map.insert(&insertion.name, value);
                }
            }
        }
        for insertion in &self.nested {
            let value = insertion.source.value(record, Value::from)?;
            if !value.is_null() {
                insertion.insert_nested(map, &insertion.parents, value)?;
            }
        }
        Ok(())
    }

    fn insert_in_struct(&self, before: Struct, plan: &Plan, record: &Record) -> Result<Struct> {
        let date = |timestamp| Value::Date(Date(timestamp));
        let mut values = into_field_values(before, self.replace_null_with_default)?;
        values.reserve_exact(self.fields.len());
        for insertion in &self.fields {
            values.push(insertion.source.value(record, date)?);
        }
        let mut after = Struct::from_checked_values(plan.schema.clone(), values)?;
        for (insertion, schema) in self.nested.iter().zip(&plan.nested) {
            let value = insertion.source.value(record, date)?;
            after = insertion.nested_struct(&after, schema, &insertion.parents, value)?;
        }
        Ok(after)
    }
}

impl<T: Target> Transformation for InsertField<T> {
    type Config = InsertFieldConfig;

    fn configure(config: InsertFieldConfig) -> Result<Self> {
        check(&config)?;
        let fixed = Source::Fixed(config.static_value.unwrap_or_default().into());
        let specs = [
            (Source::Topic, config.topic_field),
            (Source::Partition, config.partition_field),
            (Source::Offset, config.offset_field),
            (Source::Timestamp, config.timestamp_field),
            (fixed, config.static_field),
        ];
        let mut insertions = Vec::new();
        for (source, spec) in specs {
            if let Some(spec) = spec {
                insertions.push(Insertion::parse(source, &spec, config.field_syntax_version)?);
            }
        }
        let (fields, nested) = insertions.into_iter().partition(|insertion| insertion.parents.is_empty());
        Ok(Self {
            fields,
            nested,
            replace_null_with_default: config.replace_null_with_default,
            schemas: SchemaCache::default(),
            maps: ShapeCache::default(),
            target: PhantomData,
        })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let data = T::of(record);
        if data.value.is_null() {
            return Ok(Outcome::Keep);
        }
        if data.schema.is_none() {
            require_map(&mut data.value, PURPOSE)?;
            let mut value = data.value.take();
            self.insert_in_map(require_map(&mut value, PURPOSE)?, record)?;
            T::of(record).value = value;
            return Ok(Outcome::Keep);
        }
        let value = take_struct(&mut data.value, PURPOSE)?;
        let plan = self.schemas.get(value.schema(), |schema| self.plan(schema))?;
        let after = self.insert_in_struct(value, &plan, record)?;
        *T::of(record) = after.into();
        Ok(Outcome::Keep)
    }
}
