//! The log: to standard error, by level and target.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use connect_runtime::Loggers;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{fmt, reload};

use crate::terminal::Terminal;

/// What the Kafka client says besides its errors is for those who ask for it: the engine reports what happened.
const QUIET: &str = "krafka=error";

/// What has loggers of its own from the start: clients of the REST API set only those that they are shown.
const OWN: [&str; 2] = ["connect_runtime", "connect_worker"];

/// Installs the log. The level is the first of the argument, `RUST_LOG` and the default that is set. Answers the
/// terminal for live lines, if there is one, and the levels, which REST may change.
pub(crate) fn install(level: Option<&str>) -> Result<(Option<Terminal>, Loggers), String> {
    let live = std::io::stderr().is_terminal();
    let set = level
        .map(|level| ("--log-level", level.to_owned()))
        .or_else(|| Some(("RUST_LOG", std::env::var("RUST_LOG").ok()?)))
        .filter(|(_, level)| !level.is_empty());
    let targets = match set {
        Some((from, level)) => parse(&level).map_err(|error| format!("{from}: {error}"))?,
        None => parse(&format!("{},{QUIET}", if live { "warn" } else { "info" }))?,
    };
    let terminal = Terminal::stderr();
    let writer = terminal.clone();
    let layer = fmt::layer().with_ansi(live).with_writer(move || writer.clone());
    let root = targets.default_level().unwrap_or(LevelFilter::OFF).to_string();
    let mut known: BTreeMap<String, String> =
        OWN.iter().map(|name| ((*name).to_owned(), root.clone())).collect();
    known.extend(targets.iter().map(|(name, level)| (name.to_owned(), level.to_string())));
    let (filter, handle) = reload::Layer::new(targets);
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
    let loggers = Loggers::new(&root, known, move |levels| {
        // The subscriber lives as long as the process.
        let _ = handle.reload(filter_of(levels));
    });
    Ok((live.then_some(terminal), loggers))
}

/// The levels of loggers in Kafka's spelling as a filter of targets.
fn filter_of(levels: &BTreeMap<String, String>) -> Targets {
    let level = |text: &str| match text {
        "OFF" => LevelFilter::OFF,
        "FATAL" | "ERROR" => LevelFilter::ERROR,
        "WARN" => LevelFilter::WARN,
        "INFO" => LevelFilter::INFO,
        "DEBUG" => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    levels.iter().fold(Targets::new(), |targets, (name, text)| match name.as_str() {
        "root" => targets.with_default(level(text)),
        name => targets.with_target(name.replace('.', "::"), level(text)),
    })
}

fn parse(text: &str) -> Result<Targets, String> {
    text.parse().map_err(|error| {
        format!("`{text}` is no log level ({error}); take error, warn, info, debug, trace or info,connect_runtime=debug")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_loggers_become_a_filter() {
        let levels = [("root", "WARN"), ("connect_runtime.task", "ALL"), ("krafka", "FATAL")];
        let filter = filter_of(&levels.map(|(name, level)| (name.to_owned(), level.to_owned())).into());
        assert!(filter.would_enable("connect_runtime::task::sink", &tracing::Level::TRACE));
        assert!(!filter.would_enable("krafka", &tracing::Level::WARN));
        assert!(!filter.would_enable("other", &tracing::Level::INFO));
    }

    #[test]
    fn levels_may_be_given_per_target() {
        assert!(parse("info,connect_runtime=debug").is_ok());
        assert!(parse("a=loud").unwrap_err().contains("`a=loud` is no log level"));
    }
}
