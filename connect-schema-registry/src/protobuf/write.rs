//! Values to data, by a plan that was made once per schema.

use std::collections::HashMap;

use bytes::{BufMut, BytesMut};
use connect_api::data::{Type, ValueRef};
use connect_api::{Error, Result, Schema, Struct, Value};

use super::definition::{self, Definition, FieldDef, FieldLabel};
use super::mapping::{self, Mapping};
use super::names;
use super::plan::wire_type;
use super::schema::Scalar;
use super::temporal;
use super::wire::{DEEPEST, WireType, put_delimited, put_tag, put_varint, too_deep};

/// How to write the structs of one schema.
#[derive(Debug)]
pub(super) struct Writer {
    plans: Vec<Vec<FieldPlan>>,
    root: usize,
    use_defaults: bool,
}

/// How to write a field.
#[derive(Debug)]
struct FieldPlan {
    number: u32,
    source: Source,
    kind: Kind,
    /// Whether what is null or zero is the same to a reader, so that zero is not written.
    implicit: bool,
}

/// Where the value is.
#[derive(Clone, Copy, Debug)]
enum Source {
    Field(usize),
    /// A member of the struct of a oneof.
    Member(usize, usize),
}

#[derive(Debug)]
enum Kind {
    Scalar(Scalar),
    Enum {
        numbers: HashMap<String, i32>,
        first: i32,
    },
    Message(usize),
    Wrapper(Scalar),
    Decimal,
    Date,
    Time,
    Timestamp,
    List(Box<Self>),
    Map {
        key: Box<FieldPlan>,
        value: Box<FieldPlan>,
    },
    /// Nothing but null can be written.
    Refused(String),
}

impl Writer {
    /// Plans how to write values of a schema as its definition says.
    pub(super) fn new(schema: &Schema, definition: &Definition, mapping: &Mapping) -> Result<Self> {
        let mut planner = Planner { definition, mapping, plans: Vec::new(), open: Vec::new() };
        let root = planner.message(schema, 0)?;
        Ok(Self { plans: planner.plans, root, use_defaults: !mapping.ignore_default_for_nullables })
    }

    /// Writes the outermost struct.
    pub(super) fn write(&self, value: &Struct, out: &mut BytesMut) -> Result<()> {
        self.message(self.root, value, out, 0)
    }

    fn message(&self, plan: usize, value: &Struct, out: &mut BytesMut, depth: usize) -> Result<()> {
        if depth > DEEPEST {
            return Err(too_deep());
        }
        for field in &self.plans[plan] {
            let found = match field.source {
                Source::Field(place) => self.member(value, place),
                Source::Member(place, member) => match self.member(value, place) {
                    ValueRef::Struct(union) => match self.chosen(union)? {
                        (chosen, value) if chosen == member => value,
                        _ => continue,
                    },
                    _ => continue,
                },
            };
            if !found.is_null() {
                self.field(field, found, out, depth)?;
            }
        }
        Ok(())
    }

