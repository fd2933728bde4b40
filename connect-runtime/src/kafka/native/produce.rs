//! The Produce request: sealed batches go into it as they are.

use bytes::Bytes;
use connect_api::Str;

use crate::kafka::Result;
use crate::kafka::net::{Code, Decoder, Encoder, Request, Uuid};

/// The version from which topics have ids instead of names.
const WITH_TOPIC_IDS: i16 = 13;
/// The version from which an answer says more than a code.
const WITH_REASONS: i16 = 8;

/// Batches for one broker, at most one for each partition.
#[derive(Debug)]
pub(super) struct Produce<'a> {
    pub(super) transactional_id: Option<&'a str>,
    pub(super) acks: i16,
    pub(super) timeout_millis: i32,
    pub(super) batches: Vec<Part>,
}

/// A batch and where it goes.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) topic: Str,
    pub(super) topic_id: Uuid,
    pub(super) partition: i32,
    pub(super) batch: Bytes,
}

/// What became of the batches.
#[derive(Debug)]
pub(super) struct Produced {
    pub(super) parts: Vec<PartResult>,
    pub(super) throttle_millis: i32,
}

/// What became of a batch.
#[derive(Debug)]
pub(super) struct PartResult {
    pub(super) topic: TopicKey,
    pub(super) partition: i32,
    pub(super) code: Code,
    pub(super) base_offset: i64,
    pub(super) said: Option<String>,
}

/// How an answer names a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TopicKey {
    Name(String),
    Id(Uuid),
}

impl TopicKey {
    pub(super) fn is(&self, part: &Part) -> bool {
        match self {
            Self::Name(name) => part.topic.as_str() == name,
            Self::Id(id) => part.topic_id == *id,
        }
    }
}

impl Request for Produce<'_> {
    const KEY: i16 = 0;
    const NAME: &'static str = "Produce";
    const OLDEST: i16 = 7;
    const NEWEST: i16 = 13;
    const FLEXIBLE: i16 = 9;
    type Response = Produced;

    fn encode(&self, version: i16, to: &mut Encoder) {
        to.nullable_string(self.transactional_id);
        to.i16(self.acks);
        to.i32(self.timeout_millis);
        // A topic may come several times: one entry for each run of its partitions.
        let runs: Vec<_> = self.batches.chunk_by(|a, b| a.topic == b.topic).collect();
        to.array(&runs, |to, run| {
            if let Some(first) = run.first() {
                if version >= WITH_TOPIC_IDS { to.uuid(&first.topic_id) } else { to.string(&first.topic) }
            }
            to.array(run, |to, part| {
                to.i32(part.partition);
                to.shared_bytes(part.batch.clone());
                to.no_tags();
            });
            to.no_tags();
        });
        to.no_tags();
    }

    fn decode(version: i16, from: &mut Decoder<'_>) -> Result<Produced> {
        let topics = from.array(|from| {
            let topic = if version >= WITH_TOPIC_IDS {
                TopicKey::Id(from.uuid()?)
            } else {
                TopicKey::Name(from.string()?.to_owned())
            };
            let parts = from.array(|from| part_result(from, version, &topic))?;
            from.skip_tags()?;
            Ok(parts)
        })?;
        let throttle_millis = from.i32()?;
        Ok(Produced { parts: topics.into_iter().flatten().collect(), throttle_millis })
    }
}

fn part_result(from: &mut Decoder<'_>, version: i16, topic: &TopicKey) -> Result<PartResult> {
    let partition = from.i32()?;
    let code = Code(from.i16()?);
    let base_offset = from.i64()?;
    // The broker's time, and where the log begins.
    from.i64()?;
    from.i64()?;
    if version < WITH_REASONS {
        return Ok(PartResult { topic: topic.clone(), partition, code, base_offset, said: None });
    }
    let errors = from.array(|from| {
        from.i32()?;
        let said = from.nullable_string()?.map(str::to_owned);
        from.skip_tags()?;
        Ok(said)
    })?;
    let said = from.nullable_string()?.map(str::to_owned);
    from.skip_tags()?;
    // What is said of a record says more than what is said of all.
    let said = errors.into_iter().flatten().next().or(said);
    Ok(PartResult { topic: topic.clone(), partition, code, base_offset, said })
}
