//! [`BigInteger`]: an integer of any size.

use std::fmt;
use std::str::FromStr;

use super::Decimal;
use crate::{Error, Result};

/// An integer of any size, as schemaless data from Java plugins may contain it. No schema describes it: where one is
/// needed, use a [`Decimal`] of scale 0.
///
/// ```
/// use connect_api::Value;
/// use connect_api::data::BigInteger;
/// let number: BigInteger = "123456789012345678901234567890".parse()?;
/// assert_eq!(number.to_string(), "123456789012345678901234567890");
/// assert_eq!(Value::from(number).java_class_name(), "java.math.BigInteger");
/// assert!("1.5".parse::<BigInteger>().is_err());
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BigInteger(Decimal);

impl BigInteger {
    /// The same number as a decimal of scale 0.
    pub fn to_decimal(&self) -> Decimal {
        self.0.clone()
    }
}

impl From<i64> for BigInteger {
    fn from(value: i64) -> Self {
        Self(value.into())
    }
}

impl FromStr for BigInteger {
    type Err = Error;

    /// The grammar of Java's `BigInteger`: an optional sign and digits.
    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            |message: String| Err(Error::data(message).with_java_class("java.lang.NumberFormatException"));
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if digits.is_empty() {
            return wrong("Zero length BigInteger".to_owned());
        }
        if digits.contains(['+', '-']) {
            return wrong("Illegal embedded sign character".to_owned());
        }
        let ascii = super::java::ascii_digits(text);
        if !ascii.bytes().skip(text.len() - digits.len()).all(|byte| byte.is_ascii_digit()) {
            return wrong(format!("For input string: \"{text}\""));
        }
        ascii.parse().map(Self)
    }
}

impl fmt::Display for BigInteger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for BigInteger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BigInteger({})", self.0)
    }
}
