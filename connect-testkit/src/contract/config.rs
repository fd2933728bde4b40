//! What every configuration must be: the clauses of [`config_contract!`](crate::config_contract).

use std::collections::BTreeSet;

use connect_api::config::DefaultValue;
use connect_api::plugins::{ConnectorPlugin, PluginKind};
use connect_api::{ConfigDef, ConfigKey, Plugins, Properties};

use super::Clock;

type Clause<'f> = std::pin::Pin<Box<dyn Future<Output = ()> + 'f>>;

#[doc(hidden)]
pub fn run<'f>(plugins: &'f Plugins, clause: impl FnOnce(&'f Plugins) -> Clause<'f>) {
    super::run(Clock::Paused, clause(plugins));
}

/// What a `register` function registers.
#[doc(hidden)]
pub fn registered(register: impl FnOnce(&mut Plugins)) -> Plugins {
    let mut plugins = Plugins::default();
    register(&mut plugins);
    plugins
}

/// The names that can be skipped.
#[doc(hidden)]
#[expect(non_upper_case_globals, reason = "they are the clauses' names")]
pub mod clauses {
    pub const names_are_unique_and_well_formed: () = ();
    pub const docs_are_sentences: () = ();
    pub const defaults_parse: () = ();
    pub const plugins_are_found_by_every_name: () = ();
}

/// Every key is made of letters and digits, with single `.`, `-` or `_` between them, and defined once.
pub async fn names_are_unique_and_well_formed(plugins: &Plugins) {
    check(plugins, |def| {
        let mut problems: Vec<String> =
            def.check().err().map(|error| error.to_string()).into_iter().collect();
        let mut seen = BTreeSet::new();
        for key in def.keys() {
            if !well_formed(&key.name) {
                problems.push(format!("the key `{}` is not a well-formed name", key.name));
            }
            if !seen.insert(key.name.to_lowercase()) {
                problems.push(format!("the key `{}` is there twice", key.name));
            }
        }
        problems
    });
}

/// Every key is documented in sentences: they begin like one and end like one.
pub async fn docs_are_sentences(plugins: &Plugins) {
    check(plugins, undocumented);
}

/// Every default, given as text, parses and passes the checks of its own key, alone and together with the others.
pub async fn defaults_parse(plugins: &Plugins) {
    check(plugins, |def| {
        let mut defaults = Properties::new();
        for key in def.keys() {
            if let (DefaultValue::Value(_), Some(text)) = (&key.default, key.default_text()) {
                defaults.insert(&key.name, text);
            }
        }
        let values = def.validate(&defaults);
        let of_defaults = values.into_iter().filter(|value| defaults.contains_key(&value.name));
        of_defaults.flat_map(|value| value.error_messages).collect()
    });
}

/// Every name and alias leads to its plugin, and to no other of its kind.
pub async fn plugins_are_found_by_every_name(plugins: &Plugins) {
    if let Err(error) = plugins.check() {
        panic!("{error}");
    }
    for info in plugins.iter() {
        for name in std::iter::once(info.name).chain(info.aliases.iter().copied()) {
            let found = match info.kind {
                PluginKind::Source => plugins.find_source(name).map(|plugin| plugin.info().clone()),
                PluginKind::Sink => plugins.find_sink(name).map(|plugin| plugin.info().clone()),
                PluginKind::Converter => plugins.find_converter(name).map(|plugin| plugin.info().clone()),
                PluginKind::HeaderConverter => {
                    plugins.find_header_converter(name).map(|plugin| plugin.info().clone())
                }
                PluginKind::Transformation => {
                    plugins.find_transformation(name).map(|plugin| plugin.info().clone())
                }
                PluginKind::Predicate => plugins.find_predicate(name).map(|plugin| plugin.info().clone()),
                PluginKind::ConfigProvider => {
                    plugins.find_config_provider(name).map(|plugin| plugin.info().clone())
                }
            };
            match found {
                Ok(found) => assert_eq!(&found, info, "`{name}` leads to another plugin"),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// What is wrong with the documentation of the keys.
pub(crate) fn undocumented(def: &ConfigDef) -> Vec<String> {
    let problem = |key: &ConfigKey| {
        let text = key.documentation.trim();
        let begins = text.chars().next().is_some_and(|first| !first.is_lowercase() && first != '.');
        let ends = text.ends_with(['.', '!', '?', ')', ':', '`']);
        (!begins || !ends).then(|| {
            format!("the documentation of `{}` is not made of sentences: {:?}", key.name, key.documentation)
        })
    };
    def.keys().iter().filter_map(problem).collect()
}

fn well_formed(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .split(['.', '-', '_'])
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// Looks at the keys of every plugin and of the tasks of every connector.
fn check(plugins: &Plugins, problems: impl Fn(&ConfigDef) -> Vec<String>) {
    let connectors = plugins
        .sources()
        .cloned()
        .map(ConnectorPlugin::Source)
        .chain(plugins.sinks().cloned().map(ConnectorPlugin::Sink));
    let mut defs = Vec::new();
    for connector in connectors {
        defs.push((connector.info().name.to_owned(), connector.config_def()));
        defs.push((format!("tasks of {}", connector.info().name), connector.task_config_def()));
    }
    defs.extend(plugins.converters().map(|plugin| (plugin.name().to_owned(), plugin.config_def())));
    defs.extend(plugins.header_converters().map(|plugin| (plugin.name().to_owned(), plugin.config_def())));
    defs.extend(plugins.transformations().map(|plugin| (plugin.name().to_owned(), plugin.config_def())));
    defs.extend(plugins.predicates().map(|plugin| (plugin.name().to_owned(), plugin.config_def())));
    defs.extend(plugins.config_providers().map(|plugin| (plugin.name().to_owned(), plugin.config_def())));
    assert!(!defs.is_empty(), "nothing is registered");
    let found: Vec<String> = defs
        .iter()
        .flat_map(|(name, def)| problems(def).into_iter().map(move |problem| format!("{name}: {problem}")))
        .collect();
    if !found.is_empty() {
        panic!("{}", found.join("\n"));
    }
}
