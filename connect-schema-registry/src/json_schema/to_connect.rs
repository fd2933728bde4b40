//! JSON Schema to Connect schemas.

use std::sync::Arc;

use connect_api::data::{SchemaBuilder, Type};
use connect_api::{Error, Result, Schema};

use super::data;
use super::mapping::{self, DEEPEST, Mapping};
use crate::json::Json;

/// How many schemas may be in one, with what is referred to put in at each place.
const LARGEST: usize = 100_000;

/// The Connect schema of a JSON Schema with the texts that it refers to, by name.
///
/// # Errors
///
/// A data error when a reference leads nowhere or in a circle, and when there is no Connect schema for it.
pub(super) fn schema(
    root: &Json,
    references: &[(String, Arc<str>)],
    version: Option<i32>,
    mapping: &Mapping,
) -> Result<Option<Schema>> {
    let documents = references
        .iter()
        .map(|(name, text)| {
            let json =
                Json::parse(text).map_err(|error| Error::data(format!("{name} is no JSON: {error}")))?;
            Ok((name.clone(), json))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut reader = Reader { documents: &documents, mapping, size: 0 };
    reader.read(root, root, version, None, DEEPEST)
}

struct Reader<'a> {
    documents: &'a [(String, Json)],
    mapping: &'a Mapping,
    size: usize,
}

impl<'a> Reader<'a> {
    /// The schema of one place; none where everything is allowed. `required` says whether a member is, where that counts.
    fn read(
        &mut self,
        json: &'a Json,
        document: &'a Json,
        version: Option<i32>,
        required: Option<bool>,
        depth: usize,
    ) -> Result<Option<Schema>> {
        self.size += 1;
        let Some(depth) = depth.checked_sub(1).filter(|_| self.size <= LARGEST) else {
            let message = "The schema is too large or too deep, or it refers to itself; recursive schemas are not supported";
            return Err(Error::data(message));
        };
        if let Some(target) = json.get("$ref").and_then(Json::as_text) {
            let (json, document) = self.resolve(target, document)?;
            return self.read(json, document, version, required, depth);
        }
        let mut optional = required == Some(false);
        let mut builder = if let Some(Json::Array(parts)) = json.get("allOf") {
            match self.all_of(json, parts, document, depth)? {
                Some(builder) => builder,
                None => return Ok(None),
            }
        } else if let Some(choices) = json.get("oneOf").or_else(|| json.get("anyOf")).and_then(Json::as_array)
        {
            let is_null = |choice: &&Json| choice.get("type").and_then(Json::as_text) == Some("null");
            let rest: Vec<&Json> = choices.iter().filter(|choice| !is_null(choice)).collect();
            let nullable = rest.len() < choices.len();
            if let ([single], true) = (rest.as_slice(), nullable) {
                let found = self.read(single, document, version, required, depth)?;
                return Ok(found.map(|schema| schema.with_optional(true)));
            }
            optional |= nullable;
            let mut builder = Schema::structure().name(mapping::ONE_OF);
            for (index, choice) in rest.into_iter().enumerate() {
                if let Some(schema) = self.read(choice, document, None, Some(false), depth)? {
                    builder = builder
                        .field(format!("{}{index}", mapping::ONE_OF_FIELD), schema.with_optional(true));
                }
            }
            return self.finish(json, builder, version, optional, false);
        } else {
            let (ty, nullable) = type_of(json)?;
            optional |= nullable;
            match ty {
                Some(ty) => match self.of_type(&ty, json, document, depth)? {
                    Some(builder) => builder,
                    None => return Ok(None),
                },
                None => return Ok(None),
            }
        };
        if let Some(Json::Array(symbols)) = json.get("enum") {
            builder = builder
                .parameter(mapping::ENUM, json.get("title").and_then(Json::as_text).unwrap_or_default());
            for symbol in symbols.iter().filter_map(Json::as_text) {
                builder = builder.parameter(format!("{}.{symbol}", mapping::ENUM), symbol);
            }
        }
        self.finish(json, builder, version, optional, true)
    }

    fn finish(
        &self,
        json: &Json,
        mut builder: SchemaBuilder,
        version: Option<i32>,
        optional: bool,
        named: bool,
    ) -> Result<Option<Schema>> {
        if let Some(title) = json.get("title").and_then(Json::as_text).filter(|_| named) {
            builder = builder.name(title);
        }
        if let Some(doc) = json.get("description").and_then(Json::as_text) {
            builder = builder.doc(doc);
        }
        let own =
            json.get(mapping::VERSION).and_then(Json::as_int).and_then(|version| i32::try_from(version).ok());
        if let Some(version) = own.or(version) {
            builder = builder.version(version);
        }
        for (key, value) in json.get(mapping::PARAMETERS).map(Json::members).unwrap_or_default() {
            if let Some(value) = value.as_text() {
                builder = builder.parameter(key.as_str(), value);
            }
        }
        if optional {
            builder = builder.optional();
        }
        if let Some(default) = json.get("default").filter(|default| **default != Json::Null) {
            let so_far = builder.clone().build()?;
            builder = builder.default_value(data::read(Some(&so_far), default)?);
        }
        builder.build().map(Some)
    }

    fn of_type(
        &mut self,
        ty: &str,
        json: &'a Json,
        document: &'a Json,
        depth: usize,
    ) -> Result<Option<SchemaBuilder>> {
        let connect = json.get(mapping::TYPE).and_then(Json::as_text);
        let scalar = |default, others: &[Type]| {
            let chosen = others.iter().copied().find(|ty| Some(ty.name()) == connect);
            Ok(Some(SchemaBuilder::new(chosen.unwrap_or(default))))
        };
        match ty {
            "boolean" => Ok(Some(SchemaBuilder::new(Type::Boolean))),
            "integer" => scalar(Type::Int64, &[Type::Int8, Type::Int16, Type::Int32]),
            "number" => scalar(
                Type::Float64,
                &[Type::Int8, Type::Int16, Type::Int32, Type::Int64, Type::Float32, Type::Bytes],
            ),
            "string" => scalar(Type::String, &[Type::Bytes]),
            "array" if connect == Some("map") => {
                let Some(items) = json.get("items").and_then(|items| items.get("properties")) else {
                    return Err(Error::data("A map as a list needs items with key and value"));
                };
                let mut part = |name| match items.get(name) {
                    Some(part) => self.read(part, document, None, None, depth),
                    None => Ok(None),
                };
                let (key, value) = (part("key")?, part("value")?);
                Ok(Some(SchemaBuilder::map(key, value)))
            }
            "array" => {
                let items = match json.get("items") {
                    Some(items @ Json::Object(_)) => self.read(items, document, None, None, depth)?,
                    _ => None,
                };
                Ok(Some(SchemaBuilder::array(items)))
            }
            "object" if connect == Some("map") => {
                let value = match json.get("additionalProperties") {
                    Some(value @ Json::Object(_)) => self.read(value, document, None, None, depth)?,
                    _ => None,
                };
                Ok(Some(SchemaBuilder::map(Schema::STRING, value)))
            }
            "object" => self.structure(Schema::structure(), json, document, depth).map(Some),
            _ => Ok(None),
        }
    }

    fn structure(
        &mut self,
        mut builder: SchemaBuilder,
        json: &'a Json,
        document: &'a Json,
        depth: usize,
    ) -> Result<SchemaBuilder> {
        let mut fields: Vec<&(String, Json)> =
            json.get("properties").map(Json::members).unwrap_or_default().iter().collect();
        fields
            .sort_by_key(|(_, schema)| schema.get(mapping::INDEX).and_then(Json::as_int).unwrap_or(i64::MAX));
        let names = json.get("required").and_then(Json::as_array).unwrap_or_default();
        for (name, schema) in fields {
            let required = names.iter().any(|other| other.as_text() == Some(name));
            let required = self.mapping.optional_for_nonrequired.then_some(required);
            if let Some(schema) = self.read(schema, document, None, required, depth)?
                && !builder.has_field(name)
            {
                builder = builder.field(name.as_str(), schema);
            }
        }
        Ok(builder)
    }

    /// All of several: the fields of all, or the one type among them.
    fn all_of(
        &mut self,
        json: &'a Json,
        parts: &'a [Json],
        document: &'a Json,
        depth: usize,
    ) -> Result<Option<SchemaBuilder>> {
        let mut builder = Schema::structure();
        let mut objects = json.get("properties").is_some();
        for part in parts.iter().chain([json]) {
            let (part, document) = match part.get("$ref").and_then(Json::as_text) {
                Some(target) => self.resolve(target, document)?,
                None => (part, document),
            };
            if part.get("properties").is_some() {
                objects = true;
                builder = self.structure(builder, part, document, depth)?;
            } else if let (Some(ty), _) = type_of(part)?
                && ty != "object"
            {
                return self.of_type(&ty, part, document, depth);
            }
        }
        Ok(objects.then_some(builder))
    }

    /// What a reference means: a place in this document or in one of those in the registry, nowhere else.
    fn resolve(&self, target: &str, document: &'a Json) -> Result<(&'a Json, &'a Json)> {
        let (name, pointer) = target.split_once('#').unwrap_or((target, ""));
        let nowhere = || {
            Error::data(format!(
                "The reference {target} leads nowhere: it must be in the schema's references"
            ))
        };
        let documents: &'a [(String, Json)] = self.documents;
        let document = if name.is_empty() {
            document
        } else {
            &documents.iter().find(|(other, _)| other == name).ok_or_else(nowhere)?.1
        };
        let mut place = document;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            place = match place {
                Json::Array(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
                place => place.get(&part),
            }
            .ok_or_else(nowhere)?;
        }
        Ok((place, document))
    }
}

/// The type that a schema states or implies, and whether null is another.
fn type_of(json: &Json) -> Result<(Option<String>, bool)> {
    match json.get("type") {
        Some(Json::Text(ty)) if ty == "null" => Ok((None, true)),
        Some(Json::Text(ty)) => Ok((Some(ty.clone()), false)),
        Some(Json::Array(types)) => {
            let rest: Vec<&str> = types.iter().filter_map(Json::as_text).filter(|ty| *ty != "null").collect();
            match rest.as_slice() {
                [single] => Ok((Some((*single).to_owned()), rest.len() < types.len())),
                _ => {
                    Err(Error::data(format!("Several types at once are not supported: {rest:?}. Use oneOf")))
                }
            }
        }
        _ if json.get("properties").is_some() => Ok((Some("object".to_owned()), false)),
        _ if json.get("items").is_some() => Ok((Some("array".to_owned()), false)),
        _ if json.get("enum").is_some() => Ok((Some("string".to_owned()), false)),
        _ => match json.get("const") {
            Some(Json::Text(_)) => Ok((Some("string".to_owned()), false)),
            Some(Json::Bool(_)) => Ok((Some("boolean".to_owned()), false)),
            Some(Json::Int(_)) => Ok((Some("integer".to_owned()), false)),
            _ => Ok((None, false)),
        },
    }
}
