//! Finding where a JSON token ends, and what it says.

use std::borrow::Cow;

use super::parse::Malformed;

/// More digits than this in one number are refused, as Jackson's `StreamReadConstraints` does.
const MAX_DIGITS: usize = 1000;

/// A string token: what stands between the quotes, as byte offsets into the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether there is a backslash in it.
    pub(super) escaped: bool,
}

impl Text {
    /// What the token says.
    pub(super) fn decode(self, doc: &str) -> Cow<'_, str> {
        let raw = &doc[self.start..self.end];
        if self.escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }
    }
}

/// A number token, as byte offsets into the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it has neither a point nor an exponent.
    pub(super) integral: bool,
}

/// Finds the closing quote of a string that starts at `start`, just after its opening quote.
#[inline]
pub(super) fn string(doc: &[u8], start: usize) -> Result<Text, Malformed> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut at = start;
    let mut escaped = false;
    loop {
        while let Some(word) = doc[at..].first_chunk::<8>() {
            let word = u64::from_le_bytes(*word);
            // A high bit marks each byte that is a control character, a quote or a backslash. A borrow may mark more
            // bytes after the first such one, never before it, and never the bytes of non-ASCII characters.
            let control = word.wrapping_sub(ONES * 0x20);
            let quote = (word ^ (ONES * u64::from(b'"'))).wrapping_sub(ONES);
            let slash = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
            let found = (control | quote | slash) & !word & HIGHS;
            if found != 0 {
                at += (found.trailing_zeros() / 8) as usize;
                break;
            }
            at += 8;
        }
        match doc.get(at) {
            Some(b'"') => return Ok(Text { start, end: at, escaped }),
            Some(b'\\') => {
                escaped = true;
                at = escape(doc, at)?;
            }
            None | Some(0..0x20) => return Err(Malformed(at)),
            Some(_) => at += 1,
        }
    }
}

/// Checks the escape sequence whose backslash stands at `at`, and gives the offset behind it.
fn escape(doc: &[u8], at: usize) -> Result<usize, Malformed> {
    match doc.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match doc.get(at + 2..at + 6) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(at + 6),
            _ => Err(Malformed(at)),
        },
        _ => Err(Malformed(at)),
    }
}

/// Decodes the escape sequences of a string that was checked. Half of a surrogate pair becomes `?`: Rust text cannot
/// hold it, and `?` is what Java makes of it when the text is written as UTF-8.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let kind = rest.as_bytes().get(at + 1).copied().unwrap_or(b'\\');
        rest = rest.get(at + 2..).unwrap_or("");
        text.push(match kind {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (unit, after) = hex_unit(rest);
                rest = after;
                match char::from_u32(unit) {
                    Some(char) => char,
                    None => match low_surrogate(unit, rest) {
                        Some((char, after)) => {
                            rest = after;
                            char
                        }
                        None => '?',
                    },
                }
            }
            other => char::from(other),
        });
    }
    text.push_str(rest);
    text
}

fn hex_unit(rest: &str) -> (u32, &str) {
    let digits = rest.get(..4).unwrap_or("");
    (u32::from_str_radix(digits, 16).unwrap_or(u32::from(b'?')), rest.get(4..).unwrap_or(""))
}

/// The character that `high` forms with the escape sequence at the start of `rest`, if that is its other half.
fn low_surrogate(high: u32, rest: &str) -> Option<(char, &str)> {
    let (low, after) = hex_unit(rest.strip_prefix("\\u")?);
    if !(0xD800..0xDC00).contains(&high) || !(0xDC00..0xE000).contains(&low) {
        return None;
    }
    char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)).map(|char| (char, after))
}

/// Finds the end of the number that starts at `start` with a digit or a minus sign. Leading zeros are allowed, as
/// Kafka Connect configures its parser, and do not count as digits.
#[inline]
pub(super) fn number(doc: &[u8], start: usize) -> Result<Number, Malformed> {
    let first = if doc.get(start) == Some(&b'-') { start + 1 } else { start };
    let mut at = digits(doc, first)?;
    let mut integral = true;
    let mut exponent = None;
    if doc.get(at) == Some(&b'.') {
        integral = false;
        at = digits(doc, at + 1)?;
    }
    if let Some(b'e' | b'E') = doc.get(at) {
        integral = false;
        let sign = at + 1;
        let from = if let Some(b'+' | b'-') = doc.get(sign) { sign + 1 } else { sign };
        at = digits(doc, from)?;
        exponent = Some(&doc[sign..at]);
    }
    let number = Number { start, end: at, integral };
    if at - start > MAX_DIGITS {
        check_digits(&doc[first..at]).ok_or(Malformed(start))?;
    }
    if let Some(exponent) = exponent {
        check_scale(&doc[first..at], exponent).ok_or(Malformed(start))?;
    }
    Ok(number)
}

