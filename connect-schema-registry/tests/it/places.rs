//! The registries that the same cases run against: the strict one in memory, behind HTTP, and a real one where one runs,
//! whose URL is in `SCHEMA_REGISTRY_URL`: for Apicurio, which `cargo xtask registry` starts,
//! `http://HOST:PORT/apis/ccompat/v7`.

use connect_api::{Config, Converter, ConverterType, Properties};
use connect_schema_registry::avro::{AvroConverter, AvroConverterConfig};
use connect_schema_registry::config::SerdeConfig;
use connect_schema_registry::json_schema::{JsonSchemaConverter, JsonSchemaConverterConfig};
use connect_schema_registry::protobuf::{ProtobufConverter, ProtobufConverterConfig};
use connect_schema_registry::registry::{
    Compatibility, HttpRegistry, RegistrySchema, SchemaReference, SchemaRegistry, SchemaType, connect,
};

use crate::server::{self, Server};

/// A registry to test against.
pub(crate) struct Place {
    pub(crate) url: String,
    /// The strict one, if this is it.
    pub(crate) strict: Option<Server>,
}

/// All of them.
pub(crate) async fn places() -> Vec<Place> {
    let strict = server::serve().await;
    let mut places = vec![Place { url: strict.url.clone(), strict: Some(strict) }];
    match std::env::var("SCHEMA_REGISTRY_URL") {
        Ok(url) => places.push(Place { url, strict: None }),
        Err(_) => eprintln!("without a real registry: SCHEMA_REGISTRY_URL names none"),
    }
    places
}

/// A name that no earlier run used.
pub(crate) fn fresh(what: &str) -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("{what}-{now}")
}

impl Place {
    pub(crate) fn registry(&self) -> HttpRegistry {
        HttpRegistry::new(&SerdeConfig::of_url(&self.url).unwrap()).unwrap()
    }

    /// A converter for values.
    pub(crate) fn converter(&self, ty: SchemaType, settings: &[(&str, &str)]) -> Box<dyn Converter> {
        let mut properties = Properties::from([("schema.registry.url", self.url.as_str())]);
        for (key, value) in settings {
            properties.insert(*key, *value);
        }
        let registry = connect(&SerdeConfig::parse(&properties).unwrap()).unwrap();
        let half = ConverterType::Value;
        match ty {
            SchemaType::Avro => {
                let config = AvroConverterConfig::parse(&properties).unwrap();
                Box::new(AvroConverter::new(config, half, registry))
            }
            SchemaType::Protobuf => {
                let config = ProtobufConverterConfig::parse(&properties).unwrap();
                Box::new(ProtobufConverter::new(config, half, registry))
            }
            SchemaType::Json => {
                let config = JsonSchemaConverterConfig::parse(&properties).unwrap();
                Box::new(JsonSchemaConverter::new(config, half, registry))
            }
        }
    }

    /// Puts a schema under a subject and answers its id.
    pub(crate) async fn register(&self, subject: &str, ty: SchemaType, text: &str) -> i32 {
        self.registry().register(subject, &RegistrySchema::new(ty, text), false).await.unwrap()
    }

    /// The same with one reference to version 1 of another subject.
    pub(crate) async fn refer(&self, subject: &str, ty: SchemaType, text: &str, name: &str, to: &str) -> i32 {
        let reference = SchemaReference { name: name.to_owned(), subject: to.to_owned(), version: 1 };
        let schema = RegistrySchema::new(ty, text).with_references(vec![reference]);
        self.registry().register(subject, &schema, false).await.unwrap()
    }

    /// Has the registry demand that new schemas of the subject read what was written with the last one, or nothing.
    /// Where that needs a first schema to be there, it is.
    pub(crate) async fn demand(&self, subject: &str, backward: bool) {
        if let Some(strict) = &self.strict {
            let level = if backward { Compatibility::Backward } else { Compatibility::None };
            return strict.registry.set_subject_compatibility(subject, level);
        }
        let level = if backward { "BACKWARD" } else { "NONE" };
        let provider = rustls::crypto::ring::default_provider();
        let _ = provider.install_default();
        let answer = reqwest::Client::new()
            .put(format!("{}/config/{subject}", self.url))
            .header("Content-Type", "application/json")
            .body(format!(r#"{{"compatibility":"{level}"}}"#))
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}
