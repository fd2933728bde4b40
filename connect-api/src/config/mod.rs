//! Configuration: one struct field is one key.
//!
//! [`Properties`] is what the user said; a struct with `#[derive(Config)]` is what it means. Parsing, defaults,
//! checks, the reference pages and the answers of REST's validate endpoint all read the same field.
//!
//! ```
//! use connect_api::{Config, ConfigEnum, Password, Properties};
//! use std::num::NonZeroUsize;
//!
//! /// Reads pages from a service.
//! #[derive(Debug, Clone, Config)]
//! pub struct PageSourceConfig {
//!     /// The topic to publish data to.
//!     #[config(importance = High)]
//!     pub topic: String,
//!
//!     /// The largest number of records read at once.
//!     #[config(default = 2000, importance = Low)]
//!     pub batch_size: NonZeroUsize,
//!
//!     /// The password of the service, if it wants one.
//!     #[config(key = "service.password")]
//!     pub password: Option<Password>,
//!
//!     /// Where to begin when there is no offset.
//!     #[config(default = Start::Earliest)]
//!     pub start: Start,
//! }
//!
//! #[derive(Debug, Clone, Copy, PartialEq, ConfigEnum)]
//! pub enum Start {
//!     Earliest,
//!     Latest,
//! }
//!
//! let config = PageSourceConfig::parse(&Properties::from([("topic", "pages"), ("service.password", "hunter2")]))?;
//! assert_eq!(config.batch_size.get(), 2000);
//! assert!(!format!("{config:?}").contains("hunter2"));
//!
//! // Everything that is wrong is said at once.
//! let error = PageSourceConfig::parse(&Properties::from([("batch.size", "0"), ("start", "now")])).unwrap_err();
//! assert_eq!(error.to_string(), "\
//! Missing required configuration \"topic\" which has no default value.
//! Invalid value 0 for configuration batch.size: Value must be at least 1
//! Invalid value now for configuration start: String must be one of: earliest, latest");
//! # Ok::<(), connect_api::Error>(())
//! ```

mod def;
mod field;
#[doc(hidden)]
pub mod fields;
mod key;
mod markdown;
mod password;
mod properties;
mod provider;
mod validator;
mod value;

pub use def::{ConfigDef, ParsedConfig};
pub use field::{ConfigEnum, ConfigField};
#[doc(hidden)]
pub use field::{enum_from_parsed, enum_validator};
pub use key::{ConfigKey, DefaultValue, Importance, Recommender, Width};
pub use password::Password;
pub use properties::{Iter, Properties};
pub use provider::{ConfigData, ConfigProvider};
pub use validator::{Number, Validator};
pub use value::{ConfigValue, ParsedValue, Type, invalid};

use crate::Result;

/// A typed configuration. Derive it; see the [module](self).
///
/// # Attributes
///
/// On a field, in `#[config(…)]`:
///
/// | attribute | meaning |
/// | --- | --- |
/// | `key = "…"` | the key; otherwise the field's name with `_` written as `.` |
/// | `default = …` | a literal, an array of literals, or an expression of the field's type; without it the key is required, unless the field is an `Option` |
/// | `importance = High` | `High`, `Medium` (without it) or `Low` |
/// | `validate = …` | a function or closure from a reference to the value to `Result<(), impl Display>`, or an expression of type [`Validator`] |
/// | `group = "…"`, `display = "…"`, `width = Long` | for user interfaces |
/// | `ty = Int` | another config type than the field's own, where Kafka has one |
/// | `dependents = ["…"]`, `internal` | see [`ConfigKey`] |
/// | `flatten`, `prefix = "…"` | the field is a `Config` itself, its keys beginning with the prefix |
///
/// The doc comment of a field is the documentation of its key; a field without one does not compile.
/// On the struct, `#[config(validate = …)]` names a function from `&Self` to [`Result<()>`](crate::Result), called
/// when every field is valid alone.
///
/// ```compile_fail
/// #[derive(connect_api::Config)]
/// struct Undocumented {
///     topic: String, // error: `topic` needs a doc comment: it is the documentation of the key
/// }
/// ```
///
/// # By hand
///
/// ```
/// use connect_api::config::{ConfigDef, ConfigKey, Type};
/// use connect_api::{Config, Properties, Result};
///
/// struct Limits {
///     rate: f64,
/// }
/// impl Config for Limits {
///     fn def() -> ConfigDef {
///         ConfigDef::new().define(ConfigKey::new("rate", Type::Double).default("1.5"))
///     }
///     fn parse(properties: &Properties) -> Result<Self> {
///         Ok(Self { rate: Self::def().parse_all(properties)?.read("rate")? })
///     }
///     fn to_properties(&self) -> Properties {
///         Properties::from([("rate", self.rate.to_string())])
///     }
/// }
/// assert_eq!(Limits::parse(&Properties::new())?.rate, 1.5);
/// # Ok::<(), connect_api::Error>(())
/// ```
pub trait Config: Sized + Send + 'static {
    /// The keys.
    fn def() -> ConfigDef;

    /// Makes the typed value. Keys that are not defined are ignored.
    ///
    /// # Errors
    ///
    /// One [config error](crate::Error::config) that says everything that is wrong, one problem per line.
    fn parse(properties: &Properties) -> Result<Self>;

    /// The text of every key that has one. Passwords are revealed: the answer is as secret as its parts.
    fn to_properties(&self) -> Properties;

    /// Parses the keys that begin with a prefix, so that messages name the whole key.
    #[doc(hidden)]
    fn parse_prefixed(properties: &Properties, prefix: &str) -> Result<Self> {
        Self::parse(&properties.with_prefix(prefix))
    }
}

/// The configuration of something that has none.
///
/// ```
/// use connect_api::config::NoConfig;
/// use connect_api::{Config, Properties};
/// assert!(NoConfig::def().keys().is_empty());
/// assert!(NoConfig::parse(&Properties::from([("anything", "goes")])).is_ok());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoConfig;

impl Config for NoConfig {
    fn def() -> ConfigDef {
        ConfigDef::new()
    }

    fn parse(_: &Properties) -> Result<Self> {
        Ok(Self)
    }

    fn to_properties(&self) -> Properties {
        Properties::new()
    }
}

/// Takes every key as it is: for keys that are not known in advance, alone or flattened under a prefix.
impl Config for Properties {
    fn def() -> ConfigDef {
        ConfigDef::new()
    }

    fn parse(properties: &Properties) -> Result<Self> {
        Ok(properties.clone())
    }

    fn to_properties(&self) -> Properties {
        self.clone()
    }
}
