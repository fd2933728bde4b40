//! Cases for the converters whose schemas are in a registry: something to write, and what follows from the answers.

use serde_json::{Map, Value, json};

use crate::dice::Dice;
use crate::schema::{self, Schema, Ty};
use crate::{dates, scalar, value};

/// The converters, under the names that `--only` takes.
pub(crate) const CONVERTERS: [&str; 2] = ["AvroConverter", "ProtobufConverter"];

const AVRO: &str = "io.confluent.connect.avro.";
const PROTOBUF: &str = "io.confluent.connect.protobuf.";

const FIELDS: &[&str] = &[
    "a",
    "b",
    "c",
    "id",
    "name",
    "amount",
    "ts",
    "nested",
    "items",
    "X",
    "snake_case",
    "camelCase",
    "_x",
    "n1",
];
const STRUCTS: &[&str] =
    &["Order", "com.acme.Line", "com.acme.Address", "Item", "x.y.Z", "com.acme.Order", "lower", "N_1"];
const SYMBOLS: &[&str] = &["RED", "BLUE", "GREEN", "x", "_Y"];
const WIRE_TYPES: &[&str] =
    &["sint32", "uint32", "fixed32", "sfixed32", "sint64", "uint64", "fixed64", "sfixed64"];

/// Draws schemas for one case.
struct Maker<'a> {
    dice: &'a mut Dice,
    avro: bool,
    /// Structs that are there already, to be used a second time.
    made: Vec<Schema>,
    /// Whether names and numbers are legal everywhere.
    tame: bool,
}

/// A case for the converter: a schema, a value, settings.
pub(crate) fn case(dice: &mut Dice, name: &str) -> Value {
    let avro = name == CONVERTERS[0];
    let tame = dice.percent(85);
    let mut maker = Maker { dice, avro, made: Vec::new(), tame };
    let schema = match maker.dice.below(20) {
        0 => maker.leaf(),
        1 if avro => maker.any(2),
        2 if avro && maker.dice.percent(50) => {
            let value = value::any(dice, 2);
            return assembled(dice, name, Value::Null, value);
        }
        _ => {
            let ty = Ty::Struct(maker.fields(3));
            maker.structure(ty)
        }
    };
    let value = if dice.percent(7) { schema::fitting(dice, &schema, 12) } else { fitting(dice, &schema) };
    assembled(dice, name, schema.json(), value)
}

fn assembled(dice: &mut Dice, name: &str, schema: Value, value: Value) -> Value {
    let mut case = Map::new();
    case.insert("op".to_owned(), json!("registry_from_connect"));
    case.insert("class".to_owned(), json!(name));
    let config = config(dice, name == CONVERTERS[0]);
    if !config.is_empty() {
        case.insert("config".to_owned(), Value::Object(config));
    }
    if dice.percent(5) {
        case.insert("is_key".to_owned(), json!(true));
    }
    case.insert("schema".to_owned(), schema);
    case.insert("value".to_owned(), value);
    Value::Object(case)
}

fn config(dice: &mut Dice, avro: bool) -> Map<String, Value> {
    let mut config = Map::new();
    let mut set = |key: &str, value: &str| config.insert(key.to_owned(), json!(value));
    // A key, the value that is not its default, and how often it has that.
    let keys: &[(&str, &str, usize)] = if avro {
        &[
            ("enhanced.avro.schema.support", "true", 35),
            ("connect.meta.data", "false", 15),
            ("scrub.invalid.names", "true", 25),
            ("discard.type.doc.default", "true", 15),
            ("allow.optional.map.keys", "true", 15),
        ]
    } else {
        &[
            ("enhanced.protobuf.schema.support", "true", 25),
            ("optional.for.nullables", "true", 25),
            ("wrapper.for.nullables", "true", 20),
            ("wrapper.for.raw.primitives", "false", 10),
            ("scrub.invalid.names", "true", 25),
            ("skip.known.types", "false", 10),
        ]
    };
    for (key, value, chance) in keys {
        if dice.percent(*chance) {
            set(key, value);
        }
    }
    if dice.percent(10) {
        let strategy = dice.one(&["RecordNameStrategy", "TopicRecordNameStrategy"]);
        set("value.subject.name.strategy", strategy);
    }
    config
}

