//! The sink's half: convert key, value and headers of a batch, then transform.

use std::ops::Range;
use std::sync::Arc;

use connect_api::host::RawBatch;
use connect_api::{
    Error, ErrorKind, Header, Headers, RawItem, Record, Result, SchemaAndValue, SinkRecord, Str,
    TimestampType, TopicPartition,
};

use super::chain::ChainError;
use super::tolerance::Attempt;
use super::{
    Chain, Converters, Failure, Half, Lane, Lanes, MAX_RESOLVES, Operator, Passed, Stage, Stages, Subject,
    Turn, recover, transform, try_transform,
};
use crate::kafka::{ConsumerRecord, PartitionRecords};

/// How many records are converted before they are put together: few enough that what was converted is still in the
/// processor's cache then.
const CHUNK: usize = 256;

/// What a converter answered.
type Converted = Vec<Result<SchemaAndValue>>;

/// Transformations and converters of one sink task.
pub(crate) struct SinkPipeline {
    lanes: Lanes<SinkLane>,
    pub(crate) operator: Arc<Operator>,
}

/// One set of them.
struct SinkLane {
    chain: Chain,
    converters: Arc<Converters>,
    operator: Arc<Operator>,
    /// Keys and values of a chunk, kept for their memory; empty between chunks.
    scratch: (Converted, Converted),
}

/// What became of the records of a batch that did not come out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) filtered: usize,
    pub(crate) given_up: usize,
}

/// Some records of a batch of one partition, which a dead letter queue and other lanes share.
struct Piece {
    /// Which of the batches that are converted together.
    batch: usize,
    raw: Arc<RawBatch>,
    records: Range<usize>,
}

/// Where a record came from, for reports.
#[derive(Clone, Copy)]
struct Origin<'a> {
    topic: &'a str,
    partition: i32,
    record: &'a ConsumerRecord,
}

/// A record that met an error.
struct Stuck<'a> {
    raw: &'a ConsumerRecord,
    at: At,
}

/// Where it was, and what there is of it.
enum At {
    Conversion(Box<(Result<SchemaAndValue>, Result<SchemaAndValue>)>),
    Headers(Box<(SchemaAndValue, SchemaAndValue, Error)>),
    Chain(Box<SinkRecord>, Box<ChainError>),
}

/// What became of it.
enum Rescued {
    On(Box<SinkRecord>),
    Filtered,
    GivenUp,
}

impl Rescued {
    fn of(passed: Passed, record: Box<SinkRecord>) -> Self {
        match passed {
            Passed::On => Self::On(record),
            Passed::Filtered => Self::Filtered,
            Passed::GivenUp => Self::GivenUp,
        }
    }
}

impl<'a> Origin<'a> {
    fn subject(self) -> Subject<'a> {
        Subject::Sink { topic: self.topic, partition: self.partition, record: self.record }
    }
}

impl SinkPipeline {
    /// One lane for each of `stages`, of which there is at least one.
    pub(crate) fn new(stages: Vec<Stages>, operator: Operator) -> Self {
        let operator = Arc::new(operator);
        let lane = |Stages { chain, converters }| SinkLane {
            chain,
            converters,
            operator: Arc::clone(&operator),
            scratch: Default::default(),
        };
        Self { lanes: Lanes::new(stages.into_iter().map(lane).collect()), operator }
    }

    /// Takes batches of records, each of one partition, through, and appends what comes out. Answers a tally per batch.
    /// With a dead letter queue the records that come out remember what they were made of.
    pub(crate) async fn process(
        &mut self,
        batches: Vec<PartitionRecords>,
        out: &mut Vec<SinkRecord>,
    ) -> Result<Vec<Tally>> {
        let mut tallies = vec![Tally::default(); batches.len()];
        let total: usize = batches.iter().map(|batch| batch.records.len()).sum();
        let count = self.lanes.parts(total);
        let parts = if count == 1 { vec![Work::All(batches)] } else { split(batches, total, count) };
        out.reserve(total);
        // The first lane appends to what is there.
        let mut room = std::mem::take(out);
        let parts = parts.into_iter().map(|work| (work, std::mem::take(&mut room))).collect::<Vec<_>>();
        let done = match <[_; 1]>::try_from(parts) {
            Ok([part]) => vec![self.lanes.alone(part).await?],
            Err(parts) => self.lanes.together(parts).await?,
        };
        let mut done = done.into_iter();
        if let Some((records, counted)) = done.next() {
            *out = records;
            add_up(&mut tallies, counted);
        }
        for (mut records, counted) in done {
            out.append(&mut records);
            add_up(&mut tallies, counted);
        }
        Ok(tallies)
    }
}

