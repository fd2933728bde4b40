//! A small JSON notation for schemas, values and records, in which the test vectors are written. Both directions.
//!
//! **Schema**: `null`; a short name (`int8` … `bytes`, `date`, `time`, `timestamp`, `decimal(2)`), with `?` if optional;
//! or an object with `type`, `optional`, `name`, `version`, `doc`, `parameters`, `default`, `items`, `keys`, `values`,
//! `fields`. The short name is written exactly when nothing else is set.
//!
//! **Value**: `null`, `true`, `"text"`, or one tagged object: `{"i8":1}`, `{"f64":"NaN"}`, `{"bytes":"<base64>"}`,
//! `{"decimal":["12345",2]}`, `{"bigint":"5"}`, `{"date":<ms>}`, `{"list":[…]}`, `{"map":[[k,v],…]}`,
//! `{"struct":{"field":v}}`. A struct takes its schema from where it stands; `{"struct":{…},"schema":S}` states another
//! one.
//!
//! **Record**: `topic`, `partition`, `timestamp`, `key` and `value` as `{"schema","value"}`, `headers` as
//! `[{"name","schema","value"}]`, and for a record read from Kafka `offset`.
//!
//! Every function panics on text that is not in this notation.

use connect_api::data::{BigInteger, Date, Decimal, Field, Map, SchemaBuilder, Type, java, logical};
use connect_api::header::Header;
use connect_api::{Headers, Record, Schema, SchemaAndValue, Struct, Value};
use serde_json::{Map as Object, Value as Json, json};

/// Reads a schema.
pub fn read_schema(json: &Json) -> Option<Schema> {
    match json {
        Json::Null => None,
        Json::String(name) => Some(short(name)),
        Json::Object(object) => Some(full(object)),
        other => panic!("not a schema: {other}"),
    }
}

fn short(name: &str) -> Schema {
    let (name, optional) = name.strip_suffix('?').map_or((name, false), |name| (name, true));
    let schema = match name {
        "date" => Schema::date(),
        "time" => Schema::time(),
        "timestamp" => Schema::timestamp(),
        _ => match name.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')')) {
            Some(scale) => Schema::decimal(scale.parse().expect("a scale")),
            None => Schema::builder(type_of(name)).build().expect("a plain schema"),
        },
    };
    schema.with_optional(optional)
}

fn type_of(name: &str) -> Type {
    Type::ALL.into_iter().find(|ty| ty.name() == name).unwrap_or_else(|| panic!("no such type: {name}"))
}

fn full(object: &Object<String, Json>) -> Schema {
    let part = |name: &str| object.get(name).and_then(read_schema);
    let text = |name: &str| object.get(name).and_then(Json::as_str);
    let mut builder = match text("type").map(type_of).expect("a type") {
        Type::Array => SchemaBuilder::array(part("items")),
        Type::Map => SchemaBuilder::map(part("keys"), part("values")),
        ty => SchemaBuilder::new(ty),
    };
    if object.get("optional") == Some(&Json::Bool(true)) {
        builder = builder.optional();
    }
    if let Some(name) = text("name") {
        builder = builder.name(name);
    }
    if let Some(version) = object.get("version").and_then(Json::as_i64) {
        builder = builder.version(version as i32);
    }
    if let Some(doc) = text("doc") {
        builder = builder.doc(doc);
    }
    if let Some(parameters) = object.get("parameters").and_then(Json::as_object) {
        for (key, value) in parameters {
            builder = builder.parameter(key, value.as_str().expect("a text"));
        }
    }
    for field in object.get("fields").and_then(Json::as_array).into_iter().flatten() {
        let schema = read_schema(&field["schema"]).expect("a field's schema");
        builder = builder.field(field["name"].as_str().expect("a field's name"), schema);
    }
    if let Some(default) = object.get("default").filter(|default| !default.is_null()) {
        let so_far = builder.clone().build().expect("a schema");
        builder = builder.default_value(read_value(default, Some(&so_far)));
    }
    builder.build().expect("a schema")
}

/// Writes a schema.
pub fn write_schema(schema: Option<&Schema>) -> Json {
    let Some(schema) = schema else {
        return Json::Null;
    };
    if let Some(short) = short_name(schema) {
        return json!(format!("{short}{}", if schema.is_optional() { "?" } else { "" }));
    }
    let mut object = Object::new();
    object.insert("type".to_owned(), json!(schema.ty().name()));
    let mut put = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    };
    put("optional", schema.is_optional().then_some(Json::Bool(true)));
    put("name", schema.name().map(Json::from));
    put("version", schema.version().map(Json::from));
    put("doc", schema.doc().map(Json::from));
    let parameters: Object<String, Json> =
        schema.parameters().map(|(key, value)| (key.to_owned(), value.into())).collect();
    put("parameters", (!parameters.is_empty()).then_some(Json::Object(parameters)));
    put("default", schema.default_value().map(|default| write_value(default, Some(schema))));
    match schema.ty() {
        Type::Array => put("items", Some(write_schema(schema.value_schema().unwrap()))),
        Type::Map => {
            put("keys", Some(write_schema(schema.key_schema().unwrap())));
            put("values", Some(write_schema(schema.value_schema().unwrap())));
        }
        Type::Struct => {
            let field = |field: &Field| json!({"name": field.name().as_str(), "schema": write_schema(Some(field.schema()))});
            put("fields", Some(schema.fields().unwrap().iter().map(field).collect()));
        }
        _ => {}
    }
    Json::Object(object)
}

