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

mod cast;
mod drop_headers;
mod extract_field;
mod field_path;
mod field_tree;
mod filter;
mod flatten;
mod header_from;
mod hoist_field;
mod insert_field;
mod insert_header;
mod java_hash;
mod java_number;
mod mask_field;
pub mod predicates;
mod rebuild;
mod regex_router;
mod replace_field;
mod requirements;
mod schema_cache;
mod set_schema_metadata;
mod simple_date_format;
mod timestamp_converter;
mod timestamp_router;
mod value_to_key;

pub use cast::{Cast, CastConfig};
pub use drop_headers::{DropHeaders, DropHeadersConfig};
pub use extract_field::{ExtractField, ExtractFieldConfig};
pub use field_path::{FieldSyntaxVersion, parse_field_path};
pub use filter::Filter;
pub use flatten::{Flatten, FlattenConfig};
pub use header_from::{HeaderFrom, HeaderFromConfig};
pub use hoist_field::{HoistField, HoistFieldConfig};
pub use insert_field::{InsertField, InsertFieldConfig};
pub use insert_header::{InsertHeader, InsertHeaderConfig};
pub use mask_field::{MaskField, MaskFieldConfig};
pub use regex_router::{RegexRouter, RegexRouterConfig};
pub use replace_field::{ReplaceField, ReplaceFieldConfig};
pub use set_schema_metadata::{SetSchemaMetadata, SetSchemaMetadataConfig};
pub use timestamp_converter::{TimestampConverter, TimestampConverterConfig};
pub use timestamp_router::{TimestampRouter, TimestampRouterConfig};
pub use value_to_key::{ValueToKey, ValueToKeyConfig};

use connect_api::Plugins;
use connect_api::transform::{Key, Value};
use predicates::{HasHeaderKey, RecordIsTombstone, TopicNameMatches};

/// Configuration keys that a transformation has here and Kafka Connect 4.3 does not know, as the transformation's name
/// without `$Key` and `$Value`, and the key. Each has a default with which it changes nothing.
///
/// Whoever compares configuration keys with Kafka's leaves out exactly these.
///
/// ```
/// assert!(connect_transforms::EXTENSION_KEYS.contains(&("ValueToKey", "field.syntax.version")));
/// ```
pub const EXTENSION_KEYS: &[(&str, &str)] = &[
    ("Cast", "field.syntax.version"),
    ("HeaderFrom", "field.syntax.version"),
    ("InsertField", "field.syntax.version"),
    ("MaskField", "field.syntax.version"),
    ("ReplaceField", "field.syntax.version"),
    ("TimestampConverter", "field.syntax.version"),
    ("ValueToKey", "field.syntax.version"),
];

/// Registers every transformation and predicate under Kafka's names, and under the names of Kafka's Java classes.
pub fn register(plugins: &mut Plugins) {
    plugins
        .bundle(env!("CARGO_PKG_VERSION"))
        .transformation::<Cast<Key>>("Cast$Key")
        .alias("org.apache.kafka.connect.transforms.Cast$Key")
        .transformation::<Cast<Value>>("Cast$Value")
        .alias("org.apache.kafka.connect.transforms.Cast$Value")
        .transformation::<DropHeaders>("DropHeaders")
        .alias("org.apache.kafka.connect.transforms.DropHeaders")
        .transformation::<ExtractField<Key>>("ExtractField$Key")
        .alias("org.apache.kafka.connect.transforms.ExtractField$Key")
        .transformation::<ExtractField<Value>>("ExtractField$Value")
        .alias("org.apache.kafka.connect.transforms.ExtractField$Value")
        .transformation::<Filter>("Filter")
        .alias("org.apache.kafka.connect.transforms.Filter")
        .transformation::<Flatten<Key>>("Flatten$Key")
        .alias("org.apache.kafka.connect.transforms.Flatten$Key")
        .transformation::<Flatten<Value>>("Flatten$Value")
        .alias("org.apache.kafka.connect.transforms.Flatten$Value")
        .transformation::<HeaderFrom<Key>>("HeaderFrom$Key")
        .alias("org.apache.kafka.connect.transforms.HeaderFrom$Key")
        .transformation::<HeaderFrom<Value>>("HeaderFrom$Value")
        .alias("org.apache.kafka.connect.transforms.HeaderFrom$Value")
        .transformation::<HoistField<Key>>("HoistField$Key")
        .alias("org.apache.kafka.connect.transforms.HoistField$Key")
        .transformation::<HoistField<Value>>("HoistField$Value")
        .alias("org.apache.kafka.connect.transforms.HoistField$Value")
        .transformation::<InsertField<Key>>("InsertField$Key")
        .alias("org.apache.kafka.connect.transforms.InsertField$Key")
        .transformation::<InsertField<Value>>("InsertField$Value")
        .alias("org.apache.kafka.connect.transforms.InsertField$Value")
        .transformation::<InsertHeader>("InsertHeader")
        .alias("org.apache.kafka.connect.transforms.InsertHeader")
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
        .transformation::<SetSchemaMetadata<Key>>("SetSchemaMetadata$Key")
        .alias("org.apache.kafka.connect.transforms.SetSchemaMetadata$Key")
        .transformation::<SetSchemaMetadata<Value>>("SetSchemaMetadata$Value")
        .alias("org.apache.kafka.connect.transforms.SetSchemaMetadata$Value")
        .transformation::<TimestampConverter<Key>>("TimestampConverter$Key")
        .alias("org.apache.kafka.connect.transforms.TimestampConverter$Key")
        .transformation::<TimestampConverter<Value>>("TimestampConverter$Value")
        .alias("org.apache.kafka.connect.transforms.TimestampConverter$Value")
        .transformation::<TimestampRouter>("TimestampRouter")
        .alias("org.apache.kafka.connect.transforms.TimestampRouter")
        .transformation::<ValueToKey>("ValueToKey")
        .alias("org.apache.kafka.connect.transforms.ValueToKey")
        .predicate::<HasHeaderKey>("HasHeaderKey")
        .alias("org.apache.kafka.connect.transforms.predicates.HasHeaderKey")
        .predicate::<RecordIsTombstone>("RecordIsTombstone")
        .alias("org.apache.kafka.connect.transforms.predicates.RecordIsTombstone")
        .predicate::<TopicNameMatches>("TopicNameMatches")
        .alias("org.apache.kafka.connect.transforms.predicates.TopicNameMatches");
}

/// What only fuzzers call.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::simple_date_format::fuzz as date_pattern;
}
