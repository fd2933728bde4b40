//! The primitives of Kafka's protocol: how requests are written and answers are read.
//!
//! A message is written in one of two styles, by its version: the "flexible" one has compact lengths and tagged fields,
//! the old one has lengths of two or four bytes and no tags. What describes a message need not know.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::kafka::{KafkaError, KafkaErrorKind, Result};

/// A 128-bit id, as topics have.
pub(in crate::kafka) type Uuid = [u8; 16];

/// Appends an unsigned number, seven bits to a byte, the lowest first.
pub(in crate::kafka) fn put_uvarint(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        // Cut off on purpose: the seven bits of this byte.
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Appends a signed number in zigzag form.
pub(in crate::kafka) fn put_varint(to: &mut Vec<u8>, number: i64) {
    put_uvarint(to, zigzag(number));
}

/// How many bytes [`put_varint`] takes.
pub(in crate::kafka) fn varint_len(number: i64) -> usize {
    let bits = 64 - (zigzag(number) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

/// Writes a request. Long runs of ready bytes are passed on without a copy.
#[derive(Debug)]
pub(in crate::kafka) struct Encoder {
    chunks: Chunks,
    current: Vec<u8>,
    flexible: bool,
}

impl Encoder {
    pub(in crate::kafka) fn new(flexible: bool) -> Self {
        Self { chunks: Chunks::default(), current: Vec::new(), flexible }
    }

    pub(in crate::kafka) fn i8(&mut self, number: i8) {
        self.current.push(number.cast_unsigned());
    }

    pub(in crate::kafka) fn bool(&mut self, yes: bool) {
        self.current.push(u8::from(yes));
    }

    pub(in crate::kafka) fn i16(&mut self, number: i16) {
        self.current.extend_from_slice(&number.to_be_bytes());
    }

    pub(in crate::kafka) fn i32(&mut self, number: i32) {
        self.current.extend_from_slice(&number.to_be_bytes());
    }

    pub(in crate::kafka) fn i64(&mut self, number: i64) {
        self.current.extend_from_slice(&number.to_be_bytes());
    }

    pub(in crate::kafka) fn uuid(&mut self, id: &Uuid) {
        self.current.extend_from_slice(id);
    }

    /// Text.
    pub(in crate::kafka) fn string(&mut self, text: &str) {
        self.nullable_string(Some(text));
    }

    /// Text or null.
    pub(in crate::kafka) fn nullable_string(&mut self, text: Option<&str>) {
        match text {
            _ if !self.flexible => self.old_nullable_string(text),
            Some(text) => self.bytes(text.as_bytes()),
            None => self.current.push(0),
        }
    }

    /// Text or null with the old two-byte length.
    pub(in crate::kafka) fn old_nullable_string(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.i16(-1) };
        // A name of more than 32 KB is no name; cut, so that the frame stays readable.
        let length = i16::try_from(text.len()).unwrap_or(i16::MAX);
        self.i16(length);
        self.current.extend_from_slice(&text.as_bytes()[..length.unsigned_abs() as usize]);
    }

    /// Bytes.
    pub(in crate::kafka) fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.current.extend_from_slice(bytes);
    }

    /// Bytes, passed on without a copy.
    pub(in crate::kafka) fn shared_bytes(&mut self, bytes: Bytes) {
        self.length(bytes.len());
        let before = std::mem::take(&mut self.current);
        self.chunks.push(Bytes::from(before));
        self.chunks.push(bytes);
    }

    /// The length of bytes, or of an array whose items follow.
    pub(in crate::kafka) fn length(&mut self, length: usize) {
        if self.flexible {
            put_uvarint(&mut self.current, length as u64 + 1);
        } else {
            // What does not fit makes no frame either.
            self.i32(i32::try_from(length).unwrap_or(i32::MAX));
        }
    }

    /// An array.
    pub(in crate::kafka) fn array<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.length(items.len());
        for item in items {
            write(self, item);
        }
    }

    /// No tagged fields, where there may be some.
    pub(in crate::kafka) fn no_tags(&mut self) {
        if self.flexible {
            self.current.push(0);
        }
    }

    /// The whole, with its length in front.
    pub(in crate::kafka) fn into_frame(mut self) -> Result<Chunks> {
        self.chunks.push(Bytes::from(self.current));
        let length = i32::try_from(self.chunks.remaining()).map_err(|_| {
            KafkaError::new(KafkaErrorKind::RecordTooLarge, "a request of more than 2 GiB cannot be sent")
        })?;
        self.chunks.0.push_front(Bytes::copy_from_slice(&length.to_be_bytes()));
        Ok(self.chunks)
    }
}

