//! [`Cursor`]: the characters of an expression, without `\Q…\E`, and past white space and comments under `(?x)`.

#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) chars: Vec<char>,
    pub(super) at: usize,
    pub(super) comments: bool,
    pub(super) unix_lines: bool,
}

impl Cursor {
    pub(super) fn new(pattern: &[char]) -> Self {
        Self { chars: unquoted(pattern), at: 0, comments: false, unix_lines: false }
    }

    /// The character here, whatever it is.
    pub(super) fn current(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// The one after it.
    pub(super) fn ahead(&self) -> Option<char> {
        self.chars.get(self.at + 1).copied()
    }

    /// The next character that counts, which becomes the current one.
    pub(super) fn peek(&mut self) -> Option<char> {
        if self.comments {
            loop {
                match self.current() {
                    Some('\t'..='\r' | ' ') => self.at += 1,
                    Some('#') => {
                        self.at += 1;
                        while self.current().is_some_and(|c| c != '\0' && !self.ends_line(c)) {
                            self.at += 1;
                        }
                        // A line separator that is no white space is a character again.
                        if !matches!(self.current(), Some('\t'..='\r' | ' ' | '#')) {
                            break;
                        }
                    }
                    _ => break,
                }
            }
        }
        self.current()
    }

    fn ends_line(&self, c: char) -> bool {
        match self.unix_lines {
            true => c == '\n',
            false => matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'),
        }
    }

    /// Goes past the current character, and answers the next one that counts.
    pub(super) fn next(&mut self) -> Option<char> {
        self.at += 1;
        self.peek()
    }

    /// Takes the next character that counts.
    pub(super) fn read(&mut self) -> Option<char> {
        let read = self.peek();
        self.at += 1;
        read
    }

    /// Takes the character after the current one, whatever it is.
    pub(super) fn skip(&mut self) -> Option<char> {
        let skipped = self.ahead();
        self.at += 2;
        skipped
    }
}

/// What `\Q…\E` encloses, with a `\` before everything that could be syntax. Java undoes quoting first, over the whole
/// text, so that a quantifier after `\E` belongs to the last character before it.
fn unquoted(pattern: &[char]) -> Vec<char> {
    let mut out = Vec::with_capacity(pattern.len());
    let (mut at, mut quoted, mut begins) = (0, false, false);
    while let Some(&c) = pattern.get(at) {
        at += 1;
        let next = pattern.get(at).copied();
        match (c, quoted) {
            ('\\', true) if next == Some('E') => {
                at += 1;
                quoted = false;
            }
            ('\\', true) => out.extend(['\\', '\\']),
            ('\\', false) if next == Some('Q') => {
                at += 1;
                (quoted, begins) = (true, true);
                continue;
            }
            ('\\', false) => {
                out.push(c);
                out.extend(next);
                at += 1;
            }
            // A digit must not become a part of an escape before the quotation.
            ('0'..='9', _) if begins => out.extend(['\\', 'x', '3', c]),
            (_, true) if c.is_ascii() && !c.is_ascii_alphanumeric() => out.extend(['\\', c]),
            _ => out.push(c),
        }
        begins = false;
    }
    out
}
