//! [`explain`]: what each stage of a connector makes of one record.
//!
//! A connector's configuration says which transformations and converters a record goes through, and not what comes
//! out. [`explain`] builds exactly the stages that the runtime would build, takes one [`Sample`] through them, and
//! notes for each what it reads, writes, drops and costs. No connector is started and no Kafka is needed.

mod cost;
mod parts;
mod probe;
mod run;
mod sample;
mod show;

use connect_api::config::ConfigDef;
use connect_api::plugins::ConnectorPlugin;
use connect_api::{Error, ErrorKind, Plugins, Properties, Record};

pub use self::sample::Sample;

use crate::config::{
    self, ConfigTransformer, ConnectorConfig, ConverterSpec, Resolved, SinkConnectorConfig,
    SourceConnectorConfig, TopicSelection, WorkerConfig,
};
use crate::error::Result;
use crate::herder::ConnectorType;
use crate::worker::stages;

/// What became of the sample, stage by stage.
///
/// `Display` is a report for a person, [`to_json`](Self::to_json) one for a program. Secrets stand in neither:
/// whatever a config provider answered, and whatever a plugin calls a password, reads `[hidden]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The connector's name.
    pub connector: String,
    /// `connector.class`, as it was configured.
    pub class: String,
    /// Which way the record goes.
    pub kind: ConnectorType,
    /// Where the sample comes from, in words.
    pub sample: String,
    /// The sample: the record that a source polled, or the bytes that Kafka delivered to a sink.
    pub before: Vec<Part>,
    /// The stages in the order in which they run. The last one is where the record was dropped or failed, if it was.
    pub stages: Vec<ExplainedStage>,
    /// What comes out: the bytes for Kafka, or the record for the sink. Empty when it was dropped or failed.
    pub after: Vec<Part>,
}

/// One part of a record: `topic`, `key`, `value.customer.id`, `header.trace`, `value bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// Where it stands. Names with a dot or a backtick are in backticks, as in field paths.
    pub path: String,
    /// Its type: that of its schema (`int32?`, `struct com.example.Order v2`), or of its value without one.
    pub ty: String,
    /// Its value as text; of bytes the text where they are UTF-8, otherwise Base64. Empty for structs and maps, whose
    /// fields are parts of their own.
    pub text: String,
}

/// A part that a stage wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What was there before; `None` for a part that is new.
    pub before: Option<Part>,
    /// What is there now.
    pub after: Part,
}

/// One stage and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExplainedStage {
    /// Kafka's name of the stage: `TRANSFORMATION`, `KEY_CONVERTER`, `VALUE_CONVERTER`, `HEADER_CONVERTER`.
    pub stage: &'static str,
    /// The keys that configure it: `transforms.mask`, `value.converter`.
    pub key: String,
    /// The plugin, as it was configured.
    pub class: String,
    /// The condition of a transformation.
    pub predicate: Option<ExplainedPredicate>,
    /// What became of the record.
    pub outcome: StageOutcome,
    /// The parts that the outcome depends on: a change of any of them changes more than that part. Found by trying.
    pub reads: Vec<String>,
    /// The parts that are new or different.
    pub writes: Vec<Change>,
    /// The parts that are gone.
    pub drops: Vec<String>,
    /// Nanoseconds per record: an estimate, the median of repeated runs on this one record. `None` when it failed.
    pub nanos_per_record: Option<u64>,
}

/// The condition of a transformation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExplainedPredicate {
    /// Its alias in `predicates`.
    pub alias: String,
    /// The plugin, as it was configured.
    pub class: String,
    /// Whether the transformation is applied where it does *not* hold.
    pub negate: bool,
    /// Whether it holds for this record; `None` when it failed.
    pub holds: Option<bool>,
}

/// What became of a record in a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StageOutcome {
    /// It goes on.
    Kept,
    /// Its predicate let it pass by.
    Passed,
    /// It ends here, on purpose.
    Dropped,
    /// The stage refused it.
    Failed {
        /// What was wrong.
        error: String,
        /// The class that Java's Connect throws in this place.
        java_class: &'static str,
        /// What happens to such a record, and what can be done.
        advice: String,
    },
}

impl Explanation {
    /// Whether a stage refused the sample.
    pub fn is_failed(&self) -> bool {
        self.stages.iter().any(|stage| matches!(stage.outcome, StageOutcome::Failed { .. }))
    }
}

