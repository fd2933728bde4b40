//! Field paths of the transformations that change types: `field.syntax.version=V2` of `Cast` and `TimestampConverter`.

use connect_api::data::{Date, Map, SchemaBuilder, Type, logical};
use connect_api::{
    Plugins, Properties, Record, Result, Schema, SchemaAndValue, Struct, Transformation, Value,
};

fn configured(name: &str, config: &[(&str, &str)]) -> Result<Box<dyn Transformation>> {
    let mut plugins = Plugins::default();
    connect_transforms::register(&mut plugins);
    let config: Properties =
        [("field.syntax.version", "v2")].into_iter().chain(config.iter().copied()).collect();
    plugins.find_transformation(name)?.configure(&config)
}

fn apply(name: &str, config: &[(&str, &str)], value: SchemaAndValue) -> Result<SchemaAndValue> {
    let mut record = Record::new("topic", value);
    let _ = configured(name, config)?.apply(&mut record)?;
    if let Some(schema) = &record.value.schema {
        schema.validate_value(&record.value.value)?;
    }
    Ok(record.value)
}

fn message(name: &str, config: &[(&str, &str)], value: SchemaAndValue) -> String {
    apply(name, config, value).unwrap_err().message().to_owned()
}

/// `{id=1, pay={sum=12, at=1700000000123, d.e={f=7}}, n=null}` without schema.
fn map() -> Map {
    let deep = Map::from([("f", "7")]);
    let pay =
        Map::from([("sum", Value::from("12")), ("at", 1_700_000_000_123_i64.into()), ("d.e", deep.into())]);
    Map::from([("id", Value::from(1)), ("pay", pay.into()), ("n", Value::Null)])
}

fn without_schema() -> SchemaAndValue {
    SchemaAndValue::schemaless(map())
}

/// The schema of `pay` and `n`, which has everything that a copy must keep.
fn pay() -> SchemaBuilder {
    let sum = Schema::builder(Type::String).default_value("5").build().unwrap();
    let deep = Schema::structure().name("Deep").field("f", Schema::OPTIONAL_STRING).build().unwrap();
    let pay = Schema::structure().name("Pay").version(2).doc("What was paid").parameter("k", "v").optional();
    pay.field("sum", sum).field("at", Schema::INT64).field("d.e", deep)
}

fn paid(pay: &Schema) -> Struct {
    let deep = Struct::new(pay.field("d.e").unwrap().unwrap().schema().clone()).unwrap();
    let deep = deep.with("f", "7").unwrap();
    let paid = Struct::new(pay.clone()).unwrap().with("sum", "12").unwrap();
    paid.with("at", 1_700_000_000_123_i64).unwrap().with("d.e", deep).unwrap()
}

fn row() -> Struct {
    let pay = pay().build().unwrap();
    let schema = Schema::structure().field("id", Schema::INT32).field("pay", pay.clone());
    let schema = schema.field("n", pay.clone()).build().unwrap();
    Struct::new(schema).unwrap().with("id", 1).unwrap().with("pay", paid(&pay)).unwrap()
}

/// The schema that a path leads to.
fn schema_at(data: &SchemaAndValue, path: &[&str]) -> Schema {
    path.iter().fold(data.schema.clone().unwrap(), |schema, step| {
        schema.field(step).unwrap().unwrap().schema().clone()
    })
}

#[test]
fn nested_fields_are_cast() {
    let config = [("spec", "pay.sum:int32,pay.`d.e`.f:int64,n.sum:boolean,zz.sum:int8,id:int16")];
    let cast = apply("Cast$Value", &config, without_schema()).unwrap();
    let deep = Map::from([("f", 7_i64)]);
    let pay =
        Map::from([("sum", Value::from(12)), ("at", 1_700_000_000_123_i64.into()), ("d.e", deep.into())]);
    let expected = Map::from([("id", Value::from(1_i16)), ("pay", pay.into()), ("n", Value::Null)]);
    assert_eq!(cast.value, Value::Map(expected));

    let cast = apply("Cast$Value", &config, row().into()).unwrap();
    assert_eq!(cast.value.to_string(), "Struct{id=1,pay=Struct{sum=12,at=1700000000123,d.e=Struct{f=7}}}");
    let pay = schema_at(&cast, &["pay"]);
    assert_eq!((pay.name(), pay.version(), pay.doc()), (Some("Pay"), Some(2), Some("What was paid")));
    assert_eq!((pay.parameter("k"), pay.is_optional()), (Some("v"), true));
    let sum = schema_at(&cast, &["pay", "sum"]);
    assert_eq!((sum.ty(), sum.default_value()), (Type::Int32, Some(&5.into())));
    assert_eq!(schema_at(&cast, &["pay", "d.e", "f"]), Schema::INT64.with_optional(true));
    assert_eq!(schema_at(&cast, &["n", "sum"]).ty(), Type::Boolean);
    assert_eq!(schema_at(&cast, &["id"]), Schema::INT16);
}

