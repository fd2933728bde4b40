//! [`ExtractField`]: takes one field for the whole.

use std::marker::PhantomData;

use connect_api::transform::Target;
use connect_api::{Config, Error, Outcome, Record, Result, Transformation, Value};

use crate::field_path::{FieldPath, FieldSyntaxVersion};
use crate::requirements::{require_map, require_struct};

const PURPOSE: &str = "field extraction";

/// The configuration of [`ExtractField`].
#[derive(Clone, Debug, Config)]
pub struct ExtractFieldConfig {
    /// Field name to extract.
    pub field: String,
    /// Whether to replace fields that have a default value and that are null to the default value. When set to true,
    /// the default value is used, otherwise null is used.
    #[config(default = true)]
    pub replace_null_with_default: bool,
    /// Defines the version of the syntax to access fields. If set to `V1`, then the field paths are limited to access
    /// the elements at the root level of the struct or map. If set to `V2`, the syntax will support accessing nested
    /// elements. To access nested elements, dotted notation is used. If dots are already included in the field name,
    /// then backtick pairs can be used to wrap field names containing dots. E.g. to access the subfield `baz` from a
    /// field named "foo.bar", the following format can be used: `` `foo.bar`.baz ``.
    #[config(default = "V1", importance = High)]
    pub field_syntax_version: FieldSyntaxVersion,
}

/// Makes one field of the key or value the whole key or value, with the field's schema.
///
/// Without a schema a field that is not there gives null. With a schema it is an error (`Unknown field: …`), also when
/// the key or value is null. A null key or value becomes null with the field's schema.
///
/// ```
/// use connect_api::{Plugins, Properties, Record, Schema, Struct, Value};
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let extract = plugins.find_transformation("ExtractField$Value")?.configure(&Properties::from([("field", "id")]))?;
///
/// let schema = Schema::structure().field("id", Schema::INT64).field("name", Schema::STRING).build()?;
/// let person = Struct::new(schema)?.with("id", 7_i64)?.with("name", "Ada")?;
/// let mut record = Record::new("people", person.into());
/// let _ = extract.apply(&mut record)?;
/// assert_eq!(record.value.schema, Some(Schema::INT64));
/// assert_eq!(record.value.value, Value::from(7_i64));
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.ExtractField")]
pub struct ExtractField<T> {
    path: FieldPath,
    replace_null_with_default: bool,
    target: PhantomData<T>,
}

impl<T: Target> Transformation for ExtractField<T> {
    type Config = ExtractFieldConfig;

    fn configure(config: ExtractFieldConfig) -> Result<Self> {
        Ok(Self {
            path: FieldPath::parse(&config.field, config.field_syntax_version)?,
            replace_null_with_default: config.replace_null_with_default,
            target: PhantomData,
        })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let data = T::of(record);
        let Some(schema) = &data.schema else {
            if !data.value.is_null() {
                data.value = self.path.value_in_map(require_map(&mut data.value, PURPOSE)?)?;
            }
            return Ok(Outcome::Keep);
        };
        let value = match &data.value {
            Value::Null => None,
            value => Some(require_struct(value, PURPOSE)?),
        };
        let field = self.path.field_of(schema)?.ok_or_else(|| {
            Error::data(format!("Unknown field: {}", self.path.text()))
                .with_java_class("java.lang.IllegalArgumentException")
        })?;
        let schema = field.schema().clone();
        data.value = match value {
            None => Value::Null,
            Some(value) => self.path.value_in_struct(value, self.replace_null_with_default)?.clone(),
        };
        data.schema = Some(schema);
        Ok(Outcome::Keep)
    }
}
