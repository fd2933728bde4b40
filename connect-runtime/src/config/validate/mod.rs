//! Validation of a connector's configuration: everything that is wrong with it, key by key.

mod framework;
mod version;

use std::collections::BTreeMap;

use connect_api::config::{ConfigDef, ConfigKey, ConfigValue, Type};
use connect_api::{
    ConnectorTransactionBoundaries, Error, ErrorKind, ExactlyOnceSupport, Plugins, Properties, Result,
};

use connect_api::plugins::{ConnectorPlugin, SourcePlugin};

#[cfg(feature = "rest")]
pub(crate) use self::version::matches as plugin_version_matches;
use super::connector::{
    SinkConnectorConfig, SourceConnectorConfig, check_predicate, check_topics, parse_list, topic_creation,
};
use super::problems::Problems;
use super::worker::{WorkerConfig, WorkerMode};

/// A key: what it is, and what it is set to.
#[derive(Clone, Debug)]
pub struct ConfigInfo {
    /// The definition; `None` when the connector speaks of a key that it does not define.
    pub definition: Option<ConfigKey>,
    /// The value, with its errors.
    pub value: ConfigValue,
}

/// What REST's validate endpoint answers: every key of a connector, with what is wrong.
#[derive(Clone, Debug)]
pub struct ConfigInfos {
    /// `connector.class`, as it was given.
    pub name: String,
    /// The groups that user interfaces show, in order.
    pub groups: Vec<String>,
    /// The keys.
    pub configs: Vec<ConfigInfo>,
}

impl ConfigInfos {
    /// The number of errors.
    pub fn error_count(&self) -> usize {
        self.configs.iter().map(|config| config.value.error_messages.len()).sum()
    }

    /// The value of a key.
    pub fn value(&self, key: &str) -> Option<&ConfigValue> {
        self.configs.iter().map(|config| &config.value).find(|value| value.name == key)
    }

    /// Answers what was found as one result: what creating or updating the connector does.
    ///
    /// # Errors
    ///
    /// A config error with Kafka's text, one line per error.
    pub fn into_result(self) -> Result<()> {
        let values = self.configs.iter().map(|config| &config.value);
        let messages: Vec<&str> =
            values.flat_map(|value| value.error_messages.iter().map(String::as_str)).collect();
        if messages.is_empty() {
            return Ok(());
        }
        let message = format!(
            "Connector configuration is invalid and contains the following {} error(s):\n{}\nYou can also find the \
             above list of errors at the endpoint `/connector-plugins/{{connectorType}}/config/validate`",
            messages.len(),
            messages.join("\n")
        );
        let first =
            self.configs.iter().map(|config| &config.value).find(|value| !value.error_messages.is_empty());
        Err(match first {
            Some(value) => Error::config(&value.name, message),
            None => Error::new(ErrorKind::Config, message),
        })
    }
}

