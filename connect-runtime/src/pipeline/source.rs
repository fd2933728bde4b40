//! The source's half: transform, then convert headers, key and value of a whole batch.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use connect_api::{
    Converter, DataItem, Encoded, Error, ErrorKind, RawHeaders, Record, Result, SchemaAndValue,
};

use super::tolerance::Attempt;
use super::{
    Chain, Converters, Failure, Half, Lane, Lanes, MAX_RESOLVES, Operator, Origins, Passed, Polled, Stage,
    Stages, Subject, Turn, recover, try_transform,
};
use crate::kafka::ProducerRecord;

/// What became of a polled record.
pub(crate) enum Fate {
    /// It goes to Kafka.
    Send(ProducerRecord),
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
        };
        Self { lanes: Lanes::new(stages.into_iter().map(lane).collect()), operator }
    }

    /// Takes a batch through. One fate per record, in order. `origins` are for reports.
    pub(crate) async fn process(&mut self, mut records: Vec<Record>, origins: Origins) -> Result<Vec<Fate>> {
        let total = records.len();
        let count = self.lanes.parts(total);
        if count == 1 {
            return self.lanes.alone((records, origins)).await;
        }
        let mut parts = Vec::with_capacity(count);
        for part in (1..count).rev() {
            let before = total * part / count;
            parts.push((records.split_off(before), origins.after(before)));
        }
        parts.push((records, origins));
        parts.reverse();
        let mut done = self.lanes.together(parts).await?.into_iter();
        let mut fates = done.next().unwrap_or_default();
        fates.reserve_exact(total - fates.len());
        fates.extend(done.flatten());
        Ok(fates)
    }
}

impl Lane for SourceLane {
    type Part = (Vec<Record>, Origins);
    type Done = Vec<Fate>;

    async fn work(&mut self, (records, origins): Self::Part, turn: &mut Turn) -> Result<Vec<Fate>> {
        self.process(records, &origins, turn).await
    }
}

impl SourceLane {
    async fn process(
        &mut self,
        mut records: Vec<Record>,
        origins: &Origins,
        turn: &mut Turn,
    ) -> Result<Vec<Fate>> {
        let mut passed = vec![Passed::On; records.len()];
        if !self.chain.stages.is_empty() {
            for (index, record) in records.iter_mut().enumerate() {
                passed[index] = match try_transform(&self.chain, &self.operator, record) {
                    Ok(passed) => passed,
                    Err(failed) => {
                        turn.wait().await?;
                        let subject = Subject::Source(origins.get(index));
                        recover(&self.chain, &self.operator, record, *failed, subject).await?
                    }
                };
            }
        }
        let mut headers = Vec::with_capacity(records.len());
        for (index, record) in records.iter().enumerate() {
            let mut raw = RawHeaders::default();
            if passed[index] == Passed::On && !record.headers.is_empty() {
                match self.convert_headers(record, origins.get(index), turn).await? {
                    Some(converted) => raw = converted,
                    None => passed[index] = Passed::GivenUp,
                }
            }
            headers.push(raw);
        }
        let mut buffer = BytesMut::with_capacity(self.last_size);
        let keys = self
            .convert_half(Half::Key, (&records, origins), &mut headers, &mut passed, &mut buffer, turn)
            .await?;
        let values = self
            .convert_half(Half::Value, (&records, origins), &mut headers, &mut passed, &mut buffer, turn)
            .await?;
        self.last_size = buffer.len() + buffer.len() / 16;
        let buffer = buffer.freeze();
        let bytes = |(encoded, range): (Encoded, Range<usize>)| match encoded {
            Encoded::Null => None,
            Encoded::Appended => Some(buffer.slice(range)),
            Encoded::Shared(bytes) => Some(bytes),
        };
        let mut fates = Vec::with_capacity(records.len());
        for ((((record, passed), headers), key), value) in
            records.into_iter().zip(passed).zip(headers).zip(keys).zip(values)
        {
            match passed {
                Passed::On => {}
                Passed::Filtered => {
                    fates.push(Fate::Filtered);
                    continue;
                }
                Passed::GivenUp => {
                    fates.push(Fate::GivenUp);
                    continue;
                }
            }
            fates.push(Fate::Send(ProducerRecord {
                topic: record.topic,
                partition: record.kafka_partition,
                timestamp: record.timestamp,
                key: bytes(key),
                value: bytes(value),
                headers,
            }));
        }
        Ok(fates)
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

    async fn convert_half(
        &mut self,
        half: Half,
        (records, origins): (&[Record], &Origins),
        headers: &mut [RawHeaders],
        passed: &mut [Passed],
        buffer: &mut BytesMut,
        turn: &mut Turn,
    ) -> Result<Vec<(Encoded, Range<usize>)>> {
        let mut results = Vec::with_capacity(records.len());
        let converter = match half {
            Half::Key => &self.converters.key,
            Half::Value => &self.converters.value,
        };
        let mut items = records
            .iter()
            .zip(headers.iter_mut())
            .zip(passed.iter())
            .filter(|(_, passed)| **passed == Passed::On)
            .map(|((record, headers), _)| DataItem {
                topic: &record.topic,
                headers,
                data: match half {
                    Half::Key => &record.key,
                    Half::Value => &record.value,
                },
            });
        converter.from_connect_batch(&mut items, buffer, &mut results);
        drop(items);
        let mut results = results.into_iter();
        let mut all = Vec::with_capacity(records.len());
        for index in 0..records.len() {
            let nothing = (Encoded::Null, 0..0);
            if passed[index] != Passed::On {
                all.push(nothing);
                continue;
            }
            let converted = match results.next() {
                Some(Ok(converted)) => Some(converted),
                Some(Err(error)) => {
                    turn.wait().await?;
                    self.convert_again(half, &records[index], origins.get(index), &mut headers[index], error)
                        .await?
                        .map(|encoded| (encoded, 0..0))
                }
                None => {
                    return Err(Error::illegal_state(
                        "the converter answered fewer results than it was given items",
                    ));
                }
            };
            if converted.is_none() {
                passed[index] = Passed::GivenUp;
            }
            all.push(converted.unwrap_or(nothing));
        }
        Ok(all)
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
