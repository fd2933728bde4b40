//! The frame around a message: magic byte and schema id, or an id in a header.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use connect_api::{Error, RawHeaders, Result};
use schema_registry_converter::schema_registry_common::{BytesResult, get_bytes_result};

/// The header with the schema id of a key, as newer registries' clients write it.
pub const KEY_SCHEMA_ID_HEADER: &str = "__key_schema_id";
/// The header with the schema id of a value.
pub const VALUE_SCHEMA_ID_HEADER: &str = "__value_schema_id";

/// What a message too short for an id is reported as.
pub(crate) const UNDERFLOW: &str = "java.nio.BufferUnderflowException";

/// The number of bytes before the data.
pub const PREFIX: usize = 5;

/// Which schema a message was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaId {
    /// The registry's number.
    Id(i32),
    /// The registry's globally unique id.
    Guid([u8; 16]),
}

impl SchemaId {
    /// The globally unique id that such a text stands for.
    pub fn of_guid(text: &str) -> Option<Self> {
        let digits: Vec<u32> = text
            .chars()
            .filter(|letter| *letter != '-')
            .map(|letter| letter.to_digit(16))
            .collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect();
        Some(Self::Guid(bytes.try_into().ok()?))
    }

    /// The globally unique id as text with dashes, if it is one.
    pub fn guid(self) -> Option<String> {
        let Self::Guid(bytes) = self else { return None };
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Some(parts.join("-"))
    }
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Guid(_) => f.write_str(&self.guid().unwrap_or_default()),
        }
    }
}

/// What a message consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its schema.
    pub id: SchemaId,
    /// What stood behind the id in the header: message indexes, if it is Protobuf. Empty for ids before the data.
    pub header_rest: &'a [u8],
    /// The data.
    pub payload: &'a [u8],
}

/// Takes a message apart. An id in a header goes before one in front of the data, as
/// `DualSchemaIdDeserializer` does it.
///
/// # Errors
///
/// A data error when the message does not begin with a zero byte (`Unknown magic byte!`), or is too short.
pub fn read<'a>(headers: &'a RawHeaders, is_key: bool, bytes: &'a Bytes) -> Result<Frame<'a>> {
    if !headers.is_empty()
        && let Some(Some(header)) = headers.last(header_name(is_key))
    {
        let (id, header_rest) = header_id(header)?;
        return Ok(Frame { id, header_rest, payload: bytes });
    }
    match get_bytes_result(Some(bytes)) {
        BytesResult::Valid(id, payload) => {
            Ok(Frame { id: SchemaId::Id(id.cast_signed()), header_rest: &[], payload })
        }
        BytesResult::Invalid([] | [0, ..]) | BytesResult::Null => Err(too_short(bytes.len())),
        BytesResult::Invalid(_) => Err(unknown_magic()),
    }
}

fn header_id(header: &[u8]) -> Result<(SchemaId, &[u8])> {
    match header.split_first() {
        Some((0, rest)) => match rest.split_first_chunk::<4>() {
            Some((id, rest)) => Ok((SchemaId::Id(i32::from_be_bytes(*id)), rest)),
            None => Err(too_short(header.len())),
        },
        Some((1, rest)) => match rest.split_first_chunk::<16>() {
            Some((guid, rest)) => Ok((SchemaId::Guid(*guid), rest)),
            None => Err(too_short(header.len())),
        },
        _ => Err(unknown_magic()),
    }
}

/// Begins a message in front of the data.
pub fn put_prefix(id: i32, out: &mut BytesMut) {
    out.put_u8(0);
    out.put_i32(id);
}

/// The same with what stands between id and data.
pub(crate) fn prefix(id: i32, rest: &[u8]) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(PREFIX + rest.len());
    prefix.push(0);
    prefix.extend_from_slice(&id.to_be_bytes());
    prefix.extend_from_slice(rest);
    prefix
}

/// The name of the header that has the id of a key's or value's schema.
pub(crate) fn header_name(is_key: bool) -> &'static str {
    if is_key { KEY_SCHEMA_ID_HEADER } else { VALUE_SCHEMA_ID_HEADER }
}

/// That header's value, with what would else stand between id and data.
pub(crate) fn header(guid: [u8; 16], rest: &[u8]) -> Bytes {
    let mut header = Vec::with_capacity(17 + rest.len());
    header.push(1);
    header.extend_from_slice(&guid);
    header.extend_from_slice(rest);
    header.into()
}

#[cold]
fn unknown_magic() -> Error {
    Error::data("Unknown magic byte!")
        .with_java_class("org.apache.kafka.common.errors.SerializationException")
}

#[cold]
fn too_short(length: usize) -> Error {
    Error::data(format!("The message has {length} bytes, too few for a schema id")).with_java_class(UNDERFLOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &'static [u8]) -> Result<(SchemaId, usize)> {
        let headers = RawHeaders::new();
        read(&headers, false, &Bytes::from_static(bytes)).map(|frame| (frame.id, frame.payload.len()))
    }

    #[test]
    fn a_message_begins_with_zero_and_the_id() {
        assert_eq!(of(&[0, 0, 0, 1, 2, 9, 9]).unwrap(), (SchemaId::Id(258), 2));
        assert_eq!(of(&[1, 0, 0, 1, 2, 9, 9]).unwrap_err().message(), "Unknown magic byte!");
        assert_eq!(of(&[5]).unwrap_err().message(), "Unknown magic byte!");
        assert!(of(&[0, 0]).unwrap_err().message().contains("too few"));
        let mut out = BytesMut::new();
        put_prefix(258, &mut out);
        assert_eq!(&out[..], [0, 0, 0, 1, 2]);
    }

    #[test]
    fn an_id_in_a_header_goes_first_and_may_be_a_guid() {
        let mut headers = RawHeaders::new();
        let mut guid = vec![1];
        guid.extend(0..16);
        guid.push(0);
        headers.push(VALUE_SCHEMA_ID_HEADER, Bytes::from(guid));
        let bytes = Bytes::from_static(&[0, 0, 0, 0, 7]);
        let frame = read(&headers, false, &bytes).unwrap();
        assert_eq!(frame.id.guid().unwrap(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_eq!((frame.header_rest, frame.payload.len()), (&[0_u8][..], 5));
        assert_eq!(read(&headers, true, &bytes).unwrap().id, SchemaId::Id(7));
    }
}
