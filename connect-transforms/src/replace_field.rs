//! [`ReplaceField`]: leaves out or renames fields.

use std::marker::PhantomData;

use connect_api::config::{ParsedValue, Validator, invalid};
use connect_api::data::{Map, SchemaBuilder, Shape};
use connect_api::transform::Target;
use connect_api::{Config, Error, Outcome, Record, Result, Schema, Str, Struct, Transformation, Value};

use crate::field_path::{FieldPath, FieldSyntaxVersion, NESTED};
use crate::field_tree::{Branch, FieldTree};
use crate::java_hash::sort_as_hash_map;
use crate::requirements::{is_settled, not_a_text_key, require_map, require_struct, take_struct};
use crate::schema_cache::{SchemaCache, ShapeCache};

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
    /// Defines the version of the syntax to access fields: `V1` for names of fields of the key or value itself, `V2` for
    /// paths, where dots separate the steps and backticks wrap a step that has dots. The new name of a field is no path.
    /// Kafka Connect does not have this key here.
    #[config(default = "V1", importance = High)]
    pub field_syntax_version: FieldSyntaxVersion,
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
/// A null key or value stays as it is. With a schema two fields of one name are an error; without one the later value
/// stays.
///
/// With `field.syntax.version=V2`, which Kafka Connect does not have here, names are paths, but for the new ones of
/// `renames`: `a.b:c` makes the field `b` inside `a` the field `c` inside `a`. Excluding a field excludes what is below
/// it; including one includes it with everything below.
///
/// ```
/// use connect_api::{Plugins, Properties, Record, SchemaAndValue, data::Map};
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let config = Properties::from([("exclude", "password"), ("renames", "mail:email")]);
/// let replace = plugins.find_transformation("ReplaceField$Value")?.configure(&config)?;
///
/// let user = Map::from([("name", "ada"), ("password", "secret"), ("mail", "ada@example.com")]);
/// let mut record = Record::new("users", SchemaAndValue::schemaless(user));
/// let _ = replace.apply(&mut record)?;
/// assert_eq!(record.value.value.to_string(), "{name=ada, email=ada@example.com}");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.ReplaceField")]
pub struct ReplaceField<T> {
    rules: FieldTree<Rule>,
    /// Whether fields that no rule names stay.
    include_all: bool,
    /// New name to old name, as Kafka turns the renames around. Empty for paths.
    origins: Vec<(Str, Str)>,
    replace_null_with_default: bool,
    plans: SchemaCache<Plan>,
    maps: ShapeCache<MapPlan>,
    target: PhantomData<T>,
}

/// What is to be done with a field.
#[derive(Debug, Default)]
struct Rule {
    exclude: bool,
    include: bool,
    rename: Option<Str>,
}

/// How structs of one schema are rebuilt.
#[derive(Debug)]
struct Plan {
    schema: Schema,
    /// One for each new field.
    sources: Vec<Source>,
    /// Whether each new field has the schema of the old one, as it is unless a rename meets a field of its new name.
    checked: bool,
}

impl Plan {
    /// Whether every new field has the value of the old one at its place.
    fn keeps_all(&self) -> bool {
        self.sources
            .iter()
            .enumerate()
            .all(|(index, source)| source.old == Ok(index) && source.inner.is_none())
    }
}

/// Where the value of a new field comes from.
#[derive(Debug)]
struct Source {
    /// The index of the old field, or the name under which there is none.
    old: Result<usize, String>,
    /// How the struct in it is rebuilt.
    inner: Option<Plan>,
}

/// How maps of one key list are rebuilt.
#[derive(Debug)]
struct MapPlan {
    shape: Shape,
    /// For each new key the place of the old one, never before its own.
    sources: Vec<usize>,
    /// Places of new keys whose maps are rebuilt too, with the old keys.
    inner: Vec<(usize, Str)>,
}

/// What becomes of one field.
struct Fate<'a> {
    name: &'a Str,
    /// The rules for what is below it, and whether what they do not name stays.
    below: Option<(&'a FieldTree<Rule>, bool)>,
}

