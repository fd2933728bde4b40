//! [`Flatten`]: brings nested fields to the top.

use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use connect_api::data::{Map, SchemaBuilder, Shape, Type, ValueRef};
use connect_api::transform::Target;
use connect_api::{
    Config, Error, ErrorKind, Outcome, Record, Result, Schema, Str, Struct, Transformation, Value,
};

use crate::requirements::{not_a_text_key, require_map, require_struct};
use crate::schema_cache::SchemaCache;

const PURPOSE: &str = "flattening";

/// The configuration of [`Flatten`].
#[derive(Clone, Debug, Config)]
pub struct FlattenConfig {
    /// Delimiter to insert between field names from the input record when generating field names for the output
    /// record.
    #[config(default = ".")]
    pub delimiter: String,
}

/// Brings the fields of nested structs, or of nested maps where there is no schema, to the top. Their names are joined
/// with a delimiter.
///
/// Lists stay as they are. A field is optional if itself or anything around it is; where it has no default, it has that
/// of the struct around it. With a schema two fields of one name are an error, as are maps; without a schema the later
/// field wins. A null key or value stays as it is.
///
/// ```
/// use connect_api::{Plugins, Properties, Record, SchemaAndValue, Value, data::Map};
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let flatten = plugins.find_transformation("Flatten$Value")?.configure(&Properties::from([("delimiter", "_")]))?;
///
/// let customer = Map::from([("id", Value::from(7)), ("address", Map::from([("city", "Ulm")]).into())]);
/// let mut record = Record::new("customers", SchemaAndValue::schemaless(customer));
/// let _ = flatten.apply(&mut record)?;
/// assert_eq!(record.value.value.to_string(), "{id=7, address_city=Ulm}");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.Flatten")]
pub struct Flatten<T> {
    delimiter: String,
    schemas: SchemaCache<Schema>,
    latest: Mutex<Option<Shape>>,
    target: PhantomData<T>,
}

impl<T> Flatten<T> {
    fn name(&self, prefix: &str, name: &str) -> String {
        match prefix {
            "" => name.to_owned(),
            _ => format!("{prefix}{}{name}", self.delimiter),
        }
    }

    /// Adds the entries of a map, and of the maps in it.
    fn flatten_map(&self, map: Map, prefix: &str, flat: &mut Flat) -> Result<()> {
        let (shape, values) = match map.into_parts() {
            Ok(parts) => parts,
            Err(map) => return self.flatten_any_keys(map, prefix, flat),
        };
        for (key, value) in shape.keys().iter().zip(values) {
            match (prefix.is_empty(), value) {
                (true, Value::Map(inner)) => self.flatten_map(inner, key, flat)?,
                (false, Value::Map(inner)) => self.flatten_map(inner, &self.name(prefix, key), flat)?,
                (true, value) => flat.push(key.clone(), value)?,
                (false, value) => flat.push(self.name(prefix, key).into(), value)?,
            }
        }
        Ok(())
    }

    /// The same for a map with a key that is no text. Only null is possible, and stays null if it is not inside.
    fn flatten_any_keys(&self, map: Map, prefix: &str, flat: &mut Flat) -> Result<()> {
        for (key, value) in map {
            let name = match key {
                Value::Null if prefix.is_empty() => None,
                Value::Null => Some(self.name(prefix, "null")),
                Value::String(key) => Some(self.name(prefix, &key)),
                other => return Err(not_a_text_key(&other)),
            };
            match (name, value) {
                (Some(name), Value::Map(inner)) => self.flatten_map(inner, &name, flat)?,
                (None, Value::Map(inner)) if inner.is_empty() => {}
                (None, Value::Map(_)) => return Err(no_name()),
                (Some(name), value) => flat.push(name.into(), value)?,
                (None, value) => {
                    check_leaf(value.as_ref(), "null")?;
                    flat.without_name = Some(value);
                }
            }
        }
        Ok(())
    }

