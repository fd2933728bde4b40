//! Reads a schema in Avro's JSON, with hints for the generator in `arg.properties`, into a Connect schema and its
//! [`Generator`].

use connect_api::data::{Date, Field, SchemaBuilder, Type, logical};
use connect_api::{Schema, Struct, Value};
use serde_json::{Map as Object, Value as Json};

use crate::generator::{Generator, Length, Number};
use crate::pattern::Pattern;

/// The longest text, list or map that a schema may ask for.
const LONGEST: u32 = 1_000_000;

/// What a place in the schema is, and what fills it.
type Typed = (Schema, Generator);
type Read<T> = Result<T, String>;

/// Reads a whole schema, which must be that of a record.
pub(crate) fn read(text: &str) -> Read<Typed> {
    let json: Json = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let (schema, generator) = any(&json, "")?;
    match generator {
        Generator::Record(..) => Ok((schema, generator)),
        _ => Err("the outermost type must be a record".to_owned()),
    }
}

fn any(json: &Json, namespace: &str) -> Read<Typed> {
    let none = Object::new();
    match json {
        Json::String(name) => typed(name, &none, namespace),
        Json::Array(branches) => union(branches, namespace),
        Json::Object(object) => match object.get("type") {
            Some(Json::String(name)) => typed(name, object, namespace),
            // {"type": {"type": …}} says no more than {"type": …}.
            Some(inner) => any(inner, namespace),
            None => Err("`type` is missing".to_owned()),
        },
        other => Err(format!("{other} is not a type")),
    }
}

fn union(branches: &[Json], namespace: &str) -> Read<Typed> {
    let (nulls, others): (Vec<_>, Vec<_>) = branches.iter().partition(|branch| *branch == "null");
    match (nulls.len(), others.as_slice()) {
        (1, [one]) => {
            let (schema, generator) = any(one, namespace)?;
            Ok((schema.with_optional(true), Generator::Nullable(Box::new(generator))))
        }
        _ => Err("a union must be of null and one other type".to_owned()),
    }
}

fn typed(name: &str, object: &Object<String, Json>, namespace: &str) -> Read<Typed> {
    let hints = Hints::of(object)?;
    let logical = object.get("logicalType").and_then(Json::as_str);
    let number = |schema: Schema, number, first, last| -> Read<Typed> {
        let generator = match hints.options(&schema)? {
            Some(options) => options,
            None => hints.integer(number, first, last)?,
        };
        Ok((schema, generator))
    };
    let (schema, generator) = match (name, logical) {
        ("boolean", _) => {
            let odds = hints.number("odds")?.unwrap_or(0.5);
            (Schema::BOOLEAN, hints.options(&Schema::BOOLEAN)?.unwrap_or(Generator::Boolean(odds)))
        }
        ("int", Some("date")) => {
            hints.options(&Schema::date())?;
            let days = |days: i64| days * logical::MILLIS_PER_DAY;
            let Generator::Integer(_, first, last) = hints.integer(Number::Date, 0, 20_000)? else {
                return Err("a date takes a range of days".to_owned());
            };
            let options = (first..=last).take(LONGEST as usize).map(|day| Value::from(Date(days(day))));
            (Schema::date(), Generator::Options(options.collect()))
        }
        ("int", Some("time-millis")) => number(Schema::time(), Number::Date, 0, logical::MILLIS_PER_DAY - 1)?,
        ("long", Some("timestamp-millis")) => {
            number(Schema::timestamp(), Number::Date, 0, 4_102_444_800_000)?
        }
        ("bytes", Some("decimal")) => {
            let scale = object.get("scale").and_then(Json::as_i64).unwrap_or(0);
            let scale = i32::try_from(scale).map_err(|_| format!("{scale} is no scale"))?;
            number(Schema::decimal(scale), Number::Decimal(scale), 0, 1_000_000)?
        }
        ("int", _) => number(Schema::INT32, Number::Int, i32::MIN.into(), i32::MAX.into())?,
        ("long", _) => number(Schema::INT64, Number::Long, i64::MIN, i64::MAX)?,
        ("float", _) => float(&hints, Schema::FLOAT32, Number::Float)?,
        ("double", _) => float(&hints, Schema::FLOAT64, Number::Double)?,
        ("string", _) => (Schema::STRING, hints.text()?),
        ("bytes" | "fixed", _) => {
            let fixed = object.get("size").and_then(Json::as_u64).and_then(|size| u32::try_from(size).ok());
            let default =
                fixed.filter(|size| *size <= LONGEST).map_or(Length(8, 16), |size| Length(size, size));
            (Schema::BYTES, Generator::Bytes(hints.length(default)?))
        }
        ("enum", _) => {
            let symbols =
                object.get("symbols").and_then(Json::as_array).filter(|symbols| !symbols.is_empty());
            let symbols = symbols.ok_or("an enum needs `symbols`")?;
            let symbols =
                symbols.iter().map(|symbol| literal(symbol, &Schema::STRING)).collect::<Read<Vec<_>>>()?;
            let options = hints.options(&Schema::STRING)?;
            (Schema::STRING, options.unwrap_or(Generator::Options(symbols)))
        }
        ("array", _) => {
            let (schema, element) = any(object.get("items").ok_or("an array needs `items`")?, namespace)?;
            let length = hints.length(Length(1, 4))?;
            (Schema::array(schema), Generator::Array(Box::new(element), length))
        }
        ("map", _) => {
            let (schema, value) = any(object.get("values").ok_or("a map needs `values`")?, namespace)?;
            let key = match hints.0.and_then(|hints| hints.get("keys")) {
                Some(keys) => Hints(keys.as_object()).text()?,
                None => Generator::Text(Length(4, 8)),
            };
            let length = hints.length(Length(1, 4))?;
            (Schema::map(Schema::STRING, schema), Generator::Map(Box::new(key), Box::new(value), length))
        }
        ("record", _) => record(object, &hints, namespace)?,
        (other, _) => return Err(format!("the type `{other}` is not supported")),
    };
    Ok((schema, generator))
}

