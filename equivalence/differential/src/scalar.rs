//! Numbers, texts and bytes, the ones at limits more often than chance would have it.

use serde_json::{Value, json};

use crate::dates;
use crate::dice::Dice;

/// Names of fields; few, so that different parts of a case meet.
pub(crate) const NAMES: &[&str] = &[
    "a",
    "b",
    "c",
    "id",
    "name",
    "x",
    "amount",
    "ts",
    "nested",
    "items",
    "a.b",
    "b.c",
    "é",
    "名",
    "a b",
    "A",
    "topic",
    "with`tick",
    "x:y",
    "$1",
    "",
    "😀",
];

/// Words that are no number, no date and no literal.
const WORDS: &[&str] = &[
    "text",
    "",
    " ",
    "x",
    "hello world",
    "naïve",
    "漢字",
    "😀",
    "a\"b",
    "back\\slash",
    "tab\there",
    "line\nbreak",
    "\u{0}",
    "\u{7f}",
    "\u{2028}",
    "'",
    "$1",
    "${topic}",
    "a,b",
    "a:b",
    "[",
    "{",
    "null ",
    "None",
    "ﬁ",
    "İ",
    "ß",
    "\u{feff}bom",
    "e\u{301}",
    "\u{10ffff}",
];

/// Texts that some grammar takes for a number.
pub(crate) const NUMERIC: &[&str] = &[
    "0",
    "1",
    "-1",
    "+1",
    "42",
    " 42",
    "42 ",
    "007",
    "-0",
    "1.0",
    "-0.0",
    "1.5",
    ".5",
    "5.",
    "1e3",
    "1E3",
    "1e+3",
    "1e-3",
    "1.5f",
    "1.5d",
    "1L",
    "0x10",
    "0x1p3",
    "NaN",
    "Infinity",
    "-Infinity",
    "+Infinity",
    "nan",
    "inf",
    "127",
    "128",
    "-128",
    "-129",
    "255",
    "256",
    "32767",
    "32768",
    "-32768",
    "65536",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "12345678901234567890123",
    "123456789.123456789",
    "0.1",
    "1e19",
    "1e20",
    "1e38",
    "3.5e38",
    "1e39",
    "1e308",
    "1e309",
    "1e400",
    "1e-400",
    "1_000",
    "1,000",
    "٣",
    "１",
    "1e",
    "e1",
    "--1",
    "+-1",
    "1.2.3",
    "100.00",
    "0.30000001",
    "16777217",
    "1e2147483647",
    "1e-46",
    "1.17549435E-38",
    "4.9e-324",
    "0.000001",
    "1234567.0",
    "12345678.9",
];

/// Any text that a value may be.
pub(crate) fn text(dice: &mut Dice) -> String {
    match dice.below(20) {
        0..=5 => dice.word(WORDS),
        6..=9 => dice.word(NUMERIC),
        10 => number(dice),
        11 => dice.word(&["true", "false", "TRUE", "True", "tRuE", " true", "null", "yes", "1", "t"]),
        12..=13 => dates::text(dice),
        14 => dice.word(NAMES),
        15 => dice.word(&["[1,2]", "{\"a\":1}", "[\"x\",\"y\"]", "{}", "[]", "{\"a\":{\"b\":[1]}}", "\"q\""]),
        16 => {
            let count = dice.below(6);
            (0..count).map(|_| character(dice)).collect()
        }
        17 => {
            let unit = dice.word(&["ab", "0", "é", "漢", "😀", " "]);
            unit.repeat(dice.below(40))
        }
        _ => dice.word(&["orders", "customer-1", "abc", "Z", "foo.bar", "x_y", "2024", "value"]),
    }
}

fn character(dice: &mut Dice) -> char {
    let code = match dice.below(6) {
        0..=3 => dice.below(0x80),
        4 => dice.below(0x800),
        _ => dice.below(0x11_0000),
    };
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or('\u{fffd}')
}

/// A number as a person or program may write it.
pub(crate) fn number(dice: &mut Dice) -> String {
    let sign = dice.one(&["", "", "", "-", "-", "+"]);
    let digits = match dice.below(4) {
        0 => 1,
        1 => 3,
        2 => 10,
        _ => 25,
    };
    let whole = digits_of(dice, digits);
    let fraction = if dice.percent(40) {
        let length = 1 + dice.below(12);
        format!(".{}", digits_of(dice, length))
    } else {
        String::new()
    };
    let exponent = if dice.percent(20) {
        let letter = dice.word(&["e", "E"]);
        let sign = dice.word(&["", "-", "+"]);
        let high = *dice.pick(&[3, 20, 50, 330]);
        format!("{letter}{sign}{}", dice.below(high))
    } else {
        String::new()
    };
    format!("{sign}{whole}{fraction}{exponent}")
}

fn digits_of(dice: &mut Dice, most: usize) -> String {
    let count = 1 + dice.below(most);
    (0..count).map(|_| char::from(b'0' + u8::try_from(dice.below(10)).unwrap_or(0))).collect()
}

