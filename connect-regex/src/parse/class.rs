//! `[…]`: classes with unions, intersections and negation, reckoned as Java does.

use regex_syntax::hir::ClassUnicode;

use super::escape::Escape;
use super::{Parsed, Parser};
use crate::sets::{and, folded_range, literal, not, union};

/// One part of a class.
#[derive(Clone)]
enum Part {
    Set(ClassUnicode),
    /// All the single characters below 256 of the class, those included that are still to come.
    Letters,
}

/// What a class holds so far.
#[derive(Default)]
struct Content {
    /// The parts in order; `true` for those that are intersected with everything before, the others are added.
    parts: Vec<(bool, Part)>,
    letters: Vec<ClassUnicode>,
    /// There are letters that are not among the parts.
    loose_letters: bool,
    /// The part that came last; `None` after a letter.
    last: Option<Part>,
}

impl Content {
    fn is_empty(&self) -> bool {
        self.parts.is_empty() && !self.loose_letters
    }

    fn add(&mut self, set: ClassUnicode) {
        self.parts.push((false, Part::Set(set.clone())));
        self.last = Some(Part::Set(set));
    }

    fn add_letter(&mut self, set: ClassUnicode) {
        self.letters.push(set);
        self.loose_letters = true;
        self.last = None;
    }

    /// Everything so far is intersected with what follows `&&`, or with the part before it when nothing follows.
    fn intersect(&mut self, right: Option<ClassUnicode>) -> Result<(), &'static str> {
        if self.loose_letters {
            if self.parts.is_empty() {
                self.last = Some(Part::Letters);
            }
            self.parts.push((false, Part::Letters));
            self.loose_letters = false;
        }
        let nothing_before = self.parts.is_empty();
        if let Some(right) = right {
            self.last = Some(Part::Set(right));
        } else if nothing_before {
            return Err("Bad class syntax");
        }
        // Without a last part Java accepts the class and then fails whenever it is asked.
        let last = self.last.clone().ok_or("Bad class syntax: nothing follows &&")?;
        self.parts.push((!nothing_before, last));
        Ok(())
    }

    fn finish(mut self) -> ClassUnicode {
        let letters = union(self.letters);
        if self.loose_letters {
            self.parts.push((false, Part::Letters));
        }
        let mut all = ClassUnicode::empty();
        let mut added: Vec<ClassUnicode> = Vec::new();
        for (intersected, part) in self.parts {
            let set = match part {
                Part::Set(set) => set,
                Part::Letters => letters.clone(),
            };
            if intersected {
                all = and(union(added.drain(..).chain([all])), &set);
            } else {
                added.push(set);
            }
        }
        union(added.into_iter().chain([all]))
    }
}

impl Parser {
    /// A class from its bracket on, or the right side of `&&` from the ampersand on; only the former takes the closing
    /// bracket.
    pub(super) fn class(&mut self, takes_bracket: bool) -> Parsed<ClassUnicode> {
        self.nested(|parser| parser.class_content(takes_bracket))
    }

    fn class_content(&mut self, takes_bracket: bool) -> Parsed<ClassUnicode> {
        let mut content = Content::default();
        let mut next = self.cursor.next();
        let negated = next == Some('^') && self.cursor.chars.get(self.cursor.at - 1) == Some(&'[');
        if negated {
            next = self.cursor.next();
        }
        loop {
            match next {
                None => return Err(self.error("Unclosed character class")),
                Some('[') => {
                    let inner = self.class(true)?;
                    content.add(self.counted(inner)?);
                    next = self.cursor.peek();
                    continue;
                }
                Some('&') => {
                    if self.cursor.next() == Some('&') {
                        next = self.cursor.next();
                        let mut right: Vec<ClassUnicode> = Vec::new();
                        while !matches!(next, Some(']' | '&')) {
                            if next != Some('[') {
                                self.cursor.at -= 1;
                            }
                            let set = self.class(next == Some('['))?;
                            right.push(self.counted(set)?);
                            next = self.cursor.peek();
                        }
                        let right = (!right.is_empty()).then(|| union(right));
                        content.intersect(right).map_err(|problem| self.error(problem))?;
                        continue;
                    }
                    self.cursor.at -= 1;
                }
                Some(']') if !content.is_empty() => {
                    if takes_bracket {
                        self.cursor.next();
                    }
                    let set = content.finish();
                    return Ok(if negated { not(set) } else { set });
                }
                Some(_) => {}
            }
            self.class_item(&mut content)?;
            next = self.cursor.peek();
        }
    }

    /// A character, a range, or an escape.
    fn class_item(&mut self, content: &mut Content) -> Parsed<()> {
        let from = match self.cursor.peek() {
            Some('\\') if matches!(self.cursor.ahead(), Some('p' | 'P')) => {
                self.cursor.at += 1;
                let set = self.property()?;
                content.add(self.counted(set)?);
                return Ok(());
            }
            Some('\\') => {
                let in_range = self.cursor.chars.get(self.cursor.at + 2) == Some(&'-');
                match self.escape(true, in_range)? {
                    Escape::Code(code) => code,
                    Escape::Set(set) => {
                        content.add(self.counted(set)?);
                        return Ok(());
                    }
                    Escape::Node(_) => return Err(self.error("Illegal/unsupported escape sequence")),
                }
            }
            Some(c) => {
                self.cursor.next();
                c.into()
            }
            None => return Err(self.error("Unclosed character class")),
        };
        if self.cursor.peek() == Some('-') && !matches!(self.cursor.ahead(), Some('[' | ']')) {
            self.cursor.next();
            let to = match self.cursor.peek() {
                Some('\\') => match self.escape(true, true)? {
                    Escape::Code(code) => code,
                    _ => return Err(self.error("Illegal character range")),
                },
                Some(c) => {
                    self.cursor.next();
                    c.into()
                }
                None => return Err(self.error("Illegal character range")),
            };
            if to < from {
                return Err(self.error("Illegal character range"));
            }
            let set = folded_range(from, to, self.flags.fold());
            content.add(self.counted(set)?);
            return Ok(());
        }
        let set = literal(from, self.flags.fold());
        // Those that have relatives beyond 255 are no plain letters.
        let far = matches!(from, 0xFF | 0xB5 | 0x49 | 0x69 | 0x53 | 0x73 | 0x4B | 0x6B | 0xC5 | 0xE5);
        if from < 256 && !(far && self.flags.ignore_case && self.flags.unicode_case) {
            content.add_letter(set);
        } else {
            content.add(set);
        }
        Ok(())
    }
}