    fn flatten_schema(
        &self,
        schema: &Schema,
        prefix: &str,
        mut builder: SchemaBuilder,
        optional: bool,
        default: Option<&Struct>,
    ) -> Result<SchemaBuilder> {
        for field in schema.fields()? {
            let name = self.name(prefix, field.name());
            let optional = optional || field.schema().is_optional();
            let own = field.schema().default_value();
            let inherited = match (own, default) {
                (None, Some(parent)) => Some(parent.get(field)?).filter(|value| !value.is_null()),
                _ => None,
            };
            builder = match field.schema().ty() {
                Type::Struct if field.schema().is_recursive() => return Err(endless(&name)),
                Type::Struct => {
                    let default = own.or(inherited).and_then(Value::as_struct);
                    self.flatten_schema(field.schema(), &name, builder, optional, default)?
                }
                Type::Map => return Err(no_map(&name)),
                _ => builder.field(name, leaf(field.schema(), optional, inherited)?),
            };
        }
        Ok(builder)
    }

    /// Puts the leaves of a struct that has not the schema of the record, by their names.
    fn put_leaves(&self, value: &Struct, prefix: &str, flat: &mut Struct) -> Result<()> {
        for field in value.schema().fields()? {
            let name = self.name(prefix, field.name());
            match field.schema().ty() {
                Type::Struct => {
                    if let Some(inner) = value.get_struct(field)? {
                        self.put_leaves(inner, &name, flat)?;
                    }
                }
                Type::Map => return Err(no_map(&name)),
                _ => flat.put(name.as_str(), value.get(field)?.clone())?,
            }
        }
        Ok(())
    }
}

/// The entries of a flat map.
#[derive(Default)]
struct Flat {
    names: Vec<Str>,
    values: Vec<Value>,
    /// The value whose key is null.
    without_name: Option<Value>,
}

impl Flat {
    fn push(&mut self, name: Str, value: Value) -> Result<()> {
        check_leaf(value.as_ref(), &name)?;
        self.names.push(name);
        self.values.push(value);
        Ok(())
    }

    /// The map; with the key list of the one before, if that had these names.
    fn into_map(self, latest: &Mutex<Option<Shape>>) -> Map {
        let mut latest = latest.lock().unwrap_or_else(PoisonError::into_inner);
        let shape = match &*latest {
            Some(shape) if *shape.keys() == *self.names => shape.clone(),
            _ => latest.insert(Shape::new(self.names.iter().cloned())).clone(),
        };
        let mut map = match shape.len() == self.names.len() {
            true => Map::with_shape(shape, self.values),
            // Of two values of one name the later one stays.
            false => self.names.into_iter().zip(self.values).collect(),
        };
        if let Some(value) = self.without_name {
            map.insert_value(Value::Null, value);
        }
        map
    }
}

/// Adds the values of all leaves of a struct, in the order of the fields of the flat schema. Null is refused where that
/// requires a value, but for leaves of a struct that is null.
fn push_leaves(value: &Struct, flat: &Schema, leaves: &mut Vec<Value>) -> Result<()> {
    for field in value.schema().fields()? {
        match (field.schema().ty(), value.get_without_default(field)?) {
            (Type::Struct, Value::Struct(inner)) => push_leaves(inner, flat, leaves)?,
            (Type::Struct, _) => leaves.resize(leaves.len() + count_leaves(field.schema())?, Value::Null),
            _ => {
                let leaf = value.get(field)?;
                if leaf.is_null() && !flat.fields()?[leaves.len()].schema().is_optional() {
                    Struct::new(flat.clone())?.put(leaves.len(), Value::Null)?;
                }
                leaves.push(leaf.clone());
            }
        }
    }
    Ok(())
}

fn count_leaves(schema: &Schema) -> Result<usize> {
    schema.fields()?.iter().try_fold(0, |sum, field| match field.schema().ty() {
        Type::Struct => Ok(sum + count_leaves(field.schema())?),
        _ => Ok(sum + 1),
    })
}

/// Checks what may be a leaf where there is no schema. The logical types are none of them.
fn check_leaf(value: ValueRef<'_>, name: &str) -> Result<()> {
    let class = || value.to_value().java_class_name();
    match value {
        ValueRef::Decimal(_) | ValueRef::BigInteger(_) | ValueRef::Date(_) => Err(Error::data(format!(
            "Flatten transformation was passed a value of type class {} which is not supported by Connect's data API",
            class()
        ))),
        ValueRef::Struct(_) => Err(Error::data(format!(
            "Flatten transformation does not support class {} for record without schemas (for field {name}).",
            class()
        ))),
        _ => Ok(()),
    }
}

