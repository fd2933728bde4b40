//! [`Decimal`]: an exact decimal number of any size.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use num_bigint::{BigInt, Sign};

use super::java;
use crate::{Error, Result};

/// An exact decimal: an unscaled integer of any size, and a scale. The number is `unscaled × 10^-scale`. Numbers whose
/// unscaled part fits in 64 bits need no allocation.
///
/// Equality is that of Java's `BigDecimal`: it includes the scale, so `1.0` differs from `1.00`.
///
/// ```
/// use connect_api::data::Decimal;
/// let price = Decimal::new(12345, 2);
/// assert_eq!(price.to_string(), "123.45");
/// assert_eq!("123.45".parse::<Decimal>()?, price);
/// assert_ne!(Decimal::new(10, 1), Decimal::new(100, 2));
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[doc(alias = "BigDecimal")]
pub struct Decimal {
    unscaled: Unscaled,
    scale: i32,
}

/// `Big` is never used for what `Small` can hold, so that derived equality is right.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Unscaled {
    Small(i64),
    Big(Arc<BigInt>),
}

impl Decimal {
    /// A decimal of a small unscaled part.
    pub const fn new(unscaled: i64, scale: i32) -> Self {
        Self { unscaled: Unscaled::Small(unscaled), scale }
    }

    /// A decimal of any size. The big integer is a type of another crate and stays inside this one.
    pub(crate) fn from_big(unscaled: BigInt, scale: i32) -> Self {
        let unscaled = match i64::try_from(&unscaled) {
            Ok(small) => Unscaled::Small(small),
            Err(_) => Unscaled::Big(Arc::new(unscaled)),
        };
        Self { unscaled, scale }
    }

    /// The scale: the number of digits after the point, negative for trailing zeros before it.
    pub fn scale(&self) -> i32 {
        self.scale
    }

    /// The unscaled part, if it fits in 64 bits.
    pub fn unscaled_i64(&self) -> Option<i64> {
        match &self.unscaled {
            Unscaled::Small(small) => Some(*small),
            Unscaled::Big(_) => None,
        }
    }

    /// The digits of the unscaled part, with a sign if it is negative.
    ///
    /// ```
    /// use connect_api::data::Decimal;
    /// assert_eq!(Decimal::new(-150, 2).unscaled_text(), "-150");
    /// ```
    pub fn unscaled_text(&self) -> String {
        self.unscaled().to_string()
    }

