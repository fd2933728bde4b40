//! Calls go down: the module table of connect-runtime, and the edges that its files draw.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::Finding;
use super::files::File;

const SOURCES: &str = "connect-runtime/src/";

/// Every top-level module of connect-runtime and its level. A module may use what is on its own level or below.
/// Above level 0, two modules of one level may not use each other both ways.
const LEVELS: &[(&str, u8)] = &[
    ("rest", 7),
    ("connect", 7),
    ("telemetry", 7),
    ("herder", 6),
    ("explain", 6),
    ("worker", 5),
    ("task", 4),
    ("application", 4),
    ("pipeline", 3),
    ("converters", 2),
    ("dead_letters", 2),
    ("storage", 2),
    ("kafka", 1),
    ("wire", 1),
    ("providers", 1),
    ("config", 0),
    ("error", 0),
    ("ledger", 0),
    ("loggers", 0),
    ("metrics", 0),
    ("time", 0),
    ("tls", 0),
];

/// Crates that only the client port may name.
const CLIENTS: [&str; 3] = ["krafka", "rskafka", "rdkafka"];
/// Crates that bytes-and-types code has no use for.
const IMPURE: [&str; 3] = ["tokio", "tracing", "futures"];

fn level(module: &str) -> Option<u8> {
    LEVELS.iter().find(|(name, _)| *name == module).map(|(_, level)| *level)
}

/// One use of a top-level module, or of a foreign crate, by a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    name: String,
    line: usize,
    of_crate: bool,
}

/// All findings about the direction of modules and about who names a Kafka client.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut sideways: Vec<(String, String, Finding)> = Vec::new();
    for file in files {
        let Some(inner) = file.path.strip_prefix(SOURCES) else { continue };
        let path = module_path(inner);
        let Some(module) = path.first() else { continue };
        let Some(own) = level(module) else {
            findings.push(Finding::new(
                &file.path,
                0,
                format!("module {module} is not in the table of xtask/src/tidy/modules.rs: give it a level"),
            ));
            continue;
        };
        let uses = match uses(&file.text, path.len()) {
            Ok(uses) => uses,
            Err(error) => {
                findings.push(Finding::new(&file.path, 0, format!("is not Rust: {error}")));
                continue;
            }
        };
        for used in uses {
            let name = used.name.as_str();
            if !used.of_crate {
                if CLIENTS.contains(&name) && module != "kafka" {
                    let what = format!("names the crate {name}; only the module kafka may");
                    findings.push(Finding::new(&file.path, used.line, what));
                }
                if IMPURE.contains(&name) && module == "wire" {
                    let what = format!("names the crate {name}; wire is pure: no I/O, no clock, no logging");
                    findings.push(Finding::new(&file.path, used.line, what));
                }
                continue;
            }
            let Some(theirs) = level(name) else { continue };
            if theirs > own {
                let what = format!(
                    "{module} (level {own}) uses {name} (level {theirs}): calls go down. Return the value, or send \
                     an event through a channel whose type {module} defines"
                );
                findings.push(Finding::new(&file.path, used.line, what));
            } else if theirs == own && own > 0 && name != module {
                let what =
                    format!("{module} and {name} (both level {own}) use each other: one of them comes first");
                sideways.push((module.clone(), used.name.clone(), Finding::new(&file.path, used.line, what)));
            }
        }
    }
    for (from, to, finding) in &sideways {
        if sideways.iter().any(|(other_from, other_to, _)| other_from == to && other_to == from) {
            findings.push(finding.clone());
        }
    }
    findings
}

/// `task/source/mod.rs` is `[task, source]`, `lib.rs` is `[]`.
fn module_path(inner: &str) -> Vec<String> {
    let inner = inner.trim_end_matches(".rs");
    let mut path: Vec<_> = inner.split('/').map(ToOwned::to_owned).collect();
    if path.last().is_some_and(|last| last == "mod" || last == "lib" || last == "main") {
        path.pop();
    }
    path
}

