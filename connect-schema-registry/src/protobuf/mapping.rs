//! What both directions of the mapping share: settings and names.

/// The settings of the mapping; see the converter's keys.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub(super) struct Mapping {
    pub(super) enhanced: bool,
    pub(super) index_for_unions: bool,
    pub(super) int_for_enums: bool,
    pub(super) optional_for_nullables: bool,
    pub(super) optional_for_proto2: bool,
    pub(super) struct_for_nulls: bool,
    pub(super) wrapper_for_nullables: bool,
    pub(super) wrapper_for_raw_primitives: bool,
    pub(super) flatten_unions: bool,
    pub(super) ignore_default_for_nullables: bool,
    pub(super) generalized_sums: bool,
    pub(super) scrub_invalid_names: bool,
}

/// The parameter with a field's number.
pub(super) const TAG: &str = "io.confluent.connect.protobuf.Tag";
/// The parameter with a number's type on the wire.
pub(super) const TYPE: &str = "io.confluent.connect.protobuf.Type";
/// The parameter with an enum's name; with a dot and a symbol behind it, the symbol's number.
pub(super) const ENUM: &str = "io.confluent.connect.protobuf.Enum";
/// How the names of structs that stand for oneofs begin.
pub(super) const UNION: &str = "io.confluent.connect.protobuf.Union.";
/// The parameter of a decimal with its number of digits.
pub(super) const PRECISION: &str = "connect.decimal.precision";

pub(super) const DECIMAL: &str = "confluent.type.Decimal";
pub(super) const DATE: &str = "google.type.Date";
pub(super) const TIME: &str = "google.type.TimeOfDay";
pub(super) const TIMESTAMP: &str = "google.protobuf.Timestamp";
