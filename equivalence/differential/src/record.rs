//! Random records, and what a configuration should know about them.

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::schema::{self, Schema, Taste, Ty};
use crate::{dates, scalar, value};

/// A record, with the schema that its operated side was made from, be it there or erased.
pub(crate) struct Made {
    pub(crate) record: Value,
    pub(crate) shape: Schema,
}

/// What the operated side of a record is, in parts of a hundred; the rest is a tombstone or a null with schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mix {
    pub(crate) structs: usize,
    pub(crate) maps: usize,
    pub(crate) others: usize,
}

/// For transformations of fields.
pub(crate) const FIELDS: Mix = Mix { structs: 52, maps: 34, others: 9 };
/// For those that take whole values, too.
pub(crate) const WHOLE: Mix = Mix { structs: 30, maps: 22, others: 42 };

/// A record whose key or value is drawn with this taste.
pub(crate) fn record(dice: &mut Dice, key: bool, taste: Taste, mix: Mix) -> Made {
    let (side, shape) = operated(dice, taste, mix);
    let other = other(dice);
    let (key, value) = if key { (side, other) } else { (other, side) };
    let mut record = json!({
        "topic": topic(dice),
        "partition": *dice.pick(&[json!(null), json!(0), json!(3), json!(2_147_483_647)]),
        "timestamp": timestamp(dice),
        "key": key,
        "value": value,
        "headers": headers(dice),
    });
    if dice.percent(50) {
        record["offset"] = json!(*dice.pick(&[0, 1, 42, i64::MAX]));
    }
    Made { record, shape }
}

/// A name for a topic.
pub(crate) fn topic(dice: &mut Dice) -> String {
    dice.word(&[
        "orders",
        "orders",
        "orders-2024",
        "a.b",
        "t",
        "my_topic.v1",
        "ORDERS",
        "é",
        "${topic}",
        "x$1",
        "prefix-name-suffix",
        "db.schema.table",
        "",
    ])
}

fn timestamp(dice: &mut Dice) -> Value {
    if dice.percent(15) { Value::Null } else { json!(dates::instant(dice)) }
}

/// Headers, in which names come twice.
pub(crate) fn headers(dice: &mut Dice) -> Value {
    let count = dice.below(5);
    (0..count)
        .map(|_| {
            let name = dice.word(&["h", "h", "trace", "a", "b", "id", "é", "H", "", " h"]);
            if dice.percent(30) {
                return json!({"name": name, "schema": null, "value": value::any(dice, 1)});
            }
            let schema = schema::any(dice, Taste::Any, 1);
            let value = schema::fitting(dice, &schema, 0);
            json!({"name": name, "schema": schema.json(), "value": value})
        })
        .collect()
}

fn operated(dice: &mut Dice, taste: Taste, mix: Mix) -> (Value, Schema) {
    let draw = dice.below(100);
    let depth = if taste == Taste::Nested { 3 } else { 1 + dice.below(2) };
    if draw < mix.structs {
        let shape = schema::structure(dice, taste, depth);
        let value = schema::fitting(dice, &Schema { optional: false, ..shape.clone() }, 0);
        return (json!({"schema": shape.json(), "value": value}), shape);
    }
    if draw < mix.structs + mix.maps {
        let shape = schema::structure(dice, taste, depth);
        let mut value = schema::fitting(dice, &Schema { optional: false, ..shape.clone() }, 0);
        value = schema::erased(&value);
        // Without schema anything may stand anywhere.
        if dice.percent(30)
            && let Some(entries) = value["map"].as_array_mut()
            && !entries.is_empty()
        {
            let place = dice.below(entries.len());
            entries[place][1] = value::any(dice, 2);
        }
        return (json!({"schema": null, "value": value}), shape);
    }
    if draw < mix.structs + mix.maps + mix.others {
        if dice.percent(30) {
            return (
                json!({"schema": null, "value": value::any(dice, 2)}),
                Schema::plain(Ty::Struct(Vec::new())),
            );
        }
        let shape = if dice.percent(70) {
            let mut leaf = schema::any(dice, taste, 0);
            if dice.percent(50) {
                leaf.optional = false;
            }
            leaf
        } else {
            schema::any(dice, taste, 2)
        };
        let wrong = if dice.percent(8) { 60 } else { 0 };
        let value = schema::fitting(dice, &shape, wrong);
        return (json!({"schema": shape.json(), "value": value}), shape);
    }
    if dice.percent(50) {
        return (json!({"schema": null, "value": null}), Schema::plain(Ty::Struct(Vec::new())));
    }
    let shape = schema::structure(dice, taste, 1);
    (json!({"schema": shape.json(), "value": null}), shape)
}

/// The side that the transformation leaves alone.
fn other(dice: &mut Dice) -> Value {
    match dice.below(5) {
        0 => json!({"schema": null, "value": null}),
        1 => json!({"schema": null, "value": value::any(dice, 1)}),
        2 => {
            let schema = schema::any(dice, Taste::Any, 1);
            let value = schema::fitting(dice, &schema, 0);
            json!({"schema": schema.json(), "value": value})
        }
        _ => json!({"schema": "string", "value": scalar::text(dice)}),
    }
}

impl Made {
    /// The name of a field that is there, or of one that is not.
    pub(crate) fn field(&self, dice: &mut Dice) -> String {
        let fields = self.shape.fields();
        if !fields.is_empty() && dice.percent(88) {
            let place = dice.below(fields.len());
            return fields[place].0.clone();
        }
        dice.word(&["missing", "a", "b", "id", "A", " a", "é"])
    }

    /// A field that `wanted` accepts, if there is one, else any.
    pub(crate) fn field_of(&self, dice: &mut Dice, wanted: fn(&Schema) -> bool) -> String {
        let fitting: Vec<&String> =
            self.shape.fields().iter().filter(|(_, schema)| wanted(schema)).map(|(name, _)| name).collect();
        if fitting.is_empty() || dice.percent(15) { self.field(dice) } else { (*dice.pick(&fitting)).clone() }
    }

    /// Some names of fields, mostly different ones.
    pub(crate) fn some_fields(&self, dice: &mut Dice) -> Vec<String> {
        let count = 1 + dice.below(3);
        let mut names: Vec<String> = Vec::new();
        for _ in 0..count {
            let name = self.field(dice);
            if !names.contains(&name) || dice.percent(5) {
                names.push(name);
            }
        }
        names
    }

    /// The way to a field inside of others.
    pub(crate) fn path(&self, dice: &mut Dice) -> Vec<String> {
        let mut path = Vec::new();
        let mut at = &self.shape;
        while !at.fields().is_empty() {
            let fields = at.fields();
            let nested: Vec<_> = fields.iter().filter(|(_, schema)| !schema.fields().is_empty()).collect();
            let (name, schema) = if !nested.is_empty() && dice.percent(75) {
                *dice.pick(&nested)
            } else {
                &fields[dice.below(fields.len())]
            };
            path.push(name.clone());
            at = schema;
            if dice.percent(20) {
                break;
            }
        }
        if path.is_empty() || dice.percent(8) {
            path.push("missing".to_owned());
        }
        path
    }
}
