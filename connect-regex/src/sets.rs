//! Sets of characters: from ranges, with both cases, and in the form that is asked while matching.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use crate::ast::Fold;

/// The characters of code points; halves of surrogate pairs are no characters and left out.
pub(crate) fn range(from: u32, to: u32) -> ClassUnicode {
    let mut ranges = Vec::new();
    for (low, high) in [(from, to.min(0xD7FF)), (from.max(0xE000), to.min(0x10FFFF))] {
        if let (true, Some(low), Some(high)) = (low <= high, char::from_u32(low), char::from_u32(high)) {
            ranges.push(ClassUnicodeRange::new(low, high));
        }
    }
    ClassUnicode::new(ranges)
}

/// The union of ranges of code points.
pub(crate) fn ranges(all: &[(u32, u32)]) -> ClassUnicode {
    union(all.iter().map(|(from, to)| range(*from, *to)))
}

pub(crate) fn union(sets: impl IntoIterator<Item = ClassUnicode>) -> ClassUnicode {
    ClassUnicode::new(sets.into_iter().flat_map(|set| set.ranges().to_vec()).collect::<Vec<_>>())
}

pub(crate) fn not(mut set: ClassUnicode) -> ClassUnicode {
    set.negate();
    set
}

pub(crate) fn and(mut set: ClassUnicode, other: &ClassUnicode) -> ClassUnicode {
    set.intersect(other);
    set
}

pub(crate) fn contains(set: &ClassUnicode, c: char) -> bool {
    let ranges = set.ranges();
    let after = ranges.partition_point(|range| range.start() <= c);
    after > 0 && ranges[after - 1].end() >= c
}

/// Java's `Character.toUpperCase`, which never becomes several characters.
fn upper(c: char) -> char {
    match c {
        '\u{1F80}'..='\u{1F87}' | '\u{1F90}'..='\u{1F97}' | '\u{1FA0}'..='\u{1FA7}' => shifted(c, 8),
        '\u{1FB3}' | '\u{1FC3}' | '\u{1FF3}' => shifted(c, 9),
        _ => single(c.to_uppercase()).unwrap_or(c),
    }
}

fn shifted(c: char, by: u32) -> char {
    char::from_u32(u32::from(c) + by).unwrap_or(c)
}

/// Java's `Character.toLowerCase`.
fn lower(c: char) -> char {
    match c {
        '\u{130}' => 'i',
        _ => single(c.to_lowercase()).unwrap_or(c),
    }
}

fn single(mut all: impl Iterator<Item = char>) -> Option<char> {
    all.next().filter(|_| all.next().is_none())
}

/// Java's way to compare without case: upper case first, then lower.
pub(crate) fn folded(c: char) -> char {
    lower(upper(c))
}

/// The characters that have a case, with their upper and folded form, and who shares a folded form.
struct Cases {
    all: Vec<(char, char, char)>,
    same: HashMap<char, Vec<char>>,
}

static CASES: LazyLock<Cases> = LazyLock::new(|| {
    // No character above has a case.
    let all: Vec<_> = ('\0'..='\u{1FFFF}')
        .map(|c| (c, upper(c), folded(c)))
        .filter(|(c, upper, folded)| upper != c || folded != c)
        .collect();
    let mut same: HashMap<char, Vec<char>> = HashMap::new();
    for (c, _, folded) in &all {
        let others = same.entry(*folded).or_insert_with(|| vec![*folded]);
        others.push(*c);
    }
    Cases { all, same }
});

/// The set of one character and those that count as the same.
pub(crate) fn literal(code: u32, fold: Fold) -> ClassUnicode {
    let Some(c) = char::from_u32(code) else { return ClassUnicode::empty() };
    let both = |one: char, other: char| ranges(&[(one.into(), one.into()), (other.into(), other.into())]);
    match fold {
        Fold::Ascii if c.is_ascii() => both(c.to_ascii_lowercase(), c.to_ascii_uppercase()),
        // Java does not look for relatives of what is its own upper case, such as `ß`.
        Fold::Unicode if upper(c) == folded(c) => range(code, code),
        Fold::Unicode => match CASES.same.get(&folded(c)) {
            Some(same) => union(same.iter().map(|c| range((*c).into(), (*c).into()))),
            None => range(code, code),
        },
        Fold::None | Fold::Ascii => range(code, code),
    }
}

/// A range of a class, and the characters that are in it in another case.
pub(crate) fn folded_range(from: u32, to: u32, fold: Fold) -> ClassUnicode {
    let set = range(from, to);
    let more: Vec<_> = match fold {
        Fold::None => return set,
        Fold::Ascii => ('\0'..='\x7F')
            .filter(|c| contains(&set, c.to_ascii_uppercase()) || contains(&set, c.to_ascii_lowercase()))
            .map(|c| ClassUnicodeRange::new(c, c))
            .collect(),
        Fold::Unicode => CASES
            .all
            .iter()
            .filter(|(_, upper, folded)| contains(&set, *upper) || contains(&set, *folded))
            .map(|(c, ..)| ClassUnicodeRange::new(*c, *c))
            .collect(),
    };
    union([set, ClassUnicode::new(more)])
}

/// A set as it is asked for each character.
#[derive(Debug)]
pub(crate) struct CharSet {
    ascii: u128,
    others: ClassUnicode,
}

impl CharSet {
    pub(crate) fn new(set: &ClassUnicode) -> Self {
        let bit = |c: u8| if contains(set, c.into()) { 1_u128 << c } else { 0 };
        Self { ascii: (0..128).map(bit).fold(0, |all, one| all | one), others: set.clone() }
    }

    pub(crate) fn contains(&self, c: char) -> bool {
        match u32::from(c) {
            code @ ..128 => self.ascii >> code & 1 == 1,
            _ => contains(&self.others, c),
        }
    }
}
