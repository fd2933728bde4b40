//! [`JsonSchemaConverterConfig`].

use connect_api::{Config, ConfigEnum, Result};

use super::mapping::Mapping;
use crate::config::SerdeConfig;

/// How decimals are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ConfigEnum)]
#[config(ignore_case)]
pub enum DecimalFormat {
    /// As a JSON number.
    #[config(name = "NUMERIC")]
    Numeric,
    /// As the Base64 text of the unscaled integer, big-endian.
    #[default]
    #[config(name = "BASE64")]
    Base64,
}

/// A version of the language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ConfigEnum)]
#[config(ignore_case)]
pub enum SpecVersion {
    /// Draft 4.
    #[config(name = "draft_4")]
    Draft4,
    /// Draft 6.
    #[config(name = "draft_6")]
    Draft6,
    /// Draft 7.
    #[default]
    #[config(name = "draft_7")]
    Draft7,
    /// Draft 2019-09.
    #[config(name = "draft_2019_09")]
    Draft201909,
    /// Draft 2020-12.
    #[config(name = "draft_2020_12")]
    Draft202012,
}

/// The configuration of [`JsonSchemaConverter`](super::JsonSchemaConverter): the keys of Confluent's converter.
#[derive(Clone, Debug, Config)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct JsonSchemaConverterConfig {
    /// How to reach the registry, and which schema and subject to use.
    #[config(flatten, prefix = "")]
    pub serde: SerdeConfig,

    /// The version of JSON Schema in which a schema is understood that does not say its own.
    #[config(default = SpecVersion::Draft7, importance = Low)]
    pub json_schema_spec_version: SpecVersion,

    /// Whether data that its schema does not allow is an error, when it is read and when it is written. What is written
    /// with a schema of the registry is checked in any case.
    #[config(default = false)]
    pub json_fail_invalid_schema: bool,

    /// Whether objects may have members that their struct does not have.
    #[config(default = true, key = "object.additional.properties")]
    pub object_additional_properties: bool,

    /// Whether members that are not required are optional, instead of those that may be null.
    #[config(default = false, key = "use.optional.for.nonrequired")]
    pub use_optional_for_nonrequired: bool,

    /// How decimals are written.
    #[config(default = DecimalFormat::Base64)]
    pub decimal_format: DecimalFormat,

    /// Whether choices and enumerations are read into and written from the form that all formats share: the parameters
    /// org.apache.kafka.connect.data.Union and org.apache.kafka.connect.data.Enum.
    #[config(default = false, key = "generalized.sum.type.support")]
    pub generalized_sum_type_support: bool,

    /// Whether a choice of a single schema is read as that schema. Otherwise as a struct with one field.
    #[config(default = false, importance = Low)]
    pub flatten_singleton_unions: bool,

    /// Whether null in an optional field with a default is written as null. Otherwise the default is written.
    #[config(default = false, key = "ignore.default.for.nullables")]
    pub ignore_default_for_nullables: bool,

    /// The number of schemas whose compiled form is kept.
    #[config(default = 1000, importance = Low)]
    pub schemas_cache_config: i32,
}

impl JsonSchemaConverterConfig {
    /// The defaults with a registry at these URLs.
    ///
    /// # Errors
    ///
    /// A configuration error when there is no URL.
    pub fn of_url(url: &str) -> Result<Self> {
        Self::parse(&connect_api::Properties::from([("schema.registry.url", url)]))
    }

    pub(super) fn mapping(&self) -> Mapping {
        Mapping {
            additional_properties: self.object_additional_properties,
            optional_for_nonrequired: self.use_optional_for_nonrequired,
            numeric_decimals: self.decimal_format == DecimalFormat::Numeric,
            generalized_sums: self.generalized_sum_type_support,
            flatten_singletons: self.flatten_singleton_unions,
            use_defaults: !self.ignore_default_for_nullables,
        }
    }
}
