//! Schemas as JSON, both ways.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use bytes::Bytes;
use connect_api::data::{SchemaBuilder, Type};
use connect_api::{Error, ErrorKind, Result, Schema};

use super::parse::{Malformed, Source};
use super::read::Typed;
use super::tree::{Kind, Node, Tree};
use super::write::Writer;
use super::{number, text};

/// Schemas in messages may be nested this deep. Java accepts more; here each level takes a piece of the stack, also when
/// schemas are compared and dropped, and a message must not be able to exhaust it.
const MAX_SCHEMA_DEPTH: usize = 200;

/// A bounded map that forgets what was not used for longest.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    capacity: usize,
    clock: u64,
    entries: HashMap<K, (V, u64)>,
}

impl<K: Hash + Eq + Clone, V> Cache<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, clock: 0, entries: HashMap::new() }
    }

    pub(super) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.clock += 1;
        let (value, used) = self.entries.get_mut(key)?;
        *used = self.clock;
        Some(value)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.capacity == 0 {
            return;
        }
        if self.entries.len() >= self.capacity
            && let Some(oldest) =
                self.entries.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone())
        {
            self.entries.remove(&oldest);
        }
        self.clock += 1;
        self.entries.insert(key, (value, self.clock));
    }
}

/// Java ends in a `StackOverflowError`.
#[cold]
fn endless(schema: &Schema) -> Error {
    Error::data(format!(
        "The schema {} contains itself, which the schemas of JsonConverter cannot express; set schemas.enable=false or \
         use a converter with a schema registry",
        schema.name().unwrap_or("without name")
    ))
    .with_java_class("java.lang.StackOverflowError")
}

/// A schema as JSON, for `field` as the last member.
pub(super) fn write(writer: &mut Writer<'_>, schema: Option<&Schema>, field: Option<&str>) -> Result<()> {
    let Some(schema) = schema else {
        writer.out.extend_from_slice(b"null");
        return Ok(());
    };
    writer.enter()?;
    writer.out.extend_from_slice(b"{\"type\":\"");
    writer.out.extend_from_slice(type_name(schema.ty()).as_bytes());
    writer.out.extend_from_slice(b"\"");
    match schema.ty() {
        Type::Array => {
            writer.out.extend_from_slice(b",\"items\":");
            write(writer, schema.value_schema()?, None)?;
        }
        Type::Map => {
            writer.out.extend_from_slice(b",\"keys\":");
            write(writer, schema.key_schema()?, None)?;
            writer.out.extend_from_slice(b",\"values\":");
            write(writer, schema.value_schema()?, None)?;
        }
        Type::Struct if schema.is_recursive() => return Err(endless(schema)),
        Type::Struct => {
            writer.out.extend_from_slice(b",\"fields\":[");
            writer.enter()?;
            for (index, field) in schema.fields()?.iter().enumerate() {
                if index > 0 {
                    writer.out.extend_from_slice(b",");
                }
                write(writer, Some(field.schema()), Some(field.name()))?;
            }
            writer.leave();
            writer.out.extend_from_slice(b"]");
        }
        _ => {}
    }
    let optional: &[u8] = if schema.is_optional() { b",\"optional\":true" } else { b",\"optional\":false" };
    writer.out.extend_from_slice(optional);
    member(writer.out, "name", schema.name());
    if let Some(version) = schema.version() {
        writer.out.extend_from_slice(b",\"version\":");
        number::write_int(writer.out, version.into());
    }
    member(writer.out, "doc", schema.doc());
    if schema.parameters().len() > 0 {
        for (index, (key, value)) in schema.parameters().enumerate() {
            writer.out.extend_from_slice(if index == 0 { b",\"parameters\":{" } else { b"," });
            text::write(writer.out, key);
            writer.out.extend_from_slice(b":");
            text::write(writer.out, value);
        }
        writer.out.extend_from_slice(b"}");
    }
    if let Some(default) = schema.default_value() {
        writer.out.extend_from_slice(b",\"default\":");
        writer.write(Some(schema), default.as_ref())?;
    }
    member(writer.out, "field", field);
    writer.out.extend_from_slice(b"}");
    writer.leave();
    Ok(())
}

fn member(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        text::write(out, value);
    }
}

fn type_name(ty: Type) -> &'static str {
    match ty {
        Type::Float32 => "float",
        Type::Float64 => "double",
        other => other.name(),
    }
}

fn type_of_name(name: &str) -> Option<Type> {
    Type::ALL.into_iter().find(|ty| type_name(*ty) == name)
}