/// What becomes of a field under these rules; `None` if it is left out.
fn fate<'a>(rules: &'a FieldTree<Rule>, include_all: bool, name: &'a Str) -> Option<Fate<'a>> {
    let Some(Branch { here, below, .. }) = rules.get(name) else {
        return include_all.then_some(Fate { name, below: None });
    };
    let here = here.as_ref();
    let included = include_all || here.is_some_and(|rule| rule.include);
    if here.is_some_and(|rule| rule.exclude) || !(included || below.any(&|rule| rule.include)) {
        return None;
    }
    let name = here.and_then(|rule| rule.rename.as_ref()).unwrap_or(name);
    Some(Fate { name, below: (!below.is_empty()).then_some((below, included)) })
}

impl<T> ReplaceField<T> {
    fn plan(&self, schema: &Schema, rules: &FieldTree<Rule>, include_all: bool) -> Result<Plan> {
        let mut builder = SchemaBuilder::copy_basics(schema);
        let mut sources = Vec::new();
        let mut checked = true;
        for field in schema.fields()? {
            let Some(Fate { name, below }) = fate(rules, include_all, field.name()) else { continue };
            let inner = match below {
                Some((rules, include_all)) => Some(self.plan(field.schema(), rules, include_all)?),
                None => None,
            };
            let inner_schema =
                inner.as_ref().map(|plan| plan.schema.with_optional(field.schema().is_optional()));
            builder = builder.field(name, inner_schema.unwrap_or_else(|| field.schema().clone()));
            let old = match self.origins.iter().find(|(new, _)| new == name) {
                Some((_, old)) => schema.field(old)?.map(|old| old.index()).ok_or_else(|| old.to_string()),
                None if self.origins.is_empty() => Ok(field.index()),
                None => schema.field(name)?.map(|old| old.index()).ok_or_else(|| name.to_string()),
            };
            checked &= old == Ok(field.index());
            sources.push(Source { old, inner });
        }
        Ok(Plan { schema: builder.build()?, sources, checked })
    }

    fn rebuild(&self, before: Struct, schema: &Schema, plan: &Plan) -> Result<Struct> {
        let old_schema = before.schema().clone();
        let old_fields = old_schema.fields()?;
        let mut old = before.into_values();
        let mut after = Vec::with_capacity(plan.sources.len());
        for (field, source) in schema.fields()?.iter().zip(&plan.sources) {
            let index = match &source.old {
                Ok(index) => *index,
                Err(name) => return Err(Error::data(format!("{name} is not a valid field name"))),
            };
            // Only where a rename meets another field a value can be wanted twice.
            let mut value = if plan.checked { old[index].take() } else { old[index].clone() };
            if value.is_null() && self.replace_null_with_default {
                value = old_fields[index].schema().default_value().cloned().unwrap_or_default();
            }
            if !plan.checked || (value.is_null() && !field.schema().is_optional()) {
                Struct::new(schema.clone())?.put(field, value.clone())?;
            }
            after.push(match &source.inner {
                Some(inner) if !value.is_null() => {
                    self.rebuild(take_struct(&mut value, NESTED)?, field.schema(), inner)?.into()
                }
                _ => value,
            });
        }
        Struct::from_checked_values(schema.clone(), after)
    }

    fn map_plan(shape: &Shape, rules: &FieldTree<Rule>, include_all: bool) -> MapPlan {
        let (mut keys, mut sources, mut inner) = (Vec::<Str>::new(), Vec::new(), Vec::new());
        for (source, key) in shape.keys().iter().enumerate() {
            let Some(Fate { name, below }) = fate(rules, include_all, key) else { continue };
            // Of two values for one name the later one stays, at the first place.
            let place = keys.iter().position(|known| known == name).unwrap_or(keys.len());
            if place == keys.len() {
                keys.push(name.clone());
                sources.push(source);
            } else {
                sources[place] = source;
                inner.retain(|(other, _)| *other != place);
            }
            if below.is_some() {
                inner.push((place, key.clone()));
            }
        }
        let shape = if keys == shape.keys() { shape.clone() } else { Shape::new(keys) };
        MapPlan { shape, sources, inner }
    }

    fn replace_in_map(
        &self,
        map: &mut Map,
        plan: &MapPlan,
        rules: &FieldTree<Rule>,
        include_all: bool,
    ) -> Result<()> {
        let mut result = Ok(());
        map.reshape(&plan.shape, |values| {
            for (to, from) in plan.sources.iter().enumerate().filter(|(to, from)| *to != **from) {
                values.swap(to, *from);
            }
            result = plan.inner.iter().try_for_each(|(place, key)| {
                let below = fate(rules, include_all, key).and_then(|fate| fate.below);
                match (&mut values[*place], below) {
                    (Value::Null, _) | (_, None) => Ok(()),
                    (value, Some((rules, include_all))) => {
                        self.replace_in_inner(require_map(value, NESTED)?, rules, include_all)
                    }
                }
            });
        });
        result
    }

