//! Random schemas, and values that fit them, or not.

use serde_json::{Map, Value, json};

use crate::dice::Dice;
use crate::{dates, scalar, value};

/// A schema that the generator can look into.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schema {
    pub(crate) ty: Ty,
    pub(crate) optional: bool,
    pub(crate) name: Option<String>,
    pub(crate) version: Option<i64>,
    pub(crate) doc: Option<String>,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) default: Option<Value>,
}

/// What a schema is the schema of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ty {
    Plain(&'static str),
    Date,
    Time,
    Timestamp,
    Decimal(i32),
    Array(Box<Schema>),
    Map(Box<Schema>, Box<Schema>),
    Struct(Vec<(String, Schema)>),
}

/// What a schema should hold mostly, so that the plugin under test has something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taste {
    Any,
    Scalars,
    Temporal,
    Nested,
}

/// The primitive types.
pub(crate) const PLAIN: &[&str] =
    &["int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string", "bytes"];

const LOGICAL: &str = "org.apache.kafka.connect.data.";

impl Schema {
    /// A required schema that says nothing but its type.
    pub(crate) fn plain(ty: Ty) -> Self {
        Self {
            ty,
            optional: false,
            name: None,
            version: None,
            doc: None,
            parameters: Map::new(),
            default: None,
        }
    }

    /// The fields, if it is a struct.
    pub(crate) fn fields(&self) -> &[(String, Self)] {
        if let Ty::Struct(fields) = &self.ty { fields } else { &[] }
    }

    /// In the notation.
    pub(crate) fn json(&self) -> Value {
        let mut node = Map::new();
        let (base, logical) = match &self.ty {
            Ty::Plain(name) => (*name, None),
            Ty::Date => ("int32", Some("Date")),
            Ty::Time => ("int32", Some("Time")),
            Ty::Timestamp => ("int64", Some("Timestamp")),
            Ty::Decimal(_) => ("bytes", Some("Decimal")),
            Ty::Array(_) => ("array", None),
            Ty::Map(..) => ("map", None),
            Ty::Struct(_) => ("struct", None),
        };
        node.insert("type".to_owned(), json!(base));
        let mut parameters = self.parameters.clone();
        if let Some(logical) = logical {
            node.insert("name".to_owned(), json!(format!("{LOGICAL}{logical}")));
            node.insert("version".to_owned(), json!(1));
        }
        if let Ty::Decimal(scale) = self.ty {
            parameters.insert("scale".to_owned(), json!(scale.to_string()));
        }
        if self.optional {
            node.insert("optional".to_owned(), json!(true));
        }
        if let Some(name) = &self.name {
            node.insert("name".to_owned(), json!(name));
        }
        if let Some(version) = self.version {
            node.insert("version".to_owned(), json!(version));
        }
        if let Some(doc) = &self.doc {
            node.insert("doc".to_owned(), json!(doc));
        }
        if !parameters.is_empty() {
            node.insert("parameters".to_owned(), Value::Object(parameters));
        }
        if let Some(default) = &self.default {
            node.insert("default".to_owned(), default.clone());
        }
        match &self.ty {
            Ty::Array(items) => {
                node.insert("items".to_owned(), items.json());
            }
            Ty::Map(keys, values) => {
                node.insert("keys".to_owned(), keys.json());
                node.insert("values".to_owned(), values.json());
            }
            Ty::Struct(fields) => {
                let list = fields
                    .iter()
                    .map(|(name, schema)| json!({"name": name, "schema": schema.json()}))
                    .collect();
                node.insert("fields".to_owned(), Value::Array(list));
            }
            _ if node.len() == 1 => return json!(base),
            _ => {}
        }
        Value::Object(node)
    }
}

/// Any schema.
pub(crate) fn any(dice: &mut Dice, taste: Taste, depth: usize) -> Schema {
    let nest = match taste {
        Taste::Nested => 55,
        Taste::Any => 35,
        Taste::Scalars | Taste::Temporal => 10,
    };
    let ty = if depth > 0 && dice.percent(nest) {
        match dice.below(if taste == Taste::Nested { 6 } else { 4 }) {
            0 => Ty::Array(Box::new(any(dice, taste, depth - 1))),
            1 if taste != Taste::Nested || dice.percent(25) => {
                let keys = if dice.percent(75) {
                    Schema::plain(Ty::Plain("string"))
                } else {
                    any(dice, Taste::Scalars, depth.saturating_sub(2))
                };
                Ty::Map(Box::new(keys), Box::new(any(dice, taste, depth - 1)))
            }
            _ => Ty::Struct(fields(dice, taste, depth - 1)),
        }
    } else {
        leaf(dice, taste)
    };
    dressed(dice, ty)
}

