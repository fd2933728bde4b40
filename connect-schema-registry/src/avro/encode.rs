//! Writes Connect values as Avro, by a plan that is made once for a Connect schema and a registry's schema.
//!
//! Java makes a tree of Avro values by the schema of the Connect schema, and writes that with the registry's, which may
//! be another one: fields by their position, branches of unions by the type of the value. The plan says in advance
//! where this comes out.

use std::cell::RefCell;
use std::collections::HashMap;

use connect_api::data::{Type, ValueRef, logical};
use connect_api::{Error, Result, Schema, Struct, Value};

use super::config::AvroConverterConfig;
use super::from_connect::is_text_key;
use super::schema::{AvroSchema, Id, Kind};
use super::{anything, names};

/// Why a value was not written.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The value does not fit its Connect schema.
    Value(Error),
    /// The value cannot be written with the registry's schema.
    Write(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Value(error)
    }
}

/// How deep a struct may contain itself.
const MAX_DEPTH: usize = 256;

/// How to write the values of one Connect schema.
#[derive(Debug)]
pub(crate) struct Plan {
    slot: Slot,
    /// The structs that contain themselves.
    shared: Vec<Record>,
    /// A bare `bytes` has no length in front of it.
    bare: bool,
}

/// A place for a value.
#[derive(Debug)]
struct Slot {
    null: Null,
    /// What a null in a field stands for.
    default: Option<Value>,
    /// The number of the union's branch, if there is a union.
    branch: Option<i64>,
    op: Op,
}

/// What a null does.
#[derive(Debug)]
enum Null {
    /// It is refused.
    Refuse,
    /// It is this branch, or no bytes.
    Branch(Option<i64>),
    /// It cannot be written.
    Fail(String),
    /// It is a value like others.
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Number {
    Int,
    Long,
    Float,
    Double,
}

#[derive(Debug)]
enum Op {
    /// The schemas do not fit.
    Fail(String),
    Boolean,
    /// A number of this Connect type, as a number of Avro's.
    Number(Type, Number),
    /// A date, time or timestamp.
    Date(Schema, Number),
    Decimal(Schema),
    /// The same with a fixed number of bytes.
    FixedDecimal(Schema, usize),
    String,
    Enum(HashMap<String, i64>),
    Bytes,
    Fixed(usize),
    Array(Box<Slot>),
    Map(Box<Slot>),
    /// Keys and values; whether the key is written first.
    Entries(Box<(Slot, Slot)>, bool),
    Record(Box<Record>),
    /// A struct that contains itself, at the outside or inside, with its place in [`Plan::shared`].
    Shared(Schema, usize),
    /// The first field of a struct that is set.
    Union(Schema, Vec<Slot>),
    Anything,
}

#[derive(Debug)]
struct Record {
    schema: Schema,
    /// In the order of writing, each with the index in the struct.
    fields: Vec<(usize, Slot)>,
    /// A field that the registry's schema has more.
    missing: Option<String>,
}

/// Makes a plan. `own` is the schema of the Connect schema, `target` what is written.
pub(crate) fn compile(
    connect: Option<&Schema>,
    own: &AvroSchema,
    target: &AvroSchema,
    config: &AvroConverterConfig,
) -> Result<Plan> {
    let open = RefCell::default();
    let compiler = Compiler { own, target, config, open, shared: RefCell::default() };
    let mut slot = compiler.slot(connect, own.root, target.root)?;
    if connect.is_none() {
        slot.null = Null::Branch(None);
    }
    let mut shared = Vec::new();
    for record in compiler.shared.into_inner() {
        shared.push(record.ok_or_else(|| Error::illegal_state("A struct was not finished"))?);
    }
    Ok(Plan { slot, shared, bare: matches!(target.root().kind, Kind::Bytes) })
}

struct Compiler<'a> {
    own: &'a AvroSchema,
    target: &'a AvroSchema,
    config: &'a AvroConverterConfig,
    /// The structs that are being compiled: names, schemas, and their place among the shared ones.
    open: RefCell<Vec<Open>>,
    shared: RefCell<Vec<Option<Record>>>,
}

struct Open {
    name: Option<String>,
    own: Id,
    target: Id,
    shared: Option<usize>,
}

