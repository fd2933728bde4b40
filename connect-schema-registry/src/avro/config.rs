//! [`AvroConverterConfig`].

use connect_api::Config;

use crate::config::SerdeConfig;

/// The configuration of [`AvroConverter`](super::AvroConverter): the keys of Confluent's converter.
#[derive(Clone, Debug, Config)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct AvroConverterConfig {
    /// How to reach the registry, and which schema and subject to use.
    #[config(flatten, prefix = "")]
    pub serde: SerdeConfig,

    /// Whether texts with the parameter io.confluent.connect.avro.Enum are written as enumerations, and the fields of
    /// unions have full names.
    #[config(default = false)]
    pub enhanced_avro_schema_support: bool,

    /// Whether what Connect knows of a schema and Avro does not (name, version, documentation, parameters, types) is
    /// written into the schema and read from it.
    #[config(default = true, key = "connect.meta.data", importance = Low)]
    pub connect_meta_data: bool,

    /// The number of schemas whose compiled form is kept.
    #[config(default = 1000, importance = Low)]
    pub schemas_cache_config: i32,

    /// Whether illegal letters in names are replaced. Otherwise such names are errors.
    #[config(default = false)]
    pub scrub_invalid_names: bool,

    /// Whether documentation goes to and comes from Avro's own attribute `doc`.
    #[config(default = false, importance = Low)]
    pub discard_type_doc_default: bool,

    /// Whether a map with optional text keys is written as a map. A null key then fails.
    #[config(default = false, importance = Low)]
    pub allow_optional_map_keys: bool,

    /// Whether unions and enumerations are read into and written from the form that all formats share: the parameters
    /// org.apache.kafka.connect.data.Union and org.apache.kafka.connect.data.Enum.
    #[config(default = false, key = "generalized.sum.type.support")]
    pub generalized_sum_type_support: bool,

    /// Whether a union of a single branch is read as that branch. Otherwise as a struct with one field.
    #[config(default = false, importance = Low)]
    pub flatten_singleton_unions: bool,

    /// Whether null in an optional field with a default is written as null. Otherwise the default is written.
    #[config(default = false, key = "ignore.default.for.nullables")]
    pub ignore_default_for_nullables: bool,
}

impl AvroConverterConfig {
    /// The defaults with a registry at these URLs.
    ///
    /// # Errors
    ///
    /// A configuration error when there is no URL.
    pub fn of_url(url: &str) -> connect_api::Result<Self> {
        Self::parse(&connect_api::Properties::from([("schema.registry.url", url)]))
    }
}