fn float(hints: &Hints<'_>, schema: Schema, number: Number) -> Read<Typed> {
    let generator = match (hints.options(&schema)?, hints.iteration(number)?) {
        (Some(options), _) => options,
        (None, Some(iteration)) => iteration,
        (None, None) => {
            let (from, to) = hints.range()?;
            let (from, to) = (from.unwrap_or(0.0), to.unwrap_or_else(|| from.unwrap_or(0.0) + 1.0));
            if from > to {
                return Err(format!("`range` goes from {from} to {to}"));
            }
            Generator::Float(number, from, to)
        }
    };
    Ok((schema, generator))
}

fn record(object: &Object<String, Json>, hints: &Hints<'_>, outer: &str) -> Read<Typed> {
    let namespace = object.get("namespace").and_then(Json::as_str).unwrap_or(outer);
    let mut builder = SchemaBuilder::new(Type::Struct);
    if let Some(name) = object.get("name").and_then(Json::as_str) {
        builder = match namespace.is_empty() || name.contains('.') {
            true => builder.name(name),
            false => builder.name(format!("{namespace}.{name}")),
        };
    }
    let mut generators = Vec::new();
    for field in object.get("fields").and_then(Json::as_array).ok_or("a record needs `fields`")? {
        let name = field.get("name").and_then(Json::as_str).ok_or("a field needs a `name`")?;
        let ty = field.get("type").ok_or_else(|| format!("the field `{name}` needs a `type`"))?;
        let (schema, generator) =
            any(ty, namespace).map_err(|error| format!("in the field `{name}`: {error}"))?;
        builder = builder.field(name, schema);
        generators.push(generator);
    }
    let schema = builder.build().map_err(|error| error.to_string())?;
    let generator = match hints.options(&schema)? {
        Some(options) => options,
        None => Generator::Record(schema.clone(), generators),
    };
    Ok((schema, generator))
}

/// The `arg.properties` of a type.
struct Hints<'a>(Option<&'a Object<String, Json>>);

impl<'a> Hints<'a> {
    fn of(object: &'a Object<String, Json>) -> Read<Self> {
        match object.get("arg.properties") {
            None => Ok(Self(None)),
            Some(Json::Object(hints)) => {
                const KNOWN: [&str; 7] = ["options", "range", "regex", "length", "iteration", "odds", "keys"];
                match hints.keys().find(|key| !KNOWN.contains(&key.as_str())) {
                    Some(key) => Err(format!(
                        "`{key}` in `arg.properties` is not supported; known: {}",
                        KNOWN.join(", ")
                    )),
                    None => Ok(Self(Some(hints))),
                }
            }
            Some(other) => Err(format!("`arg.properties` must be an object, not {other}")),
        }
    }

