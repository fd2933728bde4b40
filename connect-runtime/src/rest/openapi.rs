//! The API as an OpenAPI document, out of one table.

use serde_json::{Value as Json, json};

/// Method, path, summary, what the body is, success codes with what they answer, other codes.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
    &'static [(u16, Option<&'static str>)],
    &'static [u16],
);

const C: &str = "/connectors/{connector}";

/// Every operation. Paths that begin with `~` are below one connector.
#[rustfmt::skip]
const OPERATIONS: &[Row] = &[
    ("get", "/", "The worker's version and the id of its Kafka cluster", None, &[(200, Some("ServerInfo"))], &[]),
    ("get", "/health", "Whether the worker has started", None, &[(200, Some("WorkerStatus")), (503, Some("WorkerStatus"))], &[500]),
    ("get", "/metrics", "Metrics as Prometheus text", None, &[(200, Some("text"))], &[]),
    ("get", "/connectors", "The names of all connectors, or more of them", None, &[(200, Some("Connectors"))], &[]),
    ("post", "/connectors", "Creates a connector", Some("CreateConnectorRequest"), &[(201, Some("ConnectorInfo"))], &[400, 409, 415, 500]),
    ("get", "~", "A connector's configuration and tasks", None, &[(200, Some("ConnectorInfo"))], &[404]),
    ("delete", "~", "Stops a connector and forgets it", None, &[(204, None)], &[404, 409]),
    ("get", "~/config", "A connector's configuration", None, &[(200, Some("Config"))], &[404]),
    ("put", "~/config", "Creates a connector or replaces its configuration", Some("ConnectorConfig"), &[(200, Some("ConnectorInfo")), (201, Some("ConnectorInfo"))], &[400, 409, 415, 500]),
    ("patch", "~/config", "Changes some keys of a connector's configuration; null removes one", Some("ConfigPatch"), &[(200, Some("ConnectorInfo"))], &[400, 404, 409, 415, 500]),
    ("get", "~/status", "How a connector and its tasks are doing", None, &[(200, Some("ConnectorStateInfo"))], &[404]),
    ("get", "~/topics", "The topics that a connector has used", None, &[(200, Some("ActiveTopics"))], &[403]),
    ("put", "~/topics/reset", "Forgets the topics that a connector has used", None, &[(202, None)], &[403]),
    ("post", "~/restart", "Restarts a connector, and its tasks if asked", None, &[(202, Some("ConnectorStateInfo")), (204, None)], &[404, 409, 500]),
    ("put", "~/stop", "Stops a connector and ends its tasks", None, &[(204, None)], &[404, 409]),
    ("put", "~/pause", "Pauses a connector and its tasks", None, &[(202, None)], &[404]),
    ("put", "~/resume", "Goes on after a pause or stop", None, &[(202, None)], &[404]),
    ("get", "~/tasks", "The tasks of a connector with their configurations", None, &[(200, Some("Tasks"))], &[404]),
    ("post", "~/tasks", "Between workers: task configurations of a connector", Some("TaskConfigs"), &[(204, None)], &[400, 403, 404, 409, 415, 500, 503]),
    ("get", "~/tasks/{task}/status", "How a task is doing", None, &[(200, Some("TaskState"))], &[404]),
    ("post", "~/tasks/{task}/restart", "Restarts a task", None, &[(204, None)], &[404, 409, 500]),
    ("put", "~/fence", "Between workers: fences the former tasks of a source connector", None, &[(204, None)], &[400, 403, 404, 409, 500, 503]),
    ("get", "~/offsets", "The committed offsets of a connector", None, &[(200, Some("ConnectorOffsets"))], &[404, 500]),
    ("patch", "~/offsets", "Alters offsets of a stopped connector", Some("AlterOffsets"), &[(200, Some("Message"))], &[400, 404, 409, 415, 500]),
    ("delete", "~/offsets", "Forgets the offsets of a stopped connector", None, &[(200, Some("Message"))], &[400, 404, 409, 500]),
    ("get", "/connector-plugins", "The plugins that are built in", None, &[(200, Some("Plugins"))], &[]),
    ("get", "/connector-plugins/{plugin}/config", "The keys of a plugin", None, &[(200, Some("ConfigKeys"))], &[400, 404]),
    ("put", "/connector-plugins/{plugin}/config/validate", "Checks a configuration key by key", Some("Config"), &[(200, Some("ConfigInfos"))], &[400, 415, 500]),
    ("get", "/admin/loggers", "The log levels", None, &[(200, Some("Loggers"))], &[]),
    ("get", "/admin/loggers/{logger}", "A log level", None, &[(200, Some("Logger"))], &[404]),
    ("put", "/admin/loggers/{logger}", "Sets a log level", Some("LoggerLevel"), &[(200, Some("Names")), (204, None)], &[400, 404, 415, 500]),
];

