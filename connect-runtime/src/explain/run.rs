//! Takes the sample through, stage by stage.

use bytes::{Bytes, BytesMut};
use connect_api::header::Header;
use connect_api::{
    Converter, Encoded, Error, ErrorKind, Headers, Outcome, RawHeaders, Record, Result, SchemaAndValue,
};

use super::parts::{compare, coordinates, header_paths, of_data, of_raw_headers, of_record};
use super::sample::RawRecord;
use super::{Change, ExplainedPredicate, ExplainedStage, Explanation, Part, StageOutcome, cost, probe};
use crate::config::{ConnectorConfig, TransformSpec};
use crate::herder::ConnectorType;
use crate::pipeline::{Chain, Converters, Half, MAX_RESOLVES, Stage, TransformationStage};

/// One explanation in the making.
pub(super) struct Run<'a> {
    config: &'a ConnectorConfig,
    chain: Chain,
    converters: Converters,
    stages: Vec<ExplainedStage>,
}

impl<'a> Run<'a> {
    pub(super) fn new(config: &'a ConnectorConfig, chain: Chain, converters: Converters) -> Self {
        Self { config, chain, converters, stages: Vec::new() }
    }

    /// Record, transformations, converters, bytes.
    pub(super) async fn source(mut self, mut record: Record, origin: String) -> Result<Explanation> {
        let before = of_record(&record);
        let after = match self.transform(&mut record) {
            true => self.write(&record).await.unwrap_or_default(),
            false => Vec::new(),
        };
        Ok(self.finish(ConnectorType::Source, origin, before, after))
    }

    /// Bytes, converters, transformations, record.
    pub(super) async fn sink(mut self, raw: RawRecord, origin: String) -> Result<Explanation> {
        let mut before = coordinates(&raw.topic, Some(raw.partition), raw.timestamp);
        before.push(Part::new("offset", "int64", raw.offset.to_string()));
        before.push(Part::bytes("key bytes", raw.key.as_ref()));
        before.push(Part::bytes("value bytes", raw.value.as_ref()));
        before.extend(of_raw_headers(&raw.headers));
        let mut after = Vec::new();
        if let Some(mut record) = self.read(&raw).await
            && self.transform(&mut record)
        {
            after = of_record(&record);
        }
        Ok(self.finish(ConnectorType::Sink, origin, before, after))
    }

    fn finish(self, kind: ConnectorType, sample: String, before: Vec<Part>, after: Vec<Part>) -> Explanation {
        Explanation {
            connector: self.config.name.clone(),
            class: self.config.class.clone(),
            kind,
            sample,
            before,
            stages: self.stages,
            after,
        }
    }

    /// The whole chain. `false`: the record ended in it.
    fn transform(&mut self, record: &mut Record) -> bool {
        let specs = self.config.transforms.iter();
        for (stage, spec) in self.chain.stages.iter().zip(specs) {
            let explained = transformation(stage, spec, record, self.config.errors.tolerate);
            let goes_on = matches!(explained.outcome, StageOutcome::Kept | StageOutcome::Passed);
            self.stages.push(explained);
            if !goes_on {
                return false;
            }
        }
        true
    }