    /// The value of a field, or its default.
    fn member<'a>(&self, value: &'a Struct, place: usize) -> ValueRef<'a> {
        let found = if self.use_defaults { value.get(place) } else { value.get_without_default(place) };
        found.map_or(ValueRef::Null, Value::as_ref)
    }

    /// Which member of a oneof is set.
    fn chosen<'a>(&self, union: &'a Struct) -> Result<(usize, ValueRef<'a>)> {
        let members = 0..union.values().len();
        members
            .map(|member| (member, self.member(union, member)))
            .find(|(_, value)| !value.is_null())
            .ok_or_else(|| Error::data("Cannot find non-null field"))
    }

    fn field(&self, field: &FieldPlan, value: ValueRef<'_>, out: &mut BytesMut, depth: usize) -> Result<()> {
        let number = field.number;
        match &field.kind {
            Kind::List(element) => self.list(element, number, value, out, depth),
            Kind::Map { key, value: entry_value } => {
                let map = value.as_map().ok_or_else(|| mismatch(Type::Map, value))?;
                for (one, other) in map.entries() {
                    put_tag(number, WireType::Delimited, out);
                    put_delimited(out, |out| {
                        for (part, value) in [(key, one), (entry_value, other)] {
                            if !value.is_null() {
                                self.field(part, value, out, depth + 1)?;
                            }
                        }
                        Ok(())
                    })?;
                }
                Ok(())
            }
            Kind::Scalar(scalar) => put_scalar(*scalar, number, field.implicit, value, out),
            Kind::Enum { numbers, first } => {
                let chosen = enum_number(numbers, value)?;
                if field.implicit && chosen == *first {
                    return Ok(());
                }
                put_tag(number, WireType::Varint, out);
                put_varint(i64::from(chosen) as u64, out);
                Ok(())
            }
            kind => self.inner(kind, number, value, out, depth),
        }
    }

    fn list(
        &self,
        element: &Kind,
        number: u32,
        value: ValueRef<'_>,
        out: &mut BytesMut,
        depth: usize,
    ) -> Result<()> {
        let list = value.as_array().ok_or_else(|| mismatch(Type::Array, value))?;
        if list.is_empty() {
            return Ok(());
        }
        if list.iter().any(ValueRef::is_null) {
            let message = "A repeated field cannot hold null";
            return Err(Error::data(message).with_java_class("java.lang.NullPointerException"));
        }
        match element {
            Kind::Scalar(scalar) if wire_type(*scalar) != WireType::Delimited => {
                put_tag(number, WireType::Delimited, out);
                put_delimited(out, |out| {
                    list.iter().try_for_each(|value| put_bare(number_of(*scalar, value)?, out))
                })
            }
            Kind::Enum { numbers, .. } => {
                put_tag(number, WireType::Delimited, out);
                put_delimited(out, |out| {
                    for value in list.iter() {
                        put_varint(i64::from(enum_number(numbers, value)?) as u64, out);
                    }
                    Ok(())
                })
            }
            Kind::Scalar(scalar) => {
                list.iter().try_for_each(|value| put_scalar(*scalar, number, false, value, out))
            }
            kind => list.iter().try_for_each(|value| self.inner(kind, number, value, out, depth)),
        }
    }

    /// A message inside a message.
    fn inner(
        &self,
        kind: &Kind,
        number: u32,
        value: ValueRef<'_>,
        out: &mut BytesMut,
        depth: usize,
    ) -> Result<()> {
        if let Kind::Refused(why) = kind {
            // An empty list leaves nothing to write.
            let nothing = value.as_array().is_some_and(|list| list.is_empty());
            return if nothing { Ok(()) } else { Err(Error::data(why.clone())) };
        }
        put_tag(number, WireType::Delimited, out);
        put_delimited(out, |out| match kind {
            Kind::Message(plan) => {
                let value = value.as_struct().ok_or_else(|| mismatch(Type::Struct, value))?;
                self.message(*plan, value, out, depth + 1)
            }
            Kind::Wrapper(scalar) => put_wrapped(*scalar, value, out),
            kind => put_logical(kind, value, out),
        })
    }
}

fn put_logical(kind: &Kind, value: ValueRef<'_>, out: &mut BytesMut) -> Result<()> {
    if let Kind::Decimal = kind {
        let decimal = value.as_decimal().ok_or_else(|| mismatch(Type::Bytes, value))?;
        temporal::write_decimal(decimal, out);
        return Ok(());
    }
    let date = value.as_date().ok_or_else(|| mismatch(Type::Int32, value))?;
    match kind {
        Kind::Date => temporal::write_date(date, out),
        Kind::Time => temporal::write_time(date, out),
        _ => temporal::write_timestamp(date, out),
    }
}

/// The content of a wrapper message. What has no sign is written with one, as Java does it; readers cut it off.
pub(super) fn put_wrapped(scalar: Scalar, value: ValueRef<'_>, out: &mut BytesMut) -> Result<()> {
    let scalar = match scalar {
        Scalar::UInt32 => Scalar::Int32,
        Scalar::UInt64 => Scalar::Int64,
        other => other,
    };
    put_scalar(scalar, 1, true, value, out)
}

fn enum_number(numbers: &HashMap<String, i32>, value: ValueRef<'_>) -> Result<i32> {
    if let ValueRef::Int32(number) = value {
        return Ok(number);
    }
    let symbol = value.as_str().ok_or_else(|| mismatch(Type::String, value))?;
    numbers.get(symbol).copied().ok_or_else(|| {
        Error::data(format!("The enum has no symbol \"{symbol}\""))
            .with_java_class("java.lang.IllegalArgumentException")
    })
}

/// A scalar as it is written.
#[derive(Clone, Copy)]
enum Bare<'a> {
    Varint(u64),
    Fixed32([u8; 4]),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
}

impl Bare<'_> {
    fn is_zero(self) -> bool {
        match self {
            Self::Varint(value) => value == 0,
            Self::Fixed32(bytes) => bytes == [0; 4],
            Self::Fixed64(bytes) => bytes == [0; 8],
            Self::Bytes(bytes) => bytes.is_empty(),
        }
    }
}

