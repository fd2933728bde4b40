//! Schemas.

use connect_api::data::{EnclosingStruct, Field, SchemaBuilder, Type, logical};
use connect_api::{Error, ErrorKind, Schema, Value};

use super::numbers::parse_int;
use super::{read_value, write_value};
use crate::Json;
use crate::failure::{Answer, bad_case, null_pointer, thrown};

/// Reads a schema; nothing and `null` are no schema.
///
/// # Errors
///
/// A bad case when the type is unknown; what the builder refuses otherwise.
pub fn read_schema(json: Option<&Json>) -> Answer<Option<Schema>> {
    read_inside(json, None)
}

/// A struct whose fields are being read.
struct Around<'a> {
    name: Option<String>,
    optional: bool,
    itself: EnclosingStruct,
    next: Option<&'a Self>,
}

fn read_inside(json: Option<&Json>, around: Option<&Around<'_>>) -> Answer<Option<Schema>> {
    match json {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Text(name)) => short(name).map(Some),
        Some(object) => match object.text("recursive") {
            Some(name) => recursive(object, &name, around).map(Some),
            None => full(object, around).map(Some),
        },
    }
}

/// The enclosing struct of a name; optional as that is, or else as it says itself.
fn recursive(json: &Json, name: &str, mut around: Option<&Around<'_>>) -> Answer<Schema> {
    while let Some(here) = around {
        if here.name.as_deref() == Some(name) {
            let builder = here.itself.named(name);
            let optional = here.optional || json.flag("optional").unwrap_or(false);
            return Ok(if optional { builder.optional() } else { builder }.build()?);
        }
        around = here.next;
    }
    bad_case(format!("there is no struct {name} around"))
}

fn type_of(name: &str) -> Option<Type> {
    Type::ALL.into_iter().find(|ty| ty.name() == name)
}

fn short(text: &str) -> Answer<Schema> {
    let (name, optional) = text.strip_suffix('?').map_or((text, false), |name| (name, true));
    let schema = match name {
        "date" => Schema::date(),
        "time" => Schema::time(),
        "timestamp" => Schema::timestamp(),
        _ => match (name.strip_prefix("decimal("), type_of(name)) {
            (Some(scale), _) => {
                let mut scale = scale.to_owned();
                if scale.pop().is_none() {
                    let message = "begin 8, end 7, length 8";
                    return thrown("java.lang.StringIndexOutOfBoundsException", message);
                }
                Schema::decimal(parse_int(&scale)?)
            }
            (None, Some(ty)) => Schema::builder(ty).build()?,
            (None, None) => return bad_case(format!("unknown schema {name}")),
        },
    };
    Ok(schema.with_optional(optional))
}

fn full(json: &Json, around: Option<&Around<'_>>) -> Answer<Schema> {
    let Some(ty) = json.text("type").and_then(|name| type_of(&name)) else {
        return bad_case(format!("unknown schema type {}", json.get("type").unwrap_or(&Json::Null)));
    };
    let part = |name: &str| read_inside(json.get(name), around);
    let typeless = match ty {
        Type::Array => json.some("items").is_none(),
        Type::Map => json.some("keys").is_none() || json.some("values").is_none(),
        _ => false,
    };
    let mut builder = match ty {
        Type::Array => SchemaBuilder::array(part("items")?),
        Type::Map => SchemaBuilder::map(part("keys")?, part("values")?),
        ty => SchemaBuilder::new(ty),
    };
    let here = Around {
        name: json.text("name"),
        optional: json.flag("optional").unwrap_or(false),
        itself: EnclosingStruct::new(),
        next: around,
    };
    if ty == Type::Struct {
        let mut names = std::collections::HashSet::new();
        for field in json.get("fields").map(Json::children).unwrap_or_default() {
            let name = field.text("name");
            let Some(schema) = read_inside(field.get("schema"), Some(&here))? else {
                // The builder looks at the name first.
                return match name.filter(|name| !name.is_empty()) {
                    None => builder_error("fieldName cannot be null.", None),
                    Some(name) => {
                        builder_error(&format!("fieldSchema for field {name} cannot be null."), None)
                    }
                };
            };
            let name = name.unwrap_or_default();
            let refused = name.is_empty() || !names.insert(name.clone());
            builder = builder.field(name, schema);
            if refused {
                // Before the next field is looked at.
                builder.clone().build()?;
            }
        }
    }
    if let Some(name) = json.text("name") {
        builder = builder.name(name);
    }
    match json.get("version") {
        // A schema without element schemas is made in one step, which takes null for none.
        Some(Json::Null) if typeless => {}
        Some(version) => builder = builder.version(version.as_int()),
        None => {}
    }
    if let Some(doc) = json.text("doc") {
        builder = builder.doc(doc);
    }
    match json.get("parameters") {
        None => {}
        Some(Json::Null) if typeless => {}
        Some(Json::Null) => {
            return null_pointer("Cannot invoke \"java.util.Map.isEmpty()\" because \"props\" is null");
        }
        Some(parameters) => {
            builder =
                builder.parameters(parameters.members().iter().map(|(key, value)| (key, value.as_text())));
        }
    }
    if json.flag("optional").unwrap_or(false) {
        builder = builder.optional();
    }
    if let Some(default) = json.get("default") {
        let so_far = builder.clone().build()?;
        let at = (!typeless).then_some(&so_far);
        let default = read_value(Some(default), at)?;
        if typeless {
            return Ok(builder.unchecked_default(default).build()?);
        }
        if matches!(default, Value::Struct(_)) && ty == Type::Struct {
            // Java compares the schema being built, which is another class, with the finished one.
            let cause = Error::data("Struct schemas do not match.");
            return builder_error("Invalid default value", Some(cause));
        }
        builder = builder.default_value(default);
    }
    if ty == Type::Struct {
        return Ok(here.itself.complete(builder)?);
    }
    Ok(builder.build()?)
}

