//! [`RecordIsTombstone`]: records without value.

use connect_api::config::NoConfig;
use connect_api::{Predicate, Record, Result};

/// Holds for records whose value is null, whatever the schema.
#[derive(Clone, Copy, Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone")]
pub struct RecordIsTombstone;

impl Predicate for RecordIsTombstone {
    type Config = NoConfig;

    fn configure(_config: NoConfig) -> Result<Self> {
        Ok(Self)
    }

    fn test(&self, record: &Record) -> Result<bool> {
        Ok(record.value.value.is_null())
    }
}
