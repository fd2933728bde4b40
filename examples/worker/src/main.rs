//! `connect-worker`: runs Kafka Connect's configuration files with the connectors of this repository.

mod args;
mod dlq;
mod examples;
mod explain;
mod live;
mod logging;
mod output;
mod plugins;
mod reference;
mod standalone;
mod table;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};
use crate::standalone::{Kind, text as error_text};

/// What went wrong as the exit code says it, as in Kafka's `connect-standalone`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Failure {
    /// The command line.
    Usage = 1,
    /// The worker's file, or the worker could not be made from it.
    Worker = 2,
    /// The worker did not start, or a connector could not be created.
    Start = 3,
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        Self::from(failure as u8)
    }
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    match args.command {
        Command::Standalone { worker, connectors, log_level } => {
            standalone::run(Kind::Standalone, &worker, &connectors, log_level.as_deref())
        }
        Command::Distributed { worker, log_level } => {
            standalone::run(Kind::Distributed, &worker, &[], log_level.as_deref())
        }
        Command::Explain { connector, worker, sample, json } => explain::run(&explain::Request {
            connector: &connector,
            worker: worker.as_deref(),
            sample: sample.as_deref(),
            json,
        }),
        Command::Dlq { what } => dlq::run(&what),
        Command::Plugins { name } => plugins::run(name.as_deref()),
        Command::Docs { directory } => reference::run(&directory),
    }
}

/// Kafka's scripts answer a request for help with 1; the program's own `--help` is no failure.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    let scripts = ["standalone", "distributed"];
    let script =
        std::env::args_os().nth(1).is_some_and(|command| scripts.iter().any(|name| command == *name));
    match error.use_stderr() || script {
        true => Failure::Usage.into(),
        false => ExitCode::SUCCESS,
    }
}
