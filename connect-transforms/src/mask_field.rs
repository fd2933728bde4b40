//! [`MaskField`]: replaces the content of fields.

use std::marker::PhantomData;
use std::str::FromStr;

use connect_api::config::Validator;
use connect_api::data::{Array, BigInteger, Date, Decimal, Map, Shape, values};
use connect_api::transform::Target;
use connect_api::{Config, Error, Outcome, Record, Result, Struct, Transformation, Value};

use crate::field_path::{FieldPath, FieldSyntaxVersion, NESTED};
use crate::field_tree::{Branch, FieldTree};
use crate::java_hash::sort_as_hash_map;
use crate::requirements::{field_value, not_a_struct, require_map, require_struct, require_struct_mut};
use crate::schema_cache::ShapeCache;

const PURPOSE: &str = "mask fields";

/// The configuration of [`MaskField`].
#[derive(Clone, Debug, Config)]
pub struct MaskFieldConfig {
    /// Names of fields to mask.
    #[config(importance = High, validate = Validator::non_duplicate_list(false, false))]
    pub fields: Vec<String>,
    /// Custom value replacement, that will be applied to all 'fields' values (numeric or non-empty string values
    /// only).
    #[config(importance = Low, validate = Validator::non_empty_string())]
    pub replacement: Option<String>,
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

/// Replaces the content of fields of the key or value: by the null of their type (0, false, the empty text), or by a
/// text of one's own that must fit the type.
///
/// Null stays null. Without a schema a field that is not there is added with null, as in Kafka; with a schema it is
/// passed over. With `field.syntax.version=V2`, which Kafka Connect does not have here, names are paths; a path through
/// null, or through something that is not there, changes nothing.
///
/// ```
/// use connect_api::{Plugins, Properties, Record, SchemaAndValue, data::Map};
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let mask = plugins.find_transformation("MaskField$Value")?.configure(&Properties::from([("fields", "card")]))?;
///
/// let payment = Map::from([("amount", "12.50"), ("card", "4111 1111 1111 1111")]);
/// let mut record = Record::new("payments", SchemaAndValue::schemaless(payment));
/// let _ = mask.apply(&mut record)?;
/// assert_eq!(record.value.value.to_string(), "{amount=12.50, card=}");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.MaskField")]
pub struct MaskField<T> {
    fields: FieldTree<()>,
    replacement: Option<Value>,
    replace_null_with_default: bool,
    maps: ShapeCache<MapPlan>,
    target: PhantomData<T>,
}

/// Where maps of one key list have the fields.
#[derive(Debug)]
struct MapPlan {
    shape: Shape,
    /// For each branch its place; `None` if there is nothing on the way to the fields.
    places: Vec<Option<usize>>,
}

impl<T> MaskField<T> {
    fn masked(&self, value: &Value) -> Result<Value> {
        match &self.replacement {
            _ if value.is_null() => Ok(Value::Null),
            None => null_of(value),
            Some(replacement) => replaced(value, replacement),
        }
    }

    fn map_plan(shape: &Shape, fields: &FieldTree<()>) -> MapPlan {
        let mut keys = shape.keys().to_vec();
        let mut places = Vec::with_capacity(fields.branches().len());
        for branch in fields.branches() {
            let mut place = keys.iter().position(|key| *key == branch.name);
            if place.is_none() && branch.here.is_some() {
                // A field that is not there is added with null, as in Kafka.
                place = Some(keys.len());
                keys.push(branch.name.clone());
            }
            places.push(place);
        }
        let shape = if keys.len() == shape.len() { shape.clone() } else { Shape::new(keys) };
        MapPlan { shape, places }
    }

    fn mask_map(&self, map: &mut Map, plan: &MapPlan, fields: &FieldTree<()>) -> Result<()> {
        let mut result: Result<()> = Ok(());
        map.reshape(&plan.shape, |values| {
            result = fields.branches().iter().zip(&plan.places).try_for_each(|(branch, place)| {
                if let Some(value) = place.and_then(|place| values.get_mut(place)) {
                    self.mask_entry(value, branch)?;
                }
                Ok(())
            });
        });
        result
    }

    fn mask_entry(&self, value: &mut Value, branch: &Branch<()>) -> Result<()> {
        if branch.here.is_some() {
            *value = self.masked(value)?;
        } else if !value.is_null() {
            self.mask_inner(require_map(value, NESTED)?, &branch.below)?;
        }
        Ok(())
    }

