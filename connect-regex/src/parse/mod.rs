//! Reads an expression as `java.util.regex.Pattern` does, corners included: where Java takes a character literally
//! that looks like syntax, or refuses it, so does this.

mod class;
mod cursor;
mod escape;
mod group;

use std::fmt;

use regex_syntax::hir::ClassUnicode;

use self::cursor::Cursor;
pub(crate) use self::escape::grapheme;
use crate::ast::{Fold, Kind, Node, Place, UNLIMITED};
use crate::property::Modes;
use crate::sets::{literal, not, ranges};

/// Longer expressions are refused.
const LONGEST: usize = 65_536;
/// Deeper nesting of groups and classes is refused.
const DEEPEST: usize = 200;
/// So many ranges of characters may all sets of an expression have.
const RANGES: usize = 500_000;

/// What is wrong with an expression, and at which character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    pub(crate) problem: String,
    pub(crate) at: usize,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} near index {}", self.problem, self.at)
    }
}

impl std::error::Error for PatternError {}

pub(crate) type Parsed<T> = Result<T, PatternError>;

/// What `(?…)` switches on and off.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flags {
    ignore_case: bool,
    unix_lines: bool,
    multiline: bool,
    dot_all: bool,
    unicode_case: bool,
    comments: bool,
    unicode_classes: bool,
}

impl Flags {
    fn fold(self) -> Fold {
        match (self.ignore_case, self.unicode_case) {
            (false, _) => Fold::None,
            (true, false) => Fold::Ascii,
            (true, true) => Fold::Unicode,
        }
    }

    fn modes(self) -> Modes {
        Modes { ignore_case: self.ignore_case, unicode_classes: self.unicode_classes }
    }
}

/// An expression that was understood.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) node: Node,
    /// How many groups there are, without the whole match.
    pub(crate) groups: u32,
    pub(crate) names: Vec<(String, u32)>,
}

pub(crate) fn parse(pattern: &str) -> Parsed<Expression> {
    let mut parser = Parser::new(pattern)?;
    let node = parser.alternatives()?;
    if parser.cursor.peek().is_some() {
        return Err(parser.error("Unmatched closing ')'"));
    }
    Ok(Expression { node, groups: parser.groups, names: parser.names })
}

struct Parser {
    cursor: Cursor,
    flags: Flags,
    groups: u32,
    names: Vec<(String, u32)>,
    depth: usize,
    ranges: usize,
}

impl Parser {
    fn new(pattern: &str) -> Parsed<Self> {
        let chars: Vec<char> = pattern.chars().take(LONGEST + 1).collect();
        if chars.len() > LONGEST {
            let problem = format!("An expression of more than {LONGEST} characters is not supported");
            return Err(PatternError { problem, at: LONGEST });
        }
        Ok(Self {
            cursor: Cursor::new(&chars),
            flags: Flags::default(),
            groups: 0,
            names: Vec::new(),
            depth: 0,
            ranges: 0,
        })
    }

    fn error(&self, problem: impl Into<String>) -> PatternError {
        PatternError { problem: problem.into(), at: self.cursor.at.min(self.cursor.chars.len()) }
    }

    fn set_flags(&mut self, flags: Flags) {
        self.flags = flags;
        self.cursor.comments = flags.comments;
        self.cursor.unix_lines = flags.unix_lines;
    }

    /// Does something one level deeper.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == DEEPEST {
            return Err(
                self.error(format!("More than {DEEPEST} levels of groups and classes are not supported"))
            );
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// The set, unless all sets together have become too large.
    fn counted(&mut self, set: ClassUnicode) -> Parsed<ClassUnicode> {
        self.ranges += set.ranges().len();
        match self.ranges > RANGES {
            true => Err(self.error("The classes of the expression are too large")),
            false => Ok(set),
        }
    }

    /// A set as a part of the expression.
    fn set(&mut self, set: ClassUnicode) -> Parsed<Node> {
        self.counted(set).map(Node::Set)
    }

    fn literal(&mut self, code: u32) -> Parsed<Node> {
        let set = literal(code, self.flags.fold());
        self.set(set)
    }

    /// `…|…|…`, up to the end or to a closing parenthesis.
    fn alternatives(&mut self) -> Parsed<Node> {
        self.nested(|parser| {
            let mut all = vec![parser.sequence()?];
            while parser.cursor.peek() == Some('|') {
                parser.cursor.next();
                all.push(parser.sequence()?);
            }
            Ok(match all.len() {
                1 => all.remove(0),
                _ => Node::Alternation(all),
            })
        })
    }

