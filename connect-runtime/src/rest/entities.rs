//! What answers look like: Kafka's entities, member by member in Kafka's order.

use std::collections::BTreeMap;

use connect_api::Plugins;
use connect_api::config::{ConfigKey, ConfigValue, Properties};
use connect_api::plugins::{PluginInfo, PluginKind};
use serde::Serialize;

use crate::config::ConfigInfos;
use crate::herder::{ConnectorInfo, ConnectorStatus, ConnectorType};
use crate::loggers::LoggerLevel;
use crate::storage::Status;

#[derive(Serialize)]
pub(super) struct ServerInfo<'a> {
    pub(super) version: &'a str,
    pub(super) commit: &'a str,
    pub(super) kafka_cluster_id: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct WorkerStatus<'a> {
    pub(super) status: &'a str,
    pub(super) message: &'a str,
}

#[derive(Serialize)]
pub(super) struct Message {
    pub(super) message: String,
}

#[derive(Serialize)]
pub(super) struct TaskId {
    connector: String,
    task: usize,
}

#[derive(Serialize)]
pub(super) struct Connector {
    name: String,
    config: BTreeMap<String, String>,
    tasks: Vec<TaskId>,
    #[serde(rename = "type")]
    ty: &'static str,
}

fn type_name(ty: Option<ConnectorType>) -> &'static str {
    ty.map_or("unknown", ConnectorType::as_str)
}

pub(super) fn plain(config: &Properties) -> BTreeMap<String, String> {
    config.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

impl From<ConnectorInfo> for Connector {
    fn from(info: ConnectorInfo) -> Self {
        let task = |task: &usize| TaskId { connector: info.name.clone(), task: *task };
        Self {
            tasks: info.tasks.iter().map(task).collect(),
            config: plain(&info.config),
            ty: type_name(info.ty),
            name: info.name,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Task {
    id: TaskId,
    config: BTreeMap<String, String>,
}

pub(super) fn tasks(connector: &str, configs: &[Properties]) -> Vec<Task> {
    let task = |(task, config): (usize, &Properties)| Task {
        id: TaskId { connector: connector.to_owned(), task },
        config: plain(config),
    };
    configs.iter().enumerate().map(task).collect()
}

#[derive(Serialize)]
pub(super) struct State {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    state: &'static str,
    worker_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
}

#[derive(Serialize)]
pub(super) struct ConnectorState {
    name: String,
    connector: State,
    pub(super) tasks: Vec<State>,
    #[serde(rename = "type")]
    ty: &'static str,
}

/// `version`: that of the connector's plugin here, for a status that has none.
pub(super) fn state(id: Option<usize>, status: Status, version: Option<&str>) -> State {
    State {
        id,
        state: status.state.as_str(),
        worker_id: status.worker_id,
        version: status.version.or_else(|| version.map(str::to_owned)),
        trace: status.trace.filter(|trace| !trace.is_empty()),
    }
}

pub(super) fn connector_state(status: ConnectorStatus, version: Option<&str>) -> ConnectorState {
    ConnectorState {
        name: status.name,
        connector: state(None, status.connector, version),
        tasks: status.tasks.into_iter().map(|(task, status)| state(Some(task), status, version)).collect(),
        ty: type_name(status.ty),
    }
}

#[derive(Serialize)]
pub(super) struct Plugin {
    class: String,
    #[serde(rename = "type")]
    ty: &'static str,
    version: String,
}

/// The kinds of plugins, in the order in which Kafka lists them; the first two are connectors.
pub(super) const KINDS: [PluginKind; 6] = [
    PluginKind::Sink,
    PluginKind::Source,
    PluginKind::Transformation,
    PluginKind::Predicate,
    PluginKind::Converter,
    PluginKind::HeaderConverter,
];

pub(super) fn plugins(plugins: &Plugins, connectors_only: bool) -> Vec<Plugin> {
    let kinds = if connectors_only { &KINDS[..2] } else { &KINDS };
    let entity = |info: &PluginInfo| Plugin {
        class: info.class().to_owned(),
        ty: info.kind.as_str(),
        version: info.version.to_owned(),
    };
    let of_kind = |kind: &PluginKind| {
        let mut list: Vec<Plugin> = plugins.of_kind(*kind).into_iter().map(entity).collect();
        list.sort_by(|a, b| a.class.cmp(&b.class));
        list
    };
    kinds.iter().flat_map(of_kind).collect()
}

#[derive(Serialize)]
pub(super) struct KeyInfo {
    name: String,
    #[serde(rename = "type")]
    ty: &'static str,
    required: bool,
    default_value: Option<String>,
    importance: &'static str,
    documentation: String,
    group: Option<String>,
    order_in_group: i32,
    width: &'static str,
    display_name: String,
    dependents: Vec<String>,
}

impl From<&ConfigKey> for KeyInfo {
    fn from(key: &ConfigKey) -> Self {
        Self {
            name: key.name.clone(),
            ty: key.ty.as_str(),
            required: key.is_required(),
            default_value: key.default_text(),
            importance: key.importance.as_str(),
            documentation: key.documentation.clone(),
            group: key.group.clone(),
            order_in_group: key.order,
            width: key.width.as_str(),
            display_name: key.display_name.clone(),
            dependents: key.dependents.clone(),
        }
    }
}

#[derive(Serialize)]
struct ValueInfo {
    name: String,
    value: Option<String>,
    recommended_values: Vec<String>,
    errors: Vec<String>,
    visible: bool,
}

impl From<&ConfigValue> for ValueInfo {
    fn from(value: &ConfigValue) -> Self {
        Self {
            name: value.name.clone(),
            value: value.value.clone(),
            recommended_values: value.recommended_values.clone(),
            errors: value.error_messages.clone(),
            visible: value.visible,
        }
    }
}

#[derive(Serialize)]
struct Info {
    definition: Option<KeyInfo>,
    value: ValueInfo,
}

#[derive(Serialize)]
pub(super) struct Infos {
    name: String,
    error_count: usize,
    groups: Vec<String>,
    configs: Vec<Info>,
}

impl From<&ConfigInfos> for Infos {
    fn from(infos: &ConfigInfos) -> Self {
        let info = |info: &crate::config::ConfigInfo| Info {
            definition: info.definition.as_ref().map(KeyInfo::from),
            value: ValueInfo::from(&info.value),
        };
        Self {
            name: infos.name.clone(),
            error_count: infos.error_count(),
            groups: infos.groups.clone(),
            configs: infos.configs.iter().map(info).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Logger {
    level: String,
    last_modified: Option<i64>,
}

impl From<LoggerLevel> for Logger {
    fn from(logger: LoggerLevel) -> Self {
        Self { level: logger.level, last_modified: logger.last_modified }
    }
}
