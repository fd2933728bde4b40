//! Transformations and predicates under test.

use connect_api::{Config, Outcome, Predicate, Properties, Record, Result, Transformation};

/// Makes a transformation from its configuration, as the engine does.
///
/// ```
/// # use connect_testkit::doc::Shout;
/// use connect_api::{Record, SchemaAndValue};
/// use connect_testkit::{apply, transform};
///
/// let shout = transform::<Shout>([("suffix", "!")])?;
/// let record = apply(&shout, Record::new("orders", SchemaAndValue::schemaless("coffee")))?;
/// assert_eq!(record.map(|record| record.topic.to_string()).as_deref(), Some("ORDERS!"));
/// # Ok::<(), connect_api::Error>(())
/// ```
///
/// # Errors
///
/// When the configuration does not parse, or the transformation refuses it.
pub fn transform<T: Transformation>(config: impl Into<Properties>) -> Result<T> {
    T::configure(T::Config::parse(&config.into())?)
}

/// Makes a predicate from its configuration, as the engine does.
///
/// # Errors
///
/// When the configuration does not parse, or the predicate refuses it.
pub fn predicate<P: Predicate>(config: impl Into<Properties>) -> Result<P> {
    P::configure(P::Config::parse(&config.into())?)
}

/// What a transformation makes of a record; `None` when it drops it.
///
/// # Errors
///
/// That of the transformation.
pub fn apply(transformation: &dyn Transformation, mut record: Record) -> Result<Option<Record>> {
    Ok(match transformation.apply(&mut record)? {
        Outcome::Keep => Some(record),
        Outcome::Drop => None,
    })
}
