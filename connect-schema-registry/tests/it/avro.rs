//! The Avro converter against the strict registry in memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use connect_api::data::Type;
use connect_api::{Config, ConverterType, Properties, Schema, SchemaAndValue, Struct, Value};
use connect_schema_registry::avro::{AvroConverter, AvroConverterConfig};
use connect_schema_registry::registry::{
    Compatibility, MemoryRegistry, RegistryError, RegistrySchema, SchemaReference, SchemaRegistry, SchemaType,
};

use crate::support::{read, write};

fn converter(registry: &Arc<MemoryRegistry>, config: &[(&str, &str)]) -> AvroConverter {
    let mut properties = Properties::from([("schema.registry.url", "mock://test")]);
    for (key, value) in config {
        properties.insert(*key, *value);
    }
    let config = AvroConverterConfig::parse(&properties).unwrap();
    AvroConverter::new(config, ConverterType::Value, Arc::clone(registry) as Arc<dyn SchemaRegistry>)
}

fn person(fields: &[(&str, Schema, Value)]) -> SchemaAndValue {
    let mut builder = Schema::structure().name("com.acme.Person");
    for (name, schema, _) in fields {
        builder = builder.field(*name, schema.clone());
    }
    let values = fields.iter().map(|(_, _, value)| value.clone()).collect();
    SchemaAndValue::from(Struct::from_values(builder.build().unwrap(), values).unwrap())
}

fn avro(text: &str) -> RegistrySchema {
    RegistrySchema::new(SchemaType::Avro, text)
}

fn framed(id: i32, payload: &[u8]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_i32(id);
    bytes.extend_from_slice(payload);
    bytes.freeze()
}

#[tokio::test]
async fn a_schema_is_asked_for_once_and_a_hit_awaits_nothing() {
    let registry = Arc::new(MemoryRegistry::new());
    let converter = converter(&registry, &[]);
    let data = person(&[("id", Schema::INT64, Value::from(7_i64))]);
    let bytes = write(&converter, "people", &data).await.unwrap().unwrap();
    assert_eq!(bytes[..], [0, 0, 0, 0, 1, 14]);
    let back = read(&converter, "people", &bytes).await.unwrap();
    assert_eq!(back.value.to_string(), "Struct{id=7}");
    assert_eq!(back.schema.unwrap().version(), Some(1));
    registry.take_requests();
    for _ in 0..10 {
        assert_eq!(write(&converter, "people", &data).await.unwrap().unwrap(), bytes);
        read(&converter, "people", &bytes).await.unwrap();
    }
    assert_eq!(registry.take_requests(), []);
}

#[tokio::test]
async fn an_incompatible_schema_is_a_data_error_with_the_registrys_message() {
    let registry = Arc::new(MemoryRegistry::new());
    let converter = converter(&registry, &[]);
    write(&converter, "people", &person(&[("id", Schema::INT64, Value::from(7_i64))])).await.unwrap();
    let changed = person(&[("name", Schema::STRING, Value::from("Ada"))]);
    let error = write(&converter, "people", &changed).await.unwrap_err();
    assert!(!error.is_retriable());
    let trace = error.trace();
    assert!(trace.contains("Failed to serialize Avro data from topic people :"), "{trace}");
    assert!(trace.contains("incompatible with an earlier schema for subject \"people-value\""), "{trace}");
    assert!(trace.contains("error code: 409"), "{trace}");
    registry.set_compatibility(Compatibility::None);
    assert!(write(&converter, "people", &changed).await.is_ok(), "the refusal is not kept");
}

#[tokio::test]
async fn a_registry_that_is_down_is_a_retriable_error_and_leaves_nothing_behind() {
    let registry = Arc::new(MemoryRegistry::new());
    let converter = converter(&registry, &[]);
    let data = person(&[("id", Schema::INT64, Value::from(7_i64))]);
    registry.set_outage(Some(RegistryError::unreachable("down", "connection refused")));
    assert!(write(&converter, "people", &data).await.unwrap_err().is_retriable());
    let bytes = framed(1, &[2]);
    assert!(read(&converter, "people", &bytes).await.unwrap_err().is_retriable());
    registry.set_outage(None);
    assert!(write(&converter, "people", &data).await.is_ok());
    assert!(read(&converter, "people", &bytes).await.is_ok());
}

#[tokio::test]
async fn a_value_that_does_not_fit_registers_nothing() {
    let registry = Arc::new(MemoryRegistry::new());
    let converter = converter(&registry, &[]);
    let wrong = SchemaAndValue::new(Schema::INT32, "text");
    let error = write(&converter, "t", &wrong).await.unwrap_err();
    assert_eq!(error.message(), "Invalid type for INT32: class java.lang.String");
    assert_eq!(registry.take_requests(), []);
}

