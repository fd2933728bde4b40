//! `cargo xtask simulate`: many seeds of every simulated pipeline, and proof that they would notice.
//!
//! `--breaks` applies each patch of `connect-testkit/tests/breaks` to a copy of the workspace and says within how many
//! seeds the break is caught.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{cargo, output, root, run_unseen, target};
use crate::steps::{Outcome, StepResult};

const EXAMPLE: &str = "--package connect-testkit --example simulate";
/// How many seeds a break may take to be caught.
const SEEDS: &str = "2000";

/// Runs seeds, or with `--breaks` the breaks.
pub(crate) fn run(args: &[String]) -> StepResult {
    match args {
        [flag, rest @ ..] if flag == "--breaks" => breaks(rest),
        _ => {
            let mut command = cargo(&format!("run --quiet --release {EXAMPLE} --"));
            command.args(args);
            run_unseen(command)?;
            Ok(Outcome::Done(String::new()))
        }
    }
}

/// All breaks, or those whose name begins with an argument.
fn breaks(names: &[String]) -> StepResult {
    let copy = target().join("breaks/workspace");
    copy_workspace(&copy)?;
    let mut patches: Vec<_> = files(&root().join("connect-testkit/tests/breaks"))?;
    patches.sort();
    let mut caught = 0;
    let mut missed = Vec::new();
    for path in patches {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !names.is_empty() && !names.iter().any(|wanted| name.starts_with(wanted.as_str())) {
            continue;
        }
        let patch = Patch::read(&path)?;
        println!("{name}: {}", patch.what);
        let before = patch.apply(&copy)?;
        let tried = try_break(&copy, &patch.scenario);
        for (file, text) in before {
            write(&copy.join(file), &text)?;
        }
        match tried? {
            Some(how) => {
                println!("{how}");
                caught += 1;
            }
            None => {
                println!("  not caught by {SEEDS} seeds of {}\n", patch.scenario);
                missed.push(name);
            }
        }
    }
    match missed.is_empty() {
        true => Ok(Outcome::Done(format!("{caught} breaks, all caught"))),
        false => Err(format!("not caught: {}", missed.join(", "))),
    }
}

/// What the simulation says of the broken engine; `None`: nothing.
fn try_break(copy: &Path, scenario: &str) -> Result<Option<String>, String> {
    let in_copy = |args: &str| {
        let mut command = cargo(args);
        // Beside our own build, so that dependencies are not built again.
        command.current_dir(copy).env("CARGO_TARGET_DIR", target());
        command
    };
    run_unseen(in_copy(&format!("build --quiet {EXAMPLE}")))?;
    let mut command: Command = in_copy(&format!("run --quiet {EXAMPLE} --"));
    command.args(["--catch", "--seeds", SEEDS, "--scenario"]).args(scenario.split_whitespace());
    let done = command.output().map_err(|error| format!("simulate: {error}"))?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    Ok(done.status.success().then_some(said))
}

/// A patch: a line that says what it breaks, a line with the scenario that notices and what else the simulation is told,
/// and a unified diff.
struct Patch {
    what: String,
    scenario: String,
    /// File, text that is there, text that takes its place. Found by its text: line numbers may be wrong.
    changes: Vec<(PathBuf, String, String)>,
}

impl Patch {
    fn read(path: &Path) -> Result<Self, String> {
        let text = read(path)?;
        let mut lines = text.lines();
        let what = lines.next().unwrap_or_default().to_owned();
        let scenario = lines.next().and_then(|line| line.strip_prefix("scenario: "));
        let scenario = scenario.ok_or_else(|| format!("{} does not name a scenario", path.display()))?;
        let mut changes: Vec<(PathBuf, String, String)> = Vec::new();
        let mut file = None;
        for line in lines {
            if let Some(name) = line.strip_prefix("+++ b/") {
                file = Some(PathBuf::from(name));
            } else if line.starts_with("@@") {
                let file = file.clone().ok_or_else(|| format!("{} names no file", path.display()))?;
                changes.push((file, String::new(), String::new()));
            } else if let Some((_, old, new)) = changes.last_mut() {
                let (mark, rest) = line.split_at_checked(1).unwrap_or((" ", ""));
                if mark != "+" {
                    old.push_str(rest);
                    old.push('\n');
                }
                if mark != "-" {
                    new.push_str(rest);
                    new.push('\n');
                }
            }
        }
        Ok(Self { what, scenario: scenario.to_owned(), changes })
    }

    /// Applies it; answers the files as they were.
    fn apply(&self, root: &Path) -> Result<Vec<(PathBuf, String)>, String> {
        let mut before = Vec::new();
        let mut after = Vec::<(PathBuf, String)>::new();
        for (file, old, new) in &self.changes {
            let known = after.iter().position(|(other, _)| other == file);
            let index = match known {
                Some(index) => index,
                None => {
                    let text = read(&root.join(file))?;
                    before.push((file.clone(), text.clone()));
                    after.push((file.clone(), text));
                    after.len() - 1
                }
            };
            let text = &mut after[index].1;
            if text.matches(old.as_str()).count() != 1 {
                return Err(format!(
                    "the patch no longer fits {}: the text below is not there, or twice; write it anew\n{old}",
                    file.display()
                ));
            }
            *text = text.replacen(old.as_str(), new, 1);
        }
        for (file, text) in &after {
            write(&root.join(file), text)?;
        }
        Ok(before)
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes a file, unless it says that already: cargo builds what is newer.
fn write(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    }
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let patches = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(patches.filter(|path| path.extension().is_some_and(|extension| extension == "patch")).collect())
}

/// Copies what git knows of, as it is now.
fn copy_workspace(copy: &Path) -> Result<(), String> {
    let mut list = Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    for name in output(list)?.lines() {
        let from = root().join(name);
        // A file that was deleted and not committed, or one that is no text: the build needs neither.
        let Ok(bytes) = fs::read(&from) else { continue };
        let to = copy.join(name);
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            continue;
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
        }
        fs::write(&to, bytes).map_err(|error| format!("{}: {error}", to.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_break_fits_the_engine_as_it_is() {
        let patches = files(&root().join("connect-testkit/tests/breaks")).unwrap();
        assert!(patches.len() >= 10);
        for path in patches {
            let patch = Patch::read(&path).unwrap();
            assert!(!patch.what.is_empty() && !patch.changes.is_empty(), "{}", path.display());
            for (file, old, new) in &patch.changes {
                let text = read(&root().join(file)).unwrap();
                assert_eq!(text.matches(old.as_str()).count(), 1, "{} {}", path.display(), file.display());
                assert_ne!(old, new);
            }
        }
    }
}
