//! Everything that begins with a backslash.

use regex_syntax::hir::ClassUnicode;

use super::{Parsed, Parser};
use crate::ast::{Kind, Node, Place};
use crate::property::{grapheme_part, named, shorthand};
use crate::sets::{not, range, union};

/// What an escape stands for.
pub(super) enum Escape {
    /// One code point, which may be half of a surrogate pair.
    Code(u32),
    Set(ClassUnicode),
    Node(Node),
}

impl Parser {
    pub(super) fn escape_node(&mut self) -> Parsed<Node> {
        match self.escape(false, false)? {
            Escape::Code(code) => self.literal(code),
            Escape::Set(set) => self.set(set),
            Escape::Node(node) => Ok(node),
        }
    }

    /// Reads an escape from its backslash on. `in_range`: it is one end of a range of a class.
    pub(super) fn escape(&mut self, in_class: bool, in_range: bool) -> Parsed<Escape> {
        let Some(kind) = self.cursor.skip() else {
            return Err(self.error("Unescaped trailing backslash"));
        };
        let node = |node| Ok(Escape::Node(node));
        let place = |place| Ok(Escape::Node(Node::Place(place)));
        let code = |c: char| Ok(Escape::Code(c.into()));
        match kind {
            '0' => self.octal(),
            '1'..='9' if !in_class => self.back_reference(kind).map(Escape::Node),
            'A' if !in_class => place(Place::Start),
            'B' if !in_class => place(self.word_boundary(false)),
            'G' if !in_class => place(Place::LastMatch),
            'Z' if !in_class => place(Place::LineEnd { unix: self.flags.unix_lines, multiline: false }),
            'z' if !in_class => place(Place::End),
            'b' if !in_class => {
                if self.cursor.peek() == Some('{') {
                    return match self.cursor.ahead() {
                        Some('g') => Err(self.error("\\b{g} is not supported")),
                        // It would repeat the place.
                        _ => place(self.word_boundary(true)),
                    };
                }
                place(self.word_boundary(true))
            }
            'R' if !in_class => node(Node::LineBreak),
            'X' if !in_class => node(Node::Grapheme),
            'k' if !in_class => self.named_back_reference().map(Escape::Node),
            'N' if self.cursor.peek() == Some('{') => {
                Err(self.error("\\N{…} is not supported; write the character, or \\x{…}"))
            }
            'N' => Err(self.error("Illegal character name escape sequence")),
            // The end of a range must be one character; this one had been the vertical tab once.
            'v' if in_range => Ok(Escape::Code(0xB)),
            'd' | 'h' | 's' | 'v' | 'w' | 'D' | 'H' | 'S' | 'V' | 'W' => {
                let set = shorthand(kind.to_ascii_lowercase(), self.flags.modes());
                let set = set.unwrap_or_else(ClassUnicode::empty);
                Ok(Escape::Set(if kind.is_ascii_uppercase() { not(set) } else { set }))
            }
            'a' => code('\x07'),
            'e' => code('\x1B'),
            'f' => code('\x0C'),
            'n' => code('\n'),
            'r' => code('\r'),
            't' => code('\t'),
            'c' => match self.cursor.read() {
                Some(control) => Ok(Escape::Code(u32::from(control) ^ 64)),
                None => Err(self.error("Illegal control escape sequence")),
            },
            'u' => self.unicode().map(Escape::Code),
            'x' => self.hexadecimal().map(Escape::Code),
            _ if kind.is_ascii_alphanumeric() => Err(self.error("Illegal/unsupported escape sequence")),
            other => code(other),
        }
    }

    fn word_boundary(&self, boundary: bool) -> Place {
        Place::Word { boundary, unicode: self.flags.unicode_classes }
    }

    fn octal(&mut self) -> Parsed<Escape> {
        let mut code = None;
        for place in 0..3 {
            let digit = self.cursor.read().and_then(|c| c.to_digit(8));
            match (digit, code) {
                // The third digit must leave the number below 256.
                (Some(digit), Some(before)) if place == 1 || before < 32 => code = Some(before * 8 + digit),
                (Some(digit), None) => code = Some(digit),
                _ => {
                    self.cursor.at -= 1;
                    break;
                }
            }
        }
        code.map(Escape::Code).ok_or_else(|| self.error("Illegal octal escape sequence"))
    }

    fn hex_digit(&mut self) -> Option<u32> {
        self.cursor.read().and_then(|c| c.to_digit(16))
    }

    fn hexadecimal(&mut self) -> Parsed<u32> {
        let illegal = "Illegal hexadecimal escape sequence";
        if self.cursor.peek() != Some('{') {
            let (Some(high), Some(low)) = (self.hex_digit(), self.hex_digit()) else {
                return Err(self.error(illegal));
            };
            return Ok(high * 16 + low);
        }
        self.cursor.read();
        if !self.cursor.peek().is_some_and(|c| c.is_ascii_hexdigit()) {
            return Err(self.error(illegal));
        }
        let mut code = 0;
        loop {
            match self.cursor.read() {
                Some('}') => return Ok(code),
                Some(c) => match c.to_digit(16) {
                    Some(digit) => code = code * 16 + digit,
                    None => return Err(self.error("Unclosed hexadecimal escape sequence")),
                },
                None => return Err(self.error("Unclosed hexadecimal escape sequence")),
            }
            if code > 0x10FFFF {
                return Err(self.error("Hexadecimal codepoint is too big"));
            }
        }
    }

