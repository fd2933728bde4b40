//! [`Type`] and [`ParsedValue`]: what text means under each config type, exactly as in Kafka.

use std::fmt;

use crate::config::Password;
use crate::data::java::ascii_digits;
use crate::{Error, Result};

/// The type of a configuration key.
///
/// ```
/// use connect_api::config::{ParsedValue, Type};
/// assert_eq!(Type::Int.parse("tasks.max", " 5 ")?, ParsedValue::Int(5));
/// let error = Type::Int.parse("tasks.max", "5.0").unwrap_err();
/// assert_eq!(error.to_string(), "Invalid value 5.0 for configuration tasks.max: Not a number of type INT");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "org.apache.kafka.common.config.ConfigDef.Type")]
pub enum Type {
    /// `true` or `false`, in any case.
    Boolean,
    /// Text, trimmed.
    String,
    /// A 32-bit integer.
    Int,
    /// A 16-bit integer.
    Short,
    /// A 64-bit integer.
    Long,
    /// A 64-bit floating point number.
    Double,
    /// Texts separated by commas. Blanks around commas do not count; empty items do.
    List,
    /// The name of a plugin. Whether it exists is for a [`Validator`](crate::config::Validator) to say.
    Class,
    /// Text that is printed as `[hidden]`.
    Password,
}

impl Type {
    /// Kafka's name: `BOOLEAN`, `STRING`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        }
    }

    /// Parses the text of the key `name`.
    ///
    /// # Errors
    ///
    /// A [config error](Error::config) for the key, in Kafka's words.
    pub fn parse(self, name: &str, text: &str) -> Result<ParsedValue> {
        let trimmed = java_trim(text);
        let not_a_number = || invalid(name, text, format!("Not a number of type {}", self.as_str()));
        Ok(match self {
            Self::Boolean if trimmed.eq_ignore_ascii_case("true") => ParsedValue::Boolean(true),
            Self::Boolean if trimmed.eq_ignore_ascii_case("false") => ParsedValue::Boolean(false),
            Self::Boolean => return Err(invalid(name, text, "Expected value to be either true or false")),
            Self::String => ParsedValue::String(trimmed.to_owned()),
            Self::Int => ParsedValue::Int(ascii_digits(trimmed).parse().map_err(|_| not_a_number())?),
            Self::Short => ParsedValue::Short(ascii_digits(trimmed).parse().map_err(|_| not_a_number())?),
            Self::Long => ParsedValue::Long(ascii_digits(trimmed).parse().map_err(|_| not_a_number())?),
            Self::Double => ParsedValue::Double(parse_double(trimmed).ok_or_else(not_a_number)?),
            Self::List => ParsedValue::List(split_list(trimmed)),
            Self::Class => ParsedValue::Class(trimmed.to_owned()),
            Self::Password => ParsedValue::Password(Password::new(trimmed)),
        })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The value of a configuration key after parsing. Kafka's `null` is `None` of an `Option<ParsedValue>`.
///
/// `Display` is what Kafka writes into error messages: a list is `[a, b]`, a password `[hidden]`.
/// [`to_text`](Self::to_text) is what a user would write.
#[derive(Clone, Debug, PartialEq)]
pub enum ParsedValue {
    /// Of a [`Type::Boolean`] key.
    Boolean(bool),
    /// Of a [`Type::String`] key.
    String(String),
    /// Of a [`Type::Int`] key.
    Int(i32),
    /// Of a [`Type::Short`] key.
    Short(i16),
    /// Of a [`Type::Long`] key.
    Long(i64),
    /// Of a [`Type::Double`] key.
    Double(f64),
    /// Of a [`Type::List`] key.
    List(Vec<String>),
    /// Of a [`Type::Class`] key: the name of a plugin.
    Class(String),
    /// Of a [`Type::Password`] key.
    Password(Password),
}

impl ParsedValue {
    /// The text of a value in a configuration or a REST answer: lists joined by commas, passwords `[hidden]`.
    ///
    /// ```
    /// use connect_api::config::ParsedValue;
    /// assert_eq!(ParsedValue::List(vec!["a".into(), "b".into()]).to_text(), "a,b");
    /// ```
    pub fn to_text(&self) -> String {
        match self {
            Self::List(items) => items.join(","),
            other => other.to_string(),
        }
    }

    /// Any integer type, widened.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Int(value) => Some(value.into()),
            Self::Short(value) => Some(value.into()),
            Self::Long(value) => Some(value),
            _ => None,
        }
    }

    /// Any number type, as a floating point number.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Double(value) => Some(value),
            _ => self.as_i64().map(|value| value as f64),
        }
    }

    /// The text of a string or class; `None` for other types, also for passwords.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) | Self::Class(value) => Some(value),
            _ => None,
        }
    }

    /// A truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Self::Boolean(value) => Some(value),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[String]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }
}

