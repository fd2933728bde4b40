//! [`ConfigDef`]: the keys that something understands, and what to do with the user's text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::fields::Problems;
use crate::config::{ConfigField, ConfigKey, ConfigValue, ParsedValue, Properties, Recommender};
use crate::{Error, Result};

type CrossCheck = dyn Fn(&Properties) -> Result<()> + Send + Sync;

/// The keys that a connector, task, converter, transformation or worker understands.
///
/// `#[derive(Config)]` writes one; for keys that are not known in advance (`transforms.<alias>.*`) it is built by
/// hand.
///
/// ```
/// use connect_api::Properties;
/// use connect_api::config::{ConfigDef, ConfigKey, Type, Validator};
///
/// let def = ConfigDef::new()
///     .define(ConfigKey::new("topic", Type::String).validator(Validator::non_empty_string()))
///     .define(ConfigKey::new("batch.size", Type::Int).default("2000").validator(Validator::at_least(1)));
/// def.check()?;
///
/// let parsed = def.parse(&Properties::from([("topic", "orders")]))?;
/// assert_eq!(parsed.read::<i32>("batch.size")?, 2000);
///
/// let values = def.validate(&Properties::from([("batch.size", "0")]));
/// assert_eq!(values[0].error_messages, ["Missing required configuration \"topic\" which has no default value."]);
/// assert_eq!(values[1].error_messages, ["Invalid value 0 for configuration batch.size: Value must be at least 1"]);
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Default)]
#[doc(alias = "org.apache.kafka.common.config.ConfigDef")]
pub struct ConfigDef {
    keys: Vec<ConfigKey>,
    index: BTreeMap<String, usize>,
    groups: Vec<String>,
    cross_checks: Vec<Arc<CrossCheck>>,
    defects: Vec<String>,
}

impl ConfigDef {
    /// No keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key. A key that is there already, or a default that its own validator rejects, is a defect that
    /// [`check`](Self::check) reports.
    #[must_use]
    pub fn define(mut self, key: ConfigKey) -> Self {
        self.add(key);
        self
    }

    /// Adds a key to a definition that is not being built in one expression. See [`define`](Self::define).
    pub fn add(&mut self, mut key: ConfigKey) {
        if self.index.contains_key(&key.name) {
            self.defects.push(format!("Configuration {} is defined twice.", key.name));
            return;
        }
        if let Some(defect) = key.find_defect() {
            self.defects.push(defect);
        }
        if let Some(group) = &key.group {
            if !self.groups.contains(group) {
                self.groups.push(group.clone());
            }
            if key.order < 0 {
                let members = self.keys.iter().filter(|other| other.group.as_ref() == Some(group));
                key.order = members.map(|other| other.order).max().map_or(0, |last| last + 1);
            }
        }
        self.index.insert(key.name.clone(), self.keys.len());
        self.keys.push(key);
    }

    /// Adds a check of several keys together. [`validate`](Self::validate) runs it when every key is valid alone
    /// and puts its error under the key that [`Error::key`] names, or the first key.
    #[must_use]
    pub fn cross_check(mut self, check: impl Fn(&Properties) -> Result<()> + Send + Sync + 'static) -> Self {
        self.cross_checks.push(Arc::new(check));
        self
    }

    /// Adds all keys of `child`, each with `prefix` before its name, after Kafka's `embed`: in the order of
    /// [`sorted`](Self::sorted), the group being `group` or `group: child's group`, the place in the group counted
    /// from `order`. The child's validators and recommenders go on seeing names without the prefix.
    #[must_use]
    pub fn embed(mut self, prefix: &str, group: &str, order: i32, child: &Self) -> Self {
        for (key, order) in child.sorted().into_iter().zip(order..) {
            let mut key = key.clone();
            key.validator = key.validator.map(|validator| validator.below(prefix.len()));
            key.group = Some(match &key.group {
                Some(inner) => format!("{group}: {inner}"),
                None => group.to_owned(),
            });
            key.order = order;
            self.adopt(key, prefix);
        }
        self.adopt_checks(child, prefix);
        self
    }

