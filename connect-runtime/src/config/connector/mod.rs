//! The configuration of a connector as the engine needs it: typed, with its alias blocks taken apart.

mod keys;
pub(crate) mod pattern;
mod restart;
mod sink;
mod source;
pub(super) mod topic_creation;
mod transforms;

use std::time::Duration;

use connect_api::config::{ConfigDef, ParsedConfig};
use connect_api::{ConfigEnum, ConverterType, Properties, Result};

pub use self::restart::{RestartMode, RestartPolicy};
pub use self::sink::{DeadLetterQueue, SinkConnectorConfig, TopicPattern, TopicSelection};
pub use self::source::{ExactlyOnceRequirement, SourceConnectorConfig, TransactionBoundary};
pub use self::topic_creation::{NewTopicSettings, TopicCreation, TopicCreationGroup};
pub use self::transforms::{PredicateSpec, TransformSpec};
use super::problems::Problems;
use super::worker::WorkerConfig;

pub(super) use self::sink::check_topics;
pub(super) use self::transforms::{check_predicate, parse_list};

/// A converter to be made: its plugin and its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConverterSpec {
    /// The name or alias of the plugin.
    pub class: String,
    /// Its settings, the prefix taken off, `converter.type` added.
    pub properties: Properties,
    /// Whether the connector names the converter itself. Otherwise it is the worker's, with the worker's settings;
    /// settings of the connector do not count then.
    pub own: bool,
}

impl ConverterSpec {
    /// `key` is `key.converter`, `value.converter` or `header.converter`.
    pub(super) fn of(key: &str, class: String, properties: &Properties, own: bool) -> Self {
        let ty = match key {
            "key.converter" => ConverterType::Key,
            "header.converter" => ConverterType::Header,
            _ => ConverterType::Value,
        };
        let mut settings = properties.with_prefix(&format!("{key}."));
        settings.remove("plugin.version");
        settings.insert("converter.type", ty.as_str());
        Self { class, properties: settings, own }
    }
}

/// What becomes of a connector when a value from a config provider expires: `config.action.reload`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ConfigEnum)]
pub enum ReloadAction {
    /// Nothing.
    None,
    /// It is restarted.
    #[default]
    Restart,
}

/// The `errors.` keys that sources and sinks share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorHandling {
    /// `errors.retry.timeout`: zero for not at all, `None` for ever.
    pub retry_timeout: Option<Duration>,
    /// `errors.retry.delay.max.ms`.
    pub retry_delay_max: Duration,
    /// `errors.tolerance=all`: bad records are skipped.
    pub tolerate: bool,
    /// `errors.log.enable`.
    pub log_enable: bool,
    /// `errors.log.include.messages`.
    pub log_include_messages: bool,
}

impl Default for ErrorHandling {
    fn default() -> Self {
        Self {
            retry_timeout: Some(Duration::ZERO),
            retry_delay_max: Duration::from_secs(60),
            tolerate: false,
            log_enable: false,
            log_include_messages: false,
        }
    }
}

/// What sources and sinks have in common.
#[derive(Clone, Debug)]
pub struct ConnectorConfig {
    /// `name`.
    pub name: String,
    /// `connector.class`: the name or alias of the plugin.
    pub class: String,
    /// `connector.plugin.version`.
    pub plugin_version: Option<String>,
    /// `tasks.max`.
    pub tasks_max: usize,
    /// `tasks.max.enforce`.
    pub tasks_max_enforce: bool,
    /// The converter of record keys: the connector's or the worker's.
    pub key_converter: ConverterSpec,
    /// The converter of record values: the connector's or the worker's.
    pub value_converter: ConverterSpec,
    /// The converter of header values: the connector's or the worker's.
    pub header_converter: ConverterSpec,
    /// The transformations, in order.
    pub transforms: Vec<TransformSpec>,
    /// `config.action.reload`.
    pub reload_action: ReloadAction,
    /// The `errors.` keys.
    pub errors: ErrorHandling,
    /// The `errors.restart.` keys.
    pub restart: RestartPolicy,
    /// `tasks.conversion.parallelism`, the connector's or the worker's: how many lanes convert the records of a task.
    pub conversion_parallelism: usize,
    /// Everything that was set, for the connector itself and for `producer.override.` and the like.
    pub properties: Properties,
}

