//! [`Matcher`]: runs a [`Program`] as Java's matcher runs, trying one way after another, within limits.

use std::sync::LazyLock;

use crate::ast::{Fold, Kind, Look, Place};
use crate::program::{Program, Step};
use crate::property::{letter_or_digit, mark, word};
use crate::sets::{CharSet, folded};

/// So many steps a search may take, and so many more for each character of the text.
const STEPS: usize = 1_000_000;
const STEPS_PER_CHARACTER: usize = 1_000;
/// So many ways may be left to try at a time.
const WAYS: usize = 500_000;

/// A slot that holds nothing.
const NONE: usize = usize::MAX;

/// The search was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooHard;

/// What to do when the way that is tried leads nowhere, the latest first.
enum Back {
    /// Go on there.
    Try { step: usize, at: usize },
    /// The same, with a capture that counts in the end, see [`Matcher::amend`].
    TryAmended { step: usize, at: usize, capture: usize, begin: usize },
    /// A slot has its former value again.
    Restore { slot: usize, value: usize },
    /// The last amendment does not count.
    Unamend,
    /// Give back the last of the characters from `floor` to `at`, and go on.
    TakeLess { step: usize, at: usize, floor: usize },
    /// Take one character more, if it is one of the set of the step, and go on after it.
    TakeMore { step: usize, at: usize, left: u32 },
    /// Begin the next repetition of a loop.
    LoopMore { start: usize, at: usize },
    /// Repeat once more, if the steps match.
    RepeatMore { step: usize, at: usize, left: u32 },
}

pub(crate) struct Matcher<'a> {
    program: &'a Program,
    text: &'a [char],
    pub(crate) slots: Vec<usize>,
    stack: Vec<Back>,
    /// Captures that Java sets again on its way back out of a match.
    amendments: Vec<(usize, usize, usize)>,
    steps: usize,
    /// Where the last match ended, or where the search began.
    pub(crate) last_match: usize,
    looked_from: usize,
    whole: bool,
}

type Searched<T> = Result<T, TooHard>;

impl<'a> Matcher<'a> {
    pub(crate) fn new(program: &'a Program, text: &'a [char]) -> Self {
        Self {
            program,
            text,
            slots: vec![NONE; program.slots],
            stack: Vec::new(),
            amendments: Vec::new(),
            steps: STEPS + STEPS_PER_CHARACTER.saturating_mul(text.len()),
            last_match: 0,
            looked_from: 0,
            whole: false,
        }
    }

    /// Java's `matches`.
    pub(crate) fn matches(&mut self) -> Searched<bool> {
        self.whole = true;
        self.slots.fill(NONE);
        Ok(self.run_from(0)?.is_some())
    }

    /// Java's `find`: the first match from a place on.
    pub(crate) fn find(&mut self, from: usize) -> Searched<Option<(usize, usize)>> {
        // What a failed way captured stays for the next one.
        self.slots.fill(NONE);
        for begin in from..=self.text.len() {
            if let Some(end) = self.run_from(begin)? {
                return Ok(Some((begin, end)));
            }
        }
        Ok(None)
    }

    /// What a group of the last match holds.
    pub(crate) fn group(&self, number: usize) -> Option<(usize, usize)> {
        let (begin, end) = (self.slots[2 * number], self.slots[2 * number + 1]);
        (begin != NONE && end != NONE).then_some((begin, end))
    }

    fn run_from(&mut self, begin: usize) -> Searched<Option<usize>> {
        let end = self.run(0, begin)?;
        if let Some(end) = end {
            (self.slots[0], self.slots[1]) = (begin, end);
        }
        Ok(end)
    }

    fn push(&mut self, back: Back) -> Searched<()> {
        if self.stack.len() == WAYS {
            return Err(TooHard);
        }
        self.stack.push(back);
        Ok(())
    }

    fn set(&mut self, slot: usize, value: usize) -> Searched<()> {
        let before = std::mem::replace(&mut self.slots[slot], value);
        self.push(Back::Restore { slot, value: before })
    }

    fn capture(&mut self, slot: usize, begin: usize, end: usize) -> Searched<()> {
        self.set(slot, begin)?;
        self.set(slot + 1, end)
    }

    /// Java sets the capture of a repeated group once more after what follows has matched, so that it wins over what
    /// the group captures later.
    fn amend(&mut self, capture: Option<usize>, begin: usize, end: usize) -> Searched<()> {
        let Some(slot) = capture else { return Ok(()) };
        self.amendments.push((slot, begin, end));
        self.push(Back::Unamend)
    }

