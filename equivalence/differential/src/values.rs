//! The text grammar of headers, and cases for `Values`, `SchemaProjector` and schemas.

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::schema::{self, Schema, Taste, Ty};
use crate::{dates, scalar, value};

/// Text for `Values.parseString`.
pub(crate) fn grammar(dice: &mut Dice) -> String {
    let text = piece(dice, 3);
    match dice.below(20) {
        0..=2 => scalar::damaged(dice, &text),
        3 => format!("{text}{}", dice.one(&[" ", ",", "]", "}", "x", " 1", ":", "\\", "\""])),
        4 => format!("{}{text}", dice.one(&[" ", "\t", "\\", "+", "\"", "[", "{"])),
        _ => text,
    }
}

fn piece(dice: &mut Dice, depth: usize) -> String {
    match dice.below(if depth == 0 { 10 } else { 16 }) {
        0 => dice.word(&["true", "false", "null", "True", "nullx", "true ", " false"]),
        1 | 2 => dice.word(scalar::NUMERIC),
        3 | 4 => scalar::number(dice),
        5 => dice.between(-70_000, 70_000).to_string(),
        6 => dates::text(dice),
        7 => {
            let text = if dice.percent(20) { dates::text(dice) } else { scalar::text(dice) };
            let escape = if dice.percent(85) { "\\\"" } else { "\"" };
            format!("\"{}\"", text.replace('"', escape))
        }
        8 => dates::text(dice).replace(':', "\\:"),
        9 => scalar::text(dice),
        10..=12 => {
            let kind = dice.below(4);
            let items: Vec<String> = (0..dice.below(5))
                .map(|_| match kind {
                    0 => dice.between(-40_000, 40_000).to_string(),
                    1 => format!("\"{}\"", dice.word(&["x", "y z", "", "a\\\"b", "1"])),
                    2 => scalar::number(dice),
                    _ => piece(dice, depth - 1),
                })
                .collect();
            let comma = dice.word(&[",", ",", ", ", " , "]);
            let last = if dice.percent(8) { "," } else { "" };
            format!("[{}{last}]", items.join(&comma))
        }
        _ => {
            let kind = dice.below(3);
            let entries: Vec<String> = (0..dice.below(4))
                .map(|_| {
                    let key = match dice.below(6) {
                        0 => piece(dice, 0),
                        1 => dice.between(-200, 200).to_string(),
                        _ => format!("\"{}\"", dice.word(&["a", "b", "c d", "é", ""])),
                    };
                    let value = match kind {
                        0 => dice.between(-40_000, 40_000).to_string(),
                        1 => format!("\"{}\"", dice.word(&["x", "y z", ""])),
                        _ => piece(dice, depth - 1),
                    };
                    let colon = dice.one(&[":", ":", ": ", " : "]);
                    format!("{key}{colon}{value}")
                })
                .collect();
            let comma = dice.word(&[",", ",", ", ", " "]);
            format!("{{{}}}", entries.join(&comma))
        }
    }
}

/// A case for one operation.
pub(crate) fn case(dice: &mut Dice, op: &str) -> Value {
    match op {
        "values_parse" => json!({"op": op, "text": grammar(dice)}),
        "values_infer" => json!({"op": op, "value": value::any(dice, 2)}),
        "values_convert" => convert(dice),
        "project" => project(dice),
        "schema_equal" => {
            let a = schema::any(dice, Taste::Any, 3);
            let b = if dice.percent(40) { a.clone() } else { schema::altered(dice, &a) };
            json!({"op": op, "a": a.json(), "b": b.json()})
        }
        "schema_text" => {
            let schema = schema::any(dice, Taste::Any, 2);
            json!({"op": op, "schema": schema.json()})
        }
        _ => {
            let schema = schema::any(dice, Taste::Any, 2);
            let wrong = if dice.percent(65) { 0 } else { 30 };
            let value = schema::fitting(dice, &schema, wrong);
            json!({"op": op, "schema": schema.json(), "value": value})
        }
    }
}

