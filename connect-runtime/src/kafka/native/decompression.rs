//! Reading the records of compressed batches, whoever compressed them.

use std::io::Read;

/// The most that one batch may hold without compression: a broken or hostile one must not take all memory.
const LARGEST: u64 = 512 << 20;

/// What snappy-java writes before its blocks: a name, a version and the version that can read it.
const SNAPPY_MAGIC: &[u8] = b"\x82SNAPPY\0";
const SNAPPY_HEADER: usize = 16;

/// Decompresses the records of a batch; `codec` is the number in the batch's attributes.
pub(super) fn decompress(codec: i16, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    match codec {
        0 => Ok(bytes.to_vec()),
        1 => read(flate2::read::MultiGzDecoder::new(bytes), bytes.len()),
        2 => snappy(bytes),
        3 => read(lz4_flex::frame::FrameDecoder::new(bytes), bytes.len()),
        4 => zstd(bytes),
        other => Err(broken(format!("compression {other} is not known"))),
    }
}

fn broken(why: impl Into<String>) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, why.into())
}

fn read(from: impl Read, compressed: usize) -> std::io::Result<Vec<u8>> {
    let mut to = Vec::with_capacity(compressed.saturating_mul(3));
    from.take(LARGEST + 1).read_to_end(&mut to)?;
    if to.len() as u64 > LARGEST { Err(too_large()) } else { Ok(to) }
}

fn too_large() -> std::io::Error {
    broken(format!("it holds more than {} MiB", LARGEST >> 20))
}

#[cfg(feature = "zstd")]
fn zstd(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    read(zstd::stream::read::Decoder::new(bytes)?, bytes.len())
}

#[cfg(not(feature = "zstd"))]
fn zstd(_: &[u8]) -> std::io::Result<Vec<u8>> {
    Err(broken("it is compressed with zstd, which this program was built without (feature `zstd`)"))
}

/// In blocks as Java's clients write it, or as one block.
fn snappy(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut decoder = snap::raw::Decoder::new();
    let mut to = Vec::new();
    if !bytes.starts_with(SNAPPY_MAGIC) {
        snappy_block(&mut decoder, bytes, &mut to)?;
        return Ok(to);
    }
    let mut left = bytes.get(SNAPPY_HEADER..).ok_or_else(|| broken("it ends too early"))?;
    while !left.is_empty() {
        let (length, rest) = left.split_first_chunk().ok_or_else(|| broken("it ends too early"))?;
        let length = u32::from_be_bytes(*length) as usize;
        let (block, rest) = rest.split_at_checked(length).ok_or_else(|| broken("it ends too early"))?;
        snappy_block(&mut decoder, block, &mut to)?;
        left = rest;
    }
    Ok(to)
}

fn snappy_block(decoder: &mut snap::raw::Decoder, block: &[u8], to: &mut Vec<u8>) -> std::io::Result<()> {
    let length = snap::raw::decompress_len(block).map_err(std::io::Error::other)?;
    let start = to.len();
    if (start + length) as u64 > LARGEST {
        return Err(too_large());
    }
    to.resize(start + length, 0);
    decoder.decompress(block, &mut to[start..]).map_err(std::io::Error::other)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::native::compression::Compression;

    #[test]
    fn what_the_producer_compresses_is_read_again_and_broken_bytes_are_errors() {
        let body: Vec<u8> = (0..100_000_u32).flat_map(|number| (number / 7).to_be_bytes()).collect();
        let zstd = cfg!(feature = "zstd").then_some(Compression::Zstd(3));
        let codecs = [Compression::None, Compression::Gzip(6), Compression::Snappy, Compression::Lz4];
        for compression in codecs.into_iter().chain(zstd) {
            let compressed = compression.compress(&body, 0).unwrap();
            assert!(decompress(compression.codec(), &compressed).unwrap() == body, "{compression:?}");
            if compression != Compression::None {
                assert!(
                    decompress(compression.codec(), &compressed[..compressed.len() / 2]).is_err(),
                    "{compression:?}"
                );
            }
        }
        let one_block = snap::raw::Encoder::new().compress_vec(&body).unwrap();
        assert!(decompress(2, &one_block).unwrap() == body, "as librdkafka may write it");
        assert!(decompress(9, &body).is_err());
    }
}
