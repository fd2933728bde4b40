//! `cargo xtask bench`: the benchmarks, in release mode.

use crate::process;
use crate::steps::{Outcome, StepResult};

/// Hands its arguments through to the benchmark program.
pub(crate) fn run(args: &[String]) -> StepResult {
    let mut command = process::cargo("run --release -p connect-benches --");
    command.args(args);
    process::run(command)?;
    Ok(Outcome::Done(String::new()))
}
