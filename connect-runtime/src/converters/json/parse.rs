//! The JSON grammar that Kafka Connect accepts: one parser, which tells a [`Sink`] what it reads.
//!
//! It is Jackson's grammar as Kafka configures it: leading zeros are allowed, text after the document is ignored, and
//! nothing else deviates from the standard. The parser keeps its nesting in a bit set instead of on the stack, so that
//! no document can overflow the stack; it refuses more than 1000 levels, as Jackson does.

use std::fmt;

use super::scan::{self, Number, Text};

/// Deeper documents are refused, as Jackson's `StreamReadConstraints` does.
pub(super) const MAX_DEPTH: usize = 1000;
/// Longer names are refused, in bytes.
const MAX_NAME: usize = 50_000;
/// Longer strings are refused, in UTF-16 units.
const MAX_STRING: usize = 20_000_000;

/// The document is not JSON, or exceeds a limit: near which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) usize);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the text is not JSON, or exceeds a limit, at byte {}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// What the parser tells, in document order. A member is told as its key, then its value.
pub(super) trait Sink {
    fn null(&mut self);
    fn boolean(&mut self, value: bool);
    fn number(&mut self, number: Number);
    fn string(&mut self, text: Text);
    /// `at` is the offset of the opening bracket.
    fn begin_array(&mut self, at: usize);
    /// `end` is the offset behind the closing bracket.
    fn end_array(&mut self, end: usize);
    fn begin_object(&mut self, at: usize);
    fn end_object(&mut self, end: usize);
    fn key(&mut self, text: Text);
    /// Whether the next key is the one that the sink expects: `rest` starts behind the opening quote. Gives the length
    /// of the key in bytes; the sink then takes it as told. Only keys that need no escape may be expected.
    #[inline]
    fn expected_key(&mut self, rest: &[u8]) -> Option<usize> {
        let _ = rest;
        None
    }
}

/// A document: its text, and whether invalid UTF-8 follows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) cut: bool,
}

impl<'a> Source<'a> {
    /// The part of the payload that is UTF-8. Bytes after the document are never looked at, so that they may be
    /// anything; if the document reaches to the first invalid byte, it is malformed.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text, cut: false },
            Err(error) => {
                let text = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or("");
                Self { text, cut: true }
            }
        }
    }

    fn end<T>(&self, value: T) -> Result<T, Malformed> {
        if self.cut { Err(Malformed(self.text.len())) } else { Ok(value) }
    }
}

/// The offset of the next byte that is no white space.
#[inline]
pub(super) fn skip_space(doc: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = doc.get(at) {
        at += 1;
    }
    at
}

#[inline]
fn word(doc: &[u8], at: usize, word: &[u8]) -> Result<usize, Malformed> {
    if doc[at..].starts_with(word) { Ok(at + word.len()) } else { Err(Malformed(at)) }
}

/// One bit per level: whether it is an object.
struct Nesting {
    bits: [u64; MAX_DEPTH / 64 + 1],
    depth: usize,
}

impl Nesting {
    #[inline]
    fn push(&mut self, object: bool, at: usize) -> Result<(), Malformed> {
        if self.depth >= MAX_DEPTH {
            return Err(Malformed(at));
        }
        let bit = 1 << (self.depth % 64);
        let bits = &mut self.bits[self.depth / 64];
        *bits = if object { *bits | bit } else { *bits & !bit };
        self.depth += 1;
        Ok(())
    }

    /// Leaves a level, and says what the level around it is.
    #[inline]
    fn pop(&mut self, outer: usize) -> Inside {
        self.depth -= 1;
        self.inside(outer)
    }

