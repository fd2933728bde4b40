//! What other libraries of Rust make of the same bytes: a value of their own, without a Connect schema.

use bytes::Bytes;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

use crate::Outcome;

/// The bytes in front of Avro data, and of the first message of a Protobuf schema.
const AVRO_PREFIX: usize = 5;
const PROTOBUF_PREFIX: usize = 6;

/// A library with a message.
pub(crate) enum Library {
    /// `apache-avro`: schema, value and data.
    Avro(apache_avro::Schema, apache_avro::types::Value, Bytes),
    /// `prost-reflect`: type, message and data.
    Protobuf(MessageDescriptor, DynamicMessage, Bytes),
}

impl Library {
    /// What reads the messages of a converter, if there is something.
    pub(crate) fn of(converter: &str, schema: &str, bytes: &Bytes) -> Outcome<Option<Self>> {
        if converter.starts_with("Avro") {
            let schema = apache_avro::Schema::parse_str(schema)?;
            let data = bytes.slice(AVRO_PREFIX..);
            let value = read_avro(&schema, &data)?;
            return Ok(Some(Self::Avro(schema, value, data)));
        }
        if converter.starts_with("Protobuf") {
            let mut file = protox_parse::parse("record.proto", schema)?;
            file.dependency.clear();
            // What Connect notes about fields needs files that the data does not.
            for message in &mut file.message_type {
                message.field.iter_mut().for_each(|field| field.options = None);
            }
            let mut pool = DescriptorPool::new();
            pool.add_file_descriptor_proto(resolved(file))?;
            let ty = pool.all_messages().next().ok_or("the schema has no message")?;
            let data = bytes.slice(PROTOBUF_PREFIX..);
            let message = DynamicMessage::decode(ty.clone(), data.clone())?;
            return Ok(Some(Self::Protobuf(ty, message, data)));
        }
        Ok(None)
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Avro(..) => "apache-avro",
            Self::Protobuf(..) => "prost-reflect",
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Avro(_, _, data) | Self::Protobuf(_, _, data) => data.len(),
        }
    }

    /// Writes a value that is there; the library takes it over, so that it is copied first.
    pub(crate) fn encode(&self) -> Outcome<()> {
        match self {
            Self::Avro(schema, value, _) => {
                let writer = apache_avro::writer::datum::GenericDatumWriter::builder(schema).build()?;
                drop(std::hint::black_box(writer.write_value_to_vec(value.clone())?));
            }
            Self::Protobuf(_, message, _) => {
                drop(std::hint::black_box(message.encode_to_vec()));
            }
        }
        Ok(())
    }

    pub(crate) fn decode(&self) -> Outcome<()> {
        match self {
            Self::Avro(schema, _, data) => drop(std::hint::black_box(read_avro(schema, data)?)),
            Self::Protobuf(ty, _, data) => {
                drop(std::hint::black_box(DynamicMessage::decode(ty.clone(), data.clone())?));
            }
        }
        Ok(())
    }
}

fn read_avro(schema: &apache_avro::Schema, data: &Bytes) -> Outcome<apache_avro::types::Value> {
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(schema).build()?;
    Ok(reader.read_value(&mut &data[..])?)
}

/// The parser leaves open whether a name is a message or an enum, and where it is; here they are messages inside the
/// first message.
fn resolved(mut file: prost_types::FileDescriptorProto) -> prost_types::FileDescriptorProto {
    for message in &mut file.message_type {
        let outer = message.name().to_owned();
        for field in &mut message.field {
            if let Some(name) = field.type_name.take().filter(|name| !name.starts_with('.')) {
                field.type_name = Some(format!(".{outer}.{name}"));
                field.set_type(prost_types::field_descriptor_proto::Type::Message);
            }
        }
    }
    file
}
