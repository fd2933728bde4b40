//! [`ProtobufConverterConfig`].

use connect_api::{Config, Error, Result};

use super::mapping::Mapping;
use crate::config::SerdeConfig;

/// The configuration of [`ProtobufConverter`](super::ProtobufConverter): the keys of Confluent's converter.
#[derive(Clone, Debug, Config)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct ProtobufConverterConfig {
    /// How to reach the registry, and which schema and subject to use.
    #[config(flatten, prefix = "")]
    pub serde: SerdeConfig,

    /// Whether structs and enumerations are named with package and outer messages when they are read.
    #[config(default = false)]
    pub enhanced_protobuf_schema_support: bool,

    /// Whether the field of a oneof is named with the oneof's number, as in choice_0.
    #[config(default = true, key = "generate.index.for.unions", importance = Low)]
    pub generate_index_for_unions: bool,

    /// Whether enumerations are read as their numbers instead of their symbols.
    #[config(default = false, key = "int.for.enums")]
    pub int_for_enums: bool,

    /// Whether optional fields are declared optional, so that null comes back as null.
    #[config(default = false, key = "optional.for.nullables")]
    pub optional_for_nullables: bool,

    /// Whether a field of a proto2 message that is not there is read as null. Otherwise as its default.
    #[config(default = true, key = "optional.for.proto2")]
    pub optional_for_proto2: bool,

    /// Whether a message inside a message that is not there is read as a struct of zeros. Otherwise as null.
    #[config(default = false, key = "generate.struct.for.nulls", importance = Low)]
    pub generate_struct_for_nulls: bool,

    /// Whether optional scalars are written as Google's wrapper messages, so that null comes back as null.
    #[config(default = false, key = "wrapper.for.nullables")]
    pub wrapper_for_nullables: bool,

    /// Whether Google's wrapper messages are read as the scalar in them, at the top level, too.
    #[config(default = true, key = "wrapper.for.raw.primitives")]
    pub wrapper_for_raw_primitives: bool,

    /// Whether the members of a oneof are read as fields of the message's struct, without a struct between.
    #[config(default = false, importance = Low)]
    pub flatten_unions: bool,

    /// Whether oneofs and enumerations are read into the form that all formats share: the parameters
    /// org.apache.kafka.connect.data.Union and org.apache.kafka.connect.data.Enum. They are written in any case.
    #[config(default = false, key = "generalized.sum.type.support")]
    pub generalized_sum_type_support: bool,

    /// Whether null in an optional field with a default is written as null. Otherwise the default is written.
    #[config(default = false, key = "ignore.default.for.nullables")]
    pub ignore_default_for_nullables: bool,

    /// Whether illegal letters in names are replaced. Otherwise such names are errors.
    #[config(default = false)]
    pub scrub_invalid_names: bool,

    /// The number of schemas whose compiled form is kept.
    #[config(default = 1000, importance = Low)]
    pub schemas_cache_config: i32,

    /// Whether Google's and Confluent's common files are imported without being registered.
    #[config(default = true, importance = Low)]
    pub skip_known_types: bool,

    /// Whether a file that is imported must be in the registry already. With skip.known.types=false.
    #[config(default = false, importance = Low)]
    pub reference_lookup_only: bool,

    /// How the subject of an imported file is named: DefaultReferenceSubjectNameStrategy (the path that is imported) or
    /// QualifiedReferenceSubjectNameStrategy (the same with dots, without .proto) of the package
    /// io.confluent.kafka.serializers.subject, which may be left out.
    #[config(default = "io.confluent.kafka.serializers.subject.DefaultReferenceSubjectNameStrategy", importance = Low, validate = check_strategy)]
    pub reference_subject_name_strategy: String,
}

const QUALIFIED: &str = "QualifiedReferenceSubjectNameStrategy";

fn simple(strategy: &str) -> &str {
    strategy.strip_prefix("io.confluent.kafka.serializers.subject.").unwrap_or(strategy)
}

fn check_strategy(strategy: &String) -> std::result::Result<(), String> {
    match simple(strategy) {
        "DefaultReferenceSubjectNameStrategy" | QUALIFIED => Ok(()),
        _ => Err(format!("Class {strategy} could not be found.")),
    }
}

impl ProtobufConverterConfig {
    /// The defaults with a registry at these URLs.
    ///
    /// # Errors
    ///
    /// A configuration error when there is no URL.
    pub fn of_url(url: &str) -> Result<Self, Error> {
        Self::parse(&connect_api::Properties::from([("schema.registry.url", url)]))
    }

    /// The subject of a file that a schema imports.
    pub(super) fn reference_subject(&self, path: &str) -> String {
        if simple(&self.reference_subject_name_strategy) == QUALIFIED {
            path.trim_end_matches(".proto").replace('/', ".")
        } else {
            path.to_owned()
        }
    }

    pub(super) fn mapping(&self) -> Mapping {
        Mapping {
            enhanced: self.enhanced_protobuf_schema_support,
            index_for_unions: self.generate_index_for_unions,
            int_for_enums: self.int_for_enums,
            optional_for_nullables: self.optional_for_nullables,
            optional_for_proto2: self.optional_for_proto2,
            struct_for_nulls: self.generate_struct_for_nulls,
            wrapper_for_nullables: self.wrapper_for_nullables,
            wrapper_for_raw_primitives: self.wrapper_for_raw_primitives,
            flatten_unions: self.flatten_unions,
            ignore_default_for_nullables: self.ignore_default_for_nullables,
            generalized_sums: self.generalized_sum_type_support,
            scrub_invalid_names: self.scrub_invalid_names,
        }
    }
}