fn add_up(tallies: &mut [Tally], counted: Vec<(usize, Tally)>) {
    for (batch, more) in counted {
        if let Some(tally) = tallies.get_mut(batch) {
            tally.filtered += more.filtered;
            tally.given_up += more.given_up;
        }
    }
}

/// Shares out the records among so many lanes, as evenly as their number allows.
fn split(batches: Vec<PartitionRecords>, total: usize, count: usize) -> Vec<Work> {
    let mut parts: Vec<Vec<Piece>> = (0..count).map(|_| Vec::new()).collect();
    let mut before = 0;
    for (batch, records) in batches.into_iter().enumerate() {
        let length = records.records.len();
        let raw = Arc::new(RawBatch(Box::new(records)));
        for (part, pieces) in parts.iter_mut().enumerate() {
            let start = (total * part / count).clamp(before, before + length) - before;
            let end = (total * (part + 1) / count).clamp(before, before + length) - before;
            if start < end {
                pieces.push(Piece { batch, raw: Arc::clone(&raw), records: start..end });
            }
        }
        before += length;
    }
    parts.into_iter().map(Work::Pieces).collect()
}

/// What a lane is given.
enum Work {
    /// All there is.
    All(Vec<PartitionRecords>),
    /// A share.
    Pieces(Vec<Piece>),
}

impl Lane for SinkLane {
    type Part = (Work, Vec<SinkRecord>);
    /// The records, and the tally of each batch or piece of one.
    type Done = (Vec<SinkRecord>, Vec<(usize, Tally)>);

    async fn work(&mut self, (work, mut out): Self::Part, turn: &mut Turn) -> Result<Self::Done> {
        let letters = self.operator.letters().is_some();
        let pieces = match work {
            // Without dead letters nobody needs the raw records for longer.
            Work::All(batches) if !letters => {
                let mut tallies = Vec::with_capacity(batches.len());
                for (index, batch) in batches.iter().enumerate() {
                    let from = &batch.partition;
                    tallies.push((index, self.process(from, &batch.records, None, &mut out, turn).await?));
                }
                return Ok((out, tallies));
            }
            Work::All(batches) => {
                let piece = |(batch, records): (usize, PartitionRecords)| Piece {
                    batch,
                    records: 0..records.records.len(),
                    raw: Arc::new(RawBatch(Box::new(records))),
                };
                batches.into_iter().enumerate().map(piece).collect()
            }
            Work::Pieces(pieces) => pieces,
        };
        let mut tallies = Vec::with_capacity(pieces.len());
        for Piece { batch, raw, records } in pieces {
            let whole: Option<&PartitionRecords> = raw.0.downcast_ref();
            let part = whole.and_then(|whole| Some((&whole.partition, whole.records.get(records)?)));
            let Some((from, records)) = part else {
                return Err(Error::illegal_state("a batch is not what it was made of"));
            };
            let raw = letters.then_some(&raw);
            tallies.push((batch, self.process(from, records, raw, &mut out, turn).await?));
        }
        Ok((out, tallies))
    }
}

impl SinkLane {
    async fn process(
        &mut self,
        from: &TopicPartition,
        records: &[ConsumerRecord],
        raw: Option<&Arc<RawBatch>>,
        out: &mut Vec<SinkRecord>,
        turn: &mut Turn,
    ) -> Result<Tally> {
        let mut tally = Tally::default();
        out.reserve(records.len());
        for chunk in records.chunks(CHUNK) {
            self.process_chunk(from, chunk, raw, out, &mut tally, turn).await?;
        }
        Ok(tally)
    }

