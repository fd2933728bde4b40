//! Writes Connect values as Avro, by a plan that [`compile`](super::compile) makes once.

use std::collections::HashMap;

use connect_api::data::{Type, ValueRef, logical};
use connect_api::{Error, Result, Schema, Struct, Value};

use super::anything;

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
    pub(super) slot: Slot,
    /// The structs that contain themselves.
    pub(super) shared: Vec<Record>,
    /// A bare `bytes` has no length in front of it.
    pub(super) bare: bool,
}

/// A place for a value.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) null: Null,
    /// What a null in a field stands for.
    pub(super) default: Option<Value>,
    /// The number of the union's branch, if there is a union.
    pub(super) branch: Option<i64>,
    pub(super) op: Op,
}

/// What a null does.
#[derive(Debug)]
pub(super) enum Null {
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
pub(super) enum Number {
    Int,
    Long,
    Float,
    Double,
}

#[derive(Debug)]
pub(super) enum Op {
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
pub(super) struct Record {
    pub(super) schema: Schema,
    /// In the order of writing, each with the index in the struct.
    pub(super) fields: Vec<(usize, Slot)>,
    /// A field that the registry's schema has more.
    pub(super) missing: Option<String>,
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

/// Java cuts off what is too long; here that is an error, as what is too short is with both.
fn put_fixed(bytes: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    if bytes.len() != size {
        let length = bytes.len();
        return Err(Failure::Write(format!("A fixed of {size} bytes cannot hold {length} bytes")));
    }
    out.extend_from_slice(bytes);
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
