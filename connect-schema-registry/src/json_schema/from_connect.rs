//! Connect schemas to JSON Schema.

use connect_api::data::Type;
use connect_api::{Error, Result, Schema};

use super::data;
use super::mapping::{self, DEEPEST, Mapping};
use crate::json::Json;

/// The JSON Schema of a Connect schema.
pub(super) fn schema(schema: &Schema, mapping: &Mapping) -> Result<Json> {
    member(schema, mapping, None, DEEPEST)
}

fn object(members: Vec<(&str, Json)>) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn member(schema: &Schema, mapping: &Mapping, index: Option<usize>, depth: usize) -> Result<Json> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Error::data(format!("A schema may be nested at most {DEEPEST} levels deep")));
    };
    if schema.is_recursive() {
        let name = schema.name().unwrap_or("a struct");
        return Err(Error::data(format!(
            "{name} contains itself, and recursive schemas are not supported in JSON Schema"
        )));
    }
    let index =
        index.and_then(|index| i64::try_from(index).ok()).map(|index| (mapping::INDEX, Json::Int(index)));
    let nullable = schema.is_optional() && !mapping.optional_for_nonrequired;
    let inner_index = if nullable { None } else { index.clone() };
    let inner = required(schema, mapping, inner_index, depth)?;
    if !nullable {
        return Ok(inner);
    }
    let mut members = vec![("oneOf", Json::Array(vec![object(vec![("type", "null".into())]), inner]))];
    members.extend(index);
    Ok(object(members))
}

fn required(
    schema: &Schema,
    mapping: &Mapping,
    index: Option<(&'static str, Json)>,
    depth: usize,
) -> Result<Json> {
    let mut members: Vec<(&str, Json)> = Vec::new();
    let mut connect_type = None;
    let union = schema.ty() == Type::Struct && schema.name() == Some(mapping::ONE_OF);
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
        Type::String if schema.parameter(mapping::ENUM).is_some() => {
            let prefix = format!("{}.", mapping::ENUM);
            let symbols = schema.parameters().filter_map(|(key, _)| key.strip_prefix(&prefix));
            members.push(("enum", Json::Array(symbols.map(Json::from).collect())));
        }
        Type::String => members.push(("type", "string".into())),
        Type::Bytes => {
            let decimal = schema.name() == Some(connect_api::data::logical::DECIMAL);
            let ty = if decimal && mapping.numeric_decimals { "number" } else { "string" };
            members.push(("type", ty.into()));
            connect_type = Some("bytes");
        }
        Type::Array => {
            let items = element(schema.value_schema()?, "items")?;
            members.push(("type", "array".into()));
            members.push(("items", member(items, mapping, None, depth)?));
        }
        Type::Map => {
            let (key, value) =
                (element(schema.key_schema()?, "keys")?, element(schema.value_schema()?, "values")?);
            if key.ty() == Type::String && !key.is_optional() {
                members.push(("type", "object".into()));
                members.push(("additionalProperties", member(value, mapping, None, depth)?));
            } else {
                let parts = [("key", key), ("value", value)];
                members.push(("type", "array".into()));
                members.push(("items", properties(parts.into_iter(), mapping, depth)?));
            }
            connect_type = Some("map");
        }
        Type::Struct if union => {
            let choices: Result<Vec<Json>> = schema
                .fields()?
                .iter()
                .map(|field| {
                    member(&field.schema().with_optional(false), mapping, Some(field.index()), depth)
                })
                .collect();
            members.push(("oneOf", Json::Array(choices?)));
        }
        Type::Struct => {
            let fields = schema.fields()?.iter().map(|field| (field.name().as_str(), field.schema()));
            if let Json::Object(parts) = properties(fields, mapping, depth)? {
                members.extend(parts.into_iter().map(|(name, value)| (known(&name), value)));
            }
        }
    }
    if let Some(name) = schema.name().filter(|_| !union) {
        members.push(("title", name.into()));
    }
    if let Some(doc) = schema.doc() {
        members.push(("description", doc.into()));
    }
    if let Some(default) = schema.default_value() {
        members.push(("default", data::write(schema, default.as_ref(), mapping)?));
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

/// The members of an object's schema, which have fixed names.
fn known(name: &str) -> &'static str {
    ["type", "properties", "required", "additionalProperties"]
        .into_iter()
        .find(|known| *known == name)
        .unwrap_or("type")
}

fn properties<'a>(
    fields: impl Iterator<Item = (&'a str, &'a Schema)>,
    mapping: &Mapping,
    depth: usize,
) -> Result<Json> {
    let (mut list, mut names) = (Vec::new(), Vec::new());
    for (index, (name, schema)) in fields.enumerate() {
        list.push((name.to_owned(), member(schema, mapping, Some(index), depth)?));
        if mapping.optional_for_nonrequired && !schema.is_optional() {
            names.push(Json::from(name));
        }
    }
    let mut members = vec![("type", "object".into()), ("properties", Json::Object(list))];
    if !names.is_empty() {
        members.push(("required", Json::Array(names)));
    }
    if !mapping.additional_properties {
        members.push(("additionalProperties", Json::Bool(false)));
    }
    Ok(object(members))
}

fn element<'a>(schema: Option<&'a Schema>, what: &str) -> Result<&'a Schema> {
    schema.ok_or_else(|| Error::data(format!("A list or map does not say what its {what} are")))
}
