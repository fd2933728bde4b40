//! The order in which Java's `HashMap` lists texts, where Kafka's answers depend on it.

/// Sorts distinct texts as a `HashMap` that they were put into one by one lists its keys.
pub(crate) fn sort_as_hash_map<T>(entries: &mut [T], key: impl Fn(&T) -> &str) {
    // The table doubles when it is more than three quarters full.
    let mut buckets = 16_usize;
    while entries.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    entries.sort_by_key(|entry| {
        let hash = key(entry)
            .encode_utf16()
            .fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
        (hash ^ (hash >> 16)) as usize & (buckets - 1)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_in_the_order_of_their_buckets() {
        let mut texts = ["zz", "a", "Aa", "BB", "b", "q"];
        sort_as_hash_map(&mut texts, |text| text);
        // Observed: new HashMap of these lists them so. "Aa" and "BB" have one hash, "zz" is in the first bucket.
        assert_eq!(texts, ["zz", "Aa", "BB", "a", "q", "b"]);
    }
}
