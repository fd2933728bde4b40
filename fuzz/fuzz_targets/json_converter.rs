//! The JSON converter: any bytes, with schemas or without; what it accepted it writes, and reads again as the same.
#![no_main]

use std::sync::LazyLock;

use bytes::{Bytes, BytesMut};
use connect_api::{Config, Converter, ConverterType, Encoded, Properties, RawHeaders, SchemaAndValue};
use connect_runtime::converters::{JsonConverter, JsonConverterConfig};
use libfuzzer_sys::fuzz_target;

static CONVERTERS: LazyLock<[JsonConverter; 2]> = LazyLock::new(|| {
    ["true", "false"].map(|schemas| {
        let keys = [("schemas.enable", schemas), ("converter.type", "value"), ("schemas.cache.size", "16")];
        let config = JsonConverterConfig::parse(&Properties::from(keys)).expect("the keys are right");
        JsonConverter::configure(config, ConverterType::Value).expect("the configuration is right")
    })
});

fn read(converter: &JsonConverter, json: Bytes) -> Option<SchemaAndValue> {
    converter.to_connect_data("t", &RawHeaders::default(), Some(&json)).ok()
}

fn write(converter: &JsonConverter, value: &SchemaAndValue) -> Option<Bytes> {
    let mut out = BytesMut::new();
    match converter.from_connect_data("t", &mut RawHeaders::default(), value, &mut out) {
        Ok(Encoded::Appended) => Some(out.freeze()),
        _ => None,
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((first, json)) = data.split_first() else { return };
    let converter = &CONVERTERS[usize::from(first & 1)];
    let Some(value) = read(converter, Bytes::copy_from_slice(json)) else { return };
    let Some(written) = write(converter, &value) else { return };
    // The first time a number may change: Jackson reads -0.0 as 0.0.
    let again = |json| {
        let value = read(converter, json).expect("what was written can be read");
        write(converter, &value).expect("what was read can be written")
    };
    let rewritten = again(written);
    assert_eq!(rewritten, again(rewritten.clone()));
});
