//! What several tests need.

use bytes::{Bytes, BytesMut};
use connect_api::{Converter, Encoded, ErrorKind, RawHeaders, Result, SchemaAndValue};

/// Writes as the runtime does: what is missing is resolved.
pub(crate) async fn write(
    converter: &dyn Converter,
    topic: &str,
    data: &SchemaAndValue,
) -> Result<Option<Bytes>> {
    loop {
        let mut out = BytesMut::new();
        match converter.from_connect_data(topic, &mut RawHeaders::new(), data, &mut out) {
            Ok(Encoded::Null) => return Ok(None),
            Ok(Encoded::Appended) => return Ok(Some(out.freeze())),
            Ok(Encoded::Shared(bytes)) => return Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await?,
            Err(error) => return Err(error),
        }
    }
}

/// Reads as the runtime does.
pub(crate) async fn read(converter: &dyn Converter, topic: &str, bytes: &Bytes) -> Result<SchemaAndValue> {
    loop {
        match converter.to_connect_data(topic, &RawHeaders::new(), Some(bytes)) {
            Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await?,
            other => return other,
        }
    }
}