    fn replace_in_inner(&self, map: &mut Map, rules: &FieldTree<Rule>, include_all: bool) -> Result<()> {
        match map.shape() {
            Some(shape) => {
                let plan = Self::map_plan(shape, rules, include_all);
                self.replace_in_map(map, &plan, rules, include_all)
            }
            None => self.replace_any_keys(map, rules, include_all),
        }
    }

    /// A map with a key that is no text. Of these only null is possible, and nobody can include it.
    fn replace_any_keys(&self, map: &mut Map, rules: &FieldTree<Rule>, include_all: bool) -> Result<()> {
        let mut kept = Map::new();
        for (key, mut value) in std::mem::take(map) {
            match key {
                Value::String(key) => {
                    let Some(Fate { name, below }) = fate(rules, include_all, &key) else { continue };
                    if let (Some((rules, include_all)), false) = (below, value.is_null()) {
                        self.replace_in_inner(require_map(&mut value, NESTED)?, rules, include_all)?;
                    }
                    kept.insert(name, value);
                }
                Value::Null if include_all => {
                    kept.insert_value(Value::Null, value);
                }
                Value::Null => {}
                other => return Err(not_a_text_key(&other)),
            }
        }
        *map = kept;
        Ok(())
    }
}

impl<T: Target> Transformation for ReplaceField<T> {
    type Config = ReplaceFieldConfig;

    fn configure(config: ReplaceFieldConfig) -> Result<Self> {
        let version = config.field_syntax_version;
        let mut rules = FieldTree::<Rule>::default();
        let mut rule = |text: &str, set: &dyn Fn(&mut Rule)| {
            let path = FieldPath::parse(text, version)?;
            rules.entry(&path).map(|rule| set(rule.get_or_insert_default()))
        };
        for field in &config.exclude {
            rule(field, &|rule| rule.exclude = true)?;
        }
        for field in &config.include {
            rule(field, &|rule| rule.include = true)?;
        }
        let mut renames: Vec<(&str, &str)> = Vec::new();
        for (from, to) in config.renames.iter().filter_map(|mapping| parse_rename(mapping)) {
            rule(from, &|rule| rule.rename = Some(to.into()))?;
            match renames.iter_mut().find(|(known, _)| *known == from) {
                Some(known) => known.1 = to,
                None => renames.push((from, to)),
            }
        }
        let mut origins: Vec<(Str, Str)> = Vec::new();
        if version == FieldSyntaxVersion::V1 {
            // Kafka keeps the renames in a HashMap and turns that around; of two fields of one new name the last one
            // in its order counts.
            sort_as_hash_map(&mut renames, |(from, _)| from);
            for (from, to) in renames {
                origins.retain(|(known, _)| known != to);
                origins.push((to.into(), from.into()));
            }
        }
        Ok(Self {
            rules,
            include_all: config.include.is_empty(),
            origins,
            replace_null_with_default: config.replace_null_with_default,
            plans: SchemaCache::default(),
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
            let map = require_map(&mut data.value, PURPOSE)?;
            match map.shape() {
                Some(shape) => {
                    let plan = self
                        .maps
                        .get(shape, |shape| Ok(Self::map_plan(shape, &self.rules, self.include_all)))?;
                    self.replace_in_map(map, &plan, &self.rules, self.include_all)?;
                }
                None => self.replace_any_keys(map, &self.rules, self.include_all)?,
            }
            return Ok(Outcome::Keep);
        }
        let before = require_struct(&data.value, PURPOSE)?;
        let plan =
            self.plans.get(before.schema(), |schema| self.plan(schema, &self.rules, self.include_all))?;
        if plan.schema == *before.schema()
            && plan.keeps_all()
            && is_settled(before, self.replace_null_with_default)
        {
            data.schema = Some(plan.schema.clone());
            return Ok(Outcome::Keep);
        }
        let before = take_struct(&mut data.value, PURPOSE)?;
        data.value = self.rebuild(before, &plan.schema, &plan)?.into();
        data.schema = Some(plan.schema.clone());
        Ok(Outcome::Keep)
    }
}