fn number_of(scalar: Scalar, value: ValueRef<'_>) -> Result<Bare<'_>> {
    let integer = |value: ValueRef<'_>| match value {
        // Java takes any number where it wants one.
        ValueRef::Float32(value) => Ok(value as i64),
        ValueRef::Float64(value) => Ok(value as i64),
        value => value.as_i64().ok_or_else(|| mismatch(type_of(scalar), value)),
    };
    let float = |value: ValueRef<'_>| match value.as_f64() {
        Some(float) => Ok(float),
        None => integer(value).map(|value| value as f64),
    };
    Ok(match scalar {
        Scalar::Int32 => Bare::Varint(i64::from(integer(value)? as i32) as u64),
        Scalar::UInt32 => Bare::Varint(u64::from(integer(value)? as u32)),
        Scalar::SInt32 => {
            let value = integer(value)? as i32;
            Bare::Varint(u64::from(((value << 1) ^ (value >> 31)) as u32))
        }
        Scalar::Int64 | Scalar::UInt64 => Bare::Varint(integer(value)? as u64),
        Scalar::SInt64 => {
            let value = integer(value)?;
            Bare::Varint(((value << 1) ^ (value >> 63)) as u64)
        }
        Scalar::Fixed32 | Scalar::SFixed32 => Bare::Fixed32((integer(value)? as i32).to_le_bytes()),
        Scalar::Fixed64 | Scalar::SFixed64 => Bare::Fixed64(integer(value)?.to_le_bytes()),
        Scalar::Double => Bare::Fixed64(float(value)?.to_le_bytes()),
        Scalar::Float => match value {
            ValueRef::Float32(value) => Bare::Fixed32(value.to_le_bytes()),
            value => Bare::Fixed32((float(value)? as f32).to_le_bytes()),
        },
        Scalar::Bool => Bare::Varint(value.as_bool().ok_or_else(|| mismatch(Type::Boolean, value))?.into()),
        Scalar::String => {
            Bare::Bytes(value.as_str().ok_or_else(|| mismatch(Type::String, value))?.as_bytes())
        }
        Scalar::Bytes => Bare::Bytes(value.as_bytes().ok_or_else(|| mismatch(Type::Bytes, value))?),
    })
}

fn type_of(scalar: Scalar) -> Type {
    match scalar {
        Scalar::Int32 | Scalar::UInt32 | Scalar::SInt32 | Scalar::Fixed32 | Scalar::SFixed32 => Type::Int32,
        Scalar::Float => Type::Float32,
        Scalar::Double => Type::Float64,
        _ => Type::Int64,
    }
}

fn put_bare(bare: Bare<'_>, out: &mut BytesMut) -> Result<()> {
    match bare {
        Bare::Varint(value) => put_varint(value, out),
        Bare::Fixed32(bytes) => out.put_slice(&bytes),
        Bare::Fixed64(bytes) => out.put_slice(&bytes),
        Bare::Bytes(bytes) => {
            put_varint(bytes.len() as u64, out);
            out.put_slice(bytes);
        }
    }
    Ok(())
}

fn put_scalar(
    scalar: Scalar,
    number: u32,
    implicit: bool,
    value: ValueRef<'_>,
    out: &mut BytesMut,
) -> Result<()> {
    let bare = number_of(scalar, value)?;
    if implicit && bare.is_zero() {
        return Ok(());
    }
    put_tag(number, wire_type(scalar), out);
    put_bare(bare, out)
}

#[cold]
fn mismatch(ty: Type, value: ValueRef<'_>) -> Error {
    Error::data(format!("Invalid type for {ty}: class {}", value.to_value().java_class_name()))
}

struct Planner<'a> {
    definition: &'a Definition,
    mapping: &'a Mapping,
    plans: Vec<Vec<FieldPlan>>,
    /// The messages that are being planned, from the outermost, with their plans.
    open: Vec<(usize, usize)>,
}