    /// Adds all keys of `child`, each with `prefix` before its name, in their own order and groups. Messages name
    /// the key with its prefix. This is what `#[config(flatten, prefix = "…")]` does.
    #[must_use]
    pub fn flatten(mut self, prefix: &str, child: &Self) -> Self {
        for key in &child.keys {
            self.adopt(key.clone(), prefix);
        }
        self.adopt_checks(child, prefix);
        self
    }

    fn adopt(&mut self, mut key: ConfigKey, prefix: &str) {
        if key.display_name == key.name {
            key.display_name = format!("{prefix}{}", key.name);
        }
        key.name = format!("{prefix}{}", key.name);
        for dependent in &mut key.dependents {
            *dependent = format!("{prefix}{dependent}");
        }
        if let Some(inner) = key.recommender.take() {
            key.recommender = Some(Arc::new(Embedded { prefix: prefix.to_owned(), inner }));
        }
        self.add(key);
    }

    fn adopt_checks(&mut self, child: &Self, prefix: &str) {
        for check in &child.cross_checks {
            let (check, prefix) = (Arc::clone(check), prefix.to_owned());
            self.cross_checks.push(Arc::new(move |properties| {
                check(&properties.with_prefix(&prefix)).map_err(|error| match error.key() {
                    Some(key) => Error::config(format!("{prefix}{key}"), error.to_string()),
                    None => error,
                })
            }));
        }
        self.defects.extend(child.defects.iter().cloned());
    }

    /// The keys, in the order of definition.
    pub fn keys(&self) -> &[ConfigKey] {
        &self.keys
    }

    /// The groups, in the order of first mention.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// The key of this name.
    pub fn key(&self, name: &str) -> Option<&ConfigKey> {
        self.index.get(name).map(|&at| &self.keys[at])
    }

    /// The key of this name, for changing what was defined elsewhere.
    pub fn key_mut(&mut self, name: &str) -> Option<&mut ConfigKey> {
        self.index.get(name).map(|&at| &mut self.keys[at])
    }

    /// The keys as the reference lists them: no group first, then groups in order of first mention; in a group by
    /// place, then required ones, then by importance, then by name.
    pub fn sorted(&self) -> Vec<&ConfigKey> {
        let mut keys: Vec<&ConfigKey> = self.keys.iter().collect();
        let group = |key: &ConfigKey| {
            key.group.as_ref().and_then(|own| self.groups.iter().position(|one| one == own))
        };
        keys.sort_by(|a, b| {
            (group(a), a.order, !a.is_required(), a.importance, &a.name).cmp(&(
                group(b),
                b.order,
                !b.is_required(),
                b.importance,
                &b.name,
            ))
        });
        keys
    }

    /// Whether the definition is sound: no key twice, defaults that parse and pass their validators, dependents
    /// that exist.
    ///
    /// # Errors
    ///
    /// A [config error](Error::config) with one line per defect. Parsing fails with it, too.
    pub fn check(&self) -> Result<()> {
        let mut defects = self.defects.clone();
        let undefined = self.undefined_dependents();
        if !undefined.is_empty() {
            defects.push(format!(
                "Some configurations in are referred in the dependents, but not defined: {}",
                undefined.into_iter().collect::<Vec<_>>().join(" ")
            ));
        }
        match defects.is_empty() {
            true => Ok(()),
            false => Err(Error::new(crate::ErrorKind::Config, defects.join("\n"))),
        }
    }

    fn undefined_dependents(&self) -> BTreeSet<&str> {
        let dependents = self.keys.iter().flat_map(|key| &key.dependents);
        dependents.filter(|name| !self.index.contains_key(*name)).map(String::as_str).collect()
    }

    /// Parses all keys and fails at the first problem, as Kafka does. Unknown keys are ignored.
    ///
    /// # Errors
    ///
    /// A [config error](Error::config) in Kafka's words, naming the key.
    pub fn parse(&self, properties: &Properties) -> Result<ParsedConfig> {
        self.check()?;
        let mut parsed = ParsedConfig::default();
        for key in &self.keys {
            parsed.0.insert(key.name.clone(), key.parse(properties.get(&key.name))?);
        }
        Ok(parsed)
    }

