//! Numbers and bytes from text, with Java's grammar and Java's words for what it refuses.

use connect_api::data::java;

use crate::failure::{Answer, thrown};

const NUMBER_FORMAT: &str = "java.lang.NumberFormatException";

fn not_a_number<T>(text: &str) -> Answer<T> {
    thrown(NUMBER_FORMAT, format!("For input string: \"{text}\""))
}

/// `Integer.parseInt`.
pub(crate) fn parse_int(text: &str) -> Answer<i32> {
    text.parse().or_else(|_| not_a_number(text))
}

/// `Long.parseLong`.
pub(super) fn parse_long(text: &str) -> Answer<i64> {
    text.parse().or_else(|_| not_a_number(text))
}

/// `Byte.parseByte`, `Short.parseShort`.
pub(super) fn parse_small<T: TryFrom<i32>>(text: &str) -> Answer<T> {
    let wide = parse_int(text)?;
    let message = || format!("Value out of range. Value:\"{text}\" Radix:10");
    T::try_from(wide).or_else(|_| thrown(NUMBER_FORMAT, message()))
}

/// `Float.parseFloat`, `Double.parseDouble`, without their hexadecimal form.
pub(super) fn parse_float<T: std::str::FromStr>(text: &str) -> Answer<T> {
    let trimmed = text.trim_matches(|c| c <= ' ');
    if trimmed.is_empty() {
        return thrown(NUMBER_FORMAT, "empty String");
    }
    let (sign, digits) = match trimmed.as_bytes()[0] {
        b'-' => ("-", &trimmed[1..]),
        b'+' => ("", &trimmed[1..]),
        _ => ("", trimmed),
    };
    let rust = match digits {
        "NaN" => "NaN".to_owned(),
        "Infinity" => format!("{sign}inf"),
        _ => {
            let number = digits.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(digits);
            let plain = number.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                && number.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
            if !plain {
                return not_a_number(trimmed);
            }
            format!("{sign}{number}")
        }
    };
    rust.parse().or_else(|_| not_a_number(trimmed))
}

/// `Base64.getDecoder().decode`.
pub(crate) fn base64(text: &str) -> Answer<Vec<u8>> {
    // Java looks at bytes of ISO 8859-1.
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    java::base64_decode(&bytes).map_or_else(|| thrown(ILLEGAL_ARGUMENT, why_no_base64(&bytes)), Ok)
}

const ILLEGAL_ARGUMENT: &str = "java.lang.IllegalArgumentException";

fn why_no_base64(bytes: &[u8]) -> String {
    if bytes.len() < 2 {
        return "Input byte[] should at least have 2 bytes for base64 bytes".to_owned();
    }
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let digits = bytes.iter().take_while(|byte| digit(**byte)).count();
    let rest = &bytes[digits..];
    let left = match (rest, digits % 4) {
        ([], 1) | ([b'=', ..], 1) => return "Last unit does not have enough valid bits".to_owned(),
        ([b'=', b'=', left @ ..], 2) | ([b'=', left @ ..], 3) => left,
        ([b'=', ..], _) => return "Input byte array has wrong 4-byte ending unit".to_owned(),
        ([strange, ..], _) => {
            let strange = i32::from(*strange as i8);
            let sign = if strange < 0 { "-" } else { "" };
            return format!("Illegal base64 character {sign}{:x}", strange.abs());
        }
        ([], _) => rest,
    };
    format!("Input byte array has incorrect ending byte at {}", bytes.len() - left.len())
}