#[test]
fn a_nested_time_is_converted() {
    let config = [("field", "pay.at"), ("target.type", "Timestamp")];
    let converted = apply("TimestampConverter$Value", &config, without_schema()).unwrap();
    let at = |data: &SchemaAndValue| match &data.value {
        Value::Struct(row) => row.get_struct("pay").unwrap().unwrap().get("at").unwrap().clone(),
        value => value.as_map().unwrap().get_owned("pay").unwrap().as_map().unwrap().get_owned("at").unwrap(),
    };
    assert_eq!(at(&converted), Value::Date(Date(1_700_000_000_123)));
    let converted = apply("TimestampConverter$Value", &config, row().into()).unwrap();
    assert_eq!(at(&converted), Value::Date(Date(1_700_000_000_123)));
    assert_eq!(schema_at(&converted, &["pay", "at"]).name(), Some(logical::TIMESTAMP));
    assert_eq!(schema_at(&converted, &["pay"]).doc(), Some("What was paid"));
    assert_eq!(schema_at(&converted, &["n"]), schema_at(&row().into(), &["n"]));

    let config = [("field", "pay.at"), ("target.type", "string"), ("format", "yyyy-MM-dd")];
    for value in [without_schema(), row().into()] {
        let converted = apply("TimestampConverter$Value", &config, value).unwrap();
        assert_eq!(at(&converted), Value::from("2023-11-14"));
    }
}

#[test]
fn the_empty_field_is_the_whole_value_and_backticks_name_a_field_without_name() {
    let config = |field| [("field", field), ("target.type", "Date")];
    let whole = SchemaAndValue::schemaless(86_400_001_i64);
    let date = apply("TimestampConverter$Value", &config(""), whole).unwrap();
    assert_eq!(date.value, Value::Date(Date(86_400_000)));
    let nameless = SchemaAndValue::schemaless(Map::from([("", 86_400_001_i64)]));
    let date = apply("TimestampConverter$Value", &config("``"), nameless).unwrap();
    assert_eq!(date.value, Value::Map(Map::from([("", Date(86_400_000))])));
}

#[test]
fn a_path_through_null_or_nothing_leaves_the_value_alone() {
    for (name, config) in [
        ("Cast$Value", vec![("spec", "n.sum:int8,zz.a.b:int8")]),
        ("TimestampConverter$Value", vec![("field", "n.at"), ("target.type", "Date")]),
    ] {
        let after = apply(name, &config, without_schema()).unwrap();
        assert_eq!(after.value, Value::Map(map()), "{name}");
        let after = apply(name, &config, row().into()).unwrap();
        assert_eq!(after.value.to_string(), row().to_string(), "{name}");
    }
    // Nothing to convert at all: not even a copy is made.
    let before = row();
    let after = apply("Cast$Value", &[("spec", "pay.zz:int8,zz.a:int8")], before.clone().into()).unwrap();
    assert_eq!(after.value.as_struct().unwrap().values().as_ptr(), before.values().as_ptr());
}

#[test]
fn an_entry_that_an_inner_map_lacks_is_added_with_null() {
    let text = |name, config: &[(&str, &str)]| {
        let inner = Map::from([("a", Map::from([("b", 1)]))]);
        apply(name, config, SchemaAndValue::schemaless(inner)).unwrap().value.to_string()
    };
    assert_eq!(text("Cast$Value", &[("spec", "a.c:int8")]), "{a={b=1, c=null}}");
    let config = [("field", "a.c"), ("target.type", "unix")];
    assert_eq!(text("TimestampConverter$Value", &config), "{a={b=1, c=null}}");
}

#[test]
fn an_inner_map_that_others_share_is_not_edited() {
    let shared = map();
    let cast = SchemaAndValue::schemaless(shared.clone());
    let cast = apply("Cast$Value", &[("spec", "pay.sum:int8")], cast).unwrap();
    assert_ne!(cast.value, Value::Map(shared.clone()));
    assert_eq!(shared, map());
}

#[test]
fn a_path_through_a_map_of_a_schema_is_an_error_whatever_its_value() {
    let tags = Schema::map(Schema::STRING, Schema::STRING).with_optional(true);
    let schema = Schema::structure().field("tags", tags).field("at", Schema::INT64).build().unwrap();
    let row = Struct::new(schema).unwrap().with("at", 1_i64).unwrap();
    let no_struct = "Cannot look up fields on non-struct type";
    assert_eq!(message("Cast$Value", &[("spec", "tags.a:int8")], row.clone().into()), no_struct);
    let config = [("field", "at.at"), ("target.type", "Date")];
    assert_eq!(message("TimestampConverter$Value", &config, row.into()), no_struct);
}

