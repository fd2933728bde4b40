//! Numbers: from JSON as Java reads them, to JSON as Java writes them.

use std::str::FromStr;

use connect_api::data::Decimal;
use connect_api::data::java;
pub(super) use connect_api::data::java::write_int;

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// The lowest 64 bits of an integer of any length: what Java's `BigInteger.longValue` gives.
#[inline]
pub(super) fn wrapping_i64(text: &str) -> i64 {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let size =
        digits.iter().fold(0_i64, |size, digit| size.wrapping_mul(10).wrapping_add(i64::from(digit & 0x0F)));
    if negative { size.wrapping_neg() } else { size }
}

/// The integer, if it fits 32 bits: what Jackson calls an int.
pub(super) fn exact_i32(text: &str) -> Option<i32> {
    i32::from_str(text).ok()
}

/// The nearest double of a number with a point or an exponent. There is no negative zero, since Java reads the number
/// as an exact decimal first; a number that is too small for a double does become one.
#[inline]
pub(super) fn f64(text: &str) -> f64 {
    short_f64(text.as_bytes()).unwrap_or_else(|| {
        let value = text.parse().unwrap_or(0.0);
        if value == 0.0 && is_zero(text) { 0.0 } else { value }
    })
}

/// The nearest float, by the same rules.
pub(super) fn f32(text: &str) -> f32 {
    let value = text.parse().unwrap_or(0.0);
    if value == 0.0 && is_zero(text) { 0.0 } else { value }
}

fn is_zero(text: &str) -> bool {
    let digits = text.split(['e', 'E']).next().unwrap_or("");
    digits.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-'))
}

/// Up to 15 digits without exponent: both the digits and the power of ten are exact, so that one division rounds once.
#[inline]
fn short_f64(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.len() > 16 {
        return None;
    }
    let mut mantissa = 0_u64;
    let mut point = digits.len();
    for (index, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(byte & 0x0F),
            b'.' => point = index + 1,
            _ => return None,
        }
    }
    let value = mantissa as f64 / POWERS[digits.len() - point];
    Some(if negative && mantissa != 0 { -value } else { value })
}

/// The exact decimal, with the scale that it is written with, as Java's `BigDecimal` reads it.
pub(super) fn decimal(text: &str) -> Decimal {
    Decimal::from_str(text).unwrap_or_else(|_| Decimal::new(0, 0))
}

/// Writes a double in Java's notation. The numbers that JSON has no form for are written as text.
pub(super) fn write_f64(out: &mut Vec<u8>, value: f64) {
    quoted_unless(value.is_finite(), out, |out| java::write_double(out, value));
}

/// Writes a float in the same way.
pub(super) fn write_f32(out: &mut Vec<u8>, value: f32) {
    quoted_unless(value.is_finite(), out, |out| java::write_float(out, value));
}

#[inline]
fn quoted_unless(plain: bool, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    if plain {
        return write(out);
    }
    out.push(b'"');
    write(out);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: f64) -> String {
        let mut out = Vec::new();
        write_f64(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    /// A sequence of different 64-bit patterns, the same on every run.
    fn patterns() -> impl Iterator<Item = u64> {
        std::iter::successors(Some(88_172_645_463_325_252_u64), |last| {
            let next = last ^ (last << 13);
            let next = next ^ (next >> 7);
            Some(next ^ (next << 17))
        })
    }

    #[test]
    fn numbers_that_json_lacks_are_texts() {
        for (value, text) in [(1.5, "1.5"), (f64::NEG_INFINITY, "\"-Infinity\""), (f64::NAN, "\"NaN\"")] {
            assert_eq!(written(value), text);
        }
    }

    #[test]
    fn the_short_way_reads_the_same_double_as_the_long_one() {
        for bits in patterns().take(20_000) {
            let text = format!("{}.{:0width$}", bits % 10_000, bits >> 32, width = (bits % 12) as usize);
            assert_eq!(f64(&text).to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
        }
        for (text, value) in
            [("-0.0", 0.0), ("-0e5", 0.0), ("-1e-400", -0.0), ("1e400", f64::INFINITY), ("0.0", 0.0)]
        {
            assert_eq!(f64(text).to_bits(), value.to_bits(), "{text}");
        }
    }

    #[test]
    fn integers_wrap_to_64_bits() {
        for (text, value) in [
            ("9223372036854775808", i64::MIN),
            ("12345678901234567890", -6_101_065_172_474_983_726),
            ("-123456789012345678901234567890", 4_362_896_299_872_285_998),
            ("-005", -5),
        ] {
            assert_eq!(wrapping_i64(text), value, "{text}");
        }
    }
}
