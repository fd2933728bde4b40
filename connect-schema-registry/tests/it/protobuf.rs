//! The Protobuf converter from the outside.

use std::sync::Arc;

use connect_api::data::{Array, Date, Decimal, EnclosingStruct, Map, SchemaBuilder, Type};
use connect_api::{Bytes, Config, ConverterType, Properties, Schema, SchemaAndValue, Struct, Value};
use connect_schema_registry::protobuf::{ProtobufConverter, ProtobufConverterConfig};
use connect_schema_registry::registry::{
    Compatibility, MemoryRegistry, RegistrySchema, SchemaReference, SchemaRegistry, SchemaType, Version,
};

use crate::support::{read, write};

const TAG: &str = "io.confluent.connect.protobuf.Tag";

fn converter(registry: &Arc<MemoryRegistry>, settings: &[(&str, &str)]) -> ProtobufConverter {
    let mut properties = Properties::from([("schema.registry.url", "mock://test")]);
    for (key, value) in settings {
        properties.insert(*key, *value);
    }
    let config = ProtobufConverterConfig::parse(&properties).unwrap();
    let registry: Arc<MemoryRegistry> = Arc::clone(registry);
    ProtobufConverter::new(config, ConverterType::Value, registry)
}

/// A struct with everything that a message can hold.
fn order() -> SchemaAndValue {
    let line = Schema::structure().name("Line").field("sku", Schema::STRING).build().unwrap();
    let color = Schema::builder(Type::String)
        .name("Color")
        .parameter("io.confluent.connect.protobuf.Enum", "Color")
        .parameter("io.confluent.connect.protobuf.Enum.RED", "0")
        .parameter("io.confluent.connect.protobuf.Enum.BLUE", "1")
        .build()
        .unwrap();
    let member = |ty, tag: &str| Schema::builder(ty).optional().parameter(TAG, tag).build().unwrap();
    let choice = Schema::structure()
        .name("io.confluent.connect.protobuf.Union.pay")
        .optional()
        .field("cash", member(Type::Boolean, "20"))
        .field("card", member(Type::String, "21"))
        .build()
        .unwrap();
    let schema = Schema::structure()
        .name("shop.Order")
        .field("pay_0", choice.clone())
        .field("small", Schema::INT8)
        .field("id", Schema::INT64)
        .field("price", Schema::decimal(2))
        .field("day", Schema::date())
        .field("lines", Schema::array(line.clone()))
        .field("counts", Schema::map(Schema::STRING, Schema::INT32))
        .field("color", color)
        .field("raw", Schema::BYTES)
        .build()
        .unwrap();
    let paid = Struct::new(choice).unwrap().with("card", "visa").unwrap();
    let line = Struct::new(line).unwrap().with("sku", "a1").unwrap();
    let values = vec![
        paid.into(),
        Value::Int8(-5),
        Value::from(7_i64),
        Value::from(Decimal::new(12_345, 2)),
        Value::from(Date(86_400_000)),
        Value::from(Array::from(vec![Value::from(line)])),
        Value::from(Map::from([("x", Value::from(3))])),
        Value::from("BLUE"),
        Value::from(vec![0_u8, 255]),
    ];
    SchemaAndValue::from(Struct::from_values(schema, values).unwrap())
}

#[tokio::test]
async fn everything_that_a_message_holds_comes_back() {
    let registry = Arc::new(MemoryRegistry::new());
    let converter = converter(&registry, &[]);
    let bytes = write(&converter, "orders", &order()).await.unwrap().unwrap();
    let back = read(&converter, "orders", &bytes).await.unwrap();
    let back = back.value.as_struct().unwrap();
    assert_eq!(
        back.to_string(),
        "Struct{pay_0=Struct{card=visa},small=-5,id=7,price=123.45,day=Fri Jan 02 00:00:00 UTC 1970,lines=[Struct{sku=\
         a1}],counts={x=3},color=BLUE,raw=AP8=}"
    );
    assert_eq!((back.schema().name(), back.schema().version()), (Some("Order"), Some(1)));
    let kept = registry.by_version("orders-value", Version::Latest, false).await.unwrap();
    assert!(kept.schema.text.contains("oneof pay { bool cash = 20 [deprecated = false]; string card = 21"));
}