/// The name that says everything about the schema but whether it is optional.
fn short_name(schema: &Schema) -> Option<String> {
    let required = schema.with_optional(false);
    if !schema.ty().is_primitive() {
        return None;
    }
    if required == Schema::builder(schema.ty()).build().unwrap() {
        return Some(schema.ty().name().to_owned());
    }
    for (name, logical) in
        [("date", Schema::date()), ("time", Schema::time()), ("timestamp", Schema::timestamp())]
    {
        if required == logical {
            return Some(name.to_owned());
        }
    }
    let scale = schema.parameter(logical::SCALE)?.parse().ok()?;
    (required == Schema::decimal(scale)).then(|| format!("decimal({scale})"))
}

/// Reads a value that stands where `schema` describes it.
pub fn read_value(json: &Json, schema: Option<&Schema>) -> Value {
    let object = match json {
        Json::Null => return Value::Null,
        Json::Bool(value) => return Value::from(*value),
        Json::String(text) => return Value::from(text),
        Json::Object(object) => object,
        other => panic!("not a value: {other}"),
    };
    let (tag, content) =
        object.iter().find(|(tag, _)| *tag != "schema").unwrap_or_else(|| panic!("not a value: {json}"));
    let integer = || content.as_i64().expect("an integer");
    match tag.as_str() {
        "i8" => Value::from(integer() as i8),
        "i16" => Value::from(integer() as i16),
        "i32" => Value::from(integer() as i32),
        "i64" => Value::from(integer()),
        "f32" => Value::from(match content.as_str() {
            Some(text) => text.replace("Infinity", "inf").parse().expect("a float"),
            None => content.as_f64().expect("a float") as f32,
        }),
        "f64" => Value::from(match content.as_str() {
            Some(text) => text.replace("Infinity", "inf").parse().expect("a float"),
            None => content.as_f64().expect("a float"),
        }),
        "bytes" | "bytebuffer" => {
            Value::from(java::base64_decode(content.as_str().expect("a text").as_bytes()).expect("Base64"))
        }
        "decimal" => {
            let unscaled: Decimal = content[0].as_str().expect("digits").parse().expect("digits");
            let scale = content[1].as_i64().expect("a scale") as i32;
            Value::from(Decimal::from_be_bytes(&unscaled.to_be_bytes(), scale))
        }
        "bigint" => Value::from(content.as_str().expect("digits").parse::<BigInteger>().expect("digits")),
        "date" => Value::from(Date(integer())),
        "list" => {
            let element = schema.and_then(|schema| schema.value_schema().ok().flatten());
            let elements = content.as_array().expect("a list").iter().map(|value| read_value(value, element));
            Value::Array(elements.collect())
        }
        "map" => {
            let (keys, values) = match schema {
                Some(schema) if schema.ty() == Type::Map => {
                    (schema.key_schema().unwrap(), schema.value_schema().unwrap())
                }
                _ => (None, None),
            };
            let entries = content.as_array().expect("a list of entries").iter();
            let entries = entries.map(|entry| (read_value(&entry[0], keys), read_value(&entry[1], values)));
            Value::Map(Map::from_entries(entries.collect()))
        }
        "struct" => {
            let stated = object.get("schema").and_then(read_schema);
            let schema = stated.as_ref().or(schema).expect("a struct's schema");
            let mut value = Struct::new(schema.clone()).expect("a struct's schema");
            for (name, content) in content.as_object().expect("a struct") {
                let field = schema.field(name).unwrap().unwrap_or_else(|| panic!("no field {name}"));
                let content = read_value(content, Some(field.schema()));
                if !content.is_null() {
                    value.put(field, content).expect("a value that fits");
                }
            }
            Value::from(value)
        }
        other => panic!("no such tag: {other}"),
    }
}

