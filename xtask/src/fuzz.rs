//! `cargo xtask fuzz`: every fuzz target for a while. Needs nightly Rust and `cargo install cargo-fuzz`.

use std::fs;
use std::process::Command;

use crate::process::{root, run as run_command, works};
use crate::steps::{Outcome, StepResult};

/// Seconds for each target, unless said otherwise.
const SECONDS: u64 = 60;

/// Runs all targets of `fuzz/`, or the one named.
pub(crate) fn run(args: &[String]) -> StepResult {
    let (mut seconds, mut only) = (SECONDS, None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--seconds" {
            let number = args.next().ok_or("--seconds needs a number")?;
            seconds = number.parse().map_err(|error| format!("--seconds {number}: {error}"))?;
        } else {
            only = Some(arg.as_str());
        }
    }
    if !works("cargo", &["+nightly", "fuzz", "--version"]) {
        return Ok(Outcome::Skipped("it needs nightly Rust and `cargo install cargo-fuzz`".to_owned()));
    }
    let targets: Vec<String> =
        targets()?.into_iter().filter(|target| only.is_none_or(|only| only == target)).collect();
    if targets.is_empty() {
        return Err(format!("there is no target {}", only.unwrap_or_default()));
    }
    for target in &targets {
        // The code has no unsafe blocks, so no sanitizer has to look at its memory.
        let limits = "-timeout=10 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1";
        // By name, since the cargo that runs this knows no other toolchain.
        let mut command = Command::new("cargo");
        let args = format!("+nightly fuzz run -s none {target} -- -max_total_time={seconds} {limits}");
        command.args(args.split(' ')).current_dir(root());
        run_command(command)
            .map_err(|error| format!("{target}: {error}; the input is in fuzz/artifacts/{target}"))?;
    }
    Ok(Outcome::Done(format!("{} targets, {seconds} s each", targets.len())))
}

/// The names of the targets, in order.
fn targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut targets: Vec<String> =
        files.filter_map(|file| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned())).collect();
    targets.sort();
    Ok(targets)
}