    async fn process_chunk(
        &mut self,
        from: &TopicPartition,
        chunk: &[ConsumerRecord],
        raw_batch: Option<&Arc<RawBatch>>,
        out: &mut Vec<SinkRecord>,
        tally: &mut Tally,
        turn: &mut Turn,
    ) -> Result<()> {
        let (mut keys, mut values) = std::mem::take(&mut self.scratch);
        convert(&*self.converters.key, Half::Key, &from.topic, chunk, &mut keys);
        convert(&*self.converters.value, Half::Value, &from.topic, chunk, &mut values);
        if keys.len() != chunk.len() || values.len() != chunk.len() {
            return Err(Error::illegal_state("a converter answered fewer results than it was given items"));
        }
        {
            let mut parts = chunk
                .iter()
                .zip(keys.drain(..))
                .zip(values.drain(..))
                .map(|((raw, key), value)| (raw, key, value));
            // Records that meet no error go through without an await, which would cost each of them a detour through
            // memory.
            while let Some(stuck) = self.pass(from, &mut parts, raw_batch, out, tally) {
                turn.wait().await?;
                let origin =
                    Origin { topic: from.topic.as_str(), partition: from.partition, record: stuck.raw };
                match self.rescue(from, origin, stuck.at).await? {
                    Rescued::On(mut record) => {
                        if let Some(raw) = raw_batch {
                            record.set_raw(Arc::clone(raw));
                        }
                        out.push(*record);
                    }
                    Rescued::Filtered => tally.filtered += 1,
                    Rescued::GivenUp => tally.given_up += 1,
                }
            }
        }
        self.scratch = (keys, values);
        Ok(())
    }

