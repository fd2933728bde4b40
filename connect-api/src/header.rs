//! Headers: [`Headers`] with typed values, and [`RawHeaders`] as Kafka carries them.

mod raw;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub use raw::RawHeaders;

use crate::data::{Array, Date, Decimal, Map, Schema, SchemaAndValue, Str, Struct, Type, Value, kind_fits};
use crate::{Error, Result};

/// One header: a key, and a value with its schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    key: Str,
    data: SchemaAndValue,
}

impl Header {
    /// A header. A struct without a schema brings its own.
    pub fn new(key: impl Into<Str>, mut data: SchemaAndValue) -> Self {
        if let (None, Value::Struct(value)) = (&data.schema, &data.value) {
            data.schema = Some(value.schema().clone());
        }
        Self { key: key.into(), data }
    }

    /// The key.
    pub fn key(&self) -> &Str {
        &self.key
    }

    /// The schema of the value.
    pub fn schema(&self) -> Option<&Schema> {
        self.data.schema.as_ref()
    }

    /// The value.
    pub fn value(&self) -> &Value {
        &self.data.value
    }

    /// The value with its schema.
    pub fn data(&self) -> &SchemaAndValue {
        &self.data
    }

    /// The same key with another value.
    #[must_use]
    pub fn with(&self, data: SchemaAndValue) -> Self {
        Self::new(self.key.clone(), data)
    }

    /// The same value with another key.
    #[must_use]
    pub fn rename(&self, key: impl Into<Str>) -> Self {
        Self { key: key.into(), data: self.data.clone() }
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectHeader(key={}, value={}, schema=", self.key, self.value())?;
        match self.schema() {
            Some(schema) => write!(f, "{schema})"),
            None => f.write_str("null)"),
        }
    }
}

/// The headers of a record, in order; a key may occur several times. Cloning shares them; editing shared ones copies
/// them first. A record without headers costs nothing.
///
/// ```
/// use connect_api::{Headers, Value};
/// let mut headers = Headers::new();
/// headers.add_string("trace", "a1").add_int("attempt", 1).add_int("attempt", 2);
/// assert_eq!(headers.last_with_name("attempt").map(|header| header.value()), Some(&Value::Int32(2)));
/// headers.retain_latest();
/// assert_eq!(headers.len(), 2);
/// ```
#[derive(Clone, Default)]
pub struct Headers(Option<Arc<Vec<Header>>>);

impl Headers {
    /// No headers.
    pub const fn new() -> Self {
        Self(None)
    }

    #[inline]
    fn list(&self) -> &[Header] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    fn list_mut(&mut self) -> &mut Vec<Header> {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// The number of headers.
    #[doc(alias = "size")]
    #[inline]
    pub fn len(&self) -> usize {
        self.list().len()
    }

    /// Whether there is no header.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    /// The headers in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header> {
        self.list().iter()
    }

    /// The last header with this key.
    pub fn last_with_name(&self, key: &str) -> Option<&Header> {
        self.iter().rev().find(|header| header.key == key)
    }

    /// All headers with this key, in order.
    pub fn all_with_name<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Header> {
        self.iter().filter(move |header| header.key == key)
    }

    /// Appends a header. Nothing is checked.
    pub fn add_header(&mut self, header: Header) -> &mut Self {
        self.list_mut().push(header);
        self
    }

    /// Appends a value with its schema, or without.
    ///
    /// # Errors
    ///
    /// A data error when the schema does not allow null, or describes another type.
    pub fn add(&mut self, key: impl Into<Str>, data: SchemaAndValue) -> Result<&mut Self> {
        if let Some(schema) = &data.schema {
            check(schema, &data.value)?;
        }
        Ok(self.add_header(Header::new(key, data)))
    }

    /// Appends a value that is not checked, or null with another schema.
    fn push(&mut self, key: impl Into<Str>, schema: Schema, value: impl Into<Value>) -> &mut Self {
        self.add_header(Header::new(key, SchemaAndValue::new(schema, value)))
    }

    /// Appends text.
    pub fn add_string(&mut self, key: impl Into<Str>, value: impl Into<Str>) -> &mut Self {
        self.push(key, Schema::STRING, value.into())
    }

