//! Commands: run, show, time out of nothing; what fails is named in full.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where builds and everything that xtask leaves behind go.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A cargo command in the root of the repository; `args` is split at spaces.
pub(crate) fn cargo(args: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args.split_whitespace()).current_dir(root());
    command
}

/// Runs it with our own output streams.
pub(crate) fn run(command: Command) -> Result<(), String> {
    println!("$ {}", show_all(&command));
    run_unseen(command)
}

/// The same without a word of ours on standard output, which the caller may be piping.
pub(crate) fn run_unseen(mut command: Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{}: {error}", show(&command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed with {status}", show(&command))) }
}

/// Runs it silently and returns its standard output.
pub(crate) fn output(mut command: Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", show(&command)))?;
    if !output.status.success() {
        return Err(format!(
            "`{}` failed with {}\n{}",
            show(&command),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| format!("`{}` wrote something that is not UTF-8", show(&command)))
}

/// Whether the command exists and ends with success. Its output is thrown away.
pub(crate) fn works(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .current_dir(root())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The numbers of the `test result:` lines of one or more test runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Tally {
    fn add(&mut self, line: &str) {
        let Some(result) = line.trim_start().strip_prefix("test result: ") else { return };
        let number = |word: &str| {
            let mut words = result.split([' ', ';', '.']).filter(|part| !part.is_empty()).peekable();
            let mut last = 0;
            while let Some(part) = words.next() {
                last = part.parse().unwrap_or(last);
                if words.peek() == Some(&word) {
                    return last;
                }
            }
            0
        };
        self.passed += number("passed");
        self.failed += number("failed");
        self.ignored += number("ignored");
    }

    /// Adds another run.
    pub(crate) fn add_all(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// For a summary.
    pub(crate) fn text(self) -> String {
        format!("{} passed, {} failed, {} ignored", self.passed, self.failed, self.ignored)
    }
}

/// Runs a `cargo test`, shows its output line by line and adds up its `test result:` lines.
pub(crate) fn run_tests(mut command: Command) -> Result<Tally, String> {
    println!("$ {}", show_all(&command));
    command.stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{}: {error}", show(&command)))?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(|error| format!("{}: {error}", show(&command)))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            tally.add(&line);
        }
    }
    let status = child.wait().map_err(|error| format!("{}: {error}", show(&command)))?;
    if status.success() {
        Ok(tally)
    } else {
        Err(format!("`{}` failed with {status}: {}", show(&command), tally.text()))
    }
}

/// The command with the variables that we set for it, ready to be typed.
fn show_all(command: &Command) -> String {
    let set = command.get_envs().filter_map(|(name, value)| {
        let (name, value) = (name.to_string_lossy(), value?.to_string_lossy());
        Some(if value.contains(' ') { format!("{name}='{value}' ") } else { format!("{name}={value} ") })
    });
    set.collect::<String>() + &show(command)
}

fn show(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_adds_up_test_result_lines_and_ignores_all_else() {
        let mut tally = Tally::default();
        tally.add(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.02s",
        );
        tally.add("test it::source ... ok");
        tally.add(
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s",
        );
        assert_eq!(tally, Tally { passed: 15, failed: 2, ignored: 1 });
    }

    #[test]
    fn a_command_that_fails_is_named_with_its_arguments() {
        let error = output(cargo("no-such-verb --x")).unwrap_err();
        assert!(error.contains("no-such-verb --x"), "{error}");
    }
}
