//! [`ConfigField`]: which Rust type stands for which config type, and how a value becomes one.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::Result;
use crate::config::{ConfigKey, ParsedValue, Password, Type, Validator, invalid};

/// A type that a field of a `#[derive(Config)]` struct may have.
///
/// | Rust | config type | base check |
/// | --- | --- | --- |
/// | `bool` | `BOOLEAN` | |
/// | `String`, `PathBuf` | `STRING` | |
/// | `i16`, `i32`, `i64` | `SHORT`, `INT`, `LONG` | |
/// | `u16` | `INT` | `[0,...,65535]` |
/// | `u32`, `u64` | `LONG` | `[0,...]` |
/// | `usize`, `NonZeroUsize` | `INT` | `[0,...]`, `[1,...]` |
/// | `f64` | `DOUBLE` | |
/// | `Duration` | `LONG`, milliseconds | `[0,...]` |
/// | `Vec<T>` | `LIST` | each item as `T` |
/// | `Password` | `PASSWORD` | |
/// | `#[derive(ConfigEnum)]` | `STRING` | one of the names |
/// | `Option<T>` | as `T`, and the key need not be set | as `T` |
///
/// ```
/// use connect_api::config::{ConfigField, ParsedValue, Type};
/// use std::time::Duration;
///
/// assert_eq!(Duration::TYPE, Type::Long);
/// assert_eq!(Duration::from_parsed("wait.ms", Some(&ParsedValue::Long(1500)))?, Duration::from_millis(1500));
/// # Ok::<(), connect_api::Error>(())
/// ```
pub trait ConfigField: Sized {
    /// The config type.
    const TYPE: Type;

    /// Whether the key may be left out although it has no default.
    const OPTIONAL: bool = false;

    /// The check that follows from the type.
    fn base_validator() -> Option<Validator> {
        None
    }

    /// Makes a value of the type; `None` is Kafka's `null`.
    ///
    /// # Errors
    ///
    /// A [config error](crate::Error::config) for the key `name`.
    fn from_parsed(name: &str, value: Option<&ParsedValue>) -> Result<Self>;

    /// The text that parses to this value; `None` when the key is best left out. Passwords are revealed.
    fn to_text(&self) -> Option<String>;
}

fn not_null<'v>(name: &str, value: Option<&'v ParsedValue>) -> Result<&'v ParsedValue> {
    value.ok_or_else(|| invalid(name, "null", "entry must be non null"))
}

macro_rules! integer_field {
    ($($rust:ty => $ty:ident $(, $validator:expr)?;)*) => {
        $(impl ConfigField for $rust {
            const TYPE: Type = Type::$ty;

            $(fn base_validator() -> Option<Validator> {
                Some($validator)
            })?

            fn from_parsed(name: &str, value: Option<&ParsedValue>) -> Result<Self> {
                let value = not_null(name, value)?;
                let fits = value.as_i64().and_then(|number| number.try_into().ok());
                fits.ok_or_else(|| ConfigKey::mismatch(name, value, concat!("an integer that fits ", stringify!($rust))))
            }

            fn to_text(&self) -> Option<String> {
                Some(self.to_string())
            }
        })*
    };
}
integer_field! {
    i16 => Short;
    i32 => Int;
    i64 => Long;
    u16 => Int, Validator::between(0, i32::from(u16::MAX));
    u32 => Long, Validator::between(0, i64::from(u32::MAX));
    u64 => Long, Validator::at_least(0);
    usize => Int, Validator::at_least(0);
}

impl ConfigField for NonZeroUsize {
    const TYPE: Type = Type::Int;

    fn base_validator() -> Option<Validator> {
        Some(Validator::at_least(1))
    }

    fn from_parsed(name: &str, value: Option<&ParsedValue>) -> Result<Self> {
        let value = not_null(name, value)?;
        let fits = value.as_i64().and_then(|number| usize::try_from(number).ok()).and_then(Self::new);
        fits.ok_or_else(|| ConfigKey::mismatch(name, value, "a positive integer"))
    }

