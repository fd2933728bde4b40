//! What the workers of a cluster know together: the configurations in the config topic.

mod state;
mod store;

pub(crate) use state::{Changes, ClusterConfig, RestartRequest};
pub(crate) use store::{ConfigStore, ConfigStoreSettings};