    /// A source's converters. `None`: one of them failed.
    async fn write(&mut self, record: &Record) -> Option<Vec<Part>> {
        let mut after = coordinates(&record.topic, record.kafka_partition, record.timestamp);
        let topic = record.topic.as_str();
        let mut headers = RawHeaders::new();
        if !record.headers.is_empty() {
            let write = || {
                let mut raw = RawHeaders::new();
                for header in record.headers.iter() {
                    let bytes =
                        self.converters.header.from_connect_header(topic, header.key(), header.data())?;
                    raw.push(header.key().clone(), bytes);
                }
                Ok(raw)
            };
            let result = write();
            let nanos = result.is_ok().then(|| cost::nanos(|| (), |()| write()));
            let reads = header_paths(record.headers.iter().map(Header::key));
            headers = self.converted(Stage::HeaderConverter, reads, result, nanos, of_raw_headers)?;
        }
        for half in [Half::Key, Half::Value] {
            let (converter, data, path, stage) = match half {
                Half::Key => (&self.converters.key, &record.key, "key", Stage::KeyConverter),
                Half::Value => (&self.converters.value, &record.value, "value", Stage::ValueConverter),
            };
            let mut added = headers.clone();
            let mut result = encode(&**converter, topic, &mut added, data);
            for _ in 0..MAX_RESOLVES {
                match result {
                    Err(error) if error.kind() == ErrorKind::Unresolved => {
                        result = converter.resolve(error).await.and_then(|()| {
                            added = headers.clone();
                            encode(&**converter, topic, &mut added, data)
                        });
                    }
                    _ => break,
                }
            }
            let nanos = result.is_ok().then(|| {
                cost::nanos(
                    || (headers.clone(), BytesMut::with_capacity(1024)),
                    |(headers, out)| converter.from_connect_data(topic, headers, data, out),
                )
            });
            let bytes_path = format!("{path} bytes");
            let bytes = self.converted(stage, vec![path.to_owned()], result, nanos, |bytes| {
                let mut writes = vec![Part::bytes(bytes_path.clone(), bytes.as_ref())];
                let known = of_raw_headers(&headers);
                writes.extend(of_raw_headers(&added).into_iter().filter(|part| !known.contains(part)));
                writes
            })?;
            headers = added;
            after.push(Part::bytes(bytes_path, bytes.as_ref()));
        }
        after.extend(of_raw_headers(&headers));
        Some(after)
    }

    /// A sink's converters. `None`: one of them failed.
    async fn read(&mut self, raw: &RawRecord) -> Option<Record> {
        let topic = raw.topic.as_str();
        let mut halves = [SchemaAndValue::NULL, SchemaAndValue::NULL];
        for (half, slot) in [Half::Key, Half::Value].into_iter().zip(&mut halves) {
            let (converter, bytes, path, stage) = match half {
                Half::Key => (&self.converters.key, raw.key.as_ref(), "key", Stage::KeyConverter),
                Half::Value => (&self.converters.value, raw.value.as_ref(), "value", Stage::ValueConverter),
            };
            let read = || converter.to_connect_data(topic, &raw.headers, bytes);
            let mut result = read();
            for _ in 0..MAX_RESOLVES {
                match result {
                    Err(error) if error.kind() == ErrorKind::Unresolved => {
                        result = converter.resolve(error).await.and_then(|()| read());
                    }
                    _ => break,
                }
            }
            let nanos = result.is_ok().then(|| cost::nanos(|| (), |()| read()));
            *slot = self.converted(stage, vec![format!("{path} bytes")], result, nanos, |data| {
                let mut parts = Vec::new();
                of_data(path, data, &mut parts);
                parts
            })?;
        }
        let mut headers = Headers::new();
        if !raw.headers.is_empty() {
            let read = || {
                let mut headers = Headers::new();
                for (key, bytes) in raw.headers.iter() {
                    let data = self.converters.header.to_connect_header(topic, key, bytes)?;
                    headers.add_header(Header::new(key.clone(), data));
                }
                Ok(headers)
            };
            let result = read();
            let nanos = result.is_ok().then(|| cost::nanos(|| (), |()| read()));
            let reads = of_raw_headers(&raw.headers).into_iter().map(|part| part.path).collect();
            headers = self.converted(Stage::HeaderConverter, reads, result, nanos, |headers| {
                let mut parts = Vec::new();
                for (header, path) in headers.iter().zip(header_paths(headers.iter().map(Header::key))) {
                    of_data(&path, header.data(), &mut parts);
                }
                parts
            })?;
        }
        let [key, value] = halves;
        let mut record = Record::new(raw.topic.clone(), value)
            .with_key(key)
            .with_kafka_partition(raw.partition)
            .with_headers(headers)
            .with_kafka_offset(raw.offset);
        record.timestamp = raw.timestamp;
        Some(record)
    }