    pub(crate) fn unscaled(&self) -> Cow<'_, BigInt> {
        match &self.unscaled {
            Unscaled::Small(small) => Cow::Owned(BigInt::from(*small)),
            Unscaled::Big(big) => Cow::Borrowed(big),
        }
    }

    /// Whether it is zero, of any scale.
    pub fn is_zero(&self) -> bool {
        self.unscaled == Unscaled::Small(0)
    }

    /// -1, 0 or 1.
    pub fn signum(&self) -> i32 {
        match &self.unscaled {
            Unscaled::Small(small) => small.signum() as i32,
            Unscaled::Big(big) => {
                if big.sign() == Sign::Minus {
                    -1
                } else {
                    1
                }
            }
        }
    }

    /// The number of decimal digits of the unscaled part; 1 for zero.
    pub fn precision(&self) -> usize {
        self.digits().len()
    }

    fn digits(&self) -> String {
        match &self.unscaled {
            Unscaled::Small(small) => small.unsigned_abs().to_string(),
            Unscaled::Big(big) => big.magnitude().to_string(),
        }
    }

    /// The unscaled part as Connect's `Decimal` schema carries it: two's complement, most significant byte first, as
    /// few bytes as possible.
    ///
    /// ```
    /// use connect_api::data::Decimal;
    /// assert_eq!(Decimal::new(-129, 0).to_be_bytes(), [0xff, 0x7f]);
    /// assert_eq!(Decimal::from_be_bytes(&[0xff, 0x7f], 1), Decimal::new(-129, 1));
    /// ```
    pub fn to_be_bytes(&self) -> Vec<u8> {
        match &self.unscaled {
            Unscaled::Small(small) => {
                let bytes = small.to_be_bytes();
                let fill = if *small < 0 { 0xff } else { 0 };
                let mut start = 0;
                while start < 7 && bytes[start] == fill && (bytes[start + 1] ^ fill) & 0x80 == 0 {
                    start += 1;
                }
                bytes[start..].to_vec()
            }
            Unscaled::Big(big) => big.to_signed_bytes_be(),
        }
    }

    /// The opposite of [`to_be_bytes`](Self::to_be_bytes). No bytes mean zero.
    pub fn from_be_bytes(unscaled: &[u8], scale: i32) -> Self {
        if unscaled.len() > 8 {
            return Self::from_big(BigInt::from_signed_bytes_be(unscaled), scale);
        }
        let fill = if unscaled.first().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        let mut bytes = [fill; 8];
        bytes[8 - unscaled.len()..].copy_from_slice(unscaled);
        Self::new(i64::from_be_bytes(bytes), scale)
    }

    /// The nearest double; infinite when out of range.
    pub fn to_f64(&self) -> f64 {
        // The text carries the exact value, and Rust's reading of it is correctly rounded.
        self.scientific().parse().unwrap_or(f64::NAN)
    }

    /// The nearest float; infinite when out of range.
    pub fn to_f32(&self) -> f32 {
        self.scientific().parse().unwrap_or(f32::NAN)
    }

    fn scientific(&self) -> String {
        format!("{}e{}", self.unscaled(), -i64::from(self.scale))
    }

    /// The whole part, towards zero; `None` when the exponent is so large that computing it makes no sense.
    pub(crate) fn to_big_integer(&self) -> Option<BigInt> {
        const LIMIT: u32 = 100_000;
        let ten = BigInt::from(10);
        if self.is_zero() {
            return Some(BigInt::ZERO);
        }
        if self.scale <= 0 {
            let exponent = self.scale.unsigned_abs();
            return (exponent <= LIMIT).then(|| self.unscaled().as_ref() * ten.pow(exponent));
        }
        let exponent = self.scale.unsigned_abs();
        if u32::try_from(self.precision()).is_ok_and(|precision| precision <= exponent) {
            return Some(BigInt::ZERO);
        }
        Some(self.unscaled().as_ref() / ten.pow(exponent))
    }

    /// The whole part as Java's `BigDecimal.longValue` gives it: towards zero, then the low 64 bits.
    pub fn to_i64_wrapping(&self) -> i64 {
        let whole = match (&self.unscaled, self.scale) {
            (Unscaled::Small(small), 0) => return *small,
            // Ten to the 64th and beyond has no bits in the low 64.
            (_, scale) if scale <= -64 => return 0,
            _ => self.to_big_integer().unwrap_or_default(),
        };
        low_64_bits(&whole)
    }

    /// The same number without zeros at the end of its unscaled part; zero gets scale 0.
    #[must_use]
    pub fn strip_trailing_zeros(&self) -> Self {
        if self.is_zero() {
            return Self::new(0, 0);
        }
        let digits = self.digits();
        let kept = digits.trim_end_matches('0').len();
        let zeros = i32::try_from(digits.len() - kept).unwrap_or(i32::MAX);
        let zeros = zeros.min(self.scale.saturating_sub(i32::MIN));
        if zeros == 0 {
            return self.clone();
        }
        let unscaled = self.unscaled().as_ref() / BigInt::from(10).pow(zeros.unsigned_abs());
        Self::from_big(unscaled, self.scale - zeros)
    }

    /// The digits without an exponent: Java's `toPlainString`.
    ///
    /// ```
    /// use connect_api::data::Decimal;
    /// assert_eq!(Decimal::new(5, -3).to_string(), "5E+3");
    /// assert_eq!(Decimal::new(5, -3).to_plain_string(), "5000");
    /// ```
    pub fn to_plain_string(&self) -> String {
        let digits = self.digits();
        let sign = if self.signum() < 0 { "-" } else { "" };
        let scale = i64::from(self.scale);
        if scale <= 0 {
            if self.is_zero() {
                return "0".to_owned();
            }
            return format!("{sign}{digits}{}", "0".repeat(usize::try_from(-scale).unwrap_or(0)));
        }
        let scale = usize::try_from(scale).unwrap_or(0);
        if digits.len() > scale {
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            format!("{sign}{whole}.{fraction}")
        } else {
            format!("{sign}0.{}{digits}", "0".repeat(scale - digits.len()))
        }
    }
}

fn low_64_bits(number: &BigInt) -> i64 {
    let bytes = number.to_signed_bytes_le();
    let fill = if number.sign() == Sign::Minus { 0xff } else { 0 };
    let mut low = [fill; 8];
    let kept = bytes.len().min(8);
    low[..kept].copy_from_slice(&bytes[..kept]);
    i64::from_le_bytes(low)
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self::new(value, 0)
    }
}

impl fmt::Display for Decimal {
    /// Java's `BigDecimal.toString`: plain digits, or with an exponent when the scale is negative or the number small.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        let scale = i64::from(self.scale);
        let adjusted = -scale + digits.len() as i64 - 1;
        if scale == 0 || (scale > 0 && adjusted >= -6) {
            if scale == 0 && self.signum() >= 0 {
                return f.write_str(&digits);
            }
            if scale == 0 {
                return write!(f, "-{digits}");
            }
            return f.write_str(&self.to_plain_string());
        }
        if self.signum() < 0 {
            f.write_str("-")?;
        }
        f.write_str(&digits[..1])?;
        if digits.len() > 1 {
            write!(f, ".{}", &digits[1..])?;
        }
        if adjusted != 0 { write!(f, "E{adjusted:+}") } else { Ok(()) }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({self})")
    }
}

impl FromStr for Decimal {
    type Err = Error;

