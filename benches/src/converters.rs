//! What each converter costs, without Kafka: a batch is written into one buffer, and read from it again.

use bytes::{Bytes, BytesMut};
use connect_api::data::Map;
use connect_api::{
    BoxError, Converter, ConverterType, DataItem, Encoded, ErrorKind, Plugins, Properties, RawHeaders,
    RawItem, Schema, SchemaAndValue, Str,
};

use crate::timing::measure_all;
use crate::transforms::{map_value, row_value};

/// Records per batch.
const BATCH: usize = 100;

struct Case {
    name: &'static str,
    class: &'static str,
    config: &'static [(&'static str, &'static str)],
    data: SchemaAndValue,
}

fn cases() -> Result<Vec<Case>, BoxError> {
    let case = |name, class, config, data| Case { name, class, config, data };
    let plain: &[(&str, &str)] = &[("converter.type", "value")];
    let schemas_off: &[(&str, &str)] = &[("converter.type", "value"), ("schemas.enable", "false")];
    let registry: &[(&str, &str)] = &[("schema.registry.url", "mock://bench")];
    let (map, row) = (map_value()?().value, row_value()?().value);
    let small = Map::from([("id", 7_i64)]);
    Ok(vec![
        case("JsonConverter, 12 fields without schema", "JsonConverter", schemas_off, map),
        case(
            "JsonConverter, 1 field without schema",
            "JsonConverter",
            schemas_off,
            SchemaAndValue::schemaless(small),
        ),
        case("JsonConverter, 12 fields, schemas off", "JsonConverter", schemas_off, row.clone()),
        case("JsonConverter, 12 fields, schemas on", "JsonConverter", plain, row.clone()),
        case("AvroConverter, 12 fields", "AvroConverter", registry, row.clone()),
        case("ProtobufConverter, 12 fields", "ProtobufConverter", registry, row.clone()),
        case("JsonSchemaConverter, 12 fields", "JsonSchemaConverter", registry, row),
        case(
            "StringConverter, 100 letters",
            "StringConverter",
            plain,
            SchemaAndValue::new(Schema::STRING, "x".repeat(100)),
        ),
        case(
            "ByteArrayConverter, 100 bytes",
            "ByteArrayConverter",
            plain,
            SchemaAndValue::new(Schema::BYTES, vec![1_u8; 100]),
        ),
        case("BooleanConverter", "BooleanConverter", plain, SchemaAndValue::new(Schema::BOOLEAN, true)),
        case("ShortConverter", "ShortConverter", plain, SchemaAndValue::new(Schema::INT16, 7_i16)),
        case("IntegerConverter", "IntegerConverter", plain, SchemaAndValue::new(Schema::INT32, 7_i32)),
        case("LongConverter", "LongConverter", plain, SchemaAndValue::new(Schema::INT64, 7_i64)),
        case("FloatConverter", "FloatConverter", plain, SchemaAndValue::new(Schema::FLOAT32, 7.5_f32)),
        case("DoubleConverter", "DoubleConverter", plain, SchemaAndValue::new(Schema::FLOAT64, 7.5_f64)),
    ])
}

/// Measures every case whose name contains `only`; answers lines of a table.
pub(crate) fn run(only: &str) -> Result<Vec<String>, BoxError> {
    let mut plugins = Plugins::default();
    connect_runtime::converters::register(&mut plugins);
    connect_schema_registry::register(&mut plugins);
    let mut lines = vec![
        "| converter | bytes | writing: ns per record | allocations | reading: ns per record | allocations |"
            .to_owned(),
        "| --- | ---: | ---: | ---: | ---: | ---: |".to_owned(),
    ];
    for Case { name, class, config, data } in cases()?.into_iter().filter(|case| case.name.contains(only)) {
        let config: Properties = config.iter().copied().collect();
        let converter = plugins.find_converter(class)?.configure(&config, ConverterType::Value)?;
        // A subject of the registry has schemas of one format.
        let topic = Str::from(class);

        resolve(&*converter, &topic, &data)?;

        let room = || {
            (BytesMut::with_capacity(BATCH * 4096), vec![RawHeaders::new(); BATCH], Vec::with_capacity(BATCH))
        };
        let writing = measure_all(room, |(out, headers, results)| {
            let mut items =
                headers.iter_mut().map(|headers| DataItem { topic: &topic, headers, data: &data });
            converter.from_connect_batch(&mut items, out, results);
            results.drain(..).try_for_each(|result| result.map(drop))
        })?;

        let mut out = BytesMut::new();
        let bytes = match converter.from_connect_data(&topic, &mut RawHeaders::new(), &data, &mut out)? {
            Encoded::Shared(bytes) => bytes,
            _ => out.freeze(),
        };
        let headers = RawHeaders::new();
        // Each record has bytes of its own, as slices of what Kafka delivered.
        let all = Bytes::from(bytes.repeat(BATCH));
        let slices: Vec<Bytes> =
            (0..BATCH).map(|at| all.slice(at * bytes.len()..(at + 1) * bytes.len())).collect();
        let reading = measure_all(
            || Vec::with_capacity(BATCH),
            |results| {
                let mut items = slices.iter().map(|bytes| RawItem {
                    topic: &topic,
                    headers: &headers,
                    bytes: Some(bytes),
                });
                converter.to_connect_batch(&mut items, results);
                results
                    .iter()
                    .find_map(|result| result.as_ref().err())
                    .map_or(Ok(()), |error| Err(connect_api::Error::data(error.to_string())))
            },
        )?;
        let [writing, reading] = [writing, reading].map(|cost| cost.of_one(BATCH));
        lines.push(format!("| {name} | {} | {writing} | {reading} |", bytes.len()));
    }
    Ok(lines)
}

/// Converts once each way, so that converters with a registry have asked it.
fn resolve(converter: &dyn Converter, topic: &str, data: &SchemaAndValue) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut out = BytesMut::new();
        let bytes = loop {
            match converter.from_connect_data(topic, &mut RawHeaders::new(), data, &mut out) {
                Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await?,
                Ok(Encoded::Shared(bytes)) => break bytes,
                other => break other.map(|_| out.freeze())?,
            }
        };
        loop {
            match converter.to_connect_data(topic, &RawHeaders::new(), Some(&bytes)) {
                Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await?,
                other => return Ok(other.map(drop)?),
            }
        }
    })
}