impl Compiler<'_> {
    /// Where a value of this type goes: the branch of a union, and the schema there.
    fn place(&self, target: Id, name: &str) -> Result<(Option<i64>, Id), String> {
        let Kind::Union(branches) = &self.target.node(target).kind else { return Ok((None, target)) };
        let position = branches.iter().position(|branch| self.target.branch_name(*branch) == name);
        match position {
            Some(position) => Ok((Some(position as i64), branches[position])),
            None => Err(format!("Not in union: a value of the type {name}")),
        }
    }

    fn slot(&self, connect: Option<&Schema>, own: Id, target: Id) -> Result<Slot> {
        let Some(connect) = connect else {
            let (branch, op) = match self.place(target, &self.own.branch_name(own)) {
                Ok((branch, id)) if anything::is_anything(self.target.node(id)) => (branch, Op::Anything),
                Ok(_) => {
                    (None, Op::Fail("The registry's schema is none for values without schema".to_owned()))
                }
                Err(why) => (None, Op::Fail(why)),
            };
            return Ok(Slot { null: Null::Value, default: None, branch, op });
        };
        let null = match connect.is_optional() {
            false => Null::Refuse,
            true => match self.place(target, "null") {
                Ok((branch, id)) if matches!(self.target.node(id).kind, Kind::Null) => Null::Branch(branch),
                Ok(_) => Null::Fail("null where the registry's schema allows none".to_owned()),
                Err(why) => Null::Fail(why),
            },
        };
        let mut slot = Slot { null, default: None, branch: None, op: Op::Fail(String::new()) };
        if connect.name() == Some(names::UNION) && connect.ty() == Type::Struct {
            slot.op = self.union(connect, own, target)?;
            return Ok(slot);
        }
        let own = self.underlying(own);
        match self.place(target, &self.own.branch_name(own)) {
            Err(why) => slot.op = Op::Fail(why),
            Ok((branch, id)) => {
                slot.branch = branch;
                slot.op = self.op(connect, own, id)?;
            }
        }
        Ok(slot)
    }

    /// What is optional here.
    fn underlying(&self, own: Id) -> Id {
        match &self.own.node(own).kind {
            Kind::Union(branches) => {
                let some = branches.iter().find(|branch| !matches!(self.own.node(**branch).kind, Kind::Null));
                some.copied().unwrap_or(own)
            }
            _ => own,
        }
    }

    fn union(&self, connect: &Schema, own: Id, target: Id) -> Result<Op> {
        let Kind::Union(branches) = &self.own.node(own).kind else {
            return Ok(Op::Fail("A union is none".to_owned()));
        };
        let skip = usize::from(connect.is_optional());
        let mut slots = Vec::new();
        for (field, branch) in connect.fields()?.iter().zip(&branches[skip..]) {
            let mut slot = self.slot(Some(field.schema()), *branch, target)?;
            slot.default = field.schema().default_value().cloned();
            slots.push(slot);
        }
        Ok(Op::Union(connect.clone(), slots))
    }

    fn op(&self, connect: &Schema, own: Id, target: Id) -> Result<Op> {
        let node = self.target.node(target);
        let number = match node.kind {
            Kind::Int => Some(Number::Int),
            Kind::Long => Some(Number::Long),
            Kind::Float => Some(Number::Float),
            Kind::Double => Some(Number::Double),
            _ => None,
        };
        let fail = |what: &str| Op::Fail(format!("{what} cannot be written as {}", node.kind.word()));
        let is_logical = |name| connect.name() == Some(name);
        Ok(match connect.ty() {
            Type::Int32 if is_logical(logical::DATE) || is_logical(logical::TIME) => match number {
                Some(number) => Op::Date(connect.clone(), number),
                None => fail("A date or time"),
            },
            Type::Int64 if is_logical(logical::TIMESTAMP) => match number {
                Some(number) => Op::Date(connect.clone(), number),
                None => fail("A timestamp"),
            },
            ty @ (Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64 | Type::Float32 | Type::Float64) => {
                match number {
                    Some(number) => Op::Number(ty, number),
                    None => fail("A number"),
                }
            }
            Type::Boolean => match node.kind {
                Kind::Boolean => Op::Boolean,
                _ => fail("A boolean"),
            },
            Type::String => match (&self.own.node(own).kind, &node.kind) {
                (Kind::Enum(_), Kind::Enum(symbols)) => {
                    let numbered = symbols.symbols.iter().enumerate();
                    Op::Enum(numbered.map(|(number, symbol)| (symbol.clone(), number as i64)).collect())
                }
                (Kind::String, Kind::String) => Op::String,
                (Kind::Enum(_), _) => fail("A symbol"),
                _ => fail("A text"),
            },
            Type::Bytes => {
                let fixed = match (&self.own.node(own).kind, &node.kind) {
                    (Kind::Bytes, Kind::Bytes) => None,
                    (Kind::Fixed(_), Kind::Fixed(fixed)) => Some(fixed.size),
                    (Kind::Fixed(_), _) => return Ok(fail("A fixed")),
                    _ => return Ok(fail("Bytes")),
                };
                match (is_logical(logical::DECIMAL), fixed) {
                    (true, None) => Op::Decimal(connect.clone()),
                    (true, Some(size)) => Op::FixedDecimal(connect.clone(), size),
                    (false, None) => Op::Bytes,
                    (false, Some(size)) => Op::Fixed(size),
                }
            }
            Type::Array => match (&self.own.node(own).kind, &node.kind) {
                (Kind::Array(own), Kind::Array(target)) => {
                    Op::Array(Box::new(self.slot(connect.value_schema()?, *own, *target)?))
                }
                _ => fail("A list"),
            },
            Type::Map => self.map(connect, own, target)?,
            Type::Struct => self.record(connect, own, target)?,
        })
    }

    fn map(&self, connect: &Schema, own: Id, target: Id) -> Result<Op> {
        let word = self.target.node(target).kind.word();
        let fail = || Op::Fail(format!("A map cannot be written as {word}"));
        let keys = connect.key_schema()?;
        Ok(match (&self.own.node(own).kind, &self.target.node(target).kind) {
            (Kind::Map(own), Kind::Map(target))
                if keys.is_some_and(|keys| is_text_key(keys, self.config)) =>
            {
                Op::Map(Box::new(self.slot(connect.value_schema()?, *own, *target)?))
            }
            (Kind::Array(own), Kind::Array(target)) => {
                let (Kind::Record(own), Kind::Record(target)) =
                    (&self.own.node(*own).kind, &self.target.node(*target).kind)
                else {
                    return Ok(fail());
                };
                let ([own_key, own_value], [target_key, target_value]) =
                    (own.fields.as_slice(), target.fields.as_slice())
                else {
                    return Ok(fail());
                };
                let key = self.slot(keys, own_key.schema, target_key.schema)?;
                let value = self.slot(connect.value_schema()?, own_value.schema, target_value.schema)?;
                Op::Entries(Box::new((key, value)), true)
            }
            _ => fail(),
        })
    }

    fn record(&self, connect: &Schema, own: Id, target: Id) -> Result<Op> {
        if connect.is_recursive() {
            let mut open = self.open.borrow_mut();
            let found = open.iter_mut().rev().find(|open| {
                open.name.as_deref() == connect.name() && open.own == own && open.target == target
            });
            let Some(found) = found else {
                return Ok(Op::Fail(format!(
                    "{connect} contains itself in another way than the registry's schema"
                )));
            };
            let mut shared = self.shared.borrow_mut();
            let index = *found.shared.get_or_insert_with(|| {
                shared.push(None);
                shared.len() - 1
            });
            return Ok(Op::Shared(connect.clone(), index));
        }
        let name = connect.name().map(str::to_owned);
        self.open.borrow_mut().push(Open { name, own, target, shared: None });
        let made = self.fields(connect, own, target);
        let open = self.open.borrow_mut().pop();
        Ok(match (made?, open.and_then(|open| open.shared)) {
            (Op::Record(record), Some(index)) => {
                self.shared.borrow_mut()[index] = Some(*record);
                Op::Shared(connect.clone(), index)
            }
            (op, _) => op,
        })
    }

    fn fields(&self, connect: &Schema, own: Id, target: Id) -> Result<Op> {
        let (Kind::Record(own), Kind::Record(target)) =
            (&self.own.node(own).kind, &self.target.node(target).kind)
        else {
            return Ok(Op::Fail(format!(
                "A struct cannot be written as {}",
                self.target.node(target).kind.word()
            )));
        };
        let mut fields = Vec::with_capacity(target.fields.len());
        let mut missing = None;
        for (position, wanted) in target.fields.iter().enumerate() {
            let (Some(field), Some(made)) = (connect.fields()?.get(position), own.fields.get(position))
            else {
                missing = Some(format!(
                    "The registry's record {} has a field {} at position {position}, where the struct has none",
                    target.name.full(),
                    wanted.name
                ));
                break;
            };
            let mut slot = self.slot(Some(field.schema()), made.schema, wanted.schema)?;
            let keeps_null = self.config.ignore_default_for_nullables && field.schema().is_optional();
            slot.default = field.schema().default_value().filter(|_| !keeps_null).cloned();
            fields.push((position, slot));
        }
        Ok(Op::Record(Box::new(Record { schema: connect.clone(), fields, missing })))
    }
}

