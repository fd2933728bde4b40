//! The logical types: [`Date`], Time, Timestamp and Decimal, exactly as Kafka Connect encodes them.

use std::fmt;
use std::sync::LazyLock;

use super::java::civil_from_days;
use super::schema::Full;
use super::{Decimal, Schema, SchemaBuilder, Str, Type};
use crate::{Error, Result};

/// The schema name of days.
pub const DATE: &str = "org.apache.kafka.connect.data.Date";
/// The schema name of times of day.
pub const TIME: &str = "org.apache.kafka.connect.data.Time";
/// The schema name of instants.
pub const TIMESTAMP: &str = "org.apache.kafka.connect.data.Timestamp";
/// The schema name of exact decimals.
pub const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";
/// The schema parameter that holds a decimal's scale.
pub const SCALE: &str = "scale";

/// The milliseconds of a day.
pub const MILLIS_PER_DAY: i64 = 86_400_000;

/// A logical type that validation knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logical {
    Date,
    Time,
    Timestamp,
    Decimal,
}

impl Logical {
    pub(super) fn of_name(name: &str) -> Option<Self> {
        match name {
            DATE => Some(Self::Date),
            TIME => Some(Self::Time),
            TIMESTAMP => Some(Self::Timestamp),
            DECIMAL => Some(Self::Decimal),
            _ => None,
        }
    }
}

fn parts(ty: Type, name: &'static str) -> Full {
    Full { name: Some(Str::from_static(name)), version: Some(1), ..Full::of(ty) }
}

pub(super) fn decimal_parts(scale: i32) -> Full {
    let parameters = vec![(Str::from_static(SCALE), Str::from(scale.to_string()))];
    Full { parameters, ..parts(Type::Bytes, DECIMAL) }
}

pub(super) static DATE_SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::full(parts(Type::Int32, DATE)));
pub(super) static TIME_SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::full(parts(Type::Int32, TIME)));
pub(super) static TIMESTAMP_SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::full(parts(Type::Int64, TIMESTAMP)));

/// Starts a schema of days, to make it optional or give it a default.
///
/// ```
/// use connect_api::data::logical;
/// let schema = logical::date_builder().optional().build()?;
/// assert_eq!(schema.name(), Some(logical::DATE));
/// # Ok::<(), connect_api::Error>(())
/// ```
pub fn date_builder() -> SchemaBuilder {
    SchemaBuilder::of_parts(parts(Type::Int32, DATE))
}

/// Starts a schema of times of day.
pub fn time_builder() -> SchemaBuilder {
    SchemaBuilder::of_parts(parts(Type::Int32, TIME))
}

/// Starts a schema of instants.
pub fn timestamp_builder() -> SchemaBuilder {
    SchemaBuilder::of_parts(parts(Type::Int64, TIMESTAMP))
}

/// Starts a schema of decimals with this scale.
pub fn decimal_builder(scale: i32) -> SchemaBuilder {
    SchemaBuilder::of_parts(decimal_parts(scale))
}

/// Milliseconds since 1970-01-01T00:00Z. The one class of value behind the logical types Date, Time and Timestamp: a
/// day is its midnight in UTC, a time of day is a moment of the first day.
///
/// ```
/// use connect_api::Schema;
/// use connect_api::data::{Date, logical};
/// let day = logical::date_to_logical(&Schema::date(), 18_131)?;
/// assert_eq!(day, Date(1_566_518_400_000));
/// assert_eq!(logical::date_from_logical(&Schema::date(), day)?, 18_131);
/// assert_eq!(day.to_string(), "Fri Aug 23 00:00:00 UTC 2019");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(
    /// Milliseconds since the epoch.
    pub i64,
);

fn check(schema: &Schema, name: &str, what: &str) -> Result<()> {
    if schema.name() == Some(name) {
        return Ok(());
    }
    Err(Error::data(format!("Requested conversion of {what} object but the schema does not match.")))
}

/// Encodes a day as days since the epoch.
///
/// # Errors
///
/// A data error when the schema has another name, or when the value is not a midnight in UTC.
pub fn date_from_logical(schema: &Schema, value: Date) -> Result<i32> {
    check(schema, DATE, "Date")?;
    if value.0.rem_euclid(MILLIS_PER_DAY) != 0 {
        return Err(Error::data(
            "Kafka Connect Date type should not have any time fields set to non-zero values.",
        ));
    }
    Ok((value.0 / MILLIS_PER_DAY) as i32)
}

/// Decodes days since the epoch.
///
/// # Errors
///
/// A data error when the schema has another name.
pub fn date_to_logical(schema: &Schema, value: i32) -> Result<Date> {
    check(schema, DATE, "Date")?;
    Ok(Date(i64::from(value) * MILLIS_PER_DAY))
}

/// Encodes a time of day as milliseconds since midnight.
///
/// # Errors
///
/// A data error when the schema has another name, or when the value is not within the first day.
pub fn time_from_logical(schema: &Schema, value: Date) -> Result<i32> {
    check(schema, TIME, "Time")?;
    if !(0..=MILLIS_PER_DAY).contains(&value.0) {
        return Err(Error::data(
            "Kafka Connect Time type should not have any date fields set to non-zero values.",
        ));
    }
    Ok(value.0 as i32)
}

