//! Keys of newer releases, which no oracle covers: each changes what it says and nothing else.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use connect_api::data::{Decimal, EnclosingStruct};
use connect_api::{
    Config, Converter, ConverterType, Encoded, ErrorKind, Properties, RawHeaders, Schema, SchemaAndValue,
    Struct, Value,
};
use connect_schema_registry::avro::{AvroConverter, AvroConverterConfig};
use connect_schema_registry::json_schema::{JsonSchemaConverter, JsonSchemaConverterConfig};
use connect_schema_registry::protobuf::{ProtobufConverter, ProtobufConverterConfig};
use connect_schema_registry::registry::{
    MemoryRegistry, RegistrySchema, SchemaRegistry, SchemaType, Version,
};

use crate::support::{read, write};

const GENERALIZED: (&str, &str) = ("generalized.sum.type.support", "true");

fn properties(settings: &[(&str, &str)]) -> Properties {
    let mut properties = Properties::from([("schema.registry.url", "mock://keys")]);
    for (key, value) in settings {
        properties.insert(*key, *value);
    }
    properties
}

fn avro(registry: &Arc<MemoryRegistry>, settings: &[(&str, &str)]) -> AvroConverter {
    let config = AvroConverterConfig::parse(&properties(settings)).unwrap();
    AvroConverter::new(config, ConverterType::Value, Arc::clone(registry) as Arc<dyn SchemaRegistry>)
}

fn protobuf(registry: &Arc<MemoryRegistry>, settings: &[(&str, &str)]) -> ProtobufConverter {
    let config = ProtobufConverterConfig::parse(&properties(settings)).unwrap();
    ProtobufConverter::new(config, ConverterType::Value, Arc::clone(registry) as Arc<dyn SchemaRegistry>)
}

fn json(registry: &Arc<MemoryRegistry>, settings: &[(&str, &str)]) -> JsonSchemaConverter {
    let config = JsonSchemaConverterConfig::parse(&properties(settings)).unwrap();
    JsonSchemaConverter::new(config, ConverterType::Value, Arc::clone(registry) as Arc<dyn SchemaRegistry>)
}

/// A message of a schema that somebody else registered.
fn message(registry: &MemoryRegistry, ty: SchemaType, schema: &str, payload: &[u8]) -> Bytes {
    let id = registry.import("t-value", 0, &RegistrySchema::new(ty, schema)).unwrap();
    [&[0][..], &id.to_be_bytes(), payload].concat().into()
}

const CHOICE: &str = r#"{"type":"record","name":"R","fields":[
    {"name":"choice","type":["null","int","string"]},
    {"name":"color","type":{"type":"enum","name":"Color","symbols":["RED","GREEN"]}}]}"#;