    fn to_text(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl ConfigField for bool {
    const TYPE: Type = Type::Boolean;

    fn from_parsed(name: &str, value: Option<&ParsedValue>) -> Result<Self> {
        let value = not_null(name, value)?;
        value.as_bool().ok_or_else(|| ConfigKey::mismatch(name, value, "either true or false"))
    }

    fn to_text(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl ConfigField for f64 {
    const TYPE: Type = Type::Double;

    fn from_parsed(name: &str, value: Option<&ParsedValue>) -> Result<Self> {
        let value = not_null(name, value)?;
        value.as_f64().ok_or_else(|| ConfigKey::mismatch(name, value, "a double"))
    }

    fn to_text(&self) -> Option<String> {
        Some(ParsedValue::Double(*self).to_text())
    }
}

impl ConfigField for String {
    const TYPE: Type = Type::String;

    fn from_parsed(name: &str, value: Option<&ParsedValue>) -> Result<Self> {
        let value = not_null(name, value)?;
        value.as_str().map(str::to_owned).ok_or_else(|| ConfigKey::mismatch(name, value, "a string"))
    }

    fn to_text(&self) -> Option<String> {
        Some(self.clone())
    }
}

impl ConfigField for PathBuf {
    const TYPE: Type = Type::String;

    fn from_parsed(name: &str, value: Option<&ParsedValue>) -> Result<Self> {
        String::from_parsed(name, value).map(Self::from)
    }

    fn to_text(&self) -> Option<String> {
        Some(self.to_string_lossy().into_owned())
    }
}

impl ConfigField for Duration {
    const TYPE: Type = Type::Long;

    fn base_validator() -> Option<Validator> {
        Some(Validator::at_least(0))
    }

    fn from_parsed(name: &str, value: Option<&ParsedValue>) -> Result<Self> {
        let value = not_null(name, value)?;
        let millis = value.as_i64().and_then(|number| u64::try_from(number).ok());
        millis
            .map(Self::from_millis)
            .ok_or_else(|| ConfigKey::mismatch(name, value, "a number of milliseconds"))
    }

    fn to_text(&self) -> Option<String> {
        Some(self.as_millis().to_string())
    }
}

impl ConfigField for Password {
    const TYPE: Type = Type::Password;

    fn from_parsed(name: &str, value: Option<&ParsedValue>) -> Result<Self> {
        match not_null(name, value)? {
            ParsedValue::Password(password) => Ok(password.clone()),
            _ => Err(invalid(name, Self::HIDDEN, "Expected value to be a password")),
        }
    }

    fn to_text(&self) -> Option<String> {
        Some(self.value().to_owned())
    }
}

impl<T: ConfigField> ConfigField for Option<T> {
    const TYPE: Type = T::TYPE;
    const OPTIONAL: bool = true;

    fn base_validator() -> Option<Validator> {
        T::base_validator().map(Validator::or_null)
    }

    fn from_parsed(name: &str, value: Option<&ParsedValue>) -> Result<Self> {
        value.map(|value| T::from_parsed(name, Some(value))).transpose()
    }

    fn to_text(&self) -> Option<String> {
        self.as_ref().and_then(T::to_text)
    }
}

impl<T: ConfigField + 'static> ConfigField for Vec<T> {
    const TYPE: Type = Type::List;

    fn base_validator() -> Option<Validator> {
        let item = T::base_validator();
        if item.is_none() && T::TYPE == Type::String {
            return None;
        }
        let text = item.map(|item| format!("list of {item}")).unwrap_or_default();
        Some(Validator::custom(text, |name, value| match value {
            Some(value) => Self::from_parsed(name, Some(value)).map(drop),
            None => Ok(()),
        }))
    }

    fn from_parsed(name: &str, value: Option<&ParsedValue>) -> Result<Self> {
        let value = not_null(name, value)?;
        let items = value.as_list().ok_or_else(|| ConfigKey::mismatch(name, value, "a list"))?;
        let validator = T::base_validator();
        let item = |text: &String| {
            let parsed = T::TYPE.parse(name, text)?;
            if let Some(validator) = &validator {
                validator.ensure_valid(name, Some(&parsed))?;
            }
            T::from_parsed(name, Some(&parsed))
        };
        items.iter().map(item).collect()
    }

    fn to_text(&self) -> Option<String> {
        Some(self.iter().filter_map(T::to_text).collect::<Vec<_>>().join(","))
    }
}

/// A field type with a fixed set of texts. Implemented by `#[derive(ConfigEnum)]`.
///
/// ```
/// use connect_api::ConfigEnum;
///
/// /// What to do about a bad record.
/// #[derive(Clone, Copy, Debug, PartialEq, ConfigEnum)]
/// pub enum Tolerance {
///     /// Fail. Written `none`.
///     None,
///     /// Go on. Written `all`.
///     All,
/// }
/// assert_eq!(Tolerance::NAMES, ["none", "all"]);
/// assert_eq!(Tolerance::All.as_str(), "all");
/// assert_eq!(Tolerance::from_name("none"), Some(Tolerance::None));
/// ```
pub trait ConfigEnum: Sized {
    /// All texts, in the order of declaration.
    const NAMES: &'static [&'static str];

    /// Whether upper and lower case are the same.
    const IGNORES_CASE: bool = false;

    /// The text of this value.
    fn as_str(&self) -> &'static str;

    /// The value with this text.
    fn from_name(name: &str) -> Option<Self>;
}

#[doc(hidden)]
pub fn enum_validator<T: ConfigEnum>() -> Validator {
    match T::IGNORES_CASE {
        true => Validator::one_of_ignoring_case(T::NAMES.iter().copied()),
        false => Validator::one_of(T::NAMES.iter().copied()),
    }
}

#[doc(hidden)]
pub fn enum_from_parsed<T: ConfigEnum>(name: &str, value: Option<&ParsedValue>) -> Result<T> {
    enum_validator::<T>().ensure_valid(name, value)?;
    let found = value.and_then(ParsedValue::as_str).and_then(T::from_name);
    found.ok_or_else(|| invalid(name, "null", format_args!("String must be one of: {}", T::NAMES.join(", "))))
}