    fn get(&self, key: &str) -> Option<&'a Json> {
        self.0.and_then(|hints| hints.get(key))
    }

    fn number(&self, key: &str) -> Read<Option<f64>> {
        self.get(key).map(|json| as_number(json, key)).transpose()
    }

    fn options(&self, schema: &Schema) -> Read<Option<Generator>> {
        let Some(options) = self.get("options") else { return Ok(None) };
        let options = options.as_array().filter(|options| !options.is_empty());
        let options = options.ok_or("`options` must be a list with at least one value")?;
        let options = options.iter().map(|option| literal(option, schema)).collect::<Read<Vec<_>>>()?;
        Ok(Some(Generator::Options(options)))
    }

    fn range(&self) -> Read<(Option<f64>, Option<f64>)> {
        let Some(range) = self.get("range") else { return Ok((None, None)) };
        let end = |key: &str| range.get(key).map(|json| as_number(json, key)).transpose();
        Ok((end("min")?, end("max")?))
    }

    /// Integers of a range, whose end is not included, or an iteration.
    fn integer(&self, number: Number, first: i64, last: i64) -> Read<Generator> {
        if let Some(iteration) = self.iteration(number)? {
            return Ok(iteration);
        }
        let range = self.get("range");
        let end =
            |key: &str| range.and_then(|range| range.get(key)).map(|json| as_integer(json, key)).transpose();
        let (min, max) =
            (end("min")?.unwrap_or(first), end("max")?.map_or(last, |max| max.saturating_sub(1)));
        // For the other types `first` and `last` are only what is usual.
        let bounded = last == i64::from(i32::MAX) || last == logical::MILLIS_PER_DAY - 1;
        if min > max || bounded && (min < first || max > last) {
            return Err(format!("`range` from {min} to {max} holds no value of the type, or others too"));
        }
        Ok(Generator::Integer(number, min, max))
    }

    fn iteration(&self, number: Number) -> Read<Option<Generator>> {
        let Some(iteration) = self.get("iteration") else { return Ok(None) };
        let part = |key: &str| iteration.get(key).map(|json| as_number(json, key)).transpose();
        let start = part("start")?.ok_or("`iteration` needs a `start`")?;
        let step = part("step")?.unwrap_or(1.0);
        if step == 0.0 {
            return Err("the `step` of an `iteration` must not be 0".to_owned());
        }
        let turns = part("restart")?.map(|restart| ((restart - start) / step).ceil());
        if turns.is_some_and(|turns| turns < 1.0) {
            return Err("an `iteration` must reach its `restart`".to_owned());
        }
        Ok(Some(Generator::Iteration { number, start, step, turns: turns.map(|turns| turns as u64) }))
    }

    fn text(&self) -> Read<Generator> {
        if let Some(options) = self.options(&Schema::STRING)? {
            return Ok(options);
        }
        match self.get("regex").map(|regex| regex.as_str().ok_or("`regex` must be text")).transpose()? {
            Some(regex) => {
                let pattern =
                    Pattern::parse(regex).map_err(|error| format!("in the `regex` {regex}: {error}"))?;
                Ok(Generator::Pattern(pattern))
            }
            None => Ok(Generator::Text(self.length(Length(8, 24))?)),
        }
    }

    /// A number, or `min` and, not included, `max`.
    fn length(&self, default: Length) -> Read<Length> {
        let Some(length) = self.get("length") else { return Ok(default) };
        let part = |json: &Json, key: &str| {
            let number = as_integer(json, key)?;
            let number = u32::try_from(number).ok().filter(|number| *number <= LONGEST);
            number.ok_or_else(|| format!("`{key}` must be a number from 0 to {LONGEST}"))
        };
        if length.is_number() {
            let length = part(length, "length")?;
            return Ok(Length(length, length));
        }
        let min = length.get("min").map_or(Ok(0), |min| part(min, "min"))?;
        let max = length.get("max").map_or(Ok(min + 1), |max| part(max, "max"))?;
        if max <= min {
            return Err(format!("`length` from {min} up to {max}, not included, is empty"));
        }
        Ok(Length(min, max - 1))
    }
}

fn as_number(json: &Json, key: &str) -> Read<f64> {
    json.as_f64().ok_or_else(|| format!("`{key}` must be a number, not {json}"))
}

fn as_integer(json: &Json, key: &str) -> Read<i64> {
    let whole = json.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i64);
    json.as_i64().or(whole).ok_or_else(|| format!("`{key}` must be a whole number, not {json}"))
}

