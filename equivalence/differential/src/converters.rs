//! Cases for converters and header converters, both directions.

use serde_json::{Map, Value, json};

use crate::dice::Dice;
use crate::json_text;
use crate::schema::{self, Schema, Taste, Ty};
use crate::{scalar, value, values};

/// All converters; each is a header converter, too.
pub(crate) const CONVERTERS: &[&str] = &[
    "JsonConverter",
    "StringConverter",
    "ByteArrayConverter",
    "BooleanConverter",
    "ShortConverter",
    "IntegerConverter",
    "LongConverter",
    "FloatConverter",
    "DoubleConverter",
];

/// The one that converts headers only.
pub(crate) const SIMPLE: &str = "SimpleHeaderConverter";

const ENCODINGS: &[&str] = &[
    "UTF-8",
    "utf8",
    "UTF8",
    "ISO-8859-1",
    "latin1",
    "US-ASCII",
    "ascii",
    "UTF-16",
    "UTF-16BE",
    "UTF-16LE",
    "utf-16le",
    "bogus",
    "",
];

/// A case for the converter.
pub(crate) fn case(dice: &mut Dice, name: &str) -> Value {
    let header = name == SIMPLE || dice.percent(12);
    let reading = dice.percent(50);
    let op = match (header, reading) {
        (true, true) => "header_to_connect",
        (true, false) => "header_from_connect",
        (false, true) => "to_connect",
        (false, false) => "from_connect",
    };
    let mut case = Map::new();
    case.insert("op".to_owned(), json!(op));
    case.insert("class".to_owned(), json!(name));
    if !header && dice.percent(10) {
        case.insert("is_key".to_owned(), json!(true));
    }
    match (name, reading) {
        ("JsonConverter", true) => json_in(dice, &mut case),
        ("JsonConverter", false) => {
            let enable = dice.percent(50);
            case.insert("config".to_owned(), json_text::config(dice, enable));
            typed(dice, &mut case, Taste::Any, 3);
        }
        (SIMPLE, true) => {
            if dice.percent(90) {
                case.insert("text".to_owned(), json!(values::grammar(dice)));
            } else {
                raw(dice, &mut case);
            }
        }
        (SIMPLE, false) => typed(dice, &mut case, Taste::Any, 2),
        ("StringConverter", _) => {
            if dice.percent(60) {
                let key = dice.word(&[
                    "converter.encoding",
                    "converter.encoding",
                    "value.converter.encoding",
                    "key.converter.encoding",
                ]);
                case.insert("config".to_owned(), json!({key: dice.word(ENCODINGS)}));
            }
            if !reading {
                typed(dice, &mut case, Taste::Any, 2);
            } else if dice.percent(40) {
                raw(dice, &mut case);
            } else {
                case.insert("text".to_owned(), json!(scalar::text(dice)));
            }
        }
        (_, true) => sized(dice, name, &mut case),
        (_, false) => {
            let natural = match name {
                "BooleanConverter" => "boolean",
                "ShortConverter" => "int16",
                "IntegerConverter" => "int32",
                "LongConverter" => "int64",
                "FloatConverter" => "float32",
                "DoubleConverter" => "float64",
                _ => "bytes",
            };
            if dice.percent(70) {
                let mut schema = Schema::plain(Ty::Plain(natural));
                schema.optional = dice.percent(40);
                let value = schema::fitting(dice, &schema, 0);
                let told = if dice.percent(20) { Value::Null } else { schema.json() };
                case.insert("schema".to_owned(), told);
                case.insert("value".to_owned(), value);
            } else {
                typed(dice, &mut case, Taste::Scalars, 1);
            }
        }
    }
    Value::Object(case)
}

/// A schema with a value that fits it, or does not.
fn typed(dice: &mut Dice, case: &mut Map<String, Value>, taste: Taste, depth: usize) {
    let (schema, value) = match dice.below(20) {
        0..=5 => (Value::Null, value::any(dice, depth)),
        6 => (Value::Null, Value::Null),
        7 => {
            let schema = schema::any(dice, taste, depth);
            let value = schema::fitting(dice, &schema, 40);
            (schema.json(), value)
        }
        8 => {
            // The struct of one schema where another is told.
            let schema = schema::structure(dice, taste, 1);
            let told = schema::altered(dice, &schema);
            let mut value = schema::fitting(dice, &Schema { optional: false, ..schema.clone() }, 0);
            value["schema"] = Schema { optional: told.optional, ..schema }.json();
            (told.json(), value)
        }
        _ => {
            let schema = schema::any(dice, taste, depth);
            let value = schema::fitting(dice, &schema, 0);
            (schema.json(), value)
        }
    };
    case.insert("schema".to_owned(), schema);
    case.insert("value".to_owned(), value);
}

fn raw(dice: &mut Dice, case: &mut Map<String, Value>) {
    let bytes = if dice.percent(6) { Value::Null } else { json!(scalar::base64(&scalar::raw_bytes(dice))) };
    case.insert("bytes".to_owned(), bytes);
}

/// Bytes of the length that the converter wants, mostly.
fn sized(dice: &mut Dice, name: &str, case: &mut Map<String, Value>) {
    let size = match name {
        "BooleanConverter" => 1,
        "ShortConverter" => 2,
        "IntegerConverter" | "FloatConverter" => 4,
        "LongConverter" | "DoubleConverter" => 8,
        _ => dice.below(12),
    };
    if dice.percent(20) {
        return raw(dice, case);
    }
    let byte = |dice: &mut Dice| -> u8 {
        if dice.percent(40) {
            *dice.pick(&[0, 1, 0x7f, 0x80, 0xff, 0xc0])
        } else {
            u8::try_from(dice.below(256)).unwrap_or(0)
        }
    };
    let bytes: Vec<u8> = if name == "BooleanConverter" && dice.percent(80) {
        vec![u8::from(dice.percent(50))]
    } else {
        (0..size).map(|_| byte(dice)).collect()
    };
    case.insert("bytes".to_owned(), json!(scalar::base64(&bytes)));
}

fn json_in(dice: &mut Dice, case: &mut Map<String, Value>) {
    let mode = dice.below(10);
    let enable = mode < 6;
    let mut config = json_text::config(dice, enable);
    let text = match mode {
        0..=4 => json_text::envelope(dice),
        5 => {
            let schema = schema::any(dice, Taste::Any, 2);
            let mut content = json_text::schema_text(dice, &schema, None);
            if dice.percent(6) {
                content = scalar::damaged(dice, &content);
            }
            config["schema.content"] = json!(if dice.percent(3) { " ".to_owned() } else { content });
            json_text::payload(dice, &schema, 3)
        }
        _ => json_text::document(dice, 4),
    };
    let text = json_text::finish(dice, text);
    case.insert("config".to_owned(), config);
    if dice.percent(3) {
        return raw(dice, case);
    }
    if dice.percent(2) {
        let mut bytes = text.into_bytes();
        if dice.percent(50) {
            // Jackson finds out by itself how text is encoded.
            bytes = String::from_utf8_lossy(&bytes).encode_utf16().flat_map(u16::to_be_bytes).collect();
        } else {
            let place = dice.below(bytes.len() + 1);
            bytes.insert(place, *dice.pick(&[0xff, 0xc3, 0x80, 0xed, 0xf8]));
        }
        case.insert("bytes".to_owned(), json!(scalar::base64(&bytes)));
        return;
    }
    case.insert("text".to_owned(), json!(text));
}
