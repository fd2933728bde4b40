//! `cargo xtask docs`: the reference pages, generated from what the code declares.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::differential;
use crate::process::{cargo, root, run as run_command, target};
use crate::steps::{Outcome, StepResult};

const PAGES: &str = "docs/src/reference";

/// Writes the pages, or with `check` compares them with what would be written.
pub(crate) fn run(check: bool) -> StepResult {
    let pages = root().join(PAGES);
    if check && !pages.is_dir() {
        return Ok(Outcome::Skipped(format!("{PAGES} does not exist; `cargo xtask docs` writes it")));
    }
    let fresh = target().join("xtask/reference");
    empty(&fresh)?;
    generate(&fresh)?;
    if check {
        let stale = differences(&read(&pages)?, &read(&fresh)?);
        if stale.is_empty() {
            return Ok(Outcome::Done(String::new()));
        }
        return Err(format!("{PAGES} is stale, run `cargo xtask docs`:\n{}", stale.join("\n")));
    }
    empty(&pages)?;
    let files = read(&fresh)?;
    for (name, text) in &files {
        fs::write(pages.join(name), text).map_err(|error| format!("{PAGES}/{name}: {error}"))?;
    }
    Ok(Outcome::Done(format!("{} pages written to {PAGES}", files.len())))
}

/// Every plugin that the worker binary holds prints its configuration keys into one page; the scorecard is another.
fn generate(directory: &Path) -> Result<(), String> {
    let mut command = cargo("run --quiet -p connect-worker -- docs");
    command.arg(directory);
    run_command(command)?;
    differential::page(directory)
}

fn empty(directory: &Path) -> Result<(), String> {
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))
}

type Pages = BTreeMap<String, String>;

fn read(directory: &Path) -> Result<Pages, String> {
    let shown = directory.display();
    let mut pages = Pages::new();
    for entry in fs::read_dir(directory).map_err(|error| format!("{shown}: {error}"))? {
        let path = entry.map_err(|error| format!("{shown}: {error}"))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        pages.insert(name, text);
    }
    Ok(pages)
}

/// One line per page that is missing, left over or different, with the first line that differs.
fn differences(old: &Pages, new: &Pages) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, text) in new {
        match old.get(name) {
            None => lines.push(format!("  {name} is missing")),
            Some(before) if before != text => {
                let line = before.lines().zip(text.lines()).take_while(|(a, b)| a == b).count();
                let new_line = text.lines().nth(line).unwrap_or("the end of the page");
                lines.push(format!("  {name}:{} should be: {new_line}", line + 1));
            }
            Some(_) => {}
        }
    }
    lines.extend(
        old.keys().filter(|name| !new.contains_key(*name)).map(|name| format!("  {name} is left over")),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(list: &[(&str, &str)]) -> Pages {
        list.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn missing_changed_and_left_over_pages_are_named() {
        let old = pages(&[("same.md", "a"), ("changed.md", "a\nb\n"), ("gone.md", "")]);
        let new = pages(&[("same.md", "a"), ("changed.md", "a\nc\n"), ("added.md", "")]);
        let lines = differences(&old, &new);
        assert_eq!(lines, ["  added.md is missing", "  changed.md:2 should be: c", "  gone.md is left over"]);
        assert!(differences(&new, &new).is_empty());
    }
}
