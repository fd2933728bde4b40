//! `cargo xtask ci`: everything that CI runs, in CI's order, cheapest first.

use crate::process::{Tally, cargo, run as run_command, run_tests};
use crate::steps::{Outcome, Step, StepResult, run_all};
use crate::{api, counts, deny, differential, docs, features, kafka, quickstart, tidy, tree};

const STEPS: &[Step] = &[
    Step { name: "fmt", what: "every file is formatted", run: fmt },
    Step { name: "clippy", what: "no warning, all features and default features", run: clippy },
    Step { name: "tidy", what: "the rules of the house that no compiler checks", run: tidy::run },
    Step { name: "api", what: "connect-api/api.txt lists the public API", run: || api::run(true) },
    Step { name: "features", what: "each feature alone, and none", run: features::run },
    Step { name: "tree", what: "what the base may not depend on", run: tree::run },
    Step { name: "base", what: "tests of the engine without features", run: base },
    Step { name: "test", what: "the README's test command", run: test },
    Step { name: "book", what: "every code block of the book, and the tests of the roster", run: book },
    Step { name: "rustdoc", what: "the manual, without warnings", run: rustdoc },
    Step { name: "docs", what: "docs/src/reference is what the code declares", run: || docs::run(true) },
    Step { name: "quickstart", what: "the quickstart on a text file, output compared", run: quickstart::run },
    Step { name: "counts", what: "no record costs more instructions than recorded", run: counts::suite },
    Step { name: "kafka", what: "the real-Kafka tests", run: kafka::suite },
    Step {
        name: "differential",
        what: "random cases answered as genuine Java answers them",
        run: differential::suite,
    },
    Step { name: "deny", what: "licences, duplicates and sources of dependencies", run: deny::run },
];

/// Runs all steps, or those named in `args`.
pub(crate) fn run(args: &[String]) -> StepResult {
    let mut keep_going = false;
    let mut named = Vec::new();
    for arg in args {
        match arg.as_str() {
            "--keep-going" => keep_going = true,
            "--list" => {
                for step in STEPS {
                    println!("{:<12} {}", step.name, step.what);
                }
                return Ok(Outcome::Done(String::new()));
            }
            name => named.push(step(name)?),
        }
    }
    if named.is_empty() {
        named.extend(STEPS);
    }
    run_all(&named, keep_going)
}

fn step(name: &str) -> Result<&'static Step, String> {
    STEPS.iter().find(|step| step.name == name).ok_or_else(|| {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        format!("there is no step {name}; there are {}", names.join(", "))
    })
}

fn done() -> StepResult {
    Ok(Outcome::Done(String::new()))
}

fn counted(tally: Tally) -> StepResult {
    Ok(Outcome::Done(tally.text()))
}

fn fmt() -> StepResult {
    run_command(cargo("fmt --all --check"))?;
    done()
}

fn clippy() -> StepResult {
    run_command(cargo("clippy --workspace --all-targets --all-features --quiet -- -D warnings"))?;
    run_command(cargo("clippy --workspace --all-targets --quiet -- -D warnings"))?;
    done()
}

fn base() -> StepResult {
    counted(run_tests(cargo("test -p connect-runtime --no-default-features --tests --no-fail-fast"))?)
}

fn test() -> StepResult {
    counted(run_tests(cargo("test --no-fail-fast"))?)
}

fn book() -> StepResult {
    counted(run_tests(cargo("test --no-fail-fast -p connect-docs -p xtask"))?)
}

fn rustdoc() -> StepResult {
    let mut command = cargo("doc --workspace --no-deps --quiet");
    command.env("RUSTDOCFLAGS", "-D warnings");
    run_command(command)?;
    done()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_name_of_its_own() {
        for (index, step) in STEPS.iter().enumerate() {
            assert!(STEPS[..index].iter().all(|other| other.name != step.name), "{} twice", step.name);
        }
    }

    #[test]
    fn an_unknown_step_is_refused_with_the_names_that_exist() {
        let error = run(&["nonsense".to_owned()]).unwrap_err();
        assert!(error.contains("nonsense") && error.contains("clippy"), "{error}");
    }
}
