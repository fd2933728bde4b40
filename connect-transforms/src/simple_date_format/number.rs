//! Numbers, as Java's `NumberFormat` reads integers in English: with a minus sign before, digits of any script, and an
//! exponent.

use connect_api::data::java::digit;

/// Digits without the zeros before them.
#[derive(Default)]
struct Digits {
    found: bool,
    /// The number of digits after leading zeros.
    count: usize,
    /// The number that the first 19 of them are.
    head: u64,
    end: usize,
}

/// The most digits of a number that may fit in 64 bits.
const LONG: usize = 19;

fn digits(text: &str, from: usize) -> Digits {
    let mut all = Digits { end: from, ..Digits::default() };
    for character in text[from..].chars() {
        let Some(digit) = digit(character) else { break };
        all.found = true;
        all.end += character.len_utf8();
        if all.count > 0 || digit > 0 {
            if all.count < LONG {
                all.head = all.head * 10 + u64::from(digit);
            }
            all.count += 1;
        }
    }
    all
}

/// The number at a place and where it ends. It is cut to 32 bits as Java cuts it: 64-bit integers lose their high bits,
/// everything larger is the largest number.
pub(super) fn parse(text: &str, at: usize) -> Option<(i32, usize)> {
    let rest = text.get(at..)?;
    if rest.starts_with("NaN") {
        return Some((0, at + 3));
    }
    let negative = rest.starts_with('-');
    let start = at + usize::from(negative);
    let largest = if negative { i32::MIN } else { i32::MAX };
    if text[start..].starts_with('∞') {
        return Some((largest, start + '∞'.len_utf8()));
    }
    let digits = digits(text, start);
    if !digits.found {
        return None;
    }
    if let Some((exponent, end)) = exponent(text, digits.end) {
        return Some((scaled(&text[start..digits.end], negative, exponent), end));
    }
    let number = if digits.count > LONG { None } else { as_long(digits.head, negative) };
    Some((number.map_or(largest, |number| number as i32), digits.end))
}

fn as_long(number: u64, negative: bool) -> Option<i64> {
    let number = i128::from(number);
    i64::try_from(if negative { -number } else { number }).ok()
}

/// An exponent and where it ends.
fn exponent(text: &str, at: usize) -> Option<(i32, usize)> {
    let rest = text[at..].strip_prefix('E')?;
    let negative = rest.starts_with('-');
    let digits = digits(text, at + 1 + usize::from(negative));
    if !digits.found || digits.count > LONG {
        return None;
    }
    let exponent = as_long(digits.head, false)? as i32;
    Some((if negative { exponent.wrapping_neg() } else { exponent }, digits.end))
}

/// A number with an exponent.
fn scaled(digits: &str, negative: bool, exponent: i32) -> i32 {
    let digits: String = digits.chars().filter_map(|c| char::from_digit(digit(c)?, 10)).collect();
    let digits = digits.trim_start_matches('0');
    let kept = digits.trim_end_matches('0');
    if kept.is_empty() {
        return 0;
    }
    let point = i32::try_from(digits.len()).unwrap_or(i32::MAX).wrapping_add(exponent);
    let sign = if negative { "-" } else { "" };
    let whole = usize::try_from(point).ok().filter(|point| (kept.len()..=LONG).contains(point));
    let whole = whole.and_then(|point| format!("{sign}{kept:0<point$}").parse::<i64>().ok());
    match whole {
        Some(number) => number as i32,
        // The conversion keeps to the limits of 32 bits, as Java's does.
        None => format!("{sign}0.{kept}e{point}").parse::<f64>().unwrap_or_default() as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_java_reads_them() {
        for (text, number, end) in [
            ("007x", 7, 3),
            ("-5", -5, 2),
            ("99999999999", 1_215_752_191, 11),
            ("99999999999999999999", i32::MAX, 20),
            ("-99999999999999999999", i32::MIN, 21),
            ("2E3", 2000, 3),
            ("1E-3", 0, 4),
            ("25E-1", 2, 5),
            ("1E4294967296", 1, 12),
            ("1e3", 1, 1),
            ("1E", 1, 1),
            ("0E99", 0, 4),
            ("9E99", i32::MAX, 4),
            ("NaN1", 0, 3),
            ("∞", i32::MAX, 3),
            ("١٢٣", 123, 6),
        ] {
            assert_eq!(parse(text, 0), Some((number, end)), "{text}");
        }
        for text in ["", "+1", "- 5", "E3", "x"] {
            assert_eq!(parse(text, 0), None, "{text}");
        }
    }
}
