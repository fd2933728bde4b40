//! The converter against a real registry, where one runs: its URL is in `SCHEMA_REGISTRY_URL`, which is, for Apicurio,
//! `http://HOST:PORT/apis/ccompat/v7`.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use connect_api::{Config, ConverterType, Properties, Schema, SchemaAndValue, Struct, Value};
use connect_schema_registry::avro::{AvroConverter, AvroConverterConfig};
use connect_schema_registry::config::SerdeConfig;
use connect_schema_registry::registry::{
    HttpRegistry, RegistrySchema, SchemaReference, SchemaRegistry, SchemaType, Version,
};

use crate::support::{read, write};

fn url() -> Option<String> {
    let url = std::env::var("SCHEMA_REGISTRY_URL").ok();
    if url.is_none() {
        eprintln!("skipped: there is no registry to test against; SCHEMA_REGISTRY_URL names one");
    }
    url
}

/// A name that no earlier run used.
fn fresh(what: &str) -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("{what}-{now}")
}

fn converter(url: &str) -> AvroConverter {
    let config = AvroConverterConfig::parse(&Properties::from([("schema.registry.url", url)])).unwrap();
    let registry = HttpRegistry::new(&config.serde).unwrap();
    AvroConverter::new(config, ConverterType::Value, Arc::new(registry))
}

fn person(fields: &[(&str, Schema, Value)]) -> SchemaAndValue {
    let mut builder = Schema::structure().name("com.acme.Person");
    for (name, schema, _) in fields {
        builder = builder.field(*name, schema.clone());
    }
    let values = fields.iter().map(|(_, _, value)| value.clone()).collect();
    SchemaAndValue::from(Struct::from_values(builder.build().unwrap(), values).unwrap())
}

#[tokio::test]
async fn a_schema_evolves_and_every_version_is_read_as_it_was_written() {
    let Some(url) = url() else { return };
    let (topic, converter) = (fresh("people"), converter(&url));
    let first = person(&[("id", Schema::INT64, Value::from(7_i64))]);
    let second = person(&[
        ("id", Schema::INT64, Value::from(8_i64)),
        ("name", Schema::OPTIONAL_STRING, Value::from("Ada")),
    ]);
    let old = write(&converter, &topic, &first).await.unwrap().unwrap();
    let new = write(&converter, &topic, &second).await.unwrap().unwrap();
    assert_ne!(old[..5], new[..5]);
    let old = read(&converter, &topic, &old).await.unwrap();
    let new = read(&converter, &topic, &new).await.unwrap();
    assert_eq!(
        (old.value.to_string(), new.value.to_string()),
        ("Struct{id=7}".into(), "Struct{id=8,name=Ada}".into())
    );
    assert_eq!((old.schema.unwrap().version(), new.schema.unwrap().version()), (Some(1), Some(2)));
}

#[tokio::test]
async fn references_unknown_ids_and_subjects_are_as_documented() {
    let Some(url) = url() else { return };
    let registry = HttpRegistry::new(&SerdeConfig::of_url(&url).unwrap()).unwrap();
    let (address, orders) = (fresh("address"), fresh("orders"));
    let text = r#"{"type":"record","name":"Address","namespace":"com.foo","fields":[{"name":"city","type":"string"}]}"#;
    registry.register(&address, &RegistrySchema::new(SchemaType::Avro, text), false).await.unwrap();
    let text = r#"{"type":"record","name":"Order","fields":[{"name":"to","type":"com.foo.Address"}]}"#;
    let reference = SchemaReference { name: "com.foo.Address".into(), subject: address, version: 1 };
    let schema = RegistrySchema::new(SchemaType::Avro, text).with_references(vec![reference]);
    let subject = format!("{orders}-value");
    let id = registry.register(&subject, &schema, false).await.unwrap();
    assert_eq!(registry.by_version(&subject, Version::Latest, false).await.unwrap().id, id);

    let mut message = BytesMut::new();
    message.put_u8(0);
    message.put_i32(id);
    message.extend_from_slice(&[2, b'A']);
    let data = read(&converter(&url), &orders, &message.freeze()).await.unwrap();
    assert_eq!(data.value.to_string(), "Struct{to=Struct{city=A}}");

    let unknown = registry.by_id(999_999, None).await.unwrap_err();
    assert_eq!((unknown.code, unknown.retriable), (40403, false));
    let unknown = registry.by_version(&fresh("no"), Version::Latest, false).await.unwrap_err();
    assert_eq!(unknown.code, 40401);
    let unknown = registry.by_version(&subject, Version::Number(7), false).await.unwrap_err();
    assert_eq!(unknown.code, 40402);
    let other = RegistrySchema::new(SchemaType::Avro, "\"int\"");
    assert_eq!(registry.lookup(&subject, &other, false, false).await.unwrap_err().code, 40403);
    let invalid = RegistrySchema::new(SchemaType::Avro, r#"{"type":"nonsense"}"#);
    assert_eq!(registry.register(&subject, &invalid, false).await.unwrap_err().code, 42201);
}
