//! [`Program`]: an expression as steps for the matcher.

use std::sync::Arc;

use regex_syntax::hir::ClassUnicode;

use crate::ast::{Fold, Kind, Look, Node, Place};
use crate::parse::Expression;
use crate::sets::CharSet;

/// One step. Steps follow each other unless they say where to go on.
#[derive(Debug)]
pub(crate) enum Step {
    Set(Arc<CharSet>),
    Place(Place),
    LineBreak,
    BackReference(u32, Fold),
    /// Remembers the place in a slot.
    Save(usize),
    /// The end of a group that began at the place remembered in `begin`.
    Captured {
        slot: usize,
        begin: usize,
    },
    Jump(usize),
    /// Goes on here first, and there if that leads nowhere.
    Split(usize, usize),
    /// One character again and again.
    RepeatSet {
        set: Arc<CharSet>,
        min: u32,
        max: u32,
        kind: Kind,
    },
    /// The steps up to `end`, from which nothing is tried again once they have matched, as often as possible or
    /// needed. `capture`: the slot where the last repetition is remembered.
    RepeatWhole {
        min: u32,
        max: u32,
        kind: Kind,
        capture: Option<usize>,
        end: usize,
    },
    /// The beginning of a loop: its counter is in slot `counter`, the place of its last repetition in the next one.
    LoopStart {
        counter: usize,
        min: u32,
        max: u32,
        lazy: bool,
        end: usize,
    },
    /// The end of the loop that begins in the step given.
    LoopEnd {
        start: usize,
    },
    /// The steps up to `end`, once and for all.
    Atomic {
        end: usize,
    },
    /// The steps up to `end`, from here or before, without taking anything.
    Look {
        look: Look,
        end: usize,
    },
    /// The end of what a step encloses, or of everything.
    Accept,
}

/// The steps of an expression.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
    /// Two for each group, one more for its beginning, and two for each loop.
    pub(crate) slots: usize,
    pub(crate) groups: u32,
}

impl Program {
    pub(crate) fn new(expression: &Expression) -> Self {
        let slots = 2 * (expression.groups as usize + 1);
        let mut compiler = Compiler { steps: Vec::new(), slots };
        compiler.node(&expression.node);
        compiler.steps.push(Step::Accept);
        Self { steps: compiler.steps, slots: compiler.slots, groups: expression.groups }
    }
}

struct Compiler {
    steps: Vec<Step>,
    slots: usize,
}

impl Compiler {
    fn push(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// What a step encloses, with its end.
    fn enclosed(&mut self, node: &Node) -> usize {
        self.node(node);
        self.push(Step::Accept) + 1
    }

    fn set(set: &ClassUnicode) -> Arc<CharSet> {
        Arc::new(CharSet::new(set))
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Empty => {}
            Node::Set(set) => {
                self.push(Step::Set(Self::set(set)));
            }
            Node::Concat(parts) => parts.iter().for_each(|part| self.node(part)),
            Node::Alternation(all) => self.alternation(all),
            Node::Group { inner, capture } => self.group(inner, *capture),
            Node::Repeat { inner, min, max, kind } => self.repeat(node, inner, *min, *max, *kind),
            Node::Optional(inner, kind) => self.optional(inner, *kind),
            Node::Atomic(inner) => {
                let at = self.push(Step::Atomic { end: 0 });
                let end = self.enclosed(inner);
                self.steps[at] = Step::Atomic { end };
            }
            Node::Look(look, inner) => {
                let at = self.push(Step::Look { look: *look, end: 0 });
                self.node(inner);
                if matches!(look, Look::Behind(..) | Look::NotBehind(..)) {
                    self.push(Step::Place(Place::LookedFrom));
                }
                let end = self.push(Step::Accept) + 1;
                self.steps[at] = Step::Look { look: *look, end };
            }
            Node::BackReference(number, fold) => {
                self.push(Step::BackReference(*number, *fold));
            }
            Node::Place(place) => {
                self.push(Step::Place(*place));
            }
            Node::LineBreak => {
                self.push(Step::LineBreak);
            }
            Node::Grapheme => self.node(&crate::parse::grapheme()),
        }
    }

    fn alternation(&mut self, all: &[Node]) {
        let mut ends = Vec::new();
        for (place, node) in all.iter().enumerate() {
            if place + 1 == all.len() {
                self.node(node);
                break;
            }
            let split = self.push(Step::Split(0, 0));
            self.node(node);
            ends.push(self.push(Step::Jump(0)));
            self.steps[split] = Step::Split(split + 1, self.steps.len());
        }
        let end = self.steps.len();
        for at in ends {
            self.steps[at] = Step::Jump(end);
        }
    }

    fn group(&mut self, inner: &Node, capture: Option<u32>) {
        let slot = capture.map(|number| 2 * number as usize);
        // The beginning counts only once the end is reached, so it waits in a slot of its own.
        let Some(slot) = slot else { return self.node(inner) };
        let begin = self.slots;
        self.slots += 1;
        self.push(Step::Save(begin));
        self.node(inner);
        self.push(Step::Captured { slot, begin });
    }

    fn optional(&mut self, inner: &Node, kind: Kind) {
        if !inner.is_group() || kind == Kind::Possessive {
            return self.whole(inner, 0, 1, kind, None);
        }
        let split = self.push(Step::Split(0, 0));
        self.node(inner);
        let (inside, after) = (split + 1, self.steps.len());
        self.steps[split] =
            if kind == Kind::Lazy { Step::Split(after, inside) } else { Step::Split(inside, after) };
    }

    fn whole(&mut self, inner: &Node, min: u32, max: u32, kind: Kind, capture: Option<usize>) {
        let at = self.push(Step::RepeatWhole { min, max, kind, capture, end: 0 });
        let end = self.enclosed(inner);
        self.steps[at] = Step::RepeatWhole { min, max, kind, capture, end };
    }

    fn repeat(&mut self, node: &Node, inner: &Node, min: u32, max: u32, kind: Kind) {
        match inner {
            Node::Set(set) => {
                self.push(Step::RepeatSet { set: Self::set(set), min, max, kind });
            }
            _ if node.is_free_loop() => {
                let counter = self.slots;
                self.slots += 2;
                let start = self.push(Step::Accept);
                self.node(inner);
                let end = self.push(Step::LoopEnd { start }) + 1;
                let lazy = kind == Kind::Lazy;
                self.steps[start] = Step::LoopStart { counter, min, max, lazy, end };
            }
            Node::Group { inner, capture } if kind != Kind::Possessive => {
                self.whole(inner, min, max, kind, capture.map(|number| 2 * number as usize));
            }
            _ => self.whole(inner, min, max, kind, None),
        }
    }
}
