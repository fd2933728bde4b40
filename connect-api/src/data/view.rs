//! [`ValueRef`]: what reading a value yields.

use super::{Array, BigInteger, Date, Decimal, Map, Str, Struct, Value};
use bytes::Bytes;

/// A view of a [`Value`]: what looking into a list or a map yields. Copying it is free.
///
/// ```
/// use connect_api::data::{Map, ValueRef};
/// let mut map = Map::new();
/// map.insert("name", "Ada");
/// match map.get("name") {
///     Some(ValueRef::String(name)) => assert_eq!(name, "Ada"),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// Nothing.
    Null,
    /// A truth value.
    Boolean(bool),
    /// 8 bits.
    Int8(i8),
    /// 16 bits.
    Int16(i16),
    /// 32 bits.
    Int32(i32),
    /// 64 bits.
    Int64(i64),
    /// Single precision.
    Float32(f32),
    /// Double precision.
    Float64(f64),
    /// Text.
    String(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// An exact decimal.
    Decimal(&'a Decimal),
    /// An integer of any size, in data without a schema.
    BigInteger(&'a BigInteger),
    /// A date, time or timestamp.
    Date(Date),
    /// A list.
    Array(ArrayRef<'a>),
    /// A map.
    Map(MapRef<'a>),
    /// A struct.
    Struct(&'a Struct),
}

impl<'a> ValueRef<'a> {
    /// The viewed value, owned. Text and bytes longer than 24 bytes are copied; where that matters take the value
    /// with `get_owned` of the container instead.
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(value) => Value::Boolean(value),
            Self::Int8(value) => Value::Int8(value),
            Self::Int16(value) => Value::Int16(value),
            Self::Int32(value) => Value::Int32(value),
            Self::Int64(value) => Value::Int64(value),
            Self::Float32(value) => Value::Float32(value),
            Self::Float64(value) => Value::Float64(value),
            Self::String(value) => Value::from(value),
            Self::Bytes(value) => Value::Bytes(Bytes::copy_from_slice(value)),
            Self::Decimal(value) => Value::Decimal(value.clone()),
            Self::BigInteger(value) => Value::BigInteger(value.clone()),
            Self::Date(value) => Value::Date(value),
            Self::Array(value) => Value::Array(value.to_array()),
            Self::Map(value) => Value::Map(value.to_map()),
            Self::Struct(value) => Value::Struct(value.clone()),
        }
    }

    /// Whether it is null.
    pub fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }

    /// The truth value, if it is one.
    pub fn as_bool(self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(value),
            _ => None,
        }
    }

    /// The integer of any width, widened.
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Int8(value) => Some(value.into()),
            Self::Int16(value) => Some(value.into()),
            Self::Int32(value) => Some(value.into()),
            Self::Int64(value) => Some(value),
            _ => None,
        }
    }

    /// The float of either precision, widened.
    pub fn as_f64(self) -> Option<f64> {
        match self {
            Self::Float32(value) => Some(value.into()),
            Self::Float64(value) => Some(value),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes, if it is bytes.
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(value) => Some(value),
            _ => None,
        }
    }

    /// The decimal, if it is one.
    pub fn as_decimal(self) -> Option<&'a Decimal> {
        match self {
            Self::Decimal(value) => Some(value),
            _ => None,
        }
    }

    /// The date, time or timestamp, if it is one.
    pub fn as_date(self) -> Option<Date> {
        match self {
            Self::Date(value) => Some(value),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_array(self) -> Option<ArrayRef<'a>> {
        match self {
            Self::Array(value) => Some(value),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub fn as_map(self) -> Option<MapRef<'a>> {
        match self {
            Self::Map(value) => Some(value),
            _ => None,
        }
    }

    /// The struct, if it is one.
    pub fn as_struct(self) -> Option<&'a Struct> {
        match self {
            Self::Struct(value) => Some(value),
            _ => None,
        }
    }
}

impl PartialEq for ValueRef<'_> {
    /// Equality of content, with Java's rule for floats: NaN equals NaN, and 0.0 differs from -0.0.
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Int8(a), Self::Int8(b)) => a == b,
            (Self::Int16(a), Self::Int16(b)) => a == b,
            (Self::Int32(a), Self::Int32(b)) => a == b,
            (Self::Int64(a), Self::Int64(b)) => a == b,
            (Self::Float32(a), Self::Float32(b)) => float_bits(a) == float_bits(b),
            (Self::Float64(a), Self::Float64(b)) => double_bits(a) == double_bits(b),
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Decimal(a), Self::Decimal(b)) => a == b,
            (Self::BigInteger(a), Self::BigInteger(b)) => a == b,
            (Self::Date(a), Self::Date(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (Self::Struct(a), Self::Struct(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for ValueRef<'_> {}

/// The bits that Java compares: all NaNs are one.
pub(super) fn float_bits(value: f32) -> u32 {
    if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() }
}

/// The bits that Java compares: all NaNs are one.
pub(super) fn double_bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

/// A view of an [`Array`] inside another value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArrayRef<'a>(&'a Array);

impl<'a> ArrayRef<'a> {
    pub(super) fn new(array: &'a Array) -> Self {
        Self(array)
    }

    /// The number of elements.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is no element.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The element at an index.
    pub fn get(self, index: usize) -> Option<ValueRef<'a>> {
        self.0.get(index)
    }

    /// The elements in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = ValueRef<'a>> + DoubleEndedIterator + Clone {
        self.0.iter()
    }

    /// The viewed list, owned. No payload is copied.
    pub fn to_array(self) -> Array {
        self.0.clone()
    }
}

/// A view of a [`Map`] inside another value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapRef<'a>(&'a Map);

impl<'a> MapRef<'a> {
    pub(super) fn new(map: &'a Map) -> Self {
        Self(map)
    }

    /// The number of entries.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The value of a text key.
    pub fn get(self, key: &str) -> Option<ValueRef<'a>> {
        self.0.get(key)
    }

    /// The value of a key of any type.
    pub fn get_value(self, key: &Value) -> Option<ValueRef<'a>> {
        self.0.get_value(key)
    }

    /// Whether there is this text key.
    pub fn contains_key(self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The entries that have text keys, in order.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> + Clone {
        self.0.iter()
    }

    /// The entries in order, if all keys are text: cheaper than [`iter`](Self::iter) for reading a whole map.
    pub fn text_entries(self) -> Option<impl ExactSizeIterator<Item = (&'a Str, ValueRef<'a>)> + Clone> {
        self.0.text_entries()
    }

    /// All entries, in order.
    pub fn entries(self) -> impl Iterator<Item = (ValueRef<'a>, ValueRef<'a>)> + Clone {
        self.0.entries()
    }

    /// The viewed map, owned. No payload is copied.
    pub fn to_map(self) -> Map {
        self.0.clone()
    }
}