/// Takes a sample through the transformations and converters of a connector, as the runtime would.
///
/// `plugins` holds everything that the configuration may name, the stock
/// [converters](crate::converters::register) included. `connector` may have references to the config providers of
/// `worker`; they are resolved.
///
/// # Errors
///
/// A config error that lists everything that is wrong with the configuration, or what is wrong with the sample. A
/// stage that refuses the sample is no error of this call: it is part of the answer.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use connect_api::{Plugins, Properties, SinkRecord};
/// use connect_runtime::config::WorkerConfig;
/// use connect_runtime::explain::{Sample, explain};
///
/// let mut plugins = Plugins::new();
/// connect_runtime::converters::register(&mut plugins);
/// connect_runtime::application::sink(&mut plugins, "Print", |_: Vec<SinkRecord>| async { Ok(()) });
///
/// let worker = WorkerConfig::embedded(&Properties::new())?;
/// let connector = Properties::from([
///     ("name", "orders"),
///     ("connector.class", "Print"),
///     ("topics", "orders"),
///     ("value.converter", "JsonConverter"),
///     ("value.converter.schemas.enable", "false"),
/// ]);
/// let sample = Sample::parse(r#"{"topic": "orders", "value": {"id": 7}}"#)?;
/// let explanation = explain(&plugins, &worker, &connector, &sample).await?;
/// assert_eq!(explanation.stages[1].class, "JsonConverter");
/// let id = explanation.after.iter().find(|part| part.path == "value.id").ok_or("no id")?;
/// assert_eq!((id.ty.as_str(), id.text.as_str()), ("int64", "7"));
/// println!("{explanation}");
/// # Ok(())
/// # }
/// ```
pub async fn explain(
    plugins: &Plugins,
    worker: &WorkerConfig,
    connector: &Properties,
    sample: &Sample,
) -> Result<Explanation> {
    let transformer = ConfigTransformer::new(plugins, worker.properties())?;
    let mut resolved = transformer.resolve(&config::without_providers(connector)).await?;
    let mut infos = config::validate_connector(plugins, worker, &resolved.properties)?;
    resolved.redact_infos(&mut infos);
    infos.into_result()?;
    let plugin =
        plugins.find_connector(resolved.properties.get("connector.class").unwrap_or_default().trim())?;
    hide(&mut resolved, &plugin.config_def());
    hide(&mut resolved, &plugin.task_config_def());
    let explained = match plugin {
        ConnectorPlugin::Source(plugin) => {
            let config = SourceConnectorConfig::parse(&resolved.properties, worker)?.common;
            hide_stages(&mut resolved, plugins, &config);
            source(plugins, &config, sample, || plugin.sample(resolved.properties.clone())).await
        }
        ConnectorPlugin::Sink(_) => {
            let SinkConnectorConfig { common, topics, .. } =
                SinkConnectorConfig::parse(&resolved.properties, worker)?;
            hide_stages(&mut resolved, plugins, &common);
            let topic = match &topics {
                TopicSelection::Topics(topics) => topics.first().map_or("topic", String::as_str),
                TopicSelection::Pattern(_) => "topic",
            };
            sink(plugins, &common, sample, topic).await
        }
    };
    let resolved = resolved.hiding_json_texts();
    match explained {
        Ok(explanation) => Ok(explanation.map_texts(&|text| resolved.redact(text))),
        Err(error) => Err(Error::new(error.kind(), resolved.redact(&error.trace())).into()),
    }
}

fn hide(resolved: &mut Resolved, def: &ConfigDef) {
    let properties = resolved.properties.clone();
    resolved.hide_passwords(&properties, def);
}

/// Declares secret what the plugins of the stages call passwords.
fn hide_stages(resolved: &mut Resolved, plugins: &Plugins, config: &ConnectorConfig) {
    for ConverterSpec { class, properties, .. } in [&config.key_converter, &config.value_converter] {
        if let Ok(plugin) = plugins.find_converter(class) {
            resolved.hide_passwords(properties, &plugin.config_def());
        }
    }
    if let Ok(plugin) = plugins.find_header_converter(&config.header_converter.class) {
        resolved.hide_passwords(&config.header_converter.properties, &plugin.config_def());
    }
    for spec in &config.transforms {
        if let Ok(plugin) = plugins.find_transformation(&spec.class) {
            resolved.hide_passwords(&spec.properties, &plugin.config_def());
        }
        if let Some(predicate) = &spec.predicate
            && let Ok(plugin) = plugins.find_predicate(&predicate.class)
        {
            resolved.hide_passwords(&predicate.properties, &plugin.config_def());
        }
    }
}

async fn source(
    plugins: &Plugins,
    config: &ConnectorConfig,
    sample: &Sample,
    own: impl FnOnce() -> connect_api::plugins::PluginFuture<Option<Record>>,
) -> connect_api::Result<Explanation> {
    let (record, origin) = match sample.record()? {
        Some(record) => (record, sample.origin().to_owned()),
        None => match own().await? {
            Some(record) => (record, format!("a record as {} gives it", config.class)),
            None => (
                sample::made_up_record(),
                format!("made up, since {} does not describe its records", config.class),
            ),
        },
    };
    let run = run::Run::new(config, stages::chain(plugins, config)?, stages::converters(plugins, config)?);
    run.source(record, origin).await
}

async fn sink(
    plugins: &Plugins,
    config: &ConnectorConfig,
    sample: &Sample,
    topic: &str,
) -> connect_api::Result<Explanation> {
    let converters = stages::converters(plugins, config)?;
    let (raw, origin) = match sample.raw(topic)? {
        Some(raw) => (raw, sample.origin().to_owned()),
        None => {
            let origin = format!(
                "made up, written by {} and {}",
                config.key_converter.class, config.value_converter.class
            );
            (sample::made_up_bytes(&converters, topic)?, origin)
        }
    };
    run::Run::new(config, stages::chain(plugins, config)?, converters).sink(raw, origin).await
}

/// An error about what a person handed in.
fn bad_sample(problem: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Config, format!("The sample cannot be used: {problem}"))
}
