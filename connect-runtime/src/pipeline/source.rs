//! The source's half: transform, then convert headers, key and value of a whole batch.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use connect_api::{
    Converter, DataItem, Encoded, Error, ErrorKind, RawHeaders, Record, Result, SchemaAndValue, SourceOffset,
    SourcePartition, SourceRecord,
};

use super::tolerance::Attempt;
use super::{
    Chain, Converters, Failure, Half, Lane, Lanes, MAX_RESOLVES, Operator, Passed, Polled, Stage, Stages,
    Subject, Turn, recover, try_transform,
};
use crate::kafka::ProducerRecord;

/// How many records are converted before they are put together: few enough that what was converted is still in the
/// processor's cache then.
const CHUNK: usize = 256;

/// What a converter made of keys or values.
type Converted = Vec<Result<(Encoded, Range<usize>)>>;

/// What became of the records of a batch.
#[derive(Default)]
pub(crate) struct Fates {
    /// Where each polled record came from, in order.
    pub(crate) places: Vec<(SourcePartition, SourceOffset)>,
    /// Those that go to Kafka, in order.
    pub(crate) records: Vec<ProducerRecord>,
    /// Which of the polled records do not, in order, and why.
    pub(crate) ended: Vec<(usize, Ended)>,
}

/// Why a record does not go to Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// A transformation dropped it.
    Filtered,
    /// It failed, and that is tolerated.
    GivenUp,
}

/// Transformations and converters of one source task.
pub(crate) struct SourcePipeline {
    lanes: Lanes<SourceLane>,
    pub(crate) operator: Arc<Operator>,
}

/// One set of them.
struct SourceLane {
    chain: Chain,
    converters: Arc<Converters>,
    operator: Arc<Operator>,
    /// How large the last batch became, so that the next buffer need not grow.
    last_size: usize,
    /// Keys and values of a chunk, kept for their memory; empty between chunks.
    scratch: (Converted, Converted),
    /// The records of a chunk, likewise.
    records: Vec<Record>,
}

/// The records of a chunk on their way.
#[derive(Default)]
struct Chunk {
    passed: Vec<Passed>,
    headers: Vec<RawHeaders>,
}

impl Chunk {
    fn begin(&mut self, records: usize) {
        self.passed.clear();
        self.passed.resize(records, Passed::On);
        self.headers.clear();
        self.headers.resize(records, RawHeaders::new());
    }
}

impl SourcePipeline {
    /// One lane for each of `stages`, of which there is at least one.
    pub(crate) fn new(stages: Vec<Stages>, operator: Operator) -> Self {
        let operator = Arc::new(operator);
        let lane = |Stages { chain, converters }| SourceLane {
            chain,
            converters,
            operator: Arc::clone(&operator),
            last_size: 0,
            scratch: Default::default(),
            records: Vec::new(),
        };
        Self { lanes: Lanes::new(stages.into_iter().map(lane).collect()), operator }
    }

    /// Takes a batch through. `originals` are the same records where reports need them as they were, or none.
    pub(crate) async fn process(
        &mut self,
        mut polled: Vec<SourceRecord>,
        originals: Arc<Vec<SourceRecord>>,
    ) -> Result<Fates> {
        let total = polled.len();
        let count = self.lanes.parts(total);
        if count == 1 {
            return self.lanes.alone(Part { polled, originals, before: 0 }).await;
        }
        let before: Vec<_> = (0..count).map(|part| total * part / count).collect();
        let part = |polled, before| Part { polled, originals: Arc::clone(&originals), before };
        let mut parts: Vec<_> =
            before.iter().skip(1).rev().map(|before| part(polled.split_off(*before), *before)).collect();
        parts.push(part(polled, 0));
        parts.reverse();
        let mut fates = Fates::with_capacity(total);
        for (before, mut part) in before.into_iter().zip(self.lanes.together(parts).await?) {
            fates.places.append(&mut part.places);
            fates.records.append(&mut part.records);
            fates.ended.extend(part.ended.into_iter().map(|(index, why)| (before + index, why)));
        }
        Ok(fates)
    }
}

impl Fates {
    fn with_capacity(records: usize) -> Self {
        Self { places: Vec::with_capacity(records), records: Vec::with_capacity(records), ended: Vec::new() }
    }
}

/// Consecutive records of a batch.
struct Part {
    polled: Vec<SourceRecord>,
    /// All records of the batch as they were polled; empty where they are not kept.
    originals: Arc<Vec<SourceRecord>>,
    /// How many records of the batch come before these.
    before: usize,
}

