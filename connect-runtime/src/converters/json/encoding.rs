//! Documents that are not UTF-8: Jackson recognises UTF-16 and UTF-32 by a byte order mark, or by the zero bytes that
//! the first character must have.

use std::borrow::Cow;

use bytes::Bytes;

use super::parse::Malformed;

/// The document as UTF-8 without byte order mark, as far as it is text.
#[inline]
pub(super) fn utf8(bytes: &Bytes) -> Result<Cow<'_, Bytes>, Malformed> {
    match bytes.first() {
        // No JSON document in UTF-8 begins with these; and one in UTF-16 has a zero byte first or second.
        Some(0 | 0xEF | 0xFE | 0xFF) => convert(bytes),
        _ if bytes.get(1) == Some(&0) => convert(bytes),
        _ => Ok(Cow::Borrowed(bytes)),
    }
}

#[cold]
fn convert(bytes: &Bytes) -> Result<Cow<'_, Bytes>, Malformed> {
    let wide = match **bytes {
        [0, 0, 0xFE, 0xFF, ..] => utf32(&bytes[4..], u32::from_be_bytes)?,
        [0xFF, 0xFE, 0, 0, ..] => utf32(&bytes[4..], u32::from_le_bytes)?,
        [0, 0, 0xFF, 0xFE, ..] | [0xFE, 0xFF, 0, 0, ..] => return Err(Malformed(0)),
        [0xFE, 0xFF, _, _, ..] => utf16(&bytes[2..], u16::from_be_bytes),
        [0xFF, 0xFE, _, _, ..] => utf16(&bytes[2..], u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, _, ..] => return Ok(Cow::Owned(bytes.slice(3..))),
        [0, 0, 0, _, ..] => utf32(bytes, u32::from_be_bytes)?,
        [_, 0, 0, 0, ..] => utf32(bytes, u32::from_le_bytes)?,
        [0, _, 0, 0, ..] | [0, 0, _, 0, ..] => return Err(Malformed(0)),
        [0, _, _, _, ..] | [0, _] | [0, _, _] => utf16(bytes, u16::from_be_bytes),
        [_, 0, _, _, ..] | [_, 0] | [_, 0, _] => utf16(bytes, u16::from_le_bytes),
        _ => return Ok(Cow::Borrowed(bytes)),
    };
    Ok(Cow::Owned(Bytes::from(wide)))
}

/// Half of a surrogate pair becomes U+FFFD, as Java's decoder does.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (units, rest) = bytes.as_chunks::<2>();
    let text = char::decode_utf16(units.iter().map(|bytes| unit(*bytes)));
    let odd = if rest.is_empty() { None } else { Some(char::REPLACEMENT_CHARACTER) };
    text.map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).chain(odd).collect()
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> Result<String, Malformed> {
    let (units, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(Malformed(0));
    }
    units.iter().map(|bytes| char::from_u32(unit(*bytes)).ok_or(Malformed(0))).collect()
}
