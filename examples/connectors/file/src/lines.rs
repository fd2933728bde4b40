//! [`Lines`]: cuts a stream of bytes into lines without copying them.

use connect_api::{Bytes, BytesMut, Str};
use memchr::{memchr2, memrchr2};

/// Bytes on their way to lines. A line ends with `\n`, `\r` or `\r\n`; what has no end yet waits.
///
/// Bytes are collected in `buffer`. When it holds a line end, everything up to the last one becomes `block`, and
/// lines are slices of that block.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    buffer: BytesMut,
    /// How much of `buffer` is known to hold no line end.
    searched: usize,
    block: Bytes,
    /// Where in `block` the next line begins.
    cursor: usize,
}

impl Lines {
    /// The buffer to append to. Tell with [`appended`](Self::appended) that it happened.
    pub(crate) fn take_buffer(&mut self) -> BytesMut {
        std::mem::take(&mut self.buffer)
    }

    /// Gives the buffer back, with more at its end, once all lines have been taken.
    pub(crate) fn appended(&mut self, buffer: BytesMut) {
        debug_assert!(self.cursor == self.block.len(), "lines are taken before more is read");
        self.buffer = buffer;
        // Whether a `\r` at the end is a line end of its own is known when the next byte is there.
        let decided = match self.buffer.last() {
            Some(b'\r') => self.buffer.len() - 1,
            _ => self.buffer.len(),
        };
        match memrchr2(b'\n', b'\r', &self.buffer[self.searched.min(decided)..decided]) {
            Some(last) => {
                self.block = self.buffer.split_to(self.searched + last + 1).freeze();
                self.cursor = 0;
                self.searched = 0;
            }
            None => self.searched = decided,
        }
    }

    /// Whether there is a next line.
    pub(crate) fn is_next(&self) -> bool {
        self.cursor < self.block.len()
    }

    /// The next line without its end, and the number of bytes consumed with its end.
    pub(crate) fn next(&mut self) -> Option<(Str, usize)> {
        let start = self.cursor;
        let length = memchr2(b'\n', b'\r', &self.block[start..])?;
        let end = start + length;
        let ends_with_two = self.block[end] == b'\r' && self.block.get(end + 1) == Some(&b'\n');
        self.cursor = end + if ends_with_two { 2 } else { 1 };
        Some((text(&self.block, start, end), self.cursor - start))
    }

    /// What is left when no more bytes will come: a line without end.
    pub(crate) fn finish(&mut self) -> Option<(Str, usize)> {
        let rest = std::mem::take(&mut self.buffer).freeze();
        self.searched = 0;
        let end = rest.len() - usize::from(rest.last() == Some(&b'\r'));
        (!rest.is_empty()).then(|| (text(&rest, 0, end), rest.len()))
    }
}

/// Up to this length a copy costs less than a reference count.
const SHORT: usize = 24;

fn text(block: &Bytes, start: usize, end: usize) -> Str {
    let line = &block[start..end];
    let text = if line.len() <= SHORT {
        std::str::from_utf8(line).ok().map(Str::from)
    } else {
        Str::from_utf8(block.slice(start..end)).ok()
    };
    text.unwrap_or_else(|| decode(line).into())
}

/// Decodes as Java's `InputStreamReader` does: each malformed sequence becomes one U+FFFD, and so does a surrogate of
/// three bytes, which Rust's lossy decoding would replace byte by byte.
#[cold]
fn decode(mut bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 8);
    loop {
        let error = match std::str::from_utf8(bytes) {
            Ok(valid) => {
                text.push_str(valid);
                return text;
            }
            Err(error) => error,
        };
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        text.push_str(&String::from_utf8_lossy(valid));
        text.push(char::REPLACEMENT_CHARACTER);
        let malformed = match rest {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..] => 3,
            _ => error.error_len().unwrap_or(rest.len()),
        };
        bytes = &rest[malformed..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(lines: &mut Lines, bytes: &[u8]) -> Vec<(String, usize)> {
        let mut buffer = lines.take_buffer();
        buffer.extend_from_slice(bytes);
        lines.appended(buffer);
        std::iter::from_fn(|| lines.next()).map(|(line, length)| (line.to_string(), length)).collect()
    }

    fn all_of(parts: &[&[u8]]) -> Vec<(String, usize)> {
        let mut lines = Lines::default();
        parts.iter().flat_map(|part| feed(&mut lines, part)).collect()
    }

    #[test]
    fn every_line_end_ends_a_line_and_counts() {
        let expected = [("a", 2), ("b", 2), ("c", 3), ("", 1), ("d", 2)].map(|(a, b)| (a.to_owned(), b));
        assert_eq!(all_of(&[b"a\nb\rc\r\n\nd\n"]), expected);
    }

    #[test]
    fn where_the_chunks_are_cut_does_not_matter() {
        let text = "one\r\n\rtwo\n\n\r\r\nthr\u{e9}e and a line that is longer than twenty-four bytes\r\nx\n"
            .as_bytes();
        let whole = all_of(&[text]);
        assert_eq!(whole.len(), 8);
        for size in 1..text.len() {
            let parts: Vec<&[u8]> = text.chunks(size).collect();
            assert_eq!(all_of(&parts), whole, "chunks of {size}");
        }
    }

    #[test]
    fn a_line_without_end_waits_and_so_does_a_carriage_return() {
        let mut lines = Lines::default();
        assert!(feed(&mut lines, b"par").is_empty());
        assert!(feed(&mut lines, b"tial\r").is_empty());
        assert_eq!(feed(&mut lines, b"\nnext"), [("partial".to_owned(), 9)]);
        assert_eq!(lines.finish(), Some((Str::from("next"), 4)));
        assert_eq!(lines.finish(), None);
    }

    #[test]
    fn malformed_bytes_become_replacement_characters_as_in_java() {
        for (bytes, text) in [
            (&b"a\xffb"[..], "a\u{fffd}b"),
            (b"\xe2\x82", "\u{fffd}"),
            (b"\xe2\x82z", "\u{fffd}z"),
            (b"\xed\xa0\x80", "\u{fffd}"),
            (b"\xc0\x80", "\u{fffd}\u{fffd}"),
            (b"\xf0\x9f\x98z", "\u{fffd}z"),
            (b"\xf4\x90\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(decode(bytes), text, "{bytes:?}");
        }
    }
}
