//! Values.

use connect_api::data::{BigInteger, Date, Decimal, Field, Map, Type, java};
use connect_api::{Schema, Struct, Value};

use super::numbers::{base64, parse_float, parse_int, parse_long, parse_small};
use super::{floating, read_schema, write_schema};
use crate::Json;
use crate::failure::{Answer, bad_case, null_pointer};

/// Reads a value that stands where `schema` describes it; nothing is null.
///
/// # Errors
///
/// A bad case when it has no tag or an unknown one, or a struct no schema or no such field; what Java's classes refuse
/// otherwise, such as a number that is too large or a field that does not take the value.
pub fn read_value(json: Option<&Json>, schema: Option<&Schema>) -> Answer<Value> {
    let json = match json {
        None | Some(Json::Null) => return Ok(Value::Null),
        Some(Json::Bool(value)) => return Ok(Value::from(*value)),
        Some(Json::Text(text)) => return Ok(Value::from(text)),
        Some(json) => json,
    };
    let Some((tag, content)) = json.members().first() else {
        return bad_case(format!("untagged value {json}"));
    };
    let text = content.as_text();
    Ok(match tag.as_str() {
        "i8" => Value::Int8(parse_small(&text)?),
        "i16" => Value::Int16(parse_small(&text)?),
        "i32" => Value::Int32(parse_int(&text)?),
        "i64" => Value::Int64(parse_long(&text)?),
        "f32" => Value::Float32(parse_float(&text)?),
        "f64" => Value::Float64(parse_float(&text)?),
        // Bytes are one type here.
        "bytes" | "bytebuffer" => Value::from(base64(&text)?),
        "decimal" => {
            let missing = |method: &str| {
                let node = "com.fasterxml.jackson.databind.JsonNode";
                let why = format!("because the return value of \"{node}.get(int)\" is null");
                null_pointer(format!("Cannot invoke \"{node}.{method}()\" {why}"))
            };
            let Some(unscaled) = content.at(0) else { return missing("asText") };
            let unscaled: BigInteger = unscaled.as_text().parse()?;
            let Some(scale) = content.at(1) else { return missing("asInt") };
            Value::from(Decimal::from_be_bytes(&unscaled.to_decimal().to_be_bytes(), scale.as_int()))
        }
        "bigint" => Value::from(text.parse::<BigInteger>()?),
        "date" => Value::from(Date(content.as_long())),
        "list" => {
            let element = schema.filter(|schema| schema.ty() == Type::Array);
            let element = element.and_then(|schema| schema.value_schema().ok().flatten());
            let elements = content.children().into_iter().map(|value| read_value(Some(value), element));
            Value::Array(elements.collect::<Answer<Vec<Value>>>()?.into())
        }
        "map" => {
            let (keys, values) = entry_schemas(schema);
            let entries = content.children().into_iter();
            let entries =
                entries.map(|entry| Ok((read_value(entry.at(0), keys)?, read_value(entry.at(1), values)?)));
            Value::Map(Map::from_entries(entries.collect::<Answer<_>>()?))
        }
        "struct" => read_struct(json, content, schema)?,
        other => return bad_case(format!("unknown value tag {other}")),
    })
}

fn read_struct(json: &Json, content: &Json, schema: Option<&Schema>) -> Answer<Value> {
    let own = match json.get("schema") {
        Some(stated) => read_schema(Some(stated))?,
        None => schema.cloned(),
    };
    let Some(own) = own.filter(|own| own.ty() == Type::Struct) else {
        return bad_case("struct without a struct schema");
    };
    let mut value = Struct::new(own.clone())?;
    for (name, content) in content.members() {
        let Some(field) = own.field(name)? else {
            return bad_case(format!("no field {name}"));
        };
        if *content != Json::Null {
            value.put(field, read_value(Some(content), Some(field.schema()))?)?;
        }
    }
    Ok(Value::from(value))
}

fn entry_schemas(schema: Option<&Schema>) -> (Option<&Schema>, Option<&Schema>) {
    match schema {
        Some(schema) if schema.ty() == Type::Map => {
            (schema.key_schema().ok().flatten(), schema.value_schema().ok().flatten())
        }
        _ => (None, None),
    }
}

/// Writes a value that stands where `schema` describes it.
pub fn write_value(value: &Value, schema: Option<&Schema>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => Json::from(*value),
        Value::Int8(value) => Json::tagged("i8", i64::from(*value)),
        Value::Int16(value) => Json::tagged("i16", *value),
        Value::Int32(value) => Json::tagged("i32", *value),
        Value::Int64(value) => Json::tagged("i64", *value),
        Value::Float32(value) => {
            Json::tagged("f32", number(f64::from(*value), || floating::of_single(*value)))
        }
        Value::Float64(value) => Json::tagged("f64", number(*value, || floating::of_double(*value))),
        Value::String(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::tagged("bytes", java::base64_encode(bytes)),
        Value::Decimal(value) => {
            Json::tagged("decimal", vec![Json::from(value.unscaled_text()), Json::from(value.scale())])
        }
        Value::BigInteger(value) => Json::tagged("bigint", value.to_string()),
        Value::Date(date) => Json::tagged("date", date.0),
        Value::Array(list) => {
            let element = schema.filter(|schema| schema.ty() == Type::Array);
            let element = element.and_then(|schema| schema.value_schema().ok().flatten());
            Json::tagged(
                "list",
                list.iter().map(|value| write_value(&value.to_value(), element)).collect::<Json>(),
            )
        }
        Value::Map(map) => {
            let (keys, values) = entry_schemas(schema);
            let entry = |(key, value): (connect_api::data::ValueRef<'_>, connect_api::data::ValueRef<'_>)| {
                Json::from(vec![write_value(&key.to_value(), keys), write_value(&value.to_value(), values)])
            };
            Json::tagged("map", map.entries().map(entry).collect::<Json>())
        }
        Value::Struct(value) => {
            let field = |(field, value): (&Field, &Value)| {
                (field.name().to_string(), write_value(value, Some(field.schema())))
            };
            let mut json = Json::tagged("struct", Json::Object(value.iter().map(field).collect()));
            if schema != Some(value.schema()) {
                json.set("schema", write_schema(Some(value.schema())));
            }
            json
        }
        other => Json::tagged("java", other.java_class_name()),
    }
}

/// A number as JSON has it, and as text where JSON has none.
fn number(value: f64, digits: impl Fn() -> Decimal) -> Json {
    let negative_zero = value == 0.0 && value.is_sign_negative();
    match value.is_finite() && !negative_zero {
        true => Json::Decimal(digits()),
        false => Json::Text(java::double_to_string(value)),
    }
}
