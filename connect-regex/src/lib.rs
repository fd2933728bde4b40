#![doc = include_str!("../README.md")]

mod ast;
mod fast;
mod matcher;
mod parse;
mod program;
mod property;
mod replace;
mod sets;

use std::ops::Range;
use std::sync::Arc;

use connect_api::config::{ParsedValue, Validator, invalid};
use connect_api::{Error, Result};

use self::fast::Fast;
use self::matcher::{Matcher, TooHard};
pub use self::parse::PatternError;
use self::program::Program;
use self::replace::{Groups, expand};

/// A Java regular expression, compiled. Cloning is cheap.
///
/// ```
/// use connect_regex::JavaRegex;
///
/// let regex = JavaRegex::new(r"(?!internal)(?<team>\w++)\.(.*)")?;
/// assert!(regex.matches("sales.orders")?);
/// assert!(!regex.matches("internal.orders")?);
/// assert_eq!(regex.replace_first("sales.orders", "$2-of-${team}")?, "orders-of-sales");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct JavaRegex(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pattern: String,
    program: Program,
    names: Vec<(String, u32)>,
    fast: Option<Fast>,
}

impl JavaRegex {
    /// Compiles an expression, as `Pattern.compile` does.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where. That is what Java refuses, and the few things that are not supported here.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        let expression = parse::parse(pattern)?;
        Ok(Self(Arc::new(Inner {
            pattern: pattern.to_owned(),
            program: Program::new(&expression),
            fast: Fast::new(&expression.node),
            names: expression.names,
        })))
    }

    /// Compiles the value of a configuration key.
    ///
    /// # Errors
    ///
    /// A config error with the key, the value, and what is wrong with it.
    pub fn parse(key: &str, pattern: &str) -> Result<Self> {
        Self::new(pattern).map_err(|error| invalid(key, pattern, format_args!("Invalid regex: {error}")))
    }

    /// The expression as it was given.
    pub fn as_str(&self) -> &str {
        &self.0.pattern
    }

    /// Whether the expression matches the text as a whole, as `Matcher.matches` says.
    ///
    /// # Errors
    ///
    /// When too many ways had to be tried: the answer is not known. Java would go on, perhaps for years.
    pub fn matches(&self, text: &str) -> Result<bool> {
        match &self.0.fast {
            Some(fast) if fast.is_for(text) => Ok(fast.whole.is_match(text)),
            _ => {
                let text: Vec<char> = text.chars().collect();
                Matcher::new(&self.0.program, &text).matches().map_err(|TooHard| self.too_hard())
            }
        }
    }

    /// [`matches`](Self::matches), for those who can but say no when the answer is not known.
    pub fn is_match(&self, text: &str) -> bool {
        self.matches(text).unwrap_or(false)
    }

    /// Where the expression first matches, in bytes, as `Matcher.find` says.
    ///
    /// # Errors
    ///
    /// As [`matches`](Self::matches).
    pub fn find(&self, text: &str) -> Result<Option<Range<usize>>> {
        if let Some(regex) = self.first_match(text) {
            return Ok(regex.find(text).map(|found| found.range()));
        }
        let decoded = Decoded::new(text);
        let found =
            Matcher::new(&self.0.program, &decoded.chars).find(0).map_err(|TooHard| self.too_hard())?;
        Ok(found.map(|(begin, end)| decoded.byte(begin)..decoded.byte(end)))
    }

    /// `Matcher.replaceFirst`: the text with the first match replaced. In the replacement `$1` and `${name}` stand for
    /// what a group took, and `\` takes the meaning from the next character.
    ///
    /// As in Java, the first match may be shorter than the text even where the expression also matches the text as a
    /// whole.
    ///
    /// # Errors
    ///
    /// As [`matches`](Self::matches), and for a replacement that refers to no group: Java's exception class with its
    /// message.
    pub fn replace_first(&self, text: &str, replacement: &str) -> Result<String> {
        if let Some(regex) = self.first_match(text) {
            let Some(captures) = regex.captures(text) else { return Ok(text.to_owned()) };
            let Some(found) = captures.get(0) else { return Ok(text.to_owned()) };
            let mut out = text[..found.start()].to_owned();
            expand(replacement, &Captured { captures, regex: &self.0 }, &mut out)?;
            out.push_str(&text[found.end()..]);
            return Ok(out);
        }
        self.replace(text, replacement, 1)
    }

    /// `Matcher.replaceAll`: the text with every match replaced.
    ///
    /// # Errors
    ///
    /// As [`replace_first`](Self::replace_first).
    pub fn replace_all(&self, text: &str, replacement: &str) -> Result<String> {
        self.replace(text, replacement, usize::MAX)
    }

    fn first_match(&self, text: &str) -> Option<&regex::Regex> {
        self.0.fast.as_ref().filter(|fast| fast.is_for(text))?.first.as_ref()
    }

    fn replace(&self, text: &str, replacement: &str, times: usize) -> Result<String> {
        let decoded = Decoded::new(text);
        let mut matcher = Matcher::new(&self.0.program, &decoded.chars);
        let (mut out, mut copied, mut from) = (String::new(), 0, 0);
        for _ in 0..times {
            if from > decoded.chars.len() {
                break;
            }
            let found = matcher.find(from).map_err(|TooHard| self.too_hard())?;
            let Some((begin, end)) = found else { break };
            out.push_str(decoded.slice(copied, begin));
            expand(replacement, &Matched { matcher: &matcher, decoded: &decoded, regex: &self.0 }, &mut out)?;
            copied = end;
            matcher.last_match = end;
            from = if begin == end { end + 1 } else { end };
        }
        out.push_str(decoded.slice(copied, decoded.chars.len()));
        Ok(out)
    }

    /// The answers without the faster way, for tests that compare the two.
    #[doc(hidden)]
    pub fn slowly(&self, text: &str) -> Result<(bool, Option<Range<usize>>)> {
        let decoded = Decoded::new(text);
        let matcher = || Matcher::new(&self.0.program, &decoded.chars);
        let answers = matcher().matches().and_then(|whole| Ok((whole, matcher().find(0)?)));
        let (whole, found) = answers.map_err(|TooHard| self.too_hard())?;
        Ok((whole, found.map(|(begin, end)| decoded.byte(begin)..decoded.byte(end))))
    }

    fn too_hard(&self) -> Error {
        Error::connect(format!(
            "The regular expression `{}` was given up: there are too many ways in which it may match",
            self.as_str()
        ))
    }
}

