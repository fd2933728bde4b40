//! [`MaskField`]: replaces the content of fields.

use std::marker::PhantomData;

use connect_api::config::Validator;
use connect_api::data::{Array, Date, Decimal, Map, values};
use connect_api::transform::Target;
use connect_api::{Config, Error, Outcome, Record, Result, Struct, Transformation, Value};

use crate::requirements::{field_value, require_map, require_struct};

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
}

/// Replaces the content of fields of the key or value: by the null of their type (0, false, the empty text), or by a
/// text of one's own that must fit the type.
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.MaskField")]
pub struct MaskField<T> {
    fields: Vec<String>,
    replacement: Option<Value>,
    replace_null_with_default: bool,
    target: PhantomData<T>,
}

impl<T> MaskField<T> {
    fn masked(&self, value: &Value) -> Result<Value> {
        match &self.replacement {
            _ if value.is_null() => Ok(Value::Null),
            None => null_of(value),
            Some(replacement) => replaced(value, replacement),
        }
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
        Value::Decimal(_) => {
            let text = replacement.as_str().unwrap_or_default();
            let decimal = text.parse::<Decimal>().map_err(|error| {
                let message = format!("Unable to convert {text} (class java.lang.String) to number");
                Error::data(message).with_source(error)
            })?;
            decimal.into()
        }
        other => {
            return Err(Error::data(format!(
                "Cannot mask value of type class {} with custom replacement.",
                other.java_class_name()
            )));
        }
    })
}

impl<T: Target> Transformation for MaskField<T> {
    type Config = MaskFieldConfig;

    fn configure(config: MaskFieldConfig) -> Result<Self> {
        Ok(Self {
            fields: config.fields,
            replacement: config.replacement.map(Value::from),
            replace_null_with_default: config.replace_null_with_default,
            target: PhantomData,
        })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let data = T::of(record);
        if data.schema.is_none() {
            let map = require_map(&mut data.value, PURPOSE)?;
            for field in &self.fields {
                // A field that is not there is added with null, as in Kafka.
                let masked = self.masked(&map.get_owned(field).unwrap_or_default())?;
                map.insert(field, masked);
            }
            return Ok(Outcome::Keep);
        }
        let before = require_struct(&data.value, PURPOSE)?;
        let mut after = Vec::with_capacity(before.values().len());
        for field in before.schema().fields()? {
            let value = field_value(before, field, self.replace_null_with_default)?;
            after.push(match self.fields.iter().any(|masked| field.name() == masked) {
                true => self.masked(&value)?,
                false => value,
            });
        }
        // A masked value has the class that the field's value had.
        data.value = Struct::from_checked_values(before.schema().clone(), after)?.into();
        Ok(Outcome::Keep)
    }
}
