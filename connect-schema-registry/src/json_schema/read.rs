//! JSON to values, by their Connect schema, without a tree between.
//!
//! The parser asks for what the schema wants and reports what it found. An error of the conversion is put aside while
//! the parser winds up, so that it comes out whole.

use std::cell::RefCell;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connect_api::data::{Date, Decimal, Map, Type, logical};
use connect_api::{Bytes, Error, Result, Schema, Str, Struct, Value};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::mapping;

/// Texts up to this length are copied, which is cheaper than sharing.
const INLINE: usize = 24;

/// Reads JSON; without a schema, as plain data. `text` may be a part of `whole`, of which longer texts are then slices.
pub(super) fn read(schema: Option<&Schema>, text: &str, whole: &Bytes) -> Result<Value> {
    let failed = RefCell::new(None);
    let seed = Seed { schema, whole, failed: &failed };
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    value.map_err(|error| {
        failed.into_inner().unwrap_or_else(|| Error::data(format!("This is no JSON: {error}")))
    })
}

/// Asks the parser for a value of a schema.
#[derive(Clone, Copy)]
struct Seed<'a> {
    schema: Option<&'a Schema>,
    whole: &'a Bytes,
    failed: &'a RefCell<Option<Error>>,
}

impl<'a> Seed<'a> {
    fn of(self, schema: Option<&'a Schema>) -> Self {
        Self { schema, ..self }
    }

    fn fail<E: serde::de::Error>(self, error: Error) -> E {
        self.failed.borrow_mut().get_or_insert(error);
        E::custom("")
    }

    /// The value does not fit the schema.
    fn wrong<E: serde::de::Error>(self, shown: impl fmt::Display) -> E {
        let shown: String = shown.to_string().chars().take(60).collect();
        let schema = self.schema.map_or_else(String::new, ToString::to_string);
        self.fail(Error::data(format!("{shown} does not fit the schema {schema}")))
    }

    fn null(self) -> Result<Value> {
        let Some(schema) = self.schema else { return Ok(Value::Null) };
        match schema.default_value() {
            Some(default) => Ok(default.clone()),
            None if schema.is_optional() => Ok(Value::Null),
            None => Err(Error::data(format!("Invalid null value for required {} field", schema.ty()))),
        }
    }

    fn text(self, text: &str) -> Value {
        let shared = if text.len() > INLINE { slice(self.whole, text) } else { None };
        Value::String(shared.unwrap_or_else(|| Str::from(text)))
    }

    /// JSON that is looked at before it is known what to make of it.
    fn raw(self, schema: &'a Schema, text: &str) -> Result<Value> {
        let wrong = || {
            let shown: String = text.chars().take(60).collect();
            Error::data(format!("{shown} does not fit the schema {schema}"))
        };
        if text == "null" {
            return self.null();
        }
        if schema.name() == Some(logical::DECIMAL) {
            return decimal(schema, text).ok_or_else(wrong);
        }
        // The first choice that takes it.
        let fields = schema.fields()?;
        let chosen = fields.iter().enumerate().find_map(|(place, field)| {
            let value = fits(field.schema(), text).then(|| read(Some(field.schema()), text, self.whole));
            value.and_then(Result::ok).map(|value| (place, value))
        });
        let (place, value) = chosen.ok_or_else(wrong)?;
        let mut choice = Struct::new(schema.clone())?;
        choice.values_unchecked_mut()[place] = value;
        Ok(Value::Struct(choice))
    }
}

