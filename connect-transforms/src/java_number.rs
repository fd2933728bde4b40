//! Numbers from text, as Java's `parseInt`, `parseFloat` and their kin read them. The error is the message of Java's
//! `NumberFormatException`.

use connect_api::data::java::digit;

/// A decimal integer of so many bits: a sign, and digits of any script. Spaces are not allowed.
pub(crate) fn parse_int(text: &str, bits: u32) -> Result<i64, String> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let parsed = digits.chars().try_fold(0_i64, |sum, character| {
        let digit = i64::from(digit(character)?);
        let ten = sum.checked_mul(10)?;
        if negative { ten.checked_sub(digit) } else { ten.checked_add(digit) }
    });
    let within = |number: i64, bits: u32| number == number << (64 - bits) >> (64 - bits);
    match parsed {
        // Java reads the two short types as 32 bits first.
        Some(number) if !digits.is_empty() && within(number, bits.max(32)) => match within(number, bits) {
            true => Ok(number),
            false => Err(format!("Value out of range. Value:\"{text}\" Radix:10")),
        },
        _ => Err(format!("For input string: \"{text}\"")),
    }
}

/// A number of double precision: decimal or hexadecimal, with spaces around it and a letter for its type at the end.
pub(crate) fn parse_double(text: &str) -> Result<f64, String> {
    match grammar(text)? {
        Number::Decimal(number) => number.parse().map_err(|_| not_a_number(text)),
        Number::Hex(hex) => Ok(f64::from_bits(hex.negative_bit(63) | hex.bits(53, -1074, 0x7ff))),
    }
}

/// The same of single precision.
pub(crate) fn parse_float(text: &str) -> Result<f32, String> {
    match grammar(text)? {
        Number::Decimal(number) => number.parse().map_err(|_| not_a_number(text)),
        Number::Hex(hex) => Ok(f32::from_bits((hex.negative_bit(31) | hex.bits(24, -149, 0xff)) as u32)),
    }
}

enum Number<'a> {
    /// In a form that Rust reads, too.
    Decimal(&'a str),
    Hex(Hex),
}

fn not_a_number(text: &str) -> String {
    format!("For input string: \"{text}\"")
}

fn grammar(text: &str) -> Result<Number<'_>, String> {
    let trimmed = text.trim_matches(|c| c <= ' ');
    if trimmed.is_empty() {
        return Err("empty String".to_owned());
    }
    let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if matches!(unsigned, "NaN" | "Infinity") {
        return Ok(Number::Decimal(trimmed));
    }
    if let Some(hex) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let hex = Hex::read(hex, trimmed.starts_with('-'));
        return hex.map(Number::Hex).ok_or_else(|| not_a_number(text));
    }
    let number = trimmed.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(trimmed);
    let unsigned = number.strip_prefix(['+', '-']).unwrap_or(number);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_is_good = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    match whole.len() + fraction.len() > 0 && digits(whole) && digits(fraction) && exponent_is_good {
        true => Ok(Number::Decimal(number)),
        false => Err(not_a_number(text)),
    }
}

/// A hexadecimal number: `0x1.8p3`.
struct Hex {
    negative: bool,
    /// The first digits, and whether any after them is not zero.
    head: u64,
    more: bool,
    /// Of two.
    exponent: i64,
}

impl Hex {
    fn read(text: &str, negative: bool) -> Option<Self> {
        let (mantissa, exponent) = text.split_once(['p', 'P'])?;
        let exponent = exponent.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(exponent);
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // Larger ones change nothing, unless the mantissa has millions of digits.
        let size = digits.parse::<i64>().map_or(1 << 40, |size| size.min(1 << 40));
        let mut exponent = if exponent.starts_with('-') { -size } else { size };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.len() + fraction.len() == 0 {
            return None;
        }
        let (mut head, mut more) = (0_u64, false);
        for (place, digit) in whole.bytes().chain(fraction.bytes()).enumerate() {
            let digit = char::from(digit).to_digit(16)?;
            if head >> 60 == 0 {
                head = head << 4 | u64::from(digit);
                exponent -= if place < whole.len() { 0 } else { 4 };
            } else {
                more |= digit > 0;
                exponent += if place < whole.len() { 4 } else { 0 };
            }
        }
        Some(Self { negative, head, more, exponent })
    }

