//! `cargo xtask registry`: one real schema registry, for the tests that need it and for a person's own hands.
//!
//! The work is in `xtask/registry/registry`, a script that fetches Apicurio Registry with Maven and runs it with Java.
//! CI does without, since that is 168 MB; there the same tests run against the strict registry in memory.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use crate::process::{Tally, cargo, output, root, run_tests, run_unseen, target, works};
use crate::steps::{Outcome, StepResult};

/// The tests that may share the registry, and those that end it.
const TESTS: [&str; 2] = [
    "test -p connect-schema-registry --all-features --test it",
    "test -p connect-schema-registry --all-features --test it -- --ignored",
];

/// Starts a registry, runs the tests against it and stops it, whatever they say.
pub(crate) fn suite() -> StepResult {
    cannot_run().map_or(Ok(()), Err)?;
    let _stop = Stop;
    let port = free_port()?.to_string();
    let url = output(script(&["start", "--port", &port]))?.trim().to_owned();
    println!("the registry answers at {url}");
    let mut total = Tally::default();
    for test in TESTS {
        let mut command = cargo(test);
        command.env("SCHEMA_REGISTRY_URL", &url);
        command.env("CONNECT_TEST_REGISTRY_SCRIPT", script_path());
        command.env("CONNECT_REGISTRY_DATA", data());
        total.add_all(run_tests(command)?);
    }
    Ok(Outcome::Done(total.text()))
}

/// Hands a command through to the script.
pub(crate) fn tool(args: &[String]) -> StepResult {
    cannot_run().map_or(Ok(()), Err)?;
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let mut command = script(&args);
    command.env("CONNECT_REGISTRY_DATA", target().join("registry"));
    run_unseen(command)?;
    Ok(Outcome::Done(String::new()))
}

/// Why no registry can be started here, if so.
fn cannot_run() -> Option<String> {
    let tried = |what: &str| works("bash", &[&script_path().display().to_string(), what]);
    if !works("bash", &["-c", "true"]) {
        return Some("there is no bash".to_owned());
    }
    if !tried("java") {
        return Some("there is no Java 21 or newer; CONNECT_REGISTRY_JAVA names one".to_owned());
    }
    if !tried("fetched") && !works("mvn", &["-version"]) {
        return Some("there is no Maven to fetch the registry with; install the package maven".to_owned());
    }
    None
}

/// Where the registry of the tests keeps its log, apart from one that somebody started by hand.
fn data() -> PathBuf {
    target().join("xtask/registry")
}

fn script_path() -> PathBuf {
    root().join("xtask/registry/registry")
}

fn script(args: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.arg(script_path()).args(args).env("CONNECT_REGISTRY_DATA", data());
    command
}

/// A port that is free, below the range from which the system gives ports to connections.
fn free_port() -> Result<u16, String> {
    let ports: Vec<u16> = (29_000..30_000).collect();
    let (before, after) = ports.split_at(std::process::id() as usize % ports.len());
    let free = |port: &&u16| TcpListener::bind(("127.0.0.1", **port)).is_ok();
    after.iter().chain(before).find(free).copied().ok_or_else(|| "there is no free port".to_owned())
}

/// Stops the registry when the suite is left in any way.
struct Stop;

impl Drop for Stop {
    fn drop(&mut self) {
        let _ = run_unseen(script(&["stop"]));
    }
}
