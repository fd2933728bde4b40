//! Any type from a value.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use super::super::map::KeyRef;
use super::super::{Field, Struct, Value};
use super::path::{PathError, PathResult};

/// Reads from a value.
pub(super) struct FromValue<'de>(pub(super) &'de Value);

impl<'de> Deserializer<'de> for FromValue<'de> {
    type Error = PathError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> PathResult<V::Value> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Int8(value) => visitor.visit_i8(*value),
            Value::Int16(value) => visitor.visit_i16(*value),
            Value::Int32(value) => visitor.visit_i32(*value),
            Value::Int64(value) => visitor.visit_i64(*value),
            Value::Float32(value) => visitor.visit_f32(*value),
            Value::Float64(value) => visitor.visit_f64(*value),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Value::Decimal(value) => visitor.visit_string(value.to_string()),
            Value::BigInteger(value) => visitor.visit_string(value.to_string()),
            Value::Date(date) => visitor.visit_i64(date.0),
            Value::Array(list) => visitor.visit_seq(Elements { values: list.values().iter(), at: 0 }),
            Value::Map(map) => visitor.visit_map(Entries { slots: map.slots(), current: None }),
            Value::Struct(value) => FromStruct(value).deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> PathResult<V::Value> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> PathResult<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> PathResult<V::Value> {
        match self.0 {
            Value::Decimal(value) => visitor.visit_f64(value.to_f64()),
            Value::BigInteger(value) => visitor.visit_f64(value.to_decimal().to_f64()),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> PathResult<V::Value> {
        match self.0 {
            // `Vec<u8>` asks for a list.
            Value::Bytes(bytes) => visitor.visit_seq(de::value::SeqDeserializer::new(bytes.iter().copied())),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> PathResult<V::Value> {
        match self.0 {
            Value::String(variant) => visitor.visit_enum(Variant { name: variant, content: None }),
            Value::Map(map) => match map.slots().next() {
                Some((KeyRef::Text(name), content)) if map.len() == 1 => {
                    visitor.visit_enum(Variant { name, content: Some(content) })
                }
                _ => Err(PathError::custom("expected a map with one text key, which names the variant")),
            },
            _ => Err(PathError::custom("expected text or a map with one key, for an enum")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Elements<'de> {
    values: std::slice::Iter<'de, Value>,
    at: usize,
}

impl<'de> de::SeqAccess<'de> for Elements<'de> {
    type Error = PathError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> PathResult<Option<T::Value>> {
        let Some(value) = self.values.next() else {
            return Ok(None);
        };
        let at = self.at;
        self.at += 1;
        seed.deserialize(FromValue(value)).map(Some).map_err(|error| error.in_element(at))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

struct Entries<'de, I> {
    slots: I,
    current: Option<(KeyRef<'de>, &'de Value)>,
}

impl<'de, I: Iterator<Item = (KeyRef<'de>, &'de Value)>> de::MapAccess<'de> for Entries<'de, I> {
    type Error = PathError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> PathResult<Option<K::Value>> {
        self.current = self.slots.next();
        match self.current {
            None => Ok(None),
            Some((KeyRef::Text(key), _)) => seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some),
            Some((KeyRef::Any(key), _)) => seed.deserialize(FromValue(key)).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> PathResult<V::Value> {
        let Some((key, value)) = self.current.take() else {
            return Err(PathError::custom("a value was asked for before its key"));
        };
        seed.deserialize(FromValue(value)).map_err(|error| error.in_field(key.to_value()))
    }
}

/// Reads from a struct, with the defaults of fields that are null.
pub(super) struct FromStruct<'de>(pub(super) &'de Struct);

impl<'de> Deserializer<'de> for FromStruct<'de> {
    type Error = PathError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> PathResult<V::Value> {
        visitor.visit_map(Fields { fields: self.0.iter(), current: None })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> PathResult<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> PathResult<V::Value> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

struct Fields<'de, I> {
    fields: I,
    current: Option<(&'de Field, &'de Value)>,
}

impl<'de, I: Iterator<Item = (&'de Field, &'de Value)>> de::MapAccess<'de> for Fields<'de, I> {
    type Error = PathError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> PathResult<Option<K::Value>> {
        self.current = self.fields.next();
        self.current
            .map(|(field, _)| seed.deserialize(BorrowedStrDeserializer::new(field.name())))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> PathResult<V::Value> {
        let Some((field, value)) = self.current.take() else {
            return Err(PathError::custom("a value was asked for before its field"));
        };
        let default = field.schema().default_value().filter(|_| value.is_null());
        seed.deserialize(FromValue(default.unwrap_or(value))).map_err(|error| error.in_field(field.name()))
    }
}

struct Variant<'de> {
    name: &'de str,
    content: Option<&'de Value>,
}

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = PathError;
    type Variant = Content<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> PathResult<(V::Value, Content<'de>)> {
        let variant = seed.deserialize(BorrowedStrDeserializer::<PathError>::new(self.name))?;
        Ok((variant, Content { name: self.name, value: self.content }))
    }
}

struct Content<'de> {
    name: &'de str,
    value: Option<&'de Value>,
}

impl<'de> Content<'de> {
    fn value(&self) -> PathResult<FromValue<'de>> {
        self.value
            .map(FromValue)
            .ok_or_else(|| PathError::custom(format!("variant {} has no content", self.name)))
    }
}

impl<'de> de::VariantAccess<'de> for Content<'de> {
    type Error = PathError;

    fn unit_variant(self) -> PathResult<()> {
        match self.value {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(PathError::custom(format!("variant {} takes no content", self.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> PathResult<T::Value> {
        seed.deserialize(self.value()?).map_err(|error| error.in_field(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> PathResult<V::Value> {
        self.value()?.deserialize_any(visitor).map_err(|error| error.in_field(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> PathResult<V::Value> {
        self.value()?.deserialize_any(visitor).map_err(|error| error.in_field(self.name))
    }
}
