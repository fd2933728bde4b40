//! Plans to read messages: what was found out of a schema once.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use connect_api::data::{Str, Type};
use connect_api::{Schema, Value};

use super::schema::Scalar;
use super::wire::WireType;

/// How to read the messages of one schema.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) plans: Vec<Plan>,
    pub(super) root: Root,
}

/// What the outermost message becomes.
#[derive(Debug)]
pub(super) enum Root {
    Struct { plan: usize, schema: Schema },
    Wrapper { scalar: Scalar, schema: Schema },
}

/// How to read a message.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// In order of their numbers.
    pub(super) fields: Vec<FieldPlan>,
    /// By number, as far as numbers are small: the place in `fields`, counted from 1.
    pub(super) places: Vec<u16>,
    pub(super) unions: Vec<UnionPlan>,
    pub(super) lists: usize,
    /// Fields whose bytes are kept until all is read, since a later part may add to them.
    pub(super) kept: usize,
    /// Numbers and names of fields that must be there.
    pub(super) required: Vec<(u32, Str)>,
    /// Where a null would be against the schema of the struct, which matters inside other structs: slot, name and type.
    pub(super) not_null: Vec<(usize, Str, Type)>,
}

#[derive(Debug)]
pub(super) struct FieldPlan {
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) form: Form,
    /// The field of the struct.
    pub(super) slot: usize,
    /// Union and place in it, if the field is a member of a oneof.
    pub(super) member: Option<(usize, usize)>,
}

/// A oneof.
#[derive(Debug)]
pub(super) struct UnionPlan {
    pub(super) slot: usize,
    /// The struct that it becomes; none where its fields are fields of the message's struct.
    pub(super) schema: Option<Schema>,
    /// Where a null would be against that schema: the first such member's place, name and type, and the second's.
    pub(super) not_null: Vec<(usize, Str, Type)>,
}

#[derive(Debug)]
pub(super) enum Form {
    /// One value. The number is that of kept bytes, for messages.
    One { absent: Absent, keep: usize },
    /// A list, with its number.
    List(usize),
    /// A map, with the number of the list of its entries.
    Map { list: usize, entry: Box<EntryPlan> },
}

/// What a field is that is not there.
#[derive(Debug)]
pub(super) enum Absent {
    Null,
    Value(Value),
    /// The message without any field.
    Empty,
}

#[derive(Debug)]
pub(super) struct EntryPlan {
    pub(super) key: (u32, Kind),
    pub(super) value: (u32, Kind),
}

/// How to read one value.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Scalar { scalar: Scalar, narrow: Narrow, lossy: bool },
    Enum(Arc<EnumPlan>),
    Message { plan: usize, schema: Schema },
    Wrapper(Scalar),
    Decimal,
    Date,
    Time,
    Timestamp,
}

/// What Connect makes of an integer of 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Narrow {
    Int8,
    Int16,
    Int32,
}

#[derive(Debug)]
pub(super) struct EnumPlan {
    pub(super) name: String,
    pub(super) names: HashMap<i32, Str>,
    pub(super) closed: bool,
    pub(super) as_number: bool,
    pub(super) first: i32,
}

impl EnumPlan {
    pub(super) fn value(&self, number: i32) -> Option<Value> {
        match self.names.get(&number) {
            None if self.closed => None,
            _ if self.as_number => Some(Value::Int32(number)),
            Some(name) => Some(Value::String(name.clone())),
            None => Some(Value::from(format!("UNKNOWN_ENUM_VALUE_{}_{number}", self.name))),
        }
    }
}

impl Kind {
    pub(super) fn is_message(&self) -> bool {
        !matches!(self, Self::Scalar { .. } | Self::Enum(_))
    }

    pub(super) fn wire_type(&self) -> WireType {
        match self {
            Self::Scalar { scalar, .. } => wire_type(*scalar),
            Self::Enum(_) => WireType::Varint,
            _ => WireType::Delimited,
        }
    }

    /// The value of a field of this type that is not there and cannot be null.
    pub(super) fn zero(&self) -> Value {
        match self {
            Self::Scalar { scalar, narrow, .. } => zero(*scalar, *narrow),
            Self::Enum(plan) => plan.value(plan.first).unwrap_or(Value::Null),
            _ => Value::Null,
        }
    }
}

pub(super) fn wire_type(scalar: Scalar) -> WireType {
    match scalar {
        Scalar::Double | Scalar::Fixed64 | Scalar::SFixed64 => WireType::Fixed64,
        Scalar::Float | Scalar::Fixed32 | Scalar::SFixed32 => WireType::Fixed32,
        Scalar::String | Scalar::Bytes => WireType::Delimited,
        _ => WireType::Varint,
    }
}

pub(super) fn zero(scalar: Scalar, narrow: Narrow) -> Value {
    match scalar {
        Scalar::Double => Value::Float64(0.0),
        Scalar::Float => Value::Float32(0.0),
        Scalar::Int32 | Scalar::SInt32 | Scalar::SFixed32 => narrowed(0, narrow),
        Scalar::Bool => Value::Boolean(false),
        Scalar::String => Value::from(""),
        Scalar::Bytes => Value::Bytes(Bytes::new()),
        _ => Value::Int64(0),
    }
}

/// Cut without a check, as Java does it.
pub(super) fn narrowed(value: i32, narrow: Narrow) -> Value {
    match narrow {
        Narrow::Int8 => Value::Int8(value as i8),
        Narrow::Int16 => Value::Int16(value as i16),
        Narrow::Int32 => Value::Int32(value),
    }
}

impl Plan {
    #[inline]
    pub(super) fn field(&self, number: u32) -> Option<usize> {
        match self.places.get(number as usize) {
            Some(place) => usize::from(*place).checked_sub(1),
            None => self.fields.binary_search_by_key(&number, |field| field.number).ok(),
        }
    }
}
