//! Rules about the text of one file.

use super::Finding;

/// A file longer than this, tests not counted, is listed.
const LONG: usize = 400;
/// One longer than this is named by itself.
const TOO_LONG: usize = 600;

/// Every file opens with what it is for, be it the README of a connector crate.
pub(super) fn starts_with_doc(path: &str, text: &str) -> Option<Finding> {
    let first = text.lines().next().unwrap_or_default();
    let opens = first.starts_with("//!") || first.starts_with("#![doc = include_str!(");
    (!opens).then(|| Finding::new(path, 1, "starts with `//!` and what the file is for"))
}

/// Open work is an issue; a note in the code says which.
pub(super) fn todo_without_issue(path: &str, text: &str) -> Vec<Finding> {
    const MARKS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let has_issue = |line: &str| {
        line.split('#').skip(1).any(|after| after.starts_with(|first: char| first.is_ascii_digit()))
    };
    let marked = |line: &str| line.split(|c: char| !c.is_alphanumeric()).any(|word| MARKS.contains(&word));
    lines_with(path, text, |line| marked(line) && !has_issue(line), "open work without an issue: add #number")
}

/// Paths of the machine that somebody happened to work on.
pub(super) fn machine_paths(path: &str, text: &str) -> Vec<Finding> {
    const PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tm", "p/")];
    // Kafka's own sample configuration, which users bring along unchanged.
    const ALLOWED: [&str; 1] = [concat!("/tm", "p/connect.offsets")];
    let offends = |line: &str| {
        let line = ALLOWED.iter().fold(line.to_owned(), |line, allowed| line.replace(allowed, ""));
        PATHS.iter().any(|place| {
            line.match_indices(place).any(|(at, _)| {
                // `a/work/b` is a relative path or an address, not this machine.
                !line[..at].ends_with(|before: char| before.is_alphanumeric() || ".}-_~)".contains(before))
            })
        })
    };
    lines_with(
        path,
        text,
        offends,
        "a path of one machine: use a path in the repository or a temporary directory",
    )
}

/// Dependencies come from crates.io or from this repository.
pub(super) fn foreign_sources(path: &str, text: &str) -> Vec<Finding> {
    let offends = |line: &str| {
        let line = line.split('#').next().unwrap_or_default();
        let word = |key: &str| {
            line.match_indices(key)
                .any(|(start, _)| !line[..start].ends_with(|c: char| c.is_alphanumeric() || c == '-'))
        };
        ["git = ", "registry = "].into_iter().any(word)
            || ["replace-with", "registry-index"].iter().any(|key| line.contains(key))
    };
    lines_with(path, text, offends, "a dependency from elsewhere than crates.io")
}

/// Listed, not refused: a file that is one idea may be long.
pub(super) fn length(path: &str, text: &str) -> Option<Finding> {
    let lines = lines_without_tests(text);
    let what = if lines > TOO_LONG {
        format!("{lines} lines without tests, more than {TOO_LONG}: split it, or know why not")
    } else if lines > LONG {
        format!("{lines} lines without tests: is it one idea?")
    } else {
        return None;
    };
    (!path.contains("/tests/")).then(|| Finding::new(path, 0, what))
}

fn lines_without_tests(text: &str) -> usize {
    let mut count = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let opens_tests = lines.peek().is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
        if line == "#[cfg(test)]" && opens_tests {
            break;
        }
        count += 1;
    }
    count
}

fn lines_with(path: &str, text: &str, offends: impl Fn(&str) -> bool, what: &str) -> Vec<Finding> {
    let numbered = text.lines().enumerate();
    numbered.filter(|(_, line)| offends(line)).map(|(at, _)| Finding::new(path, at + 1, what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(findings: &[Finding]) -> Vec<usize> {
        findings.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_file_without_its_opening_line_is_found() {
        assert!(starts_with_doc("a.rs", "use std::fmt;\n").is_some());
        assert!(starts_with_doc("a.rs", "").is_some());
        assert!(starts_with_doc("a.rs", "//! What it is for.\n").is_none());
        assert!(starts_with_doc("a.rs", "#![doc = include_str!(\"../README.md\")]\n").is_none());
    }

    #[test]
    fn open_work_needs_an_issue() {
        let mark = concat!("TO", "DO");
        let text = format!("// {mark}: later\n// {mark} #12: later\nlet autodoc = 1;\n// {mark}S\n//{mark}");
        assert_eq!(lines(&todo_without_issue("a.rs", &text)), [1, 5]);
    }

    #[test]
    fn machine_paths_are_found_and_relative_paths_are_not() {
        let (work, temp) = (concat!("/wo", "rk/"), concat!("/tm", "p/"));
        let text =
            format!("see {work}x\nsee ../net{work}x\n\"{temp}x\"\nfile={temp}connect.offsets\n$dir{work}x");
        assert_eq!(lines(&machine_paths("a.md", &text)), [1, 3]);
    }

    #[test]
    fn only_crates_io_may_serve_dependencies() {
        let text = "a = \"1\"\nb = { git = \"https://example.org/b\" }\n# c = { git = \"x\" }\n";
        assert_eq!(lines(&foreign_sources("Cargo.toml", text)), [2]);
    }

    #[test]
    fn long_files_are_listed_without_counting_their_tests() {
        let code = "let x = 1;\n".repeat(LONG);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    x();\n".repeat(500));
        assert!(length("a/src/b.rs", &format!("{code}{tests}")).is_none());
        assert!(length("a/src/b.rs", &format!("{code}x\n{tests}")).is_some());
        let long = length("a/src/b.rs", &"x\n".repeat(TOO_LONG + 1)).unwrap();
        assert!(long.what.contains("601"), "{}", long.what);
        assert!(length("a/tests/it/b.rs", &"x\n".repeat(TOO_LONG + 1)).is_none());
    }
}
