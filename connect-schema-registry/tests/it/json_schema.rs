//! The JSON Schema converter from the outside.

use std::sync::Arc;

use connect_api::data::{Array, Date, Decimal, Map, Type};
use connect_api::{Bytes, Config, ConverterType, Properties, Schema, SchemaAndValue, Struct, Value};
use connect_schema_registry::json_schema::{JsonSchemaConverter, JsonSchemaConverterConfig};
use connect_schema_registry::registry::{
    MemoryRegistry, RegistrySchema, SchemaReference, SchemaRegistry, SchemaType, Version,
};

use crate::support::{read, write};

fn converter(registry: &Arc<MemoryRegistry>, settings: &[(&str, &str)]) -> JsonSchemaConverter {
    let mut properties = Properties::from([("schema.registry.url", "mock://test")]);
    for (key, value) in settings {
        properties.insert(*key, *value);
    }
    let config = JsonSchemaConverterConfig::parse(&properties).unwrap();
    let registry: Arc<MemoryRegistry> = Arc::clone(registry);
    JsonSchemaConverter::new(config, ConverterType::Value, registry)
}

fn order() -> SchemaAndValue {
    let schema = Schema::structure()
        .name("shop.Order")
        .doc("An order")
        .field("small", Schema::INT8)
        .field("id", Schema::INT64)
        .field("note", Schema::OPTIONAL_STRING)
        .field("price", Schema::decimal(2))
        .field("day", Schema::date())
        .field("tags", Schema::array(Schema::STRING))
        .field("counts", Schema::map(Schema::STRING, Schema::INT32))
        .field("byId", Schema::map(Schema::INT32, Schema::FLOAT32))
        .field("raw", Schema::BYTES)
        .build()
        .unwrap();
    let values = vec![
        Value::Int8(-5),
        Value::from(7_i64),
        Value::Null,
        Value::from(Decimal::new(12_345, 2)),
        Value::from(Date(86_400_000)),
        Value::from(Array::from(vec![Value::from("a")])),
        Value::from(Map::from([("x", Value::from(3))])),
        Value::from(Map::from_entries(vec![(Value::from(1), Value::Float32(1.5))])),
        Value::from(vec![0_u8, 255]),
    ];
    SchemaAndValue::from(Struct::from_values(schema, values).unwrap())
}

#[tokio::test]
async fn everything_that_json_holds_comes_back_with_its_type() {
    for settings in [
        &[][..],
        &[("decimal.format", "numeric")],
        &[("use.optional.for.nonrequired", "true")],
        &[("json.fail.invalid.schema", "true")],
    ] {
        let registry = Arc::new(MemoryRegistry::new());
        let converter = converter(&registry, settings);
        let bytes = write(&converter, "orders", &order()).await.unwrap().unwrap();
        let back = read(&converter, "orders", &bytes).await.unwrap();
        let (ours, theirs) = (order().value, back.value);
        assert_eq!(theirs.to_string(), ours.to_string(), "{settings:?}");
        let schema = back.schema.unwrap();
        assert_eq!(
            (schema.name(), schema.version(), schema.doc()),
            (Some("shop.Order"), Some(1), Some("An order"))
        );
        for field in order().schema.unwrap().fields().unwrap() {
            assert_eq!(
                schema.field(field.name()).unwrap().unwrap().schema(),
                field.schema(),
                "{}",
                field.name()
            );
        }
    }
}

