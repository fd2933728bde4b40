//! How long converting takes. Run in release: `cargo test --release … converters_speed -- --ignored --nocapture`.
#![allow(clippy::print_stdout, reason = "a measurement is printed")]

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use connect_api::{Converter, DataItem, RawHeaders, RawItem, Str};
use connect_runtime::converters::{JsonConverter, JsonConverterConfig};
use tokio::time::Instant;

const BATCHES: usize = 20;
const RECORDS: usize = 500;

fn batches(record: impl Fn(usize) -> String) -> Vec<Vec<Bytes>> {
    let batch = |batch: usize| {
        let mut text = String::new();
        let ends: Vec<usize> = (0..RECORDS)
            .map(|index| {
                text.push_str(&record(batch * RECORDS + index));
                text.len()
            })
            .collect();
        let buffer = Bytes::from(text);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(&ends).map(|(start, end)| buffer.slice(start..*end)).collect()
    };
    (0..BATCHES).map(batch).collect()
}

/// Nanoseconds per record: the mean over the batches of the best of several runs, and of the median.
fn measure<T>(batches: &[T], mut run: impl FnMut(&T)) -> (f64, f64) {
    let (mut best, mut median) = (0.0, 0.0);
    for batch in batches {
        let mut times: Vec<f64> = (0..25)
            .map(|_| {
                let start = Instant::now();
                run(batch);
                start.elapsed().as_nanos() as f64 / RECORDS as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        best += times[0] / batches.len() as f64;
        median += times[times.len() / 2] / batches.len() as f64;
    }
    (best, median)
}

fn report(name: &str, config: &JsonConverterConfig, batches: &[Vec<Bytes>]) {
    let converter = JsonConverter::new(config.clone()).unwrap();
    let (topic, headers) = (Str::from("topic"), RawHeaders::new());
    let mut results = Vec::new();
    let read = measure(batches, |batch| {
        results.clear();
        let mut items =
            batch.iter().map(|bytes| RawItem { topic: &topic, headers: &headers, bytes: Some(bytes) });
        converter.to_connect_batch(&mut items, &mut results);
        black_box(&results);
    });
    let serde = measure(batches, |batch| {
        let read = |bytes: &Bytes| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
        black_box(batch.iter().map(read).collect::<Vec<_>>());
    });
    let data: Vec<Vec<_>> = batches
        .iter()
        .map(|batch| {
            let read = |bytes: &Bytes| converter.to_connect_data("topic", &headers, Some(bytes)).unwrap();
            batch.iter().map(read).collect()
        })
        .collect();
    let mut headers = RawHeaders::new();
    let mut written = Vec::new();
    let write = measure(&data, |batch| {
        let mut out = BytesMut::with_capacity(1 << 18);
        for data in batch {
            let item = DataItem { topic: &topic, headers: &mut headers, data };
            converter.from_connect_batch(&mut std::iter::once(item), &mut out, &mut written);
        }
        written.clear();
        black_box(out);
    });
    let size: usize = batches.iter().flatten().map(Bytes::len).sum();
    println!(
        "{name}: {} bytes, read {:.0} / {:.0} ns (serde_json::Value {:.0} / {:.0} ns), write {:.0} / {:.0} ns",
        size / (BATCHES * RECORDS),
        read.0,
        read.1,
        serde.0,
        serde.1,
        write.0,
        write.1,
    );
}

#[test]
#[ignore = "a measurement, to be run in release"]
fn json_takes_this_long() {
    let small = batches(|index| {
        format!(
            "{{\"id\":{},\"user\":\"user-{}\",\"amount\":{}.{:02},\"currency\":\"EUR\",\"active\":{},\"note\":\"order number {} shipped today\"}}",
            100_000 + index,
            index % 977,
            index % 5000,
            index % 99 + 1,
            index % 3 == 0,
            index,
        )
    });
    let wide = batches(|index| {
        format!(
            "{{\"id\":{index},\"user\":\"user-{}\",\"first_name\":\"Ada\",\"last_name\":\"Lovelace\",\"email\":\"ada.lovelace.{index}@example.org\",\
             \"amount\":{}.25,\"currency\":\"EUR\",\"active\":true,\"address\":{{\"street\":\"12 Analytical Engine Road\",\"city\":\"London\",\"zip\":\"SW1Y 4JH\"}},\
             \"tags\":[\"new\",\"vip\",\"export\"],\"created\":1700000000{:03},\"note\":\"the quick brown fox jumps over the lazy dog and runs away\"}}",
            index % 977,
            index % 5000,
            index % 1000,
        )
    });
    let schema = "{\"type\":\"struct\",\"fields\":[{\"type\":\"int64\",\"optional\":false,\"field\":\"id\"},\
                  {\"type\":\"string\",\"optional\":false,\"field\":\"user\"},{\"type\":\"double\",\"optional\":false,\"field\":\"amount\"},\
                  {\"type\":\"string\",\"optional\":false,\"field\":\"currency\"},{\"type\":\"boolean\",\"optional\":false,\"field\":\"active\"},\
                  {\"type\":\"string\",\"optional\":true,\"field\":\"note\"}],\"optional\":false,\"name\":\"order\"}";
    let enveloped: Vec<Vec<Bytes>> = small
        .iter()
        .map(|batch| {
            let wrap = |bytes: &Bytes| {
                let payload = std::str::from_utf8(bytes).unwrap();
                Bytes::from(format!("{{\"schema\":{schema},\"payload\":{payload}}}"))
            };
            batch.iter().map(wrap).collect()
        })
        .collect();
    let plain = JsonConverterConfig { schemas_enable: false, ..Default::default() };
    report("small", &plain, &small);
    report("wide", &plain, &wide);
    report("small with schema", &JsonConverterConfig::default(), &enveloped);
}
