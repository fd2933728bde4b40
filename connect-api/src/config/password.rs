//! [`Password`]: text that shows itself to nobody by accident.

use std::fmt;

/// A secret. `Debug`, `Display` and `Serialize` print `[hidden]`; [`value`](Self::value) reveals it.
///
/// ```
/// use connect_api::Password;
/// let password = Password::new("hunter2");
/// assert_eq!(format!("{password} {password:?}"), "[hidden] [hidden]");
/// assert_eq!(password.value(), "hunter2");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
#[doc(alias = "org.apache.kafka.common.config.types.Password")]
pub struct Password(String);

impl Password {
    /// What is printed instead.
    pub const HIDDEN: &'static str = "[hidden]";

    /// A secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself. Take care where it goes.
    pub fn value(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::HIDDEN)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::HIDDEN)
    }
}

impl From<&str> for Password {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

impl From<String> for Password {
    fn from(value: String) -> Self {
        Self(value)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Password {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Self::HIDDEN)
    }
}
