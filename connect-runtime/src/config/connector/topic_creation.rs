//! Topics that a source connector creates (KIP-158): groups of names, each with settings.

use std::collections::BTreeMap;

use connect_api::config::{ConfigDef, ConfigKey, Importance, Type, Width};
use connect_api::{Properties, Result};

use super::pattern::AnyOf;
use crate::config::problems::Problems;
use crate::config::worker::{partitions, replication_factor};

const PREFIX: &str = "topic.creation.";
const DEFAULT_GROUP: &str = "default";

/// How a missing topic is created. `None` means the broker's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopicSettings {
    /// The number of partitions.
    pub partitions: Option<i32>,
    /// The number of replicas.
    pub replication_factor: Option<i16>,
    /// Further topic settings, for the broker to understand.
    pub configs: BTreeMap<String, String>,
}

/// One group: which topics belong to it and how they are created.
#[derive(Clone, Debug)]
pub struct TopicCreationGroup {
    /// The group's alias.
    pub name: String,
    /// How its topics are created.
    pub settings: NewTopicSettings,
    include: AnyOf,
    exclude: AnyOf,
}

impl TopicCreationGroup {
    /// Whether the topic belongs to the group: no `exclude` expression matches its whole name, and an `include`
    /// expression does.
    pub fn matches(&self, topic: &str) -> bool {
        !self.exclude.is_match(topic) && self.include.is_match(topic)
    }
}

/// The `topic.creation.` keys of a source connector.
///
/// ```
/// use connect_api::Properties;
/// use connect_runtime::config::TopicCreation;
///
/// let creation = TopicCreation::parse(&Properties::from([
///     ("topic.creation.groups", "logs"),
///     ("topic.creation.default.partitions", "3"),
///     ("topic.creation.default.replication.factor", "-1"),
///     ("topic.creation.logs.include", "log-.*, trace"),
///     ("topic.creation.logs.partitions", "1"),
///     ("topic.creation.logs.cleanup.policy", "compact"),
/// ]))?.ok_or("there are keys")?;
/// assert_eq!(creation.for_topic("log-a").partitions, Some(1));
/// assert_eq!(creation.for_topic("log-a").configs["cleanup.policy"], "compact");
/// assert_eq!(creation.for_topic("orders").partitions, Some(3));
/// assert_eq!(creation.for_topic("orders").replication_factor, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TopicCreation {
    /// The groups, in order; the last is `default`, which takes every topic.
    pub groups: Vec<TopicCreationGroup>,
    default: NewTopicSettings,
}

impl TopicCreation {
    /// Reads the keys. `None` when there is none that begins with `topic.creation.`.
    ///
    /// # Errors
    ///
    /// One config error that says everything that is wrong, one problem per line.
    pub fn parse(properties: &Properties) -> Result<Option<Self>> {
        if !properties.keys().any(|key| key.starts_with(PREFIX)) {
            return Ok(None);
        }
        let mut problems = Problems::default();
        let default = read_group(properties, DEFAULT_GROUP, None, &mut problems);
        let mut groups = Vec::new();
        for alias in aliases(properties) {
            groups.extend(read_group(properties, &alias, default.as_ref(), &mut problems));
        }
        problems.finish()?;
        let Some(default) = default else { return Ok(None) };
        let settings = default.settings.clone();
        groups.push(default);
        Ok(Some(Self { groups, default: settings }))
    }

    /// How this topic is created: by the first group that it belongs to.
    pub fn for_topic(&self, topic: &str) -> &NewTopicSettings {
        self.groups.iter().find(|group| group.matches(topic)).map_or(&self.default, |group| &group.settings)
    }
}

/// The groups that are named, without `default`, which exists anyway, and without repetitions.
fn aliases(properties: &Properties) -> Vec<String> {
    let text = properties.get("topic.creation.groups").unwrap_or_default();
    let parsed = Type::List.parse("topic.creation.groups", text).ok();
    let mut aliases: Vec<String> = Vec::new();
    for alias in parsed.iter().flat_map(|value| value.as_list().unwrap_or_default()) {
        if alias != DEFAULT_GROUP && !aliases.contains(alias) {
            aliases.push(alias.clone());
        }
    }
    aliases
}

/// The aliases of all groups whose keys are checked, `default` first; empty when there is no key at all.
pub(in crate::config) fn group_defs(properties: &Properties) -> Vec<(String, ConfigDef)> {
    if !properties.keys().any(|key| key.starts_with(PREFIX)) {
        return Vec::new();
    }
    let others = aliases(properties).into_iter().map(|alias| (alias, group_def(false)));
    std::iter::once((DEFAULT_GROUP.to_owned(), group_def(true))).chain(others).collect()
}