/// The API as an OpenAPI 3.1 document: what `docs/openapi.json` of this repository holds.
///
/// ```
/// let document = connect_runtime::rest::openapi();
/// assert!(document["paths"]["/connectors"]["post"].is_object());
/// ```
pub fn openapi() -> Json {
    let mut paths = serde_json::Map::new();
    for (method, path, summary, body, answers, errors) in OPERATIONS {
        let path = path.replacen('~', C, 1);
        let mut responses = serde_json::Map::new();
        for (code, schema) in *answers {
            let mut response = json!({"description": describe(*code)});
            if let Some(schema) = schema {
                response["content"] = match *schema {
                    "text" => json!({"text/plain": {"schema": {"type": "string"}}}),
                    name => content(name),
                };
            }
            responses.insert(code.to_string(), response);
        }
        // What any request may be told.
        for code in
            errors.iter().chain(&[404, 405, 406]).filter(|code| !answers.iter().any(|(one, _)| one == *code))
        {
            responses.insert(
                code.to_string(),
                json!({"description": describe(*code), "content": content("ErrorMessage")}),
            );
        }
        let mut operation = json!({
            "summary": summary,
            "operationId": operation_id(method, &path),
            "responses": responses,
        });
        let parameters = parameters_of(method, &path);
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(body) = body {
            operation["requestBody"] = json!({"required": true, "content": content(body)});
        }
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[*method] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Kafka Connect REST API",
            "description": "The REST API of Kafka Connect, as connect-runtime answers it.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": paths,
        "components": {"schemas": schemas()},
    })
}

fn content(schema: &str) -> Json {
    json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}})
}

fn describe(code: u16) -> &'static str {
    match code {
        200 => "Done",
        201 => "Created",
        202 => "Accepted; it is being done",
        204 => "Done, nothing to say",
        400 => "The request is wrong",
        403 => "The worker is configured not to do this, or the signature is wrong",
        404 => "There is no such thing",
        405 => "Not with this method",
        406 => "Answers are JSON",
        409 => "It exists, or the workers are rebalancing; try again",
        415 => "Bodies are JSON",
        503 => "The worker is starting",
        _ => "The body cannot be read, or the request failed",
    }
}

fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_owned();
    for word in path.split(['/', '-', '{', '}']).filter(|word| !word.is_empty()) {
        id.push('_');
        id.push_str(word);
    }
    id
}

fn parameters_of(method: &str, path: &str) -> Vec<Json> {
    let query =
        |name: &str, schema: Json| json!({"name": name, "in": "query", "required": false, "schema": schema});
    // As in Kafka, whatever a parameter says is taken: anything but `true` is false, what is unknown has no effect.
    let flag = |default: &str| json!({"type": "string", "default": default, "description": "`true`; anything else is false"});
    let mut parameters: Vec<Json> = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            let schema = match name {
                "task" => json!({"type": "integer", "format": "int32"}),
                _ => json!({"type": "string", "minLength": 1}),
            };
            json!({"name": name, "in": "path", "required": true, "schema": schema})
        })
        .collect();
    match (method, path) {
        ("get", "/connectors") => parameters.push(query(
            "expand",
            json!({"type": "array", "items": {"type": "string"}, "description": "`status`, `info` or both; what else is named has no effect"}),
        )),
        ("post", path) if path.ends_with("}/restart") && !path.contains("{task}") => {
            parameters.push(query("includeTasks", flag("false")));
            parameters.push(query("onlyFailed", flag("false")));
        }
        ("get", "/connector-plugins") => {
            parameters.push(query("connectorsOnly", flag("true")));
        }
        ("get", path) if path.starts_with("/connector-plugins/") => {
            parameters.push(query("version", json!({"type": "string", "default": "latest"})));
        }
        ("put", "/admin/loggers/{logger}") => {
            parameters.push(query(
                "scope",
                json!({"type": "string", "default": "worker", "description": "`worker` or `cluster`; anything else is `worker`"}),
            ));
        }
        _ => {}
    }
    parameters
}

