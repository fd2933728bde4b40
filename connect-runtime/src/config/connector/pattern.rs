//! Regular expressions that match whole names.

use connect_api::{Error, Result};
use regex::Regex;

/// Compiles an expression so that it matches whole texts only, as Java's `matches`.
pub(crate) fn full_match(pattern: &str) -> Result<Regex, String> {
    // Alone first, so that `a)|(b` is not made valid by the parentheses around it.
    Regex::new(pattern).map_err(|error| describe(&error))?;
    Regex::new(&format!(r"\A(?:{pattern})\z")).map_err(|error| describe(&error))
}

fn describe(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => format!("it needs more than {limit} bytes when compiled"),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}

/// A list of expressions, of which one has to match the whole name.
pub(crate) fn any_full_match(key: &str, patterns: &[String]) -> Result<Regex> {
    for pattern in patterns {
        full_match(pattern).map_err(|error| {
            Error::config(
                key,
                format!("Invalid value {pattern} for configuration {key}: Invalid regex: {error}"),
            )
        })?;
    }
    let joined = patterns.iter().map(|pattern| format!("(?:{pattern})")).collect::<Vec<_>>().join("|");
    full_match(&joined)
        .map_err(|error| Error::config(key, format!("Invalid value for configuration {key}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_match() {
        let regex = full_match("a|bc").unwrap();
        assert!(regex.is_match("a") && regex.is_match("bc"));
        assert!(!regex.is_match("ab") && !regex.is_match("xbc") && !regex.is_match("a\n"));
    }

    #[test]
    fn parentheses_must_close_inside_the_expression() {
        assert!(full_match("a)|(b").is_err());
        assert_eq!(full_match("[").unwrap_err(), "unclosed character class");
    }

    #[test]
    fn an_empty_list_matches_nothing_but_the_empty_name() {
        let regex = any_full_match("k", &[]).unwrap();
        assert!(!regex.is_match("a") && regex.is_match(""));
    }
}