/// What a file `depth` modules below the crate root uses, its test modules left out.
fn uses(text: &str, depth: usize) -> Result<BTreeSet<Use>, String> {
    let tokens: TokenStream = text.parse().map_err(|error| format!("{error}"))?;
    let mut uses = BTreeSet::new();
    walk(tokens, depth, &mut uses);
    Ok(uses)
}

fn walk(tokens: TokenStream, depth: usize, uses: &mut BTreeSet<Use>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(next) = test_module(&tokens, at) {
            at = next;
            continue;
        }
        match &tokens[at] {
            // The rest of a path that was followed from its start: `a::{…}`.
            TokenTree::Group(_) if at >= 2 && is_separator(&tokens, at - 2) => at += 1,
            TokenTree::Group(group) => {
                let inner = usize::from(opens_module(&tokens, at));
                walk(group.stream(), depth + inner, uses);
                at += 1;
            }
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                let starts_path = at < 2 || !is_separator(&tokens, at - 2) || !names_a_path(&tokens, at - 2);
                if !starts_path || !is_separator(&tokens, at + 1) {
                    at += 1;
                } else if name == "crate" || name == "super" || name == "self" {
                    at = local_path(&tokens, at, depth, uses);
                } else {
                    uses.insert(Use { name, line: ident.span().start().line, of_crate: false });
                    at += 3;
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
        }
    }
}

/// Follows `crate::…`, `super::…` or `self::…` from `at`, notes the module if it leads to the crate root, and
/// answers where the path's first segments end.
fn local_path(tokens: &[TokenTree], mut at: usize, depth: usize, uses: &mut BTreeSet<Use>) -> usize {
    let mut left = depth;
    while is_separator(tokens, at + 1) {
        match &tokens[at] {
            TokenTree::Ident(ident) if *ident == "crate" => left = 0,
            TokenTree::Ident(ident) if *ident == "super" => left = left.saturating_sub(1),
            TokenTree::Ident(ident) if *ident == "self" => {}
            _ => break,
        }
        at += 3;
    }
    match tokens.get(at) {
        Some(TokenTree::Ident(ident)) => {
            if left == 0 {
                uses.insert(Use { name: ident.to_string(), line: ident.span().start().line, of_crate: true });
            }
            at + 1
        }
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            if left == 0 {
                for branch in branches(group.stream()) {
                    if let Some(TokenTree::Ident(ident)) = branch.first() {
                        let line = ident.span().start().line;
                        uses.insert(Use { name: ident.to_string(), line, of_crate: true });
                    }
                }
            }
            at + 1
        }
        _ => at + 1,
    }
}

/// The comma-separated parts of a use tree.
fn branches(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut branches = vec![Vec::new()];
    for token in tokens {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => branches.push(Vec::new()),
            _ => branches.last_mut().into_iter().for_each(|branch: &mut Vec<_>| branch.push(token.clone())),
        }
    }
    branches
}

/// Whether `::` stands at `at`.
fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    let colon =
        |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(tokens.get(at)) && colon(tokens.get(at + 1))
}

/// Whether the `::` at `separator` continues a path (`a::b`) instead of opening one (`::b`).
fn names_a_path(tokens: &[TokenTree], separator: usize) -> bool {
    let before = separator.checked_sub(1).and_then(|at| tokens.get(at));
    match before {
        Some(TokenTree::Ident(ident)) => {
            !["use", "as", "in", "impl", "for", "dyn"].contains(&&*ident.to_string())
        }
        Some(TokenTree::Punct(punct)) => punct.as_char() == '>',
        _ => false,
    }
}

/// Whether the group at `at` is the body of `mod name { … }`.
fn opens_module(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && matches!(&tokens[at - 2], TokenTree::Ident(ident) if *ident == "mod")
}