/// A struct schema.
pub(crate) fn structure(dice: &mut Dice, taste: Taste, depth: usize) -> Schema {
    let ty = Ty::Struct(fields(dice, taste, depth));
    dressed(dice, ty)
}

fn fields(dice: &mut Dice, taste: Taste, depth: usize) -> Vec<(String, Schema)> {
    let count = if dice.percent(4) { 0 } else { 1 + dice.below(5) };
    let mut fields: Vec<(String, Schema)> = Vec::new();
    for _ in 0..count {
        // The first names of the list are drawn more often, so that parts of a case meet.
        let name = if dice.percent(65) { dice.word(&scalar::NAMES[..9]) } else { dice.word(scalar::NAMES) };
        // A name may be there twice rarely, since the schema cannot be built then.
        if fields.iter().any(|(other, _)| *other == name) && !dice.percent(1) {
            continue;
        }
        fields.push((name, any(dice, taste, depth)));
    }
    fields
}

/// A type without inner schemas.
pub(crate) fn leaf(dice: &mut Dice, taste: Taste) -> Ty {
    if taste == Taste::Temporal && dice.percent(85) {
        return match dice.below(6) {
            0 => Ty::Date,
            1 => Ty::Time,
            2 | 3 => Ty::Timestamp,
            4 => Ty::Plain("int64"),
            _ => Ty::Plain("string"),
        };
    }
    match dice.below(if taste == Taste::Scalars { 16 } else { 14 }) {
        0 => Ty::Date,
        1 => Ty::Time,
        2 => Ty::Timestamp,
        3 => Ty::Decimal(*dice.pick(&[0, 2, 2, 5, 20, -2])),
        4..=6 => Ty::Plain("string"),
        _ => Ty::Plain(dice.one(PLAIN)),
    }
}

/// Gives the type the rest of a schema: mostly nothing, sometimes everything.
fn dressed(dice: &mut Dice, ty: Ty) -> Schema {
    let mut schema = Schema::plain(ty);
    schema.optional = dice.percent(35);
    let logical = matches!(schema.ty, Ty::Date | Ty::Time | Ty::Timestamp | Ty::Decimal(_));
    let structure = matches!(schema.ty, Ty::Struct(_));
    if !logical && dice.percent(if structure { 35 } else { 6 }) {
        schema.name = Some(dice.word(&["Order", "com.example.Record", "n", "名", "a b"]));
    }
    if !logical && !structure && dice.percent(1) {
        // The name says one thing, the type another.
        let kind = dice.one(&["Date", "Time", "Timestamp", "Decimal"]);
        schema.name = Some(format!("{LOGICAL}{kind}"));
    }
    if dice.percent(if logical { 2 } else { 8 }) {
        schema.version = Some(*dice.pick(&[0, 1, 2, 7, -1, 2_147_483_647]));
    }
    if dice.percent(6) {
        schema.doc = Some(dice.word(&["what it is", "", "é \"quoted\"", "line\nbreak"]));
    }
    if dice.percent(6) {
        schema.parameters.insert(dice.word(&["p", "unit", "é"]), json!(dice.word(&["v", "", "1"])));
        if dice.percent(40) {
            schema.parameters.insert("q".to_owned(), json!("2"));
        }
    }
    if !structure && dice.percent(12) {
        let default = if dice.percent(1) { value::any(dice, 1) } else { fitting(dice, &schema, 0) };
        // A builder takes a default of the class that its type says.
        if !default.is_null() && !has_struct(&default) {
            schema.default = Some(default);
        }
    }
    schema
}

fn has_struct(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_struct),
        Value::Object(members) => members.contains_key("struct") || members.values().any(has_struct),
        _ => false,
    }
}

