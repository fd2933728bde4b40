//! What both directions of the mapping share: settings and names.

use connect_api::Schema;
use connect_api::data::Type;

use crate::sum;

/// The settings of the mapping; see the converter's keys.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub(super) struct Mapping {
    pub(super) additional_properties: bool,
    pub(super) optional_for_nonrequired: bool,
    pub(super) numeric_decimals: bool,
    pub(super) use_defaults: bool,
    pub(super) generalized_sums: bool,
    pub(super) flatten_singletons: bool,
}

/// The Connect type of a schema, where JSON has fewer.
pub(super) const TYPE: &str = "connect.type";
/// The place of a field in its struct.
pub(super) const INDEX: &str = "connect.index";
pub(super) const VERSION: &str = "connect.version";
pub(super) const PARAMETERS: &str = "connect.parameters";

/// The name of structs that stand for a choice, and the beginning of their fields' names.
pub(super) const ONE_OF: &str = "io.confluent.connect.json.OneOf";
pub(super) const ONE_OF_FIELD: &str = "io.confluent.connect.json.OneOf.field.";
/// The parameter of text that is an enum; with a dot and a symbol behind it, one for each symbol.
pub(super) const ENUM: &str = "io.confluent.connect.json.Enum";

/// Whether a struct stands for a choice.
pub(super) fn is_choice(schema: &Schema) -> bool {
    schema.ty() == Type::Struct && (schema.name() == Some(ONE_OF) || schema.parameter(sum::UNION).is_some())
}

/// How deep schemas and data may be nested.
pub(super) const DEEPEST: usize = 100;
