//! The names that the mapping between Connect and Avro uses.

use connect_api::Schema;
use connect_api::data::Type;

use crate::sum;

/// The namespace of what Connect has no name for.
pub(crate) const NAMESPACE: &str = "io.confluent.connect.avro";
/// A record of a struct without a name; further ones have a number behind it.
pub(crate) const DEFAULT_NAME: &str = "ConnectDefault";
/// A key and a value, where Avro has no map for it.
pub(crate) const MAP_ENTRY: &str = "MapEntry";
/// A value without a schema.
pub(crate) const ANYTHING: &str = "Anything";
/// A struct that stands for a union.
pub(crate) const UNION: &str = "io.confluent.connect.avro.Union";
/// A parameter: the name of an enumeration; with a dot and a symbol behind it: a symbol.
pub(crate) const ENUM: &str = "io.confluent.connect.avro.Enum";
/// A parameter: the default came from Avro.
pub(crate) const FIELD_DEFAULT: &str = "io.confluent.connect.avro.field.default";
/// A parameter: the documentation of a record.
pub(crate) const RECORD_DOC: &str = "io.confluent.connect.avro.record.doc";
/// The same under its other name.
pub(crate) const CONNECT_RECORD_DOC: &str = "connect.record.doc";
/// A parameter, with a field's name behind it: the documentation of the field.
pub(crate) const FIELD_DOC: &str = "io.confluent.connect.avro.field.doc.";
/// A parameter: the precision of a decimal, unless it is [`PRECISION_DEFAULT`].
pub(crate) const PRECISION: &str = "connect.decimal.precision";
/// A decimal's precision where nothing is said.
pub(crate) const PRECISION_DEFAULT: i64 = 64;
/// A parameter: the number of bytes.
pub(crate) const FIXED_SIZE: &str = "connect.fixed.size";

pub(crate) const CONNECT_NAME: &str = "connect.name";
pub(crate) const CONNECT_DOC: &str = "connect.doc";
pub(crate) const CONNECT_VERSION: &str = "connect.version";
pub(crate) const CONNECT_PARAMETERS: &str = "connect.parameters";
pub(crate) const CONNECT_DEFAULT: &str = "connect.default";
pub(crate) const CONNECT_TYPE: &str = "connect.type";
pub(crate) const CONNECT_INTERNAL_TYPE: &str = "connect.internal.type";
pub(crate) const LOGICAL_TYPE: &str = "logicalType";

/// The fields of a map entry.
pub(crate) const KEY: &str = "key";
pub(crate) const VALUE: &str = "value";

/// Whether a struct stands for a union.
pub(crate) fn is_union(schema: &Schema) -> bool {
    schema.ty() == Type::Struct && (schema.name() == Some(UNION) || schema.parameter(sum::UNION).is_some())
}

/// Makes a legal name of a field or of the last part of a full name: what has no place in a name becomes `_` or its
/// bytes in hexadecimal.
pub(crate) fn scrub(name: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(name.len());
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        out.push('x');
    }
    for letter in name.chars() {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => out.push(letter),
            '-' | ' ' | '.' | '*' => out.push('_'),
            other => {
                for byte in other.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "_{byte:02X}");
                }
            }
        }
    }
    out
}

/// The same for a full name, part by part.
pub(crate) fn scrub_full(name: &str) -> String {
    name.split('.').map(scrub).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn illegal_letters_are_replaced() {
        assert_eq!(scrub_full("9.x y.R$z"), "x9.x_y.R_24z");
        assert_eq!(scrub("a/bä"), "a_2Fb_C3_A4");
        assert_eq!(scrub("a.b-c*"), "a_b_c_");
    }
}
