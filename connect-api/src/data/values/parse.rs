//! Values from text.

use super::super::java;
use super::super::{Array, Decimal, Map, Schema, SchemaAndValue, Type, Value};
use super::convert::convert_to;
use super::temporal;
use crate::Result;

/// Lists and maps nested deeper than this are text.
const DEPTH: usize = 128;

/// Reads a value from text by the grammar of Kafka's `Values.parseString`: `null`, truth values, numbers of the
/// smallest type that holds them, dates and times in UTC, lists, maps. What is none of these is the text itself.
///
/// `Ok(None)` is the literal `null`, for which Java returns no object at all.
///
/// The grammar has its oddities, which are kept: text after a complete value is ignored (`1,2` reads as 1), a value of
/// a list that fits nothing makes the whole text a string, and a list with a null among numbers is a string too.
///
/// # Errors
///
/// None at present.
///
/// ```
/// use connect_api::data::values::parse_string;
/// use connect_api::{Schema, SchemaAndValue};
/// assert_eq!(parse_string("128")?, Some(SchemaAndValue::new(Schema::INT16, 128_i16)));
/// assert_eq!(parse_string("abc")?, Some(SchemaAndValue::new(Schema::STRING, "abc")));
/// assert_eq!(parse_string("null")?, None);
/// # Ok::<(), connect_api::Error>(())
/// ```
pub fn parse_string(text: &str) -> Result<Option<SchemaAndValue>> {
    if text.is_empty() {
        return Ok(Some(SchemaAndValue::new(Schema::STRING, "")));
    }
    let mut parser = Parser { tokens: Tokens::new(text), depth: 0 };
    // At the top everything that cannot be read is text, so there is no failure.
    Ok(parser.parse(false).unwrap_or_else(|NotReadable| Some(SchemaAndValue::new(Schema::STRING, text))))
}

/// Part of a list or map cannot be read; it makes the whole text a string.
struct NotReadable;

type Parsed = Result<Option<SchemaAndValue>, NotReadable>;

fn typed(schema: Schema, value: impl Into<Value>) -> Parsed {
    Ok(Some(SchemaAndValue::new(schema, value)))
}

struct Parser<'a> {
    tokens: Tokens<'a>,
    depth: usize,
}

