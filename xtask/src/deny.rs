//! Licences, duplicates and sources of all dependencies: cargo-deny where it is installed, otherwise the same from
//! deny.toml, `cargo tree` and Cargo.lock, without advisories.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::process::{cargo, output, root, run as run_command, works};
use crate::steps::{Outcome, StepResult};

/// Checks them.
pub(crate) fn run() -> StepResult {
    if works("cargo", &["deny", "--version"]) {
        run_command(cargo("deny --all-features check bans licenses sources"))?;
        return Ok(Outcome::Done(String::new()));
    }
    let rules =
        fs::read_to_string(root().join("deny.toml")).map_err(|error| format!("deny.toml: {error}"))?;
    let allowed = list(&rules, "allow");
    let tree = "tree --workspace --all-features --edges normal,build,dev --prefix none --format";
    let mut command = cargo(tree);
    command.arg("{p}|{l}");
    let refused = refused(&output(command)?, &allowed);
    if !refused.is_empty() {
        return Err(format!("licences that deny.toml does not allow:\n{}", refused.join("\n")));
    }
    let lock =
        fs::read_to_string(root().join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    let elsewhere: Vec<_> = lock.lines().filter(|line| foreign(line)).collect();
    if !elsewhere.is_empty() {
        return Err(format!("sources other than crates.io:\n{}", elsewhere.join("\n")));
    }
    // openssl-probe only looks where certificates lie.
    let banned = ["name = \"openssl\"", "name = \"openssl-sys\"", "name = \"native-tls\""];
    if let Some(banned) = lock.lines().find(|line| banned.contains(line)) {
        return Err(format!("{banned} is in Cargo.lock; TLS is rustls here"));
    }
    let twice = duplicates(&lock, &skipped(&rules));
    if !twice.is_empty() {
        return Err(format!(
            "several versions of one crate; unify them, or give deny.toml the reason:\n{}",
            twice.join("\n")
        ));
    }
    Ok(Outcome::Done(
        "licences, duplicates and sources are fine; advisories were skipped, cargo-deny is not installed"
            .to_owned(),
    ))
}

/// The `name` and version prefix of every `crate = "name:version"`.
fn skipped(rules: &str) -> Vec<(&str, &str)> {
    let specs = rules.lines().filter_map(|line| line.trim().strip_prefix("{ crate = \""));
    specs.filter_map(|line| line.split('"').next()?.split_once(':')).collect()
}

/// Crates of Cargo.lock with more than one version that is not skipped.
fn duplicates(lock: &str, skipped: &[(&str, &str)]) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = "";
    for line in lock.lines() {
        if let Some(found) = line.strip_prefix("name = ") {
            name = found.trim_matches('"');
        } else if let Some(version) = line.strip_prefix("version = ") {
            let version = version.trim_matches('"');
            let is_skipped = skipped.iter().any(|(skip, prefix)| {
                *skip == name && (version == *prefix || version.starts_with(&format!("{prefix}.")))
            });
            if !name.is_empty() && !is_skipped {
                versions.entry(name).or_default().push(version);
            }
            name = "";
        }
    }
    let several = versions.into_iter().filter(|(_, versions)| versions.len() > 1);
    several.map(|(name, versions)| format!("{name} {}", versions.join(" and "))).collect()
}

/// The first list of this name in deny.toml.
fn list(rules: &str, name: &str) -> BTreeSet<String> {
    let start = format!("{name} = [");
    let lines =
        rules.lines().skip_while(|line| !line.starts_with(&start)).skip(1).take_while(|line| *line != "]");
    lines.filter_map(|line| line.split('"').nth(1)).map(ToOwned::to_owned).collect()
}

/// `name version|licence` lines whose licence is not covered.
fn refused(tree: &str, allowed: &BTreeSet<String>) -> Vec<String> {
    let lines: BTreeSet<_> =
        tree.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty()).collect();
    let refused = lines.into_iter().filter(|line| {
        let licence = line.rsplit('|').next().unwrap_or_default();
        !covered(licence, allowed)
    });
    refused.map(ToOwned::to_owned).collect()
}

/// An SPDX expression: `OR` needs one side, `AND` both; parentheses nest.
fn covered(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut at = 0;
    let covered = any(&words, &mut at, allowed);
    covered && at == words.len()
}

fn any(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut covered = all(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        covered |= all(words, at, allowed);
    }
    covered
}

fn all(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut covered = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        covered &= one(words, at, allowed);
    }
    covered
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let covered = any(words, at, allowed);
        *at += 1;
        return covered;
    }
    if words.get(*at) == Some(&"WITH") {
        let exception = words.get(*at + 1).copied().unwrap_or_default();
        *at += 2;
        return allowed.contains(&format!("{word} WITH {exception}")) || allowed.contains(*word);
    }
    allowed.contains(*word)
}

fn foreign(line: &str) -> bool {
    line.starts_with("source = ") && !line.contains("registry+https://github.com/rust-lang/crates.io-index")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> BTreeSet<String> {
        list("[licenses]\nallow = [\n    \"MIT\", # why\n    \"Apache-2.0\",\n]\n", "allow")
    }

    #[test]
    fn licence_expressions_are_understood() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(GPL-3.0 OR MIT) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(covered(good, &allowed()), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR GPL-3.0) AND ISC", "MIT MIT"] {
            assert!(!covered(bad, &allowed()), "{bad}");
        }
    }

    #[test]
    fn a_refused_licence_names_its_crate() {
        let tree = "a v1.0.0|MIT\nb v2.0.0|GPL-3.0 (*)\nb v2.0.0|GPL-3.0\n\n";
        assert_eq!(refused(tree, &allowed()), ["b v2.0.0|GPL-3.0"]);
    }

    #[test]
    fn a_second_version_needs_a_reason() {
        let lock = "version = 4\n\nname = \"a\"\nversion = \"1.0.0\"\nname = \"a\"\nversion = \"2.0.0\"\nname = \"b\"\nversion = \"1.0.0\"\n";
        assert_eq!(duplicates(lock, &[]), ["a 1.0.0 and 2.0.0"]);
        let rules = "skip = [\n    { crate = \"a:1\", reason = \"b needs it\" },\n]";
        assert!(duplicates(lock, &skipped(rules)).is_empty());
        assert_eq!(duplicates(lock, &[("a", "1.1")]).len(), 1);
    }

    #[test]
    fn sources_other_than_crates_io_are_found() {
        assert!(foreign("source = \"git+https://example.org/a\""));
        assert!(!foreign("source = \"registry+https://github.com/rust-lang/crates.io-index\""));
    }
}
