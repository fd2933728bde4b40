//! [`Filter`]: drops every record.

use connect_api::config::NoConfig;
use connect_api::{Outcome, Record, Result, Transformation};

/// Drops every record it is applied to. Use it with a predicate.
#[derive(Clone, Copy, Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.Filter")]
pub struct Filter;

impl Transformation for Filter {
    type Config = NoConfig;

    fn configure(_config: NoConfig) -> Result<Self> {
        Ok(Self)
    }

    fn apply(&self, _record: &mut Record) -> Result<Outcome> {
        Ok(Outcome::Drop)
    }
}
