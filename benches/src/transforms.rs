//! What each transformation costs, on records of twelve fields, without Kafka.

use std::time::Duration;

use connect_api::data::{Map, Shape};
use connect_api::{BoxError, Plugins, Properties, Record, Schema, SchemaAndValue, Struct, Value};
use tokio::time::Instant;

/// How many records are made before each measured pass.
const RECORDS: usize = 100;

/// The names of the fields. `nested` is a map or struct, `at` a timestamp in milliseconds, the others are texts.
const FIELDS: [&str; 12] =
    ["id", "name", "street", "city", "country", "phone", "email", "card", "note", "status", "at", "nested"];

/// A line of the table: a name, and the transformations with their configuration.
struct Case {
    name: &'static str,
    stages: &'static [(&'static str, &'static [(&'static str, &'static str)])],
}

const CASES: &[Case] = &[
    Case { name: "nothing", stages: &[] },
    Case { name: "ExtractField", stages: &[("ExtractField$Value", &[("field", "city")])] },
    Case {
        name: "ExtractField, path",
        stages: &[("ExtractField$Value", &[("field", "nested.b"), ("field.syntax.version", "V2")])],
    },
    Case { name: "Filter", stages: &[("Filter", &[])] },
    Case { name: "Flatten", stages: &[("Flatten$Value", &[])] },
    Case { name: "HoistField", stages: &[("HoistField$Value", &[("field", "row")])] },
    Case { name: "InsertField", stages: &[("InsertField$Value", INSERT)] },
    Case { name: "MaskField", stages: &[("MaskField$Value", MASK)] },
    Case { name: "MaskField, no such field", stages: &[("MaskField$Value", &[("fields", "zz")])] },
    Case { name: "ReplaceField, no key", stages: &[("ReplaceField$Key", REPLACE)] },
    Case { name: "ReplaceField", stages: &[("ReplaceField$Value", REPLACE)] },
    Case { name: "ReplaceField, no such field", stages: &[("ReplaceField$Value", &[("exclude", "zz")])] },
    Case { name: "RegexRouter", stages: &[("RegexRouter", &[("regex", "(.*)s"), ("replacement", "$1")])] },
    Case { name: "ValueToKey", stages: &[("ValueToKey", &[("fields", "id,city")])] },
    Case {
        name: "InsertField, ReplaceField, MaskField",
        stages: &[("InsertField$Value", INSERT), ("ReplaceField$Value", REPLACE), ("MaskField$Value", MASK)],
    },
];

const INSERT: &[(&str, &str)] =
    &[("topic.field", "topic"), ("static.field", "site"), ("static.value", "Ulm")];
const REPLACE: &[(&str, &str)] = &[("exclude", "note"), ("renames", "name:full_name")];
const MASK: &[(&str, &str)] = &[("fields", "card,phone")];

/// Measures every case whose name contains `only`; answers lines of a table.
pub(crate) fn run(only: &str) -> Result<Vec<String>, BoxError> {
    let mut plugins = Plugins::default();
    connect_transforms::register(&mut plugins);
    let mut lines = vec![
        "| transformation | without schema: ns per record | with schema: ns per record |".to_owned(),
        "| --- | ---: | ---: |".to_owned(),
    ];
    for case in CASES.iter().filter(|case| case.name.contains(only)) {
        let mut stages = Vec::new();
        for (class, config) in case.stages {
            let config: Properties = config.iter().copied().collect();
            stages.push(plugins.find_transformation(class)?.configure(&config)?);
        }
        let apply = |record: &mut Record| -> connect_api::Result<()> {
            for stage in &stages {
                let _ = stage.apply(record)?;
            }
            Ok(())
        };
        let (map, row) = (measure(&map_value()?, &apply)?, measure(&row_value()?, &apply)?);
        lines.push(format!("| {} | {map:.0} | {row:.0} |", case.name));
    }
    Ok(lines)
}

/// Nanoseconds per record: the fastest of many passes, since others use the machine too.
fn measure(
    template: &dyn Fn() -> Record,
    apply: &dyn Fn(&mut Record) -> connect_api::Result<()>,
) -> Result<f64, BoxError> {
    let mut best = Duration::MAX;
    for _ in 0..5_000 {
        let mut records: Vec<Record> = std::iter::repeat_with(template).take(RECORDS).collect();
        let start = Instant::now();
        records.iter_mut().try_for_each(apply)?;
        best = best.min(start.elapsed());
    }
    Ok(best.as_nanos() as f64 / RECORDS as f64)
}

fn texts() -> Vec<Value> {
    FIELDS[..10].iter().map(|field| Value::from(format!("the {field}"))).collect()
}

fn record(value: SchemaAndValue) -> Record {
    Record::new("customers", value).with_timestamp(1_700_000_000_000).with_kafka_partition(3)
}

/// Makes records as the JSON converter does: one key list, and values of their own.
fn map_value() -> Result<impl Fn() -> Record, BoxError> {
    let (shape, inner_shape) = (Shape::new(FIELDS), Shape::new(["a", "b"]));
    Ok(move || {
        let mut values = texts();
        values.push(1_700_000_000_000_i64.into());
        values.push(Map::with_shape(inner_shape.clone(), vec![1.into(), "x".into()]).into());
        record(SchemaAndValue::schemaless(Map::with_shape(shape.clone(), values)))
    })
}

fn row_value() -> Result<impl Fn() -> Record, BoxError> {
    let inner = Schema::structure().field("a", Schema::INT32).field("b", Schema::OPTIONAL_STRING).build()?;
    let mut builder = Schema::structure().name("Customer");
    for field in &FIELDS[..10] {
        builder = builder.field(*field, Schema::OPTIONAL_STRING);
    }
    let schema = builder.field("at", Schema::INT64).field("nested", inner.clone()).build()?;
    let inner = Struct::from_values(inner, vec![1.into(), "x".into()])?;
    let mut values = texts();
    values.push(1_700_000_000_000_i64.into());
    values.push(inner.into());
    Ok(move || {
        // A struct that nobody shares, as a converter makes it.
        record(Struct::from_values(schema.clone(), values.clone()).map_or(SchemaAndValue::NULL, Into::into))
    })
}
