//! Each feature alone, and none: a feature that compiles only in company is a broken promise.

use std::fs;

use crate::process::{cargo, root, run as run_command};
use crate::steps::{Outcome, StepResult};

/// The crates whose features are promises. The features themselves are read from their manifests, so that a new
/// one cannot be forgotten here.
const CRATES: &[(&str, &str)] = &[
    ("connect-api", "connect-api/Cargo.toml"),
    ("connect-runtime", "connect-runtime/Cargo.toml"),
    ("connect-schema-registry", "connect-schema-registry/Cargo.toml"),
    ("connect-transforms", "connect-transforms/Cargo.toml"),
    ("connect-testkit", "connect-testkit/Cargo.toml"),
];

/// Checks every crate with none and with each one of its features.
pub(crate) fn run() -> StepResult {
    let mut builds = 0;
    for (name, manifest) in CRATES {
        let text =
            fs::read_to_string(root().join(manifest)).map_err(|error| format!("{manifest}: {error}"))?;
        let features = features(&text);
        if features.is_empty() {
            continue;
        }
        run_command(cargo(&format!("check --quiet -p {name} --no-default-features")))?;
        for feature in &features {
            run_command(cargo(&format!(
                "check --quiet -p {name} --no-default-features --features {feature}"
            )))?;
        }
        builds += 1 + features.len();
    }
    Ok(Outcome::Done(format!("{builds} builds")))
}

/// The feature names of a manifest, without `default`.
fn features(manifest: &str) -> Vec<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().trim_matches('"').to_owned())
        .filter(|name| name != "default" && !name.starts_with('#'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_from_a_manifest() {
        let manifest = "[package]\nname = \"x\"\n\n[features]\ndefault = [\"a\"]\na = [\"dep:a\"]\n# why\nb-c = []\n\n[dependencies]\nd = \"1\"\n";
        assert_eq!(features(manifest), ["a", "b-c"]);
        assert!(features("[package]\n[dependencies]\nd = \"1\"").is_empty());
    }
}
