//! Single message transformations and predicates.

use crate::Result;
use crate::config::Config;
use crate::data::SchemaAndValue;
use crate::record::Record;

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It goes on.
    Keep,
    /// It ends here, on purpose.
    Drop,
}

/// Edits records one at a time, on their way in or out.
///
/// It is called for the records of a task in order, on one thread at a time; with `tasks.conversion.parallelism` there
/// are several instances, each of which sees some of the records.
///
/// # Errors
///
/// On an error the half-edited record is thrown away and the *original* is reported; whether the task goes on is
/// said by `errors.tolerance`.
///
/// # Example
///
/// ```
/// use connect_api::config::NoConfig;
/// use connect_api::{Outcome, Record, Result, Transformation};
///
/// struct Shout;
/// impl Transformation for Shout {
///     type Config = NoConfig;
///     fn configure(_: NoConfig) -> Result<Self> {
///         Ok(Self)
///     }
///     fn apply(&self, record: &mut Record) -> Result<Outcome> {
///         record.topic = record.topic.to_uppercase().into();
///         Ok(Outcome::Keep)
///     }
/// }
/// ```
#[doc(alias = "org.apache.kafka.connect.transforms.Transformation")]
pub trait Transformation: Send + Sync + 'static {
    /// The transformation's configuration.
    type Config: Config
    where
        Self: Sized;

    /// Makes the transformation.
    fn configure(config: Self::Config) -> Result<Self>
    where
        Self: Sized;

    /// Edits the record in place, or drops it.
    fn apply(&self, record: &mut Record) -> Result<Outcome>;
}

/// Says whether a transformation applies to a record.
#[doc(alias = "org.apache.kafka.connect.transforms.predicates.Predicate")]
pub trait Predicate: Send + Sync + 'static {
    /// The predicate's configuration.
    type Config: Config
    where
        Self: Sized;

    /// Makes the predicate.
    fn configure(config: Self::Config) -> Result<Self>
    where
        Self: Sized;

    /// Whether it holds for this record.
    fn test(&self, record: &Record) -> Result<bool>;
}

/// Which half of the record a transformation edits. Java's `Foo$Key` and `Foo$Value` become `Foo<Key>` and
/// `Foo<Value>`.
pub trait Target: Send + Sync + 'static {
    /// `key` or `value`, for messages.
    const NAME: &'static str;

    /// The half to edit.
    fn of(record: &mut Record) -> &mut SchemaAndValue;
}

/// The record's key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Key;

/// The record's value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Value;

impl Target for Key {
    const NAME: &'static str = "key";

    fn of(record: &mut Record) -> &mut SchemaAndValue {
        &mut record.key
    }
}

impl Target for Value {
    const NAME: &'static str = "value";

    fn of(record: &mut Record) -> &mut SchemaAndValue {
        &mut record.value
    }
}