/// Accepts texts that [`JavaRegex::parse`] accepts, and null. For the validators of configuration keys.
pub fn validator() -> Validator {
    Validator::custom("valid regex", |key, value| {
        value.and_then(ParsedValue::as_str).map_or(Ok(()), |text| JavaRegex::parse(key, text).map(drop))
    })
}

/// A text as characters, with the way back to bytes.
struct Decoded<'a> {
    text: &'a str,
    chars: Vec<char>,
    bytes: Vec<usize>,
}

impl<'a> Decoded<'a> {
    fn new(text: &'a str) -> Self {
        let (bytes, chars) = text.char_indices().unzip();
        Self { text, chars, bytes }
    }

    fn byte(&self, at: usize) -> usize {
        self.bytes.get(at).copied().unwrap_or(self.text.len())
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        &self.text[self.byte(from)..self.byte(to)]
    }
}

impl Inner {
    fn named(&self, name: &str) -> Option<u32> {
        self.names.iter().find(|(known, _)| known == name).map(|(_, number)| *number)
    }
}

struct Captured<'a> {
    captures: regex::Captures<'a>,
    regex: &'a Inner,
}

impl Groups for Captured<'_> {
    fn count(&self) -> u32 {
        self.regex.program.groups
    }

    fn text(&self, number: u32) -> &str {
        self.captures.get(number as usize).map_or("", |group| group.as_str())
    }

    fn named(&self, name: &str) -> Option<u32> {
        self.regex.named(name)
    }
}

struct Matched<'a> {
    matcher: &'a Matcher<'a>,
    decoded: &'a Decoded<'a>,
    regex: &'a Inner,
}

impl Groups for Matched<'_> {
    fn count(&self) -> u32 {
        self.regex.program.groups
    }

    fn text(&self, number: u32) -> &str {
        self.matcher.group(number as usize).map_or("", |(begin, end)| self.decoded.slice(begin, end))
    }

    fn named(&self, name: &str) -> Option<u32> {
        self.regex.named(name)
    }
}
