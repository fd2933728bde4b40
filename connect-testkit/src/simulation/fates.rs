//! Records that do not arrive on purpose: some are dropped, some fail, some are reported by the task.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use connect_api::config::NoConfig;
use connect_api::{Error, Outcome, Record, Result, Transformation};

use super::model::Item;
use super::world::{Tally, World};

/// What is meant to become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Deliver,
    /// A transformation drops it.
    Filter,
    /// A transformation fails on it.
    Fail,
    /// The task reports it.
    Report,
}

/// Which fates there are in a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fates {
    pub(super) filter: bool,
    pub(super) letters: bool,
    pub(super) reports: bool,
}

impl Fates {
    pub(super) fn of(self, item: &Item) -> Fate {
        match item.number {
            number if self.filter && number % 7 == 3 => Fate::Filter,
            number if self.letters && number % 9 == 4 => Fate::Fail,
            number if self.reports && number % 8 == 6 => Fate::Report,
            _ => Fate::Deliver,
        }
    }
}

thread_local! {
    /// A simulation runs on one thread, transformations included.
    static CURRENT: RefCell<Option<(Arc<World>, Fates)>> = const { RefCell::new(None) };
}

/// While it lives, transformations of this thread belong to a run.
pub(super) struct Running;

impl Running {
    pub(super) fn new(world: &Arc<World>, fates: Fates) -> Self {
        CURRENT.set(Some((Arc::clone(world), fates)));
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

/// The transformation that drops records and fails on some.
pub(super) struct SimulatedFates {
    fates: Fates,
    tally: Option<Arc<Tally>>,
}

impl Transformation for SimulatedFates {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self> {
        Ok(CURRENT.with_borrow(|current| match current {
            Some((world, fates)) => Self { fates: *fates, tally: Some(world.tally()) },
            None => Self { fates: Fates::default(), tally: None },
        }))
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let item = record.value.value.as_str().and_then(Item::parse);
        let (Some(item), Some(tally)) = (item, &self.tally) else { return Ok(Outcome::Keep) };
        match self.fates.of(&item) {
            Fate::Filter => {
                tally.filtered.fetch_add(1, Relaxed);
                Ok(Outcome::Drop)
            }
            Fate::Fail => {
                tally.refused.fetch_add(1, Relaxed);
                Err(Error::data("simulated: this record is refused"))
            }
            Fate::Deliver | Fate::Report => Ok(Outcome::Keep),
        }
    }
}