#[tokio::test]
async fn a_schema_is_registered_as_json_schema() {
    let registry = Arc::new(MemoryRegistry::new());
    let schema = Schema::structure()
        .name("R")
        .field("a", Schema::INT8)
        .field("b", Schema::OPTIONAL_STRING)
        .build()
        .unwrap();
    let data = SchemaAndValue::from(Struct::new(schema).unwrap().with("a", 1_i8).unwrap());
    let bytes = write(&converter(&registry, &[]), "t", &data).await.unwrap().unwrap();
    assert_eq!(&bytes[5..], br#"{"a":1,"b":null}"#);
    let kept = registry.by_version("t-value", Version::Latest, false).await.unwrap();
    assert_eq!(kept.schema.ty, SchemaType::Json);
    assert_eq!(
        &*kept.schema.text,
        r#"{"type":"object","properties":{"a":{"type":"integer","connect.index":0,"connect.type":"int8"},"b":{"oneOf":[{"type":"null"},{"type":"string"}],"connect.index":1}},"title":"R"}"#
    );
}

async fn read_with(
    text: &str,
    references: &[(&str, &str)],
    settings: &[(&str, &str)],
    data: &str,
) -> connect_api::Result<SchemaAndValue> {
    let registry = Arc::new(MemoryRegistry::new());
    let mut list = Vec::new();
    for (name, text) in references {
        registry.register(name, &RegistrySchema::new(SchemaType::Json, *text), false).await.unwrap();
        list.push(SchemaReference { name: (*name).to_owned(), subject: (*name).to_owned(), version: 1 });
    }
    let schema = RegistrySchema::new(SchemaType::Json, text).with_references(list);
    let id = registry.register("t-value", &schema, false).await.unwrap();
    let message = [&[0, 0, 0, 0, id as u8][..], data.as_bytes()].concat();
    read(&converter(&registry, settings), "t", &Bytes::from(message)).await
}

#[tokio::test]
async fn schemas_of_others_are_understood() {
    let address = r#"{"type":"object","properties":{"street":{"type":"string"}}}"#;
    for (text, data, expected) in [
        (r#"{"type":"integer"}"#, "5", "5"),
        (
            r#"{"type":"object","properties":{"b":{"type":"number","connect.index":1},"a":{"type":"integer","connect.index":0}}}"#,
            r#"{"b":1.5,"a":2}"#,
            "Struct{a=2,b=1.5}",
        ),
        (
            r##"{"definitions":{"n":{"type":["string","null"]}},"type":"object","properties":{"a":{"$ref":"#/definitions/n"}}}"##,
            r#"{"a":null}"#,
            "Struct{}",
        ),
        (
            r#"{"type":"object","properties":{"home":{"$ref":"address.json"}}}"#,
            r#"{"home":{"street":"x"}}"#,
            "Struct{home=Struct{street=x}}",
        ),
        (
            r#"{"oneOf":[{"type":"string"},{"type":"integer"}]}"#,
            "7",
            "Struct{io.confluent.connect.json.OneOf.field.1=7}",
        ),
        (
            r#"{"allOf":[{"properties":{"a":{"type":"integer"}}},{"properties":{"b":{"type":"string"}}}]}"#,
            r#"{"a":1,"b":"x"}"#,
            "Struct{a=1,b=x}",
        ),
        (r#"{"enum":["A","B"]}"#, r#""B""#, "B"),
        (r#"{"type":"integer","default":3,"connect.type":"int32"}"#, "null", "3"),
    ] {
        let references = if text.contains("address.json") { &[("address.json", address)][..] } else { &[] };
        let read = read_with(text, references, &[], data).await.unwrap();
        assert_eq!(read.value.to_string(), expected, "{text}");
    }
    let number = read_with(r#"{"type":"integer"}"#, &[], &[], "5").await.unwrap();
    assert_eq!(number.schema.unwrap().ty(), Type::Int64);
}

#[tokio::test]
async fn data_is_validated_when_that_is_asked_for() {
    let text = r#"{"type":"object","properties":{"a":{"type":"integer","maximum":5}},"required":["a"]}"#;
    assert!(read_with(text, &[], &[], r#"{"a":9}"#).await.is_ok());
    let strict = &[("json.fail.invalid.schema", "true")];
    assert!(read_with(text, &[], strict, r#"{"a":5}"#).await.is_ok());
    let error = read_with(text, &[], strict, r#"{"a":9}"#).await.unwrap_err();
    assert!(error.to_string().contains("at \"/a\""), "{error}");
    let other = r#"{"type":"object","properties":{"a":{"$ref":"five.json"}}}"#;
    let five = r#"{"type":"integer","maximum":5}"#;
    let error = read_with(other, &[("five.json", five)], strict, r#"{"a":9}"#).await.unwrap_err();
    assert!(error.to_string().contains("at \"/a\""), "{error}");
}

#[tokio::test]
async fn what_is_written_with_a_schema_of_the_registry_is_validated() {
    let registry = Arc::new(MemoryRegistry::new());
    let text = r#"{"type":"object","properties":{"a":{"type":"integer","maximum":5}}}"#;
    registry.register("t-value", &RegistrySchema::new(SchemaType::Json, text), false).await.unwrap();
    let converter =
        converter(&registry, &[("auto.register.schemas", "false"), ("use.latest.version", "true")]);
    let schema = Schema::structure().name("R").field("a", Schema::INT32).build().unwrap();
    let data =
        |value: i32| SchemaAndValue::from(Struct::new(schema.clone()).unwrap().with("a", value).unwrap());
    assert!(write(&converter, "t", &data(5)).await.is_ok());
    let error = write(&converter, "t", &data(9)).await.unwrap_err();
    assert!(error.to_string().contains("not as its schema says"), "{error}");
}

#[tokio::test]
async fn references_out_of_the_registry_circles_and_hostile_data_are_errors() {
    for (text, data) in [
        (r#"{"$ref":"http://example.com/x.json"}"#, "1"),
        (r#"{"$ref":"file:///etc/passwd"}"#, "1"),
        (r##"{"$ref":"#"}"##, "1"),
        (r##"{"type":"object","properties":{"next":{"$ref":"#"}}}"##, "{}"),
        (r#"{"type":"integer"}"#, "\"x\""),
        (r#"{"type":"integer"}"#, ""),
        (r#"{"type":["string","integer"]}"#, "1"),
    ] {
        for settings in [&[][..], &[("json.fail.invalid.schema", "true")]] {
            let error = read_with(text, &[], settings, data).await.unwrap_err();
            assert!(error.to_string().contains("topic t"), "{text}: {error}");
        }
    }
    let deep = "[".repeat(100_000);
    assert!(read_with(r#"{"type":"array"}"#, &[], &[], &deep).await.is_err());
}

#[tokio::test]
async fn a_choice_is_written_and_read_as_one_of_its_members() {
    let choice = Schema::structure()
        .name("io.confluent.connect.json.OneOf")
        .field("io.confluent.connect.json.OneOf.field.0", Schema::OPTIONAL_STRING)
        .field("io.confluent.connect.json.OneOf.field.1", Schema::OPTIONAL_INT32)
        .build()
        .unwrap();
    let schema = Schema::structure().name("R").field("c", choice.clone()).build().unwrap();
    let chosen = Struct::from_values(choice, vec![Value::Null, Value::from(4)]).unwrap();
    let data = SchemaAndValue::from(Struct::new(schema).unwrap().with("c", chosen).unwrap());
    let registry = Arc::new(MemoryRegistry::new());
    let converter = converter(&registry, &[]);
    let bytes = write(&converter, "t", &data).await.unwrap().unwrap();
    assert_eq!(&bytes[5..], br#"{"c":4}"#);
    let back = read(&converter, "t", &bytes).await.unwrap();
    assert_eq!(back.value.to_string(), data.value.to_string());
}
