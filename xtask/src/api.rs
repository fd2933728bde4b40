//! `cargo xtask api`: connect-api/api.txt, one line per public item, so that a change of the contract is seen in
//! review. Read from the source with syn: what macros generate is not in it.

mod items;
mod listing;
mod names;
mod print;

use std::collections::BTreeSet;
use std::fs;

use crate::process::root;
use crate::steps::{Outcome, StepResult};

pub(crate) use listing::foreign_types;

/// Where the listing is.
pub(crate) const LISTING: &str = "connect-api/api.txt";
const SOURCE: &str = "connect-api/src/lib.rs";

/// Writes the listing, or with `check` compares it with what would be written.
pub(crate) fn run(check: bool) -> StepResult {
    let crate_root = items::read(&root().join(SOURCE))?;
    let fresh = listing::list("connect_api", &crate_root);
    let path = root().join(LISTING);
    if !check {
        fs::write(&path, &fresh).map_err(|error| format!("{LISTING}: {error}"))?;
        return Ok(Outcome::Done(format!("{} lines written to {LISTING}", fresh.lines().count())));
    }
    let stored = fs::read_to_string(&path)
        .map_err(|error| format!("{LISTING}: {error}; `cargo xtask api` writes it"))?;
    if stored == fresh {
        return Ok(Outcome::Done(format!("{} lines", fresh.lines().count())));
    }
    Err(format!(
        "{LISTING} is stale. If the public API is meant to change, run `cargo xtask api` and commit the file.\n{}",
        difference(&stored, &fresh)
    ))
}

/// The lines that only one of the two has.
fn difference(stored: &str, fresh: &str) -> String {
    let before: BTreeSet<_> = stored.lines().collect();
    let after: BTreeSet<_> = fresh.lines().collect();
    let gone = before.difference(&after).map(|line| format!("- {line}"));
    let new = after.difference(&before).map(|line| format!("+ {line}"));
    gone.chain(new).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_lines_that_went_and_lines_that_came() {
        assert_eq!(difference("a\nb\n", "b\nc\n"), "- a\n+ c");
    }
}
