//! JSON as it arrives: written in odd ways, with envelopes that may lie, and damaged.

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::schema::{self, Schema, Taste, Ty};
use crate::{dates, scalar};

/// White space, mostly none.
fn space(dice: &mut Dice) -> &'static str {
    if dice.percent(94) { "" } else { dice.one(&[" ", "\n", "\t", "\r\n", "  "]) }
}

/// A number token; few of them are no JSON at all.
fn number(dice: &mut Dice) -> String {
    match dice.below(12) {
        0 => dice.word(&[
            "0",
            "-0",
            "1.0",
            "-0.0",
            "1e3",
            "1E+3",
            "1e-3",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775809",
            "2147483648",
            "255",
            "128",
            "1e400",
            "-1e400",
            "1e-400",
            "0.1",
            "123456789012345678901234567890",
            "1.10",
            "4.9e-324",
            "0e0",
            "100000000000000000000.5",
            "5.9",
            "-5.9",
            "1e19",
            "1e18",
            "3.4028236e38",
            "16777217",
            "0.30000001",
            "1E0",
            "1e05",
        ]),
        1 if dice.percent(25) => dice.word(&[
            "005",
            "00",
            "-01",
            "+1",
            ".5",
            "5.",
            "1.e3",
            "0x10",
            "NaN",
            "Infinity",
            "-Infinity",
            "1e",
            "--1",
            "-",
            "1_0",
            "01.5",
            "-00.5",
            "1e+",
        ]),
        2 => {
            let text = scalar::number(dice);
            let text = text.trim_start_matches('+');
            let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
            let digits = digits.trim_start_matches('0');
            let lead = if digits.is_empty() || digits.starts_with(['.', 'e', 'E']) { "0" } else { "" };
            format!("{sign}{lead}{digits}")
        }
        3 => format!("{}.{}", dice.between(-999, 999), dice.below(1000)),
        4 => dice.between(i64::MIN, i64::MAX).to_string(),
        _ => dice.between(-1000, 1000).to_string(),
    }
}

/// A text in quotes, escaped more or less.
pub(crate) fn quoted(dice: &mut Dice, text: &str) -> String {
    let all = dice.percent(5);
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str(if dice.percent(50) { "\\t" } else { "\\u0009" }),
            '/' if dice.percent(30) => out.push_str("\\/"),
            '\u{0}'..='\u{1f}' => out.push_str(&format!("\\u{:04X}", u32::from(letter))),
            _ if all => {
                let mut units = [0; 2];
                for unit in letter.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            _ => out.push(letter),
        }
    }
    if dice.below(400) == 0 {
        out.push_str(dice.one(&[
            "\\x",
            "\\u12",
            "\\",
            "\\'",
            "\\ud83d\\ude00",
            "\t",
            "\\b\\f\\r",
            "\\u0000",
        ]));
    }
    out.push('"');
    out
}

fn member(dice: &mut Dice, name: &str, content: &str) -> String {
    let name = quoted(dice, name);
    format!("{}{name}{}:{}{content}", space(dice), space(dice), space(dice))
}

/// Any document.
pub(crate) fn document(dice: &mut Dice, depth: usize) -> String {
    let content = match dice.below(if depth == 0 { 7 } else { 12 }) {
        0 => dice.word(&["null", "true", "false"]),
        1..=3 => number(dice),
        4..=6 => {
            let text = scalar::text(dice);
            quoted(dice, &text)
        }
        7..=8 => {
            let items: Vec<String> = (0..dice.below(4)).map(|_| document(dice, depth - 1)).collect();
            format!("[{}]", items.join(","))
        }
        _ => object(dice, depth - 1),
    };
    format!("{}{content}{}", space(dice), space(dice))
}

