//! Compressing the records of a batch, as Java's client does.

use std::io::Write;

use crate::kafka::properties::{Reader, invalid, refused};
use crate::kafka::{KafkaError, KafkaErrorKind, Result};

/// How record batches are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip(u32),
    Snappy,
    Lz4,
    Zstd(i32),
}

impl Compression {
    /// Reads `compression.type` and the levels.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let gzip = reader.number("compression.gzip.level", -1..=9)?;
        let zstd = reader.number("compression.zstd.level", -131_072..=22)?;
        let lz4 = reader.number("compression.lz4.level", 1..=17)?;
        match reader.text("compression.type").unwrap_or("none").to_ascii_lowercase().as_str() {
            "none" => Ok(Self::None),
            "gzip" => Ok(Self::Gzip(gzip.and_then(|level: i32| u32::try_from(level).ok()).unwrap_or(6))),
            "snappy" => Ok(Self::Snappy),
            "lz4" => {
                if lz4.is_some() {
                    tracing::warn!(
                        key = "compression.lz4.level",
                        "this setting has no effect here: LZ4 has one level"
                    );
                }
                Ok(Self::Lz4)
            }
            "zstd" if cfg!(feature = "zstd") => Ok(Self::Zstd(zstd.unwrap_or(3))),
            "zstd" => Err(refused(
                "`compression.type` is `zstd`, which this program was built without (feature `zstd`)",
            )),
            other => Err(invalid("compression.type", other, "one of none, gzip, snappy, lz4, zstd")),
        }
    }

    /// Its number in a batch's attributes.
    pub(super) fn codec(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip(_) => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd(_) => 4,
        }
    }

    /// Compresses `body` behind `room` bytes for a header.
    pub(super) fn compress(self, body: &[u8], room: usize) -> Result<Vec<u8>> {
        let mut to = Vec::with_capacity(room + body.len() / 2);
        to.resize(room, 0);
        let compressed = match self {
            Self::None => {
                to.extend_from_slice(body);
                Ok(to)
            }
            Self::Gzip(level) => {
                let mut encoder = flate2::write::GzEncoder::new(to, flate2::Compression::new(level));
                encoder.write_all(body).and_then(|()| encoder.finish())
            }
            Self::Snappy => snappy(body, &mut to).map(|()| to),
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(to);
                let written = encoder.write_all(body);
                written.and_then(|()| encoder.finish().map_err(std::io::Error::other))
            }
            Self::Zstd(level) => zstd(level, body, to),
        };
        compressed
            .map_err(|error| KafkaError::new(KafkaErrorKind::Other, "compressing records").with_source(error))
    }
}

#[cfg(feature = "zstd")]
fn zstd(level: i32, body: &[u8], to: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut encoder = zstd::stream::write::Encoder::new(to, level)?;
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(not(feature = "zstd"))]
fn zstd(_: i32, _: &[u8], _: Vec<u8>) -> std::io::Result<Vec<u8>> {
    Err(std::io::Error::other("this program was built without zstd"))
}

/// The stream format of snappy-java, which Kafka's clients write: a header, then blocks with their lengths.
const SNAPPY_HEADER: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
const SNAPPY_BLOCK: usize = 32 << 10;

fn snappy(body: &[u8], to: &mut Vec<u8>) -> std::io::Result<()> {
    to.extend_from_slice(&SNAPPY_HEADER);
    let mut encoder = snap::raw::Encoder::new();
    let mut compressed = vec![0; snap::raw::max_compress_len(SNAPPY_BLOCK)];
    for block in body.chunks(SNAPPY_BLOCK) {
        let length = encoder.compress(block, &mut compressed).map_err(std::io::Error::other)?;
        to.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        to.extend_from_slice(&compressed[..length]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::kafka::ClientProperties;

    fn body() -> Vec<u8> {
        (0..100_000_u32).flat_map(|number| (number / 7).to_be_bytes()).collect()
    }

    #[test]
    fn what_is_compressed_can_be_read_again() {
        let body = body();
        for compression in [Compression::None, Compression::Gzip(6), Compression::Snappy, Compression::Lz4] {
            let compressed = compression.compress(&body, 5).unwrap();
            assert_eq!(compressed[..5], [0; 5]);
            let mut read = Vec::new();
            match compression {
                Compression::Gzip(_) => {
                    flate2::read::GzDecoder::new(&compressed[5..]).read_to_end(&mut read).unwrap();
                }
                Compression::Lz4 => {
                    lz4_flex::frame::FrameDecoder::new(&compressed[5..]).read_to_end(&mut read).unwrap();
                }
                Compression::Snappy => {
                    let mut left = &compressed[5 + SNAPPY_HEADER.len()..];
                    while let Some((length, rest)) = left.split_first_chunk::<4>() {
                        let (block, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
                        read.extend(snap::raw::Decoder::new().decompress_vec(block).unwrap());
                        left = rest;
                    }
                }
                _ => read.extend_from_slice(&compressed[5..]),
            }
            assert!(read == body, "{compression:?}");
        }
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_can_be_read_again() {
        let compressed = Compression::Zstd(3).compress(&body(), 0).unwrap();
        assert!(zstd::decode_all(&compressed[..]).unwrap() == body());
    }

    #[test]
    fn settings_choose_the_codec_and_its_level() {
        let read = |pairs: &[(&str, &str)]| {
            let properties: ClientProperties =
                pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            Compression::read(&mut Reader::new(&properties))
        };
        assert_eq!(read(&[]).unwrap(), Compression::None);
        let gzip = [("compression.type", "GZIP"), ("compression.gzip.level", "9")];
        assert_eq!(read(&gzip).unwrap(), Compression::Gzip(9));
        assert!(read(&[("compression.type", "brotli")]).unwrap_err().to_string().contains("zstd"));
    }
}
