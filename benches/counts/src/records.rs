//! What the cases work on: a flat record of about 100 bytes as JSON, without and with a schema.

use connect_api::data::{Map, Shape, Struct};
use connect_api::{BoxError, Record, Schema, SchemaAndValue, Value};

/// Makes the value of a record out of its number.
pub(crate) type Make<'a> = &'a dyn Fn(i64) -> SchemaAndValue;

fn values(n: i64) -> Vec<Value> {
    vec![
        n.into(),
        format!("u{:06}", n % 1_000_000).into(),
        (100.25 + (n % 900) as f64).into(),
        true.into(),
        "abcdefgh".into(),
        format!("{:0>21}", n % 1000).into(),
    ]
}

const FIELDS: [&str; 6] = ["id", "user", "amount", "ok", "tag", "note"];

/// A map whose key list all of them share, as the JSON converter makes it.
pub(crate) fn maps() -> impl Fn(i64) -> SchemaAndValue {
    let shape = Shape::new(FIELDS);
    move |n| SchemaAndValue::schemaless(Map::with_shape(shape.clone(), values(n)))
}

/// A struct.
pub(crate) fn structs() -> Result<impl Fn(i64) -> SchemaAndValue, BoxError> {
    let types =
        [Schema::INT64, Schema::STRING, Schema::FLOAT64, Schema::BOOLEAN, Schema::STRING, Schema::STRING];
    let mut builder = Schema::structure().name("Event");
    for (field, schema) in FIELDS.into_iter().zip(types) {
        builder = builder.field(field, schema);
    }
    let schema = builder.build()?;
    Ok(move |n| {
        Struct::from_values(schema.clone(), values(n)).map_or(SchemaAndValue::NULL, SchemaAndValue::from)
    })
}

/// So many records of a topic.
pub(crate) fn records(count: i64, value: Make<'_>) -> Vec<Record> {
    (0..count).map(|n| Record::new("events", value(n)).with_timestamp(1_700_000_000_000 + n)).collect()
}