#[tokio::test]
async fn a_schema_is_asked_for_once() {
    let registry = Arc::new(MemoryRegistry::new());
    let converter = converter(&registry, &[]);
    let bytes = write(&converter, "orders", &order()).await.unwrap().unwrap();
    read(&converter, "orders", &bytes).await.unwrap();
    registry.take_requests();
    for _ in 0..3 {
        assert_eq!(write(&converter, "orders", &order()).await.unwrap().unwrap(), bytes);
        read(&converter, "orders", &bytes).await.unwrap();
    }
    assert_eq!(registry.take_requests(), []);
}

#[tokio::test]
async fn a_tree_is_written_and_read_as_deep_as_java_allows() {
    let node = EnclosingStruct::new();
    let kids = Schema::array(node.named("Node").optional().build().unwrap());
    let schema = node
        .complete(Schema::structure().name("Node").field("v", Schema::INT32).field("kids", kids))
        .unwrap();
    let inner = schema.field("kids").unwrap().unwrap().schema().value_schema().unwrap().unwrap().clone();
    let tree = |depth: i32| {
        let mut below = Value::from(Array::new());
        for level in (1..depth).rev() {
            let level = Struct::from_values(inner.clone(), vec![Value::from(level), below]).unwrap();
            below = Value::from(Array::from(vec![Value::from(level)]));
        }
        SchemaAndValue::from(Struct::from_values(schema.clone(), vec![Value::from(0), below]).unwrap())
    };
    let registry = Arc::new(MemoryRegistry::new());
    let converter = converter(&registry, &[]);
    let bytes = write(&converter, "trees", &tree(101)).await.unwrap().unwrap();
    let back = read(&converter, "trees", &bytes).await.unwrap();
    assert_eq!(back.value.to_string(), tree(101).value.to_string());
    assert!(write(&converter, "trees", &tree(102)).await.is_err());
}

