//! Random values of every Java type that a record may hold without a schema.

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::schema::{self, Taste};
use crate::{dates, scalar};

/// A value of a primitive schema type.
pub(crate) fn of_type(dice: &mut Dice, name: &str) -> Value {
    match name {
        "int8" => json!({"i8": scalar::integer(dice, 8)}),
        "int16" => json!({"i16": scalar::integer(dice, 16)}),
        "int32" => json!({"i32": scalar::integer(dice, 32)}),
        "int64" => json!({"i64": scalar::integer(dice, 64)}),
        "float32" => scalar::float32(dice),
        "float64" => scalar::float64(dice),
        "boolean" => json!(dice.percent(50)),
        "bytes" => scalar::bytes(dice),
        _ => json!(scalar::text(dice)),
    }
}

/// Any value: a scalar, or a list, map or struct of so many levels.
pub(crate) fn any(dice: &mut Dice, depth: usize) -> Value {
    if depth > 0 && dice.percent(35) {
        return match dice.below(8) {
            0..=2 => list(dice, depth),
            3..=6 => map(dice, depth),
            _ => own_struct(dice, depth - 1),
        };
    }
    leaf(dice)
}

/// Any value without others inside.
pub(crate) fn leaf(dice: &mut Dice) -> Value {
    match dice.below(20) {
        0 => Value::Null,
        1..=2 => json!({"date": dates::instant(dice)}),
        3..=4 => scalar::decimal(dice, None),
        5 => {
            let number = scalar::decimal(dice, Some(0));
            json!({"bigint": number["decimal"][0]})
        }
        6..=10 => json!(scalar::text(dice)),
        _ => {
            let name = dice.one(schema::PLAIN);
            of_type(dice, name)
        }
    }
}

fn list(dice: &mut Dice, depth: usize) -> Value {
    let count = dice.below(4);
    let alike = dice.percent(60);
    let kind = dice.one(schema::PLAIN);
    let items: Vec<Value> = (0..count)
        .map(|_| if alike && !dice.percent(5) { of_type(dice, kind) } else { any(dice, depth - 1) })
        .collect();
    json!({"list": items})
}

/// A map, mostly with text for keys.
pub(crate) fn map(dice: &mut Dice, depth: usize) -> Value {
    let count = dice.below(5);
    let texts = dice.percent(92);
    let alike = dice.percent(25);
    let kind = dice.one(schema::PLAIN);
    let mut entries: Vec<(Value, Value)> = Vec::new();
    for _ in 0..count {
        let key = if texts {
            json!(dice.word(scalar::NAMES))
        } else if alike {
            of_type(dice, kind)
        } else {
            leaf(dice)
        };
        let value = if alike { of_type(dice, kind) } else { any(dice, depth.saturating_sub(1)) };
        // Bytes are never equal in Java, and always by content here.
        let content = |key: &Value| key.get("bytes").or_else(|| key.get("bytebuffer")).unwrap_or(key).clone();
        if entries.iter().all(|(other, _)| content(other) != content(&key)) {
            entries.push((key, value));
        }
    }
    json!({"map": entries.iter().map(|(key, value)| json!([key, value])).collect::<Vec<_>>()})
}

fn own_struct(dice: &mut Dice, depth: usize) -> Value {
    let schema = schema::structure(dice, Taste::Any, depth);
    let mut value = schema::fitting(dice, &schema::Schema { optional: false, ..schema.clone() }, 0);
    value["schema"] = schema.json();
    value
}
