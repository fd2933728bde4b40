//! `sasl.jaas.config` as Java users write it: one login module with its options.

use std::collections::BTreeMap;

use super::properties::refused;
use super::{KafkaError, Result};

/// A parsed login configuration. It has no `Debug`: the options hold passwords.
pub(super) struct Jaas {
    /// The class name of the login module.
    pub(super) module: String,
    options: BTreeMap<String, String>,
}

impl Jaas {
    /// Parses `module flag key="value" … ;`. Errors never show the text: it holds secrets.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut tokens = tokens(text)?.into_iter();
        let module = tokens.next().ok_or_else(|| malformed("it is empty"))?;
        let flag = tokens.next().ok_or_else(|| malformed("the control flag `required` is missing"))?;
        let flags = ["required", "requisite", "sufficient", "optional"];
        if !flags.iter().any(|known| known.eq_ignore_ascii_case(&flag)) {
            return Err(malformed("the word after the login module must be `required`"));
        }
        let mut options = BTreeMap::new();
        loop {
            let Some(key) = tokens.next() else { return Err(malformed("the closing `;` is missing")) };
            if key == ";" {
                break;
            }
            let (Some(equals), Some(value)) = (tokens.next(), tokens.next()) else {
                return Err(malformed("an option has no value"));
            };
            if equals != "=" || value == ";" {
                return Err(malformed("options are written key=\"value\""));
            }
            options.insert(key, value);
        }
        if tokens.next().is_some() {
            return Err(malformed("it names more than one login module"));
        }
        Ok(Self { module, options })
    }

    /// An option.
    pub(super) fn option(&self, key: &str) -> Option<&str> {
        self.options.get(key).map(String::as_str)
    }

    /// An option that the mechanism cannot do without.
    pub(super) fn required(&self, key: &str) -> Result<&str> {
        self.option(key).ok_or_else(|| malformed(&format!("the option `{key}` is missing")))
    }

    /// Options whose names begin so, without the beginning.
    pub(super) fn options_with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let matching = self.options.iter();
        matching.filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value.as_str())))
    }
}

fn malformed(why: &str) -> KafkaError {
    refused(format!(
        "`sasl.jaas.config` is malformed: {why}; it looks like \
        `org.apache.kafka.common.security.plain.PlainLoginModule required username=\"…\" password=\"…\";`"
    ))
}

/// Words, quoted texts, `=` and `;`, with comments left out.
fn tokens(text: &str) -> Result<Vec<String>> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(next) = chars.next() {
        match next {
            c if c.is_whitespace() => {}
            '=' | ';' => tokens.push(next.to_string()),
            '"' | '\'' => tokens.push(quoted(&mut chars, next)?),
            '/' if chars.peek() == Some(&'/') => while chars.next().is_some_and(|c| c != '\n') {},
            '/' if chars.peek() == Some(&'*') => {
                let mut last = ' ';
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            first => {
                let mut word = String::from(first);
                while let Some(c) =
                    chars.next_if(|c| !c.is_whitespace() && !matches!(c, '=' | ';' | '"' | '\''))
                {
                    word.push(c);
                }
                tokens.push(word);
            }
        }
    }
    Ok(tokens)
}

fn quoted(chars: &mut impl Iterator<Item = char>, quote: char) -> Result<String> {
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Ok(text),
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some(escaped) => text.push(escaped),
                None => break,
            },
            c => text.push(c),
        }
    }
    Err(malformed("a quotation mark is not closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_may_be_quoted_escaped_or_bare() {
        let jaas = Jaas::parse(
            "org.apache.kafka.common.security.plain.PlainLoginModule REQUIRED // who\n \
             username = alice password=\"a\\\"b;=\\\\c\" /* and */ x='y';",
        );
        let jaas = jaas.ok().unwrap();
        assert_eq!(jaas.module, "org.apache.kafka.common.security.plain.PlainLoginModule");
        assert_eq!(jaas.required("username").unwrap(), "alice");
        assert_eq!(jaas.required("password").unwrap(), "a\"b;=\\c");
        assert_eq!(jaas.option("x"), Some("y"));
    }

    #[test]
    fn errors_say_what_is_wrong_and_keep_the_secret() {
        for (text, why) in [
            ("", "it is empty"),
            ("Module", "control flag"),
            ("Module username=\"hush\";", "must be `required`"),
            ("Module required password=\"hush\"", "closing `;`"),
            ("Module required password=\"hush;", "not closed"),
            ("Module required password;", "an option has no value"),
            ("Module required password \"hush\" more;", "key=\"value\""),
            ("Module required; Other required;", "more than one"),
        ] {
            let error = Jaas::parse(text).err().unwrap().to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
        let Ok(jaas) = Jaas::parse("Module required;") else { panic!("is well formed") };
        assert!(jaas.required("password").unwrap_err().to_string().contains("`password` is missing"));
    }
}
