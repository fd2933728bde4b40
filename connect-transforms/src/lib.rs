#![doc = include_str!("../README.md")]
//!
//! # Registering
//!
//! ```
//! let mut plugins = connect_api::Plugins::default();
//! connect_transforms::register(&mut plugins);
//!
//! let mask = plugins.find_transformation("MaskField$Value")?;
//! let mask = mask.configure(&connect_api::Properties::from([("fields", "card")]))?;
//! # Ok::<(), connect_api::Error>(())
//! ```

mod filter;
mod insert_field;
mod java_regex;
mod mask_field;
pub mod predicates;
mod regex_router;
mod replace_field;
mod requirements;
mod schema_cache;

pub use filter::Filter;
pub use insert_field::{InsertField, InsertFieldConfig};
pub use mask_field::{MaskField, MaskFieldConfig};
pub use regex_router::{RegexRouter, RegexRouterConfig};
pub use replace_field::{ReplaceField, ReplaceFieldConfig};

use connect_api::Plugins;
use connect_api::transform::{Key, Value};
use predicates::{HasHeaderKey, RecordIsTombstone, TopicNameMatches};

/// Registers every transformation and predicate under Kafka's names, and under the names of Kafka's Java classes.
pub fn register(plugins: &mut Plugins) {
    plugins
        .bundle(env!("CARGO_PKG_VERSION"))
        .transformation::<Filter>("Filter")
        .alias("org.apache.kafka.connect.transforms.Filter")
        .transformation::<InsertField<Key>>("InsertField$Key")
        .alias("org.apache.kafka.connect.transforms.InsertField$Key")
        .transformation::<InsertField<Value>>("InsertField$Value")
        .alias("org.apache.kafka.connect.transforms.InsertField$Value")
        .transformation::<MaskField<Key>>("MaskField$Key")
        .alias("org.apache.kafka.connect.transforms.MaskField$Key")
        .transformation::<MaskField<Value>>("MaskField$Value")
        .alias("org.apache.kafka.connect.transforms.MaskField$Value")
        .transformation::<RegexRouter>("RegexRouter")
        .alias("org.apache.kafka.connect.transforms.RegexRouter")
        .transformation::<ReplaceField<Key>>("ReplaceField$Key")
        .alias("org.apache.kafka.connect.transforms.ReplaceField$Key")
        .transformation::<ReplaceField<Value>>("ReplaceField$Value")
        .alias("org.apache.kafka.connect.transforms.ReplaceField$Value")
        .predicate::<HasHeaderKey>("HasHeaderKey")
        .alias("org.apache.kafka.connect.transforms.predicates.HasHeaderKey")
        .predicate::<RecordIsTombstone>("RecordIsTombstone")
        .alias("org.apache.kafka.connect.transforms.predicates.RecordIsTombstone")
        .predicate::<TopicNameMatches>("TopicNameMatches")
        .alias("org.apache.kafka.connect.transforms.predicates.TopicNameMatches");
}