    /// Notes what a converter did.
    fn converted<T>(
        &mut self,
        stage: Stage,
        reads: Vec<String>,
        result: Result<T>,
        nanos: Option<u64>,
        parts: impl Fn(&T) -> Vec<Part>,
    ) -> Option<T> {
        let (key, class) = match stage {
            Stage::KeyConverter => ("key.converter", &self.config.key_converter.class),
            Stage::HeaderConverter => ("header.converter", &self.config.header_converter.class),
            _ => ("value.converter", &self.config.value_converter.class),
        };
        let outcome = match &result {
            Ok(_) => StageOutcome::Kept,
            Err(error) => failed(
                error,
                self.config.errors.tolerate,
                &format!(
                    "Set `{key}` and its keys to a converter that fits this data (sinks: the one that the data was \
                     written with)"
                ),
            ),
        };
        let writes = result.as_ref().map(parts).unwrap_or_default();
        self.stages.push(ExplainedStage {
            stage: stage.as_str(),
            key: key.to_owned(),
            class: class.clone(),
            predicate: None,
            outcome,
            reads,
            writes: writes.into_iter().map(|after| Change { before: None, after }).collect(),
            drops: Vec::new(),
            nanos_per_record: nanos,
        });
        result.ok()
    }
}

/// One transformation with its predicate.
fn transformation(
    stage: &TransformationStage,
    spec: &TransformSpec,
    record: &mut Record,
    tolerate: bool,
) -> ExplainedStage {
    let holds = stage.predicate.as_ref().map(|predicate| predicate.test(record));
    let passes = matches!(holds, Some(Ok(holds)) if holds == stage.negate);
    let original = record.clone();
    let before = of_record(record);
    let result = stage.apply(record);
    let after = of_record(record);
    let (outcome, writes, drops) = match &result {
        Ok(Outcome::Keep) => {
            let (writes, drops) = compare(&before, &after);
            (if passes { StageOutcome::Passed } else { StageOutcome::Kept }, writes, drops)
        }
        Ok(Outcome::Drop) => (StageOutcome::Dropped, Vec::new(), vec!["the whole record".to_owned()]),
        Err(error) => {
            let advice = format!(
                "Correct `transforms.{0}`, or give it a `predicate` that lets such records pass by",
                spec.alias
            );
            (failed(error, tolerate, &advice), Vec::new(), Vec::new())
        }
    };
    let kept = matches!(result, Ok(Outcome::Keep)).then_some(after.as_slice());
    let reads = match result {
        Ok(_) => probe::reads(&original, kept, |record| stage.apply(record)),
        Err(_) => Vec::new(),
    };
    let nanos =
        result.is_ok().then(|| cost::nanos(|| original.clone(), |record| stage.apply(record).is_ok()));
    ExplainedStage {
        stage: Stage::Transformation.as_str(),
        key: format!("transforms.{}", spec.alias),
        class: spec.class.clone(),
        predicate: spec.predicate.as_ref().map(|predicate| ExplainedPredicate {
            alias: predicate.alias.clone(),
            class: predicate.class.clone(),
            negate: spec.negate,
            holds: holds.and_then(Result::ok),
        }),
        outcome,
        reads,
        writes,
        drops,
        nanos_per_record: nanos,
    }
}

fn failed(error: &Error, tolerate: bool, remedy: &str) -> StageOutcome {
    let advice = match tolerate {
        true => format!("Such a record is skipped, since errors.tolerance=all. {remedy}."),
        false => format!("Such a record fails the task. {remedy}; errors.tolerance=all skips such records."),
    };
    StageOutcome::Failed { error: error.trace(), java_class: error.java_class(), advice }
}

fn encode(
    converter: &dyn Converter,
    topic: &str,
    headers: &mut RawHeaders,
    data: &SchemaAndValue,
) -> Result<Option<Bytes>> {
    let mut out = BytesMut::new();
    Ok(match converter.from_connect_data(topic, headers, data, &mut out)? {
        Encoded::Null => None,
        Encoded::Appended => Some(out.freeze()),
        Encoded::Shared(bytes) => Some(bytes),
    })
}
