//! [`ReplaceField`]: leaves out or renames fields.

use std::collections::HashMap;
use std::marker::PhantomData;

use connect_api::config::{ParsedValue, Validator, invalid};
use connect_api::data::{Map, SchemaBuilder};
use connect_api::transform::Target;
use connect_api::{Config, Error, Outcome, Record, Result, Schema, Str, Struct, Transformation, Value};

use crate::requirements::{field_value, require_map, require_struct};
use crate::schema_cache::SchemaCache;

const PURPOSE: &str = "field replacement";

/// The configuration of [`ReplaceField`].
#[derive(Clone, Debug, Config)]
pub struct ReplaceFieldConfig {
    /// Fields to exclude. This takes precedence over the fields to include.
    #[config(default = "", validate = Validator::non_duplicate_list(true, false))]
    pub exclude: Vec<String>,
    /// Fields to include. If specified, only these fields will be used.
    #[config(default = "", validate = Validator::non_duplicate_list(true, false))]
    pub include: Vec<String>,
    /// Field rename mappings.
    #[config(default = "", validate = renames_validator())]
    pub renames: Vec<String>,
    /// Whether to replace fields that have a default value and that are null to the default value. When set to true,
    /// the default value is used, otherwise null is used.
    #[config(default = true)]
    pub replace_null_with_default: bool,
}

fn renames_validator() -> Validator {
    Validator::custom("list of colon-delimited pairs, e.g. <code>foo:bar,abc:xyz</code>", |name, value| {
        for mapping in value.and_then(ParsedValue::as_list).unwrap_or_default() {
            if parse_rename(mapping).is_none() {
                let all = value.map(ToString::to_string).unwrap_or_default();
                return Err(invalid(name, all, format_args!("Invalid rename mapping: {mapping}")));
            }
        }
        Ok(())
    })
}

/// The two parts of Java's `split(":")`, which leaves out empty parts at the end.
fn parse_rename(mapping: &str) -> Option<(&str, &str)> {
    let (from, to) = mapping.trim_end_matches(':').split_once(':')?;
    (!to.contains(':')).then_some((from, to))
}

/// Leaves fields out of the key or value, or renames them.
///
/// A field stays when it is not excluded and, if there are fields to include, is one of them; both by its old name.
/// A null key or value stays as it is.
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.ReplaceField")]
pub struct ReplaceField<T> {
    exclude: Vec<String>,
    include: Vec<String>,
    renames: HashMap<String, Str>,
    reverse_renames: HashMap<Str, String>,
    replace_null_with_default: bool,
    plans: SchemaCache<Plan>,
    target: PhantomData<T>,
}

/// How structs of one schema are rebuilt.
#[derive(Debug)]
struct Plan {
    schema: Schema,
    /// For each new field the index of the old one, or the name under which there is none.
    sources: Vec<Result<usize, String>>,
    /// Whether each new field has the schema of the old one, as it is unless a rename meets a field of its new name.
    checked: bool,
}

impl<T> ReplaceField<T> {
    fn keeps(&self, name: &str) -> bool {
        !self.exclude.iter().any(|field| field == name)
            && (self.include.is_empty() || self.include.iter().any(|field| field == name))
    }

    fn plan(&self, schema: &Schema) -> Result<Plan> {
        let mut builder = SchemaBuilder::copy_basics(schema);
        let mut sources = Vec::new();
        let mut checked = true;
        for field in schema.fields()?.iter().filter(|field| self.keeps(field.name())) {
            let name = self.renames.get(field.name().as_str()).unwrap_or(field.name());
            builder = builder.field(name, field.schema().clone());
            // Kafka finds the old field by reversing the renames, whether or not the field was renamed.
            let old = self.reverse_renames.get(name).map_or(name.as_str(), String::as_str);
            let source = schema.field(old)?.map(|old| old.index()).ok_or_else(|| old.to_owned());
            checked &= source == Ok(field.index());
            sources.push(source);
        }
        Ok(Plan { schema: builder.build()?, sources, checked })
    }

    fn replace_in_map(&self, map: &mut Map) {
        if self.renames.is_empty() {
            map.retain(|key, _| key.as_str().is_none_or(|name| self.keeps(name)));
            return;
        }
        let mut kept = Map::new();
        for (key, value) in std::mem::take(map) {
            match key {
                Value::String(name) if !self.keeps(&name) => {}
                Value::String(name) => {
                    kept.insert(self.renames.get(name.as_str()).unwrap_or(&name), value);
                }
                other => {
                    kept.insert_value(other, value);
                }
            }
        }
        *map = kept;
    }
}

impl<T: Target> Transformation for ReplaceField<T> {
    type Config = ReplaceFieldConfig;

    fn configure(config: ReplaceFieldConfig) -> Result<Self> {
        let mut renames = HashMap::new();
        let mut reverse_renames = HashMap::new();
        for mapping in &config.renames {
            if let Some((from, to)) = parse_rename(mapping) {
                renames.insert(from.to_owned(), Str::from(to));
                reverse_renames.insert(Str::from(to), from.to_owned());
            }
        }
        Ok(Self {
            exclude: config.exclude,
            include: config.include,
            renames,
            reverse_renames,
            replace_null_with_default: config.replace_null_with_default,
            plans: SchemaCache::default(),
            target: PhantomData,
        })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let data = T::of(record);
        if data.value.is_null() {
            return Ok(Outcome::Keep);
        }
        if data.schema.is_none() {
            self.replace_in_map(require_map(&mut data.value, PURPOSE)?);
            return Ok(Outcome::Keep);
        }
        let before = require_struct(&data.value, PURPOSE)?;
        let plan = self.plans.get(before.schema(), |schema| self.plan(schema))?;
        let fields = before.schema().fields()?;
        let mut values = Vec::with_capacity(plan.sources.len());
        for source in &plan.sources {
            match source {
                Ok(index) => {
                    values.push(field_value(before, &fields[*index], self.replace_null_with_default)?)
                }
                Err(name) => return Err(Error::data(format!("{name} is not a valid field name"))),
            }
        }
        let after = if plan.checked {
            Struct::from_checked_values(plan.schema.clone(), values)?
        } else {
            let mut after = Struct::new(plan.schema.clone())?;
            for (index, value) in values.into_iter().enumerate() {
                after.put(index, value)?;
            }
            after
        };
        data.schema = Some(plan.schema.clone());
        data.value = after.into();
        Ok(Outcome::Keep)
    }
}