/// At least one digit; gives the offset behind the last.
#[inline]
fn digits(doc: &[u8], start: usize) -> Result<usize, Malformed> {
    let mut at = start;
    while doc.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    if at > start { Ok(at) } else { Err(Malformed(at)) }
}

#[cold]
fn check_digits(number: &[u8]) -> Option<()> {
    let leading = number.iter().take_while(|digit| **digit == b'0').count();
    let significant = number[leading..].iter().filter(|digit| digit.is_ascii_digit()).count();
    let whole = number.get(leading).is_some_and(u8::is_ascii_digit);
    // Of several leading zeros one remains when no other digit stands before the point.
    (significant + usize::from(!whole) <= MAX_DIGITS).then_some(())
}

/// Java's `BigDecimal` has a scale of 32 bits, and refuses a number that would need more.
#[cold]
fn check_scale(number: &[u8], exponent: &[u8]) -> Option<()> {
    let (negative, digits) = match exponent {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    if digits.len() - zeros > 10 {
        return None;
    }
    let size = digits.iter().fold(0_i64, |size, digit| size * 10 + i64::from(digit - b'0'));
    let exponent = if negative { -size } else { size };
    let fraction = match number.iter().position(|byte| *byte == b'.') {
        Some(point) => number[point + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count(),
        None => 0,
    };
    let scale = i64::try_from(fraction).unwrap_or(i64::MAX).saturating_sub(exponent);
    (i32::try_from(exponent).is_ok() && i32::try_from(scale).is_ok()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_at_the_first_quote_that_is_not_escaped() {
        for (doc, end, escaped) in [
            ("\"", 0, false),
            ("abc\" \"", 3, false),
            ("0123456789\"", 10, false),
            ("01234567\\\"89\"", 12, true),
            ("é€😀é€😀\"x", 18, false),
        ] {
            assert_eq!(string(doc.as_bytes(), 0), Ok(Text { start: 0, end, escaped }), "{doc}");
        }
        for doc in ["", "abc", "a\nb\"", "\\x\"", "\\u12g4\"", "\\u123\"", "0123456\u{1}\"", "\\"] {
            assert!(string(doc.as_bytes(), 0).is_err(), "{doc}");
        }
    }

    #[test]
    fn half_of_a_surrogate_pair_reads_as_a_question_mark() {
        for (raw, text) in [
            (r"\ud83d\ude00", "😀"),
            (r"\uD83Dx", "?x"),
            (r"\ude00\ud83d", "??"),
            (r"\ud83d\ud83d\ude00", "?😀"),
            (r#"\"\\\/\b\f\n\r\tA"#, "\"\\/\u{8}\u{c}\n\r\tA"),
            (r"\ud83d\u0041", "?A"),
            ("\\u00e9€\\\\u", "é€\\u"),
        ] {
            assert_eq!(unescape(raw), text, "{raw}");
        }
    }

    #[test]
    fn numbers_are_refused_where_java_refuses_them() {
        for doc in [
            "-",
            "1.",
            "1.e5",
            "1e",
            "1e+",
            "-x",
            "1e99999999999",
            "1e2147483648",
            "1e-2147483648",
            "0.1e-2147483647",
        ] {
            assert!(number(doc.as_bytes(), 0).is_err(), "{doc}");
        }
        for doc in ["005", "-0", "1e5", "1E+5", "1e2147483647", "1e-2147483647", "00.5"] {
            assert_eq!(number(doc.as_bytes(), 0).map(|number| number.end), Ok(doc.len()), "{doc}");
        }
        for (digits, fits) in [(1000, true), (1001, false)] {
            assert_eq!(number("1".repeat(digits).as_bytes(), 0).is_ok(), fits);
            assert_eq!(number(format!("-000{}", "1".repeat(digits)).as_bytes(), 0).is_ok(), fits);
            assert_eq!(number(format!("0.{}", "1".repeat(digits - 1)).as_bytes(), 0).is_ok(), fits);
            assert_eq!(number(format!("1e+{}", "0".repeat(digits - 1)).as_bytes(), 0).is_ok(), fits);
        }
    }
}
