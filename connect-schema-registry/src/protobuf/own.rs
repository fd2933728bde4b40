//! What a Connect schema is in Protobuf: the text to register, and how to write its values.

use connect_api::data::Type;
use connect_api::{Error, Result, Schema};

use super::definition::{self, Definition};
use super::mapping::Mapping;
use super::schema::{ProtoSchema, Scalar};
use super::write::Writer;
use super::{Body, known};

/// What a Connect schema is in Protobuf.
pub(super) struct Own {
    pub(super) text: String,
    pub(super) imports: Vec<&'static str>,
    pub(super) full_name: String,
    pub(super) path: Vec<usize>,
    pub(super) body: Body,
}

impl Own {
    pub(super) fn of(schema: &Schema, mapping: &Mapping) -> Result<Self> {
        if definition::is_union(schema) {
            return Err(Error::data("A oneof cannot be a message by itself: put it into a struct"));
        }
        if matches!(schema.ty(), Type::Struct | Type::Array | Type::Map) {
            let definition = Definition::of(schema, mapping)?;
            return Ok(Self {
                text: definition.text(),
                imports: definition.imports.clone(),
                full_name: definition.full_name(),
                path: vec![0],
                body: Body::Struct(schema.clone(), Writer::new(schema, &definition, mapping)?),
            });
        }
        if let Some(name) = schema.name().filter(|_| definition::logical_type(schema).is_some()) {
            return Err(Error::data(format!("{name} cannot be a message by itself: put it into a struct")));
        }
        if let Some(name) = definition::enum_name(schema) {
            return Err(Error::data(format!(
                "The enum {name} cannot be a message by itself: put it into a struct"
            )));
        }
        let scalar = match definition::wrapper_of(schema) {
            Some(Scalar::UInt64) => Scalar::Int64,
            Some(scalar) => scalar,
            None => return Err(Error::data(format!("Unsupported root schema of type {}", schema.ty()))),
        };
        let full_name = definition::wrapper_name(scalar);
        let text = known::text(known::WRAPPERS).unwrap_or_default();
        let path = ProtoSchema::parse(text, &[])?.path_to(&full_name).unwrap_or_else(|| vec![0]);
        Ok(Self { text: text.to_owned(), imports: Vec::new(), full_name, path, body: Body::Wrapper(scalar) })
    }
}
