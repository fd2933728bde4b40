//! How unions and enumerations are kept in Connect schemas in the same way for all formats
//! (`generalized.sum.type.support`), so that what was read in one format can be written in another.

/// A parameter of a struct that stands for a union, with its name.
pub(crate) const UNION: &str = "org.apache.kafka.connect.data.Union";
/// A parameter of text that is an enumeration, with its name; with a dot and a symbol behind it, the symbol's number.
pub(crate) const ENUM: &str = "org.apache.kafka.connect.data.Enum";

/// The name of a union that has none, by its number in the schema.
#[cfg(any(feature = "avro", feature = "json-schema"))]
pub(crate) fn union_name(number: usize) -> String {
    format!("connect_union_{number}")
}

/// The name of a branch's field, by its number in the union.
#[cfg(any(feature = "avro", feature = "json-schema"))]
pub(crate) fn field_name(number: usize) -> String {
    format!("connect_union_field_{number}")
}
