//! What each transformation costs, on records of twelve fields, without Kafka.

use connect_api::data::{Map, Shape};
use connect_api::{BoxError, Headers, Plugins, Properties, Record, Schema, SchemaAndValue, Struct, Value};

use crate::timing::{Cost, measure_all};

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
    Case { name: "Cast", stages: &[("Cast$Value", &[("spec", "at:string,id:string")])] },
    Case { name: "Cast, null", stages: &[("Cast$Key", &[("spec", "at:string")])] },
    Case { name: "DropHeaders", stages: &[("DropHeaders", &[("headers", "debug")])] },
    Case { name: "DropHeaders, no such header", stages: &[("DropHeaders", &[("headers", "zz")])] },
    Case { name: "ExtractField", stages: &[("ExtractField$Value", &[("field", "city")])] },
    Case {
        name: "ExtractField, path",
        stages: &[("ExtractField$Value", &[("field", "nested.b"), ("field.syntax.version", "V2")])],
    },
    Case { name: "Filter", stages: &[("Filter", &[])] },
    Case { name: "Flatten", stages: &[("Flatten$Value", &[])] },
    Case { name: "Flatten, null", stages: &[("Flatten$Key", &[])] },
    Case {
        name: "HeaderFrom",
        stages: &[("HeaderFrom$Value", &[("fields", "city"), ("headers", "city"), ("operation", "move")])],
    },
    Case { name: "HoistField", stages: &[("HoistField$Value", &[("field", "row")])] },
    Case { name: "InsertField", stages: &[("InsertField$Value", INSERT)] },
    Case { name: "InsertField, null", stages: &[("InsertField$Key", INSERT)] },
    Case {
        name: "InsertHeader",
        stages: &[("InsertHeader", &[("header", "attempt"), ("value.literal", "5")])],
    },
    Case { name: "MaskField", stages: &[("MaskField$Value", MASK)] },
    Case { name: "MaskField, no such field", stages: &[("MaskField$Value", &[("fields", "zz")])] },
    Case { name: "ReplaceField, null", stages: &[("ReplaceField$Key", REPLACE)] },
    Case { name: "ReplaceField", stages: &[("ReplaceField$Value", REPLACE)] },
    Case { name: "ReplaceField, no such field", stages: &[("ReplaceField$Value", &[("exclude", "zz")])] },
    Case { name: "RegexRouter", stages: &[("RegexRouter", &[("regex", "(.*)s"), ("replacement", "$1")])] },
    Case {
        name: "RegexRouter, other topic",
        stages: &[("RegexRouter", &[("regex", "orders-(.*)"), ("replacement", "$1")])],
    },
    Case {
        name: "SetSchemaMetadata, null",
        stages: &[("SetSchemaMetadata$Key", &[("schema.name", "Customer")])],
    },
    Case { name: "TimestampConverter, to text", stages: &[("TimestampConverter$Value", TO_TEXT)] },
    Case {
        name: "TimestampConverter, to Timestamp",
        stages: &[("TimestampConverter$Value", &[("field", "at"), ("target.type", "Timestamp")])],
    },
    Case { name: "TimestampConverter, null", stages: &[("TimestampConverter$Key", TO_TEXT)] },
    Case { name: "TimestampRouter", stages: &[("TimestampRouter", &[("timestamp.format", "yyyyMMdd")])] },
    Case { name: "ValueToKey", stages: &[("ValueToKey", &[("fields", "id,city")])] },
    Case {
        name: "InsertField, ReplaceField, MaskField",
        stages: &[("InsertField$Value", INSERT), ("ReplaceField$Value", REPLACE), ("MaskField$Value", MASK)],
    },
];

/// Kafka refuses it on data without schema, so it has a line of its own.
const SET_SCHEMA: Case = Case {
    name: "SetSchemaMetadata",
    stages: &[("SetSchemaMetadata$Value", &[("schema.name", "Buyer"), ("schema.version", "2")])],
};

const TO_TEXT: &[(&str, &str)] =
    &[("field", "at"), ("target.type", "string"), ("format", "yyyy-MM-dd HH:mm:ss")];
const INSERT: &[(&str, &str)] =
    &[("topic.field", "topic"), ("static.field", "site"), ("static.value", "Ulm")];
const REPLACE: &[(&str, &str)] = &[("exclude", "note"), ("renames", "name:full_name")];
const MASK: &[(&str, &str)] = &[("fields", "card,phone")];

/// Measures every case whose name contains `only`; answers lines of a table.
pub(crate) fn run(only: &str) -> Result<Vec<String>, BoxError> {
    let mut plugins = Plugins::default();
    connect_transforms::register(&mut plugins);
    let mut lines = vec![
        "| transformation | without schema: ns per record | allocations | with schema: ns per record | allocations |"
            .to_owned(),
        "| --- | ---: | ---: | ---: | ---: |".to_owned(),
    ];
    let cases = CASES.iter().map(|case| (case, true)).chain([(&SET_SCHEMA, false)]);
    for (case, schemaless) in cases.filter(|(case, _)| case.name.contains(only)) {
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
        let map = match schemaless {
            true => measure(map_value()?, apply)?.to_string(),
            false => "– | –".to_owned(),
        };
        lines.push(format!("| {} | {map} | {} |", case.name, measure(row_value()?, apply)?));
    }
    Ok(lines)
}

/// What one record costs. Making and dropping records does not count.
pub(crate) fn measure(
    template: impl Fn() -> Record,
    apply: impl Fn(&mut Record) -> connect_api::Result<()>,
) -> Result<Cost, BoxError> {
    let records = || std::iter::repeat_with(&template).take(RECORDS).collect::<Vec<_>>();
    Ok(measure_all(records, |records| records.iter_mut().try_for_each(&apply))?.of_one(RECORDS))
}

fn texts() -> Vec<Value> {
    FIELDS[..10].iter().map(|field| Value::from(format!("the {field}"))).collect()
}

fn record(value: SchemaAndValue) -> Record {
    let mut headers = Headers::new();
    headers.add_string("trace", "a1").add_boolean("debug", true);
    Record::new("customers", value)
        .with_timestamp(1_700_000_000_000)
        .with_kafka_partition(3)
        .with_headers(headers)
}

/// Makes records as the JSON converter does: one key list, and values of their own.
pub(crate) fn map_value() -> Result<impl Fn() -> Record, BoxError> {
    let (shape, inner_shape) = (Shape::new(FIELDS), Shape::new(["a", "b"]));
    Ok(move || {
        let mut values = texts();
        values.push(1_700_000_000_000_i64.into());
        values.push(Map::with_shape(inner_shape.clone(), vec![1.into(), "x".into()]).into());
        record(SchemaAndValue::schemaless(Map::with_shape(shape.clone(), values)))
    })
}

pub(crate) fn row_value() -> Result<impl Fn() -> Record, BoxError> {
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