#[test]
fn the_nested_schema_is_made_once() {
    for (name, config) in [
        ("Cast$Value", vec![("spec", "pay.sum:int8")]),
        ("TimestampConverter$Value", vec![("field", "pay.at"), ("target.type", "Date")]),
    ] {
        let transformation = configured(name, &config).unwrap();
        let mut schemas = Vec::new();
        for _ in 0..2 {
            let mut record = Record::new("topic", row().into());
            let _ = transformation.apply(&mut record).unwrap();
            schemas.push(record.value.schema.unwrap());
        }
        assert!(schemas[0].is_same(&schemas[1]), "{name}");
    }
}

#[test]
fn the_default_of_a_nested_struct_is_converted_with_it() {
    let default = paid(&pay().build().unwrap());
    let pay = pay().default_value(default).build().unwrap();
    let schema = Schema::structure().field("pay", pay).build().unwrap();
    let row = Struct::new(schema).unwrap();
    let config = |replace| [("spec", "pay.sum:int32"), ("replace.null.with.default", replace)];
    let cast = apply("Cast$Value", &config("true"), row.clone().into()).unwrap();
    let pay = schema_at(&cast, &["pay"]);
    let default = pay.default_value().unwrap().as_struct().unwrap();
    assert_eq!(default.get_int32("sum").unwrap(), Some(12));
    let found = cast.value.as_struct().unwrap().get_without_default("pay").unwrap().clone();
    assert_eq!(found.as_struct().unwrap().get_int32("sum").unwrap(), Some(12));
    let cast = apply("Cast$Value", &config("false"), row.into()).unwrap();
    assert!(cast.value.as_struct().unwrap().get_without_default("pay").unwrap().is_null());
}

#[test]
fn a_struct_of_another_schema_than_the_record_says_is_cast_by_names() {
    let told = Schema::structure().field("a", Schema::STRING).field("b", Schema::STRING).build().unwrap();
    let had = Schema::structure().field("b", Schema::STRING).field("a", Schema::STRING).build().unwrap();
    let outer = |inner: &Schema| Schema::structure().field("in", inner.clone()).build().unwrap();
    let inner = Struct::new(had.clone()).unwrap().with("a", "1").unwrap().with("b", "2").unwrap();
    let row = Struct::new(outer(&had)).unwrap().with("in", inner).unwrap();
    let data = SchemaAndValue::new(outer(&told), row);
    let cast = apply("Cast$Value", &[("spec", "in.a:int32")], data).unwrap();
    assert_eq!(cast.value.to_string(), "Struct{in=Struct{a=1,b=2}}");
}

#[test]
fn a_spec_that_cannot_be_is_refused_when_it_is_configured() {
    let message = |spec, version| {
        configured("Cast$Value", &[("spec", spec), ("field.syntax.version", version)])
            .map(|_| "fine".to_owned())
            .unwrap_or_else(|error| error.message().to_owned())
    };
    assert_eq!(
        message("a.`b:int8", "V2"),
        "Incomplete backtick pair in path: [a.`b], consider adding a backslash before backtick at position 2 to escape \
         it"
    );
    assert!(message(":int8", "V2").starts_with("The empty path names no field"));
    assert_eq!(
        message("a.b:string,a.b.c:int8", "V2"),
        "The field b cannot be cast itself and have fields that are cast"
    );
    assert_eq!(message("a.b:c:int8", "V2"), "fine");
    assert_eq!(
        message("a.b:c:int8", "V1"),
        "Invalid value [a.b:c:int8] for configuration renames: Invalid rename mapping: a.b:c:int8"
    );
    assert!(message("a.b:bytes", "V2").starts_with("Cast transformation does not support casting to BYTES"));
}

#[test]
fn without_the_key_a_name_with_dots_is_a_name() {
    let value = || {
        SchemaAndValue::schemaless(Map::from([
            ("a.b", Value::from("1970")),
            ("a", Map::from([("b", "1")]).into()),
        ]))
    };
    let v1 = ("field.syntax.version", "V1");
    let cast = apply("Cast$Value", &[v1, ("spec", "a.b:int16")], value()).unwrap();
    let expected = Map::from([("a.b", Value::from(1970_i16)), ("a", Map::from([("b", "1")]).into())]);
    assert_eq!(cast.value, Value::Map(expected));
    let config = [v1, ("field", "a.b"), ("format", "yyyy"), ("target.type", "unix")];
    let converted = apply("TimestampConverter$Value", &config, value()).unwrap();
    assert_eq!(converted.value.to_string(), "{a.b=0, a={b=1}}");
}