#[tokio::test(start_paused = true)]
async fn the_latest_schema_is_asked_for_again_after_its_time() {
    let registry = Arc::new(MemoryRegistry::new());
    let config =
        [("auto.register.schemas", "false"), ("use.latest.version", "true"), ("latest.cache.ttl.sec", "60")];
    let converter = converter(&registry, &config);
    let record = |fields: &str| {
        avro(&format!(r#"{{"type":"record","name":"Person","namespace":"com.acme","fields":[{fields}]}}"#))
    };
    registry.import("people-value", 0, &record(r#"{"name":"id","type":"int"}"#)).unwrap();
    let data = person(&[("id", Schema::INT32, Value::from(7))]);
    let id = async || write(&converter, "people", &data).await.unwrap().unwrap()[4];
    assert_eq!(id().await, 1);
    registry.import("people-value", 0, &record(r#"{"name":"id","type":"long"}"#)).unwrap();
    assert_eq!(id().await, 1);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(id().await, 2);
}

/// The cases in which a library for registries finds the wrong type or none.
#[tokio::test]
async fn references_are_found_by_their_full_names() {
    let registry = Arc::new(MemoryRegistry::new());
    let address = r#"{"type":"record","name":"Address","namespace":"com.foo","fields":[{"name":"city","type":"string"}]}"#;
    registry.import("address", 0, &avro(address)).unwrap();
    let reference = SchemaReference { name: "com.foo.Address".into(), subject: "address".into(), version: 1 };
    // By its full name from another namespace, twice, and beside a field that is called like the type.
    let order = r#"{"type":"record","name":"Order","namespace":"com.bar","fields":[
        {"name":"ship","type":"com.foo.Address"},
        {"name":"bill","type":["null","com.foo.Address"],"default":null},
        {"name":"Address","type":"string"}]}"#;
    let id = registry.import("orders-value", 0, &avro(order).with_references(vec![reference])).unwrap();
    let converter = converter(&registry, &[]);
    let bytes = framed(id, &[2, b'A', 2, 2, b'B', 2, b'C']);
    let data = read(&converter, "orders", &bytes).await.unwrap();
    assert_eq!(data.value.to_string(), "Struct{ship=Struct{city=A},bill=Struct{city=B},Address=C}");
    assert_eq!(data.schema.unwrap().name(), Some("com.bar.Order"));
}

#[tokio::test]
async fn hostile_messages_end_in_errors() {
    let registry = Arc::new(MemoryRegistry::new());
    registry.set_compatibility(Compatibility::None);
    let mut ids = Vec::new();
    for text in [
        r#"{"type":"array","items":"null"}"#,
        r#"{"type":"array","items":"long"}"#,
        r#"{"type":"map","values":"string"}"#,
        r#""string""#,
        r#"{"type":"enum","name":"E","symbols":["A"]}"#,
    ] {
        ids.push(registry.import("t-value", 0, &avro(text)).unwrap());
    }
    let converter = converter(&registry, &[]);
    let most = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    for id in ids {
        for payload in [&most[..], &[0xff; 11], &[1, 2, 3], &[1, 0], &[]] {
            assert!(read(&converter, "t", &framed(id, payload)).await.is_err(), "{id} {payload:?}");
        }
    }
}

#[tokio::test]
async fn a_default_that_is_no_list_or_map_is_none_as_for_java() {
    for (ty, default, kept) in [
        (r#""type": "map", "values": "string""#, "[]", false),
        (r#""type": "map", "values": "string""#, r#""x""#, false),
        (r#""type": "map", "values": "string""#, r#"{"a": "b"}"#, true),
        (r#""type": "array", "items": "string""#, "{}", false),
        (r#""type": "array", "items": "string""#, r#"["a"]"#, true),
    ] {
        let registry = Arc::new(MemoryRegistry::new());
        let converter = converter(&registry, &[]);
        let schema = avro(&format!(r#"{{{ty}, "connect.default": {default}}}"#));
        let id = registry.import("t-value", 0, &schema).unwrap();
        let read = read(&converter, "t", &framed(id, &[0])).await.unwrap();
        assert_eq!(read.schema.unwrap().default_value().is_some(), kept, "{ty} {default}");
    }
}

#[tokio::test]
async fn a_fixed_takes_what_is_as_long_and_cuts_nothing_off() {
    let converter = converter(&Arc::new(MemoryRegistry::new()), &[]);
    let schema =
        Schema::builder(Type::Bytes).name("p.Hash").parameter("connect.fixed.size", "3").build().unwrap();
    for (bytes, fits) in [("ab", false), ("abc", true), ("abcd", false)] {
        let data = SchemaAndValue::new(schema.clone(), bytes.as_bytes().to_vec());
        match write(&converter, "hashes", &data).await {
            Ok(_) => assert!(fits, "{bytes}"),
            Err(error) => {
                let told = format!("A fixed of 3 bytes cannot hold {} bytes", bytes.len());
                assert!(!fits && format!("{error:?}").contains(&told), "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_id_says_so() {
    let registry = Arc::new(MemoryRegistry::new());
    let error = read(&converter(&registry, &[]), "t", &framed(9, &[2])).await.unwrap_err();
    let trace = error.trace();
    assert!(trace.contains("Error retrieving Avro value schema for id 9"), "{trace}");
    assert!(trace.contains("Schema 9 not found; error code: 40403"), "{trace}");
}