impl fmt::Display for ParsedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::String(value) | Self::Class(value) => f.write_str(value),
            Self::Int(value) => value.fmt(f),
            Self::Short(value) => value.fmt(f),
            Self::Long(value) => value.fmt(f),
            Self::Double(value) => f.write_str(&java_double(*value)),
            Self::List(items) => write!(f, "[{}]", items.join(", ")),
            Self::Password(value) => value.fmt(f),
        }
    }
}

/// The error that Kafka raises for a bad value: `Invalid value 0 for configuration tasks.max: Value must be …`.
///
/// ```
/// let error = connect_api::config::invalid("topic", "", "String must be non-empty");
/// assert_eq!(error.to_string(), "Invalid value  for configuration topic: String must be non-empty");
/// assert_eq!(error.key(), Some("topic"));
/// ```
pub fn invalid(name: &str, value: impl fmt::Display, detail: impl fmt::Display) -> Error {
    Error::config(name, format!("Invalid value {value} for configuration {name}: {detail}"))
}

/// As [`invalid`], for a value that may be Kafka's `null`.
pub(crate) fn invalid_value(name: &str, value: Option<&ParsedValue>, detail: impl fmt::Display) -> Error {
    match value {
        Some(value) => invalid(name, value, detail),
        None => invalid(name, "null", detail),
    }
}

/// Java's `String.trim`: everything up to and including the blank.
fn java_trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// Java's `\s*,\s*`, keeping empty items.
fn split_list(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let blank = |c| matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r');
    text.split(',').map(|item| item.trim_matches(blank).to_owned()).collect()
}

/// Java's `Double.parseDouble`, without hexadecimal numbers.
fn parse_double(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        "NaN" => return Some(f64::NAN),
        "Infinity" => return text.parse().ok(),
        _ => {}
    }
    let digits = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
    if digits.contains(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')) {
        return None;
    }
    digits.parse().ok()
}

/// Java's `Double.toString`.
fn java_double(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        format!("{value:?}")
    } else {
        let text = format!("{value:e}");
        match text.split_once('e') {
            Some((digits, exponent)) if digits.contains('.') => format!("{digits}E{exponent}"),
            Some((digits, exponent)) => format!("{digits}.0E{exponent}"),
            None => text,
        }
    }
}

/// One line of a validation: a key, what it is set to, what is wrong with it. See
/// [`ConfigDef::validate`](crate::config::ConfigDef::validate).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "org.apache.kafka.common.config.ConfigValue")]
pub struct ConfigValue {
    /// The key.
    pub name: String,
    /// The parsed value as text, the default included; passwords are `[hidden]`. `None` is Kafka's `null`: not
    /// set, or not parseable.
    pub value: Option<String>,
    /// Values that a user interface may offer.
    pub recommended_values: Vec<String>,
    /// What is wrong, one sentence each. Empty means valid.
    pub error_messages: Vec<String>,
    /// Whether a user interface should show the key.
    pub visible: bool,
}

impl ConfigValue {
    /// A key without a value and without errors.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: None,
            recommended_values: Vec::new(),
            error_messages: Vec::new(),
            visible: true,
        }
    }

    /// Adds an error.
    pub fn add_error(&mut self, message: impl Into<String>) {
        self.error_messages.push(message.into());
    }

    /// The same with a value.
    #[must_use]
    pub fn with_value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// The same with an error more.
    #[must_use]
    pub fn with_error(mut self, message: impl Into<String>) -> Self {
        self.add_error(message);
        self
    }
}