    fn mask_inner(&self, map: &mut Map, fields: &FieldTree<()>) -> Result<()> {
        if let Some(shape) = map.shape() {
            let plan = Self::map_plan(shape, fields);
            return self.mask_map(map, &plan, fields);
        }
        // A map with keys that are no text.
        for branch in fields.branches() {
            let known = map.get_owned(&branch.name);
            if known.is_none() && branch.here.is_none() {
                continue;
            }
            let mut value = known.unwrap_or_default();
            self.mask_entry(&mut value, branch)?;
            map.insert(&branch.name, value);
        }
        Ok(())
    }

    /// Touches nothing but masked fields, and fields that are null and have a default.
    fn mask_struct(&self, value: &mut Struct, fields: &FieldTree<()>) -> Result<()> {
        let schema = value.schema().clone();
        for field in schema.fields()? {
            let branch = fields.get(field.name());
            if branch.is_none() && !value.values()[field.index()].is_null() {
                continue;
            }
            let before = field_value(value, field, self.replace_null_with_default)?;
            let after = match branch {
                Some(branch) if branch.here.is_some() => self.masked(&before)?,
                Some(branch) if !before.is_null() => {
                    field.schema().fields().map_err(|_| not_a_struct())?;
                    let mut inner = require_struct(&before, NESTED)?.clone();
                    self.mask_struct(&mut inner, &branch.below)?;
                    inner.into()
                }
                _ => before,
            };
            if !after.is_null() {
                value.put(field, after)?;
            }
        }
        Ok(())
    }
}

fn null_of(value: &Value) -> Result<Value> {
    Ok(match value {
        Value::Boolean(_) => false.into(),
        Value::Int8(_) => 0_i8.into(),
        Value::Int16(_) => 0_i16.into(),
        Value::Int32(_) => 0_i32.into(),
        Value::Int64(_) => 0_i64.into(),
        Value::Float32(_) => 0_f32.into(),
        Value::Float64(_) => 0_f64.into(),
        Value::String(_) => "".into(),
        Value::Decimal(_) => Decimal::new(0, 0).into(),
        Value::BigInteger(_) => BigInteger::from(0).into(),
        Value::Date(_) => Date(0).into(),
        Value::Array(_) => Array::new().into(),
        Value::Map(_) => Map::new().into(),
        other => {
            return Err(Error::data(format!("Cannot mask value of type: class {}", other.java_class_name())));
        }
    })
}

fn replaced(value: &Value, replacement: &Value) -> Result<Value> {
    Ok(match value {
        Value::Int8(_) => values::convert_to_byte(None, replacement)?.into(),
        Value::Int16(_) => values::convert_to_short(None, replacement)?.into(),
        Value::Int32(_) => values::convert_to_integer(None, replacement)?.into(),
        Value::Int64(_) => values::convert_to_long(None, replacement)?.into(),
        Value::Float32(_) => values::convert_to_float(None, replacement)?.into(),
        Value::Float64(_) => values::convert_to_double(None, replacement)?.into(),
        Value::String(_) => replacement.clone(),
        Value::Decimal(_) => parsed::<Decimal>(replacement)?.into(),
        Value::BigInteger(_) => parsed::<BigInteger>(replacement)?.into(),
        other => {
            return Err(Error::data(format!(
                "Cannot mask value of type class {} with custom replacement.",
                other.java_class_name()
            )));
        }
    })
}

fn parsed<N: FromStr<Err = Error>>(replacement: &Value) -> Result<N> {
    let text = replacement.as_str().unwrap_or_default();
    text.parse().map_err(|error| {
        let message = format!("Unable to convert {text} (class java.lang.String) to number");
        Error::data(message).with_source(error)
    })
}

impl<T: Target> Transformation for MaskField<T> {
    type Config = MaskFieldConfig;

    fn configure(config: MaskFieldConfig) -> Result<Self> {
        let mut fields = FieldTree::default();
        // Kafka keeps the names in a HashSet. Its order decides which of several errors is reported.
        let mut names = config.fields;
        sort_as_hash_map(&mut names, |name| name);
        for field in &names {
            *fields.entry(&FieldPath::parse(field, config.field_syntax_version)?)? = Some(());
        }
        Ok(Self {
            fields,
            replacement: config.replacement.map(Value::from),
            replace_null_with_default: config.replace_null_with_default,
            maps: ShapeCache::default(),
            target: PhantomData,
        })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let data = T::of(record);
        if data.schema.is_none() {
            let map = require_map(&mut data.value, PURPOSE)?;
            match map.shape() {
                Some(shape) => {
                    let plan = self.maps.get(shape, |shape| Ok(Self::map_plan(shape, &self.fields)))?;
                    self.mask_map(map, &plan, &self.fields)?;
                }
                None => self.mask_inner(map, &self.fields)?,
            }
        } else {
            self.mask_struct(require_struct_mut(&mut data.value, PURPOSE)?, &self.fields)?;
        }
        Ok(Outcome::Keep)
    }
}
