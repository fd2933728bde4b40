//! References to config providers: `${provider:[path:]key}`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use connect_api::config::{ConfigDef, Type};
use connect_api::{ConfigProvider, Password, Plugins, Properties, Result};
use regex::{Captures, Regex};

use super::connector::parse_list;
use super::problems::Problems;
use super::validate::ConfigInfos;

/// Kafka's own expression.
const REFERENCE: &str = r"\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}";

static REFERENCES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(REFERENCE).ok());

/// The config providers of a worker, by the names that `config.providers` gives them.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use connect_api::{Plugins, Properties};
/// use connect_runtime::config::{ConfigTransformer, providers};
///
/// let mut plugins = Plugins::new();
/// providers::register(&mut plugins);
/// let worker = Properties::from([
///     ("config.providers", "env"),
///     ("config.providers.env.class", "org.apache.kafka.common.config.provider.EnvVarConfigProvider"),
/// ]);
/// let transformer = ConfigTransformer::new(&plugins, &worker)?;
///
/// let resolved = transformer.resolve(&Properties::from([("home", "${env:PATH}"), ("x", "${other:y}")])).await?;
/// assert_eq!(resolved.properties.get("home").map(str::to_owned), std::env::var("PATH").ok());
/// assert_eq!(resolved.properties.get("x"), Some("${other:y}"), "an unknown provider leaves the text as it is");
/// assert!(resolved.secret_keys.contains("home"));
/// # Ok::<(), connect_api::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct ConfigTransformer {
    providers: BTreeMap<String, Arc<dyn ConfigProvider>>,
}

impl fmt::Debug for ConfigTransformer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConfigTransformer").field(&self.providers.keys().collect::<Vec<_>>()).finish()
    }
}

impl ConfigTransformer {
    /// Makes the providers that `config.providers` of the worker names, each from `config.providers.<name>.class` and
    /// `config.providers.<name>.param.*`.
    ///
    /// # Errors
    ///
    /// One config error that names every provider without class, of unknown class or with wrong settings.
    pub fn new(plugins: &Plugins, worker: &Properties) -> Result<Self> {
        let mut providers = BTreeMap::new();
        let mut problems = Problems::default();
        for name in parse_list(worker, "config.providers") {
            let prefix = format!("config.providers.{name}.");
            let key = format!("{prefix}class");
            let Some(class) = worker.get(&key).map(str::trim).filter(|class| !class.is_empty()) else {
                problems.error(
                    &key,
                    format!(
                        "Missing required configuration \"{key}\" which has no default value; config.providers lists \
                         {name}"
                    ),
                );
                continue;
            };
            let made = plugins
                .find_config_provider(class)
                .and_then(|plugin| plugin.configure(&worker.with_prefix(&format!("{prefix}param."))));
            match made {
                Ok(provider) => {
                    providers.insert(name, Arc::from(provider));
                }
                Err(error) => {
                    let message = error.trace();
                    problems
                        .error(&key, format!("Config provider {name} ({class}) cannot be used: {message}"));
                }
            }
        }
        problems.finish().map(|()| Self { providers })
    }

    /// Adds a provider that the application made itself, under a name for references.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, provider: Arc<dyn ConfigProvider>) -> Self {
        self.providers.insert(name.into(), provider);
        self
    }

    /// Replaces the references in all values. Each path of a provider is asked once. Results are not searched for
    /// references again; a reference to an unknown provider, or to a key that the provider does not have, stays as it
    /// is.
    ///
    /// # Errors
    ///
    /// What a provider answers, with provider and path added.
    pub async fn resolve(&self, properties: &Properties) -> Result<Resolved> {
        let wanted = self.references(properties);
        let mut found: BTreeMap<Place, BTreeMap<String, String>> = BTreeMap::new();
        let mut ttls = BTreeMap::new();
        for (place, keys) in wanted {
            let Some(provider) = self.providers.get(&place.provider) else { continue };
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let answer = provider
                .get(&place.path, &keys)
                .await
                .map_err(|error| error.with("config provider", &place.provider).with("path", &place.path))?;
            if let Some(ttl) = answer.ttl {
                ttls.insert((place.provider.clone(), place.path.clone()), ttl);
            }
            found.insert(place, answer.data);
        }
        let mut resolved = Resolved { ttls, ..Resolved::default() };
        for (key, text) in properties {
            let value = resolved.replace(key, text, &found);
            resolved.properties.insert(key, value);
        }
        Ok(resolved)
    }

    fn references(&self, properties: &Properties) -> BTreeMap<Place, BTreeSet<String>> {
        let mut wanted: BTreeMap<Place, BTreeSet<String>> = BTreeMap::new();
        let Some(regex) = REFERENCES.as_ref() else { return wanted };
        for (_, text) in properties {
            for captures in regex.captures_iter(text) {
                let (place, key) = reference(&captures);
                if self.providers.contains_key(&place.provider) {
                    wanted.entry(place).or_default().insert(key);
                }
            }
        }
        wanted
    }
}

/// Provider and path of a reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    provider: String,
    path: String,
}

fn reference(captures: &Captures<'_>) -> (Place, String) {
    let group = |index| captures.get(index).map_or("", |found| found.as_str()).to_owned();
    (Place { provider: group(1), path: group(3) }, group(4))
}

