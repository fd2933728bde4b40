//! [`ConfigKey`]: everything known about one configuration key.

use std::fmt;
use std::sync::Arc;

use crate::Result;
use crate::config::{ParsedConfig, ParsedValue, Type, Validator, invalid};

/// How much a key matters to somebody who reads the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "org.apache.kafka.common.config.ConfigDef.Importance")]
pub enum Importance {
    /// Nearly everybody sets it.
    High,
    /// Worth knowing.
    Medium,
    /// For special cases.
    Low,
}

impl Importance {
    /// Kafka's name: `HIGH`, `MEDIUM`, `LOW`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
        }
    }
}

/// How much room a user interface gives the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "org.apache.kafka.common.config.ConfigDef.Width")]
pub enum Width {
    /// Not said.
    #[default]
    None,
    /// A few letters.
    Short,
    /// Some words.
    Medium,
    /// A line.
    Long,
}

impl Width {
    /// Kafka's name: `NONE`, `SHORT`, `MEDIUM`, `LONG`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Short => "SHORT",
            Self::Medium => "MEDIUM",
            Self::Long => "LONG",
        }
    }
}

/// What a key is when the user does not set it.
#[derive(Clone, Debug, PartialEq)]
pub enum DefaultValue {
    /// There is none: the key must be set. Kafka's `NO_DEFAULT_VALUE`.
    Required,
    /// Kafka's `null`: nothing.
    Null,
    /// This value.
    Value(ParsedValue),
}

/// Says which values of a key make sense beside the values of other keys, for user interfaces.
#[doc(alias = "org.apache.kafka.common.config.ConfigDef.Recommender")]
pub trait Recommender: Send + Sync {
    /// The values to offer, given all values parsed so far. An error becomes an error of the key.
    fn valid_values(&self, name: &str, parsed: &ParsedConfig) -> Result<Vec<ParsedValue>>;

    /// Whether the key should be shown, given all values parsed so far.
    fn visible(&self, name: &str, parsed: &ParsedConfig) -> Result<bool>;
}

/// A configuration key: its type, default, checks and documentation. Fields are for reading, methods of the same
/// names for building.
///
/// ```
/// use connect_api::config::{ConfigKey, Importance, Type, Validator};
///
/// let key = ConfigKey::new("batch.size", Type::Int)
///     .default("2000")
///     .validator(Validator::at_least(1))
///     .importance(Importance::Low)
///     .documentation("The maximum number of records read at once.");
/// assert_eq!(key.default_text().as_deref(), Some("2000"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ConfigKey {
    /// The key.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// What it is when it is not set. [`ConfigKey::new`] makes it required.
    pub default: DefaultValue,
    /// What a value must satisfy beyond its type.
    pub validator: Option<Validator>,
    /// How much it matters; medium unless said.
    pub importance: Importance,
    /// What it does, in sentences.
    pub documentation: String,
    /// Under which heading it is shown.
    pub group: Option<String>,
    /// Its place in the group, from 0; -1 without a group.
    pub order: i32,
    /// How much room its value needs.
    pub width: Width,
    /// Its name in a user interface; the key unless said.
    pub display_name: String,
    /// Keys whose recommendations or visibility depend on this one.
    pub dependents: Vec<String>,
    /// Says which values make sense.
    pub recommender: Option<Arc<dyn Recommender>>,
    /// Whether it is left out of the reference.
    pub internal: bool,
    /// For the reference, another way to say the same.
    pub alternative: Option<String>,
    /// What was wrong with the definition itself.
    pub(crate) defect: Option<String>,
}

