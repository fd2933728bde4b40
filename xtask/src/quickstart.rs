//! The quickstart on a text file, with its output compared to what went in.

use std::fmt::Write as _;
use std::fs;

use crate::process::{cargo, run as run_command, target};
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
    let (input, output) = (directory.join("input.txt"), directory.join("output.txt"));
    let text = sample(LINES);
    fs::write(&input, &text).map_err(failed)?;
    let mut command = cargo("run --quiet -p quickstart --");
    command.arg(&input).arg("--output").arg(&output);
    run_command(command)?;
    let written = fs::read_to_string(&output).map_err(|error| format!("{}: {error}", output.display()))?;
    let expected = expected(&text, "input.txt");
    compare(&expected, &written)?;
    Ok(Outcome::Done(format!("{LINES} lines in, {} JSON objects out, as expected", expected.lines().count())))
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
            text.push_str(if line % 2 == 0 { "\n" } else { " \t\n" });
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

/// What the pipeline makes of a text: blank lines are dropped, every other line is a JSON object.
fn expected(text: &str, name: &str) -> String {
    let mut objects = String::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (json, length) = (as_json(line), line.chars().count());
        let _ = writeln!(objects, "{{\"line\":\"{json}\",\"length\":{length},\"file\":\"{name}\"}}");
    }
    objects
}

/// JSON text as Kafka's JsonConverter writes it: characters beyond U+FFFF are two escapes. The sample has no other
/// characters that JSON escapes.
fn as_json(line: &str) -> String {
    let mut json = String::new();
    for character in line.chars() {
        match character {
            '\\' | '"' => {
                let _ = write!(json, "\\{character}");
            }
            '\t' => json.push_str("\\t"),
            '\u{10000}'.. => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(json, "\\u{unit:04X}");
                }
            }
            _ => json.push(character),
        }
    }
    json
}

fn compare(expected: &str, written: &str) -> Result<(), String> {
    for (at, (expected, written)) in expected.lines().zip(written.lines()).enumerate() {
        if expected != written {
            return Err(format!("line {} of the output should be `{expected}` and is `{written}`", at + 1));
        }
    }
    match (expected.lines().count(), written.lines().count()) {
        (expected, written) if expected != written => {
            Err(format!("the output should have {expected} lines and has {written}"))
        }
        _ if expected != written => Err("the output ends differently than it should".to_owned()),
        _ => Ok(()),
    }
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
    fn what_comes_out_is_an_object_per_line_that_is_not_blank() {
        assert_eq!(
            expected("a\n \t\n\n🎉 \"c\"\n", "t"),
            "{\"line\":\"a\",\"length\":1,\"file\":\"t\"}\n{\"line\":\"\\uD83C\\uDF89 \\\"c\\\"\",\"length\":5,\"file\":\"t\"}\n"
        );
    }

    #[test]
    fn lost_changed_and_swapped_lines_are_found() {
        assert!(compare("a\nb\n", "a\nb\n").is_ok());
        assert!(compare("a\nb\n", "a\n").unwrap_err().contains("2 lines and has 1"));
        assert!(compare("a\nb\n", "b\na\n").unwrap_err().contains("line 1"));
        assert!(compare("a\nb\n", "a\nb").unwrap_err().contains("ends differently"));
    }
}
