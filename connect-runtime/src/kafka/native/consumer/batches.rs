//! Record batches as a broker sends them: checked and sorted out when they come, read record by record when the caller
//! takes them. Keys, values and headers are slices of the answer, or of the batch that was decompressed.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use connect_api::{RawHeaders, Str, TimestampType};

use crate::kafka::ConsumerRecord;
use crate::kafka::native::decompression::decompress;
use crate::kafka::native::records::{BEFORE_LENGTH, CHECKED, HEADER};

const MAGIC: usize = 16;
const CODEC: i16 = 0x07;
const APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;
/// The type of the marker that ends a transaction without its records counting.
const ABORT: i16 = 0;

/// A step on the way through a partition.
#[derive(Debug)]
pub(super) enum Entry {
    /// Records.
    Batch(Batch),
    /// Nothing to see up to this offset: transaction markers, and records of transactions that were aborted.
    Nothing { next_offset: i64 },
    /// What comes next cannot be read.
    Broken(String),
}

/// What an answer holds for a partition.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) entries: VecDeque<Entry>,
    /// Where to read on.
    pub(super) next_offset: i64,
    /// The epoch in which the last batch was written.
    pub(super) last_epoch: i32,
    /// How much memory the entries hold.
    pub(super) size: usize,
}

/// A batch, and how far it has been read.
#[derive(Debug)]
pub(super) struct Batch {
    payload: Bytes,
    at: usize,
    left: usize,
    base_offset: i64,
    base_timestamp: i64,
    append_time: Option<i64>,
    /// Behind the batch. Compaction may have taken its last records.
    pub(super) next_offset: i64,
}

/// Sorts out what came for a partition at `position`. `aborted` are transactions with their producer and first offset.
pub(super) fn scan(answer: &Bytes, position: i64, mut aborted: Vec<(i64, i64)>) -> Scanned {
    aborted.sort_unstable_by_key(|(_, first)| *first);
    let mut aborted = aborted.into_iter().peekable();
    let mut open = BTreeSet::new();
    let mut scanned = Scanned { entries: VecDeque::new(), next_offset: position, last_epoch: -1, size: 0 };
    let mut at = 0;
    while let Some(batch) = next_batch(answer, at) {
        let batch = match batch {
            Ok(batch) => batch,
            Err(why) => {
                scanned.entries.push_back(Entry::Broken(why));
                break;
            }
        };
        at += batch.len();
        let header = Header::read(&batch);
        let (last, next_offset) = (header.last_offset, header.last_offset.saturating_add(1));
        while let Some((producer, _)) = aborted.next_if(|(_, first)| *first <= last) {
            open.insert(producer);
        }
        let control = header.attributes & CONTROL != 0;
        if control && marker(&batch[HEADER..]) == Some(ABORT) {
            open.remove(&header.producer);
        }
        if next_offset <= position {
            continue;
        }
        let hidden = header.attributes & TRANSACTIONAL != 0 && open.contains(&header.producer);
        let entry = if control || hidden {
            Entry::Nothing { next_offset }
        } else {
            match header.open(&batch) {
                Ok(batch) => {
                    scanned.size += batch.payload.len();
                    Entry::Batch(batch)
                }
                Err(error) => {
                    let first = header.base_offset;
                    let why = format!("the batch at offset {first} cannot be decompressed: {error}");
                    scanned.entries.push_back(Entry::Broken(why));
                    break;
                }
            }
        };
        match (scanned.entries.back_mut(), entry) {
            (Some(Entry::Nothing { next_offset }), Entry::Nothing { next_offset: further }) => {
                *next_offset = further;
            }
            (_, entry) => scanned.entries.push_back(entry),
        }
        scanned.next_offset = next_offset;
        scanned.last_epoch = header.leader_epoch;
    }
    scanned
}

/// The batch that begins at a place. `None` when no whole one is left: brokers cut answers where they are full.
fn next_batch(answer: &Bytes, at: usize) -> Option<Result<Bytes, String>> {
    let left = &answer[at..];
    let (start, rest) = left.split_at_checked(BEFORE_LENGTH)?;
    let base = i64::from_be_bytes(*start.first_chunk()?);
    let length = usize::try_from(i32::from_be_bytes(*start.last_chunk()?)).ok();
    let magic = left.get(MAGIC)?;
    if *magic != 2 {
        return Some(Err(format!(
            "the batch at offset {base} has the format {magic}, and only 2 is known: Kafka 0.11 introduced it"
        )));
    }
    let length = match length {
        Some(length) if length >= HEADER - BEFORE_LENGTH => length,
        _ => return Some(Err(format!("the batch at offset {base} says that it has no length"))),
    };
    if rest.len() < length {
        return None;
    }
    let batch = answer.slice(at..at + BEFORE_LENGTH + length);
    let expected = u32::from_be_bytes(*batch.get(CHECKED - 4..)?.first_chunk()?);
    if crc32c::crc32c(&batch[CHECKED..]) != expected {
        return Some(Err(format!("the checksum of the batch at offset {base} is wrong")));
    }
    Some(Ok(batch))
}