impl ConfigKey {
    /// A required key of medium importance.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        let name = name.into();
        Self {
            display_name: name.clone(),
            name,
            ty,
            default: DefaultValue::Required,
            validator: None,
            importance: Importance::Medium,
            documentation: String::new(),
            group: None,
            order: -1,
            width: Width::None,
            dependents: Vec::new(),
            recommender: None,
            internal: false,
            alternative: None,
            defect: None,
        }
    }

    /// The default, as a user would write it. A text that does not parse is a defect of the definition, which
    /// [`ConfigDef::check`](crate::config::ConfigDef::check) reports.
    #[must_use]
    pub fn default(mut self, text: impl AsRef<str>) -> Self {
        match self.ty.parse(&self.name, text.as_ref()) {
            Ok(value) => self.default = DefaultValue::Value(value),
            Err(error) => self.defect = Some(error.to_string()),
        }
        self
    }

    /// The key need not be set and has no value then: Kafka's default `null`.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.default = DefaultValue::Null;
        self
    }

    /// The key must be set.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.default = DefaultValue::Required;
        self
    }

    /// What a value must satisfy. A second validator is checked after the first.
    #[must_use]
    pub fn validator(mut self, validator: Validator) -> Self {
        self.validator = Some(match self.validator.take() {
            Some(first) => Validator::all([first, validator]),
            None => validator,
        });
        self
    }

    /// How much the key matters.
    #[must_use]
    pub fn importance(mut self, importance: Importance) -> Self {
        self.importance = importance;
        self
    }

    /// What the key does, in sentences.
    #[must_use]
    pub fn documentation(mut self, documentation: impl Into<String>) -> Self {
        self.documentation = documentation.into();
        self
    }

    /// The heading under which it is shown. Its place there is the order of definition unless
    /// [`order`](Self::order) says otherwise.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Its place in the group.
    #[must_use]
    pub fn order(mut self, order: i32) -> Self {
        self.order = order;
        self
    }

    /// How much room its value needs.
    #[must_use]
    pub fn width(mut self, width: Width) -> Self {
        self.width = width;
        self
    }

    /// Its name in a user interface.
    #[must_use]
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = name.into();
        self
    }

    /// Keys whose recommendations or visibility depend on this one.
    #[must_use]
    pub fn dependents<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.dependents = names.into_iter().map(Into::into).collect();
        self
    }

    /// Says which values make sense.
    #[must_use]
    pub fn recommender(mut self, recommender: impl Recommender + 'static) -> Self {
        self.recommender = Some(Arc::new(recommender));
        self
    }

    /// Leaves the key out of the reference.
    #[must_use]
    pub fn internal(mut self) -> Self {
        self.internal = true;
        self
    }

    /// For the reference, another way to say the same.
    #[must_use]
    pub fn alternative(mut self, text: impl Into<String>) -> Self {
        self.alternative = Some(text.into());
        self
    }

    /// Whether the key must be set.
    pub fn is_required(&self) -> bool {
        self.default == DefaultValue::Required
    }

    /// The default as text; `None` when it is `null` or there is none.
    pub fn default_text(&self) -> Option<String> {
        match &self.default {
            DefaultValue::Value(value) => Some(value.to_text()),
            DefaultValue::Null | DefaultValue::Required => None,
        }
    }

    /// What a text, or no text, means for this key: type, default, and a validator's dropping of duplicates, but
    /// not its check.
    pub(crate) fn read(&self, text: Option<&str>) -> Result<Option<ParsedValue>> {
        match (text, &self.default) {
            (Some(text), _) => self.ty.parse(&self.name, text).map(Some),
            (None, DefaultValue::Value(value)) => Ok(Some(value.clone())),
            (None, DefaultValue::Null) => Ok(None),
            (None, DefaultValue::Required) => Err(crate::Error::config(
                &self.name,
                format!("Missing required configuration \"{}\" which has no default value.", self.name),
            )),
        }
    }

    /// Parses and checks. Fails at the first problem, as Kafka's `parseValue`.
    pub(crate) fn parse(&self, text: Option<&str>) -> Result<Option<ParsedValue>> {
        let mut value = self.read(text)?;
        if let Some(validator) = &self.validator {
            if validator.drops_duplicates()
                && let Some(ParsedValue::List(items)) = &mut value
            {
                let mut seen = std::collections::BTreeSet::new();
                items.retain(|item| seen.insert(item.clone()));
            }
            validator.ensure_valid(&self.name, value.as_ref())?;
        }
        Ok(value)
    }

    /// What is wrong with the definition: a default that does not parse or does not pass its own validator.
    pub(crate) fn find_defect(&self) -> Option<String> {
        if let Some(defect) = &self.defect {
            return Some(defect.clone());
        }
        let DefaultValue::Value(value) = &self.default else { return None };
        let text = value.to_text();
        let reparsed = match value {
            ParsedValue::Password(_) => Ok(value.clone()),
            _ => self.ty.parse(&self.name, &text),
        };
        match (reparsed, &self.validator) {
            (Err(error), _) => Some(error.to_string()),
            (Ok(_), None) => None,
            (Ok(value), Some(validator)) => {
                validator.ensure_valid(&self.name, Some(&value)).err().map(|error| error.to_string())
            }
        }
    }

    /// The error for a value that the key's type allows and the Rust type does not.
    pub(crate) fn mismatch(name: &str, value: &ParsedValue, expected: &str) -> crate::Error {
        invalid(name, value, format_args!("Expected value to be {expected}"))
    }
}

impl fmt::Debug for ConfigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigKey")
            .field("name", &self.name)
            .field("ty", &self.ty)
            .field("default", &self.default)
            .field("validator", &self.validator)
            .field("importance", &self.importance)
            .finish_non_exhaustive()
    }
}
