//! The log: to standard error, by level and target.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

use crate::terminal::Terminal;

/// What the Kafka client says besides its errors is for those who ask for it: the engine reports what happened.
const QUIET: &str = "krafka=error";

/// Installs the log. The level is the first of the argument, `RUST_LOG` and the default that is set. Answers the
/// terminal for live lines, if there is one.
pub(crate) fn install(level: Option<&str>) -> Result<Option<Terminal>, String> {
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
    tracing_subscriber::registry().with(layer.with_filter(targets)).init();
    Ok(live.then_some(terminal))
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
    fn levels_may_be_given_per_target() {
        assert!(parse("info,connect_runtime=debug").is_ok());
        assert!(parse("a=loud").unwrap_err().contains("`a=loud` is no log level"));
    }
}
