//! Our own types in serde's formats.

use std::fmt;

use bytes::Bytes;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::super::map::KeyRef;
use super::super::{Array, Date, Decimal, Map, Str, Struct, Value};
use super::{DATE_TOKEN, DECIMAL_TOKEN};

impl Serialize for Str {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl Serialize for Date {
    /// As milliseconds since the epoch.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(DATE_TOKEN, &self.0)
    }
}

impl Serialize for Decimal {
    /// As text, so that no digit is lost.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(DECIMAL_TOKEN, &self.to_string())
    }
}

impl Serialize for Array {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        for value in self.values() {
            list.serialize_element(value)?;
        }
        list.end()
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self.slots() {
            match key {
                KeyRef::Text(key) => map.serialize_entry(key, value)?,
                KeyRef::Any(key) => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

impl Serialize for Struct {
    /// As a map, with the defaults of fields that are null.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values().len()))?;
        for (field, value) in self.iter() {
            let default = field.schema().default_value().filter(|_| value.is_null());
            map.serialize_entry(field.name(), default.unwrap_or(value))?;
        }
        map.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Int8(value) => serializer.serialize_i8(*value),
            Self::Int16(value) => serializer.serialize_i16(*value),
            Self::Int32(value) => serializer.serialize_i32(*value),
            Self::Int64(value) => serializer.serialize_i64(*value),
            Self::Float32(value) => serializer.serialize_f32(*value),
            Self::Float64(value) => serializer.serialize_f64(*value),
            Self::String(value) => value.serialize(serializer),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::Decimal(value) => value.serialize(serializer),
            Self::BigInteger(value) => value.to_decimal().serialize(serializer),
            Self::Date(value) => value.serialize(serializer),
            Self::Array(value) => value.serialize(serializer),
            Self::Map(value) => value.serialize(serializer),
            Self::Struct(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Str {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Str;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Str, E> {
                Ok(Str::from(text))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Str, E> {
                Ok(Str::from(text))
            }
        }
        deserializer.deserialize_string(Text)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Millis;
        impl<'de> Visitor<'de> for Millis {
            type Value = Date;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("milliseconds since the epoch")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Date, D::Error> {
                i64::deserialize(deserializer).map(Date)
            }

            fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Date, E> {
                Ok(Date(millis))
            }
        }
        deserializer.deserialize_newtype_struct(DATE_TOKEN, Millis)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl<'de> Visitor<'de> for Number {
            type Value = Decimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number as text, or an integer")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<Decimal, D::Error> {
                deserializer.deserialize_any(self)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Decimal, E> {
                Ok(Decimal::from(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Decimal, E> {
                Ok(Decimal::from_big(number.into(), 0))
            }
        }
        deserializer.deserialize_newtype_struct(DECIMAL_TOKEN, Number)
    }
}

impl<'de> Deserialize<'de> for Value {
    /// What a self-describing format holds: maps become [`Map`], never a struct.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

macro_rules! visit {
    ($($method:ident($from:ty)),* $(,)?) => {
        $(fn $method<E: de::Error>(self, value: $from) -> Result<Value, E> {
            Ok(Value::from(value))
        })*
    };
}

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    visit! {
        visit_bool(bool), visit_i8(i8), visit_i16(i16), visit_i32(i32), visit_i64(i64), visit_f32(f32),
        visit_f64(f64), visit_str(&str), visit_string(String), visit_byte_buf(Vec<u8>),
    }

    fn visit_u8<E: de::Error>(self, value: u8) -> Result<Value, E> {
        Ok(Value::Int16(value.into()))
    }

    fn visit_u16<E: de::Error>(self, value: u16) -> Result<Value, E> {
        Ok(Value::Int32(value.into()))
    }

    fn visit_u32<E: de::Error>(self, value: u32) -> Result<Value, E> {
        Ok(Value::Int64(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(match i64::try_from(value) {
            Ok(value) => Value::Int64(value),
            Err(_) => Value::Decimal(Decimal::from_big(value.into(), 0)),
        })
    }

    fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(Bytes::copy_from_slice(value)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list: Vec<Value> = Vec::with_capacity(access.size_hint().unwrap_or(0).min(1024));
        while let Some(value) = access.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(Array::from(list)))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries: Vec<(Value, Value)> = Vec::with_capacity(access.size_hint().unwrap_or(0).min(1024));
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(Map::from_entries(entries)))
    }
}
