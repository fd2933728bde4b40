//! Reads a schema's JSON.

use std::collections::HashMap;

use super::defaults::is_valid_default;
use super::schema::{AvroSchema, Enum, Field, Fixed, Id, Kind, Name, Node, Record};
use crate::json::Json;

/// What has a meaning in a schema, hence is no property.
const RESERVED: [&str; 10] =
    ["doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases"];
const FIELD_RESERVED: [&str; 6] = ["default", "doc", "name", "order", "type", "aliases"];

/// How much larger than this no fixed type may be.
const MAX_FIXED: i64 = 1 << 30;

/// Reads a schema. The texts of the references come first, each after those that it needs; what they name can be used.
/// With `strict`, defaults must fit their fields, as a registry demands of new schemas. The error says what is wrong.
pub(crate) fn parse<'a>(
    text: &str,
    references: impl IntoIterator<Item = &'a str>,
    strict: bool,
) -> Result<AvroSchema, String> {
    let mut parser = Parser { schema: AvroSchema::default(), names: HashMap::new(), strict };
    for reference in references {
        parser.read(reference)?;
    }
    parser.schema.referenced = parser.names.values().copied().collect();
    parser.schema.root = parser.read(text)?;
    Ok(parser.schema)
}

struct Parser {
    schema: AvroSchema,
    names: HashMap<Name, Id>,
    strict: bool,
}

impl Parser {
    fn read(&mut self, text: &str) -> Result<Id, String> {
        let json = match Json::parse(text) {
            Ok(json) => json,
            // A registry may hand out the bare word `int`, which is no JSON.
            Err(_) if Kind::primitive(text.trim()).is_some() => Json::from(text.trim()),
            Err(error) => return Err(error.to_string()),
        };
        self.schema(&json, "")
    }

    fn schema(&mut self, json: &Json, namespace: &str) -> Result<Id, String> {
        match json {
            Json::Text(word) => self.word(word, namespace),
            Json::Array(branches) => self.union(branches, namespace),
            Json::Object(_) => self.object(json, namespace),
            other => Err(format!("No schema: {other}")),
        }
    }

    fn find(&self, word: &str, namespace: &str) -> Option<Id> {
        let name = Name::new(word, namespace);
        self.names.get(&name).or_else(|| self.names.get(&Name::new(&name.name, ""))).copied()
    }

    fn word(&mut self, word: &str, namespace: &str) -> Result<Id, String> {
        if let Some(kind) = Kind::primitive(word) {
            return Ok(self.schema.push(Node::new(kind)));
        }
        self.find(word, namespace).ok_or_else(|| format!("\"{word}\" is not a defined name."))
    }

    fn union(&mut self, branches: &[Json], namespace: &str) -> Result<Id, String> {
        let mut ids = Vec::with_capacity(branches.len());
        let mut seen = std::collections::HashSet::new();
        for branch in branches {
            let id = self.schema(branch, namespace)?;
            if matches!(self.schema.node(id).kind, Kind::Union(_)) {
                return Err("Nested union".to_owned());
            }
            let name = self.schema.branch_name(id);
            if !seen.insert(name.clone()) {
                return Err(format!("Duplicate in union:{name}"));
            }
            ids.push(id);
        }
        Ok(self.schema.push(Node::new(Kind::Union(ids))))
    }

