//! Reads Avro data straight into Connect values, by a plan that is made once for a writer's schema.
//!
//! What arrives may be anything: lengths are checked against what is left of the message, and the number of items that
//! take no bytes is bounded.

use std::str;

use bytes::Bytes;
use connect_api::data::{Date, Decimal, Map, Str, logical};
use connect_api::{Error, Result, Schema, SchemaAndValue, Struct, Value};

use super::anything;

/// Texts up to this length are copied, which is cheaper than sharing.
const INLINE: usize = 24;
/// How deep a record may contain itself.
const MAX_DEPTH: usize = 256;
/// How many items without any bytes a message may hold.
const FREE_ITEMS: u64 = 1 << 20;

/// How to read the data of a writer's schema.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The Connect schema; `None` for data without one.
    pub(crate) schema: Option<Schema>,
    pub(crate) op: Op,
    /// The fields of records that contain themselves.
    pub(crate) shared: Vec<Vec<Op>>,
    /// A bare `bytes` is the whole rest of the message.
    pub(crate) bare: bool,
    /// There is nothing but null.
    pub(crate) only_null: bool,
}

/// How to read one schema.
#[derive(Debug)]
pub(crate) enum Op {
    Null,
    Boolean,
    Int8,
    Int16,
    Int,
    Long,
    Float,
    Double,
    Date,
    Time,
    Timestamp,
    String,
    Bytes,
    Fixed(usize),
    /// With a scale, and the number of bytes if it is fixed.
    Decimal(i32, Option<usize>),
    Enum(Vec<Str>),
    Array(Box<Self>),
    Map(Box<Self>),
    /// Keys and values; whether the key comes first.
    Entries(Box<(Self, Self)>, bool),
    Record(Record),
    /// A record that contains itself, at the outside or inside, with its place in [`Plan::shared`].
    Shared(Schema, usize),
    /// With the number of the null branch.
    Optional(i64, Box<Self>),
    /// The same for the text that most fields are.
    OptionalString(i64),
    /// The only branch of a union.
    Only(Box<Self>),
    Union {
        schema: Option<Schema>,
        branches: Vec<Branch>,
    },
    Anything,
}

/// How to read a record.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) schema: Schema,
    pub(crate) fields: Vec<Op>,
}

/// How to read a branch of a union.
#[derive(Debug)]
pub(crate) enum Branch {
    Null,
    /// It goes into this field of the struct.
    Field(usize, Op),
}

impl Op {
    /// The same, for this schema.
    pub(crate) fn with_schema(self, schema: &Schema) -> Self {
        match self {
            Self::Record(record) => Self::Record(Record { schema: schema.clone(), ..record }),
            Self::Shared(_, index) => Self::Shared(schema.clone(), index),
            Self::Union { branches, .. } => Self::Union { schema: Some(schema.clone()), branches },
            Self::Decimal(_, size) => Self::Decimal(logical::decimal_scale(schema).unwrap_or(0), size),
            other => other,
        }
    }
}

impl Plan {
    /// Reads a message, which is a part of `whole`. What is behind the value is ignored, as Java does.
    ///
    /// # Errors
    ///
    /// A data error when the message ends too early, or holds what its schema does not allow.
    #[inline]
    pub(crate) fn read(&self, payload: &[u8], whole: &Bytes) -> Result<SchemaAndValue> {
        let mut reader = Reader::new(payload, whole, &self.shared);
        let value = match &self.op {
            Op::Record(record) => record_of(&record.schema, &record.fields, &mut reader)?,
            Op::Bytes if self.bare => Value::Bytes(whole.slice_ref(payload)),
            Op::Decimal(scale, None) if self.bare => decimal(payload, *scale)?,
            op => op.read(&mut reader)?,
        };
        if self.only_null || value.is_null() {
            return Ok(SchemaAndValue::NULL);
        }
        Ok(SchemaAndValue { schema: self.schema.clone(), value })
    }
}

