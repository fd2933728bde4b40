//! [`Generator`]: values of a schema.

use connect_api::data::{Date, Decimal, Map};
use connect_api::{Schema, Str, Struct, Value};

use crate::pattern::Pattern;
use crate::random::Random;

/// Makes the values of one place in a schema. Every value has the class that the schema wants.
#[derive(Clone, Debug)]
pub(crate) enum Generator {
    /// One of these.
    Options(Vec<Value>),
    /// True with this probability.
    Boolean(f64),
    /// Integers from the first to the last, both included.
    Integer(Number, i64, i64),
    /// Floats from the first to the second, without the second.
    Float(Number, f64, f64),
    /// `start + record * step`, beginning anew before `restart`.
    Iteration {
        number: Number,
        start: f64,
        step: f64,
        turns: Option<u64>,
    },
    /// Text that an expression describes.
    Pattern(Pattern),
    /// Letters and digits.
    Text(Length),
    Bytes(Length),
    Array(Box<Self>, Length),
    Map(Box<Self>, Box<Self>, Length),
    Record(Schema, Vec<Self>),
    /// Null as often as not.
    Nullable(Box<Self>),
}

/// What a number becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Int,
    Long,
    Float,
    Double,
    Date,
    Decimal(i32),
}

/// A length, both ends included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length(pub(crate) u32, pub(crate) u32);

impl Length {
    fn pick(self, random: &mut Random) -> u64 {
        u64::from(self.0) + random.below(u64::from(self.1 - self.0) + 1)
    }
}

impl Number {
    fn of_i64(self, value: i64) -> Value {
        match self {
            Self::Int => Value::Int32(value as i32),
            Self::Long => Value::Int64(value),
            Self::Float => Value::Float32(value as f32),
            Self::Double => Value::Float64(value as f64),
            Self::Date => Value::Date(Date(value)),
            Self::Decimal(scale) => Value::Decimal(Decimal::new(value, scale)),
        }
    }

    fn of_f64(self, value: f64) -> Value {
        match self {
            Self::Float => Value::Float32(value as f32),
            Self::Double => Value::Float64(value),
            _ => self.of_i64(value as i64),
        }
    }
}

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Generator {
    /// The value for a record.
    pub(crate) fn generate(&self, record: i64, random: &mut Random) -> Value {
        match self {
            Self::Options(options) => options[random.index(options.len())].clone(),
            Self::Boolean(odds) => Value::Boolean(random.unit() < *odds),
            Self::Integer(number, first, last) => {
                let span = (last.wrapping_sub(*first) as u64).wrapping_add(1);
                number.of_i64(first.wrapping_add(random.below(span) as i64))
            }
            Self::Float(number, from, to) => number.of_f64(from + random.unit() * (to - from)),
            Self::Iteration { number, start, step, turns } => {
                let turn = turns.map_or(record, |turns| record.rem_euclid(turns as i64));
                match number {
                    Number::Float | Number::Double => number.of_f64(start + turn as f64 * step),
                    _ => number.of_i64((*start as i64).wrapping_add(turn.wrapping_mul(*step as i64))),
                }
            }
            Self::Pattern(pattern) => {
                let mut text = String::with_capacity(24);
                pattern.generate(random, &mut text);
                Value::String(text.into())
            }
            Self::Text(length) => Value::String(letters(*length, random)),
            Self::Bytes(length) => {
                let length = length.pick(random);
                Value::from((0..length).map(|_| random.next() as u8).collect::<Vec<u8>>())
            }
            Self::Array(element, length) => {
                let length = length.pick(random);
                Value::Array((0..length).map(|_| element.generate(record, random)).collect::<Vec<_>>().into())
            }
            Self::Map(key, value, length) => {
                let length = length.pick(random);
                let entry = |_| (key.generate(record, random), value.generate(record, random));
                Value::Map(Map::from_entries((0..length).map(entry).collect()))
            }
            Self::Record(schema, fields) => {
                let values = fields.iter().map(|field| field.generate(record, random)).collect();
                // The values were made for this schema; it is that of a struct with as many fields.
                Struct::from_checked_values(schema.clone(), values).map_or(Value::Null, Value::from)
            }
            Self::Nullable(inner) => match random.next() & 1 {
                0 => Value::Null,
                _ => inner.generate(record, random),
            },
        }
    }
}

fn letters(length: Length, random: &mut Random) -> Str {
    let length = length.pick(random);
    (0..length).map(|_| char::from(LETTERS[random.index(LETTERS.len())])).collect::<String>().into()
}