    /// Parses all keys and says everything that is wrong in one error, one problem per line.
    ///
    /// ```
    /// use connect_api::Properties;
    /// use connect_api::config::{ConfigDef, ConfigKey, Type};
    ///
    /// let def = ConfigDef::new().define(ConfigKey::new("a", Type::Int)).define(ConfigKey::new("b", Type::Int));
    /// let error = def.parse_all(&Properties::from([("a", "x")])).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "Invalid value x for configuration a: Not a number of type INT\n\
    ///      Missing required configuration \"b\" which has no default value.",
    /// );
    /// ```
    ///
    /// # Errors
    ///
    /// A [config error](Error::config) for the first key that is wrong.
    pub fn parse_all(&self, properties: &Properties) -> Result<ParsedConfig> {
        self.check()?;
        let mut parsed = ParsedConfig::default();
        let mut problems = Problems::default();
        for key in &self.keys {
            if let Some(value) = problems.take(key.parse(properties.get(&key.name))) {
                parsed.0.insert(key.name.clone(), value);
            }
        }
        problems.finish().map(|()| parsed)
    }

    /// Checks every key and says everything that is wrong, key by key: what REST's validate endpoint answers. One
    /// value per key, in the order of definition.
    ///
    /// As in Kafka, a validator runs on `null` when the text did not parse, so a bad number with a range has two
    /// errors; and a list's duplicates are an error here, where parsing drops them.
    pub fn validate(&self, properties: &Properties) -> Vec<ConfigValue> {
        let mut validation =
            Validation { def: self, properties, values: BTreeMap::new(), parsed: ParsedConfig::default() };
        validation.run();
        let Validation { mut values, .. } = validation;
        if values.values().all(|value| value.error_messages.is_empty()) {
            self.run_cross_checks(properties, &mut values);
        }
        let order = |name: &str| self.index.get(name).copied().unwrap_or(usize::MAX);
        let mut list: Vec<ConfigValue> = values.into_values().collect();
        list.sort_by_key(|value| order(&value.name));
        list
    }

    fn run_cross_checks(&self, properties: &Properties, values: &mut BTreeMap<String, ConfigValue>) {
        for check in &self.cross_checks {
            let Err(error) = check(properties) else { continue };
            let named = error.key().filter(|key| values.contains_key(*key));
            let name = named.map(str::to_owned).or_else(|| self.keys.first().map(|key| key.name.clone()));
            let message = error.to_string();
            if values.values().any(|value| value.error_messages.contains(&message)) {
                continue;
            }
            if let Some(value) = name.and_then(|name| values.get_mut(&name)) {
                value.add_error(message);
            }
        }
    }
}

impl std::fmt::Debug for ConfigDef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.keys).finish()
    }
}

/// Kafka's algorithm of `ConfigDef.validate`, with its repetition: a key that is reached twice through dependents
/// is checked twice.
struct Validation<'a> {
    def: &'a ConfigDef,
    properties: &'a Properties,
    values: BTreeMap<String, ConfigValue>,
    parsed: ParsedConfig,
}

impl<'a> Validation<'a> {
    fn run(&mut self) {
        for key in &self.def.keys {
            self.values.insert(key.name.clone(), ConfigValue::new(&key.name));
        }
        for name in self.def.undefined_dependents() {
            let mut value = ConfigValue::new(name);
            value.add_error(format!("{name} is referred in the dependents, but not defined."));
            value.visible = false;
            self.values.insert(name.to_owned(), value);
        }
        let depend: BTreeSet<&String> = self.def.keys.iter().flat_map(|key| &key.dependents).collect();
        let roots: Vec<&'a ConfigKey> =
            self.def.keys.iter().filter(|key| !depend.contains(&key.name)).collect();
        for key in &roots {
            self.parse(key, &mut Vec::new());
        }
        for key in &roots {
            self.recommend(key, &mut Vec::new());
        }
    }

