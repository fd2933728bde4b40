//! [`HeaderFrom`]: makes headers of fields.

use std::marker::PhantomData;

use connect_api::config::Validator;
use connect_api::data::SchemaBuilder;
use connect_api::header::Header;
use connect_api::transform::Target;
use connect_api::{Config, Error, Outcome, Record, Result, Schema, SchemaAndValue, Struct, Transformation};

use crate::field_path::{FieldPath, FieldSyntaxVersion};
use crate::replace_field::{ReplaceField, ReplaceFieldConfig};
use crate::requirements::{field_value, require_map, require_struct};
use crate::schema_cache::SchemaCache;

/// The configuration of [`HeaderFrom`].
#[derive(Clone, Debug, Config)]
pub struct HeaderFromConfig {
    /// Field names in the record whose values are to be copied or moved to headers.
    #[config(importance = High, validate = Validator::non_empty_list())]
    pub fields: Vec<String>,
    /// Header names, in the same order as the field names listed in the fields configuration property.
    #[config(importance = High, validate = Validator::non_empty_list())]
    pub headers: Vec<String>,
    /// Either <code>move</code> if the fields are to be moved to the headers (removed from the key/value), or
    /// <code>copy</code> if the fields are to be copied to the headers (retained in the key/value).
    #[config(importance = High, validate = Validator::one_of(["move", "copy"]))]
    pub operation: String,
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

/// Copies or moves fields of the key or value into headers. Headers that exist stay.
///
/// Without a schema a field that is not there becomes a header without value. With a schema it is an error, as in
/// Kafka, and the header takes the field's schema. With `field.syntax.version=V2`, which Kafka Connect does not have
/// here, fields are paths.
///
/// ```
/// use connect_api::data::Map;
/// use connect_api::{Plugins, Properties, Record, SchemaAndValue, Value};
///
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let config = Properties::from([("fields", "trace"), ("headers", "trace-id"), ("operation", "move")]);
/// let from = plugins.find_transformation("HeaderFrom$Value")?.configure(&config)?;
///
/// let order = Map::from([("id", Value::from(1)), ("trace", Value::from("a1"))]);
/// let mut record = Record::new("orders", SchemaAndValue::schemaless(order));
/// let _ = from.apply(&mut record)?;
/// assert_eq!(record.value.value.to_string(), "{id=1}");
/// let header = record.headers.last_with_name("trace-id").ok_or("it was moved")?;
/// assert_eq!(header.value(), &Value::from("a1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.HeaderFrom")]
pub struct HeaderFrom<T> {
    /// Fields with the headers that they become.
    pairs: Vec<(String, String)>,
    moves: bool,
    replace_null_with_default: bool,
    /// What is left of a struct whose fields are moved.
    schemas: SchemaCache<Schema>,
    /// Where the fields are paths: these, and what leaves moved fields out.
    paths: Option<(Vec<FieldPath>, ReplaceField<T>)>,
    target: PhantomData<T>,
}

impl<T: Target> HeaderFrom<T> {
    fn purpose(&self) -> &'static str {
        if self.moves { "header move" } else { "header copy" }
    }

    fn is_moved(&self, field: &str) -> bool {
        self.moves && self.pairs.iter().any(|(moved, _)| moved == field)
    }

    /// The same for fields that are paths.
    fn apply_paths(&self, record: &mut Record, paths: &[FieldPath], rest: &ReplaceField<T>) -> Result<()> {
        let data = T::of(record);
        let mut found = Vec::with_capacity(paths.len());
        for path in paths {
            found.push(if data.schema.is_none() {
                let map = require_map(&mut data.value, self.purpose())?;
                SchemaAndValue::schemaless(path.value_in_map(map)?)
            } else {
                let value = require_struct(&data.value, self.purpose())?;
                let field = path.field_of(value.schema())?;
                let field = field.ok_or_else(|| unknown_field(path.text(), value.schema()))?;
                let value = path.value_in_struct(value, self.replace_null_with_default)?;
                // What is inside a struct that is null is null, whatever its own schema requires.
                let optional = field.schema().is_optional() || value.is_null();
                SchemaAndValue::new(field.schema().with_optional(optional), value.clone())
            });
        }
        if self.moves {
            let _ = rest.apply(record)?;
        }
        for ((_, header), data) in self.pairs.iter().zip(found) {
            record.headers.add_header(Header::new(header, data));
        }
        Ok(())
    }

