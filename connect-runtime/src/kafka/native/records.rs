//! Record batches of the format's version 2, encoded straight from the port's records.

use connect_api::RawHeaders;

use crate::kafka::ProducerRecord;
use crate::kafka::net::{put_varint, varint_len};

/// The bytes of a batch before its first record.
pub(super) const HEADER: usize = 61;
/// Where the checksum begins to count.
pub(super) const CHECKED: usize = 21;
/// What `batchLength` does not count: base offset and the length itself.
pub(super) const BEFORE_LENGTH: usize = 12;

/// Who writes, for brokers to tell repeated batches. -1: nobody in particular.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

impl Identity {
    pub(super) const NONE: Self = Self { id: -1, epoch: -1 };

    pub(super) fn is_some(self) -> bool {
        self.id >= 0
    }
}

/// What stands in a batch's header beside what its records say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) identity: Identity,
    pub(super) sequence: i32,
    pub(super) transactional: bool,
}

/// Records encoded one after the other, behind room for a header.
#[derive(Debug)]
pub(super) struct Records {
    bytes: Vec<u8>,
    count: i32,
    base_timestamp: i64,
    max_timestamp: i64,
}

impl Records {
    /// An empty batch in a buffer, which may be one that was used before.
    pub(super) fn new(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.resize(HEADER, 0);
        Self { bytes: buffer, count: 0, base_timestamp: 0, max_timestamp: i64::MIN }
    }

    pub(super) fn count(&self) -> i32 {
        self.count
    }

    /// The length of the batch without compression.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The encoded records.
    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[HEADER..]
    }

    /// Appends a record. `now` is its time when it has none.
    pub(super) fn push(&mut self, record: &ProducerRecord, now: i64) {
        let timestamp = record.timestamp.unwrap_or(now);
        if self.count == 0 {
            self.base_timestamp = timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        let time = timestamp.wrapping_sub(self.base_timestamp);
        let to = &mut self.bytes;
        put_varint(to, as_i64(body_len(record, time, i64::from(self.count))));
        // Attributes of a record: none are defined.
        to.push(0);
        put_varint(to, time);
        put_varint(to, i64::from(self.count));
        put_nullable(to, record.key.as_deref());
        put_nullable(to, record.value.as_deref());
        put_headers(to, &record.headers);
        self.count += 1;
    }

    /// Appends an encoded record of another batch with the same base timestamp.
    fn push_encoded(&mut self, record: &Encoded<'_>) {
        let to = &mut self.bytes;
        let offset = i64::from(self.count);
        let length = 1 + varint_len(record.time) + varint_len(offset) + record.rest.len();
        put_varint(to, as_i64(length));
        to.push(record.attributes);
        put_varint(to, record.time);
        put_varint(to, offset);
        to.extend_from_slice(record.rest);
        self.max_timestamp = self.max_timestamp.max(self.base_timestamp.wrapping_add(record.time));
        self.count += 1;
    }

    /// Divides a batch: the first `at` records, and the others. `None` if the bytes are not what was written.
    pub(super) fn split(&self, at: i32) -> Option<(Self, Self)> {
        let empty = || Self { base_timestamp: self.base_timestamp, ..Self::new(Vec::new()) };
        let (mut first, mut second) = (empty(), empty());
        let mut left = self.body();
        for number in 0..self.count {
            let record = Encoded::read(&mut left)?;
            if number < at { first.push_encoded(&record) } else { second.push_encoded(&record) }
        }
        Some((first, second))
    }

    /// Writes the header of an uncompressed batch.
    pub(super) fn seal(&mut self, stamp: Stamp) {
        let facts = self.facts(stamp, 0);
        write_header(&mut self.bytes, facts);
    }

    /// The batch around compressed records. `compressed` begins with room for the header.
    pub(super) fn seal_compressed(&self, stamp: Stamp, codec: i16, compressed: &mut [u8]) {
        write_header(compressed, self.facts(stamp, codec));
    }

    fn facts(&self, stamp: Stamp, codec: i16) -> Facts {
        Facts {
            stamp,
            codec,
            count: self.count,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
        }
    }

    /// The buffer: a sealed batch, or one to be used again.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The same records behind bytes that came back from a request.
    pub(super) fn with_bytes(&self, bytes: Vec<u8>) -> Self {
        Self { bytes, ..*self }
    }

    /// Takes the bytes out and leaves the facts.
    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

#[derive(Clone, Copy)]
struct Facts {
    stamp: Stamp,
    codec: i16,
    count: i32,
    base_timestamp: i64,
    max_timestamp: i64,
}

fn write_header(batch: &mut [u8], facts: Facts) {
    let length = i32::try_from(batch.len() - BEFORE_LENGTH).unwrap_or(i32::MAX);
    let attributes = facts.codec | if facts.stamp.transactional { 0x10 } else { 0 };
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        batch[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    // The broker gives the offset.
    put(&0_i64.to_be_bytes());
    put(&length.to_be_bytes());
    // The leader's epoch is the broker's, too.
    put(&(-1_i32).to_be_bytes());
    put(&[2]);
    put(&0_u32.to_be_bytes());
    put(&attributes.to_be_bytes());
    put(&(facts.count - 1).to_be_bytes());
    put(&facts.base_timestamp.to_be_bytes());
    put(&facts.max_timestamp.to_be_bytes());
    put(&facts.stamp.identity.id.to_be_bytes());
    put(&facts.stamp.identity.epoch.to_be_bytes());
    put(&facts.stamp.sequence.to_be_bytes());
    put(&facts.count.to_be_bytes());
    let checksum = crc32c::crc32c(&batch[CHECKED..]);
    batch[CHECKED - 4..CHECKED].copy_from_slice(&checksum.to_be_bytes());
}

/// At least how many bytes a record takes, for limits that are checked before it is encoded.
pub(super) fn size_of_record(record: &ProducerRecord) -> usize {
    let body = body_len(record, 0, 0);
    body + varint_len(as_i64(body))
}

fn body_len(record: &ProducerRecord, time: i64, offset: i64) -> usize {
    let headers = if record.headers.is_empty() { 1 } else { headers_len(&record.headers) };
    1 + varint_len(time)
        + varint_len(offset)
        + nullable_len(record.key.as_deref())
        + nullable_len(record.value.as_deref())
        + headers
}

fn headers_len(headers: &RawHeaders) -> usize {
    let each = headers.iter().map(|(key, value)| {
        varint_len(as_i64(key.as_str().len()))
            + key.as_str().len()
            + nullable_len(value.map(|value| &**value))
    });
    varint_len(as_i64(headers.len())) + each.sum::<usize>()
}

fn nullable_len(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varint_len(as_i64(bytes.len())) + bytes.len())
}

fn put_nullable(to: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => to.push(1),
        Some(bytes) => {
            put_varint(to, as_i64(bytes.len()));
            to.extend_from_slice(bytes);
        }
    }
}

