//! Values without a schema: a record with one field for each type, of which one is set.

use connect_api::data::{Map, ValueRef};
use connect_api::{Error, Result, Value};

use super::decode::Reader;
use super::encode::{Failure, put_long};
use super::names;
use super::schema::{AvroSchema, Field, Id, Kind, Name, Node, Record};
use crate::json::Json;

/// How deep values may be nested.
const MAX_DEPTH: usize = 500;

/// The fields in order, those of a primitive type first.
const PRIMITIVES: [Kind; 7] =
    [Kind::Boolean, Kind::Bytes, Kind::Double, Kind::Float, Kind::Int, Kind::Long, Kind::String];

/// Adds the schema.
pub(crate) fn schema(avro: &mut AvroSchema) -> Id {
    let record = |name: &str, fields| Record {
        name: Name::new(name, names::NAMESPACE),
        doc: None,
        aliases: Vec::new(),
        fields,
    };
    let field = |name: &str, schema, default| Field {
        name: name.to_owned(),
        schema,
        doc: None,
        default,
        props: Vec::new(),
    };
    let id = avro.push(Node::new(Kind::Record(record(names::ANYTHING, Vec::new()))));
    let entry = Kind::Record(record(
        names::MAP_ENTRY,
        vec![field(names::KEY, id, None), field(names::VALUE, id, None)],
    ));
    let entry = avro.push(Node::new(entry));
    let mut kinds: Vec<(&str, Kind)> = PRIMITIVES.iter().map(|kind| (kind.word(), kind.clone())).collect();
    kinds.push(("array", Kind::Array(id)));
    kinds.push(("map", Kind::Array(entry)));
    let mut fields = Vec::new();
    for (name, kind) in kinds {
        let null = avro.push(Node::new(Kind::Null));
        let inner = avro.push(Node::new(kind));
        let union = avro.push(Node::new(Kind::Union(vec![null, inner])));
        fields.push(field(name, union, Some(Json::Null)));
    }
    if let Kind::Record(record) = &mut avro.nodes[id].kind {
        record.fields = fields;
    }
    id
}

/// Whether a record is the one of values without a schema.
pub(crate) fn is_anything(node: &Node) -> bool {
    node.name().is_some_and(|name| name.name == names::ANYTHING && name.namespace == names::NAMESPACE)
}

/// Writes a value without a schema.
pub(crate) fn write(value: ValueRef<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Failure> {
    if depth > MAX_DEPTH {
        return Err(Error::data(format!("The value is nested more than {MAX_DEPTH} levels deep")).into());
    }
    let position = match value {
        ValueRef::Null => PRIMITIVES.len() + 2,
        ValueRef::Boolean(_) => 0,
        ValueRef::Bytes(_) => 1,
        ValueRef::Float64(_) => 2,
        ValueRef::Float32(_) => 3,
        ValueRef::Int8(_) | ValueRef::Int16(_) | ValueRef::Int32(_) => 4,
        ValueRef::Int64(_) => 5,
        ValueRef::String(_) => 6,
        ValueRef::Array(_) => 7,
        ValueRef::Map(_) => 8,
        other => {
            let class = other.to_value().java_class_name();
            return Err(Error::data(format!("Unknown Java type for schemaless data: class {class}")).into());
        }
    };
    let fields = PRIMITIVES.len() + 2;
    out.resize(out.len() + position, 0);
    if position == fields {
        return Ok(());
    }
    out.push(2);
    match value {
        ValueRef::Boolean(value) => out.push(value.into()),
        ValueRef::Bytes(value) => {
            put_long(value.len() as i64, out);
            out.extend_from_slice(value);
        }
        ValueRef::Float64(value) => out.extend_from_slice(&value.to_bits().to_le_bytes()),
        ValueRef::Float32(value) => out.extend_from_slice(&value.to_bits().to_le_bytes()),
        ValueRef::Int8(value) => put_long(value.into(), out),
        ValueRef::Int16(value) => put_long(value.into(), out),
        ValueRef::Int32(value) => put_long(value.into(), out),
        ValueRef::Int64(value) => put_long(value, out),
        ValueRef::String(value) => {
            put_long(value.len() as i64, out);
            out.extend_from_slice(value.as_bytes());
        }
        ValueRef::Array(list) => {
            if !list.is_empty() {
                put_long(list.len() as i64, out);
                for item in list.iter() {
                    write(item, out, depth + 1)?;
                }
            }
            out.push(0);
        }
        ValueRef::Map(map) => {
            if !map.is_empty() {
                put_long(map.len() as i64, out);
                for (key, value) in map.entries() {
                    write(key, out, depth + 1)?;
                    write(value, out, depth + 1)?;
                }
            }
            out.push(0);
        }
        _ => {}
    }
    out.resize(out.len() + fields - 1 - position, 0);
    Ok(())
}

/// Reads a value without a schema. The first field that is set counts.
pub(crate) fn read(reader: &mut Reader<'_>, depth: usize) -> Result<Value> {
    if depth > MAX_DEPTH {
        return Err(Error::data(format!("The value is nested more than {MAX_DEPTH} levels deep")));
    }
    let mut found = Value::Null;
    for position in 0..PRIMITIVES.len() + 2 {
        match reader.long()? {
            0 => continue,
            1 => {}
            other => return Err(Error::data(format!("There is no branch {other} in the union"))),
        }
        let value = match position {
            0 => Value::Boolean(reader.boolean()?),
            1 => Value::Bytes(reader.bytes()?),
            2 => Value::Float64(reader.double()?),
            3 => Value::Float32(reader.float()?),
            4 => Value::Int32(reader.int()?),
            5 => Value::Int64(reader.long()?),
            6 => Value::String(reader.text()?),
            7 => {
                let mut list = Vec::new();
                reader.blocks(|reader| {
                    list.push(read(reader, depth + 1)?);
                    Ok(())
                })?;
                Value::Array(list.into())
            }
            _ => {
                let mut entries = Vec::new();
                reader.blocks(|reader| {
                    entries.push((read(reader, depth + 1)?, read(reader, depth + 1)?));
                    Ok(())
                })?;
                Value::Map(Map::from_entries(entries))
            }
        };
        if found.is_null() {
            found = value;
        }
    }
    Ok(found)
}
