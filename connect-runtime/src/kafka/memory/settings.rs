//! Typed reading of client settings; a malformed one is an error that names the key.

use std::str::FromStr;
use std::time::Duration;

use crate::kafka::{ClientProperties, KafkaError, KafkaErrorKind, Result};

/// The settings of one client.
pub(super) struct Settings<'a>(pub(super) &'a ClientProperties);

impl Settings<'_> {
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn number<T: FromStr>(&self, key: &str, default: T) -> Result<T> {
        match self.text(key) {
            None => Ok(default),
            Some(text) => text.trim().parse().map_err(|_| malformed(key, text, "a number in range")),
        }
    }

    pub(super) fn millis(&self, key: &str, default: u64) -> Result<Duration> {
        self.number(key, default).map(Duration::from_millis)
    }

    /// One of `allowed`, as its index.
    pub(super) fn choice(&self, key: &str, allowed: &[&str], default: usize) -> Result<usize> {
        let Some(text) = self.text(key) else { return Ok(default) };
        allowed
            .iter()
            .position(|choice| choice.eq_ignore_ascii_case(text))
            .ok_or_else(|| malformed(key, text, &format!("one of {}", allowed.join(", "))))
    }
}

fn malformed(key: &str, text: &str, expected: &str) -> KafkaError {
    KafkaError::new(
        KafkaErrorKind::Config,
        format!("invalid value {text} for setting {key}: expected {expected}"),
    )
}
