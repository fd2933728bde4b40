//! `cargo xtask bench`: the benchmarks, in release mode; `side-by-side` measures Java's worker beside ours, `registry`
//! the converters with a registry beside other libraries and Java's, `clients` the native producer beside other clients.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, root, target, works};
use crate::steps::{Outcome, StepResult};

/// Hands its arguments through to the benchmark program, or to the one that compares workers.
pub(crate) fn run(args: &[String]) -> StepResult {
    if let Some(("side-by-side", rest)) = args.split_first().map(|(verb, rest)| (verb.as_str(), rest)) {
        return side_by_side(rest);
    }
    if let Some(("registry", rest)) = args.split_first().map(|(verb, rest)| (verb.as_str(), rest)) {
        return registry(rest);
    }
    if let Some(("clients", rest)) = args.split_first().map(|(verb, rest)| (verb.as_str(), rest)) {
        return clients(rest);
    }
    let mut command = process::cargo("run --release -p connect-benches --");
    command.args(args);
    process::run(command)?;
    Ok(Outcome::Done(String::new()))
}

/// Where the jars of Confluent's converters and what they need are, as a class path.
const REGISTRY_JARS: &str = "CONNECT_BENCH_REGISTRY_JARS";

fn registry(args: &[String]) -> StepResult {
    let mut command = process::cargo("run --release -p connect-registry-benches --");
    command.args(args);
    process::run(command)?;
    let Some(jars) = env::var_os(REGISTRY_JARS) else {
        return Ok(Outcome::Done(format!("without Java's converters, since {REGISTRY_JARS} is not set")));
    };
    // One file needs no compiler's output to be kept.
    let mut java = Command::new("java");
    java.args(["-Xms512m", "-Xmx512m", "-cp"]).arg(jars).arg(root().join("benches/registry/Registry.java"));
    process::run(java)?;
    Ok(Outcome::Done(String::new()))
}

/// A program of its own workspace, so that the clients that it compares with are no dependencies of ours. Its
/// arguments: the broker, and if need be how many records, which compression, how many runs.
fn clients(args: &[String]) -> StepResult {
    let mut command = process::cargo("run --release --manifest-path benches/clients/Cargo.toml -- all");
    command.args(args).env("CARGO_TARGET_DIR", target().join("clients"));
    process::run(command)?;
    Ok(Outcome::Done(String::new()))
}

fn side_by_side(args: &[String]) -> StepResult {
    for (program, arg) in [("python3", "--version"), ("javac", "-version")] {
        if !works(program, &[arg]) {
            return Err(format!("there is no {program}, which the measurement needs"));
        }
    }
    let here = root().join("benches/side-by-side");
    let java = java_worker(&here)?;
    process::run(process::cargo("build --profile dist -p connect-worker --features bench"))?;
    let mut command = Command::new("python3");
    command.arg(here.join("run.py")).args(args);
    command.arg("--ours").arg(target().join("dist/connect-worker"));
    command.arg("--java-home").arg(java);
    command.arg("--scratch").arg(target().join("xtask/side-by-side"));
    process::run(command)?;
    Ok(Outcome::Done(String::new()))
}

/// Where Java's worker is; Maven fetches it once into `$CONNECT_BENCH_HOME` (`~/.cache/connect-bench`).
fn java_worker(here: &Path) -> Result<PathBuf, String> {
    let home = env::var_os("CONNECT_BENCH_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache/connect-bench")))
        .ok_or("neither CONNECT_BENCH_HOME nor HOME is set")?;
    let (lib, plugins) = (home.join("lib"), home.join("plugins/file"));
    if !plugins.is_dir() {
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "-f"]).arg(here.join("pom.xml")).arg("dependency:copy-dependencies");
        maven.arg(format!("-DoutputDirectory={}", lib.display()));
        process::run(maven)?;
        let failed = |error: std::io::Error| format!("{}: {error}", plugins.display());
        fs::create_dir_all(&plugins).map_err(failed)?;
        for entry in fs::read_dir(&lib).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default();
            if name.to_string_lossy().starts_with("connect-file-") {
                fs::copy(&path, plugins.join(name)).map_err(failed)?;
            }
        }
    }
    Ok(home)
}
