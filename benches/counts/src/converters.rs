//! Converters: batches written into one buffer, and read from it again.

use bytes::{Bytes, BytesMut};
use connect_api::{
    BoxError, ConverterType, DataItem, Encoded, Error, Plugins, Properties, RawHeaders, RawItem, Schema,
    SchemaAndValue, Str,
};

use crate::records::{Make, maps, structs};
use crate::{counted, prepared};

const BATCH: usize = 500;

type Config = &'static [(&'static str, &'static str)];

pub(crate) fn run() -> Result<(), BoxError> {
    let mut plugins = Plugins::default();
    connect_runtime::converters::register(&mut plugins);
    let (map, row) = (maps(), structs()?);
    let text = |n: i64| SchemaAndValue::new(Schema::STRING, format!("{n:0>100}"));
    let bytes = |n: i64| SchemaAndValue::new(Schema::BYTES, format!("{n:0>100}").into_bytes());
    let plain: Config = &[];
    let schemaless: Config = &[("schemas.enable", "false")];
    let cases: [(&str, &str, Config, Make<'_>); 11] = [
        ("json, map", "JsonConverter", schemaless, &map),
        ("json, struct without schema", "JsonConverter", schemaless, &row),
        ("json, struct with schema", "JsonConverter", plain, &row),
        ("string", "StringConverter", plain, &text),
        ("byte array", "ByteArrayConverter", plain, &bytes),
        ("boolean", "BooleanConverter", plain, &|n| SchemaAndValue::new(Schema::BOOLEAN, n % 2 == 0)),
        ("short", "ShortConverter", plain, &|n| SchemaAndValue::new(Schema::INT16, n as i16)),
        ("integer", "IntegerConverter", plain, &|n| SchemaAndValue::new(Schema::INT32, n as i32)),
        ("long", "LongConverter", plain, &|n| SchemaAndValue::new(Schema::INT64, n)),
        ("float", "FloatConverter", plain, &|n| SchemaAndValue::new(Schema::FLOAT32, n as f32)),
        ("double", "DoubleConverter", plain, &|n| SchemaAndValue::new(Schema::FLOAT64, n as f64)),
    ];
    for (name, class, config, make) in cases {
        let mut config: Properties = config.iter().copied().collect();
        config.insert("converter.type", "value");
        let converter = plugins.find_converter(class)?.configure(&config, ConverterType::Value)?;
        let topic = Str::from("events");
        let data: Vec<_> = (0..BATCH as i64).map(make).collect();
        let mut headers = vec![RawHeaders::new(); BATCH];
        let (mut out, mut written) = (BytesMut::with_capacity(BATCH * 2048), Vec::with_capacity(BATCH));
        // Once before, so that whatever is remembered is.
        for count in [false, true] {
            out.clear();
            written.clear();
            prepared();
            let items = data.iter().zip(&mut headers);
            let mut items = items.map(|(data, headers)| DataItem { topic: &topic, headers, data });
            converter.from_connect_batch(&mut items, &mut out, &mut written);
            if count {
                counted(&format!("converter {name}, write"), BATCH as i64);
            }
        }
        let out = out.freeze();
        let mut slices = Vec::with_capacity(BATCH);
        for result in written {
            slices.push(match result? {
                (Encoded::Appended, range) => out.slice(range),
                (Encoded::Shared(bytes), _) => bytes,
                (Encoded::Null, _) => Bytes::new(),
            });
        }
        let headers = RawHeaders::new();
        let mut read = Vec::with_capacity(BATCH);
        for count in [false, true] {
            read.clear();
            prepared();
            let mut items =
                slices.iter().map(|bytes| RawItem { topic: &topic, headers: &headers, bytes: Some(bytes) });
            converter.to_connect_batch(&mut items, &mut read);
            if count {
                counted(&format!("converter {name}, read"), BATCH as i64);
            }
        }
        if read.len() != BATCH || read.iter().any(Result::is_err) {
            return Err(Error::data(format!("{name}: not everything that was written can be read")).into());
        }
    }
    Ok(())
}