#[tokio::test]
async fn hostile_data_is_an_error_and_costs_little() {
    let registry = Arc::new(MemoryRegistry::new());
    let text = "syntax = \"proto3\"; message N { N n = 1; repeated int32 p = 2; string s = 3; map<string, N> m = 4; }";
    let schema = RegistrySchema::new(SchemaType::Protobuf, text);
    registry.register("t-value", &schema, false).await.unwrap();
    let converter = converter(&registry, &[]);
    let framed = |payload: &[u8]| Bytes::from([&[0, 0, 0, 0, 1][..], payload].concat());
    let deep: Vec<u8> = (0..200).fold(Vec::new(), |inner, _| {
        let mut outer = vec![0x0a];
        let mut length = inner.len();
        while length >= 0x80 {
            outer.push(length as u8 | 0x80);
            length >>= 7;
        }
        outer.push(length as u8);
        outer.extend(inner);
        outer
    });
    for payload in [
        &[][..],
        &[1],
        &[2, 8],
        &[0xfe, 0xff, 0xff, 0xff, 0x0f],
        &[0, 0x12, 0xff, 0xff, 0xff, 0xff, 0x07],
        &[0, 0x1a, 0x02, 0xff],
        &[0, 0x1a, 0x01, 0xff],
        &[0, 0x0b],
        &[0, 0x07],
        &[&[0][..], &deep].concat(),
    ] {
        let error = read(&converter, "t", &framed(payload)).await.unwrap_err();
        assert!(
            error.to_string().starts_with("Failed to deserialize data for topic t to Protobuf: "),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_schema_is_read_with_the_files_that_it_imports() {
    let registry = Arc::new(MemoryRegistry::new());
    let address = "syntax = \"proto3\"; package p; message Address { string street = 1; }";
    registry.register("address", &RegistrySchema::new(SchemaType::Protobuf, address), false).await.unwrap();
    let reference =
        SchemaReference { name: "address.proto".to_owned(), subject: "address".to_owned(), version: 1 };
    let text = "syntax = \"proto3\"; import \"address.proto\"; message C { p.Address a = 1; }";
    let schema = RegistrySchema::new(SchemaType::Protobuf, text).with_references(vec![reference]);
    let id = registry.register("t-value", &schema, false).await.unwrap();
    let converter = converter(&registry, &[("enhanced.protobuf.schema.support", "true")]);
    let mut message = vec![0, 0, 0, 0, id as u8, 0];
    message.extend([0x0a, 3, 0x0a, 1, b'x']);
    let back = read(&converter, "t", &Bytes::from(message)).await.unwrap();
    assert_eq!(back.value.to_string(), "Struct{a=Struct{street=x}}");
    let address = back.schema.unwrap().field("a").unwrap().unwrap().schema().clone();
    assert_eq!(address.name(), Some("p.Address"));
}

#[tokio::test]
async fn null_survives_where_the_settings_say_so() {
    let schema = Schema::structure().name("R").field("a", Schema::OPTIONAL_INT32).build().unwrap();
    let data = SchemaAndValue::from(Struct::new(schema).unwrap());
    for (settings, expected) in [
        (&[][..], "Struct{a=0}"),
        (&[("optional.for.nullables", "true")], "Struct{}"),
        (&[("wrapper.for.nullables", "true")], "Struct{}"),
    ] {
        let registry = Arc::new(MemoryRegistry::new());
        let converter = converter(&registry, settings);
        let bytes = write(&converter, "t", &data).await.unwrap().unwrap();
        let back = read(&converter, "t", &bytes).await.unwrap();
        assert_eq!(back.value.to_string(), expected, "{settings:?}");
    }
}

#[tokio::test]
async fn the_keys_of_newer_releases_change_how_messages_are_read() {
    let text = "syntax = \"proto3\"; message M { oneof o { int32 a = 1; string b = 2; } E e = 3; In i = 4; \
                enum E { Z = 0; Y = 1; } message In { int32 x = 1; } }";
    let registry = Arc::new(MemoryRegistry::new());
    let schema = RegistrySchema::new(SchemaType::Protobuf, text);
    registry.register("t-value", &schema, false).await.unwrap();
    let message = Bytes::from_static(&[0, 0, 0, 0, 1, 0, 0x12, 1, b'q', 0x18, 1]);
    for (settings, expected) in [
        (&[][..], "Struct{o_0=Struct{b=q},e=Y}"),
        (&[("generate.index.for.unions", "false")], "Struct{o=Struct{b=q},e=Y}"),
        (&[("flatten.unions", "true")], "Struct{b=q,e=Y}"),
        (&[("int.for.enums", "true")], "Struct{o_0=Struct{b=q},e=1}"),
        (&[("generate.struct.for.nulls", "true")], "Struct{o_0=Struct{b=q},e=Y,i=Struct{x=0}}"),
    ] {
        let converter = converter(&registry, settings);
        let back = read(&converter, "t", &message).await.unwrap();
        assert_eq!(back.value.to_string(), expected, "{settings:?}");
    }
}

#[tokio::test]
async fn a_default_is_written_for_null_unless_it_is_to_be_ignored() {
    let field = Schema::builder(Type::Int32).optional().default_value(5).build().unwrap();
    let schema = Schema::structure().name("R").field("a", field).build().unwrap();
    let data = SchemaAndValue::from(Struct::new(schema).unwrap());
    for (ignore, payload) in [("false", &[0, 8, 5][..]), ("true", &[0])] {
        let registry = Arc::new(MemoryRegistry::new());
        let converter = converter(&registry, &[("ignore.default.for.nullables", ignore)]);
        let bytes = write(&converter, "t", &data).await.unwrap().unwrap();
        assert_eq!(&bytes[5..], payload);
    }
}

#[tokio::test]
async fn an_incompatible_schema_is_refused_with_the_registrys_message() {
    let registry = Arc::new(MemoryRegistry::new());
    registry.set_compatibility(Compatibility::Backward);
    let old = "syntax = \"proto3\"; package shop; message Order { string id = 2; }";
    registry.register("t-value", &RegistrySchema::new(SchemaType::Protobuf, old), false).await.unwrap();
    let schema = Schema::structure().name("shop.Order");
    let tagged = Schema::builder(Type::Int64).parameter(TAG, "2").build().unwrap();
    let schema = schema.field("id", tagged).build().unwrap();
    let data = SchemaAndValue::from(Struct::new(schema).unwrap().with("id", 1_i64).unwrap());
    let error = write(&converter(&registry, &[]), "t", &data).await.unwrap_err();
    assert!(error.to_string().contains("incompatible with an earlier schema"), "{error}");
    assert!(!error.is_retriable());
    let latest = &[("auto.register.schemas", "false"), ("use.latest.version", "true")];
    let error = write(&converter(&registry, latest), "t", &data).await.unwrap_err();
    assert!(error.to_string().contains("Set latest.compatibility.strict=false"), "{error}");
    let lenient = &[latest[0], latest[1], ("latest.compatibility.strict", "false")];
    assert!(write(&converter(&registry, lenient), "t", &data).await.is_ok());
}

#[tokio::test]
async fn the_index_is_that_of_the_message_in_the_registrys_schema() {
    let registry = Arc::new(MemoryRegistry::new());
    let text = "syntax = \"proto3\"; package shop; message Other { } message Order { int64 id = 1; }";
    registry.register("t-value", &RegistrySchema::new(SchemaType::Protobuf, text), false).await.unwrap();
    let schema = Schema::structure().name("shop.Order").field("id", Schema::INT64).build().unwrap();
    let data = SchemaAndValue::from(Struct::new(schema).unwrap().with("id", 1_i64).unwrap());
    let latest = &[("auto.register.schemas", "false"), ("use.latest.version", "true")];
    let bytes = write(&converter(&registry, latest), "t", &data).await.unwrap().unwrap();
    assert_eq!(&bytes[..], [0, 0, 0, 0, 1, 2, 2, 8, 1]);
}

#[tokio::test]
async fn common_files_are_registered_when_they_are_not_to_be_skipped() {
    let registry = Arc::new(MemoryRegistry::new());
    let converter = converter(
        &registry,
        &[
            ("skip.known.types", "false"),
            ("reference.subject.name.strategy", "QualifiedReferenceSubjectNameStrategy"),
        ],
    );
    let schema = Schema::structure().name("R").field("d", Schema::date()).build().unwrap();
    let data = SchemaAndValue::from(Struct::new(schema).unwrap().with("d", Date(0)).unwrap());
    let bytes = write(&converter, "t", &data).await.unwrap().unwrap();
    let kept = registry.by_version("t-value", Version::Latest, false).await.unwrap();
    let expected = SchemaReference {
        name: "google/type/date.proto".to_owned(),
        subject: "google.type.date".to_owned(),
        version: 1,
    };
    assert_eq!(kept.schema.references, [expected]);
    assert_eq!(
        read(&converter, "t", &bytes).await.unwrap().value.as_struct().unwrap().get_date("d").unwrap(),
        Some(Date(0))
    );
}

#[tokio::test]
async fn what_protobuf_cannot_hold_is_refused_with_its_place() {
    let of = |field: Schema| Schema::structure().name("R").field("a", field).build().unwrap();
    let text = |name: &str| Schema::builder(Type::String).name(name);
    let enumeration = "io.confluent.connect.protobuf.Enum";
    for (schema, message) in [
        (Schema::array(Schema::INT32), "Unsupported root schema of type ARRAY"),
        (Schema::timestamp(), "cannot be a message by itself"),
        (of(Schema::array(Schema::array(Schema::INT32))), "Array cannot be nested: a"),
        (of(SchemaBuilder::new(Type::Int32).parameter(TAG, "x").build().unwrap()), "For input string: \"x\""),
        (
            of(SchemaBuilder::new(Type::Int32).parameter(TAG, "0").build().unwrap()),
            "R.a: Field numbers must be positive",
        ),
        (of(text("N").parameter(enumeration, "M").build().unwrap()), "R.a: \"M\" is not defined"),
        (
            Schema::structure().name("R").field("a-b", Schema::INT8).build().unwrap(),
            "\"a-b\" is not a valid identifier",
        ),
        (Schema::structure().name(".R").build().unwrap(), "\".R\" begins with a dot"),
    ] {
        let value = match schema.ty() {
            Type::Struct => Value::from(Struct::new(schema.clone()).unwrap()),
            Type::Array => Value::from(Array::new()),
            _ => Value::from(Date(0)),
        };
        let converter = converter(&Arc::new(MemoryRegistry::new()), &[]);
        let error = write(&converter, "t", &SchemaAndValue::new(schema, value)).await.unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    let converter = converter(&Arc::new(MemoryRegistry::new()), &[]);
    let error = write(&converter, "t", &SchemaAndValue::schemaless(Value::from(1))).await.unwrap_err();
    assert!(error.to_string().contains("needs a schema"), "{error}");
}
