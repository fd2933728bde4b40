//! [`Validator`]: what a value must satisfy beyond its type, in Kafka's words.

use std::fmt;
use std::sync::Arc;

use crate::Result;
use crate::config::value::invalid_value;
use crate::config::{ConfigField, ParsedValue};

type Check = dyn Fn(&str, Option<&ParsedValue>) -> Result<()> + Send + Sync;

/// A check of one configuration value. Cheap to clone. `Display` is the text that the reference shows as "valid
/// values".
///
/// A validator gets `None` when the value is Kafka's `null`: not set and without default, or, in
/// [`ConfigDef::validate`](crate::config::ConfigDef::validate), not parseable.
///
/// ```
/// use connect_api::config::{ParsedValue, Validator};
///
/// let range = Validator::between(1, 9);
/// assert_eq!(range.to_string(), "[1,...,9]");
/// let error = range.ensure_valid("size", Some(&ParsedValue::Int(10))).unwrap_err();
/// assert_eq!(error.to_string(), "Invalid value 10 for configuration size: Value must be no more than 9");
/// ```
#[derive(Clone)]
#[doc(alias = "org.apache.kafka.common.config.ConfigDef.Validator")]
pub struct Validator {
    text: Arc<str>,
    drops_duplicates: bool,
    check: Arc<Check>,
}

impl Validator {
    fn new(
        text: impl Into<String>,
        check: impl Fn(&str, Option<&ParsedValue>) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { text: text.into().into(), drops_duplicates: false, check: Arc::new(check) }
    }

    /// A check of your own. `text` describes valid values; `check` gets the key and its value and answers an error,
    /// best made with [`invalid`](crate::config::invalid).
    ///
    /// ```
    /// use connect_api::config::{Validator, invalid};
    ///
    /// let even = Validator::custom("an even number", |name, value| {
    ///     match value.and_then(|value| value.as_i64()) {
    ///         Some(number) if number % 2 != 0 => Err(invalid(name, number, "Value must be even")),
    ///         _ => Ok(()),
    ///     }
    /// });
    /// # assert_eq!(even.to_string(), "an even number");
    /// ```
    pub fn custom(
        text: impl Into<String>,
        check: impl Fn(&str, Option<&ParsedValue>) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::new(text, check)
    }

    /// A check of the typed value: what `#[config(validate = path)]` makes. `null` passes.
    ///
    /// ```
    /// use connect_api::config::{ParsedValue, Validator};
    ///
    /// let short = Validator::typed("", |name: &String| match name.len() {
    ///     0..=8 => Ok(()),
    ///     _ => Err("at most 8 letters"),
    /// });
    /// let error = short.ensure_valid("name", Some(&ParsedValue::String("Wolkenstein".into()))).unwrap_err();
    /// assert_eq!(error.to_string(), "Invalid value Wolkenstein for configuration name: at most 8 letters");
    /// ```
    pub fn typed<T: ConfigField, E: fmt::Display>(
        text: impl Into<String>,
        check: impl Fn(&T) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        Self::new(text, move |name, value| {
            let Some(parsed) = value else { return Ok(()) };
            let typed = T::from_parsed(name, Some(parsed))?;
            check(&typed).map_err(|detail| invalid_value(name, value, detail))
        })
    }

    /// A number of at least `min`. `null` is invalid.
    pub fn at_least(min: impl Into<Number>) -> Self {
        Self::range(Some(min.into()), None)
    }

    /// A number of at most `max`. `null` is invalid.
    pub fn at_most(max: impl Into<Number>) -> Self {
        Self::range(None, Some(max.into()))
    }

    /// A number from `min` to `max`, both included. `null` is invalid.
    pub fn between(min: impl Into<Number>, max: impl Into<Number>) -> Self {
        Self::range(Some(min.into()), Some(max.into()))
    }

    fn range(min: Option<Number>, max: Option<Number>) -> Self {
        let text = match (min, max) {
            (Some(min), Some(max)) => format!("[{min},...,{max}]"),
            (Some(min), None) => format!("[{min},...]"),
            (None, Some(max)) => format!("[...,{max}]"),
            (None, None) => "[...]".to_owned(),
        };
        Self::new(text, move |name, value| {
            let Some(parsed) = value else {
                return Err(invalid_value(name, None, "Value must be non-null"));
            };
            if let Some(min) = min
                && min.compare(parsed).is_some_and(std::cmp::Ordering::is_lt)
            {
                return Err(invalid_value(name, value, format_args!("Value must be at least {min}")));
            }
            if let Some(max) = max
                && max.compare(parsed).is_some_and(std::cmp::Ordering::is_gt)
            {
                return Err(invalid_value(name, value, format_args!("Value must be no more than {max}")));
            }
            Ok(())
        })
    }

