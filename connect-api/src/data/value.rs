//! [`Value`]: one value of any type.

use std::fmt;
use std::hash::{Hash, Hasher};

use bytes::Bytes;

use super::view::{double_bits, float_bits};
use super::{Array, BigInteger, Date, Decimal, Map, Str, Struct, ValueRef, print};

/// A value travelling through Connect. Cloning never copies text, bytes or the content of containers.
///
/// `Debug`, equality, hash and text are defined on content, not on how it is kept. Floats compare as Java's objects do:
/// NaN equals NaN, and 0.0 differs from -0.0. Values of different types differ: `Int32(1)` is not `Int64(1)`.
///
/// ```
/// use connect_api::Value;
/// let value = Value::from("Ada");
/// assert_eq!(value.as_str(), Some("Ada"));
/// assert_ne!(Value::from(1_i32), Value::from(1_i64));
/// assert_eq!(Value::from(None::<i64>), Value::Null);
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Value {
    /// Nothing.
    #[default]
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
    String(Str),
    /// Bytes, often a slice of what Kafka delivered.
    Bytes(Bytes),
    /// An exact decimal.
    Decimal(Decimal),
    /// An integer of any size, in data without a schema.
    BigInteger(BigInteger),
    /// Milliseconds since the epoch: the one class behind the logical types Date, Time and Timestamp.
    Date(Date),
    /// A list.
    Array(Array),
    /// A map.
    Map(Map),
    /// A struct, with its schema.
    Struct(Struct),
}