    fn sequence(&mut self) -> Parsed<Node> {
        let mut parts = Vec::new();
        loop {
            let part = match self.cursor.peek() {
                None | Some('|' | ')') => break,
                Some('(') => {
                    parts.extend(self.group()?);
                    continue;
                }
                Some('[') => {
                    let set = self.class(true)?;
                    self.set(set)?
                }
                Some('\\') if matches!(self.cursor.ahead(), Some('p' | 'P')) => {
                    self.cursor.at += 1;
                    let set = self.property()?;
                    self.set(set)?
                }
                Some('\\') => self.escape_node()?,
                Some('^') => {
                    self.cursor.next();
                    Node::Place(match self.flags.multiline {
                        true => Place::LineStart { unix: self.flags.unix_lines },
                        false => Place::Start,
                    })
                }
                Some('$') => {
                    self.cursor.next();
                    let Flags { unix_lines: unix, multiline, .. } = self.flags;
                    Node::Place(Place::LineEnd { unix, multiline })
                }
                Some('.') => {
                    self.cursor.next();
                    let set = self.dot();
                    self.set(set)?
                }
                Some(quantifier @ ('?' | '*' | '+')) => {
                    return Err(self.error(format!("Dangling meta character '{quantifier}'")));
                }
                // A repetition of nothing, unless it is refused.
                Some('{') => Node::Empty,
                Some(other) => {
                    self.cursor.next();
                    self.literal(other.into())?
                }
            };
            let part = self.quantified(part)?;
            parts.push(part);
        }
        Ok(match parts.len() {
            0 => Node::Empty,
            1 => parts.remove(0),
            _ => Node::Concat(parts),
        })
    }

    fn dot(&self) -> ClassUnicode {
        match self.flags {
            Flags { dot_all: true, .. } => not(ClassUnicode::empty()),
            Flags { unix_lines: true, .. } => not(ranges(&[(0xA, 0xA)])),
            _ => not(ranges(&[(0xA, 0xA), (0xD, 0xD), (0x85, 0x85), (0x2028, 0x2029)])),
        }
    }

    /// The part with the quantifier that follows, if there is one. Only one: what looks like a second is refused, or
    /// repeats nothing.
    fn quantified(&mut self, part: Node) -> Parsed<Node> {
        let (min, max) = match self.cursor.peek() {
            Some('?') => {
                self.cursor.next();
                let kind = self.kind();
                return Ok(Node::Optional(Box::new(part), kind));
            }
            Some('*') => (0, UNLIMITED),
            Some('+') => (1, UNLIMITED),
            Some('{') => self.counts()?,
            _ => return Ok(part),
        };
        self.cursor.next();
        let kind = self.kind();
        Ok(Node::Repeat { inner: Box::new(part), min, max, kind })
    }

    fn kind(&mut self) -> Kind {
        match self.cursor.peek() {
            Some('?') => {
                self.cursor.next();
                Kind::Lazy
            }
            Some('+') => {
                self.cursor.next();
                Kind::Possessive
            }
            _ => Kind::Greedy,
        }
    }

    /// `{n}`, `{n,}` or `{n,m}`, up to the closing brace, which stays.
    fn counts(&mut self) -> Parsed<(u32, u32)> {
        self.cursor.at += 1;
        let Some(first) = self.cursor.current().and_then(|c| c.to_digit(10)) else {
            return Err(self.error("Illegal repetition"));
        };
        self.cursor.at += 1;
        let min = self.count(first)?;
        let mut max = min;
        if self.cursor.peek() == Some(',') {
            self.cursor.next();
            max = match self.cursor.peek() {
                Some('}') => UNLIMITED,
                Some(digit) if digit.is_ascii_digit() => self.count(0)?,
                _ => return Err(self.error("Unclosed counted closure")),
            };
        }
        if self.cursor.peek() != Some('}') {
            return Err(self.error("Unclosed counted closure"));
        }
        if max < min {
            return Err(self.error("Illegal repetition range"));
        }
        Ok((min, max))
    }

    fn count(&mut self, mut count: u32) -> Parsed<u32> {
        while let Some(digit) = self.cursor.peek().and_then(|c| c.to_digit(10)) {
            self.cursor.next();
            count = count
                .checked_mul(10)
                .and_then(|count| count.checked_add(digit))
                .filter(|count| *count <= UNLIMITED)
                .ok_or_else(|| self.error("Illegal repetition range"))?;
        }
        Ok(count)
    }
}