impl Parser<'_> {
    fn parse(&mut self, embedded: bool) -> Parsed {
        if !self.tokens.has_next() {
            return Ok(None);
        }
        if embedded && self.tokens.consume("\"") {
            return self.quoted();
        }
        if self.literal("null", embedded) {
            return Ok(None);
        }
        if self.literal("true", embedded) {
            return typed(Schema::BOOLEAN, true);
        }
        if self.literal("false", embedded) {
            return typed(Schema::BOOLEAN, false);
        }
        let start = self.tokens.mark();
        if let Some(container) = self.container() {
            match container {
                Ok(value) => return Ok(Some(value)),
                Err(NotReadable) => self.tokens.rewind(start),
            }
        }
        let token = self.tokens.next();
        match token.trim_matches(blank) {
            "" => typed(Schema::STRING, token),
            trimmed => self.bare(trimmed, embedded),
        }
    }

    /// A literal counts at the top only if nothing follows it.
    fn literal(&mut self, literal: &str, embedded: bool) -> bool {
        let start = self.tokens.mark();
        if self.tokens.consume(literal) && (embedded || !self.tokens.has_next()) {
            return true;
        }
        self.tokens.rewind(start);
        false
    }

    fn quoted(&mut self) -> Parsed {
        let mut content = String::new();
        // As Java does it, blanks before a delimiter are lost.
        while self.tokens.has_next() && !self.tokens.consume("\"") {
            content.push_str(self.tokens.next());
        }
        match temporal::parse(&content) {
            Some((schema, date)) => typed(schema, date),
            None => typed(Schema::STRING, content),
        }
    }

    fn bare(&mut self, token: &str, embedded: bool) -> Parsed {
        let digit = java::ascii_digits(token).starts_with(|first: char| first.is_ascii_digit());
        if digit {
            // Colons are delimiters, so a time of day is five tokens.
            let start = self.tokens.mark();
            if let Some(rest) = self.tokens.next_four()
                && let Some((schema, date)) = temporal::parse(&format!("{token}{rest}"))
            {
                return typed(schema, date);
            }
            self.tokens.rewind(start);
            if let Some((schema, date)) = temporal::parse(token) {
                return typed(schema, date);
            }
        }
        if (digit || token.starts_with(['+', '-']))
            && let Ok(number) = token.parse()
        {
            return Ok(Some(narrowest(number)));
        }
        if embedded { Err(NotReadable) } else { typed(Schema::STRING, self.tokens.text) }
    }

    fn container(&mut self) -> Option<Result<SchemaAndValue, NotReadable>> {
        let list = self.tokens.consume("[");
        if !list && !self.tokens.consume("{") {
            return None;
        }
        if self.depth == DEPTH {
            return Some(Err(NotReadable));
        }
        self.depth += 1;
        let result = if list { self.list() } else { self.map() };
        self.depth -= 1;
        Some(result)
    }

    fn list(&mut self) -> Result<SchemaAndValue, NotReadable> {
        let (mut list, mut common) = (Vec::new(), Common::default());
        while self.tokens.has_next() {
            if self.tokens.consume("]") {
                let schema = common.schema;
                if let Some(schema) = &schema {
                    align(schema, list.iter_mut())?;
                }
                return Ok(SchemaAndValue::new(Schema::array(schema), Array::from(list)));
            }
            if self.tokens.consume(",") {
                return Err(NotReadable);
            }
            let element = self.parse(true)?;
            common.merge(element.as_ref());
            list.push(element.unwrap_or_default().value);
            let before = self.tokens.mark();
            if self.tokens.consume("]") {
                self.tokens.rewind(before);
            } else if !self.tokens.consume(",") {
                return Err(NotReadable);
            }
        }
        Err(NotReadable)
    }

    fn map(&mut self) -> Result<SchemaAndValue, NotReadable> {
        let (mut entries, mut keys, mut values) = (Vec::new(), Common::default(), Common::default());
        while self.tokens.has_next() {
            if self.tokens.consume("}") {
                let mut entries: Vec<(Value, Value)> = Map::from_entries(entries).into_iter().collect();
                let value_schema = values.schema.filter(|_| keys.schema.is_some());
                if let Some(schema) = &keys.schema {
                    align(schema, entries.iter_mut().map(|(key, _)| key))?;
                }
                if let Some(schema) = &value_schema {
                    align(schema, entries.iter_mut().map(|(_, value)| value))?;
                }
                return Ok(SchemaAndValue::new(
                    Schema::map(keys.schema, value_schema),
                    Map::from_entries(entries),
                ));
            }
            if self.tokens.consume(",") {
                return Err(NotReadable);
            }
            let key = self.parse(true)?;
            if key.as_ref().is_none_or(|key| key.value.is_null()) || !self.tokens.consume(":") {
                return Err(NotReadable);
            }
            let value = self.parse(true)?;
            self.tokens.consume(",");
            keys.merge(key.as_ref());
            values.merge(value.as_ref());
            entries.push((key.unwrap_or_default().value, value.unwrap_or_default().value));
        }
        Err(NotReadable)
    }
}

fn align<'v>(schema: &Schema, values: impl Iterator<Item = &'v mut Value>) -> Result<(), NotReadable> {
    for value in values {
        *value = convert_to(schema, value).map_err(|_| NotReadable)?;
    }
    Ok(())
}

/// An integer of the fewest bits, else a float, else a decimal.
fn narrowest(number: Decimal) -> SchemaAndValue {
    if let Some(whole) = whole(&number) {
        return if let Ok(whole) = i8::try_from(whole) {
            SchemaAndValue::new(Schema::INT8, whole)
        } else if let Ok(whole) = i16::try_from(whole) {
            SchemaAndValue::new(Schema::INT16, whole)
        } else if let Ok(whole) = i32::try_from(whole) {
            SchemaAndValue::new(Schema::INT32, whole)
        } else {
            SchemaAndValue::new(Schema::INT64, whole)
        };
    }
    if number.scale() != 0 {
        let (single, double) = (number.to_f32(), number.to_f64());
        if single.is_finite() {
            return SchemaAndValue::new(Schema::FLOAT32, single);
        }
        if double.is_finite() {
            return SchemaAndValue::new(Schema::FLOAT64, double);
        }
    }
    SchemaAndValue::new(Schema::decimal(number.scale()), number)
}