fn object(dice: &mut Dice, depth: usize) -> String {
    let mut names: Vec<String> = (0..dice.below(5)).map(|_| dice.word(scalar::NAMES)).collect();
    if !dice.percent(10) {
        names.sort();
        names.dedup();
        dice.shuffle(&mut names);
    }
    let members: Vec<String> = names
        .iter()
        .map(|name| {
            let content = document(dice, depth);
            member(dice, name, &content)
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

/// What may follow or break a document.
pub(crate) fn finish(dice: &mut Dice, text: String) -> String {
    match dice.below(40) {
        0..=2 => scalar::damaged(dice, &text),
        3 => format!("{text}{}", dice.one(&[" ", "x", "]", "}", " {}", ",", "\n\n", "\u{0}", "//c"])),
        4 => format!("{}{text}", dice.one(&["\u{feff}", "\n", " ", "/**/", "#", ")"])),
        5 if dice.percent(20) => {
            let depth = *dice.pick(&[20, 40, 999, 1000, 1001, 3000]);
            format!("{}{}", "[".repeat(depth), "]".repeat(if depth > 60 { 0 } else { depth }))
        }
        _ => text,
    }
}

/// A schema as the envelope has it.
pub(crate) fn schema_text(dice: &mut Dice, schema: &Schema, field: Option<&str>) -> String {
    let node = schema.json();
    let lie = dice.below(120);
    let notation = node.as_str().or_else(|| node["type"].as_str()).unwrap_or("string").to_owned();
    let name = match notation.as_str() {
        "float32" => "float",
        "float64" => "double",
        other => other,
    };
    let name = match lie {
        0 => dice.word(&["float32", "decimal", "INT32", "", "any", "number"]),
        _ => name.to_owned(),
    };
    let mut members = Vec::new();
    if lie != 1 {
        let text = if lie == 2 { "5".to_owned() } else { format!("\"{name}\"") };
        members.push(member(dice, "type", &text));
    }
    match &schema.ty {
        Ty::Array(items) if lie != 3 => {
            let inner = schema_text(dice, items, None);
            members.push(member(dice, "items", &inner));
        }
        Ty::Map(keys, values) if lie != 3 => {
            let inner = schema_text(dice, keys, None);
            members.push(member(dice, "keys", &inner));
            let inner = schema_text(dice, values, None);
            members.push(member(dice, "values", &inner));
        }
        Ty::Struct(fields) if lie != 3 => {
            let list: Vec<String> = fields
                .iter()
                .map(|(name, schema)| schema_text(dice, schema, (lie != 4).then_some(name)))
                .collect();
            members.push(member(dice, "fields", &format!("[{}]", list.join(","))));
        }
        _ => {}
    }
    if schema.optional || dice.percent(70) {
        let text = if lie == 5 { dice.word(&["\"true\"", "1", "null"]) } else { schema.optional.to_string() };
        members.push(member(dice, "optional", &text));
    }
    for key in ["name", "doc"] {
        if let Some(text) = node[key].as_str() {
            let text = if lie == 6 { "7".to_owned() } else { quoted(dice, text) };
            members.push(member(dice, key, &text));
        }
    }
    if let Some(version) = node["version"].as_i64() {
        let text = if lie == 7 {
            dice.word(&["1.0", "\"1\"", "1e0", "99999999999", "null"])
        } else {
            version.to_string()
        };
        members.push(member(dice, "version", &text));
    }
    if let Some(parameters) = node["parameters"].as_object().filter(|_| lie != 10) {
        let list: Vec<String> = parameters
            .iter()
            .map(|(key, text)| {
                let text =
                    if lie == 8 { "2".to_owned() } else { quoted(dice, text.as_str().unwrap_or_default()) };
                member(dice, key, &text)
            })
            .collect();
        members.push(member(dice, "parameters", &format!("{{{}}}", list.join(","))));
    }
    if schema.default.is_some() {
        let plain = Schema { optional: false, default: None, ..schema.clone() };
        let text = payload(dice, &plain, 0);
        members.push(member(dice, "default", &text));
    }
    if let Some(field) = field {
        let text = quoted(dice, field);
        members.push(member(dice, "field", &text));
    }
    if lie == 9 {
        members.push("\"extra\":{\"x\":[1]}".to_owned());
    }
    if dice.percent(15) {
        dice.shuffle(&mut members);
    }
    format!("{{{}}}", members.join(","))
}

/// A payload for the schema; in `wrong` of a hundred places something else.
pub(crate) fn payload(dice: &mut Dice, schema: &Schema, wrong: usize) -> String {
    if schema.optional && dice.percent(18) || schema.default.is_some() && dice.percent(25) {
        return "null".to_owned();
    }
    if wrong > 0 && dice.percent(wrong) {
        return document(dice, 1);
    }
    let content = match &schema.ty {
        Ty::Plain("boolean") => dice.word(&["true", "false"]),
        Ty::Plain("string") => {
            let text = scalar::text(dice);
            quoted(dice, &text)
        }
        Ty::Plain("bytes") => {
            let mut text = scalar::base64(&scalar::raw_bytes(dice));
            if dice.percent(8) {
                text = scalar::damaged(dice, &text);
            }
            quoted(dice, &text)
        }
        Ty::Plain("float32" | "float64") => {
            if dice.percent(10) {
                dice.word(&["\"NaN\"", "\"Infinity\"", "\"-Infinity\"", "\"1.5\""])
            } else {
                number(dice)
            }
        }
        Ty::Plain(name) => {
            let bits = match *name {
                "int8" => 8,
                "int16" => 16,
                "int32" => 32,
                _ => 64,
            };
            if dice.percent(85) { scalar::integer(dice, bits).to_string() } else { number(dice) }
        }
        Ty::Date => {
            if dice.percent(90) {
                dates::instant(dice).div_euclid(86_400_000).to_string()
            } else {
                number(dice)
            }
        }
        Ty::Time => dates::instant(dice).rem_euclid(86_400_000).to_string(),
        Ty::Timestamp => {
            if dice.percent(90) {
                dates::instant(dice).to_string()
            } else {
                number(dice)
            }
        }
        Ty::Decimal(_) => {
            if dice.percent(50) {
                number(dice)
            } else {
                let text = scalar::base64(&scalar::raw_bytes(dice));
                format!("\"{text}\"")
            }
        }
        Ty::Array(items) => {
            let list: Vec<String> = (0..dice.below(4)).map(|_| payload(dice, items, wrong)).collect();
            format!("[{}]", list.join(","))
        }
        Ty::Map(keys, values) => {
            let count = dice.below(4);
            if keys.ty == Ty::Plain("string") && !keys.optional {
                let members: Vec<String> = (0..count)
                    .map(|_| {
                        let name = dice.word(scalar::NAMES);
                        let content = payload(dice, values, wrong);
                        member(dice, &name, &content)
                    })
                    .collect();
                format!("{{{}}}", members.join(","))
            } else {
                let pairs: Vec<String> = (0..count)
                    .map(|_| {
                        let more = if dice.percent(2) { ",1" } else { "" };
                        format!("[{},{}{more}]", payload(dice, keys, wrong), payload(dice, values, wrong))
                    })
                    .collect();
                format!("[{}]", pairs.join(","))
            }
        }
        Ty::Struct(fields) => {
            let mut members: Vec<String> = Vec::new();
            for (name, field) in fields {
                let may_miss = field.optional || field.default.is_some();
                if may_miss && dice.percent(15) || dice.percent(1) {
                    continue;
                }
                let content = payload(dice, field, wrong);
                members.push(member(dice, name, &content));
                if dice.percent(2) {
                    let content = payload(dice, field, wrong);
                    members.push(member(dice, name, &content));
                }
            }
            if dice.percent(5) {
                members.push("\"unknown\":1".to_owned());
            }
            if dice.percent(20) {
                dice.shuffle(&mut members);
            }
            format!("{{{}}}", members.join(","))
        }
    };
    format!("{}{content}{}", space(dice), space(dice))
}

/// Schema and payload, with what people forget or add.
pub(crate) fn envelope(dice: &mut Dice) -> String {
    let schema = schema::any(dice, Taste::Any, 3);
    let wrong = if dice.percent(75) { 0 } else { 12 };
    let told = if dice.percent(6) { schema::altered(dice, &schema) } else { schema.clone() };
    let head = match dice.below(50) {
        0 => dice.word(&["null", "\"string\"", "{}", "[]", "5", "{\"type\":null}"]),
        _ => schema_text(dice, &told, None),
    };
    let content = payload(dice, &schema, wrong);
    let mut members = vec![member(dice, "schema", &head), member(dice, "payload", &content)];
    match dice.below(60) {
        0 => members.push("\"more\":1".to_owned()),
        1 => {
            members.pop();
        }
        2 => {
            members.remove(0);
        }
        3 => members.push(member(dice, "payload", &content)),
        4..=9 => members.reverse(),
        _ => {}
    }
    format!("{{{}}}", members.join(","))
}

/// A configuration of `JsonConverter`.
pub(crate) fn config(dice: &mut Dice, enable: bool) -> Value {
    let mut config = serde_json::Map::new();
    if !enable || dice.percent(40) {
        config.insert(
            "schemas.enable".to_owned(),
            json!(if dice.percent(97) { enable.to_string() } else { "maybe".to_owned() }),
        );
    }
    if dice.percent(35) {
        config.insert(
            "decimal.format".to_owned(),
            json!(dice.word(&["NUMERIC", "BASE64", "numeric", "Base64", "NUMERIC", "TEXT"])),
        );
    }
    if dice.percent(30) {
        config.insert("replace.null.with.default".to_owned(), json!(dice.word(&["true", "false", "false"])));
    }
    if dice.percent(3) {
        config.insert("schemas.cache.size".to_owned(), json!(dice.word(&["0", "1", "-1", "x", "1000"])));
    }
    Value::Object(config)
}