/// Writes a value that stands where `schema` describes it.
pub fn write_value(value: &Value, schema: Option<&Schema>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Int8(value) => json!({"i8": value}),
        Value::Int16(value) => json!({"i16": value}),
        Value::Int32(value) => json!({"i32": value}),
        Value::Int64(value) => json!({"i64": value}),
        Value::Float32(value) => json!({"f32": number(f64::from(*value), &java::float_to_string(*value))}),
        Value::Float64(value) => json!({"f64": number(*value, &java::double_to_string(*value))}),
        Value::String(text) => json!(text.as_str()),
        Value::Bytes(bytes) => json!({"bytes": java::base64_encode(bytes)}),
        Value::Decimal(value) => json!({"decimal": [value.unscaled_text(), value.scale()]}),
        Value::BigInteger(value) => json!({"bigint": value.to_string()}),
        Value::Date(date) => json!({"date": date.0}),
        Value::Array(list) => {
            let element = schema.and_then(|schema| schema.value_schema().ok().flatten());
            json!({"list": list.iter().map(|value| write_value(&value.to_value(), element)).collect::<Vec<_>>()})
        }
        Value::Map(map) => {
            let (keys, values) = match schema {
                Some(schema) if schema.ty() == Type::Map => {
                    (schema.key_schema().unwrap(), schema.value_schema().unwrap())
                }
                _ => (None, None),
            };
            let entry =
                |(key, value): (Value, Value)| json!([write_value(&key, keys), write_value(&value, values)]);
            json!({"map": map.clone().into_iter().map(entry).collect::<Vec<_>>()})
        }
        Value::Struct(value) => {
            let field = |(field, value): (&Field, &Value)| {
                (field.name().to_string(), write_value(value, Some(field.schema())))
            };
            let fields: Object<String, Json> = value.iter().map(field).collect();
            if schema == Some(value.schema()) {
                json!({"struct": fields})
            } else {
                json!({"struct": fields, "schema": write_schema(Some(value.schema()))})
            }
        }
        other => panic!("a value of a new kind: {other:?}"),
    }
}

/// A number as JSON has it, and as text where JSON has none.
fn number(value: f64, text: &str) -> Json {
    if value.is_finite() && !(value == 0.0 && value.is_sign_negative()) { json!(value) } else { json!(text) }
}

/// Reads `{"schema","value"}`; members that are missing are null.
pub fn read_data(json: &Json) -> SchemaAndValue {
    let schema = json.get("schema").and_then(read_schema);
    let value = json.get("value").map_or(Value::Null, |value| read_value(value, schema.as_ref()));
    SchemaAndValue::new(schema, value)
}

/// Writes `{"schema","value"}`.
pub fn write_data(data: &SchemaAndValue) -> Json {
    let schema = data.schema.as_ref();
    json!({"schema": write_schema(schema), "value": write_value(&data.value, schema)})
}

/// Reads a record.
pub fn read_record(json: &Json) -> Record {
    let part = |name: &str| json.get(name).map_or(SchemaAndValue::NULL, read_data);
    let headers: Headers = json["headers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|header| Header::new(header["name"].as_str().expect("a header's name"), read_data(header)))
        .collect();
    let mut record = Record::new(json["topic"].as_str().unwrap_or_default(), part("value"));
    record.key = part("key");
    record.headers = headers;
    record.kafka_partition = json["partition"].as_i64().map(|partition| partition as i32);
    record.timestamp = json["timestamp"].as_i64();
    match json["offset"].as_i64() {
        Some(offset) => record.with_kafka_offset(offset),
        None => record,
    }
}

/// Writes a record.
pub fn write_record(record: &Record) -> Json {
    let header = |header: &Header| {
        let mut json = write_data(header.data());
        json["name"] = json!(header.key().as_str());
        json
    };
    let mut json = json!({
        "topic": record.topic.as_str(),
        "partition": record.kafka_partition,
        "timestamp": record.timestamp,
        "key": write_data(&record.key),
        "value": write_data(&record.value),
        "headers": record.headers.iter().map(header).collect::<Vec<_>>(),
    });
    if let Some(offset) = record.kafka_offset() {
        json["offset"] = json!(offset);
    }
    json
}

#[test]
fn what_is_written_is_read_again() {
    let json = json!({
        "topic": "t", "partition": 3, "timestamp": 5, "offset": 7,
        "key": {"schema": "decimal(2)?", "value": {"decimal": ["12345", 2]}},
        "value": {
            "schema": {"type": "struct", "name": "n", "version": 1, "doc": "d", "parameters": {"p": "q"}, "fields": [
                {"name": "a", "schema": {"type": "array", "optional": true, "items": "int8"}},
                {"name": "m", "schema": {"type": "map", "keys": "int32", "values": {"type": "string", "default": "x"}}},
                {"name": "f", "schema": "float64?"},
                {"name": "b", "schema": "bytes"},
            ]},
            "value": {"struct": {
                "a": {"list": [{"i8": 1}]}, "m": {"map": [[{"i32": 1}, "one"]]}, "f": {"f64": "-0.0"}, "b": {"bytes": "AQI="},
            }},
        },
        "headers": [{"name": "h", "schema": "timestamp", "value": {"date": 1}}, {"name": "h", "schema": null, "value": null}],
    });
    assert_eq!(write_record(&read_record(&json)), json);
}
