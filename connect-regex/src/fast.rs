//! Writes an expression for the `regex` crate, which takes linear time, where that means the same.

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::ClassUnicode;

use crate::ast::{Kind, Node, Place, UNLIMITED};

/// So large may a compiled expression be, in bytes; what is larger is left to the matcher, which counts instead.
const SIZE: usize = 1 << 21;

/// An expression of the `regex` crate.
#[derive(Clone, Debug)]
pub(crate) struct Fast {
    /// The text as a whole.
    pub(crate) whole: Regex,
    /// The first match and its groups, if they are those that Java finds.
    pub(crate) first: Option<Regex>,
    /// It means the same only for texts of ASCII without line breaks, such as the names of topics.
    plain_only: bool,
}

impl Fast {
    pub(crate) fn new(node: &Node) -> Option<Self> {
        let mut writer = Writer { out: String::new(), plain_only: false, first_is_same: true };
        writer.node(node, false)?;
        let compile = |text: &str| RegexBuilder::new(text).size_limit(SIZE).dfa_size_limit(SIZE).build().ok();
        Some(Self {
            whole: compile(&format!(r"\A(?:{})\z", writer.out))?,
            first: if writer.first_is_same { compile(&writer.out) } else { None },
            plain_only: writer.plain_only,
        })
    }

    pub(crate) fn is_for(&self, text: &str) -> bool {
        !self.plain_only || text.bytes().all(|byte| byte.is_ascii() && byte != b'\n' && byte != b'\r')
    }
}

struct Writer {
    out: String,
    plain_only: bool,
    first_is_same: bool,
}

impl Writer {
    /// `None` if the crate cannot say it.
    fn node(&mut self, node: &Node, repeated: bool) -> Option<()> {
        match node {
            Node::Empty => self.out.push_str("(?:)"),
            Node::Set(set) => self.set(set),
            Node::Concat(parts) => parts.iter().try_for_each(|part| self.node(part, repeated))?,
            Node::Alternation(all) => {
                // The crate takes what all branches begin with out of them, also where it can match in several ways:
                // `a*ab|a*` becomes `a*(?:ab|)`, which finds `a` in `ab`.
                self.first_is_same &= !all.iter().all(varies);
                for (place, one) in all.iter().enumerate() {
                    self.out.push_str(if place == 0 { "(?:" } else { "|" });
                    self.node(one, repeated)?;
                }
                self.out.push(')');
            }
            Node::Group { inner, capture } => {
                // Java's captures in repetitions follow rules of their own.
                self.first_is_same &= capture.is_none() || !repeated;
                self.out.push_str(if capture.is_some() { "(" } else { "(?:" });
                self.node(inner, repeated)?;
                self.out.push(')');
            }
            Node::Optional(inner, kind) => {
                self.repeated(inner, true)?;
                self.out.push('?');
                self.kind(*kind)?;
            }
            Node::Repeat { inner, min, max, kind } => {
                self.first_is_same &= !nullable(inner);
                self.repeated(inner, true)?;
                match (*min, *max) {
                    (0, UNLIMITED) => self.out.push('*'),
                    (1, UNLIMITED) => self.out.push('+'),
                    (min, UNLIMITED) => self.out.push_str(&format!("{{{min},}}")),
                    (min, max) => self.out.push_str(&format!("{{{min},{max}}}")),
                }
                self.kind(*kind)?;
            }
            Node::Place(place) => self.place(*place)?,
            Node::Atomic(_) | Node::Look(..) | Node::BackReference(..) | Node::LineBreak | Node::Grapheme => {
                return None;
            }
        }
        Some(())
    }

    fn repeated(&mut self, inner: &Node, repeated: bool) -> Option<()> {
        self.out.push_str("(?:");
        self.node(inner, repeated)?;
        self.out.push(')');
        Some(())
    }

    fn kind(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::Greedy => {}
            Kind::Lazy => self.out.push('?'),
            Kind::Possessive => return None,
        }
        Some(())
    }

    fn place(&mut self, place: Place) -> Option<()> {
        self.plain_only |= !matches!(place, Place::Start | Place::End);
        self.out.push_str(match place {
            Place::Start => r"\A",
            Place::End | Place::LineEnd { .. } => r"\z",
            Place::Word { boundary: true, .. } => r"(?-u:\b)",
            Place::Word { boundary: false, .. } => r"\B",
            Place::LineStart { .. } | Place::LastMatch | Place::LookedFrom => return None,
        });
        Some(())
    }

    fn set(&mut self, set: &ClassUnicode) {
        if let [one] = set.ranges()
            && one.start() == one.end()
        {
            self.out.push_str(&regex_syntax::escape(&one.start().to_string()));
        } else if set.ranges().is_empty() {
            self.out.push_str(r"[^\x{0}-\x{10FFFF}]");
        } else {
            self.out.push('[');
            for range in set.ranges() {
                let (from, to) = (u32::from(range.start()), u32::from(range.end()));
                self.out.push_str(&format!(r"\x{{{from:X}}}-\x{{{to:X}}}"));
            }
            self.out.push(']');
        }
    }
}

/// Whether it may take more than one length of text.
fn varies(node: &Node) -> bool {
    match node {
        Node::Empty | Node::Set(_) | Node::Place(_) => false,
        Node::Concat(parts) => parts.iter().any(varies),
        Node::Group { inner, .. } => varies(inner),
        _ => true,
    }
}

/// Whether it can match without taking anything.
fn nullable(node: &Node) -> bool {
    match node {
        Node::Set(_) => false,
        Node::Concat(parts) => parts.iter().all(nullable),
        Node::Alternation(all) => all.iter().any(nullable),
        Node::Group { inner, .. } => nullable(inner),
        Node::Repeat { inner, min, .. } => *min == 0 || nullable(inner),
        _ => true,
    }
}