impl Value {
    /// A view of the value, as reading a container yields it.
    #[inline]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Boolean(value) => ValueRef::Boolean(*value),
            Self::Int8(value) => ValueRef::Int8(*value),
            Self::Int16(value) => ValueRef::Int16(*value),
            Self::Int32(value) => ValueRef::Int32(*value),
            Self::Int64(value) => ValueRef::Int64(*value),
            Self::Float32(value) => ValueRef::Float32(*value),
            Self::Float64(value) => ValueRef::Float64(*value),
            Self::String(value) => ValueRef::String(value),
            Self::Bytes(value) => ValueRef::Bytes(value),
            Self::Decimal(value) => ValueRef::Decimal(value),
            Self::BigInteger(value) => ValueRef::BigInteger(value),
            Self::Date(value) => ValueRef::Date(*value),
            Self::Array(value) => ValueRef::Array(value.as_ref()),
            Self::Map(value) => ValueRef::Map(value.as_ref()),
            Self::Struct(value) => ValueRef::Struct(value),
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        self.as_ref().as_bool()
    }

    /// The integer, if it is one of exactly 8 bits.
    pub fn as_i8(&self) -> Option<i8> {
        match self {
            Self::Int8(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if it is one of exactly 16 bits.
    pub fn as_i16(&self) -> Option<i16> {
        match self {
            Self::Int16(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if it is one of exactly 32 bits.
    pub fn as_i32(&self) -> Option<i32> {
        match self {
            Self::Int32(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer of any width, widened.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_ref().as_i64()
    }

    /// The float, if it is one of single precision.
    pub fn as_f32(&self) -> Option<f32> {
        match self {
            Self::Float32(value) => Some(*value),
            _ => None,
        }
    }

    /// The float of either precision, widened.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_ref().as_f64()
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes, if it is bytes.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Bytes(value) => Some(value),
            _ => None,
        }
    }

    /// The decimal, if it is one.
    pub fn as_decimal(&self) -> Option<&Decimal> {
        match self {
            Self::Decimal(value) => Some(value),
            _ => None,
        }
    }

    /// The integer of any size, if it is one.
    pub fn as_big_integer(&self) -> Option<&BigInteger> {
        match self {
            Self::BigInteger(value) => Some(value),
            _ => None,
        }
    }

    /// The date, time or timestamp, if it is one.
    pub fn as_date(&self) -> Option<Date> {
        match self {
            Self::Date(value) => Some(*value),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_array(&self) -> Option<&Array> {
        match self {
            Self::Array(value) => Some(value),
            _ => None,
        }
    }

    /// The list, if it is one, to edit.
    pub fn as_array_mut(&mut self) -> Option<&mut Array> {
        match self {
            Self::Array(value) => Some(value),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(value) => Some(value),
            _ => None,
        }
    }

    /// The map, if it is one, to edit.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Map(value) => Some(value),
            _ => None,
        }
    }

    /// The struct, if it is one.
    pub fn as_struct(&self) -> Option<&Struct> {
        match self {
            Self::Struct(value) => Some(value),
            _ => None,
        }
    }

    /// The struct, if it is one, to edit.
    pub fn as_struct_mut(&mut self) -> Option<&mut Struct> {
        match self {
            Self::Struct(value) => Some(value),
            _ => None,
        }
    }

    /// Takes the value out and leaves null.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// The name of the Java class that such a value has in Kafka Connect, as its error messages print it.
    ///
    /// ```
    /// use connect_api::Value;
    /// assert_eq!(Value::from(1_i32).java_class_name(), "java.lang.Integer");
    /// assert_eq!(Value::from(vec![1_u8]).java_class_name(), "[B");
    /// ```
    pub fn java_class_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "java.lang.Boolean",
            Self::Int8(_) => "java.lang.Byte",
            Self::Int16(_) => "java.lang.Short",
            Self::Int32(_) => "java.lang.Integer",
            Self::Int64(_) => "java.lang.Long",
            Self::Float32(_) => "java.lang.Float",
            Self::Float64(_) => "java.lang.Double",
            Self::String(_) => "java.lang.String",
            Self::Bytes(_) => "[B",
            Self::Decimal(_) => "java.math.BigDecimal",
            Self::BigInteger(_) => "java.math.BigInteger",
            Self::Date(_) => "java.util.Date",
            Self::Array(_) => "java.util.ArrayList",
            Self::Map(_) => "java.util.HashMap",
            Self::Struct(_) => "org.apache.kafka.connect.data.Struct",
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}

impl Hash for ValueRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Null => {}
            Self::Boolean(value) => value.hash(state),
            Self::Int8(value) => value.hash(state),
            Self::Int16(value) => value.hash(state),
            Self::Int32(value) => value.hash(state),
            Self::Int64(value) => value.hash(state),
            Self::Float32(value) => float_bits(*value).hash(state),
            Self::Float64(value) => double_bits(*value).hash(state),
            Self::String(value) => value.hash(state),
            Self::Bytes(value) => value.hash(state),
            Self::Decimal(value) => value.hash(state),
            Self::BigInteger(value) => value.hash(state),
            Self::Date(value) => value.hash(state),
            Self::Array(value) => value.iter().for_each(|value| value.hash(state)),
            Self::Map(value) => value.to_map().hash(state),
            Self::Struct(value) => value.hash(state),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Boolean(value) => fmt::Debug::fmt(value, f),
            Self::Int8(value) => write!(f, "{value}i8"),
            Self::Int16(value) => write!(f, "{value}i16"),
            Self::Int32(value) => write!(f, "{value}i32"),
            Self::Int64(value) => write!(f, "{value}i64"),
            Self::Float32(value) => write!(f, "{value:?}f32"),
            Self::Float64(value) => write!(f, "{value:?}f64"),
            Self::String(value) => fmt::Debug::fmt(value, f),
            Self::Bytes(value) => fmt::Debug::fmt(value, f),
            Self::Decimal(value) => fmt::Debug::fmt(value, f),
            Self::BigInteger(value) => fmt::Debug::fmt(value, f),
            Self::Date(value) => fmt::Debug::fmt(value, f),
            Self::Array(value) => fmt::Debug::fmt(value, f),
            Self::Map(value) => fmt::Debug::fmt(value, f),
            Self::Struct(value) => fmt::Debug::fmt(value, f),
        }
    }
}

impl fmt::Display for Value {
    /// The text of Java's `String.valueOf`: `null`, `[a, b]`, `{k=v}`, `Struct{a=1}`, `1.0E10`. Java prints bytes as an
    /// object identity that differs from run to run; here they are Base64.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(value) => f.write_str(value),
            // Java and Rust print integers alike: no buffer between.
            Self::Int8(value) => value.fmt(f),
            Self::Int16(value) => value.fmt(f),
            Self::Int32(value) => value.fmt(f),
            Self::Int64(value) => value.fmt(f),
            other => print::display(f, |out| other.print_to(out)),
        }
    }
}

macro_rules! value_from {
    ($($from:ty => $variant:ident),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}
value_from! {
    bool => Boolean,
    i8 => Int8,
    i16 => Int16,
    i32 => Int32,
    i64 => Int64,
    f32 => Float32,
    f64 => Float64,
    &str => String,
    String => String,
    &String => String,
    Str => String,
    &Str => String,
    Bytes => Bytes,
    Vec<u8> => Bytes,
    Decimal => Decimal,
    BigInteger => BigInteger,
    Date => Date,
    Array => Array,
    Vec<Value> => Array,
    Map => Map,
    Struct => Struct,
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        value.to_value()
    }
}

#[cfg(test)]
mod tests {
    use super::super::SchemaAndValue;
    use super::*;

    #[test]
    fn a_value_is_five_words() {
        assert_eq!(size_of::<Value>(), 40);
        assert_eq!(size_of::<SchemaAndValue>(), 56);
    }

    #[test]
    fn floats_compare_as_java_objects_do() {
        assert_eq!(Value::from(f64::NAN), Value::from(-f64::NAN));
        assert_ne!(Value::from(0.0_f32), Value::from(-0.0_f32));
    }
}
