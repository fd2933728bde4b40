//! Everything that begins with a parenthesis.

use super::{Flags, Parsed, Parser};
use crate::ast::{Look, Node};

impl Parser {
    /// A group with its quantifier; `None` for flags alone, as `(?i)`.
    pub(super) fn group(&mut self) -> Parsed<Option<Node>> {
        let before = self.flags;
        let node = if self.cursor.next() == Some('?') {
            match self.cursor.skip() {
                Some(':') => self.inner(None)?,
                Some('=') => self.look(Look::Ahead)?,
                Some('!') => self.look(Look::NotAhead)?,
                Some('>') => Node::Atomic(Box::new(self.content()?)),
                Some('<') => match self.cursor.read() {
                    Some('=') => self.look(Look::Behind(0, 0))?,
                    Some('!') => self.look(Look::NotBehind(0, 0))?,
                    first => {
                        let name = self.group_name(first)?;
                        if self.names.iter().any(|(known, _)| *known == name) {
                            let problem = format!("Named capturing group <{name}> is already defined");
                            return Err(self.error(problem));
                        }
                        self.groups += 1;
                        let number = self.groups;
                        self.names.push((name, number));
                        self.inner(Some(number))?
                    }
                },
                Some('$' | '@') => return Err(self.error("Unknown group type")),
                _ => {
                    self.cursor.at -= 1;
                    self.switch_flags();
                    match self.cursor.read() {
                        Some(')') => return Ok(None),
                        Some(':') => self.inner(None)?,
                        Some('c') => return Err(self.error("Canonical equivalence, (?c), is not supported")),
                        _ => return Err(self.error("Unknown inline modifier")),
                    }
                }
            }
        } else {
            self.groups += 1;
            let number = self.groups;
            self.inner(Some(number))?
        };
        self.set_flags(before);
        self.quantified(node).map(Some)
    }

    fn inner(&mut self, capture: Option<u32>) -> Parsed<Node> {
        Ok(Node::Group { inner: Box::new(self.content()?), capture })
    }

    /// What is inside, and the closing parenthesis.
    fn content(&mut self) -> Parsed<Node> {
        let content = self.alternatives()?;
        match self.cursor.read() {
            Some(')') => Ok(content),
            _ => Err(self.error("Unclosed group")),
        }
    }

    fn look(&mut self, look: Look) -> Parsed<Node> {
        let content = self.content()?;
        let look = match look {
            Look::Ahead | Look::NotAhead => look,
            Look::Behind(..) | Look::NotBehind(..) => {
                let study = content.study();
                if !study.max_valid {
                    return Err(self.error("Look-behind group does not have an obvious maximum length"));
                }
                match look {
                    Look::Behind(..) => Look::Behind(study.min, study.max()),
                    _ => Look::NotBehind(study.min, study.max()),
                }
            }
        };
        Ok(Node::Look(look, Box::new(content)))
    }

    /// Letters and digits up to `>`.
    pub(super) fn group_name(&mut self, first: Option<char>) -> Parsed<String> {
        let Some(first) = first.filter(char::is_ascii_alphabetic) else {
            return Err(self.error("capturing group name does not start with a Latin letter"));
        };
        let mut name = String::from(first);
        loop {
            match self.cursor.read() {
                Some(c) if c.is_ascii_alphanumeric() => name.push(c),
                Some('>') => return Ok(name),
                _ => return Err(self.error("named capturing group is missing trailing '>'")),
            }
        }
    }

    /// `i`, `m`, …, then `-` and those that are switched off.
    fn switch_flags(&mut self) {
        let mut on = true;
        loop {
            let mut flags = self.flags;
            match self.cursor.peek() {
                Some('i') => flags.ignore_case = on,
                Some('m') => flags.multiline = on,
                Some('s') => flags.dot_all = on,
                Some('d') => flags.unix_lines = on,
                Some('u') => flags.unicode_case = on,
                Some('x') => flags.comments = on,
                Some('U') => flags = Flags { unicode_classes: on, unicode_case: on, ..flags },
                Some('-') if on => on = false,
                _ => return,
            }
            self.set_flags(flags);
            self.cursor.next();
        }
    }
}
