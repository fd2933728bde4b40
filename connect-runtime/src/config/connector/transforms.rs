//! The alias blocks `transforms.<alias>.` and `predicates.<alias>.`.

use std::collections::BTreeMap;

use connect_api::config::Type;
use connect_api::{Error, Properties, Result};

use crate::config::problems::Problems;

/// A predicate to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredicateSpec {
    /// Its alias.
    pub alias: String,
    /// The name or alias of the plugin.
    pub class: String,
    /// Its settings, the prefix taken off.
    pub properties: Properties,
}

/// A transformation to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformSpec {
    /// Its alias.
    pub alias: String,
    /// The name or alias of the plugin.
    pub class: String,
    /// Its settings, the prefix taken off.
    pub properties: Properties,
    /// The predicate that decides to which records it is applied; `None` for all.
    pub predicate: Option<PredicateSpec>,
    /// Whether it is applied where the predicate does *not* hold.
    pub negate: bool,
}

/// A list of aliases; empty when the key is not set.
pub(in crate::config) fn parse_list(properties: &Properties, key: &str) -> Vec<String> {
    let text = properties.get(key).unwrap_or_default();
    let parsed = Type::List.parse(key, text).ok();
    parsed.and_then(|value| value.as_list().map(<[String]>::to_vec)).unwrap_or_default()
}

/// The rules between `predicate`, `negate` and `predicates` for one transformation; the error is for the key that
/// it names.
pub(in crate::config) fn check_predicate(properties: &Properties, alias: &str) -> Result<()> {
    let predicate_key = format!("transforms.{alias}.predicate");
    let negate_key = format!("transforms.{alias}.negate");
    match properties.get(&predicate_key).map(str::trim).filter(|name| !name.is_empty()) {
        None if properties.contains_key(&negate_key) => Err(Error::config(
            format!("transforms.{alias}.type"),
            format!(
                "Config '{negate_key}' was provided but there is no config '{predicate_key}' defining a predicate to \
                 be negated."
            ),
        )),
        None => Ok(()),
        Some(name) => {
            let known = parse_list(properties, "predicates");
            match known.iter().any(|one| one == name) {
                true => Ok(()),
                false => Err(Error::config(
                    &predicate_key,
                    format!(
                        "Invalid value {name} for configuration {predicate_key}: there is no predicate of this alias; \
                         'predicates' lists [{}]",
                        known.join(", ")
                    ),
                )),
            }
        }
    }
}

pub(super) fn read(properties: &Properties, problems: &mut Problems) -> Vec<TransformSpec> {
    let mut predicates = BTreeMap::new();
    for alias in parse_list(properties, "predicates") {
        let prefix = format!("predicates.{alias}.");
        if let Some((class, settings)) = block(properties, &prefix, &[], problems) {
            predicates.insert(alias.clone(), PredicateSpec { alias, class, properties: settings });
        }
    }
    let mut transforms = Vec::new();
    for alias in parse_list(properties, "transforms") {
        if let Err(error) = check_predicate(properties, &alias) {
            problems.add(&error);
        }
        let prefix = format!("transforms.{alias}.");
        let negate = problems.take(negate(properties, &prefix)).unwrap_or_default();
        let Some((class, settings)) = block(properties, &prefix, &["predicate", "negate"], problems) else {
            continue;
        };
        let predicate = properties.get(&format!("{prefix}predicate")).map(str::trim);
        let predicate = predicate.and_then(|name| predicates.get(name).cloned());
        transforms.push(TransformSpec { alias, class, properties: settings, predicate, negate });
    }
    transforms
}

fn negate(properties: &Properties, prefix: &str) -> Result<bool> {
    let key = format!("{prefix}negate");
    match properties.get(&key) {
        None => Ok(false),
        Some(text) => Ok(Type::Boolean.parse(&key, text)?.as_bool().unwrap_or_default()),
    }
}

/// Class and settings of one alias.
fn block(
    properties: &Properties,
    prefix: &str,
    own: &[&str],
    problems: &mut Problems,
) -> Option<(String, Properties)> {
    let key = format!("{prefix}type");
    let mut settings = properties.with_prefix(prefix);
    settings.retain(|name, _| !own.contains(&name) && name != "plugin.version");
    match settings.remove("type").map(|class| class.trim().to_owned()) {
        Some(class) if !class.is_empty() => Some((class, settings)),
        Some(_) => {
            problems.error(&key, format!("Invalid value  for configuration {key}: name a plugin"));
            None
        }
        None => {
            problems
                .error(&key, format!("Missing required configuration \"{key}\" which has no default value."));
            None
        }
    }
}
