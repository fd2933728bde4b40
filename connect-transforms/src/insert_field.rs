//! [`InsertField`]: adds attributes of the record, or a fixed text, as fields.

use std::marker::PhantomData;

use connect_api::config::invalid;
use connect_api::data::{Date, SchemaBuilder};
use connect_api::transform::Target;
use connect_api::{
    Config, Error, ErrorKind, Outcome, Record, Result, Schema, Str, Struct, Transformation, Value,
};

use crate::requirements::{field_value, require_map, require_struct};
use crate::schema_cache::SchemaCache;

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
            let detail = format!("No value specified for static field: {}", Insertion::parse(field).name);
            Err(invalid("static.value", "null", detail))
        }
        _ => Ok(()),
    }
}

/// A field to add.
#[derive(Debug)]
struct Insertion {
    name: Str,
    optional: bool,
}

impl Insertion {
    fn parse(spec: &str) -> Self {
        match (spec.strip_suffix('!'), spec.strip_suffix('?')) {
            (Some(name), _) => Self { name: name.into(), optional: false },
            (_, Some(name)) => Self { name: name.into(), optional: true },
            _ => Self { name: spec.into(), optional: true },
        }
    }
}

/// Adds the record's topic, partition, offset or timestamp, or a fixed text, as fields of its key or value.
///
/// With a schema new fields stand at the end, and a field of that name must not be there yet. Without a schema a field
/// of that name is overwritten. A null key or value stays as it is.
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.InsertField")]
pub struct InsertField<T> {
    topic: Option<Insertion>,
    partition: Option<Insertion>,
    offset: Option<Insertion>,
    timestamp: Option<Insertion>,
    fixed: Option<(Insertion, Str)>,
    replace_null_with_default: bool,
    schemas: SchemaCache<Schema>,
    target: PhantomData<T>,
}

/// What the fields get from one record, in their order. `None`: the record has nothing for it.
type Inserted<'a> = [Option<(&'a Insertion, Option<Value>)>; 5];

impl<T> InsertField<T> {
    fn inserted(&self, record: &Record, timestamp: impl Fn(i64) -> Value) -> Result<Inserted<'_>> {
        let offset = match (&self.offset, record.kafka_offset()) {
            (None, _) => None,
            (Some(insertion), Some(offset)) => Some((insertion, Some(offset.into()))),
            (Some(_), None) => {
                return Err(Error::data(format!(
                    "Only SinkRecord supported for [{PURPOSE}], found: \
                     org.apache.kafka.connect.source.SourceRecord"
                )));
            }
        };
        Ok([
            self.topic.as_ref().map(|insertion| (insertion, Some(Value::from(&record.topic)))),
            self.partition.as_ref().map(|insertion| (insertion, record.kafka_partition.map(Value::from))),
            offset,
            self.timestamp.as_ref().map(|insertion| (insertion, record.timestamp.map(timestamp))),
            self.fixed.as_ref().map(|(insertion, text)| (insertion, Some(text.into()))),
        ])
    }

    fn updated_schema(&self, schema: &Schema) -> Result<Schema> {
        let mut builder = SchemaBuilder::copy_basics(schema);
        for field in schema.fields()? {
            builder = builder.field(field.name(), field.schema().clone());
        }
        let new = [
            (self.topic.as_ref(), Schema::STRING),
            (self.partition.as_ref(), Schema::INT32),
            (self.offset.as_ref(), Schema::INT64),
            (self.timestamp.as_ref(), Schema::timestamp()),
            (self.fixed.as_ref().map(|(insertion, _)| insertion), Schema::STRING),
        ];
        for (insertion, schema) in new {
            if let Some(insertion) = insertion {
                builder = builder.field(&insertion.name, schema.with_optional(insertion.optional));
            }
        }
        builder.build()
    }
}

impl<T: Target> Transformation for InsertField<T> {
    type Config = InsertFieldConfig;

    fn configure(config: InsertFieldConfig) -> Result<Self> {
        check(&config)?;
        let parse = |spec: Option<String>| spec.map(|spec| Insertion::parse(&spec));
        let fixed = parse(config.static_field).zip(config.static_value.map(Str::from));
        Ok(Self {
            topic: parse(config.topic_field),
            partition: parse(config.partition_field),
            offset: parse(config.offset_field),
            timestamp: parse(config.timestamp_field),
            fixed,
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
        if data.schema.is_none() {
            require_map(&mut data.value, PURPOSE)?;
            let inserted = self.inserted(record, Value::from)?;
            let map = require_map(&mut T::of(record).value, PURPOSE)?;
            for (insertion, value) in inserted.into_iter().flatten() {
                if let Some(value) = value {
                    map.insert(&insertion.name, value);
                }
            }
            return Ok(Outcome::Keep);
        }
        let schema = require_struct(&data.value, PURPOSE)?.schema().clone();
        let updated = self.schemas.get(&schema, |schema| self.updated_schema(schema))?;
        let inserted = self.inserted(record, |timestamp| Value::Date(Date(timestamp)))?;
        let data = T::of(record);
        let before = require_struct(&data.value, PURPOSE)?;
        let fields = schema.fields()?;
        let mut values = Vec::with_capacity(fields.len() + inserted.len());
        for field in fields {
            values.push(field_value(before, field, self.replace_null_with_default)?);
        }
        values.extend(inserted.into_iter().flatten().map(|(_, value)| value.unwrap_or_default()));
        data.value = Struct::from_checked_values(Schema::clone(&updated), values)?.into();
        data.schema = Some(Schema::clone(&updated));
        Ok(Outcome::Keep)
    }
}
