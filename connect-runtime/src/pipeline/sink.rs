//! The sink's half: convert key, value and headers of a batch, then transform.

use connect_api::{
    Error, ErrorKind, Header, Headers, RawItem, Record, Result, SchemaAndValue, SinkRecord, TimestampType,
};

use super::tolerance::Attempt;
use super::{Chain, Converters, Failure, Half, MAX_RESOLVES, Operator, Stage, Subject, transform};
use crate::kafka::{ConsumerRecord, PartitionRecords};

/// Transformations and converters of one sink task.
pub(crate) struct SinkPipeline {
    pub(crate) chain: Chain,
    pub(crate) converters: Converters,
    pub(crate) operator: Operator,
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
    /// Takes the records of one partition through and appends what comes out. Dropped records leave nothing.
    pub(crate) async fn process(
        &mut self,
        batch: &PartitionRecords,
        out: &mut Vec<SinkRecord>,
    ) -> Result<()> {
        let mut keys = Vec::with_capacity(batch.records.len());
        let mut values = Vec::with_capacity(batch.records.len());
        convert(&*self.converters.key, Half::Key, batch, &mut keys);
        convert(&*self.converters.value, Half::Value, batch, &mut values);
        if keys.len() != batch.records.len() || values.len() != batch.records.len() {
            return Err(Error::illegal_state("a converter answered fewer results than it was given items"));
        }
        out.reserve(batch.records.len());
        for ((raw, key), value) in batch.records.iter().zip(keys).zip(values) {
            let origin = Origin {
                topic: batch.partition.topic.as_str(),
                partition: batch.partition.partition,
                record: raw,
            };
            let key = match key {
                Ok(key) => key,
                Err(error) => match self.convert_again(Half::Key, origin, error).await? {
                    Some(key) => key,
                    None => continue,
                },
            };
            let value = match value {
                Ok(value) => value,
                Err(error) => match self.convert_again(Half::Value, origin, error).await? {
                    Some(value) => value,
                    None => continue,
                },
            };
            let headers = if raw.headers.is_empty() {
                Headers::new()
            } else {
                match self.convert_headers(origin).await? {
                    Some(headers) => headers,
                    None => continue,
                }
            };
            let mut record = Record::new(batch.partition.topic.clone(), value)
                .with_key(key)
                .with_kafka_partition(batch.partition.partition)
                .with_headers(headers)
                .with_kafka_offset(raw.offset);
            if raw.timestamp_type != TimestampType::NoTimestampType {
                record.timestamp = Some(raw.timestamp);
            }
            if !self.chain.stages.is_empty()
                && !transform(&self.chain, &self.operator, &mut record, origin.subject()).await?
            {
                continue;
            }
            out.push(SinkRecord::new(
                record,
                batch.partition.topic.clone(),
                batch.partition.partition,
                raw.offset,
                raw.timestamp_type,
            ));
        }
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
    batch: &PartitionRecords,
    results: &mut Vec<Result<SchemaAndValue>>,
) {
    let mut items = batch.records.iter().map(|record| RawItem {
        topic: &batch.partition.topic,
        headers: &record.headers,
        bytes: match half {
            Half::Key => record.key.as_ref(),
            Half::Value => record.value.as_ref(),
        },
    });
    converter.to_connect_batch(&mut items, results);
}
