//! Decimal, Date, Time and Timestamp as messages.

use bytes::{BufMut, BytesMut};
use connect_api::data::java::{civil_from_days, days_from_civil};
use connect_api::data::logical::MILLIS_PER_DAY;
use connect_api::data::{Date, Decimal};
use connect_api::{Error, Result};

use super::wire::{Input, WireType, put_tag, put_varint};

/// The seconds of years 1 to 9999, which are all that Protobuf's timestamps may have.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// A message of which only varint fields and one field of bytes matter.
struct Parts<'a, const N: usize> {
    /// By number, from 1.
    numbers: [i64; N],
    bytes: &'a [u8],
}

fn parts<const N: usize>(input: &[u8], depth: usize) -> Result<Parts<'_, N>> {
    let mut input = Input::new(input);
    let mut found = Parts { numbers: [0; N], bytes: &[] };
    while !input.is_empty() {
        match input.tag()? {
            (number, WireType::Varint) if (1..=N).contains(&(number as usize)) => {
                found.numbers[number as usize - 1] = input.varint()? as i64;
            }
            (1, WireType::Delimited) => found.bytes = input.delimited()?,
            (number, ty) => input.skip(number, ty, depth)?,
        }
    }
    Ok(found)
}

fn put(number: u32, value: i64, out: &mut BytesMut) {
    if value != 0 {
        put_tag(number, WireType::Varint, out);
        put_varint(value as u64, out);
    }
}

pub(super) fn read_decimal(input: &[u8], depth: usize) -> Result<Decimal> {
    let parts: Parts<'_, 3> = parts(input, depth)?;
    if parts.bytes.is_empty() {
        return Err(Error::data("Zero length BigInteger").with_java_class("java.lang.NumberFormatException"));
    }
    Ok(Decimal::from_be_bytes(parts.bytes, parts.numbers[2] as i32))
}

pub(super) fn write_decimal(value: &Decimal, out: &mut BytesMut) {
    let unscaled = value.to_be_bytes();
    put_tag(1, WireType::Delimited, out);
    put_varint(unscaled.len() as u64, out);
    out.put_slice(&unscaled);
    put(2, value.precision() as i64, out);
    put(3, value.scale().into(), out);
}

pub(super) fn read_date(input: &[u8], depth: usize) -> Result<Date> {
    let [year, month, day] = parts::<3>(input, depth)?.numbers.map(|number| i64::from(number as i32));
    let wrong = |what| {
        let date = format!("{year}-{month}-{day}");
        Err(Error::data(format!("{what}: there is no date {date}"))
            .with_java_class("java.lang.IllegalArgumentException"))
    };
    if year < 1 {
        return wrong("YEAR");
    }
    if !(1..=12).contains(&month) {
        return wrong("MONTH");
    }
    let days = days_from_civil(year, month, day);
    if day < 1 || civil_from_days(days) != (year, month, day) {
        return wrong("DAY_OF_MONTH");
    }
    Ok(Date(days * MILLIS_PER_DAY))
}

/// The calendar is Java's, which is Julian before 1582-10-15; years before Christ lose their sign there, and are refused
/// here.
pub(super) fn write_date(value: Date, out: &mut BytesMut) -> Result<()> {
    if value.0.rem_euclid(MILLIS_PER_DAY) != 0 {
        let message = "Kafka Connect Date type should not have any time fields set to non-zero values.";
        return Err(Error::data(message));
    }
    let (year, month, day) = civil_from_days(value.0.div_euclid(MILLIS_PER_DAY));
    if year < 1 {
        return Err(Error::data(format!("The year {year} does not fit into google.type.Date")));
    }
    put(1, year, out);
    put(2, month, out);
    put(3, day, out);
    Ok(())
}

pub(super) fn read_time(input: &[u8], depth: usize) -> Result<Date> {
    let numbers = parts::<4>(input, depth)?.numbers.map(|number| i64::from(number as i32));
    let fields =
        [("HourOfDay", 23), ("MinuteOfHour", 59), ("SecondOfMinute", 59), ("NanoOfSecond", 999_999_999)];
    for (value, (field, greatest)) in numbers.into_iter().zip(fields) {
        if !(0..=greatest).contains(&value) {
            let message = format!("Invalid value for {field} (valid values 0 - {greatest}): {value}");
            return Err(Error::data(message).with_java_class("java.time.DateTimeException"));
        }
    }
    let [hours, minutes, seconds, nanos] = numbers;
    Ok(Date(((hours * 60 + minutes) * 60 + seconds) * 1000 + nanos / NANOS_PER_MILLI))
}

