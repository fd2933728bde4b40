//! What converters do with a registry, against the strict one and a real one alike.

use bytes::{BufMut, Bytes, BytesMut};
use connect_api::{Schema, SchemaAndValue, Struct, Value};
use connect_schema_registry::registry::{RegistrySchema, SchemaRegistry, SchemaType, Version};

use crate::places::{Place, fresh, places};
use crate::support::{read, write};

const LATEST: &[(&str, &str)] = &[("auto.register.schemas", "false"), ("use.latest.version", "true")];

fn person(fields: &[(&str, Schema, Value)]) -> SchemaAndValue {
    let mut builder = Schema::structure().name("com.acme.Person");
    for (name, schema, _) in fields {
        builder = builder.field(*name, schema.clone());
    }
    let values = fields.iter().map(|(_, _, value)| value.clone()).collect();
    SchemaAndValue::from(Struct::from_values(builder.build().unwrap(), values).unwrap())
}

fn id() -> (&'static str, Schema, Value) {
    ("id", Schema::INT64, Value::from(7_i64))
}

fn name() -> (&'static str, Schema, Value) {
    ("name", Schema::OPTIONAL_STRING, Value::from("Ada"))
}

fn framed(id: i32, payload: &[u8]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_i32(id);
    bytes.extend_from_slice(payload);
    bytes.freeze()
}

fn id_of(message: &Bytes) -> i32 {
    i32::from_be_bytes(message[1..5].try_into().unwrap())
}

/// Three versions of a person, the second with a field more than the first, the third with one less.
async fn evolve(place: &Place, ty: SchemaType) {
    let (topic, converter) = (fresh("people"), place.converter(ty, &[]));
    let age = ("age", Schema::OPTIONAL_INT32, Value::from(36));
    let versions = [person(&[id(), name()]), person(&[id(), name(), age]), person(&[id()])];
    let mut messages = Vec::new();
    for (number, version) in versions.iter().enumerate() {
        messages.push(write(&*converter, &topic, version).await.unwrap().unwrap());
        // In the other languages registries do not agree whether a field that goes is a change that BACKWARD takes.
        place.demand(&format!("{topic}-value"), ty == SchemaType::Avro).await;
        let latest =
            place.registry().by_version(&format!("{topic}-value"), Version::Latest, false).await.unwrap();
        assert_eq!(
            (latest.version, latest.id),
            (i32::try_from(number).unwrap() + 1, id_of(messages.last().unwrap()))
        );
    }
    let texts = ["Struct{id=7,name=Ada}", "Struct{id=7,name=Ada,age=36}", "Struct{id=7}"];
    // By the converter that wrote and by one that knows nothing.
    for reader in [&converter, &place.converter(ty, &[])] {
        for (number, (message, text)) in messages.iter().zip(texts).enumerate() {
            let back = read(&**reader, &topic, message).await.unwrap();
            assert_eq!(back.value.to_string(), text);
            assert_eq!(back.schema.unwrap().version(), Some(i32::try_from(number).unwrap() + 1), "{ty}");
        }
    }
    // What is there already keeps its id.
    assert_eq!(write(&*place.converter(ty, &[]), &topic, &versions[1]).await.unwrap().unwrap(), messages[1]);
}

#[tokio::test]
async fn fields_come_and_go_and_every_version_is_read_as_it_was_written() {
    for place in places().await {
        for ty in [SchemaType::Avro, SchemaType::Protobuf, SchemaType::Json] {
            evolve(&place, ty).await;
        }
    }
}