impl Maker<'_> {
    fn name(&mut self, names: &[&str]) -> String {
        if self.tame || self.dice.percent(85) { self.dice.word(names) } else { self.dice.word(scalar::NAMES) }
    }

    fn fields(&mut self, depth: usize) -> Vec<(String, Schema)> {
        let count = if self.dice.percent(3) { 0 } else { 1 + self.dice.below(5) };
        let mut fields: Vec<(String, Schema)> = Vec::new();
        for _ in 0..count {
            let name = self.name(FIELDS);
            if fields.iter().all(|(other, _)| !other.eq_ignore_ascii_case(&name)) {
                let schema = self.any(depth);
                fields.push((name, schema));
            }
        }
        if !self.avro && self.dice.percent(25) {
            // Numbers of fields, for all of them and in any order.
            let step = 1 + self.dice.below(3);
            let mut tags: Vec<usize> = (0..fields.len()).map(|place| 1 + place * step).collect();
            self.dice.shuffle(&mut tags);
            for ((_, schema), tag) in fields.iter_mut().zip(tags) {
                schema.parameters.insert(format!("{PROTOBUF}Tag"), json!(tag.to_string()));
            }
        }
        if !self.avro && self.dice.percent(12) {
            self.choice(&mut fields);
        }
        fields
    }

    /// A oneof, whose members have numbers that no other field has.
    fn choice(&mut self, fields: &mut Vec<(String, Schema)>) {
        let members = (0..1 + self.dice.below(3)).map(|place| {
            let mut schema = Schema::plain(Ty::Plain(["string", "int32", "boolean"][place]));
            schema.optional = true;
            schema.parameters.insert(format!("{PROTOBUF}Tag"), json!((100 + place).to_string()));
            (format!("choice{place}"), schema)
        });
        let mut schema = Schema::plain(Ty::Struct(members.collect()));
        schema.optional = true;
        schema.name = Some(format!("{PROTOBUF}Union.o"));
        fields.push(("o_0".to_owned(), schema));
    }

    fn any(&mut self, depth: usize) -> Schema {
        if depth == 0 || self.dice.percent(60) {
            return self.leaf();
        }
        let ty = match self.dice.below(5) {
            0 => Ty::Array(Box::new(self.any(depth - 1))),
            1 => {
                let mut keys = Schema::plain(Ty::Plain("string"));
                if self.dice.percent(25) {
                    keys.ty = Ty::Plain(self.dice.one(schema::PLAIN));
                    keys.optional = self.avro && self.dice.percent(30);
                }
                Ty::Map(Box::new(keys), Box::new(self.any(depth - 1)))
            }
            2 if !self.made.is_empty() => {
                let place = self.dice.below(self.made.len());
                let mut again = self.made[place].clone();
                let text = again.json().to_string();
                if text.contains("\"default\"") && text.contains("{\"byte") {
                    // Bytes are never equal in Java, so neither are schemas with such a default.
                    return self.leaf();
                }
                again.optional = self.dice.percent(30);
                return again;
            }
            3 if self.avro && self.dice.percent(40) => return self.union(depth - 1),
            _ => {
                let ty = Ty::Struct(self.fields(depth - 1));
                return self.structure(ty);
            }
        };
        self.dressed(ty)
    }

    fn structure(&mut self, ty: Ty) -> Schema {
        let mut schema = self.dressed(ty);
        if schema.name.is_none() && self.dice.percent(70) {
            let name = self.name(STRUCTS);
            let taken = |made: &Schema| made.name.as_deref() == Some(name.as_str());
            let name = if self.made.iter().any(taken) && !self.dice.percent(4) {
                format!("{name}{}", self.made.len())
            } else {
                name
            };
            schema.name = Some(name);
        }
        self.made.push(schema.clone());
        schema
    }

    /// A union as a struct of its branches.
    fn union(&mut self, depth: usize) -> Schema {
        let mut fields = Vec::new();
        for (name, plain) in
            [("int", "int32"), ("string", "string"), ("boolean", "boolean"), ("double", "float64")]
        {
            if self.dice.percent(50) {
                let mut schema = Schema::plain(Ty::Plain(plain));
                schema.optional = true;
                fields.push((name.to_owned(), schema));
            }
        }
        if depth > 0 && self.dice.percent(40) {
            let ty = Ty::Struct(self.fields(depth - 1));
            let mut schema = self.structure(ty);
            schema.optional = true;
            let name = schema.name.clone().unwrap_or_else(|| "record".to_owned());
            fields.push((name, schema));
        }
        let mut schema = Schema::plain(Ty::Struct(fields));
        schema.name = Some(format!("{AVRO}Union"));
        schema.optional = self.dice.percent(30);
        schema
    }

    fn leaf(&mut self) -> Schema {
        let ty = match self.dice.below(18) {
            0 => Ty::Date,
            1 => Ty::Time,
            2 => Ty::Timestamp,
            3 => Ty::Decimal(*self.dice.pick(&[0, 2, 2, 5, 20, -2])),
            4 => return self.enumeration(),
            5 if self.avro => return self.fixed(),
            6 if !self.avro => {
                let wire = self.dice.one(WIRE_TYPES);
                let plain = if wire.ends_with("64") { "int64" } else { "int32" };
                let mut schema = self.dressed(Ty::Plain(plain));
                schema.parameters.insert(format!("{PROTOBUF}Type"), json!(wire));
                return schema;
            }
            7 | 8 => Ty::Plain("string"),
            _ => Ty::Plain(self.dice.one(schema::PLAIN)),
        };
        let decimal = matches!(ty, Ty::Decimal(_));
        let mut schema = self.dressed(ty);
        if decimal && self.dice.percent(20) {
            schema.parameters.insert("connect.decimal.precision".to_owned(), json!("38"));
        }
        schema
    }

    fn enumeration(&mut self) -> Schema {
        let mut schema = self.dressed(Ty::Plain("string"));
        let name = format!("{}{}", self.dice.one(&["Color", "Size"]), self.dice.below(100));
        let prefix = if self.avro { AVRO } else { PROTOBUF };
        schema.default = None;
        schema.parameters.insert(format!("{prefix}Enum"), json!(name));
        for (number, symbol) in SYMBOLS.iter().take(1 + self.dice.below(SYMBOLS.len())).enumerate() {
            let meaning = if self.avro { (*symbol).to_owned() } else { number.to_string() };
            schema.parameters.insert(format!("{prefix}Enum.{symbol}"), json!(meaning));
        }
        schema.name = Some(name);
        schema
    }

    fn fixed(&mut self) -> Schema {
        let mut schema = Schema::plain(Ty::Plain("bytes"));
        schema.optional = self.dice.percent(30);
        schema.name = Some(format!("F{}", self.dice.below(100)));
        let size = 1 + self.dice.below(6);
        schema.parameters.insert("connect.fixed.size".to_owned(), json!(size.to_string()));
        schema
    }

    /// Gives the type the rest of a schema.
    fn dressed(&mut self, ty: Ty) -> Schema {
        let dice = &mut *self.dice;
        let mut schema = Schema::plain(ty);
        schema.optional = dice.percent(35);
        let logical = matches!(schema.ty, Ty::Date | Ty::Time | Ty::Timestamp | Ty::Decimal(_));
        let structure = matches!(schema.ty, Ty::Struct(_));
        if !logical && !structure && dice.percent(4) {
            schema.name = Some(dice.word(&["Named", "com.acme.Thing"]));
        }
        if !logical && dice.percent(5) {
            schema.version = Some(*dice.pick(&[1, 2, 7]));
        }
        if dice.percent(6) {
            schema.doc = Some(dice.word(&["what it is", "é \"quoted\"", "line\nbreak"]));
        }
        if dice.percent(4) {
            schema.parameters.insert(dice.word(&["p", "unit"]), json!(dice.word(&["v", "1"])));
        }
        let nested = matches!(schema.ty, Ty::Struct(_) | Ty::Array(_) | Ty::Map(..));
        if dice.percent(if nested { 3 } else { 12 }) && !structure {
            let default = match schema.ty {
                // Numbers that have the same digits in every Java.
                Ty::Plain("float32") => {
                    json!({"f32": *dice.pick(&[0.0, 0.1, -1.5, 3.25, 1e10, -2.91e34, 7.0])})
                }
                Ty::Plain("float64") => json!({"f64": *dice.pick(&[0.0, 0.1, -1.5, 1e23, 1e-5, 7.0])}),
                _ => fitting(dice, &Schema { optional: false, ..schema.clone() }),
            };
            let text = default.to_string();
            // Numbers with a point inside of lists may have other digits in other Javas.
            if !(text.contains("\"struct\"") || nested && text.contains("{\"f")) {
                schema.default = Some(default);
            }
        }
        schema
    }
}

