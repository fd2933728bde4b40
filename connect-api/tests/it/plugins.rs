//! How plugins are registered and found.

use connect_api::config::{ConfigDef, ConfigKey, NoConfig, Type};
use connect_api::plugins::{ConnectorPlugin, PluginKind};
use connect_api::{
    Bytes, BytesMut, Config, Converter, ConverterType, Encoded, Outcome, Plugins, Predicate, Properties,
    RawHeaders, Record, Result, SchemaAndValue, SinkConnector, SinkConnectorContext, SinkRecord, SinkTask,
    SinkTaskContext, SourceConnector, SourceConnectorContext, SourceRecord, SourceTask, SourceTaskContext,
    Transformation, async_trait,
};
use std::time::Duration;

struct Topic;

impl Config for Topic {
    fn def() -> ConfigDef {
        ConfigDef::new().define(ConfigKey::new("topic", Type::String))
    }
    fn parse(properties: &Properties) -> Result<Self> {
        Self::def().parse_all(properties).map(|_| Self)
    }
    fn to_properties(&self) -> Properties {
        Properties::new()
    }
}

struct Source;

#[async_trait]
impl SourceConnector for Source {
    type Config = Topic;
    type Task = Self;
    async fn start(_: Topic, _: SourceConnectorContext) -> Result<Self> {
        Ok(Self)
    }
    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![])
    }
}

#[async_trait]
impl SourceTask for Source {
    type Config = NoConfig;
    async fn start(_: NoConfig, _: SourceTaskContext) -> Result<Self> {
        Ok(Self)
    }
    async fn poll(&mut self, _: Duration) -> Result<Vec<SourceRecord>> {
        Ok(vec![])
    }
}

struct Sink;

#[async_trait]
impl SinkConnector for Sink {
    type Config = NoConfig;
    type Task = Self;
    async fn start(_: NoConfig, _: SinkConnectorContext) -> Result<Self> {
        Ok(Self)
    }
    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![])
    }
}

#[async_trait]
impl SinkTask for Sink {
    type Config = NoConfig;
    async fn start(_: NoConfig, _: SinkTaskContext) -> Result<Self> {
        Ok(Self)
    }
    async fn put(&mut self, _: &[SinkRecord]) -> Result<()> {
        Ok(())
    }
}

struct Fixed(ConverterType);

impl Converter for Fixed {
    type Config = Topic;
    fn configure(_: Topic, ty: ConverterType) -> Result<Self> {
        Ok(Self(ty))
    }
    fn to_connect_data(&self, _: &str, _: &RawHeaders, _: Option<&Bytes>) -> Result<SchemaAndValue> {
        Ok(SchemaAndValue::NULL)
    }
    fn from_connect_data(
        &self,
        _: &str,
        _: &mut RawHeaders,
        _: &SchemaAndValue,
        out: &mut BytesMut,
    ) -> Result<Encoded> {
        out.extend_from_slice(self.0.as_str().as_bytes());
        Ok(Encoded::Appended)
    }
}

struct Nop;

impl Transformation for Nop {
    type Config = NoConfig;
    fn configure(_: NoConfig) -> Result<Self> {
        Ok(Self)
    }
    fn apply(&self, _: &mut Record) -> Result<Outcome> {
        Ok(Outcome::Keep)
    }
}

impl Predicate for Nop {
    type Config = NoConfig;
    fn configure(_: NoConfig) -> Result<Self> {
        Ok(Self)
    }
    fn test(&self, _: &Record) -> Result<bool> {
        Ok(true)
    }
}

fn plugins() -> Plugins {
    let mut plugins = Plugins::new();
    plugins
        .bundle("1.2.3")
        .source::<Source>("FileStreamSource")
        .alias("org.apache.kafka.connect.file.FileStreamSourceConnector")
        .sink::<Sink>("FileStreamSinkConnector")
        .converter::<Fixed>("StringConverter")
        .alias("org.apache.kafka.connect.storage.StringConverter")
        .transformation::<Nop>("MaskField$Key")
        .alias("org.apache.kafka.connect.transforms.MaskField$Key")
        .transformation::<Nop>("MaskField$Value")
        .alias("org.apache.kafka.connect.transforms.MaskField$Value");
    plugins
}

