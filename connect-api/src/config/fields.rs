//! What the code written by `#[derive(Config)]` calls: reads field after field and remembers every problem.

use crate::config::{Config, ConfigDef, ConfigField, ConfigKey, Properties, Type};
use crate::{Error, ErrorKind, Result};

/// Collects errors and makes one of them.
#[derive(Debug, Default)]
pub struct Problems {
    key: Option<String>,
    /// Of the first, at which Java would have stopped.
    java_class: Option<&'static str>,
    lines: Vec<String>,
}

impl Problems {
    /// Takes the value, or remembers the error.
    pub fn take<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(&error)).ok()
    }

    fn add(&mut self, error: &Error) {
        if self.key.is_none() {
            self.key = error.key().map(str::to_owned);
        }
        self.java_class.get_or_insert(error.java_class());
        self.lines.push(error.to_string());
    }

    /// One error with every problem in its own line, for the first key that has one.
    pub fn finish(self) -> Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let message = self.lines.join("\n");
        let error = match self.key {
            Some(key) => Error::config(key, message),
            None => Error::new(ErrorKind::Config, message),
        };
        Err(match self.java_class {
            Some(class) => error.with_java_class(class),
            None => error,
        })
    }
}

/// Reads the fields of one struct.
#[derive(Debug)]
pub struct Fields<'a> {
    def: ConfigDef,
    properties: &'a Properties,
    prefix: &'a str,
    problems: Problems,
}

impl<'a> Fields<'a> {
    /// Reads keys of `def`, each with `prefix` before its name, from `properties`.
    pub fn new(def: ConfigDef, properties: &'a Properties, prefix: &'a str) -> Self {
        let mut problems = Problems::default();
        problems.take(def.check());
        Self { def, properties, prefix, problems }
    }

    /// Reads one key.
    pub fn field<T: ConfigField>(&mut self, name: &str) -> Option<T> {
        let result = match self.def.key(name) {
            Some(key) => {
                let full = format!("{}{name}", self.prefix);
                let mut key = key.clone();
                key.name.clone_from(&full);
                key.parse(self.properties.get(&full)).and_then(|value| T::from_parsed(&full, value.as_ref()))
            }
            None => Err(Error::config(name, format!("Configuration {name} is not defined."))),
        };
        self.problems.take(result)
    }

    /// Reads a nested struct.
    pub fn flatten<T: Config>(&mut self, prefix: &str) -> Option<T> {
        let prefix = format!("{}{prefix}", self.prefix);
        self.problems.take(T::parse_prefixed(self.properties, &prefix))
    }

    /// All problems as one error.
    pub fn finish(self) -> Result<()> {
        self.problems.finish()
    }

    /// As [`finish`](Self::finish), where it is known that there are problems.
    pub fn into_error(self) -> Error {
        match self.finish() {
            Err(error) => error,
            Ok(()) => Error::new(ErrorKind::Config, "The configuration is not usable."),
        }
    }
}

/// A key with what follows from the field's type.
pub fn key<T: ConfigField>(name: &str, ty: Type) -> ConfigKey {
    let key = ConfigKey::new(name, ty);
    let key = if T::OPTIONAL { key.optional() } else { key };
    match T::base_validator() {
        Some(validator) => key.validator(validator),
        None => key,
    }
}

/// The text of a default that is written as a Rust value.
pub fn default_text<T: ConfigField>(value: &T) -> String {
    value.to_text().unwrap_or_default()
}

/// Puts the prefix before the key that a check of the whole struct complains of.
pub fn checked(prefix: &str, result: Result<()>) -> Result<()> {
    result.map_err(|error| match error.key() {
        Some(key) if !prefix.is_empty() => Error::config(format!("{prefix}{key}"), error.to_string()),
        _ => error,
    })
}
