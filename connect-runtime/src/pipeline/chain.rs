//! The transformations of a connector, in order.

use connect_api::{Outcome, Predicate, Record, Result, Transformation};

/// One transformation with its condition.
pub(crate) struct TransformationStage {
    pub(crate) class: String,
    pub(crate) transformation: Box<dyn Transformation>,
    pub(crate) predicate: Option<Box<dyn Predicate>>,
    pub(crate) negate: bool,
}

impl TransformationStage {
    pub(crate) fn apply(&self, record: &mut Record) -> Result<Outcome> {
        if let Some(predicate) = &self.predicate
            && predicate.test(record)? == self.negate
        {
            return Ok(Outcome::Keep);
        }
        self.transformation.apply(record)
    }
}

/// All of them.
#[derive(Default)]
pub(crate) struct Chain {
    pub(crate) stages: Vec<TransformationStage>,
}

/// Where a chain stopped.
pub(crate) struct ChainError {
    pub(crate) stage: usize,
    pub(crate) error: connect_api::Error,
    /// The record as it was before the failed stage, if the caller asked to keep it.
    pub(crate) before: Option<Record>,
}

impl Chain {
    /// Runs the stages from number `from` on. `keep`: a failed stage may be tried again, so keep what it was given.
    pub(crate) fn apply(
        &self,
        record: &mut Record,
        from: usize,
        keep: bool,
    ) -> Result<Outcome, Box<ChainError>> {
        for (number, stage) in self.stages.iter().enumerate().skip(from) {
            let before = keep.then(|| record.clone());
            match stage.apply(record) {
                Ok(Outcome::Keep) => {}
                Ok(Outcome::Drop) => return Ok(Outcome::Drop),
                Err(error) => return Err(Box::new(ChainError { stage: number, error, before })),
            }
        }
        Ok(Outcome::Keep)
    }
}