/// Checks the whole configuration of a connector: the keys that every connector has, its transformations,
/// predicates and converters with their own keys, client overrides, and the connector's own validation.
///
/// `properties` are resolved. Show the answer to nobody before [`Resolved::redact_infos`](super::Resolved::redact_infos)
/// has put the references back where secrets stand.
///
/// # Errors
///
/// A config error when there is no `connector.class`. Everything else that is wrong is in the answer.
///
/// ```
/// use connect_api::{Plugins, Properties};
/// use connect_runtime::config::{WorkerConfig, validate_connector};
///
/// let worker = WorkerConfig::embedded(&Properties::new())?;
/// let properties = Properties::from([("name", "x"), ("connector.class", "Missing"), ("tasks.max", "0")]);
/// let infos = validate_connector(&Plugins::new(), &worker, &properties)?;
/// let tasks_max = infos.value("tasks.max").map(|value| value.error_messages.len());
/// assert_eq!(tasks_max, Some(1));
/// let error = infos.into_result().unwrap_err().to_string();
/// assert!(error.contains("Failed to find any connector which name matches Missing"));
/// assert!(error.contains("Invalid value 0 for configuration tasks.max: Value must be at least 1"));
/// # Ok::<(), connect_api::Error>(())
/// ```
pub fn validate_connector(
    plugins: &Plugins,
    worker: &WorkerConfig,
    properties: &Properties,
) -> Result<ConfigInfos> {
    let Some(class) = properties.get("connector.class").map(str::trim) else {
        let keys = properties.keys().collect::<Vec<_>>().join(", ");
        let message = format!("Connector config {{{keys}}} contains no connector type; set connector.class");
        return Err(Error::config("connector.class", message)
            .with_java_class("org.apache.kafka.connect.runtime.rest.errors.BadRequestException"));
    };
    let found = plugins.find_connector(class);
    let mut answer = Answer::default();
    let def = match &found {
        Ok(ConnectorPlugin::Source(_)) => SourceConnectorConfig::def(),
        Ok(ConnectorPlugin::Sink(_)) => SinkConnectorConfig::def(),
        Err(_) => super::ConnectorConfig::def(),
    };
    let def = framework::with_plugins(def, plugins, worker, properties, found.as_ref().ok());
    let mut values = def.validate(properties);
    for value in values.iter_mut().filter(|value| !value.error_messages.is_empty()) {
        // Kafka has no value where it has no class.
        if def.key(&value.name).is_some_and(|key| key.ty == Type::Class) {
            value.value = None;
        }
    }
    answer.add(&def, values);
    for alias in parse_list(properties, "transforms") {
        if let Err(error) = check_predicate(properties, &alias) {
            answer.error(&error);
        }
    }
    match &found {
        Err(error) => answer.error(&Error::config("connector.class", error.message())),
        Ok(ConnectorPlugin::Source(source)) => {
            add_topic_creation(&mut answer, properties);
            add_extensions(&mut answer, &SourceConnectorConfig::extension_def(), properties);
            check_exactly_once(&mut answer, source, worker, properties);
        }
        Ok(ConnectorPlugin::Sink(_)) => {
            for error in check_topics(properties) {
                answer.error(&error);
            }
            check_group(&mut answer, worker, properties);
            add_extensions(&mut answer, &SinkConnectorConfig::extension_def(), properties);
        }
    }
    if let Ok(connector) = &found {
        answer.add(&connector.config_def(), connector.validate(properties));
    }
    for (prefix, converter) in framework::converters(plugins, properties) {
        let mut def = ConfigDef::new().flatten(&prefix, &converter);
        for key in converter.keys() {
            if let Some(flat) = def.key_mut(&format!("{prefix}{}", key.name)) {
                flat.display_name.clone_from(&key.display_name);
            }
        }
        // As in Kafka, what a converter says of its keys names them without the prefix.
        let preset = framework::with_converter_type(properties, &prefix).with_prefix(&prefix);
        let mut values = converter.validate(&preset);
        for value in &mut values {
            value.name.insert_str(0, &prefix);
        }
        answer.add(&def, values);
    }
    if let Ok(connector) = &found {
        add_overrides(&mut answer, connector, worker, properties);
    }
    Ok(ConfigInfos { name: class.to_owned(), groups: answer.groups, configs: answer.configs })
}

impl WorkerConfig {
    /// Checks the plugins that the worker itself names: its converters exist and their settings are valid.
    ///
    /// # Errors
    ///
    /// One config error that says everything that is wrong, one problem per line.
    pub fn check_plugins(&self, plugins: &Plugins) -> Result<()> {
        let mut problems = Problems::default();
        framework::check_worker(plugins, self, &mut problems);
        problems.finish()
    }
}

/// Keys collected from several definitions.
#[derive(Default)]
struct Answer {
    groups: Vec<String>,
    configs: Vec<ConfigInfo>,
    places: BTreeMap<String, usize>,
}

impl Answer {
    /// Adds the values of a definition. A key that is there already gets the new errors.
    fn add(&mut self, def: &ConfigDef, values: Vec<ConfigValue>) {
        for group in def.groups() {
            if !self.groups.contains(group) {
                self.groups.push(group.clone());
            }
        }
        for mut value in values {
            if let Some(&place) = self.places.get(&value.name) {
                let there = &mut self.configs[place].value.error_messages;
                let new: Vec<_> =
                    value.error_messages.into_iter().filter(|text| !there.contains(text)).collect();
                there.extend(new);
                continue;
            }
            let definition = def.key(&value.name).cloned();
            if definition.is_none() {
                value.add_error(format!("Configuration is not defined: {}", value.name));
            }
            self.push(ConfigInfo { definition, value });
        }
    }

    fn push(&mut self, config: ConfigInfo) {
        self.places.insert(config.value.name.clone(), self.configs.len());
        self.configs.push(config);
    }

