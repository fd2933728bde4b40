//! The operations, one module per group.

mod config;
mod converters;
mod registry;
mod topic;
mod transforms;
mod values;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};

use connect_api::plugins::{PluginInfo, PluginKind};
use connect_api::{Plugins, Properties};
use connect_runtime::config::WorkerConfig;

use crate::Json;
use crate::failure::{Answer, Failure, Thrown, bad_case, thrown};

/// Answers cases, one after the other.
#[derive(Debug)]
pub struct Program {
    plugins: Plugins,
    /// What connector configurations are validated against; made by the first case that needs it.
    worker: Option<WorkerConfig>,
}

impl Default for Program {
    fn default() -> Self {
        Self::new()
    }
}

impl Program {
    /// With all the plugins of this repository that have a counterpart in Java.
    pub fn new() -> Self {
        let mut plugins = Plugins::new();
        connect_runtime::converters::register(&mut plugins);
        connect_runtime::config::providers::register(&mut plugins);
        connect_transforms::register(&mut plugins);
        connect_file::register(&mut plugins);
        plugins.claim_version(KAFKA);
        Self { plugins, worker: None }
    }

    /// Answers one line. Whatever the line is, there is an answer: a panic is an error of the class `panic`.
    pub fn answer(&mut self, line: &str) -> Json {
        let mut answer = Json::Object(Vec::new());
        let case = match Json::parse(line) {
            Ok(case) => case,
            Err(error) => {
                answer.set("bad_case", error);
                return answer;
            }
        };
        if let Some(id) = case.get("id") {
            answer.set("id", id.clone());
        }
        let result = catch_unwind(AssertUnwindSafe(|| self.run(&case)));
        match result.unwrap_or_else(|panic| Err(Thrown::new("panic", panic_text(&*panic)).into())) {
            Ok(ok) => answer.set("ok", ok),
            Err(Failure::Thrown(thrown)) => answer.set("error", thrown.with_linked_maps().to_json()),
            Err(Failure::BadCase(message)) => answer.set("bad_case", message),
            Err(Failure::Skip(why)) => answer.set("skip", why),
        }
        answer
    }

    fn run(&mut self, case: &Json) -> Answer {
        let op = case.text("op").unwrap_or_else(|| "null".to_owned());
        match op.as_str() {
            "transform" => transforms::transform(self, case),
            "predicate" => transforms::predicate(self, case),
            "to_connect" | "from_connect" => converters::converter(self, case, op == "to_connect"),
            "header_to_connect" | "header_from_connect" => {
                converters::header_converter(self, case, op == "header_to_connect")
            }
            "registry_from_connect" | "registry_to_connect" | "registry_round_trip" => {
                registry::run(case, &op)
            }
            "values_parse" => values::parse(case),
            "values_convert" => values::convert(case),
            "values_infer" => values::infer(case),
            "project" => values::project(case),
            "schema_equal" => values::equal(case),
            "schema_text" => values::text(case),
            "validate_value" => values::validate(case),
            "configdef" => config::configdef(self, case),
            "config_parse" => config::parse(self, case),
            "validate" => config::validate(self, case),
            "group_metadata" => wire::metadata(case),
            "group_metadata_decode" => wire::metadata_decode(case),
            "group_assignment" => wire::assignment(case),
            "group_assignment_decode" => wire::assignment_decode(case),
            "offset_file" => wire::offset_file(case),
            "offset_file_decode" => wire::offset_file_decode(case),
            "dump_topic" => topic::dump(case),
            other => bad_case(format!("unknown op {other}")),
        }
    }

    /// The plugin of a kind that a case names by its Java class, whose package may be left out.
    fn find(&self, case: &Json, or: &str, kind: PluginKind) -> Answer<String> {
        let name = match case.get("class") {
            Some(Json::Null) => "null".to_owned(),
            Some(class) => class.as_text(),
            None => or.to_owned(),
        };
        let has = |info: &&PluginInfo, class: &str| info.aliases.contains(&class);
        for package in PACKAGES {
            let class = format!("{package}{name}");
            if self.plugins.of_kind(kind).iter().any(|info| has(info, &class)) {
                return Ok(class);
            }
            if self.plugins.iter().any(|info| has(&info, &format!("{class}$Value"))) {
                // What the two variants have in common is an abstract class.
                let thrown = Thrown::new("java.lang.InstantiationException", "");
                return Err(Thrown { message: None, ..thrown }.into());
            }
            if self.plugins.iter().any(|info| has(&info, &class)) {
                let wanted = interface(kind);
                let modules = format!("{class} and {wanted} are in unnamed module of loader 'app'");
                let message = format!("class {class} cannot be cast to class {wanted} ({modules})");
                return thrown("java.lang.ClassCastException", message);
            }
        }
        bad_case(format!("no class {name}"))
    }
}

/// Where a class is looked for.
const PACKAGES: [&str; 13] = [
    "",
    "org.apache.kafka.connect.transforms.",
    "org.apache.kafka.connect.transforms.predicates.",
    "org.apache.kafka.connect.converters.",
    "org.apache.kafka.connect.storage.",
    "org.apache.kafka.connect.json.",
    "org.apache.kafka.connect.file.",
    "org.apache.kafka.connect.mirror.",
    "org.apache.kafka.connect.runtime.",
    "org.apache.kafka.connect.runtime.distributed.",
    "org.apache.kafka.connect.runtime.standalone.",
    "org.apache.kafka.connect.runtime.errors.",
    "org.apache.kafka.common.config.provider.",
];

fn interface(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Source => "org.apache.kafka.connect.source.SourceConnector",
        PluginKind::Sink => "org.apache.kafka.connect.sink.SinkConnector",
        PluginKind::Converter => "org.apache.kafka.connect.storage.Converter",
        PluginKind::HeaderConverter => "org.apache.kafka.connect.storage.HeaderConverter",
        PluginKind::Transformation => "org.apache.kafka.connect.transforms.Transformation",
        PluginKind::Predicate => "org.apache.kafka.connect.transforms.predicates.Predicate",
        PluginKind::ConfigProvider => "org.apache.kafka.common.config.provider.ConfigProvider",
    }
}

/// The release that the plugins stand in for, which is what they say their version is.
const KAFKA: &str = "4.3.1";

/// The configuration of a case.
fn properties(case: &Json) -> Properties {
    members(case.get("config"))
}

/// Members as properties. A property is a text here: one that is null counts as not there.
fn members(json: Option<&Json>) -> Properties {
    let members = json.map(Json::members).unwrap_or_default();
    let set = members.iter().filter(|(_, value)| *value != Json::Null);
    set.map(|(key, value)| (key.clone(), value.as_text())).collect()
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
