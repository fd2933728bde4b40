//! From record to bytes and back: the transformation chain, the converters, and what becomes of a record that one
//! of them refuses.

mod chain;
mod lanes;
mod letters;
mod report;
mod sink;
mod source;
mod stage;
mod tolerance;

use chain::ChainError;
pub(crate) use chain::{Chain, TransformationStage};
pub(crate) use letters::LetterQueue;
pub(crate) use report::{DeadLetters, Failure, Polled, Subject};
pub(crate) use sink::SinkPipeline;
pub(crate) use source::{Ended, Fates, SourcePipeline};
pub(crate) use stage::Stage;
pub(crate) use tolerance::Operator;

use std::sync::Arc;

use connect_api::{Converter, HeaderConverter, Outcome, Record, Result};

use self::lanes::{Lane, Lanes, Turn};
use self::tolerance::Attempt;
use crate::metrics::add;

/// How often a converter may ask to load something for one record. A schema with references needs a few.
pub(crate) const MAX_RESOLVES: usize = 16;

/// Which half of the record is being converted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Key,
    Value,
}

/// The converters of one task, with the class names that error reports show.
pub(crate) struct Converters {
    pub(crate) key: Box<dyn Converter>,
    pub(crate) key_class: String,
    pub(crate) value: Box<dyn Converter>,
    pub(crate) value_class: String,
    pub(crate) header: Box<dyn HeaderConverter>,
    pub(crate) header_class: String,
}

/// What takes records through: one set for each lane of a task, so that lanes share no state.
pub(crate) struct Stages {
    pub(crate) chain: Chain,
    pub(crate) converters: Arc<Converters>,
}

/// What a stage made of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passed {
    /// It goes on.
    On,
    /// A transformation dropped it.
    Filtered,
    /// It failed, and that is tolerated.
    GivenUp,
}

/// Takes a record through the transformations.
async fn transform(
    chain: &Chain,
    operator: &Operator,
    record: &mut Record,
    subject: Subject<'_>,
) -> Result<Passed> {
    match try_transform(chain, operator, record) {
        Ok(passed) => Ok(passed),
        Err(failed) => recover(chain, operator, record, *failed, subject).await,
    }
}

/// The same for a record that meets no error, as most do.
fn try_transform(chain: &Chain, operator: &Operator, record: &mut Record) -> Result<Passed, Box<ChainError>> {
    apply(chain, operator, record, 0)
}

fn apply(
    chain: &Chain,
    operator: &Operator,
    record: &mut Record,
    from: usize,
) -> Result<Passed, Box<ChainError>> {
    match chain.apply(record, from, operator.retries())? {
        Outcome::Keep => Ok(Passed::On),
        Outcome::Drop => {
            add(&operator.counters().filtered, 1);
            Ok(Passed::Filtered)
        }
    }
}

/// What becomes of a record that a transformation refused: tried again, given up, or the end of the task.
async fn recover(
    chain: &Chain,
    operator: &Operator,
    record: &mut Record,
    mut failed: ChainError,
    subject: Subject<'_>,
) -> Result<Passed> {
    let mut from = failed.stage;
    // Most records never fail: the clock is read for those that do.
    let mut attempt = Attempt::first();
    loop {
        if failed.stage != from {
            attempt = Attempt::first();
        }
        from = failed.stage;
        if operator.retry(&failed.error, &mut attempt).await
            && let Some(before) = failed.before
        {
            *record = before;
            match apply(chain, operator, record, from) {
                Ok(passed) => return Ok(passed),
                Err(again) => failed = *again,
            }
            continue;
        }
        operator.give_up(&Failure {
            stage: Stage::Transformation,
            class: &chain.stages[from].class,
            error: &failed.error,
            subject,
        })?;
        return Ok(Passed::GivenUp);
    }
}
