//! [`SimpleDateFormat`]: Java's date patterns, written and read exactly as Java does, in English and in UTC.
//!
//! Reading is lenient: fields roll over, numbers may have any length and sign, text after the pattern is ignored. A text
//! can name a time zone; then it counts for this text. Dates before 1582-10-15 are Julian.

mod fields;
mod format;
mod moment;
mod names;
mod number;
mod parse;
mod pattern;
mod zones;

use std::time::{SystemTime, UNIX_EPOCH};

use connect_api::data::java::{civil_from_days, days_from_civil};
use connect_api::data::logical::MILLIS_PER_DAY;

pub(crate) use fields::Resolved as Parsed;
use parse::Reader;
use pattern::Item;

/// A pattern, ready to write and read.
#[derive(Debug)]
pub(crate) struct SimpleDateFormat {
    pattern: String,
    items: Vec<Item>,
    /// The first instant that a year of two digits can mean, and its year.
    century_start: (i64, i32),
}

/// A text that does not fit the pattern.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unparseable {
    /// Where, in UTF-16 units; `None` when everything fits but there was nothing to read.
    pub(crate) offset: Option<usize>,
}

impl SimpleDateFormat {
    /// Reads a pattern. The error says in Java's words what is wrong. The clock is read, because a year of two digits
    /// is one of the last eighty or the next twenty.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        #[expect(
            clippy::disallowed_methods,
            reason = "only the century is taken from it, once per configuration"
        )]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::at(pattern, i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
    }

    /// The same at a given time.
    pub(crate) fn at(pattern: &str, now: i64) -> Result<Self, String> {
        let items = pattern::compile(pattern)?;
        let (year, month, day) = civil_from_days(now.div_euclid(MILLIS_PER_DAY));
        let year = year - 80;
        let last_of_month = days_from_civil(year, month + 1, 1) - days_from_civil(year, month, 1);
        let days = days_from_civil(year, month, day.min(last_of_month));
        let start = days * MILLIS_PER_DAY + now.rem_euclid(MILLIS_PER_DAY);
        Ok(Self { pattern: pattern.to_owned(), items, century_start: (start, year as i32) })
    }

    /// The pattern.
    pub(crate) fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Writes an instant.
    pub(crate) fn format(&self, millis: i64) -> String {
        let mut text = String::new();
        format::write(&mut text, &self.items, millis, None, (0, 0));
        text
    }

    /// Writes what was read, in the zone that was named.
    pub(crate) fn format_parsed(&self, parsed: &Parsed) -> String {
        let mut text = String::new();
        let offsets = parsed.offsets.unwrap_or_else(|| match parsed.zone {
            Some(zone) => zone.offsets_at(parsed.millis),
            None => (0, 0),
        });
        format::write(&mut text, &self.items, parsed.millis, parsed.zone, offsets);
        text
    }

    /// Reads a text. What comes after the pattern is ignored.
    pub(crate) fn parse(&self, text: &str) -> Result<Parsed, Unparseable> {
        let (start, start_year) = self.century_start;
        let mut reader = Reader::new(text, start_year);
        let end = reader.read(&self.items).map_err(|offset| Unparseable { offset: Some(offset) })?;
        if end == 0 {
            return Err(Unparseable { offset: None });
        }
        let mut fields = reader.fields;
        let parsed = fields.resolve();
        if reader.ambiguous_year && parsed.millis < start {
            fields.add_years(100);
            return Ok(fields.resolve());
        }
        Ok(parsed)
    }
}

/// Everything that a pattern and a text can reach, for the fuzzer.
pub fn fuzz(pattern: &str, text: &str, millis: i64) {
    let Ok(format) = SimpleDateFormat::new(pattern) else { return };
    let written = format.format(millis);
    for text in [text, &written] {
        if let Ok(parsed) = format.parse(text) {
            format.format_parsed(&parsed);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    /// Years of two digits are counted from 1963-06-15T12:00Z, eighty years before.
    const NOW: i64 = 2_318_155_200_000;

    /// What differs from what Java answered.
    fn difference(case: &Json) -> Option<String> {
        let format = match SimpleDateFormat::at(case["pattern"].as_str().unwrap(), NOW) {
            Ok(format) => format,
            Err(message) => return (case["refused"] != message.as_str()).then_some(message),
        };
        let answer = if let Some(millis) = case["format"].as_i64() {
            serde_json::json!({ "text": format.format(millis) })
        } else {
            match format.parse(case["parse"].as_str().unwrap()) {
                Ok(parsed) => {
                    serde_json::json!({ "millis": parsed.millis, "again": format.format_parsed(&parsed) })
                }
                Err(error) => serde_json::json!({ "offset": error.offset.map_or(-1, |at| at as i64) }),
            }
        };
        let same = answer.as_object().unwrap().iter().all(|(name, value)| case[name] == *value);
        (!same).then(|| answer.to_string())
    }

    #[test]
    fn patterns_write_and_read_as_javas() {
        let text = match std::env::var("DATE_PATTERNS") {
            Ok(path) => std::fs::read_to_string(path).unwrap(),
            Err(_) => include_str!("../../tests/vectors/date_patterns.jsonl").to_owned(),
        };
        let wrong: Vec<String> = text
            .lines()
            .filter_map(|line| {
                Some(format!("{line}\n  {}", difference(&serde_json::from_str(line).unwrap())?))
            })
            .collect();
        assert!(
            wrong.is_empty(),
            "{} of {} differ:\n{}",
            wrong.len(),
            text.lines().count(),
            wrong.join("\n")
        );
    }

    #[test]
    fn nothing_that_a_stranger_writes_does_harm() {
        let pieces = [
            "y",
            "yy",
            "Y",
            "M",
            "MMM",
            "w",
            "W",
            "D",
            "d",
            "F",
            "E",
            "u",
            "a",
            "H",
            "k",
            "S",
            "z",
            "Z",
            "X",
            "XXXZ",
            "G",
            "'",
            "''",
            " ",
            "\t",
            "-",
            "+",
            ":",
            "é",
            "😀",
            "0",
            "7",
            "99",
            "99999999999999999999",
            "E",
            "E-9",
            "E999999999",
            "NaN",
            "∞",
            "-∞",
            "٣",
            "GMT",
            "gmt+",
            "GMT-1",
            "PST",
            "Mon",
            "ſ",
            "BC",
            "PM",
            "Jan",
            "\u{a0}",
        ];
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let mut any = || {
            let length = next() % 9;
            (0..length).map(|_| pieces[next() as usize % pieces.len()]).collect::<String>()
        };
        for round in 0..30_000_u64 {
            let millis = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) as i64;
            fuzz(&any(), &any(), millis);
        }
        fuzz(&"y".repeat(100_000), &"9".repeat(100_000), i64::MIN);
        fuzz(&"yM".repeat(50_000), &" ".repeat(100_000), i64::MAX);
    }
}
