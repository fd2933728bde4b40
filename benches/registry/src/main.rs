//! The converters with a schema registry, beside the libraries that others use for the same: `apache-avro` and
//! `prost-reflect`, on the same bytes. `cargo xtask bench registry` runs this and, where there are their jars, the
//! converters of Java.
//!
//! The registry is in memory and the schemas are known, so that nothing but the conversion is measured. An argument
//! names what to measure; `--repeat NAME SECONDS` reads or writes one of them again and again, for a profiler.

mod others;
mod records;
#[path = "../../src/timing.rs"]
mod timing;

use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use connect_api::{Converter, ConverterType, Encoded, ErrorKind, RawHeaders, RawItem, SchemaAndValue, Str};
use connect_schema_registry::avro::{AvroConverter, AvroConverterConfig};
use connect_schema_registry::json_schema::{JsonSchemaConverter, JsonSchemaConverterConfig};
use connect_schema_registry::protobuf::{ProtobufConverter, ProtobufConverterConfig};
use connect_schema_registry::registry::MemoryRegistry;
use tokio::time::Instant;

use crate::others::Library;
use crate::timing::{Cost, measure_all};

/// Records per pass.
const BATCH: usize = 100;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let only = args.first().filter(|arg| *arg != "--repeat").cloned().unwrap_or_default();
    let repeat = args.iter().position(|arg| arg == "--repeat").and_then(|at| args.get(at + 1..at + 3));
    if repeat.is_none() {
        print(
            "| what | fields | bytes | encode: ns per record | allocations | decode: ns per record | allocations |",
        );
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    }
    for (fields, data) in records::all()? {
        for (name, converter) in converters()? {
            let name = format!("{name}, {fields} fields");
            let case = Case::new(&*converter, &data)?;
            match repeat {
                Some([wanted, seconds]) if name.starts_with(wanted.as_str()) => {
                    return case.repeat(Duration::from_secs(seconds.parse()?));
                }
                None if name.contains(&only) => case.measure(&name, fields)?,
                _ => {}
            }
            let library = Library::of(&name, &case.registered, &case.bytes)?;
            if let (Some(library), None) = (library, repeat)
                && library.name().contains(&only)
            {
                let encode = measure(|| (), |()| (0..BATCH).try_for_each(|_| library.encode()))?;
                let decode = measure(|| (), |()| (0..BATCH).try_for_each(|_| library.decode()))?;
                line(library.name(), fields, library.len(), &encode, &decode);
            }
        }
    }
    Ok(())
}

fn converters() -> Outcome<Vec<(&'static str, Box<dyn Converter>)>> {
    const URL: &str = "mock://bench";
    let (value, registry) = (ConverterType::Value, || MemoryRegistry::of_scope("bench"));
    Ok(vec![
        ("AvroConverter", Box::new(AvroConverter::new(AvroConverterConfig::of_url(URL)?, value, registry()))),
        (
            "ProtobufConverter",
            Box::new(ProtobufConverter::new(ProtobufConverterConfig::of_url(URL)?, value, registry())),
        ),
        (
            "JsonSchemaConverter",
            Box::new(JsonSchemaConverter::new(JsonSchemaConverterConfig::of_url(URL)?, value, registry())),
        ),
    ])
}

/// A converter with a record, both ways known.
struct Case<'a> {
    converter: &'a dyn Converter,
    data: &'a SchemaAndValue,
    topic: Str,
    /// A message.
    bytes: Bytes,
    /// Its schema, as the registry has it.
    registered: String,
}

impl<'a> Case<'a> {
    fn new(converter: &'a dyn Converter, data: &'a SchemaAndValue) -> Outcome<Self> {
        static TOPICS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        // A subject of the registry has schemas of one format.
        let number = TOPICS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let topic = Str::from(format!("t{number}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let mut out = BytesMut::new();
        runtime.block_on(async {
            loop {
                match converter.from_connect_data(&topic, &mut RawHeaders::new(), data, &mut out) {
                    Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await?,
                    other => break other.map(drop)?,
                }
            }
            let bytes = out.clone().freeze();
            loop {
                match converter.to_connect_data(&topic, &RawHeaders::new(), Some(&bytes)) {
                    Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await?,
                    other => return other.map(drop),
                }
            }
        })?;
        let all = MemoryRegistry::of_scope("bench").all();
        let subject = format!("{topic}-value");
        let registered = all.iter().find(|registered| registered.subject == subject);
        let registered = registered.ok_or("the schema was not registered")?.schema.text.to_string();
        Ok(Self { converter, data, topic, bytes: out.freeze(), registered })
    }

    fn encode(&self, out: &mut BytesMut) -> connect_api::Result<()> {
        for _ in 0..BATCH {
            let mut headers = RawHeaders::new();
            let encoded = self.converter.from_connect_data(&self.topic, &mut headers, self.data, out)?;
            debug_assert_eq!(encoded, Encoded::Appended);
        }
        Ok(())
    }

    fn decode(
        &self,
        slices: &[Bytes],
        results: &mut Vec<connect_api::Result<SchemaAndValue>>,
    ) -> connect_api::Result<()> {
        let headers = RawHeaders::new();
        let mut items =
            slices.iter().map(|bytes| RawItem { topic: &self.topic, headers: &headers, bytes: Some(bytes) });
        self.converter.to_connect_batch(&mut items, results);
        match results.iter().find_map(|result| result.as_ref().err()) {
            Some(error) => Err(connect_api::Error::data(error.to_string())),
            None => Ok(()),
        }
    }

    /// Each record has bytes of its own, as slices of what Kafka delivered.
    fn slices(&self) -> Vec<Bytes> {
        let all = Bytes::from(self.bytes.repeat(BATCH));
        let length = self.bytes.len();
        (0..BATCH).map(|at| all.slice(at * length..(at + 1) * length)).collect()
    }

    fn measure(&self, name: &str, fields: usize) -> Outcome<()> {
        let slices = self.slices();
        let encode = measure(|| BytesMut::with_capacity(BATCH * 4096), |out| self.encode(out))?;
        let decode = measure(|| Vec::with_capacity(BATCH), |results| self.decode(&slices, results))?;
        line(name.split(',').next().unwrap_or(name), fields, self.bytes.len(), &encode, &decode);
        Ok(())
    }

    fn repeat(&self, time: Duration) -> Outcome<()> {
        let (slices, start) = (self.slices(), Instant::now());
        let mut results = Vec::with_capacity(BATCH);
        while start.elapsed() < time {
            results.clear();
            self.decode(&slices, &mut results)?;
        }
        Ok(())
    }
}

/// What one record of a batch costs.
fn measure<T, E>(make: impl Fn() -> T, apply: impl Fn(&mut T) -> Result<(), E>) -> Result<Cost, E> {
    Ok(measure_all(make, apply)?.of_one(BATCH))
}

fn line(name: &str, fields: usize, bytes: usize, encode: &Cost, decode: &Cost) {
    print(&format!("| {name} | {fields} | {bytes} | {encode} | {decode} |"));
}

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
fn print(line: &str) {
    println!("{line}");
}