/// The records of a part as reports need them.
#[derive(Clone, Copy)]
struct Origins<'a> {
    places: &'a [(SourcePartition, SourceOffset)],
    originals: &'a [SourceRecord],
}

impl<'a> Origins<'a> {
    fn get(self, index: usize) -> Polled<'a> {
        Polled { place: self.places.get(index), record: self.originals.get(index) }
    }
}

impl Lane for SourceLane {
    type Part = Part;
    type Done = Fates;

    async fn work(&mut self, part: Part, turn: &mut Turn) -> Result<Fates> {
        self.process(part, turn).await
    }
}

impl SourceLane {
    async fn process(&mut self, part: Part, turn: &mut Turn) -> Result<Fates> {
        let mut fates = Fates::with_capacity(part.polled.len());
        let originals = part.originals.get(part.before..).unwrap_or_default();
        let mut buffer = BytesMut::with_capacity(self.last_size);
        let mut size = 0;
        let mut chunk = Chunk::default();
        let mut records = std::mem::take(&mut self.records);
        let mut polled = part.polled.into_iter();
        loop {
            let first = fates.places.len();
            records.clear();
            for record in polled.by_ref().take(CHUNK) {
                fates.places.push((record.source_partition, record.source_offset));
                records.push(record.record);
            }
            if records.is_empty() {
                break;
            }
            let origins = Origins {
                places: &fates.places[first..],
                originals: originals.get(first..).unwrap_or_default(),
            };
            chunk.begin(records.len());
            self.transform(&mut records, origins, &mut chunk, turn).await?;
            let (mut keys, mut values) = std::mem::take(&mut self.scratch);
            self.convert(Half::Key, &records, origins, &mut chunk, (&mut buffer, &mut keys), turn).await?;
            self.convert(Half::Value, &records, origins, &mut chunk, (&mut buffer, &mut values), turn)
                .await?;
            size += buffer.len();
            let written = buffer.split().freeze();
            let bytes = |converted: Option<Result<(Encoded, Range<usize>)>>| match converted {
                Some(Ok((Encoded::Appended, range))) => Some(written.slice(range)),
                Some(Ok((Encoded::Shared(bytes), _))) => Some(bytes),
                Some(Ok((Encoded::Null, _)) | Err(_)) | None => None,
            };
            {
                let (mut keys, mut values) = (keys.drain(..), values.drain(..));
                let mut headers = chunk.headers.drain(..);
                for (index, record) in records.iter_mut().enumerate() {
                    let (key, value, headers) = (keys.next(), values.next(), headers.next());
                    let ended = match chunk.passed.get(index) {
                        Some(Passed::On) | None => {
                            fates.records.push(ProducerRecord {
                                topic: std::mem::take(&mut record.topic),
                                partition: record.kafka_partition,
                                timestamp: record.timestamp,
                                key: bytes(key),
                                value: bytes(value),
                                headers: headers.unwrap_or_default(),
                            });
                            continue;
                        }
                        Some(Passed::Filtered) => Ended::Filtered,
                        Some(Passed::GivenUp) => Ended::GivenUp,
                    };
                    fates.ended.push((first + index, ended));
                }
            }
            self.scratch = (keys, values);
        }
        self.records = records;
        self.last_size = size + size / 16;
        Ok(fates)
    }

    /// Takes the records of a chunk through the chain, and converts their headers.
    async fn transform(
        &mut self,
        records: &mut [Record],
        origins: Origins<'_>,
        chunk: &mut Chunk,
        turn: &mut Turn,
    ) -> Result<()> {
        if !self.chain.stages.is_empty() {
            for (index, record) in records.iter_mut().enumerate() {
                chunk.passed[index] = match try_transform(&self.chain, &self.operator, record) {
                    Ok(passed) => passed,
                    Err(failed) => {
                        turn.wait().await?;
                        let subject = Subject::Source(origins.get(index));
                        recover(&self.chain, &self.operator, record, *failed, subject).await?
                    }
                };
            }
        }
        for (index, record) in records.iter().enumerate() {
            if record.headers.is_empty() || chunk.passed[index] != Passed::On {
                continue;
            }
            match self.convert_headers(record, origins.get(index), turn).await? {
                Some(converted) => chunk.headers[index] = converted,
                None => chunk.passed[index] = Passed::GivenUp,
            }
        }
        Ok(())
    }

