//! [`AnyOf`]: several regular expressions, of which one has to match a whole name.

use connect_api::Result;
use connect_regex::JavaRegex;

/// Regular expressions that match whole names.
#[derive(Clone, Debug)]
pub(crate) struct AnyOf(Vec<JavaRegex>);

impl AnyOf {
    /// Compiles the list that a key has.
    pub(crate) fn parse(key: &str, patterns: &[String]) -> Result<Self> {
        patterns.iter().map(|pattern| JavaRegex::parse(key, pattern)).collect::<Result<_>>().map(Self)
    }

    /// Whether one of them matches. As in Kafka, no expression at all matches the empty name.
    pub(crate) fn is_match(&self, name: &str) -> bool {
        self.0.iter().any(|regex| regex.is_match(name)) || self.0.is_empty() && name.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_expressions_must_match_the_whole_name() {
        let any = AnyOf::parse("k", &["a|bc".to_owned(), "(?=x)x.".to_owned()]).unwrap();
        assert!(any.is_match("a") && any.is_match("bc") && any.is_match("xy"));
        assert!(!any.is_match("ab") && !any.is_match("xbc") && !any.is_match("a\n"));
        let error = AnyOf::parse("k", &["a".to_owned(), "a)|(b".to_owned()]).unwrap_err();
        assert_eq!(
            error.message(),
            "Invalid value a)|(b for configuration k: Invalid regex: Unmatched closing ')' near index 1"
        );
    }

    #[test]
    fn an_empty_list_matches_nothing_but_the_empty_name() {
        let any = AnyOf::parse("k", &[]).unwrap();
        assert!(!any.is_match("a") && any.is_match(""));
    }
}
