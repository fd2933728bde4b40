//! Expressions that want to take all time and memory, or more stack than there is.

use connect_regex::JavaRegex;

#[test]
fn an_expression_that_has_too_many_ways_to_match_is_given_up() {
    // The back reference keeps it from the faster way.
    let regex = JavaRegex::new(r"(x?)(a+)+\1b").unwrap();
    let text = "a".repeat(40);
    assert!(regex.matches(&text).unwrap_err().message().contains("too many ways"));
    assert!(regex.find(&text).is_err());
    assert!(regex.replace_all(&text, "").is_err());
    assert!(!regex.is_match(&text));
}

#[test]
fn what_needs_nothing_special_takes_linear_time() {
    let regex = JavaRegex::new("(a+)+b").unwrap();
    let text = "a".repeat(100_000);
    assert!(!regex.matches(&text).unwrap());
    assert!(
        JavaRegex::new("^orders-(a*)*$")
            .unwrap()
            .matches("orders-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
            .unwrap()
    );
}

#[test]
fn nesting_and_size_are_limited() {
    for (pattern, problem) in [
        ("(".repeat(100_000), "65536"),
        ("(".repeat(60_000), "levels"),
        ("[".repeat(60_000), "levels"),
        ("(?=".repeat(20_000), "levels"),
        (r"\P{Cn}".repeat(9_000), "too large"),
        (format!("[{}]", r"\pL".repeat(20_000)), "too large"),
    ] {
        let error = JavaRegex::new(&pattern).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn large_repetitions_cost_nothing_until_they_are_needed() {
    for pattern in [
        "(?:(?:(?:a{1000}){1000}){1000}){1000}",
        "a{2147483647}",
        r"((\w{2,1000000}){0,1000000}){1000000}",
        "(?:a?){2147483647}",
        "(?:){2147483647}",
        r"(?:\b){2147483647}",
        "(?<=a{2147483647,}a{2147483647,})b",
    ] {
        let regex = JavaRegex::new(pattern).unwrap();
        let _ = regex.matches("aaaa");
        let _ = regex.find("aaaa");
    }
}

#[test]
fn deep_recursion_of_loops_does_not_use_the_stack() {
    let regex = JavaRegex::new(r"(?:(a)|b\1)*c").unwrap();
    assert!(regex.matches(&format!("{}c", "a".repeat(50_000))).unwrap());
    let regex = JavaRegex::new("(?>(?:(?=a)a|b)*+)").unwrap();
    assert!(regex.matches(&"ab".repeat(10_000)).unwrap());
}
