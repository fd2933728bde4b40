//! The text file: how many lines it has, and what to do about a last line without an end.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};

/// A text file that the source can read to its end.
pub(crate) struct Input {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// How many lines it has.
    pub(crate) lines: u64,
}

impl Input {
    /// Looks at the file. The source leaves a last line without an end alone, since more may come; a file that ends so
    /// is copied into `directory`, and its last line ended.
    pub(crate) fn of(path: &Path, directory: &Path) -> io::Result<Self> {
        let (lines, ended) = count(File::open(path)?)?;
        if ended {
            return Ok(Self { path: path.to_owned(), lines });
        }
        let copy = directory.join("input.txt");
        fs::copy(path, &copy)?;
        File::options().append(true).open(&copy)?.write_all(b"\n")?;
        Ok(Self { path: copy, lines: lines + 1 })
    }
}

/// The number of line ends (`\n`, `\r` or `\r\n`), and whether there is nothing after the last.
pub(crate) fn count(file: File) -> io::Result<(u64, bool)> {
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let (mut lines, mut last) = (0, b'\n');
    loop {
        let block = reader.fill_buf()?;
        if block.is_empty() {
            return Ok((lines, last == b'\n'));
        }
        for &byte in block {
            // A carriage return is an end of its own unless a newline follows.
            lines += u64::from(byte == b'\n') + u64::from(last == b'\r' && byte != b'\n');
            last = byte;
        }
        let length = block.len();
        reader.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str) -> (u64, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("text");
        fs::write(&path, text).unwrap();
        let input = Input::of(&path, directory.path()).unwrap();
        (input.lines, fs::read_to_string(input.path).unwrap())
    }

    #[test]
    fn every_kind_of_line_end_counts() {
        assert_eq!(look("a\nb\r\nc\rd\n\n"), (5, "a\nb\r\nc\rd\n\n".to_owned()));
        assert_eq!(look(""), (0, String::new()));
    }

    #[test]
    fn a_last_line_without_an_end_gets_one_in_a_copy() {
        assert_eq!(look("a\nb"), (2, "a\nb\n".to_owned()));
        assert_eq!(look("a\r"), (1, "a\r\n".to_owned()));
    }
}