    /// Appends text; `None` is null with an optional schema.
    pub fn add_optional_string(&mut self, key: impl Into<Str>, value: Option<impl Into<Str>>) -> &mut Self {
        match value {
            Some(value) => self.add_string(key, value),
            None => self.push(key, Schema::OPTIONAL_STRING, Value::Null),
        }
    }

    /// Appends bytes.
    pub fn add_bytes(&mut self, key: impl Into<Str>, value: impl Into<Bytes>) -> &mut Self {
        self.push(key, Schema::BYTES, value.into())
    }

    /// Appends bytes; `None` is null with an optional schema.
    pub fn add_optional_bytes(&mut self, key: impl Into<Str>, value: Option<impl Into<Bytes>>) -> &mut Self {
        match value {
            Some(value) => self.add_bytes(key, value),
            None => self.push(key, Schema::OPTIONAL_BYTES, Value::Null),
        }
    }

    /// Appends a truth value.
    pub fn add_boolean(&mut self, key: impl Into<Str>, value: bool) -> &mut Self {
        self.push(key, Schema::BOOLEAN, value)
    }

    /// Appends an 8-bit integer.
    pub fn add_byte(&mut self, key: impl Into<Str>, value: i8) -> &mut Self {
        self.push(key, Schema::INT8, value)
    }

    /// Appends a 16-bit integer.
    pub fn add_short(&mut self, key: impl Into<Str>, value: i16) -> &mut Self {
        self.push(key, Schema::INT16, value)
    }

    /// Appends a 32-bit integer.
    pub fn add_int(&mut self, key: impl Into<Str>, value: i32) -> &mut Self {
        self.push(key, Schema::INT32, value)
    }

    /// Appends a 64-bit integer.
    pub fn add_long(&mut self, key: impl Into<Str>, value: i64) -> &mut Self {
        self.push(key, Schema::INT64, value)
    }

    /// Appends a float of single precision.
    pub fn add_float(&mut self, key: impl Into<Str>, value: f32) -> &mut Self {
        self.push(key, Schema::FLOAT32, value)
    }

    /// Appends a float of double precision.
    pub fn add_double(&mut self, key: impl Into<Str>, value: f64) -> &mut Self {
        self.push(key, Schema::FLOAT64, value)
    }

    fn add_typed(&mut self, key: Str, value: Value, schema: Schema, ty: Type) -> Result<&mut Self> {
        if value.is_null() {
            return Ok(self.add_header(Header::new(key, SchemaAndValue::NULL)));
        }
        if schema.ty() != ty {
            return Err(Error::data(format!("Expecting {ty} but instead found {}", schema.ty())));
        }
        self.add(key, SchemaAndValue::new(schema, value))
    }

    /// Appends a list; `None` is null without schema.
    ///
    /// # Errors
    ///
    /// A data error when the schema is not that of an array.
    pub fn add_list(
        &mut self,
        key: impl Into<Str>,
        value: impl Into<Option<Array>>,
        schema: Schema,
    ) -> Result<&mut Self> {
        self.add_typed(key.into(), Value::from(value.into()), schema, Type::Array)
    }

    /// Appends a map; `None` is null without schema.
    ///
    /// # Errors
    ///
    /// A data error when the schema is not that of a map.
    pub fn add_map(
        &mut self,
        key: impl Into<Str>,
        value: impl Into<Option<Map>>,
        schema: Schema,
    ) -> Result<&mut Self> {
        self.add_typed(key.into(), Value::from(value.into()), schema, Type::Map)
    }

    /// Appends a struct with its schema; `None` is null without schema.
    pub fn add_struct(&mut self, key: impl Into<Str>, value: impl Into<Option<Struct>>) -> &mut Self {
        let data = value.into().map_or(SchemaAndValue::NULL, SchemaAndValue::from);
        self.add_header(Header::new(key, data))
    }

    /// Appends a decimal, with a schema of its scale; `None` is null without schema.
    pub fn add_decimal(&mut self, key: impl Into<Str>, value: impl Into<Option<Decimal>>) -> &mut Self {
        let data = value
            .into()
            .map_or(SchemaAndValue::NULL, |value| SchemaAndValue::new(Schema::decimal(value.scale()), value));
        self.add_header(Header::new(key, data))
    }