/// Where the item after `#[cfg(test)]` ends, if such an item is at `at`. Tests may look upwards.
fn test_module(tokens: &[TokenTree], at: usize) -> Option<usize> {
    let (TokenTree::Punct(hash), TokenTree::Group(attribute)) = (tokens.get(at)?, tokens.get(at + 1)?) else {
        return None;
    };
    if hash.as_char() != '#' || attribute.stream().to_string().replace(' ', "") != "cfg(test)" {
        return None;
    }
    let end = tokens[at + 2..].iter().position(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    })?;
    Some(at + 2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| File { path: format!("{SOURCES}{path}"), text: (*text).to_owned() })
            .collect();
        check(&files).iter().map(Finding::show).collect()
    }

    fn one(path: &str, text: &str) -> Vec<String> {
        findings(&[(path, text)])
    }

    #[test]
    fn an_edge_that_points_up_is_found_with_file_line_and_both_levels() {
        let found = one("pipeline/chain.rs", "//! x\nuse std::fmt;\nuse crate::task::Source;\n");
        assert_eq!(found.len(), 1);
        let expected = "connect-runtime/src/pipeline/chain.rs:3: pipeline (level 3) uses task (level 4)";
        assert!(found[0].starts_with(expected), "{}", found[0]);
    }

    #[test]
    fn edges_that_point_down_and_the_root_file_are_fine() {
        assert!(
            one("task/mod.rs", "use crate::{Error, pipeline::Chain, kafka};\nuse crate::task::x;").is_empty()
        );
        assert!(one("lib.rs", "pub use crate::connect::Connect;\nmod anything;").is_empty());
        assert!(one("error.rs", "use crate::config::X;").is_empty());
    }

    #[test]
    fn groups_inline_paths_and_macros_are_read_comments_and_strings_are_not() {
        assert_eq!(one("kafka/mod.rs", "use crate::{error::Error, worker::{A, B}};").len(), 1);
        assert_eq!(one("kafka/mod.rs", "fn f() { let x = crate::worker::start(); }").len(), 1);
        assert_eq!(one("kafka/mod.rs", "fn f() { warn!(\"{}\", crate::worker::NAME); }").len(), 1);
        assert!(
            one(
                "kafka/mod.rs",
                "/// [`crate::worker::X`]\nfn f() { \"crate::worker::x\"; } // crate::rest::x"
            )
            .is_empty()
        );
    }

    #[test]
    fn super_that_leads_to_the_crate_root_counts() {
        assert_eq!(one("storage/log.rs", "use super::super::worker::X;").len(), 1);
        assert_eq!(one("storage/mod.rs", "use super::worker::X;").len(), 1);
        assert!(one("storage/log.rs", "use super::worker::X;").is_empty());
        assert!(one("storage/mod.rs", "mod inner { use super::worker::X; }").is_empty());
    }

    #[test]
    fn tests_may_look_upwards() {
        let text = "use crate::error::X;\n#[cfg(test)]\nmod tests { use crate::connect::Connect; }\n";
        assert!(one("storage/log.rs", text).is_empty());
        let text = "#[cfg(test)]\nuse crate::connect::Connect;\nuse crate::worker::X;\n";
        assert_eq!(one("storage/log.rs", text).len(), 1);
    }

    #[test]
    fn two_modules_of_one_level_may_not_use_each_other() {
        let there = ("converters/json.rs", "use crate::storage::X;");
        let back = ("storage/log.rs", "use crate::converters::Y;");
        assert!(findings(&[there]).is_empty());
        assert_eq!(findings(&[there, back]).len(), 2);
    }

    #[test]
    fn only_kafka_names_a_client_crate() {
        let found = one("worker/mod.rs", "use krafka::Producer;");
        assert!(found[0].contains("names the crate krafka"), "{found:?}");
        assert_eq!(one("worker/mod.rs", "fn f(x: ::rskafka::Client) {}").len(), 1);
        assert!(one("kafka/krafka/mod.rs", "use krafka::Producer;").is_empty());
        assert!(
            one("worker/mod.rs", "use crate::kafka::krafka::Adapter;\nuse crate::kafka::{krafka::A};")
                .is_empty()
        );
        assert!(one("worker/mod.rs", "#[cfg(feature = \"krafka\")]\nfn krafka() {}").is_empty());
    }

    #[test]
    fn wire_is_pure() {
        assert_eq!(one("wire/offset.rs", "use tracing::warn;").len(), 1);
    }

    #[test]
    fn a_module_without_a_level_is_found() {
        let found = one("novelty/mod.rs", "");
        assert!(found[0].contains("novelty"), "{found:?}");
    }
}
