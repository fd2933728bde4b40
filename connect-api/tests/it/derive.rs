//! `#[derive(Config)]` and `#[derive(ConfigEnum)]`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use connect_api::config::{DefaultValue, Importance, Type, Validator, Width};
use connect_api::{Config, ConfigEnum, Error, Password, Properties, Result};

#[derive(Debug, Clone, Copy, PartialEq, ConfigEnum)]
enum Isolation {
    ReadUncommitted,
    ReadCommitted,
}

#[derive(Debug, Clone, Copy, PartialEq, ConfigEnum)]
#[config(ignore_case)]
enum Syntax {
    #[config(name = "V1")]
    One,
    #[config(name = "V2")]
    Two,
}

const RETRIES: i64 = 3;

fn is_topic_name(name: &str) -> Result<(), &'static str> {
    if name.contains(' ') { Err("a topic has no blanks") } else { Ok(()) }
}

/// Every type of field.
#[derive(Debug, Clone, PartialEq, Config)]
struct Everything {
    /// The topic to publish
    /// data to.
    ///
    /// In its own words.
    #[config(importance = High, validate = is_topic_name, group = "Target", display = "Topic", width = Long)]
    topic: String,
    /// A truth value.
    #[config(default = true)]
    log_enable: bool,
    /// A short number.
    #[config(default = -1)]
    replication_factor: i16,
    /// A number.
    #[config(default = 1_000, validate = Validator::between(1, 5000))]
    size: i32,
    /// A long number.
    #[config(default = RETRIES)]
    retries: i64,
    /// A port.
    #[config(default = 8083)]
    port: u16,
    /// A count.
    #[config(default = 1)]
    count: NonZeroUsize,
    /// A ratio.
    #[config(default = 0.5, validate = |ratio| if *ratio <= 1.0 { Ok(()) } else { Err("more than all") })]
    ratio: f64,
    /// A wait.
    #[config(key = "wait.max.ms", default = Duration::from_secs(5), ty = Int)]
    wait: Duration,
    /// A file.
    file: Option<PathBuf>,
    /// Names.
    #[config(default = ["a", "b"])]
    names: Vec<String>,
    /// Ports.
    #[config(default = "")]
    ports: Vec<u16>,
    /// A secret.
    password: Option<Password>,
    /// An isolation.
    #[config(default = Isolation::ReadCommitted)]
    isolation: Isolation,
    /// A syntax.
    #[config(default = "V1", internal)]
    syntax: Syntax,
}

fn parse<T: Config>(entries: &[(&str, &str)]) -> Result<T> {
    T::parse(&entries.iter().copied().collect())
}

#[test]
fn every_default_is_what_the_attribute_says() {
    let config: Everything = parse(&[("topic", " t ")]).unwrap();
    let expected = Everything {
        topic: "t".into(),
        log_enable: true,
        replication_factor: -1,
        size: 1000,
        retries: 3,
        port: 8083,
        count: NonZeroUsize::MIN,
        ratio: 0.5,
        wait: Duration::from_secs(5),
        file: None,
        names: vec!["a".into(), "b".into()],
        ports: vec![],
        password: None,
        isolation: Isolation::ReadCommitted,
        syntax: Syntax::One,
    };
    assert_eq!(config, expected);
}

