//! [`Node`]: an expression as it was read, and how long its matches are.

use regex_syntax::hir::ClassUnicode;

/// How a quantifier takes what it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Greedy,
    Lazy,
    Possessive,
}

/// Which characters count as equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    None,
    Ascii,
    Unicode,
}

/// Places that match without taking anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `\A`, and `^` unless `(?m)`.
    Start,
    /// `\z`.
    End,
    /// `\G`.
    LastMatch,
    /// `^` under `(?m)`.
    LineStart { unix: bool },
    /// `$` and `\Z`.
    LineEnd { unix: bool, multiline: bool },
    /// `\b` and `\B`.
    Word { boundary: bool, unicode: bool },
    /// Where a lookbehind must end.
    LookedFrom,
}

/// What a look around the place asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Ahead,
    NotAhead,
    /// With the shortest and longest match, in characters; the longest as Java reckons it, with its overflow.
    Behind(i32, i32),
    NotBehind(i32, i32),
}

/// A part of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Empty,
    /// One character.
    Set(ClassUnicode),
    Concat(Vec<Self>),
    /// The first that leads to a match counts.
    Alternation(Vec<Self>),
    /// `capture`: the number of a capturing group.
    Group {
        inner: Box<Self>,
        capture: Option<u32>,
    },
    Repeat {
        inner: Box<Self>,
        min: u32,
        max: u32,
        kind: Kind,
    },
    /// `?`, which Java treats unlike `{0,1}`.
    Optional(Box<Self>, Kind),
    /// `(?>…)`.
    Atomic(Box<Self>),
    Look(Look, Box<Self>),
    BackReference(u32, Fold),
    Place(Place),
    /// `\R`.
    LineBreak,
    /// `\X`.
    Grapheme,
}

/// No upper limit, as Java writes it.
pub(crate) const UNLIMITED: u32 = i32::MAX as u32;

/// What Java knows about a part before it matches anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Study {
    pub(crate) min: i32,
    /// The longest match of what comes before the last alternative.
    before: i32,
    /// And of what comes after it. Java looks for an overflow in this part alone.
    after: i32,
    pub(crate) max_valid: bool,
    /// At each place there is at most one way to match.
    pub(crate) deterministic: bool,
}

impl Study {
    const NOTHING: Self = Self { min: 0, before: 0, after: 0, max_valid: true, deterministic: true };

    /// The longest match, which may have overflown without Java noticing.
    pub(crate) fn max(self) -> i32 {
        self.before.wrapping_add(self.after)
    }

    fn add(&mut self, min: i32, max: i32) {
        self.min = self.min.wrapping_add(min);
        self.after = self.after.wrapping_add(max);
    }

    /// One of several, each studied for itself.
    fn add_one_of(&mut self, all: impl Iterator<Item = Self> + Clone) {
        self.max_valid &= all.clone().all(|one| one.max_valid);
        self.min = self.min.wrapping_add(all.clone().map(|one| one.min).min().unwrap_or(0));
        let longest = all.map(Self::max).max().unwrap_or(0).max(-1);
        self.before = self.max().wrapping_add(longest);
        self.after = 0;
        self.deterministic = false;
    }

    fn add_repeated(&mut self, one: Self, times_min: u32, times_max: u32) {
        let min = one.min.wrapping_mul(times_min as i32).wrapping_add(self.min);
        self.min = if min < self.min { 0xFFF_FFFF } else { min };
        let max = one.max().wrapping_mul(times_max as i32).wrapping_add(self.after);
        self.max_valid &= one.max_valid && max >= self.after;
        self.after = max;
        self.deterministic &= one.deterministic && times_min == times_max;
    }
}

impl Node {
    /// Whether this is a group to which a quantifier applies as to a whole.
    pub(crate) fn is_group(&self) -> bool {
        matches!(self, Self::Group { .. })
    }

    /// The lengths of matches, as Java works them out.
    pub(crate) fn study(&self) -> Study {
        let mut study = Study::NOTHING;
        self.study_into(&mut study);
        study
    }

    fn study_into(&self, study: &mut Study) {
        match self {
            Self::Set(_) => study.add(1, 1),
            Self::LineBreak => study.add(1, 2),
            Self::Empty | Self::Look(..) | Self::Place(_) => {}
            Self::Grapheme => study.deterministic = false,
            Self::BackReference(..) => study.max_valid = false,
            Self::Atomic(inner) | Self::Group { inner, .. } => inner.study_into(study),
            Self::Concat(parts) => parts.iter().for_each(|part| part.study_into(study)),
            Self::Alternation(all) => study.add_one_of(all.iter().map(Self::study)),
            Self::Optional(inner, kind) if inner.is_group() && *kind != Kind::Possessive => {
                study.add_one_of([inner.study(), Study::NOTHING].into_iter());
            }
            Self::Optional(inner, _) => {
                let min = study.min;
                inner.study_into(study);
                study.min = min;
                study.deterministic = false;
            }
            Self::Repeat { inner, min, max: UNLIMITED, kind: Kind::Greedy }
                if matches!(**inner, Self::Set(_)) =>
            {
                study.add(*min as i32, UNLIMITED as i32);
                study.deterministic = false;
            }
            Self::Repeat { inner, min, max, kind } => {
                let one = inner.study();
                if is_free(inner, one, *kind) {
                    study.max_valid = false;
                    study.deterministic = false;
                } else {
                    study.add_repeated(one, *min, *max);
                }
            }
        }
    }

    /// Whether this repeats a group in which there are several ways to match, so that a later failure may come back
    /// to any of them. Java tries all other repetitions one by one and keeps what each of them found first.
    pub(crate) fn is_free_loop(&self) -> bool {
        match self {
            Self::Repeat { inner, kind, .. } => is_free(inner, inner.study(), *kind),
            _ => false,
        }
    }
}

fn is_free(inner: &Node, one: Study, kind: Kind) -> bool {
    kind != Kind::Possessive && inner.is_group() && !one.deterministic
}