impl Plan {
    /// Appends a value. `false`: it is null, and nothing was appended.
    pub(crate) fn write(&self, value: &Value, out: &mut Vec<u8>) -> Result<bool, Failure> {
        if value.is_null() {
            return match self.slot.null {
                Null::Refuse => Err(no_null()),
                _ => Ok(false),
            };
        }
        if let (Op::Union(schema, _), Value::Struct(value)) = (&self.slot.op, value)
            && value.values().iter().all(Value::is_null)
            && value.schema() == schema
        {
            return match schema.is_optional() {
                true => Ok(false),
                false => Err(no_null()),
            };
        }
        if self.bare && self.slot.branch.is_none() {
            return match (&self.slot.op, value) {
                (Op::Bytes, Value::Bytes(bytes)) => {
                    out.extend_from_slice(bytes);
                    Ok(true)
                }
                (Op::Decimal(schema), Value::Decimal(decimal)) => {
                    out.extend_from_slice(&logical::decimal_from_logical(schema, decimal)?);
                    Ok(true)
                }
                _ => self.slot.write(value.as_ref(), out, Around::of(self)).map(|()| true),
            };
        }
        self.slot.write(value.as_ref(), out, Around::of(self)).map(|()| true)
    }
}

/// What is around a value.
#[derive(Clone, Copy)]
struct Around<'a> {
    shared: &'a [Record],
    depth: usize,
}