    /// The grammar of Java's `BigDecimal`: sign, digits with an optional point, exponent. No white space.
    fn from_str(text: &str) -> Result<Self> {
        parse(&java::ascii_digits(text)).ok_or_else(|| not_a_number(text))
    }
}

/// In Java's words, where it has any.
#[cold]
fn not_a_number(text: &str) -> Error {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let message = match digits.chars().find(|c| !c.is_ascii_digit() && *c != '.') {
        Some(bad) if !matches!(bad, 'e' | 'E') => format!(
            "Character {bad} is neither a decimal digit number, decimal point, nor \"e\" notation exponential mark."
        ),
        None if !text.is_empty() && !digits.contains(|c: char| c.is_ascii_digit()) => {
            "No digits found.".to_owned()
        }
        _ => format!("Not a decimal number: {text:?}"),
    };
    Error::data(message).with_java_class("java.lang.NumberFormatException")
}

fn parse(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.as_bytes().first()? {
        b'-' => (true, &mantissa[1..]),
        b'+' => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() + fraction.len() == 0
        || !whole.bytes().chain(fraction.bytes()).all(|digit| digit.is_ascii_digit())
    {
        return None;
    }
    let scale = i32::try_from(i64::try_from(fraction.len()).ok()? - exponent).ok()?;
    let number = if whole.len() + fraction.len() <= 18 {
        let small =
            whole.bytes().chain(fraction.bytes()).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        return Some(Decimal::new(if negative { -small } else { small }, scale));
    } else {
        let joined: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        BigInt::parse_bytes(&joined, 10)?
    };
    Some(Decimal::from_big(if negative { -number } else { number }, scale))
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    // Java takes at most ten significant digits here.
    let significant = digits.trim_start_matches('0');
    if digits.is_empty() || significant.len() > 10 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let exponent: i64 = if significant.is_empty() { 0 } else { significant.parse().ok()? };
    let exponent = if text.starts_with('-') { -exponent } else { exponent };
    // Java refuses an exponent beyond 32 bits even where the fraction would make up for it.
    i32::try_from(exponent).ok().map(i64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_that_of_big_decimal() {
        for (unscaled, scale, text, plain) in [
            (0, 0, "0", "0"),
            (0, 2, "0.00", "0.00"),
            (0, -2, "0E+2", "0"),
            (0, 7, "0E-7", "0.0000000"),
            (-5, 0, "-5", "-5"),
            (5, 6, "0.000005", "0.000005"),
            (5, 7, "5E-7", "0.0000005"),
            (-123, -2, "-1.23E+4", "-12300"),
            (-12345, 2, "-123.45", "-123.45"),
            (1, -400, "1E+400", &format!("1{}", "0".repeat(400))),
        ] {
            let decimal = Decimal::new(unscaled, scale);
            assert_eq!(decimal.to_string(), text);
            assert_eq!(decimal.to_plain_string(), plain);
            assert_eq!(text.parse::<Decimal>().unwrap(), decimal);
        }
    }

    #[test]
    fn reading_takes_what_java_takes() {
        for (text, expected) in
            [("5.", "5"), (".5", "0.5"), ("+1e2", "1E+2"), ("-0.0", "0.0"), ("1E-0003", "0.001")]
        {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), expected);
        }
        for text in [
            "",
            "+",
            ".",
            "1e",
            "1e+",
            " 1",
            "1 ",
            "0x1",
            "1_0",
            "1e99999999999",
            "--1",
            "1.2.3",
            "1e2147483649",
        ] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_are_the_fewest_that_hold_the_number() {
        for (number, bytes) in [
            (0, vec![0]),
            (127, vec![0x7f]),
            (128, vec![0, 0x80]),
            (-128, vec![0x80]),
            (-129, vec![0xff, 0x7f]),
            (i64::MIN, vec![0x80, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            assert_eq!(Decimal::new(number, 3).to_be_bytes(), bytes);
            assert_eq!(Decimal::from_be_bytes(&bytes, 3), Decimal::new(number, 3));
            assert_eq!(BigInt::from(number).to_signed_bytes_be(), bytes);
        }
        let big: Decimal = "-123456789012345678901234567890.12".parse().unwrap();
        assert_eq!(Decimal::from_be_bytes(&big.to_be_bytes(), 2), big);
        assert_eq!(Decimal::from_be_bytes(&[], 0), Decimal::new(0, 0));
    }

    #[test]
    fn narrowing_is_javas() {
        let value = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(value("-1.9").to_i64_wrapping(), -1);
        assert_eq!(value("18446744073709551617").to_i64_wrapping(), 1);
        assert_eq!(value("1e400").to_i64_wrapping(), 0);
        assert_eq!(value("1e2000000000").to_f64(), f64::INFINITY);
        assert_eq!(value("0.1").to_f64(), 0.1);
        assert_eq!(value("1e-2000000000").to_i64_wrapping(), 0);
        assert_eq!(value("100.00").strip_trailing_zeros(), Decimal::new(1, -2));
    }
}
