//! A transformation that has nothing to do takes no memory for it.

use connect_api::data::Map;
use connect_api::{Headers, Plugins, Properties, Record, Schema, SchemaAndValue, Struct, Value};

fn map() -> Record {
    record(SchemaAndValue::schemaless(Map::from([("id", Value::from(7)), ("name", "x".repeat(100).into())])))
}

fn row() -> Record {
    let schema =
        Schema::structure().field("id", Schema::INT32).field("name", Schema::STRING).build().unwrap();
    record(Struct::from_values(schema, vec![7.into(), "x".repeat(100).into()]).unwrap().into())
}

fn record(value: SchemaAndValue) -> Record {
    let mut headers = Headers::new();
    headers.add_string("trace", "a1");
    Record::new("customers", value).with_timestamp(1).with_headers(headers)
}

/// Transformations that leave these records, whose key is null, as they are.
const IDLE: &[(&str, &[(&str, &str)])] = &[
    ("Cast$Key", &[("spec", "id:string")]),
    ("DropHeaders", &[("headers", "debug")]),
    ("Flatten$Key", &[]),
    ("InsertField$Key", &[("topic.field", "topic")]),
    ("RegexRouter", &[("regex", "orders-(.*)"), ("replacement", "$1")]),
    ("ReplaceField$Key", &[("exclude", "id")]),
    ("SetSchemaMetadata$Key", &[("schema.name", "n")]),
    ("TimestampConverter$Key", &[("field", "id"), ("target.type", "unix")]),
];

/// Those that leave data without schema as it is.
const IDLE_ON_MAPS: &[(&str, &[(&str, &str)])] =
    &[("ReplaceField$Value", &[("exclude", "zz")]), ("ReplaceField$Value", &[("renames", "zz:z")])];

/// Those that leave data with a schema as it is.
const IDLE_ON_ROWS: &[(&str, &[(&str, &str)])] = &[
    ("MaskField$Value", &[("fields", "zz")]),
    ("Cast$Value", &[("spec", "zz:string")]),
    ("ReplaceField$Value", &[("exclude", "zz")]),
    ("TimestampConverter$Value", &[("field", "zz"), ("target.type", "unix")]),
];

fn allocations(class: &str, config: &[(&str, &str)], make: fn() -> Record) -> u64 {
    let mut plugins = Plugins::default();
    connect_transforms::register(&mut plugins);
    let config: Properties = config.iter().copied().collect();
    let stage = plugins.find_transformation(class).unwrap().configure(&config).unwrap();
    // The first record of a shape or schema is where things are worked out.
    let _ = stage.apply(&mut make()).unwrap();
    let mut record = make();
    let before = record.clone();
    let mut original = make();
    let counted = allocation_counter::measure(|| {
        let _ = stage.apply(&mut original);
    });
    let _ = stage.apply(&mut record).unwrap();
    assert_eq!(record, before, "{class} had something to do");
    counted.count_total
}

#[test]
fn what_has_nothing_to_do_allocates_nothing() {
    let mut wrong = Vec::new();
    let on_maps = IDLE.iter().chain(IDLE_ON_MAPS).map(|case| (case, map as fn() -> Record));
    let on_rows = IDLE.iter().chain(IDLE_ON_ROWS).map(|case| (case, row as fn() -> Record));
    for ((class, config), make) in on_maps.chain(on_rows) {
        let count = allocations(class, config, make);
        if count > 0 {
            wrong.push(format!("{class} {config:?} on {}: {count}", make().value.value));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn predicates_allocate_nothing() {
    let mut plugins = Plugins::default();
    connect_transforms::register(&mut plugins);
    for (class, config) in [
        ("HasHeaderKey", [("name", "trace")]),
        ("RecordIsTombstone", [("", "")]),
        ("TopicNameMatches", [("pattern", "c.*")]),
    ] {
        let predicate = plugins.find_predicate(class).unwrap().configure(&Properties::from(config)).unwrap();
        let record = map();
        // An expression makes its caches when it is used first.
        let _ = predicate.test(&record).unwrap();
        let counted = allocation_counter::measure(|| {
            let _ = predicate.test(&record);
        });
        assert_eq!(counted.count_total, 0, "{class}");
    }
}
