//! Writes a schema as JSON, in the form and order of Java's library.

use std::collections::HashMap;

use super::schema::{AvroSchema, Field, Id, Kind, Name, Node};
use crate::json::Json;

/// How a schema is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is.
    Plain,
    /// With what Avro itself gives a meaning for reading, and nothing else. What is referred to is written, too.
    Bare,
    /// So that schemas of one meaning have one text: properties in alphabetical order.
    Normal,
}

/// The text of a schema. Its error is that a name means two different things.
pub(crate) fn print(schema: &AvroSchema, form: Form) -> Result<String, String> {
    let mut written = HashMap::new();
    if form != Form::Bare {
        let named = schema.referenced.iter().filter_map(|id| Some((schema.node(*id).name()?.clone(), *id)));
        written.extend(named);
    }
    let mut printer = Printer { schema, form, written };
    Ok(printer.node(schema.root, "")?.to_string())
}

struct Printer<'a> {
    schema: &'a AvroSchema,
    form: Form,
    written: HashMap<Name, Id>,
}

impl Printer<'_> {
    fn node(&mut self, id: Id, namespace: &str) -> Result<Json, String> {
        let node = self.schema.node(id);
        if let Some(name) = node.name() {
            if let Some(before) = self.written.get(name) {
                if !self.schema.same(*before, self.schema, id) {
                    return Err(format!("Can't redefine: {}", name.full()));
                }
                let short = name.namespace == namespace;
                return Ok(Json::Text(if short { name.name.clone() } else { name.full() }));
            }
            self.written.insert(name.clone(), id);
        }
        if let Kind::Union(branches) = &node.kind {
            let branches: Result<_, _> = branches.iter().map(|id| self.node(*id, namespace)).collect();
            return Ok(Json::Array(branches?));
        }
        let plain =
            (node.props.is_empty() || self.form == Form::Bare) && Kind::primitive(node.kind.word()).is_some();
        if plain {
            return Ok(Json::from(node.kind.word()));
        }
        let mut members = vec![member("type", Json::from(node.kind.word()))];
        let mut aliases: &[String] = &[];
        match &node.kind {
            Kind::Array(items) => members.push(member("items", self.node(*items, namespace)?)),
            Kind::Map(values) => members.push(member("values", self.node(*values, namespace)?)),
            Kind::Record(record) => {
                put_name(&record.name, namespace, &mut members);
                put_doc(node, &mut members);
                let fields: Result<_, _> =
                    record.fields.iter().map(|field| self.field(field, &record.name.namespace)).collect();
                members.push(member("fields", Json::Array(fields?)));
                aliases = &record.aliases;
            }
            Kind::Enum(symbols) => {
                put_name(&symbols.name, namespace, &mut members);
                put_doc(node, &mut members);
                let list = symbols.symbols.iter().map(|symbol| Json::from(symbol.as_str()));
                members.push(member("symbols", Json::Array(list.collect())));
                if let Some(default) = &symbols.default {
                    members.push(member("default", Json::from(default.as_str())));
                }
                aliases = &symbols.aliases;
            }
            Kind::Fixed(fixed) => {
                put_name(&fixed.name, namespace, &mut members);
                put_doc(node, &mut members);
                members.push(member("size", Json::Int(fixed.size as i64)));
                aliases = &fixed.aliases;
            }
            _ => {}
        }
        self.put_props(&node.props, &mut members);
        if !aliases.is_empty() {
            let aliases = aliases.iter().map(|alias| Json::from(alias.as_str())).collect();
            members.push(member("aliases", Json::Array(aliases)));
        }
        Ok(Json::Object(members))
    }

    fn field(&mut self, field: &Field, namespace: &str) -> Result<Json, String> {
        let mut members = vec![member("name", Json::from(field.name.as_str()))];
        members.push(member("type", self.node(field.schema, namespace)?));
        if let Some(doc) = &field.doc {
            members.push(member("doc", Json::from(doc.as_str())));
        }
        if let Some(default) = &field.default {
            members.push(member("default", default.clone()));
        }
        self.put_props(&field.props, &mut members);
        Ok(Json::Object(members))
    }

    fn put_props(&self, props: &[(String, Json)], members: &mut Vec<(String, Json)>) {
        let mut props = props.to_vec();
        if self.form == Form::Bare {
            props.retain(|(name, _)| name == "aliases");
        }
        if self.form == Form::Normal {
            props.sort_by(|a, b| a.0.cmp(&b.0));
            for (_, value) in &mut props {
                sort(value);
            }
        }
        members.extend(props);
    }
}

fn sort(json: &mut Json) {
    match json {
        Json::Object(members) => {
            members.sort_by(|a, b| a.0.cmp(&b.0));
            members.iter_mut().for_each(|(_, value)| sort(value));
        }
        Json::Array(items) => items.iter_mut().for_each(sort),
        _ => {}
    }
}

fn member(name: &str, value: Json) -> (String, Json) {
    (name.to_owned(), value)
}

fn put_name(name: &Name, namespace: &str, members: &mut Vec<(String, Json)>) {
    members.push(member("name", Json::from(name.name.as_str())));
    if name.namespace != namespace {
        members.push(member("namespace", Json::from(name.namespace.as_str())));
    }
}

fn put_doc(node: &Node, members: &mut Vec<(String, Json)>) {
    if let Some(doc) = node.doc() {
        members.push(member("doc", Json::from(doc)));
    }
}
