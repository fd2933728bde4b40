//! Which parts of a record a stage depends on, found by trying.

use connect_api::data::{Date, Decimal};
use connect_api::{Header, Headers, Outcome, Record, Result, Str, Value};

use super::Part;
use super::parts::{header_paths, join, of_record};

/// No record with more parts than this is tried out completely.
const MAX_PLACES: usize = 200;

/// 401 days, 1 hour, 1 minute, 1 second and 1 millisecond: every part of a date is another one.
const LATER: i64 = 401 * 86_400_000 + 3_661_001;

/// Where a part stands that has no parts of its own.
struct Place {
    path: String,
    root: Root,
    /// The names of the fields that lead to it.
    steps: Vec<Str>,
}

#[derive(Clone, Copy)]
enum Root {
    Topic,
    Partition,
    Timestamp,
    Key,
    Value,
    Header(usize),
}

/// The parts that what `stage` makes of the record depends on. A part that is merely carried along does not count, nor
/// one that is overwritten unseen.
pub(super) fn reads(
    record: &Record,
    outcome: Option<&[Part]>,
    stage: impl Fn(&mut Record) -> Result<Outcome>,
) -> Vec<String> {
    let before = of_record(record);
    let mut read = Vec::new();
    for place in places(record) {
        let mut other = record.clone();
        if place.alter(&mut other).is_none() {
            continue;
        }
        let altered = of_record(&other);
        let answer = match stage(&mut other) {
            Ok(Outcome::Keep) => Some(of_record(&other)),
            Ok(Outcome::Drop) => None,
            Err(_) => {
                read.push(place.path);
                continue;
            }
        };
        let expected = outcome.map(|parts| carried(parts, &before, &altered));
        if answer != expected {
            read.push(place.path);
        }
    }
    read
}

/// The outcome of the altered record if the stage does not look at what was altered: parts that came through
/// unchanged are as altered, all others as they were.
fn carried(outcome: &[Part], before: &[Part], altered: &[Part]) -> Vec<Part> {
    let mut parts = outcome.to_vec();
    for part in &mut parts {
        let find = |list: &[Part]| list.iter().find(|other| other.path == part.path).cloned();
        if find(before).as_ref() == Some(part)
            && let Some(altered) = find(altered)
        {
            *part = altered;
        }
    }
    parts
}

fn places(record: &Record) -> Vec<Place> {
    let mut places = Vec::new();
    for (path, root) in
        [("topic", Root::Topic), ("partition", Root::Partition), ("timestamp", Root::Timestamp)]
    {
        places.push(Place { path: path.to_owned(), root, steps: Vec::new() });
    }
    collect("key", Root::Key, &record.key.value, &mut Vec::new(), &mut places);
    collect("value", Root::Value, &record.value.value, &mut Vec::new(), &mut places);
    let paths = header_paths(record.headers.iter().map(Header::key));
    for (index, (header, path)) in record.headers.iter().zip(paths).enumerate() {
        collect(&path, Root::Header(index), header.value(), &mut Vec::new(), &mut places);
    }
    places.truncate(MAX_PLACES);
    places
}

fn collect(path: &str, root: Root, value: &Value, steps: &mut Vec<Str>, places: &mut Vec<Place>) {
    let mut below = |name: &Str, value: &Value| {
        steps.push(name.clone());
        collect(&join(path, name), root, value, steps, places);
        steps.pop();
    };
    match value {
        Value::Struct(row) => row.iter().for_each(|(field, value)| below(field.name(), value)),
        Value::Map(map) if map.text_entries().is_some_and(|entries| entries.len() > 0) => {
            map.text_entries().into_iter().flatten().for_each(|(name, value)| below(name, &value.to_value()));
        }
        _ => places.push(Place { path: path.to_owned(), root, steps: steps.clone() }),
    }
}

impl Place {
    /// Puts another value of the same type there. `None` where there is none.
    fn alter(&self, record: &mut Record) -> Option<()> {
        match self.root {
            Root::Topic => record.topic = format!("{}~", record.topic).into(),
            Root::Partition => record.kafka_partition = Some(record.kafka_partition?.wrapping_add(1)),
            // Months later, so that each part of the date differs, too.
            Root::Timestamp => record.timestamp = Some(record.timestamp?.wrapping_add(LATER)),
            Root::Key => alter(&mut record.key.value, &self.steps)?,
            Root::Value => alter(&mut record.value.value, &self.steps)?,
            Root::Header(index) => {
                let mut headers = Headers::new();
                for (at, header) in record.headers.iter().enumerate() {
                    let mut data = header.data().clone();
                    if at == index {
                        alter(&mut data.value, &self.steps)?;
                    }
                    headers.add_header(header.with(data));
                }
                record.headers = headers;
            }
        }
        Some(())
    }
}

fn alter(value: &mut Value, steps: &[Str]) -> Option<()> {
    let Some((name, rest)) = steps.split_first() else {
        *value = another(value)?;
        return Some(());
    };
    match value {
        Value::Struct(row) => {
            let mut field = row.get_without_default(name.as_str()).ok()?.clone();
            alter(&mut field, rest)?;
            row.put(name.as_str(), field).ok()
        }
        Value::Map(map) => {
            let mut entry = map.get_owned(name)?;
            alter(&mut entry, rest)?;
            map.set(name, entry).map(drop)
        }
        _ => None,
    }
}

/// A value of the same type.
fn another(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Boolean(value) => Value::from(!value),
        Value::Int8(value) => Value::from(value.wrapping_add(1)),
        Value::Int16(value) => Value::from(value.wrapping_add(1)),
        Value::Int32(value) => Value::from(value.wrapping_add(1)),
        // Many of these are milliseconds.
        Value::Int64(value) => Value::from(value.wrapping_add(LATER)),
        Value::Float32(value) => Value::from(value + 1.0),
        Value::Float64(value) => Value::from(value + 1.0),
        Value::String(text) => Value::from(format!("{text}~")),
        Value::Bytes(bytes) => Value::from([bytes, &b"~"[..]].concat()),
        Value::Decimal(decimal) => {
            let other = |unscaled| Decimal::new(unscaled, decimal.scale());
            Value::from(if *decimal == other(1) { other(2) } else { other(1) })
        }
        Value::Date(Date(millis)) => Value::from(Date(match millis {
            // A time of day stays one, a midnight stays one.
            0..86_399_999 if millis % 86_400_000 != 0 => millis + 1,
            _ => millis.wrapping_add(86_400_000),
        })),
        Value::Array(list) if !list.is_empty() => {
            let mut list = list.clone();
            list.remove(0);
            Value::from(list)
        }
        _ => return None,
    })
}