fn schemas() -> Json {
    let text = || json!({"type": "string"});
    let nullable = || json!({"type": ["string", "null"]});
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let list = |name: &str| json!({"type": "array", "items": reference(name)});
    let state = || json!({"type": "string", "enum": ["UNASSIGNED", "RUNNING", "PAUSED", "FAILED", "RESTARTING", "STOPPED", "DESTROYED"]});
    let kind = || json!({"type": "string", "enum": ["source", "sink", "unknown"]});
    let object = |properties: Json, optional: &[&str]| {
        let required: Vec<&String> = properties
            .as_object()
            .into_iter()
            .flat_map(|all| all.keys())
            .filter(|key| !optional.contains(&key.as_str()))
            .collect();
        json!({"type": "object", "properties": properties.clone(), "required": required})
    };
    json!({
        "ErrorMessage": object(json!({"error_code": {"type": "integer"}, "message": nullable()}), &[]),
        "Message": object(json!({"message": text()}), &[]),
        "ServerInfo": object(json!({"version": text(), "commit": text(), "kafka_cluster_id": nullable()}), &[]),
        "WorkerStatus": object(json!({"status": text(), "message": text()}), &[]),
        "Config": {"type": "object", "additionalProperties": {"type": "string"}},
        "ConnectorConfig": {
            "type": "object", "properties": {"connector.class": text()}, "required": ["connector.class"],
            "additionalProperties": {"type": "string"},
        },
        "ConfigPatch": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        "TaskConfigs": list("Config"),
        "Connectors": {"oneOf": [texts(), {"type": "object", "additionalProperties": {"type": "object", "properties": {
            "info": reference("ConnectorInfo"), "status": reference("ConnectorStateInfo"),
        }}}]},
        "CreateConnectorRequest": object(json!({
            "name": text(), "config": reference("ConnectorConfig"),
            "initial_state": {"type": "string", "enum": ["RUNNING", "PAUSED", "STOPPED"]},
        }), &["initial_state"]),
        "ConnectorTaskId": object(json!({"connector": text(), "task": {"type": "integer"}}), &[]),
        "ConnectorInfo": object(json!({
            "name": text(), "config": reference("Config"), "tasks": list("ConnectorTaskId"), "type": kind(),
        }), &[]),
        "Tasks": {"type": "array", "items": object(json!({"id": reference("ConnectorTaskId"), "config": reference("Config")}), &[])},
        "ConnectorState": object(json!({"state": state(), "worker_id": text(), "version": text(), "trace": text()}), &["version", "trace"]),
        "TaskState": object(json!({
            "id": {"type": "integer"}, "state": state(), "worker_id": text(), "version": text(), "trace": text(),
        }), &["version", "trace"]),
        "ConnectorStateInfo": object(json!({
            "name": text(), "connector": reference("ConnectorState"), "tasks": list("TaskState"), "type": kind(),
        }), &[]),
        "ActiveTopics": {"type": "object", "additionalProperties": object(json!({"topics": texts()}), &[])},
        "ConnectorOffset": object(json!({"partition": {"type": ["object", "null"]}, "offset": {"type": ["object", "null"]}}), &[]),
        "ConnectorOffsets": object(json!({"offsets": list("ConnectorOffset")}), &[]),
        "AlterOffsets": object(json!({"offsets": {"type": "array", "minItems": 1, "items": reference("ConnectorOffset")}}), &[]),
        "Plugins": {"type": "array", "items": object(json!({"class": text(), "type": text(), "version": text()}), &["version"])},
        "ConfigKey": object(json!({
            "name": text(), "type": text(), "required": {"type": "boolean"}, "default_value": nullable(),
            "importance": text(), "documentation": nullable(), "group": nullable(),
            "order_in_group": {"type": "integer"}, "width": text(), "display_name": nullable(), "dependents": texts(),
        }), &[]),
        "ConfigKeys": list("ConfigKey"),
        "ConfigValue": object(json!({
            "name": text(), "value": nullable(), "recommended_values": texts(), "errors": texts(),
            "visible": {"type": "boolean"},
        }), &[]),
        "ConfigInfos": object(json!({
            "name": text(), "error_count": {"type": "integer"}, "groups": texts(),
            "configs": {"type": "array", "items": object(json!({
                "definition": {"oneOf": [reference("ConfigKey"), {"type": "null"}]}, "value": reference("ConfigValue"),
            }), &[])},
        }), &[]),
        "Logger": object(json!({"level": text(), "last_modified": {"type": ["integer", "null"]}}), &[]),
        "Loggers": {"type": "object", "additionalProperties": reference("Logger")},
        "LoggerLevel": object(json!({"level": {"type": "string", "enum": ["OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL"]}}), &[]),
        "Names": texts(),
    })
}
