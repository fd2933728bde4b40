//! Steps with a name, a time and an outcome, and the summary at the end.

use std::time::{Duration, Instant};

/// How a step ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ran. The text, possibly empty, is for the summary.
    Done(String),
    /// It could not run here, for the reason given, and that is no failure.
    Skipped(String),
}

/// What every step answers; the error is for a person.
pub(crate) type StepResult = Result<Outcome, String>;

/// One entry of the roster.
pub(crate) struct Step {
    /// One word, also the argument of `cargo xtask ci STEP`.
    pub(crate) name: &'static str,
    /// What it does, in a few words.
    pub(crate) what: &'static str,
    /// Does it.
    pub(crate) run: fn() -> StepResult,
}

/// Runs the steps in order and prints a summary; stops at the first failure unless `keep_going`.
/// The error names the failed steps.
pub(crate) fn run_all(steps: &[&Step], keep_going: bool) -> StepResult {
    let start = now();
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for step in steps {
        if !failed.is_empty() && !keep_going {
            lines.push(format!("  {:<14} {:>8}  not run", step.name, ""));
            continue;
        }
        println!("\n=== {}: {}", step.name, step.what);
        let step_start = now();
        let result = (step.run)();
        let time = seconds(step_start.elapsed());
        let line = match result {
            Ok(Outcome::Done(note)) if note.is_empty() => format!("{time:>8}  ok"),
            Ok(Outcome::Done(note)) => format!("{time:>8}  ok: {note}"),
            Ok(Outcome::Skipped(why)) => format!("{time:>8}  skipped: {why}"),
            Err(error) => {
                failed.push(step.name);
                println!("{error}");
                format!("{time:>8}  FAILED: {}", error.lines().next().unwrap_or_default())
            }
        };
        println!("=== {} {}", step.name, line.trim_start());
        lines.push(format!("  {:<14} {line}", step.name));
    }
    println!("\nSummary");
    for line in &lines {
        println!("{line}");
    }
    println!("  {:<14} {:>8}", "total", seconds(start.elapsed()));
    if failed.is_empty() {
        Ok(Outcome::Done(format!("{} steps passed", steps.len())))
    } else {
        Err(format!("failed: {}", failed.join(", ")))
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[expect(clippy::disallowed_methods, reason = "xtask has no tokio clock that could be paused")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> StepResult {
        Ok(Outcome::Done(String::new()))
    }
    fn bad() -> StepResult {
        Err("broken".to_owned())
    }
    fn unreachable_step() -> StepResult {
        panic!("must not run")
    }

    #[test]
    fn the_error_names_the_failed_step_and_later_ones_do_not_run() {
        let a = Step { name: "a", what: "", run: good };
        let b = Step { name: "b", what: "", run: bad };
        let c = Step { name: "c", what: "", run: unreachable_step };
        assert_eq!(run_all(&[&a, &b, &c], false), Err("failed: b".to_owned()));
    }

    #[test]
    fn keep_going_names_every_failed_step() {
        let a = Step { name: "a", what: "", run: bad };
        let b = Step { name: "b", what: "", run: good };
        let c = Step { name: "c", what: "", run: bad };
        assert_eq!(run_all(&[&a, &b, &c], true), Err("failed: a, c".to_owned()));
    }
}