/// A value for the schema; in `wrong` of a hundred places it is of another kind, or null without permission.
pub(crate) fn fitting(dice: &mut Dice, schema: &Schema, wrong: usize) -> Value {
    if schema.optional && dice.percent(20) {
        return Value::Null;
    }
    if wrong > 0 && dice.percent(wrong) {
        return if dice.percent(30) { Value::Null } else { value::any(dice, 1) };
    }
    match &schema.ty {
        Ty::Plain(name) => value::of_type(dice, name),
        Ty::Date => {
            let days = dates::instant(dice).div_euclid(86_400_000);
            let off = if wrong > 0 && dice.percent(3) { 1 } else { 0 };
            json!({"date": days * 86_400_000 + off})
        }
        Ty::Time => {
            let outside = wrong > 0 && dice.percent(3);
            let millis = dates::instant(dice);
            json!({"date": if outside { millis } else { millis.rem_euclid(86_400_000) }})
        }
        Ty::Timestamp => json!({"date": dates::instant(dice)}),
        Ty::Decimal(scale) => {
            let off = wrong > 0 && dice.percent(3);
            scalar::decimal(dice, if off { None } else { Some(*scale) })
        }
        Ty::Array(items) => {
            let count = dice.below(4);
            json!({"list": (0..count).map(|_| fitting(dice, items, wrong)).collect::<Vec<_>>()})
        }
        Ty::Map(keys, values) => {
            let count = dice.below(4);
            let mut entries: Vec<(Value, Value)> = Vec::new();
            for _ in 0..count {
                let key = fitting(dice, keys, wrong);
                let value = fitting(dice, values, wrong);
                // Bytes are never equal in Java, and always by content here.
                let content =
                    |key: &Value| key.get("bytes").or_else(|| key.get("bytebuffer")).unwrap_or(key).clone();
                if !entries.iter().any(|(other, _)| content(other) == content(&key)) {
                    entries.push((key, value));
                }
            }
            json!({"map": entries.iter().map(|(key, value)| json!([key, value])).collect::<Vec<_>>()})
        }
        Ty::Struct(fields) => {
            let mut members = Map::new();
            for (name, field) in fields {
                // What has a default may be left out.
                let unset = field.default.is_some() && dice.percent(35);
                let value = if unset { Value::Null } else { fitting(dice, field, wrong) };
                members.insert(name.clone(), value);
            }
            json!({"struct": members})
        }
    }
}

/// The same value for a place without schema: structs become maps.
pub(crate) fn erased(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(erased).collect()),
        Value::Object(members) => match members.get("struct") {
            Some(Value::Object(fields)) => {
                json!({"map": fields.iter().map(|(name, value)| json!([name, erased(value)])).collect::<Vec<_>>()})
            }
            _ => Value::Object(members.iter().map(|(tag, content)| (tag.clone(), erased(content))).collect()),
        },
        _ => value.clone(),
    }
}

/// The same schema, or nearly.
pub(crate) fn altered(dice: &mut Dice, schema: &Schema) -> Schema {
    let mut other = schema.clone();
    match dice.below(9) {
        0 => other.optional = !other.optional,
        1 => other.name = if other.name.is_some() { None } else { Some("Order".to_owned()) },
        2 => other.version = if other.version.is_some() { None } else { Some(2) },
        3 => other.doc = Some("another".to_owned()),
        4 => {
            other.parameters.insert("p".to_owned(), json!("other"));
        }
        5 => other.default = None,
        _ => match &mut other.ty {
            Ty::Plain(name) => *name = dice.one(PLAIN),
            Ty::Struct(fields) => {
                let place = dice.below(fields.len());
                match dice.below(4) {
                    0 if !fields.is_empty() => {
                        fields.remove(place);
                    }
                    1 => {
                        let added = any(dice, Taste::Any, 1);
                        if fields.iter().all(|(name, _)| name != "added") {
                            fields.push(("added".to_owned(), added));
                        }
                    }
                    2 => dice.shuffle(fields),
                    _ if !fields.is_empty() => {
                        let inner = altered(dice, &fields[place].1);
                        fields[place].1 = inner;
                    }
                    _ => {}
                }
            }
            Ty::Array(items) => {
                let inner = altered(dice, items);
                **items = inner;
            }
            Ty::Map(_, values) => {
                let inner = altered(dice, values);
                **values = inner;
            }
            Ty::Decimal(scale) => *scale += 1,
            _ => other.ty = leaf(dice, Taste::Any),
        },
    }
    // A default of the old type cannot stay.
    if other.ty != schema.ty {
        other.default = None;
        if !matches!(other.ty, Ty::Struct(_)) && dice.percent(30) {
            let fresh = fitting(dice, &Schema { optional: false, ..other.clone() }, 0);
            other.default = (!has_struct(&fresh)).then_some(fresh);
        }
    }
    other
}