/// The facts of a batch's header.
struct Header {
    base_offset: i64,
    leader_epoch: i32,
    attributes: i16,
    last_offset: i64,
    base_timestamp: i64,
    max_timestamp: i64,
    producer: i64,
    count: usize,
}

impl Header {
    /// Reads the header of a batch, which is known to be as long as one.
    fn read(batch: &[u8]) -> Self {
        fn at<const N: usize>(batch: &[u8], place: usize) -> [u8; N] {
            batch.get(place..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
        }
        let base_offset = i64::from_be_bytes(at(batch, 0));
        let last = i32::from_be_bytes(at(batch, 23));
        Self {
            base_offset,
            leader_epoch: i32::from_be_bytes(at(batch, 12)),
            attributes: i16::from_be_bytes(at(batch, CHECKED)),
            last_offset: base_offset.saturating_add(i64::from(last)),
            base_timestamp: i64::from_be_bytes(at(batch, 27)),
            max_timestamp: i64::from_be_bytes(at(batch, 35)),
            producer: i64::from_be_bytes(at(batch, 43)),
            count: usize::try_from(i32::from_be_bytes(at(batch, 57))).unwrap_or_default(),
        }
    }

    fn open(&self, batch: &Bytes) -> std::io::Result<Batch> {
        let payload = match self.attributes & CODEC {
            0 => batch.slice(HEADER..),
            codec => Bytes::from(decompress(codec, &batch[HEADER..])?),
        };
        Ok(Batch {
            payload,
            at: 0,
            left: self.count,
            base_offset: self.base_offset,
            base_timestamp: self.base_timestamp,
            append_time: (self.attributes & APPEND_TIME != 0).then_some(self.max_timestamp),
            next_offset: self.last_offset.saturating_add(1),
        })
    }
}

/// The type of a transaction marker.
fn marker(records: &[u8]) -> Option<i16> {
    let mut walk = Walk { bytes: records, at: 0 };
    walk.varint()?;
    walk.at += 1;
    walk.varint()?;
    walk.varint()?;
    let (start, _) = walk.range()??;
    // The version of the key, and then the type.
    let kind = records.get(start + 2..)?.first_chunk()?;
    Some(i16::from_be_bytes(*kind))
}

impl Batch {
    /// Whether all of it was read.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// How much memory it holds.
    pub(super) fn size(&self) -> usize {
        self.payload.len()
    }

