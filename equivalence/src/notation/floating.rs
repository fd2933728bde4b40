//! The digits that Java 17 gives a float, as far as they can be told apart in a JSON number.
//!
//! Later releases write the fewest digits that identify a number, and so does [`connect_api::data::java`]. Java 17
//! sometimes writes others: `2.0E-3` is the same everywhere, but of the float 123456792 it writes all digits where
//! 1.2345679E8 would do. The genuine answers that cases are compared with come from Java 17, and as JSON numbers the two
//! differ.

use connect_api::data::Decimal;
use num_bigint::BigInt;

/// A finite single, exactly as Java 17 writes it.
pub(super) fn of_single(value: f32) -> Decimal {
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 23 & 0xff) as i32, u64::from(bits & 0x7f_ffff));
    signed(value.is_sign_negative(), digits(exponent, 127, fraction << 29, 24))
}

/// A finite double, exactly as Java 17 writes it.
pub(super) fn of_double(value: f64) -> Decimal {
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i32, bits & (HIDDEN - 1));
    signed(value.is_sign_negative(), digits(exponent, 1023, fraction, 53))
}

/// The bit before the fraction.
const HIDDEN: u64 = 1 << 52;

fn signed(negative: bool, (digits, exponent): (BigInt, i32)) -> Decimal {
    let digits = if negative { -digits } else { digits };
    Decimal::from_be_bytes(&digits.to_signed_bytes_be(), -exponent)
}

/// Brings the parts of a number to a fraction with its hidden bit, and develops its digits. `precision` is that of the
/// type, hidden bit included.
fn digits(exponent: i32, bias: i32, fraction: u64, precision: i32) -> (BigInt, i32) {
    match (exponent, fraction) {
        (0, 0) => (BigInt::ZERO, 0),
        (0, _) => {
            let shift = fraction.leading_zeros() as i32 - 11;
            develop(1 - shift - bias, fraction << shift, precision - shift)
        }
        _ => develop(exponent - bias, fraction | HIDDEN, precision),
    }
}

/// The digits and the power of ten that they are to be multiplied with. `fraction` has 53 bits, the first of them set;
/// `significant` of them mean something.
fn develop(exponent: i32, fraction: u64, significant: i32) -> (BigInt, i32) {
    let tail = fraction.trailing_zeros() as i32;
    let bits = 53 - tail;
    let tiny = (bits - exponent - 1).max(0);
    if (-21..=62).contains(&exponent) && tiny == 0 {
        let whole = if exponent >= 52 { fraction << (exponent - 52) } else { fraction >> (52 - exponent) };
        return whole_digits(whole, if exponent > significant { exponent - significant - 1 } else { 0 });
    }
    let mut decimal = estimate(exponent, fraction);
    // Powers of two and five of the number, of the unit that it is divided by, and of half its last place.
    let five = (-decimal).max(0);
    let (mut two, unit_five) = (five + tiny + exponent, decimal.max(0));
    let mut unit_two = unit_five + tiny;
    let mut half_two = two - significant;
    two -= bits - 1;
    let common = two.min(unit_two);
    two -= common;
    unit_two -= common;
    half_two -= common;
    if bits == 1 {
        half_two -= 1;
    }
    if half_two < 0 {
        two -= half_two;
        unit_two -= half_two;
        half_two = 0;
    }
    let in_long = bits + two + bits_of_five(five) < 64 && unit_two + 1 + bits_of_five(unit_five + 1) < 64;
    let ten = BigInt::from(10);
    let mut number = BigInt::from(fraction >> tail) * power(five, two);
    let unit = power(unit_five, unit_two);
    let tens = &unit * &ten;
    let mut half = power(five, half_two);
    let (mut low, mut high) = (false, false);
    let mut next = |low: &mut bool, high: &mut bool| {
        let digit = &number / &unit;
        number = &ten * (&number - &digit * &unit);
        half = &half * &ten;
        *low = number < half;
        let above = &number + &half;
        // Small numbers and large ones stop differently when there is a tie.
        *high = above > tens || !in_long && above == tens;
        (digit, (&number + &number).cmp(&tens))
    };
    let (mut digits, mut side) = next(&mut low, &mut high);
    let mut count = 1;
    if digits == BigInt::ZERO && !high {
        decimal -= 1;
        count = 0;
    }
    if !(-3..8).contains(&decimal) {
        (low, high) = (false, false);
    }
    while !low && !high {
        let (digit, new_side) = next(&mut low, &mut high);
        digits = digits * &ten + digit;
        side = new_side;
        count += 1;
    }
    let up = match (high, low, side) {
        (false, ..) => false,
        (true, false, _) | (true, true, std::cmp::Ordering::Greater) => true,
        (true, true, std::cmp::Ordering::Equal) => digits.bit(0),
        (true, true, std::cmp::Ordering::Less) => false,
    };
    if up {
        digits += 1;
    }
    (digits, decimal + 1 - count)
}

/// The digits of an integer, without those that `spare` bits beyond the precision make up.
fn whole_digits(whole: u64, spare: i32) -> (BigInt, i32) {
    // Powers of two up to the second are worth no digit.
    let insignificant = if spare > 1 { (f64::from(spare) * std::f64::consts::LOG10_2) as u32 } else { 0 };
    let unit = 10_u64.pow(insignificant);
    let round_up = insignificant > 0 && whole % unit >= unit / 2;
    (BigInt::from(whole / unit + u64::from(round_up)), insignificant as i32)
}

/// About the decimal exponent, at most one too high.
#[expect(clippy::approx_constant, reason = "the digits are Java's")]
fn estimate(exponent: i32, fraction: u64) -> i32 {
    let mantissa = f64::from_bits(1023 << 52 | fraction & (HIDDEN - 1));
    let estimate = (mantissa - 1.5) * 0.289529654 + 0.176091259 + f64::from(exponent) * 0.301029995663981;
    estimate.floor() as i32
}

fn power(five: i32, two: i32) -> BigInt {
    BigInt::from(5).pow(five.unsigned_abs()) << two
}

/// How many bits a power of five takes, as Java counts them.
fn bits_of_five(power: i32) -> i32 {
    match power {
        0 => 0,
        1..=26 => (f64::from(power) * std::f64::consts::LOG2_10 - f64::from(power)) as i32 + 1,
        _ => power * 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_those_of_java_17() {
        for (value, text) in [
            (2e23, "1.9999999999999998E+23"),
            (6_406_894_399_171_256_725_u64 as f64, "6406894399171256300"),
            (0.1, "0.1"),
            (1e22, "1.0E+22"),
            (4.9e-324, "4.9E-324"),
            (f64::MAX, "1.7976931348623157E+308"),
            (-123.456, "-123.456"),
        ] {
            let expected: Decimal = text.parse().unwrap();
            assert_eq!(of_double(value).strip_trailing_zeros(), expected.strip_trailing_zeros(), "{text}");
        }
        assert_eq!(of_single(123_456_792.0).to_plain_string(), "123456792");
        assert_eq!(of_single(1e13).to_plain_string(), "9999999800000");
        assert_eq!(of_single(0.1).to_plain_string(), "0.1");
    }
}
