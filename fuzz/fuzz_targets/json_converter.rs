//! The JSON converter: any bytes, with schemas or without; what it read before, and so which of its paths it takes,
//! changes nothing; what it accepted it writes, and reads again as the same.
#![no_main]

use std::sync::LazyLock;

use bytes::{Bytes, BytesMut};
use connect_api::{Config, Converter, ConverterType, Encoded, Properties, RawHeaders, SchemaAndValue};
use connect_runtime::converters::{JsonConverter, JsonConverterConfig};
use libfuzzer_sys::fuzz_target;

/// They read every input, and so have key lists and schemas in their caches.
static USED: LazyLock<[JsonConverter; 2]> = LazyLock::new(|| [fresh(true), fresh(false)]);

fn fresh(schemas: bool) -> JsonConverter {
    let schemas = if schemas { "true" } else { "false" };
    let keys = [("schemas.enable", schemas), ("converter.type", "value"), ("schemas.cache.size", "16")];
    let config = JsonConverterConfig::parse(&Properties::from(keys)).expect("the keys are right");
    JsonConverter::configure(config, ConverterType::Value).expect("the configuration is right")
}

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
    let schemas = first & 1 == 0;
    let converter = &USED[usize::from(!schemas)];
    let json = Bytes::copy_from_slice(json);
    let (value, first) = (read(converter, json.clone()), read(&fresh(schemas), json));
    let shown = |value: &Option<SchemaAndValue>| value.as_ref().map(|value| value.value.to_string());
    assert_eq!(value, first);
    assert_eq!(shown(&value), shown(&first));
    let Some(value) = value else { return };
    let Some(written) = write(converter, &value) else { return };
    // The first time a number may change: Jackson reads -0.0 as 0.0.
    let again = |json| {
        let value = read(converter, json).expect("what was written can be read");
        write(converter, &value).expect("what was read can be written")
    };
    let rewritten = again(written);
    assert_eq!(rewritten, again(rewritten.clone()));
});
