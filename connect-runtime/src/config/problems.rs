//! Collects everything that is wrong with a configuration and says it at once.

use connect_api::{Error, ErrorKind, Result};

#[derive(Debug, Default)]
pub(crate) struct Problems {
    key: Option<String>,
    lines: Vec<String>,
}

impl Problems {
    /// Takes the value, or remembers the error.
    pub(crate) fn take<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(&error)).ok()
    }

    pub(crate) fn add(&mut self, error: &Error) {
        if self.key.is_none() {
            self.key = error.key().map(str::to_owned);
        }
        let text = error.to_string();
        if !self.lines.contains(&text) {
            self.lines.push(text);
        }
    }

    pub(crate) fn error(&mut self, key: &str, message: impl Into<String>) {
        self.add(&Error::config(key, message));
    }

    /// One error with every problem in its own line, for the first key that has one.
    pub(crate) fn finish(self) -> Result<()> {
        match self.lines.is_empty() {
            true => Ok(()),
            false => Err(self.into_error()),
        }
    }

    pub(crate) fn into_error(self) -> Error {
        let message = match self.lines.is_empty() {
            true => "The configuration is not usable.".to_owned(),
            false => self.lines.join("\n"),
        };
        match self.key {
            Some(key) => Error::config(key, message),
            None => Error::new(ErrorKind::Config, message),
        }
    }
}
