//! Numbers: from JSON as Java reads them, to JSON as Java writes them.

use std::fmt::{self, LowerExp, Write as _};
use std::str::FromStr;

use connect_api::data::Decimal;

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

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Writes an integer.
#[inline]
pub(super) fn write_i64(out: &mut Vec<u8>, value: i64) {
    let mut buffer = [0_u8; 20];
    let at = digits(&mut buffer, value.unsigned_abs());
    let at = if value < 0 {
        buffer[at - 1] = b'-';
        at - 1
    } else {
        at
    };
    out.extend_from_slice(&buffer[at..]);
}

/// Puts digits at the end of the buffer, and gives the offset of the first. Place for a sign remains.
#[inline]
fn digits(buffer: &mut [u8; 20], mut rest: u64) -> usize {
    let mut at = buffer.len();
    while rest >= 100 {
        let pair = (rest % 100) as usize * 2;
        rest /= 100;
        at -= 2;
        buffer[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if rest >= 10 {
        let pair = rest as usize * 2;
        at -= 2;
        buffer[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    } else {
        at -= 1;
        buffer[at] = b'0' + rest as u8;
    }
    at
}

/// Writes a double in Java's notation. The numbers that JSON has no form for are written as text.
pub(super) fn write_f64(out: &mut Vec<u8>, value: f64) {
    if !write_short(out, value) {
        match special(value) {
            Some(text) => out.extend_from_slice(text),
            None => write_java(out, value, |text| text.parse() == Ok(value)),
        }
    }
}

/// Writes a float in the same way.
pub(super) fn write_f32(out: &mut Vec<u8>, value: f32) {
    match special(f64::from(value)) {
        Some(text) => out.extend_from_slice(text),
        None => write_java(out, value, |text| text.parse() == Ok(value)),
    }
}

fn special(value: f64) -> Option<&'static [u8]> {
    if value.is_nan() {
        Some(b"\"NaN\"")
    } else if value == f64::INFINITY {
        Some(b"\"Infinity\"")
    } else if value == f64::NEG_INFINITY {
        Some(b"\"-Infinity\"")
    } else {
        None
    }
}

/// Writes a double with at most four digits behind the point and none more than 15 in all. A decimal of that length is
/// the only one of at most 15 digits that reads as this double, hence the shortest.
#[inline]
fn write_short(out: &mut Vec<u8>, value: f64) -> bool {
    let size = value.abs();
    if !(1e-3..1e7).contains(&size) {
        return false;
    }
    for (places, power) in POWERS.into_iter().enumerate().take(5) {
        let scaled = (size * power).round();
        if scaled / power == size {
            let scaled = scaled as u64;
            let power = power as u64;
            if value < 0.0 {
                out.extend_from_slice(b"-");
            }
            let mut buffer = [0_u8; 20];
            let at = digits(&mut buffer, scaled / power);
            out.extend_from_slice(&buffer[at..]);
            // One digit more than the places, so that leading zeros are written.
            let at = digits(&mut buffer, power + scaled % power) + 1;
            out.extend_from_slice(b".");
            out.extend_from_slice(if places == 0 { b"0" } else { &buffer[at..] });
            return true;
        }
    }
    false
}

/// Writes a number in Java's notation. Its digits are those that Java has since release 19: the fewest that read as the
/// same number, but if one would do, the two that come nearest (`4.9E-324`).
fn write_java<F: LowerExp>(out: &mut Vec<u8>, value: F, reads_the_same: impl Fn(&str) -> bool) {
    let mut text = Short::of(format_args!("{value:e}"));
    if !text.as_str().contains('.') {
        let two = Short::of(format_args!("{value:.1e}"));
        if reads_the_same(two.as_str()) {
            text = two;
        }
    }
    let text = text.as_str();
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if negative {
        out.extend_from_slice(b"-");
    }
    if first == "0" {
        out.extend_from_slice(b"0.0");
    } else if !(-3..7).contains(&exponent) {
        out.extend_from_slice(first.as_bytes());
        out.extend_from_slice(b".");
        out.extend_from_slice(if rest.is_empty() { b"0" } else { rest.as_bytes() });
        out.extend_from_slice(b"E");
        write_i64(out, exponent.into());
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        (1..-exponent).for_each(|_| out.extend_from_slice(b"0"));
        out.extend_from_slice(first.as_bytes());
        out.extend_from_slice(rest.as_bytes());
    } else {
        let whole = exponent.unsigned_abs() as usize;
        out.extend_from_slice(first.as_bytes());
        if rest.len() > whole {
            out.extend_from_slice(&rest.as_bytes()[..whole]);
            out.extend_from_slice(b".");
            out.extend_from_slice(&rest.as_bytes()[whole..]);
        } else {
            out.extend_from_slice(rest.as_bytes());
            (rest.len()..whole).for_each(|_| out.extend_from_slice(b"0"));
            out.extend_from_slice(b".0");
        }
    }
}

/// Room for the text of one float: 17 digits, point, sign and exponent.
#[derive(Default)]
struct Short {
    bytes: [u8; 32],
    length: usize,
}

impl Short {
    fn of(text: fmt::Arguments<'_>) -> Self {
        let mut short = Self::default();
        let _ = short.write_fmt(text);
        short
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or("0")
    }
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use connect_api::data::java;

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
    fn doubles_are_written_as_java_writes_them() {
        for value in
            [0.0, -0.0, 1.0, -1.0, 0.001, 0.0009, 9_999_999.0, 1e7, 1234.5678, 1234.56789, 0.1 + 0.2, 1e300]
        {
            assert_eq!(written(value), java::double_to_string(value));
        }
        for bits in patterns().take(20_000) {
            let value = f64::from_bits(bits);
            if value.is_finite() {
                assert_eq!(written(value), java::double_to_string(value));
            }
            let amount = (bits % 10_000_000) as f64 / POWERS[(bits % 6) as usize];
            assert_eq!(written(-amount), java::double_to_string(-amount));
        }
        assert_eq!(written(f64::NEG_INFINITY), "\"-Infinity\"");
        for (value, text) in
            [(5e-324, "4.9E-324"), (1e-323, "9.9E-324"), (2e-3, "0.002"), (-2e-300, "-2.0E-300")]
        {
            assert_eq!(written(value), text);
        }
        let mut out = Vec::new();
        write_f32(&mut out, 1e-45);
        assert_eq!(&out[..], b"1.4E-45");
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
        for value in [0, 7, 10, 99, 100, 12_345, i64::MAX, i64::MIN, -1] {
            let mut out = Vec::new();
            write_i64(&mut out, value);
            assert_eq!(out, value.to_string().as_bytes());
        }
    }
}