/// An integer of so many bits.
pub(crate) fn integer(dice: &mut Dice, bits: u32) -> i64 {
    let max = i64::MAX >> (64 - bits);
    let min = -max - 1;
    match dice.below(12) {
        0 => min,
        1 => max,
        2 => *dice.pick(&[0, 1, -1]),
        3 => min + 1,
        4 => dice.between(min, max),
        5 => (1i64 << dice.below(63)).min(max),
        6 => (86_400_000i64.saturating_mul(dice.between(-50, 20_000))).clamp(min, max),
        7 if bits == 64 => dates::instant(dice),
        7 => dice.between(-300.max(min), 300.min(max)),
        _ => dice.between(-10, 10),
    }
}

/// A float in the notation.
pub(crate) fn float32(dice: &mut Dice) -> Value {
    let value = match dice.below(10) {
        0 => f32::from_bits(u32::try_from(dice.bits() >> 32).unwrap_or(0)),
        _ => special(dice) as f32,
    };
    let exact = f64::from(value);
    let short = value.to_string().parse::<f64>().unwrap_or(exact);
    json!({"f32": floating(exact, short)})
}

/// A double in the notation.
pub(crate) fn float64(dice: &mut Dice) -> Value {
    let value = if dice.below(10) == 0 { f64::from_bits(dice.bits()) } else { special(dice) };
    json!({"f64": floating(value, value)})
}

fn special(dice: &mut Dice) -> f64 {
    match dice.below(8) {
        0 => *dice.pick(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0]),
        1 => *dice.pick(&[
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            4.9e-324,
            3.402_823_466_385_288_6e38,
            1.401_298_464_324_817e-45,
            9_223_372_036_854_775_807.0,
            2_147_483_647.0,
            2_147_483_648.0,
            -2_147_483_649.0,
            1e19,
            -1e19,
            1e20,
            9_007_199_254_740_993.0,
            16_777_217.0,
        ]),
        2 => *dice.pick(&[
            0.1,
            0.5,
            -0.5,
            0.001,
            0.000_999_9,
            1e7,
            9_999_999.0,
            1e10,
            1e-5,
            1.5,
            300.7,
            2e-3,
            1e23,
        ]),
        3 => f64::from(i32::try_from(dice.between(-1_000_000, 1_000_000)).unwrap_or(0)) / 100.0,
        4 => {
            let power = i32::try_from(dice.between(-40, 40)).unwrap_or(0);
            f64::from(i32::try_from(dice.between(-999, 999)).unwrap_or(0)) * 10f64.powi(power)
        }
        _ => f64::from(i32::try_from(dice.between(-300, 300)).unwrap_or(0)),
    }
}

fn floating(exact: f64, short: f64) -> Value {
    if exact.is_nan() {
        json!("NaN")
    } else if exact.is_infinite() {
        json!(if exact > 0.0 { "Infinity" } else { "-Infinity" })
    } else if exact == 0.0 && exact.is_sign_negative() {
        json!("-0.0")
    } else {
        json!(short)
    }
}

/// A decimal in the notation, of this scale or of any.
pub(crate) fn decimal(dice: &mut Dice, scale: Option<i32>) -> Value {
    let sign = dice.one(&["", "", "-"]);
    let most = *dice.pick(&[1, 3, 5, 18, 20, 35]);
    let digits = digits_of(dice, most);
    let digits = digits.trim_start_matches('0');
    let unscaled = if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") };
    let scale = scale.unwrap_or_else(|| *dice.pick(&[0, 0, 1, 2, 2, 3, 5, 10, 20, -1, -3]));
    json!({"decimal": [unscaled, scale]})
}

/// Bytes in the notation.
pub(crate) fn bytes(dice: &mut Dice) -> Value {
    let raw = raw_bytes(dice);
    let tag = if dice.percent(12) { "bytebuffer" } else { "bytes" };
    json!({tag: base64(&raw)})
}

/// Some bytes, often text.
pub(crate) fn raw_bytes(dice: &mut Dice) -> Vec<u8> {
    match dice.below(4) {
        0 => text(dice).into_bytes(),
        1 => Vec::new(),
        _ => {
            let count = dice.below(10);
            (0..count).map(|_| u8::try_from(dice.below(256)).unwrap_or(0)).collect()
        }
    }
}

/// Standard Base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = (word >> (18 - 6 * place)) & 63;
            text.push(if place > chunk.len() { '=' } else { char::from(DIGITS[digit as usize]) });
        }
    }
    text
}

/// The bytes of a Base64 text that `base64` or Java wrote.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut word, mut bits) = (0u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let digit = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        word = word << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 255).ok()?);
            word &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

/// The text with a small accident.
pub(crate) fn damaged(dice: &mut Dice, text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(3) {
        let place = dice.below(letters.len() + 1);
        match dice.below(5) {
            0 => letters.truncate(place),
            1 if place < letters.len() => {
                letters.remove(place);
            }
            2 if place < letters.len() => letters.insert(place, letters[place]),
            3 if place < letters.len() => {
                let other = dice.below(letters.len());
                letters.swap(place, other);
            }
            _ => {
                let letter = *dice.pick(&[
                    ' ', '\t', '"', '\\', ',', ':', '[', ']', '{', '}', '0', '-', '.', 'e', 'n', 'Z', '/',
                    '\'', 'é', '\u{0}',
                ]);
                letters.insert(place, letter);
            }
        }
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_comes_back_as_it_went() {
        for bytes in [&b""[..], b"a", b"ab", b"abc", b"\xff\x00\xfe\x01"] {
            assert_eq!(from_base64(&base64(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!(base64(b"ab"), "YWI=");
    }
}
