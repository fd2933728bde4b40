//! The records that are measured. `Registry.java` has the same.

use connect_api::{Schema, SchemaAndValue, Struct, Value};

/// The text fields of the wider record; their values are as the names, with an article.
const TEXTS: [&str; 10] =
    ["id", "name", "street", "city", "country", "phone", "email", "card", "note", "status"];

/// The records, each with the number of its fields.
pub(crate) fn all() -> connect_api::Result<Vec<(usize, SchemaAndValue)>> {
    Ok(vec![(6, six()?), (12, twelve()?)])
}

/// Numbers, flags and two texts, of which one is longer.
fn six() -> connect_api::Result<SchemaAndValue> {
    let schema = Schema::structure()
        .name("Payment")
        .field("id", Schema::INT64)
        .field("customer", Schema::STRING)
        .field("amount", Schema::FLOAT64)
        .field("paid", Schema::BOOLEAN)
        .field("count", Schema::INT32)
        .field("note", Schema::OPTIONAL_STRING)
        .build()?;
    let values = vec![
        Value::from(1_700_000_123_i64),
        Value::from("Ada Lovelace"),
        Value::from(1234.5),
        Value::from(true),
        Value::from(42),
        Value::from("paid in advance by a transfer from abroad"),
    ];
    Ok(Struct::from_values(schema, values)?.into())
}

/// Ten texts that may be null, a time in milliseconds, and a struct of a number and a text.
fn twelve() -> connect_api::Result<SchemaAndValue> {
    let inner = Schema::structure().field("a", Schema::INT32).field("b", Schema::OPTIONAL_STRING).build()?;
    let mut builder = Schema::structure().name("Customer");
    for field in TEXTS {
        builder = builder.field(field, Schema::OPTIONAL_STRING);
    }
    let schema = builder.field("at", Schema::INT64).field("nested", inner.clone()).build()?;
    let mut values: Vec<Value> = TEXTS.iter().map(|field| Value::from(format!("the {field}"))).collect();
    values.push(1_700_000_000_000_i64.into());
    values.push(Struct::from_values(inner, vec![1.into(), "x".into()])?.into());
    Ok(Struct::from_values(schema, values)?.into())
}