#[test]
fn every_type_is_read_and_written_back() {
    let entries = [
        ("topic", "t"),
        ("log.enable", "false"),
        ("replication.factor", "3"),
        ("size", "7"),
        ("retries", "9"),
        ("port", "80"),
        ("count", "2"),
        ("ratio", "0.25"),
        ("wait.max.ms", "1500"),
        ("file", "in.txt"),
        ("names", "x,y"),
        ("ports", "1, 65535"),
        ("password", "hunter2"),
        ("isolation", "read_uncommitted"),
        ("syntax", "v2"),
    ];
    let config: Everything = parse(&entries).unwrap();
    assert_eq!((config.wait, config.ports.as_slice()), (Duration::from_millis(1500), [1, 65535].as_slice()));
    assert_eq!((config.isolation, config.syntax), (Isolation::ReadUncommitted, Syntax::Two));
    assert!(!format!("{config:?}").contains("hunter2"));
    let written = config.to_properties();
    assert_eq!(written.get("password"), Some("hunter2"));
    assert_eq!(written.get("ports"), Some("1,65535"));
    assert_eq!(Everything::parse(&written).unwrap(), config);
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_fields() {
    let error = parse::<Everything>(&[
        ("topic", "a b"),
        ("size", "5001"),
        ("port", "70000"),
        ("count", "0"),
        ("ratio", "1.5"),
        ("wait.max.ms", "-1"),
        ("ports", "1,x,3"),
        ("isolation", "READ_COMMITTED"),
        ("syntax", "v3"),
    ])
    .unwrap_err();
    assert_eq!(error.key(), Some("topic"));
    assert_eq!(
        error.to_string(),
        "Invalid value a b for configuration topic: a topic has no blanks\n\
         Invalid value 5001 for configuration size: Value must be no more than 5000\n\
         Invalid value 70000 for configuration port: Value must be no more than 65535\n\
         Invalid value 0 for configuration count: Value must be at least 1\n\
         Invalid value 1.5 for configuration ratio: more than all\n\
         Invalid value -1 for configuration wait.max.ms: Value must be at least 0\n\
         Invalid value x for configuration ports: Not a number of type INT\n\
         Invalid value READ_COMMITTED for configuration isolation: String must be one of: read_uncommitted, read_committed\n\
         Invalid value v3 for configuration syntax: String must be one of (case insensitive): V1, V2"
    );
}

#[test]
fn the_definition_says_what_the_struct_says() {
    let def = Everything::def();
    def.check().unwrap();
    let topic = def.key("topic").unwrap();
    assert_eq!(topic.documentation, "The topic to publish data to.\n\nIn its own words.");
    assert_eq!((topic.ty, topic.importance, topic.width), (Type::String, Importance::High, Width::Long));
    assert_eq!(
        (topic.group.as_deref(), topic.order, topic.display_name.as_str()),
        (Some("Target"), 0, "Topic")
    );
    assert!(topic.is_required());
    assert_eq!(def.key("wait.max.ms").unwrap().ty, Type::Int);
    assert_eq!(def.key("names").unwrap().default_text().as_deref(), Some("a,b"));
    assert_eq!(def.key("file").unwrap().default, DefaultValue::Null);
    assert!(def.key("syntax").unwrap().internal);
    assert_eq!(def.key("size").unwrap().validator.as_ref().unwrap().to_string(), "[1,...,5000]");
}

/// Both ends of a range.
#[derive(Debug, PartialEq, Config)]
#[config(validate = Self::in_order)]
struct Range {
    /// The lower end.
    #[config(default = 0)]
    from: i32,
    /// The upper end.
    to: i32,
}

impl Range {
    fn in_order(&self) -> Result<()> {
        if self.from <= self.to { Ok(()) } else { Err(Error::config("to", "to must not be below from")) }
    }
}

/// Ranges in ranges.
#[derive(Debug, PartialEq, Config)]
struct Nested {
    /// A name.
    name: String,
    #[config(flatten, prefix = "x.")]
    x: Range,
    #[config(flatten)]
    bare: Range,
    #[config(flatten, prefix = "consumer.")]
    consumer: Properties,
}

#[test]
fn nested_structs_read_the_keys_below_their_prefix() {
    let entries = [("name", "n"), ("x.to", "5"), ("from", "1"), ("to", "2"), ("consumer.a", "1")];
    let nested: Nested = parse(&entries).unwrap();
    assert_eq!(nested.x, Range { from: 0, to: 5 });
    assert_eq!(nested.bare, Range { from: 1, to: 2 });
    assert_eq!(nested.consumer, Properties::from([("a", "1")]));
    assert_eq!(Nested::parse(&nested.to_properties()).unwrap(), nested);
    let names: Vec<String> = Nested::def().keys().iter().map(|key| key.name.clone()).collect();
    assert_eq!(names, ["name", "x.from", "x.to", "from", "to"]);
}

#[test]
fn problems_in_nested_structs_name_the_whole_key() {
    let error = parse::<Nested>(&[("x.to", "y"), ("from", "9"), ("to", "2")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Missing required configuration \"name\" which has no default value.\n\
         Invalid value y for configuration x.to: Not a number of type INT\n\
         to must not be below from"
    );
}

#[test]
fn a_check_of_the_whole_struct_appears_once_under_the_key_that_it_names() {
    let properties = Properties::from([("name", "n"), ("x.from", "9"), ("x.to", "2"), ("to", "1")]);
    let values = Nested::def().validate(&properties);
    let wrong: Vec<_> = values.iter().filter(|value| !value.error_messages.is_empty()).collect();
    assert_eq!(wrong.len(), 1);
    assert_eq!((wrong[0].name.as_str(), wrong[0].error_messages.len()), ("x.to", 1));
    assert_eq!(Nested::parse(&properties).unwrap_err().key(), Some("x.to"));
}

/// Nothing at all.
#[derive(Debug, Config)]
struct Nothing {}

#[test]
fn a_struct_without_fields_has_no_keys() {
    assert!(Nothing::def().keys().is_empty());
    assert!(Nothing::parse(&Properties::from([("a", "b")])).unwrap().to_properties().is_empty());
}

/// Names that the generated code could trip over.
#[derive(Debug, PartialEq, Config)]
#[config(validate = |_: &Self| Ok(()))]
struct Awkward {
    /// Fields.
    fields: Vec<String>,
    /// Properties.
    properties: String,
    /// A prefix.
    prefix: String,
    /// A config.
    config: String,
    /// A def.
    def: String,
    /// A type.
    r#type: String,
}

#[test]
fn a_field_may_have_any_name() {
    let names = ["fields", "properties", "prefix", "config", "def", "type"];
    let properties: Properties = names.iter().map(|name| (*name, *name)).collect();
    assert_eq!(Awkward::parse(&properties).unwrap().to_properties(), properties);
}
