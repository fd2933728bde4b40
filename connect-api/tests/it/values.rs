//! Values, schemas and projection against the answers of Kafka Connect's own classes.

use connect_api::data::{SchemaProjector, values};
use connect_api::{Result, Schema, SchemaAndValue, Value};
use serde_json::{Value as Json, json};

use crate::notation::{read_schema, read_value, write_schema};

/// An answer in a form that can be compared: maps without order, numbers by value.
#[derive(Debug, PartialEq)]
enum Answer {
    Data(Option<SchemaAndValue>),
    Json(Json),
    Error { class: String, message: String },
}

fn answer(case: &Json) -> Answer {
    match run(case) {
        Ok(answer) => answer,
        Err(error) => {
            Answer::Error { class: error.java_class().to_owned(), message: error.message().to_owned() }
        }
    }
}

fn run(case: &Json) -> Result<Answer> {
    let schema = |name: &str| case.get(name).and_then(read_schema);
    let value = |name: &str, schema: Option<&Schema>| {
        case.get(name).map_or(Value::Null, |json| read_value(json, schema))
    };
    let data = |schema: Option<&Schema>, value: Value| {
        Answer::Data(Some(SchemaAndValue::new(schema.cloned(), value)))
    };
    Ok(match case["op"].as_str().unwrap() {
        "values_parse" => Answer::Data(values::parse_string(case["text"].as_str().unwrap())?),
        "values_infer" => Answer::Json(write_schema(values::infer_schema(&value("value", None))?.as_ref())),
        "values_convert" => {
            let from = schema("schema");
            data(None, convert(case, from.as_ref(), &value("value", from.as_ref()))?)
        }
        "project" => {
            let (source, target) = (schema("source").unwrap(), schema("target").unwrap());
            let projected = SchemaProjector::project(&source, &value("value", Some(&source)), &target)?;
            data(Some(&target), projected)
        }
        "schema_equal" => Answer::Json(json!(schema("a") == schema("b"))),
        "validate_value" => {
            let schema = schema("schema").unwrap();
            schema.validate_value(&value("value", Some(&schema)))?;
            Answer::Json(json!("valid"))
        }
        other => panic!("no such operation: {other}"),
    })
}

fn convert(case: &Json, from: Option<&Schema>, value: &Value) -> Result<Value> {
    Ok(match case["to"].as_str().unwrap() {
        "boolean" => values::convert_to_boolean(from, value)?.into(),
        "int8" => values::convert_to_byte(from, value)?.into(),
        "int16" => values::convert_to_short(from, value)?.into(),
        "int32" => values::convert_to_integer(from, value)?.into(),
        "int64" => values::convert_to_long(from, value)?.into(),
        "float32" => values::convert_to_float(from, value)?.into(),
        "float64" => values::convert_to_double(from, value)?.into(),
        "string" => values::convert_to_string(from, value)?.into(),
        "list" => values::convert_to_list(from, value)?.into(),
        "map" => values::convert_to_map(from, value)?.into(),
        "struct" => values::convert_to_struct(from, value)?.into(),
        "date" => values::convert_to_date(from, value)?.into(),
        "time" => values::convert_to_time(from, value)?.into(),
        "timestamp" => values::convert_to_timestamp(from, value)?.into(),
        "decimal" => {
            values::convert_to_decimal(from, value, case["scale"].as_i64().unwrap_or(0) as i32)?.into()
        }
        other => panic!("no such conversion: {other}"),
    })
}

fn expected(case: &Json, expected: &Json) -> Answer {
    if let Some(error) = expected.get("error") {
        let text = |name: &str| error[name].as_str().unwrap_or("null").to_owned();
        return Answer::Error { class: text("class"), message: text("message") };
    }
    let ok = &expected["ok"];
    let with_schema = |schema: Option<Schema>, value: &Json| {
        let value = read_value(value, schema.as_ref());
        Answer::Data(Some(SchemaAndValue::new(schema, value)))
    };
    match case["op"].as_str().unwrap() {
        "values_parse" if ok.is_null() => Answer::Data(None),
        "values_parse" => with_schema(read_schema(&ok["schema"]), &ok["value"]),
        "values_infer" => Answer::Json(ok["schema"].clone()),
        "values_convert" => with_schema(None, ok),
        "project" => with_schema(read_schema(&case["target"]), &ok["value"]),
        "schema_equal" => Answer::Json(ok["equal"].clone()),
        _ => Answer::Json(ok.clone()),
    }
}

fn compare(vectors: &str, at_least: usize) {
    let mut wrong = Vec::new();
    for line in vectors.lines() {
        let vector: Json = serde_json::from_str(line).unwrap();
        let (ours, theirs) = (answer(&vector["case"]), expected(&vector["case"], &vector["expected"]));
        if ours != theirs {
            wrong.push(format!("{}\n  ours   {ours:?}\n  theirs {theirs:?}", vector["case"]));
        }
    }
    let count = vectors.lines().count();
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= at_least, "vectors are missing: there are {count}");
}

#[test]
fn every_answer_is_that_of_kafka_connect() {
    compare(include_str!("../vectors/values.jsonl"), 373);
}

#[test]
fn every_answer_to_a_random_case_is_that_of_kafka_connect() {
    compare(include_str!("../vectors/values-random.jsonl"), 1184);
}
