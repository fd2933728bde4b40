//! [`ParseLine`]: a transformation of this program's own. They are that small.

use connect_api::config::NoConfig;
use connect_api::data::Map;
use connect_api::{Error, Outcome, Plugins, Record, Result, SchemaAndValue, Transformation, Value};

/// Turns a line of text into a map with its `text`, its `length` in characters and its number of `words`.
/// A blank line becomes null.
pub(crate) struct ParseLine;

impl Transformation for ParseLine {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self> {
        Ok(Self)
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let Value::String(line) = &record.value.value else {
            return Err(Error::data("ParseLine takes lines of text"));
        };
        let value = match line.trim().is_empty() {
            true => Value::Null,
            false => Value::Map(Map::from_iter([
                ("text", Value::from(line)),
                ("length", Value::from(line.chars().count() as i64)),
                ("words", Value::from(line.split_whitespace().count() as i64)),
            ])),
        };
        record.value = SchemaAndValue::schemaless(value);
        Ok(Outcome::Keep)
    }
}

/// Makes it known under its name.
pub(crate) fn register(plugins: &mut Plugins) {
    plugins.bundle(env!("CARGO_PKG_VERSION")).transformation::<ParseLine>("ParseLine");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Value {
        let mut record = Record::new("t", SchemaAndValue::schemaless(line));
        assert_eq!(ParseLine.apply(&mut record).unwrap(), Outcome::Keep);
        record.value.value
    }

    #[test]
    fn a_line_becomes_a_map_and_a_blank_line_null() {
        assert_eq!(parsed("zwei Wörter").to_string(), "{text=zwei Wörter, length=11, words=2}");
        assert_eq!(parsed(" \t"), Value::Null);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let mut record = Record::new("t", SchemaAndValue::schemaless(1));
        assert!(ParseLine.apply(&mut record).unwrap_err().to_string().contains("lines of text"));
    }
}
