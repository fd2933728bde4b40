//! From record to bytes and back: the transformation chain, the converters, and what becomes of a record that one
//! of them refuses.

mod chain;
mod report;
mod sink;
mod source;
mod stage;
mod tolerance;

pub(crate) use chain::{Chain, TransformationStage};
pub(crate) use report::{Failure, Origins, Polled, Subject};
pub(crate) use sink::SinkPipeline;
pub(crate) use source::{Fate, SourcePipeline};
pub(crate) use stage::Stage;
pub(crate) use tolerance::Operator;

use connect_api::{Converter, HeaderConverter};

/// The converters of one task, with the class names that error reports show.
pub(crate) struct Converters {
    pub(crate) key: Box<dyn Converter>,
    pub(crate) key_class: String,
    pub(crate) value: Box<dyn Converter>,
    pub(crate) value_class: String,
    pub(crate) header: Box<dyn HeaderConverter>,
    pub(crate) header_class: String,
}