impl Planner<'_> {
    fn message(&mut self, schema: &Schema, message: usize) -> Result<usize> {
        if schema.is_recursive()
            && let Some((_, plan)) = self.open.iter().rev().find(|(open, _)| *open == message)
        {
            return Ok(*plan);
        }
        let plan = self.plans.len();
        self.plans.push(Vec::new());
        self.open.push((message, plan));
        let mut fields = Vec::new();
        for field in schema.fields()? {
            let name = self.name(field.name());
            if definition::is_union(field.schema()) {
                for member in field.schema().fields()? {
                    let source = Source::Member(field.index(), member.index());
                    let name = self.name(member.name());
                    fields.push(self.field(member.schema(), message, &name, source)?);
                }
            } else {
                fields.push(self.field(field.schema(), message, &name, Source::Field(field.index()))?);
            }
        }
        fields.sort_by_key(|field| field.number);
        self.plans[plan] = fields;
        self.open.pop();
        Ok(plan)
    }

    fn name(&self, name: &str) -> String {
        if self.mapping.scrub_invalid_names { names::scrub(name) } else { name.to_owned() }
    }

    fn field(&mut self, schema: &Schema, message: usize, name: &str, source: Source) -> Result<FieldPlan> {
        let definition = &self.definition.messages[message];
        let Some(field) = definition.all_fields().find(|field| field.name == name) else {
            // The message was defined by another struct of the same name.
            let kind = Kind::Refused(format!("Cannot find field with name {name}"));
            return Ok(FieldPlan { number: u32::MAX, source, kind, implicit: false });
        };
        let in_oneof = matches!(source, Source::Member(..));
        let implicit = field.label.is_none() && !in_oneof;
        let number = field.number as u32;
        let kind = match (schema.ty(), field.label) {
            (Type::Array, Some(FieldLabel::Repeated)) => {
                let element = schema.value_schema()?.ok_or_else(|| Error::data("A list without elements"))?;
                match self.single(element, message, field)? {
                    Kind::Refused(why) => Kind::Refused(why),
                    kind => Kind::List(Box::new(kind)),
                }
            }
            (Type::Map, Some(FieldLabel::Repeated)) => self.single(schema, message, field)?,
            (Type::Array | Type::Map, _) | (_, Some(FieldLabel::Repeated)) => {
                Kind::Refused(format!("The field {name} is repeated in one struct and not in another"))
            }
            _ => self.single(schema, message, field)?,
        };
        Ok(FieldPlan { number, source, kind, implicit })
    }

    fn single(&mut self, schema: &Schema, message: usize, field: &FieldDef) -> Result<Kind> {
        let wrong = || {
            let (ty, wire) = (schema.ty(), &field.ty);
            Kind::Refused(format!(
                "The field {} is a {wire}, which a value of type {ty} does not fit",
                field.name
            ))
        };
        let nested = self.definition.type_of(message, field);
        match schema.ty() {
            Type::Struct => {
                return match nested {
                    Some(nested) => self.message(schema, nested).map(Kind::Message),
                    None => Ok(wrong()),
                };
            }
            Type::Map => {
                let (Some(nested), Some(key), Some(value)) =
                    (nested, schema.key_schema()?, schema.value_schema()?)
                else {
                    return Ok(wrong());
                };
                let key = self.field(key, nested, "key", Source::Field(0))?;
                let value = self.field(value, nested, "value", Source::Field(0))?;
                return Ok(Kind::Map { key: Box::new(key), value: Box::new(value) });
            }
            _ => {}
        }
        match field.ty.as_str() {
            mapping::DECIMAL => return Ok(Kind::Decimal),
            mapping::DATE => return Ok(Kind::Date),
            mapping::TIME => return Ok(Kind::Time),
            mapping::TIMESTAMP => return Ok(Kind::Timestamp),
            _ => {}
        }
        if let Some(one) = self.definition.messages[message].enums.iter().find(|one| one.name == field.ty) {
            // The numbers are those of the value's own schema; the first symbol is that of the definition.
            let prefix = format!("{}.", definition::enum_parameter(schema).unwrap_or(mapping::ENUM));
            let numbers = schema
                .parameters()
                .filter_map(|(key, number)| {
                    Some((key.strip_prefix(&prefix)?.to_owned(), number.parse().ok()?))
                })
                .collect();
            return Ok(Kind::Enum { numbers, first: one.values.first().map_or(0, |(_, number)| *number) });
        }
        if let Some(scalar) = super::to_connect::wrapped(&field.ty) {
            return Ok(Kind::Wrapper(scalar));
        }
        let Some(scalar) = Scalar::of_name(&field.ty) else { return Ok(wrong()) };
        let fits = match schema.ty() {
            Type::Int8 | Type::Int16 | Type::Int32 => type_of(scalar) == Type::Int32 && is_number(scalar),
            // Java narrows a long to 32 bits where its schema says that it is unsigned.
            Type::Int64 if matches!(schema.parameter(mapping::TYPE), Some("uint32" | "fixed32")) => {
                type_of(scalar) == Type::Int32 && is_number(scalar)
            }
            Type::Int64 => type_of(scalar) == Type::Int64 && is_number(scalar),
            Type::Float32 => scalar == Scalar::Float,
            Type::Float64 => scalar == Scalar::Double,
            Type::Boolean => scalar == Scalar::Bool,
            Type::String => scalar == Scalar::String,
            Type::Bytes => scalar == Scalar::Bytes,
            Type::Array | Type::Map | Type::Struct => false,
        };
        Ok(if fits { Kind::Scalar(scalar) } else { wrong() })
    }
}

fn is_number(scalar: Scalar) -> bool {
    !matches!(scalar, Scalar::Bool | Scalar::String | Scalar::Bytes | Scalar::Float | Scalar::Double)
}
