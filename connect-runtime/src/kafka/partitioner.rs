//! Java's default partitioner, for records with a key: the same key goes to the same partition whoever writes it.

#[cfg(feature = "krafka")]
use super::Result;
#[cfg(feature = "krafka")]
use super::properties::Reader;

/// Whether records go to the partitions in turn instead of where their keys or Java's default put them.
#[cfg(feature = "krafka")]
pub(super) fn round_robin(reader: &mut Reader<'_>) -> Result<bool> {
    let partitioner = reader.text("partitioner.class").and_then(|class| class.rsplit('.').next());
    let round_robin = match partitioner {
        None | Some("DefaultPartitioner" | "UniformStickyPartitioner") => false,
        Some("RoundRobinPartitioner") => true,
        Some(class) => {
            tracing::warn!(
                key = "partitioner.class",
                class,
                "this setting has no effect here: only RoundRobinPartitioner and the default one exist"
            );
            false
        }
    };
    if reader.boolean("partitioner.ignore.keys")? == Some(true) {
        tracing::warn!(
            key = "partitioner.ignore.keys",
            "this setting has no effect here: keys choose the partition"
        );
    }
    reader.accept(&["partitioner.adaptive.partitioning.enable", "partitioner.availability.timeout.ms"]);
    Ok(round_robin)
}

/// The partition of a key among `partitions` (at least 1).
pub(crate) fn partition_for_key(key: &[u8], partitions: i32) -> i32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

/// The 32-bit MurmurHash2 variant with Kafka's seed.
pub(crate) fn murmur2(data: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;

    // The length wraps as Java's does; a key of 4 GiB does not fit into a record.
    let mut hash = SEED ^ data.len() as u32;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (index, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    (hash ^ (hash >> 15)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_kafkas_own_test() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
    }

    #[test]
    fn a_negative_hash_gives_a_valid_partition() {
        for key in ["21", "foobar", ""] {
            assert!((0..7).contains(&partition_for_key(key.as_bytes(), 7)));
        }
    }
}