    /// Takes records through until one meets an error.
    fn pass<'a>(
        &self,
        from: &TopicPartition,
        parts: &mut impl Iterator<Item = (&'a ConsumerRecord, Result<SchemaAndValue>, Result<SchemaAndValue>)>,
        raw_batch: Option<&Arc<RawBatch>>,
        out: &mut Vec<SinkRecord>,
        tally: &mut Tally,
    ) -> Option<Stuck<'a>> {
        for (raw, key, value) in parts {
            let (key, value) = match (key, value) {
                (Ok(key), Ok(value)) => (key, value),
                (key, value) => return Some(Stuck { raw, at: At::Conversion(Box::new((key, value))) }),
            };
            let headers = match raw.headers.is_empty() {
                true => Headers::new(),
                false => match self.headers(from.topic.as_str(), raw) {
                    Ok(headers) => headers,
                    Err(error) => return Some(Stuck { raw, at: At::Headers(Box::new((key, value, error))) }),
                },
            };
            out.push(assemble(from, raw, key, value, headers));
            let Some(record) = out.last_mut() else { continue };
            if let Some(raw) = raw_batch {
                record.set_raw(Arc::clone(raw));
            }
            if self.chain.stages.is_empty() {
                continue;
            }
            match try_transform(&self.chain, &self.operator, &mut record.record) {
                Ok(Passed::On) => {}
                Ok(_) => {
                    tally.filtered += 1;
                    out.pop();
                }
                Err(failed) => {
                    let record = out.pop().map(Box::new);
                    return record.map(|record| Stuck { raw, at: At::Chain(record, failed) });
                }
            }
        }
        None
    }

    /// What becomes of a record that met an error.
    async fn rescue(&mut self, from: &TopicPartition, origin: Origin<'_>, at: At) -> Result<Rescued> {
        let (key, value, mut error) = match at {
            At::Chain(mut record, failed) => {
                let subject = origin.subject();
                let passed =
                    recover(&self.chain, &self.operator, &mut record.record, *failed, subject).await?;
                return Ok(Rescued::of(passed, record));
            }
            At::Headers(parts) => {
                let (key, value, error) = *parts;
                (key, value, Some(error))
            }
            At::Conversion(parts) => {
                let (key, value) = *parts;
                let key = match key {
                    Ok(key) => key,
                    Err(error) => match self.convert_again(Half::Key, origin, error).await? {
                        Some(key) => key,
                        None => return Ok(Rescued::GivenUp),
                    },
                };
                let value = match value {
                    Ok(value) => value,
                    Err(error) => match self.convert_again(Half::Value, origin, error).await? {
                        Some(value) => value,
                        None => return Ok(Rescued::GivenUp),
                    },
                };
                (key, value, None)
            }
        };
        let mut headers = Headers::new();
        if !origin.record.headers.is_empty() {
            match self.convert_headers(origin, error.take()).await? {
                Some(converted) => headers = converted,
                None => return Ok(Rescued::GivenUp),
            }
        }
        let mut record = Box::new(assemble(from, origin.record, key, value, headers));
        let passed = transform(&self.chain, &self.operator, &mut record.record, origin.subject()).await?;
        Ok(Rescued::of(passed, record))
    }

    fn headers(&self, topic: &str, record: &ConsumerRecord) -> Result<Headers> {
        let mut headers = Headers::new();
        for (key, bytes) in record.headers.iter() {
            let data = self.converters.header.to_connect_header(topic, key, bytes)?;
            headers.add_header(Header::new(key.clone(), data));
        }
        Ok(headers)
    }

    /// Headers whose conversion failed, if there is an error, or was not tried yet.
    async fn convert_headers(
        &mut self,
        origin: Origin<'_>,
        mut failed: Option<Error>,
    ) -> Result<Option<Headers>> {
        // As in `recover`: the clock is read for records that fail.
        let mut attempt = None;
        loop {
            let error = match failed.take() {
                Some(error) => error,
                None => match self.headers(origin.topic, origin.record) {
                    Ok(headers) => return Ok(Some(headers)),
                    Err(error) => error,
                },
            };
            if self.operator.retry(&error, attempt.get_or_insert_with(Attempt::first)).await {
                continue;
            }
            self.operator.give_up(&Failure {
                stage: Stage::HeaderConverter,
                class: &self.converters.header_class,
                error: &error,
                subject: origin.subject(),
            })?;
            return Ok(None);
        }
    }

    /// One record whose conversion failed: loads what is missing, tries again, or gives it up (`None`).
    async fn convert_again(
        &mut self,
        half: Half,
        origin: Origin<'_>,
        mut error: Error,
    ) -> Result<Option<SchemaAndValue>> {
        let (converter, class, stage, bytes) = match half {
            Half::Key => (
                &self.converters.key,
                &self.converters.key_class,
                Stage::KeyConverter,
                origin.record.key.as_ref(),
            ),
            Half::Value => (
                &self.converters.value,
                &self.converters.value_class,
                Stage::ValueConverter,
                origin.record.value.as_ref(),
            ),
        };
        let mut attempt = Attempt::first();
        let mut resolves = 0;
        loop {
            if error.kind() == ErrorKind::Unresolved && resolves < MAX_RESOLVES {
                resolves += 1;
                error = match converter.resolve(error).await {
                    Ok(()) => match converter.to_connect_data(origin.topic, &origin.record.headers, bytes) {
                        Ok(data) => return Ok(Some(data)),
                        Err(failed) => failed,
                    },
                    Err(failed) => failed,
                };
                if error.kind() == ErrorKind::Unresolved {
                    continue;
                }
            }
            if !self.operator.retry(&error, &mut attempt).await {
                break;
            }
            // The time that retries may take is the bound here.
            resolves = 0;
            match converter.to_connect_data(origin.topic, &origin.record.headers, bytes) {
                Ok(data) => return Ok(Some(data)),
                Err(failed) => error = failed,
            }
        }
        self.operator.give_up(&Failure { stage, class, error: &error, subject: origin.subject() })?;
        Ok(None)
    }
}

/// Inlined, since a record is large and each move of it counts.
#[inline]
fn assemble(
    from: &TopicPartition,
    raw: &ConsumerRecord,
    key: SchemaAndValue,
    value: SchemaAndValue,
    headers: Headers,
) -> SinkRecord {
    let mut record = Record::new(from.topic.clone(), value).with_kafka_offset(raw.offset);
    record.key = key;
    record.kafka_partition = Some(from.partition);
    record.headers = headers;
    if raw.timestamp_type != TimestampType::NoTimestampType {
        record.timestamp = Some(raw.timestamp);
    }
    SinkRecord::new(record, from.topic.clone(), from.partition, raw.offset, raw.timestamp_type)
}

fn convert(
    converter: &dyn connect_api::Converter,
    half: Half,
    topic: &Str,
    chunk: &[ConsumerRecord],
    results: &mut Converted,
) {
    let mut items = chunk.iter().map(|record| RawItem {
        topic,
        headers: &record.headers,
        bytes: match half {
            Half::Key => record.key.as_ref(),
            Half::Value => record.value.as_ref(),
        },
    });
    converter.to_connect_batch(&mut items, results);
}
