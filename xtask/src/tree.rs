//! What a crate may not depend on, asked of `cargo tree`.

use crate::process::{cargo, output};
use crate::steps::{Outcome, StepResult};

/// Arguments of `cargo tree`, and the crates that must not occur in its answer.
const RULES: &[(&str, &[&str])] = &[
    (
        "-p connect-api --no-default-features",
        &[
            "tokio",
            "serde",
            "serde_json",
            "thiserror",
            "tracing",
            "krafka",
            "rskafka",
            "rdkafka",
            "axum",
            "regex",
        ],
    ),
    (
        "-p connect-api",
        &["tokio", "serde", "serde_json", "thiserror", "tracing", "krafka", "rskafka", "regex"],
    ),
    // serde_json is there: the records of Connect's internal topics are JSON, in memory too.
    (
        "-p connect-runtime --no-default-features",
        &["krafka", "rskafka", "rdkafka", "axum", "hyper", "rustls", "connect-transforms"],
    ),
    // hyper's client is there: logins with OAUTHBEARER ask a token endpoint.
    ("-p connect-runtime", &["rskafka", "rdkafka", "axum", "connect-transforms", "connect-testkit"]),
    ("-p connect-regex", &["tokio", "connect-runtime", "connect-transforms", "serde_json"]),
    ("-p connect-transforms", &["tokio", "connect-runtime", "krafka", "rskafka"]),
    (
        "-p connect-file -p connect-datagen -p connect-sqlite -p connect-template",
        &["connect-runtime", "connect-testkit", "krafka"],
    ),
];

/// Fails on the first crate that is where it must not be.
pub(crate) fn run() -> StepResult {
    for (selection, forbidden) in RULES {
        let tree = output(cargo(&format!("tree {selection} --edges normal --prefix none --format {{p}}")))?;
        if let Some(found) = first_forbidden(&tree, forbidden) {
            return Err(format!(
                "{selection} depends on {found}. `cargo tree {selection} --edges normal --invert {found}` shows how"
            ));
        }
        println!("{selection}: {} crates, none of {}", count(&tree), forbidden.join(" "));
    }
    Ok(Outcome::Done(format!("{} rules", RULES.len())))
}

fn first_forbidden<'a>(tree: &str, forbidden: &[&'a str]) -> Option<&'a str> {
    forbidden.iter().copied().find(|name| tree.lines().any(|line| line.split(' ').next() == Some(name)))
}

fn count(tree: &str) -> usize {
    let mut names: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    names.sort_unstable();
    names.dedup();
    names.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_crate_is_found_by_its_whole_name() {
        let tree = "connect-api v0.1.0 (dir)\nbytes v1.11.0\nserde_core v1.0.0\n";
        assert_eq!(first_forbidden(tree, &["tokio", "serde"]), None);
        assert_eq!(first_forbidden(tree, &["tokio", "bytes"]), Some("bytes"));
        assert_eq!(count(tree), 2);
    }
}
