//! The operations: read the request, call the herder once, write the answer.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use connect_api::config::{ConfigValue, Properties};
use serde::Serialize;

use super::body::{self, CreateRequest, NullableMap};
use super::entities;
use super::error::{Failure, Refusal};
use super::operation::{Resource, encode};
use crate::config::{ConfigInfo, ConfigInfos};
use crate::error::Error;
use crate::herder::{Herder, Restart};
use crate::loggers::Loggers;
use crate::task::control::TargetState;
use crate::wire::request_signature::{ALGORITHM_HEADER, RequestSignature, SIGNATURE_HEADER};
use crate::worker::offsets::ConnectorOffsets;

/// A request, taken apart.
pub(super) struct Call<'a> {
    pub(super) herder: &'a dyn Herder,
    pub(super) resource: &'a Resource,
    pub(super) method: &'a str,
    pub(super) parameters: &'a [(String, String)],
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Bytes,
    /// What an absolute address of a connector begins with.
    pub(super) base: String,
}

/// What an operation answers.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Option<String>,
    pub(super) content_type: &'static str,
    pub(super) location: Option<String>,
}

type Answered = Result<Answer, Refusal>;

fn json(status: StatusCode, entity: &impl Serialize) -> Answered {
    let body = serde_json::to_string(entity)
        .map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(Answer { status, body: Some(body), content_type: "application/json", location: None })
}

fn ok(entity: &impl Serialize) -> Answered {
    json(StatusCode::OK, entity)
}

fn empty(status: StatusCode) -> Answered {
    Ok(Answer { status, body: None, content_type: "application/json", location: None })
}

/// Says what Kafka says where something is missing.
fn missing(text: impl Into<String>) -> impl FnOnce(Error) -> Refusal {
    let text = text.into();
    move |error| match error {
        Error::NotFound(_) => Failure::new(StatusCode::NOT_FOUND, text).into(),
        other => other.into(),
    }
}

fn bad_request(message: impl Into<String>) -> Refusal {
    Failure::new(StatusCode::BAD_REQUEST, message).into()
}

