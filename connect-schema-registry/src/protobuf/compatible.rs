//! Whether one schema can read what another writes, as Confluent's registry sees it.

use prost_types::field_descriptor_proto::Label;

use super::schema::{Field, Kind, Message, ProtoSchema, Scalar};

/// Why `reader` cannot read all that `writer` writes, if it cannot.
///
/// Incompatible are: a message of the writer that is gone; a number whose type is of another kind on the wire, or another
/// message; a required field that only one of them has; a member of a oneof that is gone; two fields that came into one
/// oneof, or one into a oneof that was there.
pub(super) fn objection(reader: &ProtoSchema, writer: &ProtoSchema) -> Option<String> {
    writer.own().find_map(|old| match reader.message(&old.full_name) {
        None => Some(format!("The message {} is gone", old.full_name)),
        Some(new) => message(reader, new, writer, old),
    })
}

fn message(reader: &ProtoSchema, new: &Message, writer: &ProtoSchema, old: &Message) -> Option<String> {
    let by_number =
        |message: &Message, number: u32| message.fields.iter().position(|field| field.number == number);
    for field in &old.fields {
        let place = || format!("{}.{}", old.full_name, field.name);
        match by_number(new, field.number) {
            None if field.label == Label::Required => {
                return Some(format!("The required field {} is gone", place()));
            }
            None => {}
            Some(other) if !kinds_agree(reader, &new.fields[other], writer, field) => {
                return Some(format!("The field {} has another type", place()));
            }
            Some(_) => {}
        }
    }
    for field in &new.fields {
        if field.label == Label::Required && by_number(old, field.number).is_none() {
            return Some(format!("The required field {}.{} is new", new.full_name, field.name));
        }
    }
    for (new_place, name) in new.oneofs.iter().enumerate() {
        let old_place = old.oneofs.iter().position(|other| other == name);
        let member =
            |number| by_number(new, number).is_some_and(|field| new.fields[field].oneof == Some(new_place));
        if let Some(old_place) = old_place {
            let lost =
                old.fields.iter().find(|field| field.oneof == Some(old_place) && !member(field.number));
            if let Some(lost) = lost {
                return Some(format!("The field {} is gone from the oneof {name}", lost.name));
            }
        }
        let moved = old.fields.iter().filter(|field| field.oneof.is_none() && member(field.number)).count();
        if moved > 1 || moved == 1 && old_place.is_some() {
            return Some(format!("Fields of {} came into the oneof {name}", new.full_name));
        }
    }
    None
}

fn kinds_agree(reader: &ProtoSchema, new: &Field, writer: &ProtoSchema, old: &Field) -> bool {
    match (new.kind, old.kind) {
        (Kind::Scalar(new), Kind::Scalar(old)) => group(new) == group(old),
        (Kind::Enum(new), Kind::Enum(old)) => reader.enums[new].full_name == writer.enums[old].full_name,
        (Kind::Enum(_), Kind::Scalar(scalar)) | (Kind::Scalar(scalar), Kind::Enum(_)) => {
            group(scalar) == Group::Varint
        }
        (Kind::Message(new), Kind::Message(old)) => {
            let (new, old) = (&reader.messages[new], &writer.messages[old]);
            if new.is_map_entry && old.is_map_entry {
                let mut parts = new.fields.iter().zip(&old.fields);
                return parts.all(|(new, old)| kinds_agree(reader, new, writer, old));
            }
            new.full_name == old.full_name
        }
        _ => false,
    }
}

/// Scalars that are read from each other's data.
#[derive(PartialEq, Eq)]
enum Group {
    Varint,
    ZigZag,
    Fixed32,
    Fixed64,
    Text,
    Float,
    Double,
}

fn group(scalar: Scalar) -> Group {
    match scalar {
        Scalar::Int32 | Scalar::Int64 | Scalar::UInt32 | Scalar::UInt64 | Scalar::Bool => Group::Varint,
        Scalar::SInt32 | Scalar::SInt64 => Group::ZigZag,
        Scalar::Fixed32 | Scalar::SFixed32 => Group::Fixed32,
        Scalar::Fixed64 | Scalar::SFixed64 => Group::Fixed64,
        Scalar::String | Scalar::Bytes => Group::Text,
        Scalar::Float => Group::Float,
        Scalar::Double => Group::Double,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(new: &str, old: &str) -> bool {
        let parse =
            |text: &str| ProtoSchema::parse(&format!("syntax = \"proto2\"; package p; {text}"), &[]).unwrap();
        objection(&parse(new), &parse(old)).is_none()
    }

    #[test]
    fn what_confluents_registry_accepts_is_accepted() {
        let old = "message R { optional int32 a = 1; }";
        for new in [
            "message X {} message R { optional int64 a = 1; }",
            "message R { optional bool b = 1; }",
            "message R { optional E a = 1; enum E { A = 0; } }",
            "message R { repeated int32 a = 1; optional string s = 2; }",
            "message R { optional int32 a = 2; }",
            "message R { required int32 a = 1; }",
            "message R { oneof o { int32 a = 1; } }",
            "message R {}",
        ] {
            assert!(reads(new, old), "{new}");
        }
    }

    #[test]
    fn what_confluents_registry_refuses_is_refused() {
        let old = "message R { optional int32 a = 1; optional In b = 2; oneof o { int32 c = 3; int32 d = 4; } message In {} }";
        let with = |fields: &str| format!("message R {{ {fields} message In {{}} }}");
        let oneof = "oneof o { int32 c = 3; int32 d = 4; }";
        assert!(reads(&with(&format!("optional int32 a = 1; optional In b = 2; {oneof}")), old));
        for new in [
            "message Other {}".to_owned(),
            format!("message R {{ optional int32 a = 1; {oneof} }}"),
            with(&format!("optional sint32 a = 1; {oneof}")),
            with(&format!("optional string a = 1; {oneof}")),
            with(&format!("optional In a = 1; {oneof}")),
            with(&format!("optional R b = 2; {oneof}")),
            with(&format!("required int32 z = 9; {oneof}")),
            with("oneof o { int32 c = 3; }"),
            with("oneof o { int32 a = 1; int32 c = 3; int32 d = 4; }"),
            with("oneof q { int32 a = 1; In b = 2; } oneof o { int32 c = 3; int32 d = 4; }"),
        ] {
            assert!(!reads(&new, old), "{new}");
        }
        assert!(!reads("message R {}", "message R { required int32 a = 1; }"));
    }
}