/// Decodes milliseconds since midnight.
///
/// # Errors
///
/// A data error when the schema has another name, or when the value is not within a day.
pub fn time_to_logical(schema: &Schema, value: i32) -> Result<Date> {
    check(schema, TIME, "Time")?;
    if !(0..=MILLIS_PER_DAY).contains(&i64::from(value)) {
        return Err(Error::data(
            "Time values must use number of milliseconds greater than 0 and less than 86400000",
        ));
    }
    Ok(Date(value.into()))
}

/// Encodes an instant as milliseconds since the epoch.
///
/// # Errors
///
/// A data error when the schema has another name.
pub fn timestamp_from_logical(schema: &Schema, value: Date) -> Result<i64> {
    check(schema, TIMESTAMP, "Timestamp")?;
    Ok(value.0)
}

/// Decodes milliseconds since the epoch.
///
/// # Errors
///
/// A data error when the schema has another name.
pub fn timestamp_to_logical(schema: &Schema, value: i64) -> Result<Date> {
    check(schema, TIMESTAMP, "Timestamp")?;
    Ok(Date(value))
}

/// Encodes a decimal: its unscaled part, see [`Decimal::to_be_bytes`].
///
/// # Errors
///
/// A data error when the value has another scale than the schema.
pub fn decimal_from_logical(schema: &Schema, value: &Decimal) -> Result<Vec<u8>> {
    let expected = decimal_scale(schema)?;
    if value.scale() != expected {
        return Err(Error::data(format!(
            "Decimal value has mismatching scale for given Decimal schema. Schema has scale {expected}, value has \
             scale {}.",
            value.scale()
        )));
    }
    Ok(value.to_be_bytes())
}

/// Decodes an unscaled part with the schema's scale.
///
/// # Errors
///
/// A data error when there are no bytes, or the schema has no usable scale.
pub fn decimal_to_logical(schema: &Schema, value: &[u8]) -> Result<Decimal> {
    if value.is_empty() {
        return Err(Error::data("Zero length BigInteger").with_java_class("java.lang.NumberFormatException"));
    }
    Ok(Decimal::from_be_bytes(value, decimal_scale(schema)?))
}

/// The scale of a decimal schema.
///
/// # Errors
///
/// A data error when the parameter `scale` is missing or no integer.
pub fn decimal_scale(schema: &Schema) -> Result<i32> {
    let Some(scale) = schema.parameter(SCALE) else {
        let error = Error::data("Invalid Decimal schema: scale parameter not found.");
        // Java asks for parameters that it does not have.
        let none = schema.parameters().len() == 0;
        return Err(if none { error.with_java_class("java.lang.NullPointerException") } else { error });
    };
    scale
        .parse()
        .map_err(|error| Error::data("Invalid scale parameter found in Decimal schema: ").with_source(error))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

impl fmt::Display for Date {
    /// As Java prints a `java.util.Date` in UTC: `Thu Jan 01 00:00:00 UTC 1970`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(MILLIS_PER_DAY);
        let seconds = self.0.rem_euclid(MILLIS_PER_DAY) / 1000;
        let (year, month, day) = civil_from_days(days);
        let weekday = DAYS[days.rem_euclid(7) as usize];
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let month = MONTHS[month as usize - 1];
        // Java counts years before Christ from 1, without a sign.
        let year = if year <= 0 { 1 - year } else { year };
        write!(f, "{weekday} {month} {day:02} {hour:02}:{minute:02}:{second:02} UTC {year}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_prints_as_javas() {
        assert_eq!(Date(0).to_string(), "Thu Jan 01 00:00:00 UTC 1970");
        assert_eq!(Date(-1).to_string(), "Wed Dec 31 23:59:59 UTC 1969");
    }

    #[test]
    fn encoding_refuses_what_kafka_refuses() {
        let (date, time) = (Schema::date(), Schema::time());
        assert!(date_from_logical(&date, Date(1)).is_err());
        assert_eq!(date_from_logical(&date, Date(-MILLIS_PER_DAY)).unwrap(), -1);
        assert_eq!(time_from_logical(&time, Date(MILLIS_PER_DAY)).unwrap(), 86_400_000);
        assert!(time_from_logical(&time, Date(MILLIS_PER_DAY + 1)).is_err());
        assert!(time_to_logical(&time, -1).is_err());
        assert_eq!(
            time_to_logical(&date, 1).unwrap_err().message(),
            "Requested conversion of Time object but the schema does not match."
        );
        assert_eq!(
            decimal_from_logical(&Schema::decimal(2), &Decimal::new(1, 3)).unwrap_err().message(),
            "Decimal value has mismatching scale for given Decimal schema. Schema has scale 2, value has scale 3."
        );
        assert_eq!(
            decimal_to_logical(&Schema::BYTES, &[1]).unwrap_err().message(),
            "Invalid Decimal schema: scale parameter not found."
        );
    }
}