    #[inline]
    fn inside(&self, outer: usize) -> Inside {
        match self.depth.checked_sub(1) {
            Some(top) if top >= outer => {
                if self.bits[top / 64] >> (top % 64) & 1 == 1 {
                    Inside::Object
                } else {
                    Inside::Array
                }
            }
            _ => Inside::Nothing,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Nothing,
    Array,
    Object,
}

/// Reads one value that starts at `start`, possibly after white space, `depth` levels deep in a document. Gives the
/// offset behind it, or `None` when there is nothing but white space.
pub(super) fn value<S: Sink>(
    source: Source<'_>,
    start: usize,
    depth: usize,
    sink: &mut S,
) -> Result<Option<usize>, Malformed> {
    let doc = source.text.as_bytes();
    let mut nesting = Nesting { bits: [0; MAX_DEPTH / 64 + 1], depth };
    let mut at = skip_space(doc, start);
    if at == doc.len() && depth == 0 {
        return source.end(None);
    }
    let mut inside = Inside::Nothing;
    'value: loop {
        // A value starts at `at`.
        match doc.get(at) {
            Some(b'"') => {
                let text = scan::string(doc, at + 1)?;
                check_string(source, text)?;
                sink.string(text);
                at = text.end + 1;
            }
            Some(b'-' | b'0'..=b'9') => {
                let number = scan::number(doc, at)?;
                sink.number(number);
                at = number.end;
                if inside == Inside::Nothing
                    && depth == 0
                    && !matches!(doc.get(at), Some(b' ' | b'\t' | b'\n' | b'\r'))
                {
                    // Only white space may follow a number that stands alone.
                    return if at == doc.len() { source.end(Some(at)) } else { Err(Malformed(at)) };
                }
            }
            Some(b'{') => {
                nesting.push(true, at)?;
                sink.begin_object(at);
                at = skip_space(doc, at + 1);
                if doc.get(at) == Some(&b'}') {
                    at += 1;
                    sink.end_object(at);
                    inside = nesting.pop(depth);
                } else {
                    inside = Inside::Object;
                    at = key(doc, at, sink)?;
                    continue 'value;
                }
            }
            Some(b'[') => {
                nesting.push(false, at)?;
                sink.begin_array(at);
                at = skip_space(doc, at + 1);
                if doc.get(at) == Some(&b']') {
                    at += 1;
                    sink.end_array(at);
                    inside = nesting.pop(depth);
                } else {
                    inside = Inside::Array;
                    continue 'value;
                }
            }
            Some(b't') => {
                at = literal(source, word(doc, at, b"true")?)?;
                sink.boolean(true);
            }
            Some(b'f') => {
                at = literal(source, word(doc, at, b"false")?)?;
                sink.boolean(false);
            }
            Some(b'n') => {
                at = literal(source, word(doc, at, b"null")?)?;
                sink.null();
            }
            _ => return Err(Malformed(at)),
        }
        // A value ended before `at`.
        loop {
            if inside == Inside::Nothing {
                return Ok(Some(at));
            }
            at = skip_space(doc, at);
            match (inside, doc.get(at)) {
                (Inside::Array, Some(b',')) => {
                    at = skip_space(doc, at + 1);
                    continue 'value;
                }
                (Inside::Object, Some(b',')) => {
                    at = key(doc, skip_space(doc, at + 1), sink)?;
                    continue 'value;
                }
                (Inside::Array, Some(b']')) => {
                    at += 1;
                    sink.end_array(at);
                }
                (Inside::Object, Some(b'}')) => {
                    at += 1;
                    sink.end_object(at);
                }
                _ => return Err(Malformed(at)),
            }
            inside = nesting.pop(depth);
        }
    }
}

/// Reads a key at `at`, and gives the offset of the value.
#[inline]
fn key<S: Sink>(doc: &[u8], at: usize, sink: &mut S) -> Result<usize, Malformed> {
    if doc.get(at) != Some(&b'"') {
        return Err(Malformed(at));
    }
    let end = match sink.expected_key(&doc[at + 1..]) {
        Some(length) => at + 1 + length,
        None => {
            let text = scan::string(doc, at + 1)?;
            if text.end - text.start > MAX_NAME {
                return Err(Malformed(at));
            }
            sink.key(text);
            text.end
        }
    };
    let colon = if doc.get(end + 1) == Some(&b':') { end + 1 } else { skip_space(doc, end + 1) };
    if doc.get(colon) != Some(&b':') {
        return Err(Malformed(colon));
    }
    Ok(skip_space(doc, colon + 1))
}

#[inline]
fn check_string(source: Source<'_>, text: Text) -> Result<(), Malformed> {
    if text.end - text.start <= MAX_STRING {
        return Ok(());
    }
    let units: usize = text.decode(source.text).chars().map(char::len_utf16).sum();
    if units > MAX_STRING { Err(Malformed(text.start)) } else { Ok(()) }
}

/// No letter or digit may follow `true`, `false` and `null`.
#[inline]
fn literal(source: Source<'_>, end: usize) -> Result<usize, Malformed> {
    match source.text.as_bytes().get(end) {
        None => source.end(end),
        Some(b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | 0x7F..) => Err(Malformed(end)),
        Some(_) => Ok(end),
    }
}