    /// How many records it may still have.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Reads until `to` holds `limit` records or the batch is done, without records before `from`. `None`: the bytes are
    /// no records.
    pub(super) fn read(&mut self, from: i64, limit: usize, to: &mut Vec<ConsumerRecord>) -> Option<()> {
        let payload = &self.payload;
        let mut walk = Walk { bytes: payload, at: self.at };
        while self.left > 0 && to.len() < limit {
            let length = usize::try_from(walk.varint()?).ok()?;
            let end = walk.at.checked_add(length).filter(|end| *end <= payload.len())?;
            // Attributes of a record: none are defined.
            walk.at += 1;
            let time = walk.varint()?;
            let offset = self.base_offset.wrapping_add(walk.varint()?);
            self.left -= 1;
            if offset < from {
                walk.at = end;
                self.at = end;
                continue;
            }
            let key = walk.range()?;
            let value = walk.range()?;
            let headers = headers(payload, &mut walk)?;
            if walk.at != end {
                return None;
            }
            self.at = end;
            let (timestamp, timestamp_type) = match self.append_time {
                Some(time) => (time, TimestampType::LogAppendTime),
                None => match self.base_timestamp.wrapping_add(time) {
                    none if none < 0 => (none, TimestampType::NoTimestampType),
                    time => (time, TimestampType::CreateTime),
                },
            };
            to.push(ConsumerRecord {
                offset,
                timestamp,
                timestamp_type,
                key: key.map(|(start, end)| payload.slice(start..end)),
                value: value.map(|(start, end)| payload.slice(start..end)),
                headers,
            });
        }
        Some(())
    }
}

fn headers(payload: &Bytes, walk: &mut Walk<'_>) -> Option<RawHeaders> {
    let mut headers = RawHeaders::new();
    for _ in 0..walk.varint()? {
        let (start, end) = walk.range()??;
        let key = Str::from_utf8(payload.slice(start..end)).ok()?;
        headers.push(key, walk.range()?.map(|(start, end)| payload.slice(start..end)));
    }
    Some(headers)
}

/// A way through encoded records.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Walk<'_> {
    #[inline]
    fn varint(&mut self) -> Option<i64> {
        let first = *self.bytes.get(self.at)?;
        self.at += 1;
        let mut number = u64::from(first & 0x7f);
        let mut byte = first;
        let mut shift = 7;
        while byte >= 0x80 {
            if shift >= 70 {
                return None;
            }
            byte = *self.bytes.get(self.at)?;
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
        }
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// Where bytes begin and end; `Some(None)` is null.
    #[inline]
    fn range(&mut self) -> Option<Option<(usize, usize)>> {
        let Ok(length) = usize::try_from(self.varint()?) else { return Some(None) };
        let start = self.at;
        let end = start.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        self.at = end;
        Some(Some((start, end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::ProducerRecord;
    use crate::kafka::native::compression::Compression;
    use crate::kafka::native::records::{Identity, Records, Stamp};

    fn record(number: i64) -> ProducerRecord {
        let bytes = |text: String| Some(Bytes::from(text));
        let mut headers = RawHeaders::new();
        if number % 3 == 0 {
            headers.push("twice", bytes(number.to_string()));
            headers.push("twice", None);
        }
        ProducerRecord {
            topic: "t".into(),
            partition: None,
            timestamp: Some(1000 + number),
            key: if number % 2 == 0 { bytes(format!("k{number}")) } else { None },
            value: if number % 5 == 0 { None } else { bytes(format!("v{number}")) },
            headers,
        }
    }

    /// A batch as a broker keeps it: with its offset. `attributes` are added to it.
    fn batch(range: std::ops::Range<i64>, codec: Compression, producer: i64, attributes: i16) -> Vec<u8> {
        let mut records = Records::new(Vec::new());
        range.clone().for_each(|number| records.push(&record(number), 0));
        let stamp =
            Stamp { identity: Identity { id: producer, epoch: 0 }, sequence: 0, transactional: false };
        let mut bytes = codec.compress(records.body(), HEADER).unwrap();
        records.seal_compressed(stamp, codec.codec() | attributes, &mut bytes);
        bytes[..8].copy_from_slice(&range.start.to_be_bytes());
        bytes[12..16].copy_from_slice(&4_i32.to_be_bytes());
        bytes
    }

    fn read(scanned: Scanned, from: i64) -> Vec<ConsumerRecord> {
        let mut records = Vec::new();
        for entry in scanned.entries {
            if let Entry::Batch(mut batch) = entry {
                batch.read(from, usize::MAX, &mut records).unwrap();
                assert!(batch.is_done());
            }
        }
        records
    }

    fn offsets(records: &[ConsumerRecord]) -> Vec<i64> {
        records.iter().map(|record| record.offset).collect()
    }

    #[test]
    fn records_come_as_they_were_written_whatever_compressed_them() {
        let zstd = cfg!(feature = "zstd").then_some(Compression::Zstd(3));
        let codecs = [Compression::None, Compression::Gzip(6), Compression::Snappy, Compression::Lz4];
        for codec in codecs.into_iter().chain(zstd) {
            let answer = Bytes::from(batch(0..40, codec, -1, 0));
            let scanned = scan(&answer, 0, Vec::new());
            assert_eq!((scanned.next_offset, scanned.last_epoch), (40, 4));
            for (number, read) in (0..).zip(read(scanned, 0)) {
                let written = record(number);
                assert_eq!((&read.key, &read.value), (&written.key, &written.value), "{codec:?}");
                assert_eq!((read.headers, Some(read.timestamp)), (written.headers, written.timestamp));
                assert_eq!((read.offset, read.timestamp_type), (number, TimestampType::CreateTime));
            }
        }
    }

    #[test]
    fn records_before_the_position_and_half_batches_are_left_out() {
        let mut answer = batch(0..10, Compression::None, -1, 0);
        answer.extend(batch(10..20, Compression::None, -1, 0));
        let cut = answer.len() - 1;
        let scanned = scan(&Bytes::from(answer).slice(..cut), 7, Vec::new());
        assert_eq!(scanned.next_offset, 10);
        assert_eq!(offsets(&read(scanned, 7)), [7, 8, 9]);
    }

    #[test]
    fn a_batch_is_read_in_parts() {
        let answer = Bytes::from(batch(0..10, Compression::None, -1, 0));
        let Some(Entry::Batch(mut batch)) = scan(&answer, 0, Vec::new()).entries.pop_front() else {
            panic!("there is a batch")
        };
        let mut records = Vec::new();
        batch.read(0, 4, &mut records).unwrap();
        assert_eq!((offsets(&records), batch.is_done(), batch.left()), (vec![0, 1, 2, 3], false, 6));
        batch.read(4, 100, &mut records).unwrap();
        assert!(batch.is_done());
        assert_eq!(offsets(&records), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn the_brokers_time_is_that_of_the_batch() {
        let answer = Bytes::from(batch(0..3, Compression::None, -1, APPEND_TIME));
        let read = read(scan(&answer, 0, Vec::new()), 0);
        assert!(
            read.iter()
                .all(|record| record.timestamp == 1002
                    && record.timestamp_type == TimestampType::LogAppendTime)
        );
    }

    /// The marker that a coordinator writes: version 0 of the key, then the type.
    fn end_of_transaction(offset: i64, producer: i64, kind: u8) -> Vec<u8> {
        let mut records = Records::new(Vec::new());
        let key = Some(Bytes::copy_from_slice(&[0, 0, 0, kind]));
        records.push(&ProducerRecord { key, value: Some(Bytes::from_static(&[0; 6])), ..record(1) }, 0);
        let stamp =
            Stamp { identity: Identity { id: producer, epoch: 0 }, sequence: -1, transactional: true };
        let mut bytes = Compression::None.compress(records.body(), HEADER).unwrap();
        records.seal_compressed(stamp, CONTROL, &mut bytes);
        bytes[..8].copy_from_slice(&offset.to_be_bytes());
        bytes
    }

    #[test]
    fn what_was_aborted_is_not_seen_and_the_position_moves_past_it() {
        // Producer 7 aborts 0..5 and commits 9..12; producer 8 commits 5..8.
        let answer = [
            batch(0..5, Compression::None, 7, TRANSACTIONAL),
            batch(5..8, Compression::None, 8, TRANSACTIONAL),
            end_of_transaction(8, 7, 0),
            batch(9..12, Compression::None, 7, TRANSACTIONAL),
            end_of_transaction(12, 7, 1),
            end_of_transaction(13, 8, 1),
        ]
        .concat();
        let answer = Bytes::from(answer);
        let scanned = scan(&answer, 0, vec![(7, 0)]);
        assert_eq!(scanned.next_offset, 14);
        assert!(matches!(scanned.entries.back(), Some(Entry::Nothing { next_offset: 14 })));
        assert_eq!(offsets(&read(scanned, 0)), [5, 6, 7, 9, 10, 11]);
        let all = read(scan(&answer, 0, Vec::new()), 0);
        assert_eq!(all.len(), 11, "without the list nothing is hidden but the markers");
    }

    #[test]
    fn what_cannot_be_read_is_told_after_what_can() {
        let good = batch(0..5, Compression::None, -1, 0);
        let mut wrong = batch(5..8, Compression::None, -1, 0);
        *wrong.last_mut().unwrap() ^= 1;
        let mut old = batch(5..8, Compression::None, -1, 0);
        old[MAGIC] = 1;
        for (second, why) in [(wrong, "checksum"), (old, "format 1")] {
            let scanned = scan(&Bytes::from([good.clone(), second].concat()), 0, Vec::new());
            assert_eq!(scanned.next_offset, 5);
            assert!(matches!(&scanned.entries[1], Entry::Broken(told) if told.contains(why)));
        }
        let mut lying = good;
        lying[57..61].copy_from_slice(&9_i32.to_be_bytes());
        let checksum = crc32c::crc32c(&lying[CHECKED..]);
        lying[CHECKED - 4..CHECKED].copy_from_slice(&checksum.to_be_bytes());
        let Some(Entry::Batch(mut batch)) = scan(&Bytes::from(lying), 0, Vec::new()).entries.pop_front()
        else {
            panic!("its records are looked at later")
        };
        assert!(batch.read(0, usize::MAX, &mut Vec::new()).is_none(), "it has fewer records than it says");
    }
}