/// Reads a schema from a text of its own, so that nothing in it keeps a payload alive.
pub(super) fn read_text(json: &str, replace_null: bool) -> Result<Result<Option<Schema>>, Malformed> {
    let payload = Bytes::copy_from_slice(json.as_bytes());
    let mut tree = Tree::default();
    let (node, _) = tree.read(Source { text: json, cut: false }, 0, 0)?;
    Ok(read(&mut Typed::new(json, &payload, replace_null), node, 0))
}

/// Reads a schema that stands inside so many others. JSON null is none.
fn read(typed: &mut Typed<'_>, node: Node<'_>, depth: usize) -> Result<Option<Schema>> {
    if node.is_null() {
        return Ok(None);
    }
    if depth > MAX_SCHEMA_DEPTH {
        return Err(Error::data(format!("Schemas may be nested at most {MAX_SCHEMA_DEPTH} levels deep")));
    }
    let Some(name) = node.get("type").and_then(Node::as_text) else {
        return Err(Error::data("Schema must contain 'type' field"));
    };
    let Some(ty) = type_of_name(&name) else {
        return Err(Error::data(format!("Unknown schema type: {name}")));
    };
    let mut builder = match ty {
        Type::Array => match node.get("items").filter(|items| !items.is_null()) {
            Some(items) => SchemaBuilder::array(read(typed, items, depth + 1)?),
            None => return Err(Error::data("Array schema did not specify the element type")),
        },
        Type::Map => {
            let Some(keys) = node.get("keys") else {
                return Err(Error::data("Map schema did not specify the key type"));
            };
            let Some(values) = node.get("values") else {
                return Err(Error::data("Map schema did not specify the value type"));
            };
            let (keys, values) = (read(typed, keys, depth + 1)?, read(typed, values, depth + 1)?);
            if keys.is_none() {
                return Err(Error::new(ErrorKind::SchemaBuilder, "keySchema cannot be null."));
            }
            if values.is_none() {
                return Err(Error::new(ErrorKind::SchemaBuilder, "valueSchema cannot be null."));
            }
            SchemaBuilder::map(keys, values)
        }
        Type::Struct => fields(typed, node, depth)?,
        _ => SchemaBuilder::new(ty),
    };
    if node.get("optional").is_some_and(|optional| optional.kind() == Kind::Boolean(true)) {
        builder = builder.optional();
    }
    if let Some(name) = node.get("name").and_then(Node::as_text) {
        builder = builder.name(name);
    }
    if let Some(version) = node.get("version").filter(|version| version.kind() == Kind::Integer) {
        builder = builder.version(version.to_i64() as i32);
    }
    if let Some(doc) = node.get("doc").and_then(Node::as_text) {
        builder = builder.doc(doc);
    }
    if let Some(parameters) = node.get("parameters") {
        for (key, value) in parameters.members() {
            match value.as_text() {
                Some(value) => builder = builder.parameter(key, value),
                None => return Err(Error::data("Schema parameters must have string values.")),
            }
        }
    }
    if let Some(default) = node.get("default") {
        let so_far = builder.clone().build()?;
        let value = typed.read(&so_far, Some(default))?;
        if ty == Type::Struct && !value.is_null() {
            // Java compares the struct's schema with an unfinished one, which never equals a finished one.
            return Err(Error::new(ErrorKind::SchemaBuilder, "Invalid default value"));
        }
        builder = builder.default_value(value);
    }
    builder.build().map(Some)
}

fn fields(typed: &mut Typed<'_>, node: Node<'_>, depth: usize) -> Result<SchemaBuilder> {
    let Some(list) = node.get("fields").filter(|fields| fields.kind() == Kind::Array) else {
        return Err(Error::data("Struct schema's \"fields\" argument is not an array."));
    };
    let mut builder = SchemaBuilder::new(Type::Struct);
    let mut names = HashSet::new();
    for field in list.elements() {
        let Some(name) = field.get("field").and_then(Node::as_text) else {
            return Err(Error::data("Struct schema's field name not specified properly"));
        };
        match read(typed, field, depth + 1)? {
            Some(schema) => {
                let refused = name.is_empty() || !names.insert(name.clone());
                builder = builder.field(name, schema);
                if refused {
                    // Java refuses the field before it looks at the next.
                    builder.clone().build()?;
                }
            }
            None => return Err(Error::data("Struct schema's field name not specified properly")),
        }
    }
    Ok(builder)
}
