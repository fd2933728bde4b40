//! Field paths where Kafka Connect has none: `field.syntax.version=V2` of transformations that name fields.

use connect_api::data::Map;
use connect_api::{Error, Plugins, Properties, Record, Result, Schema, SchemaAndValue, Struct, Value};

fn apply(name: &str, config: &[(&str, &str)], value: SchemaAndValue) -> Result<SchemaAndValue> {
    record(name, config, value).map(|record| record.value)
}

fn record(name: &str, config: &[(&str, &str)], value: SchemaAndValue) -> Result<Record> {
    let mut plugins = Plugins::default();
    connect_transforms::register(&mut plugins);
    let config: Properties =
        [("field.syntax.version", "v2")].into_iter().chain(config.iter().copied()).collect();
    let mut record = Record::new("topic", value);
    let _ = plugins.find_transformation(name)?.configure(&config)?.apply(&mut record)?;
    Ok(record)
}

/// `{id=1, a={b=x, c=y, d.e={f=z}}, n=null}` without schema.
fn map() -> SchemaAndValue {
    let deep = Map::from([("f", "z")]);
    let inner = Map::from([("b", Value::from("x")), ("c", "y".into()), ("d.e", deep.into())]);
    SchemaAndValue::schemaless(Map::from([("id", Value::from(1)), ("a", inner.into()), ("n", Value::Null)]))
}

/// The same with a schema, `a` and `n` being optional structs.
fn row() -> SchemaAndValue {
    let deep = Schema::structure().name("Deep").field("f", Schema::STRING).build().unwrap();
    let inner = Schema::structure()
        .name("Inner")
        .optional()
        .field("b", Schema::STRING)
        .field("c", Schema::OPTIONAL_STRING)
        .field("d.e", deep.clone())
        .build()
        .unwrap();
    let schema = Schema::structure()
        .field("id", Schema::INT32)
        .field("a", inner.clone())
        .field("n", inner.clone())
        .build()
        .unwrap();
    let deep = Struct::new(deep).unwrap().with("f", "z").unwrap();
    let inner = Struct::new(inner).unwrap().with("b", "x").unwrap().with("c", "y").unwrap();
    let inner = inner.with("d.e", deep).unwrap();
    Struct::new(schema).unwrap().with("id", 1).unwrap().with("a", inner).unwrap().into()
}

fn both(name: &str, config: &[(&str, &str)]) -> (String, String) {
    let row = apply(name, config, row()).unwrap();
    row.schema.as_ref().unwrap().validate_value(&row.value).unwrap();
    (apply(name, config, map()).unwrap().value.to_string(), row.value.to_string())
}

fn message(name: &str, config: &[(&str, &str)], value: SchemaAndValue) -> String {
    apply(name, config, value).map_err(|error: Error| error.message().to_owned()).unwrap_err()
}

#[test]
fn nested_fields_are_masked() {
    let (map, row) = both("MaskField$Value", &[("fields", "a.b,a.`d.e`.f,n.b,zz.b")]);
    assert_eq!(map, "{id=1, a={b=, c=y, d.e={f=}}, n=null}");
    assert_eq!(row, "Struct{id=1,a=Struct{b=,c=y,d.e=Struct{f=}}}");
    let (map, _) = both("MaskField$Value", &[("fields", "a.`d.e`.f"), ("replacement", "*")]);
    assert_eq!(map, "{id=1, a={b=x, c=y, d.e={f=*}}, n=null}");
}

#[test]
fn nested_fields_are_left_out_kept_and_renamed() {
    let (map, row) = both("ReplaceField$Value", &[("exclude", "a.c,n.c"), ("renames", "a.b:b.b,n.b:b.b")]);
    assert_eq!(map, "{id=1, a={b.b=x, d.e={f=z}}, n=null}");
    assert_eq!(row, "Struct{id=1,a=Struct{b.b=x,d.e=Struct{f=z}}}");
    let (map, row) = both("ReplaceField$Value", &[("include", "a.`d.e`"), ("renames", "a:q,a.`d.e`.f:g")]);
    assert_eq!(map, "{q={d.e={g=z}}}");
    assert_eq!(row, "Struct{q=Struct{d.e=Struct{g=z}}}");
    let (map, row) = both("ReplaceField$Value", &[("include", "a"), ("exclude", "a.b")]);
    assert_eq!(map, "{a={c=y, d.e={f=z}}}");
    assert_eq!(row, "Struct{a=Struct{c=y,d.e=Struct{f=z}}}");
}

#[test]
fn nested_fields_are_inserted() {
    let config = [
        ("topic.field", "a.`d.e`.t!"),
        ("static.field", "n.s"),
        ("static.value", "v"),
        ("partition.field", "a.p"),
    ];
    let (map, row) = both("InsertField$Value", &config);
    assert_eq!(map, "{id=1, a={b=x, c=y, d.e={f=z, t=topic}}, n=null}");
    assert_eq!(row, "Struct{id=1,a=Struct{b=x,c=y,d.e=Struct{f=z,t=topic}}}");
}

#[test]
fn nested_fields_become_headers() {
    let config = |operation| [("fields", "a.`d.e`.f,n.b"), ("headers", "f,none"), ("operation", operation)];
    for value in [map(), row()] {
        let copied = record("HeaderFrom$Value", &config("copy"), value.clone()).unwrap();
        assert_eq!(copied.value, value);
        let moved = record("HeaderFrom$Value", &config("move"), value).unwrap();
        assert!(moved.value.value.to_string().contains("c=y"), "{:?}", moved.value);
        assert!(!moved.value.value.to_string().contains("f=z"), "{:?}", moved.value);
        for record in [copied, moved] {
            let headers: Vec<_> =
                record.headers.iter().map(|one| format!("{}={}", one.key(), one.value())).collect();
            assert_eq!(headers, ["f=z", "none=null"]);
        }
    }
}

#[test]
fn a_path_through_something_else_is_an_error() {
    let no_map =
        "Only Map objects supported in absence of schema for [nested field access], found: java.lang.Integer";
    let no_struct = "Cannot look up fields on non-struct type";
    for (name, config) in [
        ("MaskField$Value", vec![("fields", "id.x")]),
        ("InsertField$Value", vec![("topic.field", "id.x")]),
        ("ReplaceField$Value", vec![("exclude", "id.x")]),
        ("Cast$Value", vec![("spec", "id.x:int8")]),
        ("TimestampConverter$Value", vec![("field", "id.x"), ("target.type", "unix")]),
    ] {
        assert_eq!(message(name, &config, map()), no_map, "{name}");
        let message = message(name, &config, row());
        assert!(
            message == no_struct || message == "Cannot list fields on non-struct type",
            "{name}: {message}"
        );
    }
    assert_eq!(
        message("InsertField$Value", &[("topic.field", "zz.x")], row()),
        "Cannot insert the field zz.x: there is no field zz"
    );
}

#[test]
fn a_wrong_path_is_found_when_the_transformation_is_configured() {
    for (name, key) in [
        ("ExtractField$Value", "field"),
        ("ValueToKey", "fields"),
        ("MaskField$Value", "fields"),
        ("InsertField$Value", "topic.field"),
        ("ReplaceField$Value", "include"),
        ("TimestampConverter$Value", "field"),
    ] {
        let message = message(name, &[(key, "a.`b"), ("target.type", "unix")], map());
        assert_eq!(
            message,
            "Incomplete backtick pair in path: [a.`b], consider adding a backslash before backtick at position 2 to \
             escape it",
            "{name}"
        );
    }
    assert!(message("InsertField$Value", &[("topic.field", "!")], map()).starts_with("The empty path"));
}