    fn four_digits(&mut self) -> Parsed<u32> {
        (0..4).try_fold(0, |code, _| match self.hex_digit() {
            Some(digit) => Ok(code * 16 + digit),
            None => Err(self.error("Illegal Unicode escape sequence")),
        })
    }

    /// `\uhhhh`; two of them may be the halves of one character.
    fn unicode(&mut self) -> Parsed<u32> {
        let first = self.four_digits()?;
        if (0xD800..0xDC00).contains(&first) {
            let after = self.cursor.at;
            if self.cursor.read() == Some('\\') && self.cursor.read() == Some('u') {
                let second = self.four_digits()?;
                if (0xDC00..0xE000).contains(&second) {
                    return Ok(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
                }
            }
            self.cursor.at = after;
        }
        Ok(first)
    }

    /// `\1` and on: as many digits as make the number of a group that began before.
    fn back_reference(&mut self, first: char) -> Parsed<Node> {
        let mut number = first.to_digit(10).unwrap_or(0);
        while let Some(digit) = self.cursor.peek().and_then(|c| c.to_digit(10)) {
            let longer = number.saturating_mul(10).saturating_add(digit);
            if longer > self.groups {
                break;
            }
            number = longer;
            self.cursor.read();
        }
        Ok(Node::BackReference(number, self.flags.fold()))
    }

    fn named_back_reference(&mut self) -> Parsed<Node> {
        if self.cursor.read() != Some('<') {
            return Err(self.error("\\k is not followed by '<' for named capturing group"));
        }
        let first = self.cursor.read();
        let name = self.group_name(first)?;
        match self.names.iter().find(|(known, _)| *known == name) {
            Some((_, number)) => Ok(Node::BackReference(*number, self.flags.fold())),
            None => Err(self.error(format!("named capturing group <{name}> does not exist"))),
        }
    }

    /// `\p…` or `\P…`, from its letter on.
    pub(super) fn property(&mut self) -> Parsed<ClassUnicode> {
        let negated = self.cursor.current() == Some('P');
        let name = match self.cursor.next() {
            Some('{') => {
                let from = self.cursor.at + 1;
                let Some(length) = self.cursor.chars[from..].iter().position(|c| *c == '}') else {
                    return Err(self.error("Unclosed character family"));
                };
                self.cursor.at = from;
                // White space before the name is passed over under `(?x)`, that inside it is not.
                self.cursor.peek();
                let begin = self.cursor.at.min(from + length);
                self.cursor.at = from + length + 1;
                self.cursor.chars[begin..from + length].iter().collect::<String>()
            }
            Some(letter) => {
                self.cursor.at += 1;
                letter.to_string()
            }
            None => String::from("\0"),
        };
        if name.is_empty() {
            return Err(self.error("Empty character family"));
        }
        let set = named(&name, self.flags.modes()).map_err(|problem| self.error(problem))?;
        Ok(if negated { not(set) } else { set })
    }
}

/// `\X` in the terms of everything else: Unicode's rules for what a reader takes for one character.
pub(crate) fn grapheme() -> Node {
    let part = |name: &str| Node::Set(grapheme_part(name));
    let many = |node: Node, min| Node::Repeat {
        inner: Box::new(node),
        min,
        max: i32::MAX as u32,
        kind: Kind::Greedy,
    };
    let group = |inner: Node| Node::Group { inner: Box::new(inner), capture: None };
    let either = |nodes: Vec<Node>| group(Node::Alternation(nodes));
    let character = |c: u32| Node::Set(range(c, c));
    let breaking = union(["Control", "CR", "LF"].map(grapheme_part));
    let hangul = either(vec![
        Node::Concat(vec![
            many(part("L"), 0),
            either(vec![
                Node::Concat(vec![part("V"), many(part("V"), 0)]),
                Node::Concat(vec![part("LV"), many(part("V"), 0)]),
                part("LVT"),
            ]),
            many(part("T"), 0),
        ]),
        many(part("L"), 1),
        many(part("T"), 1),
    ]);
    let joined = Node::Concat(vec![
        part("Pictographic"),
        many(group(Node::Concat(vec![many(part("Extend"), 0), character(0x200D), part("Pictographic")])), 0),
    ]);
    let flag = Node::Concat(vec![part("RI"), part("RI")]);
    let core = either(vec![hangul, flag, joined, Node::Set(not(breaking))]);
    let after = || many(Node::Set(union(["Extend", "ZWJ", "SpacingMark"].map(grapheme_part))), 0);
    let all = vec![
        Node::Concat(vec![character(0xD), character(0xA)]),
        Node::Concat(vec![many(part("Prepend"), 0), core, after()]),
        Node::Concat(vec![many(part("Prepend"), 1), after()]),
        Node::Set(not(ClassUnicode::empty())),
    ];
    Node::Atomic(Box::new(Node::Alternation(all)))
}