/// What is left of a message.
pub(crate) struct Reader<'a> {
    whole: &'a Bytes,
    rest: &'a [u8],
    /// How many items without bytes may still come.
    free: u64,
    shared: &'a [Vec<Op>],
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(payload: &'a [u8], whole: &'a Bytes, shared: &'a [Vec<Op>]) -> Self {
        Self { whole, rest: payload, free: FREE_ITEMS, shared, depth: 0 }
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(ended()),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(ended()),
        }
    }

    #[inline]
    fn varint(&mut self, most: usize) -> Result<u64> {
        if let Some((first, rest)) = self.rest.split_first()
            && *first < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(*first));
        }
        let mut value = 0;
        for (index, byte) in self.rest.iter().take(most).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < most { ended() } else { bad("A number has too many bytes") })
    }

    #[inline]
    pub(crate) fn long(&mut self) -> Result<i64> {
        let value = self.varint(10)?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    #[inline]
    pub(crate) fn int(&mut self) -> Result<i32> {
        let value = self.varint(5)? as u32;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    pub(crate) fn boolean(&mut self) -> Result<bool> {
        Ok(self.array::<1>()? == [1])
    }

    pub(crate) fn float(&mut self) -> Result<f32> {
        Ok(f32::from_bits(u32::from_le_bytes(self.array()?)))
    }

    pub(crate) fn double(&mut self) -> Result<f64> {
        Ok(f64::from_bits(u64::from_le_bytes(self.array()?)))
    }

    #[inline]
    fn length(&mut self) -> Result<usize> {
        let length = self.long()?;
        usize::try_from(length).map_err(|_| bad(format!("Malformed data. Length is negative: {length}")))
    }

    #[inline]
    pub(crate) fn text(&mut self) -> Result<Str> {
        let length = self.length()?;
        let taken = self.take(length)?;
        Ok(match str::from_utf8(taken) {
            Ok(text) if length <= INLINE => Str::from(text),
            Ok(_) => Str::from_utf8(self.whole.slice_ref(taken))?,
            // As Java: what is no text becomes a question mark in a diamond.
            Err(_) => Str::from(String::from_utf8_lossy(taken).into_owned()),
        })
    }

    pub(crate) fn bytes(&mut self) -> Result<Bytes> {
        let length = self.length()?;
        Ok(self.whole.slice_ref(self.take(length)?))
    }

    /// Reads the blocks of an array or a map, item by item.
    pub(crate) fn blocks(&mut self, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        loop {
            let mut count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                // The size of the block in bytes follows, for those who skip it.
                self.long()?;
                count = count.checked_neg().ok_or_else(|| bad("A block has too many items"))?;
            }
            for _ in 0..count {
                let before = self.rest.len();
                item(self)?;
                if self.rest.len() == before {
                    self.free =
                        self.free.checked_sub(1).ok_or_else(|| bad("A message has too many empty items"))?;
                }
            }
        }
    }
}

impl Op {
    /// Reads into a place that is null. What most fields are goes there without a stop in between.
    #[inline]
    fn read_into(&self, reader: &mut Reader<'_>, place: &mut Value) -> Result<()> {
        match self {
            Self::OptionalString(null) => match reader.long()? {
                branch if branch == *null => {}
                0 | 1 => *place = Value::String(reader.text()?),
                branch => return Err(no_branch(branch)),
            },
            Self::String => *place = Value::String(reader.text()?),
            Self::Int => *place = Value::Int32(reader.int()?),
            Self::Long => *place = Value::Int64(reader.long()?),
            other => *place = other.read(reader)?,
        }
        Ok(())
    }

