//! `connect-worker docs`: the reference pages of the book, from the same definitions that check configurations.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use connect_api::config::ConfigDef;
use connect_api::plugins::PluginKind;
use connect_runtime::config::{SinkConnectorConfig, SourceConnectorConfig, WorkerConfig};
use connect_runtime::{MetricKind, metric_templates, rest};

use crate::plugins::{Described, all, of_kind};
use crate::{examples, output};

/// Writes the pages.
pub(crate) fn run(directory: &Path) -> ExitCode {
    match write(directory) {
        Ok(count) => {
            output::print_and_end(format_args!("{count} pages written to {}\n", directory.display()))
        }
        Err(error) => {
            eprintln!("{}: {error}", directory.display());
            ExitCode::FAILURE
        }
    }
}

fn write(directory: &Path) -> io::Result<usize> {
    fs::create_dir_all(directory)?;
    let pages = pages();
    for (name, text) in &pages {
        fs::write(directory.join(format!("{name}.md")), text)?;
    }
    Ok(pages.len())
}

fn pages() -> Vec<(&'static str, String)> {
    let frameworks = [
        (
            "worker",
            "Worker keys",
            "What a standalone worker is told. Settings of its Kafka clients stand below `producer.`, `consumer.` and \
             `admin.`; an embedded worker has defaults for the keys that must be set.",
            WorkerConfig::standalone_def(),
            Some(WorkerConfig::standalone_extension_def()),
        ),
        (
            "source-connectors",
            "Source connector keys",
            "What every source connector understands besides its own keys.",
            SourceConnectorConfig::def(),
            Some(SourceConnectorConfig::extension_def()),
        ),
        (
            "sink-connectors",
            "Sink connector keys",
            "What every sink connector understands besides its own keys.",
            SinkConnectorConfig::def(),
            Some(SinkConnectorConfig::extension_def()),
        ),
    ];
    let page = |(name, title, about, def, ours): &(_, &str, &str, ConfigDef, Option<ConfigDef>)| {
        let mut text = format!("# {title}\n\n{about}\n\n{}", def.to_markdown(2));
        if let Some(ours) = ours {
            text.push_str(
                "\n## Keys that Kafka does not have\n\nAll of them are off unless they are set.\n\n",
            );
            text.push_str(&ours.to_markdown(3));
        }
        (*name, text)
    };
    let mut pages: Vec<(&'static str, String)> = frameworks.iter().map(page).collect();
    pages.push(("rest", calls()));
    pages.push(("metrics", metrics()));
    let plugins = all();
    pages.extend(PluginKind::ALL.into_iter().map(|kind| {
        let (name, title) = page_of(kind);
        let mut text = format!("# {title}\n");
        for plugin in of_kind(&plugins, kind) {
            text.push_str(&section(&plugin));
        }
        (name, text)
    }));
    pages
}

/// The calls of the REST API, out of its OpenAPI document.
fn calls() -> String {
    let mut text = "# REST calls\n\nThe calls of Kafka Connect's REST API. Bodies are JSON; errors are `{\"error_code\": 404, \
                    \"message\": \"…\"}`. Every call may also be answered with 404 for an unknown path, 405 for another method and \
                    406 for a client that does not accept JSON.\nA connector's name in a path is percent-encoded.\n\n\
                    `docs/openapi.json` is the same for programs, and says what bodies look like.\n\n\
                    | call | what it does | parameters | success | errors |\n| --- | --- | --- | --- | --- |\n"
        .to_owned();
    let document = rest::openapi();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let codes = |wanted: fn(&str) -> bool| {
                let responses = operation["responses"].as_object().into_iter().flat_map(|all| all.keys());
                responses.map(String::as_str).filter(|code| wanted(code)).collect::<Vec<_>>().join(", ")
            };
            let parameters: Vec<_> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "query")
                .filter_map(|parameter| Some(format!("`{}`", parameter["name"].as_str()?)))
                .collect();
            text.push_str(&format!(
                "| `{} {path}` | {} | {} | {} | {} |\n",
                method.to_uppercase(),
                operation["summary"].as_str().unwrap_or_default(),
                parameters.join(", "),
                codes(|code| code.starts_with('2')),
                codes(|code| !code.starts_with('2') && !["404", "405", "406"].contains(&code)),
            ));
        }
    }
    text
}

/// Every metric that a worker may have.
fn metrics() -> String {
    let mut text = "# Metrics\n\nGroups and names are Kafka's, but for the group `connect`, which Kafka does not have. Counts \
                    begin anew when a task is restarted.\n"
        .to_owned();
    let mut section = None;
    for metric in metric_templates() {
        if section != Some((metric.group, metric.tags)) {
            section = Some((metric.group, metric.tags));
            let by = if metric.tags.is_empty() {
                String::new()
            } else {
                format!(", by {}", metric.tags.join(", "))
            };
            text.push_str(&format!(
                "\n## `{}`{by}\n\n| name | kind | meaning | in Prometheus |\n| --- | --- | --- | --- |\n",
                metric.group
            ));
        }
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Text => "text",
            MetricKind::Histogram => "histogram",
            _ => "number",
        };
        text.push_str(&format!(
            "| `{}` | {kind} | {} | `{}` |\n",
            metric.name,
            metric.help,
            metric.prometheus_name()
        ));
    }
    text
}

fn page_of(kind: PluginKind) -> (&'static str, &'static str) {
    match kind {
        PluginKind::Source => ("sources", "Sources"),
        PluginKind::Sink => ("sinks", "Sinks"),
        PluginKind::Converter => ("converters", "Converters"),
        PluginKind::HeaderConverter => ("header-converters", "Header converters"),
        PluginKind::Transformation => ("transformations", "Transformations"),
        PluginKind::Predicate => ("predicates", "Predicates"),
        PluginKind::ConfigProvider => ("config-providers", "Config providers"),
    }
}

fn section(Described { info, def }: &Described) -> String {
    let mut text = format!("\n## `{}`\n", info.name);
    for alias in &info.aliases {
        text.push_str(&format!("\nJava class: `{alias}`\n"));
    }
    text.push_str(&examples::markdown(info.kind, info.name));
    text.push_str(&match keys(def) {
        keys if keys.is_empty() => "\nIt has no configuration keys.\n".to_owned(),
        keys => format!("\n{keys}"),
    });
    text
}

fn keys(def: &ConfigDef) -> String {
    def.to_markdown(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plugin_has_a_section_and_every_key_a_heading() {
        let pages = pages();
        for info in all().iter() {
            let (name, _) = page_of(info.kind);
            let page = &pages.iter().find(|(page, _)| *page == name).unwrap().1;
            assert!(page.contains(&format!("\n## `{}`\n", info.name)), "{}", info.name);
        }
        let page = |name| &pages.iter().find(|(page, _)| *page == name).unwrap().1;
        assert!(page("rest").contains("\n| `POST /connectors/{connector}/restart` | Restarts a connector"));
        assert!(page("metrics").contains("\n| `task-count` | number | "));
        let sources = page("sources");
        assert!(sources.contains("### `batch.size`"));
    }
}