    fn parse(&mut self, key: &'a ConfigKey, path: &mut Vec<&'a str>) {
        let Some(value) = self.values.get_mut(&key.name) else { return };
        let parsed = match key.read(self.properties.get(&key.name)) {
            Ok(parsed) => parsed,
            Err(error) => {
                value.add_error(error.message());
                None
            }
        };
        if let Some(validator) = &key.validator
            && let Err(error) = validator.ensure_valid(&key.name, parsed.as_ref())
        {
            value.add_error(error.message());
        }
        value.value = parsed.as_ref().map(ParsedValue::to_text);
        self.parsed.0.insert(key.name.clone(), parsed);
        self.descend(key, path, Self::parse);
    }

    fn recommend(&mut self, key: &'a ConfigKey, path: &mut Vec<&'a str>) {
        if let (Some(recommender), Some(value)) = (&key.recommender, self.values.get_mut(&key.name)) {
            match recommender.valid_values(&key.name, &self.parsed) {
                Ok(valid) => {
                    let valid: Vec<String> = valid.iter().map(ParsedValue::to_text).collect();
                    match value.recommended_values.is_empty() {
                        true => value.recommended_values = valid,
                        false => value.recommended_values.retain(|text| valid.contains(text)),
                    }
                }
                Err(error) => value.add_error(error.message()),
            }
            match recommender.visible(&key.name, &self.parsed) {
                Ok(visible) => value.visible = visible,
                Err(error) => value.add_error(error.message()),
            }
        }
        self.descend(key, path, Self::recommend);
    }

    /// Goes on with the key's dependents. A key that depends on itself, over whatever detour, ends the way.
    fn descend(
        &mut self,
        key: &'a ConfigKey,
        path: &mut Vec<&'a str>,
        step: fn(&mut Self, &'a ConfigKey, &mut Vec<&'a str>),
    ) {
        if path.contains(&key.name.as_str()) {
            return;
        }
        path.push(&key.name);
        let def: &'a ConfigDef = self.def;
        for dependent in key.dependents.iter().filter_map(|name| def.key(name)) {
            step(self, dependent, path);
        }
        path.pop();
    }
}

/// The values of all keys of a [`ConfigDef`], parsed. What `#[derive(Config)]` makes unnecessary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParsedConfig(pub(crate) BTreeMap<String, Option<ParsedValue>>);

impl ParsedConfig {
    /// The value of a key; `None` when it is Kafka's `null`, or not defined.
    pub fn get(&self, name: &str) -> Option<&ParsedValue> {
        self.0.get(name).and_then(Option::as_ref)
    }

    /// The value of a key as a Rust type.
    ///
    /// # Errors
    ///
    /// A [config error](Error::config) when the type does not hold the value, or when the value is `null` and the
    /// type is no `Option`.
    pub fn read<T: ConfigField>(&self, name: &str) -> Result<T> {
        T::from_parsed(name, self.get(name))
    }

    /// All keys and values, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&ParsedValue>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_ref()))
    }
}

/// A recommender of an embedded definition: sees names without the prefix.
struct Embedded {
    prefix: String,
    inner: Arc<dyn Recommender>,
}

impl Embedded {
    fn inside<'a>(&self, name: &'a str, parsed: &ParsedConfig) -> (&'a str, ParsedConfig) {
        let inside = parsed.0.iter().filter_map(|(key, value)| {
            key.strip_prefix(&self.prefix).map(|rest| (rest.to_owned(), value.clone()))
        });
        (name.strip_prefix(&self.prefix).unwrap_or(name), ParsedConfig(inside.collect()))
    }
}

impl Recommender for Embedded {
    fn valid_values(&self, name: &str, parsed: &ParsedConfig) -> Result<Vec<ParsedValue>> {
        let (name, parsed) = self.inside(name, parsed);
        self.inner.valid_values(name, &parsed)
    }

    fn visible(&self, name: &str, parsed: &ParsedConfig) -> Result<bool> {
        let (name, parsed) = self.inside(name, parsed);
        self.inner.visible(name, &parsed)
    }
}
