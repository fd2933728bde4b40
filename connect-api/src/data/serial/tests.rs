//! Round trips, errors with their paths, and the meeting with other formats.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::{Date, Decimal, Map, SchemaBuilder, Type};
use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: i64,
    size: u8,
    price: Decimal,
    when: Date,
    note: Option<String>,
    tags: Vec<String>,
    state: State,
    parts: BTreeMap<String, Part>,
    blob: Vec<u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Part {
    weight: f32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum State {
    Open,
    Sent { by: String },
    Paid(i32),
}

fn order() -> Order {
    Order {
        id: 7,
        size: 200,
        price: Decimal::new(1250, 2),
        when: Date(5),
        note: None,
        tags: vec!["a".to_owned()],
        state: State::Open,
        parts: BTreeMap::from([("x".to_owned(), Part { weight: 1.5 })]),
        blob: vec![1, 2],
    }
}

fn schema() -> Schema {
    let part = Schema::structure().field("weight", Schema::FLOAT64).build().unwrap();
    Schema::structure()
        .name("Order")
        .field("id", Schema::INT64)
        .field("size", Schema::INT32)
        .field("price", Schema::decimal(3))
        .field("when", Schema::timestamp())
        .field("note", Schema::OPTIONAL_STRING)
        .field("tags", Schema::array(Schema::STRING))
        .field("state", Schema::STRING)
        .field("parts", Schema::map(Schema::STRING, part))
        .field("blob", Schema::BYTES)
        .build()
        .unwrap()
}

#[test]
fn a_type_comes_back_from_a_schemaless_value() {
    for state in [State::Open, State::Sent { by: "me".to_owned() }, State::Paid(3)] {
        let order = Order { state, ..order() };
        let value = to_value(&order).unwrap();
        assert_eq!(from_value::<Order>(&value).unwrap(), order);
    }
    let value = to_value(&order()).unwrap();
    let map = value.as_map().unwrap();
    assert_eq!(map.get_owned("price"), Some(Decimal::new(1250, 2).into()));
    assert_eq!(map.get_owned("when"), Some(Date(5).into()));
}

#[test]
fn a_type_comes_back_from_a_struct() {
    let row = to_struct(&schema(), &order()).unwrap();
    row.validate().unwrap();
    assert_eq!(row.get_decimal("price").unwrap(), Some(&Decimal::new(12_500, 3)));
    assert_eq!(row.get_bytes("blob").unwrap().map(|bytes| bytes.to_vec()), Some(vec![1, 2]));
    let back: Order = from_struct(&row).unwrap();
    assert_eq!(back, Order { price: Decimal::new(12_500, 3), ..order() });
}

#[test]
fn errors_name_the_field() {
    let message =
        |schema: &Schema, value: &dyn Fn() -> Order| to_struct(schema, &value()).unwrap_err().to_string();
    assert!(
        message(&schema(), &|| Order { price: Decimal::new(1, 4), ..order() })
            .contains("price: 0.0001 does not fit")
    );
    let unknown = Schema::structure().field("id", Schema::INT64).build().unwrap();
    assert!(message(&unknown, &order).contains("size: Schema{STRUCT} has no such field"));
    let mut fields = SchemaBuilder::copy_basics(&schema());
    for field in schema().fields().unwrap() {
        fields = fields.field(field.name(), field.schema().clone());
    }
    let more = fields.field("more", Schema::INT8).build().unwrap();
    assert!(message(&more, &order).contains("more: null does not fit in Schema{INT8}, which is required"));

    let mut value = to_value(&order()).unwrap();
    let part = Map::from([("weight", "heavy")]);
    value.as_map_mut().unwrap().insert("parts", Map::from([("x", part)]));
    let error = from_value::<Order>(&value).unwrap_err();
    assert_eq!(error.message(), "parts.x.weight: invalid type: string \"heavy\", expected f32");
}

#[test]
fn a_default_is_read_where_a_field_is_null() {
    let weight = Schema::builder(Type::Float32).default_value(2.5_f32).build().unwrap();
    let row = Struct::new(Schema::structure().field("weight", weight).build().unwrap()).unwrap();
    assert_eq!(from_struct::<Part>(&row).unwrap(), Part { weight: 2.5 });
}

#[test]
fn a_schema_is_inferred_where_the_value_says_enough() {
    let data = to_data(&vec![Some(Part { weight: 1.0 }), None]).unwrap();
    let part = Schema::structure().name("Part").field("weight", Schema::FLOAT32).optional().build().unwrap();
    assert_eq!(data.schema, Some(Schema::array(part)));
    let error = to_data(&order()).unwrap_err();
    assert_eq!(error.message(), "note: the schema of null cannot be inferred");
    assert!(to_data(&Vec::<i32>::new()).is_err());
    assert_eq!(
        to_data(&(1, "a")).unwrap_err().message(),
        "[1]: Schema{STRING} differs from Schema{INT32} before it"
    );
}

#[test]
fn json_is_read_into_values_and_written_from_them() {
    let text = r#"{"a":[1,2.5,null,"x"],"b":{"c":true}}"#;
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(value.to_string(), "{a=[1, 2.5, null, x], b={c=true}}");
    assert_eq!(serde_json::to_string(&value).unwrap(), text);
    let order_text = serde_json::to_string(&order()).unwrap();
    assert!(order_text.contains(r#""price":"12.50","when":5"#), "{order_text}");
    assert_eq!(serde_json::from_str::<Order>(&order_text).unwrap(), order());
}

#[test]
fn text_can_be_borrowed() {
    let value = Value::from(Map::from([("name", "Ada")]));
    let map: BTreeMap<&str, &str> = from_value(&value).unwrap();
    assert_eq!(map["name"], "Ada");
}
