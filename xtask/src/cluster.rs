//! `cargo xtask cluster`: clusters of worker processes on a real Kafka, beside genuine Java workers.
//!
//! The work is in `examples/worker/tests/kafka/cluster/`, tests that take minutes and that nothing else runs.

use crate::kafka;
use crate::process::{cargo, output, root, run_tests};
use crate::steps::{Outcome, StepResult};

/// Runs all of them, or those whose names have one of these texts.
pub(crate) fn run(names: &[String]) -> StepResult {
    if let Some(why) = kafka::cannot_run() {
        return Err(why);
    }
    let script = root().join("xtask/kafka/connect");
    let mut plugins = std::process::Command::new("bash");
    plugins.arg(&script).arg("plugins");
    let plugins = output(plugins)?;
    let mut command = cargo("test -p connect-worker --test kafka -- --ignored --nocapture --test-threads=1");
    match names {
        [] => command.arg("cluster::"),
        names => command.args(names),
    };
    command.env("CONNECT_TEST_KAFKA_SCRIPT", kafka::script_path());
    command.env("CONNECT_TEST_JAVA_WORKER", script).env("CONNECT_TEST_JAVA_PLUGINS", plugins.trim());
    Ok(Outcome::Done(run_tests(command)?.text()))
}