    async fn convert_headers(
        &mut self,
        record: &Record,
        origin: Polled<'_>,
        turn: &mut Turn,
    ) -> Result<Option<RawHeaders>> {
        // As in `transform`: the clock is read for records that fail.
        let mut attempt = None;
        loop {
            let mut raw = RawHeaders::default();
            let mut failed = None;
            for header in record.headers.iter() {
                match self.converters.header.from_connect_header(
                    record.topic.as_str(),
                    header.key(),
                    header.data(),
                ) {
                    Ok(bytes) => raw.push(header.key().clone(), bytes),
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            let Some(error) = failed else { return Ok(Some(raw)) };
            turn.wait().await?;
            if self.operator.retry(&error, attempt.get_or_insert_with(Attempt::first)).await {
                continue;
            }
            self.operator.give_up(&Failure {
                stage: Stage::HeaderConverter,
                class: &self.converters.header_class,
                error: &error,
                subject: Subject::Source(origin),
            })?;
            return Ok(None);
        }
    }

    /// Converts keys or values of a chunk. `results` gets one entry per record; that of a record that ends here says
    /// nothing.
    async fn convert(
        &mut self,
        half: Half,
        records: &[Record],
        origins: Origins<'_>,
        chunk: &mut Chunk,
        (buffer, results): (&mut BytesMut, &mut Converted),
        turn: &mut Turn,
    ) -> Result<()> {
        let converter = match half {
            Half::Key => &self.converters.key,
            Half::Value => &self.converters.value,
        };
        results.clear();
        let mut items = records
            .iter()
            .zip(chunk.headers.iter_mut())
            .zip(chunk.passed.iter())
            .filter(|(_, passed)| **passed == Passed::On)
            .map(|((record, headers), _)| DataItem {
                topic: &record.topic,
                headers,
                data: match half {
                    Half::Key => &record.key,
                    Half::Value => &record.value,
                },
            });
        converter.from_connect_batch(&mut items, buffer, results);
        drop(items);
        if results.len() == records.len() && results.iter().all(Result::is_ok) {
            return Ok(());
        }
        let mut converted = std::mem::take(results).into_iter();
        for (index, record) in records.iter().enumerate() {
            let nothing = (Encoded::Null, 0..0);
            if chunk.passed[index] != Passed::On {
                results.push(Ok(nothing));
                continue;
            }
            let one = match converted.next() {
                Some(Ok(one)) => Some(one),
                Some(Err(error)) => {
                    turn.wait().await?;
                    let headers = &mut chunk.headers[index];
                    self.convert_again(half, record, origins.get(index), headers, error)
                        .await?
                        .map(|encoded| (encoded, 0..0))
                }
                None => {
                    return Err(Error::illegal_state(
                        "the converter answered fewer results than it was given items",
                    ));
                }
            };
            if one.is_none() {
                chunk.passed[index] = Passed::GivenUp;
            }
            results.push(Ok(one.unwrap_or(nothing)));
        }
        Ok(())
    }

    /// One record whose conversion failed: loads what is missing, tries again, or gives it up (`None`).
    async fn convert_again(
        &mut self,
        half: Half,
        record: &Record,
        origin: Polled<'_>,
        headers: &mut RawHeaders,
        mut error: Error,
    ) -> Result<Option<Encoded>> {
        let (converter, class, data, stage) = match half {
            Half::Key => (&self.converters.key, &self.converters.key_class, &record.key, Stage::KeyConverter),
            Half::Value => {
                (&self.converters.value, &self.converters.value_class, &record.value, Stage::ValueConverter)
            }
        };
        let mut attempt = Attempt::first();
        let mut resolves = 0;
        loop {
            if error.kind() == ErrorKind::Unresolved && resolves < MAX_RESOLVES {
                resolves += 1;
                match converter.resolve(error).await {
                    Ok(()) => match encode(&**converter, record, headers, data) {
                        Ok(encoded) => return Ok(Some(encoded)),
                        Err(failed) => error = failed,
                    },
                    Err(failed) => error = failed,
                }
                if error.kind() == ErrorKind::Unresolved {
                    continue;
                }
            }
            if !self.operator.retry(&error, &mut attempt).await {
                break;
            }
            // The time that retries may take is the bound here.
            resolves = 0;
            match encode(&**converter, record, headers, data) {
                Ok(encoded) => return Ok(Some(encoded)),
                Err(failed) => error = failed,
            }
        }
        self.operator.give_up(&Failure { stage, class, error: &error, subject: Subject::Source(origin) })?;
        Ok(None)
    }
}

/// One conversion outside the batch, with bytes of its own.
fn encode(
    converter: &dyn Converter,
    record: &Record,
    headers: &mut RawHeaders,
    data: &SchemaAndValue,
) -> Result<Encoded> {
    let mut out = BytesMut::new();
    Ok(match converter.from_connect_data(record.topic.as_str(), headers, data, &mut out)? {
        Encoded::Appended => Encoded::Shared(Bytes::from(out)),
        encoded => encoded,
    })
}