#[tokio::test]
async fn a_renamed_field_needs_an_alias() {
    let record = |field: &str| {
        format!(r#"{{"type":"record","name":"Person","namespace":"com.acme","fields":[{field}]}}"#)
    };
    for place in places().await {
        let topic = fresh("renamed");
        let subject = format!("{topic}-value");
        let first =
            place.register(&subject, SchemaType::Avro, &record(r#"{"name":"name","type":"string"}"#)).await;
        place.demand(&subject, true).await;
        let bare = RegistrySchema::new(SchemaType::Avro, record(r#"{"name":"title","type":"string"}"#));
        let refused = place.registry().register(&subject, &bare, false).await.unwrap_err();
        assert_eq!((refused.status, refused.code, refused.retriable), (409, 409, false), "{}", place.url);
        let alias = record(r#"{"name":"title","type":"string","aliases":["name"]}"#);
        let second = place.register(&subject, SchemaType::Avro, &alias).await;

        let converter = place.converter(SchemaType::Avro, LATEST);
        let titled = person(&[("title", Schema::STRING, Value::from("Ada"))]);
        let message = write(&*converter, &topic, &titled).await.unwrap().unwrap();
        assert_eq!(message, framed(second, b"\x06Ada"));
        for (id, text) in [(first, "Struct{name=Ada}"), (second, "Struct{title=Ada}")] {
            let back = read(&*converter, &topic, &framed(id, b"\x06Ada")).await.unwrap();
            assert_eq!(back.value.to_string(), text);
        }
    }
}

#[tokio::test]
async fn a_number_is_promoted_and_never_narrowed() {
    for place in places().await {
        let of = |schema: Schema, value: Value| person(&[("n", schema, value)]);
        let small = of(Schema::INT32, Value::from(7));
        let large = of(Schema::INT64, Value::from(1_i64 << 40));
        let converter = place.converter(SchemaType::Avro, &[]);
        let topic = fresh("promoted");
        let old = write(&*converter, &topic, &small).await.unwrap().unwrap();
        place.demand(&format!("{topic}-value"), true).await;
        let new = write(&*converter, &topic, &large).await.unwrap().unwrap();
        for (message, text) in [(old, "Struct{n=7}"), (new, "Struct{n=1099511627776}")] {
            assert_eq!(read(&*converter, &topic, &message).await.unwrap().value.to_string(), text);
        }

        let topic = fresh("narrowed");
        write(&*converter, &topic, &large).await.unwrap();
        place.demand(&format!("{topic}-value"), true).await;
        let error = write(&*converter, &topic, &small).await.unwrap_err();
        assert!(!error.is_retriable());
        let trace = error.trace();
        assert!(trace.contains(&format!("Failed to serialize Avro data from topic {topic} :")), "{trace}");
        assert!(trace.contains("error code: 409"), "{trace}");
    }
}

#[tokio::test]
async fn the_latest_schema_is_written_with_when_it_reads_what_the_own_one_writes() {
    for place in places().await {
        let topic = fresh("latest");
        let text = |ty| {
            format!(
                r#"{{"type":"record","name":"Person","namespace":"com.acme","fields":[{{"name":"id","type":"{ty}"}}]}}"#
            )
        };
        place.register(&format!("{topic}-value"), SchemaType::Avro, &text("double")).await;
        place.demand(&format!("{topic}-value"), false).await;
        let latest = place.register(&format!("{topic}-value"), SchemaType::Avro, &text("long")).await;
        let converter = place.converter(SchemaType::Avro, LATEST);
        let small = person(&[("id", Schema::INT32, Value::from(7))]);
        assert_eq!(write(&*converter, &topic, &small).await.unwrap().unwrap(), framed(latest, &[14]));
        let other = person(&[("id", Schema::STRING, Value::from("x"))]);
        let error = write(&*converter, &topic, &other).await.unwrap_err();
        assert!(error.trace().contains("Incompatible schema {"), "{}", error.trace());
    }
}

#[tokio::test]
async fn references_are_followed() {
    for place in places().await {
        let (address, orders) = (fresh("address"), fresh("orders"));
        let subject = format!("{orders}-value");
        let text = r#"{"type":"record","name":"Address","namespace":"com.foo","fields":[{"name":"city","type":"string"}]}"#;
        place.register(&address, SchemaType::Avro, text).await;
        let text = r#"{"type":"record","name":"Order","fields":[{"name":"to","type":"com.foo.Address"}]}"#;
        let id = place.refer(&subject, SchemaType::Avro, text, "com.foo.Address", &address).await;
        assert_eq!(place.registry().by_version(&subject, Version::Latest, false).await.unwrap().id, id);
        let back =
            read(&*place.converter(SchemaType::Avro, &[]), &orders, &framed(id, &[2, b'A'])).await.unwrap();
        assert_eq!(back.value.to_string(), "Struct{to=Struct{city=A}}");

        let (address, orders) = (fresh("address"), fresh("orders"));
        let text = "syntax = \"proto3\"; package p; message Address { string city = 1; }";
        place.register(&address, SchemaType::Protobuf, text).await;
        let text = "syntax = \"proto3\"; import \"address.proto\"; message Order { p.Address to = 1; }";
        let subject = format!("{orders}-value");
        let id = place.refer(&subject, SchemaType::Protobuf, text, "address.proto", &address).await;
        let message = framed(id, &[0, 0x0a, 3, 0x0a, 1, b'A']);
        let back = read(&*place.converter(SchemaType::Protobuf, &[]), &orders, &message).await.unwrap();
        assert_eq!(back.value.to_string(), "Struct{to=Struct{city=A}}");

        let (address, orders) = (fresh("address"), fresh("orders"));
        let text = r#"{"type":"object","title":"Address","properties":{"city":{"type":"string"}}}"#;
        place.register(&address, SchemaType::Json, text).await;
        let text = r#"{"type":"object","title":"Order","properties":{"to":{"$ref":"address.json"}}}"#;
        let subject = format!("{orders}-value");
        let id = place.refer(&subject, SchemaType::Json, text, "address.json", &address).await;
        let message = framed(id, br#"{"to":{"city":"A"}}"#);
        let back = read(&*place.converter(SchemaType::Json, &[]), &orders, &message).await.unwrap();
        assert_eq!(back.value.to_string(), "Struct{to=Struct{city=A}}");
    }
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    for place in places().await {
        let (registry, topic) = (place.registry(), fresh("unknown"));
        let subject = format!("{topic}-value");
        assert_eq!(registry.by_version(&subject, Version::Latest, false).await.unwrap_err().code, 40401);
        place.register(&subject, SchemaType::Avro, "\"int\"").await;
        let unknown = registry.by_id(999_999, None).await.unwrap_err();
        assert_eq!((unknown.code, unknown.retriable), (40403, false));
        assert_eq!(registry.by_version(&subject, Version::Number(7), false).await.unwrap_err().code, 40402);
        let other = RegistrySchema::new(SchemaType::Avro, "\"long\"");
        assert_eq!(registry.lookup(&subject, &other, false, false).await.unwrap_err().code, 40403);
        let invalid = RegistrySchema::new(SchemaType::Avro, r#"{"type":"nonsense"}"#);
        assert_eq!(registry.register(&subject, &invalid, false).await.unwrap_err().code, 42201);
        let error =
            read(&*place.converter(SchemaType::Avro, &[]), &topic, &framed(999_999, &[2])).await.unwrap_err();
        assert!(
            error.trace().contains("Error retrieving Avro value schema for id 999999"),
            "{}",
            error.trace()
        );
        assert!(error.trace().contains("error code: 40403"), "{}", error.trace());
        // A message that was copied from another topic: its schema is not under the subject.
        let elsewhere = place.register(&fresh("elsewhere"), SchemaType::Avro, "\"string\"").await;
        let error = read(&*place.converter(SchemaType::Avro, &[]), &topic, &framed(elsewhere, &[0]))
            .await
            .unwrap_err();
        assert!(error.trace().contains("error code: 40403"), "{}", error.trace());
    }
}