const TARGETS: &[&str] = &[
    "boolean",
    "int8",
    "int16",
    "int32",
    "int64",
    "float32",
    "float64",
    "string",
    "list",
    "map",
    "struct",
    "date",
    "time",
    "timestamp",
    "decimal",
];

fn convert(dice: &mut Dice) -> Value {
    let target = dice.word(TARGETS);
    let taste = match target.as_str() {
        "date" | "time" | "timestamp" => Taste::Temporal,
        _ => Taste::Scalars,
    };
    // Mostly something that can be converted: a text of the grammar, or a value of a near type.
    let (schema, value) = match (target.as_str(), dice.below(10)) {
        ("list", 0..=5) => {
            let items = schema::any(dice, Taste::Scalars, 1);
            let schema = Schema::plain(Ty::Array(Box::new(items)));
            let value = schema::fitting(dice, &schema, 0);
            (schema.json(), value)
        }
        ("map", 0..=5) => {
            let values = schema::any(dice, Taste::Scalars, 1);
            let schema =
                Schema::plain(Ty::Map(Box::new(Schema::plain(Ty::Plain("string"))), Box::new(values)));
            let value = schema::fitting(dice, &schema, 0);
            (schema.json(), value)
        }
        ("struct", 0..=6) => {
            let schema = Schema { optional: false, ..schema::structure(dice, Taste::Any, 1) };
            let value = schema::fitting(dice, &schema, 0);
            (schema.json(), value)
        }
        (_, 0..=2) => (json!("string"), json!(grammar(dice))),
        (_, 3) => (Value::Null, value::any(dice, 2)),
        (_, 4) => {
            let schema = schema::any(dice, Taste::Any, 2);
            let value = schema::fitting(dice, &schema, 30);
            (schema.json(), value)
        }
        _ => {
            let schema = schema::any(dice, taste, 0);
            let value = schema::fitting(dice, &schema, 0);
            let told = if dice.percent(15) { Value::Null } else { schema.json() };
            (told, value)
        }
    };
    let mut case = json!({"op": "values_convert", "to": target, "schema": schema, "value": value});
    if case["to"] == "decimal" {
        case["scale"] = json!(*dice.pick(&[0, 0, 2, 5, -1]));
    }
    case
}

fn project(dice: &mut Dice) -> Value {
    let source = schema::any(dice, Taste::Any, 2);
    let mut target = source.clone();
    for _ in 0..dice.below(3) {
        target = if dice.percent(60) { widened(dice, &target) } else { schema::altered(dice, &target) };
    }
    let value = schema::fitting(dice, &source, 0);
    json!({"op": "project", "source": source.json(), "value": value, "target": target.json()})
}

/// A schema that a value may be projected to.
fn widened(dice: &mut Dice, schema: &Schema) -> Schema {
    const ORDER: &[&str] = &["int8", "int16", "int32", "int64", "float32", "float64"];
    let mut wide = schema.clone();
    match &mut wide.ty {
        Ty::Plain(name) => {
            if let Some(place) = ORDER.iter().position(|other| other == name) {
                let next = place + dice.below(ORDER.len() - place);
                if next != place {
                    *name = ORDER[next];
                    wide.default = None;
                }
            }
        }
        Ty::Struct(fields) => {
            for (_, field) in fields.iter_mut() {
                if dice.percent(50) {
                    *field = widened(dice, field);
                }
            }
            if dice.percent(50) && fields.iter().all(|(name, _)| name != "extra") {
                let mut extra = schema::any(dice, Taste::Any, 1);
                extra.optional |= dice.percent(70);
                fields.push(("extra".to_owned(), extra));
            }
        }
        Ty::Array(items) => **items = widened(dice, items),
        Ty::Map(_, values) => **values = widened(dice, values),
        _ => wide.optional = true,
    }
    wide
}
