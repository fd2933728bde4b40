//! The option `(confluent.field_meta)`: what a Connect schema has and Protobuf has not.
//!
//! Schemas use the option without importing `confluent/meta.proto`, so it is read here and not by a compiler.

use prost_types::UninterpretedOption;

/// How deep values may be nested.
const DEEPEST: usize = 16;

/// The parameters in a field's options, `connect.type` or `scale` for instance.
pub(super) fn params(options: &[UninterpretedOption]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for option in options {
        let mut names = option.name.iter().map(|part| part.name_part.trim_start_matches('.'));
        if names.next() != Some("confluent.field_meta") {
            continue;
        }
        let text = option.aggregate_value.as_deref().unwrap_or_default();
        let Some(fields) = Tokens::new(text).message(DEEPEST) else { continue };
        match names.next() {
            None => {
                for (_, value) in fields.iter().filter(|(name, _)| name == "params") {
                    collect(value, &mut found);
                }
            }
            Some("params") => collect(&Value::Message(fields), &mut found),
            Some(_) => {}
        }
    }
    found
}

fn collect(value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::List(values) => values.iter().for_each(|value| collect(value, found)),
        Value::Text(_) => {}
        Value::Message(fields) => {
            let text = |wanted: &str| {
                fields.iter().find_map(|(name, value)| match value {
                    Value::Text(text) if name == wanted => Some(text.clone()),
                    _ => None,
                })
            };
            if let Some(key) = text("key") {
                found.push((key, text("value").unwrap_or_default()));
            }
        }
    }
}

enum Value {
    Text(String),
    List(Vec<Self>),
    Message(Vec<(String, Self)>),
}

/// A reader of Protobuf's text format, as far as such options need it.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == ';');
        self.rest.chars().next()
    }

    fn accept(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.rest = &self.rest[wanted.len_utf8()..];
        }
        found
    }

    /// Fields until the end of the text or a closing bracket, with or without brackets around them.
    fn message(&mut self, depth: usize) -> Option<Vec<(String, Value)>> {
        let depth = depth.checked_sub(1)?;
        let mut fields = Vec::new();
        self.accept('{');
        while let Some(next) = self.peek() {
            if next == '}' || next == '>' {
                break;
            }
            let name = self.word()?;
            self.accept(':');
            fields.push((name, self.value(depth)?));
        }
        Some(fields)
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        match self.peek()? {
            open @ ('{' | '<') => {
                self.accept(open);
                let fields = self.message(depth)?;
                (self.accept('}') || self.accept('>')).then_some(Value::Message(fields))
            }
            '[' => {
                self.accept('[');
                let mut values = Vec::new();
                while !self.accept(']') {
                    values.push(self.value(depth)?);
                }
                Some(Value::List(values))
            }
            '"' | '\'' => {
                let mut text = self.string()?;
                while matches!(self.peek(), Some('"' | '\'')) {
                    text += &self.string()?;
                }
                Some(Value::Text(text))
            }
            _ => self.word().map(Value::Text),
        }
    }

    fn string(&mut self) -> Option<String> {
        let mut letters = self.rest.char_indices();
        let (_, quote) = letters.next()?;
        let mut text = String::new();
        while let Some((at, letter)) = letters.next() {
            if letter == quote {
                self.rest = &self.rest[at + 1..];
                return Some(text);
            }
            match letter {
                '\\' => match letters.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    other => text.push(other),
                },
                _ => text.push(letter),
            }
        }
        None
    }

    fn word(&mut self) -> Option<String> {
        self.peek()?;
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '+')))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use prost_types::uninterpreted_option::NamePart;

    use super::*;

    fn of(names: &[&str], text: &str) -> Vec<(String, String)> {
        let part = |name: &&str| NamePart { name_part: (*name).to_owned(), is_extension: true };
        params(&[UninterpretedOption {
            name: names.iter().map(part).collect(),
            aggregate_value: Some(text.to_owned()),
            ..UninterpretedOption::default()
        }])
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn every_way_to_write_the_parameters_is_read() {
        let meta = ["confluent.field_meta"];
        let expected = [pair("connect.type", "int8")];
        for text in [
            "{ params: [ { key: \"connect.type\", value: \"int8\" } ] }",
            "params: { value: 'int8' key: 'connect.type' }",
            "doc: \"x\" params < key: \"connect\" \".type\" value: \"int8\" >",
            "{ params: [{value: \"int8\", key: \"connect.type\"}] }",
        ] {
            assert_eq!(of(&meta, text), expected, "{text}");
        }
        let parts = ["confluent.field_meta", "params"];
        assert_eq!(of(&parts, "{key: \"connect.type\", value: \"int8\"}"), expected);
        let two = "params: [{key: \"scale\" value: \"2\"}, {key: \"precision\" value: \"9\"}]";
        assert_eq!(of(&meta, two), [pair("scale", "2"), pair("precision", "9")]);
    }

    #[test]
    fn what_is_no_parameter_is_none() {
        assert!(of(&["other.meta"], "{ params: [ { key: \"a\" } ] }").is_empty());
        for text in ["", "{", "params: [", "params: [[[[[[[[[[[[[[[[[[[[[[[[", "params: \"x", "]", "a: }"] {
            assert!(of(&["confluent.field_meta"], text).is_empty(), "{text}");
        }
    }
}
