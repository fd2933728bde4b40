//! Protobuf's encoding: varints, tags and fields.

use bytes::{BufMut, BytesMut};
use connect_api::{Error, Result};

/// How deep messages may be nested in data, as Java's library allows it.
pub(super) const DEEPEST: usize = 100;

/// What is left of some bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
}

/// The form of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireType {
    Varint,
    Fixed64,
    Delimited,
    GroupStart,
    GroupEnd,
    Fixed32,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64> {
        if let [first, rest @ ..] = self.bytes
            && *first < 0x80
        {
            self.bytes = rest;
            return Ok(u64::from(*first));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for (at, byte) in self.bytes.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                self.bytes = &self.bytes[at + 1..];
                return Ok(value);
            }
        }
        if self.bytes.len() >= 10 {
            Err(malformed("a number of more than 10 bytes"))
        } else {
            Err(truncated())
        }
    }

    /// The next field's number and form.
    #[inline]
    pub(super) fn tag(&mut self) -> Result<(u32, WireType)> {
        let tag = self.varint()? as u32;
        let number = tag >> 3;
        if number == 0 {
            return Err(malformed("an invalid tag (zero)"));
        }
        let ty = match tag & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Delimited,
            3 => WireType::GroupStart,
            4 => WireType::GroupEnd,
            5 => WireType::Fixed32,
            _ => return Err(malformed("an invalid wire type")),
        };
        Ok((number, ty))
    }

    #[inline]
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        match self.bytes.split_at_checked(count) {
            Some((head, rest)) => {
                self.bytes = rest;
                Ok(head)
            }
            None => Err(truncated()),
        }
    }

    #[inline]
    pub(super) fn fixed32(&mut self) -> Result<[u8; 4]> {
        match self.bytes.split_first_chunk() {
            Some((head, rest)) => {
                self.bytes = rest;
                Ok(*head)
            }
            None => Err(truncated()),
        }
    }

    #[inline]
    pub(super) fn fixed64(&mut self) -> Result<[u8; 8]> {
        match self.bytes.split_first_chunk() {
            Some((head, rest)) => {
                self.bytes = rest;
                Ok(*head)
            }
            None => Err(truncated()),
        }
    }

    #[inline]
    pub(super) fn delimited(&mut self) -> Result<&'a [u8]> {
        let length = self.varint()? as i32;
        match usize::try_from(length) {
            Ok(length) => self.take(length),
            Err(_) => Err(malformed("a text or message of negative size")),
        }
    }

    /// Goes past a field that nobody wants.
    pub(super) fn skip(&mut self, number: u32, ty: WireType, depth: usize) -> Result<()> {
        match ty {
            WireType::Varint => self.varint().map(drop),
            WireType::Fixed64 => self.take(8).map(drop),
            WireType::Delimited => self.delimited().map(drop),
            WireType::Fixed32 => self.take(4).map(drop),
            WireType::GroupEnd => Err(malformed("the end of a group that did not begin")),
            WireType::GroupStart => {
                let mut open = vec![number];
                while let Some(group) = open.last().copied() {
                    if open.len() + depth > DEEPEST {
                        return Err(too_deep());
                    }
                    if self.is_empty() {
                        return Err(truncated());
                    }
                    match self.tag()? {
                        (number, WireType::GroupStart) => open.push(number),
                        (number, WireType::GroupEnd) if number == group => {
                            open.pop();
                        }
                        (number, ty) => self.skip(number, ty, DEEPEST)?,
                    }
                }
                Ok(())
            }
        }
    }
}

pub(super) fn put_varint(mut value: u64, out: &mut BytesMut) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

pub(super) fn put_tag(number: u32, ty: WireType, out: &mut BytesMut) {
    let ty = match ty {
        WireType::Varint => 0,
        WireType::Fixed64 => 1,
        WireType::Delimited => 2,
        WireType::GroupStart => 3,
        WireType::GroupEnd => 4,
        WireType::Fixed32 => 5,
    };
    put_varint(u64::from(number) << 3 | ty, out);
}

/// Writes the length of what `body` writes, then that.
pub(super) fn put_delimited(
    out: &mut BytesMut,
    body: impl FnOnce(&mut BytesMut) -> Result<()>,
) -> Result<()> {
    // Most are short: one byte is kept for the length, and the body moves if it needs more.
    let start = out.len();
    out.put_u8(0);
    body(out)?;
    let length = out.len() - start - 1;
    if length < 0x80 {
        out[start] = length as u8;
        return Ok(());
    }
    let mut prefix = BytesMut::with_capacity(5);
    put_varint(length as u64, &mut prefix);
    let more = prefix.len() - 1;
    out.put_bytes(0, more);
    out.copy_within(start + 1..start + 1 + length, start + 1 + more);
    out[start..=start + more].copy_from_slice(&prefix);
    Ok(())
}

#[cold]
pub(super) fn malformed(what: &str) -> Error {
    Error::data(format!("Protocol message contained {what}"))
        .with_java_class("com.google.protobuf.InvalidProtocolBufferException")
}

#[cold]
pub(super) fn truncated() -> Error {
    malformed("less than it should: the input ended in the middle of a field")
}

#[cold]
pub(super) fn too_deep() -> Error {
    malformed("too many levels of nesting, and may be malicious")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_size_come_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut out = BytesMut::new();
            put_varint(value, &mut out);
            let mut input = Input::new(&out);
            assert_eq!(input.varint().unwrap(), value);
            assert!(input.is_empty());
        }
        assert!(Input::new(&[0xff; 11]).varint().is_err());
        assert!(Input::new(&[0x80]).varint().is_err());
    }

    #[test]
    fn a_long_body_moves_for_its_length() {
        for length in [0, 1, 127, 128, 20_000] {
            let mut out = BytesMut::from(&b"x"[..]);
            put_delimited(&mut out, |out| {
                out.put_bytes(7, length);
                Ok(())
            })
            .unwrap();
            let mut input = Input::new(&out[1..]);
            assert_eq!(input.delimited().unwrap(), vec![7; length]);
            assert!(input.is_empty());
        }
    }

    #[test]
    fn groups_must_end_as_they_began_and_not_be_endless() {
        let skip = |bytes: &[u8]| {
            let mut input = Input::new(bytes);
            let (number, ty) = input.tag()?;
            input.skip(number, ty, 0)
        };
        assert!(skip(&[0x3b, 0x08, 0x05, 0x3c]).is_ok());
        assert!(skip(&[0x3b, 0x44]).is_err());
        assert!(skip(&[0x3b]).is_err());
        assert!(skip(&[0x3c]).is_err());
        assert!(skip(&[0x3b; 200]).is_err());
    }
}
