//! `cargo xtask tidy`: the rules of the house that no compiler checks. Each rule is a function of text, tested
//! with a sample that breaks it.

mod files;
mod modules;
mod readme;
mod text;

use std::fs;

use crate::api;
use crate::process::root;
use crate::steps::{Outcome, StepResult};

/// Something that a person has to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Path inside the repository.
    pub(crate) file: String,
    /// Counted from 1; 0 where the whole file is meant.
    pub(crate) line: usize,
    /// What is wrong and what to do.
    pub(crate) what: String,
}

impl Finding {
    fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }

    fn show(&self) -> String {
        if self.line == 0 {
            format!("{}: {}", self.file, self.what)
        } else {
            format!("{}:{}: {}", self.file, self.line, self.what)
        }
    }
}

/// Runs every rule over the repository.
pub(crate) fn run() -> StepResult {
    let root = root();
    let files = files::read(&root)?;
    let mut findings = Vec::new();
    let mut warnings = Vec::new();
    for file in &files {
        findings.extend(text::machine_paths(&file.path, &file.text));
        findings.extend(text::todo_without_issue(&file.path, &file.text));
        if file.path.ends_with(".rs") {
            findings.extend(text::starts_with_doc(&file.path, &file.text));
            warnings.extend(text::length(&file.path, &file.text));
        }
        if file.path.ends_with("Cargo.toml") {
            findings.extend(text::foreign_sources(&file.path, &file.text));
        }
    }
    findings.extend(modules::check(&files));
    findings.extend(readme::check(&root));
    for required in ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        if !root.join(required).is_file() {
            findings.push(Finding::new(required, 0, "is missing"));
        }
    }
    if let Ok(listing) = fs::read_to_string(root.join(api::LISTING)) {
        findings
            .extend(api::foreign_types(&listing).into_iter().map(|what| Finding::new(api::LISTING, 0, what)));
    }
    for warning in &warnings {
        println!("warning: {}", warning.show());
    }
    if findings.is_empty() {
        return Ok(Outcome::Done(format!("{} files, {} warnings", files.len(), warnings.len())));
    }
    let shown: Vec<_> = findings.iter().map(Finding::show).collect();
    Err(format!("{} findings\n{}", findings.len(), shown.join("\n")))
}