/// The part of the whole that a text is, if it is one.
fn slice(whole: &Bytes, text: &str) -> Option<Str> {
    let start = (text.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start.checked_add(text.len()).filter(|end| *end <= whole.len())?;
    Str::from_utf8(whole.slice(start..end)).ok()
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Value, D::Error> {
        match self.schema {
            Some(schema) if schema.name() == Some(logical::DECIMAL) || mapping::is_choice(schema) => {
                let raw = <&RawValue as serde::Deserialize>::deserialize(deserializer)?;
                self.raw(schema, raw.get()).map_err(|error| self.fail(error))
            }
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: serde::de::Error>(self) -> std::result::Result<Value, E> {
        self.null().map_err(|error| self.fail(error))
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> std::result::Result<Value, E> {
        match self.schema.map(Schema::ty) {
            None | Some(Type::Boolean) => Ok(Value::Boolean(value)),
            _ => Err(self.wrong(value)),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> std::result::Result<Value, E> {
        let Some(schema) = self.schema else { return Ok(Value::Int64(value)) };
        let logical = match schema.name() {
            Some(logical::DATE) => Some(logical::date_to_logical(schema, value as i32)),
            Some(logical::TIME) => Some(logical::time_to_logical(schema, value as i32)),
            Some(logical::TIMESTAMP) => Some(Ok(Date(value))),
            _ => None,
        };
        if let Some(date) = logical {
            return date.map(Value::Date).map_err(|error| self.fail(error));
        }
        // Cut without a check, as Java does it.
        Ok(match schema.ty() {
            Type::Int8 => Value::Int8(value as i8),
            Type::Int16 => Value::Int16(value as i16),
            Type::Int32 => Value::Int32(value as i32),
            Type::Int64 => Value::Int64(value),
            Type::Float32 => Value::Float32(value as f32),
            Type::Float64 => Value::Float64(value as f64),
            _ => return Err(self.wrong(value)),
        })
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> std::result::Result<Value, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> std::result::Result<Value, E> {
        match self.schema.map(Schema::ty) {
            None | Some(Type::Float64) => Ok(Value::Float64(value)),
            Some(Type::Float32) => Ok(Value::Float32(value as f32)),
            Some(Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64)
                if value.fract() == 0.0 && value.abs() < 9e18 =>
            {
                self.visit_i64(value as i64)
            }
            _ => Err(self.wrong(value)),
        }
    }

    #[inline]
    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> std::result::Result<Value, E> {
        self.visit_str(text)
    }

    #[inline]
    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Value, E> {
        let shown = || format!("\"{text}\"");
        Ok(match self.schema.map(Schema::ty) {
            None | Some(Type::String) => self.text(text),
            Some(Type::Bytes) => match STANDARD.decode(text) {
                Ok(bytes) => Value::Bytes(bytes.into()),
                Err(_) => return Err(self.wrong(shown())),
            },
            Some(ty @ (Type::Float32 | Type::Float64)) => {
                // Java writes what is not finite as text.
                let value = match text {
                    "NaN" => f64::NAN,
                    "Infinity" => f64::INFINITY,
                    "-Infinity" => f64::NEG_INFINITY,
                    _ => return Err(self.wrong(shown())),
                };
                if ty == Type::Float32 { Value::Float32(value as f32) } else { Value::Float64(value) }
            }
            Some(_) => return Err(self.wrong(shown())),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Value, A::Error> {
        let element = match self.schema {
            None => None,
            Some(schema) if schema.ty() == Type::Array => {
                schema.value_schema().map_err(|error| self.fail(error))?
            }
            Some(schema) if schema.ty() == Type::Map => {
                let mut entries = Vec::new();
                while let Some(entry) = items.next_element_seed(Entry { seed: self, schema })? {
                    entries.push(entry);
                }
                return Ok(Value::Map(Map::from_entries(entries)));
            }
            Some(_) => return Err(self.wrong("A list")),
        };
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.of(element))? {
            list.push(item);
        }
        Ok(Value::from(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<Value, A::Error> {
        let values = match self.schema {
            None => None,
            Some(schema) if schema.ty() == Type::Map => {
                schema.value_schema().map_err(|error| self.fail(error))?
            }
            Some(schema) if schema.ty() == Type::Struct => return self.structure(schema, members),
            Some(_) => return Err(self.wrong("An object")),
        };
        let mut entries: Vec<(Value, Value)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(name) = members.next_key_seed(Name(self.whole))? {
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom(format!("the member \"{name}\" is there twice")));
            }
            entries.push((Value::String(name), members.next_value_seed(self.of(values))?));
        }
        Ok(Value::Map(Map::from_entries(entries)))
    }
}

impl<'a> Seed<'a> {
    fn structure<'de, A: MapAccess<'de>>(
        self,
        schema: &'a Schema,
        mut members: A,
    ) -> std::result::Result<Value, A::Error> {
        let fail = |error| self.fail::<A::Error>(error);
        let fields = schema.fields().map_err(fail)?;
        let mut made = Struct::new(schema.clone()).map_err(fail)?;
        let values = made.values_unchecked_mut();
        let mut seen = Seen::new(fields.len());
        // Members mostly come in the order of the fields.
        let mut next = 0;
        while let Some(place) = members.next_key_seed(Member { fields, schema, next })? {
            let Some(place) = place else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            let field = &fields[place];
            if seen.set(place) {
                return Err(A::Error::custom(format!("the member \"{}\" is there twice", field.name())));
            }
            values[place] = members.next_value_seed(self.of(Some(field.schema()))).inspect_err(|_| {
                let mut failed = self.failed.borrow_mut();
                if let Some(error) = failed.take() {
                    let place = Error::data(format!("the member {}", field.name()));
                    *failed = Some(place.with_source(error));
                }
            })?;
            next = place + 1;
        }
        for (place, field) in fields.iter().enumerate() {
            if !seen.has(place) {
                values[place] = self.of(Some(field.schema())).null().map_err(|error| {
                    fail(Error::data(format!("the member {}", field.name())).with_source(error))
                })?;
            }
        }
        Ok(Value::Struct(made))
    }
}

/// Which fields were there.
enum Seen {
    Few(u64),
    Many(Vec<bool>),
}

impl Seen {
    fn new(count: usize) -> Self {
        if count <= 64 { Self::Few(0) } else { Self::Many(vec![false; count]) }
    }

    fn has(&self, place: usize) -> bool {
        match self {
            Self::Few(bits) => bits & (1 << place) != 0,
            Self::Many(list) => list[place],
        }
    }

    /// Answers whether it was there already.
    fn set(&mut self, place: usize) -> bool {
        let before = self.has(place);
        match self {
            Self::Few(bits) => *bits |= 1 << place,
            Self::Many(list) => list[place] = true,
        }
        before
    }
}

/// The name of a member as a key of a map.
struct Name<'a>(&'a Bytes);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Str, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Str, E> {
        let shared = if text.len() > INLINE { slice(self.0, text) } else { None };
        Ok(shared.unwrap_or_else(|| Str::from(text)))
    }
}

/// The name of a member as a place among the fields, if there is one of that name.
struct Member<'a> {
    fields: &'a [connect_api::data::Field],
    schema: &'a Schema,
    next: usize,
}

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<usize>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Member<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    #[inline]
    fn visit_str<E>(self, name: &str) -> std::result::Result<Option<usize>, E> {
        if self.fields.get(self.next).is_some_and(|field| field.name() == name) {
            return Ok(Some(self.next));
        }
        Ok(self.schema.field(name).ok().flatten().map(connect_api::data::Field::index))
    }
}

/// An object with the members `key` and `value`: an entry of a map.
struct Entry<'a> {
    seed: Seed<'a>,
    schema: &'a Schema,
}

impl<'de> DeserializeSeed<'de> for Entry<'_> {
    type Value = (Value, Value);

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entry<'_> {
    type Value = (Value, Value);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the members key and value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<Self::Value, A::Error> {
        let Self { seed, schema } = self;
        let fail = |error| seed.fail::<A::Error>(error);
        let (keys, values) = (schema.key_schema().map_err(fail)?, schema.value_schema().map_err(fail)?);
        let (mut key, mut value) = (None, None);
        while let Some(name) = members.next_key_seed(Name(seed.whole))? {
            match name.as_str() {
                "key" => key = Some(members.next_value_seed(seed.of(keys))?),
                "value" => value = Some(members.next_value_seed(seed.of(values))?),
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        let or_null = |found: Option<Value>, schema| found.map_or_else(|| seed.of(schema).null(), Ok);
        Ok((or_null(key, keys).map_err(fail)?, or_null(value, values).map_err(fail)?))
    }
}

/// Whether JSON is of the kind that a schema wants: how a choice is made.
fn fits(schema: &Schema, text: &str) -> bool {
    let first = text.as_bytes().first().copied().unwrap_or_default();
    let whole = || !text.contains(['.', 'e', 'E']);
    let number = first == b'-' || first.is_ascii_digit();
    match schema.ty() {
        Type::Struct if mapping::is_choice(schema) => {
            schema.fields().is_ok_and(|fields| fields.iter().any(|field| fits(field.schema(), text)))
        }
        Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64 => number && whole(),
        Type::Float32 | Type::Float64 => number,
        Type::Boolean => matches!(first, b't' | b'f'),
        Type::String => first == b'"',
        Type::Bytes => first == b'"' || (number && schema.name() == Some(logical::DECIMAL)),
        Type::Array => first == b'[',
        Type::Map => matches!(first, b'[' | b'{'),
        // Every member must have its field, so that the first struct of several does not take them all.
        Type::Struct => {
            first == b'{' && {
                let members: std::result::Result<std::collections::BTreeMap<String, IgnoredAny>, _> =
                    serde_json::from_str(text);
                members
                    .is_ok_and(|members| members.keys().all(|name| matches!(schema.field(name), Ok(Some(_)))))
            }
        }
    }
}

/// A decimal: Base64 of its digits, or a number with as many digits behind the point as the schema says, if that loses
/// none. All digits of the number count.
fn decimal(schema: &Schema, text: &str) -> Option<Value> {
    if text.starts_with('"') {
        let text: String = serde_json::from_str(text).ok()?;
        let bytes = STANDARD.decode(text).ok()?;
        return logical::decimal_to_logical(schema, &bytes).ok().map(Value::from);
    }
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return None;
    }
    let scale = logical::decimal_scale(schema).ok()?;
    let plain = text.parse::<Decimal>().ok()?.strip_trailing_zeros();
    let missing =
        usize::try_from(i64::from(scale) - i64::from(plain.scale())).ok().filter(|zeros| *zeros <= 400)?;
    let digits = plain.unscaled_text() + &"0".repeat(missing);
    let exact: Decimal = digits.parse().ok()?;
    Some(Value::from(Decimal::from_be_bytes(&exact.to_be_bytes(), scale)))
}
