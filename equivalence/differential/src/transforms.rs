//! Cases for every transformation and predicate.

use serde_json::{Map, Value, json};

use crate::dice::Dice;
use crate::record::{self, FIELDS, Made, Mix, WHOLE};
use crate::schema::{Schema, Taste, Ty};
use crate::{dates, regexes, scalar, values};

/// Those with a variant for keys and one for values.
const SIDED: &[&str] = &[
    "Cast",
    "ExtractField",
    "Flatten",
    "HeaderFrom",
    "HoistField",
    "InsertField",
    "MaskField",
    "ReplaceField",
    "SetSchemaMetadata",
    "TimestampConverter",
];

/// All transformations.
pub(crate) const TRANSFORMATIONS: &[&str] = &[
    "Cast",
    "DropHeaders",
    "ExtractField",
    "Filter",
    "Flatten",
    "HeaderFrom",
    "HoistField",
    "InsertField",
    "InsertHeader",
    "MaskField",
    "RegexRouter",
    "ReplaceField",
    "SetSchemaMetadata",
    "TimestampConverter",
    "TimestampRouter",
    "ValueToKey",
];

/// All predicates.
pub(crate) const PREDICATES: &[&str] = &["HasHeaderKey", "RecordIsTombstone", "TopicNameMatches"];

type Config = Map<String, Value>;

/// A case for the transformation or predicate.
pub(crate) fn case(dice: &mut Dice, name: &str) -> Value {
    let key = SIDED.contains(&name) && dice.percent(20);
    let taste = match name {
        "Cast" | "MaskField" => Taste::Scalars,
        "TimestampConverter" => Taste::Temporal,
        "Flatten" | "ExtractField" => Taste::Nested,
        _ => Taste::Any,
    };
    let mix = match name {
        "Cast" | "HoistField" | "TimestampConverter" => WHOLE,
        "SetSchemaMetadata" => Mix { structs: 75, maps: 4, others: 15 },
        _ => FIELDS,
    };
    let mut made = record::record(dice, key, taste, mix);
    let mut config = config(dice, name, &mut made, key);
    spoil(dice, name, &mut config);
    let predicate = PREDICATES.contains(&name);
    let class = match SIDED.contains(&name) {
        true if key => format!("{name}$Key"),
        true => format!("{name}$Value"),
        false => name.to_owned(),
    };
    json!({"op": if predicate { "predicate" } else { "transform" }, "class": class, "config": config, "record": made.record})
}

/// Configurations that people get wrong.
fn spoil(dice: &mut Dice, name: &str, config: &mut Config) {
    if ![
        "DropHeaders",
        "Filter",
        "Flatten",
        "HoistField",
        "InsertHeader",
        "RegexRouter",
        "TimestampRouter",
        "HasHeaderKey",
        "RecordIsTombstone",
        "TopicNameMatches",
    ]
    .contains(&name)
        && dice.percent(15)
    {
        let flag = dice.one(&["true", "false", "false", "False", " TRUE ", "yes", ""]);
        config.insert("replace.null.with.default".to_owned(), json!(flag));
    }
    let keys: Vec<String> = config.keys().cloned().collect();
    if !keys.is_empty() && dice.percent(3) {
        config.remove(dice.pick(&keys));
    }
    if !keys.is_empty() && dice.percent(3) {
        let text = if dice.percent(50) { String::new() } else { scalar::text(dice) };
        config.insert(dice.pick(&keys).clone(), json!(text));
    }
    if dice.percent(2) {
        config.insert("unknown.key".to_owned(), json!("x"));
    }
}

