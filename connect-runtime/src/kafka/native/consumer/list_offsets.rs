//! The ListOffsets request: where a log begins and ends, and from when on its records are.

use connect_api::TopicPartition;

use crate::kafka::Result;
use crate::kafka::net::{Code, Decoder, Encoder, Request};

/// The end of the log.
pub(super) const LATEST: i64 = -1;
/// Its beginning.
pub(super) const EARLIEST: i64 = -2;

/// Asks the leader of partitions for offsets.
#[derive(Debug)]
pub(super) struct ListOffsets<'a> {
    pub(super) read_committed: bool,
    pub(super) lookups: &'a [Lookup],
}

/// A partition, and from which time on.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    pub(super) partition: TopicPartition,
    /// See [`Target::version`](super::fetch::Target).
    pub(super) version: u64,
    pub(super) leader_epoch: i32,
    /// A time, [`EARLIEST`] or [`LATEST`].
    pub(super) timestamp: i64,
}

/// What was found for a partition.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) code: Code,
    /// Negative: no record is that young.
    pub(super) offset: i64,
}

impl Request for ListOffsets<'_> {
    const KEY: i16 = 2;
    const NAME: &'static str = "ListOffsets";
    const OLDEST: i16 = 4;
    const NEWEST: i16 = 7;
    const FLEXIBLE: i16 = 6;
    type Response = Vec<Found>;

    fn encode(&self, _: i16, to: &mut Encoder) {
        to.i32(-1);
        to.i8(i8::from(self.read_committed));
        let same_topic = |a: &Lookup, b: &Lookup| a.partition.topic == b.partition.topic;
        let runs: Vec<_> = self.lookups.chunk_by(same_topic).collect();
        to.array(&runs, |to, run| {
            to.string(run.first().map_or("", |first| &first.partition.topic));
            to.array(run, |to, lookup| {
                to.i32(lookup.partition.partition);
                to.i32(lookup.leader_epoch);
                to.i64(lookup.timestamp);
                to.no_tags();
            });
            to.no_tags();
        });
        to.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Vec<Found>> {
        from.i32()?;
        let topics = from.array(|from| {
            let topic = from.string()?.to_owned();
            let found = from.array(|from| {
                let (partition, code) = (from.i32()?, Code(from.i16()?));
                from.i64()?;
                let offset = from.i64()?;
                from.i32()?;
                from.skip_tags()?;
                Ok(Found { topic: topic.clone(), partition, code, offset })
            })?;
            from.skip_tags()?;
            Ok(found)
        })?;
        Ok(topics.into_iter().flatten().collect())
    }
}
