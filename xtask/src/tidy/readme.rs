//! What the README names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::Finding;

const README: &str = "README.md";

/// Every relative link, every repository path in backticks or commands, and every `-p package` of the README.
pub(super) fn check(root: &Path) -> Vec<Finding> {
    let Ok(text) = fs::read_to_string(root.join(README)) else {
        return vec![Finding::new(README, 0, "is missing")];
    };
    let packages = packages(root);
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for path in paths(line) {
            if !root.join(path).exists() {
                findings.push(Finding::new(README, at + 1, format!("names {path}, which does not exist")));
            }
        }
        for package in selected_packages(line) {
            if !packages.contains(package) {
                findings.push(Finding::new(
                    README,
                    at + 1,
                    format!("names the package {package}, there is none"),
                ));
            }
        }
    }
    findings
}

fn paths(line: &str) -> BTreeSet<&str> {
    let links = line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let links = links.filter(|link| !link.is_empty() && !link.contains(':'));
    let words = line.split(|c: char| c.is_whitespace() || "`()[]\"',#".contains(c));
    let named = words.map(|word| word.trim_end_matches(['.', ':', ';'])).filter(|word| {
        let top = word.split('/').next().unwrap_or_default();
        word.contains('/')
            && (["examples", "docs", "benches", "xtask"].contains(&top) || top.starts_with("connect-"))
    });
    links.chain(named).collect()
}

fn selected_packages(line: &str) -> Vec<&str> {
    if !line.contains("cargo ") {
        return Vec::new();
    }
    let words: Vec<_> = line.split(|c: char| c.is_whitespace() || c == '`').collect();
    words.windows(2).filter(|pair| pair[0] == "-p" || pair[0] == "--package").map(|pair| pair[1]).collect()
}

/// The names of the workspace members, from the manifests that the root manifest lists.
fn packages(root: &Path) -> BTreeSet<String> {
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let members = read("Cargo.toml");
    let members =
        members.lines().skip_while(|line| !line.starts_with("members")).take_while(|line| *line != "]");
    let quoted = |line: &str| line.split('"').nth(1).map(ToOwned::to_owned);
    members
        .filter_map(quoted)
        .filter_map(|member| {
            read(&format!("{member}/Cargo.toml"))
                .lines()
                .find(|line| line.starts_with("name"))
                .and_then(quoted)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_paths_and_packages_are_read_from_a_line() {
        let line = "See [the template](examples/connectors/template/README.md#top), [site](https://x.org), `docs/src`.";
        let found: Vec<_> = paths(line).into_iter().collect();
        assert_eq!(found, ["docs/src", "examples/connectors/template/README.md"]);
        assert_eq!(selected_packages("`cargo run -p quickstart -- x`"), ["quickstart"]);
        assert!(selected_packages("mkdir -p somewhere").is_empty());
    }

    #[test]
    fn the_members_of_this_workspace_are_known() {
        assert!(packages(&crate::process::root()).contains("connect-api"));
    }
}
