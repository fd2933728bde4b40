//! Texts and calendar as Java has them: numbers, Base64, days.

use std::borrow::Cow;

pub use super::calendar::{CUTOVER, civil_from_days, days_from_civil, gregorian_days, julian_days};
pub use super::number::{double_to_string, float_to_string, write_double, write_float, write_int};

/// The zeros of the scripts that have decimal digits in 16 bits, ASCII left out.
const ZEROS: [u16; 36] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0,
    0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
];

/// The text with the digits of all scripts as ASCII, since Java's integers and decimals, not its floating-point
/// numbers, can be written with any.
///
/// ```
/// use connect_api::data::java::ascii_digits;
/// assert_eq!(ascii_digits("-\u{663}.\u{ff15}"), "-3.5");
/// ```
pub fn ascii_digits(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let ascii = |letter: char| digit(letter).and_then(|value| char::from_digit(value, 10)).unwrap_or(letter);
    Cow::Owned(text.chars().map(ascii).collect())
}

/// The value of a digit of any script: Java's `Character.digit`.
///
/// ```
/// use connect_api::data::java::digit;
/// assert_eq!((digit('7'), digit('\u{663}'), digit('a')), (Some(7), Some(3), None));
/// ```
pub fn digit(letter: char) -> Option<u32> {
    if letter.is_ascii() {
        return letter.to_digit(10);
    }
    let code = u32::from(letter);
    ZEROS.iter().find_map(|zero| code.checked_sub(u32::from(*zero)).filter(|value| *value < 10))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding: what Java's `Base64.getEncoder` writes.
pub fn base64_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            if place <= chunk.len() {
                text.push(char::from(ALPHABET[(bits >> (18 - 6 * place)) as usize & 63]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// The opposite: what Java's `Base64.getDecoder` reads. Padding may be left out altogether; `None` when the text is
/// not Base64.
pub fn base64_decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits = match text {
        [head @ .., b'=', b'='] | [head @ .., b'='] if text.len().is_multiple_of(4) => head,
        _ => text,
    };
    if digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for chunk in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in chunk {
            bits = bits << 6 | digit_of(*digit)?;
        }
        bits <<= 6 * (4 - chunk.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..chunk.len()]);
    }
    Some(bytes)
}

fn digit_of(byte: u8) -> Option<u32> {
    let digit = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(digit.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_reads_what_it_writes() {
        for (bytes, text) in
            [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"\xfb\xff\xfe", "+//+")]
        {
            assert_eq!(base64_encode(bytes), text);
            assert_eq!(base64_decode(text.as_bytes()).unwrap(), bytes);
        }
        assert_eq!(base64_decode(b"Zg").unwrap(), b"f");
        for text in ["Z", "Zg=", "Z===", "Zm 9", "Zm9v="] {
            assert_eq!(base64_decode(text.as_bytes()), None, "{text}");
        }
    }
}
