//! [`HasHeaderKey`]: records with a certain header.

use connect_api::config::Validator;
use connect_api::{Config, Predicate, Record, Result};

/// The configuration of [`HasHeaderKey`].
#[derive(Clone, Debug, Config)]
pub struct HasHeaderKeyConfig {
    /// The header name.
    #[config(validate = Validator::non_empty_string())]
    pub name: String,
}

/// Holds for records with at least one header of the configured name.
#[derive(Clone, Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.predicates.HasHeaderKey")]
pub struct HasHeaderKey {
    name: String,
}

impl Predicate for HasHeaderKey {
    type Config = HasHeaderKeyConfig;

    fn configure(config: HasHeaderKeyConfig) -> Result<Self> {
        Ok(Self { name: config.name })
    }

    fn test(&self, record: &Record) -> Result<bool> {
        Ok(record.headers.last_with_name(&self.name).is_some())
    }
}