impl Call<'_> {
    pub(super) async fn perform(self) -> Answered {
        let herder = self.herder;
        match (self.resource, self.method) {
            (Resource::Root, _) => ok(&entities::ServerInfo {
                version: env!("CARGO_PKG_VERSION"),
                commit: option_env!("CONNECT_COMMIT").unwrap_or("unknown"),
                kafka_cluster_id: herder.kafka_cluster_id(),
            }),
            (Resource::Health, _) => self.health().await,
            (Resource::Metrics, _) => Ok(Answer {
                status: StatusCode::OK,
                body: Some(herder.metrics().prometheus()),
                content_type: "text/plain; version=0.0.4",
                location: None,
            }),
            (Resource::Connectors, "POST") => self.create().await,
            (Resource::Connectors, _) => self.list(),
            (Resource::Connector(name), "DELETE") => {
                herder.delete_connector(name).await?;
                empty(StatusCode::NO_CONTENT)
            }
            (Resource::Connector(name), _) => ok(&entities::Connector::from(herder.connector_info(name)?)),
            (Resource::Config(name), "PUT") => self.put_config(name).await,
            (Resource::Config(name), "PATCH") => self.patch_config(name).await,
            (Resource::Config(name), _) => ok(&entities::plain(&herder.connector_info(name)?.config)),
            (Resource::Status(name), _) => {
                let status = herder.connector_status(name);
                let status = status.map_err(missing(format!("No status found for connector {name}")))?;
                ok(&entities::connector_state(status, self.version(name)))
            }
            (Resource::Topics(name), _) => {
                let topics = BTreeMap::from([("topics", herder.active_topics(name)?)]);
                ok(&BTreeMap::from([(name, topics)]))
            }
            (Resource::ResetTopics(name), _) => {
                herder.reset_active_topics(name).await?;
                empty(StatusCode::ACCEPTED)
            }
            (Resource::Restart(name), _) => self.restart(name).await,
            (Resource::Stop(name), _) => {
                self.target(name, TargetState::Stopped).await?;
                empty(StatusCode::NO_CONTENT)
            }
            (Resource::Pause(name), _) => {
                self.target(name, TargetState::Paused).await?;
                empty(StatusCode::ACCEPTED)
            }
            (Resource::Resume(name), _) => {
                self.target(name, TargetState::Started).await?;
                empty(StatusCode::ACCEPTED)
            }
            (Resource::Tasks(name), "POST") => self.put_tasks(name).await,
            (Resource::Tasks(name), _) => ok(&entities::tasks(name, &herder.task_configs(name)?)),
            (Resource::TaskStatus(name, task), _) => self.task_status(name, *task),
            (Resource::RestartTask(name, task), _) => {
                let number = usize::try_from(*task).map_err(|_| {
                    Failure::new(StatusCode::NOT_FOUND, format!("Task {name}-{task} not found"))
                })?;
                herder.restart_task(name, number).await?;
                empty(StatusCode::NO_CONTENT)
            }
            (Resource::Offsets(name), method) => self.offsets(name, method).await,
            (Resource::Fence(name), _) => {
                herder.fence_zombie_source_tasks(name, self.signature()?).await?;
                empty(StatusCode::NO_CONTENT)
            }
            (Resource::Plugins, _) => {
                let connectors_only = self.flag("connectorsOnly", true);
                ok(&entities::plugins(herder.plugins(), connectors_only))
            }
            (Resource::PluginConfig(plugin), _) => super::plugins::keys(
                herder.plugins(),
                plugin,
                self.parameter("version").filter(|version| !version.is_empty()),
            )
            .and_then(|keys| ok(&keys)),
            (Resource::Validate(plugin), _) => self.validate(plugin).await,
            (Resource::Loggers, _) => {
                let all = herder.loggers().map(Loggers::all).unwrap_or_default();
                let all: BTreeMap<_, _> =
                    all.into_iter().map(|(name, level)| (name, entities::Logger::from(level))).collect();
                ok(&all)
            }
            (Resource::Logger(logger), "PUT") => self.put_logger(logger).await,
            (Resource::Logger(logger), _) => match herder.loggers().and_then(|loggers| loggers.get(logger)) {
                Some(level) => ok(&entities::Logger::from(level)),
                None => {
                    Err(Failure::new(StatusCode::NOT_FOUND, format!("Logger {logger} not found.")).into())
                }
            },
        }
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A truth value as Java reads it: anything but `true` is false.
    fn flag(&self, name: &str, default: bool) -> bool {
        self.parameter(name).map_or(default, |value| value.eq_ignore_ascii_case("true"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn signature(&self) -> Result<Option<RequestSignature>, Refusal> {
        let (mac, algorithm) = (self.header(SIGNATURE_HEADER), self.header(ALGORITHM_HEADER));
        Ok(RequestSignature::from_headers(self.body.clone(), mac, algorithm)?)
    }

    /// The version of the plugin of a connector.
    fn version(&self, connector: &str) -> Option<&'static str> {
        let info = self.herder.connector_info(connector).ok()?;
        let class = info.config.get("connector.class")?;
        self.herder.plugins().find_connector(class.trim()).ok().map(|plugin| plugin.info().version)
    }

    async fn health(&self) -> Answered {
        let status = |status, message| entities::WorkerStatus { status, message };
        match self.herder.health_check().await {
            Ok(()) => {
                let message = "Worker has completed startup and is ready to handle requests.";
                ok(&status("healthy", message))
            }
            Err(error) => {
                let message = format!("Worker is still starting up. {error}");
                json(StatusCode::SERVICE_UNAVAILABLE, &status("starting", &message))
            }
        }
    }

    fn list(&self) -> Answered {
        let wanted: Vec<&str> = self
            .parameters
            .iter()
            .filter(|(name, _)| name == "expand")
            .map(|(_, value)| value.as_str())
            .collect();
        let names = self.herder.connectors();
        if wanted.is_empty() {
            return ok(&names);
        }
        #[derive(Serialize)]
        struct Expanded {
            #[serde(skip_serializing_if = "Option::is_none")]
            info: Option<entities::Connector>,
            #[serde(skip_serializing_if = "Option::is_none")]
            status: Option<entities::ConnectorState>,
        }
        let mut all = BTreeMap::new();
        for name in names {
            let (mut info, mut status) = (None, None);
            // One that vanished meanwhile is left out.
            if wanted.contains(&"info") {
                let Ok(known) = self.herder.connector_info(&name) else { continue };
                info = Some(known.into());
            }
            if wanted.contains(&"status") {
                let Ok(known) = self.herder.connector_status(&name) else { continue };
                status = Some(entities::connector_state(known, self.version(&name)));
            }
            all.insert(name, Expanded { info, status });
        }
        ok(&all)
    }

    async fn create(&self) -> Answered {
        let CreateRequest { name, config, initial_state } =
            CreateRequest::read(&body::required(&self.body)?)?;
        let config = self.checked(&name, config).await?;
        self.herder.put_connector(&name, config, initial_state, false).await?;
        self.created(&name)
    }

    fn created(&self, name: &str) -> Answered {
        let info = entities::Connector::from(self.herder.connector_info(name)?);
        let mut answer = json(StatusCode::CREATED, &info)?;
        answer.location = Some(format!("{}/connectors/{}", self.base, encode(name)));
        Ok(answer)
    }

    async fn put_config(&self, name: &str) -> Answered {
        let config = body::map(&body::required(&self.body)?)?;
        let config = self.checked(name, config).await?;
        match self.herder.put_connector(name, config, None, true).await? {
            true => self.created(name),
            false => ok(&entities::Connector::from(self.herder.connector_info(name)?)),
        }
    }

    async fn patch_config(&self, name: &str) -> Answered {
        let patch = body::map(&body::required(&self.body)?)?;
        if patch.get("name") == Some(&None) {
            return Err(bad_request(NO_NAME));
        }
        self.herder.patch_connector(name, patch).await?;
        ok(&entities::Connector::from(self.herder.connector_info(name)?))
    }

    /// What a configuration must be before the herder sees it: its name is that of the request, its class exists, and
    /// it holds no `null`.
    async fn checked(&self, name: &str, config: NullableMap) -> Result<Properties, Refusal> {
        if let Some(Some(other)) = config.get("name")
            && other != name
        {
            return Err(bad_request(format!(
                "Connector name configuration ({other}) doesn't match connector name in the URL ({name})"
            )));
        }
        let (mut properties, nulls) = without_nulls(config);
        properties.insert("name", name);
        super::plugins::connector(self.herder.plugins(), &properties).map_err(bad_request)?;
        if !nulls.is_empty() {
            let infos = self.validated(&properties, &nulls).await?;
            infos.into_result().map_err(Error::from)?;
        }
        Ok(properties)
    }

    /// The answer of a validation, with what is wrong with keys that are `null`.
    async fn validated(&self, properties: &Properties, nulls: &[String]) -> Result<ConfigInfos, Refusal> {
        let mut infos = self.herder.validate(properties).await?;
        let class = properties.get("connector.class").unwrap_or_default();
        let own = self.herder.plugins().find_connector(class.trim()).map(|plugin| plugin.config_def());
        for key in nulls {
            let place = infos.configs.iter_mut().find(|config| config.value.name == *key);
            // As in Kafka, `null` is no error for a key of the connector itself.
            let known_to_connector = own.as_ref().is_ok_and(|def| def.key(key).is_some());
            match place {
                Some(config) => {
                    config.value.error_messages.clear();
                    config.value.value = None;
                    if !known_to_connector {
                        config.value.add_error(NULL_VALUE);
                    }
                }
                None => {
                    let value = ConfigValue::new(key).with_error(NULL_VALUE);
                    infos.configs.push(ConfigInfo { definition: None, value });
                }
            }
        }
        Ok(infos)
    }

    async fn validate(&self, plugin: &str) -> Answered {
        let (properties, nulls) = without_nulls(body::map(&body::required(&self.body)?)?);
        if let Some(class) = properties.get("connector.class") {
            let stem = |name: &str| name.strip_suffix("Connector").unwrap_or(name).to_owned();
            if !stem(class.trim()).ends_with(&stem(plugin)) {
                return Err(bad_request(format!(
                    "Included connector type {class} does not match request type {plugin}"
                )));
            }
        }
        super::plugins::connector(self.herder.plugins(), &properties).map_err(|message| {
            let class = "org.apache.kafka.connect.runtime.rest.errors.BadRequestException";
            Failure::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{class}: {message}"))
        })?;
        ok(&entities::Infos::from(&self.validated(&properties, &nulls).await?))
    }

    async fn target(&self, name: &str, state: TargetState) -> Result<(), Refusal> {
        let set = self.herder.set_target_state(name, state).await;
        match set {
            // The request is taken; that the connector does not come up stands in its status.
            Err(Error::Plugin(_)) => Ok(()),
            other => other.map_err(missing(format!("Unknown connector {name}"))),
        }
    }

    async fn restart(&self, name: &str) -> Answered {
        let what = Restart {
            include_tasks: self.flag("includeTasks", false),
            only_failed: self.flag("onlyFailed", false),
        };
        let plan = self.herder.restart_connector(name, what).await;
        let plan = plan.map_err(missing(format!("Unknown connector: {name}")))?;
        if what == Restart::default() {
            return empty(StatusCode::NO_CONTENT);
        }
        json(StatusCode::ACCEPTED, &entities::connector_state(plan, self.version(name)))
    }

    fn task_status(&self, name: &str, task: i32) -> Answered {
        let text = format!("No status found for task {name}-{task}");
        let status = self.herder.connector_status(name).map_err(missing(&text))?;
        let found = status.tasks.into_iter().find(|(number, _)| i32::try_from(*number) == Ok(task));
        match found {
            Some((number, status)) => ok(&entities::state(Some(number), status, self.version(name))),
            None => Err(Failure::new(StatusCode::NOT_FOUND, text).into()),
        }
    }

    async fn put_tasks(&self, name: &str) -> Answered {
        let configs = body::maps(&self.body)?;
        let configs = configs.into_iter().map(|config| without_nulls(config).0).collect();
        self.herder.put_task_configs(name, configs, self.signature()?).await?;
        empty(StatusCode::NO_CONTENT)
    }

    async fn offsets(&self, name: &str, method: &str) -> Answered {
        let message = match method {
            "PATCH" => {
                let json = body::required(&self.body)?;
                body::offsets(&json)?;
                let offsets = ConnectorOffsets::from_json(&json)?;
                self.herder.alter_connector_offsets(name, offsets).await?
            }
            "DELETE" => self.herder.reset_connector_offsets(name).await?,
            _ => return ok(&self.herder.connector_offsets(name).await?.to_json()),
        };
        ok(&entities::Message { message })
    }

    async fn put_logger(&self, logger: &str) -> Answered {
        let levels = body::map(&body::required(&self.body)?)?;
        let Some(Some(level)) = levels.get("level") else {
            return Err(bad_request("Desired 'level' parameter was not specified in request."));
        };
        if !Loggers::is_level(level) {
            let message = format!("invalid log level '{level}'.");
            return Err(Failure::new(StatusCode::NOT_FOUND, message).into());
        }
        let scope = self.parameter("scope").unwrap_or("worker");
        if scope.eq_ignore_ascii_case("cluster") {
            self.herder.set_cluster_log_level(logger, level).await?;
            return empty(StatusCode::NO_CONTENT);
        }
        if !scope.eq_ignore_ascii_case("worker") {
            tracing::warn!(scope, "there is no such scope of log levels; the level is set on this worker");
        }
        ok(&self.herder.loggers().map(|loggers| loggers.set(logger, level)).unwrap_or_default())
    }
}

const NO_NAME: &str = "Connector configuration is invalid and contains the following 1 error(s):\nMissing required configuration \
     \"name\" which has no default value.\nYou can also find the above list of errors at the endpoint \
     `/connector-plugins/{connectorType}/config/validate`";
const NULL_VALUE: &str = "Null value can not be supplied as the configuration value.";

fn without_nulls(config: NullableMap) -> (Properties, Vec<String>) {
    let (mut properties, mut nulls) = (Properties::new(), Vec::new());
    for (key, value) in config {
        match value {
            Some(value) => drop(properties.insert(key, value)),
            None => nulls.push(key),
        }
    }
    (properties, nulls)
}