    fn apply_schemaless(&self, record: &mut Record) -> Result<()> {
        let map = require_map(&mut T::of(record).value, self.purpose())?;
        let values: Vec<_> =
            self.pairs.iter().map(|(field, _)| map.get_owned(field).unwrap_or_default()).collect();
        if self.moves {
            for (field, _) in &self.pairs {
                map.remove(field);
            }
        }
        for ((_, header), value) in self.pairs.iter().zip(values) {
            record.headers.add_header(Header::new(header, SchemaAndValue::schemaless(value)));
        }
        Ok(())
    }

    fn what_is_left(&self, schema: &Schema) -> Result<Schema> {
        let mut builder = SchemaBuilder::copy_basics(schema);
        for field in schema.fields()?.iter().filter(|field| !self.is_moved(field.name())) {
            builder = builder.field(field.name(), field.schema().clone());
        }
        builder.build()
    }

    fn apply_with_schema(&self, record: &mut Record) -> Result<()> {
        let before = require_struct(&T::of(record).value, self.purpose())?.clone();
        if let Some(schema) = &T::of(record).schema {
            // What describes the struct may be no schema of one.
            if self.moves {
                schema.fields()?;
            } else {
                schema.field("")?;
            }
        }
        if self.moves {
            let updated = self.schemas.get(before.schema(), |schema| self.what_is_left(schema))?;
            let mut values = Vec::with_capacity(updated.fields()?.len());
            for field in before.schema().fields()?.iter().filter(|field| !self.is_moved(field.name())) {
                values.push(field_value(&before, field, self.replace_null_with_default)?);
            }
            let data = T::of(record);
            data.value = Struct::from_checked_values(Schema::clone(&updated), values)?.into();
            data.schema = Some(Schema::clone(&updated));
        }
        for (name, header) in &self.pairs {
            let Some(field) = before.schema().field(name)? else {
                return Err(unknown_field(name, before.schema()));
            };
            let value = match self.replace_null_with_default {
                true => before.get(field)?,
                false => before.get_without_default(field)?,
            };
            let data = SchemaAndValue::new(field.schema().clone(), value.clone());
            record.headers.add(header, data)?;
        }
        Ok(())
    }
}

/// Kafka fails here with a `NullPointerException` that names no field.
fn unknown_field(name: &str, schema: &Schema) -> Error {
    Error::connect(format!("There is no field `{name}` in {schema}, so it cannot become a header"))
        .with_java_class("java.lang.NullPointerException")
}

impl<T: Target> Transformation for HeaderFrom<T> {
    type Config = HeaderFromConfig;

    fn configure(config: HeaderFromConfig) -> Result<Self> {
        if config.fields.len() != config.headers.len() {
            let message = "'fields' config must have the same number of elements as 'headers' config.";
            return Err(Error::config("fields", message));
        }
        let version = config.field_syntax_version;
        let paths = match version {
            FieldSyntaxVersion::V1 => None,
            FieldSyntaxVersion::V2 => {
                let parse = |field: &String| FieldPath::parse(field, version);
                let paths = config.fields.iter().map(parse).collect::<Result<_>>()?;
                let rest = ReplaceField::configure(ReplaceFieldConfig {
                    exclude: config.fields.clone(),
                    include: Vec::new(),
                    renames: Vec::new(),
                    replace_null_with_default: config.replace_null_with_default,
                    field_syntax_version: version,
                })?;
                Some((paths, rest))
            }
        };
        Ok(Self {
            paths,
            pairs: config.fields.into_iter().zip(config.headers).collect(),
            moves: config.operation == "move",
            replace_null_with_default: config.replace_null_with_default,
            schemas: SchemaCache::default(),
            target: PhantomData,
        })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        if let Some((paths, rest)) = &self.paths {
            self.apply_paths(record, paths, rest)?;
            return Ok(Outcome::Keep);
        }
        match T::of(record).schema.is_none() {
            true => self.apply_schemaless(record)?,
            false => self.apply_with_schema(record)?,
        }
        Ok(Outcome::Keep)
    }
}