/// A value for the schema.
fn fitting(dice: &mut Dice, schema: &Schema) -> Value {
    if schema.optional && dice.percent(20) {
        return Value::Null;
    }
    match &schema.ty {
        Ty::Plain("string") => {
            let symbols: Vec<&String> = schema
                .parameters
                .keys()
                .filter(|key| key.contains("buf.Enum.") || key.contains("avro.Enum."))
                .collect();
            match symbols.is_empty() {
                true => json!(scalar::text(dice)),
                false => json!(dice.pick(&symbols).rsplit('.').next()),
            }
        }
        Ty::Plain("bytes") => match schema.parameters.get("connect.fixed.size").and_then(Value::as_str) {
            Some(size) => {
                let size: usize = size.parse().unwrap_or(1);
                let bytes: Vec<u8> = (0..size).map(|_| u8::try_from(dice.below(256)).unwrap_or(0)).collect();
                json!({"bytes": scalar::base64(&bytes)})
            }
            None => value::of_type(dice, "bytes"),
        },
        Ty::Date | Ty::Time | Ty::Timestamp => {
            // Few are before the year 1, where Java's calendar is another one.
            let instant = if dice.percent(2) {
                dates::instant(dice)
            } else {
                dice.between(-62_000_000_000_000, 250_000_000_000_000)
            };
            let day = 86_400_000;
            json!({"date": match schema.ty {
                Ty::Date => instant.div_euclid(day) * day,
                Ty::Time => instant.rem_euclid(day),
                _ => instant,
            }})
        }
        Ty::Array(items) => {
            let count = dice.below(4);
            json!({"list": (0..count).map(|_| fitting(dice, items)).collect::<Vec<_>>()})
        }
        Ty::Map(keys, values) => {
            let count = dice.below(4);
            let mut entries: Vec<Value> = Vec::new();
            for _ in 0..count {
                let (key, value) = (fitting(dice, keys), fitting(dice, values));
                let content =
                    |key: &Value| key.get("bytes").or_else(|| key.get("bytebuffer")).unwrap_or(key).clone();
                if entries.iter().all(|entry| content(&entry[0]) != content(&key)) {
                    entries.push(json!([key, value]));
                }
            }
            json!({"map": entries})
        }
        Ty::Struct(fields) => {
            let union = schema.name.as_deref().is_some_and(|name| name.contains(".Union"));
            let chosen = dice.below(fields.len());
            let member = |(place, (name, field)): (usize, &(String, Schema))| {
                let value = match union {
                    true if place != chosen => Value::Null,
                    true => fitting(dice, &Schema { optional: false, ..field.clone() }),
                    false => fitting(dice, field),
                };
                (name.clone(), value)
            };
            json!({"struct": fields.iter().enumerate().map(member).collect::<Map<_, _>>()})
        }
        Ty::Plain(_) | Ty::Decimal(_) => {
            schema::fitting(dice, &Schema { optional: false, ..schema.clone() }, 0)
        }
    }
}