fn put_headers(to: &mut Vec<u8>, headers: &RawHeaders) {
    if headers.is_empty() {
        return to.push(0);
    }
    put_varint(to, as_i64(headers.len()));
    for (key, value) in headers.iter() {
        put_nullable(to, Some(key.as_str().as_bytes()));
        put_nullable(to, value.map(|value| &**value));
    }
}

fn as_i64(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// An encoded record, apart from its place in its batch.
struct Encoded<'a> {
    attributes: u8,
    time: i64,
    rest: &'a [u8],
}

impl<'a> Encoded<'a> {
    fn read(left: &mut &'a [u8]) -> Option<Self> {
        let length = usize::try_from(varint(left)?).ok()?;
        let (mut body, rest) = left.split_at_checked(length)?;
        *left = rest;
        let (attributes, after) = body.split_first()?;
        body = after;
        let time = varint(&mut body)?;
        varint(&mut body)?;
        Some(Self { attributes: *attributes, time, rest: body })
    }
}

fn varint(left: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = left.split_first()?;
        *left = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn record(key: Option<&str>, value: Option<&str>, timestamp: i64) -> ProducerRecord {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let mut headers = RawHeaders::new();
        if key.is_some() {
            headers.push("h", bytes("1"));
            headers.push("h", None);
        }
        ProducerRecord {
            topic: "t".into(),
            partition: None,
            timestamp: Some(timestamp),
            key: key.map(bytes),
            value: value.map(bytes),
            headers,
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What `MemoryRecords.withIdempotentRecords` of Kafka 4.3 writes for the same records.
    #[test]
    fn a_batch_is_byte_for_byte_that_of_javas_client() {
        let mut records = Records::new(Vec::new());
        records.push(&record(Some("k"), Some("v1"), 1_700_000_000_000), 0);
        records.push(&record(None, None, 1_700_000_000_250), 0);
        records.push(&record(None, Some(""), 1_699_999_999_999), 0);
        records.seal(Stamp { identity: Identity { id: 7, epoch: 3 }, sequence: 11, transactional: false });
        assert_eq!(
            hex(&records.into_bytes()),
            "000000000000000000000051ffffffff022398c4050000000000020000018bcfe568000000018bcfe568fa00\
             0000000000000700030000000b0000000320000000026b04763104026802310268010e00f403020101000c00\
             0104010000"
        );
    }

    #[test]
    fn a_split_batch_has_the_same_records_and_counts_from_zero() {
        let all: Vec<_> =
            (0..100).map(|number| record(Some("k"), Some("value"), 1000 - number * 7)).collect();
        let encode = |part: &[ProducerRecord], base: i64| {
            let mut records = Records::new(Vec::new());
            records.base_timestamp = base;
            for record in part {
                let base = records.base_timestamp;
                records.push(record, 0);
                // As after a split, where the base is that of the whole.
                records.base_timestamp = base;
            }
            records
        };
        let mut whole = Records::new(Vec::new());
        all.iter().for_each(|record| whole.push(record, 0));
        let (first, second) = whole.split(70).unwrap();
        assert_eq!((first.count(), second.count()), (70, 30));
        assert_eq!(first.body(), encode(&all[..70], 1000).body());
        assert_eq!((first.max_timestamp, second.max_timestamp), (1000, 1000 - 70 * 7));
        let mut left = second.body();
        for record in &all[70..] {
            let read = Encoded::read(&mut left).unwrap();
            assert_eq!(second.base_timestamp + read.time, record.timestamp.unwrap());
        }
        assert!(left.is_empty());
    }

    #[test]
    fn the_size_of_a_record_is_what_it_takes_at_least() {
        let record = record(Some("key"), Some("value"), 0);
        let mut records = Records::new(Vec::new());
        records.push(&record, 0);
        assert_eq!(size_of_record(&record), records.body().len());
    }
}
