//! Numbers as Java writes them.

use std::fmt::{self, LowerExp, Write as _};

/// Powers of ten, exact as doubles.
const POWERS: [f64; 5] = [1e0, 1e1, 1e2, 1e3, 1e4];

/// What Java's `Float.toString` writes: `1.0`, `1.0E10`, `1.0E-4`, `NaN`.
///
/// The digits are the fewest that identify the number, as in JDK 19 and later. Older releases write other digits for
/// some numbers, such as `1.9999999999999998E23` for `2.0E23`: of random bit patterns JDK 17 does so for about one
/// double in 500 and one float in 10.
pub fn float_to_string(value: f32) -> String {
    text(|out| write_float(out, value))
}

/// What Java's `Double.toString` writes, with the same note.
///
/// ```
/// use connect_api::data::java::double_to_string;
/// assert_eq!(double_to_string(1e7), "1.0E7");
/// assert_eq!(double_to_string(0.001), "0.001");
/// ```
pub fn double_to_string(value: f64) -> String {
    text(|out| write_double(out, value))
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(24);
    write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Appends an integer.
#[inline]
pub fn write_int(out: &mut Vec<u8>, value: i64) {
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

/// Appends what [`double_to_string`] gives.
pub fn write_double(out: &mut Vec<u8>, value: f64) {
    if write_short(out, value) {
        return;
    }
    match special(value) {
        Some(text) => out.extend_from_slice(text),
        None => write_long(out, value, |text| text.parse() == Ok(value)),
    }
}

/// Appends what [`float_to_string`] gives.
pub fn write_float(out: &mut Vec<u8>, value: f32) {
    match special(f64::from(value)) {
        Some(text) => out.extend_from_slice(text),
        None => write_long(out, value, |text| text.parse() == Ok(value)),
    }
}

fn special(value: f64) -> Option<&'static [u8]> {
    if value.is_nan() {
        Some(b"NaN")
    } else if value == f64::INFINITY {
        Some(b"Infinity")
    } else if value == f64::NEG_INFINITY {
        Some(b"-Infinity")
    } else {
        None
    }
}

/// Appends a double with at most four digits behind the point and none more than 15 in all. A decimal of that length is
/// the only one of at most 15 digits that reads as this double, hence the shortest.
#[inline]
fn write_short(out: &mut Vec<u8>, value: f64) -> bool {
    let size = value.abs();
    if !(1e-3..1e7).contains(&size) {
        return false;
    }
    for (places, power) in POWERS.into_iter().enumerate() {
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

/// Appends a number in Java's notation. Its digits are those that Java has since release 19: the fewest that read as the
/// same number, but if one would do, the two that come nearest (`4.9E-324`).
fn write_long<F: LowerExp>(out: &mut Vec<u8>, value: F, reads_the_same: impl Fn(&str) -> bool) {
    let mut text = Short::of(format_args!("{value:e}"));
    if !text.as_str().contains('.') {
        let two = Short::of(format_args!("{value:.1e}"));
        if reads_the_same(two.as_str()) && !two.as_str().contains(".0e") {
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
        write_int(out, exponent.into());
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
    use super::*;

    /// The same by way of Rust's texts, slowly.
    fn slow(value: f64) -> String {
        notation(value.is_nan(), value.is_infinite(), value.is_sign_negative(), value == 0.0, || {
            let value = value.abs();
            let shortest = format!("{value:e}");
            two_digits(&shortest, || format!("{value:.1e}"), |text| text.parse() == Ok(value))
                .unwrap_or(shortest)
        })
    }

    /// Java writes two digits at least, so where one would do it takes the nearest of two: `4.9E-324`, not `5.0E-324`.
    fn two_digits(
        shortest: &str,
        nearest: impl Fn() -> String,
        same: impl Fn(&str) -> bool,
    ) -> Option<String> {
        if shortest.contains('.') {
            return None;
        }
        Some(nearest()).filter(|nearest| same(nearest) && !nearest.contains(".0e"))
    }

    fn notation(
        nan: bool,
        infinite: bool,
        negative: bool,
        zero: bool,
        shortest: impl Fn() -> String,
    ) -> String {
        if nan {
            return "NaN".to_owned();
        }
        let mut text = String::with_capacity(24);
        if negative {
            text.push('-');
        }
        if infinite {
            text.push_str("Infinity");
            return text;
        }
        if zero {
            text.push_str("0.0");
            return text;
        }
        // Rust writes `d.ddde±x` with the fewest digits.
        let shortest = shortest();
        let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if !(-3..7).contains(&exponent) {
            text.push_str(first);
            text.push('.');
            text.push_str(if rest.is_empty() { "0" } else { rest });
            text.push('E');
            text.push_str(&exponent.to_string());
        } else if exponent < 0 {
            text.push_str("0.");
            (1..-exponent).for_each(|_| text.push('0'));
            text.push_str(first);
            text.push_str(rest);
        } else {
            let whole = exponent.unsigned_abs() as usize;
            text.push_str(first);
            if rest.len() > whole {
                text.push_str(&rest[..whole]);
                text.push('.');
                text.push_str(&rest[whole..]);
            } else {
                text.push_str(rest);
                (rest.len()..whole).for_each(|_| text.push('0'));
                text.push_str(".0");
            }
        }
        text
    }

    #[test]
    fn doubles_have_javas_notation() {
        for (value, text) in [
            (1.0, "1.0"),
            (1.5, "1.5"),
            (-0.0, "-0.0"),
            (0.001, "0.001"),
            (0.000_123, "1.23E-4"),
            (1e7, "1.0E7"),
            (9_999_999.0, "9999999.0"),
            (1_234_567.25, "1234567.25"),
            (1.5e300, "1.5E300"),
            (100.0, "100.0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (5e-324, "4.9E-324"),
            (2e23, "2.0E23"),
        ] {
            assert_eq!(double_to_string(value), text);
        }
        for (value, text) in [(0.1, "0.1"), (0.5, "0.5"), (100.0, "100.0"), (0.25, "0.25")] {
            assert_eq!(float_to_string(value), text);
        }
        assert_eq!(float_to_string(1e-45), "1.4E-45");
        assert_eq!(float_to_string(16_777_216.0), "1.6777216E7");
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
    fn the_fast_ways_write_what_the_slow_one_does() {
        for value in
            [0.0, -0.0, 1.0, -1.0, 0.001, 0.0009, 9_999_999.0, 1e7, 1234.5678, 1234.56789, 0.1 + 0.2, 1e300]
        {
            assert_eq!(double_to_string(value), slow(value));
        }
        for bits in patterns().take(20_000) {
            let value = f64::from_bits(bits);
            assert_eq!(double_to_string(value), slow(value));
            let amount = (bits % 10_000_000) as f64 / [1e0, 1e1, 1e2, 1e3, 1e4, 1e5][(bits % 6) as usize];
            assert_eq!(double_to_string(-amount), slow(-amount));
        }
    }

    #[test]
    fn integers_are_written_as_rust_writes_them() {
        for value in [0, 7, 10, 99, 100, 12_345, i64::MAX, i64::MIN, -1] {
            assert_eq!(text(|out| write_int(out, value)), value.to_string());
        }
    }
}