/// The number, if it has no fraction and fits in 64 bits.
fn whole(number: &Decimal) -> Option<i64> {
    if number.is_zero() {
        return Some(0);
    }
    let exponent = i64::try_from(number.precision()).ok()? - i64::from(number.scale());
    if exponent > 20 {
        return None;
    }
    let stripped = number.strip_trailing_zeros();
    if stripped.scale() > 0 {
        return None;
    }
    i64::try_from(stripped.to_big_integer()?).ok()
}

/// The schema that the elements of a list, or the keys or values of a map, have in common.
#[derive(Default)]
struct Common {
    schema: Option<Schema>,
    incompatible: bool,
}

impl Common {
    fn merge(&mut self, element: Option<&SchemaAndValue>) {
        let Some(next) = element.and_then(|element| element.schema.as_ref()).filter(|_| !self.incompatible)
        else {
            return;
        };
        self.schema = match self.schema.take() {
            None => Some(next.clone()),
            Some(before) => merged(before, next),
        };
        self.incompatible = self.schema.is_none();
    }
}

/// Of two numbers the wider, of two equal types the second.
fn merged(before: Schema, next: &Schema) -> Option<Schema> {
    if before.ty() == next.ty() {
        return Some(next.clone());
    }
    let (before_width, next_width) = (width(before.ty())?, width(next.ty())?);
    Some(if next_width > before_width { next.clone() } else { before })
}

fn width(ty: Type) -> Option<u8> {
    match ty {
        Type::Int8 => Some(0),
        Type::Int16 => Some(1),
        Type::Int32 => Some(2),
        Type::Int64 => Some(3),
        Type::Float32 => Some(4),
        Type::Float64 => Some(5),
        Type::Boolean | Type::String | Type::Bytes | Type::Array | Type::Map | Type::Struct => None,
    }
}

/// What Java's `trim` takes away.
fn blank(character: char) -> bool {
    character <= ' '
}

/// Splits text at delimiters, which are tokens themselves unless escaped.
struct Tokens<'a> {
    text: &'a str,
    /// Behind the token looked at ahead, if there is one.
    at: usize,
    ahead: Option<&'a str>,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, ahead: None }
    }

    /// Where to rewind to.
    fn mark(&self) -> usize {
        self.at - self.ahead.map_or(0, str::len)
    }

    fn rewind(&mut self, mark: usize) {
        self.at = mark;
        self.ahead = None;
    }

    fn has_next(&self) -> bool {
        self.ahead.is_some() || self.at < self.text.len()
    }

    fn next(&mut self) -> &'a str {
        self.ahead.take().unwrap_or_else(|| self.read())
    }

    /// The text of the next four tokens, if there are so many.
    fn next_four(&mut self) -> Option<&'a str> {
        let start = self.mark();
        for _ in 0..4 {
            if !self.has_next() {
                self.rewind(start);
                return None;
            }
            self.next();
        }
        Some(&self.text[start..self.at])
    }

    fn read(&mut self) -> &'a str {
        let start = self.at;
        let mut escaped = false;
        for byte in self.text.as_bytes()[start..].iter().copied() {
            match byte {
                b'\\' => escaped = !escaped,
                b':' | b',' | b'{' | b'}' | b'[' | b']' | b'"' if !escaped => {
                    if start == self.at {
                        self.at += 1;
                    }
                    return &self.text[start..self.at];
                }
                _ => escaped = false,
            }
            self.at += 1;
        }
        &self.text[start..]
    }

    /// Takes the next token if it is this one, whatever space is around it.
    fn consume(&mut self, expected: &str) -> bool {
        let mut token = match self.ahead {
            Some(token) => token,
            None if self.has_next() => self.read(),
            None => return false,
        };
        while token.trim_matches(blank).is_empty() && self.at < self.text.len() {
            token = self.read();
        }
        self.ahead = (token.trim_matches(blank) != expected).then_some(token);
        self.ahead.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_without_end_is_text() {
        let text = "[".repeat(100_000);
        let parsed = parse_string(&text).unwrap().unwrap();
        assert_eq!(parsed, SchemaAndValue::new(Schema::STRING, text));
    }

    #[test]
    fn nesting_is_read_up_to_the_limit() {
        let nested = |depth| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse_string(&nested(DEPTH)).unwrap().unwrap().value.as_array().is_some());
        assert!(parse_string(&nested(DEPTH + 1)).unwrap().unwrap().value.as_str().is_some());
    }
}