/// A value that is written out in the schema.
fn literal(json: &Json, schema: &Schema) -> Read<Value> {
    let wrong = || format!("{json} is not a value of type {}", schema.ty());
    let value = match (schema.ty(), schema.name()) {
        _ if json.is_null() && schema.is_optional() => Value::Null,
        (Type::Boolean, None) => json.as_bool().map(Value::from).ok_or_else(wrong)?,
        (Type::Int32, None) => {
            let number = json.as_i64().and_then(|number| i32::try_from(number).ok());
            number.map(Value::from).ok_or_else(wrong)?
        }
        (Type::Int64, None) => json.as_i64().map(Value::from).ok_or_else(wrong)?,
        (Type::Float32, None) => json.as_f64().map(|number| Value::from(number as f32)).ok_or_else(wrong)?,
        (Type::Float64, None) => json.as_f64().map(Value::from).ok_or_else(wrong)?,
        (Type::String, None) => json.as_str().map(Value::from).ok_or_else(wrong)?,
        (Type::Int64, Some(logical::TIMESTAMP)) | (Type::Int32, Some(logical::TIME)) => {
            json.as_i64().map(|millis| Value::from(Date(millis))).ok_or_else(wrong)?
        }
        (Type::Struct, _) => {
            let fields = schema.fields().map_err(|error| error.to_string())?;
            let object = json.as_object().ok_or_else(wrong)?;
            let value = |field: &Field| {
                literal(object.get(field.name().as_str()).unwrap_or(&Json::Null), field.schema())
            };
            let values = fields.iter().map(value).collect::<Read<Vec<_>>>()?;
            Struct::from_values(schema.clone(), values).map_err(|error| error.to_string())?.into()
        }
        _ => return Err(format!("`options` are not supported for {schema}")),
    };
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn record(fields: &str) -> Read<Typed> {
        read(&format!(r#"{{"type":"record","namespace":"n","name":"r","fields":[{fields}]}}"#))
    }

    #[test]
    fn every_type_gives_values_that_its_schema_takes() {
        let (schema, generator) = record(
            r#"{"name":"bo","type":{"type":"boolean","arg.properties":{"odds":0.9}}},
               {"name":"i","type":"int"}, {"name":"l","type":"long"}, {"name":"f","type":"float"},
               {"name":"d","type":{"type":"double","arg.properties":{"range":{"min":-1,"max":1}}}},
               {"name":"s","type":{"type":"string","arg.properties":{"length":{"min":2,"max":5}}}},
               {"name":"by","type":"bytes"}, {"name":"fi","type":{"type":"fixed","size":4,"name":"four"}},
               {"name":"e","type":{"type":"enum","name":"e","symbols":["A","B"]}},
               {"name":"a","type":{"type":"array","items":"int","arg.properties":{"length":3}}},
               {"name":"m","type":{"type":"map","values":{"type":"array","items":"string"}}},
               {"name":"u","type":["null","string"]},
               {"name":"da","type":{"type":"int","logicalType":"date"}},
               {"name":"ti","type":{"type":"int","logicalType":"time-millis"}},
               {"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},
               {"name":"de","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
               {"name":"it","type":{"type":"int","arg.properties":{"iteration":{"start":5,"step":2,"restart":10}}}},
               {"name":"o","type":{"type":"record","name":"p","fields":[{"name":"x","type":"int"},{"name":"y","type":["null","string"]}],
                 "arg.properties":{"options":[{"x":1,"y":"one"},{"x":2}]}}}"#,
        )
        .unwrap();
        assert_eq!(schema.name(), Some("n.r"));
        let mut nulls = 0;
        for n in 0..200 {
            let value = generator.generate(n, &mut Random::of_record(7, 0, n));
            schema.validate_value(&value).unwrap();
            let row = value.as_struct().unwrap();
            row.validate().unwrap();
            nulls += usize::from(row.get("u").unwrap().is_null());
            assert_eq!(row.get_int32("it").unwrap(), Some([5, 7, 9][n as usize % 3]));
            assert_eq!(row.get_array("a").unwrap().unwrap().len(), 3);
            assert!((2..5).contains(&row.get_string("s").unwrap().unwrap().len()));
        }
        assert!((60..140).contains(&nulls), "{nulls}");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (field, part) in [
            (r#"{"name":"a","type":"uuid"}"#, "in the field `a`: the type `uuid` is not supported"),
            (r#"{"name":"a"}"#, "the field `a` needs a `type`"),
            (
                r#"{"name":"a","type":{"type":"int","arg.properties":{"rnge":{}}}}"#,
                "`rnge` in `arg.properties`",
            ),
            (
                r#"{"name":"a","type":{"type":"int","arg.properties":{"range":{"min":5,"max":5}}}}"#,
                "holds no value",
            ),
            (
                r#"{"name":"a","type":{"type":"int","arg.properties":{"options":["x"]}}}"#,
                "\"x\" is not a value of type INT32",
            ),
            (r#"{"name":"a","type":{"type":"string","arg.properties":{"regex":"("}}}"#, "in the `regex` ("),
            (r#"{"name":"a","type":["string","int"]}"#, "a union must be"),
            (r#"{"name":"a","type":"int"},{"name":"a","type":"int"}"#, "duplication a"),
        ] {
            let error = record(field).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert!(read("{").unwrap_err().starts_with("it is not JSON"));
        assert!(read("\"int\"").unwrap_err().contains("must be a record"));
    }
}
