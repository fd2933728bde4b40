//! Base64 as Jackson reads and writes it.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes Base64 with padding and without line ends.
pub(super) fn write(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digit = |shift: u32| ALPHABET[(bits >> shift & 63) as usize];
        let last = if group.len() > 2 { digit(0) } else { b'=' };
        let third = if group.len() > 1 { digit(6) } else { b'=' };
        out.extend_from_slice(&[digit(18), digit(12), third, last]);
    }
}

fn digit(char: u8) -> Option<u32> {
    ALPHABET.iter().position(|digit| *digit == char).map(|digit| digit as u32)
}

/// Reads Base64. Jackson wants the padding, allows white space between groups of four, and goes on after a padded
/// group; surplus bits of a padded group may be anything.
pub(super) fn read(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut chars = text.bytes();
    while let Some(first) = chars.by_ref().find(|char| *char > b' ') {
        let mut bits = digit(first)? << 18 | digit(chars.next()?)? << 12;
        let (third, last) = (chars.next()?, chars.next()?);
        let length = match (third, last) {
            (b'=', b'=') => 1,
            (b'=', _) => return None,
            (_, b'=') => 2,
            _ => 3,
        };
        if length > 1 {
            bits |= digit(third)? << 6;
        }
        if length > 2 {
            bits |= digit(last)?;
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..=length]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for length in 0..20_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(77)).collect();
            let mut out = Vec::new();
            write(&mut out, &bytes);
            assert_eq!(out, connect_api::data::java::base64_encode(&bytes).as_bytes());
            assert_eq!(read(std::str::from_utf8(&out).unwrap()), Some(bytes));
        }
    }

    #[test]
    fn reading_is_as_lenient_as_jackson() {
        for (text, bytes) in [("AQI=\nAw==  ", &[1, 2, 3][..]), (" AR==", &[1]), ("", &[]), (" ", &[])] {
            assert_eq!(read(text).as_deref(), Some(bytes), "{text}");
        }
        for text in ["A", "AQ", "AQI", "AQ=", "A===", "AQ=I", "A Q=", "%%", "é==="] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
