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
    match schema.ty {
        SchemaType::Avro => avro_canonical(schema, references, normalize),
        #[cfg(feature = "protobuf")]
        SchemaType::Protobuf => {
            crate::protobuf::language::canonical(&schema.text, references).map_err(|error| error.to_string())
        }
        #[cfg(not(feature = "protobuf"))]
        SchemaType::Protobuf => Ok(schema.text.to_string()),
        SchemaType::Json => Ok(schema.text.to_string()),
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
        #[cfg(feature = "protobuf")]
        SchemaType::Protobuf => {
            crate::protobuf::language::reads((&reader.0.text, reader.1), (&writer.0.text, writer.1))
        }
        #[cfg(not(feature = "protobuf"))]
        SchemaType::Protobuf => Ok(()),
        SchemaType::Json => Ok(()),
    }
}

#[cfg(feature = "avro")]
fn avro_canonical(
    schema: &RegistrySchema,
    references: &References,
    normalize: bool,
) -> Result<String, String> {
    use crate::avro::print::{Form, print};
    let form = if normalize { Form::Normal } else { Form::Plain };
    let references = references.iter().map(|(_, text)| &**text);
    print(&crate::avro::parse::parse(&schema.text, references, true)?, form)
}

#[cfg(feature = "avro")]
fn avro_reads(
    reader: (&RegistrySchema, &References),
    writer: (&RegistrySchema, &References),
) -> Result<(), String> {
    let parse = |(schema, references): (&RegistrySchema, &References)| {
        let references = references.iter().map(|(_, text)| &**text);
        crate::avro::parse::parse(&schema.text, references, false)
    };
    crate::avro::compatibility::reads(&parse(reader)?, &parse(writer)?)
}

#[cfg(not(feature = "avro"))]
fn avro_canonical(schema: &RegistrySchema, _: &References, _: bool) -> Result<String, String> {
    Ok(schema.text.to_string())
}

#[cfg(not(feature = "avro"))]
fn avro_reads(_: (&RegistrySchema, &References), _: (&RegistrySchema, &References)) -> Result<(), String> {
    Ok(())
}