/// Kafka fails here with a `NullPointerException` that names nothing.
fn no_name() -> Error {
    Error::data("Flatten transformation cannot name the entries of a map whose own key is null")
        .with_java_class("java.lang.NullPointerException")
}

/// Java ends in a `StackOverflowError`.
fn endless(name: &str) -> Error {
    Error::data(format!(
        "Flatten transformation does not support structs that contain themselves (for field {name})."
    ))
    .with_java_class("java.lang.StackOverflowError")
}

fn no_map(name: &str) -> Error {
    let message =
        format!("Flatten transformation does not support MAP for record with schemas (for field {name}).");
    Error::data(message)
}

/// The schema of a leaf: optional or not, and perhaps with the default that the struct around it has for it.
fn leaf(schema: &Schema, optional: bool, inherited: Option<&Value>) -> Result<Schema> {
    if schema.ty() == Type::Array && schema.value_schema()?.is_none() {
        return Err(Error::new(ErrorKind::SchemaBuilder, "valueSchema cannot be null."));
    }
    let Some(default) = inherited else {
        return Ok(schema.with_optional(optional));
    };
    let mut builder = match schema.ty() {
        Type::Array => SchemaBuilder::array(schema.value_schema()?.cloned()),
        ty => SchemaBuilder::new(ty),
    };
    if optional {
        builder = builder.optional();
    }
    if let Some(name) = schema.name_str() {
        builder = builder.name(name);
    }
    if let Some(version) = schema.version() {
        builder = builder.version(version);
    }
    if let Some(doc) = schema.doc() {
        builder = builder.doc(doc);
    }
    builder.parameters(schema.parameters()).default_value(default.clone()).build()
}

impl<T: Target> Transformation for Flatten<T> {
    type Config = FlattenConfig;

    fn configure(config: FlattenConfig) -> Result<Self> {
        Ok(Self {
            delimiter: config.delimiter,
            schemas: SchemaCache::default(),
            latest: Mutex::default(),
            target: PhantomData,
        })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let data = T::of(record);
        if data.value.is_null() {
            return Ok(Outcome::Keep);
        }
        let Some(schema) = &data.schema else {
            let map = require_map(&mut data.value, PURPOSE)?;
            if is_flat(map)? {
                return Ok(Outcome::Keep);
            }
            let mut flat = Flat::default();
            self.flatten_map(std::mem::take(map), "", &mut flat)?;
            *map = flat.into_map(&self.latest);
            return Ok(Outcome::Keep);
        };
        let value = require_struct(&data.value, PURPOSE)?;
        let flat_schema = self.schemas.get(schema, |schema| {
            let default = schema.default_value().and_then(Value::as_struct);
            let builder = SchemaBuilder::copy_basics(schema);
            self.flatten_schema(schema, "", builder, schema.is_optional(), default)?.build()
        })?;
        let mut flat = Struct::new(Schema::clone(&flat_schema))?;
        if value.schema() == schema {
            let mut leaves = Vec::with_capacity(flat.values().len());
            push_leaves(value, &flat_schema, &mut leaves)?;
            flat = Struct::from_checked_values(Schema::clone(&flat_schema), leaves)?;
        } else {
            self.put_leaves(value, "", &mut flat)?;
        }
        data.value = flat.into();
        data.schema = Some(Schema::clone(&flat_schema));
        Ok(Outcome::Keep)
    }
}

/// Whether a map has text keys only, and nothing in it that is nested or not allowed.
fn is_flat(map: &Map) -> Result<bool> {
    let Some(mut entries) = map.text_entries() else {
        return Ok(false);
    };
    entries.try_fold(true, |flat, (key, value)| match value {
        ValueRef::Map(_) => Ok(false),
        value if flat => check_leaf(value, key).map(|()| true),
        _ => Ok(false),
    })
}