pub(super) fn write_time(value: Date, out: &mut BytesMut) -> Result<()> {
    if !(0..=MILLIS_PER_DAY).contains(&value.0) {
        let message = "Time values must use number of millis greater than 0 and less than 86400000";
        return Err(Error::data(message));
    }
    let seconds = value.0 / 1000;
    // The end of a day is the beginning of the next.
    put(1, seconds / 3600 % 24, out);
    put(2, seconds / 60 % 60, out);
    put(3, seconds % 60, out);
    put(4, value.0 % 1000 * NANOS_PER_MILLI, out);
    Ok(())
}

fn check_timestamp(seconds: i64, nanos: i64) -> Result<()> {
    if SECONDS.contains(&seconds) && (0..1_000_000_000).contains(&nanos) {
        return Ok(());
    }
    let message = format!("Timestamp is not valid: {seconds} seconds, {nanos} nanoseconds");
    Err(Error::data(message).with_java_class("java.lang.IllegalArgumentException"))
}

pub(super) fn read_timestamp(input: &[u8], depth: usize) -> Result<Date> {
    let [seconds, nanos] = parts::<2>(input, depth)?.numbers;
    let nanos = i64::from(nanos as i32);
    check_timestamp(seconds, nanos)?;
    Ok(Date(seconds * 1000 + nanos / NANOS_PER_MILLI))
}

pub(super) fn write_timestamp(value: Date, out: &mut BytesMut) -> Result<()> {
    let (seconds, nanos) = (value.0.div_euclid(1000), value.0.rem_euclid(1000) * NANOS_PER_MILLI);
    check_timestamp(seconds, nanos)?;
    put(1, seconds, out);
    put(2, nanos, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Write = fn(Date, &mut BytesMut) -> Result<()>;
    type Read = fn(&[u8], usize) -> Result<Date>;

    fn round(write: Write, read: Read, millis: i64) {
        let mut out = BytesMut::new();
        write(Date(millis), &mut out).unwrap();
        assert_eq!(read(&out, 0).unwrap(), Date(millis));
    }

    #[test]
    fn moments_come_back() {
        for days in [-719_164_i64, -141_428, -141_427, -1, 0, 11_016, 2_932_896, 40_000_000] {
            round(write_date, read_date, days * MILLIS_PER_DAY);
        }
        for millis in [0, 1, 3_723_004, 86_399_999] {
            round(write_time, read_time, millis);
        }
        for millis in [-62_135_596_800_000, -1, 0, 1_700_000_000_123, 253_402_300_799_999] {
            round(write_timestamp, read_timestamp, millis);
        }
        for (unscaled, scale) in [(0, 0), (-129, -2), (12_345, 2)] {
            let mut out = BytesMut::new();
            write_decimal(&Decimal::new(unscaled, scale), &mut out);
            assert_eq!(read_decimal(&out, 0).unwrap(), Decimal::new(unscaled, scale));
        }
    }

    #[test]
    fn moments_that_do_not_exist_are_refused() {
        for date in [[0, 0, 0], [2024, 2, 30], [2024, 13, 1], [1582, 10, 10], [2024, 1, 0], [-5, 1, 1]] {
            let mut out = BytesMut::new();
            (1..).zip(date).for_each(|(number, value)| put(number, value, &mut out));
            assert!(read_date(&out, 0).is_err(), "{date:?}");
        }
        assert!(write_date(Date(1), &mut BytesMut::new()).is_err());
        assert!(write_date(Date(-62_135_856_000_000), &mut BytesMut::new()).is_err());
        assert!(write_time(Date(-1), &mut BytesMut::new()).is_err());
        assert!(write_timestamp(Date(253_402_300_800_000), &mut BytesMut::new()).is_err());
        assert!(read_time(&[8, 24], 0).is_err());
        assert!(read_decimal(&[], 0).is_err());
    }
}
