//! Branches that begin alike. The `regex` crate takes out what they have in common, also where that is no longer the
//! same.

use connect_regex::JavaRegex;

#[test]
fn branches_that_begin_alike_are_tried_one_after_the_other() {
    // The ends of what Java's `Matcher.find` finds.
    for (pattern, text, end) in [
        ("@*@E@@|@*@*", "@E@@", 4),
        ("a*ab|a*", "ab", 2),
        ("ab*bc|ab*b*", "abbc", 4),
        ("(?:a*ab|a*)c?", "abc", 3),
        ("a*b|ab?", "aab", 3),
        ("orders|orders-eu", "orders-eu", 6),
    ] {
        assert_eq!(JavaRegex::new(pattern).unwrap().find(text).unwrap(), Some(0..end), "{pattern}");
    }
}