/// The keys of one group. Those of `default` have to be set; the others fall back to them.
fn group_def(default: bool) -> ConfigDef {
    let key = |name: &str, ty: Type, documentation: &str| {
        ConfigKey::new(name, ty).importance(Importance::Low).width(Width::Long).documentation(documentation)
    };
    let include = key("include", Type::List, "Regular expressions of the topics that belong to the group.");
    let exclude =
        key("exclude", Type::List, "Regular expressions of topics that do not belong to the group.");
    let replicas = key(
        "replication.factor",
        Type::Short,
        "How many replicas a topic gets; -1 for the broker's default. Unset means as in the group default.",
    )
    .validator(if default { replication_factor() } else { replication_factor().or_null() });
    let count = key(
        "partitions",
        Type::Int,
        "How many partitions a topic gets; -1 for the broker's default. Unset means as in the group default.",
    )
    .validator(if default { partitions() } else { partitions().or_null() });
    let need = |key: ConfigKey| if default { key } else { key.optional() };
    ConfigDef::new()
        .define(include.default(if default { ".*" } else { "" }))
        .define(exclude.default(""))
        .define(need(replicas))
        .define(need(count))
}

fn read_group(
    properties: &Properties,
    alias: &str,
    default: Option<&TopicCreationGroup>,
    problems: &mut Problems,
) -> Option<TopicCreationGroup> {
    const OWN: [&str; 4] = ["include", "exclude", "replication.factor", "partitions"];
    let prefix = format!("{PREFIX}{alias}.");
    let is_default = alias == DEFAULT_GROUP;
    let def = ConfigDef::new().flatten(&prefix, &group_def(is_default));
    let parsed = problems.take(def.parse_all(properties))?;
    let name = |key: &str| format!("{prefix}{key}");
    let expressions = |key: &str, problems: &mut Problems| {
        let key = name(key);
        let list: Vec<String> = match (is_default, key.ends_with("include")) {
            // The group default takes everything; what a user says there does not count.
            (true, true) => vec![".*".to_owned()],
            (true, false) => Vec::new(),
            (false, _) => problems.take(parsed.read(&key))?,
        };
        problems.take(AnyOf::parse(&key, &list))
    };
    let include = expressions("include", problems)?;
    let exclude = expressions("exclude", problems)?;
    let count: Option<i32> = problems.take(parsed.read(&name("partitions")))?;
    let replicas: Option<i16> = problems.take(parsed.read(&name("replication.factor")))?;
    let fallback = default.map(|group| &group.settings);
    let partitions = match count {
        Some(count) => (count > 0).then_some(count),
        None => fallback.and_then(|settings| settings.partitions),
    };
    let replication_factor = match replicas {
        Some(replicas) => (replicas > 0).then_some(replicas),
        None => fallback.and_then(|settings| settings.replication_factor),
    };
    let others = properties.with_prefix(&prefix);
    let configs = others
        .iter()
        .filter(|(key, _)| !OWN.contains(key))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let settings = NewTopicSettings { partitions, replication_factor, configs };
    Some(TopicCreationGroup { name: alias.to_owned(), settings, include, exclude })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(more: &[(&str, &str)]) -> Result<Option<TopicCreation>> {
        let mut properties = Properties::from([
            ("topic.creation.default.partitions", "3"),
            ("topic.creation.default.replication.factor", "1"),
        ]);
        properties.extend(more.iter().copied());
        TopicCreation::parse(&properties)
    }

    #[test]
    fn without_a_key_nothing_is_created() {
        assert!(TopicCreation::parse(&Properties::from([("topic", "t")])).unwrap().is_none());
    }

    #[test]
    fn any_key_makes_the_default_groups_settings_required() {
        let only = Properties::from([("topic.creation.default.partitions", "0")]);
        let error = TopicCreation::parse(&only).unwrap_err().to_string();
        assert!(
            error.contains("\"topic.creation.default.replication.factor\" which has no default"),
            "{error}"
        );
        assert!(
            error.contains("Invalid value 0 for configuration topic.creation.default.partitions"),
            "{error}"
        );
    }

    #[test]
    fn the_first_group_that_matches_the_whole_name_counts() {
        let creation = parse(&[
            ("topic.creation.groups", "a, default, b"),
            ("topic.creation.a.include", "x.*"),
            ("topic.creation.a.exclude", "xx.*, xy"),
            ("topic.creation.a.partitions", "7"),
            ("topic.creation.b.include", "x.*"),
            ("topic.creation.b.replication.factor", "-1"),
            ("topic.creation.default.include", "nothing"),
        ])
        .unwrap()
        .unwrap();
        let names: Vec<_> = creation.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "default"]);
        let settings = |topic: &str| {
            let settings = creation.for_topic(topic);
            (settings.partitions, settings.replication_factor)
        };
        assert_eq!(settings("x1"), (Some(7), Some(1)));
        assert_eq!(settings("xx1"), (Some(3), None));
        assert_eq!(settings("xy"), (Some(3), None));
        assert_eq!(settings("ax"), (Some(3), Some(1)));
    }

    #[test]
    fn a_group_without_include_takes_no_topic() {
        let creation =
            parse(&[("topic.creation.groups", "a"), ("topic.creation.a.partitions", "7")]).unwrap().unwrap();
        assert_eq!(creation.for_topic("t").partitions, Some(3));
    }

    #[test]
    fn a_broken_expression_is_named() {
        let error =
            parse(&[("topic.creation.groups", "a"), ("topic.creation.a.include", "ok, [")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Invalid value [ for configuration topic.creation.a.include: Invalid regex: Unclosed character class near index 1"
        );
    }
}