fn pairs<const N: usize>(pairs: [(&str, String); N]) -> Config {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

/// A comma list as people write it.
fn list(dice: &mut Dice, items: &[String]) -> String {
    let comma = if dice.percent(85) { "," } else { dice.one(&[", ", " , ", ",,", ",\n"]) };
    items.join(comma)
}

fn config(dice: &mut Dice, name: &str, made: &mut Made, key: bool) -> Config {
    match name {
        "Cast" => pairs([("spec", cast_spec(dice, made))]),
        "DropHeaders" => {
            let count = 1 + dice.below(3);
            let names: Vec<String> = (0..count).map(|_| header_name(dice)).collect();
            pairs([("headers", list(dice, &names))])
        }
        "ExtractField" => extract(dice, made),
        "Flatten" if dice.percent(40) => Config::new(),
        "Flatten" => pairs([("delimiter", dice.word(&["_", ".", "", "::", "é", "-", "$", " "]))]),
        "HeaderFrom" => {
            let fields = made.some_fields(dice);
            let mut headers: Vec<String> = fields.iter().map(|_| header_name(dice)).collect();
            if dice.percent(4) {
                headers.push("more".to_owned());
            }
            let operation = if dice.percent(95) {
                dice.word(&["move", "copy"])
            } else {
                dice.word(&["MOVE", "Copy", "drop"])
            };
            pairs([
                ("fields", list(dice, &fields)),
                ("headers", list(dice, &headers)),
                ("operation", operation),
            ])
        }
        "HoistField" => pairs([("field", dice.word(scalar::NAMES))]),
        "InsertField" => insert(dice, made),
        "InsertHeader" => pairs([("header", header_name(dice)), ("value.literal", values::grammar(dice))]),
        "MaskField" => mask(dice, made),
        "RegexRouter" => {
            pairs([("regex", regexes::regex(dice)), ("replacement", regexes::replacement(dice))])
        }
        "ReplaceField" => replace(dice, made),
        "SetSchemaMetadata" => {
            let mut config = Config::new();
            if dice.percent(75) {
                config.insert(
                    "schema.name".to_owned(),
                    json!(dice.word(&["Other", "com.example.V2", "", "名", "a b", " trimmed "])),
                );
            }
            if dice.percent(70) {
                let version =
                    dice.word(&["1", "2", "7", "-1", "0", "2147483647", " 3 ", "2147483648", "x", "1.0"]);
                config.insert("schema.version".to_owned(), json!(version));
            }
            config
        }
        "TimestampConverter" => timestamps(dice, made, key),
        "TimestampRouter" => {
            let mut config = Config::new();
            if dice.percent(60) {
                let format = dice.word(&[
                    "${topic}-${timestamp}",
                    "${topic}_${timestamp}",
                    "${timestamp}",
                    "fixed",
                    "${timestamp}.${topic}.${topic}",
                    "$topic",
                    "${TOPIC}",
                    "",
                    "a$b-${topic}",
                ]);
                config.insert("topic.format".to_owned(), json!(format));
            }
            if dice.percent(75) {
                config.insert("timestamp.format".to_owned(), json!(dates::pattern(dice)));
            }
            config
        }
        "ValueToKey" => {
            let fields = made.some_fields(dice);
            pairs([("fields", list(dice, &fields))])
        }
        "HasHeaderKey" => pairs([("name", header_name(dice))]),
        "TopicNameMatches" => pairs([("pattern", regexes::regex(dice))]),
        _ => Config::new(),
    }
}

fn header_name(dice: &mut Dice) -> String {
    dice.word(&["h", "h", "trace", "a", "b", "id", "é", "H", "none", "new"])
}

fn cast_spec(dice: &mut Dice, made: &Made) -> String {
    let target = |dice: &mut Dice| match dice.below(25) {
        0 => dice.word(&["bytes", "array", "struct", "int128", "", "date", "map"]),
        1 => dice.word(&["INT8", "Int32", "STRING", "Boolean", " int64", "float64 ", "Float32"]),
        _ => dice.word(&["int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string"]),
    };
    let whole = made.shape.fields().is_empty();
    if dice.percent(if whole { 88 } else { 4 }) {
        let mut spec = target(dice);
        if dice.percent(3) {
            spec.push_str(",a:int8");
        }
        return spec;
    }
    let names = made.some_fields(dice);
    let items: Vec<String> = names
        .iter()
        .map(|name| {
            // A colon in a name cannot be written, which is an error worth having, but rarely.
            let name = if name.contains(':') && !dice.percent(5) { "a" } else { name };
            let colon = if dice.percent(93) { ":" } else { dice.one(&[" :", ": ", "::", ""]) };
            let target = target(dice);
            format!("{name}{colon}{target}")
        })
        .collect();
    list(dice, &items)
}

fn extract(dice: &mut Dice, made: &Made) -> Config {
    if dice.percent(45) {
        return pairs([("field", made.field(dice))]);
    }
    let path = made.path(dice);
    let steps: Vec<String> = path
        .iter()
        .map(|step| {
            let wrap = step.contains(['.', '`']) || dice.percent(15);
            if wrap && dice.percent(92) { format!("`{step}`") } else { step.clone() }
        })
        .collect();
    let mut field = steps.join(".");
    if dice.percent(6) {
        field = scalar::damaged(dice, &field);
    }
    if dice.percent(4) {
        field = dice.word(&[
            "`a", "a.", ".a", "..", "`a`b", "`a.b`c`", "a`.`b", "`a\\`.b`", "``", "`", "a.`b", "`a`.",
            "`a``.b`",
        ]);
    }
    let version =
        if dice.percent(94) { dice.word(&["V2", "v2", "V2", "V1"]) } else { dice.word(&["V3", "", "2"]) };
    pairs([("field", field), ("field.syntax.version", version)])
}

fn insert(dice: &mut Dice, made: &Made) -> Config {
    let mut config = Config::new();
    for key in ["topic.field", "partition.field", "offset.field", "timestamp.field", "static.field"] {
        let wanted = if key == "offset.field" { 25 } else { 40 };
        if !dice.percent(wanted) {
            continue;
        }
        let mut name = if dice.percent(12) { made.field(dice) } else { format!("{}_new", &key[..2]) };
        name.push_str(dice.one(&["", "", "?", "!", "!"]));
        if dice.percent(3) {
            name = dice.word(&["", "!", "?", "!!", "x?!", "same", "same"]);
        }
        config.insert(key.to_owned(), json!(name));
    }
    if config.contains_key("static.field") != dice.percent(3) {
        config.insert("static.value".to_owned(), json!(scalar::text(dice)));
    }
    config
}

fn mask(dice: &mut Dice, made: &Made) -> Config {
    let mut config = Config::new();
    let fields = if dice.percent(60) {
        let maskable = |schema: &Schema| !matches!(&schema.ty, Ty::Plain("bytes") | Ty::Struct(_));
        vec![made.field_of(dice, maskable)]
    } else {
        made.some_fields(dice)
    };
    config.insert("fields".to_owned(), json!(list(dice, &fields)));
    if dice.percent(55) {
        let replacement = match dice.below(4) {
            0..=1 => dice.word(scalar::NUMERIC),
            2 => scalar::number(dice),
            _ => scalar::text(dice),
        };
        config.insert("replacement".to_owned(), json!(replacement));
    }
    config
}

fn replace(dice: &mut Dice, made: &Made) -> Config {
    let mut config = Config::new();
    if dice.percent(45) {
        let fields = made.some_fields(dice);
        config.insert("exclude".to_owned(), json!(list(dice, &fields)));
    }
    if dice.percent(45) {
        let fields = made.some_fields(dice);
        config.insert("include".to_owned(), json!(list(dice, &fields)));
    }
    if dice.percent(55) {
        let fields = made.some_fields(dice);
        let renames: Vec<String> = fields
            .iter()
            .map(|name| {
                let name = if name.contains(':') && !dice.percent(5) { "a" } else { name };
                let other = if dice.percent(80) {
                    dice.word(&["renamed", "other", "z", "名2", "r"])
                } else {
                    made.field(dice)
                };
                let other = if other.contains(':') { "q".to_owned() } else { other };
                let colon = if dice.percent(96) { ":" } else { dice.one(&["", "::", " : "]) };
                format!("{name}{colon}{other}")
            })
            .collect();
        config.insert("renames".to_owned(), json!(list(dice, &renames)));
    }
    config
}

fn timestamps(dice: &mut Dice, made: &mut Made, key: bool) -> Config {
    let pattern = dates::pattern(dice);
    let mut config = Config::new();
    let target = dice.word(&["string", "string", "unix", "Date", "Time", "Timestamp"]);
    let target = if dice.percent(2) { dice.word(&["STRING", "date", "long", ""]) } else { target };
    // A format is needed for texts, in or out.
    if dice.percent(if target == "string" { 97 } else { 80 }) {
        config.insert("format".to_owned(), json!(pattern));
    }
    config.insert("target.type".to_owned(), json!(target));
    if dice.percent(40) {
        let precision = dice.word(&[
            "seconds",
            "milliseconds",
            "microseconds",
            "nanoseconds",
            "nanoseconds",
            "Seconds",
            "days",
        ]);
        config.insert("unix.precision".to_owned(), json!(precision));
    }
    let temporal = |schema: &Schema| {
        matches!(schema.ty, Ty::Date | Ty::Time | Ty::Timestamp | Ty::Plain("int64") | Ty::Plain("string"))
    };
    let field = if made.shape.fields().is_empty() && !dice.percent(10) || dice.percent(3) {
        None
    } else {
        Some(made.field_of(dice, temporal))
    };
    if let Some(field) = &field {
        config.insert("field".to_owned(), json!(field));
    }
    // Texts should match the pattern, mostly.
    let side = if key { "key" } else { "value" };
    let place = match &field {
        None => Some(&mut made.record[side]["value"]),
        Some(field) => match &mut made.record[side]["value"] {
            Value::Object(value) if value.contains_key("struct") => {
                value.get_mut("struct").and_then(|fields| fields.get_mut(field))
            }
            Value::Object(value) => value
                .get_mut("map")
                .and_then(Value::as_array_mut)
                .and_then(|entries| entries.iter_mut().find(|entry| entry[0] == **field))
                .map(|entry| &mut entry[1]),
            _ => None,
        },
    };
    if let Some(place) = place
        && place.is_string()
        && dice.percent(90)
    {
        let at = dates::instant(dice);
        let mut text = dates::format(dice, at, &pattern);
        if dice.percent(25) {
            text = scalar::damaged(dice, &text);
        }
        *place = json!(text);
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transformation_and_predicate_has_cases() {
        for name in TRANSFORMATIONS.iter().chain(PREDICATES) {
            for number in 0..200 {
                let mut dice = Dice::new(7, number);
                let case = case(&mut dice, name);
                assert!(case["class"].as_str().unwrap().starts_with(name), "{case}");
                assert!(case["record"].is_object());
            }
        }
    }
}