impl<'a> Around<'a> {
    fn of(plan: &'a Plan) -> Self {
        Self { shared: &plan.shared, depth: 0 }
    }
}

impl Slot {
    fn write(&self, value: ValueRef<'_>, out: &mut Vec<u8>, around: Around<'_>) -> Result<(), Failure> {
        if value.is_null() {
            match (&self.default, &self.null) {
                (Some(default), _) => return self.write_some(default.as_ref(), out, around),
                (None, Null::Value) => {}
                (None, Null::Refuse) => return Err(no_null()),
                (None, Null::Fail(why)) => return Err(Failure::Write(why.clone())),
                (None, Null::Branch(branch)) => {
                    if let Some(branch) = branch {
                        put_long(*branch, out);
                    }
                    return Ok(());
                }
            }
        }
        self.write_some(value, out, around)
    }

    fn write_some(&self, value: ValueRef<'_>, out: &mut Vec<u8>, around: Around<'_>) -> Result<(), Failure> {
        if let Some(branch) = self.branch {
            put_long(branch, out);
        }
        match (&self.op, value) {
            (Op::Number(Type::Int32, Number::Int), ValueRef::Int32(value)) => put_long(value.into(), out),
            (Op::Number(Type::Int64, Number::Long), ValueRef::Int64(value)) => put_long(value, out),
            (Op::Number(ty, number), value) => return put_number(*ty, *number, value, out),
            (Op::String, ValueRef::String(text)) => {
                put_long(text.len() as i64, out);
                out.extend_from_slice(text.as_bytes());
            }
            (Op::Boolean, ValueRef::Boolean(value)) => out.push(value.into()),
            (Op::Date(schema, number), ValueRef::Date(date)) => {
                let value = match schema.name() {
                    Some(logical::DATE) => logical::date_from_logical(schema, date)?.into(),
                    Some(logical::TIME) => logical::time_from_logical(schema, date)?.into(),
                    _ => date.0,
                };
                return put_number(Type::Int64, *number, ValueRef::Int64(value), out);
            }
            (Op::Decimal(schema), ValueRef::Decimal(decimal)) => {
                let bytes = logical::decimal_from_logical(schema, decimal)?;
                put_long(bytes.len() as i64, out);
                out.extend_from_slice(&bytes);
            }
            (Op::FixedDecimal(schema, size), ValueRef::Decimal(decimal)) => {
                put_fixed(&logical::decimal_from_logical(schema, decimal)?, *size, out)?;
            }
            (Op::Enum(symbols), ValueRef::String(symbol)) => match symbols.get(symbol) {
                Some(number) => put_long(*number, out),
                None => return Err(Failure::Write(format!("The enumeration has no symbol {symbol}"))),
            },
            (Op::Bytes, ValueRef::Bytes(bytes)) => {
                put_long(bytes.len() as i64, out);
                out.extend_from_slice(bytes);
            }
            (Op::Fixed(size), ValueRef::Bytes(bytes)) => put_fixed(bytes, *size, out)?,
            (Op::Array(slot), ValueRef::Array(list)) => {
                if !list.is_empty() {
                    put_long(list.len() as i64, out);
                    for item in list.iter() {
                        slot.write(item, out, around)?;
                    }
                }
                out.push(0);
            }
            (Op::Map(slot), ValueRef::Map(map)) => {
                if !map.is_empty() {
                    put_long(map.len() as i64, out);
                    for (key, value) in map.entries() {
                        let ValueRef::String(key) = key else {
                            return Err(match key {
                                ValueRef::Null => Failure::Write("A key of a map is null".to_owned()),
                                other => wrong_type(Type::String, other),
                            });
                        };
                        put_long(key.len() as i64, out);
                        out.extend_from_slice(key.as_bytes());
                        slot.write(value, out, around)?;
                    }
                }
                out.push(0);
            }
            (Op::Entries(slots, key_first), ValueRef::Map(map)) => {
                if !map.is_empty() {
                    put_long(map.len() as i64, out);
                    for (key, value) in map.entries() {
                        if *key_first {
                            slots.0.write(key, out, around)?;
                        }
                        slots.1.write(value, out, around)?;
                    }
                }
                out.push(0);
            }
            (Op::Record(record), ValueRef::Struct(value)) => {
                record.write(&record.schema, value, out, around)?
            }
            (Op::Shared(schema, index), ValueRef::Struct(value)) => {
                if around.depth == MAX_DEPTH {
                    let message = format!("The value is nested more than {MAX_DEPTH} levels deep");
                    return Err(Error::data(message).into());
                }
                let Some(record) = around.shared.get(*index) else {
                    return Err(
                        Error::illegal_state(format!("There is no struct {index} in the plan")).into()
                    );
                };
                record.write(schema, value, out, Around { depth: around.depth + 1, ..around })?;
            }
            (Op::Union(schema, slots), ValueRef::Struct(value)) => {
                let own = value.schema();
                if !own.is_same(schema) && own != schema {
                    return Err(Error::data("Mismatching struct schema").into());
                }
                for (value, slot) in value.values().iter().zip(slots) {
                    if !value.is_null() || slot.default.is_some() {
                        return slot.write(value.as_ref(), out, around);
                    }
                }
                match &self.null {
                    Null::Branch(Some(branch)) => put_long(*branch, out),
                    Null::Branch(None) => {}
                    Null::Fail(why) => return Err(Failure::Write(why.clone())),
                    Null::Refuse | Null::Value => return Err(no_null()),
                }
            }
            (Op::Anything, value) => return anything::write(value, out, 0),
            (Op::Fail(why), _) => return Err(Failure::Write(why.clone())),
            (op, value) => return Err(op.wrong_type(value)),
        }
        Ok(())
    }
}