    /// Appends a day; `None` is null with the same required schema, as in Kafka.
    ///
    /// # Errors
    ///
    /// A data error when the value is not a midnight in UTC.
    pub fn add_date(&mut self, key: impl Into<Str>, value: impl Into<Option<Date>>) -> Result<&mut Self> {
        let (schema, value) = (Schema::date(), value.into());
        if let Some(value) = value {
            crate::data::logical::date_from_logical(&schema, value)?;
        }
        Ok(self.push(key, schema, value))
    }

    /// Appends a time of day; `None` is null with the same required schema, as in Kafka.
    ///
    /// # Errors
    ///
    /// A data error when the value is not within the first day.
    pub fn add_time(&mut self, key: impl Into<Str>, value: impl Into<Option<Date>>) -> Result<&mut Self> {
        let (schema, value) = (Schema::time(), value.into());
        if let Some(value) = value {
            crate::data::logical::time_from_logical(&schema, value)?;
        }
        Ok(self.push(key, schema, value))
    }

    /// Appends an instant; `None` is null with the same required schema, as in Kafka.
    pub fn add_timestamp(&mut self, key: impl Into<Str>, value: impl Into<Option<Date>>) -> &mut Self {
        self.push(key, Schema::timestamp(), value.into())
    }

    /// Removes all headers with this key.
    pub fn remove(&mut self, key: &str) -> &mut Self {
        if self.iter().any(|header| header.key == key) {
            self.list_mut().retain(|header| header.key != key);
        }
        self
    }

    /// Keeps only the last header of each key.
    pub fn retain_latest(&mut self) -> &mut Self {
        let list = self.list();
        let last = |at: usize| !list[at + 1..].iter().any(|later| later.key == list[at].key);
        let kept: Vec<bool> = (0..list.len()).map(last).collect();
        self.keep(&kept)
    }

    /// Keeps only the last header of one key, and those of other keys.
    pub fn retain_latest_of(&mut self, key: &str) -> &mut Self {
        let last = self.iter().rposition(|header| header.key == key);
        let kept: Vec<bool> =
            self.iter().enumerate().map(|(at, header)| header.key != key || Some(at) == last).collect();
        self.keep(&kept)
    }

    fn keep(&mut self, kept: &[bool]) -> &mut Self {
        if kept.contains(&false) {
            let mut kept = kept.iter();
            self.list_mut().retain(|_| kept.next().copied().unwrap_or(true));
        }
        self
    }

    /// Removes all headers.
    pub fn clear(&mut self) -> &mut Self {
        self.0 = None;
        self
    }

    /// A copy that can be edited independently. The same as a clone.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        self.clone()
    }

    /// Replaces each header by what the function makes of it; `None` removes the header.
    ///
    /// # Errors
    ///
    /// The first error of the function; the headers are then as before.
    pub fn apply(
        &mut self,
        mut transform: impl FnMut(Header) -> Result<Option<Header>>,
    ) -> Result<&mut Self> {
        let mut list = Vec::with_capacity(self.len());
        for header in self.iter() {
            list.extend(transform(header.clone())?);
        }
        self.0 = (!list.is_empty()).then(|| Arc::new(list));
        Ok(self)
    }

    /// The same for the headers with one key.
    ///
    /// # Errors
    ///
    /// The first error of the function; the headers are then as before.
    pub fn apply_to(
        &mut self,
        key: &str,
        mut transform: impl FnMut(Header) -> Result<Option<Header>>,
    ) -> Result<&mut Self> {
        self.apply(|header| if header.key == key { transform(header) } else { Ok(Some(header)) })
    }
}

/// What `Headers.add` of Kafka Connect checks: the kind of value, not what is inside it.
fn check(schema: &Schema, value: &Value) -> Result<()> {
    if value.is_null() {
        if schema.is_optional() {
            return Ok(());
        }
        return Err(Error::data(format!("A null value requires an optional schema but was {schema}")));
    }
    // Bytes may stand for a decimal and numbers for dates here.
    let unnamed = Schema::builder(schema.ty()).build()?;
    if kind_fits(schema, value) || kind_fits(&unnamed, value) {
        return Ok(());
    }
    Err(Error::data(format!("The value {value} is not compatible with the schema {schema}")))
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.list() == other.list()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|header| (&header.key, &header.data))).finish()
    }
}