/// The case of reading what was written.
pub(crate) fn reading(case: &Value, written: &Value) -> Option<Value> {
    let payload = written["payload"].as_str()?;
    let others: Vec<&Value> =
        written["written"].as_array().into_iter().flatten().filter(|entry| entry.is_object()).collect();
    let text = written["schema"].as_str()?;
    // Avro as JSON, so that it can be made smaller.
    let schema = match written["schema_type"] == "AVRO" {
        true => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        false => json!(text),
    };
    let mut reading = json!({
        "op": "registry_to_connect",
        "class": case["class"],
        "subject": written["subject"],
        "schema": schema,
        "references": written["references"],
        "registered": others,
        "payload": payload,
    });
    inherit(case, &mut reading);
    Some(reading)
}

/// The case of writing again what was read.
pub(crate) fn back(case: &Value, read: &Value) -> Option<Value> {
    let mut back = json!({
        "op": "registry_from_connect",
        "class": case["class"],
        "schema": read.get("schema")?,
        "value": read.get("value")?,
    });
    inherit(case, &mut back);
    Some(back)
}

fn inherit(case: &Value, other: &mut Value) {
    for name in ["config", "is_key"] {
        if let Some(value) = case.get(name) {
            other[name] = value.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_with_its_references_under_its_subject() {
        let case = json!({"op": "registry_from_connect", "class": "ProtobufConverter", "config": {"k": "v"}});
        let other = json!({"subject": "d", "schema": "x", "references": []});
        let written = json!({"subject": "s", "schema_type": "PROTOBUF", "schema": "m", "payload": "AA==",
            "references": [{"name": "d", "subject": "d", "version": 1}], "written": [other, "s"]});
        let reading = reading(&case, &written).unwrap();
        assert_eq!(reading["registered"], json!([other]));
        assert_eq!((&reading["subject"], &reading["config"]), (&json!("s"), &json!({"k": "v"})));
        assert_eq!(super::reading(&case, &json!({"payload": null})), None);
    }

    #[test]
    fn a_seed_gives_the_same_case_again() {
        for number in 0..200 {
            let of = |name| case(&mut Dice::new(3, number), name);
            assert_eq!(of(CONVERTERS[0]), of(CONVERTERS[0]));
            assert_eq!(of(CONVERTERS[1])["class"], json!(CONVERTERS[1]));
        }
    }
}