impl Record {
    fn write(
        &self,
        schema: &Schema,
        value: &Struct,
        out: &mut Vec<u8>,
        around: Around<'_>,
    ) -> Result<(), Failure> {
        let own = value.schema();
        if !own.is_same(schema) && own != schema {
            return Err(Error::data("Mismatching struct schema").into());
        }
        let values = value.values();
        for (index, slot) in &self.fields {
            slot.write(values[*index].as_ref(), out, around)?;
        }
        match &self.missing {
            Some(missing) => Err(Failure::Write(missing.clone())),
            None => Ok(()),
        }
    }
}

impl Op {
    #[cold]
    fn wrong_type(&self, value: ValueRef<'_>) -> Failure {
        let ty = match self {
            Self::Date(schema, _) | Self::Decimal(schema) | Self::FixedDecimal(schema, _) => {
                let (name, class) = match schema.name() {
                    Some(logical::DATE) => ("Date", "Date"),
                    Some(logical::TIME) => ("Time", "Date"),
                    Some(logical::TIMESTAMP) => ("Timestamp", "Date"),
                    _ => ("Decimal", "BigDecimal"),
                };
                let actual = value.to_value().java_class_name();
                let text = format!("Invalid type for {name}, expected {class} but was class {actual}");
                return Error::data(text).into();
            }
            Self::Boolean => Type::Boolean,
            Self::Number(ty, _) => *ty,
            Self::String | Self::Enum(_) => Type::String,
            Self::Bytes | Self::Fixed(_) => Type::Bytes,
            Self::Array(_) => Type::Array,
            Self::Map(_) | Self::Entries(..) => Type::Map,
            Self::Record(_) | Self::Shared(..) | Self::Union(..) => Type::Struct,
            Self::Fail(_) | Self::Anything => Type::String,
        };
        wrong_type(ty, value)
    }
}

