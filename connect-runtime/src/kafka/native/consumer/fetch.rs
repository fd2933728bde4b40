//! The Fetch request, without sessions: each request names all partitions that it is about.

use connect_api::TopicPartition;

use crate::kafka::Result;
use crate::kafka::net::{Code, Decoder, Encoder, Request, Uuid};

/// The version from which a nearer replica can be asked.
const WITH_RACKS: i16 = 11;
/// The version from which the broker sees that the log was cut.
const WITH_LAST_EPOCH: i16 = 12;
/// The version from which topics have ids instead of names.
const WITH_TOPIC_IDS: i16 = 13;
/// The version from which the number of a replica stands elsewhere.
const WITHOUT_REPLICA: i16 = 15;

/// Asks a broker for records.
#[derive(Debug)]
pub(super) struct Fetch<'a> {
    pub(super) max_wait_millis: i32,
    pub(super) min_bytes: i32,
    pub(super) max_bytes: i32,
    pub(super) read_committed: bool,
    pub(super) rack: &'a str,
    pub(super) targets: &'a [Target],
}

/// A partition and where to read it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) partition: TopicPartition,
    pub(super) topic_id: Uuid,
    /// Changes whenever what is under way does not count any more.
    pub(super) version: u64,
    pub(super) leader_epoch: i32,
    pub(super) offset: i64,
    /// The epoch of the record before, by which the broker sees that the log was cut; -1: not known.
    pub(super) last_epoch: i32,
    pub(super) max_bytes: i32,
    /// Whether another replica than the leader is asked.
    pub(super) from_replica: bool,
}

/// The answer.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) throttle_millis: i32,
    pub(super) code: Code,
    pub(super) parts: Vec<Part>,
}

/// What the answer says of a partition.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) topic: TopicKey,
    pub(super) partition: i32,
    pub(super) code: Code,
    pub(super) high_watermark: i64,
    pub(super) last_stable: i64,
    /// Producer and first offset.
    pub(super) aborted: Vec<(i64, i64)>,
    /// Another replica that is nearer.
    pub(super) preferred_replica: i32,
    /// The records: how many bytes from the end of the answer they begin, and how many they are.
    pub(super) records: (usize, usize),
    /// The log was cut here.
    pub(super) diverging: Option<i64>,
}

/// How an answer names a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TopicKey {
    Name(String),
    Id(Uuid),
}

impl Part {
    pub(super) fn is_about(&self, target: &Target) -> bool {
        let topic = match &self.topic {
            TopicKey::Name(name) => target.partition.topic.as_str() == name,
            TopicKey::Id(id) => target.topic_id == *id,
        };
        topic && self.partition == target.partition.partition
    }
}

impl Fetch<'_> {
    /// The version for a broker that speaks up to `newest`: names are for topics whose id is not known.
    pub(super) fn version(&self, newest: i16) -> i16 {
        let nameless = self.targets.iter().any(|target| target.topic_id == [0; 16]);
        if nameless { newest.min(WITH_TOPIC_IDS - 1) } else { newest }
    }
}

impl Request for Fetch<'_> {
    const KEY: i16 = 1;
    const NAME: &'static str = "Fetch";
    const OLDEST: i16 = 10;
    const NEWEST: i16 = 17;
    const FLEXIBLE: i16 = 12;
    type Response = Fetched;

    fn encode(&self, version: i16, to: &mut Encoder) {
        if version < WITHOUT_REPLICA {
            to.i32(-1);
        }
        to.i32(self.max_wait_millis);
        to.i32(self.min_bytes);
        to.i32(self.max_bytes);
        to.i8(i8::from(self.read_committed));
        // No session.
        to.i32(0);
        to.i32(-1);
        let same_topic = |a: &Target, b: &Target| a.partition.topic == b.partition.topic;
        let runs: Vec<_> = self.targets.chunk_by(same_topic).collect();
        to.array(&runs, |to, run| {
            if let Some(first) = run.first() {
                if version >= WITH_TOPIC_IDS {
                    to.uuid(&first.topic_id);
                } else {
                    to.string(&first.partition.topic);
                }
            }
            to.array(run, |to, target| {
                to.i32(target.partition.partition);
                to.i32(target.leader_epoch);
                to.i64(target.offset);
                if version >= WITH_LAST_EPOCH {
                    to.i32(target.last_epoch);
                }
                // Where the log of a replica begins: this is none.
                to.i64(-1);
                to.i32(target.max_bytes);
                to.no_tags();
            });
            to.no_tags();
        });
        // Partitions that leave the session.
        to.length(0);
        if version >= WITH_RACKS {
            to.string(self.rack);
        }
        to.no_tags();
    }

    fn decode(version: i16, from: &mut Decoder<'_>) -> Result<Fetched> {
        let throttle_millis = from.i32()?;
        let code = Code(from.i16()?);
        from.i32()?;
        let topics = from.array(|from| {
            let topic = if version >= WITH_TOPIC_IDS {
                TopicKey::Id(from.uuid()?)
            } else {
                TopicKey::Name(from.string()?.to_owned())
            };
            let parts = from.array(|from| part(from, version, &topic))?;
            from.skip_tags()?;
            Ok(parts)
        })?;
        Ok(Fetched { throttle_millis, code, parts: topics.into_iter().flatten().collect() })
    }
}

fn part(from: &mut Decoder<'_>, version: i16, topic: &TopicKey) -> Result<Part> {
    let partition = from.i32()?;
    let code = Code(from.i16()?);
    let (high_watermark, last_stable) = (from.i64()?, from.i64()?);
    from.i64()?;
    let aborted = from.array(|from| {
        let aborted = (from.i64()?, from.i64()?);
        from.skip_tags()?;
        Ok(aborted)
    })?;
    let preferred_replica = if version >= WITH_RACKS { from.i32()? } else { -1 };
    let records = from.bytes()?;
    let records = (from.remaining() + records.len(), records.len());
    let mut diverging = None;
    from.tags(|tag, mut from| {
        if tag == 0 {
            from.i32()?;
            diverging = Some(from.i64()?);
        }
        Ok(())
    })?;
    Ok(Part {
        topic: topic.clone(),
        partition,
        code,
        high_watermark,
        last_stable,
        aborted,
        preferred_replica,
        records,
        diverging,
    })
}