    fn object(&mut self, json: &Json, namespace: &str) -> Result<Id, String> {
        let ty = match json.get("type") {
            Some(Json::Text(ty)) => ty.as_str(),
            // Java refuses this form; other libraries write it.
            Some(inner @ (Json::Object(_) | Json::Array(_))) => return self.schema(inner, namespace),
            _ => return Err(format!("No type: {json}")),
        };
        let named = matches!(ty, "record" | "error" | "enum" | "fixed");
        let doc = json.get("doc").and_then(Json::as_text).map(str::to_owned);
        let mut name = Name::default();
        let mut aliases = Vec::new();
        if named {
            let text = json
                .get("name")
                .and_then(Json::as_text)
                .ok_or_else(|| format!("No name in schema: {json}"))?;
            let space = json.get("namespace").and_then(Json::as_text).unwrap_or(namespace);
            name = Name::new(text, space);
            Name::check(&name.name)?;
            aliases = texts(json.get("aliases"));
        }
        let kind = match ty {
            "record" | "error" => return self.record(json, name, doc, aliases),
            "enum" => {
                let symbols = json.get("symbols").and_then(Json::as_array);
                let symbols = symbols.ok_or_else(|| format!("Enum has no symbols: {json}"))?;
                let mut list = Vec::with_capacity(symbols.len());
                for symbol in symbols {
                    let symbol = symbol.as_text().ok_or_else(|| format!("No symbol: {symbol}"))?;
                    Name::check(symbol)?;
                    if list.iter().any(|other| other == symbol) {
                        return Err(format!("Duplicate enum symbol: {symbol}"));
                    }
                    list.push(symbol.to_owned());
                }
                let default = json.get("default").and_then(Json::as_text).map(str::to_owned);
                if let Some(default) = default.as_ref().filter(|default| !list.contains(default)) {
                    return Err(format!(
                        "The Enum Default: {default} is not in the enum symbol set: {}",
                        list.join(", ")
                    ));
                }
                Kind::Enum(Enum { name, doc, aliases, symbols: list, default })
            }
            "fixed" => {
                let size =
                    json.get("size").and_then(Json::as_int).filter(|size| (0..=MAX_FIXED).contains(size));
                let size = size.ok_or_else(|| format!("Invalid or no size: {json}"))?;
                Kind::Fixed(Fixed { name, doc, aliases, size: size as usize })
            }
            "array" => {
                let items = json.get("items").ok_or_else(|| format!("Array has no items type: {json}"))?;
                Kind::Array(self.schema(items, namespace)?)
            }
            "map" => {
                let values = json.get("values").ok_or_else(|| format!("Map has no values type: {json}"))?;
                Kind::Map(self.schema(values, namespace)?)
            }
            word => match Kind::primitive(word) {
                Some(kind) => kind,
                None => {
                    return self.find(word, namespace).ok_or_else(|| format!("Type not supported: {word}"));
                }
            },
        };
        let is_enum = matches!(kind, Kind::Enum(_));
        let is_prop = |name: &str| !(RESERVED.contains(&name) || is_enum && name == "default");
        let props = json.members().iter().filter(|(name, _)| is_prop(name)).cloned().collect();
        let id = self.schema.push(Node { kind, props });
        self.define(id)?;
        Ok(id)
    }

    fn define(&mut self, id: Id) -> Result<(), String> {
        if let Some(name) = self.schema.node(id).name()
            && self.names.insert(name.clone(), id).is_some()
        {
            return Err(format!("Can't redefine: {}", name.full()));
        }
        Ok(())
    }

    fn record(
        &mut self,
        json: &Json,
        name: Name,
        doc: Option<String>,
        aliases: Vec<String>,
    ) -> Result<Id, String> {
        let space = name.namespace.clone();
        let full = name.full();
        let props = json.members().iter().filter(|(name, _)| !RESERVED.contains(&name.as_str())).cloned();
        let record = Record { name, doc, aliases, fields: Vec::new() };
        let id = self.schema.push(Node { kind: Kind::Record(record), props: props.collect() });
        self.define(id)?;
        let list = json.get("fields").and_then(Json::as_array);
        let list = list.ok_or_else(|| format!("Record has no fields: {json}"))?;
        let mut fields: Vec<Field> = Vec::with_capacity(list.len());
        let mut seen = std::collections::HashSet::new();
        for field in list {
            let name =
                field.get("name").and_then(Json::as_text).ok_or_else(|| format!("No field name: {field}"))?;
            Name::check(name)?;
            if !seen.insert(name.to_owned()) {
                return Err(format!("Duplicate field {name} in record {full}"));
            }
            let ty = field.get("type").ok_or_else(|| format!("No field type: {field}"))?;
            let schema = self.schema(ty, &space)?;
            let keeps = |name: &str| !FIELD_RESERVED.contains(&name) || matches!(name, "order" | "aliases");
            fields.push(Field {
                name: name.to_owned(),
                schema,
                doc: field.get("doc").and_then(Json::as_text).map(str::to_owned),
                default: field.get("default").cloned(),
                props: field.members().iter().filter(|(name, _)| keeps(name)).cloned().collect(),
            });
        }
        if let Kind::Record(record) = &mut self.schema.nodes[id].kind {
            record.fields = fields;
        }
        if self.strict
            && let Kind::Record(record) = &self.schema.node(id).kind
        {
            for field in &record.fields {
                let Some(default) = &field.default else { continue };
                if !is_valid_default(&self.schema, field.schema, default) {
                    return Err(format!("Invalid default for field {}: {default}", field.name));
                }
            }
        }
        Ok(id)
    }
}

fn texts(json: Option<&Json>) -> Vec<String> {
    let items = json.and_then(Json::as_array).unwrap_or_default();
    items.iter().filter_map(Json::as_text).map(str::to_owned).collect()
}