    /// One of these texts, exactly. `null` is invalid.
    ///
    /// ```
    /// use connect_api::config::{ParsedValue, Validator};
    /// let validator = Validator::one_of(["none", "all"]);
    /// let error = validator.ensure_valid("errors.tolerance", Some(&ParsedValue::String("some".into()))).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "Invalid value some for configuration errors.tolerance: String must be one of: none, all",
    /// );
    /// ```
    pub fn one_of<S: Into<String>>(valid: impl IntoIterator<Item = S>) -> Self {
        let valid: Vec<String> = valid.into_iter().map(Into::into).collect();
        Self::new(format!("[{}]", valid.join(", ")), move |name, value| {
            match value.and_then(ParsedValue::as_str) {
                Some(text) if valid.iter().any(|item| item == text) => Ok(()),
                _ => {
                    let detail = format!("String must be one of: {}", valid.join(", "));
                    Err(invalid_value(name, value, detail))
                }
            }
        })
    }

    /// One of these texts, in any case. `null` is invalid.
    pub fn one_of_ignoring_case<S: Into<String>>(valid: impl IntoIterator<Item = S>) -> Self {
        let valid: Vec<String> = valid.into_iter().map(Into::into).collect();
        let text = format!("(case insensitive) [{}]", valid.join(", "));
        Self::new(text, move |name, value| match value.and_then(ParsedValue::as_str) {
            Some(text) if valid.iter().any(|item| item.to_uppercase() == text.to_uppercase()) => Ok(()),
            _ => {
                let detail = format!("String must be one of (case insensitive): {}", valid.join(", "));
                Err(invalid_value(name, value, detail))
            }
        })
    }

    /// A list without duplicates and blank items, made of these texts only. `empty_allowed` says whether the empty
    /// list passes; `null` is invalid. Parsing, unlike validating, drops duplicates silently before the check.
    pub fn list_of<S: Into<String>>(empty_allowed: bool, valid: impl IntoIterator<Item = S>) -> Self {
        let valid = valid.into_iter().map(Into::into).collect();
        Self::list(valid, empty_allowed, false)
    }

    /// A list of any texts without duplicates and blank items. Parsing, unlike validating, drops duplicates
    /// silently before the check.
    pub fn non_duplicate_list(empty_allowed: bool, null_allowed: bool) -> Self {
        Self::list(Vec::new(), empty_allowed, null_allowed)
    }

    fn list(valid: Vec<String>, empty_allowed: bool, null_allowed: bool) -> Self {
        let text = if valid.is_empty() { String::new() } else { format!("[{}]", valid.join(", ")) };
        let one_of = (!valid.is_empty()).then(|| Self::one_of(valid.iter().cloned()));
        let mut list = Self::new(text, move |name, value| {
            let problem =
                |text: &str| Err(crate::Error::config(name, format!("Configuration '{name}' {text}")));
            let items = match value {
                None if null_allowed => return Ok(()),
                None => return problem("values must not be null."),
                Some(value) => value.as_list().unwrap_or_default(),
            };
            if items.is_empty() && !empty_allowed {
                return match valid.is_empty() {
                    true => problem("must not be empty. Valid values include: any non-empty value"),
                    false => {
                        problem(&format!("must not be empty. Valid values include: [{}]", valid.join(", ")))
                    }
                };
            }
            let distinct: std::collections::BTreeSet<&String> = items.iter().collect();
            if distinct.len() != items.len() {
                return problem("values must not be duplicated.");
            }
            for item in items {
                if item.trim_matches(|letter| letter <= ' ').is_empty() {
                    return problem("values must not be empty.");
                }
                if let Some(one_of) = &one_of {
                    one_of.ensure_valid(name, Some(&ParsedValue::String(item.clone())))?;
                }
            }
            Ok(())
        });
        list.drops_duplicates = true;
        list
    }

    /// Anything but `null`.
    pub fn non_null() -> Self {
        Self::new("non-null string", |name, value| match value {
            Some(_) => Ok(()),
            None => Err(invalid_value(name, None, "entry must be non null")),
        })
    }

