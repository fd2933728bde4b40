//! Values and schemas by themselves: parsing, conversion, inference, projection, equality, validation.

use connect_api::data::{SchemaProjector, values};
use connect_api::{Schema, SchemaAndValue, Value};

use crate::Json;
use crate::failure::{Answer, bad_case, null_pointer, staged};
use crate::notation::{read_data, read_schema, read_value, write_data, write_schema, write_value};

pub(super) fn parse(case: &Json) -> Answer {
    match case.text("text") {
        Some(text) => Ok(values::parse_string(&text)?.as_ref().map(write_data).into()),
        None => Ok(write_data(&SchemaAndValue::NULL)),
    }
}

pub(super) fn convert(case: &Json) -> Answer {
    let data = staged("input", read_data(case))?;
    staged("apply", converted(case, data.schema.as_ref(), &data.value))
}

fn converted(case: &Json, from: Option<&Schema>, value: &Value) -> Answer {
    let to = case.text("to").unwrap_or_else(|| "null".to_owned());
    let converted: Value = match to.as_str() {
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
        "struct" => {
            let converted = Value::from(values::convert_to_struct(from, value)?);
            return Ok(write_value(&converted, from));
        }
        "date" => values::convert_to_date(from, value)?.into(),
        "time" => values::convert_to_time(from, value)?.into(),
        "timestamp" => values::convert_to_timestamp(from, value)?.into(),
        "decimal" => {
            let scale = case.get("scale").map_or(0, Json::as_int);
            values::convert_to_decimal(from, value, scale)?.into()
        }
        _ => return bad_case(format!("unknown target {}", case.get("to").unwrap_or(&Json::Null))),
    };
    Ok(write_value(&converted, None))
}

pub(super) fn infer(case: &Json) -> Answer {
    let value = read_value(case.get("value"), None)?;
    Ok(Json::tagged("schema", write_schema(values::infer_schema(&value)?.as_ref())))
}

pub(super) fn project(case: &Json) -> Answer {
    let source = read_schema(case.get("source"))?;
    let target = read_schema(case.get("target"))?;
    let value = read_value(case.get("value"), source.as_ref())?;
    let Some((source, target)) = source.zip(target) else {
        return null_schema("type", if case.some("source").is_none() { "source" } else { "target" });
    };
    let projected = SchemaProjector::project(&source, &value, &target)?;
    Ok(Json::tagged("value", write_value(&projected, Some(&target))))
}

fn null_schema(method: &str, name: &str) -> Answer {
    let class = "org.apache.kafka.connect.data.Schema";
    null_pointer(format!("Cannot invoke \"{class}.{method}()\" because \"{name}\" is null"))
}

pub(super) fn equal(case: &Json) -> Answer {
    let (a, b) = (read_schema(case.get("a"))?, read_schema(case.get("b"))?);
    let equal = a == b;
    // Equal schemas have equal hashes, but for Java's arrays, which hash by identity.
    let same_hash = equal && !a.is_some_and(|schema| has_bytes_default(&schema));
    Ok(Json::object([("equal", equal.into()), ("same_hash", same_hash.into())]))
}

fn has_bytes_default(schema: &Schema) -> bool {
    let inside = |schema: connect_api::Result<Option<&Schema>>| {
        schema.is_ok_and(|schema| schema.is_some_and(has_bytes_default))
    };
    matches!(schema.default_value(), Some(Value::Bytes(_)))
        || inside(schema.key_schema())
        || inside(schema.value_schema())
        || schema.fields().is_ok_and(|fields| fields.iter().any(|field| has_bytes_default(field.schema())))
}

pub(super) fn text(case: &Json) -> Answer {
    let schema = read_schema(case.get("schema"))?;
    Ok(Json::Text(schema.map_or_else(|| "null".to_owned(), |schema| schema.to_string())))
}

pub(super) fn validate(case: &Json) -> Answer {
    let schema = read_schema(case.get("schema"))?;
    let value = read_value(case.get("value"), schema.as_ref())?;
    let Some(schema) = schema else {
        return null_schema(if value.is_null() { "isOptional" } else { "name" }, "schema");
    };
    schema.validate_value(&value)?;
    Ok("valid".into())
}