/// Pieces of a frame, to be written one after the other.
#[derive(Clone, Debug, Default)]
pub(in crate::kafka) struct Chunks(VecDeque<Bytes>);

impl Chunks {
    fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.0.push_back(chunk);
        }
    }
}

impl Buf for Chunks {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.front().map_or(&[], |chunk| chunk)
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(first) = self.0.front_mut() {
            if count < first.len() {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.0.pop_front();
        }
    }

    fn chunks_vectored<'a>(&'a self, to: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slot, chunk) in to.iter_mut().zip(&self.0) {
            *slot = IoSlice::new(chunk);
            filled += 1;
        }
        filled
    }
}

/// Reads an answer. Nothing in it is believed: lengths are checked against what is there before memory is taken.
#[derive(Debug)]
pub(in crate::kafka) struct Decoder<'a> {
    left: &'a [u8],
    flexible: bool,
}

fn malformed(why: &str) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Other, format!("an answer of a broker cannot be read: {why}"))
}

impl<'a> Decoder<'a> {
    pub(in crate::kafka) fn new(bytes: &'a [u8], flexible: bool) -> Self {
        Self { left: bytes, flexible }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, left) =
            self.left.split_at_checked(count).ok_or_else(|| malformed("it ends too early"))?;
        self.left = left;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, left) = self.left.split_first_chunk().ok_or_else(|| malformed("it ends too early"))?;
        self.left = left;
        Ok(*taken)
    }

    /// How many bytes are left.
    pub(in crate::kafka) fn remaining(&self) -> usize {
        self.left.len()
    }

    pub(in crate::kafka) fn bool(&mut self) -> Result<bool> {
        Ok(self.fixed::<1>()? != [0])
    }

    pub(in crate::kafka) fn i16(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.fixed()?))
    }

    pub(in crate::kafka) fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.fixed()?))
    }

    pub(in crate::kafka) fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.fixed()?))
    }

    pub(in crate::kafka) fn uuid(&mut self) -> Result<Uuid> {
        self.fixed()
    }

    fn uvarint(&mut self) -> Result<u32> {
        let mut number = 0_u32;
        for shift in (0..35).step_by(7) {
            let [byte] = self.fixed()?;
            number |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(malformed("a number has too many bytes"))
    }

    /// The length of bytes or of an array; `None` is null.
    fn length(&mut self) -> Result<Option<usize>> {
        if self.flexible {
            Ok(self.uvarint()?.checked_sub(1).map(|length| length as usize))
        } else {
            Ok(usize::try_from(self.i32()?).ok())
        }
    }

    /// Bytes or null.
    pub(in crate::kafka) fn nullable_bytes(&mut self) -> Result<Option<&'a [u8]>> {
        match self.length()? {
            None => Ok(None),
            Some(length) => self.take(length).map(Some),
        }
    }

    /// Bytes; null counts as empty.
    pub(in crate::kafka) fn bytes(&mut self) -> Result<&'a [u8]> {
        Ok(self.nullable_bytes()?.unwrap_or_default())
    }

    /// Text or null.
    pub(in crate::kafka) fn nullable_string(&mut self) -> Result<Option<&'a str>> {
        let length = if self.flexible { self.length()? } else { usize::try_from(self.i16()?).ok() };
        let Some(length) = length else { return Ok(None) };
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map(Some).map_err(|_| malformed("a text is not UTF-8"))
    }

    /// Text; null counts as empty.
    pub(in crate::kafka) fn string(&mut self) -> Result<&'a str> {
        Ok(self.nullable_string()?.unwrap_or_default())
    }

    /// An array; null counts as empty.
    pub(in crate::kafka) fn array<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let length = self.length()?.unwrap_or_default();
        // Each item has a byte at least, so a length from a broken answer cannot take much memory.
        if length > self.left.len() {
            return Err(malformed("a list is longer than the answer"));
        }
        let mut items = Vec::with_capacity(length.min(1024));
        for _ in 0..length {
            items.push(read(self)?);
        }
        Ok(items)
    }

    /// Tagged fields, where there may be some; `read` sees each with its number and its bytes.
    pub(in crate::kafka) fn tags(&mut self, mut read: impl FnMut(u32, Self) -> Result<()>) -> Result<()> {
        let count = if self.flexible { self.uvarint()? } else { 0 };
        for _ in 0..count {
            let tag = self.uvarint()?;
            let length = self.uvarint()? as usize;
            read(tag, Self::new(self.take(length)?, true))?;
        }
        Ok(())
    }

    /// Tagged fields that nobody here reads.
    pub(in crate::kafka) fn skip_tags(&mut self) -> Result<()> {
        self.tags(|_, _| Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_variable_length_are_those_of_protocol_buffers() {
        for (number, bytes) in [
            (0_i64, &[0][..]),
            (-1, &[1]),
            (63, &[126]),
            (-64, &[127]),
            (64, &[0x80, 1]),
            (300, &[0xd8, 4]),
            (i64::from(i32::MAX), &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ] {
            let mut written = Vec::new();
            put_varint(&mut written, number);
            assert_eq!(written, bytes, "{number}");
            assert_eq!(varint_len(number), bytes.len(), "{number}");
        }
    }

    #[test]
    fn a_frame_carries_its_length_and_shares_long_bytes() {
        let mut encoder = Encoder::new(true);
        encoder.i16(7);
        encoder.shared_bytes(Bytes::from_static(b"abc"));
        encoder.no_tags();
        let mut frame = encoder.into_frame().unwrap();
        let mut slices = [IoSlice::new(&[]); 8];
        assert_eq!(frame.chunks_vectored(&mut slices), 4);
        assert_eq!(frame.copy_to_bytes(frame.remaining()), &b"\0\0\0\x07\0\x07\x04abc\0"[..]);
    }

    #[test]
    fn what_was_written_can_be_read_and_broken_lengths_are_errors() {
        let mut encoder = Encoder::new(true);
        encoder.string("ab");
        encoder.nullable_string(None);
        encoder.array(&[1, 2], |encoder, number| encoder.i32(*number));
        encoder.no_tags();
        let mut frame = encoder.into_frame().unwrap();
        frame.advance(4);
        let bytes = frame.copy_to_bytes(frame.remaining());
        let mut decoder = Decoder::new(&bytes, true);
        assert_eq!(decoder.string().unwrap(), "ab");
        assert_eq!(decoder.nullable_string().unwrap(), None);
        assert_eq!(decoder.array(Decoder::i32).unwrap(), [1, 2]);
        decoder.skip_tags().unwrap();
        for broken in [&[5, b'a'][..], &[0xff, 0xff, 0xff, 0xff, 0xff, 1], &[]] {
            assert!(Decoder::new(broken, true).string().is_err());
        }
        assert!(Decoder::new(&[0xff, 0xff, 0xff, 0xff, 0x0f], true).array(Decoder::i32).is_err());
    }

    #[test]
    fn the_old_style_has_fixed_lengths_and_no_tags() {
        let mut encoder = Encoder::new(false);
        encoder.string("ab");
        encoder.nullable_string(None);
        encoder.shared_bytes(Bytes::from_static(b"c"));
        encoder.array(&[7], |encoder, number| encoder.i16(*number));
        encoder.no_tags();
        let mut frame = encoder.into_frame().unwrap();
        frame.advance(4);
        let bytes = frame.copy_to_bytes(frame.remaining());
        assert_eq!(bytes, &b"\0\x02ab\xff\xff\0\0\0\x01c\0\0\0\x01\0\x07"[..]);
        let mut decoder = Decoder::new(&bytes, false);
        assert_eq!(decoder.string().unwrap(), "ab");
        assert_eq!(decoder.nullable_string().unwrap(), None);
        assert_eq!(decoder.bytes().unwrap(), b"c");
        assert_eq!(decoder.array(Decoder::i16).unwrap(), [7]);
        decoder.skip_tags().unwrap();
        assert_eq!(decoder.remaining(), 0);
        // Null and too long.
        assert_eq!(Decoder::new(&[0xff; 4], false).nullable_bytes().unwrap(), None);
        assert!(Decoder::new(&[0x7f, 0xff, 0xff, 0xff], false).array(Decoder::i32).is_err());
    }
}
