//! Writing strings as Jackson escapes them.

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Writes a string with its quotes. Quotes, backslashes and control characters are escaped, and so are characters
/// beyond 16 bits: as their surrogate pair. Everything else stays UTF-8.
#[inline]
pub(super) fn write(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let plain = plain_length(bytes);
    if plain == bytes.len() {
        out.reserve(bytes.len() + 2);
        out.push(b'"');
        out.extend_from_slice(bytes);
        out.push(b'"');
    } else {
        out.push(b'"');
        write_escaped(out, text, plain);
        out.push(b'"');
    }
}

/// How many bytes at the beginning need no escape.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    while let Some(word) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20);
        let quote = (word ^ (ONES * u64::from(b'"'))).wrapping_sub(ONES);
        let slash = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
        // The first byte of a character of four bytes has its upper four bits set.
        let long = word & (word << 1) & (word << 2) & (word << 3);
        let found = ((control | quote | slash) & !word | long) & HIGHS;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(0x20 | 0x21 | 0x23..=0x5B | 0x5D..0xF0) = bytes.get(at) {
        at += 1;
    }
    at
}

#[cold]
fn write_escaped(out: &mut Vec<u8>, text: &str, plain: usize) {
    let mut rest = text;
    let mut plain = plain;
    loop {
        out.extend_from_slice(&rest.as_bytes()[..plain]);
        let mut chars = rest[plain..].chars();
        let Some(char) = chars.next() else { return };
        match char {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\r' => out.extend_from_slice(b"\\r"),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    let digit = |shift: u32| HEX[usize::from(*unit >> shift & 15)];
                    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
                }
            }
        }
        rest = chars.as_str();
        plain = plain_length(rest.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_jackson_does() {
        for (text, json) in [
            ("", r#""""#),
            ("plain text of more than eight bytes", r#""plain text of more than eight bytes""#),
            ("é€\u{2028}\u{7f}\u{80}/", "\"é€\u{2028}\u{7f}\u{80}/\""),
            ("\u{0}\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1b}\u{1f}", r#""\u0000\u0001\b\t\n\u000B\f\r\u001B\u001F""#),
            ("12345678\"\\x", r#""12345678\"\\x""#),
            ("a😀b1234567890", r#""a\uD83D\uDE00b1234567890""#),
            ("ééééé😀", r#""ééééé\uD83D\uDE00""#),
        ] {
            let mut out = Vec::new();
            write(&mut out, text);
            assert_eq!(std::str::from_utf8(&out).unwrap(), json);
        }
    }
}
