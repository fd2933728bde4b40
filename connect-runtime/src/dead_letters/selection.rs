//! [`Selection`]: which dead letters are meant.

use std::collections::{BTreeMap, BTreeSet};

use super::DeadLetter;

/// Which letters of a topic are meant: all, or those that satisfy every condition given.
///
/// ```
/// use connect_runtime::dead_letters::Selection;
///
/// let bad_json = Selection::all().stage("VALUE_CONVERTER").exception("DataException");
/// let two = Selection::all().at(0, 17).at(0, 23);
/// assert!(bad_json.is_restricted() && two.is_restricted() && !Selection::all().is_restricted());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    at: BTreeMap<i32, BTreeSet<i64>>,
    stage: Option<String>,
    exception: Option<String>,
    connector: Option<String>,
}

impl Selection {
    /// Every letter.
    pub fn all() -> Self {
        Self::default()
    }

    /// The letter at this partition and offset of the dead letter topic, and others that are named so.
    #[must_use]
    pub fn at(mut self, partition: i32, offset: i64) -> Self {
        self.at.entry(partition).or_default().insert(offset);
        self
    }

    /// Those that failed in this stage, `TRANSFORMATION` say; upper and lower case are the same.
    #[must_use]
    pub fn stage(mut self, stage: impl Into<String>) -> Self {
        self.stage = Some(stage.into());
        self
    }

    /// Those with an error of this Java class, with or without its package.
    #[must_use]
    pub fn exception(mut self, class: impl Into<String>) -> Self {
        self.exception = Some(class.into());
        self
    }

    /// Those of this connector.
    #[must_use]
    pub fn connector(mut self, name: impl Into<String>) -> Self {
        self.connector = Some(name.into());
        self
    }

    /// Whether it leaves anything out.
    pub fn is_restricted(&self) -> bool {
        *self != Self::default()
    }

    /// Whether a letter is meant.
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        let here = self.at.is_empty()
            || self.at.get(&letter.partition).is_some_and(|offsets| offsets.contains(&letter.offset));
        let stage = self
            .stage
            .as_ref()
            .is_none_or(|wanted| letter.stage().is_some_and(|stage| stage.eq_ignore_ascii_case(wanted)));
        let exception = self.exception.as_ref().is_none_or(|wanted| {
            letter.exception().is_some_and(|class| {
                class == wanted || class.rsplit('.').next().is_some_and(|simple| simple == wanted)
            })
        });
        let connector =
            self.connector.as_ref().is_none_or(|wanted| letter.connector() == Some(wanted.as_str()));
        here && stage && exception && connector
    }

    pub(super) fn wants_partition(&self, partition: i32) -> bool {
        self.at.is_empty() || self.at.contains_key(&partition)
    }

    /// Where reading a partition may begin.
    pub(super) fn first_offset(&self, partition: i32) -> Option<i64> {
        self.at.get(&partition)?.first().copied()
    }
}
