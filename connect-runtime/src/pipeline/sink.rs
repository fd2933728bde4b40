//! The sink's half: convert key, value and headers of a batch, then transform.

use std::sync::Arc;

use connect_api::host::RawBatch;
use connect_api::{
    Error, ErrorKind, Header, Headers, RawItem, Record, Result, SchemaAndValue, SinkRecord, Str,
    TimestampType, TopicPartition,
};

use super::tolerance::Attempt;
use super::{Chain, Converters, Failure, Half, MAX_RESOLVES, Operator, Passed, Stage, Subject, transform};
use crate::kafka::{ConsumerRecord, PartitionRecords};

/// How many records are converted before they are put together: few enough that what was converted is still in the
/// processor's cache then.
const CHUNK: usize = 256;

/// What a converter answered.
type Converted = Vec<Result<SchemaAndValue>>;

/// Transformations and converters of one sink task.
pub(crate) struct SinkPipeline {
    chain: Chain,
    converters: Arc<Converters>,
    pub(crate) operator: Operator,
    /// Keys and values of a chunk, kept for their memory; empty between chunks.
    scratch: (Converted, Converted),
}

/// What became of the records of a batch that did not come out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) filtered: usize,
    pub(crate) given_up: usize,
}

/// Where a record came from, for reports.
#[derive(Clone, Copy)]
struct Origin<'a> {
    topic: &'a str,
    partition: i32,
    record: &'a ConsumerRecord,
}

impl<'a> Origin<'a> {
    fn subject(self) -> Subject<'a> {
        Subject::Sink { topic: self.topic, partition: self.partition, record: self.record }
    }
}

impl SinkPipeline {
    pub(crate) fn new(chain: Chain, converters: Arc<Converters>, operator: Operator) -> Self {
        Self { chain, converters, operator, scratch: Default::default() }
    }

    /// Takes the records of one partition through and appends what comes out. With a dead letter queue the records
    /// that come out remember what they were made of.
    pub(crate) async fn process(
        &mut self,
        batch: PartitionRecords,
        out: &mut Vec<SinkRecord>,
    ) -> Result<Tally> {
        if self.operator.letters().is_none() {
            return self.process_batch(&batch, None, out).await;
        }
        let raw = Arc::new(RawBatch(Box::new(batch)));
        match raw.0.downcast_ref() {
            Some(batch) => self.process_batch(batch, Some(&raw), out).await,
            None => Err(Error::illegal_state("a batch is not what it was made of")),
        }
    }

    async fn process_batch(
        &mut self,
        batch: &PartitionRecords,
        raw: Option<&Arc<RawBatch>>,
        out: &mut Vec<SinkRecord>,
    ) -> Result<Tally> {
        let mut tally = Tally::default();
        out.reserve(batch.records.len());
        for chunk in batch.records.chunks(CHUNK) {
            self.process_chunk(&batch.partition, chunk, raw, out, &mut tally).await?;
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
    ) -> Result<()> {
        let (mut keys, mut values) = std::mem::take(&mut self.scratch);
        convert(&*self.converters.key, Half::Key, &from.topic, chunk, &mut keys);
        convert(&*self.converters.value, Half::Value, &from.topic, chunk, &mut values);
        if keys.len() != chunk.len() || values.len() != chunk.len() {
            return Err(Error::illegal_state("a converter answered fewer results than it was given items"));
        }
        for ((raw, key), value) in chunk.iter().zip(keys.drain(..)).zip(values.drain(..)) {
            let origin = Origin { topic: from.topic.as_str(), partition: from.partition, record: raw };
            let key = match key {
                Ok(key) => key,
                Err(error) => match self.convert_again(Half::Key, origin, error).await? {
                    Some(key) => key,
                    None => {
                        tally.given_up += 1;
                        continue;
                    }
                },
            };
            let value = match value {
                Ok(value) => value,
                Err(error) => match self.convert_again(Half::Value, origin, error).await? {
                    Some(value) => value,
                    None => {
                        tally.given_up += 1;
                        continue;
                    }
                },
            };
            let mut record = Record::new(from.topic.clone(), value).with_kafka_offset(raw.offset);
            record.key = key;
            record.kafka_partition = Some(from.partition);
            if !raw.headers.is_empty() {
                match self.convert_headers(origin).await? {
                    Some(headers) => record.headers = headers,
                    None => {
                        tally.given_up += 1;
                        continue;
                    }
                }
            }
            if raw.timestamp_type != TimestampType::NoTimestampType {
                record.timestamp = Some(raw.timestamp);
            }
            if !self.chain.stages.is_empty() {
                match transform(&self.chain, &self.operator, &mut record, origin.subject()).await? {
                    Passed::On => {}
                    Passed::Filtered => {
                        tally.filtered += 1;
                        continue;
                    }
                    Passed::GivenUp => {
                        tally.given_up += 1;
                        continue;
                    }
                }
            }
            let mut record =
                SinkRecord::new(record, from.topic.clone(), from.partition, raw.offset, raw.timestamp_type);
            if let Some(raw) = raw_batch {
                record.set_raw(Arc::clone(raw));
            }
            out.push(record);
        }
        self.scratch = (keys, values);
        Ok(())
    }

    async fn convert_headers(&mut self, origin: Origin<'_>) -> Result<Option<Headers>> {
        // As in `transform`: the clock is read for records that fail.
        let mut attempt = None;
        loop {
            let mut headers = Headers::new();
            let mut failed = None;
            for (key, bytes) in origin.record.headers.iter() {
                match self.converters.header.to_connect_header(origin.topic, key, bytes) {
                    Ok(data) => {
                        headers.add_header(Header::new(key.clone(), data));
                    }
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            let Some(error) = failed else { return Ok(Some(headers)) };
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