    fn read(&self, reader: &mut Reader<'_>) -> Result<Value> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Boolean => Value::Boolean(reader.boolean()?),
            Self::Int8 => Value::Int8(reader.int()? as i8),
            Self::Int16 => Value::Int16(reader.int()? as i16),
            Self::Int => Value::Int32(reader.int()?),
            Self::Long => Value::Int64(reader.long()?),
            Self::Float => Value::Float32(reader.float()?),
            Self::Double => Value::Float64(reader.double()?),
            Self::Date => Value::Date(Date(i64::from(reader.int()?) * logical::MILLIS_PER_DAY)),
            Self::Time => {
                let value = reader.int()?;
                if !(0..=logical::MILLIS_PER_DAY).contains(&i64::from(value)) {
                    logical::time_to_logical(&Schema::time(), value)?;
                }
                Value::Date(Date(value.into()))
            }
            Self::Timestamp => Value::Date(Date(reader.long()?)),
            Self::String => Value::String(reader.text()?),
            Self::Bytes => Value::Bytes(reader.bytes()?),
            Self::Fixed(size) => Value::Bytes(reader.whole.slice_ref(reader.take(*size)?)),
            Self::Decimal(scale, None) => {
                let length = reader.length()?;
                decimal(reader.take(length)?, *scale)?
            }
            Self::Decimal(scale, Some(size)) => decimal(reader.take(*size)?, *scale)?,
            Self::Enum(symbols) => {
                let number = reader.int()?;
                let symbol = usize::try_from(number).ok().and_then(|number| symbols.get(number));
                let symbol = symbol.ok_or_else(|| bad(format!("The enumeration has no symbol {number}")))?;
                Value::String(symbol.clone())
            }
            Self::Array(item) => {
                let mut list = Vec::new();
                reader.blocks(|reader| {
                    list.push(item.read(reader)?);
                    Ok(())
                })?;
                Value::Array(list.into())
            }
            Self::Map(item) => {
                let mut entries = Vec::new();
                reader.blocks(|reader| {
                    entries.push((Value::String(reader.text()?), item.read(reader)?));
                    Ok(())
                })?;
                Value::Map(Map::from_entries(entries))
            }
            Self::Entries(ops, key_first) => {
                let mut entries = Vec::new();
                reader.blocks(|reader| {
                    entries.push(if *key_first {
                        (ops.0.read(reader)?, ops.1.read(reader)?)
                    } else {
                        let value = ops.1.read(reader)?;
                        (ops.0.read(reader)?, value)
                    });
                    Ok(())
                })?;
                Value::Map(Map::from_entries(entries))
            }
            Self::Record(record) => record_of(&record.schema, &record.fields, reader)?,
            Self::Shared(schema, index) => {
                if reader.depth == MAX_DEPTH {
                    return Err(bad(format!("The message is nested more than {MAX_DEPTH} levels deep")));
                }
                let Some(fields) = reader.shared.get(*index) else {
                    return Err(Error::illegal_state(format!("There is no record {index} in the plan")));
                };
                reader.depth += 1;
                let value = record_of(schema, fields, reader)?;
                reader.depth -= 1;
                value
            }
            Self::OptionalString(null) => match reader.long()? {
                branch if branch == *null => Value::Null,
                0 | 1 => Value::String(reader.text()?),
                branch => return Err(no_branch(branch)),
            },
            Self::Only(op) => match reader.long()? {
                0 => op.read(reader)?,
                branch => return Err(no_branch(branch)),
            },
            Self::Optional(null, op) => match reader.long()? {
                branch if branch == *null => Value::Null,
                0 | 1 => op.read(reader)?,
                branch => return Err(no_branch(branch)),
            },
            Self::Union { schema, branches } => {
                let number = reader.long()?;
                let branch = usize::try_from(number).ok().and_then(|number| branches.get(number));
                match (branch, schema) {
                    (Some(Branch::Null), _) => Value::Null,
                    (Some(Branch::Field(index, op)), Some(schema)) => {
                        let mut value = Struct::new(schema.clone())?;
                        let read = op.read(reader)?;
                        if !read.is_null() {
                            value.put(*index, read)?;
                        }
                        Value::Struct(value)
                    }
                    _ => return Err(no_branch(number)),
                }
            }
            Self::Anything => anything::read(reader, 0)?,
        })
    }
}

#[inline]
fn record_of(schema: &Schema, fields: &[Op], reader: &mut Reader<'_>) -> Result<Value> {
    let mut made = Struct::new(schema.clone())?;
    let values = made.values_unchecked_mut();
    if values.len() != fields.len() {
        return Err(Error::illegal_state("The plan has other fields than its schema"));
    }
    for (value, field) in values.iter_mut().zip(fields) {
        field.read_into(reader, value)?;
    }
    Ok(Value::Struct(made))
}

fn decimal(bytes: &[u8], scale: i32) -> Result<Value> {
    if bytes.is_empty() {
        return Err(Error::data("Zero length BigInteger").with_java_class("java.lang.NumberFormatException"));
    }
    Ok(Value::Decimal(Decimal::from_be_bytes(bytes, scale)))
}

#[cold]
fn ended() -> Error {
    bad("The message ends before its data does")
}

#[cold]
fn no_branch(branch: i64) -> Error {
    bad(format!("There is no branch {branch} in the union"))
}

#[cold]
fn bad(message: impl Into<String>) -> Error {
    Error::data(message).with_java_class("org.apache.avro.AvroRuntimeException")
}
