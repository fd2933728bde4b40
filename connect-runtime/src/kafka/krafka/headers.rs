//! Headers between the port and the client: both keep order, duplicates and nulls.

use connect_api::RawHeaders;

/// For a record to be written.
pub(super) fn to_client(headers: &RawHeaders) -> krafka::Headers {
    if headers.is_empty() {
        return krafka::Headers::new();
    }
    headers.iter().map(|(key, value)| (key.as_str().to_owned(), value.cloned())).collect()
}

/// Of a record that was read.
pub(super) fn from_client(headers: krafka::Headers) -> RawHeaders {
    if headers.is_empty() {
        return RawHeaders::new();
    }
    headers.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn order_duplicates_nulls_and_empty_values_survive_both_ways() {
        let mut headers = RawHeaders::new();
        headers.push("b", Bytes::from_static(b"1"));
        headers.push("a", None);
        headers.push("b", Bytes::new());
        assert_eq!(from_client(to_client(&headers)), headers);
        assert!(to_client(&RawHeaders::new()).is_empty());
    }
}
