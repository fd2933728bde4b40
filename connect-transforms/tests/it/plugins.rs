//! Registration, and what the vectors do not ask.

use connect_api::data::Map;
use connect_api::{Plugins, Properties, Record, Schema, SchemaAndValue, Struct, Value};

connect_testkit::config_contract!(connect_transforms::register);

fn plugins() -> Plugins {
    let mut plugins = Plugins::default();
    connect_transforms::register(&mut plugins);
    plugins
}

#[test]
fn every_plugin_is_found_by_its_java_class() {
    let plugins = plugins();
    plugins.check().unwrap();
    for info in plugins.iter() {
        assert!(info.class().starts_with("org.apache.kafka.connect.transforms."), "{info:?}");
        assert!(info.class().ends_with(info.name), "{info:?}");
    }
    assert_eq!(plugins.transformations().count(), 26);
    assert_eq!(plugins.predicates().count(), 3);
}

#[test]
fn a_rename_onto_a_field_that_takes_its_value_elsewhere_is_checked() {
    // Kafka finds the source of a field by reversing the renames: the kept `b` gets the value of `a`.
    let schema = Schema::structure().field("a", Schema::INT32).field("b", Schema::STRING).build().unwrap();
    let row = Struct::new(schema).unwrap().with("a", 1).unwrap().with("b", "x").unwrap();
    let replace = plugins().find_transformation("ReplaceField$Value").unwrap().clone();
    let config = Properties::from([("exclude", "a"), ("renames", "a:b")]);
    let error =
        replace.configure(&config).unwrap().apply(&mut Record::new("t", row.clone().into())).unwrap_err();
    assert!(error.message().starts_with("Invalid Java object for schema with type STRING"), "{error}");
    let config = Properties::from([("renames", "z:b")]);
    let error = replace.configure(&config).unwrap().apply(&mut Record::new("t", row.into())).unwrap_err();
    assert_eq!(error.message(), "z is not a valid field name");
}

#[test]
fn a_map_that_others_share_is_not_edited() {
    let shared = Map::from([("a", Value::from(1)), ("b", Value::from("x"))]);
    let mut record = Record::new("t", SchemaAndValue::schemaless(shared.clone()));
    let plugins = plugins();
    for (name, config) in [
        ("MaskField$Value", ("fields", "b")),
        ("ReplaceField$Value", ("exclude", "a")),
        ("InsertField$Value", ("topic.field", "topic")),
    ] {
        let transformation = plugins.find_transformation(name).unwrap();
        let _ = transformation.configure(&Properties::from([config])).unwrap().apply(&mut record).unwrap();
    }
    assert_eq!(record.value.value.to_string(), "{b=, topic=t}");
    assert_eq!(shared.to_string(), "{a=1, b=x}");
}

#[test]
fn a_struct_without_a_field_to_convert_is_not_copied() {
    let schema =
        Schema::structure().field("id", Schema::INT64).field("name", Schema::STRING).build().unwrap();
    let row = Struct::from_values(schema, vec![7_i64.into(), "Ada".into()]).unwrap();
    for (name, config) in [
        ("Cast$Value", Properties::from([("spec", "other:int8")])),
        ("TimestampConverter$Value", Properties::from([("field", "other"), ("target.type", "unix")])),
    ] {
        let plugins = plugins();
        let transformation = plugins.find_transformation(name).unwrap().configure(&config).unwrap();
        let mut record = Record::new("t", row.clone().into());
        let _ = transformation.apply(&mut record).unwrap();
        let after = record.value.value.as_struct().unwrap();
        assert_eq!(after, &row, "{name}");
        assert_eq!(after.values().as_ptr(), row.values().as_ptr(), "{name}");
    }
}
