//! The quickstart on a text file, with its output compared to what went in.

use std::fmt::Write as _;
use std::fs;

use crate::process::{cargo, root, run as run_command, target};
use crate::steps::{Outcome, StepResult};

const LINES: usize = 5_000;

/// Writes a text file, runs the quickstart on it and compares.
pub(crate) fn run() -> StepResult {
    let directory = target().join("xtask/quickstart");
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(failed)?;
    }
    fs::create_dir_all(&directory).map_err(failed)?;
    if fs::read_to_string(root().join("examples/quickstart/src/main.rs"))
        .is_ok_and(|text| text.lines().count() < 5)
    {
        return Ok(Outcome::Skipped("examples/quickstart is not written yet".to_owned()));
    }
    let (input, output) = (directory.join("input.txt"), directory.join("output.txt"));
    let text = sample(LINES);
    fs::write(&input, &text).map_err(failed)?;
    let mut command = cargo("run --quiet -p quickstart --");
    command.arg(&input).arg("--output").arg(&output);
    run_command(command)?;
    let written = fs::read_to_string(&output).map_err(|error| format!("{}: {error}", output.display()))?;
    compare(&text, &written)?;
    Ok(Outcome::Done(format!("{LINES} lines in, the same {LINES} lines out, in order")))
}

/// Text as it occurs in the wild, the same on every machine: several scripts, quotes, backslashes, tabs, empty
/// lines, lines that repeat, long lines.
fn sample(lines: usize) -> String {
    const WORDS: [&str; 16] = [
        "record",
        "Straße",
        "日本語",
        "\"quoted\"",
        "back\\slash",
        "tab\there",
        "emoji🎉",
        "Ελληνικά",
        "{\"json\":1}",
        "русский",
        "a,b;c",
        "…",
        "<tag>&amp;",
        "'single'",
        "%s ${x:y}",
        "żółć",
    ];
    let mut text = String::new();
    let mut state = 42_u32;
    for line in 0..lines {
        if line % 97 == 96 {
            text.push('\n');
            continue;
        }
        let _ = write!(text, "{line}");
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let count = if line % 1000 == 999 { 2_000 } else { state >> 29 };
        for _ in 0..count {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.push(' ');
            text.push_str(WORDS[(state >> 28) as usize]);
        }
        text.push('\n');
    }
    text
}

/// Every line of the input has its line in the output, in order, which carries its text: bare or as JSON text.
fn compare(input: &str, output: &str) -> Result<(), String> {
    let (inputs, outputs) = (input.lines().count(), output.lines().count());
    if inputs != outputs {
        return Err(format!("{inputs} lines went in, {outputs} came out"));
    }
    for (at, (line, written)) in input.lines().zip(output.lines()).enumerate() {
        if !written.contains(line) && !written.contains(&as_json(line)) {
            return Err(format!("line {} is `{line}` and came out as `{written}`", at + 1));
        }
    }
    Ok(())
}

fn as_json(line: &str) -> String {
    line.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_the_same_every_time_and_no_plain_text() {
        assert_eq!(sample(300), sample(300));
        assert_eq!(sample(300).lines().count(), 300);
        assert!(!sample(300).is_ascii());
    }

    #[test]
    fn lost_changed_and_swapped_lines_are_found() {
        assert!(compare("a\nb \"c\"\n", "{\"line\":\"a\"}\n{\"line\":\"b \\\"c\\\"\"}\n").is_ok());
        assert!(compare("a\nb\n", "a\n").unwrap_err().contains("2 lines went in, 1 came out"));
        assert!(compare("a\nb\n", "b\na\n").unwrap_err().contains("line 1"));
    }
}
