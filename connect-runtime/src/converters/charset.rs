//! The character sets of [`StringConverter`](super::StringConverter).

use bytes::{Bytes, BytesMut};
use connect_api::Str;

/// A character set that Java always has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Latin1,
    Ascii,
    /// Reads the byte order mark, and without one big-endian; writes big-endian with a mark.
    Utf16,
    Utf16Be,
    Utf16Le,
}

impl Charset {
    /// The character set of a name that Java knows, upper or lower case.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" | "UNICODE-1-1-UTF-8" => Self::Utf8,
            "ISO-8859-1" | "ISO8859_1" | "ISO8859-1" | "ISO_8859-1" | "ISO_8859_1" | "ISO_8859-1:1987"
            | "8859_1" | "LATIN1" | "L1" | "CP819" | "IBM819" | "IBM-819" | "819" | "CSISOLATIN1"
            | "ISO-IR-100" => Self::Latin1,
            "US-ASCII" | "ASCII" | "ASCII7" | "ISO646-US" | "ISO_646.IRV:1991" | "ISO_646.IRV:1983"
            | "ANSI_X3.4-1968" | "ANSI_X3.4-1986" | "646" | "US" | "CP367" | "IBM367" | "CSASCII"
            | "DEFAULT" | "ISO-IR-6" => Self::Ascii,
            "UTF-16" | "UTF16" | "UTF_16" | "UNICODE" | "UNICODEBIG" => Self::Utf16,
            "UTF-16BE" | "UTF_16BE" | "UTF-16-BE" | "ISO-10646-UCS-2" | "X-UTF-16BE"
            | "UNICODEBIGUNMARKED" => Self::Utf16Be,
            "UTF-16LE" | "UTF_16LE" | "UTF-16-LE" | "X-UTF-16LE" | "UNICODELITTLEUNMARKED" => Self::Utf16Le,
            _ => return None,
        })
    }

    /// Reads text. What is malformed becomes U+FFFD.
    pub(super) fn decode(self, bytes: &Bytes) -> Str {
        match self {
            Self::Utf8 => utf8(bytes),
            Self::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
            Self::Ascii => {
                let char =
                    |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { char::REPLACEMENT_CHARACTER };
                bytes.iter().map(char).collect::<String>().into()
            }
            Self::Utf16 => match &bytes[..] {
                [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
                [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
                all => utf16(all, u16::from_be_bytes),
            },
            Self::Utf16Be => utf16(bytes, u16::from_be_bytes),
            Self::Utf16Le => utf16(bytes, u16::from_le_bytes),
        }
    }

    /// Appends text. A character that the set does not have becomes a question mark.
    pub(super) fn encode(self, text: &str, out: &mut BytesMut) {
        match self {
            Self::Utf8 => out.extend_from_slice(text.as_bytes()),
            Self::Latin1 => out.extend(text.chars().map(|char| u8::try_from(char).unwrap_or(b'?'))),
            Self::Ascii => {
                let byte = |char: char| u8::try_from(char).ok().filter(u8::is_ascii).unwrap_or(b'?');
                out.extend(text.chars().map(byte));
            }
            Self::Utf16 => {
                if !text.is_empty() {
                    out.extend_from_slice(&[0xFE, 0xFF]);
                }
                out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
            }
            Self::Utf16Be => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Self::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
        }
    }
}

/// Text from UTF-8. What is malformed becomes U+FFFD.
pub(super) fn utf8(bytes: &Bytes) -> Str {
    match Str::from_utf8(bytes.clone()) {
        Ok(text) => text,
        Err(_) => Str::from(utf8_lossy(bytes)),
    }
}

/// As Java replaces: what encodes half of a surrogate pair is one malformed character, not one per byte.
fn utf8_lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let (mut at, mut within) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        at += chunk.valid().len() + chunk.invalid().len();
        if within > 0 {
            within -= 1;
        } else if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
            within = match (chunk.invalid(), &bytes[at..]) {
                ([0xED], [0xA0..=0xBF, 0x80..=0xBF, ..]) => 2,
                ([0xED], [0xA0..=0xBF, ..]) => 1,
                _ => 0,
            };
        }
    }
    text
}

/// As Java replaces: the first half of a surrogate pair takes what follows with it.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Str {
    let (units, rest) = bytes.as_chunks::<2>();
    let mut units = units.iter().map(|bytes| unit(*bytes));
    let mut text = String::with_capacity(bytes.len());
    let mut open = false;
    while let Some(first) = units.next() {
        let is_high = (0xD800..0xDC00).contains(&first);
        let second = if is_high { units.next() } else { None };
        open = is_high && second.is_none();
        let pair = [first, second.unwrap_or_default()];
        let pair = &pair[..if second.is_some() { 2 } else { 1 }];
        match char::decode_utf16(pair.iter().copied()).next() {
            Some(Ok(char)) => text.push(char),
            _ => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    if !rest.is_empty() && !open {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    Str::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_set_reads_what_it_writes() {
        for (name, bytes) in [
            ("utf8", &b"a\xc3\xa9"[..]),
            ("latin1", b"a\xe9"),
            ("UTF-16", b"\xfe\xff\0a\0\xe9"),
            ("utf-16be", b"\0a\0\xe9"),
            ("UTF-16LE", b"a\0\xe9\0"),
        ] {
            let charset = Charset::of_name(name).unwrap();
            let mut out = BytesMut::new();
            charset.encode("aé", &mut out);
            assert_eq!(out, bytes, "{name}");
            assert_eq!(charset.decode(&out.freeze()), "aé", "{name}");
        }
        assert_eq!(Charset::of_name("nope"), None);
    }

    #[test]
    fn what_a_character_set_lacks_is_replaced() {
        let mut out = BytesMut::new();
        Charset::Ascii.encode("aé", &mut out);
        Charset::Latin1.encode("€", &mut out);
        assert_eq!(&out[..], b"a??");
        assert_eq!(Charset::Ascii.decode(&Bytes::from_static(b"a\xe9")), "a\u{fffd}");
        assert_eq!(Charset::Utf16.decode(&Bytes::from_static(b"\xff\xfea\0\0\xd8b")), "a\u{fffd}");
    }

    #[test]
    fn what_is_malformed_is_replaced_as_java_does() {
        let decode = |charset: Charset, bytes: &'static [u8]| charset.decode(&Bytes::from_static(bytes));
        for (bytes, text) in [
            (&b"\xed\xbe\x80\x80"[..], "??"),
            (b"\xed\xbeA", "?A"),
            (b"A\xed\xa0\x80\xed\xb0\x80A", "A??A"),
            (b"\xed\xbe\xc3\xa9", "?\u{e9}"),
            (b"\xf4\x90\x80", "???"),
            (b"\xf0\x90\x80A", "?A"),
        ] {
            assert_eq!(decode(Charset::Utf8, bytes), text.replace('?', "\u{fffd}"), "{bytes:x?}");
        }
        for (bytes, text) in [
            (&b"\xd8\0\0A\0B"[..], "?B"),
            (b"\xd8\0\xd8\0\xdc\0", "??"),
            (b"\xdc\0\0A", "?A"),
            (b"\0A\xd8\0A", "A?"),
            (b"\0AA", "A?"),
        ] {
            assert_eq!(decode(Charset::Utf16Be, bytes), text.replace('?', "\u{fffd}"), "{bytes:x?}");
        }
    }
}
