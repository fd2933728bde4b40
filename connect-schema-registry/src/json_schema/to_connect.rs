//! JSON Schema to Connect schemas.

use std::sync::Arc;

use connect_api::data::{EnclosingStruct, SchemaBuilder, Type};
use connect_api::{Bytes, Error, Result, Schema};

use super::mapping::{self, DEEPEST, Mapping};
use super::{pointer, read};
use crate::json::Json;
use crate::sum;

/// How many schemas may be in one, with what is referred to put in at each place.
const LARGEST: usize = 100_000;

/// The Connect schema of a JSON Schema with the texts that it refers to, by name.
///
/// # Errors
///
/// A data error when a reference leads nowhere, and when there is no Connect schema for it.
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
    let mut reader = Reader { documents: &documents, mapping, size: 0, unions: 0, open: Vec::new() };
    reader.read(root, root, version, None, DEEPEST)
}

struct Reader<'a> {
    documents: &'a [(String, Json)],
    mapping: &'a Mapping,
    size: usize,
    /// How many choices there were.
    unions: usize,
    /// The objects that are being read.
    open: Vec<Open<'a>>,
}

/// An object that is being read, which may contain itself.
struct Open<'a> {
    json: &'a Json,
    whole: EnclosingStruct,
    /// Its name, once it was met inside itself.
    name: Option<String>,
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
            let message =
                "The schema is too large or too deep, or it refers to itself without an object between";
            return Err(Error::data(message));
        };
        if let Some(target) = json.get("$ref").and_then(Json::as_text) {
            let (json, document) = self.resolve(target, document)?;
            if let Some(open) = self.open.iter_mut().rev().find(|open| std::ptr::eq(open.json, json)) {
                return inside(open, target, required).map(Some);
            }
            return self.read(json, document, version, required, depth);
        }
        let opened = self.open.len();
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
            if let ([single], true) = (rest.as_slice(), self.mapping.flatten_singletons) {
                return self.read(single, document, version, required, depth);
            }
            optional |= nullable;
            let generalized = self.mapping.generalized_sums;
            let mut builder = match generalized {
                true => {
                    let name = sum::union_name(self.unions);
                    Schema::structure().name(name.as_str()).parameter(sum::UNION, name)
                }
                false => Schema::structure().name(mapping::ONE_OF),
            };
            self.unions += 1;
            for (index, choice) in rest.into_iter().enumerate() {
                if let Some(schema) = self.read(choice, document, None, Some(false), depth)? {
                    let name = match generalized {
                        true => sum::field_name(index),
                        false => format!("{}{index}", mapping::ONE_OF_FIELD),
                    };
                    builder = builder.field(name, schema.with_optional(true));
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
            let generalized = self.mapping.generalized_sums;
            let parameter = if generalized { sum::ENUM } else { mapping::ENUM };
            let title = json.get("title").and_then(Json::as_text).unwrap_or_default();
            builder = builder.parameter(parameter, title);
            for (number, symbol) in symbols.iter().filter_map(Json::as_text).enumerate() {
                let value = if generalized { number.to_string() } else { symbol.to_owned() };
                builder = builder.parameter(format!("{parameter}.{symbol}"), value);
            }
        }
        let open = self.open.get(opened).map(|open| (open.whole.clone(), open.name.clone()));
        self.open.truncate(opened);
        match open {
            Some((whole, Some(name))) => {
                let titled = json.get("title").is_some();
                let builder = if titled { builder } else { builder.name(name) };
                self.describe(json, builder, version, optional, true)
                    .and_then(|builder| whole.complete(builder))
                    .map(Some)
            }
            _ => self.finish(json, builder, version, optional, true),
        }
    }

    fn finish(
        &self,
        json: &Json,
        builder: SchemaBuilder,
        version: Option<i32>,
        optional: bool,
        named: bool,
    ) -> Result<Option<Schema>> {
        let mut builder = self.describe(json, builder, version, optional, named)?;
        if let Some(default) = json.get("default").filter(|default| **default != Json::Null) {
            let so_far = builder.clone().build()?;
            let default = read::read(Some(&so_far), &default.to_string(), &Bytes::new())?;
            builder = builder.default_value(default);
        }
        builder.build().map(Some)
    }

    /// Everything but the default.
    fn describe(
        &self,
        json: &Json,
        mut builder: SchemaBuilder,
        version: Option<i32>,
        optional: bool,
        named: bool,
    ) -> Result<SchemaBuilder> {
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
        Ok(builder)
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
            "object" => {
                self.open.push(Open { json, whole: EnclosingStruct::new(), name: None });
                self.structure(Schema::structure(), json, document, depth).map(Some)
            }
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
        let place = pointer::find(document, pointer).ok_or_else(nowhere)?;
        Ok((place, document))
    }
}

/// An object inside itself.
fn inside(open: &mut Open<'_>, target: &str, required: Option<bool>) -> Result<Schema> {
    let title = open.json.get("title").and_then(Json::as_text);
    // Structs that contain themselves need a name: the end of the reference, where there is none.
    let last = target.rsplit(['/', '#']).next().filter(|last| !last.is_empty());
    let name = open.name.get_or_insert_with(|| title.or(last).unwrap_or("Root").to_owned());
    let builder = open.whole.named(name.as_str());
    if required == Some(false) { builder.optional() } else { builder }.build()
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
