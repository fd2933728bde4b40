//! `sasl.jaas.config` as Java users write it: one login module with its options.

use std::collections::BTreeMap;

use super::properties::refused;
use super::{KafkaError, Result};
use crate::config::jaas::only_module;

/// A parsed login configuration. It has no `Debug`: the options hold passwords.
pub(super) struct Jaas {
    /// The class name of the login module.
    pub(super) module: String,
    options: BTreeMap<String, String>,
}

impl Jaas {
    /// Parses `module flag key="value" … ;`. Errors never show the text: it holds secrets.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let module = only_module(text).map_err(malformed)?;
        Ok(Self { module: module.class, options: module.options })
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
