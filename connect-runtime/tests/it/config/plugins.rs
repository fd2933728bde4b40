//! Plugins that have Kafka's keys and do nothing.

use std::time::Duration;

use connect_api::config::{ConfigDef, ConfigKey, Importance, NoConfig, Type, Validator, Width};
use connect_api::{
    Bytes, BytesMut, Config, Converter, ConverterType, Encoded, HeaderConverter, Outcome, Plugins, Predicate,
    Properties, RawHeaders, Record, Result, SchemaAndValue, SinkConnector, SinkConnectorContext, SinkRecord,
    SinkTask, SinkTaskContext, SourceConnector, SourceConnectorContext, SourceRecord, SourceTask,
    SourceTaskContext, Transformation, async_trait,
};

pub(super) struct SourceConfig;

impl Config for SourceConfig {
    fn def() -> ConfigDef {
        ConfigDef::new()
            .define(ConfigKey::new("file", Type::String).optional().importance(Importance::High))
            .define(
                ConfigKey::new("topic", Type::String)
                    .importance(Importance::High)
                    .validator(Validator::non_empty_string()),
            )
            .define(ConfigKey::new("batch.size", Type::Int).default("2000").importance(Importance::Low))
    }

    fn parse(_: &Properties) -> Result<Self> {
        Ok(Self)
    }

    fn to_properties(&self) -> Properties {
        Properties::new()
    }
}

struct Source;
struct SourceWork;

#[async_trait]
impl SourceConnector for Source {
    type Config = SourceConfig;
    type Task = SourceWork;

    async fn start(_: SourceConfig, _: SourceConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl SourceTask for SourceWork {
    type Config = NoConfig;

    async fn start(_: NoConfig, _: SourceTaskContext) -> Result<Self> {
        Ok(Self)
    }

    async fn poll(&mut self, _: Duration) -> Result<Vec<SourceRecord>> {
        Ok(Vec::new())
    }
}

struct SinkConfig;

impl Config for SinkConfig {
    fn def() -> ConfigDef {
        ConfigDef::new().define(ConfigKey::new("file", Type::String).optional().importance(Importance::High))
    }

    fn parse(_: &Properties) -> Result<Self> {
        Ok(Self)
    }

    fn to_properties(&self) -> Properties {
        Properties::new()
    }
}

struct Sink;
struct SinkWork;

#[async_trait]
impl SinkConnector for Sink {
    type Config = SinkConfig;
    type Task = SinkWork;

    async fn start(_: SinkConfig, _: SinkConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl SinkTask for SinkWork {
    type Config = NoConfig;

    async fn start(_: NoConfig, _: SinkTaskContext) -> Result<Self> {
        Ok(Self)
    }

    async fn put(&mut self, _: &[SinkRecord]) -> Result<()> {
        Ok(())
    }
}

struct ConverterConfig;

impl Config for ConverterConfig {
    fn def() -> ConfigDef {
        ConfigDef::new()
            .define(
                ConfigKey::new("converter.type", Type::String)
                    .importance(Importance::Low)
                    .validator(Validator::one_of(["key", "value", "header"])),
            )
            .define(
                ConfigKey::new("converter.encoding", Type::String)
                    .default("UTF-8")
                    .importance(Importance::High)
                    .width(Width::Medium)
                    .display_name("Encoding"),
            )
    }

    fn parse(_: &Properties) -> Result<Self> {
        Ok(Self)
    }

    fn to_properties(&self) -> Properties {
        Properties::new()
    }
}

struct Text;

impl Converter for Text {
    type Config = ConverterConfig;

    fn configure(_: ConverterConfig, _: ConverterType) -> Result<Self> {
        Ok(Self)
    }

    fn to_connect_data(&self, _: &str, _: &RawHeaders, _: Option<&Bytes>) -> Result<SchemaAndValue> {
        Ok(SchemaAndValue::NULL)
    }

    fn from_connect_data(
        &self,
        _: &str,
        _: &mut RawHeaders,
        _: &SchemaAndValue,
        _: &mut BytesMut,
    ) -> Result<Encoded> {
        Ok(Encoded::Null)
    }
}

impl HeaderConverter for Text {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self> {
        Ok(Self)
    }

    fn to_connect_header(&self, _: &str, _: &str, _: Option<&Bytes>) -> Result<SchemaAndValue> {
        Ok(SchemaAndValue::NULL)
    }

    fn from_connect_header(&self, _: &str, _: &str, _: &SchemaAndValue) -> Result<Option<Bytes>> {
        Ok(None)
    }
}

struct Nothing;

impl Transformation for Nothing {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self> {
        Ok(Self)
    }

    fn apply(&self, _: &mut Record) -> Result<Outcome> {
        Ok(Outcome::Keep)
    }
}

impl Predicate for Nothing {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self> {
        Ok(Self)
    }

    fn test(&self, _: &Record) -> Result<bool> {
        Ok(true)
    }
}

struct Hoist;

impl Transformation for Hoist {
    type Config = HoistConfig;

    fn configure(_: HoistConfig) -> Result<Self> {
        Ok(Self)
    }

    fn apply(&self, _: &mut Record) -> Result<Outcome> {
        Ok(Outcome::Keep)
    }
}

/// Puts a value into a struct.
#[derive(Debug, Clone, Config)]
struct HoistConfig {
    /// The name of the field.
    field: String,
}

pub(super) fn all() -> Plugins {
    let mut plugins = Plugins::new();
    plugins
        .bundle("4.3.1")
        .source::<Source>("FileStreamSource")
        .alias("org.apache.kafka.connect.file.FileStreamSourceConnector")
        .sink::<Sink>("FileStreamSink")
        .alias("org.apache.kafka.connect.file.FileStreamSinkConnector")
        .converter::<Text>("StringConverter")
        .alias("org.apache.kafka.connect.storage.StringConverter")
        .converter::<Text>("JsonConverter")
        .alias("org.apache.kafka.connect.json.JsonConverter")
        .header_converter::<Text>("SimpleHeaderConverter")
        .alias("org.apache.kafka.connect.storage.SimpleHeaderConverter")
        .transformation::<Nothing>("Filter")
        .alias("org.apache.kafka.connect.transforms.Filter")
        .transformation::<Hoist>("HoistField$Value")
        .alias("org.apache.kafka.connect.transforms.HoistField$Value")
        .predicate::<Nothing>("RecordIsTombstone")
        .alias("org.apache.kafka.connect.transforms.predicates.RecordIsTombstone");
    plugins.check().unwrap();
    plugins
}
