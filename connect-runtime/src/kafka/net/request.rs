//! [`Request`]: what every message of the protocol has in common.

use super::codec::{Chunks, Decoder, Encoder};
use crate::kafka::Result;

/// A request with the versions that are spoken here, and how its answer is read.
pub(in crate::kafka) trait Request: Sync {
    /// The number of the API.
    const KEY: i16;
    /// Its name, for errors.
    const NAME: &'static str;
    /// The oldest version spoken.
    const OLDEST: i16;
    /// The newest version spoken.
    const NEWEST: i16;
    /// The first version with compact lengths and tagged fields.
    const FLEXIBLE: i16;
    /// Whether the header of the answer has tagged fields from then on. That of ApiVersions never does.
    const TAGGED_ANSWER: bool = true;
    /// The Kafka whose brokers speak the oldest version, for errors.
    const SINCE: &'static str = "2.1";

    /// The answer.
    type Response: Send;

    /// Writes the body.
    fn encode(&self, version: i16, to: &mut Encoder);

    /// Reads the body of the answer.
    fn decode(version: i16, from: &mut Decoder<'_>) -> Result<Self::Response>;
}

/// The whole frame of a request.
pub(super) fn frame<R: Request>(
    request: &R,
    version: i16,
    correlation: i32,
    client_id: &str,
) -> Result<Chunks> {
    let mut encoder = Encoder::new(version >= R::FLEXIBLE);
    encoder.i16(R::KEY);
    encoder.i16(version);
    encoder.i32(correlation);
    encoder.old_nullable_string(Some(client_id));
    encoder.no_tags();
    request.encode(version, &mut encoder);
    encoder.into_frame()
}

/// Reads an answer whose correlation id was read already.
pub(super) fn answer<R: Request>(version: i16, body: &[u8]) -> Result<R::Response> {
    let mut decoder = Decoder::new(body, version >= R::FLEXIBLE);
    if R::TAGGED_ANSWER {
        decoder.skip_tags()?;
    }
    R::decode(version, &mut decoder)
}