#[test]
fn a_plugin_is_found_by_every_name_that_kafka_knows() {
    let plugins = plugins();
    plugins.check().unwrap();
    for name in [
        "FileStreamSource",
        "FileStreamSourceConnector",
        "org.apache.kafka.connect.file.FileStreamSourceConnector",
    ] {
        assert_eq!(plugins.find_source(name).unwrap().name(), "FileStreamSource", "{name}");
    }
    assert_eq!(plugins.find_sink("FileStreamSink").unwrap().name(), "FileStreamSinkConnector");
    for name in ["String", "StringConverter", "org.apache.kafka.connect.storage.StringConverter"] {
        assert_eq!(plugins.find_converter(name).unwrap().version(), "1.2.3", "{name}");
    }
    for name in ["MaskField$Value", "org.apache.kafka.connect.transforms.MaskField$Value"] {
        assert_eq!(plugins.find_transformation(name).unwrap().name(), "MaskField$Value", "{name}");
    }
    assert!(plugins.find_transformation("MaskField").is_err());
    assert!(plugins.find_source("org.example.FileStreamSourceConnector").is_err());
}

#[test]
fn connector_class_may_name_a_source_or_a_sink() {
    let plugins = plugins();
    let ConnectorPlugin::Source(source) = plugins.find_connector("FileStreamSource").unwrap() else {
        panic!("a sink")
    };
    assert_eq!(source.info().class(), "org.apache.kafka.connect.file.FileStreamSourceConnector");
    let sink = plugins.find_connector("FileStreamSink").unwrap();
    assert_eq!((sink.info().kind, sink.info().class()), (PluginKind::Sink, "FileStreamSinkConnector"));
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones_and_the_nearest() {
    let plugins = plugins();
    assert_eq!(
        plugins.find_connector("FileStreemSource").unwrap_err().to_string(),
        "Failed to find any connector which name matches FileStreemSource, available are: FileStreamSinkConnector, \
         FileStreamSource. Did you mean FileStreamSource?"
    );
    assert_eq!(
        plugins.find_converter("org.example.Other").unwrap_err().to_string(),
        "Failed to find any converter which name matches org.example.Other, available are: StringConverter"
    );
    assert_eq!(
        plugins.find_predicate("x").unwrap_err().to_string(),
        "Failed to find any predicate which name matches x, available are: none"
    );
}

#[test]
fn a_name_registered_twice_finds_neither() {
    let mut plugins = plugins();
    plugins.bundle("2").converter::<Fixed>("StringConverter").transformation::<Nop>("StringConverter");
    assert_eq!(
        plugins.check().unwrap_err().to_string(),
        "The converter StringConverter is registered twice: rename or remove one."
    );
    assert_eq!(
        plugins.find_converter("StringConverter").unwrap_err().to_string(),
        "More than one converter matches StringConverter. Please use the full name; found: \
         org.apache.kafka.connect.storage.StringConverter 1.2.3, StringConverter 2"
    );
    assert!(plugins.find_transformation("StringConverter").is_ok());
}

#[test]
fn two_classes_with_one_simple_name_need_their_full_names() {
    let mut plugins = Plugins::new();
    plugins.bundle("1").predicate::<Nop>("A").alias("org.a.Same").predicate::<Nop>("B").alias("org.b.Same");
    plugins.check().unwrap();
    assert!(plugins.find_predicate("Same").unwrap_err().to_string().contains("org.a.Same 1, org.b.Same 1"));
    assert_eq!(plugins.find_predicate("org.b.Same").unwrap().name(), "B");
}

#[test]
fn an_alias_before_any_plugin_is_reported() {
    let mut plugins = Plugins::new();
    plugins.bundle("1").alias("org.example.Lost");
    assert!(plugins.check().unwrap_err().to_string().contains("org.example.Lost follows no plugin"));
}

#[test]
fn a_plugin_is_configured_from_text() {
    let plugins = plugins();
    let plugin = plugins.find_converter("StringConverter").unwrap();
    assert_eq!(plugin.config_def().keys()[0].name, "topic");
    let error = plugin.configure(&Properties::new(), ConverterType::Key).err().unwrap();
    assert_eq!(error.to_string(), "Missing required configuration \"topic\" which has no default value.");
    let converter = plugin.configure(&Properties::from([("topic", "t")]), ConverterType::Header).unwrap();
    let mut out = BytesMut::new();
    converter.from_connect_data("t", &mut RawHeaders::default(), &SchemaAndValue::NULL, &mut out).unwrap();
    assert_eq!(&out[..], b"header");
}

#[test]
fn every_plugin_is_listed_by_kind_in_the_order_of_registration() {
    let plugins = plugins();
    let list: Vec<_> = plugins.iter().map(|info| (info.kind.as_str(), info.name)).collect();
    assert_eq!(
        list,
        [
            ("source", "FileStreamSource"),
            ("sink", "FileStreamSinkConnector"),
            ("converter", "StringConverter"),
            ("transformation", "MaskField$Key"),
            ("transformation", "MaskField$Value"),
        ]
    );
}