    fn negative_bit(&self, place: u32) -> u64 {
        u64::from(self.negative) << place
    }

    /// The bits of the nearest number with so many bits of precision, without sign. `smallest` is the exponent of the
    /// smallest number, `infinite` the exponent field of infinity.
    fn bits(&self, precision: u32, smallest: i64, infinite: u64) -> u64 {
        if self.head == 0 {
            return 0;
        }
        let length = i64::from(64 - self.head.leading_zeros());
        let unit = (self.exponent + length - i64::from(precision)).max(smallest);
        let dropped = unit - self.exponent;
        let rounded = if dropped <= 0 {
            self.head << -dropped
        } else {
            let head = u128::from(self.head) << 1 | u128::from(self.more);
            // With a digit more the last bit says on which side of the middle the rest is.
            let dropped = dropped.min(100) as u32 + 1;
            let half = 1_u128 << (dropped - 1);
            let (kept, rest) = (head >> dropped, head & ((half << 1) - 1));
            let up = rest > half || rest == half && kept & 1 == 1;
            kept as u64 + u64::from(up)
        };
        let field = u64::try_from(unit - smallest).unwrap_or(u64::MAX);
        let bits = field.min(infinite << 1).saturating_mul(1 << (precision - 1)).saturating_add(rounded);
        bits.min(infinite << (precision - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_a_sign_and_digits_only() {
        assert_eq!(parse_int("+7", 8), Ok(7));
        assert_eq!(parse_int("-128", 8), Ok(-128));
        assert_eq!(parse_int("١٢", 16), Ok(12));
        assert_eq!(parse_int("-9223372036854775808", 64), Ok(i64::MIN));
        assert_eq!(parse_int("200", 8).unwrap_err(), "Value out of range. Value:\"200\" Radix:10");
        for text in ["", "+", "-", " 1", "1 ", "1.0", "2147483648", "--1"] {
            assert_eq!(parse_int(text, 32).unwrap_err(), format!("For input string: \"{text}\""));
        }
    }

    #[test]
    fn floats_have_javas_grammar() {
        for (text, number) in [
            (" 1.5f ", 1.5),
            ("1.", 1.0),
            (".5D", 0.5),
            ("-1e3", -1000.0),
            ("1e999", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x1.8p1", 3.0),
            ("0x.1p4f", 1.0),
            ("-0x10p-4", -1.0),
            ("0x1p-1074", f64::from_bits(1)),
            ("0x1p-1075", 0.0),
            ("0x1.8p-1075", f64::from_bits(1)),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0x1.fffffffffffff8p1023", f64::INFINITY),
            ("0x1p99999999999999999999", f64::INFINITY),
            ("0x1p-99999999999999999999", 0.0),
            ("0x10000000000000000000000001p0", 2_f64.powi(100)),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000080000001p0", 1.0 + f64::EPSILON),
        ] {
            assert_eq!(parse_double(text), Ok(number), "{text}");
        }
        assert!(parse_double("NaN").unwrap().is_nan());
        assert_eq!(parse_double(" ").unwrap_err(), "empty String");
        for text in ["x", "1 2", "inf", "nan", "1_0", "e5", ".", "1e", "0x1", "0xp1", "NaNf", "1ff", "١"] {
            assert!(parse_double(text).is_err(), "{text}");
        }
        assert_eq!(parse_float("0x1p-149"), Ok(f32::from_bits(1)));
        assert_eq!(parse_float("0x1.000001p0"), Ok(1.0));
        assert_eq!(parse_float("1e39"), Ok(f32::INFINITY));
    }
}