impl fmt::Display for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectHeaders(headers=")?;
        for (at, header) in self.iter().enumerate() {
            write!(f, "{}{header}", if at == 0 { "[" } else { ", " })?;
        }
        f.write_str(if self.is_empty() { ")" } else { "])" })
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = std::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        let list: Vec<Header> = headers.into_iter().collect();
        Self((!list.is_empty()).then(|| Arc::new(list)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(headers: &Headers) -> Vec<&str> {
        headers.iter().map(|header| header.key().as_str()).collect()
    }

    #[test]
    fn adding_checks_what_kafka_checks() {
        let mut headers = Headers::new();
        let mut error = |schema, value: Value| {
            headers.add("k", SchemaAndValue::new(schema, value)).unwrap_err().message().to_owned()
        };
        assert_eq!(
            error(Schema::STRING, Value::Null),
            "A null value requires an optional schema but was Schema{STRING}"
        );
        assert_eq!(
            error(Schema::STRING, Value::from(5)),
            "The value 5 is not compatible with the schema Schema{STRING}"
        );
        assert!(headers.add("k", SchemaAndValue::new(Schema::date(), 5)).is_ok());
        assert!(headers.add("k", SchemaAndValue::new(Schema::date(), Date(0))).is_ok());
        assert!(headers.add("k", SchemaAndValue::new(None, 5)).is_ok());
        assert_eq!(headers.len(), 3);
    }

    #[test]
    fn null_takes_the_schema_that_kafka_gives_it() {
        let mut headers = Headers::new();
        headers
            .add_optional_string("s", None::<&str>)
            .add_optional_bytes("b", None::<Bytes>)
            .add_decimal("d", None)
            .add_struct("r", None);
        headers.add_list("l", None, Schema::INT8).unwrap().add_date("t", None).unwrap();
        let schemas: Vec<_> = headers.iter().map(|header| header.schema().cloned()).collect();
        let optional = [Some(Schema::OPTIONAL_STRING), Some(Schema::OPTIONAL_BYTES)];
        assert_eq!(schemas[..2], optional);
        assert_eq!(schemas[2..], [None, None, None, Some(Schema::date())]);
        assert_eq!(
            headers.add_list("l", Array::new(), Schema::INT8).unwrap_err().message(),
            "Expecting ARRAY but instead found INT8"
        );
        assert!(headers.add_time("t", Date(-1)).is_err());
    }

    #[test]
    fn the_latest_header_of_a_key_can_be_kept() {
        let mut headers = Headers::new();
        headers.add_int("a", 1).add_int("b", 2).add_int("a", 3).add_int("b", 4);
        let all = headers.clone();
        headers.retain_latest_of("a");
        assert_eq!(keys(&headers), ["b", "a", "b"]);
        headers.retain_latest();
        assert_eq!(headers.iter().map(Header::value).collect::<Vec<_>>(), [&Value::from(3), &Value::from(4)]);
        assert_eq!(all.all_with_name("b").count(), 2);
        headers.remove("a").remove("absent");
        assert_eq!(keys(&headers), ["b"]);
    }

    #[test]
    fn apply_replaces_and_removes() {
        let mut headers = Headers::new();
        headers.add_int("a", 1).add_int("b", 2);
        headers.apply_to("a", |header| Ok(Some(header.rename("c")))).unwrap();
        headers.apply(|header| Ok((header.key() != "b").then_some(header))).unwrap();
        assert_eq!(keys(&headers), ["c"]);
        assert!(headers.apply(|_| Err(Error::data("no"))).is_err());
        assert_eq!(
            headers.to_string(),
            "ConnectHeaders(headers=[ConnectHeader(key=c, value=1, schema=Schema{INT32})])"
        );
        assert_eq!(Headers::new().to_string(), "ConnectHeaders(headers=)");
    }

    #[test]
    fn a_struct_brings_its_schema() {
        let schema = Schema::structure().field("a", Schema::OPTIONAL_INT8).build().unwrap();
        let value = Struct::new(schema.clone()).unwrap();
        assert_eq!(Header::new("k", SchemaAndValue::schemaless(value)).schema(), Some(&schema));
    }

    #[test]
    fn cleared_headers_equal_none() {
        let mut headers = Headers::new();
        headers.add_int("a", 1).remove("a");
        assert_eq!(headers, Headers::new());
        assert_eq!(size_of::<Headers>(), size_of::<usize>());
    }
}