#[tokio::test]
async fn unions_and_enums_of_avro_go_through_protobuf_and_json_and_come_back() {
    let registry = Arc::new(MemoryRegistry::new());
    let (avro, proto, json) = (
        avro(&registry, &[GENERALIZED]),
        protobuf(&registry, &[GENERALIZED]),
        json(&registry, &[GENERALIZED]),
    );
    // The text "hi", and GREEN.
    let bytes = message(&registry, SchemaType::Avro, CHOICE, &[4, 4, b'h', b'i', 2]);
    let data = read(&avro, "t", &bytes).await.unwrap();
    assert_eq!(
        data.value.to_string(),
        "Struct{choice=Struct{connect_union_field_2=hi},color=GREEN}",
        "fields count all branches"
    );
    let schema = data.schema.clone().unwrap();
    let (choice, color) =
        (schema.field("choice").unwrap().unwrap().schema(), schema.field("color").unwrap().unwrap().schema());
    assert_eq!(choice.name(), Some("connect_union_0"));
    assert_eq!(choice.parameter("org.apache.kafka.connect.data.Union"), Some("connect_union_0"));
    assert_eq!(color.parameter("org.apache.kafka.connect.data.Enum"), Some("Color"));
    assert_eq!(color.parameter("org.apache.kafka.connect.data.Enum.GREEN"), Some("1"));

    let written = write(&avro, "u", &data).await.unwrap().unwrap();
    assert_eq!(written[5..], bytes[5..]);

    let written = write(&proto, "p", &data).await.unwrap().unwrap();
    let text = registry.by_version("p-value", Version::Latest, false).await.unwrap().schema.text;
    assert!(text.contains("oneof connect_union_0 {") && text.contains("enum Color {"), "{text}");
    let back = read(&proto, "p", &written).await.unwrap();
    assert_eq!(
        back.value.to_string(),
        "Struct{connect_union_0_0=Struct{connect_union_field_2=hi},color=GREEN}"
    );
    let back = back.schema.unwrap();
    let oneof = back.field("connect_union_0_0").unwrap().unwrap().schema();
    assert_eq!(oneof.parameter("org.apache.kafka.connect.data.Union"), Some("connect_union_0"));

    let written = write(&json, "j", &data).await.unwrap().unwrap();
    assert_eq!(&written[5..], br#"{"choice":"hi","color":"GREEN"}"#);
    let back = read(&json, "j", &written).await.unwrap();
    assert_eq!(back.value.to_string(), "Struct{choice=Struct{connect_union_field_1=hi},color=GREEN}");
}

#[tokio::test]
async fn a_union_of_one_branch_is_read_as_the_branch() {
    let registry = Arc::new(MemoryRegistry::new());
    let flat = ("flatten.singleton.unions", "true");
    let schema = r#"{"type":"record","name":"R","fields":[{"name":"a","type":["int"]}]}"#;
    let bytes = message(&registry, SchemaType::Avro, schema, &[0, 14]);
    for (settings, expected) in [(&[flat][..], "Struct{a=7}"), (&[], "Struct{a=Struct{int=7}}")] {
        let back = read(&avro(&registry, settings), "t", &bytes).await.unwrap();
        assert_eq!(back.value.to_string(), expected);
    }
    let wrong = message(&registry, SchemaType::Avro, schema, &[2, 14]);
    assert!(read(&avro(&registry, &[flat]), "t", &wrong).await.is_err());

    let registry = Arc::new(MemoryRegistry::new());
    let bytes = message(&registry, SchemaType::Json, r#"{"oneOf":[{"type":"string"}]}"#, br#""x""#);
    let back = read(&json(&registry, &[flat]), "t", &bytes).await.unwrap();
    assert_eq!(back.value, Value::from("x"));
}

/// Writes as the runtime does, with headers.
async fn write_with_headers(converter: &dyn Converter, data: &SchemaAndValue) -> (RawHeaders, Bytes) {
    loop {
        let (mut headers, mut out) = (RawHeaders::new(), BytesMut::new());
        match converter.from_connect_data("t", &mut headers, data, &mut out) {
            Err(error) if error.kind() == ErrorKind::Unresolved => converter.resolve(error).await.unwrap(),
            other => {
                assert_eq!(other.unwrap(), Encoded::Appended);
                return (headers, out.freeze());
            }
        }
    }
}

#[tokio::test]
async fn the_id_of_a_schema_is_written_to_a_header_as_a_guid_and_found_there() {
    let schema = Schema::structure().name("R").field("a", Schema::INT32).build().unwrap();
    let data = SchemaAndValue::from(Struct::new(schema).unwrap().with("a", 7).unwrap());
    let settings = [("value.schema.id.serializer", "HeaderSchemaIdSerializer")];
    let registries: [Arc<MemoryRegistry>; 3] = std::array::from_fn(|_| Arc::new(MemoryRegistry::new()));
    let converters: [(Box<dyn Converter>, usize, &[u8]); 3] = [
        (Box::new(avro(&registries[0], &settings)), 17, &[14]),
        // The index of the message stands behind the GUID.
        (Box::new(protobuf(&registries[1], &settings)), 18, &[8, 7]),
        (Box::new(json(&registries[2], &settings)), 17, br#"{"a":7}"#),
    ];
    for (converter, length, payload) in &converters {
        let (headers, bytes) = write_with_headers(&**converter, &data).await;
        assert_eq!(&bytes[..], *payload, "nothing stands in front of the data");
        let header = headers.last("__value_schema_id").unwrap().unwrap();
        assert_eq!((header[0], header.len()), (1, *length));
        let back = loop {
            match converter.to_connect_data("t", &headers, Some(&bytes)) {
                Err(error) if error.kind() == ErrorKind::Unresolved => {
                    converter.resolve(error).await.unwrap();
                }
                other => break other.unwrap(),
            }
        };
        assert_eq!(back.value.to_string(), "Struct{a=7}");
    }
    // A reader that looks in front of the data only takes the data for an id.
    let (headers, bytes) = write_with_headers(&*converters[0].0, &data).await;
    let settings = [("value.schema.id.deserializer", "PrefixSchemaIdDeserializer")];
    let error = avro(&registries[0], &settings).to_connect_data("t", &headers, Some(&bytes)).unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Unresolved);
    let config = AvroConverterConfig::parse(&properties(&[("value.schema.id.serializer", "Other")]));
    assert!(config.unwrap_err().to_string().contains("value.schema.id.serializer"));
}

#[tokio::test]
async fn decimals_as_json_numbers_keep_all_digits() {
    let registry = Arc::new(MemoryRegistry::new());
    let converter = json(&registry, &[("decimal.format", "NUMERIC")]);
    let decimal: Decimal = "123456789012345678901234567890.12345678901234567890".parse().unwrap();
    let schema = Schema::structure().field("d", Schema::decimal(20)).build().unwrap();
    let data = SchemaAndValue::from(Struct::new(schema).unwrap().with("d", decimal).unwrap());
    let bytes = write(&converter, "t", &data).await.unwrap().unwrap();
    assert_eq!(&bytes[5..], br#"{"d":123456789012345678901234567890.12345678901234567890}"#);
    let back = read(&converter, "t", &bytes).await.unwrap();
    assert_eq!(back.value.to_string(), data.value.to_string());
}

#[tokio::test]
async fn a_struct_that_contains_itself_goes_through_json_schema() {
    for settings in
        [&[][..], &[("json.fail.invalid.schema", "true")], &[("use.optional.for.nonrequired", "true")]]
    {
        let registry = Arc::new(MemoryRegistry::new());
        let converter = json(&registry, settings);
        let node = EnclosingStruct::new();
        let next = node.named("Node").optional().build().unwrap();
        let list = Schema::array(node.named("Node").build().unwrap());
        let fields = Schema::structure()
            .name("Node")
            .field("value", Schema::INT32)
            .field("next", next.clone())
            .field("a list/of", list.clone());
        let node = node.complete(fields).unwrap();
        let schema = Schema::structure().name("Outer").field("first", node.clone()).build().unwrap();
        let make = |schema: &Schema, value: i32, next: Value, others: Vec<Value>| {
            Value::from(
                Struct::from_values(schema.clone(), vec![value.into(), next, Value::from(others)]).unwrap(),
            )
        };
        let element = list.value_schema().unwrap().unwrap();
        let last = make(&next, 2, Value::Null, vec![]);
        let other = make(element, 3, Value::Null, vec![]);
        let first = make(&node, 1, last, vec![other]);
        let data = SchemaAndValue::from(Struct::from_values(schema, vec![first]).unwrap());

        let bytes = write(&converter, "t", &data).await.unwrap().unwrap();
        let back = read(&converter, "t", &bytes).await.unwrap();
        assert_eq!(back.value.to_string(), data.value.to_string(), "{settings:?}");
        let text = registry.by_version("t-value", Version::Latest, false).await.unwrap().schema.text;
        assert!(text.contains("\"$ref\":\"#/properties/first\""), "{text}");
    }
}

#[tokio::test]
async fn a_json_schema_of_others_may_refer_to_itself() {
    let tree = r##"{"$ref":"#/definitions/tree","definitions":{"tree":{"type":"object","properties":{
        "name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#/definitions/tree"}}}}}}"##;
    let registry = Arc::new(MemoryRegistry::new());
    let data = br#"{"name":"a","children":[{"name":"b","children":[]}]}"#;
    let bytes = message(&registry, SchemaType::Json, tree, data);
    let converter = json(&registry, &[("use.optional.for.nonrequired", "true")]);
    let back = read(&converter, "t", &bytes).await.unwrap();
    assert_eq!(back.value.to_string(), "Struct{name=a,children=[Struct{name=b,children=[]}]}");
    assert_eq!(back.schema.unwrap().name(), Some("tree"), "named after the definition, for want of a title");
    // A circle without an object between has no end.
    let circle = r##"{"$ref":"#/definitions/a","definitions":{"a":{"$ref":"#/definitions/a"}}}"##;
    let bytes = message(&registry, SchemaType::Json, circle, b"1");
    assert!(read(&converter, "t", &bytes).await.is_err());
}
