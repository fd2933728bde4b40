//! Connect schemas to JSON Schema.

use connect_api::data::{Type, logical};
use connect_api::{Error, Result, Schema};

use super::mapping::{self, DEEPEST, Mapping};
use super::{pointer, write};
use crate::json::Json;
use crate::sum;

/// The JSON Schema of a Connect schema.
pub(super) fn schema(schema: &Schema, mapping: &Mapping) -> Result<Json> {
    Maker { mapping, open: Vec::new() }.member(schema, None, "", DEEPEST)
}

fn object(members: Vec<(&str, Json)>) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

type Index = Option<(&'static str, Json)>;

struct Maker<'a> {
    mapping: &'a Mapping,
    /// The names and places of the structs around.
    open: Vec<(Option<String>, String)>,
}

impl Maker<'_> {
    /// The schema of one place, which is at `at` in the document.
    fn member(&mut self, schema: &Schema, index: Option<usize>, at: &str, depth: usize) -> Result<Json> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Error::data(format!("A schema may be nested at most {DEEPEST} levels deep")));
        };
        let index =
            index.and_then(|index| i64::try_from(index).ok()).map(|index| (mapping::INDEX, Json::Int(index)));
        let nullable = schema.is_optional() && !self.mapping.optional_for_nonrequired;
        let inner_index = if nullable { None } else { index.clone() };
        let inner_at =
            if nullable { pointer::below(&pointer::below(at, "oneOf"), "1") } else { at.to_owned() };
        let inner = match schema.is_recursive() {
            true => self.reference(schema, inner_index)?,
            false => self.required(schema, inner_index, &inner_at, depth)?,
        };
        if !nullable {
            return Ok(inner);
        }
        let mut members = vec![("oneOf", Json::Array(vec![object(vec![("type", "null".into())]), inner]))];
        members.extend(index);
        Ok(object(members))
    }

    /// A struct inside itself.
    fn reference(&self, schema: &Schema, index: Index) -> Result<Json> {
        let found = self.open.iter().rev().find(|(name, _)| name.as_deref() == schema.name());
        let (_, at) = found.ok_or_else(|| {
            let name = schema.name().unwrap_or("a struct");
            Error::data(format!("{name} stands for a struct around it, and there is none of that name"))
        })?;
        let mut members = vec![("$ref", Json::Text(format!("#{at}")))];
        members.extend(index);
        Ok(object(members))
    }

    fn required(&mut self, schema: &Schema, index: Index, at: &str, depth: usize) -> Result<Json> {
        let mut members: Vec<(&str, Json)> = Vec::new();
        let mut connect_type = None;
        let union = mapping::is_choice(schema);
        let below = |part: &str| pointer::below(at, part);
        match schema.ty() {
            Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64 => {
                members.push(("type", "integer".into()));
                connect_type = Some(schema.ty().name());
            }
            Type::Float32 | Type::Float64 => {
                members.push(("type", "number".into()));
                connect_type = Some(schema.ty().name());
            }
            Type::Boolean => members.push(("type", "boolean".into())),
            Type::String => match enum_parameter(schema, self.mapping) {
                Some(parameter) => {
                    let symbol =
                        |key: &str| Some(Json::from(key.strip_prefix(parameter)?.strip_prefix('.')?));
                    let symbols = schema.parameters().filter_map(|(key, _)| symbol(key));
                    members.push(("enum", Json::Array(symbols.collect())));
                }
                None => members.push(("type", "string".into())),
            },
            Type::Bytes => {
                let decimal = schema.name() == Some(logical::DECIMAL);
                let ty = if decimal && self.mapping.numeric_decimals { "number" } else { "string" };
                members.push(("type", ty.into()));
                connect_type = Some("bytes");
            }
            Type::Array => {
                let items = element(schema.value_schema()?, "items")?;
                members.push(("type", "array".into()));
                members.push(("items", self.member(items, None, &below("items"), depth)?));
            }
            Type::Map => {
                let (key, value) =
                    (element(schema.key_schema()?, "keys")?, element(schema.value_schema()?, "values")?);
                if key.ty() == Type::String && !key.is_optional() {
                    let part = "additionalProperties";
                    members.push(("type", "object".into()));
                    members.push((part, self.member(value, None, &below(part), depth)?));
                } else {
                    let parts = [("key", key), ("value", value)];
                    let items = self.properties(parts.into_iter(), &below("items"), depth)?;
                    members.push(("type", "array".into()));
                    members.push(("items", object(items)));
                }
                connect_type = Some("map");
            }
            Type::Struct if union => {
                let mut choices = Vec::new();
                for field in schema.fields()? {
                    let at = pointer::below(&below("oneOf"), &field.index().to_string());
                    let choice = field.schema().with_optional(false);
                    choices.push(self.member(&choice, Some(field.index()), &at, depth)?);
                }
                members.push(("oneOf", Json::Array(choices)));
            }
            Type::Struct => {
                self.open.push((schema.name().map(str::to_owned), at.to_owned()));
                let fields = schema.fields()?.iter().map(|field| (field.name().as_str(), field.schema()));
                members.extend(self.properties(fields, at, depth)?);
                self.open.pop();
            }
        }
        if let Some(name) = schema.name().filter(|_| !union) {
            members.push(("title", name.into()));
        }
        if let Some(doc) = schema.doc() {
            members.push(("description", doc.into()));
        }
        if let Some(default) = schema.default_value() {
            members.push(("default", write::tree(schema, default.as_ref(), self.mapping)?));
        }
        if let Some(version) = schema.version() {
            members.push((mapping::VERSION, Json::Int(version.into())));
        }
        if schema.parameters().len() > 0 {
            let parameters = schema.parameters().map(|(key, value)| (key.to_owned(), value.into())).collect();
            members.push((mapping::PARAMETERS, Json::Object(parameters)));
        }
        members.extend(index);
        members.extend(connect_type.map(|ty| (mapping::TYPE, ty.into())));
        Ok(object(members))
    }

    /// The members of an object's schema.
    fn properties<'s>(
        &mut self,
        fields: impl Iterator<Item = (&'s str, &'s Schema)>,
        at: &str,
        depth: usize,
    ) -> Result<Vec<(&'static str, Json)>> {
        let at = pointer::below(at, "properties");
        let (mut list, mut names) = (Vec::new(), Vec::new());
        for (index, (name, schema)) in fields.enumerate() {
            let member = self.member(schema, Some(index), &pointer::below(&at, name), depth)?;
            list.push((name.to_owned(), member));
            if self.mapping.optional_for_nonrequired && !schema.is_optional() {
                names.push(Json::from(name));
            }
        }
        let mut members = vec![("type", "object".into()), ("properties", Json::Object(list))];
        if !names.is_empty() {
            members.push(("required", Json::Array(names)));
        }
        if !self.mapping.additional_properties {
            members.push(("additionalProperties", Json::Bool(false)));
        }
        Ok(members)
    }
}

/// The parameter by which a text is an enumeration.
fn enum_parameter(schema: &Schema, mapping: &Mapping) -> Option<&'static str> {
    let generalized = mapping.generalized_sums.then_some(sum::ENUM);
    generalized.into_iter().chain([mapping::ENUM]).find(|parameter| schema.parameter(parameter).is_some())
}

fn element<'a>(schema: Option<&'a Schema>, what: &str) -> Result<&'a Schema> {
    schema.ok_or_else(|| Error::data(format!("A list or map does not say what its {what} are")))
}