/// A configuration whose references are resolved, with what is needed to keep secrets.
///
/// `Debug` shows keys only.
#[derive(Clone, Default)]
pub struct Resolved {
    /// The values.
    pub properties: Properties,
    /// How long the values of a provider's path hold, by provider and path. When it has passed, the connector is
    /// restarted, as `config.action.reload` says.
    pub ttls: BTreeMap<(String, String), Duration>,
    /// The keys whose value came from a provider, or that a definition calls a password.
    pub secret_keys: BTreeSet<String>,
    /// What the user wrote where a provider answered.
    references: BTreeMap<String, String>,
    /// The texts that must not be seen, longest first.
    secrets: Vec<Password>,
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolved")
            .field("properties", &self.properties)
            .field("ttls", &self.ttls)
            .field("secret_keys", &self.secret_keys)
            .finish()
    }
}

impl Resolved {
    /// A configuration without references.
    pub fn plain(properties: Properties) -> Self {
        Self { properties, ..Self::default() }
    }

    /// The shortest time for which all values hold; `None` when nothing expires.
    pub fn ttl(&self) -> Option<Duration> {
        self.ttls.values().min().copied()
    }

    /// Declares the passwords of a definition secret, too.
    #[must_use]
    pub fn with_passwords_of(mut self, def: &ConfigDef) -> Self {
        for key in def.keys().iter().filter(|key| key.ty == Type::Password) {
            if let Some(text) = self.properties.get(&key.name).map(str::to_owned) {
                self.secret_keys.insert(key.name.clone());
                self.hide(&text);
            }
        }
        self
    }

    /// Hides the passwords of a plugin that is configured by a part of the configuration.
    #[cfg(feature = "json")]
    pub(crate) fn hide_passwords(&mut self, properties: &Properties, def: &ConfigDef) {
        for key in def.keys().iter().filter(|key| key.ty == Type::Password) {
            if let Some(text) = properties.get(&key.name) {
                self.hide(text);
            }
        }
    }

    /// Hides secrets in the form, too, that they have inside JSON.
    #[cfg(feature = "json")]
    pub(crate) fn hiding_json_texts(mut self) -> Self {
        for secret in self.secrets.clone() {
            let json = serde_json::Value::from(secret.value()).to_string();
            self.hide(&json[1..json.len() - 1]);
        }
        self
    }

    /// The text with every secret in it replaced by `[hidden]`: for logs and for error messages that may quote a
    /// value.
    ///
    /// A secret of fewer than three characters is left alone where it is part of a word: hiding every `a` hides
    /// nothing.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = replace_secret(&text, secret.value());
        }
        text
    }

    /// Puts the references back into the answer of a validation, and replaces the errors of such keys.
    pub fn redact_infos(&self, infos: &mut ConfigInfos) {
        for config in &mut infos.configs {
            let value = &mut config.value;
            if let Some(reference) = self.references.get(&value.name) {
                value.value = value.value.as_ref().map(|_| reference.clone());
                if !value.error_messages.is_empty() {
                    value.error_messages = vec![format!(
                        "Invalid value for configuration '{}': the value resolved from the config provider reference \
                         failed validation",
                        value.name
                    )];
                }
                value.recommended_values.iter_mut().for_each(|text| *text = self.redact(text));
            } else {
                value.error_messages.iter_mut().for_each(|text| *text = self.redact(text));
                value.value = value.value.as_ref().map(|text| self.redact(text));
            }
        }
    }

    /// Replaces the references in one value, and remembers what they stood for.
    fn replace(
        &mut self,
        key: &str,
        text: &str,
        found: &BTreeMap<Place, BTreeMap<String, String>>,
    ) -> String {
        let Some(regex) = REFERENCES.as_ref() else { return text.to_owned() };
        let mut secrets = Vec::new();
        let value = regex.replace_all(text, |captures: &Captures<'_>| {
            let (place, name) = reference(captures);
            match found.get(&place).and_then(|data| data.get(&name)) {
                Some(value) => {
                    secrets.push(value.clone());
                    value.clone()
                }
                None => captures.get(0).map_or("", |all| all.as_str()).to_owned(),
            }
        });
        let value = value.into_owned();
        if !secrets.is_empty() {
            self.secret_keys.insert(key.to_owned());
            self.references.insert(key.to_owned(), text.to_owned());
            for secret in secrets {
                self.hide(&secret);
            }
        }
        value
    }

    fn hide(&mut self, secret: &str) {
        // Parsing trims, so that a message may quote the secret without its blanks.
        for text in [secret, secret.trim()] {
            if !text.is_empty() && !self.secrets.iter().any(|known| known.value() == text) {
                self.secrets.push(Password::new(text));
            }
        }
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.value().len()));
    }
}

/// Replaces a secret: anywhere, or, when it is very short, as a word of its own.
fn replace_secret(text: &str, secret: &str) -> String {
    if secret.chars().count() >= 3 {
        return text.replace(secret, Password::HIDDEN);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(secret) {
        let end = at + secret.len();
        let before = rest[..at].chars().next_back().or_else(|| out.chars().next_back());
        let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        out.push_str(&rest[..at]);
        match word(before) || word(rest[end..].chars().next()) {
            true => out.push_str(secret),
            false => out.push_str(Password::HIDDEN),
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// A worker or connector must not be able to bring its own providers at run time: what Kafka takes out of a
/// connector's configuration before it resolves references.
pub fn without_providers(properties: &Properties) -> Properties {
    let mut properties = properties.clone();
    properties.retain(|key, _| key != "config.providers" && !key.starts_with("config.providers."));
    properties
}

#[cfg(test)]
mod tests;