fn builder_error<T>(message: &str, cause: Option<Error>) -> Answer<T> {
    let error = Error::new(ErrorKind::SchemaBuilder, message);
    Err(match cause {
        Some(cause) => error.with_source(cause),
        None => error,
    }
    .into())
}

/// Writes a schema.
pub fn write_schema(schema: Option<&Schema>) -> Json {
    let Some(schema) = schema else {
        return Json::Null;
    };
    if let Some(short) = short_name(schema) {
        return Json::Text(format!("{short}{}", if schema.is_optional() { "?" } else { "" }));
    }
    let mut json = Json::tagged("type", schema.ty().name());
    if schema.is_optional() {
        json.set("optional", true);
    }
    if schema.is_recursive() {
        json.set("recursive", schema.name().unwrap_or_default());
        return json;
    }
    for (name, value) in [
        ("name", schema.name().map(Json::from)),
        ("version", schema.version().map(Json::from)),
        ("doc", schema.doc().map(Json::from)),
    ] {
        if let Some(value) = value {
            json.set(name, value);
        }
    }
    if schema.parameters().len() > 0 {
        let parameters = schema.parameters().map(|(key, value)| (key.to_owned(), value.into()));
        json.set("parameters", Json::Object(parameters.collect()));
    }
    if let Some(default) = schema.default_value() {
        json.set("default", write_value(default, Some(schema)));
    }
    if schema.ty() == Type::Array {
        json.set("items", write_schema(schema.value_schema().ok().flatten()));
    }
    if schema.ty() == Type::Map {
        json.set("keys", write_schema(schema.key_schema().ok().flatten()));
        json.set("values", write_schema(schema.value_schema().ok().flatten()));
    }
    if let Ok(fields) = schema.fields() {
        let field = |field: &Field| {
            Json::object([
                ("name", field.name().as_str().into()),
                ("schema", write_schema(Some(field.schema()))),
            ])
        };
        json.set("fields", fields.iter().map(field).collect::<Json>());
    }
    json
}

/// The name that says everything about the schema but whether it is optional.
fn short_name(schema: &Schema) -> Option<String> {
    if !schema.ty().is_primitive() || schema.doc().is_some() || schema.default_value().is_some() {
        return None;
    }
    let parameters = schema.parameters().len();
    if schema.name().is_none() && schema.version().is_none() && parameters == 0 {
        return Some(schema.ty().name().to_owned());
    }
    if schema.version() != Some(1) {
        return None;
    }
    let digits = |scale: &str| {
        let digits = scale.strip_prefix('-').unwrap_or(scale);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    match (schema.ty(), schema.name()?, parameters) {
        (Type::Int32, logical::DATE, 0) => Some("date".to_owned()),
        (Type::Int32, logical::TIME, 0) => Some("time".to_owned()),
        (Type::Int64, logical::TIMESTAMP, 0) => Some("timestamp".to_owned()),
        (Type::Bytes, logical::DECIMAL, 1) => {
            let scale = schema.parameter(logical::SCALE).filter(|scale| digits(scale))?;
            Some(format!("decimal({scale})"))
        }
        _ => None,
    }
}