#[cold]
fn wrong_type(ty: Type, value: ValueRef<'_>) -> Failure {
    Error::data(format!("Invalid type for {ty}: class {}", value.to_value().java_class_name())).into()
}

#[cold]
fn no_null() -> Failure {
    Error::data("Found null value for non-optional schema").into()
}

fn put_number(ty: Type, number: Number, value: ValueRef<'_>, out: &mut Vec<u8>) -> Result<(), Failure> {
    let (whole, float) = match (ty, value) {
        (Type::Int8, ValueRef::Int8(value)) => (i64::from(value), f64::from(value)),
        (Type::Int16, ValueRef::Int16(value)) => (i64::from(value), f64::from(value)),
        (Type::Int32, ValueRef::Int32(value)) => (i64::from(value), f64::from(value)),
        (Type::Int64, ValueRef::Int64(value)) => (value, value as f64),
        (Type::Float32, ValueRef::Float32(value)) => {
            if number == Number::Float {
                out.extend_from_slice(&value.to_bits().to_le_bytes());
                return Ok(());
            }
            (value as i64, f64::from(value))
        }
        (Type::Float64, ValueRef::Float64(value)) => (value as i64, value),
        (ty, value) => return Err(wrong_type(ty, value)),
    };
    match number {
        Number::Int => put_long(i64::from(whole as i32), out),
        Number::Long => put_long(whole, out),
        Number::Float => out.extend_from_slice(&(float as f32).to_bits().to_le_bytes()),
        Number::Double => out.extend_from_slice(&float.to_bits().to_le_bytes()),
    }
    Ok(())
}

fn put_fixed(bytes: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    match bytes.get(..size) {
        Some(bytes) => out.extend_from_slice(bytes),
        None => {
            let length = bytes.len();
            return Err(Failure::Write(format!("A fixed of {size} bytes cannot hold {length} bytes")));
        }
    }
    Ok(())
}

/// Appends a number in zigzag form.
#[inline]
pub(crate) fn put_long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_zigzag() {
        for (value, bytes) in [
            (0, vec![0]),
            (-1, vec![1]),
            (64, vec![0x80, 1]),
            (i64::MIN, vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ] {
            let mut out = Vec::new();
            put_long(value, &mut out);
            assert_eq!(out, bytes, "{value}");
        }
    }
}