    /// Adds an error to the key that it names.
    fn error(&mut self, error: &Error) {
        let key = error.key().unwrap_or("connector.class");
        match self.places.get(key) {
            Some(&place) => {
                let there = &mut self.configs[place].value;
                if !there.error_messages.iter().any(|text| text == error.message()) {
                    there.add_error(error.message());
                }
            }
            None => {
                let value = ConfigValue::new(key).with_error(error.message());
                self.push(ConfigInfo { definition: None, value });
            }
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        self.places.get(key).and_then(|&place| self.configs[place].value.value.clone())
    }
}

/// Kafka checks the groups when the tasks start; here their errors come with all others. Keys without errors are not
/// shown, as in Kafka.
fn add_topic_creation(answer: &mut Answer, properties: &Properties) {
    for (alias, group) in topic_creation::group_defs(properties) {
        let def = ConfigDef::new().flatten(&format!("topic.creation.{alias}."), &group);
        let mut values = def.validate(properties);
        values.retain(|value| !value.error_messages.is_empty());
        answer.add(&def, values);
    }
    // What is wrong beyond single keys: the regular expressions.
    if answer.configs.iter().all(|config| config.value.error_messages.is_empty())
        && let Err(error) = super::TopicCreation::parse(properties)
    {
        answer.error(&error);
    }
}

/// The keys that Kafka does not have. Those without errors are not shown: the answer is Kafka's.
fn add_extensions(answer: &mut Answer, def: &ConfigDef, properties: &Properties) {
    let mut values = def.validate(properties);
    values.retain(|value| !value.error_messages.is_empty());
    if !values.is_empty() {
        answer.add(def, values);
    }
}

/// KIP-618: a connector that requires exactly-once delivery gets it or is refused.
fn check_exactly_once(
    answer: &mut Answer,
    source: &SourcePlugin,
    worker: &WorkerConfig,
    properties: &Properties,
) {
    let is = |answer: &Answer, key: &str, wanted: &str| {
        answer.text(key).is_some_and(|text| text.eq_ignore_ascii_case(wanted))
    };
    let enabled = worker.exactly_once().is_some();
    if is(answer, "exactly.once.support", "required") {
        let problem = if enabled {
            match source.exactly_once_support(properties) {
                Ok(ExactlyOnceSupport::Supported) => None,
                Ok(ExactlyOnceSupport::Unsupported) => Some(
                    "The connector does not support exactly-once semantics with the provided configuration."
                        .to_owned(),
                ),
                Ok(ExactlyOnceSupport::Unknown) => Some(
                    "The connector does not implement the API required for preflight validation of exactly-once \
                     source support. Please consult the documentation for the connector to determine whether it \
                     supports exactly-once semantics, and then consider reconfiguring the connector to use the value \
                     \"requested\" for this property (which will disable this preflight check and allow the connector \
                     to be created)."
                        .to_owned(),
                ),
                // The configuration does not parse; the connector's own validation says why.
                Err(_) => None,
            }
        } else {
            Some("This worker does not have exactly-once source support enabled.".to_owned())
        };
        if let Some(problem) = problem {
            answer.error(&Error::config("exactly.once.support", problem));
        }
    }
    if enabled
        && is(answer, "transaction.boundary", "connector")
        && matches!(
            source.can_define_transaction_boundaries(properties),
            Ok(ConnectorTransactionBoundaries::Unsupported)
        )
    {
        answer.error(&Error::config(
            "transaction.boundary",
            "The connector does not support connector-defined transaction boundaries with the given configuration. \
             Please reconfigure it to use a different transaction boundary definition.",
        ));
    }
}

/// A sink's consumer group must not be the group of the workers.
fn check_group(answer: &mut Answer, worker: &WorkerConfig, properties: &Properties) {
    let WorkerMode::Distributed(config) = &worker.mode else { return };
    let key = "consumer.override.group.id";
    let name = properties.get("name").unwrap_or_default();
    match properties.get(key) {
        Some(group) if group == config.group_id => answer.error(&Error::config(
            key,
            format!("Consumer group {group} conflicts with Connect worker group {}", config.group_id),
        )),
        None if format!("connect-{name}") == config.group_id => answer.error(&Error::config(
            "name",
            format!(
                "Consumer group for sink connector named {name} conflicts with Connect worker group {}",
                config.group_id
            ),
        )),
        _ => {}
    }
}

/// The client settings that the connector overrides, as the worker's policy sees them.
fn add_overrides(
    answer: &mut Answer,
    connector: &ConnectorPlugin,
    worker: &WorkerConfig,
    properties: &Properties,
) {
    let exactly_once = worker.exactly_once().is_some();
    let set = |key: &str| properties.get(key).is_some_and(|text| !text.trim().is_empty());
    let has_dlq = set("errors.deadletterqueue.topic.name");
    let own_offsets = set("offsets.storage.topic");
    let creates = properties.keys().any(|key| key.starts_with("topic.creation."));
    let clients = match connector {
        ConnectorPlugin::Source(_) => {
            let consumer = own_offsets || exactly_once;
            [("producer", true), ("admin", creates || has_dlq || consumer), ("consumer", consumer)]
        }
        ConnectorPlugin::Sink(_) => [("producer", has_dlq), ("admin", has_dlq), ("consumer", true)],
    };
    for (client, _) in clients.into_iter().filter(|(_, used)| *used) {
        let prefix = format!("{client}.override.");
        for (setting, value) in &properties.with_prefix(&prefix) {
            let key =
                ConfigKey::new(format!("{prefix}{setting}"), Type::String).optional().display_name(setting);
            let mut config = ConfigValue::new(&key.name).with_value(value);
            config.error_messages.extend(worker.override_policy.violation(setting));
            answer.push(ConfigInfo { definition: Some(key), value: config });
        }
    }
}