    /// A text with at least one letter. `null` passes.
    pub fn non_empty_string() -> Self {
        Self::new("non-empty string", |name, value| match value.and_then(ParsedValue::as_str) {
            Some("") => Err(invalid_value(name, value, "String must be non-empty")),
            _ => Ok(()),
        })
    }

    /// A text with at least one letter and no control character. `null` passes.
    pub fn non_empty_string_without_control_chars() -> Self {
        Self::new("non-empty string without ISO control characters", |name, value| {
            let Some(text) = value.and_then(ParsedValue::as_str) else { return Ok(()) };
            if text.is_empty() {
                return Err(invalid_value(name, value, "String may not be empty"));
            }
            let found: Vec<String> =
                text.chars().filter(|c| c.is_control()).map(|c| u32::from(c).to_string()).collect();
            if found.is_empty() {
                return Ok(());
            }
            let detail = format!(
                "String may not contain control sequences but had the following ASCII chars: {}",
                found.join(", ")
            );
            Err(invalid_value(name, value, detail))
        })
    }

    /// A list of at most `max` items. `null` passes.
    pub fn list_size_at_most(max: usize) -> Self {
        Self::new(format!("List containing maximum of {max} elements"), move |name, value| {
            match value.and_then(ParsedValue::as_list) {
                Some(items) if items.len() > max => {
                    Err(invalid_value(name, value, format_args!("exceeds maximum list size of [{max}].")))
                }
                _ => Ok(()),
            }
        })
    }

    /// A list with at least one item. `null` is invalid.
    pub fn non_empty_list() -> Self {
        Self::new("non-empty list", |name, value| match value.and_then(ParsedValue::as_list) {
            None | Some([]) => Err(invalid_value(name, value, "Empty list")),
            Some(_) => Ok(()),
        })
    }

    /// All of these, in order; the first that fails speaks.
    pub fn all(validators: impl IntoIterator<Item = Self>) -> Self {
        let validators: Vec<Self> = validators.into_iter().collect();
        let texts: Vec<&str> =
            validators.iter().map(|one| &*one.text).filter(|text| !text.is_empty()).collect();
        let text = texts.join(", ");
        let drops_duplicates = validators.iter().any(|one| one.drops_duplicates);
        let mut all = Self::new(text, move |name, value| {
            validators.iter().try_for_each(|one| one.ensure_valid(name, value))
        });
        all.drops_duplicates = drops_duplicates;
        all
    }

    /// The same check, except that `null` passes: for keys that need not be set.
    #[must_use]
    pub fn or_null(self) -> Self {
        let Self { text, drops_duplicates, check } = self;
        let check = move |name: &str, value: Option<&ParsedValue>| match value {
            Some(_) => check(name, value),
            None => Ok(()),
        };
        Self { text, drops_duplicates, check: Arc::new(check) }
    }

    /// The same check with another description.
    #[must_use]
    pub fn described(mut self, text: impl Into<String>) -> Self {
        self.text = text.into().into();
        self
    }

    /// The same check, told the key without its first `prefix` bytes: what embedding does.
    pub(crate) fn below(self, prefix: usize) -> Self {
        let Self { text, drops_duplicates, check } = self;
        let check =
            move |name: &str, value: Option<&ParsedValue>| check(name.get(prefix..).unwrap_or(name), value);
        Self { text, drops_duplicates, check: Arc::new(check) }
    }

    /// Whether parsing drops repeated items before the check.
    pub(crate) fn drops_duplicates(&self) -> bool {
        self.drops_duplicates
    }

    /// Checks the value of a key.
    ///
    /// # Errors
    ///
    /// A [config error](crate::Error::config) that names the key and says what would be right.
    pub fn ensure_valid(&self, name: &str, value: Option<&ParsedValue>) -> Result<()> {
        (self.check)(name, value)
    }
}

impl fmt::Display for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Validator({})", self.text)
    }
}

/// A bound of a range: an integer or a floating point number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer.
    Integer(i64),
    /// A floating point number.
    Double(f64),
}

impl Number {
    /// How the value lies to this bound; `None` when it is no number.
    fn compare(self, value: &ParsedValue) -> Option<std::cmp::Ordering> {
        match (self, value.as_i64()) {
            (Self::Integer(bound), Some(value)) => Some(value.cmp(&bound)),
            (Self::Integer(bound), None) => value.as_f64()?.partial_cmp(&(bound as f64)),
            (Self::Double(bound), _) => value.as_f64()?.partial_cmp(&bound),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            Self::Double(value) => ParsedValue::Double(*value).fmt(f),
        }
    }
}

impl From<i32> for Number {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}
