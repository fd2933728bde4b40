//! The configurations. One field is one key, and its comment is the documentation of the key.

use std::num::NonZeroUsize;

use connect_api::Config;
use connect_api::config::Validator;

/// The configuration of [`CounterSource`](crate::CounterSource).
#[derive(Clone, Debug, Config)]
pub struct CounterSourceConfig {
    /// The topic to publish data to.
    #[config(importance = High, validate = Validator::non_empty_string())]
    pub topic: String,

    /// How many numbers each task emits. Without it there is no end.
    #[config(importance = Medium, validate = Validator::at_least(0).or_null())]
    pub count: Option<i64>,

    /// The largest number of records handed over at once.
    #[config(default = 100, importance = Low)]
    pub batch_size: NonZeroUsize,
}

/// The configuration of [`CollectingSink`](crate::CollectingSink).
#[derive(Clone, Debug, Config)]
pub struct CollectingSinkConfig {
    /// The collection to write to.
    #[config(importance = High, validate = Validator::non_empty_string())]
    pub collection: String,
}
