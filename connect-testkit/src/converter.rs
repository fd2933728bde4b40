//! Converters under test.

use connect_api::{
    Bytes, BytesMut, Config, Converter, ConverterType, Encoded, ErrorKind, Properties, RawHeaders, Result,
    SchemaAndValue,
};

/// Makes a converter for values from its configuration, as the engine does.
///
/// # Errors
///
/// When the configuration does not parse, or the converter refuses it.
pub fn converter<C: Converter>(config: impl Into<Properties>) -> Result<C> {
    let config = config.into().with("converter.type", ConverterType::Value.as_str());
    C::configure(C::Config::parse(&config)?, ConverterType::Value)
}

/// What a converter writes for a value: `None` is Kafka's null. Loads what the converter says that it lacks, as the
/// engine does.
///
/// # Errors
///
/// That of the converter.
pub async fn encode(converter: &dyn Converter, data: &SchemaAndValue) -> Result<Option<Bytes>> {
    let mut headers = RawHeaders::default();
    let mut out = BytesMut::new();
    let mut written = converter.from_connect_data("test", &mut headers, data, &mut out);
    if let Err(error) = written {
        if error.kind() != ErrorKind::Unresolved {
            return Err(error);
        }
        converter.resolve(error).await?;
        out.clear();
        written = converter.from_connect_data("test", &mut headers, data, &mut out);
    }
    Ok(match written? {
        Encoded::Null => None,
        Encoded::Appended => Some(out.freeze()),
        Encoded::Shared(bytes) => Some(bytes),
    })
}

/// What a converter reads from bytes; `None` is Kafka's null.
///
/// # Errors
///
/// That of the converter.
pub async fn decode(converter: &dyn Converter, bytes: Option<&Bytes>) -> Result<SchemaAndValue> {
    let headers = RawHeaders::default();
    match converter.to_connect_data("test", &headers, bytes) {
        Err(error) if error.kind() == ErrorKind::Unresolved => {
            converter.resolve(error).await?;
            converter.to_connect_data("test", &headers, bytes)
        }
        read => read,
    }
}

/// Writes a value and reads it back.
///
/// ```
/// # use connect_testkit::doc::Plain;
/// use connect_api::SchemaAndValue;
/// use connect_testkit::{converter, round_trip};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> connect_api::Result<()> {
/// let plain = converter::<Plain>([("encoding", "utf-8")])?;
/// let value = SchemaAndValue::schemaless("coffee");
/// assert_eq!(round_trip(&plain, &value).await?, value);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// That of the converter.
pub async fn round_trip(converter: &dyn Converter, data: &SchemaAndValue) -> Result<SchemaAndValue> {
    let bytes = encode(converter, data).await?;
    decode(converter, bytes.as_ref()).await
}
