//! `cargo xtask differential`: random cases, answered by the genuine Java classes and by ours; and the page about it.
//!
//! The Java side is `equivalence/differential/java`, which uses the jars of `xtask/kafka`. `CONNECT_ORACLE` names
//! another program that speaks the same protocol.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::kafka;
use crate::process::{cargo, root, run_unseen, target, works};
use crate::steps::{Outcome, StepResult};

/// Names a program that answers in place of Java.
const ORACLE: &str = "CONNECT_ORACLE";
/// The same for converters with a registry.
const REGISTRY_ORACLE: &str = "CONNECT_REGISTRY_ORACLE";

/// What CI compares.
const CI: [&str; 4] = ["--cases", "4000", "--seed", "20"];

/// What the figures of the page are made from.
const LONG: [&str; 8] = ["--cases", "100000", "--seed", "1", "--seed", "2", "--seed", "3"];

/// What CI compares of converters with a registry, where there are Confluent's.
const REGISTRY_CI: [&str; 5] = ["--registry", "--cases", "600", "--seed", "20"];

/// The step of CI: a few thousand cases, where there is Java.
pub(crate) fn suite() -> StepResult {
    if let Some(why) = cannot_run() {
        return Ok(Outcome::Skipped(format!("nothing was compared with genuine Java: {why}")));
    }
    run(&CI.map(str::to_owned))?;
    match registry_cannot_run() {
        Some(why) => Ok(Outcome::Done(format!("without converters with a registry: {why}"))),
        None => run(&REGISTRY_CI.map(str::to_owned)),
    }
}

/// Compares; `--write-scorecard` is a long run that keeps its figures and writes the page.
pub(crate) fn run(args: &[String]) -> StepResult {
    if let Some(why) = cannot_run() {
        return Err(why);
    }
    let registry = args.iter().any(|arg| arg == "--registry");
    if registry && let Some(why) = registry_cannot_run() {
        return Err(why);
    }
    build()?;
    let long = args.iter().any(|arg| arg == "--write-scorecard");
    let (variable, script) =
        if registry { (REGISTRY_ORACLE, "genuine-registry") } else { (ORACLE, "genuine") };
    let java =
        env::var(variable).unwrap_or_else(|_| format!("bash {}", home().join("java").join(script).display()));
    let found = target().join("xtask/differential.jsonl");
    fs::create_dir_all(target().join("xtask")).map_err(|error| format!("{}: {error}", found.display()))?;
    let mut command = cargo("run --quiet -p connect-differential --");
    command.args(["--java", &java, "--ours"]).arg(ours()).arg("--found").arg(&found);
    command.args(args.iter().filter(|arg| *arg != "--write-scorecard"));
    if long {
        let told = args.iter().any(|arg| arg == "--cases" || arg == "--seed");
        command.args(LONG.iter().filter(|_| !told)).arg("--figures").arg(figures());
    }
    run_unseen(command)?;
    if long {
        page(&root().join("docs/src/reference"))?;
    }
    Ok(Outcome::Done(String::new()))
}

/// Writes the scorecard into the directory, from the vectors and the figures of the last long run. Needs no Java.
pub(crate) fn page(directory: &Path) -> Result<(), String> {
    build()?;
    let mut command = cargo("run --quiet -p connect-differential --");
    command.arg("--ours").arg(ours()).arg("--figures").arg(figures());
    command.arg("--page").arg(directory.join("equivalence.md"));
    let mut files = Vec::new();
    vectors(&root(), &mut files)?;
    files.sort();
    for file in files {
        command.arg("--vectors").arg(file);
    }
    run_unseen(command)
}

/// Why nothing can be compared here, if so.
fn cannot_run() -> Option<String> {
    if env::var_os(ORACLE).is_some() {
        return None;
    }
    let no_compiler = || {
        let why =
            "there is no Java compiler (17 or newer); install one, for example the package openjdk-17-jdk";
        (!works("javac", &["-version"])).then(|| why.to_owned())
    };
    kafka::cannot_run().or_else(no_compiler)
}

/// Why no converter with a registry can be compared here, if so.
fn registry_cannot_run() -> Option<String> {
    if env::var_os(REGISTRY_ORACLE).is_some() {
        return None;
    }
    let kept = || env::var_os("CONNECT_KAFKA_HOME").map(|home| PathBuf::from(home).join("confluent"));
    let usual = || env::var_os("HOME").map(|home| Path::new(&home).join(".cache/connect-kafka/confluent"));
    let jars = env::var_os("CONNECT_CONFLUENT_JARS").map(PathBuf::from).or_else(kept).or_else(usual)?;
    let jar = |entry: fs::DirEntry| {
        entry.file_name().to_string_lossy().starts_with("kafka-connect-avro-converter-")
    };
    let there = fs::read_dir(&jars).is_ok_and(|entries| entries.flatten().any(jar));
    (!there).then(|| {
        format!(
            "there are no jars of Confluent's converters in {}; CONNECT_CONFLUENT_JARS names where they are",
            jars.display()
        )
    })
}

fn build() -> Result<(), String> {
    run_unseen(cargo("build --quiet -p equivalence --bin answer"))
}

fn home() -> PathBuf {
    root().join("equivalence/differential")
}

fn figures() -> PathBuf {
    home().join("figures.json")
}

fn ours() -> PathBuf {
    target().join("debug/answer")
}

/// The files of vectors, wherever they are.
fn vectors(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            vectors(&path, files)?;
        } else if name.ends_with(".jsonl") && directory.ends_with("vectors") {
            files.push(path);
        }
    }
    Ok(())
}