    /// Runs to an [`Step::Accept`]; nothing is tried again afterwards, and what was captured stays even if the way
    /// leads nowhere later, as in Java.
    fn run(&mut self, step: usize, at: usize) -> Searched<Option<usize>> {
        let (ways, amendments) = (self.stack.len(), self.amendments.len());
        let (mut step, mut at) = (step, at);
        loop {
            self.steps = self.steps.checked_sub(1).ok_or(TooHard)?;
            match self.step(step, at)? {
                Some((next_step, next_at)) => (step, at) = (next_step, next_at),
                None if matches!(self.program.steps[step], Step::Accept) && self.accepts(step, at) => {
                    self.stack.truncate(ways);
                    while self.amendments.len() > amendments {
                        if let Some((slot, begin, end)) = self.amendments.pop() {
                            (self.slots[slot], self.slots[slot + 1]) = (begin, end);
                        }
                    }
                    return Ok(Some(at));
                }
                None => match self.back(ways)? {
                    Some((next_step, next_at)) => (step, at) = (next_step, next_at),
                    None => return Ok(None),
                },
            }
        }
    }

    fn accepts(&self, step: usize, at: usize) -> bool {
        !self.whole || step + 1 != self.program.steps.len() || at == self.text.len()
    }

    /// The latest way that was not tried.
    fn back(&mut self, ways: usize) -> Searched<Option<(usize, usize)>> {
        while self.stack.len() > ways {
            self.steps = self.steps.checked_sub(1).ok_or(TooHard)?;
            match self.stack.pop() {
                None => break,
                Some(Back::Try { step, at }) => return Ok(Some((step, at))),
                Some(Back::TryAmended { step, at, capture, begin }) => {
                    self.amend(Some(capture), begin, at)?;
                    return Ok(Some((step, at)));
                }
                Some(Back::Restore { slot, value }) => self.slots[slot] = value,
                Some(Back::Unamend) => {
                    self.amendments.pop();
                }
                Some(Back::TakeLess { step, at, floor }) => {
                    if at - 1 > floor {
                        self.push(Back::TakeLess { step, at: at - 1, floor })?;
                    }
                    return Ok(Some((step, at - 1)));
                }
                Some(Back::TakeMore { step, at, left }) => {
                    let Step::RepeatSet { set, .. } = &self.program.steps[step] else { continue };
                    if self.text.get(at).is_some_and(|c| set.contains(*c)) {
                        if left > 1 {
                            self.push(Back::TakeMore { step, at: at + 1, left: left - 1 })?;
                        }
                        return Ok(Some((step + 1, at + 1)));
                    }
                }
                Some(Back::LoopMore { start, at }) => {
                    let Step::LoopStart { counter, .. } = self.program.steps[start] else { continue };
                    return self.repetition(start, counter, at);
                }
                Some(Back::RepeatMore { step, at, left }) => {
                    let Step::RepeatWhole { capture, end, .. } = self.program.steps[step] else { continue };
                    if let Some(after) = self.run(step + 1, at)?.filter(|after| *after != at) {
                        if let Some(slot) = capture {
                            self.capture(slot, at, after)?;
                        }
                        if left > 1 {
                            self.push(Back::RepeatMore { step, at: after, left: left - 1 })?;
                        }
                        return Ok(Some((end, after)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Takes a step: where to go on, or `None` if it leads nowhere or is the end.
    fn step(&mut self, step: usize, at: usize) -> Searched<Option<(usize, usize)>> {
        let program = self.program;
        let next = Some((step + 1, at));
        Ok(match &program.steps[step] {
            Step::Accept => None,
            Step::Set(set) => {
                self.text.get(at).is_some_and(|c| set.contains(*c)).then_some((step + 1, at + 1))
            }
            Step::Place(place) => {
                if self.is_at(*place, at) {
                    next
                } else {
                    None
                }
            }
            Step::LineBreak => match self.text.get(at) {
                Some('\r') if self.text.get(at + 1) == Some(&'\n') => {
                    self.push(Back::Try { step: step + 1, at: at + 1 })?;
                    Some((step + 1, at + 2))
                }
                Some('\n'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}') => Some((step + 1, at + 1)),
                _ => None,
            },
            Step::BackReference(number, fold) => {
                self.reference(*number, *fold, at).map(|after| (step + 1, after))
            }
            Step::Save(slot) => {
                self.set(*slot, at)?;
                next
            }
            Step::Captured { slot, begin } => {
                self.capture(*slot, self.slots[*begin], at)?;
                next
            }
            Step::Jump(there) => Some((*there, at)),
            Step::Split(first, second) => {
                self.push(Back::Try { step: *second, at })?;
                Some((*first, at))
            }
            Step::RepeatSet { set, min, max, kind } => self.repeat_set(step, at, set, (*min, *max), *kind)?,
            Step::RepeatWhole { .. } => self.repeat_whole(step, at)?,
            Step::LoopStart { counter, min, max, lazy, end } => {
                self.set(*counter, 0)?;
                self.go_on((step, *counter), (*min, *max), *lazy, *end, at)?
            }
            Step::LoopEnd { start } => {
                let Step::LoopStart { counter, min, max, lazy, end } = program.steps[*start] else {
                    return Ok(None);
                };
                // A repetition that took nothing is the last.
                match at > self.slots[counter + 1] {
                    true => self.go_on((*start, counter), (min, max), lazy, end, at)?,
                    false => Some((end, at)),
                }
            }
            Step::Atomic { end } => self.run(step + 1, at)?.map(|after| (*end, after)),
            Step::Look { look, end } => {
                if self.look(*look, step + 1, at)? {
                    Some((*end, at))
                } else {
                    None
                }
            }
        })
    }

    /// One more repetition of a loop, or what comes after it.
    fn go_on(
        &mut self,
        (start, counter): (usize, usize),
        (min, max): (u32, u32),
        lazy: bool,
        end: usize,
        at: usize,
    ) -> Searched<Option<(usize, usize)>> {
        let count = self.slots[counter] as u32;
        if count >= max {
            return Ok(Some((end, at)));
        }
        if count >= min && lazy {
            self.push(Back::LoopMore { start, at })?;
            return Ok(Some((end, at)));
        }
        if count >= min {
            self.push(Back::Try { step: end, at })?;
        }
        self.repetition(start, counter, at)
    }

    fn repetition(&mut self, start: usize, counter: usize, at: usize) -> Searched<Option<(usize, usize)>> {
        self.set(counter, self.slots[counter] + 1)?;
        self.set(counter + 1, at)?;
        Ok(Some((start + 1, at)))
    }

    fn repeat_set(
        &mut self,
        step: usize,
        at: usize,
        set: &CharSet,
        (min, max): (u32, u32),
        kind: Kind,
    ) -> Searched<Option<(usize, usize)>> {
        let wanted = if kind == Kind::Lazy { min } else { max };
        let taken = self.text[at..].iter().take(wanted as usize).take_while(|c| set.contains(**c)).count();
        self.steps = self.steps.checked_sub(taken / 16).ok_or(TooHard)?;
        if taken < min as usize {
            return Ok(None);
        }
        let (after, floor) = (at + taken, at + min as usize);
        match kind {
            Kind::Greedy if after > floor => {
                self.push(Back::TakeLess { step: step + 1, at: after, floor })?
            }
            Kind::Lazy if max > min => self.push(Back::TakeMore { step, at: after, left: max - min })?,
            _ => {}
        }
        Ok(Some((step + 1, after)))
    }

    fn repeat_whole(&mut self, step: usize, at: usize) -> Searched<Option<(usize, usize)>> {
        let Step::RepeatWhole { min, max, kind, capture, end } = self.program.steps[step] else {
            return Ok(None);
        };
        let (mut at, mut count, mut begin) = (at, 0, at);
        while count < min {
            let Some(after) = self.run(step + 1, at)? else { return Ok(None) };
            if let Some(slot) = capture {
                self.capture(slot, at, after)?;
            }
            count += 1;
            // All further ones would take nothing either.
            if after == at {
                count = min;
            }
            at = after;
        }
        if kind == Kind::Lazy {
            if max > min {
                self.push(Back::RepeatMore { step, at, left: max - min })?;
            }
            return Ok(Some((end, at)));
        }
        let mut more = false;
        while count < max {
            let Some(after) = self.run(step + 1, at)? else { break };
            if after == at {
                break;
            }
            if kind == Kind::Greedy {
                self.push(match capture {
                    Some(capture) if more => Back::TryAmended { step: end, at, capture, begin },
                    _ => Back::Try { step: end, at },
                })?;
            }
            if let Some(slot) = capture {
                self.capture(slot, at, after)?;
            }
            (begin, at) = (at, after);
            count += 1;
            more = true;
        }
        if more && kind == Kind::Greedy {
            self.amend(capture, begin, at)?;
        }
        Ok(Some((end, at)))
    }

    fn look(&mut self, look: Look, step: usize, at: usize) -> Searched<bool> {
        let (wanted, min, max) = match look {
            Look::Ahead => return Ok(self.run(step, at)?.is_some()),
            Look::NotAhead => return Ok(self.run(step, at)?.is_none()),
            Look::Behind(min, max) => (true, min, max),
            Look::NotBehind(min, max) => (false, min, max),
        };
        // The longest match may have overflown, with the effect that it has in Java.
        let here = at as i32;
        let (nearest, farthest) = (here.wrapping_sub(min), here.wrapping_sub(max).max(0));
        let before = std::mem::replace(&mut self.looked_from, at);
        let mut found = false;
        let mut from = nearest.min(here);
        while !found && from >= farthest {
            found = self.run(step, from as usize)?.is_some();
            from -= 1;
        }
        self.looked_from = before;
        Ok(found == wanted)
    }

    fn reference(&self, number: u32, fold: Fold, at: usize) -> Option<usize> {
        if number > self.program.groups {
            return None;
        }
        let (begin, end) = self.group(number as usize)?;
        let wanted = &self.text[begin..end];
        let found = self.text.get(at..at + wanted.len())?;
        let equal = |(one, other): (&char, &char)| match fold {
            Fold::None => one == other,
            Fold::Ascii => one.eq_ignore_ascii_case(other),
            Fold::Unicode => one == other || folded(*one) == folded(*other),
        };
        wanted.iter().zip(found).all(equal).then_some(at + wanted.len())
    }

    fn is_at(&self, place: Place, at: usize) -> bool {
        let (before, after) = (at.checked_sub(1).map(|before| self.text[before]), self.text.get(at).copied());
        match place {
            Place::Start => at == 0,
            Place::End => after.is_none(),
            Place::LastMatch => at == self.last_match,
            Place::LookedFrom => at == self.looked_from,
            // Never at the end, not even of nothing.
            Place::LineStart { .. } if after.is_none() => false,
            Place::LineStart { unix: true } => before.is_none_or(|c| c == '\n'),
            Place::LineStart { unix: false } => match before {
                None | Some('\n' | '\u{85}' | '\u{2028}' | '\u{2029}') => true,
                // Not between the two halves of a line break.
                Some('\r') => after != Some('\n'),
                Some(_) => false,
            },
            Place::LineEnd { unix, multiline } => self.is_line_end(unix, multiline, at),
            Place::Word { boundary, unicode } => {
                let left = at > 0 && self.is_word(unicode, at - 1);
                let right = at < self.text.len() && self.is_word(unicode, at);
                (left != right) == boundary
            }
        }
    }

    fn is_line_end(&self, unix: bool, multiline: bool, at: usize) -> bool {
        let rest = &self.text[at..];
        let last = match rest {
            [] => return true,
            ['\n', ..] if !unix && at > 0 && self.text[at - 1] == '\r' => return false,
            ['\r', '\n'] if !unix => true,
            [_] => true,
            _ => false,
        };
        let breaks = match rest[0] {
            '\n' => true,
            '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => !unix,
            _ => false,
        };
        breaks && (multiline || last)
    }

    /// Whether the character is one of a word, or a mark on one.
    fn is_word(&self, unicode: bool, at: usize) -> bool {
        static LETTER_OR_DIGIT: LazyLock<CharSet> = LazyLock::new(|| CharSet::new(&letter_or_digit()));
        static MARK: LazyLock<CharSet> = LazyLock::new(|| CharSet::new(&mark()));
        static WORD: LazyLock<CharSet> = LazyLock::new(|| CharSet::new(&word()));
        let c = self.text[at];
        let part = if unicode { WORD.contains(c) } else { c == '_' || LETTER_OR_DIGIT.contains(c) };
        part || MARK.contains(c)
            && self.text[..at]
                .iter()
                .rev()
                .find(|c| !MARK.contains(**c))
                .is_some_and(|c| LETTER_OR_DIGIT.contains(*c))
    }
}
