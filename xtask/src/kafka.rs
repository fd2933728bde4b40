//! `cargo xtask kafka`: one real Apache Kafka, for the tests that need it and for a person's own hands.
//!
//! The work is in `xtask/kafka/`, scripts that fetch the jars with Maven and run one broker with Java. Without
//! Java the tests are skipped, and the reason is printed.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Tally, cargo, output, root, run_tests, run_unseen, target, works};
use crate::steps::{Outcome, StepResult};

/// A directory that exists if the test exists, and the command that runs it.
const TESTS: &[(&str, &str)] = &[
    (
        "connect-runtime/tests/kafka",
        "test -p connect-runtime --features rest,rskafka --test kafka -- --test-threads=1",
    ),
    ("examples/worker/tests/kafka", "test -p connect-worker --test kafka -- --test-threads=1"),
];

/// What runs on another version than the one in `pom.xml`: what the clients that stand for themselves have to do.
const OLDER: &[(&str, &str)] = &[(
    "connect-runtime/tests/kafka",
    "test -p connect-runtime --features zstd --test kafka -- --test-threads=1 native_passes codecs",
)];

/// Starts a broker on a free port, runs the tests against it and stops it, whatever they say.
pub(crate) fn suite() -> StepResult {
    run(TESTS, None)
}

/// The same with brokers of another version.
pub(crate) fn suite_on(version: &str) -> StepResult {
    run(OLDER, Some(version))
}

fn run(tests: &[(&str, &str)], version: Option<&str>) -> StepResult {
    let tests: Vec<_> = tests
        .iter()
        .filter(|(place, _)| root().join(place).is_dir() || root().join(format!("{place}.rs")).is_file())
        .collect();
    if tests.is_empty() {
        return Ok(Outcome::Skipped("there is no real-Kafka test yet".to_owned()));
    }
    if let Some(why) = cannot_run() {
        return Ok(Outcome::Skipped(format!("the real-Kafka tests did not run: {why}")));
    }
    let _stop = StopAll;
    stop_all();
    let _ = fs::remove_dir_all(data());
    let port = free_port()?.to_string();
    let mut start = vec!["start", "--port", &port];
    if let Some(version) = version {
        start.extend(["--version", version]);
    }
    let address = output(script(&start))?.trim().to_owned();
    println!("Kafka {}answers at {address}", version.map_or(String::new(), |version| format!("{version} ")));
    let mut total = Tally::default();
    let mut failed = Vec::new();
    for (_, test) in tests {
        let mut command = cargo(test);
        command.env("CONNECT_TEST_KAFKA", &address);
        command.env("CONNECT_TEST_KAFKA_SCRIPT", script_path());
        command.env("CONNECT_KAFKA_DATA", data());
        if let Some(version) = version {
            command.env("CONNECT_KAFKA_VERSION", version);
        }
        match run_tests(command) {
            Ok(tally) => total.add_all(tally),
            Err(error) => failed.push(error),
        }
    }
    if failed.is_empty() {
        stop_all();
        let _ = fs::remove_dir_all(data());
        Ok(Outcome::Done(total.text()))
    } else {
        Err(format!("{}\nthe logs of the brokers are in {}", failed.join("\n"), data().display()))
    }
}

/// Hands a command through to the script.
pub(crate) fn tool(args: &[String]) -> StepResult {
    if let Some(why) = cannot_run() {
        return Err(why);
    }
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let mut command = script(&args);
    command.env("CONNECT_KAFKA_DATA", target().join("kafka"));
    run_unseen(command)?;
    Ok(Outcome::Done(String::new()))
}

/// Why no broker can be started here, if so.
pub(crate) fn cannot_run() -> Option<String> {
    if !works("bash", &["-c", "true"]) {
        return Some("there is no bash".to_owned());
    }
    if !works("java", &["-version"]) {
        return Some(
            "there is no Java (17 or newer); install one, for example the package openjdk-17-jre".to_owned(),
        );
    }
    let home = env::var_os("CONNECT_KAFKA_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache/connect-kafka")));
    let fetched = home.is_some_and(|home| home.join("lib/.stamp").is_file());
    if !fetched && !works("mvn", &["-version"]) {
        return Some("there is no Maven to fetch Kafka with; install the package maven".to_owned());
    }
    None
}

/// Where the brokers of the tests keep their data, apart from those that somebody started by hand.
fn data() -> PathBuf {
    target().join("xtask/kafka")
}

pub(crate) fn script_path() -> PathBuf {
    root().join("xtask/kafka/kafka")
}

fn script(args: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.arg(script_path()).args(args).env("CONNECT_KAFKA_DATA", data());
    command
}

/// A port that is free, with the four above it, which a broker takes for its controller and secure listeners.
/// It lies below the range from which the system gives ports to connections, where a port that was free a moment
/// ago is soon taken.
fn free_port() -> Result<u16, String> {
    const LISTENERS: u16 = 5;
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let blocks: Vec<u16> = (30_100..32_600).step_by(LISTENERS.into()).collect();
    let (before, after) = blocks.split_at(std::process::id() as usize % blocks.len());
    let fits = |port: &u16| (0..LISTENERS).all(|more| free(port + more));
    after.iter().chain(before).copied().find(fits).ok_or_else(|| "no five free ports in a row".to_owned())
}

/// Stops every broker whose data is here: ours, and those that a test that died has left behind.
fn stop_all() {
    let Ok(entries) = fs::read_dir(data()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(port) = name.strip_prefix("kafka-").filter(|_| entry.path().join("pid").is_file()) else {
            continue;
        };
        if let Err(error) = output(script(&["stop", "--port", port])) {
            println!("{error}");
        }
    }
}

struct StopAll;

impl Drop for StopAll {
    fn drop(&mut self) {
        stop_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_has_room_for_the_other_listeners() {
        let port = free_port().unwrap();
        assert!((0..5).all(|more| TcpListener::bind(("127.0.0.1", port + more)).is_ok()));
    }
}