impl ConnectorConfig {
    /// The keys that every connector has: Kafka's `ConnectorConfig`.
    pub fn def() -> ConfigDef {
        keys::connector_def()
    }

    /// Reads the keys that every connector has. References to config providers have to be resolved before.
    ///
    /// # Errors
    ///
    /// One config error that says everything that is wrong, one problem per line.
    pub fn parse(properties: &Properties, worker: &WorkerConfig) -> Result<Self> {
        let mut problems = Problems::default();
        let parsed = problems.take(keys::connector_def().parse_all(properties));
        Self::read(parsed.as_ref(), properties, worker, problems)
    }

    /// Takes the typed values out of `parsed`, and adds what is wrong with the alias blocks to `problems`.
    fn read(
        parsed: Option<&ParsedConfig>,
        properties: &Properties,
        worker: &WorkerConfig,
        mut problems: Problems,
    ) -> Result<Self> {
        let transforms = transforms::read(properties, &mut problems);
        let extensions = problems.take(keys::sink_extensions().parse_all(properties));
        let lanes = extensions.as_ref().map(|parsed| parsed.read("tasks.conversion.parallelism"));
        let lanes: Option<usize> = lanes.and_then(|lanes| problems.take(lanes)).flatten();
        let restart = extensions.and_then(|parsed| problems.take(RestartPolicy::read(&parsed)));
        let fields = parsed.and_then(|parsed| problems.take(Self::fields(parsed, properties, worker)));
        problems.finish()?;
        match fields {
            Some(fields) => Ok(Self {
                transforms,
                restart: restart.unwrap_or_default(),
                conversion_parallelism: lanes.unwrap_or(worker.conversion_parallelism),
                ..fields
            }),
            None => Err(Problems::default().into_error()),
        }
    }

    fn fields(parsed: &ParsedConfig, properties: &Properties, worker: &WorkerConfig) -> Result<Self> {
        let converter =
            |key: &str, default: &ConverterSpec| match parsed.get(key).and_then(|value| value.as_str()) {
                Some(class) => ConverterSpec::of(key, class.to_owned(), properties, true),
                None => default.clone(),
            };
        let reload: String = parsed.read("config.action.reload")?;
        let tolerance: String = parsed.read("errors.tolerance")?;
        let retry_timeout: i64 = parsed.read("errors.retry.timeout")?;
        let retry_delay_max: i64 = parsed.read("errors.retry.delay.max.ms")?;
        Ok(Self {
            name: parsed.read("name")?,
            class: parsed.read("connector.class")?,
            plugin_version: parsed.read("connector.plugin.version")?,
            tasks_max: parsed.read("tasks.max")?,
            tasks_max_enforce: parsed.read("tasks.max.enforce")?,
            key_converter: converter("key.converter", &worker.key_converter),
            value_converter: converter("value.converter", &worker.value_converter),
            header_converter: converter("header.converter", &worker.header_converter),
            transforms: Vec::new(),
            reload_action: ReloadAction::from_name(&reload).unwrap_or_default(),
            errors: ErrorHandling {
                // Any negative number means for ever, as in Kafka, which compares the sign only.
                retry_timeout: u64::try_from(retry_timeout).ok().map(Duration::from_millis),
                // Zero or less would leave Kafka's random pause without a bound; here it means no pause.
                retry_delay_max: Duration::from_millis(u64::try_from(retry_delay_max).unwrap_or_default()),
                tolerate: tolerance == "all",
                log_enable: parsed.read("errors.log.enable")?,
                log_include_messages: parsed.read("errors.log.include.messages")?,
            },
            restart: RestartPolicy::default(),
            conversion_parallelism: worker.conversion_parallelism,
            properties: properties.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
